//! Where the warm-up of a run ends.

/// Observations in a batch.
const BATCH: usize = 5;

/// Fewer batches than this say nothing about where a transient ends.
const FEWEST_BATCHES: usize = 10;

/// Batches at the end that are never the only ones kept: a few alike by chance would look like a perfect steady state.
const TAIL: usize = 5;

/// How many observations to cut from the start by the rule MSER-5; `None` when the series is too short to tell, has
/// values that are not finite, or shows no steady state in its first half.
///
/// The cut minimizes the squared standard error of what is kept, computed from means of five (K. P. White Jr.,
/// M. J. Cobb and S. C. Spratt, "A Comparison of Five Steady-State Truncation Heuristics for Simulation", WSC 2000).
/// A minimum in the second half means that the run is too short for its transient.
#[must_use]
pub fn mser5(values: &[f64]) -> Option<usize> {
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let batches: Vec<f64> = values.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < FEWEST_BATCHES {
        return None;
    }
    // From the end to the start, so that mean and squares of what is kept grow by one batch a step (Welford).
    let mut best = (f64::INFINITY, 0);
    let (mut mean, mut squares) = (0.0, 0.0);
    for (cut, &batch) in batches.iter().enumerate().rev() {
        let kept = (batches.len() - cut) as f64;
        let before = batch - mean;
        mean += before / kept;
        squares += before * (batch - mean);
        let statistic = squares / (kept * kept);
        // `<=`: among equals the shortest cut.
        if batches.len() - cut >= TAIL && statistic <= best.0 {
            best = (statistic, cut);
        }
    }
    (best.1 <= batches.len() / 2).then_some(best.1 * BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..n).map(|_| rng.sample(StandardNormal)).collect()
    }

    /// The definition, term by term.
    fn mser5_by_definition(values: &[f64]) -> Option<usize> {
        let batches: Vec<f64> = values.chunks_exact(5).map(|b| b.iter().sum::<f64>() / 5.0).collect();
        let statistic = |cut: usize| {
            let kept = &batches[cut..];
            let mean = kept.iter().sum::<f64>() / kept.len() as f64;
            kept.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / (kept.len() as f64).powi(2)
        };
        let best = (0..=batches.len() - 5).min_by(|&a, &b| statistic(a).total_cmp(&statistic(b)))?;
        (best <= batches.len() / 2).then_some(best * 5)
    }

    #[test]
    fn agrees_with_the_definition() {
        for seed in 0..20 {
            let mut values = noise(603, seed);
            for (i, value) in values.iter_mut().enumerate() {
                *value += 8.0 * (-(i as f64) / (10.0 + 10.0 * seed as f64)).exp();
            }
            assert_eq!(mser5(&values), mser5_by_definition(&values), "seed {seed}");
        }
    }

    #[test]
    fn a_step_is_cut_where_it_ends() {
        let mut values = noise(1_000, 1);
        values[..100].iter_mut().for_each(|value| *value += 50.0);
        assert_eq!(mser5(&values), Some(100));
    }

    #[test]
    fn a_steady_series_keeps_nearly_everything() {
        assert_eq!(mser5(&[3.0; 200]), Some(0));
        let cuts: Vec<usize> = (0..20).filter_map(|seed| mser5(&noise(2_000, seed))).collect();
        assert!(cuts.len() >= 18, "{} of 20 steady series were recognised", cuts.len());
        let mean = cuts.iter().sum::<usize>() as f64 / cuts.len() as f64;
        assert!(mean < 400.0, "{mean} of 2,000 cut from noise on average");
    }

    #[test]
    fn no_steady_state_no_cut() {
        let rising: Vec<f64> = (0..500).map(f64::from).collect();
        assert_eq!(mser5(&rising), None);
        assert_eq!(mser5(&[1.0; 49]), None);
        let mut broken = vec![1.0; 100];
        broken[50] = f64::NAN;
        assert_eq!(mser5(&broken), None);
    }
}
