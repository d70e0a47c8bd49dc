//! Fills `corpus` with what the targets start from: the public samples, the golden stories and the examples of the
//! repository, in the form that each target reads. `cargo run --example seeds` in this folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use signin_triage::{Config, Session};
use signin_triage_fuzz::batch::CONFIGS;
use signin_triage_fuzz::{SOME, first_line};

/// What the targets are run with, as `-max_len`. A longer seed is of no use.
const BYTES_MAX: usize = 20_000;

fn main() -> io::Result<()> {
    let corpus = Corpus(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
    for text in texts()? {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for three in lines.chunks(3) {
            corpus.add("line", three.concat().trim_end().as_bytes())?;
            corpus.add("fluent_bit", &[b"\0", three[0].as_bytes()].concat())?;
        }
        for (story, which) in lines.chunks(5).zip((0..6).cycle()) {
            let batch = story.concat();
            corpus.add(
                "batch",
                &[&[which], [0x5b; 8].as_slice(), batch.as_bytes()].concat(),
            )?;
            corpus.add("fluent_bit", &[b"\x01", batch.as_bytes()].concat())?;
            snapshots(&corpus, which, &batch)?;
            bodies(&corpus, &batch)?;
        }
    }
    for config in configs()? {
        corpus.add("config", config.as_bytes())?;
    }
    Ok(())
}

struct Corpus(PathBuf);

impl Corpus {
    /// Named after what it holds, so that a second run adds nothing.
    fn add(&self, target: &str, seed: &[u8]) -> io::Result<()> {
        if seed.len() > BYTES_MAX {
            return Ok(());
        }
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        let sum = signin_triage::state::event::hash64(&String::from_utf8_lossy(seed));
        fs::write(folder.join(format!("seed-{sum:016x}")), seed)
    }
}

/// All files of records in the repository.
fn texts() -> io::Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = vec![
        root.join("examples/signins.ndjson"),
        root.join("host-test/examples/azure-monitor-7kb.json"),
    ];
    for entry in fs::read_dir(root.join("host-test/samples"))? {
        paths.push(entry?.path());
    }
    for entry in fs::read_dir(root.join("host-test/golden"))? {
        paths.push(entry?.path().join("input.ndjson"));
    }
    let mut texts = vec![SOME.to_owned()];
    for path in paths {
        if path.extension().is_some_and(|end| end != "md") {
            texts.push(String::from_utf8_lossy(&fs::read(path)?).into_owned());
        }
    }
    Ok(texts)
}

/// What is remembered after `batch`, whole and by key.
fn snapshots(corpus: &Corpus, which: u8, batch: &str) -> io::Result<()> {
    let config = || Config::from_json(CONFIGS[usize::from(which)]).unwrap_or_default();
    let mut session = Session::open(config());
    session.process(batch);
    let snapshot = session.snapshot();
    let (_, body) = first_line(&snapshot);
    corpus.add("snapshot", &[&[which], body.as_bytes()].concat())?;
    for (by, number) in signin_triage::state::Key::ALL.into_iter().zip(0..) {
        let step = signin_triage::keyed::step(by, Config::default(), None, batch, None);
        let Ok((state, _)) = step else {
            continue;
        };
        let (_, body) = first_line(&state);
        let (line, _) = first_line(batch);
        let seed = format!("{body}\n{line}\n");
        corpus.add("keyed", &[&[number, 0], seed.as_bytes()].concat())?;
    }
    Ok(())
}

/// `batch` as a request could hold it.
fn bodies(corpus: &Corpus, batch: &str) -> io::Result<()> {
    let array = format!("[{}]", batch.trim_end().replace('\n', ",\n"));
    let (one, _) = first_line(batch);
    for (text, is_json) in [(batch, 0), (array.as_str(), 1), (one, 1)] {
        corpus.add(
            "http_body",
            &[&[is_json, 0xff, 0xff], text.as_bytes()].concat(),
        )?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes())?;
        corpus.add(
            "http_body",
            &[&[is_json | 2, 0xff, 0xff], packed.finish()?.as_slice()].concat(),
        )?;
    }
    Ok(())
}

/// Configurations of the stories, and one with every option at its default.
fn configs() -> io::Result<Vec<String>> {
    let mut all: Vec<String> = CONFIGS.map(str::to_owned).into();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host-test/golden");
    for entry in fs::read_dir(golden)? {
        all.extend(fs::read_to_string(entry?.path().join("config.json")).ok());
    }
    for opt in signin_triage::config::options() {
        let value = opt.default();
        all.push(serde_json::json!({ opt.key: value }).to_string());
    }
    Ok(all)
}
