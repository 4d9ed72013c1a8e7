//! Where the URL of a client leads: variables are put in, the host is looked up as the client's resolver would.
//!
//! Where pods do not change, every answer is known here; where they do, a name says whose readiness it hangs on. What a
//! lookup costs is found out in the run, with the same names, answers and rules.

use std::cell::RefCell;
use std::net::Ipv4Addr;

use super::decode::dns::{External, Resolver, Rules};
use super::dns::{Behind, Name, NameServer, Reply, Resolution, Target};
use super::eras::Held;
use super::host::{self, At};
use super::objects::{Objects, short};
use super::outside::{Internet, Share, WayIn};
use super::services::{Group, ServiceTable, container_with, dotted};
use super::url::{self, Url};
use super::values::{Bad, shorten};
use super::{Node, Service, placement};
use crate::cause::FailureCause;
use crate::discovery::environment::{self, KnownPort, KnownService};
use crate::discovery::lookup::{Action, Answer, Lookup, Outcome, Settings};
use crate::discovery::records::{
    Data, EndpointRecord, LeadsTo, Loop, Pods, PortRecord, RecordType, ServiceRecords, Zone,
};
use crate::discovery::resolv_conf::{Candidates, ClusterDns, Library, Options, PodDns, ResolvConf, candidates};
use crate::discovery::slices::policy::TrafficPolicy;
use crate::manifest::{ServiceForm, ServiceObject, TargetPort, WorkloadObject};
use crate::time::SimDuration;
use crate::yaml;

/// Everything that decides where names lead.
pub(super) struct Discovery {
    zone: Zone,
    known: Vec<KnownService>,
    cluster: ClusterDns,
    pub(super) rules: Rules,
    pods: Vec<PodDns>,
    links: Vec<bool>,
    /// What the scenario says of each workload's resolver.
    pub(super) resolvers: Vec<Resolver>,
    placed: Vec<placement::Placed>,
    /// Names and addresses of the nodes.
    nodes: Vec<(String, u32)>,
    workloads: Vec<WorkloadObject>,
    /// Single pods that URLs lead to, in the order in which they were found; they stand behind the Services' ports.
    single: RefCell<Vec<Service>>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) namespace: &'a str,
    /// Its workload; `None` for clients that are no pods.
    pub(super) workload: Option<usize>,
    /// Where it is outside the cluster.
    pub(super) internet: Option<Internet>,
}

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The Service port, as an index into the table's ports; where nothing is found, the one that was meant.
    pub(super) port: usize,
    /// How the host is looked up, where it is.
    pub(super) resolution: Option<Resolution>,
    /// Why no request ever gets there.
    pub(super) fails: Option<FailureCause>,
    /// Which address the client goes by, where that of the Service may change.
    pub(super) held: Held,
    /// How it comes into the cluster, from outside.
    pub(super) way_in: Option<Box<WayIn>>,
    /// The proxy of an ingress controller that it passes.
    pub(super) through: Option<usize>,
    /// How that controller shares its requests out.
    pub(super) shares: Vec<Share>,
}

impl Found {
    /// Inside the cluster, straight to a Service port.
    const fn inside(port: usize, resolution: Option<Resolution>, fails: Option<FailureCause>) -> Self {
        Self { port, resolution, fails, held: Held::Name, way_in: None, through: None, shares: Vec::new() }
    }
}

