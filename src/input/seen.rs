//! What came before comes again: members in the same order, policies in the same words.
//!
//! Most of a record is known before it is read. The members of a log follow one another in the same order in most
//! records, and a tenant's Conditional Access policies stand in every record of it. So what was read once is kept as
//! it stood, and compared first: a comparison takes a fraction of what reading takes, and is as strict, since the same
//! bytes at the same depth read the same. A guess that fails costs the comparison and changes nothing.
//!
//! What is kept is bounded, belongs to no record, and is part of no snapshot.

use super::keys::Keys;
use super::scan::Text;
use super::shapes::{Field, Member};
use super::slot::{PolicySlots, Slot, Source, offset};
use super::words::PolicyResult;

/// Names kept, of 100 bytes each. A record of Azure Monitor has about 90.
const NAMES_MAX: usize = 512;

/// What stands before a value: from the end of the value before it up to the value itself, or into a text's first
/// quote. The longest of Entra ID has 43 bytes.
type NameText = Text<6>;

struct Name {
    text: NameText,
    site: Site,
    ahead: Ahead,
    /// The names that came after it, and those that came first in its object or the objects of its array; of each the
    /// last one first.
    next: [[u16; 2]; 2],
    /// The stretches that stood after it, and its values where these are objects or arrays.
    stretches: [Likely; 2],
    /// A number that stands for the value it had in the last lesson, and in how many it did not change.
    value: u32,
    steady: u8,
}

/// Where a name can stand: what was learnt elsewhere can mean something else. One number, to be compared at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Site(usize);

impl Site {
    /// As the value of that member.
    pub(super) fn value_of(member: Option<&'static Member>) -> Site {
        const { assert!(align_of::<Member>() >= 2, "one bit of the address is free") };
        Site(member.map_or(0, |member| std::ptr::from_ref(member).addr()) | 1)
    }

    /// In an object whose members `keys` tells, in the line or in JSON text inside a string, where line ends are
    /// allowed; `first` of the object, or after a comma.
    pub(super) fn new(keys: &'static Keys, first: bool, source: Source) -> Site {
        const { assert!(align_of::<Keys>() >= 4, "two bits of the address are free") };
        // No site of a value is of a table, so that this bit can be shared.
        let nested = source != Source::Line;
        Site(std::ptr::from_ref(keys).addr() | usize::from(first) << 1 | usize::from(nested))
    }
}

/// What was found in front of a value.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// What the member is; `None` for one that nobody asks for.
    pub(super) member: Option<&'static Member>,
    /// Whether the value is a text and its first quote has been read.
    pub(super) in_text: bool,
    /// By which name it is kept.
    pub(super) name: u16,
}

/// Where in the order of names a reader is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    name: u16,
    /// 1 before the first member of the object, or an object of the array, of that name; 0 after the member.
    within: u8,
}

impl Place {
    /// Whether a member was read there.
    pub(super) fn is_after(self) -> bool {
        self.within == 0
    }

    /// Before the first member of the top-level object.
    pub(super) const TOP: Place = Place::within(0);

    /// Before the first member of the object, or an object of the array, of that name.
    pub(super) const fn within(name: u16) -> Place {
        Place { name, within: 1 }
    }

    /// After the member of that name.
    pub(super) const fn after(name: u16) -> Place {
        Place { name, within: 0 }
    }
}

/// The names of members in the order in which they came.
pub(super) struct Names {
    /// The first is nobody's: the whole line is within it.
    kept: Vec<Name>,
    /// For some hashes of names, where they are kept.
    index: Vec<u16>,
    /// Which one makes room for the next once all places are taken.
    oldest: usize,
    stretches: Vec<Stretch>,
    oldest_stretch: usize,
}

impl Default for Names {
    fn default() -> Names {
        let top = Name {
            text: Text::EMPTY,
            site: Site(0),
            ahead: Ahead {
                member: None,
                in_text: false,
                name: 0,
            },
            next: [[0; 2]; 2],
            stretches: [Likely::default(); 2],
            value: 0,
            steady: 0,
        };
        Names {
            kept: vec![top],
            index: vec![0; NAMES_MAX],
            oldest: 1,
            stretches: Vec::new(),
            oldest_stretch: 0,
        }
    }
}

