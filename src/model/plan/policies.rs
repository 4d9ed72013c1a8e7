//! What the policies of Services make of their endpoints when a run begins.

use std::ops::Range;
use std::sync::Arc;

use super::{Plan, as_u32};
use crate::discovery::slices::Listed;
use crate::discovery::slices::policy::Place;
use crate::discovery::slices::topology::Capacity;
use crate::model::network::addresses::OUTSIDE_PODS;
use crate::model::network::endpoints::Snapshot;
use crate::model::network::published::{Published, Standing};
use crate::model::network::topology::Topology;
use crate::model::plan::Route;
use crate::scenario::network_policy::From;
use crate::scenario::outside::Entry;
use crate::scenario::{Node, Service};

impl Plan {
    /// The EndpointSlices of a Service whose pods are all ready.
    pub(super) fn published(&self, service: &Service, endpoints: Range<u32>) -> Published {
        let stands_behind = |endpoint: &u32| service.selects_in(0, self.endpoints[*endpoint as usize].target as usize);
        let listed: Vec<Listed> = endpoints
            .filter(stands_behind)
            .map(|endpoint| {
                let node = self.endpoints[endpoint as usize].node;
                let ready = (true, true, false);
                self.listed(endpoint, service.target_port_in(0), node, ready)
            })
            .collect();
        let standing = Standing { address: service.address_in(0), policy: service.policy_in(0) };
        Published::new(&listed, standing, &self.capacity)
    }

    /// What NetworkPolicies drop, by flow and target.
    pub(super) fn lay_bars(&mut self) {
        if self.scenario.network_policies.is_empty() {
            return;
        }
        for flow in 0..self.flows.len() {
            let spec = &self.flows[flow];
            let service = &self.scenario.services[spec.flow.service];
            if service.loopback {
                continue;
            }
            let from = match (spec.route, self.client_workload(flow)) {
                // An ingress controller is a pod; a proxy of `proxies` stands outside all namespaces.
                (Route::Proxy4(proxy) | Route::Proxy7(proxy), _) => self.source_of_proxy(proxy as usize),
                (_, Some(workload)) => From::Workload(workload),
                _ => From::Address(spec.addresses.of(0)),
            };
            let masked = self.is_masked(flow);
            let by_node =
                |target: usize| masked || self.is_on_host(from) || self.target_on_host(spec.flow.service, target);
            // Only one of the two addresses matters, and no node has the address 0.
            let at = |target: usize, nodes| self.drops_between(from, (spec.flow.service, target), nodes);
            let masks = |target: usize, address| {
                self.drops_between(From::Address(address), (spec.flow.service, target), (address, 0))
            };
            let any = |target: usize| match by_node(target) {
                true if masked => self.scenario.cluster.nodes.iter().any(|node| masks(target, node.address)),
                true => self
                    .scenario
                    .cluster
                    .nodes
                    .iter()
                    .any(|node| at(target, (node.address, 0)) || at(target, (0, node.address))),
                false => at(target, (0, 0)),
            };
            let targets = 0..service.targets.len();
            let (barred, by_node): (Vec<bool>, bool) =
                (targets.clone().map(any).collect(), targets.clone().any(by_node));
            if barred.contains(&true) {
                self.bars = true;
                (self.flows[flow].barred, self.flows[flow].barred_by_node) = (barred, by_node);
            }
        }
    }

    /// Whether pods see the address of the node that took a flow's connections in, not that of the client.
    fn is_masked(&self, flow: usize) -> bool {
        let spec = &self.flows[flow];
        let Some(way) = spec.flow.way_in.as_deref() else { return false };
        let to_pods = self.scenario.cluster.load_balancers.pods && matches!(way.entry, Entry::LoadBalancer { .. });
        spec.route == Route::ClusterIp && !to_pods && !self.takes_in_locally(way.service)
    }

    /// Who opens the connections of a proxy to pods. One on its node's network has the address of its first pod's node.
    fn source_of_proxy(&self, proxy: usize) -> From {
        match &self.scenario.proxies[proxy].controller {
            None => From::Address(OUTSIDE_PODS.to_bits()),
            Some(controller) if self.is_on_host(From::Workload(controller.workload)) => {
                let node = self.nodes_of(controller.workload).first().copied().unwrap_or(0);
                From::Address(self.scenario.cluster.nodes[node as usize].address)
            }
            Some(controller) => From::Workload(controller.workload),
        }
    }

    /// Whether policies drop a connection to a target of a Service; the addresses are those of the nodes of both ends,
    /// which matter where an end has its node's network. A node always reaches its own pods, and they reach it.
    pub(crate) fn drops_between(&self, from: From, (service, target): (usize, usize), (near, far): (u32, u32)) -> bool {
        let policies = &self.scenario.network_policies;
        let (name, number) = self.port_behind(service, target);
        let (workload, _) = self.scenario.services[service].targets[target];
        match (self.is_on_host(from), self.target_on_host(service, target)) {
            (false, false) => policies.drops(from, workload, (number, name)),
            _ if near == far => false,
            (true, false) => policies.drops(From::Address(near), workload, (number, name)),
            (false, true) => policies.drops_to_node(from, far, (number, name)),
            (true, true) => false,
        }
    }

    fn is_on_host(&self, from: From) -> bool {
        matches!(from, From::Workload(workload) if self.scenario.workloads[workload].host.network)
    }

    fn target_on_host(&self, service: usize, target: usize) -> bool {
        let (workload, _) = self.scenario.services[service].targets[target];
        self.scenario.workloads[workload].host.network
    }

    /// An endpoint as slices have it: ready, serving, terminating.
    pub(crate) fn listed(&self, endpoint: u32, port: u16, node: u32, state: (bool, bool, bool)) -> Listed {
        let (ready, serving, terminating) = state;
        let zone = self.topology.zone(node);
        Listed { endpoint, port, node, zone, ready, serving, terminating, for_zone: None, for_node: false }
    }

    /// Where a node's kube-proxy stands.
    pub(crate) fn place_of_node(&self, node: u32) -> Place {
        Place { node, zone: self.topology.zone(node) }
    }

    /// What the kube-proxy of each node sends to; none where all send to the same.
    pub(super) fn by_node(&self, service: &Service, published: &Published) -> Vec<Arc<Snapshot>> {
        if !service.policy_in(0).by_node() {
            return Vec::new();
        }
        let nodes = 0..as_u32(self.scenario.cluster.nodes.len());
        nodes.map(|node| published.inside(self.place_of_node(node))).collect()
    }
}

/// The zones' shares of the CPU, without control planes. Where no node says how much it has, all have as much.
pub(super) fn capacity(nodes: &[Node], topology: &Topology) -> Capacity {
    const LEFT_OUT: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
    let counts = |node: &Node| node.labels.iter().all(|(key, _)| !LEFT_OUT.contains(&key.as_str()));
    let nodes = || (0..).zip(nodes).filter(|(_, node)| counts(node));
    let alike = nodes().all(|(_, node)| node.cpu.is_none());
    Capacity::of(nodes().map(|(index, node)| (topology.zone(index), if alike { Some(1.0) } else { node.cpu })))
}
