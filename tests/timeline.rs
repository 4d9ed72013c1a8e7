//! Pods that come and go while traffic flows: who notices, when, and what it costs.

mod support;

use std::path::Path;

use support::{Row, output, results, scratch, status, stderr, table, write};
use windtunnel::balance::POLICIES;

/// Four pods and a constant 1,000 requests a second, each with a connection of its own.
fn scenario(cluster: &str, traffic: &str, timeline: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: changes}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 8, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 2}}], network: none{cluster}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 4, port: 80}}
      containers: {{app: {{concurrency: 50, serviceTime: 1ms}}}}
  proxies: [{{name: edge, endpoints: service/web, balancer: {{policy: round-robin}}}}]
  traffic:
    - {{name: t, to: http://web/, arrivals: {{constant: {{rate: 1000/s}}}}, {traffic}}}
  timeline: [{timeline}]
"
    )
}

const EACH: &str = "connections: {keepAlive: false}";

/// A number that must be there.
fn number(row: &Row, column: &str) -> f64 {
    support::number(row, column).unwrap_or_else(|| panic!("{column} is empty in {row:?}"))
}

/// Failures a replication, on average, by cause.
fn failures(directory: &Path, cause: &str) -> f64 {
    let rows = table(directory, "errors.csv");
    let counts = rows.iter().filter(|row| row["cause"] == cause).map(|row| number(row, "count"));
    counts.sum::<f64>() / 8.0
}

fn failed(directory: &Path) -> f64 {
    table(directory, "runs.csv").iter().map(|row| number(row, "failed")).sum::<f64>()
}

#[test]
fn until_the_rules_are_new_a_share_of_the_connections_is_refused() {
    let scratch = scratch();
    let text = scenario(", propagation: {kubeProxy: 1s}", EACH, "{at: 10s, deletePod: \"deployment/web[1]\"}");
    let run = results(scratch.path(), &text, "out", &[]);
    // One of four pods, for a second at 1,000 a second: 250, standard deviation √(1000/4 · 3/4) = 13.7 a replication.
    let refused = failures(&run, "refused");
    assert!((refused - 250.0).abs() < 5.0 * 13.7 / 8_f64.sqrt(), "{refused}");
    // Requests take a millisecond, so at most one was in the pod.
    assert!(failures(&run, "reset") <= 1.0);
    assert!((failed(&run) / 8.0 - refused - failures(&run, "reset")).abs() < 1e-9);
}

#[test]
fn a_pod_that_serves_until_the_rules_are_new_loses_nothing() {
    let scratch = scratch();
    let text = scenario(
        ", propagation: {kubeProxy: 1s}, pods: {stop: 1100ms}",
        EACH,
        "{at: 10s, deletePod: \"deployment/web[1]\"}, {at: 14s, scale: deployment/web, replicas: 2}",
    );
    assert!(failed(&results(scratch.path(), &text, "out", &[])).abs() < f64::EPSILON);
}

#[test]
fn when_the_network_of_the_pod_is_gone_nothing_answers() {
    let scratch = scratch();
    let text = scenario(
        ", propagation: {kubeProxy: 3s}",
        "connections: {keepAlive: false}, timeout: 2s",
        "{at: 10s, deletePod: \"deployment/web[1]\"}",
    );
    let run = results(scratch.path(), &text, "out", &[]);
    let late = failures(&run, "deadline_exceeded");
    // For a second connections are refused; in the two that follow a quarter of them wait for their timeout.
    assert!((late - 500.0).abs() < 5.0 * 19.4 / 8_f64.sqrt(), "{late}");
    assert!((failures(&run, "refused") - 250.0).abs() < 5.0 * 13.7 / 8_f64.sqrt());
    let slowest = table(&run, "runs.csv").iter().map(|row| number(row, "latency_max_ms")).fold(0.0, f64::max);
    assert!(slowest < 100.0, "whoever succeeded did not wait: {slowest}");
}

