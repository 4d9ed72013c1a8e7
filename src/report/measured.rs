//! Compares replications with the repeats of a measurement.
//!
//! A measurement that is repeated does not come to the same twice, so what it knows is the range of its repeats. By
//! tolerance: pass when the mean over replications lies within that range or at most the tolerance beside it. By spread,
//! where the real thing draws at random: pass when each repeat could be one of the replications, lying within 4 of their
//! standard deviations around their mean; this needs enough replications to know the deviation.

use super::verdict::Verdict;
use crate::stats::Moments;

/// Standard deviations around the mean within which a single measured value must lie. Chance exceeds this once in 16,000
/// values of a normal law.
pub(super) const DEVIATIONS: f64 = 4.0;

/// Replications from which a standard deviation is known to 7 %.
const ENOUGH: usize = 100;

/// The bound of the repeats that is nearest to a value, or the value itself where it lies between them.
pub(super) fn nearest_in_range(repeats: &[f64], value: f64) -> f64 {
    let low = repeats.iter().copied().fold(f64::INFINITY, f64::min);
    let high = repeats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low <= high { value.clamp(low, high) } else { f64::NAN }
}

/// Whether every measured value lies within the spread of the replications; `slack` is allowed on top.
pub(super) fn within_spread(measured: &[f64], replications: &[f64], slack: f64) -> (Verdict, Option<String>) {
    let n = replications.len();
    if n < ENOUGH {
        return (Verdict::Imprecise, Some(format!("a spread needs {ENOUGH} replications, there are {n}")));
    }
    let moments = Moments::of(replications);
    let (Some(mean), Some(sd)) = (moments.mean(), moments.sd()) else { return (Verdict::Imprecise, None) };
    if !mean.is_finite() || !sd.is_finite() {
        return (Verdict::Imprecise, None);
    }
    let inside = measured.iter().all(|value| (value - mean).abs() <= DEVIATIONS * sd + slack);
    (if inside { Verdict::Pass } else { Verdict::Fail }, None)
}

/// Where a sequence leaves the measured one that it follows longest; `None` where it equals one.
pub(super) fn first_difference(found: &[String], measured: &[Vec<String>]) -> Option<String> {
    let agree = |repeat: &Vec<String>| found.iter().zip(repeat).take_while(|(a, b)| a == b).count();
    let (longest, repeat) = measured.iter().map(|repeat| (agree(repeat), repeat)).max_by_key(|(length, _)| *length)?;
    if measured.iter().any(|repeat| repeat == found) {
        return None;
    }
    Some(match (found.get(longest), repeat.get(longest)) {
        (Some(found), Some(wanted)) => format!("pick {} is {found}, measured {wanted}", longest + 1),
        (_, _) => format!("{} picks, measured {}", found.len(), repeat.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_repeats_everything_is_near() {
        assert_eq!(nearest_in_range(&[3.0, 1.0], 2.0), 2.0);
        assert_eq!(nearest_in_range(&[3.0, 1.0], 3.5), 3.0);
        assert_eq!(nearest_in_range(&[3.0, 1.0], 0.5), 1.0);
        assert!(nearest_in_range(&[], 0.5).is_nan());
        assert!(nearest_in_range(&[1.0], f64::NAN).is_nan());
    }

    #[test]
    fn each_repeat_must_lie_within_four_deviations() {
        // Half of the values 1 below 10, half 1 above: s² = 100/99.
        let replications: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { 9.0 } else { 11.0 }).collect();
        let of = |measured: &[f64]| within_spread(measured, &replications, 0.0).0;
        let four = 4.0 * (100.0_f64 / 99.0).sqrt();
        assert_eq!(of(&[10.0, 10.0 + four - 1e-9, 10.0 - four + 1e-9]), Verdict::Pass);
        assert_eq!(of(&[10.0, 10.0 + four + 1e-9]), Verdict::Fail);
        assert_eq!(of(&[10.0 - four - 1e-9, 10.0]), Verdict::Fail);
        assert_eq!(within_spread(&[10.0 + four + 0.1], &replications, 0.2).0, Verdict::Pass);
        let (verdict, note) = within_spread(&[10.0], &replications[1..], 0.0);
        assert_eq!(verdict, Verdict::Imprecise);
        assert_eq!(note.as_deref(), Some("a spread needs 100 replications, there are 99"));
        assert_eq!(within_spread(&[10.0], &[f64::NAN; 100], 0.0).0, Verdict::Imprecise);
    }

    #[test]
    fn the_first_difference_to_the_likest_repeat_is_told() {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let measured = [list("a b c"), list("b b c")];
        assert_eq!(first_difference(&list("b b c"), &measured), None);
        assert_eq!(first_difference(&list("a b a"), &measured).as_deref(), Some("pick 3 is a, measured c"));
        assert_eq!(first_difference(&list("a b"), &measured).as_deref(), Some("2 picks, measured 3"));
    }
}
