//! Two choices by outstanding requests, as in tower and Linkerd: least-request with two different ones.

use crate::random::Stream;

use super::least_request::{Choices, LeastRequest, LeastRequestState};
use super::parameter::Given;
use super::policy::{Policy, PolicyListed};

/// Two choices by outstanding requests (tower, Linkerd).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRequests;

impl Policy for PendingRequests {
    const LISTED: PolicyListed = PolicyListed {
        name: "pending-requests",
        parameters: &[],
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), one draw",
        source: "tower, load/pending_requests.rs",
        summary: "of two different endpoints drawn uniformly the one with fewer outstanding requests: \
                  least-request with choices: 2",
    };

    type State = LeastRequestState;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn build(&self, endpoints: u32, stream: &mut Stream) -> LeastRequestState {
        LeastRequest { choices: Choices::Of(2), ..LeastRequest::USUAL }.build(endpoints, stream)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}
