//! The input text with our member as its last one; every other byte as it came.

use crate::classify::{Class, Status};
use crate::input::Record;
use crate::noise::Noise;
use crate::score::Verdict;
use crate::signals::Hit;
use crate::state::flow::Completed;
use crate::state::{self, Keys};

/// Version of the fields that are added. It grows when one changes its meaning.
pub const FIELDS_VERSION: u32 = 1;

/// What was found out about a record.
pub struct Decision<'a> {
    /// The record, for the policies' names.
    pub record: &'a Record<'a>,
    /// What the record says by itself.
    pub class: &'a Class,
    /// Whether it is noise.
    pub noise: Noise,
    /// 0 to 100.
    pub score: i64,
    /// What the score amounts to.
    pub verdict: Verdict,
    /// The signals that fired.
    pub hits: &'a [Hit],
    /// The interrupts that a success completes.
    pub flow: Option<Completed>,
    /// By which keys it was looked at so far; all but in [`crate::keyed`].
    pub keys: Keys,
}

/// Appends the record to `out` with `member` added.
pub fn record(out: &mut String, member: &str, decision: &Decision) {
    let (text, layout) = (decision.record.json(), decision.record.layout());
    let mut from = 0;
    for cut in layout.cuts() {
        out.push_str(text.get(from..cut.start).unwrap_or(""));
        from = cut.end;
    }
    // The last cut can reach up to the end of the last member.
    out.push_str(text.get(from..layout.end).unwrap_or(""));
    if layout.others {
        out.push(',');
    }
    out.push('"');
    out.push_str(member);
    out.push_str("\":");
    object(out, decision);
    out.push_str(text.get(layout.end..).unwrap_or(""));
}

/// Appends the added object.
fn object(out: &mut String, decision: &Decision) {
    let class = decision.class;
    out.push_str("{\"version\":");
    number(out, i64::from(FIELDS_VERSION));
    word(out, ",\"status\":\"", class.status.label());
    if let Some(code) = class.code {
        out.push_str(",\"code\":");
        number(out, i64::from(code));
    }
    word(out, ",\"cause\":\"", class.cause.label());
    word(out, ",\"first_factor\":\"", class.first_factor.label());
    if let Some(outcome) = class.outcome {
        word(out, ",\"outcome\":\"", outcome.label());
    }
    if class.status != Status::Success {
        let names = decision.record.unsatisfied_policies();
        let names = names
            .map(|policy| policy.name)
            .filter(|name| !name.is_empty());
        list(out, ",\"stopped_by\":[", names, string);
    }
    if let Some(flow) = decision.flow {
        out.push_str(",\"flow\":{\"interrupts\":");
        number(out, i64::from(flow.interrupts));
        out.push_str(",\"seconds\":");
        number(out, i64::from(flow.seconds));
        out.push('}');
    }
    match decision.noise {
        Noise::Not => out.push_str(",\"noise\":{\"suppress\":false}"),
        Noise::Suppress(reason) => {
            word(
                out,
                ",\"noise\":{\"suppress\":true,\"reason\":\"",
                reason.label(),
            );
            out.push('}');
        }
        Noise::Keep(rule) => {
            word(out, ",\"noise\":{\"suppress\":false,\"kept_for\":\"", rule);
            out.push('}');
        }
    }
    out.push_str(",\"score\":");
    number(out, decision.score);
    word(out, ",\"verdict\":\"", decision.verdict.label());
    list(out, ",\"signals\":[", decision.hits, |out, hit| {
        word(out, "{\"name\":\"", hit.signal().id);
        out.push_str(",\"points\":");
        number(out, hit.points);
        out.push_str(",\"why\":");
        out.push('"');
        hit.why.write(out, escaped);
        out.push('"');
        out.push('}');
    });
    if decision.keys != Keys::ALL {
        let keys = decision.keys.each().map(state::Key::label);
        list(out, ",\"keyed\":[", keys, string);
    }
    out.push('}');
}

