//! From a line to slots: which member goes where, JSON text inside strings, and what shape it all is.
//!
//! [`view`] is the reader's whole interface: a line in, a [`Record`] (or the positions of an envelope's records, or a
//! reason to pass the line on) out. Text that holds escapes, and JSON text inside a string, is decoded into buffers
//! of a [`Scratch`] that is used again for the next line.

use super::Skip;
use super::json::{self, Cursor, Fault, Raw, Span, Value};
use super::keys::Keys;
use super::lines;
use super::record::{Found, Layout, PolicyTally, Record};
use super::seen::{self, Ahead, Place, Site};
use super::shapes::{self, Field, Member, Part, Shape};
use super::slot::{Fields, Kind, Own, PolicySlots, Slot, Source, StepSlots, Texts, offset};
use super::words::{Category, PolicyResult, truth_of};
use crate::classify::texts;
use crate::limits::{LINE_BYTES_MAX, POLICIES_MAX, STEPS_MAX};

/// What is used again for every line, so that reading allocates nothing in the steady state.
pub struct Scratch {
    unescaped: String,
    nested: String,
    slots: [Slot; Field::COUNT],
    steps: Vec<StepSlots>,
    policies: Vec<PolicySlots>,
    own: Vec<Own>,
    key: String,
    seen: seen::Names,
    seen_policies: seen::Policies,
    /// Lines read, as far as this says when the next lesson is.
    lines: u32,
    /// In a lesson: the values that were found, in their order, and how often something was found that is not a value
    /// of the line.
    found: Vec<(Field, Slot)>,
    others: u32,
}

/// So many lines are lessons, in which it is looked for stretches that come again, and then each of so many.
const LESSONS: u32 = 32;
const LESSON_EVERY: u32 = 256;

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch {
            unescaped: String::new(),
            nested: String::new(),
            slots: [Slot::default(); Field::COUNT],
            steps: Vec::new(),
            policies: Vec::new(),
            own: Vec::new(),
            key: String::new(),
            seen: seen::Names::default(),
            seen_policies: seen::Policies::default(),
            lines: 0,
            found: Vec::new(),
            others: 0,
        }
    }
}

/// What a line turned out to hold.
pub enum View<'a> {
    /// One sign-in.
    Record(Record<'a>),
    /// An object with an array of records.
    Envelope {
        /// Bytes of the object, as [`Record::json`] has them.
        length: usize,
        /// Where in it the array stands.
        array: Span,
    },
}

/// Reads the first line of `batch`; what stands behind it is not looked at. `member` is the name of the member that
/// we add; what it holds from an earlier pass is not looked at, only its place is noted.
///
/// # Errors
/// The reason to pass the line on unchanged. A text that is JSON and no sign-in is `NotSignIn`. Of a line that is too
/// long something else may be said.
pub fn view<'a>(batch: &'a str, member: &str, scratch: &'a mut Scratch) -> Result<View<'a>, Skip> {
    scratch.unescaped.clear();
    scratch.nested.clear();
    scratch.slots = [Slot::default(); Field::COUNT];
    scratch.steps.clear();
    scratch.policies.clear();
    scratch.own.clear();
    let batch = batch.strip_prefix(lines::MARK).unwrap_or(batch);
    // Of a line that is too long no more is read than what shows it.
    let window = batch.floor_char_boundary(LINE_BYTES_MAX + 8);
    let text = batch.get(..window).unwrap_or(batch);
    let mut cursor = Cursor::of_line(text);
    match cursor.peek() {
        None => return Err(Skip::Empty),
        Some(b'{') => {}
        // Of a text that is no object, name the first thing that is wrong with it.
        Some(_) => {
            cursor.skip()?;
            cursor.finish()?;
            return Err(Skip::NotObject);
        }
    }
    scratch.found.clear();
    scratch.lines = scratch.lines.wrapping_add(1);
    let mut reader = Reader {
        lesson: scratch.lines <= LESSONS || scratch.lines % LESSON_EVERY == 0,
        scratch,
        tally: PolicyTally::default(),
        trusted_network: false,
        cut: false,
        records: None,
        properties: false,
        signinlogs: false,
    };
    let Top { end, others, taken } = reader.top(&mut cursor, member)?;
    cursor.finish()?;

    let Reader {
        lesson: _,
        scratch,
        tally,
        trusted_network,
        cut,
        records,
        properties,
        signinlogs,
    } = reader;
    let text = text.get(..cursor.at()).unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.len() > LINE_BYTES_MAX {
        return Err(Skip::TooLong);
    }
    let texts = Texts {
        line: text,
        unescaped: &scratch.unescaped,
        nested: &scratch.nested,
    };
    let fields = Fields {
        texts,
        slots: &scratch.slots,
    };
    let Some(shape) = shape(&fields, properties, signinlogs) else {
        let array = records.ok_or(Skip::NotSignIn)?;
        let length = text.len();
        return Ok(View::Envelope { length, array });
    };
    if taken {
        return Err(Skip::MemberTaken);
    }
    Ok(View::Record(Record {
        json: text,
        shape,
        category: category(&fields),
        fields,
        steps: &scratch.steps,
        policies: &scratch.policies,
        tally,
        trusted_network,
        cut,
        layout: Layout {
            end,
            others,
            own: &scratch.own,
        },
    }))
}

