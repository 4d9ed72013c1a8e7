//! What a set of replications allows to be said: whether the system was saturated, whether an objective is met, whether
//! one alternative is better than another.

use super::interval::{replications_needed, t_interval};
use super::moments::Moments;
use super::paired::{Corrected, Paired};

/// The confidence behind every verdict.
pub const CONFIDENCE: f64 = 0.95;

/// A saturated system ends less than this percentage of what it is offered.
const ENDED_PERCENT: u128 = 98;

/// In-flight that grows by more than this factor from the first half of the window to the second is growing.
const GROWTH: f64 = 1.2;

/// Whether the system could not keep up: fewer than 98 % of the `offered` requests `ended`, or the mean number in
/// flight was more than 1.2 times as large in the second half of the window as in the first in at least 80 % of the
/// replications (one pair of `halves` each).
#[must_use]
pub fn saturated(offered: u64, ended: u64, halves: &[(f64, f64)]) -> bool {
    let behind = u128::from(ended) * 100 < u128::from(offered) * ENDED_PERCENT;
    let growing = halves.iter().filter(|(first, second)| *second > GROWTH * first).count();
    behind || (!halves.is_empty() && growing * 5 >= halves.len() * 4)
}

/// On which side of a threshold an objective wants a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Bound {
    /// Whether a value is on the wanted side.
    #[must_use]
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
        }
    }
}

/// Whether an objective is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectiveVerdict {
    /// The whole interval lies on the wanted side.
    Met,
    /// The whole interval lies on the other side.
    Missed,
    /// The interval holds the threshold, or there is none.
    Undecided {
        /// How many replications would decide if mean and spread stay as observed; `None` if that cannot be said (fewer
        /// than two values, values missing) or no reasonable number would.
        replications_needed: Option<u64>,
    },
}

/// Judges an objective by the 95 % interval of the metric's values, one a replication.
///
/// A value that is not finite stands for a replication that could not say (too few samples), and leaves the objective
/// undecided: the replications that could say are not a fair choice of them.
#[must_use]
pub fn judge_objective(values: &[f64], bound: Bound, threshold: f64) -> ObjectiveVerdict {
    let undecided = |replications_needed| ObjectiveVerdict::Undecided { replications_needed };
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return undecided(None);
    }
    let Some(interval) = t_interval(values, CONFIDENCE) else { return undecided(None) };
    match (bound.holds(interval.low, threshold), bound.holds(interval.high, threshold)) {
        (true, true) => ObjectiveVerdict::Met,
        (false, false) => ObjectiveVerdict::Missed,
        _ => {
            let sd = Moments::of(values).sd().expect("there are at least two values");
            let needed = replications_needed((interval.mean - threshold).abs(), sd, CONFIDENCE);
            // An end of the interval on the threshold itself would be answered with the number there already is.
            undecided(needed.map(|needed| needed.max(values.len() as u64 + 1)))
        }
    }
}

/// What is good in a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// Less, as of latencies.
    Lower,
    /// More, as of goodput.
    Higher,
    /// Neither: it describes.
    Neither,
}

/// What can be said of an alternative beside the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceVerdict {
    /// It differs, to the good.
    Better,
    /// It differs, to the bad.
    Worse,
    /// It differs in something that is neither good nor bad.
    Different,
    /// It does not differ in any replication.
    Equal,
    /// What is seen may be chance.
    NotSeparable {
        /// How many replications would tell if mean and spread of the differences stay as observed; `None` if that
        /// cannot be said (a single pair) or no reasonable number would.
        replications_needed: Option<u64>,
    },
}

/// Judges a paired difference by its p-value, corrected for the number of alternatives where there are several.
#[must_use]
pub fn judge_difference(paired: &Paired, corrected: Option<Corrected>, preference: Preference) -> DifferenceVerdict {
    let mean = paired.difference.mean;
    if mean == 0.0 && paired.sd.is_none_or(|sd| sd == 0.0) {
        return DifferenceVerdict::Equal;
    }
    let alpha = 1.0 - CONFIDENCE;
    match corrected {
        Some(corrected) if corrected.p_value < alpha => match preference {
            Preference::Neither => DifferenceVerdict::Different,
            Preference::Lower if mean < 0.0 => DifferenceVerdict::Better,
            Preference::Higher if mean > 0.0 => DifferenceVerdict::Better,
            _ => DifferenceVerdict::Worse,
        },
        Some(Corrected { factor, .. }) => {
            // The interval that must leave zero out is the wider, the more alternatives there are.
            let level = 1.0 - alpha / factor as f64;
            let needed = paired.sd.and_then(|sd| replications_needed(mean.abs(), sd, level));
            let more = paired.difference.n as u64 + 1;
            DifferenceVerdict::NotSeparable { replications_needed: needed.map(|needed| needed.max(more)) }
        }
        None => DifferenceVerdict::NotSeparable { replications_needed: None },
    }
}

#[cfg(test)]
mod tests {
    use super::super::paired::{holm, paired};
    use super::DifferenceVerdict::NotSeparable;
    use super::*;

    #[test]
    fn falling_behind_is_saturation() {
        assert!(saturated(1_000, 979, &[]));
        assert!(!saturated(1_000, 980, &[]));
        assert!(!saturated(0, 0, &[]));
        assert!(saturated(u64::MAX, u64::MAX / 2, &[]));
    }

    #[test]
    fn growing_in_most_replications_is_saturation() {
        let (grows, steady) = ((10.0, 12.1), (10.0, 12.0));
        assert!(saturated(100, 100, &[grows, grows, grows, grows, steady]));
        assert!(!saturated(100, 100, &[grows, grows, grows, steady, steady]));
        assert!(!saturated(100, 100, &[steady; 5]));
        assert!(!saturated(100, 100, &[(f64::NAN, f64::NAN); 5]));
        assert!(saturated(100, 100, &[grows]));
    }

