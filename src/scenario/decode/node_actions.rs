//! `timeline[]`: what is done to nodes.

use super::super::context::{Context, Object};
use super::super::dns::Dns;
use super::super::kubernetes::Kubernetes;
use super::super::node_actions::NodeAction;
use super::super::timeline::{Action, Happening};
use super::super::values::{Bad, shorten};
use super::super::{Node as ClusterNode, Proxy, Source, Traffic, Workload, tables, values};
use crate::controllers::node_lifecycle;
use crate::time::SimDuration;
use crate::yaml::{Node, Problem, nearest};

/// The words of what is done to nodes.
pub(super) const WORDS: [&str; 9] = [
    "nodeShutdown",
    "cordon",
    "uncordon",
    "drain",
    "nodeCrash",
    "nodeReboot",
    "kubeletStop",
    "zoneOutage",
    "spotReclaim",
];

/// How long before a spot instance is taken away its owner is told (EC2's two minutes).
const NOTICE: SimDuration = SimDuration::from_secs(120);

/// What an entry does to nodes, each after some time.
pub(super) fn actions(
    cx: &mut Context<'_>,
    item: &Node,
    word: &str,
    nodes: &[ClusterNode],
) -> Option<Vec<(SimDuration, Action)>> {
    let object = cx.object(item, &tables::HAPPENING)?;
    let (force, lasts) = options(cx, &object, word);
    let given = item.get(word)?;
    if word == "zoneOutage" {
        let zone = cx.take(given, word, find_zone(given, nodes))?;
        let of_zone = (0..nodes.len()).filter(|node| nodes[*node].zone == zone);
        let crash = |node| (SimDuration::ZERO, Action::Node { node, action: NodeAction::Crash { lasts } });
        return Some(of_zone.map(crash).collect());
    }
    let node = cx.take(given, word, find(given, nodes))?;
    if word == "uncordon" && nodes[node].unschedulable {
        cx.problem_help(
            given.span,
            format!("not supported yet: {} is unschedulable from the start", nodes[node].name),
            "let it begin schedulable, and cordon it at 0s",
        );
        return None;
    }
    let lasting = ["nodeReboot", "nodeShutdown"].contains(&word);
    if lasting && lasts.is_none() {
        if object.get("for").is_none() {
            cx.problem_help(given.span, format!("`{word}` needs `for`"), "write for example for: 90s beside it");
        }
        return None;
    }
    let mut actions = Vec::new();
    if word == "spotReclaim" {
        actions.push((SimDuration::ZERO, Action::Node { node, action: NodeAction::Reclaim }));
    }
    let action = match word {
        "cordon" => NodeAction::Cordon,
        "uncordon" => NodeAction::Uncordon,
        "drain" => NodeAction::Drain { force: force.unwrap_or(false) },
        "nodeShutdown" => NodeAction::Shutdown { grace: lasts? },
        "kubeletStop" => NodeAction::StopKubelet { lasts },
        _ => NodeAction::Crash { lasts },
    };
    let after = if word == "spotReclaim" { NOTICE } else { SimDuration::ZERO };
    actions.push((after, Action::Node { node, action }));
    Some(actions)
}

/// The shortest grace period with which no node is lost that is well: a lease is renewed every 10 s, and looked at every 5 s.
const LEAST_GRACE: SimDuration = SimDuration::from_secs(16);

/// `cluster.nodeMonitorGracePeriod`.
pub(super) fn grace(cx: &mut Context<'_>, cluster: Option<&Object<'_>>, version: Kubernetes) -> SimDuration {
    let given = cluster.and_then(|cluster| Some((cluster, cluster.duration(cx, "nodeMonitorGracePeriod")?)));
    if let Some((cluster, short)) = given.filter(|(_, given)| *given < LEAST_GRACE) {
        cx.problem_help(
            cluster.key_span("nodeMonitorGracePeriod"),
            format!("`nodeMonitorGracePeriod`: within {short} nodes would be lost that are well"),
            "a lease is renewed every 10 s and looked at every 5 s: write at least 16s",
        );
    }
    given.map_or(node_lifecycle::grace_period(version.at_least(1, 32)), |(_, given)| given)
}

/// `force` and `for`, which belong to some words.
fn options(cx: &mut Context<'_>, object: &Object<'_>, word: &str) -> (Option<bool>, Option<SimDuration>) {
    let force = object.boolean(cx, "force");
    if word != "drain" && object.get("force").is_some() {
        cx.problem(object.key_span("force"), format!("`force` belongs to `drain`, not to `{word}`"));
    }
    let lasts = object.duration(cx, "for");
    let lasting = ["nodeCrash", "nodeReboot", "nodeShutdown", "kubeletStop", "zoneOutage"];
    if !lasting.contains(&word) && object.get("for").is_some() {
        cx.problem(object.key_span("for"), format!("`for` says nothing beside `{word}`, which does not end by itself"));
    }
    (force, lasts)
}

