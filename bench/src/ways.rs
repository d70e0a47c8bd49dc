//! Each way to deal with a batch of lines: this transform, others that label, and those that only read.

use std::borrow::Cow;
use std::hint::black_box;

use anyhow::{Result, anyhow, ensure};
use host_test::Plugin;
use serde::Deserialize;
use sonic_rs::{JsonValueTrait as _, PointerTree};
use vrl::compiler::runtime::Runtime;
use vrl::compiler::{Program, TargetValue, TimeZone};
use vrl::value::{ObjectMap, Secrets, Value};

/// One way.
pub struct Way<'a> {
    /// As in the tables.
    pub name: &'static str,
    /// Takes whole lines, gives back how many bytes came of them; of one that writes nothing, how much it read.
    pub run: Box<dyn FnMut(&str) -> usize + 'a>,
}

/// Names of the ways, in the order of [`all`].
pub const NAMES: [&str; 9] = [
    "component in wasmtime",
    "the same code natively",
    "VRL, short script",
    "VRL, fuller script",
    "serde_json, 25 fields and splice",
    "serde_json, tree read and written",
    "sonic-rs, 25 fields and splice",
    "sonic-rs, 8 fields lazily",
    "simd-json, tape",
];

/// All ways, each with a session of its own where it remembers.
///
/// # Errors
/// The component does not start, or a script does not compile.
pub fn all(plugin: &Plugin) -> Result<Vec<Way<'_>>> {
    let mut component = plugin.open("").map_err(|error| anyhow!("{error:?}"))?;
    let mut native = signin_triage::Session::open(signin_triage::Config::default());
    let mut short = Vrl::new(SHORT)?;
    let mut full = Vrl::new(FULL)?;
    let runs: [Box<dyn FnMut(&str) -> usize + '_>; 9] = [
        Box::new(move |batch| component.process(batch).kept.len()),
        Box::new(move |batch| native.process(batch).kept.len()),
        Box::new(move |batch| short.run(batch).len()),
        Box::new(move |batch| full.run(batch).len()),
        Box::new(|batch| spliced(batch, |line| serde_json::from_str(line).ok())),
        Box::new(tree),
        Box::new(|batch| spliced(batch, |line| sonic_rs::from_str(line).ok())),
        Box::new(lazily),
        Box::new(tape),
    ];
    let ways = NAMES.into_iter().zip(runs);
    Ok(ways.map(|(name, run)| Way { name, run }).collect())
}

/// Status by code, three conditions.
pub const SHORT: &str = include_str!("../scripts/short.vrl");

/// Status, cause, and the signals that need no other record.
pub const FULL: &str = include_str!("../scripts/full.vrl");

/// A script as Vector runs it: an event with the line in `message`, the script's last value as the line to send.
pub struct Vrl {
    program: Program,
    runtime: Runtime,
}

impl Vrl {
    /// Compiles a script.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(script: &str) -> Result<Self> {
        let compiled = vrl::compiler::compile(script, &vrl::stdlib::all()).map_err(|problems| {
            anyhow!(vrl::diagnostic::Formatter::new(script, problems).to_string())
        })?;
        Ok(Vrl {
            program: compiled.program,
            runtime: Runtime::default(),
        })
    }

    /// Whole lines in, whole lines out. A line that fails leaves as it came, as Vector lets it.
    pub fn run(&mut self, batch: &str) -> String {
        let mut out = String::with_capacity(batch.len() + batch.len() / 8);
        for line in batch.lines() {
            let event = ObjectMap::from([("message".into(), Value::from(line))]);
            let mut target = TargetValue {
                value: Value::Object(event),
                metadata: Value::Object(ObjectMap::new()),
                secrets: Secrets::default(),
            };
            let zone = TimeZone::default();
            let resolved = self.runtime.resolve(&mut target, &self.program, &zone);
            self.runtime.clear();
            let text = resolved.as_ref().ok().and_then(Value::to_str_lossy);
            out.push_str(text.as_deref().unwrap_or(line));
            out.push('\n');
        }
        out
    }
}

/// Of a record what labels need.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    tenant_id: Cow<'a, str>,
    #[serde(borrow)]
    result_type: Cow<'a, str>,
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    created_date_time: Cow<'a, str>,
    #[serde(borrow)]
    user_principal_name: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    app_id: Cow<'a, str>,
    #[serde(borrow)]
    app_display_name: Cow<'a, str>,
    #[serde(borrow)]
    ip_address: Cow<'a, str>,
    #[serde(borrow)]
    client_app_used: Cow<'a, str>,
    #[serde(borrow)]
    user_agent: Cow<'a, str>,
    #[serde(borrow)]
    correlation_id: Cow<'a, str>,
    #[serde(borrow)]
    conditional_access_status: Cow<'a, str>,
    #[serde(borrow)]
    authentication_requirement: Cow<'a, str>,
    #[serde(borrow)]
    risk_level_during_sign_in: Cow<'a, str>,
    #[serde(borrow)]
    risk_state: Cow<'a, str>,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    is_interactive: bool,
    autonomous_system_number: u32,
    #[serde(borrow)]
    status: Status<'a>,
    #[serde(borrow)]
    device_detail: Device<'a>,
    #[serde(borrow)]
    location: Location<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status<'a> {
    error_code: u32,
    #[serde(borrow)]
    additional_details: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Device<'a> {
    #[serde(borrow)]
    device_id: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Location<'a> {
    #[serde(borrow)]
    country_or_region: Cow<'a, str>,
}

