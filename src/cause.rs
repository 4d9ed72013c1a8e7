//! The two closed lists of causes: why a request failed, and where its time went.

use std::fmt;

macro_rules! causes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$item])* $variant,)* }

        impl $name {
            /// Every cause, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word used in scenarios and result files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The cause with that word.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

causes! {
    /// Why an attempt or a request failed.
    FailureCause {
        /// The connection was refused (RST or ICMP).
        Refused = "refused",
        /// No answer to the SYNs.
        ConnectTimeout = "connect_timeout",
        /// An established connection was reset.
        Reset = "reset",
        /// The address belonged to another pod by then.
        WrongPod = "wrong_pod",
        /// The name does not exist.
        DnsNxdomain = "dns_nxdomain",
        /// No answer from DNS.
        DnsTimeout = "dns_timeout",
        /// A Service environment variable was missing.
        EnvMissing = "env_missing",
        /// A layer-7 proxy had no endpoint (503).
        NoEndpoints503 = "no_endpoints_503",
        /// A layer-7 proxy's upstream timed out (504).
        UpstreamTimeout504 = "upstream_timeout_504",
        /// A layer-7 proxy shed the request (503).
        Overload503 = "overload_503",
        /// A circuit breaker was open.
        CircuitOpen = "circuit_open",
        /// No source port was free.
        PortExhaustion = "port_exhaustion",
        /// The connection-tracking table was full.
        ConntrackFull = "conntrack_full",
        /// The client's own timeout passed.
        DeadlineExceeded = "deadline_exceeded",
        /// The application answered with an error.
        AppError = "app_error",
        /// The container's queue was full.
        QueueFull = "queue_full",
        /// The request waited longer in the container's queue than its limit.
        QueueTimeout = "queue_timeout",
        /// The retry budget forbade another attempt.
        RetryBudget = "retry_budget",
        /// The pod was gone.
        PodGone = "pod_gone",
        /// An ingress controller had no rule for the request (404).
        NotFound404 = "not_found_404",
    }
}

causes! {
    /// Where the time of a request went; the parts add up to its latency exactly.
    LedgerCause {
        /// Resolving the name.
        Dns = "dns",
        /// Opening a connection, with SYN retransmissions.
        Connect = "connect",
        /// The TLS handshake.
        Tls = "tls",
        /// Crossing the loopback of a pod.
        NetworkLoopback = "network_loopback",
        /// Crossing the network inside a node.
        NetworkSameNode = "network_same_node",
        /// Crossing the network inside a zone.
        NetworkSameZone = "network_same_zone",
        /// Crossing the network between zones.
        NetworkCrossZone = "network_cross_zone",
        /// Crossing the network between regions.
        NetworkCrossRegion = "network_cross_region",
        /// Crossing the network to or from outside the cluster.
        NetworkExternal = "network_external",
        /// Being handled by a proxy.
        Proxy = "proxy",
        /// Waiting for a pooled connection.
        PoolWait = "pool_wait",
        /// Waiting in a container's queue.
        QueueWait = "queue_wait",
        /// Waiting for the CPU quota.
        CpuThrottle = "cpu_throttle",
        /// Service made slower by a pod's warm-up.
        SlowStart = "slow_start",
        /// Being served.
        Service = "service",
        /// Waiting between two attempts.
        BackOff = "back_off",
        /// Attempts that came to nothing.
        WastedAttempts = "wasted_attempts",
        /// Waiting for the network interfaces of nodes, and passing them.
        NetworkTransfer = "network_transfer",
        /// Waiting until a container that was idle has started.
        ColdStart = "cold_start",
        /// Waiting in a process that has broken down.
        Stalled = "stalled",
        /// Waiting for a core of the node, which other containers use.
        CpuWait = "cpu_wait",
    }
}

impl FailureCause {
    /// The group names that `retries.on` accepts beside the causes themselves.
    pub const GROUPS: &'static [&'static str] = &["connect-failure", "gateway-error", "5xx", "timeout"];
}
