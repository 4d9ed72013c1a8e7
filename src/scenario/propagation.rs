//! How news of endpoints travels: `cluster.propagation`.

use crate::random::Dist;
use crate::time::SimDuration;

/// From a change of pods until everybody acts on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Propagation {
    /// How long the EndpointSlice controller takes for a Service.
    pub slices: Dist,
    /// The probability that a write right behind another fails, and is tried again after a second.
    pub conflicts: f64,
    /// From the write until a node's rules are new.
    pub rules: RuleNews,
    /// From the write until a proxy's worker acts on it.
    pub proxies: Dist,
    /// From the write until a client that balances by itself acts on it.
    pub clients: Dist,
    /// From the write until a DNS server of the cluster answers so.
    pub dns: Dist,
}

/// How kube-proxies get their news.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleNews {
    /// So long after the write; each node for itself, unless it is always as long.
    After(Dist),
    /// They are told, and write rules in runs.
    InRuns(Runs),
}

/// The runs of a kube-proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs {
    /// From the write until a node has been told.
    pub watch: Dist,
    /// `minSyncPeriod`; a node may have its own.
    pub least: SimDuration,
    /// How long a run takes; without it, by the mode of kube-proxy and the number of Services.
    pub takes: Option<Dist>,
}

/// A size of clusters whose delays are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Up to 100 nodes.
    Small,
    /// A thousand.
    Medium,
    /// Five thousand.
    Large,
}

impl Preset {
    /// Every preset by name.
    pub const ALL: [(&'static str, Self); 3] =
        [("small", Self::Small), ("medium", Self::Medium), ("large", Self::Large)];

    /// Median and 99th percentile of an isolated change's way to a node, in seconds. Estimated between the figures of
    /// KEP-3453 for 5,000 nodes (median 27 s, then 13 s, then 5 s) and what small clusters show.
    #[must_use]
    pub const fn way(self) -> (f64, f64) {
        match self {
            Self::Small => (0.3, 2.0),
            Self::Medium => (1.5, 8.0),
            Self::Large => (5.0, 25.0),
        }
    }

    /// All delays of a cluster of that size.
    #[must_use]
    pub fn propagation(self) -> Propagation {
        let (median, p99) = self.way();
        let way = Dist::lognormal_median_p99(median, p99).expect("the p99 lies above the median");
        Propagation {
            slices: Dist::uniform(0.01, 0.05).expect("a range"),
            conflicts: 0.0,
            rules: RuleNews::InRuns(Runs { watch: way.clone(), least: Runs::LEAST, takes: None }),
            proxies: way.clone(),
            clients: Propagation::usual().clients,
            dns: way,
        }
    }
}

impl Runs {
    /// kube-proxy's default `minSyncPeriod`.
    pub const LEAST: SimDuration = SimDuration::from_secs(1);
}

impl Propagation {
    /// What holds where a scenario says nothing. Of a small cluster's kube-proxies half act within 0.3 s; an Envoy that is
    /// told by xDS acts within a tenth of a second; a client that asks DNS hears when the answer's 30 s (CoreDNS) are over.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            slices: Dist::zero(),
            conflicts: 0.0,
            rules: RuleNews::After(Dist::constant(SimDuration::from_millis(300))),
            proxies: Dist::constant(SimDuration::from_millis(100)),
            clients: Dist::constant(SimDuration::from_secs(30)),
            dns: Dist::constant(SimDuration::from_millis(100)),
        }
    }
}
