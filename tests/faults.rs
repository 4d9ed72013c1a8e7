//! What goes wrong for a while: what each fault adds, to whom, and to nobody else.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use support::{Row, count, nanos, output, results, scratch, status, stdout, table};
use windtunnel::model::plan::Plan;
use windtunnel::model::{RequestLog, simulate_and_tell};
use windtunnel::observe::outcome::NoSink;
use windtunnel::observe::story::{Story, What};
use windtunnel::scenario::{DiskFiles, Overrides, load};

/// Two zones of two nodes each, a client on the first, four pods, one on each node.
fn scenario(network: &str, traffic: &str, timeline: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: faults}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: a, count: 2, zone: a}}, {{name: b, count: 2, zone: b}}], network: {network}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 4, port: 80}}
      containers: {{app: {{concurrency: unlimited, serviceTime: 10ms}}}}
  traffic:
    - {{name: t, from: {{node: a-1}}, to: http://web/, {traffic}}}
  timeline: [{timeline}]
"
    )
}

const STEADY: &str = "arrivals: {constant: {rate: 1000/s}}";
const FRESH: &str = "arrivals: {poisson: {rate: 1000/s}}, connections: {keepAlive: false}";
/// Connections that stand: messages alone are sent.
const STANDING: &str = "connections: {protocol: http2}, balancer: {policy: round-robin}";
const FLAT: &str = "{sameNode: 1ms, sameZone: 1ms, crossZone: 1ms}";

fn requests(directory: &Path, text: &str, into: &str) -> Vec<Row> {
    table(&results(directory, text, into, &["--requests", "all"]), "requests.csv")
}

fn latency(row: &Row) -> u64 {
    nanos(&row["latency_ms"], 6)
}

/// Seconds, as the file has them.
fn arrived(row: &Row) -> f64 {
    row["arrived_s"].parse().expect("a number")
}

#[test]
fn work_that_begins_while_a_pod_is_slow_takes_longer_and_no_other() {
    let scratch = scratch();
    let timeline = "{at: 5s, for: 5s, slowPod: {pod: \"deployment/web[1]\", speed: 0.5}}, \
                    {at: 8s, for: 1s, slowPod: {pod: \"deployment/web[1]\", speed: 0.5}}";
    let rows = requests(scratch.path(), &scenario("none", STEADY, timeline), "out");
    assert_eq!(rows.len(), 20_000);
    for row in &rows {
        let at = arrived(row);
        let want = match (row["pod"].as_str(), at) {
            ("web-1", 8.0..9.0) => 40,
            ("web-1", 5.0..10.0) => 20,
            _ => 10,
        };
        assert_eq!(latency(row), want * 1_000_000, "{row:?}");
    }
}

#[test]
fn all_pods_of_a_slow_node_are_slow_those_that_come_later_too() {
    let scratch = scratch();
    let timeline = "{at: 5s, for: 10s, slowNode: {node: b-1, speed: 2}}, {at: 6s, scale: deployment/web, replicas: 8}";
    let rows = requests(scratch.path(), &scenario("none", FRESH, timeline), "out");
    let new = |row: &&Row| ["web-4", "web-5", "web-6", "web-7"].contains(&row["pod"].as_str()) && row["node"] == "b-1";
    assert!(rows.iter().filter(new).count() > 1_000);
    for row in &rows {
        let slow = row["node"] == "b-1" && (5.0..15.0).contains(&arrived(row));
        assert_eq!(latency(row), if slow { 5_000_000 } else { 10_000_000 }, "{row:?}");
    }
}