/// The node of a name.
fn find(given: &Node, nodes: &[ClusterNode]) -> Result<usize, Bad> {
    let text = values::text(given)?;
    let name = text.strip_prefix("node/").unwrap_or(text);
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    names.iter().position(|own| *own == name).ok_or_else(|| unknown("node", name, &names))
}

/// A zone that has nodes.
fn find_zone(given: &Node, nodes: &[ClusterNode]) -> Result<String, Bad> {
    let name = values::text(given)?;
    let mut zones: Vec<&str> = nodes.iter().map(|node| node.zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    if zones.contains(&name) { Ok(name.to_owned()) } else { Err(unknown("zone", name, &zones)) }
}

fn unknown(what: &str, name: &str, names: &[&str]) -> Bad {
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the {what}s are {}", shorten(&names.join(", "))),
    };
    (format!("no {what} `{}`", shorten(name)), Some(help))
}

/// What stands on nodes, as far as what is done to them may not touch it.
pub(super) struct Standing<'a> {
    pub(super) nodes: &'a [ClusterNode],
    /// Workload and node of each pod of the start.
    pub(super) pods: &'a [(usize, usize)],
    pub(super) dns: Option<&'a Dns>,
    /// The free-standing ones.
    pub(super) proxies: &'a [(Proxy, bool)],
}

/// Some things must stay where they are, so nothing may be done to their nodes that moves them or ends them.
pub(super) fn leave_nodes_alone(
    cx: &mut Context<'_>,
    items: &[Node],
    timeline: &[Happening],
    (workloads, controllers): (&[Workload], &[usize]),
    standing: &Standing<'_>,
) {
    let Some(first) = items.first() else { return };
    for happening in timeline {
        let Action::Node { node, action } = happening.action else { continue };
        let (name, at) = (&standing.nodes[node].name, happening.at);
        let there = standing.pods.iter().find(|(workload, on)| *on == node && controllers.contains(workload));
        if let Some((workload, _)) = there.filter(|_| action.removes_pods()) {
            let target = workloads[*workload].target();
            let message =
                format!("not supported yet: {target} runs an ingress controller on {name}, whose pods go at {at}");
            let help = "bind the controller to a node of its own with `nodeName` or `nodeSelector`";
            cx.problem_help(first.span, message, help);
        }
        if !matches!(action, NodeAction::Crash { .. } | NodeAction::Shutdown { .. }) {
            continue;
        }
        if standing.dns.is_some_and(|dns| dns.servers.contains(&node)) {
            let message = format!("not supported yet: a DNS server stands on {name}, which goes off at {at}");
            cx.problem_help(first.span, message, "leave `cluster.dns` out, or let another node fail");
        }
        if let Some(proxy) = standing
            .proxies
            .iter()
            .map(|(proxy, _)| proxy)
            .find(|proxy| proxy.zone.as_ref().is_none_or(|zone| *zone == standing.nodes[node].zone))
        {
            let message = format!(
                "not supported yet: instances of the proxy `{}` may stand on {name}, which goes off at {at}",
                proxy.name
            );
            cx.problem_help(first.span, message, "give the proxy a `zone` whose nodes stay, or run it in pods");
        }
    }
}

/// Traffic from a workload has the clients of the start, whatever becomes of their nodes.
pub(super) fn warn_of_senders(
    cx: &mut Context<'_>,
    items: &[Node],
    timeline: &[Happening],
    (workloads, traffic): (&[Workload], &[Traffic]),
    standing: &Standing<'_>,
) {
    let Some(first) = items.first() else { return };
    for traffic in traffic {
        let Source::Workload(own) = traffic.from else { continue };
        let takes = |happening: &&Happening| match happening.action {
            Action::Node { node, action } => action.removes_pods() && standing.pods.contains(&(own, node)),
            _ => false,
        };
        if let Some(happening) = timeline.iter().find(takes) {
            let message = format!(
                "the pods of {} come and go at {}, and `{}` goes on from those of the start",
                workloads[own].target(),
                happening.at,
                traffic.flow.name
            );
            let help = "only the `call`s of a container begin and end with its pod";
            cx.problems.push(Problem::warning(first.span, message).help(help));
        }
    }
}
