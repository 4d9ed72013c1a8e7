//! The containers of a pod start and end one after the other, and what requests meet meanwhile.

mod support;

use std::path::Path;

use support::{number, output, results, scratch, status, stderr, stdout, table, write};

const POD: &str = "
      initContainers:
        - {name: migrate}
        - {name: proxy, restartPolicy: Always, ports: [{name: http, containerPort: 80}], startupProbe: {periodSeconds: 1, tcpSocket: {port: 80}}}
        - {name: logs, restartPolicy: Always, ports: [{name: logs, containerPort: 24224}]}
      containers:
        - {name: app, ports: [{name: app, containerPort: 8080}], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}}
        - {name: extra, ports: [{name: extra, containerPort: 9090}], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 9090}}}
";

const TIMES: &str = "
        migrate: {start: 3s}
        proxy: {start: 1s, stop: 500ms, concurrency: unlimited, serviceTime: 1ms}
        logs: {stop: 250ms, concurrency: unlimited, serviceTime: 1ms}
        app: {start: 2s, stop: 4s, concurrency: unlimited, serviceTime: 1ms}
        extra: {start: 500ms, stop: 1s, concurrency: unlimited, serviceTime: 1ms}
";

/// One pod; a second one comes at 5 s, the first is deleted at 20 s.
fn scenario(times: &str, pod: &str, more: &str) -> String {
    let service = |name: &str, port: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{publishNotReadyAddresses: true, selector: {{app: web}}, ports: [{{port: 80, targetPort: {port}}}]}}\n"
        )
    };
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: order}}
spec:
  run: {{duration: 30s, warmup: 0s, drain: 10s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n}}], network: none, pods: {{start: 1s}}, propagation: {{proxies: 0s, kubeProxy: 0s}}}}
  workloads:
    - target: deployment/web
      containers:{times}
{more}
  timeline: [{{at: 5s, scale: deployment/web, replicas: 2}}, {{at: 20s, scale: deployment/web, replicas: 1}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:{pod}{}{}{}",
        service("http", "http"),
        service("app", "app"),
        service("extra", "extra")
    )
}

fn traffic(name: &str, to: &str, more: &str) -> String {
    format!(
        "    - {{name: {name}, to: \"{to}\", arrivals: {{constant: {{rate: 100/s}}}}, connections: {{keepAlive: false}}, timeout: 1s{more}}}\n"
    )
}

fn events(run: &Path, pod: &str) -> Vec<String> {
    let rows = table(run, "events.csv");
    let mine = rows.iter().filter(|row| row["object"] == format!("pod/{pod}"));
    mine.map(|row| format!("{} {} {}", row["t_s"], row["kind"], row["detail"]).trim_end().to_owned()).collect()
}

/// The younger of two ready pods goes first, so the one that came is also the one that ends.
const LIFE: [&str; 19] = [
    "5 pod-created",
    "5 pod-placed on n as 10.244.0.3",
    "9 container-ended migrate",
    "10 container-started proxy",
    "10 container-started logs",
    "10.5 container-started extra",
    "12 container-started app",
    "12 pod-ready",
    "20 pod-deleted",
    "20 container-signalled app",
    "20 container-signalled extra",
    "21 container-ended extra",
    "24 container-ended app",
    "24 container-signalled logs",
    "24.25 container-ended logs",
    "24.25 container-signalled proxy",
    "24.75 container-ended proxy",
    "24.75 pod-ended",
    "25.75 pod-gone 10.244.0.3 is free",
];

#[test]
fn each_has_its_turn() {
    let scratch = scratch();
    let more = format!("  traffic:\n{}", traffic("t", "http://http/", ""));
    let run = results(scratch.path(), &scenario(TIMES, POD, &more), "out", &[]);
    assert_eq!(events(&run, "web-1"), LIFE);
    let ready: Vec<f64> =
        table(&run, "timeline.csv").iter().map(|row| number(row, "ready_pods").expect("a count")).collect();
    assert_eq!([ready[10], ready[11], ready[18], ready[19]], [1.0, 2.0, 2.0, 1.0]);
}

/// Without times everything is at once, and nothing is told of containers.
#[test]
fn without_times_there_are_no_turns() {
    let scratch = scratch();
    let more = format!("  traffic:\n{}", traffic("t", "http://http/", ""));
    let none = " {proxy: {concurrency: unlimited}}";
    let run = results(scratch.path(), &scenario(none, POD, &more), "out", &[]);
    assert_eq!(
        events(&run, "web-1"),
        [
            "5 pod-created",
            "5 pod-placed on n as 10.244.0.3",
            "6 pod-ready",
            "20 pod-deleted",
            "20 pod-ended",
            "21 pod-gone 10.244.0.3 is free"
        ]
    );
}

