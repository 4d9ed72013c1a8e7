//! Consistent hashing without a table: from n to n + 1 endpoints a client moves with probability 1/(n + 1), to the new.
//!
//! Endpoints can be added and removed at the end only. Source: J. Lamping, E. Veach, "A Fast, Minimal Memory, Consistent
//! Hash Algorithm" (2014).

use crate::random::Stream;

use super::hash::of_client;
use super::parameter::Given;
use super::policy::{Policy, PolicyListed, State};
use super::sight::Sight;

/// Consistent hashing of the client by arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump;

impl Policy for Jump {
    const LISTED: PolicyListed = PolicyListed {
        name: "jump",
        parameters: &[],
        information: "the client, number of endpoints",
        cost: "O(log n), no draw",
        source: "J. Lamping, E. Veach, A Fast, Minimal Memory, Consistent Hash Algorithm (2014)",
        summary: "a bucket that changes with probability 1/(n + 1) when the n + 1st endpoint comes",
    };

    type State = JumpState;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> JumpState {
        JumpState { endpoints }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Debug, Clone)]
pub(super) struct JumpState {
    endpoints: u32,
}

impl State for JumpState {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        (self.endpoints > 0).then(|| bucket(of_client(sight.client()), self.endpoints))
    }

    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}

/// The bucket of a key among `buckets`.
#[must_use]
pub fn bucket(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0, 0);
    while next < u64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((bucket + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    bucket as u32
}
