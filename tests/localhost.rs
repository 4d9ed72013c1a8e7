//! Containers of one pod: they reach one another on `localhost`, and nobody else's.

mod support;

use std::collections::BTreeMap;

use support::{number, output, project, results, scratch, status, stderr, table};

/// Three pods with a proxy that calls the application of its own pod; scaled to five after 5 s.
fn scenario(call: &str, timeline: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: localhost}}
spec:
  run: {{duration: 10s, warmup: 0s, replications: 2, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 3}}], network: {{loopback: 25us, sameNode: 50us, sameZone: 200us, crossZone: 900us}}, propagation: {{kubeProxy: 0s}}}}
  workloads:
    - target: deployment/web
      containers:
        proxy: {{concurrency: unlimited, steps: [{{work: 1ms}}, {{call: \"http://localhost:8080/\", name: inner{call}}}]}}
        app: {{concurrency: unlimited, serviceTime: 2ms}}
  traffic: [{{name: t, to: http://web/, connections: {{keepAlive: false}}, arrivals: {{constant: {{rate: 1000/s}}}}}}]
  timeline: [{timeline}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: app, ports: [{{containerPort: 8080}}]}}]
      initContainers: [{{name: proxy, restartPolicy: Always, ports: [{{name: http, containerPort: 80}}]}}]
"
    )
}

#[test]
fn each_proxy_calls_the_application_of_its_own_pod() {
    for timeline in ["", "{at: 5s, scale: deployment/web, replicas: 5}"] {
        let scratch = scratch();
        let run = results(scratch.path(), &scenario("", timeline), "out", &[]);
        let mut requests: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        for row in table(&run, "endpoints.csv") {
            let place = (row["replication"].clone(), row["pod"].clone());
            requests.entry(place).or_default().push(number(&row, "requests").expect("a count"));
        }
        assert_eq!(requests.len(), if timeline.is_empty() { 6 } else { 10 });
        for (pod, counts) in requests {
            // Behind the Service and behind localhost; a call that is under way at the end makes one of difference.
            assert_eq!(counts.len(), 2, "{pod:?}");
            assert!((counts[0] - counts[1]).abs() <= 3.0 && counts[0] > 500.0, "{pod:?}: {counts:?}");
        }
        assert!(table(&run, "errors.csv").is_empty());
    }
}

#[test]
fn the_loopback_stands_in_the_ledger() {
    let scratch = scratch();
    let run =
        results(scratch.path(), &scenario(", connections: {keepAlive: false}", ""), "out", &["--requests", "all"]);
    for row in table(&run, "requests.csv").iter().take(50) {
        assert_eq!(number(row, "network_loopback_ms"), Some(0.05));
        assert_eq!(number(row, "service_ms"), Some(3.0));
        // 50 us for the handshake inside the pod, and that with the Service, 400 us or 100 us.
        let connect = number(row, "connect_ms").expect("a time");
        assert!([0.45, 0.15].iter().any(|expected| (connect - expected).abs() < 1e-9), "{connect}");
    }
}

#[test]
fn explain_tells_the_way_through_the_pod() {
    let scratch = scratch();
    support::write(scratch.path(), "localhost.yaml", &scenario("", ""));
    let path = scratch.path().join("localhost.yaml");
    let done =
        output(project(), &["explain", path.to_str().expect("a path in UTF-8"), "--traffic", "t", "--request", "7"]);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let told = support::stdout(&done);
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("(inside the pod)")).collect();
    assert_eq!(lines.len(), 3, "the connection, there and back: {told}");
    assert!(told.contains("0.050 network_loopback at localhost/web:8080"), "{told}");
    assert!(told.contains("the client (the client's own pod)"), "{told}");
}
