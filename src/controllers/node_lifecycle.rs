//! The node lifecycle controller: when a node that says nothing is given up, and how fast its pods are.
//!
//! A kubelet renews the lease of its node every 10 s. The controller looks every 5 s; a node whose lease it has not seen
//! renewed for the grace period has the condition `Ready: Unknown` from then on, and all its pods are not ready at once.
//! The next time it looks, the node is put in a queue for the taint `unreachable:NoExecute`, from which each zone takes at
//! most one in 10 s. A pod goes when it does not tolerate the taint any longer: after 300 s, unless it says otherwise.
//! In a zone where most nodes are gone the queue is slower, or stands; if all zones are gone nothing is evicted at all:
//! then the fault is rather the controller's own.
//!
//! Source: Kubernetes, `pkg/controller/nodelifecycle/node_lifecycle_controller.go` and
//! `pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go`; `pkg/kubelet/apis/config/v1beta1/defaults.go`.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::{SimDuration, SimTime};

/// How often a kubelet renews the lease of its node: a quarter of the lease's 40 s.
pub const LEASE: SimDuration = SimDuration::from_secs(10);

/// How often the controller looks (`--node-monitor-period`).
pub const MONITOR: SimDuration = SimDuration::from_secs(5);

/// In a zone of more nodes than this evictions go on, slowly, when most are gone (`--large-cluster-size-threshold`).
const LARGE: usize = 50;

/// From which share of its nodes on a zone counts as disrupted (`--unhealthy-zone-threshold`).
const UNHEALTHY: f64 = 0.55;

/// Seconds between the taints of a zone (`--node-eviction-rate` 0.1), and of a large disrupted one
/// (`--secondary-node-eviction-rate` 0.01).
const SPACING: SimDuration = SimDuration::from_secs(10);
const SLOW_SPACING: SimDuration = SimDuration::from_secs(100);

/// For how long a node may say nothing (`--node-monitor-grace-period`): 50 s since Kubernetes 1.32, 40 s before.
#[must_use]
pub const fn grace_period(since_1_32: bool) -> SimDuration {
    SimDuration::from_secs(if since_1_32 { 50 } else { 40 })
}

/// What the controller sees of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Index of the node.
    pub node: usize,
    /// Number of its zone.
    pub zone: usize,
    /// When its kubelet renewed its lease last.
    pub renewed: SimTime,
}

/// What the controller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The node is `Ready: Unknown`: its pods are not ready from now on, and none are scheduled there.
    MarkUnknown(usize),
    /// It is ready again: its taints are removed, its pods are not given up.
    MarkReady(usize),
    /// It has the taint `unreachable:NoExecute` from now on.
    Taint(usize),
    /// The taint is removed although the node still says nothing, since no zone has a node left that speaks.
    Untaint(usize),
}

/// How a zone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Normal,
    /// So many of its nodes are gone that it may be the network's fault.
    Partial,
    /// All are gone.
    Full,
}

/// What the controller remembers.
#[derive(Debug, Clone)]
pub struct NodeLifecycle {
    grace: SimDuration,
    /// By node: the lease as last seen, and when that was.
    seen: BTreeMap<usize, (SimTime, SimTime)>,
    unknown: BTreeSet<usize>,
    tainted: BTreeSet<usize>,
    /// Nodes that wait for the taint, by zone, and when the zone may taint again.
    queues: BTreeMap<usize, Queue>,
    /// Whether all zones were gone when it looked last.
    gives_up: bool,
}

#[derive(Debug, Clone, Default)]
struct Queue {
    waiting: Vec<usize>,
    /// When there is a token again.
    next: Option<SimTime>,
    spacing: Option<SimDuration>,
}

impl NodeLifecycle {
    /// A controller that has seen nothing.
    #[must_use]
    pub const fn new(grace: SimDuration) -> Self {
        Self {
            grace,
            seen: BTreeMap::new(),
            unknown: BTreeSet::new(),
            tainted: BTreeSet::new(),
            queues: BTreeMap::new(),
            gives_up: false,
        }
    }

    /// Whether a node is given up for now.
    #[must_use]
    pub fn is_unknown(&self, node: usize) -> bool {
        self.unknown.contains(&node)
    }

