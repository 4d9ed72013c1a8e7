//! The way there and back: hops, the proxy's handling and its choice of a pod.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::plan::{NONE, Route};
use crate::model::random_keys::{HOP, PROXY_AFTER, PROXY_BEFORE};
use crate::model::traffic::attempt::Stage;
use crate::model::{World, kind};
use crate::random::Keyed;
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// Enters time in the ledger of the attempt's request, if its client still waits.
    #[inline]
    pub(crate) fn charge(&mut self, attempt: u32, column: u16, duration: SimDuration) {
        let request = self.attempts[attempt].request;
        if request != NONE && !duration.is_zero() {
            self.ledger[request as usize * self.plan.ledger_stride + column as usize] += duration.as_nanos();
        }
    }

    /// One hop between two nodes; enters the ledger.
    #[inline]
    fn hop(&mut self, attempt: u32, from: u32, to: u32) -> SimDuration {
        let plan = self.plan;
        if plan.topology.is_free() {
            return SimDuration::ZERO;
        }
        let class = plan.topology.class(from, to);
        let entry = &mut self.attempts[attempt];
        let key = entry.base ^ HOP[entry.hops as usize];
        entry.hops += 1;
        let delay = plan.topology.delay(class, key);
        let column = plan.flows[entry.flow as usize].layout.hop(class);
        self.charge(attempt, column, delay);
        delay
    }

    /// Sends an attempt over its connection: to the proxy, or straight to the pod.
    #[inline]
    pub(crate) fn send(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, client, worker, base) = {
            let entry = &mut self.attempts[attempt];
            entry.stage = Stage::Going;
            (entry.flow, entry.client, entry.worker, entry.base)
        };
        let spec = &plan.flows[flow as usize];
        let from = self.node_of_client(flow, client);
        match spec.route {
            Route::ClusterIp | Route::ClientBalancer => {
                let to = plan.endpoints[self.attempts[attempt].endpoint as usize].node;
                let delay = self.hop(attempt, from, to);
                self.go_on(attempt, delay, kind::AT_POD, now, schedule);
            }
            Route::Proxy4(proxy) | Route::Proxy7(proxy) => {
                let mut delay = self.hop(attempt, from, plan.workers[worker as usize].node);
                if let Some(before) = &plan.proxies[proxy as usize].before {
                    let handling = before.sample(&mut Keyed::new(base ^ PROXY_BEFORE));
                    self.charge(attempt, spec.layout.proxy, handling);
                    delay += handling;
                }
                self.go_on(attempt, delay, kind::AT_PROXY, now, schedule);
            }
        }
    }

    /// Goes on after a delay; without one at once, without an event.
    #[inline]
    fn go_on(&mut self, attempt: u32, delay: SimDuration, then: crate::engine::Kind, now: SimTime, schedule: &mut Schedule) {
        if !delay.is_zero() {
            schedule.after(delay, Rank::Completion, then, attempt);
            return;
        }
        match then {
            kind::AT_POD => self.on_at_pod(attempt, now, schedule),
            kind::AT_PROXY => self.on_at_proxy(attempt, now, schedule),
            kind::REPLY_AT_PROXY => self.on_reply_at_proxy(attempt, now, schedule),
            _ => self.on_reply_at_client(attempt, now, schedule),
        }
    }

    /// The proxy has handled the request: at layer 7 it chooses a pod.
    #[inline]
    pub(crate) fn on_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, worker, measured, cancelled) = {
            let entry = &self.attempts[attempt];
            (entry.flow, entry.worker, entry.measured, entry.cancelled)
        };
        if cancelled {
            return self.attempts.remove(attempt);
        }
        let Route::Proxy7(proxy) = plan.flows[flow as usize].route else {
            return self.forward(attempt, now, schedule);
        };
        let first = plan.services[plan.scenario.proxies[proxy as usize].service].first;
        let state = &mut self.workers[worker as usize];
        let Some(choice) = state.balancer.pick(&mut state.stream) else {
            let place = plan.proxies[proxy as usize].place;
            let entry = &mut self.attempts[attempt];
            entry.failure = Some(FailureCause::NoEndpoints503);
            entry.place = place;
            return self.leave_proxy(attempt, now, schedule);
        };
        let endpoint = first + choice;
        self.attempts[attempt].endpoint = endpoint;
        if measured {
            self.note_pick(endpoint);
        }
        self.connect_upstream(attempt, now, schedule);
    }

    /// From the proxy to the pod.
    #[inline]
    pub(crate) fn forward(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let entry = &self.attempts[attempt];
        let from = plan.workers[entry.worker as usize].node;
        let to = plan.endpoints[entry.endpoint as usize].node;
        let delay = self.hop(attempt, from, to);
        self.go_on(attempt, delay, kind::AT_POD, now, schedule);
    }

    /// The pod answers.
    #[inline]
    pub(crate) fn reply(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, client, worker, endpoint, request) = {
            let entry = &mut self.attempts[attempt];
            entry.stage = Stage::Returning;
            (entry.flow, entry.client, entry.worker, entry.endpoint, entry.request)
        };
        let from = plan.endpoints[endpoint as usize].node;
        match plan.flows[flow as usize].route {
            Route::ClusterIp | Route::ClientBalancer => {
                if request == NONE {
                    // Nobody waits: the client closed the connection when it gave up.
                    return self.attempts.remove(attempt);
                }
                let to = self.node_of_client(flow, client);
                let delay = self.hop(attempt, from, to);
                self.go_on(attempt, delay, kind::REPLY_AT_CLIENT, now, schedule);
            }
            Route::Proxy4(_) | Route::Proxy7(_) => {
                let delay = self.hop(attempt, from, plan.workers[worker as usize].node);
                self.go_on(attempt, delay, kind::REPLY_AT_PROXY, now, schedule);
            }
        }
    }

    /// A reply passes the proxy: the request is no longer outstanding there.
    #[inline]
    pub(crate) fn on_reply_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.settle_at_proxy(attempt, now, schedule);
        self.leave_proxy(attempt, now, schedule);
    }

    /// The proxy's own accounts of an attempt are closed.
    #[inline]
    pub(crate) fn settle_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, worker, endpoint) = {
            let entry = &self.attempts[attempt];
            (entry.flow, entry.worker, entry.endpoint)
        };
        if let Route::Proxy7(proxy) = plan.flows[flow as usize].route {
            let first = plan.services[plan.scenario.proxies[proxy as usize].service].first;
            self.workers[worker as usize].balancer.done(endpoint - first);
            self.release_upstream(attempt, now, schedule);
        }
    }

    /// From the proxy back to the client.
    #[inline]
    fn leave_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let (flow, client, worker, base, request) = {
            let entry = &self.attempts[attempt];
            (entry.flow, entry.client, entry.worker, entry.base, entry.request)
        };
        if request == NONE {
            return self.attempts.remove(attempt);
        }
        let spec = &plan.flows[flow as usize];
        let to = self.node_of_client(flow, client);
        let mut delay = self.hop(attempt, plan.workers[worker as usize].node, to);
        if let Route::Proxy4(proxy) | Route::Proxy7(proxy) = spec.route
            && let Some(after) = &plan.proxies[proxy as usize].after
        {
            let handling = after.sample(&mut Keyed::new(base ^ PROXY_AFTER));
            self.charge(attempt, spec.layout.proxy, handling);
            delay += handling;
        }
        self.go_on(attempt, delay, kind::REPLY_AT_CLIENT, now, schedule);
    }
}
