//! A scenario that is valid by construction: what to simulate, with every name resolved and every number checked.
//!
//! The file's shape, `--set`, variants and located errors live in the modules below; the model reads only these types.

use std::sync::Arc;

use crate::cause::FailureCause;
use crate::controllers::scheduler::labels::Requirement;
use crate::discovery::slices::policy::TrafficPolicy;
use crate::manifest::resources::Resources;
use crate::manifest::scheduling::Scheduling;
use crate::random::Dist;
use crate::stats::Precision;
use crate::time::SimDuration;
use crate::{arrivals, balance};

mod applied;
pub mod autoscaling;
mod by_hand;
pub mod check;
mod cluster_ips;
pub mod connections;
mod context;
mod decode;
mod discover;
pub mod disruption;
pub mod dns;
mod entrance;
pub mod eras;
mod expectation;
pub mod fault;
mod files;
mod grid;
pub mod host;
mod ingress;
pub mod keeping;
pub mod kernel;
pub mod kube_proxy;
pub mod kubernetes;
mod kubernetes_fields;
mod load;
mod manifests;
pub mod metric;
mod metric_table;
mod metric_text;
mod named;
mod names;
pub mod network_policy;
mod node;
pub mod node_actions;
mod objects;
pub mod outside;
mod patch;
mod path;
pub mod placement;
pub mod pod_life;
pub mod process;
pub mod propagation;
mod resolved;
pub mod scheduling;
mod schema;
mod services;
mod shape;
pub mod startup;
mod tables;
mod tables_autoscaling;
mod tables_dns;
mod tables_fault;
mod tables_flow;
mod tables_outside;
mod tables_pods;
mod tables_process;
mod tables_propagation;
mod tables_random;
pub mod timeline;
mod turns;
mod url;
mod values;
mod variants;
pub(crate) mod vary;
mod without;

#[cfg(test)]
mod tests;

pub use connections::{ConnectionMode, Connections, PoolOrder, Protocol, Tls};
pub use expectation::{Comparison, ExpectBy, Expectation, ExpectedValue, NamedMetric, Objective};
pub use files::{DiskFiles, Files};
pub use grid::{Axis, FILE_VARIANTS, Grid, Scale};
pub use host::Host;
pub use keeping::Keeping;
pub use kernel::Kernel;
pub use kube_proxy::{IpvsScheduler, KubeProxy, KubeProxyMode};
pub use load::{Failure, Loaded, OptionText, Overrides, load};
pub use node::Node;
pub use schema::schema;
pub use tables_fault::list as faults;
pub use without::{Removal, Without};

use fault::Fault;
use kubernetes::Kubernetes;
use metric::Metric;
use network_policy::NetworkPolicies;
use outside::{Controller, Internet, LoadBalancers, Nat, Outside, Share, WayIn};
use pod_life::{PodLife, PodTimes, Sigterm};
use process::{CpuRules, Process};
use propagation::Propagation;
use startup::Init;
pub use timeline::{Action, Happening};

/// One variant of a scenario, complete: what a single run simulates.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// `metadata.name`.
    pub name: String,
    /// Which variant this is (`base` where the file names none).
    pub variant: String,
    /// Duration, warm-up, replications, seed.
    pub run: Run,
    /// Nodes and the network between them.
    pub cluster: Cluster,
    /// Everything that runs pods.
    pub workloads: Vec<Workload>,
    /// Every Service port (a Service with two ports stands here twice).
    pub services: Vec<Service>,
    /// Which connections are dropped.
    pub network_policies: NetworkPolicies,
    /// How many pods evictions leave.
    pub budgets: Vec<disruption::DisruptionBudget>,
    /// Free-standing proxies.
    pub proxies: Vec<Proxy>,
    /// Where requests come from.
    pub traffic: Vec<Traffic>,
    /// What happens to the cluster, in order of time.
    pub timeline: Vec<Happening>,
    /// What goes wrong for a while.
    pub faults: Vec<Fault>,
    /// What the user wants to hold.
    pub objectives: Vec<Objective>,
    /// Known results that this variant must reproduce.
    pub expect: Vec<Expectation>,
    /// Optional observations.
    pub observe: Observe,
    /// Metrics that the command line asks for.
    pub metrics: Vec<NamedMetric>,
    /// What a counterfactual leaves out; nothing in a scenario that was read.
    pub without: Without,
}

