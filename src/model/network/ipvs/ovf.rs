//! `ovf`, weighted overflow: the first of the heaviest servers that have no more active connections than their weight.
//! So a server takes one connection more than its weight, and when all have, connections are refused.

use super::fo::heaviest;
use super::server::Servers;

pub(super) fn pick(servers: &Servers) -> Option<u32> {
    let able = servers.iter().filter(|(_, server)| server.takes() && server.active <= server.weight);
    heaviest(able.map(|(number, server)| (number, server.weight)))
}