/// What is spliced in for a code.
fn label(code: u32) -> &'static str {
    match code {
        0 => r#","signin_triage":{"status":"success"}}"#,
        50_058 | 50_074 | 50_140 => r#","signin_triage":{"status":"interrupted"}}"#,
        _ => r#","signin_triage":{"status":"failure"}}"#,
    }
}

/// Reads the members into a type, and copies the line with another member before its last bracket.
fn spliced<'a>(batch: &'a str, read: impl Fn(&'a str) -> Option<Envelope<'a>>) -> usize {
    let mut out = String::with_capacity(batch.len() + batch.len() / 8);
    for line in batch.lines() {
        let read = read(line);
        if let (Some(read), Some(open)) = (black_box(read), line.strip_suffix('}')) {
            out.push_str(open);
            out.push_str(label(read.properties.status.error_code));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out.len()
}

/// Reads all into a tree, adds a member, writes the tree.
fn tree(batch: &str) -> usize {
    let mut out = Vec::with_capacity(batch.len() + batch.len() / 8);
    for line in batch.lines() {
        let Ok(mut tree) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        let success = tree["resultType"] == "0";
        let status = if success { "success" } else { "failure" };
        tree["signin_triage"] = serde_json::json!({ "status": status });
        // Writing into memory does not fail.
        let _ = serde_json::to_writer(&mut out, &tree);
        out.push(b'\n');
    }
    out.len()
}

/// Finds some members without reading the others; nothing is written.
fn lazily(batch: &str) -> usize {
    let mut wanted = PointerTree::new();
    for path in [
        &["resultType"][..],
        &["category"],
        &["properties", "status", "errorCode"],
    ] {
        wanted.add_path(path);
    }
    for name in [
        "id",
        "createdDateTime",
        "userPrincipalName",
        "ipAddress",
        "userAgent",
    ] {
        wanted.add_path(["properties", name].iter());
    }
    let mut found = 0;
    for line in batch.lines() {
        let values = sonic_rs::get_many(line, &wanted).unwrap_or_default();
        found += values
            .iter()
            .flatten()
            .filter(|value| !value.is_null())
            .count();
    }
    black_box(found);
    batch.len()
}

/// Reads all into a flat list of values. It works in place, so the line is copied first; nothing is written.
fn tape(batch: &str) -> usize {
    let mut buffers = simd_json::Buffers::default();
    let mut copy = Vec::new();
    for line in batch.lines() {
        copy.clear();
        copy.extend_from_slice(line.as_bytes());
        let tape = simd_json::to_tape_with_buffers(&mut copy, &mut buffers);
        black_box(tape.is_ok());
    }
    batch.len()
}

/// Checks that the fuller script says of each line what this transform says, as far as the line alone can tell: a
/// comparison with a script that does less, or something else, would be none.
///
/// # Errors
/// The first line that they disagree about.
pub fn agree(batch: &str) -> Result<()> {
    let mut native = signin_triage::Session::open(signin_triage::Config::default());
    let ours = native.process(batch).kept;
    let theirs = Vrl::new(FULL)?.run(batch);
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        let [ours, theirs] = [said(ours)?, said(theirs)?];
        ensure!(ours == theirs, "{ours:?} is what we say, VRL {theirs:?}");
    }
    ensure!(ours.lines().count() == theirs.lines().count(), "lines lost");
    Ok(())
}

/// Status, code, cause, policies, and the signals that need no other record.
fn said(line: &str) -> Result<(Vec<serde_json::Value>, Vec<String>)> {
    let mut line: serde_json::Value = serde_json::from_str(line)?;
    let of = &mut line["signin_triage"];
    let fields = ["status", "code", "cause", "stopped_by"].map(|name| of[name].take());
    let stateless = |name: &str| {
        let mut signals = signin_triage::signals::ALL.iter();
        signals.any(|signal| signal.id == name && signal.needs.is_none())
    };
    let signals = of["signals"].as_array().into_iter().flatten();
    let mut names: Vec<_> = signals
        .filter_map(|signal| signal["name"].as_str())
        .filter(|name| stateless(name))
        .map(str::to_owned)
        .collect();
    names.sort();
    Ok((fields.into(), names))
}
