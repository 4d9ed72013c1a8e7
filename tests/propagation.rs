//! How news of endpoints travels: the controller's queue, every node's kube-proxy, and everybody else at a time of his own.

mod support;

use std::path::Path;

use support::{Row, results, scratch, table};

/// Pods that answer at once, connections of one request each.
fn scenario(replicas: u32, cluster: &str, traffic: &str, timeline: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: news}}
spec:
  run: {{duration: 30s, warmup: 0s, replications: 32, seed: 5}}
  cluster: {{nodes: [{{name: n, count: 4}}], network: none, pods: {{start: 1000s}}, {cluster}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: {replicas}, port: 80}}
      containers: {{app: {{concurrency: unlimited, serviceTime: 0s}}}}
  proxies: [{{name: edge, instances: 3, endpoints: service/web, balancer: {{policy: random}}, connections: {{mode: perRequest}}}}]
  traffic:
    - {{name: t, to: http://web/, clients: {{count: 8, popularity: in-turn}}, timeout: 500ms, arrivals: {{constant: {{rate: 1000/s}}}}, {traffic}}}
  timeline: [{timeline}]
"
    )
}

const EACH: &str = "connections: {keepAlive: false}";
const ONE_GOES: &str = "{at: 10s, deletePod: \"deployment/web[1]\"}";

/// Rows of a kind in the first replication: when (s), about what, and what they say.
fn events(directory: &Path, kind: &str) -> Vec<(f64, String, String)> {
    let of = |row: &&Row| row["replication"] == "0" && row["kind"] == kind;
    let rows = table(directory, "events.csv");
    let told = rows.iter().filter(of);
    told.map(|row| (row["t_s"].parse().expect("a time"), row["object"].clone(), row["detail"].clone())).collect()
}

/// Failures a replication, and three standard errors of them.
fn failed(directory: &Path) -> (f64, f64) {
    let rows = table(directory, "runs.csv");
    let counts: Vec<f64> = rows.iter().map(|row| support::number(row, "failed").expect("a count")).collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (counts.len() - 1) as f64;
    (mean, 3.0 * (variance / counts.len() as f64).sqrt())
}

#[test]
fn every_consumer_has_a_delay_of_its_own() {
    // One of four pods, at 1,000 a second, for a second on average: 250, whoever chooses.
    let law = "{exponential: {mean: 1s}}";
    for (who, traffic) in [
        (format!("kubeProxy: {law}"), EACH.to_owned()),
        (format!("proxies: {law}, kubeProxy: 0s"), format!("through: edge, {EACH}")),
        (format!("clients: {law}, kubeProxy: 0s"), format!("balancer: {{policy: random}}, {EACH}")),
    ] {
        let scratch = scratch();
        let text = scenario(4, &format!("propagation: {{{who}}}"), &traffic, ONE_GOES);
        let run = results(scratch.path(), &text, "out", &[]);
        let (mean, error) = failed(&run);
        assert!((mean - 250.0).abs() < error && error < 120.0, "{who}: {mean} ± {error}");
        // Were it one delay for all of a kind, the counts would scatter by 250.
        assert!(error > 20.0, "{who}: {mean} ± {error}");
    }
}

#[test]
fn what_runs_on_a_node_shares_its_luck_and_each_kind_has_its_law() {
    let scratch = scratch();
    let law = "{uniform: {min: 1s, max: 3s}}";
    let text = scenario(4, &format!("propagation: {{kubeProxy: {law}}}"), EACH, ONE_GOES);
    let run = results(scratch.path(), &text, "out", &["--replications", "200"]);
    let rows = table(&run, "events.csv");
    let times = rows.iter().filter(|row| row["kind"] == "rules").map(|row| row["t_s"].parse::<f64>().expect("a time"));
    let mut delays: Vec<f64> = times.map(|at| at - 10.0).collect();
    delays.sort_by(f64::total_cmp);
    assert_eq!(delays.len(), 800);
    // Uniform: quartiles at 1.5, 2 and 2.5, each within four standard errors (0.031 and 0.035).
    for (place, value) in [(200, 1.5), (400, 2.0), (600, 2.5)] {
        assert!((delays[place] - value).abs() < 0.14, "{} for {value}", delays[place]);
    }
}

