//! A right password, and the user is sent to register a second factor, from a place that is not the user's own.
//!
//! Whoever has the password of an account that nobody uses, or that never registered, can register a second factor of
//! their own and from then on is the user. On the first day at work it happens in the office or at home, not at a
//! hosting provider. Late, shuffled and repeated records change nothing but how well the place was known before.
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "mfa_setup_elsewhere",
    summary: "Sent to register a second factor from a foreign place",
    levels: &[&HOSTING, &NEW_PLACE],
    techniques: card(&["T1098.005", "T1556.006"]),
    false_positives: card(&[
        "A new user whose cloud desktop stands at a hosting provider",
        "A traveller on the day when a second factor is made compulsory",
    ]),
    blind_spots: card(&[
        "A residential proxy, for a user without history",
        "A second factor registered later, from within a session: the audit log shows it",
    ]),
    references: card(&[
        "https://learn.microsoft.com/entra/identity/authentication/howto-mfa-reporting",
        "https://learn.microsoft.com/entra/identity/conditional-access/policy-all-users-security-info-registration",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const HOSTING: Level = Level {
    name: "hosting",
    weight: Weight::High,
    points: Opt::points(
        "mfa_setup_elsewhere.hosting_points",
        45,
        "Our weight: with the two signals that always go with it a verdict; Microsoft advises to allow registration from trusted places only",
    ),
};
const NEW_PLACE: Level = Level {
    name: "new_place",
    weight: Weight::Medium,
    points: Opt::points(
        "mfa_setup_elsewhere.new_place_points",
        20,
        "Our weight: the same from a network new to a user whose places are known; travellers do it too",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let (_, _, event) = case.user()?;
    let asked = case.class.cause == Cause::MfaSetup && event.is(Traits::PROVED);
    if !asked || event.is(Traits::OWN_PLACE) || shared::is_earlier_session(case) {
        return None;
    }
    let network = shared::before(case.user()?).network;
    if network == Familiarity::Known {
        return None;
    }
    if event.is(Traits::LISTED) {
        return case.hit(
            &HOSTING,
            "sent to register a second factor at a hosting network",
        );
    }
    if network != Familiarity::New {
        return None;
    }
    case.hit(
        &NEW_PLACE,
        "sent to register a second factor from a network new to the user",
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    #[test]
    fn weighs_where_a_second_factor_is_to_be_registered() {
        const MANAGED: &str = r#""deviceDetail":{"isManaged":true}"#;
        // Code, network, more, with history, points.
        let rows = [
            (50072, 14061, "", true, Some(45)),
            (50079, 14061, "", false, Some(45)),
            (50072, 64500, "", true, Some(20)),
            // Near misses: home, no history to tell by, a managed device, another question, a wrong password.
            (50072, 64496, "", true, None),
            (50072, 64500, "", false, None),
            (50072, 14061, MANAGED, true, None),
            (50074, 14061, "", true, None),
            (50126, 14061, "", true, None),
        ];
        for (code, asn, more, history, points) in rows {
            let users: &[&str] = if history {
                &["ada@contoso.example"]
            } else {
                &[]
            };
            let mut story = Story::with_history("", users);
            let line = Line {
                code,
                asn,
                more,
                ..Line::default()
            };
            for delivery in 1..=2 {
                let found = story.points("mfa_setup_elsewhere", &line);
                assert_eq!(found, points, "{code} {asn} {history} {delivery}");
            }
        }
    }
}
