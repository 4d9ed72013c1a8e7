//! How pods come and go: made, placed, ready, gone. What happens in their containers stands in `containers.rs`, how they
//! end in `ending.rs`.

use super::containers::Container;
use super::moments::Moment;
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::{Phase, Pod};
use crate::model::cluster::station::Station;
use crate::model::plan::as_u32;
use crate::model::{EndpointCounters, World, kind};
use crate::observe::outcome::ClusterEvent;
use crate::time::SimTime;

impl World<'_> {
    /// Writes a row of `events.csv`.
    pub(crate) fn enter_event(&mut self, at: SimTime, kind: &'static str, object: String, detail: String) {
        if let Some(control) = &mut self.control {
            control.events.push(ClusterEvent { at, kind, object, detail });
        }
    }

    pub(super) fn tell_pod(&mut self, at: SimTime, kind: &'static str, pod: u32, detail: String) {
        let name = self.roster.name(self.plan, &self.roster.pods[pod as usize]);
        self.enter_event(at, kind, format!("pod/{name}"), detail);
    }

    /// A pod is made from a template; the scheduler finds it a node.
    pub(super) fn make_pod(&mut self, workload: usize, template: u32, now: SimTime, schedule: &mut Schedule) -> u32 {
        let control = self.control_mut();
        let number = control.made[workload];
        control.made[workload] += 1;
        let pod = as_u32(self.roster.pods.len());
        let station = as_u32(self.stations.len());
        let containers = as_u32(self.plan.scenario.workloads[workload].containers.len());
        let gates = self.control().templates[workload][template as usize].gates.len();
        let mut record = Pod::new(as_u32(workload), number, (station, containers));
        (record.template, record.closed_gates) = (template, as_u32(gates));
        self.roster.pods.push(record);
        for container in 0..as_u32(self.plan.scenario.workloads[workload].containers.len()) {
            self.stations.push(Station::new(self.plan.ended_server));
            self.control_mut().containers.push(Container::new());
            self.roster.add_station(pod);
            let server = self.plan.speeds[workload][0].1 + container;
            if let Some(work) = &mut self.work {
                work.add_station(self.plan.servers[server as usize].slots);
            }
            if !self.sharing.is_empty() {
                self.sharing.push(Self::sharing_of_server(self.plan, server, schedule));
            }
        }
        self.probes.add_pod(self.plan.scenario.workloads[workload].containers.len());
        self.tell_pod(now, "pod-created", pod, String::new());
        let takes = self.draw(&self.plan.scenario.cluster.pods.schedule, "pods/schedule", pod, 0);
        if takes.is_zero() {
            self.place_pod(pod, true, now, schedule);
        } else {
            self.set_moment(now + takes, pod, Moment::Scheduled, schedule);
        }
        pod
    }

    /// The scheduler has its turn with a new pod, if it is still wanted.
    pub(super) fn place_new_pod(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        if self.roster.pods[pod as usize].phase == Phase::Pending {
            self.place_pod(pod, true, now, schedule);
        }
    }

    /// Gives a pod a node and an address, or lets it wait for them, which is told the first time.
    fn place_pod(&mut self, pod: u32, first_time: bool, now: SimTime, schedule: &mut Schedule) {
        let record = &self.roster.pods[pod as usize];
        let (workload, bound) = (record.workload as usize, (record.phase == Phase::Bound).then_some(record.node));
        let node = match bound.map_or_else(|| self.choose_node(pod), Ok) {
            Ok(node) => node,
            Err(why) => {
                self.control_mut().pending.push(pod);
                if first_time {
                    self.tell_pod(now, "pod-pending", pod, why);
                }
                return;
            }
        };
        let host = &self.plan.scenario.cluster.nodes[node as usize];
        let on_host = self.plan.scenario.workloads[workload].host.network;
        let address = if on_host { Some(host.address) } else { self.control_mut().addresses.give(node) };
        let record = &mut self.roster.pods[pod as usize];
        record.node = node;
        let Some(ip) = address else {
            // The scheduler knows nothing of addresses: the pod is this node's now, and waits there.
            record.phase = Phase::Bound;
            self.control_mut().pending.push(pod);
            if bound.is_none() {
                self.tell_pod(now, "pod-pending", pod, format!("on {}, which has no free address", host.name));
            }
            return;
        };
        (record.ip, record.phase, record.made_at) = (ip, Phase::Starting, now);
        let first = as_u32(self.roster.endpoints.len());
        self.roster.add_endpoints(self.plan, pod);
        self.add_reporters(first..as_u32(self.roster.endpoints.len()));
        self.endpoints.resize(self.roster.endpoints.len(), EndpointCounters::default());
        self.endpoint_latency.grow(self.roster.endpoints.len());
        self.probes.add_endpoints(self.plan, &self.roster);
        let detail = format!("on {} as {}", self.plan.scenario.cluster.nodes[node as usize].name, address_text(ip));
        self.tell_pod(now, "pod-placed", pod, detail);
        self.publish(self.roster.pods[pod as usize].workload as usize, now, schedule);
        let begin = now + self.draw(&self.plan.scenario.cluster.pods.start, "pods/start", pod, 0);
        let begin = self.pulled_by(pod, begin);
        schedule.at(begin, Rank::Cluster, kind::POD_STARTED, pod);
    }

    /// The timeline decides about the readiness of a pod.
    pub(super) fn probe_pod(&mut self, pod: u32, ready: bool, now: SimTime, schedule: &mut Schedule) {
        self.roster.pods[pod as usize].probed_ready = ready;
        if !self.readiness_may_differ(pod, now, schedule) {
            self.tell_pod(now, if ready { "pod-ready" } else { "pod-not-ready" }, pod, String::new());
        }
    }

    /// Something that the readiness of a pod depends on has changed; whether it is ready now and was not, or the other
    /// way round.
    pub(super) fn readiness_may_differ(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) -> bool {
        let record = &mut self.roster.pods[pod as usize];
        let (workload, stopping) = (record.workload as usize, record.phase == Phase::Stopping);
        let change = record.note_ready(now);
        self.ready_pods = self.ready_pods.saturating_add_signed(change);
        match change {
            1 => self.tell_pod(now, "pod-ready", pod, String::new()),
            -1 => self.tell_pod(now, "pod-not-ready", pod, String::new()),
            // On its way out it may stop serving.
            _ if !stopping => return false,
            _ => {}
        }
        self.publish(workload, now, schedule);
        self.availability_may_differ(pod, change, now, schedule);
        change != 0
    }

    /// The network of a pod is gone; its address is free.
    pub(crate) fn on_pod_gone(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        if self.is_out_of_reach(pod) {
            return;
        }
        let record = &mut self.roster.pods[pod as usize];
        record.phase = Phase::Gone;
        let (node, ip) = (record.node, record.ip);
        let told = if self.plan.scenario.workloads[record.workload as usize].host.network {
            String::new()
        } else {
            self.control_mut().addresses.free(node, ip);
            format!("{} is free", address_text(ip))
        };
        self.tell_pod(now, "pod-gone", pod, told);
        self.is_gone_from_its_set(pod, now, schedule);
        self.end_drains(now);
        self.place_pending(now, schedule);
    }

    /// A place or an address is free: those who wait try again, the longest waiting first.
    pub(super) fn place_pending(&mut self, now: SimTime, schedule: &mut Schedule) {
        for waiting in std::mem::take(&mut self.control_mut().pending) {
            self.place_pod(waiting, false, now, schedule);
        }
    }

    /// The state of a cluster that changes.
    pub(super) fn control(&self) -> &super::Control {
        self.control.as_ref().expect("only what a timeline began comes here")
    }

    /// The same, to be changed.
    pub(crate) fn control_mut(&mut self) -> &mut super::Control {
        self.control.as_mut().expect("only what a timeline began comes here")
    }
}

pub(super) fn address_text(ip: u32) -> String {
    std::net::Ipv4Addr::from(ip).to_string()
}
