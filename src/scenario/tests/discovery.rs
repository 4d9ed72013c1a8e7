//! Where URLs lead, seen from different clients.

use super::super::{FailureCause, Flow, Overrides, Scenario, load};
use super::{Memory, loaded};
use crate::discovery::lookup::Answer;
use crate::discovery::resolv_conf::Library;

const CLUSTER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, namespace: front}
spec:
  replicas: 3
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      POD
      containers: [{name: app, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: nginx-service, namespace: front}
spec: {clusterIP: 10.96.0.20, selector: {app: nginx}, ports: [{name: http, port: 80}, {name: admin, port: 8080, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers, namespace: front}
spec: {clusterIP: None, selector: {app: nginx}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: default}
spec: {type: ExternalName, externalName: nginx-service.front.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: second, namespace: default}
spec: {type: ExternalName, externalName: alias.default.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: default}
spec: {type: ExternalName, externalName: api.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: ping, namespace: default}
spec: {type: ExternalName, externalName: pong.default.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: pong, namespace: default}
spec: {type: ExternalName, externalName: ping.default.svc.cluster.local}
"#;

/// A scenario with one traffic to this URL, its further keys, a cluster and lines in the pod's spec.
fn text(to: &str, more: &str, cluster: &str, pod: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n  cluster: {{{cluster}}}\n  traffic: [{{name: t, to: \"{to}\", arrivals: {{poisson: {{rate: 3/s}}}}{more}}}]\n---{}",
        CLUSTER.replace("POD\n", &format!("{pod}\n"))
    )
}

fn scenario(to: &str, more: &str, cluster: &str, pod: &str) -> Scenario {
    loaded(&text(to, more, cluster, pod), &[], &Overrides::default()).variants.swap_remove(0)
}

fn flow(to: &str, more: &str, cluster: &str) -> Flow {
    scenario(to, more, cluster, "").traffic.swap_remove(0).flow
}

fn refused(to: &str, more: &str, cluster: &str, pod: &str) -> String {
    let text = text(to, more, cluster, pod);
    load("t.yaml", &text, &Memory::default(), &Overrides::default()).expect_err(to).to_string()
}

const FROM_FRONT: &str = ", from: front/deployment/nginx";
const DNS: &str =
    "dns: {replicas: 2, external: [{name: api.example.com, to: service/front/nginx-service:http, ipv6: true}]}";

#[test]
fn all_forms_of_a_name_lead_to_the_service() {
    for (to, more) in [
        ("http://nginx-service/", FROM_FRONT),
        ("http://nginx-service.front/", ""),
        ("http://nginx-service.front.svc/", ""),
        ("http://nginx-service.front.svc.cluster.local/", ""),
        ("http://nginx-service.front.svc.cluster.local./", ""),
        ("http://10.96.0.20/", ""),
        ("http://alias/", ""),
        ("http://second.default/", ""),
        ("http://alias.default/", FROM_FRONT),
    ] {
        for cluster in ["", DNS] {
            let found = flow(to, more, cluster);
            assert_eq!((found.service, found.fails), (0, None), "{to}");
            assert_eq!(found.resolution.is_some(), !cluster.is_empty() && !to.contains("10.96"), "{to}");
        }
    }
    assert_eq!(flow("http://nginx-service.front:8080/", "", "").service, 1);
    assert_eq!(flow("http://alias:8080/", "", "").service, 1, "the port of a URL is that of the Service it leads to");
    let outside = flow("http://outside/", "", DNS);
    assert_eq!((outside.service, outside.fails), (0, None));
}

#[test]
fn what_is_asked_follows_from_the_client_s_resolver() {
    let names = |more: &str| {
        let resolution = flow("http://api.example.com/", more, DNS).resolution.expect("it is looked up");
        let names = resolution.names.iter().map(|name| name.name.clone()).collect::<Vec<_>>();
        (resolution.settings.library, names.len(), names.concat().len())
    };
    assert_eq!(names("").0, Library::Glibc);
    assert_eq!(names("").1, 4);
    assert_eq!(names(", resolver: {ndots: 2}").1, 4, "the search list follows");
    assert_eq!(names(", resolver: {library: musl, ndots: 2}"), (Library::Musl, 1, "api.example.com".len()));
    let searched = flow("http://api.example.com/", "", &DNS.replace("replicas: 2", "hostSearch: [corp.example]"));
    assert_eq!(searched.resolution.expect("looked up").names[3].name, "api.example.com.corp.example");
    let domain = DNS.replace("replicas: 2", "domain: k8s.example");
    let full = flow("http://nginx-service.front.svc.k8s.example/", "", &domain);
    assert_eq!(full.resolution.expect("looked up").names.len(), 4);
    assert!(refused("http://nginx-service.front.svc.cluster.local/", "", &domain, "").contains("svc.k8s.example"));
}

#[test]
fn a_manifest_s_dns_config_decides_unless_the_scenario_does() {
    let pod =
        "dnsConfig: {options: [{name: ndots, value: \"1\"}, {name: single-request-reopen}], searches: [x.example]}";
    let of = |more: &str, cluster: &str| {
        let mut found = scenario("http://nginx-service.front/", &format!("{FROM_FRONT}{more}"), cluster, pod);
        found.traffic.swap_remove(0).flow.resolution.expect("looked up")
    };
    let own = of("", DNS);
    assert_eq!((own.names[0].name.as_str(), own.names.len()), ("nginx-service.front", 5));
    assert_eq!(own.settings.single, crate::discovery::lookup::Single::Reopen);
    let default = of("", &DNS.replace("replicas: 2", "resolver: {ndots: 3, timeout: 1s}"));
    assert_eq!(default.names[0].name, "nginx-service.front", "the cluster's default is weaker than the manifest");
    assert_eq!(default.settings.timeout.as_secs_f64(), 1.0);
    assert_eq!(of(", resolver: {ndots: 3}", DNS).names[0].name, "nginx-service.front.front.svc.cluster.local");
}

#[test]
fn pods_with_the_node_s_resolver_do_not_find_services() {
    for pod in ["dnsPolicy: Default", "hostNetwork: true"] {
        let problem = refused("http://nginx-service/", FROM_FRONT, "", pod);
        assert!(problem.contains("`nginx-service` does not resolve at the client"), "{problem}");
        assert!(problem.contains("nameserver 192.0.2.53"), "{problem}");
    }
    let pod = "hostNetwork: true\n      dnsPolicy: ClusterFirstWithHostNet";
    assert_eq!(scenario("http://nginx-service/", FROM_FRONT, "", pod).traffic[0].flow.service, 0);
    let fails = scenario(
        "http://nginx-service/",
        &format!("{FROM_FRONT}, resolver: {{missing: fail}}"),
        DNS,
        "dnsPolicy: Default",
    );
    assert_eq!(fails.traffic[0].flow.fails, Some(FailureCause::DnsNxdomain));
}

#[test]
fn names_that_lead_nowhere_are_refused_or_fail() {
    let problem = refused("http://nginx-service/", "", "", "");
    assert!(problem.contains("did you mean `http://nginx-service.front/`?"), "{problem}");
    let found = flow("http://nginx-service/", ", resolver: {missing: fail}", DNS);
    assert_eq!((found.service, found.fails), (0, Some(FailureCause::DnsNxdomain)));
    let asked = found.resolution.expect("it is asked for").names;
    assert!(asked.len() == 4 && asked.iter().all(|name| name.a.answer == Answer::NxDomain));
    assert!(refused("http://ngnix/", ", resolver: {missing: fail}", DNS, "").contains("no Service `ngnix`"));
    let circle = refused("http://ping/", "", "", "");
    assert!(circle.contains("ping.default.svc.cluster.local → pong.default.svc.cluster.local → ping"), "{circle}");
    let outside = refused("http://outside/", "", "", "");
    assert!(outside.contains("leads to `api.example.com`, outside the cluster"), "{outside}");
    assert!(refused("http://nginx-service.front/", ", resolver: {ndots: 1}", "", "").contains("no effect without"));
    assert!(refused("http://nginx-service.front/", ", resolver: {library: musl, tcp: true}", DNS, "").contains("musl"));
    assert!(
        refused("http://nginx-service.front/", ", resolver: {cache: jmv}", DNS, "").contains("did you mean `jvm`?")
    );
    assert!(refused("http://x/", "", "", "dnsPolicy: ClusterFrist").contains("must be a policy"));
    assert!(refused("http://x/", "", "", "dnsPolicy: None").contains("needs nameservers"));
}

/// A host that begins with a port and a protocol is asked for once a name, then the host that the answer names.
#[test]
fn services_are_found_by_the_names_of_their_ports() {
    let found = flow("http://_http._tcp.nginx-service/", &format!("{FROM_FRONT}, resolver: {{library: go}}"), DNS);
    assert_eq!((found.service, found.fails), (0, None));
    let resolution = found.resolution.expect("looked up");
    assert_eq!(resolution.names[0].name, "_http._tcp.nginx-service.front.svc.cluster.local");
    assert!(resolution.names.iter().all(|name| name.service) && !resolution.settings.both);
    let target = resolution.target.expect("its host is looked up too");
    assert_eq!((target.name.name.as_str(), target.settings.candidates), ("nginx-service.front.svc.cluster.local", 1));
    assert!(!target.name.service && target.settings.both);
    // The port comes with the record.
    let admin = flow("http://_admin._tcp.nginx-service.front.svc.cluster.local./", "", DNS);
    assert_eq!((admin.service, admin.resolution.map(|own| own.names.len())), (1, Some(1)));
    assert_eq!(flow("http://_http._tcp.nginx-service.front/", "", "").service, 0, "without DNS too, at no cost");
    // musl's res_search does not search.
    let musl =
        refused("http://_http._tcp.nginx-service/", &format!("{FROM_FRONT}, resolver: {{library: musl}}"), DNS, "");
    assert!(musl.contains("does not resolve at the client"), "{musl}");
    for (to, text, help) in [
        ("http://_htp._tcp.nginx-service.front/", "has no port `htp` of protocol `tcp`", "did you mean `_http._tcp`?"),
        ("http://_http._udp.nginx-service.front/", "has no port `http` of protocol `udp`", "its protocol is tcp"),
        ("http://_quite._tcp.nginx-service.front/", "no port `quite`", "its named ports are http, admin"),
        (
            "http://_http._tcp.nginx-service.front:80/",
            "`_http._tcp.nginx-service.front` brings its port along, and the URL names 80",
            "write http://_http",
        ),
        (
            "http://_http._tcp.peers.front/",
            "service/peers.front has no port `http` of protocol `tcp`",
            "its ports have no names, and without a name there is no such record",
        ),
        ("http://_http._tcp.nobody/", "no Service `nobody` in namespace `default`", "= help"),
    ] {
        let problem = refused(to, "", DNS, "");
        assert!(problem.contains(text) && problem.contains(help), "{to}: {problem}");
    }
    let fails = flow("http://_quite._tcp.nginx-service.front/", ", resolver: {missing: fail}", DNS);
    assert_eq!((fails.fails, fails.resolution.and_then(|own| own.target)), (Some(FailureCause::DnsNxdomain), None));
}

/// musl leaves out the search list for names with enough dots: what glibc finds it does not.
#[test]
fn libraries_differ_in_what_they_find() {
    assert_eq!(flow("http://nginx-service.front/", ", resolver: {ndots: 1}", DNS).fails, None);
    let problem = refused("http://nginx-service.front/", ", resolver: {ndots: 1, library: musl}", DNS, "");
    assert!(problem.contains("does not resolve at the client") && problem.contains("musl"), "{problem}");
}

#[test]
fn variables_lead_to_services_of_the_own_namespace() {
    let url = "http://$(NGINX_SERVICE_SERVICE_HOST):$(NGINX_SERVICE_SERVICE_PORT)/";
    let found = flow(url, FROM_FRONT, DNS);
    assert_eq!((found.service, found.fails, found.resolution.is_none()), (0, None, true), "no name, no lookup");
    assert_eq!(flow(&url.replace("PORT)", "PORT_ADMIN)"), FROM_FRONT, "").service, 1);
    let problem = refused(url, "", "", "");
    assert!(problem.contains("the variable `NGINX_SERVICE_SERVICE_HOST` is not set at the client"), "{problem}");
    assert!(problem.contains("is in namespace `front`, the client in `default`"), "{problem}");
    let fails = flow(url, ", resolver: {missing: fail}", "");
    assert_eq!((fails.service, fails.fails), (0, Some(FailureCause::EnvMissing)));
    let unlinked = refused(url, FROM_FRONT, "", "enableServiceLinks: false");
    assert!(unlinked.contains("enableServiceLinks: false"), "{unlinked}");
    let headless = refused("http://$(PEERS_SERVICE_HOST)/", FROM_FRONT, "", "");
    assert!(headless.contains("service/peers.front is headless"), "{headless}");
    // `tcp://10.96.0.20:80` where a number was expected: the trap of Services whose name is the variable's.
    let trap = refused("http://$(NGINX_SERVICE_SERVICE_HOST):$(NGINX_SERVICE_PORT)/", FROM_FRONT, "", "");
    assert!(trap.contains("tcp://10.96.0.20:80"), "{trap}");
    assert!(refused("http://$(REDIS_HOST)/", "", "", "").contains("variables are named after Services"));
}

#[test]
fn a_headless_service_without_pods_has_no_name() {
    let text = text("http://peers/", &format!("{FROM_FRONT}, balancer: {{policy: random}}"), DNS, "");
    let text = text.replace(", from: front/deployment/nginx", "").replace("//peers/", "//peers.front/");
    let none = text.replace("replicas: 3", "replicas: 0");
    let flow =
        |text: &str| loaded(text, &[], &Overrides::default()).variants.swap_remove(0).traffic.swap_remove(0).flow;
    assert_eq!(flow(&text).fails, None);
    assert_eq!(flow(&none).fails, Some(FailureCause::DnsNxdomain));
}

#[test]
fn a_headless_service_needs_a_balancer_or_dns() {
    let problem = refused("http://peers.front/", "", "", "");
    assert!(problem.contains("is headless") && problem.contains("with cluster.dns"), "{problem}");
    assert!(flow("http://peers.front/", "", DNS).balancer.is_none());
}

#[test]
fn autopath_answers_the_first_query() {
    let with = DNS.replace("replicas: 2", "autopath: true");
    let first = |cluster: &str, to: &str| {
        let asked = flow(to, "", cluster).resolution.expect("looked up").names;
        (asked[0].a.answer, asked[0].aaaa.answer, asked[0].a.forwarded)
    };
    assert_eq!(first(DNS, "http://api.example.com/"), (Answer::NxDomain, Answer::NxDomain, false));
    assert_eq!(first(&with, "http://api.example.com/"), (Answer::Address, Answer::Address, true));
    assert_eq!(first(&with, "http://nginx-service.front/"), (Answer::Address, Answer::NoData, false));
    assert_eq!(first(&with, "http://api.example.com./"), (Answer::Address, Answer::Address, true));
}

#[test]
fn servers_follow_the_size_of_the_cluster() {
    let servers = |cluster: &str| {
        let scenario = scenario("http://nginx-service.front/", "", cluster, "");
        scenario.cluster.dns.expect("there is DNS").servers
    };
    assert_eq!(servers("dns: {}").len(), 2);
    assert_eq!(servers("nodes: [{name: a, count: 3, cpu: \"4\"}], dns: {replicas: auto}"), [0, 1]);
    assert_eq!(servers("nodes: [{name: a, count: 50, cpu: \"64\"}], dns: {replicas: auto}").len(), 13);
    let zones = "nodes: [{name: a, count: 2, zone: z1}, {name: b, zone: z2}], dns: {replicas: 3}";
    assert_eq!(servers(zones), [0, 2, 1]);
}

#[test]
fn single_pods_have_names_and_addresses() {
    let lead_to = |to: &str, more: &str, pod: &str| {
        let scenario = scenario(to, more, "nodes: [{name: a, count: 3}]", pod);
        let service = &scenario.services[scenario.traffic[0].flow.service];
        (service.label(), service.pod, service.targets.clone())
    };
    let second = ("pod/nginx-1:80.front".to_owned(), Some(1), vec![(0, 0)]);
    for to in [
        "http://10.244.1.2/",
        "http://10.244.1.2:80/",
        "http://10-244-1-2.peers.front/",
        "http://10-244-1-2.peers.front.svc.cluster.local./",
        "http://10-244-1-2.front.pod.cluster.local/",
    ] {
        assert_eq!(lead_to(to, "", ""), second, "{to}");
    }
    assert_eq!(lead_to("http://10-244-1-2.peers/", FROM_FRONT, ""), second);
    let hosts = "hostname: web-0\n      subdomain: peers";
    let problem = refused("http://web-0.peers.front/", "", "", hosts);
    assert!(problem.contains("names 3 pods at once"), "{problem}");
    assert!(
        refused("http://10.244.0.2:81/", "", "", "").contains("no container of front/deployment/nginx has the port 81")
    );
    assert!(refused("http://10.244.9.9/", "", "", "").contains("no Service has the cluster IP 10.244.9.9"));
    assert!(refused("http://10-1-1-1.front.pod.cluster.local/", "", "", "").contains("which no pod has"));
}

#[test]
fn a_resolver_that_nobody_uses_is_told() {
    let text = text("http://nginx-service.front/", "", DNS, "");
    let entry = "  workloads: [{target: front/deployment/nginx, resolver: {library: musl}}]\n---\n";
    let loaded = loaded(&text.replacen("\n---\n", &format!("\n{entry}"), 1), &[], &Overrides::default());
    let warnings: Vec<&str> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warnings, ["front/deployment/nginx sends nothing, so its `resolver` has no effect"]);
}
