//! The connection table: an entry a connection, and templates that hold clients to servers; each with its clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::wheel::Wheel;
use super::{Client, NONE};
use crate::model::slab::Slab;
use crate::time::{SimDuration, SimTime};

/// How long a UDP flow may be silent.
pub(super) const DATAGRAMS: SimDuration = SimDuration::from_secs(300);
/// How much longer a template lives when connections made from it are still there.
const LATER: SimDuration = SimDuration::from_secs(60);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The client closes first.
    ByClient,
    /// The server closes first.
    ByServer,
    /// The client resets it.
    Reset,
    /// The client closes its half only.
    Half,
}

impl Closing {
    /// How long the entry stays.
    pub(super) const fn lingers(self) -> SimDuration {
        match self {
            Self::ByClient | Self::ByServer => SimDuration::from_secs(120),
            Self::Reset => SimDuration::from_secs(10),
            Self::Half => SimDuration::from_secs(60),
        }
    }
}

/// Names a connection in the table, and nothing once it has left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    slot: u32,
    /// Tells it from earlier connections of the slot.
    born: u32,
}

impl Handle {
    /// No connection.
    pub const NONE: Self = Self { slot: NONE, born: 0 };
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A connection between its first SYN and its first FIN or RST.
    Active,
    /// A closed connection, or a UDP flow.
    Inactive,
    /// What holds a client to a server.
    Template,
}

/// An entry of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) service: u32,
    pub(super) server: u32,
    client: Client,
    pub(super) role: Role,
    /// The template it was made from.
    template: u32,
    /// How many connections were made from this template and are still there.
    controls: u32,
    timeout: SimDuration,
    over: SimTime,
    /// Tells this winding of the clock from earlier ones; 0 is a free slot.
    winding: u64,
    born: u32,
}

impl Entry {
    pub(super) const fn new(
        service: u32,
        server: u32,
        client: Client,
        role: Role,
        timeout: SimDuration,
        template: u32,
    ) -> Self {
        Self { service, server, client, role, template, controls: 0, timeout, over: SimTime::ZERO, winding: 0, born: 0 }
    }
}

/// All entries of a node.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Slab<Entry>,
    by_port: BTreeMap<(u32, u32, u16), u32>,
    templates: BTreeMap<(u32, u32), u32>,
    clocks: BinaryHeap<Reverse<(SimTime, u64, u32)>>,
    windings: u64,
    births: u32,
    wheel: Option<Wheel>,
}

impl Table {
    pub(super) fn new(wheel: Option<Wheel>) -> Self {
        Self { wheel, ..Self::default() }
    }

    pub(super) const fn set_wheel(&mut self, wheel: Option<Wheel>) {
        self.wheel = wheel;
    }

    fn over(&self, timeout: SimDuration, now: SimTime) -> SimTime {
        self.wheel.map_or_else(|| now + timeout, |wheel| wheel.over(now, timeout))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry, if it is still there.
    pub(super) fn find(&self, handle: Handle) -> Option<u32> {
        let Handle { slot, born } = handle;
        let there = (slot as usize) < self.entries.capacity();
        (there && self.entries[slot].winding != 0 && self.entries[slot].born == born).then_some(slot)
    }

    /// How the connection of an entry is named.
    pub(super) fn handle(&self, entry: u32) -> Handle {
        Handle { slot: entry, born: self.entries[entry].born }
    }

    pub(super) fn insert(&mut self, entry: Entry, now: SimTime) -> u32 {
        self.births = self.births.wrapping_add(1);
        let slot = self.entries.insert(Entry { born: self.births, ..entry });
        if let (Role::Active | Role::Inactive, Some(port)) = (entry.role, entry.client.port) {
            self.by_port.insert((entry.service, entry.client.address, port), slot);
        }
        self.arm(slot, entry.timeout, now);
        slot
    }

    pub(super) fn set_role(&mut self, entry: u32, role: Role) {
        self.entries[entry].role = role;
    }

    /// The entry of a client's port; `NONE` if there is none.
    pub(super) fn of_port(&self, service: u32, client: Client) -> u32 {
        let Some(port) = client.port else { return NONE };
        self.by_port.get(&(service, client.address, port)).copied().unwrap_or(NONE)
    }

    /// The template of a client; `NONE` if there is none.
    pub(super) fn template(&self, service: u32, network: u32) -> u32 {
        self.templates.get(&(service, network)).copied().unwrap_or(NONE)
    }

    pub(super) fn name_template(&mut self, service: u32, network: u32, template: u32) {
        self.templates.insert((service, network), template);
    }

    pub(super) fn unname_template(&mut self, service: u32, network: u32) {
        self.templates.remove(&(service, network));
    }

    /// A connection was made from a template, which winds its clock up.
    pub(super) fn control(&mut self, template: u32, now: SimTime) {
        self.entries[template].controls += 1;
        self.arm(template, self.entries[template].timeout, now);
    }

    /// Sets the clock of an entry.
    pub(super) fn arm(&mut self, entry: u32, timeout: SimDuration, now: SimTime) {
        self.windings += 1;
        let over = self.over(timeout, now);
        let found = &mut self.entries[entry];
        (found.timeout, found.over, found.winding) = (timeout, over, self.windings);
        self.clocks.push(Reverse((found.over, self.windings, entry)));
    }

    /// Winds the clock up to the same timeout, without a note on the heap: the old note finds out.
    pub(super) fn prolong(&mut self, entry: u32, now: SimTime) {
        self.entries[entry].over = self.over(self.entries[entry].timeout, now);
    }

    /// The first entry whose time is over by now.
    pub(super) fn next_over(&mut self, now: SimTime) -> Option<u32> {
        while let Some(Reverse((over, winding, entry))) = self.clocks.peek().copied() {
            if over > now {
                return None;
            }
            self.clocks.pop();
            let found = &mut self.entries[entry];
            if found.winding != winding {
                continue;
            }
            if found.over > over {
                self.clocks.push(Reverse((found.over, winding, entry)));
            } else if found.controls > 0 {
                self.arm(entry, LATER, over);
            } else {
                return Some(entry);
            }
        }
        None
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, entry: u32) {
        let found = self.entries[entry];
        debug_assert!(found.winding != 0, "an entry is removed once");
        self.entries[entry].winding = 0;
        self.entries.remove(entry);
        if found.template != NONE {
            self.entries[found.template].controls -= 1;
        }
        match (found.role, found.client.port) {
            (Role::Template, _) => {
                let key = (found.service, found.client.address);
                if self.templates.get(&key) == Some(&entry) {
                    self.templates.remove(&key);
                }
            }
            (_, Some(port)) => {
                let key = (found.service, found.client.address, port);
                if self.by_port.get(&key) == Some(&entry) {
                    self.by_port.remove(&key);
                }
            }
            _ => {}
        }
    }

    /// The entries that lead to a server, connections before templates.
    pub(super) fn entries_to(&self, service: u32, server: u32) -> Vec<u32> {
        let leads = |entry: &u32| self.entries[*entry].service == service && self.entries[*entry].server == server;
        let mut found: Vec<u32> = self.entries.taken().filter(leads).collect();
        found.sort_by_key(|entry| self.entries[*entry].role == Role::Template);
        found
    }
}

impl std::ops::Index<u32> for Table {
    type Output = Entry;
    fn index(&self, entry: u32) -> &Entry {
        &self.entries[entry]
    }
}