impl Names {
    /// The name that stands at the start of `text`, if it is one that came at this place before, and its length.
    #[inline(always)]
    pub(super) fn guess(
        &mut self,
        text: &[u8],
        site: Site,
        place: &mut Place,
    ) -> Option<(Ahead, usize)> {
        let name = self.kept.get(usize::from(place.name))?;
        let next = *name.next.get(usize::from(place.within))?;
        let name = self.at(next[0], text, site);
        let name = match name {
            Some(name) => name,
            None => self.guess_again(next, text, site, *place)?,
        };
        *place = Place::after(name.ahead.name);
        Some((name.ahead, name.text.len()))
    }

    #[inline(never)]
    fn guess_again(
        &mut self,
        [last, other]: [u16; 2],
        text: &[u8],
        site: Site,
        place: Place,
    ) -> Option<&Name> {
        self.at(other, text, site)?;
        *self.next(place)? = [other, last];
        self.kept.get(usize::from(other))
    }

    /// What is kept as `name` where `text` begins with it.
    #[inline(always)]
    fn at(&self, name: u16, text: &[u8], site: Site) -> Option<&Name> {
        let name = self.kept.get(usize::from(name))?;
        (name.site == site && name.text.begins(text)).then_some(name)
    }

    fn next(&mut self, place: Place) -> Option<&mut [u16; 2]> {
        let name = self.kept.get_mut(usize::from(place.name))?;
        name.next.get_mut(usize::from(place.within))
    }

    /// Keeps a name that was read at `place`. One that is too long is not kept, and the place stays.
    pub(super) fn learn(&mut self, text: &[u8], site: Site, ahead: &mut Ahead, place: &mut Place) {
        let Some(text) = NameText::new(text) else {
            return;
        };
        let slot = (text.hash() >> 32) as usize % NAMES_MAX;
        let kept = self.index.get(slot).copied().unwrap_or(0);
        ahead.name = match self.kept.get(usize::from(kept)) {
            Some(name) if name.site == site && name.text == text => kept,
            _ => self.keep(text, site, *ahead, slot),
        };
        if let Some(next) = self.next(*place)
            && next[0] != ahead.name
        {
            *next = [ahead.name, next[0]];
        }
        *place = Place::after(ahead.name);
    }

    fn keep(&mut self, text: NameText, site: Site, ahead: Ahead, slot: usize) -> u16 {
        let at = self.kept.len();
        let at = if at < NAMES_MAX { at } else { self.oldest };
        #[expect(clippy::cast_possible_truncation, reason = "at most NAMES_MAX")]
        let number = at as u16;
        let name = Name {
            text,
            site,
            ahead: Ahead {
                name: number,
                ..ahead
            },
            next: [[0; 2]; 2],
            stretches: [Likely::default(); 2],
            value: 0,
            steady: 0,
        };
        if let Some(place) = self.kept.get_mut(at) {
            *place = name;
            self.oldest = at % (NAMES_MAX - 1) + 1;
        } else {
            self.kept.push(name);
        }
        if let Some(place) = self.index.get_mut(slot) {
            *place = number;
        }
        number
    }
}

/// Stretches kept, of 800 bytes each.
const STRETCHES_MAX: usize = 256;

/// Values of members that a stretch can hold.
const FIELDS_MAX: usize = 12;

/// The text of a stretch. A longer one is kept in parts.
type StretchText = Text<64>;

/// Text that stood in a record and comes again, and what it says.
struct Stretch {
    text: StretchText,
    site: Site,
    depth: u32,
    found: Found,
}

/// What a stretch says.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// The values in it, where they stand counted from its start.
    fields: [(Field, Slot); FIELDS_MAX],
    count: usize,
    /// The name of its last member.
    last: u16,
}

impl Found {
    /// What `fields` say, which stand in the line from `start` on. `None` where there are too many. `last`: the name of
    /// the last member.
    pub(super) fn new(fields: &[(Field, Slot)], start: usize, last: u16) -> Option<Found> {
        let mut found = Found {
            fields: [(Field::Id, Slot::default()); FIELDS_MAX],
            count: fields.len(),
            last,
        };
        for (place, (field, slot)) in found.fields.get_mut(..fields.len())?.iter_mut().zip(fields) {
            *place = (*field, slot.moved(offset(start).wrapping_neg()));
        }
        Some(found)
    }

    /// The values, in a stretch that begins at `start`.
    #[inline]
    pub(super) fn fields(&self, start: usize) -> impl Iterator<Item = (Field, Slot)> {
        let fields = self.fields.get(..self.count).unwrap_or(&[]);
        let by = offset(start);
        fields.iter().map(move |(field, slot)| (*field, slot.moved(by)))
    }
}

