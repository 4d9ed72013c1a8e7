//! What `explain` prints.

use super::{Screen, same_screens};

/// Batches meet two pods, one of them slower.
const BATCHES: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: batches, annotations: {question: Why are some slow?}}
spec:
  run: {duration: 62s, warmup: 2s, replications: 2}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: unlimited}, serviceTime: 2ms}}
      pods: [{index: 1, speed: 0.5}]
  proxies: [{name: edge, endpoints: service/web, balancer: {policy: round-robin, start: 0}, overhead: {before: 1ms, after: 1ms}}]
  traffic:
    - {name: t, to: http://web/, through: edge, arrivals: {batches: {interval: 100ms, size: 10}}}
";

/// A second is measured, a request a tenth of it.
fn scenario(cluster: &str, workloads: &str, traffic: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: one}}\nspec:\n  \
         run: {{duration: 1s, warmup: 0s, replications: 1, drain: 1s}}\n  cluster: {cluster}\n  \
         workloads:\n{workloads}  traffic:\n{traffic}"
    )
}

fn web(container: &str) -> String {
    format!(
        "    - {{target: deployment/web, inline: {{replicas: 1, port: 80}}, containers: {{app: {{{container}}}}}}}\n"
    )
}

fn traffic(more: &str) -> String {
    format!("    - {{name: t, to: \"http://web/\", arrivals: {{constant: {{rate: 10/s}}}}, {more}}}\n")
}

const NEAR: &str = "{nodes: [{name: n, count: 1}], network: {sameNode: 1ms}}";

#[test]
fn a_tail_is_explained() {
    let lossy = BATCHES.replace("limit: unlimited", "limit: 3");
    let many = |pods: u32, more: &str| {
        BATCHES
            .replace("replicas: 2", &format!("replicas: {pods}"))
            .replace("      pods: [{index: 1, speed: 0.5}]\n", more)
            .replace("size: 10", &format!("size: {}", 5 * pods))
    };
    let slow = |pods: u32| {
        let pods: Vec<String> = (0..pods).map(|pod| format!("{{index: {pod}, speed: 0.5}}")).collect();
        format!("      pods: [{}]\n", pods.join(", "))
    };
    // Every fiftieth request takes a hundred times as long.
    let rows: String = (0..12_000).map(|n| format!("{},{}\\n", n * 5, if n % 50 == 0 { 100 } else { 1 })).collect();
    let work = scenario(NEAR, &web("concurrency: unlimited"), &traffic("connections: {mode: perRequest}"))
        .replace("constant: {rate: 10/s}", &format!("trace: {{data: \"arrival_ms,service_ms\\n{rows}\"}}"))
        .replace("duration: 1s", "duration: 60s");
    let overload = BATCHES.replace("size: 10", "size: 100");
    let some = BATCHES.to_owned()
        + "    - {name: never, from: deployment/web, to: \"http://localhost:81/\", resolver: {missing: fail}, arrivals: {constant: {rate: 10/s}}}\n    \
           - {name: rare, to: http://web/, arrivals: {constant: {rate: 0.5/s}}}\n    \
           - {name: once, to: http://web/, arrivals: {constant: {rate: 0.001/s}}}\n";
    same_screens(
        "tail.txt",
        &[
            Screen::of("a slow pod")
                .file("batches.yaml", BATCHES)
                .run("explain batches.yaml")
                .run("explain batches.yaml --format markdown --slowest 0 --quantile 0.9"),
            Screen::of("a traffic that never succeeds, one that hardly comes, and one that does")
                .file("batches.yaml", some)
                .run("explain batches.yaml --slowest 1 --causes 0")
                .run("explain batches.yaml --slowest 0 --causes 0 --traffic never"),
            Screen::of("lost requests").file("lossy.yaml", lossy).run("explain lossy.yaml --slowest 0"),
            Screen::of("many pods, all alike")
                .file("many.yaml", many(24, ""))
                .run("explain many.yaml --slowest 0 --causes 1"),
            Screen::of("many pods, a third of them slow")
                .file("many.yaml", many(80, &slow(32)))
                .run("explain many.yaml --slowest 0 --causes 1"),
            Screen::of("many pods, one of them slow")
                .file("many.yaml", many(6, &slow(1)))
                .run("explain many.yaml --slowest 0 --causes 1"),
            Screen::of("five pods, one of them quick")
                .file("many.yaml", many(5, "      pods: [{index: 0, speed: 4}]\n"))
                .run("explain many.yaml --slowest 0 --causes 1"),
            Screen::of("too few in a replication")
                .file("short.yaml", BATCHES.replace("62s", "8s"))
                .run("explain short.yaml --slowest 0"),
            Screen::of("the work itself").file("work.yaml", work).run("explain work.yaml --slowest 0"),
            Screen::of("overload").file("overload.yaml", overload).run("explain overload.yaml --slowest 0 --causes 1"),
        ],
    );
}

