//! `balancer`: a policy with its parameters.

use super::super::Scenario;
use super::super::context::{Context, Object};
use super::super::tables_flow as tables;
use super::super::values;
use crate::balance::{Choices, MAX_WEIGHT, Spec, Start, Weights};
use crate::time::SimDuration;
use crate::yaml::{Node, Value};

/// Policies of the format that do not exist yet.
const LATER: &[&str] = &["ring-hash", "maglev", "pick-first", "weighted-round-robin", "p2c", "sticky"];

/// The parameters, and the policies that have them.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("choices", &["least-request"]),
    ("replacement", &["least-request"]),
    ("weights", &["weighted-random", "smooth-weighted-round-robin", "edf-weighted-round-robin", "static-stride"]),
    ("limit", &["first"]),
    ("decay", &["peak-ewma"]),
    ("defaultRtt", &["peak-ewma"]),
    ("start", &["round-robin", "smooth-weighted-round-robin", "edf-weighted-round-robin", "static-stride"]),
];

/// `balancer`, over the endpoints of `service` where that is known.
pub(super) fn balancer(cx: &mut Context<'_>, node: &Node, service: Option<usize>) -> Option<Spec> {
    let object = cx.object(node, &tables::BALANCER)?;
    let policy = object.get("policy")?;
    if let Some(name) = policy.as_str()
        && LATER.contains(&name)
    {
        let known = tables::POLICY_NAMES.join(", ");
        cx.problem_help(policy.span, format!("not supported yet: policy {name}"), format!("there are {known}"));
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
