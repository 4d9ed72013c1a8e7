//! Which pods' metrics count.

use super::Settings;
use crate::time::{SimDuration, SimTime};

/// A pod as its status tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodStatus {
    /// `status.phase`.
    pub phase: Phase,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// `status.startTime`: when a kubelet took it.
    pub started_at: Option<SimTime>,
    /// Its condition `Ready`.
    pub ready: Option<Readiness>,
}

impl PodStatus {
    /// Whether it serves: what counts where a metric is not of single pods.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Running && self.ready.is_some_and(|ready| ready.is_ready)
    }
}

/// The phases that make a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its containers have not started.
    Pending,
    /// They have.
    Running,
    /// It ended badly.
    Failed,
}

/// The condition `Ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it is.
    pub is_ready: bool,
    /// Since when.
    pub since: SimTime,
}

/// A metric of a pod, as the metrics API has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// In thousandths.
    pub milli: i64,
    /// When its window ended.
    pub at: SimTime,
    /// What it was averaged over.
    pub window: SimDuration,
}

/// What a pod is to a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Its metric counts.
    Counted,
    /// It is not ready: its metric does not count, and where that would add pods it counts as idle.
    Unready,
    /// It has no metric.
    Missing,
    /// It was deleted or failed: as if it were not there.
    Ignored,
}

/// What a pod is to a metric, which is CPU or another. Source: `groupPods`.
#[must_use]
pub fn group(pod: &PodStatus, sample: Option<&Sample>, is_cpu: bool, settings: &Settings, now: SimTime) -> Group {
    if pod.is_deleted || pod.phase == Phase::Failed {
        return Group::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Group::Unready;
    }
    let Some(sample) = sample else { return Group::Missing };
    if is_cpu && is_initializing(pod, sample, settings, now) { Group::Unready } else { Group::Counted }
}

/// Whether the CPU of a pod says nothing yet of the load: it starts, or was measured while it did.
fn is_initializing(pod: &PodStatus, sample: &Sample, settings: &Settings, now: SimTime) -> bool {
    let (Some(ready), Some(started_at)) = (pod.ready, pod.started_at) else { return true };
    if started_at + settings.cpu_initialization_period > now {
        !ready.is_ready || sample.at < ready.since + sample.window
    } else {
        // Later only one that was never ready.
        !ready.is_ready && started_at + settings.initial_readiness_delay > ready.since
    }
}
