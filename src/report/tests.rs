//! Every column of every file, for outcomes made by hand, against values computed by other means.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::directory::{Directory, sha256};
use super::{Arrival, Description, ResultFiles, RowStore, Summary, json, markdown, summary_csv, terminal};
use crate::cause::{FailureCause, LedgerCause};
use crate::observe::outcome::{
    Attribution, ClusterEvent, EndpointLabel, EndpointOutcome, ErrorCount, FlowLabel, FlowOutcome, Labels, MetricValue,
    RequestRow, RunOutcome, TimelineRow,
};
use crate::random::Dist;
use crate::scenario::metric::{Across, Metric, Quantity, Scope, Statistic};
use crate::scenario::network_policy::NetworkPolicies;
use crate::scenario::{Cluster, Comparison, Kernel, KubeProxy, Network, Objective, Observe, Run, Scenario, Window};
use crate::stats::{Histogram, Moments, Sample, coarse_bucket};
use crate::time::{SimDuration, SimTime};

const MICROSECOND: u64 = 1_000;

fn scenario() -> Scenario {
    let second = SimDuration::from_secs(1);
    let metric = Metric {
        scope: Scope::Traffic(0),
        quantity: Quantity::Latency,
        statistic: Statistic::Mean,
        across: Across::Mean,
    };
    let objective = |text: &str, threshold| Objective {
        text: text.to_owned(),
        metric: metric.clone(),
        comparison: Comparison::Less,
        threshold,
    };
    Scenario {
        name: "shop".to_owned(),
        variant: "base, first".to_owned(),
        run: Run {
            window: Window::Time { duration: SimDuration::from_secs(11), warmup: second },
            replications: 2,
            until: None,
            seed: 7,
            drain: second,
            interval: second,
        },
        cluster: Cluster {
            node_grace: second,
            nodes: Vec::new(),
            network: Network {
                loopback: Dist::zero(),
                same_node: Dist::zero(),
                same_zone: Dist::zero(),
                cross_zone: Dist::zero(),
                external: Dist::zero(),
            },
            kube_proxy: KubeProxy::default(),
            load_balancers: crate::scenario::outside::LoadBalancers::default(),
            nat: crate::scenario::outside::Nat::default(),
            dns: None,
            pods: crate::scenario::pod_life::PodTimes::usual(),
            lives: false,
            propagation: crate::scenario::propagation::Propagation::usual(),
            kubernetes: crate::scenario::kubernetes::Kubernetes::USUAL,
            kernel: Kernel::USUAL,
            cpu: crate::scenario::process::CpuRules::USUAL,
            autoscaling: crate::scenario::autoscaling::Autoscaling::default(),
        },
        workloads: Vec::new(),
        services: Vec::new(),
        network_policies: NetworkPolicies::default(),
        budgets: Vec::new(),
        proxies: Vec::new(),
        traffic: Vec::new(),
        timeline: Vec::new(),
        faults: Vec::new(),
        objectives: vec![
            objective("browse.latency.mean < 6ms", 0.006),
            objective("browse.latency.mean < 4ms", 0.004),
            objective("browse.latency.mean < 5ms", 0.005),
        ],
        expect: Vec::new(),
        observe: Observe::default(),
        metrics: Vec::new(),
        without: crate::scenario::Without::default(),
    }
}

fn labels() -> Labels {
    let web = "deployment/web".to_owned();
    let flow = |name: &str| FlowLabel {
        name: name.to_owned(),
        is_traffic: !name.starts_with("call/"),
        ledger: vec![(LedgerCause::QueueWait, web.clone()), (LedgerCause::Service, web.clone())],
    };
    let endpoint = |service, pod: &str, node: &str, zone: &str| EndpointLabel {
        service,
        pod: pod.to_owned(),
        node: node.to_owned(),
        zone: zone.to_owned(),
        address: std::net::Ipv4Addr::new(10, 244, service as u8, pod.as_bytes()[pod.len() - 1] - b'0' + 2),
    };
    Labels {
        flows: vec![flow("browse"), flow("call/cart")],
        services: vec!["web".to_owned(), "idle".to_owned()],
        asked: vec![true, true],
        endpoints: vec![
            endpoint(0, "web-0", "a-1", "z1"),
            endpoint(0, "web-1", "b-1", "z2"),
            endpoint(0, "web-2", "b-2", "z2"),
            endpoint(1, "idle-0", "a-1", "z1"),
        ],
        dns: Vec::new(),
    }
}

