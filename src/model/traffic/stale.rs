//! The race of idle connections: a request meets one that the other end has just closed.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::plan::{NONE, Route};
use crate::model::random_keys::HOP;
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::life::End;
use crate::model::traffic::route::Hop;
use crate::model::{World, at, kind};
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// From sending to the first that can come back, of the attempt's own hops.
    pub(super) fn round_trip(&self, attempt: u32, upstream: bool) -> SimDuration {
        if self.free {
            return SimDuration::ZERO;
        }
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let topology = &self.plan.topology;
        let way = |(from, to): (u32, u32), hops: [Hop; 2]| {
            let class = self.plan.class_of(entry.flow, (from, to));
            let delay = |hop: Hop| topology.delay(class, entry.base ^ HOP[hop as usize]);
            delay(hops[0]) + delay(hops[1])
        };
        let hot = &self.plan.hot[entry.flow as usize];
        let client = self.node_of_client(hot, entry.flow, entry.client);
        let connection = &self.connections[if upstream { entry.upstream } else { entry.connection }];
        let pod = |endpoint: u32| self.roster.endpoints[endpoint as usize].node;
        let endpoint = if connection.endpoint == NONE { entry.endpoint } else { connection.endpoint };
        let proxy = |worker: u32| self.plan.workers[worker as usize].node;
        let behind = |worker: u32| way((proxy(worker), pod(endpoint)), [Hop::ProxyToPod, Hop::PodToProxy]);
        let worker = if connection.worker == NONE { entry.worker } else { connection.worker };
        let from_outside = |to: u32, hops: [Hop; 2]| {
            let gate = self.gate_of(attempt);
            let one_way = |hop: Hop| self.way_delay(entry.flow, gate, entry.base ^ HOP[hop as usize], to);
            one_way(hops[0]) + one_way(hops[1])
        };
        match spec.route {
            Route::Proxy7(_) if upstream => behind(entry.worker),
            Route::Proxy7(_) if hot.way_in => from_outside(proxy(worker), [Hop::ClientToProxy, Hop::ProxyToClient]),
            _ if hot.way_in => from_outside(pod(endpoint), [Hop::ClientToPod, Hop::PodToClient]),
            Route::Proxy4(_) => way((client, proxy(worker)), [Hop::ClientToProxy, Hop::ProxyToClient]) + behind(worker),
            Route::Proxy7(_) => way((client, proxy(worker)), [Hop::ClientToProxy, Hop::ProxyToClient]),
            _ => way((client, pod(endpoint)), [Hop::ClientToPod, Hop::PodToClient]),
        }
    }

    /// The other end has closed the connection, and the news is on its way: what comes back is a reset.
    pub(super) fn meet_closed(
        &mut self,
        attempt: u32,
        connection: u32,
        round_trip: SimDuration,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let owner = self.owner(connection);
        let record = self.connections[connection];
        let entry = &mut self.attempts[attempt];
        if record.endpoint != NONE && !owner.upstream {
            entry.endpoint = record.endpoint;
        }
        if record.worker != NONE {
            entry.worker = record.worker;
        }
        (entry.since, entry.stage) = (now.as_nanos(), Stage::Going);
        *self.held(attempt, owner.upstream) = NONE;
        self.life(connection).active -= 1;
        self.note_stale(owner);
        self.close_kept(connection, End::IdleAtServer, now, schedule);
        if self.probes.any_flow {
            let place = self.place_of_stale(attempt);
            self.watch_stale(attempt, round_trip.as_nanos(), place);
        }
        schedule.after(round_trip, Rank::Completion, kind::STALE, attempt);
    }

    fn place_of_stale(&self, attempt: u32) -> u16 {
        let entry = &self.attempts[attempt];
        match self.plan_flow(entry.flow).route {
            Route::Proxy7(proxy) if entry.endpoint == NONE => self.plan.proxies[proxy as usize].place,
            _ if entry.endpoint == NONE => self.plan_flow(entry.flow).place,
            _ => self.place_of(self.roster.pod_at(entry.endpoint).workload),
        }
    }

    /// The reset reaches whoever sent.
    pub(crate) fn on_stale(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let upstream = matches!(spec.route, Route::Proxy7(_)) && entry.endpoint != NONE;
        if entry.request == NONE && !upstream {
            return self.attempts.remove(attempt);
        }
        let keeping = if upstream { spec.upstream.keeping } else { spec.flow.connections.keeping };
        if keeping.resends {
            let lost = now - at(entry.since);
            self.charge(attempt, spec.layout.wasted, lost);
            return self.take_kept(attempt, upstream, now, schedule);
        }
        let place = self.place_of_stale(attempt);
        let entry = &mut self.attempts[attempt];
        (entry.failure, entry.place, entry.stage) = (Some(FailureCause::Reset), place, Stage::Returning);
        if entry.measured && entry.endpoint != NONE {
            self.endpoints[self.attempts[attempt].endpoint as usize].errors += 1;
        }
        if upstream {
            self.settle_at_proxy(&self.trip(attempt), now, schedule);
            if self.goes_to_next(attempt, now, schedule) {
                return;
            }
            return self.leave_proxy_late(attempt, now, schedule);
        }
        self.on_reply_at_client(attempt, now, schedule);
    }
}
