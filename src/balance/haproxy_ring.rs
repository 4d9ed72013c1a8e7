//! HAProxy's ring of servers: where its consistent hashes and its random draws land.
//!
//! Server i, counted from 1, has 16 points for each unit of weight, at H(4096·i + k), k = 0, 1, …; a value belongs to the
//! nearest point, on either side. H is a hash of R. Jenkins, with a multiplication behind it. With weight 1 the 16 points
//! share the ring unevenly. Source: HAProxy, `lb_chash.c` and `tools.c` (`full_hash`).

use super::parameter::{Given, WEIGHTS};

/// Points of a unit of weight.
const POINTS: u32 = 16;

/// How far the points of one server are from those of the next before they are hashed.
const STRIDE: u32 = 4_096;

/// The largest weight of a server.
const MAX_HAPROXY_WEIGHT: u32 = STRIDE / POINTS;

/// Points and their endpoints, ascending.
#[derive(Debug, Clone, Default)]
pub(super) struct HaproxyRing(Vec<(u32, u32)>);

impl HaproxyRing {
    /// Refuses weights that HAProxy refuses.
    pub(super) fn check(given: &mut Given) {
        let heaviest = given.weights().heaviest();
        if heaviest > MAX_HAPROXY_WEIGHT {
            let message = format!("`weights`: a weight in HAProxy is at most {MAX_HAPROXY_WEIGHT}, found {heaviest}");
            given.refuse(WEIGHTS.key, message, None);
        }
    }

    /// Of the servers `0..weights.len()`.
    pub(super) fn new(weights: &[u32]) -> Self {
        Self::among(0.., weights)
    }

    /// Of servers with these numbers.
    pub(super) fn among(numbers: impl IntoIterator<Item = u32>, weights: &[u32]) -> Self {
        let points = |(endpoint, (number, weight)): (u32, (u32, &u32))| {
            let first = (number + 1).wrapping_mul(STRIDE);
            (0..weight * POINTS).map(move |point| (full_hash(first.wrapping_add(point)), endpoint))
        };
        let mut ring: Vec<(u32, u32)> = (0..).zip(numbers.into_iter().zip(weights)).flat_map(points).collect();
        ring.sort_unstable();
        Self(ring)
    }

    /// The endpoint of the point next to a value; of two equally near ones the one before it.
    pub(super) fn nearest(&self, value: u32) -> Option<u32> {
        let Self(ring) = self;
        let last = ring.len().checked_sub(1)?;
        let behind = ring.partition_point(|(point, _)| *point < value);
        let (next, before) =
            (ring[if behind > last { 0 } else { behind }], ring[behind.checked_sub(1).unwrap_or(last)]);
        let nearer = value.wrapping_sub(before.0) <= next.0.wrapping_sub(value);
        Some(if nearer { before.1 } else { next.1 })
    }

    /// The share of each endpoint in the whole ring.
    #[cfg(test)]
    pub(super) fn shares(&self, endpoints: u32) -> Vec<f64> {
        let mut shares = vec![0.0; endpoints as usize];
        for (index, (point, endpoint)) in self.0.iter().enumerate() {
            let before = self.0[index.checked_sub(1).unwrap_or(self.0.len() - 1)];
            let half = f64::from(point.wrapping_sub(before.0)) / 2.0_f64.powi(33);
            shares[*endpoint as usize] += half;
            shares[before.1 as usize] += half;
        }
        shares
    }
}

/// HAProxy's hash of 32 bits.
pub(super) const fn full_hash(value: u32) -> u32 {
    let mut a = value;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(3_221_225_473)
}
