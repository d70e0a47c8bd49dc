//! The component in wasmtime: loading it, one session of it, and what happens when it traps.
//!
//! The linker is empty: the component imports nothing, so it can reach nothing. A trap ends an instance for good
//! ("cannot enter component instance"), so a [`Session`] can lose one and go on with the next.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, ResourceLimiter, Store};

pub(crate) mod bindings {
    #![allow(missing_docs, clippy::pedantic, unused_qualifications)]
    wasmtime::component::bindgen!({ path: "../wit", world: "signin-triage" });
}

use bindings::exports::signin_triage::transform::types as wit;
use bindings::{SigninTriage, SigninTriagePre};

pub use wit::{Counter, Key, Problem, Rejected};

/// The component that this program was built with.
pub const BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/signin_triage.wasm"));

/// Most memory that one instance may have, in bytes. An allocation beyond it traps. The transform's own tables
/// stay far below, unless `state_mib` allows more; this bounds what a defect could take from the machine.
pub const MEMORY_BYTES_MAX: usize = 1 << 30;

/// Bytes of linear memory for each byte of `state_mib`: the tables, a snapshot of them, and what lies between.
const MEMORY_FOR_STATE: usize = 4;

/// Input that is run again after a trap, in bytes, to bring the new instance to where the old one was: at least this
/// much before a snapshot is taken again, and [`JOURNAL_SNAPSHOTS`] times what the last one took. So snapshots cost a
/// small part of the run however much is remembered.
const JOURNAL_BYTES_MIN: usize = 4 << 20;

/// What a batch takes in the journal besides its text, in bytes: some are a few bytes long.
const JOURNAL_ENTRY_BYTES: usize = 64;

/// See [`JOURNAL_BYTES_MIN`].
const JOURNAL_SNAPSHOTS: usize = 4;

/// A compiled component, from which any number of sessions are opened.
pub struct Plugin {
    engine: Engine,
    component: Component,
    instantiable: Option<SigninTriagePre<Limits>>,
    memory_bytes_max: usize,
}

/// Why a session does not open.
#[derive(Debug)]
pub enum OpenError {
    /// Everything that is wrong with the configuration.
    Config(Vec<Problem>),
    /// The snapshot is of another version, or damaged.
    Snapshot(String),
    /// A defect of the component or of the machine.
    Other(anyhow::Error),
}

/// What became of one batch.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The lines that stay in the stream, in order.
    pub kept: String,
    /// The lines that leave by the second output. Empty in mode `annotate`.
    pub suppressed: String,
    /// What was passed on unchanged, by line of the batch, from 1.
    pub rejected: Vec<Rejected>,
    /// The trap, where one ended the batch: `kept` then is the batch as it came. The reason is the first line.
    pub trap: Option<String>,
}

impl Outcome {
    /// What the trap was, in a line.
    pub fn trap_reason(&self) -> Option<&str> {
        self.trap
            .as_deref()
            .map(|trap| trap.lines().next().unwrap_or_default())
    }
}

/// Why lines were passed on unchanged without the component having had its say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassedOn {
    /// The line is not UTF-8, and text crosses to the component.
    BrokenEncoding,
    /// The line is longer than [`crate::stream::LINE_BYTES_MAX`].
    TooLong,
    /// The component trapped on the batch that held the line.
    Trapped,
}

impl PassedOn {
    /// The name under which such lines are counted in group `rejected`.
    pub fn label(self) -> &'static str {
        match self {
            PassedOn::BrokenEncoding => "broken_encoding",
            PassedOn::TooLong => "too_long",
            PassedOn::Trapped => "trapped",
        }
    }
}

impl Plugin {
    /// Compiles the component that this program was built with.
    pub fn built_in() -> Result<Self> {
        Self::from_bytes(BUILT_IN)
    }

    /// Reads and compiles a component.
    pub fn from_file(path: &Path) -> Result<Self> {
        Self::from_bytes(&std::fs::read(path)?)
    }

