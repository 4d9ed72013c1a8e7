//! A cloud's load balancer before a Service: it sends each connection to a node or to a pod, and looks whether they are
//! well.
//!
//! A node is well if its kube-proxy says so: always under `externalTrafficPolicy: Cluster`, and under `Local` while it has
//! a pod of its own (`healthCheckNodePort`). A look takes place once an interval, at a time of its own for each target;
//! so many looks in a row that disagree with what the load balancer believes change its mind.

use std::sync::Arc;

use crate::balance::{Balancer, Ended, Glance};
use crate::engine::{Rank, Schedule};
use crate::model::control::Consumer;
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::{NONE, Plan, as_u32};
use crate::model::traffic::channel::Channel;
use crate::model::traffic::connection::Connection;
use crate::model::{World, kind};
use crate::random::{Keyed, Stream};
use crate::scenario::outside::{Entry, TargetChoice};
use crate::time::{SimDuration, SimTime};

/// The load balancer of a Service port.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    /// The Service port.
    pub(crate) service: usize,
    stream: Stream,
    /// Nothing where it hashes.
    balancer: Option<Balancer>,
    /// The targets that get connections: indices of nodes, or of endpoints.
    pub(crate) targets: Arc<Snapshot>,
    /// All it knows.
    known: Vec<Target>,
}

/// A node or a pod that it knows.
#[derive(Debug)]
struct Target {
    id: u32,
    /// What the load balancer believes.
    well: bool,
    /// How many looks in a row said otherwise.
    streak: u32,
    /// Whether a look is scheduled: there is none while nothing can have changed.
    looking: bool,
    /// When in each interval it is looked at, in nanoseconds.
    phase: u64,
}

impl LoadBalancer {
    /// As it is when the run begins: everything was looked at long ago.
    pub(crate) fn new(plan: &Plan, service: usize, nodes: &[usize], replication: u32) -> Self {
        let spec = &plan.scenario.cluster.load_balancers;
        let name = format!("loadbalancer/{}", plan.scenario.services[service].label());
        let mut stream = Stream::new(plan.scenario.run.seed, replication, &name);
        let endpoints = &plan.services[service].snapshot;
        let has_pods = |node: u32| plan.services[service].published.ready_on(node) > 0;
        let local = plan.takes_in_locally(service);
        let interval = spec.interval.as_nanos();
        let mut target = |id, well| {
            let phase = (stream.unit() * interval as f64) as u64;
            Target { id, well, streak: 0, looking: false, phase }
        };
        let known: Vec<Target> = if spec.pods {
            (0..endpoints.count()).map(|place| target(endpoints.endpoint(place), true)).collect()
        } else {
            nodes.iter().map(|node| as_u32(*node)).map(|node| target(node, !local || has_pods(node))).collect()
        };
        let targets = Snapshot::new(0, known.iter().map(|target| target.id));
        let balancer = match &spec.choice {
            TargetChoice::Policy(policy) => Some(policy.build(targets.count(), &mut stream)),
            TargetChoice::Hash => None,
        };
        let mut own = Self { service, stream, balancer, targets, known };
        if own.known.iter().any(|target| !target.well) {
            let all = Arc::clone(&own.targets);
            own.renew(SimTime::ZERO, |target| all.place(target).unwrap_or(0));
        }
        own
    }

    /// The target of a new connection, given what identifies it.
    pub(crate) fn pick(&mut self, key: u64, now: SimTime) -> Option<u32> {
        let place = match &mut self.balancer {
            Some(balancer) => balancer.pick(&mut self.stream, &Glance { now, client: key })?,
            None if self.targets.count() == 0 => return None,
            None => Keyed::new(key).below(self.targets.count()),
        };
        Some(self.targets.endpoint(place))
    }

    /// A connection to a target ended.
    pub(crate) fn ended(&mut self, target: u32, now: SimTime) {
        if let (Some(balancer), Some(place)) = (&mut self.balancer, self.targets.place(target)) {
            balancer.done(place, Ended { picked: now, now, failed: false });
        }
    }

    /// Other targets get connections from now on; `number` is that of a target among all that there ever were.
    fn renew(&mut self, now: SimTime, number: impl Fn(u32) -> u32) {
        let next = Snapshot::new(self.targets.version() + 1, well(&self.known));
        if let Some(balancer) = &mut self.balancer {
            balancer.follow(&next.changes_from(&self.targets, now, number));
        }
        self.targets = next;
    }
}

fn well(known: &[Target]) -> Vec<u32> {
    known.iter().filter(|target| target.well).map(|target| target.id).collect()
}

/// A look at a target, or the end of its connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    balancer: usize,
    target: u32,
}

