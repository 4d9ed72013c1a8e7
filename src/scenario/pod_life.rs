//! The life of pods: what their template says about it, how long its parts take, how a Deployment replaces them.

use crate::manifest::pod_life::RolloutObject;
use crate::random::Dist;
use crate::time::SimDuration;

/// How long the parts of a pod's life take that no manifest knows: `cluster.pods`.
#[derive(Debug, Clone, PartialEq)]
pub struct PodTimes {
    /// From the creation of a pod until the scheduler has given it a node.
    pub schedule: Dist,
    /// From there until the first of its processes starts: volumes, sandbox, network.
    pub start: Dist,
    /// From its deletion until its node's kubelet acts.
    pub stop: Dist,
    /// For how long after the end of a process connections to it are still taken, to be reset.
    pub exit: Dist,
    /// From the end of its last process until its network is gone.
    pub teardown: Dist,
    /// From the end of a process until its node's kubelet has seen it.
    pub detect: Dist,
}

impl PodTimes {
    /// What holds where a scenario says nothing: a pod that pulls no image is ready within 5 s (p99 of the objective of
    /// Kubernetes' scalability group); a kubelet looks for ended containers once a second.
    ///
    /// # Panics
    /// Never: the bounds are in order.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            schedule: Dist::zero(),
            start: Dist::constant(SimDuration::from_secs(2)),
            stop: Dist::zero(),
            exit: Dist::zero(),
            teardown: Dist::constant(SimDuration::from_secs(1)),
            detect: Dist::uniform(0.0, 1.0).expect("the bounds are in order"),
        }
    }
}

/// What a pod template says about the life of its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// For how long its processes may take to end, before they are killed.
    pub grace: SimDuration,
    /// From the readiness of its containers until each readiness gate is open.
    pub gates: Vec<Dist>,
    /// Its containers, in the order of those of the workload.
    pub containers: Vec<ContainerTemplate>,
}

/// What a pod template says about one of its containers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerTemplate {
    /// What it runs.
    pub image: Option<String>,
    /// When it counts as started.
    pub startup: Option<Probe>,
    /// When it is ready.
    pub readiness: Option<Probe>,
    /// When it is killed and started again.
    pub liveness: Option<Probe>,
    /// How long what runs before its signal takes, where there is such a hook.
    pub pre_stop: Option<Dist>,
}

/// A probe of a container, as the kubelet asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// For how long after the start of the process it is not asked.
    pub initial_delay: SimDuration,
    /// How often.
    pub period: SimDuration,
    /// How long an answer may take.
    pub timeout: SimDuration,
    /// How many good answers in a row count.
    pub success: u32,
    /// How many bad ones.
    pub failure: u32,
    /// The grace period of a container that it ends, where it differs from the pod's.
    pub grace: Option<SimDuration>,
    /// Whether a command runs in the container, whatever its server does.
    pub exec: bool,
}

/// What a process does with the signal to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sigterm {
    /// It serves until `stop` has passed, then it ends, whatever it is doing.
    #[default]
    Exit,
    /// It takes no more connections, closes those that are idle, ends what it is doing, then itself.
    Drain,
    /// Nothing.
    Ignore,
}

impl PodLife {
    /// That of pods that nothing is known of.
    #[must_use]
    pub const fn none() -> Self {
        Self { templates: Vec::new(), rollouts: Vec::new(), images: Vec::new(), ready_when_listening: true }
    }
}

/// How a workload replaces its pods, and what is known of them.
#[derive(Debug, Clone, PartialEq)]
pub struct PodLife {
    /// All templates that the workload has in the run; pods begin with the first.
    pub templates: Vec<Template>,
    /// How it goes from one to the next: at the start, and as the timeline changes it.
    pub rollouts: Vec<RolloutObject>,
    /// The images that the timeline sets: of which container, and what.
    pub images: Vec<(usize, String)>,
    /// Whether its pods are ready when they listen, since nobody could write a probe for them.
    pub ready_when_listening: bool,
}
