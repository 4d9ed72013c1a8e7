//! Pods that have the network of their node: addresses, ports, paths, policies, and who comes after them.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::{Row, number, output, results, scratch, status, stderr, stdout, table, write};

/// A Deployment with these fields of its pods, and a Service before it.
fn deployment(name: &str, replicas: u32, pod: &str, port: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{{pod}containers: [{{name: app, ports: [{{name: http, {port}}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: http}}]}}
"
    )
}

const HOST: &str = "hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet, ";

/// Three nodes of one zone with known paths, `agent` on the network of the nodes, and what else is asked for.
fn scenario(agents: u32, more: &str, manifests: &[String]) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: hosts}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 3}}], network: {{loopback: 25us, sameNode: 50us, sameZone: 200us}}, propagation: {{kubeProxy: 300ms}}}}
  workloads:
    - {{target: deployment/agent, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
{more}{}{}",
        deployment("agent", agents, HOST, "containerPort: 9100"),
        manifests.concat()
    )
}

fn traffic(name: &str, from: &str, to: &str, more: &str) -> String {
    format!(
        "    - {{name: {name}, from: {from}, to: \"{to}\", arrivals: {{constant: {{rate: 100/s}}}}, connections: {{keepAlive: false}}{more}}}\n"
    )
}

fn causes(run: &Path) -> BTreeMap<(String, String), f64> {
    let rows = table(run, "errors.csv");
    let count = |row: &Row| ((row["traffic"].clone(), row["cause"].clone()), number(row, "count").expect("a count"));
    rows.iter().map(count).collect()
}

/// Mean of a column over the requests of a traffic that succeeded, in microseconds.
fn micros(rows: &[Row], name: &str, column: &str) -> f64 {
    let mine: Vec<f64> = rows
        .iter()
        .filter(|row| row["traffic"] == name && row["outcome"] == "succeeded")
        .map(|row| number(row, column).unwrap_or(0.0) * 1e3)
        .collect();
    assert!(!mine.is_empty(), "{name} has no requests: {:?}", rows[0]);
    mine.iter().sum::<f64>() / mine.len() as f64
}

#[test]
fn they_stand_one_on_a_node_and_serve_behind_a_service() {
    let scratch = scratch();
    let web = deployment("web", 3, "", "containerPort: 80");
    let more = format!("  traffic:\n{}", traffic("t", "deployment/web", "http://agent/", ""));
    let run = results(scratch.path(), &scenario(3, &more, &[web]), "out", &["--requests", "all"]);
    let mut endpoints = table(&run, "endpoints.csv");
    endpoints.retain(|row| row["service"] == "agent");
    let nodes: Vec<&str> = endpoints.iter().map(|row| row["node"].as_str()).collect();
    assert_eq!(nodes, ["n-1", "n-2", "n-3"]);
    let addresses: Vec<&str> = endpoints.iter().map(|row| row["address"].as_str()).collect();
    assert_eq!(addresses, ["172.18.0.2", "172.18.0.3", "172.18.0.4"]);
    let requests: f64 = endpoints.iter().filter_map(|row| number(row, "requests")).sum();
    assert!((requests - 2_000.0).abs() < 1e-9 && causes(&run).is_empty());
    // A path from a pod to its own node's network is one within the node: 2 · 50 us, else 2 · 200 us.
    let rows = table(&run, "requests.csv");
    let paths: std::collections::BTreeSet<String> =
        rows.iter().map(|row| format!("{}/{}", row["network_same_node_ms"], row["network_same_zone_ms"])).collect();
    assert_eq!(paths.into_iter().collect::<Vec<_>>(), ["0.1/0", "0/0.4"]);
}

