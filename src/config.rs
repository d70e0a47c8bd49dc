//! Options: one row each for key, unit, default, range and source; JSON in, a [`Config`] or all problems out.
//!
//! The rows feed parsing, messages, the JSON Schema and the README's table. An option of a signal stands in the
//! signal's file. Options are plain data passed in and do not change while a session is open.

pub(crate) mod tree;

use std::net::IpAddr;

use serde_json::json;

use crate::error::{Misfit, Problem};
use crate::input::shapes;
use crate::limits::{
    CONFIG_BYTES_MAX, CONFIG_TEXT_BYTES_MAX, LIST_ITEMS_MAX, SCORE_MAX, TEXTS_MAX,
};
use crate::signals;
use tree::Node;

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// The key, with dots between its parts. In JSON and TOML it may be nested or written with the dots.
    pub key: &'static str,
    /// What it sets, in a few words; of a number, its unit.
    pub unit: &'static str,
    /// Its type, default and range.
    pub kind: Kind,
    /// Where the default comes from: a rule, a document, or our reason.
    pub source: &'static str,
    /// Where the option is found, of its key.
    slot: Slot,
}

/// What a key hashes to, so that the value of an option is found without looking at its key. No two options have the
/// same, else this file does not compile.
#[derive(Debug, Clone, Copy)]
struct Slot(u32);

impl Slot {
    /// A power of two, many times the number of options: then a seed without collisions is soon found.
    const COUNT: usize = 8192;

    /// Chosen so that no two options share a slot. Where a new option makes two share one, count it up.
    const SEED: u32 = 4;

    /// The slot of a key: Fowler, Noll and Vo's hash (FNV-1a), upper bits.
    const fn of(key: &str) -> Slot {
        let mut hash = 0x811c_9dc5 ^ Slot::SEED;
        let mut rest = key.as_bytes();
        while let [byte, after @ ..] = rest {
            hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
            rest = after;
        }
        Slot(hash >> (u32::BITS - Slot::COUNT.trailing_zeros()))
    }
}

/// The type of an option, with its default and what is allowed.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number, both bounds allowed.
    Int {
        /// Taken where the key is absent.
        default: i64,
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// One of a few words.
    Word {
        /// Taken where the key is absent.
        default: &'static str,
        /// All of them.
        allowed: &'static [&'static str],
    },
    /// The name of a JSON member: 1 to 64 letters, digits and `_`.
    Name {
        /// Taken where the key is absent.
        default: &'static str,
    },
    /// A list of autonomous system numbers.
    Asns {
        /// Taken where the key is absent.
        default: &'static [u32],
    },
    /// A list of addresses and networks such as `192.0.2.0/24`; empty by default.
    Networks,
    /// A list of texts.
    Texts {
        /// Taken where the key is absent.
        default: &'static [&'static str],
    },
}

impl Opt {
    /// An option of any kind.
    pub const fn new(
        key: &'static str,
        unit: &'static str,
        kind: Kind,
        source: &'static str,
    ) -> Opt {
        Opt {
            key,
            unit,
            kind,
            source,
            slot: Slot::of(key),
        }
    }

    /// An option that holds the points of a signal's level.
    pub const fn points(key: &'static str, default: i64, source: &'static str) -> Opt {
        Opt::int(key, "points", default, (-SCORE_MAX, SCORE_MAX), source)
    }

    /// A whole number, both bounds allowed.
    pub const fn int(
        key: &'static str,
        unit: &'static str,
        default: i64,
        (min, max): (i64, i64),
        source: &'static str,
    ) -> Opt {
        Opt::new(key, unit, Kind::Int { default, min, max }, source)
    }

    /// The length of a sliding window of event time, in seconds; up to a day.
    pub const fn window(key: &'static str, default: i64, source: &'static str) -> Opt {
        Opt::int(key, "seconds", default, (10, 86_400), source)
    }

