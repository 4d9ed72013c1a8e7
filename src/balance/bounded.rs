//! Bounded loads: a hashing balancer passes over endpoints that have too much.
//!
//! With A requests outstanding in all and a factor of f %, an endpoint of weight w may have
//! ⌈(A + 1) · f/100 · w/Σw⌉, at least 1. Sources: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with
//! Bounded Loads" (2018); Envoy, `thread_aware_lb_impl.cc`, `hash_balance_factor`; HAProxy, `hash-balance-factor`.
//! With `staleness` the requests are those that the pods reported last, whoever sent them.

use std::collections::BTreeMap;

use super::loads::Loads;
use super::parameter::{Form, Given, Parameter, STALENESS};
use super::policy::Changes;
use super::sight::Sight;
use crate::random::{Keyed, mix};
use crate::time::SimDuration;

/// `balanceFactor`, of policies that can bound loads.
pub(super) const BALANCE_FACTOR: Parameter = Parameter {
    key: "balanceFactor",
    form: Form::CountOr(100, 100_000, "none"),
    default: "none",
    doc: "most that an endpoint may have outstanding, in percent of its share",
};

/// The staleness of what bounds are compared with, which means nothing without a bound.
pub(super) fn staleness(given: &mut Given) -> Option<SimDuration> {
    let staleness = given.duration(STALENESS.key);
    if staleness.is_some() && !given.has(BALANCE_FACTOR.key) {
        given.refuse(
            STALENESS.key,
            "`staleness` has no effect without `balanceFactor`",
            Some("write for example balanceFactor: 150, or remove `staleness`"),
        );
    }
    staleness
}

/// Where a request goes whose endpoint is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// To the others in a random order that belongs to the hash (Envoy). An endpoint is full when it has more than its
    /// bound, so it may reach one more.
    Random,
    /// To the next on the ring (HAProxy, and the paper). An endpoint is full when it has its bound.
    Clockwise,
}

/// Outstanding requests and their bounds.
#[derive(Debug, Clone)]
pub(super) struct Bounded {
    /// In percent.
    factor: u64,
    overflow: Overflow,
    weights: Vec<u32>,
    /// Sum of the weights.
    weight: u64,
    /// The endpoints that weigh something.
    weighing: Vec<u32>,
    loads: Loads,
}

impl Bounded {
    pub(super) fn new(factor: u32, overflow: Overflow, staleness: Option<SimDuration>) -> Self {
        let (weights, weighing, loads) = (Vec::new(), Vec::new(), Loads::new(staleness));
        Self { factor: u64::from(factor), overflow, weights, weight: 0, weighing, loads }
    }

    pub(super) const fn overflow(&self) -> Overflow {
        self.overflow
    }

    pub(super) fn resize(&mut self, weights: Vec<u32>) {
        self.loads.resize(u32::try_from(weights.len()).expect("endpoints are numbered by u32"));
        self.weigh(weights);
    }

    pub(super) fn follow(&mut self, weights: Vec<u32>, changes: &Changes) {
        self.loads.follow(changes);
        self.weigh(weights);
    }

    fn weigh(&mut self, weights: Vec<u32>) {
        self.weight = weights.iter().map(|weight| u64::from(*weight)).sum();
        self.weighing = (0..).zip(&weights).filter(|(_, weight)| **weight > 0).map(|(endpoint, _)| endpoint).collect();
        self.weights = weights;
    }

    fn bound(&self, endpoint: u32) -> u64 {
        let weight = u64::from(self.weights[endpoint as usize]);
        let share = match self.overflow {
            // Envoy rounds the sum of all bounds before it shares it out.
            Overflow::Random => (((self.loads.total() + 1) * self.factor).div_ceil(100) * weight).div_ceil(self.weight),
            Overflow::Clockwise => ((self.loads.total() + 1) * self.factor * weight).div_ceil(100 * self.weight),
        };
        share.max(1)
    }

    pub(super) fn is_full(&self, endpoint: u32) -> bool {
        let outstanding = u64::from(self.loads.of(endpoint));
        match self.overflow {
            Overflow::Random => outstanding > self.bound(endpoint),
            Overflow::Clockwise => outstanding >= self.bound(endpoint),
        }
    }

