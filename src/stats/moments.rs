//! Mean and variance in one pass.

/// Count, mean, variance and extremes of a stream of numbers, without keeping them.
///
/// Updated as in B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
/// Technometrics 4 (1962); merged as in T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating Formulae and a Pairwise
/// Algorithm for Computing Sample Variances" (1979).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Moments {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }

    /// Of all the values.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut moments = Self::new();
        values.iter().for_each(|&value| moments.push(value));
        moments
    }

    /// Of values whose count, mean, sum of squared distances from it and extremes are known.
    #[must_use]
    pub const fn from_parts(count: u64, mean: f64, squares: f64, min: f64, max: f64) -> Self {
        Self { count, mean, squares, min, max }
    }

    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (mine, theirs) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        self.count += other.count;
        let both = self.count as f64;
        self.mean += distance * theirs / both;
        self.squares += other.squares + distance * distance * mine * theirs / both;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean, of at least one value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The sample variance s² (divisor n − 1), of at least two values.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }

    /// The sample standard deviation s, of at least two values.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The smallest value.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }
}

impl Default for Moments {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }

    #[test]
    fn known_values() {
        let moments = Moments::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((moments.count(), moments.mean()), (8, Some(5.0)));
        assert!(close(moments.variance().unwrap(), 32.0 / 7.0));
        assert!(close(moments.sd().unwrap(), (32.0_f64 / 7.0).sqrt()));
        assert_eq!((moments.min(), moments.max()), (Some(2.0), Some(9.0)));
    }

    #[test]
    fn too_few_values_have_no_moments() {
        let none = Moments::new();
        assert_eq!((none.mean(), none.variance(), none.min(), none.max()), (None, None, None, None));
        let one = Moments::of(&[3.0]);
        assert_eq!((one.mean(), one.variance(), one.sd()), (Some(3.0), None, None));
    }

    #[test]
    fn a_large_offset_does_not_swallow_the_variance() {
        let moments = Moments::of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert!(close(moments.variance().unwrap(), 30.0));
        assert_eq!(Moments::of(&[0.1; 10]).variance(), Some(0.0));
    }

    proptest! {
        #[test]
        fn merging_equals_pushing(values in prop::collection::vec(-1e3..1e3_f64, 2..80), cut in 0..80_usize) {
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = Moments::of(left);
            merged.merge(&Moments::of(right));
            let whole = Moments::of(&values);
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert!(close(merged.mean().unwrap(), whole.mean().unwrap()));
            prop_assert!(close(merged.variance().unwrap(), whole.variance().unwrap()));
            prop_assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
        }
    }
}
