//! A bench for tests of signals and noise: one record in, or a story of many, and whatever is asked of its case out.

use std::fmt::Write;

use super::agent::Agents;
use super::{ALL, Case, Hit, check_all};
use crate::classify::classify;
use crate::config::Config;
use crate::input::{Scratch, View, view};
use crate::score;
use crate::state::event::Event;
use crate::state::{Facts, Keys, Names, State};
use crate::time::Moment;

/// What `ask` says of the case and the hits of an Azure Monitor record with these `members` (JSON, without the
/// braces) on its envelope; `category` and `properties` are added where they are missing. `config` is JSON or empty.
/// Nothing is remembered.
pub(crate) fn judged<T>(members: &str, config: &str, ask: impl FnOnce(&Case, &[Hit]) -> T) -> T {
    let mut line = format!("{{{members}");
    for (name, value) in [("category", "\"SignInLogs\""), ("properties", "{}")] {
        if !members.contains(&format!("\"{name}\":")) {
            write!(line, ",\"{name}\":{value}").expect("a string takes all");
        }
    }
    line.push('}');
    let config = Config::from_json(config).expect("a good configuration");
    let mut scratch = Scratch::default();
    let Ok(View::Record(record)) = view(&line, "signin_triage", &mut scratch) else {
        panic!("not a record: {line}");
    };
    let class = classify(&record);
    let case = Case {
        record: &record,
        class: &class,
        config: &config,
        agent: Agents::default().look_at(&record, &config),
        known: Facts::default(),
    };
    let mut found = Vec::new();
    check_all(&case, Keys::ALL, &mut found);
    ask(&case, &found)
}

/// The hit of signal `id` on such a record.
pub(crate) fn hits(id: &str, members: &str, config: &str) -> Option<Hit> {
    assert!(ALL.iter().any(|signal| signal.id == id), "no signal {id}");
    judged(members, config, |_, found| {
        found.iter().find(|hit| hit.signal().id == id).cloned()
    })
}

/// One record of a story. Every member has a value that means nothing special, so a test names those that matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Seconds from the beginning of the story, which is a Monday at eight.
    pub at: i64,
    /// Result code.
    pub code: u32,
    pub user: &'a str,
    pub address: &'a str,
    pub asn: u32,
    pub country: &'a str,
    pub app: &'a str,
    pub resource: &'a str,
    pub agent: &'a str,
    /// Empty for none, as all ids.
    pub session: &'a str,
    pub correlation: &'a str,
    pub request: &'a str,
    pub attempt: &'a str,
    pub interactive: bool,
    /// A second factor was given in this record.
    pub mfa: bool,
    /// Further members of `properties`: JSON without the braces.
    pub more: &'a str,
}

impl Default for Line<'_> {
    fn default() -> Self {
        Line {
            at: 0,
            code: 0,
            user: "ada@contoso.example",
            address: "192.0.2.1",
            asn: 64496,
            country: "DE",
            app: "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
            resource: "797f4846-ba00-4fd7-ba43-dac1f8f63013",
            agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/120.0.0.0",
            session: "",
            correlation: "",
            request: "",
            attempt: "",
            interactive: true,
            mfa: false,
            more: "",
        }
    }
}