    /// Compiles a component. Any component is accepted; whether it is this transform shows when a session is opened.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        // Bytes 4 to 7 hold the version and the layer. The compiler's own words for this are of no help to a person.
        ensure!(bytes.starts_with(b"\0asm"), "not a WebAssembly file");
        ensure!(
            bytes.get(6..8) == Some(&[1, 0]),
            "a core WebAssembly module, not a component"
        );
        let engine = Engine::new(&Config::new())?;
        let component = Component::new(&engine, bytes)?;
        let instantiable = Linker::new(&engine)
            .instantiate_pre(&component)
            .and_then(SigninTriagePre::new)
            .ok();
        Ok(Plugin {
            engine,
            component,
            instantiable,
            memory_bytes_max: MEMORY_BYTES_MAX,
        })
    }

    /// The same with another bound for the memory of each instance, in bytes.
    #[must_use]
    pub fn with_memory_bytes_max(mut self, bytes_max: usize) -> Self {
        self.memory_bytes_max = bytes_max;
        self
    }

    /// Names of what the component wants from its host. Empty for this transform.
    pub fn imports(&self) -> Vec<String> {
        self.component
            .component_type()
            .imports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Names of what the component offers.
    pub fn exports(&self) -> Vec<String> {
        self.component
            .component_type()
            .exports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// All problems of a configuration (JSON text; empty text means all defaults). None means it is fine.
    pub fn problems(&self, config: &str) -> Result<Vec<Problem>> {
        let (mut store, instance) = self.instantiate(self.memory_bytes_max)?;
        let answer = instance
            .signin_triage_transform_transform()
            .call_validate(&mut store, config)?;
        Ok(answer.err().unwrap_or_default())
    }

    /// The JSON Schema of the configuration.
    pub fn config_schema(&self) -> Result<String> {
        let (mut store, instance) = self.instantiate(self.memory_bytes_max)?;
        Ok(instance
            .signin_triage_transform_transform()
            .call_config_schema(&mut store)?)
    }

    /// Opens a session that remembers nothing yet.
    pub fn open(&self, config: &str) -> Result<Session<'_>, OpenError> {
        self.restore(config, None)
    }

    /// Opens a session that goes on where the one that gave `snapshot` was.
    pub fn restore(
        &self,
        config: &str,
        snapshot: Option<String>,
    ) -> Result<Session<'_>, OpenError> {
        let live = Live::open(self, config, snapshot.as_deref())?;
        Ok(Session {
            plugin: self,
            config: config.to_owned(),
            live: Some(live),
            lost: Vec::new(),
            checkpoint: Vec::new(),
            snapshot,
            journal: Vec::new(),
            journal_bytes: 0,
            journal_bytes_max: JOURNAL_BYTES_MIN,
            passed_on: Vec::new(),
        })
    }

    /// An instance for steps by key, for engines that keep the state themselves.
    pub fn keyed(&self) -> Result<Keyed> {
        let (store, instance) = self.instantiate(self.memory_bytes_max)?;
        Ok(Keyed { store, instance })
    }

    /// The bound for an instance whose tables may be as large as `config` says; one that is not fine is told at open.
    fn memory_bytes_for(&self, config: &str) -> usize {
        let config = signin_triage::Config::from_json(config).unwrap_or_default();
        let mib = config.int(&signin_triage::config::STATE_MIB);
        let state = usize::try_from(mib).unwrap_or(0) << 20;
        self.memory_bytes_max.max(state * MEMORY_FOR_STATE)
    }

    fn instantiate(&self, memory_bytes_max: usize) -> Result<(Store<Limits>, SigninTriage)> {
        let instantiable = self
            .instantiable
            .as_ref()
            .context("the component is not this transform: it has other imports or exports")?;
        let limits = Limits {
            memory_bytes_max,
            memory_bytes: 0,
        };
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        // What one call may give back: 128 MiB unless told, which the snapshot of a million users is more than.
        store.set_hostcall_fuel(memory_bytes_max);
        let instance = instantiable.instantiate(&mut store)?;
        Ok((store, instance))
    }
}