#[test]
fn a_latency_spike_adds_to_each_hop_between_its_sides() {
    let scratch = scratch();
    let spike = |more: &str| format!("{{at: 5s, for: 5s, latencySpike: {{between: [zone/a, zone/b], {more}}}}}");
    // A handshake and a request with its reply: four hops.
    for (more, crossing) in [("adds: 20ms", 94), ("times: 6", 34)] {
        let rows = requests(scratch.path(), &scenario(FLAT, FRESH, &spike(more)), "out");
        for row in &rows {
            let want = match (row["node"].as_str(), arrived(row)) {
                ("b-1" | "b-2", 5.0..9.9) => crossing,
                (_, 4.9..10.0) => continue,
                _ => 14,
            };
            assert_eq!(latency(row), want * 1_000_000, "{row:?}");
        }
        let inside = rows.iter().filter(|row| row["node"].starts_with('a') && (5.0..9.9).contains(&arrived(row)));
        assert!(inside.clone().count() > 2_000 && inside.into_iter().all(|row| latency(row) == 14_000_000));
    }
    // Of a distribution each hop has a draw of its own: mean 80 ms, standard deviation 40 ms.
    let rows = requests(scratch.path(), &scenario(FLAT, FRESH, &spike("adds: {exponential: {mean: 20ms}}")), "out");
    let inside = rows.iter().filter(|row| row["node"].starts_with('b') && (5.0..9.0).contains(&arrived(row)));
    let added: Vec<f64> = inside.map(|row| latency(row) as f64 / 1e6 - 14.0).collect();
    let mean = added.iter().sum::<f64>() / added.len() as f64;
    assert!((mean - 80.0).abs() < 5.0 * 40.0 / (added.len() as f64).sqrt(), "{mean}");
}

#[test]
fn a_class_that_costs_nothing_may_cost_something_for_a_while() {
    let scratch = scratch();
    let timeline = "{at: 5s, latencySpike: {between: crossZone, adds: 3ms}}, \
                    {at: 5s, for: 1s, latencySpike: {between: [node/a-1, all], adds: 2ms}}";
    let rows = requests(scratch.path(), &scenario("none", STEADY, timeline), "out");
    // Who comes right before a change is on the way when it happens.
    let settled = |at: f64| !(4.95..5.0).contains(&at) && !(5.95..6.0).contains(&at);
    for row in rows.iter().filter(|row| settled(arrived(row))) {
        let hop = match (row["node"].as_str(), arrived(row)) {
            (_, 0.0..5.0) | ("a-1", _) => 0,
            ("a-2", 5.0..6.0) => 2,
            ("a-2", _) => 0,
            (_, 5.0..6.0) => 5,
            _ => 3,
        };
        // Who finds no idle connection opens another.
        let connect = nanos(&row["connect_ms"], 6);
        assert!(connect == 0 || connect == 2 * hop * 1_000_000, "{row:?}");
        assert_eq!(latency(row) - connect, (10 + 2 * hop) * 1_000_000, "{row:?}");
        assert_eq!(nanos(&row["network_cross_zone_ms"], 6) > 0, row["node"].starts_with('b') && arrived(row) >= 5.0);
    }
}

/// Latencies by traffic's number of the request.
fn by_number(rows: &[Row]) -> BTreeMap<u64, (String, u64)> {
    rows.iter().map(|row| (count(row, "request"), (row["arrived_s"].clone(), latency(row)))).collect()
}

#[test]
fn while_more_requests_come_the_usual_ones_are_the_same() {
    let scratch = scratch();
    let traffic = |process: &str| format!("arrivals: {process}");
    let timeline = "{at: 5s, for: 10s, trafficSpike: {traffic: t, times: 3.5}}";
    let random = |text: String| text.replace("serviceTime: 10ms", "serviceTime: {exponential: {mean: 10ms}}");
    // How many others are expected, and the largest deviation: five standard deviations.
    let cases = [
        ("{poisson: {rate: 200/s}}", 5_000.0, 5.0 * 5_000_f64.sqrt()),
        ("{constant: {rate: 200/s}}", 5_000.0, 1.0),
        ("{renewal: {interval: {uniform: {min: 0ms, max: 10ms}}}}", 5_000.0, 5.0 * (5_000.0_f64 / 3.0).sqrt()),
        // From 100 to 300 a second: 200 on average between 5 and 15 s.
        ("{profile: [{at: 0s, rate: 0/s}, {at: 20s, rate: 400/s}]}", 5_000.0, 5.0 * 5_000_f64.sqrt()),
        ("{batches: {rate: 40/s, size: 5}}", 5_000.0, 5.0 * 5.0 * 1_000_f64.sqrt()),
        ("{day: {mean: 200/s, amplitude: 0.5, period: 10s}}", 5_000.0, 5.0 * 5_000_f64.sqrt()),
        ("{mmpp: {rates: [100/s, 300/s], dwell: [100ms, 100ms]}}", 5_000.0, 5.0 * 5_000_f64.sqrt() * 2.0),
    ];
    for (process, want, within) in cases {
        let usual = requests(scratch.path(), &random(scenario("none", &traffic(process), "")), "usual");
        let more = requests(scratch.path(), &random(scenario("none", &traffic(process), timeline)), "more");
        let (usual, more) = (by_number(&usual), by_number(&more));
        assert!(usual.iter().all(|(number, request)| more.get(number) == Some(request)), "{process}");
        let others: Vec<f64> = more
            .iter()
            .filter(|(number, _)| !usual.contains_key(number))
            .map(|(_, (arrived, _))| arrived.parse().expect("a number"))
            .collect();
        assert!((others.len() as f64 - want).abs() <= within, "{process}: {} others", others.len());
        assert!(others.iter().all(|at| (5.0..15.0).contains(at)), "{process}");
    }
}

