//! The label of one record in words.

use std::fmt::Write as _;

use serde_json::Value;

use super::card;
use super::page::Page;
use crate::cards::{self, Settings, Shown};
use crate::fields;

/// What was decided first, then why: what the record is, and the signals.
pub fn read_out(page: &mut Page, record: &Value, label: &Value, settings: &Settings, long: bool) {
    let shown = cards::shown(record, settings);
    page.row("score", &[Some(score(label))]);
    page.row("verdict", &[Some(verdict(label, settings))]);
    page.row("noise", &[Some(noise(label, &shown))]);
    page.gap();
    page.line(0, status(label, &shown));
    if let Some(said) = fields::text(record, fields::REASON) {
        let more = fields::text(record, fields::DETAILS).map(|more| format!(" ({more})"));
        page.line(
            2,
            format!("The record says: {said}{}", more.unwrap_or_default()),
        );
    }
    for (title, key, meaning) in [
        (
            "Cause",
            "cause",
            cause as fn(&str, &Shown) -> Option<&'static str>,
        ),
        ("First factor", "first_factor", first_factor),
        ("Outcome", "outcome", |label, _| cards::outcome(label)),
    ] {
        // Only an interrupted record has an outcome.
        if let Some(label) = label.get(key).and_then(Value::as_str) {
            let meaning = meaning(label, &shown).unwrap_or_default();
            page.line(0, format!("{title}: {label}. {meaning}"));
        }
    }
    if let Some(flow) = flow(label) {
        page.line(0, flow);
    }
    let stopped_by = texts(label, "stopped_by");
    if !stopped_by.is_empty() {
        page.line(0, format!("Stopped by: {}.", stopped_by.join("; ")));
    }
    page.gap();
    signals(page, label, long);
}

fn status(label: &Value, shown: &Shown) -> String {
    let status = word(label, "status");
    let Some(code) = label.get("code").and_then(Value::as_u64) else {
        return format!("Status: {status}; the record has no code.");
    };
    let mut text = format!("Status: {status}, AADSTS{code}");
    let Some(card) = cards::code(code) else {
        return text + ", which is not in the table of codes.";
    };
    if let Some(name) = card.name {
        let _ = write!(text, " {name}");
    }
    let meaning = if shown.malicious_address {
        "sign-in from an address held to be malicious"
    } else {
        card.meaning
    };
    let sources = card.sources.join(", ");
    let _ = write!(text, ": {meaning}. This code is known from {sources}.");
    text
}

/// Of the two things that this cause stands for the record's text names one.
fn cause(label: &str, shown: &Shown) -> Option<&'static str> {
    if shown.malicious_address && label == "account_locked" {
        return Some("The address was judged malicious.");
    }
    cards::cause(label)
}

/// A first factor that came with a token is as right as it was, but nobody had to know it this time.
fn first_factor(label: &str, shown: &Shown) -> Option<&'static str> {
    if shown.first_factor_carried_over && label == "proved" {
        return Some(
            "It was right at an earlier sign-in, whose token came in; it was not checked again.",
        );
    }
    cards::first_factor(label)
}

/// What a success completes.
fn flow(label: &Value) -> Option<String> {
    let number = |name| label.get("flow")?.get(name)?.as_u64();
    let (interrupts, seconds) = (number("interrupts")?, number("seconds")?);
    let (records, first) = match interrupts {
        1 => ("an interrupted record".to_owned(), "it"),
        more => (format!("{more} interrupted records"), "the first"),
    };
    Some(format!(
        "Flow: completes {records} of the same sign-in, {seconds} s after {first}."
    ))
}

