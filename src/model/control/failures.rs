//! Nodes that fail: what is gone at once, who notices when, and what the controllers do about it.
//!
//! A machine that is off (*dark*) takes its pods along without a word to anybody: no reset, no news. A kubelet that is
//! away leaves its pods running. Either way the lease of the node is renewed no more, and the node lifecycle controller
//! does what `controllers::node_lifecycle` says.

use super::moments::Moment;
use crate::cause::FailureCause;
use crate::controllers::node_lifecycle::{Action, LEASE, MONITOR, NodeLifecycle, Observed};
use crate::controllers::scheduler::taints::{Effect, Taint, UNREACHABLE, stays, with_defaults};
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::plan::{Plan, as_u32};
use crate::model::slab::Slab;
use crate::model::traffic::attempt::Stage;
use crate::model::{World, kind};
use crate::random::{Keyed, mix, name_hash};
use crate::time::{SimDuration, SimTime};

/// How long a kernel sends data again before it gives a connection up: `tcp_retries2` of 15.
const GIVES_UP: SimDuration = SimDuration::from_millis(924_600);

/// When a kubelet that is away is asked again whether it is back.
const LATER: SimDuration = SimDuration::from_secs(10);

/// What became of the machines, and what is to happen to them.
#[derive(Debug)]
pub(super) struct Failures {
    machines: Vec<Machine>,
    controller: NodeLifecycle,
    /// Whether its next look is set; while all is well it need not look.
    watches: bool,
    steps: Slab<Step>,
}

/// A node's machine.
#[derive(Debug, Clone)]
struct Machine {
    is_dark: bool,
    /// Whether its kubelet ends its pods, and takes no others.
    is_closing: bool,
    /// Since when its kubelet has done nothing.
    away: Option<SimTime>,
    /// A time at which it renewed its lease; the others follow at equal distances.
    renews: SimTime,
    /// How often it has been found ready again: what was to happen to its pods before does not.
    recovered: u32,
}

/// What is to happen.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The controller looks at all nodes.
    Look,
    /// It may give the next node its taint.
    Taint,
    /// A machine goes off.
    Off(usize),
    /// A node is back.
    Back(usize),
    /// A pod does not tolerate the taint of its node any longer, if that has not recovered since.
    Evict { pod: u32, node: usize, recovered: u32 },
    /// A kernel gives up sending a request again and again.
    GivenUp(u32),
}

impl Failures {
    /// All is well; kubelets renew their leases at times of their own.
    pub(super) fn of(plan: &Plan, replication: u32) -> Self {
        let phase = |node: usize| {
            let key = mix(name_hash(plan.scenario.run.seed, replication, "nodes/lease"), node as u64);
            SimTime::from_nanos((Keyed::new(key).unit() * LEASE.as_nanos() as f64) as u64)
        };
        let machine =
            |node| Machine { is_dark: false, is_closing: false, away: None, renews: phase(node), recovered: 0 };
        Self {
            machines: (0..plan.scenario.cluster.nodes.len()).map(machine).collect(),
            controller: NodeLifecycle::new(plan.scenario.cluster.node_grace),
            watches: false,
            steps: Slab::default(),
        }
    }
}

impl Machine {
    /// When it renewed its lease last, as it stood at a time.
    fn renewed(&self, at: SimTime) -> SimTime {
        let until = self.away.map_or(at, |away| away.min(at));
        if until < self.renews {
            return SimTime::ZERO;
        }
        let passed = until.since(self.renews).as_nanos();
        self.renews + SimDuration::from_nanos(passed - passed % LEASE.as_nanos())
    }
}

