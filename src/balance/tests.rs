//! What the policies are known to do.

use super::levels::Levels;
use super::*;
use crate::stats::chi_square;
use proptest::prelude::*;

const TWO_REPLACED: Spec =
    Spec::LeastRequest(LeastRequest { choices: Choices::Of(2), replacement: true, staleness: None });
const TWO_DISTINCT: Spec =
    Spec::LeastRequest(LeastRequest { choices: Choices::Of(2), replacement: false, staleness: None });
const ROUND_ROBIN: Spec = Spec::RoundRobin(RoundRobin { start: Start::Random });
const ALL: Spec = Spec::LeastRequest(LeastRequest { choices: Choices::All, replacement: false, staleness: None });

fn of(choices: u32, replacement: bool) -> Spec {
    Spec::LeastRequest(LeastRequest { choices: Choices::Of(choices), replacement, staleness: None })
}

fn stream(name: &str) -> Stream {
    Stream::new(7, 0, name)
}

/// A balancer whose endpoints have these outstanding requests, reached by picking and giving back.
fn loaded(spec: &Spec, loads: &[u32], stream: &mut Stream) -> Balancer {
    let mut balancer = spec.build(loads.len() as u32, stream);
    while loads.iter().zip(0..).any(|(&load, endpoint)| balancer.outstanding(endpoint) < load) {
        balancer.pick(stream, &Glance::default());
    }
    for (&load, endpoint) in loads.iter().zip(0..) {
        while balancer.outstanding(endpoint) > load {
            balancer.done(endpoint, Ended::default());
        }
    }
    balancer
}

/// How often each endpoint is picked from one and the same state.
fn picks(spec: &Spec, loads: &[u32], trials: u32) -> Vec<u64> {
    let mut stream = stream("picks");
    let mut balancer = loaded(spec, loads, &mut stream);
    let mut counts = vec![0; loads.len()];
    for _ in 0..trials {
        let endpoint = balancer.pick(&mut stream, &Glance::default()).unwrap();
        counts[endpoint as usize] += 1;
        balancer.done(endpoint, Ended::default());
    }
    counts
}

fn assert_looks_like(counts: &[u64], weights: &[f64], what: &str) {
    let (statistic, p) = chi_square(counts, weights).unwrap();
    assert!(p > 1e-4, "{what}: {counts:?} do not look like {weights:?} (chi-square {statistic}, p {p})");
}

#[test]
fn the_list_names_every_policy() {
    let listed: Vec<&str> = POLICIES.iter().map(|policy| policy.name).collect();
    let mut known: Vec<&str> = Spec::examples().iter().map(Spec::name).collect();
    known.dedup();
    assert_eq!(known, listed);
}

#[test]
fn no_endpoints_no_pick() {
    for spec in Spec::examples() {
        let mut stream = stream("none");
        let mut balancer = spec.build(0, &mut stream);
        assert_eq!(balancer.pick(&mut stream, &Glance::default()), None, "{spec:?}");
        balancer.done(0, Ended::default());
        balancer.resize(1);
        assert_eq!(balancer.pick(&mut stream, &Glance::default()), Some(0), "{spec:?}");
        balancer.resize(0);
        assert_eq!(balancer.pick(&mut stream, &Glance::default()), None, "{spec:?}");
    }
}

#[test]
fn one_endpoint_gets_everything() {
    for spec in Spec::examples() {
        let mut stream = stream("one");
        let mut balancer = spec.build(1, &mut stream);
        assert!((0..100).all(|_| balancer.pick(&mut stream, &Glance::default()) == Some(0)), "{spec:?}");
    }
}

#[test]
fn equal_seeds_pick_equally() {
    for spec in Spec::examples() {
        let run = |name| {
            let mut stream = stream(name);
            let mut balancer = spec.build(10, &mut stream);
            (0..200).map(|_| balancer.pick(&mut stream, &Glance::default())).collect::<Vec<_>>()
        };
        assert_eq!(run("a"), run("a"), "{spec:?}");
        let draws_nothing = {
            let mut stream = stream("h");
            let mut balancer = spec.build(10, &mut stream);
            (0..200).for_each(|_| assert!(balancer.pick(&mut stream, &Glance::default()).is_some()));
            stream.below(u32::MAX) == self::stream("h").below(u32::MAX)
        };
        // Several others, because round robin has only ten starts.
        let differs = ["b", "c", "d", "e", "f", "g"].into_iter().any(|name| run(name) != run("a"));
        assert_ne!(differs, draws_nothing, "{spec:?}");
    }
}

#[test]
fn replies_of_endpoints_that_are_gone_are_ignored() {
    for spec in [ALL, TWO_DISTINCT, TWO_REPLACED, of(3, false)] {
        let mut stream = stream("gone");
        let mut balancer = spec.build(6, &mut stream);
        let picked: Vec<u32> = (0..60).map(|_| balancer.pick(&mut stream, &Glance::default()).unwrap()).collect();
        balancer.resize(4);
        picked.iter().for_each(|&endpoint| balancer.done(endpoint, Ended::default()));
        balancer.done(2, Ended::default());
        assert_eq!((0..6).map(|endpoint| balancer.outstanding(endpoint)).sum::<u32>(), 0, "{spec:?}");
    }
}

