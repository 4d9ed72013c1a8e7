//! HorizontalPodAutoscalers in a run: what they see, when, and what they do.

mod support;

use std::path::Path;

use support::{Row, results, scratch, stderr, stdout, table, write};

/// A Deployment of `replicas` pods with one container that requests a core, a proxy that takes them in turn, and an
/// autoscaler; requests take 10 ms of a slot, and come at equal times.
fn scenario(replicas: u32, arrivals: &str, cluster: &str, autoscaler: &str) -> String {
    format!(
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: scaled}}
spec:
  run: {{duration: 15m, warmup: 0s, replications: 4, seed: 11, interval: 15s}}
  cluster: {{nodes: [{{name: n, count: 4}}], network: none, propagation: {{proxies: 0s}}{cluster}}}
  workloads:
    - {{target: deployment/web, containers: {{app: {{concurrency: 8, serviceTime: 10ms}}}}}}
  proxies: [{{name: edge, endpoints: service/web, balancer: {{policy: round-robin}}}}]
  traffic:
    - {{name: t, to: http://web/, through: edge, arrivals: {arrivals}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, ports: [{{containerPort: 80}}], resources: {{requests: {{cpu: 1}}}}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
{autoscaler}
"
    )
}

fn autoscaler(spec: &str) -> String {
    format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec: {{scaleTargetRef: {{kind: Deployment, name: web}}, {spec}}}\n"
    )
}

/// CPU at 60 %.
fn cpu(range: &str, more: &str) -> String {
    let metric = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}";
    autoscaler(&format!("{range}, metrics: [{metric}]{more}"))
}

const WIDE: &str = "minReplicas: 1, maxReplicas: 100";

fn number(row: &Row, column: &str) -> f64 {
    support::number(row, column).unwrap_or_else(|| panic!("{column} is empty in {row:?}"))
}

/// The looks of a replication.
fn looks(directory: &Path, replication: u32) -> Vec<Row> {
    let rows = table(directory, "scaling.csv").into_iter();
    rows.filter(|row| row["replication"] == replication.to_string()).collect()
}

/// 360 requests a second of 10 ms are 3.6 cores: four pods are at 90 %, six at 60 %.
#[test]
fn a_known_load_gets_the_pods_that_it_needs() {
    let scratch = scratch();
    let text = scenario(4, "{constant: {rate: 360/s}}", "", &cpu(WIDE, ""));
    let run = results(scratch.path(), &text, "out", &[]);
    for replication in 0..4 {
        let rows = looks(&run, replication);
        let changes: Vec<&Row> = rows.iter().filter(|row| row["desired"] != row["replicas"]).collect();
        assert_eq!(rows.last().expect("a look")["desired"], "6", "replication {replication}");
        // Metrics are old, so the first look above the target may see a part of the load: then it takes two steps.
        assert!((1..=2).contains(&changes.len()), "{changes:?}");
        assert!(number(changes[0], "t_s") <= 45.0, "{changes:?}");
        // Those that are new are not ready by what their metrics say: no look wants more than six.
        assert!(rows.iter().all(|row| number(row, "desired") <= 6.0), "{rows:?}");
        // A request a look more or less, and whole percents.
        let settled = rows.iter().filter(|row| number(row, "t_s") > 150.0).map(|row| number(row, "measured"));
        assert!(settled.clone().count() > 40 && settled.clone().all(|percent| (59.0..=60.0).contains(&percent)));
    }
    // Its phases are its own.
    let firsts: Vec<String> = (0..4).map(|replication| looks(&run, replication)[0]["t_s"].clone()).collect();
    assert!(firsts.iter().all(|first| first.parse::<f64>().is_ok_and(|first| first < 15.0)));
    assert!(firsts.windows(2).all(|pair| pair[0] != pair[1]), "{firsts:?}");
    // The timeline: cores that are used, pods that are wanted.
    let rows = table(&run, "timeline.csv");
    let late: Vec<&Row> = rows.iter().filter(|row| (200.0..800.0).contains(&number(row, "t_s"))).collect();
    assert!(late.iter().all(|row| (number(row, "cpu_cores") - 3.6).abs() < 0.02), "{late:?}");
    assert!(late.iter().all(|row| row["desired_pods"] == "6" && row["ready_pods"] == "6" && row["nodes"] == "4"));
}

