//! The tables of the scenario format; see [`shape`](super::shape).

use super::shape::Type::{
    self, Any, Bool, Count, Dist, Duration, Either, List, Map, Number, Object, Ratio, Text, Word,
};
use super::shape::{Field, Shape, field, later, required};
use super::tables_dns::RESOLVER_FIELD;
use super::tables_fault::FAULTS;
use super::tables_flow::{BALANCER, CONNECTIONS, FLOW_FIELDS};

/// Most pods a scenario may have.
pub(super) const MAX_PODS: u64 = 200_000;
/// Most clients a traffic may have.
pub(super) const MAX_CLIENTS: u64 = 10_000_000;
/// Most nodes.
pub(super) const MAX_NODES: u64 = 100_000;
/// Most workers of all instances of a proxy.
pub(super) const MAX_WORKERS: u64 = 100_000;
/// Most replications.
const MAX_REPLICATIONS: u64 = 10_000_000;
const MANY: u64 = u32::MAX as u64;

/// The whole file.
pub(super) static FILE: Shape = Shape {
    name: "scenario",
    doc: "A windtunnel scenario: what to simulate, and what is asked of it.",
    fields: &[
        required("apiVersion", Word(&["windtunnel/v1"]), "Version of the format."),
        required("kind", Word(&["Scenario"]), "Always `Scenario`."),
        required("metadata", Object(&METADATA), "Name and annotations."),
        required("spec", Object(&SPEC), "What to simulate."),
    ],
};

/// `metadata`.
pub(super) static METADATA: Shape = Shape {
    name: "metadata",
    doc: "Name and annotations.",
    fields: &[
        required("name", Text, "The scenario's name; results go to `results/<name>` unless told otherwise."),
        field("annotations", Map(&Text), "", "Free texts; `question` is printed above the summary."),
    ],
};

/// `spec`: what paths are relative to.
pub(super) static SPEC: Shape = Shape {
    name: "spec",
    doc: "What to simulate.",
    fields: &[
        field(
            "manifests",
            List(&Text),
            "",
            "Kubernetes YAML files, relative to this file; `*` and `?` match file names, `-` reads stdin.",
        ),
        field("run", Object(&RUN), "", "How long, how often, with which seed."),
        field("cluster", Object(&CLUSTER), "", "Nodes and the network between them."),
        field("workloads", List(&Object(&WORKLOAD)), "", "How containers serve requests, which no manifest says."),
        field("proxies", List(&Object(&PROXY)), "", "Free-standing load balancers."),
        field("traffic", List(&Object(&TRAFFIC)), "", "Where requests come from."),
        field("timeline", List(&Object(&HAPPENING)), "", "What happens to the cluster during the run."),
        field(
            "variants",
            List(&Object(&VARIANT)),
            "",
            "Alternatives that face the same requests; the first is the baseline.",
        ),
        field("objectives", List(&Text), "", "What must hold, such as `browse.latency.p99 < 250ms`."),
        field("expect", List(&Object(&EXPECTATION)), "", "Known results of a file without variants."),
        field("observe", Object(&OBSERVE), "", "Optional observations."),
    ],
};

/// `run`.
pub(super) static RUN: Shape = Shape {
    name: "run",
    doc: "How long, how often, with which seed.",
    fields: &[
        field("duration", Duration, "5m", "End of the measured window; the warm-up lies inside."),
        field("requests", Count(1, 1_000_000_000_000), "", "Ends the window at this arrival instead."),
        field(
            "warmup",
            Either(&[Duration, Ratio, Word(&["auto"])]),
            "10%",
            "Start of the window: a time, a ratio of it, or `auto` (found by pilot runs).",
        ),
        field(
            "replications",
            Either(&[Count(1, MAX_REPLICATIONS), Object(&REPLICATIONS)]),
            "5",
            "Independent repetitions; or how precisely a metric must be known.",
        ),
        field("seed", Count(0, u64::MAX), "1", "Seed of all randomness."),
        field("interval", Duration, "1s", "Length of an interval of `timeline.csv`."),
        field("drain", Duration, "60s", "Longest wait, after the window, for measured requests to end."),
    ],
};

/// `run.replications` with a goal.
pub(super) static REPLICATIONS: Shape = Shape {
    name: "replications",
    doc: "Repetitions until a metric is known precisely enough, in all variants with the same goal.",
    fields: &[
        field("min", Count(2, MAX_REPLICATIONS), "20", "Fewest repetitions."),
        field("max", Count(2, MAX_REPLICATIONS), "1000", "Most repetitions."),
        required("until", Object(&UNTIL), "What ends them: `{metric: browse.latency.p99, relativeHalfWidth: 5%}`."),
    ],
};

