//! The way there and back: hops, the proxy's handling and its choice of a pod.

use crate::cause::FailureCause;
use crate::engine::{Kind, Rank, Schedule};
use crate::model::plan::{NONE, Route};
use crate::model::random_keys::{HOP, PROXY_AFTER, PROXY_BEFORE};
use crate::model::traffic::attempt::Stage;
use crate::model::{World, kind};
use crate::random::Keyed;
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// Enters time in the ledger of the attempt's request, if its client still waits.
    #[inline(always)]
    pub(crate) fn charge(&mut self, attempt: u32, column: u16, duration: SimDuration) {
        let request = self.attempts[attempt].request;
        if request != NONE && !duration.is_zero() {
            self.charge_request(request, column, duration.as_nanos());
        }
    }

    /// Enters time in the ledger of a request.
    #[inline(always)]
    pub(crate) fn charge_request(&mut self, request: u32, column: u16, nanos: u64) {
        self.ledger[request as usize * self.plan.ledger_stride + column as usize] += nanos;
    }

    /// One hop between two nodes; enters the ledger.
    #[inline(never)]
    fn hop(&mut self, attempt: u32, from: u32, to: u32) -> SimDuration {
        let plan = self.plan;
        let class = plan.topology.class(from, to);
        let entry = &mut self.attempts[attempt];
        let key = entry.base ^ HOP[entry.hops as usize % HOP.len()];
        entry.hops += 1;
        let (flow, request) = (entry.flow, entry.request);
        let delay = plan.topology.delay(class, key);
        if request != NONE && !delay.is_zero() {
            let column = plan.flows[flow as usize].layout.hop(class);
            self.charge_request(request, column, delay.as_nanos());
        }
        delay
    }

    /// The hop between an attempt's client and its proxy, either way.
    #[inline(always)]
    fn client_hop(&mut self, attempt: u32) -> SimDuration {
        if self.free {
            return SimDuration::ZERO;
        }
        let entry = &self.attempts[attempt];
        let client = self.node_of_client(entry.flow, entry.client);
        let proxy = self.plan.workers[entry.worker as usize].node;
        self.hop(attempt, client, proxy)
    }

    /// The hop between an attempt's proxy and its pod, either way.
    #[inline(always)]
    fn pod_hop(&mut self, attempt: u32) -> SimDuration {
        if self.free {
            return SimDuration::ZERO;
        }
        let entry = &self.attempts[attempt];
        let proxy = self.plan.workers[entry.worker as usize].node;
        let pod = self.plan.endpoints[entry.endpoint as usize].node;
        self.hop(attempt, proxy, pod)
    }

    /// The hop between an attempt's client and its pod, either way.
    #[inline(always)]
    fn direct_hop(&mut self, attempt: u32) -> SimDuration {
        if self.free {
            return SimDuration::ZERO;
        }
        let entry = &self.attempts[attempt];
        let client = self.node_of_client(entry.flow, entry.client);
        let pod = self.plan.endpoints[entry.endpoint as usize].node;
        self.hop(attempt, client, pod)
    }

    /// Time in the proxy's hands; enters the ledger.
    #[inline(never)]
    fn handling(&mut self, attempt: u32, before: bool) -> SimDuration {
        let plan = self.plan;
        let entry = &self.attempts[attempt];
        let (flow, base) = (entry.flow, entry.base);
        let (Route::Proxy4(proxy) | Route::Proxy7(proxy)) = plan.flows[flow as usize].route else {
            return SimDuration::ZERO;
        };
        let proxy = &plan.proxies[proxy as usize];
        let (dist, key) = if before { (&proxy.before, PROXY_BEFORE) } else { (&proxy.after, PROXY_AFTER) };
        let Some(dist) = dist else { return SimDuration::ZERO };
        let handling = dist.sample(&mut Keyed::new(base ^ key));
        self.charge(attempt, plan.flows[flow as usize].layout.proxy, handling);
        handling
    }

    /// Sends an attempt over its connection: to the proxy, or straight to the pod.
    #[inline(always)]
    pub(crate) fn send(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &mut self.attempts[attempt];
        entry.stage = Stage::Going;
        let hot = &self.plan.hot[entry.flow as usize];
        if !hot.via_proxy {
            let delay = self.direct_hop(attempt);
            return self.go_on(attempt, delay, kind::AT_POD, now, schedule);
        }
        let mut delay = self.client_hop(attempt);
        if hot.before {
            delay += self.handling(attempt, true);
        }
        self.go_on(attempt, delay, kind::AT_PROXY, now, schedule);
    }

    /// Goes on after a delay; without one at once, without an event.
    #[inline(always)]
    fn go_on(&mut self, attempt: u32, delay: SimDuration, then: Kind, now: SimTime, schedule: &mut Schedule) {
        if !delay.is_zero() {
            return schedule.after(delay, Rank::Completion, then, attempt);
        }
        match then {
            kind::AT_POD => self.on_at_pod(attempt, now, schedule),
            kind::AT_PROXY => self.on_at_proxy(attempt, now, schedule),
            kind::REPLY_AT_PROXY => self.on_reply_at_proxy(attempt, now, schedule),
            _ => self.on_reply_at_client(attempt, now, schedule),
        }
    }

    /// The proxy has handled the request: at layer 7 it chooses a pod.
    #[inline(always)]
    pub(crate) fn on_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let entry = &self.attempts[attempt];
        if entry.cancelled {
            return self.attempts.remove(attempt);
        }
        let (flow, measured) = (entry.flow as usize, entry.measured);
        let hot = &plan.hot[flow];
        if !hot.express && matches!(plan.flows[flow].route, Route::Proxy4(_)) {
            return self.forward(attempt, now, schedule);
        }
        let state = &mut self.workers[entry.worker as usize];
        let Some(choice) = state.balancer.pick(&mut state.stream) else {
            return self.answer_503(attempt, now, schedule);
        };
        let endpoint = hot.first_endpoint + choice;
        self.attempts[attempt].endpoint = endpoint;
        if measured {
            self.note_pick(endpoint);
        }
        if hot.standing_upstream {
            self.forward(attempt, now, schedule);
        } else {
            self.connect_upstream(attempt, now, schedule);
        }
    }

    /// A layer-7 proxy without endpoints answers itself.
    #[inline(never)]
    #[cold]
    fn answer_503(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &mut self.attempts[attempt];
        entry.failure = Some(FailureCause::NoEndpoints503);
        if let Route::Proxy7(proxy) = self.plan.flows[entry.flow as usize].route {
            entry.place = self.plan.proxies[proxy as usize].place;
        }
        self.leave_proxy(attempt, now, schedule);
    }

    /// From the proxy to the pod.
    #[inline(always)]
    pub(crate) fn forward(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let delay = self.pod_hop(attempt);
        self.go_on(attempt, delay, kind::AT_POD, now, schedule);
    }

    /// The pod answers.
    #[inline(always)]
    pub(crate) fn reply(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &mut self.attempts[attempt];
        entry.stage = Stage::Returning;
        if self.plan.hot[entry.flow as usize].via_proxy {
            let delay = self.pod_hop(attempt);
            return self.go_on(attempt, delay, kind::REPLY_AT_PROXY, now, schedule);
        }
        if entry.request == NONE {
            // Nobody waits: the client closed the connection when it gave up.
            return self.attempts.remove(attempt);
        }
        let delay = self.direct_hop(attempt);
        self.go_on(attempt, delay, kind::REPLY_AT_CLIENT, now, schedule);
    }

    /// A reply passes the proxy: the request is no longer outstanding there.
    #[inline(always)]
    pub(crate) fn on_reply_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.settle_at_proxy(attempt, now, schedule);
        self.leave_proxy(attempt, now, schedule);
    }

    /// The proxy's own accounts of an attempt are closed.
    #[inline(always)]
    pub(crate) fn settle_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let plan = self.plan;
        let entry = &self.attempts[attempt];
        let flow = entry.flow as usize;
        let hot = &plan.hot[flow];
        if hot.express || matches!(plan.flows[flow].route, Route::Proxy7(_)) {
            let (worker, upstream) = (entry.worker as usize, entry.upstream);
            self.workers[worker].balancer.done(entry.endpoint - hot.first_endpoint);
            if upstream != NONE {
                self.release_upstream(attempt, now, schedule);
            }
        }
    }

    /// From the proxy back to the client.
    #[inline(always)]
    fn leave_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        if entry.request == NONE {
            return self.attempts.remove(attempt);
        }
        let hot = &self.plan.hot[entry.flow as usize];
        let mut delay = self.client_hop(attempt);
        if hot.after {
            delay += self.handling(attempt, false);
        }
        self.go_on(attempt, delay, kind::REPLY_AT_CLIENT, now, schedule);
    }
}
