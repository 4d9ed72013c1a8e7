//! `cluster.dns` and every `resolver`.

use super::super::context::{Context, Object};
use super::super::dns::Dns;
use super::super::pod_life::PodLife;
use super::super::services::ServiceTable;
use super::super::tables_dns as tables;
use super::super::values::{self, shorten};
use super::super::{Host, Node, Workload};
use super::dist::dist;
use crate::discovery::autoscaler::DNS_AUTOSCALER;
use crate::discovery::cache::Limits;
use crate::discovery::resolv_conf::{Library, Options};
use crate::random::Dist;
use crate::time::SimDuration;
use crate::yaml;

/// What a scenario says about a resolver; what it leaves open follows from the next in line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::scenario) struct Resolver {
    pub(in crate::scenario) library: Option<Library>,
    ndots: Option<u32>,
    timeout: Option<SimDuration>,
    attempts: Option<u32>,
    /// After the answer to A, and from another port.
    single: Option<(bool, bool)>,
    tcp: Option<bool>,
    pub(in crate::scenario) both: Option<bool>,
    pub(in crate::scenario) cache: Option<Option<Limits>>,
    pub(in crate::scenario) fails: Option<bool>,
    /// Whether all addresses of an answer are tried.
    pub(in crate::scenario) next: Option<bool>,
}

impl Resolver {
    /// What `self` leaves open is as in `other`.
    pub(in crate::scenario) fn or(self, other: Self) -> Self {
        Self {
            library: self.library.or(other.library),
            ndots: self.ndots.or(other.ndots),
            timeout: self.timeout.or(other.timeout),
            attempts: self.attempts.or(other.attempts),
            single: self.single.or(other.single),
            tcp: self.tcp.or(other.tcp),
            both: self.both.or(other.both),
            cache: self.cache.or(other.cache),
            fails: self.fails.or(other.fails),
            next: self.next.or(other.next),
        }
    }

    /// Without what the options of a manifest's `dnsConfig` say themselves.
    pub(in crate::scenario) fn without(mut self, options: &[(String, Option<String>)]) -> Self {
        for (name, _) in options {
            match name.as_str() {
                "ndots" => self.ndots = None,
                "timeout" => self.timeout = None,
                "attempts" => self.attempts = None,
                "single-request" | "single-request-reopen" => self.single = None,
                "use-vc" => self.tcp = None,
                _ => {}
            }
        }
        self
    }

    /// Changes what a file's options say.
    pub(in crate::scenario) fn change(&self, options: &mut Options) {
        options.ndots = self.ndots.unwrap_or(options.ndots);
        options.timeout = self.timeout.unwrap_or(options.timeout);
        options.attempts = self.attempts.unwrap_or(options.attempts);
        if let Some((single, reopen)) = self.single {
            (options.single_request, options.single_request_reopen) = (single, reopen);
        }
        options.use_vc = self.tcp.unwrap_or(options.use_vc);
    }

    /// Of a gRPC channel, which has a resolver of its own and tries all addresses.
    pub(in crate::scenario) fn of_channel(self) -> Self {
        Self { cache: self.cache.or(Some(Some(Limits::CHANNEL))), next: self.next.or(Some(true)), ..self }
    }

    /// Whether a connection that fails at one address is tried at the next; the JVM's own classes take the first alone.
    pub(in crate::scenario) fn tries_next(&self) -> bool {
        self.next.unwrap_or(self.cache.flatten() != Some(Limits::JVM))
    }

    /// Whether it says more than what becomes of missing names.
    fn asks(&self) -> bool {
        Self { fails: None, ..*self } != Self::default()
    }
}

/// A name outside the cluster.
#[derive(Debug, Clone)]
pub(in crate::scenario) struct External {
    pub(in crate::scenario) name: String,
    /// The Service port that stands for it.
    pub(in crate::scenario) port: usize,
    pub(in crate::scenario) ttl: SimDuration,
    pub(in crate::scenario) ipv6: bool,
}

/// What names follow from `cluster.dns`, or from its absence.
#[derive(Debug, Clone)]
pub(in crate::scenario) struct Rules {
    /// Whether names are looked up in the run.
    pub(in crate::scenario) on: bool,
    /// Whether pods come and go, so that a name may get its first pod later.
    pub(in crate::scenario) changes: bool,
    pub(in crate::scenario) domain: String,
    pub(in crate::scenario) host_search: Vec<String>,
    pub(in crate::scenario) ttl: SimDuration,
    pub(in crate::scenario) autopath: bool,
    pub(in crate::scenario) externals: Vec<External>,
    pub(in crate::scenario) resolver: Resolver,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            on: false,
            changes: false,
            domain: "cluster.local".to_owned(),
            host_search: Vec::new(),
            ttl: SimDuration::from_secs(30),
            autopath: false,
            externals: Vec::new(),
            resolver: Resolver::default(),
        }
    }
}

