//! Runs whose every moment can be worked out by hand.

use super::support::{output, results, scratch, stdout, table, write};
use super::{CLOCK_RUN, PLAIN_RUN, RICH_RUN, requests};

const TRACE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: hand}
spec:
  run: {requests: 4, warmup: 0%, replications: 1, seed: 1, interval: 10ms}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 1, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: 1}, serviceTime: 10ms}}
  traffic:
    - {name: t, from: generator, to: http://web/, connections: {mode: perRequest}, arrivals: {trace: {file: trace.csv}}}
";

/// The first is served at once, the second waits 6 ms, the third finds the queue full, the fourth comes when the second
/// has begun and waits for its end.
#[test]
fn four_requests_at_one_pod() {
    let scratch = scratch();
    write(scratch.path(), "trace.csv", "arrival_s\n0\n0.004\n0.008\n0.012\n");
    let path = results(scratch.path(), TRACE, "out", &["--requests", "all"]);
    let mut log = requests(&path);
    log.sort_by_key(|request| request.number);
    let seen: Vec<_> = log
        .iter()
        .map(|r| (r.number, r.arrived, r.outcome.as_str(), r.latency, r.cause("queue_wait"), r.cause("service")))
        .collect();
    let ms = 1_000_000;
    assert_eq!(
        seen,
        [
            (0, 0, "succeeded", 10 * ms, 0, 10 * ms),
            (1, 4 * ms, "succeeded", 16 * ms, 6 * ms, 10 * ms),
            (2, 8 * ms, "queue_full", 0, 0, 0),
            (3, 12 * ms, "succeeded", 18 * ms, 8 * ms, 10 * ms),
        ]
    );
    let endpoints = table(&path, "endpoints.csv");
    let columns = ["requests", "share", "connections", "errors", "utilization", "queue_mean", "queue_max", "picks"];
    // The window is [0, 12 ms]: busy all the time; one waits from 4 to 10 ms.
    assert_eq!(columns.map(|column| endpoints[0][column].as_str()), ["4", "1", "4", "1", "1", "0.5", "1", "4"]);
    let place = ["pod", "node", "zone", "latency_p50_ms", "latency_p99_ms"];
    assert_eq!(place.map(|column| endpoints[0][column].as_str()), ["web-0", "node-1", "z1", "", ""]);
    let runs = table(&path, "runs.csv");
    let columns = ["offered", "succeeded", "failed", "throughput_rps", "goodput_rps", "latency_mean_ms"];
    let text = columns.map(|column| runs[0][column].as_str());
    assert_eq!(text, ["4", "3", "1", "333.333333", "250", "14.6666667"]);
    // One replication has no interval.
    let summary = table(&path, "summary.csv");
    let offered = summary.iter().find(|row| row["metric"] == "offered").expect("a row");
    assert_eq!(["mean", "ci95_low", "ci95_high", "replications"].map(|c| offered[c].as_str()), ["4", "", "", "1"]);
    let timeline = table(&path, "timeline.csv");
    let columns = ["t_s", "offered", "succeeded", "failed", "in_flight"];
    assert_eq!(columns.map(|column| timeline[0][column].as_str()), ["0", "3", "0", "1", "2"]);
    assert_eq!(columns.map(|column| timeline[1][column].as_str()), ["0.01", "1", "1", "0", "2"]);
}

/// Every hop, handshake, wait and wasted try of a request through a proxy, to the nanosecond.
#[test]
fn one_request_hop_by_hop() {
    let scratch = scratch();
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: hops}
spec:
  run: {requests: 2, warmup: 0%, replications: 1, seed: 1}
  cluster:
    nodes: [{name: a, zone: z1}]
    network: {sameNode: 1ms, sameZone: 10ms, crossZone: 100ms}
  workloads:
    - target: deployment/web
      inline: {replicas: 1, port: 80}
      containers: {app: {concurrency: 1, serviceTime: 20ms}}
  proxies:
    - {name: edge, layer: 7, instances: 1, endpoints: service/web, balancer: {policy: random}, overhead: {before: 2ms, after: 3ms},
       connections: {protocol: http2}}
  traffic:
    - name: t
      from: {node: a}
      to: http://web/
      through: edge
      connections: {protocol: http2}
      arrivals: {constant: {rate: 1/s}}
      retries: {attempts: 2, perTry: 5ms, on: [timeout], backoff: {base: 4ms, max: 4ms}, jitter: none}
";
    let path = results(scratch.path(), scenario, "out", &["--requests", "all"]);
    let ms = 1_000_000;
    // Both tries take 1 + 2 + 1 + 20 + 1 + 3 + 1 = 29 ms and are given up after 5: 5 wasted, 4 back-off, 5 wasted.
    for request in requests(&path) {
        assert_eq!((request.outcome.as_str(), request.attempts, request.latency), ("deadline_exceeded", 2, 14 * ms));
    }
    let patient = scenario.replace("perTry: 5ms", "perTry: 28ms, budget: 1000%");
    let path = results(scratch.path(), &patient, "patient", &["--requests", "all"]);
    for request in requests(&path) {
        assert_eq!((request.outcome.as_str(), request.attempts, request.latency), ("deadline_exceeded", 2, 60 * ms));
    }
    let unhurried = scenario.replace("perTry: 5ms", "perTry: 29ms");
    let path = results(scratch.path(), &unhurried, "unhurried", &["--requests", "all"]);
    for request in requests(&path) {
        // A reply at the deadline succeeds.
        assert_eq!((request.outcome.as_str(), request.attempts, request.latency), ("succeeded", 1, 29 * ms));
        assert_eq!(request.cause("network_same_node"), 4 * ms);
        assert_eq!(request.cause("proxy"), 5 * ms);
        assert_eq!(request.cause("service"), 20 * ms);
        assert_eq!(request.cause("connect"), 0, "connections of HTTP/2 are open before the run");
        assert_eq!([request.service, request.pod, request.node], ["web", "web-0", "a"]);
    }
}

