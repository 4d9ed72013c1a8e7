//! `balancer`: a policy with its parameters.

use std::sync::Arc;

use super::super::Scenario;
use super::super::context::{Context, Object};
use super::super::tables::MEASURED;
use super::super::tables_flow as tables;
use super::super::values;
use super::dist::data;
use super::measured::columns;
use crate::balance::{
    self, Addresses, Form, Given, MAX_WEIGHT, POLICIES, Parameter, Refused, SlowStart, Spec, Weights,
};
use crate::yaml::{Node, Value};

/// Words that people know and that mean several policies, or another one here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("pick-first", "write `first`"),
    ("p2c", "write `pending-requests` or `peak-ewma`, or `least-request` with choices: 2"),
    ("ewma", "write `peak-ewma`"),
    ("power-of-two", "write `least-request` with choices: 2"),
    ("least-connections", "write `least-request`"),
    ("least-conn", "write `least-request`, or with weights `weighted-least-request` (nginx: ties: round-robin)"),
    ("leastconn", "write `weighted-least-request` with rule: idle-first and ties: fifo"),
    ("rr", "write `round-robin`"),
    ("wrr", "write `smooth-weighted-round-robin`, as nginx does it"),
    ("consistent-hash", "write `ring-hash` or `maglev`"),
    ("source", "write `haproxy-source`, or `ip-hash` without a ring"),
    ("jiq", "write `join-idle-queue`"),
    ("jsq", "write `least-request` by own counts, or `oracle-jsq` as the bound that nobody real reaches"),
    (
        "weighted-round-robin",
        "write `smooth-weighted-round-robin` (nginx), `edf-weighted-round-robin` (Envoy) or `static-stride` (gRPC)",
    ),
];

/// `balancer`, over the endpoints of `service` where that is known.
pub(super) fn balancer(cx: &mut Context<'_>, node: &Node, service: Option<usize>) -> Option<Spec> {
    let object = cx.object(node, &tables::BALANCER)?;
    let policy = object.get("policy")?;
    let written = policy.as_str().unwrap_or_default();
    let plain = written.to_lowercase().replace('_', "-");
    if let Some((_, help)) = ELSEWHERE.iter().find(|(name, _)| plain == *name) {
        cx.problem_help(policy.span, format!("no policy is called {written}"), *help);
        return None;
    }
    let names = tables::POLICY_NAMES.iter().map(|name| (*name, *name)).collect::<Vec<_>>();
    let name = object.word(cx, "policy", &names)?;
    let listed = POLICIES.iter().find(|policy| policy.name == name).expect("the names are those of the list");
    let written = object.entries().iter().map(|(key, _)| key);
    for key in written.filter(|key| key.name != "policy" && known(&key.name) && object.get(&key.name).is_some()) {
        if !listed.parameters.iter().any(|parameter| parameter.key == key.name) {
            let owners = POLICIES.iter().filter(|policy| policy.parameters.iter().any(|own| own.key == key.name));
            let owners = owners.map(|policy| policy.name).collect::<Vec<_>>().join(", ");
            let message = format!("`{}` belongs to {owners}; policy {name} has no such parameter", key.name);
            cx.problem(key.span, message);
        }
    }
    let mut given = Given::default();
    for parameter in listed.parameters.iter().filter(|parameter| object.get(parameter.key).is_some()) {
        given.insert(parameter.key, value(cx, &object, parameter, service).unwrap_or(balance::Value::Bad));
    }
    if !given.weights().is_empty()
        && let Some(service) = service
    {
        cx.weighted.push((object.key_span("weights"), service, given.weights().len()));
    }
    let spec = Spec::read(name, &mut given);
    for Refused { key, message, help } in given.into_refused() {
        match help {
            Some(help) => cx.problem_help(object.key_span(key), message, help),
            None => cx.problem(object.key_span(key), message),
        }
    }
    spec
}

/// Whether some policy has a parameter of this name.
fn known(key: &str) -> bool {
    tables::BALANCER.field(key).is_some()
}

/// The value of a parameter that is there.
fn value(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    parameter: &Parameter,
    service: Option<usize>,
) -> Option<balance::Value> {
    let key = parameter.key;
    let or_word = |count: Option<u32>, word| count.map_or(balance::Value::Word(word), balance::Value::Count);
    match parameter.form {
        Form::Count(min, max) => {
            let count = object.count_within(cx, key, (min, max))?;
            Some(balance::Value::Count(u32::try_from(count).expect("no parameter may be larger")))
        }
        Form::CountOr(min, max, word) => {
            object.count_within_or(cx, key, (min, max), word).map(|count| or_word(count, word))
        }
        Form::Number(min, max) => object.number_within(cx, key, (min, max)).map(balance::Value::Number),
        Form::Flag => object.boolean(cx, key).map(balance::Value::Flag),
        Form::Word(words) => {
            let words = words.iter().map(|word| (*word, *word)).collect::<Vec<_>>();
            object.word(cx, key, &words).map(balance::Value::Word)
        }
        Form::DurationOr(word) if object.get(key).and_then(Node::as_str) == Some(word) => {
            Some(balance::Value::Word(word))
        }
        Form::Duration | Form::DurationOr(_) => object.positive_duration(cx, key).map(balance::Value::Duration),
        Form::Weights => weights(cx, object, key).map(balance::Value::Weights),
        Form::Ip => ip(cx, object, key).map(balance::Value::Ip),
        Form::Address => address(cx, object, key).map(balance::Value::Address),
        Form::Picks => picks(cx, object, key, service).map(balance::Value::Picks),
        Form::SlowStart if object.get(key).and_then(Node::as_str) == Some("none") => Some(balance::Value::Word("none")),
        Form::SlowStart => slow_start(cx, object.get(key)?).map(balance::Value::SlowStart),
    }
}

