//! An explanation as one JSON document.

use serde_json::{Value, json};

use super::{Counterfactual, Effect, Explanation, Pair, Tail, TooFew, TrafficExplained, story_value};
use crate::report::comparison::Flag;
use crate::report::json::interval_value;

/// The explanation for programs. Numbers that do not exist are null; sums are exact.
#[must_use]
pub fn document(explanation: &Explanation) -> Value {
    let quantile = explanation.quantile;
    json!({
        "scenario": explanation.scenario,
        "question": explanation.question,
        "variant": explanation.variant,
        "seed": explanation.seed,
        "replications": explanation.replications,
        "quantile": quantile.name(),
        "traffic": explanation.traffics.iter().map(traffic_value).collect::<Vec<_>>(),
        "too_few": explanation.too_few.iter().map(too_few_value).collect::<Vec<_>>(),
    })
}

fn too_few_value(traffic: &TooFew) -> Value {
    let cause = traffic.cause.as_ref().map(|(cause, place)| json!({"cause": cause.as_str(), "where": place}));
    json!({"name": traffic.name, "succeeded": traffic.succeeded, "most_failed": cause})
}

fn flag_value(flag: Flag) -> Option<&'static str> {
    Some(flag.as_str()).filter(|word| !word.is_empty())
}

fn traffic_value(traffic: &TrafficExplained) -> Value {
    json!({
        "name": traffic.name,
        "flag": flag_value(traffic.flag),
        "quantile_ms": interval_value(traffic.value),
        "mean_ms": interval_value(traffic.mean),
        "error_ratio": interval_value(traffic.error_ratio),
        "tail": tail_value(&traffic.tail),
        "without": traffic.counterfactuals.iter().map(counterfactual_value).collect::<Vec<_>>(),
        "not_taken_away": traffic.fixed,
        "slowest": traffic.stories.iter().map(story_value).collect::<Vec<_>>(),
    })
}

/// Sums over all requests of a band, in nanoseconds, and what they add to the mean of the tail.
fn pair_value(tail: &Tail, pair: Pair) -> Value {
    json!({
        "tail_ns": u64::try_from(pair.tail).ok(),
        "median_ns": u64::try_from(pair.median).ok(),
        "difference_ms": tail.growth(pair) / 1e6,
    })
}

fn tail_value(tail: &Tail) -> Value {
    let causes = tail.rows.iter().map(|row| {
        let pods: Vec<Value> =
            row.pods.iter().map(|pod| json!({"pod": pod.pod, "spent": pair_value(tail, pod.spent)})).collect();
        json!({"cause": row.cause.as_str(), "where": row.place, "spent": pair_value(tail, row.spent), "pods": pods})
    });
    json!({
        "requests": tail.requests,
        "median_requests": tail.median_requests,
        "spent": pair_value(tail, tail.total()),
        "causes": causes.collect::<Vec<_>>(),
    })
}

fn effect_value(effect: Effect) -> Value {
    json!({
        "mean": interval_value(effect.mean),
        "change": interval_value(effect.change.map(|paired| paired.difference)),
        "p_value": effect.change.and_then(|paired| paired.p_value),
    })
}

fn counterfactual_value(own: &Counterfactual) -> Value {
    json!({
        "what": own.without,
        "growth_ms": own.growth / 1e6,
        "quantile_ms": effect_value(own.quantile),
        "mean_ms": effect_value(own.mean),
        "error_ratio": effect_value(own.error_ratio),
        "flag": flag_value(own.flag),
    })
}
