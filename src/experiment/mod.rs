//! Scenario × variants × replications → runs, in parallel, with results in a fixed order.
//!
//! One run is one thread and owns all it touches, so results cannot depend on the number of threads. Outcomes are
//! handed out strictly in job order, and no more than a few of them wait at any time. The order is variants, then
//! replications; variants that stop together, at a goal, come in turn (`order.rs`). When to stop is decided where outcomes
//! are handed out, so it depends on them alone; what was begun beyond the stop is dropped.

pub mod least;
mod line;
mod order;
mod pilot;
pub mod rollouts;
mod stories;
mod work;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::plan::Plan;
use crate::model::{Stopped, simulate};
use crate::observe::outcome::{Labels, MetricValue, RunOutcome, Sink};
use crate::scenario::{Scenario, Window};
use crate::time::SimDuration;

use line::Line;
use order::{Group, Place};
use work::Costs;

pub use crate::model::RequestLog;
pub use stories::{Told, Wanted, settle, stories};
pub use work::Work;

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

    /// About which share of all the work is done: by events, so that runs of unequal cost count as what they are. Comes
    /// before [`Progress::advance`] of the same run.
    fn share(&self, _done: f64) {}
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

/// How many results may wait for an earlier one, for each job, however large they are.
const WINDOW_PER_JOB: usize = 3;
/// How many bytes of results may wait for an earlier one: workers do not stand idle because one run is long.
const ROOM: usize = 64 << 20;
/// More threads than any machine has cores for.
const MOST_THREADS: usize = 1_024;

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
    run_work(&Work::new(&[variants]), options, stop, progress, sinks, consume)
}

/// The same for the variants of several scenarios, in the order that the work has; a variant's number is its place
/// among all.
///
/// # Errors
/// The first run, in job order, that breaks an invariant or cannot go on.
pub fn run_work(
    work: &Work<'_>,
    options: &Options,
    stop: &AtomicBool,
    progress: &dyn Progress,
    sinks: MakeSink<'_>,
    consume: &mut dyn FnMut(&Labels, RunOutcome),
) -> Result<Finished, RunError> {
    let pool = threads(options.jobs, work.total() as u64)?;
    let jobs = pool.current_num_threads();
    let mut warmups = Vec::new();
    for (family, variants) in work.families().enumerate() {
        match pilot::warmup(variants, &pool, stop) {
            Some(warmup) => warmups.push(warmup.map_err(|error| work.within(family, error))?),
            None => return Ok(Finished::Interrupted),
        }
    }
    let batch = Batch {
        work,
        warmups,
        log: options.requests_log,
        stop,
        progress,
        sinks,
        expected: AtomicU64::new(work.groups().iter().map(|group| group.jobs(group.fewest()) as u64).sum()),
        left: AtomicUsize::new(0),
        plans: work.variants().map(|_| Mutex::default()).collect(),
        costs: Mutex::new(Costs::new(work)),
        done: AtomicU64::new(0),
        requests: AtomicU64::new(0),
    };
    let line = Line::new(work.total(), jobs * WINDOW_PER_JOB, ROOM);
    pool.in_place_scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|_| {
                while let Some(job) = line.take() {
                    let ran = batch.run(job);
                    let bytes = ran.as_ref().and_then(|ran| ran.as_ref().ok()).map_or(0, RunOutcome::bytes);
                    line.put(job, ran, bytes);
                }
            });
        }
        let finished = batch.hand_out(&line, consume);
        line.close();
        finished
    })
}

/// Threads for so many jobs at once and runs in all.
fn threads(jobs: usize, runs: u64) -> Result<rayon::ThreadPool, RunError> {
    // More threads than runs would have nothing to do, and thousands would only look for work.
    let most = usize::try_from(runs).unwrap_or(usize::MAX).clamp(1, MOST_THREADS);
    let jobs = jobs.clamp(1, most);
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .map_err(|error| RunError::Unrunnable(format!("cannot start {jobs} threads: {error}")))
}

/// All runs of an experiment: what the workers share.
struct Batch<'a> {
    work: &'a Work<'a>,
    /// Of each scenario, where its warm-up was to be found.
    warmups: Vec<Option<SimDuration>>,
    log: RequestLog,
    stop: &'a AtomicBool,
    progress: &'a dyn Progress,
    sinks: MakeSink<'a>,
    /// How many groups are over: runs of these that have not begun are not wanted any more.
    left: AtomicUsize,
    /// How many runs there will be, as far as that is known.
    expected: AtomicU64,
    /// Made by the first run of a variant, dropped after its last.
    plans: Vec<Mutex<Option<Arc<Plan>>>>,
    costs: Mutex<Costs>,
    done: AtomicU64,
    requests: AtomicU64,
}

/// What a run gives; `None` when it was stopped.
type Ran = Option<Result<RunOutcome, RunError>>;

