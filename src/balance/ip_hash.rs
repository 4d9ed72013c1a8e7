//! The hash of the client modulo the sum of the weights.
//!
//! A change of the endpoints moves almost every client. Sources: HAProxy, `balance source` with `hash-type map-based`;
//! nginx, `hash $remote_addr`. nginx's `ip_hash` leaves out the last octet, so neighbours share an endpoint; here every
//! client stands for itself.

use crate::random::Stream;

use super::hash::{at_point, of_client, running_sums};
use super::parameter::{Given, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::Weights;

/// The hash of the client modulo the sum of the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpHash {
    /// How much each endpoint gets.
    pub weights: Weights,
}

impl Policy for IpHash {
    const LISTED: PolicyListed = PolicyListed {
        name: "ip-hash",
        parameters: &[WEIGHTS],
        information: "the client, weights of the endpoints",
        cost: "O(log n), no draw",
        source: "HAProxy balance source (map-based), nginx hash $remote_addr",
        summary: "the endpoint at (hash of the client modulo the sum of the weights)",
    };

    type State = IpHashState;

    fn read(given: &mut Given) -> Self {
        Self { weights: given.weights() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> IpHashState {
        IpHashState { sums: running_sums(self.weights.of(endpoints)), weights: self.weights.clone() }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example() }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct IpHashState {
    weights: Weights,
    sums: Vec<u32>,
}

impl State for IpHashState {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let total = *self.sums.last()?;
        Some(at_point(&self.sums, (of_client(sight.client()) % u64::from(total)) as u32))
    }

    fn resize(&mut self, endpoints: u32) {
        self.sums = running_sums(self.weights.of(endpoints));
    }

    fn follow(&mut self, changes: &Changes) {
        self.sums = running_sums(self.weights.following(changes));
    }
}
