//! Connections of a layer-7 proxy to pods: each worker has a pool for each of them.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::plan::{NONE, Route, as_u32};
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::bookkeeping::OWN;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::connection::Connection;
use crate::model::traffic::life::{End, Owner};
use crate::model::{World, at, kind};
use crate::scenario::PoolOrder;
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// The proxy's connection to the pod is open.
    pub(crate) fn on_upstream_connected(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        if entry.failure.is_some() {
            return self.connection_failed(attempt, now, schedule);
        }
        if let Route::Proxy7(_) = self.plan_flow(entry.flow).route {
            let flow = entry.flow;
            self.established(attempt);
            if self.is_kept(flow, true) {
                self.kept_opened(attempt, true, now, schedule);
            }
            return self.forward(self.trip(attempt), now, schedule);
        }
        if entry.request == NONE {
            return self.attempts.remove(attempt);
        }
        self.connection_ready(attempt, now, schedule);
    }

    /// The pool of a proxy's worker to the endpoint of an attempt; flows that pass one worker and keep connections in
    /// the same manner share it.
    pub(super) fn upstream_pool(&mut self, attempt: u32) -> u32 {
        let entry = &self.attempts[attempt];
        let (flow, worker) = (entry.flow, entry.worker);
        let number = as_u32(self.roster.number_of(self.plan, entry.endpoint));
        let manner = self.plan_flow(flow).manner;
        let pool = self.workers[worker as usize].pools.entry(manner, number);
        if *pool == NONE {
            *pool = self.pools.make(Owner { flow, number: worker, upstream: true }, manner);
        }
        *pool
    }

    /// A layer-7 proxy gets a connection to the chosen pod.
    #[inline(never)]
    pub(crate) fn connect_upstream(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let channel = Channel::of(&plan.flows[self.attempts[attempt].flow as usize].upstream);
        match channel {
            Channel::Standing => {
                let entry = &self.attempts[attempt];
                if self.is_barred(entry.flow, (entry.client, NONE), entry.endpoint) {
                    return self.lose_packet(attempt, schedule);
                }
                self.note_reused_by(attempt, true);
                return self.forward(self.trip(attempt), now, schedule);
            }
            Channel::Kept => return self.go_kept(attempt, true, now, schedule),
            Channel::PerRequest => {}
            Channel::Pooled { limit, order, .. } => {
                let pool = self.upstream_pool(attempt);
                let pool = &mut self.pools[pool];
                let idle = match order {
                    PoolOrder::Lifo => pool.idle.pop_back(),
                    PoolOrder::Fifo => pool.idle.pop_front(),
                };
                if let Some(connection) = idle {
                    self.attempts[attempt].upstream = connection;
                    self.note_reused_by(attempt, true);
                    return self.forward(self.trip(attempt), now, schedule);
                }
                if pool.open >= limit {
                    pool.waiters.join(attempt, &mut self.attempts);
                    self.attempts[attempt].stage = Stage::UpstreamPool;
                    self.attempts[attempt].since = now.as_nanos();
                    return;
                }
                pool.open += 1;
                let connection = Connection::simple(self.attempts[attempt].endpoint, NONE, 0);
                self.attempts[attempt].upstream = self.connections.insert(connection);
            }
        }
        self.open_upstream(attempt, now, schedule);
    }

    /// A proxy opens a connection to the chosen pod.
    pub(super) fn open_upstream(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let endpoint = self.attempts[attempt].endpoint;
        self.endpoints[endpoint as usize].connections += 1;
        if self.tracking.is_some() && !self.admitted(attempt, true, SimDuration::ZERO, now, schedule) {
            return;
        }
        self.shake_hands_upstream(attempt, now, schedule);
    }

    /// The handshake of a proxy with a pod.
    pub(super) fn shake_hands_upstream(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (worker, endpoint) = (self.attempts[attempt].worker, self.attempts[attempt].endpoint);
        let to = self.roster.endpoints[endpoint as usize].node;
        if self.loses_syn(attempt, now) {
            return self.lose_syn(attempt, schedule);
        }
        let delay = self.handshake(attempt, (plan.workers[worker as usize].node, to), 2, now);
        if !self.answers(attempt, kind::UPSTREAM_CONNECTED, delay, schedule) {
            return;
        }
        if !self.is_kept(self.attempts[attempt].flow, true) {
            self.note_opened(attempt, true);
        }
        if delay.is_zero() {
            self.on_upstream_connected(attempt, now, schedule);
        } else {
            schedule.after(delay, Rank::Completion, kind::UPSTREAM_CONNECTED, attempt);
        }
    }

    /// Whether the proxy's connection to a pod cannot be used again.
    fn lost_upstream(&self, attempt: u32) -> bool {
        self.roster.is_dead(self.attempts[attempt].endpoint)
    }

    /// A proxy has one connection less: all who wait for it may open others.
    fn replace_upstream(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let pool = self.upstream_pool(attempt);
        self.pools[pool].open -= 1;
        while let Some(waiter) = self.pools[pool].waiters.leave(&mut self.attempts) {
            let waited = now - at(self.attempts[waiter].since);
            let column = self.plan_flow(self.attempts[waiter].flow).layout.pool_wait;
            self.charge(waiter, column, waited);
            self.attempts[waiter].stage = Stage::Going;
            schedule.at(now, Rank::Completion, kind::UPSTREAM_GO, waiter);
        }
    }

    /// The proxy has the reply: its connection goes to the next in line or into the pool.
    #[inline(never)]
    pub(crate) fn release_upstream(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.is_kept(self.attempts[attempt].flow, true) {
            return self.release_kept(attempt, true, now, schedule);
        }
        if self.attempts[attempt].upstream == OWN {
            self.close_own(attempt, true, End::Requests, now);
        }
        let connection = std::mem::replace(&mut self.attempts[attempt].upstream, NONE);
        if connection == NONE {
            return;
        }
        let failure = self.attempts[attempt].failure;
        let broke = self.control.is_some() && failure.is_some() && self.lost_upstream(attempt);
        if broke || failure == Some(FailureCause::ConnectTimeout) {
            let unopened = matches!(
                failure,
                Some(
                    FailureCause::Refused
                        | FailureCause::WrongPod
                        | FailureCause::ConnectTimeout
                        | FailureCause::PortExhaustion
                        | FailureCause::ConntrackFull
                )
            );
            // One that was not opened is in the books already.
            if !unopened {
                self.note_end_of(attempt, true, (End::Reset, true), now);
            }
            self.connections.remove(connection);
            return self.replace_upstream(attempt, now, schedule);
        }
        let pool = self.upstream_pool(attempt);
        let Some(waiter) = self.pools[pool].waiters.leave(&mut self.attempts) else {
            self.pools[pool].idle.push_back(connection);
            return;
        };
        let waited = now - at(self.attempts[waiter].since);
        let column = self.plan_flow(self.attempts[waiter].flow).layout.pool_wait;
        self.charge(waiter, column, waited);
        if self.probes.any_flow {
            self.watch_pooled(waiter, true, now);
        }
        self.attempts[waiter].stage = Stage::Going;
        self.attempts[waiter].upstream = connection;
        self.note_reused_by(waiter, true);
        schedule.at(now, Rank::Completion, kind::UPSTREAM_CONNECTED, waiter);
    }
}
