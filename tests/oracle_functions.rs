//! Known results that state a rule of arithmetic rather than a system, tested on the function that implements the rule.
//! The table in `docs/validation/coverage.md` names these tests.

use windtunnel::arrivals;
use windtunnel::balance::{
    Balancer, Choices, EdfLeastRequest, Ended, Glance, LeastRequest, RoundRobin, SlowStart, SmoothWeightedRoundRobin,
    Spec, Start, Weights,
};
use windtunnel::discovery::lookup::{Action, Answer, Lookup, Outcome, Settings};
use windtunnel::discovery::records::RecordType;
use windtunnel::discovery::resolv_conf::{Library, Options, candidates};
use windtunnel::discovery::slices::{Listed, Slices};
use windtunnel::model::network::{iptables, ipvs};
use windtunnel::random::Stream;
use windtunnel::stats::{Moments, chi_square};
use windtunnel::time::{SimDuration, SimTime};

fn assert_near(what: &str, got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "{what}: got {got}, want {want} within {tolerance}");
}

/// Rule i of n has to match with probability 1/(n − i) for every endpoint to get the same share.
#[test]
fn rule_probabilities_cascade() {
    let cascades: [&[f64]; 2] = [&[1.0 / 3.0, 0.5, 1.0], &[1.0 / 7.0, 1.0 / 6.0, 0.2, 0.25, 1.0 / 3.0, 0.5, 1.0]];
    for want in cascades {
        let got = iptables::rule_probabilities(want.len() as u32);
        assert_eq!(got.len(), want.len());
        for (rule, (got, want)) in got.iter().zip(want).enumerate() {
            assert_near(&format!("rule {rule}"), *got, *want, 1e-9);
        }
        for (endpoint, share) in shares_of(&got).into_iter().enumerate() {
            assert_near(&format!("share of endpoint {endpoint}"), share, 1.0 / want.len() as f64, 1e-9);
        }
    }
}

/// A slice holds a hundred endpoints.
#[test]
fn slices_of_a_hundred() {
    for (endpoints, slices) in [(1, 1), (100, 1), (101, 2), (1000, 10)] {
        let listed = |endpoint: u32| Listed {
            endpoint,
            port: 80,
            node: 0,
            zone: 0,
            ready: true,
            serving: true,
            terminating: false,
            for_zone: None,
            for_node: false,
        };
        let all: Vec<Listed> = (0..endpoints).map(listed).collect();
        assert_eq!(Slices::of(&all).count(), slices);
    }
}

/// The share of every endpoint when rule i matches what the rules before it let pass with probability `rules[i]`.
fn shares_of(rules: &[f64]) -> Vec<f64> {
    let mut left = 1.0;
    rules
        .iter()
        .map(|rule| {
            let share = left * rule;
            left -= share;
            share
        })
        .collect()
}

/// The 0.1 % and 99.9 % quantiles of chi-square with two and with six degrees of freedom.
const BOUNDS: [(u32, f64, f64); 2] = [(3, 0.002_001_000_667, 13.815_510_56), (7, 0.381_066_755_1, 22.457_744_48)];

/// Counts of random connections lie between the bounds: neither too uneven nor too even.
#[test]
fn iptables_counts_are_random() {
    const REPLICATIONS: u32 = 200;
    for (endpoints, lower, upper) in BOUNDS {
        let weights = vec![1.0; endpoints as usize];
        let (mut outside, mut statistics) = (0, Moments::new());
        for replication in 0..REPLICATIONS {
            let mut stream = Stream::new(1, replication, "iptables");
            let counts = count(endpoints, 20_000, || iptables::pick(endpoints, &mut stream));
            let (statistic, p) = chi_square(&counts, &weights).expect("several endpoints with connections");
            assert_eq!(statistic > upper, p < 0.001, "chi-square {statistic} and p {p} disagree about the upper bound");
            assert_eq!(statistic < lower, p > 0.999, "chi-square {statistic} and p {p} disagree about the lower bound");
            outside += u32::from(!(0.001..=0.999).contains(&p));
            statistics.push(statistic);
        }
        // Expected 0.4 of 200; six or more have a probability of 4e-6.
        assert!(outside < 6, "{outside} of {REPLICATIONS} replications outside the bounds for {endpoints} endpoints");
        // Mean d and variance 2 d with d degrees of freedom.
        let degrees = f64::from(endpoints - 1);
        let error = (2.0 * degrees / f64::from(REPLICATIONS)).sqrt();
        assert_near("mean chi-square", statistics.mean().expect("many replications"), degrees, 5.0 * error);
    }
}

