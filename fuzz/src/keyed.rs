//! State in, state out: a state that an engine hands over is refused or used, and the lines leave whatever it holds.

use signin_triage::Config;
use signin_triage::keyed::{key_of, step};
use signin_triage::state::Key;

use crate::first_line;
use crate::snapshot::sealed;

/// One step by the key that `which` chooses, with the first line of `text` as its state (none where it is empty) and the
/// others as its batch, and one more with the state that came back.
pub fn check(which: u8, watermark: Option<i64>, text: &str) {
    let (body, batch) = first_line(text);
    let by = Key::ALL[usize::from(which) % Key::ALL.len()];
    for line in batch.split_inclusive('\n') {
        // No user is called nothing. Records that name no tenant share the key "".
        let key = key_of(by, line);
        assert!(by != Key::User || key != Some(String::new()));
    }
    let sealed = sealed(body);
    let state = (!body.is_empty()).then_some(sealed.as_str());
    let Ok((state, outcome)) = step(by, Config::default(), state, batch, watermark) else {
        return;
    };
    if body.is_empty() {
        let lines = |text: &str| text.split_inclusive('\n').count();
        assert_eq!(lines(&outcome.kept), lines(batch));
    }
    let again = step(
        by,
        Config::default(),
        Some(&state),
        &outcome.kept,
        watermark,
    );
    assert!(again.is_ok(), "what it wrote itself");
}
