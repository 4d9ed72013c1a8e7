//! Messages that pass the network interfaces of nodes on a hop, where these have a rate.
//!
//! A hop begins where a message is sent. It passes the sender's interface and the receiver's, and on the way in from
//! outside maybe those of the node between; each at the instant at which its first byte comes there, so that all who
//! share an interface pass it in the order in which they come.

use crate::engine::{Rank, Schedule};
use crate::model::network::nics::{Direction, Nics};
use crate::model::plan::Plan;
use crate::model::random_keys::HOP;
use crate::model::slab::Slab;
use crate::model::traffic::legs::{Crossing, End};
use crate::model::traffic::route::Hop;
use crate::model::watch::Wait;
use crate::model::{World, kind};
use crate::time::{SimDuration, SimTime};

/// Most interfaces on a hop: of the node between and of the last one on the way in from outside.
const MOST: usize = 3;

/// The interfaces, and the messages on their way over them.
#[derive(Debug)]
pub(crate) struct Transits {
    pub(crate) nics: Nics,
    under_way: Slab<Transit>,
}

/// An interface on the way of a message.
#[derive(Debug, Clone, Copy)]
struct Stop {
    node: u32,
    direction: Direction,
    /// From the stop before to this one.
    gap: SimDuration,
    /// How long the message waited here.
    waited: SimDuration,
}

/// A message on a hop.
#[derive(Debug, Clone, Copy)]
struct Transit {
    attempt: u32,
    hop: Hop,
    bytes: u64,
    stops: [Stop; MOST],
    count: usize,
    /// The stop that it comes to next.
    next: usize,
    /// When it was sent.
    sent: SimTime,
    /// When its last byte comes to that stop.
    last: SimTime,
    /// From the last stop to the end of the hop, and what follows before anything happens there.
    rest: SimDuration,
}

impl Transits {
    /// Idle interfaces; `None` where no node has a rate.
    pub(crate) fn of(plan: &Plan) -> Option<Box<Self>> {
        let nics = Nics::of(&plan.scenario.cluster, plan.scenario.run.interval)?;
        Some(Box::new(Self { nics, under_way: Slab::default() }))
    }
}

/// The stops of a way that is laid leg by leg.
struct Way<'a> {
    nics: &'a Nics,
    stops: [Stop; MOST],
    count: usize,
    gap: SimDuration,
}

impl Way<'_> {
    fn leg(&mut self, from: Option<u32>, to: Option<u32>, delay: SimDuration) {
        self.stop(from, Direction::Egress);
        self.gap += delay;
        self.stop(to, Direction::Ingress);
    }

    fn stop(&mut self, node: Option<u32>, direction: Direction) {
        if let Some(node) = node.filter(|node| self.nics.has(*node)) {
            let gap = std::mem::take(&mut self.gap);
            self.stops[self.count] = Stop { node, direction, gap, waited: SimDuration::ZERO };
            self.count += 1;
        }
    }
}

