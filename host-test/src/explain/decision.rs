//! The label of one record in words.

use std::fmt::Write as _;

use serde_json::Value;

use super::page::Page;
use crate::cards::{self, Settings, Signal};
use crate::fields;

/// What was decided, in the order in which it was decided.
pub fn read_out(page: &mut Page, record: &Value, label: &Value, settings: &Settings) {
    page.line(0, status(label));
    if let Some(said) = fields::text(record, fields::REASON) {
        let more = fields::text(record, fields::DETAILS).map(|more| format!(" ({more})"));
        page.line(
            2,
            format!("The record says: {said}{}", more.unwrap_or_default()),
        );
    }
    let cause = word(label, "cause");
    let factor = word(label, "first_factor");
    page.line(
        0,
        format!("Cause: {}", with_meaning(cause, cards::cause(cause))),
    );
    page.line(
        0,
        format!(
            "First factor: {}",
            with_meaning(factor, cards::first_factor(factor))
        ),
    );
    if let Some(outcome) = label.get("outcome").and_then(Value::as_str) {
        page.line(
            0,
            format!(
                "Outcome: {}",
                with_meaning(outcome, cards::outcome(outcome))
            ),
        );
    }
    let stopped_by = texts(label, "stopped_by");
    if !stopped_by.is_empty() {
        page.line(0, format!("Stopped by: {}.", stopped_by.join("; ")));
    }
    signals(page, label);
    page.gap();
    page.line(0, score(label, settings));
    page.line(0, noise(label));
}

fn status(label: &Value) -> String {
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
    let _ = write!(text, ": {}", card.meaning);
    let _ = write!(text, ". Known from {}.", card.sources.join(", "));
    text
}

/// A label and the sentence about it, where this version knows one.
fn with_meaning(label: &str, meaning: Option<&str>) -> String {
    match meaning {
        Some(meaning) => format!("{label}. {meaning}"),
        None => format!("{label}."),
    }
}

fn signals(page: &mut Page, label: &Value) {
    let hits = label.get("signals").and_then(Value::as_array);
    let Some(hits) = hits.filter(|hits| !hits.is_empty()) else {
        page.line(0, "Signals: none.");
        return;
    };
    page.line(0, "Signals:");
    for hit in hits {
        let name = word(hit, "name");
        page.line(2, format!("{:+} {name}: {}", points(hit), word(hit, "why")));
        if let Some(card) = cards::SIGNALS.iter().find(|card| card.id == name) {
            signal_card(page, card);
        }
    }
}

fn signal_card(page: &mut Page, card: &Signal) {
    page.line(6, card.summary);
    for (title, texts) in [
        ("can also be", card.false_positives),
        ("would not see", card.blind_spots),
        ("technique", card.techniques),
        ("see", card.references),
    ] {
        for text in texts {
            page.line(6, format!("{title}: {text}"));
        }
    }
}

fn score(label: &Value, settings: &Settings) -> String {
    let hits = label.get("signals").and_then(Value::as_array);
    let parts: Vec<_> = hits.into_iter().flatten().map(points).collect();
    let total = label
        .get("score")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let mut text = format!("Score: {}", sum(&parts, total));
    let _ = write!(
        text,
        "; verdict {} (review from {}, suspicious from {}).",
        word(label, "verdict"),
        settings.review_from,
        settings.suspicious_from
    );
    text
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

fn noise(label: &Value) -> String {
    let noise = label.get("noise").unwrap_or(&Value::Null);
    let suppress = noise
        .get("suppress")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    let reason = word(noise, "reason");
    if suppress {
        return format!(
            "Noise: it can be kept out of the SIEM; {}.",
            noise_reason(reason)
        );
    }
    if let Some(kept_for) = noise.get("kept_for").and_then(Value::as_str) {
        let why = cards::kept_for(kept_for).map(|why| format!(": {why}"));
        let why = why.unwrap_or_default();
        return format!("Noise: it looks like noise and is kept, because of {kept_for}{why}.");
    }
    if word(label, "status") == "failure" {
        return "Noise: no; a failure is never suppressed.".to_owned();
    }
    "Noise: no; no rule calls it that, so it is kept.".to_owned()
}

fn noise_reason(label: &str) -> String {
    let rule = match label {
        "handshake" => {
            "a step that any such sign-in goes through, without risk and without a signal of weight"
        }
        "lone_interrupt" => "an interruption without risk and without a signal of weight",
        "prompt_completed" => {
            "a prompt that was answered, as the later success of the same flow shows"
        }
        "repeat_refresh" => "a refresh like one that was reported already",
        "duplicate" => "a record that was delivered already",
        _ => return label.to_owned(),
    };
    format!("{label}: {rule}")
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
    fn what_was_kept_says_for_what() {
        for (noise_object, status, text) in [
            (
                json!({"suppress": false, "kept_for": "code_50199"}),
                "interrupted",
                "because of code_50199: ",
            ),
            (
                json!({"suppress": false}),
                "failure",
                "a failure is never suppressed",
            ),
            (
                json!({"suppress": false}),
                "success",
                "no rule calls it that",
            ),
        ] {
            let said = noise(&json!({"status": status, "noise": noise_object}));
            assert!(said.contains(text), "{said}");
        }
    }
}