/// Counts that are too even (taken in turn) fall below the lower bound.
#[test]
fn counts_in_turn_are_too_even() {
    for (endpoints, lower, _) in BOUNDS {
        let mut stream = Stream::new(1, 0, "in turn");
        let mut balancer = Spec::RoundRobin(RoundRobin { start: Start::Random }).build(endpoints, &mut stream);
        let counts = count(endpoints, 20_000, || balancer.pick(&mut stream, &Glance::default()));
        let (statistic, _) = chi_square(&counts, &vec![1.0; endpoints as usize]).expect("several endpoints");
        assert!(statistic < lower, "chi-square {statistic} of counts taken in turn is above {lower}");
    }
}

/// Were every rule 1/n and the last took the rest, the last endpoint would get too much, and the test would see it.
#[test]
fn wrong_cascade_is_told_apart() {
    let wrong_shares: [&[f64]; 2] = [
        &[0.333_333_333_3, 0.222_222_222_2, 0.444_444_444_4],
        &[
            0.142_857_142_9,
            0.122_448_979_6,
            0.104_956_268_2,
            0.089_962_515_62,
            0.077_110_727_67,
            0.066_094_909_43,
            0.396_569_456_6,
        ],
    ];
    for (wrong, (endpoints, _, upper)) in wrong_shares.into_iter().zip(BOUNDS) {
        let mut rules = vec![1.0 / f64::from(endpoints); endpoints as usize];
        rules[endpoints as usize - 1] = 1.0;
        for (share, wrong) in shares_of(&rules).into_iter().zip(wrong) {
            assert_near("wrong share", share, *wrong, 1e-9);
        }
        let mut stream = Stream::new(1, 0, "wrong cascade");
        let counts = count(endpoints, 20_000, || (0..endpoints).find(|rule| stream.unit() < rules[*rule as usize]));
        let weights = vec![1.0; endpoints as usize];
        let (statistic, _) = chi_square(&counts, &weights).expect("several endpoints");
        assert!(statistic > upper, "chi-square {statistic} of a wrong cascade is below {upper}");
        let mut stream = Stream::new(1, 0, "right against wrong");
        let counts = count(endpoints, 20_000, || iptables::pick(endpoints, &mut stream));
        let (statistic, _) = chi_square(&counts, wrong).expect("several endpoints");
        assert!(statistic > upper, "chi-square {statistic} of the picks against the wrong shares is below {upper}");
    }
}

/// How often each endpoint is picked.
fn count(endpoints: u32, connections: u32, mut pick: impl FnMut() -> Option<u32>) -> Vec<u64> {
    let mut counts = vec![0; endpoints as usize];
    for _ in 0..connections {
        counts[pick().expect("there are endpoints") as usize] += 1;
    }
    counts
}

const PODS: u32 = 4;
const DRAWS: u32 = 400_000;

/// Two draws among four pods hit the same one with probability 1/4 if they are independent; the pod with most requests
/// is then still chosen with 1/16, and never if the draws differ.
#[test]
fn power_of_two_draws() {
    let same: f64 = (0..PODS).map(|pod| chosen(true, &[pod], pod)).sum();
    assert_near("both draws hit the same pod", same, 0.25, 0.02 * 0.25);
    assert_near("fullest pod, with replacement", chosen(true, &[2], 2), 0.0625, 0.05 * 0.0625);
    assert_near("fullest pod, without", chosen(false, &[2], 2), 0.0, 0.0);
    assert_near("emptiest pod, with replacement", chosen(true, &[0, 1, 2], 3), 0.4375, 0.01 * 0.4375);
    assert_near("emptiest pod, without", chosen(false, &[0, 1, 2], 3), 0.5, 0.01 * 0.5);
}

/// How often `pod` is chosen while each of `loaded` has one request outstanding and the others none.
fn chosen(replacement: bool, loaded: &[u32], pod: u32) -> f64 {
    let mut stream = Stream::new(1, pod, if replacement { "with" } else { "without" });
    let mut balancer = Spec::LeastRequest(LeastRequest { choices: Choices::Of(2), replacement, staleness: None })
        .build(PODS, &mut stream);
    for target in loaded {
        while balancer.outstanding(*target) == 0 {
            let other = balancer.pick(&mut stream, &Glance::default()).expect("four pods");
            if other != *target {
                balancer.done(other, Ended::default());
            }
        }
    }
    let hits = (0..DRAWS).filter(|_| pick(&mut balancer, &mut stream) == pod).count();
    hits as f64 / f64::from(DRAWS)
}

