//! How much is dealt with at once: room for bodies, and places for connections.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::http::{PEER_CONNECTIONS_MAX, Peer};
use super::log::Log;

/// Bodies that are dealt with at once, in MiB; further requests wait, and their senders with them. Memory is bounded by it:
/// what is made of a body takes some four times as much until it has arrived.
const AT_ONCE_MIB: usize = 64;

/// Room for bodies. A body takes more as more of it comes, so two that wait for each other would wait for ever: one at a time
/// of those that wait may take what it needs beyond all room.
#[derive(Clone)]
pub struct Rooms {
    room: Arc<Semaphore>,
    beyond: Arc<Semaphore>,
    log: Arc<Log>,
}

/// The room that one body takes up, until this is dropped.
pub struct Room {
    rooms: Rooms,
    held: Option<OwnedSemaphorePermit>,
    beyond: Option<OwnedSemaphorePermit>,
}

impl Rooms {
    /// All of it, free.
    pub fn new(log: Arc<Log>) -> Rooms {
        Rooms {
            room: Arc::new(Semaphore::new(AT_ONCE_MIB)),
            beyond: Arc::new(Semaphore::new(1)),
            log,
        }
    }

    /// Room for a body of which nothing has come yet.
    pub fn room(&self) -> Room {
        Room {
            rooms: self.clone(),
            held: None,
            beyond: None,
        }
    }

    /// Waits until no body takes up any.
    pub async fn all_free(&self) {
        let all = u32::try_from(AT_ONCE_MIB).unwrap_or(u32::MAX);
        let _room = self.room.acquire_many(all).await;
        let _beyond = self.beyond.acquire().await;
    }
}

impl Room {
    /// Takes up room for so many bytes, one MiB at least, and gives back what is more than that.
    pub async fn hold(&mut self, bytes: usize) {
        let needed = bytes.div_ceil(1 << 20).max(1);
        let held = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        if let (Some(permit), true) = (&mut self.held, held > needed) {
            drop(permit.split(held - needed));
        }
        if held >= needed || self.beyond.is_some() {
            return;
        }
        let Rooms { room, beyond, log } = &self.rooms;
        let more = u32::try_from(needed - held).unwrap_or(u32::MAX);
        let at_once = Arc::clone(room).try_acquire_many_owned(more).ok();
        let more = if at_once.is_some() {
            at_once
        } else {
            log.happened(
                "requests wait: as many have come as are dealt with at once",
                "",
            );
            tokio::select! {
                biased;
                permit = Arc::clone(room).acquire_many_owned(more) => permit.ok(),
                permit = Arc::clone(beyond).acquire_owned() => {
                    self.beyond = permit.ok();
                    None
                }
            }
        };
        match (&mut self.held, more) {
            (Some(held), Some(more)) => held.merge(more),
            (held, Some(more)) => *held = Some(more),
            (_, None) => {}
        }
    }

    /// Gives all of it back.
    pub fn give_back(&mut self) {
        (self.held, self.beyond) = (None, None);
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
pub struct Peers(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// A connection of an address, until this is dropped.
pub struct OfPeer {
    peers: Peers,
    address: IpAddr,
}

impl Peers {
    /// One more from there. `None`: it has as many as one may.
    pub fn take(&self, Peer(address): Peer) -> Option<OfPeer> {
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = peers.entry(address).or_default();
        if *open >= PEER_CONNECTIONS_MAX {
            return None;
        }
        *open += 1;
        Some(OfPeer {
            peers: self.clone(),
            address,
        })
    }
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let mut peers = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = peers.get_mut(&self.address) {
            *open -= 1;
            if *open == 0 {
                peers.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_that_wait_for_each_other_do_not_wait_for_ever() {
        let rooms = Rooms::new(Arc::default());
        let (mut one, mut two) = (rooms.room(), rooms.room());
        one.hold(40 << 20).await;
        two.hold(20 << 20).await;
        // Neither fits any more, and both get what they need: one beyond, the other when that has gone.
        one.hold(60 << 20).await;
        assert!(one.beyond.is_some());
        let later = tokio::spawn(async move {
            two.hold(50 << 20).await;
            two
        });
        tokio::task::yield_now().await;
        assert!(!later.is_finished());
        drop(one);
        let mut two = later.await.unwrap();
        // Given back as it needs less, and whole at the end.
        two.hold(1).await;
        assert_eq!(two.held.as_ref().unwrap().num_permits(), 1);
        drop(two);
        rooms.all_free().await;
    }

    #[test]
    fn an_address_has_its_share_of_connections() {
        let peers = Peers::default();
        let [one, other] = [1, 2].map(|last| Peer(IpAddr::from([192, 0, 2, last])));
        let mut open: Vec<_> = (0..PEER_CONNECTIONS_MAX)
            .map(|_| peers.take(one).unwrap())
            .collect();
        assert!(peers.take(one).is_none());
        assert!(peers.take(other).is_some());
        open.pop();
        assert!(peers.take(one).is_some());
        drop(open);
        assert!(peers.0.lock().unwrap().is_empty());
    }
}
