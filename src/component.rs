//! The component's exports: translates between the generated bindings and [`crate::Session`].
//!
//! The only file that knows the bindings. It decides nothing.

use std::cell::RefCell;

use crate::error::Problem;

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unused_qualifications)]
    wit_bindgen::generate!({ path: "wit", world: "signin-triage" });
}

use bindings::exports::signin_triage::transform::transform as wit_transform;
use bindings::exports::signin_triage::transform::types as wit;

struct Component;

impl wit_transform::Guest for Component {
    type Session = OpenSession;

    fn validate(config: String) -> Result<(), Vec<wit::Problem>> {
        crate::Config::from_json(&config)
            .map(|_| ())
            .map_err(problems)
    }

    fn config_schema() -> String {
        crate::config::schema()
    }
}

struct OpenSession(RefCell<crate::Session>);

impl wit_transform::GuestSession for OpenSession {
    fn open(
        config: String,
        snapshot: Option<String>,
    ) -> Result<wit_transform::Session, wit::Error> {
        if snapshot.is_some() {
            let text = "this version keeps no state, so it takes no snapshot";
            return Err(wit::Error::Snapshot(text.to_owned()));
        }
        let config = crate::Config::from_json(&config)
            .map_err(|found| wit::Error::Config(problems(found)))?;
        let session = OpenSession(RefCell::new(crate::Session::open(config)));
        Ok(wit_transform::Session::new(session))
    }

    fn process(&self, batch: String) -> wit::Outcome {
        let outcome = self.0.borrow_mut().process(&batch);
        wit::Outcome {
            kept: outcome.kept,
            suppressed: outcome.suppressed,
            rejected: outcome
                .rejected
                .into_iter()
                .map(|one| wit::Rejected {
                    line: one.line,
                    reason: one.reason.label().to_owned(),
                })
                .collect(),
        }
    }

    fn stats(&self) -> Vec<wit::Counter> {
        self.0
            .borrow()
            .stats()
            .into_iter()
            .map(|one| wit::Counter {
                group: one.group.to_owned(),
                name: one.name,
                count: one.count,
            })
            .collect()
    }
}

fn problems(found: Vec<Problem>) -> Vec<wit::Problem> {
    found.into_iter().map(problem).collect()
}

fn problem(found: Problem) -> wit::Problem {
    match found {
        Problem::NotJson(text) => wit::Problem::NotJson(text),
        Problem::UnknownKey { key, nearest } => {
            wit::Problem::UnknownKey(wit::UnknownKey { key, nearest })
        }
        Problem::WrongType(misfit) => wit::Problem::WrongType(misfit.into()),
        Problem::OutOfRange(misfit) => wit::Problem::OutOfRange(misfit.into()),
        Problem::DuplicateKey(key) => wit::Problem::DuplicateKey(key),
        Problem::Conflict { keys, rule } => wit::Problem::Conflict(wit::Conflict { keys, rule }),
    }
}

impl From<crate::error::Misfit> for wit::Misfit {
    fn from(from: crate::error::Misfit) -> Self {
        wit::Misfit {
            key: from.key,
            found: from.found,
            allowed: from.allowed,
        }
    }
}

bindings::export!(Component with_types_in bindings);
