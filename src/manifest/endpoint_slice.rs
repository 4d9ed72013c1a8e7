//! EndpointSlices and Endpoints of Services without a selector: those that people write themselves.

use std::net::Ipv4Addr;

use super::fields::{Context, Fields};
use super::object::SliceObject;
use super::subject::Subject;
use crate::yaml::{Node, Span};

/// The label that says whose slice it is.
const SERVICE: &str = "kubernetes.io/service-name";

/// The Service of a slice; an Endpoints object has the Service's name.
pub(super) fn service_of<'a>(node: &'a Node, subject: &'a Subject) -> &'a str {
    if subject.kind == "Endpoints" {
        return &subject.name;
    }
    node.at(&["metadata", "labels", SERVICE]).and_then(Node::as_str).unwrap_or_default()
}

/// The slices of an object.
pub(super) fn read(context: &mut Context<'_>, node: &Node, subject: &Subject) -> Vec<SliceObject> {
    let service = service_of(node, subject);
    if subject.kind == "Endpoints" {
        return read_endpoints(context, node, service);
    }
    read_slice(context, node, service).into_iter().collect()
}

fn read_slice(context: &mut Context<'_>, node: &Node, service: &str) -> Option<SliceObject> {
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    let kind = top.take("addressType").map_or(context.name_span, |node| node.span);
    if let Some(other) = context.text(&mut top, "addressType").filter(|text| *text != "IPv4") {
        context.ignore(&format!("addressType {other}"), "only IPv4 is modelled");
        return None;
    }
    let mut slice = of(context, service, kind);
    for mut endpoint in context.items(&mut top, "endpoints") {
        let span = endpoint.peek("addresses").map_or(endpoint.span, |node| node.span);
        let addresses = context.list_of_texts(&mut endpoint, "addresses");
        let mut ready = true;
        if let Some(mut conditions) = context.inner(&mut endpoint, "conditions") {
            ready = context.boolean(&mut conditions, "ready").unwrap_or(true);
            let (_, _) = (conditions.take("serving"), conditions.take("terminating"));
            context.finish(&conditions);
        }
        let hostname = hostname(context, &mut endpoint);
        for name in ["nodeName", "zone", "targetRef", "hints"] {
            endpoint.take(name);
        }
        context.finish(&endpoint);
        for address in addresses.iter().filter(|_| ready) {
            add(context, &mut slice, (address, hostname.as_deref()), span);
        }
    }
    slice.ports = ports(context, &mut top);
    context.finish(&top);
    told(context, &slice);
    Some(slice)
}

/// Each subset is a slice of its own; those of one port set.
fn read_endpoints(context: &mut Context<'_>, node: &Node, service: &str) -> Vec<SliceObject> {
    let mut slices = Vec::new();
    let Some(mut top) = context.top(node) else { return slices };
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    for mut subset in context.items(&mut top, "subsets") {
        let mut slice = of(context, service, subset.span);
        for mut address in context.items(&mut subset, "addresses") {
            let span = address.peek("ip").map_or(address.span, |node| node.span);
            let ip = context.text(&mut address, "ip").unwrap_or_default().to_owned();
            let hostname = hostname(context, &mut address);
            for name in ["nodeName", "targetRef"] {
                address.take(name);
            }
            context.finish(&address);
            add(context, &mut slice, (&ip, hostname.as_deref()), span);
        }
        subset.take("notReadyAddresses");
        slice.ports = ports(context, &mut subset);
        context.finish(&subset);
        told(context, &slice);
        slices.push(slice);
    }
    context.finish(&top);
    slices
}

fn of(context: &Context<'_>, service: &str, span: Span) -> SliceObject {
    let (namespace, service) = (context.subject.namespace.clone(), service.to_owned());
    SliceObject { namespace, service, addresses: Vec::new(), hostnames: Vec::new(), ports: Vec::new(), span }
}

/// The name of an endpoint behind a headless Service.
fn hostname(context: &mut Context<'_>, endpoint: &mut Fields<'_>) -> Option<String> {
    context.text(endpoint, "hostname").filter(|name| !name.is_empty()).map(str::to_owned)
}

fn add(context: &mut Context<'_>, slice: &mut SliceObject, (text, hostname): (&str, Option<&str>), span: Span) {
    match text.parse::<Ipv4Addr>() {
        Ok(address) => {
            slice.addresses.push(address.to_bits());
            slice.hostnames.extend(hostname.map(|name| (address.to_bits(), name.to_owned())));
        }
        Err(_) => {
            let message = format!("an endpoint has an IPv4 address, and this is `{text}`");
            context.error(span, &message, "write for example 10.244.0.2");
        }
    }
}

fn ports(context: &mut Context<'_>, fields: &mut Fields<'_>) -> Vec<(Option<String>, u16)> {
    let mut ports = Vec::new();
    for mut port in context.items(fields, "ports") {
        let name = context.text(&mut port, "name").filter(|name| !name.is_empty()).map(str::to_owned);
        let protocol = context.text(&mut port, "protocol").unwrap_or("TCP");
        let number = context.port(&mut port, "port");
        port.take("appProtocol");
        context.finish(&port);
        ports.extend(number.filter(|_| protocol == "TCP").map(|number| (name, number)));
    }
    ports
}

fn told(context: &mut Context<'_>, slice: &SliceObject) {
    let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    context.used(&format!("{}, {}", many(slice.addresses.len(), "ready endpoint"), many(slice.ports.len(), "port")));
}
