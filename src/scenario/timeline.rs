//! What happens to the cluster while traffic flows.

use super::node_actions::NodeAction;
use crate::time::SimDuration;

/// An entry of `spec.timeline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happening {
    /// When, from the start of the run.
    pub at: SimDuration,
    /// What.
    pub action: Action,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A Deployment or ReplicaSet is to have so many pods.
    Scale {
        /// Index of the workload.
        workload: usize,
        /// How many.
        replicas: u32,
    },
    /// A pod is deleted; its controller makes another.
    DeletePod(PodRef),
    /// The pods of a Deployment are replaced by others of the same template.
    Restart {
        /// Index of the workload.
        workload: usize,
    },
    /// Another image for a container: another template.
    SetImage {
        /// Index of the workload.
        workload: usize,
        /// Which of the images of its [`PodLife`](super::pod_life::PodLife).
        image: usize,
    },
    /// Another template, as a manifest has it.
    Template {
        /// Index of the workload.
        workload: usize,
        /// Which of the templates of its [`PodLife`](super::pod_life::PodLife).
        template: usize,
    },
    /// Another strategy, as a manifest has it.
    Rollout {
        /// Index of the workload.
        workload: usize,
        /// Which of the rollouts of its [`PodLife`](super::pod_life::PodLife).
        rollout: usize,
    },
    /// A Deployment stops in the middle of a rollout, or goes on.
    Pause {
        /// Index of the workload.
        workload: usize,
        /// Whether it stops.
        paused: bool,
    },
    /// Back to the template before the last.
    Undo {
        /// Index of the workload.
        workload: usize,
    },
    /// A process of a pod ends by itself, as after a crash or for want of memory.
    Crash(PodRef),
    /// A pod's readiness probe fails from now on: it gets no new connections, and goes on serving.
    NotReady(PodRef),
    /// It succeeds again.
    Ready(PodRef),
    /// Something is done to a node.
    Node {
        /// Index of the node.
        node: usize,
        /// What.
        action: NodeAction,
    },
    /// From now on pods of a workload are killed, each equally likely, after exponential times.
    Kill {
        /// Index of the workload.
        workload: usize,
        /// Mean time between two kills.
        every: SimDuration,
        /// When it ends, from the start of the run.
        until: Option<SimDuration>,
        /// Whether the pod is there again at once, empty; otherwise its controller makes another.
        instant: bool,
    },
    /// A Service comes, changes or goes.
    Service {
        /// Index of its first port among the scenario's Services.
        first: usize,
        /// How many ports it has.
        count: usize,
        /// Which of its eras begins.
        era: usize,
    },
    /// A fault begins or ends.
    Fault {
        /// Index among the scenario's faults.
        fault: usize,
        /// Whether it begins.
        begins: bool,
    },
}

impl Action {
    /// Whether pods may be replaced by others of another template.
    #[must_use]
    pub const fn begins_rollout(self) -> bool {
        matches!(self, Self::Restart { .. } | Self::SetImage { .. } | Self::Template { .. } | Self::Undo { .. })
    }
}

impl super::Scenario {
    /// Whether its timeline has rollouts.
    #[must_use]
    pub fn has_rollouts(&self) -> bool {
        self.timeline.iter().any(|happening| happening.action.begins_rollout())
    }
}

/// A pod by its number among all pods that its workload ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodRef {
    /// Index of the workload.
    pub workload: usize,
    /// From 0.
    pub number: u32,
}
