//! A log-linear histogram of integers with fixed bucket bounds, so that any two merge exactly.
//!
//! A value keeps its leading `bits + 1` binary digits: small values have a bucket each, and every octave above is cut
//! into `2^bits` equal buckets (the layout of HdrHistogram, <https://hdrhistogram.github.io/HdrHistogram/>). The bucket
//! is found by shifting; counters exist only for the range that was touched.

use std::fmt;

use super::rank::nearest_rank;

/// Mantissa bits of an ordinary histogram: the middle of a bucket is within 2^-10 (0.1 %) of everything in it.
const FINE_BITS: u32 = 9;

/// Mantissa bits of a coarse bucket: 64 an octave, the middle is within 0.8 %.
const COARSE_BITS: u32 = 6;

/// The bucket of a value.
#[inline]
const fn bucket_of(value: u64, bits: u32) -> usize {
    let exponent = 63 - (value | 1).leading_zeros();
    let shift = exponent.saturating_sub(bits);
    ((shift as usize) << bits) + (value >> shift) as usize
}

/// The smallest value of a bucket and the smallest one above it (saturating at the top).
const fn bounds_of(bucket: usize, bits: u32) -> (u64, u64) {
    let shift = (bucket >> bits).saturating_sub(1);
    let mantissa = (bucket - (shift << bits)) as u64;
    let lower = mantissa << shift;
    (lower, lower.saturating_add(1 << shift))
}

/// The coarse bucket of a value, 64 an octave.
#[must_use]
#[inline]
pub const fn coarse_bucket(value: u64) -> usize {
    bucket_of(value, COARSE_BITS)
}

/// The smallest value of a coarse bucket and the smallest value above it.
#[must_use]
pub const fn coarse_bounds(bucket: usize) -> (u64, u64) {
    bounds_of(bucket, COARSE_BITS)
}

