//! What the policies do that look at replies.

use super::haproxy_ring::HaproxyRing;
use super::peak_ewma::PeakEwmaState;
use super::policy::Policy;
use super::*;
use crate::stats::chi_square;
use crate::time::{SimDuration, SimTime};

fn stream() -> Stream {
    Stream::new(7, 0, "load")
}

fn pick(balancer: &mut Balancer, stream: &mut Stream) -> u32 {
    balancer.pick(stream, &Glance::default()).unwrap()
}

fn millis(millis: u64) -> SimTime {
    SimTime::from_nanos(millis * 1_000_000)
}

/// A reply after so many milliseconds, at a time.
fn reply(took: u64, now: u64) -> Ended {
    Ended { picked: millis(now - took), now: millis(now), failed: false }
}

#[test]
fn first_fills_one_endpoint_after_the_other() {
    let mut stream = stream();
    let mut balancer = Spec::First(First { limit: Some(2), staleness: None }).build(3, &mut stream);
    let picks: Vec<u32> = (0..6).map(|_| pick(&mut balancer, &mut stream)).collect();
    assert_eq!(picks, [0, 0, 1, 1, 2, 2]);
    // All are full: the fewest, and of equals the first.
    assert_eq!([pick(&mut balancer, &mut stream), pick(&mut balancer, &mut stream)], [0, 1]);
    // Room comes when the count falls below the limit, not when it falls to it.
    balancer.done(1, Ended::default());
    assert_eq!(pick(&mut balancer, &mut stream), 1);
    balancer.done(2, Ended::default());
    assert_eq!([pick(&mut balancer, &mut stream), pick(&mut balancer, &mut stream)], [2, 2]);
    let mut unlimited = Spec::First(First { limit: None, staleness: None }).build(3, &mut stream);
    assert!((0..100).all(|_| pick(&mut unlimited, &mut stream) == 0));
}

#[test]
fn idle_endpoints_are_joined_uniformly_and_before_all_others() {
    let mut stream = stream();
    let mut idle = [0_u64; 5];
    let mut busy = [0_u64; 5];
    for _ in 0..20_000 {
        let mut balancer = Spec::JoinIdleQueue(JoinIdleQueue).build(5, &mut stream);
        let mut picks: Vec<u32> = (0..5).map(|_| pick(&mut balancer, &mut stream)).collect();
        idle[picks[1] as usize] += 1;
        picks.sort_unstable();
        assert_eq!(picks, [0, 1, 2, 3, 4]);
        busy[pick(&mut balancer, &mut stream) as usize] += 1;
        // The sixth request is at one of them: a reply leaves the others idle or not at all.
        balancer.done(3, Ended::default());
        if balancer.outstanding(3) == 0 {
            assert_eq!(pick(&mut balancer, &mut stream), 3);
        }
    }
    for counts in [idle, busy] {
        let (_, p) = chi_square(&counts, &[1.0; 5]).unwrap();
        assert!(p > 1e-4, "{counts:?}");
    }
}

/// The worked example: 30 ms, idle for 10 s, is 30/e = 11.04 ms.
#[test]
fn estimates_jump_up_and_come_down_slowly() {
    let mut policy = PeakEwma { default_rtt: SimDuration::from_millis(1), ..PeakEwma::USUAL }.build(1, &mut stream());
    let mut stream = stream();
    let picks = |policy: &mut PeakEwmaState, stream: &mut Stream, now| {
        policy.pick(stream, &Glance { now: millis(now), client: 0 }).unwrap()
    };
    picks(&mut policy, &mut stream, 0);
    policy.done(0, reply(30, 30));
    assert_eq!(policy.estimate(0), 30e6);
    // A quicker reply after 10 s: e⁻¹ of the old, the rest of the new.
    picks(&mut policy, &mut stream, 10_025);
    policy.done(0, reply(5, 10_030));
    let kept = (-1.0_f64).exp();
    assert!((policy.estimate(0) - (30e6 * kept + 5e6 * (1.0 - kept))).abs() < 1.0, "{}", policy.estimate(0));
    // A slower one at once.
    picks(&mut policy, &mut stream, 10_030);
    policy.done(0, reply(100, 10_130));
    assert_eq!(policy.estimate(0), 100e6);
    // A reply that belongs to nobody changes nothing.
    policy.done(0, reply(10_000, 20_000));
    assert_eq!(policy.estimate(0), 100e6);
    let mut two = PeakEwma::USUAL.build(2, &mut stream);
    picks(&mut two, &mut stream, 0);
    picks(&mut two, &mut stream, 10_000);
    for endpoint in [0, 1] {
        assert!((two.estimate(endpoint) - 11.036_383e6).abs() < 10.0, "{}", two.estimate(endpoint));
    }
}

