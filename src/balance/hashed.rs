//! Balancers that hash the client and look the hash up in a table, which all of the same policy share.

use std::fmt::Debug;
use std::sync::Arc;

use crate::random::Stream;

use super::bounded::Bounded;
use super::hash::of_client;
use super::policy::{Changes, State};
use super::sight::{Ended, Sight};
use super::weights::Weights;

/// A policy that looks hashes up in a table made of its parameters and the number of endpoints.
pub(super) trait Hashing: Debug + Clone + PartialEq {
    /// What hashes are looked up in.
    type Table: Debug + Clone;

    /// The table of endpoints with these numbers, of which hashes are made.
    fn lay(&self, numbers: &[u32]) -> Self::Table;

    /// How much each endpoint gets.
    fn weights(&self) -> &Weights;

    /// Bounds with nothing outstanding, if endpoints are bounded.
    fn bounds(&self) -> Option<Bounded>;

    /// The endpoint of a hash; `None` where there are none.
    fn look_up(table: &Self::Table, hash: u64) -> Option<u32>;

    /// The endpoint of a hash where the one that was looked up may be full.
    fn within(_table: &Self::Table, bounded: &Bounded, looked_up: u32, hash: u64) -> u32 {
        bounded.or_another(looked_up, hash)
    }
}

#[derive(Debug, Clone)]
pub(super) struct HashedState<P: Hashing> {
    policy: P,
    bounded: Option<Bounded>,
    numbers: Vec<u32>,
    table: Arc<P::Table>,
}

impl<P: Hashing> HashedState<P> {
    /// A balancer over so many endpoints, with the table of another one if that has the same.
    pub(super) fn beside(policy: &P, other: Option<&Self>, endpoints: u32) -> Box<Self> {
        let numbers: Vec<u32> = (0..endpoints).collect();
        let same = other.filter(|other| other.numbers == numbers && other.policy == *policy);
        let table = same.map_or_else(|| Arc::new(policy.lay(&numbers)), |other| Arc::clone(&other.table));
        let mut bounded = policy.bounds();
        if let Some(bounded) = &mut bounded {
            bounded.resize(policy.weights().of(endpoints));
        }
        Box::new(Self { policy: policy.clone(), bounded, numbers, table })
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &Arc<P::Table> {
        &self.table
    }
}

impl<P: Hashing> State for HashedState<P> {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let hash = of_client(sight.client());
        let looked_up = P::look_up(&self.table, hash)?;
        let Some(bounded) = &mut self.bounded else { return Some(looked_up) };
        let endpoint = P::within(&self.table, bounded, looked_up, hash);
        bounded.picked(endpoint);
        Some(endpoint)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        if let Some(bounded) = &mut self.bounded {
            bounded.done(endpoint);
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.bounded.as_ref().map_or(0, |bounded| bounded.outstanding(endpoint))
    }

    fn report(&mut self, sight: &impl Sight) {
        if let Some(bounded) = &mut self.bounded {
            bounded.report(sight);
        }
    }

    fn resize(&mut self, endpoints: u32) {
        if self.numbers.iter().copied().eq(0..endpoints) {
            return;
        }
        self.numbers = (0..endpoints).collect();
        self.table = Arc::new(self.policy.lay(&self.numbers));
        if let Some(bounded) = &mut self.bounded {
            bounded.resize(self.policy.weights().of(endpoints));
        }
    }

    fn follow(&mut self, changes: &Changes) {
        self.numbers.clone_from(&changes.numbers);
        self.table = Arc::new(self.policy.lay(&self.numbers));
        if let Some(bounded) = &mut self.bounded {
            bounded.follow(self.policy.weights().following(changes), changes);
        }
    }
}
