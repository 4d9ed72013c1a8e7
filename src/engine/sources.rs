//! What pends beside the event list: which stream, lane or timer comes first.
//!
//! A tournament: the leaves hold one key a source, every inner node the lesser of its two children. A changed key
//! costs one comparison a level, and the winner stands ready for the one comparison with the event list.

use super::event::EMPTY;

/// Who a leaf belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A stream: its leaf is its one pending entry.
    Stream,
    /// The lane of this index: its leaf is not later than its first timer.
    Lane(u32),
    /// The variable timers: their leaf is not later than the first of them.
    Timers,
}

/// No leaf.
const NONE: usize = usize::MAX;

/// The tournament. Leaf `i` is node `width + i`, node `n` has the children `2n` and `2n + 1`, node 1 is the winner.
#[derive(Debug)]
pub(super) struct Sources {
    nodes: Vec<u128>,
    width: usize,
    owners: Vec<Owner>,
    least: u128,
    /// A leaf whose key was taken and still stands in the tree: most sources get their next key before anybody looks.
    vacant: usize,
}

impl Default for Sources {
    fn default() -> Self {
        Self { nodes: vec![EMPTY; 2], width: 1, owners: Vec::new(), least: EMPTY, vacant: NONE }
    }
}

impl Sources {
    /// Adds a source without a key and returns its leaf.
    pub(super) fn add(&mut self, owner: Owner) -> usize {
        let leaf = self.owners.len();
        self.owners.push(owner);
        if self.owners.len() > self.width {
            self.fill_vacancy();
            let keys = self.nodes.split_off(self.width);
            self.width *= 2;
            self.nodes = vec![EMPTY; 2 * self.width];
            keys.into_iter().enumerate().for_each(|(leaf, key)| self.set(leaf, key));
        }
        leaf
    }

    /// The least key of all, or [`EMPTY`].
    #[inline]
    pub(super) fn least(&mut self) -> u128 {
        if self.vacant != NONE {
            self.fill_vacancy();
        }
        self.least
    }

    /// The key at a leaf.
    #[inline]
    pub(super) fn get(&self, leaf: usize) -> u128 {
        if leaf == self.vacant { EMPTY } else { self.nodes[self.width + leaf] }
    }

    /// Changes the key at a leaf.
    #[inline]
    pub(super) fn set(&mut self, leaf: usize, key: u128) {
        if leaf == self.vacant {
            self.vacant = NONE;
        }
        let mut node = self.width + leaf;
        let mut winner = key;
        self.nodes[node] = key;
        while node > 1 {
            winner = winner.min(self.nodes[node ^ 1]);
            node /= 2;
            if self.nodes[node] == winner {
                return;
            }
            self.nodes[node] = winner;
        }
        // Not read back from the root: a wide read right after narrow writes stalls.
        self.least = winner;
    }

    /// Takes the key from the leaf that has the least one.
    #[inline]
    pub(super) fn vacate(&mut self, leaf: usize) {
        debug_assert_eq!(self.vacant, NONE, "the last vacancy was filled when the least key was looked at");
        self.vacant = leaf;
    }

    #[inline(never)]
    fn fill_vacancy(&mut self) {
        if self.vacant != NONE {
            self.set(self.vacant, EMPTY);
        }
    }

    /// Makes sure that the key at a leaf is not later than `key`.
    #[inline]
    pub(super) fn lower(&mut self, leaf: usize, key: u128) {
        if key < self.get(leaf) {
            self.set(leaf, key);
        }
    }

    /// The leaf with the least key; there must be one.
    #[inline]
    pub(super) fn winner(&self) -> (usize, Owner) {
        let mut node = 1;
        while node < self.width {
            node *= 2;
            node += usize::from(self.nodes[node] != self.least);
        }
        let leaf = node - self.width;
        (leaf, self.owners[leaf])
    }

    /// Every leaf with its owner.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (usize, Owner)> + use<> {
        self.owners.clone().into_iter().enumerate()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn the_winner_is_the_least_of_all_leaves() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut sources = Sources::default();
        let mut keys: Vec<u128> = Vec::new();
        for step in 0..20_000_u128 {
            if step % 1_000 == 0 {
                assert_eq!(sources.add(Owner::Lane(keys.len() as u32)), keys.len());
                keys.push(EMPTY);
            }
            let leaf = rng.random_range(0..keys.len());
            if rng.random_bool(0.2) && sources.least() != EMPTY {
                let (winner, _) = sources.winner();
                sources.vacate(winner);
                keys[winner] = EMPTY;
            }
            let key = if rng.random_bool(0.3) { EMPTY } else { (rng.random_range(0..1_000_u128) << 32) | step };
            if rng.random_bool(0.5) {
                sources.set(leaf, key);
                keys[leaf] = key;
            } else {
                sources.lower(leaf, key);
                keys[leaf] = keys[leaf].min(key);
            }
            let least = keys.iter().copied().min().unwrap_or(EMPTY);
            assert_eq!(sources.get(leaf), keys[leaf], "step {step}");
            assert_eq!(sources.least(), least, "step {step}");
            if least != EMPTY {
                let (winner, owner) = sources.winner();
                assert_eq!((keys[winner], owner), (least, Owner::Lane(winner as u32)));
            }
        }
    }
}