/// The Services send to pods that are not ready, and the proxies take turns: every second request goes to the new pod, and
/// is refused until its container listens, and again from its end until the pod is gone. Then it gets no answer.
#[test]
fn a_container_that_does_not_run_refuses() {
    let scratch = scratch();
    let proxies = ["http", "app", "extra"].map(|name| {
        format!("    - {{name: p-{name}, endpoints: service/{name}, balancer: {{policy: round-robin}}, connections: {{keepAlive: false}}}}\n")
    });
    let traffics =
        ["http", "app", "extra"].map(|name| traffic(name, &format!("http://{name}/"), &format!(", through: p-{name}")));
    let more = format!("  proxies:\n{}  traffic:\n{}", proxies.concat(), traffics.concat());
    let run = results(scratch.path(), &scenario(TIMES, POD, &more), "out", &["--requests", "all"]);
    let rows = table(&run, "requests.csv");
    for (name, starts, ends) in [("http", 10.0, 24.75), ("app", 12.0, 24.0), ("extra", 10.5, 21.0)] {
        let refused = rows.iter().filter(|row| row["traffic"] == name && row["outcome"] == "refused");
        let times: Vec<f64> = refused.map(|row| number(row, "arrived_s").expect("a time")).collect();
        let before = times.iter().filter(|at| **at < 15.0).count() as f64;
        let after = times.iter().filter(|at| **at > 15.0).count() as f64;
        assert!((before - 50.0 * (starts - 5.0)).abs() <= 1.0, "{name}: {before}");
        // The pod leaves the slice when it ends as a whole.
        assert!((after - 50.0 * (24.75 - ends)).abs() <= 1.0, "{name}: {after}");
        assert!(times.iter().all(|at| (5.0..starts).contains(at) || (ends..24.751).contains(at)), "{name}");
        let others =
            rows.iter().filter(|row| row["traffic"] == name && !["refused", "succeeded"].contains(&&*row["outcome"]));
        assert!(others.count() <= 1, "{name}: at most the request in the container when it ended");
    }
}

/// The application calls through the proxy beside it, and takes 4 s to end. As a sidecar the proxy ends after it; as an
/// ordinary container it ends at once, and the calls fail.
#[test]
fn a_sidecar_is_there_until_the_last_call() {
    let ordinary = "
      containers:
        - {name: app, ports: [{name: app, containerPort: 8080}]}
        - {name: proxy, ports: [{name: http, containerPort: 80}]}
        - {name: extra, ports: [{name: extra, containerPort: 9090}]}
";
    let sidecar = "
      initContainers: [{name: proxy, restartPolicy: Always, ports: [{name: http, containerPort: 80}]}]
      containers:
        - {name: app, ports: [{name: app, containerPort: 8080}]}
        - {name: extra, ports: [{name: extra, containerPort: 9090}]}
";
    let times = "
        proxy: {concurrency: unlimited, serviceTime: 1ms}
        app: {stop: 4s, concurrency: unlimited, steps: [{call: \"http://localhost/\", name: out, connections: {keepAlive: false}}]}
";
    let more = format!("  traffic:\n{}", traffic("t", "http://10.244.0.2:8080/", ""));
    let failed = |pod: &str| {
        let scratch = scratch();
        let text = scenario(times, pod, &more)
            .replace("{at: 20s, scale: deployment/web, replicas: 1}", "{at: 20s, deletePod: \"deployment/web[0]\"}");
        let run = results(scratch.path(), &text, "out", &["--requests", "all"]);
        let rows = table(&run, "requests.csv");
        let failed = |row: &&support::Row| row["outcome"] != "succeeded" && number(row, "arrived_s") < Some(23.99);
        rows.iter().filter(failed).count()
    };
    assert!(failed(sidecar) <= 1);
    let lost = failed(ordinary);
    assert!((398..=401).contains(&lost), "100 a second for 4 s: {lost}");
}

/// A pod that is deleted while it starts: what runs already is told to end; what does not listen yet never does.
#[test]
fn a_pod_may_be_deleted_while_it_starts() {
    let scratch = scratch();
    let more = format!("  traffic:\n{}", traffic("t", "http://http/", ""));
    let text = scenario(TIMES, POD, &more).replace("at: 20s", "at: 11s");
    let run = results(scratch.path(), &text, "out", &[]);
    let mut expected = LIFE[..6].to_vec();
    expected.extend([
        "11 pod-deleted",
        "11 container-signalled app",
        "11 container-signalled extra",
        "12 container-ended extra",
        "15 container-ended app",
        "15 container-signalled logs",
        "15.25 container-ended logs",
        "15.25 container-signalled proxy",
        "15.75 container-ended proxy",
        "15.75 pod-ended",
        "16.75 pod-gone 10.244.0.3 is free",
    ]);
    assert_eq!(events(&run, "web-1"), expected);
    let endpoints = table(&run, "endpoints.csv");
    assert!(endpoints.iter().all(|row| number(row, "utilization").is_none_or(|share| share <= 1.0)), "{endpoints:?}");
}

/// The whole answer to every mistake: the cases of `containers_in_order.txt`.
#[test]
fn every_mistake_with_the_order_of_containers_is_answered_whole() {
    let cases = include_str!("containers_in_order.txt");
    let mut count = 0;
    for case in cases.split("## ").skip(1) {
        let (input, expected) = case.split_once(">>>\n").expect("a case has an answer");
        let (title, text) = input.split_once('\n').expect("a case has a title");
        count += 1;
        let scratch = scratch();
        let head = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: order}\nspec:\n";
        write(scratch.path(), "s.yaml", &format!("{head}{text}"));
        let output = output(scratch.path(), &["check", "s.yaml"]);
        let said = if status(&output) == 0 { stdout(&output) } else { String::new() };
        let said = said.split("  ASSUMED").next().unwrap_or_default().to_owned() + &stderr(&output);
        assert_eq!(said.trim(), expected.trim(), "{title}");
    }
    assert!(count > 3, "only {count} cases");
}
