//! One record: where its fields stand in the line, and what they say, without copying the line.
//!
//! [`view`] is the reader's whole interface: a line in, a [`Record`] (or the positions of an envelope's
//! records, or a reason to pass the line on) out. Text that holds escapes, and JSON text inside a string,
//! is decoded into buffers of a [`Scratch`] that is used again for the next line.
//!
//! A field can be absent, `null` or empty, and the three differ: Azure Monitor leaves out what it does not
//! know, Graph sends `null`, Log Analytics sends `""` or `"[]"`. [`Record::found`] tells them apart;
//! [`Record::text`] is for the many places where they mean the same.

use super::Skip;
use super::json::{self, Cursor, Fault, Raw, Span, Value};
use super::keys::{self, Keys};
use super::shapes::{self, Field, Member, Part, Shape};
use crate::classify::texts;
use crate::limits::{POLICIES_MAX, STEPS_MAX};
use crate::time::Moment;

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

/// What stands in the place of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// No such member.
    Absent,
    /// The member is `null`.
    Null,
    /// The member is `""`.
    Empty,
    /// A text, decoded, or a number or truth value as written.
    Value(&'a str),
}

/// The log that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// `SignInLogs`: a user; mostly, not always, interactive.
    User,
    /// `NonInteractiveUserSignInLogs`: a client on behalf of a user. FIDO2 refreshes are here since April 2025.
    NonInteractiveUser,
    /// `ServicePrincipalSignInLogs`
    ServicePrincipal,
    /// `ManagedIdentitySignInLogs`
    ManagedIdentity,
    /// `ADFSSignInLogs`: AD FS and the NPS extension; most fields are missing.
    AdFs,
    /// `MicrosoftServicePrincipalSignInLogs`
    MicrosoftServicePrincipal,
}

impl Category {
    /// All categories, in the order in which they are counted.
    pub const ALL: [Category; 6] = [
        Category::User,
        Category::NonInteractiveUser,
        Category::ServicePrincipal,
        Category::ManagedIdentity,
        Category::AdFs,
        Category::MicrosoftServicePrincipal,
    ];

    /// The name under which records of this category are counted.
    pub fn label(self) -> &'static str {
        match self {
            Category::User => "SignInLogs",
            Category::NonInteractiveUser => "NonInteractiveUserSignInLogs",
            Category::ServicePrincipal => "ServicePrincipalSignInLogs",
            Category::ManagedIdentity => "ManagedIdentitySignInLogs",
            Category::AdFs => "ADFSSignInLogs",
            Category::MicrosoftServicePrincipal => "MicrosoftServicePrincipalSignInLogs",
        }
    }

    /// Reads the `category` of Azure Monitor, the `Type` of Log Analytics, or a Graph sign-in event type.
    /// `None` for anything that is not a sign-in.
    fn parse(text: &str) -> Option<Category> {
        const NAMES: [(&str, Category); 20] = [
            ("SignInLogs", Category::User),
            // Seen in 2018, and what Microsoft's schema page still says.
            ("SignIn", Category::User),
            ("interactiveUser", Category::User),
            ("NonInteractiveUserSignInLogs", Category::NonInteractiveUser),
            (
                "AADNonInteractiveUserSignInLogs",
                Category::NonInteractiveUser,
            ),
            ("nonInteractiveUser", Category::NonInteractiveUser),
            ("ServicePrincipalSignInLogs", Category::ServicePrincipal),
            ("AADServicePrincipalSignInLogs", Category::ServicePrincipal),
            ("servicePrincipal", Category::ServicePrincipal),
            ("ManagedIdentitySignInLogs", Category::ManagedIdentity),
            ("AADManagedIdentitySignInLogs", Category::ManagedIdentity),
            ("managedIdentity", Category::ManagedIdentity),
            ("ADFSSignInLogs", Category::AdFs),
            ("ADFSSignIn", Category::AdFs),
            ("AADADFSSignInLogs", Category::AdFs),
            ("adfs", Category::AdFs),
            (
                "MicrosoftServicePrincipalSignInLogs",
                Category::MicrosoftServicePrincipal,
            ),
            (
                "AADMicrosoftServicePrincipalSignInLogs",
                Category::MicrosoftServicePrincipal,
            ),
            (
                "MicrosoftServicePrincipal",
                Category::MicrosoftServicePrincipal,
            ),
            ("unknownFutureValue", Category::User),
        ];
        let row = NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))?;
        Some(row.1)
    }
}

