//! Consistent hashing on a ring of points.
//!
//! An endpoint has points at hash("ADDRESS:PORT_i"), i = 0, 1, …; a client goes to the first point at or behind its own
//! hash. With weights that add up to 1, the scale is min(⌈w_min · minRingSize⌉ / w_min, maxRingSize), and an endpoint
//! gets points while there are fewer in all than the scale times the weights up to and including its own. Source: Envoy,
//! `ring_hash_lb.cc`, with xxHash64; of the reordering at retries nothing is here.

use super::bounded::{Bounded, Overflow};
use super::hash::{Addresses, of_client, xxh64};
use super::weights::Weights;

/// How many points a ring has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingSize {
    /// At least so many, with all endpoints on it.
    pub min: u32,
    /// At most about so many.
    pub max: u32,
}

#[derive(Debug, Clone)]
pub(super) struct RingHash {
    weights: Weights,
    size: RingSize,
    addresses: Addresses,
    bounded: Option<Bounded>,
    /// Points and their endpoints, ascending.
    ring: Vec<(u64, u32)>,
}

impl RingHash {
    pub(super) fn new(
        endpoints: u32,
        weights: Weights,
        size: RingSize,
        addresses: Addresses,
        bounded: Option<Bounded>,
    ) -> Self {
        let mut policy = Self { weights, size, addresses, bounded, ring: Vec::new() };
        policy.resize(endpoints);
        policy
    }

    #[inline(never)]
    pub(super) fn pick(&mut self, client: u64) -> Option<u32> {
        if self.ring.is_empty() {
            return None;
        }
        let hash = of_client(client);
        let at = self.ring.partition_point(|(point, _)| *point < hash) % self.ring.len();
        let hashed = self.ring[at].1;
        let Some(bounded) = &mut self.bounded else { return Some(hashed) };
        let endpoint = match bounded.overflow() {
            Overflow::Random => bounded.or_another(hashed, hash),
            Overflow::Clockwise => {
                let ring = self.ring[at..].iter().chain(&self.ring[..at]).map(|(_, endpoint)| *endpoint);
                ring.into_iter().find(|endpoint| !bounded.is_full(*endpoint)).unwrap_or(hashed)
            }
        };
        bounded.picked(endpoint);
        Some(endpoint)
    }

    pub(super) fn done(&mut self, endpoint: u32) {
        if let Some(bounded) = &mut self.bounded {
            bounded.done(endpoint);
        }
    }

    pub(super) fn outstanding(&self, endpoint: u32) -> u32 {
        self.bounded.as_ref().map_or(0, |bounded| bounded.outstanding(endpoint))
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        let weights = self.weights.of(endpoints);
        self.ring = ring(&weights, self.size, |endpoint, point| {
            xxh64(format!("{}_{point}", self.addresses.of(endpoint)).as_bytes(), 0)
        });
        if let Some(bounded) = &mut self.bounded {
            bounded.resize(weights);
        }
    }

    #[cfg(test)]
    pub(super) fn points(&self) -> &[(u64, u32)] {
        &self.ring
    }
}

/// The points of endpoints with these weights.
fn ring(weights: &[u32], size: RingSize, hash: impl Fn(u32, u32) -> u64) -> Vec<(u64, u32)> {
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    let Some(lightest) = weights.iter().filter(|weight| **weight > 0).min() else { return Vec::new() };
    let lightest = f64::from(*lightest) / total;
    // In floating point, step for step as Envoy does it: a rounded bit more is a point more.
    let scale = ((lightest * f64::from(size.min)).ceil() / lightest).min(f64::from(size.max));
    let mut ring = Vec::new();
    let mut target = 0.0;
    for (endpoint, weight) in (0..).zip(weights) {
        target += scale * (f64::from(*weight) / total);
        let mut point = 0;
        while (ring.len() as f64) < target {
            ring.push((hash(endpoint, point), endpoint));
            point += 1;
        }
    }
    ring.sort_unstable();
    ring
}
