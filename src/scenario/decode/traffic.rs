//! `spec.traffic`.

use super::super::context::{Context, Object};
use super::super::discover::Client;
use super::super::names;
use super::super::outside::Internet;
use super::super::tables;
use super::super::values::{self, shorten};
use super::super::{Clients, InstancePick, Node, Popularity, Source, Traffic, Workload};
use super::arrivals::arrivals;
use super::flow::{Targets, assume_sending, flow};
use super::proxy::check_zone;
use crate::arrivals::{Spec, Trace};
use crate::yaml::{self, Value, nearest};

/// What a traffic may name.
pub(super) struct Places<'a> {
    pub(super) workloads: &'a [Workload],
    pub(super) nodes: &'a [Node],
}

/// The traffics, in the order of the file.
pub(super) fn traffics(
    cx: &mut Context<'_>,
    items: &[yaml::Node],
    places: &Places<'_>,
    targets: &Targets<'_>,
) -> Vec<Traffic> {
    let mut traffics: Vec<Traffic> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for item in items {
        if let Some(name) = item.get("name").and_then(yaml::Node::as_str)
            && !names.insert(name)
        {
            let place = item.get("name").map_or(item.span, |name| name.span);
            cx.problem(place, format!("two traffics are called `{}`", shorten(name)));
        }
        if let Some(traffic) = traffic(cx, item, places, targets) {
            traffics.push(traffic);
        }
    }
    traffics
}

fn traffic(cx: &mut Context<'_>, item: &yaml::Node, places: &Places<'_>, targets: &Targets<'_>) -> Option<Traffic> {
    let object = cx.object(item, &tables::TRAFFIC)?;
    let name = object.name(cx, "name", &['.', '/', '[', ']', '#', '"']);
    let from = source(cx, &object, places);
    let client = match &from {
        Some(Source::Workload(workload)) => {
            Client { namespace: &places.workloads[*workload].namespace, workload: Some(*workload), internet: None }
        }
        Some(Source::Internet(internet)) => Client { namespace: "default", workload: None, internet: Some(*internet) },
        _ => Client { namespace: "default", workload: None, internet: None },
    };
    let mut clients = clients(cx, &object, from.as_ref(), places);
    let arrivals = object.get("arrivals").and_then(|node| arrivals(cx, node, clients.count));
    if let Some(Spec::Trace(trace)) = &arrivals {
        clients_of_trace(cx, &object, trace, &mut clients);
    }
    let flow = match object.get("to") {
        Some(to) => flow(cx, &object, (name.unwrap_or_default().to_owned(), to, client), targets),
        None => None,
    };
    let name = name?;
    if object.get("clients").is_none() {
        cx.assume(
            format!("traffic {name}: clients"),
            clients.count.to_string(),
            format!("traffic[{name}].clients.count"),
        );
    }
    let chosen = match &arrivals {
        Some(Spec::Trace(trace)) => trace.client.is_none(),
        Some(Spec::Closed { .. }) => false,
        _ => true,
    };
    let popularity = object.get("clients").is_some_and(|clients| clients.get("popularity").is_some());
    if clients.count > 1 && chosen && !popularity {
        cx.assume(
            format!("traffic {name}: the client of a request"),
            "uniformly at random",
            format!("traffic[{name}].clients.popularity"),
        );
    }
    assume_sending(cx, &object, &format!("traffic {name}"), &format!("traffic[{name}]"));
    Some(Traffic { flow: flow?, from: from?, arrivals: arrivals?, clients })
}

/// Whether a traffic's clients stand outside the cluster.
pub(super) fn comes_from_outside(item: &yaml::Node) -> bool {
    item.get("from").is_some_and(|from| from.as_str() == Some("internet") || from.get("internet").is_some())
}

