//! What is kept of a traffic or call while the run goes on: constant memory, one pass.

use crate::cause::FailureCause;
use crate::observe::levels::Levels;
use crate::observe::outcome::{Attribution, ErrorCount, FlowOutcome, Sink, TimelineRow};
use crate::observe::time_average::{Area, mean_level};
use crate::scenario::MAX_INTERVALS;
use crate::stats::{Histogram, Moments, Sample, coarse_bucket};
use crate::time::{SimDuration, SimTime};

/// Latencies wait here until there are enough to be worth a pass.
const BATCH: usize = 4096;
/// A ledger's columns come in blocks, the last one padded with zeros.
pub type LedgerBlock = [u64; 4];
/// Marks a latency of a request that arrived outside the window.
const UNMEASURED: u64 = 1 << 63;

/// Why a request failed, where, and who was late: numbers of a place and of a name.
pub type Blame = (FailureCause, u16, u16);

/// The counters of one traffic or call.
#[derive(Debug)]
pub struct FlowRecorder {
    flow: usize,
    /// Measured requests.
    pub offered: u64,
    /// Measured requests that succeeded.
    pub succeeded: u64,
    /// Measured requests that failed.
    pub failed: u64,
    /// Attempts of measured requests beyond the first.
    pub retries: u64,
    /// Requests open now, measured or not.
    pub open: u64,
    open_area: Area,
    marks: [u128; 3],
    latency: Sample,
    moments: Moments,
    errors: Vec<(Blame, u64, u64)>,
    attribution: AttributionTable,
    batch: Vec<u64>,
    interval: IntervalRecorder,
}

#[derive(Debug)]
struct IntervalRecorder {
    length: u64,
    end: u64,
    /// Rows written.
    rows: u64,
    batch_start: usize,
    /// Latencies of the current interval that the total still lacks, and the others.
    spilled: Option<[Histogram; 2]>,
    offered: u64,
    succeeded: u64,
    failed: u64,
}

impl FlowRecorder {
    /// A recorder for the flow with that label and ledger, with timeline intervals of `interval` (zero: no timeline).
    #[must_use]
    pub fn new(flow: usize, ledger_columns: usize, interval: SimDuration) -> Self {
        let length = interval.as_nanos();
        Self {
            flow,
            offered: 0,
            succeeded: 0,
            failed: 0,
            retries: 0,
            open: 0,
            open_area: Area::default(),
            marks: [0; 3],
            latency: Sample::default(),
            moments: Moments::default(),
            errors: Vec::new(),
            attribution: AttributionTable::new(ledger_columns),
            batch: Vec::new(),
            interval: IntervalRecorder {
                length,
                end: if length == 0 { u64::MAX } else { length },
                rows: 0,
                batch_start: 0,
                spilled: None,
                offered: 0,
                succeeded: 0,
                failed: 0,
            },
        }
    }

    /// When the current interval of its timeline ends.
    #[must_use]
    pub const fn interval_ends(&self) -> SimTime {
        SimTime::from_nanos(self.interval.end)
    }

    /// A request arrived.
    #[inline]
    pub fn arrive(&mut self, now: SimTime, measured: bool, ready_pods: u64, sink: &mut dyn Sink) {
        if now.as_nanos() >= self.interval.end {
            self.close_intervals(now, ready_pods, sink);
        }
        self.open += 1;
        self.open_area.up(now);
        self.interval.offered += 1;
        self.offered += u64::from(measured);
    }

    /// A request succeeded; `ledger` holds its nanoseconds by column.
    #[inline]
    pub fn succeed(
        &mut self,
        now: SimTime,
        latency: u64,
        ledger: &[LedgerBlock],
        measured: bool,
        ready_pods: u64,
        sink: &mut dyn Sink,
    ) {
        if now.as_nanos() >= self.interval.end {
            self.close_intervals(now, ready_pods, sink);
        }
        self.open -= 1;
        self.open_area.down(now);
        self.interval.succeeded += 1;
        if measured {
            self.succeeded += 1;
            self.attribution.add(latency, ledger);
            self.batch.push(latency);
        } else {
            self.batch.push(latency | UNMEASURED);
        }
        if self.batch.len() >= BATCH {
            self.flush_batch();
        }
    }

    /// A request failed for good.
    pub fn fail(&mut self, now: SimTime, blame: Blame, measured: bool, ready_pods: u64, sink: &mut dyn Sink) {
        if now.as_nanos() >= self.interval.end {
            self.close_intervals(now, ready_pods, sink);
        }
        self.open -= 1;
        self.open_area.down(now);
        self.interval.failed += 1;
        if measured {
            self.failed += 1;
            self.error(blame).1 += 1;
        }
    }

