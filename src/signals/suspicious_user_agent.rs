//! The user agent names an attack tool, or a plain library instead of a browser or app.
//!
//! Names count as whole words in any case, so a browser whose name merely contains one stays silent. Agents of phishing
//! kits (`node`, `axios`, `undici`) say something only together with the app: see `aitm_pattern`.
use super::prelude::*;
use super::shared::{AZURE_CLI, Words, cut, is_app};
use super::why::Why;

pub(super) const SIGNAL: Signal = Signal {
    id: "suspicious_user_agent",
    summary: "User agent of an attack tool or of a plain library",
    levels: &[&TOOL_SUCCESS, &TOOL, &GENERIC],
    techniques: card(&["T1087.004", "T1110.003", "T1526"]),
    false_positives: card(&[
        "An agreed test of the tenant's defences",
        "Scripts and integrations of the tenant's own, for plain libraries; the Azure CLI is one",
    ]),
    blind_spots: card(&[
        "Any tool that sends the user agent of a browser, which takes one option",
        "Records without a user agent",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/discovery_bloodhound_user_agents_detected.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/discovery_entra_id_teamfiltration_user_agents_detected.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_kali365_user_agent.toml",
        "https://github.com/elastic/detection-rules/blob/main/hunting/azure/queries/entra_authentication_attempts_behind_rare_user_agents.toml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_ad_azurehound_discovery.yml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_azurehound_useragent_detected.yml",
    ]),
    options: &[&EXTRA_TOOLS],
    needs: None,
    check,
};

const TOOL_SUCCESS: Level = Level {
    name: "tool_success",
    weight: Weight::High,
    points: Opt::points(
        "suspicious_user_agent.tool_success_points",
        60,
        "Suspicious alone: Sigma azure_ad_azurehound_discovery (high) and Elastic kali365 (high), one event",
    ),
};
const TOOL: Level = Level {
    name: "tool",
    weight: Weight::High,
    points: Opt::points(
        "suspicious_user_agent.tool_points",
        40,
        "Review alone: Elastic's rules for BloodHound and TeamFiltration fire whatever came of it; it did not get in",
    ),
};
const GENERIC: Level = Level {
    name: "generic",
    weight: Weight::Low,
    points: Opt::points(
        "suspicious_user_agent.generic_points",
        5,
        "Our weight: Elastic only hunts with these, and only among wrong passwords",
    ),
};
pub(super) const EXTRA_TOOLS: Opt = Opt::new(
    "suspicious_user_agent.extra_tools",
    "texts that mark a tool, anywhere in the user agent",
    Kind::Texts { default: &[] },
    "empty: for what the operator's own reports name",
);

/// Attack tools, in the spelling of the rules: Elastic's three user-agent rules and its rule over Graph activity
/// (`aadinternals`), and of its hunt for rare user agents those names that no library bears.
pub(super) static TOOLS: Words = Words::new(&[
    "azurehound",
    "sharphound",
    "bloodhound",
    "kali365-live",
    // TeamFiltration sends the string of a Teams client of 2020.
    "Teams/1.3.00.30866 Chrome/80.0.3987.165 Electron/8.5.1",
    "aadinternals",
    "hydra",
    "patator",
    "metasploit",
    "kali",
]);

/// Plain libraries and browsers without a window: the rest of Elastic's hunt, and of its rule over Graph activity
/// `aiohttp` (`ROADrecon`), `node-fetch` and `go-resty`. The longer name first.
pub(super) static LIBRARIES: Words = Words::new(&[
    "python-requests",
    "python-urllib",
    "aiohttp",
    "python",
    "libcurl",
    "curl",
    "wget",
    "go-http-client",
    "go-resty",
    "fasthttp",
    "httpclient",
    "okhttp",
    "node-fetch",
    "postmanruntime",
    "headlesschrome",
    "phantomjs",
    "selenium",
    "scrapy",
    "curio",
    // With its slash: "Hyper-V" is another thing.
    "hyper/",
]);

