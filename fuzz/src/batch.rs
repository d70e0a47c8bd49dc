//! A session: every line leaves, what is not ours of it byte for byte, however the lines are cut into batches and
//! whether or not it is stopped in between.

use signin_triage::{Config, Counter, Outcome, Session};

#[path = "../../host-test/tests/common/taken_off.rs"]
mod taken_off;

use taken_off::taken_off;

/// What a session is opened with; the first byte of an input chooses. In the last the tables forget while they are watched.
pub const CONFIGS: [&str; 6] = [
    "",
    r#"{"hold_secs":300}"#,
    r#"{"mode":"filter"}"#,
    r#"{"mode":"filter","hold_secs":600,"rollup_secs":1200}"#,
    r#"{"member":"identity"}"#,
    r#"{"users_max":3,"addresses_max":2,"hold_secs":60}"#,
];

/// The configuration of that number, counted round and round.
pub fn config(number: u8) -> Config {
    let text = CONFIGS[usize::from(number) % CONFIGS.len()];
    Config::from_json(text).expect("a good configuration")
}

/// `which` chooses the configuration, the bits of `cuts` where the batch is cut and the session restored.
pub fn check(which: u8, cuts: u64, batch: &str) {
    if CONFIGS[usize::from(which) % CONFIGS.len()].is_empty() {
        every_line_leaves(batch);
    }
    // A batch is of whole lines; only the last one of a stream may have no end.
    let batch = &format!("{batch}\n");
    let mut session = Session::open(config(which));
    let mut whole = session.process(batch);
    nothing_is_lost(&session, &whole);
    whole.add(session.drain());
    nothing_is_lost(&session, &whole);
    assert_eq!(in_pieces(which, cuts, batch), whole, "cut by {cuts:b}");
}

/// Outputs of several calls, one after the other.
trait Add {
    fn add(&mut self, next: Outcome);
}

impl Add for Outcome {
    fn add(&mut self, next: Outcome) {
        self.kept += &next.kept;
        self.suppressed += &next.suppressed;
        // Lines are counted from the start of a batch, so that these cannot be put together.
        self.rejected.clear();
    }
}

fn in_pieces(which: u8, cuts: u64, batch: &str) -> Outcome {
    let mut session = Session::open(config(which));
    let mut pieces = Outcome::default();
    let mut rest = batch;
    for cut in 0..32 {
        let after = match rest.find('\n') {
            Some(at) if cuts >> (2 * cut) & 1 == 1 => at + 1,
            _ => continue,
        };
        let (piece, behind) = rest.split_at(after);
        pieces.add(session.process(piece));
        rest = behind;
        if cuts >> (2 * cut) & 2 != 0 {
            let snapshot = session.snapshot();
            session = Session::restore(config(which), &snapshot).expect("its own snapshot");
            assert_eq!(session.snapshot(), snapshot);
        }
    }
    pieces.add(session.process(rest));
    pieces.add(session.drain());
    pieces
}

fn nothing_is_lost(session: &Session, out: &Outcome) {
    let stats = session.stats();
    let sum = |group: &str| -> u64 {
        let of = |one: &&Counter| one.group == group;
        stats.iter().filter(of).map(|one| one.count).sum()
    };
    let here = sum("lines_enriched") + sum("lines_unchanged");
    assert_eq!(
        sum("lines"),
        here + sum("lines_suppressed") + sum("lines_held")
    );
    assert_eq!(sum("bytes_out"), out.kept.len() as u64);
    assert_eq!(
        out.kept.split_inclusive('\n').count() as u64,
        here + sum("rollups")
    );
    assert_eq!(
        out.suppressed.split_inclusive('\n').count() as u64,
        sum("suppressed")
    );
}

/// In mode `annotate` and without waiting: each line in its place, and it gives the line back when our member is taken
/// off; a second pass changes nothing.
fn every_line_leaves(batch: &str) {
    let kept = &Session::open(config(0)).process(batch).kept;
    let (ins, outs) = (batch.split_inclusive('\n'), kept.split_inclusive('\n'));
    assert_eq!(ins.clone().count(), outs.clone().count());
    for (line, enriched) in ins.zip(outs) {
        // A member of ours that came with the line is replaced; its name can be written with escapes.
        if !line.contains("signin_triage") && !line.contains("\\u") {
            assert_eq!(taken_off(enriched, line), line);
        }
    }
    assert_eq!(&Session::open(config(0)).process(kept).kept, kept);
}
