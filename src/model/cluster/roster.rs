//! Pods, their containers and their endpoints: those that the plan lays out, and those that come during the run.
//!
//! Nothing is ever taken out, so an index means the same pod, container or endpoint for the whole run, and what is under
//! way to a pod that is gone still knows where it was going.

use crate::model::cluster::pod::Pod;
use crate::model::plan::{EndpointPlan, Plan, as_u32};
use crate::observe::outcome::EndpointLabel;
use crate::scenario::Service;
use crate::time::SimTime;

/// Everything that exists or existed.
#[derive(Debug)]
pub(crate) struct Roster {
    /// All pods; those of the plan first.
    pub(crate) pods: Vec<Pod>,
    /// All endpoints; snapshots name them by position.
    pub(crate) endpoints: Vec<EndpointPlan>,
    /// The pod of each station.
    pub(crate) pod_of: Vec<u32>,
    /// Whether the container of each station runs.
    pub(crate) runs: Vec<bool>,
    /// When the container of each station ended; the beginning of time for one that has not started.
    pub(crate) ended_at: Vec<SimTime>,
    /// The endpoints of each Service that are not the plan's.
    added: Vec<Vec<u32>>,
}

impl Roster {
    /// What there is when the run begins.
    pub(crate) fn of(plan: &Plan) -> Self {
        let pod = |placed: &crate::scenario::placement::Placed| {
            let containers = as_u32(plan.scenario.workloads[placed.workload].containers.len());
            let station = plan.first_station[placed.workload] + placed.replica * containers;
            Pod::at_start(
                (as_u32(placed.workload), placed.replica),
                (as_u32(placed.node), placed.ip),
                (station, containers),
            )
        };
        Self {
            pods: plan.pods.iter().map(pod).collect(),
            endpoints: plan.endpoints.clone(),
            pod_of: plan.pod_of.clone(),
            runs: vec![true; plan.pod_of.len()],
            ended_at: vec![SimTime::MAX; plan.pod_of.len()],
            added: vec![Vec::new(); plan.services.len()],
        }
    }

    /// A container of a new pod, which has not started.
    pub(crate) fn add_station(&mut self, pod: u32) {
        self.pod_of.push(pod);
        self.runs.push(false);
        self.ended_at.push(SimTime::ZERO);
    }

    /// The endpoints of a Service that there are or were, ascending.
    pub(crate) fn endpoints_of(&self, plan: &Plan, service: usize) -> impl Iterator<Item = u32> {
        let first = &plan.services[service];
        (first.first..first.first + first.count).chain(self.added[service].iter().copied())
    }

    /// How many endpoints a Service has or had.
    pub(crate) fn count_of(&self, plan: &Plan, service: usize) -> usize {
        plan.services[service].count as usize + self.added[service].len()
    }

    /// The number of an endpoint among those of its Service.
    pub(crate) fn number_of(&self, plan: &Plan, endpoint: u32) -> usize {
        let service = self.endpoints[endpoint as usize].service as usize;
        let laid_out = &plan.services[service];
        if (laid_out.first..laid_out.first + laid_out.count).contains(&endpoint) {
            return (endpoint - laid_out.first) as usize;
        }
        let added = self.added[service].binary_search(&endpoint).expect("an endpoint belongs to its Service");
        laid_out.count as usize + added
    }

    /// Adds the endpoints of a new pod.
    pub(crate) fn add_endpoints(&mut self, plan: &Plan, pod: u32) {
        let (workload, station, node) = {
            let pod = &self.pods[pod as usize];
            (pod.workload as usize, pod.station, pod.node)
        };
        // An address is one pod's, but that of a node is the next pod's, too.
        let on_host = plan.scenario.workloads[workload].host.network;
        let first = plan.first_pod[workload];
        let follows = |replica: u32| {
            let old = plan.pods.get((first + replica) as usize);
            on_host && old.is_some_and(|old| old.workload == workload && old.node == node as usize)
        };
        let is_behind = |spec: &Service| spec.only.is_empty() && spec.pod.is_none_or(follows);
        for (service, spec) in plan.scenario.services.iter().enumerate().filter(|(_, spec)| is_behind(spec)) {
            for (target, (of, container)) in spec.targets.iter().enumerate() {
                if *of == workload {
                    self.added[service].push(as_u32(self.endpoints.len()));
                    self.endpoints.push(EndpointPlan {
                        station: station + as_u32(*container),
                        node,
                        target: as_u32(target),
                        service: as_u32(service),
                    });
                }
            }
        }
    }

    /// The pod of an endpoint.
    pub(crate) fn pod_at(&self, endpoint: u32) -> &Pod {
        let station = self.endpoints[endpoint as usize].station;
        &self.pods[self.pod_of[station as usize] as usize]
    }

    /// Whether the container behind an endpoint has ended, or has not started.
    pub(crate) fn is_dead(&self, endpoint: u32) -> bool {
        !self.runs[self.endpoints[endpoint as usize].station as usize]
    }

    /// Names of the endpoints that are not the plan's, for the results.
    pub(crate) fn new_labels(&self, plan: &Plan) -> Vec<EndpointLabel> {
        (plan.endpoints.len()..self.endpoints.len()).map(|endpoint| self.label_of(plan, as_u32(endpoint))).collect()
    }

    /// The name of an endpoint in the results.
    pub(crate) fn label_of(&self, plan: &Plan, endpoint: u32) -> EndpointLabel {
        let endpoint = &self.endpoints[endpoint as usize];
        let pod = &self.pods[self.pod_of[endpoint.station as usize] as usize];
        let node = plan.scenario.cluster.nodes.get(endpoint.node as usize);
        EndpointLabel {
            service: endpoint.service as usize,
            pod: self.name(plan, pod),
            node: plan.node_name(endpoint.node).to_owned(),
            zone: node.map_or_else(|| "outside".to_owned(), |node| node.zone.clone()),
            address: pod.ip.into(),
        }
    }

    /// The name of the pod behind an endpoint.
    pub(crate) fn pod_name(&self, plan: &Plan, endpoint: u32) -> String {
        self.name(plan, self.pod_at(endpoint))
    }

    /// The name of the pod of a container.
    pub(crate) fn station_name(&self, plan: &Plan, station: usize) -> String {
        self.name(plan, &self.pods[self.pod_of[station] as usize])
    }

    /// `web-0`; a bare Pod has its own name.
    pub(crate) fn name(&self, plan: &Plan, pod: &Pod) -> String {
        let workload = &plan.scenario.workloads[pod.workload as usize];
        if workload.kind == "pod" { workload.name.clone() } else { format!("{}-{}", workload.name, pod.number) }
    }
}
