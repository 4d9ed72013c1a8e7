//! News of endpoints: a Service's endpoints get a new version, which reaches each kind of consumer after a delay.

use std::sync::Arc;

use super::lifecycle::address_text;
use super::{Consumer, Delivery};
use crate::controllers::slice_queue::SliceQueue;
use crate::discovery::slices::Listed;
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::network::published::Standing;
use crate::model::plan::{FlowPlan, Plan, Route, as_u32};
use crate::model::random_keys::SLICES;
use crate::model::{World, kind};
use crate::random::{Keyed, mix, name_hash};
use crate::scenario::Protocol;
use crate::scenario::propagation::RuleNews;
use crate::time::{SimDuration, SimTime};

/// For how long the controller may not have seen its own last write. ASSUMED; in our recordings of 1.20 writes failed that
/// came within 50 ms of another.
const CACHE_LAG: SimDuration = SimDuration::from_millis(100);

/// A Service as the controller sees it when it looks.
#[derive(Debug)]
struct Seen {
    listed: Vec<Listed>,
    standing: Standing,
}

/// A look at a Service.
#[derive(Debug, Default)]
struct Look {
    /// What was seen, while it is being worked on.
    seen: Option<Seen>,
    began: SimTime,
    /// When its slices were written last.
    written: Option<SimTime>,
    /// How many draws it had.
    draws: u64,
}

/// How the controller works, where that takes time.
#[derive(Debug)]
pub(super) struct Writing {
    take_time: bool,
    queue: SliceQueue,
    looks: Vec<Look>,
    key: u64,
}

impl Writing {
    pub(super) fn new(plan: &Plan, replication: u32) -> Self {
        let spec = &plan.scenario.cluster.propagation;
        let take_time = spec.slices.as_constant() != Some(SimDuration::ZERO) || spec.conflicts > 0.0;
        let services = plan.services.len();
        let key = name_hash(plan.scenario.run.seed, replication, "propagation/endpointSlices") ^ SLICES;
        let looks = (0..services).map(|_| Look::default()).collect();
        Self { take_time, queue: SliceQueue::new(services), looks, key }
    }

    /// The next draw for a Service.
    fn draw(&mut self, service: u32) -> Keyed {
        let look = &mut self.looks[service as usize];
        look.draws += 1;
        Keyed::new(mix(mix(self.key, service.into()), look.draws))
    }
}

