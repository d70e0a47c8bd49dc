//! The component of signin-triage, made to fail on chosen lines: for tests of its host.
//!
//! A line that holds `please-<deed>` anywhere has the batch end in that deed; see [`deed`]. All else is the real
//! transform, so that what becomes of the other lines can be compared.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::process::abort;

use signin_triage::{Config, Outcome, Session};

mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::all,
        clippy::pedantic,
        unused_qualifications,
        reason = "generated"
    )]
    wit_bindgen::generate!({ path: "../../wit", world: "signin-triage" });
}

use bindings::exports::signin_triage::transform::keyed as wit_keyed;
use bindings::exports::signin_triage::transform::transform as wit_transform;
use bindings::exports::signin_triage::transform::types as wit;

struct Component;

impl wit_transform::Guest for Component {
    type Session = Misbehaving;

    fn validate(_config: String) -> Result<(), Vec<wit::Problem>> {
        Ok(())
    }

    fn config_schema() -> String {
        signin_triage::config::schema()
    }
}

impl wit_keyed::Guest for Component {
    fn key_of(_by: wit::Key, _line: String) -> Option<String> {
        abort()
    }

    fn step(
        _by: wit::Key,
        _config: String,
        _state: Option<String>,
        _batch: String,
        _watermark: Option<i64>,
    ) -> Result<(String, wit::Outcome), wit::Error> {
        abort()
    }
}

struct Misbehaving {
    session: RefCell<Session>,
    /// `please-forget`: snapshots are nonsense from now on.
    forgets: Cell<bool>,
    /// `please-stick`: what waits is not let go.
    sticks: Cell<bool>,
}

impl wit_transform::GuestSession for Misbehaving {
    fn open(
        config: String,
        snapshot: Option<String>,
    ) -> Result<wit_transform::Session, wit::Error> {
        let refused = |text: String| wit::Error::Snapshot(text);
        let config = Config::from_json(&config).map_err(|_| refused("config".to_owned()))?;
        let session = match snapshot {
            Some(text) => {
                Session::restore(config, &text).map_err(|error| refused(error.to_string()))?
            }
            None => Session::open(config),
        };
        Ok(wit_transform::Session::new(Misbehaving {
            session: RefCell::new(session),
            forgets: Cell::new(false),
            sticks: Cell::new(false),
        }))
    }

    fn process(&self, batch: String) -> wit::Outcome {
        let mut outcome = wit::Outcome::from(self.session.borrow_mut().process(&batch));
        for line in batch.lines() {
            if let Some((_, rest)) = line.split_once("please-") {
                let end = rest.find(|c: char| !c.is_ascii_lowercase());
                self.deed(&rest[..end.unwrap_or(rest.len())], &batch, &mut outcome);
            }
        }
        outcome
    }

    fn advance(&self, watermark: i64) -> wit::Outcome {
        self.session.borrow_mut().advance(watermark).into()
    }

    fn drain(&self) -> wit::Outcome {
        if self.sticks.get() {
            abort();
        }
        self.session.borrow_mut().drain().into()
    }

    fn snapshot(&self) -> String {
        if self.forgets.get() {
            return "nonsense".to_owned();
        }
        self.session.borrow().snapshot()
    }

    fn stats(&self) -> Vec<wit::Counter> {
        let stats = self.session.borrow().stats();
        let counter = |one: signin_triage::Counter| wit::Counter {
            group: one.group.to_owned(),
            name: one.name,
            count: one.count,
        };
        stats.into_iter().map(counter).collect()
    }
}

impl Misbehaving {
    /// Does what a line asks for.
    fn deed(&self, deed: &str, batch: &str, outcome: &mut wit::Outcome) {
        match deed {
            "trap" => abort(),
            "loop" => loop {
                black_box(deed);
            },
            "grow" => loop {
                black_box(Vec::<u8>::with_capacity(1 << 20).leak());
            },
            "recurse" => {
                black_box(recurse(1));
            }
            // Only in company.
            "shun" if batch.lines().count() > 1 => abort(),
            "drop" => {
                let kept = outcome.kept.trim_end();
                let last = kept.rfind('\n').map_or(0, |end| end + 1);
                outcome.kept.truncate(last);
            }
            "double" => outcome.kept = outcome.kept.repeat(2),
            "change" => outcome.kept = outcome.kept.replace("please-change", "nothing"),
            "remove" => outcome.suppressed = std::mem::take(&mut outcome.kept),
            "reject" => outcome.rejected.push(wit::Rejected {
                line: u32::MAX,
                reason: "of its own".to_owned(),
            }),
            "forget" => self.forgets.set(true),
            "stick" => self.sticks.set(true),
            _ => {}
        }
    }
}

/// Without end, whatever the optimiser makes of it.
#[expect(unconditional_recursion, reason = "that is what is asked for")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(frame[0] + 1) + black_box(frame)[1]
}

impl From<Outcome> for wit::Outcome {
    fn from(from: Outcome) -> Self {
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

mod exports {
    #![allow(unsafe_code, reason = "generated")]
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}