/// `run.replications.until`.
pub(super) static UNTIL: Shape = Shape {
    name: "until",
    doc: "A precision that ends the repetitions.",
    fields: &[
        required("metric", Text, "The metric that must be known, such as `browse.latency.p99`."),
        required("relativeHalfWidth", Ratio, "Half the width of its 95 % interval, as a share of its mean."),
    ],
};

/// `observe`.
pub(super) static OBSERVE: Shape = Shape {
    name: "observe",
    doc: "Optional observations.",
    fields: &[
        field(
            "endpointLatency",
            Bool,
            "false",
            "Latency quantiles of every endpoint even where a Service has more than 1,000.",
        ),
        field("connections", Bool, "false", "Connections opened, reused and ended, in `connections.csv`."),
        field("nodes", Bool, "false", "What each node sends and what runs out there, in `nodes.csv`."),
        field("crossZonePrice", Number, "", "Price of a gigabyte that leaves a zone, in any currency."),
    ],
};

/// `cluster`.
pub(super) static CLUSTER: Shape = Shape {
    name: "cluster",
    doc: "Nodes and the network between them.",
    fields: &[
        field("nodes", List(&Object(&NODE)), "the Node manifests, else max(3, ⌈pods/100⌉) in one zone", "The nodes."),
        field(
            "network",
            Either(&[Word(&["none"]), Object(&NETWORK)]),
            "",
            "One-way delays by path class; `none` makes every delay zero.",
        ),
        field(
            "bandwidth",
            Either(&[Type::Quantity, Word(&["none"])]),
            "none",
            "Bits per second of every node's network interface, as 10G, each way; messages have `requestSize` and `responseSize`.",
        ),
        field("kubeProxy", Object(&KUBE_PROXY), "{mode: iptables}", "How Services are implemented on nodes."),
        field("serviceCIDR", Text, "10.96.0.0/12", "The range of cluster IPs."),
        field("dns", Object(&super::tables_dns::DNS), "names resolve at no cost", "How names are resolved."),
        field("pods", Object(&super::tables_pods::PODS), "", "How long pods take to start and to stop."),
        field(
            "propagation",
            Object(&super::tables_propagation::PROPAGATION),
            "",
            "How long a change of endpoints takes to reach who acts on it.",
        ),
        field("kubernetes", Text, "1.34", "Whose behaviour is simulated: the version of Kubernetes, as \"1.34\"."),
        field(
            "nodeMonitorGracePeriod",
            Duration,
            "50s",
            "For how long a node may say nothing before it counts as lost; 40s before Kubernetes 1.32.",
        ),
        field("cpu", Object(&super::tables_process::CPU), "", "What nodes do about CPU."),
        field("kernel", Object(&super::tables_flow::KERNEL), "", "What the kernels of nodes allow and forget."),
        field(
            "autoscaling",
            Either(&[Object(&super::tables_autoscaling::AUTOSCALING), Word(&["none"])]),
            "",
            "What HorizontalPodAutoscalers know and when; with `none` they do nothing.",
        ),
        field("nat", Object(&super::tables_outside::NAT), "", "How connections leave the cluster."),
        field("ingress", List(&Object(&super::tables_outside::INGRESS)), "", "Ingress controllers."),
        field(
            "loadBalancers",
            Object(&super::tables_outside::LOAD_BALANCERS),
            "",
            "What stands before Services of type LoadBalancer.",
        ),
        later("mesh", "A service mesh."),
    ],
};

