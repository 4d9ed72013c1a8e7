//! The fewest outstanding requests for its weight, among all endpoints.
//!
//! Compared are, exactly, a/w (`active`, nginx), (a + 1)/w (`active-plus-one`, IPVS sed), or 0 for an idle endpoint and
//! (a + 1)/w for others (`idle-first`, HAProxy). Of equals is taken
//!
//! * any (`random`, Caddy);
//! * the first (`first`);
//! * the one that became equal first (`fifo`): endpoints stand in a list, and one whose count changes goes behind its
//!   equals. Source: HAProxy, `lb_fwlc.c`;
//! * by smooth weighted round robin among the equals alone (`round-robin`), whose state stays as it is where there is a
//!   single minimum. Source: nginx, `ngx_http_upstream_least_conn_module.c`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::random::Stream;

use super::parameter::{Form, Given, Parameter, STALENESS, WEIGHTS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
use super::tournament::Tournament;
use super::weights::Weights;
use crate::time::SimDuration;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// a/w.
    Active,
    /// (a + 1)/w.
    ActivePlusOne,
    /// 0 if a = 0, else (a + 1)/w.
    IdleFirst,
}

/// Which of several equals is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// Any.
    Random,
    /// The first.
    First,
    /// The one that became equal first.
    Fifo,
    /// In turn, by their weights.
    RoundRobin,
}

