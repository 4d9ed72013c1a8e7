//! Which node a new pod goes to.

use crate::model::World;
use crate::model::plan::as_u32;
use crate::scenario::placement::Taken;

impl World<'_> {
    /// The same rule as at the start: the zone with the fewest pods of the workload, then the node. Else why there is none.
    pub(super) fn choose_node(&self, workload: usize) -> Result<u32, &'static str> {
        let nodes = &self.plan.scenario.cluster.nodes;
        let spec = &self.plan.scenario.workloads[workload];
        let (mut all, mut mine) = (vec![Taken::default(); nodes.len()], vec![0_u32; nodes.len()]);
        let mut in_zone = vec![0_u32; nodes.len()];
        let zone = |node: usize| self.plan.topology.zone(as_u32(node)) as usize;
        for pod in self.roster.pods.iter().filter(|pod| pod.is_on_node() && (pod.node as usize) < nodes.len()) {
            let node = pod.node as usize;
            all[node].add(&self.plan.scenario.workloads[pod.workload as usize].host);
            if pod.workload as usize == workload && pod.is_wanted() {
                mine[node] += 1;
                in_zone[zone(node)] += 1;
            }
        }
        let candidates = spec.node_name.as_ref().map_or(spec.allowed_nodes.as_slice(), std::slice::from_ref);
        // Who names a node is not asked for by the scheduler, and comes to a cordoned one, too.
        let takes = |node: usize| spec.node_name.is_some() || self.takes_pods(node);
        let open =
            candidates.iter().copied().filter(|node| takes(*node) && all[*node].takes(&nodes[*node], &spec.host));
        let best = open.min_by_key(|node| (in_zone[zone(*node)], mine[*node], all[*node].pods, *node));
        best.map(as_u32).ok_or_else(|| {
            let has_room = |node: &&usize| all[**node].pods < nodes[**node].max_pods;
            if !candidates.iter().any(|node| takes(*node)) {
                "its nodes are cordoned or down"
            } else if candidates.iter().filter(has_room).any(|node| takes(*node)) {
                "no node has its ports free"
            } else {
                "no node has room for it"
            }
        })
    }
}
