//! [`Dist`]: a distribution a scenario may name, behind one type.

use super::data::{Empirical, Histogram};
use super::exponential::{Exponential, Gamma, Hyperexponential};
use super::mixture::Mixture;
use super::normal::{LogNormal, TruncatedNormal};
use super::points::{Bimodal, Geometric, Uniform};
use super::tail::{Pareto, Weibull};
use crate::time::{MAX_NANOS, SimDuration};
use rand::Rng;

/// The longest duration a draw may give: a few of them can still be added without passing the end of the clock.
const LONGEST: SimDuration = SimDuration::from_nanos(MAX_NANOS / 4);

/// A distribution of durations, inside in seconds, or of counts; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Dist {
    law: Law,
}

#[derive(Debug, Clone, PartialEq)]
enum Law {
    Constant(SimDuration),
    Uniform(Uniform),
    Exponential(Exponential),
    Gamma(Gamma),
    Hyperexponential(Hyperexponential),
    LogNormal(LogNormal),
    Normal(TruncatedNormal),
    Weibull(Weibull),
    Pareto(Pareto),
    Bimodal(Bimodal),
    Geometric(Geometric),
    Mixture(Mixture),
    Empirical(Empirical),
    Histogram(Histogram),
}

/// `$law.$call` for whichever law it is but the constant, whose answer is `$constant`.
macro_rules! each_law {
    ($law:expr, $constant:pat => $answer:expr, $name:ident => $call:expr) => {
        match $law {
            Law::Constant($constant) => $answer,
            Law::Uniform($name) => $call,
            Law::Exponential($name) => $call,
            Law::Gamma($name) => $call,
            Law::Hyperexponential($name) => $call,
            Law::LogNormal($name) => $call,
            Law::Normal($name) => $call,
            Law::Weibull($name) => $call,
            Law::Pareto($name) => $call,
            Law::Bimodal($name) => $call,
            Law::Geometric($name) => $call,
            Law::Mixture($name) => $call,
            Law::Empirical($name) => $call,
            Law::Histogram($name) => $call,
        }
    };
}

/// Constructors: all lengths are seconds. Each says in words what is wrong with its parameters; a law without any
/// spread becomes the constant it is.
impl Dist {
    /// Always the same duration.
    #[must_use]
    pub const fn constant(duration: SimDuration) -> Self {
        Self { law: Law::Constant(duration) }
    }

    /// Always no time at all.
    #[must_use]
    pub const fn zero() -> Self {
        Self::constant(SimDuration::ZERO)
    }

    /// Uniform between `min` and `max`.
    ///
    /// # Errors
    /// Negative or infinite bounds, or `max` below `min`.
    pub fn uniform(min: f64, max: f64) -> Result<Self, String> {
        if min == max {
            return Self::point("uniform", "min", min);
        }
        Ok(Self { law: Law::Uniform(Uniform::new(min, max)?) })
    }

    /// Exponential.
    ///
    /// # Errors
    /// A mean that is not above 0.
    pub fn exponential(mean: f64) -> Result<Self, String> {
        Ok(Self { law: Law::Exponential(Exponential::new(mean)?) })
    }

    /// Erlang: the sum of `k` exponentials, with `mean` as the mean of the sum.
    ///
    /// # Errors
    /// `k` of 0, or a mean that is not above 0.
    pub fn erlang(k: u32, mean: f64) -> Result<Self, String> {
        Ok(Self { law: Law::Gamma(Gamma::new("erlang", "k", f64::from(k), mean)?) })
    }

    /// Gamma with a shape and a mean.
    ///
    /// # Errors
    /// A shape or mean that is not above 0.
    pub fn gamma(shape: f64, mean: f64) -> Result<Self, String> {
        Ok(Self { law: Law::Gamma(Gamma::new("gamma", "shape", shape, mean)?) })
    }

    /// With probability `p[i]` exponential with `rates[i]` a second.
    ///
    /// # Errors
    /// Lists of different length, rates not above 0, probabilities that do not add up to 1 within 1e-6.
    #[expect(clippy::needless_pass_by_value, reason = "every constructor takes its lists alike")]
    pub fn hyperexponential(p: Vec<f64>, rates: Vec<f64>) -> Result<Self, String> {
        Ok(Self { law: Law::Hyperexponential(Hyperexponential::new(&p, &rates)?) })
    }

    /// Lognormal with a mean and a coefficient of variation.
    ///
    /// # Errors
    /// A mean that is not above 0, a negative `cv`.
    pub fn lognormal_mean_cv(mean: f64, cv: f64) -> Result<Self, String> {
        if cv == 0.0 {
            return Self::point("lognormal", "mean", mean);
        }
        Ok(Self { law: Law::LogNormal(LogNormal::from_mean_cv(mean, cv)?) })
    }

    /// Lognormal with a median and a 99th percentile.
    ///
    /// # Errors
    /// A median that is not above 0, a 99th percentile below it.
    pub fn lognormal_median_p99(median: f64, p99: f64) -> Result<Self, String> {
        if median == p99 {
            return Self::point("lognormal", "median", median);
        }
        Ok(Self { law: Law::LogNormal(LogNormal::from_median_p99(median, p99)?) })
    }

