//! Every maximum of the transform: what it bounds, its unit, and what happens beyond it.
//!
//! A maximum that an operator may want to move is an option in [`crate::config`]; these are the fixed ones.

/// Longest line that is read, in bytes. A longer one leaves unchanged and is counted as `too_long`.
/// An Event Hub message, the largest thing Entra ID sends, is at most 1 MiB.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting that is read, in open brackets. A deeper line leaves unchanged and is counted as `too_deep`.
/// The same as that of `serde_json`, so that a line is refused here exactly when the common parser refuses it.
pub const DEPTH_MAX: u32 = 127;

/// Authentication steps kept per record. Real records hold one to six; later ones are passed over.
pub const STEPS_MAX: usize = 32;

/// Unsatisfied Conditional Access policies kept per record. Entra ID allows 240 policies in a tenant
/// and lists them all in every record, but few are unsatisfied at once; later ones are passed over.
pub const POLICIES_MAX: usize = 32;

/// Distinct users, and distinct addresses, that `stats` counts exactly; beyond it the count stands still.
/// 8 bytes of hash each, kept in a tree: about 2 MiB for both at the most.
pub const DISTINCT_MAX: usize = 1 << 16;

/// Points of a single signal, and the score of a record, stay within plus and minus this.
pub const SCORE_MAX: i64 = 100;

/// Lines and elements that one call of `process` names as rejected; `stats` counts them all. A megabyte of blank
/// lines would else come back as forty.
pub const REJECTED_MAX: usize = 10_000;

/// Bytes of a user agent that signals look at. Browsers' are 100 to 300 long.
pub const USER_AGENT_BYTES_MAX: usize = 1024;

/// User agents of which it is remembered what they say, where they are no longer than [`AGENT_KEPT_BYTES_MAX`]: with
/// them 350 kB at the most. One that comes when its place is taken is looked at once more.
pub const AGENTS_MAX: usize = 1024;

/// Bytes of a user agent that is remembered.
pub const AGENT_KEPT_BYTES_MAX: usize = 256;

/// Texts of one list in the configuration, such as `suspicious_user_agent.extra_tools`: each is looked for in each record.
pub const TEXTS_MAX: usize = 500;

/// Entries of one list in the configuration, such as `bad_network.asns`.
pub const LIST_ITEMS_MAX: usize = 10_000;

/// Length of a single text in the configuration, in bytes.
pub const CONFIG_TEXT_BYTES_MAX: usize = 1024;

/// Size of a configuration, in bytes. Twice [`LIST_ITEMS_MAX`] addresses fit.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Sign-ins remembered per user, those aside that are non-interactive and got in; 68 bytes each while the user's entry
/// lies open, some 10 to 25 packed ([`QUIET_EVENTS`]). The oldest makes room.
/// Twice the largest count that a public rule asks for on one user (Elastic's 30 failures) would be 60; few rules
/// ask for more than 20.
pub const EVENTS_PER_USER: usize = 48;

/// How long sign-ins are remembered one by one, in seconds: the longest window of a signal.
pub const EVENTS_SECS: u32 = 86_400;

/// Non-interactive sign-ins that got in, per user; 28 bytes each, some 4 to 10 packed. The oldest makes room.
pub const REFRESHES_PER_USER: usize = 32;

/// How long they are remembered one by one, in seconds.
pub const REFRESHES_SECS: u32 = 7200;

/// Sign-ins and renewals of a user, or traces and guests of an address, up to which an entry is kept packed
/// ([`crate::state::table`]). More packed would save bytes of users that are neither quiet nor many, and cost each of their records: with 12 a
/// record of the demo takes 4,000 instructions more than with none packed, with 32 it takes 12,000 more.
///
/// Bytes with a day of eight records, where a block is what is packed, 6 bytes and up to a multiple of 8:
///
/// | | slot | index | block | lost | in all |
/// |---|---|---|---|---|---|
/// | a user: 3 sign-ins, 5 renewals, 6 things known, 8 ids, 3 repeats | 20 | 10 | 219 | 14 | 263 |
/// | an address: 2 traces, 1 guest | 20 | 10 | 64 | 4 | 98 |
pub const QUIET_EVENTS: usize = 12;

