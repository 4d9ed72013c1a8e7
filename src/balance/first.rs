//! The first endpoint that has room: traffic fills few endpoints and leaves the last ones alone.
//!
//! An endpoint has room while this balancer has fewer than `limit` requests outstanding there; without a limit the first
//! gets everything, which is gRPC's `pick_first`. When none has room, the one with the fewest is taken (the first of
//! equals): HAProxy would let the request wait in the proxy, which is not modelled. Source: HAProxy, `balance first`.

use std::collections::BTreeSet;

#[derive(Debug, Clone)]
pub(super) struct First {
    limit: u32,
    outstanding: Vec<u32>,
    /// Those with room.
    room: BTreeSet<u32>,
}

impl First {
    pub(super) fn new(endpoints: u32, limit: Option<u32>) -> Self {
        let mut policy = Self { limit: limit.unwrap_or(u32::MAX), outstanding: Vec::new(), room: BTreeSet::new() };
        policy.resize(endpoints);
        policy
    }

    #[inline(never)]
    pub(super) fn pick(&mut self) -> Option<u32> {
        let endpoint = match self.room.first() {
            Some(first) => *first,
            None => (0..).zip(&self.outstanding).min_by_key(|(_, outstanding)| **outstanding)?.0,
        };
        let outstanding = &mut self.outstanding[endpoint as usize];
        *outstanding += 1;
        if *outstanding == self.limit {
            self.room.remove(&endpoint);
        }
        Some(endpoint)
    }

    pub(super) fn done(&mut self, endpoint: u32) {
        if let Some(outstanding) = self.outstanding.get_mut(endpoint as usize) {
            *outstanding = outstanding.saturating_sub(1);
            if *outstanding < self.limit {
                self.room.insert(endpoint);
            }
        }
    }

    pub(super) fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.outstanding.resize(endpoints as usize, 0);
        self.room = (0..)
            .zip(&self.outstanding)
            .filter(|(_, outstanding)| **outstanding < self.limit)
            .map(|(e, _)| e)
            .collect();
    }
}