#[test]
fn while_fewer_requests_come_those_that_do_are_the_same() {
    let scratch = scratch();
    let timeline = "{at: 5s, for: 10s, trafficSpike: {traffic: t, times: 25%}}".replace("25%", "0.25");
    let text = |timeline: &str| {
        let text = scenario("none", STEADY, timeline);
        text.replace("serviceTime: 10ms", "serviceTime: {exponential: {mean: 10ms}}")
    };
    let usual = by_number(&requests(scratch.path(), &text(""), "usual"));
    let fewer = by_number(&requests(scratch.path(), &text(&timeline), "fewer"));
    assert!(fewer.iter().all(|(number, request)| usual.get(number) == Some(request)));
    let gone = (usual.len() - fewer.len()) as f64;
    // Binomial: 10,000 with 0.75.
    assert!((gone - 7_500.0).abs() < 5.0 * (10_000.0 * 0.75 * 0.25_f64).sqrt(), "{gone}");
    let none = timeline.replace("0.25", "0");
    assert_eq!(requests(scratch.path(), &text(&none), "none").len(), 10_000);
}

/// How many requests end with each outcome, of those that come in a span.
fn outcomes(rows: &[Row], span: std::ops::Range<f64>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for row in rows.iter().filter(|row| span.contains(&arrived(row))) {
        *found.entry(row["outcome"].clone()).or_default() += 1;
    }
    found
}

#[test]
fn a_lost_packet_is_sent_again_after_200_ms_and_a_round_trip() {
    let scratch = scratch();
    // Connections that stand: a request and its reply, each lost with probability 0.1 each time.
    let timeline = "{at: 0s, packetLoss: {between: [zone/a, zone/b], ratio: 10%}}";
    let text = scenario(FLAT, &format!("arrivals: {{poisson: {{rate: 1000/s}}}}, {STANDING}"), timeline);
    let rows = requests(scratch.path(), &text, "out");
    let far: Vec<&Row> = rows.iter().filter(|row| row["node"].starts_with('b')).collect();
    assert!(rows.iter().filter(|row| row["node"].starts_with('a')).all(|row| latency(row) == 12_000_000));
    // By how often one of both packets was lost: none, one once, and so on; 202 ms, then 404 ms.
    let share = |millis: u64| {
        far.iter().filter(|row| latency(row) == (12 + millis) * 1_000_000).count() as f64 / far.len() as f64
    };
    for (millis, want) in [(0, 0.81), (202, 2.0 * 0.1 * 0.81), (404, 0.01 * 0.81), (606, 2.0 * 0.01 * 0.81)] {
        let deviation = (want * (1.0 - want) / far.len() as f64).sqrt();
        assert!((share(millis) - want).abs() < 5.0 * deviation, "{millis}: {} of {want}", share(millis));
    }
    assert!(rows.iter().all(|row| row["outcome"] == "succeeded"));
}

