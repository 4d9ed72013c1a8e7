//! Manifests in, objects, report and problems out.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::yaml::{parse, render};

const KUBECTL: &str = include_str!("../../tests/data/kubectl-get.yaml");
const HELM: &str = include_str!("../../tests/data/helm-template.yaml");

/// The objects, and the problems as shown.
fn read_text(text: &str) -> (Objects, String) {
    let mut sources = Sources::new();
    let id = sources.add("m.yaml", text);
    let nodes = parse(&sources, id).unwrap_or_else(|problem| panic!("{}", render(&[problem], &sources, false)));
    let (objects, problems) = read(&nodes, &sources);
    (objects, render(&problems, &sources, false))
}

fn clean(text: &str) -> Objects {
    let (objects, problems) = read_text(text);
    assert_eq!(problems, "");
    objects
}

fn deployment(name: &str, spec: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n      - {{name: app{container}}}\n"
    )
}

fn service(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{{spec}}}\n")
}

fn what(objects: &Objects) -> Vec<&str> {
    objects.report.ignored.iter().map(|item| item.what.as_str()).collect()
}

fn why<'a>(objects: &'a Objects, what: &str) -> &'a str {
    let item = objects.report.ignored.iter().find(|item| item.what == what);
    item.map_or_else(|| panic!("{what} not in {:#?}", objects.report.ignored), |item| item.why.as_str())
}

/// The text is refused at `place` (line:column) with these words.
fn refused(text: &str, place: &str, words: &[&str]) {
    let (_, problems) = read_text(text);
    assert!(problems.starts_with("error"), "{text}\n{problems}");
    assert!(problems.contains(&format!("m.yaml:{place}\n")), "{problems}");
    for word in words {
        assert!(problems.contains(word), "{word}\n{problems}");
    }
}

/// The text is used with one warning.
fn warned(text: &str, words: &[&str]) -> Objects {
    let (objects, problems) = read_text(text);
    assert!(problems.starts_with("warning") && !problems.contains("error"), "{problems}");
    assert_eq!(problems.matches("-->").count(), 1, "{problems}");
    for word in words {
        assert!(problems.contains(word), "{word}\n{problems}");
    }
    objects
}

#[test]
fn a_kubectl_dump_gives_its_objects() {
    let objects = clean(KUBECTL);
    assert_eq!(
        objects.report.used,
        [
            "Node/cp-1: zone eu-central-1a, cpu 2, 110 pods, 10.244.0.0/24, takes no pods (cordoned, or a control plane)",
            "Node/worker-1: zone eu-central-1b, cpu 3.92, 58 pods, 10.244.1.0/24",
            "Namespace/shop",
            "shop/Deployment/web: 3 replicas, container app (http=8080, metrics=9102) with 250m CPU and 128Mi memory of at most 256Mi, container logs, init container migrate, on nodes with disktype=ssd",
            "shop/Pod/db-0: container db (db=5432), on node worker-1",
            "shop/Deployment/cart: 1 replica, container cart (8080)",
            "shop/Service/web: port http 80 to http, port metrics 9102 to 9102, selects app=web, behind a load balancer, holds clients for 10800s",
            "shop/Service/cart: port 8080 to 8080, selects app=cart",
            "shop/Service/db: headless, port db 5432 to db, selects app=db",
            "Service/kubernetes: port https 443 to 6443, endpoints by hand",
            "Endpoints/kubernetes: 1 ready endpoint, 1 port",
        ]
    );
    assert_eq!(objects.namespaces, ["shop"]);
    let web = &objects.workloads[0];
    assert_eq!((web.kind, web.replicas, web.namespace.as_str()), ("deployment", 3, "shop"));
    assert_eq!(web.labels, [("app".to_string(), "web".to_string()), ("tier".to_string(), "front".to_string())]);
    assert_eq!(objects.services[0].cluster_ip.as_deref(), Some("10.96.114.20"));
    assert_eq!(objects.services[0].ports[0].target_port, TargetPort::Name("http".into()));
    assert_eq!(objects.services[1].ports[0].target_port, TargetPort::Number(8080));
    assert_eq!(objects.services[2].form, ServiceForm::Headless);
    assert_eq!(objects.services[3].form, ServiceForm::NoSelector);
    assert_eq!(objects.nodes[1].pod_cidr, Some((0x0af4_0100, 24)));
    assert!(objects.nodes[0].unschedulable && !objects.nodes[1].unschedulable);
}