impl Discovery {
    /// What follows from the Services, the pods and the rules.
    pub(super) fn new(
        objects: &Objects,
        services: &ServiceTable,
        (placed, nodes): (Vec<placement::Placed>, &[Node]),
        rules: Rules,
        resolvers: Vec<Resolver>,
    ) -> Self {
        let cluster_ip = |group: &Group| {
            let port = services.ports.get(group.first).filter(|_| group.count > 0);
            port.map_or(0, |port| port.cluster_ip)
        };
        // The table leaves out a Service that is written twice.
        let object = |group: &Group| -> Option<&ServiceObject> {
            objects.services.iter().find(|one| one.namespace == group.namespace && one.name == group.name)
        };
        let records = services.groups.iter().map(|group| {
            let leads_to = match object(group) {
                Some(ServiceObject { external_name: Some(name), .. }) => LeadsTo::Name(name.clone()),
                Some(service) if group.headless => LeadsTo::Endpoints(endpoints(service, objects, &placed)),
                _ => LeadsTo::ClusterIp(Ipv4Addr::from(cluster_ip(group))),
            };
            let ports = &services.ports[group.first..group.first + group.count];
            let port =
                |port: &super::Service| PortRecord { name: port.port_name.clone(), protocol: "tcp", port: port.port };
            let (namespace, name) = (group.namespace.clone(), group.name.clone());
            ServiceRecords { namespace, name, leads_to, ports: ports.iter().map(port).collect() }
        });
        let zone = Zone::new(&rules.domain, Pods::Insecure, records.collect(), Vec::new());
        let host = ResolvConf {
            nameservers: vec!["192.0.2.53".to_owned()],
            search: rules.host_search.clone(),
            options: Vec::new(),
        };
        Self {
            zone,
            known: known(services),
            cluster: ClusterDns { address: services.dns.to_string(), domain: rules.domain.clone(), host },
            rules,
            pods: objects.workloads.iter().map(|workload| workload.dns.clone()).collect(),
            links: objects.workloads.iter().map(|workload| workload.service_links).collect(),
            resolvers,
            placed,
            nodes: nodes.iter().map(|node| (node.name.clone(), node.address)).collect(),
            workloads: objects.workloads.clone(),
            single: RefCell::default(),
        }
    }

    /// The containers behind each single pod that URLs led to so far.
    pub(super) fn behind_single_pods(&self) -> Vec<Vec<(usize, usize)>> {
        self.single.borrow().iter().map(|pod| pod.targets.clone()).collect()
    }

    /// The single pods that URLs lead to, to stand behind the ports of the Services.
    pub(super) fn into_single_pods(self) -> Vec<Service> {
        self.single.into_inner()
    }

    /// Where the URL leads, seen from the client; `own` is what the scenario says of this flow's resolver.
    pub(super) fn find(
        &self,
        text: &str,
        client: Client<'_>,
        own: Resolver,
        services: &ServiceTable,
    ) -> Result<Found, Bad> {
        let of_workload = client.workload.and_then(|workload| self.resolvers.get(workload)).copied();
        let resolver = own.or(of_workload.unwrap_or_default());
        let fails = resolver.or(self.rules.resolver).fails.unwrap_or(false);
        let expanded = self.expanded(text, client);
        if let Some(name) = environment::first_unknown(&expanded) {
            return self.without_variable(name, client, fails, services);
        }
        let url = url::parse(&expanded).map_err(|bad| explain_expansion(bad, text, &expanded))?;
        let resolver = if url::is_channel(&expanded) { resolver.of_channel() } else { resolver };
        if url.host == "localhost" || url::ipv4(url.host).is_some_and(|address| address >> 24 == 127) {
            return self.in_own_pod(&url, client, fails, services);
        }
        if let Some(address) = url::ipv4(url.host) {
            if let Some(port) = url::port_of_balancer(address, &expanded, &url, services) {
                return Ok(Found::inside(port?, None, None));
            }
            let port = match url::group_at(address, url.host, services) {
                Ok(group) => url::port_of_group(&expanded, &url, &services.groups[group], services)?,
                Err(nobody) => self.pod_at(Ipv4Addr::from(address), &url, services).unwrap_or(Err(nobody))?,
            };
            let held = if expanded == text { Held::Address(address) } else { Held::Variables };
            return Ok(Found { held, ..Found::inside(port, None, None) });
        }
        self.by_name(&expanded, &url, client, resolver, fails, services)
    }

    /// The text with the client's variables put in.
    fn expanded(&self, text: &str, client: Client<'_>) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let links = client.workload.and_then(|workload| self.links.get(workload)).copied().unwrap_or(true);
        let variables = environment::service_variables(&self.known, client.namespace, links);
        environment::expand(text, |name| variables.get(name).cloned())
    }

