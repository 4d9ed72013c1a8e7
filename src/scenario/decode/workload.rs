//! `spec.workloads`: what the scenario says about the pods of each workload.

use std::collections::BTreeSet;

use super::super::context::{Context, Object};
use super::super::discover::Client;
use super::super::objects::{Objects, short};
use super::super::pod_life::Sigterm;
use super::super::services::selects;
use super::super::tables::{self, MAX_PODS};
use super::super::url::ipv4;
use super::super::values::{it_has, shorten};
use super::super::{Change, Container, Episode, Host, Node, Source, Step, Traffic, Workload, placement, scheduling};
use super::behaviour::{CallSite, behaviour, default_behaviour};
use super::dist::dist;
use super::dns::{self, Resolver, Rules};
use super::flow::Targets;
use super::{pod_life, startup};
use crate::controllers::scheduler::labels::Requirement;
use crate::manifest::WorkloadObject;
use crate::manifest::scheduling::Scheduling;
use crate::random::Dist;
use crate::yaml::{self, Key, Problem, Value, nearest};

/// What the scenario says about one workload.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) object: Object<'a>,
    pub(super) workload: usize,
}

/// Opens `workloads[]`; entries for unknown workloads are refused.
pub(super) fn open<'a>(cx: &mut Context<'_>, items: &'a [yaml::Node]) -> Vec<Object<'a>> {
    items.iter().filter_map(|item| cx.object(item, &tables::WORKLOAD)).collect()
}

/// Finds the workload of each entry.
pub(super) fn entries<'a>(cx: &mut Context<'_>, opened: &[Object<'a>], objects: &Objects) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for object in opened {
        let Some(target) = object.get("target") else { continue };
        let Some(text) = object.text(cx, "target") else { continue };
        let found = match namespace_of_inline(object, text) {
            Some(full) => objects.find(&full),
            None => objects.find(text),
        };
        let Some(workload) = cx.take(target, "", found) else { continue };
        if entries.iter().any(|entry| entry.workload == workload) {
            cx.problem_help(
                target.span,
                format!("two entries describe {}", shorten(text)),
                "write one entry with all containers",
            );
            continue;
        }
        entries.push(Entry { object: *object, workload });
    }
    entries
}

/// The full target of an inline workload, whose namespace may stand in `inline`.
fn namespace_of_inline(object: &Object<'_>, text: &str) -> Option<String> {
    let namespace = object.get("inline")?.get("namespace")?.as_str()?;
    (text.split('/').count() == 2).then(|| format!("{namespace}/{text}"))
}

