//! An attack on this user was seen shortly before.
//!
//! What comes next is part of the story, however harmless it looks by itself: nothing of it is suppressed.
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "user_in_attack",
    summary: "The user was attacked shortly before",
    levels: &[&SEEN],
    techniques: card(&["T1078.004"]),
    false_positives: card(&["The user's own sign-ins go on during an attack"]),
    blind_spots: card(&[
        "An attack that no other signal saw",
        "What comes after the window",
    ]),
    references: card(&[
        "https://learn.microsoft.com/entra/architecture/security-operations-user-accounts",
    ]),
    options: &[&WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Medium,
    points: Opt::points(
        "user_in_attack.seen_points",
        15,
        "Our weight: enough to keep every record of the window, too little to be a verdict by itself",
    ),
};
pub(super) const WINDOW_SECS: Opt = Opt::int(
    "user_in_attack.window_secs",
    "seconds",
    3600,
    (60, 86_400),
    "Contract: everything from a user inside an attack window is kept; an hour is the longest window of most public rules",
);

fn check(case: &Case) -> Option<Hit> {
    let event = case.known.event?;
    let (user, _) = case.known.user?;
    shared::in_attack(case, user.attack?, event.at, &SEEN, &WINDOW_SECS)
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    #[test]
    fn follows_an_attack_for_an_hour() {
        for (after, fires) in [(1, true), (3600, true), (3601, false)] {
            let mut story = Story::new("");
            for number in 0..20 {
                story.see(&Line {
                    at: number / 20,
                    code: 500121,
                    more: r#""status":{"additionalDetails":"MFA denied; Phone App Reported Fraud"}"#,
                    ..Line::default()
                });
            }
            let quiet = Line {
                at: after,
                code: 50058,
                ..Line::default()
            };
            assert_eq!(
                story.points("user_in_attack", &quiet).is_some(),
                fires,
                "{after}"
            );
            let other = Line {
                user: "bob@contoso.example",
                ..quiet
            };
            assert_eq!(story.points("user_in_attack", &other), None);
        }
    }
}
