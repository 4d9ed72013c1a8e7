//! Which endpoints a Service's policies leave to a client, and what becomes of those to whom none is left.

mod support;

use std::path::Path;

use support::{Row, results, scratch, table};

/// Two pods on node-1, six on node-2 (another zone), none on node-3 (the first zone) and node-4 (a zone of its own);
/// clients on every node, 1,000 connections a second.
fn scenario(service: &str, cluster: &str, timeline: &str) -> String {
    let deployment = |name: &str, replicas: u32, node: &str| {
        format!(
            "\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, tier: web}}}}
    spec: {{nodeName: {node}, containers: [{{name: app, ports: [{{containerPort: 80}}]}}]}}
"
        )
    };
    let traffic = |node: u32| {
        format!(
            "    - {{name: t{node}, from: {{node: n-{node}}}, to: http://web/, timeout: 300s, connections: {{keepAlive: false}}, \
             arrivals: {{constant: {{rate: 1000/s}}}}}}\n"
        )
    };
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: policies}}
spec:
  run: {{duration: 6s, warmup: 0s, drain: 300s, replications: 2, seed: 4}}
  cluster:
    nodes: [{{name: n-1, zone: a, cpu: 4}}, {{name: n-2, zone: b, cpu: 4}}, {{name: n-3, zone: a, cpu: 4}}, {{name: n-4, zone: c, cpu: 4}}]
    network: none
{cluster}  workloads:
    - {{target: deployment/one, containers: {{app: {{concurrency: 50, serviceTime: 1ms}}}}}}
    - {{target: deployment/two, containers: {{app: {{concurrency: 50, serviceTime: 1ms}}}}}}
  traffic:
{}  timeline: [{timeline}]
{}{}---
apiVersion: v1
kind: Service
metadata: {{name: web{}}}
spec: {{selector: {{tier: web}}, ports: [{{port: 80}}]{}}}
",
        (1..=4).map(traffic).collect::<String>(),
        deployment("one", 2, "n-1"),
        deployment("two", 6, "n-2"),
        service.strip_prefix('@').map_or(String::new(), |mode| format!(
            ", annotations: {{service.kubernetes.io/topology-mode: {mode}}}"
        )),
        if service.starts_with('@') { "" } else { service },
    )
}

fn number(row: &Row, column: &str) -> f64 {
    support::number(row, column).unwrap_or_else(|| panic!("{column} is empty in {row:?}"))
}

/// Of the requests of a client on this node, the share that each node's pods answered.
fn shares(run: &Path, traffic: &str) -> [f64; 2] {
    let rows = table(run, "requests.csv");
    let mine = rows.iter().filter(|row| row["traffic"] == traffic && row["replication"] == "0").collect::<Vec<_>>();
    let of = |name: &str| mine.iter().filter(|row| row["pod"].starts_with(name)).count() as f64 / mine.len() as f64;
    [of("one"), of("two")]
}

fn run(scratch: &Path, service: &str, cluster: &str, timeline: &str) -> std::path::PathBuf {
    results(scratch, &scenario(service, cluster, timeline), "out", &["--requests", "all"])
}

fn near(found: [f64; 2], expected: [f64; 2]) {
    // 6,000 connections: a share of one in four has a standard deviation of 0.0056.
    let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.03);
    assert!(close, "{found:?} instead of {expected:?}");
}

/// Causes and counts of what failed in the first replication, by traffic.
fn errors(run: &Path) -> Vec<(String, String, f64)> {
    let rows = table(run, "errors.csv");
    rows.iter()
        .filter(|row| row["replication"] == "0")
        .map(|row| (row["traffic"].clone(), row["cause"].clone(), number(row, "count")))
        .collect()
}

#[test]
fn without_policies_all_clients_use_all_pods() {
    let scratch = scratch();
    let run = run(scratch.path(), "", "", "");
    for traffic in ["t1", "t2", "t3", "t4"] {
        near(shares(&run, traffic), [0.25, 0.75]);
    }
}

#[test]
fn the_zone_comes_first_where_it_has_pods() {
    for distribution in ["PreferClose", "PreferSameZone"] {
        let scratch = scratch();
        let run = run(scratch.path(), &format!(", trafficDistribution: {distribution}"), "", "");
        near(shares(&run, "t1"), [1.0, 0.0]);
        near(shares(&run, "t3"), [1.0, 0.0]);
        near(shares(&run, "t2"), [0.0, 1.0]);
        near(shares(&run, "t4"), [0.25, 0.75]);
    }
}

#[test]
fn local_means_the_own_node_or_nothing() {
    for mode in ["iptables", "nftables"] {
        let scratch = scratch();
        let cluster = format!("    kubeProxy: {{mode: {mode}}}\n");
        let run = run(scratch.path(), ", internalTrafficPolicy: Local", &cluster, "");
        near(shares(&run, "t1"), [1.0, 0.0]);
        near(shares(&run, "t2"), [0.0, 1.0]);
        // Packets are dropped: whoever connects tries for 131 s.
        let failed = errors(&run);
        assert_eq!(failed.len(), 2, "{failed:?}");
        for (traffic, cause, count) in failed {
            assert!(traffic == "t3" || traffic == "t4", "{traffic}");
            assert_eq!((cause.as_str(), count), ("connect_timeout", 6_000.0));
        }
    }
}

#[test]
fn modes_that_answer_refuse_at_once() {
    for mode in ["ipvs", "ebpf"] {
        let scratch = scratch();
        let cluster = format!("    kubeProxy: {{mode: {mode}}}\n");
        let run = run(scratch.path(), ", internalTrafficPolicy: Local", &cluster, "");
        assert!(errors(&run).iter().all(|(_, cause, _)| cause == "refused"));
        near(shares(&run, "t2"), [0.0, 1.0]);
    }
}

