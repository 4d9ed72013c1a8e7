//! One endpoint after the other.
//!
//! Every balancer starts at an offset of its own: in step they would herd, all sending to the same endpoint at once.

use crate::random::Stream;

use super::weights::Start;

#[derive(Debug, Clone)]
pub(super) struct RoundRobin {
    endpoints: u32,
    /// The endpoint that is next; `None` until there were endpoints to draw a start from.
    next: Option<u32>,
}

impl RoundRobin {
    pub(super) fn new(endpoints: u32, start: Start, stream: &mut Stream) -> Self {
        let next = (endpoints > 0).then(|| start.picks(endpoints, stream) % endpoints);
        Self { endpoints, next }
    }

    #[inline]
    pub(super) fn pick(&mut self, stream: &mut Stream) -> Option<u32> {
        if self.endpoints == 0 {
            return None;
        }
        let picked = match self.next {
            Some(next) => next,
            None => stream.below(self.endpoints),
        };
        let following = picked + 1;
        self.next = Some(if following == self.endpoints { 0 } else { following });
        Some(picked)
    }

    /// The position stays where it can; the remainder keeps balancers that were apart from all returning to the first.
    pub(super) fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
        self.next = match self.next {
            Some(next) if endpoints > 0 => Some(next % endpoints),
            _ => None,
        };
    }
}
