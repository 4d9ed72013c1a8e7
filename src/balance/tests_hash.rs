//! Tables, rings and shares of the policies that look at the client.

use super::bounded::Bounded;
use super::hash::xxh64;
use super::hashed::HashedState;
use super::jump::bucket;
use super::maglev::{Claimant, table};
use super::policy::Policy;
use super::*;
use crate::random::Keyed;
use crate::stats::chi_square;
use crate::time::{SimDuration, SimTime};
use std::sync::Arc;

fn stream() -> Stream {
    Stream::new(7, 0, "hash")
}

fn of_client(balancer: &mut Balancer, client: u64) -> u32 {
    balancer.pick(&mut stream(), &Glance { now: SimTime::ZERO, client }).unwrap()
}

/// Where the clients 0, 1, … go.
fn homes(spec: &Spec, endpoints: u32, clients: u64) -> Vec<u32> {
    let mut balancer = spec.build(endpoints, &mut stream());
    (0..clients).map(|client| of_client(&mut balancer, client)).collect()
}

fn counts(homes: &[u32], endpoints: u32) -> Vec<u64> {
    let mut counts = vec![0; endpoints as usize];
    homes.iter().for_each(|home| counts[*home as usize] += 1);
    counts
}

/// The share of clients that differ.
fn moved(a: &[u32], b: &[u32]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a != b).count() as f64 / a.len() as f64
}

fn weights(of: &[u32]) -> Weights {
    Weights::new(of.to_vec()).unwrap()
}

fn ring(addresses: Addresses, min: u32, bound: Option<(u32, Overflow)>) -> Spec {
    Spec::RingHash(RingHash {
        weights: Weights::NONE,
        size: RingSize { min, max: 8_388_608 },
        addresses,
        bound,
        staleness: None,
    })
}

fn elsewhere(index: u32) -> Addresses {
    Addresses { first: 0x0a00_0001 + 256 * index, port: 8_080 }
}

fn ring_of(endpoints: u32, min: u32, addresses: Addresses) -> Box<HashedState<RingHash>> {
    let size = RingSize { min, ..RingSize::USUAL };
    RingHash { weights: Weights::NONE, size, addresses, bound: None, staleness: None }.build(endpoints, &mut stream())
}

fn near(what: &str, got: f64, expected: f64, relative: f64) {
    assert!((got / expected - 1.0).abs() <= relative, "{what}: {got} is not {expected}");
}

/// The values of the reference implementation.
#[test]
fn it_is_xxhash() {
    assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
    assert_eq!(xxh64(b"a", 0), 0xd24e_c4f1_a98c_6e5b);
    assert_eq!(xxh64(b"Nobody inspects the spammish repetition", 0), 0xfbce_a83c_8a37_8bf1);
    assert_ne!(xxh64(b"a", 1), xxh64(b"a", 0));
}

/// Recorded from Envoy 1.40.0: RING_HASH over eight pods at 127.0.84.1:18380 and up, by a header with the values c0 to c63.
#[test]
fn the_ring_is_that_of_envoy() {
    let recorded = [
        8, 7, 8, 6, 4, 4, 4, 4, 1, 6, 4, 4, 8, 3, 7, 4, 8, 6, 4, 2, 6, 5, 3, 6, 8, 7, 2, 4, 3, 4, 2, 5, 3, 3, 6, 6, 6,
        3, 8, 3, 7, 7, 2, 5, 6, 1, 2, 7, 4, 1, 5, 8, 7, 7, 4, 6, 1, 4, 1, 6, 1, 8, 6, 6,
    ];
    let addresses = Addresses::parse("127.0.84.1:18380").unwrap();
    let homes = homes(&ring(addresses, 1_024, None), 8, 64);
    assert_eq!(homes.iter().map(|home| home + 1).collect::<Vec<_>>(), recorded);
}

