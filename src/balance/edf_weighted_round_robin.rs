//! Turns in proportion to the weights, by deadlines: Envoy's `ROUND_ROBIN` with unequal weights (see [`Edf`]).
//!
//! Weights 5, 1, 1 give a a a a b c a.

use crate::random::Stream;

use super::edf::Edf;
use super::parameter::{Given, START, WEIGHTS};
use super::policy::{Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::{Start, Weights};

/// Turns in proportion to the weights, by deadlines (Envoy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdfWeightedRoundRobin {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// Where it begins.
    pub start: Start,
}

impl Policy for EdfWeightedRoundRobin {
    const LISTED: PolicyListed = PolicyListed {
        name: "edf-weighted-round-robin",
        parameters: &[WEIGHTS, START],
        information: "weights of the endpoints, its own position",
        cost: "O(log n), no draw",
        source: "Envoy ROUND_ROBIN with unequal weights, edf_scheduler.h",
        summary: "the earliest deadline (ties: first inserted), which then moves on by 1 / w_i",
    };

    type State = EdfWeightedRoundRobinState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights(), start: Start::read(given, Start::Random) }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> EdfWeightedRoundRobinState {
        let seed = if self.start == Start::Random { stream.below(u32::MAX) } else { 0 };
        let (weights, start) = (self.weights.clone(), self.start);
        let mut state = EdfWeightedRoundRobinState { weights, start, seed, edf: Edf::default() };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example(), start: Start::Random }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct EdfWeightedRoundRobinState {
    weights: Weights,
    start: Start,
    /// Where in its cycle a balancer with a random start begins, modulo the sum of the weights.
    seed: u32,
    edf: Edf,
}

impl State for EdfWeightedRoundRobinState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        self.edf.take()
    }

    /// Envoy builds the queue anew when hosts change, and advances it by the number it drew once.
    fn resize(&mut self, endpoints: u32) {
        let weights = self.weights.of(endpoints);
        let picks = match self.start {
            Start::Random => self.seed.checked_rem(weights.iter().sum()).unwrap_or(0),
            Start::After(picks) => picks,
        };
        self.edf = Edf::new(&weights, picks);
    }
}
