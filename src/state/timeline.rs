//! Recent happenings in the order of event time, at most so many and no older than so long.
//!
//! Records arrive late, shuffled and twice. A timeline puts each where it belongs, so a sequence is seen in the order
//! in which it happened, whatever the order of arrival. Its clock is the newest event it has seen: a window ends
//! there, and not at the record at hand, so that of a shuffled burst the record that arrives last sees all of it.

use super::compact::{Reader, Writer};
use super::pack::Damaged;
use crate::limits::{DOUBT_SECS, SETTLE_SECS};

/// Something that happened at a time, and that is much like what happened before it.
pub trait Happening: Sized {
    /// Seconds since 1970.
    fn at(&self) -> u32;

    /// Writes what differs from `before`, but for the time.
    fn write(&self, before: &Self, out: &mut Writer);

    /// Reads one that was written after `before`, and happened at `at`.
    ///
    /// # Errors
    /// The bytes are damaged.
    fn read(at: u32, before: &Self, from: &mut Reader) -> Result<Self, Damaged>;
}

/// Up to `MAX` happenings of the last `KEEP_SECS` seconds, in order of event time; of the same second in order of
/// arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline<T, const MAX: usize, const KEEP_SECS: u32> {
    items: Vec<T>,
    /// Newest event time seen; 0 before the first.
    clock: u32,
}

impl<T, const MAX: usize, const KEEP_SECS: u32> Default for Timeline<T, MAX, KEEP_SECS> {
    fn default() -> Self {
        Timeline {
            items: Vec::new(),
            clock: 0,
        }
    }
}

/// Room is made for so many at once: doubling would hold half of the memory in reserve.
const STEP: usize = 2;

impl<T: Happening, const MAX: usize, const KEEP_SECS: u32> Timeline<T, MAX, KEEP_SECS> {
    /// Puts in a happening. False where it is too late to be remembered.
    pub fn insert(&mut self, item: T) -> bool {
        let at = item.at();
        self.tick(at);
        if at < self.clock.saturating_sub(KEEP_SECS) {
            return false;
        }
        let place = self.items.partition_point(|other| other.at() <= at);
        if self.items.len() >= MAX {
            if place == 0 {
                return false;
            }
            self.items.remove(0);
            self.items.insert(place - 1, item);
            return true;
        }
        reserve(&mut self.items);
        self.items.insert(place, item);
        true
    }

    /// Moves the clock ahead and lets go of what has become too old.
    pub fn tick(&mut self, at: u32) {
        if at <= self.clock {
            return;
        }
        self.clock = at;
        let from = self.clock.saturating_sub(KEEP_SECS);
        let old = self.items.partition_point(|item| item.at() < from);
        if old > 0 {
            self.items.drain(..old);
        }
    }

    /// Newest event time seen, in seconds since 1970; 0 before the first.
    pub fn clock(&self) -> u32 {
        self.clock
    }

    /// All that is remembered, the oldest first.
    pub fn all(&self) -> &[T] {
        &self.items
    }

    /// The same to be changed; the event times must stay.
    pub fn all_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// What happened in the `secs` seconds up to the clock, the oldest first.
    pub fn within(&self, secs: i64) -> &[T] {
        let from = i64::from(self.clock) - secs;
        let start = self
            .items
            .partition_point(|item| i64::from(item.at()) <= from);
        self.items.get(start..).unwrap_or(&[])
    }
}

impl<T: Happening, const MAX: usize, const KEEP_SECS: u32> Timeline<T, MAX, KEEP_SECS> {
    /// Bytes behind pointers.
    pub(super) fn heap_bytes(&self) -> usize {
        bytes_of(&self.items)
    }

    /// Gives back the room of what was let go.
    pub(super) fn tidy(&mut self) {
        shrink(&mut self.items);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.clock = 0;
    }

    /// Writes all; `before` is like the first of them, and `now` is no earlier than the clock.
    pub(super) fn write(&self, now: u32, before: &T, out: &mut Writer) {
        out.number(now.wrapping_sub(self.clock));
        out.number(self.items.len() as u64);
        let Some(first) = self.items.first() else {
            return;
        };
        out.number(self.clock - first.at());
        let (mut at, mut before) = (first.at(), before);
        for item in &self.items {
            out.number(item.at() - at);
            item.write(before, out);
            (at, before) = (item.at(), item);
        }
    }

    /// Reads what [`Timeline::write`] wrote.
    pub(super) fn read(&mut self, now: u32, before: &T, from: &mut Reader) -> Result<(), Damaged> {
        self.items.clear();
        self.clock = now.wrapping_sub(from.number()?);
        let count = from.count(MAX)?;
        if count == 0 {
            return Ok(());
        }
        let age = from.number().ok().filter(|&age| age <= KEEP_SECS);
        let mut at = age
            .and_then(|age| self.clock.checked_sub(age))
            .ok_or(Damaged)?;
        for _ in 0..count {
            at = at.checked_add(from.number()?).ok_or(Damaged)?;
            let item = T::read(at, self.items.last().unwrap_or(before), from)?;
            self.items.push(item);
        }
        // Nothing that is remembered is newer than the clock.
        if at <= self.clock {
            Ok(())
        } else {
            Err(Damaged)
        }
    }
}

