//! Connections that have the source port of one that a dead pod never answered.

mod support;

use std::path::Path;

use support::{number, output, results, scratch, status, stderr, stdout, table};

/// Ten pods, five of which are gone at 5 s and in the rules until 15 s; a client that opens 120 connections a second.
const SCENARIO: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: port-reuse}
spec:
  run: {duration: 100s, warmup: 0s, replications: 6, seed: 1, drain: 10s, interval: 5s}
  cluster:
    nodes: [{name: a}, {name: b}]
    pods: {stop: 0s}
    propagation: {kubeProxy: 10s}
    kernel: {conntrack: {}, sourcePorts: {}}
  workloads:
    - {target: deployment/web, inline: {replicas: 10}, containers: {app: {concurrency: 100, serviceTime: 5ms}}}
  traffic:
    - name: t
      from: {node: a}
      to: http://web/
      connections: {mode: perRequest, connectTimeout: 5s}
      arrivals: {poisson: {rate: 120/s}}
  timeline:
    - {at: 5s, scale: deployment/web, replicas: 5}
";

/// Requests that timed out before and after the rules were right, all that came after, and one of them that failed.
fn counts(directory: &Path) -> (f64, f64, f64, Option<(String, String)>) {
    let (mut before, mut after, mut all, mut one) = (0.0, 0.0, 0.0, None);
    for row in table(directory, "requests.csv") {
        let late = number(&row, "arrived_s").expect("a time") > 15.5;
        all += f64::from(u8::from(late));
        if row["outcome"] == "connect_timeout" {
            if late {
                after += 1.0;
                one.get_or_insert((row["request"].clone(), row["replication"].clone()));
            } else {
                before += 1.0;
            }
        }
    }
    (before, after, all, one)
}

/// A rollout on Kubernetes 1.20 under such a load, with rules up to 10 s late, had 353 and 392 more failures after them.
#[test]
fn a_port_that_a_dead_pod_never_answered_fails_again() {
    let scratch = scratch();
    let out = results(scratch.path(), SCENARIO, "out", &["--requests", "all"]);
    let (before, after, all, one) = counts(&out);
    let replications = 6.0;
    assert!((530.0..600.0).contains(&(before / replications)), "half of 120/s for 10 s less the round trips: {before}");
    // Each takes one of 14,116 ports; the walks of ten seconds meet them in bursts.
    let expected = before / replications / 14_116.0 * all;
    assert!((0.75..1.1).contains(&(after / expected)), "{after} instead of about {expected}");
    let (request, replication) = one.expect("one failed late");
    let told = output(
        scratch.path(),
        &["explain", "scenario.yaml", "-q", "--request", &request, "--replication", &replication],
    );
    assert_eq!(status(&told), 0, "{}", stderr(&told));
    let told = stdout(&told).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("has the source port of a connection that web-"), "{told}");
    assert!(told.contains("never answered: conntrack still has that one, and sends it there"), "{told}");
}

#[test]
fn only_the_tables_of_connections_remember_ports() {
    let scratch = scratch();
    for set in [
        "cluster.kernel={sourcePorts: {}}",
        "cluster.kernel={conntrack: {}}",
        "cluster.kernel={conntrack: {synSent: 1ms}, sourcePorts: {}}",
        "cluster.kubeProxy={mode: ebpf}",
    ] {
        let more = ["--force", "--requests", "all", "--set", "run.replications=1", "--set", set];
        let (before, after, ..) = counts(&results(scratch.path(), SCENARIO, "out", &more));
        assert!(before > 500.0 && after == 0.0, "{set}: {before} {after}");
    }
}
