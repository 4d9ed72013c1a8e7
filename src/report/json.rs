//! The summary as one JSON document.

use serde_json::{Map, Value, json};

use super::goal::goal_value;
use super::results::Summary;
use super::summary::{FlowSummary, ObjectiveSummary, ServiceSummary, VariantSummary};
use super::terminal::verdict_word;
use super::why;
use crate::stats::{Interval, ObjectiveVerdict};

/// The summary of a run for programs. Numbers that do not exist are null.
#[must_use]
pub fn document(summary: &Summary) -> Value {
    let variants = summary.variants.iter().zip(&summary.seeds);
    json!({
        "scenario": summary.scenario,
        "question": summary.question,
        "partial": summary.partial,
        "objectives_met": summary.objectives_met(),
        "variants": variants.map(|(variant, seed)| variant_value(variant, *seed)).collect::<Vec<_>>(),
    })
}

fn variant_value(variant: &VariantSummary, seed: u64) -> Value {
    let mut value = json!({
        "variant": variant.variant,
        "seed": seed,
        "replications": variant.replications,
        "events": variant.events,
        "traffic": variant.flows.iter().map(flow_value).collect::<Vec<_>>(),
        "services": variant.services.iter().map(service_value).collect::<Vec<_>>(),
        "objectives": variant.objectives.iter().map(objective_value).collect::<Vec<_>>(),
    });
    if let Some(goal) = &variant.goal {
        value["until"] = goal_value(goal);
    }
    value
}

pub(crate) fn interval_value(interval: Option<Interval>) -> Value {
    match interval {
        // serde_json writes NaN, the ends of an interval over one replication, as null.
        Some(i) => json!({"mean": i.mean, "ci95_low": i.low, "ci95_high": i.high, "replications": i.n}),
        None => Value::Null,
    }
}

fn flow_value(flow: &FlowSummary) -> Value {
    let metrics: Map<String, Value> =
        flow.metrics.iter().map(|metric| (metric.measure.name.to_string(), interval_value(metric.printed()))).collect();
    let errors: Vec<Value> = flow
        .errors
        .iter()
        .map(|e| json!({"cause": e.cause.as_str(), "where": e.place, "count": e.count, "attempts": e.attempts}))
        .collect();
    let causes = |means: &[f64]| -> Vec<Value> {
        let columns = flow.ledger.iter().zip(means);
        columns
            .map(|((cause, place), ns)| json!({"cause": cause.as_str(), "where": place, "mean_ms": ns / 1e6}))
            .collect()
    };
    let bands: Vec<Value> = flow
        .bands
        .iter()
        .map(|band| json!({"band": band.name, "requests": band.requests, "causes": causes(&band.means)}))
        .collect();
    json!({
        "name": flow.name,
        "saturated": flow.saturated,
        "metrics": metrics,
        "errors": errors,
        "attribution": bands,
        "why": why::sentence(flow),
    })
}

fn service_value(service: &ServiceSummary) -> Value {
    let pods: Vec<Value> = service
        .pods
        .iter()
        .map(|pod| json!({"pod": pod.pod, "share": pod.share, "utilization": pod.utilization}))
        .collect();
    json!({"service": service.service, "pods": pods})
}

pub(crate) fn objective_value(objective: &ObjectiveSummary) -> Value {
    let needed = match objective.verdict {
        ObjectiveVerdict::Undecided { replications_needed } => replications_needed,
        _ => None,
    };
    json!({
        "objective": objective.text,
        "verdict": verdict_word(objective.verdict),
        "value": interval_value(objective.printed()),
        "replications_needed": needed,
    })
}
