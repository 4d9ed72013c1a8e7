//! How far the kube-proxies of a cluster are: when the first, half and the last of them have a version.

use std::collections::VecDeque;

use crate::time::SimTime;

/// A version that some do not have yet.
#[derive(Debug)]
struct Entry {
    service: u32,
    version: u64,
    written: SimTime,
    first: Option<SimTime>,
    half: Option<SimTime>,
}

/// A version that all have by now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Everywhere {
    pub(super) service: u32,
    pub(super) version: u64,
    pub(super) written: SimTime,
    pub(super) first: SimTime,
    pub(super) half: SimTime,
}

/// Where all of them are. Each move of a node costs no more than the versions it passes.
#[derive(Debug, Default)]
pub(super) struct Spread {
    nodes: u64,
    /// Number of the first entry.
    first: u64,
    entries: VecDeque<Entry>,
    /// How many nodes are at each place, from `first` on.
    at: VecDeque<u64>,
    /// The place of the foremost.
    foremost: u64,
    /// The first entry that fewer than half have, and how many have it.
    middle: u64,
    beyond: u64,
}

impl Spread {
    /// So many nodes that know everything.
    pub(super) fn of(nodes: u32) -> Self {
        Self { nodes: nodes.into(), at: VecDeque::from([nodes.into()]), ..Self::default() }
    }

    /// The next entry is written.
    pub(super) fn write(&mut self, service: u32, version: u64, written: SimTime) {
        if self.nodes > 0 {
            self.entries.push_back(Entry { service, version, written, first: None, half: None });
            self.at.push_back(0);
        }
    }

    /// A node that was at one place is at another; what all have by then.
    pub(super) fn moves(&mut self, from: u64, to: u64, now: SimTime) -> Vec<Everywhere> {
        if from == to {
            return Vec::new();
        }
        self.at[(from - self.first) as usize] -= 1;
        self.at[(to - self.first) as usize] += 1;
        while self.foremost < to {
            self.entries[(self.foremost - self.first) as usize].first = Some(now);
            self.foremost += 1;
        }
        self.beyond += u64::from(from <= self.middle && self.middle < to);
        while self.middle < self.foremost && 2 * self.beyond >= self.nodes {
            self.entries[(self.middle - self.first) as usize].half = Some(now);
            self.middle += 1;
            self.beyond -= self.at[(self.middle - self.first) as usize];
        }
        let mut everywhere = Vec::new();
        while self.first < self.middle && self.at[0] == 0 {
            let entry = self.entries.pop_front().expect("the foremost is further");
            self.at.pop_front();
            self.first += 1;
            everywhere.push(Everywhere {
                service: entry.service,
                version: entry.version,
                written: entry.written,
                first: entry.first.unwrap_or(now),
                half: entry.half.unwrap_or(now),
            });
        }
        everywhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> SimTime {
        SimTime::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn first_half_and_last() {
        let mut spread = Spread::of(4);
        (1..=3).for_each(|version| spread.write(0, version, s(version)));
        assert_eq!(spread.moves(0, 1, s(4)), []);
        assert_eq!(spread.moves(0, 3, s(5)), []);
        assert_eq!(spread.moves(0, 2, s(6)), []);
        let all = |version, first, half| Everywhere {
            service: 0,
            version,
            written: s(version),
            first: s(first),
            half: s(half),
        };
        // The fourth comes to where the first still is; then the first goes on.
        assert_eq!(spread.moves(0, 1, s(7)), [all(1, 4, 5)]);
        assert_eq!(spread.moves(1, 3, s(8)), []);
        assert_eq!(spread.moves(1, 3, s(9)), [all(2, 5, 6)]);
        assert_eq!(spread.moves(2, 3, s(10)), [all(3, 5, 8)]);
        spread.write(0, 4, s(11));
        assert_eq!([3; 3].map(|from| spread.moves(from, 4, s(12)).len()), [0; 3]);
        assert_eq!(
            spread.moves(3, 4, s(13)),
            [Everywhere { service: 0, version: 4, written: s(11), first: s(12), half: s(12) }]
        );
    }
}