#[test]
fn syns_are_lost_as_often_as_the_binomial_distribution_says() {
    let scratch = scratch();
    let timeline = "{at: 0s, packetLoss: {between: [zone/a, zone/b], ratio: 20%}}";
    let rows = requests(scratch.path(), &scenario(FLAT, FRESH, timeline), "out");
    let far: Vec<u64> =
        rows.iter().filter(|row| row["node"].starts_with('b')).map(|row| nanos(&row["connect_ms"], 6)).collect();
    // A SYN and its answer: 1 − 0.8². Linux 6.8 sends it again after 1, 2, 3, 4, 5, 7 s.
    let lost: f64 = 0.36;
    for (again, seconds) in (0_u32..).zip([0_u64, 1, 2, 3, 4, 5, 7]) {
        let want = lost.powi(i32::try_from(again).expect("a few")) * (1.0 - lost);
        let found = far.iter().filter(|connect| **connect == seconds * 1_000_000_000 + 2_000_000).count() as f64;
        let deviation = (far.len() as f64 * want * (1.0 - want)).sqrt();
        assert!((found - far.len() as f64 * want).abs() < 5.0 * deviation, "{again} again: {found}, not {want}");
    }
}

#[test]
fn what_is_sent_into_a_partition_comes_when_it_is_over() {
    let scratch = scratch();
    let timeline = "{at: 5s, for: 3s, partition: {between: [zone/a, zone/b]}}";
    let standing = scenario(FLAT, &format!("arrivals: {{constant: {{rate: 1000/s}}}}, {STANDING}"), timeline);
    let rows = requests(scratch.path(), &standing, "out");
    for row in rows.iter().filter(|row| row["node"].starts_with('b')) {
        let at = arrived(row);
        // Sent again after 202, 404, 808, 1616, 3232 ms: the first time after 8 s.
        let mut sent = at;
        let mut wait = 0.202;
        while (5.0 - 1e-9..8.0 - 1e-9).contains(&sent) {
            sent += wait;
            wait *= 2.0;
        }
        if (4.98..5.0).contains(&at) {
            continue;
        }
        let want = ((sent - at) * 1e3).round() as u64 + 12;
        assert_eq!(latency(row), want * 1_000_000, "{row:?}");
    }
    assert_eq!(outcomes(&rows, 0.0..20.0), BTreeMap::from([("succeeded".to_owned(), 20_000)]));
    // New connections: SYNs at 1, 2, 3 s after the first.
    let fresh = scenario(FLAT, "arrivals: {constant: {rate: 1000/s}}, connections: {keepAlive: false}", timeline);
    let rows = requests(scratch.path(), &fresh, "out");
    for row in rows.iter().filter(|row| row["node"].starts_with('b') && (5.0..8.0).contains(&arrived(row))) {
        let waits = (8.0 - arrived(row)).ceil() as u64;
        assert_eq!(latency(row), (waits * 1_000 + 14) * 1_000_000, "{row:?}");
    }
    // Who has a timeout gives up, and its next try may go elsewhere.
    let patient = fresh.replace("keepAlive: false}", "keepAlive: false}, timeout: 500ms");
    let rows = requests(scratch.path(), &patient, "out");
    let cut = outcomes(&rows, 5.0..7.4)["deadline_exceeded"] as f64;
    assert!((cut - 1_200.0).abs() < 5.0 * 600_f64.sqrt(), "{cut}");
    assert!(!outcomes(&rows, 8.0..20.0).contains_key("deadline_exceeded"));
}

/// 0.202 s doubled, and 120 s from the tenth on: the sender gives up 16 waits after it began.
#[test]
fn a_sender_gives_up_after_a_quarter_of_an_hour() {
    let scratch = scratch();
    let timeline = "{at: 5s, partition: {between: [node/a-1, all]}}";
    let text = scenario(FLAT, &format!("arrivals: {{constant: {{rate: 1/s}}}}, {STANDING}"), timeline)
        .replace("duration: 20s", "duration: 20s, drain: 2000s");
    let rows = requests(scratch.path(), &text, "out");
    let waits: u64 = (0..16).map(|turn| (202 << turn).min(120_000)).sum();
    for row in rows.iter().filter(|row| row["node"] != "a-1" && arrived(row) >= 5.0) {
        assert_eq!((row["outcome"].as_str(), latency(row)), ("reset", waits * 1_000_000), "{row:?}");
    }
    assert!(outcomes(&rows, 5.0..20.0)["reset"] >= 5);
    // The story of one that was given up on, and of one that lost its reply.
    let stop = AtomicBool::new(false);
    let loaded = load("faults.yaml", &text, &DiskFiles::beside("faults.yaml"), &Overrides::default());
    let plan = Plan::new(&loaded.unwrap_or_else(|failure| panic!("{failure}")).variants[0]);
    let wanted: Vec<(usize, u64)> = (0..20).map(|number| (0, number)).collect();
    let told = simulate_and_tell(&plan, (0, 0), RequestLog::None, &wanted, &mut NoSink, &stop).expect("a run").stories;
    assert_eq!(told.len(), 20);
}

