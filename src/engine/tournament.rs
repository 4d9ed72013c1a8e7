//! The event list of small models: a tournament tree in which each pending event has a leaf.
//!
//! Most events schedule a successor. So [`Tournament::pop`] only marks the winner's leaf as vacant, and the next push
//! takes that leaf: one walk from leaf to root replaces a removal and an insertion. The walk has a fixed length and no
//! branch that depends on the keys, which is what makes it faster than a heap: a heap's sift stops where the keys say,
//! and the processor guesses that wrongly about once a sift.

use super::event::EMPTY;

/// Leaves of the smallest tree.
const FEWEST: usize = 32;

/// Walks of so many levels pay for finding the best of the others beside the winner.
const LEVELS_AHEAD: u32 = 8;

/// No leaf.
const NONE: u32 = u32::MAX;

/// A priority queue of event keys, least first; fastest up to some thousand of them.
///
/// Leaf `i` is node `width + i`, node `n` has the children `2n` and `2n + 1`, node 1 is the winner. The tree's keys
/// carry the number of their leaf in the lowest word, where an event's key has kind and slot; these wait in `whats`.
#[derive(Debug, Clone)]
pub struct Tournament {
    nodes: Vec<u128>,
    whats: Vec<u32>,
    /// Leaves without a key, except the vacant one.
    free: Vec<u32>,
    /// Leaf of the key that was popped last, if nothing has taken it yet. Its key still stands in the tree.
    vacant: u32,
}

impl Default for Tournament {
    fn default() -> Self {
        Self::new()
    }
}

impl Tournament {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::with_leaves(FEWEST)
    }

    fn with_leaves(width: usize) -> Self {
        Self {
            nodes: vec![EMPTY; 2 * width],
            whats: vec![0; width],
            free: (0..width as u32).rev().collect(),
            vacant: NONE,
        }
    }

    /// How many keys pend.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.whats.len() - self.free.len() - usize::from(self.vacant != NONE)
    }

    /// Whether nothing pends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a key.
    #[inline]
    pub fn push(&mut self, key: u128) {
        let mut leaf = self.vacant;
        self.vacant = NONE;
        if leaf == NONE {
            leaf = match self.free.pop() {
                Some(leaf) => leaf,
                None => self.grow(),
            };
        }
        self.whats[leaf as usize] = key as u32;
        self.set(leaf, with_low_word(key, leaf));
    }

    /// The least key, or [`EMPTY`]. Its lowest word is of no meaning.
    #[inline]
    pub fn peek(&mut self) -> u128 {
        if self.vacant != NONE {
            self.fill_vacancy();
        }
        self.nodes[1]
    }

    /// Takes the least key, or [`EMPTY`].
    #[inline]
    pub fn pop(&mut self) -> u128 {
        let first = self.peek();
        if first == EMPTY { EMPTY } else { self.take(first) }
    }

    /// Takes the least key, which `first` is, just looked at and not [`EMPTY`].
    #[inline]
    pub(super) fn take(&mut self, first: u128) -> u128 {
        debug_assert!(self.vacant == NONE && first == self.nodes[1], "the first key is not the one looked at");
        self.vacant = first as u32;
        with_low_word(first, self.whats[self.vacant as usize])
    }

    /// Moves every key to the end of `keys`, in no order.
    pub fn drain_into(&mut self, keys: &mut Vec<u128>) {
        self.peek();
        let pending = self.nodes[self.whats.len()..].iter().zip(&self.whats).filter(|(key, _)| **key != EMPTY);
        keys.extend(pending.map(|(&key, &what)| with_low_word(key, what)));
        *self = Self::new();
    }

    #[inline(never)]
    fn fill_vacancy(&mut self) {
        let leaf = std::mem::replace(&mut self.vacant, NONE);
        self.set(leaf, EMPTY);
        self.free.push(leaf);
        if self.whats.len() > FEWEST && self.free.len() > self.whats.len() / 8 * 7 {
            self.resize(self.whats.len() / 4);
        }
    }

    #[inline]
    fn set(&mut self, leaf: u32, key: u128) {
        let nodes = self.nodes.as_mut_slice();
        let node = nodes.len() / 2 + leaf as usize;
        match nodes.len() {
            64 => climb::<5>(nodes, node, key),
            128 => climb::<6>(nodes, node, key),
            256 => climb::<7>(nodes, node, key),
            512 => climb::<8>(nodes, node, key),
            1_024 => climb::<9>(nodes, node, key),
            2_048 => climb::<10>(nodes, node, key),
            4_096 => climb::<11>(nodes, node, key),
            8_192 => climb::<12>(nodes, node, key),
            16_384 => climb::<13>(nodes, node, key),
            _ => climb_far(nodes, node, key),
        }
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        self.resize(2 * self.whats.len());
        self.free.pop().unwrap_or(NONE)
    }

    #[cold]
    fn resize(&mut self, width: usize) {
        let mut keys = Vec::with_capacity(self.len());
        self.drain_into(&mut keys);
        *self = Self::with_leaves(width.max(FEWEST));
        keys.into_iter().for_each(|key| self.push(key));
    }
}

