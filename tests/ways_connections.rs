//! Connections from outside, and to the outside, are kept, counted, secured and remembered as all others are.

mod support;

use std::path::Path;

use support::{assert_close, number, results, scratch, table};

/// Pods on node a, of a Service with a node port; traffic from outside.
fn scenario(replicas: u32, service: &str, cluster: &str, traffic: &str, more: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: ways}}
spec:
  run: {{duration: 40s, warmup: 0s, drain: 200s, replications: 1, seed: 4}}
  observe: {{connections: true, nodes: true}}
  cluster:
    nodes: [{{name: a, zone: z1}}, {{name: b, zone: z1}}, {{name: c, zone: z2}}]
    network: {{sameNode: 50us, sameZone: 200us, crossZone: 900us, external: 10ms}}
{cluster}
  workloads:
    - {{target: deployment/web, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
    - {{target: deployment/other, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
  traffic:
    - {{name: t, from: internet, arrivals: {{constant: {{rate: 50/s}}}}, {traffic}}}
{more}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{all: web}}, ports: [{{port: 80, nodePort: 30080}}], {service}}}
"
    ) + &pods("web", replicas, "a")
        + &pods("other", 1, "b")
}

fn pods(name: &str, replicas: u32, node: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, all: {name}}}}}
    spec: {{nodeName: {node}, containers: [{{name: app, image: x, ports: [{{containerPort: 80}}]}}]}}
"
    )
}

fn run(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let scratch = scratch();
    let directory = results(scratch.path(), text, "out", &[]);
    (scratch, directory)
}

fn summary(directory: &Path, metric: &str) -> f64 {
    let rows = table(directory, "summary.csv");
    let row = rows.iter().find(|row| row["metric"] == metric && row["traffic"] == "t").expect("the metric is there");
    number(row, "mean").expect("it has a mean")
}

/// The sum over the rows of a file that have this value in a column.
fn sum(directory: &Path, file: &str, (key, value): (&str, &str), column: &str) -> f64 {
    let rows = table(directory, file);
    rows.iter().filter(|row| row[key] == value).map(|row| number(row, column).unwrap_or(f64::NAN)).sum()
}

fn books(directory: &Path, column: &str) -> f64 {
    sum(directory, "connections.csv", ("connections", "t"), column)
}

/// What was opened has ended, or is open.
#[track_caller]
fn balanced(directory: &Path) {
    let ends = ["closed_idle", "closed_by_server", "closed_for_age", "closed_for_requests", "reset"];
    let ended: f64 = ends.iter().map(|end| books(directory, end)).sum();
    assert_close("opened", books(directory, "opened"), ended + books(directory, "open_at_end"));
}

/// Who comes in the last moment is measured or not, and remembered in any case.
#[track_caller]
fn few_more(value: f64, expected: f64) {
    assert!((0.0..=3.0).contains(&(value - expected)), "{value} instead of {expected}");
}

const NODE_PORT: &str = "type: NodePort";

#[test]
fn tls_takes_the_whole_way_in() {
    for (tls, latency) in [("'1.3'", 20.0 + 1.8 + 0.5), ("'1.2'", 2.0 * (20.0 + 1.8) + 0.5)] {
        let to = format!("to: \"http://c:30080/\", connections: {{keepAlive: false, tls: {tls}}}");
        let (_scratch, out) = run(&scenario(1, NODE_PORT, "", &to, ""));
        assert_close(tls, summary(&out, "latency_mean_ms"), 41.0 + 4.0 * 0.9 + latency);
    }
}

#[test]
fn books_are_kept_of_clients_outside() {
    let to = "to: \"http://a:30080/\", connections: ";
    let (_scratch, out) = run(&scenario(1, NODE_PORT, "", &format!("{to}{{keepAlive: false}}"), ""));
    few_more(books(&out, "opened"), 2_000.0);
    assert!(table(&out, "connections.csv").iter().all(|row| row["node"] == "the internet"));
    balanced(&out);
    // A request every 20 ms, of 21 ms: two connections take turns.
    let (_scratch, out) = run(&scenario(1, NODE_PORT, "", &format!("{to}{{mode: pool}}"), ""));
    assert!(books(&out, "open_max") <= 3.0, "{}", books(&out, "open_max"));
    balanced(&out);
    // Ten requests each.
    let (_scratch, out) = run(&scenario(1, NODE_PORT, "", &format!("{to}{{mode: pool, maxRequests: 10}}"), ""));
    few_more(books(&out, "closed_for_requests"), 198.0);
    balanced(&out);
}