impl World<'_> {
    /// A hop of an attempt between nodes whose interfaces may have a rate.
    #[inline(never)]
    pub(super) fn cross(&mut self, attempt: u32, hop: Hop, now: SimTime, schedule: &mut Schedule) {
        let trip = self.trip(attempt);
        let handling = |world: &mut Self, before| world.handling(trip.flow, trip.request, trip.base, before);
        let (lead, after) = match hop {
            Hop::ClientToProxy if trip.hot.before => (SimDuration::ZERO, handling(self, true)),
            Hop::ProxyToClient if trip.hot.after => (handling(self, false), SimDuration::ZERO),
            _ => (SimDuration::ZERO, SimDuration::ZERO),
        };
        let (passage, from, to) = self.network_hop(&trip, hop, now + lead);
        if passage.lost {
            return self.lose_message(attempt, hop, lead + passage.takes, schedule);
        }
        let delay = passage.takes;
        let (stops, count, rest) = self.lay_way((attempt, hop), (from, to), delay, now + lead);
        if count == 0 {
            return schedule.after(lead + delay + after, Rank::Completion, hop.ends_with(), attempt);
        }
        let (bytes, sent) = (self.bytes_of(attempt, hop), now + lead);
        let last = sent + stops[0].gap;
        let transit = Transit { attempt, hop, bytes, stops, count, next: 0, sent, last, rest: rest + after };
        let transit = self.transits_mut().under_way.insert(transit);
        schedule.at(last, Rank::Completion, kind::AT_NIC, transit);
    }

    fn transits_mut(&mut self) -> &mut Transits {
        self.transits.as_deref_mut().expect("interfaces have rates")
    }

    /// The interfaces on the way of a hop, how many, and what is left behind the last one.
    fn lay_way(
        &self,
        (attempt, hop): (u32, Hop),
        (from, to): (u32, u32),
        delay: SimDuration,
        sent: SimTime,
    ) -> ([Stop; MOST], usize, SimDuration) {
        let nics = &self.transits.as_deref().expect("interfaces have rates").nics;
        let none = Stop { node: 0, direction: Direction::Egress, gap: SimDuration::ZERO, waited: SimDuration::ZERO };
        let mut way = Way { nics, stops: [none; MOST], count: 0, gap: SimDuration::ZERO };
        let entry = &self.attempts[attempt];
        if self.plan.hot[entry.flow as usize].way_in && hop.touches_client() {
            let inwards = hop.is_request();
            let legs = self.legs(entry.flow, self.gate_of(attempt), if inwards { to } else { from });
            let mut lay = |leg| {
                let delay = self.leg_passage(leg, entry.flow, entry.base ^ HOP[hop as usize], sent).takes;
                let (first, second) = if inwards { leg.ends } else { (leg.ends.1, leg.ends.0) };
                match leg.crossing {
                    Crossing::Path(_) => way.leg(node_of(first), node_of(second), delay),
                    Crossing::Balancer => way.gap += delay,
                }
            };
            if inwards { legs.for_each(&mut lay) } else { legs.rev().for_each(&mut lay) }
        } else if from == to {
            way.gap = delay;
        } else {
            way.leg(Some(from), Some(to), delay);
        }
        (way.stops, way.count, way.gap)
    }

    /// The first byte of a message comes to an interface.
    #[inline(never)]
    pub(crate) fn on_at_nic(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let transits = self.transits_mut();
        let transit = &mut transits.under_way[slot];
        let stop = &mut transit.stops[transit.next];
        let passage = transits.nics.line(stop.node, stop.direction).pass(now, transit.last, transit.bytes);
        stop.waited = passage.first - now;
        transit.next += 1;
        if transit.next < transit.count {
            let gap = transit.stops[transit.next].gap;
            transit.last = passage.last + gap;
            return schedule.at(passage.first + gap, Rank::Completion, kind::AT_NIC, slot);
        }
        let Transit { attempt, hop, bytes, rest, sent, stops, count, .. } = *transit;
        transits.under_way.remove(slot);
        let stops = &stops[..count];
        let gaps = stops.iter().fold(SimDuration::ZERO, |sum, stop| sum + stop.gap);
        let took = passage.last - (sent + gaps);
        let column = self.plan_flow(self.attempts[attempt].flow).layout.transfer;
        self.charge(attempt, column, took);
        if self.probes.any_flow && !took.is_zero() {
            let waits = stops.iter().map(|stop| Wait {
                node: stop.node,
                sends: stop.direction == Direction::Egress,
                nanos: stop.waited.as_nanos(),
            });
            let waits: Vec<Wait> = waits.filter(|wait| wait.nanos > 0).collect();
            self.watch_transfer(attempt, hop, bytes, waits, took.as_nanos());
        }
        schedule.after((passage.last - now) + rest, Rank::Completion, hop.ends_with(), attempt);
    }

    /// Bytes of a message: a reply that only says that a request failed carries none.
    pub(super) fn bytes_of(&self, attempt: u32, hop: Hop) -> u64 {
        let entry = &self.attempts[attempt];
        let flow = &self.plan_flow(entry.flow).flow;
        match hop.is_request() {
            true => flow.request_size,
            false if entry.failure.is_some() => 0,
            false => flow.response_size,
        }
    }
}

/// The node at the end of a leg, where it is one.
const fn node_of(end: End) -> Option<u32> {
    match end {
        End::Node(node) | End::Destination(node) => Some(node),
        End::Client | End::Balancer => None,
    }
}

impl Hop {
    /// Whether it is on the way to the pod.
    pub(crate) const fn is_request(self) -> bool {
        matches!(self, Self::ClientToProxy | Self::ProxyToPod | Self::ClientToPod)
    }

    /// Whether an end of it is the client.
    pub(crate) const fn touches_client(self) -> bool {
        !matches!(self, Self::ProxyToPod | Self::PodToProxy)
    }

    /// What happens when it is over.
    pub(crate) const fn ends_with(self) -> crate::engine::Kind {
        match self {
            Self::ClientToProxy => kind::AT_PROXY,
            Self::ProxyToPod | Self::ClientToPod => kind::AT_POD,
            Self::PodToProxy => kind::REPLY_AT_PROXY,
            Self::ProxyToClient | Self::PodToClient => kind::REPLY_AT_CLIENT,
        }
    }
}
