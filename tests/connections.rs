//! Connections that end: idle time, age, numbers of requests, and how many requests they carry at once.

mod support;

use std::path::Path;

use support::{Row, output, results, scratch, status, stderr, stdout, table, write};

/// One client that asks, waits for the answer and thinks; a hop takes 100 ms.
fn thinker(think: &str, connections: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: thinker}}
spec:
  run: {{duration: 1000s, warmup: 0s, replications: 1, seed: 4}}
  observe: {{connections: true}}
  cluster: {{nodes: [{{name: n}}], network: {{sameNode: 100ms}}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 1, port: 80}}
      containers: {{app: {{concurrency: 50, serviceTime: 1ms}}}}
  traffic:
    - name: t
      to: http://web/
      arrivals: {{closed: {{users: 1, think: {think}}}}}
      connections: {{{connections}}}
"
    )
}

/// A number that must be there.
fn number(row: &Row, column: &str) -> f64 {
    support::number(row, column).unwrap_or_else(|| panic!("{column} is empty in {row:?}"))
}

/// The sum of columns over all rows of `connections.csv`.
fn count(directory: &Path, column: &str) -> f64 {
    table(directory, "connections.csv").iter().map(|row| number(row, column)).sum()
}

fn sum(directory: &Path, file: &str, column: &str) -> f64 {
    table(directory, file).iter().map(|row| number(row, column)).sum()
}

#[track_caller]
fn is(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6, "{value} instead of {expected}");
}

/// Every connection that was opened was closed, or is open; every request opened one or took one.
fn accounts(directory: &Path) {
    let ends =
        ["closed_idle", "closed_by_server", "closed_for_age", "closed_for_requests", "closed_by_client", "reset"];
    let ended: f64 = ends.iter().map(|end| count(directory, end)).sum();
    is(count(directory, "opened"), ended + count(directory, "open_at_end"));
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let scratch = scratch();
    let run = results(scratch.path(), &thinker("3s", "idleTimeout: 2s"), "short", &[]);
    let requests = sum(&run, "runs.csv", "offered");
    // The last may still be under way.
    assert!((count(&run, "opened") - requests).abs() <= 1.0);
    assert!((count(&run, "closed_idle") - requests).abs() <= 2.0);
    accounts(&run);
    let run = results(scratch.path(), &thinker("3s", "idleTimeout: 4s"), "long", &[]);
    is(count(&run, "opened"), 1.0);
    assert!((count(&run, "reused") + 1.0 - sum(&run, "runs.csv", "offered")).abs() <= 1.0);
}

#[test]
fn a_request_that_crosses_the_end_of_its_connection_is_reset() {
    let scratch = scratch();
    let case = |think: &str, name: &str, more: &str| {
        let text = thinker(think, &format!("serverIdleTimeout: 3s{more}"));
        results(scratch.path(), &text, name, &[])
    };
    // The reply took 100 ms and the news of the end takes as long: for 200 ms a client cannot know.
    let early = case("2700ms", "early", "");
    is(count(&early, "opened"), 1.0);
    let late = case("3100ms", "late", "");
    is(count(&late, "stale"), 0.0);
    assert!((count(&late, "opened") - sum(&late, "runs.csv", "offered")).abs() <= 1.0);
    let crossing = case("2850ms", "crossing", "");
    let (stale, failed) = (count(&crossing, "stale"), sum(&crossing, "runs.csv", "failed"));
    is(stale, failed);
    // Every second request: one opens a connection, the next meets its end. 401 + 2850 + 200 + 2850 ms a pair.
    is(failed, (1000.0_f64 / 6.301).floor());
    assert!(table(&crossing, "errors.csv").iter().all(|row| row["cause"] == "reset"));
    accounts(&crossing);
    let resent = case("2850ms", "resent", ", staleReuse: resend");
    is(sum(&resent, "runs.csv", "failed"), 0.0);
    assert!(count(&resent, "stale") > 200.0);
    // Lost and found out, opened anew, sent again.
    is(sum(&resent, "runs.csv", "latency_max_ms"), 200.0 + 200.0 + 201.0);
}

#[test]
fn a_connection_carries_so_many_requests() {
    let scratch = scratch();
    let run = results(scratch.path(), &thinker("1s", "maxRequests: 10"), "out", &[]);
    is(count(&run, "opened"), (sum(&run, "runs.csv", "offered") / 10.0).ceil());
    accounts(&run);
}

