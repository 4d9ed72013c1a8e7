//! `windtunnel rollout`: what rollouts cost, and the pause that keeps every request.

use super::{Screen, same_screens};

/// One pod, which the next one replaces: until all have heard, 2.5 s later, connections go to the old one. Nothing is left
/// to chance.
fn scenario(changes: &[(&str, &str)]) -> String {
    let mut text = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: shop}
spec:
  run: {duration: 60s, warmup: 5s, replications: 2}
  cluster:
    nodes: [{name: n}]
    network: none
    pods: {start: 1s, stop: 20ms, detect: 500ms}
    propagation: {kubeProxy: 2500ms}
  workloads: [{target: deployment/web, containers: {app: {concurrency: 8, serviceTime: 5ms}}}]
  traffic:
    - {name: t, to: http://web/, arrivals: {constant: {rate: 20/s}}, connections: {keepAlive: false}, timeout: 2s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, ports: [{containerPort: 80}], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 80}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"
    .to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

const RECREATE: (&str, &str) = ("replicas: 1", "replicas: 1\n  strategy: {type: Recreate}");

#[test]
fn the_pause_that_keeps_every_request_is_found_and_confirmed() {
    let command = "rollout shop.yaml --target deployment/web --rollouts 3";
    let short = ("    spec:\n", "    spec:\n      terminationGracePeriodSeconds: 2\n");
    same_screens(
        "rollouts.txt",
        &[
            Screen::of("a patch")
                .file("shop.yaml", scenario(&[]))
                .run("rollout shop.yaml --target deployment/web --rollouts 3 --patch web.yaml -v")
                .show("web.yaml"),
            Screen::of("a longer grace period").file("shop.yaml", scenario(&[short])).run(command),
            Screen::of("as it is")
                .file("shop.yaml", scenario(&[]))
                .run(&format!("{command} --as-it-is --variant base")),
            Screen::of("some lose nothing")
                .file("shop.yaml", scenario(&[("stop: 20ms", "stop: {bimodal: {p: 0.5, low: 20ms, high: 4s}}")]))
                .run("rollout shop.yaml --target deployment/web --rollouts 40 --as-it-is"),
            Screen::of("as a document").file("shop.yaml", scenario(&[])).run(&format!("{command} --format json")),
            Screen::of("nothing to do")
                .file("shop.yaml", scenario(&[("stop: 20ms", "stop: 4s")]))
                .run(&format!("{command} --patch web.yaml")),
        ],
    );
}

#[test]
fn what_a_pause_cannot_help_is_said() {
    let command = "rollout shop.yaml --target deployment/web --rollouts 3 --max-pre-stop 4";
    // Requests come every 50 ms and take 40, so that one is on its connection when the pod ends.
    let kept = ("connections: {keepAlive: false}", "connections: {keepAlive: true, maxPerClient: 1}");
    let slow = ("serviceTime: 5ms", "serviceTime: 40ms");
    same_screens(
        "rollouts_lost.txt",
        &[
            Screen::of("old pods first").file("shop.yaml", scenario(&[RECREATE])).run(command),
            Screen::of("connections that are kept").file("shop.yaml", scenario(&[kept, slow])).run(command),
            Screen::of("what fails anyway")
                .file("shop.yaml", scenario(&[("timeout: 2s", "timeout: 3ms")]))
                .run(command),
            Screen::of("some take long")
                .file("shop.yaml", scenario(&[("start: 1s", "start: {bimodal: {p: 0.03, low: 1s, high: 600s}}")]))
                .run("rollout shop.yaml --target deployment/web --as-it-is"),
            Screen::of("new pods that never serve")
                .file("shop.yaml", scenario(&[("periodSeconds: 1,", "initialDelaySeconds: 100000,"), ("20/s", "1/s")]))
                .run(command),
        ],
    );
}

#[test]
fn mistakes_are_answered_with_the_place() {
    let variants = "  variants: [{name: a}, {name: b, set: {timeline: [{at: 1s, deletePod: \"deployment/web[0]\"}]}}]\n---\napiVersion: apps/v1";
    let two = scenario(&[("---\napiVersion: apps/v1", variants)]);
    same_screens(
        "rollouts_mistakes.txt",
        &[
            Screen::of("another name")
                .file("shop.yaml", scenario(&[]))
                .run("rollout shop.yaml --target deployment/wed")
                .run("rollout shop.yaml --target web")
                .run("rollout shop.yaml --target pod/web-0"),
            Screen::of("variants")
                .file("shop.yaml", &two)
                .run("rollout shop.yaml --target deployment/web --variant c")
                .run("rollout shop.yaml --target deployment/web --as-it-is -v"),
            Screen::of("options")
                .file("shop.yaml", scenario(&[]))
                .run("rollout shop.yaml")
                .run("rollout shop.yaml --target deployment/web --rollouts 0")
                .run("rollout shop.yaml --target deployment/web --max-pre-stop 3601")
                .run("rollout shop.yaml --target deployment/web --as-it-is --patch web.yaml"),
        ],
    );
}
