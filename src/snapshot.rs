//! All that a session remembers as one text, and back.
//!
//! `signin-triage-state <format> <version> <checksum>`, a line end, and then the state. Taken between two batches and
//! restored it continues byte for byte as if nothing had happened. It holds names only where a record or a roll-up
//! waits; users, addresses and the like are hashes.

use std::fmt;

use crate::config::Config;
use crate::held::Waiting;
use crate::rollup::Rollups;
use crate::session::Session;
use crate::state::Keys;
use crate::state::event::hash64;
use crate::state::pack::{Damaged, Pack};

/// Version of the format. It grows with every change of what is remembered or how it is written.
pub const FORMAT: u32 = 2;

const NAME: &str = "signin-triage-state";
/// Positions of signals are part of it, and those can move with the version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a snapshot is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It does not begin as a snapshot does.
    NotASnapshot,
    /// Another version wrote it: the first line as found.
    OtherVersion(String),
    /// The first line is right and the rest is not what was written.
    Damaged,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NotASnapshot => f.write_str("not a state of signin-triage"),
            Refused::OtherVersion(found) => {
                write!(
                    f,
                    "written as {found}, and this version reads {NAME} {FORMAT} {VERSION}"
                )
            }
            Refused::Damaged => f.write_str("the state is damaged: it is not what was written"),
        }
    }
}

impl Session {
    /// Writes down all that is remembered.
    pub fn snapshot(&self) -> String {
        // The body first, into the place where it stays: the checksum has a fixed length.
        let mut out = format!("{NAME} {FORMAT} {VERSION} {:016x}\n", 0);
        let start = out.len();
        // Measured first and asked for once: growing would hold the text twice, and linear memory never shrinks.
        let size = self.state.text_bytes() + self.waiting.bytes() + self.rollups.bytes();
        out.reserve_exact(size + 64);
        self.watermark.pack(&mut out);
        self.leap.0.pack(&mut out);
        self.leap.1.pack(&mut out);
        self.state.pack(&mut out);
        self.waiting.pack(&mut out);
        self.rollups.pack(&mut out);
        let checksum = format!("{:016x}", checksum(out.get(start..).unwrap_or("")));
        out.replace_range(start - 17..start - 1, &checksum);
        out
    }

    /// Opens a session that remembers what `snapshot` holds. The options need not be those with which it was written.
    ///
    /// # Errors
    /// The snapshot is of another version, or damaged.
    pub fn restore(config: Config, snapshot: &str) -> Result<Session, Refused> {
        Session::restore_by(config, Keys::ALL, snapshot)
    }

    /// The same for a session that remembers by `keys` only.
    pub(crate) fn restore_by(
        config: Config,
        keys: Keys,
        snapshot: &str,
    ) -> Result<Session, Refused> {
        let (first, body) = snapshot.split_once('\n').ok_or(Refused::NotASnapshot)?;
        let words: Vec<&str> = first.splitn(5, ' ').collect();
        let [NAME, format, version, sum] = words[..] else {
            return Err(Refused::NotASnapshot);
        };
        if format.parse() != Ok(FORMAT) || version != VERSION {
            let shown = |text: &str| {
                text.chars()
                    .filter(char::is_ascii_graphic)
                    .take(20)
                    .collect::<String>()
            };
            let found = format!("{NAME} {} {}", shown(format), shown(version));
            return Err(Refused::OtherVersion(found));
        }
        if u64::from_str_radix(sum, 16) != Ok(checksum(body)) {
            return Err(Refused::Damaged);
        }
        let mut session = Session::by(config, keys);
        session.take_up(body).map_err(|Damaged| Refused::Damaged)?;
        Ok(session)
    }

    fn take_up(&mut self, mut body: &str) -> Result<(), Damaged> {
        let text = &mut body;
        self.watermark = u32::unpack(text)?;
        self.leap = (u32::unpack(text)?, u8::unpack(text)?);
        self.state.unpack(text)?;
        self.waiting = Waiting::unpack(text)?;
        self.rollups = Rollups::unpack(text)?;
        if text.is_empty() {
            Ok(())
        } else {
            Err(Damaged)
        }
    }
}

fn checksum(body: &str) -> u64 {
    hash64(body)
}
