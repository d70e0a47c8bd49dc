//! Which line `explain` is about.

use std::io::{self, Read};

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::PassedOn;
use crate::stream::{self, LINE_BYTES_MAX, Stopped, Stretch};

/// The line asked for.
pub enum Picked {
    /// As text, and its number; several where the input is a JSON array.
    Lines(Vec<(u64, String)>),
    /// It cannot be read, for the reason given.
    Unreadable(u64, &'static str),
    /// The input has fewer lines.
    Missing,
}

/// The line with a number, from 1. What can be read of the lines before it is handed to `before`.
pub fn line_at(source: impl Read, wanted: u64, mut before: impl FnMut(&str)) -> io::Result<Picked> {
    let mut number = 0;
    let mut found = Picked::Missing;
    let ended = stream::cut(source, |stretch| {
        match stretch {
            Stretch::Lines(text) => {
                let mut at = 0;
                for line in text.split_inclusive('\n') {
                    number += 1;
                    if number == wanted {
                        before(&text[..at]);
                        found = Picked::Lines(vec![(number, line.to_owned())]);
                        return Err(());
                    }
                    at += line.len();
                }
                before(text);
            }
            Stretch::Raw {
                why, begins_line, ..
            } => {
                number += u64::from(begins_line);
                if number == wanted {
                    found = Picked::Unreadable(number, why.label());
                    return Err(());
                }
            }
        }
        Ok(())
    });
    match ended {
        Err(Stopped::Reading(error)) => Err(error),
        _ => Ok(found),
    }
}

/// The first line that is not blank. Where the whole input is one JSON text over several lines, as the portal
/// downloads it and people paste it, that is taken instead, and of an array every element.
pub fn first(source: impl Read) -> io::Result<Picked> {
    let mut bytes = Vec::new();
    source
        .take(LINE_BYTES_MAX as u64 + 2)
        .read_to_end(&mut bytes)?;
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let Some((index, line)) = lines
        .enumerate()
        .find(|(_, line)| !line.trim_ascii().is_empty())
    else {
        return Ok(Picked::Missing);
    };
    let number = index as u64 + 1;
    if line.len() > LINE_BYTES_MAX + 1 {
        return Ok(Picked::Unreadable(number, PassedOn::TooLong.label()));
    }
    let Ok(line) = str::from_utf8(line) else {
        return Ok(Picked::Unreadable(number, PassedOn::BrokenEncoding.label()));
    };
    let whole = str::from_utf8(&bytes).unwrap_or_default();
    let whole = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let single_line =
        serde_json::from_str::<IgnoredAny>(line).is_ok() && !line.trim_start().starts_with('[');
    let documents = match serde_json::from_str(whole) {
        Ok(Value::Array(items)) => items,
        Ok(object @ Value::Object(_)) if !single_line => vec![object],
        _ => return Ok(Picked::Lines(vec![(number, line.to_owned())])),
    };
    let lines = documents.iter().map(|one| format!("{one}\n"));
    Ok(Picked::Lines((1..).zip(lines).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_is_found_in_whatever_is_pasted() {
        for (input, lines) in [
            ("\n\n{\"a\":1}\n{\"b\":2}\n", vec![(3, "{\"a\":1}\n")]),
            ("{\n  \"a\": 1\n}\n", vec![(1, "{\"a\":1}\n")]),
            (
                "[\n {\"a\": 1},\n {\"b\": 2}\n]",
                vec![(1, "{\"a\":1}\n"), (2, "{\"b\":2}\n")],
            ),
            ("[{\"a\":1}]\n", vec![(1, "{\"a\":1}\n")]),
            ("nonsense\n{\"a\":1}\n", vec![(1, "nonsense\n")]),
        ] {
            let Ok(Picked::Lines(found)) = first(input.as_bytes()) else {
                panic!("{input}");
            };
            let found: Vec<_> = found
                .iter()
                .map(|(number, line)| (*number, &**line))
                .collect();
            assert_eq!(found, lines, "{input}");
        }
    }

    #[test]
    fn a_line_is_found_by_its_number() {
        let input: &[u8] = b"one\n\n\xff\nfour";
        for (number, found) in [
            (1, "one\n"),
            (2, "\n"),
            (3, "broken_encoding"),
            (4, "four"),
            (5, "missing"),
        ] {
            let picked = match line_at(input, number, |_| ()).unwrap() {
                Picked::Lines(lines) => lines[0].1.clone(),
                Picked::Unreadable(_, reason) => reason.to_owned(),
                Picked::Missing => "missing".to_owned(),
            };
            assert_eq!(picked, found);
        }
    }
}
