//! `endpoints.csv`: one row a variant, replication, Service and pod.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::observe::outcome::{EndpointOutcome, Labels, RunOutcome};
use crate::stats::samples_needed;

/// Name of the file.
pub(crate) const FILE: &str = "endpoints.csv";

/// All columns.
pub(crate) const HEADER: [&str; 18] = [
    "scenario",
    "variant",
    "replication",
    "service",
    "pod",
    "node",
    "zone",
    "requests",
    "share",
    "connections",
    "errors",
    "utilization",
    "queue_mean",
    "queue_max",
    "latency_p50_ms",
    "latency_p99_ms",
    "picks",
    "address",
];

/// Requests of each Service, in the order of the labels.
fn totals(labels: &Labels, outcome: &RunOutcome) -> Vec<u64> {
    let mut totals = vec![0; labels.services.len()];
    for (label, endpoint) in labels.endpoints_of(outcome).zip(&outcome.endpoints) {
        totals[label.service] += endpoint.requests;
    }
    totals
}

/// Each endpoint's share of its Service's requests, where there were any.
pub(crate) fn shares(labels: &Labels, outcome: &RunOutcome) -> Vec<Option<f64>> {
    let totals = totals(labels, outcome);
    let share = |service: usize, requests: u64| (totals[service] > 0).then(|| requests as f64 / totals[service] as f64);
    labels.endpoints_of(outcome).zip(&outcome.endpoints).map(|(label, e)| share(label.service, e.requests)).collect()
}

fn quantile(endpoint: &EndpointOutcome, q: f64) -> Value {
    let latency = endpoint.latency.as_ref().filter(|latency| latency.count() >= samples_needed(q));
    Value::millis(latency.and_then(|latency| latency.quantile(q)))
}

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    let shares = shares(run.labels, run.outcome);
    for ((label, endpoint), share) in run.labels.endpoints_of(run.outcome).zip(&run.outcome.endpoints).zip(shares) {
        table.row([
            run.scenario.to_owned(),
            run.variant.to_owned(),
            run.outcome.replication.to_string(),
            run.labels.services[label.service].clone(),
            label.pod.clone(),
            label.node.clone(),
            label.zone.clone(),
            endpoint.requests.to_string(),
            Value::number(share).field(),
            endpoint.connections.to_string(),
            endpoint.errors.to_string(),
            Value::number(endpoint.utilization).field(),
            Value::Number(endpoint.queue_mean).field(),
            endpoint.queue_max.to_string(),
            quantile(endpoint, 0.5).field(),
            quantile(endpoint, 0.99).field(),
            endpoint.picks.to_string(),
            label.address.to_string(),
        ])?;
    }
    Ok(())
}
