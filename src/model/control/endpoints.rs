//! News of endpoints: a Service's endpoints get a new version, which reaches each kind of consumer after a delay.

use std::sync::Arc;

use super::{Consumer, Delivery};
use crate::engine::{Rank, Schedule};
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::{Route, as_u32};
use crate::model::{World, kind};
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// The pods of a workload changed: the Services that select it get new endpoints, if they differ.
    pub(super) fn publish(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        for (service, spec) in plan.scenario.services.iter().enumerate() {
            if spec.targets.iter().any(|(target, _)| *target == workload) {
                self.publish_service(service, now, schedule);
            }
        }
    }

    fn publish_service(&mut self, service: usize, now: SimTime, schedule: &mut Schedule) {
        let ready: Vec<u32> = self
            .roster
            .endpoints_of(self.plan, service)
            .filter(|endpoint| self.roster.pod_at(*endpoint).is_ready())
            .collect();
        let observed = &self.control_mut().observed[service];
        if observed.is(&ready) {
            return;
        }
        let snapshot = Snapshot::new(observed.version() + 1, ready);
        self.control_mut().observed[service] = Arc::clone(&snapshot);
        let label = format!("service/{}", self.plan.labels.services[service]);
        self.enter_event(
            now,
            "endpoints",
            label,
            format!("version {}: {} ready", snapshot.version(), snapshot.count()),
        );
        for consumer in Consumer::ALL {
            if self.consumes(consumer, service) {
                let delivery = Delivery { consumer, service, snapshot: Arc::clone(&snapshot) };
                let slot = self.control_mut().deliveries.insert(delivery);
                schedule.at(now + self.delay_to(consumer), Rank::Cluster, kind::PROGRAMMED, slot);
            }
        }
    }

    fn delay_to(&self, consumer: Consumer) -> SimDuration {
        let lifecycle = &self.plan.scenario.cluster.lifecycle;
        match consumer {
            Consumer::KubeProxies => lifecycle.kube_proxy,
            Consumer::Proxies => lifecycle.proxy,
            Consumer::Clients => lifecycle.client,
        }
    }

    /// Whether anybody of that kind acts on the Service's endpoints.
    fn consumes(&self, consumer: Consumer, service: usize) -> bool {
        let flows =
            |route: Route| self.plan.flows.iter().any(|flow| flow.route == route && flow.flow.service == service);
        match consumer {
            Consumer::KubeProxies => flows(Route::ClusterIp),
            Consumer::Clients => flows(Route::ClientBalancer),
            Consumer::Proxies => self.plan.scenario.proxies.iter().any(|proxy| proxy.service == service),
        }
    }

    /// News of endpoints reaches those who act on them.
    pub(crate) fn on_programmed(&mut self, slot: u32, now: SimTime) {
        let control = self.control_mut();
        let Delivery { consumer, service, snapshot } = control.deliveries[slot].clone();
        control.deliveries.remove(slot);
        control.programmed[consumer as usize][service] = Arc::clone(&snapshot);
        let who = match consumer {
            Consumer::KubeProxies => "kube-proxies",
            Consumer::Proxies => "proxies",
            Consumer::Clients => "clients",
        };
        let label = format!("service/{}", self.plan.labels.services[service]);
        self.enter_event(now, "programmed", label, format!("version {} by {who}", snapshot.version()));
        let (plan, roster) = (self.plan, &self.roster);
        let number = |endpoint: u32| as_u32(roster.number_of(plan, endpoint));
        match consumer {
            Consumer::KubeProxies => {
                for kube_proxy in self.kube_proxies.iter_mut().flatten() {
                    kube_proxy.programmed[service] = Arc::clone(&snapshot);
                }
            }
            Consumer::Proxies => {
                for (worker, plan) in self.workers.iter_mut().zip(&self.plan.workers) {
                    if self.plan.scenario.proxies[plan.proxy as usize].service == service {
                        worker.balancer.follow(&snapshot.changes_from(&worker.programmed, now, number));
                        worker.programmed = Arc::clone(&snapshot);
                    }
                }
            }
            Consumer::Clients => {
                for (flow, plan) in self.flows.iter_mut().zip(&self.plan.flows) {
                    if plan.route == Route::ClientBalancer && plan.flow.service == service {
                        for client in flow.balancers.iter_mut().flatten() {
                            client.balancer.follow(&snapshot.changes_from(&client.programmed, now, number));
                            client.programmed = Arc::clone(&snapshot);
                        }
                    }
                }
            }
        }
    }
}
