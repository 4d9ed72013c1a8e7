//! How connections are opened, kept and secured.

use super::Keeping;
use crate::time::SimDuration;

/// How connections are opened, kept and shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// When a connection is opened.
    pub mode: ConnectionMode,
    /// What it can carry.
    pub protocol: Protocol,
    /// Most connections a client keeps to a target; `None` is unlimited.
    pub max_per_client: Option<u32>,
    /// Which idle connection is used next.
    pub order: PoolOrder,
    /// What they carry at once, and what ends them.
    pub keeping: Keeping,
    /// After how long the client gives up opening one; `None`: when its kernel does, or a proxy's 5 s are over.
    pub connect_timeout: Option<SimDuration>,
    /// Whether it is seen that a pod has closed an idle connection when it ended.
    pub notices_close: bool,
    /// TLS, where there is.
    pub tls: Option<Tls>,
}

/// The handshake of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tls {
    /// Round trips: 1 of TLS 1.3, 2 of TLS 1.2.
    pub round_trips: u32,
    /// Work at both ends.
    pub cpu: SimDuration,
}

impl Tls {
    /// TLS 1.3; a signature and a key exchange at each end take about half a millisecond.
    pub const USUAL: Self = Self { round_trips: 1, cpu: SimDuration::from_nanos(500_000) };
}

impl Connections {
    /// Follows each connection of a pool from its beginning to its end.
    pub fn track(&mut self) {
        self.keeping.tracked |= self.mode == ConnectionMode::Pool && !self.multiplexes();
    }

    /// Whether a connection carries several requests at once.
    #[must_use]
    pub const fn multiplexes(&self) -> bool {
        matches!(self.protocol, Protocol::Http2 | Protocol::Grpc | Protocol::Udp)
    }
}

/// When a connection is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionMode {
    /// For each attempt (`keepAlive: false`).
    PerRequest,
    /// When no idle connection is in the pool.
    Pool,
    /// Once a client, before the run starts, for the whole run.
    Pinned,
}

/// What a connection can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// One request at a time.
    Http1,
    /// Many requests at a time; connections are open before t = 0.
    Http2,
    /// HTTP/2 as gRPC uses it: one connection a channel, and requests wait when it is full.
    Grpc,
    /// Any protocol over TCP with one request at a time.
    Tcp,
    /// Datagrams: no handshake; kube-proxy chooses once a flow, that is for the client's port.
    Udp,
}

/// Which idle connection of a pool is used next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolOrder {
    /// The one used last.
    Lifo,
    /// The one idle longest.
    Fifo,
}
