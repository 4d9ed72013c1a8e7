//! Which node each pod stands on, and its address.
//!
//! Replicas of a workload are spread evenly: each goes to the zone with the fewest replicas of that workload, there to
//! the node with the fewest of them, then with the fewest pods at all, then to the first in the list. A node takes as
//! many pods as it allows (`allocatable.pods`) and has addresses for; one of its ports (`hostPort`) is one pod's. A pod with
//! `hostNetwork` has the address of its node and takes none of the range. Pods that name their node are placed first, as a
//! cluster has them when the scheduler looks. Addresses are the node's pod CIDR in order, starting at .2 (.0 is the
//! network, .1 the bridge, as host-local IPAM leaves them).

use std::collections::BTreeSet;

use super::scheduling::{self, allocatable, requests};
use super::{Host, Node, Workload};
use crate::controllers::scheduler::resources::Resources;

/// The first address of what stands outside: 198.51.100.1, of a range for documentation (RFC 5737).
const OUTSIDE: u32 = 0xc633_6401;

/// A placed pod. What stands outside has the node behind the last.
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

/// A workload that finds no room for all its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// Index of the workload.
    pub workload: usize,
    /// How many of its pods were placed.
    pub placed: u32,
    /// Why no node takes the next one, where the scheduler says so.
    pub why: Option<String>,
}

/// How many addresses a node has for pods.
#[must_use]
pub fn addresses(node: &Node) -> u32 {
    let addresses = (1_u64 << (32 - u32::from(node.pod_cidr.1.min(32)))).saturating_sub(2);
    u32::try_from(addresses).unwrap_or(u32::MAX)
}

/// How many pods of a workload a node takes, if it has no others.
#[must_use]
pub fn room(node: &Node, host: &Host) -> u32 {
    let by_ports = if host.ports.is_empty() { u32::MAX } else { 1 };
    let by_addresses = if host.network { u32::MAX } else { addresses(node) };
    node.max_pods.min(by_addresses).min(by_ports)
}

/// What the pods of a node take of it.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// How many there are.
    pub pods: u32,
    /// How many of them have an address of its range.
    pub addresses: u32,
    /// The ports of the node that are theirs.
    pub ports: BTreeSet<u16>,
    /// What they request.
    pub requests: Resources,
}

impl Taken {
    /// Another pod.
    pub fn add(&mut self, host: &Host, requests: Resources) {
        self.requests = self.requests.plus(requests);
        self.pods += 1;
        self.addresses += u32::from(!host.network);
        self.ports.extend(&host.ports);
    }

    /// Whether the scheduler would send another pod here: it looks at numbers, ports and requests, not at addresses.
    #[must_use]
    pub fn takes(&self, node: &Node, host: &Host, requests: Resources) -> bool {
        let lacks = allocatable(node).lacks(self.requests, requests);
        self.pods < node.max_pods && host.finds_free(&self.ports) && lacks == (false, false)
    }

    /// Whether there is an address for it, too.
    #[must_use]
    pub fn holds(&self, node: &Node, host: &Host, requests: Resources) -> bool {
        self.takes(node, host, requests) && (host.network || self.addresses < addresses(node))
    }
}

/// Places every replica of every workload; the pods stand in order of workloads and replicas.
///
/// # Errors
/// The first workload whose nodes are full before all its pods are placed.
pub fn place(nodes: &[Node], workloads: &[Workload]) -> Result<Vec<Placed>, NoRoom> {
    let mut zones = Zones::of(nodes);
    let mut placed = Vec::new();
    let mut outside = OUTSIDE;
    for (index, workload) in workloads.iter().enumerate().filter(|(_, workload)| workload.outside) {
        for replica in 0..workload.replicas {
            let ip = workload.addresses.get(replica as usize).copied().unwrap_or_else(|| {
                while workloads.iter().any(|other| other.addresses.contains(&outside)) {
                    outside += 1;
                }
                outside += 1;
                outside - 1
            });
            placed.push(Placed { workload: index, replica, node: nodes.len(), ip });
        }
    }
    let inside = |index: &usize| !workloads[*index].outside;
    let bound = |named: bool| {
        let own = (0..workloads.len()).filter(inside);
        own.filter(move |index| workloads[*index].node_name.is_some() == named)
    };
    let order = bound(true).chain(bound(false));
    if scheduling::is_needed(nodes, workloads) {
        place_by_scheduler(order, (nodes, workloads), &mut placed)?;
    } else {
        for index in order {
            zones.place(index, &workloads[index], nodes, &mut placed)?;
        }
    }
    placed.sort_unstable_by_key(|pod| (pod.workload, pod.replica));
    Ok(placed)
}