fn source(cx: &mut Context<'_>, object: &Object<'_>, places: &Places<'_>) -> Option<Source> {
    let Some(node) = object.get("from") else { return Some(Source::Generator { zone: None }) };
    match &node.value {
        Value::Scalar(scalar) => match scalar.text.as_str() {
            "generator" => Some(Source::Generator { zone: None }),
            "internet" => Some(Source::Internet(Internet { pick: InstancePick::Random, addresses: None })),
            text => {
                let known = places
                    .workloads
                    .iter()
                    .map(|known| (known.namespace.as_str(), known.kind.as_str(), known.name.as_str()));
                let found = names::workload_target(text).and_then(|target| names::find(target, known));
                let found = cx.take(node, "from", found)?;
                if places.workloads[found].replicas == 0 {
                    cx.problem(node.span, format!("{} has no pods to send from", places.workloads[found].target()));
                }
                Some(Source::Workload(found))
            }
        },
        Value::Map(_) => {
            let from = cx.object(node, &tables::FROM)?;
            match (from.get("node"), from.get("generator"), from.get("internet")) {
                (None, None, Some(node)) => internet(cx, node).map(Source::Internet),
                (Some(at), None, None) => {
                    let name = from.text(cx, "node")?;
                    node_source(cx, at, name, places.nodes)
                }
                (None, Some(generator), None) => {
                    let place = cx.object(generator, &tables::PLACE)?;
                    let zone = place.text(cx, "zone");
                    if let (Some(zone), Some(node)) = (zone, place.get("zone")) {
                        check_zone(cx, node, zone, places.nodes);
                    }
                    Some(Source::Generator { zone: zone.map(str::to_owned) })
                }
                _ => {
                    cx.problem_help(
                        node.span,
                        "`from` names one place",
                        "write {node: NAME}, {generator: {zone: ZONE}} or {internet: {…}}",
                    );
                    None
                }
            }
        }
        _ => {
            cx.problem_help(
                node.span,
                "`from` names one place",
                "write a workload such as deployment/frontend, `generator`, `internet`, or {node: NAME}",
            );
            None
        }
    }
}

/// Clients outside the cluster.
fn internet(cx: &mut Context<'_>, node: &yaml::Node) -> Option<Internet> {
    let object = cx.object(node, &super::super::tables_outside::INTERNET)?;
    let pick = object.word(cx, "nodes", &super::proxy::PICKS).unwrap_or(InstancePick::Random);
    Some(Internet { pick, addresses: object.count32(cx, "addresses") })
}

fn node_source(cx: &mut Context<'_>, at: &yaml::Node, name: &str, nodes: &[Node]) -> Option<Source> {
    if let Some(found) = nodes.iter().position(|node| node.name == name) {
        return Some(Source::Node(found));
    }
    let names = nodes.iter().map(|node| node.name.as_str());
    let help = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the nodes are {}", shorten(&names.take(20).collect::<Vec<_>>().join(", "))),
    };
    cx.problem_help(at.span, format!("no node is called `{}`", shorten(name)), help);
    None
}

fn clients(cx: &mut Context<'_>, object: &Object<'_>, from: Option<&Source>, places: &Places<'_>) -> Clients {
    let usual = match from {
        Some(Source::Workload(workload)) => places.workloads[*workload].replicas.max(1),
        _ => 1,
    };
    let mut clients = Clients { count: usual, popularity: Popularity::Uniform };
    let Some(inside) = object.get("clients").and_then(|node| cx.object(node, &tables::CLIENTS)) else { return clients };
    if let Some(count) = inside.count32(cx, "count") {
        clients.count = count;
    }
    if let Some(node) = inside.get("popularity")
        && let Some(popularity) = popularity(cx, node)
    {
        clients.popularity = popularity;
    }
    clients
}

/// A trace that says who sent each request needs as many clients.
fn clients_of_trace(cx: &mut Context<'_>, object: &Object<'_>, trace: &Trace, clients: &mut Clients) {
    let Some(largest) = trace.client.as_ref().and_then(|numbers| numbers.iter().max()) else { return };
    let given = object.get("clients").and_then(|inside| inside.get("count"));
    let needed = u64::from(*largest) + 1;
    match given {
        Some(count) if u64::from(clients.count) < needed => cx.problem_help(
            count.span,
            format!("the trace has clients 0 to {largest}, more than {}", clients.count),
            format!("write {needed}, or leave `count` out"),
        ),
        Some(_) => {}
        None if needed > tables::MAX_CLIENTS => {
            cx.problem(
                object.key_span("arrivals"),
                format!("the trace has a client {largest}; at most {} are possible", tables::MAX_CLIENTS),
            );
        }
        None => clients.count = largest + 1,
    }
}

fn popularity(cx: &mut Context<'_>, node: &yaml::Node) -> Option<Popularity> {
    if node.as_map().is_none() {
        let words = [("uniform", true), ("in-turn", false)];
        return cx
            .word(node, "popularity", &words)
            .map(|uniform| if uniform { Popularity::Uniform } else { Popularity::InTurn });
    }
    let object = cx.object(node, &tables::POPULARITY)?;
    let zipf = cx.object(object.get("zipf")?, &tables::ZIPF)?;
    let place = zipf.get("exponent")?;
    let exponent = values::number(place).and_then(|value| {
        if (0.0..=100.0).contains(&value) {
            Ok(value)
        } else {
            Err((format!("must lie between 0 and 100, found {value}"), None))
        }
    });
    cx.take(place, "exponent", exponent).map(|exponent| Popularity::Zipf { exponent })
}
