//! Which endpoint gets the next connection or request.
//!
//! A [`Balancer`] is the state of one balancing component: a node's kube-proxy, a worker of a proxy, a client. It knows
//! how many endpoints it has and what it sent where; what else a policy may look at stands in [`Sight`]. A policy is a
//! file here, a variant of [`Spec`] and a line of [`POLICIES`].

mod bounded;
mod edf;
mod edf_weighted_round_robin;
mod first;
mod hash;
mod ip_hash;
mod join_idle_queue;
mod jump;
mod least_request;
mod levels;
mod maglev;
mod oracle_jsq;
mod peak_ewma;
mod random;
mod rendezvous;
mod ring_hash;
mod round_robin;
mod sight;
mod smooth_weighted_round_robin;
mod static_stride;
mod sticky;
mod weighted_least_request;
mod weighted_random;
mod weights;

use crate::random::Stream;
use crate::time::SimDuration;

use bounded::Bounded;
use edf_weighted_round_robin::EdfWeightedRoundRobin;
use first::First;
use ip_hash::IpHash;
use join_idle_queue::JoinIdleQueue;
use jump::Jump;
use least_request::LeastRequest;
use maglev::Maglev;
use oracle_jsq::OracleJsq;
use peak_ewma::PeakEwma;
use random::Random;
use rendezvous::Rendezvous;
use ring_hash::RingHash;
use round_robin::RoundRobin;
use smooth_weighted_round_robin::SmoothWeightedRoundRobin;
use static_stride::StaticStride;
use sticky::Sticky;
use weighted_least_request::WeightedLeastRequest;
use weighted_random::WeightedRandom;

pub use bounded::Overflow;
pub use hash::Addresses;
pub use least_request::Choices;
pub use ring_hash::RingSize;
pub use sight::{Ended, Glance, Sight};
pub use weighted_least_request::{Rule, Ties};
pub use weights::{MAX_WEIGHT, Start, Weights};

/// A policy with its parameters, as a scenario names it.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// Every endpoint with the same probability.
    Random {},
    /// One after the other.
    RoundRobin {
        /// Where it begins.
        start: Start,
    },
    /// The fewest outstanding requests of this balancer among those looked at.
    LeastRequest {
        /// How many endpoints are looked at.
        choices: Choices,
        /// Whether the same endpoint may be drawn twice.
        replacement: bool,
    },
    /// At random, in proportion to the weights.
    WeightedRandom {
        /// How much each endpoint gets.
        weights: Weights,
    },
    /// Turns in proportion to the weights, spread evenly (nginx).
    SmoothWeightedRoundRobin {
        /// How much each endpoint gets.
        weights: Weights,
        /// Where it begins.
        start: Start,
    },
    /// Turns in proportion to the weights, by deadlines (Envoy).
    EdfWeightedRoundRobin {
        /// How much each endpoint gets.
        weights: Weights,
        /// Where it begins.
        start: Start,
    },
    /// Turns in proportion to the weights, by strides (gRPC).
    StaticStride {
        /// How much each endpoint gets.
        weights: Weights,
        /// Where it begins.
        start: Start,
    },
    /// The first endpoint that has room.
    First {
        /// Outstanding requests that fill an endpoint; without it, none is ever full.
        limit: Option<u32>,
    },
    /// Any idle endpoint, else any.
    JoinIdleQueue {},
    /// Two choices by estimated latency times queue.
    PeakEwma {
        /// Time in which an estimate falls to 1/e.
        decay: SimDuration,
        /// The estimate of an endpoint that never replied.
        default_rtt: SimDuration,
    },
    /// Two choices by outstanding requests (tower, Linkerd).
    PendingRequests {},
    /// Consistent hashing of the client on a ring of points.
    RingHash {
        /// How much each endpoint gets.
        weights: Weights,
        /// How many points there are.
        size: RingSize,
        /// What is hashed of the endpoints.
        addresses: Addresses,
        /// Most that an endpoint may have, in percent of its share, and where the rest goes.
        bound: Option<(u32, Overflow)>,
    },
    /// Consistent hashing of the client by a table.
    Maglev {
        /// How much each endpoint gets.
        weights: Weights,
        /// How many slots there are: a prime number.
        size: u32,
        /// What is hashed of the endpoints.
        addresses: Addresses,
        /// Most that an endpoint may have, in percent of its share.
        bound: Option<u32>,
    },
    /// The endpoint with the highest hash of client and endpoint.
    Rendezvous {
        /// How much each endpoint gets.
        weights: Weights,
    },
    /// Consistent hashing of the client by arithmetic.
    Jump {},
    /// The hash of the client modulo the number of endpoints.
    IpHash {
        /// How much each endpoint gets.
        weights: Weights,
    },
    /// Where the client's first request went.
    Sticky {
        /// A client that asked nothing for longer is forgotten.
        timeout: Option<SimDuration>,
    },
    /// The fewest requests that truly are there.
    OracleJsq {},
    /// The fewest outstanding requests of this balancer for its weight.
    WeightedLeastRequest {
        /// How much each endpoint gets.
        weights: Weights,
        /// What is compared.
        rule: Rule,
        /// Which of several equals is taken.
        ties: Ties,
    },
}

