//! The columns of each flow's ledger, and the names in the results.

use super::{Plan, Route, StepPlan, as_u32};
use crate::cause::LedgerCause;
use crate::discovery::slices::policy::Scope;
use crate::model::cluster::pace::Loss;
use crate::model::ledger::{Layout, NO_COLUMN};
use crate::model::network::topology::PathClass;
use crate::model::traffic::channel::Channel;
use crate::observe::outcome::{EndpointLabel, FlowLabel, Labels};
use crate::scenario::outside::{Entry, WayIn};
use crate::scenario::{ConnectionMode, Connections, Scenario};

impl Plan {
    /// Callees before callers: the scenario has checked that calls form no cycle.
    pub(super) fn lay_ledgers(&mut self) {
        let scenario = self.scenario.clone();
        let mut done = vec![false; self.flows.len()];
        for flow in 0..self.flows.len() {
            self.lay_ledger(&scenario, flow, &mut done);
        }
        self.ledger_columns = self.flows.iter().map(|flow| flow.layout.columns.len()).max().unwrap_or(0);
    }

    fn calls_at(&self, workload: usize, container: usize) -> Vec<usize> {
        let (_, first) = self.speeds[workload][0];
        let server = &self.servers[first as usize + container];
        let calls = server.steps.iter().filter_map(|step| match step {
            StepPlan::Calls(calls) => Some(calls.iter().map(|(_, flow)| *flow as usize)),
            StepPlan::Work(_) => None,
        });
        calls.flatten().collect()
    }

    /// Whether standing connections of a flow may break, or not stand from the beginning: pods end, a NetworkPolicy drops
    /// them, or they come in at a node that has no pod for them.
    fn may_break(&self, flow: usize) -> bool {
        let spec = &self.flows[flow];
        self.scenario.cluster.lives || !spec.barred.is_empty() || spec.flow.way_in.is_some()
    }

    /// Whether opening connections of a flow, or of its proxy for it, takes the time of TLS.
    fn secures(&self, flow: usize) -> bool {
        let spec = &self.flows[flow];
        let secures = |connections: &Connections| {
            let stands = !self.may_break(flow) && Channel::of(connections) == Channel::Standing;
            connections.tls.is_some() && !stands && !spec.free_handshakes
        };
        secures(&spec.flow.connections) || matches!(spec.route, Route::Proxy7(_)) && secures(&spec.upstream)
    }

    /// Whether SYNs of a flow's connections may be sent again: those that found no port of a NAT or of the node that took
    /// them in, or came to a node without pods of its own, which may come.
    fn sends_syns_again(&self, flow: usize) -> bool {
        let spec = &self.flows[flow].flow;
        let stands = Channel::of(&spec.connections) == Channel::Standing && !self.may_break(flow);
        spec.way_in.is_some() || self.goes_out(flow) && !stands
    }

