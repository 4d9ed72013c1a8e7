//! What the metrics API knows of pods, and when.
//!
//! A kubelet looks at each container every `housekeeping`, at a time of the pod's own. metrics-server asks all kubelets
//! every `metricResolution` and keeps the last two different answers: the difference over the time between is what it
//! tells. A container that has just started has only one; if it ran for ten seconds by then, that one and its start count.
//! Source: metrics-server 0.7, `pkg/storage/pod.go`; kubelet, cAdvisor's housekeeping.

use crate::controllers::hpa::pods::Sample;
use crate::model::World;
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::random::{Keyed, mix, name_hash};
use crate::scenario::autoscaling::Measure;
use crate::time::{SimDuration, SimTime};

/// Into how many parts the time between two looks of a kubelet is cut: each pod has its own part.
pub(super) const PARTS: u32 = 10;

/// How long a new container must have run when it is first seen for its start to count.
const FRESH: SimDuration = SimDuration::from_secs(10);

/// What a kubelet saw of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    at: SimTime,
    /// Nanoseconds of CPU used by each container.
    cpu: Vec<u128>,
    /// Nanoseconds × requests in it, and of those that wait.
    in_flight: u128,
    waiting: u128,
}

/// What is known of a pod.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) pod: u32,
    part: u32,
    /// When its containers were first seen to run.
    runs_since: Option<SimTime>,
    /// Whether it is ready, and since when.
    pub(super) ready: (bool, SimTime),
    /// What its kubelet saw last.
    seen: Option<Point>,
    /// What metrics-server has: the last answer, and the one before.
    last: Option<Point>,
    before: Option<Point>,
}

/// The pods that somebody scales.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) tracked: Vec<Tracked>,
    /// So many pods of the roster have been looked at.
    looked_at: usize,
    /// Whose turn it is with the kubelets.
    part: u32,
}

/// The beginning of the run on the clock of what is told of pods: those that were there have been for long.
pub(super) const BEGINNING: SimDuration = SimDuration::from_secs(86_400);

/// A time of the run on that clock.
pub(super) fn told(now: SimTime) -> SimTime {
    now + BEGINNING
}

impl Tracked {
    /// What the metrics API has of a measure, in thousandths.
    pub(super) fn sample(&self, measure: Measure) -> Option<Sample> {
        let (last, before) = (self.last.as_ref()?, self.before.as_ref()?);
        let window = last.at - before.at;
        let area = |point: &Point| match measure {
            Measure::Cpu(None) => point.cpu.iter().sum(),
            Measure::Cpu(Some(container)) => point.cpu[container],
            Measure::InFlight => point.in_flight,
            Measure::Waiting => point.waiting,
        };
        let milli = (area(last) - area(before)) * 1_000 / u128::from(window.as_nanos().max(1));
        Some(Sample { milli: i64::try_from(milli).unwrap_or(i64::MAX), at: last.at, window })
    }

    /// metrics-server takes what its kubelet saw last.
    fn scrape(&mut self, resolution: SimDuration) {
        let Some(seen) = &self.seen else { return };
        if self.last.as_ref().is_some_and(|last| last.at >= seen.at) {
            return;
        }
        self.before = self.last.replace(seen.clone());
        if let (None, Some(started_at)) = (&self.before, self.runs_since) {
            let ran = seen.at - started_at;
            if (FRESH..resolution).contains(&ran) || (ran == FRESH && resolution == FRESH) {
                let nothing = Point { at: started_at, cpu: vec![0; seen.cpu.len()], in_flight: 0, waiting: 0 };
                self.before = Some(nothing);
            }
        }
    }
}

