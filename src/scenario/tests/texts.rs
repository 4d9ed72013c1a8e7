//! The whole answers to what cannot be read: values, laws, arrivals, flows, containers, the cluster, names and paths.

use super::super::{Overrides, load};
use super::{Memory, TRAFFIC, loaded, same_blocks, with};
use crate::balance::POLICIES;
use crate::random::DISTRIBUTIONS;

const WEB: &str = "    - {target: deployment/web, inline: {replicas: 4}}\n";

/// A titled file, what lies beside it and what the command line asks.
struct Case {
    title: &'static str,
    text: String,
    files: Vec<(&'static str, String)>,
    overrides: Overrides,
}

impl Case {
    fn of(title: &'static str, text: String) -> Self {
        Self { title, text, files: Vec::new(), overrides: Overrides::default() }
    }

    /// With a file beside it.
    fn beside(mut self, name: &'static str, text: &str) -> Self {
        self.files.push((name, text.to_owned()));
        self
    }

    /// With another text in it.
    fn replaced(mut self, from: &str, to: &str) -> Self {
        self.text = self.text.replace(from, to);
        self
    }

    /// With more in the file beside it.
    fn joined(mut self, text: &str) -> Self {
        self.files[0].1.push_str(text);
        self
    }
}

fn lines(before: &str, list: &[&str], after: &str) -> String {
    list.iter()
        .enumerate()
        .map(|(index, text)| format!("{before}{text}{after}\n").replace('@', &index.to_string()))
        .collect()
}

/// A scenario whose `spec` has these workloads, this traffic and these lines.
fn spec(workloads: &str, traffic: &str, more: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n{more}  workloads:\n{workloads}{traffic}"
    )
}

/// A traffic for each process.
fn arrivals(list: &[&str]) -> String {
    spec(WEB, &format!("  traffic:\n{}", lines("    - {name: t@, to: \"http://web/\", arrivals: ", list, "}")), "")
}

/// A traffic for each way to send.
fn flows(list: &[&str]) -> String {
    let flows = lines("    - {name: t@, arrivals: {poisson: {rate: 3/s}}, ", list, "}");
    spec(WEB, &format!("  traffic:\n{flows}"), "")
}

/// A step of work for each law.
fn laws(list: &[&str]) -> String {
    let laws = lines("            - work: ", list, "");
    spec(
        &format!(
            "    - target: deployment/web\n      inline: {{}}\n      containers:\n        app:\n          steps:\n{laws}"
        ),
        TRAFFIC,
        "",
    )
}

/// A workload for each container.
fn containers(list: &[&str]) -> String {
    let list = lines("    - {target: deployment/w@, inline: {}, containers: {app: ", list, "}}");
    spec(&format!("{WEB}{list}"), TRAFFIC, "")
}

