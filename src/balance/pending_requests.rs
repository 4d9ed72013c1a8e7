//! Two choices by outstanding requests, as in tower and Linkerd: least-request with two different ones.

use crate::random::Stream;

use super::least_request::{Choices, LeastRequest, LeastRequestState};
use super::parameter::{Given, STALENESS};
use super::policy::{Asks, Policy, PolicyListed};
use crate::time::SimDuration;

/// Two choices by outstanding requests (tower, Linkerd).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRequests {
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl PendingRequests {
    fn as_least_request(&self) -> LeastRequest {
        LeastRequest { choices: Choices::Of(2), staleness: self.staleness, ..LeastRequest::USUAL }
    }
}

impl Policy for PendingRequests {
    const LISTED: PolicyListed = PolicyListed {
        name: "pending-requests",
        parameters: &[STALENESS],
        information: "requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(1), one draw",
        source: "tower, load/pending_requests.rs",
        summary: "of two different endpoints drawn uniformly the one with fewer outstanding requests: \
                  least-request with choices: 2",
    };

    type State = LeastRequestState;

    fn read(given: &mut Given) -> Self {
        Self { staleness: given.duration(STALENESS.key) }
    }

    fn asks(&self) -> Asks {
        self.as_least_request().asks()
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> LeastRequestState {
        self.as_least_request().build(endpoints, stream)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { staleness: None }, Self { staleness: Some(SimDuration::from_secs(1)) }]
    }
}
