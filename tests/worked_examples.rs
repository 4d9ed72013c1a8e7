//! Small cases whose outcome follows from how Kubernetes works, by arithmetic. `docs/validation/worked-examples.md` lists
//! them all, with where each is tested.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Row, count, nanos, project, results, scratch, table};

/// One server that takes no time, half a millisecond away; a request every minute that is served at once.
const NAMES: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: names}
spec:
  run: {requests: 5, warmup: 0%, replications: 1, drain: 1000s}
  cluster:
    nodes: [{name: a}]
    network: {sameNode: 500us}
    dns: {replicas: 1, serviceTime: 0s, upstream: 0s, external: [{name: api.example.com, to: service/web, ttl: 0s}]}
  workloads:
    - {target: deployment/nginx, inline: {replicas: 1, namespace: front, port: 80}, containers: {app: {serviceTime: 3ms}}}
    - {target: deployment/web, inline: {replicas: 1}, containers: {app: {serviceTime: 3ms}}}
    - {target: deployment/other, inline: {replicas: 1}, containers: {app: {serviceTime: 3ms}}}
    - {target: deployment/caller, inline: {replicas: 1, namespace: front}, containers: {app: {serviceTime: 3ms}}}
  traffic:
    - {name: t, from: deployment/other, to: \"http://web/\", connections: {mode: perRequest}, arrivals: {constant: {rate: 1/min}}}
";

/// The result directory of the scenario with these changes.
fn run(directory: &Path, scenario: &str, set: &[(&str, &str)]) -> PathBuf {
    let mut arguments = vec!["--requests".to_owned(), "all".to_owned(), "--force".to_owned()];
    for (path, value) in set {
        arguments.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    results(directory, scenario, "out", &arguments)
}

/// The column of the rows of a table that have this value in another one.
fn column<T>(rows: &[Row], wanted: (&str, &str), value: impl Fn(&Row) -> T) -> Vec<T> {
    rows.iter().filter(|row| row[wanted.0] == wanted.1).map(value).collect()
}

/// Σ of the smaller powers: how likely it is that, of so many connections thrown at so many pods, none has more than
/// `most`: C!/n^C times the coefficient of x^C in (Σ x^k/k!, k ≤ most)^n.
fn none_above(connections: usize, pods: usize, most: usize) -> f64 {
    // Each factor is divided by n^k, so that everything stays near 1; C! is multiplied in by the way.
    let mut ways = vec![0.0; connections + 1];
    ways[0] = 1.0;
    for _ in 0..pods {
        let mut next = vec![0.0; connections + 1];
        for (before, way) in ways.iter().enumerate() {
            let mut term = *way;
            for k in 0..=most.min(connections - before) {
                if k > 0 {
                    term *= (before + k) as f64 / (k as f64 * pods as f64);
                }
                next[before + k] += term;
            }
        }
        ways = next;
    }
    ways[connections]
}

/// The mean of the most connections that a pod gets.
fn mean_of_most(connections: usize, pods: usize) -> f64 {
    (0..connections).map(|most| 1.0 - none_above(connections, pods, most)).sum()
}

/// Connections by replication and pod, of clients that open one each and keep it.
fn pinned(connections: u32, pods: u32, replications: u32) -> Vec<Vec<u64>> {
    let scenario = format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: pinned}}
spec:
  run: {{requests: {connections}, warmup: 0%, replications: {replications}, drain: 1000s}}
  cluster: {{nodes: [{{name: a, count: 3}}], network: none}}
  workloads:
    - {{target: deployment/web, inline: {{replicas: {pods}, port: 80}}, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
  traffic:
    - name: t
      from: generator
      to: http://web/
      clients: {{count: {connections}, popularity: in-turn}}
      connections: {{mode: pinned, protocol: http2}}
      arrivals: {{constant: {{rate: 1000/s}}}}
"
    );
    let directory = scratch();
    let rows = table(&results(directory.path(), &scenario, "out", &["-j", "2"]), "endpoints.csv");
    let mut placed: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in &rows {
        placed.entry(row["replication"].clone()).or_default().push(count(row, "connections"));
    }
    assert_eq!(placed.len(), replications as usize);
    placed.into_values().collect()
}

/// Mean of values and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let number = values.len() as f64;
    let mean = values.iter().sum::<f64>() / number;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (number - 1.0);
    (mean, (variance / number).sqrt())
}