/// `timeline[]`.
pub(super) static HAPPENING: Shape = Shape {
    name: "happening",
    doc: "Something that happens to the cluster.",
    fields: &[
        required("at", Duration, "When, from the start of the run."),
        field("scale", Text, "", "A workload gets as many pods as `replicas` says."),
        field("replicas", Count(0, MAX_PODS), "", "How many pods, beside `scale`."),
        field("deletePod", Text, "", "A pod, as deployment/web[0], is deleted; its controller makes another."),
        field("crash", Text, "", "The processes of a pod end by themselves; its containers are started again."),
        field("rolloutRestart", Text, "", "The pods of a Deployment are replaced by others of the same template."),
        field("setImage", Text, "", "A container of a Deployment's pods gets another `image`: its pods are replaced."),
        field("image", Text, "", "Which image, beside `setImage`."),
        field("container", Text, "the only one", "Of which container, beside `setImage`."),
        field("pause", Text, "", "A Deployment stops in the middle of a rollout."),
        field("resume", Text, "", "It goes on."),
        field("undo", Text, "", "A Deployment goes back to the template before the last."),
        field("notReady", Text, "", "The readiness probe of a pod fails from now on."),
        field("ready", Text, "", "It succeeds again."),
        field(
            "applyManifest",
            Any,
            "",
            "Objects as `kubectl apply` takes them: a file, an object, or a list of objects.",
        ),
        field(
            "delete",
            Text,
            "",
            "A Service, as service/web, or a Deployment or ReplicaSet with its pods, is deleted.",
        ),
        field("kill", Object(&super::tables_process::KILL), "", "Pods of `target` are killed at random from now on."),
        field("target", Text, "", "A workload, beside `kill`."),
        field("cordon", Text, "", "No new pods come to a node any more."),
        field("uncordon", Text, "", "They come again."),
        field("drain", Text, "", "A node is cordoned, and its pods are evicted as PodDisruptionBudgets allow."),
        field("nodeCrash", Text, "", "A node's machine goes off, and takes its pods along without a word."),
        field("nodeReboot", Text, "", "The same, until it is on again after `for`."),
        field(
            "nodeShutdown",
            Text,
            "",
            "A node ends its pods within `for` (the kubelet's shutdownGracePeriod), and its machine goes off.",
        ),
        field("kubeletStop", Text, "", "The kubelet of a node stops; its pods go on."),
        field("zoneOutage", Text, "", "All machines of a zone go off."),
        field("spotReclaim", Text, "", "A cloud takes a node away, two minutes after it has said so."),
        field(
            "for",
            Duration,
            "",
            "How long it lasts: a fault, `kill`, or what happens to nodes; without it to the end of the run.",
        ),
        field("force", Bool, "false", "Beside `drain`: whether pods go, too, that no controller replaces."),
        FAULTS[0],
        FAULTS[1],
        FAULTS[2],
        FAULTS[3],
        FAULTS[4],
        FAULTS[5],
        FAULTS[6],
    ],
};

/// `cluster.nodes[]`.
pub(super) static NODE: Shape = Shape {
    name: "node",
    doc: "One node, or several alike.",
    fields: &[
        required("name", Text, "Its name; with a `count` above 1 the nodes are NAME-1, NAME-2, …"),
        field("count", Count(1, MAX_NODES), "", "How many nodes of this kind."),
        field("zone", Text, "z1", "Zone (failure domain)."),
        field("cpu", Type::Quantity, "", "Allocatable CPU, by which topology hints are given."),
        field("speed", Number, "1", "Speed of its CPUs relative to 1."),
        field(
            "kubeProxy",
            Object(&super::tables_propagation::NODE_RULES),
            "",
            "What its kube-proxy does otherwise than the others.",
        ),
        field(
            "bandwidth",
            Either(&[Type::Quantity, Word(&["none"])]),
            "`cluster.bandwidth`",
            "Bits per second of its network interface, as 10G, each way.",
        ),
    ],
};

/// `cluster.network`.
pub(super) static NETWORK: Shape = Shape {
    name: "network",
    doc: "One-way delays by path class.",
    fields: &[
        field("loopback", Dist, "10us", "Between containers of one pod."),
        field("sameNode", Dist, "50us", "Between pods of one node."),
        field("sameZone", Dist, "200us", "Between nodes of one zone."),
        field("crossZone", Dist, "900us", "Between zones."),
        field("external", Dist, "10ms", "Between the cluster and the outside."),
    ],
};

/// `cluster.kubeProxy`.
pub(super) static KUBE_PROXY: Shape = Shape {
    name: "kubeProxy",
    doc: "How Services are implemented on nodes.",
    fields: &[
        field(
            "mode",
            Word(&["iptables", "nftables", "ipvs", "ebpf"]),
            "iptables",
            "What chooses an endpoint for each connection, on the client's node.",
        ),
        field(
            "scheduler",
            Word(&["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh", "mh", "lblc", "lblcr", "fo", "ovf"]),
            "rr",
            "The scheduler, under `mode: ipvs`.",
        ),
        field(
            "firstPacket",
            Bool,
            "false",
            "Whether the first packet of a connection takes the time to find its rule (in the ledger as `connect`).",
        ),
    ],
};

