//! What a node does with connections to Services: the state of its rules, and the choice of an endpoint.
//!
//! Each mode has a file: [`iptables`], [`nftables`], [`ebpf`], [`ipvs`]. A node makes a Service's state when the first
//! connection comes; what it knows of endpoints is its own snapshot.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::discovery::slices::policy::Nobody;
use crate::model::cluster::roster::Roster;
use crate::model::control::Control;
use crate::model::network::ebpf::AffinityMap;
use crate::model::network::endpoints::Snapshot;
use crate::model::network::ipvs::{self, Closing, Handle, Ipvs, Opened, Persistence, Settings};
use crate::model::network::recent::{LIST_LIMIT, RecentLists};
use crate::model::network::{ebpf, iptables, nftables};
use crate::model::plan::{Plan, ServicePlan};
use crate::random::{Keyed, Stream, mix};
use crate::scenario::{IpvsScheduler, KubeProxyMode};
use crate::time::{SimDuration, SimTime};

/// A node's kube-proxy, or what stands in its place.
#[derive(Debug)]
pub(crate) struct KubeProxy {
    pub(crate) stream: Stream,
    /// The endpoints its rules send to, by Service.
    pub(crate) programmed: Vec<Arc<Snapshot>>,
    /// What its rules remember, by Service, and the version of the endpoints they were made for; empty while no Service
    /// needs it.
    states: Vec<(State, u64)>,
    /// The rules for traffic from outside, where they are others than those for traffic from inside.
    from_outside: Option<Box<FromOutside>>,
}

/// Rules for traffic from outside.
#[derive(Debug)]
struct FromOutside {
    rules: KubeProxy,
    /// Of each Service the version that is programmed.
    versions: Vec<Option<u64>>,
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
    /// The endpoint of each real server, those on their way out included.
    endpoints: Vec<u32>,
    /// Real servers of endpoints that are gone: they keep their connections and get no new ones.
    leaving: Vec<u32>,
    /// When kube-proxy looked last whether those still have connections.
    looked: SimTime,
    /// Whether anything is asked of the connection table.
    tracks: bool,
}

/// How often kube-proxy looks whether servers on their way out have lost their last connection.
const LOOKS: SimDuration = SimDuration::from_secs(60);

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
    /// The kube-proxy of a node, with what it knows by now.
    pub(crate) fn new(plan: &Plan, node: u32, stream: Stream, control: Option<&Control>) -> Self {
        let known = |(index, service): (usize, &ServicePlan)| match control {
            Some(control) => {
                let published = control.programmed_on(node, index);
                published.inside(plan.place_of_node(node))
            }
            None => Arc::clone(service.by_node.get(node as usize).unwrap_or(&service.snapshot)),
        };
        let programmed = plan.services.iter().enumerate().map(known).collect();
        Self { stream, programmed, states: Vec::new(), from_outside: None }
    }

    /// The choice where kube-proxy does nothing but draw one of the endpoints.
    #[inline]
    pub(crate) fn draw(&mut self, service: usize) -> Option<Choice> {
        let rules = &self.programmed[service];
        let endpoint = rules.endpoint(iptables::pick(rules.count(), &mut self.stream)?);
        Some(Choice { endpoint, rules: 0, entry: Handle::NONE })
    }

    /// The choice for a client's new connection.
    pub(crate) fn pick(
        &mut self,
        (plan, roster): (&Plan, &Roster),
        service: usize,
        client: u32,
        now: SimTime,
    ) -> Option<Choice> {
        if plan.services[service].drawn {
            self.draw(service)
        } else {
            self.choose((plan, roster), service, client, now)
        }
    }

    /// The rules of a node for traffic from outside to a Service.
    pub(crate) fn rules_outside(
        &mut self,
        plan: &Plan,
        node: u32,
        service: usize,
        control: Option<&Control>,
    ) -> &mut Self {
        if !plan.takes_in_apart(service) {
            return self;
        }
        let published = match control {
            Some(control) => control.programmed_on(node, service),
            None => &plan.services[service].published,
        };
        let stream = &self.stream;
        let own = self.from_outside.get_or_insert_with(|| {
            let versions = vec![None; plan.services.len()];
            Box::new(FromOutside { rules: Self::new(plan, node, stream.clone(), control), versions })
        });
        if own.versions[service] != Some(published.version()) {
            own.versions[service] = Some(published.version());
            own.rules.programmed[service] = published.outside(plan.place_of_node(node));
        }
        &mut own.rules
    }

    /// The same rules, to look at, where connections have come in by them.
    pub(crate) fn outside(&self) -> Option<&Self> {
        self.from_outside.as_ref().map(|own| &own.rules)
    }

    /// The same rules, to be changed.
    pub(crate) fn outside_mut(&mut self) -> Option<&mut Self> {
        self.from_outside.as_mut().map(|own| &mut own.rules)
    }

    /// The general case of a choice: every mode, with and without affinity.
    #[inline(never)]
    pub(crate) fn choose(
        &mut self,
        (plan, roster): (&Plan, &Roster),
        service: usize,
        client: u32,
        now: SimTime,
    ) -> Option<Choice> {
        if self.states.is_empty() {
            self.states = self.programmed.iter().map(|known| (State::default(), known.version())).collect();
        }
        let Self { stream, programmed, states, from_outside: _ } = self;
        let known = &programmed[service];
        let (state, version) = &mut states[service];
        if *version != known.version() {
            *version = known.version();
            state.learn((plan, roster), service, known, now);
        }
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
                    *state = State::Ipvs(Box::new(VirtualService::new((plan, roster), service, known, scheduler)));
                }
                let State::Ipvs(service) = state else { unreachable!("the mode does not change during a run") };
                service.choose(client, now)
            }
        }
    }

    /// Whether connections to a Service without endpoints here are dropped, rather than refused at once. IPVS answers
    /// with an error when it has no server, and so does eBPF.
    pub(crate) fn drops(&self, plan: &Plan, service: usize) -> bool {
        let mode = plan.scenario.cluster.kube_proxy.mode;
        let by_rules = matches!(mode, KubeProxyMode::Iptables | KubeProxyMode::Nftables);
        let known = &self.programmed[service];
        by_rules && known.count() == 0 && known.nobody() == Nobody::Drop
    }

    /// Active connections to all endpoints of a Service, and entries of the connection table.
    #[cfg(test)]
    pub(crate) fn counted(&self, service: usize) -> (u32, usize) {
        let Some((State::Ipvs(service), _)) = self.states.get(service) else { return (0, 0) };
        let servers = service.ipvs.servers(0).iter();
        (servers.map(|(_, server)| server.active).sum(), service.ipvs.entries())
    }

    /// A connection that IPVS has in its table was closed.
    #[inline(never)]
    pub(crate) fn closed(&mut self, service: usize, entry: Handle, now: SimTime) {
        if let Some((State::Ipvs(service), _)) = self.states.get_mut(service) {
            service.ipvs.advance(now);
            service.ipvs.close(entry, Closing::ByClient);
        }
    }
}

