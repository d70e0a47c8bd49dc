//! One record: what its fields say, without copying the line.
//!
//! A field can be absent, `null` or empty, and the three differ: Azure Monitor leaves out what it does not
//! know, Graph sends `null`, Log Analytics sends `""` or `"[]"`. [`Record::found`] tells them apart;
//! [`Record::text`] is for the many places where they mean the same.

use super::json::Span;
use super::shapes::{Field, Shape};
use super::slot::{Fields, Own, PolicySlots, StepSlots};
use super::words::{Category, Risk, begins};
use crate::time::Moment;

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
        let starts = |word| begins(self.method, word);
        (starts("Password") && !starts("Passwordless"))
            || starts("CloudOnlyPassword")
            || starts("PHS")
    }
}

/// A Conditional Access policy that was enforced and not satisfied.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// Its name, or its id where it has none; empty where neither is given.
    pub name: &'a str,
    /// A grant control that is not one of Microsoft's own: a terms-of-use document, else the first custom control.
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
    pub(super) own: &'a [Own],
}

impl Layout<'_> {
    /// The parts to leave out: our member as an earlier pass left it, with the comma that goes with it.
    pub fn cuts(&self) -> impl Iterator<Item = Span> + '_ {
        self.own.iter().map(|own| own.span)
    }
}

/// A sign-in, as found in one line or in one element of an envelope.
pub struct Record<'a> {
    pub(super) json: &'a str,
    pub(super) shape: Shape,
    pub(super) category: Category,
    pub(super) fields: Fields<'a>,
    pub(super) steps: &'a [StepSlots],
    pub(super) policies: &'a [PolicySlots],
    pub(super) tally: PolicyTally,
    pub(super) trusted_network: bool,
    pub(super) cut: bool,
    pub(super) layout: Layout<'a>,
}

impl<'a> Record<'a> {
    /// The form in which the record arrived.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The whole object, with what stands before and after it on its line but for the line end.
    pub fn json(&self) -> &'a str {
        self.json
    }

    /// Where our member goes.
    pub fn layout(&self) -> Layout<'a> {
        self.layout
    }

    /// What stands in the place of `field`.
    pub fn found(&self, field: Field) -> Found<'a> {
        self.fields.found(field)
    }

    /// The text of `field`; `None` where it is absent, null or empty.
    pub fn text(&self, field: Field) -> Option<&'a str> {
        self.fields.text(field)
    }

    /// Whether `field` holds `word`, without regard to case.
    pub fn is(&self, field: Field, word: &str) -> bool {
        self.fields.is(field, word)
    }

    /// A truth value, as such or as text; `None` where it is not known.
    pub fn flag(&self, field: Field) -> Option<bool> {
        self.fields.flag(field)
    }

    /// A whole number, as such or as text; `None` where there is none.
    pub fn number(&self, field: Field) -> Option<u32> {
        let text = self.text(field)?;
        // Nearly all of them are a few digits and nothing else.
        if text.len() < 9 {
            let add = |number: u32, digit: u8| match digit {
                b'0'..=b'9' => Some(number * 10 + u32::from(digit - b'0')),
                _ => None,
            };
            if let Some(number) = text.bytes().try_fold(0, add) {
                return Some(number);
            }
        }
        let text = text.trim();
        // Programs that keep all numbers as floating point write 50126.0.
        let whole = match text.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
            _ => text,
        };
        whole.parse().ok()
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
        self.category
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
            .filter_map(|field| self.number(field))
            .find(|&asn| asn != 0)
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

    /// What became of the second factor, in words. Elastic puts it in brackets behind the failure reason,
    /// and by itself where there is none.
    pub fn additional_details(&self) -> Option<&'a str> {
        self.text(Field::AdditionalDetails).or_else(|| {
            let message = self
                .text(Field::Message)
                .filter(|_| self.shape == Shape::Elastic)?;
            let bracketed = message
                .strip_suffix(')')
                .and_then(|start| start.rsplit_once('('));
            Some(bracketed.map_or(message, |(_, details)| details))
        })
    }

    /// Name of the resource asked for, or its id.
    pub fn resource(&self) -> Option<&'a str> {
        self.text(Field::ResourceName)
            .or_else(|| self.resource_id())
    }

    /// Id of the resource asked for.
    pub fn resource_id(&self) -> Option<&'a str> {
        [Field::ResourceId, Field::TopResourceId, Field::ObjectId]
            .into_iter()
            .filter_map(|field| self.text(field))
            .find(|id| !id.starts_with('/'))
    }

    /// The level of an Identity Protection field.
    pub fn risk(&self, field: Field) -> Risk {
        const LEVELS: [(&str, Risk); 5] = [
            ("hidden", Risk::Hidden),
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
            .map_or(Risk::Other, |level| level.1)
    }

    /// Whether the record holds more steps or unsatisfied policies than are looked at.
    pub fn is_cut(&self) -> bool {
        self.cut
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
            method: self.fields.texts.get(step.method),
            detail: self.fields.texts.get(step.detail),
            succeeded: step.succeeded,
        })
    }

    /// The policies that were enforced and not satisfied, in the order of the record.
    pub fn unsatisfied_policies(&self) -> impl Iterator<Item = Policy<'a>> + '_ {
        self.policies.iter().map(|policy| Policy {
            name: match self.fields.texts.get(policy.name) {
                "" => self.fields.texts.get(policy.id),
                name => name,
            },
            custom_control: policy
                .custom_control
                .map(|slot| self.fields.texts.get(slot)),
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
    let Some(colon) = address.bytes().position(|byte| byte == b':') else {
        return address;
    };
    let parts = address.split_at_checked(colon);
    match parts.and_then(|(host, port)| Some((host, port.strip_prefix(':')?))) {
        Some((host, port))
            if host.contains('.') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        _ => address,
    }
}
