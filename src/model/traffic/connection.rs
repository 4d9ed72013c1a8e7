//! Connections: opened for a request, taken from a pool, or standing for the whole run.
//!
//! A layer-4 choice (kube-proxy, a layer-4 proxy) is made when a connection opens and holds as long as it stands; that
//! is why connections are records of their own.

use crate::balance::Ended;
use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::plan::{NONE, Route};
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::breakage::BROKEN;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::life::{End, Life};
use crate::model::traffic::route::Trip;
use crate::model::watch::Chooser;
use crate::model::{World, kind};
use crate::scenario::PoolOrder;
use crate::time::{SimDuration, SimTime};

/// A connection of a pool.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Connection {
    /// Where it leads, where that was chosen when it opened.
    pub(crate) endpoint: u32,
    /// The proxy worker it leads to.
    pub(crate) worker: u32,
    /// When that was chosen.
    pub(crate) picked: u64,
    /// What is known of it beyond that, where it is not simply kept.
    pub(crate) life: Life,
}

impl Connection {
    /// One that is simply kept.
    pub(crate) const fn simple(endpoint: u32, worker: u32, picked: u64) -> Self {
        Self { endpoint, worker, picked, life: Life::NONE }
    }
}

impl<'p> World<'p> {
    /// Gets a client connection for an attempt, then sends it on its way.
    #[inline(always)]
    pub(crate) fn connect(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        if trip.hot.express {
            return self.send(trip, now, schedule);
        }
        if trip.hot.kept {
            return self.take_kept(trip.attempt, false, now, schedule);
        }
        self.connect_by_choice(trip.attempt, now, schedule);
    }

    /// The general case of [`Self::connect`].
    #[inline(never)]
    fn connect_by_choice(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let (flow, client, base) = {
            let entry = &self.attempts[attempt];
            (entry.flow, entry.client, entry.base)
        };
        let plan = self.plan;
        let spec = &plan.flows[flow as usize];
        let channel = self.flows[flow as usize].channel;
        if let Some(cause) = spec.flow.fails
            && (spec.names.is_empty() || matches!(channel, Channel::Standing | Channel::Pooled { pinned: true, .. }))
        {
            return self.fail_here(attempt, cause, spec.place, now, schedule);
        }
        match spec.route {
            _ if self.flows[flow as usize].per_connection && channel == Channel::Standing => {
                let pinned = self.flows[flow as usize].pinned.get(client as usize);
                let (worker, endpoint) = pinned.copied().unwrap_or((NONE, BROKEN));
                if endpoint == BROKEN {
                    return self.open_connection(attempt, now, schedule);
                }
                let entry = &mut self.attempts[attempt];
                (entry.worker, entry.endpoint) = (worker, endpoint);
                if let Some(ways) = self.ways.as_deref_mut().filter(|_| spec.flow.way_in.is_some()) {
                    ways.rides(attempt, flow, client);
                }
                if self.probes.any_flow {
                    self.watch_ride(attempt, now);
                }
            }
            _ if self.flows[flow as usize].per_connection => {}
            Route::Proxy7(proxy) | Route::Proxy4(proxy) => {
                self.attempts[attempt].worker = self.choose_worker(flow, proxy, client, base);
            }
            // What the lookup says may have changed, so the choice comes after it.
            _ if channel == Channel::PerRequest && self.control.is_some() && spec.asks_dns() => {}
            _ if !self.choose_by_client(attempt, now) => {
                return self.nothing_to_choose(attempt, channel, now, schedule);
            }
            _ => {}
        }
        match channel {
            Channel::Standing => {
                let entry = &self.attempts[attempt];
                if matches!(spec.route, Route::ClusterIp | Route::Proxy4(_)) && entry.endpoint == NONE {
                    return self.nobody_to_ride_to(attempt, now, schedule);
                }
                let direct = matches!(spec.route, Route::ClusterIp | Route::ClientBalancer);
                if plan.bars && direct && self.is_attempt_barred(attempt) {
                    return self.lose_packet(attempt, schedule);
                }
                self.note_reused_by(attempt, false);
                self.send(self.trip(attempt), now, schedule);
            }
            Channel::PerRequest => self.open_connection(attempt, now, schedule),
            Channel::Pooled { limit, order, .. } => self.take_pooled(attempt, limit, order, now, schedule),
            Channel::Kept => self.take_kept(attempt, false, now, schedule),
        }
    }

