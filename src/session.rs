//! The path of a record, from bytes to bytes, and what becomes of its line.

use std::sync::Arc;

use crate::classify::{self, Class, Outcome as FlowOutcome, Status};
use crate::config::{self, Config};
use crate::held::{Held, Waiting};
use crate::input::json::{Cursor, Span};
use crate::input::lines::{self, Line};
use crate::input::{Record, Scratch, Skip, View, view};
use crate::keyed::Earlier;
use crate::limits;
use crate::noise::{self, Circumstances, Noise};
use crate::rollup::Rollups;
use crate::score;
use crate::signals::agent::Agents;
use crate::signals::{self, Agent, Case, Hit};
use crate::state::event::{Event, Traits};
use crate::state::user::Before;
use crate::state::{Attack, Facts, Keys, Names, Sighting, State};
use crate::stats::{Counter, Gauges, Left, Stats};
use crate::write::{self, Decision};

/// A long-lived run over a stream of lines.
pub struct Session {
    pub(crate) config: Config,
    /// The name of the member that is added.
    member: Arc<str>,
    /// What it remembers, and which signals it looks at.
    pub(crate) keys: Keys,
    pub(crate) state: State,
    pub(crate) waiting: Waiting,
    pub(crate) rollups: Rollups,
    /// The newest event time seen, in seconds since 1970; 0 before the first.
    pub(crate) watermark: u32,
    /// Where records are that are far ahead of the watermark, and how many in a row were.
    pub(crate) leap: (u32, u8),
    /// Taken out while a record borrows from it.
    scratch: Option<Box<Scratch>>,
    /// For reading a held line again while another is being read.
    second_scratch: Option<Box<Scratch>>,
    /// What was made of the last user agents.
    agents: Agents,
    hits: Vec<Hit>,
    /// The envelope that is being written.
    envelope: String,
    /// See [`Session::one_by_one`].
    one_by_one: bool,
    stats: Stats,
}

/// What became of one batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The lines that stay in the stream: in order, roll-ups and lines that had been held among them.
    pub kept: String,
    /// The lines that leave by the second output. Empty in mode `annotate`.
    pub suppressed: String,
    /// What was passed on unchanged, the first [`limits::REJECTED_MAX`] of a batch; these lines are part of `kept`.
    pub rejected: Vec<Rejected>,
}

/// A line, or an element of an envelope, that was passed on unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Number of the line within the batch, from 1.
    pub line: u32,
    /// Why.
    pub reason: Skip,
}

/// What becomes of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Suppress,
    Hold,
}

/// Where a record goes once it is decided upon.
enum To<'a> {
    /// It is a line of its own, with this before and after it.
    Line(&'a str, &'a str),
    /// It is an element of an envelope, and is written there whatever becomes of it.
    Envelope(&'a mut String),
}

impl Session {
    /// Opens a session that remembers nothing yet.
    pub fn open(config: Config) -> Session {
        Session::by(config, Keys::ALL)
    }

    /// The same for one that remembers by `keys` only.
    pub(crate) fn by(config: Config, keys: Keys) -> Session {
        Session {
            state: State::new(&config, keys),
            member: config.text(&config::MEMBER).into(),
            config,
            keys,
            waiting: Waiting::default(),
            rollups: Rollups::default(),
            watermark: 0,
            leap: (0, 0),
            scratch: None,
            second_scratch: None,
            agents: Agents::default(),
            hits: Vec::new(),
            envelope: String::new(),
            one_by_one: false,
            stats: Stats::default(),
        }
    }

    /// Opens a session for a host that takes one object for each that it gives. Roll-ups wait until
    /// [`Session::rollup`] asks for one, and nothing is taken out of an envelope: several records would leave it, and
    /// there would be no place for their roll-ups.
    pub(crate) fn one_by_one(config: Config) -> Session {
        Session {
            one_by_one: true,
            ..Session::open(config)
        }
    }

