//! Deployments, ReplicaSets and Pods.

use super::fields::{Context, Fields, NameRule};
use super::object::{ContainerObject, ContainerPort, InitObject, WorkloadObject};
use super::pod_life::{self, PodLifeObject, RolloutObject};
use super::resources::{self, Resources};
use super::scheduling::{self, Scheduling};
use super::subject::Role;
use crate::discovery::resolv_conf::{DnsConfig, DnsPolicy, PodDns};
use crate::yaml::{Node, Span, nearest, write};

/// Largest `replicas` that Kubernetes stores.
const MOST_REPLICAS: u32 = i32::MAX.unsigned_abs();

pub(super) fn read(context: &mut Context<'_>, node: &Node, role: Role) -> Option<WorkloadObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    let mut metadata = context.metadata(&mut top)?;
    let mut workload = WorkloadObject {
        kind: match role {
            Role::Deployment => "deployment",
            Role::ReplicaSet => "replicaset",
            _ => "pod",
        },
        namespace: context.subject.namespace.clone(),
        name: context.subject.name.clone(),
        replicas: 1,
        replicas_span: context.name_span,
        labels: Vec::new(),
        containers: Vec::new(),
        init: Vec::new(),
        node_name: None,
        node_name_span: context.name_span,
        node_selector: Vec::new(),
        node_selector_span: context.name_span,
        scheduling: Scheduling::default(),
        dns: PodDns::default(),
        service_links: true,
        host: None,
        template: String::new(),
        life: PodLifeObject::default(),
        rollout: RolloutObject::default(),
        span: context.name_span,
    };
    if role == Role::Pod {
        workload.labels = context.texts(&mut metadata, "labels");
    }
    context.finish(&metadata);
    let mut spec = required_map(context, &mut top, "spec")?;
    context.finish(&top);
    if role == Role::Pod {
        read_pod(context, &mut spec, &mut workload);
    } else {
        read_replicated(context, &mut spec, &mut workload)?;
    }
    context.finish(&spec);
    context.used(&summary(&workload));
    Some(workload)
}

/// `spec` of a Deployment or a ReplicaSet.
fn read_replicated(context: &mut Context<'_>, spec: &mut Fields<'_>, workload: &mut WorkloadObject) -> Option<()> {
    if let Some(place) = spec.take("replicas") {
        workload.replicas_span = place.span;
        workload.replicas = context.whole(spec, "replicas", 0..=MOST_REPLICAS).unwrap_or(1);
    }
    if workload.kind == "deployment" {
        workload.rollout = pod_life::read_rollout(context, spec);
    }
    if let Some(node) = spec.peek("template") {
        workload.template = write(std::slice::from_ref(node));
    }
    let mut template = required_map(context, spec, "template")?;
    if let Some(mut metadata) = context.inner(&mut template, "metadata") {
        workload.labels = context.texts(&mut metadata, "labels");
        metadata.take("name");
        metadata.take("namespace");
        context.finish(&metadata);
    }
    check_selector(context, spec, &workload.labels);
    let mut pod = required_map(context, &mut template, "spec")?;
    context.finish(&template);
    read_pod(context, &mut pod, workload);
    context.finish(&pod);
    Some(())
}

/// Kubernetes refuses a selector that does not select the template's own pods.
fn check_selector(context: &mut Context<'_>, spec: &mut Fields<'_>, labels: &[(String, String)]) {
    let Some(mut selector) = context.inner(spec, "selector") else { return };
    let span = selector.span;
    for (key, value) in context.texts(&mut selector, "matchLabels") {
        if labels.iter().all(|(label, text)| (label, text) != (&key, &value)) {
            context.error(
                span,
                &format!("`spec.selector` asks for the label `{key}: {value}`, which its pods do not have"),
                &format!("write `{key}: {value}` in `spec.template.metadata.labels`, or select another label"),
            );
        }
    }
    selector.take("matchExpressions"); // names the same pods in other words; Kubernetes has checked it
    context.finish(&selector);
}

