//! An idle endpoint if there is one, else any.
//!
//! A balancer that has its pods to itself knows who is idle: where it has nothing outstanding. The choice is uniform among
//! the idle, and among all when none is idle.
//!
//! Several balancers of the same pods each have a queue of pods that reported to be idle, and take the first one of it, or
//! any pod when it is empty. A pod that becomes idle, whoever sent it its last request, reports to one of them, chosen
//! uniformly; at the start all pods do. A pod to which another balancer sends at random meanwhile stays in the queue it is
//! in, and does not report again while it stands in one. Source: Y. Lu, Q. Xie, G. Kliot, A. Geller, J. Larus and
//! A. Greenberg, "Join-Idle-Queue: A Novel Load Balancing Algorithm for Dynamically Scalable Web Services", Performance
//! Evaluation 68 (2011), JIQ-Random.

use std::collections::VecDeque;

use crate::random::Stream;

use super::parameter::Given;
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};

/// Any idle endpoint, else any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinIdleQueue;

impl Policy for JoinIdleQueue {
    const LISTED: PolicyListed = PolicyListed {
        name: "join-idle-queue",
        parameters: &[],
        information: "requests of this balancer without a reply yet, by endpoint; \
                      of several balancers which pods reported to this one when they became idle",
        cost: "O(1), one draw; no draw where a queue is not empty",
        source: "Y. Lu et al., Join-Idle-Queue (2011), JIQ-Random",
        summary: "uniform among the endpoints without outstanding requests; of several balancers each takes the first of \
                  the idle pods that reported to it; when there is none, uniform among all",
    };

    type State = Box<JoinIdleQueueState>;

    fn read(_given: &mut Given) -> Self {
        Self
    }

    fn asks(&self) -> Asks {
        Asks { idle: true, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> Box<JoinIdleQueueState> {
        let mut state = JoinIdleQueueState {
            outstanding: Vec::new(),
            order: Vec::new(),
            ranks: Vec::new(),
            idle: 0,
            reported: IdleQueue::default(),
        };
        state.resize(endpoints);
        Box::new(state)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self]
    }
}

/// The pods that reported to a balancer that they are idle, in the order of their reports.
#[derive(Debug, Clone, Default)]
pub struct IdleQueue {
    /// Whether pods report at all: not to a balancer that has them to itself.
    open: bool,
    queue: VecDeque<u32>,
    /// Which endpoints stand in it.
    queued: Vec<bool>,
}

impl IdleQueue {
    /// From now on the balancer goes by reports, of which it has none yet.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// The pod at a place reports that it is idle.
    pub fn report(&mut self, place: u32) {
        if !std::mem::replace(&mut self.queued[place as usize], true) {
            self.queue.push_back(place);
        }
    }

    /// Whether the pod at a place stands in the queue.
    #[must_use]
    pub fn holds(&self, place: u32) -> bool {
        self.queued.get(place as usize).is_some_and(|queued| *queued)
    }

    /// The first one leaves the queue.
    fn take(&mut self) -> Option<u32> {
        let place = self.queue.pop_front()?;
        self.queued[place as usize] = false;
        Some(place)
    }

    fn resize(&mut self, endpoints: u32) {
        self.queue.retain(|place| *place < endpoints);
        self.queued.resize(endpoints as usize, false);
    }

    fn follow(&mut self, changes: &Changes) {
        let moved = |place: u32| changes.moved.get(place as usize).copied().flatten();
        self.queue = self.queue.iter().filter_map(|place| moved(*place)).collect();
        self.queued = changes.apply(&self.queued, false);
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
    /// What it goes by where it is one of several.
    reported: IdleQueue,
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
        let endpoint = if self.reported.open {
            self.reported.take().unwrap_or_else(|| stream.below(endpoints))
        } else if self.idle > 0 {
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
                if *outstanding == 0 && !self.reported.open {
                    self.swap(endpoint, self.idle);
                    self.idle += 1;
                }
            }
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }

    fn idle_queue(&mut self) -> Option<&mut IdleQueue> {
        Some(&mut self.reported)
    }

    fn resize(&mut self, endpoints: u32) {
        self.reported.resize(endpoints);
        self.outstanding.resize(endpoints as usize, 0);
        self.line_up();
    }

    fn follow(&mut self, changes: &Changes) {
        self.reported.follow(changes);
        self.outstanding = changes.apply(&self.outstanding, 0);
        self.line_up();
    }
}

impl JoinIdleQueueState {
    fn line_up(&mut self) {
        let endpoints = self.outstanding.len() as u32;
        self.order = (0..endpoints).collect();
        self.order.sort_by_key(|endpoint| self.outstanding[*endpoint as usize] > 0);
        self.ranks = vec![0; endpoints as usize];
        for (rank, endpoint) in (0..).zip(&self.order) {
            self.ranks[*endpoint as usize] = rank;
        }
        self.idle = self.outstanding.iter().filter(|outstanding| **outstanding == 0).count() as u32;
    }
}
