//! The tail of a traffic against its median band: where the difference lies, by cause and place, and in which pods.

use std::collections::BTreeMap;

use crate::cause::LedgerCause;
use crate::observe::survey::Spent;
use crate::report::attribution::Band;
use crate::report::summary::FlowSummary;

/// Hot pods together make this share of what their group adds to the tail.
const HOT_SHARE: f64 = 0.8;

/// Surveys of all replications: nanoseconds waited and served, by coarse bucket of the latency and container.
pub(crate) type SpentSums = BTreeMap<(usize, u32), [u128; 2]>;

/// Adds the survey of a replication.
pub(crate) fn add_survey(sums: &mut SpentSums, spent: &BTreeMap<(usize, u32), Spent>) {
    for (key, spent) in spent {
        let own = sums.entry(*key).or_default();
        own[0] += u128::from(spent.waited);
        own[1] += u128::from(spent.served);
    }
}

/// Nanoseconds in the tail and in the median band, over all their requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pair {
    /// Sum over the requests of the tail.
    pub tail: u128,
    /// Sum over those of the median band.
    pub median: u128,
}

/// A cause at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailRow {
    /// Why.
    pub cause: LedgerCause,
    /// Where.
    pub place: String,
    /// How much.
    pub spent: Pair,
    /// Of waiting for a slot, and of service where cores are shared: the pods, those that add most first.
    pub pods: Vec<PodRow>,
}

/// A pod's part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    /// Its number in the workload.
    pub replica: u32,
    /// Its name.
    pub pod: String,
    /// How much.
    pub spent: Pair,
}

/// A tail and the median band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Requests in the tail.
    pub requests: u64,
    /// Requests in the median band.
    pub median_requests: u64,
    /// Every cause and place that took time in either, in the order of the ledger.
    pub rows: Vec<TailRow>,
}

impl Tail {
    /// The band `name` of a traffic against its median band; `None` where one has too few requests.
    pub(crate) fn new(flow: &FlowSummary, name: &str) -> Option<(Self, [(usize, usize); 2])> {
        let band = |name: &str| flow.bands.iter().find(|band| band.name == name && !band.sums.is_empty());
        let (tail, median): (&Band, &Band) = (band(name)?, band("p50")?);
        let columns = flow.ledger.iter().zip(tail.sums.iter().zip(&median.sums));
        let rows = columns.filter(|(_, (tail, median))| **tail + **median > 0).map(|((cause, place), sums)| TailRow {
            cause: *cause,
            place: place.clone(),
            spent: Pair { tail: *sums.0, median: *sums.1 },
            pods: Vec::new(),
        });
        let own = Self { requests: tail.requests, median_requests: median.requests, rows: rows.collect() };
        Some((own, [tail.buckets, median.buckets]))
    }

    /// What a pair adds to the mean latency of the tail (ns).
    #[must_use]
    pub fn growth(&self, pair: Pair) -> f64 {
        pair.tail as f64 / self.requests as f64 - pair.median as f64 / self.median_requests as f64
    }

    /// All rows together.
    #[must_use]
    pub fn total(&self) -> Pair {
        let add =
            |sum: Pair, row: &TailRow| Pair { tail: sum.tail + row.spent.tail, median: sum.median + row.spent.median };
        self.rows.iter().fold(Pair::default(), add)
    }

    /// Mean latencies of the tail and of the median band (ns).
    #[must_use]
    pub fn means(&self) -> (f64, f64) {
        let total = self.total();
        (total.tail as f64 / self.requests as f64, total.median as f64 / self.median_requests as f64)
    }

    /// Splits a row by pods; `pods` has the container, number and name of each.
    pub(crate) fn split(
        &mut self,
        row: usize,
        (sums, part): (&SpentSums, usize),
        buckets: [(usize, usize); 2],
        pods: impl Iterator<Item = (Vec<u32>, u32, String)>,
    ) {
        let within = |(first, last): (usize, usize), stations: &[u32]| -> u128 {
            let range = sums.range((first, 0)..=(last, u32::MAX));
            range.filter(|((_, station), _)| stations.contains(station)).map(|(_, spent)| spent[part]).sum()
        };
        let rows = pods.map(|(stations, replica, pod)| PodRow {
            replica,
            pod,
            spent: Pair { tail: within(buckets[0], &stations), median: within(buckets[1], &stations) },
        });
        let mut rows: Vec<PodRow> = rows.collect();
        rows.sort_by(|a, b| self.growth(b.spent).total_cmp(&self.growth(a.spent)));
        self.rows[row].pods = rows;
    }