/// Makes room for one more.
pub(super) fn reserve<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact(STEP);
    }
}

/// Gives back the room of what was let go.
pub(super) fn shrink<T>(items: &mut Vec<T>) {
    items.shrink_to(items.len().next_multiple_of(STEP));
}

/// Bytes of a list for which [`reserve`] makes room, with what the allocator adds.
pub(super) fn bytes_of<T>(items: &[T]) -> usize {
    match items.len() {
        0 => 0,
        count => count.next_multiple_of(STEP) * size_of::<T>() + 12,
    }
}

/// Moves a first time, 0 for none yet, back to `at` where that is earlier: records arrive late.
pub(super) fn note_first(first: &mut u32, at: u32) {
    if *first == 0 || at < *first {
        *first = at;
    }
}

/// Something that can become familiar: a network, a country, an app, a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it is, as a hash or number; never 0.
    pub key: u32,
    /// When it was first seen, in seconds since 1970.
    pub first: u32,
    /// When it was last seen.
    pub last: u32,
    /// It was seen in a way that shows it to be the user's own, see [`super::user`].
    pub proved: bool,
    /// It was first seen in what looked like an attack: only time proves it then.
    pub doubted: bool,
}

impl Seen {
    /// Whether it is the user's own by now: proved, or used again a day and more after it was first seen. What was
    /// first seen in an attack takes two weeks.
    pub fn is_settled(&self) -> bool {
        let needed = if self.doubted {
            DOUBT_SECS
        } else {
            SETTLE_SECS
        };
        self.proved || self.last.saturating_sub(self.first) >= needed
    }
}

/// Up to `MAX` things seen; the one unseen the longest makes room for a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Familiar<const MAX: usize> {
    items: Vec<Seen>,
    /// Things let go to make room. Beyond 255 it stands still.
    let_go: u8,
}

impl<const MAX: usize> Familiar<MAX> {
    /// What is remembered of `key`; `None` where it was not seen. 0 stands for "not known" and is never there.
    pub fn get(&self, key: u32) -> Option<Seen> {
        self.items.iter().find(|seen| seen.key == key).copied()
    }

    /// Whether nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All that is remembered, in no particular order.
    pub fn all(&self) -> &[Seen] {
        &self.items
    }

    /// Whether something was let go, so that what is not here may have been seen all the same.
    pub fn is_full(&self) -> bool {
        self.let_go > 0
    }

    /// Takes note of `key`. Nothing happens for 0.
    pub fn note(&mut self, key: u32, at: u32, proved: bool) {
        if key == 0 {
            return;
        }
        if let Some(seen) = self.items.iter_mut().find(|seen| seen.key == key) {
            seen.first = seen.first.min(at);
            seen.last = seen.last.max(at);
            seen.proved |= proved && !seen.doubted;
            return;
        }
        let new = Seen {
            key,
            first: at,
            last: at,
            proved,
            doubted: false,
        };
        if self.items.len() < MAX {
            reserve(&mut self.items);
            self.items.push(new);
            return;
        }
        self.let_go = self.let_go.saturating_add(1);
        // What was proved to be the user's own stays longest: a stranger's many networks do not push it out.
        let place = self
            .items
            .iter_mut()
            .min_by_key(|seen| (seen.proved, seen.last));
        if let Some(place) = place {
            *place = new;
        }
    }
}

impl<const MAX: usize> Familiar<MAX> {
    /// Says that `key` was seen in what looked like an attack.
    pub fn doubt(&mut self, key: u32) {
        if let Some(seen) = self.items.iter_mut().find(|seen| seen.key == key) {
            seen.proved = false;
            seen.doubted = true;
        }
    }
}

impl<const MAX: usize> Familiar<MAX> {
    /// Things remembered.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes behind pointers.
    pub(super) fn heap_bytes(&self) -> usize {
        bytes_of(&self.items)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.let_go = 0;
    }

    /// Writes all; `now` is no earlier than what was seen last.
    pub(super) fn write(&self, now: u32, out: &mut Writer) {
        out.number(self.items.len() as u64 * 2 + u64::from(self.let_go > 0));
        if self.let_go > 0 {
            out.number(self.let_go);
        }
        for seen in &self.items {
            out.word(seen.key);
            out.number(now.wrapping_sub(seen.last));
            let known = u64::from(seen.last.wrapping_sub(seen.first));
            out.number(known << 2 | u64::from(seen.proved) << 1 | u64::from(seen.doubted));
        }
    }

