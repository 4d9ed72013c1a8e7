//! The way in from outside: where a connection enters the cluster, and what its hops cost.
//!
//! A packet from outside reaches a node, maybe through a load balancer. The node's rules send it on: to a pod of that
//! node, or over a second hop to another node, with the node's own address as its source (SNAT) so that the answer comes
//! back the same way. What a connection chose when it opened holds as long as it stands.

use std::collections::BTreeMap;

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::network::ipvs::Handle;
use crate::model::network::kube_proxy::Choice;
use crate::model::plan::{NONE, Plan, Route, as_u32};
use crate::model::random_keys::{CONNECT, GATE, WORKER};
use crate::model::slab::Slab;
use crate::model::traffic::bookkeeping::OWN;
use crate::model::traffic::breakage::BROKEN;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::exit::Ports;
use crate::model::traffic::load_balancer::{LoadBalancer, Look};
use crate::model::watch::Chooser;
use crate::model::{World, at, kind};
use crate::random::{Keyed, mix};
use crate::scenario::InstancePick;
use crate::scenario::outside::{Entry, Nat, WayIn};
use crate::time::{SimDuration, SimTime};

/// Where a connection came into the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gate {
    /// The node that took it in; `NONE` where a load balancer sent it straight to a pod.
    pub(crate) node: u32,
    /// Under which target the load balancer counts it; `NONE` without one, and when it has ended.
    pub(crate) target: u32,
    /// The endpoint to which the node sends it on from a port of its own (SNAT); `NONE` where the client's address stays.
    pub(crate) masked: u32,
}

impl Gate {
    pub(crate) const NOWHERE: Self = Self { node: NONE, target: NONE, masked: NONE };
}

/// Where the connections of flows from outside came in.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// Of attempts that have a connection of their own, or open one.
    of_attempts: Vec<Gate>,
    /// Of connections in pools.
    of_connections: Vec<Gate>,
    /// Of the standing connections of each flow's clients.
    of_clients: Vec<Vec<Gate>>,
    /// The turns of each flow's clients among nodes.
    turns: Vec<Vec<u32>>,
    /// All load balancers.
    pub(crate) balancers: Vec<LoadBalancer>,
    /// The load balancer of each flow.
    balancer_of: Vec<Option<usize>>,
    /// The ports of NATs on the way out.
    pub(super) ports: Ports,
    /// The ports of nodes that put their own address in the place of who comes from outside.
    pub(super) masks: Ports,
    pub(super) nat: Nat,
    /// To how many pods a controller has sent an attempt, of those with which it failed.
    pub(super) tries: BTreeMap<u32, u32>,
    /// Looks of load balancers at their targets, and ends of connections to them.
    pub(crate) looks: Slab<Look>,
}

impl Ways {
    /// Nothing came in yet; `None` where nothing ever will.
    pub(crate) fn of(plan: &Plan, replication: u32) -> Option<Box<Self>> {
        if plan.hot.iter().all(|flow| !flow.counted) {
            return None;
        }
        let flows = plan.flows.len();
        let mut ways = Self {
            of_clients: vec![Vec::new(); flows],
            turns: vec![Vec::new(); flows],
            balancer_of: vec![None; flows],
            nat: plan.scenario.cluster.nat,
            ..Self::default()
        };
        for (index, flow) in plan.flows.iter().enumerate() {
            let Some(WayIn { service, entry: Entry::LoadBalancer { nodes } }) = flow.flow.way_in.as_deref() else {
                continue;
            };
            let known = ways.balancers.iter().position(|balancer| balancer.service == *service);
            ways.balancer_of[index] = Some(known.unwrap_or_else(|| {
                ways.balancers.push(LoadBalancer::new(plan, *service, nodes, replication));
                ways.balancers.len() - 1
            }));
        }
        Some(Box::new(ways))
    }

    /// An attempt's connection is now one of a pool.
    pub(super) fn pooled(&mut self, attempt: u32, connection: u32) {
        put(&mut self.of_connections, connection, take(&mut self.of_attempts, attempt));
    }

