//! Services.

use std::net::{IpAddr, Ipv4Addr};

use super::fields::{Context, Fields, NameRule};
use super::object::{ServiceForm, ServiceObject, ServicePortObject, TargetPort};
use super::outside;
use super::traffic_policy;
use crate::yaml::{Node, Span, nearest};

/// `timeoutSeconds` where a manifest does not say.
const AFFINITY_SECONDS: u32 = 10_800;

pub(super) fn read(context: &mut Context<'_>, node: &Node) -> Option<ServiceObject> {
    context.check_name(NameRule::Label);
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    if top.take("spec").is_none() {
        let help = "write `spec: {selector: …, ports: [{port: 80}]}`";
        context.error(context.name_span, "`spec` is missing", help);
    }
    let mut spec = context.inner(&mut top, "spec")?;
    context.finish(&top);
    let type_ = read_type(context, &mut spec)?;
    let selector = context.texts(&mut spec, "selector");
    let (cluster_ip, headless) = read_address(context, &mut spec);
    let form = match type_ {
        "ExternalName" => ServiceForm::ExternalName,
        _ if selector.is_empty() => ServiceForm::NoSelector,
        _ if headless => ServiceForm::Headless,
        _ => ServiceForm::ClusterIp,
    };
    let headless = headless && form != ServiceForm::ExternalName;
    let list_span = spec.take("ports").map_or(context.name_span, |node| node.span);
    let items = context.items(&mut spec, "ports");
    if items.is_empty() && form != ServiceForm::ExternalName && !headless {
        context.error(
            list_span,
            "a Service needs at least one port",
            "write for example `ports: [{port: 80, targetPort: 8080}]`",
        );
    }
    let (ports, ports_left_out) = read_ports(context, items);
    let outside = outside::read(context, &mut spec, type_);
    if outside.is_none()
        && let Some((port, span)) = ports.iter().find_map(|port| port.node_port)
    {
        let message = format!("the node port {port} needs another type of Service, and this is {type_}");
        context.error(span, &message, "write `type: NodePort` or `type: LoadBalancer`");
    }
    let external_name = read_external_name(context, &mut spec, form);
    let affinity = read_affinity(context, &mut spec, headless);
    let policy = traffic_policy::read(context, node, &mut spec, headless);
    context.finish(&spec);
    let service = ServiceObject {
        namespace: context.subject.namespace.clone(),
        name: context.subject.name.clone(),
        selector,
        cluster_ip: if headless && form == ServiceForm::NoSelector { Some("None".to_owned()) } else { cluster_ip },
        external_name,
        type_: type_.to_string(),
        form,
        affinity,
        policy,
        outside,
        ports,
        ports_left_out,
        span: context.name_span,
    };
    context.used(&summary(&service));
    Some(service)
}

fn read_type<'n>(context: &mut Context<'_>, spec: &mut Fields<'n>) -> Option<&'n str> {
    let Some(node) = spec.take("type") else { return Some("ClusterIP") };
    let text = context.text(spec, "type")?;
    if ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].contains(&text) {
        return Some(text);
    }
    let message = format!("`spec.type` must be a type of Service, and this is `{text}`");
    let help = match nearest(text, ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write ClusterIP, NodePort, LoadBalancer or ExternalName".to_owned(),
    };
    context.error(node.span, &message, &help);
    None
}

/// The name that an `ExternalName` is another name of.
fn read_external_name(context: &mut Context<'_>, spec: &mut Fields<'_>, form: ServiceForm) -> Option<String> {
    if form != ServiceForm::ExternalName {
        return None;
    }
    let span = spec.take("externalName").map_or(context.name_span, |node| node.span);
    let name =
        context.text(spec, "externalName").map(|name| name.trim_end_matches('.')).filter(|name| !name.is_empty());
    if name.is_none() {
        context.error(span, "an ExternalName without a name", "write for example `externalName: db.example.com`");
    }
    name.map(str::to_owned)
}

/// The address, and whether there is to be none.
fn read_address(context: &mut Context<'_>, spec: &mut Fields<'_>) -> (Option<String>, bool) {
    let _first_of_the_same = spec.take("clusterIPs");
    let Some(node) = spec.take("clusterIP") else { return (None, false) };
    let Some(text) = context.text(spec, "clusterIP").filter(|text| !text.is_empty()) else { return (None, false) };
    if text == "None" {
        return (None, true);
    }
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if usable(address) => (Some(address.to_string()), false),
        Ok(IpAddr::V6(_)) => {
            context.ignore("spec.clusterIP", "only IPv4 is modelled: the Service gets another address");
            (None, false)
        }
        _ => {
            let message = format!("`spec.clusterIP` must be an IPv4 address or None, and this is `{text}`");
            context.error(node.span, &message, "write for example `clusterIP: 10.96.0.10`, or leave it out");
            (None, false)
        }
    }
}

