//! The pod that would be done first: a bound that no real balancer reaches.
//!
//! Looks into the pods: what is left of the requests in service and the demands of those that wait, divided by the slots
//! that serve them; ties uniform. Over pods with one slot each, requests wait as in one queue before all of them
//! (S. Foss, 1980; M. Harchol-Balter, "Performance Modeling and Design of Computer Systems", 2013, chapter 24).
//! Requests on their way are not there yet.

use crate::random::Stream;

use super::parameter::Given;
use super::policy::{Asks, Policy, PolicyListed, State};
use super::sight::{Sight, least};

/// The least unfinished work that truly is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleLeastWork;

impl Policy for OracleLeastWork {
    const LISTED: PolicyListed = PolicyListed {
        name: "oracle-least-work",
        parameters: &[],
        information: "service times of all requests in every pod, whoever sent them: nobody real knows this",
        cost: "O(n), one draw",
        source: "the bound for policies that guess at work; least work left",
        summary: "least unfinished work in the pod for its slots (ties: uniform)",
    };

    type State = OracleLeastWorkState;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn asks(&self) -> Asks {
        Asks { work: true, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> OracleLeastWorkState {
        OracleLeastWorkState { endpoints }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Debug, Clone)]
pub(super) struct OracleLeastWorkState {
    endpoints: u32,
}

impl State for OracleLeastWorkState {
    fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        least(self.endpoints, |place| sight.work(place), stream)
    }

    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}