/// A try that came to nothing and the back-off stand in the ledger of the request that succeeds afterwards.
#[test]
fn a_second_try_that_succeeds() {
    let scratch = scratch();
    write(scratch.path(), "trace.csv", "arrival_s\n0\n0.004\n");
    let scenario =
        TRACE.replace("requests: 4", "requests: 2").replace("queue: {limit: 1}", "queue: {limit: 0}").replace(
            "{file: trace.csv}}",
            "{file: trace.csv}}, retries: {attempts: 3, on: [queue_full], backoff: {base: 3ms, max: 1s}, jitter: none}",
        );
    let path = results(scratch.path(), &scenario, "out", &["--requests", "all"]);
    let ms = 1_000_000;
    let log = requests(&path);
    let second = log.iter().find(|request| request.number == 1).expect("two requests");
    // Refused at 4 ms, again at 7 ms (base), served at 13 ms (twice the base).
    assert_eq!((second.outcome.as_str(), second.attempts, second.latency), ("succeeded", 3, 19 * ms));
    assert_eq!((second.cause("back_off"), second.cause("service")), (9 * ms, 10 * ms));
    let errors = table(&path, "errors.csv");
    let columns = ["traffic", "cause", "where", "count", "attempts"];
    assert_eq!(columns.map(|column| errors[0][column].as_str()), ["t", "queue_full", "deployment/web", "0", "2"]);
}

/// The tries of a request that is still open when the run ends are counted like those of one that has ended.
#[test]
fn the_retries_of_open_requests_are_counted() {
    let scratch = scratch();
    write(scratch.path(), "trace.csv", "arrival_s\n0\n");
    let scenario = TRACE
        .replace("requests: 4", "duration: 10ms, drain: 0s")
        .replace("queue: {limit: 1}, serviceTime: 10ms", "serviceTime: 100ms")
        .replace("{file: trace.csv}}", "{file: trace.csv}}, retries: {attempts: unlimited, perTry: 4ms}");
    let path = results(scratch.path(), &scenario, "out", &["--requests", "all"]);
    let log = requests(&path);
    assert_eq!((log[0].outcome.as_str(), log[0].attempts), ("in_flight", 3));
    let columns = ["offered", "in_flight", "retries"];
    assert_eq!(columns.map(|column| table(&path, "runs.csv")[0][column].clone()), ["1", "1", "2"]);
    assert_eq!(table(&path, "errors.csv")[0]["attempts"], "2");
}