/// What the top-level object is besides its fields.
struct Top {
    /// Where its last member ends.
    end: usize,
    /// Whether it has members besides ours.
    others: bool,
    /// Whether a member of our name is somebody else's.
    taken: bool,
}

/// Whether the value of a member of our name is of an earlier pass. Other programs may have put its members in
/// another order since. `null` is nobody's.
fn is_ours(value: &str) -> bool {
    let mut cursor = Cursor::new(value);
    let Ok(Value::Object) = cursor.value() else {
        return value == "null";
    };
    let mut first = true;
    while let Ok(Some(key)) = cursor.key(&mut first) {
        if cursor.slice(key.span) == "version" {
            return true;
        }
        if cursor.skip().is_err() {
            break;
        }
    }
    false
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "things that were seen or not"
)]
struct Reader<'s> {
    /// Whether all is read, to learn from it.
    lesson: bool,
    scratch: &'s mut Scratch,
    tally: PolicyTally,
    trusted_network: bool,
    cut: bool,
    records: Option<Span>,
    properties: bool,
    signinlogs: bool,
}

impl Reader<'_> {
    /// Reads the top-level object, whose `{` comes next.
    fn top(&mut self, cursor: &mut Cursor, member: &str) -> Result<Top, Fault> {
        cursor.value()?;
        let mut end = cursor.at();
        let mut others = false;
        let mut taken = false;
        let mut first = true;
        let mut place = Place::TOP;
        // Whether the newest of ours still waits for the member after it, to end where that begins.
        let mut waits = false;
        let mut run = None;
        loop {
            // Before the comma, if there is one.
            let before = cursor.at();
            let site = Site::new(&shapes::TOP, first, Source::Line);
            if !waits && cursor.closes() {
                self.end_run(cursor, &mut run, site, before);
                return Ok(Top { end, others, taken });
            }
            if !waits && place.is_after() && self.stretch(cursor, site, &mut place) {
                end = cursor.at();
                continue;
            }
            let mark = self.mark(cursor, place);
            if !waits && let Some(ahead) = self.guess(cursor, site, &mut place) {
                first = false;
                others = true;
                let value = cursor.at() - usize::from(ahead.in_text);
                self.top_member(cursor, ahead)?;
                end = cursor.at();
                if self.lesson {
                    self.notice(cursor, &mut run, site, mark, (ahead, value));
                }
                continue;
            }
            self.end_run(cursor, &mut run, site, before);
            let Some(key) = cursor.key(&mut first)? else {
                return Ok(Top { end, others, taken });
            };
            let quote = key.span.start.saturating_sub(1);
            if let Some(own) = self.scratch.own.last_mut()
                && own.leading
            {
                own.span.end = quote;
                own.leading = false;
                waits = false;
            }
            if self.with_key(cursor, key, |name| name == member) {
                let value = cursor.skip()?;
                taken |= !is_ours(cursor.slice(value));
                let start = if others { before } else { quote };
                self.scratch.own.push(Own {
                    span: Span {
                        start,
                        end: cursor.at(),
                    },
                    leading: !others,
                });
                waits = !others;
                end = cursor.at();
                continue;
            }
            others = true;
            let ahead = self.learn(cursor, (before, key), &shapes::TOP, site, &mut place);
            self.top_member(cursor, ahead)?;
            end = cursor.at();
        }
    }

    fn top_member(&mut self, cursor: &mut Cursor, ahead: Ahead) -> Result<(), Fault> {
        let Some(Member::Records) = ahead.member else {
            return self.member(cursor, ahead, Source::Line);
        };
        if ahead.in_text {
            return cursor.rest_of_string().map(|_| ());
        }
        self.scratch.others += 1;
        let value = cursor.skip()?;
        if cursor.slice(value).starts_with('[') {
            self.records = Some(value);
        }
        Ok(())
    }

    /// Reads up to the value of the next member of the open object; `None` once the object is closed. `first` as for
    /// [`Cursor::key`].
    #[inline(always)]
    fn next(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        source: Source,
        first: &mut bool,
        place: &mut Place,
    ) -> Result<Option<Ahead>, Fault> {
        if cursor.closes() {
            return Ok(None);
        }
        let site = Site::new(keys, *first, source);
        if let Some(ahead) = self.guess(cursor, site, place) {
            *first = false;
            return Ok(Some(ahead));
        }
        self.next_unexpected(cursor, keys, site, first, place)
    }

    #[inline(never)]
    fn next_unexpected(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        site: Site,
        first: &mut bool,
        place: &mut Place,
    ) -> Result<Option<Ahead>, Fault> {
        let before = cursor.at();
        let Some(key) = cursor.key(first)? else {
            return Ok(None);
        };
        Ok(Some(self.learn(cursor, (before, key), keys, site, place)))
    }

    /// Moves past the next name if it is one that is expected.
    #[inline(always)]
    fn guess(&mut self, cursor: &mut Cursor, site: Site, place: &mut Place) -> Option<Ahead> {
        let (ahead, length) = self.scratch.seen.guess(cursor.rest(), site, place)?;
        cursor.pass(length);
        Some(ahead)
    }

    /// Says what the member is whose name was read, and makes it expected. `before`: where the value before it ends.
    fn learn(
        &mut self,
        cursor: &mut Cursor,
        (before, key): (usize, Raw),
        keys: &'static Keys,
        site: Site,
        place: &mut Place,
    ) -> Ahead {
        let mut ahead = Ahead {
            member: self.with_key(cursor, key, |name| keys.find(name)),
            in_text: cursor.peek() == Some(b'"'),
            name: 0,
        };
        if ahead.in_text {
            cursor.pass(1);
        }
        let text = cursor.slice(Span {
            start: before,
            end: cursor.at(),
        });
        self.scratch
            .seen
            .learn(text.as_bytes(), site, &mut ahead, place);
        ahead
    }

    /// Reads the value of a member, of an object or array only the opening bracket.
    fn value(cursor: &mut Cursor, ahead: Ahead) -> Result<Value, Fault> {
        if ahead.in_text {
            cursor.rest_of_string().map(Value::Text)
        } else {
            cursor.value()
        }
    }

    /// Passes over the value of a member.
    fn skip(cursor: &mut Cursor, ahead: Ahead) -> Result<(), Fault> {
        let value = Reader::value(cursor, ahead)?;
        cursor.skip_rest(value)
    }

    /// Looks up a key, decoding it first in the rare case that it holds escapes.
    fn with_key<T>(&mut self, cursor: &Cursor, key: Raw, look: impl FnOnce(&str) -> T) -> T {
        let raw = cursor.slice(key.span);
        if !key.escaped {
            return look(raw);
        }
        self.scratch.key.clear();
        json::unescape(raw, &mut self.scratch.key);
        look(&self.scratch.key)
    }

    /// Reads the members of an object whose `{` has been read and whose name is kept as `name`.
    fn object(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        name: u16,
        source: Source,
    ) -> Result<(), Fault> {
        let mut first = true;
        let mut place = Place::within(name);
        let mut run = None;
        let site = Site::new(keys, false, source);
        loop {
            if place.is_after() && self.stretch(cursor, site, &mut place) {
                continue;
            }
            let mark = self.mark(cursor, place);
            let Some(ahead) = self.next(cursor, keys, source, &mut first, &mut place)? else {
                self.end_run(cursor, &mut run, site, mark.at);
                return Ok(());
            };
            let value = cursor.at() - usize::from(ahead.in_text);
            self.member(cursor, ahead, source)?;
            if self.lesson && source == Source::Line {
                self.notice(cursor, &mut run, site, mark, (ahead, value));
            }
        }
    }

    fn mark(&self, cursor: &Cursor, place: Place) -> Mark {
        Mark {
            place,
            at: cursor.at(),
            found: self.scratch.found.len(),
            others: self.scratch.others,
        }
    }

    /// Moves past a stretch of members that came at this place before, if it comes again, and keeps their values.
    #[inline]
    fn stretch(&mut self, cursor: &mut Cursor, site: Site, place: &mut Place) -> bool {
        if self.lesson {
            return false;
        }
        let seen = &mut self.scratch.seen;
        let found = seen.stretch(cursor.rest(), site, cursor.depth(), place);
        let Some((length, found)) = found else {
            return false;
        };
        for (field, slot) in found.fields(cursor.at()) {
            if let Some(place) = self.scratch.slots.get_mut(field as usize) {
                *place = slot;
            }
        }
        cursor.pass(length);
        true
    }

    /// In a lesson: goes on with the run of steady members, or ends it, and keeps the value. `mark`: where the member
    /// began; `read`: what it is, and where its value began.
    #[inline(never)]
    fn notice(
        &mut self,
        cursor: &Cursor,
        run: &mut Option<Run>,
        site: Site,
        mark: Mark,
        (ahead, value): (Ahead, usize),
    ) {
        let scratch = &mut *self.scratch;
        let text = cursor.since(value);
        let plain = scratch.others == mark.others && ahead.name != 0;
        let steady = scratch.seen.is_steady(ahead.name, text) && plain && mark.place.is_after();
        if plain && text.len() >= WORTH_BYTES && text.starts_with(b"{") | text.starts_with(b"[") {
            let fields = scratch.found.get(mark.found..).unwrap_or(&[]);
            if let Some(found) = seen::Found::new(fields, value, ahead.name) {
                let (site, place) = (Site::value_of(ahead.member), Place::within(ahead.name));
                let depth = cursor.depth();
                scratch.seen.learn_stretch(text, site, depth, found, place);
            }
        }
        let fits = |run: &Run| cursor.at() - run.from.at <= STRETCH_BYTES;
        if !steady || !run.as_ref().is_none_or(fits) {
            self.end_run(cursor, run, site, mark.at);
        }
        if steady {
            let run = run.get_or_insert(Run {
                from: mark,
                last: 0,
                found: 0,
            });
            run.last = ahead.name;
            run.found = self.scratch.found.len();
        }
    }

    /// Keeps the run of steady members that ends at `end`, if there is one and it is worth it.
    fn end_run(&mut self, cursor: &Cursor, run: &mut Option<Run>, site: Site, end: usize) {
        let Some(run) = run.take() else {
            return;
        };
        let from = run.from;
        let text = cursor.since(from.at).get(..end - from.at).unwrap_or(&[]);
        let fields = self.scratch.found.get(from.found..run.found).unwrap_or(&[]);
        let found = seen::Found::new(fields, from.at, run.last);
        if let Some(found) = found.filter(|_| text.len() >= WORTH_BYTES) {
            let depth = cursor.depth();
            let seen = &mut self.scratch.seen;
            seen.learn_stretch(text, site, depth, found, from.place);
        }
    }

    #[inline(always)]
    fn member(&mut self, cursor: &mut Cursor, ahead: Ahead, source: Source) -> Result<(), Fault> {
        // Most members are texts without escapes, to be kept or passed over.
        if ahead.in_text
            && let Some(span) = cursor.plain_text()
        {
            match ahead.member {
                None => return Ok(()),
                Some(Member::Leaf(field)) => {
                    self.keep(*field, Slot::of(span, source));
                    return Ok(());
                }
                Some(member) => {
                    let raw = Raw {
                        span,
                        escaped: false,
                    };
                    return self.known(cursor, member, Value::Text(raw), ahead.name, source);
                }
            }
        }
        if !ahead.in_text
            && source == Source::Line
            && matches!(cursor.here(), Some(b'{' | b'['))
            && self.stretch(
                cursor,
                Site::value_of(ahead.member),
                &mut Place::within(ahead.name),
            )
        {
            return Ok(());
        }
        let value = Reader::value(cursor, ahead)?;
        let Some(member) = ahead.member else {
            return cursor.skip_rest(value);
        };
        self.known(cursor, member, value, ahead.name, source)
    }

    /// Reads `value` of a member that is known and whose name is kept as `name`.
    fn known(
        &mut self,
        cursor: &mut Cursor,
        member: &Member,
        value: Value,
        name: u16,
        source: Source,
    ) -> Result<(), Fault> {
        match (member, value) {
            (Member::Object(keys) | Member::ObjectOrLeaf(keys, _), Value::Object) => {
                let properties = std::ptr::eq(*keys, &raw const shapes::PROPERTIES);
                let signinlogs = std::ptr::eq(*keys, &raw const shapes::ELASTIC_SIGNINLOGS);
                self.properties |= properties;
                self.signinlogs |= signinlogs;
                self.scratch.others += u32::from(properties | signinlogs);
                self.object(cursor, keys, name, source)
            }
            (Member::Named(keys), Value::Array) => self.named(cursor, keys, name, source),
            (Member::Steps, Value::Array) => self.steps(cursor, name, source),
            (Member::Policies, Value::Array) => self.policies(cursor, name, source),
            (Member::Networks, Value::Array) => self.networks(cursor, name, source),
            (Member::FirstOf(field), Value::Array) => self.first_of(cursor, *field, source),
            (
                Member::Object(_)
                | Member::FirstOf(_)
                | Member::Named(_)
                | Member::Steps
                | Member::Policies
                | Member::Networks,
                Value::Text(raw),
            ) if source == Source::Line && holds_json(cursor, raw) => {
                self.nested(cursor, raw, member, name);
                Ok(())
            }
            (
                Member::Leaf(field) | Member::ObjectOrLeaf(_, field) | Member::FirstOf(field),
                value,
            ) => {
                let slot = self.slot(cursor, value, source)?;
                self.keep(*field, slot);
                Ok(())
            }
            (_, value) => cursor.skip_rest(value),
        }
    }

    /// Log Analytics keeps objects and arrays as text in some columns: `"Status":"{\r\n  \"errorCode\": 0 …"`.
    /// Broken JSON in there does not count against the line, which is whole. What stands before the break is kept:
    /// the usual break is a column that was cut at its maximum length.
    fn nested(&mut self, cursor: &Cursor, raw: Raw, member: &Member, name: u16) {
        self.scratch.others += 1;
        let mut text = std::mem::take(&mut self.scratch.nested);
        let start = text.len();
        json::unescape(cursor.slice(raw.span), &mut text);
        let mut inner = Cursor::starting_at(&text, start);
        if let Ok(value) = inner.value() {
            let _ = self.known(&mut inner, member, value, name, Source::Nested);
        }
        self.scratch.nested = text;
    }

    /// Of a member that stands twice the later one counts.
    fn keep(&mut self, field: Field, slot: Slot) {
        if self.lesson {
            self.scratch.found.push((field, slot));
            self.scratch.others +=
                u32::from(slot.kind == Kind::Value && slot.source != Source::Line);
        }
        if let Some(place) = self.scratch.slots.get_mut(field as usize) {
            *place = slot;
        }
    }

    /// The place of a plain value. An object or array has none and is passed over.
    fn slot(&mut self, cursor: &mut Cursor, value: Value, source: Source) -> Result<Slot, Fault> {
        let (span, source) = match value {
            Value::Null => {
                return Ok(Slot {
                    kind: Kind::Null,
                    ..Slot::default()
                });
            }
            Value::Object | Value::Array => {
                cursor.skip_rest(value)?;
                return Ok(Slot::default());
            }
            Value::Text(raw) if raw.escaped => {
                let start = self.scratch.unescaped.len();
                json::unescape(cursor.slice(raw.span), &mut self.scratch.unescaped);
                let end = self.scratch.unescaped.len();
                (Span { start, end }, Source::Unescaped)
            }
            Value::Text(raw) => (raw.span, source),
            Value::Bool(span) | Value::Number(span) => (span, source),
        };
        Ok(Slot::of(span, source))
    }

    fn first_of(&mut self, cursor: &mut Cursor, field: Field, source: Source) -> Result<(), Fault> {
        let mut first = true;
        let mut wanted = true;
        while cursor.element(&mut first)? {
            let value = cursor.value()?;
            let slot = self.slot(cursor, value, source)?;
            if std::mem::take(&mut wanted) {
                self.keep(field, slot);
            }
        }
        Ok(())
    }

    /// Reads the objects of the array that has been opened and whose name is kept as `name`, each into a `T` of its
    /// own: `each` for every known member, `done` after each object.
    fn parts<T: Default>(
        &mut self,
        cursor: &mut Cursor,
        (keys, name, source): (&'static Keys, u16, Source),
        mut each: impl FnMut(&mut Self, &mut Cursor, Part, Value, &mut T) -> Result<(), Fault>,
        mut done: impl FnMut(&mut Self, &Cursor, T),
    ) -> Result<(), Fault> {
        let mut first = true;
        while cursor.element(&mut first)? {
            let value = cursor.value()?;
            if value != Value::Object {
                cursor.skip_rest(value)?;
                continue;
            }
            let mut now = T::default();
            let mut first = true;
            let mut place = Place::within(name);
            while let Some(ahead) = self.next(cursor, keys, source, &mut first, &mut place)? {
                let value = Reader::value(cursor, ahead)?;
                match ahead.member {
                    Some(Member::Part(part)) => each(self, cursor, *part, value, &mut now)?,
                    _ => cursor.skip_rest(value)?,
                }
            }
            done(self, cursor, now);
        }
        Ok(())
    }

    fn steps(&mut self, cursor: &mut Cursor, name: u16, source: Source) -> Result<(), Fault> {
        self.scratch.others += 1;
        // As with any member that stands twice, the later one counts.
        self.scratch.steps.clear();
        self.parts(
            cursor,
            (&shapes::STEP, name, source),
            |reader, cursor, part, value, step: &mut StepSlots| {
                let slot = reader.slot(cursor, value, source)?;
                match part {
                    Part::StepMethod => step.method = slot,
                    Part::StepSucceeded => step.succeeded = truth_of(reader.plain(cursor, slot)),
                    _ => step.detail = slot,
                }
                Ok(())
            },
            |reader, _, step| {
                if reader.scratch.steps.len() < STEPS_MAX {
                    reader.scratch.steps.push(step);
                } else {
                    reader.cut = true;
                }
            },
        )
    }

    fn policies(&mut self, cursor: &mut Cursor, name: u16, source: Source) -> Result<(), Fault> {
        self.scratch.others += 1;
        // Log Analytics names the same list twice (ConditionalAccessPolicies, AppliedConditionalAccessPolicies).
        if self.tally.listed > 0 {
            return cursor.skip_rest(Value::Array);
        }
        let mut first = true;
        while cursor.element(&mut first)? {
            if cursor.peek() != Some(b'{') {
                cursor.skip()?;
                continue;
            }
            let start = cursor.at();
            let seen = &mut self.scratch.seen_policies;
            let recalled = seen.recall(cursor.rest(), cursor.depth(), source);
            if let Some(recalled) = &recalled
                && let Some((result, length)) = recalled.ending
            {
                cursor.pass(length);
                let mfa = recalled.policy.mfa;
                let slots = &recalled.policy.slots;
                let unsatisfied = result.is_unsatisfied().then(|| slots.moved(offset(start)));
                self.count(result, mfa, unsatisfied.unwrap_or_default());
                continue;
            }
            let begun = recalled.map(|recalled| Begun {
                which: recalled.which,
                length: recalled.length,
                ahead: recalled.policy.ahead,
                slots: recalled.policy.slots.moved(offset(start)),
                mfa: recalled.policy.mfa,
            });
            let now = self.policy(cursor, name, source, begun)?;
            self.count(now.result, now.mfa, now.slots);
        }
        Ok(())
    }

    /// Reads one policy, whose `{` comes next, or goes on behind what is known of it.
    fn policy(
        &mut self,
        cursor: &mut Cursor,
        name: u16,
        source: Source,
        begun: Option<Begun>,
    ) -> Result<PolicyNow, Fault> {
        let (start, depth) = (cursor.at(), cursor.depth());
        let mut now = PolicyNow::default();
        let mut first = true;
        let mut place = Place::within(name);
        let mut result = None;
        // Which one it is of those seen, and where its result stands.
        let mut which = None;
        if let Some(begun) = begun {
            cursor.pass(begun.length);
            cursor.stands_in_one_more();
            now.slots = begun.slots;
            now.mfa = begun.mfa;
            first = false;
            place = Place::after(begun.ahead.name);
            result = Some(begun.ahead);
            which = Some((begun.which, cursor.at()));
        } else {
            cursor.value()?;
        }
        let mut known = (now.slots, now.mfa);
        loop {
            let ahead = match result.take() {
                Some(ahead) => ahead,
                None => match self.next(cursor, &shapes::POLICY, source, &mut first, &mut place)? {
                    Some(ahead) => ahead,
                    None => break,
                },
            };
            let Some(Member::Part(part)) = ahead.member else {
                Reader::skip(cursor, ahead)?;
                continue;
            };
            // Up to here the policy is the same in most records.
            if *part == Part::PolicyResult && which.is_none() && now.slots.are_of(source) {
                let policy = seen::Policy {
                    depth,
                    source,
                    slots: now.slots.moved(offset(start).wrapping_neg()),
                    mfa: now.mfa,
                    ahead,
                };
                let text = cursor.since(start);
                let learnt = self.scratch.seen_policies.learn(text, policy);
                which = learnt.map(|which| (which, cursor.at()));
                known = (now.slots, now.mfa);
            }
            let value = Reader::value(cursor, ahead)?;
            match part {
                Part::PolicyName => now.slots.name = self.slot(cursor, value, source)?,
                Part::PolicyId => now.slots.id = self.slot(cursor, value, source)?,
                Part::PolicyResult => {
                    let slot = self.slot(cursor, value, source)?;
                    now.result = PolicyResult::parse(self.plain(cursor, slot));
                }
                _ => self.controls(cursor, value, source, &mut now)?,
            }
        }
        if let Some((which, from)) = which
            && known == (now.slots, now.mfa)
        {
            let text = cursor.since(from);
            let seen = &mut self.scratch.seen_policies;
            seen.learn_ending(which, text, now.result);
        }
        Ok(now)
    }

    /// Counts a policy, and keeps where it stands if it was not satisfied.
    fn count(&mut self, result: PolicyResult, mfa: bool, slots: PolicySlots) {
        let tally = &mut self.tally;
        tally.listed += 1;
        match result {
            PolicyResult::Success => {
                tally.satisfied += 1;
                tally.mfa_satisfied += u32::from(mfa);
            }
            PolicyResult::NotApplied => tally.mfa_not_applied += u32::from(mfa),
            result => {
                if !result.is_unsatisfied() {
                    return;
                }
                if self.scratch.policies.len() < POLICIES_MAX {
                    self.scratch.policies.push(slots);
                } else {
                    self.cut = true;
                }
            }
        }
    }

    /// Reads `"enforcedGrantControls":["Mfa","Guest terms of use"]`.
    fn controls(
        &mut self,
        cursor: &mut Cursor,
        value: Value,
        source: Source,
        now: &mut PolicyNow,
    ) -> Result<(), Fault> {
        if value != Value::Array {
            return cursor.skip_rest(value);
        }
        let mut first = true;
        while cursor.element(&mut first)? {
            let value = cursor.value()?;
            let slot = self.slot(cursor, value, source)?;
            let control = self.plain(cursor, slot);
            let custom = &mut now.slots.custom_control;
            if control.eq_ignore_ascii_case("Mfa") {
                now.mfa = true;
            } else if slot.kind == Kind::Value
                && !texts::is_builtin_control(control)
                && (custom.is_none() || texts::names_terms_of_use(control))
            {
                *custom = Some(slot);
            }
        }
        Ok(())
    }

    fn networks(&mut self, cursor: &mut Cursor, name: u16, source: Source) -> Result<(), Fault> {
        self.scratch.others += 1;
        self.trusted_network = false;
        self.parts(
            cursor,
            (&shapes::NETWORK, name, source),
            |reader, cursor, _, value, (): &mut ()| {
                let slot = reader.slot(cursor, value, source)?;
                // "trustedNamedLocation" on the wire, "trusted" and "intranet" in Graph's list of values.
                reader.trusted_network |= ["trustedNamedLocation", "trusted", "intranet"]
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(reader.plain(cursor, slot)));
                Ok(())
            },
            |_, _, ()| {},
        )
    }

    /// Reads `[{"Name":"UserAgent","Value":"…"},…]`.
    fn named(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        name: u16,
        source: Source,
    ) -> Result<(), Fault> {
        self.parts(
            cursor,
            (&shapes::NAMED, name, source),
            |reader, cursor, part, read, (name, value): &mut (Slot, Slot)| {
                let slot = reader.slot(cursor, read, source)?;
                match part {
                    Part::Name => *name = slot,
                    _ => *value = slot,
                }
                Ok(())
            },
            |reader, cursor, (name, value)| {
                if let Some(Member::Leaf(field)) = keys.find(reader.plain(cursor, name)) {
                    reader.keep(*field, value);
                }
            },
        )
    }

    /// The text of a slot that has just been read with `cursor`.
    fn plain<'t>(&'t self, cursor: &Cursor<'t>, slot: Slot) -> &'t str {
        let span = Span {
            start: slot.start as usize,
            end: slot.end as usize,
        };
        match slot.source {
            Source::Unescaped => self
                .scratch
                .unescaped
                .get(span.start..span.end)
                .unwrap_or(""),
            Source::Line | Source::Nested => cursor.slice(span),
        }
    }
}