    /// The hashed endpoint; if it is full, the first of the others in the order that belongs to the hash that is not,
    /// and if all are, the one that exceeds its bound by the smallest factor.
    pub(super) fn or_another(&self, hashed: u32, hash: u64) -> u32 {
        if !self.is_full(hashed) {
            return hashed;
        }
        let mut others = self.others(hashed, hash);
        // With 100 % and more the bounds add up to more than there is, so not all can be full.
        others.find(|other| !self.is_full(*other)).unwrap_or_else(|| self.least_exceeded(hashed, hash))
    }

    /// All but the hashed one, which weighs something as they do, in the order that belongs to the hash.
    fn others(&self, hashed: u32, hash: u64) -> impl Iterator<Item = u32> {
        let others = (self.weighing.len() as u32).saturating_sub(1);
        let other = move |number: u32| {
            let endpoint = self.weighing[number as usize];
            if endpoint < hashed { endpoint } else { self.weighing[number as usize + 1] }
        };
        Shuffle { order: Keyed::new(mix(hash, 0)), number: others, at: 0, moved: BTreeMap::new() }.map(other)
    }

    #[cold]
    fn least_exceeded(&self, hashed: u32, hash: u64) -> u32 {
        let load = |endpoint: &u32| f64::from(self.loads.of(*endpoint)) / self.bound(*endpoint) as f64;
        let all = std::iter::once(hashed).chain(self.others(hashed, hash));
        all.min_by(|a, b| load(a).total_cmp(&load(b))).unwrap_or(hashed)
    }

    pub(super) fn picked(&mut self, endpoint: u32) {
        self.loads.picked(endpoint);
    }

    pub(super) fn done(&mut self, endpoint: u32) {
        self.loads.done(endpoint);
    }

    pub(super) fn outstanding(&self, endpoint: u32) -> u32 {
        self.loads.own(endpoint)
    }

    pub(super) fn report(&mut self, sight: &impl Sight) {
        self.loads.report(sight);
    }
}

/// The steps of a Fisher–Yates shuffle of `0..number`, of which most are never asked for: only what was moved is kept.
struct Shuffle {
    order: Keyed,
    number: u32,
    at: u32,
    moved: BTreeMap<u32, u32>,
}

impl Iterator for Shuffle {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.at == self.number {
            return None;
        }
        let from = self.at + self.order.below(self.number - self.at);
        let here = self.moved.remove(&self.at).unwrap_or(self.at);
        let next = if from == self.at { here } else { self.moved.insert(from, here).unwrap_or(from) };
        self.at += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the list were written out and shuffled step by step.
    #[test]
    fn others_come_in_the_order_of_a_whole_shuffle() {
        let weights = [1, 0, 2, 1, 1, 0, 3, 1, 1, 1];
        let mut bounded = Bounded::new(100, Overflow::Random, None);
        bounded.resize(weights.to_vec());
        for (hash, hashed) in (0..200).zip([0, 2, 3, 4, 6, 7, 8, 9].into_iter().cycle()) {
            let mut list: Vec<u32> = (0..10).filter(|e| *e != hashed && weights[*e as usize] > 0).collect();
            let mut order = Keyed::new(mix(hash, 0));
            for at in 0..list.len() {
                let from = at + order.below((list.len() - at) as u32) as usize;
                list.swap(at, from);
            }
            assert_eq!(bounded.others(hashed, hash).collect::<Vec<_>>(), list);
        }
    }

    /// The hashed one is full, so the first of the others that is not is taken; below 100 % all may be full.
    #[test]
    fn the_first_with_room_is_taken_or_the_least_exceeded() {
        let mut bounded = Bounded::new(100, Overflow::Random, None);
        bounded.resize(vec![1; 6]);
        bounded.loads.set(&[9, 9, 9, 1, 9, 2]);
        for hash in 0..50 {
            let first = bounded.others(0, hash).find(|other| [3, 5].contains(other)).unwrap();
            assert_eq!(bounded.or_another(0, hash), first);
        }
        bounded.factor = 10;
        assert_eq!(bounded.or_another(0, 1), 3, "one at most, 3 reached it");
        bounded.loads.set(&[9, 9, 9, 7, 9, 2]);
        assert_eq!(bounded.or_another(0, 1), 5, "two are above the bound by the smallest factor");
        bounded.loads.set(&[8; 6]);
        assert_eq!(bounded.or_another(4, 1), 4, "of equals the hashed one");
    }
}