/// The node that takes a connection in has an entry for it, and so has the pod's node; the client's ports are not the
/// cluster's.
#[test]
fn nodes_remember_what_they_took_in() {
    let kernel = "    kernel: {conntrack: {max: 100000, timeWait: 120s}, sourcePorts: {count: 1}}";
    let (_scratch, out) =
        run(&scenario(1, NODE_PORT, kernel, "to: \"http://c:30080/\", connections: {keepAlive: false}", ""));
    assert_close("errors", summary(&out, "error_ratio"), 0.0);
    for (node, most) in [("a", 2_000.0), ("b", 0.0), ("c", 2_000.0)] {
        few_more(sum(&out, "nodes.csv", ("node", node), "conntrack_max"), most);
    }
    // Two thousand requests go on from c to a, and their replies come back.
    few_more(2_000.0, sum(&out, "nodes.csv", ("node", "c"), "cross_zone_messages"));
    few_more(2_000.0, sum(&out, "nodes.csv", ("node", "a"), "cross_zone_messages"));
    // From c they leave the cluster.
    few_more(2_000.0, sum(&out, "nodes.csv", ("node", "c"), "external_messages"));
    assert_close("not from a", sum(&out, "nodes.csv", ("node", "a"), "external_messages"), 0.0);
    assert!(table(&out, "nodes.csv").iter().all(|row| row["nat_ports_max"].is_empty()), "nothing stands outside");
    // Room for 500 connections on the way: the others are never opened.
    let (_scratch, out) = run(&scenario(
        1,
        NODE_PORT,
        &kernel.replace("100000", "500").replace("timeWait: 120s", "timeWait: 1h"),
        "to: \"http://c:30080/\", connections: {keepAlive: false}",
        "",
    ));
    assert_close("served", sum(&out, "nodes.csv", ("node", "c"), "conntrack_max"), 500.0);
    let lost = sum(&out, "errors.csv", ("cause", "conntrack_full"), "count");
    few_more(lost, 1_500.0);
}

/// Under Local a node without a pod does not answer; a SYN that comes again finds the pod that came meanwhile.
#[test]
fn a_syn_that_comes_again_finds_the_pod_that_came() {
    let service = "type: NodePort, externalTrafficPolicy: Local";
    let text = |timeline: &str| {
        scenario(0, service, "", "to: \"http://a:30080/\", connections: {keepAlive: false}", timeline)
            .replace("selector: {all: web}", "selector: {}")
            .replace("labels: {app: web, all: web}", "labels: {app: web, all: both}")
            .replace("labels: {app: other, all: other}", "labels: {app: other, all: both}")
            .replace("selector: {}", "selector: {all: both}")
    };
    let (_scratch, out) = run(&text(""));
    assert_close("nobody", sum(&out, "errors.csv", ("cause", "connect_timeout"), "count"), 2_000.0);
    let (_scratch, out) = run(&text("  timeline: [{at: 5s, scale: deployment/web, replicas: 1}]"));
    assert_close("errors", summary(&out, "error_ratio"), 0.0);
    assert!(books(&out, "syn_retransmissions") > 500.0);
    // Whoever came first waited for the pod, and for the next SYN after it.
    let most = summary(&out, "latency_max_ms");
    assert!((7_000.0..12_000.0).contains(&most), "{most}");
}

/// Connections that a load balancer ends are in the books; the next requests go to other pods.
#[test]
fn a_load_balancer_ends_connections_to_pods_that_left() {
    let balancer = "    loadBalancers: {targets: pods, deregistrationDelay: 1s, healthCheck: {interval: 1s}}";
    let timeline = "  timeline: [{at: 10s, notReady: \"deployment/web[1]\"}]";
    for connections in ["{mode: pool}", "{mode: pool, idleTimeout: 1h}", "{protocol: http2}"] {
        let to = format!("to: \"http://web/\", clients: {{count: 20}}, connections: {connections}");
        let (_scratch, out) = run(&scenario(2, "type: LoadBalancer", balancer, &to, timeline));
        let ended = books(&out, "reset") + books(&out, "closed_by_server");
        assert!(ended >= 5.0, "{connections}: {ended}");
        balanced(&out);
        assert_close(connections, summary(&out, "error_ratio"), 0.0);
    }
}