/// The result of a Conditional Access policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyResult {
    /// Applied and satisfied.
    Success,
    /// Applied and not satisfied.
    Failure,
    /// Applied and not yet satisfied: the user is being asked.
    Interrupt,
    /// Its conditions did not hold. Most of the entries of a record are this.
    NotApplied,
    /// Switched off.
    NotEnabled,
    /// Would have been one of the above; nothing is enforced.
    ReportOnly,
    /// Anything else.
    Unknown,
}

impl PolicyResult {
    fn parse(text: &str) -> PolicyResult {
        const NAMES: [(&str, PolicyResult); 9] = [
            ("notApplied", PolicyResult::NotApplied),
            ("notEnabled", PolicyResult::NotEnabled),
            ("success", PolicyResult::Success),
            ("failure", PolicyResult::Failure),
            ("interrupt", PolicyResult::Interrupt),
            // Records of 2018 have numbers.
            ("0", PolicyResult::Success),
            ("1", PolicyResult::Failure),
            ("2", PolicyResult::NotApplied),
            ("3", PolicyResult::NotEnabled),
        ];
        if text
            .get(..10)
            .is_some_and(|start| start.eq_ignore_ascii_case("reportOnly"))
        {
            return PolicyResult::ReportOnly;
        }
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map_or(PolicyResult::Unknown, |row| row.1)
    }

    /// Whether the policy was enforced and not satisfied.
    pub fn is_unsatisfied(self) -> bool {
        matches!(self, PolicyResult::Failure | PolicyResult::Interrupt)
    }
}

/// How an Identity Protection level reads. `Hidden` is what tenants without the P2 licence get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Not given, or not shown to this tenant.
    Hidden,
    /// No risk.
    None,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// One authentication step.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// How, such as `Password`; empty where not given.
    pub method: &'a str,
    /// What came of it, in words; empty where not given.
    pub detail: &'a str,
    /// Whether it succeeded; `None` where not given. False is not a failed sign-in: a claim of an earlier
    /// sign-in is false in records of 2020, and so is a prompt that was still open when the step was written.
    pub succeeded: Option<bool>,
}

impl Step<'_> {
    /// Whether this step is about the password (or what stood in for it), not about a second factor.
    pub fn is_password(self) -> bool {
        // "Password", "CloudOnlyPassword", "Password Hash Sync"; "Passwordless phone sign-in" is another thing.
        let starts = |word: &str| {
            self.method
                .get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        (starts("Password") && !starts("Passwordless"))
            || starts("CloudOnlyPassword")
            || starts("PHS")
    }
}

/// A Conditional Access policy that was enforced and not satisfied.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// Its name; empty where not given.
    pub name: &'a str,
    /// The first grant control that is not one of Microsoft's own: a custom control or a terms-of-use document.
    pub custom_control: Option<&'a str>,
}

/// How many of the policies that were not kept had which result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyTally {
    /// All entries.
    pub listed: u32,
    /// Applied and satisfied.
    pub satisfied: u32,
    /// Applied and satisfied, with multi-factor authentication among its controls.
    pub mfa_satisfied: u32,
    /// Not applied although it asks for multi-factor authentication.
    pub mfa_not_applied: u32,
}

/// Where to cut and where to add when a member is to be the last of an object.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    /// Just after the last member, or after the `{` of an empty object.
    pub end: usize,
    /// Whether a member of others stands in the object, so that a comma is needed.
    pub others: bool,
    own: &'a [Own],
}

impl Layout<'_> {
    /// The parts to leave out: our member as an earlier pass left it, with the comma that goes with it.
    pub fn cuts(&self) -> impl Iterator<Item = Span> + '_ {
        self.own.iter().map(|own| own.span)
    }
}

#[derive(Debug, Clone, Copy)]
struct Own {
    span: Span,
    /// Our member stands before all others, so that the comma after it goes, and that has not been seen yet.
    leading: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Source {
    #[default]
    Line,
    Unescaped,
    Nested,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Absent,
    Null,
    Value,
}

/// Where a value stands: 12 bytes.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: u32,
    end: u32,
    source: Source,
    kind: Kind,
}