impl Batch<'_> {
    fn plan(&self, variant: usize) -> Arc<Plan> {
        let mut plan = self.plans[variant].lock().unwrap_or_else(PoisonError::into_inner);
        let warmup = self.warmups[self.work.family(variant)];
        let make = || Arc::new(Plan::new(&with_warmup(self.work.variant(variant), warmup)));
        Arc::clone(plan.get_or_insert_with(make))
    }

    /// Runs a job; whatever panics becomes an error, so that whoever waits for the result gets one.
    fn run(&self, job: usize) -> Ran {
        let place = self.work.place(job);
        catch_unwind(AssertUnwindSafe(|| self.run_one(place)))
            .unwrap_or_else(|panic| Some(Err(broken(place.replication, panic.as_ref()))))
    }

    fn run_one(&self, Place { group, variant, replication }: Place) -> Ran {
        if self.stop.load(Ordering::Relaxed) || group < self.left.load(Ordering::Relaxed) {
            return None;
        }
        let plan = self.plan(variant);
        let mut sink = (self.sinks)(variant, replication, &plan.labels);
        let outcome = one(&plan, variant, replication, self.log, sink.as_mut(), self.stop)?;
        drop(sink);
        let count = outcome.as_ref().map_or(0, |outcome| outcome.flows.iter().map(|flow| flow.offered).sum());
        let requests = self.requests.fetch_add(count, Ordering::Relaxed) + count;
        let events = outcome.as_ref().map_or(0, |outcome| outcome.events);
        let share = self.costs.lock().unwrap_or_else(PoisonError::into_inner).ran(variant, events);
        self.progress.share(share);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.advance(done, self.expected.load(Ordering::Relaxed).max(done), requests);
        Some(outcome)
    }

    /// Hands the outcomes out in order, up to the first run that was stopped or failed.
    fn hand_out(&self, line: &Line<Ran>, consume: &mut dyn FnMut(&Labels, RunOutcome)) -> Result<Finished, RunError> {
        let groups = self.work.groups();
        for (index, group) in groups.iter().enumerate() {
            if self.hand_out_group(line, group, consume)? == Finished::Interrupted {
                return Ok(Finished::Interrupted);
            }
            self.left.store(index + 1, Ordering::Relaxed);
            line.skip_to(groups.get(index + 1).map_or(self.work.total(), |next| next.first));
            for &variant in &group.variants {
                *self.plans[variant].lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
        Ok(Finished::Complete)
    }

    /// The same for the variants of a group, which all have enough replications then.
    fn hand_out_group(
        &self,
        line: &Line<Ran>,
        group: &Group,
        consume: &mut dyn FnMut(&Labels, RunOutcome),
    ) -> Result<Finished, RunError> {
        let mut made = 0;
        // What the goal is about, by variant; they grow with the replications that are made, not with those allowed.
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); group.variants.len()];
        while let Some(look) = group.next_look(made) {
            if look > group.fewest() {
                self.expected.fetch_add(group.jobs(look - made) as u64, Ordering::Relaxed);
            }
            for (&variant, values) in group.variants.iter().zip(&mut values) {
                for _ in made..look {
                    // What came after the interruption is dropped, so that what is kept is a prefix of the jobs.
                    let Some(Some(outcome)) = line.next_result() else { return Ok(Finished::Interrupted) };
                    let outcome = outcome.map_err(|error| {
                        self.work.within(self.work.family(variant), error.within(&self.work.variant(variant).variant))
                    })?;
                    if group.goal.is_some() {
                        values.push(goal_value(&outcome));
                    }
                    consume(&self.plan(variant).labels, outcome);
                }
            }
            made = look;
            if group.goal.is_some_and(|goal| values.iter().all(|values| goal.enough(values))) {
                break;
            }
        }
        Ok(Finished::Complete)
    }
}

/// The value of the metric that a goal is about: the last of those that are named.
#[must_use]
pub fn goal_value(outcome: &RunOutcome) -> f64 {
    match outcome.metrics.last() {
        Some(MetricValue::Number(value)) => *value,
        _ => f64::NAN,
    }
}

/// The same scenario with an automatic warm-up replaced by what the pilots found.
fn with_warmup(scenario: &Scenario, found: Option<SimDuration>) -> Scenario {
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
    guarded(plan, replication, || simulate(plan, variant, replication, log, sink, stop))
}

/// What a run gives, its invariants checked; `None` when it was stopped.
fn guarded(plan: &Plan, replication: u32, run: impl FnOnce() -> Result<RunOutcome, Stopped>) -> Ran {
    let result = catch_unwind(AssertUnwindSafe(run));
    Some(match result {
        Ok(Ok(outcome)) => check(plan, &outcome).map(|()| outcome),
        Ok(Err(Stopped::Interrupted)) => return None,
        Ok(Err(Stopped::Unrunnable(message))) => Err(RunError::Unrunnable(message)),
        Err(panic) => Err(broken(replication, panic.as_ref())),
    })
}

/// The error of a run that panicked.
fn broken(replication: u32, panic: &(dyn Any + Send)) -> RunError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let message = text.unwrap_or("the model stopped without a message");
    RunError::Invariant(format!("replication {replication}: {message}"))
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

#[cfg(test)]
mod tests {
    use std::any::Any;

    use super::{RunError, broken};

    #[test]
    fn a_run_that_panics_is_named_with_what_it_said() {
        let said = |panic: Box<dyn Any + Send>| match broken(3, panic.as_ref()) {
            RunError::Invariant(message) => message,
            RunError::Unrunnable(message) => panic!("{message}"),
        };
        assert_eq!(said(Box::new("time went back")), "replication 3: time went back");
        assert_eq!(said(Box::new("time went back".to_owned())), "replication 3: time went back");
        assert_eq!(said(Box::new(5)), "replication 3: the model stopped without a message");
    }
}
