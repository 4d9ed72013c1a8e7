//! The way there and back: hops, the proxy's handling and its choice of a pod.

use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::fault::Passage;
use crate::model::ledger::NO_COLUMN;
use crate::model::plan::{HotFlow, NONE, Route};
use crate::model::random_keys::{HOP, PROXY_AFTER, PROXY_BEFORE, SHARE};
use crate::model::traffic::sight::PodSight;
use crate::model::watch::Chooser;
use crate::model::{World, kind};
use crate::random::Keyed;
use crate::time::{SimDuration, SimTime};

/// Goes on after a delay; without one at once, without an event.
macro_rules! go_on {
    ($world:ident, $trip:ident, $delay:ident, $kind:path, $then:ident, $now:ident, $schedule:ident) => {
        if $delay.is_zero() {
            $world.$then($trip, $now, $schedule)
        } else {
            $schedule.after($delay, Rank::Completion, $kind, $trip.attempt)
        }
    };
}

/// A hop of the way; each has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hop {
    ClientToProxy,
    ProxyToPod,
    PodToProxy,
    ProxyToClient,
    ClientToPod,
    PodToClient,
}

/// What the steps of the way need of an attempt, handed from one to the next without looking it up again.
///
/// Only functions that are inlined take it: as an argument of a call it would be copied through memory, which costs
/// more than looking the attempt up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trip<'p> {
    pub(crate) hot: &'p HotFlow,
    pub(crate) attempt: u32,
    pub(crate) request: u32,
    pub(crate) flow: u32,
    pub(crate) client: u32,
    pub(crate) worker: u32,
    pub(crate) endpoint: u32,
    pub(crate) base: u64,
    pub(crate) measured: bool,
}