/// Rows of `dns.csv` about the name's addresses: asked, not answered.
fn asked(directory: &Path) -> (u64, u64) {
    let rows = table(&directory.join("out"), "dns.csv");
    let of = |column: &str| rows.iter().filter(|row| row["type"] == "A").map(|row| count(row, column)).sum();
    (of("queries"), of("unanswered"))
}

#[test]
fn names_are_not_found_while_their_servers_cannot_be_reached_or_do_not_answer() {
    let scratch = scratch();
    let text = |fault: &str| {
        scenario(
            "none, dns: {replicas: 2, resolver: {family: ipv4, ndots: 1}}",
            "arrivals: {constant: {rate: 100/s}}, connections: {keepAlive: false}, timeout: 4s",
            &format!("{{at: 5s, for: 5s, {fault}}}"),
        )
    };
    // A resolver waits for 5 s before it asks again.
    for (fault, share) in [
        ("dnsOutage: {}", 1.0),
        ("dnsOutage: {servers: 1}", 0.5),
        // Every hop between the client's node and a server that stands elsewhere.
        ("partition: {between: [node/a-1, all]}", 1.0),
    ] {
        let rows = requests(
            scratch.path(),
            &text(fault).replace("node: a-1", "node: b-2").replace("[node/a-1", "[node/b-2"),
            "out",
        );
        let (queries, unanswered) = asked(scratch.path());
        let failed = outcomes(&rows, 5.0..9.0).remove("deadline_exceeded").unwrap_or(0) as f64;
        assert!((failed - 400.0 * share).abs() <= if share < 1.0 { 50.0 } else { 0.0 }, "{fault}: {failed}");
        assert!(unanswered as f64 >= 450.0 * share && unanswered < queries, "{fault}: {unanswered} of {queries}");
        assert_eq!(outcomes(&rows, 10.0..20.0), BTreeMap::from([("succeeded".to_owned(), 1_000)]), "{fault}");
        assert_eq!(outcomes(&rows, 0.0..4.95), BTreeMap::from([("succeeded".to_owned(), 495)]), "{fault}");
    }
}

#[test]
fn a_load_balancer_takes_nodes_out_that_it_cannot_reach() {
    let scratch = scratch();
    let text = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: faults}
