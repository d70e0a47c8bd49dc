//! Prints what signin-triage costs beside other ways: by length of record, by batch, at the start, by number of users.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml`, `-- --quick` for a first look, `-- users` for one table.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program that measures time"
)]

mod batches;
mod compare;
mod start;
mod users;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use comfy_table::{Cell, CellAlignment, Table, presets::ASCII_MARKDOWN};
use host_test::Plugin;
use host_test::figures::COMPILER;
use host_test::figures::counted::Counted;

/// Prints what signin-triage costs beside other ways.
#[derive(Parser)]
struct Cli {
    /// Which tables, by default all
    parts: Vec<Part>,
    /// Few rounds, one length of record and 10,000 users: a minute instead of many
    #[arg(long)]
    quick: bool,
    /// How many users, each number a row
    #[arg(long, value_delimiter = ',', value_name = "N")]
    users: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// All ways, by length of record
    Ways,
    /// The component, by length of batch
    Batches,
    /// From the file to the first record
    Start,
    /// What remembering costs, by number of users
    Users,
}

/// What every table is made with.
struct Bench {
    plugin: Plugin,
    counted: Counted,
    /// Of each figure the middle one of so many is printed.
    rounds: usize,
    quick: bool,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let bench = Bench {
        plugin: Plugin::built_in()?,
        counted: Counted::built_in()?,
        rounds: if cli.quick { 5 } else { 31 },
        quick: cli.quick,
    };
    let users = match (cli.users.as_slice(), cli.quick) {
        ([], true) => &[10_000][..],
        ([], false) => &[10_000, 100_000, 1_000_000],
        (given, _) => given,
    };
    println!(
        "{COMPILER}, the middle of {} rounds, time of the processor\n",
        bench.rounds
    );
    let asked = |part| cli.parts.is_empty() || cli.parts.contains(&part);
    if asked(Part::Ways) {
        println!("{}\n", compare::table(&bench)?);
    }
    if asked(Part::Batches) {
        println!("{}\n", batches::table(&bench)?);
    }
    if asked(Part::Start) {
        println!("{}\n", start::table(&bench)?);
    }
    if asked(Part::Users) {
        println!("{}\n", users::table(&bench, users)?);
    }
    Ok(())
}

/// A table in Markdown whose first column is text and the others numbers.
fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row(cells: impl IntoIterator<Item = String>) -> Vec<Cell> {
    cells.into_iter().map(Cell::new).collect()
}

/// Millions of bytes in a second.
fn mb_per_sec(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}

/// Three digits, with a comma for each thousand.
fn figure(number: f64) -> String {
    if number < 9.95 {
        return format!("{number:.2}");
    }
    if number < 99.95 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
