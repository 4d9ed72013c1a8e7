//! Names of gRPC channels: one connection, to the first address that accepts it, and a new lookup when it is lost.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use support::{Row, count, nanos, output, results, scratch, status, stderr, table, write};

/// One channel, ten requests a second. A hop takes half a millisecond.
const BASE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: channel}
spec:
  run: {duration: 120s, warmup: 0s, replications: 1, drain: 100s}
  cluster:
    nodes: [{name: n}]
    network: {sameNode: 500us}
    pods: {start: 1s, stop: 0s}
    propagation: {dns: 0s}
    dns: {replicas: 1, serviceTime: 0s, resolver: {family: ipv4}}
  workloads:
    - {target: deployment/quotes, inline: {replicas: 4, port: 50051}, containers: {app: {concurrency: unlimited, serviceTime: 0s}}}
  traffic:
    - {name: t, from: {node: n}, to: \"dns:///NAME\", arrivals: {constant: {rate: 10/s}}}
  timeline: TIMELINE
  observe: {connections: true}
---
apiVersion: v1
kind: Service
metadata: {name: quotes-headless}
spec: {clusterIP: None, selector: {app: quotes}, ports: [{port: 50051}]}
";

fn run(directory: &Path, name: &str, timeline: &str, more: &[&str]) -> PathBuf {
    let mut arguments = vec!["--requests", "all", "--force"];
    for set in more {
        arguments.extend(["--set", set]);
    }
    results(directory, &BASE.replace("NAME", name).replace("TIMELINE", timeline), "out", &arguments)
}

fn pods(rows: &[Row], from: f64, to: f64) -> BTreeSet<&str> {
    let within = |row: &&Row| (from..to).contains(&(nanos(&row["arrived_s"], 9) as f64 / 1e9));
    rows.iter().filter(within).map(|row| row["pod"].as_str()).collect()
}

fn lookups(directory: &Path) -> u64 {
    let rows = table(directory, "dns.csv");
    rows.iter().filter(|row| row["type"] == "A").map(|row| count(row, "noerror")).sum()
}

#[test]
fn a_channel_is_one_connection_to_one_pod() {
    let scratch = scratch();
    for name in ["quotes:50051", "quotes-headless:50051", "quotes-headless.default.svc.cluster.local.:50051"] {
        let out = run(scratch.path(), name, "[{at: 30s, scale: deployment/quotes, replicas: 8}]", &[]);
        let rows = table(&out, "requests.csv");
        assert!(rows.iter().all(|row| row["outcome"] == "succeeded"), "{name}");
        assert_eq!(pods(&rows, 0.0, 120.0).len(), 1, "{name}: who comes later gets nothing");
        let opened: u64 = table(&out, "connections.csv").iter().map(|row| count(row, "opened")).sum();
        assert_eq!((opened, lookups(&out)), (1, 1), "{name}");
        // The first waits for the lookup and the handshake, the others ride.
        let latency: Vec<u64> = rows.iter().map(|row| nanos(&row["latency_ms"], 6)).collect();
        assert_eq!((latency[0], latency[1..].iter().max()), (3_000_000, Some(&1_000_000)), "{name}");
    }
}

/// The pod of the channel goes, and soon after it the next: the second time the old answer has to do.
#[test]
fn a_lost_connection_is_looked_up_again_but_not_within_thirty_seconds() {
    let scratch = scratch();
    let first = pods(&table(&run(scratch.path(), "quotes-headless:50051", "[]", &[]), "requests.csv"), 0.0, 1.0)
        .into_iter()
        .next()
        .map(str::to_owned);
    let number = first.expect("a pod").trim_start_matches("quotes-").to_owned();
    let gone = |at: &str, pod: &str| format!("{{at: {at}, deletePod: \"deployment/quotes[{pod}]\"}}");
    // 10 s after the first lookup nothing is asked: the other addresses are known.
    let out = run(scratch.path(), "quotes-headless:50051", &format!("[{}]", gone("10.05s", &number)), &[]);
    let rows = table(&out, "requests.csv");
    assert_eq!(lookups(&out), 1);
    assert_eq!((pods(&rows, 0.0, 10.0).len(), pods(&rows, 11.0, 120.0).len()), (1, 1));
    assert!(pods(&rows, 0.0, 10.0).is_disjoint(&pods(&rows, 11.0, 120.0)));
    let failed: Vec<&str> = rows.iter().map(|row| row["outcome"].as_str()).filter(|one| *one != "succeeded").collect();
    assert!(failed.len() <= 1, "{failed:?}");
    // After 50 s it is looked up anew, once.
    let out = run(scratch.path(), "quotes-headless:50051", &format!("[{}]", gone("50.05s", &number)), &[]);
    let rows = table(&out, "requests.csv");
    assert_eq!(lookups(&out), 2);
    assert!(pods(&rows, 0.0, 50.0).is_disjoint(&pods(&rows, 51.0, 120.0)));
    // A connection that the server ends by its age goes the same way.
    let age = ["traffic[t].connections={maxConnectionAge: 40s}"];
    let out = run(scratch.path(), "quotes-headless:50051", "[]", &age);
    let opened: u64 = table(&out, "connections.csv").iter().map(|row| count(row, "opened")).sum();
    assert!((3..=4).contains(&opened), "{opened} connections of 36 to 44 s in 120 s");
    assert_eq!(lookups(&out), opened);
}

#[test]
fn names_of_channels_that_cannot_be_are_answered() {
    let scratch = scratch();
    let cases = [
        ("dns:///quotes-headless", "service/quotes-headless has no port 443; it has 50051", ""),
        (
            "dns://10.0.0.9/quotes:50051",
            "`dns://10.0.0.9/quotes:50051` names a DNS server of its own, and clients ask that of their pod",
            "write for example dns:///web.shop:50051",
        ),
        (
            "dns:///quotes:50051/call",
            "`dns:///quotes:50051/call` is not a host and a port, which is what gRPC looks up",
            "",
        ),
        (
            "dns:///_grpc._tcp.quotes",
            "`dns:///_grpc._tcp.quotes` is not a host and a port, which is what gRPC looks up",
            "",
        ),
        (
            "dns:///quotes:50051\", connections: {protocol: http1}, name: \"u",
            "a name that begins with `dns:` is that of a gRPC channel, which keeps an HTTP/2 connection",
            "write connections: {protocol: grpc}, or a URL that begins with http://",
        ),
        (
            "dns:///quotes-headless:50051\", balancer: {policy: round-robin}, name: \"u",
            "not supported yet: a gRPC channel that balances over the addresses of its name",
            "write a URL that begins with http://, whose client hears of pods after cluster.propagation.clients; \
             without `balancer` it is pick_first",
        ),
    ];
    for (to, message, help) in cases {
        let text = BASE
            .replace("TIMELINE", "[]")
            .replace("name: t, ", "")
            .replace("dns:///NAME\"", &format!("{to}\", weight: 1"));
        let text = text.replace(", weight: 1", if to.contains("name: ") { "" } else { ", name: t" });
        write(scratch.path(), "scenario.yaml", &text);
        let done = output(scratch.path(), &["check", "scenario.yaml"]);
        assert_eq!(status(&done), 2, "{to}");
        let said = stderr(&done);
        assert!(said.contains(message) && said.contains(help), "{to}: {said}");
    }
    write(scratch.path(), "scenario.yaml", &BASE.replace("TIMELINE", "[]").replace("NAME", "quotes:50051"));
    assert_eq!(status(&output(scratch.path(), &["check", "scenario.yaml"])), 0);
}
