//! The endpoints in the order of their load, kept up in constant time: the least loaded are found without a scan.

use crate::random::Stream;

/// A permutation of the endpoints in blocks of equal load, the least loaded first.
///
/// One more request moves an endpoint to the last place of its block, where the border to the next block then passes it
/// by; one less moves it to the first place and the border the other way. So loads must change by one at a time.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    /// The endpoint of each rank.
    order: Vec<u32>,
    /// Where each endpoint is.
    places: Vec<Place>,
    /// For each load, how many endpoints have at most that load: the rank where its block ends. The last load listed is
    /// the highest there is, and 0 is always listed.
    ends: Vec<u32>,
    /// The smallest load there is.
    lowest: u32,
}

/// Rank and load of an endpoint, together because they change together.
#[derive(Debug, Clone, Copy)]
struct Place {
    rank: u32,
    load: u32,
}

impl Levels {
    /// The endpoints `0..loads.len()` with these loads.
    pub(super) fn new(loads: &[u32]) -> Self {
        let endpoints = u32::try_from(loads.len()).expect("endpoints are numbered by u32");
        let highest = loads.iter().copied().max().unwrap_or(0);
        let mut ends = vec![0; highest as usize + 1];
        loads.iter().for_each(|&load| ends[load as usize] += 1);
        let mut end = 0;
        for slot in &mut ends {
            end += *slot;
            *slot = end;
        }
        // Counting sort, each block filled from its start.
        let mut free: Vec<u32> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let mut order = vec![0; loads.len()];
        let mut places = Vec::with_capacity(loads.len());
        for (endpoint, &load) in (0..endpoints).zip(loads) {
            let rank = free[load as usize];
            free[load as usize] += 1;
            order[rank as usize] = endpoint;
            places.push(Place { rank, load });
        }
        Self { order, places, ends, lowest: loads.iter().copied().min().unwrap_or(0) }
    }

    /// The load of every endpoint.
    pub(super) fn loads(&self) -> Vec<u32> {
        self.places.iter().map(|place| place.load).collect()
    }

    /// The load of an endpoint, 0 for one that does not exist.
    pub(super) fn load(&self, endpoint: u32) -> u32 {
        self.places.get(endpoint as usize).map_or(0, |place| place.load)
    }

    /// Chooses uniformly among the least loaded, by exactly one draw, and adds one to its load.
    #[inline]
    pub(super) fn take_least(&mut self, stream: &mut Stream) -> Option<u32> {
        // The lowest block starts at rank 0.
        let least_loaded = self.ends[self.lowest as usize];
        if least_loaded == 0 {
            return None;
        }
        let rank = stream.below(least_loaded);
        let endpoint = self.order[rank as usize];
        let last = least_loaded - 1;
        self.swap(endpoint, rank, last);
        self.raise(endpoint, last, self.lowest);
        Some(endpoint)
    }

    /// Takes one from the load of an endpoint; nothing happens if it has none or does not exist.
    #[inline]
    pub(super) fn release(&mut self, endpoint: u32) {
        let Some(&Place { rank, load }) = self.places.get(endpoint as usize) else { return };
        if load == 0 {
            return;
        }
        let level = load as usize;
        let first = self.ends[level - 1];
        self.swap(endpoint, rank, first);
        self.ends[level - 1] = first + 1;
        self.places[endpoint as usize] = Place { rank: first, load: load - 1 };
        self.lowest = self.lowest.min(load - 1);
        // The highest load may have lost its only endpoint.
        if level + 1 == self.ends.len() && self.ends[level - 1] == self.ends[level] {
            self.ends.pop();
        }
    }

    /// Puts the endpoint that takes `from` on rank `to`, and the one that was there on `from`.
    #[inline]
    fn swap(&mut self, endpoint: u32, from: u32, to: u32) {
        let other = self.order[to as usize];
        self.order[from as usize] = other;
        self.places[other as usize].rank = from;
        self.order[to as usize] = endpoint;
    }

    /// Lets the endpoint on the last rank of its block belong to the next one.
    #[inline]
    fn raise(&mut self, endpoint: u32, last: u32, load: u32) {
        let level = load as usize;
        self.ends[level] = last;
        if level + 1 == self.ends.len() {
            self.ends.push(last + 1);
        }
        self.places[endpoint as usize] = Place { rank: last, load: load + 1 };
        if last == 0 {
            // Its block was the lowest and is empty now; the endpoint itself is in the next.
            self.lowest = load + 1;
        }
    }

    /// Whether all parts agree.
    #[cfg(test)]
    pub(super) fn assert_consistent(&self) {
        let n = self.order.len();
        assert_eq!(self.places.len(), n);
        for (rank, &endpoint) in self.order.iter().enumerate() {
            assert_eq!(self.places[endpoint as usize].rank as usize, rank, "rank of endpoint {endpoint}");
        }
        let in_order: Vec<u32> = self.order.iter().map(|&endpoint| self.load(endpoint)).collect();
        assert!(in_order.is_sorted(), "{in_order:?}");
        for (load, &end) in self.ends.iter().enumerate() {
            assert_eq!(end as usize, in_order.iter().filter(|&&other| other as usize <= load).count(), "end of {load}");
        }
        assert_eq!(self.lowest, in_order.first().copied().unwrap_or(0));
        assert_eq!(self.ends.len(), in_order.last().map_or(1, |&highest| highest as usize + 1));
    }
}
