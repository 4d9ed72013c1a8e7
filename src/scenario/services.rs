//! Which containers stand behind which Service port.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::Service;
use super::applied::Change;
use super::by_hand;
use super::cluster_ips::ClusterIps;
use super::context::{Context, Object};
use super::objects::{Objects, Shown, short};
use super::outside::Outside;
use super::placement::Placed;
use super::turns::Turn;
use crate::manifest::{
    ContainerPort, NODE_PORTS, ServiceForm, ServiceObject, ServicePortObject, TargetPort, WorkloadObject,
};
use crate::time::SimDuration;
use crate::yaml::nearest;

/// Every Service, grouped by object.
#[derive(Debug)]
pub(super) struct ServiceTable {
    /// The address of the cluster's DNS.
    pub(super) dns: Ipv4Addr,
    /// One entry a port, as [`Scenario::services`](super::Scenario::services) has them.
    pub(super) ports: Vec<Service>,
    /// One entry an object.
    pub(super) groups: Vec<Group>,
    /// When Services come, change and go.
    pub(super) turns: Vec<Turn>,
}

/// A Service object.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Its first entry in [`ServiceTable::ports`].
    pub(super) first: usize,
    pub(super) count: usize,
    /// Written by a scenario rather than a manifest.
    pub(super) inline: bool,
    /// Without an address: its name resolves to the pods, among which the client itself chooses.
    pub(super) headless: bool,
    /// Supported, but something in the manifests is missing: worth a word where nobody uses it.
    pub(super) incomplete: bool,
    /// Why no request can be sent there.
    pub(super) unusable: Option<Reason>,
    /// Why no request can be sent to one of its ports.
    pub(super) broken: Vec<Option<Reason>>,
}

/// What is wrong, and what to do about it.
pub(super) type Reason = (String, Option<String>);

impl Group {
    /// Why no request can be sent to the port at this position.
    pub(super) fn reason(&self, position: usize) -> Option<&Reason> {
        self.unusable.as_ref().or_else(|| self.broken.get(position).and_then(Option::as_ref))
    }
}

/// `web`, or `web.shop` outside the namespace `default`.
pub(super) fn dotted(namespace: &str, name: &str) -> String {
    if namespace == "default" { name.to_owned() } else { format!("{name}.{namespace}") }
}

/// Whether every pair of the selector is among the labels.
pub(super) fn selects(selector: &[(String, String)], labels: &[(String, String)]) -> bool {
    selector.iter().all(|pair| labels.contains(pair))
}

impl ServiceTable {
    /// Finds the containers behind every Service port and gives every Service an address.
    pub(super) fn build(
        cx: &mut Context<'_>,
        objects: &Objects,
        pods: &[Placed],
        cluster: Option<&Object<'_>>,
        changes: &[Change],
    ) -> Self {
        let mut cluster_ips = ClusterIps::new(cx, cluster, objects);
        let mut table = Self { dns: cluster_ips.dns(), ports: Vec::new(), groups: Vec::new(), turns: Vec::new() };
        let mut node_ports = NodePorts::written(cx, &objects.services);
        for (index, service) in objects.services.iter().enumerate() {
            let cluster_ip = cluster_ips.of(cx, service);
            table.add(cx, service, index >= objects.manifest_services, cluster_ip, objects, pods);
        }
        for (index, service) in objects.services.iter().enumerate() {
            table.lay_eras(cx, (index, service), &mut cluster_ips, objects, changes);
        }
        table.give_node_ports(cx, objects, &mut node_ports);
        table
    }