    /// Appends the next roll-up whose window has closed, or that makes room; false where there is none.
    pub(crate) fn rollup(&mut self, out: &mut String) -> bool {
        let start = out.len();
        let written = self.rollups.write_due(self.watermark, out);
        if written {
            self.stats.rollup(out.len() - start);
        }
        written
    }

    /// Enriches a batch of whole lines. What cannot be read is passed on unchanged.
    pub fn process(&mut self, batch: &str) -> Outcome {
        let mut outcome = Outcome::default();
        // What is added to a record is mostly a fifth of it or less.
        outcome.kept.reserve(batch.len() + batch.len() / 4);
        let mut scratch = self.scratch.take().unwrap_or_default();
        let (mut rest, mut number) = (batch, 0);
        while !rest.is_empty() {
            number += 1;
            let taken = self.line(rest, number, &mut scratch, &mut outcome);
            rest = rest.get(taken..).unwrap_or("");
        }
        self.scratch = Some(scratch);
        outcome
    }

    /// The same for a text that should be one object on one line. `None`, with nothing remembered, where it has line
    /// ends and is not read up to its end.
    pub(crate) fn process_one(&mut self, text: &str) -> Option<Outcome> {
        let mut outcome = Outcome::default();
        outcome.kept.reserve(text.len() + text.len() / 4);
        let mut scratch = self.scratch.take().unwrap_or_default();
        let taken = self.line(text, 1, &mut scratch, &mut outcome);
        self.scratch = Some(scratch);
        (taken == text.len()).then_some(outcome)
    }

    /// Says that event time has come as far as `millis` since 1970, and releases what is due by then: held lines as
    /// `abandoned`, and the roll-ups of windows that have closed.
    pub fn advance(&mut self, millis: i64) -> Outcome {
        let mut outcome = Outcome::default();
        let secs = u32::try_from(millis.div_euclid(1000).max(0)).unwrap_or(u32::MAX);
        self.tick(secs, &mut outcome);
        outcome
    }

