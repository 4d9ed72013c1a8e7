//! Which hops a fault of the network concerns.

use crate::model::network::topology::{PathClass, Topology};
use crate::scenario::Scenario;
use crate::scenario::fault::{Between, Class, Side};

/// Hops of a class, or between two sets of nodes.
#[derive(Debug, Clone)]
pub(super) enum Hops {
    Class(PathClass),
    /// By node, what is outside last: whether it is on one side, and on the other.
    Sides(Vec<(bool, bool)>),
}

impl Hops {
    pub(super) fn of(between: &Between, scenario: &Scenario, topology: &Topology) -> Self {
        let (one, other) = match between {
            Between::Class(class) => return Self::Class(class_of(*class)),
            Between::Sides(one, other) => (one, other),
        };
        let outside = topology.outside() as usize;
        let on = |side: &Side, node: usize| match side {
            Side::Node(own) => *own == node,
            Side::Zone(zone) => scenario.cluster.nodes.get(node).is_some_and(|node| node.zone == *zone),
            Side::Internet => node == outside,
            Side::All => false,
        };
        let place = |node: usize| match (one, other) {
            (Side::All, _) => (!on(other, node), on(other, node)),
            (_, Side::All) => (on(one, node), !on(one, node)),
            _ => (on(one, node), on(other, node)),
        };
        Self::Sides((0..=outside).map(place).collect())
    }

    /// Whether a hop is one of them; nothing within a node lies between two sides.
    #[inline]
    pub(super) fn has(&self, class: PathClass, (from, to): (u32, u32)) -> bool {
        match self {
            Self::Class(own) => *own == class,
            Self::Sides(places) => {
                let side = |node: u32| places.get(node as usize).copied().unwrap_or((false, false));
                let (from_sides, to_sides) = (side(from), side(to));
                from != to && (from_sides.0 && to_sides.1 || from_sides.1 && to_sides.0)
            }
        }
    }

    /// Whether hops of a class can be among them.
    pub(super) fn may_have(&self, class: PathClass) -> bool {
        match self {
            Self::Class(own) => *own == class,
            Self::Sides(_) => !matches!(class, PathClass::SameNode | PathClass::Loopback),
        }
    }
}

const fn class_of(class: Class) -> PathClass {
    match class {
        Class::Loopback => PathClass::Loopback,
        Class::SameNode => PathClass::SameNode,
        Class::SameZone => PathClass::SameZone,
        Class::CrossZone => PathClass::CrossZone,
        Class::External => PathClass::External,
    }
}