impl Scenario {
    /// Whether both simulate the same: all is equal but the names and what is only said about the results.
    #[must_use]
    pub fn simulates_same(&self, other: &Self) -> bool {
        let Self {
            name: _,
            variant: _,
            objectives: _,
            expect: _,
            metrics: _,
            run,
            cluster,
            workloads,
            services,
            network_policies,
            budgets,
            proxies,
            traffic,
            timeline,
            faults,
            observe,
            without,
        } = self;
        *run == other.run
            && *cluster == other.cluster
            && *workloads == other.workloads
            && *services == other.services
            && *network_policies == other.network_policies
            && *budgets == other.budgets
            && *proxies == other.proxies
            && *traffic == other.traffic
            && *timeline == other.timeline
            && *faults == other.faults
            && *observe == other.observe
            && *without == other.without
    }
}

/// `spec.run`.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// When arrivals stop being measured.
    pub window: Window,
    /// How many independent replications; with `until` at most.
    pub replications: u32,
    /// What ends them sooner.
    pub until: Option<Until>,
    /// The seed of all randomness.
    pub seed: u64,
    /// Longest time to wait, after the window, for measured requests to end.
    pub drain: SimDuration,
    /// Length of a `timeline.csv` interval.
    pub interval: SimDuration,
}

/// `run.replications` with a goal: replications are added until a metric is known well enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Until {
    /// Fewest replications.
    pub min: u32,
    /// What must be known.
    pub metric: Metric,
    /// The metric as written.
    pub text: String,
    /// How well: half the width of its 95 % interval as a share of its mean.
    pub relative_half_width: f64,
}

impl Run {
    /// When to stop adding replications, where a goal says so.
    #[must_use]
    pub fn precision(&self) -> Option<Precision> {
        self.until.as_ref().map(|until| Precision {
            min: until.min,
            max: self.replications,
            relative_half_width: until.relative_half_width,
        })
    }
}

/// The measured part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// From `warmup` to `duration` on the clock.
    Time {
        /// End of the window.
        duration: SimDuration,
        /// Start of the window.
        warmup: SimDuration,
    },
    /// From the `warmup`-th to the `requests`-th arrival (over all traffics).
    Requests {
        /// The arrival that ends the window (it is measured).
        requests: u64,
        /// How many first arrivals are not measured.
        warmup: u64,
    },
    /// `warmup: auto`: decided by pilots (MSER-5) before the run; `duration` as in [`Window::Time`].
    Auto {
        /// End of the window.
        duration: SimDuration,
    },
}

/// `spec.observe`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Observe {
    /// Keep per-endpoint latency quantiles even for Services of more than 1,000 endpoints.
    pub endpoint_latency: bool,
    /// Count connections for `connections.csv`.
    pub connections: bool,
    /// Count what nodes send for `nodes.csv`.
    pub nodes: bool,
    /// Price of a gigabyte between zones.
    pub cross_zone_price: Option<f64>,
    /// How many of the slowest requests of each traffic a survey remembers, beside in which containers all spent their
    /// time; no survey without it. Asked for by `explain`, not by files.
    pub survey: Option<usize>,
}

/// Nodes and the network between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Nodes in a fixed order.
    pub nodes: Vec<Node>,
    /// One-way delays by path class.
    pub network: Network,
    /// How Services are implemented.
    pub kube_proxy: KubeProxy,
    /// What a cloud puts before Services of type LoadBalancer.
    pub load_balancers: LoadBalancers,
    /// How connections leave the cluster.
    pub nat: Nat,
    /// DNS; without it names resolve at no cost.
    pub dns: Option<dns::Dns>,
    /// How long the parts of a pod's life take.
    pub pods: PodTimes,
    /// Whether kubelets look after pods: they probe containers, and start them again.
    pub lives: bool,
    /// Whose behaviour is simulated.
    pub kubernetes: Kubernetes,
    /// How long news of endpoints takes.
    pub propagation: Propagation,
    /// For how long a node may say nothing before it counts as lost.
    pub node_grace: SimDuration,
    /// What the kernels of nodes allow and forget.
    pub kernel: Kernel,
    /// What nodes do about CPU.
    pub cpu: CpuRules,
    /// What makes pods more or fewer by itself.
    pub autoscaling: autoscaling::Autoscaling,
}