#[test]
fn ten_thousand_connections_are_binomial() {
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: spread}
spec:
  run: {requests: 10000, warmup: 0%, replications: 200, drain: 1000s}
  cluster: {nodes: [{name: a, count: 3}], network: none, kubeProxy: {mode: iptables}}
  workloads:
    - {target: deployment/web, inline: {replicas: 10, port: 80}, containers: {app: {concurrency: unlimited, serviceTime: 0s}}}
  traffic:
    - {name: t, from: generator, to: http://web/, connections: {mode: perRequest}, arrivals: {constant: {rate: 1000/s}}}
";
    let directory = scratch();
    let rows = table(&results(directory.path(), scenario, "out", &["-j", "2"]), "endpoints.csv");
    let mut statistics: BTreeMap<&str, f64> = BTreeMap::new();
    for row in &rows {
        *statistics.entry(&row["replication"]).or_default() +=
            (count(row, "requests") as f64 - 1_000.0).powi(2) / 1_000.0;
    }
    assert_eq!(statistics.len(), 200);
    // Chi-square with 9 degrees of freedom: mean 9, variance 18, above 21.666 once in a hundred times.
    let (mean, error) = mean_and_error(&statistics.values().copied().collect::<Vec<_>>());
    assert!((mean - 9.0).abs() < 4.0 * error, "{mean} ± {error}");
    let above = statistics.values().filter(|statistic| **statistic > 21.666).count();
    assert!(above <= 8, "2 of 200 are expected above the limit, found {above}");
    // Each count: mean 1,000 and sd √(10000 · 0.1 · 0.9) = 30.
    let counts: Vec<f64> = rows.iter().map(|row| count(row, "requests") as f64).collect();
    let sd = (counts.iter().map(|count| (count - 1_000.0).powi(2)).sum::<f64>() / counts.len() as f64).sqrt();
    assert!((sd - 30.0).abs() < 4.0 * 30.0 / (2.0 * counts.len() as f64).sqrt(), "{sd}");
}

#[test]
fn pinned_connections_leave_pods_idle_and_others_full() {
    let exact = [(10, 10, 2.748_689_11), (20, 4, 7.382_525_67), (100, 3, 38.263_387_28)];
    for (connections, pods, most) in exact {
        let mean = mean_of_most(connections, pods);
        assert!((mean - most).abs() < 1e-8 * most, "{connections} on {pods}: {mean}");
        let placed = pinned(connections as u32, pods as u32, 3_000);
        let mosts: Vec<f64> = placed.iter().map(|pods| *pods.iter().max().expect("pods") as f64).collect();
        let (found, error) = mean_and_error(&mosts);
        assert!((found - mean).abs() < 4.5 * error, "{connections} on {pods}: {found} ± {error}, not {mean}");
        let idle: Vec<f64> =
            placed.iter().map(|of| of.iter().filter(|one| **one == 0).count() as f64 / pods as f64).collect();
        let (found, error) = mean_and_error(&idle);
        let none = (1.0 - 1.0 / pods as f64).powi(connections as i32);
        assert!((found - none).abs() < 4.5 * error.max(1e-4), "{connections} on {pods}: idle {found}, not {none}");
    }
    assert!((0.9_f64.powi(10) - 0.348_678_440_1).abs() < 1e-12);
}

/// Clients of one pod have its address, so they all go to one endpoint, however many they are; another node's rules
/// remember another one.
#[test]
fn affinity_sends_one_address_to_one_pod_of_each_node() {
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: behind-one-address}
spec:
  run: {requests: 2000, warmup: 0%, replications: 60, drain: 1000s}
  cluster: {nodes: [{name: a, count: 2}], network: none}
  workloads:
    - {target: deployment/web, containers: {app: {concurrency: unlimited, serviceTime: 0s}}}
    - {target: deployment/client, inline: {replicas: 1}, containers: {app: {serviceTime: 0s}}}
  traffic:
    - {name: t, from: deployment/client, to: http://web/, clients: {count: 50}, connections: {mode: perRequest}, arrivals: {constant: {rate: 1000/s}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80}]}
";
    for (replicas, endpoints) in [(1, 1..=1), (2, 1..=2)] {
        for mode in ["iptables", "nftables", "ipvs", "ebpf"] {
            let directory = scratch();
            let clients = replicas.to_string();
            let set =
                [("cluster.kubeProxy.mode", mode), ("workloads[deployment/client].inline.replicas", clients.as_str())];
            let rows = table(&run(directory.path(), scenario, &set), "endpoints.csv");
            let mut used: BTreeMap<&str, usize> = BTreeMap::new();
            for row in rows.iter().filter(|row| row["service"] == "web" && count(row, "requests") > 0) {
                *used.entry(&row["replication"]).or_default() += 1;
            }
            assert_eq!(used.len(), 60);
            assert!(used.values().all(|pods| endpoints.contains(pods)), "{mode}, {replicas} nodes: {used:?}");
            let several = used.values().filter(|pods| **pods > 1).count();
            // Two nodes agree by chance once in five times; IPVS begins with the same server on each.
            assert_eq!(several > 30, replicas == 2 && mode != "ipvs", "{mode}, {replicas} nodes: {used:?}");
        }
    }
}

