//! What the end of a pod does to requests and connections, and what happens to those who still go there.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::{Phase, Pod};
use crate::model::plan::{NONE, Route, as_u32};
use crate::model::slab::Slab;
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::connection::Connection;
use crate::model::traffic::pool::Pools;
use crate::model::traffic::serve::JOINED;
use crate::model::{World, kind};
use crate::scenario::network_policy::From;
use crate::scenario::{Discipline, Protocol};
use crate::time::{SimDuration, SimTime};

/// A standing connection that broke: the next request opens another.
pub(crate) const BROKEN: u32 = NONE - 1;

/// When a lost datagram is forgotten, if its client waits so long.
const LOST: SimDuration = SimDuration::from_secs(131);

impl World<'_> {
    /// Containers of a pod have ended: requests in them are reset, connections to them are closed.
    pub(crate) fn break_containers(&mut self, stations: std::ops::Range<u32>, now: SimTime, schedule: &mut Schedule) {
        self.stop_listening(stations.clone(), now, schedule);
        self.empty_containers(stations, false, now, schedule);
    }

    /// Containers are gone with their node: nobody hears of it, neither who has a request in them nor who has a connection.
    pub(crate) fn lose_containers(&mut self, stations: std::ops::Range<u32>, now: SimTime, schedule: &mut Schedule) {
        self.empty_containers(stations, true, now, schedule);
    }

    /// Takes all requests out of containers that have ended; who waits for them gets a reset, or hears nothing.
    fn empty_containers(
        &mut self,
        stations: std::ops::Range<u32>,
        silently: bool,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let inside: Vec<u32> = self.attempts.taken().filter(|attempt| self.is_in(*attempt, &stations)).collect();
        // Those who wait first, so that no slot that gets free is given to one of them.
        let waits =
            |world: &Self, attempt: u32| matches!(world.attempts[attempt].stage, Stage::Queued | Stage::Resuming);
        let (waiting, busy): (Vec<u32>, Vec<u32>) = inside.into_iter().partition(|attempt| waits(self, *attempt));
        // Then callers, whose calls end with them, in this pod too.
        let (calling, serving): (Vec<u32>, Vec<u32>) =
            busy.into_iter().partition(|attempt| self.attempts[*attempt].stage == Stage::Calling);
        for attempt in waiting.into_iter().chain(calling).chain(serving) {
            if self.attempts.is_taken(attempt) && self.is_in(attempt, &stations) {
                if silently {
                    self.lose_in_pod(attempt, now, schedule);
                } else {
                    self.reset_in_pod(attempt, now, schedule);
                }
            }
        }
        for station in stations {
            self.end_pace(station as usize, now, schedule);
            self.stations[station as usize].server = self.plan.ended_server;
        }
    }

    /// Containers of a pod take no more connections, and close those that are idle.
    pub(crate) fn stop_listening(&mut self, stations: std::ops::Range<u32>, now: SimTime, schedule: &mut Schedule) {
        let endpoints: Vec<u32> = (0..as_u32(self.roster.endpoints.len()))
            .filter(|endpoint| stations.contains(&self.roster.endpoints[*endpoint as usize].station))
            .collect();
        self.close_idle_connections(&endpoints, now);
        self.break_kept(&endpoints, now, schedule);
    }

    fn is_in(&self, attempt: u32, stations: &std::ops::Range<u32>) -> bool {
        let entry = &self.attempts[attempt];
        matches!(entry.stage, Stage::Queued | Stage::Serving | Stage::Calling | Stage::Resuming)
            && !entry.cancelled
            && entry.endpoint < BROKEN
            && stations.contains(&self.roster.endpoints[entry.endpoint as usize].station)
    }

    /// The calls of a request that nobody waits for are withdrawn.
    pub(crate) fn cancel_calls(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.attempts[attempt].stage != Stage::Calling {
            return;
        }
        let mut call = std::mem::replace(&mut self.attempts[attempt].first_call, NONE);
        while call != NONE {
            let next = self.requests[call].next_call;
            self.withdraw_request(call, now, schedule);
            call = next;
        }
    }

    /// Takes an attempt out of its pod; who waits for it gets a reset.
    pub(super) fn reset_in_pod(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if let Some(live) = self.take_out_of_pod(attempt, now, schedule) {
            self.fail_at_pod(live, FailureCause::Reset, now, schedule);
        }
    }

    /// Takes an attempt out of its pod, which is gone; who waits for it goes on waiting.
    fn lose_in_pod(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if let Some(live) = self.take_out_of_pod(attempt, now, schedule) {
            self.wait_in_vain(live, now, schedule);
        }
    }

    /// Takes an attempt out of its pod; under which number it goes on, if anybody waits for it.
    fn take_out_of_pod(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) -> Option<u32> {
        let station = self.roster.endpoints[self.attempts[attempt].endpoint as usize].station as usize;
        let (stage, joins) = (self.attempts[attempt].stage, self.attempts[attempt].joins);
        if matches!(stage, Stage::Queued | Stage::Resuming) {
            self.leave_pod_queue(attempt, station, now, schedule);
        } else {
            self.cancel_calls(attempt, now, schedule);
        }
        let works = stage == Stage::Serving && joins != JOINED;
        let was_job = works && self.withdraw_job(attempt, station, now, schedule);
        let occupies = self.server_of(station).discipline != Discipline::ProcessorSharing;
        if std::mem::replace(&mut self.attempts[attempt].holds_slot, false) && occupies {
            self.stations[station].vacate(now);
            self.note_level(station, now);
        }
        // An event that names the attempt is still to come: that one ends there, and a copy of it goes home.
        let pending = stage == Stage::Serving && !was_job;
        self.close_books(attempt, station, now);
        if self.attempts[attempt].request == NONE {
            self.settle_at_proxy(&self.trip(attempt), now, schedule);
            if pending {
                self.attempts[attempt].cancelled = true
            } else {
                self.attempts.remove(attempt)
            }
            return None;
        }
        let mut live = attempt;
        if pending {
            let copy = self.attempts[attempt].clone();
            let request = copy.request;
            live = self.attempts.insert(copy);
            self.requests[request].attempt = live;
            if let Some(ways) = self.ways.as_deref_mut() {
                ways.moved(attempt, live);
            }
            if self.probes.any_flow {
                self.watch_moved(attempt, live, now);
            }
            (self.attempts[attempt].cancelled, self.attempts[attempt].request) = (true, NONE);
        }
        self.attempts[live].joins = 0;
        Some(live)
    }

    /// Idle connections to endpoints that ended are closed; standing ones are broken.
    fn close_idle_connections(&mut self, endpoints: &[u32], now: SimTime) {
        for index in 0..self.flows.len() {
            let mut ended_idle = Vec::new();
            let ended = |endpoint: u32| endpoints.contains(&endpoint);
            // By client, or by worker of the proxy, how many, and where they led, where that is counted.
            let mut closed: Vec<(u32, bool, u64, u32)> = Vec::new();
            let standing = self.flows[index].channel == Channel::Standing;
            for (client, (_, endpoint)) in (0..).zip(&mut self.flows[index].pinned) {
                if ended(*endpoint) {
                    closed.push((client, false, u64::from(standing), *endpoint));
                    *endpoint = BROKEN;
                }
            }
            let own = self.plan.flows[index].flow.service;
            let by_target = self.plan.flows[index].route == Route::ClientBalancer;
            let own = self.numbers_in(own, endpoints);
            // Kept connections are ended one by one.
            let kept = self.is_kept(as_u32(index), false);
            let flow = &self.flows[index];
            let notices = self.plan.flows[index].flow.connections.notices_close;
            for (client, target, pool) in flow.pools.all().filter(|_| !kept && notices) {
                if by_target && !own.contains(&target) {
                    continue;
                }
                let before = ended_idle.len();
                let leads = |_: u32, connection: &Connection| by_target || ended(connection.endpoint);
                self.pools[pool].close_some(&mut self.connections, leads, &mut ended_idle);
                closed.push((client, false, (ended_idle.len() - before) as u64, NONE));
            }
            if self.plan.hot[index].counted {
                for connection in ended_idle {
                    self.gate_closed(as_u32(index), connection, now);
                }
            }
            self.note_broken(as_u32(index), &closed, now);
        }
        self.close_upstream(endpoints, now);
    }

    /// The numbers in a Service of those endpoints that are its own.
    fn numbers_in(&self, service: usize, endpoints: &[u32]) -> Vec<u32> {
        let own = |endpoint: &&u32| self.roster.endpoints[**endpoint as usize].service as usize == service;
        let own = endpoints.iter().filter(own);
        own.map(|endpoint| as_u32(self.roster.number_of(self.plan, *endpoint))).collect()
    }

    /// Idle connections of proxies to endpoints that ended are closed.
    fn close_upstream(&mut self, endpoints: &[u32], now: SimTime) {
        let plan = self.plan;
        for (proxy, settings) in (0..).zip(&plan.scenario.proxies) {
            let numbers = self.numbers_in(settings.service, endpoints);
            if numbers.is_empty() {
                continue;
            }
            let first = plan.proxies[proxy as usize].first_worker;
            let mut seen = Vec::new();
            for (flow, spec) in (0..).zip(&plan.flows).filter(|(_, flow)| flow.passes(proxy)) {
                // Flows that keep connections alike share them; kept connections are ended one by one.
                if seen.contains(&spec.manner) || self.is_kept(flow, true) {
                    continue;
                }
                seen.push(spec.manner);
                let mut closed = Vec::new();
                for worker in first..first + settings.instances * settings.workers {
                    let table = &self.workers[worker as usize].pools;
                    let count = close(
                        &mut self.connections,
                        &mut self.pools,
                        |number| table.get(spec.manner, number),
                        &numbers,
                    );
                    closed.push((worker, true, count, NONE));
                }
                self.note_broken(flow, &closed, now);
            }
        }
    }

    /// Whether a connection can be opened to an endpoint now. If not, the attempt fails: at once where nobody listens,
    /// or when whoever connects has tried long enough. `delay` is the round trip.
    pub(crate) fn answers(
        &mut self,
        attempt: u32,
        kind: crate::engine::Kind,
        delay: SimDuration,
        schedule: &mut Schedule,
    ) -> bool {
        if self.control.is_none() && !self.plan.bars {
            return true;
        }
        let endpoint = self.attempts[attempt].endpoint;
        let (workload, alive) = (self.roster.pod_at(endpoint).workload, !self.roster.is_dead(endpoint));
        if self.is_silent(attempt) {
            self.attempts[attempt].place = self.place_of(workload);
            self.lose_packet(attempt, schedule);
            return false;
        }
        if alive {
            return true;
        }
        self.attempts[attempt].place = self.place_of(workload);
        let arrives = schedule.now() + delay;
        let (answer, at) = match self.taken_until(endpoint).filter(|until| *until > arrives) {
            // The kernel has taken the connection; nobody reads from it, and it is reset when the process is gone.
            Some(until) => (Some(FailureCause::Reset), until),
            None => (self.answer_at(endpoint), arrives),
        };
        self.attempts[attempt].failure = answer;
        schedule.at(at, Rank::Completion, kind, attempt);
        false
    }

    /// Whether nobody answers at the address that an attempt connects to: a policy drops its packets, or the pod is gone
    /// and nothing else is there.
    pub(super) fn is_silent(&self, attempt: u32) -> bool {
        if self.control.is_none() && !self.plan.bars {
            return false;
        }
        let endpoint = self.attempts[attempt].endpoint;
        self.is_attempt_barred(attempt) || self.roster.is_dead(endpoint) && self.answer_at(endpoint).is_none()
    }

    /// What meets a SYN at the address of an endpoint that has ended; `None`: nothing.
    fn answer_at(&self, endpoint: u32) -> Option<FailureCause> {
        let pod = self.roster.pod_at(endpoint);
        if self.is_dark(pod.node) {
            return None;
        }
        if self.plan.scenario.workloads[pod.workload as usize].host.network {
            return Some(self.answer_of_node(endpoint));
        }
        let taken_over = |other: &Pod| other.ip == pod.ip && other.is_alive();
        match pod.phase {
            Phase::Gone if self.roster.pods.iter().any(taken_over) => Some(FailureCause::WrongPod),
            Phase::Gone => None,
            _ => Some(FailureCause::Refused),
        }
    }

    /// The same, where the address is the node's, which is always there: others may have the port by now.
    fn answer_of_node(&self, endpoint: u32) -> FailureCause {
        let workloads = &self.plan.scenario.workloads;
        let (own, plan) = (self.roster.pod_at(endpoint), &self.roster.endpoints[endpoint as usize]);
        let (_, port) = self.plan.port_behind(plan.service as usize, plan.target as usize);
        let has_port = |other: &Pod| {
            let host = &workloads[other.workload as usize].host;
            host.network && host.ports.contains(&port) && other.workload != own.workload
        };
        let taken_over = |other: &Pod| other.node == own.node && other.is_alive() && has_port(other);
        if self.roster.pods.iter().any(taken_over) { FailureCause::WrongPod } else { FailureCause::Refused }
    }

    /// Whether a NetworkPolicy drops an attempt's connection to its endpoint.
    pub(super) fn is_attempt_barred(&self, attempt: u32) -> bool {
        let entry = &self.attempts[attempt];
        let hot = &self.plan.hot[entry.flow as usize];
        let inwards = self.plan.bars && hot.way_in && !hot.via_proxy;
        let gate = if inwards { self.gate_of(attempt).node } else { NONE };
        self.is_barred(entry.flow, (entry.client, gate), entry.endpoint)
    }

    /// Whether a NetworkPolicy drops connections of a flow's client, which come in at a node, to an endpoint.
    pub(super) fn is_barred(&self, flow: u32, (client, gate): (u32, u32), endpoint: u32) -> bool {
        let spec = &self.plan.flows[flow as usize];
        let is_barred =
            !spec.barred.is_empty() && spec.barred[self.roster.endpoints[endpoint as usize].target as usize];
        is_barred
            && !self.is_of_same_pod(flow, client, endpoint)
            && (!spec.barred_by_node || self.is_barred_between_nodes(flow, (client, gate), endpoint))
    }

    /// Whether a client is the pod that it connects to, by a Service or its own address: no policy keeps a pod from itself.
    #[inline(never)]
    fn is_of_same_pod(&self, flow: u32, client: u32, endpoint: u32) -> bool {
        let spec = self.plan_flow(flow);
        let pod = self.roster.pod_at(endpoint);
        let direct = matches!(spec.route, Route::ClusterIp | Route::ClientBalancer);
        let is_own = self.plan.client_workload(flow as usize) == Some(pod.workload as usize);
        // Who calls is a pod, and the client its number.
        let same = if spec.caller == NONE { spec.addresses.of(client) == pod.ip } else { pod.number == client };
        direct && is_own && same
    }

    /// The same, where an end has the network of its node, or a node has put its address in the place of a client's, so
    /// that policies see the address of that.
    #[inline(never)]
    fn is_barred_between_nodes(&self, flow: u32, (client, gate): (u32, u32), endpoint: u32) -> bool {
        let far = &self.roster.endpoints[endpoint as usize];
        let nodes = &self.plan.scenario.cluster.nodes;
        let address = |node: u32| nodes.get(node as usize).map_or(0, |node| node.address);
        let target = (far.service as usize, far.target as usize);
        if gate != NONE {
            // A node always reaches its own pods.
            let ends = (address(gate), address(far.node));
            return gate != far.node && self.plan.drops_between(From::Address(ends.0), target, ends);
        }
        let Some(workload) = self.plan.client_workload(flow as usize) else { return true };
        let near = self.node_of_client(&self.plan.hot[flow as usize], flow, client);
        self.plan.drops_between(From::Workload(workload), target, (address(near), address(far.node)))
    }

    /// A datagram is lost: only the client's own patience ends it, or this.
    pub(super) fn connect_in_vain(&mut self, attempt: u32, schedule: &mut Schedule) {
        schedule.after(LOST, Rank::Timeout, kind::CONNECT_TIMEOUT, attempt);
    }

    /// Whoever connected gives up.
    pub(crate) fn on_connect_timeout(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.attempts[attempt].failure.get_or_insert(FailureCause::ConnectTimeout);
        if self.probes.any_flow {
            self.watch_connect_timeout(attempt, now);
        }
        self.connection_failed(attempt, now, schedule);
    }

    /// A connection could not be opened; the attempt says why.
    pub(crate) fn connection_failed(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let (place, cause) = (entry.place, entry.failure.expect("a failed connection has a cause"));
        if let Route::Proxy7(_) = self.plan_flow(entry.flow).route
            && entry.endpoint != NONE
        {
            if entry.measured {
                self.endpoints[self.attempts[attempt].endpoint as usize].errors += 1;
            }
            self.give_back(attempt, true, now);
            self.note_failed(attempt, true);
            self.settle_at_proxy(&self.trip(attempt), now, schedule);
            if self.goes_to_next(attempt, now, schedule) {
                return;
            }
            return self.leave_proxy_late(attempt, now, schedule);
        }
        if entry.request == NONE {
            return self.attempts.remove(attempt);
        }
        if self.try_next_address(attempt, now, schedule) {
            return;
        }
        self.give_back(attempt, false, now);
        self.note_failed(attempt, false);
        self.leave_unopened(attempt, now);
        self.replace_connection(attempt, now, schedule);
        self.fail_here(attempt, cause, place, now, schedule);
    }

    /// A request reaches a pod whose processes have ended.
    pub(crate) fn meet_ended_pod(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let pod = self.roster.pod_at(entry.endpoint);
        let (phase, workload, dark) = (pod.phase, pod.workload, self.is_dark(pod.node));
        let ended_at = self.roster.ended_at[self.roster.endpoints[entry.endpoint as usize].station as usize];
        let on_host = self.plan.scenario.workloads[workload as usize].host.network;
        // It was sent over a connection that stood when the pod ended, or it was to open a new one.
        let sent_before = entry.picked < ended_at.as_nanos();
        self.attempts[attempt].place = self.place_of(workload);
        let datagram = self.plan_flow(self.attempts[attempt].flow).flow.connections.protocol == Protocol::Udp;
        if dark {
            return match (datagram, sent_before) {
                (true, _) => self.connect_in_vain(attempt, schedule),
                (false, true) => self.wait_in_vain(attempt, now, schedule),
                (false, false) => self.drop_syn(attempt, schedule),
            };
        }
        match phase {
            Phase::Gone if datagram && !on_host => self.connect_in_vain(attempt, schedule),
            _ if sent_before && !datagram => self.fail_ended(attempt, FailureCause::Reset, now, schedule),
            Phase::Gone if !on_host => self.drop_syn(attempt, schedule),
            _ => self.fail_ended(attempt, FailureCause::Refused, now, schedule),
        }
    }

    pub(crate) fn fail_ended(&mut self, attempt: u32, cause: FailureCause, now: SimTime, schedule: &mut Schedule) {
        let entry = &mut self.attempts[attempt];
        (entry.failure, entry.stage) = (Some(cause), Stage::Returning);
        if entry.measured {
            let endpoint = entry.endpoint as usize;
            self.endpoints[endpoint].errors += 1;
        }
        self.reply_late(attempt, now, schedule);
    }

    /// The place of failures at the pods of a workload.
    pub(crate) fn place_of(&self, workload: u32) -> u16 {
        let (_, first) = self.plan.speeds[workload as usize][0];
        self.plan.servers[first as usize].place
    }

    /// Whether an attempt's connection cannot be used again: it was reset, or the pod has closed it behind its answer.
    pub(crate) fn lost_connection(&self, attempt: u32) -> bool {
        if self.control.is_none() {
            return false;
        }
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let leads_to_pod = !matches!(spec.route, Route::Proxy7(_)) && entry.endpoint < BROKEN;
        let closed = || leads_to_pod && spec.flow.connections.notices_close && self.roster.is_dead(entry.endpoint);
        entry.failure == Some(FailureCause::Reset) || closed()
    }
}

/// Closes the idle connections to the endpoints with these numbers, and says how many.
fn close(
    connections: &mut Slab<Connection>,
    pools: &mut Pools,
    table: impl Fn(u32) -> Option<u32>,
    numbers: &[u32],
) -> u64 {
    let mut closed = Vec::new();
    for pool in numbers.iter().filter_map(|number| table(*number)) {
        pools[pool].close_some(connections, |_, _| true, &mut closed);
    }
    closed.len() as u64
}
