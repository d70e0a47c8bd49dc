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
}

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
    let mut reader = Reader {
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
    reason = "four things that were seen or not"
)]
struct Reader<'s> {
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
        loop {
            // Before the comma, if there is one.
            let before = cursor.at();
            let site = Site::new(&shapes::TOP, first, Source::Line);
            if !waits && cursor.closes() {
                return Ok(Top { end, others, taken });
            }
            if !waits && let Some(ahead) = self.guess(cursor, site, &mut place) {
                first = false;
                others = true;
                self.top_member(cursor, ahead)?;
                end = cursor.at();
                continue;
            }
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
        while let Some(ahead) = self.next(cursor, keys, source, &mut first, &mut place)? {
            self.member(cursor, ahead, source)?;
        }
        Ok(())
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
                self.properties |= std::ptr::eq(*keys, &raw const shapes::PROPERTIES);
                self.signinlogs |= std::ptr::eq(*keys, &raw const shapes::ELASTIC_SIGNINLOGS);
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
        // Log Analytics names the same list twice (ConditionalAccessPolicies, AppliedConditionalAccessPolicies).
        if self.tally.listed > 0 {
            return cursor.skip_rest(Value::Array);
        }
        let mut first = true;
        while cursor.element(&mut first)? {
            if cursor.peek() == Some(b'{') {
                let policy = self.policy(cursor, name, source)?;
                self.count(policy);
            } else {
                cursor.skip()?;
            }
        }
        Ok(())
    }

    /// Reads one policy, whose `{` comes next.
    fn policy(
        &mut self,
        cursor: &mut Cursor,
        name: u16,
        source: Source,
    ) -> Result<PolicyNow, Fault> {
        let (start, depth) = (cursor.at(), cursor.depth());
        let mut now = PolicyNow::default();
        let mut first = true;
        let mut place = Place::within(name);
        let mut result = None;
        // Which one it is of those seen, and where its result stands.
        let mut which = None;
        let recalled = self
            .scratch
            .seen_policies
            .recall(cursor.rest(), depth, source);
        if let Some((known, policy, length)) = recalled {
            cursor.pass(length);
            now.slots = policy.slots.moved(offset(start));
            now.mfa = policy.mfa;
            let ending = self.scratch.seen_policies.ending(known, cursor.rest());
            if let Some((result, length)) = ending {
                cursor.pass(length);
                now.result = result;
                return Ok(now);
            }
            cursor.stands_in_one_more();
            first = false;
            place = Place::after(policy.ahead.name);
            result = Some(policy.ahead);
            which = Some((known, cursor.at()));
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

    /// Counts a policy, and keeps it if it was not satisfied.
    fn count(&mut self, now: PolicyNow) {
        let tally = &mut self.tally;
        tally.listed += 1;
        match now.result {
            PolicyResult::Success => {
                tally.satisfied += 1;
                tally.mfa_satisfied += u32::from(now.mfa);
            }
            PolicyResult::NotApplied => tally.mfa_not_applied += u32::from(now.mfa),
            result => {
                if !result.is_unsatisfied() {
                    return;
                }
                if self.scratch.policies.len() < POLICIES_MAX {
                    self.scratch.policies.push(now.slots);
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
