//! One sign-in as it is remembered: who, where and how as short hashes, when in seconds, what came of it as flags.

use super::Names;
use super::compact::{Reader, Writer};
use super::pack::{Damaged, pack_struct};
use super::sip;
use super::timeline::Happening;
use crate::classify::texts::Said;
use crate::classify::{Cause, Class, FirstFactor, Status};
use crate::input::Record;
use crate::input::shapes::Field;
use crate::input::words::mentions;

/// What came of a sign-in and how it was made, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traits(pub u32);

macro_rules! traits {
    ($($(#[$doc:meta])* $name:ident = $bit:literal,)*) => {
        impl Traits {
            $($(#[$doc])* pub const $name: Traits = Traits(1 << $bit);)*
        }
    };
}

traits! {
    /// Got in.
    SUCCESS = 0,
    /// Neither got in nor was refused.
    INTERRUPTED = 1,
    /// The password, or what stood in for it, was right.
    PROVED = 2,
    /// The password was wrong.
    WRONG = 3,
    /// A person was there.
    INTERACTIVE = 4,
    /// Nobody was there: a client went on by itself.
    NON_INTERACTIVE = 5,
    /// A second factor was given in this very record.
    MFA_GIVEN = 6,
    /// The second factor was satisfied by a claim of an earlier sign-in.
    MFA_CLAIMED = 7,
    /// The tenant manages the device, or the network is one that it trusts.
    OWN_PLACE = 8,
    /// A confidential client: its address is not where it was tried.
    CONFIDENTIAL = 9,
    /// A workload, not a person.
    WORKLOAD = 10,
    /// By device code, now or when the session began.
    DEVICE_CODE = 11,
    /// Refused by policy, risk or lockout.
    BLOCKED = 12,
    /// The second factor was declined or reported.
    DENIED = 13,
    /// The second factor was a code that is typed, not a prompt that is answered.
    TYPED_CODE = 15,
    /// An attempt at a second factor failed in whatever way.
    MFA_FAILED = 16,
    /// A later record of the same flow got in. The only trait that changes after the event.
    COMPLETED = 17,
    /// One factor was enough.
    SINGLE_FACTOR = 18,
    /// From a hosting network or an address that the operator lists as bad.
    LISTED = 19,
    /// The signals found it worth a look. Set after the event.
    ODD = 20,
}

impl Traits {
    /// Whether all of `others` are there.
    pub fn has(self, others: Traits) -> bool {
        self.0 & others.0 == others.0
    }

    /// Adds those of `others`, where `when`.
    pub fn set(&mut self, others: Traits, when: bool) {
        if when {
            self.0 |= others.0;
        }
    }
}

/// A sign-in as it is remembered. Hashes are 0 where the record does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Seconds since 1970.
    pub at: u32,
    /// The result code; 0 for success as well as for none.
    pub code: u32,
    /// Tells deliveries of the same record from other records: of request id, code and time. 0 where the record has no
    /// request id: it cannot be told from others then, and counts each time.
    pub id: u32,
    /// Entra's request id. An interrupt and the success that completes it can share one.
    pub request: u32,
    /// Correlation id.
    pub correlation: u32,
    /// The attempt: `originalRequestId`, else the request id.
    pub attempt: u32,
    /// Session id.
    pub session: u32,
    /// Application.
    pub app: u32,
    /// Resource asked for.
    pub resource: u32,
    /// User agent.
    pub agent: u32,
    /// User, in lower case.
    pub user: u32,
    /// Address.
    pub address: u32,
    /// Autonomous system number, or a hash of the address's /24 (IPv4) or /48 (IPv6) where that is not known.
    pub network: u32,
    /// Device id.
    pub device: u32,
    /// Country: its two letters as a number.
    pub country: u16,
    /// Latitude in hundredths of a degree; [`NO_DEGREES`] where not known.
    pub latitude: i16,
    /// Longitude in hundredths of a degree.
    pub longitude: i16,
    /// Why it ended as it did: the position in [`Cause::ALL`].
    pub cause: u8,
    /// What came of it.
    pub traits: u32,
}

/// No latitude.
pub const NO_DEGREES: i16 = i16::MIN;

pack_struct!(Event {
    at,
    code,
    id,
    request,
    correlation,
    attempt,
    session,
    app,
    resource,
    agent,
    user,
    address,
    network,
    device,
    country,
    latitude,
    longitude,
    cause,
    traits,
});

impl Happening for Event {
    fn at(&self) -> u32 {
        self.at
    }

    fn write(&self, before: &Event, out: &mut Writer) {
        let (now, mut before) = (self.words(), before.words());
        before[Event::ATTEMPT] = self.request;
        out.changes(&now, &before);
    }

    fn read(at: u32, before: &Event, from: &mut Reader) -> Result<Event, Damaged> {
        let mut words = before.words();
        let changed = from.changes(&mut words)?;
        let [
            id,
            request,
            correlation,
            code,
            cause,
            traits,
            app,
            mut attempt,
            resource,
            address,
            network,
            session,
            agent,
            country,
            latitude,
            longitude,
            device,
            user,
        ] = words;
        if changed & 1 << Event::ATTEMPT == 0 {
            attempt = request;
        }
        let degrees = |word| {
            u16::try_from(word)
                .map(u16::cast_signed)
                .map_err(|_| Damaged)
        };
        Ok(Event {
            at,
            code,
            id,
            request,
            correlation,
            attempt,
            session,
            app,
            resource,
            agent,
            user,
            address,
            network,
            device,
            country: u16::try_from(country).map_err(|_| Damaged)?,
            latitude: degrees(latitude)?,
            longitude: degrees(longitude)?,
            cause: u8::try_from(cause).map_err(|_| Damaged)?,
            traits,
        })
    }
}

impl Event {
    /// The place of the attempt among the words. It is mostly the request.
    const ATTEMPT: usize = 7;

    /// A sign-in of which nothing is said but the user.
    pub fn blank(user: u32) -> Event {
        Event {
            at: 0,
            code: 0,
            id: 0,
            request: 0,
            correlation: 0,
            attempt: 0,
            session: 0,
            app: 0,
            resource: 0,
            agent: 0,
            user,
            address: 0,
            network: 0,
            device: 0,
            country: 0,
            latitude: NO_DEGREES,
            longitude: NO_DEGREES,
            cause: 0,
            traits: 0,
        }
    }

    /// All but the time, what differs most between the sign-ins of a user first: seven bits of what has changed go into
    /// a byte.
    fn words(&self) -> [u32; 18] {
        [
            self.id,
            self.request,
            self.correlation,
            self.code,
            self.cause.into(),
            self.traits,
            self.app,
            self.attempt,
            self.resource,
            self.address,
            self.network,
            self.session,
            self.agent,
            self.country.into(),
            self.latitude.cast_unsigned().into(),
            self.longitude.cast_unsigned().into(),
            self.device,
            self.user,
        ]
    }

    /// Whether all of `traits` hold.
    pub fn is(&self, traits: Traits) -> bool {
        Traits(self.traits).has(traits)
    }

    /// Whether it ended for `cause`.
    pub fn caused_by(&self, cause: Cause) -> bool {
        self.cause == cause as u8
    }

    /// Whether it got in.
    pub fn is_success(&self) -> bool {
        self.is(Traits::SUCCESS)
    }

    /// Whether a person gave a second factor in this very record.
    pub fn is_second_factor_given(&self) -> bool {
        self.is(Traits::INTERACTIVE) && self.is(Traits::MFA_GIVEN)
    }

    /// Whether it was interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.is(Traits::INTERRUPTED)
    }

    /// Whether it was refused: neither a success nor interrupted.
    pub fn is_failure(&self) -> bool {
        !self.is_success() && !self.is_interrupted()
    }

    /// Whether the first factor was tried and refused.
    pub fn is_wrong_password(&self) -> bool {
        self.is(Traits::WRONG)
    }

    /// Whether this is the record that was remembered under `id`.
    pub fn is_delivery_of(&self, id: u32) -> bool {
        self.id != 0 && self.id == id
    }

    /// What repeats of a non-interactive sign-in have in common: application, address, resource, client, code
    /// and how it ended.
    pub fn kind(&self) -> u32 {
        let ended = self.traits & (Traits::SUCCESS.0 | Traits::INTERRUPTED.0);
        let client = mixed([self.agent, self.device, self.code, ended]);
        mixed([self.app, self.address, self.resource, client])
    }

    /// What is remembered of a record; `None` where it has no time, so that it has no place among others. `listed`:
    /// it came from a place that the configuration lists as bad.
    pub fn of(record: &Record, names: &Names, class: &Class, listed: bool) -> Option<Event> {
        let at = u32::try_from(record.at()?.secs()).ok()?;
        let told = class.told;
        let interactive = record.is_interactive();
        let mut traits = Traits::default();
        traits.set(Traits::SUCCESS, class.status == Status::Success);
        traits.set(Traits::INTERRUPTED, class.status == Status::Interrupted);
        traits.set(Traits::PROVED, class.first_factor == FirstFactor::Proved);
        traits.set(Traits::WRONG, class.first_factor == FirstFactor::Failed);
        traits.set(Traits::INTERACTIVE, interactive == Some(true));
        traits.set(Traits::NON_INTERACTIVE, interactive == Some(false));
        let claimed = told.has(Said::Satisfied);
        traits.set(Traits::MFA_GIVEN, told.has(Said::Completed));
        traits.set(Traits::MFA_CLAIMED, claimed);
        traits.set(
            Traits::OWN_PLACE,
            record.is_device_managed() || record.is_network_trusted(),
        );
        traits.set(Traits::CONFIDENTIAL, !record.is_address_of_caller());
        traits.set(Traits::WORKLOAD, record.is_workload());
        traits.set(
            Traits::DEVICE_CODE,
            record.is(Field::Protocol, "deviceCode")
                || record.is(Field::TransferMethod, "deviceCodeFlow"),
        );
        traits.set(Traits::LISTED, listed);
        traits.set(Traits::BLOCKED, class.blocked);
        traits.set(
            Traits::DENIED,
            class.cause == Cause::MfaDenied || (told.denial() && !told.completed_after_denial),
        );
        traits.set(
            Traits::MFA_FAILED,
            matches!(
                class.cause,
                Cause::MfaDenied | Cause::MfaFailed | Cause::UserAbandoned
            ),
        );
        let typed = |method: &str| {
            ["verification code", "text message", "oath", "otp"]
                .iter()
                .any(|word| mentions(method, word))
        };
        traits.set(
            Traits::TYPED_CODE,
            told.has(Said::WrongCode)
                || told.has(Said::TooManyCodes)
                || record.text(Field::MfaMethod).is_some_and(typed)
                || record.steps().any(|step| typed(step.method)),
        );
        traits.set(
            Traits::SINGLE_FACTOR,
            record.is(Field::Requirement, "singleFactorAuthentication"),
        );
        let hash = |field| record.text(field).map_or(0, hash32);
        let code = class.looked_up.unwrap_or(0);
        let request = record.id().map_or(0, hash32);
        let correlation = record
            .text(Field::CorrelationId)
            .or_else(|| record.text(Field::EnvelopeCorrelationId))
            .map_or(0, hash32);
        let address = record.address();
        let (latitude, longitude) = degrees(record).unwrap_or((NO_DEGREES, NO_DEGREES));
        Some(Event {
            at,
            code,
            id: match request {
                0 => 0,
                _ => mixed([request, code, at, correlation]),
            },
            request,
            correlation,
            attempt: match hash(Field::OriginalRequestId) {
                0 => request,
                attempt => attempt,
            },
            session: hash(Field::SessionId),
            app: record
                .text(Field::AppId)
                .or_else(|| record.text(Field::AppName))
                .map_or(0, hash32),
            resource: record
                .resource_id()
                .or_else(|| record.resource())
                .map_or(0, hash32),
            agent: hash(Field::UserAgent),
            user: names.user.map_or(0, folded),
            address: names.address.map_or(0, folded),
            network: record
                .asn()
                .or_else(|| address.and_then(neighbourhood))
                .unwrap_or(0),
            device: hash(Field::DeviceId),
            country: record.country().map_or(0, country_number),
            latitude,
            longitude,
            cause: class.cause as u8,
            traits: traits.0,
        })
    }
}

/// The key of an entry: a hash of a name without regard to ASCII case.
///
/// A keyed hash (`SipHash`) with fixed keys, so that the same lines give the same bytes and a snapshot of one machine goes on in
/// another.
pub fn hash64(text: &str) -> u64 {
    sip::of_text(text)
}

/// The same in 32 bits, for what is compared with a few others only; never 0.
pub fn hash32(text: &str) -> u32 {
    folded(hash64(text))
}

/// A hash in 32 bits; never 0.
pub(super) fn folded(hash: u64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of the bits are enough"
    )]
    let half = (hash ^ hash >> 32) as u32;
    half.max(1)
}

