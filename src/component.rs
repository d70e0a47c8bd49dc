//! The component's exports: translates between the generated bindings and [`crate::Session`].
//!
//! The only file that knows the bindings. It decides nothing.

use std::cell::RefCell;

use crate::error::Problem;
use crate::state::Key;

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::all,
        clippy::pedantic,
        unused_qualifications,
        reason = "generated"
    )]
    wit_bindgen::generate!({ path: "wit", world: "signin-triage" });
}

use bindings::exports::signin_triage::transform::keyed as wit_keyed;
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

impl wit_keyed::Guest for Component {
    fn key_of(by: wit::Key, line: String) -> Option<String> {
        crate::keyed::key_of(key(by), &line)
    }

    fn step(
        by: wit::Key,
        config: String,
        state: Option<String>,
        batch: String,
        watermark: Option<i64>,
    ) -> Result<(String, wit::Outcome), wit::Error> {
        let config = read(&config)?;
        crate::keyed::step(key(by), config, state.as_deref(), &batch, watermark)
            .map(|(state, outcome)| (state, outcome.into()))
            .map_err(|refused| wit::Error::Snapshot(refused.to_string()))
    }
}

fn key(by: wit::Key) -> Key {
    match by {
        wit::Key::User => Key::User,
        wit::Key::Address => Key::Address,
        wit::Key::Tenant => Key::Tenant,
    }
}

fn read(config: &str) -> Result<crate::Config, wit::Error> {
    crate::Config::from_json(config).map_err(|found| wit::Error::Config(problems(found)))
}

struct OpenSession(RefCell<crate::Session>);

impl wit_transform::GuestSession for OpenSession {
    fn open(
        config: String,
        snapshot: Option<String>,
    ) -> Result<wit_transform::Session, wit::Error> {
        let config = read(&config)?;
        let session = match snapshot {
            Some(text) => crate::Session::restore(config, &text)
                .map_err(|refused| wit::Error::Snapshot(refused.to_string()))?,
            None => crate::Session::open(config),
        };
        let session = OpenSession(RefCell::new(session));
        Ok(wit_transform::Session::new(session))
    }

    fn process(&self, batch: String) -> wit::Outcome {
        self.0.borrow_mut().process(&batch).into()
    }

    fn advance(&self, watermark: i64) -> wit::Outcome {
        self.0.borrow_mut().advance(watermark).into()
    }

    fn drain(&self) -> wit::Outcome {
        self.0.borrow_mut().drain().into()
    }

    fn snapshot(&self) -> String {
        self.0.borrow().snapshot()
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

impl From<crate::Outcome> for wit::Outcome {
    fn from(from: crate::Outcome) -> Self {
        let rejected = from.rejected.into_iter();
        wit::Outcome {
            kept: from.kept,
            suppressed: from.suppressed,
            rejected: rejected
                .map(|one| wit::Rejected {
                    line: one.line,
                    reason: one.reason.label().to_owned(),
                })
                .collect(),
        }
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

mod exports {
    #![allow(unsafe_code, reason = "generated")]
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}
