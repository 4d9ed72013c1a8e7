//! Flows by UDP: kube-proxy forgets those to endpoints that serve no more, when it has new rules.

mod support;

use std::path::Path;

use support::{Row, count, number, output, results, scratch, status, stderr, table, write};

/// 40 clients that send 100 datagrams a second; kube-proxies have new rules 300 ms after a change.
fn scenario(cluster: &str, traffic: &str, event: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: datagrams}}
spec:
  run: {{duration: 100s, warmup: 0s, replications: 1, seed: 3}}
  cluster: {{nodes: [{{name: a}}, {{name: b}}], {cluster}}}
  workloads:
    - {{target: deployment/web, containers: {{app: {{serviceTime: 5ms, concurrency: 100}}}}}}
    - {{target: deployment/c, inline: {{replicas: 40}}, containers: {{app: {{serviceTime: 5ms}}}}}}
  traffic:
    - {{name: t, {traffic}, connections: {{protocol: udp}}, arrivals: {{poisson: {{rate: 100/s}}}}, timeout: 2s}}
  timeline: [{event}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 4
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: x, ports: [{{containerPort: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: NodePort, selector: {{app: web}}, ports: [{{port: 80, nodePort: 30080}}]}}
"
    )
}

const INSIDE: &str = "from: deployment/c, to: \"http://web/\"";
const OUTSIDE: &str = "from: internet, to: \"http://a:30080/\", clients: {count: 40}";

fn requests(directory: &Path, between: (f64, f64)) -> Vec<Row> {
    let arrived = |row: &Row| number(row, "arrived_s").expect("a time");
    let all = table(directory, "requests.csv");
    all.into_iter().filter(|row| (between.0..between.1).contains(&arrived(row))).collect()
}

fn failed(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row["outcome"] != "succeeded").count()
}

#[track_caller]
fn about(value: usize, mean: f64) {
    let value = value as f64;
    assert!((value - mean).abs() < 4.5 * mean.sqrt(), "{value} instead of about {mean}");
}

#[test]
fn flows_leave_pods_that_ended_when_the_rules_are_new() {
    for mode in ["iptables", "nftables", "ipvs", "ebpf"] {
        let scratch = scratch();
        let cluster = format!("pods: {{start: 2s, stop: 1s}}, kubeProxy: {{mode: {mode}}}");
        let text = scenario(&cluster, INSIDE, "{at: 50s, scale: deployment/web, replicas: 1}");
        let run = results(scratch.path(), &text, mode, &["--requests", "all"]);
        // On their way out they serve, and the flows stay, also when the first rules come.
        let leaving = requests(&run, (50.3, 50.99));
        assert_eq!(failed(&leaving), 0, "{mode}");
        let elsewhere = leaving.iter().filter(|row| row["pod"] != "web-0").count();
        assert!(elsewhere > leaving.len() / 2, "{mode}: {elsewhere} of {}", leaving.len());
        // Then their ports are closed, for as long as nodes have not heard: about three in four, 300 ms.
        let closed = requests(&run, (50.99, 51.3));
        about(failed(&closed), 22.5);
        let after = requests(&run, (51.3, 100.0));
        assert_eq!(failed(&after), 0, "{mode}");
        assert!(after.iter().all(|row| row["pod"] == "web-0"), "{mode}");
        let said = table(&run, "events.csv");
        let times: Vec<f64> = said
            .iter()
            .filter(|row| row["kind"] == "programmed")
            .map(|row| number(row, "t_s").expect("a time"))
            .collect();
        assert_eq!(times, [50.3, 51.3], "{mode}");
    }
}

#[test]
fn flows_leave_pods_that_are_not_ready() {
    for traffic in [INSIDE, OUTSIDE] {
        let scratch = scratch();
        let event = "{at: 20s, notReady: \"deployment/web[0]\"}";
        let text = scenario("pods: {stop: 1s}", traffic, event);
        let run = results(scratch.path(), &text, "out", &["--requests", "all"]);
        let mine = |between: (f64, f64)| requests(&run, between).iter().filter(|row| row["pod"] == "web-0").count();
        assert!(mine((20.0, 20.25)) > 0);
        assert_eq!(mine((20.3, 100.0)), 0);
        // The pod answers all the time: nothing is lost.
        assert_eq!(failed(&requests(&run, (0.0, 97.0))), 0);
    }
}

#[test]
fn flows_stay_while_nobody_serves_and_go_on_when_somebody_does() {
    let scratch = scratch();
    let events = "{at: 20s, scale: deployment/web, replicas: 0}, {at: 60s, scale: deployment/web, replicas: 2}";
    let text = scenario("pods: {start: 1s, stop: 0s}", INSIDE, events);
    let run = results(scratch.path(), &text, "out", &["--requests", "all"]);
    assert!(requests(&run, (21.0, 61.0)).iter().all(|row| row["outcome"] != "succeeded"));
    let cause = |cause: &str| -> u64 {
        let rows = table(&run, "errors.csv");
        rows.iter().filter(|row| row["cause"] == cause).map(|row| count(row, "count")).sum()
    };
    // The entries of flows outlive the last endpoint, so packets are lost, and no rule refuses them.
    assert!(cause("deadline_exceeded") > 3_500, "{}", cause("deadline_exceeded"));
    assert_eq!(failed(&requests(&run, (61.3, 97.0))), 0);
}

#[test]
fn a_service_without_ports_by_tcp_says_what_it_has() {
    let scratch = scratch();
    let text = scenario("pods: {stop: 1s}", INSIDE, "{at: 50s, scale: deployment/web, replicas: 1}");
    let text = text.replace("ports: [{port: 80, nodePort: 30080}]", "ports: [{port: 80, protocol: UDP}]");
    write(scratch.path(), "scenario.yaml", &text);
    let run = output(scratch.path(), &["run", "scenario.yaml", "-q", "-o", "out"]);
    assert_eq!(status(&run), 2);
    let said = stderr(&run);
    let message = "leads to service/web, which has no port by TCP, and no other is modelled; it has 80 (UDP)\n";
    assert!(said.contains(message), "{said}");
    let help =
        "= help: leave `protocol` out there, and write `connections: {protocol: udp}` at the traffic for datagrams";
    assert!(said.contains(help), "{said}");
    // With that the scenario runs.
    let text = text.replace("{port: 80, protocol: UDP}", "{port: 80}");
    results(scratch.path(), &text, "out", &[]);
}
