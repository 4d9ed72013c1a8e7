//! What the kernels of nodes allow and forget: retries of SYNs, connection tracking, source ports.

use crate::time::SimDuration;

/// `cluster.kernel`, of every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// Major and minor version.
    pub version: (u32, u32),
    /// Connection tracking, where its table is kept.
    pub conntrack: Option<Conntrack>,
    /// Source ports, where they can run out.
    pub source_ports: Option<SourcePorts>,
}

/// The table of connections of each node (`nf_conntrack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conntrack {
    /// Most entries; `None`: what kube-proxy sets, 32,768 a core and at least 131,072.
    pub max: Option<u32>,
    /// How long a closed connection is remembered.
    pub time_wait: SimDuration,
    /// How long one that was reset is.
    pub close: SimDuration,
    /// How long one that nobody answered is.
    pub syn_sent: SimDuration,
    /// How long a flow of a datagram and its answer is (`nf_conntrack_udp_timeout`).
    pub udp: SimDuration,
}

/// The ports from which an address connects to one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcePorts {
    /// How many there are.
    pub count: u32,
    /// How long the side that closes first keeps a port.
    pub time_wait: SimDuration,
}

impl Kernel {
    /// Version 6.8; nothing runs out.
    pub const USUAL: Self = Self { version: (6, 8), conntrack: None, source_ports: None };

    /// Whether anything of connections is remembered that can run out.
    #[must_use]
    pub const fn remembers(&self) -> bool {
        self.conntrack.is_some() || self.source_ports.is_some()
    }

    /// Times after the first SYN at which it is sent again, in seconds, and when the kernel gives up
    /// (`tcp_syn_retries` 6; from 6.5 on after `tcp_syn_linear_timeouts` 4 without doubling). Source: ip-sysctl.
    #[must_use]
    pub fn syns(&self) -> (&'static [u64], u64) {
        if self.version >= (6, 5) { (&[1, 2, 3, 4, 5, 7, 11, 19, 35, 67], 131) } else { (&[1, 3, 7, 15, 31, 63], 127) }
    }
}

impl Conntrack {
    /// The kernel's own timeouts.
    pub const USUAL: Self = Self {
        max: None,
        time_wait: SimDuration::from_secs(120),
        close: SimDuration::from_secs(10),
        syn_sent: SimDuration::from_secs(120),
        udp: SimDuration::from_secs(30),
    };

    /// Most entries on a node with so many cores.
    #[must_use]
    pub fn capacity(&self, cores: Option<f64>) -> u32 {
        self.max.unwrap_or_else(|| (cores.unwrap_or(0.0).floor() as u32).saturating_mul(32_768).max(131_072))
    }
}

impl SourcePorts {
    /// Ports 32768 to 60999, and TIME_WAIT.
    pub const USUAL: Self = Self { count: 28_232, time_wait: SimDuration::from_secs(60) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syns_are_sent_again_as_the_kernels_do() {
        let of = |version| Kernel { version, ..Kernel::USUAL }.syns();
        assert_eq!(of((6, 8)), (&[1, 2, 3, 4, 5, 7, 11, 19, 35, 67][..], 131));
        assert_eq!(of((5, 15)), (&[1, 3, 7, 15, 31, 63][..], 127));
        assert_eq!(of((6, 4)).1, 127);
        assert_eq!(of((6, 5)).1, 131);
    }

    #[test]
    fn kube_proxy_sizes_the_table_by_cores() {
        let capacity = |cores| Conntrack::USUAL.capacity(cores);
        assert_eq!([capacity(None), capacity(Some(2.0)), capacity(Some(4.0))], [131_072; 3]);
        assert_eq!([capacity(Some(16.0)), capacity(Some(64.0))], [524_288, 2_097_152]);
    }
}
