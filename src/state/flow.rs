//! Which records are one sign-in: an interrupt, and the success that completes it.
//!
//! Entra writes several records for one sign-in and no field says so for certain (`reference/facts.md`, section 4, in
//! our words): an interrupt and its success can share the request id (the record is updated in place), or the
//! correlation id with a new request id, or neither, as after the stay-signed-in page. A correlation id can also be
//! invented by the client, live for hours and span attempts. So each tie holds for a limited time only:
//!
//! | tie | holds for | seen |
//! |---|---|---|
//! | same request id | 1 hour | 50074 then 0 after 9 s and 19 s |
//! | same attempt (`originalRequestId`) | 1 hour | prompts answered after 10 minutes and more |
//! | same correlation id and network | 15 minutes | 16000 then 0 after 88 s, 50058 then 0 after 4 s |
//! | same user, address and application | 10 minutes | 50140 then 0 within 120 s under another correlation id |
//!
//! The network goes with the correlation id because a stranger can choose the id. And what a client does by itself does
//! not answer what a person was asked, so by the last tie it does not complete a person's sign-in. A success that
//! arrives before what it completes is found where a person was there; of the others only refreshes are remembered.

use super::event::{Event, Traits};

const REQUEST_SECS: u32 = 3600;
const CORRELATION_SECS: u32 = 900;
const PLACE_SECS: u32 = 600;

/// What a success completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// Interrupted records of the flow.
    pub interrupts: u32,
    /// Seconds from the first of them to the success.
    pub seconds: u32,
}

/// Whether a later record of the same user goes on with an interrupted sign-in.
pub fn goes_on(interrupt: &Event, later: &Event) -> bool {
    let Some(gap) = later.at.checked_sub(interrupt.at) else {
        return false;
    };
    let same = |one: u32, other: u32| one != 0 && one == other;
    (gap <= REQUEST_SECS
        && (same(interrupt.request, later.request) || same(interrupt.attempt, later.attempt)))
        || (gap <= CORRELATION_SECS
            && same(interrupt.correlation, later.correlation)
            && interrupt.network == later.network)
        || (gap <= PLACE_SECS
            && !(interrupt.is(Traits::INTERACTIVE) && later.is(Traits::NON_INTERACTIVE))
            && same(interrupt.address, later.address)
            && same(interrupt.app, later.app))
}

/// Marks the interrupts that `success` completes; `None` where there are none.
pub fn complete(recent: &mut [Event], success: &Event) -> Option<Completed> {
    let mut found: Option<Completed> = None;
    for event in recent.iter_mut().filter(|event| event.is_interrupted()) {
        // A success completes what is still open, once.
        if event.is(Traits::COMPLETED) || !goes_on(event, success) {
            continue;
        }
        event.traits |= Traits::COMPLETED.0;
        let found = found.get_or_insert(Completed {
            interrupts: 0,
            // The list is in order of time, so the first one found is the first of the flow.
            seconds: success.at - event.at,
        });
        found.interrupts += 1;
    }
    found
}

/// The success that completes `interrupt` and was seen before it, as when records arrive shuffled.
pub fn completed_by<'a>(recent: &'a [Event], interrupt: &Event) -> Option<&'a Event> {
    recent
        .iter()
        .rev()
        .take_while(|event| event.at >= interrupt.at)
        // Of the same second, only one that shares the request id: else the order is not known.
        .filter(|event| {
            event.is_success() && (event.at > interrupt.at || event.request == interrupt.request)
        })
        .find(|event| goes_on(interrupt, event))
}

/// Marks `interrupt`, which is in the list, as completed.
pub fn mark_completed(recent: &mut [Event], interrupt: &Event) {
    let own = |event: &&mut Event| {
        (event.id, event.at, event.code) == (interrupt.id, interrupt.at, interrupt.code)
    };
    if let Some(own) = recent.iter_mut().find(own) {
        own.traits |= Traits::COMPLETED.0;
    }
}
