//! Whole runs through the library: W1 and W4 at three sizes, and the quickstart.
//!
//! The figure to read is requests per second ("elem/s"). The ratio to hand-written programs is `benches/ratio.py`'s.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windtunnel::model::plan::Plan;
use windtunnel::model::{RequestLog, simulate};
use windtunnel::observe::outcome::NoSink;
use windtunnel::scenario::{DiskFiles, Overrides, Scenario, load};

/// The first variant of a scenario file, with some values set.
fn scenario(path: &str, set: &[(&str, String)]) -> Scenario {
    let text = std::fs::read_to_string(path).expect("the scenario is in the repository");
    let set = set.iter().map(|(path, value)| ((*path).to_string(), value.clone())).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    match load(path, &text, &DiskFiles::beside(path), &overrides) {
        Ok(loaded) => loaded.variants.into_iter().next().expect("a scenario has a variant"),
        Err(failure) => panic!("{failure}"),
    }
}

fn yardstick(pods: u32, per_pod: f64, path: &str, requests: u64) -> Scenario {
    scenario(
        path,
        &[
            ("workloads[deployment/web].inline.replicas", pods.to_string()),
            ("traffic[t].arrivals.poisson.rate", format!("{}/s", f64::from(pods) * per_pod)),
            ("run.requests", requests.to_string()),
            ("run.replications", "1".to_string()),
        ],
    )
}

fn whole_runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole run");
    group.sample_size(10);
    for (name, path, per_pod) in [("W1", "scenarios/w1.yaml", 0.8), ("W4", "scenarios/w4.yaml", 3.0)] {
        for pods in [100_u32, 10_000, 100_000] {
            let requests = u64::from(pods).max(20_000) * 5;
            let plan = Plan::new(&yardstick(pods, per_pod, path, requests));
            group.throughput(Throughput::Elements(requests));
            group.bench_function(BenchmarkId::new(name, pods), |bencher| bencher.iter(|| black_box(run(&plan))));
        }
    }
    let plan = Plan::new(&scenario("scenarios/quickstart.yaml", &[("run.duration", "60s".to_string())]));
    let requests = run(&plan);
    group.throughput(Throughput::Elements(requests));
    group.bench_function("quickstart", |bencher| bencher.iter(|| black_box(run(&plan))));
    group.finish();
}

/// One replication; returns the measured requests, calls included.
fn run(plan: &Plan) -> u64 {
    let outcome = simulate(plan, 0, 0, RequestLog::None, &mut NoSink, &AtomicBool::new(false));
    outcome.expect("the scenario runs").flows.iter().map(|flow| flow.offered).sum()
}

criterion_group!(benches, whole_runs);
criterion_main!(benches);
