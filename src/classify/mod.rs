//! What a record says by itself: status, code, cause, first factor, outcome, and the policies that stopped it.
//!
//! The code decides most of it ([`codes`]). The rest needs more: what the steps say about the second factor
//! ([`texts`]), the grant control of a failing policy (terms of use), the failure reason (50053 is two things).
//! What only other records can tell is left to state and signals.

#[cfg(test)]
mod cases;
pub mod codes;
pub mod texts;
pub mod vocabulary;

use crate::input::Record;
use crate::input::shapes::{Field, Shape};
use crate::input::words::begins;
use texts::Said;
pub use vocabulary::{Cause, FirstFactor, Outcome, Status};

/// What a record says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// How the record ended.
    pub status: Status,
    /// The AADSTS number; `None` where the record has none.
    pub code: Option<u32>,
    /// The code that the table was asked for: `code`, or the one that an Office 365 record's symbolic name stands for.
    pub looked_up: Option<u32>,
    /// Why it ended so.
    pub cause: Cause,
    /// Whether the password, or what stood in for it, is known to have been right.
    pub first_factor: FirstFactor,
    /// What became of it; `None` unless interrupted.
    pub outcome: Option<Outcome>,
    /// Refused by policy, risk or lockout.
    pub blocked: bool,
    /// What the steps and the details say.
    pub told: Told,
    /// 50053 because of the address, not because of too many tries.
    pub malicious_address: bool,
}

/// The set of what the texts of a record say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    said: u32,
    /// A step was declined or reported, and a later one completed: someone gave in.
    pub completed_after_denial: bool,
    /// A step shows the password was given and right.
    pub password_right: bool,
    /// A step asks for a sign-in without a password, where the prompt itself is the first factor.
    pub passwordless: bool,
}

impl Told {
    /// Whether any text said `what`.
    pub fn has(self, what: Said) -> bool {
        self.said & 1 << what as u32 != 0
    }

    /// Whether the user declined a prompt or reported it.
    pub fn denial(self) -> bool {
        self.has(Said::Declined) || self.has(Said::Fraud)
    }

    fn add(&mut self, what: Said) {
        self.said |= 1 << what as u32;
    }
}

/// Classifies a record.
pub fn classify(record: &Record) -> Class {
    let code = record.code();
    let looked_up = code.or_else(|| codes::find_name(record.text(Field::LogonError)?));
    let row = looked_up.and_then(codes::find);
    let (status, cause, first_factor, blocked) = match (row, code) {
        (Some(row), _) => (row.status, row.cause, row.first_factor, row.blocked),
        (None, Some(_)) => (Status::Failure, Cause::Unknown, FirstFactor::Unknown, false),
        (None, None) => without_code(record),
    };
    let mut told = read_texts(record);
    told.completed_after_denial |= went_on_after_denial(record, status, looked_up, told);
    let cause = refined_cause(record, status, cause, told);
    Class {
        status,
        code,
        looked_up,
        cause,
        first_factor: refined_first_factor(first_factor, cause, told),
        outcome: (status == Status::Interrupted).then(|| outcome(looked_up, cause, told)),
        blocked,
        told,
        malicious_address: looked_up == Some(50053)
            && record
                .failure_reason()
                .is_some_and(texts::lockout_is_malicious_address),
    }
}

/// Whether the second factor was passed although a step holds a denial and no text says what came after it: the
/// sign-in succeeded, or it came to the stay-signed-in page with a policy that asks for a second factor satisfied.
fn went_on_after_denial(record: &Record, status: Status, code: Option<u32>, told: Told) -> bool {
    let satisfied = || record.policy_tally().mfa_satisfied > 0;
    told.denial() && (status == Status::Success || (code == Some(50140) && satisfied()))
}