#[test]
fn connections_grow_old_within_a_tenth_of_their_age() {
    let scratch = scratch();
    for protocol in ["http1", "http2", "grpc", "tcp"] {
        let text = thinker("10ms", &format!("protocol: {protocol}, maxConnectionAge: 10s, {}", ""));
        let text = text.replace("10s, ", "10s").replace("sameNode: 100ms", "sameNode: 1ms");
        let run = results(scratch.path(), &text, protocol, &[]);
        let (opened, failed) = (count(&run, "opened"), sum(&run, "runs.csv", "failed"));
        assert!((91.0..=112.0).contains(&opened), "{protocol}: {opened}");
        // GOAWAY loses nothing; over HTTP/1 a request may cross the end.
        if protocol.starts_with("http2") || protocol == "grpc" {
            is(failed, 0.0);
        }
        is(failed, count(&run, "stale"));
        accounts(&run);
    }
}

/// Five requests at once, a second each.
fn burst(connections: &str) -> String {
    thinker("1s", connections)
        .replace("closed: {users: 1, think: 1s}", "batches: {rate: 0.001/s, size: 5}")
        .replace("duration: 1000s", "duration: 4000s")
        .replace("serviceTime: 1ms", "serviceTime: 1s")
        .replace("sameNode: 100ms", "sameNode: 0s")
}

#[test]
fn what_exceeds_the_streams_opens_another_connection_or_waits() {
    let scratch = scratch();
    let slowest = |run: &Path| sum(run, "runs.csv", "latency_max_ms");
    let http2 = results(scratch.path(), &burst("protocol: http2, maxConcurrentStreams: 2"), "http2", &[]);
    is(count(&http2, "opened"), 3.0);
    is(slowest(&http2), 1000.0);
    let grpc = results(scratch.path(), &burst("protocol: grpc, maxConcurrentStreams: 2"), "grpc", &[]);
    is(count(&grpc, "opened"), 1.0);
    is(slowest(&grpc), 3000.0);
    let limit = "protocol: http2, maxConcurrentStreams: 2, maxPerClient: 2";
    let two = results(scratch.path(), &burst(limit), "two", &[]);
    is(count(&two, "opened"), 2.0);
    is(slowest(&two), 2000.0);
    let channels = results(scratch.path(), &burst("protocol: grpc, channels: 5"), "channels", &[]);
    is(count(&channels, "opened"), 5.0);
    let idle = results(scratch.path(), &burst("maxIdle: 2"), "idle", &[]);
    let batches = sum(&idle, "runs.csv", "offered") / 5.0;
    is(count(&idle, "opened"), 5.0 + 3.0 * (batches - 1.0));
    is(count(&idle, "closed_idle"), 3.0 * batches);
}

#[test]
fn a_flow_of_datagrams_lasts_as_long_as_its_entry() {
    let scratch = scratch();
    let case = |think: &str, name: &str| {
        let text =
            thinker(think, "protocol: udp").replace("      connections:", "      timeout: 5s\n      connections:");
        results(scratch.path(), &text, name, &[])
    };
    let kept = case("119s", "kept");
    is(count(&kept, "opened"), 1.0);
    let forgotten = case("121s", "forgotten");
    assert!((count(&forgotten, "opened") - sum(&forgotten, "runs.csv", "offered")).abs() <= 1.0);
    // No handshake: two hops and the service.
    is(sum(&forgotten, "runs.csv", "latency_max_ms"), 201.0);
}

/// Forty clients and five pods, ten from 60 s on.
fn scaled_out(connections: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: scaled}}
spec:
  run: {{duration: 300s, warmup: 120s, replications: 1, seed: 4}}
  observe: {{connections: true}}
  cluster: {{nodes: [{{name: n, count: 2}}]}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 5, port: 80}}
      containers: {{app: {{concurrency: 50, serviceTime: 1ms}}}}
  traffic:
    - name: t
      to: http://web/
      clients: {{count: 40}}
      arrivals: {{poisson: {{rate: 400/s}}}}
      connections: {{{connections}}}
  timeline: [{{at: 60s, scale: deployment/web, replicas: 10}}]
"
    )
}