    /// The client's balancer has no endpoint: behind a headless Service without pods, not even a name.
    #[inline(never)]
    fn nothing_to_choose(&mut self, attempt: u32, channel: Channel, now: SimTime, schedule: &mut Schedule) {
        let spec = self.plan_flow(self.attempts[attempt].flow);
        match spec.flow.fails {
            // No pool has a place for it, so only a connection of its own is looked up for.
            Some(_) if channel == Channel::PerRequest => self.look_up(attempt, now, schedule),
            fails => {
                let cause = fails.unwrap_or(self.without_endpoints(attempt));
                self.fail_here(attempt, cause, spec.place, now, schedule);
            }
        }
    }

    #[inline(never)]
    fn take_pooled(&mut self, attempt: u32, limit: u32, order: PoolOrder, now: SimTime, schedule: &mut Schedule) {
        let pool = self.own_pool(attempt);
        let pool = &mut self.pools[pool];
        let idle = match order {
            PoolOrder::Lifo => pool.idle.pop_back(),
            PoolOrder::Fifo => pool.idle.pop_front(),
        };
        if let Some(connection) = idle {
            self.ride(attempt, connection, now, schedule);
        } else if pool.open < limit {
            pool.open += 1;
            self.open_connection(attempt, now, schedule);
        } else {
            pool.waiters.join(attempt, &mut self.attempts);
            self.attempts[attempt].stage = Stage::ClientPool;
            self.attempts[attempt].since = now.as_nanos();
        }
    }

    /// Uses an open connection of the pool.
    pub(super) fn ride(&mut self, attempt: u32, connection: u32, now: SimTime, schedule: &mut Schedule) {
        let Connection { endpoint, worker, picked, .. } = self.connections[connection];
        let entry = &mut self.attempts[attempt];
        entry.connection = connection;
        if endpoint != NONE {
            (entry.endpoint, entry.picked) = (endpoint, picked);
        }
        if worker != NONE {
            entry.worker = worker;
        }
        self.note_reused_by(attempt, false);
        if self.probes.any_flow {
            self.watch_ride(attempt, now);
        }
        // A connection pinned before the run to a Service without endpoints leads nowhere.
        let trip = self.trip(attempt);
        if trip.endpoint == NONE && matches!(self.plan_flow(trip.flow).route, Route::ClusterIp | Route::Proxy4(_)) {
            return self.nobody_to_ride_to(attempt, now, schedule);
        }
        self.send(trip, now, schedule);
    }

    /// Opens a connection, once the client knows the address.
    #[inline(always)]
    pub(super) fn open_connection(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.dns.is_some() && !self.plan_flow(self.attempts[attempt].flow).names.is_empty() {
            return self.look_up(attempt, now, schedule);
        }
        self.open_resolved(attempt, now, schedule);
    }

