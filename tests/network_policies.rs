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
