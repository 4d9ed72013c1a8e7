//! `warmup: auto`: pilot runs decide how long the model needs to forget that it started empty.
//!
//! One pilot a variant, with randomness of its own; MSER-5 (White, Cobb and Spratt 2000) on the number of requests in
//! flight by interval finds the cut. All variants take the longest, because paired comparisons need one window.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::experiment::{RunError, one};
use crate::model::RequestLog;
use crate::model::plan::Plan;
use crate::observe::outcome::{RequestRow, Sink, TimelineRow};
use crate::scenario::{Scenario, Window};
use crate::stats::mser5;
use crate::time::SimDuration;

/// Into how many intervals a pilot is cut.
const INTERVALS: u64 = 500;
/// Pilots share no randomness with the runs they serve.
const PILOT_REPLICATION: u32 = u32::MAX;

/// Keeps the number in flight at the end of each interval, over all traffics.
#[derive(Debug, Default)]
struct InFlight {
    levels: Vec<f64>,
    flows: Vec<usize>,
}

impl Sink for InFlight {
    fn timeline(&mut self, row: &TimelineRow) {
        if self.flows.len() <= row.flow {
            self.flows.resize(row.flow + 1, 0);
        }
        let interval = self.flows[row.flow];
        self.flows[row.flow] += 1;
        if self.levels.len() <= interval {
            self.levels.resize(interval + 1, 0.0);
        }
        self.levels[interval] += row.in_flight as f64;
    }

    fn request(&mut self, _row: &RequestRow<'_>) {}
}

/// The warm-up that all variants take; `None` where no variant asks for one to be found.
///
/// The outer `None` means that the user stopped it.
pub(super) fn warmup(
    variants: &[Scenario],
    pool: &rayon::ThreadPool,
    stop: &AtomicBool,
) -> Option<Result<Option<SimDuration>, RunError>> {
    let asked: Vec<(&Scenario, SimDuration)> = variants
        .iter()
        .filter_map(|variant| match variant.run.window {
            Window::Auto { duration } => Some((variant, duration)),
            _ => None,
        })
        .collect();
    if asked.is_empty() {
        return Some(Ok(None));
    }
    let found: Option<Vec<Result<SimDuration, RunError>>> =
        pool.install(|| asked.into_par_iter().map(|(variant, duration)| pilot(variant, duration, stop)).collect());
    let found: Result<Vec<SimDuration>, RunError> = found?.into_iter().collect();
    Some(found.map(|warmups| warmups.into_iter().max()))
}

fn pilot(scenario: &Scenario, duration: SimDuration, stop: &AtomicBool) -> Option<Result<SimDuration, RunError>> {
    let mut scenario = scenario.clone();
    let interval = SimDuration::from_nanos((duration.as_nanos() / INTERVALS).max(1));
    scenario.run.interval = interval;
    scenario.run.window = Window::Time { duration, warmup: SimDuration::ZERO };
    let mut sink = InFlight::default();
    if let Err(error) = one(&Plan::new(&scenario), 0, PILOT_REPLICATION, RequestLog::None, &mut sink, stop)? {
        return Some(Err(error));
    }
    let levels = &sink.levels[..sink.levels.len().min(INTERVALS as usize)];
    let found = mser5(levels).map(|cut| SimDuration::from_nanos(interval.as_nanos() * cut as u64));
    Some(found.ok_or_else(|| {
        RunError::Unrunnable(
            "`warmup: auto` found no steady state in a pilot: lengthen `run.duration`, or give the warm-up yourself"
                .to_string(),
        )
    }))
}
