//! The page that `explain` writes on.

use crate::terminal::harmless;

/// Text in wrapped lines. Everything on it is made harmless, because nearly everything stems from the record.
#[derive(Default)]
pub struct Page {
    /// What stands on it so far.
    pub text: String,
    /// Something was left off that `--long` would show.
    pub has_more: bool,
}

impl Page {
    /// Longest line, in columns, where a word does not exceed it.
    const WIDTH: usize = 100;

    /// A blank line, unless the page is blank.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A paragraph, `indent` columns in. Its further lines stand deeper than any row begins, so that no text of a
    /// record can pass for one.
    pub fn line(&mut self, indent: usize, text: impl AsRef<str>) {
        self.wrapped(&" ".repeat(indent), indent + 4, text.as_ref());
    }

    /// A title and the parts that are there. Without any, no row.
    pub fn row(&mut self, title: &str, parts: &[Option<String>]) {
        let parts: Vec<_> = parts.iter().flatten().map(String::as_str).collect();
        if !parts.is_empty() {
            self.wrapped(&format!("  {title:<9} "), 12, &parts.join(", "));
        }
    }

    fn wrapped(&mut self, first: &str, indent: usize, text: &str) {
        let indent = " ".repeat(indent);
        let options = textwrap::Options::new(Self::WIDTH)
            .initial_indent(first)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(&harmless(text), options) {
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }
}