/// `spec` of a pod.
fn read_pod(context: &mut Context<'_>, pod: &mut Fields<'_>, workload: &mut WorkloadObject) {
    // Before the containers, whose ports are then those of the node.
    workload.dns.host_network = context.boolean(pod, "hostNetwork").unwrap_or(false);
    let given = pod.take("containers");
    let list_span = given.map_or(pod.span, |list| list.span);
    for mut container in context.items(pod, "containers") {
        read_container(context, &mut container, false, workload);
    }
    read_init_containers(context, pod, workload);
    if given.is_none_or(|list| list.is_null() || list.as_list().is_some_and(<[Node]>::is_empty)) {
        context.error(list_span, "a pod needs at least one container", "write for example `containers: [{name: app}]`");
    }
    if let Some(node) = pod.take("nodeName") {
        workload.node_name_span = node.span;
        workload.node_name = context.text(pod, "nodeName").filter(|name| !name.is_empty()).map(str::to_string);
    }
    if let Some(node) = pod.take("nodeSelector") {
        workload.node_selector_span = node.span;
        workload.node_selector = context.texts(pod, "nodeSelector");
    }
    workload.life = pod_life::read_pod(context, pod);
    workload.scheduling = scheduling::read(context, pod);
    read_names(context, pod, workload);
}

/// A container; all containers of a pod share its addresses, so each port is one container's.
fn read_container(context: &mut Context<'_>, container: &mut Fields<'_>, sidecar: bool, workload: &mut WorkloadObject) {
    let span = container.take("name").map_or(container.span, |name| name.span);
    let name = context.text(container, "name").filter(|name| !name.is_empty());
    let Some(name) = name else {
        context.error(span, "a container without a name", "write for example `- name: app`");
        return;
    };
    context.check_part_name(name, span, NameRule::Label);
    if workload.containers.iter().any(|other| other.name == name) {
        context.error(span, &format!("two containers are named `{name}`"), "give each container its own name");
    }
    let ports = read_ports(context, container, workload.host_network());
    let resources = resources::read(context, container);
    let life = pod_life::read_container(context, container);
    context.finish(container);
    for ContainerPort { container_port: port, host_port, .. } in &ports {
        let twin =
            |other: &&ContainerObject| host_port.is_some() && other.ports.iter().any(|own| own.host_port == *host_port);
        if let Some(other) = workload.containers.iter().find(twin).filter(|_| *host_port != Some(*port)) {
            let message = format!(
                "container `{name}` wants the port {} of the node, and so does container `{}` of the same pod",
                host_port.unwrap_or(0),
                other.name
            );
            context.error(span, &message, "give every `hostPort` of a pod a number of its own");
        }
        let has = |other: &&ContainerObject| other.ports.iter().any(|own| own.container_port == *port);
        if let Some(other) = workload.containers.iter().find(has) {
            let message = format!(
                "container `{name}` cannot start: container `{}` of the same pod has the port {port}, so the pod never becomes ready",
                other.name
            );
            context.error(span, &message, "give every container of a pod a port of its own");
        }
    }
    workload.containers.push(ContainerObject { name: name.to_string(), sidecar, ports, resources, life, span });
}

/// Init containers: those that go on running serve beside the others, and all have their turn when the pod starts.
fn read_init_containers(context: &mut Context<'_>, pod: &mut Fields<'_>, workload: &mut WorkloadObject) {
    for mut container in context.items(pod, "initContainers") {
        let stays = context.text(&mut container, "restartPolicy") == Some("Always");
        let name = container.peek("name").and_then(Node::as_str).map(str::to_owned);
        let resources = if stays {
            read_container(context, &mut container, true, workload);
            workload.containers.last().map_or(Resources::default(), |container| container.resources)
        } else {
            read_init_container(context, &mut container, workload)
        };
        workload.init.extend(name.filter(|name| !name.is_empty()).map(|name| InitObject { name, resources }));
    }
}

