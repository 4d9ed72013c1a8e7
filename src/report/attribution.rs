//! `attribution.csv`: where the time of a band of requests went, one row a variant, traffic (or call), band and cause.
//!
//! The model sums the ledger by coarse latency bucket; bands are cut from those sums here, so their edges lie on bucket
//! bounds (within 2 % of the percentile) and the causes of a band add up to its mean latency.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::number::Value;
use super::table::Table;
use crate::cause::LedgerCause;
use crate::observe::outcome::Attribution;
use crate::stats::{nearest_rank, samples_needed};

/// Name of the file.
pub(crate) const FILE: &str = "attribution.csv";

/// All columns.
pub(crate) const HEADER: [&str; 8] = ["scenario", "variant", "traffic", "band", "cause", "where", "mean_ms", "share"];

/// The bands.
const BANDS: [Cut; 5] = [
    Cut { name: "all", from: 0.0, to: 1.0, like: None },
    Cut { name: "p50", from: 0.45, to: 0.55, like: Some(0.5) },
    Cut { name: "p90", from: 0.9, to: 1.0, like: Some(0.9) },
    Cut { name: "p99", from: 0.99, to: 1.0, like: Some(0.99) },
    Cut { name: "p999", from: 0.999, to: 1.0, like: Some(0.999) },
];

/// Where a band is cut.
struct Cut {
    name: &'static str,
    /// The percentiles between which it lies.
    from: f64,
    to: f64,
    /// The quantile whose sample size it needs; `None`: any sample will do.
    like: Option<f64>,
}

/// Ledger sums of all replications by coarse latency bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merged {
    /// Requests and sums (ns) of each bucket that has any.
    rows: BTreeMap<usize, (u64, Vec<u128>)>,
}

impl Merged {
    /// Adds one replication.
    pub(crate) fn add(&mut self, attribution: &Attribution) {
        for (index, &count) in attribution.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let sums = &attribution.sums[index * attribution.columns..][..attribution.columns];
            let row =
                self.rows.entry(attribution.first_bucket + index).or_insert_with(|| (0, vec![0; attribution.columns]));
            row.0 += count;
            for (total, sum) in row.1.iter_mut().zip(sums) {
                *total += u128::from(*sum);
            }
        }
    }

    /// Every band with `columns` causes, in the order of the file.
    pub(crate) fn bands(&self, columns: usize) -> Vec<Band> {
        let total: u64 = self.rows.values().map(|(count, _)| count).sum();
        BANDS.iter().map(|cut| self.band(cut, total, columns)).collect()
    }

    fn band(&self, cut: &Cut, total: u64, columns: usize) -> Band {
        let name = cut.name;
        if total < cut.like.map_or(1, samples_needed) {
            return Band { name, requests: 0, means: Vec::new(), sums: Vec::new(), buckets: (0, 0) };
        }
        // The buckets from the one that holds the lower percentile to the one that holds the upper.
        let (low, high) = (nearest_rank(cut.from, total), nearest_rank(cut.to, total));
        let mut seen = 0;
        let mut requests = 0;
        let mut buckets = None;
        let mut sums = vec![0_u128; columns];
        for (bucket, (count, row)) in &self.rows {
            let before = seen;
            seen += count;
            if seen >= low && before < high {
                requests += count;
                buckets = Some((buckets.map_or(*bucket, |(first, _)| first), *bucket));
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        }
        let means = sums.iter().map(|&sum| sum as f64 / requests as f64).collect();
        Band { name, requests, means, sums, buckets: buckets.unwrap_or((0, 0)) }
    }
}

/// Where the time of the requests of one band went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Band {
    /// `all`, `p50`, `p90`, `p99` or `p999`.
    pub name: &'static str,
    /// Requests in it.
    pub requests: u64,
    /// Mean nanoseconds by ledger column; empty where there were not enough requests.
    pub means: Vec<f64>,
    /// Sums of nanoseconds by ledger column, likewise.
    pub sums: Vec<u128>,
    /// First and last coarse bucket of its latencies.
    pub buckets: (usize, usize),
}

