//! Services without kube-proxy: a program at the client's socket (Cilium's replacement).
//!
//! When a pod calls `connect()`, a program on its node draws one of the n endpoints at random and puts its address in
//! place of the Service's. From then on the connection is one to the pod: no address is translated and no rule is
//! walked. Without endpoints `connect()` fails at once. (Maglev hashing, which Cilium offers, is for traffic from outside
//! only: `kubeproxy-free.rst` of its documentation.)
//!
//! `sessionAffinity: ClientIP` is a map from client and Service to an endpoint and the time of its last use.

use std::collections::BTreeMap;

use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

/// The endpoint a new connection gets; `None` when there is none.
#[must_use]
pub fn pick(endpoints: u32, stream: &mut Stream) -> Option<u32> {
    (endpoints > 0).then(|| stream.below(endpoints))
}

/// Which endpoint each client of a Service had last.
#[derive(Debug, Clone)]
pub struct AffinityMap {
    timeout: SimDuration,
    last: BTreeMap<u32, (u32, SimTime)>,
}

impl AffinityMap {
    /// Clients are forgotten when they open no connection for `timeout`.
    #[must_use]
    pub const fn new(timeout: SimDuration) -> Self {
        Self { timeout, last: BTreeMap::new() }
    }

    /// The endpoint a client is held to.
    #[must_use]
    pub fn held(&self, client: u32, now: SimTime) -> Option<u32> {
        let (endpoint, used) = self.last.get(&client)?;
        (now.since(*used) <= self.timeout).then_some(*endpoint)
    }

    /// A connection of a client goes to an endpoint.
    pub fn used(&mut self, client: u32, endpoint: u32, now: SimTime) {
        self.last.insert(client, (endpoint, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_held_as_long_as_it_keeps_coming() {
        let seconds = |seconds| SimTime::ZERO + SimDuration::from_secs(seconds);
        let mut map = AffinityMap::new(SimDuration::from_secs(10));
        map.used(7, 3, seconds(0));
        assert_eq!((map.held(7, seconds(10)), map.held(8, seconds(0))), (Some(3), None));
        map.used(7, 3, seconds(10));
        assert_eq!((map.held(7, seconds(20)), map.held(7, seconds(21))), (Some(3), None));
    }
}
