//! Addresses of Services, pods that are no endpoints, and `localhost`: what is found and what is answered.

use std::net::Ipv4Addr;

use super::super::{Overrides, load};
use super::{Memory, first, same_blocks};

/// A scenario with these manifests and parts of `spec`.
fn scenario(cluster: &str, traffic: &str, services: &[&str]) -> String {
    let pods = "\
---
apiVersion: v1
kind: Pod
metadata: {name: front, labels: {app: web}}
spec:
  containers: [{name: proxy, ports: [{name: http, containerPort: 80}]}, {name: app, ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: back, labels: {app: web}}
spec: {containers: [{name: other, ports: [{name: other, containerPort: 9090}]}]}
";
    let services: String =
        services.iter().map(|text| format!("---\napiVersion: v1\nkind: Service\n{text}\n")).collect();
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n  cluster: {{nodes: [{{name: n}}]{cluster}}}\n  traffic: [{{name: t, arrivals: {{poisson: {{rate: 3/s}}}}, {traffic}}}]\n{pods}{services}"
    )
}

fn named(name: &str, ip: &str) -> String {
    let ip = if ip.is_empty() { String::new() } else { format!("clusterIP: {ip}, ") };
    format!("metadata: {{name: {name}}}\nspec: {{{ip}selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]}}")
}

const TO_A: &str = "to: http://a/";

fn addresses(cluster: &str, services: &[(&str, &str)]) -> Vec<String> {
    let services: Vec<String> = services.iter().map(|(name, ip)| named(name, ip)).collect();
    let text = scenario(cluster, TO_A, &services.iter().map(String::as_str).collect::<Vec<_>>());
    first(&text).services.iter().map(|service| Ipv4Addr::from(service.cluster_ip).to_string()).collect()
}

#[test]
fn addresses_come_from_the_upper_band() {
    let services = [("a", ""), ("b", "10.96.1.1"), ("c", ""), ("d", "10.96.0.77")];
    assert_eq!(addresses("", &services), ["10.96.1.2", "10.96.1.1", "10.96.1.3", "10.96.0.77"]);
    // A range of thirty-two has a lower band of sixteen: 17 to 30 come first, then 2 to 9, as 1 and 10 are taken.
    let names: Vec<String> = (0..22).map(|index| format!("{}", char::from(b'a' + index))).collect();
    let services: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let given = addresses(", serviceCIDR: 172.20.0.0/27", &services);
    let last = |address: &String| address.rsplit('.').next().and_then(|last| last.parse::<u8>().ok()).unwrap_or(0);
    assert_eq!(given.iter().map(last).collect::<Vec<_>>(), (17..=30).chain(2..=9).collect::<Vec<u8>>());
    // What manifests of another cluster write down is taken as it is.
    assert_eq!(addresses("", &[("a", "34.118.0.9"), ("b", "")]), ["34.118.0.9", "10.96.1.1"]);
}

#[test]
fn pods_without_a_port_of_that_name_are_no_endpoints() {
    let text = scenario("", TO_A, &[&named("a", "")]);
    let loaded = load("shop.yaml", &text, &Memory::default(), &Overrides::default()).expect("a valid scenario");
    assert_eq!(loaded.variants[0].services[0].targets, [(0, 0)]);
    let ignored: Vec<String> =
        loaded.report.ignored.iter().map(|item| format!("{}: {}", item.what, item.why)).collect();
    assert_eq!(ignored, ["Service/a: the pods of pod/back have no port `http`: none is an endpoint"]);
}

#[test]
fn localhost_is_the_own_pod() {
    let of = |to: &str| {
        let loaded = first(&scenario("", &format!("from: pod/front, {to}"), &[]));
        let service = &loaded.services[loaded.traffic[0].flow.service];
        (service.label(), service.loopback, service.targets.clone(), loaded.traffic[0].flow.fails)
    };
    assert_eq!(of("to: http://localhost/"), ("localhost/front:80".to_owned(), true, vec![(0, 0)], None));
    assert_eq!(of("to: http://127.0.0.1:8080/"), ("localhost/front:8080".to_owned(), true, vec![(0, 1)], None));
    // The other pod's port is not this one's.
    let refused = of("resolver: {missing: fail}, to: http://localhost:9090/");
    assert_eq!(refused, ("localhost/front:9090".to_owned(), true, vec![], Some(crate::cause::FailureCause::Refused)));
}

