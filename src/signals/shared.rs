//! What several signals ask of a record: well-known ids, words of a user agent, and whether one factor was enough.
//!
//! Not a signal. What only one signal asks stands in that signal's file.
use super::why::{Why, why};
use super::{Case, Hit, Level, Remembered};
use crate::classify::texts::Said;
use crate::classify::{Cause, Status};
use crate::config::Opt;
use crate::input::Record;
use crate::input::shapes::Field;
use crate::input::words::mentions;
use crate::limits::{EVENTS_PER_USER, REFRESHES_PER_USER, TRACES_PER_ADDRESS};
use crate::state::Attack;
use crate::state::address::{Address, Trace};
use crate::state::event::{Event, Traits};
use crate::state::timeline::Seen;
use crate::state::user::{Before, Familiarity, Refresh, User};

/// Microsoft Authentication Broker: signs devices in and registers them; the client device-code phishing prefers.
pub(super) const BROKER: &str = "29d9ed98-a469-4536-ade2-f981bc1d605e";
/// Device Registration Service.
pub(super) const DEVICE_REGISTRATION: &str = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9";
/// "Windows Sign In": the logon screen. Conditional Access never applies to it.
const WINDOWS_SIGN_IN: &str = "38aa3b87-a06d-4817-b275-7a989988d93b";
/// Azure CLI.
pub(super) const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const MICROSOFT_GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const AZURE_AD_GRAPH: &str = "00000002-0000-0000-c000-000000000000";

/// Networks of hosting providers that were seen to register devices with stolen tokens: the 14 numbers of Elastic's
/// `persistence_entra_id_microsoft_auth_broker_drs_signin_from_suspicious_asn`.
pub(super) const HOSTING_ASNS: &[u32] = &[
    399629, 14061, 136787, 9009, 45102, 215540, 29802, 62240, 204957, 395092, 393406, 400940,
    59711, 132203,
];

/// What was refused, with the code where there is one: "blocked by policy (53003)".
pub(super) fn with_code(what: &'static str, code: Option<u32>) -> Why {
    match code {
        Some(code) => why!("{} ({})", what, code),
        None => what.into(),
    }
}

/// Whether an id is the well-known one, whatever the case of its letters. Most ids differ in their first eight digits.
pub(super) fn is_id(id: &str, known: &str) -> bool {
    let start = |id: &str| {
        id.as_bytes()
            .first_chunk::<8>()
            .copied()
            .map(u64::from_le_bytes)
    };
    // Letters in lower case, digits as they are.
    let folded = |id: &str| start(id).map(|start| start | 0x2020_2020_2020_2020);
    folded(id) == folded(known) && id.eq_ignore_ascii_case(known)
}

/// Whether the record is about the app of this id.
pub(super) fn is_app(record: &Record, known: &str) -> bool {
    record.text(Field::AppId).is_some_and(|id| is_id(id, known))
}

/// Whether the resource asked for is Microsoft Graph.
pub(super) fn asks_microsoft_graph(record: &Record) -> bool {
    is_resource(record, MICROSOFT_GRAPH) || record.is(Field::ResourceName, "Microsoft Graph")
}

/// Whether the resource asked for is the older Azure AD Graph, which logs call "Windows Azure Active Directory".
pub(super) fn asks_azure_ad_graph(record: &Record) -> bool {
    is_resource(record, AZURE_AD_GRAPH)
        || record.is(Field::ResourceName, "Windows Azure Active Directory")
}

/// Whether the resource asked for is the Device Registration Service.
pub(super) fn asks_device_registration(record: &Record) -> bool {
    is_resource(record, DEVICE_REGISTRATION)
        || record.is(Field::ResourceName, "Device Registration Service")
}

fn is_resource(record: &Record, id: &str) -> bool {
    record
        .resource_id()
        .is_some_and(|resource| is_id(resource, id))
}

/// Whether a user got in on one factor given just now, where a second one would have been possible.
///
/// Not so where an earlier sign-in is reused, where the one factor is worth two (Windows Hello, FIDO2, a certificate),
/// at the Windows logon screen, in a trusted network, and in refreshes, where nobody is asked anything.
pub(super) fn got_in_on_one_factor(case: &Case) -> bool {
    let record = case.record;
    let told = case.class.told;
    case.class.status == Status::Success
        && record.is(Field::Requirement, "singleFactorAuthentication")
        && !record.is_workload()
        && record.is_interactive() != Some(false)
        && !record.is_network_trusted()
        && !is_app(record, WINDOWS_SIGN_IN)
        && !record.is(Field::AppName, "Windows Sign In")
        && ![Said::Satisfied, Said::Completed, Said::FirstFactorReused]
            .iter()
            .any(|&said| told.has(said))
        && !told.passwordless
        && !record.steps().any(|step| is_strong(step.method))
}

