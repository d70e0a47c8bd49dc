//! Interruptions that are neither a second factor nor a step of the protocol: consent and device proof.
//!
//! 50097 (device authentication asked for) and 50158 (sent to another provider) are left out on purpose: Microsoft's
//! text says that neither alone is a failure, and others had to take 50097 out again. What comes
//! from a network that is new for the user weighs more; a late or repeated record changes nothing about that.
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "unusual_interruption",
    summary: "Stopped by consent to an app, or by a failed proof of the device",
    levels: &[&RISKY_CONSENT, &ELSEWHERE, &CONSENT_REFUSED, &DEVICE_FAILED],
    techniques: card(&["T1528", "T1078"]),
    false_positives: card(&[
        "A new app of an unverified publisher that the user really wanted",
        "A user who declines the permissions of a genuine app",
        "A device that was removed from the directory or has a broken key",
    ]),
    blind_spots: card(&[
        "Consent that the user grants: the sign-in log has no code for it",
        "An app that needs no permission beyond what users may grant",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_user_consent_denied_for_oauth_application.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_unusual_authentication_interruption.yml",
        "https://learn.microsoft.com/entra/identity-platform/reference-error-codes",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const RISKY_CONSENT: Level = Level {
    name: "risky_consent",
    weight: Weight::Medium,
    points: Opt::points(
        "unusual_interruption.risky_consent_points",
        30,
        "Review alone: Microsoft itself held the app to be risky (900941); our weight, no public rule uses the code",
    ),
};
const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::Medium,
    points: Opt::points(
        "unusual_interruption.elsewhere_points",
        20,
        "Our weight: the same from a network new for the user; journeys with a broken device are rare",
    ),
};
const CONSENT_REFUSED: Level = Level {
    name: "consent_refused",
    weight: Weight::Low,
    points: Opt::points(
        "unusual_interruption.consent_refused_points",
        10,
        "Splunk azure_ad_user_consent_denied_for_oauth_application, one event; low because the user said no",
    ),
};
const DEVICE_FAILED: Level = Level {
    name: "device_failed",
    weight: Weight::Low,
    points: Opt::points(
        "unusual_interruption.device_failed_points",
        10,
        "Sigma azure_unusual_authentication_interruption (50155), one event; low because broken devices are common",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let elsewhere = || {
        case.user()
            .is_some_and(|known| shared::before(known).network == Familiarity::New)
    };
    match case.class.looked_up? {
        65004 if elsewhere() => case.hit(
            &ELSEWHERE,
            "65004: consent to an app refused, from a network new for the user",
        ),
        50155 if elsewhere() => case.hit(
            &ELSEWHERE,
            "50155: the device could not prove itself, in a network new for the user",
        ),
        900941 => case.hit(
            &RISKY_CONSENT,
            "900941: asked to consent to an app that Microsoft holds to be risky",
        ),
        65004 => case.hit(
            &CONSENT_REFUSED,
            "65004: the user refused consent to an app",
        ),
        50155 => case.hit(&DEVICE_FAILED, "50155: the device could not prove itself"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn a_new_network_weighs_more() {
        let rows = [
            (65004, 64500, 20),
            (50155, 64500, 20),
            (900941, 64500, 30),
            (65004, 64496, 10),
            (50155, 64496, 10),
        ];
        for (code, asn, points) in rows {
            let line = Line {
                at: 60,
                code,
                asn,
                request: "same",
                ..Line::default()
            };
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            for _ in 0..2 {
                let found = story.points("unusual_interruption", &line);
                assert_eq!(found, Some(points), "{code} {asn}");
            }
        }
    }

    #[test]
    fn fires_on_consent_and_failed_devices() {
        let rows = [
            ("900941", Some(30)),
            ("65004", Some(10)),
            ("50155", Some(10)),
            // Near misses: documented steps of a normal flow.
            ("50097", None),
            ("50158", None),
            // Consent not asked for yet, and the administrator's approval page.
            ("65001", None),
            ("90094", None),
            ("0", None),
        ];
        for (code, points) in rows {
            let record = format!(r#""resultType":"{code}""#);
            let hit = hits("unusual_interruption", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code}");
        }
    }

    #[test]
    fn an_audit_record_without_number_goes_by_its_symbolic_name() {
        let record =
            r#""Operation":"UserLoginFailed","RecordType":15,"LogonError":"UserDeclinedConsent""#;
        assert!(hits("unusual_interruption", record, "").is_some());
    }
}
