//! The hash of the client modulo the sum of the weights.
//!
//! A change of the endpoints moves almost every client. Sources: HAProxy, `balance source` with `hash-type map-based`;
//! nginx, `hash $remote_addr`. nginx's `ip_hash` leaves out the last octet, so neighbours share an endpoint; here every
//! client stands for itself.

use super::hash::{at_point, of_client, running_sums};
use super::weights::Weights;

#[derive(Debug, Clone)]
pub(super) struct IpHash {
    weights: Weights,
    sums: Vec<u32>,
}

impl IpHash {
    pub(super) fn new(endpoints: u32, weights: Weights) -> Self {
        Self { sums: running_sums(&weights, endpoints), weights }
    }

    #[inline(never)]
    pub(super) fn pick(&self, client: u64) -> Option<u32> {
        let total = *self.sums.last()?;
        Some(at_point(&self.sums, (of_client(client) % u64::from(total)) as u32))
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.sums = running_sums(&self.weights, endpoints);
    }
}
