//! Whether counts look like draws with given weights.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Pearson's chi-square test of `counts` against expectations in proportion to `weights`: the statistic and the
/// probability of one at least as large by chance.
///
/// `None` where there is nothing to test: fewer than two positive weights, or no counts. A count where the weight is
/// zero is impossible by chance: statistic infinite, probability 0. The approximation is poor where an expected count is
/// below about five.
///
/// # Panics
/// If there are not as many weights as counts.
#[must_use]
pub fn chi_square(counts: &[u64], weights: &[f64]) -> Option<(f64, f64)> {
    assert_eq!(counts.len(), weights.len(), "every count has a weight");
    let total: u64 = counts.iter().sum();
    let weight_sum: f64 = weights.iter().sum();
    let categories = weights.iter().filter(|weight| **weight > 0.0).count();
    if total == 0 || categories < 2 {
        return None;
    }
    let mut statistic = 0.0;
    for (&count, &weight) in counts.iter().zip(weights) {
        if weight > 0.0 {
            let expected = total as f64 * weight / weight_sum;
            statistic += (count as f64 - expected) * (count as f64 - expected) / expected;
        } else if count > 0 {
            return Some((f64::INFINITY, 0.0));
        }
    }
    let law = ChiSquared::new((categories - 1) as f64).expect("at least one degree of freedom");
    Some((statistic, law.sf(statistic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: Option<(f64, f64)>, statistic: f64, p: f64) {
        let (got_statistic, got_p) = got.unwrap();
        assert!((got_statistic - statistic).abs() < 1e-9, "statistic {got_statistic} is not {statistic}");
        assert!((got_p - p).abs() < 1e-6, "p {got_p} is not {p}");
    }

    #[test]
    fn known_values() {
        // A die thrown 60 times; upper tail of chi-square with 5 degrees of freedom at 13.4.
        assert_close(chi_square(&[5, 8, 9, 8, 10, 20], &[1.0; 6]), 13.4, 0.019_905_2);
        // One degree of freedom: p = erfc(sqrt(x / 2)); x = 4 is two standard deviations.
        assert_close(chi_square(&[60, 40], &[1.0, 1.0]), 4.0, 0.045_500_264);
        assert_close(chi_square(&[75, 25], &[3.0, 1.0]), 0.0, 1.0);
        // 2 degrees of freedom: p = exp(-x / 2).
        assert_close(chi_square(&[12, 9, 9], &[1.0; 3]), 0.6, (-0.3_f64).exp());
    }

    #[test]
    fn zero_weights_do_not_count_unless_they_were_picked() {
        assert_eq!(chi_square(&[60, 0, 40], &[1.0, 0.0, 1.0]), chi_square(&[60, 40], &[1.0, 1.0]));
        assert_eq!(chi_square(&[60, 1, 40], &[1.0, 0.0, 1.0]), Some((f64::INFINITY, 0.0)));
    }

    #[test]
    fn nothing_to_test() {
        assert_eq!(chi_square(&[], &[]), None);
        assert_eq!(chi_square(&[7], &[1.0]), None);
        assert_eq!(chi_square(&[0, 0], &[1.0, 1.0]), None);
        assert_eq!(chi_square(&[7, 0], &[1.0, 0.0]), None);
    }
}
