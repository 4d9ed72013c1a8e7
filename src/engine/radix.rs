//! The event list of large models: a monotone radix heap in front of a short sorted run.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, "Faster algorithms for the shortest path problem", Journal of the
//! ACM 37(2), 1990) uses that simulated time never goes back: a key waits in the bucket of the highest bit in which
//! its time differs from a reference time, and moves to lower buckets as that reference advances. Most pushes append
//! to one of some sixty vectors, so a million pending events cost few cache misses. Within the nearest bucket order is
//! made by sorting it into the *run*, which holds everything before a bound.

use super::event::{EMPTY, nanos};

/// A bucket of at most this many keys is sorted rather than distributed further.
const SORTED_WHOLE: usize = 32;

/// The run may grow by insertions to this size (or to twice its size when made) before its later half goes back.
const RUN_CAP: usize = 64;

/// One bucket for equal times and one for each bit of a time.
const BUCKETS: usize = 64;

/// A priority queue of event keys, least first, for callers that never push a time before the last popped one.
#[derive(Debug, Clone)]
pub struct Radix {
    /// Every pending key below `bound`, greatest first.
    run: Vec<u128>,
    bound: u128,
    cap: usize,
    /// Reference time of the buckets: no bucket holds an earlier one. Moves only when a key is popped, hence never
    /// beyond the present.
    last: u64,
    /// One bit a bucket with something in it.
    occupied: u64,
    buckets: Vec<Vec<u128>>,
    bucketed: usize,
    /// The least key in the buckets, or 0 when nobody has looked yet.
    least: u128,
}

impl Default for Radix {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Radix {
    /// An empty list for times from `start` (in nanoseconds) on.
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self {
            run: Vec::new(),
            bound: 0,
            cap: RUN_CAP,
            last: start,
            occupied: 0,
            buckets: vec![Vec::new(); BUCKETS],
            bucketed: 0,
            least: 0,
        }
    }