    #[test]
    fn an_interval_on_one_side_decides() {
        // 95 % interval of these: 3 ± 1.963243.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let judge = |bound, threshold| judge_objective(&values, bound, threshold);
        assert_eq!(judge(Bound::Below, 5.0), ObjectiveVerdict::Met);
        assert_eq!(judge(Bound::Below, 1.0), ObjectiveVerdict::Missed);
        assert_eq!(judge(Bound::Above, 5.0), ObjectiveVerdict::Missed);
        assert_eq!(judge(Bound::AtLeast, 1.0), ObjectiveVerdict::Met);
        assert!(matches!(judge(Bound::AtMost, 4.9), ObjectiveVerdict::Undecided { .. }));
        assert!(matches!(judge(Bound::AtLeast, 1.1), ObjectiveVerdict::Undecided { .. }));
    }

    #[test]
    fn undecided_says_how_many_replications_would_decide() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let ObjectiveVerdict::Undecided { replications_needed: Some(needed) } =
            judge_objective(&values, Bound::Below, 3.5)
        else {
            panic!("3 ± 1.96 holds 3.5");
        };
        // 1.96² · 2.5 / 0.25 = 38.4, and a few more because s is estimated.
        assert!((39..=43).contains(&needed), "{needed}");
        let same = judge_objective(&values, Bound::Below, 3.0);
        assert_eq!(same, ObjectiveVerdict::Undecided { replications_needed: None });
    }

    #[test]
    fn without_spread_the_sign_of_equality_matters() {
        let zeros = [0.0; 5];
        assert_eq!(judge_objective(&zeros, Bound::AtMost, 0.0), ObjectiveVerdict::Met);
        assert_eq!(judge_objective(&zeros, Bound::Below, 0.0), ObjectiveVerdict::Missed);
        assert_eq!(judge_objective(&zeros, Bound::AtLeast, 0.0), ObjectiveVerdict::Met);
        assert_eq!(judge_objective(&zeros, Bound::Above, 0.0), ObjectiveVerdict::Missed);
    }

    #[test]
    fn too_little_to_judge() {
        let nothing = ObjectiveVerdict::Undecided { replications_needed: None };
        for values in [&[][..], &[1.0], &[1.0, f64::NAN, 1.0], &[1.0, f64::INFINITY]] {
            assert_eq!(judge_objective(values, Bound::Below, 100.0), nothing, "{values:?}");
        }
    }

    fn judge_pairs(baseline: &[f64], other: &[f64], alternatives: usize, preference: Preference) -> DifferenceVerdict {
        let paired = paired(baseline, other, CONFIDENCE).unwrap();
        // The others show nothing, so this one is the smallest and is corrected for all of them.
        let mut p_values = vec![1.0; alternatives - 1];
        p_values.extend(paired.p_value);
        let corrected = holm(&p_values);
        judge_difference(&paired, paired.p_value.and(corrected.last().copied()), preference)
    }

    #[test]
    fn differences_are_good_or_bad_by_what_is_preferred() {
        use DifferenceVerdict::{Better, Different, Worse};
        let (slow, fast) = ([10.0, 12.0, 11.0, 13.0], [8.0, 10.1, 8.9, 11.0]);
        for (preference, forth, back) in [
            (Preference::Lower, Better, Worse),
            (Preference::Higher, Worse, Better),
            (Preference::Neither, Different, Different),
        ] {
            assert_eq!(judge_pairs(&slow, &fast, 1, preference), forth);
            assert_eq!(judge_pairs(&fast, &slow, 1, preference), back);
        }
    }

    #[test]
    fn equal_is_more_than_not_separable() {
        let values = [1.0, 2.0, 3.0];
        assert_eq!(judge_pairs(&values, &values, 1, Preference::Lower), DifferenceVerdict::Equal);
        assert_eq!(judge_pairs(&[1.0], &[1.0], 1, Preference::Lower), DifferenceVerdict::Equal);
        // A mean of zero by chance is not the same as no difference; and no number of replications would tell.
        let never = DifferenceVerdict::NotSeparable { replications_needed: None };
        assert_eq!(judge_pairs(&values, &[2.0, 2.0, 2.0], 1, Preference::Lower), never);
        assert_eq!(judge_pairs(&[1.0], &[2.0], 1, Preference::Lower), never, "one pair proves nothing");
    }

    #[test]
    fn the_replications_that_would_tell() {
        // Differences 1 … 5 less 2.5: mean 0.5, s² = 2.5, so t² · 2.5 / n < 0.25 from n = 41 on (t₄₀ = 2.0211).
        let differences = [-1.5, -0.5, 0.5, 1.5, 2.5];
        let NotSeparable { replications_needed: Some(alone) } =
            judge_pairs(&[0.0; 5], &differences, 1, Preference::Lower)
        else {
            panic!("0.5 ± 1.96 holds zero");
        };
        assert_eq!(alone, 41);
        let NotSeparable { replications_needed: Some(among) } =
            judge_pairs(&[0.0; 5], &differences, 10, Preference::Lower)
        else {
            panic!("still");
        };
        // The normal quantiles of 99.5 % and 95 % alone make it (2.807 / 1.960)² = 2.05 times as many.
        assert!((81..=92).contains(&among), "{among}");
    }

    #[test]
    fn more_alternatives_ask_for_stronger_evidence() {
        let (a, b) = ([0.0; 5], [1.0, 2.0, 3.0, 4.0, 0.5]);
        assert_eq!(judge_pairs(&a, &b, 1, Preference::Higher), DifferenceVerdict::Better);
        assert!(matches!(judge_pairs(&a, &b, 20, Preference::Higher), NotSeparable { .. }));
    }
}
