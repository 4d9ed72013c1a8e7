//! Manifests that are applied and objects that are deleted while traffic flows: who still finds a Service.

mod support;

use std::path::Path;

use support::{results, scratch, table};
use windtunnel::scenario::{DiskFiles, Overrides, load};

/// Requests of a traffic that ended so, in the only replication.
fn failures(directory: &Path, flow: &str, cause: &str) -> u64 {
    let rows = table(directory, "errors.csv");
    let mine = rows.iter().filter(|row| row["traffic"] == flow && row["cause"] == cause);
    mine.map(|row| count(row, "count")).sum()
}

/// A count that must be there.
fn count(row: &support::Row, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is no count in {row:?}"))
}

fn of_run(directory: &Path, flow: &str, column: &str) -> u64 {
    let rows = table(directory, "runs.csv");
    let row = rows.iter().find(|row| row["traffic"] == flow).expect("the flow has a row");
    count(row, column)
}

/// Requests of a traffic that arrived in a second and failed.
fn failed_in(directory: &Path, flow: &str, second: u32) -> u64 {
    let rows = table(directory, "timeline.csv");
    let mine = rows.iter().filter(|row| row["traffic"] == flow && row["t_s"] == second.to_string());
    mine.map(|row| count(row, "failed")).sum()
}

/// Requests that each pod of a Service served, by name.
fn served(directory: &Path, service: &str) -> Vec<(String, u64)> {
    let rows = table(directory, "endpoints.csv");
    let mine = rows.iter().filter(|row| row["service"] == service);
    mine.map(|row| (row["pod"].clone(), count(row, "requests"))).collect()
}

/// Two pods behind `web`, and callers that go by its variables. 100 requests a second at a time, between the ticks.
fn scenario(cluster: &str, traffic: &str, timeline: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: applied}}
spec:
  run: {{duration: 20s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n, count: 2}}], network: none, propagation: {{kubeProxy: 2s}}{cluster}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 2, port: 80}}
      containers: {{app: {{concurrency: 50, serviceTime: 1ms}}}}
    - target: deployment/caller
      inline: {{replicas: 1, port: 8080}}
      containers:
        app:
          concurrency: 100
          steps:
            - {{name: by-variable, call: \"http://$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)/\", timeout: 400ms, connections: {{mode: perRequest}}}}
  traffic: [{traffic}]
  timeline: [{timeline}]
"
    )
}

/// Each request has a connection of its own and waits no longer than 0.4 s.
fn each(name: &str, to: &str) -> String {
    format!(
        "{{name: {name}, to: \"{to}\", arrivals: {{constant: {{rate: 100/s}}}}, connections: {{mode: perRequest}}, timeout: 400ms}}"
    )
}

const DELETE: &str = "{at: 4999ms, delete: service/web}";

/// The Service comes again at 10 s, a millisecond before the arrival.
fn again(extra: &str) -> String {
    format!(
        "{{at: 9999ms, applyManifest: {{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{selector: {{app: web}}, ports: [{{port: 80}}]{extra}}}}}}}"
    )
}

#[test]
fn an_open_connection_outlives_its_service() {
    let scratch = scratch();
    let kept = "{name: kept, to: \"http://web/\", arrivals: {constant: {rate: 100/s}}, connections: {maxPerClient: 1}}";
    let run = results(scratch.path(), &scenario("", kept, DELETE), "out", &[]);
    assert_eq!((of_run(&run, "kept", "failed"), of_run(&run, "kept", "succeeded")), (0, 2000));
}

#[test]
fn a_name_is_gone_at_once_and_rules_later() {
    let scratch = scratch();
    let flows = [each("by-name", "http://web/"), each("by-address", "http://10.96.1.1/")].join(", ");
    let run = results(scratch.path(), &scenario("", &flows, DELETE), "out", &[]);
    // The name is looked up at no cost in what the API server has: from 5 s to the end at 20 s.
    assert_eq!(failures(&run, "by-name", "dns_nxdomain"), 1500);
    // Until the rules are gone, at 6.999 s, the address leads to the pods; afterwards nobody answers.
    assert_eq!(failures(&run, "by-address", "deadline_exceeded"), 1300);
    // A failure counts when it ends, 0.4 s later.
    assert_eq!([6, 7, 8].map(|second| failed_in(&run, "by-address", second)), [0, 60, 100]);
}

