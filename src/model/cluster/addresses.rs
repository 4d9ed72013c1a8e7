//! Addresses of pods: each node gives them out of its own range, as the host-local plug-in does.
//!
//! The next free address behind the one given last; so an address that was freed comes again only when the range has
//! been gone through. Source: containernetworking, host-local ("loosely round-robin").

use std::collections::BTreeSet;

use crate::scenario::Node;

/// The addresses of all nodes.
#[derive(Debug)]
pub(crate) struct Addresses {
    nodes: Vec<Range>,
}

#[derive(Debug)]
struct Range {
    first: u32,
    last: u32,
    given_last: u32,
    taken: BTreeSet<u32>,
}

impl Addresses {
    /// All free. The first address of a range names it and the second is the node's own.
    pub(crate) fn of(nodes: &[Node]) -> Self {
        let range = |node: &Node| {
            let size = 1_u64 << (32 - u32::from(node.pod_cidr.1.min(32)));
            let first = node.pod_cidr.0.wrapping_add(2);
            let last = node.pod_cidr.0.wrapping_add(u32::try_from(size - 1).unwrap_or(u32::MAX));
            Range { first, last, given_last: first.wrapping_sub(1), taken: BTreeSet::new() }
        };
        Self { nodes: nodes.iter().map(range).collect() }
    }

    /// Marks an address as taken.
    pub(crate) fn take(&mut self, node: u32, address: u32) {
        let range = &mut self.nodes[node as usize];
        range.taken.insert(address);
        range.given_last = range.given_last.max(address);
    }

    /// The next free one, taken.
    pub(crate) fn give(&mut self, node: u32) -> Option<u32> {
        let range = &mut self.nodes[node as usize];
        let behind = range.given_last.saturating_add(1).max(range.first)..=range.last;
        let before = range.first..=range.given_last.min(range.last);
        let free = behind.chain(before).find(|address| !range.taken.contains(address))?;
        range.taken.insert(free);
        range.given_last = free;
        Some(free)
    }

    /// Frees one.
    pub(crate) fn free(&mut self, node: u32, address: u32) {
        self.nodes[node as usize].taken.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(prefix: u8) -> Addresses {
        let node = Node {
            name: "a".to_owned(),
            zone: "z".to_owned(),
            speed: 1.0,
            cpu: None,
            memory: None,
            taints: Vec::new(),
            pod_cidr: (0x0af4_0000, prefix),
            address: 0,
            max_pods: 110,
            labels: Vec::new(),
            unschedulable: false,
            bandwidth: None,
            min_sync: None,
        };
        Addresses::of(&[node])
    }

    #[test]
    fn a_freed_address_comes_again_after_all_others() {
        // Eight addresses, of which pods get six: .2 to .7.
        let mut addresses = addresses(29);
        let given = |addresses: &mut Addresses| addresses.give(0).map(|address| address & 0xff);
        assert_eq!((0..3).map(|_| given(&mut addresses)).collect::<Vec<_>>(), [Some(2), Some(3), Some(4)]);
        addresses.free(0, 0x0af4_0003);
        assert_eq!((0..4).map(|_| given(&mut addresses)).collect::<Vec<_>>(), [Some(5), Some(6), Some(7), Some(3)]);
        assert_eq!(given(&mut addresses), None, "the range is exhausted");
        addresses.free(0, 0x0af4_0006);
        assert_eq!(given(&mut addresses), Some(6));
    }

    #[test]
    fn pods_of_the_start_are_not_given_again() {
        let mut addresses = addresses(24);
        addresses.take(0, 0x0af4_0002);
        addresses.take(0, 0x0af4_0003);
        assert_eq!(addresses.give(0), Some(0x0af4_0004));
    }
}
