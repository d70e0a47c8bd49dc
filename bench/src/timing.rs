//! Time on a machine that is busy with other things: of the processor and not of the clock on the wall, in rounds of
//! all ways in turn, the middle of the rounds.

use std::time::{Duration, Instant};

/// Processor time that `work` takes on this thread, and its result.
///
/// What other programs take meanwhile is not in it; that they slow memory down is.
pub fn on_thread<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = thread_time();
    let result = work();
    (thread_time().saturating_sub(start), result)
}

/// Time on the wall, for what works on several threads or waits.
pub fn on_wall<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.cast_unsigned(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The middle of some times; of an even number the smaller of the two.
///
/// # Panics
/// Of none.
pub fn median(times: &mut [Duration]) -> Duration {
    let middle = (times.len() - 1) / 2;
    *times.select_nth_unstable(middle).1
}
