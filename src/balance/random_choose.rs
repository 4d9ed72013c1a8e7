//! A few endpoints by reservoir sampling, and of them the least loaded, almost: Caddy's `random_choose`.
//!
//! The first N endpoints fill N slots; each later one, the i-th, takes the place of slot j, j uniform below i, if there is
//! one. Slots are then looked at in their order: the first idle endpoint is taken at once; otherwise an endpoint joins the
//! candidates if it has at most as much as the last candidate, and one of the candidates is taken, so a more loaded one may
//! win. The first endpoints keep their slots, so endpoint 0 is looked at earlier and gets more. The same slots are drawn
//! here from N different endpoints at once: those below N stand in their own slots, the others fill the rest in the order
//! drawn. Source: Caddy, `modules/caddyhttp/reverseproxy/selectionpolicies.go`, and shares recorded from it.
//! With `staleness` loads are what the pods reported last, so an idle endpoint stays first until the next reports.

use crate::random::Stream;

use super::loads::Loads;
use super::parameter::{Form, Given, MANY, Parameter, STALENESS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
use crate::time::SimDuration;

/// Few endpoints by reservoir sampling, of them almost the least loaded (Caddy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomChoose {
    /// How many endpoints are looked at.
    pub choices: u32,
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for RandomChoose {
    const LISTED: PolicyListed = PolicyListed {
        name: "random-choose",
        parameters: &[
            Parameter {
                key: "choices",
                form: Form::Count(1, MANY),
                default: "2",
                doc: "how many endpoints it compares",
            },
            STALENESS,
        ],
        information: "requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(N), at most N + 1 draws",
        source: "Caddy random_choose",
        summary: "of N different endpoints an idle one, the earlier ones first, else one of the not increasing loads",
    };

    type State = RandomChooseState;

    fn read(given: &mut Given) -> Self {
        let (choices, staleness) = (given.count("choices").unwrap_or(2), given.duration(STALENESS.key));
        if staleness.is_some() && choices == 1 {
            given.refuse(
                STALENESS.key,
                "`staleness` has no effect with one choice",
                Some("let `choices` be 2 or more, or remove `staleness`"),
            );
        }
        Self { choices, staleness }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> RandomChooseState {
        let loads = Loads::new(self.staleness);
        let mut state = RandomChooseState { choices: self.choices, loads, order: Vec::new() };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |choices, staleness| Self { choices, staleness };
        vec![of(2, None), of(5, None), of(2, Some(SimDuration::from_secs(1)))]
    }
}

#[derive(Debug, Clone)]
pub(super) struct RandomChooseState {
    choices: u32,
    loads: Loads,
    /// All endpoints, shuffled as far as needed at every pick.
    order: Vec<u32>,
}

impl State for RandomChooseState {
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let endpoints = self.order.len() as u32;
        let slots = self.choices.min(endpoints);
        if endpoints == 0 {
            return None;
        }
        for drawn in 0..slots {
            self.order.swap(drawn as usize, (drawn + stream.below(endpoints - drawn)) as usize);
        }
        let drawn = &self.order[..slots as usize];
        let mut others = drawn.iter().copied().filter(|endpoint| *endpoint >= slots);
        let mut candidates: Vec<u32> = Vec::new();
        for slot in 0..slots {
            let own = drawn.contains(&slot);
            let endpoint = if own { slot } else { others.next().expect("each drawn endpoint has a slot") };
            let load = self.loads.of(endpoint);
            if load == 0 {
                candidates = vec![endpoint];
                break;
            }
            if candidates.last().is_none_or(|last| load <= self.loads.of(*last)) {
                candidates.push(endpoint);
            }
        }
        let number = candidates.len() as u32;
        let chosen = candidates[if number > 1 { stream.below(number) as usize } else { 0 }];
        self.loads.picked(chosen);
        Some(chosen)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        self.loads.done(endpoint);
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.loads.own(endpoint)
    }

    fn report(&mut self, sight: &impl Sight) {
        self.loads.report(sight);
    }

    fn resize(&mut self, endpoints: u32) {
        self.loads.resize(endpoints);
        self.order = (0..endpoints).collect();
    }

    fn follow(&mut self, changes: &Changes) {
        self.loads.follow(changes);
        self.order = (0..changes.count).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Glance;
    use crate::stats::chi_square;

    /// How often each endpoint is picked with these outstanding.
    fn counts(loads: &[u32], picks: u32) -> Vec<u64> {
        let mut stream = Stream::new(3, 0, "choose");
        let mut state = RandomChoose { choices: 2, staleness: None }.build(loads.len() as u32, &mut stream);
        state.loads.set(loads);
        let mut counts = vec![0; loads.len()];
        for _ in 0..picks {
            let picked = state.pick(&mut stream, &Glance::default()).unwrap();
            counts[picked as usize] += 1;
            state.done(picked, Ended::default());
        }
        counts
    }

    fn assert_law(counts: &[u64], law: &[f64]) {
        let (_, p) = chi_square(counts, law).unwrap();
        assert!(p > 1e-4, "{counts:?} is not {law:?}");
    }

    /// Four idle endpoints: the first slot's is taken. Endpoint 0 is in it with every pair that has it, 1/2; endpoint 1
    /// never: with 0 it stands behind, with 2 or 3 too. So 2 and 3 get the rest: they fill slot 0 unless 0 is there.
    #[test]
    fn idle_endpoints_are_taken_in_the_order_of_slots() {
        let counts = counts(&[0; 4], 60_000);
        assert_eq!(counts[1], 0);
        assert_law(&[counts[0], counts[2], counts[3]], &[2.0, 1.0, 1.0]);
    }

    /// Two busy endpoints: slots 0 and 1 are theirs. The second joins if it has no more, and then either may win.
    #[test]
    fn the_more_loaded_of_two_may_win() {
        assert_law(&counts(&[3, 1], 40_000), &[1.0, 1.0]);
        assert_eq!(counts(&[1, 3], 1_000), [1_000, 0]);
        assert_eq!(counts(&[3, 0], 1_000), [0, 1_000]);
    }
}
