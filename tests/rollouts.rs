//! Rollouts in the run: `rollouts.csv`, and what `windtunnel rollout` finds, applied and run.

mod support;

use std::path::Path;

use support::{count, number, output, results, scratch, status, stderr, stdout, table, windtunnel, write};

/// A Deployment with `pods` pods that start in ten seconds, under 200 requests a second.
fn scenario(pods: u32, times: &str, timeline: &str, [spec, pod, container]: [&str; 3]) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: shop}}
spec:
  run: {{duration: 100s, warmup: 5s, replications: 3, seed: 11}}
  cluster: {{nodes: [{{name: n1}}, {{name: n2}}], network: none, pods: {{start: 10s, stop: 20ms{times}}}, propagation: {{kubeProxy: 1s}}}}
  workloads: [{{target: deployment/web, containers: {{app: {{concurrency: 8, serviceTime: 5ms}}}}}}]
  traffic: [{{name: t, to: \"http://web/\", arrivals: {{poisson: {{rate: 200/s}}}}, connections: {{keepAlive: false}}, timeout: 5s}}]
  timeline: [{timeline}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {pods}
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

const RESTART: &str = "{at: 10s, rolloutRestart: deployment/web}";
const PLAIN: [&str; 3] = ["", "", ""];

/// Failed requests in `runs.csv`, of one replication.
fn failed(run: &Path, replication: u64) -> u64 {
    let rows = table(run, "runs.csv");
    rows.iter().filter(|row| count(row, "replication") == replication).map(|row| count(row, "failed")).sum()
}

/// The failures in `errors.csv`, as `rollouts.csv` has them.
fn by_cause(run: &Path, replication: u64) -> String {
    let rows = table(run, "errors.csv");
    let mine = rows.iter().filter(|row| count(row, "replication") == replication && row["count"] != "0");
    let parts: Vec<String> = mine.map(|row| format!("{} {}", row["cause"], row["count"])).collect();
    parts.join(", ")
}

/// T12: four pods, a quarter each way, ready as soon as they have started: two batches, so twice the start; three are ready
/// and five asked for at any time.
#[test]
fn a_rollout_takes_as_many_starts_as_it_has_batches() {
    let scratch = scratch();
    let run = results(scratch.path(), &scenario(4, "", RESTART, PLAIN), "out", &[]);
    let rows = table(&run, "rollouts.csv");
    assert_eq!(rows.len(), 3, "one a replication");
    for (replication, row) in (0..).zip(&rows) {
        assert_eq!((row["target"].as_str(), row["began_s"].as_str()), ("deployment/web", "10"));
        assert_eq!(row["duration_s"], "20");
        // Five were asked for, and pods on their way out take a second and 20 ms.
        assert_eq!((row["pods_max"].as_str(), row["ready_min"].as_str()), ("7", "3"));
        let lost = failed(&run, replication);
        assert_eq!(count(row, "failed"), lost);
        // Pods go by ones and threes, each refuses for 0.98 s, and they have their share of 200 a second: two batches of 49 to
        // 196, and what they were doing when they ended.
        assert!((100..400).contains(&lost), "{lost}");
        assert_eq!(row["failed_by_cause"], by_cause(&run, replication));
        let first = number(row, "first_failure_s").expect("some fail");
        let last = number(row, "last_failure_s").expect("some fail");
        assert!((0.02..0.2).contains(&first) && (20.0..21.1).contains(&last), "{first} {last}");
        assert!(number(row, "longest_without_failure_s").expect("a time") > 68.0);
        let balanced = number(row, "balanced_after_s").expect("nobody keeps connections");
        assert!((0.0..5.0).contains(&balanced), "{balanced}");
    }
}

/// Clients that keep their connections stay where they are: the pods never have equal shares.
#[test]
fn kept_connections_are_not_balanced_again() {
    let scratch = scratch();
    let text = scenario(4, "", RESTART, PLAIN).replace("keepAlive: false", "keepAlive: true, maxPerClient: 6");
    let run = results(scratch.path(), &text, "out", &[]);
    assert!(table(&run, "rollouts.csv").iter().all(|row| row["balanced_after_s"].is_empty()));
}

/// A rollout that another one overtakes is observed until then, and is never complete.
#[test]
fn the_next_rollout_ends_the_last() {
    let scratch = scratch();
    let timeline = format!("{RESTART}, {{at: 25s, rolloutRestart: deployment/web}}, {{at: 80s, undo: deployment/web}}");
    let run = results(scratch.path(), &scenario(4, "", &timeline, PLAIN), "out", &["--replications", "1"]);
    let rows = table(&run, "rollouts.csv");
    let shown: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| ["rollout", "began_s", "until_s", "duration_s"].map(|column| row[column].as_str()))
        .collect();
    assert_eq!(shown[0], ["0", "10", "25", ""]);
    assert_eq!((shown[1][0], shown[1][1], shown[1][2]), ("1", "25", "80"));
    assert!((20.0..40.0).contains(&number(&rows[1], "duration_s").expect("it is complete")), "{shown:?}");
    assert_eq!((shown[2][1], shown[2][3]), ("80", ""), "twenty seconds are not enough: the run ends first");
    let lost: u64 = rows.iter().map(|row| count(row, "failed")).sum();
    assert_eq!(lost, failed(&run, 0));
}

#[test]
fn without_rollouts_there_is_no_such_file() {
    let scratch = scratch();
    let run =
        results(scratch.path(), &scenario(4, "", "{at: 10s, scale: deployment/web, replicas: 5}", PLAIN), "out", &[]);
    assert!(!run.join("rollouts.csv").exists());
}

/// The pause that is found is written as a patch; the manifest with it, run with other seeds, loses nothing, and with a
/// second less it does.
#[test]
fn what_is_found_holds_when_it_is_applied() {
    let scratch = scratch();
    let times = ", schedule: {exponential: {mean: 500ms}}";
    write(scratch.path(), "shop.yaml", &scenario(3, times, "", PLAIN).replace("kubeProxy: 1s", "kubeProxy: 2200ms"));
    let arguments = [
        "rollout",
        "shop.yaml",
        "--target",
        "deployment/web",
        "--rollouts",
        "20",
        "--patch",
        "p.yaml",
        "--format",
        "json",
    ];
    let done = output(scratch.path(), &arguments);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let said: serde_json::Value = serde_json::from_str(&stdout(&done)).expect("JSON");
    // Rules are 2.2 s behind, the kubelet 20 ms: 3 s are the least that is whole.
    assert_eq!((&said["pre_stop"]["seconds"], &said["pre_stop"]["confirmed_by"]), (&3.into(), &299.into()));
    assert_eq!(said["as_it_is"]["clean"], 0);
    let patch = std::fs::read_to_string(scratch.path().join("p.yaml")).expect("a patch");
    assert!(patch.contains(
        "- name: app\n          lifecycle:\n            preStop:\n              sleep:\n                seconds: 3\n"
    ));
    for (seconds, clean) in [(3, true), (2, false)] {
        let hook = format!(", lifecycle: {{preStop: {{sleep: {{seconds: {seconds}}}}}}}");
        let text = scenario(3, times, RESTART, ["", "", &hook]).replace("kubeProxy: 1s", "kubeProxy: 2200ms");
        let run = results(scratch.path(), &text, "out", &["--seed", "77", "--replications", "20"]);
        let lost: u64 = (0..20).map(|replication| failed(&run, replication)).sum();
        assert_eq!(lost == 0, clean, "{seconds} s: {lost}");
    }
}

/// Neither the number of threads nor the run decides what is found.
#[test]
fn the_same_is_found_with_other_jobs() {
    let scratch = scratch();
    write(scratch.path(), "shop.yaml", &scenario(2, ", schedule: {exponential: {mean: 2s}}", "", PLAIN));
    let said = |jobs: &str| {
        let arguments = ["rollout", "shop.yaml", "--target", "deployment/web", "--rollouts", "10", "-j", jobs];
        stdout(&output(scratch.path(), &arguments))
    };
    let one = said("1");
    assert!(one.contains("confirmed by others"), "{one}");
    assert_eq!(one, said("3"));
}

#[test]
#[cfg(unix)]
fn an_interruption_says_that_there_is_nothing_to_say() {
    use std::process::{Command, Stdio};

    let scratch = scratch();
    write(scratch.path(), "shop.yaml", &scenario(4, "", "", PLAIN).replace("200/s", "20000/s"));
    let arguments = ["rollout", "shop.yaml", "--target", "deployment/web", "-j", "1"];
    let child = windtunnel(scratch.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the binary can be started");
    // Nothing shows from outside that it has begun; the rollouts take many times as long.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("the command `kill`");
    assert!(sent.success());
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(status(&done), 130);
    assert_eq!(
        stderr(&done),
        "\ninterrupted: stopping after what is under way (once more: stop at once)\n\
         interrupted before there was anything to say\n"
    );
}
