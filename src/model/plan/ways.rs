//! What the plan knows of ways: where flows begin, what they pass, and how they come in from outside.

use super::{FlowPlan, Plan, Route, as_u32};
use crate::balance;
use crate::discovery::slices::policy::Scope;
use crate::model::network::topology::PathClass;
use crate::model::traffic::channel::Channel;
use crate::scenario::outside::{Entry, WayIn};
use crate::scenario::{InstancePer, Protocol, Source};
use crate::time::SimDuration;

impl FlowPlan {
    /// Whether its requests pass a layer-7 proxy.
    #[must_use]
    pub fn passes(&self, proxy: u32) -> bool {
        let shared = self.flow.shares.iter().any(|share| share.proxy == proxy as usize);
        shared || self.route == Route::Proxy7(proxy)
    }

    /// Whether its connections are given an endpoint by kube-proxy.
    #[must_use]
    pub fn is_ruled(&self) -> bool {
        self.route == Route::ClusterIp && !self.first_address
    }

    /// Whether kube-proxy gives its connections endpoints of this Service, on their way in or inside.
    #[must_use]
    pub fn is_ruled_for(&self, service: usize) -> bool {
        let enters = self.flow.way_in.as_deref().is_some_and(|way| way.service == service);
        enters || self.is_ruled() && self.flow.service == service
    }

    /// Whether its clients choose among the pods to which their connections stand, as gRPC's `round_robin` does.
    #[must_use]
    pub const fn goes_by_connections(&self) -> bool {
        matches!(self.flow.connections.protocol, Protocol::Grpc)
            && matches!(self.flow.balancer, Some(balance::Spec::RoundRobin(_)))
    }

    /// Whether its clients hear of pods when they look their host up to open connections. The name of a cluster IP says
    /// nothing of pods: who balances behind it hears from the API.
    #[must_use]
    pub fn asks_dns(&self) -> bool {
        self.named_pods && !self.names.is_empty() && Channel::of(&self.flow.connections) != Channel::Standing
    }
}

impl Plan {
    /// Whether nodes send what comes from outside for a Service to their own pods only.
    pub(crate) fn takes_in_locally(&self, service: usize) -> bool {
        self.scenario.services[service].policy.external == Scope::Local
    }

    /// Whether a node's rules for traffic from outside are others than those for traffic from inside.
    pub(crate) fn takes_in_apart(&self, service: usize) -> bool {
        let policy = &self.scenario.services[service].policy;
        // Who comes to a node port of a Service that is gone is refused, who comes to its address gets no answer.
        let goes = !self.scenario.services[service].eras.is_empty();
        goes || policy.by_node() || policy.external == Scope::Local
    }

    /// Whether nothing takes time between any two ends, load balancers included.
    pub(crate) fn ways_are_free(&self) -> bool {
        let balanced = |flow: &FlowPlan| {
            matches!(flow.flow.way_in.as_deref(), Some(WayIn { entry: Entry::LoadBalancer { .. }, .. }))
        };
        self.topology.is_free() && (self.balancers_are_free() || !self.flows.iter().any(balanced))
    }

    pub(super) fn balancers_are_free(&self) -> bool {
        self.scenario.cluster.load_balancers.latency.as_constant() == Some(SimDuration::ZERO)
    }

    /// Whether interfaces of nodes have a rate.
    pub(crate) fn has_nics(&self) -> bool {
        self.scenario.cluster.nodes.iter().any(|node| node.bandwidth.is_some())
    }

    /// Whether the messages of a flow may pass interfaces that have a rate: inside a pod none does.
    pub(super) fn is_wired(&self, flow: usize) -> bool {
        self.has_nics() && !self.scenario.services[self.flows[flow].flow.service].loopback
    }

    /// Whether a flow's ingress controller goes on with another pod where one fails it.
    pub(super) fn tries_next(&self, flow: usize) -> bool {
        let Route::Proxy7(proxy) = self.flows[flow].route else { return false };
        self.scenario.proxies[proxy as usize].controller.as_ref().is_some_and(|controller| controller.tries > 1)
    }

    /// The place of a flow's load balancer.
    pub(crate) fn balancer_name(&self, flow: u32) -> String {
        let flow = &self.flows[flow as usize].flow;
        let service = flow.way_in.as_deref().map_or(flow.service, |way| way.service);
        format!("loadbalancer/{}", self.scenario.services[service].label())
    }

    /// Whether pods behind a flow's Service stand outside the cluster.
    pub(crate) fn reaches_out(&self, flow: usize) -> bool {
        let targets = &self.scenario.services[self.flows[flow].flow.service].targets;
        targets.iter().any(|(workload, _)| self.scenario.workloads[*workload].outside)
    }

    /// Whether a flow's connections leave the cluster, so that they take a port of a NAT.
    pub(crate) fn goes_out(&self, flow: usize) -> bool {
        matches!(self.flows[flow].route, Route::ClusterIp | Route::ClientBalancer)
            && self.flows[flow].flow.way_in.is_none()
            && self.reaches_out(flow)
    }

    /// The name of a node, or of what is outside.
    pub(crate) fn node_name(&self, node: u32) -> &str {
        self.scenario.cluster.nodes.get(node as usize).map_or("the internet", |node| node.name.as_str())
    }

    pub(super) fn source_nodes(&self, source: &Source) -> Vec<u32> {
        match source {
            Source::Workload(workload) => self.nodes_of(*workload),
            Source::Node(node) => vec![as_u32(*node)],
            Source::Internet(_) => vec![self.topology.outside()],
            Source::Generator { zone } => self.nodes_in(zone.as_deref()),
        }
    }

    /// Whether the layer-4 choice or the proxy instance belongs to a flow's connections, not to its requests.
    pub(crate) fn chooses_per_connection(&self, flow: usize) -> bool {
        let spec = &self.flows[flow];
        let channel = Channel::of(&spec.flow.connections);
        match spec.route {
            _ if spec.flow.way_in.is_some() => true,
            Route::ClusterIp => true,
            Route::ClientBalancer => false,
            Route::Proxy4(proxy) | Route::Proxy7(proxy) => {
                self.scenario.proxies[proxy as usize].per == InstancePer::Connection
                    || matches!(channel, Channel::Pooled { pinned: true, .. })
                    || (matches!(spec.route, Route::Proxy4(_)) && channel == Channel::Standing)
            }
        }
    }

    /// The nodes of a workload's pods, in their order.
    pub(super) fn nodes_of(&self, workload: usize) -> Vec<u32> {
        self.pods.iter().filter(|pod| pod.workload == workload).map(|pod| as_u32(pod.node)).collect()
    }

    pub(super) fn nodes_in(&self, zone: Option<&str>) -> Vec<u32> {
        let nodes = self.scenario.cluster.nodes.iter().enumerate();
        nodes.filter(|(_, node)| zone.is_none_or(|zone| node.zone == zone)).map(|(index, _)| as_u32(index)).collect()
    }

    /// How far apart the ends of a flow's hop are.
    pub(crate) fn class_of(&self, flow: u32, (from, to): (u32, u32)) -> PathClass {
        self.topology.class_by(self.hot[flow as usize].loopback, from, to)
    }
}
