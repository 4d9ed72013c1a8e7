//! Timers that are set, moved and cleared at will: an indexed 4-ary heap of its own, so that nothing is left to die in
//! the event list.

use super::event::EMPTY;

/// Place of a timer that is not set.
const UNSET: u32 = u32::MAX;

/// Place of an id that was given back.
const FREE: u32 = u32::MAX - 1;

/// Keys by timer, least first. Position `i` of the heap has the children `4i + 1` to `4i + 4`.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// Keys in heap order; comparing them touches nothing else.
    keys: Vec<u128>,
    /// Which timer each key belongs to.
    ids: Vec<u32>,
    /// Where each timer's key is.
    places: Vec<u32>,
    free: Vec<u32>,
}

impl Timers {
    /// A timer that is not set.
    pub(super) fn create(&mut self) -> u32 {
        if let Some(id) = self.free.pop() {
            self.places[id as usize] = UNSET;
            return id;
        }
        let id = u32::try_from(self.places.len()).expect("fewer than 2^32 timers: each takes 24 bytes");
        self.places.push(UNSET);
        id
    }

    /// Clears a timer and gives its id back.
    pub(super) fn free(&mut self, id: u32) {
        if self.places[id as usize] != FREE {
            self.clear(id);
            self.places[id as usize] = FREE;
            self.free.push(id);
        }
    }

    /// Sets a timer, or moves it.
    pub(super) fn set(&mut self, id: u32, key: u128) {
        let place = self.places[id as usize];
        debug_assert_ne!(place, FREE, "timer {id} was given back");
        if place < FREE {
            self.settle(place as usize, id, key);
        } else {
            self.keys.push(key);
            self.ids.push(id);
            self.rise(self.keys.len() - 1, id, key);
        }
    }

    /// Clears a timer; nothing happens if it is not set.
    pub(super) fn clear(&mut self, id: u32) {
        let place = self.places[id as usize];
        if place < FREE {
            self.remove(place as usize);
        }
    }

    /// The least key, or [`EMPTY`].
    #[inline]
    pub(super) fn head(&self) -> u128 {
        self.keys.first().copied().unwrap_or(EMPTY)
    }

    /// Clears the timer with the least key.
    pub(super) fn pop(&mut self) {
        if !self.keys.is_empty() {
            self.remove(0);
        }
    }

    /// How many timers are set.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys of the timers that are set, open to a change that keeps their order.
    pub(super) fn keys_mut(&mut self) -> impl Iterator<Item = &mut u128> {
        self.keys.iter_mut()
    }

    fn remove(&mut self, place: usize) {
        self.places[self.ids[place] as usize] = UNSET;
        let (Some(key), Some(id)) = (self.keys.pop(), self.ids.pop()) else { return };
        if place < self.keys.len() {
            self.settle(place, id, key);
        }
    }

    /// Puts `key` where it belongs, starting from a place whose own key is gone.
    fn settle(&mut self, place: usize, id: u32, key: u128) {
        if place > 0 && key < self.keys[(place - 1) / 4] {
            self.rise(place, id, key);
        } else {
            self.sink(place, id, key);
        }
    }

    fn rise(&mut self, mut hole: usize, id: u32, key: u128) {
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.keys[parent] < key {
                break;
            }
            self.put(hole, self.ids[parent], self.keys[parent]);
            hole = parent;
        }
        self.put(hole, id, key);
    }

    fn sink(&mut self, mut hole: usize, id: u32, key: u128) {
        loop {
            let first = 4 * hole + 1;
            let last = (first + 4).min(self.keys.len());
            let Some(child) = (first..last).min_by_key(|&child| self.keys[child]) else { break };
            if key < self.keys[child] {
                break;
            }
            self.put(hole, self.ids[child], self.keys[child]);
            hole = child;
        }
        self.put(hole, id, key);
    }

    #[inline]
    fn put(&mut self, place: usize, id: u32, key: u128) {
        self.keys[place] = key;
        self.ids[place] = id;
        self.places[id as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Random creation, setting, moving, clearing, giving back and expiry against an ordered map.
    #[test]
    fn agrees_with_an_ordered_map() {
        for seed in 0..40 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut timers = Timers::default();
            let (mut pending, mut ids) = (BTreeMap::<u128, u32>::new(), Vec::new());
            for step in 0..4_000_u128 {
                let chosen = if ids.is_empty() { None } else { Some(ids[rng.random_range(0..ids.len())]) };
                match (rng.random_range(0..12), chosen) {
                    (0, _) | (_, None) => {
                        let id = timers.create();
                        assert!(!ids.contains(&id), "id {id} was handed out twice");
                        ids.push(id);
                    }
                    (1, Some(id)) => {
                        timers.free(id);
                        ids.retain(|&other| other != id);
                        pending.retain(|_, other| *other != id);
                    }
                    (2..4, Some(id)) => {
                        timers.clear(id);
                        pending.retain(|_, other| *other != id);
                    }
                    (4..6, _) => {
                        timers.pop();
                        pending.pop_first();
                    }
                    (_, Some(id)) => {
                        let key = (u128::from(rng.random_range(0..40_u32)) << 64) | step;
                        timers.set(id, key);
                        pending.retain(|_, other| *other != id);
                        pending.insert(key, id);
                    }
                }
                let head = pending.first_key_value().map_or(EMPTY, |(&key, _)| key);
                assert_eq!((timers.head(), timers.len()), (head, pending.len()), "seed {seed} step {step}");
            }
            assert!(timers.places.len() < 2_000, "ids are not recycled");
            while let Some((key, _)) = pending.pop_first() {
                assert_eq!(timers.head(), key);
                timers.pop();
            }
            assert_eq!(timers.head(), EMPTY);
        }
    }

    #[test]
    fn giving_back_twice_is_giving_back_once() {
        let mut timers = Timers::default();
        let id = timers.create();
        timers.free(id);
        timers.free(id);
        assert_ne!(timers.create(), timers.create());
    }
}
