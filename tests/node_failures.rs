//! Nodes that fail: what is lost at once, when endpoints and pods follow, and what comes back.

mod support;

use std::path::Path;

use support::{Row, count, number, results, scratch, table};

/// Four pods of `web` on nodes `a-1`, `a-2` of one zone and `b-1`, `b-2` of another; rules are new at once.
fn scenario(run: &str, web: &str, traffic: &str, timeline: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: failures}}
spec:
  run: {{warmup: 0s, seed: 4, {run}}}
  cluster:
    nodes: [{{name: a, count: 2, zone: a}}, {{name: b, count: 2, zone: b}}]
    network: none
    pods: {{start: 2s}}
    propagation: {{kubeProxy: 0s}}
  workloads:
    - {{target: deployment/web, inline: {{replicas: 4}}, containers: {{app: {{concurrency: unlimited, {web}}}}}}}
  traffic:
    - {{name: t, to: \"http://web/\", arrivals: {{constant: {{rate: 100/s}}}}, {traffic}}}
  timeline: [{timeline}]
"
    )
}

const FAST: &str = "serviceTime: 1ms";
const EACH: &str = "timeout: 2s, connections: {keepAlive: false}";

/// Times of events of a kind in a replication, in seconds.
fn times(rows: &[Row], replication: usize, kind: &str) -> Vec<f64> {
    let own = rows.iter().filter(|row| row["kind"] == kind && row["replication"] == replication.to_string());
    own.filter_map(|row| number(row, "t_s")).collect()
}

/// Failures by cause in a replication.
fn failures(run: &Path, replication: usize, cause: &str) -> f64 {
    let rows = table(run, "errors.csv");
    let own = rows.iter().filter(|row| row["cause"] == cause && row["replication"] == replication.to_string());
    own.filter_map(|row| number(row, "count")).sum()
}

/// T5 of the worked examples: not ready 40 to 55 s after the crash, the taint at the next look, pods 300 s after that.
#[test]
fn a_node_that_crashes_is_a_hole_until_it_is_found_out() {
    let scratch = scratch();
    let text = scenario("duration: 480s, replications: 8", FAST, EACH, "{at: 100s, nodeCrash: a-1}");
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    let mut found_out = Vec::new();
    for replication in 0..8 {
        let unknown = times(&rows, replication, "node-not-ready")[0];
        assert!((140.0..=155.0).contains(&unknown), "{unknown}");
        let tainted = times(&rows, replication, "node-tainted")[0];
        assert!((tainted - unknown - 5.0).abs() < 1e-6);
        let evicted = times(&rows, replication, "pod-evicted");
        assert!(evicted.len() == 1 && (evicted[0] - tainted - 300.0).abs() < 1e-6, "{evicted:?}");
        assert_eq!(times(&rows, replication, "pod-created"), evicted, "its controller makes another at once");
        // Its kubelet never says that the pod has ended.
        assert!(times(&rows, replication, "pod-gone").is_empty());
        // A quarter of the connections meets nobody until then, and waits for its timeout.
        let (lost, expected) = (failures(&run, replication, "deadline_exceeded"), (unknown - 100.0) * 25.0);
        assert!((lost - expected).abs() < 5.0 * (expected * 0.75).sqrt(), "{lost} of {expected}");
        assert!(failures(&run, replication, "reset") + failures(&run, replication, "refused") < 0.5);
        found_out.push(unknown);
    }
    let spread = found_out.iter().fold(0.0_f64, |most, time| most.max((time - found_out[0]).abs()));
    assert!(spread > 2.0, "each replication has phases of its own: {found_out:?}");
}

#[test]
fn requests_in_a_machine_that_goes_off_wait_for_their_own_timeout() {
    let scratch = scratch();
    // Each takes a second, so 25 are in each pod; those end 5 s after they came.
    let slow = scenario(
        "duration: 30s, replications: 1",
        "serviceTime: 1s",
        "timeout: 5s, connections: {keepAlive: false}",
        "{at: 10s, nodeCrash: b-1}",
    );
    let run = results(scratch.path(), &slow, "out", &["--requests", "all"]);
    let rows = table(&run, "requests.csv");
    let before = |row: &&Row| row["outcome"] != "succeeded" && number(row, "arrived_s").is_some_and(|at| at < 10.0);
    let lost: Vec<&Row> = rows.iter().filter(before).collect();
    // 100 are under way, a quarter of them there: binomial.
    assert!((lost.len() as f64 - 25.0).abs() < 5.0 * 4.4, "{}", lost.len());
    for row in &lost {
        assert_eq!(row["outcome"], "deadline_exceeded", "{row:?}");
        assert!(number(row, "arrived_s").is_some_and(|at| at >= 9.0), "{row:?}");
    }
}

