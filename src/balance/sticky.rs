//! A client stays where its first request went, which is uniformly random.
//!
//! A client that asked nothing for longer than the timeout is forgotten, and so is one whose endpoint has gone. Sources:
//! kube-proxy, `sessionAffinity: ClientIP` (`timeoutSeconds` since the last use); session cookies without a timeout.

use std::collections::BTreeMap;

use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

use super::parameter::{Form, Given, Parameter};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;

/// Where the client's first request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// A client that asked nothing for longer is forgotten.
    pub timeout: Option<SimDuration>,
}

impl Policy for Sticky {
    const LISTED: PolicyListed = PolicyListed {
        name: "sticky",
        parameters: &[Parameter {
            key: "timeout",
            form: Form::DurationOr("none"),
            default: "none",
            doc: "a client that asked nothing for longer is forgotten",
        }],
        information: "the client, where it went before and when",
        cost: "O(log c) with c clients, one draw for a new client",
        source: "kube-proxy sessionAffinity: ClientIP (timeout 10800s), session cookies",
        summary: "where the client's first request went, which is uniformly random",
    };

    type State = StickyState;

    fn read(given: &mut Given) -> Self {
        Self { timeout: given.duration("timeout") }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> StickyState {
        let timeout = self.timeout.unwrap_or(SimDuration::MAX);
        StickyState { endpoints, timeout, clients: BTreeMap::new() }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { timeout: None }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct StickyState {
    endpoints: u32,
    timeout: SimDuration,
    /// The endpoint of each client, and when it asked last.
    clients: BTreeMap<u64, (u32, SimTime)>,
}

impl State for StickyState {
    fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let (client, now) = (sight.client(), sight.now());
        if self.endpoints == 0 {
            return None;
        }
        let known = self.clients.get(&client).filter(|(_, asked)| now - *asked <= self.timeout);
        let endpoint = known.map_or_else(|| stream.below(self.endpoints), |(endpoint, _)| *endpoint);
        self.clients.insert(client, (endpoint, now));
        Some(endpoint)
    }

    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
        self.clients.retain(|_, (endpoint, _)| *endpoint < endpoints);
    }

    fn follow(&mut self, changes: &Changes) {
        self.endpoints = changes.count;
        let moved = |endpoint: u32| changes.moved.get(endpoint as usize).copied().flatten();
        let stays = |(client, (endpoint, asked))| Some((client, (moved(endpoint)?, asked)));
        self.clients = std::mem::take(&mut self.clients).into_iter().filter_map(stays).collect();
    }
}
