//! A queue of slots whose first entries lie in the record that owns it: as long as it is short, it is no second place in
//! memory.

use std::collections::VecDeque;

/// Entries that lie in the record.
const HERE: usize = 7;

/// A queue of slots.
#[derive(Debug, Clone)]
pub(crate) struct ShortQueue(Entries);

#[derive(Debug, Clone)]
#[expect(clippy::box_collection, reason = "a box is a quarter as large, and hardly any queue is that long")]
enum Entries {
    /// The first so many of these.
    Here(u8, [u32; HERE]),
    /// It was longer once.
    Apart(Box<VecDeque<u32>>),
}

impl Default for ShortQueue {
    fn default() -> Self {
        Self(Entries::Here(0, [0; HERE]))
    }
}

impl ShortQueue {
    /// How many entries there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Entries::Here(length, _) => *length as usize,
            Entries::Apart(entries) => entries.len(),
        }
    }

    /// The entry at a place, the front first.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<u32> {
        match &self.0 {
            Entries::Here(length, slots) => (place < *length as usize).then(|| slots[place]),
            Entries::Apart(entries) => entries.get(place).copied(),
        }
    }

    /// Adds an entry at the back.
    #[inline]
    pub(crate) fn push_back(&mut self, entry: u32) {
        match &mut self.0 {
            Entries::Here(length, slots) if (*length as usize) < HERE => {
                slots[*length as usize] = entry;
                *length += 1;
            }
            _ => self.push_apart(entry),
        }
    }

    #[inline(never)]
    fn push_apart(&mut self, entry: u32) {
        match &mut self.0 {
            Entries::Here(length, slots) => {
                let mut entries: VecDeque<u32> = slots[..*length as usize].iter().copied().collect();
                entries.push_back(entry);
                self.0 = Entries::Apart(Box::new(entries));
            }
            Entries::Apart(entries) => entries.push_back(entry),
        }
    }

    /// Takes the entry at the back.
    #[inline]
    pub(crate) fn pop_back(&mut self) -> Option<u32> {
        match &mut self.0 {
            Entries::Here(0, _) => None,
            Entries::Here(length, slots) => {
                *length -= 1;
                Some(slots[*length as usize])
            }
            Entries::Apart(entries) => entries.pop_back(),
        }
    }

    /// Takes the entry at the front.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<u32> {
        match &mut self.0 {
            Entries::Here(0, _) => None,
            Entries::Here(length, slots) => {
                let first = slots[0];
                slots.copy_within(1..*length as usize, 0);
                *length -= 1;
                Some(first)
            }
            Entries::Apart(entries) => entries.pop_front(),
        }
    }

    /// Takes out the entries that are not to stay; the others keep their order.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        match &mut self.0 {
            Entries::Here(length, slots) => {
                let before = std::mem::take(length) as usize;
                for place in 0..before {
                    let entry = slots[place];
                    if stays(entry) {
                        slots[*length as usize] = entry;
                        *length += 1;
                    }
                }
            }
            Entries::Apart(entries) => entries.retain(|entry| stays(*entry)),
        }
    }

    /// Takes out an entry, if it is there.
    pub(crate) fn remove(&mut self, entry: u32) {
        self.retain(|other| other != entry);
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn it_does_what_a_queue_does_however_long_it_is() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for longest in [1, HERE, HERE + 1, 40] {
            let (mut queue, mut known) = (ShortQueue::default(), VecDeque::new());
            for step in 0..4_000_u32 {
                match rng.random_range(0..8) {
                    0..4 if known.len() < longest => {
                        queue.push_back(step);
                        known.push_back(step);
                    }
                    4 => assert_eq!(queue.pop_front(), known.pop_front()),
                    5 => assert_eq!(queue.pop_back(), known.pop_back()),
                    6 if !known.is_empty() => {
                        let entry = known[rng.random_range(0..known.len())];
                        queue.remove(entry);
                        known.retain(|other| *other != entry);
                    }
                    _ => {
                        let odd = rng.random_range(2..9);
                        queue.retain(|entry| entry % odd != 0);
                        known.retain(|entry| entry % odd != 0);
                    }
                }
                assert_eq!(queue.len(), known.len());
                let entries: VecDeque<u32> = (0..).map_while(|place| queue.get(place)).collect();
                assert_eq!(entries, known, "step {step} of at most {longest}");
            }
        }
    }

    #[test]
    fn it_takes_half_a_cache_line() {
        assert_eq!(size_of::<ShortQueue>(), 32);
    }
}
