//! Bytes to whole lines: what can cross to the component as text, and what is passed on by it.
//!
//! One read gives one batch, so a record that arrives on a pipe does not wait for more, and a file is taken in
//! steps of a megabyte. Nothing is changed, dropped or reordered here.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read};

use crate::plugin::Trouble;
use crate::{PassedOn, Session};

/// Longest line that is held, in bytes, without its line end: the component's own limit. A longer line is handed
/// on in pieces as it arrives.
pub use signin_triage::limits::LINE_BYTES_MAX;

/// What one read asks for, in bytes. Larger batches bring nothing: the cost of a call is long lost in this.
pub const BATCH_BYTES: usize = 1 << 20;

/// A stretch of the input, in order. All stretches together are the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch<'a> {
    /// Whole lines with their line ends; only the last of the input can lack one.
    Lines(&'a str),
    /// Bytes to be passed on as they are.
    Raw {
        /// The bytes.
        bytes: &'a [u8],
        /// What they are.
        why: PassedOn,
        /// Whether a line begins here; a line without end comes in many pieces.
        begins_line: bool,
    },
}

/// Why cutting ended before the end of the input.
#[derive(Debug)]
pub enum Stopped<E> {
    /// The input could not be read. What was read until then has been handed over.
    Reading(io::Error),
    /// `take` would not have more.
    Taking(E),
}

/// Cuts an input into stretches and hands each to `take`.
pub fn cut<E>(
    mut input: impl Read,
    mut take: impl FnMut(Stretch<'_>) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let mut take = |stretch: Stretch<'_>| take(stretch).map_err(Stopped::Taking);
    // Read and not yet handed over: `held[..filled]`, which is the beginning of one line.
    let mut held = Vec::new();
    let mut filled = 0;
    let mut inside_long_line = false;
    loop {
        if held.len() - filled < BATCH_BYTES {
            held.resize(filled + BATCH_BYTES, 0);
        }
        // No more than that, however large the buffer has grown for a long line: it bounds what crosses at once.
        let count = match input.read(&mut held[filled..filled + BATCH_BYTES]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                hand_over(&held[..filled], &mut take)?;
                return Err(Stopped::Reading(error));
            }
        };
        let fresh = filled;
        filled += count;
        let mut done = 0;
        if inside_long_line {
            let end = memchr::memchr(b'\n', &held[..filled]).map(|index| index + 1);
            done = end.unwrap_or(filled);
            inside_long_line = end.is_none();
            take(long_line(&held[..done], false))?;
        }
        // Nothing before `fresh` can be a line end: it would have been handed over.
        let from = done.max(fresh);
        if let Some(last) = memchr::memrchr(b'\n', &held[from..filled]) {
            let end = from + last + 1;
            hand_over(&held[done..end], &mut take)?;
            done = end;
        } else if filled - done > LINE_BYTES_MAX + 1 {
            // One more than the limit, because the last byte may be the first half of a line end.
            take(long_line(&held[done..filled], true))?;
            inside_long_line = true;
            done = filled;
        }
        held.copy_within(done..filled, 0);
        filled -= done;
    }
    hand_over(&held[..filled], &mut take)
}

/// Cuts bytes that are all there, as [`cut`] does an input: the end of the bytes is the end of the last line.
pub fn cut_whole<E>(
    mut bytes: &[u8],
    mut take: impl FnMut(Stretch<'_>) -> Result<(), E>,
) -> Result<(), E> {
    while !bytes.is_empty() {
        // What is left, if that is no more than a batch, all lines that end within one, or one line, however long.
        let last = match bytes.get(..BATCH_BYTES) {
            Some(batch) => memchr::memrchr(b'\n', batch).or_else(|| memchr::memchr(b'\n', bytes)),
            None => None,
        };
        let (lines, rest) = bytes.split_at(last.map_or(bytes.len(), |last| last + 1));
        if bare(lines).len() > LINE_BYTES_MAX {
            take(long_line(lines, true))?;
        } else {
            hand_over(lines, &mut take)?;
        }
        bytes = rest;
    }
    Ok(())
}

/// What became of bytes that a caller handed over at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enriched {
    /// What stays in the stream.
    pub kept: Vec<u8>,
    /// Where the component failed.
    pub troubles: Vec<Trouble>,
}

