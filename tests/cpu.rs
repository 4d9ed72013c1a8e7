//! Processes that stop without dying, limits of CPU and busy nodes, from the scenario to the story of a request.

mod support;

use support::{output, scratch, status, stderr, stdout, table, write};

/// A pod with one slot, whose manifest has these resources; four requests at 0, 1, 1.1 and 4 s, of 300 ms each.
fn scenario(container: &str, resources: &str, more: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: s}}
spec:
  run: {{duration: 10s, warmup: 0s, replications: 2, seed: 3}}
  workloads:
    - target: deployment/web
      containers: {{app: {{concurrency: 2, serviceTime: 300ms{container}}}}}
  traffic:
    - name: t
      to: http://web/
      connections: {{mode: perRequest}}
      arrivals: {{trace: {{file: arrivals.csv}}}}
{more}---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, ports: [{{containerPort: 80}}], resources: {{{resources}}}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
"
    )
}

const ARRIVALS: &str = "arrival_s\n0\n1\n1.1\n4\n";

/// The story of a request, in one line; telling it checks it against the ledger.
fn told(scenario: &str, request: u32) -> String {
    let directory = scratch();
    write(directory.path(), "s.yaml", scenario);
    write(directory.path(), "arrivals.csv", ARRIVALS);
    let request = request.to_string();
    let run = output(
        directory.path(),
        &["explain", "s.yaml", "--traffic", "t", "--request", &request, "--replication", "0", "-q"],
    );
    assert_eq!(status(&run), 0, "{}", stderr(&run));
    stdout(&run).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_container_that_was_idle_starts_first() {
    let cold = scenario(", cold: {when: idle, start: 500ms}", "", "  cluster: {network: none}\n");
    for (request, kept) in [(0, true), (1, true), (2, true), (3, true)] {
        let text = told(&cold, request);
        assert_eq!(text.contains("waits until web-0, which was idle, has started"), kept, "{request}: {text}");
    }
    // The third comes 100 ms after the second, while the container starts: it has a slot, and waits for the rest.
    assert!(told(&cold, 1).contains("800 ms") && told(&cold, 2).contains("700 ms"), "{}", told(&cold, 2));
}

#[test]
fn a_process_that_stalls_keeps_what_it_has() {
    // Down from 1.05 s to 3.05 s, then up for the rest.
    let broken = scenario(", breakdown: {up: 1050ms, repair: 2s}", "", "  cluster: {network: none}\n");
    assert!(!told(&broken, 0).contains("waits until the process in web-0 goes on"));
    // 50 ms of the second are done; the third finds a slot, and nobody at work.
    for (request, latency) in [(1, "2,300 ms"), (2, "2,250 ms")] {
        let text = told(&broken, request);
        assert!(text.contains("waits until the process in web-0 goes on") && text.contains(latency), "{text}");
    }
    let fails = broken.replace("repair: 2s", "repair: 2s, inService: fail");
    assert!(told(&fails, 1).contains("reset"), "{}", told(&fails, 1));
    assert!(told(&fails, 2).contains("waits until the process in web-0 goes on"));
}

#[test]
fn a_quota_stops_all_threads() {
    let limited = scenario("", "limits: {cpu: 1}", "  cluster: {network: none}\n");
    // Two threads for a while: one core is not enough.
    assert!(told(&limited, 1).contains("stands still in web-0, whose CPU quota is spent"), "{}", told(&limited, 1));
    assert!(!told(&limited, 3).contains("stands still"));
    let free = limited.replace("network: none", "network: none, cpu: {quota: false}");
    assert!(!told(&free, 1).contains("stands still"));
}

#[test]
fn who_wants_more_than_the_node_has_waits() {
    let node = "  cluster: {network: none, nodes: [{name: a, cpu: 1}], cpu: {contention: true}}\n";
    let busy = scenario("", "requests: {cpu: 100m}", node);
    assert!(told(&busy, 1).contains("waits in web-0 for a core of its node"), "{}", told(&busy, 1));
    assert!(!told(&busy, 0).contains("waits in web-0 for a core"));
    let alone = busy.replace("cpu: {contention: true}", "cpu: {contention: false}");
    assert!(!told(&alone, 1).contains("waits in web-0 for a core"));
}

/// Every loss is in the ledger, and every request ends once: the model checks both in each run.
#[test]
fn everything_at_once_adds_up_for_any_number_of_jobs() {
    let container = ", cold: {start: {exponential: {mean: 80ms}}}, cpu: 70%, \
                     breakdown: {up: {exponential: {mean: 2s}}, repair: {exponential: {mean: 300ms}}, inService: fail}";
    let more = "  cluster: {nodes: [{name: a, cpu: 1}], cpu: {contention: true}}\n  timeline: [{at: 1s, for: 8s, kill: {rate: 1/s, replacement: instant}, target: deployment/web}]\n";
    let whole = scenario(container, "limits: {cpu: 800m}", more).replace(
        "arrivals: {trace: {file: arrivals.csv}}",
        "timeout: 900ms\n      retries: {attempts: 2, on: [reset]}\n      arrivals: {poisson: {rate: 6/s}}",
    );
    for discipline in ["", ", queue: {limit: 20, timeout: 400ms}", ", queue: {discipline: processor-sharing}"] {
        let text = whole.replace("concurrency: 2,", &format!("concurrency: 2{discipline},"));
        let runs = ["1", "2"].map(|jobs| {
            let directory = scratch();
            write(directory.path(), "s.yaml", &text);
            let run = output(directory.path(), &["run", "s.yaml", "-q", "-j", jobs, "-o", "out", "--requests", "all"]);
            assert_eq!(status(&run), 0, "{}", stderr(&run));
            let events = table(&directory.path().join("out"), "events.csv");
            let kills = events.iter().filter(|row| row["kind"] == "pod-killed").collect::<Vec<_>>();
            assert!(!kills.is_empty() && kills.iter().all(|row| row["detail"] == "there again at once"), "{events:?}");
            std::fs::read(directory.path().join("out/requests.csv")).expect("the requests")
        });
        assert_eq!(runs[0], runs[1]);
    }
}

#[test]
fn killed_pods_are_replaced_by_their_controller() {
    let more = "  cluster: {pods: {start: 1s}}\n  timeline: [{at: 0s, kill: {rate: 1/s}, target: deployment/web}]\n";
    let directory = scratch();
    write(directory.path(), "s.yaml", &scenario("", "", more));
    write(directory.path(), "arrivals.csv", ARRIVALS);
    let run = output(directory.path(), &["run", "s.yaml", "-q", "-o", "out"]);
    assert_eq!(status(&run), 0, "{}", stderr(&run));
    let events = table(&directory.path().join("out"), "events.csv");
    let count = |kind: &str| events.iter().filter(|row| row["kind"] == kind && row["replication"] == "0").count();
    assert!(count("pod-killed") > 1, "{events:?}");
    assert_eq!(count("pod-killed"), count("pod-created"), "{events:?}");
}
