//! What a pick and the reply to an earlier one cost, by policy and number of endpoints.
//!
//! Every balancer is kept at about two outstanding requests an endpoint, given back in the order of picking.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use windtunnel::balance::{Choices, Ended, Glance, LeastRequest, Random, RoundRobin, Spec, Start};
use windtunnel::random::Stream;

const SPECS: [(&str, Spec); 6] = [
    ("random", Spec::Random(Random)),
    ("round-robin", Spec::RoundRobin(RoundRobin { start: Start::Random })),
    (
        "least-request-2",
        Spec::LeastRequest(LeastRequest { choices: Choices::Of(2), replacement: false, staleness: None }),
    ),
    (
        "least-request-2-replaced",
        Spec::LeastRequest(LeastRequest { choices: Choices::Of(2), replacement: true, staleness: None }),
    ),
    (
        "least-request-5",
        Spec::LeastRequest(LeastRequest { choices: Choices::Of(5), replacement: false, staleness: None }),
    ),
    (
        "least-request-all",
        Spec::LeastRequest(LeastRequest { choices: Choices::All, replacement: false, staleness: None }),
    ),
];

fn pick_and_done(criterion: &mut Criterion) {
    for (name, spec) in SPECS {
        let mut group = criterion.benchmark_group(format!("policies/{name}"));
        for endpoints in [10, 100, 10_000] {
            group.bench_function(BenchmarkId::from_parameter(endpoints), |bencher| {
                let mut stream = Stream::new(1, 0, "bench/policies");
                let mut balancer = spec.build(endpoints, &mut stream);
                let mut open: VecDeque<u32> = (0..2 * endpoints)
                    .map(|_| balancer.pick(&mut stream, &Glance::default()).expect("there are endpoints"))
                    .collect();
                bencher.iter(|| {
                    let picked = balancer.pick(&mut stream, &Glance::default()).expect("there are endpoints");
                    open.push_back(picked);
                    balancer.done(open.pop_front().expect("one was just added"), Ended::default());
                    black_box(picked)
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, pick_and_done);
criterion_main!(benches);