#[test]
fn rules_are_written_in_runs() {
    let scratch = scratch();
    // A hundred pods fail their probes, one every 2 ms, while the controller takes 20 ms for a look, and kube-proxy a
    // second from run to run.
    let timeline: Vec<String> =
        (0..100).map(|pod| format!("{{at: {}ms, notReady: \"deployment/web[{pod}]\"}}", 10_000 + 2 * pod)).collect();
    let cluster = "propagation: {endpointSlices: 20ms, kubeProxy: {watch: 5ms, minSync: 1s, sync: 100ms}}";
    let run =
        results(scratch.path(), &scenario(110, cluster, EACH, &timeline.join(", ")), "out", &["--replications", "1"]);
    // A look begins when the last has ended: at 10.000, 10.020, …, the last change at 10.198 is seen at 10.200.
    let writes: Vec<f64> = events(&run, "endpoints").iter().map(|(at, ..)| *at).collect();
    let expected: Vec<f64> = (1..=11).map(|look| 10.0 + 0.02 * f64::from(look)).collect();
    assert_eq!(writes.len(), expected.len(), "{writes:?}");
    assert!(writes.iter().zip(&expected).all(|(at, other)| (at - other).abs() < 1e-6), "{writes:?}");
    // On every node, one run for the first and one for all others.
    let rules = events(&run, "rules");
    assert_eq!(rules.len(), 8, "{rules:?}");
    let times: Vec<f64> = rules.iter().map(|(at, ..)| *at).collect();
    assert!(times[..4].iter().all(|at| (at - 10.125).abs() < 1e-6), "{times:?}");
    assert!(times[4..].iter().all(|at| (at - 11.225).abs() < 1e-6), "{times:?}");
    assert_eq!(events(&run, "rules-written")[0].2, "8 times on 4 nodes");
    // One row a version, for all of them together; in between, they never had some.
    let programmed = events(&run, "programmed");
    let programmed: Vec<_> = programmed.iter().filter(|(.., told)| told.contains("kube-proxies")).collect();
    assert_eq!(programmed.len(), 11);
    assert_eq!(
        programmed[10].2,
        "version 11 by kube-proxies: first after 1.005s, half of them after 1.005s, all after 1.005s, n-4 last"
    );
}

#[test]
fn a_hundred_changes_while_it_looks_are_one_more_look_and_one_more_run() {
    let scratch = scratch();
    let timeline: Vec<String> =
        (0..100).map(|pod| format!("{{at: {}ms, notReady: \"deployment/web[{pod}]\"}}", 10_000 + pod)).collect();
    let cluster = "propagation: {endpointSlices: 100ms, kubeProxy: {minSync: 1s, sync: 0s}}";
    let run =
        results(scratch.path(), &scenario(110, cluster, EACH, &timeline.join(", ")), "out", &["--replications", "1"]);
    assert_eq!(events(&run, "endpoints").len(), 2);
    assert_eq!(events(&run, "rules").len(), 8);
}

#[test]
fn before_1_34_two_runs_may_follow_each_other() {
    let rules = |version: &str, nodes: &str| {
        let scratch = scratch();
        let cluster =
            format!("kubernetes: \"{version}\", propagation: {{kubeProxy: {{watch: 0s, minSync: 10s, sync: 100ms}}}}");
        let times = ["10s", "10500ms", "11s", "15s"];
        let timeline: Vec<String> =
            (0..4).map(|pod| format!("{{at: {}, notReady: \"deployment/web[{pod}]\"}}", times[pod])).collect();
        let text = scenario(8, &cluster, EACH, &timeline.join(", ")).replace("{name: n, count: 4}", nodes);
        let run = results(scratch.path(), &text, "out", &["--replications", "1"]);
        events(&run, "rules").into_iter().map(|(at, _, detail)| (at, detail)).collect::<Vec<_>>()
    };
    let one = |version: &str| rules(version, "{name: n}").into_iter().map(|(at, _)| at).collect::<Vec<f64>>();
    assert_eq!(one("1.33"), [10.1, 10.6, 20.7]);
    assert_eq!(one("1.34"), [10.1, 20.2]);
    // A node with a `minSync` of its own.
    let both = rules("1.34", "{name: n}, {name: quick, kubeProxy: {minSync: 0s}}");
    let quick: Vec<f64> = both.iter().filter(|(_, on)| on.ends_with("on quick")).map(|(at, _)| *at).collect();
    assert_eq!((quick, both.len()), (vec![10.1, 10.6, 11.1, 15.1], 6));
}

