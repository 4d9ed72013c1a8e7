//! `fo`, weighted fail-over: the first of the heaviest servers, always.

use super::server::Servers;

pub(super) fn pick(servers: &Servers) -> Option<u32> {
    heaviest(servers.iter().filter(|(_, server)| server.takes()).map(|(number, server)| (number, server.weight)))
}

/// The first of the largest weight.
pub(super) fn heaviest(servers: impl Iterator<Item = (u32, u32)>) -> Option<u32> {
    let mut best = None;
    for (number, weight) in servers {
        if best.is_none_or(|(_, most)| weight > most) {
            best = Some((number, weight));
        }
    }
    best.map(|(number, _)| number)
}