    /// An attempt goes on in another slot.
    pub(super) fn moved(&mut self, from: u32, to: u32) {
        let gate = take(&mut self.of_attempts, from);
        put(&mut self.of_attempts, to, gate);
        if let Some(tries) = self.tries.remove(&from) {
            self.tries.insert(to, tries);
        }
    }

    /// Whether a connection of a pool goes to a load balancer's target.
    pub(super) fn leads_to(&self, connection: u32, target: u32) -> bool {
        self.of_connections.get(connection as usize).is_some_and(|gate| gate.target == target)
    }

    /// The standing connections of a flow's clients to a target of the load balancer end: whose, and where they led.
    pub(super) fn break_standing(
        &mut self,
        flow: usize,
        target: u32,
        pinned: &mut [(u32, u32)],
    ) -> Vec<(u32, bool, u64, u32)> {
        let mut broken = Vec::new();
        for ((client, gate), choice) in (0..).zip(&self.of_clients[flow]).zip(pinned) {
            if gate.target == target && choice.1 != BROKEN {
                broken.push((client, false, 1, choice.1));
                choice.1 = BROKEN;
            }
        }
        broken
    }

    /// A connection is counted no longer by the load balancer that let it in.
    fn uncount(&mut self, flow: usize, gate: Gate, now: SimTime) {
        if gate.masked != NONE {
            self.masks.release(self.nat.of_nodes(), (gate.node, gate.masked), now);
        }
        match self.balancer_of[flow] {
            _ if gate.target == NONE => {}
            Some(balancer) => self.balancers[balancer].ended(gate.target, now),
            // Who comes in by a node port is counted by nobody, and its gate has no target.
            None => self.ports.release(self.nat, (gate.node, gate.target), now),
        }
    }

    /// An attempt goes over the standing connection of its client.
    pub(super) fn rides(&mut self, attempt: u32, flow: u32, client: u32) {
        let gate = self.of_clients[flow as usize].get(client as usize).copied().unwrap_or(Gate::NOWHERE);
        put(&mut self.of_attempts, attempt, gate);
    }

    /// A standing connection of a client goes that way.
    pub(super) fn put_of_client(&mut self, flow: u32, client: u32, gate: Gate) {
        put(&mut self.of_clients[flow as usize], client, gate);
    }
}

fn put(gates: &mut Vec<Gate>, slot: u32, gate: Gate) {
    if gates.len() <= slot as usize {
        gates.resize(slot as usize + 1, Gate::NOWHERE);
    }
    gates[slot as usize] = gate;
}

fn take(gates: &mut [Gate], slot: u32) -> Gate {
    gates.get_mut(slot as usize).map_or(Gate::NOWHERE, |gate| std::mem::replace(gate, Gate::NOWHERE))
}

/// What becomes of a new connection from outside.
pub(super) enum Admitted {
    /// It leads to an endpoint.
    To(Choice),
    /// Somebody says at once that nobody is there.
    Refused,
    /// Nobody says anything: other nodes have pods, and this one may not send there.
    Dropped,
}