    /// Normal given that it is not negative: negative values are drawn again, so its mean lies above `mean`.
    ///
    /// # Errors
    /// A negative mean or deviation.
    pub fn normal(mean: f64, sd: f64) -> Result<Self, String> {
        if sd == 0.0 {
            return Self::point("normal", "mean", mean);
        }
        Ok(Self { law: Law::Normal(TruncatedNormal::new(mean, sd)?) })
    }

    /// Weibull: P(X > x) = exp(−(x/scale)^shape).
    ///
    /// # Errors
    /// A shape or scale that is not above 0.
    pub fn weibull(shape: f64, scale: f64) -> Result<Self, String> {
        Ok(Self { law: Law::Weibull(Weibull::new(shape, scale)?) })
    }

    /// Pareto: P(X > x) = (min/x)^alpha from `min` on; with `max` the same law given that X is at most `max`.
    ///
    /// # Errors
    /// Parameters that are not above 0, or `max` not above `min`.
    pub fn pareto(alpha: f64, min: f64, max: Option<f64>) -> Result<Self, String> {
        Ok(Self { law: Law::Pareto(Pareto::new(alpha, min, max)?) })
    }

    /// `high` with probability `p`, otherwise `low`.
    ///
    /// # Errors
    /// `p` outside 0 to 1, negative values, `high` below `low`.
    pub fn bimodal(p: f64, low: f64, high: f64) -> Result<Self, String> {
        Ok(Self { law: Law::Bimodal(Bimodal::new(p, low, high)?) })
    }

    /// One of several distributions; the weights need not add up to 1.
    ///
    /// # Errors
    /// Negative weights, or none above 0.
    pub fn mixture(weighted: Vec<(f64, Self)>) -> Result<Self, String> {
        Ok(Self { law: Law::Mixture(Mixture::new(weighted)?) })
    }

    /// One of `values`, each as likely as any other.
    ///
    /// # Errors
    /// No values, or negative ones.
    pub fn empirical(values: Vec<f64>) -> Result<Self, String> {
        Ok(Self { law: Law::Empirical(Empirical::new(values)?) })
    }

    /// A histogram as Prometheus prints it: `count[i]` values were at most `le[i]`, so the counts never fall.
    ///
    /// Uniform between two bounds, the first bucket starting at 0; the last bound may be infinite, and what lies
    /// there is put at the last finite bound.
    ///
    /// # Errors
    /// Lists of different length, bounds that do not ascend, counts that fall, no counts at all.
    #[expect(clippy::needless_pass_by_value, reason = "every constructor takes its lists alike")]
    pub fn histogram(le: Vec<f64>, count: Vec<f64>) -> Result<Self, String> {
        Ok(Self { law: Law::Histogram(Histogram::new(&le, &count)?) })
    }

    /// Geometric on the counts 1, 2, 3, …
    ///
    /// # Errors
    /// A mean below 1.
    pub fn geometric(mean: f64) -> Result<Self, String> {
        Ok(Self { law: Law::Geometric(Geometric::new(mean)?) })
    }

    /// The constant that a law without spread is.
    fn point(law: &str, parameter: &str, secs: f64) -> Result<Self, String> {
        let wrong = || format!("{law}: `{parameter}` must be 0 or more and at most 146 years, not {secs} s");
        SimDuration::from_secs_f64(secs).map(Self::constant).ok_or_else(wrong)
    }
}

impl Dist {
    /// Draws a duration, rounded to the nearest nanosecond; what no run could wait for becomes a quarter of the clock.
    #[inline]
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> SimDuration {
        if let Law::Constant(duration) = self.law {
            return duration;
        }
        match SimDuration::from_secs_f64(self.sample_secs(rng)) {
            Some(duration) if duration < LONGEST => duration,
            // No law gives NaN or a negative value, so this one was too long.
            _ => LONGEST,
        }
    }

    /// Draws in seconds, or a count, without rounding.
    #[inline]
    pub fn sample_secs<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        each_law!(&self.law, duration => duration.as_secs_f64(), law => law.sample(rng))
    }

    /// The duration every draw gives, if it is always the same.
    #[inline]
    #[must_use]
    pub const fn as_constant(&self) -> Option<SimDuration> {
        match self.law {
            Law::Constant(duration) => Some(duration),
            _ => None,
        }
    }

    /// The mean in seconds; infinite for a Pareto law with alpha of 1 or less and no bound.
    #[must_use]
    pub fn mean(&self) -> f64 {
        each_law!(&self.law, duration => duration.as_secs_f64(), law => law.mean())
    }

    /// The probability of a draw of at most `x` seconds.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        each_law!(&self.law, duration => if x >= duration.as_secs_f64() { 1.0 } else { 0.0 }, law => law.cdf(x))
    }

    /// The distribution and its parameters in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        each_law!(&self.law, duration => format!("constant {duration}"), law => law.describe())
    }
}
