//! Packets that are lost: some of them (`packetLoss`), or all (`partition`).
//!
//! A message is one packet. By TCP its sender sends it again when nothing has been acknowledged for a while: first after
//! 200 ms beyond the usual round trip, then after twice as long each time, up to 120 s; after 15 times in vain it gives the
//! connection up (Linux: `TCP_RTO_MIN`, `TCP_RTO_MAX`, `tcp_retries2`; RFC 6298). Packets on their way back that acknowledge
//! it are never lost. A lost SYN, or a lost answer to one, is sent again on the kernel's schedule for these.

use super::during::During;
use super::hops::Hops;
use crate::cause::FailureCause;
use crate::engine::{Rank, Schedule};
use crate::model::network::topology::{PathClass, Topology};
use crate::model::plan::{NONE, Plan, Route};
use crate::model::random_keys::{PACKET_LOSS, SYN_LOSS};
use crate::model::traffic::route::Hop;
use crate::model::{World, kind};
use crate::random::{Keyed, mix};
use crate::scenario::fault::Wrong;
use crate::scenario::{Protocol, Scenario};
use crate::time::{SimDuration, SimTime};

/// What the first wait is longer than a round trip.
const SHORTEST: SimDuration = SimDuration::from_millis(200);
/// The longest wait.
const LONGEST: SimDuration = SimDuration::from_secs(120);
/// How often a packet is sent again.
const AGAIN: u32 = 15;
/// When a lost datagram is forgotten, if its client waits so long.
const FORGOTTEN: SimDuration = SimDuration::from_secs(131);

/// All losses.
#[derive(Debug, Default)]
pub(super) struct Losses {
    losses: Vec<(During, Hops, f64)>,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passage {
    /// From its first sending until it arrives, or until its sender gives up.
    pub(crate) takes: SimDuration,
    /// Whether it never arrives.
    pub(crate) lost: bool,
}

impl Losses {
    pub(super) fn new(scenario: &Scenario, topology: &Topology) -> Self {
        let losses = scenario.faults.iter().filter_map(|fault| {
            let (between, ratio) = match &fault.what {
                Wrong::PacketLoss { between, ratio } => (between, *ratio),
                Wrong::Partition { between } => (between, 1.0),
                _ => return None,
            };
            Some((During::of(fault), Hops::of(between, scenario, topology), ratio))
        });
        Self { losses: losses.collect() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.losses.is_empty()
    }

    pub(super) fn may_touch(&self, class: PathClass) -> bool {
        self.losses.iter().any(|(_, hops, _)| hops.may_have(class))
    }

    /// How likely a packet gets through that is sent at a time.
    fn passes(&self, class: PathClass, ends: (u32, u32), at: SimTime) -> f64 {
        let there = self.losses.iter().filter(|(during, hops, _)| during.has(at) && hops.has(class, ends));
        there.map(|(_, _, ratio)| 1.0 - ratio).product()
    }

    /// Whether a packet with this key that is sent at a time is lost.
    fn loses(&self, class: PathClass, ends: (u32, u32), key: u64, at: SimTime) -> bool {
        let passes = self.passes(class, ends, at);
        passes < 1.0 && Keyed::new(key).unit() >= passes
    }
}

impl Plan {
    /// Whether packets may be lost.
    #[must_use]
    #[inline]
    pub const fn loses_packets(&self) -> bool {
        !self.faults.losses.is_empty()
    }

    /// Whether no packet gets from one node to another at a time.
    pub(crate) fn is_cut(&self, (from, to): (u32, u32), at: SimTime) -> bool {
        self.loses_packets() && self.faults.losses.passes(self.topology.class(from, to), (from, to), at) <= 0.0
    }

    /// What becomes of a message by TCP that is sent at a time.
    pub(crate) fn passage(&self, class: PathClass, ends: (u32, u32), key: u64, sent: SimTime) -> Passage {
        let arrives = |at: SimTime| self.delay(class, ends, key, at);
        if !self.loses_packets() {
            return Passage { takes: arrives(sent), lost: false };
        }
        let usual = self.topology.delay(class, key);
        let (mut wait, mut at) = (SHORTEST + usual + usual, sent);
        for turn in 0..=AGAIN {
            if !self.faults.losses.loses(class, ends, mix(key ^ PACKET_LOSS, u64::from(turn)), at) {
                return Passage { takes: (at - sent) + arrives(at), lost: false };
            }
            at += wait;
            wait = (wait + wait).min(LONGEST);
        }
        Passage { takes: at - sent, lost: true }
    }

    /// What becomes of a datagram that is sent at a time.
    pub(crate) fn datagram(&self, class: PathClass, ends: (u32, u32), key: u64, sent: SimTime) -> Passage {
        let lost = self.loses_packets() && self.faults.losses.loses(class, ends, mix(key ^ PACKET_LOSS, 0), sent);
        let takes = if lost { FORGOTTEN } else { self.delay(class, ends, key, sent) };
        Passage { takes, lost }
    }

