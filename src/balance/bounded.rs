//! Bounded loads: a hashing balancer passes over endpoints that have too much.
//!
//! With A requests outstanding in all and a factor of f %, an endpoint of weight w may have
//! ⌈(A + 1) · f/100 · w/Σw⌉, at least 1. Sources: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with
//! Bounded Loads" (2018); Envoy, `thread_aware_lb_impl.cc`, `hash_balance_factor`; HAProxy, `hash-balance-factor`.

use super::parameter::{Form, Parameter};
use crate::random::{Keyed, mix};

/// `balanceFactor`, of policies that can bound loads.
pub(super) const BALANCE_FACTOR: Parameter = Parameter {
    key: "balanceFactor",
    form: Form::CountOr(100, 100_000, "none"),
    default: "none",
    doc: "most that an endpoint may have outstanding, in percent of its share",
};

/// Where a request goes whose endpoint is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// To the others in a random order that belongs to the hash (Envoy). An endpoint is full when it has more than its
    /// bound, so it may reach one more.
    Random,
    /// To the next on the ring (HAProxy, and the paper). An endpoint is full when it has its bound.
    Clockwise,
}

/// Outstanding requests and their bounds.
#[derive(Debug, Clone)]
pub(super) struct Bounded {
    /// In percent.
    factor: u64,
    overflow: Overflow,
    weights: Vec<u32>,
    /// Sum of the weights.
    weight: u64,
    outstanding: Vec<u32>,
    total: u64,
}

impl Bounded {
    pub(super) fn new(factor: u32, overflow: Overflow) -> Self {
        Self { factor: u64::from(factor), overflow, weights: Vec::new(), weight: 0, outstanding: Vec::new(), total: 0 }
    }

    pub(super) const fn overflow(&self) -> Overflow {
        self.overflow
    }

    pub(super) fn resize(&mut self, weights: Vec<u32>) {
        self.outstanding.resize(weights.len(), 0);
        self.total = self.outstanding.iter().map(|outstanding| u64::from(*outstanding)).sum();
        self.weight = weights.iter().map(|weight| u64::from(*weight)).sum();
        self.weights = weights;
    }

    fn bound(&self, endpoint: u32) -> u64 {
        let weight = u64::from(self.weights[endpoint as usize]);
        let share = match self.overflow {
            // Envoy rounds the sum of all bounds before it shares it out.
            Overflow::Random => (((self.total + 1) * self.factor).div_ceil(100) * weight).div_ceil(self.weight),
            Overflow::Clockwise => ((self.total + 1) * self.factor * weight).div_ceil(100 * self.weight),
        };
        share.max(1)
    }

    pub(super) fn is_full(&self, endpoint: u32) -> bool {
        let outstanding = u64::from(self.outstanding[endpoint as usize]);
        match self.overflow {
            Overflow::Random => outstanding > self.bound(endpoint),
            Overflow::Clockwise => outstanding >= self.bound(endpoint),
        }
    }

    /// The hashed endpoint; if it is full, the first of the others in the order that belongs to the hash that is not,
    /// and if all are, the one that exceeds its bound by the smallest factor.
    pub(super) fn or_another(&self, hashed: u32, hash: u64) -> u32 {
        if !self.is_full(hashed) {
            return hashed;
        }
        let mut others: Vec<u32> = (0..self.weights.len() as u32)
            .filter(|other| *other != hashed && self.weights[*other as usize] > 0)
            .collect();
        let mut order = Keyed::new(mix(hash, 0));
        for at in 0..others.len() {
            let from = at + order.below((others.len() - at) as u32) as usize;
            others.swap(at, from);
            if !self.is_full(others[at]) {
                return others[at];
            }
        }
        let load = |endpoint: &u32| f64::from(self.outstanding[*endpoint as usize]) / self.bound(*endpoint) as f64;
        std::iter::once(hashed).chain(others).min_by(|a, b| load(a).total_cmp(&load(b))).unwrap_or(hashed)
    }

    pub(super) fn picked(&mut self, endpoint: u32) {
        self.outstanding[endpoint as usize] += 1;
        self.total += 1;
    }

    pub(super) fn done(&mut self, endpoint: u32) {
        if let Some(outstanding) = self.outstanding.get_mut(endpoint as usize)
            && *outstanding > 0
        {
            *outstanding -= 1;
            self.total -= 1;
        }
    }

    pub(super) fn outstanding(&self, endpoint: u32) -> u32 {
        self.outstanding.get(endpoint as usize).copied().unwrap_or(0)
    }
}