/// Networks remembered per user; 16 bytes each, some 5 packed. The one unseen the longest makes room, the user's own last of all.
pub const NETWORKS_PER_USER: usize = 12;

/// Countries remembered per user; 16 bytes each.
pub const COUNTRIES_PER_USER: usize = 6;

/// Applications remembered per user; 16 bytes each.
pub const APPS_PER_USER: usize = 16;

/// Devices remembered per user; 16 bytes each.
pub const DEVICES_PER_USER: usize = 6;

/// Ids of records remembered per user, to know one that is delivered twice; 4 bytes each.
pub const DELIVERIES_PER_USER: usize = 64;

/// Kinds of non-interactive sign-ins remembered per user; 8 bytes each.
pub const REPEATS_PER_USER: usize = 32;

/// A non-interactive sign-in within so many seconds of one like it is a repeat. Access tokens live 60 to 90 minutes
/// (<https://learn.microsoft.com/entra/identity-platform/access-tokens>), so an hour would miss most renewals.
pub const REPEAT_SECS: u32 = 4 * 3600;

/// What a user got in from again after so many seconds counts as the user's own, and a user seen so long ago as known
/// well enough for something to be new. Public rules look back over 7 to 14 days; a day is what a restart can afford to forget.
pub const SETTLE_SECS: u32 = 86_400;

/// The same for what was first seen in what looked like an attack: as long as public rules look back.
pub const DOUBT_SECS: u32 = 14 * 86_400;

/// For so many seconds after an attack, what is new is not learnt as somebody's own.
pub const SHADOW_SECS: u32 = 3600;

/// A record so many seconds ahead of all others is not believed, until [`LEAPS_MIN`] in a row are: one wrong clock
/// would else make everything that follows too late to be remembered. Longer than a weekend.
pub const LEAP_SECS: u32 = 3 * 86_400;

/// See [`LEAP_SECS`]: a tenant that was silent over a holiday goes on with the third record.
pub const LEAPS_MIN: u8 = 3;

/// Interrupted and refused sign-ins remembered per address; 32 bytes each, some 10 to 20 packed. The oldest makes room.
pub const TRACES_PER_ADDRESS: usize = 96;

/// Users remembered per address who got in from there; 16 bytes each, some 10 packed. Offices of more are known by being full.
pub const GUESTS_PER_ADDRESS: usize = 256;

/// Tenants remembered. A provider of managed security has hundreds, and wants more than the default `state_mib`: a busy
/// tenant takes about 26 KiB.
pub const TENANTS_MAX: usize = 1024;

/// Refused sign-ins remembered per tenant; 28 bytes each. The oldest makes room.
pub const REFUSALS_PER_TENANT: usize = 512;

/// How long they are remembered, in seconds.
pub const REFUSALS_SECS: u32 = 3600;

/// Countries remembered per tenant; 16 bytes each. There are 249.
pub const COUNTRIES_PER_TENANT: usize = 256;

/// Networks remembered per tenant; 16 bytes each. Once one had to make room, none counts as new.
pub const NETWORKS_PER_TENANT: usize = 512;

/// Records held back at once in the mode with `hold_secs`. Beyond it the one that is due first leaves early, as `pending`.
pub const HELD_MAX: usize = 20_000;

/// Records of one user held back at once. A person has a few flows at a time.
pub const HELD_PER_USER: usize = 64;

/// Bytes of all records held back.
pub const HELD_BYTES_MAX: usize = 3 << 20;

/// Roll-ups open at once. Beyond it the one that closes first is written early.
pub const ROLLUPS_MAX: usize = 20_000;

/// Bytes of all open roll-ups.
pub const ROLLUPS_BYTES_MAX: usize = 3 << 20;

/// Bytes of a text within a roll-up: a user, an application, an address, an id.
pub const ROLLUP_TEXT_BYTES_MAX: usize = 256;

// Positions within a line are kept as 32-bit numbers.
const _: () = assert!(LINE_BYTES_MAX < u32::MAX as usize);
