//! Rollouts under observation: what fails meanwhile, how many pods there are, and when the pods have their shares again.

use std::collections::BTreeMap;

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::observe::rollouts::{BETWEEN_COUNTS, Observed, RolloutOutcome};
use crate::time::SimTime;

/// The rollouts of a run.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    /// The last one of each workload, which is observed until the next one begins.
    open: BTreeMap<usize, Open>,
    /// Those before.
    done: Vec<RolloutOutcome>,
}

#[derive(Debug)]
struct Open {
    observed: Observed,
    /// Requests that had come to each ready pod when they were counted last.
    counted: BTreeMap<u32, u64>,
    /// When they are counted next.
    next_count: SimTime,
}

impl World<'_> {
    /// A workload gets another template.
    pub(super) fn rollout_begins(&mut self, workload: usize, now: SimTime) {
        let (pods, ready) = self.pods_of_sets(workload);
        let target = self.plan.scenario.workloads[workload].target();
        let observed = Observed::new(target, now, pods, ready);
        let open = Open { observed, counted: BTreeMap::new(), next_count: SimTime::MAX };
        let rollouts = &mut self.control_mut().rollouts;
        if let Some(before) = rollouts.open.insert(workload, open) {
            rollouts.done.push(before.observed.finish(now));
        }
    }

    /// All pods of a workload are of its template, available, and as many as wanted.
    pub(super) fn rollout_completes(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let requests = self.requests_by_ready_pod(workload);
        let Some(open) = self.control_mut().rollouts.open.get_mut(&workload) else { return };
        open.observed.completed(now);
        (open.counted, open.next_count) = (requests, now + BETWEEN_COUNTS);
        schedule.at(now + BETWEEN_COUNTS, Rank::Cluster, kind::ROLLOUT_COUNT, as_u32(workload));
    }

    /// The pods of a workload are others than before.
    pub(super) fn note_pods(&mut self, workload: usize) {
        if self.control().rollouts.open.contains_key(&workload) {
            let (pods, ready) = self.pods_of_sets(workload);
            if let Some(open) = self.control_mut().rollouts.open.get_mut(&workload) {
                open.observed.pods(pods, ready);
            }
        }
    }

    /// Requests of the last second are counted, until the pods have their shares or another rollout begins.
    pub(crate) fn on_rollout_count(&mut self, workload: u32, now: SimTime, schedule: &mut Schedule) {
        let requests = self.requests_by_ready_pod(workload as usize);
        let open = self.control_mut().rollouts.open.get_mut(&(workload as usize));
        // Another rollout may have begun since, and be complete.
        let Some(open) = open.filter(|open| open.next_count == now) else { return };
        let before = std::mem::replace(&mut open.counted, requests);
        let since = |(pod, count): (&u32, &u64)| (*pod, count.saturating_sub(before.get(pod).copied().unwrap_or(0)));
        open.observed.counted(open.counted.iter().map(since).collect(), now);
        if open.observed.awaits_balance() {
            open.next_count = now + BETWEEN_COUNTS;
            schedule.at(now + BETWEEN_COUNTS, Rank::Cluster, kind::ROLLOUT_COUNT, workload);
        }
    }

    /// A measured request of a traffic failed.
    #[inline(never)]
    pub(crate) fn failed_during_rollouts(&mut self, cause: FailureCause, now: SimTime) {
        for open in self.control_mut().rollouts.open.values_mut() {
            open.observed.failed(cause, now);
        }
    }

    /// What was observed of all rollouts, in the order in which they began.
    pub(crate) fn rollout_outcomes(&mut self, now: SimTime) -> Vec<RolloutOutcome> {
        let Some(control) = &mut self.control else { return Vec::new() };
        let Rollouts { open, mut done } = std::mem::take(&mut control.rollouts);
        done.extend(open.into_values().map(|open| open.observed.finish(now)));
        done.sort_by_key(|rollout| rollout.began);
        done
    }

    /// Requests that have come to each ready pod of a workload.
    fn requests_by_ready_pod(&self, workload: usize) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        for (endpoint, counters) in (0..).zip(&self.endpoints) {
            let pod = self.roster.pod_at(endpoint);
            if pod.workload as usize == workload && pod.is_ready() {
                *counts.entry(pod.number).or_default() += counters.requests;
            }
        }
        counts
    }
}
