//! Cluster autoscaler: when nodes are added for pods that fit nowhere, and when nodes that are hardly used go.
//!
//! Every ten seconds it asks the scheduler's rules which of the waiting pods would fit on nodes that are coming, packs the
//! rest on imagined new nodes of each pool, the largest first, and adds those of the pool that would waste least. A node
//! whose pods request less than half of it and could all stand elsewhere is not needed; after ten minutes of that, and ten
//! minutes after nodes were added, it is drained and deleted: empty nodes together, others one at a time.
//!
//! Source: kubernetes/autoscaler, `cluster-autoscaler/FAQ.md` (defaults), `core/scaleup`, `core/scaledown`, `estimator`
//! (packing) and `expander/waste`.

use std::collections::BTreeMap;

use super::scheduler::Scheduler;
use crate::time::{SimDuration, SimTime};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How often it looks (`--scan-interval`).
    pub scan: SimDuration,
    /// For how long a node must not be needed before it goes (`--scale-down-unneeded-time`).
    pub unneeded: SimDuration,
    /// For how long none goes after some were added (`--scale-down-delay-after-add`).
    pub delay_after_add: SimDuration,
    /// Below which share of requests a node may not be needed (`--scale-down-utilization-threshold`).
    pub threshold: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scan: SimDuration::from_secs(10),
            unneeded: SimDuration::from_secs(600),
            delay_after_add: SimDuration::from_secs(600),
            threshold: 0.5,
        }
    }
}

/// Most empty nodes that go at once (`--max-empty-bulk-delete`).
const MOST_EMPTY: usize = 10;

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pool {
    /// Fewest nodes.
    pub min: usize,
    /// Nodes that can be added, in the order in which they are.
    pub absent: Vec<usize>,
    /// Nodes that are on their way.
    pub coming: Vec<usize>,
    /// Nodes that are there and may be removed, with their pods.
    pub present: Vec<Candidate>,
}

/// A node that may be removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// Index of the node.
    pub node: usize,
    /// The kinds of its pods, those of DaemonSets left out, which do not hold a node.
    pub pods: Vec<usize>,
    /// Whether one of its pods must not be moved: it has no controller, or its budget lets none go.
    pub is_held: bool,
}

/// What it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nodes of a pool are asked for.
    Add {
        /// The pool.
        pool: usize,
        /// The nodes.
        nodes: Vec<usize>,
    },
    /// A node is drained and deleted.
    Remove {
        /// The node.
        node: usize,
        /// Since when it has not been needed.
        since: SimTime,
    },
}

/// What it remembers.
#[derive(Debug, Clone, Default)]
pub struct ClusterAutoscaler {
    unneeded: BTreeMap<usize, SimTime>,
    added: Option<SimTime>,
}

impl ClusterAutoscaler {
    /// It looks at the cluster: kinds of the pods that wait for a node, and pools. `is_draining` says whether a node that it
    /// drains is not gone yet.
    pub fn scan(
        &mut self,
        settings: &Settings,
        (scheduler, pending): (&Scheduler, &[usize]),
        pools: &[Pool],
        is_draining: bool,
        now: SimTime,
    ) -> Vec<Action> {
        if let Some(add) = scale_up(scheduler, pending, pools) {
            self.added = Some(now);
            // Where nodes are missing none is too much.
            self.unneeded.clear();
            return vec![add];
        }
        self.scale_down(settings, scheduler, pools, is_draining, now)
    }

    fn scale_down(
        &mut self,
        settings: &Settings,
        scheduler: &Scheduler,
        pools: &[Pool],
        is_draining: bool,
        now: SimTime,
    ) -> Vec<Action> {
        let unneeded = unneeded(scheduler, pools, settings.threshold);
        self.unneeded.retain(|node, _| unneeded.contains(node));
        for node in &unneeded {
            self.unneeded.entry(*node).or_insert(now);
        }
        if self.added.is_some_and(|added| now.since(added) < settings.delay_after_add) {
            return Vec::new();
        }
        let (mut actions, mut empty, mut drains) = (Vec::new(), 0, is_draining);
        for pool in pools {
            let mut left = (pool.present.len() + pool.coming.len()).saturating_sub(pool.min);
            for candidate in &pool.present {
                let Some(since) = self.unneeded.get(&candidate.node).copied() else { continue };
                if now.since(since) < settings.unneeded || left == 0 {
                    continue;
                }
                let goes = if candidate.pods.is_empty() { empty < MOST_EMPTY } else { !drains };
                if goes {
                    if candidate.pods.is_empty() {
                        empty += 1;
                    } else {
                        drains = true;
                    }
                    left -= 1;
                    self.unneeded.remove(&candidate.node);
                    actions.push(Action::Remove { node: candidate.node, since });
                }
            }
        }
        actions
    }
}

