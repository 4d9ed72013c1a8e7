//! What is counted of nodes: messages by path class, and what runs out there.

/// What a node sent over one class of paths, within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Requests and replies, hop by hop.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The counts of one row of `nodes.csv`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeOutcome {
    /// Inside the node, inside its zone, to other zones, and to the outside.
    pub sent: [Sent; 4],
    /// Entries that its table of connections holds, most that it held, and first packets that found it full; in the whole
    /// run, where connections are tracked.
    pub conntrack: Option<(u64, u64, u64)>,
    /// Most ports that an address on it had in use to one destination, where ports are counted.
    pub source_ports: Option<u64>,
    /// Most ports of its NAT, or of the gateway, that were taken to one destination, where something stands outside.
    pub nat_ports: Option<u32>,
    /// Most ports of its own to one destination that were taken, of connections from outside that it sent on with its own
    /// address (SNAT), where any come from there.
    pub snat_ports: Option<u32>,
    /// Out and in, where its network interface has a rate: the share of the window in which it was busy, the same of the
    /// busiest interval of the whole run, and the longest that a message waited for it in the whole run (ns).
    pub nic: Option<[(f64, f64, u64); 2]>,
}