/// Counts of `u64` values in log-linear buckets; an empty one owns no memory.
#[derive(Clone)]
pub struct Histogram {
    bits: u32,
    /// Bucket of `counts[0]`.
    first: usize,
    counts: Vec<u64>,
    count: u64,
    min: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram of relative error at most 0.1 %.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_bits(FINE_BITS)
    }

    /// An empty histogram with `2^bits` buckets an octave: relative error at most `2^-(bits + 1)`.
    ///
    /// # Panics
    /// If `bits` exceeds 16.
    #[must_use]
    pub const fn with_bits(bits: u32) -> Self {
        assert!(bits <= 16, "a histogram of more than 2^16 buckets an octave is a list of values");
        Self { bits, first: 0, counts: Vec::new(), count: 0, min: u64::MAX, max: 0 }
    }

    /// How much memory its counters take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }

    /// Counts a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value `n` times.
    #[inline]
    pub fn record_n(&mut self, value: u64, n: u64) {
        if n == 0 {
            return;
        }
        let bucket = bucket_of(value, self.bits);
        // A bucket below the first wraps round to a huge offset: one comparison tests both ends.
        let offset = bucket.wrapping_sub(self.first);
        match self.counts.get_mut(offset) {
            Some(slot) => *slot += n,
            None => self.grow_and_add(bucket, n),
        }
        self.count += n;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    #[cold]
    #[inline(never)]
    fn grow_and_add(&mut self, bucket: usize, n: u64) {
        self.cover(bucket, bucket);
        self.counts[bucket - self.first] += n;
    }

    /// Makes room for buckets `low..=high`, and for half as much again on the side that grows, so that a range that
    /// widens bucket by bucket is copied only logarithmically often.
    fn cover(&mut self, low: usize, high: usize) {
        if self.counts.is_empty() {
            self.first = low;
            self.counts = vec![0; high - low + 1];
            return;
        }
        let last = self.first + self.counts.len() - 1;
        let slack = self.counts.len() / 2;
        let top = bucket_of(u64::MAX, self.bits);
        let new_first = if low < self.first { low.saturating_sub(slack) } else { self.first };
        let new_last = if high > last { (high + slack).min(top) } else { last };
        if new_first == self.first {
            self.counts.resize(new_last - new_first + 1, 0);
        } else {
            let mut counts = vec![0; new_last - new_first + 1];
            let at = self.first - new_first;
            counts[at..at + self.counts.len()].copy_from_slice(&self.counts);
            self.counts = counts;
            self.first = new_first;
        }
    }

    /// Adds everything that `other` counted; exact, and the order of merging does not matter.
    ///
    /// # Panics
    /// If the two have different resolutions.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.bits, other.bits, "histograms of different resolution cannot be merged");
        if other.count == 0 {
            return;
        }
        let (low, high) = (bucket_of(other.min, self.bits), bucket_of(other.max, self.bits));
        self.cover(low, high);
        let theirs = &other.counts[low - other.first..=high - other.first];
        for (mine, theirs) in self.counts[low - self.first..].iter_mut().zip(theirs) {
            *mine += theirs;
        }
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets every value but keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.count = 0;
        self.min = u64::MAX;
        self.max = 0;
    }

    /// How many values were counted.
    #[must_use]
    #[inline]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The smallest value counted, exactly.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest value counted, exactly.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// Quantile `q` by nearest rank: the middle of the bucket that holds rank ceil(q·n), never beyond the extremes.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = nearest_rank(q, self.count);
        if rank == 1 {
            return Some(self.min);
        }
        if rank == self.count {
            return Some(self.max);
        }
        let mut seen = 0;
        let offset = self
            .counts
            .iter()
            .position(|count| {
                seen += count;
                seen >= rank
            })
            .expect("the counters add up to the count, and no rank exceeds it");
        let (lower, upper) = bounds_of(self.first + offset, self.bits);
        Some((lower + (upper - lower) / 2).clamp(self.min, self.max))
    }

    /// The buckets that are not empty, ascending: smallest value, smallest value above the bucket, count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(offset, &count)| {
            let (lower, upper) = bounds_of(self.first + offset, self.bits);
            (lower, upper, count)
        })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Histogram {
    /// Equal counts in equal buckets; how much room either has beyond them is nobody's business.
    fn eq(&self, other: &Self) -> bool {
        (self.bits, self.count, self.min, self.max) == (other.bits, other.count, other.min, other.max)
            && self.buckets().eq(other.buckets())
    }
}