#[test]
fn a_kubectl_dump_reports_what_it_ignores() {
    let objects = clean(KUBECTL);
    assert_eq!(
        what(&objects),
        [
            "shop/Deployment/web: spec.template.spec.containers[].env",
            "shop/Deployment/web: spec.template.spec.containers[].terminationMessagePath",
            "shop/Deployment/web: spec.template.spec.containers[].terminationMessagePolicy",
            "shop/ReplicaSet/web-6d4cf56db6",
            "shop/ReplicaSet/old-5b8c9d7f44",
            "shop/Pod/web-6d4cf56db6-8x2lq",
            "shop/Pod/cart-7c9f8b6d5-tt5rp",
            "shop/Pod/nightly-29012-x7k2p",
            "shop/Deployment/cart: spec.template.spec.containers[].ports[].protocol UDP",
            "ConfigMap (2 objects): shop/ConfigMap/settings, shop/ConfigMap/kube-root-ca.crt",
            "metadata.annotations, metadata.creationTimestamp, metadata.generation, metadata.labels, \
             metadata.managedFields, metadata.ownerReferences, metadata.resourceVersion, metadata.uid, status",
        ]
    );
    assert_eq!(why(&objects, "shop/ReplicaSet/web-6d4cf56db6"), "owned by Deployment/web, which is read");
    assert_eq!(why(&objects, "shop/Pod/web-6d4cf56db6-8x2lq"), "owned by ReplicaSet/web-6d4cf56db6, which is read");
    assert_eq!(why(&objects, "shop/Pod/cart-7c9f8b6d5-tt5rp"), "owned by Deployment/cart, which is read");
    assert!(why(&objects, "shop/Pod/nightly-29012-x7k2p").contains("Succeeded"));
    assert!(why(&objects, "shop/ReplicaSet/old-5b8c9d7f44").contains("0 replicas"));
}

#[test]
fn a_rendered_chart_gives_its_objects() {
    let objects = clean(HELM);
    assert_eq!(
        objects.report.used,
        [
            "Service/demo-podinfo: port http 9898 to http, port grpc 9999 to grpc, selects app.kubernetes.io/name=demo-podinfo, \
             on every node",
            "Deployment/demo-podinfo: 2 replicas, container podinfo (http=9898, grpc=9999) with 1m CPU and 16Mi memory, container proxy, \
             on the network of its node",
            "HorizontalPodAutoscaler/demo-podinfo: deployment/demo-podinfo, 2 to 10 replicas, CPU at 80 %",
        ]
    );
    assert!(why(&objects, "Pod/demo-podinfo-service-test-vc4dj").contains("Helm hook"));
    for ignored in ["ServiceAccount/demo-podinfo", "ConfigMap/demo-podinfo"] {
        assert!(what(&objects).contains(&ignored), "{ignored}");
    }
}

#[test]
fn lists_in_lists_and_typed_lists_are_opened() {
    let text = "kind: List\napiVersion: v1\nitems:\n- kind: List\n  apiVersion: v1\n  items:\n  - {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n- kind: NamespaceList\n  apiVersion: v1\n  items:\n  - metadata: {name: b}\n- {kind: List, apiVersion: v1, items: }\n";
    assert_eq!(clean(text).namespaces, ["a", "b"]);
    refused("kind: List\napiVersion: v1\nitems: 5\n", "3:8", &["a list of objects"]);
    refused("kind: List\napiVersion: v1\nitems: [5]\n", "3:9", &["a number"]);
}

