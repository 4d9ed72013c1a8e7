//! The order in which the containers of a pod start and end.
//!
//! Init containers one after the other: an ordinary one must have ended, a sidecar (`restartPolicy: Always`) must have
//! started, before the next begins. Then all others at once. When the pod ends, those first, and when the last of them has
//! ended the sidecars, one after the other, from the last to the first. Source: Kubernetes, KEP-753.

use super::Workload;
use crate::manifest::resources::{Amounts, Resources, of_pod};
use crate::random::Dist;

/// An init container, in the order of the manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Init {
    /// Its name.
    pub name: String,
    /// Index of the container, where it goes on running.
    pub sidecar: Option<usize>,
    /// How long it runs, where it does not.
    pub takes: Dist,
    /// What it asks for.
    pub resources: Resources,
}

impl super::Scenario {
    /// Whether containers may drain during the run.
    #[must_use]
    pub fn drains(&self) -> bool {
        let drains = |container: &super::Container| container.sigterm == super::pod_life::Sigterm::Drain;
        self.cluster.lives && self.workloads.iter().any(|workload| workload.containers.iter().any(drains))
    }
}

impl Workload {
    /// The CPU and memory that a pod asks for, by which it is placed.
    #[must_use]
    pub fn pod_requests(&self) -> Amounts {
        let sidecar = |index: usize| self.init.iter().any(|init| init.sidecar == Some(index));
        let own = self.containers.iter().enumerate().filter(|(index, _)| !sidecar(*index));
        let init = self.init.iter().map(|init| (init.sidecar.is_some(), init.resources.requests));
        of_pod(init, own.map(|(_, container)| container.resources.requests))
    }

    /// The containers that are no init containers.
    pub fn main_containers(&self) -> impl Iterator<Item = usize> {
        (0..self.containers.len()).filter(|own| !self.is_sidecar(*own))
    }

    /// Whether a container is an init container that goes on running.
    #[must_use]
    pub fn is_sidecar(&self, container: usize) -> bool {
        self.init.iter().any(|init| init.sidecar == Some(container))
    }

    /// Those, in the order in which they start.
    pub fn sidecars(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.init.iter().filter_map(|init| init.sidecar)
    }
}