#[test]
fn on_one_node_they_reach_one_another_over_the_loopback() {
    let scratch = scratch();
    let clients = deployment("client", 3, HOST, "containerPort: 7000");
    let web = deployment("web", 3, "", "containerPort: 80");
    let more = format!(
        "  traffic:\n{}{}{}",
        traffic("service", "deployment/client", "http://agent/", ""),
        traffic("localhost", "deployment/client", "http://localhost:9100/", ""),
        traffic("pod", "deployment/client", "http://web/", ""),
    );
    let run = results(scratch.path(), &scenario(2, &more, &[clients, web]), "out", &["--requests", "all"]);
    let rows = table(&run, "requests.csv");
    // The agents stand on two of three nodes: a third of the clients has none, and its localhost refuses.
    let refused = causes(&run);
    assert_eq!(refused.keys().cloned().collect::<Vec<_>>(), [("localhost".to_owned(), "refused".to_owned())]);
    let count = refused.values().sum::<f64>();
    assert!((count - 2_000.0 / 3.0).abs() < 5.0 * (2_000.0_f64 * 2.0 / 9.0).sqrt(), "{count}");
    assert!((micros(&rows, "localhost", "network_loopback_ms") - 50.0).abs() < 1e-6);
    assert!(micros(&rows, "localhost", "network_same_zone_ms").abs() < 1e-6);
    // Handshake and request cross the same path.
    assert!((micros(&rows, "localhost", "connect_ms") - 50.0).abs() < 1e-6);
    let service = rows.iter().filter(|row| row["traffic"] == "service");
    let classes: std::collections::BTreeSet<String> =
        service.map(|row| format!("{}/{}", row["network_loopback_ms"], row["network_same_zone_ms"])).collect();
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), ["0.05/0", "0/0.4"]);
    // To a pod with a network of its own the path is one within the node.
    assert!(micros(&rows, "pod", "network_loopback_ms").abs() < 1e-6);
    assert!(micros(&rows, "pod", "network_same_node_ms") > 0.0);
}

#[test]
fn a_host_port_leads_to_the_pod_of_its_node() {
    let scratch = scratch();
    let web = deployment("web", 3, "", "containerPort: 80, hostPort: 8081");
    let more = format!(
        "  traffic:\n{}{}",
        traffic("mapped", "{node: n-1}", "http://172.18.0.3:8081/", ""),
        traffic("own", "{node: n-1}", "http://172.18.0.4:9100/", "")
    );
    let run = results(scratch.path(), &scenario(3, &more, &[web]), "out", &["--requests", "all"]);
    let pods: std::collections::BTreeSet<(String, String)> =
        table(&run, "requests.csv").iter().map(|row| (row["traffic"].clone(), row["pod"].clone())).collect();
    let expected = [("mapped", "web-1"), ("own", "agent-2")].map(|(name, pod)| (name.to_owned(), pod.to_owned()));
    assert_eq!(pods.into_iter().collect::<Vec<_>>(), expected);
}

/// A Service holds clients by their address, and pods on one node's network have one between them.
#[test]
fn they_share_the_address_of_their_node() {
    let scratch = scratch();
    let more =
        "    - {target: deployment/web, containers: {app: {concurrency: unlimited, serviceTime: 1ms}}}\n  traffic:\n"
            .to_owned()
            + &["one", "two", "three"]
                .map(|name| traffic(name, &format!("deployment/{name}"), "http://web/", ""))
                .concat();
    let clients = |pod: &str| {
        let on = format!("{pod}nodeName: n-1, ");
        let own =
            |(index, name): (usize, &&str)| deployment(name, 1, &on, &format!("containerPort: {}", 7_000 + index));
        ["one", "two", "three"].iter().enumerate().map(own).collect::<String>()
    };
    let sticky = deployment("web", 8, "", "containerPort: 80")
        .replace("spec: {selector: {app: web}", "spec: {sessionAffinity: ClientIP, selector: {app: web}");
    let mut used = Vec::new();
    for (name, pod) in [("shared", HOST), ("own", "")] {
        let text = scenario(1, &more, &[sticky.clone(), clients(pod)]).replace("replications: 1", "replications: 4");
        let run = results(scratch.path(), &text, name, &[]);
        let of = |replication: &str| {
            let rows = table(&run, "endpoints.csv");
            let busy = |row: &&Row| row["replication"] == replication && number(row, "requests") > Some(0.0);
            rows.iter().filter(busy).count()
        };
        used.push(["0", "1", "2", "3"].map(of));
    }
    assert_eq!(used[0], [1; 4], "one address, one pod");
    assert!(used[1].iter().sum::<usize>() > 6, "three addresses: {:?}", used[1]);
}