impl World<'_> {
    /// Endpoints changed for some kind of consumer: the load balancers of the Service look whether their targets are well.
    pub(crate) fn tell_load_balancers(
        &mut self,
        consumer: Consumer,
        service: usize,
        snapshot: &Snapshot,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let pods = self.plan.scenario.cluster.load_balancers.pods;
        if consumer != (if pods { Consumer::Proxies } else { Consumer::KubeProxies }) {
            return;
        }
        let Some(ways) = self.ways.as_deref() else { return };
        let concerned: Vec<usize> =
            (0..ways.balancers.len()).filter(|balancer| ways.balancers[*balancer].service == service).collect();
        for balancer in concerned {
            self.tell_load_balancer(balancer, snapshot, now, schedule);
        }
    }

    /// The same, for one of them.
    pub(crate) fn tell_load_balancer(
        &mut self,
        balancer: usize,
        snapshot: &Snapshot,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        if self.plan.scenario.cluster.load_balancers.pods {
            self.register(balancer, snapshot, now, schedule);
        }
        let known = &self.ways.as_deref().expect("there are flows from outside").balancers[balancer].known;
        for target in known.iter().map(|target| target.id).collect::<Vec<_>>() {
            self.look_if_needed(balancer, target, now, schedule);
        }
    }

    /// The rules of a node are new: load balancers that send to nodes look whether it is well.
    pub(crate) fn tell_load_balancers_of(&mut self, node: u32, service: usize, now: SimTime, schedule: &mut Schedule) {
        let Some(ways) = self.ways.as_deref().filter(|_| self.plan.takes_in_locally(service)) else { return };
        if self.plan.scenario.cluster.load_balancers.pods {
            return;
        }
        let of_service = |balancer: &usize| ways.balancers[*balancer].service == service;
        for balancer in (0..ways.balancers.len()).filter(of_service).collect::<Vec<_>>() {
            self.look_if_needed(balancer, node, now, schedule);
        }
    }

    /// The pods that a load balancer sends to are others.
    fn register(&mut self, balancer: usize, snapshot: &Snapshot, now: SimTime, schedule: &mut Schedule) {
        let spec = &self.plan.scenario.cluster.load_balancers;
        let ways = self.ways.as_deref_mut().expect("there are flows from outside");
        let own = &mut ways.balancers[balancer];
        let gone: Vec<u32> =
            own.known.iter().map(|target| target.id).filter(|target| snapshot.place(*target).is_none()).collect();
        own.known.retain(|target| !gone.contains(&target.id));
        for endpoint in (0..snapshot.count()).map(|place| snapshot.endpoint(place)) {
            if !own.known.iter().any(|target| target.id == endpoint) {
                let phase = (own.stream.unit() * spec.interval.as_nanos() as f64) as u64;
                own.known.push(Target { id: endpoint, well: false, streak: 0, looking: false, phase });
            }
        }
        own.known.sort_by_key(|target| target.id);
        let (plan, roster) = (self.plan, &self.roster);
        own.renew(now, |endpoint| as_u32(roster.number_of(plan, endpoint)));
        for target in gone {
            let slot = ways.looks.insert(Look { balancer, target });
            schedule.at(now + spec.deregistration, Rank::Cluster, kind::DEREGISTERED, slot);
        }
    }

    /// Nodes may be cut off, or reached again: all load balancers look at all targets.
    pub(crate) fn look_around(&mut self, now: SimTime, schedule: &mut Schedule) {
        let Some(ways) = self.ways.as_deref() else { return };
        let of = |(balancer, own): (usize, &LoadBalancer)| -> Vec<(usize, u32)> {
            own.known.iter().map(|target| (balancer, target.id)).collect()
        };
        for (balancer, target) in ways.balancers.iter().enumerate().flat_map(of).collect::<Vec<_>>() {
            self.look_if_needed(balancer, target, now, schedule);
        }
    }

    /// Whether a target answers a look.
    fn is_well(&self, balancer: usize, target: u32, now: SimTime) -> bool {
        let ways = self.ways.as_deref().expect("there are flows from outside");
        let service = ways.balancers[balancer].service;
        let pods = self.plan.scenario.cluster.load_balancers.pods;
        let node = if pods { self.roster.endpoints[target as usize].node } else { target };
        if self.plan.is_cut((self.plan.topology.outside(), node), now) {
            return false;
        }
        if pods {
            return !self.roster.is_dead(target);
        }
        if self.is_dark(target) {
            return false;
        }
        if !self.plan.takes_in_locally(service) {
            return true;
        }
        let published = match self.control.as_deref() {
            Some(control) => control.programmed_on(target, service),
            None => &self.plan.services[service].published,
        };
        published.ready_on(target) > 0
    }

    /// A node is gone, or there again: load balancers see it by looking at what is on it.
    pub(crate) fn node_changes_for_balancers(&mut self, node: u32, now: SimTime, schedule: &mut Schedule) {
        let pods = self.plan.scenario.cluster.load_balancers.pods;
        let count = self.ways.as_deref().map_or(0, |ways| ways.balancers.len());
        for balancer in 0..count {
            let ways = self.ways.as_deref().expect("it has load balancers");
            let on_node = |target: &u32| {
                if pods { self.roster.endpoints[*target as usize].node == node } else { *target == node }
            };
            let known = ways.balancers[balancer].known.iter().map(|target| target.id);
            for target in known.filter(on_node).collect::<Vec<_>>() {
                self.look_if_needed(balancer, target, now, schedule);
            }
        }
    }

    /// Looks go on while they may change the load balancer's mind.
    fn look_if_needed(&mut self, balancer: usize, target: u32, now: SimTime, schedule: &mut Schedule) {
        let truly = self.is_well(balancer, target, now);
        let interval = self.plan.scenario.cluster.load_balancers.interval.as_nanos();
        let ways = self.ways.as_deref_mut().expect("there are flows from outside");
        let Some(own) = ways.balancers[balancer].known.iter_mut().find(|own| own.id == target) else { return };
        if own.looking || own.well == truly {
            return;
        }
        own.looking = true;
        let passed = (now.as_nanos() + interval - own.phase) % interval;
        let slot = ways.looks.insert(Look { balancer, target });
        schedule.at(now + SimDuration::from_nanos(interval - passed), Rank::Cluster, kind::LOOK, slot);
    }

    /// A load balancer looks at a target.
    pub(crate) fn on_look(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let ways = self.ways.as_deref_mut().expect("there are flows from outside");
        let Look { balancer, target } = ways.looks[slot];
        ways.looks.remove(slot);
        let spec = &self.plan.scenario.cluster.load_balancers;
        let truly = self.is_well(balancer, target, now);
        let ways = self.ways.as_deref_mut().expect("there are flows from outside");
        let own = &mut ways.balancers[balancer];
        let service = own.service;
        // It may have been taken out of the list meanwhile.
        let Some(known) = own.known.iter_mut().find(|own| own.id == target) else { return };
        known.looking = false;
        if known.well == truly {
            known.streak = 0;
            return;
        }
        known.streak += 1;
        if known.streak < if truly { spec.healthy } else { spec.unhealthy } {
            return self.look_if_needed(balancer, target, now, schedule);
        }
        (known.well, known.streak) = (truly, 0);
        let (plan, roster) = (self.plan, &self.roster);
        if spec.pods {
            own.renew(now, |endpoint| as_u32(roster.number_of(plan, endpoint)));
        } else {
            let nodes: Vec<u32> = own.known.iter().map(|target| target.id).collect();
            own.renew(now, |node| as_u32(nodes.binary_search(&node).unwrap_or(0)));
        }
        let name = if spec.pods {
            self.roster.name(self.plan, self.roster.pod_at(target))
        } else {
            self.plan.node_name(target).to_owned()
        };
        let label = format!("service/{}", self.plan.labels.services[service]);
        let detail = format!("{name} {}", if truly { "gets connections" } else { "gets no more connections" });
        self.enter_event(now, "load-balancer", label, detail);
    }

    /// The time of connections to a target that was taken out is over: those that are idle end.
    pub(crate) fn on_deregistered(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let ways = self.ways.as_deref_mut().expect("there are flows from outside");
        let Look { balancer, target } = ways.looks[slot];
        ways.looks.remove(slot);
        let service = ways.balancers[balancer].service;
        for index in 0..self.flows.len() {
            let way = self.plan.flows[index].flow.way_in.as_deref();
            if !way.is_some_and(|way| way.service == service && matches!(way.entry, Entry::LoadBalancer { .. })) {
                continue;
            }
            self.end_connections_to(index, target, now, schedule);
        }
    }

    fn end_connections_to(&mut self, flow: usize, target: u32, now: SimTime, schedule: &mut Schedule) {
        let channel = self.flows[flow].channel;
        if channel == Channel::Kept {
            return self.break_kept_to(as_u32(flow), target, now, schedule);
        }
        let ways = self.ways.as_deref_mut().expect("there are flows from outside");
        let state = &mut self.flows[flow];
        if channel == Channel::Standing {
            let broken = ways.break_standing(flow, target, &mut state.pinned);
            return self.note_broken(as_u32(flow), &broken, now);
        }
        let (mut closed, mut counts) = (Vec::new(), Vec::new());
        for (client, _, pool) in state.pools.all() {
            let before = closed.len();
            let leads = |connection: u32, _: &Connection| ways.leads_to(connection, target);
            self.pools[pool].close_some(&mut self.connections, leads, &mut closed);
            counts.push((client, false, (closed.len() - before) as u64, NONE));
        }
        for connection in closed {
            self.gate_closed(as_u32(flow), connection, now);
        }
        self.note_broken(as_u32(flow), &counts, now);
    }

    /// Whether the pods of a Service are the targets of a load balancer.
    pub(crate) fn balances_pods(&self, service: usize) -> bool {
        let balancers = self.ways.as_deref().map_or(&[][..], |ways| &ways.balancers[..]);
        self.plan.scenario.cluster.load_balancers.pods && balancers.iter().any(|own| own.service == service)
    }
}
