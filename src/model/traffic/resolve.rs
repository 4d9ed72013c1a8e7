//! Finding the address of a name: when a connection is opened and the client has no live answer.
//!
//! Each query goes from the client's node to a server (through the node's cache, where there is one), waits for a core,
//! is worked on, perhaps asked outside, and comes back. What is asked, and in which order, the resolver decides
//! ([`crate::discovery::lookup`]).

use std::sync::Arc;

use crate::cause::FailureCause;
use crate::discovery::lookup::{Action, Answer, Lookup, Outcome, Query};
use crate::discovery::records::RecordType;
use crate::engine::{LaneTicket, Rank, Schedule};
use crate::model::network::dns::{DnsPlan, DnsState, Kept, Leg, LookupState, QueryState, kept_on_node};
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::{NONE, Route, as_u32};
use crate::model::random_keys::{DNS, DNS_BACK, DNS_LOSS, DNS_ORDER, DNS_RACE, DNS_SERVER, DNS_UPSTREAM, DNS_WORK};
use crate::model::{World, kind};
use crate::observe::story::Loss;
use crate::random::{Keyed, mix};
use crate::scenario::dns::{NameServer, Resolution, Target};
use crate::time::{SimDuration, SimTime};

/// Timers and lookups share the slots of an event.
const TIMERS: u32 = crate::discovery::lookup::TIMERS as u32;

