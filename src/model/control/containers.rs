//! The processes in the containers of pods: started one after the other, ready, ended, started again.
//!
//! Whatever makes a container start or end comes here: it listens from then on, or what it was doing is lost. How pods end
//! stands in `ending.rs`, what kubelets ask containers in `probes.rs`.

use super::moments::Moment;
use super::probes::Probe;
use crate::controllers::probe::Worker;
use crate::controllers::restart::Backoff;
use crate::engine::Schedule;
use crate::model::World;
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::scenario::pod_life::ContainerTemplate;
use crate::time::{SimDuration, SimTime};

/// The parts of the life of a container's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is none.
    None,
    /// It does not listen yet.
    Starting,
    /// It listens.
    Listening,
    /// It takes no more connections, and ends what it is doing.
    Draining,
}

/// A container, as its node's kubelet has it.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) stage: Stage,
    /// How many processes it has had: what was to happen to an earlier one does not.
    pub(super) process: u32,
    /// When the last one began.
    pub(super) began: SimTime,
    /// Whether it counts as started.
    pub(super) is_started: bool,
    /// Whether it is ready.
    pub(super) is_ready: bool,
    /// Whether it has been told to end, or is about to be.
    pub(super) is_ending: bool,
    /// Whether what runs before its signal still runs.
    pub(super) in_hook: bool,
    /// When it is killed, once it has been told to end.
    pub(super) killed_at: SimTime,
    /// What kubelets ask of it: startup, readiness, liveness.
    pub(super) probes: [Probe; 3],
    backoff: Backoff,
}

impl Container {
    /// One that has had no process.
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::None,
            process: 0,
            began: SimTime::ZERO,
            is_started: false,
            is_ready: false,
            is_ending: false,
            in_hook: false,
            killed_at: SimTime::MAX,
            probes: Default::default(),
            backoff: Backoff::default(),
        }
    }

    /// One that has served for long.
    pub(super) fn at_start() -> Self {
        Self { stage: Stage::Listening, is_started: true, is_ready: true, ..Self::new() }
    }

    /// Its process is gone, and nobody has noticed.
    pub(super) fn loses_process(&mut self) {
        (self.stage, self.is_ending, self.in_hook, self.is_started) = (Stage::None, false, false, false);
        self.probes.iter_mut().for_each(Probe::has_no_answer);
    }

    /// Whether it has a process.
    pub(super) fn is_alive(&self) -> bool {
        self.stage != Stage::None
    }
}

