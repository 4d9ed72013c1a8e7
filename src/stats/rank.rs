//! Nearest-rank quantiles: which of n ordered values a quantile is, and how many values it takes to name one.

/// How far `q * n` may exceed a whole number and still mean it: both factors are rounded once.
const PRODUCT_ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Samples that must lie above a quantile before it is reported.
const SAMPLES_ABOVE: f64 = 10.0;

/// The nearest rank of quantile `q` among `n` values: ceil(q·n), between 1 and n (0 when there are none).
///
/// The product is forgiven its rounding, so that 0.07 of 100 is rank 7 although `0.07 * 100.0 > 7.0`.
#[must_use]
pub fn nearest_rank(q: f64, n: u64) -> u64 {
    let rank = (q * n as f64 * (1.0 - PRODUCT_ROUNDING)).ceil();
    // A float below 1 (or NaN) becomes 0 or 1 here, one above n becomes n.
    (rank as u64).max(1).min(n)
}

/// How many values a quantile `q` needs before it may be reported: 10/(1−q), so that about ten lie above it.
#[must_use]
pub fn samples_needed(q: f64) -> u64 {
    // 1 − q cancels, so the quotient is forgiven more than one rounding; `as` saturates for q = 1.
    (SAMPLES_ABOVE / (1.0 - q) * (1.0 - 1e-9)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_exact_where_decimals_are_not() {
        for percent in 1..=100_u64 {
            for n in [100, 1_000, 10_000, 1_000_000_000] {
                let q = percent as f64 / 100.0;
                assert_eq!(nearest_rank(q, n), percent * (n / 100), "q={q} n={n}");
            }
        }
        assert_eq!(nearest_rank(0.999, 1_000), 999);
        assert_eq!(nearest_rank(0.999, 1_001), 1_000);
    }

    #[test]
    fn ranks_stay_between_one_and_n() {
        assert_eq!(nearest_rank(0.0, 7), 1);
        assert_eq!(nearest_rank(1.0, 7), 7);
        assert_eq!(nearest_rank(0.5, 7), 4);
        assert_eq!(nearest_rank(0.5, 1), 1);
        assert_eq!(nearest_rank(0.5, 0), 0);
    }

    #[test]
    fn tail_quantiles_need_many_samples() {
        let needed: Vec<u64> = [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999].into_iter().map(samples_needed).collect();
        assert_eq!(needed, [10, 20, 100, 200, 1_000, 10_000, 100_000]);
        assert_eq!(samples_needed(1.0), u64::MAX);
    }
}
