//! How requests are sent: what traffics and calls have in common.

use super::super::context::{Context, Object};
use super::super::discover::{Client, Discovery, Found};
use super::super::entrance;
use super::super::services::ServiceTable;
use super::super::tables_flow as tables;
use super::super::url;
use super::super::values::{self, Bad, shorten};
use super::super::{Cancellation, ConnectionMode, Connections, Demand, Flow, Layer, Protocol, Retries, Tls};
use super::balancer::balancer;
use super::connections::{DEFAULT_CONNECTIONS, connections, connections_of};
use super::dns::resolver;
use crate::cause::FailureCause;
use crate::time::SimDuration;
use crate::yaml::{Node, Value, nearest};

/// How long a gRPC channel waits for a connection (the least that `connection-backoff.md` of gRPC asks for).
const CHANNEL_CONNECTS: SimDuration = SimDuration::from_secs(20);

/// A proxy that flows may name.
#[derive(Debug)]
pub(super) struct ProxyName {
    pub(super) name: String,
    pub(super) layer: Layer,
    /// Unknown where its `endpoints` could not be read.
    pub(super) service: Option<usize>,
}

impl ProxyName {
    /// The name of a proxy, which is complete or not.
    pub(super) fn of((proxy, complete): &(super::super::Proxy, bool)) -> Self {
        Self { name: proxy.name.clone(), layer: proxy.layer, service: complete.then_some(proxy.service) }
    }
}

/// What a flow may name.
pub(super) struct Targets<'a> {
    pub(super) services: &'a ServiceTable,
    pub(super) proxies: &'a [ProxyName],
    pub(super) discovery: &'a Discovery,
    pub(super) nodes: &'a [super::super::Node],
    pub(super) load_balancers: &'a super::super::outside::LoadBalancers,
    pub(super) controllers: &'a [super::super::ingress::Controller],
}

impl Targets<'_> {
    /// Where a URL leads, seen from a client.
    fn find(&self, text: &str, client: Client<'_>, resolver: super::dns::Resolver) -> Result<Found, Bad> {
        let Some(internet) = client.internet else {
            return self.discovery.find(text, client, resolver, self.services);
        };
        let cluster = entrance::Cluster {
            services: self.services,
            nodes: self.nodes,
            load_balancers: self.load_balancers,
            controllers: self.controllers,
        };
        cluster.find(text, internet)
    }
}