/// A port of the NAT is free again when a kept connection has been idle for too long.
#[test]
fn idle_connections_give_their_ports_back() {
    let text = |connections: &str| {
        format!(
            "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: out}}
spec:
  run: {{duration: 40s, warmup: 0s, drain: 200s, replications: 1, seed: 4}}
  observe: {{connections: true}}
  cluster:
    nodes: [{{name: a}}]
    network: {{external: 10ms}}
    nat: {{by: gateway, ports: 5, hold: 0s}}
  workloads:
    - target: deployment/partner
      outside: true
      inline: {{replicas: 1, port: 80}}
      containers: {{app: {{concurrency: unlimited, serviceTime: 5ms}}}}
  traffic:
    - {{name: t, from: {{node: a}}, to: \"http://partner/\", clients: {{count: 40}}, arrivals: {{constant: {{rate: 2/s}}}}, connections: {connections}}}
"
        )
    };
    // Each of forty clients comes anew; five keep all ports.
    let (_scratch, kept) = run(&text("{mode: pool}"));
    assert!(sum(&kept, "errors.csv", ("cause", "port_exhaustion"), "count") > 30.0);
    let (_scratch, ended) = run(&text("{mode: pool, idleTimeout: 1s}"));
    assert_close("errors", summary(&ended, "error_ratio"), 0.0);
    assert_close("latency", summary(&ended, "latency_max_ms"), 45.0);
    balanced(&ended);
}

fn snat(directory: &Path, node: &str) -> f64 {
    sum(directory, "nodes.csv", ("node", node), "snat_ports_max")
}

/// Fifty connections a second, each with a port of the node that sends it on for as long as it stands (44.6 ms, 41 ms
/// without the second hop) and ten seconds longer: those of the 502 before it, and its own.
#[test]
fn nodes_have_so_many_ports_for_what_they_send_on() {
    let to = "to: \"http://c:30080/\", connections: {keepAlive: false}";
    for by in ["node", "gateway"] {
        let nat = format!("    nat: {{by: {by}, ports: 64512, hold: 10s}}");
        let (_scratch, out) = run(&scenario(1, NODE_PORT, &nat, to, ""));
        // A gateway has nothing to do with it: nodes keep ports for two minutes, so all of them.
        let expected = if by == "node" { 503.0 } else { 2_000.0 };
        few_more(snat(&out, "c"), expected);
        assert_close("elsewhere", snat(&out, "a") + snat(&out, "b"), 0.0);
        assert_close("errors", summary(&out, "error_ratio"), 0.0);
    }
    // Where the pod stands, the node's address is put there, too; under Local it is not.
    let nat = "    nat: {ports: 64512, hold: 10s}";
    let (_scratch, out) = run(&scenario(1, NODE_PORT, nat, &to.replace("c:", "a:"), ""));
    few_more(snat(&out, "a"), 503.0);
    let local = format!("{NODE_PORT}, externalTrafficPolicy: Local");
    let (_scratch, out) = run(&scenario(1, &local, nat, &to.replace("c:", "a:"), ""));
    assert_close("local", snat(&out, "a"), 0.0);
}

/// Half as many ports as it would take: SYNs find none and are sent again, the last of them in vain.
#[test]
fn without_ports_what_comes_in_is_not_sent_on() {
    let nat = "    nat: {ports: 250, hold: 10s}";
    for (to, more) in [("http://c:30080/", ""), ("http://web/", ", type: LoadBalancer")] {
        let to = format!("to: \"{to}\", connections: {{keepAlive: false}}");
        let kind = if more.is_empty() { NODE_PORT } else { "type: LoadBalancer" };
        let (_scratch, out) = run(&scenario(1, kind, nat, &to, ""));
        let failed = sum(&out, "errors.csv", ("cause", "port_exhaustion"), "count");
        if more.is_empty() {
            assert_close("most", snat(&out, "c"), 250.0);
            assert!(failed > 50.0, "{failed}");
            // Each port serves a connection every 10 s and a little: four and a half rounds in 40 s, and more afterwards.
            assert!(summary(&out, "latency_max_ms") > 1_000.0);
        } else {
            // Three nodes share the work: each has ports enough.
            assert_close("errors", failed, 0.0);
            for node in ["a", "b", "c"] {
                few_more(snat(&out, node), 168.0);
            }
        }
        // Rounds of the same with connections that stand: one port each.
        let pinned = to.replace("keepAlive: false", "mode: pinned") + ", clients: {count: 30}";
        let (_scratch, out) = run(&scenario(1, kind, nat, &pinned, ""));
        let all: f64 = ["a", "b", "c"].iter().map(|node| snat(&out, node)).sum();
        assert_close("pinned", all, 30.0);
    }
}

/// What a node sends to clients outside and to load balancers has left the cluster.
#[test]
fn replies_to_the_outside_are_counted() {
    for (service, to) in
        [(NODE_PORT, "http://a:30080/"), ("type: LoadBalancer, externalTrafficPolicy: Local", "http://web/")]
    {
        let to = format!("to: \"{to}\", connections: {{mode: pinned, protocol: http2}}, responseSize: 1000");
        let (_scratch, out) = run(&scenario(1, service, "", &to, ""));
        few_more(sum(&out, "nodes.csv", ("node", "a"), "external_messages"), 1_998.0);
        let bytes = sum(&out, "nodes.csv", ("node", "a"), "external_bytes");
        assert_close("bytes", bytes, 1_000.0 * sum(&out, "nodes.csv", ("node", "a"), "external_messages"));
        assert_close("inside", sum(&out, "nodes.csv", ("zone", "z1"), "same_zone_messages"), 0.0);
    }
    // Over a second hop: from the pod's node to the other, and out from there.
    let to = "to: \"http://c:30080/\", connections: {mode: pinned, protocol: http2}, responseSize: 1000";
    let (_scratch, out) = run(&scenario(1, NODE_PORT, "", to, ""));
    few_more(sum(&out, "nodes.csv", ("node", "c"), "external_messages"), 1_998.0);
    assert_close("a", sum(&out, "nodes.csv", ("node", "a"), "external_messages"), 0.0);
}
