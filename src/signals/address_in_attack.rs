//! An attack from this address was seen shortly before.
//!
//! What comes next is part of the story, however harmless it looks by itself: nothing of it is suppressed.
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "address_in_attack",
    summary: "The address attacked shortly before",
    levels: &[&SEEN],
    techniques: card(&["T1110"]),
    false_positives: card(&["An office whose exit an attacker shares"]),
    blind_spots: card(&[
        "An attack that no other signal saw",
        "What comes after the window",
    ]),
    references: card(&[
        "https://learn.microsoft.com/entra/architecture/security-operations-user-accounts",
    ]),
    options: &[&WINDOW_SECS],
    needs: Some(Key::Address),
    check,
};

const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Medium,
    points: Opt::points(
        "address_in_attack.seen_points",
        15,
        "Our weight: enough to keep every record of the window, too little to be a verdict by itself",
    ),
};
pub(super) const WINDOW_SECS: Opt = Opt::int(
    "address_in_attack.window_secs",
    "seconds",
    3600,
    (60, 86_400),
    "Contract: everything from an address inside an attack window is kept; an hour is the longest window of most public rules",
);

fn check(case: &Case) -> Option<Hit> {
    let event = case.known.event?;
    let (address, _) = case.known.address?;
    shared::in_attack(case, address.attack?, event.at, &SEEN, &WINDOW_SECS)
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    #[test]
    fn follows_an_attack_for_an_hour() {
        for (after, fires) in [(1, true), (3600, true), (3601, false)] {
            let mut story = Story::new("");
            for number in 0..20 {
                let user = format!("user{number}@contoso.example");
                story.see(&Line {
                    at: 0,
                    code: 50126,
                    user: &user,
                    more: "",
                    ..Line::default()
                });
            }
            let quiet = Line {
                at: after,
                code: 50058,
                ..Line::default()
            };
            assert_eq!(
                story.points("address_in_attack", &quiet).is_some(),
                fires,
                "{after}"
            );
            let other = Line {
                address: "192.0.2.77",
                ..quiet
            };
            assert_eq!(story.points("address_in_attack", &other), None);
        }
    }
}
