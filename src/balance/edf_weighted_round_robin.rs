//! Turns in proportion to the weights, by deadlines: Envoy's `ROUND_ROBIN` with unequal weights (see [`Edf`]).
//!
//! Weights 5, 1, 1 give a a a a b c a.

use crate::random::Stream;

use super::edf::Edf;
use super::weights::{Start, Weights};

#[derive(Debug, Clone)]
pub(super) struct EdfWeightedRoundRobin {
    weights: Weights,
    start: Start,
    /// Where in its cycle a balancer with a random start begins, modulo the sum of the weights.
    seed: u32,
    edf: Edf,
}

impl EdfWeightedRoundRobin {
    pub(super) fn new(endpoints: u32, weights: Weights, start: Start, stream: &mut Stream) -> Self {
        let seed = if start == Start::Random { stream.below(u32::MAX) } else { 0 };
        let mut policy = Self { weights, start, seed, edf: Edf::default() };
        policy.resize(endpoints);
        policy
    }

    #[inline(never)]
    pub(super) fn pick(&mut self) -> Option<u32> {
        self.edf.take()
    }

    /// Envoy builds the queue anew when hosts change, and advances it by the number it drew once.
    pub(super) fn resize(&mut self, endpoints: u32) {
        let weights = self.weights.of(endpoints);
        let picks = match self.start {
            Start::Random => self.seed.checked_rem(weights.iter().sum()).unwrap_or(0),
            Start::After(picks) => picks,
        };
        self.edf = Edf::new(&weights, picks);
    }
}