    /// Releases all that is still held, with the outcome known so far, and all roll-ups: for the end of a stream.
    pub fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some(held) = self.waiting.due(u32::MAX) {
            self.release(&held, FlowOutcome::Pending, false, &mut outcome);
        }
        self.write_rollups(u32::MAX, &mut outcome);
        outcome
    }

    /// All counts since the session was opened, in a fixed order.
    pub fn stats(&self) -> Vec<Counter> {
        self.stats.counters(&Gauges {
            held: self.waiting.len(),
            open_rollups: self.rollups.len(),
            tables: [
                ("users", self.state.users.gauge()),
                ("addresses", self.state.addresses.gauge()),
                ("tenants", self.state.tenants.gauge()),
            ],
            too_late: self.state.too_late(),
        })
    }

    /// The first line of `batch`: a record, or an envelope whose records are enriched in place. Returns its length;
    /// see [`Session::process_one`] for when that is 0.
    fn line(
        &mut self,
        batch: &str,
        number: u32,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> usize {
        let member = Arc::clone(&self.member);
        let records = self.stats.records();
        let found = view(batch, &member, scratch);
        if self.one_by_one {
            let read = match &found {
                Ok(View::Record(record)) => record.json().len(),
                Ok(View::Envelope { length, .. }) => *length,
                Err(_) => 0,
            };
            if read < batch.len() && batch.contains('\n') {
                return 0;
            }
        }
        let (line, fate) = match found {
            Ok(View::Record(record)) => {
                let line = lines::around(batch, record.json().len());
                let to = To::Line(line.lead, line.tail);
                (line, Ok(self.record(&record, &member, to, outcome)))
            }
            Ok(View::Envelope { length, array }) => {
                let line = lines::around(batch, length);
                (line, self.envelope(line, array, number, scratch, outcome))
            }
            Err(skip) => {
                let line = lines::first(batch);
                let too_long = line.text.len() > limits::LINE_BYTES_MAX;
                (line, Err(if too_long { Skip::TooLong } else { skip }))
            }
        };
        let length = line.bytes();
        let (fate, written) = fate.unwrap_or_else(|skip| {
            self.reject(skip, number, outcome);
            end_line(&mut outcome.kept);
            outcome.kept.push_str(batch.get(..length).unwrap_or(batch));
            (Fate::Keep, length)
        });
        let left = match fate {
            Fate::Keep if self.stats.records() > records => Left::Enriched,
            Fate::Keep => Left::Unchanged,
            Fate::Suppress => Left::Suppressed,
            Fate::Hold => Left::Held,
        };
        let kept = if fate == Fate::Keep { written } else { 0 };
        self.stats.line(length, kept, left);
        while let Some(held) = self.waiting.surplus() {
            self.release_early(&held, outcome);
        }
        self.release_due(outcome);
        length
    }

    /// The elements of the array at `array`, each enriched in its place; those that are suppressed leave as lines of
    /// their own, and where all are nothing is left of the envelope. They are never held: one line stays one line. An
    /// empty one holds no sign-in. Returns what becomes of the line, and its bytes.
    fn envelope(
        &mut self,
        line: Line,
        array: Span,
        number: u32,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> Result<(Fate, usize), Skip> {
        let text = line.text;
        let mut cursor = Cursor::starting_at(text, array.start);
        let mut first = true;
        cursor.value()?;
        if !cursor.element(&mut first)? {
            return Err(Skip::Empty);
        }
        let member = Arc::clone(&self.member);
        let mut out = std::mem::take(&mut self.envelope);
        out.clear();
        let mut from = 0;
        let (mut kept, mut suppressed) = (0, String::new());
        loop {
            let element = cursor.skip()?;
            let before = text.get(from..element.start).unwrap_or("");
            let opening = from == 0;
            from = element.end;
            let element = cursor.slice(element);
            let mark = out.len();
            // The comma between two elements goes with the second, and the opening of the array stays.
            if opening || kept > 0 {
                out.push_str(before);
            }
            let start = out.len();
            let skip = match view(element, &member, scratch) {
                Ok(View::Record(record)) => {
                    let to = To::Envelope(&mut out);
                    if self.record(&record, &member, to, outcome).0 == Fate::Suppress {
                        suppressed.push_str(out.get(start..).unwrap_or(""));
                        suppressed.push_str(ended(line.tail));
                        out.truncate(if opening { start } else { mark });
                    } else {
                        kept += 1;
                    }
                    None
                }
                // An envelope within an envelope is none of the known shapes.
                Ok(View::Envelope { .. }) => Some(Skip::NotSignIn),
                Err(skip) => Some(skip),
            };
            if let Some(skip) = skip {
                out.push_str(element);
                kept += 1;
                self.reject(skip, number, outcome);
            }
            if !cursor.element(&mut first)? {
                break;
            }
        }
        outcome.suppressed.push_str(&suppressed);
        let mut fate = (Fate::Suppress, 0);
        if kept > 0 {
            out.push_str(text.get(from..).unwrap_or(""));
            end_line(&mut outcome.kept);
            for part in [line.lead, &out, line.tail] {
                outcome.kept.push_str(part);
                fate.1 += part.len();
            }
            fate.0 = Fate::Keep;
        }
        self.envelope = out;
        Ok(fate)
    }

    fn reject(&mut self, skip: Skip, line: u32, outcome: &mut Outcome) {
        self.stats.rejected(skip);
        if outcome.rejected.len() < limits::REJECTED_MAX {
            outcome.rejected.push(Rejected { line, reason: skip });
        }
    }

    /// The path of one record. Returns what becomes of it, and the bytes that were written.
    fn record(
        &mut self,
        record: &Record,
        member: &str,
        to: To,
        outcome: &mut Outcome,
    ) -> (Fate, usize) {
        let mut class = classify::classify(record);
        let earlier = Earlier::of(record, self.keys);
        let listed = signals::is_listed(record, &self.config);
        let names = Names::of(record);
        let event = Event::of(record, &names, &class, listed);
        let event = event.filter(|event| self.believes(event.at));
        if let Some(event) = &event {
            self.tick(event.at, outcome);
        }
        let sighting = event.map(|event| self.state.observe(&names, event));
        let before = sighting.as_ref().and_then(Sighting::of_user);
        if before.is_some_and(|before| before.completed)
            && class.outcome == Some(FlowOutcome::Pending)
        {
            class.outcome = Some(FlowOutcome::Completed);
        }
        class.outcome = earlier
            .outcome
            .filter(|_| class.outcome.is_some())
            .or(class.outcome);

        let case = Case {
            record,
            class: &class,
            config: &self.config,
            agent: self.agents.look_at(record, &self.config),
            known: sighting
                .as_ref()
                .map_or(Facts::default(), |sighting| self.state.facts(sighting)),
        };
        let mut hits = std::mem::take(&mut self.hits);
        signals::check_all(&case, self.keys, &mut hits);
        earlier.add_hits(&mut hits, &self.config);
        let user = sighting.as_ref().and_then(|sighting| sighting.user_key);
        if let Some(sighting) = &sighting {
            let found = score::findings(&hits, sighting.event.at, &self.config);
            self.state.reported(sighting, &found);
            if let Some(user) = user {
                self.go_on(user, &sighting.event, found.odd, outcome);
            }
        }

        let place = before.map(Before::place).unwrap_or_default();
        let waits = self.waits(&class, before);
        let fate = if let (To::Line(lead, tail), true, Some(event), Some(user)) =
            (&to, waits, event, user)
        {
            let held = Held {
                user,
                event,
                place,
                hits: hits.iter().map(Into::into).collect(),
                line: [lead, record.json(), tail].concat(),
            };
            self.hold(held, outcome);
            (Fate::Hold, 0)
        } else {
            let known = Circumstances {
                place,
                duplicate: before.is_some_and(|before| before.duplicate),
                repeat: before.is_some_and(|before| before.repeat),
                completed_oddly: before.is_some_and(|before| before.completed_oddly),
                attack: sighting
                    .as_ref()
                    .and_then(|sighting| self.sees_attack(sighting)),
                earlier: earlier.noise,
            };
            let flow = before.and_then(|before| before.completes).or(earlier.flow);
            let decided = Decided {
                known: &known,
                hits: &hits,
                flow,
                keys: earlier.keys.and(self.keys),
                event: event.as_ref(),
                names,
                stays: self.one_by_one && matches!(to, To::Envelope(_)),
            };
            self.finish(record, &class, member, &decided, to, outcome)
        };
        self.hits = hits;
        fate
    }

    /// Decides about noise, writes the record, and counts it. Returns what becomes of it, and the bytes written.
    fn finish(
        &mut self,
        record: &Record,
        class: &Class,
        member: &str,
        decided: &Decided,
        to: To,
        outcome: &mut Outcome,
    ) -> (Fate, usize) {
        let case = Case {
            record,
            class,
            config: &self.config,
            agent: Agent::default(),
            known: Facts::default(),
        };
        let score = score::total(decided.hits);
        let verdict = score::verdict(score, &self.config);
        let noise = noise::decide(&case, decided.hits, verdict, decided.known);
        let decision = Decision {
            record,
            class,
            noise,
            score,
            verdict,
            hits: decided.hits,
            flow: decided.flow,
            keys: decided.keys,
        };
        let bytes = record.json().len();
        self.stats.record(&decision, &decided.names, bytes);
        let filters = self.config.text(&config::MODE) == "filter" && !decided.stays;
        let fate = match noise {
            Noise::Suppress(reason) if filters => {
                let at = decided.event.map_or(self.watermark, |event| event.at);
                let secs = u32::try_from(self.config.int(&config::ROLLUP_SECS)).unwrap_or(u32::MAX);
                // Of what arrives late the window begins now: else each late record would close it.
                let due = self.watermark.max(at).saturating_add(secs);
                self.rollups.add(record, class, reason, at, due);
                self.stats.suppressed_record(bytes);
                Fate::Suppress
            }
            _ => Fate::Keep,
        };
        let (out, lead, tail) = match (to, fate) {
            (To::Envelope(out), _) => (out, "", ""),
            (To::Line(lead, tail), Fate::Suppress) => (&mut outcome.suppressed, lead, ended(tail)),
            (To::Line(lead, tail), _) => {
                end_line(&mut outcome.kept);
                (&mut outcome.kept, lead, tail)
            }
        };
        let start = out.len();
        out.push_str(lead);
        write::record(out, member, &decision);
        out.push_str(tail);
        (fate, out.len() - start)
    }

    /// Whether the record is to wait for what becomes of it.
    fn waits(&self, class: &Class, before: Option<&Before>) -> bool {
        self.config.int(&config::HOLD_SECS) > 0
            && class.status == Status::Interrupted
            && class.outcome == Some(FlowOutcome::Pending)
            // Nothing goes on with a repeat that nobody sees.
            && before.is_some_and(|before| {
                let repeat = before.repeat && before.place().is_known();
                !(before.duplicate || before.too_late || repeat)
            })
    }

    /// Lets a record wait.
    fn hold(&mut self, held: Held, outcome: &mut Outcome) {
        let secs = self.config.int(&config::HOLD_SECS);
        let due = held
            .event
            .at
            .saturating_add(u32::try_from(secs).unwrap_or(0));
        self.stats.held_record();
        if let Some(surplus) = self.waiting.hold(due, held) {
            self.release_early(&surplus, outcome);
        }
    }

    /// A record of a user came: lets go of what it completes or denies. `odd`: it is worth a look itself.
    fn go_on(&mut self, user: u64, event: &Event, odd: bool, outcome: &mut Outcome) {
        let flow = if event.is_success() {
            FlowOutcome::Completed
        } else if event.is(Traits::DENIED) {
            FlowOutcome::Denied
        } else {
            return;
        };
        if self.waiting.is_empty() {
            return;
        }
        for held in self.waiting.go_on(user, event) {
            self.release(&held, flow, odd, outcome);
        }
    }

    /// Whether event time can have come as far as `at`, see [`limits::LEAP_SECS`]. Where an engine keeps the state by
    /// key, one key's silence is no measure, so there every time is believed.
    fn believes(&mut self, at: u32) -> bool {
        let near = |other: u32| at.abs_diff(other) <= limits::LEAP_SECS;
        if self.keys != Keys::ALL
            || self.watermark == 0
            || at <= self.watermark
            || near(self.watermark)
        {
            self.leap = (0, 0);
            return true;
        }
        let (place, count) = self.leap;
        let count = if count > 0 && near(place) {
            count + 1
        } else {
            1
        };
        self.leap = (at, count);
        if count < limits::LEAPS_MIN {
            self.stats.ahead();
            return false;
        }
        self.leap = (0, 0);
        true
    }

    /// Event time has come as far as `now`.
    fn tick(&mut self, now: u32, outcome: &mut Outcome) {
        if now <= self.watermark {
            return;
        }
        self.watermark = now;
        self.release_due(outcome);
    }

    /// Releases what is due at the watermark.
    fn release_due(&mut self, outcome: &mut Outcome) {
        while let Some(held) = self.waiting.due(self.watermark) {
            self.release(&held, FlowOutcome::Abandoned, false, outcome);
        }
        if !self.one_by_one {
            self.write_rollups(self.watermark, outcome);
        }
    }

    fn write_rollups(&mut self, now: u32, outcome: &mut Outcome) {
        loop {
            let start = outcome.kept.len();
            end_line(&mut outcome.kept);
            if !self.rollups.write_due(now, &mut outcome.kept) {
                outcome.kept.truncate(start);
                return;
            }
            self.stats.rollup(outcome.kept.len() - start);
        }
    }

    /// Lets a record go for which there is no room until it is due.
    fn release_early(&mut self, held: &Held, outcome: &mut Outcome) {
        self.stats.released_early();
        self.release(held, FlowOutcome::Pending, false, outcome);
    }

    /// Lets a record go that had been held, with what became of it. `odd`: what went on with it is worth a look.
    fn release(&mut self, held: &Held, flow: FlowOutcome, odd: bool, outcome: &mut Outcome) {
        let mut scratch = self.second_scratch.take().unwrap_or_default();
        let member = Arc::clone(&self.member);
        let (fate, written) =
            if let Ok(View::Record(record)) = view(&held.line, &member, &mut scratch) {
                let line = lines::around(&held.line, record.json().len());
                let mut class = classify::classify(&record);
                class.outcome = Some(flow);
                let names = Names::of(&record);
                let known = Circumstances {
                    place: held.place,
                    completed_oddly: odd,
                    attack: self.under_attack(&names, held.event.at),
                    ..Circumstances::default()
                };
                let earlier = Earlier::of(&record, self.keys);
                let hits: Vec<Hit> = held.hits.iter().map(Into::into).collect();
                let decided = Decided {
                    known: &known,
                    hits: &hits,
                    flow: None,
                    keys: earlier.keys.and(self.keys),
                    event: Some(&held.event),
                    names,
                    stays: false,
                };
                let to = To::Line(line.lead, ended(line.tail));
                self.finish(&record, &class, &member, &decided, to, outcome)
            } else {
                // It was read before, so this does not happen; were it to, the line must not be lost.
                end_line(&mut outcome.kept);
                outcome.kept.push_str(&held.line);
                end_line(&mut outcome.kept);
                (Fate::Keep, held.line.len())
            };
        self.second_scratch = Some(scratch);
        if fate == Fate::Suppress {
            self.stats.released(0, Left::Suppressed);
        } else {
            self.stats.released(written, Left::Enriched);
        }
    }

    /// The signal that says that an attack on the user, or from the address, was seen meanwhile.
    fn under_attack(&self, names: &Names, at: u32) -> Option<&'static str> {
        let (users, addresses) = (&self.state.users, &self.state.addresses);
        let user = names
            .user
            .and_then(|key| users.look(key, |user| user.attack));
        let address = names
            .address
            .and_then(|key| addresses.look(key, |one| one.attack));
        self.in_attack(at, user.flatten(), address.flatten())
    }

    /// The same for a record that was just taken note of. Its signals may be switched off; the rule is not.
    fn sees_attack(&self, sighting: &Sighting) -> Option<&'static str> {
        let facts = self.state.facts(sighting);
        self.in_attack(
            sighting.event.at,
            facts.user.and_then(|(user, _)| user.attack),
            facts.address.and_then(|(address, _)| address.attack),
        )
    }

    fn in_attack(
        &self,
        at: u32,
        user: Option<Attack>,
        address: Option<Attack>,
    ) -> Option<&'static str> {
        let covers = |attack: Option<Attack>, secs: &config::Opt| {
            let secs = u32::try_from(self.config.int(secs)).unwrap_or(0);
            attack.is_some_and(|attack| attack.covers(at, secs))
        };
        let [of_user, of_address] = signals::attack_windows();
        if covers(user, of_user) {
            Some(signals::IN_ATTACK[0])
        } else if covers(address, of_address) {
            Some(signals::IN_ATTACK[1])
        } else {
            None
        }
    }
}

/// What is known of a record when it leaves, besides what it says by itself.
struct Decided<'a> {
    known: &'a Circumstances,
    hits: &'a [Hit],
    flow: Option<crate::state::flow::Completed>,
    keys: Keys,
    event: Option<&'a Event>,
    names: Names,
    /// Whether it is kept though it is noise.
    stays: bool,
}

/// The line end of a line that others will stand behind; the last line of an input can come without.
fn ended(tail: &str) -> &str {
    if tail.is_empty() { "\n" } else { tail }
}

/// Ends a line that came without a line end, so that another can stand behind it.
fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}
