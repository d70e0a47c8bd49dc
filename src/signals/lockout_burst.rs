//! Many users are locked out within minutes.
//!
//! One locked user is a phone with an old password; many at once are somebody's list. Users who were locked before the
//! window as well are such phones and do not count. Shuffled and repeated records change nothing but which one is the
//! first to see enough.
use super::groups::{Groups, place};
use super::prelude::*;
use crate::limits::REFUSALS_SECS;
use crate::state::tenant::{Refusal, Tenant};

pub(super) const SIGNAL: Signal = Signal {
    id: "lockout_burst",
    summary: "Many users locked out within minutes",
    levels: &[&MANY, &BURST],
    techniques: card(&["T1110", "T1110.003"]),
    false_positives: card(&[
        "A password rotation for many accounts whose devices keep the old one",
        "A legacy mail gateway that retries for everybody",
    ]),
    blind_spots: card(&[
        "Guessing that stays below the lockout limit",
        "Fewer than ten users within five minutes",
        "Beyond 512 refusals an hour in the whole tenant only the last ones are known",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_excessive_account_lockouts.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/o365/credential_access_identity_user_account_lockouts.toml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_excessive_account_lockouts.yml",
    ]),
    options: &[&MANY_USERS, &MANY_SECS, &BURST_USERS, &BURST_SECS],
    needs: Some(Key::Tenant),
    check,
};

const MANY: Level = Level {
    name: "many",
    weight: Weight::High,
    points: Opt::points(
        "lockout_burst.many_points",
        50,
        "Elastic credential_access_entra_id_excessive_account_lockouts (high); suspicious with the lockout itself",
    ),
};
const BURST: Level = Level {
    name: "burst",
    weight: Weight::Medium,
    points: Opt::points(
        "lockout_burst.burst_points",
        30,
        "Elastic credential_access_identity_user_account_lockouts (medium); suspicious with the lockout itself",
    ),
};
const MANY_USERS: Opt = Opt::int(
    "lockout_burst.many_users",
    "users newly locked",
    25,
    (2, 512),
    "Elastic credential_access_entra_id_excessive_account_lockouts: >= 25",
);
const MANY_SECS: Opt = Opt::int(
    "lockout_burst.many_secs",
    "seconds",
    1800,
    (10, REFUSALS_SECS as i64),
    "Elastic credential_access_entra_id_excessive_account_lockouts: 30 minutes",
);
const BURST_USERS: Opt = Opt::int(
    "lockout_burst.burst_users",
    "users newly locked",
    10,
    (2, 512),
    "Elastic credential_access_identity_user_account_lockouts: >= 10",
);
const BURST_SECS: Opt = Opt::int(
    "lockout_burst.burst_secs",
    "seconds",
    300,
    (10, REFUSALS_SECS as i64),
    "Elastic credential_access_identity_user_account_lockouts: 5 minutes",
);

/// Each user's first lock that is known: the list is in order of time. Locks of nobody known are of one user.
fn first_locks<'a>(tenant: &'a Tenant, event: &Event) -> impl Iterator<Item = &'a Refusal> {
    let refusals = tenant.refusals.all();
    let mut users = Groups::new(event);
    let locks = (0..).zip(refusals);
    let firsts = locks.filter(move |&(at, lock)| {
        lock.caused_by(Cause::AccountLocked)
            && users.add(at, lock.user, |at| refusals[place(at)].user) == at
    });
    firsts.map(|(_, lock)| lock)
}

fn check(case: &Case) -> Option<Hit> {
    let (tenant, _, event) = case.tenant()?;
    if !event.caused_by(Cause::AccountLocked) || event.user == 0 {
        return None;
    }
    let int = |opt| case.config.int(opt);
    let levels = [
        (&MANY, &MANY_USERS, int(&MANY_SECS)),
        (&BURST, &BURST_USERS, int(&BURST_SECS)),
    ];
    let from = levels.map(|(_, _, secs)| i64::from(tenant.refusals.clock()) - secs);
    // How many were locked in each window and not before, and whether the user is one of them.
    let mut seen = [(0, false); 2];
    for lock in first_locks(tenant, event) {
        for ((locked, part), from) in seen.iter_mut().zip(from) {
            if i64::from(lock.at) > from {
                *locked += 1;
                *part |= lock.user == event.user;
            }
        }
    }
    for (((level, users, secs), from), (locked, part)) in levels.into_iter().zip(from).zip(seen) {
        if part && i64::from(event.at) > from && locked >= int(users) {
            let minutes = secs / 60;
            return case.hit(
                level,
                why!(
                    "{} users of the tenant locked within {} min",
                    locked,
                    minutes
                ),
            );
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "lockout_burst";

    fn locked(story: &mut Story, users: i64, step: i64, line: &Line) -> Option<i64> {
        let mut last = None;
        for number in 0..users {
            let user = format!("user{number}@contoso.example");
            let address = format!("192.0.2.{number}");
            last = story.points(
                ID,
                &Line {
                    at: line.at + number * step,
                    user: &user,
                    address: &address,
                    ..*line
                },
            );
        }
        last
    }

    #[test]
    fn counts_users_within_its_windows() {
        let rows = [
            (9, 1, 50053, None),
            (10, 1, 50053, Some(30)),
            (10, 33, 50053, Some(30)),
            (10, 34, 50053, None),
            (24, 60, 50053, None),
            (25, 74, 50053, Some(50)),
            (25, 75, 50053, None),
            (24, 1, 50053, Some(30)),
            (25, 1, 50053, Some(50)),
            // Near misses.
            (60, 1, 50126, None),
            (60, 1, 50057, None),
            (60, 1, 70043, None),
        ];
        for (users, step, code, points) in rows {
            let line = Line {
                code,
                ..Line::default()
            };
            let mut story = Story::new("");
            assert_eq!(
                locked(&mut story, users, step, &line),
                points,
                "{users} {step} {code}"
            );
        }
    }

    #[test]
    fn phones_that_stay_locked_are_silent() {
        let mut story = Story::new("");
        let line = Line {
            code: 50053,
            ..Line::default()
        };
        // Eight at first, eight more ten minutes later, and each again every five minutes.
        for round in 0..8 {
            let at = round * 300;
            let users = if round < 2 { 8 } else { 16 };
            let points = locked(&mut story, users, 1, &Line { at, ..line });
            assert_eq!(points, None, "{round}");
        }
    }

    #[test]
    fn shuffled_and_repeated() {
        let mut story = Story::new("");
        for number in (0..10).rev() {
            let user = format!("user{number}@contoso.example");
            let request = format!("r{number}");
            let line = Line {
                at: number * 20,
                code: 50053,
                user: &user,
                request: &request,
                ..Line::default()
            };
            let points = (number == 0).then_some(30);
            assert_eq!(story.points(ID, &line), points, "{number}");
            assert_eq!(story.points(ID, &line), points, "{number} again");
        }
    }
}
