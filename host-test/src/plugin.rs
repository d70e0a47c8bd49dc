//! The component in wasmtime: loading it, one session of it, and what happens when it traps.
//!
//! The linker is empty: the component imports nothing, so it can reach nothing. A trap ends an instance for good
//! ("cannot enter component instance"), so a [`Session`] can lose one and go on with the next. A call that takes too
//! long or asks for too much memory is made to trap, and an answer that cannot be true is taken for a trap. Then the
//! lines on which it happens are searched for: these leave as they came, all others enriched.

use std::fmt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, ResourceLimiter, Store, Trap};

use crate::promise::Promise;

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

/// Most entries of a table of functions. The transform has some hundred, and never asks for more.
const TABLE_ENTRIES_MAX: usize = 100_000;

/// How long a call may take unless told otherwise, in seconds; a second for each [`BYTES_A_SECOND`] comes on top. The
/// transform takes a hundredth of that, so this is for defects, and for machines that have other things to do.
pub const BATCH_SECS: u64 = 10;

/// See [`BATCH_SECS`].
const BYTES_A_SECOND: u64 = 1 << 20;

/// What the parts of a batch that failed are given of the time: one that makes it loop is met again in each.
const SEARCH_SHARE: u32 = 10;

/// Step of the clock by which calls are limited.
const TICK: Duration = Duration::from_millis(50);

/// How many calls may fail in the search of one batch. To find one line among a thousand takes some ten, its neighbour
/// two or three more.
const TRIES_MAX: u32 = 256;

/// One that takes too long counts as so many, as it costs a second and not milliseconds.
const TRIES_OF_TIME: u32 = 8;

/// The same where lately nothing passed: a component that fails at everything is not tried so often. Enough to find
/// one line among a million.
const TRIES_MIN: u32 = 24;

/// What is said of a call that was cut off.
const TOO_LONG: &str = "it took too long";

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
    batch: Duration,
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
    /// The first trap, where there was one; its first line says what it was.
    pub trap: Option<String>,
    /// Lines that are in `kept` as they came because of that.
    pub failed: Vec<Failed>,
}

/// Lines that left as they came because the component failed on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The line, or where `why` is [`PassedOn::GivenUp`] several.
    pub lines: String,
    /// [`PassedOn::Trapped`]: it fails by itself. [`PassedOn::GivenUp`]: not looked at, as too much before it failed.
    pub why: PassedOn,
    /// What happened, in a line.
    pub reason: String,
}

/// That the component failed, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What happened first, in a line.
    pub reason: String,
    /// Lines that left as they came because of that; none where the parts of a batch passed, or there were no lines.
    pub failed: Vec<Failed>,
}

impl Outcome {
    /// What went wrong, if anything did.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trap.as_deref().map(|trap| Trouble {
            reason: first_line(trap).to_owned(),
            failed: self.failed.clone(),
        })
    }

    /// Adds what became of the next lines of a batch, of which so many came before.
    fn extend(&mut self, next: Outcome, lines_before: u64) {
        self.kept += &next.kept;
        self.suppressed += &next.suppressed;
        let before = u32::try_from(lines_before).unwrap_or(u32::MAX);
        let moved = next.rejected.into_iter().map(|one| Rejected {
            line: one.line.saturating_add(before),
            ..one
        });
        self.rejected.extend(moved);
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Why lines were passed on unchanged without the component having had its say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassedOn {
    /// The line is not UTF-8, and text crosses to the component.
    BrokenEncoding,
    /// The line is longer than [`crate::stream::LINE_BYTES_MAX`].
    TooLong,
    /// The component fails on the line: it traps, takes too long, or gives an answer that cannot be true.
    Trapped,
    /// So many lines of the batch made the component fail that this one was not tried again.
    GivenUp,
}

impl PassedOn {
    /// The name under which such lines are counted in group `rejected`.
    pub fn label(self) -> &'static str {
        match self {
            PassedOn::BrokenEncoding => "broken_encoding",
            PassedOn::TooLong => "too_long",
            PassedOn::Trapped => "trapped",
            PassedOn::GivenUp => "given_up",
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
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config)?;
        tick(&engine)?;
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
            batch: Duration::from_secs(BATCH_SECS),
        })
    }

    /// The same with another bound for the memory of each instance, in bytes.
    #[must_use]
    pub fn with_memory_bytes_max(mut self, bytes_max: usize) -> Self {
        self.memory_bytes_max = bytes_max;
        self
    }

    /// The same with another time for each call, in seconds, instead of [`BATCH_SECS`].
    #[must_use]
    pub fn with_batch_secs(mut self, secs: u64) -> Self {
        self.batch = Duration::from_secs(secs);
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
        let mut live = Live::open(self, config, snapshot.as_deref())?;
        let waits = snapshot.is_some() && live.waits();
        Ok(Session {
            plugin: self,
            promise: Promise::new(config, waits),
            config: config.to_owned(),
            live: Some(live),
            tries_max: TRIES_MAX,
            lost: Vec::new(),
            counted: Vec::new(),
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
        Ok(Keyed {
            store,
            instance,
            time: self.batch,
        })
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
            refused: false,
        };
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        allow(&mut store, self.batch, 0);
        // What one call may give back: 128 MiB unless told, which the snapshot of a million users is more than.
        store.set_hostcall_fuel(memory_bytes_max);
        let instance = instantiable.instantiate(&mut store)?;
        Ok((store, instance))
    }
}

