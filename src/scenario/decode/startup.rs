//! `workloads[].containers.NAME.start` and `.stop`: how long containers take to start and to end.

use super::super::context::Context;
use super::super::startup::Init;
use super::super::values::{self, Bad};
use super::super::{Workload, tables};
use crate::manifest::{InitObject, WorkloadObject};
use crate::time::SimDuration;
use crate::yaml::{Key, Node, Problem};

/// The init containers of a workload, in order; nothing says yet how long they take.
pub(super) fn init(raw: &WorkloadObject) -> Vec<Init> {
    let own = |name: &str| raw.containers.iter().position(|container| container.sidecar && container.name == name);
    let init = |init: &InitObject| Init {
        name: init.name.clone(),
        sidecar: own(&init.name),
        takes: SimDuration::ZERO,
        resources: init.resources,
    };
    raw.init.iter().map(init).collect()
}

/// Whether a name is that of an init container that ends.
pub(super) fn ends(workload: &Workload, name: &str) -> bool {
    workload.init.iter().any(|init| init.sidecar.is_none() && init.name == name)
}

/// Reads how long the containers of a workload take; without a timeline no pod starts or ends.
pub(super) fn times(cx: &mut Context<'_>, workload: &mut Workload, described: &[(Key, Node)], changes: bool) {
    for (key, node) in described {
        if let Some(init) = workload.init.iter_mut().find(|init| init.sidecar.is_none() && init.name == key.name) {
            let object = cx.object(node, &tables::INIT_CONTAINER);
            init.takes = object.and_then(|object| object.duration(cx, "start")).unwrap_or(SimDuration::ZERO);
        } else if let Some(container) = workload.containers.iter_mut().find(|container| container.name == key.name) {
            container.start = duration(cx, node, "start").unwrap_or(SimDuration::ZERO);
            container.stop = duration(cx, node, "stop").unwrap_or(SimDuration::ZERO);
        }
        for word in ["start", "stop"] {
            if let Some(given) = node.get(word).filter(|_| !changes) {
                let message = format!("`{word}` changes nothing: without a `timeline` no pod starts or ends");
                cx.problems.push(Problem::warning(given.span, message));
            }
        }
    }
}

/// A duration of a container, whose keys are checked where its behaviour is read.
fn duration(cx: &mut Context<'_>, node: &Node, key: &str) -> Option<SimDuration> {
    let given = node.get(key)?;
    let read: Result<SimDuration, Bad> = values::duration(given);
    cx.take(given, key, read)
}
