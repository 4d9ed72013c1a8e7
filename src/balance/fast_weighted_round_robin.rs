//! Turns in proportion to the weights, by positions: HAProxy's `roundrobin`.
//!
//! Picks are positions on a line, and an endpoint of weight w comes back Σw / w positions after its last one; the rest of
//! that division is carried until it makes a position. The endpoint with the lowest position is picked, unless it is not
//! due yet and there is one without a position, which then gets the present one: those come in heaviest first. Of equal
//! positions the one with the smallest rest less its weight is first, then the one that was placed first. A round is 16·Σw
//! picks (HAProxy counts weights in sixteenths); who would come back behind its end loses its position and comes in anew
//! in the next. Source: HAProxy, `lb_fwrr.c`. Weights 5, 1, 1 give a a a b a a c.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::parameter::{Given, Parameter, START, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::{Start, Weights};
use crate::random::Stream;

/// Cycles of Σw picks in a round.
const CYCLES: u64 = 16;

/// Turns in proportion to the weights, by positions (HAProxy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FastWeightedRoundRobin {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// Where it begins.
    pub start: Start,
}

impl Policy for FastWeightedRoundRobin {
    const LISTED: PolicyListed = PolicyListed {
        name: "fast-weighted-round-robin",
        parameters: &[WEIGHTS, Parameter { default: "0", ..START }],
        information: "weights of the endpoints, its own position",
        cost: "O(log n), no draw",
        source: "HAProxy balance roundrobin, lb_fwrr.c",
        summary: "the one that is due first; it is due again Σw / w_i picks later",
    };

    type State = Box<FastWeightedRoundRobinState>;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights(), start: Start::read(given, Start::After(0)) }
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> Self::State {
        let picks = match self.start {
            Start::Random => stream.below(u32::MAX),
            Start::After(picks) => picks,
        };
        let mut state = FastWeightedRoundRobinState { policy: self.clone(), picks, line: Line::default() };
        state.resize(endpoints);
        Box::new(state)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example(), start: Start::Random }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct FastWeightedRoundRobinState {
    policy: FastWeightedRoundRobin,
    /// How many picks are behind it at the start; of a random start modulo a cycle.
    picks: u32,
    line: Line,
}

impl State for FastWeightedRoundRobinState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        self.line.take()
    }

    fn resize(&mut self, endpoints: u32) {
        self.begin(&self.policy.weights.of(endpoints));
    }

    fn follow(&mut self, changes: &Changes) {
        self.begin(&self.policy.weights.following(changes));
    }
}

impl FastWeightedRoundRobinState {
    /// All stand where they would at the start with these weights.
    fn begin(&mut self, weights: &[u32]) {
        self.line = Line::new(weights);
        let picks = match self.policy.start {
            // Each is made, so of a very long cycle only the beginning is drawn from.
            Start::Random => u64::from(self.picks).checked_rem(self.line.total.min(1_000_000)).unwrap_or(0),
            Start::After(picks) => u64::from(picks),
        };
        for _ in 0..picks {
            self.line.take();
        }
    }
}

/// Endpoints and their positions.
#[derive(Debug, Clone, Default)]
struct Line {
    total: u64,
    /// The position of the next pick, from 0 to the end of the round.
    now: u64,
    /// With a position, the lowest first.
    placed: BinaryHeap<Reverse<Placed>>,
    /// Without, the heaviest first.
    unplaced: BinaryHeap<Reverse<Unplaced>>,
    /// Those of the next round.
    later: BinaryHeap<Reverse<Unplaced>>,
    /// How often something was placed or put aside: of equals the first is first.
    order: u64,
}

/// An endpoint with a position, in the order in which they are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Placed {
    position: u64,
    /// The rest that is carried, less the weight.
    tie: i64,
    order: u64,
    endpoint: u32,
    weight: u32,
    rest: u32,
}

/// An endpoint without, in the order in which they come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Unplaced {
    weight: Reverse<u32>,
    order: u64,
    endpoint: u32,
}

impl Line {
    fn new(weights: &[u32]) -> Self {
        let mut line = Self { total: weights.iter().map(|weight| u64::from(*weight)).sum(), ..Self::default() };
        for (endpoint, &weight) in (0..).zip(weights).filter(|(_, weight)| **weight > 0) {
            line.order += 1;
            line.unplaced.push(Reverse(Unplaced { weight: Reverse(weight), order: line.order, endpoint }));
        }
        line
    }

    /// Picks in a round.
    fn round(&self) -> u64 {
        self.total * CYCLES
    }

    fn take(&mut self) -> Option<u32> {
        if self.placed.is_empty() && self.unplaced.is_empty() {
            std::mem::swap(&mut self.unplaced, &mut self.later);
            self.now = 0;
        }
        let due = self.placed.peek().is_some_and(|Reverse(first)| first.position <= self.now);
        let first = if due { None } else { self.unplaced.pop() };
        let (endpoint, weight, from, rest) = match first {
            Some(Reverse(first)) => (first.endpoint, first.weight.0, self.now, 0),
            None => {
                let Reverse(first) = self.placed.pop()?;
                (first.endpoint, first.weight, first.position, first.rest)
            }
        };
        self.now += 1;
        self.order += 1;
        let (step, left) = (self.total / u64::from(weight), (self.total % u64::from(weight)) as u32);
        let carried = u64::from(rest) + u64::from(left);
        let whole = carried >= u64::from(weight);
        let position = from + step + u64::from(whole);
        let rest = (if whole { carried - u64::from(weight) } else { carried }) as u32;
        if position >= self.round() {
            self.later.push(Reverse(Unplaced { weight: Reverse(weight), order: self.order, endpoint }));
        } else {
            let tie = i64::from(rest) - i64::from(weight);
            self.placed.push(Reverse(Placed { position, tie, order: self.order, endpoint, weight, rest }));
        }
        Some(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(weights: &[u32], picks: usize) -> String {
        let mut line = Line::new(weights);
        (0..picks).map(|_| char::from(b'a' + line.take().unwrap() as u8)).collect()
    }

    /// The first is recorded from HAProxy 2.6.12 (160 picks, more than a round of 112); the others are its rule worked by
    /// another program.
    #[test]
    fn sequences_are_those_of_haproxy() {
        assert_eq!(letters(&[5, 1, 1], 160), "aaabaac".repeat(23)[..160]);
        assert_eq!(letters(&[5, 3, 2], 30), "abacababac".repeat(3));
        assert_eq!(letters(&[3, 3, 3, 3, 3, 3, 1, 1], 40), "abcdefabcdefgabcdefhabcdefabcdefgabcdefh");
        assert_eq!(letters(&[1, 1, 1], 9), "abcabcabc");
        assert_eq!(letters(&[0, 2, 1], 6), "bbcbbc");
    }

    #[test]
    fn counts_are_the_weights_in_every_round() {
        for weights in [&[5_u32, 1, 1][..], &[7, 0, 4], &[256, 3, 17, 90], &[65_535, 1]] {
            let mut line = Line::new(weights);
            for _ in 0..3 {
                let mut counts = vec![0_u64; weights.len()];
                for _ in 0..line.round() {
                    counts[line.take().unwrap() as usize] += 1;
                }
                let wanted: Vec<u64> = weights.iter().map(|weight| u64::from(*weight) * CYCLES).collect();
                assert_eq!(counts, wanted, "{weights:?}");
            }
        }
    }
}
