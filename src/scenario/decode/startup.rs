//! The init containers of a workload.

use super::super::Workload;
use super::super::startup::Init;
use crate::manifest::{InitObject, WorkloadObject};
use crate::random::Dist;

/// The init containers of a workload, in order; nothing says yet how long they take.
pub(super) fn init(raw: &WorkloadObject) -> Vec<Init> {
    let own = |name: &str| raw.containers.iter().position(|container| container.sidecar && container.name == name);
    let init = |init: &InitObject| Init {
        name: init.name.clone(),
        sidecar: own(&init.name),
        takes: Dist::zero(),
        resources: init.resources,
    };
    raw.init.iter().map(init).collect()
}

/// Whether a name is that of an init container that ends.
pub(super) fn ends(workload: &Workload, name: &str) -> bool {
    workload.init.iter().any(|init| init.sidecar.is_none() && init.name == name)
}
