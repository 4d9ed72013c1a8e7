//! Random choice with probabilities in proportion to the weights, without memory.
//!
//! P(i) = wᵢ / Σw, by binary search in the running sums of the weights.

use crate::random::Stream;

use super::weights::Weights;

#[derive(Debug, Clone)]
pub(super) struct WeightedRandom {
    weights: Weights,
    /// For each endpoint the sum of the weights up to and including its own.
    sums: Vec<u32>,
}

impl WeightedRandom {
    pub(super) fn new(endpoints: u32, weights: Weights) -> Self {
        let mut policy = Self { weights, sums: Vec::new() };
        policy.resize(endpoints);
        policy
    }

    #[inline(never)]
    pub(super) fn pick(&self, stream: &mut Stream) -> Option<u32> {
        let total = *self.sums.last()?;
        let point = stream.below(total);
        Some(self.sums.partition_point(|sum| *sum <= point) as u32)
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        let mut sum = 0;
        let running = |weight| {
            sum += weight;
            sum
        };
        self.sums = self.weights.of(endpoints).into_iter().map(running).collect();
    }
}