impl Eq for Histogram {}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({} values", self.count)?;
        if self.count > 0 {
            write!(f, " in {}..={}", self.min, self.max)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values of every magnitude: a random number shifted by a random amount.
    fn values(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec((any::<u64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift), length)
    }

    fn filled(values: &[u64], bits: u32) -> Histogram {
        let mut histogram = Histogram::with_bits(bits);
        values.iter().for_each(|&value| histogram.record(value));
        histogram
    }

    fn assert_close(got: u64, exact: u64, relative: f64) {
        let error = got.abs_diff(exact) as f64;
        assert!(error <= relative * exact as f64, "{got} is not within {relative} of {exact}");
    }

    #[test]
    fn buckets_tile_the_numbers() {
        for bits in [0, 3, COARSE_BITS, FINE_BITS, 16] {
            let mut expected_lower = 0;
            for bucket in 0..=bucket_of(u64::MAX, bits) {
                let (lower, upper) = bounds_of(bucket, bits);
                assert_eq!(lower, expected_lower, "bits={bits} bucket={bucket}");
                assert_eq!((bucket_of(lower, bits), bucket_of(upper - 1, bits)), (bucket, bucket));
                expected_lower = upper;
            }
            assert_eq!(expected_lower, u64::MAX, "the last bucket saturates");
            assert_eq!(bucket_of(u64::MAX, bits), bucket_of(u64::MAX - 1, bits));
        }
    }

    #[test]
    fn small_values_have_a_bucket_each() {
        for value in 0..1_024 {
            assert_eq!(bounds_of(bucket_of(value, FINE_BITS), FINE_BITS), (value, value + 1));
        }
        assert_eq!(bounds_of(bucket_of(1_025, FINE_BITS), FINE_BITS), (1_024, 1_026));
    }

    #[test]
    fn coarse_buckets_are_64_an_octave() {
        assert_eq!(coarse_bucket(1 << 21) - coarse_bucket(1 << 20), 64);
        let (lower, upper) = coarse_bounds(coarse_bucket(1_000_000));
        assert!(lower <= 1_000_000 && 1_000_000 < upper);
        assert!((upper - lower) as f64 / lower as f64 <= 1.0 / 64.0);
    }

    #[test]
    fn an_empty_one_is_empty_and_owns_nothing() {
        let histogram = Histogram::new();
        assert_eq!(
            (histogram.count(), histogram.min(), histogram.max(), histogram.quantile(0.5)),
            (0, None, None, None)
        );
        assert_eq!(histogram.buckets().count(), 0);
        assert_eq!(histogram.counts.capacity(), 0);
    }

    #[test]
    fn memory_follows_the_touched_range() {
        let mut histogram = Histogram::new();
        for value in 10_000_000..10_100_000 {
            histogram.record(value);
        }
        assert!(histogram.counts.len() < 20, "{} counters for 1 % of an octave", histogram.counts.len());
    }

    #[test]
    fn clearing_forgets_everything() {
        let mut histogram = filled(&[5, 7_000, 9_000_000], FINE_BITS);
        histogram.clear();
        assert_eq!(histogram, Histogram::new());
        histogram.record(6);
        assert_eq!(histogram, filled(&[6], FINE_BITS));
    }

    #[test]
    #[should_panic(expected = "different resolution")]
    fn resolutions_do_not_mix() {
        Histogram::new().merge(&Histogram::with_bits(5));
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_thousandth_of_the_sorted_vector(
            mut values in values(1..400), q in 0.0..=1.0_f64, bits in 4..12_u32,
        ) {
            let histogram = filled(&values, bits);
            values.sort_unstable();
            let n = values.len();
            let rank = ((q * n as f64).ceil() as usize).clamp(1, n);
            let got = histogram.quantile(q).unwrap();
            assert_close(got, values[rank - 1], 0.5_f64.powi(bits as i32 + 1));
            prop_assert!(values[0] <= got && got <= values[n - 1]);
            prop_assert_eq!(histogram.min(), values.first().copied());
            prop_assert_eq!(histogram.max(), values.last().copied());
        }

        #[test]
        fn buckets_hold_exactly_what_was_recorded(values in values(0..400)) {
            let histogram = filled(&values, FINE_BITS);
            let mut total = 0;
            let mut previous_upper = 0;
            for (lower, upper, count) in histogram.buckets() {
                prop_assert!(lower >= previous_upper && upper > lower);
                let inside = values.iter().filter(|&&v| v >= lower && (v < upper || upper == u64::MAX)).count();
                prop_assert_eq!(count, inside as u64);
                total += count;
                previous_upper = upper;
            }
            prop_assert_eq!(total, values.len() as u64);
        }

        #[test]
        fn merging_in_any_order_equals_recording_everything(
            a in values(0..100), b in values(0..100), c in values(0..100), q in 0.0..=1.0_f64,
        ) {
            let all: Vec<u64> = [a.clone(), b.clone(), c.clone()].concat();
            let whole = filled(&all, FINE_BITS);
            let parts = [filled(&a, FINE_BITS), filled(&b, FINE_BITS), filled(&c, FINE_BITS)];
            for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
                let mut merged = Histogram::new();
                order.iter().for_each(|&part| merged.merge(&parts[part]));
                prop_assert_eq!(&merged, &whole);
                prop_assert_eq!(merged.quantile(q), whole.quantile(q));
            }
        }

        #[test]
        fn recording_n_times_is_recording_n_times(values in prop::collection::vec((any::<u64>(), 0..5_u64), 0..50)) {
            let mut at_once = Histogram::new();
            let mut one_by_one = Histogram::new();
            for (value, n) in values {
                at_once.record_n(value, n);
                (0..n).for_each(|_| one_by_one.record(value));
            }
            prop_assert_eq!(at_once, one_by_one);
        }
    }
}
