//! The tables of how news of endpoints travels.

use super::shape::Type::{Dist, Duration, Either, Object, Ratio, Word};
use super::shape::{Shape, field};

/// `cluster.propagation`.
pub(super) static PROPAGATION: Shape = Shape {
    name: "propagation",
    doc: "How long a change of endpoints takes to reach who acts on it.",
    fields: &[
        field(
            "preset",
            Word(&["small", "medium", "large"]),
            "",
            "Delays of clusters of about 100, 1,000 and 5,000 nodes; what stands beside it holds instead.",
        ),
        field("endpointSlices", Dist, "0s", "How long the EndpointSlice controller takes for a Service."),
        field(
            "conflicts",
            Ratio,
            "0%",
            "How many writes that follow another at once fail, and are tried again after a second.",
        ),
        field(
            "kubeProxy",
            Either(&[Dist, Object(&RULES)]),
            "300ms",
            "Until a kube-proxy has programmed it, or how it is told and writes rules.",
        ),
        field("proxies", Dist, "100ms", "Until proxies act on it."),
        field("clients", Dist, "30s", "Until clients that balance by themselves act on it."),
        field("dns", Dist, "100ms", "Until the cluster's DNS servers answer so."),
    ],
};

/// `cluster.propagation.kubeProxy`, where rules are written in runs.
pub(super) static RULES: Shape = Shape {
    name: "way of writing rules",
    doc: "How a kube-proxy is told, and when it writes rules.",
    fields: &[
        field("watch", Dist, "0s", "From the write of an EndpointSlice until a node has been told."),
        field("minSync", Duration, "1s", "The least time between two runs (`minSyncPeriod`)."),
        field("sync", Dist, "by mode and Services", "How long a run takes; the rules are new at its end."),
    ],
};

/// `cluster.nodes[].kubeProxy`.
pub(super) static NODE_RULES: Shape = Shape {
    name: "kube-proxy of a node",
    doc: "What a node's kube-proxy does otherwise than the others.",
    fields: &[field("minSync", Duration, "that of the cluster", "The least time between two runs.")],
};
