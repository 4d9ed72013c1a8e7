//! The tables of the life of pods; see [`shape`](super::shape).

use super::shape::Type::{Bool, Dist, Map};
use super::shape::{Shape, field};

/// `cluster.pods`.
pub(super) static PODS: Shape = Shape {
    name: "pods",
    doc: "How long pods take to start and to stop.",
    fields: &[
        field("schedule", Dist, "0s", "From the creation of a pod until it has a node."),
        field("start", Dist, "2s", "From there until the first of its processes starts."),
        field(
            "stop",
            Dist,
            "0s",
            "From the deletion of a pod until its node's kubelet acts; it goes on serving until then.",
        ),
        field(
            "exit",
            Dist,
            "0s",
            "For how long after the end of a process connections to it are taken, and then reset.",
        ),
        field("teardown", Dist, "1s", "From the end of a pod's processes until its network is gone."),
        field(
            "detect",
            Dist,
            "{uniform: {min: 0s, max: 1s}}",
            "From the end of a process until the kubelet has seen it.",
        ),
        field(
            "live",
            Bool,
            "whether there is a timeline",
            "Whether kubelets probe containers and start them again, where nothing else changes the cluster.",
        ),
    ],
};

/// `workloads[].readinessGates`.
pub(super) const GATES: super::shape::Field = field(
    "readinessGates",
    Map(&Dist),
    "0s",
    "How long after its containers are ready each readiness gate of a pod opens, by condition.",
);
