//! The fewest outstanding requests for its weight, among all endpoints.
//!
//! `active` takes the least aᵢ/wᵢ (nginx `least_conn`), `active-plus-one` the least (aᵢ + 1)/wᵢ (IPVS sed), compared
//! exactly. Of equals the first, or any. nginx breaks ties by smooth weighted round robin and Envoy's LEAST_REQUEST with
//! unequal weights goes by deadlines: neither is here.

use std::cmp::Ordering;

use crate::random::Stream;

use super::weights::Weights;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// a/w.
    Active,
    /// (a + 1)/w.
    ActivePlusOne,
}

/// Which of several equals is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The first.
    First,
    /// Any.
    Random,
}

#[derive(Debug, Clone)]
pub(super) struct WeightedLeastRequest {
    weights: Weights,
    rule: Rule,
    ties: Ties,
    known: Vec<u32>,
    outstanding: Vec<u32>,
}

impl WeightedLeastRequest {
    pub(super) fn new(endpoints: u32, weights: Weights, rule: Rule, ties: Ties) -> Self {
        let mut policy = Self { weights, rule, ties, known: Vec::new(), outstanding: Vec::new() };
        policy.resize(endpoints);
        policy
    }

    #[inline(never)]
    pub(super) fn pick(&mut self, stream: &mut Stream) -> Option<u32> {
        let weighing = || (0..self.known.len()).filter(|place| self.known[*place] > 0);
        let least = |best, other| if self.compare(other, best) == Ordering::Less { other } else { best };
        let first = weighing().reduce(least)?;
        let chosen = match self.ties {
            Ties::First => first,
            Ties::Random => {
                let tied = || weighing().filter(|other| self.compare(*other, first) == Ordering::Equal);
                tied().nth(stream.below(tied().count() as u32) as usize)?
            }
        };
        self.outstanding[chosen] += 1;
        Some(chosen as u32)
    }

    /// Compares a/w by cross multiplication.
    fn compare(&self, one: usize, other: usize) -> Ordering {
        let plus = match self.rule {
            Rule::Active => 0,
            Rule::ActivePlusOne => 1,
        };
        let times =
            |load: usize, weight: usize| (u64::from(self.outstanding[load]) + plus) * u64::from(self.known[weight]);
        times(one, other).cmp(&times(other, one))
    }

    pub(super) fn done(&mut self, endpoint: u32) {
        if let Some(outstanding) = self.outstanding.get_mut(endpoint as usize) {
            *outstanding = outstanding.saturating_sub(1);
        }
    }

    pub(super) fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.known = self.weights.of(endpoints);
        self.outstanding.resize(endpoints as usize, 0);
    }
}
