//! Differences of two alternatives that faced the same random numbers, replication by replication.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::interval::{Interval, t_interval};
use super::moments::Moments;

/// Two values that differ by less than this share of the larger one differ by the order of their additions only.
const ROUNDING: f64 = 1e-12;

/// What pairs of values say of their difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Mean of the differences (the other minus the baseline) with its Student-t interval.
    pub difference: Interval,
    /// Standard deviation of the differences; `None` of a single pair.
    pub sd: Option<f64>,
    /// How probable a mean at least as far from zero would be if there were no difference: two-sided paired t-test.
    /// `None` of a single pair.
    pub p_value: Option<f64>,
    /// The share of the variance of the difference that the common random numbers took away,
    /// 1 − Var(a − b) / (Var a + Var b); negative where they made it worse. `None` where nothing varies.
    pub variance_reduction: Option<f64>,
}

/// Compares values in pairs: those at the same place belong to the same replication. Of the longer list the end is left
/// out; `None` without a pair.
#[must_use]
pub fn paired(baseline: &[f64], other: &[f64], level: f64) -> Option<Paired> {
    let pairs = baseline.len().min(other.len());
    let (baseline, other) = (&baseline[..pairs], &other[..pairs]);
    let differences: Vec<f64> = baseline.iter().zip(other).map(|(a, b)| difference(*a, *b)).collect();
    let interval = t_interval(&differences, level)?;
    let moments = Moments::of(&differences);
    let both = Moments::of(baseline).variance().zip(Moments::of(other).variance()).map(|(a, b)| a + b);
    Some(Paired {
        difference: interval,
        sd: moments.sd(),
        p_value: moments.sd().map(|sd| p_value(interval.mean, sd, pairs)),
        variance_reduction: moments
            .variance()
            .zip(both)
            .filter(|(_, both)| *both > 0.0)
            .map(|(d, both)| 1.0 - d / both),
    })
}

fn difference(a: f64, b: f64) -> f64 {
    let difference = b - a;
    if difference.abs() <= ROUNDING * a.abs().max(b.abs()) { 0.0 } else { difference }
}

/// Two-sided: the probability that |t| is at least as large, t = mean / (sd / √n) with n − 1 degrees of freedom.
fn p_value(mean: f64, sd: f64, n: usize) -> f64 {
    if sd == 0.0 {
        // All pairs differ by the same: chance has no part in it.
        return if mean == 0.0 { 1.0 } else { 0.0 };
    }
    let n = n as f64;
    let t = mean.abs() / (sd / n.sqrt());
    // The upper tail itself, not one minus the rest: a small p keeps its digits.
    let law = StudentsT::new(0.0, 1.0, n - 1.0).expect("there are at least two pairs");
    (2.0 * law.sf(t)).min(1.0)
}

/// A p-value among several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corrected {
    /// The p-value as if it were the only question; below 0.05 for one true null hypothesis among all in 5 % of cases.
    pub p_value: f64,
    /// By what it was multiplied, at least.
    pub factor: usize,
}

