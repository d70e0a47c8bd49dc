//! Texts of the native crate that never cross the boundary: what a code, a cause and a signal mean.
//!
//! The only module that knows the native crate. Decisions are never taken from it: they are the component's.

use signin_triage::classify::{Cause, FirstFactor, Outcome, codes};
use signin_triage::{Config, config, noise};

pub use signin_triage::signals::{ALL as SIGNALS, Signal};

/// Where what is known of a code comes from: the tags that `signin_triage::classify::codes` explains, by kind.
const SOURCES: &[(&[&str], &str)] = &[
    (&["R", "L", "O", "T"], "Microsoft's documents"),
    (&["W20", "W26", "W27", "K"], "Microsoft's workbooks"),
    (&["S", "E", "G"], "public detection rules"),
    (&["D", "U"], "records seen"),
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

/// The sentence about what became of an interrupted sign-in.
pub fn outcome(label: &str) -> Option<&'static str> {
    let outcome = Outcome::ALL.iter().find(|one| one.label() == label)?;
    Some(outcome.meaning())
}

/// Why a record that looked like noise is kept: the rule's reason, or the signal's line.
pub fn kept_for(name: &str) -> Option<&'static str> {
    let rule = noise::KEEPING_RULES.iter().find(|(of, _)| *of == name);
    let signal = || SIGNALS.iter().find(|signal| signal.id == name);
    rule.map(|(_, reason)| *reason)
        .or_else(|| signal().map(|signal| signal.summary))
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