#[test]
fn wrong_values_in_used_fields_are_errors_at_their_place() {
    refused(
        &deployment("web", "replicas: three", ""),
        "5:13",
        &["Deployment/web", "`spec.replicas`", "`three`", "replicas: 3"],
    );
    refused(&deployment("web", "replicas: -1", ""), "5:13", &["from 0"]);
    refused(&deployment("web", "replicas: \"3\"", ""), "5:13", &["without quotes"]);
    refused(&deployment("web", "replicas: 1.5", ""), "5:13", &["whole number"]);
    refused(&deployment("web", "", ", ports: [{containerPort: 99999}]"), "10:45", &["1 to 65535", "99999"]);
    refused(&deployment("web", "", ", ports: [{containerPort: 0}]"), "10:45", &["1 to 65535"]);
    refused(&deployment("web", "", ", ports: [{name: x}]"), "10:29", &["without a number"]);
    refused(&deployment("web", "", ", ports: 8080"), "10:28", &["must be a list", "`- `"]);
    refused(
        &deployment("web", "", ", ports: [{name: x, containerPort: 1}, {name: x, containerPort: 2}]"),
        "10:65",
        &["two ports"],
    );
    refused(&deployment("web", "selector: {matchLabels: {app: other}}", ""), "5:13", &["app: other"]);
    refused(&service("selector: {app: web}, ports: [{port: 80, targetPort: 70000}]"), "4:61", &["70000"]);
    refused(&service("selector: {app: web}, ports: [{port: 80, targetPort: \"8080\"}]"), "4:61", &["without quotes"]);
    refused(&service("selector: {app: web}, ports: [{port: 80}, {port: 81}]"), "4:38", &["needs a name"]);
    refused(
        &service("selector: {app: web}, ports: [{name: a, port: 80}, {name: a, port: 81}]"),
        "4:66",
        &["two ports"],
    );
    refused(
        &service("selector: {app: web}, ports: [{name: a, port: 80}, {name: b, port: 80}]"),
        "4:75",
        &["given twice"],
    );
    refused(&service("selector: {app: web}"), "3:18", &["at least one port"]);
    refused(&service("selector: [app], ports: [{port: 80}]"), "4:18", &["a map of texts"]);
    refused(&service("selector: {app: web}, ports: [{port: 80}], clusterIP: 10.0.0"), "4:62", &["10.96.0.10"]);
    refused(&service("type: clusterip, ports: [{port: 80}]"), "4:14", &["did you mean `ClusterIP`?"]);
    refused("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n", "3:18", &["`spec` is missing"]);
    refused(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n",
        "4:7",
        &["spec.template"],
    );
    refused(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n",
        "4:20",
        &["at least one container"],
    );
    refused("apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\nspec: {}\n", "3:11", &["without a name"]);
    refused("apiVersion: v1\nmetadata: {name: a}\n", "1:1", &["without `kind`"]);
    refused("- 1\n", "1:1", &["a list"]);
    let node = |spec: &str| format!("apiVersion: v1\nkind: Node\nmetadata: {{name: a}}\n{spec}\n");
    refused(&node("spec: {podCIDR: 10.0.0.0}"), "4:17", &["10.244.1.0/24"]);
    refused(&node("spec: {unschedulable: 5}"), "4:23", &["true or false"]);
    refused(&node("status: {capacity: {cpu: four}}"), "4:26", &["quantity", "`four`"]);
}

#[test]
fn the_same_object_twice_is_refused_at_the_second() {
    let text = format!("{}---\n{}", deployment("web", "", ""), deployment("web", "", ""));
    refused(&text, "14:18", &["Deployment/web is given twice", "m.yaml:3:18"]);
    let other = deployment("web", "", "").replace("{name: web}", "{name: web, namespace: other}");
    assert_eq!(clean(&format!("{}---\n{other}", deployment("web", "", ""))).workloads.len(), 2);
}