#[test]
fn new_pods_get_new_connections_once_they_are_known() {
    let scratch = scratch();
    let timeline = "{at: 10s, scale: deployment/web, replicas: 6}";
    let text = scenario(", pods: {start: 2s}, propagation: {kubeProxy: 500ms}", EACH, timeline);
    let run = results(scratch.path(), &text, "out", &["--requests", "all", "--replications", "1"]);
    let rows = table(&run, "requests.csv");
    let first = |pod: &str| {
        let times = rows.iter().filter(|row| row["pod"] == pod).map(|row| number(row, "arrived_s"));
        times.fold(f64::INFINITY, f64::min)
    };
    for pod in ["web-4", "web-5"] {
        assert!((12.5..12.6).contains(&first(pod)), "{pod}: {}", first(pod));
    }
    let share = rows.iter().filter(|row| row["pod"] == "web-5" && number(row, "arrived_s") >= 12.5).count();
    assert!((share as f64 / 7_500.0 - 1.0 / 6.0).abs() < 0.02, "{share}");
    assert!(failed(&run).abs() < f64::EPSILON);
    let endpoints = table(&run, "endpoints.csv");
    assert_eq!(endpoints.len(), 6);
    let total: f64 = endpoints.iter().map(|row| number(row, "requests")).sum();
    assert!((total - 20_000.0).abs() < f64::EPSILON);
    let kinds: Vec<String> = table(&run, "events.csv").iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "pod-ready").count(), 2, "{kinds:?}");
    let ready: Vec<String> = table(&run, "timeline.csv").iter().map(|row| row["ready_pods"].clone()).collect();
    assert_eq!((ready[10].as_str(), ready[13].as_str()), ("4", "6"));
    // Only those that were there all the time can be compared.
    assert_eq!(table(&run, "balance.csv")[0]["endpoints"], "4");
}