/// What is likely to come: the numbers of stretches, one more than their places, and how often they did of late.
#[derive(Clone, Copy, Default)]
struct Likely {
    stretches: [u16; LIKELY],
    luck: i8,
}

const LIKELY: usize = 4;

impl Names {
    /// The stretch that stands at the start of `text`, where a member named as at `place` was read or, within it, where
    /// its value stands: its length and what it says.
    #[inline]
    pub(super) fn stretch(&mut self, text: &[u8], site: Site, depth: u32, place: &mut Place) -> Option<(usize, &Found)> {
        let name = self.kept.get_mut(usize::from(place.name))?;
        let likely = name.stretches.get_mut(usize::from(place.within))?;
        if likely.stretches[0] == 0 {
            return None;
        }
        for at in 0..LIKELY {
            let which = usize::from(*likely.stretches.get(at)?);
            let Some(stretch) = which.checked_sub(1).and_then(|which| self.stretches.get(which)) else {
                break;
            };
            if stretch.site == site
                && stretch.depth == depth
                && stretch.text.begins(text)
                && !number_goes_on(text, stretch.text.len())
            {
                if at > 0 {
                    likely.stretches.swap(at, at - 1);
                }
                likely.luck = likely.luck.saturating_add(4);
                if place.within == 0 {
                    *place = Place::after(stretch.found.last);
                }
                return Some((stretch.text.len(), &stretch.found));
            }
        }
        likely.luck = likely.luck.saturating_sub(1);
        if likely.luck == i8::MIN {
            *likely = Likely::default();
        }
        None
    }

    /// Keeps a stretch, `text`, that stood at `place`.
    pub(super) fn learn_stretch(&mut self, text: &[u8], site: Site, depth: u32, found: Found, place: Place) {
        let Some(text) = StretchText::new(text) else {
            return;
        };
        let Some(name) = self.kept.get_mut(usize::from(place.name)) else {
            return;
        };
        let Some(likely) = name.stretches.get_mut(usize::from(place.within)) else {
            return;
        };
        let known = likely.stretches.iter().any(|which| {
            let stretch = usize::from(*which).checked_sub(1).and_then(|which| self.stretches.get(which));
            stretch.is_some_and(|stretch| stretch.site == site && stretch.depth == depth && stretch.text == text)
        });
        if known {
            return;
        }
        let stretch = Stretch { text, site, depth, found };
        let at = if self.stretches.len() < STRETCHES_MAX { self.stretches.len() } else { self.oldest_stretch };
        match self.stretches.get_mut(at) {
            Some(place) => {
                *place = stretch;
                self.oldest_stretch = (at + 1) % STRETCHES_MAX;
            }
            None => self.stretches.push(stretch),
        }
        let free = likely.stretches.iter().position(|&which| which == 0).unwrap_or(LIKELY - 1);
        if let (Some(place), Ok(number)) = (likely.stretches.get_mut(free), u16::try_from(at + 1)) {
            *place = number;
        }
    }

