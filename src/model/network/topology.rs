//! Path classes: how far apart two ends of a hop are, and what the hop costs.

use crate::cause::LedgerCause;
use crate::random::{Dist, Keyed};
use crate::scenario::Cluster;
use crate::time::SimDuration;

/// How far apart two ends are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathClass {
    /// The same node.
    SameNode,
    /// Another node of the zone.
    SameZone,
    /// Another zone.
    CrossZone,
    /// The same pod, or the same node where both ends have its network.
    Loopback,
    /// Into the cluster or out of it.
    External,
}

/// The zone of what is outside.
const OUTSIDE: u32 = u32::MAX;

impl PathClass {
    /// Every class the model crosses.
    pub const ALL: [Self; 5] = [Self::SameNode, Self::SameZone, Self::CrossZone, Self::Loopback, Self::External];

    /// The ledger's word for it.
    #[must_use]
    pub const fn ledger(self) -> LedgerCause {
        match self {
            Self::SameNode => LedgerCause::NetworkSameNode,
            Self::SameZone => LedgerCause::NetworkSameZone,
            Self::CrossZone => LedgerCause::NetworkCrossZone,
            Self::Loopback => LedgerCause::NetworkLoopback,
            Self::External => LedgerCause::NetworkExternal,
        }
    }
}

/// Zones of the nodes and the one-way delay of each class.
#[derive(Debug, Clone)]
pub struct Topology {
    zone_of_node: Vec<u32>,
    delays: [Dist; 5],
    constant: [Option<SimDuration>; 5],
    /// Whether faults touch hops of the class.
    touched: [bool; 5],
    free: bool,
}

impl Topology {
    /// Reads nodes and network of a cluster; nobody asks what the loopback costs where nobody uses it.
    #[must_use]
    pub fn new(cluster: &Cluster, loopback: bool) -> Self {
        let mut zones: Vec<&str> = Vec::new();
        let mut zone_of_node: Vec<u32> = cluster
            .nodes
            .iter()
            .map(|node| {
                let zone = zones.iter().position(|zone| *zone == node.zone).unwrap_or_else(|| {
                    zones.push(&node.zone);
                    zones.len() - 1
                });
                u32::try_from(zone).expect("fewer zones than 2^32")
            })
            .collect();
        zone_of_node.push(OUTSIDE);
        let network = &cluster.network;
        let own = if loopback { network.loopback.clone() } else { Dist::zero() };
        let (same_node, same_zone, cross_zone) =
            (network.same_node.clone(), network.same_zone.clone(), network.cross_zone.clone());
        let delays = [same_node, same_zone, cross_zone, own, network.external.clone()];
        let constant = delays.each_ref().map(Dist::as_constant);
        let free = constant.iter().all(|delay| *delay == Some(SimDuration::ZERO));
        Self { zone_of_node, delays, constant, touched: [false; 5], free }
    }

    /// What is outside the cluster, as if it were one more node.
    #[must_use]
    pub fn outside(&self) -> u32 {
        crate::model::plan::as_u32(self.zone_of_node.len() - 1)
    }

    /// Whether every hop costs nothing, so that nobody need ask.
    #[must_use]
    #[inline]
    pub const fn is_free(&self) -> bool {
        self.free
    }

    /// Faults may make hops of a class take time.
    pub const fn touch(&mut self, class: PathClass) {
        self.touched[class as usize] = true;
        self.free = false;
    }

    /// Whether hops of this class cost nothing.
    #[must_use]
    pub fn class_is_free(&self, class: PathClass) -> bool {
        self.constant[class as usize] == Some(SimDuration::ZERO) && !self.touched[class as usize]
    }

    /// The number of a node's zone.
    #[must_use]
    pub fn zone(&self, node: u32) -> u32 {
        self.zone_of_node[node as usize]
    }

    /// The class of the path between two nodes.
    #[must_use]
    #[inline]
    pub fn class(&self, from: u32, to: u32) -> PathClass {
        self.class_by(false, from, to)
    }

    /// The same, where the path within a node may be the loopback.
    #[must_use]
    #[inline(always)]
    pub fn class_by(&self, loopback: bool, from: u32, to: u32) -> PathClass {
        if from == to {
            return if loopback { PathClass::Loopback } else { PathClass::SameNode };
        }
        let (from, to) = (self.zone_of_node[from as usize], self.zone_of_node[to as usize]);
        if from == to {
            PathClass::SameZone
        } else if from == OUTSIDE || to == OUTSIDE {
            PathClass::External
        } else {
            PathClass::CrossZone
        }
    }

    /// The one-way delay of a hop; a random one is drawn from its own key, so that it belongs to the hop.
    #[must_use]
    #[inline]
    pub fn delay(&self, class: PathClass, key: u64) -> SimDuration {
        match self.constant[class as usize] {
            Some(delay) => delay,
            None => self.delays[class as usize].sample(&mut Keyed::new(key)),
        }
    }
}