/// The workloads with node placement and pod speeds, containers still with default behaviour.
///
/// The pods are where they will stand; none where they find no room.
pub(super) fn placed(
    cx: &mut Context<'_>,
    objects: &Objects,
    entries: &[Entry<'_>],
    nodes: &[Node],
) -> (Vec<Workload>, Vec<placement::Placed>) {
    let total = objects.workloads.iter().map(|workload| u64::from(workload.replicas)).sum::<u64>();
    if total > MAX_PODS
        && let Some(largest) = objects.workloads.iter().max_by_key(|workload| workload.replicas)
    {
        cx.problem(
            largest.replicas_span,
            format!("{total} pods in all are more than the {MAX_PODS} a scenario may have"),
        );
    }
    let mut workloads = Vec::new();
    for (index, raw) in objects.workloads.iter().enumerate() {
        let entry = entries.iter().find(|entry| entry.workload == index);
        let node_name = raw.node_name.as_deref().and_then(|name| {
            let found = nodes.iter().position(|node| node.name == name);
            if found.is_none() {
                let near = nearest(name, nodes.iter().map(|node| node.name.as_str()));
                let help =
                    near.map_or("name it under cluster.nodes".to_owned(), |near| format!("did you mean `{near}`?"));
                cx.problem_help(
                    raw.node_name_span,
                    format!("{} is bound to node `{}`, which is not there", short(raw), shorten(name)),
                    help,
                );
            }
            found
        });
        let outside = entry.is_some_and(|entry| entry.object.boolean(cx, "outside").unwrap_or(false));
        let addresses = entry.map_or_else(Vec::new, |entry| addresses(cx, entry, (raw, outside), nodes, &workloads));
        let (pod_speed, pod_episodes) = entry.map_or_else(Default::default, |entry| single_pods(cx, entry, raw));
        workloads.push(Workload {
            kind: raw.kind.to_owned(),
            namespace: raw.namespace.clone(),
            name: raw.name.clone(),
            replicas: raw.replicas,
            containers: raw.containers.iter().map(container).collect(),
            pod_speed,
            pod_episodes,
            node_name,
            allowed_nodes: if outside { Vec::new() } else { allowed_nodes(cx, raw, nodes) },
            node_selector: selector(raw),
            scheduling: Scheduling { labels: raw.labels.clone(), ..raw.scheduling.clone() },
            outside,
            host: if outside { Host::default() } else { Host { network: raw.host_network(), ports: raw.host_ports() } },
            addresses,
            init: startup::init(raw),
            life: pod_life::life(cx, raw, entry, index >= objects.manifest_workloads),
        });
    }
    let pods = check_capacity(cx, objects, &workloads, nodes);
    (workloads, pods)
}

/// The addresses of the pods of what stands outside, one each.
fn addresses(
    cx: &mut Context<'_>,
    entry: &Entry<'_>,
    (raw, outside): (&WorkloadObject, bool),
    nodes: &[Node],
    before: &[Workload],
) -> Vec<u32> {
    let mut found = Vec::new();
    let items = entry.object.list(cx, "addresses");
    let at = entry.object.key_span("addresses");
    if !items.is_empty() && !outside {
        let help = "a node gives its pods their addresses; write `outside: true` if it stands outside the cluster";
        cx.problem_help(at, format!("`addresses`: {} stands in the cluster", short(raw)), help);
        return found;
    }
    for item in items {
        let text = item.as_str().unwrap_or_default();
        let Some(address) = ipv4(text) else {
            let message = format!("`addresses`: expected an IPv4 address, found `{}`", shorten(text));
            cx.problem_help(item.span, message, "write for example 203.0.113.10");
            continue;
        };
        let in_range = |node: &&Node| {
            let (first, prefix) = node.pod_cidr;
            address.checked_shr(32 - u32::from(prefix)) == first.checked_shr(32 - u32::from(prefix))
        };
        if let Some(node) = nodes.iter().find(in_range) {
            let message = format!("`addresses`: {text} is in the range of the pods of node {}", node.name);
            cx.problem_help(item.span, message, "what stands outside has an address outside, such as 203.0.113.10");
        } else if found.contains(&address) || before.iter().any(|other| other.addresses.contains(&address)) {
            cx.problem(item.span, format!("`addresses`: {text} is given twice"));
        } else {
            found.push(address);
        }
    }
    if !items.is_empty() && items.len() != raw.replicas as usize {
        let message = format!("`addresses`: {} for the {} of {}", items.len(), counted(raw.replicas), short(raw));
        cx.problem_help(at, message, "give every pod one, or leave `addresses` out");
    }
    found
}

fn counted(pods: u32) -> String {
    if pods == 1 { "pod".to_owned() } else { format!("{pods} pods") }
}

fn container(raw: &crate::manifest::ContainerObject) -> Container {
    Container {
        name: raw.name.clone(),
        ports: raw.ports.iter().map(|port| (port.name.clone(), port.container_port)).collect(),
        behaviour: default_behaviour(),
        start: Dist::zero(),
        stop: Dist::zero(),
        sigterm: Sigterm::default(),
        pull: None,
        resources: raw.resources,
    }
}

fn selector(raw: &WorkloadObject) -> Vec<Requirement> {
    raw.node_selector.iter().map(|(key, value)| Requirement::equals(key, value)).collect()
}

fn allowed_nodes(cx: &mut Context<'_>, raw: &WorkloadObject, nodes: &[Node]) -> Vec<usize> {
    let fits = |node: &Node| !node.unschedulable && selects(&raw.node_selector, &node.labels);
    let allowed = (0..nodes.len()).filter(|&index| fits(&nodes[index])).collect::<Vec<_>>();
    if allowed.is_empty() && raw.replicas > 0 && raw.node_name.is_none() {
        let selector =
            raw.node_selector.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ");
        if selector.is_empty() {
            cx.problem_help(raw.span, "no node is schedulable", "add one under cluster.nodes");
        } else {
            cx.problem_help(
                raw.node_selector_span,
                format!("{} selects nodes with {{{selector}}}, and no node has these labels", short(raw)),
                "nodes of the scenario have kubernetes.io/hostname, kubernetes.io/os and topology.kubernetes.io/zone; other labels come from Node manifests",
            );
        }
    }
    allowed
}

/// Pods that could not be placed would be left out silently by a real scheduler; here they are refused.
fn check_capacity(
    cx: &mut Context<'_>,
    objects: &Objects,
    workloads: &[Workload],
    nodes: &[Node],
) -> Vec<placement::Placed> {
    let room = |node: &Node| u64::from(placement::room(node, &Host::default()));
    let with_addresses = workloads.iter().filter(|workload| !workload.outside && !workload.host.network);
    let pods = with_addresses.map(|workload| u64::from(workload.replicas)).sum::<u64>();
    let all = nodes.iter().filter(|node| !node.unschedulable).map(room).sum::<u64>();
    let bound = objects.workloads.iter().any(|raw| raw.node_name.is_some());
    if pods > all
        && !bound
        && let Some(largest) = objects.workloads.iter().max_by_key(|raw| raw.replicas)
    {
        let count = nodes.iter().filter(|node| !node.unschedulable).count() as u64;
        let each = nodes.iter().map(room).max().unwrap_or(1).max(1);
        cx.problem_help(
            largest.replicas_span,
            format!("{pods} pods do not fit on {count} nodes, which take {all}"),
            format!("raise the `count` of cluster.nodes to {} in all, or remove cluster.nodes", pods.div_ceil(each)),
        );
        return Vec::new();
    }
    for (raw, workload) in objects.workloads.iter().zip(workloads) {
        let room = |node: usize| u64::from(placement::room(&nodes[node], &workload.host));
        let room = match workload.node_name {
            Some(node) => room(node),
            None => workload.allowed_nodes.iter().map(|&node| room(node)).sum(),
        };
        if u64::from(workload.replicas) > room && room > 0 {
            let message =
                format!("{} pods of {} do not fit on its nodes, which take {room}", workload.replicas, short(raw));
            match workload.host.ports.is_empty() {
                true => cx.problem(raw.replicas_span, message),
                false => cx.problem_help(raw.replicas_span, message, port_of_node(workload)),
            }
            return Vec::new();
        }
    }
    // Enough in all, but others may take the room that a workload's nodes have.
    let placeable = workloads
        .iter()
        .all(|workload| workload.outside || workload.node_name.is_some() || !workload.allowed_nodes.is_empty());
    if !placeable {
        return Vec::new();
    }
    placement::place(nodes, workloads).unwrap_or_else(|no_room| {
        let (raw, pods) = (&objects.workloads[no_room.workload], workloads[no_room.workload].replicas);
        if let Some(why) = no_room.why {
            let message = format!("only {} of {pods} pods of {} find a node: {why}", no_room.placed, short(raw));
            cx.problem_help(raw.replicas_span, message, "lower `replicas`, ask for less, or add nodes");
            return Vec::new();
        }
        let message = format!("only {} of {pods} pods of {} find room on its nodes", no_room.placed, short(raw));
        let workload = &workloads[no_room.workload];
        let help = match workload.host.ports.is_empty() {
            true => {
                let asked =
                    if scheduling::requests(workload).is_nothing() { "" } else { ", and has what they request" };
                format!(
                    "a node takes as many pods as its allocatable.pods says and its podCIDR has addresses for{asked}"
                )
            }
            false => port_of_node(workload),
        };
        cx.problem_help(raw.replicas_span, message, help);
        Vec::new()
    })
}

/// Why only one of these pods stands on a node.
fn port_of_node(workload: &Workload) -> String {
    let why = if workload.host.network { "hostNetwork" } else { "hostPort" };
    let ports = workload.host.ports_text();
    format!(
        "with `{why}` a pod takes {ports} of its node, and a port of a node is one pod's: fewer pods, or more nodes"
    )
}

/// Speeds and episodes of single pods.
type SinglePods = (Vec<(u32, f64)>, Vec<(u32, Vec<Episode>)>);

fn single_pods(cx: &mut Context<'_>, entry: &Entry<'_>, raw: &WorkloadObject) -> SinglePods {
    let (mut speeds, mut all_episodes) = SinglePods::default();
    let mut seen = BTreeSet::new();
    for item in entry.object.list(cx, "pods") {
        let Some(object) = cx.object(item, &tables::POD) else { continue };
        let (index, speed) = (object.count32(cx, "index"), object.positive(cx, "speed"));
        let episodes = episodes(cx, &object);
        if object.get("speed").is_none() && object.get("episodes").is_none() {
            cx.problem_help(
                object.span,
                "a `pod` differs by `speed` or `episodes`",
                "write {index: 0, speed: 0.5}, or {index: 0, episodes: [{from: 1m, to: 2m, speed: 0.1}]}",
            );
        }
        let Some(index) = index else { continue };
        let place = object.get("index").map_or(object.span, |node| node.span);
        if index >= raw.replicas {
            cx.problem_help(place, format!("{} has no pod {index}", short(raw)), it_has(raw.replicas as usize, "pod"));
        } else if !seen.insert(index) {
            cx.problem(place, format!("pod {index} stands here twice"));
        } else {
            speeds.extend(speed.map(|speed| (index, speed)));
            if !episodes.is_empty() {
                all_episodes.push((index, episodes));
            }
        }
    }
    (speeds, all_episodes)
}

fn episodes(cx: &mut Context<'_>, pod: &Object<'_>) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    for item in pod.list(cx, "episodes") {
        let Some(object) = cx.object(item, &tables::EPISODE) else { continue };
        let (from, to) = (object.duration(cx, "from"), object.duration(cx, "to"));
        let speed = object.positive(cx, "speed").map(Change::Speed);
        let time = object.get("serviceTime").and_then(|node| dist(cx, node, "serviceTime")).map(Change::ServiceTime);
        if object.get("speed").is_some() == object.get("serviceTime").is_some() {
            cx.problem_help(
                object.span,
                "an `episode` needs either `speed` or `serviceTime`",
                "write {from: 15s, to: 45s, serviceTime: 2s}",
            );
        }
        let (Some(from), Some(to), Some(change)) = (from, to, speed.or(time)) else { continue };
        if from >= to {
            cx.problem(object.key_span("to"), "`to` must be later than `from`");
        } else if episodes.last().is_some_and(|last| from < last.to) {
            cx.problem(object.key_span("from"), "an episode begins after the one before has ended");
        } else {
            episodes.push(Episode { from, to, change });
        }
    }
    episodes
}

