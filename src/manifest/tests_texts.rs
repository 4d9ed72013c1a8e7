//! The whole answer to every mistake in a manifest, and every reason why something in one has no effect.

use super::read;
use crate::yaml::{Sources, parse, render};

fn workload(metadata: &str, spec: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{{metadata}}}\nspec:\n  {spec}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n      - {{name: app{container}}}\n"
    )
}

fn objects(kind: &str, texts: &[&str]) -> String {
    let one = |(index, text): (usize, &&str)| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: n{index}}}\n{text}\n---\n")
    };
    texts.iter().enumerate().map(one).collect()
}

/// Autoscalers of a Deployment.
fn autoscalers(specs: &[&str]) -> String {
    let one = |(index, spec): (usize, &&str)| {
        format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: n{index}}}\nspec: {{scaleTargetRef: {{kind: Deployment, name: web}}, {spec}}}\n---\n"
        )
    };
    specs.iter().enumerate().map(one).collect()
}

/// Titles and manifests: each title stands above its answer in `tests_texts.txt`.
fn cases() -> Vec<(&'static str, String)> {
    let web = |spec: &str, container: &str| workload("name: web", spec, container);
    vec![
        ("no objects", "- 1\n---\n5\n---\nkind: {}\n---\nkind: List\nitems: 5\n---\nkind: List\nitems: [5]\n---\na: b\n".to_owned()),
        ("objects without names", "kind: Pod\napiVersion: v1\nmetadata: {name: []}\nspec: {containers: [{name: a}]}\n---\nkind: Pod\napiVersion: v1\nspec: {containers: [{name: a}]}\n".to_owned()),
        ("versions", "kind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: a}]}}}\n---\napiVersion: v1\nkind: Deployment\nmetadata: {name: b}\nspec: {template: {spec: {containers: [{name: a}]}}}\n---\nkind: deployment\napiVersion: v1\n---\nkind: Sevice\napiVersion: v1\n".to_owned()),
        ("the same twice", format!("{}---\n{}", web("", ""), web("", ""))),
        ("names that Kubernetes refuses", workload("name: Web, namespace: a.b", "", "") + "---\n" + &web("", "_, ports: [{name: http_80, containerPort: 80}]")),
        ("texts that are none", workload("name: 5, namespace: yes", "", "")),
        ("replicas", web("replicas: -1", "")),
        ("a quoted number", web("replicas: \"3\"", "")),
        ("a selector of other pods", web("selector: {matchLabels: {app: other}}", "")),
        ("ports of a container", web("", ", ports: [{containerPort: 99999}, {name: x}, {name: a, containerPort: 1}, {name: a, containerPort: 2}]")),
        ("ports that are no list", web("", ", ports: 8080")),
        ("containers", objects("Pod", &["spec: {containers: []}", "spec: {containers: [{}]}", "spec: {containers: [{name: a}, {name: a}]}", "spec: {containers: {}}", "spec: {containers: [5]}", "spec: 5", "", "spec: {containers: [{name: a}], nodeSelector: 5, nodeName: []}"])),
        ("Services", objects("Service", &["spec: {selector: {a: b}}", "spec: {selector: [a], ports: [{port: 80}]}", "spec: {type: clusterip, ports: [{port: 80}]}", "spec: {clusterIP: 10.0.0, selector: {a: b}, ports: [{port: 80}]}", "spec: {selector: {a: b}, ports: [{port: 80}, {port: 80}]}", "spec: {selector: {a: b}, ports: [{name: x}]}", "spec: {selector: {a: b}, ports: [{name: a, port: 80}, {name: a, port: 81}]}", "spec: {selector: {a: b}, ports: [{port: 80, targetPort: 70000}]}", "spec: {selector: {a: b}, ports: [{port: 80, targetPort: \"8080\"}]}", ""])),
        ("two containers that want one port", objects("Pod", &["spec: {containers: [{name: a, ports: [{containerPort: 80}]}, {name: b, ports: [{containerPort: 81}, {containerPort: 80}]}]}", "spec: {containers: [{name: a, ports: [{containerPort: 80}]}], initContainers: [{name: side, restartPolicy: Always, ports: [{containerPort: 80}]}, {name: once}]}"])),
        ("NetworkPolicies", objects("NetworkPolicy", &["", "spec: {policyTypes: [ingress], ingress: [{from: [{}, {podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}, {ipBlock: {cidr: here}}]}]}", "spec: {podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}, {key: a, operator: equals}]}, egress: [{ports: [{port: 70000}, {port: http}, {protocol: UDP, port: 53}]}], zzz: 1}"]).replace("apiVersion: v1", "apiVersion: networking.k8s.io/v1")),
        ("slices written by hand", objects("Service", &["spec: {ports: [{port: 80}]}"]) + "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a, labels: {kubernetes.io/service-name: n0}}\naddressType: IPv4\nendpoints: [{addresses: [here]}]\nports: [{port: 0}]\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: b, labels: {kubernetes.io/service-name: n0}}\naddressType: IPv6\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: c, labels: {kubernetes.io/service-name: other}}\n"),
        ("policies of a Service", objects("Service", &["spec: {internalTrafficPolicy: local, selector: {a: b}, ports: [{port: 80}]}", "spec: {externalTrafficPolicy: Zone, selector: {a: b}, ports: [{port: 80}]}", "spec: {trafficDistribution: PreferNear, selector: {a: b}, ports: [{port: 80}]}", "spec: {publishNotReadyAddresses: 1, selector: {a: b}, ports: [{port: 80}]}", "spec: {topologyKeys: [a], clusterIP: None, trafficDistribution: PreferClose, internalTrafficPolicy: Local, selector: {a: b}, ports: [{port: 80}]}"]).replace("{name: n0}", "{name: n0, annotations: {service.kubernetes.io/topology-mode: Always}}")),
        ("autoscalers", autoscalers(&["", "minReplicas: 3, maxReplicas: 2", "maxReplicas: 5, minReplicas: 0, metrics: 5", "maxReplicas: 5, metrics: [{type: resource, resource: {name: cpu}}, {type: Resource}, {type: Resource, resource: {name: cpus, target: {type: utilization}}}, {type: ContainerResource, containerResource: {name: cpu}}, {type: zzzzzzzzzz}, {type: Resource, resource: {name: zzzzzz}}]", "maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0}}}, {type: Resource, resource: {name: cpu, target: {type: Utilization}}}, {type: Resource, resource: {name: cpu, target: {type: Value, value: 1}}}, {type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]", "maxReplicas: 5, metrics: [{type: Pods, pods: {target: {type: AverageValue, averageValue: many}}}, {type: External, external: {metric: {name: queue}, target: {type: Value, value: -1}}}, {type: Object, object: {metric: {name: rps}, target: {type: AverageValue}}}]", "maxReplicas: 5, behavior: {scaleUp: {selectPolicy: max, policies: [], tolerance: some}, scaleDown: {stabilizationWindowSeconds: 3601, policies: [{type: Pod, value: 0, periodSeconds: 1801}, {type: Pods}]}}"]) + &objects("HorizontalPodAutoscaler", &["", "spec: {maxReplicas: 3}", "spec: {scaleTargetRef: {kind: deployment, name: web}, maxReplicas: 3}", "spec: {scaleTargetRef: {kind: Deployment}, maxReplicas: 3}"]).replace("apiVersion: v1", "apiVersion: autoscaling/v2").replace("{name: n", "{name: m")),
        ("what has no effect in an autoscaler", autoscalers(&["maxReplicas: 5, zzz: 1, metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 60}}}, {type: Pods, pods: {metric: {name: rps, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: 1k, zzz: 1}}}]"])),
        ("nodes", objects("Node", &["spec: {podCIDR: 10.0.0.0}", "spec: {unschedulable: 5}", "status: {capacity: {cpu: four, pods: -1}}", "status: {capacity: {cpu: []}}"])),
        ("resources", objects("Pod", &["spec: {containers: [{name: a, resources: 5}, {name: b, resources: {limits: {cpu: four, memory: 256MB}}}, {name: c, resources: {requests: [1]}}]}", "spec: {containers: [{name: a, resources: {requests: {cpu: 2, memory: 1Gi}, limits: {cpu: 500m, memory: 512Mi}}}, {name: b, resources: {requests: {cpu: -1, memory: []}}}]}", "spec: {containers: [{name: a, resources: {requests: {cpu: 500M, memory: 256m, cpus: 1, zzzzzz: 1}}}], initContainers: [{name: i, resources: {limits: {cpu: 2 cores}}}]}"])),
        ("what has no effect in a workload", web("minReadySeconds: 5\n  strategy: {}", ", image: x, resources: {limits: {cpu: 1, ephemeral-storage: 1Gi}, claims: [{name: gpu}]}, livenessProbe: {httpGet: {port: 1}}, env: [{name: a}], volumeMounts: [{name: v}], zzz: 1, ports: [{containerPort: 53, protocol: UDP}]").replace("    spec:\n", "    spec:\n      initContainers: [{name: i}]\n      affinity: {nodeAffinity: {a: b}}\n      tolerations: [{operator: Exists}]\n      hostNetwork: true\n      terminationGracePeriodSeconds: 5\n      dnsPolicy: Default\n      zzz: 1\n")),
        ("what has no effect in a Service", objects("Service", &["spec: {type: LoadBalancer, sessionAffinity: ClientIP, internalTrafficPolicy: Local, publishNotReadyAddresses: true, selector: {a: b}, ports: [{port: 80}, {name: dns, port: 53, protocol: UDP}]}", "spec: {clusterIP: \"fd00::1\", externalIPs: [1.2.3.4], selector: {a: b}, ports: [{port: 80}]}", "spec: {type: ExternalName, externalName: a.b}", "spec: {ports: [{port: 80}]}"]).replace("{name: n1}", "{name: n1, annotations: {service.kubernetes.io/topology-mode: Auto}}").replace("[{port: 80}, {name: dns", "[{name: a, port: 80}, {name: dns")),
        ("what has no effect in a node", objects("Node", &["spec: {taints: [{key: gpu, effect: NoSchedule}], podCIDR: \"fd00::/64\"}"])),
        ("other kinds", ["StatefulSet", "DaemonSet", "CronJob", "VerticalPodAutoscaler", "Ingress", "Gateway", "EndpointSlice", "ConfigMap", "LimitRange"].map(|kind| objects(kind, &[""])).concat()),
        ("annotations that are no text", objects("Ingress", &["spec: {}"]).replace("{name: n0}", "{name: n0, annotations: {nginx.ingress.kubernetes.io/canary: true, nginx.ingress.kubernetes.io/canary-weight: 10}}").replace("apiVersion: v1", "apiVersion: networking.k8s.io/v1")),
        ("objects that have ended", objects("Pod", &["spec: {containers: [{name: a}]}\nstatus: {phase: Succeeded}", "spec: {containers: [{name: a}]}\nstatus: {phase: Failed}"]) + "apiVersion: v1\nkind: Pod\nmetadata: {name: hook, annotations: {helm.sh/hook: test}}\nspec: {containers: [{name: a}]}\n" + "---\n" + &web("replicas: 0", "").replace("kind: Deployment", "kind: ReplicaSet")),
        ("objects of owners that are read", {
            let set = |n: u32| {
                let owned = format!("name: s{n}, ownerReferences: [{{kind: Deployment, name: d{n}}}]");
                let owner = workload(&format!("name: d{n}"), "", "");
                format!("{owner}---\n{}---\n", workload(&owned, "", "").replace("kind: Deployment\n", "kind: ReplicaSet\n"))
            };
            set(1) + &set(2)
        }),
    ]
}

#[test]
fn every_mistake_in_a_manifest_is_answered_whole() {
    let mut found = String::new();
    for (title, text) in cases() {
        let mut sources = Sources::new();
        let id = sources.add("m.yaml", text);
        let nodes = parse(&sources, id).unwrap_or_else(|problem| panic!("{title}: {}", problem.message));
        let (objects, problems) = read(&nodes, &sources);
        assert!(problems.iter().all(|problem| problem.span.is_some()), "{title}");
        found.push_str(&format!("## {title}\n{}", render(&problems, &sources, false)));
        for item in &objects.report.ignored {
            found.push_str(&format!("ignored: {}: {}\n", item.what, item.why));
        }
        found.push('\n');
    }
    let expected = include_str!("tests_texts.txt");
    for (found, expected) in found.split("## ").zip(expected.split("## ")) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