/// Enriches bytes that are all there: lines in any encoding and of any length, with or without a last line end. For
/// sessions in which nothing leaves by the second output.
pub fn enrich(session: &mut Session<'_>, bytes: &[u8]) -> Enriched {
    let mut all = Enriched::default();
    let ended = cut_whole(bytes, |stretch| {
        match stretch {
            Stretch::Lines(text) => {
                let outcome = session.process(text);
                all.kept.extend_from_slice(outcome.kept.as_bytes());
                all.troubles.extend(outcome.trouble());
            }
            Stretch::Raw { bytes, why, .. } => {
                session.pass_on(why, 1, bytes.len());
                all.kept.extend_from_slice(bytes);
            }
        }
        Ok::<(), Infallible>(())
    });
    let Ok(()) = ended;
    all
}

/// Whole lines: those in UTF-8 together, each that is not by itself.
fn hand_over<E>(
    mut lines: &[u8],
    take: &mut impl FnMut(Stretch<'_>) -> Result<(), E>,
) -> Result<(), E> {
    while !lines.is_empty() {
        let broken_at = match str::from_utf8(lines) {
            Ok(text) => return take(Stretch::Lines(text)),
            Err(error) => error.valid_up_to(),
        };
        let begin = memchr::memrchr(b'\n', &lines[..broken_at]).map_or(0, |index| index + 1);
        let length = memchr::memchr(b'\n', &lines[begin..]).map(|index| index + 1);
        let end = length.map_or(lines.len(), |length| begin + length);
        if let Ok(text) = str::from_utf8(&lines[..begin])
            && !text.is_empty()
        {
            take(Stretch::Lines(text))?;
        }
        take(broken_line(&lines[begin..end]))?;
        lines = &lines[end..];
    }
    Ok(())
}

fn long_line(bytes: &[u8], begins_line: bool) -> Stretch<'_> {
    Stretch::Raw {
        bytes,
        why: PassedOn::TooLong,
        begins_line,
    }
}

/// A line without its line end.
pub fn bare(line: &[u8]) -> &[u8] {
    let bare = line.strip_suffix(b"\n").unwrap_or(line);
    bare.strip_suffix(b"\r").unwrap_or(bare)
}

