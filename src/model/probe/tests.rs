//! Every metric that the loader accepts has a value, and on small traces it is the one worked out by hand.

use crate::engine::{Model as _, Schedule};
use crate::model::plan::Plan;
use crate::model::{RequestLog, World};
use crate::observe::outcome::{MetricValue, NoSink};
use crate::scenario::metric::{Metric, MetricNames, accepted};
use crate::scenario::{Comparison, Files, Objective, Overrides, load};

/// The one file that the scenarios name.
struct TraceFile(&'static str);

impl Files for TraceFile {
    fn read(&self, path: &str) -> Result<String, String> {
        if path == "trace.csv" { Ok(self.0.to_owned()) } else { Err(format!("no file {path}")) }
    }

    fn glob(&self, _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

/// The values of metrics in one replication of a scenario.
fn values(spec: &str, trace: &'static str, metrics: &[String]) -> Vec<MetricValue> {
    let text = format!("apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: p}}\nspec:\n{spec}");
    let loaded = load("p.yaml", &text, &TraceFile(trace), &Overrides::default());
    let mut scenario = loaded.unwrap_or_else(|failure| panic!("{failure}")).variants.swap_remove(0);
    let names = MetricNames::of(&scenario);
    scenario.objectives = metrics
        .iter()
        .map(|text| Objective {
            text: text.clone(),
            metric: Metric::parse(text, &names).unwrap_or_else(|bad| panic!("{text}: {bad:?}")),
            comparison: Comparison::Less,
            threshold: 0.0,
        })
        .collect();
    let plan = Plan::new(&scenario);
    let (mut sink, mut schedule) = (NoSink, Schedule::new());
    let mut world = World::new(&plan, 0, RequestLog::None, &mut sink, &mut schedule);
    world.start(&mut schedule);
    while !world.window.over {
        let Some(event) = schedule.next() else { break };
        world.handle(event, &mut schedule);
    }
    world.finish(0, &mut schedule).metrics
}

/// Numbers and lists must be the expected ones to a nanosecond, a number being a list of one.
fn check(spec: &str, trace: &'static str, expected: &[(&str, &[f64])]) {
    let metrics: Vec<String> = expected.iter().map(|(metric, _)| (*metric).to_owned()).collect();
    for ((metric, expected), value) in expected.iter().zip(values(spec, trace, &metrics)) {
        let found = match value {
            MetricValue::Number(number) => vec![number],
            MetricValue::List(list) => list,
            MetricValue::Names(names) => panic!("{metric} is {names:?}"),
        };
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9;
        let same = found.len() == expected.len() && found.iter().zip(*expected).all(close);
        assert!(same, "{metric} is {found:?}, not {expected:?}");
    }
}

/// One slot a pod behind one round robin; the trace says when requests come and how long they take.
fn traced(run: &str, replicas: u32, container: &str, traffic: &str) -> String {
    format!(
        "  run: {{{run}, replications: 1, drain: 100s}}
  cluster: {{network: none}}
  workloads:
    - target: deployment/web
      inline: {{replicas: {replicas}, port: 80}}
      containers: {{app: {{concurrency: 1, serviceTime: 1s, {container}}}}}
  proxies:
    - {{name: p, layer: 7, instances: 1, endpoints: service/web, balancer: {{policy: round-robin}}}}
  traffic:
    - {{name: t, from: generator, to: http://web/, through: p, connections: {{protocol: http2}}, {traffic}
       arrivals: {{trace: {{file: trace.csv}}}}}}\n"
    )
}

#[test]
fn every_accepted_metric_has_a_value() {
    let spec = "  run: {duration: 400s, warmup: 50s, replications: 1, seed: 5}
  cluster: {network: none, dns: {}}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: 8}, errorRatio: 10%, steps: [
        {work: {exponential: {mean: 200ms}}}, {call: http://cart/, name: c, connections: {mode: perRequest}, retries: {attempts: 2, on: [5xx], backoff: {base: 1ms}}}]}}
    - target: deployment/cart
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: unlimited}, errorRatio: 10%, serviceTime: {exponential: {mean: 100ms}}}}
  proxies:
    - {name: p, layer: 7, instances: 1, endpoints: service/web, balancer: {policy: random}}
  traffic:
    - {name: t, from: generator, to: http://web/, through: p, clients: {count: 2}, connections: {mode: perRequest}, arrivals: {poisson: {rate: 6/s}},
       retries: {attempts: 3, on: [5xx], backoff: {base: 10ms}}}\n";
    let mut metrics = Vec::new();
    for (about, word, form) in accepted() {
        let scopes: &[&str] = match about {
            "a traffic" => &["t"],
            "a call" => &["call/c"],
            "a service" => &["service/web", "service/cart"],
            "a workload" => &["deployment/web", "deployment/cart"],
            "a pod" => &["deployment/web[0]", "deployment/cart[1]"],
            other => panic!("no example of {other}"),
        };
        let word = if word == "errors" { "errors[app_error]" } else { word };
        let form = match form {
            "pNN" => "p50",
            "over(T)" if word == "slowdown" => "over(2)",
            "over(T)" => "over(30ms)",
            "atLeast(K)" => "atLeast(2)",
            "at(T)" => "at(77s)",
            "emptyAt(T)" => "emptyAt(77s)",
            form => form,
        };
        metrics.extend(scopes.iter().map(|scope| format!("{scope}.{word}.{form}")));
    }
    for scope in ["t", "call/c"] {
        metrics.push(format!("{scope}.latency[service over 50ms].p50"));
        metrics.push(format!("{scope}.slowdown[service upTo 50ms].mean"));
    }
    assert!(metrics.len() > 250, "only {} metrics", metrics.len());
    for (metric, value) in metrics.iter().zip(values(spec, "", &metrics)) {
        let known = match &value {
            MetricValue::Number(number) => number.is_finite(),
            MetricValue::List(list) => !list.is_empty() && list.iter().all(|value| value.is_finite()),
            MetricValue::Names(names) => !names.is_empty() && names.iter().all(|name| !name.is_empty()),
        };
        assert!(known, "{metric} is {value:?}");
    }
    // These may well be nothing, but not here.
    let positive = ["t.errors[app_error].ratio", "call/c.errors[app_error].ratio", "t.attempts.atLeast(2)"];
    for value in values(spec, "", &positive.map(str::to_owned)) {
        assert!(matches!(value, MetricValue::Number(number) if number > 0.0), "{value:?}");
    }
}

/// Served 0–3, 3–4, 4–6 and 6–8; the second waits from 1, the third from 2.
const QUEUE: &str = "arrival_s,service_s\n0,3\n1,1\n2,2\n6,2\n";

#[test]
fn one_pod_by_hand() {
    let spec = traced("duration: 10s, warmup: 0s", 1, "queue: {limit: unlimited}", "");
    check(
        &spec,
        QUEUE,
        &[
            ("t.latency.values", &[3.0, 3.0, 4.0, 2.0]),
            ("t.latency.mean", &[3.0]),
            ("t.latency.variance", &[2.0 / 3.0]),
            ("t.latency.over(3s)", &[0.25]),
            ("t.queueWait.values", &[0.0, 2.0, 2.0, 0.0]),
            ("t.queueWait.positive", &[0.5]),
            ("service/web.queueWait.mean", &[1.0]),
            ("deployment/web[0].queueWait[served].max", &[2.0]),
            ("t.service.values", &[3.0, 1.0, 2.0, 2.0]),
            ("deployment/web.service.mean", &[2.0]),
            ("t.slowdown.values", &[1.0, 3.0, 2.0, 1.0]),
            ("t.slowdown.over(1.5)", &[0.5]),
            ("t.slowdown[service upTo 2s].values", &[3.0, 2.0, 1.0]),
            ("t.slowdown[service over 2s].values", &[1.0]),
            ("t.slowdown[service over 1s upTo 2s].mean", &[1.5]),
            ("t.latency[service over 1s upTo 2s].values", &[4.0, 2.0]),
            ("t.latency[service over 1s upTo 3s].over(3s)", &[1.0 / 3.0]),
            ("t.attempts.atLeast(1)", &[1.0]),
            ("t.attempts.atLeast(2)", &[0.0]),
            ("t.interarrival.values", &[1.0, 1.0, 4.0]),
            ("deployment/web[0].interarrival.max", &[4.0]),
            // 1 in [0, 1), 2 in [1, 2), 3 in [2, 3), 2 in [3, 4), 1 in [4, 8).
            ("t.inSystem.mean", &[1.2]),
            ("t.inSystem.max", &[3.0]),
            ("t.inSystem.at(2s)", &[3.0]),
            ("deployment/web.inSystem.mean", &[1.2]),
            ("deployment/web.inSystem.max", &[3.0]),
            ("deployment/web.inSystem.atLeast(2)", &[0.3]),
            ("deployment/web[0].inSystem.positive", &[0.8]),
            ("deployment/web.queue.mean", &[0.4]),
            ("deployment/web.queue.max", &[2.0]),
            ("deployment/web[0].queue.atLeast(2)", &[0.1]),
            ("deployment/web.queue.positive", &[0.3]),
            ("deployment/web[0].queue.at(2500ms)", &[2.0]),
            ("deployment/web.utilization", &[0.8]),
            ("t.throughput", &[0.4]),
            ("t.goodput", &[0.4]),
        ],
    );
}

#[test]
fn maxima_are_those_of_the_window() {
    let spec = traced("duration: 10s, warmup: 3s", 1, "queue: {limit: unlimited}", "");
    check(
        &spec,
        QUEUE,
        &[
            // At 3 s one has just left, another has just begun and the third waits.
            ("t.inSystem.max", &[2.0]),
            ("deployment/web.inSystem.max", &[2.0]),
            ("deployment/web[0].queue.max", &[1.0]),
            ("deployment/web.inSystem.atLeast(2)", &[1.0 / 7.0]),
            ("deployment/web.inSystem.mean", &[6.0 / 7.0]),
            ("t.latency.values", &[2.0]),
            ("t.interarrival.values", &[4.0]),
        ],
    );
}

/// Each pod gets every second request: one is busy 0–4 and 4–8, its second waits from 2; the other 1–5 and 5–9, from 3.
const TWO_PODS: &str = "arrival_s,service_s\n0,4\n1,4\n2,4\n3,4\n";

#[test]
fn two_pods_by_hand() {
    let spec = traced("duration: 10s, warmup: 0s", 2, "queue: {limit: unlimited}", "");
    check(
        &spec,
        TWO_PODS,
        &[
            ("deployment/web.inSystem.mean", &[2.0]),
            ("deployment/web.inSystem.perPod", &[1.0]),
            ("deployment/web.inSystem.atLeast(2)", &[0.2]),
            ("deployment/web.inSystem.atLeast(0)", &[1.0]),
            // Of 20 pod-seconds 4 with none, 12 with one, 4 with two.
            ("deployment/web.inSystem.perPod.p20", &[0.0]),
            ("deployment/web.inSystem.p21", &[1.0]),
            ("deployment/web.inSystem.p80", &[1.0]),
            ("deployment/web.inSystem.perPod.p81", &[2.0]),
            ("deployment/web[1].inSystem.p50", &[1.0]),
            ("deployment/web.queue.p80", &[0.0]),
            ("deployment/web.queue.p81", &[1.0]),
            ("deployment/web.inSystem.positive", &[0.8]),
            ("deployment/web.inSystem.max", &[4.0]),
            ("deployment/web[1].inSystem.max", &[2.0]),
            // The fuller pod has 1 in [0, 2), 2 in [2, 5), 1 in [5, 9); the emptier 1 in [1, 3) and [4, 8), 2 in [3, 4).
            ("deployment/web.inSystem.maxOverPods.mean", &[1.2]),
            ("deployment/web.inSystem.imbalance", &[0.4]),
            ("deployment/web.queue.maxOverPods.mean", &[0.3]),
            ("deployment/web.queue.imbalance", &[0.2]),
            ("deployment/web.queue.perPod", &[0.2]),
            ("deployment/web.queue.max", &[2.0]),
            ("deployment/web[0].queue.max", &[1.0]),
            ("service/web.queueWait.values", &[0.0, 0.0, 2.0, 2.0]),
            ("deployment/web[0].queueWait.values", &[0.0, 2.0]),
            ("service/web.latency.values", &[4.0, 4.0, 6.0, 6.0]),
            ("deployment/web[1].latency.values", &[4.0, 6.0]),
            ("deployment/web[0].latency.mean", &[5.0]),
            ("deployment/web[0].slowdown.max", &[1.5]),
            ("service/web.interarrival.values", &[1.0, 1.0, 1.0]),
            ("deployment/web[1].interarrival.values", &[2.0]),
            ("service/web.picks.values", &[2.0, 2.0]),
            ("deployment/web.picks.p50", &[2.0]),
            ("deployment/web[0].picks", &[2.0]),
            ("service/web.picks.cv2", &[0.0]),
            ("service/web.picks.atLeast(3)", &[0.0]),
            ("service/web.share.values", &[0.5, 0.5]),
            ("deployment/web[0].share", &[0.5]),
            ("deployment/web.share.sd", &[0.0]),
            ("service/web.connections.positive", &[1.0]),
            ("service/web.balance.jain", &[1.0]),
            ("deployment/web.balance.max_over_mean", &[1.0]),
        ],
    );
    let names = values(&spec, TWO_PODS, &["service/web.picks.sequence".into(), "deployment/web.picks.sequence".into()]);
    let MetricValue::Names(names_of_service) = &names[0] else { panic!("{names:?}") };
    let [a, b, c, d] = &names_of_service[..] else { panic!("{names:?}") };
    assert!(a == c && b == d && a != b, "{names:?}");
    assert!(names_of_service.iter().all(|name| name == "web-0" || name == "web-1"));
    assert_eq!(names[0], names[1]);
}

#[test]
fn who_is_not_served_waited_too() {
    // The second leaves after a second in the only place of the queue, the third finds that place taken.
    let spec = traced("duration: 10s, warmup: 0s", 1, "queue: {limit: 1, timeout: 1s}", "");
    check(
        &spec,
        "arrival_s,service_s\n0,3\n0.5,3\n0.6,3\n",
        &[
            ("t.queueWait.values", &[0.0, 1.0, 0.0]),
            ("deployment/web[0].queueWait.values", &[0.0, 1.0, 0.0]),
            ("t.queueWait[served].values", &[0.0]),
            ("t.errors[queue_full].ratio", &[1.0 / 3.0]),
            ("t.errors[queue_timeout].ratio", &[1.0 / 3.0]),
            ("t.errorRatio", &[2.0 / 3.0]),
            ("t.goodput", &[0.1]),
            ("t.attempts.values", &[1.0, 1.0, 1.0]),
            ("t.service.values", &[3.0]),
            ("t.inSystem.max", &[3.0]),
        ],
    );
}

#[test]
fn a_client_that_gives_up_takes_its_request_out_of_the_queue() {
    // The last comes first: at 2 s the first is cancelled and the third begins; the second is cancelled at 2.1 s.
    let spec = traced(
        "duration: 10s, warmup: 0s",
        1,
        "queue: {limit: unlimited, discipline: lifo}",
        "timeout: 2s, cancellation: propagated,",
    );
    check(
        &spec,
        "arrival_s,service_s\n0,9\n0.1,9\n0.2,9\n",
        &[
            ("t.queueWait.max", &[2.0]),
            ("t.queueWait[served].values", &[0.0, 1.8]),
            ("deployment/web.queueWait.values", &[0.0, 2.0, 1.8]),
            ("t.inSystem.max", &[3.0]),
            ("t.inSystem.at(5s)", &[0.0]),
            ("deployment/web.queue.max", &[2.0]),
            ("t.errors[deadline_exceeded].ratio", &[1.0]),
        ],
    );
}

#[test]
fn pauses_by_hand() {
    // Every answer is an error; the second request gives up in its second pause.
    let spec = traced(
        "duration: 10s, warmup: 0s",
        1,
        "queue: {limit: unlimited}, errorRatio: 100%",
        "timeout: 1500ms, retries: {attempts: 4, on: [5xx], backoff: {base: 300ms, max: 1s}, jitter: none},",
    );
    let trace = "arrival_s,service_s\n0,0.1\n5,0.4\n";
    check(
        &spec,
        trace,
        &[
            ("t.backOff.values", &[0.3, 0.6, 1.0, 0.3, 0.6]),
            ("t.backOff[0].values", &[0.3, 0.3]),
            ("t.backOff[2].mean", &[1.0]),
            ("deployment/web[0].requests", &[5.0]),
            ("deployment/web.requests.values", &[5.0]),
            // The third try of the first fails at 1.2 s: of the pause of 1 s that begins then, 0.3 s are left.
            ("t.backOff[request].values", &[1.2, 0.7]),
            ("t.attempts.values", &[3.0, 2.0]),
        ],
    );
}

/// Each pod gets every second request. One takes 2 s for work that begins in [1, 3) and is half as fast from 4 s on.
#[test]
fn a_pod_works_otherwise_for_a_time() {
    let spec = traced("duration: 20s, warmup: 0s", 2, "queue: {limit: unlimited}", "").replace(
        "inline:",
        "pods: [{index: 1, speed: 2, episodes: [{from: 1s, to: 3s, serviceTime: 2s}, {from: 4s, to: 5s, speed: 0.25}]}]
      inline:",
    );
    // It is their turn at 0.9, 1, 2.95 (waits until 3), 4 and 9 s, or the other way round.
    let trace = "arrival_s,service_s\n0.9,0.1\n0.9,0.1\n1,0.1\n1,0.1\n2.95,0.1\n2.95,0.1\n4,0.1\n4,0.1\n9,0.1\n9,0.1\n";
    check(
        &spec,
        trace,
        &[
            ("deployment/web[0].latency.values", &[0.1; 5]),
            ("deployment/web[1].latency.values", &[0.05, 2.0, 0.1, 0.2, 0.05]),
            ("deployment/web[1].service.values", &[0.05, 2.0, 0.05, 0.2, 0.05]),
        ],
    );
}

#[test]
fn clients_have_shares() {
    let spec = traced("duration: 10s, warmup: 1s", 1, "queue: {limit: unlimited}", "clients: {count: 3},");
    let trace = "arrival_s,service_s,client\n0,0.1,1\n1,0.1,0\n2,0.1,2\n3,0.1,2\n4,0.1,2\n";
    let expected: [(&str, &[f64]); 3] =
        [("t.clientShare.values", &[0.25, 0.0, 0.75]), ("t.clientShare.max", &[0.75]), ("t.clientShare.min", &[0.0])];
    check(&spec, trace, &expected);
}

#[test]
fn nobody_waits_under_processor_sharing() {
    let spec = traced("duration: 10s, warmup: 0s", 1, "queue: {limit: unlimited, discipline: processor-sharing}", "");
    check(
        &spec,
        "arrival_s,service_s\n0,3\n1,1\n2,1\n",
        &[
            ("t.latency.values", &[5.0, 2.5, 2.5]),
            ("t.service.values", &[3.0, 1.0, 1.0]),
            ("t.queueWait.max", &[0.0]),
            ("deployment/web.inSystem.mean", &[1.0]),
            ("deployment/web.inSystem.max", &[3.0]),
            ("deployment/web[0].inSystem.atLeast(3)", &[0.15]),
            ("deployment/web.queue.mean", &[0.0]),
            ("deployment/web.queue.max", &[0.0]),
            ("deployment/web.queue.at(3s)", &[0.0]),
            ("deployment/web.utilization", &[0.5]),
        ],
    );
}

#[test]
fn containers_behind_no_service_do_not_thin_out_utilization() {
    let spec = "  run: {duration: 10s, warmup: 0s}
  cluster: {network: none}
  workloads: [{target: deployment/web, containers: {app: {concurrency: 1}}}]
  traffic: [{name: t, to: \"http://web/\", arrivals: {trace: {file: trace.csv}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: logs}, {name: app, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";
    let trace = "arrival_s,service_s\n0,3\n1,1\n2,1\n";
    check(spec, trace, &[("deployment/web.utilization", &[0.5]), ("deployment/web[0].utilization", &[0.5])]);
}

#[test]
fn nothing_observed_is_no_value() {
    let spec = traced("duration: 10s, warmup: 9s", 1, "queue: {limit: unlimited}", "");
    let metrics = [
        "t.latency.mean",
        "t.latency.over(1s)",
        "t.queueWait.p50",
        "t.errorRatio",
        "service/web.interarrival.mean",
        "service/web.balance.jain",
        "deployment/web[0].share",
        "t.inSystem.at(900s)",
    ];
    for (metric, value) in metrics.iter().zip(values(&spec, QUEUE, &metrics.map(str::to_owned))) {
        assert!(matches!(value, MetricValue::Number(number) if number.is_nan()), "{metric} is {value:?}");
    }
}
