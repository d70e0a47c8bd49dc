//! The reader against two others: itself without anything seen before, and a slow one that reads with `serde_json`.
//!
//! What came before is compared instead of read, so one reader goes through all lines here, each altered a little, as
//! the records of a log differ from one another, or broken. It has to find what a new one finds, and both what is found
//! in the tree that `serde_json` makes of the line.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::keys::Keys;
use super::record::{Found, PolicyTally, Record};
use super::shapes::{self, Field, Member, Part};
use super::words::{PolicyResult, truth_of};
use super::{Scratch, Skip, View, view};
use crate::classify::texts;

const MEMBER: &str = "signin_triage";

/// Any JSON, members in their order and as often as they stand.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;
            fn expecting(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
                out.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }
            #[expect(clippy::cast_precision_loss, reason = "compared as such")]
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            #[expect(clippy::cast_precision_loss, reason = "compared as such")]
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Number(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(Tree::Array(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Tree::Object(all))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// How a tree is written.
#[derive(Clone, Copy)]
struct Style {
    /// Before a name, and before and after a colon.
    blank: &'static str,
    /// Whether names are written with an escape.
    escapes: bool,
}

impl Tree {
    fn write(&self, style: Style, out: &mut String) {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let blank = style.blank;
        match self {
            Tree::Null => out.push_str("null"),
            Tree::Bool(value) => write!(out, "{value}").unwrap(),
            Tree::Number(value) => write!(out, "{value}").unwrap(),
            Tree::Text(text) => out.push_str(&quoted(text)),
            Tree::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    out.push_str(blank);
                    item.write(style, out);
                }
                out.push(']');
            }
            Tree::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    let mut name = quoted(name);
                    if style.escapes && name.is_ascii() && name.len() > 2 && !name.contains('\\') {
                        let first = name.remove(1);
                        name.insert_str(1, &format!("\\u{:04x}", u32::from(first)));
                    }
                    write!(out, "{blank}{name}{blank}:{blank}").unwrap();
                    value.write(style, out);
                }
                out.push_str(blank);
                out.push('}');
            }
        }
    }

    /// All values in it, itself first.
    fn values(&mut self) -> usize {
        1 + match self {
            Tree::Array(items) => items.iter_mut().map(Tree::values).sum(),
            Tree::Object(members) => members.iter_mut().map(|member| member.1.values()).sum(),
            _ => 0,
        }
    }

    /// Gives `alter` the value with that number.
    fn at(&mut self, number: &mut usize, alter: &mut dyn FnMut(&mut Tree)) {
        if *number == 0 {
            alter(self);
        }
        *number = number.wrapping_sub(1);
        match self {
            Tree::Array(items) => items.iter_mut().for_each(|item| item.at(number, alter)),
            Tree::Object(members) => {
                for member in members {
                    member.1.at(number, alter);
                }
            }
            _ => {}
        }
    }
}

/// What the slow reader found.
#[derive(Default)]
struct Slow {
    fields: Vec<(Field, Option<Tree>)>,
    steps: Vec<(String, String, Option<bool>)>,
    policies: Vec<(String, Option<String>)>,
    tally: PolicyTally,
    trusted: bool,
    /// A text that holds JSON which is not whole: how much of it counts is not asked here.
    unsure: bool,
}

fn text(tree: Option<&Tree>) -> String {
    match tree {
        Some(Tree::Text(text)) => text.clone(),
        Some(Tree::Bool(value)) => value.to_string(),
        Some(Tree::Number(value)) => value.to_string(),
        _ => String::new(),
    }
}

impl Slow {
    fn object(&mut self, keys: &'static Keys, members: &[(String, Tree)], nested: bool) {
        for (name, value) in members {
            if let Some(member) = keys.find(name) {
                self.member(member, value, nested);
            }
        }
    }

    fn keep(&mut self, field: Field, value: Option<Tree>) {
        let plain = |tree: &Tree| !matches!(tree, Tree::Array(_) | Tree::Object(_));
        self.fields.push((field, value.filter(plain)));
    }

