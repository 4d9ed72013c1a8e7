//! The yardstick for event lists: a 4-ary heap whose top is replaced rather than removed.
//!
//! [`Schedule`](super::Schedule) keeps few events in a [`Tournament`](super::Tournament) instead, which beats this heap
//! (see `benches/event_list.rs`); it stands here to keep that comparison honest.
//!
//! Most events schedule a successor. So [`Heap::pop`] only leaves a hole at the top; the next push sinks into it and
//! saves the usual removal, which moves the last key to the top and sinks that. A hole nobody filled is closed when
//! somebody looks at the top.

use super::event::EMPTY;

/// The four children of one key: one cache line, so that choosing the least of them costs one miss.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Siblings([u128; 4]);

impl Siblings {
    const NONE: Self = Self([EMPTY; 4]);

    /// Position and value of the least key; written so that it compiles without a branch to mispredict.
    #[inline]
    fn least(&self) -> (usize, u128) {
        let [a, b, c, d] = self.0;
        let (left, left_key) = if b < a { (1, b) } else { (0, a) };
        let (right, right_key) = if d < c { (3, d) } else { (2, c) };
        if right_key < left_key { (right, right_key) } else { (left, left_key) }
    }
}

/// A priority queue of event keys, least first.
///
/// The top stands alone; key number `n` below it sits in group `n / 4`, and its children are group `n + 1`. Unused
/// places hold [`EMPTY`], which no key exceeds, so that sinking needs no test for half-filled groups.
#[derive(Debug, Clone)]
pub struct Heap {
    top: u128,
    /// The top was popped (or never set) and awaits a successor; `top` is then [`EMPTY`].
    vacant: bool,
    below: usize,
    groups: Vec<Siblings>,
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// An empty heap.
    #[must_use]
    pub fn new() -> Self {
        Self { top: EMPTY, vacant: true, below: 0, groups: vec![Siblings::NONE] }
    }

    /// How many keys pend.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.below + usize::from(!self.vacant)
    }

    /// Whether nothing pends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a key.
    #[inline]
    pub fn push(&mut self, key: u128) {
        if self.vacant {
            self.vacant = false;
            self.sink(key);
        } else {
            self.rise(key);
        }
    }

    /// The least key, or [`EMPTY`].
    #[inline]
    pub fn peek(&mut self) -> u128 {
        if self.vacant {
            self.fill_vacancy();
        }
        self.top
    }

    /// Takes the least key, or [`EMPTY`].
    #[inline]
    pub fn pop(&mut self) -> u128 {
        let key = self.peek();
        self.top = EMPTY;
        self.vacant = true;
        key
    }

    /// Moves every key to the end of `keys`, in no order.
    pub fn drain_into(&mut self, keys: &mut Vec<u128>) {
        if !self.vacant {
            keys.push(self.top);
        }
        keys.extend(self.groups.iter().flat_map(|group| group.0).take(self.below));
        *self = Self::new();
    }

    fn fill_vacancy(&mut self) {
        if self.below > 0 {
            self.below -= 1;
            let place = &mut self.groups[self.below / 4].0[self.below % 4];
            let last = std::mem::replace(place, EMPTY);
            self.vacant = false;
            self.sink(last);
        }
    }

    /// Puts `key` at the vacant top and lets it sink to where it belongs.
    fn sink(&mut self, key: u128) {
        let groups = self.groups.as_mut_slice();
        let (slot, least) = groups[0].least();
        if key < least {
            self.top = key;
            return;
        }
        self.top = least;
        let mut hole = slot;
        while let Some(children) = groups.get(hole + 1) {
            let (slot, least) = children.least();
            if key < least {
                break;
            }
            groups[hole / 4].0[hole % 4] = least;
            hole = 4 * (hole + 1) + slot;
        }
        groups[hole / 4].0[hole % 4] = key;
    }

    /// Appends `key` and lets it rise to where it belongs.
    fn rise(&mut self, key: u128) {
        let mut hole = self.below;
        self.below += 1;
        if hole / 4 == self.groups.len() {
            self.groups.push(Siblings::NONE);
        }
        let groups = self.groups.as_mut_slice();
        while hole >= 4 {
            let parent = hole / 4 - 1;
            let above = groups[parent / 4].0[parent % 4];
            if above < key {
                break;
            }
            groups[hole / 4].0[hole % 4] = above;
            hole = parent;
        }
        let place = &mut groups[hole / 4].0[hole % 4];
        if hole < 4 && key < self.top {
            *place = self.top;
            self.top = key;
        } else {
            *place = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Any order of pushes, pops and looks gives the least key each time.
    #[test]
    fn agrees_with_an_ordered_set() {
        for seed in 0..40 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (mut heap, mut set) = (Heap::new(), BTreeSet::new());
            for step in 0..4_000_u128 {
                let growing = step / 500 % 2 == 0;
                if rng.random_bool(if growing { 0.7 } else { 0.35 }) {
                    let key = (u128::from(rng.random_range(0..50_u32)) << 64) | step;
                    heap.push(key);
                    set.insert(key);
                } else {
                    assert_eq!(heap.pop(), set.pop_first().unwrap_or(EMPTY), "seed {seed} step {step}");
                }
                if rng.random_bool(0.3) {
                    assert_eq!(heap.peek(), set.first().copied().unwrap_or(EMPTY), "seed {seed} step {step}");
                }
                assert_eq!(heap.len(), set.len());
                assert_eq!(heap.is_empty(), set.is_empty());
            }
            let mut keys = Vec::new();
            heap.drain_into(&mut keys);
            keys.sort_unstable();
            assert!(keys.iter().eq(set.iter()), "seed {seed}: draining loses or adds keys");
            assert_eq!((heap.peek(), heap.len()), (EMPTY, 0));
        }
    }

    #[test]
    fn a_successor_takes_the_place_of_the_popped_key() {
        let mut heap = Heap::new();
        (0..9).for_each(|key| heap.push(key));
        assert_eq!(heap.pop(), 0);
        heap.push(20);
        assert_eq!((heap.len(), heap.peek()), (9, 1));
        assert_eq!((1..=9).map(|_| heap.pop()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 20]);
        assert_eq!(heap.pop(), EMPTY);
    }
}