/// The nodes that are added for pods that fit nowhere, if any pool helps.
fn scale_up(scheduler: &Scheduler, pending: &[usize], pools: &[Pool]) -> Option<Action> {
    if pending.is_empty() {
        return None;
    }
    let mut with_coming = scheduler.clone();
    pools.iter().flat_map(|pool| &pool.coming).for_each(|node| with_coming.set_present(*node, true));
    let mut left: Vec<usize> = pending.iter().copied().filter(|kind| !placed(&mut with_coming, *kind)).collect();
    if left.is_empty() {
        return None;
    }
    // The largest first.
    left.sort_by_key(|kind| {
        let requests = with_coming.kind(*kind).requests;
        std::cmp::Reverse((requests.cpu, requests.memory))
    });
    let estimates = pools.iter().enumerate().filter_map(|(pool, spec)| {
        let (nodes, helped, waste) = pack(&with_coming, &left, &spec.absent);
        (helped > 0).then_some((pool, nodes, waste))
    });
    let best = estimates.min_by(|one, other| one.2.total_cmp(&other.2).then(one.0.cmp(&other.0)))?;
    Some(Action::Add { pool: best.0, nodes: best.1 })
}

fn placed(scheduler: &mut Scheduler, kind: usize) -> bool {
    let node = scheduler.choose(kind, |node| node as u64);
    node.as_ref().map(|node| scheduler.bind(kind, *node)).is_ok()
}

/// How many new nodes of a pool would take how many of the pods, and which share of the nodes would be wasted. Each pod
/// goes to the first new node that takes it.
fn pack(scheduler: &Scheduler, pending: &[usize], absent: &[usize]) -> (Vec<usize>, usize, f64) {
    let mut imagined = scheduler.clone();
    let (mut used, mut helped): (Vec<usize>, usize) = (Vec::new(), 0);
    // A kind that an empty node does not take is not tried on the next.
    let mut hopeless: Vec<usize> = Vec::new();
    for kind in pending {
        if let Some(node) = used.iter().copied().find(|node| imagined.fits(*kind, *node).is_ok()) {
            imagined.bind(*kind, node);
            helped += 1;
            continue;
        }
        let Some(next) = absent.get(used.len()).copied().filter(|_| !hopeless.contains(kind)) else { continue };
        imagined.set_present(next, true);
        if imagined.fits(*kind, next).is_ok() {
            imagined.bind(*kind, next);
            used.push(next);
            helped += 1;
        } else {
            imagined.set_present(next, false);
            hopeless.push(*kind);
        }
    }
    let free: f64 = used.iter().map(|node| imagined.waste(*node)).sum();
    let waste = if used.is_empty() { f64::INFINITY } else { free / used.len() as f64 };
    (used, helped, waste)
}