#[test]
fn rings_have_as_many_points_as_envoy_s() {
    for (endpoints, points) in [(3, 1_026), (5, 1_025), (8, 1_024), (10, 1_030), (100, 1_100)] {
        assert_eq!(ring_of(endpoints, 1_024, Addresses::USUAL).table().len(), points, "{endpoints} endpoints");
    }
    let usual = RingHash {
        weights: Weights::NONE,
        size: RingSize::USUAL,
        addresses: Addresses::USUAL,
        bound: None,
        staleness: None,
    };
    let ring = RingHash { weights: weights(&[2, 0, 6]), ..usual.clone() }.build(3, &mut stream());
    let points: Vec<usize> =
        (0..3).map(|endpoint| ring.table().iter().filter(|(_, of)| *of == endpoint).count()).collect();
    assert_eq!(points, [256, 0, 768]);
    let size = RingSize { min: 1_024, max: 1_024 };
    let ring = RingHash { size, ..usual }.build(100, &mut stream());
    // The limit may be passed by rounding.
    assert!([1_024, 1_025].contains(&ring.table().len()));
}

/// With V points each, the shares are Dirichlet: sd of n times a share, and the mean of the largest over the mean.
#[test]
fn arcs_are_as_uneven_as_they_should_be() {
    for (endpoints, points, sd, largest) in
        [(10, 100, 0.094_820_931_19, 1.159_426_379), (10, 1, 0.904_534_033_7, 2.928_968_254)]
    {
        let rings = 3_000;
        let (mut squares, mut maxima) = (0.0, 0.0);
        for index in 0..rings {
            let policy = ring_of(endpoints, endpoints * points, elsewhere(index));
            let ring = policy.table();
            let mut shares = vec![0.0; endpoints as usize];
            let mut before = ring.last().unwrap().0;
            for (point, endpoint) in ring.iter() {
                shares[*endpoint as usize] +=
                    point.wrapping_sub(before) as f64 / 2.0_f64.powi(64) * f64::from(endpoints);
                before = *point;
            }
            squares += shares.iter().map(|share| (share - 1.0).powi(2)).sum::<f64>() / f64::from(endpoints);
            maxima += shares.iter().copied().fold(0.0, f64::max);
        }
        near("sd", (squares / f64::from(rings)).sqrt(), sd, 0.02);
        near("largest over mean", maxima / f64::from(rings), largest, 0.015);
    }
}

#[test]
fn a_ring_that_loses_an_endpoint_moves_only_its_clients() {
    let before = homes(&ring(Addresses::USUAL, 1_000, None), 10, 20_000);
    let after = homes(&ring(Addresses::USUAL, 900, None), 9, 20_000);
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after || *before == 9);
    }
}

/// The paper's example: three endpoints, seven slots.
#[test]
fn the_table_of_the_maglev_paper() {
    let claimant = |endpoint, offset, skip| Claimant { endpoint, weight: 1, offset, skip };
    let [b0, b1, b2] = [claimant(0, 3, 4), claimant(1, 0, 2), claimant(2, 3, 1)];
    assert_eq!(table(&[b0, b1, b2], 7), [1, 0, 1, 0, 2, 2, 0]);
    assert_eq!(table(&[b0, b2], 7), [0, 0, 0, 0, 2, 2, 2]);
    // Twice the weight, twice the turns.
    let heavy = Claimant { weight: 2, ..b0 };
    let table = table(&[heavy, Claimant { weight: 1, ..b1 }], 7);
    assert!([4, 5].contains(&table.iter().filter(|endpoint| **endpoint == 0).count()), "{table:?}");
}

fn slots(endpoints: u32, size: u32, addresses: Addresses) -> Vec<u32> {
    Maglev { weights: Weights::NONE, size, addresses, bound: None, staleness: None }
        .build(endpoints, &mut stream())
        .table()
        .to_vec()
}

