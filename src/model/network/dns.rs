//! The cluster's DNS servers and every cache on the way to them.
//!
//! A server is a queue: queries come by UDP, each takes one of its cores for a short time, the others wait. Names that
//! the cluster does not have are asked for outside, which takes time but no core.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::discovery::cache::{Entry, Limits};
use crate::discovery::lookup::{Action, Answer, Lookup, Query, TIMERS};
use crate::discovery::records::RecordType;
use crate::engine::LaneId;
use crate::model::network::endpoints::Snapshot;
use crate::model::network::published::Published;
use crate::model::plan::{NONE, Plan, as_u32};
use crate::model::random_keys::DNS_SERVER;
use crate::model::slab::Slab;
use crate::model::traffic::next_address::AddressesLeft;
use crate::observe::dns::{DnsLabel, DnsOutcome, DnsSubject};
use crate::random::{Keyed, name_hash};
use crate::scenario::dns::{Dns, Name, NameServer, Reply, Resolution};
use crate::time::{SimDuration, SimTime};

/// What does not change: the names that can be asked for, and the rows that count.
#[derive(Debug)]
pub struct DnsPlan {
    /// The cluster's servers.
    pub spec: Dns,
    /// All names that flows can ask for.
    pub names: Vec<Name>,
    /// The numbers of those that are called alike; their answers differ under `autopath`.
    by_name: BTreeMap<String, Vec<u32>>,
    /// Row of each name's A; AAAA has the next.
    row_of_name: Vec<u32>,
    /// Row of each flow's host; `NONE` where it looks nothing up.
    row_of_flow: Vec<u32>,
    /// Row of the first server.
    first_server: u32,
    /// What the rows are about.
    pub labels: Vec<DnsLabel>,
    /// Of each name the endpoints that its answers hang on, where pods come and go; else empty.
    pub follows: Vec<Option<Follows>>,
}

/// The endpoints that answers hang on.
#[derive(Debug, Clone, Copy)]
pub struct Follows {
    /// Index of the Service.
    pub service: u32,
    /// The only endpoint that counts, or `NONE`.
    pub only: u32,
}

impl DnsPlan {
    /// Nothing to be asked for yet.
    #[must_use]
    pub const fn new(spec: Dns) -> Self {
        Self {
            spec,
            names: Vec::new(),
            by_name: BTreeMap::new(),
            row_of_name: Vec::new(),
            row_of_flow: Vec::new(),
            first_server: 0,
            labels: Vec::new(),
            follows: Vec::new(),
        }
    }

    /// The endpoints that the answers for a name hang on.
    #[inline]
    fn follows(&self, name: u32) -> Option<Follows> {
        self.follows.get(name as usize).copied().flatten()
    }

    /// Whether any name stands for endpoints of the Service.
    #[must_use]
    pub fn has_names_of(&self, service: usize) -> bool {
        self.follows.iter().flatten().any(|follows| follows.service as usize == service)
    }

    /// The number of a name with these answers.
    pub fn name(&mut self, name: &Name) -> u32 {
        let alike = self.by_name.entry(name.name.clone()).or_default();
        if let Some(found) = alike.iter().find(|known| self.names[**known as usize] == *name) {
            return *found;
        }
        let number = as_u32(self.names.len());
        alike.push(number);
        self.names.push(name.clone());
        number
    }

    /// Lays out the rows, once all names are known: hosts of the flows, names by type, servers.
    pub fn lay_rows(&mut self, hosts: &[Option<String>]) {
        let mut labels: Vec<DnsLabel> = Vec::new();
        let mut known: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
        let mut row = |name: &str, subject: DnsSubject| {
            let kind = match subject {
                DnsSubject::Query(record) => record,
                DnsSubject::Lookup | DnsSubject::Server => "",
            };
            *known.entry((name.to_owned(), kind)).or_insert_with(|| {
                labels.push(DnsLabel { name: name.to_owned(), subject });
                as_u32(labels.len() - 1)
            })
        };
        let of_host = |host: &Option<String>| host.as_deref().map_or(NONE, |host| row(host, DnsSubject::Lookup));
        self.row_of_flow = hosts.iter().map(of_host).collect();
        let of_name = |name: &Name| {
            if name.service {
                return row(&name.name, DnsSubject::Query("SRV"));
            }
            let first = row(&name.name, DnsSubject::Query("A"));
            row(&name.name, DnsSubject::Query("AAAA"));
            first
        };
        self.row_of_name = self.names.iter().map(of_name).collect();
        self.first_server = as_u32(labels.len());
        let server = |index| DnsLabel { name: format!("coredns-{index}"), subject: DnsSubject::Server };
        labels.extend((0..self.spec.servers.len()).map(server));
        self.labels = labels;
    }
}

