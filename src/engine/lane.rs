//! Timers of one constant delay: they fire in the order in which they were started, so a ring is all they need.

use std::collections::VecDeque;

use super::event::EMPTY;

/// The ticket that no key gets, so that whoever keeps tickets can write it for "none".
const NO_TICKET: u32 = u32::MAX;

/// A queue of keys that were given in order, with removal from the middle in constant time.
///
/// Removed keys stay as [`EMPTY`] until everything before them is gone: the ring is as long as the span from the
/// oldest live timer to the newest one.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Never begins with a removed key.
    ring: VecDeque<u128>,
    /// Ticket of the first key in the ring.
    first: u32,
    live: usize,
}

impl Lane {
    /// Appends a key, which no key in the lane may exceed, and returns its ticket.
    #[inline]
    pub(super) fn push(&mut self, key: u128) -> u32 {
        // Tickets wrap; fewer than 2^32 are in the ring at a time, as each takes 16 bytes.
        let mut ticket = self.first.wrapping_add(self.ring.len() as u32);
        if ticket == NO_TICKET {
            ticket = self.skip_ticket();
        }
        self.ring.push_back(key);
        self.live += 1;
        ticket
    }

    /// Gives the ticket that stands for none to a key that is removed already, and returns the next one.
    #[cold]
    fn skip_ticket(&mut self) -> u32 {
        if self.ring.is_empty() {
            self.first = self.first.wrapping_add(1);
        } else {
            self.ring.push_back(EMPTY);
        }
        NO_TICKET.wrapping_add(1)
    }

    /// Removes the key with this ticket, if it is still there.
    #[inline]
    pub(super) fn cancel(&mut self, ticket: u32) {
        let place = ticket.wrapping_sub(self.first) as usize;
        if let Some(key) = self.ring.get_mut(place)
            && *key != EMPTY
        {
            *key = EMPTY;
            self.live -= 1;
            if place == 0 {
                self.skip_removed();
            }
        }
    }

    /// The first key, or [`EMPTY`].
    #[inline]
    pub(super) fn head(&self) -> u128 {
        self.ring.front().copied().unwrap_or(EMPTY)
    }

    /// Drops the first key.
    #[inline]
    pub(super) fn pop(&mut self) {
        if let Some(key) = self.ring.front_mut() {
            *key = EMPTY;
            self.live -= 1;
            self.skip_removed();
        }
    }

    /// Keys that were neither removed nor taken.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// The live keys, in order and open to a change that keeps the order.
    pub(super) fn keys_mut(&mut self) -> impl Iterator<Item = &mut u128> {
        self.ring.iter_mut().filter(|key| **key != EMPTY)
    }

    #[inline]
    fn skip_removed(&mut self) {
        while self.ring.front() == Some(&EMPTY) {
            self.ring.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Random starts, cancels (also of tickets long gone) and expiries against a plain vector.
    #[test]
    fn agrees_with_a_vector() {
        for seed in 0..40 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            // Begin near the wrap of the tickets.
            let mut lane = Lane { first: u32::MAX - 20, ..Lane::default() };
            let mut model: Vec<(u32, u128)> = Vec::new();
            let mut tickets = Vec::new();
            for step in 0..2_000_u128 {
                match rng.random_range(0..10) {
                    0..5 => {
                        let ticket = lane.push(step);
                        assert_ne!(ticket, NO_TICKET);
                        model.push((ticket, step));
                        tickets.push(ticket);
                    }
                    5..8 if !tickets.is_empty() => {
                        let back = rng.random_range(0..tickets.len().min(60));
                        let ticket = tickets[tickets.len() - 1 - back];
                        lane.cancel(ticket);
                        model.retain(|&(other, _)| other != ticket);
                    }
                    _ => {
                        lane.pop();
                        if !model.is_empty() {
                            model.remove(0);
                        }
                    }
                }
                assert_eq!(lane.head(), model.first().map_or(EMPTY, |&(_, key)| key), "seed {seed} step {step}");
                assert_eq!(lane.live(), model.len());
                assert!(lane.keys_mut().map(|key| *key).eq(model.iter().map(|&(_, key)| key)));
            }
        }
    }

    #[test]
    fn the_ring_is_no_longer_than_the_span_of_live_timers() {
        let mut lane = Lane::default();
        for round in 0..100_000 {
            let ticket = lane.push(round);
            lane.push(round + 1);
            lane.cancel(ticket.wrapping_sub(1));
            lane.cancel(ticket);
            assert!(lane.ring.len() <= 3);
        }
        assert!(lane.ring.capacity() <= 8);
    }
}
