//! Typical mistakes and the whole answer to each.

use super::super::{Overrides, load};
use super::{Memory, TRAFFIC, same_blocks, with};
use crate::balance::{POLICIES, PolicyListed};

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db, tier: back}}
    spec: {containers: [{name: pg, image: pg, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: dbb}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: sql}
spec: {selector: {app: db}, ports: [{name: a, port: 80, targetPort: 80}, {name: b, port: 81, targetPort: sql}]}
---
apiVersion: v1
kind: Service
metadata: {name: fine}
spec: {selector: {app: db}, ports: [{name: sql, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80, targetPort: sql}]}
";

fn traffic(to: &str, more: &str) -> String {
    with(&format!("  traffic: [{{name: t, to: \"{to}\", arrivals: {{poisson: {{rate: 3/s}}}}{more}}}]\n"))
}

/// A traffic for each of these balancers.
fn balancers(balancers: &[&str]) -> String {
    let traffic = ('a'..).zip(balancers).map(|(name, balancer)| {
        format!(
            "    - {{name: {name}, to: \"http://web/\", arrivals: {{poisson: {{rate: 3/s}}}}, balancer: {balancer}}}\n"
        )
    });
    with(&format!("  traffic:\n{}", traffic.collect::<String>()))
}

fn beside(to: &str) -> String {
    format!("{}---\n{MANIFEST}", traffic(to, ""))
}

/// One expectation of a measurement for each thing that may be wrong with it.
fn measured() -> String {
    const WRONG: [&str; 15] = [
        "metric: t.latency.mean",
        "metric: t.latency.mean, value: 1s, measured: [1s], by: spread",
        "metric: t.latency.mean, measured: [1s]",
        "metric: t.latency.mean, measured: 1s, by: spread",
        "metric: t.latency.mean, measured: [1x, 2s], by: tolerance",
        "metric: t.latency.mean, measured: [1s], by: error",
        "metric: t.latency.mean, measured: [1s], by: spread, tolerance: 1%",
        "metric: t.latency.p99.acrossReplications(sd), measured: [1s], by: spread",
        "metric: t.latency.values, measured: [1s], by: tolerance",
        "metric: service/web.picks.sequence, measured: [web-0]",
        "metric: service/web.picks.sequence, value: [web-0], by: spread",
        "metric: service/web.picks.sequence, measured: {file: picks.csv}",
        "metric: service/web.picks.sequence, measured: {data: \"repeat1,repeat2\", column: repeat3}",
        "metric: service/web.picks.sequence, measured: {data: \"repeat1\"}",
        "metric: service/web.picks.sequence, measured: {data: \"a\\nweb-0\"}, tolerance: 1%",
    ];
    with(&format!("{TRAFFIC}  expect:\n{}", WRONG.map(|text| format!("    - {{{text}}}\n")).concat()))
}

const WRONG_TIMELINE: &str = "  timeline:
    - {at: 1s}
    - {scale: deployment/web, replicas: 2}
    - {at: 1s, scale: deployment/web}
    - {at: 1s, scale: deployment/wep, replicas: 2}
    - {at: 1s, scale: pod/one, replicas: 2}
    - {at: 1s, scale: [1], replicas: 2}
    - {at: 1s, deletePod: deployment/web}
    - {at: 1s, ready: \"deployment/web[x]\"}
    - {at: 1s, ready: \"deployment/web[0]\", notReady: \"deployment/web[1]\"}
    - {at: 1s, ready: \"deployment/web[0]\", replicas: 2}
    - {at: 1s, drain: n-1}
    - {at: 1s, scale: deployment/web, replicas: 6}
    - {at: 2s, deletePod: \"deployment/web[5]\"}
    - {at: 3s, deletePod: \"deployment/web[6]\"}
    - {at: 3s, deletePod: \"deployment/web[8]\"}
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec: {containers: [{name: app}]}
";

/// Titles and files: each title stands above its answer in `mistakes.txt`.
fn mistakes() -> Vec<(&'static str, String)> {
    let workload = |text: &str| {
        format!(
            "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n  workloads:\n{text}{TRAFFIC}"
        )
    };
    let container = |text: &str| {
        workload(&format!("    - target: deployment/web\n      inline: {{replicas: 2}}\n      containers: {text}\n"))
    };
    vec![
        ("an empty file", String::new()),
        ("no scenario", "kind: Deployment\nmetadata: {name: x}\n".to_owned()),
        ("broken YAML", "apiVersion: windtunnel/v1\nkind: [Scenario\n".to_owned()),
        ("required keys", "apiVersion: windtunnel/v2\nkind: Scenario\nmetadata: {}\n".to_owned()),
        ("a bad name hides nothing", with(&TRAFFIC.replace("3/s", "3")).replace("{name: t}\nspec", "{name: a b}\nspec")),
        ("a misspelt key", with(TRAFFIC).replace("inline", "inlne")),
        ("a key that is nowhere near", traffic("http://web/", ", colour: red")),
        ("not built yet", with(&format!("{TRAFFIC}  cluster: {{mesh: {{}}, kubeProxy: {{mode: ipvs}}}}\n"))),
        ("a mode of kube-proxy that is misspelt", with(&format!("{TRAFFIC}  cluster: {{kubeProxy: {{mode: iptable}}}}\n"))),
        ("a scheduler without IPVS", with(&format!("{TRAFFIC}  cluster: {{kubeProxy: {{scheduler: lc}}}}\n"))),
        ("a scheduler that is none", with(&format!("{TRAFFIC}  cluster: {{kubeProxy: {{mode: ipvs, scheduler: wlcx}}}}\n"))),
        ("a rate without a unit", with(&TRAFFIC.replace("3/s", "3"))),
        ("a rate of zero", with(&TRAFFIC.replace("3/s", "0/s"))),
        ("a negative rate", with(&TRAFFIC.replace("3/s", "-3/s"))),
        ("not a number", with(&TRAFFIC.replace("3/s", "nan/s"))),
        ("a duration without a unit", container("{app: {serviceTime: 5}}")),
        ("two laws at once", container("{app: {serviceTime: {exponential: {mean: 1s}, constant: 2s}}}")),
        ("half a lognormal", container("{app: {serviceTime: {lognormal: {mean: 1s, p99: 2s}}}}")),
        ("a bad parameter", container("{app: {serviceTime: {hyperexponential: {p: [0.5, 0.6], rates: [1/s, 2/s]}}}}")),
        ("an unknown host", traffic("http://wbe/", "")),
        ("an unknown namespace", traffic("http://web.shop/", "")),
        ("no URL", traffic("web", "")),
        ("a missing port", beside("http://fine/")),
        ("a selector that matches nothing", beside("http://db/")),
        ("a target port that no container has", beside("http://sql:80/")),
        ("a headless Service without a balancer", beside("http://peers:5432/")),
        ("a headless Service at a port that only the Service has", beside("http://peers:80/")),
        ("an unknown workload", workload("    - {target: deployment/wep}\n    - {target: deployment/web, inline: {}}\n")),
        ("an unknown container", container("{ap: {concurrency: 1}, app: {concurrency: 0}}")),
        ("two entries, two traffics", workload("    - {target: deployment/web, inline: {}}\n    - {target: default/deployment/web}\n").replace("traffic: [", "traffic: [{name: t, to: \"http://web/\", arrivals: {poisson: {rate: 1/s}}}, ")),
        ("a cycle", container("{app: {steps: [{work: 1ms}, {call: \"http://web/\"}]}}")),
        ("steps that are unclear", container("{app: {steps: [{work: 1ms, call: \"http://web/\"}, {work: 1ms, timeout: 1s}, {}]}}")),
        ("an unknown proxy", traffic("http://web/", ", through: edge")),
        ("a balancer where a proxy balances", format!("{}  proxies: [{{name: edge, endpoints: service/web, place: {{zone: z9}}}}]\n", traffic("http://web/", ", through: edge, balancer: {policy: random}"))),
        ("unknown policies", traffic("http://web/", ", balancer: {policy: randm}, retries: {on: [5x, refused]}").replace("refused]}}]\n", "refused]}}, {name: u, to: \"http://web/\", balancer: {policy: p2c}, arrivals: {poisson: {rate: 1/s}}}]\n")),
        ("weights that do not fit", {
            let more = |name: &str, balancer: &str| format!("    - {{name: {name}, to: \"http://web/\", arrivals: {{poisson: {{rate: 3/s}}}}, balancer: {balancer}}}\n");
            with(&["  traffic:\n".to_owned(), more("a", "{policy: weighted-random, weights: [1, 2]}"), more("b", "{policy: random, weights: [1, 2, 3, 4], start: 1}"), more("c", "{policy: static-stride, weights: [0, 0, 0, 0], start: -1}"), more("d", "{policy: weighted-random, weights: [1, 65536, x, 1]}"), more("e", "{policy: edf-weighted-round-robin, weights: []}")].concat())
        }),
        ("hashing that cannot be", {
            let more = |name: &str, balancer: &str| format!("    - {{name: {name}, to: \"http://web/\", arrivals: {{poisson: {{rate: 3/s}}}}, balancer: {balancer}}}\n");
            with(&["  traffic:\n".to_owned(), more("a", "{policy: maglev, tableSize: 1024, overflow: random}"), more("b", "{policy: ring-hash, firstAddress: pod, overflow: clockwise, maxRingSize: 100}"), more("c", "{policy: maglev, balanceFactor: 50}"), more("d", "{policy: sticky, timeout: 0s}"), more("e", "{policy: peak-ewma, decay: 0s, limit: 0}"), more("f", "{policy: first, limit: 0}")].concat())
        }),
        ("reports that nobody looks at", balancers(&["{policy: first, staleness: 1s}", "{policy: ring-hash, staleness: 1s}", "{policy: maglev, staleness: 1s}", "{policy: random-choose, choices: 1, staleness: 1s}", "{policy: haproxy-random, draws: 1, staleness: 1s}", "{policy: peak-ewma, staleness: 0s}", "{policy: first, limit: 0, staleness: 1s}"])),
        ("slow starts that cannot be", balancers(&["{policy: edf-least-request, slowStart: {windw: 3s}}", "{policy: edf-weighted-round-robin, slowStart: {window: 0s, aggression: 0, minWeightPercent: 101}}", "{policy: edf-least-request, slowStart: off}", "{policy: round-robin, slowStart: {window: 60s}}"])),
        ("picks that cannot be", balancers(&["{policy: recorded}", "{policy: recorded, picks: []}", "{policy: recorded, picks: [web-0, web]}", "{policy: recorded, picks: {data: \"a,b\\n0,1\"}}", "{policy: recorded, picks: {data: \"a,b\\n0,1\", column: c}}", "{policy: random, picks: [0]}", "{policy: recorded, picks: 7}"])),
        ("picks of pods that are not there", balancers(&["{policy: recorded, picks: [web-0, web-4]}", "{policy: recorded, picks: [db-0, 3]}", "{policy: recorded, picks: [0, 4]}"])),
        ("too many pods for the nodes", with(&format!("{TRAFFIC}  cluster: {{nodes: [{{name: a, count: 2}}]}}\n")).replace("replicas: 4", "replicas: 500")),
        ("more pods than possible", with(TRAFFIC).replace("replicas: 4", "replicas: 300000")),
        ("unknown paths in variants", with(&format!("{TRAFFIC}  variants:\n    - {{name: a, set: {{\"traffic[u].timeout\": 1s}}}}\n    - {{name: a, set: {{\"traffic[t].time\": 1s}}, patch: x.yaml}}\n"))),
        ("objectives that make no sense", with(&format!("{TRAFFIC}  objectives: [t.latency.p99 < 250, t.latncy.p99 < 1s, t.errorRatio < 5ms, fast]\n"))),
        ("objectives without an interval", with(&format!("{TRAFFIC}  objectives: [t.latency.values < 1s, t.latency.p99.acrossReplications(p95) < 1s]\n"))),
        ("a warm-up that leaves nothing", with(&format!("{TRAFFIC}  run: {{duration: 10s, warmup: 10s, replications: 0, seed: -1}}\n"))),
        ("expectations beside variants", with(&format!("{TRAFFIC}  variants: [{{name: a, expect: [{{metric: t.latency.mean, value: 1x, tolerance: -1%}}]}}]\n  expect: []\n"))),
        ("measured values that cannot be compared", measured()),
        ("a missing file", with(&format!("{TRAFFIC}  manifests: [a.yaml, \"b/*.yaml\"]\n"))),
        ("places that are not there", traffic("http://web/", ", from: {node: node-9}").replace("node-9}}]\n", "node-9}}, {name: u, from: internet, to: \"http://web/\", arrivals: {poisson: {rate: 1/s}}}]\n")),
        ("episodes that cannot be", workload("    - target: deployment/web\n      inline: {replicas: 4}\n      pods: [{index: 0}, {index: 1, episodes: [{from: 5s, to: 5s, speed: 1}, {from: 1s, to: 2s}, {from: 2s, to: 4s, serviceTime: 1s}, {from: 3s, to: 4s, speed: 2}]}]\n")),
        ("batches that come in two ways", traffic("http://web/", "").replace("poisson: {rate: 3/s}", "batches: {rate: 3/s, interval: 1s, size: 0}")),
        ("a timeline that cannot be", with(&format!("{TRAFFIC}{WRONG_TIMELINE}")).replace("[{target", "[{target: pod/one}, {target")),
        ("quoted numbers", container("{app: {concurrency: \"8\", holdsSlotWhileCalling: \"true\"}}")),
    ]
}

#[test]
fn every_mistake_is_answered_with_its_place_and_what_to_write() {
    let mut found = String::new();
    for (title, text) in mistakes() {
        let failure = load("shop.yaml", &text, &Memory::default(), &Overrides::default()).expect_err(title);
        assert!(failure.problems.iter().all(|problem| problem.span.is_some()), "{title}");
        found.push_str(&format!("## {title}\n{failure}\n"));
    }
    // Not to be written down again with every new policy.
    let listed = |keep: &dyn Fn(&PolicyListed) -> bool| {
        let listed = POLICIES.iter().filter(|policy| keep(policy)).map(|policy| policy.name);
        listed.collect::<Vec<_>>().join(", ")
    };
    found = found.replace(&listed(&|_| true), "(every policy)");
    for parameter in POLICIES.iter().flat_map(|policy| policy.parameters) {
        let owners = listed(&|policy| policy.parameters.iter().any(|own| own.key == parameter.key));
        found = found.replace(&format!("belongs to {owners};"), "belongs to (its policies);");
    }
    same_blocks(&found, include_str!("mistakes.txt"));
}

#[test]
fn mistakes_on_the_command_line_point_into_the_command_line() {
    let set = |path: &str, value: &str| {
        let overrides = Overrides { set: vec![(path.to_owned(), value.to_owned())], ..Overrides::default() };
        load("shop.yaml", &with(TRAFFIC), &Memory::default(), &overrides).expect_err(path).to_string()
    };
    assert_eq!(
        set("traffic[t].arrivals.poison.rate", "5/s"),
        "error: unknown key `poison` in `arrivals`\n --> --set:1:1\n  |\n1 | traffic[t].arrivals.poison.rate\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  |\n  = help: did you mean `poisson`?\n"
    );
    assert!(set("run.replications", "0").contains("expected a whole number from 1 to 10000000, found 0"));
    assert!(set("run.seed", "[").starts_with("error: "));
}