    /// A variable that the client's container does not have.
    fn without_variable(
        &self,
        name: &str,
        client: Client<'_>,
        fails: bool,
        services: &ServiceTable,
    ) -> Result<Found, Bad> {
        let belongs = |group: &&Group| {
            let rest = name.strip_prefix(environment::mangled(&group.name).as_str());
            rest.is_some_and(|rest| rest.starts_with("_SERVICE_") || rest.starts_with("_PORT"))
        };
        let of = services.groups.iter().filter(belongs).max_by_key(|group| group.name.len());
        let message = format!("the variable `{}` is not set at the client", shorten(name));
        let Some(group) = of else {
            let help = "variables are named after Services, such as $(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)";
            return Err((message, Some(help.to_owned())));
        };
        let service = dotted(&group.namespace, &group.name);
        if fails && group.count > 0 {
            return Ok(Found::inside(group.first, None, Some(FailureCause::EnvMissing)));
        }
        let links = client.workload.and_then(|workload| self.links.get(workload)).copied().unwrap_or(true);
        let variables = environment::service_variables(&self.known, client.namespace, links);
        let own = environment::mangled(&group.name);
        let own = variables.keys().map(String::as_str).filter(|name| name.starts_with(&own));
        if let Some(near) = yaml::nearest(name, own) {
            return Err((message, Some(format!("did you mean `$({near})`?"))));
        }
        let why = if group.headless {
            format!("service/{service} is headless, and only Services with a cluster IP have variables")
        } else if group.namespace != client.namespace {
            format!(
                "service/{service} is in namespace `{}`, the client in `{}`: variables cross no namespaces",
                group.namespace, client.namespace
            )
        } else if !links {
            "its pod has `enableServiceLinks: false`".to_owned()
        } else {
            format!("service/{service} has other variables")
        };
        Err((message, Some(format!("{why}; to see it fail in the run, write resolver: {{missing: fail}}"))))
    }

    fn by_name(
        &self,
        text: &str,
        url: &Url<'_>,
        client: Client<'_>,
        resolver: Resolver,
        fails: bool,
        services: &ServiceTable,
    ) -> Result<Found, Bad> {
        let usual = PodDns::default();
        let pod = client.workload.and_then(|workload| self.pods.get(workload)).unwrap_or(&usual);
        let file = ResolvConf::of_pod(pod, client.namespace, &self.cluster);
        let resolver = resolver.or(self.rules.resolver.without(&pod.config.options));
        let library = resolver.library.unwrap_or_default();
        let mut options = Options::read(&file.options, library);
        resolver.change(&mut options);
        let service = url::is_service(url.host);
        // musl asks for other records than addresses without the search list.
        let search: &[String] = if service && library == Library::Musl { &[] } else { &file.search };
        let names = candidates(url.host, search, options.ndots, library);
        let server = |address: &String| match *address == self.cluster.address {
            true => NameServer::Cluster,
            false => NameServer::Outside,
        };
        let servers: Vec<NameServer> = file.nameservers.iter().map(server).collect();
        let both = resolver.both.unwrap_or(true);
        let settings = Settings::new(library, &options, servers.len(), both && !service, &names);
        let first = servers.first().copied().unwrap_or(NameServer::Outside);
        let (mut asked, mut target) = (Vec::new(), None);
        for name in &names.names {
            asked.push(self.asked(name.clone(), service)?);
        }
        let outcome = end_of(settings, &asked, first);
        if let Some(port) = url.port.filter(|_| service) {
            let message = format!("`{}` brings its port along, and the URL names {port}", shorten(url.host));
            return Err((message, Some(format!("write http://{}/", url.host))));
        }
        let (port, fails) = match outcome {
            Outcome::Found(position) if service => {
                let name = &asked[position as usize].name;
                let (group, number, host) = self.zone.service_port(name).expect("the record has been found");
                target = Some(self.target(host, &options, servers.len(), both, library)?);
                let at = Url { host: url.host, port: Some(number), usual: url.usual, path: url.path };
                (url::port_of_group(text, &at, &services.groups[group], services)?, None)
            }
            Outcome::Found(position) => {
                let name = &asked[position as usize].name;
                (self.port_behind(name, text, url, services)?, None)
            }
            _ => (
                self.port_meant(url, client, (&file, library, options.ndots), fails, services)?,
                Some(FailureCause::DnsNxdomain),
            ),
        };
        for name in asked.iter_mut().chain(target.iter_mut().map(|target| &mut target.name)) {
            name.behind = self.behind(&name.name, port, services);
        }
        // Pods may come, and with them the name of their headless Service.
        let comes = self.rules.changes && asked.iter().any(|name| name.behind.is_some());
        let fails = fails.filter(|_| !comes);
        // The plugin walks for addresses only.
        if self.rules.autopath && !service && first == NameServer::Cluster {
            walk_for_the_client(&mut asked, outcome, &names);
        }
        let cache = resolver.cache.flatten();
        let resolution = self.rules.on.then(|| Resolution {
            host: url.host.to_owned(),
            names: asked,
            settings,
            target,
            servers,
            rotate: options.rotate,
            tcp: options.use_vc,
            cache,
            next: resolver.tries_next(),
            // Go asks once for all goroutines that want one name; a cache has its own lock.
            shared: library == Library::Go || cache.is_some(),
        });
        Ok(Found::inside(port, resolution, fails))
    }