/// For how long a client is held to a pod.
fn read_affinity(context: &mut Context<'_>, spec: &mut Fields<'_>, headless: bool) -> Option<u32> {
    let node = spec.take("sessionAffinity");
    let text = context.text(spec, "sessionAffinity").unwrap_or("None");
    let mut seconds = AFFINITY_SECONDS;
    let config = spec.take("sessionAffinityConfig").is_some();
    if let Some(mut config) = context.inner(spec, "sessionAffinityConfig") {
        if let Some(mut client_ip) = context.inner(&mut config, "clientIP") {
            seconds = context.whole(&mut client_ip, "timeoutSeconds", 1..=86_400).unwrap_or(seconds);
            context.finish(&client_ip);
        }
        context.finish(&config);
    }
    match text {
        "ClientIP" if headless => {
            context.ignore("spec.sessionAffinity", "kube-proxy has no part in a headless Service");
            None
        }
        "ClientIP" => Some(seconds),
        "None" => {
            if config {
                context.ignore("spec.sessionAffinityConfig", "it needs `sessionAffinity: ClientIP`");
            }
            None
        }
        other => {
            let message = format!("`spec.sessionAffinity` must be ClientIP or None, and this is `{other}`");
            let help = match nearest(other, ["ClientIP", "None"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write ClientIP or None".to_owned(),
            };
            context.error(node.map_or(context.name_span, |node| node.span), &message, &help);
            None
        }
    }
}

fn usable(address: Ipv4Addr) -> bool {
    !address.is_unspecified() && !address.is_broadcast() && !address.is_loopback() && !address.is_multicast()
}

/// The ports that speak TCP, and the others by number and protocol.
fn read_ports(context: &mut Context<'_>, items: Vec<Fields<'_>>) -> (Vec<ServicePortObject>, Vec<String>) {
    let several = items.len() > 1;
    let mut left_out = Vec::new();
    let mut ports: Vec<ServicePortObject> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for mut item in items {
        let name_span: Span = item.take("name").map_or(item.span, |name| name.span);
        let name = context.text(&mut item, "name").filter(|name| !name.is_empty());
        match name {
            Some(name) if names.contains(&name) => {
                context.error(name_span, &format!("two ports are named `{name}`"), "give each port its own name");
            }
            Some(name) => {
                context.check_part_name(name, name_span, NameRule::Label);
                names.push(name);
            }
            None if several => {
                context.error(item.span, "each of several ports needs a name", "write for example `- name: http`");
            }
            None => {}
        }
        if let Some(protocol) = context.text(&mut item, "protocol").filter(|protocol| *protocol != "TCP") {
            context.ignore(&format!("spec.ports[].protocol {protocol}"), "only TCP is modelled: the port is left out");
            left_out.extend(item.peek("port").and_then(Node::as_u64).map(|port| format!("{port} ({protocol})")));
            continue;
        }
        let node_port_span = item.peek("nodePort").map(|node| node.span);
        let node_port = outside::node_port(context, &mut item, "nodePort");
        let Some(place) = item.take("port") else {
            context.error(item.span, "a port without a number", "write for example `- port: 80`");
            continue;
        };
        let (Some(port), target) = (context.port(&mut item, "port"), item.take("targetPort")) else { continue };
        context.finish(&item);
        if ports.iter().any(|other| other.port == port) {
            context.error(place.span, &format!("the port {port} is given twice"), "remove one of them");
        }
        let target_port = match target {
            None => Some(TargetPort::Number(port)),
            Some(target) => read_target(context, target),
        };
        let Some(target_port) = target_port else { continue };
        let span = target.map_or(place.span, |target| target.span);
        let node_port = node_port.zip(node_port_span);
        ports.push(ServicePortObject { name: name.map(str::to_string), port, target_port, node_port, span });
    }
    (ports, left_out)
}

fn read_target(context: &mut Context<'_>, node: &Node) -> Option<TargetPort> {
    const PATH: &str = "spec.ports[].targetPort";
    let is_name =
        node.as_scalar().is_some_and(|scalar| scalar.quoted || scalar.text.contains(|c: char| c.is_ascii_alphabetic()));
    if !is_name {
        return context.port_of(node, PATH).map(TargetPort::Number);
    }
    let text = node.as_str()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`{PATH}` is the text \"{text}\", and a port's name has a letter");
        context.error(node.span, &message, "write the number without quotes");
        return None;
    }
    context.check_part_name(text, node.span, NameRule::Port);
    Some(TargetPort::Name(text.to_string()))
}

/// `port http 80 to 8080, selects app=web`.
fn summary(service: &ServiceObject) -> String {
    let mut parts = Vec::new();
    if service.is_headless() {
        parts.push("headless".to_owned());
    }
    for port in &service.ports {
        let target = match &port.target_port {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => name.clone(),
        };
        let name = port.name.as_ref().map_or(String::new(), |name| format!("{name} "));
        parts.push(format!("port {name}{} to {target}", port.port));
    }
    if let Some(name) = &service.external_name {
        parts.push(format!("another name of {name}"));
        return parts.join(", ");
    }
    if service.form == ServiceForm::NoSelector {
        parts.push("endpoints by hand".to_owned());
    }
    let labels: Vec<_> = service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !labels.is_empty() {
        parts.push(format!("selects {}", labels.join(",")));
    }
    if let Some(outside) = &service.outside {
        parts.push(if outside.load_balancer { "behind a load balancer" } else { "on every node" }.to_owned());
        parts.extend(outside.local.then(|| "traffic from outside stays on its node".to_owned()));
    }
    parts.extend(service.affinity.map(|seconds| format!("holds clients for {seconds}s")));
    parts.extend(traffic_policy::summary(&service.policy));
    parts.join(", ")
}
