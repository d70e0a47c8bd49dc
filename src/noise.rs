//! Whether a record is noise that can stay out of the SIEM, with a named reason, or what speaks against that.
//!
//! Decided from the record, its hits and what is remembered of its user. A place is known to be the user's where the
//! record itself shows it (a device that the tenant manages, a named location that it trusts), or where the user got
//! in from that network before in a way that shows it ([`crate::state::user`]).

use crate::classify::{Cause, Class, FirstFactor, Outcome, Status};
use crate::input::shapes::Field;
use crate::input::words::Risk;
use crate::score::Verdict;
use crate::signals::{Case, Hit, Weight};
use crate::state::user::Place;

/// Why a record is noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A step of the protocol, after which the sign-in goes on by itself or with a click.
    Handshake,
    /// A single question to the user that has no answer in this record.
    LoneInterrupt,
    /// A later record of the same flow got in, so the success says it all.
    PromptCompleted,
    /// A client went on by itself, as it did within the four hours before.
    RepeatRefresh,
    /// The same record was delivered before.
    Duplicate,
}

impl Reason {
    /// All reasons, in the order in which they are counted.
    pub const ALL: [Reason; 5] = [
        Reason::Handshake,
        Reason::LoneInterrupt,
        Reason::PromptCompleted,
        Reason::RepeatRefresh,
        Reason::Duplicate,
    ];

    /// The value in the output.
    pub fn label(self) -> &'static str {
        match self {
            Reason::Handshake => "handshake",
            Reason::LoneInterrupt => "lone_interrupt",
            Reason::PromptCompleted => "prompt_completed",
            Reason::RepeatRefresh => "repeat_refresh",
            Reason::Duplicate => "duplicate",
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

/// What is known besides the record and its hits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances {
    /// How well the place was known to be the user's before the record.
    pub place: Place,
    /// The same record was delivered before.
    pub duplicate: bool,
    /// A non-interactive sign-in like one before it.
    pub repeat: bool,
    /// The success that completes it was itself found worth a look.
    pub completed_oddly: bool,
    /// The user, or the address, is inside an attack window: the signal that says so.
    pub attack: Option<&'static str>,
    /// What a step by another key decided that knew the user, see [`crate::keyed`].
    pub earlier: Option<Noise>,
}

/// Rules that keep a record, by the name that stands in `kept_for` (signals go by their own id).
pub const KEEPING_RULES: &[(&str, &str)] = &[
    (
        "mfa_denied",
        "a step was declined or reported as fraud (also where that signal is switched off)",
    ),
    (
        "record_cut",
        "it holds more steps or unsatisfied policies than are looked at",
    ),
    (
        "code_50199",
        "50199 is the page before a device code is honoured, the pivot of device-code phishing",
    ),
    ("verdict", "signals of low weight add up to review or more"),
    (
        "risk_level",
        "Identity Protection holds the sign-in or the user to be of medium or high risk, or of a level not known here",
    ),
    (
        "risk_state",
        "Identity Protection holds the user at risk or compromised",
    ),
    (
        "new_place",
        "it comes from a network or country that is new to a user whose places are known, or from a hosting network that is not known to be the user's",
    ),
    (
        "failure",
        "a failure that was delivered before: a failure is never suppressed",
    ),
    (
        "completed_oddly",
        "the success that completed it is itself worth a look",
    ),
    (
        "right_password_new_place",
        "the password was right, and nothing shows that the device or network is the user's",
    ),
    (
        "unanswered_prompt_new_place",
        "a prompt was not answered, or not passed, and nothing shows that it was the user's own",
    ),
    (
        "app_confirm_new_place",
        "a page to confirm the app was shown, and nothing shows that the device or network is the user's",
    ),
    (
        "revoked_grant_new_place",
        "a session or grant that had been revoked was tried again, and nothing shows that by its user",
    ),
];

/// Decides about a record whose signals and verdict are known.
pub fn decide(case: &Case, hits: &[Hit], verdict: Verdict, known: &Circumstances) -> Noise {
    let reason = match known.earlier {
        Some(Noise::Not) => None,
        Some(Noise::Suppress(reason)) => Some(reason),
        // What kept it still does; here it can only be found to be kept for something weightier.
        Some(Noise::Keep(_)) => Some(Reason::Handshake),
        None => looks_like(case, known),
    };
    let Some(reason) = reason else {
        return Noise::Not;
    };
    let rule = always_kept_for(case, hits, verdict, known).or(match known.earlier {
        Some(Noise::Keep(rule)) => Some(rule),
        Some(_) => None,
        None => kept_for_place(case, hits, reason, known),
    });
    match rule {
        Some(rule) => Noise::Keep(rule),
        None => Noise::Suppress(reason),
    }
}

/// Which kind of noise the record would be.
fn looks_like(case: &Case, known: &Circumstances) -> Option<Reason> {
    let class = case.class;
    if known.duplicate {
        return Some(Reason::Duplicate);
    }
    // Whatever the cause: the first of four hours stays in the stream, and a repeat says nothing that it does not.
    if class.status != Status::Failure && known.repeat && known.place.is_known() {
        return Some(Reason::RepeatRefresh);
    }
    let by_cause = by_cause(class)?;
    if class.outcome == Some(Outcome::Completed) {
        return Some(Reason::PromptCompleted);
    }
    Some(by_cause)
}

/// Which kind of noise the record would be by its cause. A failure never is.
fn by_cause(class: &Class) -> Option<Reason> {
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

/// What speaks for keeping a record that looks like noise from wherever it comes, the most telling first.
fn always_kept_for(
    case: &Case,
    hits: &[Hit],
    verdict: Verdict,
    known: &Circumstances,
) -> Option<&'static str> {
    // Also where the operator has switched the signal off.
    if case.class.told.denial() || case.class.cause == Cause::MfaDenied {
        return Some("mfa_denied");
    }
    if case.class.outcome == Some(Outcome::Denied) {
        return Some("mfa_denied");
    }
    // What is not looked at could be a denial.
    if case.record.is_cut() {
        return Some("record_cut");
    }
    if case.class.status == Status::Failure {
        return Some("failure");
    }
    if case.class.looked_up == Some(50199) {
        return Some("code_50199");
    }
    let weighty = hits.iter().filter(|hit| hit.weight >= Weight::Medium);
    if let Some(hit) = weighty.max_by_key(|hit| hit.points) {
        return Some(hit.signal().id);
    }
    // Several small things; what a person should look at must be there to be looked at.
    if verdict > Verdict::Benign {
        return Some("verdict");
    }
    let record = case.record;
    // A level that is not known yet could be any.
    let risky = |field| record.risk(field) >= Risk::Other;
    if risky(Field::RiskDuringSignIn) || risky(Field::RiskAggregated) {
        return Some("risk_level");
    }
    let state = |word| record.is(Field::RiskState, word);
    if state("atRisk") || state("confirmedCompromised") {
        return Some("risk_state");
    }
    if known.completed_oddly {
        return Some("completed_oddly");
    }
    known.attack
}

/// The rule that keeps a record because its place is not known to be the user's; `None` where it is, or where that
/// does not matter.
fn kept_for_place(
    case: &Case,
    hits: &[Hit],
    reason: Reason,
    known: &Circumstances,
) -> Option<&'static str> {
    let record = case.record;
    // Whatever the device and however the network is named: a right password from a place new to the user is kept.
    let proved = case.class.first_factor == FirstFactor::Proved;
    if proved && known.place.is_new() && reason != Reason::Duplicate {
        return Some("right_password_new_place");
    }
    let known_place =
        record.is_network_trusted() || record.is_device_managed() || known.place.is_known();
    if known_place || reason == Reason::Duplicate {
        return None;
    }
    // Also what needs no password: a phishing proxy begins with a silent sign-in that finds no session.
    let hosting = hits.iter().any(|hit| hit.signal().id == "bad_network");
    if known.place.is_new() || hosting {
        return Some("new_place");
    }
    // Whoever answered the prompt had the second factor too. Of a user with a history a new place is kept all the
    // same: that is what a phishing proxy looks like.
    // To register one proves nothing of the kind.
    let prompted = case.class.cause != Cause::MfaSetup;
    if reason == Reason::PromptCompleted && prompted && !known.place.is_new() {
        return None;
    }
    needs_known_place(case)
}

