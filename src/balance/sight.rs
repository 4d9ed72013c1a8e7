//! What a policy may look at when it chooses, and what it is told when a request is over.

use crate::random::Stream;
use crate::time::SimTime;

/// The world as a balancer sees it at a pick.
///
/// A trait and not a record, so that a policy pays for what it asks only. Policies of real components ask for the time
/// and for the client; what is in the pods, nobody but an oracle knows.
pub trait Sight {
    /// Now.
    fn now(&self) -> SimTime;

    /// Who asks: the same number for all requests of a client, another one for another client.
    fn client(&self) -> u64;

    /// How many requests truly wait and are served in the pod at a place, whoever sent them. For oracles only.
    fn jobs(&self, place: u32) -> u32;

    /// How much unfinished work there truly is in the pod at a place, divided by its slots; only differences matter. For
    /// oracles that ask for it ([`Asks::work`](super::Asks::work)).
    fn work(&self, place: u32) -> u128;
}

/// The place with the least of something, each of several with the same probability; one draw.
pub(super) fn least<T: Ord>(places: u32, of: impl Fn(u32) -> T, stream: &mut Stream) -> Option<u32> {
    let least = (0..places).map(&of).min()?;
    let tied = || (0..places).filter(|place| of(*place) == least);
    tied().nth(stream.below(tied().count() as u32) as usize)
}

/// The time, one client, and pods that are all empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Glance {
    /// Now.
    pub now: SimTime,
    /// Who asks.
    pub client: u64,
}

impl Sight for Glance {
    fn now(&self) -> SimTime {
        self.now
    }

    fn client(&self) -> u64 {
        self.client
    }

    fn jobs(&self, _place: u32) -> u32 {
        0
    }

    fn work(&self, _place: u32) -> u128 {
        0
    }
}

/// How a request ended, as the balancer that sent it sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ended {
    /// When its endpoint was picked.
    pub picked: SimTime,
    /// When the reply came or the request was given up: now.
    pub now: SimTime,
    /// Whether it failed.
    pub failed: bool,
}
