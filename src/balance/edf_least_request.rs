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
//!
//! With slow start, when hosts change, Envoy goes by deadlines with equal weights too, until they change again at a time when
//! none of them is new.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

use super::loads::Loads;
use super::parameter::{Form, Given, Parameter, SLOW_START, STALENESS, START, WEIGHTS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
use super::slow_start::{Ages, SlowStart};
use super::weights::{Start, Weights};

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
    /// How endpoints that are new begin with a part of their weight.
    pub slow_start: Option<SlowStart>,
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
            SLOW_START,
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
            slow_start: given.slow_start(),
            staleness: given.duration(STALENESS.key),
        }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> EdfLeastRequestState {
        let seed = if self.start == Start::Random { stream.below(u32::MAX) } else { 0 };
        let (policy, due, loads) = (self.clone(), BinaryHeap::new(), Loads::new(self.staleness));
        let ages = self.slow_start.map(|slow_start| Box::new(Ages::new(slow_start)));
        let mut state = EdfLeastRequestState { policy, seed, known: Vec::new(), unit: 1, loads, due, entered: 0, ages };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |staleness, slow_start| Self {
            weights: Weights::example(),
            bias: 1.0,
            start: Start::Random,
            staleness,
            slow_start,
        };
        vec![of(None, None), of(Some(SimDuration::from_secs(1)), None), of(None, Some(SlowStart::example()))]
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
    ages: Option<Box<Ages>>,
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
    fn step(&self, endpoint: u32, now: SimTime) -> u128 {
        let load = u64::from(self.loads.of(endpoint)) + 1;
        let turn = self.unit / u64::from(self.known[endpoint as usize]);
        let bias = self.policy.bias.to_bits();
        let step = if bias == 1.0_f64.to_bits() {
            u128::from(load) * u128::from(turn)
        } else if bias == 0.0_f64.to_bits() {
            u128::from(turn)
        } else {
            (libm::pow(load as f64, self.policy.bias) * turn as f64) as u128
        };
        match self.ages.as_ref().map(|ages| ages.factor(endpoint, now)) {
            Some(factor) if factor < 1.0 => (step as f64 / factor) as u128,
            _ => step,
        }
    }

    /// Takes the earliest deadline, and enters the endpoint again with what it weighs now.
    pub(super) fn take(&mut self, now: SimTime) -> Option<u32> {
        let Due { deadline, endpoint, .. } = *self.due.peek()?;
        // An endpoint with next to no weight is due at the end of time.
        let deadline = deadline.saturating_add(self.step(endpoint, now));
        let next = Due { deadline, entered: self.entered, endpoint };
        self.entered += 1;
        *self.due.peek_mut()? = next;
        Some(endpoint)
    }

    /// All are entered anew, as Envoy does when hosts change, each with the turns that it would have had by then.
    fn enter_all(&mut self, now: SimTime) {
        self.unit = unit(&self.known);
        self.due.clear();
        self.entered = 0;
        let total: u64 = self.known.iter().map(|weight| u64::from(*weight)).sum();
        let picks = match self.policy.start {
            Start::Random => u64::from(self.seed).checked_rem(total).unwrap_or(0),
            Start::After(picks) => u64::from(picks),
        };
        let weighing: Vec<u32> =
            (0..).zip(&self.known).filter(|(_, weight)| **weight > 0).map(|(place, _)| place).collect();
        let steps: Vec<u128> = weighing.iter().map(|endpoint| self.step(*endpoint, now)).collect();
        // The same as 1 / Σ (1 / step), without rounding where nothing is new and nothing outstanding.
        let plain = |(endpoint, step): (&u32, &u128)| {
            *step == u128::from(self.unit / u64::from(self.known[*endpoint as usize]))
        };
        let exact = weighing.iter().zip(&steps).all(plain);
        let all: f64 = steps.iter().map(|step| 1.0 / *step as f64).sum();
        let mut missing = if total > 0 { picks } else { 0 };
        for (endpoint, step) in weighing.into_iter().zip(steps) {
            let turns = if exact {
                picks * u64::from(self.known[endpoint as usize]) / total
            } else {
                (picks as f64 / step as f64 / all) as u64
            };
            missing = missing.saturating_sub(turns);
            let deadline = u128::from(turns + 1).saturating_mul(step);
            self.due.push(Due { deadline, entered: self.entered, endpoint });
            self.entered += 1;
        }
        for _ in 0..missing {
            self.take(now);
        }
    }
}

impl State for EdfLeastRequestState {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let endpoint = self.take(sight.now())?;
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

    fn resize(&mut self, endpoints: u32) {
        self.known = self.policy.weights.of(endpoints);
        self.loads.resize(endpoints);
        if let Some(ages) = &mut self.ages {
            ages.resize(endpoints);
        }
        self.enter_all(SimTime::MAX);
    }