/// Gives the containers their behaviour, in the order of workloads and containers; returns where calls are written.
pub(super) fn behaviours(
    cx: &mut Context<'_>,
    workloads: &mut [Workload],
    entries: &[Entry<'_>],
    targets: &Targets<'_>,
    lives: bool,
) -> Vec<(usize, usize, Vec<CallSite>)> {
    let mut sites = Vec::new();
    for (index, workload) in workloads.iter_mut().enumerate() {
        let target = workload.target();
        let entry = entries.iter().find(|entry| entry.workload == index);
        let described = entry.map_or(&[] as &[(Key, yaml::Node)], |entry| described(cx, entry, workload));
        pod_life::processes(cx, workload, described, lives);
        for (position, container) in workload.containers.iter_mut().enumerate() {
            let label = format!("{target} container {}", container.name);
            let field = format!("workloads[{target}].containers.{}", container.name);
            match described.iter().find(|(key, _)| key.name == container.name) {
                Some((_, node)) => {
                    let mut own = Vec::new();
                    let client = Client { namespace: &workload.namespace, workload: Some(index), internet: None };
                    container.behaviour = behaviour(cx, node, (&label, &field), client, targets, &mut own);
                    sites.push((index, position, own));
                }
                None if is_reached(index, position, targets) => {
                    cx.assume(
                        format!("{label}: behaviour"),
                        "concurrency 16, queue 1000 fifo, lognormal mean 10ms, cv 1",
                        field,
                    );
                }
                None => {}
            }
        }
    }
    sites
}

/// What the scenario says of the resolver of each workload's pods.
pub(super) fn resolvers(
    cx: &mut Context<'_>,
    workloads: &[Workload],
    entries: &[Entry<'_>],
    rules: &Rules,
) -> Vec<Resolver> {
    let of = |index: usize| entries.iter().find(|entry| entry.workload == index);
    let mut read = |index| of(index).map_or_else(Resolver::default, |entry| dns::resolver(cx, &entry.object, rules));
    (0..workloads.len()).map(&mut read).collect()
}

/// A resolver that nobody uses: the pods neither send a traffic nor call anybody.
pub(super) fn warn_of_idle_resolvers(
    cx: &mut Context<'_>,
    entries: &[Entry<'_>],
    workloads: &[Workload],
    traffic: &[Traffic],
) {
    for entry in entries.iter().filter(|entry| entry.object.get("resolver").is_some()) {
        let sends = traffic.iter().any(|traffic| traffic.from == Source::Workload(entry.workload));
        let mut steps = workloads[entry.workload].containers.iter().flat_map(|container| &container.behaviour.steps);
        if !sends && !steps.any(|step| matches!(step, Step::Calls(_))) {
            let message =
                format!("{} sends nothing, so its `resolver` has no effect", workloads[entry.workload].target());
            cx.problems.push(Problem::warning(entry.object.key_span("resolver"), message));
        }
    }
}

/// Whether some Service leads to the container: without requests its behaviour does not matter.
fn is_reached(workload: usize, container: usize, targets: &Targets<'_>) -> bool {
    targets.services.ports.iter().any(|service| service.targets.contains(&(workload, container)))
}

/// The entries of `containers`, each refused if the workload has no such container.
fn described<'a>(cx: &mut Context<'_>, entry: &Entry<'a>, workload: &Workload) -> &'a [(Key, yaml::Node)] {
    let Some(node) = entry.object.get("containers") else { return &[] };
    let Value::Map(containers) = &node.value else {
        cx.problem_help(
            node.span,
            "`containers` is a map from container names to behaviour",
            "write containers: {app: {concurrency: 8}}",
        );
        return &[];
    };
    for (key, _) in containers {
        if workload.containers.iter().any(|container| container.name == key.name) || startup::ends(workload, &key.name)
        {
            continue;
        }
        let ends = workload.init.iter().filter(|init| init.sidecar.is_none()).map(|init| init.name.as_str());
        let known = workload.containers.iter().map(|container| container.name.as_str()).chain(ends);
        let known = known.collect::<Vec<_>>();
        let message = format!("{} has no container `{}`", workload.target(), shorten(&key.name));
        let help = match nearest(&key.name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its containers are {}", known.join(", ")),
        };
        cx.problem_help(key.span, message, help);
    }
    containers
}
