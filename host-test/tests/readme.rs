//! The README is true: its example, its tables and its commands.
//!
//! `UPDATE_README=1 cargo test --test readme` writes the generated tables anew.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is told by the environment; the ban is for the transform"
)]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::bridge::{Downstream, Sender};
use common::{enrich, folder};
use signin_triage::classify::{Cause, vocabulary::Status};
use signin_triage::config::options;
use signin_triage::state::Key;
use signin_triage::{classify, noise, signals};

fn readme_path() -> PathBuf {
    folder("../README.md")
}

/// The text of the first fenced block that starts with `fence`.
fn block<'a>(readme: &'a str, fence: &str) -> &'a str {
    let start = readme.find(&format!("```{fence}\n")).expect(fence) + fence.len() + 4;
    let length = readme[start..].find("```").expect("an end of the block");
    &readme[start..start + length]
}

#[test]
fn the_example_is_what_comes_out() {
    let readme = fs::read_to_string(readme_path()).expect("the README");
    assert_eq!(
        enrich(block(&readme, "json in"), ""),
        block(&readme, "json out")
    );
}

#[test]
fn the_tables_are_those_of_the_code() {
    let readme = fs::read_to_string(readme_path()).expect("the README");
    let mut current = readme.clone();
    for (name, table) in [
        ("causes", causes()),
        ("keeping rules", keeping_rules()),
        ("signals", signal_table()),
        ("options", option_table()),
        ("signals seen apart", signals_seen_apart()),
    ] {
        let mark = format!("<!-- {name}: generated -->\n");
        let start = current.find(&mark).expect(&mark) + mark.len();
        let end = start + current[start..].find("<!-- end -->").expect("an end mark");
        current.replace_range(start..end, &format!("\n{table}\n"));
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(readme_path(), &current).expect("the README is written");
    }
    assert!(
        fs::read_to_string(readme_path()).expect("the README") == current,
        "run UPDATE_README=1 cargo test --test readme"
    );
}

fn causes() -> String {
    let mut table = "| cause | meaning | status by code |\n|---|---|---|\n".to_owned();
    for &cause in Cause::ALL {
        let count = |status| {
            let rows = classify::codes::CODES.iter();
            rows.filter(|row| row.cause == cause && row.status == status)
                .count()
        };
        let mut by_code: Vec<_> = Status::ALL
            .iter()
            .map(|&status| (count(status), status.label()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, label)| format!("{label} ({count})"))
            .collect();
        if by_code.is_empty() {
            by_code.push("told by the policy".to_owned());
        }
        let by_code = by_code.join(", ");
        writeln!(
            table,
            "| `{}` | {} | {by_code} |",
            cause.label(),
            cause.meaning()
        )
        .unwrap();
    }
    table
}

fn keeping_rules() -> String {
    let mut table = "| `kept_for` | because |\n|---|---|\n".to_owned();
    for (rule, because) in noise::KEEPING_RULES {
        writeln!(table, "| `{rule}` | {because} |").unwrap();
    }
    table
}

/// How a signal takes records that come late, in another order, or twice.
const LATE: [(&str, &[&str]); 5] = [
    (
        "no matter",
        &[
            "mfa_denied",
            "mfa_interrupted",
            "bad_network",
            "suspicious_user_agent",
            "aitm_pattern",
            "single_factor_success",
            "device_posture",
            "risky_signin",
            "cross_tenant",
        ],
    ),
    (
        "any order",
        &[
            "mfa_fatigue",
            "interrupted_sequence",
            "interrupted_burst_ip",
            "mfasweep_burst",
            "enum_unknown",
            "disabled_account",
            "password_spray_ip",
            "distributed_spray",
            "brute_force_user",
            "success_after_failures",
            "failure_spike_baseline",
            "lockout_burst",
            "sso_error_spray",
            "multi_ip_user",
            "token_replay",
            "noninteractive_ratio",
            "ca_block",
            "ca_gap",
        ],
    ),
    (
        "last of a pair",
        &[
            "success_then_fail",
            "impossible_travel",
            "session_multi_ip",
            "dev_tool_client",
            "device_code_phish",
        ],
    ),
    (
        "first to arrive",
        &[
            "unusual_interruption",
            "valid_creds_interrupted",
            "mfa_setup_elsewhere",
            "lockout",
            "new_country",
            "new_place_tenant",
            "first_seen_network_device",
            "first_seen_client",
            "device_code_flow",
            "ropc",
            "legacy_auth",
            "broker_drs_prt",
            "aitm_relay",
            "service_principal_anomaly",
            "temporal_dormant",
            "user_in_attack",
            "address_in_attack",
        ],
    ),
    (
        "only what came",
        &["success_after_spray", "disabled_account_pivot"],
    ),
];