#[test]
fn a_metric_of_balance_is_the_column_of_the_file() {
    let scratch = scratch();
    let text = scenario(", pods: {start: 2s}", EACH, "{at: 10s, scale: deployment/web, replicas: 6}")
        + "  objectives: [service/web.balance.max_over_mean < 2, deployment/web.balance.cv < 2]\n";
    support::write(scratch.path(), "s.yaml", &text);
    let done = support::output(scratch.path(), &["run", "s.yaml", "-o", "out", "-q", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let objectives = said["variants"][0]["objectives"].as_array().expect("objectives");
    let rows = table(&scratch.path().join("out"), "balance.csv");
    for (objective, column) in objectives.iter().zip(["max_over_mean", "cv"]) {
        let mean = rows.iter().map(|row| number(row, column)).sum::<f64>() / rows.len() as f64;
        support::assert_close(column, objective["value"]["mean"].as_f64().expect("a mean"), mean);
    }
    assert_eq!((objectives.len(), rows.len()), (2, 8));
}

#[test]
fn standing_connections_stay_where_they_are() {
    let scratch = scratch();
    let h2 = "clients: {count: 40}, connections: {protocol: http2}";
    let text = scenario("", h2, "{at: 5s, scale: deployment/web, replicas: 8}");
    let run = results(scratch.path(), &text, "out", &[]);
    for row in table(&run, "endpoints.csv").iter().filter(|row| ["web-4", "web-7"].contains(&row["pod"].as_str())) {
        assert_eq!(row["requests"], "0", "a new pod gets nothing while nobody reconnects");
    }
    // A pod that ends is left: its clients connect anew, at most some of them before the rules are new.
    let text = scenario("", h2, "{at: 5s, deletePod: \"deployment/web[0]\"}");
    let run = results(scratch.path(), &text, "out", &[]);
    let (refused, reset) = (failures(&run, "refused"), failures(&run, "reset"));
    assert!(reset <= 10.0 && refused < 300.0 * 0.4, "refused {refused}, reset {reset}");
}

#[test]
fn a_pod_that_is_not_ready_keeps_what_it_has_and_gets_nothing_new() {
    let scratch = scratch();
    let timeline = "{at: 5s, notReady: \"deployment/web[2]\"}, {at: 12s, ready: \"deployment/web[2]\"}";
    let text = scenario(", propagation: {kubeProxy: 1s}", EACH, timeline);
    let run = results(scratch.path(), &text, "out", &["--requests", "all", "--replications", "2"]);
    assert!(failed(&run).abs() < f64::EPSILON);
    let times: Vec<f64> = table(&run, "requests.csv")
        .iter()
        .filter(|row| row["pod"] == "web-2")
        .map(|row| number(row, "arrived_s"))
        .collect();
    assert!(times.iter().all(|at| *at < 6.0 || *at >= 13.0));
    assert!(times.iter().any(|at| (5.0..6.0).contains(at)) && times.iter().any(|at| *at >= 13.0));
}

#[test]
fn proxies_follow_at_their_own_pace() {
    let scratch = scratch();
    let text = scenario(
        ", propagation: {proxies: 200ms}",
        "through: edge, connections: {protocol: http2}",
        "{at: 10s, deletePod: \"deployment/web[3]\"}",
    );
    let run = results(scratch.path(), &text, "out", &["--requests", "all", "--replications", "1"]);
    // Round robin: every fourth request of 200 ms is refused; one may have been under way.
    let lost = failed(&run);
    assert!((50.0..=51.0).contains(&lost), "{lost}");
    let mut last: Vec<String> = Vec::new();
    for row in table(&run, "requests.csv").iter().filter(|row| number(row, "arrived_s") > 13.0) {
        last.push(row["pod"].clone());
    }
    // web-4 has replaced web-3, and turns are even again.
    assert_eq!(last.iter().filter(|pod| *pod == "web-4").count(), last.len().div_ceil(4));
}

#[test]
fn pods_wait_for_an_address_and_addresses_come_again() {
    let scratch = scratch();
    let text = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: addresses}
spec:
  run: {duration: 20s, warmup: 0s, replications: 1}
  workloads:
    - {target: deployment/web, inline: {replicas: 2, port: 80}}
  traffic: [{name: t, to: http://web/, arrivals: {constant: {rate: 10/s}}}]
  timeline:
    - {at: 5s, scale: deployment/web, replicas: 3}
    - {at: 10s, deletePod: \"deployment/web[0]\"}
---
apiVersion: v1
kind: Node
metadata: {name: small}
spec: {podCIDR: 10.244.7.0/30}
";
    let run = results(scratch.path(), text, "out", &[]);
    let rows = table(&run, "events.csv");
    let of = |pod: &str| -> Vec<String> {
        let mine = rows.iter().filter(|row| row["object"] == format!("pod/{pod}"));
        mine.map(|row| format!("{} {} {}", row["t_s"], row["kind"], row["detail"])).collect()
    };
    // The third pod waits until the first is gone, a second after its end, and gets its address.
    let waits = of("web-2");
    assert_eq!(waits[1], "5 pod-pending on small, which has no free address", "{waits:?}");
    assert!(waits.contains(&"11 pod-placed on small as 10.244.7.2".to_owned()), "{waits:?}");
    assert!(waits.contains(&"13 pod-ready ".to_owned()), "{waits:?}");
    let addresses: Vec<String> =
        table(&run, "endpoints.csv").iter().map(|row| format!("{} {}", row["pod"], row["address"])).collect();
    assert_eq!(addresses, ["web-0 10.244.7.2", "web-1 10.244.7.3", "web-2 10.244.7.2"]);
    // The replacement of the first finds no room any more.
    assert_eq!(of("web-3").len(), 2, "{:?}", of("web-3"));
}

#[test]
fn what_happens_is_the_same_for_any_number_of_jobs() {
    let scratch = scratch();
    let timeline = "{at: 3s, scale: deployment/web, replicas: 7}, {at: 8s, deletePod: \"deployment/web[5]\"}, \
                    {at: 9s, scale: deployment/web, replicas: 2}";
    let text = scenario("", "clients: {count: 9}, retries: {attempts: 3}", timeline);
    let files = ["runs.csv", "endpoints.csv", "events.csv", "errors.csv", "timeline.csv", "attribution.csv"];
    let read = |into: &str, jobs: &str| {
        let run = results(scratch.path(), &text, into, &["-j", jobs]);
        files.map(|file| std::fs::read_to_string(run.join(file)).expect("a result file"))
    };
    assert_eq!(read("one", "1"), read("four", "4"));
}

#[test]
fn who_knows_a_pod_s_address_does_not_find_its_successor() {
    let scratch = scratch();
    let text = scenario(", pods: {start: 1s}", EACH, "{at: 10s, deletePod: \"deployment/web[0]\"}");
    let text = text.replace("to: http://web/", "timeout: 1s, to: http://10.244.0.2/");
    let run = results(scratch.path(), &text, "out", &[]);
    // Refused for the second that the pod's network takes to go, and unanswered from then on.
    assert!((failures(&run, "refused") - 1_000.0).abs() <= 1.0);
    assert!((failures(&run, "deadline_exceeded") - 9_000.0).abs() <= 1.0);
}

/// All policies, in proxies and in clients, with pods that come, go, and are not ready: everything is answered where the
/// pods that end are no longer chosen by then, and pods that came get their part.
#[test]
fn every_policy_follows() {
    let scratch = scratch();
    let mut variants = String::new();
    for policy in POLICIES.iter().filter(|policy| policy.name != "recorded") {
        let name = policy.name;
        for (place, path) in [("proxy", "proxies[edge].balancer"), ("client", "traffic[own].balancer")] {
            variants.push_str(&format!("    - {{name: {name}-{place}, set: {{\"{path}\": {{policy: {name}}}}}}}\n"));
        }
    }
    let text = format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: follow}}
spec:
  run: {{duration: 6s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 2}}], network: none, pods: {{start: 100ms, stop: 500ms}}, propagation: {{proxies: 50ms, clients: 80ms}}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 3, port: 80}}
      containers: {{app: {{concurrency: 2, serviceTime: {{exponential: {{mean: 3ms}}}}}}}}
  proxies: [{{name: edge, instances: 2, workers: 2, endpoints: service/web, balancer: {{policy: random}}}}]
  traffic:
    - {{name: through, to: http://web/, through: edge, clients: {{count: 200}}, arrivals: {{poisson: {{rate: 300/s}}}}, connections: {{keepAlive: false}}}}
    - {{name: own, to: http://web/, clients: {{count: 5}}, arrivals: {{poisson: {{rate: 100/s}}}}, connections: {{keepAlive: false}}, balancer: {{policy: random}}}}
  timeline:
    - {{at: 1s, scale: deployment/web, replicas: 5}}
    - {{at: 2s, deletePod: \"deployment/web[0]\"}}
    - {{at: 3s, notReady: \"deployment/web[1]\"}}
    - {{at: 4s, ready: \"deployment/web[1]\"}}
    - {{at: 5s, scale: deployment/web, replicas: 3}}
  variants:
{variants}"
    );
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "runs.csv");
    assert_eq!(rows.len(), 4 * (POLICIES.len() - 1));
    for row in &rows {
        assert!(number(row, "failed") < 0.5, "{row:?}");
        assert!(number(row, "succeeded") > 450.0, "{row:?}");
    }
    let endpoints = table(&run, "endpoints.csv");
    for policy in POLICIES.iter().filter(|policy| policy.name != "recorded") {
        for place in ["proxy", "client"] {
            let variant = format!("{}-{place}", policy.name);
            let new = |pod: &str| {
                let mine = endpoints.iter().filter(|row| row["variant"] == variant && row["pod"] == pod);
                mine.map(|row| number(row, "requests")).sum::<f64>()
            };
            assert!(new("web-3") + new("web-4") + new("web-5") > 100.0, "{variant}: the new pods get little");
        }
    }
}

/// The pod has gone, its address is given to the next one, and a client's second SYN comes to that: it waited a second, which
/// is accounted for as lost.
#[test]
fn a_second_syn_may_meet_another_pod() {
    let scratch = scratch();
    let text = "apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: reuse}
spec:
  run: {duration: 20s, warmup: 0s, replications: 1, seed: 1}
  cluster: {pods: {start: 1s}}
  workloads: [{target: deployment/web, inline: {replicas: 1, port: 80}}]
  traffic: [{name: t, to: \"http://10.244.7.2/\", arrivals: {constant: {rate: 10/s}}}]
  timeline: [{at: 5s, scale: deployment/web, replicas: 0}, {at: 8s, scale: deployment/web, replicas: 2}]
---
apiVersion: v1
kind: Node
metadata: {name: small}
spec: {podCIDR: 10.244.7.0/30}
";
    let run = results(scratch.path(), text, "out", &["--requests", "all"]);
    let rows = table(&run, "requests.csv");
    let wrong: Vec<f64> =
        rows.iter().filter(|row| row["outcome"] == "wrong_pod").map(|row| number(row, "latency_ms")).collect();
    assert!(wrong.iter().any(|latency| *latency > 900.0), "none waited for a second SYN");
    assert!(wrong.iter().any(|latency| *latency < 10.0), "none came later");
    assert!(!rows.iter().any(|row| row["outcome"] == "succeeded" && number(row, "arrived_s") > 6.0));
}

#[test]
fn an_entry_that_comes_too_late_is_warned_of_and_an_unknown_one_answered_once() {
    let scratch = scratch();
    let late =
        scenario("", EACH, "{at: 19s, notReady: \"deployment/web[0]\"}, {at: 20s, ready: \"deployment/web[0]\"}");
    write(scratch.path(), "late.yaml", &late);
    let checked = output(scratch.path(), &["check", "late.yaml"]);
    let told = stderr(&checked);
    assert_eq!((status(&checked), told.matches("warning:").count()), (0, 1), "{told}");
    assert!(told.contains("this is too late for the run, whose window ends at 20s"), "{told}");
    assert!(told.contains("write a longer `run.duration`, or an earlier `at`"), "{told}");
    write(scratch.path(), "unknown.yaml", &scenario("", EACH, "{at: 1s, scales: deployment/web, replicas: 2}"));
    let checked = output(scratch.path(), &["check", "unknown.yaml"]);
    let told = stderr(&checked);
    assert_eq!((status(&checked), told.matches("error:").count()), (2, 1), "{told}");
    assert!(told.contains("did you mean `scale`?"), "{told}");
}

#[test]
fn round_robin_of_grpc_passes_over_pods_that_ended() {
    let scratch = scratch();
    let of = |policy: &str| format!("balancer: {{policy: {policy}}}, connections: {{protocol: grpc}}");
    let slow = ", propagation: {clients: 30s}";
    let ends = "{at: 10s, deletePod: \"deployment/web[1]\"}";
    let run = results(scratch.path(), &scenario(slow, &of("round-robin"), ends), "out", &[]);
    // What was in the pod: 250 a second for a millisecond.
    assert!(failed(&run) <= 8.0, "{}", failed(&run));
    let pods = table(&run, "endpoints.csv");
    let replication = |row: &&Row| row["replication"] == "0" && row["pod"] != "web-1";
    let shares: Vec<f64> = pods.iter().filter(replication).map(|row| number(row, "requests")).collect();
    // A quarter of 10,000 and a third of the rest; nobody has heard of the new pod.
    assert!(shares[..3].iter().all(|share| (share - 5_833.0).abs() < 4.0), "{shares:?}");
    // Others go on choosing it: a quarter of ten seconds is refused, or never answered.
    let random = results(scratch.path(), &scenario(slow, &of("random"), ends), "random", &[]);
    let open = table(&random, "runs.csv").iter().map(|row| number(row, "in_flight")).sum::<f64>();
    let lost = (failed(&random) + open) / 8.0;
    assert!((lost - 2_500.0).abs() < 80.0, "{lost}");
    let none = "{at: 10s, scale: deployment/web, replicas: 0}";
    let run = results(scratch.path(), &scenario(slow, &of("round-robin"), none), "none", &["--requests", "all"]);
    let late = |row: &&Row| number(row, "arrived_s") > 10.0;
    let rows = table(&run, "requests.csv");
    assert!(rows.iter().filter(late).all(|row| row["outcome"] == "refused" && number(row, "latency_ms") == 0.0));
    assert!(failures(&run, "refused") >= 9_999.0);
}
