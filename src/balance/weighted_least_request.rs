//! The fewest outstanding requests for its weight, among all endpoints.
//!
//! `active` takes the least aᵢ/wᵢ (nginx `least_conn`), `active-plus-one` the least (aᵢ + 1)/wᵢ (IPVS sed), compared
//! exactly. Of equals the first, or any. nginx breaks ties by smooth weighted round robin and Envoy's LEAST_REQUEST with
//! unequal weights goes by deadlines: neither is here.

use std::cmp::Ordering;

use crate::random::Stream;

use super::parameter::{Form, Given, Parameter, WEIGHTS};
use super::policy::{Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
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

/// The fewest outstanding requests of this balancer for its weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedLeastRequest {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// What is compared.
    pub rule: Rule,
    /// Which of several equals is taken.
    pub ties: Ties,
}

impl Policy for WeightedLeastRequest {
    const LISTED: PolicyListed = PolicyListed {
        name: "weighted-least-request",
        parameters: &[
            WEIGHTS,
            Parameter {
                key: "rule",
                form: Form::Word(&["active", "active-plus-one"]),
                default: "active",
                doc: "what is compared, active/weight or (active + 1)/weight",
            },
            Parameter {
                key: "ties",
                form: Form::Word(&["random", "first"]),
                default: "random",
                doc: "which of several equals is taken",
            },
        ],
        information: "weights of the endpoints; requests of this balancer without a reply yet, by endpoint",
        cost: "O(n), one draw; none with ties: first",
        source: "nginx least_conn (active / weight); IPVS sed ((active + 1) / weight)",
        summary: "fewest outstanding requests, or one more than that, for the weight, among all endpoints",
    };

    type State = WeightedLeastRequestState;

    fn read(given: &mut Given) -> Self {
        let rules = [("active", Rule::Active), ("active-plus-one", Rule::ActivePlusOne)];
        let ties = [("random", Ties::Random), ("first", Ties::First)];
        Self {
            weights: given.weights(),
            rule: given.word("rule", &rules).unwrap_or(Rule::Active),
            ties: given.word("ties", &ties).unwrap_or(Ties::Random),
        }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> WeightedLeastRequestState {
        let &Self { ref weights, rule, ties } = self;
        let weights = weights.clone();
        let mut state = WeightedLeastRequestState { weights, rule, ties, known: Vec::new(), outstanding: Vec::new() };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |rule, ties| Self { weights: Weights::example(), rule, ties };
        vec![of(Rule::Active, Ties::Random), of(Rule::ActivePlusOne, Ties::First)]
    }
}

#[derive(Debug, Clone)]
pub(super) struct WeightedLeastRequestState {
    weights: Weights,
    rule: Rule,
    ties: Ties,
    known: Vec<u32>,
    outstanding: Vec<u32>,
}

impl WeightedLeastRequestState {
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
}

impl State for WeightedLeastRequestState {
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
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

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        if let Some(outstanding) = self.outstanding.get_mut(endpoint as usize) {
            *outstanding = outstanding.saturating_sub(1);
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }

    fn resize(&mut self, endpoints: u32) {
        self.known = self.weights.of(endpoints);
        self.outstanding.resize(endpoints as usize, 0);
    }
}
