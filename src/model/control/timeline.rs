//! What the scenario's timeline does to the cluster.

use std::ops::Range;

use super::lifecycle::address_text;
use crate::engine::{Rank, Schedule};
use crate::model::plan::as_u32;
use crate::model::{World, at, kind};
use crate::scenario::timeline::{Action, PodRef};
use crate::time::SimTime;

impl World<'_> {
    /// Sets the events of the timeline.
    pub(crate) fn schedule_timeline(&mut self, schedule: &mut Schedule) {
        if self.control.is_some() {
            self.begin_deployments();
            self.note_images_of_the_start();
            self.begin_probes(schedule);
        }
        for (index, happening) in self.plan.scenario.timeline.iter().enumerate() {
            schedule.at(at(happening.at.as_nanos()), Rank::Cluster, kind::HAPPENING, as_u32(index));
        }
    }

    /// Something of the timeline happens.
    pub(crate) fn on_happening(&mut self, index: u32, now: SimTime, schedule: &mut Schedule) {
        match self.plan.scenario.timeline[index as usize].action {
            Action::Scale { workload, replicas } => {
                let target = self.plan.scenario.workloads[workload].target();
                self.enter_event(
                    now,
                    "scale",
                    target,
                    format!("to {replicas} pod{}", if replicas == 1 { "" } else { "s" }),
                );
                self.want(workload, replicas, now, schedule);
            }
            Action::DeletePod(pod) => self.with_pod(pod, "delete-pod", now, |world, pod| {
                world.delete_pod(pod, now, schedule);
                world.reconcile(world.roster.pods[pod as usize].workload as usize, now, schedule);
            }),
            Action::Restart { workload } => self.restart(workload, now, schedule),
            Action::SetImage { workload, image } => self.set_image(workload, image, now, schedule),
            Action::Template { workload, template } => self.roll_to(workload, as_u32(template), now, schedule),
            Action::Rollout { workload, rollout } => self.set_strategy(workload, rollout, now, schedule),
            Action::Pause { workload, paused } => self.pause(workload, paused, now, schedule),
            Action::Undo { workload } => self.undo_rollout(workload, now, schedule),
            Action::Crash(pod) => self.with_pod(pod, "crash", now, |world, pod| world.crash(pod, now, schedule)),
            Action::NotReady(pod) => self.with_pod(pod, "probe", now, |world, pod| {
                world.probe_pod(pod, false, now, schedule);
            }),
            Action::Node { node, action } => self.on_node_action(node, action, now, schedule),
            Action::Service { first, count, era } => self.begin_era(first..first + count, era, now, schedule),
            Action::Fault { fault, begins } => self.tell_fault(fault, begins, now, schedule),
            Action::Kill { .. } => self.begin_killing(index, now, schedule),
            Action::Ready(pod) => self.with_pod(pod, "probe", now, |world, pod| {
                world.probe_pod(pod, true, now, schedule);
            }),
        }
    }

    /// A Service comes, changes or goes: the controller writes its slices, or deletes them.
    fn begin_era(&mut self, ports: Range<usize>, era: usize, now: SimTime, schedule: &mut Schedule) {
        let spec = &self.plan.scenario.services[ports.start];
        let was_there = self.control_mut().observed[ports.start].standing.address.is_some();
        let (kind, detail) = match (was_there, spec.address_in(era)) {
            (_, None) => ("service-deleted", String::new()),
            (true, Some(_)) => ("service-changed", String::new()),
            (false, Some(0)) => ("service-created", "without a cluster IP".to_owned()),
            (false, Some(address)) => ("service-created", format!("as {}", address_text(address))),
        };
        self.enter_event(now, kind, format!("service/{}", spec.object_label()), detail);
        for service in ports {
            self.control_mut().eras[service] = era;
            self.sync_slices(service, now, schedule);
        }
    }

    /// Does something to a pod that was not deleted; else says so.
    fn with_pod(&mut self, wanted: PodRef, kind: &'static str, now: SimTime, what: impl FnOnce(&mut Self, u32)) {
        let same = |pod: &crate::model::cluster::pod::Pod| {
            pod.workload as usize == wanted.workload && pod.number == wanted.number
        };
        let found = self.roster.pods.iter().position(same);
        match found {
            Some(pod) if self.roster.pods[pod].is_wanted() => what(self, as_u32(pod)),
            _ => {
                let target = self.plan.scenario.workloads[wanted.workload].target();
                let object = format!("{target}[{}]", wanted.number);
                self.enter_event(now, kind, object, "nothing happens: there is no such pod any more".to_owned());
            }
        }
    }
}
