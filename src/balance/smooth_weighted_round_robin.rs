//! Turns in proportion to the weights, spread as evenly as can be.
//!
//! Each endpoint has a current value cᵢ, at first 0. A pick adds wᵢ to every cᵢ, takes the endpoint with the largest
//! (the first of equals) and subtracts Σw from it. Weights 5, 1, 1 give a a b a c a a. Source: nginx,
//! `ngx_http_upstream_get_peer` (commit 52327e0627f4); of its effective weights, which failures lower, nothing is here.

use crate::random::Stream;

use super::weights::{Start, Weights};

#[derive(Debug, Clone)]
pub(super) struct SmoothWeightedRoundRobin {
    weights: Weights,
    /// Weight and current value of each endpoint.
    endpoints: Vec<(i64, i64)>,
}

impl SmoothWeightedRoundRobin {
    pub(super) fn new(endpoints: u32, weights: Weights, start: Start, stream: &mut Stream) -> Self {
        let mut policy = Self { weights, endpoints: Vec::new() };
        policy.resize(endpoints);
        let cycle = policy.total() as u32;
        // The sequence repeats after Σw picks.
        let picks = start.picks(cycle, stream);
        for _ in 0..picks.checked_rem(cycle).unwrap_or(0) {
            policy.pick();
        }
        policy
    }

    fn total(&self) -> i64 {
        self.endpoints.iter().map(|(weight, _)| weight).sum()
    }

    #[inline(never)]
    pub(super) fn pick(&mut self) -> Option<u32> {
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

    /// Old endpoints keep their current values, new ones begin at 0, as nginx does for servers it knows already.
    pub(super) fn resize(&mut self, endpoints: u32) {
        let current = self.endpoints.iter().map(|(_, current)| *current).chain(std::iter::repeat(0));
        let weights = self.weights.of(endpoints).into_iter().map(i64::from);
        self.endpoints = weights.zip(current).collect();
    }
}
