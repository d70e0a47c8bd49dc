//! From bytes to a record: lines, JSON, the member names of each wire shape, the reader, the record.

#[cfg(test)]
mod agreement;
pub mod json;
pub mod keys;
pub mod lines;
#[cfg(test)]
mod quirks;
pub mod reader;
pub mod record;
mod scan;
mod seen;
pub mod shapes;
mod slot;
pub mod words;

pub use reader::{Scratch, View, view};
pub use record::Record;

/// Why a line, or an element of an envelope, is passed on unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// Nothing but white space, or an envelope without records.
    Empty,
    /// Longer than [`crate::limits::LINE_BYTES_MAX`].
    TooLong,
    /// The grammar of JSON is broken.
    NotJson,
    /// JSON, but no object.
    NotObject,
    /// Nested deeper than [`crate::limits::DEPTH_MAX`].
    TooDeep,
    /// Half a surrogate pair. (Bytes that are not UTF-8 are the host's to pass by, under the same reason.)
    BrokenEncoding,
    /// A JSON object that is not a sign-in.
    NotSignIn,
    /// A sign-in that has a member of our member's name which is not ours; replacing it would lose it.
    MemberTaken,
}

impl Skip {
    /// All reasons, in the order in which they are counted.
    pub const ALL: [Skip; 8] = [
        Skip::Empty,
        Skip::TooLong,
        Skip::NotJson,
        Skip::NotObject,
        Skip::TooDeep,
        Skip::BrokenEncoding,
        Skip::NotSignIn,
        Skip::MemberTaken,
    ];

    /// The name under which it is counted and reported.
    pub fn label(self) -> &'static str {
        match self {
            Skip::Empty => "empty",
            Skip::TooLong => "too_long",
            Skip::NotJson => "not_json",
            Skip::NotObject => "not_object",
            Skip::TooDeep => "too_deep",
            Skip::BrokenEncoding => "broken_encoding",
            Skip::NotSignIn => "not_sign_in",
            Skip::MemberTaken => "member_taken",
        }
    }
}

impl From<json::Fault> for Skip {
    fn from(fault: json::Fault) -> Skip {
        match fault {
            json::Fault::NotJson => Skip::NotJson,
            json::Fault::TooDeep => Skip::TooDeep,
            json::Fault::BrokenEncoding => Skip::BrokenEncoding,
        }
    }
}