#[test]
fn slots_are_shared_out_evenly_and_few_change() {
    for (endpoints, size, least, most, with_most) in
        [(10, 65_537, 6_553, 6_554, 7), (100, 65_537, 655, 656, 37), (1_000, 65_537, 65, 66, 537), (5, 251, 50, 51, 1)]
    {
        let counts = counts(&slots(endpoints, size, Addresses::USUAL), endpoints);
        assert!(counts.iter().all(|count| [least, most].contains(count)), "{endpoints} over {size}");
        assert_eq!(counts.iter().filter(|count| **count == most).count(), with_most, "{endpoints} over {size}");
    }
    // One of five goes: 23.13 % of the slots change, of which 3.12 % were not its own.
    let (mut changed, mut others) = (0.0, 0.0);
    for index in 0..300 {
        let (before, after) = (slots(5, 251, elsewhere(index)), slots(4, 251, elsewhere(index)));
        changed += moved(&before, &after) / 300.0;
        let survivors = before.iter().zip(&after).filter(|(before, after)| **before != 4 && before != after).count();
        others += survivors as f64 / 251.0 / 300.0;
    }
    near("changed", changed, 0.231_274_900_4, 0.03);
    near("beyond the removed", others, 0.031_221_779_55, 0.19);
}

/// The values of the authors' code.
#[test]
fn jump_buckets_are_those_of_the_paper() {
    let known =
        [(1, 1, 0), (42, 57, 43), (3_735_883_980, 666, 361), (256, 1_024, 520), (12_345, 10, 1), (12_345, 11, 1)];
    for (key, buckets, expected) in known {
        assert_eq!(bucket(key, buckets), expected, "{key} of {buckets}");
    }
}

/// From 10 to 11 endpoints: consistent hashes move 1/11 of the clients, and all to the new one; a modulus 10/11.
#[test]
fn few_clients_move_or_almost_all() {
    for spec in [Spec::Jump(Jump), Spec::Rendezvous(Rendezvous { weights: Weights::NONE })] {
        let (ten, eleven) = (homes(&spec, 10, 100_000), homes(&spec, 11, 100_000));
        near(spec.name(), moved(&ten, &eleven), 1.0 / 11.0, 0.05);
        assert!(ten.iter().zip(&eleven).all(|(before, after)| before == after || *after == 10), "{spec:?}");
        let (_, p) = chi_square(&counts(&ten, 10), &[1.0; 10]).unwrap();
        assert!(p > 1e-4, "{spec:?}");
    }
    let spec = Spec::IpHash(IpHash { weights: Weights::NONE });
    near("ip-hash", moved(&homes(&spec, 10, 100_000), &homes(&spec, 11, 100_000)), 10.0 / 11.0, 0.01);
}

#[test]
fn weights_share_out_the_clients() {
    let of = [3, 0, 1, 2];
    for spec in [Spec::Rendezvous(Rendezvous { weights: weights(&of) }), Spec::IpHash(IpHash { weights: weights(&of) })]
    {
        let counts = counts(&homes(&spec, 4, 60_000), 4);
        assert_eq!(counts[1], 0);
        let (_, p) = chi_square(&[counts[0], counts[2], counts[3]], &[3.0, 1.0, 2.0]).unwrap();
        assert!(p > 1e-4, "{spec:?}: {counts:?}");
    }
    let size = 65_537;
    let spec =
        Spec::Maglev(Maglev { weights: weights(&of), size, addresses: Addresses::USUAL, bound: None, staleness: None });
    let counts = counts(&homes(&spec, 4, 60_000), 4);
    for (count, weight) in counts.iter().zip(of) {
        assert!((*count as f64 / 60_000.0 - f64::from(weight) / 6.0).abs() < 0.01, "{counts:?}");
    }
}