    /// The fewest pods that make 80 % of what their group adds to the tail, if they are at most half of it; else all.
    #[must_use]
    pub fn hot_pods(&self, row: &TailRow) -> Vec<u32> {
        let growths: Vec<f64> = row.pods.iter().map(|pod| self.growth(pod.spent).max(0.0)).collect();
        let whole: f64 = growths.iter().sum();
        let mut hot = 0;
        let mut part = 0.0;
        while hot < growths.len() && part < HOT_SHARE * whole {
            part += growths[hot];
            hot += 1;
        }
        let count = if hot * 2 <= row.pods.len() { hot } else { row.pods.len() };
        let mut pods: Vec<u32> = row.pods[..count].iter().map(|pod| pod.replica).collect();
        pods.sort_unstable();
        pods
    }
}

/// Means of `sums` over so many requests in whole units of `unit` nanoseconds, rounded so that they add up to the rounded
/// mean of their total: each is rounded down, and the units that are missing go to the largest remainders.
#[must_use]
pub fn apportion(sums: &[u128], requests: u64, unit: u64) -> Vec<u128> {
    let whole = u128::from(requests) * u128::from(unit);
    if whole == 0 {
        return vec![0; sums.len()];
    }
    let total = (sums.iter().sum::<u128>() + whole / 2) / whole;
    let mut parts: Vec<u128> = sums.iter().map(|sum| sum / whole).collect();
    let mut order: Vec<usize> = (0..sums.len()).collect();
    // A stable sort: equal remainders stay in their order.
    order.sort_by_key(|index| std::cmp::Reverse(sums[*index] % whole));
    let missing = total - parts.iter().sum::<u128>();
    for index in order.into_iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_are_rounded_to_add_up() {
        assert_eq!(apportion(&[1, 1, 1], 3, 1), [1, 0, 0], "a mean of 1 in thirds");
        assert_eq!(apportion(&[5, 5], 10, 1), [1, 0], "a mean of 1 in two halves");
        assert_eq!(apportion(&[0, 0], 10, 1), [0, 0]);
        assert_eq!(apportion(&[7], 0, 1), [0]);
    }

    proptest! {
        #[test]
        fn sums_and_parts_are_within_a_unit(
            sums in proptest::collection::vec(0_u64..1 << 60, 1..20), requests in 1_u64..1_000_000, unit in 1_u64..1_000_000
        ) {
            let sums: Vec<u128> = sums.into_iter().map(u128::from).collect();
            let parts = apportion(&sums, requests, unit);
            let whole = u128::from(requests) * u128::from(unit);
            let total = sums.iter().sum::<u128>();
            prop_assert!((parts.iter().sum::<u128>() * whole).abs_diff(total) * 2 <= whole);
            for (part, sum) in parts.iter().zip(&sums) {
                prop_assert!((part * whole).abs_diff(*sum) <= whole);
            }
        }
    }

    fn tail(pods: &[u128]) -> (Tail, TailRow) {
        let pods = pods.iter().zip(0..).map(|(tail, replica)| PodRow {
            replica,
            pod: format!("web-{replica}"),
            spent: Pair { tail: *tail, median: 0 },
        });
        let place = "deployment/web".to_owned();
        let row = TailRow { cause: LedgerCause::QueueWait, place, spent: Pair::default(), pods: pods.collect() };
        (Tail { requests: 10, median_requests: 10, rows: Vec::new() }, row)
    }

    #[test]
    fn hot_pods_are_few_or_nobody_is() {
        for (pods, hot) in [
            (&[900_u128, 50, 30, 20][..], &[0_u32][..]),
            (&[500, 400, 60, 40], &[0, 1]),
            (&[300, 300, 300, 100], &[0, 1, 2, 3]),
            (&[100], &[0]),
            (&[70, 30], &[0, 1]),
            (&[90, 10], &[0]),
        ] {
            let (tail, row) = tail(pods);
            assert_eq!(tail.hot_pods(&row), hot, "{pods:?}");
        }
    }
}
