//! Which of the nodes that a pod may go to is best.
//!
//! Each plug-in gives a node 0 to 100 points; their weights are those of the default profile.
//! Source: Kubernetes, `pkg/scheduler/apis/config/v1/default_plugins.go`. `ImageLocality` is not here: no images are.

use super::Scheduler;
use super::taints::disliked;

const TAINT_TOLERATION: i64 = 3;
const NODE_AFFINITY: i64 = 2;
const POD_TOPOLOGY_SPREAD: i64 = 2;
const INTER_POD_AFFINITY: i64 = 2;
const RESOURCES_FIT: i64 = 1;
const BALANCED_ALLOCATION: i64 = 1;

/// Points, by node in the order of those that fit.
type Points = Vec<i64>;

impl Scheduler {
    /// The best of several nodes.
    pub(super) fn best(&self, kind: usize, fitting: &mut [usize], mut tie: impl FnMut(usize) -> u64) -> usize {
        fitting.sort_unstable();
        let points = self.points(kind, fitting);
        let most = points.iter().copied().max().expect("there are several nodes");
        let best = fitting.iter().zip(&points).filter(|(_, points)| **points == most).map(|(node, _)| *node);
        best.min_by_key(|node| (tie(*node), *node)).expect("one has the most points")
    }

    /// The sum of all points.
    pub(super) fn points(&self, kind: usize, nodes: &[usize]) -> Points {
        let mut sum = vec![0; nodes.len()];
        let mut add = |weight: i64, points: Option<Points>| {
            if let Some(points) = points {
                sum.iter_mut().zip(points).for_each(|(sum, points)| *sum += weight * points);
            }
        };
        add(TAINT_TOLERATION, self.taint_toleration(kind, nodes));
        add(NODE_AFFINITY, self.liked_nodes(kind, nodes));
        add(POD_TOPOLOGY_SPREAD, self.topology_spread(kind, nodes));
        add(INTER_POD_AFFINITY, self.pod_affinity(kind, nodes));
        add(RESOURCES_FIT, Some(self.least_allocated(kind, nodes)));
        add(BALANCED_ALLOCATION, self.balanced_allocation(kind, nodes));
        sum
    }

    /// The fewer taints would rather not have the pod, the better. Where there are none all are equal.
    pub(super) fn taint_toleration(&self, kind: usize, nodes: &[usize]) -> Option<Points> {
        let tolerations = &self.kinds[kind].tolerations;
        let count = |node: &usize| i64::from(disliked(&self.nodes[*node].taints, tolerations));
        let points: Points = nodes.iter().map(count).collect();
        let most = points.iter().copied().max().filter(|most| *most > 0)?;
        Some(points.into_iter().map(|points| 100 - 100 * points / most).collect())
    }

    /// The more of the node affinity is preferred here, the better.
    pub(super) fn liked_nodes(&self, kind: usize, nodes: &[usize]) -> Option<Points> {
        let affinity = &self.kinds[kind].node_affinity;
        if affinity.preferred.is_empty() {
            return None;
        }
        let likes = |node: &usize| i64::try_from(affinity.likes(&self.nodes[*node].labels)).unwrap_or(i64::MAX / 100);
        let points: Points = nodes.iter().map(likes).collect();
        let most = points.iter().copied().max().filter(|most| *most > 0)?;
        Some(points.into_iter().map(|points| 100 * points / most).collect())
    }

    /// The fewer pods of the constraints' in the domains of a node, the better: the sum over the constraints of
    /// `count · ln(domains + 2) + maxSkew − 1`, turned over. Few domains thereby count less than many.
    pub(super) fn topology_spread(&self, kind: usize, nodes: &[usize]) -> Option<Points> {
        let soft: Vec<_> = self.tallies.soft(kind).collect();
        if soft.is_empty() {
            return None;
        }
        // Who states constraints does not count nodes without their labels.
        let stated = !self.kinds[kind].spread.is_empty();
        let has_all = |node: &usize| soft.iter().all(|spread| self.tallies.in_domain(spread, *node).is_some());
        let counted: Vec<usize> = nodes.iter().copied().filter(|node| !stated || has_all(node)).collect();
        let weights: Vec<f64> =
            soft.iter().map(|spread| libm::log((self.tallies.domains(spread, &counted) + 2) as f64)).collect();
        let raw = |node: &usize| {
            if stated && !has_all(node) {
                return None;
            }
            let parts = soft.iter().zip(&weights).filter_map(|(spread, weight)| {
                let count = f64::from(self.tallies.in_domain(spread, *node)?);
                Some(count * weight + f64::from(spread.constraint.max_skew) - 1.0)
            });
            Some(libm::round(parts.sum::<f64>()) as i64)
        };
        let raw: Vec<Option<i64>> = nodes.iter().map(raw).collect();
        let (least, most) = (raw.iter().flatten().copied().min()?, raw.iter().flatten().copied().max()?);
        let points = |raw: Option<i64>| match raw {
            None => 0,
            Some(_) if most == 0 => 100,
            Some(raw) => 100 * (most + least - raw) / most,
        };
        Some(raw.into_iter().map(points).collect())
    }

    /// The more the wishes of this pod and of those that are there are met, the better.
    pub(super) fn pod_affinity(&self, kind: usize, nodes: &[usize]) -> Option<Points> {
        if !self.tallies.has_wishes(kind) {
            return None;
        }
        let raw: Points = nodes.iter().map(|node| self.tallies.wish(kind, *node)).collect();
        let (least, most) = (*raw.iter().min()?, *raw.iter().max()?);
        if most == least {
            return None;
        }
        Some(raw.into_iter().map(|raw| (100.0 * (raw - least) as f64 / (most - least) as f64) as i64).collect())
    }

    /// The more is left, the better; containers that request nothing count as if they did.
    pub(super) fn least_allocated(&self, kind: usize, nodes: &[usize]) -> Points {
        let wanted = self.kinds[kind].scored;
        let score = |node: &usize| self.nodes[*node].allocatable.least_allocated(self.taken[*node].scored.plus(wanted));
        nodes.iter().map(|node| score(node) as i64).collect()
    }

    /// The more alike the shares of processing time and memory, the better; not for pods that request nothing.
    pub(super) fn balanced_allocation(&self, kind: usize, nodes: &[usize]) -> Option<Points> {
        let wanted = self.kinds[kind].requests;
        if wanted.is_nothing() {
            return None;
        }
        let score = |node: &usize| self.nodes[*node].allocatable.balanced(self.taken[*node].requests.plus(wanted));
        Some(nodes.iter().map(|node| score(node) as i64).collect())
    }
}
