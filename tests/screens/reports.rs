//! What `run`, `compare` and `sweep` print.

use super::{Screen, same_screens};

/// Batches of requests meet two pods with one slot each; a call follows; nobody asks the third Service.
const SHOP: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: shop, annotations: {question: Where does the time go?}}
spec:
  run: {duration: 12s, warmup: 2s, replications: 2}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: 4}, steps: [{work: 5ms}, {call: \"http://db/\", name: query}]}}
    - target: deployment/db
      inline: {replicas: 1, port: 80}
      containers: {app: {concurrency: 64, serviceTime: 2ms}}
    - target: deployment/idle
      inline: {replicas: 1, port: 80}
  proxies: [{name: edge, endpoints: service/web, balancer: {policy: round-robin, start: 0}}]
  traffic:
    - {name: browse, to: http://web/, through: edge, arrivals: {batches: {interval: 100ms, size: 12}}}
  objectives: [browse.latency.p50 < 1s, browse.latency.mean < 1ms, browse.latency.p99.9 < 1s]
";

/// More comes than one pod can do; what is asked of it is the same all the time.
const LINE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: line}
spec:
  run: {duration: 12s, warmup: 2s, replications: 2}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 1, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: unlimited}, serviceTime: 5ms}}
  traffic:
    - {name: t, to: http://web/, arrivals: {constant: {rate: 100/s}}}
";

const RATE: &str = "'traffic[t].arrivals.constant.rate=";

#[test]
fn a_summary_says_what_happened_and_why() {
    let overload = LINE.replace("100/s", "300/s").replace("name: line", "name: overload");
    same_screens(
        "run.txt",
        &[
            Screen::of("queues, calls, failures, objectives")
                .file("shop.yaml", SHOP)
                .run("run shop.yaml")
                .run("run shop.yaml --format markdown -q"),
            Screen::of("more than the system can do")
                .file("overload.yaml", overload.clone())
                .run("run overload.yaml -q")
                .run("run overload.yaml --format markdown -q"),
            Screen::of("all alike").file("line.yaml", LINE).run("run line.yaml --replications 1"),
            Screen::of("several scenarios")
                .file("line.yaml", LINE)
                .file("shop.yaml", SHOP)
                .run("run line.yaml shop.yaml -o out --duration 3s --set run.warmup=1s"),
        ],
    );
}

#[test]
fn a_comparison_says_what_is_better_and_what_cannot_be_ranked() {
    let variants = "  variants:
    - {name: base}
    - {name: faster, set: {\"workloads[deployment/web].containers.app.serviceTime\": 4ms}}
    - {name: wider, set: {\"workloads[deployment/web].containers.app.concurrency\": 2}}
    - {name: too-slow, set: {\"workloads[deployment/web].containers.app.serviceTime\": 15ms}}
    - {name: impatient, set: {\"workloads[deployment/web].containers.app.serviceTime\": 15ms, \"traffic[t].timeout\": 12ms}}
";
    same_screens(
        "compare.txt",
        &[
            Screen::of("five variants")
                .file("line.yaml", format!("{LINE}{variants}"))
                .run("compare line.yaml")
                .run("compare line.yaml --format markdown -q --metric latency_mean_ms,goodput_rps"),
            Screen::of("one replication")
                .file("line.yaml", format!("{LINE}{variants}  objectives: [t.latency.mean < 5ms]\n"))
                .run("compare line.yaml --replications 1 --metric latency_mean_ms"),
        ],
    );
}

#[test]
fn a_sweep_names_the_best_point_if_there_is_one() {
    let line = |title| Screen::of(title).file("line.yaml", LINE);
    let vary = |values: &str| format!("--vary {RATE}{values}'");
    let fifty_one = (100..151).map(|rate| format!("{rate}/s")).collect::<Vec<_>>().join(",");
    let slots = "--vary 'workloads[deployment/web].containers.app.concurrency=1,2'";
    same_screens(
        "sweep.txt",
        &[
            line("a best point, one of them saturated")
                .run(&format!("sweep line.yaml {slots} {} --metric latency_mean_ms", vary("100/s,300/s")))
                .run(&format!("sweep line.yaml {slots} {} --format markdown -q", vary("100/s,300/s"))),
            line("nothing is ranked").run(&format!("sweep line.yaml {} --metric latency_mean_ms", vary("300/s,400/s"))),
            line("one is ranked")
                .run(&format!("sweep line.yaml {} --metric latency_mean_ms", vary("100/s,400/s,500/s"))),
            line("other seeds").run("sweep line.yaml --vary run.seed=1,2 --replications 1"),
            Screen::of("objectives")
                .file("line.yaml", format!("{LINE}  objectives: [t.latency.mean < 4ms]\n"))
                .run("sweep line.yaml --vary 'workloads[deployment/web].containers.app.serviceTime=3ms,3500us,5ms'"),
            line("more points than are listed")
                .run(&format!("sweep line.yaml --duration 3s {}", vary(&fifty_one)))
                .run(&format!("sweep line.yaml --duration 3s {} --metric offered -q --force", vary(&fifty_one))),
            line("a single point").run("sweep line.yaml"),
        ],
    );
}

/// Two pods on a node whose addresses are soon given away.
#[test]
fn events_say_what_happened_to_the_cluster() {
    let scenario = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: changes}
spec:
  run: {duration: 12s, warmup: 2s, replications: 1}
  cluster: {network: none, pods: {start: 1s}}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 4, serviceTime: 5ms}}
  traffic:
    - {name: t, to: http://web/, arrivals: {constant: {rate: 10/s}}}
  timeline:
    - {at: 3s, notReady: \"deployment/web[1]\"}
    - {at: 4s, ready: \"deployment/web[1]\"}
    - {at: 5s, deletePod: \"deployment/web[0]\"}
    - {at: 6s, deletePod: \"deployment/web[0]\"}
    - {at: 7s, scale: deployment/web, replicas: 8}
    - {at: 9s, scale: deployment/web, replicas: 0}
    - {at: 9500ms, scale: deployment/web, replicas: 1}
---
apiVersion: v1
kind: Node
metadata: {name: small}
spec: {podCIDR: 10.244.0.0/29}
status: {allocatable: {cpu: \"8\", pods: \"110\"}}
";
    same_screens(
        "events.txt",
        &[Screen::of("pods come and go")
            .file("changes.yaml", scenario)
            .run("run changes.yaml -o out --format csv -q")
            .show("out/events.csv")],
    );
}
