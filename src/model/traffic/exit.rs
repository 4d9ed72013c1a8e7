//! The way out: connections of pods to what stands outside the cluster take a port of a NAT as long as they stand, and for
//! a while afterwards.
//!
//! A node puts its own address in the place of its pods' (masquerade), or a gateway does so for all nodes. Either has so
//! many ports to one destination. Without a free one the first packet is dropped, and the client's kernel sends it again
//! until it gives up.

use std::collections::{BTreeMap, VecDeque};

use crate::cause::FailureCause;
use crate::engine::Schedule;
use crate::model::World;
use crate::model::plan::NONE;
use crate::model::traffic::breakage::BROKEN;
use crate::model::traffic::entrance::Gate;
use crate::model::traffic::handshake::WAITS;
use crate::scenario::outside::Nat;
use crate::time::{SimDuration, SimTime};

/// The ports of all NATs.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    /// By who translates (a node, or `BROKEN` for the gateway) and destination.
    pools: BTreeMap<(u32, u32), PortPool>,
}

/// The ports of a NAT to one destination.
#[derive(Debug, Default)]
struct PortPool {
    open: u32,
    /// Most that were taken at a time.
    most: u32,
    /// When ports of closed connections are free again, in order.
    held: VecDeque<SimTime>,
}

impl Ports {
    /// Takes a port; how many are taken then. `None` where there is none.
    pub(super) fn take(&mut self, nat: Nat, (node, target): (u32, u32), now: SimTime) -> Option<u32> {
        let pool = self.pools.entry((node, target)).or_default();
        while pool.held.front().is_some_and(|free| *free <= now) {
            pool.held.pop_front();
        }
        let taken = pool.open + pool.held.len() as u32;
        if taken >= nat.ports {
            return None;
        }
        pool.open += 1;
        pool.most = pool.most.max(taken + 1);
        Some(taken + 1)
    }

    /// A connection ended: its port is free after a while.
    pub(super) fn release(&mut self, nat: Nat, (node, target): (u32, u32), now: SimTime) {
        if let Some(pool) = self.pools.get_mut(&(node, target)) {
            pool.open -= 1;
            pool.held.push_back(now + nat.hold);
        }
    }

    /// Most ports to one destination that were taken at a node, or at the gateway for all.
    pub(super) fn most(&self, nat: Nat, node: u32) -> u32 {
        let node = if nat.gateway { BROKEN } else { node };
        self.pools.range((node, 0)..=(node, u32::MAX)).map(|(_, pool)| pool.most).max().unwrap_or(0)
    }
}

impl World<'_> {
    /// Who translates the connections of a client to an endpoint outside.
    fn exit_gate(&self, flow: u32, client: u32, endpoint: u32) -> Gate {
        let node = if self.plan.scenario.cluster.nat.gateway {
            BROKEN
        } else {
            self.node_of_client(&self.plan.hot[flow as usize], flow, client)
        };
        Gate { node, target: endpoint, ..Gate::NOWHERE }
    }

    /// Takes a port for a connection that stands before the run.
    pub(super) fn pin_exit(&mut self, flow: u32, client: u32, endpoint: u32) {
        let gate = self.exit_gate(flow, client, endpoint);
        let nat = self.plan.scenario.cluster.nat;
        let ways = self.ways_mut();
        if ways.ports.take(nat, (gate.node, gate.target), SimTime::ZERO).is_some() {
            ways.put_of_client(flow, client, gate);
        }
    }

    /// Takes a port for an attempt's connection to the outside, whose first packet passes the rules for so long. Without one
    /// its SYN is lost: it is sent again later.
    #[inline(never)]
    pub(super) fn take_port(&mut self, attempt: u32, at: (SimTime, SimDuration), schedule: &mut Schedule) -> bool {
        let entry = &self.attempts[attempt];
        let gate = if self.plan.hot[entry.flow as usize].way_in {
            self.gate_to_mask(attempt)
        } else {
            self.exit_gate(entry.flow, entry.client, entry.endpoint)
        };
        self.take_port_of(attempt, gate, at, schedule)
    }

    /// Takes a port of a NAT for an attempt's connection: on the way out, or where a node took it in and sends it on.
    #[inline(never)]
    pub(super) fn take_port_of(
        &mut self,
        attempt: u32,
        gate: Gate,
        (now, walk): (SimTime, SimDuration),
        schedule: &mut Schedule,
    ) -> bool {
        let entry = &self.attempts[attempt];
        let (flow, waited) = (entry.flow, entry.joins & WAITS != 0);
        let mut nat = self.plan.scenario.cluster.nat;
        if gate.masked != NONE {
            nat = nat.of_nodes();
        }
        if self.plan.scenario.without.handshakes.contains(&self.plan_flow(flow).flow.service) {
            nat.ports = u32::MAX;
        }
        let inwards = gate.masked != NONE;
        let ways = self.ways_mut();
        let taken = if inwards {
            ways.masks.take(nat, (gate.node, gate.masked), now)
        } else {
            ways.ports.take(nat, (gate.node, gate.target), now)
        };
        let Some(taken) = taken else {
            let place = self.plan_flow(flow).place;
            let entry = &mut self.attempts[attempt];
            if entry.step == 0 {
                entry.since = (now + walk).as_nanos();
            }
            (entry.joins, entry.place) = (entry.joins | WAITS, place);
            self.send_syn_again(attempt, false, FailureCause::PortExhaustion, schedule);
            return false;
        };
        self.attempts[attempt].joins &= !WAITS;
        if inwards {
            self.note_masked(attempt, gate);
        } else {
            self.note_gate(attempt, gate, now);
        }
        if self.probes.any_flow {
            if waited {
                self.watch_waited_for_port(attempt, gate, now);
            }
            if !inwards {
                self.watch_port(attempt, gate, taken);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_when_its_time_is_over() {
        let nat = Nat { gateway: false, ports: 2, hold: SimDuration::from_secs(10) };
        let gate = |target| (0, target);
        let seconds = |seconds| SimTime::ZERO + SimDuration::from_secs(seconds);
        let mut ports = Ports::default();
        assert_eq!(ports.take(nat, gate(1), seconds(0)), Some(1));
        assert_eq!(ports.take(nat, gate(1), seconds(0)), Some(2));
        assert_eq!(ports.take(nat, gate(1), seconds(1)), None, "both are taken");
        assert_eq!(ports.take(nat, gate(2), seconds(1)), Some(1), "to another destination there are others");
        ports.release(nat, gate(1), seconds(2));
        assert_eq!(ports.take(nat, gate(1), seconds(11)), None);
        assert_eq!(ports.take(nat, gate(1), seconds(12)), Some(2));
    }
}
