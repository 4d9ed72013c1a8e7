//! The first endpoint that has room: traffic fills few endpoints and leaves the last ones alone.
//!
//! An endpoint has room while this balancer has fewer than `limit` requests outstanding there; without a limit the first
//! gets everything, which is gRPC's `pick_first`. When none has room, the one with the fewest is taken (the first of
//! equals): HAProxy would let the request wait in the proxy, which is not modelled. Source: HAProxy, `balance first`.
//!
//! With `staleness: T` an endpoint has room while its pod reported fewer than `limit` requests, waiting and in service
//! there whoever sent them. Until the next reports T later nothing changes that, so all goes to one endpoint.

use std::collections::BTreeSet;

use crate::random::Stream;

use super::parameter::{Form, Given, MANY, Parameter, STALENESS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
use crate::time::SimDuration;

/// The first endpoint that has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// Outstanding requests that fill an endpoint; without it, none is ever full.
    pub limit: Option<u32>,
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for First {
    const LISTED: PolicyListed = PolicyListed {
        name: "first",
        parameters: &[
            Parameter {
                key: "limit",
                form: Form::CountOr(1, MANY, "unlimited"),
                default: "unlimited",
                doc: "outstanding requests that fill an endpoint",
            },
            STALENESS,
        ],
        information: "requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(log n), no draw",
        source: "HAProxy balance first; gRPC pick_first without a limit",
        summary: "the first endpoint with fewer than N outstanding requests; when there is none, the fewest (ties: first)",
    };

    type State = FirstState;

    fn read(given: &mut Given) -> Self {
        let (limit, staleness) = (given.count("limit"), given.duration(STALENESS.key));
        if staleness.is_some() && limit.is_none() && !given.is_bad("limit") {
            given.refuse(
                STALENESS.key,
                "`staleness` has no effect where no endpoint is ever full",
                Some("give `limit` a number, or remove `staleness`"),
            );
        }
        Self { limit, staleness }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> FirstState {
        let (limit, reported) = (self.limit.unwrap_or(u32::MAX), self.staleness.is_some());
        let mut state = FirstState { limit, reported, outstanding: Vec::new(), order: BTreeSet::new() };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |limit, staleness| Self { limit, staleness };
        vec![of(None, None), of(Some(3), None), of(Some(3), Some(SimDuration::from_secs(1)))]
    }
}

#[derive(Debug, Clone)]
pub(super) struct FirstState {
    limit: u32,
    /// Whether the counts are those of the last report.
    reported: bool,
    outstanding: Vec<u32>,
    /// By how much each is beyond the last count that leaves room, and the endpoint: the first is taken.
    order: BTreeSet<(u32, u32)>,
}

impl FirstState {
    fn excess(&self, endpoint: u32) -> u32 {
        self.outstanding[endpoint as usize].saturating_sub(self.limit - 1)
    }

    fn line_up(&mut self) {
        let endpoints = 0..self.outstanding.len() as u32;
        self.order = endpoints.map(|endpoint| (self.excess(endpoint), endpoint)).collect();
    }

    /// Sets the count of an endpoint, and its place among the others.
    fn set(&mut self, endpoint: u32, outstanding: u32) {
        let before = self.excess(endpoint);
        self.outstanding[endpoint as usize] = outstanding;
        let after = self.excess(endpoint);
        if after != before {
            self.order.remove(&(before, endpoint));
            self.order.insert((after, endpoint));
        }
    }
}

impl State for FirstState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let (_, endpoint) = *self.order.first()?;
        if !self.reported {
            self.set(endpoint, self.outstanding[endpoint as usize] + 1);
        }
        Some(endpoint)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        if let Some(outstanding @ 1..) = self.outstanding.get(endpoint as usize).copied()
            && !self.reported
        {
            self.set(endpoint, outstanding - 1);
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        if self.reported { 0 } else { self.outstanding.get(endpoint as usize).copied().unwrap_or(0) }
    }

    fn report(&mut self, sight: &impl Sight) {
        if self.reported {
            (0..self.outstanding.len() as u32).for_each(|place| self.set(place, sight.jobs(place)));
        }
    }

    fn resize(&mut self, endpoints: u32) {
        self.outstanding.resize(endpoints as usize, 0);
        self.line_up();
    }

    fn follow(&mut self, changes: &Changes) {
        self.outstanding = changes.apply(&self.outstanding, 0);
        self.line_up();
    }
}
