//! A choice between distributions.

use super::bits::unit;
use super::check::not_negative;
use super::dist::Dist;
use rand::Rng;
use std::sync::Arc;

/// One of several distributions, chosen anew for each draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture {
    parts: Arc<[Part]>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    /// The draw takes the first part whose bound it lies below.
    below: f64,
    share: f64,
    dist: Dist,
}

impl Mixture {
    /// Weights need not add up to 1: only their ratios count.
    pub(super) fn new(weighted: Vec<(f64, Dist)>) -> Result<Self, String> {
        for (weight, _) in &weighted {
            not_negative("mixture", "weight", *weight)?;
        }
        let total: f64 = weighted.iter().map(|(weight, _)| weight).sum();
        if !(total.is_finite() && total > 0.0) {
            return Err("mixture: there must be at least one part with a `weight` above 0".to_owned());
        }
        let mut below = 0.0;
        let mut parts: Vec<Part> = Vec::with_capacity(weighted.len());
        for (weight, dist) in weighted.into_iter().filter(|(weight, _)| *weight > 0.0) {
            let share = weight / total;
            below += share;
            parts.push(Part { below, share, dist });
        }
        // Rounding must not leave a gap below 1.
        parts.last_mut().expect("a total above 0 has a part").below = 1.0;
        Ok(Self { parts: parts.into() })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let u = unit(rng);
        self.parts.iter().find(|part| u < part.below).expect("the last bound is 1").dist.sample_secs(rng)
    }

    pub(super) fn mean(&self) -> f64 {
        self.parts.iter().map(|part| part.share * part.dist.mean()).sum()
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        self.parts.iter().map(|part| part.share * part.dist.cdf(x)).sum()
    }

    pub(super) fn describe(&self) -> String {
        let parts: Vec<String> =
            self.parts.iter().map(|part| format!("{} of {}", part.share, part.dist.describe())).collect();
        format!("mixture ({})", parts.join(", "))
    }
}