impl<'p> World<'p> {
    fn dns_plan(&self) -> &'p DnsPlan {
        self.plan.dns.as_ref().expect("a flow resolves names only where there is DNS")
    }

    fn dns(&mut self) -> &mut DnsState {
        self.dns.as_mut().expect("a flow resolves names only where there is DNS")
    }

    fn resolution(&self, flow: u32) -> &'p Resolution {
        self.plan_flow(flow).flow.resolution.as_ref().expect("only flows that resolve names come here")
    }

    /// Finds the address of an attempt's host, then opens its connection.
    #[inline(never)]
    pub(crate) fn look_up(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let (plan, dns) = (self.plan, self.dns_plan());
        let entry = &mut self.attempts[attempt];
        (entry.since, entry.next) = (now.as_nanos(), NONE);
        let (flow, client, measured, base) = (entry.flow, entry.client, entry.measured, entry.base);
        let resolution = self.resolution(flow);
        let state = self.dns();
        let memory = *state.memory(plan, flow, client);
        let (found, missing) = (memory.found.is_live(now), memory.missing.is_live(now));
        if found || missing {
            if measured {
                let row = state.row_of_flow(dns, flow);
                (row.queries, row.cache_hits) = (row.queries + 1, row.cache_hits + 1);
                let answer = if found { Answer::Address } else { Answer::NxDomain };
                row.answered(answer, 0);
            }
            self.probes.looked_up(plan, &self.attempts[attempt], self.number_of(attempt), (0, 0));
            return match (found, memory.timed_out) {
                (true, _) => self.open_resolved(attempt, now, schedule),
                (false, false) => self.lookup_failed(attempt, FailureCause::DnsNxdomain, now, schedule),
                (false, true) => self.lookup_failed(attempt, FailureCause::DnsTimeout, now, schedule),
            };
        }
        if plan.flows[flow as usize].free_lookups {
            return self.told_at_once(attempt, now, schedule);
        }
        if resolution.shared && memory.lookup != NONE {
            let lookup = &mut state.lookups[memory.lookup];
            let last = std::mem::replace(&mut lookup.last, attempt);
            self.attempts[last].next = attempt;
            return;
        }
        self.begin_lookup(attempt, mix(base, DNS), now, schedule);
    }

    /// Lookups are taken away: the client knows what there is to know.
    #[cold]
    fn told_at_once(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let (plan, dns) = (self.plan, self.dns_plan());
        let entry = &self.attempts[attempt];
        let (flow, client, base) = (entry.flow, entry.client, mix(entry.base, DNS));
        let spec = &plan.flows[flow as usize];
        if plan.services[spec.flow.service].changes {
            let newest = self.dns().newest(spec.flow.service);
            self.dns().memory(plan, flow, client).version = newest;
            if self.dns().address(spec.flow.service, newest).is_none() {
                return self.lookup_failed(attempt, FailureCause::DnsNxdomain, now, schedule);
            }
        }
        if spec.first_address && spec.flow.fails.is_none() {
            let service = spec.flow.service;
            let version = self.dns().newest(service);
            if self.dns().endpoints(service, version).count() == 0 {
                return self.lookup_failed(attempt, FailureCause::DnsNxdomain, now, schedule);
            }
            self.take_first_address(flow, client, version, base);
            let resolution = self.resolution(flow);
            let limits = resolution.cache;
            let asked = resolution.servers.first().copied().unwrap_or(NameServer::Outside);
            let memory = self.dns().memory(plan, flow, client);
            let mut replies = spec.names.iter().map(|name| dns.names[*name as usize].reply(RecordType::A, asked));
            let answer = replies.find(|reply| reply.answer == Answer::Address);
            if let (Some(limits), Some(answer)) = (limits, answer) {
                memory.found.renew(now, limits.lifetime(true, answer.ttl));
            }
        }
        match spec.flow.fails {
            None => self.open_resolved(attempt, now, schedule),
            Some(cause) => self.lookup_failed(attempt, cause, now, schedule),
        }
    }

    fn begin_lookup(&mut self, attempt: u32, base: u64, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, client, measured) =
            (self.attempts[attempt].flow, self.attempts[attempt].client, self.attempts[attempt].measured);
        let node = self.node_of_client(&plan.hot[flow as usize], flow, client);
        let resolution = self.resolution(flow);
        let state = self.dns();
        let mut actions = std::mem::take(&mut state.actions);
        let turn = state.memory(plan, flow, client).next_turn(resolution);
        let machine = Lookup::begin(resolution.settings, turn, &mut actions);
        state.serial += 1;
        let serial = state.serial;
        let lookup = state.lookups.insert(LookupState {
            machine,
            serial,
            flow,
            client,
            node,
            at_target: false,
            base,
            first: attempt,
            last: attempt,
            tickets: [NONE; TIMERS as usize],
            sent: 0,
            socket: u16::MAX,
            tracked: Vec::new(),
            ttl: SimDuration::ZERO,
            version: 0,
            measured,
        });
        if resolution.shared {
            state.memory(plan, flow, client).lookup = lookup;
        }
        if self.probes.any_flow {
            self.watch_lookup(lookup);
        }
        self.act(lookup, actions, now, schedule);
    }

    /// Does what the resolver wants done.
    fn act(&mut self, lookup: u32, mut actions: Vec<Action>, now: SimTime, schedule: &mut Schedule) {
        let mut outcome = None;
        for action in actions.drain(..) {
            match action {
                Action::Send(query) => self.send_query(lookup, query, now, schedule),
                Action::Wait(timer) => {
                    self.stop_timer(lookup, timer, schedule);
                    let flow = self.dns().lookups[lookup].flow as usize;
                    let lane = self.dns().lanes[flow].expect("a flow that resolves names has a lane");
                    let ticket = schedule.start(lane, lookup * TIMERS + u32::from(timer)).0;
                    self.dns().lookups[lookup].tickets[timer as usize] = ticket;
                }
                Action::Stop(timer) => self.stop_timer(lookup, timer, schedule),
                Action::Done(end) => outcome = Some(end),
            }
        }
        self.dns().actions = actions;
        if let Some(outcome) = outcome {
            for timer in 0..TIMERS as u8 {
                self.stop_timer(lookup, timer, schedule);
            }
            self.end_lookup(lookup, outcome, now, schedule);
        }
    }

    fn stop_timer(&mut self, lookup: u32, timer: u8, schedule: &mut Schedule) {
        let state = self.dns();
        let record = &mut state.lookups[lookup];
        let ticket = std::mem::replace(&mut record.tickets[timer as usize], NONE);
        if ticket != NONE {
            let lane = state.lanes[record.flow as usize].expect("a ticket has a lane");
            schedule.cancel(lane, LaneTicket(ticket));
        }
    }

    /// A query leaves the client.
    fn send_query(&mut self, lookup: u32, query: Query, now: SimTime, schedule: &mut Schedule) {
        let (plan, dns) = (self.plan, self.dns_plan());
        let record = &mut self.dns().lookups[lookup];
        let (flow, node, base, serial, measured, at_target) =
            (record.flow, record.node, record.base, record.serial, record.measured, record.at_target);
        let key = mix(base, u64::from(record.sent));
        record.sent += 1;
        let new_port = std::mem::replace(&mut record.socket, query.socket) != query.socket;
        let resolution = self.resolution(flow);
        let asked = resolution.servers.get(query.server as usize).copied().unwrap_or(NameServer::Outside);
        let names = &plan.flows[flow as usize].names;
        let name = if at_target { names[names.len() - 1] } else { names[query.candidate as usize] };
        let mut state = QueryState {
            lookup,
            serial,
            query,
            name,
            asked,
            leg: Leg::Back,
            node,
            server: 0,
            tcp: resolution.tcp,
            key,
            sent: now,
            reached: now,
            ttl: SimDuration::ZERO,
            version: 0,
            measured,
        };
        state.ttl = state.reply(dns).ttl;
        if measured {
            self.dns().row_of_query(dns, &state).queries += 1;
        }
        let delay = if asked == NameServer::Outside {
            if !self.is_tracked(&state, resolution.tcp, NONE, now) {
                return self.lose_query(&state, Loss::TableFull);
            }
            dns.spec.upstream.sample(&mut Keyed::new(key ^ DNS_UPSTREAM))
        } else if dns.spec.node_local {
            state.leg = Leg::ToNode;
            self.dns_hop(node, node, key, now)
        } else {
            let server = match self.server_reached(&query, (base, resolution.tcp, key), (node, now)) {
                Ok(server) => server,
                Err(loss) => return self.lose_query(&state, loss),
            };
            (state.server, state.leg) = (server, Leg::ToServer);
            let to = as_u32(dns.spec.servers[server as usize]);
            if !self.is_tracked(&state, resolution.tcp, to, now) {
                return self.lose_query(&state, Loss::TableFull);
            }
            let mut delay = self.dns_hop(node, to, key, now);
            if resolution.tcp && (new_port || query.twin) {
                // A connection first; the twin waits for the same one.
                delay += self.dns_hop(node, to, mix(key, 2), now) + self.dns_hop(to, node, mix(key, 3), now);
            }
            delay
        };
        if self.probes.any_flow {
            self.watch_query(&state, None);
        }
        let slot = self.dns().queries.insert(state);
        schedule.after(delay, Rank::Completion, kind::DNS_QUERY, slot);
    }

    /// Nobody hears a query, or its answer.
    #[cold]
    fn lose_query(&mut self, query: &QueryState, loss: Loss) {
        let dns = self.dns_plan();
        if query.measured {
            self.dns().row_of_query(dns, query).unanswered += 1;
        }
        if self.probes.any_flow {
            self.watch_query(query, Some(loss));
        }
    }

    /// Whether the tables of the nodes at both ends take a query by UDP: the first of its port takes an entry in each.
    #[inline]
    fn is_tracked(&mut self, query: &QueryState, tcp: bool, far: u32, now: SimTime) -> bool {
        self.tracking.is_none() || tcp || self.enter_query(query, far, now)
    }

    #[inline(never)]
    fn enter_query(&mut self, query: &QueryState, far: u32, now: SimTime) -> bool {
        let port = (query.query.socket, query.query.server);
        if self.dns().lookups[query.lookup].tracked.contains(&port) {
            return true;
        }
        let near = if query.node == self.plan.topology.outside() { NONE } else { query.node };
        let entered = self.tracking.as_mut().is_some_and(|tracking| tracking.pass_datagrams(near, far, now));
        if entered {
            self.dns().lookups[query.lookup].tracked.push(port);
        }
        entered
    }

    /// The server that kube-proxy chose for a port; or how the query, or its answer, is lost.
    ///
    /// Two queries that leave one port at once are two packets of one flow that the connection-tracking table does not
    /// have yet. Each is given a server; if these differ, the second one cannot be entered and is dropped.
    fn server_reached(
        &self,
        query: &Query,
        (base, tcp, key): (u64, bool, u64),
        (node, now): (u32, SimTime),
    ) -> Result<u32, Loss> {
        let spec = &self.dns_plan().spec;
        let of_port = mix(base ^ DNS_SERVER, u64::from(query.socket));
        let servers = as_u32(spec.servers.len());
        let server = Keyed::new(of_port).below(servers);
        if tcp {
            return Ok(server);
        }
        if query.twin && spec.race > 0.0 && Keyed::new(of_port ^ DNS_RACE).unit() < spec.race {
            let own = Keyed::new(mix(of_port, 1)).below(servers);
            if own != server {
                return Err(Loss::Race);
            }
        }
        let lost = spec.loss > 0.0 && Keyed::new(key ^ DNS_LOSS).unit() < spec.loss;
        let ends = (node, as_u32(spec.servers[server as usize]));
        let lost = lost || self.plan.datagram(self.plan.topology.class(ends.0, ends.1), ends, key, now).lost;
        if lost { Err(Loss::Packet) } else { Ok(server) }
    }

    fn dns_hop(&self, from: u32, to: u32, key: u64, now: SimTime) -> SimDuration {
        // By UDP what is lost does not come here.
        self.plan.passage(self.plan.topology.class(from, to), (from, to), key, now).takes
    }

    /// A query has come one leg further.
    #[inline(never)]
    pub(crate) fn on_dns_query(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let dns = self.dns_plan();
        let query = self.dns().queries[slot];
        match query.leg {
            Leg::ToNode => self.at_node_cache(slot, now, schedule),
            Leg::ToServer if self.leaves_unanswered(slot, query.server, now) => {}
            Leg::ToServer => {
                self.dns().queries[slot].reached = now;
                self.dns().queries[slot].leg = Leg::AtServer;
                let server = &mut self.dns().servers[query.server as usize];
                if server.busy < dns.spec.concurrency {
                    server.busy += 1;
                    self.work_on(slot, now, schedule);
                } else {
                    server.waiting.push_back(slot);
                }
            }
            Leg::AtServer => self.worked_on(slot, now, schedule),
            Leg::Outside => {
                if !dns.spec.node_local || query.server != NONE {
                    let kept = dns.spec.cache.map(|limit| limit.min(query.ttl));
                    if let Some(kept) = kept {
                        self.dns().server_entry(dns, &query).entry.renew(now, kept);
                    }
                    self.send_back(slot, schedule);
                } else {
                    // The node's cache asked outside by itself.
                    self.dns().queries[slot].leg = Leg::BackToNode;
                    self.on_dns_query(slot, now, schedule);
                }
            }
            Leg::BackToNode => {
                let state = self.dns();
                let kept = kept_on_node(state.answer(dns, &query) == Answer::Address, query.ttl);
                let place = state.node_entry(dns, &query);
                place.entry.renew(now, kept);
                place.version = query.version;
                self.back_from_node(slot, schedule);
            }
            Leg::Back => self.answer_came(slot, now, schedule),
        }
    }

    /// The node's cache answers, or asks: the cluster's servers for their names, resolvers outside for all others.
    fn at_node_cache(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let dns = self.dns_plan();
        let query = self.dns().queries[slot];
        let Kept { entry, version } = *self.dns().node_entry(dns, &query);
        if entry.is_live(now) {
            (self.dns().queries[slot].ttl, self.dns().queries[slot].version) = (entry.left(now), version);
            if query.measured {
                self.dns().row_of_query(dns, &query).cache_hits += 1;
            }
            return self.back_from_node(slot, schedule);
        }
        let outside = query.reply(dns).forwarded;
        let server = self.dns().server_of_node[query.node as usize];
        let record = &mut self.dns().queries[slot];
        let delay = if outside {
            (record.leg, record.server) = (Leg::Outside, NONE);
            dns.spec.upstream.sample(&mut Keyed::new(query.key ^ DNS_UPSTREAM))
        } else {
            (record.leg, record.server) = (Leg::ToServer, server);
            self.dns_hop(query.node, as_u32(dns.spec.servers[server as usize]), mix(query.key, 4), now)
        };
        schedule.after(delay, Rank::Completion, kind::DNS_QUERY, slot);
    }

    fn back_from_node(&mut self, slot: u32, schedule: &mut Schedule) {
        let query = &mut self.dns().queries[slot];
        query.leg = Leg::Back;
        let (node, key) = (query.node, query.key);
        let delay = self.dns_hop(node, node, key ^ DNS_BACK, schedule.now());
        schedule.after(delay, Rank::Completion, kind::DNS_QUERY, slot);
    }

    /// A core takes the query.
    fn work_on(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let dns = self.dns_plan();
        let measuring = self.window.measuring;
        let mut query = self.dns().queries[slot];
        query.version = self.dns().served(dns, query.name, query.server);
        let work = dns.spec.service_time.sample(&mut Keyed::new(query.key ^ DNS_WORK));
        if measuring {
            let state = self.dns();
            state.servers[query.server as usize].work += work.as_nanos();
            let answer = state.answer(dns, &query);
            let row = state.row_of_server(dns, query.server);
            row.queries += 1;
            row.answered(answer, now.since(query.reached).as_nanos() + work.as_nanos());
        }
        schedule.after(work, Rank::Completion, kind::DNS_QUERY, slot);
    }

    /// The server knows the answer, or has to ask outside; its core takes the next query.
    fn worked_on(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let (dns, measuring) = (self.dns_plan(), self.window.measuring);
        let query = self.dns().queries[slot];
        let server = &mut self.dns().servers[query.server as usize];
        match server.waiting.pop_front() {
            Some(next) => self.work_on(next, now, schedule),
            None => server.busy -= 1,
        }
        if self.leaves_unanswered(slot, query.server, now) {
            return;
        }
        let of_zone = !query.reply(dns).forwarded;
        if of_zone && dns.spec.zone_cache.is_none() {
            self.dns().queries[slot].version = self.dns().served(dns, query.name, query.server);
            return self.send_back(slot, schedule);
        }
        let Kept { entry, version } = *self.dns().server_entry(dns, &query);
        if entry.is_live(now) {
            (self.dns().queries[slot].ttl, self.dns().queries[slot].version) = (entry.left(now), version);
            if measuring {
                self.dns().row_of_server(dns, query.server).cache_hits += 1;
            }
            return self.send_back(slot, schedule);
        }
        if let Some(limit) = dns.spec.zone_cache.filter(|_| of_zone) {
            let version = self.dns().served(dns, query.name, query.server);
            let place = self.dns().server_entry(dns, &query);
            place.entry.renew(now, limit.min(query.ttl));
            place.version = version;
            self.dns().queries[slot].version = version;
            return self.send_back(slot, schedule);
        }
        self.dns().queries[slot].leg = Leg::Outside;
        let delay = dns.spec.upstream.sample(&mut Keyed::new(query.key ^ DNS_UPSTREAM));
        schedule.after(delay, Rank::Completion, kind::DNS_QUERY, slot);
    }

    /// From the server back: to the client, or to its node's cache.
    fn send_back(&mut self, slot: u32, schedule: &mut Schedule) {
        let dns = self.dns_plan();
        let query = &mut self.dns().queries[slot];
        query.leg = if dns.spec.node_local { Leg::BackToNode } else { Leg::Back };
        let (node, server, key, tcp) = (query.node, query.server, query.key, query.tcp);
        let from = as_u32(dns.spec.servers[server as usize]);
        let class = self.plan.topology.class(from, node);
        let sent = (mix(key ^ DNS_BACK, 1), schedule.now());
        if !tcp && !dns.spec.node_local && self.plan.datagram(class, (from, node), sent.0, sent.1).lost {
            return self.forget_query(slot);
        }
        let delay = self.dns_hop(from, node, mix(key ^ DNS_BACK, 1), schedule.now());
        schedule.after(delay, Rank::Completion, kind::DNS_QUERY, slot);
    }

    /// A query gets no answer.
    #[cold]
    pub(crate) fn forget_query(&mut self, slot: u32) {
        let dns = self.dns_plan();
        let query = self.dns().queries[slot];
        self.dns().queries.remove(slot);
        if query.measured {
            self.dns().row_of_query(dns, &query).unanswered += 1;
        }
    }

    /// An answer reaches the client. Its lookup may be over, and another one in its place.
    fn answer_came(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let dns = self.dns_plan();
        let query = self.dns().queries[slot];
        let state = self.dns();
        state.queries.remove(slot);
        let answer = state.answer(dns, &query);
        if query.measured {
            state.row_of_query(dns, &query).answered(answer, now.since(query.sent).as_nanos());
        }
        if self.probes.any_flow {
            self.watch_answer(&query, answer, now);
        }
        let state = self.dns();
        let lookup = &mut state.lookups[query.lookup];
        if lookup.serial != query.serial {
            return;
        }
        if query.query.record == RecordType::A || answer == Answer::Address {
            (lookup.ttl, lookup.version) = (query.ttl, query.version);
        }
        let mut actions = std::mem::take(&mut state.actions);
        state.lookups[query.lookup].machine.answered(query.query, answer, &mut actions);
        self.act(query.lookup, actions, now, schedule);
    }

    /// A resolver has waited long enough.
    #[inline(never)]
    pub(crate) fn on_dns_timer(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let (lookup, timer) = (slot / TIMERS, slot % TIMERS);
        let state = self.dns();
        state.lookups[lookup].tickets[timer as usize] = NONE;
        let mut actions = std::mem::take(&mut state.actions);
        state.lookups[lookup].machine.expired(timer as u8, &mut actions);
        self.act(lookup, actions, now, schedule);
    }

    /// An SRV record has come, and the host that it names is looked up in its turn.
    #[cold]
    fn look_up_target(&mut self, lookup: u32, target: &'p Target, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, client) = (self.dns().lookups[lookup].flow, self.dns().lookups[lookup].client);
        let resolution = self.resolution(flow);
        let state = self.dns();
        let mut actions = std::mem::take(&mut state.actions);
        let turn = state.memory(plan, flow, client).next_turn(resolution);
        state.serial += 1;
        let serial = state.serial;
        let record = &mut state.lookups[lookup];
        record.machine = Lookup::begin(target.settings, turn, &mut actions);
        // Answers to what was asked before are of no interest any more.
        (record.serial, record.at_target) = (serial, true);
        (record.base, record.socket) = (mix(record.base, 1), u16::MAX);
        record.tracked.clear();
        self.act(lookup, actions, now, schedule);
    }

    /// The resolver is done: everybody who waits for the name goes on, or fails.
    fn end_lookup(&mut self, lookup: u32, outcome: Outcome, now: SimTime, schedule: &mut Schedule) {
        let (plan, dns) = (self.plan, self.dns_plan());
        let record = self.dns().lookups[lookup].clone();
        let target = self.resolution(record.flow).target.as_ref().filter(|_| !record.at_target);
        if let (Outcome::Found(_), Some(target)) = (outcome, target) {
            return self.look_up_target(lookup, target, now, schedule);
        }
        let state = self.dns();
        // A place that is free has a number that no query names.
        state.lookups[lookup].serial = 0;
        state.lookups.remove(lookup);
        let (flow, client) = (record.flow, record.client);
        let resolution = self.resolution(flow);
        let found = matches!(outcome, Outcome::Found(_));
        if found && plan.flows[flow as usize].first_address {
            self.take_first_address(flow, client, record.version, record.base);
        }
        let balances = plan.flows[flow as usize].route == Route::ClientBalancer;
        if found && balances && self.control.is_some() && plan.flows[flow as usize].asks_dns() {
            let service = plan.flows[flow as usize].flow.service;
            let said = Arc::clone(self.dns().endpoints(service, record.version));
            self.follow_answer(flow, client, &said, now);
        }
        let memory = self.dns().memory(plan, flow, client);
        if found && plan.services[plan.flows[flow as usize].flow.service].changes {
            memory.version = record.version;
        }
        if resolution.shared && memory.lookup == lookup {
            memory.lookup = NONE;
        }
        if let Some(limits) = &resolution.cache {
            let entry = if found { &mut memory.found } else { &mut memory.missing };
            entry.renew(now, limits.lifetime(found, record.ttl));
            memory.timed_out = outcome == Outcome::NoAnswer;
        }
        let column = self.plan_flow(flow).layout.dns;
        let asked = if self.probes.any_flow { self.watch_asked(lookup) } else { Vec::new() };
        let mut next = record.first;
        let mut queries = u64::from(record.sent);
        while next != NONE {
            let attempt = next;
            next = std::mem::replace(&mut self.attempts[attempt].next, NONE);
            let waited = now.since(crate::model::at(self.attempts[attempt].since));
            if self.attempts[attempt].measured {
                let row = self.dns().row_of_flow(dns, flow);
                row.queries += 1;
                match outcome {
                    Outcome::Found(_) => row.answered(Answer::Address, waited.as_nanos()),
                    Outcome::NotFound => row.answered(Answer::NxDomain, waited.as_nanos()),
                    Outcome::NoAnswer => row.answered(Answer::ServFail, waited.as_nanos()),
                }
                let number = self.number_of(attempt);
                self.probes.looked_up(plan, &self.attempts[attempt], number, (waited.as_nanos(), queries));
            }
            queries = 0;
            if self.attempts[attempt].request == NONE {
                // The client gave up meanwhile and has already let go of the connection.
                self.attempts.remove(attempt);
                continue;
            }
            self.charge(attempt, column, waited);
            if self.probes.any_flow {
                self.watch_resolved(attempt, &asked, found.then_some(record.version), now);
            }
            match outcome {
                Outcome::Found(_) => self.open_resolved(attempt, now, schedule),
                Outcome::NotFound => self.lookup_failed(attempt, FailureCause::DnsNxdomain, now, schedule),
                Outcome::NoAnswer => self.lookup_failed(attempt, FailureCause::DnsTimeout, now, schedule),
            }
        }
    }

    /// What the servers answer for a Service now.
    pub(crate) fn newest_answer(&mut self, service: usize) -> Arc<Snapshot> {
        let state = self.dns();
        Arc::clone(state.endpoints(service, state.newest(service)))
    }

    /// A client remembers the address that came first in an answer: servers shuffle them.
    fn take_first_address(&mut self, flow: u32, client: u32, version: u32, base: u64) {
        let plan = self.plan;
        let service = plan.flows[flow as usize].flow.service;
        let ready = Arc::clone(self.dns().endpoints(service, version));
        let memory = self.dns().memory(plan, flow, client);
        let place = if ready.count() == 0 { None } else { Some(Keyed::new(base ^ DNS_ORDER).below(ready.count())) };
        (memory.address, memory.version) = (place.map_or(NONE, |place| ready.endpoint(place)), version);
    }

    /// No address: the connection is not opened.
    fn lookup_failed(&mut self, attempt: u32, cause: FailureCause, now: SimTime, schedule: &mut Schedule) {
        let place = self.plan_flow(self.attempts[attempt].flow).place;
        self.refuse(attempt, cause, place, now, schedule);
    }
}
