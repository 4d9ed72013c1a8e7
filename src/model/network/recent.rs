//! `sessionAffinity: ClientIP` in iptables and nftables mode: a list of clients for each endpoint.
//!
//! kube-proxy writes, before the rules that choose, a rule for each endpoint: a client that is in the endpoint's list and
//! was put there at most `timeout` ago goes to it. The first list in the order of the rules wins. The endpoint's own chain
//! puts the client in again, so each new connection, and nothing else, winds the clock up. In iptables mode the list is
//! one of `xt_recent`, which by default holds 100 addresses: one more, and the client seen longest ago is forgotten. In
//! nftables mode it is a set with a timeout, without that limit.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::network::endpoints::Snapshot;
use crate::time::{SimDuration, SimTime};

/// How many addresses a list of `xt_recent` holds (`ip_list_tot`).
pub const LIST_LIMIT: usize = 100;

/// When a client was put into a list; ordered by time, then by the order of events.
type Stamp = (SimTime, u64);

/// The lists of a Service on one node.
#[derive(Debug, Clone)]
pub struct RecentLists {
    timeout: SimDuration,
    limit: usize,
    /// Of each client the lists that it is in: endpoint and stamp.
    of_client: BTreeMap<u32, Vec<(u32, Stamp)>>,
    /// Of each endpoint the clients in its list, the one seen longest ago first.
    of_endpoint: BTreeMap<u32, BTreeSet<(Stamp, u32)>>,
    stamps: u64,
}

impl RecentLists {
    /// Lists that forget after `timeout` and hold at most `limit` clients each.
    #[must_use]
    pub const fn new(timeout: SimDuration, limit: usize) -> Self {
        Self { timeout, limit, of_client: BTreeMap::new(), of_endpoint: BTreeMap::new(), stamps: 0 }
    }

    /// The endpoints changed: the list of one that is gone goes with its chain.
    pub fn keep(&mut self, endpoints: &Snapshot) {
        let gone: Vec<u32> =
            self.of_endpoint.keys().copied().filter(|endpoint| endpoints.place(*endpoint).is_none()).collect();
        for endpoint in gone {
            for (_, client) in self.of_endpoint.remove(&endpoint).unwrap_or_default() {
                Self::forget(&mut self.of_client, client, endpoint);
            }
        }
    }

    /// The place among the endpoints of the first rule that matches a client.
    #[must_use]
    pub fn held(&self, client: u32, endpoints: &Snapshot, now: SimTime) -> Option<u32> {
        let lists = self.of_client.get(&client)?.iter();
        let fresh = lists.filter(|(_, (seen, _))| now.since(*seen) <= self.timeout);
        fresh.filter_map(|(endpoint, _)| endpoints.place(*endpoint)).min()
    }

    /// A connection of a client goes to an endpoint.
    pub fn used(&mut self, client: u32, endpoint: u32, now: SimTime) {
        self.stamps += 1;
        let stamp = (now, self.stamps);
        let list = self.of_endpoint.entry(endpoint).or_default();
        let lists = self.of_client.entry(client).or_default();
        match lists.iter_mut().find(|(other, _)| *other == endpoint) {
            Some((_, seen)) => {
                list.remove(&(*seen, client));
                *seen = stamp;
            }
            None => {
                lists.push((endpoint, stamp));
                if list.len() >= self.limit
                    && let Some((_, forgotten)) = list.pop_first()
                {
                    Self::forget(&mut self.of_client, forgotten, endpoint);
                }
            }
        }
        list.insert((stamp, client));
        // Those whose time is over match no more: room for others.
        while let Some((seen, old)) = list.first().copied().filter(|(seen, _)| now.since(seen.0) > self.timeout) {
            list.remove(&(seen, old));
            Self::forget(&mut self.of_client, old, endpoint);
        }
    }

