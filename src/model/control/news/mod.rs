//! News of endpoints on its way to who acts on it, each at a time of its own.
//!
//! Every version of a Service's endpoints is written once, into a log that all share. A *reader* (a node's kube-proxy, a DNS
//! server, a worker of a proxy, a client that balances, a cloud's load balancer) is a place in that log: what lies behind it
//! is known. It has at most one event before it, however much is written meanwhile: when its time comes, it takes all that
//! has reached it by then. So 5,000 nodes cost 5,000 numbers, and a version that nobody needs any more is dropped.
//!
//! News that is written while older news is still on its way to a reader follows in the same stream, and takes as long. The
//! delay is drawn anew when nothing is on its way, or after ten seconds.

pub(super) mod acts;
pub(super) mod spread;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::controllers::sync_runner::{Spacing, SyncRunner, Turn};
use crate::model::control::Consumer;
use crate::model::network::published::Published;
use crate::model::plan::{NONE, Plan, as_u32};
use crate::model::random_keys::{NEWS, NEWS_SHARED, RULES_RUN};
use crate::random::{Dist, Keyed, mix, name_hash};
use crate::scenario::KubeProxyMode;
use crate::scenario::propagation::{RuleNews, Runs};
use crate::time::{SimDuration, SimTime};
use spread::Spread;

/// How long a delay holds while news keeps coming.
const RENEWED: SimDuration = SimDuration::from_secs(10);
/// How often what runs on one node has the same luck. ASSUMED: half of what delays a node's readers is the node.
const SHARED: f64 = 0.5;
/// After how many entries the log is looked through for what nobody needs.
const TIDIED: u64 = 64;

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The kube-proxy of a node.
    Node(u32),
    /// A DNS server of the cluster.
    Server(u32),
    /// A worker of a proxy.
    Worker(u32),
    /// A client of a flow.
    Client(u32, u32),
    /// A cloud's load balancer that sends to pods.
    Balancer(u32),
}

impl Who {
    const fn consumer(self) -> Consumer {
        match self {
            Self::Node(_) => Consumer::KubeProxies,
            Self::Server(_) => Consumer::Dns,
            Self::Worker(_) | Self::Balancer(_) => Consumer::Proxies,
            Self::Client(..) => Consumer::Clients,
        }
    }

    /// What its draws are keyed by.
    fn identity(self) -> u64 {
        let (kind, number) = match self {
            Self::Node(node) => (1, u64::from(node)),
            Self::Server(server) => (2, u64::from(server)),
            Self::Worker(worker) => (3, u64::from(worker)),
            Self::Client(flow, client) => (4, u64::from(flow) << 32 | u64::from(client)),
            Self::Balancer(balancer) => (5, u64::from(balancer)),
        };
        mix(mix(NEWS, kind), number)
    }
}

/// What a reader is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing new is on its way.
    Nothing,
    /// Something is on its way to it, or waits for its next run.
    Waits,
    /// It writes its rules.
    Writes,
}

/// A reader.
#[derive(Debug)]
struct Reader {
    who: Who,
    /// Its node, or `NONE`.
    node: u32,
    /// The only Service it reads of, or `NONE`.
    service: u32,
    /// All entries before this one are known to it.
    seen: u64,
    /// All before this one will be when its run ends.
    taking: u64,
    delay: SimDuration,
    drawn: SimTime,
    /// When its event comes; others are out of date.
    armed: SimTime,
    doing: Doing,
    runner: Option<SyncRunner>,
    /// How often it has written its rules.
    runs: u64,
}

/// What a reader's event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Nothing: it is out of date.
    Nothing,
    /// Its time comes later.
    Later(SimTime),
    /// It acts on the entries from one place to another.
    Acts(u64, u64),
}

/// The versions of a Service that somebody still needs.
#[derive(Debug)]
struct Versions {
    /// The newest that all know.
    base: Arc<Published>,
    /// Number of the entry, when it was written, what it says.
    entries: VecDeque<(u64, SimTime, Arc<Published>)>,
}

