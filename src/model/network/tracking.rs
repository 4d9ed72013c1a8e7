//! Connection tracking and source ports: what nodes remember of connections, those that are over included.
//!
//! What lingers is kept as times of expiry, each queue for one constant time, and forgotten when somebody looks; it costs
//! no event.

use std::collections::{BTreeMap, VecDeque};

use crate::model::network::source_ports::PortWalks;
use crate::model::plan::{NONE, Plan};
use crate::random::name_hash;
use crate::scenario::Node;
use crate::scenario::kernel::{Conntrack, SourcePorts};
use crate::scenario::kube_proxy::KubeProxyMode;
use crate::time::{SimDuration, SimTime};

/// How a connection leaves the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// Closed, by whoever opened it.
    ByOpener,
    /// Closed, by the other end.
    ByOther,
    /// Reset.
    Reset,
    /// Nobody answered.
    Unanswered,
    /// A datagram that was answered by at most one.
    Datagram,
    /// Its entry expired, or was deleted: nothing lingers.
    Forgotten,
}

/// Things that are over and still remembered, for one constant time each.
#[derive(Debug, Default)]
struct Lingering {
    until: [VecDeque<u64>; 4],
}

impl Lingering {
    fn push(&mut self, queue: usize, now: SimTime, time: SimDuration) {
        self.until[queue].push_back(now.as_nanos().saturating_add(time.as_nanos()));
    }

    fn count(&mut self, now: SimTime) -> u64 {
        for queue in &mut self.until {
            while queue.front().is_some_and(|until| *until <= now.as_nanos()) {
                queue.pop_front();
            }
        }
        self.until.iter().map(|queue| queue.len() as u64).sum()
    }
}

/// The connection-tracking table of a node.
#[derive(Debug, Default)]
pub(crate) struct Table {
    live: u64,
    lingering: Lingering,
    pub(crate) capacity: u32,
    pub(crate) max: u64,
    /// First packets that found it full.
    pub(crate) dropped: u64,
}

impl Table {
    /// An entry for a new connection, if there is room.
    fn enter(&mut self, now: SimTime) -> bool {
        // Looking at what has expired is for a table that may be full, and for its peak.
        let entries = self.live + self.lingering.count(now);
        if entries >= u64::from(self.capacity) {
            self.dropped += 1;
            return false;
        }
        self.live += 1;
        self.max = self.max.max(entries + 1);
        true
    }

    fn leave(&mut self, how: Leaving, times: &Conntrack, now: SimTime) {
        self.live -= 1;
        let (queue, time) = match how {
            Leaving::ByOpener | Leaving::ByOther => (0, times.time_wait),
            Leaving::Reset => (1, times.close),
            Leaving::Unanswered => (2, times.syn_sent),
            Leaving::Datagram => (3, times.udp),
            Leaving::Forgotten => return,
        };
        self.lingering.push(queue, now, time);
    }
}

/// The ports of an address to one destination.
#[derive(Debug, Default)]
struct Ports {
    used: u64,
    waiting: Lingering,
}

/// What nodes remember.
#[derive(Debug)]
pub(crate) struct Tracking {
    conntrack: Option<Conntrack>,
    /// One a node, where connections are tracked.
    pub(crate) tables: Vec<Table>,
    source_ports: Option<SourcePorts>,
    /// By source address and destination.
    ports: BTreeMap<(u32, u64), Ports>,
    /// Most ports of one source and destination, by node.
    pub(crate) ports_max: Vec<u64>,
    /// The ports one by one, where connections are tracked and an entry may lead to a pod that is gone.
    pub(crate) walks: Option<PortWalks>,
}

impl Tracking {
    /// Empty tables, where the scenario wants them.
    pub(crate) fn of(plan: &Plan, replication: u32) -> Option<Box<Self>> {
        let (cluster, seed) = (&plan.scenario.cluster, plan.scenario.run.seed);
        let kernel = &cluster.kernel;
        if kernel.conntrack.is_none() && kernel.source_ports.is_none() {
            return None;
        }
        let table = |node: &Node| Table {
            capacity: kernel.conntrack.map_or(u32::MAX, |conntrack| conntrack.capacity(node.cpu)),
            ..Table::default()
        };
        let by_rules = matches!(cluster.kube_proxy.mode, KubeProxyMode::Iptables | KubeProxyMode::Nftables);
        let walks = kernel.conntrack.zip(kernel.source_ports).filter(|_| by_rules).map(|(conntrack, ports)| {
            PortWalks::new(name_hash(seed, replication, "source-ports"), &ports, conntrack.syn_sent)
        });
        Some(Box::new(Self {
            conntrack: kernel.conntrack,
            tables: cluster.nodes.iter().map(table).collect(),
            source_ports: kernel.source_ports,
            ports: BTreeMap::new(),
            ports_max: vec![0; cluster.nodes.len()],
            walks,
        }))
    }

    /// Whether a node's table takes one more.
    pub(crate) fn enter(&mut self, node: u32, now: SimTime) -> bool {
        self.conntrack.is_none() || self.tables[node as usize].enter(now)
    }