/// One that ends: what it asks for counts for the pod, and how long it runs, which the scenario says.
fn read_init_container(context: &mut Context<'_>, container: &mut Fields<'_>, workload: &WorkloadObject) -> Resources {
    let resources = resources::read(context, container);
    let span = container.take("name").map_or(container.span, |name| name.span);
    let Some(name) = context.text(container, "name").filter(|name| !name.is_empty()) else {
        context.error(span, "a container without a name", "write for example `- name: app`");
        return resources;
    };
    context.check_part_name(name, span, NameRule::Label);
    let others = workload.containers.iter().map(|other| &other.name);
    if others.chain(workload.init.iter().map(|other| &other.name)).any(|other| other == name) {
        context.error(span, &format!("two containers are named `{name}`"), "give each container its own name");
    }
    resources
}

/// What decides about the names that the pod can ask for, and those it has itself.
fn read_names(context: &mut Context<'_>, pod: &mut Fields<'_>, workload: &mut WorkloadObject) {
    let place = pod.peek("dnsPolicy").map_or(pod.span, |node| node.span);
    workload.dns.policy = match context.text(pod, "dnsPolicy") {
        None | Some("ClusterFirst") => DnsPolicy::ClusterFirst,
        Some("ClusterFirstWithHostNet") => DnsPolicy::ClusterFirstWithHostNet,
        Some("Default") => DnsPolicy::Default,
        Some("None") => DnsPolicy::None,
        Some(other) => {
            let message = format!("`dnsPolicy` must be a policy, and this is `{other}`");
            let help = match nearest(other, ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write ClusterFirst, ClusterFirstWithHostNet, Default or None".to_owned(),
            };
            context.error(place, &message, &help);
            DnsPolicy::ClusterFirst
        }
    };
    if let Some(mut config) = context.inner(pod, "dnsConfig") {
        workload.dns.config = DnsConfig {
            nameservers: context.list_of_texts(&mut config, "nameservers"),
            searches: context.list_of_texts(&mut config, "searches"),
            options: read_options(context, &mut config),
        };
        context.finish(&config);
    }
    if workload.dns.policy == DnsPolicy::None && workload.dns.config.nameservers.is_empty() {
        let help = "write for example `dnsConfig: {nameservers: [10.96.0.10]}`";
        context.error(place, "`dnsPolicy: None` needs nameservers", help);
    }
    workload.service_links = context.boolean(pod, "enableServiceLinks").unwrap_or(true);
    let mut name =
        |context: &mut Context<'_>, key| context.text(pod, key).filter(|name| !name.is_empty()).map(str::to_owned);
    let (hostname, subdomain) = (name(context, "hostname"), name(context, "subdomain"));
    workload.host = hostname.zip(subdomain);
}

/// `dnsConfig.options`: a name, some with a value.
fn read_options(context: &mut Context<'_>, config: &mut Fields<'_>) -> Vec<(String, Option<String>)> {
    let mut options = Vec::new();
    for mut item in context.items(config, "options") {
        let name = context.text(&mut item, "name").map(str::to_owned);
        // Quoted or not, a number is a text here.
        let value = item.take("value").and_then(Node::as_scalar).map(|scalar| scalar.text.clone());
        context.finish(&item);
        match name {
            Some(name) => options.push((name, value)),
            None => context.error(item.span, "an option without a name", "write for example `- name: ndots`"),
        }
    }
    options
}