impl<'p> World<'p> {
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
        self.ledgers.charge(request, column, nanos);
    }

    /// What the next steps of an attempt need of it.
    #[inline(always)]
    pub(crate) fn trip(&self, attempt: u32) -> Trip<'p> {
        let entry = &self.attempts[attempt];
        Trip {
            hot: &self.plan.hot[entry.flow as usize],
            attempt,
            request: entry.request,
            flow: entry.flow,
            client: entry.client,
            worker: entry.worker,
            endpoint: entry.endpoint,
            base: entry.base,
            measured: entry.measured,
        }
    }

    /// A hop of a plain flow between two nodes; enters the ledger.
    #[inline(always)]
    fn hop(&mut self, trip: &Trip<'p>, hop: Hop, from: u32, to: u32) -> SimDuration {
        let plan = self.plan;
        let class = plan.topology.class_by(false, from, to);
        let delay = plan.topology.delay(class, trip.base ^ HOP[hop as usize]);
        if trip.request != NONE {
            let column = trip.hot.network[class as usize];
            if column != NO_COLUMN {
                self.charge_request(trip.request, column, delay.as_nanos());
            }
        }
        delay
    }

    /// The hop between an attempt's client and its proxy, either way.
    #[inline(always)]
    fn client_hop(&mut self, trip: &Trip<'p>, hop: Hop) -> SimDuration {
        let client = self.node_of_client(trip.hot, trip.flow, trip.client);
        let proxy = self.plan.workers[trip.worker as usize].node;
        self.hop(trip, hop, client, proxy)
    }

    /// The hop between an attempt's proxy and its pod, either way.
    #[inline(always)]
    fn pod_hop(&mut self, trip: &Trip<'p>, hop: Hop) -> SimDuration {
        let proxy = self.plan.workers[trip.worker as usize].node;
        let pod = self.roster.endpoints[trip.endpoint as usize].node;
        self.hop(trip, hop, proxy, pod)
    }

    /// The hop between an attempt's client and its pod, either way.
    #[inline(always)]
    fn direct_hop(&mut self, trip: &Trip<'p>, hop: Hop) -> SimDuration {
        let client = self.node_of_client(trip.hot, trip.flow, trip.client);
        let pod = self.roster.endpoints[trip.endpoint as usize].node;
        self.hop(trip, hop, client, pod)
    }

    /// Time in the proxy's hands; enters the ledger.
    #[inline(never)]
    pub(super) fn handling(&mut self, flow: u32, request: u32, base: u64, before: bool) -> SimDuration {
        let spec = &self.plan.flows[flow as usize];
        let (Route::Proxy4(proxy) | Route::Proxy7(proxy)) = spec.route else {
            return SimDuration::ZERO;
        };
        let proxy = &self.plan.proxies[proxy as usize];
        let (dist, key) = if before { (&proxy.before, PROXY_BEFORE) } else { (&proxy.after, PROXY_AFTER) };
        let Some(dist) = dist else { return SimDuration::ZERO };
        let handling = dist.sample(&mut Keyed::new(base ^ key));
        if request != NONE {
            self.charge_request(request, spec.layout.proxy, handling.as_nanos());
        }
        handling
    }

    /// A hop over the network alone, of any flow: its delay, which enters the ledger, and its ends.
    pub(super) fn network_hop(&mut self, trip: &Trip<'p>, hop: Hop, now: SimTime) -> (Passage, u32, u32) {
        let client = self.node_of_client(trip.hot, trip.flow, trip.client);
        let proxy = || self.plan.workers[trip.worker as usize].node;
        let pod = || self.roster.endpoints[trip.endpoint as usize].node;
        let (from, to) = match hop {
            Hop::ClientToProxy => (client, proxy()),
            Hop::ProxyToPod => (proxy(), pod()),
            Hop::PodToProxy => (pod(), proxy()),
            Hop::ProxyToClient => (proxy(), client),
            Hop::ClientToPod => (client, pod()),
            Hop::PodToClient => (pod(), client),
        };
        if trip.hot.way_in && hop.touches_client() {
            let inner = if hop.is_request() { to } else { from };
            return (self.way_hop(trip.attempt, hop, inner, now), from, to);
        }
        let class = self.plan.topology.class_by(trip.hot.loopback, from, to);
        let passage = self.plan.passage_of(trip.flow, class, (from, to), (trip.base ^ HOP[hop as usize], now));
        let column = trip.hot.network[class as usize];
        if trip.request != NONE && column != NO_COLUMN {
            self.charge_request(trip.request, column, passage.takes.as_nanos());
        }
        if self.wires.is_some() {
            // The way between the two is the same in both directions.
            let ends = if hop.is_request() { (from, to) } else { (to, from) };
            self.note_message(trip.attempt, hop, class, ends);
        }
        (passage, from, to)
    }

    /// A hop of a flow that is not plain.
    #[inline(never)]
    fn pass(&mut self, attempt: u32, hop: Hop, now: SimTime, schedule: &mut Schedule) {
        let trip = self.trip(attempt);
        if trip.hot.wired {
            return self.cross(attempt, hop, now, schedule);
        }
        let mut delay = SimDuration::ZERO;
        if hop == Hop::ProxyToClient && trip.hot.after {
            delay = self.handling(trip.flow, trip.request, trip.base, false);
        }
        let (passage, _, _) = self.network_hop(&trip, hop, now + delay);
        delay += passage.takes;
        if passage.lost {
            return self.lose_message(attempt, hop, delay, schedule);
        }
        if hop == Hop::ClientToProxy && trip.hot.before {
            delay += self.handling(trip.flow, trip.request, trip.base, true);
        }
        if !delay.is_zero() {
            return schedule.after(delay, Rank::Completion, hop.ends_with(), attempt);
        }
        match hop {
            Hop::ClientToProxy => self.on_at_proxy(attempt, now, schedule),
            Hop::ProxyToPod | Hop::ClientToPod => self.on_at_pod(attempt, now, schedule),
            Hop::PodToProxy => self.on_reply_at_proxy(attempt, now, schedule),
            Hop::ProxyToClient | Hop::PodToClient => self.on_reply_at_client(attempt, now, schedule),
        }
    }

    /// Sends an attempt over its connection: to the proxy, or straight to the pod.
    #[inline(always)]
    pub(crate) fn send(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let hot = trip.hot;
        let mut delay = SimDuration::ZERO;
        if !hot.via_proxy {
            if !self.hopless {
                if !hot.plain {
                    return self.pass(trip.attempt, Hop::ClientToPod, now, schedule);
                }
                delay = self.direct_hop(&trip, Hop::ClientToPod);
            }
            return go_on!(self, trip, delay, kind::AT_POD, at_pod, now, schedule);
        }
        if !self.hopless {
            if !hot.plain {
                return self.pass(trip.attempt, Hop::ClientToProxy, now, schedule);
            }
            delay = self.client_hop(&trip, Hop::ClientToProxy);
        }
        if hot.before {
            delay += self.handling(trip.flow, trip.request, trip.base, true);
        }
        go_on!(self, trip, delay, kind::AT_PROXY, at_proxy, now, schedule);
    }

    /// The proxy has handled the request: at layer 7 it chooses a pod.
    #[inline(never)]
    pub(crate) fn on_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.attempts[attempt].cancelled {
            return self.attempts.remove(attempt);
        }
        let trip = self.trip(attempt);
        self.at_proxy(trip, now, schedule);
    }

    #[inline(always)]
    fn at_proxy(&mut self, mut trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let hot = trip.hot;
        if !hot.layer7 {
            return self.forward(trip, now, schedule);
        }
        if hot.shared {
            trip.worker = self.choose_share(trip.attempt);
        }
        let state = &mut self.workers[trip.worker as usize];
        let sight = PodSight {
            endpoints: &self.roster.endpoints,
            stations: &self.stations,
            work: self.work.as_deref(),
            programmed: &state.programmed,
            now,
            flow: trip.flow,
            client: trip.client,
        };
        let Some(choice) = state.balancer.pick(&mut state.stream, &sight) else {
            return self.answer_503(trip.attempt, now, schedule);
        };
        trip.endpoint = state.programmed.endpoint(choice);
        let entry = &mut self.attempts[trip.attempt];
        (entry.endpoint, entry.place_in_balancer, entry.picked) = (trip.endpoint, choice, now.as_nanos());
        if trip.measured {
            self.note_pick(trip.endpoint);
        }
        if self.probes.picks {
            self.watch_pick(trip.attempt, trip.endpoint, Chooser::Worker, true, now);
        }
        if hot.standing_upstream {
            self.forward(trip, now, schedule);
        } else {
            self.connect_upstream(trip.attempt, now, schedule);
        }
    }

    /// One of several Services gets the request: the proxy for it has a worker in the same process.
    #[inline(never)]
    fn choose_share(&mut self, attempt: u32) -> u32 {
        let plan = self.plan;
        let entry = &mut self.attempts[attempt];
        let shares = &plan.flows[entry.flow as usize].flow.shares;
        let draw = Keyed::new(entry.base ^ SHARE).unit();
        let share = shares.iter().find(|share| draw < share.up_to).unwrap_or(&shares[shares.len() - 1]);
        let own = &plan.proxies[plan.workers[entry.worker as usize].proxy as usize];
        entry.worker = plan.proxies[share.proxy].first_worker + (entry.worker - own.first_worker);
        entry.worker
    }

    /// A layer-7 proxy without endpoints answers itself.
    #[inline(never)]
    fn answer_503(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let worker = self.attempts[attempt].worker as usize;
        let controller = &self.plan.scenario.proxies[self.plan.workers[worker].proxy as usize].controller;
        let cause = controller.as_ref().and_then(|controller| controller.answers);
        let entry = &mut self.attempts[attempt];
        entry.failure = Some(cause.unwrap_or(FailureCause::NoEndpoints503));
        if let Route::Proxy7(proxy) = self.plan.flows[entry.flow as usize].route {
            entry.place = self.plan.proxies[proxy as usize].place;
        }
        if self.probes.any_flow {
            self.watch_at_proxy(attempt, now);
        }
        self.leave_proxy(self.trip(attempt), now, schedule);
    }

    /// From the proxy to the pod.
    #[inline(always)]
    pub(crate) fn forward(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let mut delay = SimDuration::ZERO;
        if !self.hopless {
            if !trip.hot.plain {
                return self.pass(trip.attempt, Hop::ProxyToPod, now, schedule);
            }
            delay = self.pod_hop(&trip, Hop::ProxyToPod);
        }
        go_on!(self, trip, delay, kind::AT_POD, at_pod, now, schedule);
    }

    /// The pod answers.
    #[inline(always)]
    pub(crate) fn reply(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        if trip.hot.via_proxy {
            let mut delay = SimDuration::ZERO;
            if !self.hopless {
                if !trip.hot.plain {
                    return self.pass(trip.attempt, Hop::PodToProxy, now, schedule);
                }
                delay = self.pod_hop(&trip, Hop::PodToProxy);
            }
            return go_on!(self, trip, delay, kind::REPLY_AT_PROXY, reply_at_proxy, now, schedule);
        }
        if trip.request == NONE {
            // Nobody waits: the client closed the connection when it gave up.
            return self.attempts.remove(trip.attempt);
        }
        let mut delay = SimDuration::ZERO;
        if !self.hopless {
            if !trip.hot.plain {
                return self.pass(trip.attempt, Hop::PodToClient, now, schedule);
            }
            delay = self.direct_hop(&trip, Hop::PodToClient);
        }
        go_on!(self, trip, delay, kind::REPLY_AT_CLIENT, reply_at_client, now, schedule);
    }

    /// A reply passes the proxy: the request is no longer outstanding there.
    #[inline(never)]
    pub(crate) fn on_reply_at_proxy(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        let trip = self.trip(attempt);
        self.reply_at_proxy(trip, now, schedule);
    }

    #[inline(always)]
    fn reply_at_proxy(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        self.settle_at_proxy(&trip, now, schedule);
        if trip.hot.next_upstream && self.goes_to_next(trip.attempt, now, schedule) {
            return;
        }
        self.leave_proxy(trip, now, schedule);
    }

    /// The proxy's own accounts of an attempt are closed.
    #[inline(always)]
    pub(crate) fn settle_at_proxy(&mut self, trip: &Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        let hot = trip.hot;
        if hot.layer7 {
            if self.control.is_some() {
                self.settle_changed(trip, now);
            } else {
                let entry = &self.attempts[trip.attempt];
                self.workers[trip.worker as usize].balancer.done(entry.place_in_balancer, entry.ended(now));
            }
            if !hot.standing_upstream {
                self.release_upstream(trip.attempt, now, schedule);
            }
        }
    }

    /// Where endpoints change, a balancer may have them in another order by now, or no longer.
    #[inline(never)]
    fn settle_changed(&mut self, trip: &Trip<'p>, now: SimTime) {
        let entry = &self.attempts[trip.attempt];
        let worker = &mut self.workers[trip.worker as usize];
        if let Some(place) = worker.programmed.place(entry.endpoint) {
            worker.balancer.done(place, entry.ended(now));
        }
    }

    /// From the proxy back to the client, of what did not get through.
    #[inline(never)]
    pub(crate) fn leave_proxy_late(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        self.leave_proxy(self.trip(attempt), now, schedule);
    }

    /// From the proxy back to the client.
    #[inline(always)]
    fn leave_proxy(&mut self, trip: Trip<'p>, now: SimTime, schedule: &mut Schedule) {
        if trip.request == NONE {
            return self.attempts.remove(trip.attempt);
        }
        let mut delay = SimDuration::ZERO;
        if !self.hopless {
            if !trip.hot.plain {
                return self.pass(trip.attempt, Hop::ProxyToClient, now, schedule);
            }
            delay = self.client_hop(&trip, Hop::ProxyToClient);
        }
        if trip.hot.after {
            delay += self.handling(trip.flow, trip.request, trip.base, false);
        }
        go_on!(self, trip, delay, kind::REPLY_AT_CLIENT, reply_at_client, now, schedule);
    }
}
