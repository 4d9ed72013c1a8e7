//! Network interfaces with a rate: hand-made cases with exact times.

mod support;

use std::path::{Path, PathBuf};

use support::{assert_close, number, output, results, run_file, scratch, status, stderr, stdout, table, write};

/// Bytes take a microsecond each: 8 Mbit/s. Pods on a; b and c are other nodes of the zone, d is in another.
fn scenario(cluster: &str, traffic: &str, more: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: wires}}
spec:
  run: {{duration: 1s, warmup: 0s, drain: 100s, replications: 1, seed: 4}}
  observe: {{nodes: true}}
  cluster:
    nodes: [{{name: a}}, {{name: b}}, {{name: c}}, {{name: d, zone: z2}}]
    network: {{sameNode: 50us, sameZone: 200us, crossZone: 900us, external: 10ms}}
{cluster}
  workloads:
    - {{target: deployment/web, containers: {{app: {{concurrency: unlimited, serviceTime: 0s}}}}}}
  traffic:
{traffic}
{more}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{nodeName: a, containers: [{{name: app, image: x, ports: [{{containerPort: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: LoadBalancer, selector: {{app: web}}, ports: [{{port: 80, nodePort: 30080}}]}}
"
    )
}

fn run(text: &str) -> (tempfile::TempDir, PathBuf) {
    let scratch = scratch();
    let directory = results(scratch.path(), text, "out", &["--requests", "all"]);
    (scratch, directory)
}

/// The latencies of a traffic in ms, in order.
fn latencies(directory: &Path, traffic: &str) -> Vec<f64> {
    let rows = table(directory, "requests.csv");
    let own = rows.iter().filter(|row| row["traffic"] == traffic);
    own.map(|row| number(row, "latency_ms").expect("it ended")).collect()
}

fn node(directory: &Path, name: &str, column: &str) -> Option<f64> {
    let rows = table(directory, "nodes.csv");
    number(rows.iter().find(|row| row["node"] == name).expect("the node has a row"), column)
}

const ALL: &str = "    bandwidth: 8M";

/// Every 100 ms 15,000 bytes leave b, every 10 ms 100 bytes: those that come meanwhile wait for them.
#[test]
fn small_messages_wait_for_large_ones() {
    let traffic = "    - {name: large, from: {node: b}, to: http://web/, connections: {mode: pinned, protocol: http2}, requestSize: 15000, arrivals: {constant: {rate: 10/s}}}
    - {name: small, from: {node: b}, to: http://web/, connections: {mode: pinned, protocol: http2}, requestSize: 100, arrivals: {constant: {rate: 100/s}}}";
    let (_scratch, out) = run(&scenario(ALL, traffic, ""));
    let small = latencies(&out, "small");
    // On the line from 15 to 15.1 ms, from 15.1 to 15.2, and at once; there and back through the network 0.4 ms more.
    for (request, line) in [(0, 15.1), (1, 5.2), (2, 0.1), (9, 0.1), (10, 15.1), (11, 5.2)] {
        assert_close(&format!("request {request}"), small[request], line + 0.4);
    }
    for (number, latency) in latencies(&out, "large").into_iter().enumerate() {
        assert_close(&format!("large {number}"), latency, 15.4);
    }
    // Ten times 15 ms and a hundred times 0.1 ms in the second that is the window, and its only interval.
    for column in ["egress_utilization", "egress_utilization_max"] {
        assert_close(column, node(&out, "b", column).expect("b has a rate"), 0.16);
        assert_close("of nothing", node(&out, "b", &column.replace("egress", "ingress")).expect("b has a rate"), 0.0);
    }
    assert_close("longest", node(&out, "b", "egress_wait_max_ms").expect("b has a rate"), 15.0);
    assert_close("no wait where it arrives", node(&out, "a", "ingress_wait_max_ms").expect("a has a rate"), 0.0);
    assert_eq!(node(&out, "b", "same_zone_bytes"), Some(160_000.0));
}

/// Requests of 1,000 bytes, replies of 3,000: 1 ms and 3 ms on a line. How often these stand in a latency.
#[test]
fn every_hop_between_nodes_takes_the_time_of_its_slowest_line() {
    let proxy = "  proxies: [{name: p, layer: 7, instances: 1, workers: 1, endpoints: service/web, place: {zone: z2}}]";
    let small = |from: &str, to: &str, more: &str| {
        format!(
            "    - {{name: t, from: {from}, to: \"{to}\", requestSize: 1000, responseSize: 3000, connections: {{mode: pinned, protocol: http2}}, arrivals: {{constant: {{rate: 10/s}}}}{more}}}"
        )
    };
    let (inside, same, cross, outside) = (2.0 * 0.05, 2.0 * 0.2, 2.0 * 0.9, 2.0 * 10.0);
    for (what, cluster, traffic, more, network, lines) in [
        ("on one node", ALL, small("{node: a}", "http://web/", ""), "", inside, 0.0),
        ("between two nodes", ALL, small("{node: b}", "http://web/", ""), "", same, 4.0),
        ("from a node without a rate", "    bandwidth: none", small("{node: b}", "http://web/", ""), "", same, 0.0),
        ("a proxy reads it whole", ALL, small("{node: b}", "http://web/", ", through: p"), proxy, 2.0 * cross, 8.0),
        ("from outside to the pod's node", ALL, small("internet", "http://a:30080/", ""), "", outside, 4.0),
        ("over a second hop, packet by packet", ALL, small("internet", "http://c:30080/", ""), "", outside + same, 4.0),
    ] {
        let cluster = if what.contains("without") { "" } else { cluster };
        let (_scratch, out) = run(&scenario(cluster, &traffic, more));
        let all = latencies(&out, "t");
        assert_eq!(all.len(), 10, "{what}");
        for latency in all {
            assert_close(what, latency, network + lines);
        }
    }
}

/// The second hop is at half the rate, so that it decides; a reply that only refuses carries nothing.
#[test]
fn the_slowest_line_decides_and_refusals_carry_nothing() {
    let nodes = "nodes: [{name: a, bandwidth: 4M}, {name: b, bandwidth: 8M}, {name: c, bandwidth: 16M}, {name: d}]";
    let usual = "nodes: [{name: a}, {name: b}, {name: c}, {name: d, zone: z2}]";
    let traffic = "    - {name: t, from: internet, to: \"http://c:30080/\", requestSize: 1000, responseSize: 3000, connections: {mode: pinned}, arrivals: {constant: {rate: 10/s}}}";
    let text = scenario("", traffic, "").replace(usual, nodes);
    let (_scratch, out) = run(&text);
    for latency in latencies(&out, "t") {
        assert_close("4 Mbit/s", latency, 20.4 + 2.0 + 6.0);
    }
    let full = text
        .replace("concurrency: unlimited", "concurrency: 1, queue: {limit: 0}")
        .replace("serviceTime: 0s", "serviceTime: 500ms");
    let full = full.replace("mode: pinned", "mode: pinned, protocol: http2");
    let (_scratch, out) = run(&full);
    let rows = table(&out, "requests.csv");
    let refused: Vec<_> = rows.iter().filter(|row| row["outcome"] == "queue_full").collect();
    assert!(refused.len() >= 5, "{rows:?}");
    for row in refused {
        assert_close("refused", number(row, "latency_ms").expect("it ended"), 20.4 + 2.0);
    }
}

/// A story tells the wait and the passage, and its sum is the ledger's; without the rates both are gone.
#[test]
fn explain_tells_the_wait_for_an_interface() {
    let traffic = "    - {name: large, from: {node: b}, to: http://web/, connections: {mode: pinned, protocol: http2}, requestSize: 15Ki, arrivals: {constant: {rate: 10/s}}}
    - {name: small, from: {node: b}, to: http://web/, connections: {mode: pinned, protocol: http2}, requestSize: 100, arrivals: {constant: {rate: 100/s}}}";
    let scratch = scratch();
    write(scratch.path(), "s.yaml", &scenario(ALL, traffic, "").replace("duration: 1s", "duration: 30s"));
    let told = stdout(&output(scratch.path(), &["explain", "s.yaml", "--traffic", "small", "--request", "1"]));
    for line in [
        "5.460  waits for the network interface of b to send",
        "0.200  client on b → pod on a (inside a zone)",
        "0.100  passes the network interfaces: 100 bytes",
        "Adds up: 5.560 network_transfer at web + 0.400 network_same_zone at web = 5.960 ms.",
    ] {
        assert!(told.contains(line), "`{line}` is not in\n{told}");
    }
    let only_a = ["--set", "cluster.bandwidth=none", "--set", "cluster.nodes[a].bandwidth=8M"];
    let told = stdout(&output(
        scratch.path(),
        &[&["explain", "s.yaml", "--traffic", "small", "--request", "1"], &only_a[..]].concat(),
    ));
    assert!(told.contains("5.460  waits for the network interface of a to receive"), "{told}");
    let ran = stdout(&output(scratch.path(), &["run", "s.yaml"]));
    let words = ran.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("100 % the network interfaces of nodes at web"), "{ran}");
    let large = stdout(&output(scratch.path(), &["explain", "s.yaml", "--traffic", "large", "--request", "1"]));
    assert!(large.contains("15.360  passes the network interfaces: 15 KiB"), "{large}");
    let all = stdout(&output(scratch.path(), &["explain", "s.yaml", "--traffic", "small"]));
    assert!(all.contains("no limit of the bandwidth of nodes"), "{all}");
}

/// Retries, timeouts and overload: every ledger and story adds up, or the run would end with status 3.
#[test]
fn what_is_given_up_on_the_way_ends_well() {
    let more = ", timeout: 150ms, retries: {attempts: 3, perTry: 70ms, on: [timeout], backoff: {base: 5ms, max: 20ms}}";
    let ways = [
        ("{node: b}", "http://web/", ""),
        ("internet", "http://d:30080/", ""),
        ("internet", "http://web/", ""),
        ("{node: b}", "http://web/", "through: p, "),
    ];
    let proxy = "  proxies: [{name: p, layer: 7, instances: 1, workers: 2, endpoints: service/web, place: {zone: z2}, overhead: {before: 1ms, after: 1ms}}]";
    for (from, to, through) in ways {
        let traffic = format!(
            "    - {{name: t, from: {from}, to: \"{to}\", {through}requestSize: 2000, responseSize: 6000, arrivals: {{poisson: {{rate: 130/s}}}}{more}}}"
        );
        let text = scenario(ALL, &traffic, proxy).replace("duration: 1s", "duration: 60s");
        let scratch = scratch();
        write(scratch.path(), "s.yaml", &text);
        let out = run_file(scratch.path(), "s.yaml", "out", &[]);
        let rows = table(&out, "summary.csv");
        let errors = rows.iter().find(|row| row["metric"] == "error_ratio").expect("a ratio of errors");
        let errors = number(errors, "mean").expect("a mean");
        assert!(errors > 0.01 && errors < 1.0, "{from} {to}: {errors}");
        for request in ["3", "40", "400", "4000"] {
            let told = output(scratch.path(), &["explain", "s.yaml", "--request", request]);
            assert_eq!(status(&told), 0, "{from} {to}: {}", stderr(&told));
        }
    }
}

#[test]
fn mistakes_are_answered() {
    let scratch = scratch();
    let traffic =
        "    - {name: t, from: {node: b}, to: http://web/, responseSize: 1Ki, arrivals: {constant: {rate: 10/s}}}";
    for (cluster, traffic, text) in [
        (
            "    bandwidth: 10",
            traffic,
            "error: `bandwidth`: 10 is not from 1k to 1P bits per second\n  --> s.yaml:10:16\n   |\n10 |     bandwidth: 10\n   |                ^^\n   |\n   = help: write for example 10G, or `none`\n",
        ),
        (
            "    bandwidth: 1G",
            "    - {name: t, from: {node: b}, to: http://web/, arrivals: {constant: {rate: 10/s}}}",
            "error: `bandwidth` has no effect: no traffic and no call says how many bytes it sends\n  --> s.yaml:10:5\n   |\n10 |     bandwidth: 1G\n   |     ^^^^^^^^^\n   |\n   = help: write `requestSize` or `responseSize`, for example responseSize: 64Ki\n",
        ),
        (
            "    bandwidth: 1Gbps",
            traffic,
            "error: `bandwidth`: expected a quantity above zero such as \"8\" or 500m, found `1Gbps`\n",
        ),
    ] {
        write(scratch.path(), "s.yaml", &scenario(cluster, traffic, ""));
        let checked = output(scratch.path(), &["check", "s.yaml"]);
        assert_ne!(status(&checked), 0, "{cluster}");
        assert!(stderr(&checked).contains(text), "{}", stderr(&checked));
    }
}
