//! The account is locked after wrong passwords, or the address is held to be malicious: one code, two meanings.
//!
//! The failure reason tells them apart (`Class::malicious_address`). A device that keeps an old password locks its owner
//! out for days, from the owner's own places; that is told by what was refused there before. Many lockouts at once are
//! for `lockout_burst`.
use super::prelude::*;
use super::shared::{is_carried, is_own};

pub(super) const SIGNAL: Signal = Signal {
    id: "lockout",
    summary: "Account locked, or address held to be malicious",
    levels: &[&MALICIOUS_ADDRESS, &LOCKED, &OLD_PASSWORD],
    techniques: card(&["T1110"]),
    false_positives: card(&[
        "A device or service that keeps an old password after a change",
        "A legacy mail client that retries",
        "An exit address shared with others, for the malicious-address level",
    ]),
    blind_spots: card(&[
        "Guessing that stays below the lockout limit",
        "Smart lockout knows familiar places, so an attacker there gets more tries",
        "Guessing that Microsoft's own services forward is in the excluded networks",
    ]),
    references: card(&[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_account_lockout.yml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_excessive_account_lockouts.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/SmartLockouts.yaml",
    ]),
    options: &[&EXCLUDED_ASNS],
    needs: Some(Key::User),
    check,
};

const MALICIOUS_ADDRESS: Level = Level {
    name: "malicious_address",
    weight: Weight::Medium,
    points: Opt::points(
        "lockout.malicious_address_points",
        40,
        "Review alone: Microsoft's own verdict on the address (failureReason of 50053); our weight",
    ),
};
const LOCKED: Level = Level {
    name: "locked",
    weight: Weight::Medium,
    points: Opt::points(
        "lockout.locked_points",
        30,
        "Review alone: Sigma azure_account_lockout and Sentinel SmartLockouts, one event; stale passwords do it too",
    ),
};
const OLD_PASSWORD: Level = Level {
    name: "old_password",
    weight: Weight::Low,
    points: Opt::points(
        "lockout.old_password_points",
        5,
        "Our weight: one client that was refused at least three times at the user's own places within the day",
    ),
};
const EXCLUDED_ASNS: Opt = Opt::new(
    "lockout.excluded_asns",
    "networks whose lockouts do not count",
    Kind::Asns {
        default: &[8068, 8069, 8070, 8075, 12076],
    },
    "Microsoft's own networks, as in Panther azure_excessive_account_lockouts",
);

fn check(case: &Case) -> Option<Hit> {
    if case.class.cause != Cause::AccountLocked {
        return None;
    }
    // Not subject to the exclusion: Microsoft's networks also hold its customers' machines.
    if case.class.malicious_address {
        return case.hit(
            &MALICIOUS_ADDRESS,
            "50053: the address is held to be malicious",
        );
    }
    let asn = case.record.asn();
    if asn.is_some_and(|asn| case.config.has_asn(&EXCLUDED_ASNS, asn)) {
        return None;
    }
    let old_password = case
        .user()
        .is_some_and(|(user, _, event)| is_own(user, event, event.at) && is_carried(user, event));
    if old_password {
        return case.hit(
            &OLD_PASSWORD,
            "locked by a client that keeps an old password, from a place of the user's own",
        );
    }
    match (case.class.looked_up, case.record.failure_reason()) {
        (Some(50053), Some(_)) => case.hit(&LOCKED, "50053: locked after too many wrong passwords"),
        (Some(50053), None) => case.hit(
            &LOCKED,
            "50053: locked after wrong passwords, or the address is held to be malicious",
        ),
        (Some(code), _) => case.hit(
            &LOCKED,
            why!("{}: locked after too many wrong passwords", code),
        ),
        (None, _) => case.hit(&LOCKED, "locked after too many wrong passwords"),
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    fn record(code: u32, reason: &str, asn: &str) -> String {
        format!(
            r#""resultType":"{code}","properties":{{"status":{{"errorCode":{code},"failureReason":"{reason}"}},"autonomousSystemNumber":{asn}}}"#
        )
    }

    const LOCKED: &str = "Account is locked because user tried to sign in too many times with an incorrect user ID or password.";
    const MALICIOUS: &str =
        "Sign-in was blocked because it came from an IP address with malicious activity";

    #[test]
    fn tells_a_locked_account_from_a_bad_address() {
        let rows = [
            (50053, LOCKED, "64496", Some(30)),
            (50053, MALICIOUS, "64496", Some(40)),
            (50053, "", "64496", Some(30)),
            (300030, "", "64496", Some(30)),
            // Microsoft's networks: its services retry old passwords, its customers' machines attack.
            (50053, LOCKED, "8075", None),
            (50053, LOCKED, "\"8075\"", None),
            (50053, MALICIOUS, "8075", Some(40)),
            // Near misses: a wrong password, a disabled account.
            (50126, "", "64496", None),
            (50057, "", "64496", None),
        ];
        for (code, reason, asn, points) in rows {
            let hit = hits("lockout", &record(code, reason, asn), "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code} {reason} {asn}");
        }
    }

    #[test]
    fn the_excluded_networks_are_the_operators() {
        let config = r#"{"lockout.excluded_asns":[64496]}"#;
        assert!(hits("lockout", &record(50053, LOCKED, "64496"), config).is_none());
        assert!(hits("lockout", &record(50053, LOCKED, "8075"), config).is_some());
    }

    #[test]
    fn says_when_the_record_does_not_tell_which() {
        let why = |reason| {
            hits("lockout", &record(50053, reason, "1"), "")
                .unwrap()
                .why
                .to_string()
        };
        assert_eq!(why(LOCKED), "50053: locked after too many wrong passwords");
        assert!(why("").contains("or the address"));
    }
}
