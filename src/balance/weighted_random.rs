//! Random choice with probabilities in proportion to the weights, without memory.
//!
//! P(i) = wᵢ / Σw, by binary search in the running sums of the weights.

use crate::random::Stream;

use super::hash::{at_point, running_sums};
use super::parameter::{Given, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::Weights;

/// At random, in proportion to the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedRandom {
    /// How much each endpoint gets.
    pub weights: Weights,
}

impl Policy for WeightedRandom {
    const LISTED: PolicyListed = PolicyListed {
        name: "weighted-random",
        parameters: &[WEIGHTS],
        information: "weights of the endpoints",
        cost: "O(log n), one draw",
        source: "Gateway API backendRefs, Envoy RANDOM with weighted hosts",
        summary: "endpoint i with probability w_i / sum of w",
    };

    type State = WeightedRandomState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> WeightedRandomState {
        WeightedRandomState { sums: running_sums(self.weights.of(endpoints)), weights: self.weights.clone() }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example() }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct WeightedRandomState {
    weights: Weights,
    /// For each endpoint the sum of the weights up to and including its own.
    sums: Vec<u32>,
}

impl State for WeightedRandomState {
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let total = *self.sums.last()?;
        let point = stream.below(total);
        Some(at_point(&self.sums, point))
    }

    fn resize(&mut self, endpoints: u32) {
        self.sums = running_sums(self.weights.of(endpoints));
    }

    fn follow(&mut self, changes: &Changes) {
        self.sums = running_sums(self.weights.following(changes));
    }
}
