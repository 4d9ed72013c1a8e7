//! What a consumer of endpoints has been told.
//!
//! A cluster has no one list of endpoints. Each consumer (a node's kube-proxy, a worker of a proxy, a client that
//! balances by itself) acts on what has reached it. So each holds a [`Snapshot`] of its own: immutable, shared by all who
//! were told the same, replaced by one of a later version when news arrives. While nothing in a scenario changes during a
//! run, all hold version 0.

use std::sync::Arc;

use crate::balance::Changes;
use crate::discovery::slices::policy::Nobody;
use crate::time::SimTime;

/// The endpoints of a Service at one version; the choices of a balancer are places in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    version: u64,
    /// Indices into the plan's endpoints, ascending.
    endpoints: Box<[u32]>,
    /// What becomes of connections while there are none.
    nobody: Nobody,
}

impl Snapshot {
    /// The endpoints of a version, ascending.
    #[must_use]
    pub fn new(version: u64, endpoints: impl IntoIterator<Item = u32>) -> Arc<Self> {
        Self::without(version, endpoints, Nobody::Refuse)
    }

    /// The endpoints of a version, ascending, and what becomes of connections without any.
    #[must_use]
    pub fn without(version: u64, endpoints: impl IntoIterator<Item = u32>, nobody: Nobody) -> Arc<Self> {
        let endpoints: Box<[u32]> = endpoints.into_iter().collect();
        debug_assert!(endpoints.is_sorted(), "a place is found by binary search");
        Arc::new(Self { version, endpoints, nobody })
    }

    /// Whether these are its endpoints.
    #[must_use]
    pub fn is(&self, endpoints: &[u32]) -> bool {
        *self.endpoints == *endpoints
    }

    /// All of them.
    #[must_use]
    pub const fn endpoints(&self) -> &[u32] {
        &self.endpoints
    }

    /// What becomes of connections while there are none.
    #[must_use]
    pub const fn nobody(&self) -> Nobody {
        self.nobody
    }

    /// What is different from an earlier version, as a balancer needs it that gets to know now; `number` is that
    /// of an endpoint among all that the Service ever had.
    #[must_use]
    pub fn changes_from(&self, before: &Self, now: SimTime, number: impl Fn(u32) -> u32) -> Changes {
        let place = |endpoint: &u32| self.place(*endpoint);
        let numbers = self.endpoints.iter().map(|endpoint| number(*endpoint)).collect();
        Changes { at: now, count: self.count(), moved: before.endpoints.iter().map(place).collect(), numbers }
    }

    /// Which version of the Service's endpoints this is.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many endpoints there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.endpoints.len() as u32
    }

    /// The endpoint at a place.
    #[must_use]
    #[inline]
    pub const fn endpoint(&self, place: u32) -> u32 {
        self.endpoints[place as usize]
    }

    /// Where an endpoint stands; `None` if it is not among them.
    #[must_use]
    pub fn place(&self, endpoint: u32) -> Option<u32> {
        self.endpoints.binary_search(&endpoint).ok().map(|place| place as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_endpoints_are_each_other_s_inverse() {
        let snapshot = Snapshot::new(3, [4, 5, 9]);
        assert_eq!((snapshot.version(), snapshot.count()), (3, 3));
        assert!((0..3).all(|place| snapshot.place(snapshot.endpoint(place)) == Some(place)));
        assert_eq!((snapshot.place(6), Snapshot::new(0, []).count()), (None, 0));
    }
}
