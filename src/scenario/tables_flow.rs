//! The tables of what traffics and calls have in common: connections, balancers, retries.

use super::shape::Type::{
    Bool, Count, Duration, Either, List, Number, Object, OfPolicies, Quantity, Ratio, Text, Word,
};
use super::shape::{Field, Shape, field, required};

use crate::balance::POLICIES;

const MANY: u64 = u32::MAX as u64;

/// What traffics and calls have in common.
pub(super) const FLOW_FIELDS: [Field; 9] = [
    field("through", Text, "", "Name of the proxy that the requests pass."),
    field("connections", Object(&CONNECTIONS), "", "How connections are opened, kept and shared."),
    field(
        "balancer",
        Object(&BALANCER),
        "kube-proxy picks per connection",
        "The client's own balancer, where it has one.",
    ),
    field(
        "timeout",
        Either(&[Duration, Word(&["none"])]),
        "none",
        "Longest wait for the answer, all attempts included.",
    ),
    field("retries", RETRIES_OR_NONE, "none", "Further attempts."),
    field(
        "cancellation",
        Word(&["none", "propagated"]),
        "none",
        "Whether the server stops work that its client gave up.",
    ),
    field("demand", Word(&["attempt", "request"]), "attempt", "Whether each attempt draws its own service demand."),
    field("requestSize", Quantity, "0", "Bytes of a request, as 2Ki: for `nodes.csv`, and for `bandwidth`."),
    field("responseSize", Quantity, "0", "Bytes of a reply."),
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
            Word(&["http1", "http2", "grpc", "tcp", "udp"]),
            "http1",
            "http2 and grpc carry many requests at a time, udp too; http1 and tcp one.",
        ),
        field("keepAlive", Bool, "true", "`false` is short for `mode: perRequest`."),
        field(
            "maxPerClient",
            Either(&[Count(1, MANY), Word(&["unlimited"])]),
            "unlimited",
            "Most connections of a client to a target.",
        ),
        field("order", Word(&["lifo", "fifo"]), "lifo", "Which idle connection is used next."),
        field("channels", Count(1, 10_000), "1", "Connections of an HTTP/2 client that its requests take in turn."),
        field(
            "maxConcurrentStreams",
            Either(&[Count(1, MANY), Word(&["unlimited"])]),
            "unlimited",
            "Requests that an HTTP/2 connection carries at once.",
        ),
        field(
            "maxIdle",
            Either(&[Count(0, MANY), Word(&["unlimited"])]),
            "unlimited",
            "Idle connections that a pool keeps; further ones are closed.",
        ),
        field("idleTimeout", Duration, "none", "After how long without a request the client closes."),
        field("serverIdleTimeout", Duration, "none", "After how long without a request the other end closes."),
        field(
            "maxRequests",
            Either(&[Count(1, MANY), Word(&["unlimited"])]),
            "unlimited",
            "After how many requests a connection is closed.",
        ),
        field("maxConnectionAge", Duration, "none", "The age at which the other end closes, ±10 % a connection."),
        field("maxConnectionAgeGrace", Duration, "none", "How long requests may go on after it."),
        field("connectTimeout", Duration, "the kernel's; 5s of a proxy", "After how long the opener gives up."),
        field("tls", Either(&[Word(&["1.3", "1.2"]), Object(&TLS)]), "none; 1.3 for https", "The handshake of TLS."),
        field(
            "staleReuse",
            Word(&["fail", "resend"]),
            "fail",
            "What becomes of a request that meets a connection just closed by the other end.",
        ),
        field(
            "noticesClose",
            Bool,
            "true",
            "Whether the pool sees that a pod has closed an idle connection when it ended; else the next request fails on it.",
        ),
    ],
};

/// `connections.tls`.
pub(super) static TLS: Shape = Shape {
    name: "tls",
    doc: "The handshake of TLS, when a connection is opened.",
    fields: &[
        field("version", Word(&["1.3", "1.2"]), "1.3", "One round trip, or two."),
        field("cpu", Duration, "500us", "Work at both ends."),
    ],
};

/// `cluster.kernel`.
pub(super) static KERNEL: Shape = Shape {
    name: "kernel",
    doc: "What the kernels of nodes allow and forget.",
    fields: &[
        field("version", Text, "6.8", "Linux, MAJOR.MINOR; decides when SYNs are sent again."),
        field("conntrack", Object(&CONNTRACK), "never full", "The table of connections of each node."),
        field(
            "sourcePorts",
            Object(&SOURCE_PORTS),
            "unlimited",
            "Ports from which an address connects to a destination.",
        ),
    ],
};

