//! The parts of Kubernetes objects that the model uses.

use super::disruption_budget::BudgetObject;
use super::pod_life::{ContainerLifeObject, PodLifeObject, RolloutObject};
use super::report::Report;
use super::resources::Resources;
use super::scheduling::Scheduling;
use crate::controllers::hpa::behavior::{Behavior, Range};
use crate::controllers::scheduler::taints::Taint;
use crate::discovery::resolv_conf::PodDns;
use crate::discovery::slices::policy::TrafficPolicy;
use crate::yaml::Span;

/// Everything read from manifests.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// Deployments, ReplicaSets and Pods that stand for pods of their own.
    pub workloads: Vec<WorkloadObject>,
    /// Services.
    pub services: Vec<ServiceObject>,
    /// Ingresses and HTTPRoutes.
    pub routes: Vec<RouteObject>,
    /// Gateways.
    pub gateways: Vec<GatewayObject>,
    /// Nodes.
    pub nodes: Vec<NodeObject>,
    /// Names of Namespaces.
    pub namespaces: Vec<String>,
    /// Labels of those that have any.
    pub namespace_labels: Vec<(String, Vec<(String, String)>)>,
    /// NetworkPolicies.
    pub policies: Vec<NetworkPolicyObject>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<BudgetObject>,
    /// EndpointSlices of Services without a selector.
    pub slices: Vec<SliceObject>,
    /// HorizontalPodAutoscalers.
    pub autoscalers: Vec<AutoscalerObject>,
    /// What was used and what was not.
    pub report: Report,
}

/// A Deployment, ReplicaSet or Pod.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadObject {
    /// `deployment`, `replicaset` or `pod`.
    pub kind: &'static str,
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.replicas`, by default 1.
    pub replicas: u32,
    /// Place of `spec.replicas`, or of the object.
    pub replicas_span: Span,
    /// Labels of the pods.
    pub labels: Vec<(String, String)>,
    /// `containers`, then the init containers that go on running.
    pub containers: Vec<ContainerObject>,
    /// All init containers, in order.
    pub init: Vec<InitObject>,
    /// `nodeName`.
    pub node_name: Option<String>,
    /// Place of `nodeName`, or of the object.
    pub node_name_span: Span,
    /// `nodeSelector`.
    pub node_selector: Vec<(String, String)>,
    /// Place of `nodeSelector`, or of the object.
    pub node_selector_span: Span,
    /// What they say of where they are to stand.
    pub scheduling: Scheduling,
    /// What its pods' `resolv.conf` follows from.
    pub dns: PodDns,
    /// `enableServiceLinks`, by default true.
    pub service_links: bool,
    /// `hostname` and `subdomain`, where there are both.
    pub host: Option<(String, String)>,
    /// `spec.template` as it is written, to be told from others.
    pub template: String,
    /// The life of its pods.
    pub life: PodLifeObject,
    /// How it replaces them, if it is a Deployment.
    pub rollout: RolloutObject,
    /// Place of `metadata.name`.
    pub span: Span,
}

impl WorkloadObject {
    /// Whether its pods share the network of their node (`hostNetwork: true`).
    #[must_use]
    pub const fn host_network(&self) -> bool {
        self.dns.host_network
    }

    /// The ports of its node that a pod takes, ascending: no two pods of a node can have one of them.
    #[must_use]
    pub fn host_ports(&self) -> Vec<u16> {
        let ports = self.containers.iter().flat_map(|container| &container.ports);
        let mut taken: Vec<u16> = ports.filter_map(|port| port.host_port).collect();
        taken.sort_unstable();
        taken
    }
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerObject {
    /// `name`.
    pub name: String,
    /// An init container that goes on running (`restartPolicy: Always`).
    pub sidecar: bool,
    /// `ports` that speak TCP.
    pub ports: Vec<ContainerPort>,
    /// `resources`.
    pub resources: Resources,
    /// Its probes and hooks.
    pub life: ContainerLifeObject,
    /// Place of the name.
    pub span: Span,
}

/// An init container in its turn; one that goes on running stands among the containers too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitObject {
    /// `name`.
    pub name: String,
    /// `resources`.
    pub resources: Resources,
}

/// A HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoscalerObject {
    /// `metadata.namespace`, by default `default`; what it scales is there, too.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// What it scales: the kind in small letters, and the name.
    pub target: (String, String),
    /// Place of that name.
    pub target_span: Span,
    /// `minReplicas` and `maxReplicas`.
    pub range: Range,
    /// `metrics`, without those of resources that are not modelled.
    pub metrics: Vec<MetricObject>,
    /// `behavior`, complete.
    pub behavior: Option<Behavior>,
    /// Place of `metadata.name`.
    pub span: Span,
}

/// A metric of an autoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricObject {
    /// What is measured.
    pub source: MetricSource,
    /// What it should be.
    pub goal: MetricGoal,
    /// Place of it.
    pub span: Span,
}

/// What a metric measures.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricSource {
    /// CPU of the pods.
    Cpu {
        /// Of one container only: its name, and the place of that.
        container: Option<(String, Span)>,
    },
    /// What another system measures under this name.
    Named {
        /// `metric.name`.
        name: String,
        /// Of each pod (`Pods`), or of something else (`Object`, `External`).
        of_pods: bool,
    },
}

/// What a metric should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricGoal {
    /// `averageUtilization`: percent of what the pods request.
    Utilization(u32),
    /// `averageValue`, in thousandths.
    Average(i64),
    /// `value`, in thousandths.
    Value(i64),
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerPort {
    /// `name`.
    pub name: Option<String>,
    /// `containerPort`.
    pub container_port: u16,
    /// The port of the node that leads to it: `hostPort`, or with `hostNetwork` the port itself.
    pub host_port: Option<u16>,
}

/// A Service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceObject {
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.selector`.
    pub selector: Vec<(String, String)>,
    /// `spec.clusterIP` where it is an IPv4 address.
    pub cluster_ip: Option<String>,
    /// `spec.externalName`.
    pub external_name: Option<String>,
    /// `spec.type`, by default `ClusterIP`.
    pub type_: String,
    /// What kind of Service it is to its clients.
    pub form: ServiceForm,
    /// For how many seconds `sessionAffinity: ClientIP` holds a client, where it does.
    pub affinity: Option<u32>,
    /// Who may use which of its endpoints.
    pub policy: TrafficPolicy,
    /// How it is reached from outside the cluster; `None` where it is not.
    pub outside: Option<OutsideObject>,
    /// `spec.ports` that speak TCP.
    pub ports: Vec<ServicePortObject>,
    /// Ports of other protocols, which are left out, as `80 (UDP)`.
    pub ports_left_out: Vec<String>,
    /// Place of `metadata.name`.
    pub span: Span,
}

