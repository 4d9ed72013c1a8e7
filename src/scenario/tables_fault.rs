//! The tables of faults in the timeline; see [`shape`](super::shape).

use super::shape::Type::{Count, Dist, Either, List, Number, Object, Ratio, Text, Word};
use super::shape::{Field, Shape, field, required};
use super::tables::MAX_PODS;

/// Where a fault of the network may be.
const BETWEEN: Field = required(
    "between",
    Either(&[Word(&["loopback", "sameNode", "sameZone", "crossZone", "external"]), List(&Text)]),
    "Which hops: a path class, or two of zone/NAME, node/NAME, internet, all (but the other).",
);

/// A fault as an entry of the timeline has it.
const fn fault(key: &'static str, shape: &'static Shape) -> Field {
    field(key, Object(shape), "", shape.doc)
}

/// `timeline[].slowPod`.
static SLOW_POD: Shape = Shape {
    name: "slowPod",
    doc: "Work that a pod begins meanwhile takes longer.",
    fields: &[
        required("pod", Text, "Which, as deployment/web[0]."),
        required("speed", Number, "Its speed, besides its own and its node's."),
    ],
};

/// `timeline[].slowNode`.
static SLOW_NODE: Shape = Shape {
    name: "slowNode",
    doc: "Work that begins meanwhile in the pods of a node takes longer.",
    fields: &[
        required("node", Text, "Its name."),
        required("speed", Number, "The speed of all its pods, besides theirs and the node's."),
    ],
};

/// `timeline[].latencySpike`.
static LATENCY_SPIKE: Shape = Shape {
    name: "latencySpike",
    doc: "Packets that are sent meanwhile take longer.",
    fields: &[
        BETWEEN,
        field("adds", Dist, "", "What a hop takes on top of its usual time."),
        field("times", Number, "", "How many times as long as usual it takes."),
    ],
};

/// `timeline[].trafficSpike`.
static TRAFFIC_SPIKE: Shape = Shape {
    name: "trafficSpike",
    doc: "So many times as many requests of a traffic come meanwhile.",
    fields: &[
        required("traffic", Text, "Its name."),
        required("times", Number, "Above 1 others come besides the usual ones, below 1 some of these do not."),
    ],
};

/// `timeline[].partition`.
static PARTITION: Shape =
    Shape { name: "partition", doc: "No packet that is sent meanwhile arrives.", fields: &[BETWEEN] };

/// `timeline[].packetLoss`.
static PACKET_LOSS: Shape = Shape {
    name: "packetLoss",
    doc: "Some packets that are sent meanwhile do not arrive.",
    fields: &[BETWEEN, required("ratio", Ratio, "Which share.")],
};

/// `timeline[].dnsOutage`.
static DNS_OUTAGE: Shape = Shape {
    name: "dnsOutage",
    doc: "DNS servers of the cluster answer nothing.",
    fields: &[field("servers", Count(1, MAX_PODS), "all", "How many of them.")],
};

/// Every fault, in the order of the documentation.
pub(super) const FAULTS: [Field; 7] = [
    fault("slowPod", &SLOW_POD),
    fault("slowNode", &SLOW_NODE),
    fault("latencySpike", &LATENCY_SPIKE),
    fault("trafficSpike", &TRAFFIC_SPIKE),
    fault("partition", &PARTITION),
    fault("packetLoss", &PACKET_LOSS),
    fault("dnsOutage", &DNS_OUTAGE),
];

/// The table of a fault.
pub(super) fn shape_of(word: &str) -> Option<&'static Shape> {
    FAULTS.iter().find(|fault| fault.key == word).and_then(shape)
}

const fn shape(fault: &Field) -> Option<&'static Shape> {
    if let Object(shape) = fault.value { Some(shape) } else { None }
}

/// Name, parameters with their defaults, and what each fault is.
#[must_use]
pub fn list() -> Vec<Vec<String>> {
    let parameter = |field: &Field| match (field.required, field.default) {
        (true, _) => field.key.to_owned(),
        (false, "") => format!("[{}]", field.key),
        (false, default) => format!("{} (default {default})", field.key),
    };
    let row = |fault: &Field| {
        let parameters: Vec<String> =
            shape(fault).map_or_else(Vec::new, |shape| shape.fields.iter().map(parameter).collect());
        vec![fault.key.to_owned(), parameters.join(", "), fault.doc.trim_end_matches('.').to_owned()]
    };
    FAULTS.iter().map(row).collect()
}