/// Whether a method of authentication counts for two factors by itself.
fn is_strong(method: &str) -> bool {
    ["hello", "fido", "passkey", "certificate"]
        .iter()
        .any(|word| mentions(method, word))
}

/// Names to look for in a user agent.
pub(super) struct Words {
    list: &'static [&'static str],
    /// The position of the first name with a letter, plus one; 0 where no name begins with it.
    first: [u8; 26],
    /// For each name the next that begins with the same letter, in the same way.
    next: [u8; Words::MAX],
}

impl Words {
    /// Each name begins with a letter; of two that begin alike, the longer stands first.
    pub(super) const fn new(list: &'static [&'static str]) -> Words {
        let (mut first, mut next) = ([0; 26], [0; Words::MAX]);
        let mut at = list.len();
        assert!(at <= Words::MAX);
        while at > 0 {
            let Some(letter) = letter(list[at - 1].as_bytes()[0]) else {
                panic!("a name begins with a letter");
            };
            next[at - 1] = first[letter];
            first[letter] = at.to_le_bytes()[0];
            at -= 1;
        }
        Words { list, first, next }
    }

    /// Names in a list at the most.
    const MAX: usize = 32;

    /// The names that begin with a letter, in order.
    fn beginning_with(&self, byte: u8) -> impl Iterator<Item = &'static str> + '_ {
        let place = |number: &u8| usize::from(*number).checked_sub(1);
        let first = letter(byte).and_then(|letter| self.first.get(letter));
        let next = move |at: &usize| self.next.get(*at).and_then(place);
        let places = std::iter::successors(first.and_then(place), next);
        places.filter_map(|at| self.list.get(at).copied())
    }

    /// The first name that stands in `text` as a word of its own, without regard to ASCII case: `curl` is found in
    /// `curl/8.9.1` and in `libfoo-curl`, not in `Curlew/1.0` and not in `pycurl`.
    pub(super) fn find(&self, text: &str) -> Option<&'static str> {
        let bytes = text.as_bytes();
        let mut within = false;
        for (at, &byte) in bytes.iter().enumerate() {
            let begins = !within;
            within = byte.is_ascii_alphanumeric();
            if !begins {
                continue;
            }
            let rest = bytes.get(at..)?;
            let found = self.beginning_with(byte).find(|word| {
                rest.get(..word.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
                    && !rest.get(word.len()).is_some_and(u8::is_ascii_alphabetic)
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// The place of a letter in the alphabet, in either case; `None` for anything else.
const fn letter(byte: u8) -> Option<usize> {
    if byte.is_ascii_alphabetic() {
        Some((byte.to_ascii_lowercase() - b'a') as usize)
    } else {
        None
    }
}

/// How many different ones there are; 0 stands for "not known" and does not count.
pub(super) fn distinct(hashes: impl Iterator<Item = u32>) -> i64 {
    let mut different = Different::default();
    for hash in hashes {
        different.add(hash);
    }
    different.count()
}

/// Counts how many different hashes there are. Takes no memory of its own, and a few instructions for each hash; where
/// they are chosen to collide, so many for each that was added before, of which there are few.
pub(super) struct Different {
    /// 0 for a free one.
    slots: [u32; 256],
    count: usize,
}

impl Default for Different {
    fn default() -> Self {
        Different {
            slots: [0; 256],
            count: 0,
        }
    }
}

impl Different {
    /// More than the longest list of a user or address has entries. Beyond it the search for a free slot would become
    /// long, so no more are counted.
    const COUNT_MAX: usize = 192;

    /// Counts a hash that was not added before, and says whether it was not; 0 stands for "not known" and does not count.
    pub(super) fn add(&mut self, hash: u32) -> bool {
        const { assert!(TRACES_PER_ADDRESS < Different::COUNT_MAX) };
        const { assert!(EVENTS_PER_USER + REFRESHES_PER_USER < Different::COUNT_MAX) };
        if hash == 0 {
            return false;
        }
        // Networks are small numbers: Knuth's multiplier spreads them.
        let [mut place, ..] = hash.wrapping_mul(0x9e37_79b1).to_be_bytes();
        // There is always a free slot, and a byte is always the place of one.
        loop {
            let slot = &mut self.slots[usize::from(place)];
            if *slot == hash {
                return false;
            }
            if *slot == 0 {
                let counts = self.count < Different::COUNT_MAX;
                if counts {
                    *slot = hash;
                    self.count += 1;
                }
                return counts;
            }
            place = place.wrapping_add(1);
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.count).unwrap_or(i64::MAX)
    }
}

/// How many there are.
pub(super) fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

/// The hit of a record that comes within `window` of an attack.
pub(super) fn in_attack(
    case: &Case,
    attack: Attack,
    at: u32,
    level: &'static Level,
    window: &Opt,
) -> Option<Hit> {
    let secs = u32::try_from(case.config.int(window)).ok()?;
    if !attack.covers(at, secs) {
        return None;
    }
    let signal = super::ALL.get(usize::from(attack.signal))?;
    let minutes = at.abs_diff(attack.at) / 60;
    case.hit(level, why!("{} {} min before", signal.id, minutes))
}

/// Whether the user of a trace is a stranger at the address: had not got in from there before, nor did after.
pub(super) fn is_stranger(trace: &Trace) -> bool {
    !trace.guest && !trace.is(Traits::COMPLETED) && !trace.is(Traits::CONFIDENTIAL)
}

/// How many users are strangers at their address, among the `traces` that count.
pub(super) fn strangers(traces: &[Trace], counts: impl Fn(&Trace) -> bool) -> i64 {
    let strange = |trace: &&Trace| counts(trace) && is_stranger(trace);
    distinct(traces.iter().filter(strange).map(|trace| trace.user))
}

/// Some causes, to be told from others at once.
pub(super) struct Causes(u64);

impl Causes {
    pub(super) const fn of(causes: &[Cause]) -> Causes {
        const { assert!(Cause::ALL.len() <= 64) };
        let mut bits = 0;
        let mut rest = causes;
        while let [cause, after @ ..] = rest {
            bits |= 1 << *cause as u8;
            rest = after;
        }
        Causes(bits)
    }

    /// Whether `cause`, a position in [`Cause::ALL`], is among them.
    pub(super) fn have(&self, cause: u8) -> bool {
        self.0 >> (cause & 63) & 1 != 0
    }
}

/// Whether the user of a refused or interrupted record had got in from the address before it.
pub(super) fn is_insider(address: &Address, event: &Event) -> bool {
    let own = address.trouble.all().iter().rev();
    own.filter(|trace| trace.id == event.id)
        .any(|trace| trace.guest)
}

/// How many users but this one got in from the address within `secs` of its newest event.
pub(super) fn insiders(address: &Address, secs: i64, but: u32) -> i64 {
    let from = i64::from(address.trouble.clock()) - secs;
    let guests = address.guests.all().iter();
    count(guests.filter(|seen| seen.key != but && i64::from(seen.last) > from))
}

/// Whether the record shows that a user who is no guest of the address has the right password there: got in, or was
/// stopped after it. A session that goes on is none of that, and neither is a device or network of the tenant.
pub(super) fn stranger_has_password(case: &Case, address: &Address, event: &Event) -> bool {
    let renewed = || {
        let token = case.record.text(Field::IncomingToken);
        event.is(Traits::NON_INTERACTIVE)
            && token.is_some_and(|kind| !kind.is_empty() && !kind.eq_ignore_ascii_case("none"))
    };
    // Delivered twice, a success meets the guest that it made itself.
    let guest = || {
        let seen = address.guests.get(event.user);
        seen.is_some_and(|seen| seen.first < event.at)
    };
    (event.is_success() || event.is(Traits::PROVED))
        && ![
            Traits::OWN_PLACE,
            Traits::CONFIDENTIAL,
            Traits::WORKLOAD,
            Traits::MFA_CLAIMED,
        ]
        .iter()
        .any(|&other| event.is(other))
        && !is_earlier_session(case)
        && !renewed()
        && !guest()
}

/// Whether a network is Microsoft's own (Panther): its services at work, and its cloud desktops.
pub(super) fn is_microsoft(network: u32) -> bool {
    matches!(network, 8068 | 8069 | 8070 | 8075 | 12076)
}

/// Whether a person's first factor was right, and the address is where that was.
pub(super) fn is_through(event: &Event) -> bool {
    (event.is_success() || event.is(Traits::PROVED))
        && !event.is(Traits::CONFIDENTIAL)
        && !event.is(Traits::WORKLOAD)
}

/// Whether something is not the user's own, and the user is known well enough to tell.
pub(super) fn is_strange(familiarity: Familiarity) -> bool {
    matches!(familiarity, Familiarity::New | Familiarity::Fresh)
}

/// How well the network of a remembered sign-in was known to be the user's before that sign-in.
pub(super) fn network_at(user: &User, network: u32, at: u32) -> Familiarity {
    familiarity_at(user, user.networks.get(network), network, at)
}

fn familiarity_at(user: &User, seen: Option<Seen>, key: u32, at: u32) -> Familiarity {
    let seen = seen.filter(|seen| seen.first < at);
    Familiarity::of(
        key,
        seen.map(|seen| seen.is_settled()),
        user.has_history(at),
    )
}

/// How things stood before a record. What its first delivery made familiar is as new to the second delivery as it was
/// to the first.
pub(super) fn before((user, before, event): Remembered<User, Before>) -> Before {
    if !before.duplicate {
        return *before;
    }
    let country = u32::from(event.country);
    let judged = |seen, key| familiarity_at(user, seen, key, event.at);
    Before {
        network: judged(user.networks.get(event.network), event.network),
        country: judged(user.countries.get(country), country),
        app: judged(user.apps.get(event.app), event.app),
        device: judged(user.devices.get(event.device), event.device),
        ..*before
    }
}

/// Renewals of tokens from a network that is not the user's own.
pub(super) struct Renewals<'a> {
    pub user: &'a User,
    /// The one at hand.
    pub event: &'a Event,
    /// The first of them within the window.
    pub first: &'a Refresh,
    /// How many there are.
    pub count: i64,
}

/// The renewals within `window` from the network of a record that is one of them; `None` where it is none, where the
/// network or device is the user's own or the network Microsoft's, and where the record is older than the window.
pub(super) fn strange_renewals<'a>(case: &Case<'a>, window: &Opt) -> Option<Renewals<'a>> {
    let known = case.user()?;
    let (user, _, event) = known;
    let renewal = event.is_success() && event.is(Traits::NON_INTERACTIVE);
    if !renewal || event.network == 0 || !is_through(event) {
        return None;
    }
    let before = before(known);
    let own = event.is(Traits::OWN_PLACE) || before.device == Familiarity::Known;
    if own || !is_strange(before.network) || is_microsoft(event.network) {
        return None;
    }
    let secs = case.config.int(window);
    if i64::from(event.at) <= i64::from(user.refreshes.clock()) - secs {
        return None;
    }
    let here = user.refreshes.within(secs).iter();
    let mut here = here.filter(|other| other.network == event.network);
    Some(Renewals {
        user,
        event,
        first: here.next()?,
        count: 1 + count(here),
    })
}

/// Whether a client that is seen on `network` was used on another one lately: it has moved, or was there all along.
pub(super) fn is_client_of_elsewhere(user: &User, agent: u32, network: u32) -> bool {
    let same = |one: u32, at: u32| one == agent && at != 0 && at != network;
    let recent = user.recent.all().iter();
    let mut recent = recent.filter(|other| is_through(other));
    let mut refreshes = user.refreshes.all().iter();
    agent != 0
        && (recent.any(|other| same(other.agent, other.network))
            || refreshes.any(|other| same(other.agent, other.network)))
}

/// The first 80 characters, so that no `why` grows with what a stranger wrote.
pub(super) fn cut(text: &str) -> &str {
    const CHARACTERS_MAX: usize = 80;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or(""),
        None => text,
    }
}