    /// An attempt of a measured request failed.
    pub fn attempt_failed(&mut self, cause: FailureCause, place: u16, late: u16) {
        self.error((cause, place, late)).2 += 1;
    }

    fn error(&mut self, blame: Blame) -> &mut (Blame, u64, u64) {
        let found = self.errors.iter().position(|entry| entry.0 == blame);
        let index = found.unwrap_or_else(|| {
            self.errors.push((blame, 0, 0));
            self.errors.len() - 1
        });
        &mut self.errors[index]
    }

    /// Notes the area under the number in flight at the start, middle or end of the window.
    pub fn mark(&mut self, which: usize, now: SimTime) {
        self.marks[which] = self.open_area.until(now, self.open);
    }

    /// Each latency enters one histogram: the current interval's, added to the total when the interval closes, or, if
    /// its interval has closed (or there is no timeline), the total itself.
    fn flush_batch(&mut self) {
        let here = if self.interval.length > 0 { self.interval.batch_start } else { self.batch.len() };
        let (closed, current) = self.batch.split_at(here);
        let measured = |value: &&u64| **value & UNMEASURED == 0;
        closed.iter().filter(measured).for_each(|value| self.latency.record(*value));
        if !current.is_empty() {
            let spilled = self.interval.spilled.get_or_insert_with(Default::default);
            for value in current {
                let mut apart = value & UNMEASURED != 0;
                if !apart && !self.latency.is_full() {
                    // The first values are kept exactly, so they go to the total at once.
                    self.latency.record(*value);
                    apart = true;
                }
                spilled[usize::from(apart)].record(value & !UNMEASURED);
            }
        }
        self.moments.merge(&batch_moments(&self.batch));
        self.interval.batch_start = 0;
        self.batch.clear();
    }

    /// Writes the rows of every interval that ended by `now`.
    #[cold]
    pub fn close_intervals(&mut self, now: SimTime, ready_pods: u64, sink: &mut dyn Sink) {
        if self.interval.length == 0 {
            return;
        }
        while now.as_nanos() >= self.interval.end && !self.has_too_many_intervals() {
            if self.interval.spilled.is_some() {
                self.flush_batch();
            }
            let quantiles = self.interval_quantiles();
            self.add_spilled();
            let interval = &mut self.interval;
            sink.timeline(&TimelineRow {
                flow: self.flow,
                at: SimTime::from_nanos(interval.end - interval.length),
                offered: interval.offered,
                succeeded: interval.succeeded,
                failed: interval.failed,
                latency_p50: quantiles[0],
                latency_p99: quantiles[1],
                in_flight: self.open,
                ready_pods,
                levels: Levels::default(),
            });
            interval.end += interval.length;
            interval.rows += 1;
            interval.batch_start = self.batch.len();
            (interval.offered, interval.succeeded, interval.failed) = (0, 0, 0);
        }
    }

    /// Whether the timeline has all the rows a run may write; it gets no more, and the run is to be given up.
    #[must_use]
    pub const fn has_too_many_intervals(&self) -> bool {
        self.interval.rows > MAX_INTERVALS
    }

    /// Writes the row of the interval that the end of the run cut short, if anything happened in it.
    pub fn close_last_interval(&mut self, ready_pods: u64, sink: &mut dyn Sink) {
        let interval = &self.interval;
        if interval.length > 0 && interval.offered + interval.succeeded + interval.failed > 0 {
            let end = SimTime::from_nanos(interval.end);
            self.close_intervals(end, ready_pods, sink);
        }
    }

    /// Adds the current interval's histogram to the total.
    fn add_spilled(&mut self) {
        if let Some(spilled) = self.interval.spilled.take() {
            self.latency.add_histogram(&spilled[0]);
        }
    }

    fn interval_quantiles(&mut self) -> [Option<SimDuration>; 2] {
        let quantiles = [0.5, 0.99];
        if let Some(spilled) = &self.interval.spilled {
            let mut both = spilled[0].clone();
            both.merge(&spilled[1]);
            return quantiles.map(|q| {
                let enough = both.count() >= crate::stats::samples_needed(q);
                if enough { both.quantile(q).map(SimDuration::from_nanos) } else { None }
            });
        }
        let here = &self.batch[self.interval.batch_start..];
        if (here.len() as u64) < crate::stats::samples_needed(0.5) {
            return [None, None];
        }
        let mut values: Vec<u64> = here.iter().map(|value| value & !UNMEASURED).collect();
        quantiles.map(|q| {
            if (values.len() as u64) < crate::stats::samples_needed(q) {
                return None;
            }
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1;
            Some(SimDuration::from_nanos(*values.select_nth_unstable(rank).1))
        })
    }