spec:
  run: {duration: 60s, warmup: 0s, replications: 1, seed: 4}
  cluster: {nodes: [{name: a, count: 2, zone: a}, {name: b, count: 2, zone: b}], network: {external: 1ms}, loadBalancers: {healthCheck: {interval: 2s}}}
  workloads: [{target: deployment/web, containers: {app: {concurrency: unlimited, serviceTime: 10ms}}}]
  traffic:
    - {name: t, from: internet, to: http://web-outside/, arrivals: {constant: {rate: 200/s}}, connections: {keepAlive: false}, timeout: 2s}
  timeline: [{at: 20s, for: 20s, partition: {between: [internet, zone/b]}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web-outside}
spec: {type: LoadBalancer, externalTrafficPolicy: Cluster, selector: {app: web}, ports: [{port: 80}]}
";
    let rows = requests(scratch.path(), text, "out");
    let told = table(&scratch.path().join("out"), "events.csv");
    let out: Vec<f64> = told
        .iter()
        .filter(|row| row["detail"].ends_with("gets no more connections"))
        .map(|row| row["t_s"].parse().expect("a number"))
        .collect();
    assert_eq!(out.len(), 2, "{told:?}");
    let last = out.iter().copied().fold(0.0, f64::max);
    assert!(last > 20.0 && last < 40.0, "{last}");
    // Half of the connections go to nodes that cannot be reached, until these are taken out; none does afterwards.
    let cut = outcomes(&rows, 20.0..out.iter().copied().fold(f64::INFINITY, f64::min));
    let share = cut["deadline_exceeded"] as f64 / cut.values().sum::<usize>() as f64;
    assert!((share - 0.5).abs() < 0.05, "{cut:?}");
    assert!(!outcomes(&rows, last..60.0).contains_key("deadline_exceeded"));
    assert_eq!(told.iter().filter(|row| row["detail"].ends_with("gets connections")).count(), 2);
}

/// Failed requests by cause and who was late.
fn late(directory: &Path) -> BTreeMap<(String, String), u64> {
    let rows = table(&directory.join("out"), "errors.csv");
    rows.iter().map(|row| ((row["cause"].clone(), row["late"].clone()), count(row, "count"))).collect()
}

#[test]
fn errors_name_who_acted_on_old_news() {
    let scratch = scratch();
    let each = "arrivals: {constant: {rate: 1000/s}}, connections: {keepAlive: false}";
    let gone = "{at: 10s, deletePod: \"deployment/web[1]\"}";
    let spread = "propagation: {kubeProxy: 1s, proxies: 1s, clients: 1s}";
    let proxies = "  proxies: [{name: edge, endpoints: service/web, workers: 2}]\n  traffic:";
    // Chosen in the second after the endpoints had it no more: one of four, refused.
    for (way, who) in [
        ("", &["kube-proxy/a-1"][..]),
        (", balancer: {policy: round-robin}", &["balancer/a-1"]),
        (", through: edge", &["proxy/edge/0", "proxy/edge/1"]),
    ] {
        let text = scenario(&format!("none, {spread}"), &format!("{each}{way}"), gone).replace("  traffic:", proxies);
        requests(scratch.path(), &text, "out");
        let found = late(scratch.path());
        let refused: Vec<&str> =
            found.keys().filter(|(cause, _)| cause == "refused").map(|(_, late)| late.as_str()).collect();
        assert_eq!(refused, who, "{found:?}");
        let sum: u64 = found.iter().filter(|((cause, _), _)| cause == "refused").map(|(_, count)| count).sum();
        assert!((190..310).contains(&sum), "{found:?}");
        // What was in the pod when it ended was reset, and nobody was late.
        assert!(found.keys().filter(|(cause, _)| cause == "reset").all(|(_, late)| late.is_empty()), "{found:?}");
    }
    // A pod that serves on until all have heard: nothing fails.
    let text = scenario(&format!("none, {spread}, pods: {{stop: 2s}}"), each, gone);
    requests(scratch.path(), &text, "out");
    assert_eq!(late(scratch.path()), BTreeMap::new());
    // Kept connections: what is on its way when the pod ends meets a reset, and so does who takes a connection whose last
    // reply was on its way then. The connection led there.
    let far = "{sameNode: 50ms, sameZone: 50ms, crossZone: 50ms}, propagation: {kubeProxy: 10ms}";
    requests(scratch.path(), &scenario(far, STEADY, gone), "out");
    let found = late(scratch.path());
    let kept = found[&("reset".to_owned(), "connection/a-1".to_owned())];
    assert!((10..45).contains(&kept), "{found:?}");
    // Nobody answers any more, and the client gives up.
    let deaf = "propagation: {kubeProxy: 3s}";
    let patient = format!("{each}, timeout: 500ms");
    requests(scratch.path(), &scenario(&format!("none, {deaf}"), &patient, gone), "out");
    let found = late(scratch.path());
    assert!(found[&("deadline_exceeded".to_owned(), "kube-proxy/a-1".to_owned())] > 400, "{found:?}");
    assert_eq!(found.keys().filter(|(cause, late)| cause == "deadline_exceeded" && late.is_empty()).count(), 0);
}

#[test]
fn old_answers_of_dns_are_those_of_its_servers_where_nobody_keeps_them() {
    let scratch = scratch();
    let text = |dns: &str, propagation: &str| {
        format!(
            "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: faults}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: a, count: 2}}], network: none, dns: {{resolver: {{family: ipv4}}{dns}}}, propagation: {{dns: {propagation}}}}}
  workloads: [{{target: deployment/web, containers: {{app: {{concurrency: unlimited, serviceTime: 10ms}}}}}}]
  traffic:
    - {{name: t, from: {{node: a-1}}, to: http://pods/, arrivals: {{constant: {{rate: 1000/s}}}}, connections: {{keepAlive: false}}, timeout: 300ms}}
  timeline: [{{at: 10s, deletePod: \"deployment/web[1]\"}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 4
  selector: {{matchLabels: {{app: web}}}}
  template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: app, ports: [{{containerPort: 80}}]}}]}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: pods}}
spec: {{clusterIP: None, selector: {{app: web}}, ports: [{{port: 80}}]}}
"
        )
    };
    requests(scratch.path(), &text("", "2s"), "out");
    let found = late(scratch.path());
    // Who is refused goes on to the next address of the answer; who gets no answer gives up.
    assert!(found[&("deadline_exceeded".to_owned(), "dns".to_owned())] > 200, "{found:?}");
    assert!(!found.keys().any(|(_, late)| late.starts_with("dns-answer")), "{found:?}");
}

