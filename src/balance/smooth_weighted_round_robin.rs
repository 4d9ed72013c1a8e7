//! Turns in proportion to the weights, spread as evenly as can be.
//!
//! Each endpoint has a current value cᵢ, at first 0. A pick adds wᵢ to every cᵢ, takes the endpoint with the largest
//! (the first of equals) and subtracts Σw from it. Weights 5, 1, 1 give a a b a c a a. Source: nginx,
//! `ngx_http_upstream_get_peer` (commit 52327e0627f4); of its effective weights, which failures lower, nothing is here.

use crate::random::Stream;

use super::parameter::{Given, Parameter, START, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::{Start, Weights};

/// Turns in proportion to the weights, spread evenly (nginx).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmoothWeightedRoundRobin {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// Where it begins.
    pub start: Start,
}

impl Policy for SmoothWeightedRoundRobin {
    const LISTED: PolicyListed = PolicyListed {
        name: "smooth-weighted-round-robin",
        parameters: &[WEIGHTS, Parameter { default: "0", ..START }],
        information: "weights of the endpoints, its own position",
        cost: "O(n), no draw",
        source: "nginx, ngx_http_upstream_round_robin.c",
        summary: "adds w_i to every current value, takes the largest (ties: first) and subtracts the sum of w from it",
    };

    type State = SmoothWeightedRoundRobinState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights(), start: Start::read(given, Start::After(0)) }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> SmoothWeightedRoundRobinState {
        let mut state = SmoothWeightedRoundRobinState { weights: self.weights.clone(), endpoints: Vec::new() };
        state.resize(endpoints);
        let cycle = state.total() as u32;
        // The sequence repeats after Σw picks.
        let picks = self.start.picks(cycle, stream);
        for _ in 0..picks.checked_rem(cycle).unwrap_or(0) {
            state.take();
        }
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example(), start: Start::Random }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct SmoothWeightedRoundRobinState {
    weights: Weights,
    /// Weight and current value of each endpoint.
    endpoints: Vec<(i64, i64)>,
}

impl SmoothWeightedRoundRobinState {
    fn total(&self) -> i64 {
        self.endpoints.iter().map(|(weight, _)| weight).sum()
    }

    fn take(&mut self) -> Option<u32> {
        let mut total = 0;
        let mut best = None;
        for (place, (weight, current)) in self.endpoints.iter_mut().enumerate() {
            total += *weight;
            *current += *weight;
            if *weight > 0 && best.is_none_or(|(_, most)| *current > most) {
                best = Some((place, *current));
            }
        }
        let (place, _) = best?;
        self.endpoints[place].1 -= total;
        Some(place as u32)
    }
}

impl State for SmoothWeightedRoundRobinState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        self.take()
    }

    /// Old endpoints keep their current values, new ones begin at 0, as nginx does for servers it knows already.
    fn resize(&mut self, endpoints: u32) {
        let current = self.endpoints.iter().map(|(_, current)| *current).chain(std::iter::repeat(0));
        let weights = self.weights.of(endpoints).into_iter().map(i64::from);
        self.endpoints = weights.zip(current).collect();
    }

    fn follow(&mut self, changes: &Changes) {
        let current: Vec<i64> = self.endpoints.iter().map(|(_, current)| *current).collect();
        let weights = self.weights.following(changes).into_iter().map(i64::from);
        self.endpoints = weights.zip(changes.apply(&current, 0)).collect();
    }
}
