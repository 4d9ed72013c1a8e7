//! Nodes that are cordoned and drained: who is evicted when, and what budgets refuse.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use support::{Row, number, output, results, scratch, status, stderr, stdout, table, write};

/// A Deployment and a Service before it.
fn deployment(name: &str, replicas: u32) -> String {
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
    spec: {{containers: [{{name: app, ports: [{{containerPort: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}
"
    )
}

fn budget(name: &str, app: &str, bound: &str) -> String {
    format!(
        "---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}}}
spec: {{{bound}, selector: {{matchLabels: {{app: {app}}}}}}}
"
    )
}

/// Nodes n-1, n-2, …; pods start in two seconds and end at once.
fn scenario(nodes: u32, timeline: &str, manifests: &[String]) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: nodes}}
spec:
  run: {{duration: 60s, warmup: 0s, replications: 1, seed: 4}}
  cluster: {{nodes: [{{name: n, count: {nodes}}}], network: none, pods: {{start: 2s}}, propagation: {{kubeProxy: 0s}}}}
  workloads:
    - {{target: deployment/web, containers: {{app: {{concurrency: unlimited, serviceTime: 1ms}}}}}}
  traffic:
    - {{name: t, to: \"http://web/\", arrivals: {{constant: {{rate: 10/s}}}}, connections: {{keepAlive: false}}}}
  timeline: [{timeline}]
{}",
        manifests.concat()
    )
}

/// Time, kind, object and detail of the events of some kinds.
fn story(run: &Path, kinds: &[&str]) -> Vec<String> {
    let rows = table(run, "events.csv");
    let told = rows.iter().filter(|row| kinds.contains(&row["kind"].as_str()));
    told.map(|row| format!("{} {} {} {}", row["t_s"], row["kind"], row["object"], row["detail"]).trim_end().to_owned())
        .collect()
}

const DRAIN: [&str; 6] = ["cordon", "uncordon", "drain", "pod-evicted", "eviction-refused", "drained"];

#[test]
fn a_budget_makes_a_drain_wait() {
    let scratch = scratch();
    let drain = "{at: 10s, drain: n-1}";
    let all = [deployment("web", 6), budget("web", "web", "maxUnavailable: 1")];
    let run = results(scratch.path(), &scenario(3, drain, &all), "out", &[]);
    // Of its two pods one may go; the other is tried again every 5 s, and the first has been replaced after 2 s.
    let expected = [
        "10 cordon node/n-1",
        "10 drain node/n-1 2 pods to evict",
        "10 pod-evicted pod/web-0 by the drain of n-1; web has 6 healthy of 5 needed",
        "10 eviction-refused pod/web-3 web: 429: cannot evict pod as it would violate the pod's disruption budget, which needs 5 healthy pods and has 5 currently",
        "15 pod-evicted pod/web-3 by the drain of n-1; web has 6 healthy of 5 needed",
        "16 drained node/n-1 after 6s",
    ];
    assert_eq!(story(&run, &DRAIN), expected);
    let placed = story(&run, &["pod-placed"]);
    assert_eq!(placed.len(), 2);
    assert!(placed.iter().all(|line| !line.contains("n-1 ")), "{placed:?}");
    // Without a budget both go at once.
    let run = results(scratch.path(), &scenario(3, drain, &all[..1]), "free", &[]);
    let expected = [
        "10 cordon node/n-1",
        "10 drain node/n-1 2 pods to evict",
        "10 pod-evicted pod/web-0 by the drain of n-1",
        "10 pod-evicted pod/web-3 by the drain of n-1",
        "11 drained node/n-1 after 1s",
    ];
    assert_eq!(story(&run, &DRAIN), expected);
}

#[test]
fn a_budget_that_lets_none_go_holds_a_drain_for_ever() {
    let scratch = scratch();
    let all = [deployment("web", 3), budget("all", "web", "minAvailable: 100%")];
    let run = results(scratch.path(), &scenario(3, "{at: 10s, drain: node/n-2}", &all), "out", &[]);
    let told = story(&run, &DRAIN);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].starts_with("10 eviction-refused pod/web-1 all: 429"), "{told:?}");
    // Two budgets for a pod: evictions do not know which to ask.
    let all = [deployment("web", 3), budget("a", "web", "maxUnavailable: 1"), budget("b", "web", "maxUnavailable: 3")];
    let run = results(scratch.path(), &scenario(3, "{at: 10s, drain: n-2}", &all), "two", &[]);
    let told = story(&run, &DRAIN);
    let refusal = "10 eviction-refused pod/web-1 a, b: 500: this pod has more than one PodDisruptionBudget, which the eviction subresource does not support";
    assert_eq!(told[2], refusal);
}

#[test]
fn pods_without_a_controller_stop_a_drain() {
    let scratch = scratch();
    let single =
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {nodeName: n-1, containers: [{name: app}]}\n";
    let all = [deployment("web", 2), single.to_owned()];
    let timeline = "{at: 10s, drain: n-1}, {at: 20s, drain: n-1, force: true}";
    let run = results(scratch.path(), &scenario(2, timeline, &all), "out", &[]);
    let expected = [
        "10 cordon node/n-1",
        "10 drain node/n-1 nothing is evicted: no controller replaces one",
        "20 drain node/n-1 2 pods to evict",
        "20 pod-evicted pod/web-1 by the drain of n-1",
        "20 pod-evicted pod/one by the drain of n-1",
        "21 drained node/n-1 after 1s",
    ];
    assert_eq!(story(&run, &DRAIN), expected);
    let ready = table(&run, "timeline.csv");
    assert_eq!(ready[30]["ready_pods"], "2", "two of web, and one is gone for good");
}

#[test]
fn cordoned_nodes_get_no_pods_until_they_are_uncordoned() {
    let scratch = scratch();
    let timeline = "{at: 5s, cordon: n-1}, {at: 10s, scale: deployment/web, replicas: 4}, {at: 20s, cordon: n-2}, \
                    {at: 25s, scale: deployment/web, replicas: 6}, {at: 40s, uncordon: n-1}, {at: 41s, uncordon: n-1}";
    let run = results(scratch.path(), &scenario(2, timeline, &[deployment("web", 2)]), "out", &[]);
    let expected = [
        "5 cordon node/n-1",
        "10 pod-placed pod/web-2 on n-2 as 10.244.1.3",
        "10 pod-placed pod/web-3 on n-2 as 10.244.1.4",
        "20 cordon node/n-2",
        "25 pod-pending pod/web-4 its nodes are cordoned or down",
        "25 pod-pending pod/web-5 its nodes are cordoned or down",
        "40 uncordon node/n-1",
        "40 pod-placed pod/web-4 on n-1 as 10.244.0.3",
        "40 pod-placed pod/web-5 on n-1 as 10.244.0.4",
    ];
    assert_eq!(story(&run, &["cordon", "uncordon", "pod-placed", "pod-pending"]), expected);
}

#[test]
fn a_drain_costs_what_the_deletion_of_its_pods_costs() {
    let scratch = scratch();
    // Half of the pods go at once, while the rules are two seconds late: refused for one, silent for the other.
    let text = scenario(2, "{at: 10s, drain: n-1}", &[deployment("web", 4)])
        .replace("kubeProxy: 0s", "kubeProxy: 2s")
        .replace("rate: 10/s", "rate: 1000/s");
    let run = results(scratch.path(), &text, "out", &[]);
    let rows = table(&run, "errors.csv");
    let refused: f64 = rows.iter().filter(|row| row["cause"] == "refused").filter_map(|row| number(row, "count")).sum();
    // Binomial: 1,000 connections, a half: standard deviation 16.
    assert!((refused - 500.0).abs() < 5.0 * 16.0, "{refused}");
}

/// What the run says of the pods of `web` at each eviction, from the events alone.
fn never_violated(rows: &[Row], replicas: u32, allowed: u32) {
    let mut ready: BTreeMap<String, bool> = (0..replicas).map(|number| (format!("pod/web-{number}"), true)).collect();
    for row in rows {
        let object = row["object"].clone();
        match row["kind"].as_str() {
            "pod-ready" => {
                ready.insert(object, true);
            }
            "pod-evicted" => {
                let healthy = ready.values().filter(|ready| **ready).count();
                // Who is not ready takes nothing with it.
                let is_ready = ready.get(&object).copied().unwrap_or(false);
                assert!(
                    !is_ready || healthy as u32 > replicas.saturating_sub(allowed),
                    "{row:?} with {healthy} of {replicas} ready, {allowed} may go"
                );
                ready.insert(object, false);
            }
            "pod-deleted" => {
                ready.insert(object, false);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random clusters and drains: no eviction ever takes a healthy pod that the budget needs, and no pod comes to a
    /// cordoned node.
    #[test]
    fn budgets_hold_whatever_is_drained(
        nodes in 2_u32..6,
        replicas in 1_u32..12,
        allowed in 0_u32..4,
        drains in proptest::collection::vec((0_u32..40, 0_u32..6, any::<bool>()), 1..8),
    ) {
        let scratch = scratch();
        let mut entries: Vec<String> = Vec::new();
        for (at, node, back) in &drains {
            let node = node % nodes + 1;
            entries.push(format!("{{at: {at}s, drain: n-{node}}}"));
            if *back {
                entries.push(format!("{{at: {}s, uncordon: n-{node}}}", at + 7));
            }
        }
        let all = [deployment("web", replicas), budget("web", "web", &format!("maxUnavailable: {allowed}"))];
        let run = results(scratch.path(), &scenario(nodes, &entries.join(", "), &all), "out", &[]);
        let rows = table(&run, "events.csv");
        never_violated(&rows, replicas, allowed);
        let mut cordoned: BTreeMap<String, bool> = BTreeMap::new();
        for row in &rows {
            match row["kind"].as_str() {
                "cordon" | "uncordon" => {
                    cordoned.insert(row["object"].replace("node/", "on "), row["kind"] == "cordon");
                }
                "pod-placed" => {
                    let place = row["detail"].split(" as ").next().unwrap_or_default().to_owned();
                    prop_assert!(!cordoned.get(&place).copied().unwrap_or(false), "{:?}", row);
                }
                _ => {}
            }
        }
    }
}

/// Titled scenarios and what is said of them; each stands above its answer.
#[test]
fn mistakes_are_answered() {
    let scratch = scratch();
    let mut got = String::new();
    for block in include_str!("nodes.txt").split("## ").skip(1) {
        let (title, rest) = block.split_once('\n').expect("a title");
        let (text, _) = rest.split_once(">>>\n").expect("an answer");
        let head = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: t}\nspec:\n";
        write(scratch.path(), "s.yaml", &format!("{head}{text}"));
        let done = output(scratch.path(), &["run", "s.yaml", "-q", "-o", "out", "--replications", "1"]);
        let answer = if status(&done) == 2 { stderr(&done) } else { format!("{}{}", stdout(&done), stderr(&done)) };
        got += &format!("## {title}\n{text}>>>\n{}\n\n", answer.trim_end());
    }
    let expected = include_str!("nodes.txt");
    if got.trim_end() != expected.trim_end() {
        let place = std::env::temp_dir().join("nodes.txt");
        std::fs::write(&place, &got).expect("a file can be written");
        panic!(
            "the answers differ; the new ones are in {}: compare, and take them over as tests/nodes.txt",
            place.display()
        );
    }
}

#[test]
fn what_budgets_say_is_listed() {
    let scratch = scratch();
    let budgets = [
        budget("a", "web", "minAvailable: 50%"),
        budget("b", "web", "maxUnavailable: 1"),
        budget("c", "nobody", "maxUnavailable: 25%"),
        budget("d", "web", "unhealthyPodEvictionPolicy: AlwaysAllow"),
    ];
    write(scratch.path(), "s.yaml", &scenario(2, "", &[deployment("web", 2), budgets.concat()]));
    let done = output(scratch.path(), &["check", "s.yaml"]);
    let said = stdout(&done) + &stderr(&done);
    for line in [
        "PodDisruptionBudget/a: at least 50% available",
        "PodDisruptionBudget/b: at most 1 unavailable",
        "PodDisruptionBudget/c: at most 25% unavailable",
        "PodDisruptionBudget/d: none unavailable",
        "PodDisruptionBudget/c (it selects no pods)",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}