/// Most intervals of a run: each becomes a row of `timeline.csv` for every traffic.
pub const MAX_INTERVALS: u64 = 10_000_000;

/// One-way delay by path class.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Between containers of one pod.
    pub loopback: Dist,
    /// Between pods of one node.
    pub same_node: Dist,
    /// Between nodes of one zone.
    pub same_zone: Dist,
    /// Between zones.
    pub cross_zone: Dist,
    /// Between the cluster and what is outside; nothing where no traffic crosses it.
    pub external: Dist,
}

/// Something that runs pods: a Deployment, a ReplicaSet or a bare Pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// `deployment`, `replicaset` or `pod`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// How many pods.
    pub replicas: u32,
    /// Containers in the order of the manifest; the model simulates those with behaviour.
    pub containers: Vec<Container>,
    /// Speed of single pods (`pods: [{index, speed}]`); 1 for the others.
    pub pod_speed: Vec<(u32, f64)>,
    /// Times at which single pods work otherwise (`pods: [{index, episodes}]`), in order of time.
    pub pod_episodes: Vec<(u32, Vec<Episode>)>,
    /// `spec.nodeName`: index into the cluster's nodes.
    pub node_name: Option<usize>,
    /// Nodes that `spec.nodeSelector` allows (indices), or all schedulable ones.
    pub allowed_nodes: Vec<usize>,
    /// `spec.nodeSelector`.
    pub node_selector: Vec<Requirement>,
    /// What its pods say of where they are to stand.
    pub scheduling: Scheduling,
    /// Whether it stands outside the cluster: what pods call there.
    pub outside: bool,
    /// What its pods take of their node's network.
    pub host: Host,
    /// The addresses of its pods there, where they are given.
    pub addresses: Vec<u32>,
    /// Its init containers, in order.
    pub init: Vec<Init>,
    /// The life of its pods.
    pub life: PodLife,
}

impl Workload {
    /// `deployment/web`, or `shop/deployment/web` outside the namespace `default`.
    #[must_use]
    pub fn target(&self) -> String {
        if self.namespace == "default" {
            format!("{}/{}", self.kind, self.name)
        } else {
            format!("{}/{}/{}", self.namespace, self.kind, self.name)
        }
    }

    /// `web-0` for the first replica of a Deployment; a bare Pod keeps its name.
    #[must_use]
    pub fn pod_name(&self, replica: u32) -> String {
        if self.kind == "pod" { self.name.clone() } else { format!("{}-{replica}", self.name) }
    }
}

/// A time at which a pod works otherwise: a grey failure, a neighbour that takes the processor, a long pause.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Work that begins from here on,
    pub from: SimDuration,
    /// and before here,
    pub to: SimDuration,
    /// is done so.
    pub change: Change,
}

/// How a pod works during an episode.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// At a speed, besides its own and its node's.
    Speed(f64),
    /// Every step of work takes such a time, whatever it would have taken and however fast the pod is.
    ServiceTime(Dist),
}

/// A container and how it serves requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// `name`.
    pub name: String,
    /// `ports[].containerPort`, with their names.
    pub ports: Vec<(Option<String>, u16)>,
    /// How it serves.
    pub behaviour: Behaviour,
    /// From the start of its process until it listens.
    pub start: Dist,
    /// From the signal to end until it has ended; until then it serves.
    pub stop: Dist,
    /// What its process does with that signal.
    pub sigterm: Sigterm,
    /// How long a node takes to pull its image that has not run it yet; `None` where all have it.
    pub pull: Option<Dist>,
    /// The CPU and memory that it asks for, and the most that it may have.
    pub resources: Resources,
}