/// 1,000 clients on 10 endpoints at 125 %, 500 on 20 at 110 %: nobody ever exceeds the bound of the moment.
#[test]
fn loads_stay_bounded_on_the_ring() {
    for (endpoints, clients, factor, most) in [(10, 1_000, 125, 125), (20, 500, 110, 28)] {
        // One point each: without the bound, shares would be very uneven.
        let spec = ring(Addresses::USUAL, endpoints, Some((factor, Overflow::Clockwise)));
        let mut balancer = spec.build(endpoints, &mut stream());
        let mut keys = Keyed::new(5);
        for number in 1..=clients {
            of_client(&mut balancer, u64::from(keys.below(1_000_000)));
            let bound = (u64::from(number) * u64::from(factor)).div_ceil(100 * u64::from(endpoints));
            let largest = (0..endpoints).map(|endpoint| balancer.outstanding(endpoint)).max().unwrap();
            assert!(u64::from(largest) <= bound, "{largest} after {number}");
        }
        let full = (0..endpoints).filter(|endpoint| balancer.outstanding(*endpoint) == most).count() as u32;
        assert!(full <= clients / most && full > 0, "{full} are full");
    }
}

/// Four equal hosts, 150 %, 7 requests: 12 slots in all, 3 each; a host with 4 is skipped, with 3 it is not.
#[test]
fn bounds_are_those_of_envoy() {
    for (loads, full) in [([4, 3, 0, 0], [true, false, false, false]), ([3, 3, 1, 0], [false; 4])] {
        let mut bounded = Bounded::new(150, Overflow::Random, None);
        bounded.resize(vec![1; 4]);
        for (endpoint, load) in (0..).zip(loads) {
            (0..load).for_each(|_| bounded.picked(endpoint));
        }
        assert_eq!([0, 1, 2, 3].map(|endpoint| bounded.is_full(endpoint)), full, "{loads:?}");
        let others: Vec<u32> = (0..300).map(|hash| bounded.or_another(0, hash)).collect();
        // The same hash goes the same way; different hashes go everywhere.
        assert_eq!(others, (0..300).map(|hash| bounded.or_another(0, hash)).collect::<Vec<_>>());
        let counts = counts(&others, 4);
        if full[0] {
            assert_eq!(counts[0], 0);
            let (_, p) = chi_square(&counts[1..], &[1.0; 3]).unwrap();
            assert!(p > 1e-4, "{counts:?}");
        } else {
            assert_eq!(counts[0], 300);
        }
    }
}

/// Nine requests in one of four pods, whoever sent them: at 100 % each may have ⌈10/4⌉ = 3, so its clients go elsewhere and
/// the others stay, however much this balancer sends until the next report.
#[test]
fn bounds_go_by_reports() {
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
        fn work(&self, _place: u32) -> u128 {
            0
        }
    }
    let ring = |bound, staleness| RingHash {
        weights: Weights::NONE,
        size: RingSize::USUAL,
        addresses: Addresses::USUAL,
        bound,
        staleness,
    };
    let maglev =
        |bound, staleness| Maglev { weights: Weights::NONE, size: 251, addresses: Addresses::USUAL, bound, staleness };
    let second = Some(SimDuration::from_secs(1));
    for (free, bounded) in [
        (Spec::from(ring(None, None)), Spec::from(ring(Some((100, Overflow::Random)), second))),
        (Spec::from(ring(None, None)), Spec::from(ring(Some((100, Overflow::Clockwise)), second))),
        (Spec::from(maglev(None, None)), Spec::from(maglev(Some(100), second))),
    ] {
        assert_eq!(bounded.asks().reports, second);
        let unbounded = homes(&free, 4, 200);
        assert_eq!(homes(&bounded, 4, 200), unbounded, "before the first report all are empty");
        let mut balancer = bounded.build(4, &mut stream());
        let homes =
            |balancer: &mut Balancer| -> Vec<u32> { (0..200).map(|client| of_client(balancer, client)).collect() };
        balancer.report(&Pods([0, 0, 9, 0]));
        let full = homes(&mut balancer);
        assert!(unbounded.contains(&2) && !full.contains(&2));
        assert!(unbounded.iter().zip(&full).all(|(before, now)| before == now || *before == 2));
        assert_eq!(homes(&mut balancer), full);
        assert!((0..4).all(|endpoint| balancer.outstanding(endpoint) == 0));
        balancer.report(&Pods([1, 1, 1, 1]));
        assert_eq!(homes(&mut balancer), unbounded);
    }
}