    /// Whether the tables of two nodes, `NONE` where an end is none, take a flow of datagrams by two that just go on.
    pub(crate) fn pass_datagrams(&mut self, near: u32, far: u32, now: SimTime) -> bool {
        let nodes = [near, if far == near { NONE } else { far }];
        for (place, node) in nodes.into_iter().enumerate().filter(|(_, node)| *node != NONE) {
            if !self.enter(node, now) {
                if place == 1 && near != NONE {
                    self.leave(near, Leaving::Forgotten, now);
                }
                return false;
            }
        }
        for node in nodes.into_iter().filter(|node| *node != NONE) {
            self.leave(node, Leaving::Datagram, now);
        }
        true
    }

    /// An entry of a node's table is over.
    pub(crate) fn leave(&mut self, node: u32, how: Leaving, now: SimTime) {
        if let Some(times) = &self.conntrack {
            self.tables[node as usize].leave(how, times, now);
        }
    }

    /// A port of an address on a node to a destination, if one is free.
    pub(crate) fn take_port(&mut self, node: u32, source: u32, destination: u64, now: SimTime) -> bool {
        let Some(limits) = &self.source_ports else { return true };
        let ports = self.ports.entry((source, destination)).or_default();
        let used = ports.used + ports.waiting.count(now);
        if used >= u64::from(limits.count) {
            return false;
        }
        ports.used += 1;
        let most = &mut self.ports_max[node as usize];
        *most = (*most).max(used + 1);
        true
    }

    /// A port is given back, at once or, where its side closed first, after TIME_WAIT.
    pub(crate) fn give_port(&mut self, source: u32, destination: u64, how: Leaving, now: SimTime) {
        let Some(limits) = &self.source_ports else { return };
        if let Some(ports) = self.ports.get_mut(&(source, destination)) {
            ports.used -= 1;
            if how == Leaving::ByOpener {
                ports.waiting.push(0, now, limits.time_wait);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * crate::time::NANOS_PER_SEC)
    }

    fn tracking(max: u32, count: u32) -> Tracking {
        Tracking {
            conntrack: Some(Conntrack { max: Some(max), ..Conntrack::USUAL }),
            tables: vec![Table { capacity: max, ..Table::default() }],
            source_ports: Some(SourcePorts { count, ..SourcePorts::USUAL }),
            ports: BTreeMap::new(),
            ports_max: vec![0],
            walks: None,
        }
    }

    #[test]
    fn a_thousand_short_connections_a_second_nearly_fill_the_table_of_a_small_node() {
        // 1,000 a second, each remembered for 120 s: 120,000 entries of 131,072.
        let mut tracking = tracking(131_072, 0);
        for second in 0..300 {
            for _ in 0..1_000 {
                assert!(tracking.enter(0, at(second)));
                tracking.leave(0, Leaving::ByOpener, at(second));
            }
        }
        assert_eq!(tracking.tables[0].max, 120_000);
        assert_eq!(tracking.tables[0].dropped, 0);
    }

    #[test]
    fn a_full_table_drops_new_connections_and_keeps_the_old() {
        let mut tracking = tracking(3, 0);
        assert!((0..3).all(|_| tracking.enter(0, at(0))));
        assert!(!tracking.enter(0, at(0)));
        tracking.leave(0, Leaving::Reset, at(1));
        assert!(!tracking.enter(0, at(10)), "remembered for ten seconds");
        assert!(tracking.enter(0, at(11)));
        tracking.leave(0, Leaving::Unanswered, at(11));
        tracking.leave(0, Leaving::ByOther, at(20));
        assert!(!tracking.enter(0, at(130)));
        assert!(tracking.enter(0, at(131)), "each for its own time");
        assert_eq!((tracking.tables[0].max, tracking.tables[0].dropped), (3, 3));
    }

    #[test]
    fn a_flow_of_datagrams_has_room_at_both_ends_or_leaves_nothing() {
        let mut tracking = tracking(2, 0);
        tracking.tables.push(Table { capacity: 1, ..Table::default() });
        assert!(tracking.pass_datagrams(0, 1, at(0)));
        assert!(!tracking.pass_datagrams(0, 1, at(29)), "30 s after the datagram");
        assert!(tracking.pass_datagrams(0, 0, at(29)), "the first node has forgotten what did not get through");
        assert!(!tracking.pass_datagrams(0, NONE, at(29)));
        assert!(tracking.pass_datagrams(0, 1, at(30)));
        assert_eq!((tracking.tables[0].dropped, tracking.tables[1].dropped), (1, 1));
    }

    #[test]
    fn ports_are_free_again_after_time_wait() {
        let mut tracking = tracking(10, 2);
        assert!(tracking.take_port(0, 1, 7, at(0)) && tracking.take_port(0, 1, 7, at(0)));
        assert!(!tracking.take_port(0, 1, 7, at(0)));
        assert!(tracking.take_port(0, 1, 8, at(0)) && tracking.take_port(0, 2, 7, at(0)), "others have their own");
        tracking.give_port(1, 7, Leaving::ByOther, at(1));
        assert!(tracking.take_port(0, 1, 7, at(1)), "the other end closed first");
        tracking.give_port(1, 7, Leaving::ByOpener, at(1));
        assert!(!tracking.take_port(0, 1, 7, at(60)));
        assert!(tracking.take_port(0, 1, 7, at(61)));
        assert_eq!(tracking.ports_max, [2]);
    }
}
