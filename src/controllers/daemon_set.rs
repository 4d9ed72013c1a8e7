//! DaemonSets: one pod on each node that should have one, and how these are replaced when the template changes.
//!
//! Without surge an old pod is deleted first and the new one made when it is gone, on at most `maxUnavailable` nodes at
//! once; with surge the new one comes first, on at most `maxSurge` nodes at once, and the old one goes when it is available.
//! Old pods that do not serve are replaced at once and count. A look that makes or deletes pods for another reason replaces
//! none. Source: Kubernetes, `pkg/controller/daemon/{daemon_controller,update}.go`; nodes are taken in their order, where
//! Kubernetes takes them in any.

use super::amount::Amount;

/// What a DaemonSet wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its template, by whatever number the caller gives templates.
    pub template: u32,
    /// On how many nodes there may be two pods; percentages are rounded up.
    pub max_surge: Amount,
    /// On how many nodes there may be no available pod; percentages are rounded up.
    pub max_unavailable: Amount,
    /// `updateStrategy: OnDelete`: the controller replaces no pod because of its template.
    pub on_delete: bool,
}

/// A pod as the controller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod {
    /// The caller's number of it; of two pods the older one has the lower.
    pub pod: u32,
    /// Its template.
    pub template: u32,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether it has been ready for `minReadySeconds`.
    pub is_available: bool,
    /// Whether it was deleted and is not gone yet.
    pub is_terminating: bool,
    /// Whether all of it has ended and will not be started again.
    pub has_ended: bool,
}

/// A node, and the DaemonSet's pods on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Whether it should have a pod: selectors and taints admit one.
    pub should_run: bool,
    /// Whether one that is there may stay: no `NoExecute` taint that is not tolerated, and selectors admit it.
    pub may_stay: bool,
    /// Those that are there, the oldest first.
    pub pods: Vec<Pod>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Nodes that get a pod of the current template.
    pub create: Vec<usize>,
    /// Pods that are deleted.
    pub delete: Vec<u32>,
}

impl Decision {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty()
    }
}

/// On how many nodes there may be two pods, and on how many none that is available: never neither on any.
#[must_use]
pub fn limits(wanted: &Wanted, nodes: &[Node]) -> (usize, usize) {
    let count = nodes.iter().filter(|node| node.should_run).count();
    let desired = u32::try_from(count).unwrap_or(u32::MAX);
    match (wanted.max_surge.up(desired), wanted.max_unavailable.up(desired)) {
        (0, 0) if desired > 0 => (0, 1),
        (surge, unavailable) => (surge as usize, unavailable as usize),
    }
}

/// One look of the controller.
#[must_use]
pub fn reconcile(wanted: &Wanted, nodes: &[Node]) -> Decision {
    let (surge, unavailable) = limits(wanted, nodes);
    let managed = manage(wanted, nodes);
    if !managed.is_nothing() || wanted.on_delete {
        return managed;
    }
    if surge > 0 { replace_ahead(wanted, nodes, surge) } else { replace(wanted, nodes, unavailable) }
}

/// Every node has the pods that it should have, whatever their template.
fn manage(wanted: &Wanted, nodes: &[Node]) -> Decision {
    // Whether two pods may stand on a node is asked of the manifest, not of what it comes to on these nodes.
    let surges = wanted.max_surge.up(1) > 0;
    let mut decision = Decision::default();
    for (index, node) in nodes.iter().enumerate() {
        let here: Vec<&Pod> = node.pods.iter().filter(|pod| !pod.is_terminating).collect();
        if !node.may_stay {
            decision.delete.extend(here.iter().map(|pod| pod.pod));
            if node.should_run && node.pods.is_empty() {
                decision.create.push(index);
            }
            continue;
        }
        let (ended, runs): (Vec<&Pod>, Vec<&Pod>) = here.into_iter().partition(|pod| pod.has_ended);
        decision.delete.extend(ended.iter().map(|pod| pod.pod));
        // With surge a pod on its way out does not stand in the way of the next one.
        let is_free = node.pods.is_empty() || surges && runs.is_empty();
        if node.should_run && is_free {
            decision.create.push(index);
        }
        match surges {
            false => decision.delete.extend(runs.iter().skip(1).map(|pod| pod.pod)),
            true if runs.len() > 1 => decision.delete.extend(surplus(wanted, &runs)),
            true => {}
        }
    }
    decision
}

/// Of several pods on a node with surge: all but the oldest of either template, and the old one once it does not serve or
/// the new one does.
fn surplus(wanted: &Wanted, runs: &[&Pod]) -> Vec<u32> {
    let (new, old): (Vec<&Pod>, Vec<&Pod>) = runs.iter().partition(|pod| pod.template == wanted.template);
    let mut deleted: Vec<u32> = new.iter().skip(1).chain(old.iter().skip(1)).map(|pod| pod.pod).collect();
    if let (Some(new), Some(old)) = (new.first(), old.first())
        && (!old.is_ready || new.is_available)
    {
        deleted.push(old.pod);
    }
    deleted
}

