//! `inspect`: what a component is, wants, offers and can be told; and of a module for Fluent Bit what it was told.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{ColumnConstraint, Table};
use serde_json::Value;
use wasmparser::{KnownCustom, Parser, Payload};

use crate::Ending;
use crate::cards;
use crate::checksum::sha256;
use crate::config_file::pretty;
use crate::explain::{card, page::Page};
use crate::fluent_bit;
use crate::plugin::{BUILT_IN, Plugin};
use crate::terminal::{self, harmless, say};

/// Columns of the tables: the longest key and a readable line beside it.
const WIDTH: u16 = 100;

/// Shows a component's version, imports, exports, options and signals; of a Fluent Bit module its configuration.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A component, or a Fluent Bit module; without one, the component built into this program
    pub file: Option<PathBuf>,
    /// Of each signal also what else sets it off, what it does not see, its techniques and its sources
    #[arg(long, conflicts_with = "file")]
    pub long: bool,
    /// Write the component to a file instead of showing it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "long"])]
    pub write: Option<PathBuf>,
}

impl Inspect {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        if let Some(path) = &self.write {
            let name = path.display();
            return Ok(match fs::write(path, BUILT_IN) {
                Ok(()) => {
                    terminal::print(&format!("{name}: {} bytes\n", BUILT_IN.len()))?;
                    Ending::Done
                }
                Err(error) => {
                    say(&format!("{name}: {error}"));
                    Ending::Failed
                }
            });
        }
        let (name, bytes) = match &self.file {
            None => ("built in".to_owned(), BUILT_IN.to_vec()),
            Some(path) => {
                let name = path.display().to_string();
                match fs::read(path) {
                    Ok(bytes) => (name, bytes),
                    Err(error) => {
                        say(&format!("{name}: {error}"));
                        return Ok(Ending::Failed);
                    }
                }
            }
        };
        if let Ok(module) = fluent_bit::Module::from_bytes(&bytes) {
            terminal::print(&of_module(&name, &bytes, &module)?)?;
            return Ok(Ending::Done);
        }
        let plugin = match Plugin::from_bytes(&bytes) {
            Ok(plugin) => plugin,
            Err(error) => {
                say(&format!("{name}: {error:#}"));
                return Ok(Ending::Failed);
            }
        };
        let mut text = identity(
            ("component", &name),
            &bytes,
            &plugin.imports(),
            &plugin.exports(),
        )?;
        match plugin.config_schema() {
            Ok(schema) => {
                let schema = serde_json::from_str(&schema)
                    .context("the configuration schema is not JSON")?;
                text += &section("Options", &options(&schema));
            }
            Err(error) => {
                let _ = writeln!(text, "\nno options: {}", harmless(&format!("{error:#}")));
            }
        }
        // The texts about signals are this program's own, so they are shown for its own component only.
        if self.file.is_none() {
            text += &section("Signals", &signals());
            if self.long {
                text += &signal_cards();
            }
        }
        terminal::print(&text)?;
        Ok(Ending::Done)
    }
}

/// What there is to know about a module for Fluent Bit. Its options are the component's.
fn of_module(name: &str, bytes: &[u8], module: &fluent_bit::Module) -> Result<String> {
    let (imports, exports) = (module.imports(), module.exports());
    let mut text = identity(("module", name), bytes, &imports, &exports)?;
    let config = module.config()?;
    if config.is_empty() {
        text += "\nNo configuration inside: everything is at its default.\n";
        return Ok(text);
    }
    text += "\nConfiguration\n";
    for line in pretty(&config).lines() {
        let _ = writeln!(text, "{}", harmless(line));
    }
    Ok(text)
}

fn identity(
    (kind, name): (&str, &str),
    bytes: &[u8],
    imports: &[String],
    exports: &[String],
) -> Result<String> {
    let about = About::read(bytes)?;
    let mut text = String::new();
    for (title, value) in [
        (kind, name.to_owned()),
        ("version", or_none(&about.version)),
        ("licence", or_none(&about.licence)),
        ("size", format!("{} bytes", bytes.len())),
        ("sha256", sha256(bytes)),
        ("imports", or_none(imports)),
        ("exports", or_none(exports)),
        ("made by", or_none(&about.producers)),
    ] {
        let _ = writeln!(text, "{title:<10} {}", harmless(&value));
    }
    Ok(text)
}