/// Bounds the memory of an instance and knows how much it has.
struct Limits {
    memory_bytes_max: usize,
    memory_bytes: usize,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.memory_bytes_max;
        if fits {
            self.memory_bytes = desired;
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// One instance with one open session in it, until it traps.
struct Live {
    store: Store<Limits>,
    instance: SigninTriage,
    session: ResourceAny,
}

impl Live {
    fn open(plugin: &Plugin, config: &str, snapshot: Option<&str>) -> Result<Self, OpenError> {
        let (mut store, instance) = plugin
            .instantiate(plugin.memory_bytes_for(config))
            .map_err(OpenError::Other)?;
        let session = instance
            .signin_triage_transform_transform()
            .session()
            .call_open(&mut store, config, snapshot)
            .map_err(|trap| OpenError::Other(trap.into()))?
            .map_err(OpenError::from)?;
        Ok(Live {
            store,
            instance,
            session,
        })
    }

    fn call(&mut self, call: Call) -> wasmtime::Result<wit::Outcome> {
        let (store, this) = (&mut self.store, self.session);
        let session = self.instance.signin_triage_transform_transform().session();
        match call {
            Call::Process(batch) => session.call_process(store, this, batch),
            Call::Advance(millis) => session.call_advance(store, this, millis),
            Call::Drain => session.call_drain(store, this),
        }
    }

    fn snapshot(&mut self) -> wasmtime::Result<String> {
        let session = self.instance.signin_triage_transform_transform().session();
        session.call_snapshot(&mut self.store, self.session)
    }

    fn stats(&mut self) -> wasmtime::Result<Vec<Counter>> {
        let session = self.instance.signin_triage_transform_transform().session();
        session.call_stats(&mut self.store, self.session)
    }
}

/// A call that gives lines back.
#[derive(Clone, Copy)]
enum Call<'a> {
    Process(&'a str),
    Advance(i64),
    Drain,
}

/// A call that was made.
enum Past {
    Batch(String),
    Advance(i64),
    Drain,
}

/// Steps by key: state in, state out.
pub struct Keyed {
    store: Store<Limits>,
    instance: SigninTriage,
}

impl Keyed {
    /// The key of a line; `None` where it has none.
    ///
    /// # Errors
    /// The component trapped; the instance is of no more use.
    pub fn key_of(&mut self, by: Key, line: &str) -> Result<Option<String>> {
        let keyed = self.instance.signin_triage_transform_keyed();
        Ok(keyed.call_key_of(&mut self.store, by, line)?)
    }

    /// One step. See the component's interface `keyed`.
    ///
    /// # Errors
    /// The configuration or the state is refused, or the component trapped.
    pub fn step(
        &mut self,
        by: Key,
        config: &str,
        state: Option<&str>,
        batch: &str,
        watermark: Option<i64>,
    ) -> Result<(String, Outcome), OpenError> {
        let keyed = self.instance.signin_triage_transform_keyed();
        let answer = keyed
            .call_step(&mut self.store, by, config, state, batch, watermark)
            .map_err(|trap| OpenError::Other(trap.into()))?;
        let (state, outcome) = answer.map_err(OpenError::from)?;
        Ok((state, outcome.into()))
    }
}

impl From<wit::Error> for OpenError {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Config(problems) => OpenError::Config(problems),
            wit::Error::Snapshot(text) => OpenError::Snapshot(text),
            wit::Error::Internal(text) => OpenError::Other(anyhow::Error::msg(text)),
        }
    }
}

impl From<wit::Outcome> for Outcome {
    fn from(outcome: wit::Outcome) -> Self {
        Outcome {
            kept: outcome.kept,
            suppressed: outcome.suppressed,
            rejected: outcome.rejected,
            trap: None,
        }
    }
}

