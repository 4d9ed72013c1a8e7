//! Sequences and shares of the policies that look at weights.

use super::*;
use crate::stats::chi_square;

fn weights(weights: &[u32]) -> Weights {
    Weights::new(weights.to_vec()).unwrap()
}

fn smooth(of: &[u32]) -> Spec {
    Spec::SmoothWeightedRoundRobin(SmoothWeightedRoundRobin { weights: weights(of), start: Start::After(0) })
}

fn edf(of: &[u32]) -> Spec {
    Spec::EdfWeightedRoundRobin(EdfWeightedRoundRobin {
        weights: weights(of),
        start: Start::After(0),
        slow_start: None,
    })
}

fn stride(of: &[u32]) -> Spec {
    Spec::StaticStride(StaticStride { weights: weights(of), start: Start::After(0) })
}

/// So many picks as letters: a is the first endpoint.
fn letters(balancer: &mut Balancer, picks: usize) -> String {
    let mut stream = Stream::new(7, 0, "letters");
    (0..picks).map(|_| char::from(b'a' + balancer.pick(&mut stream, &Glance::default()).unwrap() as u8)).collect()
}

fn sequence(spec: &Spec, endpoints: u32, picks: usize) -> String {
    letters(&mut spec.build(endpoints, &mut Stream::new(7, 0, "sequence")), picks)
}

/// nginx commit 52327e0627f4 and its rule worked by hand; recordings of nginx 1.22.1 agree with the first.
#[test]
fn smooth_sequences_are_those_of_nginx() {
    assert_eq!(sequence(&smooth(&[5, 1, 1]), 3, 14), "aabacaaaabacaa");
    assert_eq!(sequence(&smooth(&[4, 3, 2]), 3, 18), "abcabacbaabcabacba");
    assert_eq!(sequence(&smooth(&[3, 2, 1]), 3, 6), "abacba");
    assert_eq!(sequence(&smooth(&[4, 2, 1]), 3, 7), "abacaba");
    assert_eq!(sequence(&smooth(&[1, 1, 1]), 3, 6), "abcabc");
    // Recorded from nginx: six pods of weight 3 and two of weight 1.
    assert_eq!(sequence(&smooth(&[3, 3, 3, 3, 3, 3, 1, 1]), 8, 26), "abcdefghabcdefabcdefabcdef");
    assert_eq!(sequence(&smooth(&[0, 2, 1]), 3, 6), "bcbbcb");
}

/// Recordings of Envoy 1.40.0 (5, 1, 1 and 5, 3, 2, both cycles from a random offset), and its rule worked by hand.
#[test]
fn deadline_sequences_are_those_of_envoy() {
    assert_eq!(sequence(&edf(&[5, 1, 1]), 3, 14), "aaaabcaaaaabca");
    assert_eq!(sequence(&edf(&[2, 1]), 2, 9), "abaabaaba");
    assert_eq!(sequence(&edf(&[4, 2, 1]), 3, 14), "abaacbaabaacba");
    let recorded = "abacabacba".repeat(3);
    assert!(recorded.contains(&sequence(&edf(&[5, 3, 2]), 3, 20)), "{}", sequence(&edf(&[5, 3, 2]), 3, 20));
    assert_eq!(sequence(&edf(&[1, 1, 1]), 3, 6), "abcabc");
}

/// grpc-go's rule from a counter of 0.
#[test]
fn stride_sequences_are_those_of_grpc() {
    assert_eq!(sequence(&stride(&[3, 2, 1]), 3, 12), "abcaababcaab");
    assert_eq!(sequence(&stride(&[2, 1]), 2, 9), "abaabaaba");
    assert_eq!(sequence(&stride(&[5, 1, 1]), 3, 14), "acaabaaacaabaa");
    assert_eq!(sequence(&stride(&[0, 0, 7]), 3, 6), "abcabc");
    // Weight 0 is the mean of the others: 2.
    assert_eq!(sequence(&stride(&[3, 1, 0]), 3, 24), sequence(&stride(&[3, 1, 2]), 3, 24));
}

