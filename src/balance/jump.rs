//! Consistent hashing without a table: from n to n + 1 endpoints a client moves with probability 1/(n + 1), to the new.
//!
//! Endpoints can be added and removed at the end only. Source: J. Lamping, E. Veach, "A Fast, Minimal Memory, Consistent
//! Hash Algorithm" (2014).

use super::hash::of_client;

#[derive(Debug, Clone)]
pub(super) struct Jump {
    endpoints: u32,
}

impl Jump {
    pub(super) const fn new(endpoints: u32) -> Self {
        Self { endpoints }
    }

    #[inline(never)]
    pub(super) fn pick(&self, client: u64) -> Option<u32> {
        (self.endpoints > 0).then(|| bucket(of_client(client), self.endpoints))
    }

    pub(super) const fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}

/// The bucket of a key among `buckets`.
pub(super) fn bucket(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0, 0);
    while next < u64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((bucket + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    bucket as u32
}
