//! When there are replications enough: the interval of their mean is as narrow as was asked for.
//!
//! Whoever looks after every replication and stops at the first interval that is narrow enough stops, more often than
//! not, where the spread happens to be underestimated, and the interval then holds the mean less often than it says
//! (Y. S. Chow and H. Robbins, "On the Asymptotic Theory of Fixed-Width Sequential Confidence Intervals for the Mean",
//! Annals of Mathematical Statistics 36 (1965), promise it only for ever narrower ones). So three things are asked:
//! looks are rare, two in a row must agree, and skewed values need as many replications as make their mean normal.

use super::interval::{relative_half_width, t_interval};
use super::verdict::CONFIDENCE;

/// W. G. Cochran, Sampling Techniques (3rd edition, 1977), section 2.15: with n > 25 G₁² a 95 % interval by the normal
/// law is wrong at most 6 % of the time; G₁ is the skewness.
const COCHRAN: f64 = 25.0;

/// How narrow the interval of a mean shall be, and how many replications that may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// Fewest replications: the first look.
    pub min: u32,
    /// Most replications.
    pub max: u32,
    /// Half the width of the 95 % interval as a share of the mean.
    pub relative_half_width: f64,
}

impl Precision {
    /// The first number of replications above `made` at which the rule looks at them: half as many more each time, from
    /// `min` to `max`. `None` when all were made.
    #[must_use]
    pub fn next_look(&self, made: u32) -> Option<u32> {
        let mut look = self.min.min(self.max).max(1);
        while look <= made {
            if look >= self.max {
                return None;
            }
            look = look.saturating_add(look.div_ceil(2)).min(self.max);
        }
        Some(look)
    }

    /// The last look before that one.
    fn look_before(&self, look: u32) -> Option<u32> {
        let mut before = None;
        let mut at = 0;
        while let Some(next) = self.next_look(at).filter(|next| *next < look) {
            before = Some(next);
            at = next;
        }
        before
    }

    /// Whether these values, one a replication, are a reason to stop: at a look, if they and those of the look before
    /// are narrow enough and not too skewed for their number.
    #[must_use]
    pub fn enough(&self, values: &[f64]) -> bool {
        let made = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let at_look = self.next_look(made.saturating_sub(1)) == Some(made);
        let before = self.look_before(made).and_then(|before| values.get(..before as usize));
        at_look && self.holds(values) && before.is_some_and(|before| self.holds(before))
    }

    /// Whether the goal is reached: by the rule, or with the last replication allowed, when nobody chose where to stop.
    #[must_use]
    pub fn reached(&self, values: &[f64]) -> bool {
        (values.len() as u64 >= u64::from(self.max) && self.narrow(values)) || self.enough(values)
    }

    fn holds(&self, values: &[f64]) -> bool {
        let needed = |skewness: f64| COCHRAN * skewness * skewness;
        self.narrow(values) && skewness(values).is_some_and(|skewness| values.len() as f64 >= needed(skewness))
    }

    fn narrow(&self, values: &[f64]) -> bool {
        let width = t_interval(values, CONFIDENCE).and_then(relative_half_width);
        width.is_some_and(|width| width <= self.relative_half_width)
    }
}