    fn lay_ledger(&mut self, scenario: &Scenario, flow: usize, done: &mut [bool]) {
        if std::mem::replace(&mut done[flow], true) {
            return;
        }
        let service = self.flows[flow].flow.service;
        let mut shared = vec![service];
        shared.extend(self.flows[flow].flow.shares.iter().map(|share| share.service).filter(|other| *other != service));
        let all = shared.iter().flat_map(|service| scenario.services[*service].targets.iter().copied());
        let targets: Vec<(usize, usize)> = all.filter(|(workload, _)| !self.speeds[*workload].is_empty()).collect();
        let callees: Vec<usize> = targets.iter().flat_map(|(w, c)| self.calls_at(*w, *c)).collect();
        for callee in &callees {
            self.lay_ledger(scenario, *callee, done);
        }
        let spec = &self.flows[flow].flow;
        let mut layout = Layout { network: [NO_COLUMN; 5], ..Layout::default() };
        let (label, name) = (scenario.services[service].label(), spec.name.clone());
        let free = if spec.way_in.is_some() { self.ways_are_free() } else { self.topology.is_free() };
        let free = free || self.flows[flow].free_handshakes;
        // Requests in a pod that ends are lost, and standing connections to it are opened anew.
        let breaks = self.may_break(flow);
        let opens = |connections: &Connections| !free && (breaks || Channel::of(connections) != Channel::Standing);
        let proxied = matches!(self.flows[flow].route, Route::Proxy7(_)) && opens(&self.flows[flow].upstream);
        // A pinned connection is opened again after its client has given up on it, a standing one when its pod ends.
        let asks = breaks || Channel::of(&spec.connections) != Channel::Standing;
        let looks_up = spec.resolution.as_ref().filter(|_| asks);
        layout.dns = looks_up.map_or(NO_COLUMN, |resolution| layout.column(LedgerCause::Dns, &resolution.host));
        let walks = self.first_packet_costs(flow) && Channel::of(&spec.connections) != Channel::Standing;
        // Connections whose packets are dropped are given up, or opened once there are endpoints.
        let dropped = scenario.services[service].policy.internal == Scope::Local;
        // A SYN that a full table drops is sent again.
        let drops = scenario.cluster.kernel.conntrack.is_some();
        let again = self.sends_syns_again(flow);
        let connects = opens(&spec.connections) || proxied || walks || drops || (dropped && breaks) || again;
        layout.connect = if connects { layout.column(LedgerCause::Connect, &label) } else { NO_COLUMN };
        layout.tls = if self.secures(flow) { layout.column(LedgerCause::Tls, &label) } else { NO_COLUMN };
        for class in PathClass::ALL {
            let crossed = match class {
                PathClass::Loopback => self.crosses_loopback(flow),
                PathClass::SameNode => !self.crosses_loopback(flow),
                PathClass::External => spec.way_in.is_some() || self.reaches_out(flow),
                _ => !scenario.services[service].loopback,
            };
            if crossed && !self.topology.class_is_free(class) {
                layout.network[class as usize] = layout.column(class.ledger(), &label);
            }
        }
        let wired = self.is_wired(flow);
        layout.transfer = if wired { layout.column(LedgerCause::NetworkTransfer, &label) } else { NO_COLUMN };
        layout.proxy = self.proxy_column(flow, &mut layout);
        layout.balancer = self.balancer_column(flow, &mut layout);
        let bounded = |connections: &Connections| {
            let exclusive = connections.mode == ConnectionMode::Pinned && !connections.multiplexes();
            connections.max_per_client.is_some() || exclusive || Channel::of(connections) == Channel::Kept
        };
        let waits = bounded(&spec.connections) || bounded(&self.flows[flow].upstream);
        layout.pool_wait = if waits { layout.column(LedgerCause::PoolWait, &name) } else { NO_COLUMN };
        let retries = spec.retries.attempts != Some(1);
        let kept = [&spec.connections, &self.flows[flow].upstream].map(Channel::of).contains(&Channel::Kept);
        let gives_up = breaks
            || kept
            || drops
            || dropped
            || spec.way_in.is_some()
            || self.goes_out(flow)
            || targets.iter().any(|target| self.fails_in_service(*target))
            || retries
            || spec.timeout.is_some()
            || spec.retries.per_try.is_some();
        layout.back_off = if retries { layout.column(LedgerCause::BackOff, &name) } else { NO_COLUMN };
        layout.wasted = if gives_up { layout.column(LedgerCause::WastedAttempts, &name) } else { NO_COLUMN };
        self.lay_targets(&shared, &mut layout);
        for callee in callees {
            let columns = self.flows[callee].layout.columns.clone();
            let mapping = columns.iter().map(|(cause, place)| layout.column(*cause, place)).collect();
            layout.calls.push((as_u32(callee), mapping));
        }
        layout.calls.sort_by_key(|(callee, _)| *callee);
        self.flows[flow].layout = layout;
    }

    /// The column of a flow's proxy, where it takes time.
    fn proxy_column(&self, flow: usize, layout: &mut Layout) -> u16 {
        let (Route::Proxy4(proxy) | Route::Proxy7(proxy)) = self.flows[flow].route else { return NO_COLUMN };
        let plan = &self.proxies[proxy as usize];
        if plan.before.is_none() && plan.after.is_none() {
            return NO_COLUMN;
        }
        layout.column(LedgerCause::Proxy, &self.places[plan.place as usize])
    }

