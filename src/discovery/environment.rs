//! The environment variables by which the kubelet tells a container of Services, and references to them.
//!
//! Sources: the kubelet's `getServiceEnvVarMap` and `envvars` packages; Kubernetes, "Service: Discovering services".
//!
//! A container gets them when it is created, and keeps them: the list of Services given here is the one of that moment.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A Service as the kubelet knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownService {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `spec.clusterIP`; headless Services and `ExternalName` have none.
    pub cluster_ip: Option<Ipv4Addr>,
    /// Its ports, in order.
    pub ports: Vec<KnownPort>,
}

/// A port of such a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPort {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its number.
    pub port: u16,
    /// `TCP` or `UDP`.
    pub protocol: &'static str,
}

/// The Service of the API server, which every container is told of.
const MASTER: (&str, &str) = ("default", "kubernetes");

/// The variables of a container that is created while these Services are known.
///
/// Those of the pod's own namespace, if it has `enableServiceLinks`; of other namespaces never, but for `kubernetes` in
/// `default`, unless the pod's own namespace has a Service of that name. Whether a Service has endpoints does not matter.
#[must_use]
pub fn service_variables(
    services: &[KnownService],
    namespace: &str,
    enable_service_links: bool,
) -> BTreeMap<String, String> {
    let mut chosen: BTreeMap<&str, &KnownService> = BTreeMap::new();
    for service in services.iter().filter(|service| service.cluster_ip.is_some()) {
        let own = service.namespace == namespace && enable_service_links;
        let master = (service.namespace.as_str(), service.name.as_str()) == MASTER;
        if own {
            chosen.insert(&service.name, service);
        } else if master {
            chosen.entry(&service.name).or_insert(service);
        }
    }
    chosen.values().flat_map(|service| variables(service)).collect()
}

/// The variables of one Service: 3 + named ports + 4 × ports, where it has any.
fn variables(service: &KnownService) -> Vec<(String, String)> {
    let (Some(address), Some(first)) = (service.cluster_ip, service.ports.first()) else { return Vec::new() };
    let name = mangled(&service.name);
    let url = |port: &KnownPort| format!("{}://{address}:{}", port.protocol.to_ascii_lowercase(), port.port);
    let mut variables = vec![
        (format!("{name}_SERVICE_HOST"), address.to_string()),
        (format!("{name}_SERVICE_PORT"), first.port.to_string()),
        (format!("{name}_PORT"), url(first)),
    ];
    for port in &service.ports {
        if let Some(own) = &port.name {
            variables.push((format!("{name}_SERVICE_PORT_{}", mangled(own)), port.port.to_string()));
        }
        let prefix = format!("{name}_PORT_{}_{}", port.port, port.protocol.to_ascii_uppercase());
        variables.push((prefix.clone(), url(port)));
        variables.push((format!("{prefix}_PROTO"), port.protocol.to_ascii_lowercase()));
        variables.push((format!("{prefix}_PORT"), port.port.to_string()));
        variables.push((format!("{prefix}_ADDR"), address.to_string()));
    }
    variables
}