/// A server.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Queries it works on.
    pub(crate) busy: u32,
    /// Queries that wait.
    pub(crate) waiting: VecDeque<u32>,
    /// Work of the queries that came in the window.
    pub(crate) work: u64,
    /// What it has asked outside or answered before, by name and type.
    kept: Vec<Kept>,
}

/// An answer in a cache.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) entry: Entry,
    /// The version of the endpoints in it, where the name has any.
    pub(crate) version: u32,
}

/// Where a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// On the way to the node's cache.
    ToNode,
    /// On the way to a server.
    ToServer,
    /// Waiting for a core, or being worked on.
    AtServer,
    /// A resolver outside is asked.
    Outside,
    /// On the way back to the node's cache.
    BackToNode,
    /// On the way back to the client.
    Back,
}

/// A query under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryState {
    /// Its lookup, and the number by which a later one in the same place is told from it.
    pub(crate) lookup: u32,
    pub(crate) serial: u64,
    pub(crate) query: Query,
    /// The name, by the plan's number.
    pub(crate) name: u32,
    pub(crate) asked: NameServer,
    pub(crate) leg: Leg,
    /// Node of the client.
    pub(crate) node: u32,
    /// The server that works on it.
    pub(crate) server: u32,
    /// Whether it goes over a connection.
    pub(crate) tcp: bool,
    /// Identity, for its draws.
    pub(crate) key: u64,
    pub(crate) sent: SimTime,
    /// When it reached the server.
    pub(crate) reached: SimTime,
    /// How long the answer may be used again.
    pub(crate) ttl: SimDuration,
    /// The version of the endpoints in the answer, where the name has any and they change.
    pub(crate) version: u32,
    pub(crate) measured: bool,
}

/// A lookup under way.
#[derive(Debug, Clone)]
pub(crate) struct LookupState {
    pub(crate) machine: Lookup,
    pub(crate) serial: u64,
    pub(crate) flow: u32,
    pub(crate) client: u32,
    pub(crate) node: u32,
    /// Whether the host that an SRV record named is being looked up.
    pub(crate) at_target: bool,
    /// Identity, for its draws.
    pub(crate) base: u64,
    /// First and last of the attempts that wait for it, linked by `next`.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) tickets: [u32; TIMERS],
    pub(crate) sent: u32,
    /// The port of the last query.
    pub(crate) socket: u16,
    /// Ports and servers of its queries that the tables of nodes know, where they can be full.
    pub(crate) tracked: Vec<(u16, u8)>,
    /// The time to live of the last address that came, and the version of the endpoints in its answer.
    pub(crate) ttl: SimDuration,
    pub(crate) version: u32,
    pub(crate) measured: bool,
}

/// What a client remembers of its flow's host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) found: Entry,
    pub(crate) missing: Entry,
    /// The endpoint that came first in the answer, behind a headless Service; `NONE` before the first answer.
    pub(crate) address: u32,
    /// The version of the endpoints in it.
    pub(crate) version: u32,
    /// How it was missing.
    pub(crate) timed_out: bool,
    /// The lookup under way that others may share.
    pub(crate) lookup: u32,
    /// The server that the next lookup begins with, under `rotate`.
    pub(crate) turn: u8,
}

impl Memory {
    /// The server that a lookup begins with.
    pub(crate) const fn next_turn(&mut self, resolution: &Resolution) -> u8 {
        let turn = if resolution.rotate { self.turn } else { 0 };
        self.turn = (turn + 1) % resolution.settings.servers;
        turn
    }
}

/// A Service as the servers have heard of it.
#[derive(Debug)]
struct Heard {
    version: u64,
    ready: Arc<Snapshot>,
    /// Its address, 0 where its name resolves to the pods; `None` where there is none of that name.
    address: Option<u32>,
}

