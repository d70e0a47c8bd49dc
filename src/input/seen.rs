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
use super::shapes::Member;
use super::slot::{PolicySlots, Source};
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
}

/// Where a name can stand: what was learnt elsewhere can mean something else. One number, to be compared at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Site(usize);

impl Site {
    /// In an object whose members `keys` tells, in the line or in JSON text inside a string, where line ends are
    /// allowed; `first` of the object, or after a comma.
    pub(super) fn new(keys: &'static Keys, first: bool, source: Source) -> Site {
        const { assert!(align_of::<Keys>() >= 4, "two bits of the address are free") };
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
        };
        Names {
            kept: vec![top],
            index: vec![0; NAMES_MAX],
            oldest: 1,
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

impl Policies {
    /// The policy that `text` begins with, if it was seen before, and how many bytes of it are known.
    #[inline]
    pub(super) fn recall(
        &self,
        text: &[u8],
        depth: u32,
        source: Source,
    ) -> Option<(Which, Policy, usize)> {
        let places = self.index.get(bucket(text)?)?;
        places.iter().find_map(|&place| {
            let which = usize::from(place).checked_sub(1)?;
            let KeptPolicy {
                text: kept, policy, ..
            } = self.kept.get(which)?;
            let same = policy.depth == depth && policy.source == source && kept.begins(text);
            same.then_some((which, *policy, kept.len()))
        })
    }

    /// The result of a policy and the bytes up to its end, if it ended like that before.
    #[inline]
    pub(super) fn ending(&mut self, which: Which, text: &[u8]) -> Option<(PolicyResult, usize)> {
        let endings = &mut self.kept.get_mut(which)?.endings;
        let known =
            |(ending, _): &(EndingText, PolicyResult)| ending.len() > 0 && ending.begins(text);
        let at = endings.iter().position(known)?;
        if at > 0 {
            endings.swap(at, at - 1);
        }
        let (ending, result) = endings.get(at.saturating_sub(1))?;
        Some((*result, ending.len()))
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