/// A load that falls: the first decrease comes when no look of the last five minutes wanted more.
#[test]
fn pods_go_when_nobody_wanted_them_for_five_minutes() {
    let scratch = scratch();
    let load = "{profile: [{at: 0s, rate: 360/s}, {at: 120s, rate: 360/s}, {at: 121s, rate: 100/s}]}";
    let run = results(scratch.path(), &scenario(6, load, "", &cpu(WIDE, "")), "out", &[]);
    for replication in 0..4 {
        let rows = looks(&run, replication);
        let fewer = rows.iter().position(|row| number(row, "desired") < number(row, "replicas")).expect("pods go");
        let (at, to) = (number(&rows[fewer], "t_s"), number(&rows[fewer], "desired"));
        let within = |row: &&Row| number(row, "t_s") > at - 300.0 + 1e-6 && number(row, "t_s") <= at;
        assert!(rows.iter().filter(within).all(|row| number(row, "recommended") <= to), "{rows:?}");
        let last_higher =
            rows[..fewer].iter().filter(|row| number(row, "recommended") > to).map(|row| number(row, "t_s"));
        let last_higher = last_higher.fold(0.0, f64::max);
        assert!((at - last_higher - 300.0).abs() < 1e-6, "{at} {last_higher}");
    }
}

/// Rules of its own: one pod a minute; and none.
#[test]
fn rules_hold_in_the_run() {
    let scratch = scratch();
    let rules = ", behavior: {scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}";
    let run = results(scratch.path(), &scenario(1, "{constant: {rate: 360/s}}", "", &cpu(WIDE, rules)), "slow", &[]);
    for replication in 0..4 {
        let rows = looks(&run, replication);
        let changes: Vec<&Row> = rows.iter().filter(|row| row["desired"] != row["replicas"]).collect();
        assert!(changes.len() >= 5, "{changes:?}");
        for pair in changes.windows(2) {
            assert!(number(pair[1], "t_s") - number(pair[0], "t_s") >= 60.0 - 1e-6, "{changes:?}");
            assert!(number(pair[1], "desired") - number(pair[0], "desired") <= 1.0);
        }
    }
    let rules = ", behavior: {scaleUp: {selectPolicy: Disabled}}";
    let run = results(scratch.path(), &scenario(1, "{constant: {rate: 360/s}}", "", &cpu(WIDE, rules)), "never", &[]);
    assert!(looks(&run, 0).iter().all(|row| row["desired"] == "1"));
    let capped = cpu("minReplicas: 2, maxReplicas: 3", "");
    let run = results(scratch.path(), &scenario(1, "{constant: {rate: 900/s}}", "", &capped), "capped", &[]);
    let rows = looks(&run, 0);
    assert_eq!((rows[0]["reason"].as_str(), rows[0]["desired"].as_str()), ("BelowMinReplicas", "2"));
    let events = table(&run, "events.csv");
    let first = events.iter().find(|row| row["kind"] == "autoscale").expect("it acts");
    assert_eq!(first["detail"], "from 1 to 2 pods by hpa/web: out of its range, BelowMinReplicas");
    assert!(rows.iter().any(|row| row["reason"] == "TooManyReplicas") && rows[rows.len() - 1]["desired"] == "3");
}

