//! The tables of what traffics and calls have in common: connections, balancers, retries.

use super::shape::Type::{Bool, Count, Duration, Either, List, Object, Ratio, Text, Word};
use super::shape::{Field, Shape, field, later, required};

use crate::balance::{MAX_WEIGHT, POLICIES};

const MANY: u64 = u32::MAX as u64;

/// Envoy's limits on rings and tables.
const MAX_RING: u64 = 8_388_608;
const MAX_TABLE: u64 = 5_000_011;

/// What traffics and calls have in common.
pub(super) const FLOW_FIELDS: [Field; 7] = [
    field("through", Text, "", "Name of the proxy that the requests pass."),
    field("connections", Object(&CONNECTIONS), "", "How connections are opened, kept and shared."),
    field(
        "balancer",
        Object(&BALANCER),
        "kube-proxy picks per connection",
        "The client's own balancer, where it has one.",
    ),
    field("timeout", Duration, "none", "Longest wait for the answer, all attempts included."),
    field("retries", Object(&RETRIES), "none", "Further attempts."),
    field(
        "cancellation",
        Word(&["none", "propagated"]),
        "none",
        "Whether the server stops work that its client gave up.",
    ),
    field("demand", Word(&["attempt", "request"]), "attempt", "Whether each attempt draws its own service demand."),
];

/// `connections`.
pub(super) static CONNECTIONS: Shape = Shape {
    name: "connections",
    doc: "How connections are opened, kept and shared.",
    fields: &[
        field(
            "mode",
            Word(&["perRequest", "pool", "pinned"]),
            "pool",
            "A connection for each request, from a pool, or one a client for the whole run.",
        ),
        field(
            "protocol",
            Word(&["http1", "http2"]),
            "http1",
            "http2 carries many requests at a time over connections that are open before the start.",
        ),
        field("keepAlive", Bool, "true", "`false` is short for `mode: perRequest`."),
        field(
            "maxPerClient",
            Either(&[Count(1, MANY), Word(&["unlimited"])]),
            "unlimited",
            "Most connections of a client to a target.",
        ),
        field("order", Word(&["lifo", "fifo"]), "lifo", "Which idle connection is used next."),
        later("channels", "gRPC channels."),
        later("maxConnectionAge", "When a connection is closed for its age."),
    ],
};

/// `balancer`.
pub(super) static BALANCER: Shape = Shape {
    name: "balancer",
    doc: "Which endpoint gets a request.",
    fields: &[
        required("policy", Word(POLICY_NAMES), "The policy."),
        field(
            "choices",
            Either(&[Count(1, MANY), Word(&["all"])]),
            "all",
            "least-request: how many endpoints it compares.",
        ),
        field("replacement", Bool, "false", "least-request: whether the same endpoint may be drawn twice."),
        field(
            "weights",
            List(&Count(0, MAX_WEIGHT as u64)),
            "all 1",
            "Weighted policies: one weight for each endpoint, in their order.",
        ),
        field(
            "start",
            Either(&[Count(0, 1_000_000), Word(&["random"])]),
            "random",
            "Policies that take turns: anywhere in the cycle, or as if so many picks had been made.",
        ),
        field(
            "limit",
            Either(&[Count(1, MANY), Word(&["unlimited"])]),
            "unlimited",
            "first: outstanding requests that fill an endpoint.",
        ),
        field("decay", Duration, "10s", "peak-ewma: time in which an estimate falls to 1/e."),
        field("defaultRtt", Duration, "30ms", "peak-ewma: the estimate of an endpoint that never replied."),
        field("minRingSize", Count(1, MAX_RING), "1024", "ring-hash: least number of points on the ring."),
        field("maxRingSize", Count(1, MAX_RING), "8388608", "ring-hash: greatest number of points on the ring."),
        field("tableSize", Count(2, MAX_TABLE), "65537", "maglev: number of slots, a prime number."),
        field(
            "firstAddress",
            Text,
            "10.0.0.1:80",
            "ring-hash, maglev: what is hashed of the first endpoint; the others count up from it.",
        ),
        field(
            "balanceFactor",
            Either(&[Count(100, 100_000), Word(&["none"])]),
            "none",
            "ring-hash, maglev: most that an endpoint may have outstanding, in percent of its share.",
        ),
        field(
            "overflow",
            Word(&["random", "clockwise"]),
            "random",
            "ring-hash: where requests beyond balanceFactor go, to any other endpoint or to the next on the ring.",
        ),
        field(
            "rule",
            Word(&["active", "active-plus-one"]),
            "active",
            "weighted-least-request: what is compared, active/weight or (active + 1)/weight.",
        ),
        field(
            "ties",
            Word(&["random", "first"]),
            "random",
            "weighted-least-request: which of several equals is taken.",
        ),
        field(
            "timeout",
            Either(&[Duration, Word(&["none"])]),
            "none",
            "sticky: a client that asked nothing for longer is forgotten.",
        ),
    ],
};

/// The policies that may be named: those of the one list of them.
pub(super) const POLICY_NAMES: &[&str] = &{
    let mut names = [""; POLICIES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = POLICIES[index].name;
        index += 1;
    }
    names
};

/// `retries`.
pub(super) static RETRIES: Shape = Shape {
    name: "retries",
    doc: "Further attempts.",
    fields: &[
        field("attempts", Either(&[Count(1, MANY), Word(&["unlimited"])]), "2", "Tries in all."),
        field("perTry", Duration, "none", "Longest wait for one try."),
        field(
            "on",
            List(&Text),
            "[connect-failure, 5xx, timeout]",
            "Failure causes, or groups of them, that are tried again.",
        ),
        field(
            "backoff",
            Either(&[Word(&["none"]), Object(&BACKOFF)]),
            "none",
            "Pause before the i-th retry: up to min(max, base·2^i).",
        ),
        field("jitter", Word(&["full", "none"]), "full", "Uniform between zero and the limit, or exactly the limit."),
        field("budget", Ratio, "none", "Retries as a share of first tries, saved up over 10 s."),
    ],
};

/// `retries.backoff`.
pub(super) static BACKOFF: Shape = Shape {
    name: "backoff",
    doc: "Exponential back-off.",
    fields: &[
        required("base", Duration, "Limit of the first pause."),
        field("max", Duration, "10 × base", "Longest pause."),
    ],
};
