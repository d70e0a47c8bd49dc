//! A configuration: all its problems are told, and one without problems opens a session that works.

use signin_triage::Config;
use signin_triage::Session;
use signin_triage::fluent_bit::{Filter, Mode};

use crate::SOME;

/// Reads `text` as a configuration, and puts it to use if it is one.
pub fn check(text: &str) {
    match Config::from_json(text) {
        Err(problems) => {
            assert!(!problems.is_empty(), "refused for no reason");
            for problem in problems {
                let said = problem.to_string();
                // A configuration is written by its operator; a message of a page would still help nobody.
                assert!(said.len() < 1000 + text.len(), "{said}");
            }
            assert!(Filter::open(text, Mode::Annotate).is_none());
        }
        Ok(config) => {
            let mut session = Session::open(config.clone());
            let lines =
                session.process(SOME).kept.lines().count() + session.drain().kept.lines().count();
            assert!(
                lines > 0
                    || session
                        .stats()
                        .iter()
                        .any(|one| one.group == "suppressed" && one.count > 0)
            );
            let snapshot = session.snapshot();
            assert!(Session::restore(config, &snapshot).is_ok());
        }
    }
}
