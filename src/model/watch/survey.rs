//! In which containers each request under way has spent its time: the ledger's queue and service columns, pod by pod.
//!
//! A request's account follows its ledger: what is wasted is forgotten, and of calls only the one that ended last enters
//! its caller's.

use crate::observe::survey::{Spent, Survey};

/// The accounts of all requests under way, by slot, and the surveys that they enter when they have succeeded.
#[derive(Debug)]
pub(super) struct Accounts {
    spent: Vec<Vec<(u32, Spent)>>,
    /// One a traffic.
    pub(super) surveys: Vec<Survey>,
}

impl Accounts {
    pub(super) fn new(traffics: usize, slowest: usize) -> Self {
        Self { spent: Vec::new(), surveys: vec![Survey::new(slowest); traffics] }
    }

    /// A request begins, or begins anew.
    pub(super) fn clear(&mut self, request: u32) {
        let slot = request as usize;
        if self.spent.len() <= slot {
            self.spent.resize_with(slot + 1, Vec::new);
        }
        self.spent[slot].clear();
    }

    /// A request spent time in a container.
    pub(super) fn add(&mut self, request: u32, station: u32, time: Spent) {
        let account = &mut self.spent[request as usize];
        match account.iter_mut().find(|(known, _)| *known == station) {
            Some((_, own)) => {
                own.waited += time.waited;
                own.served += time.served;
            }
            None => account.push((station, time)),
        }
    }

    /// The account of a call enters its caller's.
    pub(super) fn merge(&mut self, call: u32, caller: u32) {
        let account = std::mem::take(&mut self.spent[call as usize]);
        for (station, time) in &account {
            self.add(caller, *station, *time);
        }
        self.spent[call as usize] = account;
    }

    /// A measured request of a traffic has succeeded.
    pub(super) fn succeeded(&mut self, traffic: usize, request: u32, number: u64, latency: u64) {
        self.surveys[traffic].add(number, latency, &self.spent[request as usize]);
    }
}
