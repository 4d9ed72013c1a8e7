//! `cluster.loadBalancers` and `cluster.nat`.

use super::super::context::Context;
use super::super::outside::{LoadBalancers, Nat};
use super::super::tables_outside as tables;
use super::dist::dist;
use crate::yaml::Node;

/// What stands before Services of type LoadBalancer.
pub(super) fn load_balancers(cx: &mut Context<'_>, node: Option<&Node>) -> LoadBalancers {
    let mut settings = LoadBalancers::default();
    let Some(object) = node.and_then(|node| cx.object(node, &tables::LOAD_BALANCERS)) else { return settings };
    let choices = LoadBalancers::choices();
    let words: Vec<(&'static str, usize)> =
        choices.iter().enumerate().map(|(place, (word, _))| (*word, place)).collect();
    if let Some(place) = object.word(cx, "implementation", &words) {
        settings.choice = choices[place].1.clone();
    }
    let hashes = matches!(settings.implementation(), "hash" | "maglev");
    if object.get("hash").is_some() && !hashes {
        let message = format!("`hash` has no effect: {} hashes nothing", settings.implementation());
        cx.problem_help(object.key_span("hash"), message, "write `implementation: hash` or `maglev`, or remove `hash`");
    }
    settings.by_client = object.word(cx, "hash", &[("5-tuple", false), ("client", true)]).unwrap_or(false);
    settings.pods = object.word(cx, "targets", &[("nodes", false), ("pods", true)]).unwrap_or(false);
    if let Some(latency) = object.get("latency").and_then(|node| dist(cx, node, "latency")) {
        settings.latency = latency;
    }
    if let Some(check) = object.get("healthCheck").and_then(|node| cx.object(node, &tables::HEALTH_CHECK)) {
        settings.interval = check.positive_duration(cx, "interval").unwrap_or(settings.interval);
        settings.unhealthy = check.count32(cx, "threshold").unwrap_or(settings.unhealthy);
        settings.healthy = check.count32(cx, "healthyThreshold").unwrap_or(settings.unhealthy);
    }
    if object.get("deregistrationDelay").is_some() && !settings.pods {
        let message = "`deregistrationDelay` has no effect: connections to a node stay there when its pods go";
        cx.problem_help(object.key_span("deregistrationDelay"), message, "write `targets: pods`, or remove it");
    }
    settings.deregistration = object.duration(cx, "deregistrationDelay").unwrap_or(settings.deregistration);
    settings
}

/// How connections leave the cluster.
pub(super) fn nat(cx: &mut Context<'_>, node: Option<&Node>) -> Nat {
    let mut nat = Nat::default();
    let Some(object) = node.and_then(|node| cx.object(node, &tables::NAT)) else { return nat };
    nat.gateway = object.word(cx, "by", &[("node", false), ("gateway", true)]).unwrap_or(false);
    nat.ports = object.count32(cx, "ports").unwrap_or(nat.ports);
    nat.hold = object.duration(cx, "hold").unwrap_or(nat.hold);
    nat
}
