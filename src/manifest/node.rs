//! Nodes.

use std::net::Ipv4Addr;

use super::fields::{Context, Fields, NameRule};
use super::object::NodeObject;
use super::quantity::quantity;
use super::scheduling;
use crate::controllers::scheduler::taints::{Effect, Taint, UNSCHEDULABLE};
use crate::yaml::{Node, Span};

const ZONE_LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];

/// Taints that keep every ordinary pod away.
const CONTROL_PLANE_TAINTS: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

pub(super) fn read(context: &mut Context<'_>, node: &Node) -> Option<NodeObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    let mut metadata = context.metadata(&mut top)?;
    let labels = context.texts(&mut metadata, "labels");
    context.finish(&metadata);
    let zone = ZONE_LABELS.iter().find_map(|zone| labels.iter().find(|(label, _)| label == zone));
    let mut object = NodeObject {
        name: context.subject.name.clone(),
        zone: zone.map(|(_, zone)| zone.clone()).filter(|zone| !zone.is_empty()),
        labels,
        cpu: None,
        memory: None,
        taints: Vec::new(),
        max_pods: None,
        pod_cidr: None,
        address: None,
        unschedulable: false,
        span: context.name_span,
    };
    if let Some(mut spec) = context.inner(&mut top, "spec") {
        object.unschedulable = context.boolean(&mut spec, "unschedulable").unwrap_or(false);
        let (taints, kept_away) = read_taints(context, &mut spec);
        object.taints = taints;
        object.unschedulable |= kept_away;
        object.pod_cidr = read_pod_cidr(context, &mut spec);
        spec.take("providerID");
        spec.take("externalID");
        context.finish(&spec);
    }
    if let Some(mut status) = context.inner(&mut top, "status") {
        read_resources(context, &mut status, &mut object);
        object.address = read_address(context, &mut status);
    }
    context.finish(&top);
    context.used(&summary(&object));
    Some(object)
}

/// The taints; whether one of them is that of a control plane, which keeps everybody away here.
fn read_taints(context: &mut Context<'_>, spec: &mut Fields<'_>) -> (Vec<Taint>, bool) {
    let mut all = scheduling::taints(context, spec);
    let is_control_plane =
        |taint: &Taint| CONTROL_PLANE_TAINTS.contains(&taint.key.as_str()) && taint.effect != Effect::PreferNoSchedule;
    let kept_away = all.iter().any(is_control_plane);
    all.retain(|taint| !is_control_plane(taint) && taint.key != UNSCHEDULABLE);
    (all, kept_away)
}

fn read_pod_cidr(context: &mut Context<'_>, spec: &mut Fields<'_>) -> Option<(u32, u8)> {
    let listed = spec.take("podCIDRs").and_then(Node::as_list).unwrap_or(&[]);
    let node = spec.take("podCIDR")?;
    let text = context.text(spec, "podCIDR")?;
    if text.contains(':') {
        let second = listed.iter().filter_map(Node::as_str).find_map(parse_cidr);
        if second.is_none() {
            context.ignore("spec.podCIDR", "only IPv4 is modelled: the node gets another range");
        }
        return second;
    }
    let parsed = parse_cidr(text);
    if parsed.is_none() {
        let message = format!("`spec.podCIDR` must be a range of IPv4 addresses, and this is `{text}`");
        context.error(node.span, &message, "write for example `podCIDR: 10.244.1.0/24`");
    }
    parsed
}

/// First address and prefix length; address bits behind the prefix are cleared.
pub(super) fn parse_cidr(text: &str) -> Option<(u32, u8)> {
    let (address, length) = text.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    Some((u32::from(address) & mask, length))
}

/// The first IPv4 address of type `InternalIP`, with its place.
fn read_address(context: &mut Context<'_>, status: &mut Fields<'_>) -> Option<(u32, Span)> {
    let mut found = None;
    for mut item in context.items(status, "addresses") {
        let kind = context.text(&mut item, "type");
        let place = item.peek("address").map_or(item.span, |node| node.span);
        let text = context.text(&mut item, "address");
        let (Some("InternalIP"), Some(text)) = (kind, text) else { continue };
        match text.parse::<Ipv4Addr>() {
            Ok(address) => found = found.or(Some((u32::from(address), place))),
            Err(_) if text.contains(':') => {}
            Err(_) => {
                let message = format!("an `InternalIP` must be an address, and this is `{text}`");
                context.error(place, &message, "write for example `address: 172.18.0.2`");
            }
        }
    }
    found
}

/// Cores and pods from `status`; the rest of it is bookkeeping.
fn read_resources(context: &mut Context<'_>, status: &mut Fields<'_>, object: &mut NodeObject) {
    for part in ["allocatable", "capacity"] {
        let Some(mut resources) = context.inner(status, part) else { continue };
        let cpu = read_quantity(context, &mut resources, "cpu", "3920m");
        let pods = read_quantity(context, &mut resources, "pods", "110");
        let memory = read_quantity(context, &mut resources, "memory", "16Gi");
        object.cpu = object.cpu.or(cpu);
        object.memory = object.memory.or(memory.map(|memory| memory as u64));
        // Whole and at most 2^32 - 1, whatever was written: a float is cut off at the ends by `as`.
        object.max_pods = object.max_pods.or(pods.map(|pods| pods as u32));
    }
}

fn read_quantity(context: &mut Context<'_>, resources: &mut Fields<'_>, name: &str, example: &str) -> Option<f64> {
    let path = resources.path(name);
    let node = resources.take(name)?;
    let value = node.as_str().and_then(quantity).filter(|value| *value >= 0.0);
    if value.is_none() {
        let found = node.as_str().map_or_else(|| node.kind_name().to_string(), |text| format!("`{text}`"));
        let message = format!("`{path}` must be a quantity of at least 0, and this is {found}");
        context.error(node.span, &message, &format!("write for example `{name}: {example}`"));
    }
    value
}

/// `zone z1, cpu 4, 110 pods, 10.244.1.0/24`.
fn summary(node: &NodeObject) -> String {
    let mut parts = Vec::new();
    parts.extend(node.zone.as_ref().map(|zone| format!("zone {zone}")));
    parts.extend(node.cpu.map(|cpu| format!("cpu {cpu}")));
    parts.extend(node.max_pods.map(|pods| format!("{pods} pods")));
    parts.extend(node.pod_cidr.map(|(first, length)| format!("{}/{length}", Ipv4Addr::from(first))));
    for taint in &node.taints {
        parts.push(format!("taint {}={}", taint.key, taint.value));
    }
    if node.unschedulable {
        parts.push("takes no pods (cordoned, or a control plane)".to_string());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::parse_cidr;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_cidr("10.244.1.7/24"), Some((0x0af4_0100, 24)));
        assert_eq!(parse_cidr("0.0.0.0/0"), Some((0, 0)));
        assert_eq!(parse_cidr("10.0.0.1/32"), Some((0x0a00_0001, 32)));
        for text in
            ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "x/8", "fd00::/64", "10.0.0.0/256"]
        {
            assert_eq!(parse_cidr(text), None, "{text}");
        }
    }
}