#[test]
fn ipvs_round_robin_gives_each_pod_its_third_in_turn() {
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: in-turn}
spec:
  run: {requests: 9, warmup: 0%, replications: 3, drain: 1000s}
  cluster: {nodes: [{name: a}], network: none, kubeProxy: {mode: ipvs, scheduler: rr}}
  workloads:
    - {target: deployment/web, inline: {replicas: 3, port: 80}, containers: {app: {concurrency: unlimited, serviceTime: 1ms}}}
  traffic:
    - {name: t, from: generator, to: http://web/, connections: {mode: perRequest}, arrivals: {constant: {rate: 10/s}}}
";
    let directory = scratch();
    let path = run(directory.path(), scenario, &[]);
    let requests = table(&path, "requests.csv");
    for replication in ["0", "1", "2"] {
        // The kernel begins with the server that was added last.
        let pods = column(&requests, ("replication", replication), |row| row["pod"].clone());
        assert_eq!(pods, ["web-2", "web-1", "web-0"].repeat(3));
    }
    assert!(table(&path, "endpoints.csv").iter().all(|row| count(row, "requests") == 3));
}

/// Queries and how many of them are answered that there is no such name, of each lookup.
fn packets(from: &str, to: &str, set: &[(&str, &str)]) -> (u64, u64) {
    let directory = scratch();
    let scenario = NAMES.replace("from: deployment/other", &format!("from: {from}")).replace("http://web/", to);
    let path = run(directory.path(), &scenario, set);
    let rows = table(&path, "dns.csv");
    let queries = rows.iter().filter(|row| row["type"] == "A" || row["type"] == "AAAA");
    let sum = |column: &str| queries.clone().map(|row| count(row, column)).sum::<u64>();
    let (queries, missing) = (sum("queries"), sum("nxdomain"));
    assert_eq!((queries % 5, missing % 5), (0, 0), "each of five lookups is the same: {rows:#?}");
    (queries / 5, missing / 5)
}

/// A and AAAA for each name that is tried.
#[test]
fn each_form_of_a_name_costs_its_queries() {
    let client = "deployment/other";
    for (from, to, expected) in [
        ("front/deployment/caller", "http://nginx/", (2, 0)),
        (client, "http://nginx.front/", (4, 2)),
        (client, "http://nginx.front.svc/", (6, 4)),
        (client, "http://nginx.front.svc.cluster.local/", (8, 6)),
        (client, "http://nginx.front.svc.cluster.local./", (2, 0)),
        (client, "http://api.example.com./", (2, 0)),
    ] {
        assert_eq!(packets(from, to, &[]), expected, "{to} from {from}");
    }
    // The name is looked for in every search domain first; a domain of the node's own is one more.
    assert_eq!(packets(client, "http://api.example.com/", &[]), (8, 6));
    let one_more = [("cluster.dns.hostSearch", "[corp.example]")];
    assert_eq!(packets(client, "http://api.example.com/", &one_more), (10, 8));
    assert_eq!(packets(client, "http://api.example.com/", &[("traffic[t].resolver.ndots", "2")]), (2, 0));
    // From another namespace the short name is not there at all.
    let fails = [("traffic[t].resolver.missing", "fail")];
    assert_eq!(packets(client, "http://nginx/", &fails), (8, 8));
}