/// The nodes that are not needed: little used, and their pods could all stand elsewhere, those of all of them together.
fn unneeded(scheduler: &Scheduler, pools: &[Pool], threshold: f64) -> Vec<usize> {
    let mut candidates: Vec<&Candidate> = pools
        .iter()
        .filter(|pool| pool.present.len() + pool.coming.len() > pool.min)
        .flat_map(|pool| &pool.present)
        .filter(|candidate| !candidate.is_held && scheduler.utilization(candidate.node) < threshold)
        .collect();
    // Empty ones first: they take nobody's place.
    candidates.sort_by_key(|candidate| (candidate.pods.len(), candidate.node));
    let mut imagined = scheduler.clone();
    let mut found = Vec::new();
    for candidate in candidates {
        let mut without = imagined.clone();
        without.set_present(candidate.node, false);
        for kind in &candidate.pods {
            without.terminate(*kind, candidate.node);
            without.release(*kind, candidate.node);
        }
        if candidate.pods.iter().all(|kind| placed(&mut without, *kind)) {
            imagined = without;
            found.push(candidate.node);
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::super::scheduler::resources::{Allocatable, Resources};
    use super::super::scheduler::spec::{HOSTNAME, NodeSpec, PodSpec};
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    fn node(index: usize, cpu: u64) -> NodeSpec {
        NodeSpec {
            labels: vec![(HOSTNAME.to_owned(), format!("n{index}"))],
            allocatable: Allocatable { cpu: Some(cpu), memory: None },
            max_pods: 110,
            ..NodeSpec::default()
        }
    }

    fn pod(cpu: u64) -> PodSpec {
        PodSpec { requests: Resources { cpu, memory: 0 }, ..PodSpec::default() }
    }

    fn empty(node: usize) -> Candidate {
        Candidate { node, pods: vec![], is_held: false }
    }

    /// One node of 4 cores is full; pools of 4 and of 16 cores.
    fn full() -> (Scheduler, usize) {
        let there = [(node(0, 4000), true)];
        let small = (1..4).map(|index| (node(index, 4000), false));
        let large = (4..6).map(|index| (node(index, 16000), false));
        let mut scheduler = Scheduler::new(there.into_iter().chain(small).chain(large).collect());
        let kind = scheduler.add_kind(pod(1500));
        (0..2).for_each(|_| scheduler.bind(kind, 0));
        (scheduler, kind)
    }

    fn pools() -> Vec<Pool> {
        let small = Pool { absent: vec![1, 2, 3], present: vec![empty(0)], min: 1, ..Pool::default() };
        vec![small, Pool { absent: vec![4, 5], ..Pool::default() }]
    }

    #[test]
    fn nodes_come_for_pods_that_fit_nowhere() {
        let (scheduler, kind) = full();
        let settings = Settings::default();
        let mut autoscaler = ClusterAutoscaler::default();
        let mut scan =
            |pending: &[usize], pools: &[Pool]| autoscaler.scan(&settings, (&scheduler, pending), pools, false, at(10));
        assert_eq!(scan(&[], &pools()), []);
        // Two of 1.5 cores stand on one of 4: 25 percent wasted; one of 16 would waste 81.
        assert_eq!(scan(&[kind; 2], &pools()), [Action::Add { pool: 0, nodes: vec![1] }]);
        // Three on two of 4 cores leave 44 percent, on one of 16 they would leave 72.
        assert_eq!(scan(&[kind; 3], &pools()), [Action::Add { pool: 0, nodes: vec![1, 2] }]);
        // Ten of them waste least on one of 16.
        assert_eq!(scan(&[kind; 10], &pools()), [Action::Add { pool: 1, nodes: vec![4] }]);
        // A node that is coming is not asked for again.
        let mut coming = pools();
        coming[0].absent.remove(0);
        coming[0].coming.push(1);
        assert_eq!(scan(&[kind; 2], &coming), []);
        assert_eq!(scan(&[kind; 4], &coming), [Action::Add { pool: 0, nodes: vec![2] }]);
    }

    #[test]
    fn nobody_helps_a_pod_that_is_too_large() {
        let (mut scheduler, _) = full();
        let huge = scheduler.add_kind(pod(20_000));
        let mut autoscaler = ClusterAutoscaler::default();
        assert_eq!(autoscaler.scan(&Settings::default(), (&scheduler, &[huge]), &pools(), false, at(10)), []);
    }

    #[test]
    fn nodes_that_are_not_needed_go_after_ten_minutes() {
        // Three of 4 cores: 1 and 2 have a pod of 1 core each, 0 has one of 2.5.
        let mut scheduler = Scheduler::new((0..3).map(|index| (node(index, 4000), true)).collect());
        let (large, small) = (scheduler.add_kind(pod(2500)), scheduler.add_kind(pod(1000)));
        scheduler.bind(large, 0);
        scheduler.bind(small, 1);
        scheduler.bind(small, 2);
        let with = |node, pods: &[usize]| Candidate { node, pods: pods.to_vec(), is_held: false };
        let pool =
            Pool { min: 1, present: vec![with(0, &[large]), with(1, &[small]), with(2, &[small])], ..Pool::default() };
        let settings = Settings::default();
        let mut autoscaler = ClusterAutoscaler::default();
        let pools = [pool];
        let mut scan = |is_draining, now| autoscaler.scan(&settings, (&scheduler, &[]), &pools, is_draining, at(now));
        assert_eq!(scan(false, 100), []);
        assert_eq!(scan(false, 690), []);
        // Both fit on others, one after the other: the first has room for one, the rest for the other.
        assert_eq!(scan(false, 700), [Action::Remove { node: 1, since: at(100) }]);
        assert_eq!(scan(true, 710), [], "one at a time");
    }

    #[test]
    fn nodes_stay_that_are_used_held_or_the_last() {
        let mut scheduler = Scheduler::new((0..2).map(|index| (node(index, 4000), true)).collect());
        let kind = scheduler.add_kind(pod(1900));
        scheduler.bind(kind, 0);
        let held =
            |is_held| Pool { present: vec![Candidate { node: 0, pods: vec![kind], is_held }], ..Pool::default() };
        assert_eq!(unneeded(&scheduler, &[held(false)], 0.5), [0]);
        assert!(unneeded(&scheduler, &[held(true)], 0.5).is_empty());
        assert!(unneeded(&scheduler, &[held(false)], 0.4).is_empty());
        assert!(unneeded(&scheduler, &[Pool { min: 1, ..held(false) }], 0.5).is_empty());
        scheduler.set_present(1, false);
        assert!(unneeded(&scheduler, &[held(false)], 0.5).is_empty(), "its pod has no other place");
    }

    #[test]
    fn none_goes_soon_after_some_came() {
        let (scheduler, kind) = full();
        let settings = Settings::default();
        let mut autoscaler = ClusterAutoscaler::default();
        let with_empty = vec![Pool { present: vec![empty(1), empty(2)], ..Pool::default() }];
        let mut scan = |pending: &[usize], pools: &[Pool], now| {
            autoscaler.scan(&settings, (&scheduler, pending), pools, false, at(now))
        };
        assert_eq!(scan(&[kind], &pools(), 0).len(), 1);
        assert_eq!(scan(&[], &with_empty, 10), []);
        let both = [Action::Remove { node: 1, since: at(10) }, Action::Remove { node: 2, since: at(10) }];
        assert_eq!(scan(&[], &with_empty, 590), []);
        assert_eq!(scan(&[], &with_empty, 600), []);
        assert_eq!(scan(&[], &with_empty, 610), both, "empty ones together");
    }
}
