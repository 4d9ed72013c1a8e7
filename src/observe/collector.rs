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
    at_least: Vec<(u32, u64)>,
    values: Option<Vec<(u64, f64)>>,
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
            Statistic::AtLeast(least) if !self.at_least.iter().any(|(known, _)| known == least) => {
                self.at_least.push((*least, 0));
            }
            Statistic::Values => {
                self.values.get_or_insert_with(Vec::new);
            }
            _ => {}
        }
    }

    /// One observation, and the number of what it was observed of; quantiles resolve billionths of the unit.
    pub fn push(&mut self, number: u64, value: f64) {
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
        for (least, count) in &mut self.at_least {
            if value >= f64::from(*least) {
                *count += 1;
            }
        }
        if let Some(values) = &mut self.values {
            values.push((number, value));
        }
    }

    /// The statistic of the observations; NaN without any (or without enough for a quantile).
    #[must_use]
    pub fn value(&self, statistic: &Statistic) -> f64 {
        let nan = f64::NAN;
        let count = self.moments.count() as f64;
        if count < 1.0 {
            return nan;
        }
        match statistic {
            Statistic::Mean => self.moments.mean().unwrap_or(nan),
            Statistic::Variance => self.moments.variance().unwrap_or(nan),
            Statistic::Sd => self.moments.sd().unwrap_or(nan),
            Statistic::Cv2 => cv2(&self.moments),
            Statistic::Min => self.moments.min().unwrap_or(nan),
            Statistic::Max => self.moments.max().unwrap_or(nan),
            Statistic::Positive => self.positive as f64 / count,
            Statistic::Quantile(q) => {
                let sample = self.sample.as_ref().expect("quantiles were asked for before the run");
                sample.supported_quantile(*q).map_or(nan, |nanos| nanos as f64 / 1e9)
            }
            Statistic::Over(threshold) => {
                let found = self.over.iter().find(|(known, _)| known.to_bits() == threshold.to_bits());
                found.map_or(nan, |(_, over)| *over as f64 / count)
            }
            Statistic::AtLeast(least) => {
                let found = self.at_least.iter().find(|(known, _)| known == least);
                found.map_or(nan, |(_, enough)| *enough as f64 / count)
            }
            _ => nan,
        }
    }

    /// All observations by number, those of one number in the order they were made, where they were asked for.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        let mut values = self.values.clone().unwrap_or_default();
        values.sort_by_key(|(number, _)| *number);
        values.into_iter().map(|(_, value)| value).collect()
    }
}

/// Sample variance over squared mean; NaN where either is missing or the mean is 0.
#[must_use]
pub fn cv2(moments: &Moments) -> f64 {
    match (moments.variance(), moments.mean()) {
        (Some(variance), Some(mean)) if mean != 0.0 => variance / (mean * mean),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_by_number_not_by_time() {
        let mut collector = Collector::default();
        collector.want(&Statistic::Values);
        for (number, value) in [(2, 2.5), (0, 5.0), (1, 7.0), (1, 6.0)] {
            collector.push(number, value);
        }
        assert_eq!(collector.values(), [5.0, 7.0, 6.0, 2.5]);
    }

    #[test]
    fn shares_count_what_reaches_the_bound() {
        let mut collector = Collector::default();
        collector.want(&Statistic::AtLeast(2));
        collector.want(&Statistic::Over(2.0));
        assert!(collector.value(&Statistic::AtLeast(2)).is_nan());
        for value in [0.0, 1.0, 2.0, 3.0] {
            collector.push(0, value);
        }
        for (statistic, expected) in
            [(Statistic::AtLeast(2), 0.5), (Statistic::Over(2.0), 0.25), (Statistic::Positive, 0.75)]
        {
            assert!((collector.value(&statistic) - expected).abs() < 1e-15, "{statistic:?}");
        }
        assert!(collector.value(&Statistic::AtLeast(3)).is_nan(), "nobody asked for it");
    }

    #[test]
    fn too_little_gives_nothing() {
        let mut collector = Collector::default();
        collector.want(&Statistic::Quantile(0.5));
        collector.push(0, 0.0);
        for statistic in [Statistic::Quantile(0.5), Statistic::Variance, Statistic::Cv2] {
            assert!(collector.value(&statistic).is_nan(), "{statistic:?}");
        }
        collector.push(1, 0.0);
        assert!(collector.value(&Statistic::Cv2).is_nan(), "0/0");
    }
}
