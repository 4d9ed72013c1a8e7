//! `balancer`: a policy with its parameters.

use super::super::Scenario;
use super::super::context::{Context, Object};
use super::super::tables_flow as tables;
use super::super::values;
use crate::balance::{Addresses, Choices, MAX_WEIGHT, Overflow, RingSize, Rule, Spec, Start, Ties, Weights};
use crate::time::SimDuration;
use crate::yaml::{Node, Value};

/// Words that people know and that mean several policies, or another one here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("pick-first", "write `first`"),
    ("p2c", "write `pending-requests` or `peak-ewma`, or `least-request` with choices: 2"),
    ("ewma", "write `peak-ewma`"),
    ("least-connections", "write `least-request`"),
    (
        "weighted-round-robin",
        "write `smooth-weighted-round-robin` (nginx), `edf-weighted-round-robin` (Envoy) or `static-stride` (gRPC)",
    ),
];

/// The parameters, and the policies that have them.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("choices", &["least-request"]),
    ("replacement", &["least-request"]),
    (
        "weights",
        &[
            "weighted-random",
            "smooth-weighted-round-robin",
            "edf-weighted-round-robin",
            "static-stride",
            "ring-hash",
            "maglev",
            "rendezvous",
            "ip-hash",
            "weighted-least-request",
        ],
    ),
    ("minRingSize", &["ring-hash"]),
    ("maxRingSize", &["ring-hash"]),
    ("tableSize", &["maglev"]),
    ("firstAddress", &["ring-hash", "maglev"]),
    ("balanceFactor", &["ring-hash", "maglev"]),
    ("overflow", &["ring-hash"]),
    ("timeout", &["sticky"]),
    ("rule", &["weighted-least-request"]),
    ("ties", &["weighted-least-request"]),
    ("limit", &["first"]),
    ("decay", &["peak-ewma"]),
    ("defaultRtt", &["peak-ewma"]),
    ("start", &["round-robin", "smooth-weighted-round-robin", "edf-weighted-round-robin", "static-stride"]),
];

/// `balancer`, over the endpoints of `service` where that is known.
pub(super) fn balancer(cx: &mut Context<'_>, node: &Node, service: Option<usize>) -> Option<Spec> {
    let object = cx.object(node, &tables::BALANCER)?;
    let policy = object.get("policy")?;
    if let Some((name, help)) = ELSEWHERE.iter().find(|(name, _)| policy.as_str() == Some(name)) {
        cx.problem_help(policy.span, format!("no policy is called {name}"), *help);
        return None;
    }
    let names = tables::POLICY_NAMES.iter().map(|name| (*name, *name)).collect::<Vec<_>>();
    let name = object.word(cx, "policy", &names)?;
    for (key, owners) in PARAMETERS {
        if object.get(key).is_some() && !owners.contains(&name) {
            let owners = owners.join(", ");
            let message = format!("`{key}` belongs to {owners}; policy {name} has no such parameter");
            cx.problem(object.key_span(key), message);
        }
    }
    let spec = match name {
        "least-request" => least_request(cx, &object)?,
        "round-robin" => Spec::RoundRobin { start: start(cx, &object, Start::Random) },
        "random" => Spec::Random {},
        "weighted-random" => Spec::WeightedRandom { weights: weights(cx, &object) },
        "smooth-weighted-round-robin" => {
            Spec::SmoothWeightedRoundRobin { weights: weights(cx, &object), start: start(cx, &object, Start::After(0)) }
        }
        "edf-weighted-round-robin" => {
            Spec::EdfWeightedRoundRobin { weights: weights(cx, &object), start: start(cx, &object, Start::Random) }
        }
        "static-stride" => {
            Spec::StaticStride { weights: weights(cx, &object), start: start(cx, &object, Start::Random) }
        }
        "first" => Spec::First { limit: object.count_or(cx, "limit", "unlimited").flatten() },
        "join-idle-queue" => Spec::JoinIdleQueue {},
        "peak-ewma" => Spec::PeakEwma {
            decay: object.positive_duration(cx, "decay").unwrap_or(SimDuration::from_secs(10)),
            default_rtt: object.positive_duration(cx, "defaultRtt").unwrap_or(SimDuration::from_millis(30)),
        },
        "pending-requests" => Spec::PendingRequests {},
        "ring-hash" => ring_hash(cx, &object),
        "maglev" => maglev(cx, &object),
        "rendezvous" => Spec::Rendezvous { weights: weights(cx, &object) },
        "jump" => Spec::Jump {},
        "ip-hash" => Spec::IpHash { weights: weights(cx, &object) },
        "sticky" => Spec::Sticky { timeout: sticky_timeout(cx, &object) },
        "oracle-jsq" => Spec::OracleJsq {},
        "weighted-least-request" => {
            let rules = [("active", Rule::Active), ("active-plus-one", Rule::ActivePlusOne)];
            let ties = [("random", Ties::Random), ("first", Ties::First)];
            Spec::WeightedLeastRequest {
                weights: weights(cx, &object),
                rule: object.word(cx, "rule", &rules).unwrap_or(Rule::Active),
                ties: object.word(cx, "ties", &ties).unwrap_or(Ties::Random),
            }
        }
        listed => unreachable!("policy {listed} is listed, and nothing reads it"),
    };
    if let (Some(weights), Some(service)) = (spec.weights(), service)
        && !weights.is_empty()
    {
        cx.weighted.push((object.key_span("weights"), service, weights.len()));
    }
    Some(spec)
}

