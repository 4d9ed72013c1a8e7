//! Student-t confidence intervals over replications, and how many replications a decision would take.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::moments::Moments;

/// Above this many degrees of freedom a series around the normal law is more exact than inverting the beta function.
const SERIES_FROM: f64 = 1_000.0;

/// No answer beyond this many replications is worth giving.
const MOST_REPLICATIONS: u64 = 1_000_000_000;

/// A mean with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean of the values.
    pub mean: f64,
    /// Lower end; NaN when there was only one value.
    pub low: f64,
    /// Upper end; NaN when there was only one value.
    pub high: f64,
    /// How many values.
    pub n: usize,
}

impl Interval {
    /// The same of a quantity that lies between these bounds: an end beyond one stands on it. What it holds of the
    /// possible values is the same. An end that does not exist stays away.
    #[must_use]
    pub fn within(self, least: f64, most: f64) -> Self {
        Self { low: self.low.clamp(least, most), high: self.high.clamp(least, most), ..self }
    }
}

/// The value that a Student-t variable with `df` degrees of freedom stays below with probability `p`.
///
/// # Panics
/// If `p` is not strictly between 0 and 1 or `df` is not positive.
#[must_use]
pub fn t_quantile(p: f64, df: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a quantile lies strictly between 0 and 1, not at {p}");
    if df > SERIES_FROM {
        // Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; the next term is below 1e-8.
        let z = Normal::standard().inverse_cdf(p);
        let first = (z.powi(3) + z) / (4.0 * df);
        let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * df * df);
        z + first + second
    } else {
        StudentsT::new(0.0, 1.0, df).expect("degrees of freedom are positive").inverse_cdf(p)
    }
}

/// The mean of independent values and its two-sided Student-t interval at `level` (0.95 for 95 %).
///
/// `None` without values. One value has a mean and no interval; a value that is not finite makes everything NaN.
#[must_use]
pub fn t_interval(values: &[f64], level: f64) -> Option<Interval> {
    let moments = Moments::of(values);
    let mean = moments.mean()?;
    let (low, high) = match moments.sd() {
        Some(sd) => {
            let half = half_width(sd, values.len() as u64, level);
            (mean - half, mean + half)
        }
        None => (f64::NAN, f64::NAN),
    };
    Some(Interval { mean, low, high, n: values.len() })
}

/// Half the width of an interval as a share of its mean; `None` of a single value, of none that is finite, and around zero.
#[must_use]
pub fn relative_half_width(interval: Interval) -> Option<f64> {
    let relative = (interval.high - interval.low) / 2.0 / interval.mean.abs();
    Some(relative).filter(|relative| relative.is_finite())
}

