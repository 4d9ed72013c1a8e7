//! What a node does with connections to Services: the state of its rules, and the choice of an endpoint.
//!
//! Each mode has a file: [`iptables`], [`nftables`], [`ebpf`], [`ipvs`]. A node makes a Service's state when the first
//! connection comes; what it knows of endpoints is its own snapshot.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::model::network::ebpf::AffinityMap;
use crate::model::network::endpoints::Snapshot;
use crate::model::network::ipvs::{self, Closing, Handle, Ipvs, Opened, Persistence, Settings};
use crate::model::network::recent::{LIST_LIMIT, RecentLists};
use crate::model::network::{ebpf, iptables, nftables};
use crate::model::plan::Plan;
use crate::random::{Keyed, Stream, mix};
use crate::scenario::{IpvsScheduler, KubeProxyMode};
use crate::time::{SimDuration, SimTime};

/// A node's kube-proxy, or what stands in its place.
#[derive(Debug)]
pub(crate) struct KubeProxy {
    pub(crate) stream: Stream,
    /// The endpoints its rules send to, by Service.
    pub(crate) programmed: Vec<Arc<Snapshot>>,
    /// What its rules remember, by Service; empty while no Service needs it.
    states: Vec<State>,
}

/// What the rules of a Service remember.
#[derive(Debug, Default)]
enum State {
    #[default]
    Nothing,
    Recent(Box<RecentLists>),
    Map(Box<AffinityMap>),
    Ipvs(Box<VirtualService>),
}

/// A Service in the node's IPVS.
#[derive(Debug)]
struct VirtualService {
    ipvs: Ipvs,
    /// The endpoint of each real server.
    endpoints: Vec<u32>,
    /// Whether anything is asked of the connection table.
    tracks: bool,
}

/// A new connection's endpoint, and what it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) endpoint: u32,
    /// How many endpoints' rules the first packet passed, its own included.
    pub(crate) rules: u32,
    /// Its entry in IPVS.
    pub(crate) entry: Handle,
}

impl KubeProxy {
    pub(crate) fn new(plan: &Plan, stream: Stream) -> Self {
        let programmed = plan.services.iter().map(|service| Arc::clone(&service.snapshot)).collect();
        Self { stream, programmed, states: Vec::new() }
    }

    /// The general case of a choice: every mode, with and without affinity.
    #[inline(never)]
    pub(crate) fn choose(&mut self, plan: &Plan, service: usize, client: u32, now: SimTime) -> Option<Choice> {
        if self.states.is_empty() {
            self.states.resize_with(self.programmed.len(), State::default);
        }
        let Self { stream, programmed, states } = self;
        let (known, state) = (&programmed[service], &mut states[service]);
        let affinity = plan.scenario.services[service].affinity;
        let count = known.count();
        let placed = |place: u32, walked: u32| {
            Some(Choice { endpoint: known.endpoint(place), rules: walked + place + 1, entry: Handle::NONE })
        };
        match plan.scenario.cluster.kube_proxy.mode {
            KubeProxyMode::Iptables => {
                let Some(timeout) = affinity else { return placed(iptables::pick(count, stream)?, 0) };
                let draw = |stream: &mut Stream| iptables::pick(count, stream);
                let (place, held) = recent(state, (timeout, LIST_LIMIT), known, client, now, || draw(stream))?;
                // Rules that look for the client come first, one an endpoint.
                placed(place, if held { 0 } else { count })
            }
            KubeProxyMode::Nftables => {
                let Some(timeout) = affinity else { return placed(nftables::pick(count, stream)?, 0) };
                let draw = |stream: &mut Stream| nftables::pick(count, stream);
                let (place, _) = recent(state, (timeout, usize::MAX), known, client, now, || draw(stream))?;
                placed(place, 0)
            }
            KubeProxyMode::Ebpf => {
                let Some(timeout) = affinity else { return placed(ebpf::pick(count, stream)?, 0) };
                if let State::Nothing = state {
                    *state = State::Map(Box::new(AffinityMap::new(timeout)));
                }
                let State::Map(map) = state else { unreachable!("the mode does not change during a run") };
                let held = map.held(client, now).and_then(|endpoint| known.place(endpoint));
                let place = match held {
                    Some(place) => place,
                    None => ebpf::pick(count, stream)?,
                };
                map.used(client, known.endpoint(place), now);
                placed(place, 0)
            }
            KubeProxyMode::Ipvs(scheduler) => {
                if let State::Nothing = state {
                    *state = State::Ipvs(Box::new(VirtualService::new(plan, service, known, scheduler)));
                }
                let State::Ipvs(service) = state else { unreachable!("the mode does not change during a run") };
                service.choose(client, now)
            }
        }
    }

    /// Active connections to all endpoints of a Service, and entries of the connection table.
    #[cfg(test)]
    pub(crate) fn counted(&self, service: usize) -> (u32, usize) {
        let Some(State::Ipvs(service)) = self.states.get(service) else { return (0, 0) };
        let servers = service.ipvs.servers(0).iter();
        (servers.map(|(_, server)| server.active).sum(), service.ipvs.entries())
    }

    /// A connection that IPVS has in its table was closed.
    #[inline(never)]
    pub(crate) fn closed(&mut self, service: usize, entry: Handle, now: SimTime) {
        if let Some(State::Ipvs(service)) = self.states.get_mut(service) {
            service.ipvs.advance(now);
            service.ipvs.close(entry, Closing::ByClient);
        }
    }
}