/// Corrects p-values for their number: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
/// Scandinavian Journal of Statistics 6 (1979). The i-th smallest of m is multiplied by m − i + 1, and none becomes
/// smaller than one before it.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<Corrected> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    // A stable sort: equal values stay in their order.
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut corrected = vec![Corrected { p_value: 1.0, factor: 1 }; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        let factor = p_values.len() - rank;
        largest = largest.max((p_values[index] * factor as f64).min(1.0));
        corrected[index] = Corrected { p_value: largest, factor };
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    /// Additional hours of sleep with two drugs: Student, "The Probable Error of a Mean", Biometrika 6 (1908).
    const FIRST: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const SECOND: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    fn close(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "{got} is not {want}");
    }

    #[test]
    fn student_s_sleep_data() {
        // R: t.test(extra ~ group, data = sleep, paired = TRUE): t = 4.0621, p = 0.002833, 0.7001142 to 2.4598858.
        let paired = paired(&FIRST, &SECOND, 0.95).unwrap();
        close(paired.difference.mean, 1.58, 1e-12);
        close(paired.difference.low, 0.700_114_2, 1e-6);
        close(paired.difference.high, 2.459_885_8, 1e-6);
        assert_eq!(paired.difference.n, 10);
        close(paired.p_value.unwrap(), 0.002_833, 5e-7);
        // R: 1 - var(b - a) / (var(a) + var(b)) = 1 - 1.512889 / (3.200556 + 4.009).
        close(paired.variance_reduction.unwrap(), 1.0 - 1.512_888_9 / 7.209_555_6, 1e-6);
        let back = super::paired(&SECOND, &FIRST, 0.95).unwrap();
        assert_eq!((back.p_value, back.sd), (paired.p_value, paired.sd));
        close(back.difference.mean, -1.58, 1e-12);
    }

    #[test]
    fn p_values_follow_the_closed_forms() {
        for t in [0.0, 0.1, 1.0, 2.5, 12.706_204_736, 300.0, 1e5] {
            // One and two degrees of freedom: 1 − (2/π) arctan t, and 1 − t / √(2 + t²), written without cancellation.
            let cauchy: f64 = 2.0 / std::f64::consts::PI * (1.0_f64).atan2(t);
            close(p_value(t, 2.0_f64.sqrt(), 2) / cauchy, 1.0, 1e-9);
            let two: f64 = 2.0 / (2.0 + t * t + t * (2.0 + t * t).sqrt());
            close(p_value(t, 3.0_f64.sqrt(), 3) / two, 1.0, 1e-9);
        }
        // The tables of t, and of the normal law, which it becomes.
        close(p_value(-2.262_157_163, 10.0_f64.sqrt(), 10), 0.05, 1e-9);
        close(p_value(1.962_336_705, 1_002.0_f64.sqrt(), 1_002), 0.05, 1e-7);
        close(p_value(1.959_963_985, 1e3, 1_000_000), 0.05, 1e-6);
        close(p_value(1.959_963_985, 1e4, 100_000_000), 0.05, 1e-6);
    }

    #[test]
    fn what_does_not_vary_is_no_matter_of_chance() {
        let equal = paired(&[0.1, 0.2, 0.3], &[0.1, 0.2, 0.3], 0.95).unwrap();
        assert_eq!((equal.difference.mean, equal.sd, equal.p_value), (0.0, Some(0.0), Some(1.0)));
        assert_eq!(equal.variance_reduction, Some(1.0));
        let constant = paired(&[1.0, 1.0], &[2.0, 2.0], 0.95).unwrap();
        assert_eq!((constant.difference.low, constant.difference.high), (1.0, 1.0));
        assert_eq!((constant.p_value, constant.variance_reduction), (Some(0.0), None));
        // The same numbers added in another order.
        let added = [0.1 + 0.2 + 0.3, 7.0 + 0.1 + 0.2];
        let otherwise = [0.3 + 0.2 + 0.1, 0.2 + 0.1 + 7.0];
        assert_ne!(added, otherwise);
        assert_eq!(paired(&added, &otherwise, 0.95).unwrap().difference.mean, 0.0);
    }

    #[test]
    fn few_pairs_say_little() {
        assert_eq!(paired(&[], &[1.0], 0.95), None);
        let one = paired(&[1.0], &[3.0, 4.0], 0.95).unwrap();
        assert_eq!((one.difference.mean, one.difference.n), (2.0, 1));
        assert!(one.difference.low.is_nan());
        assert_eq!((one.sd, one.p_value, one.variance_reduction), (None, None, None));
    }

    #[test]
    fn holm_s_correction() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02.
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (corrected, (p, factor)) in corrected.iter().zip([(0.03, 3), (0.06, 1), (0.06, 2), (0.02, 4)]) {
            close(corrected.p_value, p, 1e-15);
            assert_eq!(corrected.factor, factor);
        }
        assert_eq!(holm(&[0.2]), [Corrected { p_value: 0.2, factor: 1 }], "one question needs no correction");
        assert_eq!(holm(&[0.9, 0.8])[1].p_value, 1.0);
        assert_eq!(holm(&[]), []);
    }

    /// Pairs with a common part, as common random numbers give them, whose true difference is known.
    fn experiment(rng: &mut Xoshiro256PlusPlus, pairs: usize, difference: f64) -> (Vec<f64>, Vec<f64>) {
        let mut draw = || rng.sample::<f64, _>(StandardNormal);
        (0..pairs)
            .map(|_| {
                let common = 3.0 * draw();
                (10.0 + common + draw(), 10.0 + difference + common + draw())
            })
            .unzip()
    }

    #[test]
    fn intervals_cover_the_true_difference_and_errors_stay_below_five_percent() {
        const EXPERIMENTS: usize = 4_000;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(20_261_123);
        let (mut covered, mut rejected, mut any_rejected, mut removed) = (0, 0, 0, 0.0);
        for _ in 0..EXPERIMENTS {
            let (a, b) = experiment(&mut rng, 8, 0.5);
            let paired = super::paired(&a, &b, 0.95).unwrap();
            covered += usize::from(paired.difference.low <= 0.5 && 0.5 <= paired.difference.high);
            removed += paired.variance_reduction.unwrap();
            let nulls: Vec<f64> = (0..4)
                .map(|_| {
                    let (a, b) = experiment(&mut rng, 8, 0.0);
                    super::paired(&a, &b, 0.95).unwrap().p_value.unwrap()
                })
                .collect();
            rejected += nulls.iter().filter(|p| **p < 0.05).count();
            any_rejected += usize::from(holm(&nulls).iter().any(|corrected| corrected.p_value < 0.05));
        }
        let share = |count: usize, of: usize| count as f64 / of as f64;
        close(share(covered, EXPERIMENTS), 0.95, 0.02);
        close(share(rejected, 4 * EXPERIMENTS), 0.05, 0.006);
        // Four true hypotheses together, not each: Holm keeps the chance of any error at 5 %.
        close(share(any_rejected, EXPERIMENTS), 0.05, 0.015);
        // Var(a − b) = 2 and Var a + Var b = 20; the estimate from eight pairs is a little lower.
        close(removed / EXPERIMENTS as f64, 0.9, 0.03);
    }
}