/// A record without a code: some normalisers put a word in its place, Office 365 has the operation.
fn without_code(record: &Record) -> (Status, Cause, FirstFactor, bool) {
    let succeeded = record.is(Field::ResultType, "Success")
        || (record.shape() == Shape::OfficeAudit && record.is(Field::Operation, "UserLoggedIn"));
    if succeeded {
        (Status::Success, Cause::None, FirstFactor::Proved, false)
    } else if record.is(Field::ResultType, "Interrupted") {
        (
            Status::Interrupted,
            Cause::Unknown,
            FirstFactor::Unknown,
            false,
        )
    } else {
        (Status::Failure, Cause::Unknown, FirstFactor::Unknown, false)
    }
}

fn read_texts(record: &Record) -> Told {
    let mut told = Told::default();
    for step in record.steps() {
        let said = texts::read(step.detail);
        if let Some(said) = said {
            // Steps stand in order of time. #2440 of elastic/detection-rules shows a 50140 whose steps
            // hold a denial and then "MFA successfully completed": the user gave in.
            told.completed_after_denial |= said == Said::Completed && told.denial();
            told.add(said);
        }
        let reused = said == Some(Said::FirstFactorReused);
        told.password_right |= said == Some(Said::CorrectPassword)
            || (step.is_password() && step.succeeded == Some(true) && !reused);
        told.passwordless |= begins(step.method, "Passwordless");
    }
    if let Some(said) = record.additional_details().and_then(texts::read) {
        told.completed_after_denial |= said == Said::Completed && told.denial();
        told.add(said);
    }
    told
}

/// What the second factor's texts make of a cause, the weightiest first.
const REFINING: [Said; 15] = [
    Said::Fraud,
    Said::Declined,
    Said::Blocked,
    Said::NoAnswer,
    Said::TooManyCodes,
    Said::WrongNumber,
    Said::WrongCode,
    Said::CodeReused,
    Said::NotDelivered,
    Said::NothingRegistered,
    Said::SetupBroken,
    Said::Duplicate,
    Said::ServiceError,
    Said::OtherFailure,
    Said::RegistrationPrompted,
];

fn refined_cause(record: &Record, status: Status, cause: Cause, told: Told) -> Cause {
    // A denial outweighs whatever page came after it, such as 50140.
    if status != Status::Success && told.denial() {
        return Cause::MfaDenied;
    }
    match cause {
        Cause::MfaFailed | Cause::MfaRequired => REFINING
            .iter()
            .find(|&&said| told.has(said))
            .and_then(|said| said.cause())
            .unwrap_or(cause),
        Cause::ExternalChallenge if asks_for_terms_of_use(record) => Cause::TermsOfUse,
        _ => cause,
    }
}

fn asks_for_terms_of_use(record: &Record) -> bool {
    record
        .unsatisfied_policies()
        .filter_map(|policy| policy.custom_control)
        .any(texts::names_terms_of_use)
}

fn refined_first_factor(by_code: FirstFactor, cause: Cause, told: Told) -> FirstFactor {
    let second_factor = matches!(
        cause,
        Cause::MfaFailed | Cause::MfaDenied | Cause::UserAbandoned
    );
    match by_code {
        FirstFactor::Unknown if told.password_right => FirstFactor::Proved,
        FirstFactor::Unknown if told.has(Said::WrongPassword) => FirstFactor::Failed,
        // Without a password the prompt is the first factor, and it was not passed.
        FirstFactor::Proved if second_factor && told.passwordless && !told.password_right => {
            FirstFactor::Unknown
        }
        _ => by_code,
    }
}

fn outcome(code: Option<u32>, cause: Cause, told: Told) -> Outcome {
    match (cause, code) {
        (Cause::MfaDenied, _) if !told.completed_after_denial => Outcome::Denied,
        // Codes that say by themselves that nobody will go on: a page left open too long, a device code that
        // ran out or was never typed.
        (Cause::UserAbandoned, _) | (_, Some(50089 | 70019 | 70020)) => Outcome::Abandoned,
        _ => Outcome::Pending,
    }
}