/// One hash of several.
fn mixed(parts: [u32; 4]) -> u32 {
    folded(sip::of_numbers(parts))
}

/// Two letters as a number; 0 for anything else.
pub fn country_number(text: &str) -> u16 {
    match *text.as_bytes() {
        [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
            u16::from_be_bytes([first.to_ascii_uppercase(), second.to_ascii_uppercase()])
        }
        _ => 0,
    }
}

/// The two letters again, for a sentence.
pub fn country_letters(number: u16) -> String {
    number
        .to_be_bytes()
        .iter()
        .map(|&letter| char::from(letter))
        .collect()
}

/// Where the autonomous system is not known: the /24 of an IPv4 address, the /48 of an IPv6 one.
fn neighbourhood(address: &str) -> Option<u32> {
    let bits = match address.parse().ok()? {
        std::net::IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
        std::net::IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => u64::from(v4.to_bits() >> 8),
            None => u64::try_from(v6.to_bits() >> 80).unwrap_or(0) | 1 << 63,
        },
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a network is compared with a few others only"
    )]
    let half = (bits ^ bits >> 29) as u32;
    // Beyond the autonomous system numbers in use.
    Some(half | 1 << 31)
}

/// Latitude and longitude in hundredths of a degree, about a kilometre; `None` where not known or out of range.
fn degrees(record: &Record) -> Option<(i16, i16)> {
    let read = |field, degrees_max: i16| {
        let text = record.text(field)?;
        // Hardly ever is there anything to be trimmed.
        let hundredths = hundredths(text).or_else(|| hundredths(text.trim()))?;
        (hundredths.abs() <= degrees_max * 100).then_some(hundredths)
    };
    let place = (read(Field::Latitude, 90)?, read(Field::Longitude, 180)?);
    // Off the coast of Africa: what some tables give where they know nothing.
    (place != (0, 0)).then_some(place)
}

