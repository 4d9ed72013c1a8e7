//! `nq`, never queue: the first server without active connections, whatever its weight; if there is none, as `sed`.

use super::sed;
use super::server::Servers;

pub(super) fn pick(servers: &Servers) -> Option<u32> {
    let idle = servers.iter().find(|(_, server)| server.takes() && server.active == 0);
    idle.map(|(number, _)| number).or_else(|| sed::pick(servers))
}
