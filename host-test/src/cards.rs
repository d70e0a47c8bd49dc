//! Texts of the native crate that never cross the boundary: what a code, a cause and a signal mean, and what a
//! record shows that its label does not repeat.
//!
//! The only module that knows the native crate. Decisions are never taken from it: they are the component's.

use serde_json::Value;
use signin_triage::classify::texts::Said;
use signin_triage::classify::{Cause, FirstFactor, Outcome, classify, codes};
use signin_triage::input::shapes::Field;
use signin_triage::input::{Scratch, View, view};
use signin_triage::state::Key;
use signin_triage::{Config, config, noise};

pub use signin_triage::signals::{ALL as SIGNALS, Signal};

/// Where what is known of a code comes from: the tags that `signin_triage::classify::codes` explains, by kind.
const SOURCES: &[(&[&str], &str)] = &[
    (&["R", "L", "O", "T"], "Microsoft's documents"),
    (&["W20", "W26", "W27", "K"], "Microsoft's workbooks"),
    (&["S", "E", "G"], "public detection rules"),
    (&["D", "U"], "sample records"),
    (&["V"], "password-spray tools"),
    (&["C"], "community text"),
];

/// What is known about an AADSTS code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeCard {
    /// Microsoft's symbolic name, such as `IdsLocked`; `None` where it has none that is known.
    pub name: Option<&'static str>,
    /// A few plain words without capital and full stop.
    pub meaning: &'static str,
    /// Where that comes from, in words.
    pub sources: Vec<&'static str>,
}

/// The card of a code; `None` for one outside the table.
pub fn code(code: u64) -> Option<CodeCard> {
    let code = u32::try_from(code).ok()?;
    let tags: Vec<_> = codes::source(code)?.split_whitespace().collect();
    let found = SOURCES
        .iter()
        .filter(|(of, _)| of.iter().any(|tag| tags.contains(tag)));
    let sources = found.map(|(_, words)| *words).collect();
    let name = codes::NAMES.iter().find(|(_, of)| *of == code);
    Some(CodeCard {
        name: name.map(|(name, _)| *name),
        meaning: codes::meaning(code)?,
        sources,
    })
}

/// The sentence about a cause; `None` for a label that this version does not know.
pub fn cause(label: &str) -> Option<&'static str> {
    let cause = Cause::ALL.iter().find(|one| one.label() == label)?;
    Some(cause.meaning())
}

/// The sentence about what is known of the first factor.
pub fn first_factor(label: &str) -> Option<&'static str> {
    let factor = FirstFactor::ALL.iter().find(|one| one.label() == label)?;
    Some(factor.meaning())
}

/// The sentence about what became of an interrupted sign-in, as it stands when the record comes: nothing waits here.
pub fn outcome(label: &str) -> Option<&'static str> {
    let outcome = Outcome::ALL.iter().find(|one| one.label() == label)?;
    Some(match outcome {
        Outcome::Pending => "Nothing up to this record tells what became of it.",
        Outcome::Completed => {
            "A success of the same flow, later by its time, had arrived before it."
        }
        Outcome::Abandoned => "The record itself says that nobody went on.",
        Outcome::Denied => outcome.meaning(),
    })
}

/// What a signal looks at besides the record.
pub fn needs(signal: &Signal) -> &'static str {
    match signal.needs {
        None => "the record by itself",
        Some(Key::User) => "the record and what is remembered of its user",
        Some(Key::Address) => "the record and what is remembered of its address",
        Some(Key::Tenant) => "the record and what is remembered of its tenant",
    }
}

/// The key by which a signal remembers, in one word.
pub fn key(signal: &Signal) -> &'static str {
    signal.needs.map_or("record", Key::label)
}

/// Why a record that looked like noise is kept: the rule's reason, or the signal's line.
pub fn kept_for(name: &str) -> Option<&'static str> {
    let rule = noise::KEEPING_RULES.iter().find(|(of, _)| *of == name);
    let signal = || SIGNALS.iter().find(|signal| signal.id == name);
    rule.map(|(_, reason)| *reason)
        .or_else(|| signal().map(|signal| signal.summary))
}

/// What a record shows beyond its label, read as the component reads it. For wording only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// What shows that the place is the user's own; empty where nothing does.
    pub known_place: Vec<&'static str>,
    /// A 50053 because of the address. The code's own words name both of its meanings.
    pub malicious_address: bool,
    /// The first factor came with the token of an earlier sign-in.
    pub first_factor_carried_over: bool,
}