    /// What is allowed, with the unit, for a message.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Int { min, max, .. } => format!("{min} to {max} {}", self.unit),
            Kind::Word { allowed, .. } => allowed.join(" or "),
            Kind::Name { .. } => {
                "a name of 1 to 64 letters, digits and _ that sign-in records do not use".to_owned()
            }
            Kind::Asns { .. } => {
                format!("a list of at most {LIST_ITEMS_MAX} autonomous system numbers")
            }
            Kind::Networks => format!(
                "a list of at most {LIST_ITEMS_MAX} addresses or networks such as 192.0.2.0/24"
            ),
            Kind::Texts { .. } => {
                format!("a list of at most {TEXTS_MAX} texts of 1 to {CONFIG_TEXT_BYTES_MAX} bytes")
            }
        }
    }

    /// The default as JSON.
    pub fn default(&self) -> serde_json::Value {
        match self.kind {
            Kind::Int { default, .. } => json!(default),
            Kind::Word { default, .. } | Kind::Name { default } => json!(default),
            Kind::Asns { default } => json!(default),
            Kind::Networks => json!([]),
            Kind::Texts { default } => json!(default),
        }
    }
}

/// What happens to records that may leave the stream.
pub const MODE: Opt = Opt::new(
    "mode",
    "what becomes of noise",
    Kind::Word {
        default: "annotate",
        allowed: &["annotate", "filter"],
    },
    "annotate removes nothing, so it is safe to start with",
);

/// The name of the member that is added, unless the operator chooses another.
pub const MEMBER_DEFAULT: &str = "signin_triage";

/// The member that is added.
pub const MEMBER: Opt = Opt::new(
    "member",
    "name of the member that is added",
    Kind::Name {
        default: MEMBER_DEFAULT,
    },
    "the project's name",
);

/// Scores from here on are `review`.
pub const REVIEW_FROM: Opt = Opt::new(
    "review_from",
    "points",
    Kind::Int {
        default: 30,
        min: 1,
        max: SCORE_MAX,
    },
    "what one public rule would alert on by itself, or several smaller things together",
);

/// Scores from here on are `suspicious`.
pub const SUSPICIOUS_FROM: Opt = Opt::new(
    "suspicious_from",
    "points",
    Kind::Int {
        default: 60,
        min: 2,
        max: SCORE_MAX,
    },
    "two things that each deserve a look, or one that leaves little doubt",
);

/// How long an interrupted record waits for what becomes of it.
pub const HOLD_SECS: Opt = Opt::new(
    "hold_secs",
    "seconds of event time",
    Kind::Int {
        default: 0,
        min: 0,
        max: 3600,
    },
    "0 decides at once and delays nothing; prompts are answered within 600 as a rule",
);

/// How long suppressed records are gathered in one roll-up.
pub const ROLLUP_SECS: Opt = Opt::new(
    "rollup_secs",
    "seconds of event time",
    Kind::Int {
        default: 3600,
        min: 60,
        max: 86_400,
    },
    "an hour keeps the evidence fresh enough to be joined with alerts",
);

/// Users remembered at most.
pub const USERS_MAX: Opt = Opt::new(
    "users_max",
    "users",
    Kind::Int {
        default: 100_000,
        min: 1,
        max: 10_000_000,
    },
    "more than state_mib holds by default; the smaller of the two counts",
);

/// Addresses remembered at most.
pub const ADDRESSES_MAX: Opt = Opt::new(
    "addresses_max",
    "addresses",
    Kind::Int {
        default: 100_000,
        min: 1,
        max: 10_000_000,
    },
    "more than state_mib holds by default; the smaller of the two counts",
);

/// Memory for users and addresses.
pub const STATE_MIB: Opt = Opt::new(
    "state_mib",
    "MiB",
    Kind::Int {
        default: 16,
        min: 1,
        max: 1000,
    },
    "with records that wait, roll-ups, a snapshot and batches of a megabyte it stays below 64 MiB of linear memory; of which the tables are a quarter",
);

/// The options that are not a signal's.
pub static CORE: &[&Opt] = &[
    &MODE,
    &MEMBER,
    &REVIEW_FROM,
    &SUSPICIOUS_FROM,
    &HOLD_SECS,
    &ROLLUP_SECS,
    &USERS_MAX,
    &ADDRESSES_MAX,
    &STATE_MIB,
];

/// All options, in the order of the documentation.
pub fn options() -> impl Iterator<Item = &'static Opt> {
    let of_signals = signals::ALL.iter().flat_map(|signal| {
        let points = signal.levels.iter().map(|level| &level.points);
        points.chain(signal.options.iter().copied())
    });
    CORE.iter().copied().chain(of_signals)
}

