//! Laws chosen for their tails: Weibull and Pareto.

use super::bits::unit;
use super::check::{positive, seconds};
use rand::Rng;
use rand_distr::{Distribution, Exp1};

/// Weibull: a power of an exponential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weibull {
    shape: f64,
    scale: f64,
}

impl Weibull {
    pub(super) fn new(shape: f64, scale: f64) -> Result<Self, String> {
        Ok(Self { shape: positive("weibull", "shape", shape)?, scale: positive("weibull", "scale", scale)? })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let exponential: f64 = Exp1.sample(rng);
        self.scale * libm::pow(exponential, 1.0 / self.shape)
    }

    pub(super) fn mean(&self) -> f64 {
        self.scale * libm::tgamma(1.0 + 1.0 / self.shape)
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        -libm::expm1(-libm::pow(x.max(0.0) / self.scale, self.shape))
    }

    pub(super) fn describe(&self) -> String {
        format!("weibull (shape {}, scale {})", self.shape, seconds(self.scale))
    }
}

/// Pareto of the first kind, P(X > x) = (min/x)^alpha, or the same given that X is at most `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pareto {
    alpha: f64,
    min: f64,
    max: Option<f64>,
    /// The share of the unbounded law at or below `max`.
    kept: f64,
}

impl Pareto {
    pub(super) fn new(alpha: f64, min: f64, max: Option<f64>) -> Result<Self, String> {
        positive("pareto", "alpha", alpha)?;
        positive("pareto", "min", min)?;
        let mut kept = 1.0;
        if let Some(max) = max {
            positive("pareto", "max", max)?;
            if max <= min {
                return Err(format!("pareto: `max` ({max}) must be above `min` ({min})"));
            }
            kept = -libm::expm1(alpha * libm::log(min / max));
        }
        Ok(Self { alpha, min, max, kept })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        match self.max {
            // ln(X / min) is exponential with rate alpha.
            None => {
                let exponential: f64 = Exp1.sample(rng);
                self.min * libm::exp(exponential / self.alpha)
            }
            // The inverse of the distribution function; rounding must not carry a draw over the bound.
            Some(max) => {
                let exponential = -libm::log1p(-unit(rng) * self.kept);
                (self.min * libm::exp(exponential / self.alpha)).min(max)
            }
        }
    }

    /// Infinite for alpha of 1 and less without a bound.
    pub(super) fn mean(&self) -> f64 {
        let Self { alpha, min, max, kept } = *self;
        let Some(max) = max else {
            return if alpha > 1.0 { alpha * min / (alpha - 1.0) } else { f64::INFINITY };
        };
        // The integral of x·alpha·min^alpha·x^(−alpha−1) from min to max, in the logarithm of x: at alpha = 1 the
        // fraction below is its limit, the logarithm itself.
        let length = libm::log(max / min);
        let exponent = 1.0 - alpha;
        let integral = if exponent == 0.0 { length } else { libm::expm1(exponent * length) / exponent };
        alpha * min * integral / kept
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        if x <= self.min { 0.0 } else { (-libm::expm1(self.alpha * libm::log(self.min / x)) / self.kept).min(1.0) }
    }

    pub(super) fn describe(&self) -> String {
        let bound = self.max.map_or_else(String::new, |max| format!(", max {}", seconds(max)));
        format!("pareto (alpha {}, min {}{bound})", self.alpha, seconds(self.min))
    }
}