/// Reads a record. Nothing is shown by one that cannot be read.
pub fn shown(record: &Value, settings: &Settings) -> Shown {
    let text = record.to_string();
    let mut scratch = Scratch::default();
    let Ok(View::Record(record)) = view(&text, &settings.member, &mut scratch) else {
        return Shown::default();
    };
    let class = classify(&record);
    let mut known_place = Vec::new();
    if record.is_device_managed() {
        known_place.push("the device is managed");
    }
    if record.is_network_trusted() {
        known_place.push("the network is trusted");
    }
    // `refreshToken` or `primaryRefreshToken`.
    let token = record.text(Field::IncomingToken).unwrap_or_default();
    let refreshed = token.to_ascii_lowercase().contains("refreshtoken");
    let carried_over = class.told.has(Said::FirstFactorReused) || refreshed;
    Shown {
        known_place,
        malicious_address: class.malicious_address,
        first_factor_carried_over: carried_over && !class.told.password_right,
    }
}

/// The options that reading out a label takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of the member that holds the label.
    pub member: String,
    /// The score from which a record is for review.
    pub review_from: i64,
    /// The score from which it is suspicious.
    pub suspicious_from: i64,
}

/// The settings of a configuration that the component has found fine.
pub fn settings(config: &str) -> Settings {
    let config = Config::from_json(config).unwrap_or_default();
    Settings {
        member: config.text(&config::MEMBER).to_owned(),
        review_from: config.int(&config::REVIEW_FROM),
        suspicious_from: config.int(&config::SUSPICIOUS_FROM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_card() {
        let card = code(50053).unwrap();
        assert_eq!(card.name, Some("IdsLocked"));
        assert!(!card.meaning.is_empty() && !card.sources.is_empty());
        assert_eq!(code(1), None);
        assert_eq!(code(u64::MAX), None);
    }

    #[test]
    fn a_record_shows_more_than_its_label() {
        let nothing = Shown::default;
        let place = |known_place| Shown {
            known_place,
            ..nothing()
        };
        let carried_over = Shown {
            first_factor_carried_over: true,
            ..nothing()
        };
        let malicious = Shown {
            malicious_address: true,
            ..nothing()
        };
        let steps = |steps: &str| format!(r#""authenticationDetails":[{steps}]"#);
        let claim = r#"{"authenticationMethod":"Previously satisfied","authenticationStepResultDetail":"First factor requirement satisfied by claim in the token","succeeded":true}"#;
        let password = r#"{"authenticationMethod":"Password","authenticationStepResultDetail":"Correct password","succeeded":true}"#;
        let managed = r#""deviceDetail":{"isManaged":true}"#;
        let trusted = r#""networkLocationDetails":[{"networkType":"trustedNamedLocation"}]"#;
        let (on_device, on_network) = ("the device is managed", "the network is trusted");
        for (properties, expected) in [
            (r#""id":"1""#.to_owned(), nothing()),
            (managed.to_owned(), place(vec![on_device])),
            (trusted.to_owned(), place(vec![on_network])),
            (
                format!("{managed},{trusted}"),
                place(vec![on_device, on_network]),
            ),
            (steps(claim), carried_over.clone()),
            (
                r#""incomingTokenType":"primaryRefreshToken""#.to_owned(),
                carried_over,
            ),
            (r#""incomingTokenType":"none""#.to_owned(), nothing()),
            // Typed in this record after all.
            (steps(&format!("{claim},{password}")), nothing()),
            (
                r#""status":{"errorCode":50053,"failureReason":"Sign-in was blocked because it came from an IP address with malicious activity."}"#.to_owned(),
                malicious,
            ),
            (
                r#""status":{"errorCode":50053,"failureReason":"Too many tries."}"#.to_owned(),
                nothing(),
            ),
        ] {
            let record = format!(r#"{{"category":"SignInLogs","properties":{{{properties}}}}}"#);
            let record = serde_json::from_str(&record).unwrap();
            assert_eq!(shown(&record, &settings("")), expected, "{properties}");
        }
        assert_eq!(shown(&Value::Null, &settings("")), nothing());
    }

    #[test]
    fn every_tag_has_words() {
        for (of, _, tags) in &codes::MEANINGS {
            for tag in tags.split_whitespace() {
                assert!(
                    SOURCES.iter().any(|(known, _)| known.contains(&tag)),
                    "{tag} of {of}"
                );
            }
        }
    }

    #[test]
    fn settings_follow_the_configuration() {
        let settings = settings(r#"{"review_from":20,"member":"triage"}"#);
        assert_eq!(settings.member, "triage");
        assert_eq!((settings.review_from, settings.suspicious_from), (20, 60));
    }
}