impl Band {
    /// Mean latency of the band (ns), where there were enough requests.
    #[must_use]
    pub fn latency(&self) -> Option<f64> {
        (!self.means.is_empty()).then(|| self.means.iter().sum())
    }
}

/// Adds the rows of one traffic or call.
pub(crate) fn write<W: Write>(
    table: &mut Table<W>,
    leading: [&str; 3],
    ledger: &[(LedgerCause, String)],
    bands: &[Band],
) -> io::Result<()> {
    for band in bands {
        let latency = band.latency();
        for (column, (cause, place)) in ledger.iter().enumerate() {
            let mean = band.means.get(column).copied();
            let share = mean.zip(latency).filter(|(_, latency)| *latency > 0.0).map(|(mean, latency)| mean / latency);
            let numbers = [Value::number(mean.map(|ns| ns / 1e6)).field(), Value::number(share).field()];
            let [scenario, variant, traffic] = leading;
            table.row([scenario, variant, traffic, band.name, cause.as_str(), place, &numbers[0], &numbers[1]])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::coarse_bucket;

    /// 1,000 requests of 1..=1000 µs, half of each spent in the first column.
    fn uniform() -> Merged {
        let first_bucket = coarse_bucket(1_000);
        let rows = coarse_bucket(1_000_000) - first_bucket + 1;
        let mut attribution = Attribution { columns: 2, first_bucket, counts: vec![0; rows], sums: vec![0; rows * 2] };
        for micros in 1..=1_000_u64 {
            let row = coarse_bucket(micros * 1_000) - first_bucket;
            attribution.counts[row] += 1;
            attribution.sums[row * 2] += micros * 500;
            attribution.sums[row * 2 + 1] += micros * 500;
        }
        let mut merged = Merged::default();
        merged.add(&attribution);
        merged
    }

    #[test]
    fn bands_lie_where_their_percentiles_are() {
        let bands = uniform().bands(2);
        let latency = |name: &str| bands.iter().find(|band| band.name == name).and_then(Band::latency);
        assert_eq!(latency("all"), Some(500_500.0));
        // Means of 450..=550, 900..=1000 and 990..=1000 µs; edges on buckets, within 2 %.
        for (name, mean) in [("p50", 500_000.0), ("p90", 950_000.0), ("p99", 995_000.0)] {
            let found = latency(name).expect("1,000 requests are enough");
            assert!((found / mean - 1.0).abs() < 0.02, "{name}: {found}");
        }
        // 10,000 are needed.
        assert_eq!(latency("p999"), None);
    }

    #[test]
    fn replications_add_up() {
        let mut twice = uniform();
        let once = uniform().bands(2);
        let attribution = Attribution { columns: 2, first_bucket: 0, counts: vec![0, 4], sums: vec![0, 0, 8, 12] };
        twice.add(&attribution);
        let all = &twice.bands(2)[0];
        assert_eq!(all.requests, 1_004);
        assert!((all.means[0] * 1_004.0 - (once[0].means[0] * 1_000.0 + 8.0)).abs() < 1e-3);
        assert!((all.means[1] * 1_004.0 - (once[0].means[1] * 1_000.0 + 12.0)).abs() < 1e-3);
    }

    #[test]
    fn equal_latencies_fill_every_band() {
        let mut merged = Merged::default();
        merged.add(&Attribution { columns: 1, first_bucket: 7, counts: vec![20_000], sums: vec![20_000 * 5_000_000] });
        for band in merged.bands(1) {
            assert_eq!((band.requests, band.latency()), (20_000, Some(5_000_000.0)), "{}", band.name);
        }
    }

    #[test]
    fn nothing_has_no_mean() {
        assert!(Merged::default().bands(3).iter().all(|band| band.latency().is_none()));
    }
}
