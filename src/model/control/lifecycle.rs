//! How pods come and go: made, placed, started, deleted, ended, gone.

use std::collections::BTreeMap;

use crate::controllers::replica_set::{Candidate, victims};
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::{Phase, Pod};
use crate::model::cluster::station::Station;
use crate::model::plan::as_u32;
use crate::model::{EndpointCounters, World, kind};
use crate::observe::outcome::ClusterEvent;
use crate::scenario::placement::Taken;
use crate::time::{SimDuration, SimTime};

/// From the end of a pod's processes until its network is gone: until then connections are refused, afterwards nothing
/// answers. The order of a kubelet's and a network plug-in's work.
const TEARDOWN: SimDuration = SimDuration::from_secs(1);

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

    /// A workload is to have so many pods.
    pub(super) fn want(&mut self, workload: usize, replicas: u32, now: SimTime, schedule: &mut Schedule) {
        self.control_mut().wanted[workload] = replicas;
        self.reconcile(workload, now, schedule);
    }

    /// The controller of a workload makes or deletes pods until there are as many as wanted.
    pub(super) fn reconcile(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        if self.plan.scenario.workloads[workload].kind == "pod" {
            return;
        }
        let wanted = self.control_mut().wanted[workload] as usize;
        let mine = |pod: &&Pod| pod.workload as usize == workload && pod.is_wanted();
        let there = self.roster.pods.iter().filter(mine).count();
        for _ in there..wanted {
            self.make_pod(workload, now, schedule);
        }
        if there > wanted {
            for pod in victims(self.candidates(workload, now), there - wanted) {
                self.delete_pod(pod, now, schedule);
            }
        }
    }

    fn candidates(&self, workload: usize, now: SimTime) -> Vec<Candidate> {
        let pods = self.roster.pods.iter().enumerate();
        let mine: Vec<(usize, &Pod)> =
            pods.filter(|(_, pod)| pod.workload as usize == workload && pod.is_wanted()).collect();
        let mut on_node: BTreeMap<u32, u32> = BTreeMap::new();
        mine.iter().filter(|(_, pod)| pod.is_on_node()).for_each(|(_, pod)| *on_node.entry(pod.node).or_default() += 1);
        mine.iter()
            .map(|(index, pod)| Candidate {
                pod: as_u32(*index),
                is_placed: pod.is_on_node(),
                runs: pod.phase == Phase::Running,
                is_ready: pod.is_ready(),
                on_node: on_node.get(&pod.node).copied().unwrap_or(0),
                ready_for: if pod.is_ready() { (now - pod.ready_at).as_secs_f64() } else { 0.0 },
                number: pod.number,
            })
            .collect()
    }

    fn make_pod(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let control = self.control_mut();
        let number = control.made[workload];
        control.made[workload] += 1;
        let pod = as_u32(self.roster.pods.len());
        let station = as_u32(self.stations.len());
        let containers = as_u32(self.plan.scenario.workloads[workload].containers.len());
        self.roster.pods.push(Pod::new(as_u32(workload), number, (station, containers)));
        for container in 0..as_u32(self.plan.scenario.workloads[workload].containers.len()) {
            self.stations.push(Station::new(self.plan.ended_server));
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
        self.place_pod(pod, true, now, schedule);
    }

    /// Gives a pod a node and an address, or lets it wait for them, which is told the first time.
    fn place_pod(&mut self, pod: u32, first_time: bool, now: SimTime, schedule: &mut Schedule) {
        let record = &self.roster.pods[pod as usize];
        let (workload, bound) = (record.workload as usize, (record.phase == Phase::Bound).then_some(record.node));
        let node = match bound.map_or_else(|| self.choose_node(workload), Ok) {
            Ok(node) => node,
            Err(why) => {
                self.control_mut().pending.push(pod);
                if first_time {
                    self.tell_pod(now, "pod-pending", pod, why.to_owned());
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
        self.schedule_starts(pod, now + self.plan.scenario.cluster.lifecycle.start, schedule);
    }

    /// The same rule as at the start: the zone with the fewest pods of the workload, then the node. Else why there is none.
    fn choose_node(&self, workload: usize) -> Result<u32, &'static str> {
        let nodes = &self.plan.scenario.cluster.nodes;
        let spec = &self.plan.scenario.workloads[workload];
        let (mut all, mut mine) = (vec![Taken::default(); nodes.len()], vec![0_u32; nodes.len()]);
        for pod in self.roster.pods.iter().filter(|pod| pod.is_on_node() && (pod.node as usize) < nodes.len()) {
            all[pod.node as usize].add(&self.plan.scenario.workloads[pod.workload as usize].host);
            mine[pod.node as usize] += u32::from(pod.workload as usize == workload && pod.is_wanted());
        }
        let in_zone = |node: usize| -> u32 {
            let same = |other: &usize| nodes[*other].zone == nodes[node].zone;
            (0..nodes.len()).filter(same).map(|other| mine[other]).sum()
        };
        let candidates = spec.node_name.as_ref().map_or(spec.allowed_nodes.as_slice(), std::slice::from_ref);
        let open = candidates.iter().copied().filter(|node| all[*node].takes(&nodes[*node], &spec.host));
        let best = open.min_by_key(|node| (in_zone(*node), mine[*node], all[*node].pods, *node));
        best.map(as_u32).ok_or_else(|| {
            let has_room = candidates.iter().any(|node| all[*node].pods < nodes[*node].max_pods);
            if has_room { "no node has its ports free" } else { "no node has room for it" }
        })
    }

    /// The containers of a pod have started.
    pub(crate) fn on_pod_started(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        if record.phase != Phase::Starting {
            return;
        }
        record.run(now);
        let workload = record.workload as usize;
        for container in 0..self.plan.scenario.workloads[workload].containers.len() {
            self.start_container(pod, container, now);
        }
        self.ready_pods += u64::from(self.roster.pods[pod as usize].is_ready());
        self.tell_pod(now, "pod-ready", pod, String::new());
        self.publish(workload, now, schedule);
    }

    /// The readiness probe of a pod changes its mind.
    pub(super) fn probe_pod(&mut self, pod: u32, ready: bool, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        record.probed_ready = ready;
        let workload = record.workload as usize;
        let change = record.note_ready(now);
        self.ready_pods = self.ready_pods.saturating_add_signed(change);
        self.tell_pod(now, if ready { "pod-ready" } else { "pod-not-ready" }, pod, String::new());
        self.publish(workload, now, schedule);
    }

    /// Deletes a pod: it leaves the endpoints at once, and its processes are told to stop.
    pub(super) fn delete_pod(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        self.tell_pod(now, "pod-deleted", pod, String::new());
        let record = &mut self.roster.pods[pod as usize];
        let workload = record.workload as usize;
        match record.phase {
            Phase::Running => {
                record.phase = Phase::Stopping;
                let change = record.note_ready(now);
                self.ready_pods = self.ready_pods.saturating_add_signed(change);
                self.publish(workload, now, schedule);
                self.schedule_stops(pod, now + self.plan.scenario.cluster.lifecycle.stop, schedule);
            }
            Phase::Pending | Phase::Bound => {
                let had_place = record.phase == Phase::Bound;
                record.phase = Phase::Gone;
                self.control_mut().pending.retain(|waiting| *waiting != pod);
                if had_place {
                    self.place_pending(now, schedule);
                }
            }
            _ => {
                record.end(now);
                self.end_all_containers(pod, now, schedule);
                self.on_pod_gone(pod, now, schedule);
            }
        }
    }

    /// The processes of a pod end: what it was doing is lost.
    pub(crate) fn on_pod_stops(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        self.roster.pods[pod as usize].end(now);
        self.end_all_containers(pod, now, schedule);
        self.tell_pod(now, "pod-ended", pod, String::new());
        self.publish(self.roster.pods[pod as usize].workload as usize, now, schedule);
        schedule.at(now + TEARDOWN, Rank::Cluster, kind::POD_GONE, pod);
    }

    fn end_all_containers(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let workload = self.roster.pods[pod as usize].workload as usize;
        let all = 0..self.plan.scenario.workloads[workload].containers.len();
        self.end_containers(pod, all, now, schedule);
    }

    /// The network of a pod is gone; its address is free.
    pub(crate) fn on_pod_gone(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
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
        self.place_pending(now, schedule);
    }

    /// A place or an address is free: those who wait try again, the longest waiting first.
    fn place_pending(&mut self, now: SimTime, schedule: &mut Schedule) {
        for waiting in std::mem::take(&mut self.control_mut().pending) {
            self.place_pod(waiting, false, now, schedule);
        }
    }

    /// The state of a cluster that changes.
    pub(super) fn control_mut(&mut self) -> &mut super::Control {
        self.control.as_mut().expect("only what a timeline began comes here")
    }
}

pub(super) fn address_text(ip: u32) -> String {
    std::net::Ipv4Addr::from(ip).to_string()
}
