//! Connections that are not kept for ever, and those that carry several requests: opened, taken and given back.
//!
//! Such a connection has a [`Life`] in its record. HTTP/1.1 is the case of one stream: its pool holds idle
//! connections, that of HTTP/2 all that take streams.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::plan::{NONE, Route};
use crate::model::random_keys::CONNECTION_AGE;
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::connection::Connection;
use crate::model::traffic::life::{End, Life, Owner, State};
use crate::model::{World, at, kind};
use crate::random::Keyed;
use crate::scenario::{Connections, PoolOrder, Protocol};
use crate::time::{SimDuration, SimTime};

impl<'p> World<'p> {
    /// How the connections of a pool are kept.
    fn manner_of(&self, pool: u32) -> &'p Connections {
        &self.plan.manners[self.pools[pool].manner as usize]
    }

    /// How a connection is kept.
    pub(super) fn kept_as(&self, connection: u32) -> &'p Connections {
        self.manner_of(self.connections[connection].life.pool)
    }

    /// Whose a kept connection is.
    pub(super) fn owner(&self, connection: u32) -> Owner {
        self.pools[self.connections[connection].life.pool].owner
    }

    pub(super) fn life(&mut self, connection: u32) -> &mut Life {
        &mut self.connections[connection].life
    }

    /// The pool that an attempt takes a connection from.
    fn pool_for(&mut self, attempt: u32, upstream: bool) -> u32 {
        if upstream {
            return self.upstream_pool(attempt);
        }
        let entry = &self.attempts[attempt];
        let (flow, client, target) = (entry.flow, entry.client, self.pool_target(attempt));
        let manner = self.plan.hot[flow as usize].manner;
        let channels = self.plan.manners[manner as usize].keeping.channels;
        let turn = if channels > 1 { self.next_channel(flow, client, channels) } else { 0 };
        self.client_pool(flow, client, target * channels + turn)
    }

    /// Requests take the channels of their client in turn.
    fn next_channel(&mut self, flow: u32, client: u32, channels: u32) -> u32 {
        let turns = &mut self.flows[flow as usize].channel_turns;
        if turns.len() <= client as usize {
            turns.resize(client as usize + 1, 0);
        }
        let turn = turns[client as usize];
        turns[client as usize] = (turn + 1) % channels;
        turn
    }

    /// Gets a kept connection for an attempt: one that is open, one that is about to be, a new one, or a place in line.
    #[inline(never)]
    pub(super) fn take_kept(&mut self, attempt: u32, upstream: bool, now: SimTime, schedule: &mut Schedule) {
        let pool = self.pool_for(attempt, upstream);
        let spec = self.manner_of(pool);
        if let Some(connection) = self.find_kept(pool, spec) {
            let life = self.life(connection);
            (life.active, life.begun) = (life.active + 1, life.begun + 1);
            let (begun, opening) = (life.begun, life.state == State::Opening);
            self.hold(attempt, connection, upstream);
            if spec.multiplexes() && spec.keeping.max_requests.is_some_and(|most| begun >= most) && !opening {
                self.drain(connection, End::Requests, now, schedule);
            }
            if opening {
                return self.await_opening(attempt, connection, upstream, now);
            }
            return self.ride_kept(attempt, connection, now, schedule);
        }
        let limit = match spec.protocol {
            Protocol::Grpc | Protocol::Udp => 1,
            _ => spec.max_per_client.unwrap_or(NONE),
        };
        if self.pools[pool].open < limit {
            self.begin_kept(attempt, pool);
            return self.open_kept(attempt, upstream, now, schedule);
        }
        self.pools[pool].waiters.join(attempt, &mut self.attempts);
        let entry = &mut self.attempts[attempt];
        (entry.stage, entry.since) = (if upstream { Stage::UpstreamPool } else { Stage::ClientPool }, now.as_nanos());
    }

    /// A connection of a pool that takes one more request.
    fn find_kept(&mut self, pool: u32, spec: &Connections) -> Option<u32> {
        if !spec.multiplexes() {
            let idle = &mut self.pools[pool].idle;
            return if spec.order == PoolOrder::Lifo { idle.pop_back() } else { idle.pop_front() };
        }
        let streams = spec.keeping.max_streams.unwrap_or(NONE);
        let mut place = 0;
        while let Some(connection) = self.pools[pool].idle.get(place) {
            if self.life(connection).active < streams {
                return Some(connection);
            }
            place += 1;
        }
        None
    }

    fn hold(&mut self, attempt: u32, connection: u32, upstream: bool) {
        let entry = &mut self.attempts[attempt];
        if upstream { entry.upstream = connection } else { entry.connection = connection }
    }

    pub(super) fn held(&mut self, attempt: u32, upstream: bool) -> &mut u32 {
        let entry = &mut self.attempts[attempt];
        if upstream { &mut entry.upstream } else { &mut entry.connection }
    }

    /// A connection begins its life with the attempt that opens it.
    pub(super) fn begin_kept(&mut self, attempt: u32, pool: u32) {
        let life = Life::in_pool(pool, attempt, State::Opening);
        let connection = self.connections.insert(Connection { life, ..Connection::simple(NONE, NONE, 0) });
        let shared = self.manner_of(pool).multiplexes();
        let pool = &mut self.pools[pool];
        pool.open += 1;
        if shared {
            pool.idle.push_back(connection);
        }
        let upstream = pool.owner.upstream;
        self.hold(attempt, connection, upstream);
    }

    fn open_kept(&mut self, attempt: u32, upstream: bool, now: SimTime, schedule: &mut Schedule) {
        self.attempts[attempt].stage = Stage::Going;
        if upstream { self.open_upstream(attempt, now, schedule) } else { self.open_connection(attempt, now, schedule) }
    }

    /// An attempt waits until another one has opened its connection.
    fn await_opening(&mut self, attempt: u32, connection: u32, upstream: bool, now: SimTime) {
        let entry = &mut self.attempts[attempt];
        (entry.stage, entry.since) = (if upstream { Stage::UpstreamPool } else { Stage::ClientPool }, now.as_nanos());
        self.connections[connection].life.waiters.join(attempt, &mut self.attempts);
    }

    /// It is the turn of an attempt that waited: it got a connection, or the right to open one.
    pub(super) fn go_kept(&mut self, attempt: u32, upstream: bool, now: SimTime, schedule: &mut Schedule) {
        let connection = *self.held(attempt, upstream);
        if connection == NONE {
            return self.take_kept(attempt, upstream, now, schedule);
        }
        if self.life(connection).state == State::Opening {
            return self.open_kept(attempt, upstream, now, schedule);
        }
        self.ride_kept(attempt, connection, now, schedule);
    }

    /// Uses a connection that is open; or finds out that the other end has just closed it.
    fn ride_kept(&mut self, attempt: u32, connection: u32, now: SimTime, schedule: &mut Schedule) {
        let Life { idle_since, ends_at, .. } = *self.life(connection);
        let (spec, upstream) = (self.kept_as(connection), self.owner(connection).upstream);
        if spec.protocol == Protocol::Udp {
            self.life(connection).idle_since = now.as_nanos();
        }
        if !spec.multiplexes() {
            let idle =
                spec.keeping.server_idle_timeout.map_or(u64::MAX, |limit| idle_since.saturating_add(limit.as_nanos()));
            let due = idle.min(ends_at);
            if due != u64::MAX {
                let round_trip = self.round_trip(attempt, upstream);
                if now.as_nanos() + round_trip.as_nanos() > due {
                    return self.meet_closed(attempt, connection, round_trip, now, schedule);
                }
            }
        }
        if upstream {
            self.note_reused_by(attempt, true);
            return self.forward(self.trip(attempt), now, schedule);
        }
        self.ride(attempt, connection, now, schedule);
    }

    /// The connection that an attempt opened is open: it and those who waited for it go on.
    pub(super) fn kept_opened(&mut self, attempt: u32, upstream: bool, now: SimTime, schedule: &mut Schedule) {
        let connection = *self.held(attempt, upstream);
        let entry = &self.attempts[attempt];
        let (endpoint, base) = (entry.endpoint, entry.base);
        let layer4 = matches!(self.plan_flow(entry.flow).route, Route::ClusterIp | Route::Proxy4(_));
        let (worker, picked) = (if upstream { NONE } else { entry.worker }, entry.picked);
        let record = &mut self.connections[connection];
        (record.worker, record.picked) = (worker, picked);
        record.endpoint = if layer4 { endpoint } else { NONE };
        if !upstream && self.plan.keeps_entries() {
            self.entries.pooled(attempt, connection);
        }
        let (owner, spec) = (self.owner(connection), self.kept_as(connection));
        let life = self.life(connection);
        (life.state, life.endpoint, life.leader, life.idle_since) = (State::Open, endpoint, NONE, now.as_nanos());
        if let Some(age) = spec.keeping.max_age {
            // grpc-go: ±10 %, uniformly, so that clients do not come back all at once.
            let factor = 0.9 + 0.2 * Keyed::new(base ^ CONNECTION_AGE).unit();
            let age = SimDuration::from_secs_f64(age.as_secs_f64() * factor).unwrap_or(age);
            life.ends_at = now.as_nanos().saturating_add(age.as_nanos());
            self.set_timer(connection, now, schedule);
        }
        self.note_open(owner);
        while let Some(waiter) = self.connections[connection].life.waiters.leave(&mut self.attempts) {
            if self.attempts[waiter].request == NONE && !upstream {
                self.attempts.remove(waiter);
                continue;
            }
            self.end_wait(waiter, upstream, now);
            schedule.at(now, Rank::Completion, if upstream { kind::UPSTREAM_GO } else { kind::GO }, waiter);
        }
        let begun = self.life(connection).begun;
        if spec.multiplexes() && spec.keeping.max_requests.is_some_and(|most| begun >= most) {
            self.drain(connection, End::Requests, now, schedule);
        }
    }

    /// The wait for a connection enters the ledger.
    pub(super) fn end_wait(&mut self, waiter: u32, upstream: bool, now: SimTime) {
        let waited = now - at(self.attempts[waiter].since);
        let column = self.plan_flow(self.attempts[waiter].flow).layout.pool_wait;
        self.charge(waiter, column, waited);
        if self.probes.any_flow {
            self.watch_pooled(waiter, upstream, now);
        }
        self.attempts[waiter].stage = Stage::Going;
    }

    /// The connection that an attempt was to open is not: those who waited for it fail for the same cause.
    pub(super) fn kept_failed(
        &mut self,
        attempt: u32,
        upstream: bool,
        (cause, place): (FailureCause, u16),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let connection = std::mem::replace(self.held(attempt, upstream), NONE);
        if connection == NONE {
            return;
        }
        while let Some(waiter) = self.connections[connection].life.waiters.leave(&mut self.attempts) {
            if self.attempts[waiter].request == NONE && !upstream {
                self.attempts.remove(waiter);
                continue;
            }
            self.end_wait(waiter, upstream, now);
            *self.held(waiter, upstream) = NONE;
            let entry = &mut self.attempts[waiter];
            (entry.failure, entry.place) = (Some(cause), place);
            schedule.at(now, Rank::Completion, kind::CONNECT_FAILED, waiter);
        }
        self.life(connection).active = 0;
        self.close_kept(connection, End::Failed, now, schedule);
    }

    /// Somebody who waited for a connection is told that there is none.
    pub(crate) fn on_connect_failed(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (cause, place) = (entry.failure.expect("it was told why"), entry.place);
        if let Route::Proxy7(_) = self.plan_flow(entry.flow).route
            && entry.endpoint != NONE
        {
            self.settle_at_proxy(&self.trip(attempt), now, schedule);
            return self.leave_proxy_late(attempt, now, schedule);
        }
        if entry.request == NONE {
            return self.attempts.remove(attempt);
        }
        self.fail_here(attempt, cause, place, now, schedule);
    }

    /// An attempt is over for whoever holds its connection.
    pub(super) fn release_kept(&mut self, attempt: u32, upstream: bool, now: SimTime, schedule: &mut Schedule) {
        let connection = *self.held(attempt, upstream);
        if connection == NONE {
            return;
        }
        let failure = self.attempts[attempt].failure;
        if self.life(connection).state == State::Opening {
            let why = (failure.unwrap_or(FailureCause::Refused), self.attempts[attempt].place);
            return self.kept_failed(attempt, upstream, why, now, schedule);
        }
        *self.held(attempt, upstream) = NONE;
        let life = self.life(connection);
        life.active -= 1;
        life.answered |= failure.is_none();
        let shared = self.kept_as(connection).multiplexes();
        if failure == Some(FailureCause::Reset) && !shared {
            return self.close_kept(connection, End::Reset, now, schedule);
        }
        self.leave_kept(connection, true, now, schedule);
    }

    /// A connection carries one request less: it takes the next in line, goes back to the pool, or ends.
    fn leave_kept(&mut self, connection: u32, answered: bool, now: SimTime, schedule: &mut Schedule) {
        let Life { pool, state, why, begun, active, ends_at, .. } = *self.life(connection);
        let spec = self.manner_of(pool);
        let shared = spec.multiplexes();
        match state {
            State::Draining if active == 0 => return self.close_kept(connection, why, now, schedule),
            State::Open => {}
            _ => return,
        }
        if !shared {
            if spec.keeping.max_requests.is_some_and(|most| begun >= most) {
                return self.close_kept(connection, End::Requests, now, schedule);
            }
            if now.as_nanos() >= ends_at {
                return self.close_kept(connection, End::Age, now, schedule);
            }
        }
        if active == 0 && (answered || spec.protocol != Protocol::Udp) {
            self.life(connection).idle_since = now.as_nanos();
        }
        if let Some(waiter) = self.next_waiter(pool, now) {
            let life = self.life(connection);
            (life.active, life.begun) = (life.active + 1, life.begun + 1);
            let begun = life.begun;
            let upstream = self.pools[pool].owner.upstream;
            self.hold(waiter, connection, upstream);
            schedule.at(now, Rank::Completion, if upstream { kind::UPSTREAM_GO } else { kind::GO }, waiter);
            if shared && spec.keeping.max_requests.is_some_and(|most| begun >= most) {
                self.drain(connection, End::Requests, now, schedule);
            }
            return;
        }
        if !shared {
            let pool = &mut self.pools[pool];
            if spec.keeping.max_idle.is_some_and(|most| pool.idle.len() >= most as usize) {
                return self.close_kept(connection, End::Idle, now, schedule);
            }
            pool.idle.push_back(connection);
        }
        if active == 0 {
            self.set_timer(connection, now, schedule);
        }
    }

    /// The client gave up on an attempt: over HTTP/1.1 it closes the connection, over HTTP/2 it ends the stream.
    pub(super) fn abandon_kept(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let connection = std::mem::replace(&mut self.attempts[attempt].connection, NONE);
        if connection == NONE {
            return;
        }
        let Life { state, leader, .. } = *self.life(connection);
        self.life(connection).active -= 1;
        match state {
            State::Opening if leader == attempt => self.open_for_next(connection, now, schedule),
            State::Opening => {}
            _ if self.kept_as(connection).multiplexes() => self.leave_kept(connection, false, now, schedule),
            _ => self.close_kept(connection, End::GivenUp, now, schedule),
        }
    }

    /// Who opened a connection gave up: the next who waits for it opens it, if somebody does.
    fn open_for_next(&mut self, connection: u32, now: SimTime, schedule: &mut Schedule) {
        loop {
            let Some(waiter) = self.connections[connection].life.waiters.leave(&mut self.attempts) else {
                return self.close_kept(connection, End::GivenUp, now, schedule);
            };
            if self.attempts[waiter].request == NONE {
                self.attempts.remove(waiter);
                continue;
            }
            self.life(connection).leader = waiter;
            self.end_wait(waiter, false, now);
            schedule.at(now, Rank::Completion, kind::GO, waiter);
            return;
        }
    }

    /// Whether a flow's connections are kept in a special way, on either side of its proxy.
    pub(super) fn is_kept(&self, flow: u32, upstream: bool) -> bool {
        if upstream {
            Channel::of(&self.plan_flow(flow).upstream) == Channel::Kept
        } else {
            self.flows[flow as usize].channel == Channel::Kept
        }
    }
}