/// The place of an endpoint by the lists of recent clients, else drawn; and whether the client was held.
fn recent(
    state: &mut State,
    (timeout, limit): (SimDuration, usize),
    known: &Snapshot,
    client: u32,
    now: SimTime,
    draw: impl FnOnce() -> Option<u32>,
) -> Option<(u32, bool)> {
    if let State::Nothing = state {
        *state = State::Recent(Box::new(RecentLists::new(timeout, limit)));
    }
    let State::Recent(lists) = state else { unreachable!("the mode does not change during a run") };
    let held = lists.held(client, known, now);
    let place = match held {
        Some(place) => place,
        None => draw()?,
    };
    lists.used(client, known.endpoint(place), now);
    Some((place, held.is_some()))
}

impl VirtualService {
    /// As kube-proxy makes it in one synchronisation: servers of weight 1, added in the order of "ADDRESS:PORT" as text.
    fn new(plan: &Plan, service: usize, known: &Snapshot, scheduler: IpvsScheduler) -> Self {
        let spec = &plan.scenario.services[service];
        let mut servers: Vec<(String, SocketAddrV4, u32)> = (0..known.count())
            .map(|place| {
                let endpoint = known.endpoint(place);
                let pod = plan.pod_of[plan.endpoints[endpoint as usize].station as usize];
                let ip = Ipv4Addr::from_bits(plan.pods[pod as usize].ip);
                let address = SocketAddrV4::new(ip, spec.target_port);
                (address.to_string(), address, endpoint)
            })
            .collect();
        servers.sort_unstable();
        // The simulator closes idle connections where their owners do; the kernel's 900 s of idleness are left out.
        let settings = Settings { established: SimDuration::from_secs(1 << 31), ..Settings::KUBE_PROXY };
        let persistence = spec.affinity.map(|timeout| Persistence { timeout, netmask: u32::MAX });
        let mut ipvs = Ipvs::new(settings);
        let number = ipvs.add_service(ipvs::Spec {
            address: SocketAddrV4::new(Ipv4Addr::from_bits(spec.cluster_ip), spec.port),
            scheduler,
            flags: ipvs::Flags::default(),
            persistence,
            one_packet: false,
        });
        ipvs.add_servers(number, servers.iter().map(|(_, address, _)| *address));
        let endpoints = servers.into_iter().map(|(.., endpoint)| endpoint).collect();
        Self { ipvs, endpoints, tracks: scheduler.counts() || persistence.is_some() }
    }

    fn choose(&mut self, client: u32, now: SimTime) -> Option<Choice> {
        let client = ipvs::Client { address: client, port: None };
        let (server, entry) = if self.tracks {
            self.ipvs.advance(now);
            match self.ipvs.open(0, client) {
                Opened::To { server, entry, .. } => (server, entry),
                Opened::Refused | Opened::Dropped => return None,
            }
        } else {
            (self.ipvs.pick_untracked(0, client)?, Handle::NONE)
        };
        Some(Choice { endpoint: self.endpoints[server as usize], rules: 0, entry })
    }
}

/// What the first packet of a connection takes on its way through the rules.
pub(crate) fn first_packet(plan: &Plan, (seed, node, service): (u64, u32, u32), choice: &Choice) -> SimDuration {
    match plan.scenario.cluster.kube_proxy.mode {
        KubeProxyMode::Iptables => {
            // Where a Service's rule stands is the accident of a map's order in each kube-proxy.
            let key = mix(mix(seed, u64::from(node)), u64::from(service));
            let position = 1 + Keyed::new(key).below(crate::model::plan::as_u32(plan.services.len()));
            iptables::first_packet(u64::from(position) + u64::from(choice.rules))
        }
        KubeProxyMode::Nftables | KubeProxyMode::Ipvs(_) => nftables::FIRST_PACKET,
        KubeProxyMode::Ebpf => SimDuration::ZERO,
    }
}

/// Which entry of its node's IPVS each open connection has: of attempts that have a connection of their own, or open
/// one, and of connections in pools.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    of_attempts: Vec<Handle>,
    of_connections: Vec<Handle>,
}

impl Entries {
    /// An attempt's connection was let in.
    pub(crate) fn opened(&mut self, attempt: u32, entry: Handle) {
        put(&mut self.of_attempts, attempt, entry);
    }

    /// It is now a connection of a pool.
    pub(crate) fn pooled(&mut self, attempt: u32, connection: u32) {
        let entry = self.ended(attempt);
        self.of_pool(connection, entry);
    }

    /// A connection of a pool stands.
    pub(crate) fn of_pool(&mut self, connection: u32, entry: Handle) {
        put(&mut self.of_connections, connection, entry);
    }

    /// An attempt no longer has a connection of its own; the entry it had.
    pub(crate) fn ended(&mut self, attempt: u32) -> Handle {
        take(&mut self.of_attempts, attempt)
    }

    /// A connection has left its pool; the entry it had.
    pub(crate) fn left(&mut self, connection: u32) -> Handle {
        take(&mut self.of_connections, connection)
    }
}

fn put(entries: &mut Vec<Handle>, slot: u32, entry: Handle) {
    if entries.len() <= slot as usize {
        entries.resize(slot as usize + 1, Handle::NONE);
    }
    entries[slot as usize] = entry;
}

fn take(entries: &mut [Handle], slot: u32) -> Handle {
    entries.get_mut(slot as usize).map_or(Handle::NONE, |entry| std::mem::replace(entry, Handle::NONE))
}
