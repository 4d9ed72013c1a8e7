//! The addresses of clients, by which Services hold them.

use std::net::Ipv4Addr;

/// Where addresses of clients that are no pods begin: the range for measuring of RFC 2544, which no cluster uses.
pub const OUTSIDE_PODS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The addresses of a flow's clients.
#[derive(Debug, Clone)]
pub struct ClientAddresses {
    /// Those of the pods they live in; with more clients than pods several share one.
    pods: Vec<u32>,
    /// The first of those that are no pods.
    first: u32,
    /// How many those have between them; `u32::MAX` where each has one.
    shared: u32,
}

impl ClientAddresses {
    /// Clients in pods, in turn.
    #[must_use]
    pub const fn of_pods(pods: Vec<u32>) -> Self {
        Self { pods, first: 0, shared: u32::MAX }
    }

    /// Clients with an address each, from the nth on.
    #[must_use]
    pub const fn own(nth: u32) -> Self {
        Self::shared(nth, u32::MAX)
    }

    /// Clients that share so many addresses in turn, from the nth on.
    #[must_use]
    pub const fn shared(nth: u32, addresses: u32) -> Self {
        Self { pods: Vec::new(), first: OUTSIDE_PODS.to_bits().wrapping_add(nth), shared: addresses }
    }

    /// The address of a client.
    #[must_use]
    pub fn of(&self, client: u32) -> u32 {
        if self.pods.is_empty() {
            self.first.wrapping_add(client % self.shared)
        } else {
            self.pods[client as usize % self.pods.len()]
        }
    }
}
