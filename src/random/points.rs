//! Bounded and discrete laws: uniform, two points, geometric.

use super::bits::unit;
use super::check::{not_negative, positive, probability, seconds};
use rand::Rng;
use rand_distr::{Distribution, Exp1};

/// Uniform on an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Uniform {
    min: f64,
    width: f64,
}

impl Uniform {
    pub(super) fn new(min: f64, max: f64) -> Result<Self, String> {
        not_negative("uniform", "min", min)?;
        not_negative("uniform", "max", max)?;
        if max <= min {
            return Err(format!("uniform: `max` ({max}) must be above `min` ({min})"));
        }
        Ok(Self { min, width: max - min })
    }

    #[inline]
    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.min + self.width * unit(rng)
    }

    pub(super) fn mean(&self) -> f64 {
        self.min + 0.5 * self.width
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        ((x - self.min) / self.width).clamp(0.0, 1.0)
    }

    pub(super) fn describe(&self) -> String {
        format!("uniform (min {}, max {})", seconds(self.min), seconds(self.min + self.width))
    }
}

/// One of two values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bimodal {
    p: f64,
    low: f64,
    high: f64,
}

impl Bimodal {
    pub(super) fn new(p: f64, low: f64, high: f64) -> Result<Self, String> {
        probability("bimodal", "p", p)?;
        not_negative("bimodal", "low", low)?;
        not_negative("bimodal", "high", high)?;
        if high < low {
            return Err(format!("bimodal: `high` ({high}) must not be below `low` ({low}); p is the share of `high`"));
        }
        Ok(Self { p, low, high })
    }

    #[inline]
    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if unit(rng) < self.p { self.high } else { self.low }
    }

    pub(super) fn mean(&self) -> f64 {
        self.p * self.high + (1.0 - self.p) * self.low
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        match (x >= self.low, x >= self.high) {
            (_, true) => 1.0,
            (true, false) => 1.0 - self.p,
            (false, false) => 0.0,
        }
    }

    pub(super) fn describe(&self) -> String {
        format!("bimodal (low {}, high {} with probability {})", seconds(self.low), seconds(self.high), self.p)
    }
}

/// The number of trials up to and with the first success: 1, 2, 3, …
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Geometric {
    mean: f64,
    /// The exponential distribution with this rate, cut off to whole numbers, is the geometric one counted from 0.
    rate: f64,
}

impl Geometric {
    pub(super) fn new(mean: f64) -> Result<Self, String> {
        positive("geometric", "mean", mean)?;
        if mean < 1.0 {
            return Err(format!("geometric: the values are 1, 2, 3, …, so `mean` must be 1 or more, not {mean}"));
        }
        Ok(Self { mean, rate: -libm::log1p(-1.0 / mean) })
    }

    #[inline]
    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let exponential: f64 = Exp1.sample(rng);
        1.0 + libm::floor(exponential / self.rate)
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        if x < 1.0 { 0.0 } else { -libm::expm1(-self.rate * libm::floor(x)) }
    }

    pub(super) fn describe(&self) -> String {
        format!("geometric (mean {})", self.mean)
    }
}