/// `cluster.dns`: the servers, where there are any, and the rules of names.
pub(super) fn dns(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    (nodes, changes): (&[Node], bool),
    services: &ServiceTable,
) -> (Option<Dns>, Rules) {
    let mut rules = Rules { changes, ..Rules::default() };
    let object = cluster.and_then(|cluster| cluster.get("dns")).and_then(|node| cx.object(node, &tables::DNS));
    let Some(object) = object else { return (None, rules) };
    rules.on = true;
    if let Some(domain) = object.name(cx, "domain", &['/', ':']) {
        rules.domain = domain.trim_matches('.').to_owned();
    }
    for item in object.list(cx, "hostSearch") {
        let text = values::text(item);
        rules.host_search.extend(cx.take(item, "hostSearch", text).map(str::to_owned));
    }
    rules.ttl = object.duration(cx, "ttl").unwrap_or(rules.ttl);
    rules.autopath = object.boolean(cx, "autopath").unwrap_or(false);
    for item in object.list(cx, "external") {
        rules.externals.extend(external(cx, item, services));
    }
    rules.resolver = object.get("resolver").map_or_else(Resolver::default, |node| read_resolver(cx, node));
    let mut time = |key, usual: Dist| match object.get(key) {
        Some(node) => dist(cx, node, key).unwrap_or(usual),
        None => usual,
    };
    let mean = SimDuration::from_nanos(60_000).as_secs_f64();
    let service_time = time("serviceTime", Dist::exponential(mean).expect("a mean above zero"));
    let upstream = time("upstream", Dist::constant(SimDuration::from_millis(10)));
    for (key, value) in [("serviceTime", "exponential mean 60us"), ("concurrency", "1"), ("replicas", "2")] {
        if object.get(key).is_none() {
            cx.assume(format!("cluster: dns {key}"), value, format!("cluster.dns.{key}"));
        }
    }
    let mut limit = |key, usual: Option<SimDuration>| match object.get(key) {
        None => usual,
        Some(node) if node.as_str() == Some("none") => None,
        Some(_) => object.duration(cx, key),
    };
    let (cache, zone_cache) = (limit("cache", Some(SimDuration::from_secs(30))), limit("zoneCache", None));
    let replicas = match object.get("replicas") {
        Some(node) if node.as_str() == Some("auto") => auto(nodes),
        _ => object.count32(cx, "replicas").unwrap_or(2),
    };
    let dns = Dns {
        servers: spread(nodes, replicas),
        concurrency: object.count32(cx, "concurrency").unwrap_or(1),
        service_time,
        upstream,
        cache,
        zone_cache,
        node_local: object.boolean(cx, "nodeLocal").unwrap_or(false),
        loss: object.ratio(cx, "loss").unwrap_or(0.0),
        race: object.ratio(cx, "race").unwrap_or(0.0),
    };
    (Some(dns), rules)
}

/// As the autoscaler of the add-on has them: by schedulable nodes and their cores; a node that does not say has one.
fn auto(nodes: &[Node]) -> u32 {
    let open = nodes.iter().filter(|node| !node.unschedulable);
    let count = u32::try_from(open.clone().count()).unwrap_or(u32::MAX);
    DNS_AUTOSCALER.replicas(count.max(1), open.map(|node| node.cpu.unwrap_or(1.0)).sum())
}

/// One server a node in turn, zone by zone, as anti-affinity and the scheduler's spreading have them.
fn spread(nodes: &[Node], replicas: u32) -> Vec<usize> {
    let workload = Workload {
        kind: "deployment".to_owned(),
        namespace: "kube-system".to_owned(),
        name: "coredns".to_owned(),
        replicas,
        containers: Vec::new(),
        pod_speed: Vec::new(),
        pod_episodes: Vec::new(),
        node_name: None,
        allowed_nodes: (0..nodes.len()).filter(|index| !nodes[*index].unschedulable).collect(),
        node_selector: Vec::new(),
        scheduling: crate::manifest::scheduling::Scheduling::default(),
        outside: false,
        host: Host::default(),
        addresses: Vec::new(),
        init: Vec::new(),
        life: PodLife::none(),
    };
    // They count against nobody's room: a cluster has kept it for them.
    let roomy: Vec<Node> = nodes
        .iter()
        .map(|node| Node { max_pods: u32::MAX, pod_cidr: (0, 0), taints: Vec::new(), ..node.clone() })
        .collect();
    match super::super::placement::place(&roomy, &[workload]) {
        Ok(placed) => placed.into_iter().map(|pod| pod.node).collect(),
        // No node takes pods; that is reported where the pods are.
        Err(_) => vec![0; replicas as usize],
    }
}

