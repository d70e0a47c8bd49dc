//! A snapshot that somebody changed, checksum and all: it is refused or taken up, and what is taken up can be used,
//! written down and taken up again.

use signin_triage::Session;
use signin_triage::state::event::hash64;

use crate::SOME;
use crate::batch::config;

/// `body` as a snapshot: with a first line that says that it is whole.
pub fn sealed(body: &str) -> String {
    let empty = Session::open(signin_triage::Config::default()).snapshot();
    let (first, _) = crate::first_line(&empty);
    let (about, _) = first.rsplit_once(' ').expect("a checksum");
    format!("{about} {:016x}\n{body}", hash64(body))
}

/// Opens a session that remembers what `body` says, under the configuration that `which` chooses, and goes on with it.
pub fn check(which: u8, body: &str) {
    let Ok(mut session) = Session::restore(config(which), &sealed(body)) else {
        return;
    };
    let first = session.snapshot();
    let mut second = Session::restore(config(which), &first).expect("what it wrote itself");
    assert_eq!(second.snapshot(), first);
    let out = session.process(SOME);
    assert_eq!(second.process(SOME), out);
    assert_eq!(session.advance(i64::MAX), second.advance(i64::MAX));
    let snapshot = session.snapshot();
    assert!(Session::restore(config(which), &snapshot).is_ok());
    session.drain();
    session.stats();
    let snapshot = session.snapshot();
    assert!(Session::restore(config(which), &snapshot).is_ok());
}
