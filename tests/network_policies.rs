//! What NetworkPolicies do not let through gets no answer, on every way to a pod.

mod support;

use std::path::Path;

use support::{Row, results, scratch, table};

/// Clients `good` and `bad` in `default`, and `far` in another namespace, all send to `web`, which a policy guards.
fn scenario(more: &str, sending: &str, policy: &str) -> String {
    let pod = |namespace: &str, name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: app, ports: [{{containerPort: 9}}]}}]}}\n"
        )
    };
    let traffic = |name: &str, from: &str| {
        format!(
            "    - {{name: {name}, from: {from}, to: \"http://web.default/\", arrivals: {{constant: {{rate: 100/s}}}}, timeout: 200s{sending}}}\n"
        )
    };
    let traffics = [
        traffic("good", "pod/good"),
        traffic("bad", "pod/bad"),
        traffic("far", "red/pod/far"),
        traffic("outside", "{node: n-1}"),
    ];
    let pods = [pod("default", "good"), pod("default", "bad"), pod("red", "far")];
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: policies}}
spec:
  run: {{duration: 2s, warmup: 0s, drain: 300s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 2}}]}}
  workloads: [{{target: deployment/web, inline: {{replicas: 2}}, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}]
  traffic:
{}{more}{}---
apiVersion: v1
kind: Namespace
metadata: {{name: red, labels: {{team: red}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: guard}}
spec: {policy}
",
        traffics.concat(),
        pods.concat(),
    )
}

fn failed(run: &Path) -> Vec<(String, String)> {
    let cause = |row: &Row| (row["traffic"].clone(), row["cause"].clone());
    let rows = table(run, "errors.csv");
    assert!(rows.iter().all(|row| row["count"] == "200"), "{rows:?}");
    rows.iter().map(cause).collect()
}

const NO_ANSWER: &str = "connect_timeout";

fn hang(more: &str, sending: &str, policy: &str, expected: &[&str]) {
    let scratch = scratch();
    let run = results(scratch.path(), &scenario(more, sending, policy), "out", &[]);
    let expected: Vec<_> = expected.iter().map(|name| ((*name).to_owned(), NO_ANSWER.to_owned())).collect();
    assert_eq!(failed(&run), expected, "{policy}{sending}");
}

#[test]
fn who_is_let_in() {
    let of = |rules: &str, expected: &[&str]| {
        hang("", "", &format!("{{podSelector: {{matchLabels: {{app: web}}}}, {rules}}}"), expected);
    };
    of("ingress: []", &["good", "bad", "far", "outside"]);
    of("ingress: [{from: [{podSelector: {matchLabels: {app: good}}}]}]", &["bad", "far", "outside"]);
    of("ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]", &["good", "bad", "outside"]);
    of("ingress: [{from: [{ipBlock: {cidr: 198.18.0.0/15}}, {podSelector: {}}]}]", &["far"]);
    of("ingress: [{ports: [{port: 81}]}, {from: [{podSelector: {}}], ports: [{port: 80}]}]", &["far", "outside"]);
    of("ingress: [{}]", &[]);
}

#[test]
fn who_is_let_out() {
    hang("", "", "{podSelector: {matchLabels: {app: bad}}, policyTypes: [Egress]}", &["bad"]);
    hang(
        "",
        "",
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]}",
        &[],
    );
}

#[test]
fn no_connection_gets_through_however_it_is_opened() {
    let policy =
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: good}}}]}]}";
    for sending in [
        ", connections: {mode: perRequest}",
        ", connections: {mode: pinned}",
        ", connections: {mode: pool, maxPerClient: 400}",
        ", connections: {protocol: http2}",
        ", connections: {mode: perRequest}, balancer: {policy: round-robin}",
        ", connections: {protocol: http2}, balancer: {policy: round-robin}",
    ] {
        let scratch = scratch();
        let text = scenario("", sending, policy).replace("timeout: 200s", "timeout: 1s");
        let run = results(scratch.path(), &text, "out", &[]);
        let failed: Vec<_> = failed(&run).into_iter().map(|(traffic, _)| traffic).collect();
        assert_eq!(failed, ["bad", "far", "outside"], "{sending}");
    }
}

#[test]
fn a_proxy_outside_is_not_let_in_either() {
    let policy = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}";
    for (layer, connections) in [(7, "perRequest"), (7, "pool"), (4, "perRequest")] {
        let more = format!(
            "  proxies: [{{name: edge, layer: {layer}, endpoints: service/web, connections: {{mode: {connections}}}}}]\n"
        );
        let scratch = scratch();
        let sending = ", connections: {mode: perRequest}, through: edge";
        let run = results(scratch.path(), &scenario(&more, sending, policy), "out", &[]);
        let causes: Vec<_> = failed(&run).into_iter().map(|(_, cause)| cause).collect();
        assert_eq!(causes, [NO_ANSWER; 4], "layer {layer}, {connections}");
    }
}

/// Three pods of which each sends to all through their Service: a policy that lets nobody in keeps two of three connections
/// out, and those that lead back to the pod itself get through.
#[test]
fn no_policy_keeps_a_pod_from_itself() {
    let scratch = scratch();
    for (name, step) in [
        ("traffic", ""),
        ("call", "{call: \"http://web:81/\", name: again, timeout: 1s, connections: {keepAlive: false}}"),
    ] {
        let (from, steps) = match step {
            "" => ("deployment/web", "{work: 1ms}"),
            call => ("{node: n-1}", call),
        };
        let text = format!(
            "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: self}}
spec:
  run: {{duration: 30s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 3}}], network: none}}
  workloads:
    - target: deployment/web
      containers:
        app: {{concurrency: unlimited, steps: [{steps}]}}
        back: {{concurrency: unlimited, serviceTime: 1ms}}
  traffic: [{{name: t, from: {from}, to: \"http://web/\", timeout: 2s, connections: {{keepAlive: false}}, arrivals: {{constant: {{rate: 100/s}}}}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, ports: [{{containerPort: 80}}]}}, {{name: back, ports: [{{containerPort: 81}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{name: a, port: 80}}, {{name: b, port: 81}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: guard}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{allow}]}}
",
            allow = if step.is_empty() { "" } else { "{from: [{ipBlock: {cidr: 198.18.0.0/15}}]}" }
        );
        let run = results(scratch.path(), &text, name, &[]);
        let rows = table(&run, "errors.csv");
        let failed: f64 = rows
            .iter()
            .filter(|row| row["traffic"] == "t")
            .map(|row| support::number(row, "count").expect("a count"))
            .sum();
        assert!((failed - 2_000.0).abs() < 5.0 * (3_000.0_f64 * 2.0 / 9.0).sqrt(), "{name}: {failed} {rows:?}");
    }
}
