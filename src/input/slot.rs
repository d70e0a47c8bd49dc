//! Where values stand: the reader fills slots, the record reads them.

use super::json::Span;

#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) span: Span,
    /// Our member stands before all others, so that the comma after it goes, and that has not been seen yet.
    pub(super) leading: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Source {
    #[default]
    Line,
    Unescaped,
    Nested,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Absent,
    Null,
    Value,
}

/// Where a value stands: 12 bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) source: Source,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Default)]
pub(super) struct StepSlots {
    pub(super) method: Slot,
    pub(super) detail: Slot,
    pub(super) succeeded: Option<bool>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct PolicySlots {
    pub(super) name: Slot,
    pub(super) id: Slot,
    pub(super) custom_control: Option<Slot>,
}

#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) line: &'a str,
    pub(super) unescaped: &'a str,
    pub(super) nested: &'a str,
}

impl<'a> Texts<'a> {
    pub(super) fn get(self, slot: Slot) -> &'a str {
        let text = match slot.source {
            Source::Line => self.line,
            Source::Unescaped => self.unescaped,
            Source::Nested => self.nested,
        };
        text.get(slot.start as usize..slot.end as usize)
            .unwrap_or("")
    }
}
