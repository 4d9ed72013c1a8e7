//! Random choice with probabilities in proportion to the weights, without memory.
//!
//! P(i) = wᵢ / Σw, by binary search in the running sums of the weights.

use crate::random::Stream;

use super::hash::{at_point, running_sums};
use super::weights::Weights;

#[derive(Debug, Clone)]
pub(super) struct WeightedRandom {
    weights: Weights,
    /// For each endpoint the sum of the weights up to and including its own.
    sums: Vec<u32>,
}

impl WeightedRandom {
    pub(super) fn new(endpoints: u32, weights: Weights) -> Self {
        Self { sums: running_sums(&weights, endpoints), weights }
    }

    #[inline(never)]
    pub(super) fn pick(&self, stream: &mut Stream) -> Option<u32> {
        let total = *self.sums.last()?;
        let point = stream.below(total);
        Some(at_point(&self.sums, point))
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.sums = running_sums(&self.weights, endpoints);
    }
}
