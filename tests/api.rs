//! The library by itself: a scenario that is built, run and read in Rust, without a file or a directory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use windtunnel::arrivals;
use windtunnel::discovery::slices::policy::TrafficPolicy;
use windtunnel::experiment::{self, Finished, Options, Progress, RequestLog};
use windtunnel::manifest::resources::Resources;
use windtunnel::observe::outcome::{Labels, NoSink, RequestRow, RunOutcome, Sink, TimelineRow};
use windtunnel::random::Dist;
use windtunnel::scenario::network_policy::NetworkPolicies;
use windtunnel::scenario::outside::{LoadBalancers, Nat};
use windtunnel::scenario::pod_life::{PodLife, PodTimes, Sigterm};
use windtunnel::scenario::process::{CpuRules, Process};
use windtunnel::scenario::{
    Behaviour, Cancellation, Clients, Cluster, ConnectionMode, Connections, Container, Demand, Discipline, Flow, Host,
    Keeping, Kernel, KubeProxy, Network, Node, Observe, PoolOrder, Popularity, Protocol, Retries, Run, Scenario,
    Service, Source, Step, Traffic, Window, Without, Workload,
};
use windtunnel::time::SimDuration;

/// Nobody waits for this run.
struct Silent;

impl Progress for Silent {
    fn advance(&self, _done_runs: u64, _total_runs: u64, _requests: u64) {}
}

fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        zone: "z1".to_owned(),
        speed: 1.0,
        cpu: None,
        memory: None,
        taints: Vec::new(),
        pod_cidr: (0x0a00_0000, 24),
        address: 0,
        max_pods: 110,
        labels: Vec::new(),
        unschedulable: false,
        bandwidth: None,
        min_sync: None,
    }
}

fn connections() -> Connections {
    Connections {
        mode: ConnectionMode::PerRequest,
        protocol: Protocol::Http1,
        max_per_client: None,
        order: PoolOrder::Lifo,
        keeping: Keeping::USUAL,
        connect_timeout: None,
        notices_close: true,
        tls: None,
    }
}

fn retries() -> Retries {
    Retries {
        attempts: Some(1),
        per_try: None,
        on: Vec::new(),
        on_per_try_timeout: false,
        backoff_base: SimDuration::ZERO,
        backoff_max: SimDuration::ZERO,
        jitter: true,
        budget: None,
    }
}

/// Poisson arrivals at 80 a second, one pod, one slot, exponential service with mean 10 ms: M/M/1 at load 0.8.
fn queue() -> Scenario {
    let web = Behaviour {
        concurrency: Some(1),
        queue_limit: None,
        discipline: Discipline::Fifo,
        queue_timeout: None,
        steps: vec![Step::Work(Dist::exponential(0.010).expect("a mean above zero"))],
        error_ratio: 0.0,
        holds_slot_while_calling: true,
        process: Process::default(),
    };
    Scenario {
        name: "queue".to_owned(),
        variant: "base".to_owned(),
        run: Run {
            window: Window::Requests { requests: 100_000, warmup: 10_000 },
            replications: 8,
            until: None,
            seed: 1,
            drain: SimDuration::from_secs(60),
            interval: SimDuration::from_secs(10),
        },
        cluster: Cluster {
            node_grace: SimDuration::from_secs(50),
            nodes: vec![node("a")],
            network: Network {
                loopback: Dist::zero(),
                same_node: Dist::zero(),
                same_zone: Dist::zero(),
                cross_zone: Dist::zero(),
                external: Dist::zero(),
            },
            kube_proxy: KubeProxy::default(),
            load_balancers: LoadBalancers::default(),
            nat: Nat::default(),
            dns: None,
            pods: PodTimes::usual(),
            lives: false,
            propagation: windtunnel::scenario::propagation::Propagation::usual(),
            kubernetes: windtunnel::scenario::kubernetes::Kubernetes::USUAL,
            kernel: Kernel::USUAL,
            cpu: CpuRules::USUAL,
            autoscaling: windtunnel::scenario::autoscaling::Autoscaling::default(),
        },
        workloads: vec![Workload {
            kind: "deployment".to_owned(),
            namespace: "default".to_owned(),
            name: "web".to_owned(),
            replicas: 1,
            containers: vec![Container {
                name: "app".to_owned(),
                ports: vec![(None, 80)],
                behaviour: web,
                start: Dist::zero(),
                stop: Dist::zero(),
                sigterm: Sigterm::Exit,
                pull: None,
                resources: Resources::default(),
            }],
            pod_speed: Vec::new(),
            pod_episodes: Vec::new(),
            node_name: None,
            allowed_nodes: vec![0],
            node_selector: Vec::new(),
            scheduling: Default::default(),
            outside: false,
            host: Host::default(),
            addresses: Vec::new(),
            init: Vec::new(),
            life: PodLife::none(),
        }],
        services: vec![Service {
            namespace: "default".to_owned(),
            name: "web".to_owned(),
            port: 80,
            port_name: None,
            multi_port: false,
            cluster_ip: 0x0a60_0001,
            target_port: 80,
            affinity: None,
            targets: vec![(0, 0)],
            only: Vec::new(),
            pod: None,
            headless: false,
            loopback: false,
            policy: TrafficPolicy::default(),
            outside: None,
            eras: Vec::new(),
        }],
        network_policies: NetworkPolicies::default(),
        proxies: Vec::new(),
        traffic: vec![Traffic {
            flow: Flow {
                name: "t".to_owned(),
                service: 0,
                resolution: None,
                held: windtunnel::scenario::eras::Held::Name,
                fails: None,
                through: None,
                way_in: None,
                shares: Vec::new(),
                connections: connections(),
                balancer: None,
                timeout: None,
                retries: retries(),
                cancellation: Cancellation::None,
                demand: Demand::Attempt,
                request_size: 0,
                response_size: 0,
            },
            from: Source::Generator { zone: None },
            arrivals: arrivals::Spec::poisson(80.0).expect("a rate above zero"),
            clients: Clients { count: 1, popularity: Popularity::Uniform },
        }],
        timeline: Vec::new(),
        faults: Vec::new(),
        budgets: Vec::new(),
        objectives: Vec::new(),
        expect: Vec::new(),
        observe: Observe::default(),
        metrics: Vec::new(),
        without: Without::default(),
    }
}

