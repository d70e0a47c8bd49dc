//! A session as a command holds it: opened from a configuration file and a state file, and saved again.
//!
//! What goes wrong is said on standard error here, so a caller has the ending only.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::config_file;
use crate::plugin::{OpenError, Plugin, Session};
use crate::position::Position;
use crate::state_file::StateFile;
use crate::terminal::say;
use crate::undelivered::Undelivered;

/// A configuration without a problem.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What the component takes.
    pub json: String,
    /// The name of the member that is added.
    pub member: String,
    /// Mode `filter`: noise leaves the stream, and roll-ups are put into it.
    pub filters: bool,
    /// How long interrupted records wait, in seconds of event time. 0: nothing waits.
    pub hold_secs: i64,
}

impl Configuration {
    /// Reads `file` and puts `over` over it; without a file everything is at its default. `None` after every problem
    /// has been said.
    ///
    /// # Errors
    /// A defect of the component.
    pub fn load(
        plugin: &Plugin,
        file: Option<&Path>,
        over: &[(&str, Value)],
    ) -> Result<Option<Self>> {
        use signin_triage::config;
        let Some(json) = config_file::load(plugin, file, over)? else {
            return Ok(None);
        };
        let native = config::Config::from_json(&json).unwrap_or_default();
        Ok(Some(Configuration {
            member: native.text(&config::MEMBER).to_owned(),
            filters: native.text(&config::MODE) == "filter",
            hold_secs: native.int(&config::HOLD_SECS),
            json,
        }))
    }

    /// For callers that wait for one answer to each request: whether every line leaves at once and in its place.
    /// If not, that has been said.
    pub fn answers_at_once(&self) -> bool {
        if self.filters {
            say(
                "mode filter has no place here, where each request has one answer: leave it out, and route by noise.suppress",
            );
        }
        if self.hold_secs > 0 {
            say(
                "hold_secs has no place here, because a caller waits for each answer: leave it out",
            );
        }
        !self.filters && self.hold_secs == 0
    }
}

/// An open session, and the file it is saved to if it has one.
pub struct Opened<'a> {
    /// The session.
    pub session: Session<'a>,
    /// What was made of lines that are not known to have arrived; saved with the rest.
    pub undelivered: Undelivered,
    /// How far a run had come that saved the state.
    pub position: Option<String>,
    /// Where it is saved, if anywhere.
    pub state: Option<StateFile>,
}

impl<'a> Opened<'a> {
    /// Opens a session that goes on where the one was that saved to `state`, or that remembers nothing yet where there
    /// is no such file. `None` after it has been said why the state cannot be taken up, or could not be saved.
    ///
    /// # Errors
    /// A defect of the component or of the machine.
    pub fn open(
        plugin: &'a Plugin,
        config: &Configuration,
        state: Option<&Path>,
    ) -> Result<Option<Self>> {
        let opened = state.map(StateFile::open).transpose();
        let loaded = opened.and_then(|mut state| {
            let saved = state.as_mut().map_or(Ok(None), StateFile::load)?;
            Ok((state, saved))
        });
        let (state, saved) = match loaded {
            Ok(loaded) => loaded,
            Err(problem) => {
                say(&problem);
                return Ok(None);
            }
        };
        let named = |problem: String| match &state {
            Some(file) => file.problem(&problem),
            None => problem,
        };
        let (position, saved) =
            saved.map_or((None, None), |saved| (saved.position, Some(saved.state)));
        let taken_apart = match &saved {
            Some(saved) => {
                Undelivered::load(saved).map(|(lines, snapshot)| (lines, Some(snapshot.to_owned())))
            }
            None => Ok((Undelivered::default(), None)),
        };
        let (undelivered, snapshot) = match taken_apart {
            Ok(parts) => parts,
            Err(problem) => {
                say(&named(problem));
                return Ok(None);
            }
        };
        match plugin.restore(&config.json, snapshot) {
            Ok(session) => Ok(Some(Opened {
                session,
                undelivered,
                position,
                state,
            })),
            Err(OpenError::Snapshot(problem)) => {
                say(&named(problem));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// For callers that do not send again what has not arrived: says that the state holds such lines, which stay in it
    /// until `serve` takes it up and their sender comes back.
    pub fn say_undelivered(&self) {
        let waiting = self.undelivered.len();
        if waiting > 0 {
            self.say_of_state(&format!(
                "{waiting} lines in it have not arrived where serve sent them; they stay in it"
            ));
        }
    }

    fn say_of_state(&self, what: &str) {
        if let Some(file) = &self.state {
            say(&file.problem(&what));
        }
    }

    /// For callers that wait for one answer to each request: whether nothing waits in the state that was taken up,
    /// which would leave in the middle of an answer. If something does, that has been said.
    pub fn answers_at_once(&mut self) -> bool {
        let held = self.waiting("lines_held", "lines");
        let rollups = self.waiting("rollups_open", "roll-ups");
        !held && !rollups
    }

    /// For callers that let nothing wait: whether no line does in the state that was taken up. If one does, that has been
    /// said.
    pub fn holds_no_line(&mut self) -> bool {
        !self.waiting("lines_held", "lines")
    }

    /// After letting go of what waits failed: whether nothing did. What did is in the state that was saved before, and
    /// where there is none it is gone, which has been said.
    pub fn nothing_left(&mut self) -> bool {
        let held = self.session.stats();
        let held = held.iter().filter(|one| one.group == "lines_held");
        let count: u64 = held.map(|one| one.count).sum();
        if count > 0 && !self.has_state() {
            say(&format!(
                "{count} lines that waited could not be let go, and there is no --state to keep them"
            ));
        }
        count == 0
    }

    fn waiting(&mut self, group: &str, what: &str) -> bool {
        let counters = self.session.stats();
        let of_group = counters.iter().filter(|one| one.group == group);
        let count: u64 = of_group.map(|one| one.count).sum();
        if count > 0 {
            self.say_of_state(&format!(
                "{count} {what} wait in it, which have no place in an answer: let them go first \
                 (signin-triage run /dev/null --state FILE --drain)"
            ));
        }
        count > 0
    }

    /// Whether there is a file to save to.
    pub fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// Saves what the session remembers, where there is a file for it. `false` after it has been said why not; what
    /// was saved before is still there.
    pub fn save(&mut self) -> bool {
        self.save_at(None)
    }

    /// The same, with how far the run has come.
    pub fn save_at(&mut self, position: Option<&Position>) -> bool {
        let Some(file) = &mut self.state else {
            return true;
        };
        let snapshot = self.session.snapshot().map_err(|error| error.to_string());
        save_to(file, snapshot, &self.undelivered, position)
    }
}

/// Saves a snapshot, or says why that cannot be done.
pub fn save_to(
    file: &mut StateFile,
    snapshot: Result<String, String>,
    undelivered: &Undelivered,
    position: Option<&Position>,
) -> bool {
    let position = position.and_then(Position::text);
    let saved = snapshot
        .and_then(|snapshot| {
            let with_lines = undelivered.save(&snapshot);
            with_lines.map_err(|error| error.to_string())
        })
        .and_then(|text| file.save(&text, position.as_deref()));
    match saved {
        Ok(()) => true,
        Err(problem) => {
            say(&problem);
            false
        }
    }
}
