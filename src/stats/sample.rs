//! Values of which the first ten thousand are kept exactly: small runs get exact ranks, large ones a histogram.

use super::histogram::Histogram;
use super::rank::{nearest_rank, samples_needed};

/// Up to this many values a [`Sample`] is exact.
pub const EXACT_LIMIT: usize = 10_000;

/// A collection of `u64` values with quantiles: exact up to [`EXACT_LIMIT`] values, within 0.1 % beyond.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Every value while `!over`, else empty.
    values: Vec<u64>,
    /// Whether there were more values than are kept.
    over: bool,
    histogram: Histogram,
}

impl Sample {
    /// An empty sample; owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: Vec::new(), over: false, histogram: Histogram::new() }
    }

    /// How much memory its values and counters take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<u64>() + self.histogram.bytes()
    }

    /// Adds a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        if !self.over {
            if self.values.len() < EXACT_LIMIT {
                self.values.push(value);
            } else {
                self.forget_values();
            }
        }
        self.histogram.record(value);
    }

    /// Adds values of which only a histogram is left; exact ranks are lost.
    pub fn add_histogram(&mut self, histogram: &Histogram) {
        if histogram.count() > 0 {
            self.forget_values();
            self.histogram.merge(histogram);
        }
    }

    /// Whether it has as many values as it keeps exactly.
    #[must_use]
    #[inline]
    pub const fn is_full(&self) -> bool {
        self.over || self.values.len() >= EXACT_LIMIT
    }

    #[cold]
    fn forget_values(&mut self) {
        self.over = true;
        self.values = Vec::new();
    }

    /// Adds everything in `other`; ranks stay exact only if both are exact and together within the limit.
    pub fn merge(&mut self, other: &Self) {
        if self.over || other.over || self.values.len() + other.values.len() > EXACT_LIMIT {
            self.forget_values();
        } else {
            self.values.extend_from_slice(&other.values);
        }
        self.histogram.merge(&other.histogram);
    }

    /// Forgets every value but keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.values.clear();
        self.over = false;
        self.histogram.clear();
    }

    /// How many values there are.
    #[must_use]
    #[inline]
    pub const fn count(&self) -> u64 {
        self.histogram.count()
    }

    /// Quantile `q` by nearest rank; `None` when there are no values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.over || self.values.is_empty() {
            return self.histogram.quantile(q);
        }
        let rank = nearest_rank(q, self.count()) as usize;
        let mut values = self.values.clone();
        Some(*values.select_nth_unstable(rank - 1).1)
    }

    /// Quantile `q`, or `None` when there are fewer than 10/(1−q) values to support it.
    #[must_use]
    pub fn supported_quantile(&self, q: f64) -> Option<u64> {
        if self.count() < samples_needed(q) { None } else { self.quantile(q) }
    }

    /// The same values as a histogram.
    #[must_use]
    pub const fn histogram(&self) -> &Histogram {
        &self.histogram
    }

    /// Every value in the order of recording (and merging), unless there were too many to keep.
    #[must_use]
    pub fn values(&self) -> Option<&[u64]> {
        (!self.over).then_some(&self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(values: impl IntoIterator<Item = u64>) -> Sample {
        let mut sample = Sample::new();
        values.into_iter().for_each(|value| sample.record(value));
        sample
    }

    #[test]
    fn exact_up_to_the_limit_and_close_beyond() {
        // Steps of a prime: no value is the middle of its bucket by accident.
        let value = |i: u64| 1_000_000 + 7_919 * ((i * 6_151) % 10_007);
        let mut sample = filled((0..10_000).map(value));
        let mut sorted: Vec<u64> = (0..10_000).map(value).collect();
        sorted.sort_unstable();
        assert_eq!(sample.quantile(0.5), Some(sorted[4_999]));
        assert_eq!(sample.quantile(0.99), Some(sorted[9_899]));
        assert_ne!(sample.histogram().quantile(0.5), Some(sorted[4_999]));
        assert_eq!(sample.values().map(<[u64]>::len), Some(10_000));

        sample.record(value(10_000));
        assert_eq!((sample.count(), sample.values()), (10_001, None));
        let (got, exact) = (sample.quantile(0.5).unwrap() as f64, sorted[5_000] as f64);
        assert!((got / exact - 1.0).abs() < 0.001, "{got} {exact}");
    }

    #[test]
    fn quantiles_without_support_are_refused() {
        let mut sample = filled(1..=999);
        assert_eq!((sample.supported_quantile(0.99), sample.quantile(0.99)), (None, Some(990)));
        sample.record(1_000);
        assert_eq!(sample.supported_quantile(0.99), Some(990));
        assert_eq!(Sample::new().quantile(0.5), None);
    }

    #[test]
    fn merging_too_much_loses_exactness_but_no_counts() {
        let mut sample = filled(0..6_000);
        sample.merge(&filled(0..6_000));
        assert_eq!((sample.count(), sample.values()), (12_000, None));
        // One more small part must not bring back an incomplete list.
        sample.merge(&filled([1]));
        assert_eq!((sample.count(), sample.values()), (12_001, None));
        sample.clear();
        assert_eq!((sample.count(), sample.values()), (0, Some(&[][..])));
    }

    proptest! {
        #[test]
        fn merging_equals_recording(a in prop::collection::vec(any::<u64>(), 0..60),
            b in prop::collection::vec(any::<u64>(), 0..60), q in 0.0..=1.0_f64) {
            let mut ab = filled(a.clone());
            ab.merge(&filled(b.clone()));
            let mut ba = filled(b.clone());
            ba.merge(&filled(a.clone()));
            let whole = filled(a.into_iter().chain(b));
            prop_assert_eq!(ab.quantile(q), whole.quantile(q));
            prop_assert_eq!(ba.quantile(q), whole.quantile(q));
            prop_assert_eq!(ab.values(), whole.values());
            prop_assert_eq!(ab.histogram(), whole.histogram());
        }
    }
}
