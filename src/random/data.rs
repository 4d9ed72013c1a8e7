//! Laws taken from measurements: a sample, a histogram.

use super::bits::{below, unit};
use super::check::{not_negative, seconds};
use rand::Rng;
use std::sync::Arc;

/// One of the measured values, each as likely as any other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Empirical {
    /// Ascending, so that a small draw is a small value and the distribution function is a search.
    values: Arc<[f64]>,
    mean: f64,
}

impl Empirical {
    pub(super) fn new(mut values: Vec<f64>) -> Result<Self, String> {
        if values.is_empty() {
            return Err("empirical: there are no values to draw from".to_owned());
        }
        if u32::try_from(values.len()).is_err() {
            return Err(format!("empirical: {} values are too many, the limit is {}", values.len(), u32::MAX));
        }
        for (i, &value) in values.iter().enumerate() {
            not_negative("empirical", &format!("value {}", i + 1), value)?;
        }
        values.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Ok(Self { values: values.into(), mean })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.values[below(rng, self.values.len() as u32) as usize]
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        self.values.partition_point(|&value| value <= x) as f64 / self.values.len() as f64
    }

    pub(super) fn describe(&self) -> String {
        format!("empirical ({} values, mean {})", self.values.len(), seconds(self.mean))
    }
}

/// A histogram as Prometheus prints it: cumulative counts at ascending upper bounds, uniform between two bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    buckets: Arc<[Bucket]>,
    total: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    lower: f64,
    upper: f64,
    /// Counts below this bucket and up to its end.
    before: f64,
    through: f64,
}

impl Histogram {
    pub(super) fn new(le: &[f64], count: &[f64]) -> Result<Self, String> {
        if le.is_empty() || le.len() != count.len() {
            return Err(format!(
                "histogram: `le` and `count` must list one value a bucket, not {} and {}",
                le.len(),
                count.len()
            ));
        }
        let mut buckets: Vec<Bucket> = Vec::with_capacity(le.len());
        let (mut lower, mut before) = (0.0, 0.0);
        for (i, (&bound, &through)) in le.iter().zip(count).enumerate() {
            let last = i + 1 == le.len();
            if bound.is_nan() || bound < 0.0 || (bound.is_infinite() && !last) {
                return Err(format!(
                    "histogram: `le` must hold finite bounds of 0 or more (the last may be +Inf), not {bound}"
                ));
            }
            if i > 0 && bound <= lower {
                return Err(format!("histogram: `le` must ascend, but {bound} follows {lower}"));
            }
            not_negative("histogram", "count", through)?;
            if through < before {
                return Err(format!(
                    "histogram: `count` is cumulative, as Prometheus prints it: each bucket also counts all smaller \
                     values, so {through} cannot follow {before}"
                ));
            }
            if bound.is_infinite() && i == 0 {
                return Err("histogram: `le` needs a finite bound before +Inf".to_owned());
            }
            // What lies beyond the last finite bound has no known place; it is put at that bound.
            let upper = if bound.is_infinite() { lower } else { bound };
            if through > before {
                buckets.push(Bucket { lower, upper, before, through });
            }
            (lower, before) = (upper, through);
        }
        if buckets.is_empty() {
            return Err("histogram: every `count` is 0, there is nothing to draw from".to_owned());
        }
        Ok(Self { buckets: buckets.into(), total: before })
    }

    pub(super) fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let place = unit(rng) * self.total;
        let index = self.buckets.partition_point(|bucket| bucket.through <= place).min(self.buckets.len() - 1);
        let bucket = self.buckets[index];
        let share = (place - bucket.before) / (bucket.through - bucket.before);
        bucket.lower + share * (bucket.upper - bucket.lower)
    }

    pub(super) fn mean(&self) -> f64 {
        let sum: f64 = self.buckets.iter().map(|b| (b.through - b.before) * 0.5 * (b.lower + b.upper)).sum();
        sum / self.total
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        let index = self.buckets.partition_point(|bucket| bucket.upper <= x);
        let through = if index == 0 { 0.0 } else { self.buckets[index - 1].through };
        let inside = self.buckets.get(index).filter(|bucket| x > bucket.lower).map_or(0.0, |bucket| {
            (bucket.through - bucket.before) * (x - bucket.lower) / (bucket.upper - bucket.lower)
        });
        (through + inside) / self.total
    }

    pub(super) fn describe(&self) -> String {
        format!("histogram ({} buckets, mean {})", self.buckets.len(), seconds(self.mean()))
    }
}
