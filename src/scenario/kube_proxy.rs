//! How Services are implemented on nodes.

/// `cluster.kubeProxy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KubeProxy {
    /// What programs the rules.
    pub mode: KubeProxyMode,
    /// Whether the first packet of a connection takes time to find its rule.
    pub first_packet: bool,
}

/// What programs the rules of Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KubeProxyMode {
    /// A chain of rules with probabilities.
    #[default]
    Iptables,
    /// A map, and a random number.
    Nftables,
    /// The kernel's layer-4 balancer.
    Ipvs(IpvsScheduler),
    /// A program at the client's socket.
    Ebpf,
}

impl KubeProxyMode {
    /// Every mode by name; of `ipvs` the default scheduler.
    pub const ALL: [(&'static str, Self); 4] = [
        ("iptables", Self::Iptables),
        ("nftables", Self::Nftables),
        ("ipvs", Self::Ipvs(IpvsScheduler::Rr)),
        ("ebpf", Self::Ebpf),
    ];

    /// How it chooses among endpoints: by chance, or the scheduler of IPVS.
    #[must_use]
    pub fn chooses(self) -> &'static str {
        match self {
            Self::Ipvs(scheduler) => scheduler.name(),
            Self::Iptables | Self::Nftables | Self::Ebpf => "random",
        }
    }
}

/// A scheduler of IPVS, by the name that `ipvsadm` and kube-proxy use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpvsScheduler {
    /// Round robin.
    Rr,
    /// Weighted round robin.
    Wrr,
    /// Least connections.
    Lc,
    /// Weighted least connections.
    Wlc,
    /// Shortest expected delay.
    Sed,
    /// Never queue.
    Nq,
    /// Source hashing.
    Sh,
    /// Destination hashing.
    Dh,
    /// Maglev hashing.
    Mh,
    /// Locality-based least connections.
    Lblc,
    /// Locality-based least connections with replication.
    Lblcr,
    /// Weighted fail-over.
    Fo,
    /// Weighted overflow.
    Ovf,
}

impl IpvsScheduler {
    /// Every scheduler with its name.
    pub const ALL: [(&'static str, Self); 13] = [
        ("rr", Self::Rr),
        ("wrr", Self::Wrr),
        ("lc", Self::Lc),
        ("wlc", Self::Wlc),
        ("sed", Self::Sed),
        ("nq", Self::Nq),
        ("sh", Self::Sh),
        ("dh", Self::Dh),
        ("mh", Self::Mh),
        ("lblc", Self::Lblc),
        ("lblcr", Self::Lblcr),
        ("fo", Self::Fo),
        ("ovf", Self::Ovf),
    ];

    /// The scheduler of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, scheduler)| *scheduler)
    }

    /// The name of a scheduler.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| *name)
    }

    /// Whether its choices depend on how many connections servers have.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Rr | Self::Wrr | Self::Sh | Self::Dh | Self::Mh | Self::Fo)
    }
}