/// All news, and who has which.
#[derive(Debug)]
pub(crate) struct News {
    /// The delays of each kind of consumer; nothing where all of a kind act at one time.
    laws: [Option<Dist>; 4],
    runs: Option<Runs>,
    mode: KubeProxyMode,
    /// Whether only changed rules are written (from Kubernetes 1.28 on).
    in_part: bool,
    key: u64,
    /// Number of the first entry of the log.
    first: u64,
    log: VecDeque<(SimTime, u32)>,
    versions: Vec<Versions>,
    readers: Vec<Reader>,
    /// The readers of clients, by flow and client.
    of_clients: Vec<Vec<u32>>,
    /// How far the kube-proxies are, all together.
    spread: Spread,
}

impl News {
    pub(super) fn new(plan: &Plan, replication: u32) -> Self {
        let spec = &plan.scenario.cluster.propagation;
        let apart = |law: &Dist| law.as_constant().is_none().then(|| law.clone());
        let (rules, runs) = match &spec.rules {
            RuleNews::After(delay) => (apart(delay), None),
            RuleNews::InRuns(runs) => (Some(runs.watch.clone()), Some(runs.clone())),
        };
        let versions = plan.services.iter().map(|service| {
            let base = Arc::clone(&service.published);
            Versions { base, entries: VecDeque::new() }
        });
        let mut own = Self {
            laws: [rules, apart(&spec.proxies), apart(&spec.clients), apart(&spec.dns)],
            runs,
            mode: plan.scenario.cluster.kube_proxy.mode,
            in_part: plan.scenario.cluster.kubernetes.at_least(1, 28),
            key: name_hash(plan.scenario.run.seed, replication, "propagation"),
            first: 0,
            log: VecDeque::new(),
            versions: versions.collect(),
            readers: Vec::new(),
            of_clients: vec![Vec::new(); plan.flows.len()],
            spread: Spread::default(),
        };
        own.add_readers(plan);
        own
    }

    /// Everybody who is there from the beginning.
    fn add_readers(&mut self, plan: &Plan) {
        let cluster = &plan.scenario.cluster;
        let ruled = (0..plan.services.len()).any(|service| plan.flows.iter().any(|flow| flow.is_ruled_for(service)));
        if self.is_apart(Consumer::KubeProxies) && ruled {
            let nodes = as_u32(cluster.nodes.len());
            let spacing = if cluster.kubernetes.at_least(1, 34) { Spacing::SinceLast } else { Spacing::Bucket };
            for node in 0..nodes {
                let least = |runs: &Runs| cluster.nodes[node as usize].min_sync.unwrap_or(runs.least);
                let runner = self.runs.as_ref().map(|runs| SyncRunner::new(spacing, least(runs)));
                self.add(Who::Node(node), node, NONE, runner);
            }
            self.spread = Spread::of(nodes);
        }
        if self.is_apart(Consumer::Proxies) {
            for (worker, own) in (0..).zip(&plan.workers) {
                let proxy = &plan.scenario.proxies[own.proxy as usize];
                if proxy.controller.is_none() {
                    self.add(Who::Worker(worker), own.node, as_u32(proxy.service), None);
                }
            }
        }
        if self.is_apart(Consumer::Dns)
            && let Some(dns) = &plan.dns
        {
            for (server, node) in (0..).zip(&dns.spec.servers) {
                self.add(Who::Server(server), as_u32(*node), NONE, None);
            }
        }
    }

    fn add(&mut self, who: Who, node: u32, service: u32, runner: Option<SyncRunner>) -> u32 {
        let seen = self.end();
        self.readers.push(Reader {
            who,
            node,
            service,
            seen,
            taking: seen,
            delay: SimDuration::ZERO,
            drawn: SimTime::ZERO,
            armed: SimTime::MAX,
            doing: Doing::Nothing,
            runner,
            runs: 0,
        });
        as_u32(self.readers.len() - 1)
    }

    /// Whether each consumer of a kind acts at a time of its own.
    pub(super) fn is_apart(&self, consumer: Consumer) -> bool {
        self.laws[consumer as usize].is_some()
    }

    /// The number of the next entry.
    fn end(&self) -> u64 {
        self.first + self.log.len() as u64
    }

    fn entry(&self, number: u64) -> (SimTime, u32) {
        self.log[(number - self.first) as usize]
    }

    /// A new version is written; its number in the log.
    fn write(&mut self, service: u32, published: &Arc<Published>, now: SimTime) -> u64 {
        let number = self.end();
        self.log.push_back((now, service));
        self.versions[service as usize].entries.push_back((number, now, Arc::clone(published)));
        self.spread.write(service, published.version(), now);
        if number.is_multiple_of(TIDIED) {
            self.tidy();
        }
        number
    }

