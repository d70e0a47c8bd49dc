//! Figures for a change: size, compile and start time, records and megabytes per second in the sandbox and natively,
//! and wasm instructions per byte, which are exact. `cargo run --release --example throughput [FILE]`
//!
//! Takes the first line of FILE (by default the interrupted 7 kB Azure Monitor record below) and repeats it to batches
//! of 1 MiB, each time with another request id, user and second, so that no record is a second delivery. Each figure
//! is the best of several rounds, sandbox and native in turns, because the machine may be busy with other things.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program that measures time"
)]

use std::time::{Duration, Instant};

use host_test::{Plugin, plugin::BUILT_IN};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Config, Engine, Store};

const ROUNDS: usize = 40;
const BATCH_BYTES: usize = 1 << 20;

fn main() -> anyhow::Result<()> {
    let default = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/azure-monitor-7kb.json"
    );
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| default.to_owned());
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().next().unwrap_or_default();
    let lines = u32::try_from(BATCH_BYTES / line.len() + 1)?;
    let mut batches = (0..).map(|round| batch(line, lines, round));
    let first = batches.next().unwrap_or_default();

    println!("component            {:>9} bytes", BUILT_IN.len());
    let (compile, plugin) = timed(Plugin::built_in);
    let plugin = plugin?;
    println!(
        "compile              {:>9.1} ms",
        compile.as_secs_f64() * 1e3
    );
    let (start, session) = timed(|| plugin.open(""));
    let mut session = session?;
    println!("instantiate and open {:>9.2} ms", start.as_secs_f64() * 1e3);
    println!("record               {:>9} bytes", line.len());

    let mut native = signin_triage::Session::open(signin_triage::Config::default());
    let mut best = [Duration::MAX; 2];
    let mut bytes = 0;
    for batch in batches.take(ROUNDS) {
        bytes = batch.len();
        let (sandboxed, outcome) = timed(|| session.process(&batch));
        let (natively, same) = timed(|| native.process(&batch));
        assert_eq!(outcome.kept, same.kept);
        best = [best[0].min(sandboxed), best[1].min(natively)];
    }
    for (name, time) in ["sandbox", "native"].iter().zip(best) {
        let secs = time.as_secs_f64();
        println!(
            "{name:<20} {:>9.0} MB/s {:>9.0} records/s",
            bytes as f64 / secs / 1e6,
            f64::from(lines) / secs
        );
    }
    println!(
        "sandbox / native     {:>9.2}",
        best[1].as_secs_f64() / best[0].as_secs_f64()
    );
    let instructions = instructions(&first, &batch(line, lines, 1))?;
    println!(
        "wasm instructions    {:>9.2} a byte, {:.0} a record",
        instructions as f64 / first.len() as f64,
        instructions as f64 / f64::from(lines)
    );
    Ok(())
}

/// `lines` records like `line`, of a thousand users, a second apart.
fn batch(line: &str, lines: u32, round: u32) -> String {
    let mut text = String::new();
    for number in round * lines..(round + 1) * lines {
        let mut record = line.to_owned();
        let user = format!("{:03}", number % 1000);
        let second = format!("{:02}:{:02}", number / 60 % 60, number % 60);
        for (member, offset, value) in [
            ("\"id\":\"", 0, format!("{number:08x}").as_str()),
            ("\"userPrincipalName\":\"", 0, user.as_str()),
            (
                "\"createdDateTime\":\"",
                "2026-03-02T08:".len(),
                second.as_str(),
            ),
        ] {
            let Some(at) = record.find(member).map(|at| at + member.len() + offset) else {
                continue;
            };
            record.replace_range(at..at + value.len(), value);
        }
        text.push_str(&record);
        text.push('\n');
    }
    text
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Instructions that processing `batch` takes after `before`, counted by wasmtime as fuel.
fn instructions(before: &str, batch: &str) -> anyhow::Result<u64> {
    let engine = Engine::new(Config::new().consume_fuel(true))?;
    let component = Component::new(&engine, BUILT_IN)?;
    let mut store = Store::new(&engine, ());
    store.set_fuel(u64::MAX)?;
    let instance = Linker::new(&engine).instantiate(&mut store, &component)?;
    let interface = instance
        .get_export_index(&mut store, None, "signin-triage:transform/transform@0.1.0")
        .ok_or_else(|| anyhow::anyhow!("no interface"))?;
    let function = |store: &mut Store<()>, name: &str| {
        let index = instance
            .get_export_index(&mut *store, Some(&interface), name)
            .ok_or_else(|| anyhow::anyhow!("no {name}"))?;
        instance
            .get_func(&mut *store, index)
            .ok_or_else(|| anyhow::anyhow!("no {name}"))
    };
    let open = function(&mut store, "[static]session.open")?;
    let process = function(&mut store, "[method]session.process")?;
    let mut opened = [Val::Bool(false)];
    let none = [Val::String(String::new()), Val::Option(None)];
    open.call(&mut store, &none, &mut opened)?;
    let Val::Result(Ok(Some(session))) = &opened[0] else {
        anyhow::bail!("the session does not open");
    };
    let mut outcome = [Val::Bool(false)];
    let mut left = store.get_fuel()?;
    let mut used = 0;
    // Once to fill the buffers, once to count.
    for batch in [before, batch] {
        let arguments = [(**session).clone(), Val::String(batch.to_owned())];
        process.call(&mut store, &arguments, &mut outcome)?;
        used = left - store.get_fuel()?;
        left -= used;
    }
    Ok(used)
}