/// An open session. It outlives traps of the component: each costs its batch the labels and nothing else.
///
/// ```no_run
/// let plugin = host_test::Plugin::built_in()?;
/// let mut session = plugin.open(r#"{"mode":"annotate"}"#)?;
/// let outcome = session.process("{\"category\":\"SignInLogs\",\"properties\":{}}\n");
/// print!("{}", outcome.kept);
/// # Ok::<(), anyhow::Error>(())
/// ```
pub struct Session<'a> {
    plugin: &'a Plugin,
    config: String,
    /// `None` only after an instance was lost and no new one could be had; the next batch tries again.
    live: Option<Live>,
    /// Counts of the instances lost.
    lost: Vec<Counter>,
    /// Counts of the present instance when `journal` was begun.
    checkpoint: Vec<Counter>,
    /// What the present instance remembered then; `None` for nothing.
    snapshot: Option<String>,
    /// What the present instance was asked since then.
    journal: Vec<Past>,
    journal_bytes: usize,
    /// How far the journal grows before the next snapshot is tried.
    journal_bytes_max: usize,
    /// Counts of the lines that no instance had its say about.
    passed_on: Vec<Counter>,
}

impl Session<'_> {
    /// Enriches whole lines. At most about 8 MiB at once: what one call gives back is limited to 128 MiB.
    ///
    /// Never fails: where the component traps, the batch comes back as it was and is counted under `trapped`.
    ///
    /// The text is kept until the next snapshot, in case of a trap. Who has no more use for it saves a copy with
    /// [`Session::process_owned`].
    pub fn process(&mut self, batch: &str) -> Outcome {
        self.process_owned(batch.to_owned())
    }

    /// The same for a batch that is given away.
    pub fn process_owned(&mut self, batch: String) -> Outcome {
        let mut outcome = self.call(Call::Process(&batch));
        if outcome.trap.is_some() {
            self.pass_on(PassedOn::Trapped, line_count(&batch), batch.len());
            outcome.kept = batch;
        } else {
            self.remember(Past::Batch(batch));
        }
        outcome
    }

    /// Says that event time has come as far as `millis` since 1970, and releases what is due by then.
    pub fn advance(&mut self, millis: i64) -> Outcome {
        let outcome = self.call(Call::Advance(millis));
        if outcome.trap.is_none() {
            self.remember(Past::Advance(millis));
        }
        outcome
    }

    /// Releases all that is still held, and all open roll-ups: for the end of a stream.
    pub fn drain(&mut self) -> Outcome {
        let outcome = self.call(Call::Drain);
        if outcome.trap.is_none() {
            self.remember(Past::Drain);
        }
        outcome
    }

    /// Linear memory that the component has asked for so far, in bytes; it never gives any back.
    pub fn memory_bytes(&self) -> usize {
        self.live
            .as_ref()
            .map_or(0, |live| live.store.data().memory_bytes)
    }

    /// All that the session remembers. A session restored from it goes on byte for byte where this one is.
    ///
    /// # Errors
    /// The component trapped: there is no memory for the text.
    pub fn snapshot(&mut self) -> Result<String> {
        let live = self.live.as_mut().context("no new instance could be had")?;
        Ok(live.snapshot()?)
    }

    fn call(&mut self, call: Call) -> Outcome {
        if self.live.is_none() {
            self.revive();
        }
        let answer = match &mut self.live {
            Some(live) => live.call(call),
            None => Err(wasmtime::Error::msg("no new instance could be had")),
        };
        match answer {
            Ok(outcome) => outcome.into(),
            Err(trap) => {
                self.replace_instance();
                Outcome {
                    trap: Some(format!("{}\n{trap:?}", trap.root_cause())),
                    ..Outcome::default()
                }
            }
        }
    }

    /// Counts lines that leave unchanged without an instance having had its say.
    ///
    /// `lines` is 0 for a further piece of a line that was counted already. `bytes` is their length.
    pub fn pass_on(&mut self, why: PassedOn, lines: u64, bytes: usize) {
        for (group, name, count) in [
            ("lines", "", lines),
            ("lines_unchanged", "", lines),
            ("bytes_in", "", bytes as u64),
            ("bytes_out", "", bytes as u64),
            ("rejected", why.label(), lines),
        ] {
            add(&mut self.passed_on, group, name, count);
        }
    }

    /// All counts since the session was opened, in a fixed order. Each line is in them exactly once.
    pub fn stats(&mut self) -> Vec<Counter> {
        // The instance's list comes first, because its order is the order of the output.
        let mut sum = self.stats_of_instance();
        if let Some(restored) = self.lost.iter().find(|one| one.group == RESTORED) {
            // What a later instance was restored with had been counted as a line by the one before.
            sum.iter_mut()
                .filter(|one| one.group == RESTORED)
                .for_each(|one| one.count = restored.count);
        }
        add_all(&mut sum, &self.lost);
        add_all(&mut sum, &self.passed_on);
        sum
    }

    fn remember(&mut self, past: Past) {
        if let Past::Batch(batch) = &past {
            self.journal_bytes += batch.len() + JOURNAL_ENTRY_BYTES;
        }
        self.journal.push(past);
        let last = self.snapshot.as_ref().map_or(0, String::len);
        if self.journal_bytes < self.journal_bytes_max.max(last * JOURNAL_SNAPSHOTS) {
            return;
        }
        if let Ok(snapshot) = self.snapshot() {
            self.snapshot = Some(snapshot);
            self.checkpoint = self.stats_of_instance();
            self.forget_journal();
            return;
        }
        // There is no memory for a snapshot. The journal is what there is, and is not run again at every batch.
        self.journal_bytes_max = self.journal_bytes * 2;
        self.replace_instance();
    }

    fn stats_of_instance(&mut self) -> Vec<Counter> {
        match self.live.as_mut().map(Live::stats) {
            Some(Ok(counters)) => counters,
            // An instance that traps even here leaves what was known before.
            _ => self.checkpoint.clone(),
        }
    }

    fn forget_journal(&mut self) {
        self.journal.clear();
        self.journal_bytes = 0;
    }

    /// Opens a new instance and runs the journal through it, so that the counts go on where they were.
    fn replace_instance(&mut self) {
        let checkpoint = std::mem::take(&mut self.checkpoint);
        add_all(&mut self.lost, &checkpoint);
        self.revive();
    }

    /// Opens an instance from the last snapshot and runs the journal through it.
    fn revive(&mut self) {
        self.live = Live::open(self.plugin, &self.config, self.snapshot.as_deref()).ok();
        let Some(live) = &mut self.live else {
            return;
        };
        let replay = |past: &Past| {
            let call = match past {
                Past::Batch(batch) => Call::Process(batch),
                Past::Advance(millis) => Call::Advance(*millis),
                Past::Drain => Call::Drain,
            };
            live.call(call).is_ok()
        };
        let replayed = self.journal.iter().all(replay);
        if !replayed {
            // What went well once traps now: nothing is gained by trying a third time.
            self.live = None;
            self.forget_journal();
        }
    }
}

