//! Earliest deadline first: the queue behind weighted turns.
//!
//! The k-th turn of an endpoint of weight w is due at k/w. A pick takes the turn that is due first; of equals the one
//! that was entered first, which happened at the turn before, at (k − 1)/w: so the lighter one, and of equal weights the
//! one with the smaller number. Deadlines are compared exactly, as fractions. Envoy adds them up in floating point, where
//! deadlines that are equal can come apart by rounding; its recorded sequences are the exact ones.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Endpoints by the deadline of their next turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Edf(BinaryHeap<Due>);

#[derive(Debug, Clone, Copy)]
struct Due {
    turn: u64,
    weight: u32,
    endpoint: u32,
}

impl Edf {
    /// The endpoints that weigh something, after `picks` picks.
    ///
    /// Most need not be made: all turns that are due up to picks / Σw are among them. As Envoy's `createWithPicks`.
    pub(super) fn new(weights: &[u32], picks: u32) -> Self {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut missing = if total > 0 { u64::from(picks) } else { 0 };
        let weighing = (0..).zip(weights).filter(|(_, weight)| **weight > 0);
        let due = weighing.map(|(endpoint, &weight)| {
            let turns = u64::from(picks) * u64::from(weight) / total;
            missing -= turns;
            Due { turn: turns + 1, weight, endpoint }
        });
        let mut edf = Self(due.collect());
        for _ in 0..missing {
            edf.take();
        }
        edf
    }

    /// Takes the turn that is due first, and enters the next of its endpoint.
    pub(super) fn take(&mut self) -> Option<u32> {
        let mut first = self.0.peek_mut()?;
        first.turn += 1;
        Some(first.endpoint)
    }
}

impl Ord for Due {
    /// The largest is taken first, so an early deadline is large.
    fn cmp(&self, other: &Self) -> Ordering {
        let (own, others) = (self.turn * u64::from(other.weight), other.turn * u64::from(self.weight));
        others.cmp(&own).then(other.weight.cmp(&self.weight)).then(other.endpoint.cmp(&self.endpoint))
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