/// A name as part of a variable's: in capitals, `_` for `-`.
#[must_use]
pub fn mangled(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Replaces `$(NAME)` by the variable's value; what is not known stays as it is, and `$$` is one `$`.
#[must_use]
pub fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded += &rest[..at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
            match value(name) {
                Some(value) => expanded += &value,
                None => expanded += &format!("$({name})"),
            }
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded + rest
}

/// The first reference that [`expand`] leaves as it is.
#[must_use]
pub fn first_unknown(expanded: &str) -> Option<&str> {
    let (_, inside) = expanded.split_once("$(")?;
    inside.split_once(')').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: Option<&str>, port: u16) -> KnownPort {
        KnownPort { name: name.map(str::to_owned), port, protocol: "TCP" }
    }

    fn service(namespace: &str, name: &str, last: Option<u8>, ports: Vec<KnownPort>) -> KnownService {
        let cluster_ip = last.map(|last| Ipv4Addr::new(10, 0, 0, last));
        KnownService { namespace: namespace.to_owned(), name: name.to_owned(), cluster_ip, ports }
    }

    fn kubernetes() -> KnownService {
        service("default", "kubernetes", Some(1), vec![port(Some("https"), 443)])
    }

    fn provider() -> KnownService {
        service("front", "nginx-provider", Some(11), vec![port(Some("http"), 80), port(Some("metrics"), 9113)])
    }

    fn names(variables: &BTreeMap<String, String>) -> Vec<&str> {
        variables.keys().map(String::as_str).filter(|name| !name.starts_with("KUBERNETES_")).collect()
    }

    #[test]
    fn a_service_of_the_pod_s_namespace_is_there_with_all_its_ports() {
        let variables = service_variables(&[kubernetes(), provider()], "front", true);
        let expected = [
            ("NGINX_PROVIDER_PORT", "tcp://10.0.0.11:80"),
            ("NGINX_PROVIDER_PORT_80_TCP", "tcp://10.0.0.11:80"),
            ("NGINX_PROVIDER_PORT_80_TCP_ADDR", "10.0.0.11"),
            ("NGINX_PROVIDER_PORT_80_TCP_PORT", "80"),
            ("NGINX_PROVIDER_PORT_80_TCP_PROTO", "tcp"),
            ("NGINX_PROVIDER_PORT_9113_TCP", "tcp://10.0.0.11:9113"),
            ("NGINX_PROVIDER_PORT_9113_TCP_ADDR", "10.0.0.11"),
            ("NGINX_PROVIDER_PORT_9113_TCP_PORT", "9113"),
            ("NGINX_PROVIDER_PORT_9113_TCP_PROTO", "tcp"),
            ("NGINX_PROVIDER_SERVICE_HOST", "10.0.0.11"),
            ("NGINX_PROVIDER_SERVICE_PORT", "80"),
            ("NGINX_PROVIDER_SERVICE_PORT_HTTP", "80"),
            ("NGINX_PROVIDER_SERVICE_PORT_METRICS", "9113"),
        ];
        for (name, value) in expected {
            assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(names(&variables).len(), expected.len());
    }

    #[test]
    fn other_namespaces_and_services_without_an_address_are_absent() {
        assert!(names(&service_variables(&[kubernetes(), provider()], "default", true)).is_empty());
        let without = [
            kubernetes(),
            service("front", "headless", None, vec![port(None, 80)]),
            service("front", "external", None, Vec::new()),
        ];
        assert!(names(&service_variables(&without, "front", true)).is_empty());
    }

    #[test]
    fn without_links_only_the_api_server_is_told() {
        let variables = service_variables(&[kubernetes(), provider()], "front", false);
        assert!(names(&variables).is_empty());
        assert_eq!(variables.get("KUBERNETES_SERVICE_HOST").map(String::as_str), Some("10.0.0.1"));
        assert_eq!(variables.len(), 8);
        // A Service of that name in the pod's own namespace takes the place, in whatever order they stand.
        let own = service("front", "kubernetes", Some(99), vec![port(None, 80)]);
        for list in [[kubernetes(), own.clone()], [own.clone(), kubernetes()]] {
            let host = |links| service_variables(&list, "front", links)["KUBERNETES_SERVICE_HOST"].clone();
            assert_eq!((host(true).as_str(), host(false).as_str()), ("10.0.0.99", "10.0.0.1"));
        }
    }

    /// Variables are those of the moment of creation: later Services are absent until the container starts again, and
    /// a Service that comes back has its old address in them.
    #[test]
    fn variables_are_a_snapshot() {
        let mut services = vec![kubernetes()];
        let first_start = service_variables(&services, "front", true);
        services.push(provider());
        let restarted = service_variables(&services, "front", true);
        services[1].cluster_ip = Some(Ipv4Addr::new(10, 0, 0, 77));
        let after_that = service_variables(&services, "front", true);
        let host = |variables: &BTreeMap<String, String>| variables.get("NGINX_PROVIDER_SERVICE_HOST").cloned();
        assert_eq!(host(&first_start), None);
        assert_eq!(host(&restarted).as_deref(), Some("10.0.0.11"));
        assert_eq!(host(&after_that).as_deref(), Some("10.0.0.77"));
    }

    #[test]
    fn references_are_expanded_once() {
        let value = |name: &str| match name {
            "HOST" => Some("10.0.0.11".to_owned()),
            "NESTED" => Some("$(HOST)".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("http://$(HOST):80/", "http://10.0.0.11:80/"),
            ("$(HOST)$(HOST)", "10.0.0.1110.0.0.11"),
            ("$(MISSING)/x", "$(MISSING)/x"),
            ("$$(HOST)", "$(HOST)"),
            ("$(NESTED)", "$(HOST)"),
            ("a$b $(open", "a$b $(open"),
            ("$", "$"),
        ] {
            assert_eq!(expand(text, value), expected);
        }
        assert_eq!(first_unknown("http://$(MISSING):$(TOO)/"), Some("MISSING"));
        assert_eq!(first_unknown("http://web/"), None);
    }
}
