//! What a client does that is refused at the first address of an answer, or not answered there.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::{Row, nanos, output, results, scratch, stderr, stdout, table};

/// A name that stands for three pods whatever becomes of them. Each hop takes half a millisecond: a lookup, a handshake
/// and a request one each.
const BASE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: peers}
spec:
  run: {duration: 40s, warmup: 0s, replications: 1, drain: 100s}
  cluster:
    nodes: [{name: n}]
    network: {sameNode: 500us}
    pods: {stop: 0s}
    dns: {replicas: 1, serviceTime: 0s}
  workloads:
    - {target: deployment/web, inline: {replicas: 3, port: 80}, containers: {app: {serviceTime: 0s}}}
  traffic:
    - {name: t, from: {node: n}, to: \"http://peers/\", arrivals: {constant: {rate: 100/s}}, connections: {mode: perRequest, connectTimeout: 2s}}
  timeline:
    - {at: 10s, deletePod: \"deployment/web[0]\"}
    - {at: 20s, deletePod: \"deployment/web[1]\"}
    - {at: 30s, deletePod: \"deployment/web[2]\"}
  observe: {connections: true}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: peers-1, labels: {kubernetes.io/service-name: peers}}
addressType: IPv4
endpoints: [{addresses: [10.244.0.2]}, {addresses: [10.244.0.3]}, {addresses: [10.244.0.4]}]
ports: [{port: 80}]
";

#[track_caller]
fn close(what: &str, value: f64, expected: f64, by: f64) {
    assert!((value - expected).abs() < by, "{what}: {value}, expected {expected}");
}

fn sum(directory: &Path, file: &str, column: &str) -> f64 {
    table(directory, file).iter().map(|row| row[column].parse().unwrap_or(0.0)).sum()
}

fn run(directory: &Path, set: &[&str]) -> PathBuf {
    let mut arguments = vec!["--requests", "all", "--force"];
    for set in set {
        arguments.extend(["--set", set]);
    }
    results(directory, BASE, "out", &arguments)
}

/// Outcome and latency in microseconds of the requests that came in these seconds, and how often each.
fn between(rows: &[Row], from: f64, to: f64) -> BTreeMap<(String, u64), usize> {
    let mut found = BTreeMap::new();
    for row in rows {
        let arrived = nanos(&row["arrived_s"], 9) as f64 / 1e9;
        if (from..to).contains(&arrived) {
            *found.entry((row["outcome"].clone(), nanos(&row["latency_ms"], 6) / 1_000)).or_default() += 1;
        }
    }
    found
}

fn kinds(found: &BTreeMap<(String, u64), usize>) -> Vec<(&str, u64)> {
    found.keys().map(|(outcome, latency)| (outcome.as_str(), *latency)).collect()
}

#[test]
fn who_is_refused_goes_on_to_the_next() {
    let scratch = scratch();
    let out = run(scratch.path(), &[]);
    let rows = table(&out, "requests.csv");
    // Nothing is as it was before, and a refusal is a round trip: for a second, until the pod's network is gone.
    assert_eq!(kinds(&between(&rows, 0.0, 9.9)), [("succeeded", 3_000)]);
    let refused = between(&rows, 10.05, 10.9);
    assert_eq!(kinds(&refused), [("succeeded", 3_000), ("succeeded", 4_000)]);
    close("first at the pod that is gone", refused[&("succeeded".to_owned(), 4_000)] as f64 / 85.0, 1.0 / 3.0, 0.15);
    // Then nobody answers there: two seconds each.
    let silent = between(&rows, 11.1, 17.9);
    assert_eq!(kinds(&silent), [("succeeded", 3_000), ("succeeded", 2_003_000)]);
    close("first of three", silent[&("succeeded".to_owned(), 2_003_000)] as f64 / 680.0, 1.0 / 3.0, 0.05);
    // One of three is left: it stands first, second or third, as often each.
    let two = between(&rows, 21.1, 25.9);
    assert_eq!(kinds(&two), [("succeeded", 3_000), ("succeeded", 2_003_000), ("succeeded", 4_003_000)]);
    for count in two.values() {
        close("of three orders", *count as f64 / 480.0, 1.0 / 3.0, 0.07);
    }
    // All are tried, and all in vain. The last one says why.
    assert_eq!(kinds(&between(&rows, 31.1, 39.9)), [("connect_timeout", 6_001_000)]);
    assert!(rows.iter().all(|row| row["outcome"] == "succeeded"
        || row["outcome"] == "connect_timeout"
        || row["outcome"] == "refused"));
    // Each address that was tried in vain is a connection that failed.
    let failed: f64 = sum(&out, "connections.csv", "failed");
    let waits = |row: &Row| nanos(&row["latency_ms"], 6) / 2_000_000_000;
    let later: u64 = rows.iter().filter(|row| nanos(&row["arrived_s"], 9) > 11_100_000_000).map(waits).sum();
    assert!(failed >= later as f64, "{failed} connections failed, and {later} were waited for");
}

#[test]
fn some_clients_take_the_first_address_and_no_other() {
    let scratch = scratch();
    for set in ["traffic[t].resolver={addresses: first}", "traffic[t].resolver={cache: {ttl: 0s}, addresses: first}"] {
        let rows = table(&run(scratch.path(), &[set]), "requests.csv");
        assert_eq!(kinds(&between(&rows, 10.05, 10.9)), [("refused", 2_000), ("succeeded", 3_000)], "{set}");
        assert_eq!(kinds(&between(&rows, 11.1, 17.9)), [("connect_timeout", 2_001_000), ("succeeded", 3_000)], "{set}");
    }
    // As the JVM's own classes do, whose cache is another sign of them; it may be asked for otherwise.
    let jvm = |more: &str| {
        let set = format!("traffic[t].resolver={{cache: jvm{more}}}");
        let rows = table(&run(scratch.path(), &[&set]), "requests.csv");
        rows.iter().filter(|row| row["outcome"] != "succeeded" && nanos(&row["arrived_s"], 9) < 25_000_000_000).count()
    };
    assert_eq!(jvm(", addresses: all"), 0);
    // One client remembers one address for 30 s: it fails for all of the time that this pod is gone, or never.
    let counts: Vec<usize> = (1..9)
        .map(|seed| {
            let rows = table(
                &run(scratch.path(), &["traffic[t].resolver={cache: jvm}", &format!("run.seed={seed}")]),
                "requests.csv",
            );
            rows.iter()
                .filter(|row| row["outcome"] != "succeeded" && nanos(&row["arrived_s"], 9) < 25_000_000_000)
                .count()
        })
        .collect();
    assert!(counts.iter().all(|count| [0, 500, 1500].iter().any(|all| count.abs_diff(*all) <= 2)), "{counts:?}");
    assert!(counts.iter().any(|count| *count > 0));
}

/// With TLS, pools and standing connections, and with a table of connections, it is the same.
#[test]
fn every_kind_of_connection_goes_on_to_the_next() {
    let scratch = scratch();
    let kinds_of = |set: &[&str]| {
        let rows = table(&run(scratch.path(), set), "requests.csv");
        let mut found: Vec<String> = between(&rows, 0.0, 25.9).into_keys().map(|(outcome, _)| outcome).collect();
        found.dedup();
        (found, between(&rows, 10.05, 10.9))
    };
    let (all, refused) =
        kinds_of(&["traffic[t].connections={mode: perRequest, connectTimeout: 2s, tls: {version: 1.2, cpu: 0s}}"]);
    assert_eq!(all, ["succeeded"]);
    // A refusal ends before TLS begins: two round trips of it follow only the handshake that worked.
    assert_eq!(kinds(&refused), [("succeeded", 5_000), ("succeeded", 6_000)]);
    let tracked = ["cluster.kernel={conntrack: {max: 100000}, sourcePorts: {count: 20000}}"];
    assert_eq!(kinds_of(&tracked).0, ["succeeded"]);
    for connections in [
        "{mode: pool, connectTimeout: 2s, maxRequests: 3}",
        "{protocol: http2, connectTimeout: 2s}",
        "{mode: pinned, connectTimeout: 2s}",
    ] {
        let set = format!("traffic[t].connections={connections}");
        let rows = table(&run(scratch.path(), &[&set]), "requests.csv");
        // What was under way when a pod ended is reset; nobody is refused.
        let bad = rows.iter().filter(|row| nanos(&row["arrived_s"], 9) < 25_000_000_000);
        let bad: Vec<&str> = bad.map(|row| row["outcome"].as_str()).filter(|outcome| *outcome != "succeeded").collect();
        assert!(bad.iter().all(|outcome| *outcome == "reset") && bad.len() < 5, "{connections}: {bad:?}");
    }
}

#[test]
fn stories_tell_of_each_address() {
    let scratch = scratch();
    let rows = table(&run(scratch.path(), &[]), "requests.csv");
    let told = |from: f64, latency: u64| {
        let number = rows.iter().position(|row| {
            nanos(&row["arrived_s"], 9) as f64 > from * 1e9 && nanos(&row["latency_ms"], 6) / 1_000 == latency
        });
        let number = rows[number.expect("there is one")]["request"].clone();
        let done = output(scratch.path(), &["explain", "out", "--request", &number]);
        assert_eq!(support::status(&done), 0, "{}", stderr(&done));
        stdout(&done).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let refused = told(10.05, 4_000);
    assert!(
        refused.contains(
            "turned away: refused at deployment/web 2.000 the client (the next address of the answer) chooses web-"
        ),
        "{refused}"
    );
    let silent = told(21.1, 4_003_000);
    assert_eq!(silent.matches("its SYNs are not answered, sent after 0, 1 s").count(), 2, "{silent}");
    assert_eq!(silent.matches("(the next address of the answer)").count(), 2, "{silent}");
    assert!(silent.contains("4001.000 connect at peers"), "{silent}");
}
