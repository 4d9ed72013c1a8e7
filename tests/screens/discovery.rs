//! What is said of names, addresses and variables that lead nowhere, and of what manifests say of them.

use windtunnel::discovery::slices::topology::Off;

use super::{Screen, same_screens};

fn workload(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: front}}\nspec:\n  \
         replicas: 2\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
         spec:\n      {more}\n      containers: [{{name: app, ports: [{{containerPort: 80}}]}}]\n"
    )
}

fn service(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"
    )
}

/// Pods that see names in different ways, and Services of every kind.
fn cluster() -> String {
    let alias = |name: &str, of: &str| service(name, "default", &format!("type: ExternalName, externalName: {of}"));
    [
        workload("web", ""),
        workload("named", "hostname: web-0\n      subdomain: peers"),
        workload("linkless", "enableServiceLinks: false"),
        workload("hosted", "hostNetwork: true"),
        service("web", "front", "clusterIP: 10.96.0.20, selector: {app: web}, ports: [{port: 80}]"),
        service("peers", "front", "clusterIP: None, selector: {app: named}, ports: [{port: 80}]"),
        service(
            "old",
            "front",
            "type: ClusterIP, ipFamilies: [IPv6], clusterIP: \"fd00::1\", selector: {app: web}, ports: [{port: 80}]",
        ),
        service("ported", "front", "selector: {app: web}, ports: [{name: http, port: 80}]"),
        service("bare", "front", "ports: [{port: 80}]"),
        service("lone", "front", "clusterIP: None, ports: [{port: 80}]"),
        service("none", "front", "clusterIP: 10.96.0.21, selector: {app: wep}, ports: [{port: 80}]"),
        alias("outside", "api.example.com"),
        alias("ping", "pong.default.svc.cluster.local"),
        alias("pong", "ping.default.svc.cluster.local"),
    ]
    .concat()
}

/// A scenario with a traffic for each of these: who asks, for what, and further keys.
fn scenario(dns: &str, traffics: &[(&str, &str, &str)]) -> String {
    let mut text = format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: names}}\nspec:\n  manifests: [cluster.yaml]\n  \
         cluster: {{nodes: [{{name: n, count: 2}}]{dns}}}\n  traffic:\n"
    );
    for (number, (from, to, more)) in traffics.iter().enumerate() {
        let from = if from.is_empty() { String::new() } else { format!("from: front/deployment/{from}, ") };
        text.push_str(&format!(
            "    - {{name: t{number}, {from}to: \"http://{to}/\", {more}arrivals: {{constant: {{rate: 1/s}}}}}}\n"
        ));
    }
    text
}

fn screen(title: &'static str, text: &str) -> Screen {
    Screen::of(title).file("cluster.yaml", cluster()).file("names.yaml", text).run("check names.yaml")
}

#[test]
fn names_that_lead_nowhere_say_why() {
    let traffics = [
        ("", "web", ""),
        ("", "wep.front", ""),
        ("", "web.font", ""),
        ("", "none.front", ""),
        ("", "old.front", ""),
        ("", "bare.front", ""),
        ("", "lone.front", ""),
        ("", "web.front:8080", ""),
        ("", "peers.front", ""),
        ("", "_http._tcp.web.front", ""),
        ("", "_http._tcp.ported.front:80", ""),
        ("", "_htpp._tcp.ported.front", ""),
        ("", "_http._udp.ported.front", ""),
        ("", "outside", ""),
        ("", "ping", ""),
        ("", "10.96.0.99", ""),
        ("", "10.244.0.2:81", ""),
        ("", "10-1-1-1.front.pod.cluster.local", ""),
        ("", "web-0.peers.front", ""),
        ("hosted", "web", ""),
        ("", "$(REDIS_HOST)", ""),
        ("", "$(WEB_SERVICE_HOST)", ""),
        ("linkless", "$(WEB_SERVICE_HOST)", ""),
        ("web", "$(PEERS_SERVICE_HOST)", ""),
        ("web", "$(WEB_SERVICE_HOTS)", ""),
        ("web", "$(WEB_SERVICE_ADDRESS_AND_PORT)", ""),
        ("web", "$(WEB_SERVICE_HOST):$(WEB_PORT)", ""),
        ("web", "web", "resolver: {library: musl}, "),
    ];
    same_screens("names.txt", &[screen("names, addresses and variables", &scenario("", &traffics))]);
}