#[test]
fn new_pods_get_nothing_until_clients_connect_again() {
    let scratch = scratch();
    let of_new = |run: &Path| -> f64 {
        let rows = table(run, "endpoints.csv");
        let new = rows.iter().filter(|row| ["web-5", "web-6", "web-7", "web-8", "web-9"].contains(&&*row["pod"]));
        new.map(|row| number(row, "requests")).sum()
    };
    for (name, connections) in [
        ("standing", "protocol: http2"),
        ("streams", "protocol: http2, maxConcurrentStreams: 100"),
        ("pinned", "mode: pinned"),
    ] {
        is(of_new(&results(scratch.path(), &scaled_out(connections), name, &[])), 0.0);
    }
    let aged = results(scratch.path(), &scaled_out("protocol: grpc, maxConnectionAge: 20s"), "aged", &[]);
    // From 82 s on every connection was opened among ten pods: half the requests, of forty balls in ten boxes.
    let share = of_new(&aged) / sum(&aged, "endpoints.csv", "requests");
    // Nine generations of forty connections: standard deviation √(1/4 / 360) = 0.026.
    assert!((share - 0.5).abs() < 5.0 * 0.026, "{share}");
    accounts(&aged);
}

#[test]
fn keys_without_effect_are_mistakes() {
    let scratch = scratch();
    let timeout = "write `timeout`, or `retries` with `perTry`";
    for (connections, message, help) in [
        (
            "mode: perRequest, idleTimeout: 3s",
            "`idleTimeout` has no effect with mode perRequest",
            "a connection for each request is closed after it: remove it, or `mode`",
        ),
        (
            "mode: pinned, maxConnectionAge: 3s",
            "`maxConnectionAge` has no effect with mode pinned",
            "pinned connections stand for the whole run: write `mode: pool`",
        ),
        ("channels: 3", "`channels` has no effect with protocol http1", "it is for protocol http2, grpc"),
        (
            "mode: perRequest, order: fifo",
            "`order` has no effect with mode perRequest",
            "it says which idle connection is used next, and a connection for each request is never idle: remove it",
        ),
        ("protocol: http2, maxIdle: 3", "`maxIdle` has no effect with protocol http2", "it is for protocol http1, tcp"),
        (
            "protocol: grpc, maxPerClient: 3",
            "`maxPerClient` has no effect with protocol grpc",
            "gRPC opens one connection a channel: write `channels`",
        ),
        (
            "staleReuse: resend",
            "`staleReuse` has no effect where the other end closes no connections",
            "write `serverIdleTimeout` or `maxConnectionAge`",
        ),
        (
            "protocol: grpc, maxConnectionAgeGrace: 3s",
            "`maxConnectionAgeGrace` has no effect without `maxConnectionAge`",
            "write when connections are too old",
        ),
        ("protocol: udp", "protocol udp without a timeout: nobody tells a client that a datagram was lost", timeout),
        ("protocol: udp, tls: 1.3", "`tls` has no effect with protocol udp", "datagrams open no connection: remove it"),
        ("protocol: udp, maxPerClient: 3", "`maxPerClient` has no effect with protocol udp", "a client has one port"),
        (
            "protocol: http2, order: fifo",
            "`order` has no effect with protocol http2",
            "it is for protocol http1, tcp: remove it",
        ),
        ("protocol: udp, mode: pinned", "`mode: pinned` has no effect with protocol udp", "remove `mode`"),
    ] {
        write(scratch.path(), "wrong.yaml", &thinker("1s", connections));
        let run = output(scratch.path(), &["check", "wrong.yaml"]);
        assert_eq!(status(&run), 2, "{connections}");
        let text = stderr(&run);
        assert!(text.contains(&format!("error: {message}\n")), "{connections}: {text}");
        assert!(text.contains(&format!("= help: {help}\n")), "{connections}: {text}");
    }
    let kernel = short_connections("1/s", "version: new", "mode: pool");
    let price = thinker("1s", "mode: pool").replace("observe: {connections: true}", "observe: {crossZonePrice: 0.01}");
    for (scenario, message, help) in [
        (
            kernel,
            "`version`: expected a version such as 6.8, found `new`",
            "write MAJOR.MINOR of the kernel, as `uname -r` begins",
        ),
        (
            price,
            "`crossZonePrice` has no effect without `nodes: true`",
            "the cost stands in nodes.csv: write `nodes: true` beside it",
        ),
    ] {
        write(scratch.path(), "wrong.yaml", &scenario);
        let run = output(scratch.path(), &["check", "wrong.yaml"]);
        let text = stderr(&run);
        assert!(text.contains(&format!("error: {message}\n")), "{text}");
        assert!(text.contains(&format!("= help: {help}\n")), "{text}");
    }
}

