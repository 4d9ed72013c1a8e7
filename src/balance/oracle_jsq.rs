//! The shortest queue there truly is: a bound that no real balancer reaches.
//!
//! Looks into the pods: the fewest requests waiting and in service, whoever sent them; ties uniform. Requests on their
//! way are not there yet, so with a network even this one errs.

use crate::random::Stream;

use super::sight::Sight;

#[derive(Debug, Clone)]
pub(super) struct OracleJsq {
    endpoints: u32,
}

impl OracleJsq {
    pub(super) const fn new(endpoints: u32) -> Self {
        Self { endpoints }
    }

    #[inline(never)]
    pub(super) fn pick(&self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let least = (0..self.endpoints).map(|place| sight.jobs(place)).min()?;
        let tied = || (0..self.endpoints).filter(|place| sight.jobs(*place) == least);
        tied().nth(stream.below(tied().count() as u32) as usize)
    }

    pub(super) const fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}