#[test]
fn a_service_without_pods_anywhere_refuses_at_once() {
    let scratch = scratch();
    let timeline = "{at: 0s, scale: deployment/one, replicas: 0}, {at: 0s, scale: deployment/two, replicas: 0}";
    let run = run(scratch.path(), ", internalTrafficPolicy: Local", "    propagation: {kubeProxy: 0s}\n", timeline);
    let failed = errors(&run);
    assert_eq!(failed.len(), 4, "{failed:?}");
    assert!(failed.iter().all(|(_, cause, _)| cause == "refused"), "{failed:?}");
}

#[test]
fn pods_on_their_way_out_serve_as_long_as_nobody_else_does() {
    let scratch = scratch();
    let timeline = "{at: 2s, scale: deployment/one, replicas: 0}, {at: 2s, scale: deployment/two, replicas: 0}";
    let cluster = "    pods: {stop: 2s}\n    propagation: {kubeProxy: 0s}\n";
    let run = run(scratch.path(), "", cluster, timeline);
    let rows = table(&run, "requests.csv");
    let between = |from: f64, to: f64| rows.iter().filter(move |row| (from..to).contains(&number(row, "arrived_s")));
    assert!(between(2.0, 3.99).count() > 10_000, "they serve until they end");
    assert!(between(0.0, 3.99).all(|row| row["outcome"] == "succeeded"));
    assert!(between(4.0, 6.0).all(|row| row["outcome"] != "succeeded"));
}

#[test]
fn unready_pods_get_connections_where_a_service_publishes_them() {
    let refused = |service: &str| {
        let scratch = scratch();
        let timeline = "{at: 1s, scale: deployment/one, replicas: 4}";
        let cluster = "    pods: {start: 2s}\n    propagation: {kubeProxy: 0s}\n";
        let run = run(scratch.path(), service, cluster, timeline);
        errors(&run).iter().map(|(_, _, count)| count).sum::<f64>()
    };
    assert!(refused("").abs() < f64::EPSILON);
    // Two of ten pods do not listen for two seconds of 4,000 connections each: 1,600.
    let found = refused(", publishNotReadyAddresses: true");
    assert!((found - 1_600.0).abs() < 5.0 * (1_600.0_f64 * 0.8).sqrt(), "{found}");
}

#[test]
fn endpoints_written_by_hand_stay_as_they_are() {
    let scratch = scratch();
    let service = "metadata: {name: web}\nspec: {selector: {tier: web}, ports: [{port: 80}]}";
    let text = scenario("", "", "{at: 3s, deletePod: \"deployment/two[0]\"}");
    assert!(text.contains(service));
    // One pod of each node, of eight: 10.244.0.2 and 10.244.1.2.
    let slice = "metadata: {name: web}\nspec: {ports: [{port: 80}]}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\nendpoints: [{addresses: [10.244.0.2]}, {addresses: [10.244.1.2]}]\nports: [{port: 80}]";
    let run = results(scratch.path(), &text.replace(service, slice), "out", &["--requests", "all"]);
    let rows = table(&run, "requests.csv");
    let of = |pod: &str, from: f64, to: f64| {
        let mine = rows.iter().filter(|row| row["pod"] == pod && (from..to).contains(&number(row, "arrived_s")));
        mine.filter(|row| row["outcome"] == "succeeded").count()
    };
    let all = |from: f64, to: f64| rows.iter().filter(|row| (from..to).contains(&number(row, "arrived_s"))).count();
    assert_eq!(of("one-0", 0.0, 2.9) + of("two-0", 0.0, 2.9), all(0.0, 2.9), "nobody else is asked");
    // Two replications of 4,000 a second: half of them for each, and from then on in vain.
    assert!((of("one-0", 0.0, 2.9) as f64 / 23_200.0 - 0.5).abs() < 0.02);
    assert_eq!(of("two-0", 3.0, 6.0), 0);
    assert!((of("one-0", 3.0, 6.0) as f64 / 24_000.0 - 0.5).abs() < 0.02, "the rest gets no answer");
}

#[test]
fn topology_hints_come_and_go_with_the_number_of_pods() {
    let scratch = scratch();
    // Shares of CPU 2:1:1, eight pods: 3.33, 1.67 and 1.67 at least make 4 + 2 + 2. With nine it is 4 + 2 + 2 as well, with
    // three 2 + 1 + 1.
    let timeline = "{at: 2s, scale: deployment/two, replicas: 1}";
    let run = run(scratch.path(), "@Auto", "    propagation: {kubeProxy: 0s}\n", timeline);
    let rows = table(&run, "requests.csv");
    let pods = |traffic: &str, from: f64, to: f64| {
        let mine = rows.iter().filter(|row| row["traffic"] == traffic && row["replication"] == "0");
        let mine = mine.filter(|row| (from..to).contains(&number(row, "arrived_s")));
        mine.map(|row| row["pod"].clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!([1, 2, 3, 4].map(|node| pods(&format!("t{node}"), 0.0, 2.0).len()), [4, 2, 4, 2]);
    assert!(pods("t1", 0.0, 2.0).is_disjoint(&pods("t2", 0.0, 2.0)));
    // With three pods for three zones one would get twice its part: there are no hints, and all use all.
    assert_eq!([1, 2, 3, 4].map(|node| pods(&format!("t{node}"), 2.01, 6.0).len()), [3; 4]);
    let events = table(&run, "events.csv");
    let told = events.iter().filter(|row| row["kind"] == "topology-hints" && row["replication"] == "0");
    let told: Vec<_> = told.map(|row| row["detail"].clone()).collect();
    assert_eq!(told, ["off: some zone would be overloaded by more than 20 %"]);
}