fn check(case: &Case) -> Option<Hit> {
    let agent = case.agent;
    let level = if case.class.status == Status::Success {
        &TOOL_SUCCESS
    } else {
        &TOOL
    };
    if let Some(name) = agent.tool {
        // The string of one tool is long; its name says more.
        let name = if name.starts_with("Teams/") {
            "TeamFiltration"
        } else {
            name
        };
        return case.hit(level, why!("the user agent is that of {}", name));
    }
    let extra = case.config.texts(&EXTRA_TOOLS);
    if let Some(text) = agent.extra.and_then(|position| extra.get(position)) {
        return case.hit(
            level,
            Why::Given(format!("the user agent holds {}", cut(text)).into()),
        );
    }
    let name = agent.library?;
    // Azure CLI is written in Python and says so.
    if name.starts_with("python") && is_app(case.record, AZURE_CLI) {
        return None;
    }
    let name = name.trim_end_matches('/');
    case.hit(&GENERIC, why!("the user agent is the library {}", name))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    fn record(code: u32, agent: &str) -> String {
        format!(r#""resultType":"{code}","properties":{{"userAgent":"{agent}"}}"#)
    }

    #[test]
    fn tools_weigh_most_and_libraries_little() {
        let browser =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
        let team_filtration = format!(
            "{browser} Teams/1.3.00.30866 Chrome/80.0.3987.165 Electron/8.5.1 Safari/537.36"
        );
        let teams = format!("{browser} Teams/1.6.00.4472 Chrome/102.0.5005.167 Electron/19.1.8");
        let curlew = format!("{browser} Chrome/145.0.0.0 Safari/537.36 Curlew/1.0");
        let headless = format!("{browser} HeadlessChrome/145.0.0.0 Safari/537.36");
        let rows = [
            (0, "azurehound/v2.1.9", Some(60)),
            (0, "kali365-live/1.0.0", Some(60)),
            (50126, "AzureHound/v2.1.9", Some(40)),
            (50074, "azurehound/v2.1.9", Some(40)),
            (50126, team_filtration.as_str(), Some(40)),
            (0, "python-requests/2.32.3", Some(5)),
            (50126, "Go-http-client/1.1", Some(5)),
            (0, "Python/3.11 aiohttp/3.9.1", Some(5)),
            (0, "Apache-HttpClient/4.5 (Java/17)", Some(5)),
            (0, headless.as_str(), Some(5)),
            // Near misses: browsers, genuine Teams, a name within a name, what others look at, nothing.
            (0, browser, None),
            (0, teams.as_str(), None),
            (0, curlew.as_str(), None),
            (0, "hydrate/1.0", None),
            (0, "Hyper-V/1.0", None),
            (0, "axios/1.7.9", None),
            (0, "BAV2ROPC", None),
            (0, "", None),
        ];
        for (code, agent, points) in rows {
            let hit = hits("suspicious_user_agent", &record(code, agent), "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code} {agent}");
        }
    }

    #[test]
    fn the_operator_can_name_more() {
        let config = r#"{"suspicious_user_agent":{"extra_tools":["acme scan"]}}"#;
        let hit = hits(
            "suspicious_user_agent",
            &record(0, "x/Acme Scanner 2"),
            config,
        );
        assert_eq!(hit.map(|hit| hit.points), Some(60));
        assert!(hits("suspicious_user_agent", &record(0, "x/acme"), config).is_none());
    }

    #[test]
    fn the_reason_never_grows_with_the_text() {
        let config = format!(
            r#"{{"suspicious_user_agent":{{"extra_tools":["{}"]}}}}"#,
            "x".repeat(200)
        );
        let record = record(0, &"x".repeat(3000));
        let hit = hits("suspicious_user_agent", &record, &config).unwrap();
        assert!(hit.why.to_string().len() < 120, "{}", hit.why);
    }
}
