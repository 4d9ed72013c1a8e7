//! Rollouts, simulated many times: what they cost as a manifest has them, and with which pause before the signal
//! (`preStop`) they cost nothing.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::least::{Asked, Search, least};
use super::{RunError, guarded, threads};
use crate::cause::FailureCause;
use crate::model::plan::Plan;
use crate::model::{RequestLog, simulate};
use crate::observe::outcome::{NoSink, RunOutcome};
use crate::observe::rollouts::RolloutOutcome;
use crate::random::Dist;
use crate::scenario::{Scenario, Window};
use crate::time::SimDuration;

/// How many rollouts are simulated before the length of the others is set.
const PILOTS: u32 = 8;
/// The longest rollout that is waited for.
const LONGEST: SimDuration = SimDuration::from_secs(3_600);
/// For how long after the last pod failures are waited for: the slowest news of endpoints, and time-outs.
const AFTERWARDS: SimDuration = SimDuration::from_secs(35);
/// Rollouts that are simulated at once, apart from how many threads there are.
const BATCH: u32 = 64;

/// A rollout of a workload in a scenario whose timeline begins it.
#[derive(Debug)]
pub struct Subject {
    /// The scenario; its first happening begins the rollout.
    pub scenario: Scenario,
    /// Index of the workload.
    pub workload: usize,
    /// When the rollout begins.
    pub begins: SimDuration,
}

/// How one rollout went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Went {
    /// How long it took; `None` if it was not complete in the end.
    pub took: Option<SimDuration>,
    /// Failed requests of all traffics, by cause.
    pub failed: BTreeMap<FailureCause, u64>,
    /// Most pods at once.
    pub most_pods: u32,
    /// Fewest ready pods at once.
    pub fewest_ready: u32,
    /// From its end until the pods had their shares; `None` if they never had.
    pub balanced: Option<SimDuration>,
    /// The longest from the deletion of a pod until its processes had ended.
    pub longest_stop: SimDuration,
}

impl Went {
    /// How many requests failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Whether it came to its end and nothing failed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.took.is_some() && self.failed.is_empty()
    }
}

/// What pilots tell of all rollouts of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pilots {
    /// The longest rollout.
    pub took: SimDuration,
    /// The longest from the signal to the end of a pod, rounded up to seconds, and one more.
    pub drain: SimDuration,
}

/// What stops a study of rollouts.
#[derive(Debug)]
pub enum Halt {
    /// The user.
    Interrupted,
    /// A run.
    Run(RunError),
}

impl From<RunError> for Halt {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// Simulates rollouts of a subject.
#[derive(Debug)]
pub struct Study<'a> {
    subject: &'a Subject,
    pool: rayon::ThreadPool,
    stop: &'a AtomicBool,
    /// How long the runs of rollouts are, without what a pause adds; set by [`Study::pilots`].
    length: SimDuration,
}

/// A candidate: the pause before the signal and the grace period. `None` is what the manifest has.
pub type Setting = Option<(u32, SimDuration)>;

impl<'a> Study<'a> {
    /// Prepares to simulate so many at once.
    ///
    /// # Errors
    /// If threads cannot be had.
    pub fn new(subject: &'a Subject, jobs: usize, stop: &'a AtomicBool) -> Result<Self, Halt> {
        let pool = threads(jobs, BATCH.into())?;
        Ok(Self { subject, pool, stop, length: SimDuration::ZERO })
    }

    /// Simulates a few rollouts to learn how long they take and how long pods take to end.
    ///
    /// # Errors
    /// A run that fails, or rollouts that do not end.
    pub fn pilots(&mut self) -> Result<Pilots, Halt> {
        let grace = self.grace();
        let setting = Some((0, grace));
        // How long it takes at all is found out with one.
        let mut longest = SimDuration::from_secs(60);
        loop {
            self.length = longest + grace + AFTERWARDS;
            if let Some(took) = self.simulate(setting, &[0])?[0].took {
                longest = longest.max(took + took);
                break;
            }
            if longest >= LONGEST {
                return Err(Halt::Run(RunError::Unrunnable(self.never_ends())));
            }
            longest = (longest + longest).min(LONGEST);
        }
        self.length = longest + grace + AFTERWARDS;
        let replications: Vec<u32> = (0..PILOTS).collect();
        let went = self.simulate(setting, &replications)?;
        let took = went.iter().filter_map(|went| went.took).max().unwrap_or(SimDuration::ZERO);
        let stop = went.iter().map(|went| went.longest_stop).max().unwrap_or(SimDuration::ZERO);
        let drain = SimDuration::from_secs(stop.as_nanos().div_ceil(1_000_000_000) + 1);
        let half_more = SimDuration::from_nanos(took.as_nanos() / 2 * 3);
        self.length = half_more + drain.max(grace) + AFTERWARDS;
        Ok(Pilots { took, drain })
    }

    fn never_ends(&self) -> String {
        let target = self.subject.scenario.workloads[self.subject.workload].target();
        format!(
            "the rollout of {target} is not complete after {LONGEST}: its new pods do not become available, or find no room; \
             `run` with `timeline: [{{at: 10s, rolloutRestart: {target}}}]` tells in events.csv what happens"
        )
    }

    /// The grace period of the workload's pods.
    #[must_use]
    pub fn grace(&self) -> SimDuration {
        let templates = &self.subject.scenario.workloads[self.subject.workload].life.templates;
        templates.first().map_or(SimDuration::ZERO, |template| template.grace)
    }