    /// What is left when the run has ended; `spans` are the lengths of the window's halves in nanoseconds.
    #[must_use]
    pub fn finish(mut self, places: &[String], late: &[String], spans: (u64, u64)) -> FlowOutcome {
        self.interval.batch_start = self.batch.len();
        self.flush_batch();
        self.add_spilled();
        let (name, who) = (|place: u16| &places[place as usize], |number: u16| &late[number as usize]);
        self.errors.sort_by(|one, other| {
            let key = |(cause, place, late): Blame| (cause, place, who(late));
            key(one.0).cmp(&key(other.0))
        });
        let errors = self
            .errors
            .iter()
            .map(|((cause, place, late), count, attempts)| ErrorCount {
                cause: *cause,
                place: name(*place).clone(),
                late: who(*late).clone(),
                count: *count,
                attempts: *attempts,
            })
            .collect();
        FlowOutcome {
            offered: self.offered,
            succeeded: self.succeeded,
            failed: self.failed,
            in_flight: self.offered - self.succeeded - self.failed,
            retries: self.retries,
            latency: self.latency,
            latency_moments: self.moments,
            errors,
            attribution: self.attribution.finish(),
            in_flight_halves: (
                mean_level(self.marks[1] - self.marks[0], spans.0),
                mean_level(self.marks[2] - self.marks[1], spans.1),
            ),
        }
    }
}

/// Moments (in seconds) of the measured latencies of a batch: two passes, no division a value.
fn batch_moments(batch: &[u64]) -> Moments {
    let (mut count, mut sum, mut least, mut most) = (0_u64, 0_u64, u64::MAX, 0_u64);
    let mut wide = 0_u128;
    for value in batch.iter().copied().filter(|value| value & UNMEASURED == 0) {
        count += 1;
        let (total, carried) = sum.overflowing_add(value);
        sum = total;
        wide += u128::from(carried) << 64;
        least = least.min(value);
        most = most.max(value);
    }
    if count == 0 {
        return Moments::default();
    }
    let mean = (wide + u128::from(sum)) as f64 / count as f64 / 1e9;
    let squares: f64 = batch
        .iter()
        .filter(|value| **value & UNMEASURED == 0)
        .map(|value| {
            let difference = *value as f64 / 1e9 - mean;
            difference * difference
        })
        .sum();
    Moments::from_parts(count, mean, squares, least as f64 / 1e9, most as f64 / 1e9)
}

/// Ledger sums by coarse latency bucket, kept for the touched range only. A row is the sums by column and, in its last
/// place, how many there were: what one request adds lies together.
#[derive(Debug)]
struct AttributionTable {
    columns: usize,
    /// Blocks of a row.
    stride: usize,
    first: usize,
    rows: usize,
    blocks: Vec<LedgerBlock>,
}

impl AttributionTable {
    const fn new(columns: usize) -> Self {
        let stride = (columns + 1).div_ceil(size_of::<LedgerBlock>() / size_of::<u64>());
        Self { columns, stride, first: 0, rows: 0, blocks: Vec::new() }
    }

    #[inline]
    fn add(&mut self, latency: u64, ledger: &[LedgerBlock]) {
        let bucket = coarse_bucket(latency);
        let mut row = bucket.wrapping_sub(self.first);
        if row >= self.rows {
            self.cover(bucket);
            row = bucket - self.first;
        }
        let row = &mut self.blocks[row * self.stride..(row + 1) * self.stride];
        for (sums, block) in row.iter_mut().zip(ledger) {
            for (sum, nanos) in sums.iter_mut().zip(block) {
                *sum += nanos;
            }
        }
        // Ledgers are padded with zeros: no column has come to the last place.
        if let Some([.., count]) = row.last_mut() {
            *count += 1;
        }
    }

    #[cold]
    fn cover(&mut self, bucket: usize) {
        if self.rows == 0 {
            self.first = bucket;
        }
        if bucket < self.first {
            let more = self.first - bucket;
            self.blocks.splice(0..0, std::iter::repeat_n(LedgerBlock::default(), more * self.stride));
            (self.first, self.rows) = (bucket, self.rows + more);
        }
        self.rows = self.rows.max(bucket - self.first + 1);
        self.blocks.resize(self.rows * self.stride, LedgerBlock::default());
    }

    fn finish(self) -> Attribution {
        let rows = || self.blocks.chunks(self.stride).map(<[LedgerBlock]>::as_flattened);
        let sums = rows().flat_map(|row| row[..self.columns].iter().copied()).collect();
        let counts = rows().map(|row| row[row.len() - 1]).collect();
        Attribution { columns: self.columns, first_bucket: self.first, counts, sums }
    }
}