    /// A name with what the servers answer to it.
    fn asked(&self, name: String, service: bool) -> Result<Name, Bad> {
        let (first, second) =
            if service { (RecordType::Srv, RecordType::Srv) } else { (RecordType::A, RecordType::Aaaa) };
        let (a, aaaa) = (self.reply(&name, first)?, self.reply(&name, second)?);
        Ok(Name { name, service, behind: None, a, aaaa })
    }

    /// What the answers for a name hang on, where the URL leads to this port: the ready pods of a headless Service, or
    /// whether there is the Service.
    fn behind(&self, name: &str, port: usize, services: &ServiceTable) -> Option<Behind> {
        let comes_and_goes = |(index, address): &(usize, Option<Ipv4Addr>)| {
            let group = &services.groups[*index];
            address.is_none() && group.count > 0 && !services.ports[group.first].eras.is_empty()
        };
        let (index, address) = self.zone.headless(name).or_else(|| self.zone.leads_to(name).filter(comes_and_goes))?;
        let group = &services.groups[index];
        let service = if (group.first..group.first + group.count).contains(&port) { port } else { group.first };
        let targets = &services.ports.get(service)?.targets;
        // Several pods may have the address of their node.
        let selected = |pod: &&placement::Placed| targets.iter().any(|(workload, _)| *workload == pod.workload);
        let own = |address| self.placed.iter().filter(selected).find(|pod| pod.ip == u32::from(address));
        let pod = address.and_then(own).map(|pod| (pod.workload, pod.replica));
        (group.count > 0).then_some(Behind { service, pod })
    }

    /// The host that an SRV record names, which is absolute.
    fn target(
        &self,
        host: String,
        options: &Options,
        servers: usize,
        both: bool,
        library: Library,
    ) -> Result<Target, Bad> {
        let names = candidates(&format!("{host}."), &[], options.ndots, library);
        let settings = Settings::new(library, options, servers, both, &names);
        let mut name = self.asked(host, false)?;
        if name.name.starts_with("*.") {
            // Whichever pod it is, it has an address as the Service has.
            name.a.answer = Answer::Address;
            name.aaaa.answer = Answer::NoData;
        }
        Ok(Target { name, settings })
    }