/// 5 s twice for the first name, then, the other search domains being skipped, 5 s twice for the name as given.
#[test]
fn a_dead_name_server_costs_glibc_twenty_seconds() {
    let directory = scratch();
    let path = run(directory.path(), NAMES, &[("cluster.dns.loss", "100%")]);
    let requests = table(&path, "requests.csv");
    assert_eq!(requests.len(), 5);
    for row in &requests {
        assert_eq!((nanos(&row["dns_ms"], 6), row["outcome"].as_str()), (20_000_000_000, "dns_timeout"));
    }
    let asked: Vec<(String, u64)> = table(&path, "dns.csv")
        .iter()
        .filter(|row| row["type"] == "A" && count(row, "queries") > 0)
        .map(|row| (row["name"].clone(), count(row, "queries") / 5))
        .collect();
    assert_eq!(asked, [("web.default.svc.cluster.local".to_owned(), 2), ("web".to_owned(), 2)]);
    let once = run(directory.path(), NAMES, &[("cluster.dns.loss", "100%"), ("traffic[t].resolver.attempts", "1")]);
    let dns = column(&table(&once, "requests.csv"), ("outcome", "dns_timeout"), |row| nanos(&row["dns_ms"], 6));
    assert_eq!(dns, [10_000_000_000; 5]);
}

#[test]
fn a_cluster_ip_without_pods_has_an_address_and_refuses() {
    let directory = scratch();
    let path = run(directory.path(), NAMES, &[("workloads[deployment/web].inline.replicas", "0")]);
    let dns = table(&path, "dns.csv");
    let answered = column(&dns, ("name", "web.default.svc.cluster.local"), |row| {
        (row["type"].clone(), count(row, "noerror"), count(row, "nodata"), count(row, "nxdomain"))
    });
    assert_eq!(answered, [("A".to_owned(), 5, 0, 0), ("AAAA".to_owned(), 0, 5, 0)]);
    for row in &table(&path, "requests.csv") {
        // The lookup, and then nothing: the node's own rules reject the connection.
        let (latency, dns) = (nanos(&row["latency_ms"], 6), nanos(&row["dns_ms"], 6));
        assert_eq!((row["outcome"].as_str(), dns, latency), ("refused", 1_000_000, 1_000_000));
    }
}

const HEADLESS: &str = "\
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
";

#[test]
fn a_headless_service_without_ready_pods_has_no_name() {
    let directory = scratch();
    let scenario = format!("{}{HEADLESS}", NAMES.replace("http://web/", "http://peers.default.svc.cluster.local./"));
    let path = run(directory.path(), &scenario, &[("workloads[deployment/web].inline.replicas", "0")]);
    assert!(table(&path, "requests.csv").iter().all(|row| row["outcome"] == "dns_nxdomain"));
    let missing =
        column(&table(&path, "dns.csv"), ("name", "peers.default.svc.cluster.local"), |row| count(row, "nxdomain"));
    assert_eq!(missing, [5, 5]);
}

#[test]
fn dns_servers_follow_the_size_of_the_cluster() {
    for (nodes, cores, servers) in [(3, 4, 2), (1, 4, 1), (100, 16, 7), (50, 64, 13)] {
        let directory = scratch();
        let nodes = format!("[{{name: a, count: {nodes}, cpu: {cores}}}]");
        let set = [("cluster.nodes", nodes.as_str()), ("cluster.dns.replicas", "auto")];
        let rows = table(&run(directory.path(), NAMES, &set), "dns.csv");
        assert_eq!(column(&rows, ("type", "server"), |_| ()).len(), servers, "{nodes}");
    }
}

/// How the requests of a client end that uses variables.
fn by_variables(from: &str, to: &str, pod: &str) -> Vec<String> {
    let manifests = format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: nginx-provider, namespace: front}}
spec: {{selector: {{app: nginx}}, ports: [{{name: http, port: 8080, targetPort: 80}}, {{name: metrics, port: 9113, targetPort: 80}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: nginx-pods, namespace: front}}
spec: {{clusterIP: None, selector: {{app: nginx}}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: nginx-alias, namespace: front}}
spec: {{type: ExternalName, externalName: nginx.front.svc.cluster.local}}
---
apiVersion: v1
kind: Pod
metadata: {{name: one, namespace: front, labels: {{app: one}}}}
spec: {{{pod}containers: [{{name: app}}]}}
"
    );
    let directory = scratch();
    let scenario = NAMES
        .replace("from: deployment/other", &format!("from: {from}, resolver: {{missing: fail}}"))
        .replace("http://web/", to);
    let path = run(directory.path(), &format!("{scenario}{manifests}"), &[]);
    let requests = table(&path, "requests.csv");
    requests.iter().map(|row| format!("{} {}", row["outcome"], row["pod"])).collect()
}