    /// Drops what everybody knows.
    fn tidy(&mut self) {
        let behind = self.readers.iter().filter(|reader| reader.doing != Doing::Nothing);
        let needed = behind.map(|reader| reader.seen).min().unwrap_or(self.end() - 1).min(self.end() - 1);
        while self.first < needed {
            let (_, service) = self.log.pop_front().expect("the log reaches further");
            let own = &mut self.versions[service as usize];
            let (_, _, published) = own.entries.pop_front().expect("every entry is one of its Service");
            own.base = published;
            self.first += 1;
        }
    }

    /// What a reader knows of a Service.
    fn known(&self, reader: u32, service: usize) -> &Arc<Published> {
        let (own, seen) = (&self.versions[service], self.readers[reader as usize].seen);
        match own.entries.partition_point(|(number, ..)| *number < seen) {
            0 => &own.base,
            behind => &own.entries[behind - 1].2,
        }
    }

    /// What a node's kube-proxy knows of a Service.
    pub(super) fn known_on(&self, node: u32, service: usize) -> &Arc<Published> {
        // They stand first, in order. A cluster without rules has no such readers, and a node outside no kube-proxy.
        match self.readers.get(node as usize) {
            Some(reader) if reader.who == Who::Node(node) => self.known(node, service),
            _ => self.newest(service),
        }
    }

    /// What a client of a flow knows; who comes new asks for what there is.
    pub(super) fn known_to(&self, flow: u32, client: u32, service: usize) -> &Arc<Published> {
        match self.of_clients[flow as usize].get(client as usize) {
            Some(reader) => self.known(*reader, service),
            None => self.newest(service),
        }
    }

    fn newest(&self, service: usize) -> &Arc<Published> {
        let own = &self.versions[service];
        own.entries.back().map_or(&own.base, |(_, _, published)| published)
    }

    /// The first entry from a number on that a reader reads.
    fn next_for(&self, reader: &Reader, from: u64) -> Option<u64> {
        if reader.service == NONE {
            return (from < self.end()).then_some(from);
        }
        let entries = &self.versions[reader.service as usize].entries;
        entries.get(entries.partition_point(|(number, ..)| *number < from)).map(|(number, ..)| *number)
    }

    /// How long an entry takes to a reader.
    fn draw(&self, reader: &Reader, number: u64) -> SimDuration {
        let law = self.laws[reader.who.consumer() as usize].as_ref().expect("only readers of their own draw");
        if let Some(delay) = law.as_constant() {
            return delay;
        }
        let (_, service) = self.entry(number);
        let entries = &self.versions[service as usize].entries;
        let place = entries.partition_point(|(other, ..)| *other < number);
        let version = mix(u64::from(service), entries[place].2.version());
        let own = mix(mix(self.key, reader.who.identity()), version);
        let shares = reader.node != NONE && Keyed::new(own).unit() < SHARED;
        let key = if shares { mix(mix(self.key ^ NEWS_SHARED, reader.node.into()), version) } else { mix(own, 1) };
        law.sample(&mut Keyed::new(key))
    }

    /// All entries before this one have reached a reader.
    fn arrived(&self, reader: &Reader, now: SimTime) -> u64 {
        let there = self.log.partition_point(|(at, _)| *at + reader.delay <= now);
        (self.first + there as u64).max(reader.seen)
    }

    /// Something was written that a reader reads: when its event comes, if it has none by then.
    fn wake(&mut self, reader: u32, number: u64, now: SimTime) -> Option<SimTime> {
        let own = &self.readers[reader as usize];
        let armed = match (own.doing, &own.runner) {
            (Doing::Nothing, _) => {
                let delay = self.draw(own, number);
                let own = &mut self.readers[reader as usize];
                (own.delay, own.drawn, own.doing) = (delay, now, Doing::Waits);
                now + delay
            }
            // Who waits for the next run asks again when this comes.
            (Doing::Waits, Some(runner)) => {
                let comes = now + own.delay;
                let token = runner.token_at()?;
                if comes < token || comes >= own.armed {
                    return None;
                }
                comes
            }
            _ => return None,
        };
        self.readers[reader as usize].armed = armed;
        Some(armed)
    }

