//! Which nodes a pod may go to, and in kube-scheduler's words why not.

use std::collections::BTreeMap;
use std::fmt;

use super::Scheduler;
use super::taints::{Effect, Taint, Toleration, UNSCHEDULABLE, untolerated};
use super::tally::View;

/// Why a pod fits nowhere: how many nodes are out for which reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfit {
    nodes: u32,
    reasons: BTreeMap<String, u32>,
}

impl Unfit {
    pub(super) fn add(&mut self, reasons: Vec<String>) {
        self.nodes += 1;
        for reason in reasons {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

impl fmt::Display for Unfit {
    /// As in the event `FailedScheduling`: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 {
            return write!(formatter, "no nodes available to schedule pods");
        }
        let mut reasons: Vec<String> = self.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        reasons.sort();
        write!(formatter, "0/{} nodes are available: {}.", self.nodes, reasons.join(", "))
    }
}

impl Scheduler {
    /// The filters in the order of the default plug-ins; the first that refuses says why, that of resources all it lacks.
    pub(super) fn filter(&self, kind: usize, node: usize, view: &View) -> Result<(), Vec<String>> {
        let (pod, spec, taken) = (&self.kinds[kind], &self.nodes[node], &self.taken[node]);
        let no = |reason: &str| Err(vec![reason.to_owned()]);
        if spec.is_unschedulable && !tolerates_cordon(&pod.tolerations) {
            return no("node(s) were unschedulable");
        }
        if let Some(taint) = untolerated(&spec.taints, &pod.tolerations) {
            return Err(vec![format!("node(s) had untolerated taint {{{}: {}}}", taint.key, taint.value)]);
        }
        if !pod.node_affinity.allows(&spec.labels) {
            return no("node(s) didn't match Pod's node affinity/selector");
        }
        if pod.ports.iter().any(|port| taken.ports.contains_key(port)) {
            return no("node(s) didn't have free ports for the requested pod ports");
        }
        let (cpu, memory) = spec.allocatable.lacks(taken.requests, pod.requests);
        let lacks = [
            (taken.pods >= spec.max_pods, "Too many pods"),
            (cpu, "Insufficient cpu"),
            (memory, "Insufficient memory"),
        ];
        if lacks.iter().any(|(lacks, _)| *lacks) {
            return Err(lacks.iter().filter(|(lacks, _)| *lacks).map(|(_, what)| (*what).to_owned()).collect());
        }
        match self.tallies.spreads(kind, node, view) {
            Err(true) => return no("node(s) didn't match pod topology spread constraints (missing required label)"),
            Err(false) => return no("node(s) didn't match pod topology spread constraints"),
            Ok(()) => {}
        }
        if !self.tallies.is_near(kind, node, view) {
            return no("node(s) didn't match pod affinity rules");
        }
        if !self.tallies.is_apart(kind, node) {
            return no("node(s) didn't match pod anti-affinity rules");
        }
        if !self.tallies.is_let_in(kind, node) {
            return no("node(s) didn't satisfy existing pods anti-affinity rules");
        }
        Ok(())
    }
}

/// Whether a pod goes to cordoned nodes, as those of DaemonSets do.
fn tolerates_cordon(tolerations: &[Toleration]) -> bool {
    let cordon = Taint { key: UNSCHEDULABLE.to_owned(), value: String::new(), effect: Effect::NoSchedule };
    tolerations.iter().any(|toleration| toleration.tolerates(&cordon))
}
