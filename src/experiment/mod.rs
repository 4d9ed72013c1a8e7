//! Scenario × variants × replications → runs, in parallel, with results in a fixed order.
//!
//! One run is one thread and owns all it touches, so results cannot depend on the number of threads. Outcomes are
//! handed out strictly in job order (variants, then replications), and no more than a few of them wait at any time.

mod pilot;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::model::plan::Plan;
use crate::model::{Stopped, simulate};
use crate::observe::outcome::{Labels, RunOutcome, Sink};
use crate::scenario::{Scenario, Window};

pub use crate::model::RequestLog;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many runs at a time.
    pub jobs: usize,
    /// Which requests are logged one by one.
    pub requests_log: RequestLog,
}

/// Hears how far the runs are.
pub trait Progress: Sync {
    /// `done_runs` of `total_runs` are done; `requests` were simulated in them.
    fn advance(&self, done_runs: u64, total_runs: u64, requests: u64);
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// All runs are done.
    Complete,
    /// The user stopped it; the outcomes handed out so far are whole.
    Interrupted,
}

/// Why it did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunError {
    /// An invariant of the model is broken: a bug.
    Invariant(String),
    /// The scenario cannot be run on.
    Unrunnable(String),
}

impl RunError {
    /// The same error with where it happened.
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        match self {
            Self::Invariant(message) => Self::Invariant(format!("{place}: {message}")),
            Self::Unrunnable(message) => Self::Unrunnable(format!("{place}: {message}")),
        }
    }
}

/// Makes the sink of a run, on the thread that runs it.
pub type MakeSink<'a> = &'a (dyn Fn(usize, u32, &Labels) -> Box<dyn Sink + Send> + Sync);

/// How many runs are started before the results of the first are handed out.
const WAVE_PER_JOB: usize = 2;
/// More threads than any machine has cores for.
const MOST_THREADS: usize = 1_024;
/// Short runs are started in larger waves: at most this many.
const LARGEST_WAVE: usize = 4_096;

/// Runs every replication of every variant; `consume` hears the outcomes in job order, on the calling thread.
///
/// # Errors
/// The first run, in job order, that breaks an invariant or cannot go on.
pub fn run(
    variants: &[Scenario],
    options: &Options,
    stop: &AtomicBool,
    progress: &dyn Progress,
    sinks: MakeSink<'_>,
    consume: &mut dyn FnMut(&Labels, RunOutcome),
) -> Result<Finished, RunError> {
    let total = variants.iter().map(|variant| u64::from(variant.run.replications)).sum::<u64>();
    // More threads than runs would have nothing to do, and thousands would only look for work.
    let most = usize::try_from(total).unwrap_or(usize::MAX).clamp(1, MOST_THREADS);
    let jobs = options.jobs.clamp(1, most);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .map_err(|error| RunError::Unrunnable(format!("cannot start {jobs} threads: {error}")))?;
    let warmup = match pilot::warmup(variants, &pool, stop) {
        Some(warmup) => warmup?,
        None => return Ok(Finished::Interrupted),
    };
    let done = AtomicU64::new(0);
    let requests = AtomicU64::new(0);
    for (index, variant) in variants.iter().enumerate() {
        let plan = Plan::new(&with_warmup(variant, warmup));
        let replications = variant.run.replications;
        let mut wave = jobs * WAVE_PER_JOB;
        let mut first = 0;
        while first < replications {
            let last = first.saturating_add(u32::try_from(wave).unwrap_or(u32::MAX)).min(replications);
            let outcomes: Vec<Option<Result<RunOutcome, RunError>>> = pool.install(|| {
                (first..last)
                    .into_par_iter()
                    .map(|replication| {
                        if stop.load(Ordering::Relaxed) {
                            return None;
                        }
                        let mut sink = sinks(index, replication, &plan.labels);
                        let outcome = one(&plan, index, replication, options.requests_log, sink.as_mut(), stop)?;
                        drop(sink);
                        let count = outcome.as_ref().map_or(0, |outcome| outcome.flows.iter().map(|f| f.offered).sum());
                        let requests = requests.fetch_add(count, Ordering::Relaxed) + count;
                        progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, total, requests);
                        Some(outcome)
                    })
                    .collect()
            });
            let mut short = true;
            for outcome in outcomes {
                // What came after the interruption is dropped, so that what is kept is a prefix of the jobs.
                let Some(outcome) = outcome else { return Ok(Finished::Interrupted) };
                let outcome = outcome.map_err(|error| error.within(&variant.variant))?;
                short &= outcome.events < 100_000;
                consume(&plan.labels, outcome);
            }
            first = last;
            if short {
                wave = (wave * 2).min(LARGEST_WAVE);
            }
        }
    }
    Ok(Finished::Complete)
}

/// The same scenario with an automatic warm-up replaced by what the pilots found.
fn with_warmup(scenario: &Scenario, found: Option<crate::time::SimDuration>) -> Scenario {
    let mut scenario = scenario.clone();
    if let (Window::Auto { duration }, Some(warmup)) = (scenario.run.window, found) {
        scenario.run.window = Window::Time { duration, warmup };
    }
    scenario
}

/// One run; `None` when it was stopped.
fn one(
    plan: &Plan,
    variant: usize,
    replication: u32,
    log: RequestLog,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
) -> Option<Result<RunOutcome, RunError>> {
    let result = catch_unwind(AssertUnwindSafe(|| simulate(plan, variant, replication, log, sink, stop)));
    Some(match result {
        Ok(Ok(outcome)) => check(plan, &outcome).map(|()| outcome),
        Ok(Err(Stopped::Interrupted)) => return None,
        Ok(Err(Stopped::Unrunnable(message))) => Err(RunError::Unrunnable(message)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let message = text.unwrap_or("the model stopped without a message");
            Err(RunError::Invariant(format!("replication {replication}: {message}")))
        }
    })
}

/// Conservation: every measured request succeeded, failed, or was open when the run ended.
fn check(plan: &Plan, outcome: &RunOutcome) -> Result<(), RunError> {
    for (flow, label) in outcome.flows.iter().zip(&plan.labels.flows) {
        if flow.offered != flow.succeeded + flow.failed + flow.in_flight {
            return Err(RunError::Invariant(format!(
                "replication {}: {} of {} requests are accounted for in {}",
                outcome.replication,
                flow.succeeded + flow.failed + flow.in_flight,
                flow.offered,
                label.name
            )));
        }
    }
    Ok(())
}