/// For each slot the position in [`options`] of the option that has it.
static PLACES: [u16; Slot::COUNT] = places();

/// No option has this slot.
const NOWHERE: u16 = u16::MAX;

const fn places() -> [u16; Slot::COUNT] {
    let mut places = [NOWHERE; Slot::COUNT];
    let mut position = 0;
    let mut at = 0;
    while at < CORE.len() {
        position = place(&mut places, CORE[at], position);
        at += 1;
    }
    let mut at = 0;
    while at < signals::ALL.len() {
        let signal = signals::ALL[at];
        let mut level = 0;
        while level < signal.levels.len() {
            position = place(&mut places, &signal.levels[level].points, position);
            level += 1;
        }
        let mut option = 0;
        while option < signal.options.len() {
            position = place(&mut places, signal.options[option], position);
            option += 1;
        }
        at += 1;
    }
    places
}

/// Puts an option at its slot, and gives the next option's position back.
const fn place(places: &mut [u16; Slot::COUNT], opt: &Opt, position: u16) -> u16 {
    let slot = opt.slot.0 as usize;
    assert!(
        places[slot] == NOWHERE,
        "two options share a slot: try another `Slot::SEED`"
    );
    places[slot] = position;
    position + 1
}

/// The addresses of a network: the first and the last as 128 bits, IPv4 mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    first: u128,
    last: u128,
}

impl Network {
    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address; `None` where it is none of these.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let widest: u32 = if address.is_ipv4() { 32 } else { 128 };
        let free = widest
            .checked_sub(length.unwrap_or(widest))
            .map(low_bits)??;
        let bits = bits_of(address);
        Some(Network {
            first: bits & !free,
            last: bits | free,
        })
    }
}

/// A number whose lowest `free` bits are set; `None` for more than 128.
fn low_bits(free: u32) -> Option<u128> {
    match free {
        0 => Some(0),
        1..=128 => Some(u128::MAX >> (128 - free)),
        _ => None,
    }
}

/// Sorted and without overlaps, so that one search finds the only network that can hold an address.
fn merged(mut networks: Vec<Network>) -> Vec<Network> {
    networks.sort_unstable();
    let mut apart: Vec<Network> = Vec::with_capacity(networks.len());
    for network in networks {
        match apart.last_mut() {
            Some(before) if network.first <= before.last => {
                before.last = before.last.max(network.last);
            }
            _ => apart.push(network),
        }
    }
    apart
}

fn holds(networks: &[Network], address: IpAddr) -> bool {
    let bits = bits_of(address);
    let after = networks.partition_point(|network| network.first <= bits);
    after
        .checked_sub(1)
        .and_then(|at| networks.get(at))
        .is_some_and(|network| bits <= network.last)
}

/// An address as 128 bits, IPv4 mapped into IPv6.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
enum Setting {
    Int(i64),
    Text(String),
    Asns(Vec<u32>),
    Networks(Vec<Network>),
    Texts(Vec<String>),
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// One for each of [`options`], in that order.
    settings: Vec<Setting>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            settings: options().map(default_of).collect(),
        }
    }
}

impl Config {
    /// Reads a configuration. Empty text means all defaults.
    ///
    /// # Errors
    /// Every problem of the text, not the first one only.
    pub fn from_json(text: &str) -> Result<Config, Vec<Problem>> {
        let mut config = Config::default();
        if text.trim().is_empty() {
            return Ok(config);
        }
        if text.len() > CONFIG_BYTES_MAX {
            let text = format!("it is longer than {CONFIG_BYTES_MAX} bytes");
            return Err(vec![Problem::NotJson(text)]);
        }
        let node: Node = serde_json::from_str(text)
            .map_err(|error| vec![Problem::NotJson(error.to_string())])?;
        let Node::Object(members) = node else {
            let text = format!("found {}", node.shown());
            return Err(vec![Problem::NotJson(text)]);
        };
        let mut problems = Vec::new();
        let mut seen = Vec::new();
        for (key, value) in members {
            config.take(key, value, &mut seen, &mut problems);
        }
        if config.int(&REVIEW_FROM) >= config.int(&SUSPICIOUS_FROM) {
            let (review, suspicious) = (config.int(&REVIEW_FROM), config.int(&SUSPICIOUS_FROM));
            problems.push(Problem::Conflict {
                keys: [&REVIEW_FROM, &SUSPICIOUS_FROM]
                    .map(|opt| opt.key.to_owned())
                    .to_vec(),
                rule: format!("{review} is not smaller than {suspicious}"),
            });
        }
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }

