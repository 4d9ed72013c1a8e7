//! PodDisruptionBudgets, with the workloads whose pods they are for.

use super::context::Context;
use super::objects::Objects;
use crate::controllers::disruption::Budget;
use crate::manifest;

/// A PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// `web`, or `shop/web` outside the namespace `default`.
    pub name: String,
    /// What it wants.
    pub budget: Budget,
    /// Indices of the workloads whose pods it selects, ascending.
    pub workloads: Vec<usize>,
}

/// The budgets of the manifests.
pub(super) fn budgets(cx: &mut Context<'_>, manifests: &manifest::Objects, objects: &Objects) -> Vec<DisruptionBudget> {
    let mut budgets = Vec::new();
    for raw in &manifests.budgets {
        let selects = |workload: &manifest::WorkloadObject| {
            workload.namespace == raw.namespace
                && raw.selector.as_ref().is_some_and(|selector| selector.selects(&workload.labels))
        };
        let workloads: Vec<usize> =
            (0..objects.workloads.len()).filter(|index| selects(&objects.workloads[*index])).collect();
        let prefix = if raw.namespace == "default" { String::new() } else { format!("{}/", raw.namespace) };
        if workloads.is_empty() {
            cx.ignore(format!("{prefix}PodDisruptionBudget/{}", raw.name), "it selects no pods".to_owned());
        } else {
            budgets.push(DisruptionBudget { name: format!("{prefix}{}", raw.name), budget: raw.budget, workloads });
        }
    }
    budgets
}
