//! Faults in `spec.timeline`.

use super::super::context::{Context, Object};
use super::super::dns::Dns;
use super::super::fault::{Between, Class, Delay, Fault, Side, Wrong};
use super::super::shape::Shape;
use super::super::values::{Bad, shorten};
use super::super::{Node as Machine, Workload, tables, tables_fault};
use super::dist::dist;
use super::timeline::pod;
use crate::arrivals::Spec;
use crate::scenario::Traffic;
use crate::time::SimDuration;
use crate::yaml::{Node, Value, nearest};

/// Largest factor of a fault: more would be a slip of the pen.
const MOST: f64 = 1e6;

/// What faults may name.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) workloads: &'a [Workload],
    pub(super) nodes: &'a [Machine],
    pub(super) traffic: &'a [Traffic],
    pub(super) dns: Option<&'a Dns>,
}

/// The faults in the order of the file, each with its position in the timeline.
pub(super) fn faults(cx: &mut Context<'_>, items: &[Node], known: Known<'_>) -> Vec<(usize, Fault)> {
    let mut found = Vec::new();
    for (entry, item) in items.iter().enumerate() {
        for fault in &tables_fault::FAULTS {
            if let Some(node) = item.get(fault.key) {
                found.extend(read(cx, item, (fault.key, node), known).map(|fault| (entry, fault)));
            }
        }
    }
    found
}

/// Whether an entry's word is that of a fault.
pub(super) fn is_fault(word: &str) -> bool {
    tables_fault::shape_of(word).is_some()
}

fn read(cx: &mut Context<'_>, item: &Node, (word, node): (&str, &Node), known: Known<'_>) -> Option<Fault> {
    let shape: &'static Shape = tables_fault::shape_of(word)?;
    let own = cx.object(node, shape)?;
    let what = what(cx, word, &own, known);
    // What is wrong with the entry itself is said where the timeline is read.
    let before = cx.problems.len();
    let entry = cx.object(item, &tables::HAPPENING)?;
    let at = entry.duration(cx, "at");
    cx.problems.truncate(before);
    let lasts = entry.positive_duration(cx, "for");
    let from = at?;
    let end = |lasts: SimDuration| SimDuration::from_nanos(from.as_nanos().saturating_add(lasts.as_nanos()));
    Some(Fault { from, to: lasts.map(end), what: what? })
}

fn what(cx: &mut Context<'_>, word: &str, own: &Object<'_>, known: Known<'_>) -> Option<Wrong> {
    match word {
        "slowPod" => {
            let node = own.get("pod");
            let pod = node.and_then(|node| pod(cx, "pod", node, known.workloads));
            let speed = factor(cx, own, "speed");
            Some(Wrong::SlowPod { pod: pod?, speed: speed? })
        }
        "slowNode" => {
            let node = machine(cx, own, known.nodes);
            let speed = factor(cx, own, "speed");
            Some(Wrong::SlowNode { node: node?, speed: speed? })
        }
        "latencySpike" => {
            let between = between(cx, own, known.nodes);
            let delay = delay(cx, own);
            Some(Wrong::LatencySpike { between: between?, delay: delay? })
        }
        "dnsOutage" => dns_outage(cx, own, known.dns),
        "partition" => Some(Wrong::Partition { between: between(cx, own, known.nodes)? }),
        "packetLoss" => {
            let between = between(cx, own, known.nodes);
            let ratio = own.ratio(cx, "ratio");
            Some(Wrong::PacketLoss { between: between?, ratio: ratio? })
        }
        _ => {
            let traffic = traffic(cx, own, known.traffic);
            let times = own.number_within(cx, "times", (0.0, MOST));
            if let (Some(traffic), Some(times)) = (traffic, times) {
                can_be_more(cx, own, &known.traffic[traffic], times);
            }
            Some(Wrong::TrafficSpike { traffic: traffic?, times: times? })
        }
    }
}

/// A speed: never 0, which would be work without end.
fn factor(cx: &mut Context<'_>, own: &Object<'_>, key: &str) -> Option<f64> {
    own.number_within(cx, key, (1.0 / MOST, MOST))
}

fn delay(cx: &mut Context<'_>, own: &Object<'_>) -> Option<Delay> {
    let adds = own.get("adds").and_then(|node| dist(cx, node, "adds")).map(Delay::Adds);
    let times = own.number_within(cx, "times", (0.0, MOST)).map(Delay::Times);
    if own.get("adds").is_some() == own.get("times").is_some() {
        let help = "write for example {between: crossZone, adds: 20ms}, or {between: crossZone, times: 10}";
        cx.problem_help(own.span, "a `latencySpike` needs either `adds` or `times`", help);
        return None;
    }
    adds.or(times)
}

