//! Smaller rules: expectations, retry groups, ports, reports, problems that hide one another.

use super::super::*;
use super::{Memory, TRAFFIC, first, loaded, with};
use crate::cause::FailureCause;

fn expectations(text: &str) -> Vec<Expectation> {
    first(&with(&format!("{TRAFFIC}  expect: {text}\n"))).expect
}

#[test]
fn expected_values_are_numbers_lists_or_names() {
    let found = expectations(
        "[{metric: t.latency.mean, value: 2, absolute: 5ms, oracleError: 0.1ms}, {metric: t.latency.values, value: [1s, 2500ms], by: tolerance}, {metric: service/web.picks.sequence, value: [web-0, web-1]}, {metric: t.errorRatio, value: 20%, not: true, tolerance: 0.5, source: theory}]",
    );
    let values = found.iter().map(|one| one.value.clone()).collect::<Vec<_>>();
    assert_eq!(
        values,
        [
            ExpectedValue::Number(2.0),
            ExpectedValue::List(vec![1.0, 2.5]),
            ExpectedValue::Names(vec!["web-0".into(), "web-1".into()]),
            ExpectedValue::Number(0.2),
        ]
    );
    assert_eq!((found[0].absolute, found[0].oracle_error, found[0].tolerance), (Some(0.005), 0.0001, None));
    assert_eq!((found[1].by, found[3].by), (ExpectBy::Tolerance, ExpectBy::Error));
    assert!(found[3].not && !found[0].not);
    assert_eq!((found[3].source.as_str(), found[3].tolerance), ("theory", Some(0.5)));
}

#[test]
fn measured_values_are_those_of_the_repeats() {
    let found = expectations(
        "[{metric: t.latency.p50, measured: [40.5ms, 0.041], by: tolerance, tolerance: 0.5%}, {metric: t.attempts.mean, measured: [2], by: spread}, {metric: service/web.picks.sequence, measured: {data: \"r1,r2\\nweb-0,web-1\\nweb-1,web-1\"}}, {metric: service/web.picks.sequence, measured: {data: \"r1,r2\\nweb-0,web-1\", column: r2}}, {metric: t.latency.p99, value: 3s, by: spread, oracleError: 1ms}]",
    );
    let sequence = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        found.iter().map(|one| one.value.clone()).collect::<Vec<_>>(),
        [
            ExpectedValue::Repeats(vec![0.0405, 0.041]),
            ExpectedValue::Repeats(vec![2.0]),
            ExpectedValue::Sequences(vec![sequence(&["web-0", "web-1"]), sequence(&["web-1", "web-1"])]),
            ExpectedValue::Sequences(vec![sequence(&["web-1"])]),
            ExpectedValue::Number(3.0),
        ]
    );
    use ExpectBy::{Error, Spread, Tolerance};
    assert_eq!(found.iter().map(|one| one.by).collect::<Vec<_>>(), [Tolerance, Spread, Error, Error, Spread]);
}

#[test]
fn what_a_layer_seven_proxy_reports_is_a_gateway_error() {
    let through = |layer: u8| {
        let text = with(&format!(
            "  proxies: [{{name: p, layer: {layer}, endpoints: service/web}}]\n  traffic: [{{name: t, to: \"http://web/\", through: p, retries: {{on: [gateway-error]}}, arrivals: {{poisson: {{rate: 1/s}}}}}}]\n"
        ));
        let scenario = first(&text);
        (scenario.traffic[0].flow.retries.on.contains(&FailureCause::Reset), scenario.proxies[0].per)
    };
    assert_eq!(through(7), (true, InstancePer::Request));
    assert_eq!(through(4), (false, InstancePer::Connection));
}

#[test]
fn only_inline_services_are_found_at_another_port() {
    let text = with(TRAFFIC).replace("replicas: 4", "replicas: 4, port: 9000");
    assert_eq!(first(&text).services[0].port, 9_000);
    let failure =
        load("shop.yaml", &text.replace("http://web/", "http://web:80/"), &Memory::default(), &Overrides::default());
    let message = failure.expect_err("80 was asked for").problems[0].message.clone();
    assert_eq!(message, "service/web has no port 80; it has 9000");
}

