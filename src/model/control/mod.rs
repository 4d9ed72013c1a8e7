//! What changes the cluster: the timeline, controllers that make and delete pods, and news of endpoints on their way.
//!
//! Three states of an endpoint: *desired* (a pod is ready or is not), *observed* (the Service's endpoints have a new
//! version) and *programmed* (a kube-proxy, a proxy or a client acts on it). A scenario in which nothing happens has no
//! [`Control`], and pays nothing.

mod containers;
mod controllers;
mod endpoints;
mod lifecycle;
mod timeline;

use std::sync::Arc;

use crate::model::cluster::addresses::Addresses;
use crate::model::network::published::Published;
use crate::model::plan::Plan;
use crate::model::slab::Slab;
use crate::observe::outcome::ClusterEvent;
use crate::scenario::startup::Step;

/// Who acts on endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consumer {
    /// The kube-proxies of all nodes.
    KubeProxies,
    /// The workers of all proxies.
    Proxies,
    /// The clients that balance by themselves.
    Clients,
    /// The cluster's DNS servers.
    Dns,
}

impl Consumer {
    pub(crate) const ALL: [Self; 4] = [Self::KubeProxies, Self::Proxies, Self::Clients, Self::Dns];
}

/// News of endpoints on the way to who acts on it.
#[derive(Debug, Clone)]
struct Delivery {
    consumer: Consumer,
    service: usize,
    published: Arc<Published>,
}

/// What a changing cluster remembers.
#[derive(Debug)]
pub(crate) struct Control {
    /// How many pods each workload is to have.
    wanted: Vec<u32>,
    /// How many pods each workload ever had.
    made: Vec<u32>,
    /// Pods without a node or without an address, in the order in which they came.
    pending: Vec<u32>,
    addresses: Addresses,
    /// The newest version of each Service's endpoints.
    observed: Vec<Arc<Published>>,
    /// Which of its eras each Service is in.
    eras: Vec<usize>,
    /// Services whose slices are to be written.
    stale: Vec<bool>,
    /// What each kind of consumer acts on, by Service.
    programmed: [Vec<Arc<Published>>; 4],
    deliveries: Slab<Delivery>,
    controllers: controllers::Controllers,
    /// What is to happen to single containers: the pod, and what.
    steps: Slab<(u32, Step)>,
    /// What happened, for `events.csv`.
    pub(crate) events: Vec<ClusterEvent>,
}

impl Control {
    /// For a scenario with a timeline.
    pub(crate) fn new(plan: &Plan) -> Option<Box<Self>> {
        if plan.scenario.timeline.is_empty() {
            return None;
        }
        let mut addresses = Addresses::of(&plan.scenario.cluster.nodes);
        let own = |pod: &&crate::scenario::placement::Placed| {
            pod.node < plan.scenario.cluster.nodes.len() && !plan.scenario.workloads[pod.workload].host.network
        };
        for pod in plan.pods.iter().filter(own) {
            addresses.take(crate::model::plan::as_u32(pod.node), pod.ip);
        }
        let wanted: Vec<u32> = plan.scenario.workloads.iter().map(|workload| workload.replicas).collect();
        let published: Vec<Arc<Published>> =
            plan.services.iter().map(|service| Arc::clone(&service.published)).collect();
        Some(Box::new(Self {
            made: wanted.clone(),
            wanted,
            pending: Vec::new(),
            addresses,
            programmed: std::array::from_fn(|_| published.clone()),
            eras: vec![0; published.len()],
            stale: vec![false; published.len()],
            observed: published,
            deliveries: Slab::default(),
            controllers: controllers::Controllers::default(),
            steps: Slab::default(),
            events: Vec::new(),
        }))
    }

    /// What the API server has of a Service.
    pub(crate) fn observed(&self, service: usize) -> &Published {
        &self.observed[service]
    }

    /// What a kind of consumer acts on now.
    pub(crate) fn programmed(&self, consumer: Consumer, service: usize) -> &Arc<Published> {
        &self.programmed[consumer as usize][service]
    }
}