/// Where a reader is.
#[derive(Clone, Copy)]
struct Mark {
    place: Place,
    at: usize,
    /// Values found so far, and other things.
    found: usize,
    others: u32,
}

/// Steady members in a row, while they are read.
struct Run {
    from: Mark,
    /// The name of the last one.
    last: u16,
    /// Values found up to its end.
    found: usize,
}

/// Bytes of the shortest stretch that is worth a comparison, and of the longest that is kept.
const WORTH_BYTES: usize = 16;
const STRETCH_BYTES: usize = 500;

/// What is known of a policy up to its result.
struct Begun {
    which: seen::Which,
    length: usize,
    ahead: Ahead,
    slots: PolicySlots,
    mfa: bool,
}

/// A policy while it is read.
#[derive(Default)]
struct PolicyNow {
    slots: PolicySlots,
    result: PolicyResult,
    mfa: bool,
}

/// Whether a string is an object or array written as text.
fn holds_json(cursor: &Cursor, raw: Raw) -> bool {
    let text = cursor.slice(raw.span);
    text.starts_with(['{', '['])
}

/// The shape, and with it whether this is a sign-in at all. `properties` and `signinlogs`: whether an object of
/// that name was seen where a shape has it.
fn shape(fields: &Fields, properties: bool, signinlogs: bool) -> Option<Shape> {
    // An empty name is a name that is not known.
    let named = |field| match fields.found(field) {
        Found::Value(text) => Some(Category::parse(text)),
        Found::Empty => Some(None),
        Found::Absent | Found::Null => None,
    };
    let category = named(Field::Category);
    // Other shapes can have an `operation` that a shipper added.
    let signs_in = ["UserLoggedIn", "UserLoginFailed"];
    if signs_in
        .iter()
        .any(|word| fields.is(Field::Operation, word))
    {
        let kind = !fields.has(Field::RecordType)
            || fields.is(Field::RecordType, "15")
            || fields.is(Field::RecordType, "AzureActiveDirectoryStsLogon");
        return kind.then_some(Shape::OfficeAudit);
    }
    // The name of the data set is not enough: before Elastic's own parsing the record is text in `message`.
    if signinlogs {
        return Some(Shape::Elastic);
    }
    if properties {
        let known = match category {
            Some(category) => category.is_some(),
            None => fields.is(Field::OperationName, "Sign-in activity"),
        };
        return known.then_some(Shape::AzureMonitor);
    }
    if fields.has(Field::ResultType) {
        let table = named(Field::Table);
        let known = match (table, category) {
            // Some shippers add a `type` of their own, so one name that is known is enough.
            (Some(Some(_)), _) | (_, Some(Some(_))) => true,
            (Some(None), _) | (_, Some(None)) => false,
            (None, None) => {
                fields.has(Field::AppName)
                    && (fields.has(Field::EnvelopeCorrelationId)
                        || fields.has(Field::CorrelationId))
            }
        };
        return known.then_some(Shape::LogAnalytics);
    }
    // Other records of the Office 365 audit log have a time and a code as well.
    let graph = fields.has(Field::Created)
        && fields.has(Field::ErrorCode)
        && !fields.has(Field::RecordType);
    graph.then_some(Shape::Graph)
}

/// The log a record belongs to.
fn category(fields: &Fields) -> Category {
    let named = [Field::Category, Field::Table, Field::EventType]
        .into_iter()
        .find_map(|field| fields.text(field).and_then(Category::parse));
    match named {
        // Graph has no category; its event type says the same.
        Some(category) => category,
        None if fields.flag(Field::IsInteractive) == Some(false) => Category::NonInteractiveUser,
        None => Category::User,
    }
}
