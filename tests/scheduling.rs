//! Where pods go: requests, taints, affinity and spreading, at the start and while pods come and go.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use support::{output, results, scratch, status, stderr, stdout, table, write};

fn node(name: &str, zone: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}, topology.kubernetes.io/zone: {zone}, disk: {zone}}}}}
spec: {{{spec}}}
status: {{allocatable: {{cpu: 2, memory: 4Gi, pods: 20}}}}
"
    )
}

/// A Deployment with these fields of its pods and of its container.
fn deployment(name: &str, replicas: u32, pod: &str, container: &str) -> String {
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
    spec: {{{pod}containers: [{{name: app, ports: [{{containerPort: 80}}]{container}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}
"
    )
}

fn scenario(timeline: &str, manifests: &[String]) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: scheduling}}
spec:
  run: {{duration: 100s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{network: none, pods: {{start: 2s}}, propagation: {{kubeProxy: 0s}}}}
  workloads:
    - {{target: deployment/web, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
  traffic:
    - {{name: t, to: \"http://web/\", arrivals: {{constant: {{rate: 10/s}}}}, connections: {{keepAlive: false}}}}
  timeline: [{timeline}]
{}",
        manifests.concat()
    )
}

fn requests(cpu: &str) -> String {
    format!(", resources: {{requests: {{cpu: {cpu}}}}}")
}

/// How many pods of `web` each node has.
fn on_nodes(run: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in table(run, "endpoints.csv") {
        *counts.entry(row["node"].clone()).or_default() += 1;
    }
    counts
}

fn counts(list: &[(&str, usize)]) -> BTreeMap<String, usize> {
    list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn events(run: &Path, kind: &str) -> Vec<String> {
    let rows = table(run, "events.csv");
    let own = rows.iter().filter(|row| row["kind"] == kind);
    own.map(|row| format!("{} {} {}", row["t_s"], row["object"], row["detail"])).collect()
}

#[test]
fn requests_fill_nodes() {
    let scratch = scratch();
    let nodes = [node("a", "z1", ""), node("b", "z1", ""), node("c", "z2", "")];
    // Two pods of 900m on each node of 2 cores.
    let all = [nodes.concat(), deployment("web", 5, "", &requests("900m"))];
    let timeline = "{at: 10s, scale: deployment/web, replicas: 7}, {at: 50s, scale: deployment/web, replicas: 6}";
    let run = results(scratch.path(), &scenario(timeline, &all), "out", &[]);
    assert_eq!(on_nodes(&run), counts(&[("a", 2), ("b", 2), ("c", 2)]));
    assert_eq!(events(&run, "pod-pending"), ["10 pod/web-6 no node has what it requests"]);
    // The pod that waits is the one that goes.
    assert_eq!(events(&run, "pod-deleted"), ["50 pod/web-6 "]);
    // What nobody has is refused at the start.
    let all = [nodes.concat(), deployment("web", 7, "", &requests("900m"))];
    write(scratch.path(), "s.yaml", &scenario("", &all));
    let done = output(scratch.path(), &["run", "s.yaml", "-q", "-o", "none"]);
    let said = stderr(&done);
    assert_eq!(status(&done), 2);
    assert!(said.contains("error: only 6 of 7 pods of deployment/web find room on its nodes"), "{said}");
    assert!(
        said.contains("a node takes as many pods as its allocatable.pods says and its podCIDR has addresses for, and has what they request"),
        "{said}"
    );
}

#[test]
fn taints_keep_pods_away_that_do_not_tolerate_them() {
    let scratch = scratch();
    let taint = |effect: &str| format!("taints: [{{key: gpu, value: a100, effect: {effect}}}]");
    let nodes = |effect: &str| [node("a", "z1", &taint(effect)), node("b", "z1", "")].concat();
    let plain = deployment("web", 4, "", "");
    let run = results(scratch.path(), &scenario("", &[nodes("NoSchedule"), plain.clone()]), "out", &[]);
    assert_eq!(on_nodes(&run), counts(&[("b", 4)]));
    let tolerant = deployment("web", 4, "tolerations: [{key: gpu, operator: Exists}], ", "");
    let run = results(scratch.path(), &scenario("", &[nodes("NoSchedule"), tolerant]), "tolerant", &[]);
    assert_eq!(on_nodes(&run), counts(&[("a", 2), ("b", 2)]));
    // Preferred only: the other first, as long as spreading and room do not weigh more.
    let run = results(scratch.path(), &scenario("", &[nodes("PreferNoSchedule"), plain]), "soft", &[]);
    assert!(on_nodes(&run)["b"] > 2, "{:?}", on_nodes(&run));
}

#[test]
fn anti_affinity_leaves_pods_waiting_and_says_why() {
    let scratch = scratch();
    let apart = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
                 [{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}, ";
    let nodes = [node("a", "z1", ""), node("b", "z1", ""), node("c", "z2", "taints: [{key: x, effect: NoSchedule}]")];
    let all = [nodes.concat(), deployment("web", 1, apart, "")];
    let timeline = "{at: 10s, scale: deployment/web, replicas: 3}, {at: 20s, cordon: a}, \
                    {at: 30s, deletePod: \"deployment/web[1]\"}";
    let run = results(scratch.path(), &scenario(timeline, &all), "out", &[]);
    let why = "0/3 nodes are available: 1 node(s) had untolerated taint {x: }, 2 node(s) didn't match pod anti-affinity rules.";
    let pending = events(&run, "pod-pending");
    assert_eq!(pending[0], format!("10 pod/web-2 {why}"));
    // Its own node is free when it is gone.
    let placed = events(&run, "pod-placed");
    assert_eq!(placed.len(), 2, "{placed:?}");
    assert!(placed[1].contains("pod/web-2"), "the one that waited longest: {placed:?}");
}

#[test]
fn hard_spreading_holds_in_every_zone() {
    let scratch = scratch();
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, \
                  whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}], ";
    let nodes = [node("a", "z1", ""), node("b", "z1", ""), node("c", "z2", "")];
    let all = [nodes.concat(), deployment("web", 6, spread, &requests("600m"))];
    let run = results(scratch.path(), &scenario("{at: 10s, scale: deployment/web, replicas: 9}", &all), "out", &[]);
    // Three of 600m fill a node of 2 cores: then z2 is full, and z1 may have one more.
    assert_eq!(on_nodes(&run).values().sum::<usize>(), 7);
    assert_eq!(on_nodes(&run)["c"], 3);
    let why = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match pod topology spread constraints.";
    assert!(events(&run, "pod-pending").iter().all(|line| line.ends_with(why)), "{:?}", events(&run, "pod-pending"));
    // At the start it is an error.
    let all = [nodes.concat(), deployment("web", 9, spread, &requests("600m"))];
    write(scratch.path(), "s.yaml", &scenario("", &all));
    let done = output(scratch.path(), &["run", "s.yaml", "-q", "-o", "none"]);
    let said = stderr(&done);
    assert!(said.contains(&format!("only 7 of 9 pods of deployment/web find a node: {why}")), "{said}");
    assert!(said.contains("lower `replicas`, ask for less, or add nodes"), "{said}");
}

#[test]
fn affinity_to_nodes_and_pods_leads() {
    let scratch = scratch();
    let nodes = [node("a", "z1", ""), node("b", "z2", ""), node("c", "z3", "")];
    let rows = [
        (
            "nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [z2]}]}, {matchFields: [{key: metadata.name, operator: In, values: [c]}]}]}}",
            counts(&[("b", 2), ("c", 2)]),
        ),
        (
            "nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: NotIn, values: [z2]}, {key: gpu, operator: DoesNotExist}, {key: disk, operator: Exists}]}]}}",
            counts(&[("a", 2), ("c", 2)]),
        ),
        (
            "podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: topology.kubernetes.io/zone}]}",
            counts(&[("a", 4)]),
        ),
    ];
    for (index, (affinity, expected)) in rows.into_iter().enumerate() {
        let all = [nodes.concat(), deployment("web", 4, &format!("affinity: {{{affinity}}}, "), "")];
        let run = results(scratch.path(), &scenario("", &all), &format!("out{index}"), &[]);
        assert_eq!(on_nodes(&run), expected, "row {index}");
    }
}

/// A toleration with a time decides when the pods of a lost node go.
#[test]
fn who_tolerates_less_goes_sooner() {
    let scratch = scratch();
    let nodes = [node("a", "z1", ""), node("b", "z1", "")];
    let short = "tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 10}], ";
    let all = [nodes.concat(), deployment("web", 2, short, "")];
    let run = results(scratch.path(), &scenario("{at: 10s, nodeCrash: a}", &all), "out", &[]);
    let at = |kind: &str| -> f64 {
        let rows = table(&run, "events.csv");
        rows.iter().find(|row| row["kind"] == kind).and_then(|row| support::number(row, "t_s")).expect("it happens")
    };
    assert!((at("pod-evicted") - at("node-tainted") - 10.0).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random clusters: no pod ever stands where a filter forbids it, neither at the start nor later.
    #[test]
    fn no_pod_stands_where_it_may_not(
        nodes in proptest::collection::vec((0_u32..3, 0_u32..3), 1..6),
        replicas in 1_u32..4,
        later in 1_u32..12,
        cpu in 1_u32..15,
        tolerates in any::<bool>(),
        apart in any::<bool>(),
        cordoned in 0_usize..6,
    ) {
        let scratch = scratch();
        let names = ["a", "b", "c", "d", "e", "f"];
        let tainted = |taint: u32| taint == 1;
        let manifests: Vec<String> = nodes.iter().zip(names).map(|((zone, taint), name)| {
            let spec = if tainted(*taint) { "taints: [{key: x, value: y, effect: NoSchedule}]" } else { "" };
            node(name, &format!("z{zone}"), spec)
        }).collect();
        let mut pod = String::new();
        if tolerates {
            pod += "tolerations: [{key: x, operator: Equal, value: y}], ";
        }
        if apart {
            pod += "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}, ";
        }
        let cordon = names[cordoned % nodes.len()];
        let timeline = format!("{{at: 5s, cordon: {cordon}}}, {{at: 10s, scale: deployment/web, replicas: {later}}}, {{at: 40s, scale: deployment/web, replicas: 1}}, {{at: 50s, scale: deployment/web, replicas: {later}}}");
        let all = [manifests.concat(), deployment("web", replicas, &pod, &requests(&format!("{cpu}00m")))];
        write(scratch.path(), "s.yaml", &scenario(&timeline, &all));
        let done = output(scratch.path(), &["run", "s.yaml", "-q", "-o", "out"]);
        if status(&done) == 2 {
            // Nobody has room for those of the start.
            return Ok(());
        }
        prop_assert!(status(&done) == 0, "{}{}", stdout(&done), stderr(&done));
        let run = scratch.path().join("out");
        let rows = table(&run, "events.csv");
        let late: Vec<&support::Row> = rows.iter().filter(|row| row["kind"] == "pod-placed").collect();
        for row in &late {
            let on = row["detail"].trim_start_matches("on ").split(' ').next().unwrap_or_default().to_owned();
            prop_assert!(on != cordon, "{:?}", row);
        }
        for row in table(&run, "endpoints.csv") {
            let at = names.iter().position(|name| *name == row["node"]).expect("a node");
            prop_assert!(tolerates || !tainted(nodes[at].1), "{:?}", row);
        }
        // How many are on each node at a time, from the events: what they request fits, and those apart are apart.
        let mut there: BTreeMap<String, String> = BTreeMap::new();
        for row in table(&run, "endpoints.csv") {
            if !late.iter().any(|event| event["object"] == format!("pod/{}", row["pod"])) {
                there.insert(format!("pod/{}", row["pod"]), row["node"].clone());
            }
        }
        for row in &rows {
            match row["kind"].as_str() {
                "pod-placed" => {
                    let on = row["detail"].trim_start_matches("on ").split(' ').next().unwrap_or_default().to_owned();
                    there.insert(row["object"].clone(), on);
                }
                "pod-gone" => {
                    there.remove(&row["object"]);
                }
                _ => {}
            }
            let mut per_node: BTreeMap<&String, u32> = BTreeMap::new();
            there.values().for_each(|node| *per_node.entry(node).or_default() += 1);
            for count in per_node.values() {
                prop_assert!(count * cpu <= 20, "{} pods of {}00m on 2 cores: {:?}", count, cpu, row);
                prop_assert!(!apart || *count == 1, "{:?}", row);
            }
        }
    }
}

/// Titled scenarios and what is said of them; each stands above its answer.
#[test]
fn mistakes_are_answered() {
    let scratch = scratch();
    let mut got = String::new();
    for block in include_str!("scheduling.txt").split("## ").skip(1) {
        let (title, rest) = block.split_once('\n').expect("a title");
        let (text, _) = rest.split_once(">>>\n").expect("an answer");
        let head = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: t}\nspec:\n";
        write(scratch.path(), "s.yaml", &format!("{head}{text}"));
        let done = output(scratch.path(), &["check", "s.yaml"]);
        got += &format!("## {title}\n{text}>>>\n{}\n\n", format!("{}{}", stdout(&done), stderr(&done)).trim_end());
    }
    let expected = include_str!("scheduling.txt");
    if got.trim_end() != expected.trim_end() {
        let place = std::env::temp_dir().join("scheduling.txt");
        std::fs::write(&place, &got).expect("a file can be written");
        panic!(
            "the answers differ; the new ones are in {}: compare, and take them over as tests/scheduling.txt",
            place.display()
        );
    }
}
