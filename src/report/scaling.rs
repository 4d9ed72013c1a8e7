//! `scaling.csv`: what autoscalers saw and decided, one row a sync.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::observe::scaling::{MetricSeen, ScalingDecision};

/// Name of the file.
pub(crate) const FILE: &str = "scaling.csv";

/// All columns.
pub(crate) const HEADER: [&str; 15] = [
    "scenario",
    "variant",
    "replication",
    "t_s",
    "autoscaler",
    "target",
    "replicas",
    "ready_pods",
    "metrics",
    "measured",
    "targets",
    "recommended",
    "stabilized",
    "desired",
    "reason",
];

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    for decision in &run.outcome.scaling {
        let of = |value: &dyn Fn(&MetricSeen) -> String| joined(decision, value);
        let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
        table.row([
            run.scenario,
            run.variant,
            &run.outcome.replication.to_string(),
            &Value::Seconds(decision.at.as_nanos()).field(),
            &decision.autoscaler,
            &decision.target,
            &decision.current.to_string(),
            &decision.ready.to_string(),
            &of(&|seen| seen.name.clone()),
            &of(&|seen| seen.measured.map_or_else(String::new, |value| seen.figure(value))),
            &of(&|seen| seen.figure(seen.goal)),
            &number(decision.recommended),
            &number(decision.stabilized),
            &decision.desired.to_string(),
            decision.reason,
        ])?;
    }
    Ok(())
}

/// A figure of each metric; several are parted by semicolons.
fn joined(decision: &ScalingDecision, value: &dyn Fn(&MetricSeen) -> String) -> String {
    decision.metrics.iter().map(value).collect::<Vec<String>>().join(";")
}