    /// What the cluster's servers answer.
    fn reply(&self, name: &str, record: RecordType) -> Result<Reply, Bad> {
        let external = |name: &str| self.rules.externals.iter().find(|external| external.name == name);
        let outside = |external: &External| {
            let has = record == RecordType::A || external.ipv6;
            Reply { answer: if has { Answer::Address } else { Answer::NoData }, forwarded: true, ttl: external.ttl }
        };
        if !self.zone.holds(name) {
            let none = Reply { answer: Answer::NxDomain, forwarded: true, ttl: SimDuration::from_secs(30) };
            return Ok(external(name).map_or(none, outside));
        }
        let reply = self.zone.answer(name, record).map_err(|Loop(names)| {
            let message = format!("ExternalName Services lead in a circle: {}", names.join(" → "));
            (message, Some("let one of them name a Service or a name outside".to_owned()))
        })?;
        let ttl = self.rules.ttl;
        if reply.leaves_zone {
            // A name outside that nothing is known of is taken to exist; that it leads nowhere here is said later.
            let last = reply.aliases.last().map(String::as_str).unwrap_or_default();
            let unknown = Reply { answer: Answer::Address, forwarded: true, ttl };
            return Ok(external(last).map_or(unknown, outside));
        }
        let answer = match (reply.rcode, reply.data.is_empty()) {
            (crate::discovery::records::Rcode::NxDomain, _) => Answer::NxDomain,
            (_, true) => Answer::NoData,
            (_, false) => Answer::Address,
        };
        Ok(Reply { answer, forwarded: false, ttl })
    }

    /// The Service port behind a name that was found.
    fn port_behind(&self, name: &str, text: &str, url: &Url<'_>, services: &ServiceTable) -> Result<usize, Bad> {
        let aliases = self.zone.answer(name, RecordType::A).map(|reply| reply.aliases).unwrap_or_default();
        let last = aliases.last().map_or(name, String::as_str);
        if let Some(external) = self.rules.externals.iter().find(|external| external.name == last) {
            return Ok(external.port);
        }
        match self.zone.leads_to(name) {
            Some((service, None)) => url::port_of_group(text, url, &services.groups[service], services),
            _ if self.zone.holds(last) => self.pod_named(last, url, services),
            _ => Err((
                format!("`{}` leads to `{}`, outside the cluster", shorten(url.host), shorten(last)),
                Some(format!("write cluster.dns.external: [{{name: {last}, to: service/…}}] for what stands for it")),
            )),
        }
    }

    /// The pod that a name of its own leads to.
    fn pod_named(&self, name: &str, url: &Url<'_>, services: &ServiceTable) -> Result<usize, Bad> {
        let data = self.zone.answer(name, RecordType::A).map(|reply| reply.data).unwrap_or_default();
        let bad = |message: String| Err((message, Some("write the name of a Service".to_owned())));
        match data.as_slice() {
            [Data::Address(address)] => self
                .pod_at(*address, url, services)
                .unwrap_or_else(|| bad(format!("`{}` is {address}, which no pod has", shorten(url.host)))),
            several => bad(format!("`{}` names {} pods at once", shorten(url.host), several.len())),
        }
    }

