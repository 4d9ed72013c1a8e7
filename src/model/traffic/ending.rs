//! The end of kept connections: by their timers, by their number of requests, or because somebody ends them.
//!
//! A timer is an event of the connection, at most one pends, and it is set anew when it comes too early; so use costs no
//! event.

use crate::engine::{Rank, Schedule};
use crate::model::plan::{NONE, Route};
use crate::model::traffic::connection::Connection;
use crate::model::traffic::handshake::Far;
use crate::model::traffic::life::{End, Life, Owner, State};
use crate::model::traffic::pool::Line;
use crate::model::{World, at, kind};
use crate::scenario::Protocol;
use crate::time::{SimDuration, SimTime};

/// How long a node's kernel remembers a UDP flow that was never answered, and one that was (`nf_conntrack`).
const UDP_UNREPLIED: SimDuration = SimDuration::from_secs(30);
const UDP_STREAM: SimDuration = SimDuration::from_secs(120);

impl World<'_> {
    /// A connection takes no more requests, and ends with the last that it carries.
    pub(super) fn drain(&mut self, connection: u32, why: End, now: SimTime, schedule: &mut Schedule) {
        let life = self.life(connection);
        if life.state != State::Open {
            return;
        }
        if life.active == 0 {
            return self.close_kept(connection, why, now, schedule);
        }
        (life.state, life.why) = (State::Draining, why);
        self.leave_pool(connection, now, schedule);
        let grace = self.kept_as(connection).keeping.max_age_grace;
        if why == End::Age && grace.is_some() {
            self.set_timer(connection, now, schedule);
        }
    }

    /// A pool has one connection less: the next in line may open another.
    fn leave_pool(&mut self, connection: u32, now: SimTime, schedule: &mut Schedule) {
        let number = self.life(connection).pool;
        let pool = &mut self.pools[number];
        pool.open -= 1;
        pool.idle.remove(connection);
        let upstream = pool.owner.upstream;
        if let Some(waiter) = self.next_waiter(number, now) {
            self.begin_kept(waiter, number);
            schedule.at(now, Rank::Completion, if upstream { kind::UPSTREAM_GO } else { kind::GO }, waiter);
        }
    }

    /// A connection is closed.
    pub(super) fn close_kept(&mut self, connection: u32, why: End, now: SimTime, schedule: &mut Schedule) {
        let life = self.life(connection);
        let Life { state, endpoint, pending, .. } = *life;
        if state == State::Closed {
            return;
        }
        (life.state, life.waiters) = (State::Closed, Line::EMPTY);
        let owner = self.owner(connection);
        if !owner.upstream {
            self.tell_closed(owner, connection, endpoint, now);
        }
        self.note_end(owner, why, state != State::Opening);
        if state != State::Opening && self.tracking.is_some() {
            let worker = self.connections[connection].worker;
            let gate = if owner.upstream { NONE } else { self.gate_of_kept(connection) };
            self.leave_tracks(owner, Far { endpoint, worker, gate }, why, now);
        }
        if !owner.upstream && self.plan.hot[owner.flow as usize].counted {
            self.gate_closed(owner.flow, connection, now);
        }
        if !pending {
            self.connections.remove(connection);
        }
        if state != State::Draining {
            self.leave_pool(connection, now, schedule);
        }
    }

    /// Whoever chose the endpoint for a connection is told that it is closed.
    fn tell_closed(&mut self, owner: Owner, connection: u32, endpoint: u32, now: SimTime) {
        let Connection { worker, picked, .. } = self.connections[connection];
        match self.plan_flow(owner.flow).route {
            Route::Proxy4(_) if endpoint != NONE => {
                let ended = crate::balance::Ended { picked: at(picked), now, failed: false };
                self.layer4_done(owner.flow, worker, endpoint, ended);
            }
            Route::ClusterIp | Route::Proxy7(_) if self.plan.keeps_entries() => {
                let hot = &self.plan.hot[owner.flow as usize];
                let node = match self.plan_flow(owner.flow).route {
                    _ if hot.way_in => self.gate_of_kept(connection),
                    Route::ClusterIp => self.node_of_client(hot, owner.flow, owner.number),
                    _ => NONE,
                };
                if node != NONE {
                    let entry = self.entries.left(connection);
                    self.tell_kube_proxy_of(owner.flow, node, entry, now);
                }
            }
            _ => {}
        }
    }

    /// When a connection ends if nothing happens, and why.
    fn due(&mut self, connection: u32) -> (u64, End) {
        let life = *self.life(connection);
        let spec = self.kept_as(connection);
        let after = |from: u64, limit: Option<SimDuration>| {
            limit.map_or(u64::MAX, |limit| from.saturating_add(limit.as_nanos()))
        };
        if life.state == State::Draining {
            return (after(life.ends_at, spec.keeping.max_age_grace), End::Reset);
        }
        let mut first = (life.ends_at, End::Age);
        if life.active == 0 {
            let flow = if life.answered { UDP_STREAM } else { UDP_UNREPLIED };
            let own = if spec.protocol == Protocol::Udp { Some(flow) } else { spec.keeping.idle_timeout };
            for end in [
                (after(life.idle_since, own), End::Idle),
                (after(life.idle_since, spec.keeping.server_idle_timeout), End::IdleAtServer),
            ] {
                if end.0 < first.0 {
                    first = end;
                }
            }
        }
        first
    }

    pub(super) fn set_timer(&mut self, connection: u32, now: SimTime, schedule: &mut Schedule) {
        if self.life(connection).pending {
            return;
        }
        let (due, _) = self.due(connection);
        if due < u64::MAX {
            self.life(connection).pending = true;
            schedule.at(at(due).max(now), Rank::Timeout, kind::CONNECTION_TIMER, connection);
        }
    }

    /// The timer of a connection has run; it may be in use by now, or closed.
    #[inline(never)]
    pub(crate) fn on_connection_timer(&mut self, connection: u32, now: SimTime, schedule: &mut Schedule) {
        self.life(connection).pending = false;
        let state = self.life(connection).state;
        if state == State::Closed {
            return self.connections.remove(connection);
        }
        let (due, why) = self.due(connection);
        if now.as_nanos() < due {
            return self.set_timer(connection, now, schedule);
        }
        match state {
            State::Draining => self.cut_streams(connection, now, schedule),
            _ if why == End::Age => self.drain(connection, why, now, schedule),
            _ => self.close_kept(connection, why, now, schedule),
        }
    }
}
