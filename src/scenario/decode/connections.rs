//! `connections`: how they are opened, kept and shared.

use super::super::context::{Context, Object};
use super::super::keeping::Keeping;
use super::super::tables_flow as tables;
use super::super::{ConnectionMode, Connections, PoolOrder, Protocol, Tls};
use crate::yaml::{Node, Value};

/// What holds without `connections`.
pub(super) const DEFAULT_CONNECTIONS: Connections = Connections {
    mode: ConnectionMode::Pool,
    protocol: Protocol::Http1,
    max_per_client: None,
    order: PoolOrder::Lifo,
    keeping: Keeping::USUAL,
    connect_timeout: None,
    notices_close: true,
    tls: None,
};

/// Keys that say what a kept connection carries and what ends it, each with the protocols that have it.
const KEEPING: [(&str, &[Protocol]); 10] = {
    use Protocol::{Grpc, Http1, Http2, Tcp};
    [
        ("channels", &[Http2, Grpc]),
        ("maxConcurrentStreams", &[Http2, Grpc]),
        ("maxIdle", &[Http1, Tcp]),
        ("idleTimeout", &[Http1, Http2, Grpc, Tcp]),
        ("serverIdleTimeout", &[Http1, Http2, Grpc, Tcp]),
        ("maxRequests", &[Http1, Http2, Grpc, Tcp]),
        ("maxConnectionAge", &[Http1, Http2, Grpc, Tcp]),
        ("maxConnectionAgeGrace", &[Http2, Grpc]),
        ("staleReuse", &[Http1, Tcp]),
        ("noticesClose", &[Http1, Tcp]),
    ]
};

const PROTOCOLS: [(&str, Protocol); 5] = [
    ("http1", Protocol::Http1),
    ("http2", Protocol::Http2),
    ("grpc", Protocol::Grpc),
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
];

/// `connections`.
pub(super) fn connections(cx: &mut Context<'_>, node: &Node) -> Option<Connections> {
    connections_of(cx, node, DEFAULT_CONNECTIONS.protocol)
}

/// The same, where another protocol is the usual one.
pub(super) fn connections_of(cx: &mut Context<'_>, node: &Node, usual: Protocol) -> Option<Connections> {
    let object = cx.object(node, &tables::CONNECTIONS)?;
    let mode = mode(cx, &object).unwrap_or(DEFAULT_CONNECTIONS.mode);
    let protocol = object.word(cx, "protocol", &PROTOCOLS).unwrap_or(usual);
    let connections = Connections {
        mode,
        protocol,
        max_per_client: object.count_or(cx, "maxPerClient", "unlimited").flatten(),
        order: object
            .word(cx, "order", &[("lifo", PoolOrder::Lifo), ("fifo", PoolOrder::Fifo)])
            .unwrap_or(DEFAULT_CONNECTIONS.order),
        keeping: keeping(cx, &object),
        connect_timeout: object.positive_duration(cx, "connectTimeout"),
        notices_close: object.boolean(cx, "noticesClose").unwrap_or(true),
        tls: object.get("tls").and_then(|node| tls(cx, node)),
    };
    check_effects(cx, &object, &connections);
    Some(connections)
}

fn mode(cx: &mut Context<'_>, object: &Object<'_>) -> Option<ConnectionMode> {
    let modes = [
        ("perRequest", ConnectionMode::PerRequest),
        ("pool", ConnectionMode::Pool),
        ("pinned", ConnectionMode::Pinned),
    ];
    let mode = object.word(cx, "mode", &modes);
    match (mode, object.boolean(cx, "keepAlive")) {
        (Some(ConnectionMode::PerRequest), Some(true))
        | (Some(ConnectionMode::Pool | ConnectionMode::Pinned), Some(false)) => {
            cx.problem_help(
                object.key_span("keepAlive"),
                "`keepAlive` contradicts `mode`",
                "remove `keepAlive`: `mode` says it all",
            );
            mode
        }
        (None, Some(false)) => Some(ConnectionMode::PerRequest),
        (mode, _) => mode,
    }
}

fn keeping(cx: &mut Context<'_>, object: &Object<'_>) -> Keeping {
    let count = |cx: &mut Context<'_>, key| object.count_or(cx, key, "unlimited").flatten();
    Keeping {
        channels: object.count32(cx, "channels").unwrap_or(Keeping::USUAL.channels),
        max_streams: count(cx, "maxConcurrentStreams"),
        max_idle: count(cx, "maxIdle"),
        idle_timeout: object.positive_duration(cx, "idleTimeout"),
        server_idle_timeout: object.positive_duration(cx, "serverIdleTimeout"),
        max_requests: count(cx, "maxRequests"),
        max_age: object.positive_duration(cx, "maxConnectionAge"),
        max_age_grace: object.duration(cx, "maxConnectionAgeGrace"),
        resends: object.word(cx, "staleReuse", &[("fail", false), ("resend", true)]).unwrap_or(false),
        channel: false,
        tracked: false,
    }
}