/// A choice that leaves no request outstanding.
fn pick(balancer: &mut Balancer, stream: &mut Stream) -> u32 {
    let pod = balancer.pick(stream, &Glance::default()).expect("four pods");
    balancer.done(pod, Ended::default());
    pod
}

/// Two cycles of smooth weighted round robin, as of nginx's commit 52327e0627f4 that brought it.
#[test]
fn smooth_weighted_sequences() {
    for (weights, cycle) in [(vec![5, 1, 1], "aabacaa"), (vec![4, 3, 2], "abcabacba"), (vec![1, 1, 1], "abc")] {
        let endpoints = weights.len() as u32;
        let policy = SmoothWeightedRoundRobin {
            weights: Weights::new(weights.clone()).expect("weights"),
            start: Start::After(0),
        };
        let mut stream = Stream::new(1, 0, "sequences");
        let mut balancer = Spec::from(policy).build(endpoints, &mut stream);
        let names = (0..2 * cycle.len()).map(|_| char::from(b'a' + pick(&mut balancer, &mut stream) as u8));
        let picked: String = names.collect();
        assert_eq!(picked, cycle.repeat(2), "{weights:?}");
        for (name, weight) in ('a'..).zip(&weights) {
            assert_eq!(cycle.matches(name).count(), *weight as usize, "{weights:?}");
        }
    }
}

/// Weights 1, 2, 4 with 0, 3, 1 outstanding weigh w / (a + 1)^bias, which is 1, 0.5 and 2 with Envoy's bias of 1: with
/// these numbers frozen, shares of 2/7, 1/7 and 4/7. With a bias of 0 they go by the weights, with 2 by 1, 1/8 and 1.
#[test]
fn weights_fall_with_the_load() {
    for (bias, effective) in [(1.0, [1.0, 0.5, 2.0]), (0.0, [1.0, 2.0, 4.0]), (2.0, [1.0, 0.125, 1.0])] {
        let weights = Weights::new(vec![1, 2, 4]).expect("weights");
        let mut stream = Stream::new(1, 0, "effective weights");
        let policy = EdfLeastRequest { weights, bias, start: Start::After(0), staleness: None, slow_start: None };
        let mut balancer = Spec::from(policy).build(3, &mut stream);
        let outstanding = [0, 3, 1];
        while (0..3).any(|endpoint| balancer.outstanding(endpoint) < outstanding[endpoint as usize]) {
            let endpoint = balancer.pick(&mut stream, &Glance::default()).expect("three endpoints");
            if balancer.outstanding(endpoint) > outstanding[endpoint as usize] {
                balancer.done(endpoint, Ended::default());
            }
        }
        // Endpoints stand in the queue with what they weighed before.
        for _ in 0..100 {
            pick(&mut balancer, &mut stream);
        }
        let mut counts = [0.0; 3];
        for _ in 0..70_000 {
            counts[pick(&mut balancer, &mut stream) as usize] += 1.0;
        }
        let whole: f64 = effective.iter().sum();
        for (count, weight) in counts.into_iter().zip(effective) {
            assert_near(&format!("share with bias {bias}"), count / 70_000.0, weight / whole, 2.0 / 70_000.0);
        }
    }
}

/// With a window of 60 s and at least 10 %, an endpoint of 3, 15, 30 and 45 s counts max(0.1, (age / 60 s)^(1 / aggression))
/// of its weight, as Envoy's documentation has it.
#[test]
fn slow_start_factors() {
    let known = [
        (1.0, [0.1, 0.25, 0.5, 0.75]),
        (2.0, [0.223_606_797_7, 0.5, std::f64::consts::FRAC_1_SQRT_2, 0.866_025_403_8]),
    ];
    for (aggression, factors) in known {
        let slow_start = SlowStart { window: SimDuration::from_secs(60), aggression, min_weight: 0.1 };
        for (age, factor) in [3, 15, 30, 45].into_iter().zip(factors) {
            let what = format!("{age} s, aggression {aggression}");
            assert_near(&what, slow_start.factor(SimDuration::from_secs(age)), factor, 1e-9);
        }
    }
}

