//! What a set of replications allows to be said: whether the system was saturated, whether an objective is met.

use super::interval::{replications_needed, t_interval};
use super::moments::Moments;

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

#[cfg(test)]
mod tests {
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
}
