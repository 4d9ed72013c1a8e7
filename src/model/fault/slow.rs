//! Slow pods and slow nodes: work that begins meanwhile takes its time divided by a speed.

use super::during::During;
use crate::model::World;
use crate::model::plan::as_u32;
use crate::scenario::Scenario;
use crate::scenario::fault::Wrong;
use crate::time::{SimDuration, SimTime};

/// Who is slow, and when.
#[derive(Debug, Default)]
pub(super) struct Slow {
    times: Vec<(During, Who, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Its workload and its number there.
    Pod(u32, u32),
    Node(u32),
}

impl Slow {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let times = scenario.faults.iter().filter_map(|fault| {
            let (who, speed) = match &fault.what {
                Wrong::SlowPod { pod, speed } => (Who::Pod(as_u32(pod.workload), pod.number), *speed),
                Wrong::SlowNode { node, speed } => (Who::Node(as_u32(*node)), *speed),
                _ => return None,
            };
            Some((During::of(fault), who, speed))
        });
        Self { times: times.collect() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The speed of a pod's work that begins now: those of all faults that concern it, multiplied.
    fn speed(&self, pod: (u32, u32), node: u32, now: SimTime) -> f64 {
        let concerns = |who: Who| who == Who::Pod(pod.0, pod.1) || who == Who::Node(node);
        let now = self.times.iter().filter(|(during, who, _)| during.has(now) && concerns(*who));
        now.map(|(_, _, speed)| speed).product()
    }
}

impl World<'_> {
    /// How long work takes that begins now at a station.
    #[inline]
    pub(in crate::model) fn slowed(&self, station: usize, usual: SimDuration, now: SimTime) -> SimDuration {
        if self.plan.faults.slow_work() { self.slowed_by_faults(station, usual, now) } else { usual }
    }

    /// The same, where faults make some slow.
    #[inline(never)]
    fn slowed_by_faults(&self, station: usize, usual: SimDuration, now: SimTime) -> SimDuration {
        let pod = &self.roster.pods[self.roster.pod_of[station] as usize];
        let speed = self.plan.faults.slow.speed((pod.workload, pod.number), pod.node, now);
        if speed.to_bits() == 1.0_f64.to_bits() {
            return usual;
        }
        SimDuration::from_secs_f64(usual.as_secs_f64() / speed).unwrap_or(usual)
    }
}