fn dns_outage(cx: &mut Context<'_>, own: &Object<'_>, dns: Option<&Dns>) -> Option<Wrong> {
    let servers = own.count32(cx, "servers");
    let Some(dns) = dns else {
        let message = "a `dnsOutage` has no effect: names resolve at no cost, without servers";
        cx.problem_help(own.span, message, "write for example cluster: {dns: {}}");
        return None;
    };
    let there = dns.servers.len();
    if servers.is_some_and(|servers| servers as usize > there) {
        let node = own.get("servers").map_or(own.span, |node| node.span);
        cx.problem(node, format!("there are {there} DNS servers"));
    }
    Some(Wrong::DnsOutage { servers })
}

/// The node that a fault names.
fn machine(cx: &mut Context<'_>, own: &Object<'_>, nodes: &[Machine]) -> Option<usize> {
    let node = own.get("node")?;
    let name = own.text(cx, "node")?;
    let found = node_called(name, nodes);
    cx.take(node, "", found)
}

fn node_called(name: &str, nodes: &[Machine]) -> Result<usize, Bad> {
    let names = || nodes.iter().map(|node| node.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the nodes are {}", shorten(&names().take(20).collect::<Vec<_>>().join(", "))),
        };
        (format!("no node is called `{}`", shorten(name)), Some(help))
    })
}

fn traffic(cx: &mut Context<'_>, own: &Object<'_>, traffic: &[Traffic]) -> Option<usize> {
    let node = own.get("traffic")?;
    let name = own.text(cx, "traffic")?;
    let names = || traffic.iter().map(|traffic| traffic.flow.name.as_str());
    let found = names().position(|known| known == name).ok_or_else(|| {
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the traffics are {}", shorten(&names().take(20).collect::<Vec<_>>().join(", "))),
        };
        (format!("no traffic is called `{}`", shorten(name)), Some(help))
    });
    cx.take(node, "", found)
}

/// Whether it is known how more requests of a traffic come, or fewer.
fn can_be_more(cx: &mut Context<'_>, own: &Object<'_>, traffic: &Traffic, times: f64) {
    let name = &traffic.flow.name;
    let span = own.key_span("traffic");
    match &traffic.arrivals {
        Spec::Closed { .. } => cx.problem_help(
            span,
            format!("`{name}` is a closed loop: its answers decide how many requests come"),
            "let another traffic come meanwhile, with `profile` arrivals",
        ),
        Spec::Trace(_) if times > 1.0 => cx.problem_help(
            span,
            format!("`{name}` is a trace, which says itself when requests come: `times` cannot be above 1"),
            "let another traffic come meanwhile, with `profile` arrivals",
        ),
        _ => {}
    }
}

/// Which hops a fault of the network concerns.
fn between(cx: &mut Context<'_>, own: &Object<'_>, nodes: &[Machine]) -> Option<Between> {
    let node = own.get("between")?;
    let Value::List(items) = &node.value else {
        return cx.word(node, "between", &Class::WORDS).map(Between::Class);
    };
    let [one, other] = &items[..] else {
        let help = "write for example [zone/a, zone/b], [node/n-1, all] or crossZone";
        cx.problem_help(node.span, "`between` is a path class or two sides", help);
        return None;
    };
    let mut read = |item: &Node| {
        let found = side(item, nodes);
        cx.take(item, "", found)
    };
    let (one, other) = (read(one), read(other));
    let (one, other) = (one?, other?);
    if one == Side::All && other == Side::All {
        cx.problem_help(
            node.span,
            "`between`: one of both sides must be a zone, a node or internet",
            "write [node/n-1, all]",
        );
        return None;
    }
    if one == other && !matches!(one, Side::Zone(_)) {
        cx.problem(node.span, "`between`: nothing lies between a side and itself");
        return None;
    }
    Some(Between::Sides(one, other))
}

fn side(item: &Node, nodes: &[Machine]) -> Result<Side, Bad> {
    let text = super::super::values::text(item)?;
    match text.split_once('/') {
        Some(("node", name)) => node_called(name, nodes).map(Side::Node),
        Some(("zone", zone)) if nodes.iter().any(|node| node.zone == zone) => Ok(Side::Zone(zone.to_owned())),
        Some(("zone", zone)) => {
            let mut zones: Vec<&str> = nodes.iter().map(|node| node.zone.as_str()).collect();
            zones.sort_unstable();
            zones.dedup();
            let help = match nearest(zone, zones.iter().copied()) {
                Some(near) => format!("did you mean `zone/{near}`?"),
                None => format!("the zones are {}", shorten(&zones.join(", "))),
            };
            Err((format!("no node is in zone `{}`", shorten(zone)), Some(help)))
        }
        None if text == "internet" => Ok(Side::Internet),
        None if text == "all" => Ok(Side::All),
        _ => Err((
            format!("expected zone/NAME, node/NAME, internet or all, found `{}`", shorten(text)),
            Some("write for example [zone/a, zone/b]".to_owned()),
        )),
    }
}
