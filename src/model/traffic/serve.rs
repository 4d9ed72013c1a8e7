//! In the pod: waiting for a slot, the steps of service, the calls, and the slot's next owner.

use crate::arrivals::Spec;
use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::cluster::station::Station;
use crate::model::ledger::NO_COLUMN;
use crate::model::plan::{NONE, Plan, ServerPlan, StepPlan, as_u32};
use crate::model::random_keys::{CALL, CALL_COIN, DEMAND, EPISODE, ERROR_COIN, PATIENCE};
use crate::model::traffic::attempt::{QUESTION, Stage};
use crate::model::traffic::route::Trip;
use crate::model::watch::Beginning;
use crate::model::{World, kind};
use crate::random::{Dist, Keyed, mix};
use crate::scenario::{Change, Discipline};
use crate::time::{SimDuration, SimTime};

/// Calls to wait for, when all have ended and their caller is about to go on.
pub(crate) const JOINED: u32 = u32::MAX;

/// The server plan of a station, by its hot record.
#[inline(always)]
fn server<'p>(plan: &'p Plan, station: &Station) -> &'p ServerPlan {
    &plan.servers[station.server as usize]
}

impl<'p> World<'p> {
    /// The server plan of a station.
    #[inline(always)]
    pub(crate) fn server_of(&self, station: usize) -> &'p ServerPlan {
        server(self.plan, &self.stations[station])
    }

    #[inline]
    fn station_of(&self, attempt: u32) -> usize {
        self.roster.endpoints[self.attempts[attempt].endpoint as usize].station as usize
    }

    /// A request reaches its pod.
    #[inline(never)]
    pub(crate) fn on_at_pod(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.at_pod(self.trip(attempt), now, schedule);
    }

    /// At the pod it gets a slot, waits, or is turned away.
    #[inline(always)]
    pub(crate) fn at_pod(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let entry = &mut self.attempts[trip.attempt];
        entry.reached = now.as_nanos();
        if entry.cancelled {
            return self.drop_at_pod(trip.attempt, now, schedule);
        }
        let endpoint = trip.endpoint as usize;
        let station = self.roster.endpoints[endpoint].station as usize;
        if trip.measured {
            self.endpoints[endpoint].requests += 1;
        }
        if self.probes.stations {
            self.probes.reached(endpoint, now, trip.measured);
            self.watch_reached(trip.attempt, now);
        }
        let record = &self.stations[station];
        let server = server(plan, record);
        let shares = server.discipline == Discipline::ProcessorSharing && record.waiting < server.queue_limit;
        if record.busy < server.slots || shares {
            self.enter_service(trip, station, server, now, schedule);
        } else if record.waiting < server.queue_limit && server.discipline != Discipline::ProcessorSharing {
            self.wait_for_slot(trip.attempt, station, server, now, schedule);
        } else {
            self.turn_away(trip.attempt, now, schedule);
        }
    }

    /// Work that was cancelled on its way is dropped where it arrives.
    #[inline(never)]
    pub(crate) fn drop_at_pod(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.settle_at_proxy(&self.trip(attempt), now, schedule);
        self.attempts.remove(attempt);
    }

    #[inline(never)]
    fn turn_away(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let station = self.station_of(attempt);
        if self.plan.ended_server != NONE && self.stations[station].server == self.plan.ended_server {
            return self.meet_ended_pod(attempt, now, schedule);
        }
        self.probes.turned_away(self.plan, &self.attempts[attempt], self.number_of(attempt));
        self.fail_at_pod(attempt, FailureCause::QueueFull, now, schedule);
    }

    /// Tells the probes how many are at a station now.
    #[inline(always)]
    pub(crate) fn note_level(&mut self, station: usize, now: SimTime) {
        if self.probes.levels {
            let record = &self.stations[station];
            // Nobody waits under processor sharing: whoever has to share a core is in service.
            let waiting = if server(self.plan, record).shares { 0 } else { record.waiting };
            let pod = self.roster.pod_of[station] as usize;
            let workload = self.roster.pods[pod].workload as usize;
            self.probes.level_changed((workload, pod, station), [record.in_system(), waiting], now);
        }
    }

    /// Tells the probes how many are left at a station, and balancers that wait for it when nobody is.
    #[inline(always)]
    pub(super) fn note_departure(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        if self.probes.levels {
            self.departed(station, now, schedule);
        }
    }

    #[cold]
    #[inline(never)]
    fn departed(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        self.note_level(station, now);
        self.report_idle(station);
        if self.plan.drains {
            self.may_have_drained(station, now, schedule);
        }
    }

    #[inline(always)]
    fn wait_for_slot(
        &mut self,
        attempt: u32,
        station: usize,
        server: &ServerPlan,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        self.stations[station].enqueue(attempt, &mut self.attempts, now);
        self.attempts[attempt].stage = Stage::Queued;
        self.note_level(station, now);
        if server.attended {
            self.attend(attempt, station, server, schedule);
        }
    }

    /// What a request that waits is waited for with: its patience, and an entry in the books of work.
    #[inline(never)]
    fn attend(&mut self, attempt: u32, station: usize, server: &ServerPlan, schedule: &mut Schedule) {
        if server.keeps_work {
            self.enter_work(attempt, station, server);
        }
        if let Some(patience) = &server.behaviour.queue_timeout {
            let delay = match patience.as_constant() {
                Some(delay) => delay,
                None => patience.sample(&mut Keyed::new(self.attempts[attempt].base ^ PATIENCE)),
            };
            self.start_patience(attempt, delay, patience.as_constant().is_some(), schedule);
        }
    }

    #[inline(never)]
    fn start_patience(&mut self, attempt: u32, delay: SimDuration, constant: bool, schedule: &mut Schedule) {
        if constant {
            let lane = schedule.add_lane(delay, Rank::Timeout, kind::PATIENCE);
            self.attempts[attempt].patience = schedule.start(lane, attempt).0;
        } else {
            let timer = schedule.new_timer();
            schedule.set_timer(timer, schedule.now() + delay, Rank::Timeout, kind::PATIENCE, attempt);
            self.attempts[attempt].patience = timer.0;
        }
    }

    #[inline(never)]
    fn stop_patience(&mut self, attempt: u32, server: &ServerPlan, fired: bool, schedule: &mut Schedule) {
        let Some(patience) = &server.behaviour.queue_timeout else { return };
        let ticket = std::mem::replace(&mut self.attempts[attempt].patience, NONE);
        if ticket == NONE {
            return;
        }
        match patience.as_constant() {
            Some(delay) if !fired => {
                let lane = schedule.add_lane(delay, Rank::Timeout, kind::PATIENCE);
                schedule.cancel(lane, crate::engine::LaneTicket(ticket));
            }
            Some(_) => {}
            None => schedule.free_timer(crate::engine::TimerId(ticket)),
        }
    }

    /// A waiter's patience is over: it leaves the queue and is never served.
    pub(crate) fn on_patience(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let station = self.station_of(attempt);
        let plan = self.plan;
        self.stop_patience(attempt, self.server_of(station), true, schedule);
        self.leave_queue(attempt, station, now);
        let since = self.attempts[attempt].reached;
        self.close_queue_wait(&self.trip(attempt), since, now);
        self.probes.left_queue(plan, &self.attempts[attempt], self.number_of(attempt), now);
        self.fail_at_pod(attempt, FailureCause::QueueTimeout, now, schedule);
    }

    /// A waiter leaves the queue of a pod that ends.
    pub(crate) fn leave_pod_queue(&mut self, attempt: u32, station: usize, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        if self.attempts[attempt].stage == Stage::Queued {
            self.probes.left_queue(plan, &self.attempts[attempt], self.number_of(attempt), now);
        }
        self.stop_patience(attempt, self.server_of(station), false, schedule);
        self.leave_queue(attempt, station, now);
    }

    /// Those who wait take the slots that are free.
    pub(super) fn fill_slots(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let server = self.server_of(station);
        while self.stations[station].waiting > 0 && self.stations[station].busy < server.slots && !server.shares {
            self.start_next(station, server, now, schedule);
        }
    }

    /// Who only waited until the process went on goes on.
    pub(super) fn after_gate(&mut self, attempt: u32, station: usize, now: SimTime, schedule: &mut Schedule) {
        let server = self.server_of(station);
        if self.attempts[attempt].failure.is_some() {
            return self.end_service(attempt, station, server, now, schedule);
        }
        self.run_step(attempt, station, server, now, schedule);
    }

    /// The answer of a pod, or of its node in its place, goes back.
    #[inline(never)]
    pub(crate) fn reply_late(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.reply(self.trip(attempt), now, schedule);
    }

    fn leave_queue(&mut self, attempt: u32, station: usize, now: SimTime) {
        self.close_books(attempt, station, now);
        self.stations[station].unlink(attempt, &mut self.attempts, now);
        self.note_level(station, now);
    }

    /// Enters the wait since `since` in the ledger.
    #[inline(always)]
    fn close_queue_wait(&mut self, trip: &Trip<'p>, since: u64, now: SimTime) {
        if trip.request != NONE {
            let mut column = trip.hot.queue_wait;
            if column == NO_COLUMN {
                let layout = &self.plan_flow(trip.flow).layout;
                column = layout.queue_wait[layout.target(&self.roster.endpoints[trip.endpoint as usize])];
            }
            self.charge_request(trip.request, column, now.as_nanos() - since);
        }
    }

    /// A request gets a slot without waiting.
    #[inline(always)]
    fn enter_service(
        &mut self,
        trip: Trip<'p>,
        station: usize,
        server: &'p ServerPlan,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        self.take_slot(trip.attempt, station, server, now);
        self.note_level(station, now);
        if self.probes.any_flow {
            self.watch_started(trip.attempt, station, now.as_nanos(), false, now);
            self.probes.started(self.plan, &self.attempts[trip.attempt], self.number_of(trip.attempt), now);
        }
        if let Some(StepPlan::Work(dist)) = server.steps.first() {
            self.begin_work(trip, 0, station, server, dist, now, schedule);
        } else {
            self.run_step(trip.attempt, station, server, now, schedule);
        }
    }

    #[inline(always)]
    fn take_slot(&mut self, attempt: u32, station: usize, server: &ServerPlan, now: SimTime) {
        let entry = &mut self.attempts[attempt];
        entry.holds_slot = true;
        entry.stage = Stage::Serving;
        if server.discipline != Discipline::ProcessorSharing {
            self.stations[station].occupy(now);
        }
    }

    /// The next in the queue gets a slot that is free.
    #[inline(always)]
    fn start_next(&mut self, station: usize, server: &'p ServerPlan, now: SimTime, schedule: &mut Schedule) {
        let record = &self.stations[station];
        let next = match server.discipline {
            Discipline::Fifo => record.first(),
            Discipline::Lifo => record.last(),
            Discipline::ProcessorSharing => NONE,
        };
        if next == NONE || record.busy >= server.slots {
            return;
        }
        self.stations[station].unlink(next, &mut self.attempts, now);
        if self.attempts[next].step == QUESTION {
            return self.answer_first(next, station, server, now, schedule);
        }
        if server.attended {
            self.stop_patience(next, server, false, schedule);
            self.note_waited(next);
        }
        let entry = &self.attempts[next];
        let (step, resumes) = (entry.step, entry.stage == Stage::Resuming);
        let since = if resumes { entry.since } else { entry.reached };
        let trip = self.trip(next);
        self.close_queue_wait(&trip, since, now);
        if self.probes.any_flow {
            self.watch_started(next, station, since, resumes, now);
            if !resumes {
                self.probes.started(self.plan, &self.attempts[next], self.number_of(next), now);
            }
        }
        self.take_slot(next, station, server, now);
        self.note_level(station, now);
        if let Some(StepPlan::Work(dist)) = server.steps.get(step as usize) {
            self.begin_work(trip, step, station, server, dist, now, schedule);
        } else {
            // As an event of its own: a chain of instant services must not become a chain of calls.
            schedule.at(now, Rank::Completion, kind::START, next);
        }
    }

    /// A kubelet's question has its turn, which takes no time.
    #[cold]
    #[inline(never)]
    fn answer_first(
        &mut self,
        question: u32,
        station: usize,
        server: &'p ServerPlan,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        self.note_level(station, now);
        self.question_served(question, schedule);
        self.start_next(station, server, now, schedule);
    }

    /// A waiting request that got its slot goes on.
    pub(crate) fn on_start(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let station = self.station_of(attempt);
        if self.attempts[attempt].cancelled {
            return self.attempts.remove(attempt);
        }
        if self.attempts[attempt].joins == JOINED {
            self.attempts[attempt].joins = 0;
            return self.after_calls(attempt, station, now, schedule);
        }
        self.run_step(attempt, station, self.server_of(station), now, schedule);
    }

    /// Begins the current step, or ends the service after the last.
    #[inline(never)]
    fn run_step(
        &mut self,
        attempt: u32,
        station: usize,
        server: &'p ServerPlan,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        if server.keeps_work {
            self.rest_from_work(attempt, station, server, now);
        }
        if server.paced
            && !matches!(server.steps.get(self.attempts[attempt].step as usize), Some(StepPlan::Work(_)))
            && self.waits_at_gate(attempt, station, now, schedule)
        {
            return;
        }
        loop {
            match server.steps.get(self.attempts[attempt].step as usize) {
                Some(StepPlan::Work(dist)) => {
                    let (trip, step) = (self.trip(attempt), self.attempts[attempt].step);
                    return self.begin_work(trip, step, station, server, dist, now, schedule);
                }
                Some(StepPlan::Calls(calls)) => {
                    if self.begin_calls(attempt, station, calls, now, schedule) {
                        return;
                    }
                    self.attempts[attempt].step += 1;
                }
                None => return self.end_service(attempt, station, server, now, schedule),
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "what is known of the attempt is handed on, not looked up again")]
    fn begin_work(
        &mut self,
        trip: Trip<'p>,
        step: u16,
        station: usize,
        server: &'p ServerPlan,
        dist: &Dist,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let plan = self.plan;
        let hot = trip.hot;
        let mut work = self.work_of(&trip, step, server, dist);
        if hot.traced || server.begins_specially || step > 0 || self.probes.any_flow {
            let usual = work;
            if !server.episodes.is_empty() {
                work = self.in_episode(trip.attempt, server, work, now);
            }
            work = self.slowed(station, work, now);
            let entry = &mut self.attempts[trip.attempt];
            entry.since = now.as_nanos();
            entry.work += work.as_nanos();
            entry.stage = Stage::Serving;
            if server.keeps_work {
                self.begin_work_in_books(trip.attempt, station, server, (usual, work), now);
            }
            if server.paced {
                return self.begin_paced(&trip, (step, work), station, now, schedule);
            }
            if self.probes.any_flow && !server.shares {
                self.watch_served(trip.attempt, station, work.as_nanos(), now);
            }
            if server.shares {
                return self.share(trip.attempt, station, work, now, schedule);
            }
        }
        if trip.request != NONE {
            let mut column = hot.service;
            if column == NO_COLUMN {
                let layout = &plan.flows[trip.flow as usize].layout;
                column = layout.service[layout.target(&self.roster.endpoints[trip.endpoint as usize])];
            }
            self.charge_request(trip.request, column, work.as_nanos());
        }
        schedule.after(work, Rank::Completion, kind::WORKED, trip.attempt);
    }

    /// The work of a step: a keyed draw, so it can be asked for more than once.
    #[inline(always)]
    pub(crate) fn work_of(&self, trip: &Trip<'p>, step: u16, server: &ServerPlan, dist: &Dist) -> SimDuration {
        let hot = trip.hot;
        let mut work = match dist.as_constant() {
            Some(constant) => constant,
            None => {
                let shared = hot.demand_of_request;
                let key = DEMAND ^ if shared { self.request_base(trip.attempt) } else { trip.base };
                let key = if step == 0 { key } else { mix(key, u64::from(step)) };
                dist.sample(&mut Keyed::new(key))
            }
        };
        if hot.traced || server.scaled {
            work = self.adjusted(trip.attempt, step, server, work);
        }
        work
    }

    /// The work of a step on this pod: as a trace gives it, at the pod's speed.
    #[inline(never)]
    fn adjusted(&self, attempt: u32, step: u16, server: &ServerPlan, drawn: SimDuration) -> SimDuration {
        let work = self.traced_demand(attempt, step, server).unwrap_or(drawn);
        if server.scaled { SimDuration::from_secs_f64(work.as_secs_f64() / server.speed).unwrap_or(work) } else { work }
    }

    /// The work of the current step if it begins now, which may be in an episode of the pod.
    #[inline(never)]
    fn in_episode(&self, attempt: u32, server: &ServerPlan, usual: SimDuration, now: SimTime) -> SimDuration {
        let since_start = now - SimTime::ZERO;
        let episode = server.episodes.iter().find(|episode| episode.from <= since_start && since_start < episode.to);
        match episode.map(|episode| &episode.change) {
            Some(Change::ServiceTime(dist)) => {
                let entry = &self.attempts[attempt];
                dist.sample(&mut Keyed::new(mix(EPISODE ^ entry.base, u64::from(entry.step))))
            }
            Some(Change::Speed(speed)) => SimDuration::from_secs_f64(usual.as_secs_f64() / speed).unwrap_or(usual),
            None => usual,
        }
    }

    /// The service time that a trace gives, for the first work of a request of that traffic.
    #[inline]
    fn traced_demand(&self, attempt: u32, step: u16, server: &ServerPlan) -> Option<SimDuration> {
        let entry = &self.attempts[attempt];
        let worked = || server.steps[..step as usize].iter().any(|step| matches!(step, StepPlan::Work(_)));
        if !self.plan.hot[entry.flow as usize].traced || worked() {
            return None;
        }
        let Spec::Trace(trace) = &self.plan.scenario.traffic[entry.flow as usize].arrivals else { return None };
        trace.service.as_ref()?.get(entry.identity as usize).copied()
    }

    /// Identity of the attempt's request, which may be gone: that of a trace is made anew from its row.
    #[inline(never)]
    fn request_base(&self, attempt: u32) -> u64 {
        let entry = &self.attempts[attempt];
        let flow = entry.flow as usize;
        if self.plan.hot[flow].traced { mix(self.flows[flow].hash, entry.identity) } else { entry.identity }
    }

    /// A step of work is done.
    #[inline(never)]
    pub(crate) fn on_worked(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &mut self.attempts[attempt];
        if entry.cancelled {
            return self.attempts.remove(attempt);
        }
        entry.step += 1;
        let station = self.roster.endpoints[entry.endpoint as usize].station as usize;
        let server = server(self.plan, &self.stations[station]);
        if entry.step as usize == server.steps.len() {
            self.end_service(attempt, station, server, now, schedule);
        } else {
            self.run_step(attempt, station, server, now, schedule);
        }
    }

    /// Starts the calls of a step; says whether there are any.
    #[inline(never)]
    fn begin_calls(
        &mut self,
        attempt: u32,
        station: usize,
        calls: &[(f64, u32)],
        now: SimTime,
        schedule: &mut Schedule,
    ) -> bool {
        let base = self.attempts[attempt].base;
        let due: Vec<u32> = calls
            .iter()
            .filter(|(probability, flow)| {
                let key = mix(base ^ CALL_COIN, self.flows[*flow as usize].hash);
                *probability >= 1.0 || Keyed::new(key).unit() < *probability
            })
            .map(|(_, flow)| *flow)
            .collect();
        if due.is_empty() {
            return false;
        }
        let server = self.server_of(station);
        let shares = server.discipline == Discipline::ProcessorSharing;
        if !server.behaviour.holds_slot_while_calling && !shares && self.attempts[attempt].holds_slot {
            self.attempts[attempt].holds_slot = false;
            self.stations[station].vacate(now);
            self.note_departure(station, now, schedule);
            self.start_next(station, server, now, schedule);
        }
        let replica = self.roster.pods[self.roster.pod_of[station] as usize].number;
        let measured = self.attempts[attempt].measured;
        let entry = &mut self.attempts[attempt];
        entry.stage = Stage::Calling;
        entry.first_call = NONE;
        // One more than there are, so that calls which end at once do not end the step before all have begun.
        entry.joins = as_u32(due.len()) + 1;
        if self.probes.any_flow {
            self.watch_calls(attempt, now);
        }
        for flow in due {
            let hash = self.flows[flow as usize].hash;
            let identity = mix(base ^ CALL, hash);
            let number = self.flows[flow as usize].next_number;
            self.flows[flow as usize].next_number += 1;
            let hot = &self.plan.hot[flow as usize];
            if self.probes.any_flow {
                let (base, client, caller) = (identity, replica, attempt);
                self.watch_begin(Beginning { flow, number, base, client, caller, measured }, now);
            }
            self.begin_request(hot, flow, number, identity, replica, (attempt, NONE), measured, now, schedule);
        }
        let entry = &mut self.attempts[attempt];
        entry.joins -= 1;
        if entry.joins == 0 {
            // All of them ended at once. The caller goes on as after any call, but from the event loop.
            entry.joins = JOINED;
            entry.stage = Stage::Serving;
            schedule.at(now, Rank::Completion, kind::START, attempt);
        }
        true
    }

    /// A call ended; the last one of the step lets its caller go on. `failure` is why it failed.
    #[inline(never)]
    pub(crate) fn call_ended(
        &mut self,
        caller: u32,
        failure: Option<(FailureCause, u16)>,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let entry = &mut self.attempts[caller];
        if let Some((_, place)) = failure
            && entry.failure.is_none()
        {
            entry.failure = Some(FailureCause::AppError);
            entry.place = place;
        }
        entry.joins -= 1;
        if entry.joins > 0 {
            return;
        }
        let station = self.station_of(caller);
        self.after_calls(caller, station, now, schedule);
    }

    fn after_calls(&mut self, attempt: u32, station: usize, now: SimTime, schedule: &mut Schedule) {
        let server = self.server_of(station);
        if self.attempts[attempt].failure.is_some() {
            if server.paced && self.waits_at_gate(attempt, station, now, schedule) {
                return;
            }
            return self.end_service(attempt, station, server, now, schedule);
        }
        self.attempts[attempt].step += 1;
        let last = server.steps.len() <= self.attempts[attempt].step as usize;
        if self.attempts[attempt].holds_slot || last {
            return self.run_step(attempt, station, server, now, schedule);
        }
        self.attempts[attempt].since = now.as_nanos();
        if self.stations[station].busy < server.slots {
            self.take_slot(attempt, station, server, now);
            self.note_level(station, now);
            self.run_step(attempt, station, server, now, schedule);
        } else {
            self.stations[station].enqueue(attempt, &mut self.attempts, now);
            self.note_level(station, now);
            self.attempts[attempt].stage = Stage::Resuming;
        }
    }

    /// The pod is done with a request: the slot goes on, the reply goes back.
    #[inline(always)]
    fn end_service(
        &mut self,
        attempt: u32,
        station: usize,
        server: &'p ServerPlan,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        if server.settles {
            self.settle_in_pod(attempt, station, server, now);
        }
        let entry = &mut self.attempts[attempt];
        entry.stage = Stage::Returning;
        let (reached, failed) = (entry.reached, entry.failure.is_some());
        let held = std::mem::replace(&mut entry.holds_slot, false);
        let trip = self.trip(attempt);
        self.give_slot_back(held, station, server, now, schedule);
        if trip.measured {
            let endpoint = trip.endpoint as usize;
            if failed {
                self.endpoints[endpoint].errors += 1;
            }
            self.endpoint_latency.record(trip.endpoint, now.as_nanos() - reached);
            if self.probes.any_flow {
                self.probes.served(self.plan, &self.attempts[attempt], self.number_of(attempt));
            }
        }
        self.reply(trip, now, schedule);
    }

    #[inline(never)]
    fn settle_in_pod(&mut self, attempt: u32, station: usize, server: &ServerPlan, now: SimTime) {
        self.close_books(attempt, station, now);
        if server.behaviour.error_ratio > 0.0 {
            self.toss_error_coin(attempt, server);
        }
    }

    fn toss_error_coin(&mut self, attempt: u32, server: &ServerPlan) {
        let entry = &mut self.attempts[attempt];
        let coin = Keyed::new(entry.base ^ ERROR_COIN).unit();
        if entry.failure.is_none() && coin < server.behaviour.error_ratio {
            entry.failure = Some(FailureCause::AppError);
            entry.place = server.place;
        }
    }

    #[inline(always)]
    fn give_slot_back(
        &mut self,
        held: bool,
        station: usize,
        server: &'p ServerPlan,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        if !held || server.discipline == Discipline::ProcessorSharing {
            return;
        }
        let record = &mut self.stations[station];
        record.vacate(now);
        let waits = record.waiting > 0;
        self.note_departure(station, now, schedule);
        if waits {
            self.start_next(station, server, now, schedule);
        }
    }

    /// The pod turns a request away.
    #[inline(never)]
    pub(crate) fn fail_at_pod(&mut self, attempt: u32, cause: FailureCause, now: SimTime, schedule: &mut Schedule) {
        let place = self.server_of(self.station_of(attempt)).place;
        let entry = &mut self.attempts[attempt];
        entry.failure = Some(cause);
        entry.place = place;
        if entry.measured {
            let endpoint = entry.endpoint as usize;
            self.endpoints[endpoint].errors += 1;
        }
        entry.stage = Stage::Returning;
        if self.probes.any_flow {
            self.watch_failed_at(attempt, cause, place, now);
        }
        self.reply(self.trip(attempt), now, schedule);
    }

    /// Work whose client has gone is stopped, wherever it is; its slot is free at once.
    pub(crate) fn cancel(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let stage = self.attempts[attempt].stage;
        let endpoint = self.attempts[attempt].endpoint;
        let in_pod = matches!(stage, Stage::Queued | Stage::Serving | Stage::Calling | Stage::Resuming);
        if !in_pod {
            // On the way, or waiting for a proxy's connection: it ends where it next arrives.
            self.attempts[attempt].cancelled = true;
            return;
        }
        let station = self.roster.endpoints[endpoint as usize].station as usize;
        match stage {
            Stage::Queued | Stage::Resuming => {
                let plan = self.plan;
                if stage == Stage::Queued {
                    self.probes.left_queue(plan, &self.attempts[attempt], self.number_of(attempt), now);
                }
                self.stop_patience(attempt, self.server_of(station), false, schedule);
                self.leave_queue(attempt, station, now);
                self.settle_at_proxy(&self.trip(attempt), now, schedule);
                self.attempts.remove(attempt);
            }
            _ => {
                self.cancel_calls(attempt, now, schedule);
                self.settle_at_proxy(&self.trip(attempt), now, schedule);
                self.drop_in_service(attempt, station, now, schedule);
            }
        }
    }

    /// Frees the slot of work that nobody waits for; a completion that is scheduled finds it cancelled.
    fn drop_in_service(&mut self, attempt: u32, station: usize, now: SimTime, schedule: &mut Schedule) {
        self.close_books(attempt, station, now);
        let (stage, joins) = (self.attempts[attempt].stage, self.attempts[attempt].joins);
        let works = stage == Stage::Serving && joins != JOINED;
        let was_job = works && self.withdraw_job(attempt, station, now, schedule);
        let held = std::mem::replace(&mut self.attempts[attempt].holds_slot, false);
        self.give_slot_back(held, station, self.server_of(station), now, schedule);
        // An event that names the attempt is still to come, unless it was a job of a shared processor.
        if stage == Stage::Serving && !was_job {
            self.attempts[attempt].cancelled = true;
        } else {
            self.attempts.remove(attempt);
        }
    }
}
