//! What `explain` asks of every replication: which requests of a traffic were slowest, and in which pods all spent
//! their time. Constant memory: a heap of a few, and sums by coarse latency bucket and container.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::stats::coarse_bucket;

/// A request that succeeded slowly; of equals the earlier is the slower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slow {
    /// Nanoseconds.
    pub latency: u64,
    /// Number in its traffic.
    pub number: Reverse<u64>,
}

/// Time spent in a container: nanoseconds of waiting for a slot, and of being served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting.
    pub waited: u64,
    /// Served.
    pub served: u64,
}

/// The survey of one traffic.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    most: usize,
    slowest: BinaryHeap<Reverse<Slow>>,
    /// Time of measured, succeeded requests by coarse bucket of their latency and by container (station of the plan),
    /// as far as it entered their ledger.
    pub spent: BTreeMap<(usize, u32), Spent>,
}

impl Survey {
    /// Remembers the slowest `most`.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// A request succeeded; it spent its time in these containers.
    pub fn add(&mut self, number: u64, latency: u64, spent: &[(u32, Spent)]) {
        let slow = Slow { latency, number: Reverse(number) };
        if self.slowest.len() < self.most {
            self.slowest.push(Reverse(slow));
        } else if self.slowest.peek().is_some_and(|least| least.0 < slow) {
            self.slowest.pop();
            self.slowest.push(Reverse(slow));
        }
        let bucket = coarse_bucket(latency);
        for (station, own) in spent {
            let sums = self.spent.entry((bucket, *station)).or_default();
            sums.waited += own.waited;
            sums.served += own.served;
        }
    }

    /// The slowest requests, slowest first.
    #[must_use]
    pub fn slowest(&self) -> Vec<Slow> {
        let mut slowest: Vec<Slow> = self.slowest.iter().map(|slow| slow.0).collect();
        slowest.sort_unstable_by(|a, b| b.cmp(a));
        slowest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_are_kept_and_sums_are_complete() {
        let mut survey = Survey::new(3);
        for number in 0..1_000_u64 {
            let latency = 1 + (number * 7_919) % 500;
            survey.add(number, latency, &[(3, Spent { waited: 1, served: latency - 1 })]);
        }
        let slowest: Vec<(u64, u64)> = survey.slowest().iter().map(|slow| (slow.latency, slow.number.0)).collect();
        // 7919 n = 499 (mod 500) for n = 321 and 821, and 498 for 142 and 642.
        assert_eq!(slowest, [(500, 321), (500, 821), (499, 142)]);
        let sum = |part: fn(&Spent) -> u64| survey.spent.values().map(part).sum::<u64>();
        assert_eq!(sum(|spent| spent.waited), 1_000);
        assert_eq!(sum(|spent| spent.waited + spent.served), 2 * (1..=500).sum::<u64>());
    }
}