/// One request at 0 s and one at 200 s, whose pod has gone meanwhile without the rules being changed.
fn black_hole(kernel: &str, connections: &str) -> String {
    thinker("1s", &format!("mode: perRequest{connections}"))
        .replace("closed: {users: 1, think: 1s}", "constant: {rate: 0.005/s}")
        .replace("duration: 1000s", "duration: 350s")
        .replace(
            "sameNode: 100ms}",
            &format!("sameNode: 1ms}}, propagation: {{kubeProxy: 1000s}}, kernel: {{version: {kernel}}}"),
        )
        + "  timeline: [{at: 10s, deletePod: \"deployment/web[0]\"}]\n"
}

#[test]
fn syns_are_sent_again_by_the_schedule_of_the_kernel() {
    let scratch = scratch();
    for (kernel, connections, again, waited) in [
        ("6.8", "", 10.0, 131_000.0),
        ("5.15", "", 6.0, 127_000.0),
        ("6.8", ", connectTimeout: 3s", 2.0, 3_000.0),
        ("5.15", ", connectTimeout: 3s", 1.0, 3_000.0),
        ("6.8", ", connectTimeout: 500ms", 0.0, 500.0),
    ] {
        let into = format!("{kernel}-{}", connections.len());
        let run = results(scratch.path(), &black_hole(kernel, connections), &into, &["--requests", "all"]);
        is(count(&run, "syn_retransmissions"), again);
        let rows = table(&run, "requests.csv");
        assert_eq!((&*rows[0]["outcome"], &*rows[1]["outcome"]), ("succeeded", "connect_timeout"), "{kernel}");
        is(number(&rows[1], "latency_ms"), waited);
    }
}

#[test]
fn tls_takes_round_trips_and_work() {
    let scratch = scratch();
    // Three hops and back: TCP, TLS, the request; 1 ms at the pod.
    for (tls, to, milliseconds) in [
        ("tls: 1.3, ", "http://web/", 600.0 + 1.0 + 0.5),
        ("tls: 1.2, ", "http://web/", 800.0 + 1.0 + 0.5),
        ("tls: {version: 1.2, cpu: 3ms}, ", "http://web/", 800.0 + 1.0 + 3.0),
        ("", "https://web:80/", 600.0 + 1.0 + 0.5),
        ("", "http://web/", 401.0),
    ] {
        let text = thinker("1s", &format!("{tls}mode: perRequest")).replace("http://web/", to);
        let run = results(scratch.path(), &text, "out", &["--force"]);
        is(sum(&run, "runs.csv", "latency_max_ms"), milliseconds);
        let told = table(&run, "attribution.csv").iter().any(|row| row["cause"] == "tls");
        assert_eq!(told, milliseconds > 500.0);
        // The story of a request adds up to its ledger, or explain stops.
        let explained = output(scratch.path(), &["explain", "scenario.yaml", "--request", "3"]);
        assert_eq!(status(&explained), 0, "{}", stderr(&explained));
    }
    let kept = results(scratch.path(), &thinker("1s", "tls: 1.3"), "kept", &[]);
    is(sum(&kept, "runs.csv", "latency_p50_ms").round(), 201.0);
}

fn short_connections(rate: &str, kernel: &str, connections: &str) -> String {
    thinker("1s", connections)
        .replace("closed: {users: 1, think: 1s}", &format!("constant: {{rate: {rate}}}"))
        .replace("duration: 1000s", "duration: 100s")
        .replace("sameNode: 100ms}", &format!("sameNode: 1ms}}, kernel: {{{kernel}}}"))
}

#[test]
fn source_ports_run_out_at_their_number_by_time_wait() {
    let scratch = scratch();
    let ports = "sourcePorts: {count: 100, timeWait: 10s}";
    let ok = results(scratch.path(), &short_connections("9.9/s", ports, "mode: perRequest"), "ok", &[]);
    is(sum(&ok, "runs.csv", "failed"), 0.0);
    let many = results(scratch.path(), &short_connections("20/s", ports, "mode: perRequest"), "many", &[]);
    // A hundred every ten seconds, from the first on.
    is(sum(&many, "runs.csv", "succeeded"), 1000.0);
    is(count(&many, "port_exhausted"), sum(&many, "runs.csv", "failed"));
    assert!(table(&many, "errors.csv").iter().all(|row| row["cause"] == "port_exhaustion"));
    // Where the other end closes first, it keeps the port.
    let idle = short_connections("20/s", ports, "serverIdleTimeout: 10ms");
    is(sum(&results(scratch.path(), &idle, "idle", &[]), "runs.csv", "failed"), 0.0);
    let kept = short_connections("20/s", ports, "mode: pool");
    is(sum(&results(scratch.path(), &kept, "kept", &[]), "runs.csv", "failed"), 0.0);
}