impl World<'_> {
    /// The pods of a workload changed: the Services that select it get new endpoints, if they differ.
    pub(super) fn publish(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        for (service, spec) in plan.scenario.services.iter().enumerate() {
            // An address of a pod has no endpoints: whoever knows it goes there. Nor does the controller write slices
            // that are written by hand.
            if spec.pod.is_none() && spec.only.is_empty() && spec.targets.iter().any(|(target, _)| *target == workload)
            {
                self.sync_slices(service, now, schedule);
            }
        }
    }

    /// What happens at one time is written at once, as the controller's queue of Services sees to it.
    pub(crate) fn sync_slices(&mut self, service: usize, now: SimTime, schedule: &mut Schedule) {
        if !std::mem::replace(&mut self.control_mut().stale[service], true) {
            schedule.at(now, Rank::Cluster, kind::SLICES_SYNCED, as_u32(service));
        }
    }

    /// A Service comes into the controller's queue; where looking at it takes no time, its EndpointSlices are written.
    pub(crate) fn on_slices_synced(&mut self, service: u32, now: SimTime, schedule: &mut Schedule) {
        self.control_mut().stale[service as usize] = false;
        if !self.control_mut().slices.take_time {
            let seen = self.seen(service as usize);
            return self.write_slices(service as usize, &seen, now, schedule);
        }
        self.control_mut().slices.queue.add(service);
        self.look_at_services(now, schedule);
    }

    /// The controller looks at as many Services as it can; what it writes is what it sees now.
    fn look_at_services(&mut self, now: SimTime, schedule: &mut Schedule) {
        while let Some(service) = self.control_mut().slices.queue.begin() {
            let seen = self.seen(service as usize);
            let takes = &self.plan.scenario.cluster.propagation.slices;
            let own = &mut self.control_mut().slices;
            let takes = takes.sample(&mut own.draw(service));
            own.looks[service as usize].seen = Some(seen);
            own.looks[service as usize].began = now;
            schedule.at(now + takes, Rank::Cluster, kind::SLICES_WRITTEN, service);
        }
    }

    /// The controller has done with a Service: its slices are written, unless the controller had not yet seen its own last
    /// write.
    pub(crate) fn on_slices_written(&mut self, service: u32, now: SimTime, schedule: &mut Schedule) {
        let conflicts = self.plan.scenario.cluster.propagation.conflicts;
        let own = &mut self.control_mut().slices;
        let coin = own.draw(service).unit();
        let look = &mut own.looks[service as usize];
        let seen = look.seen.take().expect("somebody looked at it");
        let behind = look.written.is_some_and(|written| look.began.since(written) < CACHE_LAG);
        let failed = behind && coin < conflicts;
        if !failed {
            look.written = Some(now);
        }
        let wait = own.queue.end(service, failed);
        if failed {
            let label = format!("service/{}", self.plan.labels.services[service as usize]);
            let again = wait.map_or_else(|| "no more".to_owned(), |wait| format!("again in {wait}"));
            self.enter_event(now, "endpoints-conflict", label, again);
        } else {
            self.write_slices(service as usize, &seen, now, schedule);
        }
        if let Some(wait) = wait {
            schedule.at(now + wait, Rank::Cluster, kind::SLICES_AGAIN, service);
        }
        self.look_at_services(now, schedule);
    }

    /// What the controller sees of a Service.
    fn seen(&mut self, service: usize) -> Seen {
        let era = self.control_mut().eras[service];
        let spec = &self.plan.scenario.services[service];
        let standing = Standing { address: spec.address_in(era), policy: spec.policy_in(era) };
        Seen { listed: self.listed(service, era), standing }
    }

    /// The controller writes the EndpointSlices of a Service.
    fn write_slices(&mut self, service: usize, seen: &Seen, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let observed = &self.control_mut().observed[service];
        let next = observed.next(&seen.listed, seen.standing, &plan.capacity);
        let by_udp = |flow: &FlowPlan| flow.is_ruled_for(service) && flow.flow.connections.protocol == Protocol::Udp;
        if next.is_as_good_as(observed, plan.flows.iter().any(by_udp)) {
            return;
        }
        let (before, next) = (Arc::clone(observed), Arc::new(next));
        self.control_mut().observed[service] = Arc::clone(&next);
        self.control_mut().lateness.note(&before, &next, now);
        let label = format!("service/{}", plan.labels.services[service]);
        let mut told = format!("version {}: {} ready", next.version(), next.ready.count());
        if next.standing.address != before.standing.address {
            told = match next.standing.address {
                None => format!("version {}: gone", next.version()),
                Some(0) => told,
                Some(address) => format!("{told}, at {}", address_text(address)),
            };
        }
        self.enter_event(now, "endpoints", label.clone(), told);
        if next.off != before.off {
            let why = next.off.map_or("on".to_owned(), |off| format!("off: {}", off.as_str()));
            self.enter_event(now, "topology-hints", label, why);
        }
        let ready_differs = next.ready.endpoints() != before.ready.endpoints();
        let moved = next.standing.address != before.standing.address;
        let mut apart = Vec::new();
        for consumer in Consumer::ALL {
            let concerned = ready_differs || moved || consumer == Consumer::KubeProxies;
            if !concerned || !self.consumes(consumer, service) {
                continue;
            }
            match self.delay_to(consumer) {
                Some(delay) => {
                    let delivery = Delivery { consumer, service, published: Arc::clone(&next) };
                    let slot = self.control_mut().deliveries.insert(delivery);
                    schedule.at(now + delay, Rank::Cluster, kind::PROGRAMMED, slot);
                }
                None => apart.push(consumer),
            }
        }
        self.send_news(&apart, service, &next, now, schedule);
        if ready_differs {
            self.tell_controllers(service, &next.ready, now, schedule);
        }
    }

    /// The endpoints of a Service as the controller sees them: of pods that have an address and have not ended.
    fn listed(&self, service: usize, era: usize) -> Vec<Listed> {
        let spec = &self.plan.scenario.services[service];
        let lists_terminating = self.plan.scenario.cluster.kubernetes.lists_terminating();
        let listed = |endpoint: u32| {
            let pod = self.roster.pod_at(endpoint);
            let selected = spec.selects_in(era, self.roster.endpoints[endpoint as usize].target as usize);
            if !selected || !matches!(pod.phase, Phase::Starting | Phase::Running | Phase::Stopping) {
                return None;
            }
            let (serving, terminating) = (pod.serves(), pod.phase == Phase::Stopping);
            if terminating && !lists_terminating {
                return None;
            }
            let ready = spec.policy_in(era).not_ready_too || serving && !terminating;
            Some(self.plan.listed(endpoint, spec.target_port_in(era), pod.node, (ready, serving, terminating)))
        };
        self.roster.endpoints_of(self.plan, service).filter_map(listed).collect()
    }

    /// When all consumers of a kind act; nothing where each does at a time of its own.
    fn delay_to(&self, consumer: Consumer) -> Option<SimDuration> {
        let spec = &self.plan.scenario.cluster.propagation;
        match (consumer, &spec.rules) {
            (Consumer::KubeProxies, RuleNews::After(delay)) => delay.as_constant(),
            (Consumer::KubeProxies, RuleNews::InRuns(_)) => None,
            (Consumer::Proxies, _) => spec.proxies.as_constant(),
            (Consumer::Clients, _) => spec.clients.as_constant(),
            (Consumer::Dns, _) => spec.dns.as_constant(),
        }
    }

    /// Whether anybody of that kind acts on the Service's endpoints.
    fn consumes(&self, consumer: Consumer, service: usize) -> bool {
        match consumer {
            Consumer::KubeProxies => self.plan.flows.iter().any(|flow| flow.is_ruled_for(service)),
            Consumer::Clients => self
                .plan
                .flows
                .iter()
                .any(|flow| flow.route == Route::ClientBalancer && !flow.asks_dns() && flow.flow.service == service),
            Consumer::Dns => self.plan.dns.as_ref().is_some_and(|dns| dns.has_names_of(service)),
            Consumer::Proxies => {
                let stands_free =
                    |proxy: &crate::scenario::Proxy| proxy.service == service && proxy.controller.is_none();
                self.balances_pods(service) || self.plan.scenario.proxies.iter().any(stands_free)
            }
        }
    }

    /// News of endpoints reaches those who act on them.
    pub(crate) fn on_programmed(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let control = self.control_mut();
        let Delivery { consumer, service, published } = control.deliveries[slot].clone();
        control.deliveries.remove(slot);
        let before = std::mem::replace(&mut control.programmed[consumer as usize][service], Arc::clone(&published));
        let who = match consumer {
            Consumer::KubeProxies => "kube-proxies",
            Consumer::Proxies => "proxies",
            Consumer::Clients => "clients",
            Consumer::Dns => "DNS servers",
        };
        let label = format!("service/{}", self.plan.labels.services[service]);
        self.enter_event(now, "programmed", label, format!("version {} by {who}", published.version()));
        let snapshot = Arc::clone(&published.ready);
        let (plan, roster) = (self.plan, &self.roster);
        let number = |endpoint: u32| as_u32(roster.number_of(plan, endpoint));
        match consumer {
            Consumer::KubeProxies => {
                for (node, kube_proxy) in (0..).zip(&mut self.kube_proxies) {
                    if let Some(kube_proxy) = kube_proxy {
                        kube_proxy.programmed[service] = published.inside(self.plan.place_of_node(node));
                    }
                }
                self.forget_datagrams((service, None), &published, now, schedule);
            }
            Consumer::Proxies => {
                for (worker, own) in (0..).zip(&self.plan.workers) {
                    let proxy = &self.plan.scenario.proxies[own.proxy as usize];
                    if proxy.service == service && proxy.controller.is_none() {
                        self.worker_follows(worker, &snapshot, now);
                    }
                }
            }
            Consumer::Clients => {
                for (flow, plan) in self.flows.iter_mut().zip(&self.plan.flows) {
                    // Those who ask DNS for each connection hear from there.
                    let told = plan.route == Route::ClientBalancer && !plan.asks_dns();
                    if told && plan.flow.service == service {
                        for client in flow.balancers.iter_mut().flatten() {
                            client.balancer.follow(&snapshot.changes_from(&client.programmed, now, number));
                            client.programmed = Arc::clone(&snapshot);
                        }
                    }
                }
            }
            Consumer::Dns => {
                let dns = self.dns.as_mut().expect("only a cluster with DNS servers tells them");
                dns.hear(service, &published);
            }
        }
        if consumer != Consumer::KubeProxies && self.idling.is_some() {
            // Whoever is new here may be idle, which these balancers have not heard.
            let new = snapshot.endpoints().iter().filter(|endpoint| before.ready.place(**endpoint).is_none());
            let stations: Vec<u32> = new.map(|endpoint| self.roster.endpoints[*endpoint as usize].station).collect();
            stations.into_iter().for_each(|station| self.report_idle(station as usize));
        }
        self.tell_load_balancers(consumer, service, &snapshot, now, schedule);
    }
}
