//! What balancers do when their endpoints change: old endpoints move to other places, some go, new ones come.

use super::*;
use crate::time::SimTime;

/// Of five endpoints the second goes, and one comes: c, d, e move up.
fn one_for_another() -> Changes {
    let moved = vec![Some(0), None, Some(1), Some(2), Some(3)];
    Changes { at: SimTime::ZERO, count: 5, moved, numbers: vec![0, 2, 3, 4, 5] }
}

fn of_client(balancer: &mut Balancer, stream: &mut Stream, client: u64) -> u32 {
    let glance = Glance { now: SimTime::ZERO, client };
    let endpoint = balancer.pick(stream, &glance).expect("there are endpoints");
    balancer.done(endpoint, Ended::default());
    endpoint
}

#[test]
fn requests_without_a_reply_move_with_their_endpoints() {
    let mut counting = 0;
    for spec in Spec::examples() {
        let mut stream = Stream::new(7, 0, "changes");
        let mut balancer = spec.build(5, &mut stream);
        for client in 0..23 {
            balancer.pick(&mut stream, &Glance { now: SimTime::ZERO, client });
        }
        let before: Vec<u32> = (0..5).map(|endpoint| balancer.outstanding(endpoint)).collect();
        balancer.follow(&one_for_another());
        let after: Vec<u32> = (0..5).map(|endpoint| balancer.outstanding(endpoint)).collect();
        assert_eq!(after, [before[0], before[2], before[3], before[4], 0], "{spec:?}");
        counting += u32::from(before.iter().sum::<u32>() == 23);
        // What moved is found there when it ends, and every place can still be picked.
        for (endpoint, count) in (0..).zip(after) {
            (0..count).for_each(|_| balancer.done(endpoint, Ended::default()));
        }
        assert!((0..5).all(|endpoint| balancer.outstanding(endpoint) == 0), "{spec:?}");
        let picked = (0..200).map(|client| of_client(&mut balancer, &mut stream, client));
        assert!(picked.max() < Some(5), "{spec:?}");
    }
    assert!(counting > 10, "only {counting} count");
}

#[test]
fn nobody_keeps_what_has_gone() {
    for spec in Spec::examples() {
        let mut stream = Stream::new(7, 0, "gone");
        let mut balancer = spec.build(2, &mut stream);
        balancer.follow(&Changes { at: SimTime::ZERO, count: 0, moved: vec![None, None], numbers: Vec::new() });
        assert_eq!(balancer.pick(&mut stream, &Glance::default()), None, "{spec:?}");
        balancer.follow(&Changes { at: SimTime::ZERO, count: 1, moved: Vec::new(), numbers: vec![2] });
        assert_eq!(balancer.pick(&mut stream, &Glance::default()), Some(0), "{spec:?}");
    }
}

/// Where clients are hashed, and not to places: those of an endpoint that stays are moved to the new one at most, and all
/// come back when the endpoints are again what they were. Maglev's table moves a few others, as published.
#[test]
fn hashed_clients_stay_where_they_were() {
    let mut hashing = 0;
    for spec in Spec::examples() {
        let bounded = matches!(&spec, Spec::Maglev(maglev) if maglev.bound.is_some())
            || matches!(&spec, Spec::RingHash(ring) if ring.bound.is_some());
        let hashes = ["maglev", "ring-hash", "rendezvous", "haproxy-source"].contains(&spec.name());
        if bounded || !hashes {
            continue;
        }
        hashing += 1;
        let mut stream = Stream::new(7, 0, "hashed");
        let mut balancer = spec.build(5, &mut stream);
        let mut places = |balancer: &mut Balancer| -> Vec<u32> {
            (0..2_000).map(|client| of_client(balancer, &mut stream, client)).collect()
        };
        let before = places(&mut balancer);
        let changes = one_for_another();
        balancer.follow(&changes);
        let after = places(&mut balancer);
        let strays = before.iter().zip(&after).filter(|(before, after)| {
            changes.moved[**before as usize].is_some_and(|place| place != **after && **after != 4)
        });
        let allowed = if spec.name() == "maglev" { 200 } else { 0 };
        assert!(strays.count() <= allowed, "{spec:?}");
        balancer.follow(&Changes {
            at: SimTime::ZERO,
            count: 5,
            moved: vec![Some(0), Some(2), Some(3), Some(4), None],
            numbers: vec![0, 1, 2, 3, 4],
        });
        assert_eq!(places(&mut balancer), before, "{spec:?}");
    }
    assert!(hashing >= 5, "{hashing}");
}

#[test]
fn clients_that_stick_go_elsewhere_only_when_they_must() {
    let mut stream = Stream::new(7, 0, "sticky");
    let mut balancer = Spec::from(Sticky { timeout: None }).build(5, &mut stream);
    let before: Vec<u32> = (0..500).map(|client| of_client(&mut balancer, &mut stream, client)).collect();
    let changes = one_for_another();
    balancer.follow(&changes);
    for (client, place) in (0..).zip(before) {
        let after = of_client(&mut balancer, &mut stream, client);
        assert!(changes.moved[place as usize].is_none_or(|moved| moved == after), "client {client}");
    }
}

/// An endpoint that leaves and comes again has its own weight, not that of its place.
#[test]
fn weights_belong_to_endpoints() {
    let weights = Weights::new(vec![1, 4, 2, 8, 1]).expect("weights");
    assert_eq!(weights.following(&one_for_another()), [1, 2, 8, 1, 1]);
    let only_b = Changes { at: SimTime::ZERO, count: 1, moved: vec![None, Some(0)], numbers: vec![1] };
    assert_eq!(weights.following(&only_b), [4]);
    let mut stream = Stream::new(7, 0, "weights");
    let mut balancer = Spec::from(SmoothWeightedRoundRobin { weights, start: Start::After(0) }).build(5, &mut stream);
    balancer.follow(&one_for_another());
    let mut counts = [0; 5];
    (0..1_300).for_each(|_| counts[balancer.pick(&mut stream, &Glance::default()).expect("one") as usize] += 1);
    assert_eq!(counts, [100, 200, 800, 100, 100]);
}
