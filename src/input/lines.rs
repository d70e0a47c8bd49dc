//! Cuts a batch into lines and tells the text of each from what only frames it.

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

/// The lines of `batch`, in order. A batch that ends in a line end has no empty line after it.
pub fn split(batch: &str) -> impl Iterator<Item = Line<'_>> {
    batch.split_inclusive('\n').map(|whole| {
        let text = whole.strip_suffix('\n').unwrap_or(whole);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let (text, tail) = whole.split_at(text.len());
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (lead, text) = text.split_at(text.len() - rest.len());
        Line { lead, text, tail }
    })
}

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
            let lines: Vec<_> = split(batch)
                .map(|line| (line.lead, line.text, line.tail))
                .collect();
            assert_eq!(lines, expected, "{batch:?}");
        }
    }
}