/// The user's sign-ins within `window`; `None` where nothing is remembered or the record itself is older than that.
pub(super) fn lately<'a>(case: &Case<'a>, window: &Opt) -> Option<&'a [Event]> {
    let (user, _, event) = case.user()?;
    let secs = case.config.int(window);
    let from = i64::from(user.recent.clock()) - secs;
    (i64::from(event.at) > from).then(|| user.recent.within(secs))
}

/// Whether it came from a place of the user's own, going by what was known before `since`: what is first seen in the
/// course of an attack is not the user's, however it got in.
pub(super) fn is_own(user: &User, event: &Event, since: u32) -> bool {
    event.is(Traits::OWN_PLACE) || network_at(user, event.network, since) == Familiarity::Known
}

/// Whether it came from a place that is known not to be the user's. Of a user without history nothing is known but
/// that hosting providers are nobody's home; nor of an address that is not the caller's.
pub(super) fn is_foreign(user: &User, event: &Event, since: u32) -> bool {
    let network = network_at(user, event.network, since);
    let strange = is_strange(network) && user.has_history(since);
    (strange || (event.is(Traits::LISTED) && network != Familiarity::Known))
        && !event.is(Traits::OWN_PLACE)
        && !event.is(Traits::CONFIDENTIAL)
}

/// Whether the first factor was refused, or not even looked at because of earlier refusals.
pub(super) fn is_refused(event: &Event) -> bool {
    event.is_wrong_password() || event.caused_by(Cause::AccountLocked)
}

