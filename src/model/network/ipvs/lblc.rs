//! `lblc`, locality-based least connections: one server a Service address, until it is overloaded.

use super::server::Servers;
use super::wlc;

/// Whether a server has more active connections than its weight while another has less than half of its own.
pub(super) fn overloaded(servers: &Servers, number: u32) -> bool {
    servers[number].active > servers[number].weight
        && servers.iter().any(|(_, other)| u64::from(other.active) * 2 < u64::from(other.weight))
}

/// The server that the address has.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalityBased {
    cached: Option<u32>,
}

impl LocalityBased {
    pub(super) fn pick(&mut self, servers: &Servers) -> Option<u32> {
        let stays =
            |server: &u32| servers[*server].present && servers[*server].weight > 0 && !overloaded(servers, *server);
        if let Some(server) = self.cached.filter(stays) {
            return Some(server);
        }
        let server = wlc::pick(servers)?;
        self.cached = Some(server);
        Some(server)
    }
}
