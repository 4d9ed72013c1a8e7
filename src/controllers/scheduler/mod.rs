//! kube-scheduler: on which node a pod goes, and why on none.
//!
//! Nodes are filtered (may the pod go there?) and the rest scored (where is it best?), by the plug-ins and weights that
//! kube-scheduler has by default. What the filters and scores need of the pods that are there already is kept up as pods
//! come and go (`tally.rs`), so a pod costs what it costs to look at some nodes, whatever the number of pods. In large
//! clusters only a part of the nodes is looked at, as kube-scheduler does.
//!
//! Source: Kubernetes, `pkg/scheduler` and its `framework/plugins`. Preemption is not here.

mod filter;
pub mod labels;
pub mod resources;
mod score;
pub mod spec;
pub mod taints;
mod tally;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use filter::Unfit;
use resources::Resources;
use spec::{NodeSpec, PodSpec};
use tally::Tallies;

/// What is taken of a node.
#[derive(Debug, Clone, Default)]
struct Taken {
    requests: Resources,
    scored: Resources,
    pods: u32,
    /// Ports, and how many pods have each; more than one only where a pod did not come through the scheduler.
    ports: BTreeMap<u16, u32>,
}

/// The scheduler with all it knows of the cluster.
#[derive(Debug, Clone, Default)]
pub struct Scheduler {
    nodes: Vec<NodeSpec>,
    present: Vec<bool>,
    taken: Vec<Taken>,
    kinds: Vec<PodSpec>,
    tallies: Tallies,
    /// The order in which nodes are looked at: from each zone in turn.
    order: Vec<usize>,
    /// Where in it the next search begins.
    next: usize,
}

impl Scheduler {
    /// A scheduler of nodes; those that are not present come later.
    #[must_use]
    pub fn new(nodes: Vec<(NodeSpec, bool)>) -> Self {
        let (nodes, present): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        Self {
            taken: vec![Taken::default(); nodes.len()],
            order: zones_in_turn(&nodes),
            nodes,
            present,
            ..Self::default()
        }
    }

    /// Another kind of pods; its number.
    pub fn add_kind(&mut self, kind: PodSpec) -> usize {
        self.kinds.push(kind);
        self.tallies.add_kind(&self.kinds, (&self.nodes, &self.present));
        self.kinds.len() - 1
    }

    /// A node, as it is now.
    #[must_use]
    pub fn node(&self, node: usize) -> &NodeSpec {
        &self.nodes[node]
    }

    /// A kind of pods.
    #[must_use]
    pub fn kind(&self, kind: usize) -> &PodSpec {
        &self.kinds[kind]
    }

    /// How many pods a node has.
    #[must_use]
    pub fn pods_on(&self, node: usize) -> u32 {
        self.taken[node].pods
    }

    /// The largest share of what a node has that its pods request.
    #[must_use]
    pub fn utilization(&self, node: usize) -> f64 {
        self.nodes[node].allocatable.utilization(self.taken[node].requests)
    }

    /// Which share of what a node has its pods do not request, on average of what is known.
    #[must_use]
    pub fn waste(&self, node: usize) -> f64 {
        self.nodes[node].allocatable.waste(self.taken[node].requests)
    }

    /// A node comes or goes.
    pub fn set_present(&mut self, node: usize, present: bool) {
        self.present[node] = present;
        self.tallies.recount(&self.kinds, (&self.nodes, &self.present));
    }

    /// A node is cordoned or uncordoned.
    pub fn set_unschedulable(&mut self, node: usize, unschedulable: bool) {
        self.nodes[node].is_unschedulable = unschedulable;
    }

    /// The taints of a node change.
    pub fn set_taints(&mut self, node: usize, taints: Vec<taints::Taint>) {
        self.nodes[node].taints = taints;
        if self.kinds.iter().any(|kind| kind.spread.iter().any(|spread| spread.honors_taints)) {
            self.tallies.recount(&self.kinds, (&self.nodes, &self.present));
        }
    }