/// How a Service of type NodePort or LoadBalancer is reached from outside the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideObject {
    /// Whether a load balancer stands before it.
    pub load_balancer: bool,
    /// `externalTrafficPolicy: Local`: nodes send to their own pods only.
    pub local: bool,
    /// Whether its ports have node ports (`allocateLoadBalancerNodePorts`).
    pub node_ports: bool,
    /// `healthCheckNodePort`, where it is written and has a meaning.
    pub health_check_node_port: Option<u16>,
    /// Place of `metadata.name`.
    pub span: Span,
}

/// What a Service is to its clients inside the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceForm {
    /// A virtual address in front of the selected pods.
    ClusterIp,
    /// `clusterIP: None`: the name resolves to the pods.
    Headless,
    /// `type: ExternalName`: the name is another name.
    ExternalName,
    /// No selector: the endpoints are written by hand.
    NoSelector,
}

impl ServiceObject {
    /// Whether its name stands for the endpoints themselves.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        match self.form {
            ServiceForm::Headless => true,
            ServiceForm::NoSelector => self.cluster_ip.as_deref() == Some("None"),
            ServiceForm::ClusterIp | ServiceForm::ExternalName => false,
        }
    }
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServicePortObject {
    /// `name`.
    pub name: Option<String>,
    /// `port`.
    pub port: u16,
    /// `targetPort`, by default the same as `port`.
    pub target_port: TargetPort,
    /// `nodePort`, with its place.
    pub node_port: Option<(u16, Span)>,
    /// Place of `targetPort`, or of `port`.
    pub span: Span,
}

/// How a Service port names a container's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// By number.
    Number(u16),
    /// By the name that the container gives it.
    Name(String),
}

