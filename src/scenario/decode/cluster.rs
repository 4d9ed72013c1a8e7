//! `spec.cluster`: nodes and the network between them.

use std::collections::BTreeSet;

use super::super::context::{Context, Object};
use super::super::tables::{self, MAX_NODES};
use super::super::{Flow, IpvsScheduler, KubeProxy, KubeProxyMode, Network, Node, Scenario, Step};
use super::super::{host, values};
use super::dist::dist;
use crate::manifest::NodeObject;
use crate::random::Dist;
use crate::time::SimDuration;
use crate::yaml;

/// Most pods of a node that does not say (the kubelet's `maxPods`).
const MAX_PODS_PER_NODE: u32 = 110;
const ZONE: &str = "z1";

/// The nodes: from the scenario, else from Node manifests, else enough of them in one zone.
pub(super) fn nodes(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    manifests: &[NodeObject],
    pods: u64,
) -> Vec<Node> {
    let usual = cluster.and_then(|cluster| bandwidth(cx, cluster)).flatten();
    let mut nodes = match cluster.and_then(|cluster| cluster.get("nodes")) {
        Some(list) => listed(cx, list, usual),
        None if !manifests.is_empty() => manifests.iter().map(from_manifest).collect(),
        None => {
            let count = pods.div_ceil(100).max(3);
            cx.assume("cluster: nodes", format!("{count} in one zone"), "cluster.nodes");
            (1..=count).map(|index| node(format!("node-{index}"), ZONE)).collect()
        }
    };
    if nodes.is_empty()
        && let Some(list) = cluster.and_then(|cluster| cluster.get("nodes"))
    {
        cx.problem_help(
            list.span,
            "a cluster needs a node",
            "write for example {name: a, count: 3, zone: z1, cpu: \"8\"}",
        );
        nodes.push(node("node-1".to_owned(), ZONE));
    }
    give_pod_cidrs(&mut nodes);
    refuse_twice(cx, manifests, &nodes);
    host::give_addresses(&mut nodes);
    if cluster.is_none_or(|cluster| cluster.get("nodes").is_none()) {
        nodes.iter_mut().for_each(|node| node.bandwidth = usual);
    }
    nodes
}

/// The least that an interface may have (bits per second): what is less was meant otherwise.
const LEAST_BANDWIDTH: f64 = 1e3;
/// The most.
const MOST_BANDWIDTH: f64 = 1e15;

/// Bits per second, where something is written; `Some(None)` is `none`.
fn bandwidth(cx: &mut Context<'_>, object: &Object<'_>) -> Option<Option<u64>> {
    let node = object.get("bandwidth")?;
    if node.as_str() == Some("none") {
        return Some(None);
    }
    let value = values::quantity(node);
    let bits = cx.take(node, "bandwidth", value)?;
    if !(LEAST_BANDWIDTH..=MOST_BANDWIDTH).contains(&bits) {
        cx.problem_help(
            node.span,
            format!("`bandwidth`: {bits} is not from 1k to 1P bits per second"),
            "write for example 10G, or `none`",
        );
        return None;
    }
    Some(Some(bits.round() as u64))
}

/// Interfaces with a rate, and nothing that would pass them.
pub(super) fn check_bandwidth(cx: &mut Context<'_>, cluster: Option<&Object<'_>>, scenario: &Scenario) {
    let sized = |flow: &Flow| flow.request_size > 0 || flow.response_size > 0;
    let limited = scenario.cluster.nodes.iter().any(|node| node.bandwidth.is_some());
    let Some(cluster) = cluster.filter(|_| limited) else { return };
    let mut any = scenario.traffic.iter().any(|traffic| sized(&traffic.flow));
    for step in scenario.workloads.iter().flat_map(|workload| &workload.containers).flat_map(|own| &own.behaviour.steps)
    {
        if let Step::Calls(calls) = step {
            any |= calls.iter().any(|call| sized(&call.flow));
        }
    }
    if !any {
        let key = if cluster.get("bandwidth").is_some() { "bandwidth" } else { "nodes" };
        cx.problem_help(
            cluster.key_span(key),
            "`bandwidth` has no effect: no traffic and no call says how many bytes it sends",
            "write `requestSize` or `responseSize`, for example responseSize: 64Ki",
        );
    }
}

