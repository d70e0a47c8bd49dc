//! The signals: what in a record, and in what is remembered of its user, address and tenant, speaks for or against it.
//!
//! One signal a file; the file's name is the signal's id, the value in the output, and the prefix of its
//! options. A signal looks at a [`Case`] and changes nothing, so their order does not matter.

mod prelude {
    pub(crate) use super::why::why;
    pub(crate) use super::{Case, Hit, Level, Signal, Weight, card};
    pub(crate) use crate::classify::texts::Said;
    pub(crate) use crate::classify::{Cause, FirstFactor, Status};
    pub(crate) use crate::config::{Kind, Opt};
    pub(crate) use crate::input::shapes::Field;
    pub(crate) use crate::input::words::{Category, Risk};
    pub(crate) use crate::state::Key;
    pub(crate) use crate::state::event::{Event, Traits};
    pub(crate) use crate::state::user::Familiarity;
}

mod address_in_attack;
pub(crate) mod agent;
mod aitm_pattern;
mod aitm_relay;
mod bad_network;
mod broker_drs_prt;
mod brute_force_user;
mod ca_block;
mod ca_gap;
mod cross_tenant;
mod dev_tool_client;
mod device_code_flow;
mod device_code_phish;
mod device_posture;
mod disabled_account;
mod disabled_account_pivot;
mod distributed_spray;
mod enum_unknown;
mod failure_spike_baseline;
mod first_seen_client;
mod first_seen_network_device;
mod groups;
mod impossible_travel;
mod interrupted_burst_ip;
mod interrupted_sequence;
mod legacy_auth;
mod lockout;
mod lockout_burst;
mod mfa_denied;
mod mfa_fatigue;
mod mfa_interrupted;
mod mfa_setup_elsewhere;
mod mfasweep_burst;
mod multi_ip_user;
mod new_country;
mod new_place_tenant;
mod noninteractive_ratio;
mod password_spray_ip;
mod risky_signin;
mod ropc;
mod service_principal_anomaly;
mod session_multi_ip;
mod shared;
mod single_factor_success;
mod sso_error_spray;
mod success_after_failures;
mod success_after_spray;
mod success_then_fail;
mod suspicious_user_agent;
mod temporal_dormant;
mod token_replay;
mod unusual_interruption;
mod user_in_attack;
mod valid_creds_interrupted;
pub mod why;

use crate::classify::Class;
use crate::config::{Config, Opt};
use crate::input::Record;
use crate::state::address::{Address, AddressBefore};
use crate::state::event::Event;
use crate::state::tenant::{Tenant, TenantBefore};
use crate::state::user::{Before, User};
use crate::state::{Facts, Key, Keys};
pub use agent::Agent;
use why::Why;

/// Every signal, in the order in which hits stand in the output.
pub static ALL: &[&Signal] = &[
    // MFA and interruption.
    &mfa_denied::SIGNAL,
    &mfa_interrupted::SIGNAL,
    &unusual_interruption::SIGNAL,
    &mfa_fatigue::SIGNAL,
    &interrupted_sequence::SIGNAL,
    &interrupted_burst_ip::SIGNAL,
    &valid_creds_interrupted::SIGNAL,
    &mfa_setup_elsewhere::SIGNAL,
    &mfasweep_burst::SIGNAL,
    // Credentials.
    &lockout::SIGNAL,
    &disabled_account::SIGNAL,
    &enum_unknown::SIGNAL,
    &password_spray_ip::SIGNAL,
    &success_after_spray::SIGNAL,
    &distributed_spray::SIGNAL,
    &brute_force_user::SIGNAL,
    &success_after_failures::SIGNAL,
    &success_then_fail::SIGNAL,
    &failure_spike_baseline::SIGNAL,
    &lockout_burst::SIGNAL,
    &disabled_account_pivot::SIGNAL,
    &sso_error_spray::SIGNAL,
    // Location and network.
    &bad_network::SIGNAL,
    &impossible_travel::SIGNAL,
    &new_country::SIGNAL,
    &new_place_tenant::SIGNAL,
    &first_seen_network_device::SIGNAL,
    &first_seen_client::SIGNAL,
    &multi_ip_user::SIGNAL,
    &session_multi_ip::SIGNAL,
    &token_replay::SIGNAL,
    &noninteractive_ratio::SIGNAL,
    // Protocol and client.
    &device_code_flow::SIGNAL,
    &ropc::SIGNAL,
    &legacy_auth::SIGNAL,
    &suspicious_user_agent::SIGNAL,
    &aitm_pattern::SIGNAL,
    &dev_tool_client::SIGNAL,
    &broker_drs_prt::SIGNAL,
    &device_code_phish::SIGNAL,
    &aitm_relay::SIGNAL,
    // Policy and risk.
    &single_factor_success::SIGNAL,
    &device_posture::SIGNAL,
    &ca_block::SIGNAL,
    &ca_gap::SIGNAL,
    &risky_signin::SIGNAL,
    &cross_tenant::SIGNAL,
    &service_principal_anomaly::SIGNAL,
    &temporal_dormant::SIGNAL,
    // What was found before.
    &user_in_attack::SIGNAL,
    &address_in_attack::SIGNAL,
];

