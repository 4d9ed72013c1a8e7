//! Containers whose cores all jobs share.

use crate::engine::{Rank, Schedule};
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    #[inline(never)]
    pub(super) fn share(
        &mut self,
        attempt: u32,
        station: usize,
        work: SimDuration,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let (sharing, _) = &mut **self.sharing[station].as_mut().expect("the station shares its processor");
        sharing.enter(now, work.as_nanos(), attempt);
        self.sharing_changed(station, now, schedule);
        if self.probes.any_flow {
            self.watch_shares(attempt, station);
        }
    }

    /// Sets the areas and the next departure right after a job came or went.
    fn sharing_changed(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let slots = self.server_of(station).slots;
        let (sharing, timer) = &mut **self.sharing[station].as_mut().expect("the station shares its processor");
        let jobs = as_u32(sharing.len());
        if let Some(work) = &mut self.work {
            work.shared(station, sharing.unfinished(), jobs.min(slots), now);
        }
        let record = &mut self.stations[station];
        let (busy, beyond) = (jobs.min(slots), jobs.saturating_sub(slots));
        record.busy_area.step(now, i64::from(busy) - i64::from(record.busy));
        record.waiting_area.step(now, i64::from(beyond) - i64::from(record.waiting));
        (record.busy, record.waiting) = (busy, beyond);
        match sharing.next_departure() {
            Some(departure) => schedule.set_timer(*timer, departure, Rank::Completion, kind::SHARED, as_u32(station)),
            None => schedule.clear_timer(*timer),
        }
        self.note_departure(station, now, schedule);
    }

    /// The next job under processor sharing is done.
    pub(crate) fn on_shared(&mut self, station: u32, now: SimTime, schedule: &mut Schedule) {
        let station = station as usize;
        if self.is_paced(station) {
            return self.on_turn_over(station, now, schedule);
        }
        let (sharing, _) = &mut **self.sharing[station].as_mut().expect("the station shares its processor");
        let done = sharing.leave(now);
        self.sharing_changed(station, now, schedule);
        let Some(attempt) = done else { return };
        let entry = &self.attempts[attempt];
        let shared = SimDuration::from_nanos(now.as_nanos() - entry.since);
        let layout = &self.plan_flow(entry.flow).layout;
        let column = layout.service[layout.target(&self.roster.endpoints[entry.endpoint as usize])];
        if self.probes.any_flow {
            self.watch_shared(attempt, station, shared.as_nanos(), now);
        }
        self.charge(attempt, column, shared);
        self.on_worked(attempt, now, schedule);
    }

    /// A job leaves a shared processor, or a container whose pace changes; says whether it was there. Others who are served
    /// have an event to come.
    pub(crate) fn withdraw_job(&mut self, attempt: u32, station: usize, now: SimTime, schedule: &mut Schedule) -> bool {
        let Some(Some(shared)) = self.sharing.get_mut(station) else {
            return self.withdraw_paced(attempt, station, now, schedule);
        };
        shared.0.withdraw(now, attempt);
        self.sharing_changed(station, now, schedule);
        true
    }

    /// How many share a processor has changed.
    pub(super) fn shared_level_changed(&mut self, station: usize, jobs: u32, now: SimTime, schedule: &mut Schedule) {
        let slots = self.server_of(station).slots;
        let record = &mut self.stations[station];
        let (busy, beyond) = (jobs.min(slots), jobs.saturating_sub(slots));
        if (busy, beyond) != (record.busy, record.waiting) {
            record.busy_area.step(now, i64::from(busy) - i64::from(record.busy));
            record.waiting_area.step(now, i64::from(beyond) - i64::from(record.waiting));
            (record.busy, record.waiting) = (busy, beyond);
            self.note_departure(station, now, schedule);
        }
    }
}
