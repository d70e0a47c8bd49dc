//! The reply that rsyslog's `mmexternal` takes: one line of JSON that says what to change in the message.
//!
//! ```json
//! {"msg":"{\"createdDateTime\":…,\"signin_triage\":{…}}","$!":{"signin_triage":{"version":1,…}}}
//! ```
//! `msg` becomes the enriched line, for templates that write it as it is; `$!` is what rules can look into. `{}`
//! changes nothing.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Outcome;

/// The reply that leaves a message as it is.
pub const UNCHANGED: &[u8] = b"{}\n";

/// The reply to one line, from what became of it. `member` is the name of the member that was added.
pub fn reply(line: &str, outcome: &Outcome, member: &str) -> Vec<u8> {
    let passed_on = outcome.trap.is_some() || !outcome.rejected.is_empty();
    let kept = bare(&outcome.kept);
    if passed_on && kept == bare(line) {
        return UNCHANGED.to_vec();
    }
    let mut reply = b"{\"msg\":".to_vec();
    // To memory, and a text has a form in JSON whatever it holds.
    if serde_json::to_writer(&mut reply, kept).is_err() {
        return UNCHANGED.to_vec();
    }
    if let Some(added) = added(kept, member) {
        // The name is letters, digits and underscores.
        reply.extend_from_slice(format!(",\"$!\":{{\"{member}\":{added}}}").as_bytes());
    }
    reply.extend_from_slice(b"}\n");
    reply
}

fn bare(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// The member that was added to a record; `None` of an envelope, whose records have one each.
fn added<'a>(line: &'a str, member: &str) -> Option<&'a str> {
    let top: Top = serde_json::from_str(line.trim_start_matches('\u{feff}')).ok()?;
    let (name, value) = top.last?;
    (name == member && !top.envelope).then(|| value.get())
}

/// What has to be known about a record's top-level object.
struct Top<'a> {
    /// The last member: what was added always is.
    last: Option<(String, &'a RawValue)>,
    /// Whether there is a list of records among the members.
    envelope: bool,
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Top<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Top<'de>, A::Error> {
                let mut top = Top {
                    last: None,
                    envelope: false,
                };
                while let Some((name, value)) = members.next_entry::<String, &RawValue>()? {
                    let list = ["records", "value"].contains(&&*name.to_ascii_lowercase());
                    top.envelope |= list && value.get().starts_with('[');
                    top.last = Some((name, value));
                }
                Ok(top)
            }
        }
        from.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rejected;

    #[test]
    fn the_reply_says_what_to_change() {
        let rejected = |reason: &str| Rejected {
            line: 1,
            reason: reason.to_owned(),
        };
        let cases: [(&str, &str, Option<&str>, &str); 9] = [
            (
                "{\"a\":1}\n",
                "{\"a\":1,\"m\":{\"b\":true}}\n",
                None,
                r#"{"msg":"{\"a\":1,\"m\":{\"b\":true}}","$!":{"m":{"b":true}}}"#,
            ),
            // White space is what came: rsyslog puts a blank before the text of a message.
            (
                " {\t}\r\n",
                " {\t\"m\":{}}\r\n",
                None,
                r#"{"msg":" {\t\"m\":{}}\r","$!":{"m":{}}}"#,
            ),
            (
                "\u{feff}{}",
                "\u{feff}{\"m\":{}}",
                None,
                "{\"msg\":\"\u{feff}{\\\"m\\\":{}}\",\"$!\":{\"m\":{}}}",
            ),
            // As it was labelled before.
            (
                "{\"m\":{}}\n",
                "{\"m\":{}}\n",
                None,
                r#"{"msg":"{\"m\":{}}","$!":{"m":{}}}"#,
            ),
            ("hello\n", "hello\n", Some("not_json"), "{}"),
            ("\n", "\n", Some("empty"), "{}"),
            // Its own member of that name is not ours.
            (
                "{\"m\":{\"b\":true}}\n",
                "{\"m\":{\"b\":true}}\n",
                Some("not_sign_in"),
                "{}",
            ),
            (
                "{\"Records\":[{}]}",
                "{\"Records\":[{\"m\":{}}]}",
                None,
                r#"{"msg":"{\"Records\":[{\"m\":{}}]}"}"#,
            ),
            // Of an envelope some are enriched; what stands beside the records is not ours.
            (
                "{\"value\":[{},1],\"m\":{}}",
                "{\"value\":[{\"m\":{}},1],\"m\":{}}",
                Some("not_object"),
                r#"{"msg":"{\"value\":[{\"m\":{}},1],\"m\":{}}"}"#,
            ),
        ];
        for (line, kept, reason, expected) in cases {
            let outcome = Outcome {
                kept: kept.to_owned(),
                rejected: reason.map(rejected).into_iter().collect(),
                ..Outcome::default()
            };
            let reply = String::from_utf8(reply(line, &outcome, "m")).unwrap();
            assert_eq!(reply, format!("{expected}\n"), "{line:?}");
        }
    }

    #[test]
    fn a_trap_changes_nothing() {
        let outcome = Outcome {
            kept: "{}\n".to_owned(),
            trap: Some("unreachable".to_owned()),
            ..Outcome::default()
        };
        assert_eq!(reply("{}\n", &outcome, "m"), UNCHANGED);
    }
}
