//! The hops between a client outside and what its connection leads to.

use crate::cause::LedgerCause;
use crate::model::World;
use crate::model::fault::Passage;
use crate::model::ledger::NO_COLUMN;
use crate::model::network::topology::PathClass;
use crate::model::plan::NONE;
use crate::model::random_keys::HOP;
use crate::model::traffic::entrance::Gate;
use crate::model::traffic::route::Hop;
use crate::random::{Keyed, mix};
use crate::scenario::outside::Entry;
use crate::time::{SimDuration, SimTime};

/// A part of the way between a client outside and the pod or proxy that its connection leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leg {
    /// Its number on the way in.
    number: u8,
    /// What it crosses.
    pub(crate) crossing: Crossing,
    /// Its ends, seen on the way in.
    pub(crate) ends: (End, End),
}

/// What a leg crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// The network.
    Path(PathClass),
    /// A load balancer.
    Balancer,
}

/// An end of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client.
    Client,
    /// The load balancer.
    Balancer,
    /// A node.
    Node(u32),
    /// What the connection leads to, on a node.
    Destination(u32),
}

impl<'p> World<'p> {
    /// The parts of a flow's way in to a node. A load balancer stands in the zone of whatever it sends to.
    pub(crate) fn legs(&self, flow: u32, gate: Gate, to: u32) -> impl DoubleEndedIterator<Item = Leg> + use<> {
        let balanced = self.is_balanced(flow);
        let first = if gate.node == NONE || gate.node == to { End::Destination(to) } else { End::Node(gate.node) };
        let path = |number, class, ends| Some(Leg { number, crossing: Crossing::Path(class), ends });
        let mut legs = if balanced {
            let inside = Leg { number: 1, crossing: Crossing::Balancer, ends: (End::Balancer, End::Balancer) };
            [
                path(0, PathClass::External, (End::Client, End::Balancer)),
                Some(inside),
                path(2, PathClass::SameZone, (End::Balancer, first)),
                None,
            ]
        } else {
            [path(0, PathClass::External, (End::Client, first)), None, None, None]
        };
        if balanced && gate == Gate::NOWHERE {
            // Nobody was chosen: the load balancer itself says so.
            legs[2] = None;
        }
        if let End::Node(node) = first {
            legs[3] = path(3, self.plan.topology.class(node, to), (first, End::Destination(to)));
        }
        legs.into_iter().flatten()
    }

    /// Whether a flow comes in through a load balancer.
    fn is_balanced(&self, flow: u32) -> bool {
        let way = self.plan_flow(flow).flow.way_in.as_deref();
        way.is_some_and(|way| matches!(way.entry, Entry::LoadBalancer { .. }))
    }

    /// What a leg takes, one way; each has a key of its own.
    pub(crate) fn leg_delay(&self, leg: Leg, key: u64) -> SimDuration {
        let key = mix(key, u64::from(leg.number));
        match leg.crossing {
            Crossing::Path(class) => self.plan.topology.delay(class, key),
            Crossing::Balancer => {
                let latency = &self.plan.scenario.cluster.load_balancers.latency;
                latency.as_constant().unwrap_or_else(|| latency.sample(&mut Keyed::new(key)))
            }
        }
    }

    /// The same of a packet that is sent at a time: faults may touch it.
    pub(crate) fn leg_delay_at(&self, leg: Leg, key: u64, at: SimTime) -> SimDuration {
        let Some((class, ends)) = self.ends_of(leg) else { return self.leg_delay(leg, key) };
        self.plan.delay(class, ends, mix(key, u64::from(leg.number)), at)
    }

    /// What becomes of a message of a flow on a leg.
    pub(crate) fn leg_passage(&self, leg: Leg, flow: u32, key: u64, at: SimTime) -> Passage {
        let Some((class, ends)) = self.ends_of(leg) else {
            return Passage { takes: self.leg_delay(leg, key), lost: false };
        };
        self.plan.passage_of(flow, class, ends, (mix(key, u64::from(leg.number)), at))
    }

    /// The path that a leg crosses, and its ends as nodes: a load balancer stands outside.
    pub(crate) fn ends_of(&self, leg: Leg) -> Option<(PathClass, (u32, u32))> {
        let Crossing::Path(class) = leg.crossing else { return None };
        let node = |end: End| match end {
            End::Client | End::Balancer => self.plan.topology.outside(),
            End::Node(node) | End::Destination(node) => node,
        };
        Some((class, (node(leg.ends.0), node(leg.ends.1))))
    }

    /// The whole way between a client outside and a node, in one direction.
    pub(super) fn way_delay(&self, flow: u32, gate: Gate, key: u64, to: u32) -> SimDuration {
        self.legs(flow, gate, to).fold(SimDuration::ZERO, |total, leg| total + self.leg_delay(leg, key))
    }

    /// The whole way between an attempt's client outside and a node, in one direction; enters the ledger.
    #[inline(never)]
    pub(super) fn way_hop(&mut self, attempt: u32, hop: Hop, to: u32, now: SimTime) -> Passage {
        let trip = self.trip(attempt);
        let gate = self.gate_of(attempt);
        let mut whole = Passage { takes: SimDuration::ZERO, lost: false };
        for leg in self.legs(trip.flow, gate, to) {
            let Passage { takes: delay, lost } = self.leg_passage(leg, trip.flow, trip.base ^ HOP[hop as usize], now);
            let column = match leg.crossing {
                Crossing::Path(class) => trip.hot.network[class as usize],
                Crossing::Balancer => self.plan_flow(trip.flow).layout.balancer,
            };
            if trip.request != NONE && column != NO_COLUMN {
                self.charge_request(trip.request, column, delay.as_nanos());
            }
            if self.wires.is_some()
                && let Crossing::Path(class) = leg.crossing
            {
                match leg.ends {
                    (End::Node(node), _) => self.note_message(attempt, hop, class, (node, to)),
                    // A reply leaves the cluster here, maybe by a load balancer.
                    (_, End::Node(node) | End::Destination(node)) => {
                        self.note_message(attempt, hop, PathClass::External, (NONE, node));
                    }
                    _ => {}
                }
            }
            whole.takes += delay;
            whole.lost |= lost;
        }
        whole
    }

    /// Under which cause and place a leg of a flow stands in its ledger.
    pub(crate) fn leg_entry(&self, leg: Leg, flow: u32, service: &str) -> Option<(LedgerCause, String)> {
        match leg.crossing {
            Crossing::Path(class) if self.plan.topology.class_is_free(class) => None,
            Crossing::Path(class) => Some((class.ledger(), service.to_owned())),
            Crossing::Balancer if self.plan_flow(flow).layout.balancer == NO_COLUMN => None,
            Crossing::Balancer => Some((LedgerCause::Proxy, self.plan.balancer_name(flow))),
        }
    }
}