/// `workloads[]`.
pub(super) static WORKLOAD: Shape = Shape {
    name: "workload",
    doc: "How the pods of a workload serve requests.",
    fields: &[
        required("target", Text, "`kind/name` or `namespace/kind/name` of a Deployment, ReplicaSet or Pod."),
        field("inline", Object(&INLINE), "", "Writes the Deployment and Service that no manifest gives."),
        field(
            "containers",
            Map(&Object(&CONTAINER)),
            "",
            "Behaviour by container name (`app` for an inline workload).",
        ),
        field("pods", List(&Object(&POD)), "", "Pods that differ."),
        super::tables_pods::GATES,
        field("outside", Bool, "false", "Whether it stands outside the cluster: something that pods call there."),
        field("addresses", List(&Text), "", "The IPv4 addresses of its pods, where it stands outside."),
        RESOLVER_FIELD,
    ],
};

/// `workloads[].inline`.
pub(super) static INLINE: Shape = Shape {
    name: "inline",
    doc: "A Deployment and a Service of the same name.",
    fields: &[
        field("replicas", Count(0, MAX_PODS), "1", "Pods."),
        field("port", Count(1, 65_535), "80", "Port of the Service and of the container."),
        field("namespace", Text, "the target's, else default", "Namespace."),
    ],
};

/// `workloads[].pods[]`.
pub(super) static POD: Shape = Shape {
    name: "pod",
    doc: "A pod that differs from the others.",
    fields: &[
        required("index", Count(0, MAX_PODS - 1), "Which pod, from 0."),
        field("speed", Number, "1", "Its speed relative to 1, besides its node's."),
        field("episodes", List(&Object(&EPISODE)), "", "Times at which it works otherwise, in order."),
    ],
};

/// `workloads[].pods[].episodes[]`.
pub(super) static EPISODE: Shape = Shape {
    name: "episode",
    doc: "A time at which a pod works otherwise: `speed` or `serviceTime`.",
    fields: &[
        required("from", Duration, "Work that begins from this time on is done so."),
        required("to", Duration, "Up to this time."),
        field("speed", Number, "", "Its speed, besides its own and its node's."),
        field("serviceTime", Dist, "", "How long each step of work takes, at any speed."),
    ],
};

/// `workloads[].containers.NAME`.
pub(super) static CONTAINER: Shape = Shape {
    name: "container",
    doc: "How a container serves requests.",
    fields: &[
        field(
            "concurrency",
            Either(&[Count(1, MANY), Word(&["unlimited"])]),
            "16",
            "Requests served at once; more wait in the queue. Under processor-sharing: cores.",
        ),
        field("queue", Object(&QUEUE), "", "Where requests wait."),
        field("serviceTime", Dist, "{lognormal: {mean: 10ms, cv: 1}}", "Short for `steps: [{work: …}]`."),
        field("steps", List(&Object(&STEP)), "", "What a request does, in order."),
        field("errorRatio", Ratio, "0", "Share of answers that are errors."),
        field("holdsSlotWhileCalling", Bool, "true", "A thread per request (true) or an event loop (false)."),
        field(
            "start",
            Dist,
            "0s",
            "From the start of its process until it listens, or until an init container has ended.",
        ),
        field("stop", Dist, "0s", "From the signal to end until it has ended; until then it serves."),
        field(
            "sigterm",
            Word(&["exit", "drain", "ignore"]),
            "exit",
            "What its process does with the signal to end: it ends after `stop`; takes nothing new, ends what it does, then itself; or nothing.",
        ),
        field("preStop", Dist, "as its hook says", "How long its `preStop` hook takes, where that is no `sleep`."),
        field(
            "pull",
            Dist,
            "the node has its image",
            "How long a node that has not run its image yet takes to pull it, one pull at a time.",
        ),
        field("cold", Object(&super::tables_process::COLD), "", "It has to start again after it was idle."),
        field("breakdown", Object(&super::tables_process::BREAKDOWN), "", "Its process stalls at times without dying."),
        field("cpu", Ratio, "100%", "Share of the time of its work that is on the CPU; the rest waits."),
    ],
};

/// What is said of an init container that ends.
pub(super) static INIT_CONTAINER: Shape = Shape {
    name: "init container that ends",
    doc: "It serves nothing.",
    fields: &[field("start", Dist, "0s", "How long it runs.")],
};

