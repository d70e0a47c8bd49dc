//! Golden stories: every folder of `golden/`, run through the real component and compared byte for byte.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` writes `expected.ndjson` anew; its diff is read like code.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is told by the environment; the ban is for the transform"
)]

mod common;

use std::fs;

use common::{enrich, folder, taken_off};

#[test]
fn every_story_comes_out_as_told() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut stories: Vec<_> = fs::read_dir(folder("golden"))
        .expect("the folder of stories")
        .map(|entry| entry.expect("a story").path())
        .collect();
    stories.sort();
    assert!(stories.len() >= 20, "stories are missing");
    let mut wrong = Vec::new();
    for story in stories {
        let name = story.display();
        let read = |file: &str| fs::read_to_string(story.join(file));
        assert!(read("about.md").is_ok(), "{name} says nothing about itself");
        let known = ["about.md", "config.json", "input.ndjson", "expected.ndjson"];
        for file in fs::read_dir(&story).expect("a folder") {
            let file = file.expect("a file").file_name();
            assert!(
                known.iter().any(|name| file == *name),
                "{name}: {}",
                file.display()
            );
        }
        let config = read("config.json").unwrap_or_default();
        let input = read("input.ndjson").expect("an input");
        let output = enrich(&input, &config);
        if update {
            fs::write(story.join("expected.ndjson"), &output).expect("the story is written");
        }
        let expected = read("expected.ndjson").unwrap_or_default();
        let lines = output.lines().zip(expected.lines());
        let first = lines.zip(1..).find(|((now, then), _)| now != then);
        if output != expected {
            wrong.push(match first {
                Some(((now, then), line)) => {
                    format!("{name} line {line}\n  now  {now}\n  then {then}")
                }
                None => format!("{name}: another number of lines"),
            });
        }
        // A second member, or one of another name, is not for the walker to find.
        let plain = config.is_empty() && !story.ends_with("already_enriched");
        if plain {
            assert!(taken_off(&output, &input) == input, "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