#[test]
fn a_service_that_comes_again_has_another_address() {
    let scratch = scratch();
    let flows =
        [each("by-name", "http://web/"), each("by-address", "http://10.96.1.1/"), each("front", "http://caller:8080/")];
    let restart = "{at: 14999ms, deletePod: \"deployment/caller[0]\"}";
    let timeline = [DELETE, &again(""), restart].join(", ");
    let run = results(scratch.path(), &scenario(", pods: {start: 0s}", &flows.join(", "), &timeline), "out", &[]);
    // From 5 s to 10 s there is no name; then there is one whose address the rules learn at 11.999 s.
    assert_eq!(failures(&run, "by-name", "dns_nxdomain"), 500);
    assert_eq!(failures(&run, "by-name", "deadline_exceeded"), 200);
    // Whoever holds the old address never comes through again.
    assert_eq!(failures(&run, "by-address", "deadline_exceeded"), 1300);
    // A container keeps the variables with which it was made; the one that replaces it has the new ones.
    let failed = |seconds: std::ops::Range<u32>| -> u64 {
        seconds.map(|second| failed_in(&run, "call/by-variable", second)).sum()
    };
    assert_eq!((failed(0..7), failed(7..14), failed(17..20)), (0, 660, 0));
    assert_eq!(of_run(&run, "call/by-variable", "succeeded"), 700 + 300);
}

#[test]
fn a_node_port_of_a_service_that_is_gone_refuses_in_every_mode() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: outer}\nspec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}\n";
    let flow = each("np", "http://nodes:30080/").replace("name: np", "name: np, from: internet");
    for mode in ["iptables", "nftables", "ipvs", "ebpf"] {
        let scratch = scratch();
        let text =
            scenario(&format!(", kubeProxy: {{mode: {mode}}}"), &flow, &DELETE.replace("web", "outer")) + service;
        let run = results(scratch.path(), &text, "out", &[]);
        assert_eq!(failures(&run, "np", "refused"), 1300, "{mode}");
    }
}

#[test]
fn who_balances_behind_a_cluster_ip_hears_from_the_api_with_and_without_dns() {
    let balanced = each("own", "http://web/").replace("name: own", "name: own, balancer: {policy: round-robin}");
    let timeline = "{at: 4999ms, scale: deployment/web, replicas: 4}";
    for (dns, connections) in [("", "perRequest"), (", dns: {}", "perRequest"), (", dns: {}", "pool")] {
        let scratch = scratch();
        let flow = balanced.replace("perRequest", connections);
        let cluster = format!(", pods: {{start: 1s}}{dns}").replace("propagation", "");
        let text = scenario(&cluster, &flow, timeline).replace("kubeProxy: 2s", "kubeProxy: 2s, clients: 4s");
        let run = results(scratch.path(), &text, "out", &[]);
        // Ready at 5.999 s, known at 9.999 s: from 10 s on each of four pods gets a quarter of 1,000.
        let new: u64 =
            served(&run, "web").iter().filter(|(pod, _)| pod == "web-2" || pod == "web-3").map(|(_, n)| n).sum();
        assert_eq!(new, 500, "{dns} {connections}");
    }
}

#[test]
fn traffic_does_not_follow_its_pods_and_that_is_said() {
    let scratch = scratch();
    let flow = each("own", "http://web/").replace("name: own", "name: own, from: deployment/caller");
    let text = scenario("", &flow, "{at: 5s, scale: deployment/caller, replicas: 0}");
    std::fs::write(scratch.path().join("scenario.yaml"), text).expect("a file");
    let check = support::output(scratch.path(), &["check", "scenario.yaml"]);
    let said = support::stderr(&check) + &support::stdout(&check);
    let message =
        "warning: the pods of deployment/caller come and go at 5s, and `own` goes on from those of the start\n";
    assert!(said.contains(message), "{said}");
    assert!(said.contains("= help: only the `call`s of a container begin and end with its pod\n"), "{said}");
}

#[test]
fn a_written_cluster_ip_comes_again() {
    let scratch = scratch();
    let flow = each("by-address", "http://10.96.1.1/");
    let timeline = [DELETE.to_owned(), again(", clusterIP: 10.96.1.1")].join(", ");
    let run = results(scratch.path(), &scenario("", &flow, &timeline), "out", &[]);
    assert_eq!(failures(&run, "by-address", "deadline_exceeded"), 500);
}

