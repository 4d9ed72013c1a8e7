//! The fewest outstanding requests, among all endpoints or among a few drawn at random.
//!
//! With `staleness: T` the balancer counts nothing itself. It goes by what the pods reported last, all requests waiting and
//! in service there whoever sent them, until the next reports T later. Reports of all pods come together, the first after a
//! random part of T. That is the periodic update of M. Mitzenmacher, "How Useful Is Old Information?" (2000): what a
//! balancer sent since changes nothing, so balancers herd to the pods that were least loaded.

use crate::random::Stream;
use crate::time::SimDuration;

use super::levels::Levels;
use super::parameter::{Form, Given, MANY, Parameter, STALENESS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
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
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl LeastRequest {
    /// All endpoints, by own counts.
    pub const USUAL: Self = Self { choices: Choices::All, replacement: false, staleness: None };
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
            STALENESS,
        ],
        information: "requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
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
        Self { choices, replacement, staleness: given.duration(STALENESS.key) }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> LeastRequestState {
        let &Self { choices, replacement, staleness } = self;
        let loads = vec![0; endpoints as usize];
        let known = if staleness.is_some() {
            Known::Reported(Box::new(Reported::new(loads, choices, replacement)))
        } else {
            Known::new(loads, choices, replacement)
        };
        LeastRequestState { choices, replacement, known }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |choices, replacement| Self { choices, replacement, staleness: None };
        let stale = |choices| Self { choices, staleness: Some(SimDuration::from_secs(1)), ..Self::USUAL };
        let some = [1, 2, 3, 5, 100].into_iter().flat_map(|n| [of(Choices::Of(n), false), of(Choices::Of(n), true)]);
        std::iter::once(of(Choices::All, false))
            .chain(some)
            .chain([stale(Choices::All), stale(Choices::Of(2))])
            .collect()
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
    /// What the pods reported.
    Reported(Box<Reported>),
}

/// The loads of the last report.
#[derive(Debug, Clone)]
struct Reported {
    loads: Vec<u32>,
    /// The least loaded, where all are looked at.
    least: Vec<u32>,
    /// How a few are drawn, where few are.
    draw: Option<Draw>,
}

impl Reported {
    fn new(loads: Vec<u32>, choices: Choices, replacement: bool) -> Self {
        let draw = Draw::of(loads.len() as u32, choices, replacement);
        let mut reported = Self { loads, least: Vec::new(), draw };
        reported.find_least();
        reported
    }

    /// Once a report, so that a pick need not look at all.
    fn find_least(&mut self) {
        if self.draw.is_none() {
            let least = self.loads.iter().min();
            let places = (0..).zip(&self.loads).filter(|(_, load)| Some(*load) == least);
            self.least = places.map(|(place, _)| place).collect();
        }
    }

    #[inline(never)]
    fn choose(&mut self, stream: &mut Stream) -> Option<u32> {
        match &mut self.draw {
            Some(draw) => Some(draw.choose(&self.loads, stream)),
            None if self.least.is_empty() => None,
            None => Some(self.least[stream.below(self.least.len() as u32) as usize]),
        }
    }

    fn report(&mut self, sight: &impl Sight) {
        for (place, load) in (0..).zip(&mut self.loads) {
            *load = sight.jobs(place);
        }
        self.find_least();
    }
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
    #[inline(always)]
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        match &mut self.known {
            Known::Ordered(levels) => levels.take_least(stream),
            Known::Counted(counts) => Some(counts.take(stream)),
            Known::Reported(reported) => reported.choose(stream),
        }
    }

    #[inline(always)]
    fn done(&mut self, endpoint: u32, _ended: Ended) {
        match &mut self.known {
            Known::Ordered(levels) => levels.release(endpoint),
            Known::Counted(counts) => {
                if let Some(outstanding) = counts.outstanding.get_mut(endpoint as usize) {
                    *outstanding = outstanding.saturating_sub(1);
                }
            }
            Known::Reported(_) => {}
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        match &self.known {
            Known::Ordered(levels) => levels.load(endpoint),
            Known::Counted(counts) => counts.outstanding.get(endpoint as usize).copied().unwrap_or(0),
            Known::Reported(_) => 0,
        }
    }

    fn report(&mut self, sight: &impl Sight) {
        if let Known::Reported(reported) = &mut self.known {
            reported.report(sight);
        }
    }

    fn resize(&mut self, endpoints: u32) {
        let mut loads = self.take_loads();
        loads.resize(endpoints as usize, 0);
        self.put_loads(loads);
    }

    fn follow(&mut self, changes: &Changes) {
        let loads = changes.apply(&self.take_loads(), 0);
        self.put_loads(loads);
    }
}

impl LeastRequestState {
    fn take_loads(&mut self) -> Vec<u32> {
        match &mut self.known {
            Known::Ordered(levels) => levels.loads(),
            Known::Counted(counts) => std::mem::take(&mut counts.outstanding),
            Known::Reported(reported) => std::mem::take(&mut reported.loads),
        }
    }

    fn put_loads(&mut self, loads: Vec<u32>) {
        if let Known::Reported(reported) = &mut self.known {
            **reported = Reported::new(loads, self.choices, self.replacement);
        } else {
            self.known = Known::new(loads, self.choices, self.replacement);
        }
    }
}

impl Known {
    fn new(outstanding: Vec<u32>, choices: Choices, replacement: bool) -> Self {
        let endpoints = u32::try_from(outstanding.len()).expect("endpoints are numbered by u32");
        match Draw::of(endpoints, choices, replacement) {
            Some(draw) => Self::Counted(Counts { outstanding, draw }),
            None => Self::Ordered(Levels::new(&outstanding)),
        }
    }
}

impl Draw {
    /// How endpoints are drawn; `None` where all are looked at.
    fn of(endpoints: u32, choices: Choices, replacement: bool) -> Option<Self> {
        match choices {
            // Nothing to draw from, or one endpoint only.
            _ if endpoints < 2 => None,
            Choices::All => None,
            Choices::Of(0 | 1) => Some(Self::One),
            Choices::Of(number) if replacement => Some(Self::Replaced(number)),
            // The first of the least loaded in a random order of all is a uniform one of the least loaded.
            Choices::Of(number) if number >= endpoints => None,
            Choices::Of(2) => Some(Self::TwoDistinct),
            Choices::Of(number) => Some(Self::Distinct(number, (0..endpoints).collect())),
        }
    }

    /// Draws endpoints and chooses the first one drawn of those with the least load.
    #[inline(always)]
    fn choose(&mut self, loads: &[u32], stream: &mut Stream) -> u32 {
        let endpoints = loads.len() as u32;
        match self {
            Self::One => stream.below(endpoints),
            Self::TwoDistinct => {
                // Uniform over the others: those from `first` on move up by one.
                let (first, second) = stream.below_both(endpoints, endpoints - 1);
                let second = second + u32::from(second >= first);
                less_loaded(loads, first, second)
            }
            Self::Replaced(2) => {
                let (first, second) = stream.below_both(endpoints, endpoints);
                less_loaded(loads, first, second)
            }
            Self::Replaced(number) => {
                let first = stream.below(endpoints);
                (1..*number).fold(first, |best, _| less_loaded(loads, best, stream.below(endpoints)))
            }
            Self::Distinct(number, permutation) => draw_distinct(loads, *number, permutation, stream),
        }
    }
}

impl Counts {
    /// Draws endpoints and takes the first one drawn of those with the fewest outstanding requests.
    #[inline(always)]
    fn take(&mut self, stream: &mut Stream) -> u32 {
        let chosen = self.draw.choose(&self.outstanding, stream);
        self.outstanding[chosen as usize] += 1;
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