const HOST_AND_PORT: &str = "http://$(NGINX_PROVIDER_SERVICE_HOST):$(NGINX_PROVIDER_SERVICE_PORT)/";

#[test]
fn a_service_of_the_own_namespace_is_in_the_environment() {
    let there = ["succeeded nginx-0"; 5];
    assert_eq!(by_variables("front/pod/one", HOST_AND_PORT, ""), there);
    // Two named ports: the first is the port without a name.
    for port in ["PORT_HTTP", "PORT_METRICS"] {
        let to = format!("http://$(NGINX_PROVIDER_SERVICE_HOST):$(NGINX_PROVIDER_SERVICE_{port})/");
        assert_eq!(by_variables("front/pod/one", &to, ""), there, "{port}");
    }
    assert_eq!(by_variables("front/pod/one", "http://$(NGINX_PROVIDER_PORT_8080_TCP_ADDR):8080/", ""), there);
}

#[test]
fn services_of_other_namespaces_and_without_a_cluster_ip_are_not_in_the_environment() {
    let absent = ["env_missing "; 5];
    assert_eq!(by_variables("deployment/other", HOST_AND_PORT, ""), absent, "of another namespace");
    assert_eq!(by_variables("front/pod/one", "http://$(NGINX_PODS_SERVICE_HOST)/", ""), absent, "headless");
    assert_eq!(by_variables("front/pod/one", HOST_AND_PORT, "enableServiceLinks: false, "), absent, "without links");
}

/// Pods that come are used by new connections only.
#[test]
fn pods_that_come_get_nothing_of_kept_connections() {
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: scale-out}
spec:
  run: {duration: 300s, warmup: 30s, replications: 3, drain: 100s}
  cluster: {nodes: [{name: a, count: 3}], network: none}
  workloads:
    - {target: deployment/web, inline: {replicas: 5, port: 80}, containers: {app: {concurrency: unlimited, serviceTime: 1ms}}}
  traffic:
    - {name: t, from: generator, to: http://web/, clients: {count: 40, popularity: in-turn}, connections: {mode: pinned, protocol: http2}, arrivals: {constant: {rate: 200/s}}}
  timeline: [{at: 10s, scale: deployment/web, replicas: 10}]
";
    let new = |set: &[(&str, &str)]| {
        let directory = scratch();
        let rows = table(&run(directory.path(), scenario, set), "endpoints.csv");
        let number = |row: &Row| row["pod"].rsplit('-').next().and_then(|text| text.parse::<u32>().ok());
        assert_eq!(rows.len(), 30);
        let of = |new: bool| {
            let mine = rows.iter().filter(|row| number(row).is_some_and(|number| (number >= 5) == new));
            mine.map(|row| count(row, "requests")).sum::<u64>()
        };
        (of(true), of(true) + of(false))
    };
    assert_eq!(new(&[]), (0, 3 * 54_000));
    assert_eq!(new(&[("traffic[t].connections", "{mode: pinned}")]).0, 0, "HTTP/1 likewise");
    // Each request with a connection of its own: half of all, 81,000 ± 201.
    let (found, all) = new(&[("traffic[t].connections", "{mode: perRequest}")]);
    assert!(all == 162_000 && found.abs_diff(81_000) < 900, "{found} of {all}");
}

