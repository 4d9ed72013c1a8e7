//! Opening a connection: a port and entries in the nodes' tables, SYNs until somebody answers, a round trip, TLS.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::network::tracking::Leaving;
use crate::model::plan::{NONE, Route};
use crate::model::random_keys::CONNECT;
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::life::{End, Owner};
use crate::model::{World, at, kind};
use crate::random::mix;
use crate::scenario::Protocol;
use crate::time::{SimDuration, SimTime};

/// How long a layer-7 proxy tries to connect (Envoy's `connect_timeout`).
const PROXY_CONNECT_TIMEOUT: SimDuration = SimDuration::from_secs(5);

/// What a connection that is being opened holds, in `joins` of its attempt.
const PORT: u32 = 1;
const ENTRIES: u32 = 2;
/// It waits for a port of a NAT.
pub(super) const WAITS: u32 = 4;

/// Where a connection leads, for the tables of nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Far {
    pub(super) endpoint: u32,
    pub(super) worker: u32,
    /// The node that took it in from outside, if one did.
    pub(super) gate: u32,
}

impl World<'_> {
    /// One round trip between two nodes, drawn for this attempt, and TLS where there is; both enter the ledger.
    pub(super) fn handshake(&mut self, attempt: u32, ends: (u32, u32), which: u64, now: SimTime) -> SimDuration {
        let round_trip = self.round_trip_of_handshake(attempt, ends, which, now);
        round_trip + self.tls(attempt, round_trip, which, now)
    }

    /// The same without TLS.
    pub(super) fn round_trip_of_handshake(
        &mut self,
        attempt: u32,
        (from, to): (u32, u32),
        which: u64,
        now: SimTime,
    ) -> SimDuration {
        let spec = self.plan_flow(self.attempts[attempt].flow);
        if self.plan.topology.is_free() || spec.free_handshakes {
            if self.probes.any_flow {
                self.watch_connect(attempt, (from, to), which != 0, 0);
            }
            return SimDuration::ZERO;
        }
        let class = self.plan.class_of(self.attempts[attempt].flow, (from, to));
        let key = mix(self.attempts[attempt].base ^ CONNECT, which);
        let there = self.plan.delay(class, (from, to), key, now);
        let back = self.plan.delay(class, (to, from), mix(key, 1), now + there);
        self.charge(attempt, spec.layout.connect, there + back);
        if self.probes.any_flow {
            self.watch_connect(attempt, (from, to), which != 0, (there + back).as_nanos());
        }
        there + back
    }

    /// What TLS takes on top of a round trip: through a layer-4 proxy it goes all the way to the pod.
    pub(super) fn tls(&mut self, attempt: u32, round_trip: SimDuration, which: u64, now: SimTime) -> SimDuration {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let through = matches!(spec.route, Route::Proxy4(_));
        let settings = if which == 0 || through { spec.flow.connections.tls } else { spec.upstream.tls };
        let Some(tls) = settings.filter(|_| !spec.free_handshakes && (which != 0 || !through)) else {
            return SimDuration::ZERO;
        };
        let mut path = round_trip;
        if through && !self.plan.topology.is_free() {
            let client = self.node_of_client(&self.plan.hot[entry.flow as usize], entry.flow, entry.client);
            let ends = (client, self.plan.workers[entry.worker as usize].node);
            let class = self.plan.topology.class(ends.0, ends.1);
            let key = mix(entry.base ^ CONNECT, 0);
            path += self.plan.delay(class, ends, key, now) + self.plan.delay(class, ends, mix(key, 1), now);
        }
        let mut took = tls.cpu;
        for _ in 0..tls.round_trips {
            took += path;
        }
        self.charge(attempt, spec.layout.tls, took);
        if self.probes.any_flow {
            self.watch_tls(attempt, took.as_nanos());
        }
        took
    }

    /// The nodes at both ends of a connection, as far as they are nodes: what is outside has no table here.
    fn ends(&self, owner: Owner, far: Far) -> (u32, u32) {
        let plan = self.plan;
        let inside = |node: u32| if node == plan.topology.outside() { NONE } else { node };
        let pod =
            |endpoint: u32| self.roster.endpoints.get(endpoint as usize).map_or(NONE, |endpoint| inside(endpoint.node));
        let worker = |worker: u32| plan.workers.get(worker as usize).map_or(NONE, |worker| worker.node);
        if owner.upstream {
            return (worker(owner.number), pod(far.endpoint));
        }
        let hot = &plan.hot[owner.flow as usize];
        let client = if hot.way_in { far.gate } else { self.node_of_client(hot, owner.flow, owner.number) };
        match plan.flows[owner.flow as usize].route {
            Route::Proxy4(_) | Route::Proxy7(_) => (client, worker(far.worker)),
            _ => (client, pod(far.endpoint)),
        }
    }

    /// Source address and destination of a connection, as far as ports are concerned.
    fn tuple(&self, owner: Owner, far: Far) -> (u32, u64) {
        let plan = self.plan;
        let spec = &plan.flows[owner.flow as usize];
        let instance = |worker: u32| {
            let proxy = plan.workers.get(worker as usize).map_or(0, |worker| worker.proxy) as usize;
            let first = plan.proxies.get(proxy).map_or(0, |proxy| proxy.first_worker);
            let each = plan.scenario.proxies.get(proxy).map_or(1, |proxy| proxy.workers);
            first + worker.saturating_sub(first) / each * each
        };
        let to_pod = (1 << 40) | u64::from(far.endpoint);
        if owner.upstream {
            // No address of a client is so high.
            return (u32::MAX - instance(owner.number), to_pod);
        }
        let client = spec.addresses.of(owner.number);
        let destination = match spec.route {
            Route::Proxy4(_) | Route::Proxy7(_) => (2 << 40) | u64::from(instance(far.worker)),
            Route::ClusterIp if !spec.first_address && plan.scenario.services[spec.flow.service].pod.is_none() => {
                (3 << 40) | spec.flow.service as u64
            }
            _ => to_pod,
        };
        (client, destination)
    }

    pub(super) fn far_of(&self, attempt: u32) -> Far {
        let entry = &self.attempts[attempt];
        let way_in = self.plan.hot[entry.flow as usize].way_in;
        let gate = if way_in { self.gate_of(attempt).node } else { NONE };
        Far { endpoint: entry.endpoint, worker: entry.worker, gate }
    }

    /// Whether a new connection of an attempt gets a port and entries in the tables of both nodes. If not, the attempt
    /// fails, or sends its SYN again.
    #[inline(never)]
    pub(super) fn admitted(
        &mut self,
        attempt: u32,
        upstream: bool,
        walk: SimDuration,
        now: SimTime,
        schedule: &mut Schedule,
    ) -> bool {
        let owner = self.opener(attempt, upstream);
        let far = self.far_of(attempt);
        let (near_node, far_node) = self.ends(owner, far);
        let (source, destination) = self.tuple(owner, far);
        let Some(tracking) = &mut self.tracking else { return true };
        if self.attempts[attempt].joins & PORT == 0 {
            // Ports of hosts outside are not the cluster's.
            let own = !self.plan.hot[owner.flow as usize].way_in || upstream;
            if own && !tracking.take_port(near_node, source, destination, now) {
                self.count_exhausted(owner);
                self.fail_opening(attempt, upstream, FailureCause::PortExhaustion, now, schedule);
                return false;
            }
            self.attempts[attempt].joins |= PORT;
        }
        let tracking = self.tracking.as_mut().expect("it was there");
        let near = near_node == NONE || tracking.enter(near_node, now);
        let both = near && (far_node == near_node || far_node == NONE || tracking.enter(far_node, now));
        if both {
            self.attempts[attempt].joins |= ENTRIES;
            return true;
        }
        if near && near_node != NONE {
            tracking.leave(near_node, Leaving::Forgotten, now);
        }
        self.count_table_full(owner);
        if self.plan_flow(owner.flow).flow.connections.protocol == Protocol::Udp {
            self.connect_in_vain(attempt, schedule);
            return false;
        }
        if self.attempts[attempt].step == 0 {
            self.attempts[attempt].since = (now + walk).as_nanos();
        }
        self.attempts[attempt].failure = None;
        self.send_syn_again(attempt, upstream, FailureCause::ConntrackFull, schedule);
        false
    }

    fn fail_opening(
        &mut self,
        attempt: u32,
        upstream: bool,
        cause: FailureCause,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let spec = self.plan_flow(self.attempts[attempt].flow);
        let place = match spec.route {
            Route::Proxy7(proxy) if upstream => self.plan.proxies[proxy as usize].place,
            _ => spec.place,
        };
        if upstream {
            let entry = &mut self.attempts[attempt];
            (entry.failure, entry.place) = (Some(cause), place);
            return self.connection_failed(attempt, now, schedule);
        }
        self.refuse(attempt, cause, place, now, schedule);
    }

    /// Nobody answered a SYN that was just sent.
    pub(crate) fn drop_syn(&mut self, attempt: u32, schedule: &mut Schedule) {
        let spec = self.plan_flow(self.attempts[attempt].flow);
        let upstream = matches!(spec.route, Route::Proxy7(_)) && self.attempts[attempt].endpoint != NONE;
        if self.attempts[attempt].step == 0 {
            self.attempts[attempt].since = schedule.now().as_nanos();
        }
        self.send_syn_again(attempt, upstream, FailureCause::ConnectTimeout, schedule);
    }

    /// The next SYN by the kernel's schedule, unless whoever connects gives up before.
    pub(super) fn send_syn_again(
        &mut self,
        attempt: u32,
        upstream: bool,
        cause: FailureCause,
        schedule: &mut Schedule,
    ) {
        if self.probes.any_flow {
            self.watch_syn_lost(attempt, cause, schedule.now());
        }
        let spec = self.plan_flow(self.attempts[attempt].flow);
        let (syns, last) = self.plan.scenario.cluster.kernel.syns();
        let last = SimDuration::from_secs(last);
        let own = if upstream { spec.upstream.connect_timeout } else { spec.flow.connections.connect_timeout };
        let usual = if upstream { PROXY_CONNECT_TIMEOUT } else { last };
        let limit = own.unwrap_or(usual).min(last);
        let entry = &mut self.attempts[attempt];
        let next = syns.get(entry.step as usize).map(|secs| SimDuration::from_secs(*secs));
        entry.stage = Stage::Going;
        let since = at(entry.since);
        match next.filter(|next| *next < limit) {
            Some(next) => {
                entry.step += 1;
                schedule.at(since + next, Rank::Completion, kind::SYN_AGAIN, attempt);
            }
            None => {
                // What dropped the last one is why it failed.
                entry.failure = Some(cause);
                schedule.at(since + limit, Rank::Timeout, kind::CONNECT_TIMEOUT, attempt);
            }
        }
    }

    /// It is time for another SYN.
    #[inline(never)]
    pub(crate) fn on_syn_again(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let upstream = matches!(spec.route, Route::Proxy7(_)) && entry.endpoint != NONE;
        if entry.request == NONE && !upstream {
            return self.attempts.remove(attempt);
        }
        if !upstream && self.rides_what_stands(attempt, now, schedule) {
            return;
        }
        self.count_retransmission(self.opener(attempt, upstream));
        let entry = &self.attempts[attempt];
        if self.plan.hot[entry.flow as usize].way_in && entry.endpoint == NONE && entry.worker == NONE {
            return self.enter_again(attempt, now, schedule);
        }
        if spec.route == Route::ClusterIp && entry.endpoint == NONE {
            return self.ask_rules_again(attempt, now, schedule);
        }
        if self.loses_syn(attempt, now) {
            return self.drop_syn(attempt, schedule);
        }
        let behind = upstream || matches!(spec.route, Route::Proxy4(_)) && self.attempts[attempt].endpoint != NONE;
        // A proxy answers wherever it stands.
        let to_proxy = self.plan.loses_packets() && self.attempts[attempt].endpoint == NONE;
        let event = if behind { kind::UPSTREAM_CONNECTED } else { kind::CONNECTED };
        let waited_for_port = self.attempts[attempt].joins & WAITS != 0;
        if waited_for_port && !self.take_port(attempt, (now, SimDuration::ZERO), schedule) {
            return;
        }
        if self.tracking.is_none() || self.attempts[attempt].joins & ENTRIES != 0 {
            // Nobody answered the one before; by now the address may be another's.
            if !to_proxy && !self.answers(attempt, event, SimDuration::ZERO, schedule) {
                return;
            }
        } else if !self.admitted(attempt, upstream, SimDuration::ZERO, now, schedule) {
            return;
        }
        let waited = now - at(self.attempts[attempt].since);
        self.charge(attempt, spec.layout.connect, waited);
        if self.probes.any_flow && !waited_for_port {
            self.watch_syns(attempt, now);
        }
        if upstream {
            return self.shake_hands_upstream(attempt, now, schedule);
        }
        if self.plan.loses_packets() {
            if behind {
                return self.shake_hands_behind(attempt, now, schedule);
            }
            // It is the one that stands, if one does.
            self.stand_again(attempt);
        }
        self.shake_hands(attempt, SimDuration::ZERO, now, schedule);
    }

    /// A connection is open: what it held while it was being opened is its own now.
    #[inline(always)]
    pub(super) fn established(&mut self, attempt: u32) {
        if self.tracking.is_some() || self.control.is_some() || self.ways.is_some() {
            let entry = &mut self.attempts[attempt];
            (entry.joins, entry.step) = (0, 0);
        }
    }

    /// A connection was not opened after all.
    pub(super) fn give_back(&mut self, attempt: u32, upstream: bool, now: SimTime) {
        let held = self.attempts[attempt].joins;
        if self.tracking.is_none() || held & PORT == 0 || self.attempts[attempt].stage != Stage::Going {
            return;
        }
        if held & ENTRIES != 0 && !upstream {
            self.leave_unanswered(attempt, now);
        }
        (self.attempts[attempt].joins, self.attempts[attempt].step) = (0, 0);
        let spec = self.plan_flow(self.attempts[attempt].flow);
        let how = if spec.flow.connections.protocol == Protocol::Udp {
            Leaving::Datagram
        } else if self.attempts[attempt].failure == Some(FailureCause::Refused) {
            Leaving::Reset
        } else {
            Leaving::Unanswered
        };
        let (owner, far) = (self.opener(attempt, upstream), self.far_of(attempt));
        self.leave_tables(owner, far, how, held & ENTRIES != 0, now);
    }

    /// Whether a new connection through kube-proxy has the source port of one that nobody answered: the table of the
    /// client's node takes it for that one, and sends it to the same endpoint.
    #[inline(never)]
    pub(super) fn is_mistaken(&mut self, attempt: u32, now: SimTime) -> bool {
        if !self.has_walked_port(attempt) {
            return false;
        }
        let pair = self.tuple(self.opener(attempt, false), self.far_of(attempt));
        let walks = self.tracking.as_mut().and_then(|tracking| tracking.walks.as_mut());
        let Some(endpoint) = walks.and_then(|walks| walks.take(pair, attempt, now)) else { return false };
        self.endpoints[endpoint as usize].connections += 1;
        let entry = &mut self.attempts[attempt];
        (entry.endpoint, entry.picked) = (endpoint, now.as_nanos());
        if self.probes.any_flow {
            self.watch_mistaken(attempt, endpoint);
        }
        true
    }

    /// Whether an attempt connects by TCP to the address of a Service, whose packets a node gives another.
    fn has_walked_port(&self, attempt: u32) -> bool {
        let spec = self.plan_flow(self.attempts[attempt].flow);
        let service = &self.plan.scenario.services[spec.flow.service];
        spec.route == Route::ClusterIp
            && !spec.first_address
            && service.pod.is_none()
            && !service.loopback
            && spec.flow.way_in.is_none()
            && spec.flow.connections.protocol != Protocol::Udp
    }

    /// The SYNs of a connection through kube-proxy were not answered, if it was such a one: its port is remembered.
    fn leave_unanswered(&mut self, attempt: u32, now: SimTime) {
        let walked = self.tracking.as_deref().is_some_and(|tracking| tracking.walks.is_some());
        let entry = &self.attempts[attempt];
        let failed_so = matches!(entry.failure, None | Some(FailureCause::ConnectTimeout));
        // Of what has another way the endpoint may not be known yet.
        if !walked || !failed_so || !self.has_walked_port(attempt) || !self.is_silent(attempt) {
            return;
        }
        let (endpoint, pair) = (entry.endpoint, self.tuple(self.opener(attempt, false), self.far_of(attempt)));
        if let Some(walks) = self.tracking.as_mut().and_then(|tracking| tracking.walks.as_mut()) {
            walks.leave_unanswered(pair, attempt, endpoint, now);
        }
    }

    /// An open connection ends, as far as the tables of nodes are concerned.
    #[inline(never)]
    pub(super) fn leave_tracks(&mut self, owner: Owner, far: Far, why: End, now: SimTime) {
        let how = match why {
            End::IdleAtServer | End::Age => Leaving::ByOther,
            End::Reset => Leaving::Reset,
            End::Failed => Leaving::Unanswered,
            End::Idle | End::Requests | End::GivenUp => Leaving::ByOpener,
        };
        let datagrams = self.plan_flow(owner.flow).flow.connections.protocol == Protocol::Udp;
        let how = match self.flows[owner.flow as usize].channel {
            // A port of its own for a request and its answer.
            Channel::PerRequest if datagrams => Leaving::Datagram,
            // A flow that lasts ends when its entries expire.
            _ if datagrams => Leaving::Forgotten,
            _ => how,
        };
        self.leave_tables(owner, far, how, true, now);
    }

    fn leave_tables(&mut self, owner: Owner, far: Far, how: Leaving, entries: bool, now: SimTime) {
        let (near_node, far_node) = self.ends(owner, far);
        let (source, destination) = self.tuple(owner, far);
        let Some(tracking) = &mut self.tracking else { return };
        if owner.upstream || !self.plan.hot[owner.flow as usize].way_in {
            tracking.give_port(source, destination, how, now);
        }
        if entries {
            if near_node != NONE {
                tracking.leave(near_node, how, now);
            }
            if far_node != near_node && far_node != NONE {
                tracking.leave(far_node, how, now);
            }
        }
    }

    /// A connection stands before the run, with its port and entries.
    pub(super) fn track_standing(&mut self, owner: Owner, far: Far) {
        let (near_node, far_node) = self.ends(owner, far);
        let (source, destination) = self.tuple(owner, far);
        let Some(tracking) = &mut self.tracking else { return };
        if owner.upstream || !self.plan.hot[owner.flow as usize].way_in {
            tracking.take_port(near_node, source, destination, SimTime::ZERO);
        }
        if near_node != NONE {
            tracking.enter(near_node, SimTime::ZERO);
        }
        if far_node != near_node && far_node != NONE {
            tracking.enter(far_node, SimTime::ZERO);
        }
    }
}