    fn forget(of_client: &mut BTreeMap<u32, Vec<(u32, Stamp)>>, client: u32, endpoint: u32) {
        if let Some(lists) = of_client.get_mut(&client) {
            lists.retain(|(other, _)| *other != endpoint);
            if lists.is_empty() {
                of_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs_f64(seconds).expect("a time")
    }

    /// What `recent --rcheck --seconds 10` did on Linux 6.1: held 8 s after the last new connection, also when the first
    /// was 13 s ago; drawn anew after 12.5 s.
    #[test]
    fn each_new_connection_winds_the_clock_up() {
        let endpoints = Snapshot::new(0, 0..6);
        let mut lists = RecentLists::new(SimDuration::from_secs(10), LIST_LIMIT);
        lists.used(1, 4, at(0.0));
        assert_eq!(lists.held(1, &endpoints, at(5.0)), Some(4));
        lists.used(1, 4, at(5.0));
        assert_eq!(lists.held(1, &endpoints, at(13.0)), Some(4));
        assert_eq!(lists.held(1, &endpoints, at(17.5)), None);
    }

    /// The choices for 24 clients of the same lists with 60 s: before endpoint C was taken away, without it, and with it
    /// again. Whoever is held must go where the lists say; who is not was drawn, by the kernel.
    #[test]
    fn an_endpoint_that_went_and_came_back_as_recorded() {
        let phases = [
            (23.9, "ABDEF", "DCFCBCBDBAEADECFBECCFDAD"),
            (30.6, "ABDEF", "DAFFBDBDBAEADEAFBEDAFDAD"),
            (36.0, "ABCDEF", "DAFCBCBDBAEADEAFBECAFDAD"),
        ];
        let mut lists = RecentLists::new(SimDuration::from_secs(60), LIST_LIMIT);
        let mut drawn = Vec::new();
        for (number, (time, present, choices)) in phases.into_iter().enumerate() {
            let present = if number == 0 { "ABCDEF" } else { present };
            let numbers: Vec<u32> = present.bytes().map(|letter| u32::from(letter - b'A')).collect();
            let endpoints = Snapshot::new(number as u64, numbers);
            let mut free = 0;
            for (client, choice) in (1..).zip(choices.bytes()) {
                let endpoint = u32::from(choice - b'A');
                match lists.held(client, &endpoints, at(time)) {
                    Some(place) => assert_eq!(endpoints.endpoint(place), endpoint, "client {client} at {time} s"),
                    None => free += 1,
                }
                lists.used(client, endpoint, at(time));
            }
            drawn.push(free);
        }
        // Only the six clients of C are drawn anew without it. With it back, two lists match them: the earlier wins.
        assert_eq!(drawn, [24, 6, 0]);
    }

    #[test]
    fn the_list_of_an_endpoint_goes_with_it() {
        let (all, fewer) = (Snapshot::new(0, 0..6), Snapshot::new(1, [0, 1, 2, 3, 5]));
        let mut lists = RecentLists::new(SimDuration::from_secs(10), LIST_LIMIT);
        lists.used(1, 4, at(0.0));
        lists.used(2, 5, at(0.0));
        lists.keep(&fewer);
        assert_eq!((lists.held(1, &all, at(1.0)), lists.held(2, &fewer, at(1.0))), (None, Some(4)));
    }

    #[test]
    fn a_full_list_forgets_the_client_seen_longest_ago() {
        let endpoints = Snapshot::new(0, [0]);
        let mut lists = RecentLists::new(SimDuration::from_secs(10_800), LIST_LIMIT);
        (0..100).for_each(|client| lists.used(client, 0, at(f64::from(client))));
        assert_eq!(lists.held(0, &endpoints, at(100.0)), Some(0));
        lists.used(0, 0, at(100.0));
        lists.used(100, 0, at(101.0));
        assert_eq!(lists.held(0, &endpoints, at(102.0)), Some(0), "it came again");
        assert_eq!(lists.held(1, &endpoints, at(102.0)), None, "it was the oldest");
        assert_eq!(lists.held(2, &endpoints, at(102.0)), Some(0));
    }
}
