//! Turns in proportion to the weights, by strides, without state but a counter.
//!
//! Weights are scaled so that the largest is 65535. With s counting from the start, i = s mod n and g = ⌊s / n⌋, the
//! endpoint i is skipped when (wᵢ·g + 32767·i) mod 65535 < 65535 − wᵢ, else picked. An endpoint of weight 0 weighs the
//! mean of the others; where one or none weighs anything, or all weigh the same, it is plain round robin. Source:
//! grpc-go, `balancer/weightedroundrobin/scheduler.go` (A58).

use crate::random::Stream;

use super::parameter::{Given, START, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::{Start, Weights};

const MAX: u64 = 65_535;
const OFFSET: u64 = MAX / 2;

/// Turns in proportion to the weights, by strides (gRPC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticStride {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// Where it begins.
    pub start: Start,
}

impl Policy for StaticStride {
    const LISTED: PolicyListed = PolicyListed {
        name: "static-stride",
        parameters: &[WEIGHTS, START],
        information: "weights of the endpoints, its own position",
        cost: "O(heaviest / mean weight), at most O(n), no draw",
        source: "gRPC weighted_round_robin (A58), grpc-go scheduler.go",
        summary: "in turn, passing over endpoint i so often that its picks are in proportion to its weight",
    };

    type State = StaticStrideState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights(), start: Start::read(given, Start::Random) }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> StaticStrideState {
        let steps = match self.start {
            Start::Random => u64::from(stream.below(u32::MAX)),
            Start::After(_) => 0,
        };
        let weights = self.weights.clone();
        let mut state = StaticStrideState { scaled: scaled(&weights.of(endpoints)), weights, steps };
        if let Start::After(picks) = self.start {
            for _ in 0..picks {
                state.take();
            }
        }
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example(), start: Start::Random }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct StaticStrideState {
    weights: Weights,
    /// From 1 to 65535; all are 65535 for plain round robin.
    scaled: Vec<u64>,
    /// Steps so far, skipped ones included.
    steps: u64,
}

impl StaticStrideState {
    fn take(&mut self) -> Option<u32> {
        let endpoints = self.scaled.len() as u64;
        if endpoints == 0 {
            return None;
        }
        // The heaviest are never skipped, so this ends within a generation.
        loop {
            let (place, generation) = (self.steps % endpoints, self.steps / endpoints);
            self.steps += 1;
            let weight = self.scaled[place as usize];
            if (weight * (generation % MAX) + place * OFFSET) % MAX >= MAX - weight {
                return Some(place as u32);
            }
        }
    }
}

impl State for StaticStrideState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        self.take()
    }

    fn resize(&mut self, endpoints: u32) {
        self.scaled = scaled(&self.weights.of(endpoints));
    }

    fn follow(&mut self, changes: &Changes) {
        self.scaled = scaled(&self.weights.following(changes));
    }
}

fn scaled(weights: &[u32]) -> Vec<u64> {
    let weighing = weights.iter().filter(|weight| **weight > 0).count() as u64;
    let heaviest = u64::from(weights.iter().copied().max().unwrap_or(1));
    if weighing <= 1 || weights.iter().all(|weight| *weight == weights[0]) {
        return vec![MAX; weights.len()];
    }
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    // Rounded, halves up: (2a + b) / 2b is a / b rounded.
    let round = |a: u64, b: u64| ((2 * a + b) / (2 * b)).max(1);
    let mean = round(total * MAX, heaviest * weighing);
    weights.iter().map(|&weight| if weight == 0 { mean } else { round(u64::from(weight) * MAX, heaviest) }).collect()
}
