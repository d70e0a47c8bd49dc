//! A bench for tests of signals and noise: one record in, and whatever is asked of its case out.

use std::fmt::Write;

use super::{ALL, Case, Hit, check_all};
use crate::classify::classify;
use crate::config::Config;
use crate::input::{Scratch, View, view};

/// What `ask` says of the case and the hits of an Azure Monitor record with these `members` (JSON, without the
/// braces) on its envelope; `category` and `properties` are added where they are missing. `config` is JSON or empty.
pub(crate) fn judged<T>(members: &str, config: &str, ask: impl FnOnce(&Case, &[Hit]) -> T) -> T {
    let mut line = format!("{{{members}");
    for (name, value) in [("category", "\"SignInLogs\""), ("properties", "{}")] {
        if !members.contains(&format!("\"{name}\":")) {
            write!(line, ",\"{name}\":{value}").expect("a string takes all");
        }
    }
    line.push('}');
    let config = Config::from_json(config).expect("a good configuration");
    let mut scratch = Scratch::default();
    let Ok(View::Record(record)) = view(&line, "signin_triage", &mut scratch) else {
        panic!("not a record: {line}");
    };
    let class = classify(&record);
    let case = Case {
        record: &record,
        class: &class,
        config: &config,
    };
    let mut found = Vec::new();
    check_all(&case, &mut found);
    ask(&case, &found)
}

/// The hit of signal `id` on such a record.
pub(crate) fn hits(id: &str, members: &str, config: &str) -> Option<Hit> {
    assert!(ALL.iter().any(|signal| signal.id == id), "no signal {id}");
    judged(members, config, |_, found| {
        found.iter().find(|hit| hit.id == id).cloned()
    })
}
