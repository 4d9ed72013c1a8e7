//! What the scheduler knows of a pod and of a node: what their objects say, nothing that changes as pods come and go.

use super::labels::{Requirement, Selector, value_of};
use super::resources::{Allocatable, Resources};
use super::taints::{Taint, Toleration, untolerated};

/// The label that every node has: its name.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// The label for the zone of a node.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// Pods that are all alike for the scheduler: those of a ReplicaSet, for example.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PodSpec {
    /// Their namespace.
    pub namespace: String,
    /// Their labels.
    pub labels: Vec<(String, String)>,
    /// What their containers request.
    pub requests: Resources,
    /// The same with what is assumed of containers that request nothing; for scores.
    pub scored: Resources,
    /// Ports of the node that they need.
    pub ports: Vec<u16>,
    /// Which nodes they may or would like to go to.
    pub node_affinity: NodeAffinity,
    /// What they tolerate.
    pub tolerations: Vec<Toleration>,
    /// How they are to be spread.
    pub spread: Vec<SpreadConstraint>,
    /// Near which pods they are to stand, or not.
    pub pod_affinity: PodAffinity,
    /// Whether a Service or a controller selects them: who states no constraint is then spread by the cluster's own.
    pub is_spread_by_default: bool,
}

/// `nodeSelector` and `affinity.nodeAffinity`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeAffinity {
    /// All of these must hold.
    pub selector: Vec<Requirement>,
    /// One of these must hold with all its requirements, unless there are none.
    pub required: Vec<Vec<Requirement>>,
    /// Nodes for which these hold are better, by a weight from 1 to 100.
    pub preferred: Vec<(u32, Vec<Requirement>)>,
}

impl NodeAffinity {
    /// Whether a node with these labels is allowed.
    #[must_use]
    pub fn allows(&self, labels: &[(String, String)]) -> bool {
        // A term without requirements matches no node.
        let holds = |term: &Vec<Requirement>| !term.is_empty() && term.iter().all(|one| one.holds(labels));
        self.selector.iter().all(|one| one.holds(labels))
            && (self.required.is_empty() || self.required.iter().any(holds))
    }

    /// The sum of the weights of what is preferred here.
    #[must_use]
    pub fn likes(&self, labels: &[(String, String)]) -> u64 {
        let holds = |(_, term): &&(u32, Vec<Requirement>)| term.iter().all(|one| one.holds(labels));
        self.preferred.iter().filter(holds).map(|(weight, _)| u64::from(*weight)).sum()
    }
}

/// An entry of `topologySpreadConstraints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// How many pods more than the emptiest a domain may have.
    pub max_skew: u32,
    /// The label of nodes that says which domain they are in.
    pub key: String,
    /// Whether a node that breaks it is out (`DoNotSchedule`), or only worse (`ScheduleAnyway`).
    pub is_hard: bool,
    /// Which pods count; none where it is missing.
    pub selector: Option<Selector>,
    /// With fewer domains than this the emptiest counts as empty.
    pub min_domains: u32,
    /// Whether nodes that the pod may not go to count (`nodeAffinityPolicy: Ignore`).
    pub ignores_affinity: bool,
    /// Whether nodes whose taints keep the pod away do not count (`nodeTaintsPolicy: Honor`).
    pub honors_taints: bool,
}

impl SpreadConstraint {
    /// Whether a node counts for pods of a kind.
    #[must_use]
    pub fn counts(&self, pod: &PodSpec, node: &NodeSpec) -> bool {
        (self.ignores_affinity || pod.node_affinity.allows(&node.labels))
            && (!self.honors_taints || untolerated(&node.taints, &pod.tolerations).is_none())
    }
}

/// What the scheduler does for pods that state no constraint: at most three more on a node and five more in a zone, where
/// that can be had. Source: Kubernetes, `pkg/scheduler/framework/plugins/podtopologyspread`, `systemDefaultConstraints`.
#[must_use]
pub fn default_spread() -> Vec<SpreadConstraint> {
    let soft = |max_skew, key: &str| SpreadConstraint {
        max_skew,
        key: key.to_owned(),
        is_hard: false,
        selector: None,
        min_domains: 1,
        ignores_affinity: false,
        honors_taints: false,
    };
    vec![soft(3, HOSTNAME), soft(5, ZONE)]
}

/// `affinity.podAffinity` and `affinity.podAntiAffinity`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodAffinity {
    /// Such pods must be in the same domain.
    pub near: Vec<Term>,
    /// Such pods must not be in the same domain.
    pub apart: Vec<Term>,
    /// Nodes near such pods are better by a weight, or worse where it is negative.
    pub preferred: Vec<(i64, Term)>,
}

/// Other pods, and how far around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The label of nodes that says which domain they are in.
    pub key: String,
    /// The pods.
    pub selector: Option<Selector>,
    /// Their namespaces; that of the pod itself where there are none.
    pub namespaces: Vec<String>,
    /// Whether pods of all namespaces are meant.
    pub everywhere: bool,
}

impl Term {
    /// Whether a term of pods of a namespace means a pod.
    #[must_use]
    pub fn means(&self, own: &str, pod: &PodSpec) -> bool {
        let in_namespace = match &self.namespaces[..] {
            _ if self.everywhere => true,
            [] => pod.namespace == own,
            list => list.contains(&pod.namespace),
        };
        in_namespace && self.selector.as_ref().is_some_and(|selector| selector.selects(&pod.labels))
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeSpec {
    /// Its labels, with its name among them.
    pub labels: Vec<(String, String)>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it is cordoned.
    pub is_unschedulable: bool,
    /// What it has for pods.
    pub allocatable: Allocatable,
    /// How many pods it takes.
    pub max_pods: u32,
}

impl NodeSpec {
    /// Its domain under a label.
    #[must_use]
    pub fn domain(&self, key: &str) -> Option<&str> {
        value_of(&self.labels, key)
    }
}
