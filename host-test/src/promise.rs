//! What the transform promises about its answers, as far as a host can check it at the speed of reading: every line
//! leaves once, in its place, with nothing taken from it.
//!
//! An answer that breaks this is as bad as a trap, and worse for not being one. Where lines may wait, only the
//! transform knows which should be there, so nothing is checked but what it says about them.

use signin_triage::config;

use crate::Outcome;

/// How a roll-up begins.
pub const ROLLUP: &str = "{\"signin_triage_rollup\":";

/// What a session promises, by its configuration.
pub struct Promise {
    lines: Lines,
    member: String,
}

/// What is known of the lines of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Those that came, in their order.
    Same,
    /// Those that came or what was made of them, in one of two outputs, roll-ups among them.
    AtLeast,
    /// Some wait.
    Some,
}

impl Promise {
    /// `waits`: lines or roll-ups of before may leave with any batch.
    pub fn new(config: &str, waits: bool) -> Promise {
        let config = signin_triage::Config::from_json(config).unwrap_or_default();
        let lines = if config.int(&config::HOLD_SECS) > 0 {
            Lines::Some
        } else if waits || config.text(&config::MODE) == "filter" {
            Lines::AtLeast
        } else {
            Lines::Same
        };
        Promise {
            lines,
            member: format!("\"{}\"", config.text(&config::MEMBER)),
        }
    }

    /// What is wrong with an answer; `None` where nothing is to be seen.
    pub fn broken(&self, batch: &str, answer: &Outcome) -> Option<&'static str> {
        let came = lines(batch).count();
        if answer
            .rejected
            .iter()
            .any(|one| one.line == 0 || one.line as usize > came)
        {
            return Some("it rejected a line that was not there");
        }
        match self.lines {
            Lines::Some => None,
            Lines::AtLeast => {
                let counted =
                    |text| lines(text).filter(|line| !line.starts_with(ROLLUP.as_bytes()));
                let left = counted(&answer.kept).count() + counted(&answer.suppressed).count();
                (left < counted(batch).count())
                    .then_some("it gave back fewer lines than it was given")
            }
            Lines::Same if !answer.suppressed.is_empty() => {
                Some("it removed lines in mode annotate")
            }
            Lines::Same => {
                let mut left = lines(&answer.kept);
                for line in lines(batch) {
                    match left.next() {
                        Some(enriched) if self.is_of(line, enriched) => {}
                        Some(_) => return Some("it gave back another line than it was given"),
                        None => return Some("it gave back fewer lines than it was given"),
                    }
                }
                left.next()
                    .map(|_| "it gave back more lines than it was given")
            }
        }
    }

    /// Whether `enriched` can have been made of `line`: something was put into it in one place. In an envelope there
    /// are several, and of a line that was labelled before something was taken out too.
    fn is_of(&self, line: &[u8], enriched: &[u8]) -> bool {
        let same = common_start(line, enriched);
        let rest = &line[same..];
        let one_place = enriched[same..].ends_with(rest);
        one_place || is_within(rest, &enriched[same..]) || self.may_be_labelled(line)
    }

    /// Whether the name of our member may stand in a line, in whatever capitals or escapes.
    fn may_be_labelled(&self, line: &[u8]) -> bool {
        let name = self.member.as_bytes();
        memchr::memchr(b'\\', line).is_some()
            || line
                .windows(name.len())
                .any(|window| window.eq_ignore_ascii_case(name))
    }
}

/// The lines of a text, with their ends.
fn lines(text: &str) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, left) = rest.split_at(end);
        rest = left;
        (!line.is_empty()).then_some(line)
    })
}

/// How many bytes two texts have in common at their start. In steps: every line is looked at whole.
fn common_start(one: &[u8], other: &[u8]) -> usize {
    const STEP: usize = 32;
    let (ours, _) = one.as_chunks::<STEP>();
    let (theirs, _) = other.as_chunks::<STEP>();
    let steps = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let from = steps * STEP;
    let rest = one[from..].iter().zip(&other[from..]);
    from + rest.take_while(|(a, b)| a == b).count()
}

/// Whether all bytes of `part` stand in `whole`, in their order.
fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|byte| whole.any(|other| other == byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rejected;

    fn says(
        config: &str,
        waits: bool,
        batch: &str,
        kept: &str,
        suppressed: &str,
    ) -> Option<&'static str> {
        let answer = Outcome {
            kept: kept.to_owned(),
            suppressed: suppressed.to_owned(),
            ..Outcome::default()
        };
        Promise::new(config, waits).broken(batch, &answer)
    }

    #[test]
    fn every_line_leaves_once_and_in_its_place() {
        let long = "x".repeat(100);
        let line = format!("{{\"a\":\"{long}\"}}\r\n");
        let labelled = format!("{{\"a\":\"{long}\",\"signin_triage\":{{}}}}\r\n");
        for (batch, kept, broken) in [
            ("", "", None),
            ("a", "a", None),
            (&*line, &*labelled, None),
            ("{}\n\n", "{\"signin_triage\":{}}\n\n", None),
            ("[{},{}]\n", "[{\"m\":1},{\"m\":1}]\n", None),
            // Labelled before, under a name that reads the same.
            (
                "{\"SIGNIN_triage\":7,\"a\":1}\n",
                "{\"a\":1,\"signin_triage\":{}}\n",
                None,
            ),
            (
                "{\"signin\\u005ftriage\":7}\n",
                "{\"signin_triage\":{}}\n",
                None,
            ),
            ("a\nb\n", "a\n", Some("fewer")),
            ("a\n", "", Some("fewer")),
            ("a\n", "a\na\n", Some("more")),
            ("", "a\n", Some("more")),
            ("a\nb\n", "b\na\n", Some("another")),
            ("a\nb\n", "a\nb", Some("another")),
            (&*line, "{\"a\":\"x\"}\r\n", Some("another")),
        ] {
            let said = says("", false, batch, kept, "");
            assert_eq!(
                said.is_some(),
                broken.is_some(),
                "{batch:?} {kept:?}: {said:?}"
            );
            assert!(
                said.unwrap_or("").contains(broken.unwrap_or("")),
                "{said:?}"
            );
        }
        assert!(says("", false, "a\n", "a\n", "a\n").is_some());
    }

    #[test]
    fn where_lines_may_leave_elsewhere_they_are_counted() {
        let filter = r#"{"mode":"filter"}"#;
        let rollup = format!("{ROLLUP}{{}}}}\n");
        let with_rollup = format!("{rollup}a\n");
        for (config, waits, kept, suppressed, broken) in [
            (filter, false, "a\n", "b\n", false),
            (filter, false, &*with_rollup, "", true),
            (filter, false, &*with_rollup, "b\n", false),
            (filter, false, "", "a\nb\nc\n", false),
            ("", true, "held\na\nb\n", "", false),
            ("", true, "a\n", "", true),
            (r#"{"hold_secs":60}"#, false, "", "", false),
        ] {
            let said = says(config, waits, "a\nb\n", kept, suppressed);
            assert_eq!(said.is_some(), broken, "{config} {kept:?} {suppressed:?}");
        }
    }

    #[test]
    fn what_is_rejected_was_there() {
        for (line, broken) in [(0, true), (1, false), (2, false), (3, true)] {
            let answer = Outcome {
                kept: "a\nb\n".to_owned(),
                rejected: vec![Rejected {
                    line,
                    reason: "not_json".to_owned(),
                }],
                ..Outcome::default()
            };
            let said = Promise::new("", false).broken("a\nb\n", &answer);
            assert_eq!(said.is_some(), broken, "{line}");
        }
    }
}
