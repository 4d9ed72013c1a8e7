//! The DNS records of a cluster, as the DNS-based service discovery of Kubernetes specifies them and CoreDNS's plugin
//! `kubernetes` serves them.
//!
//! | what | name | record |
//! | --- | --- | --- |
//! | Service with a cluster IP | `SVC.NS.svc.ZONE` | A: the cluster IP, with or without endpoints |
//! | headless Service | `SVC.NS.svc.ZONE` | A: every ready endpoint; none ready: the name does not exist |
//! | its endpoints | `HOST.SVC.NS.svc.ZONE` | A: `spec.hostname`, else the dashed address |
//! | named port | `_PORT._PROTO.SVC.NS.svc.ZONE` | SRV |
//! | `ExternalName` | `SVC.NS.svc.ZONE` | CNAME, followed as far as it leads inside the zone |
//! | pod | `10-0-0-7.NS.pod.ZONE` | A: the address in the name (`pods insecure`), or none |
//! | address | `….in-addr.arpa` | PTR |
//!
//! The cluster has IPv4 only, so AAAA is answered without data wherever the name exists.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Port and host of a service.
    Srv,
    /// The name of an address.
    Ptr,
}

impl RecordType {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Srv => "SRV",
            Self::Ptr => "PTR",
        }
    }
}

/// A Service as DNS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRecords {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What its name leads to.
    pub leads_to: LeadsTo,
    /// Its ports.
    pub ports: Vec<PortRecord>,
}

/// What the name of a Service leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeadsTo {
    /// The cluster IP.
    ClusterIp(Ipv4Addr),
    /// The endpoints themselves.
    Endpoints(Vec<EndpointRecord>),
    /// Another name.
    Name(String),
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRecord {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Its number.
    pub port: u16,
}

/// An endpoint of a headless Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRecord {
    /// Its address.
    pub address: Ipv4Addr,
    /// `spec.hostname` of a pod whose `spec.subdomain` is the Service.
    pub hostname: Option<String>,
    /// Whether its condition `ready` is true, or absent. `publishNotReadyAddresses` makes it so.
    pub ready: bool,
}

impl EndpointRecord {
    /// The label before the Service's name.
    #[must_use]
    pub fn host(&self) -> String {
        self.hostname.clone().unwrap_or_else(|| dashed(self.address))
    }
}

/// `10-0-0-7`.
fn dashed(address: Ipv4Addr) -> String {
    address.to_string().replace('.', "-")
}

/// What the plugin answers for names of pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pods {
    /// They do not exist.
    Disabled,
    /// The address in the name, whoever has it: what kubeadm installs.
    #[default]
    Insecure,
    /// Only for a pod of the namespace that has the address.
    Verified,
}

/// How an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rcode {
    /// The name exists.
    NoError,
    /// It does not.
    NxDomain,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How it begins.
    pub rcode: Rcode,
    /// Names that the first one is another name of, in order.
    pub aliases: Vec<String>,
    /// What was asked for.
    pub data: Vec<Data>,
    /// Whether the last alias lies outside the zone, where others have to be asked.
    pub leaves_zone: bool,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An address.
    Address(Ipv4Addr),
    /// Port and host.
    Service {
        /// Port.
        port: u16,
        /// Host.
        host: String,
    },
    /// A name.
    Name(String),
}

impl Reply {
    const fn of(rcode: Rcode, data: Vec<Data>) -> Self {
        Self { rcode, aliases: Vec::new(), data, leaves_zone: false }
    }
}

/// A name that is an alias of itself, as the names lead from one to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop(pub Vec<String>);

/// The records of a cluster.
#[derive(Debug, Clone)]
pub struct Zone {
    domain: String,
    pods: Pods,
    services: Vec<ServiceRecords>,
    by_name: BTreeMap<(String, String), usize>,
    /// Addresses of the pods of each namespace.
    pod_addresses: Vec<(String, Ipv4Addr)>,
}

