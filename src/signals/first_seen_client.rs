//! An application that the user never got into before.
//!
//! New apps are everyday; it means something where the app is a tool of administrators or developers, or where the
//! network is new as well. The app is learnt by the first success. Of shuffled records the first to arrive fires; a
//! repeated one answers as before.
use super::dev_tool_client;
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "first_seen_client",
    summary: "App that is new for the user",
    levels: &[&TOOL, &ELSEWHERE],
    techniques: card(&["T1078.004", "T1528"]),
    false_positives: card(&[
        "A new role, a new tool, a first day at the command line",
        "An app that is opened for the first time on a journey",
    ]),
    blind_spots: card(&[
        "Users known for less than a day",
        "Apps that the user has used as well",
        "Users of so many apps that some had to be forgotten, for all but the tools",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_rare_app_id_for_principal_auth.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_oauth_auth_code_grant_unusual_app_resource_user.toml",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const TOOL: Level = Level {
    name: "tool",
    weight: Weight::Low,
    points: Opt::points(
        "first_seen_client.tool_points",
        10,
        "Our weight: Elastic fires on one new tool for Graph (medium); low because tools are new to everyone once",
    ),
};
const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::Low,
    points: Opt::points(
        "first_seen_client.elsewhere_points",
        4,
        "Our weight: Elastic rare_app_id_for_principal_auth has to leave out some 80 apps of Microsoft",
    ),
};

/// Further tools of administrators, by app id.
const ADMIN_APPS: &[(&str, &str)] = &[
    (
        "fb78d390-0c51-40cd-8e17-fdbfab77341b",
        "Exchange Online PowerShell",
    ),
    ("12128f48-ec9e-42f0-b203-ea49fb6af367", "Teams PowerShell"),
    (
        "9bc3ab49-b65d-410a-85ad-de819febfddc",
        "SharePoint Online PowerShell",
    ),
    ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "the Azure portal"),
];

fn check(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let (user, _, event) = known;
    if !shared::is_through(event) {
        return None;
    }
    let before = shared::before(known);
    if before.app != Familiarity::New {
        return None;
    }
    let app = case.record.text(Field::AppId)?;
    let name = dev_tool_client::name_of(app).or_else(|| {
        let same = |row: &&(&str, _)| shared::is_id(app, row.0);
        ADMIN_APPS.iter().find(same).map(|row| row.1)
    });
    if let Some(name) = name {
        return case.hit(&TOOL, why!("{} is new for the user", name));
    }
    if before.network != Familiarity::New || user.apps.is_full() {
        return None;
    }
    case.hit(&ELSEWHERE, "app and network are new for the user")
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    #[test]
    fn fires_on_tools_and_elsewhere() {
        let cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
        let exchange = "FB78D390-0c51-40cd-8e17-fdbfab77341b";
        let portal = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c";
        let rows = [
            (0, cli, 64496, Some(10)),
            (0, exchange, 64496, Some(10)),
            (50074, cli, 64496, Some(10)),
            (0, "other", 64500, Some(4)),
            // Near misses: at home, an app of old, a wrong password, no app.
            (0, "other", 64496, None),
            (0, portal, 64500, None),
            (50126, cli, 64500, None),
            (0, "", 64500, None),
        ];
        for (code, app, asn, points) in rows {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let line = Line {
                at: 60,
                code,
                app,
                asn,
                request: "same",
                ..Line::default()
            };
            let id = "first_seen_client";
            assert_eq!(story.points(id, &line), points, "{line:?}");
            assert_eq!(story.points(id, &line), points, "twice: {line:?}");
            let next = Line {
                at: 90,
                request: "next",
                ..line
            };
            let learnt = points.filter(|_| code != 0);
            assert_eq!(story.points(id, &next), learnt, "{line:?}");
            assert_eq!(Story::new("").points(id, &line), None);
        }
    }
}
