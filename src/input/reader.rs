//! From a line to slots: which member goes where, JSON text inside strings, and what shape it all is.
//!
//! [`view`] is the reader's whole interface: a line in, a [`Record`] (or the positions of an envelope's records, or a
//! reason to pass the line on) out. Text that holds escapes, and JSON text inside a string, is decoded into buffers
//! of a [`Scratch`] that is used again for the next line.

use super::Skip;
use super::json::{self, Cursor, Fault, Raw, Span, Value};
use super::keys::{self, Keys};
use super::record::{Found, Layout, PolicyTally, Record};
use super::shapes::{self, Field, Member, Part, Shape};
use super::slot::{Fields, Kind, Own, PolicySlots, Slot, Source, StepSlots, Texts};
use super::words::{Category, PolicyResult, truth_of};
use crate::classify::texts;
use crate::limits::{POLICIES_MAX, STEPS_MAX};

/// Buffers that are used again for every line, so that reading allocates nothing in the steady state.
#[derive(Default)]
pub struct Scratch {
    unescaped: String,
    nested: String,
    steps: Vec<StepSlots>,
    policies: Vec<PolicySlots>,
    own: Vec<Own>,
    key: String,
}

/// What a line turned out to hold.
pub enum View<'a> {
    /// One sign-in.
    Record(Box<Record<'a>>),
    /// An object with an array of records: where the array stands.
    Envelope(Span),
}