    fn add(
        &mut self,
        cx: &mut Context<'_>,
        service: &ServiceObject,
        inline: bool,
        cluster_ip: u32,
        objects: &Objects,
        pods: &[Placed],
    ) {
        let workloads = objects.workloads.as_slice();
        let by_hand = service.form == ServiceForm::NoSelector;
        let name = dotted(&service.namespace, &service.name);
        if self.groups.iter().any(|group| group.namespace == service.namespace && group.name == service.name) {
            cx.problem_help(service.span, format!("service/{name} is written twice"), "remove one of them");
            return;
        }
        let (mut selected, mut broken) = (Vec::new(), Vec::new());
        let mut unusable = None;
        if let Some(name) = &service.external_name {
            let message = format!("has no endpoints: it is another name of `{name}`");
            unusable = Some((message, Some("name the Service that it leads to".to_owned())));
        } else if by_hand {
            unusable = by_hand::missing(service, objects);
        } else {
            selected = selected_by(&service.selector, &service.namespace, workloads);
            if selected.is_empty() {
                unusable = Some(matches_nothing(service, workloads));
            } else if service.ports.is_empty() {
                unusable = Some(without_ports(service));
            }
        }
        let headless = service.is_headless();
        let first = self.ports.len();
        for port in &service.ports {
            let mut own_port = pod_port(&port.target_port, selected.iter().map(|&workload| &workloads[workload]));
            let (mut targets, mut reason) = behind(cx, &name, &port.target_port, &selected, workloads);
            let mut only = Vec::new();
            if by_hand && unusable.is_none() {
                match by_hand::behind(service, port.name.as_deref(), objects, pods) {
                    Ok(found) => {
                        (targets, only) = (found.targets, found.only);
                        own_port = found.port;
                    }
                    Err(why) => reason = Some(why),
                }
            }
            broken.push(reason);
            self.ports.push(Service {
                namespace: service.namespace.clone(),
                name: service.name.clone(),
                port: own_port.filter(|_| headless).unwrap_or(port.port),
                port_name: port.name.clone(),
                multi_port: service.ports.len() > 1,
                cluster_ip,
                target_port: own_port.unwrap_or(port.port),
                affinity: service.affinity.map(|seconds| SimDuration::from_secs(u64::from(seconds))),
                targets,
                only,
                pod: None,
                headless,
                loopback: false,
                policy: service.policy,
                outside: outside_of(service, port),
                eras: Vec::new(),
            });
        }
        self.groups.push(Group {
            namespace: service.namespace.clone(),
            name: service.name.clone(),
            first,
            count: service.ports.len(),
            inline,
            headless,
            incomplete: service.external_name.is_none() && (unusable.is_some() || broken.iter().any(Option::is_some)),
            unusable,
            broken,
        });
    }

    /// Node ports for those that write none.
    fn give_node_ports(&mut self, cx: &mut Context<'_>, objects: &Objects, node_ports: &mut NodePorts) {
        for group in &self.groups {
            let same = |one: &&ServiceObject| one.namespace == group.namespace && one.name == group.name;
            let Some(object) = objects.services.iter().find(same) else { continue };
            if !object.outside.as_ref().is_some_and(|outside| outside.node_ports) {
                continue;
            }
            for port in &mut self.ports[group.first..group.first + group.count] {
                let Some(outside) = &mut port.outside else { continue };
                if outside.node_port.is_some() {
                    continue;
                }
                outside.node_port = node_ports.next();
                match outside.node_port {
                    Some(number) => {
                        let namespace = match group.namespace.as_str() {
                            "default" => String::new(),
                            other => format!("{other}/"),
                        };
                        // Several ports have names; a single one without a name is the first.
                        let item = port.port_name.as_deref().unwrap_or("0");
                        let field = format!("manifests[{namespace}service/{}].spec.ports[{item}].nodePort", group.name);
                        cx.assume(format!("service/{}: node port", port.label()), number.to_string(), field);
                    }
                    None => cx.problem_help(
                        object.span,
                        format!("no node port is left for service/{}", port.label()),
                        "a cluster has 2768 of them: let fewer Services be of type NodePort or LoadBalancer",
                    ),
                }
            }
        }
    }

    /// Whether the Service of this port is headless.
    pub(super) fn is_headless(&self, port: usize) -> bool {
        self.groups.iter().any(|group| group.headless && (group.first..group.first + group.count).contains(&port))
    }

    /// `service/NAME` or `service/NAMESPACE/NAME`, both with `:PORT` where needed: the index of the port.
    pub(super) fn port_of(&self, text: &str) -> Result<usize, (String, Option<String>)> {
        let example = || Some("write service/NAME or service/NAMESPACE/NAME".to_owned());
        let Some(rest) = text.strip_prefix("service/") else {
            return Err((format!("expected service/NAME, found `{}`", super::values::shorten(text)), example()));
        };
        let (path, port) = rest.rsplit_once(':').map_or((rest, None), |(path, port)| (path, Some(port)));
        let (namespace, name) = path.split_once('/').map_or((None, path), |(space, name)| (Some(space), name));
        let group = self.group_of(namespace, name)?;
        let label = dotted(&group.namespace, &group.name);
        let ports = &self.ports[group.first..group.first + group.count];
        let written = |entry: &Service| match &entry.port_name {
            Some(name) => format!("service/{path}:{name}"),
            None => format!("service/{path}:{}", entry.port),
        };
        let position = match port {
            _ if group.unusable.is_some() => 0,
            None if ports.len() == 1 => 0,
            None => {
                let known = ports.iter().map(written).collect::<Vec<_>>().join(" or ");
                return Err((format!("service/{label} has {} ports", ports.len()), Some(format!("write {known}"))));
            }
            Some(port) => {
                let fits = |entry: &Service| entry.port.to_string() == port || entry.port_name.as_deref() == Some(port);
                let unknown = || {
                    let known = ports.iter().map(written).collect::<Vec<_>>().join(" or ");
                    (format!("service/{label} has no port `{port}`"), Some(format!("write {known}")))
                };
                ports.iter().position(fits).ok_or_else(unknown)?
            }
        };
        match group.reason(position) {
            Some((message, help)) => Err((format!("service/{label} {message}"), help.clone())),
            None => Ok(group.first + position),
        }
    }