fn line_count(batch: &str) -> u64 {
    let ends = memchr::memchr_iter(b'\n', batch.as_bytes()).count() as u64;
    let unended = !batch.is_empty() && !batch.ends_with('\n');
    ends + u64::from(unended)
}

/// Counts that say how things stand now, not what has happened.
const GAUGES: [&str; 5] = [
    "lines_held",
    "rollups_open",
    "remembered",
    "remembered_bytes",
    "too_late",
];

/// Whether the counts of a group say how things stand now.
pub fn is_gauge(group: &str) -> bool {
    GAUGES.contains(&group)
}

/// The counts of several sessions that looked at different lines of one stream, spread by user. An address can be in
/// several, so how many there were is not known: that count is left out.
pub fn total(all: impl IntoIterator<Item = Vec<Counter>>) -> Vec<Counter> {
    let mut all = all.into_iter();
    let mut sum = all.next().unwrap_or_default();
    for more in all {
        sum.retain(|one| one.group != "addresses");
        for one in more.iter().filter(|one| one.group != "addresses") {
            add(&mut sum, &one.group, &one.name, one.count);
        }
    }
    sum
}

/// Lines that were held when the session was opened.
const RESTORED: &str = "lines_restored";

fn add_all(sum: &mut Vec<Counter>, more: &[Counter]) {
    for one in more {
        if is_gauge(&one.group) || one.group == RESTORED {
            continue;
        }
        // Different ones are counted here, and two instances may have seen the same: the larger count is certain.
        let distinct = ["users", "addresses"].contains(&one.group.as_str());
        let known = |other: &&Counter| other.group == one.group && other.name == one.name;
        let before = sum.iter().find(known).map_or(0, |other| other.count);
        let count = if distinct {
            one.count.saturating_sub(before)
        } else {
            one.count
        };
        add(sum, &one.group, &one.name, count);
    }
}