/// Shares of the pods of three zones that send as much each, with this line in the Service.
fn shares_by_zone(pods: [u32; 3], service: &str, annotation: &str) -> [f64; 3] {
    let deployment = |zone: usize| {
        format!(
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web{zone}}}
spec:
  replicas: {}
  selector: {{matchLabels: {{app: web{zone}}}}}
  template: {{metadata: {{labels: {{app: web{zone}, tier: web}}}}, spec: {{nodeName: n{zone}, containers: [{{name: app, ports: [{{containerPort: 80}}]}}]}}}}
",
            pods[zone]
        )
    };
    let traffic = |zone: usize| {
        format!(
            "    - {{name: t{zone}, from: {{node: n{zone}}}, to: http://web/, connections: {{mode: perRequest}}, arrivals: {{constant: {{rate: 1000/s}}}}}}\n"
        )
    };
    let all = |what: &dyn Fn(usize) -> String| (0..3).map(what).collect::<String>();
    let scenario = format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: zones}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 5, drain: 100s}}
  cluster: {{nodes: [{{name: n0, zone: a, cpu: 4}}, {{name: n1, zone: b, cpu: 4}}, {{name: n2, zone: c, cpu: 4}}], network: none}}
  traffic:
{}{}---
apiVersion: v1
kind: Service
metadata: {{name: web{annotation}}}
spec: {{selector: {{tier: web}}, ports: [{{port: 80}}]{service}}}
",
        all(&traffic),
        all(&deployment),
    );
    let directory = scratch();
    let rows = table(&results(directory.path(), &scenario, "out", &["-j", "2"]), "endpoints.csv");
    let total = rows.iter().map(|row| count(row, "requests")).sum::<u64>() as f64;
    [0, 1, 2].map(|zone| {
        let mine = rows.iter().filter(|row| row["pod"].starts_with(&format!("web{zone}-")));
        mine.map(|row| count(row, "requests")).sum::<u64>() as f64 / total / f64::from(pods[zone])
    })
}

#[test]
fn a_zone_that_keeps_its_traffic_shares_it_among_its_pods() {
    // 300,000 connections; the standard deviation of a pod's share is at most 0.00086.
    let shares = shares_by_zone([1, 2, 6], ", trafficDistribution: PreferClose", "");
    for (share, expected) in shares.iter().zip([1.0 / 3.0, 1.0 / 6.0, 1.0 / 18.0]) {
        assert!((share - expected).abs() < 0.004, "{shares:?}");
    }
}

#[test]
fn four_pods_in_three_zones_are_too_few_for_topology_hints() {
    let auto = ", annotations: {service.kubernetes.io/topology-mode: Auto}";
    let shares = shares_by_zone([2, 1, 1], "", auto);
    assert!(shares.iter().all(|share| (share - 0.25).abs() < 0.004), "{shares:?}");
    // With six there are hints: every zone keeps what it sends.
    let kept = shares_by_zone([2, 2, 2], "", auto);
    assert!(kept.iter().all(|share| (share - 1.0 / 6.0).abs() < 0.004), "{kept:?}");
}

#[test]
fn a_pod_that_terminates_is_in_no_answer() {
    let directory = scratch();
    let scenario = format!("{}{HEADLESS}", NAMES.replace("http://web/", "http://peers/"));
    let set = [
        ("workloads[deployment/web].inline.replicas", "4"),
        ("run.requests", "1000"),
        ("cluster.pods.stop", "1000000s"),
        ("timeline", "[{at: 1s, scale: deployment/web, replicas: 3}]"),
    ];
    let from = [("traffic[t].from", "deployment/other")];
    let path = run(directory.path(), &scenario, &[&set[..], &from[..]].concat());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    // The first request comes before the pod is deleted.
    for row in table(&path, "requests.csv").iter().skip(1) {
        assert_eq!(row["outcome"], "succeeded");
        *counts.entry(row["pod"].clone()).or_default() += 1;
    }
    // One after the other comes first, 333 times each, standard deviation 15.
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["web-0", "web-1", "web-2"]);
    assert!(counts.values().all(|count| count.abs_diff(333) < 68), "{counts:?}");
}

/// Every test that the table names is one, and every test of this file stands in it.
#[test]
fn the_table_names_tests_that_exist() {
    let table = fs::read_to_string(project().join("docs/validation/worked-examples.md")).expect("the table");
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    let mut named = Vec::new();
    for row in rows {
        let cell = row.trim_end_matches('|').rsplit('|').next().expect("a last cell");
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let (file, function) = test.split_once("::").unwrap_or_else(|| panic!("`FILE::TEST` expected: {row}"));
            let text = fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(
                text.contains(&format!("#[test]\nfn {function}("))
                    || text.contains(&format!("#[test]\n    fn {function}(")),
                "{test}"
            );
            named.push(test.to_owned());
        }
    }
    let own = fs::read_to_string(project().join("tests/worked_examples.rs")).expect("this file");
    for (at, _) in own.match_indices("#[test]\nfn ") {
        let name = own[at + 11..].split('(').next().expect("a name");
        let place = format!("tests/worked_examples.rs::{name}");
        assert!(named.contains(&place) || name == "the_table_names_tests_that_exist", "{name} is not in the table");
    }
}
