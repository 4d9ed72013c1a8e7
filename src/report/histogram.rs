//! `histogram.csv`: latencies of all replications together, one row a variant, traffic (or call) and bucket that has any.

use std::io::{self, Write};

use super::number::Value;
use super::table::Table;
use crate::stats::Histogram;

/// Name of the file.
pub(crate) const FILE: &str = "histogram.csv";

/// All columns.
pub(crate) const HEADER: [&str; 7] = ["scenario", "variant", "traffic", "lower_ms", "upper_ms", "count", "cumulative"];

/// Adds the rows of one traffic or call.
pub(crate) fn write<W: Write>(table: &mut Table<W>, leading: [&str; 3], latency: &Histogram) -> io::Result<()> {
    let mut cumulative = 0;
    for (lower, upper, count) in latency.buckets() {
        cumulative += count;
        let [scenario, variant, traffic] = leading;
        table.row([
            scenario,
            variant,
            traffic,
            &Value::Millis(lower).field(),
            &Value::Millis(upper).field(),
            &count.to_string(),
            &cumulative.to_string(),
        ])?;
    }
    Ok(())
}
