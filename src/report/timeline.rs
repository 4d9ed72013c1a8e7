//! `timeline.csv`: one row a variant, replication, traffic (or call) and interval.

use std::io::{self, Write};

use super::number::Value;
use super::stream::Names;
use super::table::Table;
use crate::observe::outcome::TimelineRow;

/// Name of the file.
pub(crate) const FILE: &str = "timeline.csv";

/// All columns.
pub(crate) const HEADER: [&str; 17] = [
    "scenario",
    "variant",
    "replication",
    "traffic",
    "t_s",
    "offered",
    "succeeded",
    "failed",
    "latency_p50_ms",
    "latency_p99_ms",
    "in_flight",
    "ready_pods",
    "starting_pods",
    "terminating_pods",
    "desired_pods",
    "nodes",
    "cpu_cores",
];

/// Adds one row.
pub(crate) fn write<W: Write>(table: &mut Table<W>, names: &Names, row: &TimelineRow) -> io::Result<()> {
    table.row([
        names.scenario.as_str(),
        &names.variant,
        &names.replication,
        &names.labels.flows[row.flow].name,
        &Value::Seconds(row.at.as_nanos()).field(),
        &row.offered.to_string(),
        &row.succeeded.to_string(),
        &row.failed.to_string(),
        &Value::millis(row.latency_p50.map(|d| d.as_nanos())).field(),
        &Value::millis(row.latency_p99.map(|d| d.as_nanos())).field(),
        &row.in_flight.to_string(),
        &row.ready_pods.to_string(),
        &row.levels.starting.to_string(),
        &row.levels.terminating.to_string(),
        &row.levels.desired.to_string(),
        &row.levels.nodes.to_string(),
        &row.levels.cpu.map_or_else(String::new, |cores| Value::Number(cores).field()),
    ])
}
