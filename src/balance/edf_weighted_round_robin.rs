//! Turns in proportion to the weights, by deadlines: Envoy's `ROUND_ROBIN` with unequal weights (see [`Edf`]).
//!
//! Weights 5, 1, 1 give a a a a b c a. With slow start weights are no whole numbers: then the deadlines are those of
//! [`EdfLeastRequest`] without its counts.

use crate::random::Stream;

use super::edf::Edf;
use super::edf_least_request::{EdfLeastRequest, EdfLeastRequestState};
use super::parameter::{Given, SLOW_START, START, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::slow_start::SlowStart;
use super::weights::{Start, Weights};

/// Turns in proportion to the weights, by deadlines (Envoy).
#[derive(Debug, Clone, PartialEq)]
pub struct EdfWeightedRoundRobin {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// Where it begins.
    pub start: Start,
    /// How endpoints that are new begin with a part of their weight.
    pub slow_start: Option<SlowStart>,
}

impl Policy for EdfWeightedRoundRobin {
    const LISTED: PolicyListed = PolicyListed {
        name: "edf-weighted-round-robin",
        parameters: &[WEIGHTS, START, SLOW_START],
        information: "weights of the endpoints, its own position",
        cost: "O(log n), no draw",
        source: "Envoy ROUND_ROBIN with unequal weights, edf_scheduler.h",
        summary: "the earliest deadline (ties: first inserted), which then moves on by 1 / w_i",
    };

    type State = EdfWeightedRoundRobinState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights(), start: Start::read(given, Start::Random), slow_start: given.slow_start() }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> EdfWeightedRoundRobinState {
        let (weights, start) = (self.weights.clone(), self.start);
        if self.slow_start.is_some() {
            let aging = EdfLeastRequest { weights, bias: 0.0, start, staleness: None, slow_start: self.slow_start };
            return EdfWeightedRoundRobinState::Aging(Box::new(aging.build(endpoints, stream)));
        }
        let seed = if self.start == Start::Random { stream.below(u32::MAX) } else { 0 };
        let known = weights.of(endpoints);
        let mut turns = Turns { weights, start, seed, known, edf: Edf::default() };
        turns.enter_all();
        EdfWeightedRoundRobinState::Steady(turns)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let plain = Self { weights: Weights::example(), start: Start::Random, slow_start: None };
        vec![plain.clone(), Self { slow_start: Some(SlowStart::example()), ..plain }]
    }
}

#[derive(Debug, Clone)]
pub(super) enum EdfWeightedRoundRobinState {
    /// Weights that stay as they are.
    Steady(Turns),
    /// Weights that grow with the age of endpoints.
    Aging(Box<EdfLeastRequestState>),
}

#[derive(Debug, Clone)]
pub(super) struct Turns {
    weights: Weights,
    start: Start,
    /// Where in its cycle a balancer with a random start begins, modulo the sum of the weights.
    seed: u32,
    known: Vec<u32>,
    edf: Edf,
}

impl Turns {
    /// Envoy builds the queue anew when hosts change, and advances it by the number it drew once.
    fn enter_all(&mut self) {
        let picks = match self.start {
            Start::Random => self.seed.checked_rem(self.known.iter().sum()).unwrap_or(0),
            Start::After(picks) => picks,
        };
        self.edf = Edf::new(&self.known, picks);
    }
}

impl State for EdfWeightedRoundRobinState {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        match self {
            Self::Steady(turns) => turns.edf.take(),
            Self::Aging(state) => state.take(sight.now()),
        }
    }

    fn resize(&mut self, endpoints: u32) {
        match self {
            Self::Steady(turns) => {
                turns.known = turns.weights.of(endpoints);
                turns.enter_all();
            }
            Self::Aging(state) => state.resize(endpoints),
        }
    }

    fn follow(&mut self, changes: &Changes) {
        match self {
            Self::Steady(turns) => {
                turns.known = turns.weights.following(changes);
                turns.enter_all();
            }
            Self::Aging(state) => state.follow(changes),
        }
    }
}
