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

/// The tournament. Leaf `i` is node `width + i`, node `n` has the children `2n` and `2n + 1`, node 1 is the winner.
#[derive(Debug)]
pub(super) struct Sources {
    nodes: Vec<u128>,
    width: usize,
    owners: Vec<Owner>,
    least: u128,
}

impl Default for Sources {
    fn default() -> Self {
        Self { nodes: vec![EMPTY; 2], width: 1, owners: Vec::new(), least: EMPTY }
    }
}

impl Sources {
    /// Adds a source without a key and returns its leaf.
    pub(super) fn add(&mut self, owner: Owner) -> usize {
        let leaf = self.owners.len();
        self.owners.push(owner);
        if self.owners.len() > self.width {
            let keys = self.nodes.split_off(self.width);
            self.width *= 2;
            self.nodes = vec![EMPTY; 2 * self.width];
            keys.into_iter().enumerate().for_each(|(leaf, key)| self.set(leaf, key));
        }
        leaf
    }

    /// The least key of all, or [`EMPTY`].
    #[inline]
    pub(super) fn least(&self) -> u128 {
        self.least
    }

    /// The key at a leaf.
    #[inline]
    pub(super) fn get(&self, leaf: usize) -> u128 {
        self.nodes[self.width + leaf]
    }

    /// Changes the key at a leaf.
    #[inline]
    pub(super) fn set(&mut self, leaf: usize, key: u128) {
        let mut node = self.width + leaf;
        self.nodes[node] = key;
        while node > 1 {
            let winner = self.nodes[node].min(self.nodes[node ^ 1]);
            node /= 2;
            if self.nodes[node] == winner {
                return;
            }
            self.nodes[node] = winner;
        }
        self.least = self.nodes[1];
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
            let key = if rng.random_bool(0.3) { EMPTY } else { (rng.random_range(0..1_000_u128) << 32) | step };
            if rng.random_bool(0.5) {
                sources.set(leaf, key);
                keys[leaf] = key;
            } else {
                sources.lower(leaf, key);
                keys[leaf] = keys[leaf].min(key);
            }
            let least = keys.iter().copied().min().unwrap_or(EMPTY);
            assert_eq!((sources.get(leaf), sources.least()), (keys[leaf], least), "step {step}");
            if least != EMPTY {
                let (winner, owner) = sources.winner();
                assert_eq!((keys[winner], owner), (least, Owner::Lane(winner as u32)));
            }
        }
    }
}
