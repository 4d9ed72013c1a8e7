//! The life of a request: begun, tried, tried again, ended.

use crate::balance::Ended;
use crate::cause::FailureCause;
use crate::engine::{LaneTicket, Rank, Schedule};
use crate::model::control::lateness::NOBODY;
use crate::model::ledger;
use crate::model::plan::{HotFlow, NONE};
use crate::model::random_keys::BACK_OFF;
use crate::model::traffic::attempt::{Attempt, Failure, Request, Stage};
use crate::model::traffic::retry::back_off;
use crate::model::traffic::route::Trip;
use crate::model::{RequestLog, World, at, kind};
use crate::observe::outcome::{RequestRow, Sink};
use crate::random::mix;
use crate::scenario::Cancellation;
use crate::time::{SimDuration, SimTime};

/// What is told of a request when it has ended.
#[derive(Debug, Clone, Copy)]
struct Ending {
    flow: u32,
    number: u64,
    caller: u32,
    user: u32,
    measured: bool,
    in_back_off: bool,
    blocks: u32,
}

impl Ending {
    #[inline(always)]
    fn of(entry: &Request, hot: &HotFlow) -> Self {
        let &Request { flow, number, caller, user, measured, retry_at, .. } = entry;
        Self { flow, number, caller, user, measured, in_back_off: retry_at != 0, blocks: hot.blocks }
    }
}

