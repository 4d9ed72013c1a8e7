//! The endpoint with the highest score for this client.
//!
//! The score of endpoint i is a hash u of (client, i); with weights −wᵢ / ln u, u in (0, 1). An endpoint that goes takes
//! only its own clients along. Sources: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates"
//! (1998); weights: C. Schindelhauer, G. Schomaker (2005).

use crate::random::{Mixer, Stream};

use super::hash::of_client;
use super::parameter::{Given, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::Weights;

/// The endpoint with the highest hash of client and endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendezvous {
    /// How much each endpoint gets.
    pub weights: Weights,
}

impl Policy for Rendezvous {
    const LISTED: PolicyListed = PolicyListed {
        name: "rendezvous",
        parameters: &[WEIGHTS],
        information: "the client, weights of the endpoints",
        cost: "O(n), no draw",
        source: "D. Thaler, C. Ravishankar (1998), highest random weight",
        summary: "the endpoint with the highest hash of client and endpoint",
    };

    type State = RendezvousState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> RendezvousState {
        RendezvousState {
            known: self.weights.of(endpoints),
            weights: self.weights.clone(),
            numbers: (0..endpoints).collect(),
        }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example() }, Self { weights: Weights::NONE }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct RendezvousState {
    weights: Weights,
    known: Vec<u32>,
    /// What is hashed of each endpoint.
    numbers: Vec<u32>,
}

impl State for RendezvousState {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let scores = Mixer::new(of_client(sight.client()));
        let number = |endpoint: u32| u64::from(self.numbers[endpoint as usize]);
        let endpoints = (0..).zip(&self.known);
        if self.weights.is_empty() {
            return endpoints.map(|(endpoint, _)| endpoint).max_by_key(|endpoint| scores.mix(number(*endpoint)));
        }
        let score = |endpoint: u32, weight: u32| {
            // Of 53 bits, half a step away from 0 and 1.
            let unit = ((scores.mix(number(endpoint)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            -f64::from(weight) / libm::log(unit)
        };
        let weighing = endpoints.filter(|(_, weight)| **weight > 0);
        let scored = weighing.map(|(endpoint, weight)| (endpoint, score(endpoint, *weight)));
        scored.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(endpoint, _)| endpoint)
    }

    fn resize(&mut self, endpoints: u32) {
        self.known = self.weights.of(endpoints);
        self.numbers = (0..endpoints).collect();
    }

    fn follow(&mut self, changes: &Changes) {
        self.known = self.weights.following(changes);
        self.numbers.clone_from(&changes.numbers);
    }
}
