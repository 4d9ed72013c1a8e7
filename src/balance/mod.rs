//! Which endpoint gets the next connection or request.
//!
//! A [`Balancer`] is the state of one balancing component: a node's kube-proxy, a worker of a proxy, a client. It knows
//! how many endpoints it has and what it sent where; what else a policy may look at stands in [`Sight`]. A policy is a
//! file here, which holds all it is, and a row of the macro `policies!`.

mod bounded;
mod edf;
mod edf_least_request;
mod edf_weighted_round_robin;
mod fast_weighted_round_robin;
mod first;
mod haproxy_random;
mod haproxy_ring;
mod haproxy_source;
mod hash;
mod hashed;
mod ip_hash;
mod join_idle_queue;
mod jump;
mod least_request;
mod levels;
mod loads;
mod maglev;
mod oracle_jsq;
mod oracle_least_work;
mod parameter;
mod peak_ewma;
mod pending_requests;
mod policy;
mod random;
mod random_choose;
mod recorded;
mod rendezvous;
mod ring_hash;
mod round_robin;
mod sight;
mod slow_start;
mod smooth_weighted_round_robin;
mod static_stride;
mod sticky;
mod tournament;
mod weighted_least_request;
mod weighted_random;
mod weights;

use crate::random::Stream;

use policy::{Policy, State};

pub use bounded::Overflow;
pub use hash::Addresses;
pub use join_idle_queue::IdleQueue;
pub use jump::bucket as jump_bucket;
pub use least_request::Choices;
pub use parameter::{Form, Given, Parameter, Refused, Value};
pub use policy::{Asks, Changes, PolicyListed};
pub use ring_hash::RingSize;
pub use sight::{Ended, Glance, Sight};
pub use slow_start::SlowStart;
pub use weighted_least_request::{Rule, Ties};
pub use weights::{MAX_WEIGHT, Start, Weights};

