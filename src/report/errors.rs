//! `errors.csv`: why requests failed, one row a variant, replication, traffic (or call), cause, place and who was late.

use std::io::{self, Write};

use super::table::{Run, Table};

/// Name of the file.
pub(crate) const FILE: &str = "errors.csv";

/// All columns.
pub(crate) const HEADER: [&str; 9] =
    ["scenario", "variant", "replication", "traffic", "cause", "where", "count", "attempts", "late"];

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    for (label, flow) in run.labels.flows.iter().zip(&run.outcome.flows) {
        for error in &flow.errors {
            table.row([
                run.scenario,
                run.variant,
                &run.outcome.replication.to_string(),
                &label.name,
                error.cause.as_str(),
                &error.place,
                &error.count.to_string(),
                &error.attempts.to_string(),
                &error.late,
            ])?;
        }
    }
    Ok(())
}