    /// A pod is on a node from now on.
    pub fn bind(&mut self, kind: usize, node: usize) {
        let (spec, taken) = (&self.kinds[kind], &mut self.taken[node]);
        taken.requests = taken.requests.plus(spec.requests);
        taken.scored = taken.scored.plus(spec.scored);
        taken.pods += 1;
        for port in spec.ports.iter().collect::<BTreeSet<_>>() {
            *taken.ports.entry(*port).or_default() += 1;
        }
        self.tallies.bind(kind, node);
    }

    /// A pod was deleted: it still takes its place, but who spreads pods does not count it.
    pub fn terminate(&mut self, kind: usize, node: usize) {
        self.tallies.terminate(kind, node);
    }

    /// A pod that was deleted is gone.
    pub fn release(&mut self, kind: usize, node: usize) {
        let (spec, taken) = (&self.kinds[kind], &mut self.taken[node]);
        taken.requests = taken.requests.minus(spec.requests);
        taken.scored = taken.scored.minus(spec.scored);
        taken.pods -= 1;
        for port in spec.ports.iter().collect::<BTreeSet<_>>() {
            if let Some(count) = taken.ports.get_mut(port) {
                *count -= 1;
                if *count == 0 {
                    taken.ports.remove(port);
                }
            }
        }
        self.tallies.release(kind, node);
    }

    /// The node for a pod of a kind, or why there is none. Of nodes that are equally good the one with the least `tie`.
    /// The pod is not bound by that.
    ///
    /// # Errors
    /// How many nodes were out for which reason.
    pub fn choose(&mut self, kind: usize, tie: impl FnMut(usize) -> u64) -> Result<usize, Unfit> {
        let count = self.nodes.len();
        let enough = enough_nodes(self.present.iter().filter(|present| **present).count());
        let view = self.tallies.view(kind);
        let (mut fitting, mut unfit, mut looked_at) = (Vec::new(), Unfit::default(), 0);
        for node in (0..count).map(|step| self.order[(self.next + step) % count]) {
            looked_at += 1;
            if self.present[node] {
                match self.filter(kind, node, &view) {
                    Ok(()) => fitting.push(node),
                    Err(reasons) => unfit.add(reasons),
                }
            }
            if fitting.len() == enough {
                break;
            }
        }
        // So that all nodes have the same chance of being looked at.
        self.next = if count == 0 { 0 } else { (self.next + looked_at) % count };
        match fitting[..] {
            [] => Err(unfit),
            [only] => Ok(only),
            _ => Ok(self.best(kind, &mut fitting, tie)),
        }
    }

    /// Whether a pod of a kind may go to a node; else why not.
    ///
    /// # Errors
    /// The reason, as one of one node.
    pub fn fits(&self, kind: usize, node: usize) -> Result<(), Unfit> {
        self.filter(kind, node, &self.tallies.view(kind)).map_err(|reasons| {
            let mut unfit = Unfit::default();
            unfit.add(reasons);
            unfit
        })
    }
}

/// The nodes, one of each zone after the other, so that those that are looked at in a large cluster are of all zones.
/// Source: Kubernetes, `pkg/scheduler/backend/cache/node_tree.go`.
fn zones_in_turn(nodes: &[NodeSpec]) -> Vec<usize> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut turns: Vec<usize> = Vec::new();
    let mut order: Vec<(usize, usize, usize)> = Vec::with_capacity(nodes.len());
    for (node, spec) in nodes.iter().enumerate() {
        let next = seen.len();
        let zone = *seen.entry(spec.domain(spec::ZONE).unwrap_or_default()).or_insert(next);
        turns.resize(seen.len(), 0);
        order.push((turns[zone], zone, node));
        turns[zone] += 1;
    }
    order.sort_unstable();
    order.into_iter().map(|(_, _, node)| node).collect()
}

/// How many nodes that fit are enough: half of them less one for 125 nodes, but 5 percent, and 100.
/// Source: Kubernetes, `pkg/scheduler/schedule_one.go`, `numFeasibleNodesToFind`.
#[must_use]
pub const fn enough_nodes(nodes: usize) -> usize {
    const FEWEST: usize = 100;
    if nodes < FEWEST {
        // None is never enough.
        return if nodes == 0 { 1 } else { nodes };
    }
    let share = 50_usize.saturating_sub(nodes / 125);
    let share = if share < 5 { 5 } else { share };
    let enough = nodes * share / 100;
    if enough < FEWEST { FEWEST } else { enough }
}
