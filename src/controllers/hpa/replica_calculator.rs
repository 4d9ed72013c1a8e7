//! How many replicas a metric wants.
//!
//! Quantities are in thousandths, and are divided as Kubernetes divides them: a utilization is whole percent, an average
//! whole thousandths, both rounded down. Source: `replica_calculator.go` and `metrics/utilization.go`.

use std::fmt;

use super::pods::{Group, PodStatus, Sample, group};
use super::{Settings, Tolerances};
use crate::time::SimTime;

/// What a metric says: the number of replicas it wants, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// How many.
    pub replicas: u32,
    /// What was measured: percent of the request for a utilization, else thousandths.
    pub measured: i64,
    /// What was measured to what it should be, before pods without metrics are thought of.
    pub ratio: f64,
}

/// Why a metric says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The metrics API has nothing.
    NoMetrics,
    /// The workload has no pods.
    NoPods,
    /// No pod whose metric counts has one.
    NoMetricsOfThesePods,
    /// A container has no request, so there is nothing to take percents of.
    NoRequest,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMetrics => "no metrics",
            Self::NoPods => "no pods",
            Self::NoMetricsOfThesePods => "no metrics of ready pods",
            Self::NoRequest => "a container has no request",
        })
    }
}

/// What a metric of single pods is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// `averageUtilization`: percent of what the pods request.
    Utilization(u32),
    /// `averageValue`, in thousandths.
    Average(i64),
}

/// A pod, what is known of it, and what it requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Its status.
    pub status: PodStatus,
    /// What the metrics API has of it.
    pub sample: Option<Sample>,
    /// What it requests of the resource, in thousandths; nothing if one of its containers has no request.
    pub request: Option<i64>,
}

/// The circumstances of a calculation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circumstances<'a> {
    /// `spec.replicas` of the target.
    pub current: u32,
    /// How close is close enough.
    pub tolerances: Tolerances,
    /// The controller's flags.
    pub settings: &'a Settings,
    /// When.
    pub now: SimTime,
}

/// A metric of single pods: `Resource`, `ContainerResource` or `Pods`.
///
/// # Errors
/// Where nothing can be said.
pub fn of_pods(at: &Circumstances<'_>, pods: &[Measured], is_cpu: bool, goal: Goal) -> Result<Proposal, Unknown> {
    if pods.iter().all(|pod| pod.sample.is_none()) {
        return Err(Unknown::NoMetrics);
    }
    let groups: Vec<Group> =
        pods.iter().map(|pod| group(&pod.status, pod.sample.as_ref(), is_cpu, at.settings, at.now)).collect();
    let members = |of: Group| pods.iter().zip(&groups).filter(move |(_, group)| **group == of).map(|(pod, _)| pod);
    let mut sum = Sum::default();
    members(Group::Counted).for_each(|pod| sum.add(pod.sample.map_or(0, |sample| sample.milli), pod));
    if sum.pods == 0 {
        return Err(Unknown::NoMetricsOfThesePods);
    }
    if matches!(goal, Goal::Utilization(_)) && pods.iter().any(|pod| pod.request.is_none()) {
        return Err(Unknown::NoRequest);
    }
    let (ratio, measured) = goal.ratio(sum).ok_or(Unknown::NoRequest)?;
    let stay = Proposal { replicas: at.current, measured, ratio };
    let adds_to_unready = ratio > 1.0 && members(Group::Unready).next().is_some();
    if !adds_to_unready && members(Group::Missing).next().is_none() {
        let replicas = if at.tolerances.hold(ratio) { at.current } else { rounded_up(ratio * sum.pods as f64) };
        return Ok(Proposal { replicas, ..stay });
    }
    // Those of whom nothing is known are taken to be what makes the change smaller.
    for pod in members(Group::Missing) {
        if ratio < 1.0 {
            sum.add(goal.busy(pod), pod);
        } else if ratio > 1.0 {
            sum.add(0, pod);
        }
    }
    if adds_to_unready {
        members(Group::Unready).for_each(|pod| sum.add(0, pod));
    }
    let (second, _) = goal.ratio(sum).ok_or(Unknown::NoRequest)?;
    let turns = (ratio < 1.0 && second > 1.0) || (ratio > 1.0 && second < 1.0);
    let replicas = rounded_up(second * sum.pods as f64);
    let goes_back = (second < 1.0 && replicas > at.current) || (second > 1.0 && replicas < at.current);
    let stays = at.tolerances.hold(second) || turns || goes_back;
    Ok(if stays { stay } else { Proposal { replicas, ..stay } })
}

/// A metric of something else, or from outside, with a target `value`: the ready pods share it.
///
/// # Errors
/// Where there are no pods.
pub fn of_value(at: &Circumstances<'_>, pods: &[PodStatus], milli: i64, target: i64) -> Result<Proposal, Unknown> {
    let ratio = milli as f64 / target as f64;
    let stay = Proposal { replicas: at.current, measured: milli, ratio };
    if at.current == 0 {
        return Ok(Proposal { replicas: rounded_up(ratio), ..stay });
    }
    if at.tolerances.hold(ratio) {
        return Ok(stay);
    }
    if pods.is_empty() {
        return Err(Unknown::NoPods);
    }
    let ready = pods.iter().filter(|pod| pod.is_ready()).count();
    Ok(Proposal { replicas: rounded_up(ratio * ready as f64), ..stay })
}

/// The same with a target `averageValue`, shared by all replicas that there are.
#[must_use]
pub fn of_average(at: &Circumstances<'_>, replicas_there: u32, milli: i64, target: i64) -> Proposal {
    let ratio = milli as f64 / (target as f64 * f64::from(replicas_there));
    let measured = (milli as f64 / f64::from(replicas_there)).ceil() as i64;
    let replicas = if at.tolerances.hold(ratio) { replicas_there } else { rounded_up(milli as f64 / target as f64) };
    Proposal { replicas, measured, ratio }
}

/// What pods use and request together.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    pods: i64,
    used: i64,
    requested: i64,
}

impl Sum {
    fn add(&mut self, used: i64, pod: &Measured) {
        self.pods += 1;
        self.used += used;
        self.requested += pod.request.unwrap_or(0);
    }
}

impl Goal {
    /// How much is used to how much should be, and how much is used; nothing where no pod requests anything.
    fn ratio(self, sum: Sum) -> Option<(f64, i64)> {
        match self {
            Self::Utilization(target) => {
                let percent = (sum.used * 100).checked_div(sum.requested)?;
                Some((percent as f64 / f64::from(target), percent))
            }
            Self::Average(target) => {
                let average = sum.used.checked_div(sum.pods)?;
                Some((average as f64 / target as f64, average))
            }
        }
    }

    /// What a pod without metrics is taken to use where pods are to go.
    fn busy(self, pod: &Measured) -> i64 {
        match self {
            Self::Utilization(target) => pod.request.unwrap_or(0) * i64::from(target.max(100)) / 100,
            Self::Average(target) => target,
        }
    }
}

/// A number of replicas that is enough; no more than Kubernetes can write down.
fn rounded_up(replicas: f64) -> u32 {
    replicas.ceil().min(f64::from(i32::MAX)) as u32
}