    /// The Service of that name: in the namespace given, else in `default`, else the only one of that name.
    pub(super) fn group_of(&self, namespace: Option<&str>, name: &str) -> Result<&Group, (String, Option<String>)> {
        let mut named = self
            .groups
            .iter()
            .filter(|group| group.name == name && namespace.is_none_or(|space| group.namespace == space));
        let all = named.clone().collect::<Vec<_>>();
        match all.as_slice() {
            [only] => Ok(only),
            [] => {
                if let Some(space) = namespace {
                    return Err(self.not_in_namespace(space, name));
                }
                let known = self.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>();
                let help = match nearest(name, known.iter().copied()) {
                    Some(near) if near != name => Some(format!("did you mean `service/{near}`?")),
                    _ if known.is_empty() => None,
                    _ => Some(format!("the Services are {}", super::values::shorten(&known.join(", ")))),
                };
                Err((format!("no Service `{}`", super::values::shorten(name)), help))
            }
            several => named.find(|group| group.namespace == "default").ok_or_else(|| {
                let known = several.iter().map(|group| format!("service/{}/{}", group.namespace, group.name));
                let known = known.collect::<Vec<_>>().join(" or ");
                (format!("several Services are called `{name}`"), Some(format!("write {known}")))
            }),
        }
    }
}

impl ServiceTable {
    /// What is said of a namespace that has no Service of that name, or does not exist.
    fn not_in_namespace(&self, space: &str, name: &str) -> super::values::Bad {
        let known: Vec<String> = self.groups.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        let help = match nearest(&format!("{space}/{name}"), known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `service/{near}`?"),
            None => format!("the Services are {}", super::values::shorten(&known.join(", "))),
        };
        let shorten = super::values::shorten;
        (format!("no Service `{}` in namespace `{}`", shorten(name), shorten(space)), Some(help))
    }
}

/// The containers behind a port, or why there are none.
pub(super) fn behind(
    cx: &mut Context<'_>,
    service: &str,
    port: &TargetPort,
    selected: &[usize],
    workloads: &[WorkloadObject],
) -> (Vec<(usize, usize)>, Option<Reason>) {
    let (mut targets, mut without) = (Vec::new(), Vec::new());
    for &workload in selected {
        match container_with(port, &workloads[workload]) {
            Some((container, declared)) => {
                if !declared {
                    assume_port(cx, &workloads[workload], container, port);
                }
                targets.push((workload, container));
            }
            None => without.push(&workloads[workload]),
        }
    }
    // A number is an address whether somebody listens there or not; pods without a port of that name are no endpoints.
    if targets.is_empty() || matches!(port, TargetPort::Number(_)) {
        let reason = without.first().map(|workload| no_such_port(port, workload));
        return (targets, reason);
    }
    for workload in without {
        let why = format!("the pods of {} have no port {}: none is an endpoint", short(workload), Shown(port));
        cx.ignore(format!("Service/{service}"), why);
    }
    (targets, None)
}

/// How a port is reached from outside; ports that no manifest names are given out later.
fn outside_of(service: &ServiceObject, port: &ServicePortObject) -> Option<Outside> {
    let outside = service.outside.as_ref()?;
    let node_port = port.node_port.map(|(number, _)| number);
    Some(Outside { node_port, local: outside.local, load_balancer: outside.load_balancer })
}

/// The node ports of the cluster.
struct NodePorts {
    taken: BTreeSet<u16>,
    next: u16,
}

/// Where the API server begins to choose: the ports below it are left to those who choose themselves
/// (`pkg/registry/core/service/portallocator` of Kubernetes).
const FIRST_CHOSEN: u16 = 30_086;

impl NodePorts {
    /// Those that manifests ask for; two cannot have one.
    fn written(cx: &mut Context<'_>, services: &[ServiceObject]) -> Self {
        let mut taken: std::collections::BTreeMap<u16, String> = std::collections::BTreeMap::new();
        for service in services {
            let label = dotted(&service.namespace, &service.name);
            let Some(outside) = &service.outside else { continue };
            let ports = service.ports.iter().filter_map(|port| port.node_port);
            let checks = outside.health_check_node_port;
            for (port, span) in ports.chain(checks.map(|port| (port, service.span))) {
                if let Some(other) = taken.insert(port, label.clone()) {
                    cx.problem_help(
                        span,
                        format!("service/{label}: the node port {port} is taken by service/{other}"),
                        "write another, or leave it out and one is chosen",
                    );
                }
            }
        }
        Self { taken: taken.into_keys().collect(), next: FIRST_CHOSEN }
    }