/// Requests in the pods: 400 users who wait for their answers are 400 requests, at 50 a pod eight pods.
#[test]
fn metrics_of_other_systems_are_what_the_scenario_says() {
    let scratch = scratch();
    let metrics = ", autoscaling: {metrics: [{name: busy, of: inFlight}]}";
    for (kind, form) in [("External", "external"), ("Pods", "pods")] {
        let metric = format!(
            "{WIDE}, metrics: [{{type: {kind}, {form}: {{metric: {{name: busy}}, target: {{type: AverageValue, averageValue: 50}}}}}}]"
        );
        let users = "{closed: {users: 400, think: 0s}}";
        let text = scenario(4, users, metrics, &autoscaler(&metric)).replace("serviceTime: 10ms", "serviceTime: 1s");
        let text = text.replace("concurrency: 8", "concurrency: 1000");
        let run = results(scratch.path(), &text, kind, &[]);
        let rows = looks(&run, 1);
        assert_eq!(rows.last().expect("a look")["desired"], "8", "{kind}: {rows:?}");
        assert_eq!((rows[0]["metrics"].as_str(), rows[0]["targets"].as_str()), ("busy", "50"));
    }
}

/// A caller with a thread for each request uses no CPU while it waits for its answers: of 110 ms it works 10.
#[test]
fn who_waits_for_calls_uses_no_cpu() {
    let scratch = scratch();
    let steps = "steps: [{work: 5ms}, {call: \"http://back/\", timeout: 2s}, {work: 5ms}]";
    for held in ["true", "false"] {
        let text = scenario(4, "{constant: {rate: 360/s}}", "", &cpu(WIDE, ""))
            .replace("concurrency: 8, serviceTime: 10ms", &format!("concurrency: 200, holdsSlotWhileCalling: {held}, {steps}"))
            .replace("  proxies:", "    - {target: deployment/back, inline: {replicas: 4}, containers: {app: {concurrency: 200, serviceTime: 100ms}}}\n  proxies:");
        let run = results(scratch.path(), &text, held, &[]);
        let rows = looks(&run, 0);
        assert_eq!(rows.last().expect("a look")["desired"], "6", "{rows:?}");
        let settled = rows.iter().filter(|row| number(row, "t_s") > 150.0).map(|row| number(row, "measured"));
        assert!(settled.clone().all(|percent| (59.0..=60.0).contains(&percent)), "{rows:?}");
    }
}

