//! The exponential law and what is built from it: hyperexponential, gamma and Erlang.

use super::bits::unit;
use super::check::{not_negative, positive, seconds};
use rand::Rng;
use rand_distr::{Distribution, Exp1};
use std::sync::Arc;

/// How far probabilities that should add up to 1 may miss it: the last digit of what people write.
const SUM_TOLERANCE: f64 = 1e-6;

/// Exponential: no memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exponential {
    mean: f64,
}

impl Exponential {
    pub(super) fn new(mean: f64) -> Result<Self, String> {
        Ok(Self { mean: positive("exponential", "mean", mean)? })
    }

    #[inline]
    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let exponential: f64 = Exp1.sample(rng);
        exponential * self.mean
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        -libm::expm1(-x.max(0.0) / self.mean)
    }

    pub(super) fn describe(&self) -> String {
        format!("exponential (mean {})", seconds(self.mean))
    }
}

/// One of several exponentials, chosen anew for each draw: more variable than one exponential.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hyperexponential {
    branches: Arc<[Branch]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Branch {
    /// The draw takes the first branch whose bound it lies below.
    below: f64,
    p: f64,
    mean: f64,
}

impl Hyperexponential {
    pub(super) fn new(p: &[f64], rates: &[f64]) -> Result<Self, String> {
        if p.is_empty() || p.len() != rates.len() {
            return Err(format!(
                "hyperexponential: `p` and `rates` must list one value a branch, not {} and {}",
                p.len(),
                rates.len()
            ));
        }
        for (&p, &rate) in p.iter().zip(rates) {
            not_negative("hyperexponential", "p", p)?;
            positive("hyperexponential", "rates", rate)?;
        }
        let sum: f64 = p.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(format!("hyperexponential: the values of `p` must add up to 1, not {sum}"));
        }
        let mut below = 0.0;
        let mut branches: Vec<Branch> = Vec::with_capacity(p.len());
        for (&p, &rate) in p.iter().zip(rates).filter(|&(&p, _)| p > 0.0) {
            below += p / sum;
            branches.push(Branch { below, p: p / sum, mean: 1.0 / rate });
        }
        // Rounding must not leave a gap below 1.
        branches.last_mut().expect("probabilities that add up to 1 are not all 0").below = 1.0;
        Ok(Self { branches: branches.into() })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let u = unit(rng);
        let branch = self.branches.iter().find(|branch| u < branch.below).expect("the last bound is 1");
        let exponential: f64 = Exp1.sample(rng);
        exponential * branch.mean
    }

    pub(super) fn mean(&self) -> f64 {
        self.branches.iter().map(|branch| branch.p * branch.mean).sum()
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        self.branches.iter().map(|branch| branch.p * -libm::expm1(-x.max(0.0) / branch.mean)).sum()
    }

    pub(super) fn describe(&self) -> String {
        let parts: Vec<String> =
            self.branches.iter().map(|branch| format!("{} with mean {}", branch.p, seconds(branch.mean))).collect();
        format!("hyperexponential ({})", parts.join(", "))
    }
}

/// Gamma; with a whole number as shape it is Erlang's law, the sum of that many exponentials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gamma {
    shape: f64,
    mean: f64,
    sampler: rand_distr::Gamma<f64>,
}

impl Gamma {
    pub(super) fn new(law: &str, shape_name: &str, shape: f64, mean: f64) -> Result<Self, String> {
        positive(law, shape_name, shape)?;
        positive(law, "mean", mean)?;
        let scale = positive(law, "mean", mean / shape)?;
        let sampler = rand_distr::Gamma::new(shape, scale).map_err(|error| format!("{law}: {error}"))?;
        Ok(Self { shape, mean, sampler })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sampler.sample(rng)
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 { 0.0 } else { statrs::function::gamma::gamma_lr(self.shape, x * self.shape / self.mean) }
    }

    pub(super) fn describe(&self) -> String {
        if self.shape.fract() == 0.0 {
            format!("erlang (k {}, mean {})", self.shape, seconds(self.mean))
        } else {
            format!("gamma (shape {}, mean {})", self.shape, seconds(self.mean))
        }
    }
}
