//! Where values stand: the reader fills slots, the record reads them.

use super::json::Span;
use super::record::Found;
use super::shapes::Field;
use super::words::truth_of;

#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) span: Span,
    /// Our member stands before all others, so that the comma after it goes, and that has not been seen yet.
    pub(super) leading: bool,
}

/// Which text a value stands in.
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
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) source: Source,
    pub(super) kind: Kind,
}

impl Slot {
    /// The same `by` bytes further on; to move back, the two's complement.
    pub(super) fn moved(self, by: u32) -> Slot {
        Slot {
            start: self.start.wrapping_add(by),
            end: self.end.wrapping_add(by),
            ..self
        }
    }

    /// Whether it has no text, or one that stands in `source`.
    pub(super) fn is_of(&self, source: Source) -> bool {
        self.kind != Kind::Value || self.source == source
    }

    /// The place of a value that is there.
    pub(super) fn of(span: Span, source: Source) -> Slot {
        Slot {
            start: offset(span.start),
            end: offset(span.end),
            source,
            kind: Kind::Value,
        }
    }
}

/// A position as slots keep it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a line is no longer than LINE_BYTES_MAX, which fits"
)]
pub(super) fn offset(at: usize) -> u32 {
    at as u32
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StepSlots {
    pub(super) method: Slot,
    pub(super) detail: Slot,
    pub(super) succeeded: Option<bool>,
}

impl StepSlots {
    /// Whether all that is known of it stands in `source`.
    pub(super) fn are_of(&self, source: Source) -> bool {
        self.method.is_of(source) && self.detail.is_of(source)
    }

    /// The same `by` bytes further on; to move back, the two's complement.
    pub(super) fn moved(self, by: u32) -> StepSlots {
        StepSlots {
            method: self.method.moved(by),
            detail: self.detail.moved(by),
            ..self
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PolicySlots {
    pub(super) name: Slot,
    pub(super) id: Slot,
    pub(super) custom_control: Option<Slot>,
}

impl PolicySlots {
    /// Whether all that is known of it stands in `source`.
    pub(super) fn are_of(&self, source: Source) -> bool {
        let control = self.custom_control.is_none_or(|slot| slot.is_of(source));
        self.name.is_of(source) && self.id.is_of(source) && control
    }

    /// The same `by` bytes further on; to move back, the two's complement.
    pub(super) fn moved(self, by: u32) -> PolicySlots {
        PolicySlots {
            name: self.name.moved(by),
            id: self.id.moved(by),
            custom_control: self.custom_control.map(|slot| slot.moved(by)),
        }
    }
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

/// All fields of a record: what its shape and category are told by, and what [`super::Record`] answers from.
pub(super) struct Fields<'a> {
    pub(super) texts: Texts<'a>,
    pub(super) slots: &'a [Slot; Field::COUNT],
}

impl<'a> Fields<'a> {
    pub(super) fn found(&self, field: Field) -> Found<'a> {
        let slot = self.slots.get(field as usize).copied().unwrap_or_default();
        match slot.kind {
            Kind::Absent => Found::Absent,
            Kind::Null => Found::Null,
            Kind::Value => match self.texts.get(slot) {
                "" => Found::Empty,
                text => Found::Value(text),
            },
        }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.found(field) != Found::Absent
    }

    pub(super) fn text(&self, field: Field) -> Option<&'a str> {
        match self.found(field) {
            Found::Value(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is(&self, field: Field, word: &str) -> bool {
        self.text(field)
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    pub(super) fn flag(&self, field: Field) -> Option<bool> {
        self.text(field).and_then(truth_of)
    }
}
