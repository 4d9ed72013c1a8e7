//! A pod: where it stands and in which part of its life.

use crate::observe::time_average::Area;
use crate::time::SimTime;

/// The parts of a pod's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No node takes it.
    Pending,
    /// It has a node, which has no free address for it.
    Bound,
    /// It has a node and an address; its containers do not all run yet.
    Starting,
    /// All its containers run, or are started again when they end.
    Running,
    /// It was deleted, and its processes have not all ended.
    Stopping,
    /// Its processes have ended: connections are refused.
    Ended,
    /// Its network is gone too: nothing answers at its address.
    Gone,
}

/// A pod that exists or existed.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    /// Index of its workload.
    pub(crate) workload: u32,
    /// Its number among all pods that the workload ever had.
    pub(crate) number: u32,
    /// Index of its node; that of a pending pod means nothing.
    pub(crate) node: u32,
    /// IPv4 address; with the network of its node the node's.
    pub(crate) ip: u32,
    /// First of its stations.
    pub(crate) station: u32,
    /// What part of its life it is in.
    pub(crate) phase: Phase,
    /// Which template of its workload it was made from.
    pub(crate) template: u32,
    /// Whether the timeline lets its readiness probe succeed.
    pub(crate) probed_ready: bool,
    /// Whether its node's kubelet is heard of; otherwise it counts as not ready.
    pub(crate) is_heard_of: bool,
    /// Which of its init containers has its turn.
    pub(crate) next_init: u32,
    /// How many of its readiness gates are not open.
    pub(crate) closed_gates: u32,
    /// Whether it counts as available for its Deployment.
    pub(crate) is_available: bool,
    /// When its containers were made.
    pub(crate) made_at: SimTime,
    /// When it became ready last.
    pub(crate) ready_at: SimTime,
    /// How many containers it has.
    containers: u32,
    /// How many of them have a process that listens, or has.
    running: u32,
    /// How many of them are ready.
    ready_containers: u32,
    /// The area under "some of its containers run".
    alive: Area,
    /// The area under "it is ready".
    ready: Area,
    is_ready: bool,
}

impl Pod {
    /// A pod that serves from the start of the run.
    pub(crate) fn at_start(
        (workload, number): (u32, u32),
        (node, ip): (u32, u32),
        (station, containers): (u32, u32),
    ) -> Self {
        let mut pod = Self::new(workload, number, (station, containers));
        (pod.node, pod.ip) = (node, ip);
        (0..containers).for_each(|_| pod.container_started(SimTime::ZERO));
        (pod.ready_containers, pod.is_available) = (containers, true);
        pod.run(SimTime::ZERO);
        pod
    }

    /// A pod that has no node yet.
    pub(crate) fn new(workload: u32, number: u32, (station, containers): (u32, u32)) -> Self {
        Self {
            workload,
            number,
            node: 0,
            ip: 0,
            station,
            phase: Phase::Pending,
            template: 0,
            probed_ready: true,
            is_heard_of: true,
            next_init: 0,
            closed_gates: 0,
            is_available: false,
            made_at: SimTime::ZERO,
            ready_at: SimTime::ZERO,
            containers,
            running: 0,
            ready_containers: 0,
            alive: Area::default(),
            ready: Area::default(),
            is_ready: false,
        }
    }

    /// Whether some of its containers run.
    pub(crate) const fn is_alive(&self) -> bool {
        self.running > 0
    }

    /// Whether it is what Kubernetes calls ready, on its way out, too.
    pub(crate) const fn serves(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopping)
            && self.ready_containers == self.containers
            && self.closed_gates == 0
            && self.is_heard_of
            && self.probed_ready
    }

    /// Whether all its containers are ready, whoever else has a say.
    pub(crate) const fn containers_are_ready(&self) -> bool {
        self.ready_containers == self.containers
    }

    /// One of its containers is ready, or no longer.
    pub(crate) const fn container_ready(&mut self, ready: bool) {
        self.ready_containers = if ready { self.ready_containers + 1 } else { self.ready_containers - 1 };
    }

    /// One of its containers runs from now on.
    pub(crate) fn container_started(&mut self, now: SimTime) {
        self.running += 1;
        if self.running == 1 {
            self.alive.up(now);
        }
    }

    /// One of its containers has ended.
    pub(crate) fn container_ended(&mut self, now: SimTime) {
        self.running -= 1;
        if self.running == 0 {
            self.alive.down(now);
        }
    }

    /// Whether it counts for its controller.
    pub(crate) const fn is_wanted(&self) -> bool {
        matches!(self.phase, Phase::Pending | Phase::Bound | Phase::Starting | Phase::Running)
    }

    /// Whether it takes a place on its node.
    pub(crate) const fn is_on_node(&self) -> bool {
        !matches!(self.phase, Phase::Pending | Phase::Gone)
    }

    /// Whether it is ready and was not deleted.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Running) && self.serves()
    }

    /// All its containers have begun to run.
    pub(crate) fn run(&mut self, now: SimTime) {
        self.phase = Phase::Running;
        self.note_ready(now);
    }

    /// Its containers end.
    pub(crate) fn end(&mut self, now: SimTime) {
        self.phase = Phase::Ended;
        self.note_ready(now);
    }

    /// Enters a change of readiness, if there is one, and says by how much the number of ready pods changes.
    pub(crate) fn note_ready(&mut self, now: SimTime) -> i64 {
        match (self.is_ready, self.is_ready()) {
            (false, true) => {
                self.ready_at = now;
                self.ready.up(now);
                self.is_ready = true;
                1
            }
            (true, false) => {
                self.ready.down(now);
                self.is_ready = false;
                -1
            }
            _ => 0,
        }
    }

    /// Nanoseconds up to `now` in which its processes ran, and in which it was ready.
    pub(crate) fn lived(&self, now: SimTime) -> (u128, u128) {
        (self.alive.until(now, u64::from(self.is_alive())), self.ready.until(now, u64::from(self.is_ready)))
    }
}
