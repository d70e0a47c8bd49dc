//! The signals: what in a record (and, later, in what is remembered) speaks for or against it.
//!
//! One signal a file; the file's name is the signal's id, the value in the output, and the prefix of its
//! options. A signal looks at a [`Case`] and changes nothing, so their order does not matter.

mod prelude {
    pub(crate) use super::{Case, Hit, Level, Signal, Weight};
    pub(crate) use crate::classify::texts::Said;
    pub(crate) use crate::classify::{Cause, FirstFactor, Status};
    pub(crate) use crate::config::{Kind, Opt};
    pub(crate) use crate::input::shapes::Field;
    pub(crate) use crate::input::words::{Category, Risk};
}

mod aitm_pattern;
mod bad_network;
mod broker_drs_prt;
mod ca_block;
mod ca_gap;
mod cross_tenant;
mod dev_tool_client;
mod device_code_flow;
mod device_posture;
mod disabled_account;
mod enum_unknown;
mod legacy_auth;
mod lockout;
mod mfa_denied;
mod mfa_interrupted;
mod risky_signin;
mod ropc;
mod shared;
mod single_factor_success;
mod suspicious_user_agent;
mod unusual_interruption;

use std::borrow::Cow;

use crate::classify::Class;
use crate::config::{Config, Opt};
use crate::input::Record;

/// Every signal, in the order in which hits stand in the output.
pub static ALL: &[&Signal] = &[
    // MFA and interruption.
    &mfa_denied::SIGNAL,
    &mfa_interrupted::SIGNAL,
    &unusual_interruption::SIGNAL,
    // Credentials.
    &lockout::SIGNAL,
    &disabled_account::SIGNAL,
    &enum_unknown::SIGNAL,
    // Location and network.
    &bad_network::SIGNAL,
    // Protocol and client.
    &device_code_flow::SIGNAL,
    &ropc::SIGNAL,
    &legacy_auth::SIGNAL,
    &suspicious_user_agent::SIGNAL,
    &aitm_pattern::SIGNAL,
    &dev_tool_client::SIGNAL,
    &broker_drs_prt::SIGNAL,
    // Policy and risk.
    &single_factor_success::SIGNAL,
    &device_posture::SIGNAL,
    &ca_block::SIGNAL,
    &ca_gap::SIGNAL,
    &risky_signin::SIGNAL,
    &cross_tenant::SIGNAL,
];

/// A signal's card and its check.
pub struct Signal {
    /// The value in the output. Once released it keeps its meaning; a new meaning gets a new id.
    pub id: &'static str,
    /// One line for an operator.
    pub summary: &'static str,
    /// How it can hit, the strongest first. Each level has its own weight and points.
    pub levels: &'static [&'static Level],
    /// MITRE ATT&CK techniques.
    pub techniques: &'static [&'static str],
    /// What sets it off without an attack.
    pub false_positives: &'static [&'static str],
    /// How an attack passes under it.
    pub blind_spots: &'static [&'static str],
    /// Rules and documents it comes from.
    pub references: &'static [&'static str],
    /// Its options besides the points of its levels.
    pub options: &'static [&'static Opt],
    /// Whether, and how, it hits.
    pub check: fn(&Case) -> Option<Hit>,
}

/// One way in which a signal hits.
pub struct Level {
    /// Its name within the signal, the first part of the option `<id>.<name>_points`.
    pub name: &'static str,
    /// How much it matters. A record with a hit of medium weight or more is never suppressed.
    pub weight: Weight,
    /// The option that holds its points. 0 switches the level off.
    pub points: Opt,
}

/// How much a hit matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Counts only together with others.
    Low,
    /// Keeps a record from being suppressed.
    Medium,
    /// Worth a person's look by itself.
    High,
}

impl Weight {
    /// The word in documentation.
    pub fn label(self) -> &'static str {
        match self {
            Weight::Low => "low",
            Weight::Medium => "medium",
            Weight::High => "high",
        }
    }
}

/// What a signal looks at.
pub struct Case<'a> {
    /// The record.
    pub record: &'a Record<'a>,
    /// What it says by itself.
    pub class: &'a Class,
    /// The options.
    pub config: &'a Config,
}

impl Case<'_> {
    /// A hit of `level`, with one short sentence that holds the numbers seen. `None` where the operator
    /// switched the level off.
    pub fn hit(&self, level: &'static Level, why: impl Into<Cow<'static, str>>) -> Option<Hit> {
        let points = self.config.int(&level.points);
        (points != 0).then(|| Hit {
            id: "",
            weight: level.weight,
            points,
            why: why.into(),
        })
    }
}

/// A signal that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The signal's id.
    pub id: &'static str,
    /// The weight of the level that hit.
    pub weight: Weight,
    /// What it adds to the score; can be negative.
    pub points: i64,
    /// One short sentence with the numbers seen.
    pub why: Cow<'static, str>,
}

/// Puts the hits of all signals into `hits`, in output order.
pub fn check_all(case: &Case, hits: &mut Vec<Hit>) {
    hits.clear();
    hits.extend(ALL.iter().filter_map(|signal| {
        let hit = (signal.check)(case)?;
        Some(Hit {
            id: signal.id,
            ..hit
        })
    }));
}

#[cfg(test)]
pub(crate) mod bench;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_is_filled_in() {
        for signal in ALL {
            let id = signal.id;
            assert_eq!(ALL.iter().filter(|other| other.id == id).count(), 1, "{id}");
            let file = format!("{}/src/signals/{id}.rs", env!("CARGO_MANIFEST_DIR"));
            assert!(std::path::Path::new(&file).is_file(), "{id} has no file");
            assert!(!signal.summary.ends_with('.'), "{id}");
            for (what, texts) in [
                ("techniques", signal.techniques),
                ("false positives", signal.false_positives),
                ("blind spots", signal.blind_spots),
                ("references", signal.references),
            ] {
                assert!(!texts.is_empty(), "{id} has no {what}");
                assert!(texts.iter().all(|text| text.len() > 3), "{id}: {what}");
            }
            for reference in signal.references {
                assert!(reference.starts_with("https://"), "{id}: {reference}");
            }
            for level in signal.levels {
                let key = format!("{id}.{}_points", level.name);
                assert_eq!(level.points.key, key);
            }
            for option in signal.options {
                assert!(option.key.starts_with(&format!("{id}.")), "{}", option.key);
            }
        }
    }

    #[test]
    fn points_go_with_weights() {
        for level in ALL.iter().flat_map(|signal| signal.levels) {
            let points = level.points.default().as_i64().unwrap();
            let range = match level.weight {
                Weight::Low => 1..15,
                Weight::Medium => 15..45,
                Weight::High => 40..101,
            };
            assert!(range.contains(&points), "{}", level.points.key);
        }
    }

    #[test]
    fn a_level_of_no_points_is_off() {
        let record = r#""resultType":"50074""#;
        let off = r#"{"mfa_interrupted.seen_points":0}"#;
        assert!(bench::hits("mfa_interrupted", record, "").is_some());
        assert!(bench::hits("mfa_interrupted", record, off).is_none());
    }
}
