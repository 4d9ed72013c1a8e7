//! Which containers have a pace that changes, and by what.

use super::{Plan, ServerPlan, StepPlan};
use crate::model::cluster::weights::weight_of;
use crate::scenario::Container;
use crate::scenario::autoscaling::Measure;
use crate::scenario::metric::{Metric, Quantity, Scope};

/// Least CPU of a quota's period, whatever the limit: the kubelet's.
const LEAST_QUOTA: u64 = 1_000_000;

/// What decides about the pace of a container.
#[derive(Debug, Clone, Default)]
pub struct Pacing {
    /// Nanoseconds of CPU in each period of so many nanoseconds.
    pub quota: Option<(u64, u64)>,
    /// CPU weight among the containers of its node; 0 where every thread has a core.
    pub weight: u32,
    /// The share of its busy time that is on the CPU, where every step has the same.
    pub on_cpu: f64,
}

impl Plan {
    /// Decides about the pace of a container, whose behaviour is laid out.
    pub(super) fn pace(&self, server: &mut ServerPlan, container: &Container, outside: bool) {
        let process = &server.behaviour.process;
        let works = server.steps.iter().filter(|step| matches!(step, StepPlan::Work(_))).count();
        let uniform =
            works == server.steps.len() && process.cpu.windows(2).all(|two| two[0].to_bits() == two[1].to_bits());
        let rules = self.scenario.cluster.cpu;
        let limit = container.resources.limits.cpu.filter(|limit| *limit > 0 && !outside);
        let quota = rules.period.zip(limit).map(|(period, limit)| {
            let period = period.as_nanos();
            let cpu = u128::from(limit) * u128::from(period) / 1000;
            (u64::try_from(cpu).unwrap_or(u64::MAX).max(LEAST_QUOTA), period)
        });
        // A quota that all slots together cannot spend is none.
        let slots = u64::from(server.slots);
        let quota = quota.filter(|(cpu, period)| slots == u64::from(super::NONE) || slots * period > *cpu);
        let contends = rules.contention && !outside;
        let weight = if contends { weight_of(container.resources.requests.cpu.unwrap_or(0)) } else { 0 };
        let breaks = process.cold.is_some() || process.breakdown.is_some();
        let counts = !uniform && self.counts_cpu(server.workload as usize);
        let on_cpu = process.on_cpu(0);
        server.paced = breaks || quota.is_some() || contends || counts;
        server.begins_specially |= server.paced;
        // Who has waited for its slot did not find the container idle.
        server.attended |= process.cold.is_some();
        server.pacing = Pacing { quota, weight, on_cpu };
    }

    /// Whether somebody asks how much CPU the pods of a workload use; where one is scaled by it, `timeline.csv` has that of all.
    fn counts_cpu(&self, workload: usize) -> bool {
        let asks = |metric: &Metric| match metric.scope {
            Scope::Workload(own) | Scope::Pod(own, _) => own == workload && metric.quantity == Quantity::Cpu,
            _ => false,
        };
        let scenario = &self.scenario;
        let objectives = scenario.objectives.iter().map(|objective| &objective.metric);
        let expected = scenario.expect.iter().map(|expectation| &expectation.metric);
        let named = scenario.metrics.iter().map(|named| &named.metric);
        let until = scenario.run.until.iter().map(|until| &until.metric);
        let mut autoscaled = scenario.cluster.autoscaling.autoscalers.iter().flat_map(|own| &own.metrics);
        let scales = autoscaled.any(|metric| matches!(metric.measure, Measure::Cpu(_)));
        scales || objectives.chain(expected).chain(named).chain(until).any(asks)
    }
}