#[test]
fn without_a_timeout_the_kernel_gives_up_after_a_quarter_of_an_hour() {
    let scratch = scratch();
    let text = scenario(
        "duration: 1100s, replications: 1",
        "serviceTime: 1s",
        "connections: {keepAlive: false}",
        "{at: 10s, nodeCrash: a-1}",
    )
    .replace("rate: 100/s", "rate: 20/s");
    let run = results(scratch.path(), &text, "out", &["--requests", "all"]);
    let rows = table(&run, "requests.csv");
    let gone: Vec<&Row> = rows.iter().filter(|row| row["outcome"] == "pod_gone").collect();
    assert!((1..=14).contains(&gone.len()), "of 20 that were under way a quarter: {}", gone.len());
    for row in gone {
        let (arrived, latency) = (number(row, "arrived_s").unwrap(), number(row, "latency_ms").unwrap() / 1e3);
        assert!((arrived + latency - 934.6).abs() < 1e-6, "{row:?}");
    }
}

#[test]
fn a_reboot_within_the_grace_period_is_seen_by_nobody_but_clients() {
    let scratch = scratch();
    let text = scenario("duration: 100s, replications: 1", FAST, EACH, "{at: 20s, nodeReboot: a-1, for: 20s}");
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    let told: Vec<String> = rows
        .iter()
        .filter(|row| !matches!(row["kind"].as_str(), "endpoints" | "programmed"))
        .map(|row| format!("{} {} {} {}", row["t_s"], row["kind"], row["object"], row["detail"]).trim_end().to_owned())
        .collect();
    let expected = [
        "20 node-crashed node/a-1 for 20s",
        "40 node-back node/a-1",
        // The kubelet finds the processes gone, and starts them again in the same pod.
        "40 pod-not-ready pod/web-0",
        "42 pod-ready pod/web-0",
    ];
    assert_eq!(told, expected);
    let lost = failures(&run, 0, "deadline_exceeded") + failures(&run, 0, "refused");
    assert!((lost - 500.0).abs() < 5.0 * (500.0_f64 * 0.75).sqrt(), "a quarter of 20 s: {lost}");
    let ready = table(&run, "timeline.csv");
    assert_eq!((ready[60]["ready_pods"].as_str(), ready[40]["ready_pods"].as_str()), ("4", "3"));
}

#[test]
fn pods_of_a_stopped_kubelet_serve_on_but_get_nothing() {
    let scratch = scratch();
    let timeline = "{at: 20s, kubeletStop: a-1, for: 100s}, {at: 130s, scale: deployment/web, replicas: 3}";
    let text = scenario("duration: 200s, replications: 1", FAST, EACH, timeline);
    let run = results(scratch.path(), &text, "out", &["--requests", "all"]);
    let rows = table(&run, "events.csv");
    assert!(failures(&run, 0, "deadline_exceeded") + failures(&run, 0, "refused") + failures(&run, 0, "reset") < 0.5);
    let (gone, back) = (times(&rows, 0, "node-not-ready")[0], times(&rows, 0, "node-back")[0]);
    assert!((60.0..=75.0).contains(&gone) && (back - 120.0).abs() < 1e-9);
    assert!(times(&rows, 0, "node-ready")[0] - back <= 5.0);
    let of_pod = table(&run, "requests.csv");
    let served = of_pod.iter().filter(|row| row["pod"] == "web-0");
    let at: Vec<f64> = served.filter_map(|row| number(row, "arrived_s")).collect();
    assert!(at.iter().any(|at| *at > 20.0 && *at < gone), "until it is found out");
    assert!(!at.iter().any(|at| *at > gone && *at < back), "withdrawn meanwhile");
}

/// A pod that is deleted while its kubelet is away ends when that is back; a node that is cordoned takes no new ones.
#[test]
fn who_is_deleted_meanwhile_ends_later() {
    let scratch = scratch();
    let timeline = "{at: 20s, kubeletStop: a-1, for: 30s}, {at: 25s, deletePod: \"deployment/web[0]\"}, \
                    {at: 100s, nodeReboot: b-1, for: 10s}, {at: 105s, deletePod: \"deployment/web[1]\"}";
    let text = scenario("duration: 150s, replications: 1", FAST, EACH, timeline);
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    assert_eq!(times(&rows, 0, "pod-deleted"), [25.0, 105.0]);
    assert_eq!(times(&rows, 0, "pod-created"), [25.0, 105.0]);
    // The first is told to end at 50 s, and its network is gone a second later; the second had no process left.
    assert_eq!(times(&rows, 0, "pod-gone"), [51.0, 110.0]);
}

