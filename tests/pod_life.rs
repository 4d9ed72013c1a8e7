//! The life of pods: started, ready, told to end, killed, started again; and how a Deployment replaces them.

mod support;

use std::path::Path;

use support::{number, output, results, scratch, status, stderr, stdout, table, write};

/// A Deployment of two pods with a Service before it; `spec`, `pod` and `container` are added to the manifest.
fn scenario(cluster: &str, times: &str, timeline: &str, [spec, pod, container]: [&str; 3]) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: life}}
spec:
  run: {{duration: 100s, warmup: 0s, drain: 10s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n}}], network: none, pods: {{start: 1s, detect: 500ms}}, propagation: {{kubeProxy: 1s}}{cluster}}}
  workloads: [{{target: deployment/web, containers: {{app: {{concurrency: 4, serviceTime: 1ms{times}}}}}}}]
  traffic: [{{name: t, to: \"http://web/\", arrivals: {{constant: {{rate: 100/s}}}}, connections: {{keepAlive: false}}, timeout: 5s}}]
  timeline: [{timeline}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  {spec}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      {pod}
      containers: [{{name: app, image: \"web:1\", ports: [{{containerPort: 80}}]{container}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
"
    )
}

/// The events of an object: time, kind, detail.
fn events(run: &Path, object: &str) -> Vec<String> {
    let rows = table(run, "events.csv");
    let mine = rows.iter().filter(|row| row["object"] == object);
    mine.map(|row| format!("{} {} {}", row["t_s"], row["kind"], row["detail"]).trim_end().to_owned()).collect()
}

fn failed(run: &Path) -> f64 {
    table(run, "runs.csv").iter().map(|row| number(row, "failed").expect("a count")).sum()
}

const READY: &str = ", readinessProbe: {periodSeconds: 1, tcpSocket: {port: 80}}";

/// T2: the hook is longer than the grace period: the signal when that is over, the kill two seconds later.
#[test]
fn a_hook_longer_than_the_grace_period_is_cut_off() {
    let scratch = scratch();
    let hook = ", lifecycle: {preStop: {sleep: {seconds: 35}}}";
    let text = scenario("", ", sigterm: ignore", "{at: 10s, deletePod: \"deployment/web[0]\"}", ["", "", hook]);
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(
        events(&run, "pod/web-0"),
        [
            "10 pod-deleted",
            "40 container-signalled app",
            "42 container-ended app",
            "42 pod-ended",
            "43 pod-gone 10.244.0.2 is free"
        ]
    );
    assert!(failed(&run).abs() < f64::EPSILON, "it served until all had heard");
}

/// T1 with a hook of five seconds, and without: the rules are a second behind.
#[test]
fn a_hook_lets_everybody_hear_first() {
    let timeline = "{at: 10s, deletePod: \"deployment/web[0]\"}";
    let lost = |hook: &str| {
        let scratch = scratch();
        failed(&results(scratch.path(), &scenario("", "", timeline, ["", "", hook]), "out", &[]))
    };
    assert!(lost(", lifecycle: {preStop: {exec: {command: [sleep, \"5\"]}}}").abs() < f64::EPSILON);
    // Half of a second at 100 a second, standard deviation 5.
    let without = lost("");
    assert!((25.0..75.0).contains(&without), "{without}");
}

/// T4: a container that ends as soon as it has started waits ten seconds, then twice as long each time.
#[test]
fn a_container_that_ends_again_and_again_waits_longer_each_time() {
    let scratch = scratch();
    let crash = |at: &str| format!("{{at: {at}, crash: \"deployment/web[0]\"}}");
    let timeline = ["10s", "11s", "22s", "50s"].map(crash).join(", ");
    let run = results(scratch.path(), &scenario("", "", &timeline, ["", "", ""]), "out", &[]);
    let seen: Vec<String> =
        events(&run, "pod/web-0").into_iter().filter(|event| event.contains("container-")).collect();
    assert_eq!(
        seen,
        [
            "10 container-ended app",
            "10.5 container-restarted app",
            "11 container-ended app",
            "11.5 container-waits app: CrashLoopBackOff of 10s",
            "21 container-restarted app",
            "22 container-ended app",
            "22.5 container-waits app: CrashLoopBackOff of 20s",
            "42 container-restarted app",
            "50 container-ended app",
            "50.5 container-waits app: CrashLoopBackOff of 40s",
            "90 container-restarted app",
        ]
    );
    assert_eq!(table(&run, "endpoints.csv").len(), 2, "it keeps its address");
}

/// Without a readiness probe a pod is ready as soon as its process runs, and refuses until it listens.
#[test]
fn without_a_readiness_probe_requests_come_too_early() {
    let timeline = "{at: 10s, rolloutRestart: deployment/web}";
    let refused = |probe: &str| {
        let scratch = scratch();
        let run = results(
            scratch.path(),
            &scenario(", kubeProxy: {mode: iptables}", ", start: 3s", timeline, ["", "", probe]),
            "out",
            &[],
        );
        let rows = table(&run, "errors.csv");
        let refused = rows.iter().filter(|row| row["cause"] == "refused");
        refused.map(|row| number(row, "count").expect("a count")).sum::<f64>()
    };
    let hook = ", lifecycle: {preStop: {sleep: {seconds: 10}}}";
    assert!(refused(&format!("{READY}{hook}")).abs() < f64::EPSILON);
    let lost = refused(hook);
    assert!(lost > 100.0, "some of three seconds at 100 a second, for each of two pods: {lost}");
}

/// A liveness probe that fails ends the container; a startup probe holds the others back.
#[test]
fn probes_of_a_process_that_never_listens() {
    let scratch = scratch();
    let probes = ", startupProbe: {periodSeconds: 2, failureThreshold: 3, tcpSocket: {port: 80}}, livenessProbe: {periodSeconds: 1, tcpSocket: {port: 80}}";
    let timeline = "{at: 10s, scale: deployment/web, replicas: 3}";
    let run = results(scratch.path(), &scenario("", ", start: 1000s", timeline, ["", "", probes]), "out", &[]);
    let seen = events(&run, "pod/web-2");
    assert_eq!(
        seen[..8],
        [
            "10 pod-created",
            "10 pod-placed on n as 10.244.0.4",
            // Its process runs from 11 s on; the questions come at 12, 14 and 16 s.
            "16 container-unhealthy app: its startup probe failed, it is killed",
            "16 container-signalled app",
            "16 container-ended app",
            "16.5 container-restarted app",
            "22 container-unhealthy app: its startup probe failed, it is killed",
            "22 container-signalled app",
        ]
    );
    assert!(!seen.iter().any(|event| event.contains("pod-ready")), "{seen:?}");
}

/// T12 and T13, and what `kubectl rollout` does.
#[test]
fn rollouts_go_on_stop_and_go_back() {
    let scratch = scratch();
    let timeline = "{at: 10s, setImage: deployment/web, image: \"web:2\"}, {at: 11s, pause: deployment/web}, {at: 20s, resume: deployment/web}, {at: 30s, undo: deployment/web}, {at: 60s, setImage: deployment/web, image: \"web:1\"}";
    let run = results(scratch.path(), &scenario("", "", timeline, ["", "", READY]), "out", &[]);
    assert_eq!(
        events(&run, "deployment/web"),
        [
            "10 rollout to template 1",
            "11 rollout-paused",
            "20 rollout-resumed",
            // One of the new pods was ready at 11 s; the other comes now.
            "21 rollout-complete after 11s",
            "30 rollout to template 0",
            "32 rollout-complete after 2s",
        ]
    );
    let scratch = support::scratch();
    let text = scenario(
        "",
        ", start: 1000s",
        "{at: 10s, rolloutRestart: deployment/web}",
        ["progressDeadlineSeconds: 20", "", READY],
    );
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(
        events(&run, "deployment/web"),
        ["10 rollout to template 1", "31 rollout-stuck no progress for 20s: its pods stay as they are"]
    );
    assert!(failed(&run).abs() < f64::EPSILON, "the old pods go on serving");
}

/// Where nothing came before, there is nothing to go back to.
#[test]
fn there_may_be_nothing_to_go_back_to() {
    let scratch = scratch();
    let run = results(scratch.path(), &scenario("", "", "{at: 10s, undo: deployment/web}", ["", "", ""]), "out", &[]);
    assert_eq!(events(&run, "deployment/web"), ["10 rollout nothing happens: there is no template before"]);
}

/// A container that drains ends with the last request in it, and takes no new ones.
#[test]
fn a_container_that_drains_ends_what_it_is_doing() {
    let scratch = scratch();
    let timeline = "{at: 10s, deletePod: \"deployment/web[0]\"}";
    let text =
        scenario("", ", sigterm: drain", timeline, ["", "", READY]).replace("serviceTime: 1ms", "serviceTime: 30ms");
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "errors.csv");
    assert!(rows.iter().all(|row| row["cause"] == "refused"), "nothing is reset: {rows:?}");
    let seen = events(&run, "pod/web-0");
    let ended = seen.iter().find_map(|event| event.strip_suffix(" pod-ended")).expect("it ends");
    let ended: f64 = ended.parse().expect("a time");
    assert!((10.0..10.031).contains(&ended), "{ended}");
}

/// A readiness gate is opened by somebody else, after the containers are ready.
#[test]
fn a_readiness_gate_keeps_a_pod_out() {
    let scratch = scratch();
    let text = scenario(
        "",
        "",
        "{at: 10s, scale: deployment/web, replicas: 3}",
        ["", "readinessGates: [{conditionType: lb}]", ""],
    )
    .replace("target: deployment/web, ", "target: deployment/web, readinessGates: {lb: 7s}, ");
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(events(&run, "pod/web-2")[2..], ["18 pod-ready"]);
}

/// The whole answer to every mistake: the cases of `pod_life.txt`.
#[test]
fn every_mistake_with_the_life_of_pods_is_answered_whole() {
    let mut count = 0;
    for case in include_str!("pod_life.txt").split("## ").skip(1) {
        let (input, expected) = case.split_once(">>>\n").expect("a case has an answer");
        let (title, text) = input.split_once('\n').expect("a case has a title");
        count += 1;
        let scratch = scratch();
        let head = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: life}\nspec:\n";
        write(scratch.path(), "s.yaml", &format!("{head}{text}"));
        let output = output(scratch.path(), &["check", "s.yaml"]);
        let said = if status(&output) == 0 { stdout(&output) } else { String::new() } + &stderr(&output);
        assert_eq!(said.trim(), expected.trim(), "{title}");
    }
    assert!(count > 15, "only {count} cases");
}
