//! Latencies by endpoint: many small histograms that together do not fit into the processor's nearest cache.

use super::grouping::Grouping;
use crate::stats::Histogram;

/// Values that wait to be recorded together: their cache misses then overlap, instead of holding up one request each.
const BATCH: usize = 256;

/// From so many endpoints on their histograms do not fit into any near cache: more values wait, and are recorded in the
/// order of the endpoints.
const MANY: usize = 1_000;
const LARGE_BATCH: usize = 16_384;

/// Steps of an octave of latency: 2^5, values within 3 %.
const BITS: u32 = 5;

/// A histogram for each endpoint, or for none.
#[derive(Debug, Default)]
pub struct EndpointLatency {
    histograms: Vec<Histogram>,
    batch: Vec<(u32, u64)>,
    grouping: Grouping,
}

impl EndpointLatency {
    /// Histograms for so many endpoints; with 0 nothing is kept.
    #[must_use]
    pub fn new(endpoints: usize) -> Self {
        let batch = Vec::with_capacity(if endpoints < MANY { BATCH } else { LARGE_BATCH });
        Self { histograms: vec![Histogram::with_bits(BITS); endpoints], batch, grouping: Grouping::default() }
    }

    /// From now on there are so many endpoints; where nothing is kept, nothing will be.
    pub fn grow(&mut self, endpoints: usize) {
        if !self.histograms.is_empty() {
            self.histograms.resize(endpoints, Histogram::with_bits(BITS));
        }
    }

    /// An endpoint took `nanos` for a request.
    #[inline]
    pub fn record(&mut self, endpoint: u32, nanos: u64) {
        self.batch.push((endpoint, nanos));
        if self.batch.len() == self.batch.capacity() {
            self.flush();
        }
    }

    #[inline(never)]
    fn flush(&mut self) {
        if self.batch.len() <= BATCH || self.histograms.is_empty() {
            for (endpoint, nanos) in self.batch.drain(..) {
                if let Some(histogram) = self.histograms.get_mut(endpoint as usize) {
                    histogram.record(nanos);
                }
            }
            return;
        }
        for place in self.grouping.order(&self.batch, self.histograms.len(), |(endpoint, _)| *endpoint) {
            let (endpoint, nanos) = self.batch[*place as usize];
            self.histograms[endpoint as usize].record(nanos);
        }
        self.batch.clear();
    }

    /// The histograms, one an endpoint; none if none were kept.
    #[must_use]
    pub fn finish(mut self) -> Vec<Histogram> {
        self.flush();
        self.histograms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_gets_to_its_endpoint() {
        let mut latency = EndpointLatency::new(3);
        for value in 0..1_000_u64 {
            latency.record((value % 3) as u32, value);
        }
        let histograms = latency.finish();
        assert_eq!(histograms.iter().map(Histogram::count).collect::<Vec<_>>(), [334, 333, 333]);
        assert_eq!(histograms[1].quantile(0.0), Some(1));
    }

    #[test]
    fn of_many_endpoints_too() {
        let mut latency = EndpointLatency::new(MANY);
        (0..50_000_u64).for_each(|value| latency.record((value * 7 % 1_000) as u32, value));
        let histograms = latency.finish();
        assert!(histograms.iter().all(|histogram| histogram.count() == 50));
        assert_eq!(histograms[7].quantile(0.0), Some(1));
    }

    #[test]
    fn without_endpoints_nothing_is_kept() {
        let mut latency = EndpointLatency::new(0);
        (0..600).for_each(|value| latency.record(5, value));
        assert!(latency.finish().is_empty());
    }
}
