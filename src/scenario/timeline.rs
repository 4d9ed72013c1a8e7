//! What happens to the cluster while traffic flows.

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
    /// A pod's readiness probe fails from now on: it gets no new connections, and goes on serving.
    NotReady(PodRef),
    /// It succeeds again.
    Ready(PodRef),
    /// A Service comes, changes or goes.
    Service {
        /// Index of its first port among the scenario's Services.
        first: usize,
        /// How many ports it has.
        count: usize,
        /// Which of its eras begins.
        era: usize,
    },
}

/// A pod by its number among all pods that its workload ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodRef {
    /// Index of the workload.
    pub workload: usize,
    /// From 0.
    pub number: u32,
}

/// How long pods and news of them take: `cluster.pods` and `cluster.propagation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// From the creation of a pod until it is ready.
    pub start: SimDuration,
    /// From the deletion of a pod until its processes end; until then it goes on serving.
    pub stop: SimDuration,
    /// From a change of endpoints until kube-proxies have programmed it.
    pub kube_proxy: SimDuration,
    /// The same, of proxies.
    pub proxy: SimDuration,
    /// The same, of clients that balance by themselves.
    pub client: SimDuration,
    /// The same, of the cluster's DNS servers.
    pub dns: SimDuration,
}

impl Lifecycle {
    /// What holds where a scenario says nothing. A pod that pulls no image is ready within 5 s (p99 of the SLO of
    /// Kubernetes' scalability group). Of a small cluster's kube-proxies half act within 0.3 s; an Envoy that is told by
    /// xDS acts within a tenth of a second; a client that asks DNS hears when the answer's 30 s (CoreDNS) are over.
    pub const USUAL: Self = Self {
        start: SimDuration::from_secs(2),
        stop: SimDuration::ZERO,
        kube_proxy: SimDuration::from_millis(300),
        proxy: SimDuration::from_millis(100),
        client: SimDuration::from_secs(30),
        dns: SimDuration::from_millis(100),
    };
}