#[test]
fn a_story_names_who_was_late() {
    let stop = AtomicBool::new(false);
    let each = "arrivals: {constant: {rate: 1000/s}}, connections: {keepAlive: false}";
    let gone = "{at: 10s, deletePod: \"deployment/web[1]\"}";
    let text = scenario("none, propagation: {kubeProxy: 1s}", each, gone);
    let loaded = load("faults.yaml", &text, &DiskFiles::beside("faults.yaml"), &Overrides::default());
    let plan = Plan::new(&loaded.unwrap_or_else(|failure| panic!("{failure}")).variants[0]);
    let wanted: Vec<(usize, u64)> = (10_000..10_100).map(|number| (0, number)).collect();
    let told = simulate_and_tell(&plan, (0, 0), RequestLog::None, &wanted, &mut NoSink, &stop).expect("a run").stories;
    let says = |story: &Story| {
        let steps = story.tries.iter().flat_map(|attempt| &attempt.steps);
        let text = "the pod was gone: kube-proxy/a-1 was late";
        steps.filter(|step| matches!(&step.what, What::Translated { text: told } if told == text)).count()
    };
    let failed = told.iter().filter(|(_, story)| story.failure.is_some());
    assert!(failed.clone().count() > 10 && failed.into_iter().all(|(_, story)| says(story) == 1));
    assert!(told.iter().filter(|(_, story)| story.failure.is_none()).all(|(_, story)| says(story) == 0));
}

/// Everything at once, with connections of every kind.
fn everything() -> Vec<String> {
    let timeline = "{at: 2s, for: 6s, slowPod: {pod: \"deployment/web[1]\", speed: 0.1}}, \
                    {at: 1s, for: 9s, slowNode: {node: b-2, speed: 0.5}}, \
                    {at: 3s, for: 4s, latencySpike: {between: [zone/a, zone/b], adds: {exponential: {mean: 30ms}}}}, \
                    {at: 4s, for: 4s, latencySpike: {between: crossZone, times: 4}}, \
                    {at: 5s, for: 3s, trafficSpike: {traffic: t, times: 2.5}}, \
                    {at: 9s, for: 3s, trafficSpike: {traffic: t, times: 0.5}}, \
                    {at: 11s, for: 6s, packetLoss: {between: [zone/a, zone/b], ratio: 10%}}, \
                    {at: 12s, for: 2s, partition: {between: [node/b-1, all]}}, \
                    {at: 16s, deletePod: \"deployment/web[0]\"}";
    let kinds = [
        "connections: {keepAlive: false}",
        "connections: {protocol: http2}, timeout: 200ms",
        "connections: {protocol: http2}",
        "connections: {protocol: udp}, timeout: 2s",
        "connections: {mode: perRequest}",
        "connections: {maxPerClient: 5}, retries: {attempts: 3, on: [5xx, connect-failure], perTry: 60ms}",
        "balancer: {policy: round-robin}",
        "through: edge",
        "through: edge, connections: {keepAlive: false, tls: {}}",
        "through: low, connections: {keepAlive: false, tls: {}}",
        "through: low",
    ];
    let proxies = "  proxies:\n    - {name: edge, endpoints: service/web, overhead: {before: 1ms, after: 2ms}}\n    \
                   - {name: low, layer: 4, endpoints: service/web}\n  traffic:";
    kinds
        .iter()
        .map(|kind| {
            let text = scenario(FLAT, &format!("arrivals: {{poisson: {{rate: 200/s}}}}, {kind}"), timeline);
            text.replace("  traffic:", proxies)
        })
        .collect()
}

