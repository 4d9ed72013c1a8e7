//! Which request goes to which Service at an ingress controller: rules by host and path, and shares of several backends.

use super::context::Context;
use super::outside::Share;
use super::services::{ServiceTable, dotted};
use super::url::Url;
use super::values::shorten;
use crate::manifest::{self, BackendObject, Canary, PathObject, PortRef, RouteObject};
use crate::yaml::nearest;

/// A controller, as far as routing goes.
#[derive(Debug)]
pub(super) struct Controller {
    /// The class whose Ingresses and Gateways are its own.
    pub(super) class: String,
    /// The ports of the Service that leads to it, as indices into the table's ports.
    pub(super) ports: std::ops::Range<usize>,
    /// Its proxy for each backend: index of the backend's port, and of the proxy.
    pub(super) backends: Vec<(usize, usize)>,
    /// The proxy that answers what no rule is for.
    pub(super) not_found: usize,
    rules: Vec<Rule>,
}

/// Where some requests go.
#[derive(Debug)]
struct Rule {
    host: Option<String>,
    path: PathObject,
    /// Whether a path was written; without one the rule is the last resort of its host.
    written: bool,
    /// Ports of Services, with their weights.
    backends: Vec<(usize, u32)>,
    /// Which share a canary takes from the others.
    canary: Option<Canary>,
}

/// Where a request goes behind a controller.
#[derive(Debug, PartialEq)]
pub(super) struct Routed {
    /// The Service port that gets most of it; that of the controller where nothing does.
    pub(super) port: usize,
    /// The proxy of that port.
    pub(super) proxy: usize,
    /// All proxies among which requests are shared out; none where there is one.
    pub(super) shares: Vec<Share>,
}

impl Controller {
    /// A controller without rules yet.
    pub(super) const fn new(class: String, ports: std::ops::Range<usize>) -> Self {
        Self { class, ports, backends: Vec::new(), not_found: 0, rules: Vec::new() }
    }

    /// The ports of Services that its rules name, each once, in order.
    pub(super) fn targets(&self) -> Vec<usize> {
        let mut targets: Vec<usize> =
            self.rules.iter().flat_map(|rule| rule.backends.iter().map(|(port, _)| *port)).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// Whether some rule is for this host by name.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.rules.iter().any(|rule| rule.host.as_deref().is_some_and(|own| host_rank(own, host).is_some()))
    }

    /// The hosts of its rules.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.host.as_deref())
    }

    /// Where a request goes.
    ///
    /// The most special host decides first: a rule for all hosts has no say where another names the host. Then the longest
    /// path, and of equals the exact one.
    pub(super) fn route(&self, url: &Url<'_>) -> Routed {
        let host = url.host.to_ascii_lowercase();
        let rank = |rule: &Rule| rule.host.as_deref().map_or(Some(0), |own| host_rank(own, &host));
        let best_host = self.rules.iter().filter_map(rank).max();
        let fits = |rule: &&Rule| rank(rule).is_some() && rank(rule) == best_host && path_fits(&rule.path, url.path);
        let weight = |rule: &Rule| (rule.written, rule.path.path.trim_end_matches('/').len(), rule.path.exact);
        let own: Vec<&Rule> = self.rules.iter().filter(fits).collect();
        // A default backend is for whatever no other rule is for, whichever host that names.
        let default = self.rules.iter().filter(|rule| rule.host.is_none() && !rule.written);
        let found = if own.is_empty() { default.collect() } else { own };
        let Some(best) = found.iter().filter(|rule| rule.canary.is_none()).map(|rule| weight(rule)).max() else {
            return self.nothing();
        };
        let main = found.iter().find(|rule| rule.canary.is_none() && weight(rule) == best);
        let canary = found.iter().find(|rule| rule.canary.is_some() && weight(rule) == best);
        let Some(main) = main else { return self.nothing() };
        let mut shares: Vec<(usize, u64)> =
            main.backends.iter().map(|(port, weight)| (*port, u64::from(*weight))).collect();
        if let Some((rule, Canary { weight, total })) = canary.and_then(|rule| Some((rule, rule.canary?))) {
            let sum: u64 = shares.iter().map(|(_, weight)| weight).sum();
            shares.iter_mut().for_each(|(_, own)| *own *= u64::from(total - weight));
            shares.extend(rule.backends.first().map(|(port, _)| (*port, u64::from(weight) * sum)));
        }
        self.shared(&shares)
    }

    fn shared(&self, shares: &[(usize, u64)]) -> Routed {
        let there: Vec<(usize, u64)> = shares.iter().copied().filter(|(_, weight)| *weight > 0).collect();
        let Some((port, _)) = there.iter().rev().max_by_key(|(_, weight)| *weight).copied() else {
            return self.nothing();
        };
        let total: u64 = there.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0;
        let shares = there.iter().map(|(port, weight)| {
            sum += weight;
            Share { proxy: self.proxy_of(*port), service: *port, up_to: sum as f64 / total as f64 }
        });
        let shares: Vec<Share> = shares.collect();
        Routed { port, proxy: self.proxy_of(port), shares: if there.len() > 1 { shares } else { Vec::new() } }
    }

    fn proxy_of(&self, port: usize) -> usize {
        let found = self.backends.iter().find(|(own, _)| *own == port);
        found.map_or(self.not_found, |(_, proxy)| *proxy)
    }

    fn nothing(&self) -> Routed {
        Routed { port: self.ports.start, proxy: self.not_found, shares: Vec::new() }
    }
}

