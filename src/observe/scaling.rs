//! What autoscalers decided, for `scaling.csv`.

use crate::time::SimTime;

/// A sync of an autoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingDecision {
    /// When.
    pub at: SimTime,
    /// `hpa/web`.
    pub autoscaler: String,
    /// `deployment/web`.
    pub target: String,
    /// Replicas that the target was to have.
    pub current: u32,
    /// Pods of it that were ready.
    pub ready: u32,
    /// What its metrics said; nothing where they were not asked.
    pub metrics: Vec<MetricSeen>,
    /// Replicas that the metrics want.
    pub recommended: Option<u32>,
    /// What recent recommendations made of it.
    pub stabilized: Option<u32>,
    /// Replicas that the target is to have from then on.
    pub desired: u32,
    /// Why.
    pub reason: &'static str,
}

/// What a metric said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSeen {
    /// `cpu`, or a name of another system.
    pub name: String,
    /// Whether figures are percent; else they are thousandths.
    pub percent: bool,
    /// What was measured, if anything.
    pub measured: Option<i64>,
    /// What it should be.
    pub goal: i64,
    /// Replicas that it wants.
    pub replicas: Option<u32>,
}

impl MetricSeen {
    /// A figure as it is written.
    #[must_use]
    pub fn figure(&self, value: i64) -> String {
        if self.percent { value.to_string() } else { (value as f64 / 1e3).to_string() }
    }
}

impl ScalingDecision {
    /// What the metrics said, in words: `cpu 90 % of 60 %`.
    #[must_use]
    pub fn told(&self) -> String {
        let unit = |seen: &MetricSeen| if seen.percent { " %" } else { "" };
        let one = |seen: &MetricSeen| {
            let measured = seen.measured.map_or("unknown".to_owned(), |value| seen.figure(value) + unit(seen));
            format!("{} {measured} of {}{}", seen.name, seen.figure(seen.goal), unit(seen))
        };
        let all: Vec<String> = self.metrics.iter().map(one).collect();
        if all.is_empty() { "out of its range".to_owned() } else { all.join(", ") }
    }
}