/// Latencies of 1, 2, … `count` µs, of which all but half a µs each is waiting.
fn flow(count: u64, offered: u64, failed: u64) -> FlowOutcome {
    let mut latency = Sample::new();
    let mut moments = Moments::new();
    let first_bucket = coarse_bucket(MICROSECOND);
    let rows = coarse_bucket(count * MICROSECOND) - first_bucket + 1;
    let mut attribution = Attribution { columns: 2, first_bucket, counts: vec![0; rows], sums: vec![0; rows * 2] };
    for micros in 1..=count {
        let nanos = micros * MICROSECOND;
        latency.record(nanos);
        moments.push(nanos as f64 / 1e9);
        let row = coarse_bucket(nanos) - first_bucket;
        attribution.counts[row] += 1;
        attribution.sums[row * 2] += nanos - 500;
        attribution.sums[row * 2 + 1] += 500;
    }
    FlowOutcome {
        offered,
        succeeded: count,
        failed,
        in_flight: offered - count - failed,
        retries: 77,
        latency,
        latency_moments: moments,
        errors: vec![ErrorCount {
            cause: FailureCause::QueueFull,
            place: "deployment/web".to_owned(),
            late: "kube-proxy/n-1".to_owned(),
            count: failed,
            attempts: failed + 5,
        }],
        attribution,
        in_flight_halves: (1.0, 1.0),
    }
}

fn endpoint(requests: u64, latencies: u64) -> EndpointOutcome {
    let mut latency = Histogram::with_bits(5);
    latency.record_n(4_000_000, latencies);
    EndpointOutcome {
        requests,
        connections: requests / 10,
        picks: requests,
        picks_of_connections: 0,
        errors: 2,
        utilization: (requests > 0).then_some(0.25),
        queue_mean: 0.5,
        queue_max: 6,
        ready_throughout: true,
        latency: (latencies > 0).then_some(latency),
    }
}

fn outcome(replication: u32) -> RunOutcome {
    let seconds = |s: u64| SimTime::ZERO + SimDuration::from_secs(s);
    RunOutcome {
        variant: 0,
        replication,
        window: (seconds(1), seconds(11)),
        ended: seconds(12),
        events: 1_000,
        flows: vec![flow(10_000, 10_050 + 10 * u64::from(replication), 40), flow(19, 19, 0)],
        endpoints: vec![endpoint(10, 1_000), endpoint(20, 20), endpoint(30, 19), endpoint(0, 0)],
        dns: Vec::new(),
        connections: Vec::new(),
        nodes: Vec::new(),
        new_endpoints: Vec::new(),
        cluster_events: vec![ClusterEvent {
            at: SimTime::from_nanos(1_500_000_001),
            kind: "ready",
            object: "pod/web-0".to_owned(),
            detail: "said \"yes\", twice".to_owned(),
        }],
        rollouts: Vec::new(),
        scaling: Vec::new(),
        metrics: vec![MetricValue::Number(0.00499 + 0.00002 * f64::from(replication)); 3],
        surveys: Vec::new(),
        stories: Vec::new(),
    }
}

fn write_rows(rows: &RowStore, replication: u32) {
    let mut sink = rows.sink(0, replication, &labels());
    sink.timeline(&TimelineRow {
        flow: 0,
        at: SimTime::from_nanos(2_500_000_000),
        offered: 9,
        succeeded: 7,
        failed: 1,
        latency_p50: Some(SimDuration::from_nanos(1_250_000)),
        latency_p99: None,
        in_flight: 3,
        ready_pods: 4,
        levels: crate::observe::levels::Levels { starting: 1, terminating: 2, desired: 6, nodes: 3, cpu: Some(1.5) },
    });
    let labels = labels();
    let request = RequestRow {
        flow: 0,
        request: 12,
        client: 5,
        arrived: SimTime::from_nanos(1_000_000_500),
        endpoint: Some(&labels.endpoints[1]),
        attempts: 2,
        failure: None,
        censored: false,
        latency: SimDuration::from_nanos(3_000_001),
        ledger: &[1_000_001, 2_000_000],
    };
    sink.request(&request);
    sink.request(&RequestRow { failure: Some(FailureCause::Refused), endpoint: None, ..request.clone() });
    sink.request(&RequestRow { censored: true, ..request });
}