/// The fewest outstanding requests of this balancer for its weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedLeastRequest {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// What is compared.
    pub rule: Rule,
    /// Which of several equals is taken.
    pub ties: Ties,
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for WeightedLeastRequest {
    const LISTED: PolicyListed = PolicyListed {
        name: "weighted-least-request",
        parameters: &[
            WEIGHTS,
            Parameter {
                key: "rule",
                form: Form::Word(&["active", "active-plus-one", "idle-first"]),
                default: "active",
                doc: "what is compared, active/weight, (active + 1)/weight, or the latter with 0 for idle endpoints",
            },
            Parameter {
                key: "ties",
                form: Form::Word(&["random", "first", "fifo", "round-robin"]),
                default: "random",
                doc: "which of several equals is taken: any, the first, the one that became equal first, or by smooth \
                      weighted round robin among them",
            },
            STALENESS,
        ],
        information: "weights of the endpoints; requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(log n), one draw with ties: random, no draw otherwise; O(e) with round-robin and e > 1 equals",
        source: "nginx least_conn (active, ties: round-robin), HAProxy leastconn (idle-first, ties: fifo), Caddy \
                 least_conn (active, ties: random), IPVS lc and sed (active-plus-one, ties: first)",
        summary: "fewest outstanding requests, or one more than that, for the weight, among all endpoints",
    };

    type State = Box<WeightedLeastRequestState>;

    fn read(given: &mut Given) -> Self {
        let rules =
            [("active", Rule::Active), ("active-plus-one", Rule::ActivePlusOne), ("idle-first", Rule::IdleFirst)];
        let ties =
            [("random", Ties::Random), ("first", Ties::First), ("fifo", Ties::Fifo), ("round-robin", Ties::RoundRobin)];
        Self {
            weights: given.weights(),
            rule: given.word("rule", &rules).unwrap_or(Rule::Active),
            ties: given.word("ties", &ties).unwrap_or(Ties::Random),
            staleness: given.duration(STALENESS.key),
        }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> Box<WeightedLeastRequestState> {
        let mut state = WeightedLeastRequestState {
            policy: self.clone(),
            known: Vec::new(),
            outstanding: Vec::new(),
            current: Vec::new(),
            stamps: Vec::new(),
            changes: 0,
            tree: Tournament::new(std::iter::empty()),
            list: BTreeSet::new(),
        };
        state.resize(endpoints);
        Box::new(state)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |rule, ties| Self { weights: Weights::example(), rule, ties, staleness: None };
        vec![
            of(Rule::Active, Ties::Random),
            of(Rule::ActivePlusOne, Ties::First),
            of(Rule::IdleFirst, Ties::Fifo),
            of(Rule::Active, Ties::RoundRobin),
            Self { staleness: Some(SimDuration::from_secs(1)), ..of(Rule::Active, Ties::Random) },
        ]
    }
}

/// What is compared, as a fraction.
#[derive(Debug, Clone, Copy)]
struct Load {
    requests: u32,
    weight: u32,
}

impl Ord for Load {
    fn cmp(&self, other: &Self) -> Ordering {
        let times = |requests: u32, weight: u32| u64::from(requests) * u64::from(weight);
        times(self.requests, other.weight).cmp(&times(other.requests, self.weight))
    }
}

impl PartialOrd for Load {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Load {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Load {}

#[derive(Debug, Clone)]
pub(super) struct WeightedLeastRequestState {
    policy: WeightedLeastRequest,
    known: Vec<u32>,
    outstanding: Vec<u32>,
    /// Of each endpoint the current value of smooth weighted round robin.
    current: Vec<i64>,
    /// When the count of each endpoint changed last, in changes; all 0 but with `fifo`.
    stamps: Vec<u64>,
    changes: u64,
    /// Those that weigh something; empty with `fifo`.
    tree: Tournament<Load>,
    /// Those that weigh something in the order of `fifo`, otherwise empty.
    list: BTreeSet<(Load, u64, u32)>,
}

impl WeightedLeastRequestState {
    fn load(&self, endpoint: u32) -> Load {
        let active = self.outstanding[endpoint as usize];
        let requests = match self.policy.rule {
            Rule::Active => active,
            Rule::IdleFirst if active == 0 => 0,
            Rule::ActivePlusOne | Rule::IdleFirst => active + 1,
        };
        Load { requests, weight: self.known[endpoint as usize] }
    }

    /// Sets the count of an endpoint, and its place among the others.
    fn set(&mut self, endpoint: u32, outstanding: u32) {
        let place = endpoint as usize;
        let (weighs, before) = (self.known[place] > 0, self.load(endpoint));
        self.outstanding[place] = outstanding;
        let load = self.load(endpoint);
        match self.policy.ties {
            _ if !weighs => {}
            Ties::Fifo => {
                self.list.remove(&(before, self.stamps[place], endpoint));
                self.changes += 1;
                self.stamps[place] = self.changes;
                self.list.insert((load, self.changes, endpoint));
            }
            Ties::Random | Ties::First | Ties::RoundRobin => self.tree.set(endpoint, load),
        }
    }

    /// The next of several equals by smooth weighted round robin.
    fn turn(&mut self) -> u32 {
        let tied = self.tree.all_tied();
        let mut total = 0;
        let mut best = tied[0];
        for endpoint in tied {
            let weight = i64::from(self.known[endpoint as usize]);
            total += weight;
            self.current[endpoint as usize] += weight;
            if self.current[endpoint as usize] > self.current[best as usize] {
                best = endpoint;
            }
        }
        self.current[best as usize] -= total;
        best
    }
}

impl State for WeightedLeastRequestState {
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let chosen = match (self.policy.ties, self.tree.ties()) {
            (Ties::Fifo, _) => self.list.first()?.2,
            (_, 0) => return None,
            (Ties::Random, ties) => self.tree.tied(stream.below(ties)),
            (Ties::RoundRobin, 2..) => self.turn(),
            (Ties::First | Ties::RoundRobin, _) => self.tree.tied(0),
        };
        if self.policy.staleness.is_none() {
            self.set(chosen, self.outstanding[chosen as usize] + 1);
        }
        Some(chosen)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        if let Some(outstanding @ 1..) = self.outstanding.get(endpoint as usize).copied()
            && self.policy.staleness.is_none()
        {
            self.set(endpoint, outstanding - 1);
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        let reported = self.policy.staleness.is_some();
        if reported { 0 } else { self.outstanding.get(endpoint as usize).copied().unwrap_or(0) }
    }

    fn report(&mut self, sight: &impl Sight) {
        if self.policy.staleness.is_none() {
            return;
        }
        for place in 0..self.outstanding.len() as u32 {
            let jobs = sight.jobs(place);
            if jobs != self.outstanding[place as usize] {
                self.set(place, jobs);
            }
        }
    }

    fn resize(&mut self, endpoints: u32) {
        let count = endpoints as usize;
        self.known = self.policy.weights.of(endpoints);
        self.outstanding.resize(count, 0);
        self.current.resize(count, 0);
        // New ones stand behind their equals.
        self.stamps.resize(count, self.changes);
        self.line_up();
    }

    fn follow(&mut self, changes: &Changes) {
        self.known = self.policy.weights.following(changes);
        self.outstanding = changes.apply(&self.outstanding, 0);
        self.current = changes.apply(&self.current, 0);
        self.stamps = changes.apply(&self.stamps, self.changes);
        self.line_up();
    }
}

impl WeightedLeastRequestState {
    fn line_up(&mut self) {
        let endpoints = self.known.len() as u32;
        let loads = (0..endpoints).map(|e| (self.known[e as usize] > 0).then(|| self.load(e)));
        if self.policy.ties == Ties::Fifo {
            let stamped = (0..).zip(loads).filter_map(|(e, load)| Some((load?, self.stamps[e as usize], e)));
            self.list = stamped.collect();
        } else {
            self.tree = Tournament::new(loads);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Glance;

    struct Picks(Box<WeightedLeastRequestState>, Stream);

    impl Picks {
        fn new(weights: &[u32], rule: Rule, ties: Ties) -> Self {
            let mut stream = Stream::new(1, 0, "least");
            let policy =
                WeightedLeastRequest { weights: Weights::new(weights.to_vec()).unwrap(), rule, ties, staleness: None };
            Self(policy.build(weights.len() as u32, &mut stream), stream)
        }

        fn pick(&mut self) -> u32 {
            self.0.pick(&mut self.1, &Glance::default()).unwrap()
        }

        fn done(&mut self, endpoint: u32) {
            self.0.done(endpoint, Ended::default());
        }

        /// Picks without replies.
        fn picks(&mut self, picks: u32) -> Vec<u32> {
            (0..picks).map(|_| self.pick()).collect()
        }

        /// Picks as letters, each with its reply before the next one.
        fn idle(&mut self, picks: u32) -> String {
            let mut pick = || {
                let picked = self.pick();
                self.done(picked);
                char::from(b'a' + picked as u8)
            };
            (0..picks).map(|_| pick()).collect()
        }
    }

    /// Recorded from HAProxy: idle servers in turn, whatever they weigh.
    #[test]
    fn fifo_takes_idle_endpoints_in_turn() {
        let mut picks = Picks::new(&[5, 1, 1], Rule::IdleFirst, Ties::Fifo);
        assert_eq!(picks.idle(7), "abcabca");
    }

    #[test]
    fn fifo_goes_behind_its_equals_at_each_change() {
        let mut picks = Picks::new(&[1, 1, 1], Rule::IdleFirst, Ties::Fifo);
        assert_eq!([picks.pick(), picks.pick(), picks.pick()], [0, 1, 2]);
        // Idle again in the order 2, 0: so they are taken.
        picks.done(2);
        picks.done(0);
        assert_eq!([picks.pick(), picks.pick()], [2, 0]);
        // All have one; 1 has had it for the longest.
        assert_eq!([picks.pick(), picks.pick(), picks.pick()], [1, 2, 0]);
        // With weights, 2/5 comes before 2/1, and 0 before both.
        let mut picks = Picks::new(&[5, 1], Rule::IdleFirst, Ties::Fifo);
        assert_eq!(picks.picks(7), [0, 1, 0, 0, 0, 0, 0]);
    }

    /// nginx: idle endpoints are all tied, so they take smooth weighted turns; a single minimum leaves the turns alone.
    #[test]
    fn ties_take_turns_among_themselves() {
        let mut picks = Picks::new(&[5, 1, 1], Rule::Active, Ties::RoundRobin);
        assert_eq!(picks.idle(7), "aabacaa");
        let mut picks = Picks::new(&[1, 1, 1], Rule::Active, Ties::RoundRobin);
        assert_eq!(picks.pick(), 0);
        // Current values −2, 1, 1. Of the two tied ones b has 2 and pays 2, c has 2; then c alone is least.
        assert_eq!([picks.pick(), picks.pick()], [1, 2]);
        assert_eq!(picks.0.current, [-2, 0, 2]);
        // All tied again: −1, 1, 3.
        assert_eq!(picks.pick(), 2);
    }

    /// What the picks must be, found by looking at all endpoints; `current` are the turns among equals.
    fn by_looking(state: &WeightedLeastRequestState, current: &mut [i64], stream: &mut Stream) -> u32 {
        let weighing = || (0..state.known.len()).filter(|place| state.known[*place] > 0);
        let least = weighing().map(|place| state.load(place as u32)).min().unwrap();
        let tied: Vec<usize> = weighing().filter(|place| state.load(*place as u32) == least).collect();
        match state.policy.ties {
            Ties::Random => tied[stream.below(tied.len() as u32) as usize] as u32,
            Ties::RoundRobin if tied.len() > 1 => {
                tied.iter().for_each(|place| current[*place] += i64::from(state.known[*place]));
                let most = tied.iter().map(|place| current[*place]).max().unwrap();
                let best = *tied.iter().find(|place| current[**place] == most).unwrap();
                current[best] -= tied.iter().map(|place| i64::from(state.known[*place])).sum::<i64>();
                best as u32
            }
            _ => tied[0] as u32,
        }
    }

    #[test]
    fn picks_are_those_of_looking_at_all() {
        for ties in [Ties::Random, Ties::First, Ties::RoundRobin] {
            for rule in [Rule::Active, Rule::ActivePlusOne, Rule::IdleFirst] {
                let mut picks = Picks::new(&[3, 1, 0, 2, 2, 1, 6], rule, ties);
                let mut chance = Stream::new(2, 0, "chance");
                let (mut looking, mut current) = (picks.1.clone(), vec![0; 12]);
                for step in 0..3_000 {
                    match chance.below(40) {
                        0 => picks.0.resize(1 + chance.below(12)),
                        1..20 => picks.done(chance.below(12)),
                        _ => {
                            let expected = by_looking(&picks.0, &mut current, &mut looking);
                            assert_eq!(picks.pick(), expected, "{ties:?}, {rule:?}, step {step}");
                        }
                    }
                    // Those that go lose their turns.
                    current[picks.0.known.len()..].fill(0);
                }
            }
        }
    }

    #[test]
    fn the_first_of_equals_needs_no_look_at_all() {
        let mut picks = Picks::new(&[2, 1, 2], Rule::Active, Ties::First);
        assert_eq!(picks.picks(6), [0, 1, 2, 0, 2, 0]);
        picks.done(1);
        assert_eq!(picks.pick(), 1);
    }
}