    /// The column of a flow's load balancer, where it takes time.
    fn balancer_column(&self, flow: usize, layout: &mut Layout) -> u16 {
        match self.flows[flow].flow.way_in.as_deref() {
            Some(WayIn { entry: Entry::LoadBalancer { .. }, .. }) if !self.balancers_are_free() => {
                layout.column(LedgerCause::Proxy, &self.balancer_name(as_u32(flow)))
            }
            _ => NO_COLUMN,
        }
    }

    /// The columns of waiting and being served at the targets of Services.
    fn lay_targets(&self, services: &[usize], layout: &mut Layout) {
        let mut before = 0;
        for service in services {
            let targets = &self.scenario.services[*service].targets;
            if services.len() > 1 {
                layout.shared.push((as_u32(*service), before));
                before += targets.len();
            }
            for (workload, container) in targets {
                let place = self.scenario.workloads[*workload].target();
                let lost = self.lost_columns(*workload, *container, layout);
                layout.lost.push(lost);
                let (wait, serve) =
                    (layout.column(LedgerCause::QueueWait, &place), layout.column(LedgerCause::Service, &place));
                layout.queue_wait.push(wait);
                layout.service.push(serve);
            }
        }
    }

    /// Whether requests in a container fail when its process breaks down.
    fn fails_in_service(&self, (workload, container): (usize, usize)) -> bool {
        let process = &self.scenario.workloads[workload].containers[container].behaviour.process;
        process.breakdown.as_ref().is_some_and(|breakdown| breakdown.fails)
    }

    /// The columns of what can keep requests from the CPU in a container.
    fn lost_columns(&self, workload: usize, container: usize, layout: &mut Layout) -> [u16; 4] {
        let place = self.scenario.workloads[workload].target();
        let server = self.speeds[workload].first().map(|(_, first)| &self.servers[*first as usize + container]);
        Loss::ALL.map(|loss| {
            let possible = server.is_some_and(|server| match loss {
                Loss::ColdStart => server.behaviour.process.cold.is_some(),
                Loss::Stalled => server.behaviour.process.breakdown.is_some(),
                Loss::Throttled => server.pacing.quota.is_some(),
                Loss::CpuWait => server.pacing.weight > 0,
            });
            if possible { layout.column(loss.cause(), &place) } else { NO_COLUMN }
        })
    }

    pub(super) fn lay_labels(&mut self) {
        let mut labels = Labels::default();
        for (index, flow) in self.flows.iter_mut().enumerate() {
            let is_traffic = index < self.traffics;
            let name = if is_traffic { flow.flow.name.clone() } else { format!("call/{}", flow.flow.name) };
            let known = labels.flows.iter().position(|label| !label.is_traffic && label.name == name);
            let recorder = match known {
                Some(known) if !is_traffic => known,
                _ => {
                    labels.flows.push(FlowLabel { name, is_traffic, ledger: flow.layout.columns.clone() });
                    labels.flows.len() - 1
                }
            };
            flow.recorder = as_u32(recorder);
        }
        labels.services = self.scenario.services.iter().map(crate::scenario::Service::label).collect();
        let behind_proxies = self.scenario.proxies.iter().map(|proxy| proxy.service);
        let asked: std::collections::BTreeSet<usize> =
            self.flows.iter().map(|flow| flow.flow.service).chain(behind_proxies).collect();
        labels.asked = (0..labels.services.len()).map(|service| asked.contains(&service)).collect();
        for endpoint in &self.endpoints {
            let pod = self.pod_of[endpoint.station as usize] as usize;
            let node = self.scenario.cluster.nodes.get(endpoint.node as usize);
            labels.endpoints.push(EndpointLabel {
                service: endpoint.service as usize,
                pod: self.pod_name(pod),
                node: self.node_name(endpoint.node).to_owned(),
                zone: node.map_or_else(|| "outside".to_owned(), |node| node.zone.clone()),
                address: self.pods[pod].ip.into(),
            });
        }
        self.labels = labels;
    }
}
