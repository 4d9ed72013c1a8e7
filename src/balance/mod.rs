//! Which endpoint gets the next connection or request.
//!
//! A [`Balancer`] is the state of one balancing component: a node's kube-proxy, a worker of a proxy, a client. It knows
//! how many endpoints it has and what it sent where; what else a policy may look at stands in [`Sight`]. A policy is a
//! file here, a variant of [`Spec`] and a line of [`POLICIES`].

mod least_request;
mod levels;
mod random;
mod round_robin;
mod sight;

use crate::random::Stream;

use least_request::LeastRequest;
use random::Random;
use round_robin::RoundRobin;

pub use least_request::Choices;
pub use sight::{Ended, Glance, Sight};

/// A policy with its parameters, as a scenario names it.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// Every endpoint with the same probability.
    Random {},
    /// One after the other, from a random start.
    RoundRobin {},
    /// The fewest outstanding requests of this balancer among those looked at.
    LeastRequest {
        /// How many endpoints are looked at.
        choices: Choices,
        /// Whether the same endpoint may be drawn twice.
        replacement: bool,
    },
}

impl Spec {
    /// The word used in scenarios and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Random {} => "random",
            Self::RoundRobin {} => "round-robin",
            Self::LeastRequest { .. } => "least-request",
        }
    }

    /// A balancer over endpoints `0..endpoints`; what its start leaves open is drawn from `stream`.
    #[must_use]
    pub fn build(&self, endpoints: u32, stream: &mut Stream) -> Balancer {
        Balancer(match *self {
            Self::Random {} => Policy::Random(Random::new(endpoints)),
            Self::RoundRobin {} => Policy::RoundRobin(RoundRobin::new(endpoints, stream)),
            Self::LeastRequest { choices, replacement } => {
                Policy::LeastRequest(LeastRequest::new(endpoints, choices, replacement))
            }
        })
    }
}

/// Chooses endpoints for one balancing component.
#[derive(Debug, Clone)]
pub struct Balancer(Policy);

#[derive(Debug, Clone)]
enum Policy {
    Random(Random),
    RoundRobin(RoundRobin),
    LeastRequest(LeastRequest),
}

impl Balancer {
    /// Chooses an endpoint and counts a request as outstanding there; `None` when there are no endpoints.
    ///
    /// Policies off the shortest paths are calls: in line, their code would make every request's path longer.
    #[inline]
    pub fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        match &mut self.0 {
            Policy::Random(policy) => policy.pick(stream),
            Policy::RoundRobin(policy) => policy.pick(stream),
            Policy::LeastRequest(policy) => policy.pick(stream),
        }
    }

    /// The reply from `endpoint` (or its failure) passed by: one request less is outstanding there.
    ///
    /// Requests to endpoints that [`Self::resize`] took away are forgotten: for them, and for an endpoint with nothing
    /// outstanding, this does nothing.
    #[inline]
    pub fn done(&mut self, endpoint: u32, _ended: Ended) {
        match &mut self.0 {
            Policy::Random(_) | Policy::RoundRobin(_) => {}
            Policy::LeastRequest(policy) => policy.done(endpoint),
        }
    }

    /// How many requests are outstanding at `endpoint`: 0 under the policies that do not count them.
    #[must_use]
    pub fn outstanding(&self, endpoint: u32) -> u32 {
        match &self.0 {
            Policy::Random(_) | Policy::RoundRobin(_) => 0,
            Policy::LeastRequest(policy) => policy.outstanding(endpoint),
        }
    }

    /// From now on the endpoints are `0..endpoints`: new ones begin with nothing outstanding, old ones keep their count.
    pub fn resize(&mut self, endpoints: u32) {
        match &mut self.0 {
            Policy::Random(policy) => policy.resize(endpoints),
            Policy::RoundRobin(policy) => policy.resize(endpoints),
            Policy::LeastRequest(policy) => policy.resize(endpoints),
        }
    }
}

/// What there is to know about a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyListed {
    /// The word used in scenarios.
    pub name: &'static str,
    /// Parameters with their defaults.
    pub parameters: &'static str,
    /// What it knows.
    pub information: &'static str,
    /// What a pick costs, n being the number of endpoints.
    pub cost: &'static str,
    /// Where it is found, or who analysed it.
    pub source: &'static str,
    /// What it does.
    pub summary: &'static str,
}

/// Every policy, in the order of [`Spec`].
pub const POLICIES: &[PolicyListed] = &[
    PolicyListed {
        name: "random",
        parameters: "",
        information: "number of endpoints",
        cost: "O(1), one draw",
        source: "kube-proxy in iptables mode (statistic mode random) and nftables mode (numgen random)",
        summary: "every endpoint with the same probability",
    },
    PolicyListed {
        name: "round-robin",
        parameters: "",
        information: "number of endpoints, its own position",
        cost: "O(1), no draw",
        source: "kube-proxy in IPVS mode (rr), gRPC round_robin and Envoy ROUND_ROBIN (random start)",
        summary: "one endpoint after the other, from a random start",
    },
    PolicyListed {
        name: "least-request",
        parameters: "choices: all | N (all), replacement: true | false (false)",
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), one draw with choices: all or N >= n; O(N), N draws otherwise",
        source: "Envoy LEAST_REQUEST and gRPC least_request (A48): choices 2 with replacement; \
                 M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing (2001)",
        summary: "fewest outstanding requests among N endpoints drawn uniformly (ties: first drawn) or all (ties: uniform)",
    },
];

#[cfg(test)]
mod tests;
