//! `http://HOST[:PORT]/…`: the parts of a URL, the port it means, and what to say where it leads nowhere.
//!
//! Without a port, HTTP means 80 and HTTPS 443. Only a Service that the scenario itself writes (`inline`) is also found at its own,
//! single port. How the host is found stands in [`super::discover`].

use super::services::{Group, ServiceTable, dotted};
use super::values::{Bad, shorten};
use crate::discovery::slices::policy::Scope;
use crate::yaml::nearest;

/// The parts of a URL that decide where it leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    /// The port that it means without one.
    pub(super) usual: u16,
    /// What follows, up to a query: `/` where nothing does.
    pub(super) path: &'a str,
}

/// Takes a URL apart.
pub(super) fn parse(text: &str) -> Result<Url<'_>, Bad> {
    let example = || Some("write for example http://web.shop:8080/".to_owned());
    let shown = shorten(text);
    let scheme = |name: &str| text.strip_prefix(name);
    let (rest, usual) = match (scheme("http://"), scheme("https://"), scheme(GRPC)) {
        (Some(rest), ..) => (rest, 80),
        (_, Some(rest), _) => (rest, 443),
        (.., Some(rest)) => (channel_target(rest, text)?, 443),
        _ => return Err((format!("expected a URL, found `{shown}`"), example())),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.split_once(':') {
        None => (authority, None),
        Some((host, port)) => match port.parse::<u16>() {
            Ok(number) if number > 0 => (host, Some(number)),
            _ => {
                return Err((
                    format!("`{}` in `{shown}` is not a port", shorten(port)),
                    Some("a port lies between 1 and 65535".to_owned()),
                ));
            }
        },
    };
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || !host.chars().all(letter) {
        return Err((format!("`{}` in `{shown}` is not a host name", shorten(host)), example()));
    }
    let path = rest[authority.len()..].split(['?', '#']).next().filter(|path| !path.is_empty()).unwrap_or("/");
    Ok(Url { host, port, usual, path })
}

/// What the names of gRPC channels begin with: `dns:///web.shop:50051`.
const GRPC: &str = "dns:";

/// Whether a text is the name of a gRPC channel, which its own resolver looks up.
pub(super) fn is_channel(text: &str) -> bool {
    text.starts_with(GRPC)
}

/// Host and port of a gRPC channel's name.
fn channel_target<'a>(rest: &'a str, text: &str) -> Result<&'a str, Bad> {
    let help = || Some("write for example dns:///web.shop:50051".to_owned());
    let target = rest.strip_prefix("///").unwrap_or(rest);
    if target.starts_with("//") {
        return Err((
            format!("`{}` names a DNS server of its own, and clients ask that of their pod", shorten(text)),
            help(),
        ));
    }
    if target.contains('/') || is_service(target) {
        return Err((format!("`{}` is not a host and a port, which is what gRPC looks up", shorten(text)), help()));
    }
    Ok(target)
}

/// The port of a Service that a URL with this port number (or none) leads to, as an index into the table's ports.
pub(super) fn port_of_group(
    text: &str,
    url: &Url<'_>,
    group: &super::services::Group,
    services: &ServiceTable,
) -> Result<usize, Bad> {
    let ports = &services.ports[group.first..group.first + group.count];
    let wanted = url.port.unwrap_or(url.usual);
    let position = match ports.iter().position(|port| port.port == wanted) {
        Some(position) => Some(position),
        None if group.unusable.is_some() => Some(0),
        None if url.port.is_none() && group.inline && ports.len() == 1 => Some(0),
        None => None,
    };
    if let Some(position) = position {
        return match group.reason(position) {
            None => Ok(group.first + position),
            Some((message, help)) => {
                let service = dotted(&group.namespace, &group.name);
                Err((format!("`{}` leads to service/{service}, which {message}", shorten(text)), help.clone()))
            }
        };
    }
    let known = ports.iter().map(|port| match &port.port_name {
        Some(name) => format!("{} ({name})", port.port),
        None => port.port.to_string(),
    });
    let known = known.collect::<Vec<_>>().join(", ");
    let message = format!("service/{} has no port {wanted}; it has {known}", dotted(&group.namespace, &group.name));
    let help = ports.first().map(|port| format!("write http://{}:{}/", url.host, port.port));
    Err((message, help))
}

/// The Service that has an address.
pub(super) fn group_at(address: u32, host: &str, services: &ServiceTable) -> Result<usize, Bad> {
    let found = services.groups.iter().position(|group| {
        let ports = &services.ports[group.first..group.first + group.count];
        !group.headless && ports.first().is_some_and(|port| port.ever_has(address))
    });
    found.ok_or_else(|| (format!("no Service has the cluster IP {host}"), Some("write the Service's name".to_owned())))
}

/// The first address of load balancers, which is 203.0.113.1; they have them in the order of the Services.
const FIRST_OF_BALANCERS: u32 = 0xcb00_7101;