/// `queue`.
pub(super) static QUEUE: Shape = Shape {
    name: "queue",
    doc: "Where requests wait.",
    fields: &[
        field(
            "limit",
            Either(&[Count(0, MANY), Word(&["unlimited"])]),
            "1000",
            "Most that wait (those in service not counted).",
        ),
        field("discipline", Word(&["fifo", "lifo", "processor-sharing"]), "fifo", "Order of service."),
        field("timeout", Dist, "", "How long a request waits before it leaves."),
    ],
};

/// A step.
pub(super) static STEP: Shape = Shape {
    name: "step",
    doc: "One step of serving a request: work, a call, or several calls at once.",
    fields: &[
        field("work", Dist, "", "Time that it works."),
        field("cpu", Ratio, "the container's", "Share of the time of the work that is on the CPU."),
        field("call", Text, "", "URL of the Service that is called; its further keys stand beside it."),
        field("parallel", List(&Object(&CALL)), "", "Calls that start together; the slowest ends the step."),
        CALL_FIELDS[1],
        CALL_FIELDS[2],
        CALL_FIELDS[3],
        CALL_FIELDS[4],
        CALL_FIELDS[5],
        CALL_FIELDS[6],
        CALL_FIELDS[7],
        CALL_FIELDS[8],
        CALL_FIELDS[9],
        CALL_FIELDS[10],
        CALL_FIELDS[11],
        CALL_FIELDS[12],
    ],
};

const CALL_FIELDS: [Field; 13] = [
    required("call", Text, "URL of the Service that is called."),
    field("name", Text, "the URL as written", "Name in results."),
    field("probability", Ratio, "1", "How likely the call is made."),
    FLOW_FIELDS[0],
    FLOW_FIELDS[1],
    FLOW_FIELDS[2],
    FLOW_FIELDS[3],
    FLOW_FIELDS[4],
    FLOW_FIELDS[5],
    FLOW_FIELDS[6],
    RESOLVER_FIELD,
    FLOW_FIELDS[7],
    FLOW_FIELDS[8],
];

/// A call inside `parallel`.
pub(super) static CALL: Shape =
    Shape { name: "call", doc: "A request to another Service while serving one.", fields: &CALL_FIELDS };

/// `proxies[]`.
pub(super) static PROXY: Shape = Shape {
    name: "proxy",
    doc: "A free-standing load balancer.",
    fields: &[
        required("name", Text, "Its name."),
        field("layer", Word(&["4", "7"]), "7", "Balances connections (4) or requests (7)."),
        field("instances", Count(1, MAX_WORKERS), "1", "Instances."),
        field("workers", Count(1, MAX_WORKERS), "1", "Workers of each instance; every worker balances on its own."),
        field("from", Object(&PROXY_FROM), "", "How and when a client chooses an instance."),
        required(
            "endpoints",
            Text,
            "`service/NAME` or `service/NAMESPACE/NAME` whose endpoints it reads (`:PORT` where there are several).",
        ),
        field("balancer", Object(&BALANCER), "{policy: round-robin}", "Its policy."),
        field("overhead", Object(&OVERHEAD), "", "Handling time."),
        field("connections", Object(&CONNECTIONS), "those of the traffic", "Connections to the endpoints."),
        field("place", Object(&PLACE), "all nodes", "Where its instances stand."),
        later("via", "Reaching the endpoints through the cluster IP."),
    ],
};

/// `proxies[].from`.
pub(super) static PROXY_FROM: Shape = Shape {
    name: "proxyFrom",
    doc: "How and when a client chooses an instance.",
    fields: &[
        field("pick", Word(&["random", "round-robin", "per-client"]), "random", "How."),
        field("per", Word(&["request", "connection"]), "request at layer 7, connection at layer 4", "When."),
    ],
};

/// `proxies[].overhead`.
pub(super) static OVERHEAD: Shape = Shape {
    name: "overhead",
    doc: "Handling time of a proxy.",
    fields: &[
        field("before", Dist, "0s", "Before the request goes on."),
        field("after", Dist, "0s", "Before the answer goes back."),
    ],
};

/// A place.
pub(super) static PLACE: Shape =
    Shape { name: "place", doc: "A zone.", fields: &[field("zone", Text, "", "Only on nodes of this zone, in turn.")] };

