//! Uniform choice, without memory.

use crate::random::Stream;

use super::parameter::Given;
use super::policy::{Policy, PolicyListed, State};
use super::sight::Sight;

/// Every endpoint with the same probability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random;

impl Policy for Random {
    const LISTED: PolicyListed = PolicyListed {
        name: "random",
        parameters: &[],
        information: "number of endpoints",
        cost: "O(1), one draw",
        source: "kube-proxy in iptables mode (statistic mode random) and nftables mode (numgen random)",
        summary: "every endpoint with the same probability",
    };

    type State = RandomState;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> RandomState {
        RandomState { endpoints }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Debug, Clone)]
pub(super) struct RandomState {
    endpoints: u32,
}

impl State for RandomState {
    #[inline]
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        (self.endpoints > 0).then(|| stream.below(self.endpoints))
    }

    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}