#[derive(Clone, Copy, Default)]
struct StepSlots {
    method: Slot,
    detail: Slot,
    succeeded: Option<bool>,
}

#[derive(Clone, Copy, Default)]
struct PolicySlots {
    name: Slot,
    custom_control: Option<Slot>,
}

/// A sign-in, as found in one line or in one element of an envelope.
pub struct Record<'a> {
    shape: Shape,
    texts: Texts<'a>,
    slots: [Slot; Field::COUNT],
    steps: &'a [StepSlots],
    policies: &'a [PolicySlots],
    tally: PolicyTally,
    trusted_network: bool,
    layout: Layout<'a>,
}

#[derive(Clone, Copy)]
struct Texts<'a> {
    line: &'a str,
    unescaped: &'a str,
    nested: &'a str,
}

impl<'a> Texts<'a> {
    fn get(self, slot: Slot) -> &'a str {
        let text = match slot.source {
            Source::Line => self.line,
            Source::Unescaped => self.unescaped,
            Source::Nested => self.nested,
        };
        text.get(slot.start as usize..slot.end as usize)
            .unwrap_or("")
    }
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
        records: None,
        properties: false,
        signinlogs: false,
    };
    let (end, others) = reader.top(&mut cursor, member)?;
    cursor.finish()?;

    let Reader {
        scratch,
        slots,
        tally,
        trusted_network,
        records,
        properties,
        signinlogs,
    } = reader;
    let texts = Texts {
        line: text,
        unescaped: &scratch.unescaped,
        nested: &scratch.nested,
    };
    let seen = Seen {
        texts,
        slots: &slots,
        properties,
        signinlogs,
    };
    let Some(shape) = seen.shape() else {
        return records.map(View::Envelope).ok_or(Skip::NotSignIn);
    };
    Ok(View::Record(Box::new(Record {
        shape,
        texts,
        slots,
        steps: &scratch.steps,
        policies: &scratch.policies,
        tally,
        trusted_network,
        layout: Layout {
            end,
            others,
            own: &scratch.own,
        },
    })))
}

struct Reader<'s> {
    scratch: &'s mut Scratch,
    slots: [Slot; Field::COUNT],
    tally: PolicyTally,
    trusted_network: bool,
    records: Option<Span>,
    properties: bool,
    signinlogs: bool,
}