/// The adjusted Fisher–Pearson coefficient G₁, of at least three values; 0 where nothing varies.
fn skewness(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if n < 3.0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    if variance == 0.0 {
        return Some(0.0);
    }
    let skewness = moment(3) / (variance * variance.sqrt()) * (n * (n - 1.0)).sqrt() / (n - 2.0);
    Some(skewness).filter(|skewness| skewness.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Exp1, StandardNormal};

    const GOAL: Precision = Precision { min: 10, max: 1_000, relative_half_width: 0.1 };

    #[test]
    fn looks_grow_by_half_up_to_the_last() {
        let looks = |goal: Precision| {
            let mut looks = Vec::new();
            while let Some(look) = goal.next_look(looks.last().copied().unwrap_or(0)) {
                looks.push(look);
            }
            looks
        };
        assert_eq!(looks(Precision { max: 100, ..GOAL }), [10, 15, 23, 35, 53, 80, 100]);
        assert_eq!(looks(Precision { min: 2, max: 9, ..GOAL }), [2, 3, 5, 8, 9]);
        assert_eq!(looks(Precision { min: 7, max: 7, ..GOAL }), [7]);
        assert_eq!(looks(Precision { min: 9, max: 7, ..GOAL }), [7]);
        assert_eq!(looks(Precision { min: 2, max: u32::MAX, ..GOAL }).last(), Some(&u32::MAX));
        assert_eq!((GOAL.next_look(12), GOAL.next_look(1_000)), (Some(15), None));
    }

    #[test]
    fn skewness_as_others_compute_it() {
        // SciPy: stats.skew([1, 2, 3, 4, 10], bias=False) = 1.6970562748477143.
        let skewed = skewness(&[1.0, 2.0, 3.0, 4.0, 10.0]).unwrap();
        assert!((skewed - 1.697_056_274_847_714).abs() < 1e-12, "{skewed}");
        assert_eq!(skewness(&[1.0, 2.0, 3.0]), Some(0.0));
        assert_eq!((skewness(&[4.0; 3]), skewness(&[1.0, 2.0])), (Some(0.0), None));
    }

    /// `n` values on either side of 1 in turn (n is even), with an interval of this half-width.
    fn values(n: usize, half_width: f64) -> Vec<f64> {
        let at = |d: f64| (0..n).map(|i| if i % 2 == 0 { 1.0 + d } else { 1.0 - d }).collect::<Vec<f64>>();
        let of_one_percent = relative_half_width(t_interval(&at(0.01), CONFIDENCE).unwrap()).unwrap();
        at(0.01 * half_width / of_one_percent)
    }

    #[test]
    fn two_looks_in_a_row_must_be_narrow_enough() {
        let goal = Precision { min: 4, ..GOAL };
        // Of six values in turn the first four have an interval 1.6 times as wide.
        let (narrow, wide) = (values(6, 0.06), values(6, 0.07));
        assert!(goal.holds(&narrow) && goal.holds(&narrow[..4]) && goal.enough(&narrow));
        assert!(!goal.enough(&narrow[..4]), "nothing stood before it");
        assert!(!goal.enough(&narrow[..5]), "five is no look");
        assert!(goal.holds(&wide) && !goal.holds(&wide[..4]) && !goal.enough(&wide));
    }

    #[test]
    fn skewed_values_need_more_of_them() {
        // Fourteen alike and one that is not have G₁ = 3.87, which asks for 375.
        let mut skewed = vec![1.0; 15];
        skewed[3] = 1.01;
        assert!(GOAL.narrow(&skewed) && !GOAL.enough(&skewed));
        let constant = [1.0; 15];
        assert!(GOAL.enough(&constant), "what never varies is known");
    }

    #[test]
    fn nothing_relative_is_known_of_a_mean_of_zero_or_of_values_that_are_missing() {
        assert!(!GOAL.enough(&[0.0; 15]));
        let mut missing = [1.0; 15];
        missing[7] = f64::NAN;
        assert!(!GOAL.enough(&missing) && !GOAL.reached(&missing));
        assert!(!GOAL.enough(&[]) && !GOAL.reached(&[]));
    }

    #[test]
    fn the_last_replication_allowed_needs_no_second_look() {
        let goal = Precision { min: 2, max: 6, ..GOAL };
        assert!(goal.reached(&values(6, 0.099)));
        assert!(!goal.reached(&values(6, 0.101)));
        assert!(!goal.reached(&values(4, 0.05)), "not a look");
    }

    /// The share of experiments whose interval, where the rule stops, holds the mean 1; and how many values they took.
    fn coverage(goal: Precision, experiments: u64, draw: impl Fn(&mut Xoshiro256PlusPlus) -> f64) -> (f64, f64) {
        let (mut covered, mut made) = (0, 0);
        for experiment in 0..experiments {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(experiment);
            let mut values = Vec::new();
            while let Some(look) = goal.next_look(values.len() as u32) {
                values.extend((values.len()..look as usize).map(|_| draw(&mut rng)));
                if goal.enough(&values) {
                    break;
                }
            }
            let interval = t_interval(&values, CONFIDENCE).unwrap();
            covered += u64::from(interval.low <= 1.0 && 1.0 <= interval.high);
            made += values.len();
        }
        (covered as f64 / experiments as f64, made as f64 / experiments as f64)
    }

    #[test]
    fn the_interval_at_the_stop_covers_as_often_as_it_says() {
        let exponential = |rng: &mut Xoshiro256PlusPlus| rng.sample::<f64, _>(Exp1);
        let gamma = |rng: &mut Xoshiro256PlusPlus| (0..4).map(|_| rng.sample::<f64, _>(Exp1)).sum::<f64>() / 4.0;
        let normal = |cv: f64| move |rng: &mut Xoshiro256PlusPlus| 1.0 + cv * rng.sample::<f64, _>(StandardNormal);
        for relative_half_width in [0.3, 0.1, 0.05] {
            let goal = Precision { min: 20, max: 100_000, relative_half_width };
            let all = [
                ("normal", coverage(goal, 4_000, normal(0.3))),
                ("wide normal", coverage(goal, 4_000, normal(1.0))),
                ("gamma", coverage(goal, 4_000, gamma)),
                ("exponential", coverage(goal, 4_000, exponential)),
            ];
            for (law, (covered, made)) in all {
                // Three binomial standard errors of 4,000 experiments are 1 %.
                let text = format!("{law} at {relative_half_width}: {covered} with {made} values");
                assert!((0.93..=0.97).contains(&covered), "{text}");
            }
        }
    }

    #[test]
    fn a_small_first_look_is_as_good_for_values_that_are_not_skewed() {
        let goal = Precision { min: 2, max: 100_000, relative_half_width: 0.1 };
        let (covered, made) = coverage(goal, 10_000, |rng| 1.0 + 0.3 * rng.sample::<f64, _>(StandardNormal));
        assert!((0.935..=0.965).contains(&covered), "{covered} with {made} values");
        // 35 would do if the standard deviation were known; a second look makes it half as many more, and a bit.
        assert!((50.0..90.0).contains(&made), "{made}");
    }
}
