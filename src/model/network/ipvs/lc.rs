//! `lc`, least connections: the smallest active × 256 + inactive, the first of equals. Weights count only as zero or
//! not.

use super::server::Servers;

pub(super) fn pick(servers: &Servers) -> Option<u32> {
    let able = servers.iter().filter(|(_, server)| server.takes());
    able.min_by_key(|(_, server)| server.overhead()).map(|(number, _)| number)
}