/// How a container serves requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Requests served at once; `None` is unlimited. Under processor sharing: cores.
    pub concurrency: Option<u32>,
    /// Requests that may wait (waiting only; 0 allowed); `None` is unlimited.
    pub queue_limit: Option<u32>,
    /// Order of service.
    pub discipline: Discipline,
    /// How long a request waits before it leaves with `queue_timeout`.
    pub queue_timeout: Option<Dist>,
    /// What a request does, in order.
    pub steps: Vec<Step>,
    /// Probability that the answer is an error.
    pub error_ratio: f64,
    /// Whether the slot is held while the container waits for a call (thread per request).
    pub holds_slot_while_calling: bool,
    /// What its process is like.
    pub process: Process,
}

/// Order in which a container serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// Last come, first served, without pre-emption.
    Lifo,
    /// All at once: each of n requests proceeds at min(1, cores / n).
    ProcessorSharing,
}

/// One step of serving a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Time on the CPU.
    Work(Dist),
    /// Calls to other Services, started together and joined; a sequential call is a list of one.
    Calls(Vec<Call>),
}

/// A call to another Service.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Probability that the call is made.
    pub probability: f64,
    /// What is sent, and how.
    pub flow: Flow,
}

/// How requests are sent: shared by traffics and calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The traffic's name, or the call's (default: its target as written).
    pub name: String,
    /// Index into [`Scenario::services`].
    pub service: usize,
    /// How the clients look up the URL's host, where they do.
    pub resolution: Option<Box<dns::Resolution>>,
    /// Which address the clients go by, where that of the Service may change.
    pub held: eras::Held,
    /// Why no request gets to the Service: its clients do not find it.
    pub fails: Option<FailureCause>,
    /// Index into [`Scenario::proxies`], where the flow goes through one.
    pub through: Option<usize>,
    /// How it comes into the cluster, where it comes from outside.
    pub way_in: Option<Box<WayIn>>,
    /// How an ingress controller shares its requests out among several Services; nothing where there is one.
    pub shares: Vec<Share>,
    /// How connections are opened, kept and shared.
    pub connections: Connections,
    /// The client's own balancer, where it has one.
    pub balancer: Option<balance::Spec>,
    /// Total time the client waits, all attempts included.
    pub timeout: Option<SimDuration>,
    /// Further attempts.
    pub retries: Retries,
    /// What happens at the server when the client has given up.
    pub cancellation: Cancellation,
    /// Whether a retry draws a new service demand.
    pub demand: Demand,
    /// Bytes of a request.
    pub request_size: u64,
    /// Bytes of a reply.
    pub response_size: u64,
}

/// Further attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct Retries {
    /// Tries in all; `None` is unlimited.
    pub attempts: Option<u32>,
    /// Time a single try may take.
    pub per_try: Option<SimDuration>,
    /// Causes that are tried again (groups resolved), as a set in the list's order.
    pub on: Vec<FailureCause>,
    /// Whether a try that passed `perTry` is tried again.
    pub on_per_try_timeout: bool,
    /// Base of the exponential back-off.
    pub backoff_base: SimDuration,
    /// Longest back-off.
    pub backoff_max: SimDuration,
    /// Uniform in [0, limit] (full jitter), or exactly the limit.
    pub jitter: bool,
    /// Retries allowed as a share of first tries, saved up over 10 s.
    pub budget: Option<f64>,
}

/// What happens at the server when the client has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The work runs on.
    None,
    /// The request leaves the queue, or the slot is freed.
    Propagated,
}

/// Whether a retry draws a new service demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Every attempt draws its own.
    Attempt,
    /// All attempts of a request share one.
    Request,
}

/// A port of a Service with the containers that stand behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Namespace.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.ports[].port`.
    pub port: u16,
    /// `spec.ports[].name`.
    pub port_name: Option<String>,
    /// Whether the Service has further ports (then its label carries the port).
    pub multi_port: bool,
    /// `spec.clusterIP`.
    pub cluster_ip: u32,
    /// The number of the pods' port, as far as it is known: of a named one that of the first workload.
    pub target_port: u16,
    /// For how long a client is held to a pod (`sessionAffinity: ClientIP`).
    pub affinity: Option<SimDuration>,
    /// The selected workloads and, in each, the container that has the target port: (workload, container).
    pub targets: Vec<(usize, usize)>,
    /// Which pods of them, by position among the targets, where an EndpointSlice was written by hand; empty means all.
    pub only: Vec<(usize, u32)>,
    /// No Service at all, but a URL's single pod: its number among the replicas of the only target.
    pub pod: Option<u32>,
    /// Whether its name resolves to the pods: `clusterIP: None`.
    pub headless: bool,
    /// No Service at all, but `localhost`: a container of the client's own pod; of no pod where nobody listens.
    pub loopback: bool,
    /// Who may use which of its endpoints.
    pub policy: TrafficPolicy,
    /// How it is reached from outside; `None` where it is not.
    pub outside: Option<Outside>,
    /// What the timeline makes of it, the first from the start; empty where it stays as it is.
    pub eras: Vec<eras::Era>,
}