/// The pods of a node that were not deleted: of the current template, and of another.
fn pods_on<'a>(wanted: &Wanted, node: &'a Node) -> Option<(Option<&'a Pod>, Option<&'a Pod>)> {
    let here = || node.pods.iter().filter(|pod| !pod.is_terminating);
    let mut new = here().filter(|pod| pod.template == wanted.template);
    let mut old = here().filter(|pod| pod.template != wanted.template);
    let both = (new.next(), old.next());
    (new.next().is_none() && old.next().is_none()).then_some(both)
}

/// Old pods go before new ones come.
fn replace(wanted: &Wanted, nodes: &[Node], most: usize) -> Decision {
    let (mut unavailable, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
    // A node without pods is none of this DaemonSet's: the look that makes its pod comes first.
    for node in nodes.iter().filter(|node| !node.pods.is_empty()) {
        match pods_on(wanted, node) {
            Some((Some(new), None)) => unavailable += usize::from(!new.is_available),
            Some((None, Some(old))) if !old.is_available => {
                unavailable += 1;
                broken.push(old.pod);
            }
            Some((None, Some(old))) if unavailable < most => candidates.push(old.pod),
            Some((None, Some(_))) => {}
            _ => unavailable += 1,
        }
    }
    candidates.truncate(most.saturating_sub(unavailable));
    broken.extend(candidates);
    Decision { create: Vec::new(), delete: broken }
}

/// New pods come before old ones go.
fn replace_ahead(wanted: &Wanted, nodes: &[Node], most: usize) -> Decision {
    let (mut surging, mut broken, mut candidates, mut delete) = (0, Vec::new(), Vec::new(), Vec::new());
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| !node.pods.is_empty()) {
        match pods_on(wanted, node) {
            None => surging += 1,
            Some((_, None)) => {}
            Some((None, Some(old))) if !old.is_available => broken.push(index),
            Some((None, Some(_))) if surging < most => candidates.push(index),
            Some((None, Some(_))) => {}
            Some((Some(new), Some(old))) if new.is_available => delete.push(old.pod),
            Some(_) => surging += 1,
        }
    }
    candidates.truncate(most.saturating_sub(surging));
    broken.extend(candidates);
    Decision { create: broken, delete }
}

#[cfg(test)]
mod tests {
    use super::Amount::{Count, Percent};
    use super::*;

    /// Nodes and a count of the pods ever made.
    struct Cluster {
        nodes: Vec<Node>,
        made: u32,
        wanted: Wanted,
    }

    fn wanted(max_surge: Amount, max_unavailable: Amount) -> Wanted {
        Wanted { template: 0, max_surge, max_unavailable, on_delete: false }
    }

    impl Cluster {
        fn new(nodes: usize, wanted: Wanted) -> Self {
            let nodes = vec![Node { should_run: true, may_stay: true, pods: Vec::new() }; nodes];
            Self { nodes, made: 0, wanted }
        }

        /// One look, and how many pods it makes and deletes; deleted ones vanish at once.
        fn look(&mut self) -> (usize, usize) {
            let decision = reconcile(&self.wanted, &self.nodes);
            for node in &decision.create {
                let (pod, template) = (self.made, self.wanted.template);
                self.made += 1;
                let (is_ready, is_available, is_terminating, has_ended) = (false, false, false, false);
                self.nodes[*node].pods.push(Pod { pod, template, is_ready, is_available, is_terminating, has_ended });
            }
            for node in &mut self.nodes {
                node.pods.retain(|pod| !decision.delete.contains(&pod.pod));
            }
            (decision.create.len(), decision.delete.len())
        }

        fn all_ready(&mut self) {
            for pod in self.nodes.iter_mut().flat_map(|node| &mut node.pods) {
                (pod.is_ready, pod.is_available) = (true, true);
            }
        }
    }

    /// Kubernetes' `TestDaemonSetUpdatesPods` (`update_test.go`): five nodes, two at once.
    #[test]
    fn old_pods_are_replaced_a_few_at_a_time() {
        let mut cluster = Cluster::new(5, wanted(Count(0), Count(2)));
        assert_eq!(cluster.look(), (5, 0));
        cluster.all_ready();
        cluster.wanted.template = 1;
        for expected in [(0, 2), (2, 0), (0, 2), (2, 0), (0, 1), (1, 0), (0, 0)] {
            assert_eq!(cluster.look(), expected);
            if expected.0 > 0 {
                cluster.all_ready();
            }
        }
    }