/// Arrivals at 100/s, counted in windows of one second: variance over mean is 1, and intervals do not depend on the one
/// before.
#[test]
fn poisson_counts_and_intervals() {
    const WINDOWS: usize = 50_000;
    let mut process = arrivals::Spec::poisson(100.0).expect("a rate").build(Stream::new(1, 0, "poisson"));
    let (mut counts, mut intervals) = (vec![0_u32; WINDOWS], Vec::new());
    let mut last = 0.0;
    loop {
        let time = process.next().expect("arrivals never end").as_secs_f64();
        if time >= WINDOWS as f64 {
            break;
        }
        counts[time as usize] += 1;
        intervals.push(time - last);
        last = time;
    }
    let counts = counts.into_iter().map(f64::from).collect::<Vec<_>>();
    let (mean, variance) = mean_and_variance(&counts);
    assert_near("mean count", mean, 100.0, 0.003 * 100.0);
    assert_near("index of dispersion", variance / mean, 1.0, 0.03);
    let (mean, variance) = mean_and_variance(&intervals);
    assert_near("squared coefficient of variation", variance / (mean * mean), 1.0, 0.01);
    let products = intervals.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>();
    assert_near("autocorrelation of neighbours", products / (intervals.len() - 1) as f64 / variance, 0.0, 0.003);
    intervals.sort_by(f64::total_cmp);
    let median = intervals[intervals.len().div_ceil(2) - 1];
    assert_near("median interval", median, 0.006_931_471_806, 0.005 * 0.006_931_471_806);
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let moments = Moments::of(values);
    (moments.mean().expect("many values"), moments.variance().expect("many values"))
}

/// A scheduler of IPVS over servers in a given order, with given weights and (active, inactive) connections.
struct IpvsList {
    servers: ipvs::Servers,
    scheduler: ipvs::Scheduler,
}

impl IpvsList {
    /// The scheduler begins when the servers are there: `wrr` then begins at its largest threshold.
    fn new(kind: ipvs::Kind, weights: &[u32], connections: &[(u32, u32)]) -> Self {
        let address = |host: usize| format!("10.0.0.{host}:80").parse().expect("an address");
        let mut servers: Vec<ipvs::Server> =
            weights.iter().enumerate().map(|(host, weight)| ipvs::Server::new(address(host + 1), *weight)).collect();
        for (server, (active, inactive)) in servers.iter_mut().zip(connections) {
            (server.active, server.inactive) = (*active, *inactive);
        }
        let servers = ipvs::Servers::in_order(servers);
        let scheduler = ipvs::Scheduler::new(kind, ipvs::Flags::default(), &servers);
        Self { servers, scheduler }
    }

    fn pick(&mut self) -> u32 {
        let asked = ipvs::Asked {
            client: 0,
            port: 0,
            service: 0,
            now: SimTime::ZERO,
            lblcr_expiration: SimDuration::from_secs(86_400),
        };
        self.scheduler.pick(&self.servers, &asked).expect("a server")
    }

    /// Choices of connections that never close.
    fn held(&mut self, connections: usize) -> Vec<u32> {
        (0..connections)
            .map(|_| {
                let server = self.pick();
                self.servers[server].active += 1;
                server
            })
            .collect()
    }
}

/// `wrr` with the list in the order of the letters and the threshold at its largest.
#[test]
fn ipvs_weighted_round_robin_sequences() {
    for (weights, want) in [([4, 3, 2], "AABABCABCAABABCABC"), ([5, 1, 1], "AAAAABCAAAAABC")] {
        let mut list = IpvsList::new(ipvs::Kind::Wrr, &weights, &[]);
        let got: String = want.chars().map(|_| char::from(b'A' + list.pick() as u8)).collect();
        assert_eq!(got, want, "weights {weights:?}");
    }
}

