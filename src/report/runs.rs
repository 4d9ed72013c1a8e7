//! `runs.csv`: one row a variant, replication and traffic (or call).

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::observe::outcome::{FlowOutcome, RunOutcome};

/// Name of the file.
pub(crate) const FILE: &str = "runs.csv";

/// The columns that hold numbers; `summary.csv` has one row for each.
pub const METRICS: [&str; 16] = [
    "offered",
    "succeeded",
    "failed",
    "in_flight",
    "censored",
    "retries",
    "throughput_rps",
    "goodput_rps",
    "error_ratio",
    "latency_mean_ms",
    "latency_p50_ms",
    "latency_p90_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_p999_ms",
    "latency_max_ms",
];

/// All columns.
pub(crate) fn header() -> Vec<&'static str> {
    ["scenario", "variant", "replication", "seed", "traffic"].into_iter().chain(METRICS).collect()
}

/// The numbers of one row, in the order of [`METRICS`].
pub(crate) fn values(flow: &FlowOutcome, window_seconds: f64) -> [Value; 16] {
    let rate = |count: u64| Value::number((window_seconds > 0.0).then(|| count as f64 / window_seconds));
    let quantile = |q: f64| Value::millis(flow.latency.supported_quantile(q));
    [
        Value::Count(flow.offered),
        Value::Count(flow.succeeded),
        Value::Count(flow.failed),
        Value::Count(flow.in_flight),
        Value::Count(u64::from(flow.in_flight > 0)),
        Value::Count(flow.retries),
        rate(flow.ended()),
        rate(flow.succeeded),
        Value::number(flow.error_ratio()),
        Value::number(flow.latency_moments.mean().map(|seconds| seconds * 1e3)),
        quantile(0.5),
        quantile(0.9),
        quantile(0.95),
        quantile(0.99),
        quantile(0.999),
        Value::millis(flow.latency.histogram().max()),
    ]
}

/// Length of the window in seconds.
pub(crate) fn window_seconds(outcome: &RunOutcome) -> f64 {
    (outcome.window.1 - outcome.window.0).as_secs_f64()
}

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    let window = window_seconds(run.outcome);
    for (label, flow) in run.labels.flows.iter().zip(&run.outcome.flows) {
        let mut row = vec![
            run.scenario.to_owned(),
            run.variant.to_owned(),
            run.outcome.replication.to_string(),
            run.seed.to_string(),
            label.name.clone(),
        ];
        row.extend(values(flow, window).map(Value::field));
        table.row(row)?;
    }
    Ok(())
}
