//! A few draws on HAProxy's ring, and of them the least loaded: `balance random`.
//!
//! Each draw is a uniform 32-bit number, which falls to the nearest point of the ring (see [`HaproxyRing`]); the same
//! server may be drawn twice. A later draw wins unless it has more outstanding for its weight, so of equals the last. With
//! weight 1 the ring is uneven, and so are the draws; with weight 100 they are nearly even. HAProxy starts its generator
//! alike in every process; here each balancer draws its own. Source: HAProxy, `backend.c` (`get_server_rnd`); that later
//! versions break ties by the session rate is not modelled. With `staleness` outstanding is what the pods reported last.

use crate::random::Stream;

use super::haproxy_ring::HaproxyRing;
use super::loads::Loads;
use super::parameter::{Form, Given, MANY, Parameter, STALENESS, WEIGHTS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};
use super::weights::Weights;
use crate::time::SimDuration;

/// Draws on HAProxy's ring, of them the least loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaproxyRandom {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// How many draws.
    pub draws: u32,
    /// How long the balancer goes by one report of the pods; without it, by its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for HaproxyRandom {
    const LISTED: PolicyListed = PolicyListed {
        name: "haproxy-random",
        parameters: &[
            WEIGHTS,
            Parameter { key: "draws", form: Form::Count(1, MANY), default: "2", doc: "how many endpoints it draws" },
            STALENESS,
        ],
        information: "weights of the endpoints; requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(N log n), N draws",
        source: "HAProxy balance random",
        summary: "of N draws on HAProxy's ring the fewest outstanding requests for the weight (ties: the last)",
    };

    type State = HaproxyRandomState;

    fn read(given: &mut Given) -> Self {
        HaproxyRing::check(given);
        let (draws, staleness) = (given.count("draws").unwrap_or(2), given.duration(STALENESS.key));
        if staleness.is_some() && draws == 1 {
            given.refuse(
                STALENESS.key,
                "`staleness` has no effect with one draw",
                Some("let `draws` be 2 or more, or remove `staleness`"),
            );
        }
        Self { weights: given.weights(), draws, staleness }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> HaproxyRandomState {
        let (known, loads) = (Vec::new(), Loads::new(self.staleness));
        let mut state = HaproxyRandomState { policy: self.clone(), ring: HaproxyRing::default(), known, loads };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |draws, staleness| Self { weights: Weights::example(), draws, staleness };
        vec![of(2, None), of(1, None), of(2, Some(SimDuration::from_secs(1)))]
    }
}

#[derive(Debug, Clone)]
pub(super) struct HaproxyRandomState {
    policy: HaproxyRandom,
    ring: HaproxyRing,
    known: Vec<u32>,
    loads: Loads,
}

impl HaproxyRandomState {
    /// a/w of the first is above that of the second.
    fn has_more(&self, one: u32, other: u32) -> bool {
        let times = |load: u32, weight: u32| u64::from(self.loads.of(load)) * u64::from(self.known[weight as usize]);
        times(one, other) > times(other, one)
    }
}

impl State for HaproxyRandomState {
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        if self.known.is_empty() {
            return None;
        }
        let mut draw = || self.ring.nearest((stream.unit() * 4_294_967_296.0) as u32);
        let mut best = draw()?;
        for _ in 1..self.policy.draws {
            let drawn = draw()?;
            if !self.has_more(drawn, best) {
                best = drawn;
            }
        }
        self.loads.picked(best);
        Some(best)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        self.loads.done(endpoint);
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.loads.own(endpoint)
    }

    fn report(&mut self, sight: &impl Sight) {
        self.loads.report(sight);
    }

    fn resize(&mut self, endpoints: u32) {
        self.known = self.policy.weights.of(endpoints);
        self.loads.resize(endpoints);
        self.ring = HaproxyRing::new(&self.known);
    }

    fn follow(&mut self, changes: &Changes) {
        self.known = self.policy.weights.following(changes);
        self.loads.follow(changes);
        self.ring = HaproxyRing::among(changes.numbers.iter().copied(), &self.known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Glance;
    use crate::stats::chi_square;

    fn counts(weights: Weights, draws: u32, endpoints: u32) -> Vec<u64> {
        let mut stream = Stream::new(5, 0, "draws");
        let mut state = HaproxyRandom { weights, draws, staleness: None }.build(endpoints, &mut stream);
        let mut counts = vec![0; endpoints as usize];
        for _ in 0..80_000 {
            let picked = state.pick(&mut stream, &Glance::default()).unwrap();
            counts[picked as usize] += 1;
            state.done(picked, Ended::default());
        }
        counts
    }

    /// Eight servers of weight 1 got 10.7 % to 15 % of the draws of a recorded HAProxy, of weight 100 an eighth each.
    #[test]
    fn draws_are_as_uneven_as_the_ring() {
        let shares = HaproxyRing::new(&[1; 8]).shares(8);
        let (_, p) = chi_square(&counts(Weights::NONE, 1, 8), &shares).unwrap();
        assert!(p > 1e-4, "{shares:?}");
        let extremes = shares.iter().fold((1.0, 0.0), |(least, most), share| (share.min(least), share.max(most)));
        assert!((0.09..0.115).contains(&extremes.0) && (0.14..0.16).contains(&extremes.1), "{shares:?}");
        for share in HaproxyRing::new(&[100; 8]).shares(8) {
            assert!((share - 0.125).abs() < 0.012, "{share}");
        }
    }

    #[test]
    fn the_less_loaded_draw_wins_and_of_equals_the_last() {
        let mut stream = Stream::new(5, 0, "draws");
        let weights = Weights::new(vec![100; 2]).unwrap();
        let mut state = HaproxyRandom { weights, draws: 2, staleness: None }.build(2, &mut stream);
        state.loads.set(&[1, 0]);
        let share = HaproxyRing::new(&[100; 2]).shares(2)[0];
        // The busy one is taken only when both draws are it.
        let busy = (0..40_000).filter(|_| {
            let picked = state.pick(&mut stream, &Glance::default()).unwrap();
            state.done(picked, Ended::default());
            picked == 0
        });
        let busy = busy.count() as f64 / 40_000.0;
        assert!((busy - share * share).abs() < 0.012, "{busy} is not {share}^2");
    }
}