#[test]
fn variables_are_missing_until_the_container_is_made_after_the_service() {
    let scratch = scratch();
    let late = "{at: 4999ms, applyManifest: {apiVersion: v1, kind: Service, metadata: {name: late}, spec: {selector: {app: web}, ports: [{port: 80}]}}}";
    let restart = "{at: 9999ms, deletePod: \"deployment/caller[0]\"}";
    let text = scenario(", pods: {start: 0s}", &each("front", "http://caller:8080/"), &[late, restart].join(", "));
    let text = text.replace("$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)", "$(LATE_SERVICE_HOST):$(LATE_SERVICE_PORT)");
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(failures(&run, "call/by-variable", "env_missing"), 1000);
    // Its name is found as soon as it is there.
    let by_name = text.replace("http://$(LATE_SERVICE_HOST):$(LATE_SERVICE_PORT)/", "http://late/");
    let run = results(scratch.path(), &by_name, "by-name", &[]);
    assert_eq!(failures(&run, "call/by-variable", "dns_nxdomain"), 500);
}

#[test]
fn answers_are_used_as_long_as_they_are_kept() {
    let scratch = scratch();
    // Its clients keep an answer for 30 s, so they go to the old address to the end.
    let flow = each("jvm", "http://web/").replace("timeout: 400ms", "timeout: 400ms, resolver: {cache: {ttl: 30s}}");
    let timeline = [DELETE.to_owned(), again("")].join(", ");
    let text = scenario(", dns: {}", &flow, &timeline);
    let run = results(scratch.path(), &text, "out", &[]);
    assert_eq!(failures(&run, "jvm", "deadline_exceeded"), 1300);
    // Those that ask each time hear of both changes after the servers' 100 ms, and of the rules' later.
    let fresh = results(scratch.path(), &text.replace(", resolver: {cache: {ttl: 30s}}", ""), "fresh", &[]);
    assert_eq!(failures(&fresh, "jvm", "dns_nxdomain"), 500);
    assert_eq!(failures(&fresh, "jvm", "deadline_exceeded"), 190);
}

#[test]
fn a_changed_selector_moves_new_connections() {
    let scratch = scratch();
    let green = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: green}
spec:
  replicas: 2
  selector: {matchLabels: {app: green}}
  template: {metadata: {labels: {app: green}}, spec: {containers: [{name: app, ports: [{containerPort: 81}]}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: green}, ports: [{port: 80, targetPort: 81}]}
";
    std::fs::write(scratch.path().join("green.yaml"), green).expect("a file");
    let flow = each("by-name", "http://web/");
    let timeline = "{at: 4999ms, applyManifest: green.yaml}, {at: 15s, delete: deployment/green}";
    let text = scenario(", pods: {start: 1s, stop: 3s}", &flow, timeline).replace(
        "    - target: deployment/caller",
        "    - {target: deployment/green, containers: {app: {concurrency: 50, serviceTime: 1ms}}}\n    - target: deployment/caller",
    );
    let run = results(scratch.path(), &text, "out", &[]);
    let of = |name: &str| -> u64 {
        served(&run, "web").iter().filter(|(pod, _)| pod.starts_with(name)).map(|(_, count)| count).sum()
    };
    // Rules without endpoints at 6.999 s; with the new pods, which are ready at 5.999 s, at 7.999 s. Deleted at 15 s,
    // these serve until 18 s, as nobody else is left; then they refuse for a second, and nobody answers any more.
    assert_eq!((of("web"), of("green")), (700, 1000));
    assert_eq!(
        (failures(&run, "by-name", "refused"), failures(&run, "by-name", "deadline_exceeded")),
        (100 + 100, 100)
    );
}

#[test]
fn events_tell_what_became_of_services() {
    let scratch = scratch();
    let headless = "{at: 6s, applyManifest: {apiVersion: v1, kind: Service, metadata: {name: pods}, spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}}}";
    let timeline =
        [DELETE, headless, &again(""), &again(", internalTrafficPolicy: Local").replace("9999ms", "12s")].join(", ");
    let run = results(scratch.path(), &scenario("", &each("by-name", "http://web/"), &timeline), "out", &[]);
    let told: Vec<String> = table(&run, "events.csv")
        .iter()
        .map(|row| format!("{} {} {} {}", row["t_s"], row["kind"], row["object"], row["detail"]).trim_end().to_owned())
        .collect();
    let expected = [
        "4.999 service-deleted service/web",
        "4.999 endpoints service/web version 1: gone",
        "6 service-created service/pods without a cluster IP",
        "6 endpoints service/pods version 1: 2 ready",
        "6.999 programmed service/web version 1 by kube-proxies",
        "9.999 service-created service/web as 10.96.1.3",
        "9.999 endpoints service/web version 2: 2 ready, at 10.96.1.3",
        "11.999 programmed service/web version 2 by kube-proxies",
        "12 service-changed service/web",
        "12 endpoints service/web version 3: 2 ready",
        "14 programmed service/web version 3 by kube-proxies",
    ];
    assert_eq!(told, expected);
}

