//! IPVS, the kernel's layer-4 balancer, as one node has it: virtual services, real servers, the connection table.
//!
//! It is driven by what happens: servers are added, edited and deleted, connections are opened and closed, time passes
//! ([`Ipvs::advance`]). It knows nothing of the simulator. The rules are those that recordings of Linux 6.1 show
//! (`tests/data/ipvs`), which it repeats choice by choice and counter by counter; where they differ from what is commonly
//! written, `docs/model/kube-proxy-ipvs.md` says so. One file a scheduler; `scheduler.rs` is their list.

mod dh;
mod fo;
mod lblc;
mod lblcr;
mod lc;
mod mh;
mod nq;
mod ovf;
mod persistence;
mod rr;
pub mod scheduler;
mod sed;
pub mod server;
mod sh;
mod table;
#[cfg(test)]
mod tests;
pub mod wheel;
mod wlc;
mod wrr;

use std::net::SocketAddrV4;

pub use persistence::Persistence;
pub use scheduler::{Asked, Flags, Kind, Scheduler};
pub use server::{Server, Servers};
pub use table::{Closing, Handle};
pub use wheel::Wheel;

use crate::time::{SimDuration, SimTime};
use table::{Entry, Role, Table};

/// No such entry.
const NONE: u32 = u32::MAX;

/// The switches of `net.ipv4.vs` that change choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Connections to a deleted server are forgotten at once instead of falling silent.
    pub expire_nodest_conn: bool,
    /// A client held to a server of weight 0 gets another at its next connection.
    pub expire_quiescent_template: bool,
    /// What a new connection from a port that is still in the table gets: 0 the old server, else a new choice.
    pub conn_reuse_mode: u8,
    /// After which time of rest `lblcr` makes a set smaller.
    pub lblcr_expiration: SimDuration,
    /// How long an established connection may be idle.
    pub established: SimDuration,
    /// How late its timers are; `None` is never.
    pub wheel: Option<Wheel>,
}

impl Settings {
    /// The kernel's defaults.
    pub const KERNEL: Self = Self {
        expire_nodest_conn: false,
        expire_quiescent_template: false,
        conn_reuse_mode: 1,
        lblcr_expiration: SimDuration::from_secs(86_400),
        established: SimDuration::from_secs(900),
        wheel: None,
    };

    /// What kube-proxy sets.
    pub const KUBE_PROXY: Self = Self {
        expire_nodest_conn: true,
        expire_quiescent_template: true,
        conn_reuse_mode: 0,
        lblcr_expiration: Self::KERNEL.lblcr_expiration,
        established: Self::KERNEL.established,
        wheel: None,
    };
}

/// What a virtual service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Its address, the cluster IP.
    pub address: SocketAddrV4,
    /// How it chooses.
    pub scheduler: Kind,
    /// Options of that.
    pub flags: Flags,
    /// Whether clients are held to a server.
    pub persistence: Option<Persistence>,
    /// Each datagram is a choice of its own and leaves no entry.
    pub one_packet: bool,
}

/// Who asks: an address and, where it matters, a port; `None` is a port that nobody used lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The address.
    pub address: u32,
    /// The port.
    pub port: Option<u16>,
}

/// What became of a first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It goes to a server.
    To {
        /// The server's number in its service.
        server: u32,
        /// The connection's name from now on; [`Handle::NONE`] where no entry remembers it.
        entry: Handle,
        /// The server whose entry this one replaced, because the client's port was still in the table.
        replaced: Option<u32>,
    },
    /// No server takes it: refused at once.
    Refused,
    /// It belongs to a connection whose server is deleted: the packet vanishes.
    Dropped,
}

#[derive(Debug)]
struct Service {
    spec: Spec,
    servers: Servers,
    scheduler: Scheduler,
}

/// A node's IPVS.
#[derive(Debug)]
pub struct Ipvs {
    settings: Settings,
    services: Vec<Service>,
    table: Table,
    now: SimTime,
}

