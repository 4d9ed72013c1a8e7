//! Pods that have the network of their node.

use super::{NONE, Plan, Route};
use crate::scenario::Source;

impl Plan {
    /// The workload that a flow's clients are pods of.
    pub(crate) fn client_workload(&self, flow: usize) -> Option<usize> {
        let spec = &self.flows[flow];
        match self.scenario.traffic.get(flow).map(|traffic| &traffic.from) {
            Some(Source::Workload(workload)) => Some(*workload),
            None if spec.caller != NONE => Some(spec.caller as usize),
            _ => None,
        }
    }

    /// Whether a flow's clients have the network of their node.
    pub(crate) fn client_on_host(&self, flow: usize) -> bool {
        self.client_workload(flow).is_some_and(|workload| self.scenario.workloads[workload].host.network)
    }

    /// Whether what stays on a node crosses its loopback: `localhost`, or both ends have the node's network.
    pub(crate) fn crosses_loopback(&self, flow: usize) -> bool {
        let spec = &self.flows[flow];
        let service = &self.scenario.services[spec.flow.service];
        let direct = matches!(spec.route, Route::ClusterIp | Route::ClientBalancer);
        let on_host = |(workload, _): &(usize, usize)| self.scenario.workloads[*workload].host.network;
        let all = || !service.targets.is_empty() && service.targets.iter().all(on_host);
        service.loopback || direct && self.client_on_host(flow) && all()
    }

    /// Name and number of the port behind a target of a Service.
    pub(crate) fn port_behind(&self, service: usize, target: usize) -> (Option<&str>, u16) {
        let service = &self.scenario.services[service];
        let (workload, container) = service.targets[target];
        let ports = &self.scenario.workloads[workload].containers[container].ports;
        let own = ports.iter().find(|(_, number)| *number == service.target_port).or(ports.first());
        own.map_or((None, service.target_port), |(name, number)| (name.as_deref(), *number))
    }
}