fn external(cx: &mut Context<'_>, item: &yaml::Node, services: &ServiceTable) -> Option<External> {
    let object = cx.object(item, &tables::EXTERNAL)?;
    let name = object.name(cx, "name", &['/', ':'])?.trim_end_matches('.').to_owned();
    let to = object.get("to")?;
    let found = object.text(cx, "to").map(|text| services.port_of(text))?;
    let port = cx.take(to, "to", found)?;
    if services.is_headless(port) {
        let message = format!("`to`: service/{} is headless", services.ports[port].label());
        cx.problem_help(to.span, message, "name a Service with a cluster IP: it stands for one address outside");
        return None;
    }
    let ttl = object.duration(cx, "ttl").unwrap_or(SimDuration::from_secs(60));
    Some(External { name, port, ttl, ipv6: object.boolean(cx, "ipv6").unwrap_or(false) })
}

/// The `resolver` of a traffic, call or workload.
pub(super) fn resolver(cx: &mut Context<'_>, object: &Object<'_>, rules: &Rules) -> Resolver {
    let Some(node) = object.get("resolver") else { return Resolver::default() };
    let read = read_resolver(cx, node);
    if !rules.on && read.asks() {
        cx.problem_help(
            object.key_span("resolver"),
            "`resolver` has no effect without `cluster.dns`: names resolve at no cost",
            "write cluster: {dns: {replicas: 2}}, or remove `resolver` (its key `missing` may stay)",
        );
    }
    read
}

fn read_resolver(cx: &mut Context<'_>, node: &yaml::Node) -> Resolver {
    let Some(object) = cx.object(node, &tables::RESOLVER) else { return Resolver::default() };
    let libraries = [("glibc", Library::Glibc), ("musl", Library::Musl), ("go", Library::Go)];
    let library = object.word(cx, "library", &libraries);
    let single = object.get("singleRequest").and_then(|node| match node.as_str() {
        Some("reopen") => Some((true, true)),
        _ => object.boolean(cx, "singleRequest").map(|single| (single, false)),
    });
    let resolver = Resolver {
        library,
        ndots: object.count32(cx, "ndots"),
        timeout: object.positive_duration(cx, "timeout"),
        attempts: object.count32(cx, "attempts"),
        single,
        tcp: object.boolean(cx, "tcp"),
        both: object.word(cx, "family", &[("both", true), ("ipv4", false)]),
        cache: object.get("cache").and_then(|node| cache(cx, node)),
        fails: object.word(cx, "missing", &[("refuse", false), ("fail", true)]),
        next: object.word(cx, "addresses", &[("all", true), ("first", false)]),
    };
    if library == Some(Library::Musl) {
        for key in ["singleRequest", "tcp"] {
            if object.get(key).is_some_and(|node| node.as_bool() != Some(false)) {
                cx.problem_help(
                    object.key_span(key),
                    format!("musl knows no `{key}`"),
                    "remove it, or take glibc or go",
                );
            }
        }
    }
    resolver
}

fn cache(cx: &mut Context<'_>, node: &yaml::Node) -> Option<Option<Limits>> {
    let forever = SimDuration::from_secs(100 * 365 * 86_400);
    match node.as_str() {
        Some("none") => return Some(None),
        Some("jvm") => return Some(Some(Limits::JVM)),
        Some("forever") => {
            return Some(Some(Limits { positive: forever, negative: SimDuration::ZERO, fixed: true }));
        }
        Some(other) => {
            let message = format!("`cache` is none, jvm, forever or an object; found `{}`", shorten(other));
            let help = match yaml::nearest(other, ["none", "jvm", "forever"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write for example {ttl: 30s}".to_owned(),
            };
            cx.problem_help(node.span, message, help);
            return None;
        }
        None => {}
    }
    let object = cx.object(node, &tables::CACHE)?;
    Some(Some(Limits {
        positive: object.duration(cx, "ttl")?,
        negative: object.duration(cx, "negativeTtl").unwrap_or_default(),
        fixed: !object.boolean(cx, "atMost").unwrap_or(false),
    }))
}
