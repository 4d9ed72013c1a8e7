//! What is known of a kept connection: whose it is, what it carries, when it ends.

use crate::model::plan::NONE;
use crate::model::traffic::pool::Line;

/// Whose pool a connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) flow: u32,
    /// The client, or the worker of the proxy.
    pub(crate) number: u32,
    /// Whether it leads from a layer-7 proxy to a pod.
    pub(crate) upstream: bool,
}

/// The parts of a connection's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// An attempt opens it.
    Opening,
    /// It takes requests.
    Open,
    /// It takes no more.
    Draining,
    /// It is closed; only an event still names it.
    Closed,
}

/// What ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It could not be opened.
    Failed,
    /// The client closed it: idle for too long, or one too many.
    Idle,
    /// The other end closed it: idle for too long.
    IdleAtServer,
    /// It was too old.
    Age,
    /// It had carried enough requests.
    Requests,
    /// The client gave up on its request.
    GivenUp,
    /// It was reset.
    Reset,
}

/// What is known of a kept connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// The pool it belongs to.
    pub(super) pool: u32,
    /// Where it leads.
    pub(super) endpoint: u32,
    pub(super) state: State,
    /// Why it drains.
    pub(super) why: End,
    /// Whether an event is to come that names it.
    pub(super) pending: bool,
    /// Whether a reply has come over it.
    pub(super) answered: bool,
    /// When its last request left it, or a datagram passed.
    pub(super) idle_since: u64,
    /// When it is too old.
    pub(super) ends_at: u64,
    /// Requests that began.
    pub(super) begun: u32,
    /// Requests under way.
    pub(super) active: u32,
    /// The attempt that opens it.
    pub(super) leader: u32,
    /// Those that wait for that.
    pub(super) waiters: Line,
}

impl Life {
    /// Of a connection that is simply kept.
    pub(super) const NONE: Self = Self::in_pool(NONE, NONE, State::Closed);

    pub(super) const fn in_pool(pool: u32, leader: u32, state: State) -> Self {
        Self {
            pool,
            endpoint: NONE,
            state,
            why: End::Failed,
            pending: false,
            answered: false,
            idle_since: 0,
            ends_at: u64::MAX,
            begun: 1,
            active: 1,
            leader,
            waiters: Line::EMPTY,
        }
    }
}