/// `tls`: a version, or a version and the work of a handshake.
fn tls(cx: &mut Context<'_>, node: &Node) -> Option<Tls> {
    const VERSIONS: [(&str, u32); 2] = [("1.3", 1), ("1.2", 2)];
    if let Value::Scalar(_) = &node.value {
        let round_trips = cx.word(node, "tls", &VERSIONS)?;
        return Some(Tls { round_trips, ..Tls::USUAL });
    }
    let object = cx.object(node, &tables::TLS)?;
    let round_trips = object.word(cx, "version", &VERSIONS).unwrap_or(Tls::USUAL.round_trips);
    Some(Tls { round_trips, cpu: object.duration(cx, "cpu").unwrap_or(Tls::USUAL.cpu) })
}

/// A key without effect is a mistake.
fn check_effects(cx: &mut Context<'_>, object: &Object<'_>, connections: &Connections) {
    let Connections { mode, protocol, .. } = *connections;
    let called = PROTOCOLS.iter().find(|(_, known)| *known == protocol).map_or("", |(word, _)| *word);
    for (key, protocols) in KEEPING.iter().filter(|(key, _)| object.get(key).is_some()) {
        let help = match mode {
            ConnectionMode::PerRequest => "a connection for each request is closed after it: remove it, or `mode`",
            ConnectionMode::Pinned => "pinned connections stand for the whole run: write `mode: pool`",
            ConnectionMode::Pool if !protocols.contains(&protocol) => {
                let known = PROTOCOLS.iter().filter(|(_, known)| protocols.contains(known)).map(|(word, _)| *word);
                let help = format!("it is for protocol {}", known.collect::<Vec<_>>().join(", "));
                cx.problem_help(object.key_span(key), format!("`{key}` has no effect with protocol {called}"), help);
                continue;
            }
            ConnectionMode::Pool => continue,
        };
        let mode = if mode == ConnectionMode::Pinned { "pinned" } else { "perRequest" };
        cx.problem_help(object.key_span(key), format!("`{key}` has no effect with mode {mode}"), help);
    }
    for key in ["tls", "connectTimeout"] {
        if object.get(key).is_some() && protocol == Protocol::Udp {
            let message = format!("`{key}` has no effect with protocol udp");
            cx.problem_help(object.key_span(key), message, "datagrams open no connection: remove it");
        }
    }
    if object.get("order").is_some() && !matches!(protocol, Protocol::Http1 | Protocol::Tcp) {
        let message = format!("`order` has no effect with protocol {called}");
        cx.problem_help(object.key_span("order"), message, "it is for protocol http1, tcp: remove it");
    } else if object.get("order").is_some() && mode == ConnectionMode::PerRequest {
        let help =
            "it says which idle connection is used next, and a connection for each request is never idle: remove it";
        cx.problem_help(object.key_span("order"), "`order` has no effect with mode perRequest", help);
    }
    let keeping = &connections.keeping;
    if object.get("maxConnectionAgeGrace").is_some() && keeping.max_age.is_none() {
        cx.problem_help(
            object.key_span("maxConnectionAgeGrace"),
            "`maxConnectionAgeGrace` has no effect without `maxConnectionAge`",
            "write when connections are too old",
        );
    }
    if object.get("staleReuse").is_some() && keeping.server_idle_timeout.is_none() && keeping.max_age.is_none() {
        cx.problem_help(
            object.key_span("staleReuse"),
            "`staleReuse` has no effect where the other end closes no connections",
            "write `serverIdleTimeout` or `maxConnectionAge`",
        );
    }
    if object.get("maxPerClient").is_some() && matches!(protocol, Protocol::Grpc | Protocol::Udp) {
        let (what, help) = match protocol {
            Protocol::Grpc => ("grpc", "gRPC opens one connection a channel: write `channels`"),
            _ => ("udp", "a client has one port"),
        };
        let message = format!("`maxPerClient` has no effect with protocol {what}");
        cx.problem_help(object.key_span("maxPerClient"), message, help);
    }
    if mode == ConnectionMode::Pinned && matches!(protocol, Protocol::Udp) {
        cx.problem_help(object.key_span("mode"), "`mode: pinned` has no effect with protocol udp", "remove `mode`");
    }
}
