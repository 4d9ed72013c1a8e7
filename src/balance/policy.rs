//! What makes a policy: its parameters, its state, and what is said about it.

use std::fmt::Debug;

use super::join_idle_queue::IdleQueue;
use super::parameter::{Given, Parameter};
use super::sight::{Ended, Sight};
use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

/// What there is to know about a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicyListed {
    /// The word used in scenarios.
    pub name: &'static str,
    /// Parameters with their defaults.
    pub parameters: &'static [Parameter],
    /// What it knows.
    pub information: &'static str,
    /// What a pick costs, n being the number of endpoints.
    pub cost: &'static str,
    /// Where it is found, or who analysed it.
    pub source: &'static str,
    /// What it does.
    pub summary: &'static str,
}

impl PolicyListed {
    /// Its parameters as people write them, with their defaults.
    #[must_use]
    pub fn parameters_text(&self) -> String {
        self.parameters.iter().map(Parameter::text).collect::<Vec<_>>().join(", ")
    }
}

/// What a policy asks of its surroundings: kept up only where somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asks {
    /// The unfinished work in the pods ([`Sight::work`]).
    pub work: bool,
    /// The length of time between two reports ([`Balancer::report`](super::Balancer::report)).
    pub reports: Option<SimDuration>,
    /// That pods report when they become idle, where several balancers share them
    /// ([`Balancer::idle_queue`](super::Balancer::idle_queue)).
    pub idle: bool,
}

/// The parameters of a policy, of which balancers are made.
pub(super) trait Policy: Debug + Clone + PartialEq {
    /// What is said about it.
    const LISTED: PolicyListed;

    /// A balancer with this policy.
    type State: State;

    /// The parameters as a scenario gives them; what does not fit together is refused by name.
    fn read(given: &mut Given) -> Self;

    /// What must be kept up for it beyond what every balancer can see.
    fn asks(&self) -> Asks {
        Asks::default()
    }

    /// A balancer over the endpoints `0..endpoints` with nothing outstanding.
    fn build(&self, endpoints: u32, stream: &mut Stream) -> Self::State;

    /// Such a balancer beside another one of the same policy, with which it may share what never changes.
    fn build_beside(&self, _other: Option<&Self::State>, endpoints: u32, stream: &mut Stream) -> Self::State {
        self.build(endpoints, stream)
    }

    /// A few sets of parameters, for the tests that every policy must pass.
    #[cfg(test)]
    fn examples() -> Vec<Self>;
}

/// The state of a balancer. Endpoints are the numbers below the last `resize`.
pub(super) trait State: Debug + Clone {
    /// Chooses an endpoint, and counts a request there if it counts; `None` when there are no endpoints.
    fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32>;

    /// A request is over; endpoints that do not exist, or have none, are passed over.
    fn done(&mut self, _endpoint: u32, _ended: Ended) {}

    /// Requests without a reply at an endpoint; 0 for policies that do not count.
    fn outstanding(&self, _endpoint: u32) -> u32 {
        0
    }

    /// The pods report what they have.
    fn report(&mut self, _sight: &impl Sight) {}

    /// Where pods report that they became idle.
    fn idle_queue(&mut self) -> Option<&mut IdleQueue> {
        None
    }

    /// From now on the endpoints are `0..endpoints`.
    fn resize(&mut self, endpoints: u32);

    /// From now on the endpoints are others; requests without a reply stay where they are.
    fn follow(&mut self, changes: &Changes) {
        self.resize(changes.count);
    }
}

/// How the endpoints of a balancer changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// When it gets to know of it.
    pub at: SimTime,
    /// How many there are now.
    pub count: u32,
    /// The new place of each old endpoint; `None` if it is gone.
    pub moved: Vec<Option<u32>>,
    /// Of each endpoint its number among all that there ever were, in the order of their coming: what stays the same of it
    /// while its place changes, so what hashes are made of, and whose weight it has.
    pub numbers: Vec<u32>,
}

impl Changes {
    /// Values by endpoint in the new order; new endpoints begin with `new`.
    pub(super) fn apply<T: Clone>(&self, values: &[T], new: T) -> Vec<T> {
        let mut moved = vec![new; self.count as usize];
        for (value, place) in values.iter().zip(&self.moved) {
            if let Some(place) = place {
                moved[*place as usize] = value.clone();
            }
        }
        moved
    }
}

/// Large states stand behind a pointer, so that small ones are not carried around in their size.
impl<S: State> State for Box<S> {
    fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        (**self).pick(stream, sight)
    }

    fn done(&mut self, endpoint: u32, ended: Ended) {
        (**self).done(endpoint, ended);
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        (**self).outstanding(endpoint)
    }

    fn report(&mut self, sight: &impl Sight) {
        (**self).report(sight);
    }

    fn idle_queue(&mut self) -> Option<&mut IdleQueue> {
        (**self).idle_queue()
    }

    fn resize(&mut self, endpoints: u32) {
        (**self).resize(endpoints);
    }

    fn follow(&mut self, changes: &Changes) {
        (**self).follow(changes);
    }
}
