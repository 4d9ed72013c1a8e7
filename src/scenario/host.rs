//! What pods take of their node's network: its address (`hostNetwork`), and ports of it (`hostPort`).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::Node;
use super::placement::Placed;
use super::services::container_with;
use crate::manifest::{ContainerPort, TargetPort, WorkloadObject};

/// The address of the first node that names none: what kind gives, behind the bridge of its network.
const FIRST_NODE: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 2);

/// What each pod of a workload takes of its node's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Whether it has the node's network in place of one of its own.
    pub network: bool,
    /// The node's ports that it takes, ascending.
    pub ports: Vec<u16>,
}

impl Host {
    /// Whether none of its ports is taken.
    #[must_use]
    pub fn finds_free(&self, taken: &BTreeSet<u16>) -> bool {
        self.ports.iter().all(|port| !taken.contains(port))
    }

    /// `the port 9100`, `the ports 80 and 443`.
    #[must_use]
    pub fn ports_text(&self) -> String {
        let numbers: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        match numbers.as_slice() {
            [only] => format!("the port {only}"),
            [most @ .., last] => format!("the ports {} and {last}", most.join(", ")),
            [] => "no port".to_owned(),
        }
    }
}

/// Gives every node that has no address one: 172.18.0.2, 172.18.0.3, …
pub(super) fn give_addresses(nodes: &mut [Node]) {
    let taken: BTreeSet<u32> = nodes.iter().map(|node| node.address).filter(|address| *address != 0).collect();
    let mut next = FIRST_NODE.to_bits();
    for node in nodes.iter_mut().filter(|node| node.address == 0) {
        while taken.contains(&next) {
            next += 1;
        }
        node.address = next;
        next += 1;
    }
}

/// Who is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// A container of a pod (indices of the placed pod and of the container) has the port.
    Container(usize, usize),
    /// Pods, one of which this is, and none has the port.
    Pod(usize),
    /// No pod.
    Nobody,
}

/// Who listens on a port of an address: pods with `hostNetwork` share that of their node.
pub(super) fn listener(pods: &[Placed], workloads: &[WorkloadObject], (address, port): (u32, u16)) -> At {
    let port = TargetPort::Number(port);
    let mut there = pods.iter().enumerate().filter(|(_, pod)| pod.ip == address).peekable();
    let Some(first) = there.peek().map(|(index, _)| *index) else { return At::Nobody };
    let has = |(index, pod): (usize, &Placed)| {
        container_with(&port, &workloads[pod.workload]).map(|(container, _)| At::Container(index, container))
    };
    there.find_map(has).unwrap_or(At::Pod(first))
}

/// The containers that a pod with `hostNetwork` finds on a port of `localhost`: which of them, its node decides.
pub(super) fn listeners(workloads: &[WorkloadObject], port: u16) -> Vec<(usize, usize)> {
    let port = TargetPort::Number(port);
    let on_host = workloads.iter().enumerate().filter(|(_, workload)| workload.host_network());
    on_host.filter_map(|(index, workload)| Some((index, container_with(&port, workload)?.0))).collect()
}

/// The pod, and its container, to which a port of a node leads by `hostPort`.
pub(super) fn behind_host_port(
    pods: &[Placed],
    workloads: &[WorkloadObject],
    (node, port): (usize, u16),
) -> Option<(usize, usize)> {
    pods.iter().enumerate().filter(|(_, pod)| pod.node == node).find_map(|(index, pod)| {
        let leads = |own: &ContainerPort| own.host_port == Some(port);
        let containers = &workloads[pod.workload].containers;
        Some((index, containers.iter().position(|container| container.ports.iter().any(leads))?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_named_and_compared() {
        let host = |ports: &[u16]| Host { network: true, ports: ports.to_vec() };
        assert_eq!(host(&[80]).ports_text(), "the port 80");
        assert_eq!(host(&[80, 443, 8080]).ports_text(), "the ports 80, 443 and 8080");
        assert_eq!(host(&[]).ports_text(), "no port");
        let taken = BTreeSet::from([80, 9100]);
        assert!(host(&[443]).finds_free(&taken) && host(&[]).finds_free(&taken));
        assert!(!host(&[80, 443]).finds_free(&taken));
    }
}
