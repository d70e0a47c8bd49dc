//! `explain`: what was decided about one record, and why, read out for a person.

pub(crate) mod card;
mod decision;
pub(crate) mod page;
mod pick;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::cards::{self, Settings};
use crate::inputs::Input;
use crate::plugin::{Outcome, Plugin};
use crate::{Ending, config_file, fields, terminal};
use page::Page;
use pick::Picked;

/// Reads out the decision about one record.
#[derive(Debug, Args)]
pub struct Explain {
    /// A file, or - for standard input
    #[arg(default_value = "-")]
    pub file: String,
    /// The line that holds the record, from 1: decided as it stands there, after all lines before it. Without it, the
    /// first line that is not blank
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub line: Option<u64>,
    /// Options of the transform, JSON or TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Of each signal also what else sets it off, what it does not see, its techniques and its sources
    #[arg(long)]
    pub long: bool,
}

impl Explain {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        let plugin = Plugin::built_in()?;
        // As it stands when the record comes, also where the configuration would wait with it.
        let at_once = [
            ("hold_secs", Value::from(0)),
            ("mode", Value::from("annotate")),
        ];
        let Some(config) = config_file::load(&plugin, self.config.as_deref(), &at_once)? else {
            return Ok(Ending::WrongUsage);
        };
        let input = match &*self.file {
            "-" => Input::Stdin,
            path => Input::File(path.into()),
        };
        let source = input.open_unpacked().with_context(|| input.shown())?;
        let mut session = plugin.open(&config)?;
        let picked = match self.line {
            // What stands before it is part of the decision.
            Some(number) => pick::line_at(source, number, |earlier| {
                session.process(earlier);
            }),
            None => pick::first(source),
        };
        let lines = match picked.with_context(|| input.shown())? {
            Picked::Lines(lines) => lines,
            Picked::Unreadable(number, reason) => {
                terminal::print(&format!("{}\n", rejected(number, reason)))?;
                return Ok(Ending::Done);
            }
            Picked::Missing => {
                let wanted = self
                    .line
                    .map_or("no record".to_owned(), |number| format!("no line {number}"));
                terminal::say(&format!("{}: has {wanted}", input.shown()));
                return Ok(Ending::Failed);
            }
        };
        let settings = cards::settings(&config);
        let mut page = Page::default();
        for (number, line) in lines {
            let outcome = session.process(&line);
            read_out(&mut page, number, &line, &outcome, &settings, self.long);
        }
        if page.has_more {
            page.gap();
            page.line(
                0,
                "--long shows of each signal what else sets it off, what it does not see, and where it comes from.",
            );
        }
        terminal::print(&page.text)?;
        Ok(Ending::Done)
    }
}

/// One line with all its records.
fn read_out(
    page: &mut Page,
    number: u64,
    before: &str,
    outcome: &Outcome,
    settings: &Settings,
    long: bool,
) {
    let text = if outcome.kept.is_empty() {
        &outcome.suppressed
    } else {
        &outcome.kept
    };
    let line = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let mut records = labelled(&line, &settings.member);
    // What came back as it was and was rejected may hold a label of long ago; it is nobody's decision now.
    if text == before && !outcome.rejected.is_empty() {
        records.clear();
    }
    for (record, label) in &records {
        page.gap();
        about(page, record);
        page.gap();
        decision::read_out(page, record, label, settings, long);
    }
    let found = !records.is_empty();
    let rest = match (&outcome.trap, outcome.rejected.as_slice()) {
        (Some(trap), _) => {
            format!("Line {number} made the transform fail and went out unchanged: {trap}")
        }
        (None, [first, ..]) if !found => rejected(number, &first.reason),
        (None, []) if !found => format!("Line {number} came back without a label."),
        (None, []) => return,
        (None, more) => format!(
            "{} more of line {number} went out unchanged, as no sign-in records.",
            more.len()
        ),
    };
    page.gap();
    page.line(0, rest);
}

/// Every record of a line with the label it was given: the line itself, or the elements of an envelope.
fn labelled<'a>(line: &'a Value, member: &str) -> Vec<(&'a Value, &'a Value)> {
    let with_label = |record: &'a Value| Some((record, record.get(member)?));
    let members = line.as_object().into_iter().flatten();
    let elements: Vec<_> = members
        .filter(|(name, _)| ["records", "value"].contains(&name.to_lowercase().as_str()))
        .filter_map(|(_, value)| value.as_array())
        .flatten()
        .filter_map(with_label)
        .collect();
    // A label beside the records of an envelope is none of ours.
    if elements.is_empty() {
        with_label(line).into_iter().collect()
    } else {
        elements
    }
}

fn rejected(number: u64, reason: &str) -> String {
    let why = match reason {
        "empty" => "it is blank",
        "too_long" => "it is longer than the limit",
        "member_taken" => "it holds something else under the name of the added member",
        "not_json" => "it is not JSON",
        "not_object" => "it is JSON, but not an object",
        "too_deep" => "it is nested too deeply",
        "broken_encoding" => "it is not valid Unicode text",
        "not_sign_in" => "it is a JSON object, but not a sign-in record in any of the known shapes",
        other => other,
    };
    format!("Line {number} is passed on unchanged: {why}.")
}

