//! What a pick and the reply to an earlier one cost, by policy and number of endpoints.
//!
//! Every policy there is, once as it is without parameters (with weights, if it knows weights), and once more for each
//! row of [`OTHERS`]. One request for every ten endpoints is outstanding, at most 1,000, and where a row says so one more
//! for every endpoint; they are given back in the order of picking. Balancers are built outside of what is timed.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use windtunnel::balance::{Balancer, Ended, Form, Given, POLICIES, PolicyListed, Sight, Spec, Value, Weights};
use windtunnel::random::Stream;
use windtunnel::time::{SimDuration, SimTime};

const ENDPOINTS: [u32; 3] = [10, 1_000, 100_000];

/// Clients take turns by long steps, so that neighbours in time are none on a ring or in a table.
const CLIENTS: u64 = 10_000;
const STEP: u64 = 6_151;

/// How much is outstanding.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    /// One request for every ten endpoints, at most 1,000.
    Few,
    /// One more for every endpoint.
    Many,
}

/// Policy, what tells it apart, parameters.
type Other = (&'static str, &'static str, &'static [(&'static str, Value)], Held);

/// Parameters that cost something else than the usual ones.
const OTHERS: &[Other] = &[
    ("least-request", "choices 2", &[("choices", Value::Count(2))], Held::Few),
    (
        "least-request",
        "choices 2 replaced",
        &[("choices", Value::Count(2)), ("replacement", Value::Flag(true))],
        Held::Few,
    ),
    ("least-request", "choices 5", &[("choices", Value::Count(5))], Held::Few),
    ("least-request", "stale", &[("staleness", Value::Duration(SimDuration::from_secs(1)))], Held::Few),
    ("random-choose", "choices 5", &[("choices", Value::Count(5))], Held::Few),
    ("first", "limit 3", &[("limit", Value::Count(3))], Held::Few),
    ("first", "all full", &[("limit", Value::Count(1))], Held::Many),
    ("ring-hash", "bound 150", &[("balanceFactor", Value::Count(150))], Held::Many),
    (
        "ring-hash",
        "bound 150 clockwise",
        &[("balanceFactor", Value::Count(150)), ("overflow", Value::Word("clockwise"))],
        Held::Many,
    ),
    ("maglev", "bound 150", &[("balanceFactor", Value::Count(150))], Held::Many),
    ("weighted-least-request", "ties first", &[("ties", Value::Word("first"))], Held::Few),
    ("weighted-least-request", "ties fifo", &[("ties", Value::Word("fifo"))], Held::Few),
    ("weighted-least-request", "ties round-robin", &[("ties", Value::Word("round-robin"))], Held::Few),
];

/// What a balancer sees: a clock, a client, and loads that stay.
struct View<'a> {
    now: SimTime,
    client: u64,
    jobs: &'a [u32],
}

impl Sight for View<'_> {
    fn now(&self) -> SimTime {
        self.now
    }

    fn client(&self) -> u64 {
        self.client
    }

    fn jobs(&self, place: u32) -> u32 {
        self.jobs[place as usize]
    }

    fn work(&self, place: u32) -> u128 {
        u128::from(self.jobs[place as usize]) << 20
    }
}

/// A policy at so many endpoints.
fn spec(policy: &PolicyListed, parameters: &[(&'static str, Value)], endpoints: u32) -> Spec {
    let mut given = Given::default();
    if policy.parameters.iter().any(|parameter| parameter.form == Form::Weights) {
        let weights = (0..endpoints).map(|endpoint| 1 + endpoint % 4).collect();
        given.insert("weights", Value::Weights(Weights::new(weights).expect("they are small")));
    }
    if policy.name == "maglev" {
        // Ten slots an endpoint at least.
        given.insert("tableSize", Value::Count(if endpoints > 1_000 { 1_000_003 } else { 65_537 }));
    }
    if policy.name == "recorded" {
        given.insert("picks", Value::Picks((0..endpoints).rev().collect()));
    }
    for (key, value) in parameters {
        assert!(policy.parameters.iter().any(|parameter| parameter.key == *key), "{} has no {key}", policy.name);
        given.insert(key, value.clone());
    }
    let spec = Spec::read(policy.name, &mut given).expect("it is listed");
    assert_eq!(given.into_refused(), [], "{}", policy.name);
    spec
}

/// A balancer at work.
struct Work<'a> {
    balancer: Balancer,
    stream: Stream,
    view: View<'a>,
    open: VecDeque<(u32, SimTime)>,
}

impl<'a> Work<'a> {
    fn new(spec: &Spec, jobs: &'a [u32], held: Held) -> Self {
        let endpoints = u32::try_from(jobs.len()).expect("endpoints are numbered by u32");
        let mut stream = Stream::new(1, 0, "bench/policies");
        let balancer = spec.build(endpoints, &mut stream);
        let view = View { now: SimTime::ZERO, client: 0, jobs };
        let mut work = Self { balancer, stream, view, open: VecDeque::new() };
        if spec.asks().reports.is_some() {
            work.balancer.report(&work.view);
        }
        let few = (endpoints / 10).clamp(1, 1_000);
        let held = if held == Held::Few { few } else { endpoints + few };
        (0..held).for_each(|_| _ = work.pick());
        work
    }

    fn pick(&mut self) -> u32 {
        self.view.now += SimDuration::from_nanos(1_000);
        self.view.client = (self.view.client + STEP) % CLIENTS;
        let picked = self.balancer.pick(&mut self.stream, &self.view).expect("there are endpoints");
        self.open.push_back((picked, self.view.now));
        picked
    }

    /// What is timed.
    fn step(&mut self) -> u32 {
        let chosen = self.pick();
        let (endpoint, picked) = self.open.pop_front().expect("one was just added");
        self.balancer.done(endpoint, Ended { picked, now: self.view.now, failed: false });
        chosen
    }
}

fn pick_and_done(criterion: &mut Criterion) {
    let usual = POLICIES.iter().map(|policy| (policy, policy.name.to_owned(), &[] as &[_], Held::Few));
    let others = OTHERS.iter().map(|(name, what, parameters, held)| {
        let policy = POLICIES.iter().find(|policy| policy.name == *name).expect("a row names a policy");
        (policy, format!("{name} {what}"), *parameters, *held)
    });
    let mut rows: Vec<_> = usual.chain(others).collect();
    // Stable: what belongs to a policy stands under it.
    rows.sort_by_key(|(policy, ..)| POLICIES.iter().position(|other| other.name == policy.name));
    for (policy, name, parameters, held) in rows {
        let mut group = criterion.benchmark_group(format!("policies/{name}"));
        for endpoints in ENDPOINTS {
            let jobs: Vec<u32> = (0..endpoints).map(|endpoint| 1 + endpoint * 7 % 13).collect();
            // Built when it is asked for: a filter leaves most out.
            let mut work = None;
            group.bench_function(BenchmarkId::from_parameter(endpoints), |bencher| {
                let work = work.get_or_insert_with(|| Work::new(&spec(policy, parameters, endpoints), &jobs, held));
                bencher.iter(|| black_box(work.step()));
            });
        }
        group.finish();
    }
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .sample_size(20)
        .without_plots()
}

criterion_group!(name = benches; config = short(); targets = pick_and_done);
criterion_main!(benches);