    /// Whether there is nothing to watch: all nodes are fine, nothing waits.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.unknown.is_empty() && self.tainted.is_empty() && self.queues.values().all(|queue| queue.waiting.is_empty())
    }

    /// A node is deleted.
    pub fn forget(&mut self, node: usize) {
        self.seen.remove(&node);
        self.unknown.remove(&node);
        self.tainted.remove(&node);
        self.queues.values_mut().for_each(|queue| queue.waiting.retain(|waiting| *waiting != node));
    }

    /// It looks at all nodes.
    pub fn look(&mut self, nodes: &[Observed], now: SimTime) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut zones: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for observed in nodes {
            let was_unknown = self.unknown.contains(&observed.node);
            let seen = self.seen.entry(observed.node).or_insert((observed.renewed, now));
            if observed.renewed > seen.0 {
                *seen = (observed.renewed, now);
            }
            let last = seen.1;
            // Each look is a little later than five seconds after the one before, so a grace period is over with it.
            if now.since(last) >= self.grace {
                if self.unknown.insert(observed.node) {
                    actions.push(Action::MarkUnknown(observed.node));
                }
            } else if last == now && self.unknown.remove(&observed.node) {
                self.tainted.remove(&observed.node);
                self.queue(observed.zone).waiting.retain(|waiting| *waiting != observed.node);
                actions.push(Action::MarkReady(observed.node));
            }
            // It queues what it found unknown when it came, so one look later.
            let is_unknown = self.unknown.contains(&observed.node);
            if was_unknown && is_unknown && !self.tainted.contains(&observed.node) && !self.gives_up {
                let queue = self.queue(observed.zone);
                if !queue.waiting.contains(&observed.node) {
                    queue.waiting.push(observed.node);
                }
            }
            let zone = zones.entry(observed.zone).or_default();
            *if is_unknown { &mut zone.1 } else { &mut zone.0 } += 1;
        }
        self.judge(&zones, now, &mut actions);
        actions
    }

    fn queue(&mut self, zone: usize) -> &mut Queue {
        self.queues.entry(zone).or_insert_with(|| Queue { spacing: Some(SPACING), ..Queue::default() })
    }

    /// How fast each zone may taint: ready and unknown nodes by zone.
    fn judge(&mut self, zones: &BTreeMap<usize, (usize, usize)>, now: SimTime, actions: &mut Vec<Action>) {
        let states: Vec<(usize, usize, Zone)> =
            zones.iter().map(|(zone, (ready, unknown))| (*zone, ready + unknown, state(*ready, *unknown))).collect();
        let gone = !states.is_empty() && states.iter().all(|(_, _, state)| *state == Zone::Full);
        if gone {
            if !self.gives_up {
                self.queues.values_mut().for_each(|queue| queue.waiting.clear());
                actions.extend(std::mem::take(&mut self.tainted).into_iter().map(Action::Untaint));
            }
        } else if self.gives_up {
            // What was seen long ago counts as seen now.
            self.seen.values_mut().for_each(|seen| seen.1 = now);
        }
        self.gives_up = gone;
        for (zone, size, state) in states {
            self.queue(zone).spacing = match state {
                _ if gone => None,
                Zone::Normal | Zone::Full => Some(SPACING),
                Zone::Partial if size > LARGE => Some(SLOW_SPACING),
                Zone::Partial => None,
            };
        }
    }

    /// The nodes whose turn it is to get the taint.
    pub fn taint(&mut self, now: SimTime) -> Vec<Action> {
        let mut actions = Vec::new();
        for queue in self.queues.values_mut() {
            let Some(spacing) = queue.spacing else { continue };
            if !queue.waiting.is_empty() && queue.next.is_none_or(|next| next <= now) {
                let node = queue.waiting.remove(0);
                queue.next = Some(now + spacing);
                self.tainted.insert(node);
                actions.push(Action::Taint(node));
            }
        }
        actions
    }

    /// When a node may be tainted next.
    #[must_use]
    pub fn next_taint(&self) -> Option<SimTime> {
        let ready = |queue: &&Queue| !queue.waiting.is_empty() && queue.spacing.is_some();
        self.queues.values().filter(ready).map(|queue| queue.next.unwrap_or(SimTime::ZERO)).min()
    }
}

