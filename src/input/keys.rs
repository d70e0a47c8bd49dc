//! Tables of member names, compared without regard to case and underscores.
//!
//! The same member is `userPrincipalName` in Azure Monitor and Graph, `UserPrincipalName` in Log Analytics,
//! `user_principal_name` in Elastic, and lower case throughout after some normalisers. One table serves all.

use super::shapes::Member;

/// A table of names, each with what the member of that name is.
pub struct Keys {
    rows: &'static [(&'static str, Member)],
    /// For each hash, one more than the row to look at first; 0 where there is none. Probed onwards.
    slots: [u8; SLOTS],
    /// Where names are looked for that are not in this table.
    also: Option<&'static Keys>,
}

const SLOTS: usize = 256;

impl Keys {
    /// Builds the table at compile time. Names are written in lower case without underscores.
    ///
    /// # Panics
    /// Of a table that is too full nothing is compiled.
    pub const fn new(rows: &'static [(&'static str, Member)]) -> Self {
        Keys::before(rows, None)
    }

    /// The same with a table in which the names are looked for that are not in this one.
    ///
    /// # Panics
    /// Of a table that is too full nothing is compiled.
    pub const fn before(
        rows: &'static [(&'static str, Member)],
        also: Option<&'static Keys>,
    ) -> Self {
        assert!(rows.len() < SLOTS / 2, "a fuller table probes for long");
        let mut slots = [0; SLOTS];
        let mut row = 0;
        while row < rows.len() {
            let mut slot = hash(rows[row].0) as usize;
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
            let number = row as u8 + 1;
            slots[slot] = number;
            row += 1;
        }
        Keys { rows, slots, also }
    }

    /// What the member called `key` is; `None` for a name that is not in the table.
    pub fn find(&self, key: &str) -> Option<&'static Member> {
        let hash = hash(key);
        let found = self.find_hashed(key, hash);
        found.or_else(|| self.also?.find_hashed(key, hash))
    }

    fn find_hashed(&self, key: &str, hash: u8) -> Option<&'static Member> {
        let mut slot = usize::from(hash);
        loop {
            let number = *self.slots.get(slot)?;
            let (name, member) = self.rows.get(usize::from(number).checked_sub(1)?)?;
            if same(key, name) {
                return Some(member);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The rows, for tests and documentation.
    #[cfg(test)]
    pub fn rows(&self) -> &'static [(&'static str, Member)] {
        self.rows
    }
}

/// A small hash of a name, blind to case and underscores: of its first two and last two letters, between which
/// all underscores stand. Two names that share them cost one more comparison.
pub const fn hash(key: &str) -> u8 {
    let bytes = key.as_bytes();
    let length = bytes.len();
    if length < 2 {
        return 0;
    }
    let letters = [bytes[0], bytes[1], bytes[length - 2], bytes[length - 1]];
    let word = u32::from_le_bytes(letters) | 0x2020_2020;
    (word.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// Whether `key` is `name`, which is in lower case without underscores.
fn same(key: &str, name: &str) -> bool {
    if key.len() == name.len() {
        return key.eq_ignore_ascii_case(name);
    }
    // Elastic's user_principal_name is longer.
    if key.len() < name.len() {
        return false;
    }
    let mut name = name.bytes();
    let letters = key.bytes().filter(|&byte| byte != b'_');
    letters
        .map(Some)
        .chain([None])
        .all(|letter| letter.map(|byte| byte.to_ascii_lowercase()) == name.next())
}

#[cfg(test)]
mod tests {
    use super::super::shapes::{PROPERTIES, TABLES};

    #[test]
    fn finds_a_name_in_every_spelling() {
        let rows = [
            ("userPrincipalName", true),
            ("UserPrincipalName", true),
            ("user_principal_name", true),
            ("userprincipalname", true),
            ("USER_PRINCIPAL_NAME", true),
            ("userPrincipalNam", false),
            ("userPrincipalNames", false),
            ("user principal name", false),
            ("", false),
            ("_", false),
        ];
        for (key, found) in rows {
            assert_eq!(PROPERTIES.find(key).is_some(), found, "{key}");
        }
    }

    #[test]
    fn every_row_is_found_under_its_own_name_and_once() {
        for table in TABLES {
            for (name, member) in table.rows() {
                assert_eq!(*name, name.to_ascii_lowercase().replace('_', ""));
                let found = table
                    .find(name)
                    .is_some_and(|found| std::ptr::eq(found, member));
                assert!(found, "{name} stands twice");
            }
        }
    }
}