fn node(name: String, zone: &str) -> Node {
    Node {
        labels: standard_labels(&name, zone),
        name,
        zone: zone.to_owned(),
        speed: 1.0,
        cpu: None,
        memory: None,
        taints: Vec::new(),
        pod_cidr: (0, 24),
        address: 0,
        max_pods: MAX_PODS_PER_NODE,
        unschedulable: false,
        bandwidth: None,
        min_sync: None,
    }
}

/// The labels that every node of a real cluster carries.
fn standard_labels(name: &str, zone: &str) -> Vec<(String, String)> {
    vec![
        ("kubernetes.io/hostname".to_owned(), name.to_owned()),
        ("kubernetes.io/os".to_owned(), "linux".to_owned()),
        ("topology.kubernetes.io/zone".to_owned(), zone.to_owned()),
    ]
}

fn from_manifest(raw: &NodeObject) -> Node {
    let zone = raw.zone.clone().unwrap_or_else(|| ZONE.to_owned());
    let mut made = node(raw.name.clone(), &zone);
    for (key, value) in &raw.labels {
        made.labels.retain(|(known, _)| known != key);
        made.labels.push((key.clone(), value.clone()));
    }
    made.cpu = raw.cpu;
    made.memory = raw.memory;
    made.taints.clone_from(&raw.taints);
    made.max_pods = raw.max_pods.unwrap_or(MAX_PODS_PER_NODE);
    made.unschedulable = raw.unschedulable;
    made.address = raw.address.map_or(0, |(address, _)| address);
    if let Some(cidr) = raw.pod_cidr {
        made.pod_cidr = cidr;
    }
    made
}

fn listed(cx: &mut Context<'_>, list: &yaml::Node, usual: Option<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut names = BTreeSet::new();
    let mut total = 0;
    for item in cx.list(list, "nodes") {
        let Some(object) = cx.object(item, &tables::NODE) else { continue };
        let zone = object.name(cx, "zone", &[]).unwrap_or(ZONE);
        let speed = object.positive(cx, "speed").unwrap_or(1.0);
        let cpu = object.get("cpu").and_then(|node| {
            let value = values::quantity(node);
            cx.take(node, "cpu", value)
        });
        let count = object.count(cx, "count");
        let bandwidth = bandwidth(cx, &object).unwrap_or(usual);
        let min_sync = super::propagation::least_of_node(cx, &object);
        let Some(name) = object.name(cx, "name", &['/']) else { continue };
        total += count.unwrap_or(1);
        if total > MAX_NODES {
            cx.problem(object.key_span("count"), format!("more than {MAX_NODES} nodes"));
            break;
        }
        let own = match count {
            None | Some(1) => vec![name.to_owned()],
            Some(count) => (1..=count).map(|index| format!("{name}-{index}")).collect(),
        };
        for own in own {
            if !names.insert(own.clone()) {
                cx.problem(object.key_span("name"), format!("two nodes are called `{own}`"));
                break;
            }
            nodes.push(Node { speed, cpu, bandwidth, min_sync, ..node(own, zone) });
        }
    }
    nodes
}

/// An address is one node's.
fn refuse_twice(cx: &mut Context<'_>, manifests: &[NodeObject], nodes: &[Node]) {
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.address != 0) {
        if let Some(other) = nodes[..index].iter().find(|other| other.address == node.address)
            && let Some((_, span)) = manifests.iter().find(|raw| raw.name == node.name).and_then(|raw| raw.address)
        {
            let address = std::net::Ipv4Addr::from(node.address);
            let message = format!("Node/{}: Node/{} has the address {address}, too", node.name, other.name);
            cx.problem_help(span, message, "give every node an `InternalIP` of its own");
        }
    }
}