/// Source: `ComputeZoneState`.
fn state(ready: usize, unknown: usize) -> Zone {
    match unknown {
        _ if ready == 0 && unknown > 0 => Zone::Full,
        3.. if unknown as f64 / (ready + unknown) as f64 >= UNHEALTHY => Zone::Partial,
        _ => Zone::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    /// Looks every five seconds from `phase` on at nodes whose kubelets renew at once and every ten seconds, until each
    /// is down; says what happened when.
    fn watch(nodes: &[(usize, Option<u64>)], phase: u64, until: u64, grace: u64) -> Vec<(u64, Action)> {
        let mut controller = NodeLifecycle::new(SimDuration::from_secs(grace));
        let mut story = Vec::new();
        for second in 0..until {
            if second % 5 == phase {
                let observed: Vec<Observed> = nodes
                    .iter()
                    .enumerate()
                    .map(|(node, (zone, down))| {
                        let up = down.map_or(second, |down| second.min(down.saturating_sub(1)));
                        Observed { node, zone: *zone, renewed: at(up / 10 * 10) }
                    })
                    .collect();
                story.extend(controller.look(&observed, at(second)).into_iter().map(|action| (second, action)));
            }
            story.extend(controller.taint(at(second)).into_iter().map(|action| (second, action)));
        }
        story
    }

    /// T5: NotReady 40 to 55 s after a crash, the taint one look later.
    #[test]
    fn a_node_that_crashes() {
        let story = |down, phase, grace| watch(&[(0, Some(down)), (0, None), (1, None)], phase, 300, grace);
        // Renewed at 100 s, seen at 100 s; the crash is nearly ten seconds later.
        assert_eq!(story(109, 0, 50), [(150, Action::MarkUnknown(0)), (155, Action::Taint(0))]);
        // Renewed at 100 s, seen at 104 s; the crash is at once.
        assert_eq!(story(101, 4, 50), [(154, Action::MarkUnknown(0)), (159, Action::Taint(0))]);
        assert_eq!(story(101, 4, 40), [(144, Action::MarkUnknown(0)), (149, Action::Taint(0))]);
        for down in 100..110 {
            for phase in 0..5 {
                let (unknown, _) = story(down, phase, 50)[0];
                assert!((40..=55).contains(&(unknown - down + 1)), "{down} {phase}: {unknown}");
            }
        }
    }

    #[test]
    fn a_zone_taints_one_node_in_ten_seconds() {
        let mut nodes = vec![(0, Some(100)); 2];
        nodes.extend([(0, None), (0, None), (1, None)]);
        let taints: Vec<_> =
            watch(&nodes, 0, 400, 50).into_iter().filter(|(_, action)| matches!(action, Action::Taint(_))).collect();
        assert_eq!(taints, [(145, Action::Taint(0)), (155, Action::Taint(1))]);
    }

    /// Rows of `TestMonitorNodeHealthEvictPodsWithDisruption`'s kind: zones of a size, with so many nodes gone.
    #[test]
    fn zones_that_are_gone() {
        let zone = |zone: usize, size: usize, gone: usize| {
            (0..size).map(move |node| (zone, (node < gone).then_some(100))).collect::<Vec<_>>()
        };
        let taints = |zones: Vec<Vec<(usize, Option<u64>)>>, until| {
            let story = watch(&zones.concat(), 0, until, 50);
            story.iter().filter(|(_, action)| matches!(action, Action::Taint(_))).count()
        };
        // Nine of ten would be most of a small zone: it stands.
        assert_eq!(taints(vec![zone(0, 10, 9), zone(1, 10, 0)], 400), 0);
        // Two are never most, though they are more than 55 percent of three.
        assert_eq!(taints(vec![zone(0, 3, 2), zone(1, 10, 0)], 400), 2);
        // A zone that is gone as a whole goes on while another lives.
        assert_eq!(taints(vec![zone(0, 3, 3), zone(1, 10, 0)], 400), 3);
        // A large one goes on slowly: one in 100 s.
        assert_eq!(taints(vec![zone(0, 60, 40), zone(1, 10, 0)], 400), 3);
        // All gone: nobody is evicted.
        assert_eq!(taints(vec![zone(0, 3, 3), zone(1, 2, 2)], 400), 0);
    }

    #[test]
    fn a_node_that_comes_back_is_ready_at_the_next_look() {
        let mut controller = NodeLifecycle::new(grace_period(true));
        let look = |controller: &mut NodeLifecycle, renewed, now| {
            let other = Observed { node: 1, zone: 0, renewed: at(now) };
            controller.look(&[Observed { node: 0, zone: 0, renewed: at(renewed) }, other], at(now))
        };
        assert_eq!(look(&mut controller, 0, 0), []);
        assert_eq!(look(&mut controller, 0, 45), []);
        assert_eq!(look(&mut controller, 0, 50), [Action::MarkUnknown(0)]);
        assert!(controller.is_unknown(0) && !controller.is_quiet());
        assert_eq!(controller.taint(at(50)), []);
        assert_eq!(look(&mut controller, 0, 55), []);
        assert_eq!(controller.next_taint(), Some(at(0)));
        assert_eq!(controller.taint(at(55)), [Action::Taint(0)]);
        assert_eq!(look(&mut controller, 58, 60), [Action::MarkReady(0)]);
        assert!(controller.is_quiet());
        // Removed as an object, it is nobody's concern.
        assert_eq!(look(&mut controller, 58, 110), [Action::MarkUnknown(0)]);
        controller.forget(0);
        assert!(controller.is_quiet());
    }

    #[test]
    fn when_all_are_gone_taints_are_taken_back() {
        let mut controller = NodeLifecycle::new(grace_period(true));
        let mut look = |renewed: [u64; 2], now| {
            let nodes = [0, 1].map(|node| Observed { node, zone: node, renewed: at(renewed[node]) });
            let mut actions = controller.look(&nodes, at(now));
            actions.extend(controller.taint(at(now)));
            actions
        };
        assert_eq!(look([0, 0], 0), []);
        assert_eq!(look([0, 30], 30), []);
        assert_eq!(look([0, 30], 50), [Action::MarkUnknown(0)]);
        assert_eq!(look([0, 30], 55), [Action::Taint(0)]);
        assert_eq!(look([0, 30], 80), [Action::MarkUnknown(1), Action::Untaint(0)]);
        assert_eq!(look([0, 30], 90), []);
        // One is back: the other gets its grace period again.
        assert_eq!(look([0, 99], 100), [Action::MarkReady(1)]);
    }
}