    fn member(&mut self, member: &Member, value: &Tree, nested: bool) {
        match (member, value) {
            (Member::Object(keys) | Member::ObjectOrLeaf(keys, _), Tree::Object(members)) => {
                self.object(keys, members, nested);
            }
            (Member::Named(keys), Tree::Array(items)) => {
                for item in objects(items) {
                    let (mut name, mut of_it) = (String::new(), None);
                    for (part, value) in parts(&shapes::NAMED, item) {
                        match part {
                            Part::Name => name = text(Some(value)),
                            _ => of_it = Some(value.clone()),
                        }
                    }
                    if let Some(Member::Leaf(field)) = keys.find(&name) {
                        self.keep(*field, of_it);
                    }
                }
            }
            (Member::Steps, Tree::Array(items)) => {
                self.steps.clear();
                for item in objects(items) {
                    let mut step = (String::new(), String::new(), None);
                    for (part, value) in parts(&shapes::STEP, item) {
                        match part {
                            Part::StepMethod => step.0 = text(Some(value)),
                            Part::StepSucceeded => step.2 = truth_of(&text(Some(value))),
                            _ => step.1 = text(Some(value)),
                        }
                    }
                    self.steps.push(step);
                }
            }
            (Member::Policies, Tree::Array(items)) if self.tally.listed == 0 => {
                objects(items).for_each(|item| self.policy(item));
            }
            (Member::Networks, Tree::Array(items)) => {
                let trusted = ["trustednamedlocation", "trusted", "intranet"];
                self.trusted = objects(items).any(|item| {
                    parts(&shapes::NETWORK, item)
                        .any(|(_, kind)| trusted.contains(&&*text(Some(kind)).to_ascii_lowercase()))
                });
            }
            (Member::FirstOf(field), Tree::Array(items)) => {
                if let Some(first) = items.first() {
                    self.keep(*field, Some(first.clone()));
                }
            }
            (
                Member::Object(_)
                | Member::FirstOf(_)
                | Member::Named(_)
                | Member::Steps
                | Member::Policies
                | Member::Networks,
                Tree::Text(inner),
            ) if !nested && inner.starts_with(['{', '[']) => match serde_json::from_str(inner) {
                Ok(tree) => self.member(member, &tree, true),
                Err(_) => self.unsure = true,
            },
            (
                Member::Leaf(field) | Member::ObjectOrLeaf(_, field) | Member::FirstOf(field),
                value,
            ) => self.keep(*field, Some(value.clone())),
            _ => {}
        }
    }

    fn policy(&mut self, members: &[(String, Tree)]) {
        let (mut name, mut id, mut result) =
            (String::new(), String::new(), PolicyResult::default());
        let (mut mfa, mut custom) = (false, None::<String>);
        for (part, value) in parts(&shapes::POLICY, members) {
            match (part, value) {
                (Part::PolicyName, value) => name = text(Some(value)),
                (Part::PolicyId, value) => id = text(Some(value)),
                (Part::PolicyResult, value) => result = PolicyResult::parse(&text(Some(value))),
                (_, Tree::Array(items)) => {
                    for item in items {
                        let control = text(Some(item));
                        let plain = !matches!(item, Tree::Null | Tree::Array(_) | Tree::Object(_));
                        if control.eq_ignore_ascii_case("mfa") {
                            mfa = true;
                        } else if plain
                            && !texts::is_builtin_control(&control)
                            && (custom.is_none() || texts::names_terms_of_use(&control))
                        {
                            custom = Some(control);
                        }
                    }
                }
                _ => {}
            }
        }
        self.tally.listed += 1;
        self.tally.satisfied += u32::from(result == PolicyResult::Success);
        self.tally.mfa_satisfied += u32::from(mfa && result == PolicyResult::Success);
        self.tally.mfa_not_applied += u32::from(mfa && result == PolicyResult::NotApplied);
        if result.is_unsatisfied() {
            self.policies
                .push((if name.is_empty() { id } else { name }, custom));
        }
    }

    /// Whether `record` says the same.
    fn check(&self, record: &Record, line: &str) {
        for &field in Field::ALL {
            let last = self.fields.iter().rev().find(|kept| kept.0 == field);
            let theirs = last.and_then(|kept| kept.1.as_ref());
            let same = match (record.found(field), theirs) {
                (Found::Absent, None) | (Found::Null, Some(Tree::Null)) => true,
                (Found::Value(ours), Some(Tree::Number(theirs))) => ours.parse() == Ok(*theirs),
                (Found::Empty, Some(theirs)) => {
                    text(Some(theirs)).is_empty() && *theirs != Tree::Null
                }
                (Found::Value(ours), Some(theirs)) => ours == text(Some(theirs)),
                _ => false,
            };
            assert!(
                same,
                "{field:?}: {:?}, not {theirs:?}: {line}",
                record.found(field)
            );
        }
        let steps: Vec<_> = record.steps().collect();
        assert_eq!(steps.len(), self.steps.len(), "{line}");
        for (ours, theirs) in steps.iter().zip(&self.steps) {
            assert!(texts_agree(ours.method, &theirs.0), "{line}");
            assert!(texts_agree(ours.detail, &theirs.1), "{line}");
            assert_eq!(ours.succeeded, theirs.2, "{line}");
        }
        let policies: Vec<_> = record.unsatisfied_policies().collect();
        assert_eq!(policies.len(), self.policies.len(), "{line}");
        for (ours, theirs) in policies.iter().zip(&self.policies) {
            assert!(texts_agree(ours.name, &theirs.0), "{line}");
            let controls = (ours.custom_control, theirs.1.as_deref());
            assert!(
                controls == (None, None)
                    || matches!(controls, (Some(a), Some(b)) if texts_agree(a, b)),
                "{line}"
            );
        }
        assert_eq!(record.policy_tally(), self.tally, "{line}");
        assert_eq!(record.is_network_trusted(), self.trusted, "{line}");
    }
}