#[test]
fn a_start_is_so_many_picks_later() {
    for spec in [smooth, edf, stride] as [fn(&[u32]) -> Spec; 3] {
        for of in [&[5, 1, 1][..], &[5, 3, 2], &[7, 0, 4]] {
            let whole = sequence(&spec(of), 3, 60);
            for picks in [1, 2, 3, 7, 11, 23] {
                let later = match spec(of) {
                    Spec::SmoothWeightedRoundRobin(SmoothWeightedRoundRobin { weights, .. }) => {
                        Spec::SmoothWeightedRoundRobin(SmoothWeightedRoundRobin { weights, start: Start::After(picks) })
                    }
                    Spec::EdfWeightedRoundRobin(EdfWeightedRoundRobin { weights, .. }) => {
                        Spec::EdfWeightedRoundRobin(EdfWeightedRoundRobin {
                            weights,
                            start: Start::After(picks),
                            slow_start: None,
                        })
                    }
                    Spec::StaticStride(StaticStride { weights, .. }) => {
                        Spec::StaticStride(StaticStride { weights, start: Start::After(picks) })
                    }
                    other => other,
                };
                assert_eq!(sequence(&later, 3, 20), whole[picks as usize..picks as usize + 20], "{later:?}");
            }
        }
    }
    let at = |picks| Spec::RoundRobin(RoundRobin { start: Start::After(picks) });
    assert_eq!(sequence(&at(0), 4, 5), "abcda");
    assert_eq!(sequence(&at(6), 4, 5), "cdabc");
}

/// In a cycle each endpoint is picked as often as its weight says, wherever the cycle begins.
#[test]
fn cycles_are_exact() {
    let of = [9, 0, 4, 1, 6];
    for spec in [
        Spec::SmoothWeightedRoundRobin(SmoothWeightedRoundRobin { weights: weights(&of), start: Start::Random }),
        Spec::EdfWeightedRoundRobin(EdfWeightedRoundRobin {
            weights: weights(&of),
            start: Start::Random,
            slow_start: None,
        }),
    ] {
        let mut stream = Stream::new(3, 0, "cycles");
        let mut firsts = [0_u64; 5];
        for _ in 0..2_000 {
            let mut balancer = spec.build(5, &mut stream);
            let picks = letters(&mut balancer, 40);
            let counts: Vec<usize> = ('a'..='e').map(|letter| picks.matches(letter).count()).collect();
            assert_eq!(counts, [18, 0, 8, 2, 12], "{spec:?}: {picks}");
            firsts[usize::from(picks.as_bytes()[0] - b'a')] += 1;
        }
        // A uniform start within the cycle: the first pick is an endpoint in proportion to its weight.
        let (_, p) = chi_square(&firsts, &of.map(f64::from)).unwrap();
        assert!(p > 1e-4, "{spec:?}: {firsts:?}");
    }
}

#[test]
fn strides_are_exact_in_the_long_run() {
    let picks = sequence(&stride(&[9, 3, 4, 1, 6]), 5, 230_000);
    for (letter, weight) in ('a'..='e').zip([9, 3, 4, 1, 6]) {
        let share = picks.matches(letter).count() as f64 / 10_000.0;
        assert!((share - f64::from(weight)).abs() < 0.01, "{letter}: {share}");
    }
}