#[test]
fn what_kubernetes_would_read_otherwise_is_a_warning() {
    let objects = warned(&deployment("web", "", "").replace("app: web", "app: y"), &["a boolean", "\"y\""]);
    assert_eq!(objects.workloads[0].labels, [("app".to_string(), "y".to_string())]);
    warned(&deployment("web", "", "").replace("app: web", "app: 1"), &["a number", "\"1\""]);
    warned(&deployment("web", "", "").replace("name: app", "name: off"), &["containers[].name: off", "a boolean"]);
    warned(&deployment("no", "", ""), &["`metadata.name: no` as a boolean", "\"no\""]);
    warned(&deployment("web, namespace: 5", "", ""), &["`metadata.namespace: 5` as a number"]);
    warned(&deployment("Web", "", ""), &["refuses the name `Web`"]);
    warned(&deployment("web", "", "").replace("apps/v1", "v1"), &["apiVersion: apps/v1"]);
    warned(&deployment("web", "", "").replace("apiVersion: apps/v1\n", ""), &["without `apiVersion`"]);
    let objects = warned(
        &deployment("web", "", "").replace("kind: Deployment", "kind: deployment"),
        &["did you mean `kind: Deployment`"],
    );
    assert!(objects.workloads.is_empty());
    assert!(clean(&deployment("web", "", "").replace("app: web", "app: \"y\"")).report.used.len() == 1);
}

#[test]
fn forms_of_services() {
    let forms = [
        ("clusterIP: None, selector: {a: b}, ports: [{port: 1}]", ServiceForm::Headless),
        ("clusterIP: None, selector: {a: b}", ServiceForm::Headless),
        ("clusterIP: None", ServiceForm::NoSelector),
        ("type: ExternalName, externalName: db.example", ServiceForm::ExternalName),
        ("ports: [{port: 1}]", ServiceForm::NoSelector),
        ("selector: {}, ports: [{port: 1}]", ServiceForm::NoSelector),
        ("selector: {a: b}, ports: [{port: 1}]", ServiceForm::ClusterIp),
    ];
    for (spec, form) in forms {
        let objects = clean(&service(spec));
        assert_eq!(objects.services[0].form, form, "{spec}");
        assert_eq!(objects.services[0].is_headless(), spec.starts_with("clusterIP: None"), "{spec}");
    }
}

#[test]
fn services_hold_clients_as_kubernetes_would() {
    let held =
        |spec: &str| clean(&service(&format!("{spec}, selector: {{a: b}}, ports: [{{port: 1}}]"))).services[0].affinity;
    assert_eq!(held("sessionAffinity: ClientIP"), Some(10_800));
    let config = "sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}";
    assert_eq!(held(&format!("sessionAffinity: ClientIP, {config}")), Some(60));
    assert_eq!(held(&format!("sessionAffinity: None, {config}")), None);
    assert_eq!(held("sessionAffinity: ClientIP, clusterIP: None"), None);
    refused(&service("sessionAffinity: ClientIp"), "4:25", &["ClientIP or None", "did you mean `ClientIP`?"]);
    let bad = config.replace("60", "86401");
    refused(&service(&format!("sessionAffinity: ClientIP, {bad}")), "4:86", &["a whole number from 1 to 86400"]);
}

#[test]
fn what_has_no_effect_is_reported_once_for_all() {
    let many: String =
        (0..20).map(|index| deployment(&format!("d{index}"), "zzz: 5", ", env: [{name: x}]") + "---\n").collect();
    assert_eq!(
        what(&clean(&many)),
        ["Deployment (20 objects): spec.template.spec.containers[].env", "Deployment (20 objects): spec.zzz"]
    );
    let quiet = "sessionAffinity: None, internalTrafficPolicy: Cluster, selector: {a: b}, ports: [{port: 1}]";
    assert_eq!(what(&clean(&service(quiet))), [] as [&str; 0]);
}

#[test]
fn owned_objects_of_many_owners_are_one_item() {
    let pod = |index: u32| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, ownerReferences: [{{kind: ReplicaSet, name: r{}}}]}}\nspec: {{containers: [{{name: a}}]}}\n---\n",
            index / 2
        )
    };
    let set =
        |index: u32| deployment(&format!("r{index}"), "", "").replace("kind: Deployment", "kind: ReplicaSet") + "---\n";
    let two = clean(&format!("{}{}{}", set(0), pod(0), pod(1)));
    assert_eq!(why(&two, "Pod (2 objects): Pod/p0, Pod/p1"), "owned by ReplicaSet/r0, which is read");
    let three = clean(&format!("{}{}{}{}{}", set(0), set(1), pod(0), pod(1), pod(2)));
    assert_eq!(why(&three, "Pod (3 objects): Pod/p0, Pod/p1, Pod/p2"), "owned by ReplicaSets that are read");
    assert_eq!(three.workloads.len(), 2);
}