/// A Service `a` without a selector, and what is written by hand about it.
fn by_hand(slice: &str) -> String {
    let service = "metadata: {name: a}\nspec: {ports: [{name: web, port: 80}]}";
    format!("{}---\n{slice}\n", scenario("", TO_A, &[service]))
}

fn slice(more: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: a-1, labels: {{kubernetes.io/service-name: a}}}}\naddressType: IPv4\n{more}"
    )
}

#[test]
fn endpoints_written_by_hand_are_pods_by_their_addresses() {
    let slices = slice(
        "endpoints: [{addresses: [10.244.0.2]}, {addresses: [10.244.0.3], conditions: {ready: false}}]\nports: [{name: web, port: 8080}]",
    );
    let endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\nsubsets: [{addresses: [{ip: 10.244.0.2}], notReadyAddresses: [{ip: 10.244.0.3}], ports: [{name: web, port: 8080}]}]";
    for text in [slices.as_str(), endpoints] {
        let scenario = first(&by_hand(text));
        let service = &scenario.services[0];
        // The application of the first pod, on the port that the slice says.
        assert_eq!((&service.targets, &service.only), (&vec![(0, 1)], &vec![(0, 0)]));
    }
}

#[test]
fn what_cannot_be_is_answered_whole() {
    let a = named("a", "");
    let many: Vec<String> = (0..31).map(|index| named(&format!("s{index}"), "")).collect();
    let many: Vec<&str> = std::iter::once(a.as_str()).chain(many.iter().map(String::as_str)).collect();
    let cases = [
        ("the same cluster IP twice", scenario("", TO_A, &[&a, &named("b", "10.96.0.50"), &named("c", "10.96.0.50")])),
        ("a cluster IP of another range", scenario(", serviceCIDR: 10.0.0.0/16", TO_A, &[&a, &named("b", "10.1.0.1")])),
        ("a range that is none", scenario(", serviceCIDR: 10.0.0.0/8", TO_A, &[&a])),
        ("a range that is used up", scenario(", serviceCIDR: 10.0.0.0/27", TO_A, &many)),
        ("localhost of nobody", scenario("", "to: http://localhost/", &[])),
        ("localhost of another", scenario("", "from: pod/back, to: http://localhost/", &[])),
        ("nobody wrote a slice", by_hand("")),
        ("a slice of nobody", by_hand(&slice("endpoints: [{addresses: [10.0.0.9]}]\nports: [{name: web, port: 80}]"))),
        (
            "a slice with another port",
            by_hand(&slice("endpoints: [{addresses: [10.244.0.2]}]\nports: [{name: web, port: 81}]")),
        ),
        (
            "a slice with a port of another name",
            by_hand(&slice("endpoints: [{addresses: [10.244.0.2]}]\nports: [{port: 80}]")),
        ),
        (
            "a headless Service without a selector, of nobody",
            scenario("", TO_A, &["metadata: {name: a}\nspec: {clusterIP: None, ports: [{port: 80}]}"]),
        ),
        (
            "a headless Service with two ports for one",
            by_hand(&format!(
                "{}\n---\n{}",
                slice("endpoints: [{addresses: [10.244.0.2]}]\nports: [{name: web, port: 8080}]"),
                slice("endpoints: [{addresses: [10.244.0.3]}]\nports: [{name: web, port: 8081}]").replace("a-1", "a-2")
            ))
            .replace("spec: {ports:", "spec: {clusterIP: None, ports:"),
        ),
        (
            "localhost with a balancer",
            scenario("", "from: pod/front, to: http://localhost/, balancer: {policy: round-robin}", &[]),
        ),
    ];
    let mut found = String::new();
    for (title, text) in cases {
        let Err(failure) = load("shop.yaml", &text, &Memory::default(), &Overrides::default()) else {
            panic!("{title} was accepted");
        };
        found.push_str(&format!("## {title}\n{}\n", failure.render(false)));
    }
    same_blocks(&found, include_str!("services.txt"));
}
