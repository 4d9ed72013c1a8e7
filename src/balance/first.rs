//! The first endpoint that has room: traffic fills few endpoints and leaves the last ones alone.
//!
//! An endpoint has room while this balancer has fewer than `limit` requests outstanding there; without a limit the first
//! gets everything, which is gRPC's `pick_first`. When none has room, the one with the fewest is taken (the first of
//! equals): HAProxy would let the request wait in the proxy, which is not modelled. Source: HAProxy, `balance first`.

use std::collections::BTreeSet;

use crate::random::Stream;

use super::parameter::{Form, Given, MANY, Parameter};
use super::policy::{Policy, PolicyListed, State};
use super::sight::{Ended, Sight};

/// The first endpoint that has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// Outstanding requests that fill an endpoint; without it, none is ever full.
    pub limit: Option<u32>,
}

impl Policy for First {
    const LISTED: PolicyListed = PolicyListed {
        name: "first",
        parameters: &[Parameter {
            key: "limit",
            form: Form::CountOr(1, MANY, "unlimited"),
            default: "unlimited",
            doc: "outstanding requests that fill an endpoint",
        }],
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(log n), no draw",
        source: "HAProxy balance first; gRPC pick_first without a limit",
        summary: "the first endpoint with fewer than N outstanding requests; when there is none, the fewest (ties: first)",
    };

    type State = FirstState;

    fn read(given: &mut Given) -> Self {
        Self { limit: given.count("limit") }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> FirstState {
        let limit = self.limit.unwrap_or(u32::MAX);
        let mut state = FirstState { limit, outstanding: Vec::new(), order: BTreeSet::new() };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { limit: None }, Self { limit: Some(3) }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct FirstState {
    limit: u32,
    outstanding: Vec<u32>,
    /// By how much each is beyond the last count that leaves room, and the endpoint: the first is taken.
    order: BTreeSet<(u32, u32)>,
}

impl FirstState {
    fn excess(&self, endpoint: u32) -> u32 {
        self.outstanding[endpoint as usize].saturating_sub(self.limit - 1)
    }

    /// Sets the count of an endpoint, and its place among the others.
    fn set(&mut self, endpoint: u32, outstanding: u32) {
        let before = self.excess(endpoint);
        self.outstanding[endpoint as usize] = outstanding;
        let after = self.excess(endpoint);
        if after != before {
            self.order.remove(&(before, endpoint));
            self.order.insert((after, endpoint));
        }
    }
}

impl State for FirstState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let (_, endpoint) = *self.order.first()?;
        self.set(endpoint, self.outstanding[endpoint as usize] + 1);
        Some(endpoint)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        if let Some(outstanding @ 1..) = self.outstanding.get(endpoint as usize).copied() {
            self.set(endpoint, outstanding - 1);
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }

    fn resize(&mut self, endpoints: u32) {
        self.outstanding.resize(endpoints as usize, 0);
        self.order = (0..endpoints).map(|endpoint| (self.excess(endpoint), endpoint)).collect();
    }
}
