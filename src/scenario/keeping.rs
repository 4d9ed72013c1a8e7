//! What a connection can carry at once, and what ends it.

use crate::time::SimDuration;

/// What a connection can carry at once, and what ends it; where all is usual, connections are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Connections of an HTTP/2 client to a target that its requests take in turn (`channels` of gRPC).
    pub channels: u32,
    /// Requests that an HTTP/2 connection carries at once; `None` is unlimited.
    pub max_streams: Option<u32>,
    /// Idle connections that a pool keeps; `None` is unlimited.
    pub max_idle: Option<u32>,
    /// After how long without a request the client closes.
    pub idle_timeout: Option<SimDuration>,
    /// After how long without a request the other end closes.
    pub server_idle_timeout: Option<SimDuration>,
    /// After how many requests a connection is closed.
    pub max_requests: Option<u32>,
    /// The age at which the other end closes, ±10 % for each connection.
    pub max_age: Option<SimDuration>,
    /// How long requests may go on after it; `None` is unlimited.
    pub max_age_grace: Option<SimDuration>,
    /// Whether a request that meets a connection just closed by the other end is sent again at once over another one.
    pub resends: bool,
    /// Whether it is a gRPC channel that looks up its name itself: it connects when it is first used.
    pub channel: bool,
    /// Whether each connection is followed from its beginning to its end, because nodes remember it.
    pub tracked: bool,
}

impl Keeping {
    /// What holds where nothing is said.
    pub const USUAL: Self = Self {
        channels: 1,
        max_streams: None,
        max_idle: None,
        idle_timeout: None,
        server_idle_timeout: None,
        max_requests: None,
        max_age: None,
        max_age_grace: None,
        resends: false,
        channel: false,
        tracked: false,
    };

    /// Whether connections are kept in any special way.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }
}