/// `cluster.kernel.conntrack`.
pub(super) static CONNTRACK: Shape = Shape {
    name: "conntrack",
    doc: "The table of connections of each node.",
    fields: &[
        field(
            "max",
            Either(&[Count(1, MANY), Word(&["auto"])]),
            "auto",
            "Most entries; auto is 32,768 a core, at least 131,072.",
        ),
        field("timeWait", Duration, "120s", "How long a closed connection is remembered."),
        field("close", Duration, "10s", "How long one that was reset is."),
        field("synSent", Duration, "120s", "How long one that nobody answered is."),
        field("udp", Duration, "30s", "How long a datagram and its answer are, a query for a name among them."),
    ],
};

/// `cluster.kernel.sourcePorts`.
pub(super) static SOURCE_PORTS: Shape = Shape {
    name: "sourcePorts",
    doc: "Ports from which an address connects to a destination.",
    fields: &[
        field("count", Count(1, 65_535), "28232", "How many there are."),
        field("timeWait", Duration, "60s", "How long the side that closes first keeps a port."),
    ],
};

/// `balancer`: the policy, and every parameter that one of the policies lists.
pub(super) static BALANCER: Shape =
    Shape { name: "balancer", doc: "Which endpoint gets a request.", fields: &BALANCER_FIELDS };

const BALANCER_FIELDS: [Field; 1 + PARAMETERS.1] = {
    let mut fields = [required("policy", Word(POLICY_NAMES), "The policy."); 1 + PARAMETERS.1];
    let mut index = 0;
    while index < PARAMETERS.1 {
        let key = PARAMETERS.0[index];
        fields[1 + index] = if equal(key, "slowStart") {
            field(key, SLOW_START_OR_NONE, "none", SLOW_START_DOC)
        } else if equal(key, "picks") {
            field(key, PICKS, "", "Pods in the order in which they were picked: their names, or numbers from 0.")
        } else {
            field(key, OfPolicies(key), "", "A parameter of some policies.")
        };
        index += 1;
    }
    fields
};

/// The names of all parameters of policies, each once, and how many there are.
const PARAMETERS: ([&str; MOST_PARAMETERS], usize) = {
    let mut keys = [""; MOST_PARAMETERS];
    let mut count = 0;
    let mut policy = 0;
    while policy < POLICIES.len() {
        let parameters = POLICIES[policy].parameters;
        let mut index = 0;
        while index < parameters.len() {
            let mut known = 0;
            while known < count && !equal(keys[known], parameters[index].key) {
                known += 1;
            }
            if known == count {
                keys[count] = parameters[index].key;
                count += 1;
            }
            index += 1;
        }
        policy += 1;
    }
    (keys, count)
};

/// More than there are; one too few does not compile.
const MOST_PARAMETERS: usize = 64;

/// Whether two texts are equal, before the program runs.
const fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

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

const PICKS: super::shape::Type = Either(&[List(&Either(&[Count(0, MANY), Text])), Object(&super::tables::MEASURED)]);
const RETRIES_OR_NONE: super::shape::Type = Either(&[Object(&RETRIES), Word(&["none"])]);
const SLOW_START_OR_NONE: super::shape::Type = Either(&[Word(&["none"]), Object(&SLOW_START)]);

const SLOW_START_DOC: &str = "How endpoints that come during the run begin with a part of their weight.";

/// `balancer.slowStart`.
pub(super) static SLOW_START: Shape = Shape {
    name: "slowStart",
    doc: SLOW_START_DOC,
    fields: &[
        required("window", Duration, "How long a balancer takes an endpoint for new."),
        field("aggression", Number, "1", "Weights grow as (age / window)^(1 / aggression)."),
        field("minWeightPercent", Number, "10", "The least part of its weight, in percent."),
    ],
};

/// `retries`.
pub(super) static RETRIES: Shape = Shape {
    name: "retries",
    doc: "Further attempts.",
    fields: &[
        field("attempts", Either(&[Count(1, MANY), Word(&["unlimited"])]), "2", "Tries in all."),
        field("perTry", Either(&[Duration, Word(&["none"])]), "none", "Longest wait for one try."),
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
        field(
            "budget",
            Either(&[Ratio, Word(&["none"])]),
            "none",
            "Retries as a share of first tries, saved up over 10 s.",
        ),
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
