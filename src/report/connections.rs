//! `connections.csv`: connections opened, reused and ended, one row a variant, replication, opener and node.

use std::io::{self, Write};

use super::table::{Run, Table};

/// Name of the file.
pub(crate) const FILE: &str = "connections.csv";

/// All columns.
pub(crate) const HEADER: [&str; 20] = [
    "scenario",
    "variant",
    "replication",
    "connections",
    "node",
    "opened",
    "reused",
    "failed",
    "closed_idle",
    "closed_by_server",
    "closed_for_age",
    "closed_for_requests",
    "closed_by_client",
    "reset",
    "stale",
    "open_max",
    "open_at_end",
    "syn_retransmissions",
    "port_exhausted",
    "conntrack_full",
];

/// Adds the rows of one replication; where no connection was opened there is none.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    for row in &run.outcome.connections {
        let counts = &row.counts;
        let numbers = [
            counts.opened,
            counts.reused,
            counts.failed,
            counts.closed_idle,
            counts.closed_by_server,
            counts.closed_for_age,
            counts.closed_for_requests,
            counts.closed_by_client,
            counts.reset,
            counts.stale,
            counts.open_max,
            counts.open,
            counts.retransmissions,
            counts.port_exhausted,
            counts.conntrack_full,
        ];
        let names = [
            run.scenario.to_owned(),
            run.variant.to_owned(),
            run.outcome.replication.to_string(),
            row.name.clone(),
            row.node.clone(),
        ];
        table.row(names.into_iter().chain(numbers.iter().map(u64::to_string)))?;
    }
    Ok(())
}
