//! The fields of a Service that say how it is reached from outside the cluster.

use super::fields::{Context, Fields};
use super::object::OutsideObject;
use crate::yaml::Node;

/// First and last node port that the API server gives out or accepts (`--service-node-port-range`).
pub const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// Fields that the model has nothing for.
const WITHOUT_EFFECT: [(&str, &str); 4] = [
    ("externalIPs", "addresses that are routed to nodes are not modelled"),
    ("loadBalancerClass", "the scenario says what the load balancer is (cluster.loadBalancers)"),
    ("loadBalancerIP", "the model gives load balancers addresses of its own"),
    ("loadBalancerSourceRanges", "no traffic is blocked in the model"),
];

/// How a Service is reached from outside; `None` where it is not.
pub(super) fn read(context: &mut Context<'_>, spec: &mut Fields<'_>, type_: &str) -> Option<OutsideObject> {
    let addresses = spec.peek("externalIPs").and_then(Node::as_list).is_some_and(|items| !items.is_empty());
    let reached = ["NodePort", "LoadBalancer"].contains(&type_) || (type_ == "ClusterIP" && addresses);
    if let Some(policy) = spec.peek("externalTrafficPolicy")
        && let Some(word @ ("Cluster" | "Local")) = policy.as_str()
        && !reached
    {
        let message = format!("`spec.externalTrafficPolicy` is {word}, and nothing outside reaches a {type_} Service");
        let help = "the API server refuses it: remove it, or write `type: NodePort` or `type: LoadBalancer`";
        context.error(policy.span, &message, help);
    }
    for (field, why) in WITHOUT_EFFECT {
        let present = spec.take(field).is_some_and(|node| node.as_list().is_none_or(|items| !items.is_empty()));
        if present && (type_ == "LoadBalancer" || field == "externalIPs") {
            context.ignore(&format!("spec.{field}"), why);
        }
    }
    let local = spec.peek("externalTrafficPolicy").and_then(Node::as_str) == Some("Local");
    let health_check_node_port = node_port(context, spec, "healthCheckNodePort");
    let allocates = context.boolean(spec, "allocateLoadBalancerNodePorts");
    let load_balancer = type_ == "LoadBalancer";
    if !load_balancer && type_ != "NodePort" {
        return None;
    }
    if health_check_node_port.is_some() && !(load_balancer && local) {
        let needs = "it needs `type: LoadBalancer` and `externalTrafficPolicy: Local`";
        context.ignore("spec.healthCheckNodePort", needs);
    }
    Some(OutsideObject {
        load_balancer,
        local,
        node_ports: !load_balancer || allocates.unwrap_or(true),
        health_check_node_port: health_check_node_port.filter(|_| load_balancer && local),
        span: context.name_span,
    })
}

/// A node port: any other number is refused by the API server.
pub(super) fn node_port(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> Option<u16> {
    let path = fields.path(name);
    let node: &Node = fields.take(name)?;
    if node.as_u64() == Some(0) {
        return None; // as if it were not written
    }
    let port = context.port_of(node, &path)?;
    if NODE_PORTS.contains(&port) {
        return Some(port);
    }
    let (first, last) = (NODE_PORTS.start(), NODE_PORTS.end());
    let message = format!("`{path}` is {port}, and node ports lie between {first} and {last}");
    context.error(node.span, &message, "write a port of that range, or leave it out and one is chosen");
    None
}
