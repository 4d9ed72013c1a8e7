//! `dns.csv`: what was looked up, asked and answered, one row a variant, replication and host, name and type, or server.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::observe::dns::{DnsOutcome, DnsSubject};
use crate::stats::samples_needed;

/// Name of the file.
pub(crate) const FILE: &str = "dns.csv";

/// All columns.
pub(crate) const HEADER: [&str; 15] = [
    "scenario",
    "variant",
    "replication",
    "name",
    "type",
    "queries",
    "noerror",
    "nodata",
    "nxdomain",
    "unanswered",
    "cache_hits",
    "latency_p50_ms",
    "latency_p99_ms",
    "latency_max_ms",
    "utilization",
];

fn quantile(row: &DnsOutcome, q: f64) -> Value {
    let enough = row.latency.count() >= samples_needed(q);
    Value::millis(row.latency.quantile(q).filter(|_| enough))
}

/// Adds the rows of one replication; names that nobody asked for have none.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    for (label, row) in run.labels.dns.iter().zip(&run.outcome.dns) {
        let kind = match label.subject {
            DnsSubject::Lookup => "lookup",
            DnsSubject::Query(record) => record,
            DnsSubject::Server => "server",
        };
        if row.queries == 0 && label.subject != DnsSubject::Server {
            continue;
        }
        table.row([
            run.scenario.to_owned(),
            run.variant.to_owned(),
            run.outcome.replication.to_string(),
            label.name.clone(),
            kind.to_owned(),
            row.queries.to_string(),
            row.found.to_string(),
            row.no_data.to_string(),
            row.nx_domain.to_string(),
            row.unanswered.to_string(),
            row.cache_hits.to_string(),
            quantile(row, 0.5).field(),
            quantile(row, 0.99).field(),
            Value::millis(row.latency.max()).field(),
            Value::number(row.utilization).field(),
        ])?;
    }
    Ok(())
}