/// A proxy's standing connections are its own: they count once, however many traffics pass.
#[test]
fn traffics_share_the_standing_connections_of_a_proxy() {
    let scratch = scratch();
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: shared}
spec:
  run: {duration: 1s, warmup: 0%, replications: 1}
  workloads:
    - {target: deployment/web, inline: {replicas: 2}}
  proxies:
    - {name: edge, instances: 3, workers: 2, endpoints: service/web, connections: {protocol: http2}}
  traffic:
    - {name: one, to: http://web/, through: edge, arrivals: {constant: {rate: 10/s}}}
    - {name: two, to: http://web/, through: edge, arrivals: {constant: {rate: 10/s}}}
";
    let path = results(scratch.path(), scenario, "out", &[]);
    let connections: Vec<_> = table(&path, "endpoints.csv").into_iter().map(|row| row["connections"].clone()).collect();
    assert_eq!(connections, ["6", "6"]);
}

/// A traced service time stands for the first work of a request, and only for that, even if it is nothing.
#[test]
fn a_trace_gives_the_first_work_only() {
    let scratch = scratch();
    write(scratch.path(), "trace.csv", "arrival_s,service_s\n0,0\n1,0.003\n");
    let scenario = TRACE
        .replace("requests: 4", "requests: 2")
        .replace("serviceTime: 10ms", "steps: [{work: 10ms}, {work: 7ms}, {work: 4ms}]");
    let log = requests(&results(scratch.path(), &scenario, "out", &["--requests", "all"]));
    assert_eq!(log.iter().map(|request| request.latency).collect::<Vec<_>>(), [11_000_000, 14_000_000]);
}

/// A call that its caller's cancellation withdraws has had tries like any other: they are counted, the last one too.
#[test]
fn the_tries_of_a_withdrawn_call_are_counted() {
    let scratch = scratch();
    write(scratch.path(), "trace.csv", "arrival_s\n0\n");
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: withdrawn}
spec:
  run: {requests: 1, warmup: 0%, replications: 1}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 1}
      containers:
        app: {steps: [{call: \"http://db/\", name: db, retries: {attempts: 9, perTry: 4ms, on: [timeout], backoff: BACKOFF}}]}
    - {target: deployment/db, inline: {replicas: 1}, containers: {app: {serviceTime: 20ms}}}
  traffic:
    - {name: t, to: http://web/, arrivals: {trace: {file: trace.csv}}, timeout: 10ms, cancellation: propagated}
  objectives: [call/db.attempts.mean < 9]
";
    // Tries at 0, 4 and 8 ms, the third is under way when the caller is cancelled; or at 0 and 5.5, and back-off from 9.5 on.
    for (backoff, retries, tries_here) in [("none", "2", "1"), ("{base: 1500us, max: 1500us}, jitter: none", "1", "0")]
    {
        let path = results(scratch.path(), &scenario.replace("BACKOFF", backoff), retries, &[]);
        let runs = table(&path, "runs.csv");
        let columns = ["traffic", "offered", "failed", "retries"];
        assert_eq!(columns.map(|column| runs[1][column].as_str()), ["call/db", "1", "1", retries]);
        let errors = table(&path, "errors.csv");
        let of_call = errors.iter().filter(|row| row["traffic"] == "call/db");
        let columns = ["cause", "where", "count", "attempts"];
        let seen: Vec<_> = of_call.map(|row| columns.map(|column| row[column].as_str())).collect();
        let cause = "deadline_exceeded";
        assert_eq!(seen, [[cause, "db", "1", tries_here], [cause, "deployment/db", "0", "2"]]);
        let summary = output(scratch.path(), &["run", "scenario.yaml", "-o", "again", "-q", "--format", "json"]);
        let summary: serde_json::Value = serde_json::from_str(&stdout(&summary)).expect("JSON");
        let value = &summary["variants"][0]["objectives"][0]["value"]["mean"];
        assert_eq!(value.as_f64().map(|mean| (mean - 1.0).to_string()).as_deref(), Some(retries));
    }
}

#[test]
fn ledgers_add_up_to_the_nanosecond() {
    for fixture in [&RICH_RUN, &CLOCK_RUN, &PLAIN_RUN] {
        for request in fixture.requests.iter().filter(|request| request.succeeded()) {
            let total: u64 = request.ledger.iter().map(|(_, nanos)| nanos).sum();
            assert_eq!(total, request.latency, "{request:?}");
        }
    }
}

/// The ledger of a request that failed adds up as well.
#[test]
fn ledgers_of_failed_requests_add_up() {
    let failed = RICH_RUN.requests.iter().chain(&CLOCK_RUN.requests).filter(|request| !request.succeeded());
    let mut seen = 0;
    for request in failed {
        let total: u64 = request.ledger.iter().map(|(_, nanos)| nanos).sum();
        assert_eq!(total, request.latency, "{request:?}");
        seen += 1;
    }
    assert!(seen > 100, "{seen} failures are too few to test anything");
}

#[test]
fn the_log_names_each_request_once() {
    let mut seen = std::collections::BTreeSet::new();
    for request in &RICH_RUN.requests {
        let key = (&request.variant, &request.replication, &request.traffic, request.number);
        assert!(seen.insert(key), "{request:?} is there twice");
        assert!((1..=3).contains(&request.attempts), "{request:?}");
        assert!(request.client < if request.traffic == "browse" { 1 } else { 5 }, "{request:?}");
        if request.attempts == 1 && request.succeeded() {
            assert_eq!((request.cause("back_off"), request.cause("wasted_attempts")), (0, 0), "{request:?}");
        }
        if request.traffic == "browse" && request.succeeded() {
            assert_eq!(request.cause("proxy"), 250_000, "{request:?}");
            assert!(request.latency <= 100_000_000, "{request:?}");
        }
    }
    // Clients are drawn by Zipf's law with exponent 1.1: the first of five sends 1 / Σ k^-1.1 = 46.4 %.
    let direct = RICH_RUN.requests.iter().filter(|request| request.traffic == "direct");
    let share = direct.clone().filter(|request| request.client == 0).count() as f64 / direct.count() as f64;
    let weights: f64 = (1..=5).map(|k| f64::from(k).powf(-1.1)).sum();
    assert!((share - 1.0 / weights).abs() < 0.02, "{share}");
}
