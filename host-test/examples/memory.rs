//! What remembering costs: memory, snapshot and speed by number of users.
//! `cargo run --release --example memory [USERS…]`, by default 10,000, 100,000 and 1,000,000.
//!
//! Each user has a day of eight records: a prompt and its success, a silent sign-in without a session, and five
//! renewals of three applications, from an address of their own. The tables are given all the room they ask for.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program that measures time"
)]

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use host_test::{Counter, Plugin};

const ROOM: &str = r#""users_max":10000000,"addresses_max":10000000,"state_mib":1000"#;
/// Batches of about a megabyte.
const BATCH_USERS: u32 = 200;

fn main() -> anyhow::Result<()> {
    let plugin = Plugin::built_in()?;
    let mut sizes: Vec<u32> = std::env::args()
        .skip(1)
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    let all = format!("{{{ROOM}}}");
    let none = format!("{{{ROOM},{}}}", switched_off());
    println!(
        "{:>9} {:>9} {:>12} {:>10} {:>12} {:>12} {:>9} {:>9} {:>12} {:>12} {:>6}",
        "users",
        "records",
        "tables, B",
        "B a user",
        "linear, B",
        "snapshot, B",
        "write, ms",
        "read, ms",
        "all, rec/s",
        "none, rec/s",
        "ratio"
    );
    for users in sizes {
        let mut with = plugin.open(&all)?;
        let mut without = plugin.open(&none)?;
        let mut spent = [Duration::ZERO; 2];
        let mut records = 0_u64;
        for first in (0..users).step_by(BATCH_USERS as usize) {
            let batch = day(first, users.min(first + BATCH_USERS));
            records += batch.lines().count() as u64;
            for (session, spent) in [&mut with, &mut without].into_iter().zip(&mut spent) {
                let start = Instant::now();
                session.process(&batch);
                *spent += start.elapsed();
            }
        }
        let stats = with.stats();
        let tables = sum(&stats, "remembered_bytes");
        let linear = with.memory_bytes();
        let start = Instant::now();
        let snapshot = with.snapshot()?;
        let written = start.elapsed();
        let bytes = snapshot.len();
        let start = Instant::now();
        drop(plugin.restore(&all, Some(snapshot))?);
        let read = start.elapsed();
        let [with, without] = spent.map(|spent| records as f64 / spent.as_secs_f64());
        println!(
            "{users:>9} {records:>9} {tables:>12} {:>10} {linear:>12} {bytes:>12} {:>9} {:>9} {with:>12.0} {without:>12.0} {:>6.2}",
            tables / u64::from(users),
            written.as_millis(),
            read.as_millis(),
            with / without
        );
    }
    Ok(())
}

fn sum(counters: &[Counter], group: &str) -> u64 {
    let of = counters.iter().filter(|one| one.group == group);
    of.map(|one| one.count).sum()
}

/// Every level of every signal at no points.
fn switched_off() -> String {
    let signals = signin_triage::signals::ALL.iter();
    let levels = signals.flat_map(|signal| signal.levels);
    let off: Vec<String> = levels
        .map(|level| format!("\"{}\":0", level.points.key))
        .collect();
    off.join(",")
}

/// The records of some users.
fn day(first: u32, end: u32) -> String {
    const APPS: [&str; 3] = ["Outlook", "Teams", "SharePoint"];
    let mut text = String::new();
    for user in first..end {
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
                r#"{{"time":"2026-03-02T{hour:02}:{minute:02}:{second:02}Z","category":"{category}","tenantId":"t","resultType":"{code}","properties":{{"id":"{user}-{number}","createdDateTime":"2026-03-02T{hour:02}:{minute:02}:{second:02}Z","userPrincipalName":"user{user}@contoso.example","ipAddress":"{address}","autonomousSystemNumber":{asn},"location":{{"countryOrRegion":"DE"}},"appId":"{app}","appDisplayName":"{app}","correlationId":"{user}-{number}","sessionId":"s{user}","userAgent":"Mozilla/5.0","deviceDetail":{{"deviceId":"d{user}"}}{more}}}}}"#,
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