impl<'p> World<'p> {
    /// Begins a request of a traffic (no caller) or a call (with the attempt that waits for it).
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "these are the request: what it is, who asks, when")]
    pub(crate) fn begin_request(
        &mut self,
        hot: &'p HotFlow,
        flow: u32,
        number: u64,
        base: u64,
        client: u32,
        (caller, user): (u32, u32),
        measured: bool,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let next_call = if caller == NONE { NONE } else { self.attempts[caller].first_call };
        let request = self.requests.insert(Request {
            base,
            number,
            arrived: now.as_nanos(),
            retry_at: 0,
            flow,
            client,
            attempt: NONE,
            tries: 1,
            deadline: NONE,
            per_try: NONE,
            caller,
            next_call,
            user,
            measured,
        });
        if caller != NONE {
            self.attempts[caller].first_call = request;
        }
        self.ledgers.make_room(request);
        self.recorders.arrive(hot.recorder, now, measured, self.ready_pods, &mut self.sink);
        if hot.deadline {
            let lane = self.flows[flow as usize].deadline.expect("a flow with a timeout has a lane");
            self.requests[request].deadline = schedule.start(lane, request).0;
        }
        if hot.budget {
            self.save_up(flow, client, now);
        }
        let identity = if hot.traced { number } else { base };
        self.launch(hot, request, flow, client, (base, identity), measured, now, schedule);
    }

    #[inline(never)]
    fn save_up(&mut self, flow: u32, client: u32, now: SimTime) {
        let share = self.plan_flow(flow).flow.retries.budget.unwrap_or(0.0);
        self.budget(flow, client).deposit(now, share);
    }

    fn budget(&mut self, flow: u32, client: u32) -> &mut super::retry::Budget {
        let clients = self.plan_flow(flow).clients as usize;
        let budgets = &mut self.flows[flow as usize].budgets;
        if budgets.len() <= client as usize {
            budgets.resize_with(clients.max(client as usize + 1), || None);
        }
        budgets[client as usize].get_or_insert_with(Box::default)
    }

    /// Starts a try; its identity is told from where its demand comes.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "what is known of the request is handed on, not looked up again")]
    fn launch(
        &mut self,
        hot: &'p HotFlow,
        request: u32,
        flow: u32,
        client: u32,
        (base, identity): (u64, u64),
        measured: bool,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let worker = if hot.express { hot.worker } else { NONE };
        let attempt = self.attempts.insert(Attempt {
            base,
            identity,
            reached: u64::MAX,
            since: now.as_nanos(),
            work: 0,
            request,
            flow,
            client,
            endpoint: NONE,
            picked: 0,
            place_in_balancer: NONE,
            next: NONE,
            previous: NONE,
            worker,
            connection: NONE,
            upstream: NONE,
            patience: NONE,
            first_call: NONE,
            joins: 0,
            place: 0,
            step: 0,
            stage: Stage::Going,
            measured,
            holds_slot: false,
            cancelled: false,
            failure: None,
        });
        let entry = &mut self.requests[request];
        entry.attempt = attempt;
        if hot.per_try {
            let lane = self.flows[flow as usize].per_try.expect("a flow with a timeout a try has a lane");
            entry.per_try = schedule.start(lane, request).0;
        }
        let trip = Trip { hot, attempt, request, flow, client, worker, endpoint: NONE, base, measured };
        self.connect(trip, now, schedule);
    }

    /// An attempt fails at the client itself: nothing was sent.
    #[inline(never)]
    pub(crate) fn fail_here(
        &mut self,
        attempt: u32,
        cause: FailureCause,
        place: u16,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let entry = &mut self.attempts[attempt];
        entry.failure = Some(cause);
        entry.place = place;
        entry.stage = Stage::Returning;
        if self.probes.any_flow {
            self.watch_failed_at(attempt, cause, place, now);
        }
        self.on_reply_at_client(attempt, now, schedule);
    }

    /// A reply reaches the client.
    #[inline(never)]
    pub(crate) fn on_reply_at_client(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let trip = self.trip(attempt);
        self.reply_at_client(trip, now, schedule);
    }

    #[inline(always)]
    pub(crate) fn reply_at_client(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let Trip { attempt, request, .. } = trip;
        if request == NONE {
            return self.attempts.remove(attempt);
        }
        let hot = trip.hot;
        if hot.balances_at_client {
            self.settle_at_client(attempt, false, now);
        }
        if hot.kept {
            self.release_kept(attempt, false, now, schedule);
        } else if !hot.standing {
            self.release_chosen(attempt, now, schedule);
        }
        if hot.per_try {
            self.stop_per_try(request, schedule);
        }
        match self.attempts[attempt].failure {
            None => self.succeed(&trip, now, schedule),
            Some(cause) => self.reply_failed(attempt, cause, now, schedule),
        }
    }

    #[inline(never)]
    fn reply_failed(&mut self, attempt: u32, cause: FailureCause, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (request, flow) = (entry.request, entry.flow);
        // What was entered in the ledger of work that was cut short has not passed.
        let cut_short = matches!(cause, FailureCause::Reset | FailureCause::ConnectTimeout | FailureCause::PodGone);
        let gave_up = cut_short
            || matches!(cause, FailureCause::ConntrackFull | FailureCause::PortExhaustion)
            // Its first SYN was dropped, and a later one met somebody who refused it.
            || matches!(cause, FailureCause::Refused | FailureCause::WrongPod) && entry.step > 0;
        let (place, endpoint) = (entry.place, entry.endpoint);
        let failure = Failure { cause, place, endpoint, late: self.who_was_late(attempt, cause), gave_up };
        self.attempts.remove(attempt);
        self.requests[request].attempt = NONE;
        let retried = self.plan_flow(flow).flow.retries.on.contains(&cause);
        self.try_failed(request, failure, retried, now, schedule);
    }

    /// The client's own balancer closes its account of an attempt: a reply came, or the client gave up.
    #[inline(always)]
    fn settle_at_client(&mut self, attempt: u32, gave_up: bool, now: SimTime) {
        let entry = &self.attempts[attempt];
        if self.plan.hot[entry.flow as usize].balances_at_client && entry.endpoint != NONE {
            let (flow, client, endpoint, place) = (entry.flow, entry.client, entry.endpoint, entry.place_in_balancer);
            let ended = entry.ended(now);
            let ended = Ended { failed: gave_up || ended.failed, ..ended };
            let chooser = self.flows[flow as usize].balancers[client as usize].as_mut();
            let chooser = chooser.expect("it chose the endpoint");
            // Where endpoints change, it may have them in another order by now, or no longer.
            let place = if self.control.is_some() { chooser.programmed.place(endpoint) } else { Some(place) };
            if let Some(place) = place {
                chooser.balancer.done(place, ended);
            }
        }
    }

    #[inline(always)]
    fn stop_per_try(&mut self, request: u32, schedule: &mut Schedule) {
        let entry = &mut self.requests[request];
        if entry.per_try != NONE {
            let ticket = std::mem::replace(&mut entry.per_try, NONE);
            let lane = self.flows[entry.flow as usize].per_try.expect("a ticket has a lane");
            schedule.cancel(lane, LaneTicket(ticket));
        }
    }

    #[inline(always)]
    fn stop_deadline(&mut self, request: u32, schedule: &mut Schedule) {
        let entry = &mut self.requests[request];
        if entry.deadline != NONE {
            let ticket = std::mem::replace(&mut entry.deadline, NONE);
            let lane = self.flows[entry.flow as usize].deadline.expect("a ticket has a lane");
            schedule.cancel(lane, LaneTicket(ticket));
        }
    }

    #[inline(always)]
    fn succeed(&mut self, trip: &Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let Trip { hot, attempt, request, .. } = *trip;
        if hot.deadline {
            self.stop_deadline(request, schedule);
        }
        let entry = &self.requests[request];
        let (measured, caller, tries) = (entry.measured, entry.caller, entry.tries);
        let latency = now.as_nanos() - entry.arrived;
        let ending = Ending::of(entry, hot);
        if ledger::total(self.ledgers.blocks(request, hot.blocks)) != latency {
            self.ledger_is_wrong(request, latency, now);
        }
        if self.probes.any_flow {
            self.watch_succeeded(request, latency, now);
            let efforts = (tries, self.paused(request));
            self.probes.succeeded(hot.recorder, ending.number, latency, &self.attempts[attempt], efforts);
        }
        let ledger = self.ledgers.blocks(request, hot.blocks);
        let kept = if caller == NONE { ledger } else { &[] };
        self.recorders.succeed(hot.recorder, now, latency, kept, measured, self.ready_pods, &mut self.sink);
        if self.log != RequestLog::None && measured && caller == NONE {
            self.log_request(request, self.attempts[attempt].endpoint, None, now);
        }
        self.attempts.remove(attempt);
        if caller != NONE {
            self.merge_ledger(request, caller);
        }
        self.end_request(request, &ending, None, now, schedule);
    }

    /// A broken invariant, or the end of the clock: events that would come later are cut to it.
    #[cold]
    fn ledger_is_wrong(&mut self, request: u32, latency: u64, now: SimTime) {
        if now == SimTime::MAX {
            self.window.over = true;
            self.window.clock_ended = true;
            return;
        }
        let entry = &self.requests[request];
        let spec = self.plan_flow(entry.flow);
        let ledger = self.ledgers.row(request, spec.layout.columns.len());
        panic!(
            "the ledger of request {} of {} is {:?} over {ledger:?}, its latency is {latency} ns",
            entry.number, spec.flow.name, spec.layout.columns
        );
    }

    /// A try failed: another one, or the end.
    #[inline(never)]
    fn try_failed(&mut self, request: u32, failure: Failure, retriable: bool, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.requests[request];
        let (flow, client, tries, measured) = (entry.flow, entry.client, entry.tries, entry.measured);
        let spec = self.plan_flow(flow);
        if measured {
            self.recorders.counts(spec.recorder).attempt_failed(failure.cause, failure.place, failure.late);
        }
        let retries = &spec.flow.retries;
        let more = retries.attempts.is_none_or(|limit| tries < limit);
        if self.probes.any_flow {
            self.watch_try_failed(request, &failure, None, now);
        }
        if !retriable || !more {
            return self.fail_request(request, failure, now, schedule);
        }
        if retries.budget.is_some() && !self.budget(flow, client).withdraw(now) {
            let failure = Failure { cause: FailureCause::RetryBudget, ..failure };
            return self.fail_request(request, failure, now, schedule);
        }
        let delay = back_off(retries, tries - 1, mix(self.requests[request].base, u64::from(tries)) ^ BACK_OFF);
        if self.probes.any_flow {
            self.watch_try_failed(request, &failure, Some(delay.as_nanos()), now);
        }
        self.waste(request, now);
        self.ledgers.charge(request, spec.layout.back_off, delay.as_nanos());
        if measured && self.probes.any_flow {
            self.probes.pauses(spec.recorder, self.requests[request].number, tries - 1, delay.as_nanos());
        }
        self.requests[request].retry_at = (now + delay).as_nanos();
        schedule.at(now + delay, Rank::Completion, kind::RETRY, request);
    }

    /// The pauses of a request so far; the one it is in counts whole.
    fn paused(&self, request: u32) -> u64 {
        let layout = &self.plan_flow(self.requests[request].flow).layout;
        self.ledgers.row(request, layout.columns.len()).get(layout.back_off as usize).copied().unwrap_or(0)
    }

    /// All time so far but the back-offs came to nothing.
    pub(super) fn waste(&mut self, request: u32, now: SimTime) {
        if self.probes.any_flow {
            self.watch_wasted(request);
        }
        let entry = &self.requests[request];
        let layout = &self.plan_flow(entry.flow).layout;
        let elapsed = now.as_nanos() - entry.arrived;
        let ledger = self.ledgers.row_mut(request, layout.columns.len());
        let waited = ledger.get(layout.back_off as usize).copied().unwrap_or(0);
        ledger.fill(0);
        if let Some(back_off) = ledger.get_mut(layout.back_off as usize) {
            *back_off = waited;
        }
        if let Some(wasted) = ledger.get_mut(layout.wasted as usize) {
            *wasted = elapsed - waited;
        }
    }

    /// The back-off is over.
    pub(crate) fn on_retry(&mut self, request: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &mut self.requests[request];
        if entry.retry_at == u64::MAX {
            // The request ended during the back-off; its slot was kept for this event.
            return self.requests.remove(request);
        }
        entry.retry_at = 0;
        let base = mix(entry.base, u64::from(entry.tries));
        entry.tries += 1;
        let (flow, client, measured) = (entry.flow, entry.client, entry.measured);
        let hot = &self.plan.hot[flow as usize];
        let identity = if hot.traced { entry.number } else { entry.base };
        self.recorders.counts(hot.recorder).retries += u64::from(measured);
        if self.probes.any_flow {
            self.watch_retry(request, base, now);
        }
        self.launch(hot, request, flow, client, (base, identity), measured, now, schedule);
    }

    /// A try took too long.
    pub(crate) fn on_per_try(&mut self, request: u32, now: SimTime, schedule: &mut Schedule) {
        self.requests[request].per_try = NONE;
        let failure = self.give_up_attempt(request, now, schedule);
        let retried = self.plan_flow(self.requests[request].flow).flow.retries.on_per_try_timeout;
        self.try_failed(request, failure, retried, now, schedule);
    }

    /// The request took too long.
    pub(crate) fn on_deadline(&mut self, request: u32, now: SimTime, schedule: &mut Schedule) {
        self.requests[request].deadline = NONE;
        self.stop_per_try(request, schedule);
        let spec = self.plan_flow(self.requests[request].flow);
        let failure = if self.requests[request].attempt == NONE {
            // In a back-off: only the part that has passed was spent.
            let left = self.requests[request].retry_at - now.as_nanos();
            *self.ledgers.cell(request, spec.layout.back_off) -= left;
            let cause = FailureCause::DeadlineExceeded;
            Failure { cause, place: spec.place, endpoint: NONE, late: NOBODY, gave_up: false }
        } else {
            let failure = self.give_up_attempt(request, now, schedule);
            if self.requests[request].measured {
                self.recorders.counts(spec.recorder).attempt_failed(failure.cause, failure.place, failure.late);
            }
            failure
        };
        self.fail_request(request, failure, now, schedule);
    }

    /// The client lets go of the attempt under way; says how it failed.
    fn give_up_attempt(&mut self, request: u32, now: SimTime, schedule: &mut Schedule) -> Failure {
        let attempt = std::mem::replace(&mut self.requests[request].attempt, NONE);
        if self.probes.any_flow {
            self.watch_gave_up(attempt, now);
        }
        let plan = self.plan;
        let spec = self.plan_flow(self.requests[request].flow);
        let endpoint = self.attempts[attempt].endpoint;
        let place = if endpoint == NONE {
            spec.place
        } else {
            plan.servers[self.server_once(self.roster.endpoints[endpoint as usize].station) as usize].place
        };
        let cause = FailureCause::DeadlineExceeded;
        let late = self.who_was_late(attempt, cause);
        self.settle_at_client(attempt, true, now);
        self.abandon_connection(attempt, now, schedule);
        self.attempts[attempt].request = NONE;
        if spec.flow.cancellation == Cancellation::Propagated {
            self.cancel(attempt, now, schedule);
        }
        Failure { cause, place, endpoint, late, gave_up: true }
    }

    fn fail_request(&mut self, request: u32, failure: Failure, now: SimTime, schedule: &mut Schedule) {
        self.stop_deadline(request, schedule);
        if failure.gave_up {
            self.waste(request, now);
        }
        let entry = &self.requests[request];
        let (measured, caller, tries, number) = (entry.measured, entry.caller, entry.tries, entry.number);
        let latency = now.as_nanos() - entry.arrived;
        let hot = &self.plan.hot[entry.flow as usize];
        if ledger::total(self.ledgers.blocks(request, hot.blocks)) != latency {
            self.ledger_is_wrong(request, latency, now);
        }
        if self.probes.any_flow {
            self.watch_failed(request, &failure, now);
            self.probes.failed(hot.recorder, number, (tries, self.paused(request)), measured.then_some(latency));
        }
        let counters = &mut self.recorders.settled(&mut self.sink)[hot.recorder as usize];
        counters.fail(now, (failure.cause, failure.place, failure.late), measured, self.ready_pods, &mut self.sink);
        if measured && self.log != RequestLog::None && caller == NONE {
            self.log_request(request, failure.endpoint, Some(failure.cause), now);
        }
        if measured && caller == NONE && self.control.is_some() {
            self.failed_during_rollouts(failure.cause, now);
        }
        if caller != NONE {
            self.merge_ledger(request, caller);
        }
        let ending = Ending::of(&self.requests[request], hot);
        self.end_request(request, &ending, Some((failure.cause, failure.place)), now, schedule);
    }

    /// A request is over: its caller, its user and its slot are told.
    #[inline(always)]
    fn end_request(
        &mut self,
        request: u32,
        &Ending { flow, number, caller, user, measured, in_back_off, blocks }: &Ending,
        failure: Option<(FailureCause, u16)>,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        // A free row is zero, so that the next request finds it so.
        self.ledgers.clear(request, blocks);
        if caller != NONE {
            self.unlink_call(caller, request);
        }
        if in_back_off {
            self.requests[request].retry_at = u64::MAX;
        } else {
            self.requests.remove(request);
        }
        if caller == NONE {
            if measured {
                self.note_ended();
            }
            if user != NONE {
                self.think_again(flow, user, number, schedule);
            }
        } else {
            self.call_ended(caller, failure, now, schedule);
        }
    }

    fn unlink_call(&mut self, caller: u32, request: u32) {
        let next = self.requests[request].next_call;
        let mut at = self.attempts[caller].first_call;
        if at == request {
            self.attempts[caller].first_call = next;
            return;
        }
        while at != NONE {
            let following = self.requests[at].next_call;
            if following == request {
                self.requests[at].next_call = next;
                return;
            }
            at = following;
        }
    }

    /// A call that nobody waits for any more, because its caller was cancelled.
    pub(crate) fn withdraw_request(&mut self, request: u32, now: SimTime, schedule: &mut Schedule) {
        if self.probes.any_flow {
            self.watch_withdrawn(request);
        }
        self.stop_deadline(request, schedule);
        self.stop_per_try(request, schedule);
        let trying = self.requests[request].attempt != NONE;
        if trying {
            let attempt = std::mem::replace(&mut self.requests[request].attempt, NONE);
            self.settle_at_client(attempt, true, now);
            self.abandon_connection(attempt, now, schedule);
            self.attempts[attempt].request = NONE;
            self.cancel(attempt, now, schedule);
        }
        let paused = self.paused(request);
        let entry = &mut self.requests[request];
        let (flow, measured, number, tries) = (entry.flow, entry.measured, entry.number, entry.tries);
        let latency = measured.then_some(now.as_nanos() - entry.arrived);
        let paused = if trying { paused } else { paused - entry.retry_at.saturating_sub(now.as_nanos()) };
        self.ledgers.clear(request, self.plan.hot[flow as usize].blocks);
        if entry.retry_at != 0 {
            entry.retry_at = u64::MAX;
        } else {
            self.requests.remove(request);
        }
        let spec = self.plan_flow(flow);
        self.probes.failed(spec.recorder, number, (tries, paused), latency);
        let recorder = &mut self.recorders.settled(&mut self.sink)[spec.recorder as usize];
        let cause = FailureCause::DeadlineExceeded;
        if measured && trying {
            recorder.attempt_failed(cause, spec.place, NOBODY);
        }
        recorder.fail(now, (cause, spec.place, NOBODY), measured, self.ready_pods, &mut self.sink);
    }

    /// The ledger of a call enters its caller's, if it was the last of the step to end.
    #[inline(never)]
    fn merge_ledger(&mut self, request: u32, caller: u32) {
        let caller_request = self.attempts[caller].request;
        if caller_request == NONE || self.attempts[caller].joins > 1 {
            return;
        }
        let (callee, flow) = (self.requests[request].flow, self.attempts[caller].flow);
        if self.probes.any_flow {
            self.watch_merged(request, caller_request);
        }
        let mapping = self.plan_flow(flow).layout.mapping(callee);
        for (column, target) in mapping.iter().enumerate() {
            let nanos = self.ledgers.row(request, mapping.len())[column];
            self.ledgers.charge(caller_request, *target, nanos);
        }
    }

    #[inline(never)]
    fn log_request(&mut self, request: u32, endpoint: u32, failure: Option<FailureCause>, now: SimTime) {
        let entry = &self.requests[request];
        let state = &mut self.flows[entry.flow as usize];
        let spec = &self.plan.flows[entry.flow as usize];
        if let RequestLog::First(limit) = self.log {
            let first = state.first_measured.unwrap_or(0);
            let rank = if entry.user == NONE { entry.number - first } else { state.logged };
            if rank >= limit {
                return;
            }
        }
        state.logged += 1;
        let known = &self.plan.labels.endpoints;
        let new =
            (endpoint != NONE && endpoint as usize >= known.len()).then(|| self.roster.label_of(self.plan, endpoint));
        self.sink.request(&RequestRow {
            flow: spec.recorder as usize,
            request: entry.number,
            client: entry.client,
            arrived: at(entry.arrived),
            endpoint: new.as_ref().or_else(|| known.get(endpoint as usize)),
            attempts: entry.tries,
            failure,
            censored: false,
            latency: SimDuration::from_nanos(now.as_nanos() - entry.arrived),
            ledger: self.ledgers.row(request, spec.layout.columns.len()),
        });
    }

    /// Measured requests that are still open when the run ends are logged as censored.
    pub(crate) fn censor_open_requests(&mut self, now: SimTime) {
        if self.log == RequestLog::None || self.window.open_measured == 0 {
            return;
        }
        let mut open: Vec<u32> = self.open_requests();
        open.sort_by_key(|request| (self.requests[*request].flow, self.requests[*request].number));
        for request in open {
            let entry = &self.requests[request];
            let spec = &self.plan.flows[entry.flow as usize];
            let zeros = vec![0; spec.layout.columns.len()];
            self.sink.request(&RequestRow {
                flow: spec.recorder as usize,
                request: entry.number,
                client: entry.client,
                arrived: at(entry.arrived),
                endpoint: None,
                attempts: entry.tries,
                failure: None,
                censored: true,
                latency: SimDuration::from_nanos(now.as_nanos() - entry.arrived),
                ledger: &zeros,
            });
        }
    }

    fn open_requests(&self) -> Vec<u32> {
        self.requests
            .taken()
            .filter(|slot| {
                let entry = &self.requests[*slot];
                entry.caller == NONE && entry.measured && entry.retry_at != u64::MAX
            })
            .collect()
    }
}
