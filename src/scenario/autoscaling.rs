//! HorizontalPodAutoscalers, and what they learn of the load when.

use crate::controllers::hpa::Settings;
use crate::controllers::hpa::behavior::{Behavior, Range};
use crate::manifest::MetricGoal;
use crate::time::SimDuration;

/// `cluster.autoscaling`, and the autoscalers of the manifests.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaling {
    /// The autoscalers; none where the scenario leaves them out.
    pub autoscalers: Vec<Autoscaler>,
    /// The controller's flags.
    pub settings: Settings,
    /// How often it looks at each autoscaler.
    pub sync: SimDuration,
    /// How often metrics-server asks the kubelets.
    pub resolution: SimDuration,
    /// How often a kubelet looks at a container.
    pub housekeeping: SimDuration,
}

impl Default for Autoscaling {
    fn default() -> Self {
        Self {
            autoscalers: Vec::new(),
            settings: Settings::default(),
            sync: SimDuration::from_secs(15),
            resolution: SimDuration::from_secs(15),
            housekeeping: SimDuration::from_secs(10),
        }
    }
}

/// An autoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// `hpa/web`, or `shop/hpa/web` outside the namespace `default`.
    pub label: String,
    /// What it scales.
    pub workload: usize,
    /// `minReplicas` and `maxReplicas`.
    pub range: Range,
    /// How fast it may.
    pub behavior: Behavior,
    /// What it goes by.
    pub metrics: Vec<ScalingMetric>,
}

/// A metric of an autoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingMetric {
    /// Its name: `cpu`, or that of another system.
    pub name: String,
    /// What it is.
    pub measure: Measure,
    /// Whether it is of each pod; else of all together.
    pub of_pods: bool,
    /// What it should be.
    pub goal: MetricGoal,
}

/// What a metric measures of a container, or of all of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// CPU used: of all containers, or of one by its number.
    Cpu(Option<usize>),
    /// Requests in the pod, waiting or being served, on average.
    InFlight,
    /// Requests that wait in it, on average.
    Waiting,
}

impl Measure {
    /// The words for those that another system measures.
    pub const WORDS: [(&'static str, Self); 2] = [("inFlight", Self::InFlight), ("waiting", Self::Waiting)];
}