/// The signals that say that an attack goes on; they are no attack by themselves.
pub const IN_ATTACK: [&str; 2] = [user_in_attack::SIGNAL.id, address_in_attack::SIGNAL.id];

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
    /// What must be remembered for it, and by which key; `None` where the record is enough. A signal that needs a key
    /// looks at nothing that is kept by another.
    pub needs: Option<Key>,
    /// Whether, and how, it hits.
    pub check: fn(&Case) -> Option<Hit>,
}

/// Texts of a card. People read them in the README and in `explain`, which have them from the library; nothing in the
/// component does, so they are left out of it.
pub(crate) const fn card(texts: &'static [&'static str]) -> &'static [&'static str] {
    if cfg!(feature = "component") {
        &[]
    } else {
        texts
    }
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
    /// All weights, the least first.
    pub const ALL: [Weight; 3] = [Weight::Low, Weight::Medium, Weight::High];

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
    /// What its user agent says.
    pub agent: Agent,
    /// What is remembered of the record's user, address and tenant.
    pub known: Facts<'a>,
}

/// What is remembered of a user or address or tenant, how things stood before the record, and the record itself.
pub type Remembered<'a, T, B> = (&'a T, &'a B, &'a Event);

impl<'a> Case<'a> {
    /// The user as remembered, with this record in it. `None` where nobody is named, where it is not kept here, and
    /// where the record is too old to be counted.
    pub fn user(&self) -> Option<Remembered<'a, User, Before>> {
        let (user, before) = self.known.user?;
        (!before.too_late).then_some((user, before, self.known.event?))
    }

    /// The same for the address.
    pub fn address(&self) -> Option<Remembered<'a, Address, AddressBefore>> {
        let (address, before) = self.known.address?;
        (!before.too_late).then_some((address, before, self.known.event?))
    }

    /// The same for the tenant.
    pub fn tenant(&self) -> Option<Remembered<'a, Tenant, TenantBefore>> {
        let (tenant, before) = self.known.tenant?;
        (!before.too_late).then_some((tenant, before, self.known.event?))
    }

    /// A hit of `level`, with one short sentence that holds the numbers seen. `None` where the operator
    /// switched the level off.
    pub fn hit(&self, level: &'static Level, why: impl Into<Why>) -> Option<Hit> {
        let points = self.config.int(&level.points);
        (points != 0).then(|| Hit {
            position: 0,
            weight: level.weight,
            points,
            why: why.into(),
        })
    }
}

/// The options that say how long an attack lasts, in the order of [`IN_ATTACK`].
pub(crate) fn attack_windows() -> [&'static Opt; 2] {
    [
        &user_in_attack::WINDOW_SECS,
        &address_in_attack::WINDOW_SECS,
    ]
}

/// The weight of a hit of which only the points are known: that of the level with these points, the highest where
/// several have them.
pub(crate) fn weight_of(signal: &Signal, points: i64, config: &Config) -> Weight {
    signal
        .levels
        .iter()
        .filter(|level| config.int(&level.points) == points)
        .map(|level| level.weight)
        .max()
        // Another configuration gave the points: better kept than lost.
        .unwrap_or(Weight::High)
}

/// Whether a record comes from a place that the configuration lists as bad.
pub(crate) fn is_listed(record: &Record, config: &Config) -> bool {
    bad_network::is_listed(record, config)
}

/// A signal that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The position of its signal in [`ALL`].
    pub position: u8,
    /// The weight of the level that hit.
    pub weight: Weight,
    /// What it adds to the score; can be negative.
    pub points: i64,
    /// One short sentence with the numbers seen.
    pub why: Why,
}

impl Hit {
    /// The signal that fired.
    pub fn signal(&self) -> &'static Signal {
        // Every hit's position is one of the list.
        ALL.get(usize::from(self.position)).unwrap_or(&ALL[0])
    }
}

/// Puts the hits of all signals into `hits`, in output order. Of those that need a key, those whose key is in `keys`.
pub fn check_all(case: &Case, keys: Keys, hits: &mut Vec<Hit>) {
    hits.clear();
    for (signal, position) in ALL.iter().zip(0..) {
        let looked_at = signal.needs.is_none_or(|key| keys.has(key));
        if looked_at && let Some(hit) = (signal.check)(case) {
            hits.push(Hit { position, ..hit });
        }
    }
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
