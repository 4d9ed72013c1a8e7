//! What the cluster is like at the end of each interval of the timeline.

use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::{World, at, kind};
use crate::observe::levels::Levels;
use crate::time::SimTime;

impl World<'_> {
    /// Sets the first reading: a nanosecond before the interval ends, so that rows written right then have it.
    pub(super) fn start_levels(&mut self, schedule: &mut Schedule) {
        let interval = self.plan.scenario.run.interval.as_nanos();
        if interval > 1 {
            schedule.at(at(interval - 1), Rank::Cluster, kind::AUTOSCALING, super::autoscaling::LEVELS);
        }
    }

    /// Reads the levels at the end of an interval.
    pub(crate) fn read_levels(&mut self, now: SimTime) {
        let interval = self.plan.scenario.run.interval.as_nanos();
        if interval == 0 {
            return;
        }
        let mut levels = Levels { nodes: self.plan.scenario.cluster.nodes.len() as u64, ..Levels::default() };
        for pod in &self.roster.pods {
            match pod.phase {
                Phase::Pending | Phase::Bound | Phase::Starting => levels.starting += 1,
                Phase::Stopping | Phase::Ended => levels.terminating += 1,
                Phase::Running | Phase::Gone => {}
            }
        }
        let measures = !self.plan.scenario.cluster.autoscaling.autoscalers.is_empty();
        let stations = if measures { 0..self.stations.len() } else { 0..0 };
        let used: u128 = stations.map(|station| self.cpu_used(station, now)).sum();
        let control = self.control_mut();
        levels.desired = control.wanted.iter().map(|wanted| u64::from(*wanted)).sum();
        let before = std::mem::replace(&mut control.cpu_at_level, used);
        let began = (now.as_nanos() / interval) * interval;
        let length = (now.as_nanos() + 1 - began).max(1);
        levels.cpu = measures.then(|| (used - before) as f64 / length as f64);
        self.sink.push(levels, now.as_nanos() < interval);
    }
}
