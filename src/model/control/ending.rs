//! How pods end: told to, given time, killed; and processes that end by themselves.

use super::containers::Stage;
use super::moments::Moment;
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::scenario::pod_life::Sigterm;
use crate::time::{SimDuration, SimTime};

/// What a kubelet adds once where the hook takes all of the grace period (Kubernetes, `minimumGracePeriodInSeconds`).
const EXTENSION: SimDuration = SimDuration::from_secs(2);

impl World<'_> {
    /// Deletes a pod: it leaves the endpoints at once, and its kubelet is told.
    pub(super) fn delete_pod(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        self.tell_pod(now, "pod-deleted", pod, String::new());
        self.leaves_its_set(pod);
        let record = &mut self.roster.pods[pod as usize];
        let workload = record.workload as usize;
        let has_process =
            (0..self.plan.scenario.workloads[workload].containers.len()).any(|own| self.container(pod, own).is_alive());
        let out_of_reach = self.is_out_of_reach(pod);
        let record = &mut self.roster.pods[pod as usize];
        match record.phase {
            Phase::Running => self.begin_to_stop(pod, now, schedule),
            // Its kubelet hears of it when it is back.
            Phase::Starting | Phase::Ended if out_of_reach => self.begin_to_stop(pod, now, schedule),
            Phase::Starting if has_process => self.begin_to_stop(pod, now, schedule),
            Phase::Pending | Phase::Bound => {
                let had_place = record.phase == Phase::Bound;
                record.phase = Phase::Gone;
                self.control_mut().pending.retain(|waiting| *waiting != pod);
                self.end_drains(now);
                self.is_gone_from_its_set(pod, now, schedule);
                if had_place {
                    self.place_pending(now, schedule);
                }
            }
            _ => {
                record.end(now);
                self.publish(workload, now, schedule);
                self.on_pod_gone(pod, now, schedule);
            }
        }
    }

    fn begin_to_stop(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        record.phase = Phase::Stopping;
        let (workload, change) = (record.workload as usize, record.note_ready(now));
        self.ready_pods = self.ready_pods.saturating_add_signed(change);
        self.publish(workload, now, schedule);
        let heard = self.draw(&self.plan.scenario.cluster.pods.stop, "pods/stop", pod, 0);
        schedule.at(now + heard, Rank::Cluster, kind::POD_STOPS, pod);
    }

    /// The kubelet ends a pod: its containers first, then its sidecars, all within the grace period.
    pub(crate) fn on_pod_stops(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let record = &self.roster.pods[pod as usize];
        if record.phase != Phase::Stopping || self.is_out_of_reach(pod) {
            return;
        }
        let grace = self.control().templates[record.workload as usize][record.template as usize].grace;
        let count = self.plan.scenario.workloads[record.workload as usize].containers.len();
        if grace.is_zero() {
            return self.pod_ends(pod, now, schedule);
        }
        for own in 0..count {
            self.container_mut(pod, own).killed_at = now + grace;
        }
        self.set_moment(now + grace, pod, Moment::GraceOver, schedule);
        let spec = &self.plan.scenario.workloads[self.workload_of(pod)];
        for own in spec.main_containers() {
            self.tell_to_end(pod, own, now, schedule);
        }
        self.go_on_stopping(pod, now, schedule);
    }

    /// A container is told to end: what runs before the signal first.
    pub(super) fn tell_to_end(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        let container = self.container_mut(pod, own);
        if !container.is_alive() || std::mem::replace(&mut container.is_ending, true) {
            return;
        }
        let process = container.process;
        let hook = self.template_of(pod, own).pre_stop.clone();
        let takes = hook.map(|dist| self.draw(&dist, "pods/hook", pod, (own as u64) << 32 | u64::from(process)));
        match takes.filter(|takes| !takes.is_zero()) {
            Some(takes) => {
                self.container_mut(pod, own).in_hook = true;
                self.set_moment(now + takes, pod, Moment::HookDone(own, process), schedule);
            }
            None => self.signal(pod, own, now, schedule),
        }
    }

    /// What runs before the signal has ended: the process has what is left of the grace period, and two seconds at least.
    pub(super) fn hook_done(&mut self, pod: u32, (own, process): (usize, u32), now: SimTime, schedule: &mut Schedule) {
        let container = self.container_mut(pod, own);
        if container.process == process && std::mem::replace(&mut container.in_hook, false) {
            container.killed_at = container.killed_at.max(now + EXTENSION);
            self.signal(pod, own, now, schedule);
        }
    }

    /// A process gets the signal to end.
    fn signal(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        let workload = self.workload_of(pod);
        let spec = &self.plan.scenario.workloads[workload].containers[own];
        let (process, killed_at) = (self.container(pod, own).process, self.container(pod, own).killed_at);
        if self.tells_of_containers(workload) {
            self.tell_pod(now, "container-signalled", pod, spec.name.clone());
        }
        match spec.sigterm {
            Sigterm::Exit => {
                let takes = self.draw(&spec.stop, "pods/exit", pod, (own as u64) << 32 | u64::from(process));
                if takes.is_zero() {
                    return self.process_ends(pod, own, now, schedule);
                }
                self.set_moment(now + takes, pod, Moment::Ends(own, process), schedule);
            }
            Sigterm::Drain => {
                if self.drain_container(pod, own, now, schedule) {
                    return self.process_ends(pod, own, now, schedule);
                }
            }
            Sigterm::Ignore => {}
        }
        if killed_at < SimTime::MAX {
            self.set_moment(killed_at, pod, Moment::Killed(own, process), schedule);
        }
    }

    /// A container takes no more connections and closes idle ones; whether it has nothing left to do.
    fn drain_container(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) -> bool {
        let station = self.station_in(pod, own);
        if self.container(pod, own).stage != Stage::Listening {
            return true;
        }
        self.container_mut(pod, own).stage = Stage::Draining;
        self.roster.runs[station] = false;
        self.roster.ended_at[station] = now;
        self.stop_listening(as_u32(station)..as_u32(station + 1), now, schedule);
        self.stations[station].in_system() == 0
    }

    /// A container that drains may have nothing left to do.
    pub(crate) fn may_have_drained(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let Some(control) = &self.control else { return };
        let pod = self.roster.pod_of[station];
        let own = station - self.roster.pods[pod as usize].station as usize;
        if control.containers[station].stage == Stage::Draining && self.stations[station].in_system() == 0 {
            let process = control.containers[station].process;
            // As an event of its own: whoever was served last is still being let go.
            self.set_moment(now, pod, Moment::Ends(own, process), schedule);
        }
    }

    /// A process was to end by now, if it is still the same.
    pub(super) fn process_was_to_end(
        &mut self,
        pod: u32,
        (own, process): (usize, u32),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let container = self.container(pod, own);
        if container.process == process && container.is_alive() {
            self.process_ends(pod, own, now, schedule);
        }
    }

    /// The grace period of a pod is over: whoever has had the signal is killed, the others get it and two seconds.
    pub(super) fn grace_over(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        if self.roster.pods[pod as usize].phase != Phase::Stopping {
            return;
        }
        let count = self.plan.scenario.workloads[self.workload_of(pod)].containers.len();
        for own in 0..count {
            let container = self.container_mut(pod, own);
            if !container.is_alive() || container.is_ending && !container.in_hook {
                // Its own time is set.
                continue;
            }
            (container.is_ending, container.in_hook) = (true, false);
            container.killed_at = now + EXTENSION;
            self.signal(pod, own, now, schedule);
        }
    }

    /// The process of a container ends, for whatever reason.
    pub(super) fn process_ends(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        let (workload, process) = (self.workload_of(pod), self.container(pod, own).process);
        self.end_containers(pod, own..own + 1, now, schedule);
        if self.tells_of_containers(workload) || self.roster.pods[pod as usize].phase != Phase::Stopping {
            let name = self.plan.scenario.workloads[workload].containers[own].name.clone();
            self.tell_pod(now, "container-ended", pod, name);
        }
        match self.roster.pods[pod as usize].phase {
            Phase::Stopping => {
                self.container_is_ready(pod, own, false, now, schedule);
                self.go_on_stopping(pod, now, schedule);
            }
            Phase::Starting | Phase::Running => {
                let occurrence = (own as u64) << 32 | u64::from(process);
                let seen = self.draw(&self.plan.scenario.cluster.pods.detect, "pods/detect", pod, occurrence);
                self.set_moment(now + seen, pod, Moment::EndSeen(own, process), schedule);
            }
            _ => {}
        }
    }

    /// When the last of the others has ended, sidecars are told, one after the other, from the last to the first.
    fn go_on_stopping(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        if self.roster.pods[pod as usize].phase != Phase::Stopping {
            return;
        }
        let spec = &self.plan.scenario.workloads[self.workload_of(pod)];
        if spec.main_containers().any(|own| self.container(pod, own).is_alive()) {
            return;
        }
        if let Some(last) = spec.sidecars().rev().find(|own| self.container(pod, *own).is_alive()) {
            return self.tell_to_end(pod, last, now, schedule);
        }
        self.pod_ends(pod, now, schedule);
    }

    /// All processes of a pod have ended, or end now.
    pub(super) fn pod_ends(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let workload = self.workload_of(pod);
        let count = self.plan.scenario.workloads[workload].containers.len();
        self.roster.pods[pod as usize].end(now);
        if (0..count).any(|own| self.container(pod, own).is_alive()) {
            self.end_containers(pod, 0..count, now, schedule);
        }
        self.tell_pod(now, "pod-ended", pod, String::new());
        self.publish(workload, now, schedule);
        let teardown = self.draw(&self.plan.scenario.cluster.pods.teardown, "pods/teardown", pod, 0);
        schedule.at(now + teardown, Rank::Cluster, kind::POD_GONE, pod);
    }

    /// All processes of a pod end by themselves.
    pub(super) fn crash(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let count = self.plan.scenario.workloads[self.workload_of(pod)].containers.len();
        for own in 0..count {
            if self.container(pod, own).is_alive() {
                self.process_ends(pod, own, now, schedule);
            }
        }
    }

    /// Until when connections to a container that has ended are still taken, to be reset then.
    pub(crate) fn taken_until(&self, endpoint: u32) -> Option<SimTime> {
        let dist = &self.plan.scenario.cluster.pods.exit;
        if dist.as_constant().is_some_and(SimDuration::is_zero) {
            return None;
        }
        let station = self.roster.endpoints[endpoint as usize].station as usize;
        let pod = self.roster.pod_of[station];
        let control = self.control.as_ref()?;
        let container = &control.containers[station];
        let own = station as u64 - u64::from(self.roster.pods[pod as usize].station);
        let window = self.draw(dist, "pods/dying", pod, own << 32 | u64::from(container.process));
        let ended = self.roster.ended_at[station];
        (!container.is_alive() && SimTime::ZERO < ended && ended < SimTime::MAX).then(|| ended + window)
    }
}
