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

/// Texts of one list in the configuration, such as `suspicious_user_agent.extra_tools`: each is looked for in each record.
pub const TEXTS_MAX: usize = 500;

/// Entries of one list in the configuration, such as `bad_network.asns`.
pub const LIST_ITEMS_MAX: usize = 10_000;

/// Length of a single text in the configuration, in bytes.
pub const CONFIG_TEXT_BYTES_MAX: usize = 1024;

/// Size of a configuration, in bytes. Twice [`LIST_ITEMS_MAX`] addresses fit.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

// Positions within a line are kept as 32-bit numbers.
const _: () = assert!(LINE_BYTES_MAX < u32::MAX as usize);