#[inline]
const fn with_low_word(key: u128, word: u32) -> u128 {
    (key & !0xffff_ffff) | word as u128
}

/// Sets the leaf at `node` and repeats the matches on its way to the root.
///
/// The number of levels is a constant so that the walk is unrolled: in a loop the compiler turns the choice of the
/// winner into a branch, which is guessed wrongly half the time and makes the walk three times as slow.
///
/// In a tree that is not small the root is not taken from the chain of matches but from the best of all others, unless
/// the new key beats them. That is rare and so a branch that is guessed well: the processor goes on with the next event
/// while it still works out the time of this one, which a distribution may take long to draw.
#[inline(never)]
fn climb<const LEVELS: u32>(nodes: &mut [u128], mut node: usize, key: u128) {
    // With a constant length and masked places no step needs a check of its bounds.
    let mask = (2 << LEVELS) - 1;
    let nodes = &mut nodes[..=mask];
    nodes[node & mask] = key;
    let mut others = nodes[(node ^ 1) & mask];
    let mut winner = key.min(others);
    for _ in 1..LEVELS {
        node /= 2;
        nodes[node & mask] = winner;
        let other = nodes[(node ^ 1) & mask];
        winner = winner.min(other);
        others = others.min(other);
    }
    if LEVELS < LEVELS_AHEAD {
        nodes[1] = winner;
        return;
    }
    nodes[1] = others;
    if key < others {
        win(nodes, key);
    }
}

/// The new key is the first of all.
#[cold]
#[inline(never)]
fn win(nodes: &mut [u128], key: u128) {
    nodes[1] = key;
}

/// The same for trees so large that misses of the cache cost more than wrong guesses.
#[inline(never)]
fn climb_far(nodes: &mut [u128], mut node: usize, key: u128) {
    nodes[node] = key;
    let mut winner = key;
    while node > 1 {
        winner = winner.min(nodes[node ^ 1]);
        node /= 2;
        nodes[node] = winner;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// All but the lowest word, which a look at the first key does not promise.
    const MEANT: u128 = !0xffff_ffff;

    /// Any order of pushes, pops and looks gives the least key each time, in trees of every size.
    #[test]
    fn agrees_with_an_ordered_set() {
        for (seed, steps) in (0..30).map(|seed| (seed, 4_000)).chain([(30, 100_000), (31, 200_000)]) {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (mut tree, mut set, mut widest) = (Tournament::new(), BTreeSet::new(), 0);
            for step in 0..steps {
                let growing = step / (steps / 4) % 2 == 0;
                if rng.random_bool(if growing { 0.7 } else { 0.2 }) {
                    let order = (u128::from(rng.random_range(0..50_u32)) << 64) | (step << 32);
                    let key = order | u128::from(rng.random::<u32>());
                    tree.push(key);
                    set.insert(key);
                } else {
                    assert_eq!(tree.pop(), set.pop_first().unwrap_or(EMPTY), "seed {seed} step {step}");
                }
                if rng.random_bool(0.3) {
                    let first = set.first().copied().unwrap_or(EMPTY);
                    assert_eq!(tree.peek() & MEANT, first & MEANT, "seed {seed} step {step}");
                }
                assert_eq!((tree.len(), tree.is_empty()), (set.len(), set.is_empty()));
                widest = widest.max(tree.whats.len());
            }
            assert!(seed < 30 || widest > 8_192, "no large tree was tried");
            assert!(tree.whats.len() < widest, "the tree never shrinks");
            let mut keys = Vec::new();
            tree.drain_into(&mut keys);
            keys.sort_unstable();
            assert!(keys.iter().eq(set.iter()), "seed {seed}: draining loses or adds keys");
            assert_eq!((tree.peek(), tree.len()), (EMPTY, 0));
        }
    }

    #[test]
    fn a_successor_takes_the_leaf_of_the_popped_key() {
        let mut tree = Tournament::new();
        (0..9).for_each(|n| tree.push(n << 64));
        let free = tree.free.len();
        for n in 0..100 {
            assert_eq!(tree.pop(), n << 64);
            tree.push((n + 9) << 64);
            assert_eq!((tree.len(), tree.free.len()), (9, free));
        }
    }
}
