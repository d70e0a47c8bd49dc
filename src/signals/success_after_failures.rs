//! Passwords of one user were refused, and then one was right, at a place that is not the user's.
//!
//! That is how guessing ends. A user who mistypes does the same a few times at home, which stays silent, as does the
//! user who goes on working at home while somebody guesses elsewhere. A success that arrived before the refusals is
//! found by those of them that arrive last; a record delivered twice counts once.
use super::prelude::*;
use super::shared::{count, is_carried, is_foreign, is_own, is_refused, lately};

pub(super) const SIGNAL: Signal = Signal {
    id: "success_after_failures",
    summary: "Right password after refused ones, not from a place of the user's",
    levels: &[&GUESSED, &FOREIGN_PLACE],
    techniques: card(&["T1110.001", "T1078.004"]),
    false_positives: card(&[
        "A traveller on a private device who does not remember the password at once",
        "A device with an old password beside one with the new password, in a new network",
    ]),
    blind_spots: card(&[
        "A guess that is right within the first tries, as with stolen passwords",
        "An attacker in a network of the user's own",
        "Refusals from one address, and the success from another one in a known network",
        "Guessing slower than the window",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/ASimAuthentication/imAuthBruteForce.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SigninBruteForce-AzurePortal.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/AADSuspectedBruteForce.yaml",
    ]),
    options: &[&FAILURES_MIN, &FOREIGN_FAILURES_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const GUESSED: Level = Level {
    name: "guessed",
    weight: Weight::High,
    points: Opt::points(
        "success_after_failures.guessed_points",
        70,
        "Suspicious alone: Sentinel SigninBruteForce-AzurePortal (medium) does not know the user's places",
    ),
};
const FOREIGN_PLACE: Level = Level {
    name: "foreign_place",
    weight: Weight::Medium,
    points: Opt::points(
        "success_after_failures.foreign_place_points",
        30,
        "Review alone: fewer than public rules ask for, at a place where the user never was; our weight",
    ),
};
const FAILURES_MIN: Opt = Opt::int(
    "success_after_failures.failures_min",
    "refused sign-ins",
    10,
    (2, 40),
    "Sentinel imAuthBruteForce and SigninBruteForce-AzurePortal: 10",
);
const FOREIGN_FAILURES_MIN: Opt = Opt::int(
    "success_after_failures.foreign_failures_min",
    "refused sign-ins from the same address with the same user agent, not a place of the user's",
    5,
    (1, 40),
    "Our value: half of that; up to four are the slips of a traveller",
);
const WINDOW_SECS: Opt = Opt::window(
    "success_after_failures.window_secs",
    3600,
    "Our value: Sentinel has 20 minutes, and sessions of any length whose pauses are shorter",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let right = is_right(event);
    if !right && !is_refused(event) {
        return None;
    }
    let recent = lately(case, &WINDOW_SECS)?;
    let refused = || recent.iter().filter(|one| is_refused(one));
    let since = refused().next()?.at;
    let end = if right {
        event
    } else {
        let later =
            |one: &&Event| one.at > event.at && is_right(one) && one.address == event.address;
        recent.iter().find(later)?
    };
    if is_own(user, end, since) {
        return None;
    }
    let foreign = is_foreign(user, end, since);
    let before = || refused().filter(|one| one.at <= end.at);
    let here = || before().filter(|one| one.address == end.address && one.address != 0);
    let alike = count(here().filter(|one| one.agent == end.agent));
    // Of a user without history, two devices behind one address cannot be told from an attacker: only one agent counts.
    let tried = if !foreign {
        alike
    } else if end.is(Traits::NON_INTERACTIVE) {
        count(here())
    } else {
        count(before().filter(|one| !is_own(user, one, since) && !is_carried(user, one)))
    };
    let level = if tried >= case.config.int(&FAILURES_MIN) {
        &GUESSED
    } else if foreign && alike >= case.config.int(&FOREIGN_FAILURES_MIN) {
        &FOREIGN_PLACE
    } else {
        return None;
    };
    // Who is in already goes on: that is no longer how it was got in.
    let last = before().next_back()?.at;
    let was_in = recent
        .iter()
        .any(|one| one.is_success() && (last..end.at).contains(&one.at));
    let was_in = was_in
        || user
            .refreshes
            .all()
            .iter()
            .any(|one| one.address == end.address && (last..end.at).contains(&one.at));
    if was_in {
        return None;
    }
    let tried = tried.max(alike);
    let minutes = case.config.int(&WINDOW_SECS) / 60;
    case.hit(
        level,
        why!(
            "right password after {} refused within {} min",
            tried,
            minutes
        ),
    )
}

/// Whether the password was right, whatever came of it.
fn is_right(event: &Event) -> bool {
    (event.is_success() || event.is(Traits::PROVED))
        && !event.is(Traits::CONFIDENTIAL)
        && !event.is(Traits::WORKLOAD)
        && !event.caused_by(Cause::SessionExpired)
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, away, home};

    const ID: &str = "success_after_failures";
    const ADA: &str = "ada@contoso.example";

    /// Points on `end` after so many refused lines, a minute apart.
    fn after(
        history: bool,
        refused: i64,
        line: fn(i64, u32) -> Line<'static>,
        end: &Line,
    ) -> Option<i64> {
        let mut story = if history {
            Story::with_history("", &[ADA])
        } else {
            Story::new("")
        };
        for number in 0..refused {
            assert_eq!(story.points(ID, &line(number * 60, 50126)), None);
        }
        story.points(ID, end)
    }

    #[test]
    fn counts_by_place() {
        let elsewhere = Line {
            address: "198.51.100.9",
            asn: 64510,
            ..away(700, 0)
        };
        let other_agent = Line {
            agent: "other",
            ..away(700, 0)
        };
        let rows = [
            (true, 4, away(700, 0), None),
            (true, 5, away(700, 0), Some(30)),
            (true, 5, away(700, 50074), Some(30)),
            (true, 9, away(700, 53003), Some(30)),
            (true, 10, away(700, 0), Some(70)),
            (true, 10, away(700, 50074), Some(70)),
            (true, 9, other_agent, None),
            (true, 10, other_agent, Some(70)),
            // From one address after another.
            (true, 9, elsewhere, None),
            (true, 10, elsewhere, Some(70)),
            // No password was looked at, or the user is at home.
            (true, 12, away(800, 50058), None),
            (true, 12, home(800, 0), None),
            // Users without history.
            (false, 9, away(700, 0), None),
            (false, 10, away(700, 0), Some(70)),
            (false, 10, other_agent, None),
            (false, 10, elsewhere, None),
        ];
        for (history, refused, end, points) in rows {
            let shown = (end.code, end.address, end.agent);
            assert_eq!(
                after(history, refused, away, &end),
                points,
                "{history} {refused} {shown:?}"
            );
        }
    }

    #[test]
    fn a_slip_at_home_is_silent() {
        for refused in 1..12 {
            assert_eq!(after(true, refused, home, &home(800, 0)), None, "{refused}");
            // The user works at home, somebody guesses elsewhere.
            assert_eq!(after(true, refused, away, &home(800, 0)), None, "{refused}");
        }
    }

    #[test]
    fn the_window_slides() {
        for (end, points) in [(3599, Some(30)), (3600, None)] {
            let mut story = Story::with_history("", &[ADA]);
            for at in 0..5 {
                story.see(&away(at, 50126));
            }
            assert_eq!(story.points(ID, &away(end, 50074)), points, "{end}");
        }
    }

    #[test]
    fn only_the_first_success_is_part_of_it() {
        let mut story = Story::with_history("", &[ADA]);
        for at in 0..6 {
            story.see(&away(at, 50126));
        }
        let points =
            [(10, 50074), (20, 0), (30, 0)].map(|(at, code)| story.points(ID, &away(at, code)));
        assert_eq!(points, [Some(30), Some(30), None]);
    }

    #[test]
    fn order_and_deliveries_do_not_matter() {
        let mut story = Story::with_history("", &[ADA]);
        story.see(&away(900, 0));
        let points = [300, 0, 120, 60, 240].map(|at| story.points(ID, &away(at, 50126)));
        assert_eq!(points, [None, None, None, None, Some(30)]);
        let mut story = Story::with_history("", &[ADA]);
        for _ in 0..12 {
            story.see(&Line {
                request: "same",
                ..away(0, 50126)
            });
        }
        assert_eq!(story.points(ID, &away(10, 0)), None);
    }

    #[test]
    fn a_phone_with_an_old_password_goes_along_on_a_journey() {
        for (at_home, points) in [(3, None), (2, Some(70))] {
            let mut story = Story::with_history("", &[ADA]);
            let phone = |line: Line<'static>| Line {
                agent: "phone",
                interactive: false,
                ..line
            };
            for number in 0..at_home {
                story.see(&phone(home(number * 300, 50126)));
            }
            for number in 0..12 {
                story.see(&phone(away(20_000 + number * 120, 50126)));
            }
            assert_eq!(story.points(ID, &away(21_500, 0)), points, "{at_home}");
        }
    }
}
