//! Pods, their containers and their endpoints: those that the plan lays out, and those that come during the run.
//!
//! Nothing is ever taken out, so an index means the same pod, container or endpoint for the whole run, and what is under
//! way to a pod that is gone still knows where it was going.

use crate::model::plan::{EndpointPlan, Plan};

/// Everything that exists or existed.
#[derive(Debug)]
pub(crate) struct Roster {
    /// All endpoints; snapshots name them by position.
    pub(crate) endpoints: Vec<EndpointPlan>,
    /// The pod of each station.
    pub(crate) pod_of: Vec<u32>,
}

impl Roster {
    /// What there is when the run begins.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self { endpoints: plan.endpoints.clone(), pod_of: plan.pod_of.clone() }
    }
}