#[test]
fn a_full_table_drops_first_packets_and_keeps_what_it_has() {
    let scratch = scratch();
    let table_of = |max: u32| format!("conntrack: {{max: {max}, timeWait: 10s}}");
    // Twenty a second, each remembered for 10 s and a round trip or two.
    let ok = short_connections("20/s", &table_of(201), "mode: perRequest");
    is(count(&results(scratch.path(), &ok, "ok", &[]), "conntrack_full"), 0.0);
    let full = short_connections("20/s", &table_of(100), "mode: perRequest, connectTimeout: 2500ms");
    let full = results(scratch.path(), &full, "full", &[]);
    assert!(count(&full, "conntrack_full") > 900.0);
    assert!(table(&full, "errors.csv").iter().all(|row| row["cause"] == "conntrack_full"));
    // Some get in with their second or third SYN, one and two seconds late.
    let slowest = sum(&full, "runs.csv", "latency_max_ms");
    assert!((2000.0..2010.0).contains(&slowest), "{slowest}");
    let told = output(scratch.path(), &["explain", "full", "--slowest", "1", "--causes", "0"]);
    assert!(stdout(&told).contains("its SYNs are dropped until one gets through"), "{}", stdout(&told));
    let half = sum(&full, "runs.csv", "succeeded");
    assert!((990.0..=1110.0).contains(&half), "{half}");
    let kept = short_connections("20/s", &table_of(3), "mode: pool");
    is(sum(&results(scratch.path(), &kept, "kept", &[]), "runs.csv", "failed"), 0.0);
    let explained = output(scratch.path(), &["explain", "scenario.yaml", "--request", "3"]);
    assert_eq!(status(&explained), 0, "{}", stderr(&explained));
}

#[test]
fn nodes_say_what_they_send_and_what_it_costs() {
    let scratch = scratch();
    let text = thinker("1s", "mode: perRequest")
        .replace("observe: {connections: true}", "observe: {nodes: true, crossZonePrice: 0.01}")
        .replace(
            "nodes: [{name: n}]",
            "nodes: [{name: near, zone: a}, {name: far, zone: b}], kernel: {conntrack: {}, sourcePorts: {}}",
        )
        .replace(
            "to: http://web/",
            "from: {node: near}\n      to: http://web/\n      requestSize: 2Ki\n      responseSize: 1M",
        );
    let run = results(scratch.path(), &text, "out", &["--set", "workloads[deployment/web].inline.replicas=2"]);
    let rows = table(&run, "nodes.csv");
    let (near, far) = (&rows[0], &rows[1]);
    assert_eq!((&*near["node"], &*far["node"], &*far["zone"]), ("near", "far", "b"));
    // A pod on each node: replies from afar are as many as requests to there, but for one under way.
    let (there, back) = (number(near, "cross_zone_messages"), number(far, "cross_zone_messages"));
    assert!((there - back).abs() <= 1.0 && there > 50.0, "{there} {back}");
    is(number(near, "cross_zone_bytes"), there * 2048.0);
    is(number(far, "cross_zone_bytes"), back * 1e6);
    is(number(far, "cross_zone_cost"), back * 1e6 / 1e9 * 0.01);
    is(number(far, "same_node_messages"), 0.0);
    // Requests and replies on the node itself.
    is(number(near, "same_node_messages") % 2.0, 0.0);
    is(number(near, "conntrack_capacity"), 131_072.0);
    // Each is remembered for 120 s, ports for 60 s.
    let all = sum(&run, "runs.csv", "offered") / 1000.0;
    // Half of the requests are slower, by chance, so in some minutes there are a few more.
    let (entries, ports) = (number(near, "conntrack_max"), number(near, "source_ports_max"));
    assert!((0.98..1.12).contains(&(entries / (120.0 * all))), "{entries}");
    assert!((0.98..1.15).contains(&(ports / (60.0 * all))), "{ports}");
    assert!(number(far, "conntrack_max") < number(near, "conntrack_max"));
    is(number(far, "conntrack_dropped"), 0.0);
}
