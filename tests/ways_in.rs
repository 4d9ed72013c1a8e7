//! The ways in from outside: node ports, load balancers and ingress controllers, against what arithmetic says.

mod support;

use std::path::Path;

use support::{Row, assert_close, output, results, scratch, status, stderr, stdout, table, write};

/// A Deployment whose pods listen on port 80.
fn deployment(name: &str, replicas: u32, node: &str) -> String {
    let place = if node.is_empty() { String::new() } else { format!("nodeName: {node}, ") };
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, all: web}}}}
    spec: {{{place}containers: [{{name: app, image: x, ports: [{{name: http, containerPort: 80}}]}}]}}
"
    )
}

fn service(name: &str, select: &str, more: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{{select}}}, ports: [{{port: 80}}]{more}}}
"
    )
}

/// Nodes a and b in one zone, c in another; a millisecond of work; hops of known length.
fn scenario(cluster: &str, traffic: &str, more: &str, manifests: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: ways}}
spec:
  run: {{duration: 40s, warmup: 0s, replications: 8, seed: 4}}
  cluster:
    nodes: [{{name: a, zone: z1}}, {{name: b, zone: z1}}, {{name: c, zone: z2}}]
    network: {{sameNode: 50us, sameZone: 200us, crossZone: 900us, external: 10ms}}
{cluster}
  workloads:
    - {{target: deployment/one, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
    - {{target: deployment/three, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
  traffic:
    - {{name: t, from: internet, arrivals: {{constant: {{rate: 500/s}}}}, {traffic}}}
{more}
{manifests}"
    )
}

/// One pod on node a, three on node b.
fn uneven() -> String {
    deployment("one", 1, "a") + &deployment("three", 3, "b")
}

const EACH: &str = "connections: {keepAlive: false}";

fn number(row: &Row, column: &str) -> f64 {
    support::number(row, column).unwrap_or_else(|| panic!("{column} is empty in {row:?}"))
}

/// The mean over replications of a summary row.
fn summary(directory: &Path, metric: &str) -> f64 {
    let rows = table(directory, "summary.csv");
    let row = rows.iter().find(|row| row["metric"] == metric && row["traffic"] == "t");
    number(row.unwrap_or_else(|| panic!("no {metric}")), "mean")
}

/// Shares of the pods behind a Service, over all replications.
fn shares(directory: &Path, service: &str) -> Vec<(String, f64)> {
    let rows = table(directory, "endpoints.csv");
    let mut sums: Vec<(String, f64)> = Vec::new();
    for row in rows.iter().filter(|row| row["service"] == service) {
        let requests = number(row, "requests");
        match sums.iter_mut().find(|(pod, _)| *pod == row["pod"]) {
            Some((_, sum)) => *sum += requests,
            None => sums.push((row["pod"].clone(), requests)),
        }
    }
    let total: f64 = sums.iter().map(|(_, sum)| sum).sum();
    sums.into_iter().map(|(pod, sum)| (pod, sum / total)).collect()
}

fn failures(directory: &Path, cause: &str) -> f64 {
    let rows = table(directory, "errors.csv");
    rows.iter().filter(|row| row["cause"] == cause).map(|row| number(row, "count")).sum::<f64>() / 8.0
}

fn run(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let scratch = scratch();
    let directory = results(scratch.path(), text, "out", &["-j", "2"]);
    (scratch, directory)
}

/// What a scenario that cannot be used is answered with.
fn refused(text: &str) -> String {
    let scratch = scratch();
    write(scratch.path(), "s.yaml", text);
    let output = output(scratch.path(), &["check", "s.yaml"]);
    assert_ne!(status(&output), 0, "{}", stdout(&output));
    stderr(&output)
}

#[test]
fn a_second_hop_costs_what_the_path_costs() {
    let port = |more: &str| {
        service("web", "app: one", &format!(", type: NodePort{more}"))
            .replace("port: 80}", "port: 80, nodePort: 30080}")
    };
    // Handshake and request cross the way there and back: 2 × 20 ms, and the hop from the node four times.
    for (node, onward) in [("a", 0.0), ("b", 0.2), ("c", 0.9)] {
        let to = format!("to: \"http://{node}:30080/\", {EACH}");
        let (_scratch, out) = run(&scenario("", &to, "", &(uneven() + &port(""))));
        assert_close(node, summary(&out, "latency_mean_ms"), 41.0 + 4.0 * onward);
        assert_close(node, summary(&out, "error_ratio"), 0.0);
    }
    // A connection that stays open is opened once a client.
    let (_scratch, out) =
        run(&scenario("", "to: \"http://c:30080/\", connections: {protocol: http2}", "", &(uneven() + &port(""))));
    assert_close("http2", summary(&out, "latency_mean_ms"), 21.0 + 2.0 * 0.9);
    // Local: no second hop, and no answer from a node without a pod.
    let local = port(", externalTrafficPolicy: Local");
    let (_scratch, out) = run(&scenario("", &format!("to: \"http://a:30080/\", {EACH}"), "", &(uneven() + &local)));
    assert_close("local", summary(&out, "latency_mean_ms"), 41.0);
    let quick = "timeout: 3s, arrivals: {constant: {rate: 1/s}}, ".to_owned();
    let text = scenario("", &format!("to: \"http://c:30080/\", {EACH}"), "", &(uneven() + &local));
    let waits = text.replace("arrivals: {constant: {rate: 500/s}}, ", &quick);
    let (_scratch, out) = run(&waits);
    assert_close("silence", failures(&out, "deadline_exceeded"), 40.0);
    // Without a timeout the kernel gives up after 131 s, which is longer than the run waits.
    let patient = waits.replace("timeout: 3s, ", "").replace("duration: 40s,", "duration: 40s, drain: 200s,");
    let (_scratch, out) = run(&patient);
    assert_close("the kernel's patience", failures(&out, "connect_timeout"), 40.0);
}

#[test]
fn without_any_endpoint_a_node_refuses() {
    let port = service("web", "app: one", ", type: NodePort, externalTrafficPolicy: Local")
        .replace("port: 80}", "port: 80, nodePort: 30080}");
    let timeline = "  timeline: [{at: 10s, scale: deployment/one, replicas: 0}]";
    let text = scenario("", &format!("to: \"http://a:30080/\", {EACH}"), timeline, &(uneven() + &port));
    let (_scratch, out) = run(&text);
    // From 10 s on: refused by the pod's node until the rules are new 300 ms later, and after that by the rules.
    let refused = failures(&out, "refused");
    assert!((refused - 15_000.0).abs() < 25.0, "{refused}");
}

#[test]
fn clients_choose_nodes_as_they_are_told() {
    let port = service("web", "all: web", ", type: NodePort, externalTrafficPolicy: Local")
        .replace("port: 80}", "port: 80, nodePort: 30080}");
    let manifests = uneven() + &port;
    let to = format!("to: \"http://nodes:30080/\", timeout: 1s, clients: {{count: 300}}, {EACH}");
    for (pick, tolerance) in [("random", 0.01), ("round-robin", 0.002), ("per-client", 0.02)] {
        let text = scenario("", &to, "", &manifests)
            .replace("from: internet", &format!("from: {{internet: {{nodes: {pick}}}}}"));
        let (_scratch, out) = run(&text);
        // A third each to a, to b and to c, which has no pod and drops them.
        let lost = failures(&out, "deadline_exceeded") / 20_000.0;
        assert!((lost - 1.0 / 3.0).abs() < tolerance, "{pick}: {lost}");
        let own = shares(&out, "web");
        assert!((own[0].1 - 0.5).abs() < tolerance, "{pick}: {own:?}");
    }
}

/// Two nodes with one and three pods: 50 % and 16.7 % each under Local, 25 % each under Cluster.
#[test]
fn local_shares_go_by_node() {
    let balanced = |policy: &str| {
        uneven() + &service("web", "all: web", &format!(", type: LoadBalancer, externalTrafficPolicy: {policy}"))
    };
    let to = format!("to: \"http://web/\", clients: {{count: 100}}, {EACH}");
    let (_scratch, out) = run(&scenario("", &to, "", &balanced("Local")));
    assert_close("errors", summary(&out, "error_ratio"), 0.0);
    let local = shares(&out, "web");
    assert!((local[0].1 - 0.5).abs() < 0.001, "round robin over two nodes: {local:?}");
    assert!(local[1..].iter().all(|(_, share)| (share - 1.0 / 6.0).abs() < 0.01), "{local:?}");
    let (_scratch, out) = run(&scenario("", &to, "", &balanced("Cluster")));
    assert!(shares(&out, "web").iter().all(|(_, share)| (share - 0.25).abs() < 0.01));
}

#[test]
fn a_load_balancer_stands_on_the_way() {
    let manifests = uneven() + &service("web", "app: one", ", type: LoadBalancer, externalTrafficPolicy: Local");
    let balancer = "    loadBalancers: {latency: 400us}";
    let (_scratch, out) = run(&scenario(balancer, &format!("to: \"http://203.0.113.1/\", {EACH}"), "", &manifests));
    // 10 ms outside, 0.4 ms in it, 0.2 ms to the only node that is well; four times, and a millisecond of work.
    assert_close("latency", summary(&out, "latency_mean_ms"), 1.0 + 4.0 * 10.6);
    let pods = "    loadBalancers: {targets: pods}";
    let (_scratch, out) = run(&scenario(pods, &format!("to: \"http://web/\", {EACH}"), "", &manifests));
    assert_close("pods", summary(&out, "latency_mean_ms"), 1.0 + 4.0 * 10.2);
}

#[test]
fn load_balancers_choose_by_their_policy() {
    let manifests = uneven() + &service("web", "all: web", ", type: LoadBalancer");
    let with = |implementation: &str, traffic: &str| {
        let cluster = format!("    loadBalancers: {{targets: pods, {implementation}}}");
        run(&scenario(&cluster, traffic, "", &manifests))
    };
    let each = format!("to: \"http://web/\", clients: {{count: 400}}, {EACH}");
    for (implementation, spread) in [("round-robin", 0.0005), ("hash", 0.02), ("maglev", 0.02)] {
        let (_scratch, out) = with(&format!("implementation: {implementation}"), &each);
        let own = shares(&out, "web");
        assert!(own.iter().all(|(_, share)| (share - 0.25).abs() < spread), "{implementation}: {own:?}");
        let exact = own.iter().all(|(_, share)| (share - 0.25).abs() < 0.000_05);
        assert!(implementation == "round-robin" || !exact, "{implementation} draws: {own:?}");
    }
    // By the client's address one client has one pod.
    let (_scratch, out) = with("implementation: maglev, hash: client", &format!("to: \"http://web/\", {EACH}"));
    let own = shares(&out, "web");
    assert!(own.iter().any(|(_, share)| (share - 1.0).abs() < 1e-9), "{own:?}");
    // Connections that stay open are spread as evenly as can be, and closed ones are counted no longer.
    let (_scratch, out) = with(
        "implementation: least-connections",
        "to: \"http://web/\", clients: {count: 402}, connections: {protocol: http2}",
    );
    let rows = table(&out, "endpoints.csv");
    for row in rows.iter().filter(|row| row["service"] == "web") {
        assert!((100.0..=101.0).contains(&number(row, "connections")), "{row:?}");
    }
    let (_scratch, out) = with("implementation: least-connections", &each);
    let own = shares(&out, "web");
    assert!(own.iter().all(|(_, share)| (share - 0.25).abs() < 0.02), "{own:?}");
}

/// A node without pods leaves after so many looks that fail, and comes back after so many good ones.
#[test]
fn health_checks_take_nodes_out_and_back() {
    let manifests = uneven() + &service("web", "all: web", ", type: LoadBalancer, externalTrafficPolicy: Local");
    let cluster = "    loadBalancers: {healthCheck: {interval: 3s, threshold: 2, healthyThreshold: 3}}
    pods: {start: 1s}
    propagation: {kubeProxy: 100ms}";
    let timeline =
        "  timeline: [{at: 5s, scale: deployment/one, replicas: 0}, {at: 15s, scale: deployment/one, replicas: 1}]";
    let text = scenario(cluster, &format!("to: \"http://web/\", timeout: 1s, {EACH}"), timeline, &manifests);
    let (_scratch, out) = run(&text);
    let events = table(&out, "events.csv");
    let times = |detail: &str| -> Vec<f64> {
        let found = events.iter().filter(|row| row["kind"] == "load-balancer" && row["detail"] == detail);
        found.map(|row| number(row, "t_s")).collect()
    };
    let (out_at, back_at) = (times("a gets no more connections"), times("a gets connections"));
    assert_eq!((out_at.len(), back_at.len()), (8, 8), "{events:?}");
    // Two looks, 3 s apart, the first up to 3 s after the rules are new at 5.1 s; three looks after 16.1 s.
    assert!(out_at.iter().all(|at| (8.1..=11.1).contains(at)), "{out_at:?}");
    assert!(back_at.iter().all(|at| (22.1..=25.1).contains(at)), "{back_at:?}");
    // Half of the connections between the new rules and the second look are lost (those before are refused).
    let silent: f64 = out_at.iter().map(|at| (at - 5.1) * 250.0).sum::<f64>() / 8.0;
    let lost = failures(&out, "deadline_exceeded");
    assert!((lost - silent).abs() < 3.0, "{lost} against {silent}");
}

const CONTROLLER: &str = "\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller}
spec:
  replicas: 2
  selector: {matchLabels: {app: controller}}
  template:
    metadata: {labels: {app: controller}}
    spec: {nodeName: c, containers: [{name: nginx, image: x, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: controller}
spec: {type: NodePort, selector: {app: controller}, ports: [{port: 80, nodePort: 30080}]}
";

/// Pods `one` behind `/one`, `three` behind everything else of shop.example.com.
fn ingress(annotations: &str, name: &str, service: &str, path: &str) -> String {
    format!(
        "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, annotations: {{{annotations}}}}}
spec:
  ingressClassName: nginx
  rules:
    - host: shop.example.com
      http: {{paths: [{{path: {path}, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}]}}
"
    )
}

fn behind_ingress() -> String {
    uneven()
        + &service("one", "app: one", "")
        + &service("three", "app: three", "")
        + CONTROLLER
        + &ingress("", "all", "three", "/")
        + &ingress("", "some", "one", "/one")
}

const NGINX: &str =
    "    ingress: [{class: nginx, target: deployment/controller, workers: 2, overhead: {before: 300us, after: 100us}}]";

#[test]
fn requests_go_by_host_and_path_and_past_the_cluster_ip() {
    let to = |path: &str| format!("to: \"http://shop.example.com:30080{path}\", {EACH}");
    // The controller stands on c: requests that enter elsewhere take a second hop to it. Its own connections to the pods on
    // b are kept open; what they cost at the beginning is little.
    let (_scratch, out) = run(&scenario(NGINX, &to("/anything"), "", &behind_ingress()));
    assert!((shares(&out, "three").iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(shares(&out, "three").iter().all(|(_, share)| (share - 1.0 / 3.0).abs() < 0.001), "round robin");
    assert!(shares(&out, "one").iter().all(|(_, share)| share.is_nan()), "nobody asks for /one");
    let usual = 1.0 + 40.0 + 4.0 * 0.9 * 2.0 / 3.0 + 0.4 + 2.0 * 0.9;
    let latency = summary(&out, "latency_mean_ms");
    assert!((latency - usual).abs() < 0.05, "{latency} against {usual}");
    let (_scratch, out) = run(&scenario(NGINX, &to("/one/two"), "", &behind_ingress()));
    assert!(shares(&out, "three").iter().all(|(_, share)| share.is_nan()));
    // No rule: the controller answers itself.
    let (_scratch, out) = run(&scenario(NGINX, &format!("to: \"http://a:30080/\", {EACH}"), "", &behind_ingress()));
    assert_close("404", failures(&out, "not_found_404"), 20_000.0);
    let rows = table(&out, "errors.csv");
    assert!(rows.iter().all(|row| row["where"] == "ingress/nginx"), "{rows:?}");
}

#[test]
fn canaries_take_their_share() {
    let weight = "nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-weight: \"20\"";
    let manifests = behind_ingress() + &ingress(weight, "canary", "one", "/");
    let to = format!("to: \"http://shop.example.com:30080/\", {EACH}");
    let (_scratch, out) = run(&scenario(NGINX, &to, "", &manifests));
    let rows = table(&out, "endpoints.csv");
    let requests = |service: &str| -> f64 {
        rows.iter().filter(|row| row["service"] == service).map(|row| number(row, "requests")).sum()
    };
    let share = requests("one") / (requests("one") + requests("three"));
    // 160,000 draws: standard deviation 0.1 %.
    assert!((share - 0.2).abs() < 0.005, "{share}");
    assert_close("errors", summary(&out, "error_ratio"), 0.0);
}

const GATEWAY: &str = "\
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front}
spec: {gatewayClassName: nginx, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: front}]
  hostnames: [gate.example.com]
  rules:
    - backendRefs: [{name: three, port: 80, weight: 90}, {name: nobody, port: 80, weight: 10}]
";

/// A backend without pods answers its share with 503; the other does not take it over.
#[test]
fn weights_of_a_gateway_do_not_spill_over() {
    let manifests = behind_ingress() + &deployment("nobody", 0, "") + &service("nobody", "app: nobody", "") + GATEWAY;
    let to = format!("to: \"http://gate.example.com:30080/\", {EACH}");
    let (_scratch, out) = run(&scenario(NGINX, &to, "", &manifests));
    let share = failures(&out, "no_endpoints_503") / 20_000.0;
    assert!((share - 0.1).abs() < 0.005, "{share}");
    assert_close("errors", summary(&out, "error_ratio"), share);
}

/// Workers that look once a second see a change within that second, those that are told at once.
#[test]
fn controllers_hear_of_pods_in_their_own_time() {
    let timeline = "  timeline: [{at: 10s, scale: deployment/three, replicas: 4}, {at: 11s, scale: deployment/three, replicas: 5}]";
    let to = format!("to: \"http://shop.example.com:30080/\", {EACH}");
    let heard = |cluster: &str| -> Vec<(f64, String)> {
        let (_scratch, out) = run(&scenario(cluster, &to, timeline, &behind_ingress()));
        let events = table(&out, "events.csv");
        let own = events.iter().filter(|row| row["kind"] == "programmed" && row["detail"].contains("by ingress/nginx"));
        own.map(|row| (number(row, "t_s"), row["detail"].clone())).collect()
    };
    // Ready at 12 s and 13 s. The second time the pod may act 3.333 s after the first.
    let polled = heard(NGINX);
    let version =
        |number: u32| polled.iter().filter(move |(_, detail)| detail.starts_with(&format!("version {number} ")));
    assert_eq!((version(1).count(), version(2).count()), (32, 32), "two pods with two workers, eight times");
    assert!(version(1).all(|(at, _)| (12.1..=13.1).contains(at)), "{polled:?}");
    assert!(version(2).all(|(at, _)| (15.433..=16.434).contains(at)), "{polled:?}");
    let told = heard(&NGINX.replace("{class", "{implementation: envoy, class"));
    assert!(told.iter().all(|(at, _)| (at - 12.1).abs() < 1e-6 || (at - 13.1).abs() < 1e-6), "{told:?}");
}

#[test]
fn stories_tell_every_hop() {
    let scratch = scratch();
    let balanced = uneven() + &service("web", "app: one", ", type: LoadBalancer");
    let explain = |text: &str| {
        write(scratch.path(), "s.yaml", text);
        let output = output(scratch.path(), &["explain", "s.yaml", "--request", "7"]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = explain(&scenario(
        "    loadBalancers: {latency: 400us}",
        &format!("to: \"http://web/\", {EACH}"),
        "",
        &balanced,
    ));
    for part in [
        "on the internet",
        "loadbalancer/web (round-robin) chooses node",
        "client outside → load balancer",
        "handled by loadbalancer/web",
        "load balancer → ",
        "SNAT",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let ported = |policy: &str| {
        let more = format!(", type: NodePort, externalTrafficPolicy: {policy}");
        uneven() + &service("web", "app: one", &more).replace("port: 80}", "port: 80, nodePort: 30080}")
    };
    for (node, policy, part) in [
        (
            "a",
            "Local",
            "a takes it in on port 30080 for a pod of its own (externalTrafficPolicy Local): the client's address stays",
        ),
        ("a", "Cluster", "a takes it in on port 30080 and puts its own address in the client's place (SNAT)"),
        (
            "b",
            "Cluster",
            "b takes it in on port 30080 and sends it on to a, with its own address in the client's place (SNAT)",
        ),
    ] {
        let text = explain(&scenario("", &format!("to: \"http://{node}:30080/\", {EACH}"), "", &ported(policy)));
        assert!(text.contains(part), "{part}: {text}");
    }
    let pods = "    loadBalancers: {targets: pods}";
    let text = explain(&scenario(pods, &format!("to: \"http://web/\", {EACH}"), "", &balanced));
    assert!(text.contains("(round-robin) chooses pod one-0, one of 1 that are well"), "{text}");
    let behind = behind_ingress().replace("type: NodePort", "type: LoadBalancer");
    let shop = format!("to: \"http://shop.example.com/\", {EACH}");
    let text = explain(&scenario(&format!("{pods}\n{NGINX}"), &shop, "", &behind));
    assert!(text.contains("the proxy there is controller-"), "{text}");
    let to = format!("to: \"http://shop.example.com:30080/\", {EACH}");
    let text = explain(&scenario(NGINX, &to, "", &behind_ingress()));
    for part in [
        "kube-proxy on",
        "chooses controller-",
        "handled by ingress/nginx",
        "ingress/nginx instance",
        "(round-robin) chooses three-",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_leads_nowhere_is_said() {
    let node_port = |port: &str| {
        service("web", "app: one", ", type: NodePort").replace("port: 80}", &format!("port: 80, nodePort: {port}}}"))
    };
    let to = |url: &str| format!("to: \"{url}\"");
    let check = |url: &str, manifests: &str, cluster: &str, expected: &str| {
        let text = refused(&scenario(cluster, &to(url), "", &(uneven() + manifests)));
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(expected), "{expected}\n{text}");
    };
    check("http://a:30081/", &node_port("30080"), "", "no Service has the node port 30081");
    check("http://a:30081/", &node_port("30080"), "", "the node ports are 30080 (web)");
    check(
        "http://a:80/",
        &node_port("80"),
        "",
        "`spec.ports[].nodePort` is 80, and node ports lie between 30000 and 32767",
    );
    check("http://d:30080/", &node_port("30080"), "", "the name `d` leads nowhere from the internet");
    check("http://web/", &node_port("30080"), "", "from the internet service/web has no name");
    check("http://web/", &service("web", "app: one", ""), "", "service/web cannot be reached from the internet");
    let taken = node_port("30080") + &node_port("30080").replace("name: web", "name: other");
    check("http://a:30080/", &taken, "", "service/other: the node port 30080 is taken by service/web");
    check(
        "http://a:30080/",
        &service("web", "app: one", "").replace("port: 80}", "port: 80, nodePort: 30080}"),
        "",
        "the node port 30080 needs another type of Service",
    );
    let local = service("web", "app: one", ", type: LoadBalancer, externalTrafficPolicy: local");
    check("http://web/", &local, "", "did you mean `Local`?");
    let inside = service("web", "app: one", ", externalTrafficPolicy: Local");
    let nothing = "`spec.externalTrafficPolicy` is Local, and nothing outside reaches a ClusterIP Service";
    check("http://web/", &inside, "", nothing);
    let help = "the API server refuses it: remove it, or write `type: NodePort` or `type: LoadBalancer`";
    check("http://web/", &inside, "", help);
    let balanced = service("web", "app: one", ", type: LoadBalancer");
    let delay = "    loadBalancers: {targets: nodes, deregistrationDelay: 3s}";
    let stay = "`deregistrationDelay` has no effect: connections to a node stay there when its pods go";
    check("http://web/", &balanced, delay, stay);
    check("http://web/", &balanced, delay, "write `targets: pods`, or remove it");
    let without = service("web", "app: one", ", type: LoadBalancer, allocateLoadBalancerNodePorts: false");
    check("http://web/", &without, "", "the load balancer of service/web has no node port to send to");
    let behind = &behind_ingress()[uneven().len()..];
    let shop = "http://shop.example.com:30080/";
    check(shop, &behind.replace("name: one, port", "name: oen, port"), NGINX, "Ingress/some: there is no service/oen");
    check(
        shop,
        &behind.replace("name: one, port: {number: 80}", "name: one, port: {number: 81}"),
        NGINX,
        "Ingress/some: service/one has no port 81",
    );
    check(
        shop,
        &behind.replace("name: one, port: {number: 80}", "name: one, port: {name: htp}"),
        NGINX,
        "service/one has no port `htp`",
    );
    check(
        shop,
        &behind.replace("ingressClassName: nginx", "ingressClassName: ngnix"),
        NGINX,
        "no controller is of class `ngnix`",
    );
    check(
        shop,
        behind,
        &NGINX.replace("deployment/controller", "deployment/controler"),
        "did you mean `deployment/controller`?",
    );
    check(
        shop,
        behind,
        &NGINX.replace("workers: 2", "service: service/one"),
        "does not lead to the pods of the controller",
    );
    check("http://shop.example.org:30080/", behind, NGINX, "did you mean `shop.example.com`?");
    check("http://shop.example.com/", behind, NGINX, "no Service has the node port 80");
    check(shop, &behind.replace("pathType: Prefix", "pathType: prefix"), NGINX, "did you mean `Prefix`?");
    let orphan = format!(
        "{behind}{}",
        GATEWAY.replace("metadata: {name: front}", "metadata: {name: back}").replace("nobody", "one")
    );
    check(shop, &orphan, NGINX, "HTTPRoute/shop: there is no Gateway `front`");
    let help = |expected: &[&str], text: &str| {
        let answer = refused(text);
        let flat = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in expected {
            assert!(flat.contains(part), "{part}\n{answer}");
        }
    };
    let settings = "to: \"http://a:30080/\", balancer: {policy: random}, through: edge, resolver: {ndots: 2}";
    let proxies = "  proxies: [{name: edge, endpoints: service/web}]";
    help(
        &[
            "`balancer` has no effect on traffic from the internet: clients outside the cluster know no pods",
            "`through` has no effect on traffic from the internet: the proxies of `proxies` stand inside the cluster",
            "`resolver` has no effect on traffic from the internet: clients outside the cluster do not ask its DNS servers",
        ],
        &scenario("    dns: {replicas: 1}", settings, proxies, &(uneven() + &node_port("30080"))),
    );
    help(
        &["write another, or leave it out and one is chosen"],
        &scenario("", &to("http://a:30080/"), "", &(uneven() + &taken)),
    );
    let wrong_type = service("web", "app: one", "").replace("port: 80}", "port: 80, nodePort: 30080}");
    help(
        &[
            "the node port 30080 needs another type of Service, and this is ClusterIP",
            "write `type: NodePort` or `type: LoadBalancer`",
        ],
        &scenario("", &to("http://a:30080/"), "", &(uneven() + &wrong_type)),
    );
    let timeline = "  timeline: [{at: 5s, scale: deployment/controller, replicas: 3}]";
    help(
        &[
            "not supported yet: deployment/controller runs an ingress controller, and its pods come and go at 5s",
            "let the timeline change what stands behind it, or what calls it",
        ],
        &scenario(NGINX, &to(shop), timeline, &behind_ingress()),
    );
    let many: String = (0..2769).map(|number| service(&format!("s{number}"), "app: one", ", type: NodePort")).collect();
    help(
        &[
            "no node port is left for service/s2768",
            "a cluster has 2768 of them: let fewer Services be of type NodePort or LoadBalancer",
        ],
        &scenario("", &to("http://a:30080/"), "", &(uneven() + &many)),
    );
}

#[test]
fn check_says_what_is_used_and_what_is_not() {
    let scratch = scratch();
    let kind = |kind: &str, group: &str| {
        format!("---\napiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n")
    };
    let more = kind("IngressClass", "networking.k8s.io") + &kind("VirtualService", "networking.istio.io");
    let web = service("web", "app: one", ", type: LoadBalancer, externalTrafficPolicy: Local");
    write(scratch.path(), "s.yaml", &scenario("", "to: \"http://web/\"", "", &(uneven() + &web + &more)));
    let output = output(scratch.path(), &["check", "s.yaml"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "behind a load balancer, traffic from outside stays on its node",
        "the scenario lists its controllers under cluster.ingress",
        "a service mesh is not modelled: a scenario's traffic names a Service",
        "service/web: node port",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Pods that call something outside: the path class, a port of a NAT for each connection, and what happens without one.
fn way_out(nat: &str, connections: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: out}}
spec:
  run: {{duration: 40s, warmup: 0s, drain: 200s, replications: 8, seed: 4}}
  cluster:
    nodes: [{{name: a}}, {{name: b}}]
    network: {{sameNode: 50us, sameZone: 200us, external: 10ms}}
{nat}
  workloads:
    - target: deployment/partner
      outside: true
      inline: {{replicas: 1, port: 80}}
      containers: {{app: {{concurrency: unlimited, serviceTime: 5ms}}}}
  traffic:
    - {{name: t, from: {{node: a}}, to: \"http://partner/\", arrivals: {{constant: {{rate: 100/s}}}}, connections: {connections}}}
"
    )
}

#[test]
fn the_way_out_costs_its_path_and_takes_ports() {
    let (_scratch, out) = run(&way_out("", "{keepAlive: false}"));
    // Handshake and request: four times 10 ms.
    assert_close("latency", summary(&out, "latency_mean_ms"), 45.0);
    let rows = table(&out, "endpoints.csv");
    assert!(rows.iter().all(|row| row["node"] == "the internet" && row["zone"] == "outside"), "{rows:?}");
    let (_scratch, out) = run(&way_out("", "{protocol: http2}"));
    assert_close("standing", summary(&out, "latency_mean_ms"), 25.0);
    // A hundred connections a second, each 45 ms and 9.955 s more: 1,000 ports are just enough, 900 are not.
    let (_scratch, out) = run(&way_out("    nat: {ports: 1001, hold: 9955ms}", "{keepAlive: false}"));
    assert_close("enough", summary(&out, "latency_max_ms"), 45.0);
    let few = way_out("    nat: {ports: 900, hold: 9955ms}", "{keepAlive: false}").replace("constant", "poisson");
    let (_scratch, out) = run(&few);
    assert!(summary(&out, "latency_max_ms") > 1_000.0, "a SYN that finds no port is sent again after a second");
    for (nat, expected) in
        [("nat: {hold: 9955ms}", ["1000", "0"]), ("nat: {by: gateway, hold: 9955ms}", ["1000", "1000"])]
    {
        let counted = way_out(&format!("    {nat}\n  observe: {{nodes: true}}"), "{keepAlive: false}");
        let (_scratch, out) = run(&counted);
        for (row, most) in table(&out, "nodes.csv").iter().zip(expected.iter().cycle()) {
            assert_eq!(row["nat_ports_max"], *most, "{nat} {}", row["node"]);
            // The last one or two are sent when the window is over.
            let sent = if row["node"] == "a" { 3_998.0..=4_000.0 } else { 0.0..=0.0 };
            assert!(sent.contains(&number(row, "external_messages")), "{row:?}");
        }
    }
    // Ports that never come back: whoever finds none gives up after 131 s.
    let (_scratch, out) = run(&way_out("    nat: {by: gateway, ports: 500, hold: 1h}", "{keepAlive: false}"));
    assert_close("exhausted", failures(&out, "port_exhaustion"), 3_500.0);
    // Kept connections need few.
    let (_scratch, out) = run(&way_out("    nat: {ports: 10, hold: 1h}", "{mode: pool}"));
    assert_close("kept", failures(&out, "port_exhaustion"), 0.0);
}

#[test]
fn syns_wait_where_the_network_takes_no_time() {
    let at_once = |text: &str| {
        let none = text.replace("{sameNode: 50us, sameZone: 200us, ", "none #");
        assert_ne!(none, text);
        none
    };
    // 105 connections at a time, and ports for 90: some find none, and wait for a second.
    let few = way_out("    nat: {ports: 90, hold: 1045ms}", "{keepAlive: false}").replace("constant", "poisson");
    let (_scratch, out) = run(&at_once(&few));
    assert!(summary(&out, "latency_max_ms") > 1_000.0);
    // A node without pods drops SYNs until its first pod is known at 12.3 s. Of those that came before 1.3 s the next is
    // sent after 19 s.
    let late = "  timeline: [{at: 10s, scale: deployment/three, replicas: 3}]\n";
    let manifests = deployment("one", 1, "a")
        + &deployment("three", 0, "b")
        + &service("web", "all: web", ", type: NodePort, externalTrafficPolicy: Local")
            .replace("{port: 80}", "{port: 80, nodePort: 30080}");
    let text = scenario("", &format!("to: \"http://b:30080/\", {EACH}"), late, &manifests);
    let (_scratch, out) = run(&at_once(&text));
    assert_close("waited", summary(&out, "latency_max_ms"), 19_001.0);
    assert_close("all are answered", summary(&out, "failed"), 0.0);
    // Without the opening of connections there is no waiting for ports.
    let scratch = scratch();
    write(scratch.path(), "few.yaml", &few);
    let done = output(scratch.path(), &["explain", "few.yaml", "--slowest", "0", "-q"]);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let said = stdout(&done);
    let (_, after) = said.split_once("connections to partner open in no time").unwrap_or_else(|| panic!("{said}"));
    assert!(after.contains("→ 25 "), "{said}");
}

#[test]
fn stories_tell_the_way_out() {
    let scratch = scratch();
    // Connections of 45 ms come every 37.7 ms to one port: the second finds it taken, and a second later it is free.
    let one = way_out("    nat: {by: gateway, ports: 1, hold: 0s}", "{keepAlive: false}").replace("100/s", "26.5/s");
    let none = way_out("    nat: {ports: 2, hold: 1h}", "{keepAlive: false}");
    for (text, request, parts) in [
        (
            &one,
            "0",
            &["leaves the cluster with the address of the gateway (SNAT): 1 of 1 ports to there are taken"][..],
        ),
        (&one, "1", &["its SYN is lost, and sent again, until the gateway has a free port to there", "1,045 ms"][..]),
        (&none, "1", &["with the address of node a (SNAT): 2 of 2 ports", "pod on the internet"][..]),
        (&none, "2", &["failed after 131,000 ms: port_exhaustion"][..]),
    ] {
        write(scratch.path(), "s.yaml", text);
        let output = output(scratch.path(), &["explain", "s.yaml", "--request", request]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let text = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn what_stands_outside_answers_only() {
    let sends = way_out("", "{mode: pool}").replace("from: {node: a}", "from: deployment/partner");
    assert!(refused(&sends).contains("not supported yet: deployment/partner stands outside and sends requests"));
    let changes = way_out("", "{mode: pool}") + "  timeline: [{at: 5s, scale: deployment/partner, replicas: 3}]\n";
    assert!(
        refused(&changes).contains("not supported yet: deployment/partner stands outside the cluster, and its pods")
    );
}

/// A pod that names the load balancer's address does not leave the cluster: its node does as for the cluster IP, also
/// where the policy for traffic from outside is Local.
#[test]
fn a_load_balancer_s_address_is_a_cluster_ip_inside() {
    let inside = "from: deployment/one, clients: {count: 50}, connections: {keepAlive: false}";
    let manifests = |more: &str| uneven() + &service("web", "all: web", &format!(", type: LoadBalancer{more}"));
    let text = |to: &str, more: &str| {
        scenario("", &format!("to: \"{to}\", {inside}"), "", &manifests(more)).replace("from: internet, ", "")
    };
    for more in ["", ", externalTrafficPolicy: Local"] {
        let (_scratch, address) = run(&text("http://203.0.113.1/", more));
        let (_scratch, name) = run(&text("http://web/", more));
        assert_eq!(summary(&address, "latency_mean_ms"), summary(&name, "latency_mean_ms"), "{more}");
        assert_eq!(shares(&address, "web"), shares(&name, "web"));
        // Once there and back for the handshake and the request: from a to itself, and to b for three of four.
        let usual = 1.0 + 2.0 * (0.25 * 0.1 + 0.75 * 0.4);
        assert!((summary(&address, "latency_mean_ms") - usual).abs() < 0.01);
    }
    let said = refused(&text("http://203.0.113.1/", ", internalTrafficPolicy: Local"));
    let message = "not supported yet: service/web has `internalTrafficPolicy: Local`, which does not hold for its load balancer's address";
    assert!(said.contains(message) && said.contains("write the Service's name, or remove the policy"), "{said}");
    let said = refused(&text("http://203.0.113.2/", ""));
    assert!(said.contains("no Service has the cluster IP 203.0.113.2"), "{said}");
}

/// Policies see the address that the pod sees: under Cluster that of the node that took the connection in, which always
/// reaches its own pods; under Local the client's; behind a controller that of its pods.
#[test]
fn policies_see_the_address_that_pods_see() {
    let guard = |peer: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: guard}}\nspec: {{podSelector: {{matchLabels: {{all: web}}}}, ingress: [{{from: [{peer}]}}]}}\n"
        )
    };
    let (clients, everybody) = ("{ipBlock: {cidr: 198.18.0.0/15}}", "{ipBlock: {cidr: 0.0.0.0/0}}");
    for (service_more, to, peer, failing) in [
        ("type: NodePort", "http://a:30086/", clients, 0.75),
        ("type: NodePort", "http://b:30086/", clients, 0.25),
        ("type: NodePort", "http://c:30086/", clients, 1.0),
        ("type: NodePort", "http://c:30086/", everybody, 0.0),
        ("type: NodePort, externalTrafficPolicy: Local", "http://a:30086/", clients, 0.0),
        ("type: NodePort, externalTrafficPolicy: Local", "http://b:30086/", clients, 0.0),
        ("type: NodePort, externalTrafficPolicy: Local", "http://b:30086/", "{podSelector: {}}", 1.0),
    ] {
        let manifests = uneven() + &service("web", "all: web", &format!(", {service_more}")) + &guard(peer);
        for each in [EACH, "connections: {mode: pinned, protocol: http2}, clients: {count: 400}"] {
            let (_scratch, out) = run(&scenario("", &format!("to: \"{to}\", timeout: 1s, {each}"), "", &manifests));
            let errors = summary(&out, "error_ratio");
            if each != EACH && failing > 0.0 && failing < 1.0 {
                // A client whose connection came to nothing opens another, until one leads to a pod of the node.
                assert!(errors > 0.0 && errors < failing / 2.0, "{service_more} {to}: {errors}");
                continue;
            }
            assert!((errors - failing).abs() < 0.03, "{service_more} {to} {peer} {each}: {errors}");
        }
    }
    let to = format!("to: \"http://shop.example.com:30080/\", timeout: 1s, {EACH}");
    for (peer, failing) in [("{podSelector: {matchLabels: {app: controller}}}", 0.0), (clients, 1.0)] {
        let (_scratch, out) = run(&scenario(NGINX, &to, "", &(behind_ingress() + &guard(peer))));
        assert_close(peer, summary(&out, "error_ratio"), failing);
    }
}

/// A pod of three goes. Until a worker hears of it, every third request meets it: refused as long as its address is there,
/// then not answered for 5 s. The next in turn is another pod.
#[test]
fn a_controller_goes_on_with_the_next_pod() {
    let timeline = "  timeline: [{at: 10s, scale: deployment/three, replicas: 2}]";
    let to = format!("to: \"http://shop.example.com:30080/\", {EACH}");
    let with = |more: &str| {
        let cluster = NGINX.replace("workers: 2", &format!("workers: 2{more}"));
        scenario(&cluster, &to, timeline, &behind_ingress())
    };
    let attempts = |out: &Path, cause: &str| -> f64 {
        let rows = table(out, "errors.csv");
        rows.iter().filter(|row| row["cause"] == cause).map(|row| number(row, "attempts")).sum()
    };
    let ends = |out: &Path| failures(out, "refused") + failures(out, "reset") + failures(out, "connect_timeout");
    let mut refused_by_one = 0.0;
    for more in [", tries: 1", ", implementation: envoy, sync: {delay: 900ms}"] {
        let (_scratch, out) = run(&with(more));
        refused_by_one = failures(&out, "refused");
        assert!(refused_by_one > 20.0, "{more}: {refused_by_one}");
        let of_attempts: f64 = ["refused", "reset", "connect_timeout"].iter().map(|cause| attempts(&out, cause)).sum();
        assert_close("every failure is the client's", 8.0 * ends(&out), of_attempts);
    }
    assert!(refused_by_one < 500.0 / 3.0, "{refused_by_one} in at most a second");
    let scratch = scratch();
    write(scratch.path(), "s.yaml", &with(""));
    let out = support::run_file(scratch.path(), "s.yaml", "out", &["-j", "2", "--requests", "all"]);
    assert_close("errors", summary(&out, "error_ratio"), 0.0);
    assert!(attempts(&out, "refused") > 8.0 * 20.0);
    // The whole way, a connection to the pod (1.8 ms), and the same once more for the one that was refused.
    let rows = table(&out, "requests.csv");
    let usual = 1.0 + 4.0 * 10.0 + 0.4 + 2.0 * 0.9;
    let late = |row: &&Row| {
        number(row, "arrived_s") > 9.9 && row["replication"] == "0" && number(row, "wasted_attempts_ms") > 0.0
    };
    let again: Vec<&Row> = rows.iter().filter(late).collect();
    assert!(again.len() > 20, "{}", again.len());
    for row in &again {
        let over = number(row, "latency_ms") - usual;
        // Up to two connections, and the hop of who came in at another node.
        assert!((1.7..2.0 * 1.8 + 4.0 * 0.9 + 0.01).contains(&over), "{over}: {row:?}");
    }
    // The one that was in the pod when its process ended, and the last one that met nobody.
    for (row, cause) in [(again[0], "reset"), (again[again.len() - 1], "refused")] {
        let explained = output(scratch.path(), &["explain", "s.yaml", "--request", &row["request"]]);
        let told = stdout(&explained) + &stderr(&explained);
        for part in ["try 2", &format!("failed: {cause} at deployment/three"), "wasted_attempts at t"] {
            assert!(told.contains(part), "`{part}` is not in\n{told}");
        }
    }
    // Nobody hears of it before the address is gone: SYNs without answer, 5 s, and then the next.
    let (_scratch, out) = run(&with(", sync: {delay: 3s}"));
    assert_close("errors", summary(&out, "error_ratio"), 0.0);
    assert!(attempts(&out, "connect_timeout") > 100.0);
    let longest = summary(&out, "latency_max_ms");
    assert!((5_000.0..5_060.0).contains(&longest), "{longest}");
}
