//! Golden stories: every folder of `golden/`, run through the real component and compared byte for byte.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` writes `expected.ndjson` anew, and `suppressed.ndjson` where records left
//! the stream; their diff is read like code.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is told by the environment; the ban is for the transform"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{folder, plugin, taken_off};
use serde_json::Value;

/// What stays in the stream, and what leaves it. A story without the second leaves nothing out.
const OUTPUTS: [&str; 2] = ["expected.ndjson", "suppressed.ndjson"];

#[test]
fn every_story_comes_out_as_told() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut stories: Vec<_> = fs::read_dir(folder("golden"))
        .expect("the folder of stories")
        .map(|entry| entry.expect("a story").path())
        .collect();
    stories.sort();
    assert!(stories.len() >= 35, "stories are missing");
    let mut wrong = Vec::new();
    for story in stories {
        let name = story.display();
        let read = |file: &str| fs::read_to_string(story.join(file));
        check_files(&story);
        let config = read("config.json").unwrap_or_default();
        let input = read("input.ndjson").expect("an input");
        let output = told(&input, &config);
        for (file, output) in OUTPUTS.into_iter().zip(&output) {
            let path = story.join(file);
            if update && (path.exists() || !output.is_empty()) {
                fs::write(path, output).expect("the story is written");
            }
            let expected = read(file).unwrap_or_default();
            let lines = output.lines().zip(expected.lines());
            let first = lines.zip(1..).find(|((now, then), _)| now != then);
            if *output != expected {
                wrong.push(match first {
                    Some(((now, then), line)) => {
                        format!("{name} {file} line {line}\n  now  {now}\n  then {then}")
                    }
                    None => format!("{name} {file}: another number of lines"),
                });
            }
        }
        check_sums(&story, &input, &output);
        // A second member, one of another name, or another order of lines is not for the walker to find.
        let plain = config.is_empty() && !story.ends_with("already_enriched");
        if plain {
            assert!(taken_off(&output[0], &input) == input, "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Both outputs of a whole stream, its end included.
fn told(input: &str, config: &str) -> [String; 2] {
    let mut session = plugin().open(config).expect("a good configuration");
    let mut outputs = [String::new(), String::new()];
    for outcome in [session.process(input), session.drain()] {
        assert_eq!(outcome.trap, None, "trapped");
        outputs[0] += &outcome.kept;
        outputs[1] += &outcome.suppressed;
    }
    outputs
}

fn check_files(story: &Path) {
    let name = story.display();
    let about = fs::read_to_string(story.join("about.md")).unwrap_or_default();
    assert_eq!(about.lines().count(), 3, "{name} does not tell its story");
    let known = ["about.md", "config.json", "input.ndjson"];
    for file in fs::read_dir(story).expect("a folder") {
        let file = file.expect("a file").file_name();
        assert!(
            known.iter().chain(&OUTPUTS).any(|name| file == **name),
            "{name}: {}",
            file.display()
        );
    }
}

/// Each line leaves once, and roll-ups count what left by the second way.
fn check_sums(story: &Path, input: &str, [kept, suppressed]: &[String; 2]) {
    let rollups = kept.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line.pointer("/signin_triage_rollup/count")?.as_u64()
    });
    let counts: Vec<u64> = rollups.collect();
    let gone = suppressed.lines().count();
    let name = story.display();
    assert_eq!(counts.iter().sum::<u64>(), gone as u64, "{name}");
    let left = kept.lines().count() - counts.len() + gone;
    assert_eq!(left, input.lines().count(), "{name}");
}