/// Who, when, from where, with what.
fn about(page: &mut Page, record: &Value) {
    let get = |places| fields::text(record, places);
    let user = get(fields::USER);
    let name = get(fields::DISPLAY_NAME);
    let who = name
        .clone()
        .or_else(|| user.clone())
        .unwrap_or_else(|| "somebody unnamed".to_owned());
    let when = get(fields::TIME).unwrap_or_else(|| "a time not given".to_owned());
    page.line(0, format!("Sign-in of {who} at {when}"));
    page.row("who", &[with_id(name, user)]);
    page.row("app", &[with_id(get(fields::APP), get(fields::APP_ID))]);
    page.row(
        "resource",
        &[with_id(get(fields::RESOURCE), get(fields::RESOURCE_ID))],
    );
    page.row(
        "from",
        &[
            get(fields::ADDRESS),
            get(fields::CITY),
            get(fields::STATE),
            get(fields::COUNTRY).filter(|country| !country.starts_with('{')),
            get(fields::NETWORK)
                .filter(|number| number != "0")
                .map(|number| format!("AS{number}")),
        ],
    );
    page.row(
        "device",
        &[
            get(fields::DEVICE),
            get(fields::SYSTEM),
            get(fields::BROWSER),
            get(fields::TRUST),
            yes_or_no(get(fields::MANAGED), "managed"),
            yes_or_no(get(fields::COMPLIANT), "compliant"),
        ],
    );
    page.row("client", &[get(fields::CLIENT), get(fields::USER_AGENT)]);
    let named = |what: &str, places| get(places).map(|said| format!("{what} {said}"));
    page.row(
        "risk",
        &[
            named("sign-in", fields::SIGN_IN_RISK),
            named("user", fields::USER_RISK),
            // Beside a level it says something only where something was done about it.
            named("state", fields::RISK_STATE).filter(|state| !state.ends_with(" none")),
        ],
    );
    page.row(
        "id",
        &[
            get(fields::ID),
            get(fields::FLOW).map(|id| format!("flow {id}")),
        ],
    );
}

fn with_id(name: Option<String>, id: Option<String>) -> Option<String> {
    match (name, id) {
        (Some(name), Some(id)) if name != id => Some(format!("{name} ({id})")),
        (name, id) => name.or(id),
    }
}

/// Unknown is not "no": the record then does not say.
fn yes_or_no(value: Option<String>, what: &str) -> Option<String> {
    match value?.to_ascii_lowercase().as_str() {
        "true" => Some(what.to_owned()),
        "false" => Some(format!("not {what}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn label() -> Value {
        json!({"version": 1, "status": "interrupted", "code": 50074, "cause": "mfa_required", "first_factor": "proved",
            "outcome": "pending", "stopped_by": ["CA001 Require MFA"], "noise": {"suppress": true, "reason": "lone_interrupt"},
            "score": 5, "verdict": "benign", "signals": [{"name": "mfa_interrupted", "points": 5, "why": "not given yet"}]})
    }

    fn page_of(line: &Value) -> String {
        let outcome = Outcome {
            kept: line.to_string(),
            ..Outcome::default()
        };
        let mut page = Page::default();
        read_out(&mut page, 1, "", &outcome, &cards::settings(""), false);
        page.text
    }

    #[test]
    fn a_record_is_read_out() {
        let page = page_of(
            &json!({"createdDateTime": "2025-03-01T10:02:03Z", "userDisplayName": "Ada",
            "userPrincipalName": "ada@contoso.example", "ipAddress": "192.0.2.1", "location": {"countryOrRegion": "DE"},
            "autonomousSystemNumber": 64500, "deviceDetail": {"isManaged": false, "isCompliant": true},
            "status": {"errorCode": 50074}, "riskLevelDuringSignIn": "none", "riskLevelAggregated": "low", "riskState": "none",
            "signin_triage": label()}),
        );
        let mut from = 0;
        // In this order: what was decided stands above why.
        for part in [
            "Sign-in of Ada at 2025-03-01T10:02:03Z\n",
            "  who       Ada (ada@contoso.example)\n",
            "  from      192.0.2.1, DE, AS64500\n",
            "  device    not managed, compliant\n",
            "  risk      sign-in none, user low\n",
            "  score     5\n",
            "  verdict   benign (review from 30, suspicious from 60)\n",
            "  noise     can stay out of the SIEM: lone_interrupt, ",
            "the device is managed\n",
            "Status: interrupted, AADSTS50074 UserStrongAuth",
            "This code is known from ",
            "Cause: mfa_required",
            "First factor: proved. The first factor",
            "Outcome: pending. Nothing up to this record tells what became of it.",
            "Stopped by: CA001 Require MFA.",
            "Signals:\n  +5 mfa_interrupted: not given yet\n",
        ] {
            let found = page[from..].find(part);
            from += found.unwrap_or_else(|| panic!("{part} in:\n{page}"));
        }
        assert!(!page.contains("resource"), "{page}");
    }

    #[test]
    fn every_record_of_an_envelope_is_read_out() {
        let record = |name: &str| json!({"userPrincipalName": name, "signin_triage": label()});
        let page = page_of(
            &json!({"records": [record("a@contoso.example"), {"other": 1}, record("b@contoso.example")]}),
        );
        assert_eq!(page.matches("Sign-in of").count(), 2, "{page}");
    }

    #[test]
    fn a_record_cannot_speak_to_the_terminal() {
        let page = page_of(
            &json!({"userAgent": "\u{1b}[2J\u{9b}31m\u{202e}x\nStatus: success", "signin_triage": label()}),
        );
        assert!(
            !page.contains(|one: char| one.is_control() && one != '\n' || one == '\u{202e}'),
            "{page:?}"
        );
        assert_eq!(
            page.lines()
                .filter(|line| line.starts_with("Status:"))
                .count(),
            1,
            "{page}"
        );
    }
}