#[test]
fn clients_stick_until_they_are_forgotten() {
    let mut stream = stream();
    let mut balancer = Spec::Sticky(Sticky { timeout: Some(SimDuration::from_secs(10)) }).build(1_000, &mut stream);
    let mut pick = |balancer: &mut Balancer, client, secs: u64| {
        balancer.pick(&mut stream, &Glance { now: SimTime::from_nanos(secs * 1_000_000_000), client }).unwrap()
    };
    let first: Vec<u32> = (0..20).map(|client| pick(&mut balancer, client, 0)).collect();
    // Each use begins the time anew.
    for secs in [9, 19, 29] {
        assert_eq!((0..20).map(|client| pick(&mut balancer, client, secs)).collect::<Vec<_>>(), first);
    }
    let later: Vec<u32> = (0..20).map(|client| pick(&mut balancer, client, 40)).collect();
    assert!(first.iter().zip(&later).filter(|(a, b)| a == b).count() < 3);
    balancer.resize(500);
    let resized: Vec<u32> = (0..20).map(|client| pick(&mut balancer, client, 41)).collect();
    assert!(resized.iter().zip(&later).all(|(now, before)| now < &500 && (*before >= 500 || now == before)));
}

#[test]
fn first_requests_are_uniform() {
    let counts = counts(
        &{
            let (mut stream, mut balancer) = (stream(), Spec::Sticky(Sticky { timeout: None }).build(7, &mut stream()));
            (0..20_000)
                .map(|client| balancer.pick(&mut stream, &Glance { now: SimTime::ZERO, client }).unwrap())
                .collect::<Vec<_>>()
        },
        7,
    );
    let (_, p) = chi_square(&counts, &[1.0; 7]).unwrap();
    assert!(p > 1e-4, "{counts:?}");
}

#[test]
fn addresses_are_read() {
    assert_eq!(Addresses::parse("10.0.0.1:80"), Some(Addresses::USUAL));
    assert_eq!(Addresses::parse("10.0.0.1"), None);
    assert_eq!(Addresses::parse("pod:80"), None);
}

/// Balancers of one policy over the same endpoints have one table, whatever else they remember; others have their own.
#[test]
fn tables_are_shared_by_those_who_have_the_same() {
    let policy =
        Maglev { weights: Weights::NONE, size: 251, addresses: Addresses::USUAL, bound: Some(120), staleness: None };
    let first = policy.build(5, &mut stream());
    let beside = |policy: &Maglev, endpoints| policy.build_beside(Some(&first), endpoints, &mut stream());
    let mut second = beside(&policy, 5);
    assert!(Arc::ptr_eq(first.table(), second.table()));
    second.pick(&mut stream(), &Glance::default()).unwrap();
    assert_eq!((0..5).map(|endpoint| first.outstanding(endpoint)).sum::<u32>(), 0);
    for other in [beside(&policy, 6), beside(&Maglev { weights: weights(&[2]), ..policy.clone() }, 5)] {
        assert!(!Arc::ptr_eq(first.table(), other.table()));
        assert_ne!(first.table(), other.table());
    }
    // Whose endpoints change has a table of its own again.
    second.resize(4);
    assert_eq!(**second.table(), policy.table(4));
    assert_eq!(**first.table(), policy.table(5));
    // Behind a specification, what is shared changes no pick.
    for spec in Spec::examples() {
        let alone = spec.build(7, &mut stream());
        let shared = spec.build_beside(Some(&alone), 7, &mut stream());
        let picks = |mut balancer: Balancer| {
            let mut stream = stream();
            let sight = |client| Glance { client, ..Glance::default() };
            (0..100).map(|client| balancer.pick(&mut stream, &sight(client))).collect::<Vec<_>>()
        };
        assert_eq!(picks(alone), picks(shared), "{spec:?}");
    }
}