    /// The time of a reader has come.
    fn due(&mut self, reader: u32, now: SimTime) -> Due {
        let own = &self.readers[reader as usize];
        if own.armed != now {
            return Due::Nothing;
        }
        if own.doing == Doing::Writes {
            return self.ran(reader, now);
        }
        let taking = self.arrived(own, now);
        let own = &mut self.readers[reader as usize];
        own.taking = taking;
        let Some(runner) = &mut own.runner else { return self.ran(reader, now) };
        if let Turn::At(next) = runner.asked(now) {
            return self.put_off(reader, next);
        }
        let takes = self.takes(reader);
        if takes.is_zero() {
            return self.ran(reader, now);
        }
        let own = &mut self.readers[reader as usize];
        (own.doing, own.armed) = (Doing::Writes, now + takes);
        Due::Later(own.armed)
    }

    /// A kube-proxy may not run before a time; whatever reaches it earlier, when a token is there, lets it ask again.
    fn put_off(&mut self, reader: u32, next: SimTime) -> Due {
        let own = &self.readers[reader as usize];
        let mut armed = next;
        if let Some(token) = own.runner.as_ref().and_then(SyncRunner::token_at) {
            let before = self.log.partition_point(|(at, _)| *at + own.delay < token);
            if let Some((at, _)) = self.log.get(before.max((own.taking - self.first) as usize)) {
                armed = armed.min(*at + own.delay);
            }
        }
        self.readers[reader as usize].armed = armed;
        Due::Later(armed)
    }

    fn ran(&mut self, reader: u32, now: SimTime) -> Due {
        let own = &mut self.readers[reader as usize];
        let before = std::mem::replace(&mut own.seen, own.taking);
        own.runs += 1;
        if let Some(runner) = &mut own.runner {
            runner.ended(now);
        }
        Due::Acts(before, own.seen)
    }

    /// How long a run of a kube-proxy takes.
    fn takes(&self, reader: u32) -> SimDuration {
        let own = &self.readers[reader as usize];
        let runs = self.runs.as_ref().expect("who runs has runs");
        if let Some(takes) = &runs.takes {
            let key = mix(mix(self.key ^ RULES_RUN, own.who.identity()), own.taking);
            return takes.sample(&mut Keyed::new(key));
        }
        let services = self.versions.len() as u64;
        run_of(self.mode, self.in_part, services, (own.taking - own.seen).min(services))
    }

    /// A reader has acted: when its next event comes, if anything is on its way.
    fn next(&mut self, reader: u32, now: SimTime) -> Option<SimTime> {
        let own = &self.readers[reader as usize];
        let Some(number) = self.next_for(own, own.seen) else {
            let own = &mut self.readers[reader as usize];
            (own.doing, own.armed) = (Doing::Nothing, SimTime::MAX);
            return None;
        };
        let renewed = (now.since(own.drawn) >= RENEWED).then(|| self.draw(own, number));
        let written = self.entry(number).0;
        let own = &mut self.readers[reader as usize];
        if let Some(delay) = renewed {
            (own.delay, own.drawn) = (delay, now);
        }
        (own.doing, own.armed) = (Doing::Waits, now.max(written + own.delay));
        Some(own.armed)
    }

    /// How often rules were written, and on how many nodes.
    pub(super) fn runs(&self) -> (u64, usize) {
        let nodes = self.readers.iter().filter(|reader| matches!(reader.who, Who::Node(_)));
        nodes.fold((0, 0), |(runs, nodes), reader| (runs + reader.runs, nodes + 1))
    }
}

/// How long a run takes that writes the rules of so many changed Services.
///
/// iptables, all rules: 1 ms a Service (a measurement of 2019, from 1 to 20,000 Services), and what it takes anyway: 0.1 s
/// in our recording of 1.20. In part, as from 1.28 on: the list of all Services and the rules of changed ones. ASSUMED: its
/// coefficients, and those of the other modes, which write only what changed.
fn run_of(mode: KubeProxyMode, in_part: bool, services: u64, changed: u64) -> SimDuration {
    let micros = match mode {
        KubeProxyMode::Iptables if in_part => 20_000 + 150 * services + 1_000 * changed,
        KubeProxyMode::Iptables => 100_000 + 1_000 * services,
        KubeProxyMode::Nftables | KubeProxyMode::Ipvs(_) | KubeProxyMode::Ebpf => 10_000 + 500 * changed,
    };
    SimDuration::from_nanos(micros * 1_000)
}