impl Spec {
    /// The word used in scenarios and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Random {} => "random",
            Self::RoundRobin { .. } => "round-robin",
            Self::LeastRequest { .. } => "least-request",
            Self::WeightedRandom { .. } => "weighted-random",
            Self::SmoothWeightedRoundRobin { .. } => "smooth-weighted-round-robin",
            Self::EdfWeightedRoundRobin { .. } => "edf-weighted-round-robin",
            Self::StaticStride { .. } => "static-stride",
            Self::First { .. } => "first",
            Self::JoinIdleQueue {} => "join-idle-queue",
            Self::PeakEwma { .. } => "peak-ewma",
            Self::PendingRequests {} => "pending-requests",
            Self::RingHash { .. } => "ring-hash",
            Self::Maglev { .. } => "maglev",
            Self::Rendezvous { .. } => "rendezvous",
            Self::Jump {} => "jump",
            Self::IpHash { .. } => "ip-hash",
            Self::Sticky { .. } => "sticky",
            Self::OracleJsq {} => "oracle-jsq",
            Self::WeightedLeastRequest { .. } => "weighted-least-request",
        }
    }

    /// The weights of its endpoints, where it looks at weights.
    #[must_use]
    pub const fn weights(&self) -> Option<&Weights> {
        match self {
            Self::WeightedRandom { weights }
            | Self::SmoothWeightedRoundRobin { weights, .. }
            | Self::EdfWeightedRoundRobin { weights, .. }
            | Self::StaticStride { weights, .. }
            | Self::RingHash { weights, .. }
            | Self::Maglev { weights, .. }
            | Self::Rendezvous { weights }
            | Self::IpHash { weights }
            | Self::WeightedLeastRequest { weights, .. } => Some(weights),
            _ => None,
        }
    }

    /// A balancer over endpoints `0..endpoints`; what its start leaves open is drawn from `stream`.
    #[must_use]
    pub fn build(&self, endpoints: u32, stream: &mut Stream) -> Balancer {
        Balancer(match self.clone() {
            Self::Random {} => Policy::Random(Random::new(endpoints)),
            Self::RoundRobin { start } => Policy::RoundRobin(RoundRobin::new(endpoints, start, stream)),
            Self::LeastRequest { choices, replacement } => {
                Policy::LeastRequest(LeastRequest::new(endpoints, choices, replacement))
            }
            Self::WeightedRandom { weights } => Policy::WeightedRandom(WeightedRandom::new(endpoints, weights)),
            Self::SmoothWeightedRoundRobin { weights, start } => {
                Policy::SmoothWeightedRoundRobin(SmoothWeightedRoundRobin::new(endpoints, weights, start, stream))
            }
            Self::EdfWeightedRoundRobin { weights, start } => {
                Policy::EdfWeightedRoundRobin(EdfWeightedRoundRobin::new(endpoints, weights, start, stream))
            }
            Self::StaticStride { weights, start } => {
                Policy::StaticStride(StaticStride::new(endpoints, weights, start, stream))
            }
            Self::First { limit } => Policy::First(First::new(endpoints, limit)),
            Self::JoinIdleQueue {} => Policy::JoinIdleQueue(JoinIdleQueue::new(endpoints)),
            Self::PeakEwma { decay, default_rtt } => Policy::PeakEwma(PeakEwma::new(endpoints, decay, default_rtt)),
            Self::PendingRequests {} => Policy::LeastRequest(LeastRequest::new(endpoints, Choices::Of(2), false)),
            Self::RingHash { weights, size, addresses, bound } => {
                let bounded = bound.map(|(factor, overflow)| Bounded::new(factor, overflow));
                Policy::RingHash(Box::new(RingHash::new(endpoints, weights, size, addresses, bounded)))
            }
            Self::Maglev { weights, size, addresses, bound } => {
                let bounded = bound.map(|factor| Bounded::new(factor, Overflow::Random));
                Policy::Maglev(Box::new(Maglev::new(endpoints, weights, size, addresses, bounded)))
            }
            Self::Rendezvous { weights } => Policy::Rendezvous(Rendezvous::new(endpoints, weights)),
            Self::Jump {} => Policy::Jump(Jump::new(endpoints)),
            Self::IpHash { weights } => Policy::IpHash(IpHash::new(endpoints, weights)),
            Self::Sticky { timeout } => Policy::Sticky(Sticky::new(endpoints, timeout)),
            Self::OracleJsq {} => Policy::OracleJsq(OracleJsq::new(endpoints)),
            Self::WeightedLeastRequest { weights, rule, ties } => {
                Policy::WeightedLeastRequest(WeightedLeastRequest::new(endpoints, weights, rule, ties))
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
    WeightedRandom(WeightedRandom),
    SmoothWeightedRoundRobin(SmoothWeightedRoundRobin),
    EdfWeightedRoundRobin(EdfWeightedRoundRobin),
    StaticStride(StaticStride),
    First(First),
    JoinIdleQueue(JoinIdleQueue),
    PeakEwma(PeakEwma),
    RingHash(Box<RingHash>),
    Maglev(Box<Maglev>),
    Rendezvous(Rendezvous),
    Jump(Jump),
    IpHash(IpHash),
    Sticky(Sticky),
    OracleJsq(OracleJsq),
    WeightedLeastRequest(WeightedLeastRequest),
}

impl Balancer {
    /// Chooses an endpoint and counts a request as outstanding there; `None` when there are no endpoints.
    ///
    /// Policies off the shortest paths are calls: in line, their code would make every request's path longer.
    #[inline]
    pub fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        match &mut self.0 {
            Policy::Random(policy) => policy.pick(stream),
            Policy::RoundRobin(policy) => policy.pick(stream),
            Policy::LeastRequest(policy) => policy.pick(stream),
            Policy::WeightedRandom(policy) => policy.pick(stream),
            Policy::SmoothWeightedRoundRobin(policy) => policy.pick(),
            Policy::EdfWeightedRoundRobin(policy) => policy.pick(),
            Policy::StaticStride(policy) => policy.pick(),
            Policy::First(policy) => policy.pick(),
            Policy::JoinIdleQueue(policy) => policy.pick(stream),
            Policy::PeakEwma(policy) => policy.pick(stream, sight.now()),
            Policy::RingHash(policy) => policy.pick(sight.client()),
            Policy::Maglev(policy) => policy.pick(sight.client()),
            Policy::Rendezvous(policy) => policy.pick(sight.client()),
            Policy::Jump(policy) => policy.pick(sight.client()),
            Policy::IpHash(policy) => policy.pick(sight.client()),
            Policy::Sticky(policy) => policy.pick(stream, sight.client(), sight.now()),
            Policy::OracleJsq(policy) => policy.pick(stream, sight),
            Policy::WeightedLeastRequest(policy) => policy.pick(stream),
        }
    }

    /// The reply from `endpoint` (or its failure) passed by: one request less is outstanding there.
    ///
    /// Requests to endpoints that [`Self::resize`] took away are forgotten: for them, and for an endpoint with nothing
    /// outstanding, this does nothing.
    #[inline]
    pub fn done(&mut self, endpoint: u32, ended: Ended) {
        match &mut self.0 {
            Policy::LeastRequest(policy) => policy.done(endpoint),
            Policy::First(policy) => policy.done(endpoint),
            Policy::JoinIdleQueue(policy) => policy.done(endpoint),
            Policy::PeakEwma(policy) => policy.done(endpoint, ended),
            Policy::RingHash(policy) => policy.done(endpoint),
            Policy::Maglev(policy) => policy.done(endpoint),
            Policy::WeightedLeastRequest(policy) => policy.done(endpoint),
            Policy::Random(_)
            | Policy::RoundRobin(_)
            | Policy::WeightedRandom(_)
            | Policy::SmoothWeightedRoundRobin(_)
            | Policy::EdfWeightedRoundRobin(_)
            | Policy::StaticStride(_)
            | Policy::Rendezvous(_)
            | Policy::Jump(_)
            | Policy::IpHash(_)
            | Policy::Sticky(_)
            | Policy::OracleJsq(_) => {}
        }
    }

    /// How many requests are outstanding at `endpoint`: 0 under the policies that do not count them.
    #[must_use]
    pub fn outstanding(&self, endpoint: u32) -> u32 {
        match &self.0 {
            Policy::LeastRequest(policy) => policy.outstanding(endpoint),
            Policy::First(policy) => policy.outstanding(endpoint),
            Policy::JoinIdleQueue(policy) => policy.outstanding(endpoint),
            Policy::PeakEwma(policy) => policy.outstanding(endpoint),
            Policy::RingHash(policy) => policy.outstanding(endpoint),
            Policy::Maglev(policy) => policy.outstanding(endpoint),
            Policy::WeightedLeastRequest(policy) => policy.outstanding(endpoint),
            _ => 0,
        }
    }

    /// From now on the endpoints are `0..endpoints`: new ones begin with nothing outstanding, old ones keep their count.
    pub fn resize(&mut self, endpoints: u32) {
        match &mut self.0 {
            Policy::Random(policy) => policy.resize(endpoints),
            Policy::RoundRobin(policy) => policy.resize(endpoints),
            Policy::LeastRequest(policy) => policy.resize(endpoints),
            Policy::WeightedRandom(policy) => policy.resize(endpoints),
            Policy::SmoothWeightedRoundRobin(policy) => policy.resize(endpoints),
            Policy::EdfWeightedRoundRobin(policy) => policy.resize(endpoints),
            Policy::StaticStride(policy) => policy.resize(endpoints),
            Policy::First(policy) => policy.resize(endpoints),
            Policy::JoinIdleQueue(policy) => policy.resize(endpoints),
            Policy::PeakEwma(policy) => policy.resize(endpoints),
            Policy::RingHash(policy) => policy.resize(endpoints),
            Policy::Maglev(policy) => policy.resize(endpoints),
            Policy::Rendezvous(policy) => policy.resize(endpoints),
            Policy::Jump(policy) => policy.resize(endpoints),
            Policy::IpHash(policy) => policy.resize(endpoints),
            Policy::Sticky(policy) => policy.resize(endpoints),
            Policy::OracleJsq(policy) => policy.resize(endpoints),
            Policy::WeightedLeastRequest(policy) => policy.resize(endpoints),
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
        parameters: "start: random | PICKS (random)",
        information: "number of endpoints, its own position",
        cost: "O(1), no draw",
        source: "kube-proxy in IPVS mode (rr), gRPC round_robin and Envoy ROUND_ROBIN (random start)",
        summary: "one endpoint after the other, from a random start or as if so many picks had been made",
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
    PolicyListed {
        name: "weighted-random",
        parameters: "weights: [W, …] (all 1)",
        information: "weights of the endpoints",
        cost: "O(log n), one draw",
        source: "Gateway API backendRefs, Envoy RANDOM with weighted hosts",
        summary: "endpoint i with probability w_i / sum of w",
    },
    PolicyListed {
        name: "smooth-weighted-round-robin",
        parameters: "weights: [W, …] (all 1), start: random | PICKS (0)",
        information: "weights of the endpoints, its own position",
        cost: "O(n), no draw",
        source: "nginx, ngx_http_upstream_round_robin.c",
        summary: "adds w_i to every current value, takes the largest (ties: first) and subtracts the sum of w from it",
    },
    PolicyListed {
        name: "edf-weighted-round-robin",
        parameters: "weights: [W, …] (all 1), start: random | PICKS (random)",
        information: "weights of the endpoints, its own position",
        cost: "O(log n), no draw",
        source: "Envoy ROUND_ROBIN with unequal weights, edf_scheduler.h",
        summary: "the earliest deadline (ties: first inserted), which then moves on by 1 / w_i",
    },
    PolicyListed {
        name: "static-stride",
        parameters: "weights: [W, …] (all 1), start: random | PICKS (random)",
        information: "weights of the endpoints, its own position",
        cost: "O(heaviest / mean weight), at most O(n), no draw",
        source: "gRPC weighted_round_robin (A58), grpc-go scheduler.go",
        summary: "in turn, passing over endpoint i so often that its picks are in proportion to its weight",
    },
    PolicyListed {
        name: "first",
        parameters: "limit: N | unlimited (unlimited)",
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(log n), no draw; O(n) when all are full",
        source: "HAProxy balance first; gRPC pick_first without a limit",
        summary: "the first endpoint with fewer than N outstanding requests; when there is none, the fewest (ties: first)",
    },
    PolicyListed {
        name: "join-idle-queue",
        parameters: "",
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), one draw",
        source: "Y. Lu et al., Join-Idle-Queue (2011), one dispatcher",
        summary: "uniform among the endpoints without outstanding requests; when there is none, among all",
    },
    PolicyListed {
        name: "peak-ewma",
        parameters: "decay: DURATION (10s), defaultRtt: DURATION (30ms)",
        information: "requests of this balancer without a reply yet, by endpoint; how long replies took; the time",
        cost: "O(1), one draw",
        source: "Linkerd and Finagle; tower, load/peak_ewma.rs",
        summary: "of two different endpoints drawn uniformly the lower estimated latency x (outstanding + 1); \
                  estimates jump up to a slower reply, fall exponentially otherwise",
    },
    PolicyListed {
        name: "pending-requests",
        parameters: "",
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), one draw",
        source: "tower, load/pending_requests.rs",
        summary: "of two different endpoints drawn uniformly the one with fewer outstanding requests: \
                  least-request with choices: 2",
    },
    PolicyListed {
        name: "ring-hash",
        parameters: "weights: [W, …] (all 1), minRingSize: N (1024), maxRingSize: N (8388608), \
                     firstAddress: IP:PORT (10.0.0.1:80), balanceFactor: PERCENT | none (none), \
                     overflow: random | clockwise (random)",
        information: "the client, addresses and weights of the endpoints; \
                      with balanceFactor requests of this balancer without a reply yet, by endpoint",
        cost: "O(log n), no draw; O(n) when a bounded endpoint is full",
        source: "Envoy RING_HASH, gRPC ring_hash (A42); V. Mirrokni et al., Consistent Hashing with Bounded Loads (2018)",
        summary: "the endpoint of the first point on the ring at or behind the hash of the client",
    },
    PolicyListed {
        name: "maglev",
        parameters: "weights: [W, …] (all 1), tableSize: PRIME (65537), firstAddress: IP:PORT (10.0.0.1:80), \
                     balanceFactor: PERCENT | none (none)",
        information: "the client, addresses and weights of the endpoints; \
                      with balanceFactor requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), no draw; O(n) when a bounded endpoint is full",
        source: "Envoy MAGLEV; D. Eisenbud et al., Maglev (NSDI 2016)",
        summary: "the endpoint in slot (hash of the client modulo the table's size), slots being claimed in turn",
    },
    PolicyListed {
        name: "rendezvous",
        parameters: "weights: [W, …] (all 1)",
        information: "the client, weights of the endpoints",
        cost: "O(n), no draw",
        source: "D. Thaler, C. Ravishankar (1998), highest random weight",
        summary: "the endpoint with the highest hash of client and endpoint",
    },
    PolicyListed {
        name: "jump",
        parameters: "",
        information: "the client, number of endpoints",
        cost: "O(log n), no draw",
        source: "J. Lamping, E. Veach, A Fast, Minimal Memory, Consistent Hash Algorithm (2014)",
        summary: "a bucket that changes with probability 1/(n + 1) when the n + 1st endpoint comes",
    },
    PolicyListed {
        name: "ip-hash",
        parameters: "weights: [W, …] (all 1)",
        information: "the client, weights of the endpoints",
        cost: "O(log n), no draw",
        source: "HAProxy balance source (map-based), nginx hash $remote_addr",
        summary: "the endpoint at (hash of the client modulo the sum of the weights)",
    },
    PolicyListed {
        name: "sticky",
        parameters: "timeout: DURATION | none (none)",
        information: "the client, where it went before and when",
        cost: "O(log c) with c clients, one draw for a new client",
        source: "kube-proxy sessionAffinity: ClientIP (timeout 10800s), session cookies",
        summary: "where the client's first request went, which is uniformly random",
    },
    PolicyListed {
        name: "oracle-jsq",
        parameters: "",
        information: "requests waiting and in service in every pod, whoever sent them: nobody real knows this",
        cost: "O(n), one draw",
        source: "the bound for policies that look at queues",
        summary: "fewest requests in the pod (ties: uniform)",
    },
    PolicyListed {
        name: "weighted-least-request",
        parameters: "weights: [W, …] (all 1), rule: active | active-plus-one (active), ties: random | first (random)",
        information: "weights of the endpoints; requests of this balancer without a reply yet, by endpoint",
        cost: "O(n), one draw; none with ties: first",
        source: "nginx least_conn (active / weight); IPVS sed ((active + 1) / weight)",
        summary: "fewest outstanding requests, or one more than that, for the weight, among all endpoints",
    },
];

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hash;
#[cfg(test)]
mod tests_load;
#[cfg(test)]
mod tests_weighted;