/// Every policy in the order in which they are listed: its file and its parameters.
///
/// Those of the first group stand in line on the request's path. The others are calls: in line, their code would make
/// every request's path longer.
macro_rules! policies {
    (
        in line { $($near:ident::$Near:ident,)+ }
        called { $($far:ident::$Far:ident,)+ }
    ) => {
        $(pub use $near::$Near;)+
        $(pub use $far::$Far;)+

        /// A policy with its parameters, as a scenario names it.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each stands above the parameters of its policy")]
        pub enum Spec {
            $($Near($Near),)+
            $($Far($Far),)+
        }

        $(impl From<$Near> for Spec {
            fn from(policy: $Near) -> Self {
                Self::$Near(policy)
            }
        })+
        $(impl From<$Far> for Spec {
            fn from(policy: $Far) -> Self {
                Self::$Far(policy)
            }
        })+

        /// Every policy, in the order of [`Spec`].
        pub const POLICIES: &[PolicyListed] = &[
            $(<$Near as Policy>::LISTED,)+
            $(<$Far as Policy>::LISTED,)+
        ];

        impl Spec {
            /// What there is to know about the policy.
            #[must_use]
            pub const fn listed(&self) -> &'static PolicyListed {
                match self {
                    $(Self::$Near(_) => &<$Near as Policy>::LISTED,)+
                    $(Self::$Far(_) => &<$Far as Policy>::LISTED,)+
                }
            }

            /// The policy of that name with the parameters that were given; `None` when there is no such policy.
            pub fn read(name: &str, given: &mut Given) -> Option<Self> {
                $(if name == <$Near as Policy>::LISTED.name {
                    return Some(Self::$Near(<$Near as Policy>::read(given)));
                })+
                $(if name == <$Far as Policy>::LISTED.name {
                    return Some(Self::$Far(<$Far as Policy>::read(given)));
                })+
                None
            }

            /// What must be kept up for the policy beyond what every balancer can see.
            #[must_use]
            pub fn asks(&self) -> Asks {
                match self {
                    $(Self::$Near(policy) => policy.asks(),)+
                    $(Self::$Far(policy) => policy.asks(),)+
                }
            }

            /// A balancer over the endpoints `0..endpoints` with nothing outstanding.
            #[must_use]
            pub fn build(&self, endpoints: u32, stream: &mut Stream) -> Balancer {
                Balancer(match self {
                    $(Self::$Near(policy) => Near::$Near(policy.build(endpoints, stream)),)+
                    $(Self::$Far(policy) => Near::Far(Far::$Far(policy.build(endpoints, stream))),)+
                })
            }

            /// Such a balancer beside another one, with which it shares what never changes if it can, such as a table of
            /// hashes.
            #[inline(never)]
            #[must_use]
            pub fn build_beside(&self, other: Option<&Balancer>, endpoints: u32, stream: &mut Stream) -> Balancer {
                match self {
                    $(Self::$Far(policy) => {
                        let other = match other {
                            Some(Balancer(Near::Far(Far::$Far(state)))) => Some(state),
                            _ => None,
                        };
                        Balancer(Near::Far(Far::$Far(policy.build_beside(other, endpoints, stream))))
                    },)+
                    _ => self.build(endpoints, stream),
                }
            }

            /// Every policy with a few sets of parameters.
            #[cfg(test)]
            fn examples() -> Vec<Self> {
                let mut examples = Vec::new();
                $(examples.extend(<$Near as Policy>::examples().into_iter().map(Self::$Near));)+
                $(examples.extend(<$Far as Policy>::examples().into_iter().map(Self::$Far));)+
                examples
            }
        }

        #[derive(Debug, Clone)]
        enum Near {
            $($Near(<$Near as Policy>::State),)+
            Far(Far),
        }

        #[derive(Debug, Clone)]
        enum Far {
            $($Far(<$Far as Policy>::State),)+
        }

        impl Far {
            #[inline(never)]
            fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
                match self {
                    $(Self::$Far(state) => state.pick(stream, sight),)+
                }
            }

            #[inline(never)]
            fn done(&mut self, endpoint: u32, ended: Ended) {
                match self {
                    $(Self::$Far(state) => state.done(endpoint, ended),)+
                }
            }

            fn outstanding(&self, endpoint: u32) -> u32 {
                match self {
                    $(Self::$Far(state) => state.outstanding(endpoint),)+
                }
            }

            fn report(&mut self, sight: &impl Sight) {
                match self {
                    $(Self::$Far(state) => state.report(sight),)+
                }
            }

            fn idle_queue(&mut self) -> Option<&mut IdleQueue> {
                match self {
                    $(Self::$Far(state) => state.idle_queue(),)+
                }
            }

            fn resize(&mut self, endpoints: u32) {
                match self {
                    $(Self::$Far(state) => state.resize(endpoints),)+
                }
            }

            fn follow(&mut self, changes: &Changes) {
                match self {
                    $(Self::$Far(state) => state.follow(changes),)+
                }
            }
        }

        impl Balancer {
            /// Chooses an endpoint and counts a request as outstanding there; `None` when there are no endpoints.
            #[inline]
            pub fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
                match &mut self.0 {
                    $(Near::$Near(state) => state.pick(stream, sight),)+
                    Near::Far(state) => state.pick(stream, sight),
                }
            }

            /// The reply from `endpoint` (or its failure) passed by: one request less is outstanding there.
            ///
            /// Requests to endpoints that [`Self::resize`] took away are forgotten: for them, and for an endpoint with
            /// nothing outstanding, this does nothing.
            #[inline]
            pub fn done(&mut self, endpoint: u32, ended: Ended) {
                match &mut self.0 {
                    $(Near::$Near(state) => state.done(endpoint, ended),)+
                    Near::Far(state) => state.done(endpoint, ended),
                }
            }

            /// How many requests are outstanding at `endpoint`: 0 under the policies that do not count them.
            #[must_use]
            pub fn outstanding(&self, endpoint: u32) -> u32 {
                match &self.0 {
                    $(Near::$Near(state) => state.outstanding(endpoint),)+
                    Near::Far(state) => state.outstanding(endpoint),
                }
            }

            /// The pods report what they have, as often as the policy asks for ([`Asks::reports`]).
            #[inline(never)]
            pub fn report(&mut self, sight: &impl Sight) {
                match &mut self.0 {
                    $(Near::$Near(state) => state.report(sight),)+
                    Near::Far(state) => state.report(sight),
                }
            }

            /// Where pods report that they became idle, under policies that ask for it ([`Asks::idle`]).
            #[inline(never)]
            pub fn idle_queue(&mut self) -> Option<&mut IdleQueue> {
                match &mut self.0 {
                    $(Near::$Near(state) => state.idle_queue(),)+
                    Near::Far(state) => state.idle_queue(),
                }
            }

            /// From now on the endpoints are others; requests without a reply stay where they are.
            pub fn follow(&mut self, changes: &Changes) {
                match &mut self.0 {
                    $(Near::$Near(state) => state.follow(changes),)+
                    Near::Far(state) => state.follow(changes),
                }
            }

            /// From now on the endpoints are `0..endpoints`: new ones begin with nothing outstanding, old ones keep
            /// their count.
            pub fn resize(&mut self, endpoints: u32) {
                match &mut self.0 {
                    $(Near::$Near(state) => state.resize(endpoints),)+
                    Near::Far(state) => state.resize(endpoints),
                }
            }
        }
    };
}

policies! {
    in line {
        random::Random,
        round_robin::RoundRobin,
        least_request::LeastRequest,
    }
    called {
        weighted_random::WeightedRandom,
        smooth_weighted_round_robin::SmoothWeightedRoundRobin,
        edf_weighted_round_robin::EdfWeightedRoundRobin,
        static_stride::StaticStride,
        fast_weighted_round_robin::FastWeightedRoundRobin,
        first::First,
        join_idle_queue::JoinIdleQueue,
        peak_ewma::PeakEwma,
        pending_requests::PendingRequests,
        ring_hash::RingHash,
        maglev::Maglev,
        rendezvous::Rendezvous,
        jump::Jump,
        ip_hash::IpHash,
        sticky::Sticky,
        oracle_jsq::OracleJsq,
        weighted_least_request::WeightedLeastRequest,
        oracle_least_work::OracleLeastWork,
        edf_least_request::EdfLeastRequest,
        random_choose::RandomChoose,
        haproxy_random::HaproxyRandom,
        haproxy_source::HaproxySource,
        recorded::Recorded,
    }
}

/// The state of a balancer. Endpoints are numbers from 0.
#[derive(Debug, Clone)]
pub struct Balancer(Near);

impl Spec {
    /// The word used in scenarios and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.listed().name
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_changes;
#[cfg(test)]
mod tests_hash;
#[cfg(test)]
mod tests_load;
#[cfg(test)]
mod tests_weighted;
