//! `rollouts.csv`: how each rollout went, one row a variant, replication and rollout.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::observe::rollouts::RolloutOutcome;
use crate::time::SimTime;

/// Name of the file.
pub(crate) const FILE: &str = "rollouts.csv";

/// All columns.
pub(crate) const HEADER: [&str; 16] = [
    "scenario",
    "variant",
    "replication",
    "rollout",
    "target",
    "began_s",
    "until_s",
    "duration_s",
    "failed",
    "failed_by_cause",
    "first_failure_s",
    "last_failure_s",
    "longest_without_failure_s",
    "pods_max",
    "ready_min",
    "balanced_after_s",
];

/// `refused 12, reset 3`.
pub(crate) fn by_cause(rollout: &RolloutOutcome) -> String {
    let parts: Vec<String> = rollout.failed.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    parts.join(", ")
}

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    for (number, rollout) in run.outcome.rollouts.iter().enumerate() {
        let seconds = |from: SimTime, to: Option<SimTime>| {
            to.map_or_else(String::new, |to| Value::Seconds(to.since(from).as_nanos()).field())
        };
        let since = |to| seconds(rollout.began, to);
        let (first, last) = rollout.failures.unzip();
        let balanced = rollout.completed.and_then(|completed| {
            let balanced = rollout.balanced?;
            Some(Value::Seconds(balanced.since(completed).as_nanos()).field())
        });
        table.row([
            run.scenario,
            run.variant,
            &run.outcome.replication.to_string(),
            &number.to_string(),
            &rollout.target,
            &seconds(SimTime::ZERO, Some(rollout.began)),
            &seconds(SimTime::ZERO, Some(rollout.until)),
            &since(rollout.completed),
            &rollout.failed.values().sum::<u64>().to_string(),
            &by_cause(rollout),
            &since(first),
            &since(last),
            &Value::Seconds(rollout.longest_quiet.as_nanos()).field(),
            &rollout.most_pods.to_string(),
            &rollout.fewest_ready.to_string(),
            &balanced.unwrap_or_default(),
        ])?;
    }
    Ok(())
}
