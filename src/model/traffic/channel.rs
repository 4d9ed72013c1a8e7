//! How connections of a kind cost and are limited, as their settings make it.

use crate::model::plan::NONE;
use crate::scenario::{ConnectionMode, Connections, PoolOrder, Protocol};

/// How connections of a kind cost and are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Standing connections that carry any number of requests: no cost, no waiting.
    Standing,
    /// A connection an attempt.
    PerRequest,
    /// Pooled connections that carry one request at a time.
    Pooled {
        /// Most connections of a client to a target; `NONE` is unlimited.
        limit: u32,
        /// Which idle one is used next.
        order: PoolOrder,
        /// Whether the pool is filled before the run.
        pinned: bool,
    },
    /// Connections with an end of their own, or with a limit of requests at once.
    Kept,
}

impl Channel {
    /// The channel that the settings make.
    #[must_use]
    pub(crate) fn of(connections: &Connections) -> Self {
        match (connections.mode, connections.protocol) {
            (ConnectionMode::PerRequest, _) => Self::PerRequest,
            (_, Protocol::Udp) => Self::Kept,
            _ if !connections.keeping.is_usual() => Self::Kept,
            (_, Protocol::Http2 | Protocol::Grpc) => Self::Standing,
            (ConnectionMode::Pool, Protocol::Http1 | Protocol::Tcp) => Self::Pooled {
                limit: connections.max_per_client.unwrap_or(NONE),
                order: connections.order,
                pinned: false,
            },
            (ConnectionMode::Pinned, Protocol::Http1 | Protocol::Tcp) => {
                Self::Pooled { limit: 1, order: connections.order, pinned: true }
            }
        }
    }
}