/// Numbers are kept as they are written.
fn texts_agree(ours: &str, theirs: &str) -> bool {
    ours == theirs
        || ours
            .parse::<f64>()
            .is_ok_and(|number| number.to_string() == theirs)
}

fn objects(items: &[Tree]) -> impl Iterator<Item = &[(String, Tree)]> {
    items.iter().filter_map(|item| match item {
        Tree::Object(members) => Some(&**members),
        _ => None,
    })
}

fn parts<'t>(
    keys: &'static Keys,
    members: &'t [(String, Tree)],
) -> impl Iterator<Item = (Part, &'t Tree)> {
    members
        .iter()
        .filter_map(|(name, value)| match keys.find(name) {
            Some(Member::Part(part)) => Some((*part, value)),
            _ => None,
        })
}

/// All that a view holds, to be compared.
fn told(view: &Result<View, Skip>) -> String {
    match view {
        Err(skip) => format!("{skip:?}"),
        Ok(View::Envelope { length, array }) => format!("{length} {array:?}"),
        Ok(View::Record(record)) => {
            let fields = Field::ALL.iter().map(|&field| record.found(field));
            let fields: Vec<_> = fields.collect();
            let layout = record.layout();
            let cuts: Vec<_> = layout.cuts().collect();
            let steps: Vec<_> = record.steps().collect();
            let policies: Vec<_> = record.unsatisfied_policies().collect();
            format!(
                "{:?} {:?} {fields:?} {steps:?} {policies:?} {:?} {} {} {} {} {cuts:?} {}",
                record.shape(),
                record.category(),
                record.policy_tally(),
                record.is_network_trusted(),
                record.is_cut(),
                layout.end,
                layout.others,
                record.json(),
            )
        }
    }
}

/// One reader, through all lines.
struct Agreement {
    warm: Scratch,
    records: u32,
}

impl Agreement {
    fn read(&mut self, line: &str) {
        let mut cold = Scratch::default();
        let ours = view(line, MEMBER, &mut self.warm);
        let new = view(line, MEMBER, &mut cold);
        assert_eq!(told(&ours), told(&new), "{line}");

        let first = line.split('\n').next().unwrap_or("");
        let tree = serde_json::from_str::<Tree>(first);
        let grammar = serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok();
        let blank = first.trim_matches([' ', '\t', '\r']).is_empty();
        match &ours {
            Err(Skip::Empty) => assert!(blank, "{line}"),
            Err(Skip::NotJson) => assert!(!grammar, "{line}"),
            Err(Skip::TooDeep | Skip::BrokenEncoding) => assert!(tree.is_err(), "{line}"),
            Err(Skip::NotObject) => assert!(!matches!(tree, Ok(Tree::Object(_))), "{line}"),
            Err(Skip::TooLong) => unreachable!("none is"),
            Ok(_) | Err(Skip::NotSignIn | Skip::MemberTaken) => assert!(grammar, "{line}"),
        }
        // Numbers beyond any range are JSON, and no tree.
        if let (Ok(View::Record(record)), Ok(Tree::Object(members))) = (&ours, tree) {
            let mut slow = Slow::default();
            let others = members.into_iter().filter(|member| member.0 != MEMBER);
            slow.object(&shapes::TOP, &others.collect::<Vec<_>>(), false);
            if !slow.unsure {
                slow.check(record, line);
                self.records += 1;
            }
        }
    }
}

/// A value that a record could hold somewhere.
fn odd(rng: &mut TestRng) -> Tree {
    let texts = [
        "",
        "x",
        "Mfa",
        "true",
        "0",
        "failure",
        "notApplied",
        "\u{e4}\"\\\n",
        "{\"errorCode\":1}",
        "[{\"a\":[]}]",
        "{",
    ];
    match rng.random_range(0..8) {
        0 => Tree::Null,
        1 => Tree::Bool(rng.random_bool(0.5)),
        2 => Tree::Number(f64::from(rng.random_range(-3..60_000))),
        3 => Tree::Array(vec![]),
        4 => Tree::Object(vec![]),
        5 => Tree::Array(vec![odd(rng), odd(rng)]),
        6 => Tree::Object(vec![("result".into(), odd(rng)), ("id".into(), odd(rng))]),
        _ => Tree::Text(texts[rng.random_range(0..texts.len())].into()),
    }
}

