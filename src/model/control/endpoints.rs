//! News of endpoints: a Service's endpoints get a new version, which reaches each kind of consumer after a delay.

use std::sync::Arc;

use super::lifecycle::address_text;
use super::{Consumer, Delivery};
use crate::discovery::slices::Listed;
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::network::published::Standing;
use crate::model::plan::{FlowPlan, Route, as_u32};
use crate::model::{World, kind};
use crate::scenario::Protocol;
use crate::time::{SimDuration, SimTime};

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
    pub(super) fn sync_slices(&mut self, service: usize, now: SimTime, schedule: &mut Schedule) {
        if !std::mem::replace(&mut self.control_mut().stale[service], true) {
            schedule.at(now, Rank::Cluster, kind::SLICES_SYNCED, as_u32(service));
        }
    }

    /// The controller writes the EndpointSlices of a Service.
    pub(crate) fn on_slices_synced(&mut self, service: u32, now: SimTime, schedule: &mut Schedule) {
        let service = service as usize;
        self.control_mut().stale[service] = false;
        let plan = self.plan;
        let (spec, era) = (&plan.scenario.services[service], self.control_mut().eras[service]);
        let standing = Standing { address: spec.address_in(era), policy: spec.policy_in(era) };
        let listed = self.listed(service, era);
        let observed = &self.control_mut().observed[service];
        let next = observed.next(&listed, standing, &plan.capacity);
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
        for consumer in Consumer::ALL {
            let concerned = ready_differs || moved || consumer == Consumer::KubeProxies;
            if concerned && self.consumes(consumer, service) {
                let delivery = Delivery { consumer, service, published: Arc::clone(&next) };
                let slot = self.control_mut().deliveries.insert(delivery);
                schedule.at(now + self.delay_to(consumer), Rank::Cluster, kind::PROGRAMMED, slot);
            }
        }
        if ready_differs {
            self.tell_controllers(service, &next.ready, now, schedule);
        }
    }

    /// The endpoints of a Service as the controller sees them: of pods that have an address and have not ended.
    fn listed(&self, service: usize, era: usize) -> Vec<Listed> {
        let spec = &self.plan.scenario.services[service];
        let listed = |endpoint: u32| {
            let pod = self.roster.pod_at(endpoint);
            let selected = spec.selects_in(era, self.roster.endpoints[endpoint as usize].target as usize);
            if !selected || !matches!(pod.phase, Phase::Starting | Phase::Running | Phase::Stopping) {
                return None;
            }
            let (serving, terminating) = (pod.serves(), pod.phase == Phase::Stopping);
            let ready = spec.policy_in(era).not_ready_too || serving && !terminating;
            Some(self.plan.listed(endpoint, spec.target_port_in(era), pod.node, (ready, serving, terminating)))
        };
        self.roster.endpoints_of(self.plan, service).filter_map(listed).collect()
    }

    fn delay_to(&self, consumer: Consumer) -> SimDuration {
        let lifecycle = &self.plan.scenario.cluster.lifecycle;
        match consumer {
            Consumer::KubeProxies => lifecycle.kube_proxy,
            Consumer::Proxies => lifecycle.proxy,
            Consumer::Clients => lifecycle.client,
            Consumer::Dns => lifecycle.dns,
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
                self.forget_datagrams(service, &published, now, schedule);
            }
            Consumer::Proxies => {
                for (worker, plan) in self.workers.iter_mut().zip(&self.plan.workers) {
                    let proxy = &self.plan.scenario.proxies[plan.proxy as usize];
                    if proxy.service == service && proxy.controller.is_none() {
                        worker.balancer.follow(&snapshot.changes_from(&worker.programmed, now, number));
                        worker.programmed = Arc::clone(&snapshot);
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
