//! The tables of the ways into the cluster; see [`shape`](super::shape).

use super::shape::Type::{Count, Dist, Duration, Object, Text, Word};
use super::shape::{Shape, field, required};
use super::tables::{MAX_CLIENTS, MAX_WORKERS, OVERHEAD};
use super::tables_flow::{BALANCER, CONNECTIONS};

/// `traffic[].from.internet`.
pub(super) static INTERNET: Shape = Shape {
    name: "internet",
    doc: "Clients outside the cluster.",
    fields: &[
        field(
            "nodes",
            Word(&["random", "round-robin", "per-client"]),
            "random",
            "How a client chooses a node for a connection, where the URL's host is `nodes`.",
        ),
        field("addresses", Count(1, MAX_CLIENTS), "one per client", "How many addresses all clients share (NAT)."),
    ],
};

/// `cluster.loadBalancers`.
pub(super) static LOAD_BALANCERS: Shape = Shape {
    name: "loadBalancers",
    doc: "What a cloud puts before Services of type LoadBalancer; each of their ports has one of its own.",
    fields: &[
        field(
            "implementation",
            Word(&["round-robin", "least-connections", "hash", "maglev"]),
            "round-robin",
            "How it chooses a target for a connection.",
        ),
        field(
            "hash",
            Word(&["5-tuple", "client"]),
            "5-tuple",
            "What `hash` and `maglev` hash: the connection, or the client's address.",
        ),
        field("targets", Word(&["nodes", "pods"]), "nodes", "Whether it sends to node ports or straight to pods."),
        field("latency", Dist, "0s", "Time in it, each way."),
        field("healthCheck", Object(&HEALTH_CHECK), "", "How it finds out which targets are well."),
        field(
            "deregistrationDelay",
            Duration,
            "300s",
            "How long idle connections to a pod last that was taken out of the list.",
        ),
    ],
};

/// `cluster.loadBalancers.healthCheck`.
pub(super) static HEALTH_CHECK: Shape = Shape {
    name: "healthCheck",
    doc: "How a load balancer finds out which targets are well.",
    fields: &[
        field("interval", Duration, "10s", "How often it looks at each target."),
        field("threshold", Count(1, 1_000), "3", "Failed looks in a row that end its connections."),
        field("healthyThreshold", Count(1, 1_000), "the threshold", "Good looks in a row that bring them back."),
    ],
};

/// `cluster.ingress[]`.
pub(super) static INGRESS: Shape = Shape {
    name: "ingress",
    doc: "An ingress controller: it reads the Ingresses and Gateways of its class, and endpoints itself.",
    fields: &[
        required("class", Text, "The class of its Ingresses (`ingressClassName`) or Gateways (`gatewayClassName`)."),
        field(
            "implementation",
            Word(&["ingress-nginx", "envoy"]),
            "ingress-nginx",
            "How it learns of endpoints: its workers poll, or they are told.",
        ),
        required("target", Text, "The workload that it runs in, `kind/name` or `namespace/kind/name`."),
        field(
            "service",
            Text,
            "the one that selects its pods",
            "The Service that leads to it, `service/NAMESPACE/NAME`.",
        ),
        field(
            "workers",
            Count(1, MAX_WORKERS),
            "the CPUs of its first node, else 1",
            "Workers of each pod; every worker balances on its own.",
        ),
        field(
            "balancer",
            Object(&BALANCER),
            "{policy: round-robin}",
            "How each worker chooses among the pods of a Service.",
        ),
        field("overhead", Object(&OVERHEAD), "", "Handling time."),
        field("connections", Object(&CONNECTIONS), "kept alive, unlimited", "Connections to the pods."),
        field(
            "tries",
            Count(1, 100),
            "3; 1 for envoy",
            "To how many pods it sends a request at most, while connections fail (`proxy-next-upstream`).",
        ),
        field("sync", Object(&SYNC), "", "How changes of endpoints get to its workers."),
    ],
};

/// `cluster.ingress[].sync`.
pub(super) static SYNC: Shape = Shape {
    name: "sync",
    doc: "How changes of endpoints get to a controller's workers.",
    fields: &[
        field("delay", Duration, "100ms", "From the change until the controller is told."),
        field("interval", Duration, "3333ms with ingress-nginx", "Shortest time between two times that it acts on it."),
        field("poll", Duration, "1s with ingress-nginx", "How often a worker looks for it."),
    ],
};

/// `cluster.nat`.
pub(super) static NAT: Shape = Shape {
    name: "nat",
    doc: "Who gives connections that leave the cluster another address.",
    fields: &[
        field("by", Word(&["node", "gateway"]), "node", "Each node for its pods, or one gateway for all."),
        field("ports", Count(1, 64_512), "64512", "How many connections to one destination it has ports for."),
        field("hold", Duration, "120s", "For how long a port stays taken after its connection."),
    ],
};
