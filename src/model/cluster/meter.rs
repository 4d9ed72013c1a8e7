//! How much CPU containers use, where an autoscaler goes by it.
//!
//! Who holds a slot uses a core, unless it waits for its calls: then it is *off*. So the CPU used is the area under the
//! slots taken without the area under those that are off. Under processor sharing who waits takes no core.

use crate::model::World;
use crate::model::plan::Plan;
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::serve::JOINED;
use crate::observe::time_average::Area;
use crate::scenario::Discipline;
use crate::scenario::autoscaling::Measure;
use crate::time::SimTime;

/// Who holds a slot without using CPU, by container.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    off: Vec<(u32, Area)>,
}

impl Meter {
    /// Where an autoscaler goes by CPU.
    pub(crate) fn of(plan: &Plan) -> Option<Box<Self>> {
        let mut metrics = plan.scenario.cluster.autoscaling.autoscalers.iter().flat_map(|own| &own.metrics);
        metrics.any(|metric| matches!(metric.measure, Measure::Cpu(_))).then(Box::default)
    }

    fn goes_off(&mut self, station: usize, now: SimTime) {
        if self.off.len() <= station {
            self.off.resize(station + 1, (0, Area::default()));
        }
        self.off[station].0 += 1;
        self.off[station].1.up(now);
    }

    fn comes_on(&mut self, station: usize, now: SimTime) {
        let (count, area) = &mut self.off[station];
        *count -= 1;
        area.down(now);
    }

    /// Nanoseconds × slots that were off so far.
    fn off_until(&self, station: usize, now: SimTime) -> u128 {
        self.off.get(station).map_or(0, |(count, area)| area.until(now, u64::from(*count)))
    }
}

impl World<'_> {
    /// An attempt calls, maybe with its slot in hand.
    pub(crate) fn goes_off_cpu(&mut self, attempt: u32, station: usize, now: SimTime) {
        let shares = self.server_of(station).discipline == Discipline::ProcessorSharing;
        let holds_on = self.attempts[attempt].holds_slot && !shares;
        if let Some(meter) = self.meter.as_deref_mut().filter(|_| holds_on) {
            meter.goes_off(station, now);
        }
    }

    /// It has its answers, or is to give its slot back.
    pub(crate) fn comes_on_cpu(&mut self, attempt: u32, station: usize, now: SimTime) {
        let shares = self.server_of(station).discipline == Discipline::ProcessorSharing;
        let holds_on = self.attempts[attempt].holds_slot && !shares;
        if let Some(meter) = self.meter.as_deref_mut().filter(|_| holds_on) {
            meter.comes_on(station, now);
        }
    }

    /// It is taken out of its container, maybe while it calls, or right after all its calls have ended.
    pub(crate) fn stops_calling(&mut self, attempt: u32, station: usize, now: SimTime) {
        let entry = &self.attempts[attempt];
        if entry.stage == Stage::Calling || entry.joins == JOINED {
            self.comes_on_cpu(attempt, station, now);
        }
    }

    /// Nanoseconds of CPU that a container has used.
    pub(crate) fn cpu_taken(&self, station: usize, now: SimTime) -> u128 {
        let record = &self.stations[station];
        let off = self.meter.as_ref().map_or(0, |meter| meter.off_until(station, now));
        record.busy_area.until(now, u64::from(record.busy)) - off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted() {
        let at = SimTime::from_nanos;
        let mut meter = Meter::default();
        assert_eq!(meter.off_until(3, at(5)), 0);
        meter.goes_off(3, at(5));
        meter.goes_off(3, at(7));
        assert_eq!((meter.off_until(3, at(10)), meter.off_until(2, at(10))), (8, 0));
        meter.comes_on(3, at(10));
        assert_eq!(meter.off_until(3, at(12)), 10);
    }
}