/// Of what only the user's own place makes noise: the rule that keeps it from anywhere else.
fn needs_known_place(case: &Case) -> Option<&'static str> {
    let class = case.class;
    match (class.cause, class.looked_up) {
        // A prompt without a password needs a user name only.
        (Cause::UserAbandoned | Cause::MfaFailed, _) => Some("unanswered_prompt_new_place"),
        _ if class.first_factor == FirstFactor::Proved => Some("right_password_new_place"),
        (Cause::AppConfirm, _) => Some("app_confirm_new_place"),
        // Microsoft's own spray rule takes 50133 and 50173 for a right password. A confidential client's address
        // is not where it was tried.
        (_, Some(50132 | 50133 | 50173)) if case.record.is_address_of_caller() => {
            Some("revoked_grant_new_place")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score;
    use crate::signals::bench::judged;

    /// The decision about a record; see [`judged`].
    fn decided(members: &str, config: &str) -> Noise {
        judged(members, config, |case, hits| {
            let verdict = score::verdict(score::total(hits), case.config);
            decide(case, hits, verdict, &Circumstances::default())
        })
    }

    const MANAGED: &str = r#""deviceDetail":{"isManaged":true}"#;
    const TRUSTED: &str = r#""networkLocationDetails":[{"networkType":"trustedNamedLocation"}]"#;

    #[test]
    fn every_rule_keeps_and_its_near_miss_does_not() {
        use Noise::{Keep, Not, Suppress};
        use Reason::{Handshake, LoneInterrupt};
        let rows = [
            ("50058", "", Suppress(Handshake)),
            ("16000", "", Suppress(Handshake)),
            ("50097", "", Suppress(Handshake)),
            ("70043", "", Suppress(Handshake)),
            ("50140", MANAGED, Suppress(Handshake)),
            ("50140", TRUSTED, Suppress(Handshake)),
            ("50140", "", Keep("right_password_new_place")),
            ("50074", MANAGED, Suppress(LoneInterrupt)),
            ("50074", TRUSTED, Suppress(LoneInterrupt)),
            ("50074", "", Keep("right_password_new_place")),
            (
                "50074",
                r#""networkLocationDetails":[{"networkType":"namedNetwork"}]"#,
                Keep("right_password_new_place"),
            ),
            ("50199", MANAGED, Keep("code_50199")),
            ("50201", "", Keep("app_confirm_new_place")),
            ("50201", MANAGED, Suppress(Handshake)),
            ("70039", "", Keep("unanswered_prompt_new_place")),
            ("70039", TRUSTED, Suppress(LoneInterrupt)),
            ("50173", "", Keep("revoked_grant_new_place")),
            ("50173", MANAGED, Suppress(Handshake)),
            ("50135", MANAGED, Keep("risky_signin")),
            (
                "50058",
                r#""riskLevelAggregated":"unknownFutureValue""#,
                Keep("risk_level"),
            ),
            (
                "50058",
                r#""riskLevelAggregated":"low""#,
                Suppress(Handshake),
            ),
            (
                "50058",
                r#""riskLevelAggregated":"medium""#,
                Keep("risky_signin"),
            ),
            // Low, low and low: found by a law over random streams.
            (
                "16000",
                r#""autonomousSystemNumber":14061,"authenticationProtocol":"ropc","riskLevelAggregated":"low""#,
                Keep("verdict"),
            ),
            // Dismissed, so no signal; the level keeps it all the same.
            (
                "50058",
                r#""riskLevelAggregated":"high","riskState":"dismissed""#,
                Keep("risk_level"),
            ),
            ("50058", r#""riskState":"atRisk""#, Keep("risky_signin")),
            (
                "50058",
                r#""riskLevelDuringSignIn":"hidden""#,
                Suppress(Handshake),
            ),
            // Never noise, whatever else the record shows.
            ("0", MANAGED, Not),
            ("50126", MANAGED, Not),
            ("53003", MANAGED, Not),
            ("500121", MANAGED, Not),
            ("999999", MANAGED, Not),
            ("65001", MANAGED, Not),
            ("70016", MANAGED, Not),
        ];
        for (code, properties, expected) in rows {
            let members = format!(r#""resultType":"{code}","properties":{{{properties}}}"#);
            assert_eq!(decided(&members, ""), expected, "{code} {properties}");
        }
    }

    #[test]
    fn a_denial_behind_more_steps_than_are_read_is_kept() {
        let step = |text| format!(r#"{{"authenticationStepResultDetail":"{text}"}}"#);
        for (right, expected) in [
            (31, Noise::Keep("mfa_denied")),
            (32, Noise::Keep("record_cut")),
            (40, Noise::Keep("record_cut")),
        ] {
            let mut steps = vec![step("Correct password"); right];
            steps.push(step("MFA denied; Phone App Reported Fraud"));
            let members = format!(
                r#""resultType":"50140","properties":{{{MANAGED},"authenticationDetails":[{}]}}"#,
                steps.join(",")
            );
            assert_eq!(decided(&members, ""), expected, "{right}");
        }
    }

    #[test]
    fn a_prompt_without_a_password_is_kept_however_it_failed() {
        for text in [
            "MFA denied; user did not select the correct number",
            "MFA denied; user did not respond to mobile app notification",
        ] {
            let members = format!(
                r#""resultType":"50074","properties":{{"authenticationDetails":[{{"authenticationMethod":"Passwordless phone sign-in","authenticationStepResultDetail":"{text}"}}]}}"#
            );
            let expected = Noise::Keep("unanswered_prompt_new_place");
            assert_eq!(decided(&members, ""), expected, "{text}");
        }
    }

    #[test]
    fn what_the_contract_keeps_is_kept_also_where_its_signal_is_off() {
        let denial = r#""authenticationDetails":[{"authenticationStepResultDetail":"MFA denied; user declined the authentication"}]"#;
        let rows = [
            (
                "50140",
                denial,
                r#"{"mfa_denied.declined_points":0}"#,
                "mfa_denied",
            ),
            (
                "50199",
                "\"a\":1",
                r#"{"device_code_flow.seen_points":0}"#,
                "code_50199",
            ),
            (
                "50058",
                r#""riskState":"atRisk""#,
                r#"{"risky_signin.at_risk_points":0}"#,
                "risk_state",
            ),
            (
                "50058",
                r#""riskLevelAggregated":"medium""#,
                r#"{"risky_signin.medium_points":0}"#,
                "risk_level",
            ),
        ];
        for (code, properties, config, rule) in rows {
            let members =
                format!(r#""resultType":"{code}","properties":{{{TRUSTED},{properties}}}"#);
            assert_eq!(decided(&members, config), Noise::Keep(rule), "{rule}");
        }
    }
}