#[test]
fn without_autoscaling_nothing_happens_and_jobs_do_not_matter() {
    let scratch = scratch();
    let load = "{poisson: {rate: 360/s}}";
    let own = cpu(WIDE, "");
    let off = results(scratch.path(), &scenario(4, load, ", autoscaling: none", &own), "off", &[]);
    let bare = results(
        scratch.path(),
        &scenario(4, load, "", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
        "bare",
        &[],
    );
    for file in ["runs.csv", "timeline.csv", "endpoints.csv", "events.csv"] {
        let read = |run: &Path| std::fs::read_to_string(run.join(file)).expect("the file");
        assert_eq!(read(&off), read(&bare), "{file}");
    }
    assert!(!off.join("scaling.csv").exists());
    let on = |name: &str, jobs: &str| results(scratch.path(), &scenario(4, load, "", &own), name, &["--jobs", jobs]);
    let (one, three) = (on("one", "1"), on("three", "3"));
    for file in ["runs.csv", "timeline.csv", "events.csv", "scaling.csv"] {
        let read = |run: &Path| std::fs::read_to_string(run.join(file)).expect("the file");
        assert_eq!(read(&one), read(&three), "{file}");
    }
}

/// What is answered to autoscalers that cannot work.
#[test]
fn autoscalers_that_cannot_work_are_refused() {
    let scratch = scratch();
    let arrivals = "{poisson: {rate: 3/s}}";
    let utilization = |source: &str| {
        format!("{WIDE}, metrics: [{{{source} target: {{type: Utilization, averageUtilization: 60}}}}}}]")
    };
    let second =
        |text: &str| text.replace("metadata: {name: web}\nspec: {scale", "metadata: {name: other}\nspec: {scale");
    let named = "type: External, external: {metric: {name: queue}, target: {type: Value, value: 5}}";
    let named = autoscaler(&format!("{WIDE}, metrics: [{{{named}}}]"));
    let plain = cpu(WIDE, "");
    let cases = [
        ("no such target", scenario(1, arrivals, "", &plain.replace("name: web}, min", "name: wep}, min"))),
        (
            "another namespace",
            scenario(
                1,
                arrivals,
                "",
                &plain.replace("metadata: {name: web}", "metadata: {name: web, namespace: shop}"),
            ),
        ),
        (
            "nothing of the kind",
            scenario(1, arrivals, "", &plain.replace("kind: Deployment, name: web", "kind: ReplicaSet, name: zzzzzz")),
        ),
        ("two of one target", scenario(1, arrivals, "", &(plain.clone() + "---\n" + &second(&plain)))),
        ("no request", scenario(1, arrivals, "", &plain).replace(", resources: {requests: {cpu: 1}}", "")),
        (
            "no such container",
            scenario(
                1,
                arrivals,
                "",
                &autoscaler(&utilization("type: ContainerResource, containerResource: {name: cpu, container: ap,")),
            ),
        ),
        (
            "a container far away",
            scenario(
                1,
                arrivals,
                "",
                &autoscaler(&utilization("type: ContainerResource, containerResource: {name: cpu, container: zzzzzz,")),
            ),
        ),
        (
            "a metric twice",
            scenario(
                1,
                arrivals,
                ", autoscaling: {metrics: [{name: queue, of: waiting}, {name: queue, of: inFlight}]}",
                &named,
            ),
        ),
        (
            "a metric that nobody has",
            scenario(1, arrivals, ", autoscaling: {metrics: [{name: queues, of: waiting}]}", &named),
        ),
        ("a metric far away", scenario(1, arrivals, ", autoscaling: {metrics: [{name: zzzzzz, of: waiting}]}", &plain)),
        (
            "words and times",
            scenario(
                1,
                arrivals,
                ", autoscaling: {metrics: [{name: queue, of: length}], sync: 0s, tolerance: 2}",
                &named,
            ),
        ),
        ("what stands outside", scenario(1, arrivals, "", &plain).replace("{target: deployment/web,", "{target: deployment/web, outside: true,").replace(", through: edge", "").replace("  proxies: [{name: edge, endpoints: service/web, balancer: {policy: round-robin}}]\n", "")),
        ("an ingress controller", scenario(1, arrivals, ", ingress: [{class: nginx, target: deployment/web}]", &plain).replace("spec: {selector: {app: web}, ports", "spec: {type: NodePort, selector: {app: web}, ports")),
        ("a sender", scenario(1, arrivals, "", &plain).replace("{name: t, to:", "{name: s, from: deployment/web, to: http://web/, arrivals: {poisson: {rate: 3/s}}}\n    - {name: t, to:")),
        ("no word", scenario(1, arrivals, ", autoscaling: off", &plain)),
    ];
    let mut found = String::new();
    for (title, text) in cases {
        write(scratch.path(), "s.yaml", &text);
        let answer = support::output(scratch.path(), &["check", "s.yaml"]);
        found.push_str(&format!("## {title}: {}\n{}\n", support::status(&answer), stderr(&answer)));
    }
    let ignored = scenario(
        1,
        arrivals,
        "",
        &named.replace(
            "metrics: [",
            "metrics: [{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}, ",
        ),
    );
    let set = scenario(1, arrivals, "", &plain.replace("kind: Deployment, name: web", "kind: StatefulSet, name: db"));
    for (title, text) in
        [("left out", ignored), ("a StatefulSet", set), ("none", scenario(1, arrivals, ", autoscaling: none", &plain))]
    {
        write(scratch.path(), "s.yaml", &text);
        let answer = stdout(&support::output(scratch.path(), &["check", "s.yaml"]));
        let ignored = answer.split("  ignored\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
        found.push_str(&format!("## {title}\n{ignored}\n\n"));
    }
    assert_eq!(found, include_str!("autoscaling.txt"));
}