/// Whether a Service has a load balancer.
pub(super) fn is_balanced(group: &Group, services: &ServiceTable) -> bool {
    let ports = &services.ports[group.first..group.first + group.count];
    ports.iter().any(|port| port.outside.as_ref().is_some_and(|outside| outside.load_balancer))
}

/// The Service whose load balancer has an address.
pub(super) fn balanced_at(address: u32, services: &ServiceTable) -> Option<usize> {
    let all = (0..services.groups.len()).filter(|group| is_balanced(&services.groups[*group], services));
    all.zip(FIRST_OF_BALANCERS..).find(|(_, own)| *own == address).map(|(group, _)| group)
}

/// The Service port behind the load balancer's address, for a client in the cluster: the client's node keeps its
/// connections inside, as if they went to the cluster IP.
pub(super) fn port_of_balancer(
    address: u32,
    text: &str,
    url: &Url<'_>,
    services: &ServiceTable,
) -> Option<Result<usize, Bad>> {
    let port = port_of_group(text, url, &services.groups[balanced_at(address, services)?], services);
    Some(port.and_then(|port| match services.ports[port].policy.internal {
        Scope::Cluster => Ok(port),
        Scope::Local => Err((
            format!(
                "not supported yet: service/{} has `internalTrafficPolicy: Local`, which does not hold for its load balancer's address",
                services.ports[port].label()
            ),
            Some("write the Service's name, or remove the policy".to_owned()),
        )),
    }))
}

/// Whether a host begins with a port and a protocol, `_http._tcp.…`, and so is looked up as a service (SRV).
pub(super) fn is_service(host: &str) -> bool {
    let mut labels = host.split('.');
    let mut marked = || labels.next().is_some_and(|label| label.len() > 1 && label.starts_with('_'));
    marked() && marked()
}

/// The name and namespace of the Service that a host would mean in a cluster with the usual settings.
pub(super) fn meant<'h>(host: &'h str, namespace: &'h str, domain: &str) -> Option<(&'h str, &'h str)> {
    let absolute = host.ends_with('.');
    let host = host.trim_end_matches('.');
    if let Some(inside) = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix(".svc.")) {
        return inside.split_once('.').filter(|(_, space)| !space.contains('.'));
    }
    let labels = host.split('.').collect::<Vec<_>>();
    match labels.as_slice() {
        [name] if !absolute => Some((*name, namespace)),
        [name, space] | [name, space, "svc"] if !absolute => Some((*name, *space)),
        _ => None,
    }
}

/// Why no Service is found.
pub(super) fn not_found(host: &str, namespace: &str, domain: &str, services: &ServiceTable) -> Bad {
    match meant(host, namespace, domain) {
        Some((name, space)) => unknown(name, space, namespace, services),
        None => {
            let message = format!("the name `{}` does not exist in the cluster", shorten(host));
            let help = format!("write NAME, NAME.NAMESPACE, or NAME.NAMESPACE.svc.{domain} of a Service");
            (message, Some(help))
        }
    }
}

fn unknown(name: &str, space: &str, namespace: &str, services: &ServiceTable) -> Bad {
    let message = format!("no Service `{}` in namespace `{}`", shorten(name), shorten(space));
    if let Some(elsewhere) = services.groups.iter().find(|group| group.name == name) {
        let name = format!("{}.{}", elsewhere.name, elsewhere.namespace);
        return (message, Some(format!("did you mean `http://{name}/`?")));
    }
    let from_here = |group: &super::services::Group| {
        if group.namespace == namespace { group.name.clone() } else { format!("{}.{}", group.name, group.namespace) }
    };
    let known = services.groups.iter().map(from_here).collect::<Vec<_>>();
    let written = if space == namespace { name.to_owned() } else { format!("{name}.{space}") };
    let help = match nearest(&written, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `http://{near}/`?"),
        None if known.is_empty() => {
            "there is no Service: list its manifest under `manifests`, or give a workload `inline`".to_owned()
        }
        None => format!("the Services are {}", shorten(&known.join(", "))),
    };
    (message, Some(help))
}

/// A dotted IPv4 address.
pub(super) fn ipv4(text: &str) -> Option<u32> {
    text.parse::<std::net::Ipv4Addr>().ok().map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split() {
        assert_eq!(parse("http://web/"), Ok(Url { host: "web", port: None, usual: 80, path: "/" }));
        assert_eq!(parse("https://web/"), Ok(Url { host: "web", port: None, usual: 443, path: "/" }));
        assert_eq!(
            parse("http://web.shop:8080/items?x=1"),
            Ok(Url { host: "web.shop", port: Some(8080), usual: 80, path: "/items" })
        );
        assert_eq!(parse("http://web?x"), Ok(Url { host: "web", port: None, usual: 80, path: "/" }));
        for wrong in [
            "web",
            "http://",
            "http:///x",
            "http://web:0/",
            "http://web:99999/",
            "http://we b/",
            "ftp://web",
            "http://[::1]/",
            "http://u@web/",
        ] {
            assert!(parse(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