#[test]
fn a_write_that_follows_another_may_fail_and_is_tried_again() {
    let scratch = scratch();
    let timeline = "{at: 10s, notReady: \"deployment/web[0]\"}, {at: 10010ms, notReady: \"deployment/web[1]\"}, \
                    {at: 20s, notReady: \"deployment/web[2]\"}";
    let cluster = "propagation: {endpointSlices: 20ms, conflicts: 100%, kubeProxy: 0s}";
    let run = results(scratch.path(), &scenario(4, cluster, EACH, timeline), "out", &["--replications", "1"]);
    let writes: Vec<f64> = events(&run, "endpoints").iter().map(|(at, ..)| *at).collect();
    // The second finds that the cache is behind, a second later it no longer is; the third comes long after.
    assert_eq!(writes, [10.02, 11.06, 20.02]);
    let conflicts = events(&run, "endpoints-conflict");
    assert_eq!((conflicts.len(), conflicts[0].0, conflicts[0].2.as_str()), (1, 10.04, "again in 1s"));
}

#[test]
fn before_1_26_pods_on_their_way_out_are_in_no_slice() {
    // All pods are on their way out: newer rules send to them while they serve.
    let timeline = "{at: 10s, scale: deployment/web, replicas: 0}";
    let failures = |version: &str| {
        let scratch = scratch();
        let cluster = format!("kubernetes: \"{version}\", propagation: {{kubeProxy: 0s}}");
        let text = scenario(2, &cluster, EACH, timeline).replace("start: 1000s", "start: 1000s, stop: 5s");
        failed(&results(scratch.path(), &text, "out", &["--replications", "2"])).0
    };
    assert!((failures("1.26") - 15_000.0).abs() <= 1.0, "{}", failures("1.26"));
    assert!((failures("1.25") - 20_000.0).abs() <= 1.0, "{}", failures("1.25"));
}

#[test]
fn presets_are_what_they_say() {
    for (preset, median, p99) in [("small", 0.3, 2.0), ("medium", 1.5, 8.0), ("large", 5.0, 25.0)] {
        let scratch = scratch();
        let text = scenario(4, &format!("propagation: {{preset: {preset}}}"), EACH, ONE_GOES)
            .replace("1000/s", "1/s")
            .replace("duration: 30s", "duration: 200s");
        let run = results(scratch.path(), &text, "out", &["--replications", "250"]);
        let rows = table(&run, "events.csv");
        let of = |kind: &str| {
            let rows = rows.iter().filter(|row| row["kind"] == kind);
            rows.map(|row| row["t_s"].parse::<f64>().expect("a time")).collect::<Vec<_>>()
        };
        let mut delays: Vec<f64> = of("rules").iter().map(|at| at - 10.0).collect();
        assert_eq!(delays.len(), 1_000);
        delays.sort_by(f64::total_cmp);
        // The run itself and the controller take some 50 ms on top.
        assert!((delays[500] / (median + 0.05) - 1.0).abs() < 0.15, "{preset}: {}", delays[500]);
        assert!((delays[989] / (p99 + 0.05) - 1.0).abs() < 0.4, "{preset}: {}", delays[989]);
    }
}

#[test]
fn dns_servers_hear_one_after_the_other() {
    let scratch = scratch();
    // A name of a headless Service, looked up for every connection at one of two servers.
    let text = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: names}