    /// The same with `word` for the word option `opt`, whatever it was.
    #[must_use]
    pub(crate) fn with_word(mut self, opt: &Opt, word: &'static str) -> Config {
        self.set(opt, Setting::Text(word.to_owned()));
        self
    }

    /// The value of a number option.
    #[inline]
    pub fn int(&self, opt: &Opt) -> i64 {
        match (self.setting(opt), opt.kind) {
            (Some(Setting::Int(value)), _) => *value,
            (_, Kind::Int { default, .. }) => default,
            _ => 0,
        }
    }

    /// The value of a word or name option.
    #[inline]
    pub fn text(&self, opt: &Opt) -> &str {
        match (self.setting(opt), opt.kind) {
            (Some(Setting::Text(value)), _) => value,
            (_, Kind::Word { default, .. } | Kind::Name { default }) => default,
            _ => "",
        }
    }

    /// Whether the list of numbers holds `asn`.
    pub fn has_asn(&self, opt: &Opt, asn: u32) -> bool {
        matches!(self.setting(opt), Some(Setting::Asns(asns)) if asns.binary_search(&asn).is_ok())
    }

    /// Whether the list of networks holds `address`; false for a text that is no address.
    pub fn has_address(&self, opt: &Opt, address: &str) -> bool {
        let Some(Setting::Networks(networks)) = self.setting(opt) else {
            return false;
        };
        address
            .parse()
            .is_ok_and(|address| holds(networks, address))
    }

    /// Whether the list of networks is empty, as it is by default.
    pub fn has_no_networks(&self, opt: &Opt) -> bool {
        !matches!(self.setting(opt), Some(Setting::Networks(networks)) if !networks.is_empty())
    }

    /// The list of texts.
    pub fn texts(&self, opt: &Opt) -> &[String] {
        match self.setting(opt) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }

    #[inline]
    fn setting(&self, opt: &Opt) -> Option<&Setting> {
        self.settings.get(position(opt))
    }

    fn set(&mut self, opt: &Opt, setting: Setting) {
        if let Some(place) = self.settings.get_mut(position(opt)) {
            *place = setting;
        }
    }