impl Service {
    /// `web`, `web.shop` outside `default`.
    #[must_use]
    pub fn object_label(&self) -> String {
        services::dotted(&self.namespace, &self.name)
    }

    /// `web`, `web.shop` outside `default`, `web:http` where the Service has several ports.
    #[must_use]
    pub fn label(&self) -> String {
        let mut label = self.object_label();
        if self.multi_port {
            label.push(':');
            match &self.port_name {
                Some(name) => label.push_str(name),
                None => label.push_str(&self.port.to_string()),
            }
        }
        label
    }
}

/// A free-standing proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Proxy {
    /// Name.
    pub name: String,
    /// Balances connections (4) or requests (7).
    pub layer: Layer,
    /// How many instances.
    pub instances: u32,
    /// Workers of each instance; every worker balances on its own.
    pub workers: u32,
    /// How a client chooses an instance.
    pub pick: InstancePick,
    /// When it chooses.
    pub per: InstancePer,
    /// Index into [`Scenario::services`]: whose endpoints it reads.
    pub service: usize,
    /// Its balancing policy.
    pub balancer: balance::Spec,
    /// Handling time before the request goes on.
    pub before: Dist,
    /// Handling time before the reply goes back.
    pub after: Dist,
    /// Upstream connections; `None` means those of the flow that passes.
    pub connections: Option<Connections>,
    /// Zone its instances stand in (spread over its nodes); `None` is all nodes.
    pub zone: Option<String>,
    /// The ingress controller that it is a part of, where it is no free-standing proxy.
    pub controller: Option<Controller>,
}

impl Proxy {
    /// What it is called as the place of time and failures: `proxy/edge`, `ingress/nginx`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.controller {
            Some(controller) => format!("ingress/{}", controller.class),
            None => format!("proxy/{}", self.name),
        }
    }
}

/// Where a proxy balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Connections.
    L4,
    /// Requests.
    L7,
}

/// How a client chooses a proxy instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstancePick {
    /// Uniformly at random.
    Random,
    /// In turn.
    RoundRobin,
    /// Client i always uses instance i mod n.
    PerClient,
}

/// When a client chooses a proxy instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstancePer {
    /// For each attempt.
    Request,
    /// For each connection.
    Connection,
}

/// A stream of requests from outside the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// How it is sent, and its name.
    pub flow: Flow,
    /// Where its clients stand.
    pub from: Source,
    /// When requests come (rates are totals over all clients).
    pub arrivals: arrivals::Spec,
    /// The clients.
    pub clients: Clients,
}

/// Where the clients of a traffic stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Spread in turn over the pods of a workload.
    Workload(usize),
    /// On one node.
    Node(usize),
    /// Processes in the cluster that cost nothing, on the nodes of a zone (or all), in turn.
    Generator {
        /// The zone, or everywhere.
        zone: Option<String>,
    },
    /// Outside the cluster.
    Internet(Internet),
}

/// The clients of a traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Clients {
    /// How many; each has one address, one pool, one balancer.
    pub count: u32,
    /// Which client sends the next request.
    pub popularity: Popularity,
}

/// Which client sends the next request.
#[derive(Debug, Clone, PartialEq)]
pub enum Popularity {
    /// Uniformly at random.
    Uniform,
    /// One after the other.
    InTurn,
    /// The k-th client with weight k^-s.
    Zipf {
        /// s.
        exponent: f64,
    },
}

/// The empirical data that a trace or an `empirical` distribution was read from, kept for `scenario.yaml`.
pub type SharedText = Arc<str>;