/// Writes both replications.
fn write(path: &Path) -> Summary {
    let variants = [scenario()];
    let directory = Directory::open(path, "shop", false).expect("the directory is empty");
    let rows = RowStore::new(directory.rows_directory(), "shop", vec![variants[0].variant.clone()], true)
        .expect("temporary files can be written");
    let description = Description {
        scenario: "shop".to_owned(),
        question: Some("Which?".to_owned()),
        resolved: "kind: Scenario\n".to_owned(),
    };
    let mut files =
        ResultFiles::create(directory, description, &variants, true, Arrival::InOrder).expect("files can be written");
    // Jobs may write their rows in any order.
    for replication in [1, 0] {
        write_rows(&rows, replication);
    }
    for replication in [0, 1] {
        files.add(&labels(), &outcome(replication), &rows).expect("files can be written");
    }
    files.finish(false, json!({"jobs": 2})).expect("files can be written")
}

/// What both replications say.
pub(super) fn summary(path: &Path) -> Summary {
    write(path)
}

fn read(path: &Path, file: &str) -> String {
    fs::read_to_string(path.join(file)).expect("the file was written")
}

fn assert_lines(text: &str, expected: &[&str]) {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines, expected);
}

#[test]
fn runs_have_every_column() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    // Nearest ranks of 1…10,000 µs; the mean is 5,000.5 µs; 40 of 10,040 failed; the window is 10 s. Nineteen samples
    // are too few for any quantile.
    assert_lines(
        &read(directory.path(), "runs.csv"),
        &[
            "scenario,variant,replication,seed,traffic,offered,succeeded,failed,in_flight,censored,retries,\
             throughput_rps,goodput_rps,error_ratio,latency_mean_ms,latency_p50_ms,latency_p90_ms,latency_p95_ms,\
             latency_p99_ms,latency_p999_ms,latency_max_ms",
            "shop,\"base, first\",0,7,browse,10050,10000,40,10,1,77,1004,1000,0.00398406375,5.0005,5,9,9.5,9.9,9.99,10",
            "shop,\"base, first\",0,7,call/cart,19,19,0,0,0,77,1.9,1.9,0,0.01,,,,,,0.019",
            "shop,\"base, first\",1,7,browse,10060,10000,40,20,1,77,1004,1000,0.00398406375,5.0005,5,9,9.5,9.9,9.99,10",
            "shop,\"base, first\",1,7,call/cart,19,19,0,0,0,77,1.9,1.9,0,0.01,,,,,,0.019",
        ],
    );
}

#[test]
fn the_summary_has_every_metric_with_its_interval() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let summary = write(directory.path());
    let text = read(directory.path(), "summary.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "scenario,variant,traffic,metric,mean,ci95_low,ci95_high,replications");
    assert_eq!(lines.len(), 1 + 2 * super::METRICS.len());
    // Two values 10 apart: half the interval is t(0.975, 1) = 12.7062047 times 5.
    assert_eq!(lines[1], "shop,\"base, first\",browse,offered,10055,9991.46898,10118.531,2");
    assert_eq!(lines[16], "shop,\"base, first\",browse,latency_max_ms,10,10,10,2");
    assert_eq!(lines[27], "shop,\"base, first\",call/cart,latency_p50_ms,,,,0");
    assert_eq!(summary_csv("shop", &summary.variants, true).expect("memory can be written"), text);
}

