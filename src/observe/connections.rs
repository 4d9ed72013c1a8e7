//! What is counted of connections: by who opens them, and on which node.

/// Connections of a traffic, a call or a proxy on a node, over the whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections that were opened, those that stood before the run included.
    pub opened: u64,
    /// Requests that took one that was open.
    pub reused: u64,
    /// Connections that could not be opened.
    pub failed: u64,
    /// Closed by whoever opened them: idle for too long, or one too many in the pool.
    pub closed_idle: u64,
    /// Closed by the other end: idle for too long.
    pub closed_by_server: u64,
    /// Closed because they were too old.
    pub closed_for_age: u64,
    /// Closed after their last request.
    pub closed_for_requests: u64,
    /// Closed by a client that gave up on its request.
    pub closed_by_client: u64,
    /// Reset, or broken by the end of the pod.
    pub reset: u64,
    /// Requests that met a connection that the other end had just closed.
    pub stale: u64,
    /// Most that were open at a time.
    pub open_max: u64,
    /// Open now; in the outcome, at the end of the run.
    pub open: u64,
    /// SYNs sent again.
    pub retransmissions: u64,
    /// Connections that found no source port.
    pub port_exhausted: u64,
    /// First packets that found the connection-tracking table full.
    pub conntrack_full: u64,
}

impl ConnectionCounts {
    /// One more is open.
    pub fn open(&mut self) {
        self.opened += 1;
        self.open += 1;
        self.open_max = self.open_max.max(self.open);
    }

    /// Adds the counts of another row; their largest numbers need not have been at one time, so the sum is a bound.
    pub fn add(&mut self, other: &Self) {
        let own = [
            (&mut self.opened, other.opened),
            (&mut self.reused, other.reused),
            (&mut self.failed, other.failed),
            (&mut self.closed_idle, other.closed_idle),
            (&mut self.closed_by_server, other.closed_by_server),
            (&mut self.closed_for_age, other.closed_for_age),
            (&mut self.closed_for_requests, other.closed_for_requests),
            (&mut self.closed_by_client, other.closed_by_client),
            (&mut self.reset, other.reset),
            (&mut self.stale, other.stale),
            (&mut self.open_max, other.open_max),
            (&mut self.open, other.open),
            (&mut self.retransmissions, other.retransmissions),
            (&mut self.port_exhausted, other.port_exhausted),
            (&mut self.conntrack_full, other.conntrack_full),
        ];
        for (sum, more) in own {
            *sum += more;
        }
    }

    /// Whether anything happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The counts of one row of `connections.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOutcome {
    /// The traffic, `call/NAME` or `proxy/NAME`.
    pub name: String,
    /// The node of whoever opens them.
    pub node: String,
    /// What was counted.
    pub counts: ConnectionCounts,
}