/// The smallest number of replications whose interval would be narrower to one side than `distance`, if their standard
/// deviation is `sd`; `None` when no reasonable number would do.
#[must_use]
pub fn replications_needed(distance: f64, sd: f64, level: f64) -> Option<u64> {
    let decides = |n: u64| half_width(sd, n, level) < distance;
    // The half-width falls with n: double until it is small enough, then bisect. NaN decides nothing.
    let mut enough = 2;
    while !decides(enough) {
        enough *= 2;
        if enough > MOST_REPLICATIONS {
            return None;
        }
    }
    let mut too_few = enough / 2;
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if decides(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}

fn half_width(sd: f64, n: u64, level: f64) -> f64 {
    t_quantile(0.5 + level / 2.0, (n - 1) as f64) * sd / (n as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    #[test]
    fn quantiles_agree_with_the_tables() {
        let table = [
            (0.975, 1.0, 12.706_204_736),
            (0.975, 2.0, 4.302_652_730),
            (0.975, 4.0, 2.776_445_105),
            (0.975, 9.0, 2.262_157_163),
            (0.975, 30.0, 2.042_272_456),
            (0.95, 9.0, 1.833_112_933),
            (0.995, 9.0, 3.249_835_542),
            (0.975, 1_000.0, 1.962_339_081),
            (0.975, 1_001.0, 1.962_336_705),
            (0.975, 100_000.0, 1.959_987_708),
            (0.975, 2e6, 1.959_963_985),
        ];
        for (p, df, expected) in table {
            let got = t_quantile(p, df);
            assert!((got - expected).abs() < 2e-6, "p={p} df={df}: {got} is not {expected}");
            assert!((t_quantile(1.0 - p, df) + expected).abs() < 2e-6, "symmetry at p={p} df={df}");
        }
    }

    #[test]
    fn a_worked_interval() {
        // Mean 3, s = sqrt(2.5), n = 5: half-width 2.776445 * 1.581139 / 2.236068 = 1.963243.
        let interval = t_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        assert_eq!((interval.mean, interval.n), (3.0, 5));
        assert!((interval.high - 4.963_243).abs() < 1e-5 && (interval.low - 1.036_757).abs() < 1e-5);
    }

    #[test]
    fn one_value_has_no_interval_and_none_has_no_mean() {
        assert_eq!(t_interval(&[], 0.95), None);
        let one = t_interval(&[7.0], 0.95).unwrap();
        assert_eq!((one.mean, one.n), (7.0, 1));
        assert!(one.low.is_nan() && one.high.is_nan());
        let equal = t_interval(&[0.1; 7], 0.95).unwrap();
        assert_eq!((equal.low, equal.mean, equal.high), (0.1, 0.1, 0.1));
    }

    #[test]
    fn ends_stand_on_the_bounds_of_what_is_possible() {
        let interval = Interval { mean: 0.2, low: -0.3, high: 0.7, n: 5 };
        assert_eq!(interval.within(0.0, 1.0), Interval { low: 0.0, ..interval });
        assert_eq!(interval.within(0.0, 0.5), Interval { low: 0.0, high: 0.5, ..interval });
        assert_eq!(interval.within(-1.0, f64::INFINITY), interval);
        let one = t_interval(&[7.0], 0.95).unwrap().within(0.0, 1.0);
        assert!(one.low.is_nan() && one.high.is_nan());
    }

    #[test]
    fn half_widths_are_relative_to_the_size_of_the_mean() {
        let around = |mean: f64| Interval { mean, low: mean - 0.5, high: mean + 0.5, n: 3 };
        assert_eq!(relative_half_width(around(10.0)), Some(0.05));
        assert_eq!(relative_half_width(around(-10.0)), Some(0.05));
        assert_eq!(relative_half_width(around(0.0)), None);
        assert_eq!(relative_half_width(t_interval(&[0.0; 4], 0.95).unwrap()), None);
        assert_eq!(relative_half_width(t_interval(&[4.0], 0.95).unwrap()), None);
    }

    #[test]
    fn ninety_five_percent_of_intervals_cover_the_mean() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(20_240_607);
        let experiments = 2_000;
        let covered = (0..experiments)
            .filter(|_| {
                let values: Vec<f64> = (0..10).map(|_| 5.0 + 2.0 * rng.sample::<f64, _>(StandardNormal)).collect();
                let interval = t_interval(&values, 0.95).unwrap();
                interval.low <= 5.0 && 5.0 <= interval.high
            })
            .count();
        let coverage = covered as f64 / f64::from(experiments);
        assert!((0.935..=0.965).contains(&coverage), "coverage {coverage}");
    }

    #[test]
    fn needed_replications_are_the_smallest_that_decide() {
        for (distance, sd) in [(1.0, 1.0), (0.1, 1.0), (0.01, 3.0), (5.0, 1.0), (100.0, 1.0)] {
            let n = replications_needed(distance, sd, 0.95).unwrap();
            assert!(half_width(sd, n, 0.95) < distance, "{n} decide {distance} at {sd}");
            assert!(n == 2 || half_width(sd, n - 1, 0.95) >= distance, "{} do not", n - 1);
        }
        // By hand: 1.96 sd / sqrt(n) < sd / 10 from n = 385 on, and t is a little wider.
        assert_eq!(replications_needed(0.1, 1.0, 0.95), Some(387));
    }

    #[test]
    fn no_number_of_replications_tells_equal_things_apart() {
        assert_eq!(replications_needed(0.0, 1.0, 0.95), None);
        assert_eq!(replications_needed(f64::NAN, 1.0, 0.95), None);
        assert_eq!(replications_needed(1.0, f64::NAN, 0.95), None);
        assert_eq!(replications_needed(1.0, 0.0, 0.95), Some(2));
    }
}