fn run(scenario: Scenario, options: &Options) -> Vec<(Labels, RunOutcome)> {
    let mut outcomes = Vec::new();
    let finished = experiment::run(
        &[scenario],
        options,
        &AtomicBool::new(false),
        &Silent,
        &|_, _, _| Box::new(NoSink),
        &mut |labels, outcome| outcomes.push((labels.clone(), outcome)),
    );
    assert_eq!(finished, Ok(Finished::Complete));
    outcomes
}

#[test]
fn a_scenario_is_built_run_and_read() {
    let outcomes = run(queue(), &Options { jobs: 2, requests_log: RequestLog::None });
    assert_eq!(outcomes.len(), 8);
    let mut means = Vec::new();
    for (replication, (labels, outcome)) in outcomes.iter().enumerate() {
        assert_eq!(outcome.replication as usize, replication, "outcomes come in order");
        assert_eq!(labels.flows[0].name, "t");
        let flow = &outcome.flows[0];
        assert_eq!((flow.offered, flow.succeeded, flow.failed), (90_000, 90_000, 0));
        means.push(flow.latency_moments.mean().expect("many requests"));
        assert_eq!(labels.endpoints[0].pod, "web-0");
        let utilization = outcome.endpoints[0].utilization.expect("a pod with one slot");
        assert!((utilization - 0.8).abs() < 0.02, "{utilization}");
    }
    // 1 / (µ − λ) = 50 ms; the standard error of 720,000 requests is about 0.35 ms.
    let mean = means.iter().sum::<f64>() / 8.0;
    assert!((mean - 0.050).abs() < 0.0025, "{mean}");
}

/// Counts what it is given.
struct Counter<'a> {
    requests: &'a AtomicU64,
    intervals: &'a AtomicU64,
}

impl Sink for Counter<'_> {
    fn timeline(&mut self, _row: &TimelineRow) {
        self.intervals.fetch_add(1, Ordering::Relaxed);
    }

    fn request(&mut self, row: &RequestRow<'_>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        assert_eq!(row.ledger.iter().sum::<u64>(), row.latency.as_nanos());
    }
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static INTERVALS: AtomicU64 = AtomicU64::new(0);

#[test]
fn single_requests_and_intervals_go_to_a_sink() {
    let mut scenario = queue();
    scenario.run.window = Window::Time { duration: SimDuration::from_secs(100), warmup: SimDuration::ZERO };
    scenario.run.replications = 2;
    let offered = Mutex::new(0);
    let finished = experiment::run(
        &[scenario],
        &Options { jobs: 2, requests_log: RequestLog::All },
        &AtomicBool::new(false),
        &Silent,
        &|_, _, _| Box::new(Counter { requests: &REQUESTS, intervals: &INTERVALS }),
        &mut |_, outcome| *offered.lock().expect("no panic before") += outcome.flows[0].offered,
    );
    assert_eq!(finished, Ok(Finished::Complete));
    assert_eq!(REQUESTS.load(Ordering::Relaxed), *offered.lock().expect("no panic before"));
    assert!(INTERVALS.load(Ordering::Relaxed) >= 2 * 10, "ten intervals of ten seconds in each");
}

#[test]
fn a_stopped_run_hands_out_what_is_whole() {
    let mut scenario = queue();
    scenario.run.replications = 100_000;
    let stop = AtomicBool::new(false);
    let mut seen = Vec::new();
    let finished = experiment::run(
        &[scenario],
        &Options { jobs: 2, requests_log: RequestLog::None },
        &stop,
        &Silent,
        &|_, _, _| Box::new(NoSink),
        &mut |_, outcome| {
            seen.push(outcome.replication);
            stop.store(true, Ordering::Relaxed);
        },
    );
    assert_eq!(finished, Ok(Finished::Interrupted));
    assert_eq!(seen, (0..seen.len() as u32).collect::<Vec<_>>());
    assert!(!seen.is_empty() && seen.len() < 1_000);
}