impl Zone {
    /// The records of these Services and pods (namespace and address) under a domain such as `cluster.local`.
    #[must_use]
    pub fn new(
        domain: &str,
        pods: Pods,
        services: Vec<ServiceRecords>,
        mut pod_addresses: Vec<(String, Ipv4Addr)>,
    ) -> Self {
        let by_name = services
            .iter()
            .enumerate()
            .map(|(index, service)| ((service.namespace.clone(), service.name.clone()), index))
            .collect();
        pod_addresses.sort();
        Self { domain: domain.to_owned(), pods, services, by_name, pod_addresses }
    }

    /// Whether a name lies in the zone.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        name.strip_suffix(&self.domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The Service of that name and namespace, as a position in the list given to [`Zone::new`].
    #[must_use]
    pub fn service(&self, namespace: &str, name: &str) -> Option<usize> {
        self.by_name.get(&(namespace.to_owned(), name.to_owned())).copied()
    }

    /// Answers for an absolute name, without the last dot.
    ///
    /// # Errors
    /// If `ExternalName` Services lead in a circle.
    pub fn answer(&self, name: &str, record: RecordType) -> Result<Reply, Loop> {
        let mut aliases: Vec<String> = Vec::new();
        let mut current = name.to_owned();
        loop {
            if record == RecordType::Ptr {
                return Ok(self.reverse(&current));
            }
            if !self.holds(&current) {
                let rcode = if aliases.is_empty() { Rcode::NxDomain } else { Rcode::NoError };
                let leaves_zone = !aliases.is_empty();
                return Ok(Reply { rcode, aliases, data: Vec::new(), leaves_zone });
            }
            match self.lookup(&current, record) {
                Found::Reply(reply) => return Ok(Reply { aliases, ..reply }),
                Found::Alias(next) => {
                    let next = next.trim_end_matches('.').to_owned();
                    if next == name || aliases.contains(&next) {
                        let all = std::iter::once(name.to_owned()).chain(aliases).chain([next]);
                        return Err(Loop(all.collect()));
                    }
                    aliases.push(next.clone());
                    current = next;
                }
            }
        }
    }

    /// The headless Service whose endpoints a name, or a port by its name, stands for, and the one endpoint that it may
    /// be the name of.
    #[must_use]
    pub fn headless(&self, name: &str) -> Option<(usize, Option<Ipv4Addr>)> {
        let aliases = self.answer(name, RecordType::A).ok()?.aliases;
        let (mut port, mut protocol) = (None, None);
        let (host, service, namespace) = match self.labels(aliases.last().map_or(name, String::as_str))?[..] {
            [service, namespace, "svc"] => (None, service, namespace),
            [host, service, namespace, "svc"] => (Some(host), service, namespace),
            [first, second, service, namespace, "svc"] if first.starts_with('_') && second.starts_with('_') => {
                (port, protocol) = (first.strip_prefix('_'), second.strip_prefix('_'));
                (None, service, namespace)
            }
            _ => return None,
        };
        let index = self.service(namespace, service)?;
        let LeadsTo::Endpoints(endpoints) = &self.services[index].leads_to else { return None };
        let has = |port: &PortRecord, of: &str| port.name.as_deref().is_some_and(|name| of == name);
        if let Some(port) = port
            && !self.services[index].ports.iter().any(|own| has(own, port) && protocol == Some(own.protocol))
        {
            return None;
        }
        match host {
            // Of `*`, which stands for whichever it is, all decide.
            None | Some("*") => Some((index, None)),
            Some(host) => {
                let own = endpoints.iter().find(|endpoint| endpoint.host() == host)?;
                Some((index, Some(own.address)))
            }
        }
    }

    /// Where the SRV record of a named port leads: the Service, the port's name and number, and the host, of several pods
    /// with `*` for what differs.
    #[must_use]
    pub fn service_port(&self, name: &str) -> Option<(usize, u16, String)> {
        let reply = self.answer(name, RecordType::Srv).ok()?;
        let [_, _, service, namespace, "svc"] = self.labels(name)?[..] else { return None };
        let index = self.service(namespace, service)?;
        match reply.data.first()? {
            Data::Service { port, host } if reply.data.len() == 1 => Some((index, *port, host.clone())),
            Data::Service { port, .. } => Some((index, *port, format!("*.{service}.{namespace}.svc.{}", self.domain))),
            _ => None,
        }
    }