#[test]
fn endpoints_and_balance_have_every_column() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    let endpoints = read(directory.path(), "endpoints.csv");
    assert_lines(
        &endpoints.lines().take(5).collect::<Vec<_>>().join("\n"),
        &[
            "scenario,variant,replication,service,pod,node,zone,requests,share,connections,errors,utilization,\
             queue_mean,queue_max,latency_p50_ms,latency_p99_ms,picks,address",
            "shop,\"base, first\",0,web,web-0,a-1,z1,10,0.166666667,1,2,0.25,0.5,6,4,4,10,10.244.0.2",
            "shop,\"base, first\",0,web,web-1,b-1,z2,20,0.333333333,2,2,0.25,0.5,6,4,,20,10.244.0.3",
            "shop,\"base, first\",0,web,web-2,b-2,z2,30,0.5,3,2,0.25,0.5,6,,,30,10.244.0.4",
            "shop,\"base, first\",0,idle,idle-0,a-1,z1,0,,0,2,,0.5,6,,,0,10.244.1.2",
        ],
    );
    assert_eq!(endpoints.lines().count(), 1 + 2 * 4);
    // Of 10, 20, 30: max/mean 3/2; cv sqrt(200/3)/20; (60²)/(3·1400) = 6/7; mean difference 80/9 over twice the mean;
    // chi-square 10 with 2 degrees of freedom has p = exp(-5).
    let balance = read(directory.path(), "balance.csv");
    assert_lines(
        &balance.lines().take(3).collect::<Vec<_>>().join("\n"),
        &[
            "scenario,variant,replication,service,endpoints,max_over_mean,cv,jain,gini,chi_square_p",
            "shop,\"base, first\",0,web,3,1.5,0.40824829,0.857142857,0.222222222,0.006737947",
            "shop,\"base, first\",0,idle,1,,,,,",
        ],
    );
}

#[test]
fn the_histogram_holds_every_latency_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    let text = read(directory.path(), "histogram.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("scenario,variant,traffic,lower_ms,upper_ms,count,cumulative"));
    let mut cumulative = 0;
    for line in lines.filter(|line| line.contains(",browse,")) {
        let fields: Vec<&str> = line.rsplit(',').collect();
        let number = |index: usize| fields[index].parse::<f64>().expect("a number");
        // Whole microseconds in [lower, upper), in both replications.
        let (lower, upper) = (number(3) * 1e3, number(2) * 1e3);
        let inside =
            (1..=10_000).filter(|&micros| f64::from(micros) > lower - 1e-9 && f64::from(micros) < upper - 1e-9);
        let count = 2 * inside.count() as u64;
        cumulative += count;
        assert_eq!((number(1) as u64, number(0) as u64), (count, cumulative), "{line}");
    }
    assert_eq!(cumulative, 20_000);
}

#[test]
fn errors_and_events_have_every_column() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    assert_lines(
        &read(directory.path(), "errors.csv").lines().take(3).collect::<Vec<_>>().join("\n"),
        &[
            "scenario,variant,replication,traffic,cause,where,count,attempts,late",
            "shop,\"base, first\",0,browse,queue_full,deployment/web,40,45,kube-proxy/n-1",
            "shop,\"base, first\",0,call/cart,queue_full,deployment/web,0,5,kube-proxy/n-1",
        ],
    );
    assert_lines(
        &read(directory.path(), "events.csv"),
        &[
            "scenario,variant,replication,t_s,kind,object,detail",
            "shop,\"base, first\",0,1.500000001,ready,pod/web-0,\"said \"\"yes\"\", twice\"",
            "shop,\"base, first\",1,1.500000001,ready,pod/web-0,\"said \"\"yes\"\", twice\"",
        ],
    );
}

#[test]
fn attribution_adds_up_to_the_mean_latency() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    let text = read(directory.path(), "attribution.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "scenario,variant,traffic,band,cause,where,mean_ms,share");
    assert_eq!(lines[1], "shop,\"base, first\",browse,all,queue_wait,deployment/web,5,0.99990001");
    assert_eq!(lines[2], "shop,\"base, first\",browse,all,service,deployment/web,0.0005,0.000099990001");
    // A call's time stands in the ledger of the traffic that caused it, not in rows of its own.
    assert_eq!(lines.len(), 1 + 5 * 2);
    assert!(!text.contains("call/cart"));
    for (band, mean) in [("p50", 5.0), ("p90", 9.5), ("p99", 9.95), ("p999", 9.995)] {
        let means = lines.iter().filter(|line| line.contains(&format!(",browse,{band},")));
        let total: f64 =
            means.map(|line| line.rsplit(',').nth(1).and_then(|f| f.parse::<f64>().ok()).expect("a number")).sum();
        assert!((total / mean - 1.0).abs() < 0.02, "{band}: {total}");
    }
}

