//! `--metric`: columns of `runs.csv`, and metrics by their names.

use super::Trouble;
use super::args::Shown;
use crate::report::METRICS;
use crate::yaml::nearest;

/// What is to be shown.
#[derive(Debug)]
pub(super) struct Metrics {
    /// Everything that was asked for; empty where all is.
    pub(super) shown: Vec<String>,
    /// Of these, the ones that the simulation must observe for it.
    pub(super) named: Vec<String>,
}

impl Metrics {
    /// Tells columns from names; whether a name is one is found when the scenario is read.
    pub(super) fn of(args: &Shown) -> Result<Self, Trouble> {
        let mut metrics = Self { shown: Vec::new(), named: Vec::new() };
        for metric in args.metric.iter().map(|metric| metric.trim().to_owned()) {
            if metrics.shown.contains(&metric) {
                continue;
            }
            if metric.contains('.') {
                metrics.named.push(metric.clone());
            } else if !METRICS.contains(&metric.as_str()) {
                return Err(Trouble::usage(format!(
                    "no column of runs.csv with numbers is called `{metric}`; {}",
                    choices(&metric, &METRICS)
                )));
            }
            metrics.shown.push(metric);
        }
        Ok(metrics)
    }
}

/// What could have been meant.
pub(super) fn choices(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}
