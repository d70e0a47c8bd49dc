//! A session that has seen its users asks the allocator for nothing but what it hands out: the text of each batch.
//!
//! A test binary of its own, because it replaces the allocator by one that counts.

use allocation_counter::{AllocationInfo, measure};
use signin_triage::{Config, Session};

const RECORD: &str = include_str!("../host-test/examples/azure-monitor-7kb.json");

/// Records of a batch.
const BATCH: u32 = 100;
/// Batches after which each list of a user and an address is as long as it gets.
const WARM_UP: u32 = 20;
/// What one batch may ask for: the text that stays in the stream, made once, and enlarged at most once.
const PER_BATCH: u64 = 2;

/// The text put in place of `old` in each record of a batch.
type Change<'a> = (&'a str, &'a str);

/// A batch of the example's record, each with an id, a time and one of four users of its own.
fn batch(number: u32, changes: &[Change]) -> String {
    let mut record = RECORD.trim_end().to_owned();
    for (old, new) in changes {
        assert!(record.contains(old), "{old}");
        record = record.replace(old, new);
    }
    let lines = (number * BATCH..(number + 1) * BATCH).map(|line| {
        let time = format!("T12:{:02}:{:02}", line / 60 % 60, line % 60);
        let user = format!("\"userPrincipalName\":\"user{}", line % 4);
        let id = format!("{line:08x}-");
        let line = record.replace("T12:55:08", &time).replace("fa8dae42-", &id);
        line.replace("\"userPrincipalName\":\"marc", &user) + "\n"
    });
    lines.collect()
}

/// What a batch asks for once the session is warm.
fn of_a_batch(changes: &[Change]) -> AllocationInfo {
    let mut session = Session::open(Config::default());
    for number in 0..WARM_UP {
        let outcome = session.process(&batch(number, changes));
        assert!(outcome.kept.len() > BATCH as usize * RECORD.len());
        assert!(outcome.rejected.is_empty());
    }
    let next = batch(WARM_UP, changes);
    measure(|| drop(session.process(&next)))
}

#[test]
fn a_warm_session_allocates_for_no_record() {
    let success = ("\"resultType\":\"50074\"", "\"resultType\":\"0\"");
    let success_too = ("\"errorCode\":50074", "\"errorCode\":0");
    let refused = ("\"resultType\":\"50074\"", "\"resultType\":\"50126\"");
    let refused_too = ("\"errorCode\":50074", "\"errorCode\":50126");
    let by_itself = (
        "\"category\":\"SignInLogs\"",
        "\"category\":\"NonInteractiveUserSignInLogs\"",
    );
    let rows: [(&str, &[Change]); 4] = [
        ("interrupted", &[]),
        ("successful", &[success, success_too]),
        ("refused", &[refused, refused_too]),
        ("non-interactive", &[success, success_too, by_itself]),
    ];
    for (what, changes) in rows {
        let asked = of_a_batch(changes);
        assert!(
            asked.count_total <= PER_BATCH,
            "{what}: {} allocations of {} bytes for {BATCH} records",
            asked.count_total,
            asked.bytes_total
        );
    }
}