/// A balancer for each policy.
fn balancers(list: &[&str]) -> String {
    let list: Vec<String> = list.iter().map(|text| format!("to: \"http://web/\", balancer: {{{text}}}")).collect();
    flows(&list.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The usual scenario with these lines in `spec`.
fn more(list: &[&str]) -> String {
    spec(WEB, TRAFFIC, &lines("  ", list, ""))
}

/// The answers to all cases, each below its title.
fn answers(cases: impl IntoIterator<Item = Case>) -> String {
    let mut found = String::new();
    for Case { title, text, files, overrides } in cases {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let failure = load("shop.yaml", &text, &Memory::of(&files), &overrides).expect_err(title);
        assert!(failure.problems.iter().all(|problem| problem.span.is_some()), "{title}");
        found.push_str(&format!("## {title}\n{failure}\n"));
    }
    // Not to be written down again with every new law, policy or metric.
    let laws = DISTRIBUTIONS.iter().map(|law| law.name).filter(|name| *name != "geometric").collect::<Vec<_>>();
    let policies = POLICIES.iter().map(|policy| policy.name).collect::<Vec<_>>();
    let found = found.replace(&laws.join(", "), "(every law)").replace(&policies.join(", "), "(every policy)");
    let quantities = "of a traffic there are ";
    let line = |line: &str| match line.split_once(quantities) {
        Some((before, _)) => format!("{before}{quantities}(every quantity)\n"),
        None => format!("{line}\n"),
    };
    found.lines().map(line).collect()
}

fn values_and_rates_cases() -> Vec<Case> {
    vec![
        Case::of(
            "values",
            containers(&[
                "{serviceTime: [1s]}",
                "{serviceTime: {constant: {}}}",
                "{concurrency: []}",
                "{concurrency: 1.5}",
                "{concurrency: -1}",
                "{errorRatio: 2}",
                "{errorRatio: -5%}",
                "{errorRatio: []}",
                "{errorRatio: much}",
                "{holdsSlotWhileCalling: yes}",
                "{holdsSlotWhileCalling: []}",
                "{serviceTime: {exponential: {mean: [1s]}}}",
                "{serviceTime: {gamma: {shape: big, mean: 1s}}}",
                "{serviceTime: {gamma: {shape: \"2\", mean: 1s}}}",
                "{serviceTime: 1e30h}",
                "{serviceTime: -1s}",
                "{serviceTime: s}",
                "{serviceTime: 5x}",
                "{serviceTime: \"\"}",
                "5",
                "{steps: 5}",
            ]),
        ),
        Case::of(
            "rates",
            arrivals(&[
                "{poisson: {rate: 5/y}}",
                "{poisson: {rate: x/s}}",
                "{poisson: {rate: x}}",
                "{poisson: {rate: 2/ns}}",
                "{poisson: {rate: []}}",
                "{poisson: {rate: -1/s}}",
                "{poisson: {rate: 0/s}}",
                "{poisson: {}}",
                "{poisson: {rate: 1/s, ratePerClient: 1/s}}",
            ]),
        ),
    ]
}

fn processes_cases() -> Vec<Case> {
    vec![
        Case::of(
            "arrivals",
            arrivals(&[
                "{}",
                "{poisson: {rate: 1/s}, constant: {rate: 1/s}}",
                "{profile: []}",
                "{profile: [{at: 2s, rate: 1/s}, {at: 1s, rate: 1/s}]}",
                "{profile: [{at: 0s, rate: 0/s}]}",
                "{profile: 5}",
                "{profile: [{at: 1s, rate: 1/s, ratePerClient: 1/s}]}",
                "{day: {mean: 3/s, amplitude: 4/s, period: 1d}}",
                "{day: {mean: 3/s, amplitude: 2, period: 1d}}",
                "{day: {mean: 3/s, amplitude: 0.5, period: 0s}}",
                "{mmpp: {rates: [1/s], dwell: []}}",
                "{mmpp: {rates: [0/s, 0/s], dwell: [1s, 1s]}}",
                "{mmpp: {rates: [1/s, 2/s], dwell: [0s, 1s]}}",
                "{renewal: {interval: 0s}}",
                "{batches: {interval: 0s, size: 2}}",
                "{batches: {rate: 1/s, size: {}}}",
                "{batches: {rate: 1/s, size: {uniform: {min: 3, max: 2}}}}",
                "{batches: {rate: 1/s, size: {geometric: {mean: 0.5}}}}",
                "{batches: {rate: 1/s, size: {constant: 1, geometric: {mean: 2}}}}",
                "{batches: {size: 2}}",
                "{closed: {users: 0}}",
                "{closed: {users: 5, think: []}}",
                "{trace: {}}",
                "{trace: {file: a.csv, data: x}}",
                "{trace: {file: gone.csv}}",
                "{day: {mean: 1/s}}",
            ]),
        ),
        Case::of(
            "a rate of too many clients",
            flows(&["to: \"http://web/\""]).replace(
                "arrivals: {poisson: {rate: 3/s}}",
                "clients: {count: 100}, arrivals: {poisson: {ratePerClient: 0.1/ns}}",
            ),
        ),
        Case::of(
            "traces",
            arrivals(&[
                "{trace: {data: \"\"}}",
                "{trace: {data: \"arrival_s\"}}",
                "{trace: {data: \"arrival_s\\n2\\n1\"}}",
                "{trace: {data: \"time\\n1\"}}",
                "{trace: {data: \"arrival_s\\nx\"}}",
                "{trace: {data: \"arrival_s,client\\n1,-1\"}}",
                "{trace: {data: \"arrival_s\\n1\", service: work_s}}",
                "{trace: {data: \"arrival_s\\n1,2\"}}",
                "{trace: {data: \"arrival_s\\n1e12\"}}",
                "{trace: {data: \"arrival_s,client\\n1,4000000000\"}}",
            ]),
        ),
        Case::of(
            "a trace with more clients than there are",
            flows(&["to: \"http://web/\""]).replace(
                "arrivals: {poisson: {rate: 3/s}}",
                "clients: {count: 2}, arrivals: {trace: {data: \"arrival_s,client\\n1,4\"}}",
            ),
        ),
    ]
}

fn traces_cases() -> Vec<Case> {
    vec![
        Case::of(
            "laws",
            laws(&[
                "{}",
                "{uniform: {min: 2s, max: 1s}}",
                "{exponential: {mean: 0s}}",
                "{erlang: {k: 0, mean: 1s}}",
                "{gamma: {shape: 0, mean: 1s}}",
                "{gamma: {shape: 1}}",
                "{lognormal: {mean: 0s, cv: 1}}",
                "{lognormal: {mean: 1s, cv: -1}}",
                "{lognormal: {median: 2s, p99: 1s}}",
                "{lognormal: {}}",
                "{normal: {mean: -1s, sd: 0s}}",
                "{weibull: {shape: 0, scale: 1s}}",
                "{pareto: {alpha: 1, min: 2s, max: 1s}}",
                "{pareto: {alpha: 0, min: 2s}}",
                "{bimodal: {p: 10%, low: 2s, high: 1s}}",
                "{bimodal: {p: 110%, low: 1s, high: 2s}}",
                "{mixture: []}",
                "{mixture: 5}",
                "{mixture: [{weight: 0, constant: 1s}]}",
                "{mixture: [{weight: -1, constant: 1s}]}",
                "{mixture: [{weight: 1}]}",
                "{hyperexponential: {p: [1], rates: []}}",
                "{hyperexponential: {p: [0.4, 0.5], rates: [1/s, 2/s]}}",
                "{hyperexponential: {p: [1.5], rates: [1]}}",
                "{hyperexponential: {p: [1], rates: [0/s]}}",
            ]),
        ),
        Case::of(
            "measured laws",
            laws(&[
                "{empirical: {}}",
                "{empirical: {file: a.csv, data: b}}",
                "{empirical: {file: gone.csv}}",
                "{empirical: {file: times.csv, column: time_x}}",
                "{empirical: {file: times.csv, column: zzz}}",
                "{empirical: {file: times.csv, column: other}}",
                "{empirical: {data: \"time_ms\"}}",
                "{empirical: {data: \"a,b\\n1\"}}",
                "{empirical: {data: \"time_s\\n1e11\"}}",
                "{histogram: {le: [1, 2], count: [1]}}",
                "{histogram: {le: [2, 1], count: [1, 2]}}",
                "{histogram: {le: [1, 2], count: [2, 1]}}",
                "{histogram: {le: [-1, 2], count: [1, 2]}}",
                "{histogram: {le: [+Inf], count: [1]}}",
                "{histogram: {le: [1, 2], count: [0, 0]}}",
                "{histogram: {le: [x], count: [0]}}",
                "{histogram: {le: [1], count: [x]}}",
                "{histogram: {le: [1], count: [-1]}}",
            ]),
        )
        .beside("times.csv", "time_s,other\n1,x\n"),
    ]
}

#[test]
fn values_laws_and_arrivals_are_answered_whole() {
    let cases = [values_and_rates_cases(), processes_cases(), traces_cases()].into_iter().flatten();
    same_blocks(&answers(cases), include_str!("texts_values.txt"));
}

fn sending_cases() -> Vec<Case> {
    vec![
        Case::of(
            "ways to send",
            flows(&[
                "to: \"http://web/\", connections: {mode: pool, keepAlive: false}",
                "to: \"http://web/\", connections: {protocol: grpc, maxPerClient: 2}",
                "to: \"http://web/\", connections: {order: random}",
                "to: \"http://web/\", connections: 5",
                "to: \"http://web/\", connections: {maxPerClient: 0}",
                "to: \"http://web/\", timeout: 0s",
                "to: \"http://web/\", timeout: []",
                "to: \"http://web/\", retries: {backoff: {base: 2s, max: 1s}}",
                "to: \"http://web/\", retries: {on: [deadline_exceeded]}",
                "to: \"http://web/\", retries: {on: [zzzzzzzz]}",
                "to: \"http://web/\", retries: {on: timeout}",
                "to: \"http://web/\", retries: {attempts: many}",
                "to: \"http://web/\", retries: {budget: -1}",
                "to: \"http://web/\", cancellation: [x]",
                "to: \"http://web/\", demand: zzzz",
                "to: \"http://web/\", through: zzzz",
                "to: [web]",
            ]),
        ),
        Case::of(
            "places and clients",
            flows(&[
                "to: \"http://web/\", from: {node: zzzz}",
                "to: \"http://web/\", from: {generator: {zone: zzzz}}",
                "to: \"http://web/\", from: {}",
                "to: \"http://web/\", from: []",
                "to: \"http://web/\", from: web",
                "to: \"http://web/\", from: deployment/none",
                "to: \"http://web/\", clients: {count: 0}",
                "to: \"http://web/\", clients: {popularity: {zipf: {exponent: -1}}}",
                "to: \"http://web/\", clients: {popularity: fair}",
            ])
            .replace(WEB, &format!("{WEB}    - {{target: deployment/none, inline: {{replicas: 0}}}}\n")),
        ),
        Case::of(
            "names of a traffic",
            flows(&["to: \"http://web/\""]).replace("name: t0", "name: \"\"")
                + "    - {name: \"a b\"}\n"
                + &format!("    - {{name: {}}}\n", "n".repeat(254)),
        ),
        Case::of(
            "URLs",
            flows(&[
                "to: wss://web/",
                "to: dns://10.0.0.9/web",
                "to: ftp://web/",
                "to: \"http://web:0/\"",
                "to: \"http://web:81/\"",
                "to: \"http://w!b/\"",
                "to: http://10.1.2.3/",
                "to: http://web.default.svc.local/",
                "to: http://zzzzzz/",
            ]),
        ),
    ]
}

fn clients_and_policies_cases() -> Vec<Case> {
    vec![
        Case::of(
            "policies",
            balancers(&[
                "policy: p2c",
                "policy: pick-first",
                "policy: ewma",
                "policy: least-connections",
                "policy: weighted-round-robin",
                "policy: edf-least-request, activeRequestBias: 200",
                "policy: least-request, replacement: false, choices: all",
                "policy: rendezvous, weights: []",
                "policy: maglev, firstAddress: 10.0.0",
                "policy: ring-hash, firstAddress: 10.0.0.1",
                "policy: ring-hash, minRingSize: 20, maxRingSize: 10",
                "policy: haproxy-source, weights: [1, 1, 1, 65535]",
                "policy: ring-hash, balanceFactor: x",
                "policy: haproxy-source, firstClient: x",
                "policy: least-request, replacement: true, choices: all",
                "policy: [x]",
            ]),
        ),
        Case::of(
            "containers",
            containers(&[
                "{serviceTime: 1s, steps: [{work: 1s}]}",
                "{queue: {discipline: processor-sharing}, concurrency: unlimited}",
                "{queue: {discipline: processor-sharing, timeout: 1s}}",
                "{steps: []}",
                "{steps: [{parallel: []}]}",
                "{steps: [{call: [x]}]}",
                "{steps: [{parallel: [{call: \"http://web/\", name: \"a]\"}]}]}",
                "{queue: 5}",
                "{queue: {limit: -1}}",
                "{queue: {discipline: lilo}}",
            ]),
        ),
        Case::of(
            "more steps than possible",
            containers(&[&format!("{{steps: [{}]}}", vec!["{work: 1s}"; 10_001].join(", "))]),
        ),
    ]
}

fn serving_cases() -> Vec<Case> {
    vec![
        Case::of(
            "workloads",
            spec(
                &lines(
                    "    - ",
                    &[
                        "{target: web}",
                        "{target: statefulset/web}",
                        "{target: zzz/web}",
                        "{target: deploymnt/web}",
                        "{target: deployment/}",
                        "{target: pod/web, inline: {}}",
                        "{target: deployment/web, inline: {}}",
                        "{target: deployment/web, inline: {}}",
                        "{target: deployment/a, inline: {}, containers: []}",
                        "{target: deployment/b, inline: {}, containers: {zzzzz: {}}}",
                        "{target: deployment/c, inline: {}, pods: [{index: 1, speed: 2}]}",
                        "{target: deployment/d, inline: {replicas: 2}, pods: [{index: 1, speed: 2}, {index: 1, speed: 0}]}",
                        "{target: deployment/zzzzz}",
                    ],
                    "",
                ),
                TRAFFIC,
                "",
            ),
        ),
        Case::of("no node", more(&["cluster: {nodes: []}"])),
        Case::of(
            "nodes",
            more(&[
                "cluster:",
                "  network: fast",
                "  kubeProxy: {mode: zzzz}",
                "  nodes:",
                "    - {name: a, cpu: lots}",
                "    - {name: a}",
                "    - {name: b, speed: 0}",
                "    - {name: c, cpu: []}",
                "    - {name: d, count: 100000}",
                "    - {name: e, count: 2}",
            ]),
        ),
        Case::of(
            "proxies",
            more(&[
                "proxies:",
                "  - {name: a, endpoints: web}",
                "  - {name: a, endpoints: service/web}",
                "  - {name: b, endpoints: service/zzzzz}",
                "  - {name: c, endpoints: \"service/web:81\"}",
                "  - {name: d, endpoints: service/web, instances: 1000, workers: 1000}",
                "  - {name: e, endpoints: service/web, layer: 5}",
                "  - {name: f, endpoints: service/web, from: {pick: zzzz}}",
                "  - {name: g, endpoints: service/web, place: {zone: zzzz}}",
            ]),
        ),
    ]
}

fn cluster_and_proxies_cases() -> Vec<Case> {
    vec![
        Case::of(
            "a proxy of another Service",
            spec(
                &format!("{WEB}    - {{target: deployment/b, inline: {{}}}}\n"),
                &TRAFFIC.replace("name: t,", "name: t, through: p,"),
                "  proxies: [{name: p, endpoints: service/b}]\n",
            ),
        ),
        Case::of("a window by requests and by time", more(&["run: {requests: 100, duration: 1m, warmup: 10s}"])),
        Case::of("a run", more(&["run: {warmup: 2, interval: 1ns, replications: {min: 10, max: 5}}"])),
        Case::of("a warm-up that is no time", more(&["run: {warmup: soon, requests: -1}"])),
        Case::of("no traffic", spec(WEB, "  traffic: []\n", "")),
        Case::of("two scenarios", format!("{}---\n{}", with(TRAFFIC), with(TRAFFIC))),
        Case::of("metadata", with(TRAFFIC).replace("{name: t}\nspec", "{name: .t, annotations: 5}\nspec")),
        Case::of(
            "metrics",
            more(&[
                "objectives:",
                "  - \"t.errors[queue_full.ratio < 1%\"",
                "  - \"deployment/web[0.busy.mean < 1\"",
                "  - \"deployment/web.errors[queue_full].ratio < 1%\"",
                "  - \"t.latency[0s < 1s\"",
                "  - \"t.backOff[1 < 1s\"",
                "  - \"t.backOff[1x].mean < 1s\"",
                "  - \"t.errorRatio.over(x) < 1%\"",
                "  - \"t.latency.over(x) < 1%\"",
                "  - \"t.attempts.atLeast(x) < 1%\"",
                "  - \"t.latency.p1000 < 1s\"",
                "  - \"t < 1s\"",
                "  - \"t.latency.p99 < 20%\"",
                "  - \"t.errors.ratio < 1%\"",
                "  - \"t.latency.mean.acrossReplications(x) < 1s\"",
            ]),
        ),
    ]
}

#[test]
fn flows_containers_and_the_cluster_are_answered_whole() {
    let cases = [sending_cases(), clients_and_policies_cases(), serving_cases(), cluster_and_proxies_cases()]
        .into_iter()
        .flatten();
    same_blocks(&answers(cases), include_str!("texts_parts.txt"));
}

#[test]
fn nodes_of_manifests_give_way_to_those_of_the_scenario() {
    let text = more(&["manifests: [all.yaml]", "cluster: {nodes: [{name: a}]}"]);
    let loaded =
        loaded(&text, &[("all.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: b}\n")], &Overrides::default());
    let ignored = loaded.report.ignored.iter().map(|item| (item.what.as_str(), item.why.as_str())).collect::<Vec<_>>();
    assert_eq!(ignored, [("Node/b", "the scenario lists its own nodes under cluster.nodes")]);
}

#[test]
fn broken_yaml_is_answered_whole() {
    let broken = |title, text: &str| Case::of(title, with(TRAFFIC).replace("{name: t}\nspec", text));
    let deep = format!("{{name: t, annotations: {}{}}}\nspec", "[".repeat(300), "]".repeat(300));
    let many = (1..8).map(|n| format!("  a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 12].join(", ")));
    let many = format!("\n  name: t\n  a0: &a0 [1, 2, 3]\n{}spec", many.collect::<String>());
    let cases = vec![
        broken("an alias inside itself", "{name: t, annotations: &a [*a]}\nspec"),
        broken("an alias of nothing", "{name: t, annotations: *a}\nspec"),
        broken("aliases without end", &many),
        broken("a tag", "{name: !secret t}\nspec"),
        broken("a tab", "\n\tname: t\nspec"),
        broken("a tab in a list", "\n  name: t\n  annotations:\n  - a\n\t- b\nspec"),
        broken("a colon in a text", "\n  name: t: u\nspec"),
        broken("an open quote", "{name: \"t}\nspec"),
        broken("a template", "\n  name: {{ .Values.name }}\nspec"),
        broken("a missing key", "\n  name: t\n  : u\nspec"),
        broken("a key that is a list", "\n  name: t\n  ? [a]\n  : u\nspec"),
        broken("a merge of a text", "\n  name: t\n  <<: 5\nspec"),
        broken("too deep", &deep),
        vary("two values to vary in one", &[("run.seed", "1\n---\n2")]),
    ];
    same_blocks(&answers(cases), include_str!("texts_yaml.txt"));
}

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec: {template: {metadata: {labels: {app: web}}, spec: {nodeName: nide-1, containers: [{name: app}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: b}
spec: {template: {metadata: {labels: {app: web}}, spec: {nodeSelector: {disk: ssd}, containers: [{name: app, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec: {selector: {app: web}, ports: [{name: x, port: 80}, {name: admin, port: 81}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: b}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: far, namespace: b}
spec: {type: ExternalName, externalName: db.example}
---
apiVersion: v1
kind: Service
metadata: {name: bare, namespace: b}
spec: {clusterIP: None, selector: {app: web}}
";

/// A scenario over the manifests above.
fn over(variants: &[&str]) -> Case {
    let text = spec(
        "    - {target: b/deployment/web}\n",
        "  traffic: [{name: t, to: \"http://web.b:80/\", arrivals: {poisson: {rate: 3/s}}}]\n",
        &format!("  manifests: [all.yaml]\n  variants:\n{}", lines("    - {name: v@, ", variants, "}")),
    );
    let text = text.replace("http://web.b:80/", "http://web.b/");
    let manifest = MANIFEST
        .replace("{nodeName: nide-1, ", "{")
        .replace("{nodeSelector: {disk: ssd}, ", "{")
        .replace("containerPort: 8080", "containerPort: 80");
    Case::of("", text).beside("all.yaml", &manifest)
}

/// A path that the command line sets.
fn set(title: &'static str, path: &str, value: &str) -> Case {
    let mut case = over(&["set: {}"]);
    case.overrides.set.push((path.to_owned(), value.to_owned()));
    case.title = title;
    case
}

fn vary(title: &'static str, vary: &[(&str, &str)]) -> Case {
    let mut case = Case::of(title, with(TRAFFIC));
    case.overrides.vary = vary.iter().map(|(path, values)| ((*path).to_owned(), (*values).to_owned())).collect();
    case
}

/// A case by another name.
fn whole(mut case: Case, title: &'static str) -> Case {
    case.title = title;
    case
}

/// More values than a grid of two paths may have.
fn many() -> String {
    (1..=101).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
}

/// A workload of a manifest on one node.
fn rooms(title: &'static str, node: &str, replicas: &str, pod: &str) -> Case {
    let manifest = format!(
        "apiVersion: v1\nkind: Node\nmetadata: {{name: node-1}}\n{node}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{{replicas}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{{pod}containers: [{{name: app}}]}}}}}}\n"
    );
    let inline = "    - {target: deployment/y, inline: {}}\n    - {target: deployment/x, inline: {replicas: 0}}\n";
    let inline = if title.starts_with("a Service twice") { inline } else { "    - {target: deployment/web}\n" };
    Case::of(title, spec(inline, &TRAFFIC.replace("//web/", "//x/"), "  manifests: [all.yaml]\n"))
        .beside("all.yaml", &manifest)
}

fn paths_cases() -> Vec<Case> {
    vec![
        Case::of(
            "objects of manifests",
            spec(
                "    - {target: deployment/web}\n",
                "  traffic:\n    - {name: t, to: http://web.b/, arrivals: {poisson: {rate: 3/s}}}\n    - {name: u, to: http://far.b/, arrivals: {poisson: {rate: 3/s}}}\n    - {name: v, to: http://bare.b/, arrivals: {poisson: {rate: 3/s}}}\n    - {name: w, to: http://web.a/, arrivals: {poisson: {rate: 3/s}}}\n    - {name: x, to: http://web/, arrivals: {poisson: {rate: 3/s}}}\n",
                "  manifests: [all.yaml]\n  proxies:\n    - {name: a, endpoints: service/web}\n    - {name: b, endpoints: service/a/web}\n    - {name: c, endpoints: \"service/a/web:z\"}\n    - {name: d, endpoints: service/b/far}\n",
            ),
        )
        .beside("all.yaml", MANIFEST),
        whole(over(&["set: 5", "set: {\"\": 1}", "set: {\"[a]\": 1}", "set: {\"run[\": 1}", "set: {\"run]a\": 1}", "set: {\"run..seed\": 1}", "set: {\"run.\\\"a\": 1}", "set: {\"traffic[t]x\": 1}", "set: {expect: []}", "set: {manifests: []}"]), "paths that cannot be read"),
        whole(over(&["set: {spec.run.seed: 1}", "set: {run.sed: 1}", "set: {run.zzzzz: 1}", "set: {run.seed.x: 1}", "set: {\"run.seed[0]\": 1}", "set: {\"proxies[a].layer\": 4}", "set: {\"traffic[5].timeout\": 1s}", "set: {cluster.mesh: 1}", "set: {\"traffic[t].to.x\": 1}"]), "paths that lead nowhere"),
        whole(over(&["set: {\"manifests[web].spec\": 1}", "set: {\"manifests[deployment/web]\": 1}", "set: {\"manifests[deployment/zzzzz].spec.replicas\": 1}", "set: {\"manifests[b/deployment/web]\": 1}", "set: {\"manifests[b/deployment/web].spec.replics\": 1}", "set: {\"manifests[b/deployment/web].spec.zzzzzzzzz\": 1}", "set: {\"manifests[b/deployment/web].spec.template.spec.containers[zzzz].image\": 1}", "set: {\"manifests[b/deployment/weeb].spec.replicas\": 1}"]), "paths into manifests"),
        Case::of("a manifest where there is none", with(&format!("{TRAFFIC}  variants: [{{name: a, set: {{\"manifests[deployment/web].spec.replicas\": 1}}}}]\n"))),
        set("a manifest that is far from all", "manifests[job/zzzzzzzzzzzzzzzzzzzz].spec", "1"),
        rooms("no node to stand on", "spec: {unschedulable: true}", "replicas: 1", ""),
        rooms("a node that is nowhere near", "spec: {}", "replicas: 1", "nodeName: zzzzzzzz, "),
        rooms("more pods than fit on the node", "status: {allocatable: {pods: 2}}", "replicas: 3", "nodeName: node-1, "),
        rooms("more pods than find room", "status: {allocatable: {pods: 2}}", "replicas: 2", "nodeSelector: {kubernetes.io/hostname: node-1}, ")
            .joined("---\napiVersion: v1\nkind: Pod\nmetadata: {name: other}\nspec: {nodeName: node-1, containers: [{name: app}]}\n"),
        rooms("a Service twice and a port that no container says", "spec: {}", "replicas: 1", "").joined(
            "---\napiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: y}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
        ),
        Case::of("more pods than possible in all", spec(&lines("    - {target: deployment/w@, inline: ", &["{replicas: 60000}"; 5], "}"), TRAFFIC, "")),
        whole(over(&["patch: {kind: Deployment}"]), "a patch without a name"),
        whole(over(&["patch: {kind: Deployment, metadata: {name: web, namespace: b}, spec: {$patch: drop}}"]), "a patch with an unknown directive"),
        whole(over(&["patch: {kind: Deployment, metadata: {name: web, namespace: b}, spec: {$retainKeys: [x]}}"]), "a patch with a directive that is not built"),
        whole(over(&["patch: {kind: Deployment, metadata: {name: web, namespace: b}, spec: {template: {spec: {containers: [{image: x}]}}}}"]), "a patch of an item without a name"),
        whole(over(&["patch: {kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}"]), "a patch that fits two"),
        whole(over(&["patch: none.yaml", "patch: empty.yaml"]), "patches that are no files").beside("empty.yaml", ""),
        whole(over(&["set: {}", "set: {}"]), "two variants of one name").replaced("name: v1", "name: v0").replaced("- {name: v0, set: {}}\n  w", "- {name: v0}\n    - {name: \"a,b\"}\n  w"),
        set("a value that is no YAML", "run.seed", "[1"),
        set("a value where a key is asked", "run.seed.a", "1"),
        set("a path that cannot be read", "run..seed", "1"),
        vary("a value that is missing", &[("run.seed", "1,,2")]),
        vary("varied twice", &[("run.seed", "1,2"), ("run.seed", "3,4")]),
        vary("a path to vary that cannot be read", &[("run..seed", "3,4")]),
        vary("a value to vary that is no YAML", &[("run.seed", "[1")]),
        vary("a grid that is too large", &[("run.seed", &many()), ("run.interval", &many().replace(',', "s,"))]),
    ]
}

#[test]
fn names_paths_patches_and_grids_are_answered_whole() {
    let cases = [paths_cases()].into_iter().flatten();
    same_blocks(&answers(cases), include_str!("texts_paths.txt"));
}
