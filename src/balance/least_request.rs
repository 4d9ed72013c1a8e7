//! The fewest outstanding requests, among all endpoints or among a few drawn at random.

use crate::random::Stream;

use super::levels::Levels;
use super::parameter::{Form, Given, MANY, Parameter};
use super::policy::{Policy, PolicyListed, State};
use super::sight::{Ended, Sight};

/// How many endpoints a least-request balancer looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choices {
    /// All of them.
    All,
    /// So many, at least one.
    Of(u32),
}

/// The fewest outstanding requests of this balancer among those looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeastRequest {
    /// How many endpoints are looked at.
    pub choices: Choices,
    /// Whether the same endpoint may be drawn twice.
    pub replacement: bool,
}

impl Policy for LeastRequest {
    const LISTED: PolicyListed = PolicyListed {
        name: "least-request",
        parameters: &[
            Parameter {
                key: "choices",
                form: Form::CountOr(1, MANY, "all"),
                default: "all",
                doc: "how many endpoints it compares",
            },
            Parameter {
                key: "replacement",
                form: Form::Flag,
                default: "false",
                doc: "whether the same endpoint may be drawn twice",
            },
        ],
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), one draw with choices: all or N >= n; O(N), N draws otherwise",
        source: "Envoy LEAST_REQUEST and gRPC least_request (A48): choices 2 with replacement; \
                 M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing (2001)",
        summary: "fewest outstanding requests among N endpoints drawn uniformly (ties: first drawn) or all (ties: uniform)",
    };

    type State = LeastRequestState;

    fn read(given: &mut Given) -> Self {
        let choices = given.count("choices").map_or(Choices::All, Choices::Of);
        let replacement = given.flag("replacement").unwrap_or(false);
        if replacement && choices == Choices::All && !given.is_bad("choices") {
            given.refuse(
                "replacement",
                "`replacement` has no effect where all endpoints are compared",
                Some("give `choices` a number, or remove `replacement`"),
            );
        }
        Self { choices, replacement }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> LeastRequestState {
        let (choices, replacement) = (self.choices, self.replacement);
        LeastRequestState { choices, replacement, known: Known::new(vec![0; endpoints as usize], choices, replacement) }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |choices, replacement| Self { choices, replacement };
        let some = [1, 2, 3, 5, 100].into_iter().flat_map(|n| [of(Choices::Of(n), false), of(Choices::Of(n), true)]);
        std::iter::once(of(Choices::All, false)).chain(some).collect()
    }
}

#[derive(Debug, Clone)]
pub(super) struct LeastRequestState {
    choices: Choices,
    replacement: bool,
    known: Known,
}

/// Outstanding requests, in the form that the way of choosing needs.
#[derive(Debug, Clone)]
enum Known {
    /// For looking at all endpoints.
    Ordered(Levels),
    /// For looking at a few.
    Counted(Counts),
}

#[derive(Debug, Clone)]
struct Counts {
    outstanding: Vec<u32>,
    draw: Draw,
}

/// How the endpoints to look at are drawn.
#[derive(Debug, Clone)]
enum Draw {
    /// A single one.
    One,
    /// Two different ones.
    TwoDistinct,
    /// So many, each from all.
    Replaced(u32),
    /// So many different ones. The permutation is shuffled anew as far as needed at every pick; which one it was before
    /// does not matter.
    Distinct(u32, Vec<u32>),
}

impl State for LeastRequestState {
    #[inline]
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        match &mut self.known {
            Known::Ordered(levels) => levels.take_least(stream),
            Known::Counted(counts) => Some(counts.take(stream)),
        }
    }

    #[inline]
    fn done(&mut self, endpoint: u32, _ended: Ended) {
        match &mut self.known {
            Known::Ordered(levels) => levels.release(endpoint),
            Known::Counted(counts) => {
                if let Some(outstanding) = counts.outstanding.get_mut(endpoint as usize) {
                    *outstanding = outstanding.saturating_sub(1);
                }
            }
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        match &self.known {
            Known::Ordered(levels) => levels.load(endpoint),
            Known::Counted(counts) => counts.outstanding.get(endpoint as usize).copied().unwrap_or(0),
        }
    }

    fn resize(&mut self, endpoints: u32) {
        let mut outstanding = match &mut self.known {
            Known::Ordered(levels) => levels.loads(),
            Known::Counted(counts) => std::mem::take(&mut counts.outstanding),
        };
        outstanding.resize(endpoints as usize, 0);
        self.known = Known::new(outstanding, self.choices, self.replacement);
    }
}

impl Known {
    fn new(outstanding: Vec<u32>, choices: Choices, replacement: bool) -> Self {
        let endpoints = u32::try_from(outstanding.len()).expect("endpoints are numbered by u32");
        let draw = match choices {
            // Nothing to draw from, or one endpoint only.
            _ if endpoints < 2 => return Self::Ordered(Levels::new(&outstanding)),
            Choices::All => return Self::Ordered(Levels::new(&outstanding)),
            Choices::Of(0 | 1) => Draw::One,
            Choices::Of(number) if replacement => Draw::Replaced(number),
            // The first of the least loaded in a random order of all is a uniform one of the least loaded.
            Choices::Of(number) if number >= endpoints => return Self::Ordered(Levels::new(&outstanding)),
            Choices::Of(2) => Draw::TwoDistinct,
            Choices::Of(number) => Draw::Distinct(number, (0..endpoints).collect()),
        };
        Self::Counted(Counts { outstanding, draw })
    }
}

impl Counts {
    /// Draws endpoints and takes the first one drawn of those with the fewest outstanding requests.
    #[inline(always)]
    fn take(&mut self, stream: &mut Stream) -> u32 {
        let outstanding = &mut self.outstanding;
        let endpoints = outstanding.len() as u32;
        let chosen = match &mut self.draw {
            Draw::One => stream.below(endpoints),
            Draw::TwoDistinct => {
                // Uniform over the others: those from `first` on move up by one.
                let (first, second) = stream.below_both(endpoints, endpoints - 1);
                let second = second + u32::from(second >= first);
                less_loaded(outstanding, first, second)
            }
            Draw::Replaced(2) => {
                let (first, second) = stream.below_both(endpoints, endpoints);
                less_loaded(outstanding, first, second)
            }
            Draw::Replaced(number) => {
                let first = stream.below(endpoints);
                (1..*number).fold(first, |best, _| less_loaded(outstanding, best, stream.below(endpoints)))
            }
            Draw::Distinct(number, permutation) => draw_distinct(outstanding, *number, permutation, stream),
        };
        outstanding[chosen as usize] += 1;
        chosen
    }
}

/// The later one only if it has strictly fewer outstanding requests.
#[inline]
fn less_loaded(outstanding: &[u32], earlier: u32, later: u32) -> u32 {
    if outstanding[later as usize] < outstanding[earlier as usize] { later } else { earlier }
}

/// The best of `number` different endpoints: the first steps of a Fisher–Yates shuffle.
fn draw_distinct(outstanding: &[u32], number: u32, permutation: &mut [u32], stream: &mut Stream) -> u32 {
    let endpoints = permutation.len() as u32;
    let mut best = None;
    for drawn in 0..number {
        let from = drawn + stream.below(endpoints - drawn);
        permutation.swap(drawn as usize, from as usize);
        let later = permutation[drawn as usize];
        best = Some(best.map_or(later, |earlier| less_loaded(outstanding, earlier, later)));
    }
    best.expect("at least one endpoint is drawn")
}