    /// Reads what [`Familiar::write`] wrote.
    pub(super) fn read(&mut self, now: u32, from: &mut Reader) -> Result<(), Damaged> {
        self.items.clear();
        let count = from.count(MAX * 2 + 1)?;
        self.let_go = if count & 1 == 1 { from.number()? } else { 0 };
        for _ in 0..count / 2 {
            let key = from.word()?;
            let last = now.wrapping_sub(from.number()?);
            let known: u64 = from.number()?;
            let first = u32::try_from(known >> 2).map_err(|_| Damaged)?;
            self.items.push(Seen {
                key,
                first: last.wrapping_sub(first),
                last,
                proved: known & 2 != 0,
                doubted: known & 1 != 0,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::compact::Words;
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Tick(u32, char);

    impl Happening for Tick {
        fn at(&self) -> u32 {
            self.0
        }

        fn write(&self, _: &Tick, out: &mut Writer) {
            out.word(self.1.into());
        }

        fn read(at: u32, _: &Tick, from: &mut Reader) -> Result<Tick, Damaged> {
            let name = char::from_u32(from.word()?).ok_or(Damaged)?;
            Ok(Tick(at, name))
        }
    }

    type Line = Timeline<Tick, 4, 100>;

    fn shown(line: &Line) -> String {
        line.all().iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn keeps_order_bounds_and_age() {
        /// Time and name of each, what is left of them, and whether each was taken.
        type Row<'a> = (&'a [(u32, char)], &'a str, &'a str);
        let rows: [Row; 6] = [
            (&[], "", ""),
            (&[(10, 'a'), (30, 'c'), (20, 'b')], "abc", "yyy"),
            // The same second: in order of arrival.
            (&[(10, 'a'), (10, 'b'), (5, 'z')], "zab", "yyy"),
            // Full: the oldest makes room, and what is older than all is too late.
            (
                &[
                    (1, 'a'),
                    (2, 'b'),
                    (3, 'c'),
                    (4, 'd'),
                    (5, 'e'),
                    (1, 'f'),
                    (3, 'g'),
                ],
                "cgde",
                "yyyyyny",
            ),
            // Too old: let go, and not taken in.
            (
                &[(10, 'a'), (200, 'b'), (99, 'c'), (100, 'd')],
                "db",
                "yyny",
            ),
            (&[(10, 'a'), (110, 'b'), (111, 'c')], "bc", "yyy"),
        ];
        for (ticks, expected, taken) in rows {
            let mut line = Line::default();
            let answers: String = ticks
                .iter()
                .map(|&(at, name)| {
                    if line.insert(Tick(at, name)) {
                        'y'
                    } else {
                        'n'
                    }
                })
                .collect();
            assert_eq!((shown(&line).as_str(), answers.as_str()), (expected, taken));
        }
    }

    #[test]
    fn what_was_written_is_read_and_nothing_out_of_place() {
        let written = |line: &Line| {
            let mut out = Writer::default();
            line.write(200, &Tick(0, ' '), &mut out);
            out.bytes().to_vec()
        };
        let read = |bytes: &[u8]| {
            let mut line = Line::default();
            line.insert(Tick(7, 'x'));
            let words = &mut Words::default();
            let from = &mut Reader::new(bytes, words);
            line.read(200, &Tick(0, ' '), from)
                .and_then(|()| from.end())?;
            Ok(line)
        };
        let mut line = Line::default();
        for at in [90, 90, 91, 181, 120] {
            assert_eq!(read(&written(&line)), Ok(line.clone()));
            line.insert(Tick(at, 'a'));
        }
        let bytes = written(&line);
        assert_eq!(read(&bytes), Ok(line));
        // Five where four have room, and a time after the clock.
        let mut five = bytes.clone();
        five[1] = 5;
        let mut late = bytes;
        late[2] = 40;
        for bytes in [five, late] {
            assert_eq!(read(&bytes), Err(Damaged));
        }
    }

    #[test]
    fn windows_end_at_the_newest_event_and_leave_out_their_beginning() {
        let mut line = Line::default();
        for at in [50, 60, 61, 70] {
            line.insert(Tick(at, 'x'));
        }
        for (secs, count) in [
            (0, 0),
            (1, 1),
            (9, 1),
            (10, 2),
            (11, 3),
            (20, 3),
            (21, 4),
            (i64::MAX / 2, 4),
        ] {
            assert_eq!(line.within(secs).len(), count, "{secs}");
        }
    }

    #[test]
    fn the_own_stays_when_others_crowd_in() {
        let mut seen = Familiar::<3>::default();
        seen.note(0, 1, true);
        assert!(seen.is_empty());
        seen.note(7, 1, true);
        for key in 10..20 {
            seen.note(key, key, false);
        }
        assert!(seen.get(7).is_some_and(|own| own.proved && own.first == 1));
        assert!(seen.get(19).is_some() && seen.get(18).is_some() && seen.get(17).is_none());
        assert!(seen.is_full());
        seen.note(7, 50, false);
        assert_eq!(seen.get(7).map(|own| (own.first, own.last)), Some((1, 50)));
    }
}
