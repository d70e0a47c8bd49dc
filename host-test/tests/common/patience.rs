//! Waiting for what another process does.

use std::thread;
use std::time::Duration;

/// Long enough for any machine; only a hang takes so long.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Waits until nothing is missing any more.
pub fn wait_until(mut so: impl FnMut() -> Result<(), String>) {
    const STEP: Duration = Duration::from_millis(10);
    let mut missing = None;
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        missing = so().err();
        if missing.is_none() {
            return;
        }
        thread::sleep(STEP);
    }
    panic!("in vain: {}", missing.unwrap_or_default());
}
