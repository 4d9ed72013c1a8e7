//! The containers of a pod start and end one after the other, where the scenario says how long each takes.
//!
//! Whatever makes a container start or end comes here: it listens from then on, or what it was doing is lost.

use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::scenario::startup::Step;
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// Sets what happens to a pod from the start of its first container on, at `begin`.
    pub(super) fn schedule_starts(&mut self, pod: u32, begin: SimTime, schedule: &mut Schedule) {
        let workload = self.roster.pods[pod as usize].workload as usize;
        let last = self.schedule_steps(pod, self.plan.scenario.workloads[workload].starts(), begin, schedule);
        schedule.at(last, Rank::Cluster, kind::POD_STARTED, pod);
    }

    /// Sets what happens to a pod whose containers are told to end, at `begin`.
    pub(super) fn schedule_stops(&mut self, pod: u32, begin: SimTime, schedule: &mut Schedule) {
        let workload = self.roster.pods[pod as usize].workload as usize;
        let last = self.schedule_steps(pod, self.plan.scenario.workloads[workload].stops(), begin, schedule);
        schedule.at(last, Rank::Cluster, kind::POD_STOPS, pod);
    }

    /// Sets single steps, unless all are at once; when the last one is.
    fn schedule_steps(
        &mut self,
        pod: u32,
        steps: Vec<(SimDuration, Step)>,
        begin: SimTime,
        schedule: &mut Schedule,
    ) -> SimTime {
        let takes = steps.last().map_or(SimDuration::ZERO, |(at, _)| *at);
        if !takes.is_zero() {
            for (at, step) in steps {
                let slot = self.control_mut().steps.insert((pod, step));
                schedule.at(begin + at, Rank::Cluster, kind::CONTAINER_STEP, slot);
            }
        }
        begin + takes
    }

    /// A container of a pod has started or ended, if nothing has happened to the pod meanwhile.
    pub(crate) fn on_container_step(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let (pod, step) = self.control_mut().steps[slot];
        self.control_mut().steps.remove(slot);
        let record = &self.roster.pods[pod as usize];
        let (phase, workload) = (record.phase, record.workload as usize);
        let spec = &self.plan.scenario.workloads[workload];
        match step {
            Step::Done(init) if phase == Phase::Starting => {
                self.tell_pod(now, "container-ended", pod, spec.init[init].name.clone());
            }
            Step::Started(container) if phase == Phase::Starting => {
                self.start_container(pod, container, now);
                self.tell_pod(now, "container-started", pod, spec.containers[container].name.clone());
            }
            Step::Ended(container) if phase == Phase::Stopping => {
                self.end_containers(pod, container..container + 1, now, schedule);
                self.tell_pod(now, "container-ended", pod, spec.containers[container].name.clone());
                self.publish(workload, now, schedule);
            }
            _ => {}
        }
    }

    /// A container listens from now on.
    pub(super) fn start_container(&mut self, pod: u32, container: usize, now: SimTime) {
        let record = &mut self.roster.pods[pod as usize];
        let (workload, node) = (record.workload as usize, record.node as usize);
        let station = record.station as usize + container;
        if std::mem::replace(&mut self.roster.runs[station], true) {
            return;
        }
        record.container_started(now);
        let speed = self.plan.scenario.cluster.nodes[node].speed.to_bits();
        let known = self.plan.speeds[workload].iter().find(|(bits, _)| *bits == speed);
        let (_, first) = known.expect("the plan has the speeds of all nodes");
        self.stations[station].server = first + as_u32(container);
    }

    /// Containers of a pod end: what they were doing is lost.
    pub(super) fn end_containers(
        &mut self,
        pod: u32,
        which: std::ops::Range<usize>,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let first = self.roster.pods[pod as usize].station as usize;
        // First, so that who tries again at once does not come in.
        for station in first + which.start..first + which.end {
            if std::mem::replace(&mut self.roster.runs[station], false) {
                self.roster.ended_at[station] = now;
                self.roster.pods[pod as usize].container_ended(now);
            }
        }
        self.break_containers(as_u32(first + which.start)..as_u32(first + which.end), now, schedule);
    }
}