spec:
  run: {duration: 30s, warmup: 0s, replications: 16, seed: 5}
  cluster:
    nodes: [{name: n, count: 4}]
    network: none
    pods: {start: 1000s}
    dns: {replicas: 2, cache: none}
    propagation: {dns: {uniform: {min: 1s, max: 5s}}}
  workloads:
    - {target: deployment/web, inline: {replicas: 4}, containers: {app: {concurrency: unlimited, serviceTime: 0s}}}
  traffic:
    - {name: t, to: \"http://peers/\", clients: {count: 200, popularity: in-turn}, resolver: {cache: none}, timeout: 500ms, arrivals: {constant: {rate: 1000/s}}, connections: {keepAlive: false}}
  timeline: [{at: 10s, deletePod: \"deployment/web[1]\"}]
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}
";
    let run = results(scratch.path(), text, "out", &[]);
    let (mean, error) = failed(&run);
    // A quarter of the connections, for three seconds on average; in the first of them the pod refuses, and the client tries
    // the next address.
    assert!((mean - 500.0).abs() < error, "{mean} ± {error}");
    let mut heard: Vec<String> = events(&run, "programmed").into_iter().map(|(.., told)| told).collect();
    heard.sort();
    assert_eq!(heard, ["version 1 by coredns-0", "version 1 by coredns-1"]);
}

#[test]
fn the_same_with_any_number_of_threads() {
    let scratch = scratch();
    let text = scenario(
        20,
        "propagation: {preset: small, conflicts: 30%}",
        EACH,
        "{at: 5s, scale: deployment/web, replicas: 8}, {at: 6s, scale: deployment/web, replicas: 12}, {at: 9s, deletePod: \"deployment/web[2]\"}",
    );
    let one = results(scratch.path(), &text, "one", &["--jobs", "1", "--replications", "6"]);
    let four = results(scratch.path(), &text, "four", &["--jobs", "4", "--replications", "6"]);
    for file in ["events.csv", "errors.csv", "runs.csv"] {
        let read = |directory: &Path| std::fs::read_to_string(directory.join(file)).expect(file);
        assert_eq!(read(&one), read(&four), "{file}");
    }
}

/// What is said of a scenario that is refused.
fn said_of(text: &str) -> String {
    let scratch = scratch();
    support::write(scratch.path(), "scenario.yaml", text);
    let output = support::output(scratch.path(), &["check", "scenario.yaml"]);
    assert_eq!(support::status(&output), 2, "{}", support::stdout(&output));
    support::stderr(&output)
}

#[test]
fn mistakes_are_answered() {
    for (cluster, words) in [
        ("kubernetes: 1.2", "1.2 is not from 1.20 on"),
        ("kubernetes: 1.2", "write it as text, as \"1.34\" or \"1.20\""),
        ("kubernetes: new", "expected a version such as \"1.34\", found `new`"),
        ("propagation: {preset: huge}", "`preset` is one of small, medium, large; found `huge`"),
        (
            "propagation: {kubeProxy: {minSync: 1s, constant: 1s}}",
            "`kubeProxy` is either one delay or `watch`, `minSync` and `sync`, found `minSync` too",
        ),
        (
            "propagation: {kubeProxy: {minSync: 1s, constant: 1s}}",
            "write for example {watch: {exponential: {mean: 100ms}}, minSync: 1s}",
        ),
        ("propagation: {kubeProxy: {minsync: 1s}}", "did you mean `minSync`?"),
        ("propagation: {conflicts: 2}", "conflicts"),
    ] {
        let told = said_of(&scenario(4, cluster, EACH, ONE_GOES));
        assert!(told.contains(words), "{cluster}: {told}");
    }
    let text = scenario(4, "propagation: {kubeProxy: 1s}", EACH, ONE_GOES)
        .replace("{name: n, count: 4}", "{name: n, kubeProxy: {minSync: 1s}}");
    let told = said_of(&text);
    assert!(told.contains("`minSync` has no effect: kube-proxies act after a delay, not in runs"), "{told}");
    let help = "write cluster.propagation.kubeProxy: {watch: 50ms, minSync: 1s}, or a `preset`";
    assert!(told.contains(help), "{told}");
}
