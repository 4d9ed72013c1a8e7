//! The event list: the tournament while few events pend, the radix heap while many do.

use super::radix::Radix;
use super::tournament::Tournament;

/// More pending events than this go to the radix heap.
const MANY: usize = 4_096;

/// Fewer than this come back; the gap keeps a list near the limit from moving to and fro.
const FEW: usize = 1_024;

/// Pending keys in order, in whichever structure suits their number.
#[derive(Debug, Default)]
pub(super) struct List {
    small: Tournament,
    big: Radix,
    /// Whether the radix heap holds the keys; the other structure is empty.
    pub(super) large: bool,
}

impl List {
    /// How many keys pend.
    pub(super) fn len(&self) -> usize {
        if self.large { self.big.len() } else { self.small.len() }
    }

    /// Adds a key of the present (`now`, in nanoseconds) or later.
    #[inline(always)]
    pub(super) fn push(&mut self, key: u128, now: u64) {
        if self.large {
            self.big.push(key);
        } else {
            self.small.push(key);
            if self.small.len() > MANY {
                self.grow(now);
            }
        }
    }

    /// The least key, or [`EMPTY`](super::event::EMPTY). Its lowest word is of no meaning.
    #[inline]
    pub(super) fn peek(&mut self) -> u128 {
        if self.large { self.big.peek() } else { self.small.peek() }
    }

    /// Takes the least key, which `first` is, just looked at and not [`EMPTY`](super::event::EMPTY).
    #[inline]
    pub(super) fn take(&mut self, first: u128) -> u128 {
        if self.large { self.pop_large() } else { self.small.take(first) }
    }

    /// Takes the least key, or [`EMPTY`](super::event::EMPTY).
    #[cfg(test)]
    pub(super) fn pop(&mut self) -> u128 {
        if self.large { self.pop_large() } else { self.small.pop() }
    }

    /// Moves every key to the end of `keys`, in no order.
    pub(super) fn drain_into(&mut self, keys: &mut Vec<u128>) {
        self.small.drain_into(keys);
        self.big.drain_into(keys);
    }

    fn pop_large(&mut self) -> u128 {
        let key = self.big.pop();
        if self.big.len() < FEW {
            self.shrink();
        }
        key
    }

    #[cold]
    fn grow(&mut self, now: u64) {
        let mut keys = Vec::with_capacity(self.small.len());
        self.small.drain_into(&mut keys);
        self.big = Radix::new(now);
        self.large = true;
        keys.into_iter().for_each(|key| self.big.push(key));
    }

    #[cold]
    fn shrink(&mut self) {
        let mut keys = Vec::with_capacity(self.big.len());
        self.big.drain_into(&mut keys);
        self.large = false;
        keys.into_iter().for_each(|key| self.small.push(key));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::engine::event::{EMPTY, nanos};

    #[test]
    fn agrees_with_an_ordered_set_while_moving_between_the_structures() {
        let mut moves = 0;
        for seed in 0..10 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (mut list, mut set, mut now) = (List::default(), BTreeSet::new(), 0);
            for step in 0..40_000_u32 {
                let large = list.large;
                let growing = step / 8_000 % 2 == 0;
                if rng.random_bool(if growing { 0.8 } else { 0.1 }) {
                    let time = now + rng.random_range(0..if seed % 2 == 0 { 200_000_u64 } else { 40 });
                    let key = (u128::from(time * 4 + rng.random_range(0..4)) << 64) | (u128::from(step) << 32);
                    list.push(key, now);
                    set.insert(key);
                } else {
                    let expected = set.pop_first().unwrap_or(EMPTY);
                    assert_eq!(list.peek() >> 32, expected >> 32, "seed {seed} step {step}");
                    assert_eq!(list.pop(), expected, "seed {seed} step {step}");
                    now = if expected == EMPTY { now } else { nanos(expected) };
                }
                moves += usize::from(large != list.large);
                assert_eq!(list.len(), set.len());
            }
        }
        assert!(moves >= 40, "the list changed structure only {moves} times");
    }

    #[test]
    fn the_limits_are_apart() {
        let mut list = List::default();
        (0..=MANY as u128).for_each(|n| list.push(n << 66, 0));
        assert!(list.large);
        for _ in 0..=MANY - FEW {
            list.pop();
            assert!(list.large);
        }
        list.pop();
        assert!(!list.large);
    }
}
