//! Names of headless Services while their pods come and go: what servers, caches and clients say, and for how long.

mod support;

use std::path::{Path, PathBuf};

use support::{Row, count, nanos, results, scratch, table};

/// A request a second, each with a connection of its own; servers at no cost, half a millisecond away.
const BASE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: names}
spec:
  run: {duration: 100s, warmup: 0s, replications: 1, seed: 1, drain: 1000s}
  cluster:
    nodes: [{name: a}]
    network: {sameNode: 500us}
    pods: {start: 1s, stop: 0s}
    propagation: {dns: 2s, clients: 40s}
    dns: {replicas: 1, serviceTime: 0s, upstream: 0s}
  workloads:
    - {target: deployment/web, inline: {replicas: 2}, containers: {app: {concurrency: unlimited, serviceTime: 0s}}}
  traffic:
    - {name: t, from: {node: a}, to: \"http://peers/\", timeout: 500ms, connections: {mode: perRequest}, arrivals: {renewal: {interval: 1s}}}
  timeline: TIMELINE
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}
";

fn run(directory: &Path, timeline: &str, set: &[(&str, &str)]) -> PathBuf {
    let mut arguments = vec!["--requests".to_owned(), "all".to_owned(), "--force".to_owned()];
    for (path, value) in set {
        arguments.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    results(directory, &BASE.replace("TIMELINE", timeline), "out", &arguments)
}

/// Arrival in whole seconds, outcome and pod of every request.
fn requests(timeline: &str, set: &[(&str, &str)]) -> Vec<(u64, String, String)> {
    let directory = scratch();
    let rows = table(&run(directory.path(), timeline, set), "requests.csv");
    let of = |row: &Row| (nanos(&row["arrived_s"], 9) / 1_000_000_000, row["outcome"].clone(), row["pod"].clone());
    rows.iter().map(of).collect()
}

/// Seconds in which requests ended so.
fn seconds(all: &[(u64, String, String)], outcome: &str) -> Vec<u64> {
    all.iter().filter(|one| one.1 == outcome).map(|one| one.0).collect()
}

const RESOLVER: &str = "traffic[t].resolver";
const TO: &str = "traffic[t].to";

/// All pods go at 10 s and come back at 31 s (they start for a second). Answers are 2 s late, both times.
#[test]
fn a_name_comes_and_goes_with_the_ready_pods() {
    let timeline = "[{at: 10s, scale: deployment/web, replicas: 0}, {at: 30s, scale: deployment/web, replicas: 1}]";
    let all = requests(timeline, &[]);
    assert_eq!(seconds(&all, "dns_nxdomain"), (12..33).collect::<Vec<_>>());
    // A second after its processes nothing of a pod is left: refused, then silent.
    assert_eq!(seconds(&all, "refused"), [10]);
    assert_eq!(seconds(&all, "deadline_exceeded"), [11]);
    assert!(all.iter().filter(|one| one.0 >= 33).all(|one| (one.1.as_str(), one.2.as_str()) == ("succeeded", "web-2")));
    // The same by the name of its port, and with a balancer of the client's own.
    let ends = |all: &[(u64, String, String)]| all.iter().map(|one| (one.0, one.1.clone())).collect::<Vec<_>>();
    assert_eq!(ends(&requests(timeline, &[(TO, "http://_http._tcp.peers/")])), ends(&all));
    assert_eq!(ends(&requests(timeline, &[("traffic[t].balancer", "{policy: round-robin}")])), ends(&all));
}

/// It was not there from the start.
#[test]
fn a_name_may_come_later() {
    let timeline = "[{at: 20s, scale: deployment/web, replicas: 3}]";
    let none = ("workloads[deployment/web].inline.replicas", "0");
    for more in [
        ("traffic[t].connections", "{mode: perRequest}"),
        ("traffic[t].connections", "{mode: pool}"),
        ("traffic[t].connections", "{mode: pinned}"),
        ("traffic[t].connections", "{protocol: http2}"),
        (
            "traffic[t]",
            "{name: t, from: {node: a}, to: \"http://peers/\", balancer: {policy: random}, connections: {mode: perRequest}, arrivals: {renewal: {interval: 1s}}}",
        ),
        (
            "traffic[t]",
            "{name: t, from: {node: a}, to: \"http://peers/\", balancer: {policy: random}, connections: {mode: pool}, arrivals: {renewal: {interval: 1s}}}",
        ),
    ] {
        let all = requests(timeline, &[none, more]);
        assert_eq!(seconds(&all, "dns_nxdomain").last(), Some(&22), "{more:?}: {all:?}");
        assert!(all.iter().all(|one| (one.1 == "succeeded") == (one.0 >= 23)), "{more:?}: {all:?}");
    }
}

/// web-0 goes at 10 s; web-2 takes its place at 11 s. Who asks each time knows at 12 s and 13 s, who remembers does not.
#[test]
fn clients_go_on_with_what_they_remember() {
    let timeline = "[{at: 10s, deletePod: \"deployment/web[0]\"}, {at: 10s, deletePod: \"deployment/web[1]\"}]";
    let lost = |set: &[(&str, &str)]| {
        let all = requests(timeline, set);
        let lost: Vec<u64> = all.iter().filter(|one| one.1 != "succeeded").map(|one| one.0).collect();
        (lost.first().copied(), lost.last().copied(), lost.len())
    };
    // At 12 s the servers hear that nobody is ready, at 13 s that two others are.
    assert_eq!(lost(&[]), (Some(10), Some(12), 3));
    // Asked at 1 s, kept for 30 s: the dead pod is tried until the lookup at 32 s.
    assert_eq!(lost(&[(RESOLVER, "{cache: {ttl: 30s}}")]), (Some(10), Some(31), 22));
    assert_eq!(lost(&[(RESOLVER, "{cache: jvm}")]), (Some(10), Some(31), 22));
    assert_eq!(lost(&[(RESOLVER, "{cache: forever}")]), (Some(10), Some(99), 90));
    // With a balancer of its own: both addresses are remembered, and both are dead.
    let own = ("traffic[t].balancer", "{policy: round-robin}");
    assert_eq!(lost(&[own]), (Some(10), Some(12), 3));
    assert_eq!(lost(&[own, (RESOLVER, "{cache: jvm}")]), (Some(10), Some(31), 22));
    // Standing connections break, and opening them again asks.
    assert_eq!(lost(&[("traffic[t].connections", "{protocol: http2}")]), (Some(10), Some(12), 3));
    // Clients that balance over standing connections hear from their resolver in the background, 40 s after the pods.
    let standing = ("traffic[t].connections", "{protocol: http2}");
    assert_eq!(lost(&[own, standing]), (Some(10), Some(50), 41));
}

/// A cache of the node (30 s, and 5 s for names that do not exist) or of the servers answers what was true before.
#[test]
fn caches_on_the_way_keep_old_answers() {
    let timeline = "[{at: 10s, deletePod: \"deployment/web[0]\"}, {at: 10s, deletePod: \"deployment/web[1]\"}]";
    let lost = |set: &[(&str, &str)]| {
        let all = requests(timeline, set);
        all.iter().filter(|one| one.1 != "succeeded").map(|one| one.0).collect::<Vec<_>>()
    };
    let alone = (RESOLVER, "{family: ipv4}");
    // The A record came at 1 s and is asked for again at 32 s.
    assert_eq!(lost(&[("cluster.dns.nodeLocal", "true"), alone]), (10..32).collect::<Vec<_>>());
    // The server's own, which it renews when its time is up.
    assert_eq!(lost(&[("cluster.dns.zoneCache", "30s"), alone]), (10..31).collect::<Vec<_>>());
    assert_eq!(
        lost(&[("cluster.dns.zoneCache", "5s"), alone]),
        (10..16).collect::<Vec<_>>(),
        "renewed at 11 s and 16 s"
    );
    assert_eq!(lost(&[("cluster.dns.zoneCache", "none"), alone]), [10, 11, 12]);
    // Renewed at 12 s, when nobody was ready: that there is no such name is kept as well.
    let negative = requests(timeline, &[("cluster.dns.zoneCache", "11s"), alone]);
    assert_eq!(seconds(&negative, "dns_nxdomain"), (12..23).collect::<Vec<_>>());
    // Answers say 11 s: no cache keeps them for longer.
    let short = [("cluster.dns.zoneCache", "60s"), alone, ("cluster.dns.ttl", "11s")];
    assert_eq!(requests(timeline, &short), negative);
}

/// A pod's own name ends with it, whoever else is ready; one that is not ready has none either.
#[test]
fn a_pod_s_name_ends_with_it() {
    let by_address = (TO, "http://10-244-0-2.peers/");
    let timeline = "[{at: 10s, notReady: \"deployment/web[0]\"}, {at: 20s, ready: \"deployment/web[0]\"}, {at: 30s, deletePod: \"deployment/web[0]\"}]";
    let all = requests(timeline, &[by_address]);
    let expected: Vec<u64> = (12..22).chain(32..100).collect();
    assert_eq!(seconds(&all, "dns_nxdomain"), expected);
    assert!(all.iter().all(|one| one.1 != "succeeded" || one.2 == "web-0"));
    assert_eq!((seconds(&all, "refused"), seconds(&all, "deadline_exceeded")), (vec![30], vec![31]));
    // Three others are in the answer of the Service meanwhile, never the one that is not ready.
    let service = requests("[{at: 0s, notReady: \"deployment/web[0]\"}]", &[]);
    assert!(service.iter().all(|one| one.0 < 2 || one.2 == "web-1"), "{service:?}");
}

/// What is told of it: events, and answers in `dns.csv`.
#[test]
fn events_and_answers_are_told() {
    let directory = scratch();
    let timeline = "[{at: 10s, scale: deployment/web, replicas: 0}, {at: 30s, scale: deployment/web, replicas: 1}]";
    let path = run(directory.path(), timeline, &[]);
    let events: Vec<(String, String)> = table(&path, "events.csv")
        .iter()
        .filter(|row| row["kind"] == "programmed")
        .map(|row| (row["t_s"].clone(), row["detail"].clone()))
        .collect();
    let told = |at: &str, version: u32| (at.to_owned(), format!("version {version} by DNS servers"));
    assert!(events.contains(&told("12", 1)) && events.contains(&told("33", 3)), "{events:?}");
    assert!(
        events.iter().all(|event| !event.1.contains("kube-proxies")),
        "a headless Service has no rules: {events:?}"
    );
    let rows = table(&path, "dns.csv");
    let row = |kind: &str| rows.iter().find(|row| row["type"] == kind).expect("a row");
    let counts = |row: &Row| ["queries", "noerror", "nodata", "nxdomain"].map(|column| count(row, column));
    assert_eq!(counts(row("lookup")), [99, 78, 0, 21]);
    let a = rows.iter().find(|row| row["type"] == "A" && row["name"].starts_with("peers.default.svc")).expect("a row");
    assert_eq!(counts(a), [99, 78, 0, 21]);
}

/// Who names an address goes there whether the pod is ready or not, and long after it is gone.
#[test]
fn an_address_is_no_service() {
    let timeline = "[{at: 10s, notReady: \"deployment/web[0]\"}, {at: 20s, deletePod: \"deployment/web[0]\"}]";
    let all = requests(timeline, &[(TO, "http://10.244.0.2/")]);
    assert_eq!(seconds(&all, "succeeded"), (1..20).collect::<Vec<_>>());
    assert_eq!(seconds(&all, "refused"), [20]);
    assert_eq!(seconds(&all, "deadline_exceeded"), (21..100).collect::<Vec<_>>(), "nobody has the address");
}