#[test]
fn to_network_policies_they_are_their_nodes() {
    let scratch = scratch();
    let policy = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    };
    let traffics = [
        ("web-agent", "deployment/web", "http://agent/"),
        ("client-web", "deployment/client", "http://web/"),
        ("client-agent", "deployment/client", "http://agent/"),
    ];
    let more =
        format!("  traffic:\n{}", traffics.map(|(name, from, to)| traffic(name, from, to, ", timeout: 1s")).concat());
    let failed = |policy: String| {
        let manifests = [
            deployment("client", 1, &format!("{HOST}nodeName: n-1, "), "containerPort: 7000"),
            deployment("web", 3, "", "containerPort: 80"),
            policy,
        ];
        let run = results(scratch.path(), &scenario(3, &more, &manifests), "out", &[]);
        let all = causes(&run);
        assert!(all.keys().all(|(_, cause)| cause == "deadline_exceeded"), "{all:?}");
        all.into_iter().map(|((name, _), count)| (name, count)).collect::<Vec<_>>()
    };
    // About two thirds of the connections lead to other nodes: the node reaches its own pods whatever policies say.
    let elsewhere = |found: &[(String, f64)], name: &str| {
        let [(only, count)] = found else { panic!("{found:?}") };
        assert_eq!(only, name);
        assert!((count - 2_000.0 * 2.0 / 3.0).abs() < 5.0 * (2_000.0_f64 * 2.0 / 9.0).sqrt(), "{count}");
    };
    // A policy that selects them changes nothing.
    assert_eq!(failed(policy("p", "{podSelector: {matchLabels: {app: agent}}, ingress: []}")), []);
    let deny_out = "{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: []}";
    assert_eq!(failed(policy("p", deny_out)), []);
    // No selector of pods means them,
    let from_pods =
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}";
    elsewhere(&failed(policy("p", from_pods)), "client-web");
    let to_pods = "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: agent}}}]}]}";
    elsewhere(&failed(policy("p", to_pods)), "web-agent");
    // but the address of their node does.
    let block = |direction: &str, addresses: &str| {
        format!(
            "{{podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [{}], {}: [{{{}: [{{ipBlock: {{cidr: {addresses}}}}}]}}]}}",
            if direction == "from" { "Ingress" } else { "Egress" },
            if direction == "from" { "ingress" } else { "egress" },
            direction
        )
    };
    assert_eq!(failed(policy("p", &block("from", "172.18.0.2/32"))), []);
    elsewhere(&failed(policy("p", &block("from", "172.18.0.3/32"))), "client-web");
    assert_eq!(failed(policy("p", &block("to", "172.18.0.0/24"))), []);
    // From each node its own agent and that on n-2: five of nine ways are open.
    let [(name, count)] = &failed(policy("p", &block("to", "172.18.0.3/32")))[..] else { panic!("one traffic fails") };
    assert_eq!(name, "web-agent");
    assert!((count - 2_000.0 * 4.0 / 9.0).abs() < 5.0 * (2_000.0_f64 * 20.0 / 81.0).sqrt(), "{count}");
}

fn events(run: &Path, pod: &str) -> Vec<String> {
    let rows = table(run, "events.csv");
    let mine = rows.iter().filter(|row| row["object"] == format!("pod/{pod}"));
    mine.map(|row| format!("{} {} {}", row["t_s"], row["kind"], row["detail"]).trim_end().to_owned()).collect()
}

/// The pod is deleted at 5 s; a second later its ports are free, the next one comes and is ready at 8 s, under the same
/// address.
#[test]
fn the_next_pod_of_a_node_has_the_same_address() {
    let scratch = scratch();
    let more = format!(
        "  traffic:\n{}  timeline: [{{at: 5s, deletePod: \"deployment/agent[0]\"}}, {{at: 15s, scale: deployment/agent, replicas: 4}}]\n",
        traffic("t", "{node: n-2}", "http://172.18.0.2:9100/", "")
    );
    let run = results(scratch.path(), &scenario(3, &more, &[]), "out", &["--requests", "all"]);
    assert_eq!(
        events(&run, "agent-0"),
        ["5 pod-deleted", "5 pod-ended", "6 pod-gone"],
        "no address is free afterwards"
    );
    assert_eq!(
        events(&run, "agent-3"),
        [
            "5 pod-created",
            "5 pod-pending no node has its ports free",
            "6 pod-placed on n-1 as 172.18.0.2",
            "8 pod-ready"
        ]
    );
    assert_eq!(events(&run, "agent-4"), ["15 pod-created", "15 pod-pending no node has its ports free"]);
    // The address is the node's, so somebody answers all the time: for three seconds that there is nobody.
    let rows = table(&run, "requests.csv");
    for row in &rows {
        let at = number(row, "arrived_s").expect("a time");
        let expected = if (4.9999..7.9998).contains(&at) { "refused" } else { "succeeded" };
        assert!(row["outcome"] == expected || (at - 5.0).abs() < 0.002, "{at}: {row:?}");
        if at > 8.0 {
            assert_eq!(row["pod"], "agent-3");
        }
        assert!(number(row, "latency_ms") < Some(2.0), "{row:?}");
    }
}

