//! Observations that only a named metric asks for; nobody else pays for them.

use crate::scenario::metric::Statistic;
use crate::stats::{Moments, Sample};

/// Values of one quantity in one replication, with just what its statistics need.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    moments: Moments,
    positive: u64,
    sample: Option<Sample>,
    over: Vec<(f64, u64)>,
    values: Option<Vec<f64>>,
}

impl Collector {
    /// Adds what a further statistic needs.
    pub fn want(&mut self, statistic: &Statistic) {
        match statistic {
            Statistic::Quantile(_) => {
                self.sample.get_or_insert_with(Sample::default);
            }
            Statistic::Over(threshold)
                if !self.over.iter().any(|(known, _)| known.to_bits() == threshold.to_bits()) =>
            {
                self.over.push((*threshold, 0));
            }
            Statistic::Values => {
                self.values.get_or_insert_with(Vec::new);
            }
            _ => {}
        }
    }

    /// One observation; quantiles resolve billionths of the unit.
    pub fn push(&mut self, value: f64) {
        self.moments.push(value);
        if value > 0.0 {
            self.positive += 1;
        }
        if let Some(sample) = &mut self.sample {
            sample.record((value * 1e9 + 0.5) as u64);
        }
        for (threshold, count) in &mut self.over {
            if value > *threshold {
                *count += 1;
            }
        }
        if let Some(values) = &mut self.values {
            values.push(value);
        }
    }

    /// The statistic of the observations; NaN without any (or without enough for a quantile).
    #[must_use]
    pub fn value(&self, statistic: &Statistic) -> f64 {
        let count = self.moments.count() as f64;
        if count < 1.0 {
            return f64::NAN;
        }
        match statistic {
            Statistic::Mean => self.moments.mean().unwrap_or(f64::NAN),
            Statistic::Variance => self.moments.variance().unwrap_or(f64::NAN),
            Statistic::Sd => self.moments.sd().unwrap_or(f64::NAN),
            Statistic::Cv2 => {
                self.moments.variance().unwrap_or(f64::NAN)
                    / (self.moments.mean().unwrap_or(f64::NAN) * self.moments.mean().unwrap_or(f64::NAN))
            }
            Statistic::Min => self.moments.min().unwrap_or(f64::NAN),
            Statistic::Max => self.moments.max().unwrap_or(f64::NAN),
            Statistic::Positive => self.positive as f64 / count,
            Statistic::Quantile(q) => {
                let sample = self.sample.as_ref().expect("quantiles were asked for before the run");
                sample.supported_quantile(*q).map_or(f64::NAN, |nanos| nanos as f64 / 1e9)
            }
            Statistic::Over(threshold) => {
                let found = self.over.iter().find(|(known, _)| known.to_bits() == threshold.to_bits());
                found.map_or(f64::NAN, |(_, over)| *over as f64 / count)
            }
            _ => f64::NAN,
        }
    }

    /// All observations in order, where they were asked for.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        self.values.as_deref().unwrap_or(&[])
    }
}