impl World<'_> {
    /// Kubelets look at the pods whose turn it is.
    pub(super) fn look_at_pods(&mut self, now: SimTime) {
        self.track_new_pods();
        let Some(control) = self.control.as_deref_mut() else { return };
        let mut pipeline = std::mem::take(&mut control.scaling.pipeline);
        let part = pipeline.part;
        pipeline.part = (part + 1) % PARTS;
        pipeline.tracked.retain(|tracked| self.roster.pods[tracked.pod as usize].phase != Phase::Gone);
        for tracked in &mut pipeline.tracked {
            let pod = &self.roster.pods[tracked.pod as usize];
            if pod.is_ready() != tracked.ready.0 {
                tracked.ready = (pod.is_ready(), told(if pod.is_ready() { pod.ready_at } else { now }));
            }
            if pod.is_alive() && tracked.runs_since.is_none() {
                tracked.runs_since = Some(told(now));
            }
            if tracked.part == part && pod.is_alive() {
                tracked.seen = Some(self.point_of(tracked.pod, now));
            }
        }
        self.control_mut().scaling.pipeline = pipeline;
    }

    /// metrics-server asks all kubelets.
    pub(super) fn scrape_metrics(&mut self) {
        let resolution = self.plan.scenario.cluster.autoscaling.resolution;
        for tracked in &mut self.control_mut().scaling.pipeline.tracked {
            tracked.scrape(resolution);
        }
    }

    /// Pods that came since, of what is scaled.
    pub(super) fn track_new_pods(&mut self) {
        let Some(control) = self.control.as_deref() else { return };
        let looked_at = control.scaling.pipeline.looked_at;
        let autoscalers = &self.plan.scenario.cluster.autoscaling.autoscalers;
        let scaled = |workload: u32| autoscalers.iter().any(|own| own.workload == workload as usize);
        let old = self.plan.pods.len();
        let new: Vec<Tracked> = (looked_at..self.roster.pods.len())
            .filter(|index| scaled(self.roster.pods[*index].workload))
            .map(|index| self.track(index, index < old))
            .collect();
        let all = self.roster.pods.len();
        let pipeline = &mut self.control_mut().scaling.pipeline;
        pipeline.looked_at = all;
        pipeline.tracked.extend(new);
    }

    /// A pod that was there when the run began has been idle and ready for long.
    fn track(&self, index: usize, was_there: bool) -> Tracked {
        let pod = &self.roster.pods[index];
        let own = mix(u64::from(pod.workload), u64::from(pod.number));
        let key = mix(name_hash(self.seed, self.replication, "kubelet/housekeeping"), own);
        let part = (Keyed::new(key).unit() * f64::from(PARTS)) as u32;
        let containers = self.plan.scenario.workloads[pod.workload as usize].containers.len();
        let idle = |before: SimDuration| Point {
            at: SimTime::from_nanos(BEGINNING.as_nanos() - before.as_nanos()),
            cpu: vec![0; containers],
            in_flight: 0,
            waiting: 0,
        };
        let autoscaling = &self.plan.scenario.cluster.autoscaling;
        let age =
            SimDuration::from_nanos(autoscaling.housekeeping.as_nanos() / u64::from(PARTS) * u64::from(PARTS - part));
        Tracked {
            pod: as_u32(index),
            part,
            runs_since: was_there.then_some(SimTime::ZERO),
            ready: (was_there, SimTime::ZERO),
            seen: was_there.then(|| idle(age)),
            last: was_there.then(|| idle(age)),
            before: was_there.then(|| idle(age + autoscaling.resolution)),
        }
    }

    fn point_of(&self, pod: u32, now: SimTime) -> Point {
        let record = &self.roster.pods[pod as usize];
        let containers = self.plan.scenario.workloads[record.workload as usize].containers.len();
        let stations = record.station as usize..record.station as usize + containers;
        let busy = |station: usize| {
            let own = &self.stations[station];
            own.busy_area.until(now, u64::from(own.busy))
        };
        let waiting = |station: usize| {
            let own = &self.stations[station];
            own.waiting_area.until(now, u64::from(own.waiting))
        };
        let waits: u128 = stations.clone().map(waiting).sum();
        Point {
            at: told(now),
            cpu: stations.clone().map(|station| self.cpu_used(station, now)).collect(),
            in_flight: stations.map(busy).sum::<u128>() + waits,
            waiting: waits,
        }
    }
}
