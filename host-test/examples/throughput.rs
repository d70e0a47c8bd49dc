//! Figures for a change: size, compile and start time, records and megabytes per second in the sandbox and natively,
//! and wasm instructions per byte, which are exact. `cargo run --release --example throughput [FILE]`
//!
//! Takes the first line of FILE (by default the interrupted 7 kB Azure Monitor record below) and repeats it to batches of 1 MiB. Each figure is the best of
//! several rounds, sandbox and native in turns, because the machine may be busy with other things.
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
    let mut batch = String::new();
    let mut lines = 0;
    while batch.len() < BATCH_BYTES {
        batch.push_str(line);
        batch.push('\n');
        lines += 1;
    }

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
    for _ in 0..ROUNDS {
        let (sandboxed, outcome) = timed(|| session.process(&batch));
        let (natively, same) = timed(|| native.process(&batch));
        assert_eq!(outcome.kept, same.kept);
        best = [best[0].min(sandboxed), best[1].min(natively)];
    }
    for (name, time) in ["sandbox", "native"].iter().zip(best) {
        let secs = time.as_secs_f64();
        println!(
            "{name:<20} {:>9.0} MB/s {:>9.0} records/s",
            batch.len() as f64 / secs / 1e6,
            f64::from(lines) / secs
        );
    }
    println!(
        "sandbox / native     {:>9.2}",
        best[1].as_secs_f64() / best[0].as_secs_f64()
    );
    let instructions = instructions(&batch)?;
    println!(
        "wasm instructions    {:>9.2} a byte, {:.0} a record",
        instructions as f64 / batch.len() as f64,
        instructions as f64 / f64::from(lines)
    );
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Instructions that processing `batch` takes, counted by wasmtime as fuel.
fn instructions(batch: &str) -> anyhow::Result<u64> {
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
    let arguments = [(**session).clone(), Val::String(batch.to_owned())];
    let mut outcome = [Val::Bool(false)];
    // Once to fill the buffers, once to count.
    process.call(&mut store, &arguments, &mut outcome)?;
    let before = store.get_fuel()?;
    process.call(&mut store, &arguments, &mut outcome)?;
    Ok(before - store.get_fuel()?)
}