/// `traffic[]`.
pub(super) static TRAFFIC: Shape = Shape {
    name: "traffic",
    doc: "A stream of requests from outside the simulated workloads' own calls.",
    fields: &[
        required("name", Text, "Its name in results and metrics."),
        field(
            "from",
            Either(&[Text, Object(&FROM)]),
            "generator",
            "A workload, `generator`, `internet`, {node: NAME}, {generator: {zone: ZONE}} or {internet: {…}}.",
        ),
        required("to", Text, "URL; the host is resolved as at the client's place."),
        required("arrivals", Object(&super::tables_random::ARRIVALS), "When requests come."),
        field("clients", Object(&CLIENTS), "", "Who sends them."),
        FLOW_FIELDS[0],
        FLOW_FIELDS[1],
        FLOW_FIELDS[2],
        FLOW_FIELDS[3],
        FLOW_FIELDS[4],
        FLOW_FIELDS[5],
        FLOW_FIELDS[6],
        RESOLVER_FIELD,
        FLOW_FIELDS[7],
        FLOW_FIELDS[8],
    ],
};

/// `traffic[].from` as an object.
pub(super) static FROM: Shape = Shape {
    name: "from",
    doc: "Where clients stand.",
    fields: &[
        field("node", Text, "", "On this node."),
        field("generator", Object(&PLACE), "", "Processes that cost nothing, on the nodes of a zone."),
        field("internet", Object(&super::tables_outside::INTERNET), "", "Outside the cluster."),
    ],
};

/// `traffic[].clients`.
pub(super) static CLIENTS: Shape = Shape {
    name: "clients",
    doc: "Clients: each has one address, one pool, one balancer.",
    fields: &[
        field("count", Count(1, MAX_CLIENTS), "one per pod of `from`, one for a generator", "How many."),
        field(
            "popularity",
            Either(&[Word(&["uniform", "in-turn"]), Object(&POPULARITY)]),
            "uniform",
            "Which client sends the next request.",
        ),
    ],
};

/// `traffic[].clients.popularity` as an object.
pub(super) static POPULARITY: Shape = Shape {
    name: "popularity",
    doc: "Unequal clients.",
    fields: &[required("zipf", Object(&ZIPF), "The k-th client with weight 1/k^exponent.")],
};

/// `zipf`.
pub(super) static ZIPF: Shape = Shape {
    name: "zipf",
    doc: "Zipf's law.",
    fields: &[required("exponent", Number, "Zero is uniform; about 1 is usual.")],
};

/// `variants[]`.
pub(super) static VARIANT: Shape = Shape {
    name: "variant",
    doc: "An alternative.",
    fields: &[
        required("name", Text, "Its name in results."),
        field("set", Map(&Any), "", "Values by path; `null` removes."),
        field("expect", List(&Object(&EXPECTATION)), "", "Known results of this variant."),
        field("patch", Any, "", "A strategic merge patch of manifests: a file, or the objects."),
    ],
};

/// `expect[]`.
pub(super) static EXPECTATION: Shape = Shape {
    name: "expectation",
    doc: "A known result.",
    fields: &[
        required("metric", Text, "`SCOPE.QUANTITY.STATISTIC`, see `list metrics`."),
        field("value", Any, "", "A number, a duration, a ratio, or a list of them or of names."),
        field(
            "measured",
            Either(&[List(&Either(&[Number, Duration, Ratio])), Object(&MEASURED)]),
            "",
            "Instead of `value`: the value of each repeat of a measurement, or a file of sequences.",
        ),
        field("tolerance", Ratio, "", "Relative tolerance."),
        field("absolute", Either(&[Number, Duration, Ratio]), "", "Absolute tolerance."),
        field("oracleError", Either(&[Number, Duration, Ratio]), "0", "Uncertainty of the value itself."),
        field("source", Text, "", "Where the value comes from."),
        field(
            "by",
            Word(&["error", "tolerance", "spread"]),
            "error",
            "By 5.3 standard errors, by the tolerance alone, or by 4 standard deviations of the replications.",
        ),
        field("not", Bool, "false", "A negative control: must be told apart from the value."),
    ],
};

/// `expect[].measured` of a sequence.
pub(super) static MEASURED: Shape = Shape {
    name: "measured",
    doc: "Measured sequences: a CSV file with a header and a row for each pick.",
    fields: &[
        field("file", Text, "", "The file, relative to this one."),
        field("data", Text, "", "The file's text itself, instead of `file`."),
        field("column", Text, "all", "Its column; without it every column is a repeat."),
    ],
};
