//! What ends kept connections from outside: the pod behind them, a load balancer, kube-proxy, the end of their grace.

use crate::engine::Schedule;
use crate::model::World;
use crate::model::plan::{NONE, Route, as_u32};
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::keeping::{End, Life, State};
use crate::scenario::Protocol;
use crate::time::SimTime;

impl World<'_> {
    /// The grace is over: requests in the pod are reset.
    pub(super) fn cut_streams(&mut self, connection: u32, now: SimTime, schedule: &mut Schedule) {
        let upstream = self.life(connection).owner.upstream;
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
        let broken = |life: &Life| life.state == State::Open && endpoints.contains(&life.endpoint);
        let connections: Vec<u32> =
            (0..as_u32(self.lives.len())).filter(|connection| broken(&self.lives[*connection as usize])).collect();
        for connection in connections {
            if self.life(connection).state == State::Open
                && self.kept_as(self.lives[connection as usize].owner).protocol != Protocol::Udp
            {
                self.drain(connection, End::Reset, now, schedule);
            }
        }
    }

    /// A load balancer sends no more to a target: the flow's connections to it that are idle end, and those that carry
    /// several requests take no more.
    pub(super) fn break_kept_to(&mut self, flow: u32, target: u32, now: SimTime, schedule: &mut Schedule) {
        for connection in 0..as_u32(self.lives.len()) {
            let life = self.lives[connection as usize];
            let ways = self.ways.as_deref();
            if life.state == State::Open
                && (life.owner.flow, life.owner.upstream) == (flow, false)
                && ways.is_some_and(|ways| ways.leads_to(connection, target))
                && (life.active == 0 || self.kept_as(life.owner).multiplexes())
            {
                self.drain(connection, End::IdleAtServer, now, schedule);
            }
        }
    }

    /// kube-proxy forgets UDP flows to endpoints that serve no more, when it has new ones.
    pub(crate) fn forget_datagrams(&mut self, service: usize, now: SimTime, schedule: &mut Schedule) {
        for connection in 0..as_u32(self.lives.len()) {
            let life = self.lives[connection as usize];
            let spec = self.plan_flow(life.owner.flow);
            let udp = self.kept_as(life.owner).protocol == Protocol::Udp;
            let stale =
                udp && life.state == State::Open && spec.flow.service == service && spec.route == Route::ClusterIp;
            if stale && self.roster.is_dead(life.endpoint) {
                self.drain(connection, End::Reset, now, schedule);
            }
        }
    }
}