    /// Which Service a name leads to, however many aliases lie between, and which of its endpoints where it names one.
    #[must_use]
    pub fn leads_to(&self, name: &str) -> Option<(usize, Option<Ipv4Addr>)> {
        let reply = self.answer(name, RecordType::A).ok()?;
        let last = reply.aliases.last().map_or(name, String::as_str);
        let labels = self.labels(last)?;
        match labels.as_slice() {
            [service, namespace, "svc"] => Some((self.service(namespace, service)?, None)),
            [_, service, namespace, "svc"] => match reply.data.as_slice() {
                [Data::Address(address), ..] => Some((self.service(namespace, service)?, Some(*address))),
                _ => None,
            },
            _ => None,
        }
    }

    /// The labels of a name before the domain.
    fn labels<'n>(&self, name: &'n str) -> Option<Vec<&'n str>> {
        let rest = name.strip_suffix(&self.domain)?.strip_suffix('.')?;
        Some(rest.split('.').collect())
    }

    fn lookup(&self, name: &str, record: RecordType) -> Found {
        let missing = || Found::Reply(Reply::of(Rcode::NxDomain, Vec::new()));
        let empty = || Found::Reply(Reply::of(Rcode::NoError, Vec::new()));
        let Some(labels) = self.labels(name) else { return empty() };
        match labels.as_slice() {
            // A branch of the tree: there are names below it, so it exists.
            ["svc" | "pod"] => empty(),
            [namespace, "svc" | "pod"] if self.has_namespace(namespace) => empty(),
            [service, namespace, "svc"] => match self.service(namespace, service) {
                Some(index) => service_answer(&self.services[index], record),
                None => missing(),
            },
            [first, second, service, namespace, "svc"] if first.starts_with('_') && second.starts_with('_') => {
                match self.service(namespace, service) {
                    Some(index) => self.srv(&self.services[index], &first[1..], &second[1..], record),
                    None => missing(),
                }
            }
            [host, service, namespace, "svc"] => match self.service(namespace, service) {
                Some(index) => endpoint_answer(&self.services[index], host, record),
                None => missing(),
            },
            [address, namespace, "pod"] => self.pod(address, namespace, record),
            _ => missing(),
        }
    }

    fn has_namespace(&self, namespace: &str) -> bool {
        self.services.iter().any(|service| service.namespace == namespace)
            || self.pod_addresses.iter().any(|(space, _)| space == namespace)
    }

    fn pod(&self, dashed: &str, namespace: &str, record: RecordType) -> Found {
        let address = dashed.replace('-', ".").parse::<Ipv4Addr>().ok();
        let known = address.filter(|address| match self.pods {
            Pods::Disabled => false,
            Pods::Insecure => true,
            Pods::Verified => self.pod_addresses.binary_search(&(namespace.to_owned(), *address)).is_ok(),
        });
        Found::Reply(match known {
            None => Reply::of(Rcode::NxDomain, Vec::new()),
            Some(address) if record == RecordType::A => Reply::of(Rcode::NoError, vec![Data::Address(address)]),
            Some(_) => Reply::of(Rcode::NoError, Vec::new()),
        })
    }

    fn srv(&self, service: &ServiceRecords, port: &str, protocol: &str, record: RecordType) -> Found {
        let named = |one: &&PortRecord| one.name.as_deref() == Some(port) && one.protocol == protocol;
        let ports = service.ports.iter().filter(named).map(|port| port.port).collect::<Vec<_>>();
        let host = format!("{}.{}.svc.{}", service.name, service.namespace, self.domain);
        let data: Vec<Data> = match &service.leads_to {
            LeadsTo::ClusterIp(_) => {
                ports.iter().map(|port| Data::Service { port: *port, host: host.clone() }).collect()
            }
            LeadsTo::Endpoints(endpoints) => {
                let ready = endpoints.iter().filter(|endpoint| endpoint.ready);
                ready
                    .flat_map(|endpoint| {
                        let host = format!("{}.{host}", endpoint.host());
                        ports.iter().map(move |port| Data::Service { port: *port, host: host.clone() })
                    })
                    .collect()
            }
            LeadsTo::Name(_) => Vec::new(),
        };
        Found::Reply(match data.is_empty() {
            true => Reply::of(Rcode::NxDomain, Vec::new()),
            false if record == RecordType::Srv => Reply::of(Rcode::NoError, data),
            false => Reply::of(Rcode::NoError, Vec::new()),
        })
    }

    /// The name of an address: of a cluster IP first, then of an endpoint.
    fn reverse(&self, name: &str) -> Reply {
        let address = name.strip_suffix(".in-addr.arpa").and_then(|rest| {
            let labels: Vec<&str> = rest.split('.').rev().collect();
            labels.join(".").parse::<Ipv4Addr>().ok()
        });
        let full = |service: &ServiceRecords| format!("{}.{}.svc.{}", service.name, service.namespace, self.domain);
        let of_service = self
            .services
            .iter()
            .find(|service| matches!(&service.leads_to, LeadsTo::ClusterIp(own) if Some(*own) == address));
        let of_endpoint = || {
            self.services.iter().find_map(|service| match &service.leads_to {
                LeadsTo::Endpoints(endpoints) => endpoints
                    .iter()
                    .find(|endpoint| Some(endpoint.address) == address)
                    .map(|endpoint| format!("{}.{}", endpoint.host(), full(service))),
                _ => None,
            })
        };
        match of_service.map(full).or_else(of_endpoint) {
            Some(name) => Reply::of(Rcode::NoError, vec![Data::Name(name)]),
            None => Reply::of(Rcode::NxDomain, Vec::new()),
        }
    }
}