fn signals(page: &mut Page, label: &Value, long: bool) {
    let hits = label.get("signals").and_then(Value::as_array);
    let Some(hits) = hits.filter(|hits| !hits.is_empty()) else {
        page.line(0, "Signals: none.");
        return;
    };
    page.line(0, "Signals:");
    let signed = |hit| format!("{:+}", points(hit));
    let widest = hits.iter().map(|hit| signed(hit).len()).max();
    for hit in hits {
        let name = word(hit, "name");
        let points = signed(hit);
        let indent = 2 + widest.unwrap_or_default() - points.len();
        page.line(indent, format!("{points} {name}: {}", word(hit, "why")));
        match cards::SIGNALS.iter().find(|card| card.id == name) {
            Some(card) if long => card::write(page, card),
            Some(_) => page.has_more = true,
            None => {}
        }
    }
}

fn score(label: &Value) -> String {
    let hits = label.get("signals").and_then(Value::as_array);
    let parts: Vec<_> = hits.into_iter().flatten().map(points).collect();
    let total = label
        .get("score")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    sum(&parts, total)
}

fn verdict(label: &Value, settings: &Settings) -> String {
    format!(
        "{} (review from {}, suspicious from {})",
        word(label, "verdict"),
        settings.review_from,
        settings.suspicious_from
    )
}

/// `30 + 5 - 10 = 25`, and what the bounds 0 and 100 made of it.
fn sum(parts: &[i64], total: i64) -> String {
    let added: i64 = parts.iter().sum();
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let sign = match (index, *part < 0) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => " + ",
            (_, true) => " - ",
        };
        let _ = write!(text, "{sign}{}", part.unsigned_abs());
    }
    match parts.len() {
        0 => total.to_string(),
        1 if added == total => total.to_string(),
        _ if added == total => format!("{text} = {total}"),
        _ => format!("{text} = {added}, held within 0 and 100: {total}"),
    }
}

fn noise(label: &Value, shown: &Shown) -> String {
    let noise = label.get("noise").unwrap_or(&Value::Null);
    if noise.get("suppress") == Some(&Value::Bool(true)) {
        let reason = word(noise, "reason");
        let mut parts = vec![noise_reason(reason)];
        parts.extend(shown.known_place.iter().map(|&place| place.to_owned()));
        // Where the record itself does not show the place, it was known; from elsewhere neither of these is noise.
        let asks_for_place = reason == "repeat_refresh"
            || (["handshake", "lone_interrupt"].contains(&reason)
                && word(label, "first_factor") == "proved");
        if shown.known_place.is_empty() && asks_for_place {
            parts.push("the user got in from this place before".to_owned());
        }
        return format!("can stay out of the SIEM: {}", parts.join("; "));
    }
    if let Some(kept_for) = noise.get("kept_for").and_then(Value::as_str) {
        let why = cards::kept_for(kept_for).map(|why| format!(": {why}"));
        let why = why.unwrap_or_default();
        return format!("kept, though it looks like noise, for {kept_for}{why}");
    }
    match word(label, "status") {
        "failure" => "kept: a failure is never suppressed",
        "success" => {
            "kept: a success is noise only where it repeats one within the four hours before"
        }
        _ => "kept: prompts of this cause are never noise",
    }
    .to_owned()
}

fn noise_reason(label: &str) -> String {
    let rule = match label {
        "handshake" => {
            "a step that any such sign-in goes through, without risk and without a signal of weight"
        }
        "lone_interrupt" => "an interruption without risk and without a signal of weight",
        "prompt_completed" => {
            "the success of the same flow had arrived before it and says it all; without risk and without a signal of weight"
        }
        "repeat_refresh" => {
            "a client went on by itself, as it did within the four hours before: same app, address, resource and result"
        }
        "duplicate" => "the same record was delivered before",
        _ => return label.to_owned(),
    };
    format!("{label}, {rule}")
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or("not given")
}