/// A request that no traffic of the scenario sends.
#[test]
fn a_request_from_here_to_there_is_told() {
    same_screens(
        "from_to.txt",
        &[Screen::of("one request")
            .file("one.yaml", BATCHES)
            .run("explain one.yaml --from generator --to http://web/")
            .run("explain one.yaml --from deployment/web --to http://web/ --format json")
            .run("explain one.yaml --from node/node-7 --to http://wep/")
            .run("explain one.yaml --from generator")
            .run("explain one.yaml --from generator --to http://web/ --request 3")
            .run("explain one.yaml --from deployment/wed --to http://web/ --set run.seed=2")],
    );
}

/// Nobody may connect to the first Service; the second has no endpoint on the client's node until a pod comes.
const UNANSWERED: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: unanswered}
spec:
  run: {duration: 60s, warmup: 0s, replications: 1, drain: 200s}
  cluster: {nodes: [{name: n, count: 2}], network: {sameNode: 1ms, sameZone: 2ms}, propagation: {kubeProxy: 500ms}}
  workloads:
    - {target: deployment/closed, inline: {replicas: 1, port: 80}, containers: {app: {serviceTime: 2ms}}}
    - {target: deployment/web, containers: {app: {serviceTime: 2ms}}}
  proxies: [{name: edge, endpoints: service/closed, connections: {mode: perRequest}}]
  traffic:
    - &t {name: patient, from: {node: n-1}, to: \"http://closed/\", arrivals: {constant: {rate: 0.1/s}}, connections: {mode: perRequest}}
    - {<<: *t, name: hasty, timeout: 3s, retries: {attempts: 2, perTry: 1500ms, on: [timeout], backoff: {base: 0s, max: 0s}}}
    - {<<: *t, name: proxied, through: edge}
    - {<<: *t, name: late, from: {node: n-2}, to: http://web/}
  timeline:
    - {at: 12s, scale: deployment/web, replicas: 2}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody}
spec: {podSelector: {matchLabels: {app: closed}}, policyTypes: [Ingress], ingress: []}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, internalTrafficPolicy: Local, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}
";