#[test]
fn random_is_uniform() {
    assert_looks_like(&picks(&Spec::Random(Random), &[0; 7], 70_000), &[1.0; 7], "random");
}

#[test]
fn round_robin_is_even_and_starts_anywhere() {
    let mut starts = [0; 5];
    let mut stream = stream("round-robin");
    for _ in 0..10_000 {
        let mut balancer = ROUND_ROBIN.build(5, &mut stream);
        let mut counts = [0_u32; 5];
        let first = balancer.pick(&mut stream, &Glance::default()).unwrap();
        starts[first as usize] += 1;
        counts[first as usize] += 1;
        for step in 1..13 {
            let endpoint = balancer.pick(&mut stream, &Glance::default()).unwrap();
            assert_eq!(endpoint, (first + step) % 5);
            counts[endpoint as usize] += 1;
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }
    }
    assert_looks_like(&starts, &[1.0; 5], "starts");
}

#[test]
fn round_robin_keeps_its_place() {
    let mut stream = stream("place");
    let mut balancer = ROUND_ROBIN.build(5, &mut stream);
    while balancer.pick(&mut stream, &Glance::default()) != Some(2) {}
    balancer.resize(8);
    assert_eq!(balancer.pick(&mut stream, &Glance::default()), Some(3));
    while balancer.pick(&mut stream, &Glance::default()) != Some(6) {}
    balancer.resize(3);
    assert_eq!(balancer.pick(&mut stream, &Glance::default()), Some(1));
}

/// With n = 4 and two draws: both draws agree with probability 1/4 with replacement and never without; so the one
/// endpoint with the most requests is taken with 1/16 or never, the one with the fewest with 7/16 or 1/2.
#[test]
fn two_draws_from_four() {
    let trials = 200_000;
    let share =
        |spec: &Spec, loads: &[u32], endpoint: usize| picks(spec, loads, trials)[endpoint] as f64 / f64::from(trials);
    assert_close(share(&TWO_REPLACED, &[3, 3, 3, 9], 3), 1.0 / 16.0, 0.05);
    assert_eq!(share(&TWO_DISTINCT, &[3, 3, 3, 9], 3), 0.0);
    assert_close(share(&TWO_REPLACED, &[3, 3, 1, 3], 2), 0.4375, 0.02);
    assert_close(share(&TWO_DISTINCT, &[3, 3, 1, 3], 2), 0.5, 0.02);

    // Of two endpoints, the one with more is taken only when both draws are it: 1/4, which is P(same) / 2.
    assert_close(share(&TWO_REPLACED, &[5, 2], 0), 0.25, 0.02);
    // With all loads different the order statistics are exact: of ranks 1 to 4, (2(n − r) + 1) / n² with replacement.
    assert_looks_like(&picks(&TWO_REPLACED, &[4, 1, 3, 2], trials), &[1.0, 7.0, 3.0, 5.0], "replaced");
    assert_looks_like(&picks(&TWO_DISTINCT, &[4, 1, 3, 2], trials), &[0.0, 3.0, 1.0, 2.0], "distinct");
}

fn assert_close(got: f64, expected: f64, relative: f64) {
    assert!((got / expected - 1.0).abs() <= relative, "{got} is not {expected}");
}

#[test]
fn more_draws_follow_the_order_statistics() {
    // Loads 5, 4, 3, 2, 1, 0: the minimum of d of n distinct is rank r in C(n − r, d − 1) of C(n, d) cases.
    let loads = [5, 4, 3, 2, 1, 0];
    assert_looks_like(&picks(&of(3, false), &loads, 100_000), &[0.0, 0.0, 1.0, 3.0, 6.0, 10.0], "3 distinct");
    assert_looks_like(&picks(&of(4, false), &loads, 100_000), &[0.0, 0.0, 0.0, 1.0, 4.0, 10.0], "4 distinct");
    // With replacement ((n − r + 1)^d − (n − r)^d) / n^d.
    assert_looks_like(&picks(&of(3, true), &loads, 100_000), &[1.0, 7.0, 19.0, 37.0, 61.0, 91.0], "3 replaced");
    assert_looks_like(&picks(&of(1, false), &loads, 60_000), &[1.0; 6], "1");
}

#[test]
fn ties_are_uniform_and_the_least_loaded_win() {
    for spec in [ALL, of(4, false), of(9, false)] {
        assert_looks_like(&picks(&spec, &[2, 1, 1, 1], 90_000), &[0.0, 1.0, 1.0, 1.0], "ties");
    }
    for spec in [TWO_DISTINCT, TWO_REPLACED, of(3, false)] {
        assert_looks_like(&picks(&spec, &[1, 1, 1, 1], 90_000), &[1.0; 4], "all equal");
    }
}

