//! `windtunnel explain`: tails that add up, counterfactuals that agree with theory, stories that agree with the ledger.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{output, scratch, status, stderr, stdout, write};

/// A scenario around one Deployment `web` and one traffic `t`.
struct Model {
    network: &'static str,
    replicas: u32,
    container: &'static str,
    extra: &'static str,
    rate: u32,
    flow: &'static str,
}

const MM1: Model = Model {
    network: "none",
    replicas: 1,
    container: "concurrency: 1, serviceTime: {exponential: {mean: 10ms}}, queue: {limit: unlimited}",
    extra: "",
    rate: 70,
    flow: "connections: {mode: perRequest}",
};

/// Slots for everybody: nobody waits.
const FREE: &str = "concurrency: unlimited, serviceTime: {exponential: {mean: 10ms}}";

const SLOW_NETWORK: &str = "{sameNode: {exponential: {mean: 5ms}}, sameZone: 0s, crossZone: 0s}";

impl Model {
    fn text(&self) -> String {
        let Self { network, replicas, container, extra, rate, flow } = self;
        format!(
            "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: model}}\nspec:\n  \
             run: {{requests: 20000, warmup: 10%, replications: 8, seed: 1}}\n  \
             cluster: {{network: {network}}}\n  workloads:\n    - target: deployment/web\n      \
             inline: {{replicas: {replicas}}}\n      containers: {{app: {{{container}}}}}\n{extra}  traffic:\n    \
             - {{name: t, to: \"http://web/\", arrivals: {{poisson: {{rate: {rate}/s}}}}, {flow}}}\n"
        )
    }
}

/// The document of `explain --format json` with further arguments.
fn document(directory: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["explain"];
    all.extend(arguments);
    all.extend(["--format", "json", "-q", "-j", "2"]);
    let output = output(directory, &all);
    assert_eq!(status(&output), 0, "{all:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("one JSON document")
}

/// Mean latency of M/M/1 in milliseconds.
fn sojourn(service: f64, arrival: f64) -> f64 {
    1e3 / (service - arrival)
}

/// The p99 in milliseconds of a time that is exponential with either rate in half of the cases.
fn percentile_of_halves(one: f64, other: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle: f64 = (low + high) / 2.0;
        let above = 0.5 * (-one * middle).exp() + 0.5 * (-other * middle).exp();
        if above > 0.01 { low = middle } else { high = middle }
    }
    low * 1e3
}

fn assert_covers(interval: &Value, truth: f64, what: &str) {
    let end = |name: &str| interval[name].as_f64().expect("an interval of several replications");
    assert!(end("ci95_low") <= truth && truth <= end("ci95_high"), "{what}: {truth} is not in {interval}");
}

/// What theory says of a model without one of its causes: how it is called, mean latency, p99 and change of the mean.
type Known = (&'static str, f64, Option<f64>, f64);

/// Each interval covers the truth for about 95 of 100 seeds (seen once over a hundred); these are for seed 1.
#[test]
fn counterfactuals_agree_with_theory() {
    let tail = 100_f64.ln();
    let gone = |before: f64| 10.0 - before;
    // One in ten fails and is tried again after a pause of 10 ms on average: 30 ms. One in a hundred fails twice.
    let retried = (0.9 * 10.0 + 0.09 * 30.0) / 0.99;
    let cases: [(&str, Model, &[Known]); 7] = [
        (
            "M/M/1",
            MM1,
            &[("no waiting for a slot at deployment/web", 10.0, Some(10.0 * tail), gone(sojourn(100.0, 70.0)))],
        ),
        (
            "M/M/1 with a network",
            Model { network: SLOW_NETWORK, rate: 50, ..MM1 },
            &[
                // There and back, and a round trip to connect.
                ("no waiting for a slot at deployment/web", 30.0, None, gone(sojourn(100.0, 50.0))),
                ("no network delay inside a node", 20.0, Some(20.0 * tail), -20.0),
                ("connections to web open in no time", 30.0, None, -10.0),
            ],
        ),
        (
            "two pods, one of them hot",
            Model { replicas: 2, extra: "      pods: [{index: 1, speed: 0.6}]\n", rate: 100, ..MM1 },
            &[(
                "no waiting for a slot at web-1 (1 of 2 pods of deployment/web)",
                0.5 * sojourn(100.0, 50.0) + 0.5 * 1e3 / 60.0,
                // Both parts are exponential, a queue at 50 a second and a service at 60.
                Some(percentile_of_halves(50.0, 60.0)),
                0.5 * (1e3 / 60.0 - sojourn(60.0, 50.0)),
            )],
        ),
        (
            "retries",
            Model {
                container: "concurrency: unlimited, serviceTime: {exponential: {mean: 10ms}}, errorRatio: 10%",
                flow: "connections: {protocol: http2}, retries: {attempts: 2, on: [app_error], backoff: {base: 20ms, max: 20ms}}",
                ..MM1
            },
            &[("no retries of t", 10.0, Some(10.0 * tail), gone(retried))],
        ),
        (
            "a proxy",
            Model {
                container: FREE,
                extra: "  proxies: [{name: p, layer: 7, endpoints: service/web, balancer: {policy: random}, \
                        overhead: {before: {exponential: {mean: 4ms}}, after: {exponential: {mean: 2ms}}}}]\n",
                flow: "connections: {protocol: http2}, through: p",
                ..MM1
            },
            &[("no overhead in proxy/p", 10.0, Some(10.0 * tail), -6.0)],
        ),
        (
            "a pool of one connection",
            Model { container: FREE, flow: "connections: {maxPerClient: 1}, clients: {count: 1}", ..MM1 },
            &[("no limit of the connections of t", 10.0, Some(10.0 * tail), gone(sojourn(100.0, 70.0)))],
        ),
        (
            "M/M/1 with processor sharing",
            Model {
                container: "concurrency: 1, serviceTime: {exponential: {mean: 10ms}}, queue: {discipline: processor-sharing}",
                ..MM1
            },
            &[("a core for every request at deployment/web", 10.0, Some(10.0 * tail), gone(sojourn(100.0, 70.0)))],
        ),
    ];
    let directory = scratch();
    for (name, model, known) in cases {
        write(directory.path(), "model.yaml", &model.text());
        let document = document(directory.path(), &["model.yaml", "--causes", "5"]);
        let without = document["traffic"][0]["without"].as_array().expect("a list");
        for (what, mean, p99, change) in known {
            let found = without.iter().find(|own| own["what"] == *what);
            let found = found.unwrap_or_else(|| panic!("{name}: `{what}` is not among {without:#?}"));
            assert_covers(&found["mean_ms"]["mean"], *mean, &format!("{name}, {what}: mean"));
            assert_covers(&found["mean_ms"]["change"], *change, &format!("{name}, {what}: change of the mean"));
            if let Some(p99) = p99 {
                assert_covers(&found["quantile_ms"]["mean"], *p99, &format!("{name}, {what}: p99"));
            }
        }
    }
}
