//! Services whose endpoints somebody wrote: with an address and headless, of pods and of what stands outside the cluster.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{Row, nanos, output, results, scratch, status, stderr, stdout, table, write};

/// A database outside, by both kinds of Service; a path there takes 5 ms, its work 3 ms, and DNS nothing but two hops of
/// 0.5 ms for each round of queries.
const DATABASE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: database}
spec:
  run: {duration: 20s, warmup: 0s, replications: 1, drain: 100s}
  cluster:
    nodes: [{name: n}]
    network: {sameNode: 500us, external: 5ms}
    dns: {replicas: 1, serviceTime: 0s}
  workloads:
    - {target: deployment/app, inline: {replicas: 1, port: 8080}, containers: {app: {serviceTime: 0s}}}
    - {target: deployment/postgres, outside: true, addresses: [203.0.113.10, 203.0.113.11], inline: {replicas: 2, port: 5432}, containers: {app: {serviceTime: 3ms}}}
    - {target: deployment/other, outside: true, inline: {replicas: 1, port: 80}, containers: {app: {serviceTime: 0s}}}
  traffic:
    - &t {name: cluster-ip, from: deployment/app, to: \"http://db:6432/\", arrivals: {constant: {rate: 10/s}}, connections: {mode: perRequest}}
    - {<<: *t, name: headless, to: \"http://db-direct:5432/\"}
    - {<<: *t, name: primary, to: \"http://primary.db-direct:5432/\"}
    - {<<: *t, name: dashed, to: \"http://203-0-113-11.db-direct:5432/\"}
    - {<<: *t, name: address, to: \"http://203.0.113.11:5432/\"}
    - {<<: *t, name: service, to: \"http://_sql._tcp.db-direct/\"}
    - {<<: *t, name: in-turn, to: \"http://db-direct:5432/\", balancer: {policy: round-robin, start: 0}}
    - {<<: *t, name: next-free, to: \"http://198.51.100.1:80/\"}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{name: sql, port: 6432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints: [{addresses: [203.0.113.10]}, {addresses: [203.0.113.11]}]
ports: [{name: sql, port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: db-direct}
spec: {clusterIP: None, ports: [{name: sql, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-direct-1, labels: {kubernetes.io/service-name: db-direct}}
addressType: IPv4
endpoints: [{addresses: [203.0.113.10], hostname: primary}, {addresses: [203.0.113.11]}]
ports: [{name: sql, port: 5432}]
";

fn of<'r>(rows: &'r [Row], traffic: &str) -> Vec<&'r Row> {
    rows.iter().filter(|row| row["traffic"] == traffic).collect()
}

#[test]
fn a_database_outside_stands_behind_names_and_addresses() {
    let scratch = scratch();
    let rows = table(&results(scratch.path(), DATABASE, "out", &["--requests", "all"]), "requests.csv");
    assert!(rows.iter().all(|row| row["outcome"] == "succeeded"));
    // Round trips of handshake and request outside, work, and so many rounds of queries: only the one of SRV is two.
    let expected = [
        ("cluster-ip", 1, &["postgres-0", "postgres-1"][..]),
        ("headless", 1, &["postgres-0", "postgres-1"]),
        ("primary", 1, &["postgres-0"]),
        ("dashed", 1, &["postgres-1"]),
        ("address", 0, &["postgres-1"]),
        ("service", 2, &["postgres-0", "postgres-1"]),
        ("in-turn", 1, &["postgres-0", "postgres-1"]),
    ];
    for (traffic, rounds, pods) in expected {
        let rows = of(&rows, traffic);
        assert_eq!(rows.len(), 200, "{traffic}");
        let latency: BTreeSet<u64> = rows.iter().map(|row| nanos(&row["latency_ms"], 6)).collect();
        assert_eq!(latency, BTreeSet::from([23_000_000 + rounds * 1_000_000]), "{traffic}");
        let met: BTreeSet<&str> = rows.iter().map(|row| row["pod"].as_str()).collect();
        assert_eq!(met, BTreeSet::from_iter(pods.iter().copied()), "{traffic}");
    }
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    for row in of(&rows, "in-turn") {
        *turns.entry(row["pod"].as_str()).or_default() += 1;
    }
    assert_eq!(turns, BTreeMap::from([("postgres-0", 100), ("postgres-1", 100)]));
    // Who is given no address outside gets the first that nobody has.
    assert!(of(&rows, "next-free").iter().all(|row| row["pod"] == "other-0"));
    let resolved = std::fs::read_to_string(scratch.path().join("out/scenario.yaml")).expect("the resolved scenario");
    let again = results(scratch.path(), &resolved, "again", &["--requests", "all"]);
    assert_eq!(table(&again, "requests.csv"), rows, "the resolved scenario says the same");
}

/// A headless Service over an address of a pod goes on to stand for it when the pod is gone.
#[test]
fn names_written_by_hand_outlive_their_pods() {
    let scratch = scratch();
    let text = DATABASE
        .replace("    - {target: deployment/postgres, outside: true, addresses: [203.0.113.10, 203.0.113.11], inline: {replicas: 2, port: 5432}", "    - {target: deployment/postgres, inline: {replicas: 2, port: 5432}")
        .replace("  traffic:", "  timeline: [{at: 10s, deletePod: \"deployment/postgres[0]\"}]\n  traffic:")
        .replace("\"http://203-0-113-11.db-direct:5432/\"", "\"http://10-244-0-4.db-direct:5432/\"")
        .replace("203.0.113.10", "10.244.0.3")
        .replace("203.0.113.11", "10.244.0.4")
        .replace("mode: perRequest", "mode: perRequest, connectTimeout: 2s")
        .replace("    network:", "    pods: {stop: 0s}\n    network:");
    let rows = table(&results(scratch.path(), &text, "out", &["--requests", "all"]), "requests.csv");
    let late = |row: &&&Row| nanos(&row["arrived_s"], 9) > 12_000_000_000;
    let (primary, headless) = (of(&rows, "primary"), of(&rows, "headless"));
    assert!(
        primary
            .iter()
            .filter(|row| nanos(&row["arrived_s"], 9) < 9_000_000_000)
            .all(|row| row["outcome"] == "succeeded")
    );
    assert!(
        primary.iter().filter(late).all(|row| row["outcome"] == "connect_timeout"),
        "its name has an address still"
    );
    // Both addresses are in the answers: who begins with the one that is gone goes on to the other 2 s later.
    let ended: BTreeSet<(&str, u64)> =
        headless.iter().filter(late).map(|row| (row["outcome"].as_str(), nanos(&row["latency_ms"], 6))).collect();
    assert_eq!(ended, BTreeSet::from([("succeeded", 6_000_000), ("succeeded", 2_006_000_000)]));
    assert!(of(&rows, "dashed").iter().all(|row| row["outcome"] == "succeeded"));
}

#[test]
fn addresses_outside_that_cannot_be_are_answered() {
    let scratch = scratch();
    let cases = [
        (
            ("addresses: [203.0.113.10, 203.0.113.11]", "addresses: [203.0.113.10]"),
            "`addresses`: 1 for the 2 pods of deployment/postgres",
            "give every pod one, or leave `addresses` out",
        ),
        (
            ("203.0.113.11]", "203.0.113]"),
            "`addresses`: expected an IPv4 address, found `203.0.113`",
            "write for example 203.0.113.10",
        ),
        (("203.0.113.11]", "203.0.113.10]"), "`addresses`: 203.0.113.10 is given twice", ""),
        (
            ("203.0.113.11]", "10.244.0.9]"),
            "`addresses`: 10.244.0.9 is in the range of the pods of node n",
            "what stands outside has an address outside, such as 203.0.113.10",
        ),
        (
            ("outside: true, addresses", "addresses"),
            "`addresses`: deployment/postgres stands in the cluster",
            "a node gives its pods their addresses; write `outside: true` if it stands outside the cluster",
        ),
        (
            ("hostname: primary}, {addresses: [203.0.113.11]}", "hostname: primary}, {addresses: [203.0.113.12]}"),
            "service/db-direct, which sends to 203.0.113.12, an address that neither a pod nor anything outside has",
            "name the address of a pod in the EndpointSlice, or give it to a workload that stands outside: \
             outside: true, addresses: [203.0.113.12]",
        ),
    ];
    for ((from, to), message, help) in cases {
        assert!(DATABASE.contains(from));
        write(scratch.path(), "scenario.yaml", &DATABASE.replacen(from, to, 1));
        let done = output(scratch.path(), &["check", "scenario.yaml"]);
        assert_eq!(status(&done), 2, "{message}: {}", stdout(&done));
        assert!(stderr(&done).contains(message), "{message}: {}", stderr(&done));
        assert!(stderr(&done).contains(help), "{help}: {}", stderr(&done));
    }
    // A slice at another port, behind a name: nobody translates it.
    let slice = DATABASE.rfind("---").map(|start| DATABASE[start..].replace("db-direct-1", "db-direct-2"));
    let other = slice.expect("a slice").replace("port: 5432", "port: 5433");
    write(scratch.path(), "scenario.yaml", &format!("{DATABASE}{other}"));
    let done = output(scratch.path(), &["check", "scenario.yaml"]);
    let message = "service/db-direct, which has endpoints at the ports 5432 and 5433 for one port, and is headless";
    assert!(stderr(&done).contains(message), "{}", stderr(&done));
}