    /// The pod with that address, at the port of the URL: nobody translates ports on the way to a pod.
    fn pod_at(&self, address: Ipv4Addr, url: &Url<'_>, services: &ServiceTable) -> Option<Result<usize, Bad>> {
        let port = url.port.unwrap_or(url.usual);
        let node = self.nodes.iter().position(|(_, own)| *own == u32::from(address));
        let mapped = node.and_then(|node| host::behind_host_port(&self.placed, &self.workloads, (node, port)));
        let (pod, container) = match (mapped, host::listener(&self.placed, &self.workloads, (u32::from(address), port)))
        {
            (Some((pod, container)), _) | (None, At::Container(pod, container)) => (&self.placed[pod], container),
            (None, _) if node.is_some() => {
                let name = node.map_or("", |node| self.nodes[node].0.as_str());
                let message = format!("no pod has the port {port} of node `{name}`");
                let help = "the ports of a node are those of its pods with `hostNetwork`, and their `hostPort`s";
                return Some(Err((message, Some(help.to_owned()))));
            }
            (None, At::Pod(pod)) => {
                let workload = short(&self.workloads[self.placed[pod].workload]);
                let message = format!("no container of {workload} has the port {port}");
                return Some(Err((message, Some("a URL to a pod names the pod's own port".to_owned()))));
            }
            (None, At::Nobody) => return None,
        };
        let workload = &self.workloads[pod.workload];
        let target_port = mapped.map_or(port, |_| container_port(workload, container, port));
        let name =
            if workload.kind == "pod" { workload.name.clone() } else { format!("{}-{}", workload.name, pod.replica) };
        let mut single = self.single.borrow_mut();
        let entry = Service {
            namespace: workload.namespace.clone(),
            name: format!("pod/{name}:{port}"),
            port,
            port_name: None,
            multi_port: false,
            cluster_ip: 0,
            target_port,
            affinity: None,
            targets: vec![(pod.workload, container)],
            only: Vec::new(),
            pod: Some(pod.replica),
            headless: false,
            loopback: false,
            policy: TrafficPolicy::default(),
            outside: None,
            eras: Vec::new(),
        };
        let found = single.iter().position(|known| *known == entry).unwrap_or_else(|| {
            single.push(entry);
            single.len() - 1
        });
        Some(Ok(services.ports.len() + found))
    }

    /// The container of the client's own pod that listens on the port of the URL.
    fn in_own_pod(
        &self,
        url: &Url<'_>,
        client: Client<'_>,
        fails: bool,
        services: &ServiceTable,
    ) -> Result<Found, Bad> {
        let Some(of) = client.workload else {
            let message = format!("`{}` is the client itself, and the client is in no pod", url.host);
            return Err((
                message,
                Some("let the traffic come from a workload, such as from: deployment/web".to_owned()),
            ));
        };
        let workload = &self.workloads[of];
        let port = url.port.unwrap_or(80);
        let listens = match workload.host_network() {
            true => host::listeners(&self.workloads, port),
            false => {
                container_with(&TargetPort::Number(port), workload).map(|(own, _)| (of, own)).into_iter().collect()
            }
        };
        let nobody = listens.is_empty();
        if nobody && !fails {
            return Err(nobody_on_loopback(workload, url.host, port));
        }
        let mut single = self.single.borrow_mut();
        let entry = Service {
            namespace: workload.namespace.clone(),
            name: format!("localhost/{}:{port}", workload.name),
            port,
            port_name: None,
            multi_port: false,
            cluster_ip: 0,
            target_port: port,
            affinity: None,
            targets: listens,
            only: Vec::new(),
            pod: None,
            headless: false,
            loopback: true,
            policy: TrafficPolicy::default(),
            outside: None,
            eras: Vec::new(),
        };
        let found = single.iter().position(|known| *known == entry).unwrap_or_else(|| {
            single.push(entry);
            single.len() - 1
        });
        let fails = nobody.then_some(FailureCause::Refused);
        Ok(Found::inside(services.ports.len() + found, None, fails))
    }

    /// Whether this is `localhost`, by the index of its port.
    pub(super) fn is_loopback(&self, port: usize, services: &ServiceTable) -> bool {
        let single = self.single.borrow();
        port.checked_sub(services.ports.len()).and_then(|index| single.get(index)).is_some_and(|entry| entry.loopback)
    }