impl Heard {
    fn of(published: &Published) -> Self {
        Self { version: published.version(), ready: Arc::clone(&published.ready), address: published.standing.address }
    }
}

/// The state of name resolution in one replication.
#[derive(Debug)]
pub(crate) struct DnsState {
    pub(crate) lookups: Slab<LookupState>,
    pub(crate) queries: Slab<QueryState>,
    pub(crate) servers: Vec<Server>,
    /// What each node's cache has, by name and type; made when first used.
    nodes: Vec<Vec<Kept>>,
    /// Every version of a Service that any server may have heard of.
    versions: Vec<Vec<Heard>>,
    /// Of each Service the version that each server answers with.
    heard: Vec<Vec<u32>>,
    /// The server that each node's cache has its connection to.
    pub(crate) server_of_node: Vec<u32>,
    /// What clients remember, by flow and client.
    memories: Vec<Vec<Memory>>,
    pub(crate) lanes: Vec<Option<LaneId>>,
    /// Lookups so far.
    pub(crate) serial: u64,
    /// Addresses that connections may still be tried at.
    pub(crate) left: AddressesLeft,
    pub(crate) actions: Vec<Action>,
    rows: Vec<DnsOutcome>,
}

impl DnsState {
    pub(crate) fn new(plan: &Plan, dns: &DnsPlan, replication: u32, lanes: Vec<Option<LaneId>>) -> Self {
        let seed = plan.scenario.run.seed;
        let servers = as_u32(dns.spec.servers.len());
        let pin = |node: &crate::scenario::Node| {
            let key = name_hash(seed, replication, &format!("node/{}/dns", node.name));
            Keyed::new(key ^ DNS_SERVER).below(servers)
        };
        Self {
            lookups: Slab::default(),
            queries: Slab::default(),
            servers: (0..servers).map(|_| Server::default()).collect(),
            nodes: vec![Vec::new(); plan.scenario.cluster.nodes.len()],
            versions: plan.services.iter().map(|service| vec![Heard::of(&service.published)]).collect(),
            heard: vec![vec![0; dns.spec.servers.len()]; plan.services.len()],
            server_of_node: plan.scenario.cluster.nodes.iter().map(pin).collect(),
            memories: vec![Vec::new(); plan.flows.len()],
            lanes,
            serial: 0,
            left: AddressesLeft::default(),
            actions: Vec::new(),
            rows: vec![DnsOutcome::default(); dns.labels.len()],
        }
    }

    /// What a client remembers.
    pub(crate) fn memory(&mut self, plan: &Plan, flow: u32, client: u32) -> &mut Memory {
        let memories = &mut self.memories[flow as usize];
        if memories.len() <= client as usize {
            // Pods that came during the run are clients beyond those of the plan.
            let clients = (plan.flows[flow as usize].clients as usize).max(client as usize + 1);
            let none = Entry::default();
            let (address, lookup) = (NONE, NONE);
            let nothing = Memory { found: none, missing: none, address, version: 0, timed_out: false, lookup, turn: 0 };
            memories.resize(clients, nothing);
        }
        &mut memories[client as usize]
    }

    /// What a client remembers, if it ever looked anything up.
    pub(crate) fn remembered(&self, flow: u32, client: u32) -> Option<&Memory> {
        self.memories[flow as usize].get(client as usize)
    }

    /// The servers hear of a new version.
    pub(crate) fn hear(&mut self, service: usize, published: &Published) {
        self.announce(service, published);
        let newest = as_u32(self.versions[service].len() - 1);
        self.heard[service].fill(newest);
    }

    /// There is a new version, of which the servers will hear.
    pub(crate) fn announce(&mut self, service: usize, published: &Published) {
        self.versions[service].push(Heard::of(published));
    }

    /// A server hears of a version.
    pub(crate) fn server_hears(&mut self, server: u32, service: usize, published: &Published) {
        let place = self.versions[service].iter().rposition(|heard| heard.version <= published.version());
        self.heard[service][server as usize] = place.map_or(0, as_u32);
    }

    /// The address of a Service in answers of a version, where it has one then.
    pub(crate) fn address(&self, service: usize, version: u32) -> Option<u32> {
        self.versions[service][version as usize].address
    }

