//! A configuration file, JSON or TOML, to the JSON text that the component takes.
//!
//! JSON is handed over as it stands, because the component also reports what a parsed tree no longer shows,
//! such as a key that stands twice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Number, Value};

use crate::opened::Configuration;
use crate::plugin::{self, Plugin, Problem};
use crate::terminal::say;
use crate::{Ending, terminal};

/// Checks a configuration file and names every problem.
#[derive(Debug, Args)]
pub struct CheckConfig {
    /// The configuration, JSON or TOML
    #[arg(required_unless_present = "show")]
    pub file: Option<PathBuf>,
    /// Print the JSON schema of the configuration
    #[arg(long)]
    pub show: bool,
}

impl CheckConfig {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        let plugin = Plugin::built_in()?;
        let found = Configuration::load(&plugin, self.file.as_deref(), &[])?;
        if self.show {
            terminal::print(&pretty(&plugin.config_schema()?))?;
        }
        let Some(config) = found else {
            return Ok(Ending::WrongUsage);
        };
        if let (Some(file), false) = (&self.file, self.show) {
            terminal::print(&format!("{}: fine\n", file.display()))?;
            terminal::print(&elsewhere(&config))?;
        }
        Ok(Ending::Done)
    }
}

/// What some ways to run the transform do not take, though `run` does.
fn elsewhere(config: &Configuration) -> String {
    let mut notes = String::new();
    if config.hold_secs > 0 {
        notes += "hold_secs is for run only: serve, bake and run --lockstep refuse it\n";
    }
    if config.filters {
        notes +=
            "mode filter needs --suppressed with run and serve, and run --lockstep refuses it\n";
    }
    notes
}

/// The configuration as JSON text, with `over` put over what the file says. `None` after every problem has been
/// said on standard error. Without a file everything is at its default.
pub fn load(
    plugin: &Plugin,
    file: Option<&Path>,
    over: &[(&str, Value)],
) -> Result<Option<String>> {
    let mut config = match file.map(read).transpose() {
        Ok(text) => text.unwrap_or_default(),
        Err(unreadable) => {
            say(&unreadable);
            return Ok(None);
        }
    };
    let mut problems = plugin.problems(&config)?;
    if !over.is_empty() {
        // A text that is no object has been named as such already.
        config = with(&config, over).unwrap_or(config);
        problems = union(problems, plugin.problems(&config)?);
    }
    for one in &problems {
        say(&plugin::in_words(one));
    }
    Ok(problems.is_empty().then_some(config))
}

fn union(problems: Vec<Problem>, more: Vec<Problem>) -> Vec<Problem> {
    let said: Vec<_> = problems.iter().map(plugin::in_words).collect();
    let mut all = problems;
    all.extend(
        more.into_iter()
            .filter(|one| !said.contains(&plugin::in_words(one))),
    );
    all
}

fn with(config: &str, over: &[(&str, Value)]) -> Option<String> {
    let mut members: Map<String, Value> = match config.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text).ok()?,
    };
    for (key, value) in over {
        members.insert((*key).to_owned(), value.clone());
    }
    Some(Value::Object(members).to_string())
}

/// Reads a file as JSON text.
fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{shown}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!(
            "{shown}: not UTF-8 at byte {}",
            error.utf8_error().valid_up_to()
        )
    })?;
    // Editors on Windows put a byte order mark before either format.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if is_toml(path, text) {
        toml_to_json(text).map_err(|problem| format!("{shown}: {problem}"))
    } else {
        Ok(text.to_owned())
    }
}

/// By its extension. Without one of the two, an opening brace tells: no TOML text begins with it.
fn is_toml(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) if extension.eq_ignore_ascii_case("toml") => true,
        Some(extension) if extension.eq_ignore_ascii_case("json") => false,
        _ => !text.trim_start().starts_with('{'),
    }
}

fn toml_to_json(text: &str) -> Result<String, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&one| one != '\n').count() + 1;
        format!(
            "not TOML at line {line}, column {column}: {}",
            error.message()
        )
    })?;
    Ok(to_json(toml::Value::Table(table)).to_string())
}

/// What JSON has no form for becomes text, so that the component names the key and what it allows there.
fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => {
            Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(to_json).collect(),
        toml::Value::Table(members) => members
            .into_iter()
            .map(|(key, value)| (key, to_json(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

/// JSON text on many lines; a text that is no JSON as it is.
pub(crate) fn pretty(json: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(json);
    let text = value.and_then(|value| serde_json::to_string_pretty(&value));
    text.unwrap_or_else(|_| json.to_owned()) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_becomes_the_same_json() {
        for (toml, json) in [
            ("", "{}"),
            ("mode = 'annotate'", r#"{"mode":"annotate"}"#),
            (
                "[a]\nb = 3\n[a.c]\nd = [1, 'x']",
                r#"{"a":{"b":3,"c":{"d":[1,"x"]}}}"#,
            ),
            ("a = nan\nb = 1.5", r#"{"a":"NaN","b":1.5}"#),
            ("a = 2025-01-01", r#"{"a":"2025-01-01"}"#),
        ] {
            assert_eq!(toml_to_json(toml).as_deref(), Ok(json), "{toml}");
        }
    }

    #[test]
    fn a_toml_mistake_is_named_by_line_and_column() {
        let said = toml_to_json("a = 1\nbé = = 2\n").unwrap_err();
        assert!(said.starts_with("not TOML at line 2, column "), "{said}");
    }

    #[test]
    fn the_extension_decides_and_the_text_where_there_is_none() {
        for (path, text, toml) in [
            ("a.toml", "{", true),
            ("a.JSON", "a = 1", false),
            ("a.conf", " \n{}", false),
            ("a", "a = 1", true),
        ] {
            assert_eq!(is_toml(Path::new(path), text), toml, "{path} {text}");
        }
    }

    #[test]
    fn the_mode_goes_over_the_file() {
        for (config, expected) in [
            ("", Some(r#"{"mode":"x"}"#)),
            (r#"{"mode":"annotate"}"#, Some(r#"{"mode":"x"}"#)),
            ("[]", None),
        ] {
            let over = [("mode", Value::from("x"))];
            assert_eq!(with(config, &over).as_deref(), expected);
        }
    }
}