impl<'p> World<'p> {
    /// How a flow from outside comes in.
    fn way_in(&self, flow: u32) -> &'p WayIn {
        self.plan_flow(flow).flow.way_in.as_deref().expect("only flows from outside come here")
    }

    pub(super) fn ways_mut(&mut self) -> &mut Ways {
        self.ways.as_deref_mut().expect("there are flows from outside")
    }

    /// Where the connection of an attempt came in.
    pub(crate) fn gate_of(&self, attempt: u32) -> Gate {
        let ways = self.ways.as_deref().expect("there are flows from outside");
        let entry = &self.attempts[attempt];
        let found = if entry.connection < OWN {
            ways.of_connections.get(entry.connection as usize)
        } else if self.plan.hot[entry.flow as usize].express {
            ways.of_clients[entry.flow as usize].get(entry.client as usize)
        } else {
            // Over a connection that stands, too: it may break, and the client's next one come in elsewhere.
            ways.of_attempts.get(attempt as usize)
        };
        found.copied().unwrap_or(Gate::NOWHERE)
    }

    /// Opens a connection from outside: it is let in somewhere, and the rules there choose the pod.
    #[inline(never)]
    pub(super) fn open_from_outside(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let (flow, client, base) = {
            let entry = &self.attempts[attempt];
            (entry.flow, entry.client, entry.base)
        };
        let (gate, admitted) = self.enter(flow, client, base, now);
        self.note_gate(attempt, gate, now);
        self.attempts[attempt].place = self.plan_flow(flow).place;
        self.go_in(attempt, gate, &admitted, now, schedule);
    }

    /// Another SYN comes to a node whose rules dropped the one before: they may lead somewhere by now.
    #[inline(never)]
    pub(super) fn enter_again(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let (flow, client) = (self.attempts[attempt].flow, self.attempts[attempt].client);
        let gate = self.gate_of(attempt);
        let address = self.plan_flow(flow).addresses.of(client);
        let admitted = self.admit(gate.node, self.way_in(flow).service, address, now);
        if !matches!(admitted, Admitted::Dropped) {
            let waited = now - at(self.attempts[attempt].since);
            let column = self.plan_flow(flow).layout.connect;
            self.charge(attempt, column, waited);
            if self.probes.any_flow {
                self.watch_syns(attempt, now);
            }
        }
        self.go_in(attempt, gate, &admitted, now, schedule);
    }

    /// What becomes of an attempt's connection that was let in, or was not.
    fn go_in(&mut self, attempt: u32, gate: Gate, admitted: &Admitted, now: SimTime, schedule: &mut Schedule) {
        let flow = self.attempts[attempt].flow;
        let mut walk = SimDuration::ZERO;
        match admitted {
            Admitted::To(choice) => {
                self.lead(attempt, choice, now);
                if gate.node != NONE && !self.plan.services[self.way_in(flow).service].drawn {
                    walk = self.let_in(attempt, choice);
                }
                self.stand_again(attempt);
                if !self.mask(attempt, choice.endpoint, (now, walk), schedule) {
                    return self.break_again(attempt);
                }
                if self.tracking.is_some() && !self.admitted(attempt, false, walk, now, schedule) {
                    return self.break_again(attempt);
                }
            }
            Admitted::Refused => self.attempts[attempt].failure = Some(FailureCause::Refused),
            Admitted::Dropped => return self.lose_packet(attempt, schedule),
        }
        self.shake_hands_outside(attempt, walk, now, schedule);
    }

    /// The handshake of a connection from outside with what it leads to, or with who says that nobody is there.
    pub(super) fn shake_hands_outside(
        &mut self,
        attempt: u32,
        walk: SimDuration,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let (gate, entry) = (self.gate_of(attempt), &self.attempts[attempt]);
        let (route, refused) = (self.plan_flow(entry.flow).route, entry.failure.is_some());
        let to =
            match (self.roster.endpoints.get(entry.endpoint as usize), self.plan.workers.get(entry.worker as usize)) {
                _ if refused => gate.node,
                (_, Some(worker)) => worker.node,
                (Some(endpoint), None) => endpoint.node,
                (None, None) => gate.node,
            };
        if !refused && self.loses_syn(attempt, now) {
            self.lose_syn(attempt, schedule);
            return self.break_again(attempt);
        }
        let round_trip = self.outside_handshake(attempt, gate, to, now);
        let mut delay = walk + round_trip;
        if !refused {
            delay += self.tls(attempt, round_trip, 0, now);
            if route == Route::ClusterIp && !self.answers(attempt, kind::CONNECTED, delay, schedule) {
                return self.break_again(attempt);
            }
        }
        if delay.is_zero() {
            self.on_connected(attempt, now, schedule);
        } else {
            schedule.after(delay, Rank::Completion, kind::CONNECTED, attempt);
        }
    }

    /// Whether the node that took a flow's connection in puts its own address in the client's place.
    fn is_masked(&self, flow: u32, gate: Gate) -> bool {
        gate.node != NONE && !self.plan.takes_in_locally(self.way_in(flow).service)
    }

    /// The node that took an attempt's connection in sends it on to an endpoint from a port of its own, where it does so.
    /// Without a free one the SYN is lost: it is sent again later.
    fn mask(
        &mut self,
        attempt: u32,
        endpoint: u32,
        (now, walk): (SimTime, SimDuration),
        schedule: &mut Schedule,
    ) -> bool {
        let gate = self.gate_of(attempt);
        if !self.is_masked(self.attempts[attempt].flow, gate) {
            return true;
        }
        self.take_port_of(attempt, Gate { masked: endpoint, ..gate }, (now, walk), schedule)
    }

    /// The gate of an attempt whose node had no port for it, with the endpoint that it leads to.
    pub(super) fn gate_to_mask(&self, attempt: u32) -> Gate {
        let entry = &self.attempts[attempt];
        let mut masked = entry.endpoint;
        if let Some(worker) = self.plan.workers.get(entry.worker as usize) {
            let proxy = worker.proxy as usize;
            let nth = entry.worker - self.plan.proxies[proxy].first_worker;
            let instance = nth / self.plan.scenario.proxies[proxy].workers;
            let own = |endpoint: &u32| self.roster.pod_at(*endpoint).number == instance;
            let mut endpoints = self.roster.endpoints_of(self.plan, self.way_in(entry.flow).service);
            masked = endpoints.find(own).unwrap_or(NONE);
        }
        Gate { masked, ..self.gate_of(attempt) }
    }

    /// Where the connection of an attempt leads: to a pod, or to a worker of a proxy in a pod.
    fn lead(&mut self, attempt: u32, choice: &Choice, now: SimTime) {
        let (flow, base) = (self.attempts[attempt].flow, self.attempts[attempt].base);
        let worker = self.worker_behind(flow, choice, base);
        let entry = &mut self.attempts[attempt];
        entry.picked = now.as_nanos();
        if worker != NONE {
            entry.worker = worker;
            if self.probes.picks {
                self.watch_instance(attempt, choice.endpoint);
            }
            return;
        }
        entry.endpoint = choice.endpoint;
        if self.probes.picks && self.gate_of(attempt).node != NONE {
            self.watch_pick(attempt, choice.endpoint, Chooser::KubeProxy, true, now);
        }
    }

    /// The worker of a proxy in the pod that was chosen; `NONE` where the pods are those of the Service itself.
    fn worker_behind(&self, flow: u32, choice: &Choice, key: u64) -> u32 {
        let Route::Proxy7(proxy) = self.plan_flow(flow).route else { return NONE };
        let workers = self.plan.scenario.proxies[proxy as usize].workers;
        let instance = self.roster.pod_at(choice.endpoint).number;
        let worker = if workers == 1 { 0 } else { Keyed::new(key ^ WORKER).below(workers) };
        self.plan.proxies[proxy as usize].first_worker + instance * workers + worker
    }

    /// The connection of an attempt has a port of the node that took it in.
    pub(super) fn note_masked(&mut self, attempt: u32, gate: Gate) {
        let entry = &self.attempts[attempt];
        let (flow, client, connection) = (entry.flow as usize, entry.client, entry.connection);
        let standing = self.flows[flow].channel == Channel::Standing;
        let ways = self.ways_mut();
        if connection < OWN {
            put(&mut ways.of_connections, connection, gate);
        } else if standing {
            put(&mut ways.of_clients[flow], client, gate);
        } else {
            put(&mut ways.of_attempts, attempt, gate);
        }
    }

    pub(super) fn note_gate(&mut self, attempt: u32, gate: Gate, now: SimTime) {
        let (flow, client) = (self.attempts[attempt].flow as usize, self.attempts[attempt].client);
        let standing = self.flows[flow].channel == Channel::Standing;
        let connection = self.attempts[attempt].connection;
        let ways = self.ways_mut();
        if standing {
            let before = take(&mut ways.of_clients[flow], client);
            ways.uncount(flow, before, now);
            put(&mut ways.of_clients[flow], client, gate);
            put(&mut ways.of_attempts, attempt, gate);
        } else if connection < OWN {
            // Kept connections begin before they are opened.
            put(&mut ways.of_connections, connection, gate);
        } else {
            put(&mut ways.of_attempts, attempt, gate);
        }
        if self.probes.any_flow {
            self.watch_gate(attempt, gate);
        }
    }

    /// A connection that stands before the run: the worker or the endpoint it leads to, and its entry in IPVS.
    pub(super) fn pin_from_outside(&mut self, flow: u32, client: u32) -> (u32, u32, Handle) {
        let key = mix(self.flows[flow as usize].hash ^ GATE, u64::from(client));
        let (gate, admitted) = self.enter(flow, client, key, SimTime::ZERO);
        put(&mut self.ways_mut().of_clients[flow as usize], client, gate);
        let Admitted::To(choice) = admitted else {
            self.unpin_gate(flow, client);
            return (NONE, BROKEN, Handle::NONE);
        };
        if self.is_masked(flow, gate) {
            let ways = self.ways_mut();
            if ways.masks.take(ways.nat.of_nodes(), (gate.node, choice.endpoint), SimTime::ZERO).is_some() {
                put(&mut ways.of_clients[flow as usize], client, Gate { masked: choice.endpoint, ..gate });
            }
        }
        match self.worker_behind(flow, &choice, key) {
            NONE => (NONE, choice.endpoint, choice.entry),
            worker => (worker, NONE, choice.entry),
        }
    }

    /// A connection that was to stand before the run does not.
    pub(super) fn unpin_gate(&mut self, flow: u32, client: u32) {
        if let Some(ways) = self.ways.as_deref_mut() {
            let gate = take(&mut ways.of_clients[flow as usize], client);
            ways.uncount(flow as usize, gate, SimTime::ZERO);
        }
    }

    /// The node that took in a client's standing connection; `NONE` where none did.
    pub(super) fn standing_gate(&self, flow: u32, client: u32) -> u32 {
        let ways = self.ways.as_deref().filter(|_| self.plan.hot[flow as usize].way_in);
        let gate = ways.and_then(|ways| ways.of_clients[flow as usize].get(client as usize));
        gate.map_or(NONE, |gate| gate.node)
    }

    /// The node that took in a connection of a pool; `NONE` where none did.
    pub(super) fn gate_of_kept(&self, connection: u32) -> u32 {
        let gate = self.ways.as_deref().and_then(|ways| ways.of_connections.get(connection as usize));
        gate.map_or(NONE, |gate| gate.node)
    }

    /// A connection of an attempt's own, or of a simple pool, was not opened.
    pub(super) fn leave_unopened(&mut self, attempt: u32, now: SimTime) {
        let flow = self.attempts[attempt].flow as usize;
        let standing = self.flows[flow].channel == Channel::Standing;
        if self.plan.hot[flow].counted && !standing && self.attempts[attempt].connection >= OWN {
            self.leave_gate(attempt, NONE, now);
        }
    }

    /// A connection of a client's pool that stands before the run came in where the client's was noted.
    pub(super) fn pool_pinned_gate(&mut self, flow: u32, client: u32, connection: u32) {
        if let Some(ways) = self.ways.as_deref_mut() {
            let gate = take(&mut ways.of_clients[flow as usize], client);
            put(&mut ways.of_connections, connection, gate);
        }
    }

    /// A new connection comes to the cluster.
    fn enter(&mut self, flow: u32, client: u32, key: u64, now: SimTime) -> (Gate, Admitted) {
        let way = self.way_in(flow);
        let address = self.plan_flow(flow).addresses.of(client);
        match &way.entry {
            Entry::Nodes { nodes, pick } => {
                let count = as_u32(nodes.len());
                let place = match pick {
                    _ if count == 1 => 0,
                    InstancePick::Random => Keyed::new(key ^ GATE).below(count),
                    InstancePick::PerClient => client % count,
                    InstancePick::RoundRobin => self.next_node(flow, client, count),
                };
                let node = as_u32(nodes[place as usize]);
                (Gate { node, ..Gate::NOWHERE }, self.admit(node, way.service, address, now))
            }
            Entry::LoadBalancer { .. } => {
                let spec = &self.plan.scenario.cluster.load_balancers;
                let key = if spec.by_client { u64::from(address) } else { key ^ GATE };
                let ways = self.ways_mut();
                let balancer = ways.balancer_of[flow as usize].expect("the flow has a load balancer");
                match ways.balancers[balancer].pick(key, now) {
                    None => (Gate::NOWHERE, Admitted::Refused),
                    Some(endpoint) if spec.pods => {
                        self.count_connection(endpoint);
                        let choice = Choice { endpoint, rules: 0, entry: Handle::NONE };
                        (Gate { target: endpoint, ..Gate::NOWHERE }, Admitted::To(choice))
                    }
                    Some(node) => {
                        (Gate { node, target: node, masked: NONE }, self.admit(node, way.service, address, now))
                    }
                }
            }
        }
    }

    fn next_node(&mut self, flow: u32, client: u32, nodes: u32) -> u32 {
        let hash = self.flows[flow as usize].hash;
        let turns = &mut self.ways_mut().turns[flow as usize];
        while turns.len() <= client as usize {
            // Each client starts at a node of its own.
            turns.push(Keyed::new(mix(hash ^ GATE, turns.len() as u64)).below(nodes));
        }
        let turn = &mut turns[client as usize];
        let node = *turn;
        *turn = (node + 1) % nodes;
        node
    }

    /// The rules of a node choose a pod for a connection from outside.
    fn admit(&mut self, node: u32, service: usize, address: u32, now: SimTime) -> Admitted {
        if self.is_dark(node) {
            return Admitted::Dropped;
        }
        let (plan, control, roster) = (self.plan, self.control.as_deref(), &self.roster);
        let kube_proxy =
            Self::kube_proxy_on(&mut self.kube_proxies, plan, (self.seed, self.replication), node, control);
        let rules = kube_proxy.rules_outside(plan, node, service, control);
        match rules.pick((plan, roster), service, address, now) {
            Some(choice) => {
                self.count_connection(choice.endpoint);
                Admitted::To(choice)
            }
            None if rules.drops(plan, service) => Admitted::Dropped,
            None => Admitted::Refused,
        }
    }

    fn count_connection(&mut self, endpoint: u32) {
        self.note_pick_for_connection(endpoint);
        self.endpoints[endpoint as usize].connections += 1;
    }

    /// The round trip of a connection's handshake; enters the ledger as `connect`.
    fn outside_handshake(&mut self, attempt: u32, gate: Gate, to: u32, now: SimTime) -> SimDuration {
        let spec = self.plan_flow(self.attempts[attempt].flow);
        let mut total = SimDuration::ZERO;
        if !spec.free_handshakes {
            let key = self.attempts[attempt].base ^ CONNECT;
            for leg in self.legs(self.attempts[attempt].flow, gate, to) {
                total += self.leg_delay_at(leg, key, now) + self.leg_delay_at(leg, mix(key, 1), now);
            }
        }
        self.charge(attempt, spec.layout.connect, total);
        if self.probes.any_flow {
            self.watch_connect_from_outside(attempt, gate, to, total.as_nanos());
        }
        total
    }

    /// The node whose rules let a connection in.
    pub(crate) fn node_of_rules(&self, attempt: u32, connection: u32) -> u32 {
        let entry = &self.attempts[attempt];
        let hot = &self.plan.hot[entry.flow as usize];
        if !hot.way_in {
            return self.node_of_client(hot, entry.flow, entry.client);
        }
        match self.ways.as_deref() {
            Some(_) if connection < OWN => self.gate_of_kept(connection),
            _ => self.gate_of(attempt).node,
        }
    }

    /// A connection from outside ended: one of a pool, or the attempt's own.
    #[inline(never)]
    pub(super) fn leave_gate(&mut self, attempt: u32, connection: u32, now: SimTime) {
        let ruled = matches!(self.plan_flow(self.attempts[attempt].flow).route, Route::ClusterIp | Route::Proxy7(_));
        if self.plan.keeps_entries() && ruled && self.node_of_rules(attempt, connection) != NONE {
            self.tell_kube_proxy(attempt, connection, now);
        }
        let flow = self.attempts[attempt].flow as usize;
        if connection == NONE {
            let ways = self.ways_mut();
            let gate = take(&mut ways.of_attempts, attempt);
            ways.uncount(flow, gate, now);
        } else {
            self.gate_closed(as_u32(flow), connection, now);
        }
    }

    /// An idle connection of a pool ended.
    pub(super) fn gate_closed(&mut self, flow: u32, connection: u32, now: SimTime) {
        let ways = self.ways_mut();
        let gate = take(&mut ways.of_connections, connection);
        ways.uncount(flow as usize, gate, now);
    }
}