/// A line that is too long counts as that, whether or not it came in pieces.
fn broken_line(line: &[u8]) -> Stretch<'_> {
    let why = if bare(line).len() > LINE_BYTES_MAX {
        PassedOn::TooLong
    } else {
        PassedOn::BrokenEncoding
    };
    Stretch::Raw {
        bytes: line,
        why,
        begins_line: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `step` bytes at a time, as a pipe does.
    struct Dripping<'a> {
        left: &'a [u8],
        step: usize,
    }

    impl Read for Dripping<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.step.min(self.left.len()).min(into.len());
            into[..count].copy_from_slice(&self.left[..count]);
            self.left = &self.left[count..];
            Ok(count)
        }
    }

    /// The stretches, with neighbours of text joined: `T` text, `B` broken encoding, `L` too long.
    fn cut_all(source: impl Read) -> Vec<(char, Vec<u8>)> {
        let mut seen: Vec<(char, Vec<u8>)> = Vec::new();
        let ended = cut(source, |stretch| {
            let (kind, bytes, new) = match stretch {
                Stretch::Lines(text) => ('T', text.as_bytes(), false),
                Stretch::Raw {
                    bytes,
                    why: PassedOn::TooLong,
                    begins_line,
                } => ('L', bytes, begins_line),
                Stretch::Raw { bytes, .. } => ('B', bytes, true),
            };
            match seen.last_mut() {
                Some((last, whole)) if *last == kind && !new => whole.extend_from_slice(bytes),
                _ => seen.push((kind, bytes.to_vec())),
            }
            Ok::<(), ()>(())
        });
        assert!(ended.is_ok());
        seen
    }

    #[test]
    fn every_cut_gives_the_same_stretches() {
        type Row<'a> = (&'a [u8], &'a [(char, &'a [u8])]);
        let rows: [Row; 8] = [
            (b"", &[]),
            (b"\n", &[('T', b"\n")]),
            (b"a\r\nb", &[('T', b"a\r\nb")]),
            (b"\xef\xbb\xbfa\n\0\n", &[('T', b"\xef\xbb\xbfa\n\0\n")]),
            (
                b"a\n\xff\nb\n",
                &[('T', b"a\n"), ('B', b"\xff\n"), ('T', b"b\n")],
            ),
            (b"\xff\n\xfe\n", &[('B', b"\xff\n"), ('B', b"\xfe\n")]),
            (b"x\xc3", &[('B', b"x\xc3")]),
            ("é\nü".as_bytes(), &[('T', "é\nü".as_bytes())]),
        ];
        for (input, expected) in rows {
            for step in [1, 2, 3, 1000] {
                let seen = cut_all(Dripping { left: input, step });
                let seen: Vec<_> = seen.iter().map(|(kind, bytes)| (*kind, &**bytes)).collect();
                assert_eq!(seen, expected, "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn the_limit_is_exact() {
        // Up to the limit it is the component's to judge. Beyond it a line that came in one piece is so too.
        for (length, end, kind) in [
            (LINE_BYTES_MAX, "\n", 'T'),
            (LINE_BYTES_MAX, "\r\n", 'T'),
            (LINE_BYTES_MAX, "", 'T'),
            (LINE_BYTES_MAX + 2, "\n", 'L'),
            (LINE_BYTES_MAX + 2, "", 'L'),
        ] {
            // The line end comes by itself, when the line before it has been looked at.
            let line = io::repeat(b'x').take(length as u64);
            let seen = cut_all(line.chain(end.as_bytes()));
            let seen: Vec<_> = seen
                .iter()
                .map(|(kind, bytes)| (*kind, bytes.len()))
                .collect();
            assert_eq!(seen, [(kind, length + end.len())], "{length} {end:?}");
        }
    }

    #[test]
    fn bytes_that_are_all_there_are_cut_alike() {
        let line = |length| [vec![b'x'; length], b"\r\n".to_vec()].concat();
        let long = line(LINE_BYTES_MAX + 1);
        let fits = line(LINE_BYTES_MAX);
        let rows: [(&[u8], &str); 8] = [
            (b"", ""),
            (b"a\nb", "T"),
            (b"a\n\xff\n\xfe\nb", "TBBT"),
            (&fits, "T"),
            (&[b"a\n", &*long, b"b\n"].concat(), "TLT"),
            (&[&*long, &*long].concat(), "LL"),
            (&long[..=LINE_BYTES_MAX], "L"),
            (&[b"\xff", &*fits].concat(), "L"),
        ];
        for (input, kinds) in rows {
            let (mut seen, mut joined) = (String::new(), Vec::new());
            let ended = cut_whole(input, |stretch| {
                let (kind, bytes) = match stretch {
                    Stretch::Lines(text) => ('T', text.as_bytes()),
                    Stretch::Raw {
                        bytes,
                        why: PassedOn::TooLong,
                        ..
                    } => ('L', bytes),
                    Stretch::Raw { bytes, .. } => ('B', bytes),
                };
                seen.push(kind);
                joined.extend_from_slice(bytes);
                Ok::<(), ()>(())
            });
            assert_eq!((ended, &*seen), (Ok(()), kinds));
            assert!(joined == input);
        }
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let input = io::repeat(b'x').take(200 << 20);
        let (mut total, mut longest, mut begun) = (0, 0, 0);
        let ended = cut(input.chain(&b"\nend\n"[..]), |stretch| {
            match stretch {
                Stretch::Raw {
                    bytes, begins_line, ..
                } => {
                    total += bytes.len();
                    longest = longest.max(bytes.len());
                    begun += u32::from(begins_line);
                }
                Stretch::Lines(text) => assert_eq!(text, "end\n"),
            }
            Ok::<(), ()>(())
        });
        assert!(ended.is_ok());
        assert_eq!((total, begun), ((200 << 20) + 1, 1));
        assert!(longest <= LINE_BYTES_MAX + 2 * BATCH_BYTES, "{longest}");
    }

    #[test]
    fn a_record_on_a_pipe_does_not_wait_for_more() {
        let mut batches = Vec::new();
        let source = Dripping {
            left: b"aa\nbb\ncc\n",
            step: 3,
        };
        let ended = cut(source, |stretch| {
            batches.push(format!("{stretch:?}"));
            Ok::<(), ()>(())
        });
        assert!(ended.is_ok());
        assert_eq!(batches.len(), 3);
    }

    #[test]
    fn a_failing_read_loses_nothing_before_it() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let mut text = String::new();
        let ended = cut(b"one\ntwo".chain(Failing), |stretch| {
            if let Stretch::Lines(lines) = stretch {
                text.push_str(lines);
            }
            Ok::<(), ()>(())
        });
        assert!(matches!(ended, Err(Stopped::Reading(_))));
        assert_eq!(text, "one\ntwo");
    }
}