/// Balls into bins, n = 256 of each, 4,000 times; two draws are with replacement, ties to the first draw.
///
/// One draw: mean maximum 4.7555. Two draws: 2.9015, and exactly 3 with probability 0.9. Compare Y. Azar, A. Broder,
/// A. Karlin and E. Upfal, "Balanced Allocations", SIAM J. Comput. 29 (1999).
#[test]
fn balls_into_bins() {
    let repetitions = 4_000;
    let maxima = |spec: &Spec| -> Vec<u32> {
        let mut stream = stream("balls");
        (0..repetitions)
            .map(|_| {
                let mut balancer = spec.build(256, &mut stream);
                let mut counts = [0; 256];
                (0..256).for_each(|_| counts[balancer.pick(&mut stream, &Glance::default()).unwrap() as usize] += 1);
                counts.into_iter().max().unwrap()
            })
            .collect()
    };
    let mean = |maxima: &[u32]| f64::from(maxima.iter().sum::<u32>()) / maxima.len() as f64;
    assert_close(mean(&maxima(&Spec::Random(Random))), 4.7555, 0.02);
    assert_close(mean(&maxima(&of(1, true))), 4.7555, 0.02);
    let two = maxima(&TWO_REPLACED);
    assert_close(mean(&two), 2.9015, 0.02);
    let three = two.iter().filter(|&&max| max == 3).count() as f64 / two.len() as f64;
    assert!((three - 0.9).abs() <= 0.03, "the maximum is 3 with probability {three}");
    assert_eq!(maxima(&ALL), vec![1; repetitions]);
}

#[test]
fn resizing_changes_the_way_of_choosing_when_it_must() {
    // Three of ten are drawn; three of two are all.
    let mut stream = stream("resize");
    let mut balancer = loaded(&of(3, false), &[4, 2, 0, 0, 0, 0, 0, 0, 0, 0], &mut stream);
    balancer.resize(2);
    assert_eq!((balancer.outstanding(0), balancer.outstanding(1)), (4, 2));
    assert_eq!(
        (balancer.pick(&mut stream, &Glance::default()), balancer.pick(&mut stream, &Glance::default())),
        (Some(1), Some(1))
    );
    balancer.resize(3);
    assert!(
        (0..4).all(|_| balancer.pick(&mut stream, &Glance::default()) == Some(2)),
        "the new endpoint has nothing to do"
    );
}

proptest! {
    /// The permutation against counting, for every policy that counts.
    #[test]
    fn counts_are_right(
        spec in 0..Spec::examples().len(), start in 0..12_u32, steps in prop::collection::vec((0..10_u8, 0..14_u32), 0..300),
    ) {
        let spec = &Spec::examples()[spec];
        let counts_requests = {
            let mut balancer = spec.build(1, &mut stream("one"));
            balancer.pick(&mut stream("one"), &Glance::default());
            balancer.outstanding(0) > 0
        };
        prop_assert!(!counts_requests || spec.listed().information.contains("requests of this balancer"));
        let looks_at_all = match spec {
            Spec::LeastRequest(LeastRequest { choices: Choices::All, .. }) => true,
            Spec::LeastRequest(LeastRequest { choices: Choices::Of(n), replacement, staleness: None }) => *n == 100 && !replacement,
            _ => false,
        };
        let mut stream = stream("counts");
        let mut balancer = spec.build(start, &mut stream);
        let mut counts = vec![0_u32; start as usize];
        for (step, argument) in steps {
            match step {
                0 => {
                    balancer.resize(argument);
                    counts.resize(argument as usize, 0);
                }
                1..=4 => {
                    balancer.done(argument, Ended::default());
                    if let Some(count) = counts.get_mut(argument as usize) {
                        *count = count.saturating_sub(1);
                    }
                }
                _ => {
                    let least = counts.iter().min().copied();
                    let picked = balancer.pick(&mut stream, &Glance::default());
                    prop_assert_eq!(picked.is_some(), least.is_some());
                    if let Some(picked) = picked {
                        prop_assert!(!looks_at_all || !counts_requests || Some(counts[picked as usize]) == least);
                        counts[picked as usize] += 1;
                    }
                }
            }
            for (&count, endpoint) in counts.iter().zip(0..) {
                prop_assert_eq!(balancer.outstanding(endpoint), if counts_requests { count } else { 0 });
            }
        }
    }

    #[test]
    fn levels_stay_ordered(
        loads in prop::collection::vec(0..6_u32, 0..20), steps in prop::collection::vec((any::<bool>(), 0..22_u32), 0..200),
    ) {
        let mut stream = stream("levels");
        let mut levels = Levels::new(&loads);
        levels.assert_consistent();
        prop_assert_eq!(levels.loads(), loads);
        for (take, endpoint) in steps {
            if take {
                levels.take_least(&mut stream);
            } else {
                levels.release(endpoint);
            }
            levels.assert_consistent();
        }
    }
}