    /// The next free one: from the upper part of the range, then from the lower. A real API server draws them.
    fn next(&mut self) -> Option<u16> {
        let (first, last) = (*NODE_PORTS.start(), *NODE_PORTS.end());
        for _ in first..=last {
            let port = self.next;
            self.next = if port == last { first } else { port + 1 };
            if self.taken.insert(port) {
                return Some(port);
            }
        }
        None
    }
}

pub(super) fn selected_by(selector: &[(String, String)], namespace: &str, workloads: &[WorkloadObject]) -> Vec<usize> {
    let fits = |workload: &WorkloadObject| workload.namespace == namespace && selects(selector, &workload.labels);
    (0..workloads.len()).filter(|&index| fits(&workloads[index])).collect()
}

/// Why nobody can use a Service that has no ports by TCP.
fn without_ports(service: &ServiceObject) -> Reason {
    if service.ports_left_out.is_empty() {
        return ("has no ports".to_owned(), None);
    }
    let known = service.ports_left_out.join(", ");
    let known = super::values::shorten(&known);
    let help = "leave `protocol` out there, and write `connections: {protocol: udp}` at the traffic for datagrams";
    (format!("has no port by TCP, and no other is modelled; it has {known}"), Some(help.to_owned()))
}

fn matches_nothing(service: &ServiceObject, workloads: &[WorkloadObject]) -> Reason {
    let (selector, namespace) = (&service.selector, service.namespace.as_str());
    let pairs = |pairs: &[(String, String)]| {
        pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
    };
    let message = format!("selects {{{}}}, and no pod in namespace `{namespace}` has these labels", pairs(selector));
    // The workload that fails by the fewest labels is the one that was probably meant.
    let near = workloads.iter().filter(|workload| !workload.labels.is_empty()).max_by_key(|workload| {
        let shared = selector.iter().filter(|pair| workload.labels.contains(pair)).count();
        let alike = selector.iter().filter(|(key, value)| {
            workload.labels.iter().any(|(own, label)| own == key && nearest(value, [label.as_str()]).is_some())
        });
        (shared, workload.name == service.name, alike.count(), workload.namespace == namespace)
    });
    let help = near.map(|workload| {
        format!(
            "the pods of {} in namespace `{}` have {{{}}}",
            short(workload),
            workload.namespace,
            pairs(&workload.labels)
        )
    });
    (message, help)
}

/// The number of a target port. Nobody translates ports on the way to a pod behind a headless Service, so its clients
/// name the pod's own.
pub(super) fn pod_port<'a>(target: &TargetPort, workloads: impl Iterator<Item = &'a WorkloadObject>) -> Option<u16> {
    match target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let containers = workloads.flat_map(|workload| &workload.containers);
            let mut ports = containers.flat_map(|container| &container.ports);
            ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
        }
    }
}

/// The container that has the target port, and whether it declares it.
pub(super) fn container_with(target: &TargetPort, workload: &WorkloadObject) -> Option<(usize, bool)> {
    let declares = |port: &ContainerPort| match target {
        TargetPort::Number(wanted) => port.container_port == *wanted,
        TargetPort::Name(wanted) => port.name.as_deref() == Some(wanted),
    };
    if let Some(index) = workload.containers.iter().position(|container| container.ports.iter().any(declares)) {
        return Some((index, true));
    }
    if workload.host_network() {
        // Who may stand beside whom on a node follows from the ports that are written down.
        return None;
    }
    // `containerPort` informs only: a single container without any listens where the Service sends.
    let mut own = workload.containers.iter().filter(|container| !container.sidecar);
    match (target, own.next(), own.next()) {
        (TargetPort::Number(_), Some(only), None) if only.ports.is_empty() => Some((0, false)),
        _ => None,
    }
}

fn assume_port(cx: &mut Context<'_>, workload: &WorkloadObject, container: usize, target: &TargetPort) {
    let (workload_name, container) = (short(workload), &workload.containers[container].name);
    let spec = if workload.kind == "pod" { "spec" } else { "spec.template.spec" };
    let field = format!("manifests[{workload_name}].{spec}.containers[{container}].ports");
    cx.assume(format!("{workload_name} container {container}: port"), Shown(target).to_string(), field);
}

fn no_such_port(target: &TargetPort, workload: &WorkloadObject) -> Reason {
    let known = workload.containers.iter().flat_map(|container| {
        container.ports.iter().map(move |port| match &port.name {
            Some(name) => format!("{} ({name}) in container {}", port.container_port, container.name),
            None => format!("{} in container {}", port.container_port, container.name),
        })
    });
    let known = known.collect::<Vec<_>>();
    let message = format!("sends to port {}, which no container of {} has", Shown(target), short(workload));
    let help = if known.is_empty() {
        format!("give a container of {} the port under `ports`", short(workload))
    } else {
        format!("set `targetPort` to one of {}", known.join(", "))
    };
    (message, Some(help))
}