    /// Opens a connection: the choice of layer 4 is made, the handshake costs one round trip.
    #[inline(never)]
    pub(crate) fn open_resolved(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, client, base) = {
            let entry = &self.attempts[attempt];
            (entry.flow, entry.client, entry.base)
        };
        let spec = &plan.flows[flow as usize];
        if spec.flow.way_in.is_some() {
            return self.open_from_outside(attempt, now, schedule);
        }
        let by_rules = spec.route == Route::ClusterIp && !spec.first_address;
        if by_rules && plan.services[spec.flow.service].changes && !self.knows_the_way(attempt, now, schedule) {
            return;
        }
        let mut walk = SimDuration::ZERO;
        match spec.route {
            Route::ClusterIp if by_rules && self.tracking.is_some() && self.is_mistaken(attempt, now) => {}
            Route::ClusterIp => match self.direct_pick(flow, client, now) {
                Some(choice) => {
                    let entry = &mut self.attempts[attempt];
                    (entry.endpoint, entry.picked) = (choice.endpoint, now.as_nanos());
                    if self.probes.picks {
                        self.watch_pick(attempt, choice.endpoint, Chooser::KubeProxy, true, now);
                    }
                    if !plan.services[spec.flow.service].drawn {
                        walk = self.let_in(attempt, &choice);
                    }
                }
                None if spec.first_address => {
                    return self.refuse(attempt, self.without_endpoints(attempt), spec.place, now, schedule);
                }
                None => return self.nobody_there(attempt, now, schedule),
            },
            Route::ClientBalancer => {
                if self.attempts[attempt].endpoint == NONE && !self.choose_by_client(attempt, now) {
                    return self.refuse(attempt, self.without_endpoints(attempt), spec.place, now, schedule);
                }
                let endpoint = self.attempts[attempt].endpoint;
                self.endpoints[endpoint as usize].connections += 1;
            }
            Route::Proxy4(proxy) | Route::Proxy7(proxy) => {
                if self.attempts[attempt].worker == NONE {
                    self.attempts[attempt].worker = self.choose_worker(flow, proxy, client, base);
                }
            }
        }
        self.open_to(attempt, walk, now, schedule);
    }

    /// Opens a connection to where it leads: a port, entries in the nodes' tables, the handshake.
    pub(super) fn open_to(&mut self, attempt: u32, walk: SimDuration, now: SimTime, schedule: &mut Schedule) {
        let counted = self.plan.hot[self.attempts[attempt].flow as usize].counted;
        if counted && !self.take_port(attempt, (now, walk), schedule) {
            return;
        }
        self.stand_again(attempt);
        if self.tracking.is_some() && !self.admitted(attempt, false, walk, now, schedule) {
            return self.break_again(attempt);
        }
        self.shake_hands(attempt, walk, now, schedule);
    }

    /// The handshake: at its end the connection is open, if somebody answers.
    pub(super) fn shake_hands(&mut self, attempt: u32, walk: SimDuration, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (spec, hot) = (self.plan_flow(entry.flow), &self.plan.hot[entry.flow as usize]);
        if hot.way_in {
            return self.shake_hands_outside(attempt, walk, now, schedule);
        }
        let from = self.node_of_client(hot, entry.flow, entry.client);
        let to = match spec.route {
            Route::Proxy4(_) | Route::Proxy7(_) => self.plan.workers[entry.worker as usize].node,
            _ => self.roster.endpoints[entry.endpoint as usize].node,
        };
        if self.loses_syn(attempt, now) {
            self.lose_syn(attempt, schedule);
            return self.break_again(attempt);
        }
        let direct = matches!(spec.route, Route::ClusterIp | Route::ClientBalancer);
        if direct && self.is_silent(attempt) {
            // No round trip passes.
            if self.probes.any_flow {
                self.watch_connect(attempt, (from, to), false, 0);
            }
            self.attempts[attempt].place = self.place_of(self.roster.pod_at(self.attempts[attempt].endpoint).workload);
            self.lose_packet(attempt, schedule);
            return self.break_again(attempt);
        }
        let round_trip = self.round_trip_of_handshake(attempt, (from, to), 0, now);
        if direct && !self.answers(attempt, kind::CONNECTED, round_trip + walk, schedule) {
            return self.break_again(attempt);
        }
        let delay = round_trip + self.tls(attempt, round_trip, 0, now) + walk;
        if delay.is_zero() {
            self.on_connected(attempt, now, schedule);
        } else {
            schedule.after(delay, Rank::Completion, kind::CONNECTED, attempt);
        }
    }

    /// A standing connection that broke is opened anew; who comes meanwhile uses the same.
    pub(super) fn stand_again(&mut self, attempt: u32) {
        let entry = &self.attempts[attempt];
        let (flow, client, choice) = (entry.flow as usize, entry.client as usize, (entry.worker, entry.endpoint));
        if self.flows[flow].channel == Channel::Standing && self.flows[flow].per_connection && choice.1 != NONE {
            let pinned = &mut self.flows[flow].pinned;
            if pinned.len() <= client {
                pinned.resize(client + 1, (NONE, BROKEN));
            }
            pinned[client] = choice;
        }
    }

    /// Whether the standing connection of an attempt's client is the one that it opened.
    fn stands_as(&self, attempt: u32) -> bool {
        let entry = &self.attempts[attempt];
        let own = &self.flows[entry.flow as usize];
        let pinned = own.pinned.get(entry.client as usize);
        own.channel == Channel::Standing && own.per_connection && pinned == Some(&(entry.worker, entry.endpoint))
    }

    /// Another request of the client opened its standing connection while the SYNs of this one got no answer: it goes
    /// over that one.
    pub(super) fn rides_what_stands(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) -> bool {
        let entry = &self.attempts[attempt];
        let own = &self.flows[entry.flow as usize];
        if own.channel != Channel::Standing || !own.per_connection {
            return false;
        }
        let Some((worker, endpoint)) = own.pinned.get(entry.client as usize).copied().filter(|own| leads_on(*own))
        else {
            return false;
        };
        let waited = now - crate::model::at(entry.since);
        let column = self.plan_flow(entry.flow).layout.connect;
        self.give_back(attempt, false, now);
        self.charge(attempt, column, waited);
        if self.probes.any_flow {
            self.watch_syns(attempt, now);
        }
        let entry = &mut self.attempts[attempt];
        (entry.worker, entry.endpoint, entry.joins, entry.step) = (worker, endpoint, 0, 0);
        let (flow, client) = (entry.flow, entry.client);
        if let Some(ways) = self.ways.as_deref_mut().filter(|_| self.plan.hot[flow as usize].way_in) {
            ways.rides(attempt, flow, client);
        }
        if self.probes.any_flow {
            self.watch_ride(attempt, now);
        }
        self.note_reused_by(attempt, false);
        self.send(self.trip(attempt), now, schedule);
        true
    }

    /// It cannot be: the next request tries again.
    pub(super) fn break_again(&mut self, attempt: u32) {
        let entry = &self.attempts[attempt];
        if let Some(pinned) = self.flows[entry.flow as usize].pinned.get_mut(entry.client as usize) {
            pinned.1 = BROKEN;
        }
    }

    /// The connection could not be opened: its place in the pool is free again.
    pub(crate) fn refuse(
        &mut self,
        attempt: u32,
        cause: FailureCause,
        place: u16,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let entry = &mut self.attempts[attempt];
        (entry.failure, entry.place) = (Some(cause), place);
        self.give_back(attempt, false, now);
        self.note_failed(attempt, false);
        self.leave_unopened(attempt, now);
        self.replace_connection(attempt, now, schedule);
        self.fail_here(attempt, cause, place, now, schedule);
    }

    /// A pool has one connection less: the next in line may open another.
    pub(crate) fn replace_connection(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let flow = self.attempts[attempt].flow;
        if self.is_kept(flow, false) {
            return self.release_kept(attempt, false, now, schedule);
        }
        if let Channel::Pooled { .. } = self.flows[flow as usize].channel {
            let pool = self.own_pool(attempt);
            self.pools[pool].open -= 1;
            if let Some(waiter) = self.next_waiter(pool, now) {
                self.pools[pool].open += 1;
                schedule.at(now, Rank::Completion, kind::GO, waiter);
            }
        }
    }

    /// It is an attempt's turn: it got a connection, or the right to open one.
    pub(crate) fn on_go(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        match (entry.request, entry.connection) {
            (NONE, _) => self.attempts.remove(attempt),
            _ if self.is_kept(entry.flow, false) => self.go_kept(attempt, false, now, schedule),
            (_, NONE) => self.open_connection(attempt, now, schedule),
            (_, connection) => self.ride(attempt, connection, now, schedule),
        }
    }

    /// The client's connection is open.
    pub(crate) fn on_connected(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let flow = entry.flow;
        if entry.request == NONE {
            // The client gave up meanwhile and has already let go of the connection, unless it is one that stands.
            if entry.failure.is_none() && self.stands_as(attempt) {
                self.note_opened(attempt, false);
            }
            return self.attempts.remove(attempt);
        }
        if entry.failure.is_some() {
            return self.connection_failed(attempt, now, schedule);
        }
        let plan = self.plan;
        let spec = &plan.flows[flow as usize];
        if let Route::Proxy4(proxy) = spec.route {
            let worker = self.attempts[attempt].worker;
            let asker = (flow, self.attempts[attempt].client);
            let Some(endpoint) = self.choose_behind(spec.route, worker, asker, now) else {
                let place = plan.proxies[proxy as usize].place;
                return self.refuse(attempt, FailureCause::Refused, place, now, schedule);
            };
            let entry = &mut self.attempts[attempt];
            (entry.endpoint, entry.picked) = (endpoint, now.as_nanos());
            if self.probes.picks {
                self.watch_pick(attempt, endpoint, Chooser::Layer4, true, now);
            }
            return self.shake_hands_behind(attempt, now, schedule);
        }
        self.connection_ready(attempt, now, schedule);
    }

    /// The handshake of a layer-4 proxy with the pod that it chose for a connection.
    pub(super) fn shake_hands_behind(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (worker, endpoint) = (entry.worker as usize, entry.endpoint as usize);
        let to = self.roster.endpoints[endpoint].node;
        self.stand_again(attempt);
        if self.loses_syn(attempt, now) {
            self.lose_syn(attempt, schedule);
            return self.break_again(attempt);
        }
        let delay = self.handshake(attempt, (self.plan.workers[worker].node, to), 2, now);
        if !self.answers(attempt, kind::UPSTREAM_CONNECTED, delay, schedule) {
            return self.break_again(attempt);
        }
        if !delay.is_zero() {
            schedule.after(delay, Rank::Completion, kind::UPSTREAM_CONNECTED, attempt);
            return;
        }
        self.connection_ready(attempt, now, schedule);
    }

    pub(super) fn connection_ready(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.established(attempt);
        let entry = &self.attempts[attempt];
        let (flow, route) = (entry.flow, self.plan_flow(entry.flow).route);
        if self.is_kept(flow, false) {
            self.kept_opened(attempt, false, now, schedule);
        } else {
            self.note_opened(attempt, false);
        }
        if let Channel::Pooled { .. } = self.flows[flow as usize].channel {
            let endpoint = match route {
                Route::ClusterIp | Route::Proxy4(_) => self.attempts[attempt].endpoint,
                Route::ClientBalancer | Route::Proxy7(_) => NONE,
            };
            let entry = &self.attempts[attempt];
            let connection = self.connections.insert(Connection::simple(endpoint, entry.worker, entry.picked));
            self.attempts[attempt].connection = connection;
            if self.plan.keeps_entries() {
                self.entries.pooled(attempt, connection);
            }
            if let Some(ways) = self.ways.as_deref_mut() {
                ways.pooled(attempt, connection);
            }
        }
        self.send(self.trip(attempt), now, schedule);
    }

    /// The attempt is over for the client: its connection goes to the next in line, into the pool, or away.
    #[inline(never)]
    pub(crate) fn release_chosen(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (flow, endpoint, worker) = (entry.flow, entry.endpoint, entry.worker);
        match self.flows[flow as usize].channel {
            Channel::Standing => {}
            Channel::Kept => self.release_kept(attempt, false, now, schedule),
            Channel::PerRequest => match self.close_own(attempt, false, End::Requests, now) {
                _ if self.plan.hot[flow as usize].counted => self.leave_gate(attempt, NONE, now),
                Route::Proxy4(_) if endpoint != NONE => {
                    let ended = self.attempts[attempt].ended(now);
                    self.layer4_done(flow, worker, endpoint, ended);
                }
                Route::ClusterIp if self.plan.keeps_entries() => self.tell_kube_proxy(attempt, NONE, now),
                _ => {}
            },
            Channel::Pooled { .. } => {
                let connection = self.attempts[attempt].connection;
                if connection == NONE {
                    return;
                }
                if self.lost_connection(attempt) {
                    self.note_end_of(attempt, false, (End::Reset, true), now);
                    if self.plan.hot[flow as usize].counted {
                        self.leave_gate(attempt, connection, now);
                    }
                    self.attempts[attempt].connection = NONE;
                    self.connections.remove(connection);
                    return self.replace_connection(attempt, now, schedule);
                }
                self.attempts[attempt].connection = NONE;
                let pool = self.own_pool(attempt);
                if let Some(waiter) = self.next_waiter(pool, now) {
                    // As an event of its own: a chain of instant replies must not become a chain of calls.
                    self.attempts[waiter].connection = connection;
                    schedule.at(now, Rank::Completion, kind::GO, waiter);
                } else {
                    self.pools[pool].idle.push_back(connection);
                }
            }
        }
    }

    /// The client gave up: it closes the connection, and the next in line may open one.
    pub(crate) fn abandon_connection(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (flow, endpoint, worker) = (entry.flow, entry.endpoint, entry.worker);
        let (stage, route) = (entry.stage, self.plan_flow(flow).route);
        let channel = self.flows[flow as usize].channel;
        if !matches!(route, Route::Proxy7(_)) || endpoint == NONE {
            self.give_back(attempt, false, now);
        }
        if channel == Channel::Kept {
            return self.abandon_kept(attempt, now, schedule);
        }
        if stage == Stage::ClientPool || channel == Channel::Standing {
            return;
        }
        if channel == Channel::PerRequest {
            self.close_own(attempt, false, End::GivenUp, now);
        }
        if let Channel::Pooled { .. } = channel {
            // As long as it is known where it came in.
            self.note_end_of(attempt, false, (End::GivenUp, self.attempts[attempt].connection != NONE), now);
        }
        if let Route::Proxy4(_) = route
            && endpoint != NONE
        {
            let ended = Ended { failed: true, ..self.attempts[attempt].ended(now) };
            self.layer4_done(flow, worker, endpoint, ended);
        }
        if self.plan.hot[flow as usize].counted {
            self.leave_gate(attempt, self.attempts[attempt].connection, now);
        } else if route == Route::ClusterIp && self.plan.keeps_entries() {
            self.tell_kube_proxy(attempt, self.attempts[attempt].connection, now);
        }
        if let Channel::Pooled { .. } = channel {
            let connection = std::mem::replace(&mut self.attempts[attempt].connection, NONE);
            if connection != NONE {
                self.connections.remove(connection);
            }
            self.replace_connection(attempt, now, schedule);
        }
    }

    pub(super) fn layer4_done(&mut self, flow: u32, worker: u32, endpoint: u32, ended: Ended) {
        let Route::Proxy4(_) = self.plan_flow(flow).route else { return };
        let worker = &mut self.workers[worker as usize];
        if let Some(place) = worker.programmed.place(endpoint) {
            worker.balancer.done(place, ended);
        }
    }
}

/// Whether a standing connection leads to a pod, or to a worker of a proxy.
const fn leads_on((worker, endpoint): (u32, u32)) -> bool {
    endpoint < BROKEN || endpoint != BROKEN && worker != NONE
}