/// The node's table has room for two connections, and there is one port to the outside.
const FULL: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: full}
spec:
  run: {duration: 60s, warmup: 0s, replications: 1, drain: 200s}
  cluster:
    nodes: [{name: n, count: 1}]
    network: {sameNode: 1ms, external: 5ms}
    kernel: {conntrack: {max: 2, timeWait: 10s}}
    nat: {ports: 1, hold: 100s}
  workloads:
    - {target: deployment/web, inline: {replicas: 1, port: 80}, containers: {app: {serviceTime: 2ms}}}
    - {target: deployment/api, inline: {replicas: 1, port: 80}, outside: true, containers: {app: {serviceTime: 2ms}}}
  traffic:
    - &t {name: table, from: deployment/web, to: \"http://web/\", arrivals: {constant: {rate: 0.25/s}}, connections: {mode: perRequest, connectTimeout: 20s}}
    - {<<: *t, name: ports, to: \"http://api/\"}
";

#[test]
fn syns_that_nobody_answers_are_told_with_their_times() {
    let told = |name: &str| format!("explain unanswered.yaml --traffic {name} --request 1");
    same_screens(
        "unanswered.txt",
        &[Screen::of("dropped")
            .file("unanswered.yaml", UNANSWERED)
            .run(&told("patient"))
            .run(&told("hasty"))
            .run(&told("proxied"))
            .run(&told("late"))
            .file("full.yaml", FULL)
            .run("explain full.yaml --traffic table --request 2")
            .run("explain full.yaml --traffic ports --request 1")],
    );
}

fn story(title: &'static str, text: String) -> Screen {
    Screen::of(title).file("one.yaml", text).run("explain one.yaml --request 1")
}

/// Each is told of one request.
#[test]
fn stories_say_what_happened_hop_by_hop() {
    let patient = "concurrency: 1, serviceTime: 5ms";
    let slow = "concurrency: 1, serviceTime: 150ms";
    let shared = "concurrency: 1, queue: {discipline: processor-sharing}, serviceTime: 150ms";
    let one = |title, container: &str, more: &str| story(title, scenario(NEAR, &web(container), &traffic(more)));
    // The first pod has not ended what came before, and the turn is its.
    let picks = scenario(
        NEAR,
        &web("concurrency: 1, serviceTime: 250ms"),
        &traffic("balancer: {policy: round-robin, start: 0}"),
    )
    .replace("replicas: 1", "replicas: 3")
    .replace("}}}\n", "}}, pods: [{index: 0, speed: 0.2}]}\n");
    // The second has the only connection when the first asks again.
    let two = "connections: {protocol: http1, maxPerClient: 1}, timeout: 150ms, \
               retries: {attempts: 2, perTry: 100ms, on: [timeout]}";
    let two = scenario(NEAR, &web(slow), &traffic(two))
        .replace("constant: {rate: 10/s}", "trace: {data: \"arrival_ms\\n0\\n30\\n90\\n\"}");
    same_screens(
        "stories.txt",
        &[
            one("a connection for each request", patient, "connections: {mode: perRequest}"),
            one(
                "turned away",
                "concurrency: 1, queue: {limit: 0}, serviceTime: 150ms",
                "retries: {attempts: 2, on: [5xx], backoff: {base: 8ms, max: 8ms}, jitter: none}",
            ),
            one("not over", "serviceTime: 5s", "timeout: 20s"),
            one("sharing cores", shared, "timeout: 1s"),
            Screen::of("others have fewer").file("one.yaml", picks).run("explain one.yaml --request 9"),
            one(
                "alone on its cores",
                "concurrency: 1, queue: {discipline: processor-sharing}, serviceTime: 5ms",
                "timeout: 1s",
            ),
            one("cut while connecting", patient, "timeout: 500us"),
            one("cut on the way", patient, "timeout: 2500us"),
            one("cut in the queue", slow, "timeout: 20ms"),
            one("cut in service", patient, "timeout: 4ms"),
            one("cut in shared service", shared, "timeout: 20ms"),
            one("cut on the way back", patient, "timeout: 8500us"),
            story("cut before it had a connection", two),
        ],
    );
}

#[test]
fn stories_of_proxies_say_what_the_proxy_does() {
    let proxies = |text: &str, more: &str| {
        let text = format!("  proxies: [{{name: edge, endpoints: service/web, {text}}}]\n  traffic:\n");
        scenario(NEAR, &web("concurrency: 1, serviceTime: 150ms"), &traffic(&format!("through: edge, {more}")))
            .replace("  traffic:\n", &text)
    };
    let narrow = "connections: {protocol: http1, maxPerClient: 1}, overhead: {before: 1ms, after: 2ms}";
    same_screens(
        "stories_proxies.txt",
        &[
            story("waiting for the proxy's pool", proxies(narrow, "timeout: 1s")),
            story("cut before the proxy had a connection", proxies(narrow, "timeout: 20ms")),
            story("layer 4", proxies("layer: 4", "connections: {mode: perRequest}")),
        ],
    );
}

#[test]
fn stories_of_calls_say_who_waited_for_whom() {
    let workloads = |more: &str, steps: &str| {
        format!(
            "    - {{target: deployment/web, inline: {{port: 80}}, containers: {{app: {{concurrency: 1, {more}steps: [{steps}]}}}}}}\n    \
             - {{target: deployment/db, inline: {{port: 80}}, containers: {{app: {{serviceTime: 60ms}}}}}}\n    \
             - {{target: deployment/late, inline: {{port: 80}}, containers: {{app: {{serviceTime: 250ms}}}}}}\n    \
             - {{target: deployment/full, inline: {{port: 80}}, containers: {{app: {{serviceTime: 5ms, errorRatio: 1}}}}}}\n"
        )
    };
    let calls = |title, more: &str, steps: &str, sent: &str| {
        story(title, scenario(NEAR, &workloads(more, steps), &traffic(sent)))
    };
    let one = "{work: 1ms}, {call: \"http://db/\", name: query}";
    let three = "{parallel: [{call: \"http://db/\", name: query}, {call: \"http://db/\", name: other, timeout: 100ms}, {call: \"http://full/\", name: log}]}";
    let again = "{work: 1ms}, {call: \"http://late/\", name: query}, {work: 120ms}";
    let event_loop = "holdsSlotWhileCalling: false, queue: {limit: unlimited}, ";
    same_screens(
        "stories_calls.txt",
        &[
            calls("one call", "", one, "timeout: 1s"),
            calls("cut while calling", "", one, "timeout: 20ms"),
            calls("several at once", "", three, "timeout: 1s"),
            calls("a slot is waited for again", event_loop, again, "timeout: 2s"),
            calls("cut while it waits again", event_loop, again, "timeout: 265ms"),
        ],
    );
}

#[test]
fn stories_of_names_and_connections_say_where_they_lead() {
    let zones = "nodes: [{name: a, count: 1, zone: z1}, {name: b, count: 1, zone: z1}, {name: c, count: 1, zone: z2}], \
                 network: {sameNode: 10us, sameZone: 1ms, crossZone: 2ms}";
    let web =
        "    - {target: deployment/web, inline: {replicas: 1, port: 80}, containers: {app: {serviceTime: 5ms}}}\n";
    let dns = "dns: {replicas: 1, serviceTime: 1ms, upstream: 3ms, resolver: {family: ipv4, missing: fail}}";
    let from = |node: &str, more: &str| {
        format!(
            "    - {{name: t, from: {{node: {node}}}, {more}, arrivals: {{constant: {{rate: 10/s}}}}, connections: {{mode: perRequest}}}}\n"
        )
    };
    let headless = "---\napiVersion: v1\nkind: Service\nmetadata: {name: peers}\nspec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}\n";
    same_screens(
        "stories_names.txt",
        &[
            story("between zones", scenario(&format!("{{{zones}}}"), web, &from("c", "to: \"http://web/\""))),
            story("inside a zone", scenario(&format!("{{{zones}}}"), web, &from("b", "to: \"http://web/\""))),
            story("a lookup", scenario(&format!("{{{zones}, {dns}}}"), web, &from("b", "to: \"http://web/\""))),
            story(
                "no address",
                scenario(&format!("{{{zones}, {dns}}}"), web, &from("b", "to: \"http://web.nowhere/\"")),
            ),
            story(
                "rules",
                scenario(
                    &format!("{{{zones}, kubeProxy: {{firstPacket: true}}}}"),
                    web,
                    &from("b", "to: \"http://web/\""),
                ),
            ),
            story("a pod's address", scenario(&format!("{{{zones}}}"), web, &from("b", "to: \"http://10.244.0.2/\""))),
            story(
                "the first address",
                scenario(&format!("{{{zones}, {dns}}}"), web, &from("b", "to: \"http://peers/\"")) + headless,
            ),
        ],
    );
}
