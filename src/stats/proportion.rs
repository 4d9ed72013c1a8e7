//! How often something happens, from how often it happened.

use statrs::distribution::{Beta, ContinuousCDF};

/// The interval that holds the probability of what happened `count` times out of `n`, at `level` (0.95 for 95 %): from
/// Clopper and Pearson (1934), so it holds it at least that often.
///
/// `None` without trials, or with more happenings than trials.
#[must_use]
pub fn proportion_interval(count: u64, n: u64, level: f64) -> Option<(f64, f64)> {
    if n == 0 || count > n {
        return None;
    }
    let (tail, count, others) = ((1.0 - level) / 2.0, count as f64, (n - count) as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map(|beta| beta.inverse_cdf(p)).ok();
    let low = if count > 0.0 { quantile(count, others + 1.0, tail)? } else { 0.0 };
    let high = if others > 0.0 { quantile(count + 1.0, others, 1.0 - tail)? } else { 1.0 };
    Some((low, high))
}

/// The probability that is exceeded, with confidence `level`, by what happened `n` times out of `n`.
#[must_use]
pub fn always_bound(n: u64, level: f64) -> f64 {
    if n == 0 { 0.0 } else { (1.0 - level).powf(1.0 / n as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the tables in Newcombe, Statistics in Medicine 17 (1998), table I, method 5.
    #[test]
    fn published_intervals() {
        for (count, n, low, high) in
            [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)]
        {
            let (from, to) = proportion_interval(count, n, 0.95).unwrap();
            assert!((from - low).abs() < 5e-5 && (to - high).abs() < 5e-5, "{count} of {n}: {from} … {to}");
        }
        assert_eq!(proportion_interval(29, 29, 0.95).map(|(_, high)| high), Some(1.0));
        assert_eq!(proportion_interval(0, 0, 0.95), None);
        assert_eq!(proportion_interval(2, 1, 0.95), None);
    }

    #[test]
    fn how_many_in_a_row_show_99_percent() {
        assert!(always_bound(299, 0.95) > 0.99);
        assert!(always_bound(298, 0.95) < 0.99);
        assert!(always_bound(0, 0.95) == 0.0);
    }
}
