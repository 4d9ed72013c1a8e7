//! What the cluster was like at the end of each interval of the timeline.
//!
//! Recorders write rows when they get to it, often after their interval; so levels are kept by interval, and added to the
//! rows on their way out.

use super::outcome::{RequestRow, Sink, TimelineRow};
use crate::time::SimDuration;

/// Pods, nodes and CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Levels {
    /// Pods that were created and do not serve yet.
    pub starting: u64,
    /// Pods that were deleted and still run, or whose network is still there.
    pub terminating: u64,
    /// Pods that controllers want.
    pub desired: u64,
    /// Nodes.
    pub nodes: u64,
    /// Cores used on average over the interval, where CPU is measured.
    pub cpu: Option<f64>,
}

/// Adds levels to rows of the timeline.
pub struct LevelSink<'a> {
    sink: &'a mut dyn Sink,
    interval: SimDuration,
    levels: Vec<Levels>,
}

impl<'a> LevelSink<'a> {
    /// Gives rows on to `sink`; `levels` hold until others are known.
    pub fn new(sink: &'a mut dyn Sink, interval: SimDuration, levels: Levels) -> Self {
        Self { sink, interval, levels: vec![levels] }
    }

    /// The levels at the end of the next interval; the first ones are replaced.
    pub fn push(&mut self, levels: Levels, is_first: bool) {
        if is_first {
            self.levels.clear();
        }
        self.levels.push(levels);
    }
}

impl Sink for LevelSink<'_> {
    fn timeline(&mut self, row: &TimelineRow) {
        let number = row.at.as_nanos().checked_div(self.interval.as_nanos()).unwrap_or(0);
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let levels = self.levels.get(number).or(self.levels.last()).copied().unwrap_or_default();
        self.sink.timeline(&TimelineRow { levels, ..row.clone() });
    }

    fn request(&mut self, row: &RequestRow<'_>) {
        self.sink.request(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    #[derive(Default)]
    struct Kept(Vec<u64>);

    impl Sink for Kept {
        fn timeline(&mut self, row: &TimelineRow) {
            self.0.push(row.levels.desired);
        }
        fn request(&mut self, _row: &RequestRow<'_>) {}
    }

    #[test]
    fn a_row_has_the_levels_of_its_interval_whenever_it_is_written() {
        let mut kept = Kept::default();
        let second = SimDuration::from_secs(1);
        let row = |seconds: u64| TimelineRow {
            flow: 0,
            at: SimTime::from_nanos(seconds * 1_000_000_000),
            offered: 0,
            succeeded: 0,
            failed: 0,
            latency_p50: None,
            latency_p99: None,
            in_flight: 0,
            ready_pods: 0,
            levels: Levels::default(),
        };
        let levels = |desired| Levels { desired, ..Levels::default() };
        let mut sink = LevelSink::new(&mut kept, second, levels(7));
        sink.timeline(&row(5));
        sink.push(levels(1), true);
        sink.push(levels(2), false);
        for seconds in [1, 0, 9] {
            sink.timeline(&row(seconds));
        }
        assert_eq!(kept.0, [7, 2, 1, 2]);
    }
}