fn or_none(texts: &[String]) -> String {
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

fn section(title: &str, table: &Table) -> String {
    if table.is_empty() {
        return String::new();
    }
    format!("\n{title}\n{table}\n")
}

/// What the file's custom sections say.
#[derive(Default)]
struct About {
    version: Vec<String>,
    licence: Vec<String>,
    producers: Vec<String>,
}

impl About {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut about = About::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::CustomSection(section) => {
                    if let KnownCustom::Producers(fields) = section.as_known() {
                        for field in fields.into_iter().flatten() {
                            for value in field.values.into_iter().flatten() {
                                let producer = format!("{} {}", value.name, value.version)
                                    .trim()
                                    .to_owned();
                                if !about.producers.contains(&producer) {
                                    about.producers.push(producer);
                                }
                            }
                        }
                    }
                    // The version of something within is not the version of the whole.
                    let into = match section.name() {
                        "version" if depth == 0 => &mut about.version,
                        "licenses" if depth == 0 => &mut about.licence,
                        _ => continue,
                    };
                    into.push(String::from_utf8_lossy(section.data()).into_owned());
                }
                _ => {}
            }
        }
        Ok(about)
    }
}

/// One row per option of the schema, however deep it stands.
fn options(schema: &Value) -> Table {
    let mut table = terminal::table(WIDTH);
    table.set_header(["Option", "Default (allowed), and why"]);
    add_options(&mut table, "", schema);
    // A key is there to be copied, so it is not broken over two lines.
    if let Some(keys) = table.column_mut(0) {
        keys.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

fn add_options(table: &mut Table, prefix: &str, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, about) in properties {
        let key = format!("{prefix}{name}");
        if about.get("properties").is_some() {
            add_options(table, &format!("{key}."), about);
            continue;
        }
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| about.get(*name));
            found.map(in_words).unwrap_or_default()
        };
        let allowed = [allowed(about), text(&["unit", "x-unit"])].join(" ");
        let default = format!("{} ({})", text(&["default"]), allowed.trim());
        let why = text(&["source", "x-source", "description"]);
        table.add_row([
            harmless(&key).into_owned(),
            format!("{}\n{}", harmless(&default), harmless(&why)),
        ]);
    }
}

fn allowed(about: &Value) -> String {
    if let Some(values) = about.get("enum") {
        return in_words(values);
    }
    match (
        about.get("minimum"),
        about.get("maximum"),
        about.get("maxItems"),
    ) {
        (Some(least), Some(most), _) => format!("{} to {}", in_words(least), in_words(most)),
        (_, _, Some(most)) => format!("at most {}", in_words(most)),
        _ => about.get("type").map(in_words).unwrap_or_default(),
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        // With a blank behind each comma, so that a long list is broken between its items.
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn signals() -> Table {
    let mut table = terminal::table(WIDTH);
    table.set_header(["Signal, and its key", "Fires when", "Levels", "Techniques"]);
    for card in cards::SIGNALS {
        let levels: Vec<_> = card
            .levels
            .iter()
            .map(|level| {
                format!(
                    "{} {} ({})",
                    level.name,
                    in_words(&level.points.default()),
                    level.weight.label()
                )
            })
            .collect();
        table.add_row([
            format!("{}\nby {}", card.id, cards::key(card)),
            card.summary.to_owned(),
            levels.join("\n"),
            card.techniques.join("\n"),
        ]);
    }
    // The names are there to be copied; what is left is for the sentence.
    for index in [0, 2, 3] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn signal_cards() -> String {
    let mut page = Page::default();
    for signal in cards::SIGNALS {
        page.gap();
        page.line(0, signal.id);
        card::write(&mut page, signal);
    }
    format!("\n{}", page.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_fit_their_width_and_break_no_name() {
        let schema = json!({"properties": {"unusual_interruption": {"properties": {
            "consent_refused_points": {"default": 10, "x-source": "why ".repeat(40)}}}}});
        for (table, name) in [
            (
                options(&schema),
                "│ unusual_interruption.consent_refused_points ┆",
            ),
            (signals(), "│ suspicious_user_agent"),
        ] {
            let text = table.to_string();
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(
                widest <= Some(usize::from(WIDTH)) && text.contains(name),
                "{text}"
            );
        }
    }

    #[test]
    fn options_are_listed_with_their_full_key() {
        let schema = json!({"properties": {
            "mode": {"enum": ["annotate"], "default": "annotate", "description": "contract"},
            "spray": {"type": "object", "properties": {
                "users_min": {"type": "integer", "minimum": 2, "maximum": 64, "default": 10, "unit": "accounts", "source": "a rule"},
                "asns": {"type": "array", "maxItems": 100, "default": [14061, 9009], "x-unit": "networks"},
                "names": {"type": "array", "maxItems": 5, "default": [], "x-unit": "names"}}}}});
        let text = options(&schema).to_string();
        let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "mode ┆ annotate (annotate) │ │ ┆ contract │",
            "spray.users_min ┆ 10 (2 to 64 accounts) │ │ ┆ a rule │",
            "spray.asns ┆ 14061, 9009 (at most 100 networks) │",
            "spray.names ┆ none (at most 5 names) │",
        ] {
            assert!(squeezed.contains(part), "{part} in:\n{text}");
        }
    }
}