#[test]
fn a_zone_that_goes_off_is_emptied_at_ten_seconds_a_node() {
    let scratch = scratch();
    let text = scenario("duration: 450s, replications: 4", FAST, EACH, "{at: 50s, zoneOutage: b}");
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    for replication in 0..4 {
        let tainted = times(&rows, replication, "node-tainted");
        assert!(tainted.len() == 2 && tainted[1] - tainted[0] > 9.99, "{tainted:?}");
        assert_eq!(times(&rows, replication, "pod-evicted").len(), 2);
    }
    let placed = rows.iter().filter(|row| row["kind"] == "pod-placed");
    assert!(placed.map(|row| row["detail"].clone()).all(|detail| detail.starts_with("on a-")), "the other zone");
}

/// kubernetes/kubernetes#77864: when all nodes are unheard of all endpoints go, although all pods serve; none is evicted.
#[test]
fn when_nobody_is_heard_of_everybody_is_withdrawn_and_nobody_evicted() {
    let scratch = scratch();
    let all = ["a-1", "a-2", "b-1", "b-2"].map(|node| format!("{{at: 20s, kubeletStop: {node}, for: 500s}}"));
    let text = scenario("duration: 600s, replications: 1", FAST, EACH, &all.join(", "));
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    let last = times(&rows, 0, "node-not-ready").into_iter().fold(0.0, f64::max);
    assert_eq!(times(&rows, 0, "node-not-ready").len(), 4);
    assert!(times(&rows, 0, "pod-evicted").is_empty());
    let refused = failures(&run, 0, "refused");
    assert!((refused - (520.0 - last) * 100.0).abs() <= 1.0, "every request until the kubelets are back: {refused}");
}

/// A load balancer finds out by itself, whatever the cluster thinks.
#[test]
fn a_load_balancer_looks_for_itself() {
    let scratch = scratch();
    let text = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: failures}