#[test]
fn the_lower_cost_of_two_wins() {
    let spec = Spec::from(PeakEwma::USUAL);
    let mut stream = stream();
    let at = |now| Glance { now: millis(now), client: 0 };
    let mut balancer = spec.build(2, &mut stream);
    // Both have one request; one answers in 1 s, the other in 100 ms.
    let slow = balancer.pick(&mut stream, &at(0)).unwrap();
    let fast = balancer.pick(&mut stream, &at(0)).unwrap();
    assert_ne!(slow, fast, "the second sees that the first is busy");
    balancer.done(fast, reply(100, 100));
    balancer.done(slow, reply(1_000, 1_000));
    // 100 ms · (k + 1) stays below 1 s up to nine outstanding; what 0.9 s of decay take from it makes room for one more.
    let picks: Vec<u32> = (0..12).map(|_| balancer.pick(&mut stream, &at(1_000)).unwrap()).collect();
    assert_eq!(picks.iter().position(|picked| *picked == slow), Some(10), "{picks:?}");
}

/// Pods with these requests in them.
struct Pods([u32; 4]);

impl Sight for Pods {
    fn now(&self) -> SimTime {
        SimTime::ZERO
    }

    fn client(&self) -> u64 {
        0
    }

    fn jobs(&self, place: u32) -> u32 {
        self.0[place as usize]
    }

    fn work(&self, place: u32) -> u128 {
        // The other way round, so that work and requests disagree.
        u128::from(10 - self.0[place as usize])
    }
}

#[test]
fn oracles_see_what_others_sent() {
    let mut stream = stream();
    let mut counts = |spec: Spec, pods: Pods| {
        let mut balancer = spec.build(4, &mut stream);
        let mut counts = [0_u64; 4];
        (0..20_000).for_each(|_| counts[balancer.pick(&mut stream, &pods).unwrap() as usize] += 1);
        counts
    };
    assert_eq!(counts(OracleJsq.into(), Pods([3, 2, 1, 2])), [0, 0, 20_000, 0]);
    assert_eq!(counts(OracleLeastWork.into(), Pods([3, 2, 1, 2])), [20_000, 0, 0, 0]);
    let tied = counts(OracleLeastWork.into(), Pods([2, 1, 2, 2]));
    assert!(tied[1] == 0 && tied.iter().all(|count| [0].contains(count) || (6_200..7_200).contains(count)), "{tied:?}");
    let tied = counts(OracleJsq.into(), Pods([1, 2, 1, 1]));
    let (_, p) = chi_square(&[tied[0], tied[2], tied[3]], &[1.0; 3]).unwrap();
    assert!(tied[1] == 0 && p > 1e-4, "{tied:?}");
}

/// Between two reports nothing that the balancer does or hears changes its mind.
#[test]
fn old_reports_make_a_herd() {
    let mut stream = stream();
    let stale = |choices| LeastRequest { choices, staleness: Some(SimDuration::from_secs(1)), ..LeastRequest::USUAL };
    let mut all = Spec::from(stale(Choices::All)).build(4, &mut stream);
    let mut counts = |balancer: &mut Balancer, pods: Option<Pods>| {
        if let Some(pods) = pods {
            balancer.report(&pods);
        }
        let mut counts = [0_u64; 4];
        for _ in 0..12_000 {
            counts[pick(balancer, &mut stream) as usize] += 1;
            balancer.done(0, Ended::default());
        }
        counts
    };
    let uniform = |counts: &[u64]| chi_square(counts, &vec![1.0; counts.len()]).unwrap().1 > 1e-4;
    // Before the first report all pods are as they began.
    assert!(uniform(&counts(&mut all, None)));
    assert_eq!(counts(&mut all, Some(Pods([3, 2, 1, 2]))), [0, 0, 12_000, 0]);
    let [a, b, c, d] = counts(&mut all, Some(Pods([1, 2, 1, 1])));
    assert!(b == 0 && uniform(&[a, c, d]));
    // Of two: ranks 1 to 4 are taken with 3, 2, 1 and 0 of 6 pairs.
    let mut two = Spec::from(stale(Choices::Of(2))).build(4, &mut self::stream());
    let shares = counts(&mut two, Some(Pods([3, 0, 2, 1])));
    let (_, p) = chi_square(&shares, &[0.0, 3.0, 1.0, 2.0]).unwrap();
    assert!(p > 1e-4, "{shares:?}");
}

