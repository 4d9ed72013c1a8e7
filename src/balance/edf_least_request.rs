//! Turns by deadlines that fall behind with the load: Envoy's `LEAST_REQUEST` with unequal weights.
//!
//! A pick takes the earliest deadline (of equals the one that was entered first) and enters the endpoint again, due
//! (a + 1)^bias / w later, a being its outstanding requests before this one. While nothing is outstanding that is weighted
//! round robin: 5, 1, 1 give a a a a b c a. Deadlines are counted in parts of a common multiple of the weights, so that equal
//! ones stay equal; Envoy adds them up in floating point. Source: Envoy,
//! `load_balancer_impl.cc` (`hostWeight`: w / (a + 1)^bias, evaluated when a host is entered) and `edf_scheduler.h`. With
//! equal weights Envoy compares two endpoints instead: `least-request` with `choices: 2` and `replacement: true`.
//!
//! With `staleness: T` a is what the pod reported last, all requests waiting and in service there whoever sent them, until
//! the next reports T later. Turns go on between two reports; a deadline that was entered before a report stays as it is.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::random::Stream;

use super::loads::Loads;
use super::parameter::{Form, Given, Parameter, STALENESS, START, WEIGHTS};
use super::policy::{Asks, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
use super::weights::{Start, Weights};
use crate::time::SimDuration;

/// Turns in proportion to weight / (outstanding + 1)^bias (Envoy).
#[derive(Debug, Clone, PartialEq)]
pub struct EdfLeastRequest {
    /// How much each endpoint gets while it is idle.
    pub weights: Weights,
    /// How much outstanding requests count.
    pub bias: f64,
    /// Where it begins.
    pub start: Start,
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for EdfLeastRequest {
    const LISTED: PolicyListed = PolicyListed {
        name: "edf-least-request",
        parameters: &[
            WEIGHTS,
            Parameter {
                key: "activeRequestBias",
                form: Form::Number(0.0, 100.0),
                default: "1",
                doc: "the exponent of outstanding requests + 1, by which weights are divided",
            },
            START,
            STALENESS,
        ],
        information: "weights of the endpoints; requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(log n), no draw",
        source: "Envoy LEAST_REQUEST with unequal weights, load_balancer_impl.cc",
        summary: "the earliest deadline (ties: first entered), which then moves on by (outstanding + 1)^bias / w_i",
    };

    type State = EdfLeastRequestState;

    fn read(given: &mut Given) -> Self {
        Self {
            weights: given.weights(),
            bias: given.number("activeRequestBias").unwrap_or(1.0),
            start: Start::read(given, Start::Random),
            staleness: given.duration(STALENESS.key),
        }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> EdfLeastRequestState {
        let seed = if self.start == Start::Random { stream.below(u32::MAX) } else { 0 };
        let (policy, due, loads) = (self.clone(), BinaryHeap::new(), Loads::new(self.staleness));
        let mut state = EdfLeastRequestState { policy, seed, known: Vec::new(), unit: 1, loads, due, entered: 0 };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |staleness| Self { weights: Weights::example(), bias: 1.0, start: Start::Random, staleness };
        vec![of(None), of(Some(SimDuration::from_secs(1)))]
    }
}

#[derive(Debug, Clone)]
pub(super) struct EdfLeastRequestState {
    policy: EdfLeastRequest,
    /// Where in the cycle of idle endpoints a balancer with a random start begins.
    seed: u32,
    known: Vec<u32>,
    /// How many parts a deadline of 1 has: a multiple of all weights, if they have a common one below 2^60.
    unit: u64,
    loads: Loads,
    due: BinaryHeap<Due>,
    entered: u64,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    /// In units of 1/`unit`.
    deadline: u128,
    entered: u64,
    endpoint: u32,
}

impl EdfLeastRequestState {
    /// What is added to the deadline of an endpoint.
    fn step(&self, endpoint: u32) -> u128 {
        let load = u64::from(self.loads.of(endpoint)) + 1;
        let turn = self.unit / u64::from(self.known[endpoint as usize]);
        if self.policy.bias.to_bits() == 1.0_f64.to_bits() {
            u128::from(load) * u128::from(turn)
        } else {
            (libm::pow(load as f64, self.policy.bias) * turn as f64) as u128
        }
    }

    fn take(&mut self) -> Option<u32> {
        let Due { deadline, endpoint, .. } = *self.due.peek()?;
        let next = Due { deadline: deadline + self.step(endpoint), entered: self.entered, endpoint };
        self.entered += 1;
        *self.due.peek_mut()? = next;
        Some(endpoint)
    }
}

impl State for EdfLeastRequestState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let endpoint = self.take()?;
        self.loads.picked(endpoint);
        Some(endpoint)
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

    /// All are entered anew, as Envoy does when hosts change, each with the turns that it would have had by then.
    fn resize(&mut self, endpoints: u32) {
        self.known = self.policy.weights.of(endpoints);
        self.loads.resize(endpoints);
        self.unit = unit(&self.known);
        self.due.clear();
        self.entered = 0;
        let total: u64 = self.known.iter().map(|weight| u64::from(*weight)).sum();
        let picks = match self.policy.start {
            Start::Random => u64::from(self.seed).checked_rem(total).unwrap_or(0),
            Start::After(picks) => u64::from(picks),
        };
        let mut missing = if total > 0 { picks } else { 0 };
        for endpoint in (0..endpoints).filter(|endpoint| self.known[*endpoint as usize] > 0) {
            let turns = picks * u64::from(self.known[endpoint as usize]) / total;
            missing -= turns;
            let deadline = u128::from(turns + 1) * self.step(endpoint);
            self.due.push(Due { deadline, entered: self.entered, endpoint });
            self.entered += 1;
        }
        for _ in 0..missing {
            self.take();
        }
    }
}

/// The largest multiple of all weights up to 2^60, or 2^60 itself.
fn unit(weights: &[u32]) -> u64 {
    let most = 1_u64 << 60;
    let divisor = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut weights = weights.iter().filter(|weight| **weight > 0).map(|weight| u64::from(*weight));
    let common = weights.try_fold(1_u64, |common, weight| {
        common.checked_mul(weight / divisor(common, weight)).filter(|common| *common <= most)
    });
    common.map_or(most, |common| most / common * common)
}

impl Ord for Due {
    /// The largest is taken first, so an early deadline is large.
    fn cmp(&self, other: &Self) -> Ordering {
        other.deadline.cmp(&self.deadline).then(other.entered.cmp(&self.entered))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Glance;
    use crate::time::SimTime;

    fn state(weights: &[u32], bias: f64) -> EdfLeastRequestState {
        of(weights, bias, None)
    }

    fn of(weights: &[u32], bias: f64, staleness: Option<SimDuration>) -> EdfLeastRequestState {
        let weights_given = Weights::new(weights.to_vec()).unwrap();
        let policy = EdfLeastRequest { weights: weights_given, bias, start: Start::After(0), staleness };
        policy.build(weights.len() as u32, &mut Stream::new(1, 0, "edf"))
    }

    /// So many picks as letters; each reply comes before the next pick, or never.
    fn picks(state: &mut EdfLeastRequestState, picks: u32, replies: bool) -> String {
        let mut stream = Stream::new(1, 0, "edf");
        let mut pick = |_| {
            let endpoint = state.pick(&mut stream, &Glance::default()).unwrap();
            if replies {
                state.done(endpoint, Ended::default());
            }
            char::from(b'a' + endpoint as u8)
        };
        (0..picks).map(&mut pick).collect()
    }

    #[test]
    fn idle_endpoints_take_weighted_turns() {
        assert_eq!(picks(&mut state(&[5, 1, 1], 1.0), 14, true), "aaaabcaaaaabca");
        assert_eq!(picks(&mut state(&[2, 1], 1.0), 9, true), "abaabaaba");
        // Without bias replies do not matter.
        assert_eq!(picks(&mut state(&[5, 1, 1], 0.0), 14, false), "aaaabcaaaaabca");
    }

    /// Envoy's documentation: weights 1, 2, 4 with 0, 3 and 1 active requests weigh 1, 0.5 and 2.
    #[test]
    fn load_takes_weight_away() {
        let mut loaded = state(&[1, 2, 4], 1.0);
        loaded.loads.set(&[0, 3, 1]);
        let weights =
            |state: &EdfLeastRequestState| [0, 1, 2].map(|endpoint| state.unit as f64 / state.step(endpoint) as f64);
        assert_eq!(weights(&loaded), [1.0, 0.5, 2.0]);
        let mut half = state(&[1, 2, 4], 0.5);
        half.loads.set(&[0, 3, 8]);
        assert_eq!(weights(&half), [1.0, 1.0, 4.0 / 3.0]);
        // Shares with the load held: 2, 1 and 4 of 7.
        loaded.resize(3);
        let mut counts = [0; 3];
        (0..7_000).for_each(|_| counts[loaded.take().unwrap() as usize] += 1);
        for (count, share) in counts.into_iter().zip([2_000_i32, 1_000, 4_000]) {
            assert!((count - share).abs() <= 2, "{counts:?}");
        }
    }

    /// Weights 2 and 1, nothing returns: a is due at 0.5, 1, 2, 3.5 and 5.5, b at 1, 2, 4 and 7; of equals b was entered
    /// first.
    #[test]
    fn deadlines_by_hand() {
        assert_eq!(picks(&mut state(&[2, 1], 1.0), 8, false), "ababaaba");
    }

    /// Pods with these requests in them.
    struct Pods([u32; 2]);

    impl Sight for Pods {
        fn now(&self) -> SimTime {
            SimTime::ZERO
        }

        fn client(&self) -> u64 {
            0
        }

        fn jobs(&self, place: u32) -> u32 {
            self.0[place as usize]
        }

        fn work(&self, _place: u32) -> u128 {
            0
        }
    }

    /// Weights 2 and 1, a reports 3 requests: its turns last 2 instead of 0.5, those of b 1. When a is empty again, its
    /// turn at 4.5 stands, and those after it are at 5, 5.5, 6; b is due at 5, 6, 7 and was entered first of equals.
    #[test]
    fn reports_change_the_turns_after_the_next() {
        let mut stale = of(&[2, 1], 1.0, Some(SimDuration::from_secs(1)));
        assert_eq!(stale.policy.asks().reports, Some(SimDuration::from_secs(1)));
        stale.report(&Pods([3, 0]));
        assert_eq!(picks(&mut stale, 6, false), "abbabb", "its own picks do not count");
        stale.report(&Pods([0, 0]));
        assert_eq!(picks(&mut stale, 8, true), "abaabaab");
        assert_eq!([stale.outstanding(0), stale.outstanding(1)], [0, 0]);
        // Without staleness reports say nothing.
        let mut own = state(&[2, 1], 1.0);
        own.report(&Pods([3, 0]));
        assert_eq!(picks(&mut own, 8, false), "ababaaba");
    }
}
