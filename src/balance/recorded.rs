//! Picks that were recorded, one after the other: to compare a run with a measurement, given the choices that were made.
//!
//! Where a choice is random or a matter of microseconds, two runs of the real thing differ for its sake, and so hide what
//! else differs; given the choices, they must agree. At the end of the record it begins again. Where there are fewer
//! endpoints than the record knows, numbers beyond them count from the first again.

use std::sync::Arc;

use crate::random::Stream;

use super::parameter::{Form, Given, Parameter};
use super::policy::{Policy, PolicyListed, State};
use super::sight::Sight;

/// Endpoints in the order in which they were picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Numbers of endpoints, from 0.
    pub picks: Arc<[u32]>,
}

impl Policy for Recorded {
    const LISTED: PolicyListed = PolicyListed {
        name: "recorded",
        parameters: &[Parameter {
            key: "picks",
            form: Form::Picks,
            default: "must be there",
            doc: "the endpoints in the order in which they were picked",
        }],
        information: "the record, its position",
        cost: "O(1), no draw",
        source: "a measurement",
        summary: "what was picked when it was recorded, in this order, again and again",
    };

    type State = RecordedState;

    fn read(given: &mut Given) -> Self {
        if !given.has("picks") {
            given.refuse("policy", "policy recorded needs `picks`", Some("write for example picks: {file: picks.csv}"));
        }
        Self { picks: given.picks() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> RecordedState {
        RecordedState { picks: Arc::clone(&self.picks), next: 0, endpoints }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { picks: Arc::new([2, 0, 0, 1]) }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct RecordedState {
    picks: Arc<[u32]>,
    next: usize,
    endpoints: u32,
}

impl State for RecordedState {
    fn pick(&mut self, _stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let pick = self.picks.get(self.next)?.checked_rem(self.endpoints)?;
        self.next = (self.next + 1) % self.picks.len();
        Some(pick)
    }

    fn resize(&mut self, endpoints: u32) {
        self.endpoints = endpoints;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Glance;

    #[test]
    fn the_record_is_repeated() {
        let mut stream = Stream::new(1, 0, "recorded");
        let mut state = Recorded { picks: Arc::new([2, 0, 3]) }.build(4, &mut stream);
        let mut picks = |state: &mut RecordedState, count: u32| -> Vec<u32> {
            (0..count).filter_map(|_| state.pick(&mut stream, &Glance::default())).collect()
        };
        assert_eq!(picks(&mut state, 7), [2, 0, 3, 2, 0, 3, 2]);
        // Two endpoints: 0, then 3 is the second; none: nothing, and the place in the record stays.
        state.resize(2);
        assert_eq!(picks(&mut state, 2), [0, 1]);
        state.resize(0);
        assert!(picks(&mut state, 2).is_empty());
        state.resize(4);
        assert_eq!(picks(&mut state, 1), [2]);
    }
}
