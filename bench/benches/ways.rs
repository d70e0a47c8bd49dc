//! One way at a time, for whoever works on one: `cargo bench --manifest-path bench/Cargo.toml -- component`.
#![allow(missing_docs, reason = "divan's macro")]

use divan::Bencher;
use divan::counter::BytesCount;
use host_test::Plugin;
use host_test::figures::records::{Form, Stream};
use signin_triage_bench::ways::{self, NAMES};

fn main() {
    divan::main();
}

#[divan::bench(args = NAMES, consts = [900, 3800, 7200, 20000], sample_size = 1)]
fn way<const BYTES: usize>(bencher: Bencher, name: &str) {
    let form = Form::ALL.into_iter().find(|form| form.bytes == BYTES);
    let mut stream = Stream::new(form.expect("a form of this length"), 1000);
    let plugin = Plugin::built_in().expect("the component compiles");
    let mut ways = ways::all(&plugin).expect("all ways start");
    let way = ways.iter_mut().find(|way| way.name == name);
    let run = &mut way.expect("a way of this name").run;
    bencher
        .with_inputs(|| stream.batch(1 << 20))
        .input_counter(|batch| BytesCount::of_str(batch))
        .bench_local_values(|batch| run(&batch));
}
