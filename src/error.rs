//! Configuration problems and their wording.
//!
//! A bad line is not an error and has no place here; see [`crate::input::Skip`].

use std::fmt;

/// One thing wrong with a configuration. All of them are reported together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The text is not JSON, or not a JSON object; the payload says where.
    NotJson(String),
    /// The key does not exist.
    UnknownKey {
        /// The key as found, with dots between its parts.
        key: String,
        /// The existing key that looks most like it; `None` where none is near.
        nearest: Option<String>,
    },
    /// The value is of another type than the key takes.
    WrongType(Misfit),
    /// The value is of the right type and outside its range.
    OutOfRange(Misfit),
    /// The key stands more than once.
    DuplicateKey(String),
    /// Two values that are fine by themselves and not together.
    Conflict {
        /// The keys concerned.
        keys: Vec<String>,
        /// What must hold between them.
        rule: String,
    },
}

/// A value that does not fit its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The key, with dots between its parts.
    pub key: String,
    /// The value as found, shortened where it is long.
    pub found: String,
    /// What would have been accepted, with the unit.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotJson(text) => write!(f, "not a JSON object: {text}"),
            Problem::UnknownKey { key, nearest: None } => write!(f, "{key}: unknown key"),
            Problem::UnknownKey {
                key,
                nearest: Some(nearest),
            } => write!(f, "{key}: unknown key, nearest is {nearest}"),
            Problem::WrongType(misfit) | Problem::OutOfRange(misfit) => write!(
                f,
                "{}: found {}, allowed {}",
                misfit.key, misfit.found, misfit.allowed
            ),
            Problem::DuplicateKey(key) => write!(f, "{key}: stands more than once"),
            Problem::Conflict { keys, rule } => write!(f, "{}: {rule}", keys.join(", ")),
        }
    }
}