/// Moves the engine's clock on for as long as it is in use.
fn tick(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    let clock = thread::Builder::new().name("clock".to_owned());
    clock.spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(())
}

/// Allows the next call so much time, and more for the bytes it looks at.
fn allow(store: &mut Store<Limits>, time: Duration, bytes: usize) {
    let millis = time.as_millis() + u128::from(bytes as u64 * 1000 / BYTES_A_SECOND);
    // One more, as the present tick has begun already.
    let ticks = millis.div_ceil(TICK.as_millis()) + 1;
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX));
    store.data_mut().refused = false;
}

/// Bounds the memory of an instance and knows how much it has.
struct Limits {
    memory_bytes_max: usize,
    memory_bytes: usize,
    /// Whether memory was asked for and not given since the call began.
    refused: bool,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // All memories together, should there be several.
        let all = self.memory_bytes.saturating_add(desired - current);
        let fits = all <= self.memory_bytes_max;
        if fits {
            self.memory_bytes = all;
        } else {
            self.refused = true;
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ENTRIES_MAX)
    }
}

/// One instance with one open session in it, until it traps.
struct Live {
    store: Store<Limits>,
    instance: SigninTriage,
    session: ResourceAny,
    /// How long a call may take, beside what its bytes do.
    time: Duration,
}

impl Live {
    fn open(plugin: &Plugin, config: &str, snapshot: Option<&str>) -> Result<Self, OpenError> {
        let (mut store, instance) = plugin
            .instantiate(plugin.memory_bytes_for(config))
            .map_err(OpenError::Other)?;
        allow(
            &mut store,
            plugin.batch,
            config.len() + snapshot.map_or(0, str::len),
        );
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
            time: plugin.batch,
        })
    }

    /// `share`: the part of the time that it may take.
    fn call(&mut self, call: Call, share: u32) -> wasmtime::Result<wit::Outcome> {
        let bytes = match call {
            Call::Process(batch) => batch.len(),
            // All that waits may leave.
            Call::Advance(_) | Call::Drain => self.store.data().memory_bytes,
        };
        allow(&mut self.store, self.time / share, bytes);
        let (store, this) = (&mut self.store, self.session);
        let session = self.instance.signin_triage_transform_transform().session();
        match call {
            Call::Process(batch) => session.call_process(store, this, batch),
            Call::Advance(millis) => session.call_advance(store, this, millis),
            Call::Drain => session.call_drain(store, this),
        }
    }

    /// What a failed call came to: the first line says it, and where it was known the rest where.
    fn said(&self, error: &wasmtime::Error) -> String {
        let limits = self.store.data();
        let what = if error.downcast_ref() == Some(&Trap::Interrupt) {
            TOO_LONG.to_owned()
        } else if limits.refused {
            let mib = limits.memory_bytes_max >> 20;
            format!("it asked for more than {mib} MiB of memory")
        } else {
            error.root_cause().to_string()
        };
        format!("{what}\n{error:?}")
    }

    /// Whether lines or roll-ups wait in what was restored.
    fn waits(&mut self) -> bool {
        let waits = |one: &Counter| WAITING.contains(&&*one.group) && one.count > 0;
        self.stats()
            .map_or(true, |counters| counters.iter().any(waits))
    }

    fn snapshot(&mut self) -> wasmtime::Result<String> {
        let bytes = self.store.data().memory_bytes;
        allow(&mut self.store, self.time, bytes);
        let session = self.instance.signin_triage_transform_transform().session();
        session.call_snapshot(&mut self.store, self.session)
    }

    fn stats(&mut self) -> wasmtime::Result<Vec<Counter>> {
        allow(&mut self.store, self.time, 0);
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
    time: Duration,
}