impl Line<'_> {
    fn json(&self, number: u32) -> String {
        let begin = Moment::parse("2026-03-02T08:00:00Z").expect("a date");
        let at = Moment {
            millis: begin.millis + self.at * 1000,
        };
        let category = if self.interactive {
            "SignInLogs"
        } else {
            "NonInteractiveUserSignInLogs"
        };
        let request = match self.request {
            "" => format!("request-{number}"),
            request => request.to_owned(),
        };
        let mut text = format!(
            r#"{{"time":"{at}","category":"{category}","resultType":"{code}","tenantId":"t","properties":{{"id":"{request}","createdDateTime":"{at}","userPrincipalName":"{user}","ipAddress":"{address}","autonomousSystemNumber":{asn},"location":{{"countryOrRegion":"{country}"}},"appId":"{app}","resourceId":"{resource}","userAgent":"{agent}","isInteractive":{interactive}"#,
            code = self.code,
            user = self.user,
            address = self.address,
            asn = self.asn,
            country = self.country,
            app = self.app,
            resource = self.resource,
            agent = self.agent,
            interactive = self.interactive,
            at = at.text(),
        );
        for (name, value) in [
            ("sessionId", self.session),
            ("correlationId", self.correlation),
            ("originalRequestId", self.attempt),
        ] {
            if !value.is_empty() {
                write!(text, r#","{name}":"{value}""#).expect("a string takes all");
            }
        }
        if self.mfa {
            text.push_str(r#","authenticationRequirement":"multiFactorAuthentication","authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password"},{"authenticationMethod":"Mobile app notification","succeeded":true,"authenticationStepResultDetail":"MFA completed in Azure AD"}]"#);
        }
        if !self.more.is_empty() {
            text.push(',');
            text.push_str(self.more);
        }
        text.push_str("}}");
        text
    }
}

/// A record from the user's own place.
pub(crate) fn home(at: i64, code: u32) -> Line<'static> {
    Line {
        at,
        code,
        ..Line::default()
    }
}

/// A record from another country, network and address.
pub(crate) fn away(at: i64, code: u32) -> Line<'static> {
    Line {
        address: "203.0.113.7",
        asn: 64511,
        country: "BR",
        ..home(at, code)
    }
}

/// Records one after another, with what is remembered between them.
pub(crate) struct Story {
    config: Config,
    state: State,
    agents: Agents,
    scratch: Scratch,
    seen: u32,
}

impl Story {
    /// Begins a story; `config` is JSON or empty.
    pub(crate) fn new(config: &str) -> Story {
        let config = Config::from_json(config).expect("a good configuration");
        Story {
            state: State::new(&config, Keys::ALL),
            config,
            agents: Agents::default(),
            scratch: Scratch::default(),
            seen: 0,
        }
    }

    /// The same, a day after `users` have each signed in with a second factor from the default place, so that they
    /// and the tenant have a history. Lines of the story itself are to come after second 0, that is: a day later.
    pub(crate) fn with_history(config: &str, users: &[&str]) -> Story {
        let mut story = Story::new(config);
        for user in users {
            for days in [-2, -1] {
                story.see(&Line {
                    at: days * 86_400 - 3600,
                    user,
                    mfa: true,
                    ..Line::default()
                });
            }
        }
        story
    }

    /// All hits of the next record.
    pub(crate) fn see(&mut self, line: &Line) -> Vec<Hit> {
        self.seen += 1;
        let text = line.json(self.seen);
        let Ok(View::Record(record)) = view(&text, "signin_triage", &mut self.scratch) else {
            panic!("not a record: {text}");
        };
        let class = classify(&record);
        let listed = super::is_listed(&record, &self.config);
        let names = Names::of(&record);
        let event = Event::of(&record, &names, &class, listed).expect("it has a time");
        let sighting = self.state.observe(&names, event);
        let case = Case {
            record: &record,
            class: &class,
            config: &self.config,
            agent: self.agents.look_at(&record, &self.config),
            known: self.state.facts(&sighting),
        };
        let mut found = Vec::new();
        check_all(&case, Keys::ALL, &mut found);
        let amount = score::findings(&found, event.at, &self.config);
        self.state.reported(&sighting, &amount);
        found
    }

    /// The points of signal `id` on the next record; `None` where it is silent.
    pub(crate) fn points(&mut self, id: &str, line: &Line) -> Option<i64> {
        assert!(ALL.iter().any(|signal| signal.id == id), "no signal {id}");
        let found = self.see(line);
        let own = found.iter().find(|hit| hit.signal().id == id);
        own.map(|hit| hit.points)
    }

    /// The points of signal `id` on the last of so many records like `line`, each of another user and `step` seconds
    /// after the one before.
    pub(crate) fn crowd(&mut self, id: &str, users: i64, step: i64, line: &Line) -> Option<i64> {
        (0..users).fold(None, |_, number| {
            let next = Line {
                at: line.at + number * step,
                user: &format!("user{number}@contoso.example"),
                ..*line
            };
            self.points(id, &next)
        })
    }
}
