//! What is shown to a person: where it goes, and text of unknown origin without its teeth.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use comfy_table::{ContentArrangement, Table, presets};

/// Says one line on standard error. Text of unknown origin in it is made harmless.
pub fn say(line: &str) {
    // A closed standard error is no reason to fail: the records are what matters.
    let _ = writeln!(io::stderr(), "{}", harmless(line));
}

/// Prints a text on standard output. A reader who has had enough, such as `head`, is no failure.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// An empty table, `columns` wide at the most.
pub fn table(columns: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns);
    table
}

/// Replaces what a terminal or a reader would not show as itself: control characters (also the C1 range, which
/// some terminals obey as they do ESC), marks that reverse the reading direction, and invisible characters.
///
/// A record's user agent, for one, is chosen by whoever signs in.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_harmful(character) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        for (text, shown) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Zoë Ærøskøbing 東京 🙂", "Zoë Ærøskøbing 東京 🙂"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\nb\tc\rd", "a\\u{a}b\\u{9}c\\u{d}d"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("nul\0del\u{7f}", "nul\\u{0}del\\u{7f}"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }
}