impl Keyed {
    /// The key of a line; `None` where it has none.
    ///
    /// # Errors
    /// The component trapped; the instance is of no more use.
    pub fn key_of(&mut self, by: Key, line: &str) -> Result<Option<String>> {
        allow(&mut self.store, self.time, line.len());
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
        let bytes = config.len() + state.map_or(0, str::len) + batch.len();
        allow(&mut self.store, self.time, bytes);
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
            ..Outcome::default()
        }
    }
}

/// An open session. It outlives traps of the component: each costs the line that brought it about its labels, and
/// nothing else.
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
    promise: Promise,
    /// How many calls may fail in the next search.
    tries_max: u32,
    /// `None` only after an instance was lost and no new one could be had; the next batch tries again.
    live: Option<Live>,
    /// Counts of the instances lost.
    lost: Vec<Counter>,
    /// Counts of the present instance when `journal` was begun.
    counted: Vec<Counter>,
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
    /// Never fails. Where the component does, the batch is taken apart until the lines are found on which it does;
    /// these come back as they were, counted under `trapped`, and all others enriched. Where there are too many, what is
    /// left of the batch comes back as it was, counted under `given_up`.
    ///
    /// The text is kept until the next snapshot, in case of a trap. Who has no more use for it saves a copy with
    /// [`Session::process_owned`].
    pub fn process(&mut self, batch: &str) -> Outcome {
        self.process_owned(batch.to_owned())
    }

    /// The same for a batch that is given away.
    pub fn process_owned(&mut self, batch: String) -> Outcome {
        match self.ask(Call::Process(&batch), 1) {
            Ok(outcome) => {
                self.tries_max = TRIES_MAX;
                self.remember(Past::Batch(batch));
                outcome
            }
            Err(trap) => self.search(&batch, trap),
        }
    }

    /// Enriches what can be of a batch that failed, and finds the lines that cannot: halves what fails until it is one
    /// line.
    fn search(&mut self, batch: &str, trap: String) -> Outcome {
        // Each part that fails costs an instance, which begins where the last snapshot was taken.
        self.checkpoint();
        let mut all = Outcome {
            trap: Some(trap.clone()),
            ..Outcome::default()
        };
        let (mut tries, mut passed, mut lines) = (self.tries_max, false, 0);
        // Parts still to come, the next at the end, and of those that have failed how.
        let mut parts = vec![(batch, Some(trap))];
        while let Some((part, failed)) = parts.pop() {
            let trap = match failed {
                Some(trap) => trap,
                None if tries == 0 => String::new(),
                None => match self.ask(Call::Process(part), SEARCH_SHARE) {
                    Ok(outcome) => {
                        self.remember(Past::Batch(part.to_owned()));
                        all.extend(outcome, lines);
                        lines += line_count(part);
                        passed = true;
                        continue;
                    }
                    Err(trap) => {
                        let took_long = trap.starts_with(TOO_LONG);
                        tries = tries.saturating_sub(if took_long { TRIES_OF_TIME } else { 1 });
                        trap
                    }
                },
            };
            let why = match halves(part) {
                Some((first, second)) if tries > 0 => {
                    parts.extend([(second, None), (first, None)]);
                    continue;
                }
                None if !trap.is_empty() => PassedOn::Trapped,
                _ => PassedOn::GivenUp,
            };
            self.pass_on(why, line_count(part), part.len());
            lines += line_count(part);
            all.kept += part;
            all.failed.push(Failed {
                lines: part.to_owned(),
                why,
                reason: first_line(&trap).to_owned(),
            });
        }
        self.tries_max = if passed {
            TRIES_MAX
        } else {
            (self.tries_max / 2).max(TRIES_MIN)
        };
        all
    }

    /// Says that event time has come as far as `millis` since 1970, and releases what is due by then.
    pub fn advance(&mut self, millis: i64) -> Outcome {
        self.release(Call::Advance(millis), Past::Advance(millis))
    }

    /// Releases all that is still held, and all open roll-ups: for the end of a stream.
    pub fn drain(&mut self) -> Outcome {
        self.release(Call::Drain, Past::Drain)
    }

    fn release(&mut self, call: Call, past: Past) -> Outcome {
        match self.ask(call, 1) {
            Ok(outcome) => {
                self.remember(past);
                outcome
            }
            Err(trap) => Outcome {
                trap: Some(trap),
                ..Outcome::default()
            },
        }
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

    /// Makes a call. An error says why there is no answer, or none that can be true; the instance is another then.
    fn ask(&mut self, call: Call, share: u32) -> Result<Outcome, String> {
        if self.live.is_none() {
            self.revive();
        }
        let Some(live) = &mut self.live else {
            return Err("no new instance could be had".to_owned());
        };
        let answer = match live.call(call, share) {
            Ok(outcome) => {
                let outcome = Outcome::from(outcome);
                let broken = match call {
                    Call::Process(batch) => self.promise.broken(batch, &outcome),
                    Call::Advance(_) | Call::Drain => None,
                };
                broken.map_or(Ok(outcome), |broken| Err(broken.to_owned()))
            }
            Err(error) => Err(live.said(&error)),
        };
        if answer.is_err() {
            self.replace_instance();
        }
        answer
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
        self.checkpoint();
    }

    /// Takes a snapshot, so that the next instance begins there.
    fn checkpoint(&mut self) {
        if self.journal.is_empty() {
            return;
        }
        if let Ok(snapshot) = self.snapshot() {
            self.snapshot = Some(snapshot);
            self.counted = self.stats_of_instance();
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
            _ => self.counted.clone(),
        }
    }

    fn forget_journal(&mut self) {
        self.journal.clear();
        self.journal_bytes = 0;
    }

    /// Opens a new instance and runs the journal through it, so that the counts go on where they were.
    fn replace_instance(&mut self) {
        let counted = std::mem::take(&mut self.counted);
        add_all(&mut self.lost, &counted);
        self.revive();
    }

    /// Opens an instance from the last snapshot and runs the journal through it.
    fn revive(&mut self) {
        let mut opened = Live::open(self.plugin, &self.config, self.snapshot.as_deref());
        if opened.is_err() && self.snapshot.is_some() {
            // A snapshot that its own component does not take: better no memory than no labels.
            opened = Live::open(self.plugin, &self.config, None);
            if opened.is_ok() {
                self.snapshot = None;
                crate::say("the transform does not take up what it remembered, and begins anew");
            }
        }
        self.live = opened.ok();
        let Some(live) = &mut self.live else {
            return;
        };
        let replay = |past: &Past| {
            let call = match past {
                Past::Batch(batch) => Call::Process(batch),
                Past::Advance(millis) => Call::Advance(*millis),
                Past::Drain => Call::Drain,
            };
            live.call(call, 1).is_ok()
        };
        let replayed = self.journal.iter().all(replay);
        if !replayed {
            // What went well once traps now: nothing is gained by trying a third time.
            self.live = None;
            self.forget_journal();
        }
    }
}

/// A text of several lines in two; `None` of one line.
fn halves(text: &str) -> Option<(&str, &str)> {
    let (bytes, middle) = (text.as_bytes(), text.len() / 2);
    let after = memchr::memchr(b'\n', &bytes[middle..]).map(|end| middle + end + 1);
    let end = after
        .filter(|&end| end < text.len())
        .or_else(|| memchr::memrchr(b'\n', &bytes[..middle]).map(|end| end + 1))?;
    text.split_at_checked(end)
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

/// Those of them that count what leaves later.
const WAITING: [&str; 2] = ["lines_held", "rollups_open"];

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
    fn a_text_is_halved_between_lines() {
        for (text, halved) in [
            ("", None),
            ("a", None),
            ("abc\n", None),
            ("a\nb", Some(("a\n", "b"))),
            ("a\nb\n", Some(("a\n", "b\n"))),
            ("\n\n", Some(("\n", "\n"))),
            ("a\nbbbbbbbbé\n", Some(("a\n", "bbbbbbbbé\n"))),
            ("ééééééééé\nb\nc\n", Some(("ééééééééé\n", "b\nc\n"))),
        ] {
            assert_eq!(halves(text), halved, "{text:?}");
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