#[test]
fn a_namespace_of_an_inline_workload_is_its_clients_namespace_too() {
    let text = with(&TRAFFIC.replace("name: t,", "name: t, from: deployment/web,"))
        .replace("replicas: 4", "replicas: 4, namespace: shop");
    let scenario = first(&text);
    assert_eq!(scenario.workloads[0].target(), "shop/deployment/web");
    assert_eq!(scenario.services[scenario.traffic[0].flow.service].label(), "web.shop");
    assert_eq!(scenario.traffic[0].clients.count, 4);
}

#[test]
fn behind_a_headless_service_the_client_chooses_and_names_the_port_of_the_pods() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: peers}\nspec: {clusterIP: None, selector: {app: db}, ports: [{port: 80, targetPort: sql}]}\n";
    let workload = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\nspec: {replicas: 2, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: pg, ports: [{name: sql, containerPort: 5432}]}]}}}\n";
    let to = |more: &str| TRAFFIC.replace("web/\"", &format!("peers:5432/\", {more}"));
    let scenario = first(&format!("{}{service}{workload}", with(&to("balancer: {policy: random}"))));
    assert_eq!(scenario.services[scenario.traffic[0].flow.service].label(), "peers");
    let proxies = "  proxies: [{name: p, endpoints: service/peers}]\n";
    let scenario = first(&format!("{}{proxies}{service}{workload}", with(&to("through: p"))));
    assert_eq!(scenario.traffic[0].flow.through, Some(0));
}

#[test]
fn the_report_lists_what_is_used_ignored_and_assumed() {
    let text = format!(
        "{}---\napiVersion: v1\nkind: Service\nmetadata: {{name: lost}}\nspec: {{selector: {{app: nobody}}, ports: [{{port: 80}}]}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\n",
        with(TRAFFIC)
    );
    let report = loaded(&text, &[], &Overrides::default()).report;
    assert!(report.used.contains(&"deployment/web: 4 pods, written inline".to_owned()), "{:?}", report.used);
    let ignored = report.ignored.iter().map(|one| one.what.as_str()).collect::<Vec<_>>();
    assert!(ignored.contains(&"ConfigMap/settings") && ignored.contains(&"Service/lost"), "{ignored:?}");
    let assumed = report.assumed.iter().map(|one| one.field.as_str()).collect::<Vec<_>>();
    assert_eq!(
        assumed,
        [
            "run",
            "cluster.nodes",
            "cluster.network",
            "workloads[deployment/web].containers.app.queue",
            "traffic[t].clients.count",
            "traffic[t].connections",
            "traffic[t].timeout",
            "traffic[t].retries",
        ]
    );
}

#[test]
fn a_port_that_no_container_declares_can_be_set_where_the_report_says() {
    let objects = "---\napiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {selector: {app: db}, ports: [{port: 80}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: db, labels: {app: db}}\nspec: {containers: [{name: c}]}\n";
    let text = format!("{}{objects}", with(TRAFFIC));
    let field = "manifests[pod/db].spec.containers[c].ports";
    let ports = |set: Vec<(String, String)>| {
        let report = loaded(&text, &[], &Overrides { set, ..Overrides::default() }).report;
        report.assumed.into_iter().map(|one| one.field).filter(|field| field.ends_with(".ports")).collect::<Vec<_>>()
    };
    assert_eq!(ports(Vec::new()), [field]);
    assert_eq!(ports(vec![(field.to_owned(), "[{containerPort: 80}]".to_owned())]), [] as [&str; 0]);
}

