//! The reader compares a line with what came before instead of reading it: what came before never changes what a record
//! says. Over the samples and changes of them here, without end in `fuzz/`.
#![allow(
    clippy::disallowed_methods,
    reason = "a test and the fuzzer's check, not the transform"
)]

#[path = "../fuzz/src/line.rs"]
mod line;

use std::fs;

/// The public samples, and a record of each size.
fn samples() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/host-test/samples");
    let mut texts: Vec<String> = fs::read_dir(folder)
        .expect("samples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "ndjson"))
        .map(|path| fs::read_to_string(path).expect("text"))
        .collect();
    for name in [
        "host-test/examples/azure-monitor-7kb.json",
        "examples/signins.ndjson",
    ] {
        let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
        texts.push(fs::read_to_string(path).expect("an example"));
    }
    texts.sort();
    texts
}

#[test]
fn what_came_before_never_changes_what_a_record_says() {
    for text in samples() {
        let lines: Vec<&str> = text.lines().collect();
        // The first line of each dozen is what is known when the others come.
        for lines in lines.chunks(12) {
            line::check(&lines.join("\n"));
        }
    }
}

/// A number that goes on where one that is known ends.
#[test]
fn a_known_number_is_no_beginning_of_another() {
    let record = |id: &str, level: &str| {
        format!(
            r#"{{"createdDateTime":"2026-03-10T08:00:00Z","appDisplayName":"an application","Level":{level},"id":"{id}","status":{{"failureReason":"a reason","errorCode":{level}}},"location":{{"b":"c","d":{level},"e":"{id}"}}}}"#
        )
    };
    for (known, next) in [
        ("4", "42"),
        ("4", "4.0"),
        ("4", "4e1"),
        ("50126", "501260"),
        ("true", "truer"),
    ] {
        let lines = [
            record("one", known),
            record("another", known),
            record("a third", next),
            record("a fourth", known),
        ];
        line::check(&lines.join("\n"));
    }
}
