//! Uniform choice, without memory.

use crate::random::Stream;

#[derive(Debug, Clone)]
pub(super) struct Random {
    endpoints: u32,
}

impl Random {
    pub(super) const fn new(endpoints: u32) -> Self {
        Self { endpoints }
    }

    #[inline]
    pub(super) fn pick(&self, stream: &mut Stream) -> Option<u32> {
        (self.endpoints > 0).then(|| stream.below(self.endpoints))
    }

    pub(super) const fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}
