//! `events.csv`: what happened to the cluster, one row an event.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};

/// Name of the file.
pub(crate) const FILE: &str = "events.csv";

/// All columns.
pub(crate) const HEADER: [&str; 7] = ["scenario", "variant", "replication", "t_s", "kind", "object", "detail"];

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    for event in &run.outcome.cluster_events {
        table.row([
            run.scenario,
            run.variant,
            &run.outcome.replication.to_string(),
            &Value::Seconds(event.at.as_nanos()).field(),
            event.kind,
            &event.object,
            &event.detail,
        ])?;
    }
    Ok(())
}
