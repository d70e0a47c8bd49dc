//! All ways, by length of record. Each round every way gets the same batch, the one that begins being another each time.

use std::time::Duration;

use anyhow::Result;
use comfy_table::Table;
use host_test::figures::records::{Form, Stream};
use signin_triage_bench::timing::{median, on_thread};
use signin_triage_bench::ways::{self, NAMES};

use crate::{Bench, figure, mb_per_sec, row};

const BATCH_BYTES: usize = 1 << 20;

/// Enough for a tenant that is busy while it is measured.
const USERS: u32 = 1000;

/// The ways that the others are set against: natively, both of VRL, typed `serde_json`.
const AGAINST: [usize; 4] = [1, 2, 3, 4];

fn measure(bench: &Bench, name: &str, stream: &mut Stream, into: &mut Table) -> Result<()> {
    let mut ways = ways::all(&bench.plugin)?;
    ways::agree(&stream.clone().batch(BATCH_BYTES))?;
    let mut times = vec![Vec::<Duration>::new(); ways.len()];
    let mut length = 0;
    let mut lines = 0;
    // The first round fills buffers and tables.
    for round in 0..=bench.rounds {
        let batch = stream.batch(BATCH_BYTES);
        (length, lines) = (batch.len(), batch.lines().count());
        for turn in 0..ways.len() {
            let way = (round + turn) % ways.len();
            let (time, _) = on_thread(|| (ways[way].run)(&batch));
            if round > 0 {
                times[way].push(time);
            }
        }
    }
    let times: Vec<_> = times.iter_mut().map(|times| median(times)).collect();
    let mut session = bench.counted.open("", None)?.0;
    session.process(&stream.batch(BATCH_BYTES))?;
    let batch = stream.batch(BATCH_BYTES);
    let instructions = session.process(&batch)? as f64 / batch.len() as f64;
    for (way, time) in times.iter().enumerate() {
        let counted = (way == 0).then(|| figure(instructions));
        let ratios = AGAINST.map(|other| figure(times[other].as_secs_f64() / time.as_secs_f64()));
        into.add_row(row([
            name.to_owned(),
            NAMES[way].to_owned(),
            figure(mb_per_sec(length, *time)),
            figure(lines as f64 / time.as_secs_f64()),
            counted.unwrap_or_default(),
        ]
        .into_iter()
        .chain(ratios)));
    }
    Ok(())
}

pub fn table(bench: &Bench) -> Result<Table> {
    let mut ways = crate::table(&[
        "records",
        "way",
        "MB/s",
        "records/s",
        "wasm instr. a byte",
        "× native",
        "× VRL short",
        "× VRL fuller",
        "× serde_json",
    ]);
    ways.column_mut(1)
        .into_iter()
        .for_each(|column| column.set_cell_alignment(comfy_table::CellAlignment::Left));
    let forms = if bench.quick {
        &[Form::USUAL][..]
    } else {
        &Form::ALL
    };
    for &form in forms {
        let name = format!("{:.1} kB", form.bytes as f64 / 1e3);
        measure(bench, &name, &mut Stream::new(form, USERS), &mut ways)?;
    }
    let mut hostile = Stream::new(Form::USUAL, USERS).hostile();
    measure(bench, "7.2 kB, new policies", &mut hostile, &mut ways)?;
    Ok(ways)
}
