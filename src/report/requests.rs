//! `requests.csv`: one row a logged request, with one column a ledger cause.

use std::io::{self, Write};

use super::number::Value;
use super::stream::Names;
use super::table::Table;
use crate::cause::LedgerCause;
use crate::observe::outcome::RequestRow;

/// Name of the file.
pub(crate) const FILE: &str = "requests.csv";

/// The columns before those of the ledger.
const LEADING: [&str; 13] = [
    "scenario",
    "variant",
    "replication",
    "traffic",
    "request",
    "client",
    "arrived_s",
    "service",
    "pod",
    "node",
    "attempts",
    "outcome",
    "latency_ms",
];

/// All columns: those of the ledger are `CAUSE_ms` for every cause of the closed list, in its order.
pub(crate) fn header() -> Vec<String> {
    let ledger = LedgerCause::ALL.iter().map(|cause| format!("{cause}_ms"));
    LEADING.iter().map(|&name| name.to_owned()).chain(ledger).collect()
}

/// Adds one row.
pub(crate) fn write<W: Write>(table: &mut Table<W>, names: &Names, row: &RequestRow<'_>) -> io::Result<()> {
    let flow = &names.labels.flows[row.flow];
    let mut ledger = vec![0_u64; LedgerCause::ALL.len()];
    for ((cause, _), nanos) in flow.ledger.iter().zip(row.ledger) {
        ledger[*cause as usize] += nanos;
    }
    let endpoint = row.endpoint;
    let outcome = match row.failure {
        _ if row.censored => "in_flight",
        Some(cause) => cause.as_str(),
        None => "succeeded",
    };
    let mut fields = vec![
        names.scenario.clone(),
        names.variant.clone(),
        names.replication.clone(),
        flow.name.clone(),
        row.request.to_string(),
        row.client.to_string(),
        Value::Seconds(row.arrived.as_nanos()).field(),
        endpoint.map_or_else(String::new, |e| names.labels.services[e.service].clone()),
        endpoint.map_or_else(String::new, |e| e.pod.clone()),
        endpoint.map_or_else(String::new, |e| e.node.clone()),
        row.attempts.to_string(),
        outcome.to_owned(),
        Value::Millis(row.latency.as_nanos()).field(),
    ];
    fields.extend(ledger.into_iter().map(|nanos| Value::Millis(nanos).field()));
    table.row(fields)
}