    /// The endpoints of a Service in answers of a version.
    pub(crate) fn endpoints(&self, service: usize, version: u32) -> &Arc<Snapshot> {
        &self.versions[service][version as usize].ready
    }

    /// The newest version that a server answers with.
    pub(crate) fn newest(&self, service: usize) -> u32 {
        self.heard[service].iter().copied().max().unwrap_or(0)
    }

    /// The version that a server answers with for a name; 0 where it has no endpoints, or they never change.
    pub(crate) fn served(&self, dns: &DnsPlan, name: u32, server: u32) -> u32 {
        dns.follows(name).map_or(0, |follows| self.heard[follows.service as usize][server as usize])
    }

    /// What is answered to a query in the end.
    pub(crate) fn answer(&self, dns: &DnsPlan, query: &QueryState) -> Answer {
        let answer = query.reply(dns).answer;
        match dns.follows(query.name) {
            Some(follows) if query.asked == NameServer::Cluster => {
                let heard = &self.versions[follows.service as usize][query.version as usize];
                let exists = match (heard.address, follows.only) {
                    (None, _) => false,
                    // A name of a headless Service is there as long as it has pods.
                    (Some(0), NONE) => heard.ready.count() > 0,
                    (Some(_), NONE) => true,
                    (Some(_), only) => heard.ready.place(only).is_some(),
                };
                match (exists, query.query.record) {
                    (false, _) => Answer::NxDomain,
                    (true, RecordType::Aaaa) => Answer::NoData,
                    (true, _) => Answer::Address,
                }
            }
            _ => answer,
        }
    }

    /// The node's cache entry of a query.
    pub(crate) fn node_entry(&mut self, dns: &DnsPlan, query: &QueryState) -> &mut Kept {
        entry(&mut self.nodes[query.node as usize], dns, query)
    }

    /// The server's cache entry of a query.
    pub(crate) fn server_entry(&mut self, dns: &DnsPlan, query: &QueryState) -> &mut Kept {
        entry(&mut self.servers[query.server as usize].kept, dns, query)
    }

    /// The row that counts the lookups of a flow.
    pub(crate) fn row_of_flow(&mut self, dns: &DnsPlan, flow: u32) -> &mut DnsOutcome {
        &mut self.rows[dns.row_of_flow[flow as usize] as usize]
    }

    /// The row that counts queries like this one.
    pub(crate) fn row_of_query(&mut self, dns: &DnsPlan, query: &QueryState) -> &mut DnsOutcome {
        &mut self.rows[dns.row_of_name[query.name as usize] as usize + record(query)]
    }

    /// The row of a server.
    pub(crate) fn row_of_server(&mut self, dns: &DnsPlan, server: u32) -> &mut DnsOutcome {
        &mut self.rows[(dns.first_server + server) as usize]
    }

    /// The rows at the end of a window of so many nanoseconds.
    pub(crate) fn finish(mut self, dns: &DnsPlan, span: u64) -> Vec<DnsOutcome> {
        for server in 0..as_u32(self.servers.len()) {
            let work = self.servers[server as usize].work as f64;
            let time = f64::from(dns.spec.concurrency) * span as f64;
            self.row_of_server(dns, server).utilization = (span > 0).then(|| (work / time).min(1.0));
        }
        self.rows
    }
}

/// 0 for A, 1 for AAAA.
fn record(query: &QueryState) -> usize {
    usize::from(query.query.record == RecordType::Aaaa)
}

fn entry<'e>(entries: &'e mut Vec<Kept>, dns: &DnsPlan, query: &QueryState) -> &'e mut Kept {
    if entries.is_empty() {
        entries.resize(2 * dns.names.len(), Kept::default());
    }
    &mut entries[2 * query.name as usize + record(query)]
}

impl QueryState {
    /// What the scenario's start would answer.
    pub(crate) fn reply(&self, dns: &DnsPlan) -> Reply {
        dns.names[self.name as usize].reply(self.query.record, self.asked)
    }
}

/// How long a node's cache keeps an answer.
pub(crate) fn kept_on_node(exists: bool, ttl: SimDuration) -> SimDuration {
    Limits::NODE_LOCAL.lifetime(exists, ttl)
}