    /// Takes over one member, going into objects until a key is an option's.
    fn take(
        &mut self,
        key: String,
        value: Node,
        seen: &mut Vec<&'static str>,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(opt) = options().find(|opt| opt.key == key) {
            if seen.contains(&opt.key) {
                problems.push(Problem::DuplicateKey(key));
                return;
            }
            seen.push(opt.key);
            match checked(opt, &value) {
                Ok(setting) => self.set(opt, setting),
                Err(found) => problems.extend(found),
            }
            return;
        }
        let begins = |opt: &&Opt| {
            opt.key
                .strip_prefix(key.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let group = options().any(|opt| begins(&opt));
        match value {
            Node::Object(members) if group => {
                for (part, value) in members {
                    self.take(format!("{key}.{part}"), value, seen, problems);
                }
            }
            _ if group => problems.push(Problem::WrongType(Misfit {
                found: value.shown(),
                allowed: "an object with options of that signal".to_owned(),
                key,
            })),
            Node::Object(members) if !members.is_empty() => {
                // Name each option below, so that a misspelt signal is found by its options.
                for (part, _) in members {
                    problems.push(unknown(&format!("{key}.{part}")));
                }
            }
            _ => problems.push(unknown(&key)),
        }
    }
}

/// The position of an option in [`options`]. Of an option that is named where it is asked for it is a constant.
#[inline]
fn position(opt: &Opt) -> usize {
    let place = PLACES.get(opt.slot.0 as usize);
    usize::from(place.copied().unwrap_or(NOWHERE))
}

fn default_of(opt: &Opt) -> Setting {
    match opt.kind {
        Kind::Int { default, .. } => Setting::Int(default),
        Kind::Word { default, .. } | Kind::Name { default } => Setting::Text(default.to_owned()),
        Kind::Asns { default } => Setting::Asns(sorted(default.to_vec())),
        Kind::Networks => Setting::Networks(Vec::new()),
        Kind::Texts { default } => {
            Setting::Texts(default.iter().map(|&text| text.to_owned()).collect())
        }
    }
}

/// The value as a setting of `opt`, or what is wrong with it.
fn checked(opt: &Opt, value: &Node) -> Result<Setting, Vec<Problem>> {
    let misfit = |found: &Node| Misfit {
        key: opt.key.to_owned(),
        found: found.shown(),
        allowed: opt.allowed(),
    };
    let wrong_type = |found: &Node| {
        let mut misfit = misfit(found);
        if let Kind::Int { .. } = opt.kind {
            misfit.allowed.insert_str(0, "a whole number, ");
        }
        Problem::WrongType(misfit)
    };
    let out_of_range = |found: &Node| Problem::OutOfRange(misfit(found));
    match (opt.kind, value) {
        (Kind::Int { min, max, .. }, Node::Int(number)) => {
            if (min..=max).contains(number) {
                Ok(Setting::Int(*number))
            } else {
                Err(vec![out_of_range(value)])
            }
        }
        (Kind::Word { allowed, .. }, Node::Text(text)) => {
            if allowed.contains(&text.as_str()) {
                Ok(Setting::Text(text.clone()))
            } else {
                Err(vec![out_of_range(value)])
            }
        }
        (Kind::Name { .. }, Node::Text(text)) => {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            // A record's own member of that name would be replaced.
            if plain && (1..=64).contains(&text.len()) && !shapes::is_known(text) {
                Ok(Setting::Text(text.clone()))
            } else {
                Err(vec![out_of_range(value)])
            }
        }
        (Kind::Asns { .. } | Kind::Networks, Node::Array(items))
            if items.len() > LIST_ITEMS_MAX =>
        {
            Err(vec![out_of_range(value)])
        }
        (Kind::Texts { .. }, Node::Array(items)) if items.len() > TEXTS_MAX => {
            Err(vec![out_of_range(value)])
        }
        (Kind::Asns { .. }, Node::Array(items)) => each(items, |item| match item {
            Node::Int(number) => u32::try_from(*number).map_err(|_| out_of_range(item)),
            _ => Err(wrong_type(item)),
        })
        .map(|asns| Setting::Asns(sorted(asns))),
        (Kind::Networks, Node::Array(items)) => each(items, |item| match item {
            Node::Text(text) => Network::parse(text).ok_or_else(|| out_of_range(item)),
            _ => Err(wrong_type(item)),
        })
        .map(|networks| Setting::Networks(merged(networks))),
        (Kind::Texts { .. }, Node::Array(items)) => each(items, |item| match item {
            Node::Text(text) if (1..=CONFIG_TEXT_BYTES_MAX).contains(&text.len()) => {
                Ok(text.clone())
            }
            Node::Text(_) => Err(out_of_range(item)),
            _ => Err(wrong_type(item)),
        })
        .map(Setting::Texts),
        _ => Err(vec![wrong_type(value)]),
    }
}

fn sorted(mut asns: Vec<u32>) -> Vec<u32> {
    asns.sort_unstable();
    asns
}

/// All items of a list, or the problems of all that have one.
fn each<T>(
    items: &[Node],
    check: impl Fn(&Node) -> Result<T, Problem>,
) -> Result<Vec<T>, Vec<Problem>> {
    let mut good = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    for item in items {
        match check(item) {
            Ok(value) => good.push(value),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(good)
    } else {
        Err(problems)
    }
}

fn unknown(key: &str) -> Problem {
    // TOML puts what stands below a table into it: `hold_secs` after `[mfa_denied]`.
    let last = key.rsplit_once('.').map(|(_, last)| last);
    let misplaced = options().find(|opt| Some(opt.key) == last);
    let nearest = options()
        .map(|opt| (distance(key, opt.key), opt.key))
        .min()
        // Farther than a third of the key it is another word, not a slip.
        .filter(|(distance, _)| *distance <= (key.len() / 3).max(2))
        .map(|nearest| nearest.1)
        .or(misplaced.map(|opt| opt.key))
        .map(str::to_owned);
    let key = tree::shown_key(key);
    Problem::UnknownKey { key, nearest }
}

/// How many letters must be put in, taken out or changed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    // A hostile configuration must not cost more than a long one.
    if one.len() > 4 * 64 {
        return usize::MAX;
    }
    let other = other.as_bytes();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut corner = at;
        let mut left = at + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, &wanted) in row.iter_mut().skip(1).zip(other) {
            let above = *cell;
            left = (corner + usize::from(letter != wanted))
                .min(above + 1)
                .min(left + 1);
            corner = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The JSON Schema of the configuration (draft 2020-12). `x-unit` and `x-source` are ours.
pub fn schema() -> String {
    let mut properties = serde_json::Map::new();
    for opt in options() {
        let mut schema = match opt.kind {
            Kind::Int { min, max, .. } => json!({"type":"integer","minimum":min,"maximum":max}),
            Kind::Word { allowed, .. } => json!({"enum":allowed}),
            Kind::Name { .. } => json!({"type":"string","pattern":"^[A-Za-z0-9_]{1,64}$"}),
            Kind::Asns { .. } => json!({
                "type":"array",
                "maxItems":LIST_ITEMS_MAX,
                "items":{"type":"integer","minimum":0,"maximum":u32::MAX},
            }),
            Kind::Networks => json!({
                "type":"array",
                "maxItems":LIST_ITEMS_MAX,
                "items":{"type":"string"},
            }),
            Kind::Texts { .. } => json!({
                "type":"array",
                "maxItems":TEXTS_MAX,
                "items":{"type":"string","minLength":1,"maxLength":CONFIG_TEXT_BYTES_MAX},
            }),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("default".to_owned(), opt.default());
            schema.insert("x-unit".to_owned(), json!(opt.unit));
            schema.insert("x-source".to_owned(), json!(opt.source));
        }
        match opt.key.split_once('.') {
            None => {
                properties.insert(opt.key.to_owned(), schema);
            }
            Some((group, key)) => {
                let group = properties.entry(group).or_insert_with(
                    || json!({"type":"object","additionalProperties":false,"properties":{}}),
                );
                if let Some(group) = group
                    .get_mut("properties")
                    .and_then(|of| of.as_object_mut())
                {
                    group.insert(key.to_owned(), schema);
                }
            }
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "signin-triage configuration",
        "description": "Every option is optional. The transform also takes \"a.b\": 1 for \"a\": {\"b\": 1}, which this schema does not describe.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problems(text: &str) -> Vec<String> {
        match Config::from_json(text) {
            Ok(_) => Vec::new(),
            Err(found) => found.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn names_every_problem_with_key_value_and_what_is_allowed() {
        let rows: [(&str, &[&str]); 19] = [
            ("", &[]),
            ("  \n", &[]),
            ("{}", &[]),
            (
                r#"{"review_from":20,"mfa_denied":{"fraud_points":90}}"#,
                &[],
            ),
            (r#"{"mfa_denied.fraud_points":90}"#, &[]),
            (
                r#"{"review_from":0}"#,
                &["review_from: found 0, allowed 1 to 100 points"],
            ),
            (
                r#"{"review_from":"30"}"#,
                &["review_from: found \"30\", allowed a whole number, 1 to 100 points"],
            ),
            (
                r#"{"review_from":30.5}"#,
                &["review_from: found 30.5, allowed a whole number, 1 to 100 points"],
            ),
            (
                r#"{"mode":"fitler"}"#,
                &["mode: found \"fitler\", allowed annotate or filter"],
            ),
            (
                r#"{"reveiw_from":10,"nonsense":1}"#,
                &[
                    "reveiw_from: unknown key, nearest is review_from",
                    "nonsense: unknown key",
                ],
            ),
            (
                r#"{"mfa_denyed":{"fraud_points":1}}"#,
                &["mfa_denyed.fraud_points: unknown key, nearest is mfa_denied.fraud_points"],
            ),
            (
                r#"{"mfa_denied":5}"#,
                &["mfa_denied: found 5, allowed an object with options of that signal"],
            ),
            (
                r#"{"review_from":70,"suspicious_from":60}"#,
                &["review_from, suspicious_from: 70 is not smaller than 60"],
            ),
            (
                r#"{"review_from":10,"review_from":20}"#,
                &["review_from: stands more than once"],
            ),
            (
                r#"{"mfa_denied":{"fraud_points":1},"mfa_denied.fraud_points":2}"#,
                &["mfa_denied.fraud_points: stands more than once"],
            ),
            (
                r#"{"member":"a b"}"#,
                &[
                    "member: found \"a b\", allowed a name of 1 to 64 letters, digits and _ that sign-in records do not use",
                ],
            ),
            (
                r#"{"member":"Properties"}"#,
                &[
                    "member: found \"Properties\", allowed a name of 1 to 64 letters, digits and _ that sign-in records do not use",
                ],
            ),
            (
                r#"{"bad_network":{"asns":["AS9009",9009,-1]}}"#,
                &[
                    "bad_network.asns: found \"AS9009\", allowed a list of at most 10000 autonomous system numbers",
                    "bad_network.asns: found -1, allowed a list of at most 10000 autonomous system numbers",
                ],
            ),
            ("[1]", &["not a JSON object: found [1]"]),
        ];
        for (text, expected) in rows {
            assert_eq!(problems(text), expected, "{text}");
        }
        assert!(
            problems("{\"a\":")
                .first()
                .unwrap()
                .contains("line 1 column")
        );
    }

    #[test]
    fn every_default_is_in_range_and_every_option_documented() {
        for opt in options() {
            let text = format!("{{\"{}\":{}}}", opt.key, opt.default());
            assert_eq!(problems(&text), [""; 0], "{}", opt.key);
            assert!(opt.source.len() > 10 && !opt.unit.is_empty(), "{}", opt.key);
            assert_eq!(options().filter(|other| other.key == opt.key).count(), 1);
        }
        assert_eq!(Config::from_json("{}").unwrap(), Config::default());
    }

    #[test]
    fn every_option_is_found_by_its_slot() {
        for (at, opt) in options().enumerate() {
            assert_eq!(position(opt), at, "{}", opt.key);
        }
        assert_eq!(
            position(&Opt::int("no_such", "", 0, (0, 0), "")),
            usize::from(NOWHERE)
        );
    }

    #[test]
    fn the_schema_is_json_and_names_every_option() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        for opt in options() {
            let path = format!("/properties/{}", opt.key.replace('.', "/properties/"));
            let entry = schema.pointer(&path).expect(opt.key);
            assert_eq!(entry["default"], opt.default());
        }
    }

    fn anything() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<f64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        let keys = options().flat_map(|opt| [opt.key, opt.key.split('.').next().unwrap_or("")]);
        let key = prop_oneof![
            prop::sample::select(keys.collect::<Vec<_>>()).prop_map(str::to_owned),
            "[a-z_.]{0,30}",
            any::<String>(),
        ];
        leaf.prop_recursive(3, 20, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::vec((key.clone(), inner), 0..5)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is thrown at it, it answers; and what it accepts holds values in range.
        #[test]
        fn no_configuration_makes_it_panic(value in anything(), noise in "\\PC{0,60}") {
            let _ = Config::from_json(&noise);
            match Config::from_json(&value.to_string()) {
                Ok(config) => {
                    prop_assert!(config.int(&REVIEW_FROM) < config.int(&SUSPICIOUS_FROM));
                    prop_assert!(!config.text(&MEMBER).is_empty());
                }
                Err(found) => {
                    prop_assert!(!found.is_empty());
                    for problem in found {
                        prop_assert!(!problem.to_string().contains(|c: char| c.is_control()));
                    }
                }
            }
        }
    }

    #[test]
    fn networks_hold_their_addresses() {
        let rows = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.0/24", "::ffff:192.0.2.1", true),
        ];
        for (network, address, inside) in rows {
            // Among others, of which some overlap.
            let others = ["10.0.0.0/8", "10.1.0.0/16", "2001:db7::/33", network];
            let networks = others.map(|text| Network::parse(text).unwrap());
            let networks = merged(networks.to_vec());
            assert_eq!(
                holds(&networks, address.parse().unwrap()),
                inside,
                "{address}"
            );
        }
        for text in [
            "",
            "192.0.2.0/33",
            "192.0.2/24",
            "x",
            "2001:db8::/129",
            "1.2.3.4/",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
