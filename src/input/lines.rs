//! Cuts a batch into lines and tells the text of each from what only frames it.

use super::scan;

/// One line of a batch. `lead`, `text` and `tail` put together are the line as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// A byte order mark, as some programs put before the first line of a file; mostly empty.
    pub lead: &'a str,
    /// What should be JSON.
    pub text: &'a str,
    /// `\n`, `\r\n`, or nothing after the last line of a batch.
    pub tail: &'a str,
}

impl Line<'_> {
    /// Bytes of the whole line.
    pub fn bytes(&self) -> usize {
        self.lead.len() + self.text.len() + self.tail.len()
    }
}

/// The first line of `batch`. A batch that ends in a line end has no empty line after it.
pub fn first(batch: &str) -> Line<'_> {
    let end = scan::line_end(batch.as_bytes());
    let whole = end.and_then(|end| batch.get(..=end)).unwrap_or(batch);
    let text = whole.strip_suffix('\n').unwrap_or(whole);
    let text = text.strip_suffix('\r').unwrap_or(text);
    around(whole, text.strip_prefix(MARK).unwrap_or(text).len())
}

/// The first line of `batch`, of which is known how many bytes its text has.
pub fn around(batch: &str, length: usize) -> Line<'_> {
    let lead = if batch.starts_with(MARK) {
        MARK.len()
    } else {
        0
    };
    let (before, after) = batch.split_at_checked(lead + length).unwrap_or((batch, ""));
    let tail = match after.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] | [b'\r'] => 1,
        _ => 0,
    };
    Line {
        lead: before.get(..lead).unwrap_or(""),
        text: before.get(lead..).unwrap_or(""),
        tail: after.get(..tail).unwrap_or(""),
    }
}

/// The byte order mark.
pub const MARK: &str = "\u{feff}";

#[cfg(test)]
mod tests {
    use super::*;

    /// Lead, text and tail.
    type Parts = (&'static str, &'static str, &'static str);

    #[test]
    fn frames_are_told_from_text_and_nothing_is_lost() {
        let rows: [(&str, &[Parts]); 9] = [
            ("", &[]),
            ("\n", &[("", "", "\n")]),
            ("\r\n", &[("", "", "\r\n")]),
            ("a", &[("", "a", "")]),
            ("a\nb", &[("", "a", "\n"), ("", "b", "")]),
            (
                "a\r\n\nb\n",
                &[("", "a", "\r\n"), ("", "", "\n"), ("", "b", "\n")],
            ),
            ("\u{feff}a\n", &[("\u{feff}", "a", "\n")]),
            ("a\rb\n", &[("", "a\rb", "\n")]),
            ("\u{feff}", &[("\u{feff}", "", "")]),
        ];
        for (batch, expected) in rows {
            let (mut rest, mut lines) = (batch, Vec::new());
            while !rest.is_empty() {
                let line = first(rest);
                lines.push((line.lead, line.text, line.tail));
                rest = &rest[line.bytes()..];
            }
            assert_eq!(lines, expected, "{batch:?}");
        }
    }
}