/// Reads one JSON object. `member` is the name of the member that we add; what it holds from an earlier
/// pass is not looked at, only its place is noted.
///
/// # Errors
/// The reason to pass the text on unchanged. A text that is JSON and no sign-in is `NotSignIn`.
pub fn view<'a>(text: &'a str, member: &str, scratch: &'a mut Scratch) -> Result<View<'a>, Skip> {
    scratch.unescaped.clear();
    scratch.nested.clear();
    scratch.steps.clear();
    scratch.policies.clear();
    scratch.own.clear();
    let mut cursor = Cursor::new(text);
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
        slots: [Slot::default(); Field::COUNT],
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
        slots,
        tally,
        trusted_network,
        cut,
        records,
        properties,
        signinlogs,
    } = reader;
    let texts = Texts {
        line: text,
        unescaped: &scratch.unescaped,
        nested: &scratch.nested,
    };
    let fields = Fields { texts, slots };
    let Some(shape) = shape(&fields, properties, signinlogs) else {
        return records.map(View::Envelope).ok_or(Skip::NotSignIn);
    };
    if taken {
        return Err(Skip::MemberTaken);
    }
    Ok(View::Record(Box::new(Record {
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
    })))
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
    slots: [Slot; Field::COUNT],
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
        loop {
            // Before the comma, if there is one.
            let before = cursor.at();
            let Some(key) = cursor.key(&mut first)? else {
                return Ok(Top { end, others, taken });
            };
            let quote = key.span.start.saturating_sub(1);
            // Only the newest can still wait for the member after it.
            if let Some(own) = self.scratch.own.last_mut()
                && own.leading
            {
                own.span.end = quote;
                own.leading = false;
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
                end = cursor.at();
                continue;
            }
            others = true;
            self.top_member(cursor, key)?;
            end = cursor.at();
        }
    }

    fn top_member(&mut self, cursor: &mut Cursor, key: Raw) -> Result<(), Fault> {
        let found = self.with_key(cursor, key, |name| {
            let hash = keys::hash(name);
            shapes::TOP
                .find_hashed(name, hash)
                .or_else(|| shapes::PROPERTIES.find_hashed(name, hash))
        });
        match found {
            Some(Member::Records) => {
                let value = cursor.skip()?;
                if cursor.slice(value).starts_with('[') {
                    self.records = Some(value);
                }
                Ok(())
            }
            Some(member) => self.member(cursor, member, Source::Line),
            None => cursor.skip().map(|_| ()),
        }
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

    /// Reads the members of an object whose `{` has been read.
    fn object(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        source: Source,
    ) -> Result<(), Fault> {
        let mut first = true;
        while let Some(key) = cursor.key(&mut first)? {
            match self.with_key(cursor, key, |name| keys.find(name)) {
                Some(member) => self.member(cursor, member, source)?,
                None => cursor.skip().map(|_| ())?,
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        cursor: &mut Cursor,
        member: &Member,
        source: Source,
    ) -> Result<(), Fault> {
        let value = cursor.value()?;
        match (member, value) {
            (Member::Object(keys) | Member::ObjectOrLeaf(keys, _), Value::Object) => {
                self.properties |= std::ptr::eq(*keys, &raw const shapes::PROPERTIES);
                self.signinlogs |= std::ptr::eq(*keys, &raw const shapes::ELASTIC_SIGNINLOGS);
                self.object(cursor, keys, source)
            }
            (Member::Named(keys), Value::Array) => self.named(cursor, keys, source),
            (Member::Steps, Value::Array) => self.steps(cursor, source),
            (Member::Policies, Value::Array) => self.policies(cursor, source),
            (Member::Networks, Value::Array) => self.networks(cursor, source),
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
                self.nested(cursor, raw, member);
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
    fn nested(&mut self, cursor: &Cursor, raw: Raw, member: &Member) {
        let mut text = std::mem::take(&mut self.scratch.nested);
        let start = text.len();
        json::unescape(cursor.slice(raw.span), &mut text);
        let mut inner = Cursor::starting_at(&text, start);
        let _ = self.member(&mut inner, member, Source::Nested);
        self.scratch.nested = text;
    }

    /// Of a member that stands twice the later one counts.
    fn keep(&mut self, field: Field, slot: Slot) {
        if let Some(place) = self.slots.get_mut(field as usize) {
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
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a line is no longer than LINE_BYTES_MAX, which fits"
        )]
        Ok(Slot {
            start: span.start as u32,
            end: span.end as u32,
            source,
            kind: Kind::Value,
        })
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

    /// Reads the objects of the array that has been opened, each into a `T` of its own: `each` for every known
    /// member, `done` after each object.
    fn parts<T: Default>(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        mut each: impl FnMut(&mut Self, &mut Cursor, Part, &mut T) -> Result<(), Fault>,
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
            while let Some(key) = cursor.key(&mut first)? {
                match self.with_key(cursor, key, |name| keys.find(name)) {
                    Some(Member::Part(part)) => each(self, cursor, *part, &mut now)?,
                    _ => cursor.skip().map(|_| ())?,
                }
            }
            done(self, cursor, now);
        }
        Ok(())
    }

    fn part(&mut self, cursor: &mut Cursor, source: Source) -> Result<Slot, Fault> {
        let value = cursor.value()?;
        self.slot(cursor, value, source)
    }

    fn steps(&mut self, cursor: &mut Cursor, source: Source) -> Result<(), Fault> {
        // As with any member that stands twice, the later one counts.
        self.scratch.steps.clear();
        self.parts(
            cursor,
            &shapes::STEP,
            |reader, cursor, part, step: &mut StepSlots| {
                let slot = reader.part(cursor, source)?;
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

    fn policies(&mut self, cursor: &mut Cursor, source: Source) -> Result<(), Fault> {
        #[derive(Default)]
        struct Now {
            slots: PolicySlots,
            result: PolicyResult,
            mfa: bool,
        }
        // Log Analytics names the same list twice (ConditionalAccessPolicies, AppliedConditionalAccessPolicies).
        if self.tally.listed > 0 {
            return cursor.skip_rest(Value::Array);
        }
        self.parts(
            cursor,
            &shapes::POLICY,
            |reader, cursor, part, now: &mut Now| {
                match part {
                    Part::PolicyName => now.slots.name = reader.part(cursor, source)?,
                    Part::PolicyId => now.slots.id = reader.part(cursor, source)?,
                    Part::PolicyResult => {
                        let slot = reader.part(cursor, source)?;
                        now.result = PolicyResult::parse(reader.plain(cursor, slot));
                    }
                    _ => {
                        let custom = &mut now.slots.custom_control;
                        reader.controls(cursor, source, &mut now.mfa, custom)?;
                    }
                }
                Ok(())
            },
            |reader, _, now| {
                let tally = &mut reader.tally;
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
                        if reader.scratch.policies.len() < POLICIES_MAX {
                            reader.scratch.policies.push(now.slots);
                        } else {
                            reader.cut = true;
                        }
                    }
                }
            },
        )
    }

    /// Reads `"enforcedGrantControls":["Mfa","Guest terms of use"]`.
    fn controls(
        &mut self,
        cursor: &mut Cursor,
        source: Source,
        mfa: &mut bool,
        custom: &mut Option<Slot>,
    ) -> Result<(), Fault> {
        let value = cursor.value()?;
        if value != Value::Array {
            return cursor.skip_rest(value);
        }
        let mut first = true;
        while cursor.element(&mut first)? {
            let slot = self.part(cursor, source)?;
            let control = self.plain(cursor, slot);
            if control.eq_ignore_ascii_case("Mfa") {
                *mfa = true;
            } else if slot.kind == Kind::Value
                && !texts::is_builtin_control(control)
                && (custom.is_none() || texts::names_terms_of_use(control))
            {
                *custom = Some(slot);
            }
        }
        Ok(())
    }

    fn networks(&mut self, cursor: &mut Cursor, source: Source) -> Result<(), Fault> {
        self.trusted_network = false;
        self.parts(
            cursor,
            &shapes::NETWORK,
            |reader, cursor, _, (): &mut ()| {
                let slot = reader.part(cursor, source)?;
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
        source: Source,
    ) -> Result<(), Fault> {
        self.parts(
            cursor,
            &shapes::NAMED,
            |reader, cursor, part, (name, value): &mut (Slot, Slot)| {
                let slot = reader.part(cursor, source)?;
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