/// What one name says.
enum Found {
    Reply(Reply),
    Alias(String),
}

fn service_answer(service: &ServiceRecords, record: RecordType) -> Found {
    Found::Reply(match &service.leads_to {
        LeadsTo::Name(name) => return Found::Alias(name.clone()),
        LeadsTo::ClusterIp(address) if record == RecordType::A => {
            Reply::of(Rcode::NoError, vec![Data::Address(*address)])
        }
        LeadsTo::ClusterIp(_) => Reply::of(Rcode::NoError, Vec::new()),
        LeadsTo::Endpoints(endpoints) => {
            let ready = endpoints.iter().filter(|endpoint| endpoint.ready);
            let data = ready.map(|endpoint| Data::Address(endpoint.address)).collect::<Vec<_>>();
            match data.is_empty() {
                true => Reply::of(Rcode::NxDomain, Vec::new()),
                false if record == RecordType::A => Reply::of(Rcode::NoError, data),
                false => Reply::of(Rcode::NoError, Vec::new()),
            }
        }
    })
}

fn endpoint_answer(service: &ServiceRecords, host: &str, record: RecordType) -> Found {
    let LeadsTo::Endpoints(endpoints) = &service.leads_to else {
        return Found::Reply(Reply::of(Rcode::NxDomain, Vec::new()));
    };
    let named = endpoints.iter().filter(|endpoint| endpoint.ready && endpoint.host() == host);
    let data = named.map(|endpoint| Data::Address(endpoint.address)).collect::<Vec<_>>();
    Found::Reply(match data.is_empty() {
        true => Reply::of(Rcode::NxDomain, Vec::new()),
        false if record == RecordType::A => Reply::of(Rcode::NoError, data),
        false => Reply::of(Rcode::NoError, Vec::new()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(last: u8, hostname: Option<&str>, ready: bool) -> EndpointRecord {
        EndpointRecord { address: Ipv4Addr::new(10, 244, 0, last), hostname: hostname.map(str::to_owned), ready }
    }

    fn service(namespace: &str, name: &str, leads_to: LeadsTo) -> ServiceRecords {
        let http = PortRecord { name: Some("http".to_owned()), protocol: "tcp", port: 80 };
        let bare = PortRecord { name: None, protocol: "tcp", port: 81 };
        ServiceRecords { namespace: namespace.to_owned(), name: name.to_owned(), leads_to, ports: vec![http, bare] }
    }

    fn zone(pods: Pods) -> Zone {
        let web = LeadsTo::ClusterIp(Ipv4Addr::new(10, 96, 0, 20));
        // Three ready endpoints and one that terminates.
        let db = vec![
            endpoint(2, Some("db-0"), true),
            endpoint(3, Some("db-1"), true),
            endpoint(4, None, true),
            endpoint(5, Some("db-3"), false),
        ];
        let name = |name: &str| LeadsTo::Name(name.to_owned());
        let services = vec![
            service("front", "web", web),
            service("front", "db", LeadsTo::Endpoints(db)),
            service("front", "down", LeadsTo::Endpoints(vec![endpoint(9, None, false)])),
            service("front", "alias", name("web.front.svc.cluster.local")),
            service("front", "twice", name("alias.front.svc.cluster.local.")),
            service("front", "out", name("api.example.com")),
            service("front", "ping", name("pong.front.svc.cluster.local")),
            service("front", "pong", name("ping.front.svc.cluster.local")),
        ];
        Zone::new("cluster.local", pods, services, vec![("front".to_owned(), Ipv4Addr::new(10, 244, 0, 2))])
    }

    fn addresses(name: &str) -> (Rcode, Vec<String>) {
        let reply = zone(Pods::Insecure).answer(name, RecordType::A).expect("no loop");
        let shown = |data: &Data| match data {
            Data::Address(address) => address.to_string(),
            other => format!("{other:?}"),
        };
        (reply.rcode, reply.data.iter().map(shown).collect())
    }

    fn found(addresses: &[&str]) -> (Rcode, Vec<String>) {
        (Rcode::NoError, addresses.iter().map(|address| (*address).to_owned()).collect())
    }

    const NX: (Rcode, Vec<String>) = (Rcode::NxDomain, Vec::new());

    #[test]
    fn a_service_has_its_cluster_ip_with_or_without_endpoints() {
        assert_eq!(addresses("web.front.svc.cluster.local"), found(&["10.96.0.20"]));
        assert_eq!(addresses("web.back.svc.cluster.local"), NX);
        assert_eq!(addresses("web.front.svc.example.com"), NX);
        let ipv6 = zone(Pods::Insecure).answer("web.front.svc.cluster.local", RecordType::Aaaa).expect("no loop");
        assert_eq!((ipv6.rcode, ipv6.data.len()), (Rcode::NoError, 0), "it exists, without such a record");
        assert_eq!(addresses("front.svc.cluster.local"), found(&[]), "a branch exists");
        assert_eq!(addresses("nowhere.svc.cluster.local"), NX);
    }

    #[test]
    fn a_headless_service_has_its_ready_endpoints() {
        assert_eq!(addresses("db.front.svc.cluster.local"), found(&["10.244.0.2", "10.244.0.3", "10.244.0.4"]));
        assert_eq!(addresses("down.front.svc.cluster.local"), NX);
        assert_eq!(addresses("db-1.db.front.svc.cluster.local"), found(&["10.244.0.3"]));
        assert_eq!(addresses("10-244-0-4.db.front.svc.cluster.local"), found(&["10.244.0.4"]));
        assert_eq!(addresses("10-244-0-3.db.front.svc.cluster.local"), NX, "it has a host name");
        assert_eq!(addresses("db-3.db.front.svc.cluster.local"), NX, "it is not ready");
        assert_eq!(addresses("web-0.web.front.svc.cluster.local"), NX, "endpoints of a cluster IP have no names");
    }

    #[test]
    fn names_lead_to_names() {
        assert_eq!(addresses("twice.front.svc.cluster.local"), found(&["10.96.0.20"]));
        let zone = zone(Pods::Insecure);
        let reply = zone.answer("twice.front.svc.cluster.local", RecordType::A).expect("no loop");
        assert_eq!(reply.aliases, ["alias.front.svc.cluster.local", "web.front.svc.cluster.local"]);
        let outside = zone.answer("out.front.svc.cluster.local", RecordType::A).expect("no loop");
        assert!(outside.leaves_zone && outside.rcode == Rcode::NoError && outside.aliases == ["api.example.com"]);
        let Loop(names) = zone.answer("ping.front.svc.cluster.local", RecordType::A).expect_err("a loop");
        assert_eq!(
            names.join(" "),
            "ping.front.svc.cluster.local pong.front.svc.cluster.local ping.front.svc.cluster.local"
        );
        assert_eq!(zone.leads_to("twice.front.svc.cluster.local"), Some((0, None)));
        assert_eq!(zone.leads_to("db-1.db.front.svc.cluster.local"), Some((1, Some(Ipv4Addr::new(10, 244, 0, 3)))));
        assert_eq!(zone.leads_to("out.front.svc.cluster.local"), None);
    }

    #[test]
    fn names_of_headless_services_stand_for_their_endpoints() {
        let zone = zone(Pods::Insecure);
        let of = |name: &str| zone.headless(&format!("{name}.front.svc.cluster.local"));
        let all = Some((1, None));
        assert_eq!([of("db"), of("_http._tcp.db"), of("*.db")], [all; 3]);
        assert_eq!(of("down"), Some((2, None)), "though it has no ready one");
        assert_eq!(of("db-1.db"), Some((1, Some(Ipv4Addr::new(10, 244, 0, 3)))));
        assert_eq!(of("10-244-0-4.db"), Some((1, Some(Ipv4Addr::new(10, 244, 0, 4)))));
        assert_eq!([of("_grpc._tcp.db"), of("_http._udp.db")], [None; 2]);
        assert_eq!([of("web"), of("alias"), of("out"), of("db-9.db"), of("ping"), of("nobody")], [None; 6]);
    }

    #[test]
    fn a_named_port_leads_to_its_service() {
        let zone = zone(Pods::Insecure);
        let of = |name: &str| zone.service_port(&format!("{name}.front.svc.cluster.local"));
        assert_eq!(of("_http._tcp.web"), Some((0, 80, "web.front.svc.cluster.local".to_owned())));
        assert_eq!(of("_http._tcp.db"), Some((1, 80, "*.db.front.svc.cluster.local".to_owned())));
        for none in
            ["_http._udp.web", "_grpc._tcp.web", "_http._tcp.down", "_http._tcp.alias", "_http._tcp.nobody", "web"]
        {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn named_ports_have_srv_records() {
        let zone = zone(Pods::Insecure);
        let srv = |name: &str| zone.answer(name, RecordType::Srv).expect("no loop");
        let host = "web.front.svc.cluster.local".to_owned();
        assert_eq!(srv("_http._tcp.web.front.svc.cluster.local").data, [Data::Service { port: 80, host }]);
        assert_eq!(srv("_http._udp.web.front.svc.cluster.local").rcode, Rcode::NxDomain);
        assert_eq!(srv("_metrics._tcp.web.front.svc.cluster.local").rcode, Rcode::NxDomain);
        let of_endpoints = srv("_http._tcp.db.front.svc.cluster.local").data;
        let last = Data::Service { port: 80, host: "10-244-0-4.db.front.svc.cluster.local".to_owned() };
        assert_eq!((of_endpoints.len(), of_endpoints.last()), (3, Some(&last)));
    }

    #[test]
    fn pods_are_found_by_their_dashed_address() {
        let of = |pods: Pods, name: &str| zone(pods).answer(name, RecordType::A).expect("no loop").rcode;
        assert_eq!(addresses("10-244-0-77.front.pod.cluster.local"), found(&["10.244.0.77"]), "nobody has it");
        assert_eq!(of(Pods::Verified, "10-244-0-77.front.pod.cluster.local"), Rcode::NxDomain);
        assert_eq!(of(Pods::Verified, "10-244-0-2.back.pod.cluster.local"), Rcode::NxDomain);
        assert_eq!(of(Pods::Verified, "10-244-0-2.front.pod.cluster.local"), Rcode::NoError);
        assert_eq!(of(Pods::Disabled, "10-244-0-2.front.pod.cluster.local"), Rcode::NxDomain);
        assert_eq!(of(Pods::Insecure, "web-0.front.pod.cluster.local"), Rcode::NxDomain);
    }

    #[test]
    fn addresses_have_names() {
        let zone = zone(Pods::Insecure);
        let name = |address: &str| zone.answer(address, RecordType::Ptr).expect("no loop").data;
        assert_eq!(name("20.0.96.10.in-addr.arpa"), [Data::Name("web.front.svc.cluster.local".to_owned())]);
        assert_eq!(name("3.0.244.10.in-addr.arpa"), [Data::Name("db-1.db.front.svc.cluster.local".to_owned())]);
        assert!(name("1.1.1.1.in-addr.arpa").is_empty());
    }
}