/// Whether it was refused to a device that keeps an old password and that the user carries about: the same user agent
/// was refused repeatedly at the user's own places within the last day.
pub(super) fn is_carried(user: &User, event: &Event) -> bool {
    // Once or twice is a slip in a common browser.
    const TIMES_MIN: i64 = 3;
    let alike = |one: &&Event| one.agent == event.agent && is_refused(one);
    let own = |one: &&Event| is_own(user, one, one.at);
    event.agent != 0 && count(user.recent.all().iter().filter(alike).filter(own)) >= TIMES_MIN
}

/// Whether a policy refused it, not risk and not a step on the way such as 50076 or 70043.
pub(super) fn is_policy_block(event: &Event) -> bool {
    const BLOCKS: Causes = Causes::of(&[Cause::PolicyBlock, Cause::CaDevice, Cause::CaApp]);
    event.is(Traits::BLOCKED) && BLOCKS.have(event.cause)
}

/// Whether the password was right and something else stopped it. Pages that come after all factors are no stop, and
/// where nobody was there it was a token that was right: 50072 and 50074 alone are never about one.
pub(super) fn is_stopped(event: &Event) -> bool {
    event.is(Traits::PROVED)
        && !event.is_success()
        && !event.is(Traits::WORKLOAD)
        && (!event.is(Traits::NON_INTERACTIVE) || matches!(event.code, 50072 | 50074))
        && STOPS.have(event.cause)
}