#[test]
fn owners_that_were_not_dumped_leave_their_pods() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web-5d-x, labels: {pod-template-hash: 5d}, ownerReferences: [{kind: ReplicaSet, name: web-5d}]}\nspec: {containers: [{name: a}]}\n";
    assert_eq!(clean(pod).workloads.len(), 1);
    assert_eq!(clean(&format!("{pod}---\n{}", deployment("web", "", ""))).workloads.len(), 1, "the Deployment alone");
    assert_eq!(clean(&format!("{pod}---\n{}", deployment("web-5", "", ""))).workloads.len(), 2);
}

#[test]
fn mutated_manifests_never_panic() {
    let pieces = [
        "null",
        "[]",
        "{}",
        "-1",
        "99999999999",
        "\"x\"",
        "yes",
        "[1, {a: b}]",
        "1e999",
        "ä",
        "",
        ": ",
        "- ",
        "&a ",
        "*a",
    ];
    let change = (any::<usize>(), any::<usize>(), any::<usize>(), 0..3u8);
    let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = (any::<bool>(), proptest::collection::vec(change, 1..6));
    let result = runner.run(&strategy, |(kubectl, changes)| {
        let mut lines: Vec<String> = if kubectl { KUBECTL } else { HELM }.lines().map(String::from).collect();
        for (place, other, piece, kind) in changes {
            let (place, other) = (place % lines.len(), other % lines.len());
            match kind {
                0 => drop(lines.remove(place)),
                1 => lines[place] = lines[other].clone(),
                _ => {
                    let key = lines[place].split_once(':').map_or("", |(key, _)| key).to_string();
                    lines[place] = format!("{key}: {}", pieces[piece % pieces.len()]);
                }
            }
        }
        let mut sources = Sources::new();
        let id = sources.add("m.yaml", lines.join("\n"));
        if let Ok(nodes) = parse(&sources, id) {
            let (_, problems) = read(&nodes, &sources);
            let shown = render(&problems, &sources, false);
            prop_assert_eq!(shown.matches("m.yaml:").count() >= problems.len(), true, "{}", shown);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn autoscalers_are_read_in_every_form() {
    let text = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 20
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}
  - {type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: AverageValue, averageValue: 250m}}}
  - {type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: \"12.5\"}}}
  - {type: External, external: {metric: {name: queue}, target: {type: Value, value: 1k}}}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 30, policies: [{type: Pods, value: 2, periodSeconds: 60}]}
    scaleDown: {selectPolicy: Disabled, tolerance: 50m}
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: old}
spec: {scaleTargetRef: {kind: ReplicaSet, name: old}, maxReplicas: 1, targetCPUUtilizationPercentage: 70}
";
    let objects = clean(text);
    assert_eq!(
        objects.report.used,
        [
            "shop/HorizontalPodAutoscaler/web: deployment/web, 2 to 20 replicas, CPU at 60 %, CPU of app at 0.25 a pod, \
             rps at 12.5 a pod, queue at 1000, with rules of its own",
            "HorizontalPodAutoscaler/old: replicaset/old, 1 to 1 replica, CPU at 70 %",
        ]
    );
    let behavior = objects.autoscalers[0].behavior.as_ref().expect("it has rules");
    let usual = crate::controllers::hpa::behavior::Behavior::default();
    assert_eq!(behavior.up.policies.len(), 1);
    assert_eq!(behavior.up.stabilization, Some(crate::time::SimDuration::from_secs(30)));
    assert_eq!((behavior.down.policies.clone(), behavior.down.stabilization), (usual.down.policies, None));
    assert_eq!(behavior.down.tolerance, Some(0.05));
}