    /// How many keys pend.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.run.len() + self.bucketed
    }

    /// Whether nothing pends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a key whose time is not before that of the last popped key.
    #[inline]
    pub fn push(&mut self, key: u128) {
        if key < self.bound {
            self.insert(key);
        } else {
            self.drop_in(key);
        }
    }

    /// The least key, or [`EMPTY`].
    #[inline]
    pub fn peek(&mut self) -> u128 {
        match self.run.last() {
            Some(&key) => key,
            None => self.look_into_buckets(),
        }
    }

    /// Takes the least key, or [`EMPTY`].
    #[inline]
    pub fn pop(&mut self) -> u128 {
        match self.run.pop() {
            Some(key) => key,
            None => self.pop_from_buckets(),
        }
    }

    /// Moves every key to the end of `keys`, in no order; the reference time stays.
    pub fn drain_into(&mut self, keys: &mut Vec<u128>) {
        keys.append(&mut self.run);
        for bucket in &mut self.buckets {
            keys.append(bucket);
        }
        (self.bound, self.cap, self.occupied, self.bucketed, self.least) = (0, RUN_CAP, 0, 0, 0);
    }

    /// Adds a key to the bucket it belongs to.
    fn drop_in(&mut self, key: u128) {
        let time = nanos(key);
        debug_assert!(time >= self.last, "a radix heap takes no key before the last one popped");
        let bucket = (u64::BITS - (time ^ self.last).leading_zeros()) as usize;
        self.buckets[bucket].push(key);
        self.occupied |= 1 << bucket;
        self.bucketed += 1;
        self.least = self.least.min(key);
    }

    /// Adds a key to the run, whose later half goes back to the buckets when it has grown too long to insert into.
    fn insert(&mut self, key: u128) {
        let place = self.run.partition_point(|&other| other > key);
        self.run.insert(place, key);
        if self.run.len() > self.cap {
            let spilled = self.run.len() / 2;
            self.bound = self.run[spilled - 1];
            for index in 0..spilled {
                self.drop_in(self.run[index]);
            }
            self.run.drain(..spilled);
            self.cap = RUN_CAP.max(self.run.len() + spilled / 2);
        }
    }

    /// The least key when the run is empty. Sorts the nearest bucket into the run if that is cheap; to distribute a
    /// longer one is left to [`Self::pop`], because the reference time may not pass the present.
    #[inline(never)]
    fn look_into_buckets(&mut self) -> u128 {
        if self.occupied == 0 {
            return EMPTY;
        }
        let nearest = self.occupied.trailing_zeros() as usize;
        let bucket = &mut self.buckets[nearest];
        if nearest > 0 && bucket.len() > SORTED_WHOLE {
            if self.least == 0 {
                self.least = bucket.iter().copied().min().unwrap_or(EMPTY);
            }
            return self.least;
        }
        std::mem::swap(&mut self.run, bucket);
        self.occupied &= !(1 << nearest);
        self.bucketed -= self.run.len();
        self.least = 0;
        self.run.sort_unstable_by(|a, b| b.cmp(a));
        self.bound = self.run[0] + 1;
        self.cap = RUN_CAP.max(2 * self.run.len());
        self.run[self.run.len() - 1]
    }

    #[inline(never)]
    fn pop_from_buckets(&mut self) -> u128 {
        let least = self.look_into_buckets();
        if self.run.is_empty() {
            if least == EMPTY {
                return EMPTY;
            }
            self.distribute(least);
            // The nearest bucket is now that of equal times, which is sorted whatever its size.
            self.look_into_buckets();
        }
        self.run.pop().unwrap_or(EMPTY)
    }

    /// Advances the reference time to that of the least key and sends the nearest bucket's keys to lower ones.
    fn distribute(&mut self, least: u128) {
        let nearest = self.occupied.trailing_zeros() as usize;
        self.last = nanos(least);
        self.occupied &= !(1 << nearest);
        let mut keys = std::mem::take(&mut self.buckets[nearest]);
        self.bucketed -= keys.len();
        for key in keys.drain(..) {
            self.drop_in(key);
        }
        self.least = 0;
        // The emptied vector goes back for its capacity.
        self.buckets[nearest] = keys;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn key(time: u64, rank: u64, sequence: u32) -> u128 {
        (u128::from((time << 2) | rank) << 64) | (u128::from(sequence) << 32)
    }

    /// Random pushes at or after the present, with ties, all ranks and increments of very different sizes.
    #[test]
    fn agrees_with_an_ordered_set() {
        for seed in 0..60 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (mut radix, mut set, mut now) = (Radix::new(0), BTreeSet::new(), 0);
            for step in 0..6_000_u32 {
                let growing = step / 1_500 % 2 == 0;
                if rng.random_bool(if growing { 0.75 } else { 0.3 }) {
                    let ahead = match rng.random_range(0..10) {
                        0..3 => 0,
                        3..6 => rng.random_range(0..20),
                        6..9 => rng.random_range(0..100_000),
                        _ => rng.random_range(0..1 << (seed % 50)),
                    };
                    let key = key(now + ahead, rng.random_range(0..4), step);
                    radix.push(key);
                    set.insert(key);
                } else {
                    let expected = set.pop_first().unwrap_or(EMPTY);
                    assert_eq!(radix.pop(), expected, "seed {seed} step {step}");
                    now = if expected == EMPTY { now } else { nanos(expected) };
                }
                if rng.random_bool(0.3) {
                    assert_eq!(radix.peek(), set.first().copied().unwrap_or(EMPTY), "seed {seed} step {step}");
                }
                assert_eq!((radix.len(), radix.is_empty()), (set.len(), set.is_empty()));
            }
            let mut keys = Vec::new();
            radix.drain_into(&mut keys);
            keys.sort_unstable();
            assert!(keys.iter().eq(set.iter()), "seed {seed}: draining loses or adds keys");
            assert_eq!((radix.peek(), radix.len()), (EMPTY, 0));
        }
    }

    /// A far cluster of events is looked at while the present stays near: pushes before it must still be accepted.
    #[test]
    fn looking_at_a_far_bucket_does_not_move_the_reference_time() {
        let mut radix = Radix::new(0);
        (0..1_000).for_each(|n| radix.push(key(1_000_000 + u64::from(n), 2, n)));
        assert_eq!(radix.peek(), key(1_000_000, 2, 0));
        for n in 0..200 {
            radix.push(key(500 + u64::from(n), 0, 2_000 + n));
        }
        assert_eq!(radix.peek(), key(500, 0, 2_000));
        let mut previous = 0;
        for _ in 0..1_200 {
            let next = radix.pop();
            assert!(previous < next && next != EMPTY);
            previous = next;
        }
        assert_eq!(radix.pop(), EMPTY);
    }

    #[test]
    fn the_run_stays_short_when_everything_is_scheduled_before_it_ends() {
        let mut radix = Radix::new(0);
        radix.push(key(1_000_000, 0, 0));
        assert_eq!(radix.peek(), key(1_000_000, 0, 0));
        for n in 1..5_000 {
            radix.push(key(u64::from(n) * 7 % 5_000, 0, n));
            assert!(radix.run.len() <= RUN_CAP, "the run grew to {}", radix.run.len());
        }
        assert_eq!(radix.len(), 5_000);
    }

    #[test]
    fn many_events_of_one_time_are_taken_at_once() {
        let mut radix = Radix::new(0);
        (0..10_000).rev().for_each(|n| radix.push(key(77, 2, n)));
        assert_eq!(radix.pop(), key(77, 2, 0));
        radix.push(key(77, 0, 10_000));
        assert_eq!(radix.pop(), key(77, 0, 10_000));
        (1..10_000).for_each(|n| assert_eq!(radix.pop(), key(77, 2, n)));
        assert!(radix.is_empty());
    }
}