#[test]
fn pending_requests_is_least_request_of_two() {
    let run = |spec: Spec| {
        let mut stream = stream();
        let mut balancer = spec.build(8, &mut stream);
        (0..500)
            .map(|step| {
                let picked = pick(&mut balancer, &mut stream);
                balancer.done(step % 8, Ended::default());
                picked
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        run(Spec::PendingRequests(PendingRequests { staleness: None })),
        run(Spec::LeastRequest(LeastRequest { choices: Choices::Of(2), replacement: false, staleness: None }))
    );
}

/// Of several balancers each takes the pods that reported to it, in their order, once a report; without any it is random,
/// whatever it has outstanding.
#[test]
fn idle_pods_are_taken_as_they_reported() {
    let mut stream = stream();
    let mut balancer = Spec::JoinIdleQueue(JoinIdleQueue).build(5, &mut stream);
    let queue = |balancer: &mut Balancer, places: &[u32]| {
        let queue = balancer.idle_queue().unwrap();
        queue.open();
        places.iter().for_each(|place| queue.report(*place));
    };
    queue(&mut balancer, &[3, 1, 3, 4]);
    let held = balancer.idle_queue().map(|queue| [0, 1, 2, 3, 4, 5].map(|place| queue.holds(place)));
    assert_eq!(held, Some([false, true, false, true, true, false]));
    assert_eq!([0, 1, 2].map(|_| pick(&mut balancer, &mut stream)), [3, 1, 4]);
    // A reply is no report.
    balancer.done(3, Ended::default());
    let mut counts = [0_u64; 5];
    (0..20_000).for_each(|_| counts[pick(&mut balancer, &mut stream) as usize] += 1);
    let (_, p) = chi_square(&counts, &[1.0; 5]).unwrap();
    assert!(p > 1e-4, "{counts:?}");
    // Who is gone is in no queue, who comes has not reported.
    queue(&mut balancer, &[4, 2]);
    balancer.resize(3);
    assert_eq!(pick(&mut balancer, &mut stream), 2);
    assert!(Spec::from(LeastRequest::USUAL).build(5, &mut stream).idle_queue().is_none());
}

/// What the pods have, whoever sent it, and nothing of what happens between two reports.
#[test]
fn other_policies_compare_reports_too() {
    let staleness = Some(SimDuration::from_secs(1));
    let mut stream = stream();
    let mut shares = |spec: Spec, pods: [u32; 4]| {
        assert_eq!(spec.asks().reports, staleness);
        let mut balancer = spec.build(4, &mut stream);
        balancer.report(&Pods([9, 9, 9, 9]));
        balancer.report(&Pods(pods));
        let mut counts = [0_u64; 4];
        for _ in 0..12_000 {
            counts[pick(&mut balancer, &mut stream) as usize] += 1;
            balancer.done(0, Ended::default());
        }
        assert!((0..4).all(|endpoint| balancer.outstanding(endpoint) == 0));
        counts
    };
    let looks_like = |counts: &[u64], weights: &[f64]| {
        let (_, p) = chi_square(counts, weights).unwrap();
        assert!(p > 1e-4, "{counts:?}");
    };
    // Ranks as for least-request of two.
    looks_like(&shares(PendingRequests { staleness }.into(), [3, 0, 2, 1]), &[0.0, 3.0, 1.0, 2.0]);
    let weighted = |of: &[u32], ties| WeightedLeastRequest {
        weights: Weights::new(of.to_vec()).unwrap(),
        rule: Rule::Active,
        ties,
        staleness,
    };
    // 4/4, 2/2 and 1/1 are equal, 3/1 is more.
    looks_like(&shares(weighted(&[4, 2, 1, 1], Ties::Random).into(), [4, 2, 1, 3]), &[1.0, 1.0, 1.0, 0.0]);
    assert_eq!(shares(weighted(&[4, 2, 1, 1], Ties::First).into(), [4, 2, 1, 0]), [0, 0, 0, 12_000]);
    // Among the equals in proportion to their weights.
    assert_eq!(shares(weighted(&[4, 2, 2, 1], Ties::RoundRobin).into(), [4, 2, 2, 3]), [6_000, 3_000, 3_000, 0]);
    // All estimates are the same, so the queues alone decide.
    looks_like(&shares(PeakEwma { staleness, ..PeakEwma::USUAL }.into(), [3, 0, 2, 1]), &[0.0, 3.0, 1.0, 2.0]);
    // The idle one is in half of the pairs and is taken at once; of the others, which are equal, either.
    looks_like(&shares(RandomChoose { choices: 2, staleness }.into(), [1, 1, 1, 0]), &[1.0, 1.0, 1.0, 3.0]);
    // Two draws on the ring, which may be the same: 1 unless both miss it, 3 if none is 1 and one is 3, and so on.
    let weights = Weights::new(vec![100; 4]).unwrap();
    let ring = HaproxyRing::new(&[100; 4]).shares(4);
    let none_of = |these: &[usize]| (1.0 - these.iter().map(|endpoint| ring[*endpoint]).sum::<f64>()).powi(2);
    let (one, three, two) = (none_of(&[1]), none_of(&[1, 3]), none_of(&[1, 3, 2]));
    let law = [two, 1.0 - one, three - two, one - three];
    looks_like(&shares(HaproxyRandom { weights, draws: 2, staleness }.into(), [3, 0, 2, 1]), &law);
}

/// Who counts its own requests can go by reports instead. Idle queues are reports already, each as it happens.
#[test]
fn who_counts_can_be_stale() {
    for policy in POLICIES {
        let counts = policy.information.contains("without a reply");
        let stale = policy.parameters.iter().any(|parameter| parameter.key == "staleness");
        assert_eq!(stale, counts && policy.name != "join-idle-queue", "{}", policy.name);
        assert_eq!(stale, policy.information.contains("with staleness"), "{}", policy.name);
    }
}

/// Everything goes to the first pod that reported room, or to the one with the fewest when none did.
#[test]
fn first_goes_by_reports() {
    let staleness = Some(SimDuration::from_secs(1));
    let mut stream = stream();
    let spec = Spec::from(First { limit: Some(2), staleness });
    assert_eq!(spec.asks().reports, staleness);
    let mut balancer = spec.build(4, &mut stream);
    let mut picks = |balancer: &mut Balancer| {
        let mut picks = [0; 5].map(|_| pick(balancer, &mut stream));
        picks.iter().for_each(|picked| balancer.done(*picked, Ended::default()));
        picks[4] = pick(balancer, &mut stream);
        picks
    };
    assert_eq!(picks(&mut balancer), [0; 5], "before the first report all are empty");
    for (reported, first) in [
        ([2, 3, 1, 0], 2),
        ([2, 1, 0, 0], 1),
        // All are full: the fewest, of equals the first.
        ([5, 4, 3, 3], 2),
        ([2, 2, 2, 2], 0),
        ([9, 9, 9, 1], 3),
        ([0, 9, 9, 1], 0),
    ] {
        balancer.report(&Pods(reported));
        assert_eq!(picks(&mut balancer), [first; 5], "{reported:?}");
        assert!((0..4).all(|endpoint| balancer.outstanding(endpoint) == 0));
    }
    // Who comes is empty until it reports.
    balancer.report(&Pods([2, 2, 2, 2]));
    balancer.resize(2);
    assert_eq!(picks(&mut balancer), [0; 5]);
    balancer.resize(4);
    assert_eq!(picks(&mut balancer), [2; 5]);
}