/// What the schedulers compare, and which server that makes them choose.
#[test]
fn ipvs_overheads_and_choices() {
    type Row<'a> = (ipvs::Kind, &'a [u32], &'a [(u32, u32)], u32);
    let rows: [Row; 5] = [
        (ipvs::Kind::Lc, &[1, 1, 1], &[(3, 10), (2, 300), (3, 0)], 2),
        (ipvs::Kind::Lc, &[1, 1, 1], &[(2, 0), (1, 255), (1, 256)], 1),
        (ipvs::Kind::Wlc, &[4, 1, 1], &[(8, 0), (3, 0), (1, 100)], 2),
        (ipvs::Kind::Sed, &[4, 1, 2], &[(3, 0), (0, 0), (1, 0)], 0),
        (ipvs::Kind::Nq, &[4, 1, 2], &[(3, 0), (0, 500), (1, 0)], 1),
    ];
    for (kind, weights, connections, want) in rows {
        assert_eq!(IpvsList::new(kind, weights, connections).pick(), want, "{kind:?} {connections:?}");
    }
    let by_weight = |load: fn(&ipvs::Server) -> u64, weights: &[u32], connections: &[(u32, u32)]| -> Vec<f64> {
        let list = IpvsList::new(ipvs::Kind::Lc, weights, connections);
        list.servers.iter().map(|(_, server)| load(server) as f64 / f64::from(server.weight)).collect()
    };
    assert_eq!(by_weight(ipvs::Server::overhead, &[1, 1, 1], &[(3, 10), (2, 300), (3, 0)]), [778.0, 812.0, 768.0]);
    assert_eq!(by_weight(ipvs::Server::overhead, &[1, 1, 1], &[(2, 0), (1, 255), (1, 256)]), [512.0, 511.0, 512.0]);
    assert_eq!(by_weight(ipvs::Server::overhead, &[4, 1, 1], &[(8, 0), (3, 0), (1, 100)]), [512.0, 768.0, 356.0]);
    assert_eq!(by_weight(ipvs::Server::expected, &[4, 1, 2], &[(3, 0), (0, 0), (1, 0)]), [1.0, 1.0, 1.0]);
}

/// Twelve connections that never close.
#[test]
fn ipvs_traces() {
    let traces = [
        (ipvs::Kind::Lc, [1, 1, 1], [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]),
        (ipvs::Kind::Wlc, [3, 2, 1], [0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 1, 0]),
        (ipvs::Kind::Sed, [3, 2, 1], [0, 1, 0, 0, 1, 2, 0, 1, 0, 0, 1, 2]),
        (ipvs::Kind::Nq, [3, 2, 1], [0, 1, 2, 0, 0, 1, 0, 1, 0, 0, 1, 2]),
    ];
    for (kind, weights, want) in traces {
        assert_eq!(IpvsList::new(kind, &weights, &[]).held(12), want, "{kind:?} {weights:?}");
    }
}

/// Rounds of A and AAAA until a name has an address, and how many of them end with "no such name".
#[test]
fn names_are_searched_in_rounds() {
    let search = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"].map(str::to_owned);
    let exists = ["api.example.com", "web.default.svc.cluster.local", "web.prod.svc.cluster.local"];
    for (name, ndots, rounds, nxdomain) in [
        ("api.example.com", 5, 4, 3),
        ("api.example.com.", 5, 1, 0),
        ("api.example.com", 2, 1, 0),
        ("web", 5, 1, 0),
        ("web.prod", 5, 2, 1),
        ("web.prod.svc.cluster.local", 5, 4, 3),
        ("web.prod.svc", 5, 3, 2),
    ] {
        for library in [Library::Glibc, Library::Musl, Library::Go] {
            let names = candidates(name, &search, ndots, library);
            let options = Options { ndots, ..Options::read(&[], library) };
            let settings = Settings::new(library, &options, 1, true, &names);
            let (mut actions, mut next, mut packets, mut missing) = (Vec::new(), 0, 0, 0);
            let mut lookup = Lookup::begin(settings, 0, &mut actions);
            let outcome = loop {
                let action = actions[next];
                next += 1;
                match action {
                    Action::Send(query) => {
                        let known = exists.contains(&names.names[query.candidate as usize].as_str());
                        let answer = match (known, query.record) {
                            (false, _) => Answer::NxDomain,
                            (true, RecordType::A) => Answer::Address,
                            (true, _) => Answer::NoData,
                        };
                        packets += 1;
                        missing += u32::from(!known);
                        lookup.answered(query, answer, &mut actions);
                    }
                    Action::Done(outcome) => break outcome,
                    Action::Wait(_) | Action::Stop(_) => {}
                }
            };
            assert!(matches!(outcome, Outcome::Found(_)), "{name} with {library:?}");
            assert_eq!((packets, missing), (2 * rounds, 2 * nxdomain), "{name} with {library:?}");
        }
    }
}
