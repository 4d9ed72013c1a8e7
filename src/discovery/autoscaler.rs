//! How many DNS servers a cluster of a size gets: the cluster-proportional autoscaler in its linear mode.

/// Parameters of the linear mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Cores for each replica.
    pub cores_per_replica: u32,
    /// Nodes for each replica.
    pub nodes_per_replica: u32,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Whether there are two as soon as there are two nodes.
    pub prevent_single_point_failure: bool,
}

/// What the add-on `dns-autoscaler` of Kubernetes is installed with.
pub const DNS_AUTOSCALER: Linear =
    Linear { cores_per_replica: 256, nodes_per_replica: 16, min: 1, max: u32::MAX, prevent_single_point_failure: true };

impl Linear {
    /// max(⌈cores / coresPerReplica⌉, ⌈nodes / nodesPerReplica⌉) within the bounds; at least 2 where a single point of
    /// failure is to be prevented and there is more than one node.
    ///
    /// Source: kubernetes-sigs/cluster-proportional-autoscaler, `linear`. Only schedulable nodes and their cores count.
    #[must_use]
    pub fn replicas(&self, nodes: u32, cores: f64) -> u32 {
        let by_nodes = f64::from(nodes.div_ceil(self.nodes_per_replica.max(1)));
        let by_cores = (cores / f64::from(self.cores_per_replica.max(1))).ceil();
        let fewest = if self.prevent_single_point_failure && nodes > 1 { self.min.max(2) } else { self.min };
        // A float beyond the range of the integer becomes its largest value, which `max` then bounds.
        (by_nodes.max(by_cores) as u32).clamp(fewest.min(self.max), self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_follow_nodes_and_cores() {
        let of = |nodes, cores| DNS_AUTOSCALER.replicas(nodes, cores);
        assert_eq!(of(3, 12.0), 2, "one would do, but not alone");
        assert_eq!(of(100, 1_600.0), 7);
        assert_eq!(of(50, 3_200.0), 13);
        assert_eq!(of(1, 4.0), 1);
        assert_eq!(of(16, 16.0), 2);
        assert_eq!(of(33, 33.0), 3);
        assert_eq!(of(1, 256.5), 2);
    }

    #[test]
    fn bounds_hold() {
        let bounded = Linear { min: 3, max: 5, ..DNS_AUTOSCALER };
        assert_eq!((bounded.replicas(1, 1.0), bounded.replicas(200, 1.0)), (3, 5));
        let alone = Linear { prevent_single_point_failure: false, ..DNS_AUTOSCALER };
        assert_eq!(alone.replicas(3, 12.0), 1);
        assert_eq!(Linear { max: 1, ..DNS_AUTOSCALER }.replicas(3, 12.0), 1);
    }
}
