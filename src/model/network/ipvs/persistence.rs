//! Persistence: new connections of a client go to the server of its earlier ones (`sessionAffinity: ClientIP`).
//!
//! A template holds a client (or, with a netmask, a network) to a server. Each new connection made from it winds its
//! clock up again; packets do not. When the clock runs out while connections made from it are still in the table, closed
//! ones included, it lives 60 s more, and 60 s is its timeout from then on. So the timeout is a lower bound only.

use super::table::{Entry, Role};
use super::{Client, Ipvs, NONE};
use crate::time::SimDuration;

/// For how long, and whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence {
    /// How long a client is held after its last new connection.
    pub timeout: SimDuration,
    /// Which bits of its address count.
    pub netmask: u32,
}

impl Ipvs {
    /// The server a client is held to, chosen now if there is none, and the template that holds it.
    pub(super) fn held(&mut self, service: u32, client: Client, persistence: Persistence) -> Option<(u32, u32)> {
        let network = client.address & persistence.netmask;
        let template = self.table.template(service, network);
        if template != NONE {
            let number = self.table[template].server;
            let server = &self.services[service as usize].servers[number];
            if server.present && (server.weight > 0 || !self.settings.expire_quiescent_template) {
                return Some((number, template));
            }
            // It is no longer found, but stays until its time is over.
            self.table.unname_template(service, network);
        }
        let server = self.pick(service, client)?;
        let whom = Client { address: network, port: None };
        let template = Entry::new(service, server, whom, Role::Template, persistence.timeout, NONE);
        let template = self.table.insert(template, self.now);
        self.table.name_template(service, network, template);
        Some((server, template))
    }
}
