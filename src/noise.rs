//! Whether a record is noise that can stay out of the SIEM, with a named reason, or what speaks against that.
//!
//! Decided here from one record alone. A place is known to be the user's where the record itself shows it: a
//! device that the tenant manages, or a named location that the tenant trusts. Until there is memory, a right
//! password from any other place counts as one from a new place, and is kept.

use crate::classify::{Cause, Class, FirstFactor, Status};
use crate::input::record::Risk;
use crate::input::shapes::Field;
use crate::signals::{Case, Hit, Weight};

/// Why a record is noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A step of the protocol, after which the sign-in goes on by itself or with a click.
    Handshake,
    /// A single question to the user that has no answer in this record.
    LoneInterrupt,
}

impl Reason {
    /// All reasons, in the order in which they are counted.
    pub const ALL: [Reason; 2] = [Reason::Handshake, Reason::LoneInterrupt];

    /// The value in the output.
    pub fn label(self) -> &'static str {
        match self {
            Reason::Handshake => "handshake",
            Reason::LoneInterrupt => "lone_interrupt",
        }
    }
}

/// What is decided about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// Not the kind of record that is noise.
    Not,
    /// It can stay out of the SIEM.
    Suppress(Reason),
    /// It looks like noise, and the named signal, risk or rule speaks for keeping it.
    Keep(&'static str),
}

/// Rules that keep a record, by the name that stands in `kept_for` (signals go by their own id).
pub const KEEPING_RULES: &[(&str, &str)] = &[
    (
        "code_50199",
        "50199 is the page before a device code is honoured, the pivot of device-code phishing",
    ),
    (
        "risk_level",
        "Identity Protection holds the sign-in or the user to be of medium or high risk",
    ),
    (
        "risk_state",
        "Identity Protection holds the user at risk or compromised",
    ),
    (
        "right_password_new_place",
        "the password was right, and nothing shows that the device or network is the user's",
    ),
];

/// Decides about a record whose signals are known.
pub fn decide(case: &Case, hits: &[Hit]) -> Noise {
    let Some(reason) = looks_like(case.class) else {
        return Noise::Not;
    };
    match kept_for(case, hits) {
        Some(rule) => Noise::Keep(rule),
        None => Noise::Suppress(reason),
    }
}

/// Which kind of noise the record would be, by its cause. A failure never is.
fn looks_like(class: &Class) -> Option<Reason> {
    if class.status != Status::Interrupted {
        return None;
    }
    match class.cause {
        Cause::SsoSilent
        | Cause::KmsiPrompt
        | Cause::AppConfirm
        | Cause::AccountPicker
        | Cause::SessionExpired
        | Cause::RedirectBroken
        | Cause::CaDevice => Some(Reason::Handshake),
        Cause::MfaRequired
        | Cause::MfaSetup
        | Cause::MfaFailed
        | Cause::MfaDenied
        | Cause::UserAbandoned
        | Cause::ExternalChallenge
        | Cause::TermsOfUse
        | Cause::PasswordChange
        | Cause::CaApp => Some(Reason::LoneInterrupt),
        // Consent and device codes are how accounts are phished without a password; unknown codes are unknown.
        _ => None,
    }
}

/// What speaks for keeping a record that looks like noise, the most telling first.
fn kept_for(case: &Case, hits: &[Hit]) -> Option<&'static str> {
    if case.class.code == Some(50199) {
        return Some("code_50199");
    }
    let weighty = hits.iter().filter(|hit| hit.weight >= Weight::Medium);
    if let Some(hit) = weighty.max_by_key(|hit| hit.points) {
        return Some(hit.id);
    }
    let record = case.record;
    let risky = |field| record.risk(field) >= Risk::Medium;
    if risky(Field::RiskDuringSignIn) || risky(Field::RiskAggregated) {
        return Some("risk_level");
    }
    let state = |word| record.is(Field::RiskState, word);
    if state("atRisk") || state("confirmedCompromised") {
        return Some("risk_state");
    }
    let known_place = record.is_network_trusted() || record.is_device_managed();
    if case.class.first_factor == FirstFactor::Proved && !known_place {
        return Some("right_password_new_place");
    }
    None
}