#[test]
fn every_signal_says_how_it_takes_late_records() {
    for signal in signals::ALL {
        let found = LATE.iter().filter(|(_, ids)| ids.contains(&signal.id));
        let words: Vec<_> = found.map(|(word, _)| *word).collect();
        assert_eq!(words.len(), 1, "{}: {words:?}", signal.id);
        // Who looks at the record alone has nothing that could be late.
        assert_eq!(
            words[0] == "no matter",
            signal.needs.is_none(),
            "{}",
            signal.id
        );
    }
}

fn signal_table() -> String {
    let mut table =
        "| signal | key | what it sees | levels: weight, points | late, shuffled |\n|---|---|---|---|---|\n"
            .to_owned();
    for signal in signals::ALL {
        let levels: Vec<_> = signal
            .levels
            .iter()
            .map(|level| {
                let points = level.points.default();
                format!("{}: {}, {points}", level.name, level.weight.label())
            })
            .collect();
        let late = LATE.iter().find(|(_, ids)| ids.contains(&signal.id));
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {} |",
            signal.id,
            signal.needs.map_or("-", Key::label),
            signal.summary,
            levels.join("; "),
            late.map_or("", |(word, _)| word)
        )
        .unwrap();
    }
    table
}

fn signals_seen_apart() -> String {
    let ids = host_test::run::seen_apart();
    let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(", ") + ".\n"
}

fn option_table() -> String {
    let mut table =
        "| key | default | allowed | why this default |\n|---|---|---|---|\n".to_owned();
    for option in options() {
        let default = option.default().to_string().replace(',', ", ");
        writeln!(
            table,
            "| `{}` | `{default}` | {} | {} |",
            option.key,
            option.allowed(),
            option.source
        )
        .unwrap();
    }
    table
}

/// The README's bridge: started, fed and stopped by its own lines, between ports of our own.
#[test]
fn the_bridge_does_what_it_says() {
    let readme = fs::read_to_string(readme_path()).expect("the README");
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let ours = free.local_addr().expect("an address").to_string();
    drop(free);
    let script = block(&readme, "sh serve")
        .replace("http://127.0.0.1:8088", &downstream.url)
        .replace("127.0.0.1:8087", &ours)
        .replace("serve --", &format!("serve --listen {ours} --"));
    let place = tempfile::tempdir().expect("a folder");
    let output = shell(&format!("{script}kill $!; wait"), place.path());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("told to stop"), "{errors}");
    assert!(place.path().join("triage.state").exists());
    let input = fs::read_to_string(folder("../examples/signins.ndjson")).expect("the examples");
    assert_eq!(downstream.accepted(), enrich(&input, ""));
}

/// Runs a script in a folder with a link to the examples, the program being on the path.
fn shell(script: &str, place: &Path) -> Output {
    let examples = place.join("examples");
    if !examples.exists() {
        std::os::unix::fs::symlink(folder("../examples"), examples).expect("a link");
    }
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_signin-triage"));
    let path = format!(
        "{}:{}",
        binary.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    Command::new("sh")
        .args(["-ec", script])
        .current_dir(place)
        .env("PATH", path)
        .output()
        .expect("a shell")
}

/// Every command of the README that runs `signin-triage` is run, in a copy of the folder's examples.
#[test]
fn the_commands_do_what_they_say() {
    let readme = fs::read_to_string(readme_path()).expect("the README");
    let place = tempfile::tempdir().expect("a folder");
    let mut run = 0;
    let mut rest = readme.as_str();
    while let Some(start) = rest.find("```sh\n") {
        rest = &rest[start + 6..];
        let end = rest.find("```").expect("an end of the block");
        for command in rest[..end].lines() {
            // The tests are running already.
            if command == "cargo test" {
                continue;
            }
            let command = command.replace("cargo run -- ", "signin-triage ");
            let output = shell(&command, place.path());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command}: {errors}");
            run += 1;
        }
    }
    assert!(run >= 12, "only {run} commands found");
    let enriched = fs::read_to_string(place.path().join("enriched.ndjson")).expect("an output");
    assert!(enriched.contains("\"signin_triage\":{\"version\":1"));
    let kept = fs::read_to_string(place.path().join("kept.ndjson")).expect("an output");
    let noise = fs::read_to_string(place.path().join("noise.ndjson")).expect("an output");
    assert!(kept.contains("\"signin_triage_rollup\":") && noise.contains("\"suppress\":true"));
}
