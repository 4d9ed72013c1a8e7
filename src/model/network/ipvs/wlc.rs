//! `wlc`, weighted least connections: the smallest (active × 256 + inactive) / weight, the first of equals.

use super::server::{Server, Servers};

pub(super) fn pick(servers: &Servers) -> Option<u32> {
    servers.least(Server::overhead)
}
