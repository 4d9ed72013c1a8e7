//! An idle endpoint if there is one, else any.
//!
//! Idle is an endpoint where this balancer has nothing outstanding; the choice is uniform among the idle, and among all
//! when none is idle. Source: Y. Lu, Q. Xie, G. Kliot, A. Geller, J. Larus and A. Greenberg, "Join-Idle-Queue:
//! A Novel Load Balancing Algorithm for Dynamically Scalable Web Services", Performance Evaluation 68 (2011), with one
//! dispatcher. With
//! several, an endpoint is idle to each of them that waits for no reply from it: no endpoint reports by itself.

use crate::random::Stream;

use super::parameter::Given;
use super::policy::{Policy, PolicyListed, State};
use super::sight::{Ended, Sight};

/// Any idle endpoint, else any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinIdleQueue;

impl Policy for JoinIdleQueue {
    const LISTED: PolicyListed = PolicyListed {
        name: "join-idle-queue",
        parameters: &[],
        information: "requests of this balancer without a reply yet, by endpoint",
        cost: "O(1), one draw",
        source: "Y. Lu et al., Join-Idle-Queue (2011), one dispatcher",
        summary: "uniform among the endpoints without outstanding requests; when there is none, among all",
    };

    type State = JoinIdleQueueState;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> JoinIdleQueueState {
        let mut state = JoinIdleQueueState { outstanding: Vec::new(), order: Vec::new(), ranks: Vec::new(), idle: 0 };
        state.resize(endpoints);
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Debug, Clone)]
pub(super) struct JoinIdleQueueState {
    outstanding: Vec<u32>,
    /// A permutation of the endpoints, the idle ones first.
    order: Vec<u32>,
    /// Where each endpoint stands in it.
    ranks: Vec<u32>,
    idle: u32,
}

impl JoinIdleQueueState {
    /// Puts an endpoint on a rank, and the one that was there where it was.
    fn swap(&mut self, endpoint: u32, rank: u32) {
        let (from, other) = (self.ranks[endpoint as usize], self.order[rank as usize]);
        self.order.swap(from as usize, rank as usize);
        (self.ranks[endpoint as usize], self.ranks[other as usize]) = (rank, from);
    }
}

impl State for JoinIdleQueueState {
    fn pick(&mut self, stream: &mut Stream, _sight: &impl Sight) -> Option<u32> {
        let endpoints = self.order.len() as u32;
        if endpoints == 0 {
            return None;
        }
        let endpoint = if self.idle > 0 {
            let endpoint = self.order[stream.below(self.idle) as usize];
            self.idle -= 1;
            self.swap(endpoint, self.idle);
            endpoint
        } else {
            stream.below(endpoints)
        };
        self.outstanding[endpoint as usize] += 1;
        Some(endpoint)
    }

    fn done(&mut self, endpoint: u32, _ended: Ended) {
        match self.outstanding.get_mut(endpoint as usize) {
            None | Some(0) => {}
            Some(outstanding) => {
                *outstanding -= 1;
                if *outstanding == 0 {
                    self.swap(endpoint, self.idle);
                    self.idle += 1;
                }
            }
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }

    fn resize(&mut self, endpoints: u32) {
        self.outstanding.resize(endpoints as usize, 0);
        self.order = (0..endpoints).collect();
        self.order.sort_by_key(|endpoint| self.outstanding[*endpoint as usize] > 0);
        self.ranks = vec![0; endpoints as usize];
        for (rank, endpoint) in (0..).zip(&self.order) {
            self.ranks[*endpoint as usize] = rank;
        }
        self.idle = self.outstanding.iter().filter(|outstanding| **outstanding == 0).count() as u32;
    }
}