fn alter(tree: &mut Tree, rng: &mut TestRng) {
    let mut number = rng.random_range(0..tree.values());
    let kind = rng.random_range(0..6);
    let value = odd(rng);
    let [one, other] = [rng.random_range(0..1000_usize), rng.random_range(0..1000)];
    tree.at(&mut number, &mut |tree| match tree {
        Tree::Object(members) if kind < 5 && !members.is_empty() => {
            let (one, other) = (one % members.len(), other % members.len());
            match kind {
                0 => members.swap(one, other),
                1 => drop(members.remove(one)),
                2 => members.insert(other, members[one].clone()),
                3 => members[one].1 = value.clone(),
                _ => members.insert(one, (MEMBER.into(), value.clone())),
            }
        }
        Tree::Array(items) if kind < 3 && !items.is_empty() => match kind {
            0 => drop(items.remove(one % items.len())),
            1 => items.push(items[one % items.len()].clone()),
            _ => items.push(value.clone()),
        },
        Tree::Text(text) if kind < 3 => text.push_str("\u{fc} 7"),
        // One that begins like the one that is expected.
        Tree::Number(number) if kind < 5 => *number = *number * 10.0 + 2.0,
        other => *other = value.clone(),
    });
}

#[test]
fn what_came_before_never_changes_what_a_record_says() {
    let examples = include_str!("../../examples/signins.ndjson");
    let mut lines: Vec<Tree> = Vec::new();
    for line in examples.lines() {
        lines.extend(serde_json::from_str(line));
    }
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let rng = runner.rng();
    let mut agreement = Agreement {
        warm: Scratch::default(),
        records: 0,
    };
    let styles = ["", "", "", "", " ", "\t "];
    for round in 0..4000 {
        let mut tree = lines[if round < 200 {
            round % 3
        } else {
            round % lines.len()
        }]
        .clone();
        // A few rounds as they are, so that much is expected, and then ever less so.
        for _ in 0..[0, 0, 1, 1, 2, 4][rng.random_range(0..6)] {
            alter(&mut tree, rng);
        }
        let style = Style {
            blank: styles[rng.random_range(0..styles.len())],
            escapes: rng.random_bool(0.05),
        };
        let mut line = String::new();
        tree.write(style, &mut line);
        // What stands behind a line is not looked at, whatever it is.
        line.push_str(["", "\n", "\r\n", "\n{\"a\":", " \n}"][rng.random_range(0..5)]);
        agreement.read(&line);
        if rng.random_bool(0.3) {
            let mut bytes = line.into_bytes();
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => bytes.truncate(at),
                1 => bytes[at] = rng.random_range(0x09..0x7f),
                _ => bytes.insert(at, b"\"\\{}[],:\n0 "[rng.random_range(0..11)]),
            }
            agreement.read(&String::from_utf8_lossy(&bytes));
        }
    }
    assert!(agreement.records > 2000, "{}", agreement.records);
}

/// Inside a string a line end is white space; in the line it is the end, whatever was read before.
#[test]
fn what_was_learnt_inside_a_string_is_not_known_in_the_line() {
    let policies = concat!(
        "[{\"id\":\"0f1d6c1e-2a34-4e0b-9f6d-3b1c8a70e501\",\n\"displayName\":\"CA001 for all\",",
        "\"enforcedGrantControls\":[\"Mfa\"],\"result\":\"notApplied\",\n\"conditionsSatisfied\":3,\"more\":[1,2,3,4]}]"
    );
    let steps = concat!(
        "[{\"authenticationStepDateTime\":\"2026-03-02T08:00:02\",\n\"authenticationMethod\":\"Password\",",
        "\"succeeded\":true,\"authenticationStepResultDetail\":\"Correct password\"}]"
    );
    let row = |policies: &str, steps: &str| {
        format!(
            "{{\"Type\":\"SigninLogs\",\"ResultType\":\"0\",\"ConditionalAccessPolicies\":{policies},\"AuthenticationDetails\":{steps}}}\n"
        )
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut agreement = Agreement {
        warm: Scratch::default(),
        records: 0,
    };
    for _ in 0..40 {
        agreement.read(&row(&quoted(policies), &quoted(steps)));
        agreement.read(&row(policies, "[]"));
        agreement.read(&row("[]", steps));
    }
    assert_eq!(agreement.records, 40);
}