fn read_ports(context: &mut Context<'_>, container: &mut Fields<'_>, on_host: bool) -> Vec<ContainerPort> {
    let mut ports: Vec<ContainerPort> = Vec::new();
    for mut port in context.items(container, "ports") {
        let protocol_path = port.path("protocol");
        if let Some(protocol) = context.text(&mut port, "protocol").filter(|protocol| *protocol != "TCP") {
            context.ignore(&format!("{protocol_path} {protocol}"), "only TCP is modelled: the port is left out");
            continue;
        }
        let place = port.take("name").map_or(port.span, |name| name.span);
        let name = context.text(&mut port, "name").filter(|name| !name.is_empty()).map(str::to_string);
        if let Some(name) = &name {
            context.check_part_name(name, place, NameRule::Port);
            if ports.iter().any(|other| other.name.as_ref() == Some(name)) {
                context.error(place, &format!("two ports are named `{name}`"), "give each port its own name");
            }
        }
        if port.take("containerPort").is_none() {
            context.error(port.span, "a port without a number", "write for example `- containerPort: 8080`");
        }
        let place = port.peek("hostPort").map_or(port.span, |node| node.span);
        // Zero is the same as nothing.
        let given = if port.peek("hostPort").and_then(Node::as_u64) == Some(0) {
            port.take("hostPort");
            None
        } else {
            context.port(&mut port, "hostPort")
        };
        if let Some(container_port) = context.port(&mut port, "containerPort") {
            if let Some(other) = given.filter(|other| on_host && *other != container_port) {
                let message = format!(
                    "with `hostNetwork` the port {container_port} of the container is the node's, and `hostPort` is {other}"
                );
                context.error(place, &message, "write the same number twice, or leave `hostPort` out");
            }
            let host_port = if on_host { Some(container_port) } else { given };
            if ports.iter().any(|other| host_port.is_some() && other.host_port == host_port) && !on_host {
                let message = format!("two ports want the port {} of the node", host_port.unwrap_or(0));
                context.error(place, &message, "give every `hostPort` of a pod a number of its own");
            }
            ports.push(ContainerPort { name, container_port, host_port });
        }
        context.finish(&port);
    }
    ports
}

/// A map that Kubernetes requires.
fn required_map<'n>(context: &mut Context<'_>, fields: &mut Fields<'n>, name: &str) -> Option<Fields<'n>> {
    if fields.take(name).is_none() {
        let span: Span = if fields.path(name) == name { context.name_span } else { fields.span };
        let path = fields.path(name);
        context.error(span, &format!("`{path}` is missing"), "see `kubectl explain` for what it holds");
    }
    context.inner(fields, name)
}

/// `3 replicas, container app (8080, http=80)`.
fn summary(workload: &WorkloadObject) -> String {
    let mut parts = Vec::new();
    if workload.kind != "pod" {
        parts.push(format!("{} replica{}", workload.replicas, if workload.replicas == 1 { "" } else { "s" }));
    }
    for container in &workload.containers {
        let ports: Vec<_> = container
            .ports
            .iter()
            .map(|port| {
                let number = match &port.name {
                    Some(name) => format!("{name}={}", port.container_port),
                    None => port.container_port.to_string(),
                };
                match port.host_port.filter(|_| !workload.host_network()) {
                    Some(host) => format!("{number}, {host} of the node"),
                    None => number,
                }
            })
            .collect();
        let ports = if ports.is_empty() { String::new() } else { format!(" ({})", ports.join(", ")) };
        parts.push(format!("container {}{ports}{}", container.name, asks(&container.resources)));
    }
    let ends = |init: &&InitObject| {
        !workload.containers.iter().any(|container| container.sidecar && container.name == init.name)
    };
    let told = |init: &InitObject| format!("init container {}{}", init.name, asks(&init.resources));
    parts.extend(workload.init.iter().filter(ends).map(told));
    if workload.host_network() {
        parts.push("on the network of its node".to_owned());
    }
    if let Some(node) = &workload.node_name {
        parts.push(format!("on node {node}"));
    }
    if !workload.node_selector.is_empty() {
        let labels: Vec<_> = workload.node_selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        parts.push(format!("on nodes with {}", labels.join(",")));
    }
    parts.join(", ")
}

/// ` with 500m CPU of at most 2`, where anything is said.
fn asks(resources: &Resources) -> String {
    resources::summary(resources).map_or_else(String::new, |told| format!(" with {told}"))
}
