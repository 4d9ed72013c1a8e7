//! How the containers of a node share its cores: by weight, and nobody gets more than its threads can use.
//!
//! The kubelet turns requests into the CPU weight of a cgroup (v2). Weights matter only while more threads want to run than
//! there are cores; then the cores are given out in proportion, and what one container cannot use goes to the others.
//! Containers are taken as siblings: the cgroups of the quality-of-service classes above them are left out.

use super::sharing::WHOLE;

/// A container that wants a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// CPU weight of its cgroup.
    pub(crate) weight: u32,
    /// Threads that can run, each on one core.
    pub(crate) threads: u32,
}

/// The CPU weight of a container that requests so many thousandths of a core.
///
/// Shares of cgroup v1 are 1024 a core and at least 2; [2, 262144] of them become [1, 10000] of v2.
/// Source: Kubernetes, KEP-2254.
pub(crate) fn weight_of(milli: u64) -> u32 {
    let shares = (milli.saturating_mul(1024) / 1000).clamp(2, 262_144);
    u32::try_from(1 + (shares - 2) * 9_999 / 262_142).expect("at most 10,000")
}

/// The share of a core that each thread of each container gets, in 2^-20.
pub(crate) fn shares_of(cores: f64, wishes: &[Wish]) -> Vec<u64> {
    let wanted: f64 = wishes.iter().map(|wish| f64::from(wish.threads)).sum();
    if wanted <= cores {
        return vec![WHOLE; wishes.len()];
    }
    // Whoever can use least for its weight is served first; what it leaves is for the others.
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    let need = |index: &usize| f64::from(wishes[*index].threads) / f64::from(wishes[*index].weight);
    order.sort_by(|one, other| need(one).total_cmp(&need(other)).then(one.cmp(other)));
    let (mut cores, mut weights) = (cores, wishes.iter().map(|wish| f64::from(wish.weight)).sum::<f64>());
    let mut shares = vec![0; wishes.len()];
    for index in order {
        let Wish { weight, threads } = wishes[index];
        let fair = cores * f64::from(weight) / weights;
        let gets = fair.min(f64::from(threads)).max(0.0);
        shares[index] = ((gets / f64::from(threads) * WHOLE as f64) as u64).clamp(1, WHOLE);
        (cores, weights) = (cores - gets, weights - f64::from(weight));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_weights() {
        for (milli, weight) in
            [(0, 1), (2, 1), (100, 4), (500, 20), (1000, 39), (2000, 79), (256_000, 10_000), (u64::MAX, 10_000)]
        {
            assert_eq!(weight_of(milli), weight, "{milli}");
        }
    }

    #[test]
    fn cores_are_shared_by_weight_and_none_is_left_unused() {
        let of = |cores, wishes: &[(u32, u32)]| -> Vec<f64> {
            let wishes: Vec<Wish> = wishes.iter().map(|&(weight, threads)| Wish { weight, threads }).collect();
            let shares = shares_of(cores, &wishes);
            // In cores.
            shares
                .iter()
                .zip(&wishes)
                .map(|(share, wish)| *share as f64 / WHOLE as f64 * f64::from(wish.threads))
                .collect()
        };
        let near = |found: Vec<f64>, expected: &[f64]| {
            assert!(
                found.iter().zip(expected).all(|(one, two)| (one - two).abs() < 1e-4),
                "{found:?}, not {expected:?}"
            );
        };
        near(of(4.0, &[(1, 2), (100, 2)]), &[2.0, 2.0]);
        near(of(2.0, &[(1, 4), (3, 4)]), &[0.5, 1.5]);
        // One thread is all that the heavy one has: the rest is for the other two.
        near(of(4.0, &[(1, 4), (100, 1), (2, 4)]), &[1.0, 1.0, 2.0]);
        near(of(0.5, &[(1, 1)]), &[0.5]);
        near(of(3.0, &[(10, 2), (10, 2), (10, 2)]), &[1.0, 1.0, 1.0]);
        assert!(shares_of(1.0, &[]).is_empty());
    }
}
