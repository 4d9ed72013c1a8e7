//! Source ports one after the other, and what the nodes' connection tracking takes them for.
//!
//! A SYN that nobody answers leaves an entry that leads to the pod that was chosen for it, for `synSent`. A new connection
//! from the same address and port to the same cluster IP finds that entry: the rules are not asked, and it goes to the same
//! pod. Entries of connections that were closed or reset do not do that: the kernel deletes them when a SYN comes.
//!
//! Which ports are taken follows `__inet_hash_connect` of Linux (5.18 and later): a walk through the even ones of the range,
//! from a start that is another one every ten seconds for each pair of addresses, in steps of 2, 4 … 16 drawn at random.
//! Ports of connections that are open or were just closed are passed as if they were free.

use std::collections::BTreeMap;

use crate::model::random_keys::SOURCE_PORT;
use crate::random::{Keyed, mix};
use crate::scenario::kernel::SourcePorts;
use crate::time::{NANOS_PER_SEC, SimDuration, SimTime};

/// How long a walk starts at one place (`EPHEMERAL_PORT_SHUFFLE_PERIOD`).
const SHUFFLED_EVERY: u64 = 10 * NANOS_PER_SEC;

/// Most even ports in a step.
const STEP: u32 = 8;

/// Source address and destination.
pub(crate) type Pair = (u32, u64);

/// A walk through the even ports of a range.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// The ten seconds that it belongs to.
    period: u64,
    place: u32,
    taken: u64,
}

/// The source ports of all addresses.
#[derive(Debug)]
pub(crate) struct PortWalks {
    /// Identity, for the draws.
    identity: u64,
    /// How many ports are walked through: the even ones.
    count: u32,
    remembered: SimDuration,
    walks: BTreeMap<Pair, Walk>,
    /// The port of each attempt that opens a connection, by its slot.
    of_attempt: Vec<u32>,
    /// Ports whose last SYN nobody answered: the endpoint that it went to, and until when that is remembered.
    unanswered: BTreeMap<Pair, BTreeMap<u32, (u32, SimTime)>>,
}

impl PortWalks {
    /// Nobody has connected yet.
    pub(crate) fn new(identity: u64, ports: &SourcePorts, remembered: SimDuration) -> Self {
        Self {
            identity,
            count: (ports.count / 2).max(1),
            remembered,
            walks: BTreeMap::new(),
            of_attempt: Vec::new(),
            unanswered: BTreeMap::new(),
        }
    }

    /// An attempt takes the next port; the endpoint that the node's table still has for it, if it has one.
    pub(crate) fn take(&mut self, pair: Pair, attempt: u32, now: SimTime) -> Option<u32> {
        let port = self.next(pair, now);
        let slot = attempt as usize;
        if self.of_attempt.len() <= slot {
            self.of_attempt.resize(slot + 1, 0);
        }
        self.of_attempt[slot] = port;
        let (endpoint, until) = self.unanswered.get_mut(&pair)?.remove(&port)?;
        (now < until).then_some(endpoint)
    }

    fn next(&mut self, pair: Pair, now: SimTime) -> u32 {
        let period = now.as_nanos() / SHUFFLED_EVERY;
        let key = mix(mix(mix(self.identity ^ SOURCE_PORT, u64::from(pair.0)), pair.1), period);
        let start = || Walk { period, place: Keyed::new(key).below(self.count), taken: 0 };
        let walk = self.walks.entry(pair).or_insert_with(start);
        if walk.period != period {
            *walk = start();
        }
        walk.taken += 1;
        let port = walk.place;
        walk.place = (port + 1 + Keyed::new(mix(key, walk.taken)).below(STEP)) % self.count;
        port
    }

    /// Nobody answered the SYNs of an attempt.
    pub(crate) fn leave_unanswered(&mut self, pair: Pair, attempt: u32, endpoint: u32, now: SimTime) {
        if let Some(port) = self.of_attempt.get(attempt as usize) {
            let until = now + self.remembered;
            self.unanswered.entry(pair).or_default().insert(*port, (endpoint, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walks() -> PortWalks {
        PortWalks::new(7, &SourcePorts::USUAL, SimDuration::from_secs(120))
    }

    fn at(millis: u64) -> SimTime {
        SimTime::from_nanos(millis * 1_000_000)
    }

    /// Recorded on Linux 6.18 (a rollout under load): half of the steps between ports are 10 or shorter.
    #[test]
    fn ports_are_walked_in_short_steps_from_a_start_for_ten_seconds() {
        let mut walks = walks();
        let ports: Vec<u32> = (0..1_000).map(|step| walks.next((1, 2), at(step * 9))).collect();
        let steps = ports.windows(2).map(|pair| (pair[1] + 14_116 - pair[0]) % 14_116);
        assert!(steps.clone().all(|step| (1..=8).contains(&step)));
        let mean = f64::from(steps.sum::<u32>()) / 999.0;
        assert!((4.2..4.8).contains(&mean), "{mean} even ports, nine numbers");
        let later = walks.next((1, 2), at(10_000));
        assert!((later + 14_116 - ports[999]) % 14_116 > 8, "another start");
        assert_ne!(walks.next((1, 3), at(10_001)), walks.next((2, 2), at(10_001)));
    }

    #[test]
    fn an_unanswered_port_leads_to_the_same_endpoint_for_its_time() {
        let mut walks = walks();
        let few = SourcePorts { count: 2, ..SourcePorts::USUAL };
        walks.count = few.count / 2;
        assert_eq!(walks.take((1, 2), 5, at(0)), None);
        walks.leave_unanswered((1, 2), 5, 33, at(5_000));
        assert_eq!(walks.take((1, 9), 6, at(6_000)), None, "another destination");
        assert_eq!(walks.take((1, 2), 6, at(124_999)), Some(33));
        assert_eq!(walks.take((1, 2), 7, at(125_000)), None, "that one was answered, or is under way");
        walks.leave_unanswered((1, 2), 7, 34, at(125_000));
        assert_eq!(walks.take((1, 2), 8, at(245_000)), None, "forgotten after 120 s");
    }
}
