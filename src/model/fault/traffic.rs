//! Traffic spikes: more requests than usual, or fewer.
//!
//! The usual requests keep their times, their numbers and with these all their draws. So many times as many: others come
//! besides, from a process of their own of the same kind, at the usual rate times what is above 1. Less than once: each
//! of the usual ones stays away with a probability.

use super::during::During;
use crate::arrivals::{Process, Spec};
use crate::engine::{Rank, Schedule, StreamId};
use crate::model::plan::{Plan, as_u32};
use crate::model::random_keys::TRAFFIC_SPIKE;
use crate::model::{World, at, kind};
use crate::random::{Keyed, Stream, mix};
use crate::scenario::fault::Wrong;
use crate::time::SimTime;

/// Others have numbers beyond those of all usual requests of their traffic.
const FIRST_NUMBER: u64 = 1 << 48;

/// All spikes of a run.
#[derive(Debug, Default)]
pub(crate) struct Spikes {
    /// Others that come besides.
    more: Vec<More>,
    /// When only some come: of which flow, and how likely one does.
    fewer: Vec<(During, u32, f64)>,
}

/// Requests that come besides the usual ones of a flow.
#[derive(Debug)]
struct More {
    during: During,
    flow: u32,
    process: Process,
    /// Whether the process runs on the clock of the run, or begins with the spike, this many times as fast.
    by_clock: bool,
    speed: f64,
    arrivals: Option<StreamId>,
    next_number: u64,
}

impl More {
    /// When the next one comes; none after the end of the spike.
    fn next(&mut self) -> Option<SimTime> {
        loop {
            let found = self.process.next()?;
            let next = if self.by_clock {
                found
            } else {
                let since = found.as_nanos() as f64 / self.speed;
                at(self.during.from().as_nanos().saturating_add(since as u64))
            };
            if next >= self.during.from() {
                return self.during.has(next).then_some(next);
            }
        }
    }
}

impl Spikes {
    /// Those of a scenario; `None` where there are none.
    pub(crate) fn of(plan: &Plan, replication: u32) -> Option<Box<Self>> {
        let mut spikes = Self::default();
        for (index, fault) in (0_u64..).zip(&plan.scenario.faults) {
            let Wrong::TrafficSpike { traffic, times } = fault.what else { continue };
            let (during, flow) = (During::of(fault), as_u32(traffic));
            if times < 1.0 {
                spikes.fewer.push((during, flow, times));
            } else if times > 1.0 {
                let spec = &plan.scenario.traffic[traffic].arrivals;
                let name = format!("{}/spike/{index}", plan.flows[traffic].stream);
                let stream = Stream::new(plan.scenario.run.seed, replication, &name);
                let (process, by_clock) = more_of(spec, times - 1.0, stream);
                let next_number = FIRST_NUMBER * (index + 1);
                let more = More { during, flow, process, by_clock, speed: times - 1.0, arrivals: None, next_number };
                spikes.more.push(more);
            }
        }
        (!spikes.more.is_empty() || !spikes.fewer.is_empty()).then(|| Box::new(spikes))
    }
}

/// A process like another one, at so many times its rate; whether it runs on the clock of the run. Those whose rate hangs
/// on the clock, or on a state, keep its times; all others run faster as a whole.
fn more_of(spec: &Spec, factor: f64, stream: Stream) -> (Process, bool) {
    let scaled = match spec {
        Spec::Profile { points } => {
            Spec::Profile { points: points.iter().map(|(at, rate)| (*at, rate * factor)).collect() }
        }
        Spec::Day { mean, amplitude, period } => {
            Spec::Day { mean: mean * factor, amplitude: *amplitude, period: *period }
        }
        Spec::Mmpp { rates, dwell } => {
            Spec::Mmpp { rates: rates.iter().map(|rate| rate * factor).collect(), dwell: dwell.clone() }
        }
        _ => return (spec.build(stream), false),
    };
    (scaled.build(stream), true)
}

impl World<'_> {
    /// Sets the first requests of spikes.
    pub(in crate::model) fn start_spikes(&mut self, schedule: &mut Schedule) {
        let Some(spikes) = self.spikes.as_deref_mut() else { return };
        for (index, more) in spikes.more.iter_mut().enumerate() {
            if let Some(first) = more.next() {
                let stream = schedule.add_stream(kind::SPIKE_ARRIVAL, as_u32(index));
                more.arrivals = Some(stream);
                schedule.set_stream(stream, first, Rank::Arrival);
            }
        }
    }

    /// A request comes besides the usual ones.
    pub(in crate::model) fn on_spike_arrival(&mut self, index: u32, now: SimTime, schedule: &mut Schedule) {
        let spikes = self.spikes.as_deref_mut().expect("a spike has requests");
        let more = &mut spikes.more[index as usize];
        let (flow, number) = (more.flow, more.next_number);
        more.next_number += 1;
        if let (Some(next), Some(stream)) = (more.next(), more.arrivals) {
            schedule.set_stream(stream, next, Rank::Arrival);
        }
        self.arrive_besides(flow, number, now, schedule);
    }

    /// The kind of a flow's arrivals: some may stay away.
    pub(in crate::model) fn arrival_kind(&self, flow: usize) -> crate::engine::Kind {
        let thinned = self.spikes.as_deref().is_some_and(|own| own.fewer.iter().any(|(_, of, _)| *of as usize == flow));
        if thinned { kind::THINNED_ARRIVAL } else { kind::ARRIVAL }
    }

    /// The next request of a traffic comes, unless it stays away.
    pub(in crate::model) fn on_thinned_arrival(&mut self, flow: u32, now: SimTime, schedule: &mut Schedule) {
        let spikes = self.spikes.as_deref().expect("some stay away");
        let fewer = spikes.fewer.iter().filter(|(during, of, _)| *of == flow && during.has(now));
        let share: f64 = fewer.map(|(_, _, times)| times).product();
        let state = &mut self.flows[flow as usize];
        let key = mix(state.hash ^ TRAFFIC_SPIKE, state.next_number);
        if share >= 1.0 || Keyed::new(key).unit() < share {
            return self.on_arrival(flow, now, schedule);
        }
        state.next_number += 1;
        if let Some(next) = state.process.as_mut().and_then(|process| process.next()) {
            let stream = state.arrivals.expect("an open traffic has a stream");
            schedule.set_stream(stream, next, Rank::Arrival);
        }
    }
}
