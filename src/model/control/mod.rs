//! What changes the cluster: the timeline, controllers that make and delete pods, and news of endpoints on their way.
//!
//! Three states of an endpoint: *desired* (a pod is ready or is not), *observed* (the Service's endpoints have a new
//! version) and *programmed* (a kube-proxy, a proxy or a client acts on it). A scenario in which nothing happens has no
//! [`Control`], and pays nothing.

pub(crate) mod autoscaling;
mod containers;
mod controllers;
mod deployments;
mod ending;
mod endpoints;
mod failures;
mod images;
mod killing;
pub(crate) mod lateness;
mod levels;
mod lifecycle;
mod metrics_pipeline;
mod moments;
mod news;
mod nodes;
mod placing;
mod probes;
mod rollouts;
mod timeline;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::cluster::addresses::Addresses;
use crate::model::network::published::Published;
use crate::model::plan::Plan;
use crate::model::slab::Slab;
use crate::observe::outcome::ClusterEvent;
use crate::scenario::Workload;
use crate::scenario::pod_life::{Sigterm, Template};

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

/// Whether single containers of a workload are told of: where something of theirs takes time, or is asked for.
fn talks(workload: &Workload) -> bool {
    let instant = |dist: &crate::random::Dist| dist.as_constant().is_some_and(crate::time::SimDuration::is_zero);
    let acts = |container: &crate::scenario::Container| {
        !instant(&container.start) || !instant(&container.stop) || container.sigterm != Sigterm::Exit
    };
    workload.containers.iter().any(acts) || workload.init.iter().any(|init| !instant(&init.takes))
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
    /// Where that takes time.
    slices: endpoints::Writing,
    /// What each kind of consumer acts on, by Service.
    programmed: [Vec<Arc<Published>>; 4],
    deliveries: Slab<Delivery>,
    /// News that reaches everybody at a time of its own.
    news: news::News,
    controllers: controllers::Controllers,
    /// Who acted on old news.
    pub(crate) lateness: lateness::Lateness,
    /// What is to happen to single pods and containers.
    moments: Slab<(u32, moments::Moment)>,
    /// All containers, by station.
    containers: Vec<containers::Container>,
    /// Kubelets' questions that wait in the queues of containers, by attempt: the pod, and the answer.
    questions: BTreeMap<u32, (u32, moments::Moment)>,
    /// The templates of each workload's pods.
    templates: Vec<Vec<Template>>,
    /// The Deployments and ReplicaSets, by workload.
    deployments: Vec<deployments::Deployment>,
    /// Workloads that their controllers are to look at.
    unseen: Vec<bool>,
    /// Workloads of whose single containers is told.
    talks: Vec<bool>,
    images: images::Images,
    nodes: nodes::Nodes,
    /// The scheduler, where one is needed.
    placing: Option<Box<placing::Placing>>,
    failures: failures::Failures,
    rollouts: rollouts::Rollouts,
    /// Pods that are killed at random.
    killings: killing::Killings,
    /// What autoscalers know and did.
    pub(crate) scaling: autoscaling::Scaling,
    /// Nanoseconds of CPU that had been used when the levels were read last.
    cpu_at_level: u128,
    /// What happened, for `events.csv`.
    pub(crate) events: Vec<ClusterEvent>,
}

impl Control {
    /// For a scenario in which something changes, or kubelets look after pods.
    pub(crate) fn new(plan: &Plan, replication: u32) -> Option<Box<Self>> {
        if !plan.scenario.cluster.lives {
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
            slices: endpoints::Writing::new(plan, replication),
            deliveries: Slab::default(),
            news: news::News::new(plan, replication),
            controllers: controllers::Controllers::default(),
            lateness: lateness::Lateness::default(),
            moments: Slab::default(),
            containers: vec![containers::Container::at_start(); plan.pod_of.len()],
            questions: BTreeMap::new(),
            templates: plan.scenario.workloads.iter().map(|workload| workload.life.templates.clone()).collect(),
            deployments: plan.scenario.workloads.iter().map(|_| deployments::Deployment::default()).collect(),
            unseen: vec![false; plan.scenario.workloads.len()],
            talks: plan.scenario.workloads.iter().map(talks).collect(),
            images: images::Images::default(),
            placing: placing::Placing::of(plan),
            nodes: nodes::Nodes::of(plan.scenario.cluster.nodes.len()),
            failures: failures::Failures::of(plan, replication),
            rollouts: rollouts::Rollouts::default(),
            killings: killing::Killings::default(),
            scaling: autoscaling::Scaling::default(),
            cpu_at_level: 0,
            events: Vec::new(),
        }))
    }

    /// Another template of a workload's pods; its number.
    fn add_template(&mut self, workload: usize, template: Template) -> u32 {
        self.templates[workload].push(template);
        crate::model::plan::as_u32(self.templates[workload].len() - 1)
    }

    /// What the API server has of a Service.
    pub(crate) fn observed(&self, service: usize) -> &Published {
        &self.observed[service]
    }

    /// What a kind of consumer acts on now, where all of a kind act at one time.
    fn programmed(&self, consumer: Consumer, service: usize) -> &Arc<Published> {
        &self.programmed[consumer as usize][service]
    }

    /// What the rules of a node are made of.
    pub(crate) fn programmed_on(&self, node: u32, service: usize) -> &Arc<Published> {
        match self.news.is_apart(Consumer::KubeProxies) {
            true => self.news.known_on(node, service),
            false => self.programmed(Consumer::KubeProxies, service),
        }
    }

    /// What a client that balances by itself acts on.
    pub(crate) fn programmed_at(&self, flow: u32, client: u32, service: usize) -> &Arc<Published> {
        match self.news.is_apart(Consumer::Clients) {
            true => self.news.known_to(flow, client, service),
            false => self.programmed(Consumer::Clients, service),
        }
    }
}