#[test]
fn settings_of_resolvers_are_answered_with_what_there_is() {
    let traffics = [
        ("", "web.front", "resolver: {library: musl, singleRequest: true, tcp: true}, "),
        ("", "web.front", "resolver: {library: ulibc}, "),
        ("", "web.front", "resolver: {cache: jmv}, "),
        ("", "web.front", "resolver: {cache: always}, "),
        ("", "web.front", "resolver: {cache: {tll: 5s}}, "),
        ("", "web.front", "resolver: {missing: maybe}, "),
        ("", "web.front", "resolver: {family: ipv6}, "),
        ("", "web.front", "resolver: {ndots: many}, "),
        ("", "web.front", "resolver: {ndots: 1, library: musl}, "),
    ];
    let externals = ", dns: {external: [{name: api.example.com, to: service/front/peers}, {name: a/b, to: service/front/web}, \
                     {name: c, to: service/front/wep}, {name: d, to: service/front/database}, {name: e, to: service/fornt/web}, {to: service/front/web}]}";
    let good = [("", "web.front", "")];
    same_screens(
        "resolvers.txt",
        &[
            screen("resolvers", &scenario(", dns: {}", &traffics)),
            screen("names outside", &scenario(externals, &good)),
            screen(
                "dns",
                &scenario(
                    ", dns: {replicas: 0, concurrency: x, loss: 2, race: -1, cache: 5, serviceTime: 5, nodelocal: true}",
                    &good,
                ),
            ),
            screen("what is assumed", &scenario(", dns: {}", &good)),
        ],
    );
}

#[test]
fn manifests_of_names_and_sessions_are_read_or_refused() {
    let pod = |number: u32, spec: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, labels: {{app: p}}}}\nspec:\n  {spec}\n  \
             containers: [{{name: app, ports: [{{containerPort: 80}}]}}]\n"
        )
    };
    let usual = "selector: {app: p}, ports: [{port: 80}]";
    let refused = [
        pod(0, "dnsPolicy: ClusterFrist"),
        pod(1, "dnsPolicy: None"),
        pod(4, "dnsPolicy: Somehow"),
        pod(2, "dnsConfig: {options: [{value: \"2\"}], searches: x}"),
        pod(3, "dnsConfig: 5"),
        service("a", "default", "type: ExternalName"),
        service("b", "default", &format!("sessionAffinity: ClientIp, {usual}")),
        service("c", "default", &format!("sessionAffinity: Cookie, {usual}")),
        service(
            "d",
            "default",
            &format!("sessionAffinity: ClientIP, sessionAffinityConfig: {{clientIP: {{timeoutSeconds: 0}}}}, {usual}"),
        ),
        service("f", "default", &format!("type: Ingress, {usual}")),
        service("e", "default", &format!("type: NodePrt, {usual}")),
    ]
    .concat();
    let ignored = [
        pod(0, "hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]"),
        service("a", "default", &format!("clusterIP: None, sessionAffinity: ClientIP, {usual}")),
        service("b", "default", &format!("sessionAffinityConfig: {{clientIP: {{timeoutSeconds: 5}}}}, {usual}")),
    ]
    .concat();
    let text = scenario("", &[("", "b.default", "")]);
    let screen = |title, manifests: &str| {
        Screen::of(title).file("cluster.yaml", manifests).file("names.yaml", &text).run("check names.yaml")
    };
    same_screens("names_manifests.txt", &[screen("refused", &refused), screen("without effect", &ignored)]);
}

/// They stand in `events.csv`, behind what happened to the endpoints.
#[test]
fn hints_that_are_off_say_why() {
    assert_eq!(Off::Nodes.as_str(), "nodes in one zone, or without CPU");
    assert_eq!(Off::TooFew.as_str(), "fewer endpoints than zones");
    assert_eq!(Off::Overload.as_str(), "some zone would be overloaded by more than 20 %");
}
