//! How requests come into the cluster from outside, and what stands there for the outside itself.

use super::InstancePick;
use crate::balance;
use crate::cause::FailureCause;
use crate::random::Dist;
use crate::time::SimDuration;

/// How a Service port is reached from outside the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The port on every node; `None` where a load balancer sends to pods and needs none.
    pub node_port: Option<u16>,
    /// `externalTrafficPolicy: Local`: a node sends to its own pods only, and drops what it has no pod for.
    pub local: bool,
    /// Whether a load balancer stands before it.
    pub load_balancer: bool,
}

/// How a flow from outside comes into the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayIn {
    /// Index into [`Scenario::services`](super::Scenario::services): whose node port or load balancer it is.
    pub service: usize,
    /// Where connections enter.
    pub entry: Entry,
}

/// Where connections enter the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// At a node port, on a node that the client chooses for each connection.
    Nodes {
        /// The nodes among which it chooses.
        nodes: Vec<usize>,
        /// How.
        pick: InstancePick,
    },
    /// At a load balancer, which sends each connection to a node, or to a pod.
    LoadBalancer {
        /// The nodes it may send to.
        nodes: Vec<usize>,
    },
}

/// A share of the requests that an ingress controller sends to one of several Services.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Index into [`Scenario::proxies`](super::Scenario::proxies).
    pub proxy: usize,
    /// Index into [`Scenario::services`](super::Scenario::services): whose endpoints that proxy reads.
    pub service: usize,
    /// It gets what a draw from [0, 1) below this leaves to it: the shares before it come first.
    pub up_to: f64,
}

/// What an ingress controller is: its pods are the instances of its proxies, one proxy for each Service it sends to.
#[derive(Debug, Clone, PartialEq)]
pub struct Controller {
    /// Its class.
    pub class: String,
    /// Index into [`Scenario::workloads`](super::Scenario::workloads): whose pods it runs in.
    pub workload: usize,
    /// How it learns of endpoints.
    pub sync: Sync,
    /// What it answers to requests that no rule is for, of the proxy that stands for that.
    pub answers: Option<FailureCause>,
    /// To how many pods it sends a request, one after the other, until one does not fail as a connection.
    pub tries: u32,
}

/// How a controller learns of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// It is told, and all workers act on it at once.
    Push {
        /// From the change until then.
        delay: SimDuration,
    },
    /// It is told, takes what is new in turns that are so far apart, and each worker looks for that once in a while.
    Poll {
        /// From the change until it is told.
        delay: SimDuration,
        /// Shortest time between two turns.
        interval: SimDuration,
        /// How often a worker looks.
        poll: SimDuration,
    },
}

/// Who gives connections that leave the cluster another address, and how many of them at once to one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat {
    /// Whether one gateway does it for all nodes; else each node does it for its pods.
    pub gateway: bool,
    /// How many ports each has to one destination.
    pub ports: u32,
    /// For how long a port stays taken after its connection.
    pub hold: SimDuration,
}

impl Nat {
    /// How nodes do it, whatever gateway there is: with connections from outside that they send on.
    #[must_use]
    pub fn of_nodes(self) -> Self {
        if self.gateway { Self::default() } else { self }
    }
}

impl Default for Nat {
    /// The ports from 1024 on, and the 120 s for which Linux keeps an entry of a closed connection.
    fn default() -> Self {
        Self { gateway: false, ports: 64_512, hold: SimDuration::from_secs(120) }
    }
}

/// The load balancers that a cloud puts before Services of that type; each Service port has one of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadBalancers {
    /// How they choose a target for a connection.
    pub choice: TargetChoice,
    /// Whether what is hashed is the client's address alone, not the connection's five parts.
    pub by_client: bool,
    /// Whether they send to pods instead of nodes.
    pub pods: bool,
    /// Time in them, each way.
    pub latency: Dist,
    /// How often they look at each target.
    pub interval: SimDuration,
    /// After how many failed looks a target gets no more connections.
    pub unhealthy: u32,
    /// After how many good ones it gets them again.
    pub healthy: u32,
    /// How long connections to a target last that was taken out of the list.
    pub deregistration: SimDuration,
}

/// How a load balancer chooses.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetChoice {
    /// By a policy.
    Policy(balance::Spec),
    /// By the remainder of a hash, so that a change of the targets moves nearly everything.
    Hash,
}

impl LoadBalancers {
    /// The words of `implementation`.
    #[must_use]
    pub fn choices() -> [(&'static str, TargetChoice); 4] {
        let maglev = balance::Maglev {
            weights: balance::Weights::default(),
            size: 65_537,
            addresses: balance::Addresses::USUAL,
            bound: None,
            staleness: None,
        };
        [
            ("round-robin", TargetChoice::Policy(balance::RoundRobin { start: balance::Start::Random }.into())),
            ("least-connections", TargetChoice::Policy(balance::LeastRequest::USUAL.into())),
            ("hash", TargetChoice::Hash),
            ("maglev", TargetChoice::Policy(maglev.into())),
        ]
    }

    /// What is written for how they choose.
    #[must_use]
    pub fn implementation(&self) -> &'static str {
        let choices = Self::choices();
        choices.iter().find(|(_, choice)| *choice == self.choice).map_or("round-robin", |(word, _)| *word)
    }
}

impl Default for LoadBalancers {
    fn default() -> Self {
        let [(_, round_robin), ..] = Self::choices();
        Self {
            choice: round_robin,
            by_client: false,
            pods: false,
            latency: Dist::zero(),
            interval: SimDuration::from_secs(10),
            unhealthy: 3,
            healthy: 3,
            deregistration: SimDuration::from_secs(300),
        }
    }
}

/// Clients outside the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Internet {
    /// How they choose among nodes, where a URL leaves that to them.
    pub pick: InstancePick,
    /// How many addresses they have between them: fewer than clients stand behind translated addresses (NAT).
    pub addresses: Option<u32>,
}