/// A flow: `object` has its keys, `to` its URL.
pub(super) fn flow(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    (name, to, client): (String, &Node, Client<'_>),
    targets: &Targets<'_>,
) -> Option<Flow> {
    let resolver = resolver(cx, object, &targets.discovery.rules);
    let found = values::text(to).and_then(|text| targets.find(text, client, resolver));
    let found = cx.take(to, "", found);
    let service = found.as_ref().map(|found| found.port);
    let through = through(cx, object, targets);
    let balancer = object.get("balancer").and_then(|node| balancer(cx, node, service));
    if let (Some(_), Some(_)) = (object.get("through"), object.get("balancer")) {
        cx.problem_help(
            object.key_span("balancer"),
            "`balancer` has no effect where the proxy of `through` balances",
            "move it to the proxy, or remove `through`",
        );
    }
    if client.internet.is_some() {
        stays_outside(cx, object);
    }
    if let (Some(service), Some(Some(proxy))) = (service, through) {
        same_service(cx, to, service, &targets.proxies[proxy], targets.services);
    }
    if service.is_some_and(|service| targets.discovery.is_loopback(service, targets.services)) {
        for key in ["balancer", "through"].into_iter().filter(|key| object.get(key).is_some()) {
            let message = format!("`{key}` has no effect on the way to `localhost`, which is one container");
            cx.problem_help(object.key_span(key), message, format!("remove `{key}`"));
        }
    }
    if let Some(service) = service
        && through == Some(None)
        && object.get("balancer").is_none()
        && targets.services.is_headless(service)
        && !targets.discovery.rules.on
    {
        cx.problem_help(
            to.span,
            format!(
                "service/{} is headless: its name resolves to the pods, and the client chooses among them",
                targets.services.ports[service].label()
            ),
            "say how it chooses, for example balancer: {policy: round-robin}, or pass a proxy with `through`; with cluster.dns it takes the first address of each answer",
        );
    }
    let layer = through.flatten().map(|proxy| targets.proxies[proxy].layer);
    let connections = connections_to(cx, object, to);
    let (request_size, response_size) = sizes(cx, object);
    let flow = Flow {
        name,
        service: service.unwrap_or(0),
        held: found.as_ref().map(|found| found.held).unwrap_or_default(),
        fails: found.as_ref().and_then(|found| found.fails),
        way_in: found.as_ref().and_then(|found| found.way_in.clone()),
        resolution: found.as_ref().and_then(|found| found.resolution.clone()).map(Box::new),
        through: through.flatten().or(found.as_ref().and_then(|found| found.through)),
        shares: found.as_ref().map_or_else(Vec::new, |found| found.shares.clone()),
        connections,
        balancer,
        timeout: object.positive_duration(cx, "timeout"),
        retries: object.get("retries").map_or_else(no_retries, |node| retries(cx, node, layer)),
        cancellation: object
            .word(cx, "cancellation", &[("none", Cancellation::None), ("propagated", Cancellation::Propagated)])
            .unwrap_or(Cancellation::None),
        demand: object
            .word(cx, "demand", &[("attempt", Demand::Attempt), ("request", Demand::Request)])
            .unwrap_or(Demand::Attempt),
        request_size,
        response_size,
    };
    if flow.connections.protocol == Protocol::Udp && flow.timeout.is_none() && flow.retries.per_try.is_none() {
        cx.problem_help(
            object.key_span("connections"),
            "protocol udp without a timeout: nobody tells a client that a datagram was lost",
            "write `timeout`, or `retries` with `perTry`",
        );
    }
    service.map(|_| flow)
}

/// The connections of a flow to a URL, which may ask for TLS.
fn connections_to(cx: &mut Context<'_>, object: &Object<'_>, to: &Node) -> Connections {
    if to.as_str().is_some_and(url::is_channel) {
        return channel(cx, object);
    }
    let mut connections =
        object.get("connections").and_then(|node| connections(cx, node)).unwrap_or(DEFAULT_CONNECTIONS);
    if to.as_str().is_some_and(|text| text.starts_with("https://")) && connections.protocol != Protocol::Udp {
        connections.tls.get_or_insert(Tls::USUAL);
    }
    connections
}

/// The connection of a gRPC channel (`pick_first`, its default): the first address that accepts one gets all requests.
fn channel(cx: &mut Context<'_>, object: &Object<'_>) -> Connections {
    let usual = Connections { protocol: Protocol::Grpc, ..DEFAULT_CONNECTIONS };
    let node = object.get("connections");
    let mut connections = node.and_then(|node| connections_of(cx, node, Protocol::Grpc)).unwrap_or(usual);
    if connections.protocol != Protocol::Grpc || connections.mode != ConnectionMode::Pool {
        let message = "a name that begins with `dns:` is that of a gRPC channel, which keeps an HTTP/2 connection";
        let help = "write connections: {protocol: grpc}, or a URL that begins with http://";
        cx.problem_help(object.key_span("connections"), message, help);
    }
    if object.get("balancer").is_some() {
        let message = "not supported yet: a gRPC channel that balances over the addresses of its name";
        let help = "write a URL that begins with http://, whose client hears of pods after cluster.propagation.clients; \
                    without `balancer` it is pick_first";
        cx.problem_help(object.key_span("balancer"), message, help);
    }
    connections.keeping.channel = true;
    connections.connect_timeout.get_or_insert(CHANNEL_CONNECTS);
    connections
}

/// Bytes of requests and replies.
fn sizes(cx: &mut Context<'_>, object: &Object<'_>) -> (u64, u64) {
    let mut size = |key| {
        let bytes = object.get(key).and_then(|node| {
            let value = values::quantity(node);
            cx.take(node, key, value)
        });
        bytes.map_or(0, |bytes: f64| bytes.round() as u64)
    };
    (size("requestSize"), size("responseSize"))
}

/// Clients outside reach no proxy inside, know no pods and ask none of the cluster's DNS servers.
fn stays_outside(cx: &mut Context<'_>, object: &Object<'_>) {
    for (key, why) in [
        ("through", "the proxies of `proxies` stand inside the cluster"),
        ("balancer", "clients outside the cluster know no pods"),
        ("resolver", "clients outside the cluster do not ask its DNS servers"),
    ] {
        if object.get(key).is_some() {
            cx.problem_help(
                object.key_span(key),
                format!("`{key}` has no effect on traffic from the internet: {why}"),
                format!("remove `{key}`"),
            );
        }
    }
}

/// Notes what a flow leaves to defaults; `field` is its path.
pub(super) fn assume_sending(cx: &mut Context<'_>, object: &Object<'_>, label: &str, field: &str) {
    let is_channel =
        ["to", "call"].iter().any(|key| object.get(key).and_then(Node::as_str).is_some_and(url::is_channel));
    match object.get("connections") {
        _ if is_channel => {}
        None => cx.assume(
            format!("{label}: connections"),
            "http1 with keep-alive, unlimited",
            format!("{field}.connections"),
        ),
        Some(node) => {
            let pools = |key, usual| node.get(key).is_none_or(|value| value.as_str() == Some(usual));
            if pools("mode", "pool")
                && pools("protocol", "http1")
                && pools("keepAlive", "true")
                && node.get("maxPerClient").is_none()
            {
                let field = format!("{field}.connections.maxPerClient");
                cx.assume(format!("{label}: connections of a client"), "unlimited", field);
            }
        }
    }
    if object.get("timeout").is_none() {
        cx.assume(format!("{label}: timeout"), "none", format!("{field}.timeout"));
    }
    match object.get("retries") {
        None => cx.assume(format!("{label}: retries"), "none", format!("{field}.retries")),
        Some(node) => {
            for (key, value) in [("attempts", "2"), ("on", "connect-failure, 5xx, timeout")] {
                if node.get(key).is_none() {
                    cx.assume(format!("{label}: retries {key}"), value, format!("{field}.retries.{key}"));
                }
            }
        }
    }
}

/// The proxy of `through`: absent, unknown (reported), or found.
fn through(cx: &mut Context<'_>, object: &Object<'_>, targets: &Targets<'_>) -> Option<Option<usize>> {
    let Some(node) = object.get("through") else { return Some(None) };
    let name = object.text(cx, "through")?;
    if let Some(found) = targets.proxies.iter().position(|proxy| proxy.name == name) {
        return Some(Some(found));
    }
    let known = targets.proxies.iter().map(|proxy| proxy.name.as_str());
    let message = format!("no proxy is called `{}`", shorten(name));
    match nearest(name, known) {
        Some(near) => cx.problem_help(node.span, message, format!("did you mean `{near}`?")),
        None => cx.problem_help(node.span, message, "write it under `proxies`"),
    }
    None
}

fn same_service(cx: &mut Context<'_>, to: &Node, service: usize, proxy: &ProxyName, services: &ServiceTable) {
    let Some(own) = proxy.service.filter(|own| *own != service) else { return };
    let (Some(wanted), Some(served)) = (services.ports.get(service), services.ports.get(own)) else { return };
    cx.problem_help(
        to.span,
        format!(
            "the URL leads to service/{}, but the proxy `{}` sends to service/{}",
            wanted.label(),
            proxy.name,
            served.label()
        ),
        "let both name the same Service and port",
    );
}

/// What holds without `retries`.
pub(super) fn no_retries() -> Retries {
    Retries {
        attempts: Some(1),
        per_try: None,
        on: Vec::new(),
        on_per_try_timeout: false,
        backoff_base: SimDuration::ZERO,
        backoff_max: SimDuration::ZERO,
        jitter: true,
        budget: None,
    }
}

fn retries(cx: &mut Context<'_>, node: &Node, layer: Option<Layer>) -> Retries {
    let mut retries = no_retries();
    if let Some(tries) = node.as_scalar().filter(|scalar| scalar.text.parse::<u32>().is_ok()) {
        let help = format!("write {{attempts: {}}}: tries in all, the first one counted", tries.text);
        cx.problem_help(node.span, format!("expected `retries` with keys, found `{}`", tries.text), help);
        return retries;
    }
    let Some(object) = cx.object(node, &tables::RETRIES) else { return retries };
    retries.attempts = object.count_or(cx, "attempts", "unlimited").unwrap_or(Some(2));
    retries.per_try = object.positive_duration(cx, "perTry");
    retries.jitter = object.word(cx, "jitter", &[("full", true), ("none", false)]).unwrap_or(true);
    retries.budget = object.get("budget").and_then(|node| {
        let value = values::ratio(node, f64::MAX);
        cx.take(node, "budget", value)
    });
    if let Some(node) = object.get("backoff")
        && !matches!(&node.value, Value::Scalar(scalar) if scalar.text == "none")
        && let Some(backoff) = cx.object(node, &tables::BACKOFF)
    {
        let base = backoff.duration(cx, "base").unwrap_or_default();
        let ten = SimDuration::from_nanos(base.as_nanos().saturating_mul(10).min(SimDuration::MAX.as_nanos()));
        let max = backoff.duration(cx, "max").unwrap_or(ten);
        if max < base {
            cx.problem(backoff.key_span("max"), format!("`max` ({max}) is shorter than `base` ({base})"));
        }
        (retries.backoff_base, retries.backoff_max) = (base, max);
    }
    match object.get("on") {
        None => {
            for group in ["connect-failure", "5xx", "timeout"] {
                add_cause(&mut retries, group, layer).expect("the default groups exist");
            }
        }
        Some(list) => {
            for item in cx.list(list, "on") {
                let added = values::text(item).and_then(|text| add_cause(&mut retries, text, layer));
                cx.take(item, "on", added);
            }
        }
    }
    retries.on.sort_unstable();
    retries.on.dedup();
    retries
}

/// Adds a cause or all causes of a group; what a layer-7 proxy reports counts as a gateway error too.
fn add_cause(retries: &mut Retries, word: &str, layer: Option<Layer>) -> Result<(), Bad> {
    use FailureCause::{
        AppError, ConnectTimeout, ConntrackFull, DeadlineExceeded, NoEndpoints503, Overload503, PortExhaustion,
        QueueFull, QueueTimeout, Refused, Reset, UpstreamTimeout504,
    };
    match word {
        "timeout" => retries.on_per_try_timeout = true,
        "connect-failure" => {
            retries.on.extend([Refused, ConnectTimeout, NoEndpoints503, PortExhaustion, ConntrackFull]);
        }
        "gateway-error" => {
            retries.on.extend([NoEndpoints503, Overload503, UpstreamTimeout504]);
            if layer == Some(Layer::L7) {
                retries.on.extend([Refused, Reset, ConnectTimeout]);
            }
        }
        "5xx" => {
            add_cause(retries, "gateway-error", layer)?;
            retries.on.extend([AppError, QueueFull, QueueTimeout]);
        }
        _ => match FailureCause::parse(word) {
            Some(DeadlineExceeded) => {
                let message = "the total timeout cannot be tried again".to_owned();
                return Err((message, Some("write `timeout` for tries that passed `perTry`".to_owned())));
            }
            Some(cause) => retries.on.push(cause),
            None => {
                let known =
                    FailureCause::ALL.iter().map(|cause| cause.as_str()).chain(FailureCause::GROUPS.iter().copied());
                let groups = FailureCause::GROUPS.join(", ");
                let help = match nearest(word, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("write a failure cause, or one of the groups {groups}"),
                };
                return Err((format!("`{}` is neither a failure cause nor a group", shorten(word)), Some(help)));
            }
        },
    }
    Ok(())
}
