//! Nodes that are cordoned and drained.

use super::Control;
use crate::controllers::disruption::{self, Candidate, Observed, Refusal};
use crate::controllers::drain::{self, Plan as DrainPlan};
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::scenario::node_actions::NodeAction;
use crate::time::SimTime;

/// What became of the nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Whether no new pods come to a node.
    cordoned: Vec<bool>,
    /// Drains under way, and those that ended.
    drains: Vec<Drain>,
}

/// `kubectl drain` of a node.
#[derive(Debug)]
struct Drain {
    node: usize,
    began: SimTime,
    /// Pods whose eviction was refused.
    refused: Vec<u32>,
    /// Pods that it waits for.
    leaving: Vec<u32>,
    has_ended: bool,
}

impl Nodes {
    /// All are as the scenario has them.
    pub(super) fn of(count: usize) -> Self {
        Self { cordoned: vec![false; count], drains: Vec::new() }
    }
}

impl World<'_> {
    fn nodes_mut(&mut self) -> &mut Nodes {
        &mut self.control_mut().nodes
    }

    /// Whether a node is cordoned.
    pub(super) fn is_cordoned(&self, node: usize) -> bool {
        self.control().nodes.cordoned[node]
    }

    /// Whether new pods may come to a node.
    pub(super) fn takes_pods(&self, node: usize) -> bool {
        let control: &Control = self.control.as_ref().expect("only what a timeline began comes here");
        !control.nodes.cordoned[node] && !self.is_unheard_of(node)
    }

    pub(super) fn tell_node(&mut self, at: SimTime, what: &'static str, node: usize, detail: String) {
        let name = &self.plan.scenario.cluster.nodes[node].name;
        self.enter_event(at, what, format!("node/{name}"), detail);
    }

    /// The timeline does something to a node.
    pub(super) fn on_node_action(&mut self, node: usize, action: NodeAction, now: SimTime, schedule: &mut Schedule) {
        match action {
            NodeAction::Cordon => self.cordon(node, true, now, schedule),
            NodeAction::Uncordon => self.cordon(node, false, now, schedule),
            NodeAction::Crash { lasts } => self.node_fails(node, (true, lasts), now, schedule),
            NodeAction::StopKubelet { lasts } => self.node_fails(node, (false, lasts), now, schedule),
            NodeAction::Shutdown { grace } => self.node_shuts_down(node, grace, now, schedule),
            NodeAction::Reclaim => self.tell_node(now, "spot-reclaim", node, "it is taken away in 2m".to_owned()),
            NodeAction::Drain { force } => self.drain_node(node, force, now, schedule),
        }
    }

    fn cordon(&mut self, node: usize, cordoned: bool, now: SimTime, schedule: &mut Schedule) {
        if std::mem::replace(&mut self.nodes_mut().cordoned[node], cordoned) == cordoned {
            return;
        }
        self.tell_node(now, if cordoned { "cordon" } else { "uncordon" }, node, String::new());
        if !cordoned {
            self.place_pending(now, schedule);
        }
    }

    /// `kubectl drain`: the node is cordoned, then all its pods are evicted at the same time.
    fn drain_node(&mut self, node: usize, force: bool, now: SimTime, schedule: &mut Schedule) {
        self.cordon(node, true, now, schedule);
        let on_node = |pod: &u32| {
            let pod = &self.roster.pods[*pod as usize];
            pod.node as usize == node && pod.is_on_node()
        };
        let pods: Vec<drain::Candidate> =
            (0..as_u32(self.roster.pods.len())).filter(on_node).map(|pod| self.drain_candidate(pod)).collect();
        match drain::plan(&pods, force) {
            DrainPlan::Refuse(lost) => {
                let names: Vec<String> =
                    lost.iter().map(|pod| self.roster.name(self.plan, &self.roster.pods[*pod as usize])).collect();
                let detail = format!("nothing is evicted: no controller replaces {}", names.join(", "));
                self.tell_node(now, "drain", node, detail);
            }
            DrainPlan::Evict { evict, wait, .. } => {
                let detail = format!("{} pod{} to evict", evict.len(), if evict.len() == 1 { "" } else { "s" });
                self.tell_node(now, "drain", node, detail);
                let slot = self.nodes_mut().drains.len();
                self.nodes_mut().drains.push(Drain {
                    node,
                    began: now,
                    refused: evict,
                    leaving: wait,
                    has_ended: false,
                });
                self.on_drain_step(as_u32(slot), now, schedule);
            }
        }
    }

    fn drain_candidate(&self, pod: u32) -> drain::Candidate {
        let record = &self.roster.pods[pod as usize];
        let kind = self.plan.scenario.workloads[record.workload as usize].kind.as_str();
        drain::Candidate {
            pod,
            of_daemon_set: kind == "daemonset",
            has_controller: kind != "pod",
            is_deleted: !record.is_wanted(),
        }
    }

    /// A drain tries the evictions that are left, all at the same time.
    pub(crate) fn on_drain_step(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let own = &mut self.nodes_mut().drains[slot as usize];
        let (node, first) = (own.node, own.began == now);
        let waiting = std::mem::take(&mut own.refused);
        for pod in waiting {
            if !self.roster.pods[pod as usize].is_wanted() {
                // Somebody else deleted it; its end is waited for.
                self.nodes_mut().drains[slot as usize].leaving.push(pod);
                continue;
            }
            match self.may_evict(pod) {
                Ok(why) => {
                    let name = &self.plan.scenario.cluster.nodes[node].name;
                    self.tell_pod(now, "pod-evicted", pod, format!("by the drain of {name}{why}"));
                    self.nodes_mut().drains[slot as usize].leaving.push(pod);
                    self.delete_pod(pod, now, schedule);
                    self.reconcile(self.roster.pods[pod as usize].workload as usize, now, schedule);
                }
                Err((budget, refusal)) => {
                    if first {
                        self.tell_pod(now, "eviction-refused", pod, format!("{budget}: {refusal}"));
                    }
                    self.nodes_mut().drains[slot as usize].refused.push(pod);
                }
            }
        }
        if !self.nodes_mut().drains[slot as usize].refused.is_empty() {
            schedule.at(now + drain::RETRY, Rank::Cluster, kind::DRAIN_STEP, slot);
        }
        self.end_drains(now);
    }

    /// Drains whose pods are all gone have ended.
    pub(super) fn end_drains(&mut self, now: SimTime) {
        for slot in 0..self.nodes_mut().drains.len() {
            let pods = &self.roster.pods;
            let control = self.control.as_mut().expect("only what a timeline began comes here");
            let own = &mut control.nodes.drains[slot];
            own.leaving.retain(|pod| pods[*pod as usize].phase != Phase::Gone);
            if own.has_ended || !own.refused.is_empty() || !own.leaving.is_empty() {
                continue;
            }
            own.has_ended = true;
            let (node, took) = (own.node, now - own.began);
            self.tell_node(now, "drained", node, format!("after {took}"));
        }
    }

    /// Whether a pod may be evicted, with what its budget says; else which budget refuses, and how.
    fn may_evict(&self, pod: u32) -> Result<String, (String, Refusal)> {
        let record = &self.roster.pods[pod as usize];
        let candidate =
            Candidate { has_started: record.is_alive(), is_deleted: !record.is_wanted(), is_ready: record.is_ready() };
        let budgets = &self.plan.scenario.budgets;
        let own: Vec<usize> = (0..budgets.len())
            .filter(|index| budgets[*index].workloads.binary_search(&(record.workload as usize)).is_ok())
            .collect();
        let with_status: Vec<_> =
            own.iter().map(|index| (budgets[*index].budget, self.budget_status(*index))).collect();
        match disruption::evict(candidate, &with_status) {
            Ok(()) => Ok(match (&own[..], &with_status[..]) {
                ([index], [(_, status)]) => {
                    format!("; {} has {} healthy of {} needed", budgets[*index].name, status.healthy, status.desired)
                }
                _ => String::new(),
            }),
            Err(refusal) => {
                let names: Vec<&str> = own.iter().map(|index| budgets[*index].name.as_str()).collect();
                Err((names.join(", "), refusal))
            }
        }
    }

    /// The status of a budget, as its controller has it.
    fn budget_status(&self, budget: usize) -> disruption::Status {
        let spec = &self.plan.scenario.budgets[budget];
        let wanted = &self.control.as_ref().expect("only what a timeline began comes here").wanted;
        let managed = |workload: &&usize| self.plan.scenario.workloads[**workload].kind != "pod";
        let mut observed = Observed {
            wanted: spec.workloads.iter().filter(managed).map(|workload| wanted[*workload]).sum(),
            ..Observed::default()
        };
        for pod in &self.roster.pods {
            if pod.phase != Phase::Gone && spec.workloads.binary_search(&(pod.workload as usize)).is_ok() {
                observed.pods += 1;
                observed.healthy += u32::from(pod.is_ready());
            }
        }
        disruption::status(spec.budget, observed)
    }
}