    /// Takes note of a member's value, and says whether it has stood unchanged over some lessons.
    pub(super) fn is_steady(&mut self, name: u16, value: &[u8]) -> bool {
        let hash = value.iter().fold(0x811c_9dc5_u32, |hash, &byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        let Some(name) = self.kept.get_mut(usize::from(name)) else {
            return false;
        };
        let same = name.value == hash;
        name.value = hash;
        name.steady = if same { name.steady.saturating_add(1) } else { 0 };
        name.steady >= STEADY
    }
}

/// Whether what stands at `end` could be more of a number: a stretch that ends with 4 is no beginning of 42. After
/// anything but a number it is an error, and reading finds that.
#[inline]
fn number_goes_on(text: &[u8], end: usize) -> bool {
    matches!(text.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
}

/// Lessons in which a value did not change before it counts as steady.
const STEADY: u8 = 2;

/// Policies kept, of 1 KiB each. Entra ID allows 240 in a tenant.
const POLICIES_KEPT: usize = 512;

/// Policies kept that begin alike; two can have one id, before and after a change.
const ALIKE: usize = 4;

/// Endings kept of a policy, from its result to its bracket.
const ENDINGS: usize = 4;

/// A policy up to its result. With a name of 60 letters and two controls it has 250 bytes.
type PolicyText = Text<64>;

/// A policy from its result on.
type EndingText = Text<12>;

/// What was found out about a policy when its result came.
#[derive(Clone, Copy)]
pub(super) struct Policy {
    /// Brackets open around it.
    pub(super) depth: u32,
    /// Where it stood.
    pub(super) source: Source,
    /// Where its name and controls are, counted from its `{`.
    pub(super) slots: PolicySlots,
    /// Whether multi-factor authentication is among its controls.
    pub(super) mfa: bool,
    /// Its result.
    pub(super) ahead: Ahead,
}

struct KeptPolicy {
    text: PolicyText,
    policy: Policy,
    endings: [(EndingText, PolicyResult); ENDINGS],
}

/// The texts of policies, each up to its result, which is what differs between two records, and how they end.
pub(super) struct Policies {
    kept: Vec<KeptPolicy>,
    /// For each hash of a beginning those that are kept, one more than their places.
    index: Vec<[u16; ALIKE]>,
}

impl Default for Policies {
    fn default() -> Policies {
        Policies {
            kept: Vec::new(),
            index: vec![[0; ALIKE]; POLICIES_KEPT / ALIKE],
        }
    }
}

/// Which policy, of those that are kept.
pub(super) type Which = usize;

/// A policy that was seen before.
pub(super) struct Recalled<'s> {
    pub(super) which: Which,
    pub(super) policy: &'s Policy,
    /// Bytes up to its result.
    pub(super) length: usize,
    /// If it ended like this before: its result, and all its bytes.
    pub(super) ending: Option<(PolicyResult, usize)>,
}

impl Policies {
    /// The policy that `text` begins with, if it was seen before.
    #[inline]
    pub(super) fn recall(&mut self, text: &[u8], depth: u32, source: Source) -> Option<Recalled<'_>> {
        let places = self.index.get(bucket(text)?)?;
        let which = places.iter().find_map(|&place| {
            let which = usize::from(place).checked_sub(1)?;
            let kept = self.kept.get(which)?;
            let policy = &kept.policy;
            let same = policy.depth == depth && policy.source == source && kept.text.begins(text);
            same.then_some(which)
        })?;
        let kept = self.kept.get_mut(which)?;
        let length = kept.text.len();
        let rest = text.get(length..).unwrap_or(&[]);
        let known = |(ending, _): &(EndingText, PolicyResult)| ending.len() > 0 && ending.begins(rest);
        let mut ending = None;
        if let Some(at) = kept.endings.iter().position(known) {
            let before = at.saturating_sub(1);
            kept.endings.swap(at, before);
            let (text, result) = &kept.endings[before];
            ending = Some((*result, length + text.len()));
        }
        Some(Recalled {
            which,
            policy: &kept.policy,
            length,
            ending,
        })
    }

    /// Keeps a policy up to its result, `text`. `None` where that is too long or too short.
    pub(super) fn learn(&mut self, text: &[u8], policy: Policy) -> Option<Which> {
        let places = self.index.get_mut(bucket(text)?)?;
        let kept = KeptPolicy {
            text: PolicyText::new(text)?,
            policy,
            endings: [(Text::EMPTY, PolicyResult::Unknown); ENDINGS],
        };
        places.rotate_right(1);
        let which = usize::from(places[0]).checked_sub(1);
        if let Some(place) = which.and_then(|which| self.kept.get_mut(which)) {
            *place = kept;
            return which;
        }
        self.kept.push(kept);
        places[0] = u16::try_from(self.kept.len()).ok()?;
        Some(self.kept.len() - 1)
    }

    /// Keeps how a policy ended, `text`.
    pub(super) fn learn_ending(&mut self, which: Which, text: &[u8], result: PolicyResult) {
        if let (Some(kept), Some(text)) = (self.kept.get_mut(which), EndingText::new(text)) {
            kept.endings.rotate_right(1);
            kept.endings[0] = (text, result);
        }
    }
}

/// By what a policy is found: its id, if that comes first, or the beginning of its name.
#[inline]
fn bucket(text: &[u8]) -> Option<usize> {
    let [_, one, two, three] = text.first_chunk::<32>()?.as_chunks::<8>().0 else {
        return None;
    };
    let [one, two, three] = [one, two, three].map(|word| u64::from_le_bytes(*word));
    let mixed = one ^ two.rotate_left(21) ^ three.rotate_left(42);
    Some((mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % (POLICIES_KEPT / ALIKE))
}