/// One pod after the other goes where kube-scheduler sends it; of nodes that are equally good, where it would go by the
/// rule for those who say nothing.
fn place_by_scheduler(
    order: impl Iterator<Item = usize>,
    (nodes, workloads): (&[Node], &[Workload]),
    placed: &mut Vec<Placed>,
) -> Result<(), NoRoom> {
    let mut scheduler = scheduling::scheduler(nodes, workloads);
    let zones = Zones::of(nodes);
    let mut given = vec![0; nodes.len()];
    for index in order {
        let workload = &workloads[index];
        let (mut mine, mut in_zone) = (vec![0_u64; nodes.len()], vec![0_u64; zones.count]);
        for replica in 0..workload.replicas {
            let pods: Vec<u32> = (0..nodes.len()).map(|node| scheduler.pods_on(node)).collect();
            let rank = |node: usize| in_zone[zones.zone_of[node]] << 40 | mine[node] << 20 | u64::from(pods[node]);
            let node = scheduler.choose(index, rank).map_err(|unfit| NoRoom {
                workload: index,
                placed: replica,
                why: Some(unfit.to_string()),
            })?;
            scheduler.bind(index, node);
            mine[node] += 1;
            in_zone[zones.zone_of[node]] += 1;
            let ip = match workload.host.network {
                true => nodes[node].address,
                false => address(&nodes[node], given[node]),
            };
            given[node] += u32::from(!workload.host.network);
            placed.push(Placed { workload: index, replica, node, ip });
        }
    }
    Ok(())
}

/// The nodes by zone, with the pods they have.
struct Zones {
    zone_of: Vec<usize>,
    count: usize,
    taken: Vec<Taken>,
}

impl Zones {
    fn of(nodes: &[Node]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut number = |zone| {
            names.iter().position(|name| *name == zone).unwrap_or_else(|| {
                names.push(zone);
                names.len() - 1
            })
        };
        let zone_of = nodes.iter().map(|node| number(node.zone.as_str())).collect();
        Self { zone_of, count: names.len(), taken: vec![Taken::default(); nodes.len()] }
    }

    fn place(
        &mut self,
        index: usize,
        workload: &Workload,
        nodes: &[Node],
        placed: &mut Vec<Placed>,
    ) -> Result<(), NoRoom> {
        let wanted = requests(workload);
        // By replicas of this workload, pods and place in the list.
        let mut open: Vec<BTreeSet<(u32, u32, usize)>> = vec![BTreeSet::new(); self.count];
        let mut in_zone = vec![0_u32; self.count];
        let candidates = workload.node_name.as_ref().map_or(workload.allowed_nodes.as_slice(), std::slice::from_ref);
        for &node in candidates {
            if self.taken[node].holds(&nodes[node], &workload.host, wanted) {
                open[self.zone_of[node]].insert((0, self.taken[node].pods, node));
            }
        }
        for replica in 0..workload.replicas {
            let with_room = (0..self.count).filter(|zone| !open[*zone].is_empty());
            let zone = with_room.min_by_key(|zone| (in_zone[*zone], *zone));
            let Some((zone, (mine, all, node))) = zone.and_then(|zone| Some((zone, open[zone].pop_first()?))) else {
                return Err(NoRoom { workload: index, placed: replica, why: None });
            };
            let ip = match workload.host.network {
                true => nodes[node].address,
                false => address(&nodes[node], self.taken[node].addresses),
            };
            placed.push(Placed { workload: index, replica, node, ip });
            in_zone[zone] += 1;
            self.taken[node].add(&workload.host, wanted);
            if self.taken[node].holds(&nodes[node], &workload.host, wanted) {
                open[zone].insert((mine + 1, all + 1, node));
            }
        }
        Ok(())
    }
}

