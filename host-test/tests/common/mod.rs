//! Shared by the tests that drive the component: loading it once, and taking our member off again.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

pub mod bridge;
pub mod faulty;
pub mod patience;
pub mod stream;
mod taken_off;

use std::path::PathBuf;
use std::sync::OnceLock;

use host_test::Plugin;
use serde_json::Value;

pub use taken_off::taken_off;

/// The component, compiled once per test program.
pub fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| Plugin::built_in().expect("the built-in component compiles"))
}

/// What the component makes of `batch` in a session of its own. A trap fails the test.
pub fn enrich(batch: &str, config: &str) -> String {
    let mut session = plugin().open(config).expect("a good configuration");
    let outcome = session.process(batch);
    assert_eq!(outcome.trap, None, "trapped");
    outcome.kept
}

/// Our member of an enriched line, or of each record of an enriched envelope.
pub fn members(line: &str) -> Vec<Value> {
    let Ok(value) = serde_json::from_str::<Value>(line.trim_start_matches('\u{feff}')) else {
        return Vec::new();
    };
    let of = |value: &Value| value.get("signin_triage").cloned();
    let envelope = ["records", "value"].into_iter().find_map(|name| {
        value
            .as_object()?
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?
            .1
            .as_array()
    });
    match (of(&value), envelope) {
        (Some(member), _) => vec![member],
        (None, Some(records)) => records.iter().filter_map(of).collect(),
        (None, None) => Vec::new(),
    }
}

/// A folder of this package.
pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}
