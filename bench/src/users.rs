//! What remembering costs, by number of users: memory, snapshot, speed.
//!
//! Each user has a day of eight records: a prompt and its success, a silent sign-in without a session, and five
//! renewals of three applications, from an address of their own. The tables get the most room that can be given, which
//! is less than a million users ask for, so bytes a user are those of each one remembered. What remembering costs is
//! seen beside the same records without their times: those are labelled by what they say themselves and not
//! remembered. Instructions are those of another day of some of the users.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use comfy_table::Table;
use host_test::Counter;
use signin_triage_bench::timing::on_thread;

use crate::{Bench, figure, row};

const ROOM: &str = r#"{"users_max":10000000,"addresses_max":10000000,"state_mib":1000}"#;
const BATCH_USERS: usize = 2000;

pub fn table(bench: &Bench, sizes: &[u32]) -> Result<Table> {
    let mut rows = crate::table(&[
        "users",
        "remembered",
        "records",
        "tables, B a user",
        "linear memory, B a user",
        "linear memory, MiB",
        "snapshot, MiB",
        "write it, ms",
        "read it, ms",
        "records/s",
        "not remembered",
        "wasm instr. a record",
        "not remembered",
    ]);
    for &users in sizes {
        let open = || {
            bench
                .plugin
                .open(ROOM)
                .map_err(|error| anyhow!("{error:?}"))
        };
        let (mut with, mut without) = (open()?, open()?);
        let mut spent = [Duration::ZERO; 2];
        let mut records = 0;
        for first in (0..users).step_by(BATCH_USERS) {
            let batch = day(2, (first..users).take(BATCH_USERS));
            let bare = timeless(&batch);
            records += batch.lines().count();
            spent[0] += on_thread(|| with.process(&batch)).0;
            spent[1] += on_thread(|| without.process(&bare)).0;
        }
        let stats = with.stats();
        let tables = sum(&stats, |one| one.group == "remembered_bytes");
        let remembered = sum(&stats, |one| {
            one.group == "remembered" && one.name == "users"
        });
        let linear = with.memory_bytes();
        let (written, snapshot) = on_thread(|| with.snapshot());
        let snapshot = snapshot?;
        drop((with, without));
        let (read, again) =
            on_thread(|| bench.plugin.restore(ROOM, Some(snapshot.clone())).map(drop));
        again.map_err(|error| anyhow!("{error:?}"))?;

        let batch = day(3, (0..users).step_by((users as usize / 1000).max(1)));
        let mut counted = bench.counted.open(ROOM, Some(&snapshot))?.0;
        let mut instructions = |batch: &str| -> Result<String> {
            let count = counted.process(batch)?;
            Ok(figure(count as f64 / batch.lines().count() as f64))
        };
        // Nothing of the first is remembered, so it does not matter to the second.
        let counted_without = instructions(&timeless(&batch))?;
        let counted_with = instructions(&batch)?;

        let per_user = |bytes: f64| figure(bytes / remembered.max(1) as f64);
        let [with, without] = spent.map(|spent| figure(records as f64 / spent.as_secs_f64()));
        rows.add_row(row([
            figure(f64::from(users)),
            figure(remembered as f64),
            figure(records as f64),
            per_user(tables as f64),
            per_user(linear as f64),
            mib(linear),
            mib(snapshot.len()),
            figure(written.as_secs_f64() * 1e3),
            figure(read.as_secs_f64() * 1e3),
            with,
            without,
            counted_with,
            counted_without,
        ]));
    }
    Ok(rows)
}

fn mib(bytes: usize) -> String {
    figure(bytes as f64 / f64::from(1 << 20))
}

fn sum(counters: &[Counter], wanted: impl Fn(&Counter) -> bool) -> u64 {
    let wanted = counters.iter().filter(|one| wanted(one));
    wanted.map(|one| one.count).sum()
}

/// The same lines, as long as before, without their times.
fn timeless(batch: &str) -> String {
    let emitted = batch.replace("\"time\":", "\"none\":");
    emitted.replace("\"createdDateTime\":", "\"withoutDateTime\":")
}

/// The records of some users on a day of March.
fn day(day: u32, users: impl Iterator<Item = u32>) -> String {
    const APPS: [&str; 3] = ["Outlook", "Teams", "SharePoint"];
    let mut text = String::new();
    for user in users {
        let address = Ipv4Addr::from_bits(0x0b00_0000 + user);
        let asn = 64_496 + user % 16;
        let mut record = |number: u32,
                          seconds: u32,
                          code: u32,
                          category: &str,
                          app: &str,
                          more: &str| {
            let _ = writeln!(
                text,
                r#"{{"time":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z","category":"{category}","tenantId":"t","resultType":"{code}","properties":{{"id":"{user}-{day}-{number}","createdDateTime":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z","userPrincipalName":"user{user}@contoso.example","ipAddress":"{address}","autonomousSystemNumber":{asn},"location":{{"countryOrRegion":"DE"}},"appId":"{app}","appDisplayName":"{app}","correlationId":"{user}-{day}-{number}","sessionId":"s{user}","userAgent":"Mozilla/5.0","deviceDetail":{{"deviceId":"d{user}"}}{more}}}}}"#,
                hour = 8 + seconds / 3600,
                minute = seconds / 60 % 60,
                second = seconds % 60,
            );
        };
        let given = r#","authenticationDetails":[{"authenticationStepResultDetail":"MFA completed in Azure AD"}]"#;
        record(1, 0, 50058, "SignInLogs", APPS[0], "");
        record(2, 5, 50074, "SignInLogs", APPS[0], "");
        record(2, 20, 0, "SignInLogs", APPS[0], given);
        for renewal in 0..5_u32 {
            let app = APPS[renewal as usize % 3];
            record(
                10 + renewal,
                600 + renewal * 900,
                0,
                "NonInteractiveUserSignInLogs",
                app,
                "",
            );
        }
    }
    text
}
