//! Which node a new pod goes to.

use crate::controllers::scheduler::Scheduler;
use crate::controllers::scheduler::resources::Resources;
use crate::controllers::scheduler::taints::{Effect, Taint, UNREACHABLE};
use crate::model::World;
use crate::model::plan::{Plan, as_u32};
use crate::model::random_keys::TIE;
use crate::random::mix;
use crate::scenario::placement::Taken;
use crate::scenario::scheduling;

/// kube-scheduler, where somebody says what only it understands.
#[derive(Debug)]
pub(super) struct Placing {
    scheduler: Scheduler,
    /// What it knows of each pod.
    known: Vec<Known>,
    /// Which nodes it takes for cordoned, and for unheard of.
    nodes: Vec<(bool, bool)>,
}

/// What the scheduler knows of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It has no node yet, or no longer.
    Nothing,
    /// It is on a node.
    Bound(u32),
    /// It was deleted, and is on a node.
    Deleted(u32),
}

impl Placing {
    /// The scheduler of a scenario that needs one.
    pub(super) fn of(plan: &Plan) -> Option<Box<Self>> {
        let (nodes, workloads) = (&plan.scenario.cluster.nodes, &plan.scenario.workloads);
        scheduling::is_needed(nodes, workloads).then(|| {
            Box::new(Self {
                scheduler: scheduling::scheduler(nodes, workloads),
                known: Vec::new(),
                nodes: vec![(false, false); nodes.len()],
            })
        })
    }
}

impl World<'_> {
    /// The node for a pod, or why there is none.
    pub(super) fn choose_node(&mut self, pod: u32) -> Result<u32, String> {
        let record = &self.roster.pods[pod as usize];
        let (workload, number) = (record.workload as usize, record.number);
        let named = self.plan.scenario.workloads[workload].node_name.is_some();
        match self.control_mut().placing.take() {
            Some(mut placing) if !named => {
                self.tell_scheduler(&mut placing);
                let own = mix(mix(self.seed ^ TIE, u64::from(self.replication)), mix(workload as u64, number.into()));
                // Equally good nodes are as good as drawn.
                let node = placing.scheduler.choose(workload, |node| mix(own, node as u64));
                self.control_mut().placing = Some(placing);
                node.map(as_u32).map_err(|unfit| unfit.to_string())
            }
            placing => {
                self.control_mut().placing = placing;
                self.spread_pods(workload).map_err(str::to_owned)
            }
        }
    }

    /// The scheduler hears of what has changed since it was asked last.
    fn tell_scheduler(&self, placing: &mut Placing) {
        let nodes = &self.plan.scenario.cluster.nodes;
        for (node, spec) in nodes.iter().enumerate() {
            let now = (self.is_cordoned(node), self.is_unheard_of(node));
            let before = std::mem::replace(&mut placing.nodes[node], now);
            if now.0 != before.0 {
                placing.scheduler.set_unschedulable(node, now.0 || spec.unschedulable);
            }
            if now.1 != before.1 {
                let mut taints = spec.taints.clone();
                let lost = Taint { key: UNREACHABLE.to_owned(), value: String::new(), effect: Effect::NoSchedule };
                taints.extend(now.1.then_some(lost));
                placing.scheduler.set_taints(node, taints);
            }
        }
        placing.known.resize(self.roster.pods.len(), Known::Nothing);
        for (pod, known) in self.roster.pods.iter().zip(&mut placing.known) {
            let now = match (pod.is_on_node() && (pod.node as usize) < nodes.len(), pod.is_wanted()) {
                (false, _) => Known::Nothing,
                (true, true) => Known::Bound(pod.node),
                (true, false) => Known::Deleted(pod.node),
            };
            let before = std::mem::replace(known, now);
            if now == before {
                continue;
            }
            let kind = pod.workload as usize;
            match before {
                Known::Bound(node) => {
                    placing.scheduler.terminate(kind, node as usize);
                    if !matches!(now, Known::Deleted(_)) {
                        placing.scheduler.release(kind, node as usize);
                    }
                }
                Known::Deleted(node) => placing.scheduler.release(kind, node as usize),
                Known::Nothing => {}
            }
            match now {
                Known::Bound(node) => placing.scheduler.bind(kind, node as usize),
                Known::Deleted(node) if before == Known::Nothing => {
                    placing.scheduler.bind(kind, node as usize);
                    placing.scheduler.terminate(kind, node as usize);
                }
                Known::Deleted(_) | Known::Nothing => {}
            }
        }
    }

    /// The same rule as at the start: the zone with the fewest pods of the workload, then the node. Else why there is none.
    fn spread_pods(&self, workload: usize) -> Result<u32, &'static str> {
        let nodes = &self.plan.scenario.cluster.nodes;
        let workloads = &self.plan.scenario.workloads;
        let spec = &workloads[workload];
        let requests: Vec<Resources> = workloads.iter().map(scheduling::requests).collect();
        let (mut all, mut mine) = (vec![Taken::default(); nodes.len()], vec![0_u32; nodes.len()]);
        let mut in_zone = vec![0_u32; nodes.len()];
        let zone = |node: usize| self.plan.topology.zone(as_u32(node)) as usize;
        for pod in self.roster.pods.iter().filter(|pod| pod.is_on_node() && (pod.node as usize) < nodes.len()) {
            let node = pod.node as usize;
            all[node].add(&workloads[pod.workload as usize].host, requests[pod.workload as usize]);
            if pod.workload as usize == workload && pod.is_wanted() {
                mine[node] += 1;
                in_zone[zone(node)] += 1;
            }
        }
        let candidates = spec.node_name.as_ref().map_or(spec.allowed_nodes.as_slice(), std::slice::from_ref);
        // Who names a node is not asked for by the scheduler, and comes to a cordoned one, too.
        let takes = |node: usize| spec.node_name.is_some() || self.takes_pods(node);
        let fits = |node: &usize| all[*node].takes(&nodes[*node], &spec.host, requests[workload]);
        let open = candidates.iter().copied().filter(|node| takes(*node) && fits(node));
        let best = open.min_by_key(|node| (in_zone[zone(*node)], mine[*node], all[*node].pods, *node));
        best.map(as_u32).ok_or_else(|| {
            let has_room = |node: &&usize| all[**node].pods < nodes[**node].max_pods && takes(**node);
            let has_ports = |node: &usize| spec.host.finds_free(&all[*node].ports);
            let mut roomy = candidates.iter().filter(has_room).peekable();
            if !candidates.iter().any(|node| takes(*node)) {
                "its nodes are cordoned or down"
            } else if roomy.peek().is_none() {
                "no node has room for it"
            } else if roomy.any(has_ports) {
                "no node has what it requests"
            } else {
                "no node has its ports free"
            }
        })
    }
}
