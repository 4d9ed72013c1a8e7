//! HorizontalPodAutoscalers in the run: kubelets look, metrics-server asks, the controller decides.

use super::metrics_pipeline::{PARTS, Pipeline, Tracked, told};
use crate::controllers::hpa::pods::{Phase, PodStatus, Readiness, Sample};
use crate::controllers::hpa::reconcile::{Autoscaler, Decision, Memory, Reading, Target, reconcile};
use crate::controllers::hpa::replica_calculator::{Goal, Measured};
use crate::engine::{Rank, Schedule};
use crate::manifest::MetricGoal;
use crate::model::cluster::pod;
use crate::model::plan::as_u32;
use crate::model::{World, at, kind};
use crate::observe::scaling::{MetricSeen, ScalingDecision};
use crate::random::{Keyed, mix, name_hash};
use crate::scenario::autoscaling::{Measure, ScalingMetric};
use crate::time::{SimDuration, SimTime};

/// What an event means; above these the controller looks at an autoscaler.
const LOOK: u32 = 0;
const SCRAPE: u32 = 1;
pub(super) const LEVELS: u32 = 2;
const SYNCS: u32 = 3;

/// What autoscaling remembers.
#[derive(Debug, Default)]
pub(crate) struct Scaling {
    pub(super) pipeline: Pipeline,
    memories: Vec<Memory>,
    /// For `scaling.csv`.
    pub(crate) decisions: Vec<ScalingDecision>,
}