fn points(hit: &Value) -> i64 {
    hit.get("points")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let items = value.get(key).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scores_are_shown_as_sums() {
        for (parts, total, text) in [
            (vec![], 0, "0"),
            (vec![5], 5, "5"),
            (vec![30, 5, -10], 25, "30 + 5 - 10 = 25"),
            (vec![-10], 0, "-10 = -10, held within 0 and 100: 0"),
            (
                vec![80, 50],
                100,
                "80 + 50 = 130, held within 0 and 100: 100",
            ),
        ] {
            assert_eq!(sum(&parts, total), text);
        }
    }

    #[test]
    fn what_is_said_about_noise() {
        let managed = Shown {
            known_place: vec!["the device is managed", "the network is trusted"],
            ..Shown::default()
        };
        for (noise_object, status, shown, text) in [
            (
                json!({"suppress": true, "reason": "handshake"}),
                "interrupted",
                Shown::default(),
                "can stay out of the SIEM: handshake, a step that any such sign-in goes through, without risk and without a signal of weight",
            ),
            (
                json!({"suppress": true, "reason": "lone_interrupt"}),
                "interrupted",
                managed.clone(),
                "can stay out of the SIEM: lone_interrupt, an interruption without risk and without a signal of weight; the device is managed; the network is trusted",
            ),
            (
                json!({"suppress": true, "reason": "repeat_refresh"}),
                "success",
                Shown::default(),
                "can stay out of the SIEM: repeat_refresh, a client went on by itself, as it did within the four hours before: same app, address, resource and result; the user got in from this place before",
            ),
            (
                json!({"suppress": true, "reason": "duplicate"}),
                "success",
                Shown::default(),
                "can stay out of the SIEM: duplicate, the same record was delivered before",
            ),
            (
                json!({"suppress": false, "kept_for": "code_50199"}),
                "interrupted",
                managed.clone(),
                "kept, though it looks like noise, for code_50199: 50199 is the page before a device code is honoured, the pivot of device-code phishing",
            ),
            (
                json!({"suppress": false, "kept_for": "newer_rule"}),
                "interrupted",
                managed.clone(),
                "kept, though it looks like noise, for newer_rule",
            ),
            (
                json!({"suppress": false}),
                "failure",
                managed.clone(),
                "kept: a failure is never suppressed",
            ),
            (
                json!({"suppress": false}),
                "success",
                managed,
                "kept: a success is noise only where it repeats one within the four hours before",
            ),
        ] {
            let label = json!({"status": status, "noise": noise_object});
            assert_eq!(noise(&label, &shown), text);
        }
    }

    #[test]
    fn what_a_success_completes_is_said() {
        for (label, text) in [
            (json!({}), None),
            (
                json!({"flow": {"interrupts": 1, "seconds": 9}}),
                Some("Flow: completes an interrupted record of the same sign-in, 9 s after it."),
            ),
            (
                json!({"flow": {"interrupts": 3, "seconds": 40}}),
                Some(
                    "Flow: completes 3 interrupted records of the same sign-in, 40 s after the first.",
                ),
            ),
        ] {
            assert_eq!(flow(&label).as_deref(), text);
        }
    }

    #[test]
    fn what_the_record_shows_goes_over_what_the_label_can_mean() {
        let malicious = Shown {
            malicious_address: true,
            ..Shown::default()
        };
        let carried_over = Shown {
            first_factor_carried_over: true,
            ..Shown::default()
        };
        let label = json!({"status": "failure", "code": 50053});
        for (said, part, not) in [
            (
                status(&label, &malicious),
                "held to be malicious",
                "lockout",
            ),
            (status(&label, &Shown::default()), "lockout", "nothing"),
            (
                cause("account_locked", &malicious).unwrap().to_owned(),
                "judged malicious",
                "lockout",
            ),
            (
                first_factor("proved", &carried_over).unwrap().to_owned(),
                "not checked again",
                "was checked and",
            ),
            (
                first_factor("unknown", &carried_over).unwrap().to_owned(),
                "does not say",
                "earlier",
            ),
        ] {
            assert!(said.contains(part) && !said.contains(not), "{said}");
        }
    }
}