    /// `TestDaemonSetUpdatesWhenNewPodIsNotReady`: three at once, whose pods never become ready.
    #[test]
    fn new_pods_that_do_not_serve_stop_the_rest() {
        let mut cluster = Cluster::new(5, wanted(Count(0), Count(3)));
        cluster.look();
        cluster.all_ready();
        cluster.wanted.template = 1;
        for expected in [(0, 3), (3, 0), (0, 0)] {
            assert_eq!(cluster.look(), expected);
        }
    }

    /// `TestDaemonSetUpdatesAllOldPodsNotReady`, and `TestDaemonSetUpdatesNoTemplateChanged`.
    #[test]
    fn old_pods_that_do_not_serve_go_at_once() {
        let mut cluster = Cluster::new(5, wanted(Count(0), Count(3)));
        assert_eq!((cluster.look(), cluster.look()), ((5, 0), (0, 0)));
        cluster.wanted.template = 1;
        for expected in [(0, 5), (5, 0), (0, 0)] {
            assert_eq!(cluster.look(), expected);
        }
    }

    /// `TestDaemonSetUpdatesPodsWithMaxSurge`: five nodes, two at once, none of which is ever without.
    #[test]
    fn with_surge_new_pods_come_first() {
        let mut cluster = Cluster::new(5, wanted(Count(2), Count(0)));
        cluster.look();
        cluster.all_ready();
        cluster.wanted.template = 1;
        let mut looks = Vec::new();
        for _ in 0..12 {
            looks.push(cluster.look());
            let serves = |node: &Node| node.pods.iter().any(|pod| pod.is_available);
            assert!(cluster.nodes.iter().all(serves));
            assert!(cluster.nodes.iter().filter(|node| node.pods.len() > 1).count() <= 2);
            cluster.all_ready();
        }
        assert_eq!(looks[..7], [(2, 0), (0, 2), (2, 0), (0, 2), (1, 0), (0, 1), (0, 0)]);
        assert!(cluster.nodes.iter().all(|node| node.pods.len() == 1 && node.pods[0].template == 1));
    }

    /// A pod on its way out keeps its node's place without surge, and with surge does not.
    #[test]
    fn a_node_waits_for_its_old_pod() {
        for (surge, unavailable, expected) in [(Count(0), Count(1), 0), (Count(1), Count(0), 1)] {
            let mut cluster = Cluster::new(2, wanted(surge, unavailable));
            cluster.look();
            cluster.all_ready();
            cluster.nodes[0].pods[0].is_terminating = true;
            assert_eq!(reconcile(&cluster.wanted, &cluster.nodes).create.len(), expected);
        }
    }

    /// `TestGetUnavailableNumbers`, the limits of it; both zero is one.
    #[test]
    fn limits_are_rounded_up() {
        let nodes = |count| Cluster::new(count, wanted(Count(0), Count(0))).nodes;
        for (surge, unavailable, count, expected) in [
            (Count(0), Count(0), 0, (0, 0)),
            (Count(0), Count(1), 2, (0, 1)),
            (Count(0), Percent(50), 2, (0, 1)),
            (Count(0), Percent(1), 7, (0, 1)),
            (Percent(34), Count(0), 3, (2, 0)),
            (Count(0), Count(0), 5, (0, 1)),
        ] {
            assert_eq!(limits(&wanted(surge, unavailable), &nodes(count)), expected);
        }
    }

    /// Nodes that should not have one lose it, one whose pod has ended gets another, and updates wait.
    #[test]
    fn nodes_that_change() {
        let mut cluster = Cluster::new(3, wanted(Count(0), Count(1)));
        cluster.look();
        cluster.all_ready();
        cluster.wanted.template = 1;
        (cluster.nodes[2].should_run, cluster.nodes[2].may_stay) = (false, false);
        assert_eq!(cluster.look(), (0, 1));
        assert!(cluster.nodes[2].pods.is_empty());
        cluster.nodes[1].pods[0].has_ended = true;
        assert_eq!(reconcile(&cluster.wanted, &cluster.nodes), Decision { create: vec![], delete: vec![1] });
        cluster.look();
        assert_eq!(cluster.look(), (1, 0));
        assert_eq!(cluster.nodes[1].pods[0].template, 1);
        assert_eq!(cluster.look(), (0, 0), "one is not available yet");
        cluster.all_ready();
        assert_eq!(cluster.look(), (0, 1));
        // A cordoned node: what is there stays, what is not does not come.
        cluster.nodes[0].should_run = false;
        assert_eq!(cluster.look(), (0, 0));
        cluster.wanted.on_delete = true;
        cluster.nodes[0].should_run = true;
        assert_eq!(cluster.look(), (1, 0));
    }
}
