//! The tables of what a container's process is like: `cold`, `breakdown`, and `cluster.cpu`.

use super::shape::Type::{Bool, Dist, Duration, Rate, Word};
use super::shape::{Shape, field, required};

/// `containers.NAME.cold`.
pub(super) static COLD: Shape = Shape {
    name: "cold",
    doc: "A container that has to start again after it was idle.",
    fields: &[
        field("when", Word(&["idle"]), "idle", "As soon as nobody is in it."),
        required("start", Dist, "How long it starts when the next request comes; requests wait for it."),
    ],
};

/// `containers.NAME.breakdown`.
pub(super) static BREAKDOWN: Shape = Shape {
    name: "breakdown",
    doc: "A process that stalls at times without dying; its queue stays, and requests still come.",
    fields: &[
        required("up", Dist, "From a repair until it breaks down again, busy or not."),
        required("repair", Dist, "How long it stands still."),
        field(
            "inService",
            Word(&["resume", "fail"]),
            "resume",
            "Requests in service go on where they were, or fail with `reset` at once.",
        ),
    ],
};

/// `cluster.cpu`.
pub(super) static CPU: Shape = Shape {
    name: "cpu",
    doc: "What nodes do about CPU.",
    fields: &[
        field("quota", Bool, "true", "Whether limits of CPU hold (the kubelet's cpuCFSQuota)."),
        field("period", Duration, "100ms", "The period of the quota (the kubelet's cpuCFSQuotaPeriod), 1ms to 1s."),
        field(
            "contention",
            Bool,
            "false",
            "Whether the containers of a node share its `cpu` by their requests when they want more.",
        ),
    ],
};

/// `timeline[].kill`.
pub(super) static KILL: Shape = Shape {
    name: "kill",
    doc: "Pods of the target are killed at random times, each equally likely: whatever is in them is reset.",
    fields: &[
        required("rate", Rate, "How often, on average, among all its pods."),
        field(
            "replacement",
            Word(&["instant", "controller"]),
            "controller",
            "The pod is there again at once, empty, or its controller makes another.",
        ),
    ],
};
