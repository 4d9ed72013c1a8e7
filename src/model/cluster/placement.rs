//! Which node each pod stands on, and its address.
//!
//! Replicas of a workload are spread evenly: each goes to the zone with the fewest replicas of that workload, there to
//! the node with the fewest of them, then with the fewest pods at all, then to the first in the list. Addresses are the
//! node's pod CIDR in order, starting at .2 (.0 is the network, .1 the bridge, as host-local IPAM leaves them).

use std::collections::BTreeSet;

use crate::scenario::{Cluster, Workload};

/// A placed pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Index of the workload.
    pub workload: usize,
    /// Number of the replica.
    pub replica: u32,
    /// Index of the node.
    pub node: usize,
    /// IPv4 address.
    pub ip: u32,
}

/// Places every replica of every workload, in order.
///
/// The scenario has checked that the nodes have room.
#[must_use]
pub fn place(cluster: &Cluster, workloads: &[Workload]) -> Vec<Placed> {
    let mut zones: Vec<&str> = Vec::new();
    let zone_of: Vec<usize> = cluster
        .nodes
        .iter()
        .map(|node| {
            zones.iter().position(|zone| *zone == node.zone).unwrap_or_else(|| {
                zones.push(&node.zone);
                zones.len() - 1
            })
        })
        .collect();
    let mut pods_on = vec![0_u32; cluster.nodes.len()];
    let mut placed = Vec::new();
    for (index, workload) in workloads.iter().enumerate() {
        let mut open: Vec<BTreeSet<(u32, u32, usize)>> = vec![BTreeSet::new(); zones.len()];
        let mut in_zone = vec![0_u32; zones.len()];
        let candidates: Vec<usize> = match workload.node_name {
            Some(node) => vec![node],
            None => workload.allowed_nodes.clone(),
        };
        for node in candidates {
            open[zone_of[node]].insert((0, pods_on[node], node));
        }
        for replica in 0..workload.replicas {
            let zone = (0..zones.len())
                .filter(|zone| !open[*zone].is_empty())
                .min_by_key(|zone| (in_zone[*zone], *zone))
                .expect("the scenario has checked that every workload has a node");
            let (mine, all, node) = open[zone].pop_first().expect("the zone was filtered for nodes");
            let pod = Placed { workload: index, replica, node, ip: address(cluster, node, pods_on[node]) };
            placed.push(pod);
            pods_on[node] += 1;
            in_zone[zone] += 1;
            open[zone].insert((mine + 1, all + 1, node));
        }
    }
    placed
}

fn address(cluster: &Cluster, node: usize, nth: u32) -> u32 {
    let (first, _) = cluster.nodes[node].pod_cidr;
    first.wrapping_add(2).wrapping_add(nth)
}

/// An address in dotted form.
#[must_use]
pub fn dotted(ip: u32) -> String {
    std::net::Ipv4Addr::from(ip).to_string()
}