impl Ipvs {
    /// Without services.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, services: Vec::new(), table: Table::new(settings.wheel), now: SimTime::ZERO }
    }

    /// Changes the switches.
    pub const fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.table.set_wheel(settings.wheel);
    }

    /// Adds a virtual service without servers; its number.
    pub fn add_service(&mut self, spec: Spec) -> u32 {
        let servers = Servers::default();
        let scheduler = Scheduler::new(spec.scheduler, spec.flags, &servers);
        self.services.push(Service { spec, servers, scheduler });
        crate::model::plan::as_u32(self.services.len() - 1)
    }

    /// Changes a service; only another scheduler begins anew.
    pub fn edit_service(&mut self, service: u32, spec: Spec) {
        let service = &mut self.services[service as usize];
        if spec.scheduler != service.spec.scheduler || spec.flags != service.spec.flags {
            service.scheduler = Scheduler::new(spec.scheduler, spec.flags, &service.servers);
        }
        service.spec = spec;
    }

    /// The servers of a service.
    #[must_use]
    pub fn servers(&self, service: u32) -> &Servers {
        &self.services[service as usize].servers
    }

    /// How many entries the connection table has, those that hold clients to servers included.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.table.len()
    }

    /// Puts a server at the head of a service's list; its number.
    pub fn add_server(&mut self, service: u32, address: SocketAddrV4, weight: u32, thresholds: (u32, u32)) -> u32 {
        let service = &mut self.services[service as usize];
        let number = service.servers.add(address, weight);
        (service.servers[number].upper, service.servers[number].lower) = thresholds;
        service.scheduler.added(&service.servers);
        number
    }

    /// Adds servers of weight 1 to a service that has none, one after the other.
    pub fn add_servers(&mut self, service: u32, addresses: impl IntoIterator<Item = SocketAddrV4>) {
        let service = &mut self.services[service as usize];
        let servers: Vec<Server> = addresses.into_iter().map(|address| Server::new(address, 1)).collect();
        service.servers = Servers::added(servers);
        service.scheduler = Scheduler::new(service.spec.scheduler, service.spec.flags, &service.servers);
    }

    /// Gives a server another weight; it keeps its place.
    pub fn edit_server(&mut self, service: u32, number: u32, weight: u32) {
        let service = &mut self.services[service as usize];
        let server = &mut service.servers[number];
        server.weight = weight;
        if weight > 0 {
            server.last_weight = weight;
        }
        service.scheduler.changed(&service.servers);
    }

    /// Takes a server out of the list.
    pub fn delete_server(&mut self, service: u32, number: u32) {
        let state = &mut self.services[service as usize];
        let Some(place) = state.servers.remove(number) else { return };
        state.scheduler.removed(&state.servers, place);
        if self.settings.expire_nodest_conn {
            for entry in self.table.entries_to(service, number) {
                self.forget(entry);
            }
        }
    }

    /// Lets time pass: entries whose time is over leave the table.
    pub fn advance(&mut self, now: SimTime) {
        while let Some(entry) = self.table.next_over(now) {
            self.forget(entry);
        }
        self.now = now;
    }

    /// The first packet of a TCP connection.
    pub fn open(&mut self, service: u32, client: Client) -> Opened {
        let known = self.table.of_port(service, client);
        if known != NONE {
            let Entry { server: number, role, .. } = self.table[known];
            let server = &self.services[service as usize].servers[number];
            let again = if self.settings.conn_reuse_mode == 0 {
                server.weight == 0 && self.settings.expire_nodest_conn
            } else {
                role == Role::Inactive
            };
            if !again {
                if !server.present {
                    return Opened::Dropped;
                }
                self.count(known, Role::Active);
                self.table.arm(known, self.settings.established, self.now);
                return Opened::To { server: number, entry: self.table.handle(known), replaced: None };
            }
        }
        let opened = self.schedule(service, client, Role::Active, self.settings.established);
        if known == NONE {
            return opened;
        }
        let replaced = Some(self.table[known].server);
        self.forget(known);
        match opened {
            Opened::To { server, entry, .. } => Opened::To { server, entry, replaced },
            other => other,
        }
    }

    /// A choice that leaves no entry, for schedulers that do not ask how many there are.
    pub fn pick_untracked(&mut self, service: u32, client: Client) -> Option<u32> {
        self.pick(service, client)
    }

    /// A datagram: the first of a flow chooses, the others follow while the entry lives.
    pub fn datagram(&mut self, service: u32, client: Client) -> Opened {
        let state = &mut self.services[service as usize];
        if state.spec.one_packet {
            let asked = asked(&self.settings, &state.spec, client, self.now);
            return match state.scheduler.pick(&state.servers, &asked) {
                Some(server) => Opened::To { server, entry: Handle::NONE, replaced: None },
                None => Opened::Refused,
            };
        }
        let known = self.table.of_port(service, client);
        if known == NONE {
            return self.schedule(service, client, Role::Inactive, table::DATAGRAMS);
        }
        let server = self.table[known].server;
        if !state.servers[server].present {
            return Opened::Dropped;
        }
        self.table.arm(known, table::DATAGRAMS, self.now);
        Opened::To { server, entry: self.table.handle(known), replaced: None }
    }

    /// Whether a packet of a connection reaches its server; it keeps the entry alive.
    pub fn packet(&mut self, entry: Handle) -> bool {
        let Some(entry) = self.table.find(entry) else { return false };
        let Entry { service, server, role, .. } = self.table[entry];
        let reaches = self.services[service as usize].servers[server].present;
        if reaches && role == Role::Active {
            self.table.prolong(entry, self.now);
        }
        reaches
    }

    /// The connection ends.
    pub fn close(&mut self, entry: Handle, how: Closing) {
        let Some(entry) = self.table.find(entry) else { return };
        self.count(entry, Role::Inactive);
        self.table.arm(entry, how.lingers(), self.now);
    }

    /// A new connection: a choice, and an entry.
    fn schedule(&mut self, service: u32, client: Client, role: Role, timeout: SimDuration) -> Opened {
        let state = &self.services[service as usize];
        let chosen = match state.spec.persistence {
            Some(persistence) => self.held(service, client, persistence),
            None => self.pick(service, client).map(|server| (server, NONE)),
        };
        let Some((server, template)) = chosen else { return Opened::Refused };
        let entry = self.table.insert(Entry::new(service, server, client, role, timeout, template), self.now);
        let server_state = &mut self.services[service as usize].servers[server];
        match role {
            Role::Active => server_state.active += 1,
            Role::Inactive => server_state.inactive += 1,
            Role::Template => {}
        }
        server_state.came();
        if template != NONE {
            self.table.control(template, self.now);
        }
        Opened::To { server, entry: self.table.handle(entry), replaced: None }
    }

    fn pick(&mut self, service: u32, client: Client) -> Option<u32> {
        let state = &mut self.services[service as usize];
        let asked = asked(&self.settings, &state.spec, client, self.now);
        state.scheduler.pick(&state.servers, &asked)
    }

    /// An entry becomes active or inactive.
    fn count(&mut self, entry: u32, role: Role) {
        let Entry { service, server, role: before, .. } = self.table[entry];
        if before == role {
            return;
        }
        let server = &mut self.services[service as usize].servers[server];
        if role == Role::Active {
            (server.active, server.inactive) = (server.active + 1, server.inactive - 1);
        } else {
            (server.active, server.inactive) = (server.active - 1, server.inactive + 1);
        }
        self.table.set_role(entry, role);
    }

    /// An entry leaves the table.
    fn forget(&mut self, entry: u32) {
        let Entry { service, server, role, .. } = self.table[entry];
        self.table.remove(entry);
        let server = &mut self.services[service as usize].servers[server];
        match role {
            Role::Active => server.active -= 1,
            Role::Inactive => server.inactive -= 1,
            Role::Template => return,
        }
        server.went();
    }
}

fn asked(settings: &Settings, spec: &Spec, client: Client, now: SimTime) -> Asked {
    Asked {
        client: client.address,
        port: client.port.unwrap_or(0),
        service: spec.address.ip().to_bits(),
        now,
        lblcr_expiration: settings.lblcr_expiration,
    }
}
