//! `dh`, destination hashing: as `sh`, by the Service's own address, one bucket a server. So each Service has one server
//! that takes everything.

use super::server::Servers;
use super::sh::{bucket, fill};

/// The table.
#[derive(Debug, Clone, Default)]
pub(super) struct DestinationHash {
    table: Vec<u32>,
}

impl DestinationHash {
    pub(super) fn new(servers: &Servers) -> Self {
        Self { table: fill(servers, |_| 1) }
    }

    pub(super) fn pick(&self, servers: &Servers, service: u32) -> Option<u32> {
        let server = *self.table.get(bucket(service, 0) as usize)?;
        servers[server].takes().then_some(server)
    }
}
