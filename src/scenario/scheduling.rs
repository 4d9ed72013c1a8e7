//! What kube-scheduler knows of a scenario's nodes and pods, where any of them says something that it goes by.

use super::placement::addresses;
use super::{Node, Workload};
use crate::controllers::scheduler::Scheduler;
use crate::controllers::scheduler::resources::{ASSUMED, Allocatable, Resources};
use crate::controllers::scheduler::spec::{NodeAffinity, NodeSpec, PodSpec};
use crate::controllers::scheduler::taints::with_defaults;
use crate::manifest::resources::Amounts;

/// Whether pods are placed by all of kube-scheduler's filters and scores: something is said that only it understands. Where
/// nothing is, they are spread over zones and nodes.
#[must_use]
pub fn is_needed(nodes: &[Node], workloads: &[Workload]) -> bool {
    nodes.iter().any(|node| !node.taints.is_empty()) || workloads.iter().any(|workload| workload.scheduling.is_stated())
}

/// What a pod takes of its node.
#[must_use]
pub fn requests(workload: &Workload) -> Resources {
    resources(workload.pod_requests())
}

fn resources(amounts: Amounts) -> Resources {
    Resources { cpu: amounts.cpu.unwrap_or(0), memory: amounts.memory.unwrap_or(0) }
}

/// What a node has for pods.
#[must_use]
pub fn allocatable(node: &Node) -> Allocatable {
    Allocatable { cpu: node.cpu.map(|cores| (cores * 1000.0).round() as u64), memory: node.memory }
}

/// The scheduler of a scenario, whose kinds are the workloads, in order.
#[must_use]
pub fn scheduler(nodes: &[Node], workloads: &[Workload]) -> Scheduler {
    let mut scheduler = Scheduler::new(nodes.iter().map(|node| (node_spec(node), true)).collect());
    for workload in workloads {
        scheduler.add_kind(pod_spec(workload));
    }
    scheduler
}

fn node_spec(node: &Node) -> NodeSpec {
    let mut labels = node.labels.clone();
    labels.push(("metadata.name".to_owned(), node.name.clone()));
    NodeSpec {
        labels,
        taints: node.taints.clone(),
        is_unschedulable: node.unschedulable,
        allocatable: allocatable(node),
        max_pods: node.max_pods.min(addresses(node)),
    }
}

fn pod_spec(workload: &Workload) -> PodSpec {
    let said = &workload.scheduling;
    // Containers that request nothing count as if they did when nodes are scored.
    let assumed = |amounts: Amounts| Resources {
        cpu: amounts.cpu.unwrap_or(ASSUMED.cpu),
        memory: amounts.memory.unwrap_or(ASSUMED.memory),
    };
    let scored = workload.containers.iter().map(|container| assumed(container.resources.requests));
    let node_affinity = NodeAffinity { selector: workload.node_selector.clone(), ..said.node_affinity.clone() };
    PodSpec {
        namespace: workload.namespace.clone(),
        labels: said.labels.clone(),
        requests: requests(workload),
        scored: scored.fold(Resources::default(), Resources::plus),
        ports: workload.host.ports.clone(),
        node_affinity,
        tolerations: with_defaults(said.tolerations.clone()),
        spread: said.spread.clone(),
        pod_affinity: said.pod_affinity.clone(),
        is_spread_by_default: true,
    }
}