/// What stops a sign-in after a right password.
const STOPS: Causes = Causes::of(&[
    Cause::MfaRequired,
    Cause::MfaSetup,
    Cause::MfaFailed,
    Cause::MfaDenied,
    Cause::UserAbandoned,
    Cause::ExternalChallenge,
    Cause::TermsOfUse,
    Cause::CaDevice,
    Cause::CaApp,
    Cause::PolicyBlock,
    Cause::RiskBlock,
    Cause::PasswordChange,
    Cause::AccountRestricted,
]);

/// Whether the record goes on with a session of an earlier sign-in, so that nobody gave a password.
pub(super) fn is_earlier_session(case: &Case) -> bool {
    case.class.told.has(Said::FirstFactorReused) && !case.class.told.password_right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::words::begins;

    #[test]
    fn finds_whole_words_only() {
        let words = Words::new(&["curl", "go-http-client", "python", "hyper/"]);
        let rows = [
            ("curl/8.9.1", Some("curl")),
            ("CURL", Some("curl")),
            ("Mozilla/5.0 (compatible; curl)", Some("curl")),
            ("Go-http-client/1.1", Some("go-http-client")),
            ("python3.11", Some("python")),
            ("hyper/1.4", Some("hyper/")),
            ("Curlew/1.0", None),
            ("pycurl/7", None),
            ("hyper-v", None),
            ("hyper", None),
            ("cur", None),
            ("écurl", Some("curl")),
            ("", None),
        ];
        for (text, found) in rows {
            assert_eq!(words.find(text), found, "{text}");
        }
    }

    #[test]
    fn holds_begins_and_cut_survive_any_text() {
        assert!(mentions("Windows Hello for Business", "hello"));
        assert!(!mentions("hell", "hello") && !mentions("x", "") && !mentions("", "x"));
        assert!(begins("AXIOS/1", "axios") && !begins("ax", "axios") && !begins("é", "a"));
        let long = "é".repeat(81);
        assert_eq!(cut(&long).chars().count(), 80);
        assert_eq!(cut("short"), "short");
    }
}