impl World<'_> {
    fn failures(&self) -> &Failures {
        &self.control().failures
    }

    fn failures_mut(&mut self) -> &mut Failures {
        &mut self.control_mut().failures
    }

    /// Whether a node's machine is off.
    pub(crate) fn is_dark(&self, node: u32) -> bool {
        let machine =
            |control: &super::Control| control.failures.machines.get(node as usize).is_some_and(|own| own.is_dark);
        self.control.as_deref().is_some_and(machine)
    }

    /// Whether the kubelet of a pod's node does nothing, so that nothing happens to the pod but what happens by itself.
    pub(super) fn is_out_of_reach(&self, pod: u32) -> bool {
        let record = &self.roster.pods[pod as usize];
        let machine = self.failures().machines.get(record.node as usize).filter(|_| record.is_on_node());
        machine.is_some_and(|machine| machine.away.is_some())
    }

    /// Whether the scheduler sends nothing to a node, since nothing is heard of it.
    pub(super) fn is_unheard_of(&self, node: usize) -> bool {
        self.failures().controller.is_unknown(node) || self.failures().machines[node].is_closing
    }

    fn set_step(&mut self, at: SimTime, step: Step, schedule: &mut Schedule) {
        let slot = self.failures_mut().steps.insert(step);
        schedule.at(at, Rank::Cluster, kind::NODE_STEP, slot);
    }

    /// Something happens to nodes, or follows from that.
    pub(crate) fn on_node_step(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let step = self.failures().steps[slot];
        self.failures_mut().steps.remove(slot);
        match step {
            Step::Look => self.controller_looks(now, schedule),
            Step::Taint => self.controller_taints(now, schedule),
            Step::Off(node) => self.node_fails(node, (true, None), now, schedule),
            Step::Back(node) => self.node_is_back(node, now, schedule),
            Step::Evict { pod, node, recovered } => self.tolerated_long_enough(pod, (node, recovered), now, schedule),
            Step::GivenUp(attempt) => self.kernel_gives_up(attempt, now, schedule),
        }
    }

    /// A machine goes off, or only its kubelet stops; maybe for a time.
    pub(super) fn node_fails(
        &mut self,
        node: usize,
        (dark, lasts): (bool, Option<SimDuration>),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let what = if dark { "node-crashed" } else { "kubelet-stopped" };
        let machine = &self.failures().machines[node];
        if machine.is_dark || machine.away.is_some() && !dark {
            return self.tell_node(now, what, node, "nothing happens: it is down already".to_owned());
        }
        self.tell_node(now, what, node, lasts.map_or_else(String::new, |lasts| format!("for {lasts}")));
        self.begin_to_watch(now, schedule);
        let machine = &mut self.failures_mut().machines[node];
        machine.away.get_or_insert(now);
        machine.is_dark = dark;
        if dark {
            for pod in self.pods_on(node) {
                self.lose_processes(pod, now, schedule);
            }
            self.node_changes_for_balancers(as_u32(node), now, schedule);
        }
        if let Some(lasts) = lasts {
            self.set_step(now + lasts, Step::Back(node), schedule);
        }
    }

    /// A kubelet ends its pods, since its machine goes off. Nobody is told: endpoints change only when the kubelet sees that
    /// containers have ended.
    pub(super) fn node_shuts_down(&mut self, node: usize, grace: SimDuration, now: SimTime, schedule: &mut Schedule) {
        if self.failures().machines[node].away.is_some() {
            return self.tell_node(now, "node-shutdown", node, "nothing happens: it is down already".to_owned());
        }
        self.tell_node(now, "node-shutdown", node, format!("its pods have {grace}"));
        self.failures_mut().machines[node].is_closing = true;
        self.set_step(now + grace, Step::Off(node), schedule);
        for pod in self.pods_on(node) {
            if !self.roster.pods[pod as usize].is_wanted() {
                // It is on its way out already.
                continue;
            }
            for own in 0..self.plan.scenario.workloads[self.workload_of(pod)].containers.len() {
                self.container_mut(pod, own).killed_at = now + grace;
                self.tell_to_end(pod, own, now, schedule);
            }
        }
    }

    /// Whether the kubelet of a pod's node starts nothing again, since its machine goes off.
    pub(super) fn is_closing(&self, pod: u32) -> bool {
        let node = self.roster.pods[pod as usize].node as usize;
        self.failures().machines.get(node).is_some_and(|machine| machine.is_closing)
    }

    fn pods_on(&self, node: usize) -> Vec<u32> {
        let there = |pod: &u32| {
            let record = &self.roster.pods[*pod as usize];
            record.is_on_node() && record.node as usize == node
        };
        (0..as_u32(self.roster.pods.len())).filter(there).collect()
    }

    /// The processes of a pod are gone without a word: who waits for them waits.
    fn lose_processes(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let count = self.plan.scenario.workloads[self.workload_of(pod)].containers.len();
        let first = self.roster.pods[pod as usize].station as usize;
        for own in 0..count {
            self.container_mut(pod, own).loses_process();
            if std::mem::replace(&mut self.roster.runs[first + own], false) {
                self.roster.ended_at[first + own] = now;
                self.roster.pods[pod as usize].container_ended(now);
            }
        }
        self.drop_questions(first..first + count, now);
        self.lose_containers(as_u32(first)..as_u32(first + count), now, schedule);
    }

    /// Something was to happen to a pod that its kubelet has a part in, and the kubelet is away: whether it does not
    /// happen now.
    pub(super) fn is_put_off(&mut self, pod: u32, moment: Moment, now: SimTime, schedule: &mut Schedule) -> bool {
        if matches!(moment, Moment::Scheduled | Moment::Available(_) | Moment::GateOpens) || !self.is_out_of_reach(pod)
        {
            return false;
        }
        let dark = self.is_dark(self.roster.pods[pod as usize].node);
        match moment {
            Moment::Asked(own, which) if dark => self.container_mut(pod, own).probes[which].is_forgotten(),
            Moment::Asked(..) | Moment::EndSeen(..) | Moment::StartsAgain(..) | Moment::InitDone(_) if !dark => {
                self.set_moment(now + LATER, pod, moment, schedule);
            }
            // What a process does by itself, or the time of which has come before the kubelet went.
            _ => return dark,
        }
        true
    }

    /// A request that went to a dark node, or was there, gets no answer: only the client's own patience ends it, or its
    /// kernel's.
    pub(crate) fn wait_in_vain(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let workload = self.roster.pod_at(self.attempts[attempt].endpoint).workload;
        let place = self.place_of(workload);
        let entry = &mut self.attempts[attempt];
        (entry.place, entry.stage) = (place, Stage::Going);
        self.set_step(now + GIVES_UP, Step::GivenUp(attempt), schedule);
    }

    fn kernel_gives_up(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.attempts[attempt].cancelled {
            return self.drop_at_pod(attempt, now, schedule);
        }
        self.fail_ended(attempt, FailureCause::PodGone, now, schedule);
    }

    /// What the controller sees at a time.
    fn observed_nodes(&self, at: SimTime) -> Vec<Observed> {
        let machines = self.failures().machines.iter().enumerate();
        let zone = |node: usize| self.plan.topology.zone(as_u32(node)) as usize;
        machines.map(|(node, machine)| Observed { node, zone: zone(node), renewed: machine.renewed(at) }).collect()
    }

    /// From now on the controller's looks matter; it has seen the leases of the last seconds.
    fn begin_to_watch(&mut self, now: SimTime, schedule: &mut Schedule) {
        if std::mem::replace(&mut self.failures_mut().watches, true) {
            return;
        }
        let key = name_hash(self.seed, self.replication, "nodes/monitor");
        let phase = (Keyed::new(key).unit() * MONITOR.as_nanos() as f64) as u64;
        let passed = (now.as_nanos() + MONITOR.as_nanos() - phase) % MONITOR.as_nanos();
        for looks in [2, 1, 0] {
            let before = passed + looks * MONITOR.as_nanos();
            if let Some(at) = now.as_nanos().checked_sub(before) {
                let at = SimTime::from_nanos(at);
                let seen = self.observed_nodes(at);
                self.failures_mut().controller.look(&seen, at);
            }
        }
        let next = now + SimDuration::from_nanos(MONITOR.as_nanos() - passed);
        self.set_step(next, Step::Look, schedule);
    }

    /// The node lifecycle controller looks at all nodes.
    fn controller_looks(&mut self, now: SimTime, schedule: &mut Schedule) {
        let seen = self.observed_nodes(now);
        for action in self.failures_mut().controller.look(&seen, now) {
            match action {
                Action::MarkUnknown(node) => self.node_is_unknown(node, now, schedule),
                Action::MarkReady(node) => self.node_is_ready(node, now, schedule),
                Action::Untaint(node) => {
                    self.failures_mut().machines[node].recovered += 1;
                    self.tell_node(now, "node-untainted", node, "no node of any zone is heard of".to_owned());
                }
                Action::Taint(_) => {}
            }
        }
        self.controller_taints(now, schedule);
        let grace = self.plan.scenario.cluster.node_grace;
        let own = self.failures_mut();
        if own.controller.is_quiet() && own.machines.iter().all(|machine| machine.away.is_none()) {
            own.watches = false;
            own.controller = NodeLifecycle::new(grace);
        } else {
            self.set_step(now + MONITOR, Step::Look, schedule);
        }
    }

    /// Nodes whose turn it is get the taint that sends their pods away.
    fn controller_taints(&mut self, now: SimTime, schedule: &mut Schedule) {
        let before = self.failures().controller.next_taint();
        for action in self.failures_mut().controller.taint(now) {
            let Action::Taint(node) = action else { continue };
            self.tell_node(now, "node-tainted", node, format!("{UNREACHABLE}:NoExecute"));
            let recovered = self.failures().machines[node].recovered;
            for pod in self.pods_on(node) {
                if let Some(seconds) = self.tolerates(pod) {
                    self.set_step(now + seconds, Step::Evict { pod, node, recovered }, schedule);
                }
            }
        }
        let next = self.failures().controller.next_taint();
        if let Some(at) = next.filter(|at| *at > now && Some(*at) != before) {
            self.set_step(at, Step::Taint, schedule);
        }
    }

    /// For how long a pod stays on a node that nobody hears of; for ever where nothing is said.
    fn tolerates(&self, pod: u32) -> Option<SimDuration> {
        let record = &self.roster.pods[pod as usize];
        let workload = &self.plan.scenario.workloads[record.workload as usize];
        if !record.is_wanted() || workload.kind == "daemonset" {
            return None;
        }
        let taint = Taint { key: UNREACHABLE.to_owned(), value: String::new(), effect: Effect::NoExecute };
        stays(&[taint], &with_defaults(workload.scheduling.tolerations.clone()))
    }

    /// A pod has tolerated the taint of its node for as long as it says.
    fn tolerated_long_enough(
        &mut self,
        pod: u32,
        (node, recovered): (usize, u32),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let record = &self.roster.pods[pod as usize];
        if self.failures().machines[node].recovered != recovered || !record.is_wanted() {
            return;
        }
        let name = &self.plan.scenario.cluster.nodes[node].name;
        self.tell_pod(now, "pod-evicted", pod, format!("by the taint {UNREACHABLE} of {name}"));
        self.delete_pod(pod, now, schedule);
        self.reconcile(self.roster.pods[pod as usize].workload as usize, now, schedule);
    }

    /// Nothing has been heard of a node for the grace period: its pods are not ready, whatever they are.
    fn node_is_unknown(&mut self, node: usize, now: SimTime, schedule: &mut Schedule) {
        self.tell_node(now, "node-not-ready", node, "Unknown: its lease was not renewed".to_owned());
        for pod in self.pods_on(node) {
            self.roster.pods[pod as usize].is_heard_of = false;
            self.readiness_may_differ(pod, now, schedule);
        }
    }

    /// The controller has heard of a node again.
    fn node_is_ready(&mut self, node: usize, now: SimTime, schedule: &mut Schedule) {
        self.failures_mut().machines[node].recovered += 1;
        self.tell_node(now, "node-ready", node, String::new());
        self.place_pending(now, schedule);
    }

    /// A machine is on again, or only its kubelet is back.
    fn node_is_back(&mut self, node: usize, now: SimTime, schedule: &mut Schedule) {
        let machine = &mut self.failures_mut().machines[node];
        let was_dark = std::mem::replace(&mut machine.is_dark, false);
        (machine.away, machine.renews, machine.is_closing) = (None, now, false);
        self.tell_node(now, "node-back", node, String::new());
        for pod in self.pods_on(node) {
            self.kubelet_takes_up(pod, was_dark, now, schedule);
        }
        if was_dark {
            self.node_changes_for_balancers(as_u32(node), now, schedule);
        }
    }

    /// A kubelet that is back looks after a pod again: what was deleted meanwhile ends, what had lost its processes starts
    /// anew, what ran on is ready again.
    fn kubelet_takes_up(&mut self, pod: u32, was_dark: bool, now: SimTime, schedule: &mut Schedule) {
        self.roster.pods[pod as usize].is_heard_of = true;
        match self.roster.pods[pod as usize].phase {
            Phase::Ended => self.on_pod_gone(pod, now, schedule),
            Phase::Stopping if was_dark => {
                self.roster.pods[pod as usize].end(now);
                self.publish(self.workload_of(pod), now, schedule);
                self.on_pod_gone(pod, now, schedule);
            }
            Phase::Stopping => schedule.at(now, Rank::Cluster, kind::POD_STOPS, pod),
            Phase::Starting | Phase::Running if was_dark => {
                let count = self.plan.scenario.workloads[self.workload_of(pod)].containers.len();
                for own in 0..count {
                    self.container_is_ready(pod, own, false, now, schedule);
                }
                self.readiness_may_differ(pod, now, schedule);
                let record = &mut self.roster.pods[pod as usize];
                (record.phase, record.next_init) = (Phase::Starting, 0);
                self.publish(self.workload_of(pod), now, schedule);
                self.starts_from_now(pod, now, schedule);
            }
            Phase::Starting if self.has_no_process(pod) => self.starts_from_now(pod, now, schedule),
            Phase::Starting | Phase::Running => {
                self.readiness_may_differ(pod, now, schedule);
            }
            Phase::Pending | Phase::Bound | Phase::Gone => {}
        }
    }

    fn has_no_process(&self, pod: u32) -> bool {
        let count = self.plan.scenario.workloads[self.workload_of(pod)].containers.len();
        (0..count).all(|own| !self.container(pod, own).is_alive()) && self.roster.pods[pod as usize].next_init == 0
    }

    fn starts_from_now(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let begin = now + self.draw(&self.plan.scenario.cluster.pods.start, "pods/start", pod, now.as_nanos());
        schedule.at(begin, Rank::Cluster, kind::POD_STARTED, pod);
    }
}
