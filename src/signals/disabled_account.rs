//! Someone signs in to an account that is disabled.
//!
//! Known by the code alone: the text was changed by Microsoft and broke the rules that matched it. Several apps within a
//! day, away from the places the user had, are more than a phone that still polls; late and shuffled records count where
//! they belong in time, one delivered twice counts once. An address that tries several such accounts, or then gets in
//! elsewhere, is for other signals.
use super::prelude::*;
use super::shared::{distinct, is_own, lately};

pub(super) const SIGNAL: Signal = Signal {
    id: "disabled_account",
    summary: "Sign-in to a disabled account",
    levels: &[&MANY_APPS, &SEEN],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Phones and virtual desktops of people who left and still poll",
        "Automation that runs under a disabled account",
        "For many_apps: a leaver's phone with mail, chat and files, where nothing is known of its places",
    ]),
    blind_spots: card(&[
        "A deleted account gives another code (50034)",
        "Whether the password was right cannot be told from the code",
    ]),
    references: card(&[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_login_to_disabled_account.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_blocked_account_attempt.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/DisabledAccountSigninsAcrossManyApplications.yaml",
        "https://github.com/Azure/Azure-Sentinel/issues/14655",
    ]),
    options: &[&APPS_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const MANY_APPS: Level = Level {
    name: "many_apps",
    weight: Weight::Medium,
    points: Opt::points(
        "disabled_account.many_apps_points",
        20,
        "Our weight: Sentinel DisabledAccountSigninsAcrossManyApplications (low); kept, and review only with more",
    ),
};
const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "disabled_account.seen_points",
        10,
        "Sigma fires on one event; low because leavers' devices poll for weeks, Sentinel waits for three apps",
    ),
};

const APPS_MIN: Opt = Opt::int(
    "disabled_account.apps_min",
    "apps",
    3,
    (2, 40),
    "Sentinel DisabledAccountSigninsAcrossManyApplications: 3",
);
const WINDOW_SECS: Opt = Opt::window(
    "disabled_account.window_secs",
    86_400,
    "Sentinel DisabledAccountSigninsAcrossManyApplications: a day",
);

fn check(case: &Case) -> Option<Hit> {
    if case.class.looked_up != Some(50057) {
        return None;
    }
    if let Some(hit) = many_apps(case) {
        return Some(hit);
    }
    case.hit(&SEEN, "50057: the account is disabled")
}

fn many_apps(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let stranger = |one: &Event| one.code == 50057 && !is_own(user, one, event.at);
    if !stranger(event) {
        return None;
    }
    let recent = lately(case, &WINDOW_SECS)?.iter();
    let apps = distinct(recent.filter(|one| stranger(one)).map(|one| one.app));
    if apps < case.config.int(&APPS_MIN) {
        return None;
    }
    case.hit(
        &MANY_APPS,
        why!("50057: the account is disabled; {} apps tried it", apps),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn goes_by_the_code_and_not_by_the_text() {
        let rows = [
            (r#""resultType":"50057""#, true),
            (r#""resultType":50057"#, true),
            (
                r#""Operation":"UserLoginFailed","RecordType":15,"LogonError":"UserDisabled""#,
                true,
            ),
            // Near misses: the text without the code, a guest's account, not assigned to the app.
            (
                r#""resultType":"50126","resultDescription":"User account is disabled. The account has been disabled by an administrator.""#,
                false,
            ),
            (r#""resultType":"500571""#, false),
            (r#""resultType":"50105""#, false),
        ];
        for (record, fires) in rows {
            let hit = hits("disabled_account", record, "");
            assert_eq!(hit.is_some(), fires, "{record}");
        }
    }

    #[test]
    fn counts_apps_of_a_day() {
        let line = |at, app| Line {
            at,
            app,
            code: 50057,
            address: "203.0.113.7",
            asn: 64511,
            ..Line::default()
        };
        let again = |app| Line {
            request: app,
            ..line(0, app)
        };
        let home = |at, app| Line {
            address: "192.0.2.1",
            asn: 64496,
            ..line(at, app)
        };
        let rows = [
            ([line(0, "a"), line(1, "b"), line(2, "c")], 20),
            ([line(0, "a"), line(1, "b"), line(2, "b")], 10),
            ([again("a"), again("b"), again("a")], 10),
            ([line(0, "a"), line(1, "b"), line(86_399, "c")], 20),
            ([line(0, "a"), line(1, "b"), line(86_400, "c")], 10),
            // The last first.
            ([line(200, "a"), line(100, "b"), line(0, "c")], 20),
            // A leaver's phone where it always was.
            ([home(0, "a"), home(1, "b"), home(2, "c")], 10),
        ];
        for (lines, points) in rows {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let told = lines.map(|line| story.points("disabled_account", &line));
            assert_eq!(told.last(), Some(&Some(points)), "{lines:?}");
        }
    }
}