    /// What becomes of a message of a flow.
    pub(crate) fn passage_of(
        &self,
        flow: u32,
        class: PathClass,
        ends: (u32, u32),
        (key, sent): (u64, SimTime),
    ) -> Passage {
        match self.flows[flow as usize].flow.connections.protocol {
            Protocol::Udp => self.datagram(class, ends, key, sent),
            _ => self.passage(class, ends, key, sent),
        }
    }
}

impl World<'_> {
    /// A message of an attempt never arrives: whoever sent it, or waits for it, hears of that when its sender gives up.
    #[inline(never)]
    pub(in crate::model) fn lose_message(
        &mut self,
        attempt: u32,
        hop: Hop,
        takes: SimDuration,
        schedule: &mut Schedule,
    ) {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let datagram = spec.flow.connections.protocol == Protocol::Udp;
        let place = match (entry.endpoint, spec.route) {
            (NONE, Route::Proxy4(proxy) | Route::Proxy7(proxy)) => self.plan.proxies[proxy as usize].place,
            (NONE, _) => spec.place,
            (endpoint, _) => self.place_of(self.roster.pod_at(endpoint).workload),
        };
        let (endpoint, measured) = (entry.endpoint, entry.measured);
        if measured && endpoint != NONE {
            self.endpoints[endpoint as usize].errors += 1;
        }
        let entry = &mut self.attempts[attempt];
        let cause = if datagram { FailureCause::ConnectTimeout } else { FailureCause::Reset };
        (entry.failure, entry.place) = (Some(cause), place);
        let behind = matches!(hop, Hop::ProxyToPod | Hop::PodToProxy);
        let told = if behind { kind::REPLY_AT_PROXY } else { kind::REPLY_AT_CLIENT };
        schedule.after(takes, Rank::Completion, told, attempt);
    }

    /// Whether the SYN that an attempt sends now is lost, or the answer to it.
    #[inline]
    pub(in crate::model) fn loses_syn(&self, attempt: u32, now: SimTime) -> bool {
        self.plan.loses_packets() && self.is_syn_lost(attempt, now)
    }

    #[inline(never)]
    fn is_syn_lost(&self, attempt: u32, now: SimTime) -> bool {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        if spec.free_handshakes {
            return false;
        }
        let losses = &self.plan.faults.losses;
        let behind = self.is_behind(attempt);
        let key = mix(entry.base ^ SYN_LOSS, (u64::from(entry.step) << 1) | u64::from(behind));
        let passes = if spec.flow.way_in.is_some() && !behind {
            let to = self.far_node(attempt);
            let legs = self.legs(entry.flow, self.gate_of(attempt), to);
            legs.filter_map(|leg| self.ends_of(leg)).map(|(class, ends)| losses.passes(class, ends, now)).product()
        } else {
            let (from, to) = self.ends_of_syn(attempt);
            losses.passes(self.plan.class_of(entry.flow, (from, to)), (from, to), now)
        };
        // There and back.
        passes < 1.0 && Keyed::new(key).unit() >= passes * passes
    }

    /// Whether what an attempt opens is the connection of its proxy to a pod.
    pub(in crate::model) fn is_behind(&self, attempt: u32) -> bool {
        let entry = &self.attempts[attempt];
        matches!(self.plan_flow(entry.flow).route, Route::Proxy4(_) | Route::Proxy7(_)) && entry.endpoint != NONE
    }

    /// The node that an attempt's connection leads to.
    fn far_node(&self, attempt: u32) -> u32 {
        let entry = &self.attempts[attempt];
        match self.plan_flow(entry.flow).route {
            Route::Proxy4(_) | Route::Proxy7(_) if entry.endpoint == NONE => {
                self.plan.workers[entry.worker as usize].node
            }
            _ => self.roster.endpoints[entry.endpoint as usize].node,
        }
    }

    /// Both nodes of the connection that an attempt opens inside the cluster.
    pub(in crate::model) fn ends_of_syn(&self, attempt: u32) -> (u32, u32) {
        let entry = &self.attempts[attempt];
        let near = if self.is_behind(attempt) {
            self.plan.workers[entry.worker as usize].node
        } else {
            self.node_of_client(&self.plan.hot[entry.flow as usize], entry.flow, entry.client)
        };
        (near, self.far_node(attempt))
    }

    /// The SYN that an attempt sends now is lost.
    #[inline(never)]
    pub(in crate::model) fn lose_syn(&mut self, attempt: u32, schedule: &mut Schedule) {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let place = match (entry.endpoint, spec.route) {
            (NONE, Route::Proxy4(proxy) | Route::Proxy7(proxy)) => self.plan.proxies[proxy as usize].place,
            (endpoint, _) => self.place_of(self.roster.pod_at(endpoint).workload),
        };
        if self.probes.any_flow && (spec.flow.way_in.is_none() || self.is_behind(attempt)) {
            // No round trip passes.
            self.watch_connect(attempt, self.ends_of_syn(attempt), self.is_behind(attempt), 0);
        }
        self.attempts[attempt].place = place;
        self.drop_syn(attempt, schedule);
    }
}
