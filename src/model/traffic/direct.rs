//! Connections to a cluster IP, through kube-proxy on the client's node, or to an address of a pod.

use crate::cause::FailureCause;
use crate::engine::Schedule;
use crate::model::cluster::pod::Pod;
use crate::model::control::Control;
use crate::model::network::ipvs::Handle;
use crate::model::network::kube_proxy::{self, Choice, KubeProxy};
use crate::model::plan::{NONE, Plan, Route, as_u32};
use crate::model::random_keys::DNS_ORDER;
use crate::model::{World, at};
use crate::random::{Keyed, Stream, mix, name_hash};
use crate::scenario::Protocol;
use crate::scenario::eras::Held;
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// Where a new connection leads that passes no proxy and no balancer: kube-proxy's choice, or the address found.
    #[inline]
    pub(super) fn direct_pick(&mut self, flow: u32, client: u32, now: SimTime) -> Option<Choice> {
        if self.plan.flows[flow as usize].first_address {
            return self.first_address(flow, client);
        }
        self.kube_proxy_pick(flow, client, now)
    }

    /// The pod whose address came first in the client's last answer; before the run any of them.
    #[inline(never)]
    fn first_address(&mut self, flow: u32, client: u32) -> Option<Choice> {
        let plan = self.plan;
        if plan.hot[flow as usize].loopback {
            return self.own_pod(flow, client);
        }
        let known = self.dns.as_mut().map(|dns| dns.memory(plan, flow, client).address);
        let snapshot = &plan.services[plan.flows[flow as usize].flow.service].snapshot;
        let endpoint = match known {
            Some(endpoint) if endpoint != NONE => endpoint,
            _ if snapshot.count() == 0 => return None,
            _ => {
                let key = mix(self.flows[flow as usize].hash ^ DNS_ORDER, u64::from(client));
                snapshot.endpoint(Keyed::new(key).below(snapshot.count()))
            }
        };
        let endpoint = if plan.hosts_change { self.now_at(endpoint) } else { endpoint };
        self.note_pick_for_connection(endpoint);
        self.endpoints[endpoint as usize].connections += 1;
        Some(Choice { endpoint, rules: 0, entry: Handle::NONE })
    }

    /// The container of the client's own pod, or of a pod that shares the network of the node with it.
    fn own_pod(&mut self, flow: u32, client: u32) -> Option<Choice> {
        let plan = self.plan;
        let service = plan.flows[flow as usize].flow.service;
        let laid_out = &plan.services[service];
        let endpoint = if plan.client_on_host(flow as usize) {
            // Whoever has the port on the client's node now, or had it last.
            let node = self.node_of_client(&plan.hot[flow as usize], flow, client);
            let here = |endpoint: &u32| self.roster.endpoints[*endpoint as usize].node == node;
            let there = || self.roster.endpoints_of(plan, service).filter(here);
            there().find(|endpoint| !self.roster.is_dead(*endpoint)).or_else(|| there().last())?
        } else if (flow as usize) < plan.traffics {
            laid_out.first + client.checked_rem(laid_out.count)?
        } else {
            // Who calls is a pod, and the client its number.
            let own = |endpoint: &u32| self.roster.pod_at(*endpoint).number == client;
            self.roster.endpoints_of(plan, service).find(own)?
        };
        self.note_pick_for_connection(endpoint);
        self.endpoints[endpoint as usize].connections += 1;
        Some(Choice { endpoint, rules: 0, entry: Handle::NONE })
    }

    /// Who listens now at the address of an endpoint whose pod has the network of its node: when that pod has ended, the
    /// next one of its workload there has the same address and port.
    #[inline(never)]
    fn now_at(&self, endpoint: u32) -> u32 {
        let pod = self.roster.pod_at(endpoint);
        if !self.roster.is_dead(endpoint) || !self.plan.scenario.workloads[pod.workload as usize].host.network {
            return endpoint;
        }
        let old = &self.roster.endpoints[endpoint as usize];
        let same = |other: &u32| {
            let new = &self.roster.endpoints[*other as usize];
            new.node == old.node && new.target == old.target && !self.roster.is_dead(*other)
        };
        self.roster.endpoints_of(self.plan, old.service as usize).find(same).unwrap_or(endpoint)
    }

    /// kube-proxy on the client's node chooses for a new connection.
    fn kube_proxy_pick(&mut self, flow: u32, client: u32, now: SimTime) -> Option<Choice> {
        let plan = self.plan;
        let node = self.node_of_client(&self.plan.hot[flow as usize], flow, client);
        let service = plan.flows[flow as usize].flow.service;
        let (control, roster) = (self.control.as_deref(), &self.roster);
        let kube_proxy =
            Self::kube_proxy_on(&mut self.kube_proxies, plan, (self.seed, self.replication), node, control);
        let choice = if plan.services[service].drawn {
            kube_proxy.draw(service)?
        } else {
            kube_proxy.choose((plan, roster), service, plan.flows[flow as usize].addresses.of(client), now)?
        };
        let endpoint = if plan.hosts_change { self.now_at(choice.endpoint) } else { choice.endpoint };
        let choice = Choice { endpoint, ..choice };
        self.note_pick_for_connection(endpoint);
        self.endpoints[endpoint as usize].connections += 1;
        Some(choice)
    }

    /// There is no endpoint for an attempt's connection: it is refused at once, or its packets are dropped.
    #[inline(never)]
    pub(super) fn nobody_there(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let place = self.plan_flow(self.attempts[attempt].flow).place;
        if !self.drops(attempt) {
            return self.refuse(attempt, FailureCause::Refused, place, now, schedule);
        }
        self.attempts[attempt].place = place;
        self.lose_packet(attempt, schedule);
    }

    /// The way to a cluster IP that comes and goes: whether rules know the address that the client has. If not, the
    /// attempt fails, or its packets get no answer.
    #[inline(never)]
    pub(super) fn knows_the_way(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) -> bool {
        let place = self.plan_flow(self.attempts[attempt].flow).place;
        if let Err(cause) = self.held_address(attempt) {
            self.refuse(attempt, cause, place, now, schedule);
            return false;
        }
        if self.leads_nowhere(attempt) {
            self.attempts[attempt].place = place;
            self.lose_packet(attempt, schedule);
            return false;
        }
        true
    }

    /// The same, for a connection that was to stand from the beginning and never did.
    #[inline(never)]
    pub(super) fn nobody_to_ride_to(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let place = self.plan_flow(self.attempts[attempt].flow).place;
        if !self.drops(attempt) {
            return self.fail_here(attempt, FailureCause::Refused, place, now, schedule);
        }
        let connection = std::mem::replace(&mut self.attempts[attempt].connection, NONE);
        if connection != NONE {
            self.connections.remove(connection);
        }
        self.attempts[attempt].place = place;
        self.lose_packet(attempt, schedule);
    }

    /// The first packet of a connection is dropped.
    pub(super) fn lose_packet(&mut self, attempt: u32, schedule: &mut Schedule) {
        let datagram = self.plan_flow(self.attempts[attempt].flow).flow.connections.protocol == Protocol::Udp;
        if datagram { self.connect_in_vain(attempt, schedule) } else { self.drop_syn(attempt, schedule) }
    }

    /// Another SYN to a cluster IP whose rules dropped the one before: they may lead somewhere by now.
    pub(super) fn ask_rules_again(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.drops(attempt) {
            return self.drop_syn(attempt, schedule);
        }
        let waited = now - at(self.attempts[attempt].since);
        let column = self.plan_flow(self.attempts[attempt].flow).layout.connect;
        self.charge(attempt, column, waited);
        if self.probes.any_flow {
            self.watch_syns(attempt, now);
        }
        self.open_resolved(attempt, now, schedule);
    }

    /// The address that a client connects to, where that of its Service may change; or why it has none.
    pub(super) fn held_address(&self, attempt: u32) -> Result<u32, FailureCause> {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let service = spec.flow.service;
        match spec.flow.held {
            Held::Address(address) => Ok(address),
            Held::Variables => {
                let spec = &self.plan.scenario.services[service];
                let began = self.began(entry.flow, entry.client) - SimTime::ZERO;
                spec.address_in(spec.era_at(began)).ok_or(FailureCause::EnvMissing)
            }
            Held::Name => {
                let heard = match &self.dns {
                    Some(dns) if !spec.names.is_empty() => {
                        let known = dns.remembered(entry.flow, entry.client).map_or(0, |memory| memory.version);
                        dns.address(service, known)
                    }
                    _ => self.control.as_ref().and_then(|control| control.observed(service).standing.address),
                };
                heard.ok_or(FailureCause::DnsNxdomain)
            }
        }
    }

    /// When the containers of a client were made: it knows the variables of that time.
    fn began(&self, flow: u32, client: u32) -> SimTime {
        let caller = self.plan_flow(flow).caller;
        let own = |pod: &&Pod| caller != NONE && pod.workload == caller && pod.number == client;
        self.roster.pods.iter().find(own).map_or(SimTime::ZERO, |pod| pod.made_at)
    }

    /// Whether no rule on the client's node knows the address that it connects to.
    fn leads_nowhere(&self, attempt: u32) -> bool {
        let entry = &self.attempts[attempt];
        let service = self.plan_flow(entry.flow).flow.service;
        let Some(control) = self.control.as_ref().filter(|_| self.plan.services[service].changes) else { return false };
        let node = self.node_of_client(&self.plan.hot[entry.flow as usize], entry.flow, entry.client);
        let known = control.programmed_on(node, service).standing.address;
        self.held_address(attempt).ok() != known
    }

    /// Whether the packets of an attempt's connection are dropped, for want of an endpoint.
    fn drops(&self, attempt: u32) -> bool {
        if self.leads_nowhere(attempt) {
            return true;
        }
        let (flow, client) = (self.attempts[attempt].flow, self.attempts[attempt].client);
        let spec = self.plan_flow(flow);
        let node = self.node_of_client(&self.plan.hot[flow as usize], flow, client);
        let kube_proxy = self.kube_proxies.get(node as usize).and_then(Option::as_ref);
        let by_rules = spec.route == Route::ClusterIp && !spec.first_address;
        by_rules && kube_proxy.is_some_and(|own| own.drops(self.plan, spec.flow.service))
    }

    /// The kube-proxy of a node, made when it is first needed.
    #[inline]
    pub(super) fn kube_proxy_on<'k>(
        kube_proxies: &'k mut [Option<Box<KubeProxy>>],
        plan: &Plan,
        (seed, replication): (u64, u32),
        node: u32,
        control: Option<&Control>,
    ) -> &'k mut KubeProxy {
        kube_proxies[node as usize].get_or_insert_with(|| {
            let name = &plan.scenario.cluster.nodes[node as usize].name;
            let stream = Stream::new(seed, replication, &format!("node/{name}/kube-proxy"));
            Box::new(KubeProxy::new(plan, node, stream, control))
        })
    }

    /// kube-proxy lets a connection in; what its first packet takes on top of the handshake.
    #[inline(never)]
    pub(super) fn let_in(&mut self, attempt: u32, choice: &Choice) -> SimDuration {
        let plan = self.plan;
        if plan.keeps_entries() {
            self.entries.opened(attempt, choice.entry);
        }
        let flow = self.attempts[attempt].flow;
        if !plan.first_packet_costs(flow as usize) {
            return SimDuration::ZERO;
        }
        let node = self.node_of_rules(attempt, NONE);
        let flow = &plan.flows[flow as usize].flow;
        let service = as_u32(flow.way_in.as_deref().map_or(flow.service, |way| way.service));
        let order = name_hash(self.seed, self.replication, "kube-proxy/order-of-rules");
        let took = kube_proxy::first_packet(plan, (order, node, service), choice);
        let column = self.plan_flow(self.attempts[attempt].flow).layout.connect;
        self.charge(attempt, column, took);
        if self.probes.any_flow {
            self.watch_rules(attempt, node, took.as_nanos());
        }
        took
    }

    /// The client closed a connection that kube-proxy had let in.
    #[inline(never)]
    pub(super) fn tell_kube_proxy(&mut self, attempt: u32, connection: u32, now: SimTime) {
        let entry = if connection == NONE { self.entries.ended(attempt) } else { self.entries.left(connection) };
        let (flow, node) = (self.attempts[attempt].flow, self.node_of_rules(attempt, connection));
        self.tell_kube_proxy_of(flow, node, entry, now);
    }

    /// A connection that the rules of a node had let in, and that has this entry, is closed.
    pub(super) fn tell_kube_proxy_of(&mut self, flow: u32, node: u32, entry: Handle, now: SimTime) {
        let plan = self.plan;
        let flow = &plan.flows[flow as usize].flow;
        if let Some(kube_proxy) = &mut self.kube_proxies[node as usize] {
            let service = flow.way_in.as_deref().map_or(flow.service, |way| way.service);
            let apart = flow.way_in.is_some() && plan.takes_in_apart(service);
            let rules = if apart { kube_proxy.outside_mut() } else { Some(&mut **kube_proxy) };
            if let Some(rules) = rules {
                rules.closed(service, entry, now);
            }
        }
    }
}