impl State {
    /// Other endpoints are programmed.
    #[cold]
    fn learn(&mut self, world: (&Plan, &Roster), service: usize, known: &Snapshot, now: SimTime) {
        match self {
            // What is kept of endpoints that are gone matches none that are there.
            Self::Nothing | Self::Map(_) => {}
            Self::Recent(lists) => lists.keep(known),
            Self::Ipvs(own) => own.learn(world, service, known, now),
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
    fn new(world: (&Plan, &Roster), service: usize, known: &Snapshot, scheduler: IpvsScheduler) -> Self {
        let spec = &world.0.scenario.services[service];
        let servers = in_order_of_addition(world, service, (0..known.count()).map(|place| known.endpoint(place)));
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
        ipvs.add_servers(number, servers.iter().map(|(address, _)| *address));
        let endpoints = servers.into_iter().map(|(_, endpoint)| endpoint).collect();
        let tracks = scheduler.counts() || persistence.is_some();
        Self { ipvs, endpoints, leaving: Vec::new(), looked: SimTime::ZERO, tracks }
    }

    /// As kube-proxy does it: new servers join, one that comes back begins anew, and one that is gone gets weight 0 until
    /// its last connection has left the table.
    fn learn(&mut self, world: (&Plan, &Roster), service: usize, known: &Snapshot, now: SimTime) {
        self.ipvs.advance(now);
        let serves = |own: &Self, server: u32| !own.leaving.contains(&server) && own.ipvs.servers(0)[server].present;
        let mine: Vec<(u32, u32)> = (0..).zip(self.endpoints.iter().copied()).collect();
        for (server, endpoint) in &mine {
            if known.place(*endpoint).is_none() && serves(self, *server) {
                self.ipvs.edit_server(0, *server, 0);
                self.leaving.push(*server);
            }
        }
        let has = |endpoint: u32| mine.iter().any(|(server, own)| *own == endpoint && serves(self, *server));
        let new: Vec<u32> =
            (0..known.count()).map(|place| known.endpoint(place)).filter(|endpoint| !has(*endpoint)).collect();
        for (address, endpoint) in in_order_of_addition(world, service, new) {
            if let Some(server) = self.ipvs.servers(0).find(address) {
                self.leaving.retain(|leaving| *leaving != server);
                self.ipvs.delete_server(0, server);
            }
            let server = self.ipvs.add_server(0, address, 1, (0, 0)) as usize;
            // A pod that has the address of an earlier one is the server of that name.
            self.endpoints.resize(self.endpoints.len().max(server + 1), endpoint);
            self.endpoints[server] = endpoint;
        }
    }

    /// Servers on their way out leave when they have no connections any more.
    #[cold]
    fn look(&mut self, now: SimTime) {
        self.looked = now;
        let ipvs = &mut self.ipvs;
        ipvs.advance(now);
        self.leaving.retain(|server| {
            let state = &ipvs.servers(0)[*server];
            let stays = state.active + state.inactive > 0;
            if !stays {
                ipvs.delete_server(0, *server);
            }
            stays
        });
    }

    fn choose(&mut self, client: u32, now: SimTime) -> Option<Choice> {
        if !self.leaving.is_empty() && now.since(self.looked) >= LOOKS {
            self.look(now);
        }
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

/// The addresses of endpoints, in the order in which kube-proxy adds them: as texts.
fn in_order_of_addition(
    (plan, roster): (&Plan, &Roster),
    service: usize,
    endpoints: impl IntoIterator<Item = u32>,
) -> Vec<(SocketAddrV4, u32)> {
    let port = plan.scenario.services[service].target_port;
    let mut servers: Vec<(String, SocketAddrV4, u32)> = endpoints
        .into_iter()
        .map(|endpoint| {
            let address = SocketAddrV4::new(Ipv4Addr::from_bits(roster.pod_at(endpoint).ip), port);
            (address.to_string(), address, endpoint)
        })
        .collect();
    servers.sort_unstable();
    servers.into_iter().map(|(_, address, endpoint)| (address, endpoint)).collect()
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