    /// The first `count` rollouts as the manifest has them.
    ///
    /// # Errors
    /// The first run that fails.
    pub fn as_it_is(&self, count: u32) -> Result<Vec<Went>, Halt> {
        let all: Vec<u32> = (0..count).collect();
        let mut went = Vec::with_capacity(all.len());
        for batch in all.chunks(BATCH as usize) {
            went.extend(self.simulate(None, batch)?);
        }
        Ok(went)
    }

    /// Failed requests of the same time without a rollout.
    ///
    /// # Errors
    /// The first run that fails.
    pub fn without(&self, count: u32) -> Result<u64, Halt> {
        let mut scenario = self.scenario(None);
        scenario.timeline.clear();
        let replications: Vec<u32> = (0..count).collect();
        let outcomes = self.run(&scenario, &replications)?;
        let failed = |outcome: &RunOutcome| -> u64 {
            let traffics = scenario.traffic.len();
            outcome.flows.iter().take(traffics).map(|flow| flow.failed).sum()
        };
        Ok(outcomes.iter().map(failed).sum())
    }

    /// The shortest pause before the signal, in whole seconds, with which rollouts are clean.
    ///
    /// # Errors
    /// The first run that fails.
    pub fn shortest_pause(&self, asked: Asked, pilots: Pilots) -> Result<Search, Halt> {
        least(asked, |seconds, replications| {
            let setting = Some((seconds, self.grace_for(seconds, pilots)));
            let went = self.simulate(setting, replications)?;
            Ok(went.iter().map(|went| !went.is_clean()).collect())
        })
    }

    /// The first `count` rollouts with such a pause.
    ///
    /// # Errors
    /// The first run that fails.
    pub fn with_pause(&self, seconds: u32, pilots: Pilots, count: u32) -> Result<Vec<Went>, Halt> {
        let all: Vec<u32> = (0..count).collect();
        self.simulate(Some((seconds, self.grace_for(seconds, pilots))), &all)
    }

    /// The grace period that pods with such a pause need: the one they have, where it is enough.
    #[must_use]
    pub fn grace_for(&self, seconds: u32, pilots: Pilots) -> SimDuration {
        self.grace().max(SimDuration::from_secs(seconds.into()) + pilots.drain)
    }

    fn simulate(&self, setting: Setting, replications: &[u32]) -> Result<Vec<Went>, Halt> {
        let scenario = self.scenario(setting);
        let outcomes = self.run(&scenario, replications)?;
        Ok(outcomes.iter().map(|outcome| self.went(outcome)).collect())
    }

    /// The scenario with a setting, and with a window from the rollout's beginning to its end.
    fn scenario(&self, setting: Setting) -> Scenario {
        let mut scenario = self.subject.scenario.clone();
        let mut length = self.length;
        if let Some((seconds, grace)) = setting {
            let workload = &mut scenario.workloads[self.subject.workload];
            let pause = SimDuration::from_secs(seconds.into());
            let mains: Vec<usize> = workload.main_containers().collect();
            for template in &mut workload.life.templates {
                template.grace = grace;
                for main in &mains {
                    template.containers[*main].pre_stop = (seconds > 0).then(|| Dist::constant(pause));
                }
            }
            // With `Recreate` the rollout itself takes longer, too.
            length = length + pause + pause;
        }
        let begins = self.subject.begins;
        scenario.run.window = Window::Time { duration: begins + length, warmup: begins };
        scenario
    }

    fn run(&self, scenario: &Scenario, replications: &[u32]) -> Result<Vec<RunOutcome>, Halt> {
        let plan = Plan::new(scenario);
        let one = |replication: &u32| {
            guarded(&plan, *replication, || simulate(&plan, 0, *replication, RequestLog::None, &mut NoSink, self.stop))
        };
        let ran: Option<Vec<Result<RunOutcome, RunError>>> =
            self.pool.install(|| replications.par_iter().map(one).collect());
        let outcomes: Result<Vec<RunOutcome>, RunError> = ran.ok_or(Halt::Interrupted)?.into_iter().collect();
        Ok(outcomes?)
    }

    fn went(&self, outcome: &RunOutcome) -> Went {
        let workload = &self.subject.scenario.workloads[self.subject.workload];
        let target = workload.target();
        let found = outcome.rollouts.iter().find(|rollout| rollout.target == target);
        let rollout: &RolloutOutcome = found.expect("the timeline begins a rollout of the workload");
        let since = |to: Option<_>, from| Some(crate::time::SimTime::since(to?, from));
        Went {
            took: since(rollout.completed, rollout.began),
            failed: rollout.failed.clone(),
            most_pods: rollout.most_pods,
            fewest_ready: rollout.fewest_ready,
            balanced: rollout.completed.and_then(|completed| since(rollout.balanced, completed)),
            longest_stop: longest_stop(outcome, &workload.name),
        }
    }
}

/// The longest time from the deletion of a pod of a workload until its processes had ended.
fn longest_stop(outcome: &RunOutcome, workload: &str) -> SimDuration {
    let mut deleted = BTreeMap::new();
    let mut longest = SimDuration::ZERO;
    for event in &outcome.cluster_events {
        let number = event.object.strip_prefix("pod/").and_then(|name| name.strip_prefix(workload)?.strip_prefix('-'));
        let Some(number) = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())) else { continue };
        match event.kind {
            "pod-deleted" => {
                deleted.insert(number, event.at);
            }
            "pod-ended" => {
                if let Some(at) = deleted.remove(number) {
                    longest = longest.max(event.at.since(at));
                }
            }
            _ => {}
        }
    }
    longest
}
