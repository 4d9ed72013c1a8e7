//! `lblcr`, locality-based least connections with replication: a set of servers a Service address.
//!
//! The least loaded of the set serves; when it is overloaded, the least loaded of all joins. A set that has more than
//! one member and has not changed for a day loses its most loaded one.

use super::lblc::overloaded;
use super::server::{Server, Servers, least_of};
use super::wlc;
use crate::time::{SimDuration, SimTime};

/// The set that the address has.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalityBasedSet {
    /// Members, the last inserted first; `None` before the first connection.
    members: Option<Vec<u32>>,
    changed: SimTime,
}

impl LocalityBasedSet {
    pub(super) fn pick(&mut self, servers: &Servers, now: SimTime, expiration: SimDuration) -> Option<u32> {
        let Some(members) = &mut self.members else {
            let server = wlc::pick(servers)?;
            (self.members, self.changed) = (Some(vec![server]), now);
            return Some(server);
        };
        let able = members.iter().map(|member| (*member, &servers[*member])).filter(|(_, server)| server.present);
        let candidate = least_of(able, Server::overhead);
        if members.len() > 1 && now > self.changed + expiration {
            if let Some(most) = most_loaded(servers, members) {
                members.retain(|member| *member != most);
            }
            self.changed = now;
        }
        if let Some(server) = candidate.filter(|server| !overloaded(servers, *server)) {
            return Some(server);
        }
        let server = wlc::pick(servers)?;
        if !members.contains(&server) {
            members.insert(0, server);
            self.changed = now;
        }
        Some(server)
    }
}

/// The largest overhead by weight, the first of equals.
fn most_loaded(servers: &Servers, members: &[u32]) -> Option<u32> {
    let mut most: Option<u32> = None;
    for member in members.iter().copied().filter(|member| servers[*member].weight > 0) {
        let heavier = |other: u32| {
            let (a, b) = (&servers[member], &servers[other]);
            a.overhead() * u64::from(b.weight) > b.overhead() * u64::from(a.weight)
        };
        if most.is_none_or(heavier) {
            most = Some(member);
        }
    }
    most
}