impl World<'_> {
    /// Sets the first looks; each part begins at a time of its own in every replication.
    pub(crate) fn start_autoscaling(&mut self, schedule: &mut Schedule) {
        let autoscaling = &self.plan.scenario.cluster.autoscaling;
        if self.control.is_some() {
            self.start_levels(schedule);
        }
        if autoscaling.autoscalers.is_empty() {
            return;
        }
        self.control_mut().scaling.memories.resize_with(autoscaling.autoscalers.len(), Memory::default);
        self.track_new_pods();
        let within = |name: &str, number: u64, period: SimDuration| {
            let key = mix(name_hash(self.seed, self.replication, name), number);
            at((Keyed::new(key).unit() * period.as_nanos() as f64) as u64)
        };
        let scrape = within("metrics-server", 0, autoscaling.resolution);
        let syncs: Vec<SimTime> =
            (0..autoscaling.autoscalers.len()).map(|own| within("hpa/sync", own as u64, autoscaling.sync)).collect();
        schedule.at(at(self.look_every()), Rank::Cluster, kind::AUTOSCALING, LOOK);
        schedule.at(scrape, Rank::Cluster, kind::AUTOSCALING, SCRAPE);
        for (index, sync) in syncs.into_iter().enumerate() {
            schedule.at(sync, Rank::Cluster, kind::AUTOSCALING, SYNCS + as_u32(index));
        }
    }

    /// Nanoseconds between the looks at two parts of the pods.
    fn look_every(&self) -> u64 {
        (self.plan.scenario.cluster.autoscaling.housekeeping.as_nanos() / u64::from(PARTS)).max(1)
    }

    /// Something of autoscaling happens.
    pub(crate) fn on_autoscaling(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let autoscaling = &self.plan.scenario.cluster.autoscaling;
        let again = match slot {
            LOOK => {
                self.look_at_pods(now);
                SimDuration::from_nanos(self.look_every())
            }
            SCRAPE => {
                self.scrape_metrics();
                autoscaling.resolution
            }
            LEVELS => {
                self.read_levels(now);
                self.plan.scenario.run.interval
            }
            sync => {
                self.sync_autoscaler((sync - SYNCS) as usize, now, schedule);
                autoscaling.sync
            }
        };
        schedule.at(now + again, Rank::Cluster, kind::AUTOSCALING, slot);
    }

    /// The controller looks at an autoscaler.
    fn sync_autoscaler(&mut self, index: usize, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let autoscaling = &plan.scenario.cluster.autoscaling;
        let spec = &autoscaling.autoscalers[index];
        self.track_new_pods();
        let target = self.observe_target(index);
        let autoscaler = Autoscaler { range: spec.range, behavior: Some(spec.behavior.clone()) };
        let mut memory = std::mem::take(&mut self.control_mut().scaling.memories[index]);
        let decision = reconcile(&autoscaler, &mut memory, &target, &autoscaling.settings, told(now));
        self.control_mut().scaling.memories[index] = memory;
        let row = self.scaling_row(index, &target, &decision, now);
        let (from, to) = (target.spec, decision.desired);
        if from != to {
            let object = plan.scenario.workloads[spec.workload].target();
            let pods = if to == 1 { "pod" } else { "pods" };
            let detail = format!("from {from} to {to} {pods} by {}: {}, {}", spec.label, row.told(), row.reason);
            self.enter_event(now, "autoscale", object, detail);
        }
        self.control_mut().scaling.decisions.push(row);
        if from != to {
            self.want(spec.workload, to, now, schedule);
        }
    }

    /// The target of an autoscaler as the controller sees it.
    fn observe_target(&self, index: usize) -> Target {
        let spec = &self.plan.scenario.cluster.autoscaling.autoscalers[index];
        let control = self.control.as_deref().expect("an autoscaler changes the cluster");
        let mine = |tracked: &&Tracked| {
            let pod = &self.roster.pods[tracked.pod as usize];
            pod.workload as usize == spec.workload && pod.phase != pod::Phase::Gone
        };
        let tracked: Vec<&Tracked> = control.scaling.pipeline.tracked.iter().filter(mine).collect();
        let pods: Vec<PodStatus> = tracked.iter().map(|own| self.status_of(own)).collect();
        let there = pods.iter().filter(|pod| !pod.is_deleted).count();
        let readings =
            spec.metrics.iter().map(|metric| self.read_metric(spec.workload, metric, &tracked, &pods)).collect();
        Target { spec: control.wanted[spec.workload], status: as_u32(there), pods, readings }
    }

    fn status_of(&self, tracked: &Tracked) -> PodStatus {
        let pod = &self.roster.pods[tracked.pod as usize];
        let was_there = (tracked.pod as usize) < self.plan.pods.len();
        let started_at = if was_there { SimTime::ZERO } else { told(pod.made_at) };
        // Seen at once, unlike what the kubelets look at.
        let since = match (pod.is_ready() == tracked.ready.0, pod.is_ready()) {
            (false, true) => told(pod.ready_at),
            _ => tracked.ready.1.max(started_at),
        };
        PodStatus {
            phase: if pod.is_alive() { Phase::Running } else { Phase::Pending },
            is_deleted: !pod.is_wanted(),
            started_at: (pod.phase >= pod::Phase::Starting).then_some(started_at),
            ready: Some(Readiness { is_ready: pod.is_ready(), since }),
        }
    }

    fn read_metric(
        &self,
        workload: usize,
        metric: &ScalingMetric,
        tracked: &[&Tracked],
        pods: &[PodStatus],
    ) -> Reading {
        let samples: Vec<Option<Sample>> = tracked.iter().map(|own| own.sample(metric.measure)).collect();
        if !metric.of_pods {
            let there = samples.iter().zip(pods).filter(|(_, pod)| !pod.is_deleted);
            let known: Vec<i64> = there.filter_map(|(sample, _)| Some(sample.as_ref()?.milli)).collect();
            let total = known.iter().sum();
            return match metric.goal {
                _ if known.is_empty() => Reading::Failed,
                MetricGoal::Value(goal) => Reading::Value(total, goal),
                MetricGoal::Average(goal) => Reading::Average(total, goal),
                MetricGoal::Utilization(_) => Reading::Failed,
            };
        }
        let goal = match metric.goal {
            MetricGoal::Utilization(percent) => Goal::Utilization(percent),
            MetricGoal::Average(milli) | MetricGoal::Value(milli) => Goal::Average(milli),
        };
        let request = self.request_of(workload, metric.measure);
        let measured = samples.into_iter().zip(pods);
        let pods = measured.map(|(sample, pod)| Measured { status: *pod, sample, request }).collect();
        Reading::OfPods { pods, is_cpu: matches!(metric.measure, Measure::Cpu(_)), goal }
    }

    /// What the containers that a metric is about request, in thousandths of a core.
    fn request_of(&self, workload: usize, measure: Measure) -> Option<i64> {
        let Measure::Cpu(which) = measure else { return Some(0) };
        let containers = self.plan.scenario.workloads[workload].containers.iter().enumerate();
        let counted = containers.filter(|(index, _)| which.is_none_or(|one| one == *index));
        counted.map(|(_, own)| i64::try_from(own.resources.requests.cpu?).ok()).sum()
    }

    fn scaling_row(&self, index: usize, target: &Target, decision: &Decision, now: SimTime) -> ScalingDecision {
        let spec = &self.plan.scenario.cluster.autoscaling.autoscalers[index];
        let seen = |(metric, proposal): (&ScalingMetric, _)| {
            let proposal: &Result<crate::controllers::hpa::replica_calculator::Proposal, _> = proposal;
            let (percent, goal) = match metric.goal {
                MetricGoal::Utilization(percent) => (true, i64::from(percent)),
                MetricGoal::Average(milli) | MetricGoal::Value(milli) => (false, milli),
            };
            MetricSeen {
                name: metric.name.clone(),
                percent,
                measured: proposal.as_ref().ok().map(|proposal| proposal.measured),
                goal,
                replicas: proposal.as_ref().ok().map(|proposal| proposal.replicas),
            }
        };
        let is_ready = |pod: &&PodStatus| pod.is_ready() && !pod.is_deleted;
        ScalingDecision {
            at: now,
            autoscaler: spec.label.clone(),
            target: self.plan.scenario.workloads[spec.workload].target(),
            current: target.spec,
            ready: as_u32(target.pods.iter().filter(is_ready).count()),
            metrics: spec.metrics.iter().zip(&decision.proposals).map(seen).collect(),
            recommended: decision.recommended,
            stabilized: decision.stabilized,
            desired: decision.desired,
            reason: decision.reason.name(),
        }
    }
}