impl World<'_> {
    pub(super) fn workload_of(&self, pod: u32) -> usize {
        self.roster.pods[pod as usize].workload as usize
    }

    pub(super) fn station_in(&self, pod: u32, container: usize) -> usize {
        self.roster.pods[pod as usize].station as usize + container
    }

    pub(super) fn container(&self, pod: u32, container: usize) -> &Container {
        &self.control().containers[self.station_in(pod, container)]
    }

    pub(super) fn container_mut(&mut self, pod: u32, container: usize) -> &mut Container {
        let station = self.station_in(pod, container);
        &mut self.control_mut().containers[station]
    }

    /// What its template says of a container.
    pub(super) fn template_of(&self, pod: u32, container: usize) -> &ContainerTemplate {
        let record = &self.roster.pods[pod as usize];
        &self.control().templates[record.workload as usize][record.template as usize].containers[container]
    }

    /// The sandbox of a pod is there: its first process starts.
    pub(crate) fn on_pod_started(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        if self.roster.pods[pod as usize].phase == Phase::Starting
            && !self.is_out_of_reach(pod)
            && !self.is_closing(pod)
        {
            self.go_on_starting(pod, now, schedule);
        }
    }

    /// Init containers have their turn one after the other; then all others start.
    pub(super) fn go_on_starting(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let workload = self.workload_of(pod);
        let plan = self.plan;
        let spec = &plan.scenario.workloads[workload];
        while let Some(init) = spec.init.get(self.roster.pods[pod as usize].next_init as usize) {
            let turn = self.roster.pods[pod as usize].next_init as usize;
            match init.sidecar {
                None => {
                    let takes = self.draw(&init.takes, "pods/init", pod, turn as u64);
                    if !takes.is_zero() {
                        return self.set_moment(now + takes, pod, Moment::InitDone(turn), schedule);
                    }
                }
                Some(own) => {
                    if !self.container(pod, own).is_alive() {
                        self.begin_process(pod, own, now, schedule);
                    }
                    if !self.container(pod, own).is_started {
                        return;
                    }
                }
            }
            self.roster.pods[pod as usize].next_init += 1;
        }
        if self.roster.pods[pod as usize].phase != Phase::Starting {
            return;
        }
        self.roster.pods[pod as usize].run(now);
        for own in spec.main_containers() {
            self.begin_process(pod, own, now, schedule);
        }
        self.readiness_may_differ(pod, now, schedule);
    }

    /// An init container has ended.
    pub(super) fn init_done(&mut self, pod: u32, init: usize, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        if record.phase == Phase::Starting {
            record.next_init += 1;
            let name = self.plan.scenario.workloads[self.workload_of(pod)].init[init].name.clone();
            self.tell_pod(now, "container-ended", pod, name);
            self.go_on_starting(pod, now, schedule);
        }
    }

    /// The process of a container begins.
    pub(super) fn begin_process(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        let container = self.container_mut(pod, own);
        container.stage = Stage::Starting;
        container.process += 1;
        container.began = now;
        (container.is_ending, container.in_hook, container.is_started) = (false, false, false);
        container.probes.iter_mut().for_each(|probe| probe.worker = Worker::default());
        let process = container.process;
        let spec = &self.plan.scenario.workloads[self.workload_of(pod)];
        let takes = self.draw(&spec.containers[own].start, "pods/listen", pod, (own as u64) << 32 | u64::from(process));
        if takes.is_zero() {
            self.listens(pod, own, now, schedule);
        } else {
            self.set_moment(now + takes, pod, Moment::Listens(own, process), schedule);
        }
        if self.template_of(pod, own).startup.is_none() {
            self.has_started(pod, own, now, schedule);
        } else {
            self.ask_from_now_on(pod, own, now, schedule);
        }
    }

    /// A container listens from now on.
    pub(super) fn listens(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        let (workload, node) = (record.workload as usize, record.node as usize);
        let station = record.station as usize + own;
        self.container_mut(pod, own).stage = Stage::Listening;
        if std::mem::replace(&mut self.roster.runs[station], true) {
            return;
        }
        self.roster.pods[pod as usize].container_started(now);
        let speed = self.plan.scenario.cluster.nodes[node].speed.to_bits();
        let known = self.plan.speeds[workload].iter().find(|(bits, _)| *bits == speed);
        let (_, first) = known.expect("the plan has the speeds of all nodes");
        self.stations[station].server = first + as_u32(own);
        self.know_pace(station, now, schedule);
        if self.tells_of_containers(workload) {
            let name = self.plan.scenario.workloads[workload].containers[own].name.clone();
            self.tell_pod(now, "container-started", pod, name);
        }
        if self.plan.scenario.workloads[workload].life.ready_when_listening && self.container(pod, own).is_started {
            self.container_is_ready(pod, own, true, now, schedule);
        }
    }

    /// A process was to listen by now, if it is still the same.
    pub(super) fn on_listens(&mut self, pod: u32, (own, process): (usize, u32), now: SimTime, schedule: &mut Schedule) {
        let container = self.container(pod, own);
        if container.process == process && container.stage == Stage::Starting && !container.is_ending {
            self.listens(pod, own, now, schedule);
        }
    }

    /// A container counts as started: its startup probe has succeeded, or it has none.
    pub(super) fn has_started(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        self.container_mut(pod, own).is_started = true;
        let judged = self.template_of(pod, own).readiness.is_some();
        let ideal = self.plan.scenario.workloads[self.workload_of(pod)].life.ready_when_listening;
        if !judged && (!ideal || self.container(pod, own).stage == Stage::Listening) {
            self.container_is_ready(pod, own, true, now, schedule);
        }
        self.ask_from_now_on(pod, own, now, schedule);
        if self.roster.pods[pod as usize].phase == Phase::Starting {
            self.go_on_starting(pod, now, schedule);
        }
    }

    /// A container is ready from now on, or no longer.
    pub(super) fn container_is_ready(
        &mut self,
        pod: u32,
        own: usize,
        ready: bool,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        if std::mem::replace(&mut self.container_mut(pod, own).is_ready, ready) == ready {
            return;
        }
        self.roster.pods[pod as usize].container_ready(ready);
        let (all, phase) = {
            let record = &self.roster.pods[pod as usize];
            (record.containers_are_ready(), record.phase)
        };
        if all && ready {
            self.open_gates(pod, now, schedule);
        }
        if phase != Phase::Starting {
            self.readiness_may_differ(pod, now, schedule);
        }
    }

    /// Who watches a pod's containers opens its readiness gates some time after they are ready, once.
    fn open_gates(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let record = &self.roster.pods[pod as usize];
        if record.closed_gates == 0 {
            return;
        }
        let template = &self.control().templates[record.workload as usize][record.template as usize];
        let takes: Vec<SimDuration> =
            (template.gates.iter().zip(0..)).map(|(dist, gate)| self.draw(dist, "pods/gate", pod, gate)).collect();
        for wait in takes {
            self.set_moment(now + wait, pod, Moment::GateOpens, schedule);
        }
    }

    /// A readiness gate is open.
    pub(super) fn gate_opens(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        record.closed_gates = record.closed_gates.saturating_sub(1);
        self.readiness_may_differ(pod, now, schedule);
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
            let container = &mut self.control_mut().containers[station];
            let drained = container.stage == Stage::Draining;
            (container.stage, container.is_ending, container.in_hook) = (Stage::None, false, false);
            if std::mem::replace(&mut self.roster.runs[station], false) || drained {
                self.roster.ended_at[station] = now;
                self.roster.pods[pod as usize].container_ended(now);
            }
        }
        self.drop_questions(first + which.start..first + which.end, now);
        self.break_containers(as_u32(first + which.start)..as_u32(first + which.end), now, schedule);
    }

    /// The kubelet has seen that a container has ended, and starts it again after a back-off.
    pub(super) fn container_end_seen(
        &mut self,
        pod: u32,
        (own, process): (usize, u32),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let phase = self.roster.pods[pod as usize].phase;
        if self.container(pod, own).process != process || !matches!(phase, Phase::Starting | Phase::Running) {
            return;
        }
        self.container_is_ready(pod, own, false, now, schedule);
        if self.is_closing(pod) {
            return;
        }
        let station = self.station_in(pod, own);
        let ended = self.roster.ended_at[station];
        let container = self.container_mut(pod, own);
        let wait =
            container.backoff.after(if ended > container.began { ended - container.began } else { SimDuration::ZERO });
        let at = (ended + wait).max(now);
        if at > now {
            let name = self.plan.scenario.workloads[self.workload_of(pod)].containers[own].name.clone();
            self.tell_pod(now, "container-waits", pod, format!("{name}: CrashLoopBackOff of {wait}"));
        }
        self.set_moment(at, pod, Moment::StartsAgain(own, process), schedule);
    }

    /// A container that ended is started again.
    pub(super) fn starts_again(
        &mut self,
        pod: u32,
        (own, process): (usize, u32),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let phase = self.roster.pods[pod as usize].phase;
        let container = self.container(pod, own);
        if container.process == process && !container.is_alive() && matches!(phase, Phase::Starting | Phase::Running) {
            let name = self.plan.scenario.workloads[self.workload_of(pod)].containers[own].name.clone();
            self.tell_pod(now, "container-restarted", pod, name);
            self.begin_process(pod, own, now, schedule);
        }
    }

    /// Whether single containers of a workload are told of: where something of theirs takes time.
    pub(super) fn tells_of_containers(&self, workload: usize) -> bool {
        self.control().talks[workload]
    }
}