/// An EndpointSlice, or a subset of an Endpoints object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceObject {
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// The Service that it belongs to.
    pub service: String,
    /// IPv4 addresses that are ready.
    pub addresses: Vec<u32>,
    /// Those that have a name of their own behind a headless Service.
    pub hostnames: Vec<(u32, String)>,
    /// Names and numbers of ports.
    pub ports: Vec<(Option<String>, u16)>,
    /// Place of the slice.
    pub span: Span,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPolicyObject {
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The pods of its namespace that it guards.
    pub pods: Selector,
    /// What may come in; `None` where it says nothing of that.
    pub ingress: Option<Vec<PolicyRule>>,
    /// What may go out; `None` where it says nothing of that.
    pub egress: Option<Vec<PolicyRule>>,
}

/// What a NetworkPolicy lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRule {
    /// From or to whom; none is everybody.
    pub peers: Vec<Peer>,
    /// To which ports; none is all.
    pub ports: Vec<PolicyPort>,
}

/// Whom a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Pods, of the policy's namespace where no others are named.
    Pods {
        /// `namespaceSelector`.
        namespaces: Option<Selector>,
        /// `podSelector`.
        pods: Option<Selector>,
    },
    /// `ipBlock`.
    Block(Block),
}

/// A range of addresses: first address and prefix length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The range.
    pub cidr: (u32, u8),
    /// Those of it that are not meant.
    pub except: Vec<(u32, u8)>,
}

/// A port of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyPort {
    /// From one number to another.
    Numbers(u16, u16),
    /// By the name that the container gives it.
    Name(String),
    /// Of another protocol than TCP.
    Other,
}

/// Which labels are asked for; all must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// What must be met.
    pub requirements: Vec<Requirement>,
}

/// A label that must have one of these values, or any where there are none; or must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Name of the label.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether it must, or must not.
    pub wanted: bool,
}

/// An Ingress or an HTTPRoute.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteObject {
    /// `Ingress` or `HTTPRoute`.
    pub kind: &'static str,
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.ingressClassName`, with its place.
    pub class: Option<(String, Span)>,
    /// `spec.parentRefs` of an HTTPRoute: namespace and name of each Gateway, with their place.
    pub parents: Vec<(String, String, Span)>,
    /// Its rules; `defaultBackend` is one without hosts and paths.
    pub rules: Vec<RouteRule>,
    /// Which share it takes from another Ingress with the same host and path.
    pub canary: Option<Canary>,
    /// Place of `metadata.name`.
    pub span: Span,
}

/// Where some requests go.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteRule {
    /// Hosts; any where there are none.
    pub hosts: Vec<String>,
    /// Paths; any where there are none.
    pub paths: Vec<PathObject>,
    /// Where they go.
    pub backends: Vec<BackendObject>,
    /// Place of the rule.
    pub span: Span,
}

/// Which paths a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathObject {
    /// Whether only this path, not those below it.
    pub exact: bool,
    /// The path.
    pub path: String,
}

/// A Service that gets requests.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendObject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// Its port.
    pub port: PortRef,
    /// Its share among the backends of the rule.
    pub weight: u32,
    /// Place of the name.
    pub span: Span,
}

/// How a backend names the port of its Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortRef {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

/// A canary's share: so many of so many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// So many,
    pub weight: u32,
    /// of so many.
    pub total: u32,
}

/// A Gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayObject {
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.gatewayClassName`.
    pub class: String,
    /// Place of the class.
    pub span: Span,
}

/// A Node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeObject {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: Vec<(String, String)>,
    /// Label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// Cores: `status.allocatable.cpu`, else `status.capacity.cpu`.
    pub cpu: Option<f64>,
    /// Bytes of memory: `status.allocatable.memory`, else `status.capacity.memory`.
    pub memory: Option<u64>,
    /// `spec.taints`, but for those of a control plane and of a cordon.
    pub taints: Vec<Taint>,
    /// `status.allocatable.pods`, else `status.capacity.pods`.
    pub max_pods: Option<u32>,
    /// `spec.podCIDR` where it is IPv4, as `(first address, prefix length)`.
    pub pod_cidr: Option<(u32, u8)>,
    /// The first IPv4 address of type `InternalIP` in `status.addresses`, with its place.
    pub address: Option<(u32, Span)>,
    /// `spec.unschedulable`, or the taint of a control plane.
    pub unschedulable: bool,
    /// Place of `metadata.name`.
    pub span: Span,
}
