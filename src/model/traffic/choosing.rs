//! Who gets a connection or a request: a worker of a proxy, the pod behind a layer-4 proxy, what the client's own balancer
//! picks.

use std::sync::Arc;

use crate::cause::FailureCause;
use crate::model::World;
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::{Route, as_u32};
use crate::model::random_keys::{CLOSED, INSTANCE, WORKER};
use crate::model::traffic::flow::ClientBalancer;
use crate::model::traffic::sight::PodSight;
use crate::model::watch::Chooser;
use crate::random::{Keyed, mix};
use crate::scenario::InstancePick;
use crate::time::SimTime;

impl World<'_> {
    #[inline(always)]
    pub(crate) fn note_pick(&mut self, endpoint: u32) {
        self.endpoints[endpoint as usize].picks += 1;
        self.probes.picked(endpoint);
    }

    pub(super) fn note_pick_for_connection(&mut self, endpoint: u32) {
        self.note_pick(endpoint);
        self.endpoints[endpoint as usize].picks_of_connections += 1;
    }

    /// A layer-4 proxy chooses when a connection opens; a layer-7 proxy chooses later.
    pub(super) fn choose_behind(
        &mut self,
        route: Route,
        worker: u32,
        (flow, client): (u32, u32),
        now: SimTime,
    ) -> Option<u32> {
        let Route::Proxy4(_) = route else { return None };
        let state = &mut self.workers[worker as usize];
        let (stations, work) = (&self.stations, self.work.as_deref());
        let programmed = &*state.programmed;
        let sight = PodSight { endpoints: &self.roster.endpoints, stations, work, programmed, now, flow, client };
        let endpoint = programmed.endpoint(state.balancer.pick(&mut state.stream, &sight)?);
        self.note_pick_for_connection(endpoint);
        self.endpoints[endpoint as usize].connections += 1;
        Some(endpoint)
    }

    /// Which worker of which instance takes a request or connection.
    #[inline]
    pub(super) fn choose_worker(&mut self, flow: u32, proxy: u32, client: u32, key: u64) -> u32 {
        let spec = &self.plan.scenario.proxies[proxy as usize];
        let instance = if spec.instances == 1 {
            0
        } else {
            match spec.pick {
                InstancePick::Random => Keyed::new(key ^ INSTANCE).below(spec.instances),
                InstancePick::PerClient => client % spec.instances,
                InstancePick::RoundRobin => self.next_instance(flow, client, spec.instances),
            }
        };
        let worker = if spec.workers == 1 { 0 } else { Keyed::new(key ^ WORKER).below(spec.workers) };
        self.plan.proxies[proxy as usize].first_worker + instance * spec.workers + worker
    }

    fn next_instance(&mut self, flow: u32, client: u32, instances: u32) -> u32 {
        let clients = self.plan.flows[flow as usize].clients as usize;
        let state = &mut self.flows[flow as usize];
        let clients = clients.max(client as usize + 1);
        if state.instance_turns.len() < clients {
            let hash = state.hash;
            // Each client starts at an instance of its own, so that clients do not move in step.
            let start = |client| Keyed::new(mix(hash ^ INSTANCE, client as u64)).below(instances);
            state.instance_turns = (0..clients).map(start).collect();
        }
        let turn = &mut state.instance_turns[client as usize];
        let instance = *turn;
        *turn = (instance + 1) % instances;
        instance
    }

    /// The client's own balancer chooses an endpoint, if it knows any.
    #[inline]
    pub(super) fn choose_by_client(&mut self, attempt: u32, now: SimTime) -> bool {
        let (flow, client) = (self.attempts[attempt].flow, self.attempts[attempt].client);
        let plan = self.plan;
        let spec = &plan.flows[flow as usize];
        if self.control.is_some() && spec.asks_dns() && self.knows_nobody(flow, client) {
            // A pool has nobody to connect to, and asks again; the servers answer at once.
            let newest = self.newest_answer(spec.flow.service);
            self.follow_answer(flow, client, &newest, now);
        }
        let service = spec.flow.service;
        let programmed = match (self.control.as_deref(), &self.dns) {
            (None, _) => None,
            (Some(_), Some(dns)) if spec.asks_dns() => Some(dns.endpoints(service, dns.newest(service))),
            (Some(control), _) => Some(&control.programmed_at(flow, client, service).ready),
        };
        let chooser = self.flows[flow as usize].balancer(plan, spec, client, self.replication, programmed);
        let (stations, work, programmed) = (&self.stations, self.work.as_deref(), &*chooser.programmed);
        let sight = PodSight { endpoints: &self.roster.endpoints, stations, work, programmed, now, flow, client };
        let Some(mut choice) = chooser.balancer.pick(&mut chooser.stream, &sight) else { return false };
        let endpoint = if self.control.is_some() && spec.goes_by_connections() {
            let Some(open) = self.next_connected((flow, client), choice, now) else { return false };
            choice = open;
            self.chooser(flow, client).programmed.endpoint(choice)
        } else {
            chooser.programmed.endpoint(choice)
        };
        let entry = &mut self.attempts[attempt];
        (entry.endpoint, entry.place_in_balancer, entry.picked) = (endpoint, choice, now.as_nanos());
        if entry.measured {
            self.note_pick(endpoint);
        }
        if self.probes.picks {
            self.watch_pick(attempt, endpoint, Chooser::Client, true, now);
        }
        true
    }

    /// The first pod from a client's choice on to which its connection stands, as far as it knows; `None`: they are all lost.
    #[inline(never)]
    fn next_connected(&mut self, (flow, client): (u32, u32), first: u32, now: SimTime) -> Option<u32> {
        let mut choice = first;
        for _ in 0..self.chooser(flow, client).programmed.count() {
            let endpoint = self.chooser(flow, client).programmed.endpoint(choice);
            if !self.knows_closed((flow, client), endpoint, now) {
                return Some(choice);
            }
            let (stations, work) = (&self.stations, self.work.as_deref());
            let chooser = self.flows[flow as usize].balancers[client as usize].as_mut().expect("it has just chosen");
            let programmed = &*chooser.programmed;
            let sight = PodSight { endpoints: &self.roster.endpoints, stations, work, programmed, now, flow, client };
            choice = chooser.balancer.pick(&mut chooser.stream, &sight)?;
        }
        None
    }

    fn chooser(&self, flow: u32, client: u32) -> &ClientBalancer {
        self.flows[flow as usize].balancers[client as usize].as_ref().expect("it has just chosen")
    }

    /// Whether the processes of a pod have ended, and the end of its connections has come to a client.
    fn knows_closed(&self, (flow, client): (u32, u32), endpoint: u32, now: SimTime) -> bool {
        if !self.roster.is_dead(endpoint) {
            return false;
        }
        let far = &self.roster.endpoints[endpoint as usize];
        let near = self.node_of_client(&self.plan.hot[flow as usize], flow, client);
        let key = mix(self.flows[flow as usize].hash ^ CLOSED, u64::from(endpoint) << 32 | u64::from(client));
        let news = self.plan.topology.delay(self.plan.class_of(flow, (near, far.node)), key);
        now >= self.roster.ended_at[far.station as usize] + news
    }

    /// Whether a client's balancer has heard of no endpoint.
    fn knows_nobody(&self, flow: u32, client: u32) -> bool {
        let chooser = self.flows[flow as usize].balancers.get(client as usize);
        chooser.and_then(Option::as_ref).is_some_and(|chooser| chooser.programmed.count() == 0)
    }

    /// A client's balancer goes by what its lookup said.
    #[inline(never)]
    pub(crate) fn follow_answer(&mut self, flow: u32, client: u32, said: &Arc<Snapshot>, now: SimTime) {
        let plan = self.plan;
        let spec = &plan.flows[flow as usize];
        let chooser = self.flows[flow as usize].balancer(plan, spec, client, self.replication, Some(said));
        if chooser.programmed.version() != said.version() {
            let number = |endpoint: u32| as_u32(self.roster.number_of(plan, endpoint));
            chooser.balancer.follow(&said.changes_from(&chooser.programmed, now, number));
            chooser.programmed = Arc::clone(said);
        }
    }

    /// Why there is no endpoint: a cluster IP has an address all the same, a headless Service has not even a name.
    pub(super) fn without_endpoints(&self, attempt: u32) -> FailureCause {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        if self.control.is_some() && spec.goes_by_connections() && !self.knows_nobody(entry.flow, entry.client) {
            // It knows addresses, and none of them can be connected to.
            return FailureCause::Refused;
        }
        let service = spec.flow.service;
        let headless = self.plan.scenario.services[service].headless;
        if headless { FailureCause::DnsNxdomain } else { FailureCause::Refused }
    }
}
