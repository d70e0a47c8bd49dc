//! A user gets in at one place and is refused at another within minutes.
//!
//! Somebody else tries the password, or the phone, of a user who is at work. Weak by itself: every user who is sprayed
//! while working shows it. The two are found in whichever order they arrive; one delivered twice changes nothing.
use super::prelude::*;
use super::shared::{is_foreign, is_refused};

pub(super) const SIGNAL: Signal = Signal {
    id: "success_then_fail",
    summary: "Got in, then refused elsewhere within minutes",
    levels: &[&OTHER_COUNTRY, &OTHER_NETWORK],
    techniques: card(&["T1078.004", "T1110"]),
    false_positives: card(&[
        "A phone in a new network, beside a computer at work",
        "A VPN that is switched on, after which something asks for the password",
    ]),
    blind_spots: card(&[
        "Users without a history, or whose clients all go on by themselves",
        "A refusal in a network of the user's own",
        "Refusals by policy, which have signals of their own",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SuccessThenFail_DiffIP_SameUserandApp.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/SuccessThenFail_SameUserDiffApp.yaml",
    ]),
    options: &[&WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const OTHER_COUNTRY: Level = Level {
    name: "other_country",
    weight: Weight::Medium,
    points: Opt::points(
        "success_then_fail.other_country_points",
        15,
        "Sentinel SuccessThenFail_DiffIP_SameUserandApp (medium) asks for a high investigation priority besides",
    ),
};
const OTHER_NETWORK: Level = Level {
    name: "other_network",
    weight: Weight::Low,
    points: Opt::points(
        "success_then_fail.other_network_points",
        5,
        "The same rule; low because people have a phone and a computer",
    ),
};
const WINDOW_SECS: Opt = Opt::window(
    "success_then_fail.window_secs",
    600,
    "Sentinel SuccessThenFail_DiffIP_SameUserandApp: 10 minutes",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let got_in = got_in(event);
    if !got_in && !is_failed(event) {
        return None;
    }
    let window = case.config.int(&WINDOW_SECS);
    let pair = |success: &Event, failure: &Event| {
        let gap = i64::from(failure.at) - i64::from(success.at);
        // Two addresses of one network are one line with IPv4 and IPv6, or one carrier.
        (0..window).contains(&gap)
            && success.network != failure.network
            && success.network != 0
            && is_foreign(user, failure, success.at)
    };
    let mut recent = user.recent.all().iter().rev();
    let other = recent.find(|one| {
        if got_in {
            is_failed(one) && pair(event, one)
        } else {
            self::got_in(one) && pair(one, event)
        }
    })?;
    let (level, what) =
        if other.country != event.country && other.country != 0 && event.country != 0 {
            (&OTHER_COUNTRY, "country")
        } else {
            (&OTHER_NETWORK, "network")
        };
    let secs = event.at.abs_diff(other.at);
    case.hit(
        level,
        why!("got in, and refused in another {} {} s later", what, secs),
    )
}

fn got_in(event: &Event) -> bool {
    event.is_success() && !event.is(Traits::NON_INTERACTIVE) && !event.is(Traits::WORKLOAD)
}

/// Whether the password or the second factor was refused. Policy blocks and steps on the way are none.
fn is_failed(event: &Event) -> bool {
    is_refused(event) || (event.is_failure() && event.is(Traits::MFA_FAILED))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "success_then_fail";
    const ADA: &str = "ada@contoso.example";

    #[test]
    fn pairs_a_success_with_a_refusal_elsewhere() {
        let success = Line {
            at: 1000,
            ..Line::default()
        };
        let failure = |at, code| Line {
            at,
            code,
            address: "203.0.113.7",
            asn: 64511,
            country: "BR",
            ..Line::default()
        };
        let near = Line {
            country: "DE",
            ..failure(1100, 50126)
        };
        let dual_stack = Line {
            address: "2001:db8::1",
            asn: 64496,
            ..near
        };
        let managed = Line {
            more: r#""deviceDetail":{"isManaged":true}"#,
            ..failure(1100, 50126)
        };
        let rows = [
            (failure(1100, 50126), Some(15)),
            (failure(1100, 500121), Some(15)),
            (failure(1599, 50126), Some(15)),
            (failure(1600, 50126), None),
            (failure(999, 50126), None),
            (near, Some(5)),
            // Two stacks, a managed device, a policy, a step on the way.
            (dual_stack, None),
            (managed, None),
            (failure(1100, 53003), None),
            (failure(1100, 50140), None),
            (failure(1100, 50074), None),
        ];
        for (failure, points) in rows {
            let shown = (failure.at, failure.code, failure.address);
            let mut story = Story::with_history("", &[ADA]);
            story.see(&success);
            assert_eq!(story.points(ID, &failure), points, "{shown:?}");
            // Delivered again.
            let again = Line {
                request: "request-4",
                ..failure
            };
            assert_eq!(story.points(ID, &again), points, "{shown:?} again");
            // The refusal arrives first.
            let mut story = Story::with_history("", &[ADA]);
            assert_eq!(story.points(ID, &failure), None);
            assert_eq!(story.points(ID, &success), points, "{shown:?} shuffled");
            // No history.
            let mut story = Story::new("");
            story.see(&success);
            assert_eq!(story.points(ID, &failure), None);
        }
    }

    #[test]
    fn clients_that_go_on_by_themselves_are_no_success_here() {
        let mut story = Story::with_history("", &[ADA]);
        story.see(&Line {
            at: 1000,
            interactive: false,
            ..Line::default()
        });
        let failure = Line {
            at: 1010,
            code: 50126,
            asn: 64511,
            address: "203.0.113.7",
            ..Line::default()
        };
        assert_eq!(story.points(ID, &failure), None);
    }
}
