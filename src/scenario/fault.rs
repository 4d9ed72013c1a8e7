//! Faults: what goes wrong for a while, as the timeline says it.

use std::fmt;

use super::Scenario;
use super::timeline::PodRef;
use crate::random::Dist;
use crate::time::SimDuration;

/// A fault of `spec.timeline`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// From here on,
    pub from: SimDuration,
    /// and before here; to the end of the run where nothing is said.
    pub to: Option<SimDuration>,
    /// this is so.
    pub what: Wrong,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Wrong {
    /// A pod works at another speed, besides its own and its node's.
    SlowPod {
        /// Which.
        pod: PodRef,
        /// Work that begins meanwhile takes its usual time divided by this.
        speed: f64,
    },
    /// The same, of all pods of a node.
    SlowNode {
        /// Index of the node.
        node: usize,
        /// As of a pod.
        speed: f64,
    },
    /// Packets take longer.
    LatencySpike {
        /// Where.
        between: Between,
        /// By how much.
        delay: Delay,
    },
    /// No packet gets through.
    Partition {
        /// Where.
        between: Between,
    },
    /// Some packets are lost.
    PacketLoss {
        /// Where.
        between: Between,
        /// Which share.
        ratio: f64,
    },
    /// DNS servers of the cluster answer nothing.
    DnsOutage {
        /// How many of them; all where nothing is said.
        servers: Option<u32>,
    },
    /// More requests come, or fewer.
    TrafficSpike {
        /// Index of the traffic.
        traffic: usize,
        /// How many times as many.
        times: f64,
    },
}

/// How long a packet takes during a spike.
#[derive(Debug, Clone, PartialEq)]
pub enum Delay {
    /// As usual, and this on top of it.
    Adds(Dist),
    /// So many times as long as usual.
    Times(f64),
}

/// Which hops a fault of the network concerns, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Between {
    /// All of one path class.
    Class(Class),
    /// Those between nodes of one side and nodes of the other.
    Sides(Side, Side),
}

/// A path class, by its key under `cluster.network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Inside a pod.
    Loopback,
    /// Inside a node.
    SameNode,
    /// Inside a zone.
    SameZone,
    /// Between zones.
    CrossZone,
    /// Into the cluster or out of it.
    External,
}

impl Class {
    /// Their keys.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("loopback", Self::Loopback),
        ("sameNode", Self::SameNode),
        ("sameZone", Self::SameZone),
        ("crossZone", Self::CrossZone),
        ("external", Self::External),
    ];
}

/// One side of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// A node, by its index.
    Node(usize),
    /// The nodes of a zone.
    Zone(String),
    /// What is outside the cluster.
    Internet,
    /// Everything that is not on the other side.
    All,
}

impl Fault {
    /// The word in scenarios.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.what {
            Wrong::SlowPod { .. } => "slowPod",
            Wrong::SlowNode { .. } => "slowNode",
            Wrong::LatencySpike { .. } => "latencySpike",
            Wrong::TrafficSpike { .. } => "trafficSpike",
            Wrong::DnsOutage { .. } => "dnsOutage",
            Wrong::Partition { .. } => "partition",
            Wrong::PacketLoss { .. } => "packetLoss",
        }
    }

    /// What it concerns, for `events.csv`.
    #[must_use]
    pub fn object(&self, scenario: &Scenario) -> String {
        let node = |node: &usize| format!("node/{}", scenario.cluster.nodes[*node].name);
        match &self.what {
            Wrong::SlowPod { pod, .. } => format!("{}[{}]", scenario.workloads[pod.workload].target(), pod.number),
            Wrong::SlowNode { node: index, .. } => node(index),
            Wrong::LatencySpike { between, .. } | Wrong::Partition { between } | Wrong::PacketLoss { between, .. } => {
                between.label(scenario)
            }
            Wrong::DnsOutage { .. } => "service/kube-dns".to_owned(),
            Wrong::TrafficSpike { traffic, .. } => format!("traffic/{}", scenario.traffic[*traffic].flow.name),
        }
    }

    /// What is wrong, for `events.csv`.
    #[must_use]
    pub fn detail(&self) -> String {
        let word = self.word();
        match &self.what {
            Wrong::SlowPod { speed, .. } | Wrong::SlowNode { speed, .. } => format!("{word}: speed {speed}"),
            Wrong::Partition { .. } | Wrong::DnsOutage { servers: None } => word.to_owned(),
            Wrong::DnsOutage { servers: Some(servers) } => format!("{word}: servers {servers}"),
            Wrong::PacketLoss { ratio, .. } => format!("{word}: ratio {ratio}"),
            Wrong::LatencySpike { delay: Delay::Adds(dist), .. } => format!("{word}: adds {}", dist.describe()),
            Wrong::LatencySpike { delay: Delay::Times(times), .. } | Wrong::TrafficSpike { times, .. } => {
                format!("{word}: times {times}")
            }
        }
    }
}

impl Between {
    fn label(&self, scenario: &Scenario) -> String {
        let side = |side: &Side| match side {
            Side::Node(node) => format!("node/{}", scenario.cluster.nodes[*node].name),
            Side::Zone(zone) => format!("zone/{zone}"),
            Side::Internet => "internet".to_owned(),
            Side::All => "all".to_owned(),
        };
        match self {
            Self::Class(class) => format!("network/{class}"),
            Self::Sides(one, other) => format!("network/{} {}", side(one), side(other)),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, _) = Self::WORDS[*self as usize];
        f.write_str(word)
    }
}
