//! A client stays where its first request went, which is uniformly random.
//!
//! A client that asked nothing for longer than the timeout is forgotten, and so is one whose endpoint has gone. Sources:
//! kube-proxy, `sessionAffinity: ClientIP` (`timeoutSeconds` since the last use); session cookies without a timeout.

use std::collections::BTreeMap;

use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

#[derive(Debug, Clone)]
pub(super) struct Sticky {
    endpoints: u32,
    timeout: SimDuration,
    /// The endpoint of each client, and when it asked last.
    clients: BTreeMap<u64, (u32, SimTime)>,
}

impl Sticky {
    pub(super) fn new(endpoints: u32, timeout: Option<SimDuration>) -> Self {
        Self { endpoints, timeout: timeout.unwrap_or(SimDuration::MAX), clients: BTreeMap::new() }
    }

    #[inline(never)]
    pub(super) fn pick(&mut self, stream: &mut Stream, client: u64, now: SimTime) -> Option<u32> {
        if self.endpoints == 0 {
            return None;
        }
        let known = self.clients.get(&client).filter(|(_, asked)| now - *asked <= self.timeout);
        let endpoint = known.map_or_else(|| stream.below(self.endpoints), |(endpoint, _)| *endpoint);
        self.clients.insert(client, (endpoint, now));
        Some(endpoint)
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
        self.clients.retain(|_, (endpoint, _)| *endpoint < endpoints);
    }
}
