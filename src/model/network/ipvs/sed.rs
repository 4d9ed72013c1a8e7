//! `sed`, shortest expected delay: the smallest (active + 1) / weight, the first of equals. Closed connections do not
//! count, so short ones all go to the first of the heaviest servers.

use super::server::{Server, Servers};

pub(super) fn pick(servers: &Servers) -> Option<u32> {
    servers.least(Server::expected)
}