#[test]
fn streamed_rows_are_joined_in_job_order() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    assert_lines(
        &read(directory.path(), "timeline.csv"),
        &[
            "scenario,variant,replication,traffic,t_s,offered,succeeded,failed,latency_p50_ms,latency_p99_ms,in_flight,\
             ready_pods,starting_pods,terminating_pods,desired_pods,nodes,cpu_cores",
            "shop,\"base, first\",0,browse,2.5,9,7,1,1.25,,3,4,1,2,6,3,1.5",
            "shop,\"base, first\",1,browse,2.5,9,7,1,1.25,,3,4,1,2,6,3,1.5",
        ],
    );
    let text = read(directory.path(), "requests.csv");
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let header = rows.headers().expect("a header").clone();
    assert_eq!(
        header.iter().take(13).collect::<Vec<_>>().join(","),
        "scenario,variant,replication,traffic,request,client,arrived_s,service,pod,node,attempts,outcome,latency_ms"
    );
    assert_eq!(header.len(), 13 + LedgerCause::ALL.len());
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 6);
    let field = |row: usize, name: &str| {
        let column = header.iter().position(|column| column == name).expect("a known column");
        rows[row][column].to_owned()
    };
    assert_eq!(
        rows[0].iter().take(13).collect::<Vec<_>>().join("|"),
        "shop|base, first|0|browse|12|5|1.0000005|web|web-1|b-1|2|succeeded|3.000001"
    );
    for cause in LedgerCause::ALL {
        let expected = match cause {
            LedgerCause::QueueWait => "1.000001",
            LedgerCause::Service => "2",
            _ => "0",
        };
        assert_eq!(field(0, &format!("{cause}_ms")), expected, "{cause}");
    }
    assert_eq!((field(1, "outcome").as_str(), field(1, "pod").as_str()), ("refused", ""));
    assert_eq!((field(2, "outcome").as_str(), field(3, "replication").as_str()), ("in_flight", "1"));
}

#[test]
fn run_json_names_every_file_with_its_digest() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path());
    let run: Value = serde_json::from_str(&read(directory.path(), "run.json")).expect("JSON");
    assert_eq!(run["windtunnel"], env!("CARGO_PKG_VERSION"));
    assert_eq!(run["scenario"], "shop");
    assert_eq!(run["partial"], false);
    assert_eq!(run["scenario_sha256"], sha256(b"kind: Scenario\n"));
    assert_eq!(
        run["variants"],
        json!([{"name": "base, first", "seed": 7, "replications": 2, "finished": 2, "requests": 20_110, "events": 2_000}])
    );
    assert_eq!(run["volatile"], json!({"jobs": 2}));
    let files = run["files"].as_object().expect("an object");
    assert_eq!(files.len(), 11);
    for (name, entry) in files {
        let text = read(directory.path(), name);
        assert_eq!(*entry, json!({"bytes": text.len(), "sha256": sha256(text.as_bytes())}), "{name}");
    }
    let mut present: Vec<String> = fs::read_dir(directory.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    present.sort();
    let mut expected: Vec<String> = files.keys().cloned().chain(["run.json".to_owned()]).collect();
    expected.sort();
    assert_eq!(present, expected, "nothing temporary stays behind");
}

#[test]
fn the_terminal_says_what_the_files_say() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let summary = write(directory.path());
    let text = terminal::render(&summary, terminal::Style { width: 80, color: false });
    for expected in [
        "shop: Which?",
        "variant base, first · 2 replications, seed 7",
        "10,055",
        "9,991 … 10,119",
        "100 % waiting in the queue of deployment/web",
        "p99.9      9.986 ████",
        "queue_full   deployment/web         80         90",
        "web-2   50.00 %",
        "✓ met browse.latency.mean < 6ms: 5 ms (4.873 … 5.127)",
        "✗ missed browse.latency.mean < 4ms",
        "? undecided browse.latency.mean < 5ms",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(!summary.objectives_met());
    let colored = terminal::render(&summary, terminal::Style { width: 80, color: true });
    assert!(colored.contains("\u{1b}[1;31m✗ missed\u{1b}[0m"));
}