spec:
  run: {warmup: 0s, seed: 4, duration: 100s, replications: 1}
  cluster:
    nodes: [{name: n, count: 4}]
    network: none
    pods: {start: 2s}
    propagation: {kubeProxy: 0s}
    loadBalancers: {implementation: round-robin, healthCheck: {interval: 10s, threshold: 2}}
  workloads:
    - {target: deployment/web, containers: {app: {concurrency: unlimited, serviceTime: 1ms}}}
  traffic:
    - {name: t, from: internet, to: \"http://web/\", arrivals: {constant: {rate: 100/s}}, timeout: 2s, connections: {keepAlive: false}}
  timeline: [{at: 20s, nodeCrash: n-4}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
";
    let run = results(scratch.path(), text, "out", &[]);
    let rows = table(&run, "events.csv");
    let found = rows.iter().find(|row| row["kind"] == "load-balancer").expect("it finds out");
    let at = number(found, "t_s").expect("a time");
    // The node has no pod: the cluster misses nothing. Two looks, ten seconds apart, at a time of its own.
    assert!((30.0..=40.0).contains(&at) && found["detail"] == "n-4 gets no more connections", "{found:?}");
    let lost = failures(&run, 0, "deadline_exceeded");
    assert!((lost - (at - 20.0) * 25.0).abs() <= 2.0, "every fourth connection: {lost} until {at}");
}

#[test]
fn the_same_with_any_number_of_threads() {
    let scratch = scratch();
    let text = scenario(
        "duration: 120s, replications: 4",
        FAST,
        EACH,
        "{at: 20s, nodeCrash: a-1}, {at: 30s, zoneOutage: b, for: 60s}",
    );
    let run = |name: &str, jobs: &str| {
        let directory = results(scratch.path(), &text, name, &["-j", jobs]);
        ["events.csv", "runs.csv", "errors.csv"].map(|file| std::fs::read(directory.join(file)).expect("a file"))
    };
    assert_eq!(run("one", "1"), run("three", "3"));
    let rows = table(&scratch.path().join("one"), "runs.csv");
    assert!(rows.iter().all(|row| count(row, "offered") == 12_000));
}

#[test]
fn the_story_of_failures_is_told() {
    let scratch = scratch();
    let timeline = "{at: 10s, spotReclaim: a-1}, {at: 140s, nodeCrash: a-1}, {at: 20s, kubeletStop: b-1}, \
                    {at: 21s, kubeletStop: b-1}, {at: 200s, zoneOutage: a}, {at: 200s, zoneOutage: b}";
    let text = scenario("duration: 600s, replications: 1", FAST, EACH, timeline);
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    let told: Vec<String> = rows
        .iter()
        .filter(|row| row["object"].starts_with("node/") || row["kind"] == "pod-evicted")
        .map(|row| format!("{} {} {}", row["kind"], row["object"], row["detail"]).trim_end().to_owned())
        .collect();
    let expected = [
        "spot-reclaim node/a-1 it is taken away in 2m",
        "kubelet-stopped node/b-1",
        "kubelet-stopped node/b-1 nothing happens: it is down already",
        "node-not-ready node/b-1 Unknown: its lease was not renewed",
        "node-tainted node/b-1 node.kubernetes.io/unreachable:NoExecute",
        "node-crashed node/a-1",
        "node-crashed node/a-1 nothing happens: it is down already",
        "node-not-ready node/a-1 Unknown: its lease was not renewed",
        "node-tainted node/a-1 node.kubernetes.io/unreachable:NoExecute",
        "node-crashed node/a-1 nothing happens: it is down already",
        "node-crashed node/a-2",
        // A machine can go off whose kubelet is away.
        "node-crashed node/b-1",
        "node-crashed node/b-2",
    ];
    assert_eq!(told[..expected.len()], expected);
    let rest = &told[expected.len()..];
    // All are gone now: the taints are taken back before anybody is evicted.
    let untainted: Vec<&String> = rest.iter().filter(|line| line.starts_with("node-untainted")).collect();
    assert_eq!(untainted.len(), 2, "{rest:?}");
    assert!(untainted[0].ends_with("no node of any zone is heard of"), "{untainted:?}");
    assert!(!rest.iter().any(|line| line.starts_with("pod-evicted")), "{rest:?}");
    // And who is evicted, where some are left.
    let text = scenario("duration: 400s, replications: 1", FAST, EACH, "{at: 10s, nodeCrash: a-1}");
    let rows = table(&results(scratch.path(), &text, "one", &[]), "events.csv");
    let evicted = rows.iter().find(|row| row["kind"] == "pod-evicted").expect("one is");
    assert_eq!(evicted["detail"], "by the taint node.kubernetes.io/unreachable of a-1");
}

/// Graceful node shutdown: the kubelet ends the pods, nobody deletes them, and nothing starts again on the node.
#[test]
fn a_node_that_shuts_down_ends_its_pods_by_itself() {
    let scratch = scratch();
    let timeline = "{at: 20s, nodeShutdown: a-1, for: 30s}, {at: 25s, nodeShutdown: a-1, for: 30s}, \
                    {at: 30s, scale: deployment/web, replicas: 5}, {at: 60s, nodeShutdown: a-1, for: 30s}";
    let text = scenario("duration: 100s, replications: 1", FAST, EACH, timeline)
        .replace("kubeProxy: 0s", "kubeProxy: 2s")
        .replace("pods: {start: 2s}", "pods: {start: 2s, detect: 500ms}")
        .replace("concurrency: unlimited", "stop: 5s, concurrency: unlimited");
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "events.csv");
    let told: Vec<String> = rows
        .iter()
        .filter(|row| row["object"].starts_with("node/") || row["object"] == "pod/web-0")
        .filter(|row| number(row, "t_s").is_some_and(|at| at < 70.0))
        .map(|row| format!("{} {} {}", row["t_s"], row["kind"], row["detail"]).trim_end().to_owned())
        .collect();
    let expected = [
        "20 node-shutdown its pods have 30s",
        "20 container-signalled app",
        "25 node-shutdown its pods have 30s",
        "25 container-ended app",
        "25.5 pod-not-ready",
        "50 node-crashed",
        "55 node-crashed nothing happens: it is down already",
        "60 node-shutdown nothing happens: it is down already",
    ];
    assert_eq!(told, expected);
    // Until the kubelet has seen it and the rules are new, a quarter of the connections is refused, for 2.5 s.
    let refused = failures(&run, 0, "refused");
    assert!((refused - 62.5).abs() < 5.0 * 6.9, "{refused}");
    let placed = rows.iter().find(|row| row["kind"] == "pod-placed").expect("the fifth pod");
    assert!(!placed["detail"].starts_with("on a-1"), "{placed:?}");
}

#[test]
fn the_grace_period_can_be_another() {
    let scratch = scratch();
    let text = scenario("duration: 100s, replications: 8", FAST, EACH, "{at: 20s, nodeCrash: a-1}")
        .replace("    pods: {start: 2s}", "    nodeMonitorGracePeriod: 20s\n    pods: {start: 2s}");
    let rows = table(&results(scratch.path(), &text, "out", &[]), "events.csv");
    for replication in 0..8 {
        let unknown = times(&rows, replication, "node-not-ready");
        assert!(unknown.len() == 1 && (30.0..=45.0).contains(&unknown[0]), "{unknown:?}");
    }
}
