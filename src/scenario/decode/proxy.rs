//! `spec.proxies`.

use super::super::context::Context;
use super::super::tables::{self, MAX_WORKERS};
use super::super::{InstancePer, InstancePick, Layer, Node, Proxy};
use super::balancer::balancer;
use super::connections::connections;
use super::dist::dist;
use crate::balance;
use crate::random::Dist;
use crate::scenario::services::ServiceTable;
use crate::scenario::values::shorten;
use crate::yaml;

/// How a client chooses among several that are alike.
pub(super) const PICKS: [(&str, InstancePick); 3] = [
    ("random", InstancePick::Random),
    ("round-robin", InstancePick::RoundRobin),
    ("per-client", InstancePick::PerClient),
];

/// The proxies, in the order of the file, and whether the Service of each is known.
pub(super) fn proxies(
    cx: &mut Context<'_>,
    items: &[yaml::Node],
    services: &ServiceTable,
    nodes: &[Node],
) -> Vec<(Proxy, bool)> {
    let mut proxies: Vec<(Proxy, bool)> = Vec::new();
    for item in items {
        let Some((proxy, complete)) = proxy(cx, item, services, nodes) else { continue };
        if proxies.iter().any(|(known, _)| known.name == proxy.name) {
            let place = item.get("name").map_or(item.span, |name| name.span);
            cx.problem(place, format!("two proxies are called `{}`", proxy.name));
        }
        proxies.push((proxy, complete));
    }
    proxies
}

fn proxy(cx: &mut Context<'_>, item: &yaml::Node, services: &ServiceTable, nodes: &[Node]) -> Option<(Proxy, bool)> {
    let object = cx.object(item, &tables::PROXY)?;
    let name = object.name(cx, "name", &['.', '/', '[', ']']);
    let layer = object.word(cx, "layer", &[("7", Layer::L7), ("4", Layer::L4)]).unwrap_or(Layer::L7);
    let instances = object.count32(cx, "instances").unwrap_or(1);
    let workers = object.count32(cx, "workers").unwrap_or(1);
    if u64::from(instances) * u64::from(workers) > MAX_WORKERS {
        cx.problem(object.key_span("workers"), format!("more than {MAX_WORKERS} workers in all instances"));
    }
    let from = object.get("from").and_then(|node| cx.object(node, &tables::PROXY_FROM));
    let pick = from.and_then(|from| from.word(cx, "pick", &PICKS)).unwrap_or(InstancePick::Random);
    let pers = [("request", InstancePer::Request), ("connection", InstancePer::Connection)];
    let usual = if layer == Layer::L7 { InstancePer::Request } else { InstancePer::Connection };
    let per = from.and_then(|from| from.word(cx, "per", &pers)).unwrap_or(usual);
    let service = object.get("endpoints").and_then(|node| {
        let found = object.text(cx, "endpoints").map(|text| services.port_of(text))?;
        cx.take(node, "endpoints", found)
    });
    let overhead = object.get("overhead").and_then(|node| cx.object(node, &tables::OVERHEAD));
    let mut time = |key| match overhead.and_then(|overhead| overhead.get(key)) {
        Some(node) => dist(cx, node, key).unwrap_or_else(Dist::zero),
        None => Dist::zero(),
    };
    let (before, after) = (time("before"), time("after"));
    let zone = object.get("place").and_then(|node| cx.object(node, &tables::PLACE)).and_then(|place| {
        let zone = place.text(cx, "zone")?;
        check_zone(cx, place.get("zone")?, zone, nodes);
        Some(zone.to_owned())
    });
    let name = name?.to_owned();
    if object.get("balancer").is_none() {
        cx.assume(format!("proxy {name}: balancer"), "round-robin", format!("proxies[{name}].balancer"));
    }
    let proxy = Proxy {
        name,
        layer,
        instances,
        workers,
        pick,
        per,
        service: service.unwrap_or(0),
        balancer: object
            .get("balancer")
            .and_then(|node| balancer(cx, node, service))
            .unwrap_or(balance::RoundRobin { start: balance::Start::Random }.into()),
        before,
        after,
        connections: object.get("connections").and_then(|node| connections(cx, node)),
        zone,
        controller: None,
    };
    Some((proxy, service.is_some()))
}

/// Refuses a zone that no node has.
pub(super) fn check_zone(cx: &mut Context<'_>, place: &yaml::Node, zone: &str, nodes: &[Node]) {
    if nodes.iter().any(|node| node.zone == zone) {
        return;
    }
    let known = nodes.iter().map(|node| node.zone.as_str()).collect::<std::collections::BTreeSet<_>>();
    let help = match yaml::nearest(zone, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the zones are {}", shorten(&known.into_iter().collect::<Vec<_>>().join(", "))),
    };
    cx.problem_help(place.span, format!("no node is in zone `{}`", shorten(zone)), help);
}
