//! Shared by the tests that drive the component: loading it once, and taking our member off again.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod bridge;
pub mod stream;

use std::path::PathBuf;
use std::sync::OnceLock;

use host_test::Plugin;
use serde_json::Value;

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

/// `output` without the members that are not in `input`; panics where anything else differs.
///
/// Written without the writer's knowledge of where a member goes: it walks both texts side by side.
pub fn taken_off(output: &str, input: &str) -> String {
    const FOREIGN: [&str; 2] = [",\"signin_triage\":", "\"signin_triage\":"];
    let mut left = String::with_capacity(input.len());
    let mut out = output;
    let mut rest = input;
    while !out.is_empty() {
        let added = FOREIGN
            .iter()
            .find(|start| out.starts_with(**start) && !rest.starts_with(**start));
        if let Some(start) = added {
            let value = &out[start.len()..];
            let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
            values.next().expect("a value").expect("a whole value");
            out = &value[values.byte_offset()..];
            continue;
        }
        let length = out.chars().next().map_or(0, char::len_utf8);
        left.push_str(&out[..length]);
        rest = rest.get(length..).unwrap_or("");
        out = &out[length..];
    }
    left
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
