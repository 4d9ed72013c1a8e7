//! The endpoint with the highest score for this client.
//!
//! The score of endpoint i is a hash u of (client, i); with weights −wᵢ / ln u, u in (0, 1). An endpoint that goes takes
//! only its own clients along. Sources: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates"
//! (1998); weights: C. Schindelhauer, G. Schomaker (2005).

use crate::random::Mixer;

use super::hash::of_client;
use super::weights::Weights;

#[derive(Debug, Clone)]
pub(super) struct Rendezvous {
    weights: Weights,
    known: Vec<u32>,
}

impl Rendezvous {
    pub(super) fn new(endpoints: u32, weights: Weights) -> Self {
        Self { known: weights.of(endpoints), weights }
    }

    #[inline(never)]
    pub(super) fn pick(&self, client: u64) -> Option<u32> {
        let scores = Mixer::new(of_client(client));
        let endpoints = (0..).zip(&self.known);
        if self.weights.is_empty() {
            return endpoints.map(|(endpoint, _)| endpoint).max_by_key(|endpoint| scores.mix(u64::from(*endpoint)));
        }
        let score = |endpoint: u32, weight: u32| {
            // Of 53 bits, half a step away from 0 and 1.
            let unit = ((scores.mix(u64::from(endpoint)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            -f64::from(weight) / libm::log(unit)
        };
        let weighing = endpoints.filter(|(_, weight)| **weight > 0);
        let scored = weighing.map(|(endpoint, weight)| (endpoint, score(endpoint, *weight)));
        scored.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(endpoint, _)| endpoint)
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.known = self.weights.of(endpoints);
    }
}
