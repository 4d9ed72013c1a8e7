//! What readers of news do when it has reached them.

use std::sync::Arc;

use super::spread::Everywhere;
use super::{Due, Who};
use crate::engine::{Rank, Schedule};
use crate::model::control::Consumer;
use crate::model::network::endpoints::Snapshot;
use crate::model::network::published::Published;
use crate::model::plan::{NONE, Route, as_u32};
use crate::model::{World, kind};
use crate::scenario::Protocol;
use crate::time::SimTime;

/// Up to so many nodes or workers, `events.csv` tells of each when it acts on news.
const FEW: usize = 8;

impl World<'_> {
    /// A new version is on its way to everybody of these kinds for itself.
    pub(in crate::model::control) fn send_news(
        &mut self,
        consumers: &[Consumer],
        service: usize,
        published: &Arc<Published>,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        if consumers.is_empty() {
            return;
        }
        if consumers.contains(&Consumer::Dns) {
            self.dns.as_mut().expect("only a cluster with DNS servers tells them").announce(service, published);
        }
        self.add_new_readers(consumers, service);
        let news = &mut self.control_mut().news;
        let number = news.write(as_u32(service), published, now);
        for reader in 0..as_u32(news.readers.len()) {
            let own = &news.readers[reader as usize];
            let reads = own.service == NONE || own.service == as_u32(service);
            // Kube-proxies write the rules of all Services.
            let concerned = matches!(own.who, Who::Node(_)) || consumers.contains(&own.who.consumer());
            if reads
                && concerned
                && let Some(at) = news.wake(reader, number, now)
            {
                schedule.at(at, Rank::Cluster, kind::NEWS, reader);
            }
        }
    }

    /// Clients and load balancers read from the first change on; those who come later begin with what there is by then.
    fn add_new_readers(&mut self, consumers: &[Consumer], service: usize) {
        let plan = self.plan;
        if consumers.contains(&Consumer::Clients) {
            for (flow, spec) in plan.flows.iter().enumerate() {
                let told = spec.route == Route::ClientBalancer && !spec.asks_dns() && spec.flow.service == service;
                if !told {
                    continue;
                }
                let there = self.control_mut().news.of_clients[flow].len();
                for client in there..self.flows[flow].balancers.len() {
                    let node = self.node_of_client(&plan.hot[flow], as_u32(flow), as_u32(client));
                    let news = &mut self.control_mut().news;
                    let who = Who::Client(as_u32(flow), as_u32(client));
                    let reader = news.add(who, node, as_u32(service), None);
                    news.of_clients[flow].push(reader);
                }
            }
        }
        if consumers.contains(&Consumer::Proxies) && plan.scenario.cluster.load_balancers.pods {
            let balancers = self.ways.as_deref().map_or(&[][..], |ways| &ways.balancers[..]);
            let own: Vec<u32> =
                (0..balancers.len()).filter(|own| balancers[*own].service == service).map(as_u32).collect();
            let news = &mut self.control_mut().news;
            for balancer in own {
                if news.readers.iter().all(|reader| reader.who != Who::Balancer(balancer)) {
                    news.add(Who::Balancer(balancer), NONE, as_u32(service), None);
                }
            }
        }
    }

    /// The time of a reader has come.
    pub(crate) fn on_news(&mut self, reader: u32, now: SimTime, schedule: &mut Schedule) {
        match self.control_mut().news.due(reader, now) {
            Due::Nothing => {}
            Due::Later(at) => schedule.at(at, Rank::Cluster, kind::NEWS, reader),
            Due::Acts(from, to) => {
                self.act_on_news(reader, (from, to), now, schedule);
                if let Some(at) = self.control_mut().news.next(reader, now) {
                    schedule.at(at, Rank::Cluster, kind::NEWS, reader);
                }
            }
        }
    }

    fn act_on_news(&mut self, reader: u32, (from, to): (u64, u64), now: SimTime, schedule: &mut Schedule) {
        let news = &self.control.as_ref().expect("there is news").news;
        let own = &news.readers[reader as usize];
        match own.who {
            Who::Node(node) => self.write_rules(node, (from, to), now, schedule),
            Who::Server(server) => {
                let services: Vec<u32> = (from.max(news.first)..to).map(|number| news.entry(number).1).collect();
                let dns = self.dns.as_mut().expect("it is a DNS server");
                let mut heard = Vec::new();
                for service in services {
                    let known = news.known(reader, service as usize);
                    dns.server_hears(server, service as usize, known);
                    heard.push((service, known.version()));
                }
                heard.dedup();
                for (service, version) in heard {
                    self.tell_programmed(service, version, &format!("coredns-{server}"), now);
                }
            }
            Who::Worker(worker) => {
                let snapshot = Arc::clone(&news.known(reader, own.service as usize).ready);
                let service = own.service;
                let before = self.worker_follows(worker, &snapshot, now);
                self.report_new(&before, &snapshot);
                if self.workers.len() <= FEW {
                    let who = self.worker_name(worker);
                    self.tell_programmed(service, snapshot.version(), &who, now);
                }
            }
            Who::Client(flow, client) => {
                let snapshot = Arc::clone(&news.known(reader, own.service as usize).ready);
                if let Some(before) = self.client_follows((flow, client), &snapshot, now) {
                    self.report_new(&before, &snapshot);
                }
            }
            Who::Balancer(balancer) => {
                let snapshot = Arc::clone(&news.known(reader, own.service as usize).ready);
                let service = own.service;
                self.tell_load_balancer(balancer as usize, &snapshot, now, schedule);
                self.tell_programmed(service, snapshot.version(), "the load balancer", now);
            }
        }
    }

    /// The rules of a node are new.
    fn write_rules(&mut self, node: u32, (from, to): (u64, u64), now: SimTime, schedule: &mut Schedule) {
        let control = self.control.as_mut().expect("there is news");
        let news = &mut control.news;
        let everywhere = news.spread.moves(from, to, now);
        let mut services: Vec<u32> = (from..to).map(|number| news.entry(number).1).collect();
        services.sort_unstable();
        services.dedup();
        if let Some(kube_proxy) = &mut self.kube_proxies[node as usize] {
            let place = self.plan.place_of_node(node);
            for service in &services {
                let known = news.known(node, *service as usize);
                kube_proxy.programmed[*service as usize] = known.inside(place);
            }
        }
        let few = self.kube_proxies.len() <= FEW;
        for service in services {
            let published = Arc::clone(self.control_mut().news.known(node, service as usize));
            let forgets = self
                .plan
                .flows
                .iter()
                .any(|flow| flow.is_ruled_for(service as usize) && flow.flow.connections.protocol == Protocol::Udp);
            if forgets {
                self.forget_datagrams((service as usize, Some(node)), &published, now, schedule);
            }
            self.tell_load_balancers_of(node, service as usize, now, schedule);
            if few {
                let label = format!("service/{}", self.plan.labels.services[service as usize]);
                let detail = format!("version {} on {}", published.version(), self.plan.node_name(node));
                self.enter_event(now, "rules", label, detail);
            }
        }
        for one in everywhere {
            self.tell_spread(&one, node, now);
        }
    }

    /// All nodes have the rules of a version.
    fn tell_spread(&mut self, one: &Everywhere, last: u32, now: SimTime) {
        let label = format!("service/{}", self.plan.labels.services[one.service as usize]);
        let after = |at: SimTime| at.since(one.written).to_string();
        let detail = format!(
            "version {} by kube-proxies: first after {}, half of them after {}, all after {}, {} last",
            one.version,
            after(one.first),
            after(one.half),
            after(now),
            self.plan.node_name(last)
        );
        self.enter_event(now, "programmed", label, detail);
    }

    fn tell_programmed(&mut self, service: u32, version: u64, who: &str, now: SimTime) {
        let label = format!("service/{}", self.plan.labels.services[service as usize]);
        self.enter_event(now, "programmed", label, format!("version {version} by {who}"));
    }

    /// A worker's balancer goes by other endpoints; those before.
    pub(in crate::model::control) fn worker_follows(
        &mut self,
        worker: u32,
        snapshot: &Arc<Snapshot>,
        now: SimTime,
    ) -> Arc<Snapshot> {
        let (plan, roster) = (self.plan, &self.roster);
        let number = |endpoint: u32| as_u32(roster.number_of(plan, endpoint));
        let own = &mut self.workers[worker as usize];
        own.balancer.follow(&snapshot.changes_from(&own.programmed, now, number));
        std::mem::replace(&mut own.programmed, Arc::clone(snapshot))
    }

    /// A client's balancer goes by other endpoints, if it has been made; those before.
    pub(in crate::model::control) fn client_follows(
        &mut self,
        (flow, client): (u32, u32),
        snapshot: &Arc<Snapshot>,
        now: SimTime,
    ) -> Option<Arc<Snapshot>> {
        let (plan, roster) = (self.plan, &self.roster);
        let number = |endpoint: u32| as_u32(roster.number_of(plan, endpoint));
        let own = self.flows[flow as usize].balancers.get_mut(client as usize)?.as_mut()?;
        own.balancer.follow(&snapshot.changes_from(&own.programmed, now, number));
        Some(std::mem::replace(&mut own.programmed, Arc::clone(snapshot)))
    }

    /// Whoever is new may be idle, which who hears of it now has not heard.
    fn report_new(&mut self, before: &Snapshot, snapshot: &Snapshot) {
        if self.idling.is_none() {
            return;
        }
        let new = snapshot.endpoints().iter().filter(|endpoint| before.place(**endpoint).is_none());
        let stations: Vec<u32> = new.map(|endpoint| self.roster.endpoints[*endpoint as usize].station).collect();
        stations.into_iter().for_each(|station| self.report_idle(station as usize));
    }

    /// How often kube-proxies wrote their rules, where they do so in runs.
    pub(crate) fn tell_runs(&mut self, now: SimTime) {
        let Some(control) = &self.control else { return };
        let (runs, nodes) = control.news.runs();
        if runs > 0 {
            let detail = format!("{runs} times on {nodes} nodes");
            self.enter_event(now, "rules-written", "kube-proxies".to_owned(), detail);
        }
    }
}