#[test]
fn what_is_written_in_part_is_assumed_in_part_and_can_be_set_where_the_report_says() {
    let text = "apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: t}
spec:
  run: {duration: 1m, warmup: 10%, replications: 2}
  cluster: {nodes: [{name: a}, {name: b}], network: {sameNode: 10us}}
  workloads:
    - target: deployment/web
      inline: {replicas: 2}
      containers: {app: {concurrency: 1, queue: {discipline: lifo}, steps: [{work: 1s}, {parallel: [{call: \"http://db/\", timeout: 1s}]}]}}
    - {target: deployment/db, inline: {}, containers: {app: {concurrency: 1, queue: {limit: 1}, serviceTime: 1s}}}
  traffic:
    - name: t
      to: http://web/
      arrivals: {poisson: {rate: 1/s}}
      clients: {count: 3}
      connections: {order: fifo}
      retries: {perTry: 1s}
      timeout: 5s
";
    let call = "workloads[deployment/web].containers.app.steps[1].parallel[0]";
    let expected = [
        ("run.seed", "1"),
        ("run.interval", "1s"),
        ("cluster.network.sameZone", "1ms"),
        ("workloads[deployment/web].containers.app.queue.limit", "7"),
        (&format!("{call}.connections"), "{mode: perRequest}"),
        (&format!("{call}.retries"), "{attempts: 3, on: [refused]}"),
        ("workloads[deployment/web].containers.app.holdsSlotWhileCalling", "false"),
        ("traffic[t].clients.popularity", "in-turn"),
        ("traffic[t].connections.maxPerClient", "4"),
        ("traffic[t].retries.attempts", "3"),
        ("traffic[t].retries.on", "[refused]"),
    ];
    let assumed = |set: &[(&str, &str)]| {
        let set = set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        let report = loaded(text, &[], &Overrides { set, ..Overrides::default() }).report;
        report.assumed.into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    assert_eq!(assumed(&[]), expected.map(|(field, _)| field));
    assert_eq!(assumed(&expected), [] as [&str; 0]);
}

#[test]
fn one_mistake_does_not_hide_or_repeat_another() {
    let text = with(
        "  proxies: [{name: p, endpoints: service/wep}]\n  traffic: [{name: t, to: \"http://web/\", through: p, arrivals: {poisson: {rate: 0/s}}}]\n  objectives: [t.latency.p99 < 1s, service/web.balance.jain < 1x]\n",
    );
    let failure = load("shop.yaml", &text, &Memory::default(), &Overrides::default()).expect_err("three mistakes");
    let messages = failure.problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>();
    assert_eq!(
        messages,
        ["`endpoints`: no Service `wep`", "`rate`: a rate must be above zero", "`1x` is not a number"]
    );
}

#[test]
fn a_problem_that_all_variants_share_is_told_once() {
    let text = with(&format!("{}  variants: [{{name: a}}, {{name: b}}, {{name: c}}]\n", TRAFFIC.replace("3/s", "3")));
    let failure = load("shop.yaml", &text, &Memory::default(), &Overrides::default()).expect_err("a rate without unit");
    assert_eq!(failure.problems.len(), 1);
}

#[test]
fn pods_and_nodes_that_cannot_be_are_refused() {
    let refused = |text: &str| {
        let failure = load("shop.yaml", text, &Memory::default(), &Overrides::default()).expect_err(text);
        failure.problems[0].message.clone()
    };
    let pods =
        |text: &str| with(TRAFFIC).replace("inline: {replicas: 4}", &format!("inline: {{replicas: 4}}, pods: {text}"));
    assert_eq!(refused(&pods("[{index: 4, speed: 1}]")), "deployment/web has no pod 4");
    assert_eq!(refused(&pods("[{index: 1, speed: 0}]")), "`speed`: must be above zero, found 0");
    assert_eq!(refused(&pods("[{index: 1, speed: 1}, {index: 1, speed: 2}]")), "pod 1 stands here twice");
    let nodes = |text: &str| with(&format!("{TRAFFIC}  cluster: {{nodes: {text}}}\n"));
    assert_eq!(refused(&nodes("[{name: a}, {name: a}]")), "two nodes are called `a`");
    assert_eq!(refused(&nodes("[]")), "a cluster needs a node");
    assert_eq!(
        refused(&nodes("[{name: a, cpu: -1}]")),
        "`cpu`: expected a quantity above zero such as \"8\" or 500m, found `-1`"
    );
    let interval = with(&format!("{TRAFFIC}  run: {{duration: 1h, interval: 1us}}\n"));
    assert_eq!(refused(&interval), "1h in intervals of 1us are more than 10000000 intervals");
}