/// Nodes without a pod CIDR get 10.244.0.0/24, 10.244.1.0/24, … as kubeadm with Flannel gives them.
fn give_pod_cidrs(nodes: &mut [Node]) {
    let taken =
        nodes.iter().map(|node| node.pod_cidr.0 & 0xffff_ff00).filter(|first| *first != 0).collect::<BTreeSet<u32>>();
    let mut next = u32::from(std::net::Ipv4Addr::new(10, 244, 0, 0));
    for node in nodes.iter_mut().filter(|node| node.pod_cidr.0 == 0) {
        while taken.contains(&next) {
            next += 256;
        }
        node.pod_cidr = (next, 24);
        next += 256;
    }
}

/// `cluster.network`.
pub(super) fn network(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    nodes: &[Node],
    goes_outside: bool,
) -> Network {
    let usual = [10, 50, 200, 900, if goes_outside { 10_000 } else { 0 }]
        .map(|micros| Dist::constant(SimDuration::from_nanos(micros * 1_000)));
    let [loopback, same_node, same_zone, cross_zone, external] = usual;
    let mut network = Network { loopback, same_node, same_zone, cross_zone, external };
    let Some(node) = cluster.and_then(|cluster| cluster.get("network")) else {
        cx.assume("cluster: network delays", "50us on a node, 200us in a zone, 900us between zones", "cluster.network");
        if goes_outside {
            cx.assume("cluster: network external", "10ms", "cluster.network.external");
        }
        return network;
    };
    if node.as_str() == Some("none") {
        return Network {
            loopback: Dist::zero(),
            same_node: Dist::zero(),
            same_zone: Dist::zero(),
            cross_zone: Dist::zero(),
            external: Dist::zero(),
        };
    }
    if let Some(text) = node.as_str() {
        cx.problem_help(
            node.span,
            format!("`network`: expected delays or `none`, found `{}`", values::shorten(text)),
            "write {sameNode: 50us, sameZone: 200us, crossZone: 900us}",
        );
        return network;
    }
    let Some(object) = cx.object(node, &tables::NETWORK) else { return network };
    let zones = nodes.iter().map(|node| node.zone.as_str()).collect::<BTreeSet<_>>().len();
    // Hardly anything crosses the loopback, so it is not worth a word.
    for (key, place, value, crossed) in [
        ("loopback", &mut network.loopback, "10us", false),
        ("sameNode", &mut network.same_node, "50us", true),
        ("sameZone", &mut network.same_zone, "200us", nodes.len() > zones),
        ("crossZone", &mut network.cross_zone, "900us", zones > 1),
        ("external", &mut network.external, "10ms", goes_outside),
    ] {
        match object.get(key) {
            Some(node) => {
                if let Some(delay) = dist(cx, node, key) {
                    *place = delay;
                }
            }
            None if crossed => {
                cx.assume(format!("cluster: network {key}"), value, format!("cluster.network.{key}"));
            }
            None => {}
        }
    }
    if !goes_outside {
        // What nobody crosses costs nobody anything.
        network.external = Dist::zero();
    }
    network
}

/// `cluster.kubeProxy`.
pub(super) fn kube_proxy(cx: &mut Context<'_>, node: Option<&yaml::Node>) -> KubeProxy {
    let mut settings = KubeProxy::default();
    let Some(object) = node.and_then(|node| cx.object(node, &tables::KUBE_PROXY)) else { return settings };
    if let Some(mode) = object.word(cx, "mode", &KubeProxyMode::ALL) {
        settings.mode = mode;
    }
    let scheduler = object.word(cx, "scheduler", &IpvsScheduler::ALL);
    match (&mut settings.mode, scheduler) {
        (KubeProxyMode::Ipvs(own), Some(scheduler)) => *own = scheduler,
        (_, Some(_)) => {
            let message = "`scheduler` is a setting of IPVS, and the mode is another";
            cx.problem_help(object.key_span("scheduler"), message, "write `mode: ipvs`, or leave `scheduler` out");
        }
        (_, None) => {}
    }
    settings.first_packet = object.boolean(cx, "firstPacket").unwrap_or(false);
    settings
}
