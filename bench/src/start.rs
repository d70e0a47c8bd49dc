//! From the file to an open session: compiled now, or taken from wasmtime's cache of what was compiled before.

use std::time::Duration;

use anyhow::{Result, anyhow};
use comfy_table::Table;
use host_test::plugin::BUILT_IN;
use signin_triage_bench::timing::{median, on_wall};
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig, Config, Engine};

use crate::{Bench, figure, row};

pub fn table(bench: &Bench) -> Result<Table> {
    let mut start = crate::table(&["start", "ms on the wall"]);
    let folder = tempfile::tempdir()?;
    let mut cache = CacheConfig::new();
    cache.with_directory(folder.path());
    let mut cached = Config::new();
    cached.cache(Some(Cache::new(cache)?));
    let compile = |config: &Config| -> Result<Component> {
        Ok(Component::new(&Engine::new(config)?, BUILT_IN)?)
    };
    compile(&cached)?;
    let rounds = if bench.quick { 3 } else { 9 };
    let mut times = [const { Vec::<Duration>::new() }; 3];
    for _ in 0..rounds {
        let (time, compiled) = on_wall(|| compile(&Config::new()));
        compiled?;
        times[0].push(time);
        let (time, compiled) = on_wall(|| compile(&cached));
        compiled?;
        times[1].push(time);
        let (time, session) = on_wall(|| bench.plugin.open(""));
        session.map_err(|error| anyhow!("{error:?}"))?;
        times[2].push(time);
    }
    let names = [
        format!(
            "compile the component of {} bytes, on all cores",
            BUILT_IN.len()
        ),
        "the same from wasmtime's cache on disk".to_owned(),
        "instantiate it and open a session".to_owned(),
    ];
    for (name, mut times) in names.into_iter().zip(times) {
        let millis = median(&mut times).as_secs_f64() * 1e3;
        start.add_row(row([name, figure(millis)]));
    }
    Ok(start)
}