/// A name that is new stands behind the others of its group.
fn add(sum: &mut Vec<Counter>, group: &str, name: &str, count: u64) {
    let known = sum
        .iter_mut()
        .find(|one| one.group == group && one.name == name);
    if let Some(known) = known {
        known.count += count;
        return;
    }
    let after = sum.iter().rposition(|one| one.group == group);
    let index = after.map_or(sum.len(), |last| last + 1);
    let counter = Counter {
        group: group.to_owned(),
        name: name.to_owned(),
        count,
    };
    sum.insert(index, counter);
}

/// One problem in words: the native crate's, so that there is one wording for both.
pub fn in_words(problem: &Problem) -> String {
    use signin_triage::error::{Misfit, Problem as Native};
    let misfit = |of: &wit::Misfit| Misfit {
        key: of.key.clone(),
        found: of.found.clone(),
        allowed: of.allowed.clone(),
    };
    match problem {
        Problem::NotJson(text) => Native::NotJson(text.clone()),
        Problem::UnknownKey(unknown) => Native::UnknownKey {
            key: unknown.key.clone(),
            nearest: unknown.nearest.clone(),
        },
        Problem::WrongType(of) => Native::WrongType(misfit(of)),
        Problem::OutOfRange(of) => Native::OutOfRange(misfit(of)),
        Problem::DuplicateKey(key) => Native::DuplicateKey(key.clone()),
        Problem::Conflict(conflict) => Native::Conflict {
            keys: conflict.keys.clone(),
            rule: conflict.rule.clone(),
        },
    }
    .to_string()
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Config(problems) => {
                let words: Vec<_> = problems.iter().map(in_words).collect();
                f.write_str(&words.join("; "))
            }
            OpenError::Snapshot(text) => f.write_str(text),
            OpenError::Other(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_with_and_without_a_last_line_end() {
        for (batch, lines) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(line_count(batch), lines, "{batch:?}");
        }
    }

    #[test]
    fn a_new_name_stands_behind_its_group() {
        let mut sum = Vec::new();
        for (group, name) in [
            ("lines", ""),
            ("rejected", "empty"),
            ("users", ""),
            ("rejected", "trapped"),
        ] {
            add(&mut sum, group, name, 1);
        }
        add(&mut sum, "rejected", "empty", 2);
        let read: Vec<_> = sum
            .iter()
            .map(|one| (&*one.group, &*one.name, one.count))
            .collect();
        assert_eq!(
            read,
            [
                ("lines", "", 1),
                ("rejected", "empty", 3),
                ("rejected", "trapped", 1),
                ("users", "", 1)
            ]
        );
    }
}
