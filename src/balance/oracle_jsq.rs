//! The shortest queue there truly is: a bound that no real balancer reaches.
//!
//! Looks into the pods: the fewest requests waiting and in service, whoever sent them; ties uniform. Requests on their
//! way are not there yet, so with a network even this one errs.

use crate::random::Stream;

use super::parameter::Given;
use super::policy::{Policy, PolicyListed, State};
use super::sight::{Sight, least};

/// The fewest requests that truly are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleJsq;

impl Policy for OracleJsq {
    const LISTED: PolicyListed = PolicyListed {
        name: "oracle-jsq",
        parameters: &[],
        information: "requests waiting and in service in every pod, whoever sent them: nobody real knows this",
        cost: "O(n), one draw",
        source: "the bound for policies that look at queues",
        summary: "fewest requests in the pod (ties: uniform)",
    };

    type State = OracleJsqState;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> OracleJsqState {
        OracleJsqState { endpoints }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Debug, Clone)]
pub(super) struct OracleJsqState {
    endpoints: u32,
}

impl State for OracleJsqState {
    fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        least(self.endpoints, |place| sight.jobs(place), stream)
    }

    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}