/// Refuses lists of weights that are longer or shorter than their Service.
pub(super) fn check_weights(cx: &mut Context<'_>, scenario: &Scenario) {
    for (span, service, weights) in std::mem::take(&mut cx.weighted) {
        let Some(service) = scenario.services.get(service) else { continue };
        let pods = |(workload, _): &(usize, usize)| scenario.workloads.get(*workload).map_or(0, |known| known.replicas);
        let endpoints = service.targets.iter().map(pods).sum::<u32>();
        if weights != endpoints as usize {
            cx.problem_help(
                span,
                format!("`weights`: found {weights}, but service/{} has {endpoints} endpoints", service.label()),
                "write one weight for each pod, in their order",
            );
        }
    }
}

fn weights(cx: &mut Context<'_>, object: &Object<'_>) -> Weights {
    let Some(list) = object.get("weights") else { return Weights::NONE };
    let items = cx.list(list, "weights");
    let mut numbers = Vec::new();
    if items.is_empty() && matches!(list.value, Value::List(_)) {
        cx.problem_help(list.span, "`weights` is empty", "write one weight for each pod, in their order");
    }
    for item in items {
        let weight = values::count(item, 0, u64::from(MAX_WEIGHT));
        numbers.extend(cx.take(item, "weights", weight).and_then(|weight| u32::try_from(weight).ok()));
    }
    if numbers.len() < items.len() {
        return Weights::NONE;
    }
    let weights = Weights::new(numbers).map_err(|message| (message, None));
    cx.take(list, "weights", weights).unwrap_or(Weights::NONE)
}

fn ring_hash(cx: &mut Context<'_>, object: &Object<'_>) -> Spec {
    let min = object.count32(cx, "minRingSize").unwrap_or(1_024);
    let max = object.count32(cx, "maxRingSize").unwrap_or(8_388_608);
    if max < min {
        cx.problem(object.key_span("maxRingSize"), format!("`maxRingSize` ({max}) is less than `minRingSize` ({min})"));
    }
    let factor = object.count_or(cx, "balanceFactor", "none").flatten();
    let ways = [("random", Overflow::Random), ("clockwise", Overflow::Clockwise)];
    let overflow = object.word(cx, "overflow", &ways);
    if object.get("overflow").is_some() && object.get("balanceFactor").is_none() {
        cx.problem_help(
            object.key_span("overflow"),
            "`overflow` has no effect without `balanceFactor`",
            "write for example balanceFactor: 150, or remove `overflow`",
        );
    }
    Spec::RingHash {
        weights: weights(cx, object),
        size: RingSize { min, max },
        addresses: addresses(cx, object),
        bound: factor.map(|factor| (factor, overflow.unwrap_or(Overflow::Random))),
    }
}

fn maglev(cx: &mut Context<'_>, object: &Object<'_>) -> Spec {
    let size = object.count32(cx, "tableSize").unwrap_or(65_537);
    if !is_prime(size) {
        let near = (size..).find(|number| is_prime(*number)).unwrap_or(65_537);
        cx.problem_help(
            object.key_span("tableSize"),
            format!("`tableSize` must be a prime number, found {size}"),
            format!("the next one is {near}"),
        );
    }
    Spec::Maglev {
        weights: weights(cx, object),
        size,
        addresses: addresses(cx, object),
        bound: object.count_or(cx, "balanceFactor", "none").flatten(),
    }
}

fn is_prime(number: u32) -> bool {
    number >= 2 && (2..).take_while(|factor| factor * factor <= number).all(|factor| !number.is_multiple_of(factor))
}

fn addresses(cx: &mut Context<'_>, object: &Object<'_>) -> Addresses {
    let Some(node) = object.get("firstAddress") else { return Addresses::USUAL };
    let address = values::text(node).and_then(|text| {
        Addresses::parse(text).ok_or_else(|| {
            (
                format!("expected ADDRESS:PORT, found `{}`", values::shorten(text)),
                Some("write for example 10.0.0.1:80".to_owned()),
            )
        })
    });
    cx.take(node, "firstAddress", address).unwrap_or(Addresses::USUAL)
}

fn sticky_timeout(cx: &mut Context<'_>, object: &Object<'_>) -> Option<SimDuration> {
    match object.get("timeout").and_then(Node::as_str) {
        Some("none") => None,
        _ => object.positive_duration(cx, "timeout"),
    }
}

fn start(cx: &mut Context<'_>, object: &Object<'_>, usual: Start) -> Start {
    match object.count_or(cx, "start", "random") {
        Some(Some(picks)) => Start::After(picks),
        Some(None) => Start::Random,
        None => usual,
    }
}

fn least_request(cx: &mut Context<'_>, object: &Object<'_>) -> Option<Spec> {
    let choices = match object.count_or(cx, "choices", "all") {
        Some(Some(count)) => Choices::Of(count),
        Some(None) => Choices::All,
        None if object.get("choices").is_some() => return None,
        None => Choices::All,
    };
    let replacement = object.boolean(cx, "replacement").unwrap_or(false);
    if replacement && choices == Choices::All {
        cx.problem_help(
            object.key_span("replacement"),
            "`replacement` has no effect where all endpoints are compared",
            "give `choices` a number, or remove `replacement`",
        );
    }
    Some(Spec::LeastRequest { choices, replacement })
}