impl Reader<'_> {
    /// Reads the top-level object, whose `{` comes next. Returns where its last member ends and whether
    /// it has members besides ours.
    fn top(&mut self, cursor: &mut Cursor, member: &str) -> Result<(usize, bool), Fault> {
        cursor.value()?;
        let mut end = cursor.at();
        let mut others = false;
        let mut first = true;
        loop {
            // Before the comma, if there is one.
            let before = cursor.at();
            let Some(key) = cursor.key(&mut first)? else {
                return Ok((end, others));
            };
            let quote = key.span.start.saturating_sub(1);
            for own in &mut self.scratch.own {
                if own.leading {
                    own.span.end = quote;
                    own.leading = false;
                }
            }
            if self.with_key(cursor, key, |name| name == member) {
                cursor.skip()?;
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
                self.properties |= std::ptr::eq(*keys, &shapes::PROPERTIES);
                self.signinlogs |= std::ptr::eq(*keys, &shapes::ELASTIC_SIGNINLOGS);
                self.object(cursor, keys, source)
            }
            (Member::Named(keys), Value::Array) => self.named(cursor, keys, source),
            (Member::Steps, Value::Array) => self.steps(cursor, source),
            (Member::Policies, Value::Array) => self.policies(cursor, source),
            (Member::Networks, Value::Array) => self.networks(cursor, source),
            (Member::FirstOf(field), Value::Array) => self.first_of(cursor, *field, source),
            (
                Member::Object(_)
                | Member::ObjectOrLeaf(..)
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
                if let Some(place) = self.slots.get_mut(*field as usize) {
                    *place = slot;
                }
                Ok(())
            }
            (_, value) => cursor.skip_rest(value),
        }
    }

    /// Log Analytics keeps objects and arrays as text in some columns: `"Status":"{\r\n  \"errorCode\": 0 …"`.
    /// Broken JSON in there is the same as no value: the line itself is whole.
    fn nested(&mut self, cursor: &Cursor, raw: Raw, member: &Member) {
        let mut text = std::mem::take(&mut self.scratch.nested);
        let start = text.len();
        json::unescape(cursor.slice(raw.span), &mut text);
        let mut inner = Cursor::starting_at(&text, start);
        let _ = self.member(&mut inner, member, Source::Nested);
        self.scratch.nested = text;
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
            if std::mem::take(&mut wanted)
                && let Some(place) = self.slots.get_mut(field as usize)
            {
                *place = slot;
            }
        }
        Ok(())
    }

    /// Calls `each` for every known member of every object of the array that has been opened,
    /// and `done` after each object.
    fn parts(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        mut each: impl FnMut(&mut Self, &mut Cursor, Part) -> Result<(), Fault>,
        mut done: impl FnMut(&mut Self, &Cursor),
    ) -> Result<(), Fault> {
        let mut first = true;
        while cursor.element(&mut first)? {
            let value = cursor.value()?;
            if value != Value::Object {
                cursor.skip_rest(value)?;
                continue;
            }
            let mut first = true;
            while let Some(key) = cursor.key(&mut first)? {
                match self.with_key(cursor, key, |name| keys.find(name)) {
                    Some(Member::Part(part)) => each(self, cursor, *part)?,
                    _ => cursor.skip().map(|_| ())?,
                }
            }
            done(self, cursor);
        }
        Ok(())
    }

    fn part(&mut self, cursor: &mut Cursor, source: Source) -> Result<Slot, Fault> {
        let value = cursor.value()?;
        self.slot(cursor, value, source)
    }

    fn steps(&mut self, cursor: &mut Cursor, source: Source) -> Result<(), Fault> {
        let step = std::cell::Cell::new(StepSlots::default());
        self.parts(
            cursor,
            &shapes::STEP,
            |reader, cursor, part| {
                let mut now = step.get();
                if part == Part::StepSucceeded {
                    let value = cursor.value()?;
                    now.succeeded = truth(cursor, value);
                    cursor.skip_rest(value)?;
                } else {
                    let slot = reader.part(cursor, source)?;
                    match part {
                        Part::StepMethod => now.method = slot,
                        _ => now.detail = slot,
                    }
                }
                step.set(now);
                Ok(())
            },
            |reader, _| {
                let now = step.take();
                if reader.scratch.steps.len() < STEPS_MAX {
                    reader.scratch.steps.push(now);
                }
            },
        )
    }

    fn policies(&mut self, cursor: &mut Cursor, source: Source) -> Result<(), Fault> {
        #[derive(Clone, Copy)]
        struct Now {
            slots: PolicySlots,
            result: PolicyResult,
            mfa: bool,
        }
        const FRESH: Now = Now {
            slots: PolicySlots {
                name: Slot {
                    start: 0,
                    end: 0,
                    source: Source::Line,
                    kind: Kind::Absent,
                },
                custom_control: None,
            },
            result: PolicyResult::Unknown,
            mfa: false,
        };
        let policy = std::cell::Cell::new(FRESH);
        // Log Analytics names the same list twice (ConditionalAccessPolicies, AppliedConditionalAccessPolicies).
        if self.tally.listed > 0 {
            return cursor.skip_rest(Value::Array);
        }
        self.parts(
            cursor,
            &shapes::POLICY,
            |reader, cursor, part| {
                let mut now = policy.get();
                match part {
                    Part::PolicyName => now.slots.name = reader.part(cursor, source)?,
                    Part::PolicyResult => {
                        let slot = reader.part(cursor, source)?;
                        now.result = PolicyResult::parse(reader.plain(cursor, slot));
                    }
                    _ => reader.controls(
                        cursor,
                        source,
                        &mut now.mfa,
                        &mut now.slots.custom_control,
                    )?,
                }
                policy.set(now);
                Ok(())
            },
            |reader, _| {
                let now = policy.replace(FRESH);
                let tally = &mut reader.tally;
                tally.listed += 1;
                match now.result {
                    PolicyResult::Success => {
                        tally.satisfied += 1;
                        tally.mfa_satisfied += u32::from(now.mfa);
                    }
                    PolicyResult::NotApplied => tally.mfa_not_applied += u32::from(now.mfa),
                    result => {
                        if result.is_unsatisfied() && reader.scratch.policies.len() < POLICIES_MAX {
                            reader.scratch.policies.push(now.slots);
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
            } else if !texts::is_builtin_control(control)
                && custom.is_none()
                && slot.kind == Kind::Value
            {
                *custom = Some(slot);
            }
        }
        Ok(())
    }

    fn networks(&mut self, cursor: &mut Cursor, source: Source) -> Result<(), Fault> {
        self.parts(
            cursor,
            &shapes::NETWORK,
            |reader, cursor, _| {
                let slot = reader.part(cursor, source)?;
                // "trustedNamedLocation" on the wire, "trusted" and "intranet" in Graph's list of values.
                reader.trusted_network |= ["trustedNamedLocation", "trusted", "intranet"]
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(reader.plain(cursor, slot)));
                Ok(())
            },
            |_, _| {},
        )
    }

    /// Reads `[{"Name":"UserAgent","Value":"…"},…]`.
    fn named(
        &mut self,
        cursor: &mut Cursor,
        keys: &'static Keys,
        source: Source,
    ) -> Result<(), Fault> {
        let pair = std::cell::Cell::new((Slot::default(), Slot::default()));
        self.parts(
            cursor,
            &shapes::NAMED,
            |reader, cursor, part| {
                let slot = reader.part(cursor, source)?;
                let (name, value) = pair.get();
                pair.set(match part {
                    Part::Name => (slot, value),
                    _ => (name, slot),
                });
                Ok(())
            },
            |reader, cursor| {
                let (name, value) = pair.take();
                if let Some(Member::Leaf(field)) = keys.find(reader.plain(cursor, name))
                    && let Some(place) = reader.slots.get_mut(*field as usize)
                {
                    *place = value;
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

fn truth(cursor: &Cursor, value: Value) -> Option<bool> {
    let text = match value {
        Value::Bool(span) | Value::Number(span) => cursor.slice(span),
        Value::Text(raw) => cursor.slice(raw.span),
        _ => return None,
    };
    truth_of(text)
}

/// `true`, `"True"` and `1`, and their opposites.
fn truth_of(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") || text == "1" {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") || text == "0" {
        Some(false)
    } else {
        None
    }
}

/// What the shape is told by.
struct Seen<'a, 'r> {
    texts: Texts<'a>,
    slots: &'r [Slot; Field::COUNT],
    properties: bool,
    signinlogs: bool,
}

impl<'a> Seen<'a, '_> {
    fn has(&self, field: Field) -> bool {
        self.slots
            .get(field as usize)
            .is_some_and(|slot| slot.kind != Kind::Absent)
    }

    fn text(&self, field: Field) -> Option<&'a str> {
        let slot = self.slots.get(field as usize)?;
        (slot.kind == Kind::Value).then(|| self.texts.get(*slot))
    }

    fn is(&self, field: Field, word: &str) -> bool {
        self.text(field)
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    fn shape(&self) -> Option<Shape> {
        let category = self.text(Field::Category).map(Category::parse);
        if self.has(Field::Operation) {
            let sign_in = self.is(Field::Operation, "UserLoggedIn")
                || self.is(Field::Operation, "UserLoginFailed");
            let kind = !self.has(Field::RecordType)
                || self.is(Field::RecordType, "15")
                || self.is(Field::RecordType, "AzureActiveDirectoryStsLogon");
            return (sign_in && kind).then_some(Shape::OfficeAudit);
        }
        if self.signinlogs || self.is(Field::Dataset, "azure.signinlogs") {
            return Some(Shape::Elastic);
        }
        if self.properties {
            let known = match category {
                Some(category) => category.is_some(),
                None => self.is(Field::OperationName, "Sign-in activity"),
            };
            return known.then_some(Shape::AzureMonitor);
        }
        if self.has(Field::ResultType) {
            let table = self.text(Field::Table).map(Category::parse);
            let known = match (table, category) {
                (Some(table), _) => table.is_some(),
                (None, Some(category)) => category.is_some(),
                (None, None) => {
                    self.has(Field::AppName)
                        && (self.has(Field::EnvelopeCorrelationId)
                            || self.has(Field::CorrelationId))
                }
            };
            return known.then_some(Shape::LogAnalytics);
        }
        let graph = self.has(Field::Created) && self.has(Field::ErrorCode);
        graph.then_some(Shape::Graph)
    }
}

impl<'a> Record<'a> {
    /// The form in which the record arrived.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Where our member goes.
    pub fn layout(&self) -> Layout<'a> {
        self.layout
    }

    /// What stands in the place of `field`.
    pub fn found(&self, field: Field) -> Found<'a> {
        let slot = self.slots.get(field as usize).copied().unwrap_or_default();
        match slot.kind {
            Kind::Absent => Found::Absent,
            Kind::Null => Found::Null,
            Kind::Value => match self.texts.get(slot) {
                "" => Found::Empty,
                text => Found::Value(text),
            },
        }
    }

    /// The text of `field`; `None` where it is absent, null or empty.
    pub fn text(&self, field: Field) -> Option<&'a str> {
        match self.found(field) {
            Found::Value(text) => Some(text),
            _ => None,
        }
    }

    /// Whether `field` holds `word`, without regard to case.
    pub fn is(&self, field: Field, word: &str) -> bool {
        self.text(field)
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    /// A truth value, as such or as text; `None` where it is not known.
    pub fn flag(&self, field: Field) -> Option<bool> {
        self.text(field).and_then(truth_of)
    }

    /// A whole number, as such or as text; `None` where there is none.
    pub fn number(&self, field: Field) -> Option<u32> {
        self.text(field)?.trim().parse().ok()
    }

    /// Entra's request id. Not unique: an interrupt and the success that completes it can share one.
    pub fn id(&self) -> Option<&'a str> {
        self.text(Field::Id)
    }

    /// When the sign-in happened. The time of sending is taken only where that is missing.
    pub fn at(&self) -> Option<Moment> {
        let created = self.text(Field::Created).and_then(Moment::parse);
        created.or_else(|| self.text(Field::Emitted).and_then(Moment::parse))
    }

    /// The log the record belongs to.
    pub fn category(&self) -> Category {
        let named = [Field::Category, Field::Table, Field::EventType]
            .into_iter()
            .find_map(|field| self.text(field).and_then(Category::parse));
        match named {
            // Graph has no category; its event type says the same.
            Some(category) => category,
            None if self.flag(Field::IsInteractive) == Some(false) => Category::NonInteractiveUser,
            None => Category::User,
        }
    }

    /// Whether a person was there; `None` where the record does not say (Office 365).
    pub fn is_interactive(&self) -> Option<bool> {
        match self.category() {
            Category::User if self.shape == Shape::OfficeAudit => None,
            // Interactive logs hold steps without a person as well: 50074 with isInteractive false.
            Category::User | Category::AdFs => self.flag(Field::IsInteractive).or(Some(true)),
            _ => Some(false),
        }
    }

    /// Whether the record is about a workload, not a person.
    pub fn is_workload(&self) -> bool {
        matches!(
            self.category(),
            Category::ServicePrincipal
                | Category::ManagedIdentity
                | Category::MicrosoftServicePrincipal
        )
    }

    /// The name of the user, or of the workload; `None` where it is not known.
    /// A silent sign-in that found no session can carry a row of zeros.
    pub fn user(&self) -> Option<&'a str> {
        const FIELDS: [Field; 4] = [
            Field::UserPrincipalName,
            Field::UserId,
            Field::ServicePrincipalName,
            Field::ServicePrincipalId,
        ];
        FIELDS
            .into_iter()
            .filter_map(|field| self.text(field))
            .find(|text| !text.bytes().all(|byte| byte == b'0' || byte == b'-'))
    }

    /// The address as text, without the port that Office 365 adds at times.
    pub fn address(&self) -> Option<&'a str> {
        [Field::Address, Field::CallerAddress, Field::ClientIp]
            .into_iter()
            .find_map(|field| self.text(field))
            .map(without_port)
    }

    /// Whether the address is that of the caller. A confidential client that redeems a user's token without
    /// the user shows the address from which the token was first obtained.
    pub fn is_address_of_caller(&self) -> bool {
        let confidential = self
            .text(Field::ClientCredential)
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("none"));
        !(self.category() == Category::NonInteractiveUser && confidential)
    }

    /// Autonomous system number; `None` where it is not known (0 is not a number of anybody's).
    pub fn asn(&self) -> Option<u32> {
        [Field::Asn, Field::SourceAsn]
            .into_iter()
            .find_map(|field| self.number(field))
            .filter(|&asn| asn != 0)
    }

    /// Two-letter country, as written; `None` where it is not known.
    pub fn country(&self) -> Option<&'a str> {
        self.text(Field::Country)
            .or_else(|| self.text(Field::EnvelopeCountry))
    }

    /// The result code; `None` where the record has none. 0 is success.
    pub fn code(&self) -> Option<u32> {
        [Field::ErrorCode, Field::ResultType]
            .into_iter()
            .find_map(|field| self.number(field))
    }

    /// The text of the result code.
    pub fn failure_reason(&self) -> Option<&'a str> {
        [
            Field::FailureReason,
            Field::ResultDescription,
            Field::Message,
        ]
        .into_iter()
        .find_map(|field| self.text(field))
    }

    /// What became of the second factor, in words. Elastic puts it in brackets behind the failure reason.
    pub fn additional_details(&self) -> Option<&'a str> {
        self.text(Field::AdditionalDetails).or_else(|| {
            let message = self.text(Field::Message)?.strip_suffix(')')?;
            message.rsplit_once('(').map(|(_, details)| details)
        })
    }

    /// Name of the resource asked for, or its id.
    pub fn resource(&self) -> Option<&'a str> {
        self.text(Field::ResourceName)
            .or_else(|| self.resource_id())
    }

    /// Id of the resource asked for.
    pub fn resource_id(&self) -> Option<&'a str> {
        [Field::ResourceId, Field::ObjectId]
            .into_iter()
            .find_map(|field| self.text(field))
            .filter(|id| !id.starts_with('/'))
    }

    /// The level of an Identity Protection field.
    pub fn risk(&self, field: Field) -> Risk {
        const LEVELS: [(&str, Risk); 4] = [
            ("none", Risk::None),
            ("low", Risk::Low),
            ("medium", Risk::Medium),
            ("high", Risk::High),
        ];
        let Some(text) = self.text(field) else {
            return Risk::Hidden;
        };
        LEVELS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map_or(Risk::Hidden, |level| level.1)
    }

    /// Whether the address lies in a named location that the tenant marked as trusted.
    pub fn is_network_trusted(&self) -> bool {
        self.trusted_network
    }

    /// Whether the record shows a device that the tenant manages.
    pub fn is_device_managed(&self) -> bool {
        self.flag(Field::IsCompliant) == Some(true) || self.flag(Field::IsManaged) == Some(true)
    }

    /// The authentication steps, in the order of the record.
    pub fn steps(&self) -> impl Iterator<Item = Step<'a>> + '_ {
        self.steps.iter().map(|step| Step {
            method: self.texts.get(step.method),
            detail: self.texts.get(step.detail),
            succeeded: step.succeeded,
        })
    }

    /// The policies that were enforced and not satisfied, in the order of the record.
    pub fn unsatisfied_policies(&self) -> impl Iterator<Item = Policy<'a>> + '_ {
        self.policies.iter().map(|policy| Policy {
            name: self.texts.get(policy.name),
            custom_control: policy.custom_control.map(|slot| self.texts.get(slot)),
        })
    }

    /// Counts over all policies.
    pub fn policy_tally(&self) -> PolicyTally {
        self.tally
    }
}

/// `203.0.113.7:52100` and `[2001:db8::1]:443` without the port; anything else as it is.
fn without_port(address: &str) -> &str {
    if let Some(inner) = address.strip_prefix('[') {
        return inner.split_once(']').map_or(address, |(host, _)| host);
    }
    match address.split_once(':') {
        Some((host, port))
            if host.contains('.') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        _ => address,
    }
}