/// The problems of a scenario with this timeline.
fn refused(timeline: &str) -> String {
    let objects = "\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {replicas: 1, selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: app}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: single}
spec: {containers: [{name: app}]}
";
    let text = scenario("", &each("by-name", "http://web/"), timeline);
    refused_by(&(text + objects))
}

fn refused_by(text: &str) -> String {
    let scratch = scratch();
    std::fs::write(scratch.path().join("empty.yaml"), "# nothing\n").expect("a file");
    let files = DiskFiles::new(scratch.path());
    load("applied.yaml", text, &files, &Overrides::default()).expect_err("a mistake").to_string()
}

#[test]
fn what_cannot_be_applied_is_refused() {
    let service = |name: &str, spec: &str| {
        format!(
            "{{at: 5s, applyManifest: {{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {spec}}}}}"
        )
    };
    for (timeline, message, help) in [
        (
            "{at: 5s, delete: service/wbe}".to_owned(),
            "error: `delete`: no Service `service/wbe`",
            "did you mean `service/web`?",
        ),
        (
            "{at: 5s, delete: service/web}, {at: 6s, delete: service/web}".to_owned(),
            "error: there is no service/web at 6s to be deleted",
            "",
        ),
        (
            "{at: 5s, applyManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}}".to_owned(),
            "error: not supported yet: applying a ConfigMap during the run",
            "Services, Deployments and ReplicaSets can be applied",
        ),
        (
            "{at: 5s, applyManifest: {metadata: {name: c}}}".to_owned(),
            "error: `applyManifest` takes a file, or an object as in a manifest",
            "write for example applyManifest: web-v2.yaml, or {apiVersion: v1, kind: Service, metadata: {name: web}, spec: …}",
        ),
        (
            service("web", "{selector: {app: web}, ports: [{port: 81}]}"),
            "error: not supported yet: the names and numbers of ports of service/web change during the run",
            "its selector, target ports and policies inside the cluster can change",
        ),
        (
            service("web", "{sessionAffinity: ClientIP, selector: {app: web}, ports: [{port: 80}]}"),
            "error: not supported yet: the session affinity of service/web change during the run",
            "its selector, target ports and policies inside the cluster can change",
        ),
        (
            service("by-hand", "{ports: [{port: 80}]}") + ", " + &service("by-hand", "{ports: [{port: 80}]}").replace("5s", "6s"),
            "error: not supported yet: the endpoints, for want of a selector, of service/by-hand change during the run",
            "its selector, target ports and policies inside the cluster can change",
        ),
        (
            service("web", "{clusterIP: 10.96.1.77, selector: {app: web}, ports: [{port: 80}]}"),
            "error: service/web: the cluster IP of a Service cannot change",
            "delete it first; then it may come again with another",
        ),
        (
            "{at: 5s, applyManifest: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app}]}}}}}".to_owned(),
            "error: deployment/web is written `inline`, which nothing applies",
            "write it as a manifest, or use {scale: …, replicas: …}",
        ),
        (
            "{at: 5s, applyManifest: {apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 3, selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: other, image: shop:2}]}}}}}".to_owned(),
            "error: not supported yet: other containers or ports for deployment/shop during the run",
            "images, probes, hooks and grace periods can change",
        ),
        (
            "{at: 5s, delete: pod/single}".to_owned(),
            "error: pod/single is a single pod, which no controller deletes",
            "write deletePod: pod/single",
        ),
        (
            "{at: 5s, applyManifest: empty.yaml}".to_owned(),
            "error: `applyManifest`: `empty.yaml` holds no object",
            "",
        ),
        (
            "{at: 5s, applyManifest: none.yaml}".to_owned(),
            "error: `applyManifest`: cannot read `none.yaml`: No such file or directory (os error 2)",
            "",
        ),
    ] {
        let problems = refused(&timeline);
        assert!(problems.starts_with(&format!("{message}\n")), "{problems}");
        assert!(problems.contains(&format!("= help: {help}\n")) || help.is_empty(), "{problems}");
        assert_eq!(problems.matches("error: ").count(), 1, "{problems}");
    }
}

#[test]
fn a_variant_sets_objects_not_files() {
    let variants = "  variants: [{name: base}, {name: other, set: {\"timeline[0].applyManifest\": empty.yaml}}]\n";
    let text = scenario("", &each("by-name", "http://web/"), &again("")) + variants;
    let problems = refused_by(&text);
    assert!(problems.starts_with("error: `applyManifest` in the `set` of a variant takes objects\n"), "{problems}");
    assert!(
        problems.contains("= help: write the object itself, or a variant of the file's own `applyManifest`\n"),
        "{problems}"
    );
}
