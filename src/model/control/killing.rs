//! Pods that are killed at random: `timeline[].kill`.

use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::random::Stream;
use crate::scenario::timeline::Action;
use crate::time::{SimDuration, SimTime};

/// The killings under way: each with its place in the timeline and its draws.
#[derive(Debug, Default)]
pub(crate) struct Killings {
    all: Vec<(u32, Stream)>,
}

impl World<'_> {
    /// From now on pods are killed, as an entry of the timeline says.
    pub(super) fn begin_killing(&mut self, happening: u32, now: SimTime, schedule: &mut Schedule) {
        let stream = Stream::new(self.seed, self.replication, &format!("timeline/{happening}/kill"));
        let killings = &mut self.control_mut().killings.all;
        killings.push((happening, stream));
        let killing = as_u32(killings.len() - 1);
        self.set_kill(killing, now, schedule);
    }

    fn kill_action(&self, killing: usize) -> Option<(usize, SimDuration, Option<SimDuration>, bool)> {
        let happening = self.control.as_ref()?.killings.all[killing].0;
        match self.plan.scenario.timeline[happening as usize].action {
            Action::Kill { workload, every, until, instant } => Some((workload, every, until, instant)),
            _ => None,
        }
    }

    /// Sets when the next pod is killed: after an exponential time.
    fn set_kill(&mut self, killing: u32, now: SimTime, schedule: &mut Schedule) {
        let Some((_, every, until, _)) = self.kill_action(killing as usize) else { return };
        let unit = self.control_mut().killings.all[killing as usize].1.unit();
        let seconds = -libm::log1p(-unit) * every.as_secs_f64();
        let Some(at) = SimDuration::from_secs_f64(seconds).map(|delay| now + delay) else { return };
        if until.is_none_or(|until| at < SimTime::ZERO + until) {
            schedule.at(at, Rank::Cluster, kind::KILL, killing);
        }
    }

    /// A pod is killed, if there is one.
    pub(crate) fn on_kill(&mut self, killing: u32, now: SimTime, schedule: &mut Schedule) {
        self.set_kill(killing, now, schedule);
        let Some((workload, _, _, instant)) = self.kill_action(killing as usize) else { return };
        let serves = |pod: &u32| {
            let record = &self.roster.pods[*pod as usize];
            record.workload as usize == workload && record.phase == Phase::Running
        };
        let pods: Vec<u32> = (0..as_u32(self.roster.pods.len())).filter(serves).collect();
        if pods.is_empty() {
            return;
        }
        let chosen = self.control_mut().killings.all[killing as usize].1.below(as_u32(pods.len()));
        let pod = pods[chosen as usize];
        let told = if instant { "there again at once" } else { "" };
        self.tell_pod(now, "pod-killed", pod, told.to_owned());
        if instant {
            let containers = self.plan.scenario.workloads[workload].containers.len();
            self.end_containers(pod, 0..containers, now, schedule);
            for own in 0..containers {
                self.listens(pod, own, now, schedule);
            }
        } else {
            self.leaves_its_set(pod);
            let record = &mut self.roster.pods[pod as usize];
            record.phase = Phase::Stopping;
            let change = record.note_ready(now);
            self.ready_pods = self.ready_pods.saturating_add_signed(change);
            self.pod_ends(pod, now, schedule);
            self.reconcile(workload, now, schedule);
        }
    }
}