    /// The Service port that was meant by a name that does not exist for the client.
    fn port_meant(
        &self,
        url: &Url<'_>,
        client: Client<'_>,
        (file, library, ndots): (&ResolvConf, Library, u32),
        fails: bool,
        services: &ServiceTable,
    ) -> Result<usize, Bad> {
        let host =
            if url::is_service(url.host) { url.host.splitn(3, '.').nth(2).unwrap_or_default() } else { url.host };
        let meant = url::meant(host, client.namespace, &self.rules.domain);
        let group = meant.and_then(|(name, space)| self.zone.service(space, name)).map(|index| &services.groups[index]);
        let port = |group: &Group| match group.unusable.as_ref().or_else(|| group.broken.iter().flatten().next()) {
            None => {
                let wanted = url.port.unwrap_or(url.usual);
                let ports = &services.ports[group.first..group.first + group.count];
                Ok(group.first + ports.iter().position(|port| port.port == wanted).unwrap_or(0))
            }
            Some((message, help)) => {
                let service = dotted(&group.namespace, &group.name);
                Err((format!("`{}` leads to service/{service}, which {message}", shorten(url.host)), help.clone()))
            }
        };
        if let Some(group) = group {
            if let Some(bad) = without_port(url.host, group, services).filter(|_| !fails) {
                return Err(bad);
            }
            // Without ready endpoints a headless Service has no name: that is a matter of the run.
            if fails || group.headless && file.nameservers.contains(&self.cluster.address) {
                return port(group);
            }
            let message = format!("`{}` does not resolve at the client", shorten(url.host));
            return Err((message, Some(self.why_unresolved(group, file, library, ndots))));
        }
        let elsewhere = meant.and_then(|(name, _)| services.groups.iter().find(|group| group.name == name));
        match elsewhere {
            Some(group) if fails => port(group),
            _ => Err(url::not_found(host, client.namespace, &self.rules.domain, services)),
        }
    }
}

impl Discovery {
    /// How a client looks for names that does not find a Service, and what it would find.
    fn why_unresolved(&self, group: &Group, file: &ResolvConf, library: Library, ndots: u32) -> String {
        let library = match library {
            Library::Glibc => "glibc",
            Library::Musl => "musl",
            Library::Go => "go",
        };
        let text = file.text();
        // What the options say may be overruled; of them only ndots matters here.
        let lines: Vec<String> =
            text.lines().filter(|line| !line.starts_with("options ")).map(|line| format!("`{line}`")).collect();
        let advice = if file.nameservers.contains(&self.cluster.address) {
            format!("the whole name is {}.{}.svc.{}", group.name, group.namespace, self.rules.domain)
        } else {
            "this name server knows no Services: write a cluster IP, or another `dnsPolicy` for the pods (with \
             `hostNetwork` ClusterFirstWithHostNet)"
                .to_owned()
        };
        format!("with {library} and ndots {ndots} its resolv.conf is {}; {advice}", lines.join(", "))
    }
}

/// Why `localhost` leads to nobody.
fn nobody_on_loopback(workload: &WorkloadObject, host: &str, port: u16) -> Bad {
    let pod = short(workload);
    let (message, shares) = if workload.host_network() {
        let message =
            format!("no pod with `hostNetwork` has the port {port}, and to the pods of {pod} `{host}` is their node");
        (message, "pods with `hostNetwork` share the addresses and ports of their node")
    } else {
        let message = format!("nobody listens on port {port} in the pods of {pod}, and `{host}` is the pod itself");
        (message, "the containers of a pod share its addresses and ports, other pods have their own")
    };
    (message, Some(format!("{shares}; to see it refused in the run, write resolver: {{missing: fail}}")))
}

/// The container's own port, to which a port of its node leads.
fn container_port(workload: &WorkloadObject, container: usize, port: u16) -> u16 {
    let mut ports = workload.containers[container].ports.iter();
    ports.find(|own| own.host_port == Some(port)).map_or(port, |own| own.container_port)
}

/// What is wrong with a host that asks a Service for a port that it does not have.
fn without_port(host: &str, group: &Group, services: &ServiceTable) -> Option<Bad> {
    let (port, rest) = host.strip_prefix('_').filter(|_| url::is_service(host))?.split_once("._")?;
    let protocol = rest.split('.').next().unwrap_or_default();
    let ports = &services.ports[group.first..group.first + group.count];
    let names: Vec<&str> = ports.iter().filter_map(|port| port.port_name.as_deref()).collect();
    if protocol == "tcp" && names.contains(&port) {
        return None;
    }
    let service = dotted(&group.namespace, &group.name);
    let message = format!("service/{service} has no port `{}` of protocol `{}`", shorten(port), shorten(protocol));
    let help = match (names.contains(&port), yaml::nearest(port, names.iter().copied())) {
        (true, _) => "its protocol is tcp".to_owned(),
        (_, Some(near)) => format!("did you mean `_{near}._tcp`?"),
        _ if names.is_empty() => "its ports have no names, and without a name there is no such record".to_owned(),
        _ => format!("its named ports are {}", shorten(&names.join(", "))),
    };
    Some((message, Some(help)))
}

