//! What ends kept connections from outside: the pod behind them, a load balancer, kube-proxy, the end of their grace.

use crate::engine::Schedule;
use crate::model::World;
use crate::model::network::published::Published;
use crate::model::plan::{NONE, as_u32};
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::connection::Connection;
use crate::model::traffic::life::{End, State};
use crate::scenario::Protocol;
use crate::time::SimTime;

impl World<'_> {
    /// Every connection that there is or was.
    fn all_connections(&self) -> std::ops::Range<u32> {
        0..as_u32(self.connections.capacity())
    }

    /// The grace is over: requests in the pod are reset.
    pub(super) fn cut_streams(&mut self, connection: u32, now: SimTime, schedule: &mut Schedule) {
        let upstream = self.owner(connection).upstream;
        let over = |world: &Self, attempt: u32| {
            let entry = &world.attempts[attempt];
            let held = if upstream { entry.upstream } else { entry.connection };
            let inside = matches!(entry.stage, Stage::Queued | Stage::Serving | Stage::Calling | Stage::Resuming);
            held == connection && inside && !entry.cancelled && entry.request != NONE
        };
        let cut: Vec<u32> = self.attempts.taken().filter(|attempt| over(self, *attempt)).collect();
        for attempt in cut {
            self.reset_in_pod(attempt, now, schedule);
        }
    }

    /// The pods of these endpoints have ended: kept connections to them take no more requests.
    pub(super) fn break_kept(&mut self, endpoints: &[u32], now: SimTime, schedule: &mut Schedule) {
        let broken = |known: &Connection| known.life.state == State::Open && endpoints.contains(&known.life.endpoint);
        let connections: Vec<u32> = self.all_connections().filter(|known| broken(&self.connections[*known])).collect();
        for connection in connections {
            let kept_as = self.kept_as(connection);
            let unseen = !kept_as.notices_close && self.life(connection).active == 0;
            if self.life(connection).state == State::Open && kept_as.protocol != Protocol::Udp && !unseen {
                self.drain(connection, End::Reset, now, schedule);
            }
        }
    }

    /// A load balancer sends no more to a target: the flow's connections to it that are idle end, and those that carry
    /// several requests take no more.
    pub(super) fn break_kept_to(&mut self, flow: u32, target: u32, now: SimTime, schedule: &mut Schedule) {
        for connection in self.all_connections() {
            let life = *self.life(connection);
            if life.state != State::Open {
                continue;
            }
            let (owner, ways) = (self.owner(connection), self.ways.as_deref());
            if (owner.flow, owner.upstream) == (flow, false)
                && ways.is_some_and(|ways| ways.leads_to(connection, target))
                && (life.active == 0 || self.kept_as(connection).multiplexes())
            {
                self.drain(connection, End::IdleAtServer, now, schedule);
            }
        }
    }

    /// The node whose rules a client's kept connection goes by.
    fn node_whose_rules(&self, connection: u32) -> u32 {
        let owner = self.owner(connection);
        let hot = &self.plan.hot[owner.flow as usize];
        if hot.way_in { self.gate_of_kept(connection) } else { self.node_of_client(hot, owner.flow, owner.number) }
    }

    /// kube-proxy, of one node or of all, forgets UDP flows of a Service to whoever is no serving endpoint any more, if there
    /// is a serving one.
    pub(crate) fn forget_datagrams(
        &mut self,
        (service, node): (usize, Option<u32>),
        published: &Published,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let serving = published.serving();
        if serving.is_empty() || published.standing.address.is_none() {
            return;
        }
        for connection in self.all_connections() {
            let life = *self.life(connection);
            if life.state != State::Open || self.kept_as(connection).protocol != Protocol::Udp {
                continue;
            }
            let owner = self.owner(connection);
            let spec = self.plan_flow(owner.flow);
            let by_rules = !owner.upstream && life.endpoint != NONE && spec.is_ruled_for(service);
            // A load balancer may send to pods, past the rules of nodes.
            let by_rules = by_rules && (spec.flow.way_in.is_none() || self.gate_of_kept(connection) != NONE);
            let here = node.is_none_or(|node| node == self.node_whose_rules(connection));
            if by_rules && here && !serving.contains(&life.endpoint) {
                self.drain(connection, End::Reset, now, schedule);
            }
        }
    }
}
