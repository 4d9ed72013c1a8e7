//! What the request path asks of a flow again and again: decided once, in one cache line.

use super::{NONE, Plan, Route, as_u32};
use crate::arrivals::Spec;
use crate::model::ledger::{NO_COLUMN, blocks_of};
use crate::model::traffic::channel::Channel;
use crate::scenario::{Connections, Demand, InstancePer, Popularity};

/// How it is decided which client of a flow sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Senders {
    /// There is only one.
    Single,
    /// Each is as likely as any other.
    Uniform,
    /// They take turns.
    InTurn,
    /// Some are likelier than others.
    Weighted,
    /// A trace names them.
    Traced,
}

/// What the request path asks of a flow again and again.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct HotFlow {
    /// Its recorder.
    pub recorder: u32,
    /// How its clients keep connections.
    pub manner: u32,
    /// How many blocks of columns a row of its ledger has.
    pub blocks: u32,
    /// The only worker of its proxy; `NONE` where there is a choice.
    pub worker: u32,
    /// Whether its requests go straight to the only worker of a layer-7 proxy over a standing connection.
    pub express: bool,
    /// Whether a layer-7 proxy chooses for each request.
    pub layer7: bool,
    /// Columns of the hops by path class.
    pub network: [u16; 5],
    /// Whether those that stay on a node cross the loopback: `localhost`, or pods with `hostNetwork` at both ends.
    pub loopback: bool,
    /// Column of the service, where the Service has one target.
    pub service: u16,
    /// Column of the queue, likewise.
    pub queue_wait: u16,
    /// How many clients there are.
    pub clients: u32,
    /// How it is decided which of them sends.
    pub senders: Senders,
    /// Node of the client, where there is one.
    pub client_node: u32,
    /// Whether they pass a proxy at all.
    pub via_proxy: bool,
    /// Whether the client's connections stand.
    pub standing: bool,
    /// Whether they are kept in a special way, and nothing has to be decided before one is taken.
    pub kept: bool,
    /// Whether they have a total timeout.
    pub deadline: bool,
    /// Whether single tries have one.
    pub per_try: bool,
    /// Whether the client balances.
    pub balances_at_client: bool,
    /// Whether the layer-7 proxy's connections to the pods stand.
    pub standing_upstream: bool,
    /// Whether the proxy takes time on the way to the pod.
    pub before: bool,
    /// Whether it takes time on the way back.
    pub after: bool,
    /// Whether there is a retry budget.
    pub budget: bool,
    /// Whether all attempts of a request share its demand.
    pub demand_of_request: bool,
    /// Whether a trace gives the service times.
    pub traced: bool,
    /// Whether its connections come from outside the cluster.
    pub way_in: bool,
    /// Whether somebody counts its connections as long as they stand: a load balancer, or a NAT.
    pub counted: bool,
    /// Whether an ingress controller shares its requests out among several Services.
    pub shared: bool,
    /// Whether its messages pass interfaces that have a rate.
    pub wired: bool,
    /// Whether its hops are those between two nodes and nothing else: not from outside, not inside a pod, over no
    /// interface that has a rate, touched by no fault, and counted by nobody.
    pub plain: bool,
    /// Whether a layer-7 proxy goes on with another pod where one fails it.
    pub next_upstream: bool,
}

impl Plan {
    pub(super) fn hot_flow(&self, flow: usize) -> HotFlow {
        let spec = &self.flows[flow];
        let standing = |connections: &Connections| Channel::of(connections) == Channel::Standing;
        let single = |columns: &[u16]| if let [column] = columns { *column } else { NO_COLUMN };
        let mut hot = HotFlow {
            recorder: spec.recorder,
            manner: spec.own_manner,
            blocks: as_u32(blocks_of(spec.layout.columns.len())),
            worker: NONE,
            express: false,
            layer7: matches!(spec.route, Route::Proxy7(_)),
            network: spec.layout.network,
            loopback: self.crosses_loopback(flow),
            service: single(&spec.layout.service),
            queue_wait: single(&spec.layout.queue_wait),
            clients: spec.clients,
            senders: self.senders(flow),
            client_node: if (spec.client_nodes.len() == 1 || spec.clients == 1) && !self.may_grow(flow) {
                spec.client_nodes.first().copied().unwrap_or(NONE)
            } else {
                NONE
            },
            via_proxy: false,
            standing: standing(&spec.flow.connections),
            kept: Channel::of(&spec.flow.connections) == Channel::Kept
                && spec.flow.fails.is_none()
                && self.chooses_per_connection(flow),
            deadline: spec.flow.timeout.is_some(),
            per_try: spec.flow.retries.per_try.is_some(),
            balances_at_client: spec.route == Route::ClientBalancer,
            standing_upstream: false,
            before: false,
            after: false,
            budget: spec.flow.retries.budget.is_some(),
            demand_of_request: spec.flow.demand == Demand::Request,
            traced: flow < self.traffics
                && matches!(&self.scenario.traffic[flow].arrivals, Spec::Trace(trace) if trace.service.is_some()),
            way_in: spec.flow.way_in.is_some(),
            counted: spec.flow.way_in.is_some() || self.goes_out(flow),
            shared: !spec.flow.shares.is_empty(),
            wired: self.is_wired(flow),
            plain: !self.faults.touch_hops()
                && spec.flow.way_in.is_none()
                && !self.crosses_loopback(flow)
                && !self.is_wired(flow)
                && !self.scenario.observe.nodes,
            next_upstream: self.tries_next(flow),
        };
        if let Route::Proxy4(proxy) | Route::Proxy7(proxy) = spec.route {
            let (proxy, settings) = (&self.proxies[proxy as usize], &self.scenario.proxies[proxy as usize]);
            hot.via_proxy = true;
            hot.before = proxy.before.is_some();
            hot.after = proxy.after.is_some();
            // Where connections are observed, each use of one is.
            let observed = self.scenario.observe.connections;
            hot.standing_upstream = standing(&spec.upstream) && !observed && spec.barred.is_empty();
            if settings.instances == 1 && settings.workers == 1 {
                hot.worker = proxy.first_worker;
            }
            hot.express = hot.worker != NONE
                && settings.per == InstancePer::Request
                && matches!(spec.route, Route::Proxy7(_))
                && spec.flow.fails.is_none()
                && standing(&spec.flow.connections)
                && !observed;
        }
        hot
    }

    /// How it is decided which client of a flow sends.
    fn senders(&self, flow: usize) -> Senders {
        let Some(traffic) = self.scenario.traffic.get(flow) else { return Senders::Single };
        let traced = matches!(&traffic.arrivals, Spec::Trace(trace) if trace.client.is_some());
        match traffic.clients.popularity {
            _ if traffic.clients.count == 1 => Senders::Single,
            _ if traced => Senders::Traced,
            Popularity::Uniform => Senders::Uniform,
            Popularity::InTurn => Senders::InTurn,
            Popularity::Zipf { .. } => Senders::Weighted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServerPlan;
    use super::*;

    #[test]
    fn what_every_request_asks_for_lies_in_one_cache_line() {
        assert_eq!(size_of::<HotFlow>(), 64);
        assert!(std::mem::offset_of!(ServerPlan, speed) < 64);
    }
}
