//! One endpoint after the other.
//!
//! Every balancer starts at an offset of its own: in step they would herd, all sending to the same endpoint at once.

use crate::random::Stream;

use super::parameter::{Given, START};
use super::policy::{Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::Start;

/// One after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundRobin {
    /// Where it begins.
    pub start: Start,
}

impl Policy for RoundRobin {
    const LISTED: PolicyListed = PolicyListed {
        name: "round-robin",
        parameters: &[START],
        information: "number of endpoints, its own position",
        cost: "O(1), no draw",
        source: "kube-proxy in IPVS mode (rr), gRPC round_robin and Envoy ROUND_ROBIN (random start)",
        summary: "one endpoint after the other, from a random start or as if so many picks had been made",
    };

    type State = RoundRobinState;

    fn read(given: &mut Given) -> Self {
        Self { start: Start::read(given, Start::Random) }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> RoundRobinState {
        let next = (endpoints > 0).then(|| self.start.picks(endpoints, stream) % endpoints);
        RoundRobinState { endpoints, next }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { start: Start::Random }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct RoundRobinState {
    endpoints: u32,
    /// The endpoint that is next; `None` until there were endpoints to draw a start from.
    next: Option<u32>,
}

impl State for RoundRobinState {
    #[inline]
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        if self.endpoints == 0 {
            return None;
        }
        let picked = match self.next {
            Some(next) => next,
            None => stream.below(self.endpoints),
        };
        let following = picked + 1;
        self.next = Some(if following == self.endpoints { 0 } else { following });
        Some(picked)
    }

    /// The position stays where it can; the remainder keeps balancers that were apart from all returning to the first.
    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
        self.next = match self.next {
            Some(next) if endpoints > 0 => Some(next % endpoints),
            _ => None,
        };
    }
}