/// What a problem with an expanded URL says about the text it came from.
fn explain_expansion((message, help): Bad, text: &str, expanded: &str) -> Bad {
    if text == expanded {
        return (message, help);
    }
    (message, Some(format!("`{}` becomes `{}` with the client's variables", shorten(text), shorten(expanded))))
}

/// With `autopath` the server answers the first query with what the whole search would have found.
fn walk_for_the_client(asked: &mut [Name], outcome: Outcome, names: &Candidates) {
    // Names that are first asked for as they are have no search to be walked.
    if let Outcome::Found(position) = outcome
        && position > 0
        && names.as_given != Some(0)
    {
        let found = asked[position as usize].clone();
        (asked[0].a, asked[0].aaaa, asked[0].behind) = (found.a, found.aaaa, found.behind);
    }
}

/// How a lookup ends when every query is answered at once.
fn end_of(settings: Settings, asked: &[Name], server: NameServer) -> Outcome {
    let mut actions = Vec::new();
    let mut lookup = Lookup::begin(settings, 0, &mut actions);
    let mut next = 0;
    while let Some(action) = actions.get(next).copied() {
        next += 1;
        match action {
            Action::Send(query) => {
                let reply = asked[query.candidate as usize].reply(query.record, server);
                lookup.answered(query, reply.answer, &mut actions);
            }
            Action::Done(outcome) => return outcome,
            Action::Wait(_) | Action::Stop(_) => {}
        }
    }
    Outcome::NoAnswer
}

/// The pods behind a headless Service; every pod is ready at the start.
fn endpoints(service: &ServiceObject, objects: &Objects, placed: &[placement::Placed]) -> Vec<EndpointRecord> {
    if service.form == ServiceForm::NoSelector {
        return super::by_hand::records(service, objects);
    }
    let selected = |workload: usize| {
        let workload = &objects.workloads[workload];
        workload.namespace == service.namespace && super::services::selects(&service.selector, &workload.labels)
    };
    let pods = placed.iter().filter(|pod| selected(pod.workload));
    pods.map(|pod| {
        let host = objects.workloads[pod.workload].host.as_ref();
        let hostname = host.filter(|(_, subdomain)| *subdomain == service.name).map(|(hostname, _)| hostname.clone());
        EndpointRecord { address: Ipv4Addr::from(pod.ip), hostname, ready: true }
    })
    .collect()
}

/// The Services as kubelets know them; the API server's own is in every cluster.
fn known(services: &ServiceTable) -> Vec<KnownService> {
    let mut known: Vec<KnownService> = services
        .groups
        .iter()
        .map(|group| {
            let ports = &services.ports[group.first..group.first + group.count];
            let address = ports.first().map_or(0, |port| port.cluster_ip);
            KnownService {
                namespace: group.namespace.clone(),
                name: group.name.clone(),
                cluster_ip: (!group.headless && address != 0).then(|| Ipv4Addr::from(address)),
                ports: ports
                    .iter()
                    .map(|port| KnownPort { name: port.port_name.clone(), port: port.port, protocol: "TCP" })
                    .collect(),
            }
        })
        .collect();
    if !known.iter().any(|service| (service.namespace.as_str(), service.name.as_str()) == ("default", "kubernetes")) {
        known.push(KnownService {
            namespace: "default".to_owned(),
            name: "kubernetes".to_owned(),
            // kubeadm gives the API server the first address of the range, and DNS the tenth.
            cluster_ip: Some(Ipv4Addr::from(u32::from(services.dns) - 9)),
            ports: vec![KnownPort { name: Some("https".to_owned()), port: 443, protocol: "TCP" }],
        });
    }
    known
}
