//! How evenly something is shared out. All of these take non-negative shares, and are `None` where they are undefined:
//! for no shares, and for shares that are all zero.

/// Sum and mean, where there is anything to share.
fn total_and_mean(values: &[f64]) -> Option<(f64, f64)> {
    let total: f64 = values.iter().sum();
    (total > 0.0).then(|| (total, total / values.len() as f64))
}

/// Jain's fairness index (Σx)²/(n·Σx²): 1 when all are equal, 1/n when one has everything.
///
/// R. Jain, D. Chiu and W. Hawe, "A Quantitative Measure of Fairness and Discrimination", DEC-TR-301 (1984).
#[must_use]
pub fn jain(values: &[f64]) -> Option<f64> {
    let (total, _) = total_and_mean(values)?;
    let squares: f64 = values.iter().map(|x| x * x).sum();
    Some(total * total / (values.len() as f64 * squares))
}

/// The Gini coefficient, half the mean absolute difference over the mean: 0 when all are equal, 1 − 1/n when one has
/// everything.
#[must_use]
pub fn gini(values: &[f64]) -> Option<f64> {
    let (total, _) = total_and_mean(values)?;
    let n = values.len() as f64;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Σ (2i − n − 1)·x_i / (n·Σx) over the sorted shares, i from 1: the closed form of the double sum.
    let weighted: f64 = sorted.iter().enumerate().map(|(i, x)| (2.0 * i as f64 + 1.0 - n) * x).sum();
    Some(weighted / (n * total))
}

/// The coefficient of variation of a whole population (divisor n): 0 when all are equal.
#[must_use]
pub fn cv(values: &[f64]) -> Option<f64> {
    let (_, mean) = total_and_mean(values)?;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some((squares / values.len() as f64).sqrt() / mean)
}

/// The largest share over the mean share: 1 when all are equal, n when one has everything.
#[must_use]
pub fn max_over_mean(values: &[f64]) -> Option<f64> {
    let (_, mean) = total_and_mean(values)?;
    Some(values.iter().copied().fold(0.0, f64::max) / mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Measure = fn(&[f64]) -> Option<f64>;
    const ALL: [Measure; 4] = [jain, gini, cv, max_over_mean];

    fn assert_all(values: &[f64], expected: [f64; 4]) {
        for (measure, expected) in ALL.iter().zip(expected) {
            let got = measure(values).unwrap();
            assert!((got - expected).abs() < 1e-12, "{values:?}: {got} is not {expected}");
        }
    }

    #[test]
    fn known_values() {
        assert_all(&[5.0; 8], [1.0, 0.0, 0.0, 1.0]);
        assert_all(&[0.0, 0.0, 12.0, 0.0], [0.25, 0.75, 3.0_f64.sqrt(), 4.0]);
        // Σx = 10, Σx² = 30; pairwise differences sum to 10 over the six pairs.
        assert_all(&[4.0, 1.0, 3.0, 2.0], [100.0 / 120.0, 10.0 / (4.0 * 10.0), 1.25_f64.sqrt() / 2.5, 1.6]);
    }

    #[test]
    fn nothing_to_share_is_undefined() {
        for measure in ALL {
            assert_eq!((measure(&[]), measure(&[0.0; 5])), (None, None));
        }
    }

    proptest! {
        #[test]
        fn jain_and_cv_say_the_same(values in prop::collection::vec(0.0..1e6_f64, 1..50)) {
            prop_assume!(values.iter().sum::<f64>() > 0.0);
            let (jain, cv) = (jain(&values).unwrap(), cv(&values).unwrap());
            prop_assert!((jain - 1.0 / (1.0 + cv * cv)).abs() < 1e-9);
        }

        #[test]
        fn gini_is_the_mean_difference(values in prop::collection::vec(0.1..1e3_f64, 1..30)) {
            let n = values.len() as f64;
            let differences: f64 = values.iter().flat_map(|a| values.iter().map(move |b| (a - b).abs())).sum();
            let expected = differences / (2.0 * n * values.iter().sum::<f64>());
            prop_assert!((gini(&values).unwrap() - expected).abs() < 1e-9);
        }
    }
}
