//! The truth about pods at a choice: how long a try would take at each, from the work that is there.
//!
//! Nothing here draws from a stream or changes anything: demands are keyed draws, so they can be read ahead.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::arrivals::Spec;
use crate::model::World;
use crate::model::plan::{NONE, ServerPlan, StepPlan};
use crate::model::random_keys::DEMAND;
use crate::model::traffic::attempt::Stage;
use crate::random::{Keyed, mix};
use crate::scenario::{Demand, Discipline};
use crate::time::{SimDuration, SimTime};

/// When the step of work under way ends, by attempt; kept while stories are told.
pub(super) type Ends = BTreeMap<u32, u64>;

/// The jobs of a station: nanoseconds of own work left of those that hold a slot, and of those that wait, in order.
#[derive(Debug, Default)]
struct Jobs {
    held: Vec<u64>,
    waiting: Vec<u64>,
}

impl World<'_> {
    /// For each station, nanoseconds until the work of an attempt that came there now would be done, if nobody came
    /// after it and calls took no time.
    pub(super) fn finishes(&self, attempt: u32, stations: &[u32], ends: &Ends, now: SimTime) -> Vec<u64> {
        let mut jobs: BTreeMap<u32, Jobs> = stations.iter().map(|station| (*station, Jobs::default())).collect();
        for slot in self.attempts.taken() {
            let entry = &self.attempts[slot];
            if entry.endpoint == NONE || slot == attempt {
                continue;
            }
            let station = self.roster.endpoints[entry.endpoint as usize].station;
            let Some(own) = jobs.get_mut(&station) else { continue };
            let left = |from: u16| self.work_left(slot, station, from);
            match entry.stage {
                Stage::Serving if entry.holds_slot && !entry.cancelled => {
                    let paced = self.paced_jobs(station).and_then(|jobs| jobs.left_of(slot, now));
                    let until = |end: &u64| end.saturating_sub(now.as_nanos());
                    let under_way = paced.or_else(|| ends.get(&slot).map(until)).unwrap_or(0);
                    own.held.push(under_way + left(entry.step + 1));
                }
                Stage::Calling if entry.holds_slot => own.held.push(left(entry.step + 1)),
                _ => {}
            }
        }
        for (station, own) in &mut jobs {
            let mut waiter = self.stations[*station as usize].first();
            while waiter != NONE {
                own.waiting.push(self.work_left(waiter, *station, self.attempts[waiter].step));
                waiter = self.attempts[waiter].next;
            }
        }
        stations
            .iter()
            .map(|station| {
                let own = self.work_left(attempt, *station, 0);
                let server = self.server_at(*station);
                let alone = self.sharing.get(*station as usize).and_then(Option::as_ref).map(|shared| &shared.0);
                match alone.or_else(|| self.paced_jobs(*station).filter(|_| server.shares)) {
                    Some(shared) => shared_finish(&shared.remaining(now), own, server.slots),
                    None => queued_finish(&jobs[station], own, server),
                }
            })
            .collect()
    }

    fn server_at(&self, station: u32) -> &ServerPlan {
        &self.plan.servers[self.stations[station as usize].server as usize]
    }

    /// Nanoseconds of an attempt's own work from a step on, at the speed of a station.
    fn work_left(&self, attempt: u32, station: u32, from: u16) -> u64 {
        let server = self.server_at(station);
        let steps = server.steps.iter().zip(0_u16..).skip(from as usize);
        steps
            .map(|(step, number)| if let StepPlan::Work(_) = step { self.demand(attempt, server, number) } else { 0 })
            .sum()
    }

    /// What a step of work takes: the same draw that the step makes when it begins.
    fn demand(&self, attempt: u32, server: &ServerPlan, step: u16) -> u64 {
        let Some(StepPlan::Work(dist)) = server.steps.get(step as usize) else { return 0 };
        let entry = &self.attempts[attempt];
        let hot = &self.plan.hot[entry.flow as usize];
        let shared = self.plan.flows[entry.flow as usize].flow.demand == Demand::Request;
        let base = match (shared, hot.traced) {
            (false, _) => entry.base,
            (true, true) => mix(self.flows[entry.flow as usize].hash, entry.identity),
            (true, false) => entry.identity,
        };
        let key = if step == 0 { DEMAND ^ base } else { mix(DEMAND ^ base, u64::from(step)) };
        let drawn = dist.as_constant().unwrap_or_else(|| dist.sample(&mut Keyed::new(key)));
        let first = !server.steps[..step as usize].iter().any(|step| matches!(step, StepPlan::Work(_)));
        let traced = || match &self.plan.scenario.traffic[entry.flow as usize].arrivals {
            Spec::Trace(trace) => trace.service.as_ref()?.get(entry.identity as usize).copied(),
            _ => None,
        };
        let work = if hot.traced && first { traced().unwrap_or(drawn) } else { drawn };
        let scaled = || SimDuration::from_secs_f64(work.as_secs_f64() / server.speed).unwrap_or(work);
        if server.scaled { scaled().as_nanos() } else { work.as_nanos() }
    }
}

/// One after the other on the slots that there are, then the newcomer.
fn queued_finish(jobs: &Jobs, own: u64, server: &ServerPlan) -> u64 {
    if jobs.held.len() < server.slots as usize {
        return own;
    }
    let mut free: BinaryHeap<Reverse<u64>> = jobs.held.iter().map(|left| Reverse(*left)).collect();
    // The last to come is the first to be served under LIFO: nobody is before the newcomer.
    let before: &[u64] = if server.discipline == Discipline::Lifo { &[] } else { &jobs.waiting };
    for work in before {
        let Reverse(start) = free.pop().unwrap_or(Reverse(0));
        free.push(Reverse(start + work));
    }
    free.peek().map_or(0, |earliest| earliest.0) + own
}

/// All at once: until the newcomer is done, each job takes the smaller of its work and the newcomer's.
fn shared_finish(left: &[u64], own: u64, cores: u32) -> u64 {
    let all: u128 = left.iter().map(|left| u128::from(*left.min(&own))).sum::<u128>() + u128::from(own);
    u64::try_from(all / u128::from(cores.max(1))).unwrap_or(u64::MAX).max(own)
}

#[cfg(test)]
mod tests {
    use super::shared_finish;

    #[test]
    fn shared_work_is_done_when_its_share_is() {
        assert_eq!(shared_finish(&[], 10, 1), 10);
        // Two jobs of 10 and one of 3 on one core: 3 + 10 + 10.
        assert_eq!(shared_finish(&[3, 25], 10, 1), 23);
        assert_eq!(shared_finish(&[100], 10, 4), 10);
    }
}