    /// Endpoints keep their weights and what is outstanding; new ones weigh 1.
    fn follow(&mut self, changes: &Changes) {
        self.known = self.policy.weights.following(changes);
        self.loads.follow(changes);
        if let Some(ages) = &mut self.ages {
            ages.follow(changes);
        }
        self.enter_all(changes.at);
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

    fn state(weights: &[u32], bias: f64) -> EdfLeastRequestState {
        of(weights, bias, None)
    }

    fn of(weights: &[u32], bias: f64, staleness: Option<SimDuration>) -> EdfLeastRequestState {
        let weights_given = Weights::new(weights.to_vec()).unwrap();
        let policy =
            EdfLeastRequest { weights: weights_given, bias, start: Start::After(0), staleness, slow_start: None };
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
        let weights = |state: &EdfLeastRequestState| {
            [0, 1, 2].map(|endpoint| state.unit as f64 / state.step(endpoint, SimTime::ZERO) as f64)
        };
        assert_eq!(weights(&loaded), [1.0, 0.5, 2.0]);
        let mut half = state(&[1, 2, 4], 0.5);
        half.loads.set(&[0, 3, 8]);
        assert_eq!(weights(&half), [1.0, 1.0, 4.0 / 3.0]);
        // Shares with the load held: 2, 1 and 4 of 7.
        loaded.resize(3);
        let mut counts = [0; 3];
        (0..7_000).for_each(|_| counts[loaded.take(SimTime::ZERO).unwrap() as usize] += 1);
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

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(secs)
    }

    /// The first of two endpoints stays, the second is new at 100 s, and the window is 60 s.
    fn with_a_new_one(bias: f64, aggression: f64) -> EdfLeastRequestState {
        let slow_start = Some(SlowStart { aggression, ..SlowStart::example() });
        let policy =
            EdfLeastRequest { weights: Weights::NONE, bias, start: Start::After(0), staleness: None, slow_start };
        let mut state = policy.build(1, &mut Stream::new(1, 0, "edf"));
        state.follow(&Changes { at: at(100), count: 2, moved: vec![Some(0)], numbers: vec![0, 1] });
        state
    }

    /// How often each of two is taken at a time.
    fn taken(state: &mut EdfLeastRequestState, now: SimTime, picks: u32) -> [u32; 2] {
        let mut counts = [0; 2];
        (0..picks).for_each(|_| counts[state.take(now).unwrap() as usize] += 1);
        counts
    }

    #[test]
    fn new_endpoints_get_a_part_of_their_share() {
        // Parts of 1/10 (the least), 1/4 and 1/2 of the other's weight, then the same.
        for (secs, shares) in [(100, [1_000, 100]), (115, [800, 200]), (130, [1_000, 500]), (160, [500, 500])] {
            let mut state = with_a_new_one(0.0, 1.0);
            taken(&mut state, at(secs), 100);
            let counts = taken(&mut state, at(secs), shares.iter().sum());
            assert!(counts.iter().zip(shares).all(|(count, share)| count.abs_diff(share) <= 1), "{secs} s: {counts:?}");
        }
        // (15 / 60)^(1 / 2) is a half.
        let mut state = with_a_new_one(0.0, 2.0);
        taken(&mut state, at(115), 100);
        let counts = taken(&mut state, at(115), 300);
        assert!(counts[1].abs_diff(100) <= 1, "{counts:?}");
    }

    /// What an endpoint weighs is found when it is entered: the new one is due at 10 turns, whatever it weighs by then.
    #[test]
    fn weights_are_those_of_the_last_turn() {
        let mut state = with_a_new_one(0.0, 1.0);
        assert_eq!(taken(&mut state, at(159), 9), [9, 0]);
        // The tenth is due at 10, as the new one is, which was entered before.
        assert_eq!(taken(&mut state, at(160), 2), [1, 1]);
    }

    #[test]
    fn load_and_age_take_weight_away_together() {
        let mut state = with_a_new_one(1.0, 1.0);
        state.loads.set(&[0, 3]);
        let weight = |endpoint, secs| state.unit as f64 / state.step(endpoint, at(secs)) as f64;
        assert_eq!([weight(0, 130), weight(1, 130), weight(1, 160)], [1.0, 0.125, 0.25]);
    }

    /// Those that stay keep their weights, their counts and their ages; the new one is in slow start.
    #[test]
    fn endpoints_that_stay_keep_what_they_have() {
        let slow_start = Some(SlowStart::example());
        let weights = Weights::new(vec![7, 5, 3]).unwrap();
        let policy = EdfLeastRequest { weights, bias: 1.0, start: Start::After(0), staleness: None, slow_start };
        let mut state = policy.build(3, &mut Stream::new(1, 0, "edf"));
        state.loads.set(&[1, 2, 0]);
        state.follow(&Changes { at: at(30), count: 3, moved: vec![None, Some(1), Some(0)], numbers: vec![2, 1, 3] });
        assert_eq!((&state.known, [0, 1, 2].map(|endpoint| state.loads.of(endpoint))), (&vec![3, 5, 1], [0, 2, 0]));
        let factor = |state: &EdfLeastRequestState, endpoint| state.ages.as_ref().unwrap().factor(endpoint, at(60));
        assert_eq!([0, 1, 2].map(|endpoint| factor(&state, endpoint)), [1.0, 1.0, 0.5]);
        state.follow(&Changes { at: at(45), count: 2, moved: vec![None, None, Some(1)], numbers: vec![4, 3] });
        assert_eq!([0, 1].map(|endpoint| factor(&state, endpoint)), [0.25, 0.5]);
    }

    /// Where the least part is nothing a turn can take for ever; nothing overflows.
    #[test]
    fn next_to_nothing_is_no_overflow() {
        let slow_start = Some(SlowStart { aggression: 1e-9, min_weight: 0.0, ..SlowStart::example() });
        let policy =
            EdfLeastRequest { weights: Weights::NONE, bias: 1.0, start: Start::After(7), staleness: None, slow_start };
        let mut state = policy.build(0, &mut Stream::new(1, 0, "edf"));
        state.follow(&Changes { at: at(1), count: 2, moved: Vec::new(), numbers: vec![0, 1] });
        assert_eq!(taken(&mut state, at(2), 100).iter().sum::<u32>(), 100);
        state.follow(&Changes { at: at(2), count: 3, moved: vec![Some(0), Some(1)], numbers: vec![0, 1, 2] });
        assert_eq!((0..100).filter_map(|_| state.take(at(100))).count(), 100);
    }
}