fn address(node: &Node, nth: u32) -> u32 {
    node.pod_cidr.0.wrapping_add(2).wrapping_add(nth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::scheduling::Scheduling;

    fn node(zone: &str, max_pods: u32, third: u8, prefix: u8) -> Node {
        Node {
            name: format!("node-{third}"),
            zone: zone.to_owned(),
            speed: 1.0,
            cpu: None,
            memory: None,
            taints: Vec::new(),
            pod_cidr: (u32::from_be_bytes([10, 244, third, 0]), prefix),
            address: 0,
            max_pods,
            labels: Vec::new(),
            unschedulable: false,
            bandwidth: None,
            min_sync: None,
        }
    }

    fn workload(replicas: u32, node_name: Option<usize>, allowed_nodes: &[usize]) -> Workload {
        Workload {
            kind: "Deployment".to_owned(),
            namespace: "default".to_owned(),
            name: "web".to_owned(),
            replicas,
            containers: Vec::new(),
            pod_speed: Vec::new(),
            pod_episodes: Vec::new(),
            node_name,
            allowed_nodes: allowed_nodes.to_vec(),
            node_selector: Vec::new(),
            scheduling: Scheduling::default(),
            outside: false,
            host: Host::default(),
            addresses: Vec::new(),
            init: Vec::new(),
            life: crate::scenario::pod_life::PodLife::none(),
        }
    }

    fn per_node(placed: &[Placed], workload: usize, nodes: usize) -> Vec<usize> {
        let on = |node| placed.iter().filter(|pod| pod.workload == workload && pod.node == node).count();
        (0..nodes).map(on).collect()
    }

    #[test]
    fn replicas_are_spread_over_zones_then_nodes() {
        let nodes = [node("a", 110, 0, 24), node("a", 110, 1, 24), node("b", 110, 2, 24)];
        let placed = place(&nodes, &[workload(8, None, &[0, 1, 2])]).unwrap();
        assert_eq!(per_node(&placed, 0, 3), [2, 2, 4]);
        let first: Vec<_> = placed.iter().map(|pod| (pod.node, pod.ip.to_be_bytes())).take(3).collect();
        assert_eq!(first, [(0, [10, 244, 0, 2]), (2, [10, 244, 2, 2]), (1, [10, 244, 1, 2])]);
    }

    #[test]
    fn a_full_node_gets_no_more() {
        let nodes = [node("a", 2, 0, 24), node("b", 110, 1, 24)];
        let placed = place(&nodes, &[workload(10, None, &[0, 1]), workload(3, None, &[0, 1])]).unwrap();
        assert_eq!((per_node(&placed, 0, 2), per_node(&placed, 1, 2)), (vec![2, 8], vec![0, 3]));
        // A /29 has eight addresses, two of which no pod gets.
        let nodes = [node("a", 110, 0, 29), node("a", 110, 1, 24)];
        let placed = place(&nodes, &[workload(20, None, &[0, 1])]).unwrap();
        assert_eq!(per_node(&placed, 0, 2), [6, 14]);
        let addresses: std::collections::BTreeSet<u32> = placed.iter().map(|pod| pod.ip).collect();
        assert_eq!(addresses.len(), 20);
    }

    #[test]
    fn pods_that_name_their_node_come_first() {
        let nodes = [node("a", 3, 0, 24), node("a", 9, 1, 24)];
        let placed = place(&nodes, &[workload(8, None, &[0, 1]), workload(3, Some(0), &[])]).unwrap();
        assert_eq!((per_node(&placed, 0, 2), per_node(&placed, 1, 2)), (vec![0, 8], vec![3, 0]));
        assert!(placed.is_sorted_by_key(|pod| (pod.workload, pod.replica)));
    }

    #[test]
    fn no_room_is_told() {
        let nodes = [node("a", 3, 0, 24), node("a", 9, 1, 24)];
        let workloads = [workload(4, None, &[0, 1]), workload(3, None, &[0])];
        assert_eq!(place(&nodes, &workloads), Err(NoRoom { workload: 1, placed: 1, why: None }));
    }
}