#[test]
fn weighted_random_is_in_proportion() {
    for of in [&[2, 1, 3][..], &[0, 5, 0, 1, 0], &[65_535, 1, 65_535]] {
        let spec = Spec::WeightedRandom(WeightedRandom { weights: weights(of) });
        let picks = sequence(&spec, of.len() as u32, 100_000);
        let counts: Vec<u64> = (0..of.len())
            .map(|place| picks.bytes().filter(|byte| usize::from(byte - b'a') == place).count() as u64)
            .collect();
        for (count, weight) in counts.iter().zip(of) {
            assert!(*count == 0 || *weight > 0, "{of:?}: {counts:?}");
        }
        let weighing: Vec<(u64, f64)> = counts
            .iter()
            .zip(of)
            .filter(|(_, weight)| **weight > 1)
            .map(|(count, weight)| (*count, f64::from(*weight)))
            .collect();
        let (counts, of): (Vec<u64>, Vec<f64>) = weighing.into_iter().unzip();
        if counts.len() > 1 {
            let (_, p) = chi_square(&counts, &of).unwrap();
            assert!(p > 1e-4, "{counts:?} for {of:?}");
        }
    }
}

fn least(of: &[u32], rule: Rule, ties: Ties) -> Spec {
    Spec::WeightedLeastRequest(WeightedLeastRequest { weights: weights(of), rule, ties, staleness: None })
}

/// Weights 4 and 1, nothing returns. a/w: 0 0, then 1/4 0, then 1/4 1 and so on; (a + 1)/w: 1/4 1, 2/4 1, 3/4 1, 4/4 1.
#[test]
fn the_least_for_its_weight() {
    assert_eq!(sequence(&least(&[4, 1], Rule::Active, Ties::First), 2, 12), "abaaaabaaaab");
    assert_eq!(sequence(&least(&[4, 1], Rule::ActivePlusOne, Ties::First), 2, 12), "aaaabaaaabaa");
    assert_eq!(sequence(&least(&[0, 1, 3], Rule::ActivePlusOne, Ties::First), 3, 8), "ccbcccbc");
    // Weights 3, 1, 2 with 3, 1 and 2 outstanding: all equal.
    let mut stream = Stream::new(7, 0, "ties");
    let mut counts = [0_u64; 3];
    for _ in 0..20_000 {
        let mut balancer = least(&[3, 1, 2], Rule::Active, Ties::Random).build(3, &mut stream);
        (0..6).for_each(|_| {
            balancer.pick(&mut stream, &Glance::default());
        });
        assert_eq!([0, 1, 2].map(|endpoint| balancer.outstanding(endpoint)), [3, 1, 2]);
        counts[balancer.pick(&mut stream, &Glance::default()).unwrap() as usize] += 1;
    }
    let (_, p) = chi_square(&counts, &[1.0; 3]).unwrap();
    assert!(p > 1e-4, "{counts:?}");
    // A reply makes room.
    let mut balancer = least(&[1, 1], Rule::Active, Ties::First).build(2, &mut stream);
    assert_eq!(letters(&mut balancer, 4), "abab");
    balancer.done(1, Ended::default());
    assert_eq!(letters(&mut balancer, 2), "ba");
}

#[test]
fn endpoints_beyond_the_weights_weigh_one() {
    let mut balancer = smooth(&[5, 1, 1]).build(2, &mut Stream::new(7, 0, "resize"));
    assert_eq!(letters(&mut balancer, 6), "aaabaa");
    balancer.resize(4);
    let picks = letters(&mut balancer, 16);
    let counts: Vec<usize> = ('a'..='d').map(|letter| picks.matches(letter).count()).collect();
    assert_eq!(counts, [10, 2, 2, 2]);
    // What is left weighs nothing, so all weigh the same.
    let mut balancer = edf(&[0, 1]).build(2, &mut Stream::new(7, 0, "resize"));
    assert_eq!(letters(&mut balancer, 3), "bbb");
    balancer.resize(1);
    assert_eq!(letters(&mut balancer, 3), "aaa");
}

#[test]
fn impossible_weights_are_refused() {
    let error = |of: Vec<u32>| Weights::new(of).unwrap_err();
    assert_eq!(error(vec![0, 0]), "at least one weight must be above 0");
    assert_eq!(error(vec![1, 65_536]), "a weight is at most 65535, found 65536");
    assert_eq!(error(vec![65_535; 40_000]), "the weights add up to more than 2147483647");
    assert_eq!(Weights::new(Vec::new()), Ok(Weights::NONE));
}