/// Recorded pods, by name or number: a list, or a column of a file.
fn picks(cx: &mut Context<'_>, object: &Object<'_>, key: &str, service: Option<usize>) -> Option<Arc<[u32]>> {
    let node = object.get(key)?;
    let texts = match &node.value {
        Value::Map(_) => {
            let file = cx.object(node, &MEASURED)?;
            let text = data(cx, &file)?;
            let found = columns(&text, file.text(cx, "column")).and_then(|mut columns| match columns.len() {
                1 => Ok(columns.remove(0)),
                several => Err(format!("the file has {several} columns: name one by `column`")),
            });
            cx.take(node, key, found.map_err(|message| (message, None)))?
        }
        _ => {
            let items = cx.list(node, key);
            let texts = items.iter().map(|item| values::text(item).map(str::to_owned)).collect::<Result<Vec<_>, _>>();
            cx.take(node, key, texts)?
        }
    };
    if texts.is_empty() {
        if !matches!(node.value, Value::List(_)) {
            return None;
        }
        cx.problem_help(node.span, "`picks` is empty", "write the pods that were picked, such as [web-0, web-2]");
        return None;
    }
    let numbers = texts.iter().map(|text| {
        let number = text.rsplit('-').next().and_then(|last| last.parse::<u32>().ok());
        let help = || Some("write web-0, or 0 for the first endpoint".to_owned());
        number.ok_or_else(|| (format!("expected a pod's name or number, found `{}`", values::shorten(text)), help()))
    });
    let numbers = numbers.collect::<Result<Vec<_>, _>>();
    let numbers = cx.take(node, key, numbers)?;
    if let Some(service) = service {
        let known = texts.into_iter().zip(numbers.iter().copied()).collect();
        cx.recorded.push((object.key_span(key), service, known));
    }
    Some(numbers.into())
}

/// Refuses recorded pods that are none of their Service's.
fn check_picks(cx: &mut Context<'_>, scenario: &Scenario) {
    for (span, service, picks) in std::mem::take(&mut cx.recorded) {
        let Some(service) = scenario.services.get(service) else { continue };
        let workloads = service.targets.iter().filter_map(|(workload, _)| scenario.workloads.get(*workload));
        let names: Vec<String> = workloads
            .flat_map(|workload| (0..workload.replicas).map(|number| format!("{}-{number}", workload.name)))
            .collect();
        let is_there = |(text, number): &(&String, &u32)| {
            let name = names.get(**number as usize);
            name.is_some_and(|name| name == *text || text.parse::<u32>().is_ok())
        };
        if let Some((text, _)) = picks.iter().find(|pick| !is_there(pick)) {
            let message = format!(
                "`picks`: `{}` is none of the {} endpoints of service/{}",
                values::shorten(text),
                names.len(),
                service.label()
            );
            let last = names.len().saturating_sub(1);
            let shown = |place: usize| names.get(place).map_or("none", String::as_str);
            let shown = format!("they are {} to {}, or 0 to {last}", shown(0), shown(last));
            cx.problem_help(span, message, shown);
        }
    }
}

fn slow_start(cx: &mut Context<'_>, node: &Node) -> Option<SlowStart> {
    let object = cx.object(node, &tables::SLOW_START)?;
    let window = object.positive_duration(cx, "window");
    let aggression = object.positive(cx, "aggression").unwrap_or(1.0);
    let percent = object.number_within(cx, "minWeightPercent", (0.0, 100.0)).unwrap_or(10.0);
    Some(SlowStart { window: window?, aggression, min_weight: percent / 100.0 })
}

/// Refuses weights and picks that do not fit the endpoints of their Service.
pub(super) fn check_endpoints(cx: &mut Context<'_>, scenario: &Scenario) {
    check_weights(cx, scenario);
    check_picks(cx, scenario);
}

/// Refuses lists of weights that are longer or shorter than their Service.
fn check_weights(cx: &mut Context<'_>, scenario: &Scenario) {
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

fn weights(cx: &mut Context<'_>, object: &Object<'_>, key: &str) -> Option<Weights> {
    let list = object.get(key)?;
    let items = cx.list(list, key);
    let mut numbers = Vec::new();
    if items.is_empty() && matches!(list.value, Value::List(_)) {
        cx.problem_help(list.span, "`weights` is empty", "write one weight for each pod, in their order");
    }
    for item in items {
        let weight = values::count(item, 0, u64::from(MAX_WEIGHT));
        numbers.extend(cx.take(item, key, weight).and_then(|weight| u32::try_from(weight).ok()));
    }
    if numbers.len() < items.len() {
        return None;
    }
    let weights = Weights::new(numbers).map_err(|message| (message, None));
    cx.take(list, key, weights)
}

fn ip(cx: &mut Context<'_>, object: &Object<'_>, key: &str) -> Option<u32> {
    let node = object.get(key)?;
    let address = values::text(node).and_then(|text| {
        let help = || Some("write for example 10.244.0.1".to_owned());
        let address = text.parse::<std::net::Ipv4Addr>();
        address.map_err(|_| (format!("expected an IPv4 address, found `{}`", values::shorten(text)), help()))
    });
    cx.take(node, key, address).map(u32::from)
}

fn address(cx: &mut Context<'_>, object: &Object<'_>, key: &str) -> Option<Addresses> {
    let node = object.get(key)?;
    let address = values::text(node).and_then(|text| {
        Addresses::parse(text).ok_or_else(|| {
            (
                format!("expected ADDRESS:PORT, found `{}`", values::shorten(text)),
                Some("write for example 10.0.0.1:80".to_owned()),
            )
        })
    });
    cx.take(node, key, address)
}
