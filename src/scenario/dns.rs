//! DNS in a scenario: the cluster's servers, and what each flow asks them.

use crate::discovery::cache::Limits;
use crate::discovery::lookup::{Answer, Settings};
use crate::discovery::records::RecordType;
use crate::random::Dist;
use crate::time::SimDuration;

/// `cluster.dns`: CoreDNS behind the Service `kube-dns`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dns {
    /// Node of each server, as an index into the cluster's nodes.
    pub servers: Vec<usize>,
    /// Queries that a server works on at once: its cores.
    pub concurrency: u32,
    /// Work for a query.
    pub service_time: Dist,
    /// Round trip to the resolvers outside, for names that the cluster does not have.
    pub upstream: Dist,
    /// How long a server keeps what came from outside; `None` without the cache plugin.
    pub cache: Option<SimDuration>,
    /// How long a server keeps what it answered for names of the cluster; `None` where it looks anew.
    pub zone_cache: Option<SimDuration>,
    /// Whether every node has a cache of its own.
    pub node_local: bool,
    /// Probability that a query or its answer is lost, where it goes by UDP.
    pub loss: f64,
    /// Probability that two queries from one port meet in the connection-tracking table.
    pub race: f64,
}

/// How a flow's clients find the address of its URL's host.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The host as it was written.
    pub host: String,
    /// The names that are asked for, in order.
    pub names: Vec<Name>,
    /// How they are asked for.
    pub settings: Settings,
    /// Where the host is a service with port and protocol (SRV): the host that its record names, which is looked up next.
    pub target: Option<Target>,
    /// Whom.
    pub servers: Vec<NameServer>,
    /// Whether lookups begin with the servers in turn.
    pub rotate: bool,
    /// Whether queries go by TCP.
    pub tcp: bool,
    /// The client's own cache.
    pub cache: Option<Limits>,
    /// Whether a connection that fails at one address of the answer is tried at the next.
    pub next: bool,
    /// Whether a client that needs the name while it looks it up waits for that lookup.
    pub shared: bool,
}

/// The host that an SRV record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its whole name; of several pods behind a headless Service, `*` and the Service's.
    pub name: Name,
    /// How it is asked for.
    pub settings: Settings,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameServer {
    /// The cluster's DNS.
    Cluster,
    /// A resolver outside.
    Outside,
}

/// A name that is asked for, and what the servers answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name, without the last dot.
    pub name: String,
    /// Whether it is asked for port and host (SRV), once, instead of for addresses.
    pub service: bool,
    /// What the answers hang on, where it is a name of a headless Service or of one that comes and goes.
    pub behind: Option<Behind>,
    /// The answer to A, or to SRV.
    pub a: Reply,
    /// The answer to AAAA.
    pub aaaa: Reply,
}

/// The ready pods of a headless Service, or one of them; of a Service with a cluster IP, whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// The Service port, as an index into the scenario's Services.
    pub service: usize,
    /// Workload and number of the only pod, where the name is that of a pod.
    pub pod: Option<(usize, u32)>,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Whether the cluster's servers have to ask outside.
    pub forwarded: bool,
    /// How long it may be used again.
    pub ttl: SimDuration,
}

impl Name {
    /// What a server answers.
    #[must_use]
    pub fn reply(&self, record: RecordType, server: NameServer) -> Reply {
        let reply = if record == RecordType::Aaaa { self.aaaa } else { self.a };
        match server {
            // Outside nobody knows the cluster's names.
            NameServer::Outside if !reply.forwarded => Reply { answer: Answer::NxDomain, ..reply },
            _ => reply,
        }
    }
}