/// Appends a list; nothing at all where it would be empty.
fn list<T>(
    out: &mut String,
    start: &str,
    items: impl IntoIterator<Item = T>,
    each: impl Fn(&mut String, T),
) {
    let mut first = true;
    for item in items {
        out.push_str(if first { start } else { "," });
        first = false;
        each(out, item);
    }
    if !first {
        out.push(']');
    }
}

/// Appends one of our own words, which need no escapes, and the quotation mark that ends it. `start` ends with the other.
fn word(out: &mut String, start: &str, word: &str) {
    out.push_str(start);
    out.push_str(word);
    out.push('"');
}

/// Appends a number.
pub(crate) fn number(out: &mut String, number: i64) {
    // Small numbers only; formatting machinery would cost more than the rest of the object.
    if number < 0 {
        out.push('-');
    }
    let number = number.unsigned_abs();
    let mut unit = 1;
    while number / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        out.push(char::from(b'0' + (number / unit % 10) as u8));
        unit /= 10;
    }
}

/// Appends a JSON string.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    escaped(out, text);
    out.push('"');
}

/// Appends what stands between the quotes of a JSON string.
fn escaped(out: &mut String, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(text.get(from..at).unwrap_or(""));
        from = at + 1;
        if escape.is_empty() {
            out.push_str("\\u00");
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(text.get(from..).unwrap_or(""));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Scratch, Skip, View, view};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn strings_read_back(text in "\\PC*|[\\x00-\\x20\"\\\\a]*") {
            let mut out = String::new();
            string(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn numbers_read_back(value: i64) {
            let mut out = String::new();
            number(&mut out, value);
            prop_assert_eq!(out, value.to_string());
        }
    }

    /// What is left of `text` once the cuts are made.
    fn without_member(text: &str) -> String {
        let mut scratch = Scratch::default();
        let Ok(View::Record(record)) = view(text, "m", &mut scratch) else {
            panic!("{text}");
        };
        let mut out = String::new();
        let mut from = 0;
        for cut in record.layout().cuts() {
            out.push_str(&text[from..cut.start]);
            from = cut.end;
        }
        out + &text[from..]
    }

    #[test]
    fn a_member_that_is_not_ours_stays_and_the_record_with_it() {
        let rest = r#""createdDateTime":"x","status":{"errorCode":0}"#;
        for (value, taken) in [
            ("{\"version\":1}", false),
            ("{\"score\":0,\"version\":1}", false),
            ("null", false),
            ("{}", true),
            ("{\"score\":{\"version\":1}}", true),
            ("\"version\"", true),
            ("4", true),
        ] {
            let text = format!("{{{rest},\"m\":{value}}}");
            let mut scratch = Scratch::default();
            let refused = matches!(view(&text, "m", &mut scratch), Err(Skip::MemberTaken));
            assert_eq!(refused, taken, "{text}");
        }
    }

    #[test]
    fn a_member_of_an_earlier_pass_goes_with_its_comma() {
        let rest = r#""createdDateTime":"x","status":{"errorCode":0}"#;
        let rows = [
            (format!("{{{rest}}}"), format!("{{{rest}}}")),
            (
                format!("{{{rest},\"m\":{{\"version\":1}}}}"),
                format!("{{{rest}}}"),
            ),
            (
                format!("{{{rest} , \"m\" : {{\"version\":1}} }}"),
                format!("{{{rest} }}"),
            ),
            (format!("{{\"m\":null,{rest}}}"), format!("{{{rest}}}")),
            (
                format!("{{ \"m\":null , \"m\":null , {rest}}}"),
                format!("{{ {rest}}}"),
            ),
            (
                format!("{{\"a\":1,\"m\":null,{rest}}}"),
                format!("{{\"a\":1,{rest}}}"),
            ),
            (
                format!("{{\"\\u006d\":null,{rest},\"m\":null}}"),
                format!("{{{rest}}}"),
            ),
            (format!("{{\"M\":1,{rest}}}"), format!("{{\"M\":1,{rest}}}")),
        ];
        for (text, expected) in rows {
            assert_eq!(without_member(&text), expected, "{text}");
        }
    }
}