/// What stories say is checked against the ledger while they are told.
#[test]
fn stories_during_faults_add_up_and_change_nothing() {
    let stop = AtomicBool::new(false);
    let mut told = 0;
    for text in everything() {
        let loaded = load("faults.yaml", &text, &DiskFiles::beside("faults.yaml"), &Overrides::default());
        let plan = Plan::new(&loaded.unwrap_or_else(|failure| panic!("{failure}")).variants[0]);
        let wanted: Vec<(usize, u64)> = (0..4_000).step_by(7).map(|number| (0, number)).collect();
        let run = |wanted: &[(usize, u64)]| {
            simulate_and_tell(&plan, (0, 0), RequestLog::None, wanted, &mut NoSink, &stop).expect("a run")
        };
        let (plain, mut watched) = (run(&[]), run(&wanted));
        told += std::mem::take(&mut watched.stories).len();
        assert_eq!(format!("{plain:?}"), format!("{watched:?}"));
    }
    assert!(told > 2_000, "{told}");
}

#[test]
fn faults_give_the_same_bytes_with_any_number_of_jobs() {
    let scratch = scratch();
    for text in everything().into_iter().take(2) {
        let text = text.replace("replications: 1", "replications: 6");
        let one = results(scratch.path(), &text, "one", &["--requests", "200", "-j", "1"]);
        let many = results(scratch.path(), &text, "many", &["--requests", "200", "-j", "4"]);
        for file in ["runs.csv", "requests.csv", "timeline.csv", "errors.csv", "events.csv", "endpoints.csv"] {
            let read = |directory: &Path| std::fs::read(directory.join(file)).expect("a file");
            assert_eq!(read(&one), read(&many), "{file}");
        }
    }
}

#[test]
fn faults_are_told_and_listed() {
    let scratch = scratch();
    let timeline = "{at: 5s, for: 5s, latencySpike: {between: [internet, node/b-2], adds: 1ms}}, \
                    {at: 19s, slowPod: {pod: \"deployment/web[1]\", speed: 0.5}}, \
                    {at: 19s, trafficSpike: {traffic: t, times: 2}}, \
                    {at: 19s, packetLoss: {between: crossZone, ratio: 0.5}}";
    let run = results(scratch.path(), &scenario("none", STEADY, timeline), "out", &[]);
    let told: Vec<(String, String, String, String)> = table(&run, "events.csv")
        .into_iter()
        .map(|row| (row["t_s"].clone(), row["kind"].clone(), row["object"].clone(), row["detail"].clone()))
        .collect();
    let row = |at: &str, kind: &str, object: &str, detail: &str| {
        (at.to_owned(), format!("fault-{kind}"), object.to_owned(), detail.to_owned())
    };
    let spike = |at, kind| row(at, kind, "network/internet node/b-2", "latencySpike: adds constant 1ms");
    let slow = row("19", "begins", "deployment/web[1]", "slowPod: speed 0.5");
    let more = row("19", "begins", "traffic/t", "trafficSpike: times 2");
    let lost = row("19", "begins", "network/crossZone", "packetLoss: ratio 0.5");
    assert_eq!(told, [spike("5", "begins"), spike("10", "ends"), slow, more, lost]);
    let listed = output(scratch.path(), &["list", "faults", "--format", "csv"]);
    assert_eq!(status(&listed), 0);
    let listed = stdout(&listed);
    for line in [
        "slowPod,\"pod, speed\",Work that a pod begins meanwhile takes longer",
        "latencySpike,\"between, [adds], [times]\",Packets that are sent meanwhile take longer",
    ] {
        assert!(listed.lines().any(|known| known == line), "{listed}");
    }
}
