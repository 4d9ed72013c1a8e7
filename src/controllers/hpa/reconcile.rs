//! A sync of an autoscaler. Source: `reconcileAutoscaler` and `computeReplicasForMetrics` in `horizontal.go`.

use super::behavior::{Behavior, Changes, Limit, Range, limited, limited_without_behavior};
use super::replica_calculator::{Circumstances, Goal, Measured, Proposal, Unknown, of_average, of_pods, of_value};
use super::stabilization::{Recommendation, Windows, stabilized, stabilized_without_behavior};
use super::{Settings, Tolerances};
use crate::time::{SimDuration, SimTime};

/// What an autoscaler is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// `minReplicas` and `maxReplicas`.
    pub range: Range,
    /// `spec.behavior`, with what holds where it says nothing.
    pub behavior: Option<Behavior>,
}

/// What is seen of a metric at a sync.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A metric of single pods.
    OfPods {
        /// Every pod that the target selects.
        pods: Vec<Measured>,
        /// Whether it is CPU.
        is_cpu: bool,
        /// What it should be.
        goal: Goal,
    },
    /// A metric of something else, or from outside, in thousandths, with what it should be.
    Value(i64, i64),
    /// The same, with what it should be for each replica.
    Average(i64, i64),
    /// It could not be read.
    Failed,
}

/// What a target looks like at a sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// `spec.replicas`.
    pub spec: u32,
    /// `status.replicas`.
    pub status: u32,
    /// The statuses of its pods.
    pub pods: Vec<super::pods::PodStatus>,
    /// The metrics, in the order of the autoscaler.
    pub readings: Vec<Reading>,
}

/// What an autoscaler remembers from one sync to the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What the metrics wanted.
    pub recommendations: Vec<Recommendation>,
    /// What was changed.
    pub changes: Changes,
    has_begun: bool,
}

/// What comes of a sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The number of replicas that the target is to have.
    pub desired: u32,
    /// What each metric said.
    pub proposals: Vec<Result<Proposal, Unknown>>,
    /// The number that the metrics want.
    pub recommended: Option<u32>,
    /// What recent recommendations made of it.
    pub stabilized: Option<u32>,
    /// Why it is what it is.
    pub reason: Reason,
}

/// Why a sync ended as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The target has no replicas: somebody switched it off.
    ScalingDisabled,
    /// There were more replicas than `maxReplicas`.
    AboveMaxReplicas,
    /// There were fewer than `minReplicas`.
    BelowMinReplicas,
    /// No metric could be read, or one could not and the others want fewer.
    FailedGetMetrics(Unknown),
    /// Recent recommendations were lower.
    ScaleUpStabilized,
    /// Recent recommendations were higher.
    ScaleDownStabilized,
    /// What rules and range said.
    Limited(Limit),
}

impl Reason {
    /// The word, as in the status of an autoscaler where Kubernetes has one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScalingDisabled => "ScalingDisabled",
            Self::AboveMaxReplicas => "AboveMaxReplicas",
            Self::BelowMinReplicas => "BelowMinReplicas",
            Self::FailedGetMetrics(_) => "FailedGetMetrics",
            Self::ScaleUpStabilized => "ScaleUpStabilized",
            Self::ScaleDownStabilized => "ScaleDownStabilized",
            Self::Limited(limit) => limit.name(),
        }
    }
}

/// How many replicas the target is to have from now on.
pub fn reconcile(
    autoscaler: &Autoscaler,
    memory: &mut Memory,
    target: &Target,
    settings: &Settings,
    now: SimTime,
) -> Decision {
    let current = target.spec;
    if !std::mem::replace(&mut memory.has_begun, true) && memory.recommendations.is_empty() {
        memory.recommendations.push(Recommendation { replicas: current, at: now });
    }
    let bare =
        |desired, reason| Decision { desired, proposals: Vec::new(), recommended: None, stabilized: None, reason };
    let range = autoscaler.range;
    let decision = if current == 0 && range.min != 0 {
        return bare(0, Reason::ScalingDisabled);
    } else if current > range.max {
        bare(range.max, Reason::AboveMaxReplicas)
    } else if current < range.min {
        bare(range.min, Reason::BelowMinReplicas)
    } else {
        by_metrics(autoscaler, memory, target, settings, now)
    };
    if let Some(behavior) = autoscaler.behavior.as_ref().filter(|_| decision.desired != current) {
        memory.changes.remember(current, decision.desired, behavior, now);
    }
    decision
}

fn by_metrics(
    autoscaler: &Autoscaler,
    memory: &mut Memory,
    target: &Target,
    settings: &Settings,
    now: SimTime,
) -> Decision {
    let current = target.spec;
    let of = |rules: fn(&Behavior) -> Option<f64>| {
        autoscaler.behavior.as_ref().and_then(rules).unwrap_or(settings.tolerance)
    };
    let tolerances = Tolerances { up: of(|all| all.up.tolerance), down: of(|all| all.down.tolerance) };
    let at = Circumstances { current, tolerances, settings, now };
    let proposals: Vec<Result<Proposal, Unknown>> =
        target.readings.iter().map(|reading| propose(&at, target, reading)).collect();
    let recommended = match combined(current, &proposals) {
        Ok(recommended) => recommended,
        Err(why) => {
            let reason = Reason::FailedGetMetrics(why);
            return Decision { desired: current, proposals, recommended: None, stabilized: None, reason };
        }
    };
    let (stabilized, (desired, limit)) = match &autoscaler.behavior {
        None => {
            let window = settings.downscale_stabilization;
            let stable = stabilized_without_behavior(&mut memory.recommendations, window, recommended, now);
            (stable, limited_without_behavior(autoscaler.range, (current, stable)))
        }
        Some(behavior) => {
            let windows = Windows {
                up: behavior.up.stabilization.unwrap_or(SimDuration::ZERO),
                down: behavior.down.stabilization.unwrap_or(settings.downscale_stabilization),
            };
            let stable = stabilized(&mut memory.recommendations, windows, (current, recommended), now);
            (stable, limited(behavior, &memory.changes, autoscaler.range, (current, stable), now))
        }
    };
    let reason = match limit {
        Limit::DesiredWithinRange if stabilized < recommended => Reason::ScaleUpStabilized,
        Limit::DesiredWithinRange if stabilized > recommended => Reason::ScaleDownStabilized,
        limit => Reason::Limited(limit),
    };
    Decision { desired, proposals, recommended: Some(recommended), stabilized: Some(stabilized), reason }
}

fn propose(at: &Circumstances<'_>, target: &Target, reading: &Reading) -> Result<Proposal, Unknown> {
    match reading {
        Reading::OfPods { pods, is_cpu, goal } => of_pods(at, pods, *is_cpu, *goal),
        Reading::Value(milli, goal) => of_value(at, &target.pods, *milli, *goal),
        Reading::Average(milli, goal) => Ok(of_average(at, target.status, *milli, *goal)),
        Reading::Failed => Err(Unknown::NoMetrics),
    }
}

/// The most that a metric wants. One that says nothing might want more: then there are not to be fewer.
fn combined(current: u32, proposals: &[Result<Proposal, Unknown>]) -> Result<u32, Unknown> {
    let most = proposals.iter().flatten().map(|proposal| proposal.replicas).max();
    let first_error = proposals.iter().find_map(|proposal| proposal.as_ref().err().copied());
    match (most, first_error) {
        (Some(most), None) => Ok(most),
        (Some(most), Some(_)) if most >= current => Ok(most),
        (_, error) => Err(error.unwrap_or(Unknown::NoMetrics)),
    }
}