/// How specially a rule's host names a host; `None` where it does not.
fn host_rank(own: &str, host: &str) -> Option<usize> {
    match own.strip_prefix("*.") {
        None => (own == host).then_some(usize::MAX),
        Some(rest) => {
            let (label, tail) = host.split_once('.')?;
            (!label.is_empty() && tail == rest).then_some(own.len())
        }
    }
}

/// Whether a path is the rule's, or, element by element, below it.
fn path_fits(rule: &PathObject, path: &str) -> bool {
    if rule.exact {
        return rule.path == path;
    }
    let prefix = rule.path.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Gives each controller the rules of its Ingresses and HTTPRoutes.
pub(super) fn give_rules(
    cx: &mut Context<'_>,
    controllers: &mut [Controller],
    manifests: &manifest::Objects,
    services: &ServiceTable,
) {
    for route in &manifests.routes {
        let label = named(route);
        if controllers.is_empty() {
            cx.ignore(label, "no controller reads it: write one under cluster.ingress".to_owned());
            continue;
        }
        let classes = classes(cx, route, controllers, manifests);
        let rules = rules(cx, route, services);
        for class in classes {
            for controller in controllers.iter_mut().filter(|controller| controller.class == class) {
                controller.rules.extend(rules.iter().map(Rule::again));
            }
            let count = route.rules.len();
            let canary = route.canary.map_or_else(String::new, |canary| {
                format!(", a canary for {} of {} requests", canary.weight, canary.total)
            });
            let rules = if count == 1 { "rule" } else { "rules" };
            cx.used.push(format!("{label}: {count} {rules} of the controller {class}{canary}"));
        }
    }
    for gateway in manifests.gateways.iter().filter(|_| !controllers.is_empty()) {
        if !controllers.iter().any(|controller| controller.class == gateway.class) {
            unknown_class(cx, gateway.span, &format!("Gateway/{}", gateway.name), &gateway.class, controllers);
        }
    }
}

impl Rule {
    fn again(&self) -> Self {
        let Self { host, path, written, backends, canary } = self;
        Self { host: host.clone(), path: path.clone(), written: *written, backends: backends.clone(), canary: *canary }
    }
}

fn named(route: &RouteObject) -> String {
    match route.namespace.as_str() {
        "default" => format!("{}/{}", route.kind, route.name),
        namespace => format!("{namespace}/{}/{}", route.kind, route.name),
    }
}

/// The classes of the controllers that read a route.
fn classes(
    cx: &mut Context<'_>,
    route: &RouteObject,
    controllers: &[Controller],
    manifests: &manifest::Objects,
) -> Vec<String> {
    let label = named(route);
    if route.kind == "HTTPRoute" {
        let mut found = Vec::new();
        for (namespace, name, span) in &route.parents {
            let own = |gateway: &&manifest::GatewayObject| gateway.namespace == *namespace && gateway.name == *name;
            match manifests.gateways.iter().find(own) {
                Some(gateway) => found.push(gateway.class.clone()),
                None => {
                    let known = manifests.gateways.iter().map(|gateway| gateway.name.as_str());
                    let help = match nearest(name, known) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "list the Gateway's manifest, too".to_owned(),
                    };
                    let gateway = dotted(namespace, name);
                    cx.problem_help(*span, format!("{label}: there is no Gateway `{}`", shorten(&gateway)), help);
                }
            }
        }
        if route.parents.is_empty() {
            cx.problem_help(route.span, format!("{label} has no parentRefs"), "name its Gateway under `parentRefs`");
        }
        return found;
    }
    match (&route.class, controllers) {
        (Some((class, span)), _) => {
            if !controllers.iter().any(|controller| controller.class == *class) {
                unknown_class(cx, *span, &label, class, controllers);
                return Vec::new();
            }
            vec![class.clone()]
        }
        (None, [only]) => vec![only.class.clone()],
        (None, _) => {
            let known = controllers.iter().map(|controller| controller.class.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("{label} has no ingressClassName, and there are several controllers");
            cx.problem_help(route.span, message, format!("write `ingressClassName:` with one of {known}"));
            Vec::new()
        }
    }
}

fn unknown_class(cx: &mut Context<'_>, span: crate::yaml::Span, label: &str, class: &str, controllers: &[Controller]) {
    let known = controllers.iter().map(|controller| controller.class.as_str());
    let help = match nearest(class, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the classes of cluster.ingress are {}", shorten(&known.collect::<Vec<_>>().join(", "))),
    };
    cx.problem_help(span, format!("{label}: no controller is of class `{}`", shorten(class)), help);
}

/// The rules of a route, each for one host and one path.
fn rules(cx: &mut Context<'_>, route: &RouteObject, services: &ServiceTable) -> Vec<Rule> {
    let label = named(route);
    let mut rules = Vec::new();
    for rule in &route.rules {
        let backends: Vec<(usize, u32)> = rule
            .backends
            .iter()
            .filter_map(|backend| Some((backend_port(cx, &label, backend, services)?, backend.weight)))
            .collect();
        let hosts: Vec<Option<String>> =
            if rule.hosts.is_empty() { vec![None] } else { rule.hosts.iter().cloned().map(Some).collect() };
        let any = [PathObject { exact: false, path: "/".to_owned() }];
        let paths: &[PathObject] = if rule.paths.is_empty() { &any } else { &rule.paths };
        // Of an Ingress only the default backend has no path; a rule of an HTTPRoute without matches is for `/`.
        let written = !rule.paths.is_empty() || route.kind == "HTTPRoute";
        for host in hosts {
            for path in paths {
                let (path, backends) = (path.clone(), backends.clone());
                rules.push(Rule { host: host.clone(), path, written, backends, canary: route.canary });
            }
        }
    }
    rules
}

/// The Service port of a backend.
fn backend_port(cx: &mut Context<'_>, label: &str, backend: &BackendObject, services: &ServiceTable) -> Option<usize> {
    let own = |group: &&super::services::Group| group.namespace == backend.namespace && group.name == backend.service;
    let service = dotted(&backend.namespace, &backend.service);
    let Some(group) = services.groups.iter().find(own) else {
        let here = services.groups.iter().filter(|group| group.namespace == backend.namespace);
        let known: Vec<&str> = here.map(|group| group.name.as_str()).collect();
        let help = match nearest(&backend.service, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("there is no Service in namespace `{}`", backend.namespace),
            None => format!("the Services there are {}", shorten(&known.join(", "))),
        };
        cx.problem_help(backend.span, format!("{label}: there is no service/{service}"), help);
        return None;
    };
    let ports = &services.ports[group.first..group.first + group.count];
    let fits = |port: &super::Service| match &backend.port {
        PortRef::Number(number) => port.port == *number,
        PortRef::Name(name) => port.port_name.as_ref() == Some(name),
    };
    let Some(position) = ports.iter().position(fits) else {
        let wanted = match &backend.port {
            PortRef::Number(number) => number.to_string(),
            PortRef::Name(name) => format!("`{name}`"),
        };
        let known = ports.iter().map(|port| match &port.port_name {
            Some(name) => format!("{} ({name})", port.port),
            None => port.port.to_string(),
        });
        let help = format!("its ports are {}", known.collect::<Vec<_>>().join(", "));
        cx.problem_help(backend.span, format!("{label}: service/{service} has no port {wanted}"), help);
        return None;
    };
    if let Some((message, help)) = group.reason(position) {
        let message = format!("{label} leads to service/{service}, which {message}");
        match help {
            Some(help) => cx.problem_help(backend.span, message, help.clone()),
            None => cx.problem(backend.span, message),
        }
        return None;
    }
    Some(group.first + position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(host: Option<&str>, path: &str, exact: bool, port: usize) -> Rule {
        let path = PathObject { exact, path: path.to_owned() };
        Rule { host: host.map(str::to_owned), path, written: true, backends: vec![(port, 1)], canary: None }
    }

    fn routed(rules: Vec<Rule>, text: &str) -> usize {
        let controller = Controller { class: String::new(), ports: 99..100, backends: Vec::new(), not_found: 0, rules };
        controller.route(&super::super::url::parse(text).expect("a URL")).port
    }

    /// The table of the Kubernetes page on Ingress, "Multiple matches" and "Path types".
    #[test]
    fn prefixes_go_by_elements_and_the_longest_wins() {
        let rules = || {
            vec![
                rule(None, "/", false, 0),
                rule(None, "/aaa", false, 1),
                rule(None, "/aaa/bbb/", false, 2),
                rule(None, "/aaa/bbb", true, 3),
            ]
        };
        for (path, port) in [
            ("/", 0),
            ("/aaab", 0),
            ("/aaa", 1),
            ("/aaa/", 1),
            ("/aaa/bbb", 3),
            ("/aaa/bbb/", 2),
            ("/aaa/bbb/ccc", 2),
            ("/aaa/bbbxyz", 1),
        ] {
            assert_eq!(routed(rules(), &format!("http://x{path}")), port, "{path}");
        }
        assert_eq!(routed(vec![rule(None, "/foo", true, 0)], "http://x/foo/"), 99);
        assert_eq!(routed(vec![rule(None, "/foo", true, 0)], "http://x/FOO"), 99);
    }

    #[test]
    fn the_most_special_host_decides_first() {
        let rules = || {
            vec![
                rule(None, "/long/path", false, 0),
                rule(Some("*.example.com"), "/long", false, 1),
                rule(Some("shop.example.com"), "/", false, 2),
            ]
        };
        assert_eq!(routed(rules(), "http://shop.example.com/long/path"), 2);
        assert_eq!(routed(rules(), "http://other.example.com/long/path"), 1);
        assert_eq!(routed(rules(), "http://a.b.example.com/long/path"), 0, "a star is one label");
        assert_eq!(routed(rules(), "http://other.example.com/short"), 99);
        assert_eq!(routed(rules(), "http://elsewhere.org/short"), 99);
    }

    #[test]
    fn canaries_and_weights_share_requests_out() {
        let canary = Rule { canary: Some(Canary { weight: 30, total: 100 }), ..rule(None, "/", false, 7) };
        let mut controller = Controller::new(String::new(), 99..100);
        controller.rules = vec![rule(None, "/", false, 5), canary];
        controller.backends = vec![(5, 50), (7, 70)];
        let url = super::super::url::parse("http://x/").expect("a URL");
        let routed = controller.route(&url);
        assert_eq!((routed.port, routed.proxy), (5, 50));
        let shares: Vec<(usize, f64)> = routed.shares.iter().map(|share| (share.proxy, share.up_to)).collect();
        assert_eq!(shares, [(50, 0.7), (70, 1.0)]);
        controller.rules[1].canary = Some(Canary { weight: 0, total: 100 });
        assert!(controller.route(&url).shares.is_empty());
        controller.rules[1].canary = Some(Canary { weight: 100, total: 100 });
        assert_eq!(controller.route(&url).proxy, 70);
    }
}