/// Another workload has the same port; once the first is gone from the node, its clients meet the wrong pod.
#[test]
fn the_port_of_a_node_may_become_another_s() {
    let scratch = scratch();
    let other = deployment("other", 0, HOST, "containerPort: 9100");
    let more = format!(
        "  traffic:\n{}  timeline: [{{at: 5s, scale: deployment/agent, replicas: 2}}, {{at: 10s, scale: deployment/other, replicas: 1}}]\n",
        traffic("t", "{node: n-2}", "http://172.18.0.4:9100/", "")
    );
    let run = results(scratch.path(), &scenario(3, &more, &[other]), "out", &["--requests", "all"]);
    assert_eq!(events(&run, "other-0")[1], "10 pod-placed on n-3 as 172.18.0.4");
    for row in table(&run, "requests.csv") {
        let at = number(&row, "arrived_s").expect("a time");
        let expected = match at {
            at if at < 4.9998 => "succeeded",
            at if at < 11.9998 => "refused",
            _ => "wrong_pod",
        };
        assert!(row["outcome"] == expected || (at - 5.0).abs() < 0.002, "{at}: {row:?}");
    }
}

/// The scheduler knows nothing of addresses: it sends a pod to the emptier node, which has none left.
#[test]
fn a_pod_waits_on_its_node_for_an_address() {
    let scratch = scratch();
    let node = |name: &str, cidr: &str| {
        format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nspec: {{podCIDR: {cidr}}}\n")
    };
    let text = format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: addresses}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 1}}
  workloads: [{{target: deployment/web, inline: {{replicas: 4}}}}]
  traffic: [{{name: t, to: http://web/, arrivals: {{constant: {{rate: 10/s}}}}}}]
  timeline: [{{at: 5s, scale: deployment/web, replicas: 6}}, {{at: 10s, deletePod: \"deployment/web[0]\"}}]
{}{}",
        node("small", "10.244.7.0/30"),
        node("large", "10.244.8.0/24")
    );
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(
        events(&run, "web-4"),
        [
            "5 pod-created",
            "5 pod-pending on small, which has no free address",
            "11 pod-placed on small as 10.244.7.2",
            "13 pod-ready"
        ]
    );
}

#[test]
fn a_pod_that_fits_nowhere_waits() {
    let scratch = scratch();
    let more = "  timeline: [{at: 5s, scale: deployment/agent, replicas: 2}]
  traffic:
"
    .to_owned()
        + &traffic("t", "{node: small}", "http://agent/", "");
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: small}\nstatus: {allocatable: {pods: \"1\"}}\n";
    let text = scenario(1, &more, &[node.to_owned()]).replace("nodes: [{name: n, count: 3}], ", "");
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(events(&run, "agent-1"), ["5 pod-created", "5 pod-pending no node has room for it"]);
}

/// The whole answer to every mistake with the networks of nodes: the cases of `host_network.txt`.
#[test]
fn every_mistake_with_the_network_of_nodes_is_answered_whole() {
    let cases = include_str!("host_network.txt");
    let mut count = 0;
    for case in cases.split("## ").skip(1) {
        let (input, expected) = case.split_once(">>>\n").expect("a case has an answer");
        let (title, text) = input.split_once('\n').expect("a case has a title");
        count += 1;
        let scratch = scratch();
        let head = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: hosts}\nspec:\n";
        write(scratch.path(), "s.yaml", &format!("{head}{text}"));
        let output = output(scratch.path(), &["check", "s.yaml"]);
        let said = if status(&output) == 0 { stdout(&output) } else { stderr(&output) };
        assert_eq!(said.trim(), expected.trim(), "{title}");
    }
    assert!(count > 7, "only {count} cases");
}
