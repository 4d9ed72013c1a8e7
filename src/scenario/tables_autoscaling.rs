//! The tables of `cluster.autoscaling`.

use super::shape::Type::{Duration, List, Object, Ratio, Text, Word};
use super::shape::{Shape, field, required};

/// `cluster.autoscaling`.
pub(super) static AUTOSCALING: Shape = Shape {
    name: "autoscaling",
    doc: "How often HorizontalPodAutoscalers look, and how old what they see is.",
    fields: &[
        field("sync", Duration, "15s", "How often the controller looks at each autoscaler."),
        field("tolerance", Ratio, "10%", "A metric so close to its target changes nothing."),
        field(
            "downscaleStabilization",
            Duration,
            "5m",
            "The window downwards of autoscalers that name none: the highest recommendation in it counts.",
        ),
        field(
            "cpuInitializationPeriod",
            Duration,
            "5m",
            "So long after its start the CPU of a pod counts only if it is ready and was measured since.",
        ),
        field(
            "initialReadinessDelay",
            Duration,
            "30s",
            "A pod that became unready so soon after its start was never ready.",
        ),
        field("metricResolution", Duration, "15s", "How often metrics-server asks the kubelets."),
        field("housekeeping", Duration, "10s", "How often a kubelet looks at what a container has used."),
        field(
            "metrics",
            List(&Object(&METRIC)),
            "[]",
            "What the metrics of types Pods, Object and External are, which no manifest says.",
        ),
    ],
};

/// `cluster.autoscaling.metrics[]`.
pub(super) static METRIC: Shape = Shape {
    name: "scalingMetric",
    doc: "A metric of type Pods, Object or External.",
    fields: &[
        required("name", Text, "Its name in the manifests (`metric.name`)."),
        required(
            "of",
            Word(&["inFlight", "waiting"]),
            "What it measures of each pod of the target, averaged over `metricResolution`: requests in it, or those that wait.",
        ),
    ],
};
