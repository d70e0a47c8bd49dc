//! The component by length of batch, with short records: what a call costs, and what a long batch does.

use anyhow::{Result, anyhow};
use comfy_table::Table;
use host_test::figures::records::{Form, Stream};
use signin_triage_bench::timing::{median, on_thread};

use crate::{Bench, figure, mb_per_sec, row};

/// What is processed in a round, whatever the batch.
const ROUND_BYTES: usize = 1 << 20;

pub fn table(bench: &Bench) -> Result<Table> {
    let mut batches = crate::table(&[
        "0.9 kB records, batches of",
        "component, MB/s",
        "native, MB/s",
        "component / native",
        "wasm instr. a byte",
    ]);
    for (name, bytes) in [
        ("1 record", 1),
        ("4 kB", 4_000),
        ("64 kB", 64_000),
        ("1 MiB", 1 << 20),
        ("8 MiB", 8 << 20),
    ] {
        let mut component = bench
            .plugin
            .open("")
            .map_err(|error| anyhow!("{error:?}"))?;
        let mut native = signin_triage::Session::open(signin_triage::Config::default());
        let mut counted = bench.counted.open("", None)?.0;
        let mut stream = Stream::new(Form::CUT_DOWN, 1000);
        let mut times = [Vec::new(), Vec::new()];
        let mut length = 0;
        let mut instructions = 0;
        for round in 0..=bench.rounds {
            let mut round_of = Vec::new();
            length = 0;
            while length < ROUND_BYTES {
                let batch = stream.batch(bytes);
                length += batch.len();
                round_of.push(batch);
            }
            let sandboxed = on_thread(|| {
                for batch in &round_of {
                    component.process(batch);
                }
            });
            let natively = on_thread(|| {
                for batch in &round_of {
                    native.process(batch);
                }
            });
            // The first fills buffers, the second is counted.
            if round < 2 {
                instructions = 0;
                for batch in &round_of {
                    instructions += counted.process(batch)?;
                }
            }
            if round > 0 {
                times[0].push(sandboxed.0);
                times[1].push(natively.0);
            }
            if round == 1 {
                instructions = instructions * 1000 / length as u64;
            }
        }
        let [component, native] = times.map(|mut times| mb_per_sec(length, median(&mut times)));
        batches.add_row(row([
            name.to_owned(),
            figure(component),
            figure(native),
            figure(component / native),
            figure(instructions as f64 / 1000.0),
        ]));
    }
    Ok(batches)
}
