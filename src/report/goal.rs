//! How far a variant came towards the goal that ends its replications.

use serde_json::{Value, json};

use super::number::human;
use super::terminal::count;
use crate::scenario::{Run, Until};
use crate::stats::{CONFIDENCE, Moments, relative_half_width, replications_needed, t_interval};

/// A goal (`run.replications.until`) and how far a variant came.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalSummary {
    /// What was asked for.
    pub until: Until,
    /// Most replications.
    pub max: u32,
    /// Replications that were finished.
    pub made: u32,
    /// Half the width of the 95 % interval as a share of the mean, where there is one.
    pub relative_half_width: Option<f64>,
    /// Whether that is what was asked for.
    pub met: bool,
    /// How many replications would probably be enough, where these were not and that can be said.
    pub replications_needed: Option<u64>,
}

impl GoalSummary {
    /// Of the metric's values, one a replication; `None` without a goal.
    pub(crate) fn new(run: &Run, values: &[f64]) -> Option<Self> {
        let (until, precision) = (run.until.clone()?, run.precision()?);
        let interval = t_interval(values, CONFIDENCE);
        let width = interval.and_then(relative_half_width);
        let met = precision.reached(values);
        let wide = |width: &f64| *width > until.relative_half_width;
        let needed = width.filter(wide).and_then(|_| {
            let distance = interval?.mean.abs() * until.relative_half_width;
            replications_needed(distance, Moments::of(values).sd()?, CONFIDENCE)
        });
        Some(Self {
            max: run.replications,
            made: u32::try_from(values.len()).unwrap_or(u32::MAX),
            relative_half_width: width,
            met,
            replications_needed: needed,
            until,
        })
    }

    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let percent = |share: f64| format!("{} %", human(share * 100.0));
        let Until { text, relative_half_width: asked, .. } = &self.until;
        let made = count(self.made, "replication");
        let Some(width) = self.relative_half_width else {
            return format!(
                "goal not met: after {made} {text} has no relative precision; ± {} was asked",
                percent(*asked)
            );
        };
        if self.met {
            return format!(
                "goal met: {text} within ± {} (± {} was asked) after {made}",
                percent(width),
                percent(*asked)
            );
        }
        let most = if self.made >= self.max { ", the most allowed" } else { "" };
        let needed = self
            .replications_needed
            .map_or_else(String::new, |needed| format!("; about {} replications would do", human(needed as f64)));
        format!(
            "goal not met: {text} within ± {} (± {} was asked) after {made}{most}{needed}",
            percent(width),
            percent(*asked)
        )
    }
}

/// For programs.
pub(crate) fn goal_value(goal: &GoalSummary) -> Value {
    json!({
        "metric": goal.until.text,
        "relative_half_width": goal.until.relative_half_width,
        "min": goal.until.min,
        "max": goal.max,
        "reached": goal.relative_half_width,
        "met": goal.met,
    })
}