/// A decimal number in hundredths, cut off; `None` for anything else, such as a number with an exponent.
fn hundredths(text: &str) -> Option<i16> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut number = 0;
    // Digits behind the point that are still looked at; `None` before the point.
    let mut wanted = None;
    for (at, byte) in digits.bytes().enumerate() {
        let more = match (byte, wanted) {
            (b'.', None) if at > 0 => {
                wanted = Some(2);
                false
            }
            (b'0'..=b'9' | b'.', Some(places)) => {
                wanted = Some(places.max(1) - 1);
                places > 0
            }
            (b'0'..=b'9', None) => true,
            _ => return None,
        };
        if more {
            number = number * 10 + i32::from(byte & 15);
        }
        if number > 100 * i32::from(i16::MAX) {
            return None;
        }
    }
    let number = match wanted.unwrap_or(2) {
        2 => number * 100,
        1 => number * 10,
        _ => number,
    };
    (!digits.is_empty()).then_some(sign * i16::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_without_regard_to_case_and_never_to_nothing() {
        assert_eq!(hash64("Ada@Contoso.example"), hash64("ada@contoso.EXAMPLE"));
        assert_ne!(hash64("ada"), hash64("adb"));
        let long = "x".repeat(1000);
        assert_ne!(hash64(&long), hash64(&long[1..]));
        assert_ne!(hash32(""), 0);
        // Fixed for all time: a snapshot holds them.
        assert_eq!(hash64("ada@contoso.example"), 17_992_054_019_687_332_283);
    }

    #[test]
    fn neighbours_share_a_network() {
        let rows = [
            ("192.0.2.1", "192.0.2.250", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("::ffff:192.0.2.1", "192.0.2.2", true),
            ("2001:db8:1::1", "2001:db8:1:ffff::2", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
        ];
        for (one, other, same) in rows {
            assert_eq!(
                neighbourhood(one) == neighbourhood(other),
                same,
                "{one} {other}"
            );
        }
        assert_eq!(neighbourhood("nowhere"), None);
    }

    #[test]
    fn countries_are_two_letters() {
        assert_eq!(country_number("de"), country_number("DE"));
        assert_eq!(country_letters(country_number("de")), "DE");
        for text in ["", "DEU", "D1", "é"] {
            assert_eq!(country_number(text), 0, "{text}");
        }
    }

    #[test]
    fn degrees_are_read_to_the_hundredth() {
        let rows = [
            ("52.52437", Some(5252)),
            ("-33.8", Some(-3380)),
            ("7", Some(700)),
            ("-0.5", Some(-50)),
            ("0", Some(0)),
            ("", None),
            ("x", None),
            (".5", None),
            ("-", None),
            ("5.", Some(500)),
            ("0.009", Some(0)),
            ("327.67", Some(32767)),
            ("327.68", None),
            ("328", None),
            ("1e3", None),
            ("99999", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in rows {
            assert_eq!(hundredths(text), expected, "{text}");
        }
    }
}
