//! Roll-ups: what stays in the stream of records that left it.
//!
//! One line per user, application, address, status, cause and reason for each window of event time. Every suppressed
//! record is in exactly one, so that their counts add up to what was suppressed.

use std::collections::BTreeMap;

use crate::classify::{Cause, Class, Status};
use crate::input::Record;
use crate::input::shapes::Field;
use crate::limits::{ROLLUP_TEXT_BYTES_MAX, ROLLUPS_BYTES_MAX, ROLLUPS_MAX};
use crate::noise::Reason;
use crate::state::event::hash64;
use crate::state::pack::{Damaged, Pack, pack_struct};
use crate::time::Moment;
use crate::write;

/// Version of the line. It grows when a member changes its meaning.
pub const ROLLUP_VERSION: u32 = 1;

/// What was suppressed of one kind within one window.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rollup {
    /// Event time of the earliest, in seconds since 1970.
    from: u32,
    /// Event time of the latest.
    to: u32,
    user: String,
    app: String,
    address: String,
    status: u8,
    cause: u8,
    reason: u8,
    count: u64,
    first_id: String,
    last_id: String,
}

pack_struct!(Rollup {
    from,
    to,
    user,
    app,
    address,
    status,
    cause,
    reason,
    count,
    first_id,
    last_id
});

/// The roll-ups whose windows are open.
#[derive(Debug, Default)]
pub struct Rollups {
    /// By a hash of what they have in common.
    open: BTreeMap<u64, (u32, u64, Rollup)>,
    /// The same by the second at which the window closes, and their number.
    by_due: BTreeMap<(u32, u64), u64>,
    /// Numbers are given in the order in which windows were opened.
    next: u64,
    bytes: usize,
}

/// Bytes that a roll-up takes besides its texts.
const EACH_BYTES: usize = (size_of::<Rollup>() + 16) * 2 + 64;

impl Rollups {
    /// Roll-ups whose windows are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take, which is more than their text.
    pub fn bytes(&self) -> usize {
        self.bytes + 16
    }

    /// Counts a suppressed record. The first of its kind opens a window that closes at `due`. `at` is its event time;
    /// what has none counts as having happened when the newest record did.
    pub fn add(&mut self, record: &Record, class: &Class, reason: Reason, at: u32, due: u32) {
        let user = shortened(record.user());
        let app = record
            .text(Field::AppName)
            .or_else(|| record.text(Field::AppId));
        let (app, address) = (shortened(app), shortened(record.address()));
        let id = shortened(record.id());
        let key = hash64(
            &[
                user,
                app,
                address,
                class.status.label(),
                class.cause.label(),
                reason.label(),
            ]
            .join("\n"),
        );
        if let Some((_, _, rollup)) = self.open.get_mut(&key) {
            rollup.from = rollup.from.min(at);
            rollup.to = rollup.to.max(at);
            rollup.count += 1;
            self.bytes = self.bytes + id.len() - rollup.last_id.len();
            id.clone_into(&mut rollup.last_id);
            return;
        }
        let rollup = Rollup {
            from: at,
            to: at,
            user: user.to_owned(),
            app: app.to_owned(),
            address: address.to_owned(),
            status: class.status as u8,
            cause: class.cause as u8,
            reason: reason as u8,
            count: 1,
            first_id: id.to_owned(),
            last_id: id.to_owned(),
        };
        self.insert(key, due, rollup);
    }

    fn insert(&mut self, key: u64, due: u32, rollup: Rollup) {
        self.bytes += bytes_of(&rollup);
        self.by_due.insert((due, self.next), key);
        self.open.insert(key, (due, self.next, rollup));
        self.next += 1;
    }

    /// Appends the next roll-up whose window has closed at `now`, or that has to close early because there are too
    /// many. False where there is none.
    pub fn write_due(&mut self, now: u32, out: &mut String) -> bool {
        let Some((&(due, number), &key)) = self.by_due.first_key_value() else {
            return false;
        };
        let surplus = self.open.len() > ROLLUPS_MAX || self.bytes > ROLLUPS_BYTES_MAX;
        if due > now && !surplus {
            return false;
        }
        self.by_due.remove(&(due, number));
        let Some((_, _, rollup)) = self.open.remove(&key) else {
            return false;
        };
        self.bytes -= bytes_of(&rollup);
        write_line(&rollup, out);
        true
    }
}

fn bytes_of(rollup: &Rollup) -> usize {
    let texts = [
        &rollup.user,
        &rollup.app,
        &rollup.address,
        &rollup.first_id,
        &rollup.last_id,
    ];
    EACH_BYTES + texts.iter().map(|text| text.len()).sum::<usize>()
}

/// A text, cut off where a stranger made it long; empty where there is none.
fn shortened(text: Option<&str>) -> &str {
    let text = text.unwrap_or("");
    text.get(..text.floor_char_boundary(ROLLUP_TEXT_BYTES_MAX))
        .unwrap_or("")
}

fn write_line(rollup: &Rollup, out: &mut String) {
    let moment = |at: u32| {
        Moment {
            millis: i64::from(at) * 1000,
        }
        .text()
    };
    out.push_str("{\"signin_triage_rollup\":{\"version\":");
    write::number(out, i64::from(ROLLUP_VERSION));
    let label = |label: Option<&'static str>| label.unwrap_or("").to_owned();
    let status = Status::ALL
        .get(usize::from(rollup.status))
        .map(|status| status.label());
    let cause = Cause::ALL
        .get(usize::from(rollup.cause))
        .map(|cause| cause.label());
    let reason = Reason::ALL
        .get(usize::from(rollup.reason))
        .map(|reason| reason.label());
    for (start, text, always) in [
        (",\"from\":", moment(rollup.from), true),
        (",\"to\":", moment(rollup.to), true),
        (",\"user\":", rollup.user.clone(), false),
        (",\"app\":", rollup.app.clone(), false),
        (",\"ip\":", rollup.address.clone(), false),
        (",\"status\":", label(status), true),
        (",\"cause\":", label(cause), true),
        (",\"reason\":", label(reason), true),
    ] {
        member(out, start, &text, always);
    }
    out.push_str(",\"count\":");
    write::number(out, i64::try_from(rollup.count).unwrap_or(i64::MAX));
    member(out, ",\"first_id\":", &rollup.first_id, false);
    member(out, ",\"last_id\":", &rollup.last_id, false);
    out.push_str("}}\n");
}

/// Appends a member; nothing where the records did not say.
fn member(out: &mut String, start: &str, text: &str, always: bool) {
    if always || !text.is_empty() {
        out.push_str(start);
        write::string(out, text);
    }
}

impl Pack for Rollups {
    fn pack(&self, out: &mut String) {
        (self.by_due.len() as u64).pack(out);
        for (&(due, _), key) in &self.by_due {
            if let Some((_, _, rollup)) = self.open.get(key) {
                due.pack(out);
                key.pack(out);
                rollup.pack(out);
            }
        }
    }

    fn unpack(text: &mut &str) -> Result<Rollups, Damaged> {
        let mut rollups = Rollups::default();
        for _ in 0..u64::unpack(text)? {
            let due = u32::unpack(text)?;
            let key = u64::unpack(text)?;
            let rollup = Rollup::unpack(text)?;
            if rollups.open.contains_key(&key) {
                return Err(Damaged);
            }
            rollups.insert(key, due, rollup);
        }
        Ok(rollups)
    }
}