#[test]
fn markdown_and_json_say_the_same() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let summary = write(directory.path());
    let text = markdown::render(&summary);
    for expected in [
        "## base, first (2 replications)",
        "| offered | 10,055 | 9,991 … 10,119 |",
        "| queue_full | deployment/web | 80 | 90 |",
        "| call/cart | 19 | 1.9 | 0 | 0.01 | – | – |",
        "| pod of web | share | busy |",
        "| browse.latency.mean \\< 6ms | met | 5 ms (4.873 … 5.127) |  |",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    let document = json::document(&summary);
    assert_eq!(document["variants"][0]["traffic"][0]["metrics"]["offered"]["mean"], 10_055.0);
    assert_eq!(document["variants"][0]["traffic"][1]["metrics"]["latency_p50_ms"], Value::Null);
}

#[test]
fn saturation_and_interruption_are_said_aloud() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut summary = write(directory.path());
    let style = terminal::Style { width: 100, color: false };
    let calm = terminal::render(&summary, style);
    assert!(!calm.contains("SATURATED") && !calm.contains("interrupted"));
    summary.partial = true;
    summary.variants[0].flows[0].saturated = true;
    let text = terminal::render(&summary, style);
    assert!(text.contains("traffic browse  SATURATED") && text.contains("interrupted: what follows"), "{text}");
    let text = markdown::render(&summary);
    assert!(text.contains("### browse **SATURATED**") && text.contains("**Interrupted**: over the"), "{text}");
}

#[test]
fn a_service_that_received_nothing_is_shown_where_something_was_to_come() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut summary = write(directory.path());
    let style = terminal::Style { width: 100, color: false };
    let idle = summary.variants[0].services[1].clone();
    assert!(idle.pods.iter().all(|pod| pod.share.is_none()) && idle.is_worth_a_word());
    assert!(terminal::render(&summary, style).contains("service idle · 1 pod\n  received nothing\n"));
    assert!(markdown::render(&summary).contains("pod of idle"));
    summary.variants[0].services[1].asked = false;
    assert!(!terminal::render(&summary, style).contains("idle"));
    assert!(!markdown::render(&summary).contains("idle"));
}

#[test]
fn many_pods_are_shown_by_three_of_them() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut summary = write(directory.path());
    let pods = &mut summary.variants[0].services[0].pods;
    let pod = pods[0].clone();
    pods.clear();
    // Shares in no order, between 1 and 21 in 231.
    for index in 0..21 {
        let share = f64::from((index * 8) % 21 + 1) / 231.0;
        pods.push(super::PodSummary { pod: format!("web-{index}"), share: Some(share), ..pod.clone() });
    }
    let text = terminal::render(&summary, terminal::Style { width: 100, color: false });
    for expected in
        ["service web · 21 pods", "least: web-0", "0.43 %", "median: web-17", "4.76 %", "most: web-13", "9.09 %"]
    {
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    assert!(!text.contains("web-5"));
}

#[test]
fn rows_that_cannot_be_written_stop_the_results() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let rows =
        RowStore::new(directory.path().join("rows"), "shop", vec!["base".to_owned()], false).expect("a directory");
    fs::remove_dir(directory.path().join("rows")).expect("nothing is in it yet");
    write_rows(&rows, 0);
    let variants = [scenario()];
    let output = Directory::open(&directory.path().join("out"), "shop", false).expect("a new directory");
    let description = Description { scenario: "shop".to_owned(), question: None, resolved: String::new() };
    let mut files =
        ResultFiles::create(output, description, &variants, false, Arrival::InOrder).expect("files can be written");
    let error = files.add(&labels(), &outcome(0), &rows).expect_err("the rows are lost");
    assert!(error.to_string().contains("timeline-0-0.tmp"), "{error}");
    drop(files);
    assert!(!directory.path().join("out").exists(), "no result is left behind");
}
