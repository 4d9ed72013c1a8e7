//! The normal law cut at zero, and the lognormal law.

use super::check::{not_negative, positive, seconds};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_840_8;

/// Φ(z), the standard normal distribution function; `erfc` keeps its accuracy in the lower tail.
fn standard_normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The exponential of a normal variable: mu and sigma are its mean and deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LogNormal {
    mu: f64,
    sigma: f64,
}

impl LogNormal {
    /// From the mean and the coefficient of variation: sigma² = ln(1 + cv²), mu = ln mean − sigma²/2.
    pub(super) fn from_mean_cv(mean: f64, cv: f64) -> Result<Self, String> {
        positive("lognormal", "mean", mean)?;
        positive("lognormal", "cv", cv)?;
        let variance = libm::log1p(cv * cv);
        Ok(Self { mu: libm::log(mean) - 0.5 * variance, sigma: libm::sqrt(variance) })
    }

    /// From two quantiles: mu = ln median, sigma = ln(p99 / median) / z(0.99).
    pub(super) fn from_median_p99(median: f64, p99: f64) -> Result<Self, String> {
        positive("lognormal", "median", median)?;
        positive("lognormal", "p99", p99)?;
        if p99 <= median {
            return Err(format!("lognormal: `p99` ({p99}) must be above `median` ({median})"));
        }
        Ok(Self { mu: libm::log(median), sigma: libm::log(p99 / median) / NORMAL_P99 })
    }

    #[inline]
    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        super::exp::exp(self.mu + self.sigma * z)
    }

    pub(super) fn mean(&self) -> f64 {
        libm::exp(self.mu + 0.5 * self.sigma * self.sigma)
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 { 0.0 } else { standard_normal_cdf((libm::log(x) - self.mu) / self.sigma) }
    }

    pub(super) fn describe(&self) -> String {
        let cv = libm::sqrt(libm::expm1(self.sigma * self.sigma));
        // The parameters went through logarithms; a few digits bring back what was written.
        format!("lognormal (mean {}, cv {})", seconds(self.mean()), (cv * 1e6).round() / 1e6)
    }
}

/// Normal given that it is not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TruncatedNormal {
    mean: f64,
    sd: f64,
}

impl TruncatedNormal {
    /// A mean of at least 0 keeps the chance of having to draw again at one half or less.
    pub(super) fn new(mean: f64, sd: f64) -> Result<Self, String> {
        not_negative("normal", "mean", mean)?;
        positive("normal", "sd", sd)?;
        Ok(Self { mean, sd })
    }

    #[inline]
    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        loop {
            let z: f64 = StandardNormal.sample(rng);
            let value = self.mean + self.sd * z;
            if value >= 0.0 {
                return value;
            }
        }
    }

    /// The share of the untruncated law that is kept.
    fn kept(&self) -> f64 {
        standard_normal_cdf(self.mean / self.sd)
    }

    /// Truncation raises the mean by sd·φ(mean/sd)/Φ(mean/sd) (Johnson, Kotz, Balakrishnan, vol. 1, section 13.10).
    pub(super) fn mean(&self) -> f64 {
        let z = self.mean / self.sd;
        let density = libm::exp(-0.5 * z * z) / libm::sqrt(2.0 * PI);
        self.mean + self.sd * density / self.kept()
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else {
            let cut = standard_normal_cdf(-self.mean / self.sd);
            (standard_normal_cdf((x - self.mean) / self.sd) - cut) / self.kept()
        }
    }

    pub(super) fn describe(&self) -> String {
        format!("normal (mean {}, sd {}, not below 0)", seconds(self.mean), seconds(self.sd))
    }
}
