//! The real servers of a virtual service, in the order in which the kernel keeps them.

use std::net::SocketAddrV4;

/// A real server: an endpoint of the Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddrV4,
    /// Its weight; 0 takes no new connections.
    pub weight: u32,
    /// The last weight that was not 0, which Maglev hashing goes by.
    pub last_weight: u32,
    /// Connections from their first SYN to their first FIN or RST.
    pub active: u32,
    /// Closed ones that are still in the table, and UDP flows.
    pub inactive: u32,
    /// From so many connections on it takes no more; 0 is no limit.
    pub upper: u32,
    /// Below so many it takes them again; 0 is three quarters of `upper`.
    pub lower: u32,
    /// Whether it has reached `upper` and not yet fallen below `lower`.
    pub overloaded: bool,
    /// Whether it is in the list; a deleted server is remembered as long as connections refer to it.
    pub present: bool,
}

impl Server {
    /// A server without connections and limits.
    #[must_use]
    pub const fn new(address: SocketAddrV4, weight: u32) -> Self {
        Self {
            address,
            weight,
            last_weight: weight,
            active: 0,
            inactive: 0,
            upper: 0,
            lower: 0,
            overloaded: false,
            present: true,
        }
    }

    /// What `lc`, `wlc`, `lblc` and `lblcr` compare: an active connection counts as 256 inactive ones.
    #[must_use]
    pub const fn overhead(&self) -> u64 {
        self.active as u64 * 256 + self.inactive as u64
    }

    /// What `sed` compares: the connections there would be.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.active as u64 + 1
    }

    /// Whether it may be chosen at all.
    #[must_use]
    pub const fn takes(&self) -> bool {
        self.weight > 0 && !self.overloaded
    }

    /// A connection has come: with `upper` of them it is overloaded.
    pub(super) const fn came(&mut self) {
        if self.upper != 0 && self.active + self.inactive >= self.upper {
            self.overloaded = true;
        }
    }

    /// A connection has left the table.
    pub(super) const fn went(&mut self) {
        let total = self.active as u64 + self.inactive as u64;
        let falls = if self.lower != 0 {
            total < self.lower as u64
        } else if self.upper != 0 {
            total * 4 < self.upper as u64 * 3
        } else {
            true
        };
        if falls {
            self.overloaded = false;
        }
    }
}

/// All servers of a virtual service, deleted ones included, and the list of those that are there.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    known: Vec<Server>,
    /// The kernel's list: the server added last stands first.
    list: Vec<u32>,
}

impl Servers {
    /// Servers in the order of the list; they are numbered in that order.
    #[must_use]
    pub fn in_order(servers: Vec<Server>) -> Self {
        let list = (0..).zip(&servers).map(|(server, _)| server).collect();
        Self { known: servers, list }
    }

    /// Servers in the order in which they were added, and are numbered: the last stands first.
    #[must_use]
    pub fn added(servers: Vec<Server>) -> Self {
        let mut servers = Self::in_order(servers);
        servers.list.reverse();
        servers
    }

    /// The list, first to last, with the number of each server.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &Server)> {
        self.list.iter().map(|server| (*server, &self.known[*server as usize]))
    }

    /// How many are in the list.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of the server at a place of the list.
    #[must_use]
    pub fn at(&self, place: usize) -> u32 {
        self.list[place]
    }

    /// The number of the server with an address, whether it is there or deleted.
    #[must_use]
    pub fn find(&self, address: SocketAddrV4) -> Option<u32> {
        (0..).zip(&self.known).find(|(_, server)| server.address == address).map(|(number, _)| number)
    }

    /// Puts a server at the head of the list; one that was deleted comes back with its counters.
    pub(super) fn add(&mut self, address: SocketAddrV4, weight: u32) -> u32 {
        let number = self.find(address).unwrap_or_else(|| {
            self.known.push(Server::new(address, weight));
            crate::model::plan::as_u32(self.known.len() - 1)
        });
        let server = &mut self.known[number as usize];
        (server.weight, server.last_weight, server.present) = (weight, weight, true);
        self.list.insert(0, number);
        number
    }

    /// Takes a server out of the list; where it stood.
    pub(super) fn remove(&mut self, number: u32) -> Option<usize> {
        let place = self.list.iter().position(|server| *server == number)?;
        self.list.remove(place);
        self.known[number as usize].present = false;
        Some(place)
    }

    /// The server with the smallest load by weight, the first of equals; among those that take connections.
    pub(super) fn least(&self, load: impl Fn(&Server) -> u64) -> Option<u32> {
        least_of(self.iter(), load)
    }
}

/// The smallest load by weight among servers that take connections, compared exactly; the first of equals.
pub(super) fn least_of<'s>(
    servers: impl Iterator<Item = (u32, &'s Server)>,
    load: impl Fn(&Server) -> u64,
) -> Option<u32> {
    let mut best: Option<(u32, &Server)> = None;
    for (number, server) in servers.filter(|(_, server)| server.takes()) {
        let lighter = |(_, other): (u32, &Server)| {
            load(server) * u64::from(other.weight) < load(other) * u64::from(server.weight)
        };
        if best.is_none_or(lighter) {
            best = Some((number, server));
        }
    }
    best.map(|(number, _)| number)
}

impl std::ops::Index<u32> for Servers {
    type Output = Server;
    fn index(&self, number: u32) -> &Server {
        &self.known[number as usize]
    }
}

impl std::ops::IndexMut<u32> for Servers {
    fn index_mut(&mut self, number: u32) -> &mut Server {
        &mut self.known[number as usize]
    }
}
