//! How many requests each endpoint has, as far as a balancer knows: what it counts itself, or what pods reported last.
//!
//! Own counts rise with a pick and fall with a reply. Reports count all requests waiting and in service in a pod, whoever
//! sent them; between two of them nothing changes, and who has not reported yet counts as empty.

use crate::time::SimDuration;

use super::policy::Changes;
use super::sight::Sight;

/// Requests by endpoint.
#[derive(Debug, Clone)]
pub(super) struct Loads {
    of: Vec<u32>,
    total: u64,
    reported: bool,
}

impl Loads {
    /// Of no endpoint yet; with `staleness` those that pods report.
    pub(super) const fn new(staleness: Option<SimDuration>) -> Self {
        Self { of: Vec::new(), total: 0, reported: staleness.is_some() }
    }

    #[inline(always)]
    pub(super) fn of(&self, endpoint: u32) -> u32 {
        self.of[endpoint as usize]
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    #[inline(always)]
    pub(super) fn picked(&mut self, endpoint: u32) {
        if !self.reported {
            self.of[endpoint as usize] += 1;
            self.total += 1;
        }
    }

    #[inline(always)]
    pub(super) fn done(&mut self, endpoint: u32) {
        if !self.reported
            && let Some(load @ 1..) = self.of.get_mut(endpoint as usize)
        {
            *load -= 1;
            self.total -= 1;
        }
    }

    /// Those of the balancer itself: none where it does not count.
    pub(super) fn own(&self, endpoint: u32) -> u32 {
        if self.reported { 0 } else { self.of.get(endpoint as usize).copied().unwrap_or(0) }
    }

    pub(super) fn report(&mut self, sight: &impl Sight) {
        if self.reported {
            (0..).zip(&mut self.of).for_each(|(place, load)| *load = sight.jobs(place));
            self.add_up();
        }
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        self.of.resize(endpoints as usize, 0);
        self.add_up();
    }

    pub(super) fn follow(&mut self, changes: &Changes) {
        self.of = changes.apply(&self.of, 0);
        self.add_up();
    }

    fn add_up(&mut self) {
        self.total = self.of.iter().map(|load| u64::from(*load)).sum();
    }

    /// Known to be so many.
    #[cfg(test)]
    pub(super) fn set(&mut self, loads: &[u32]) {
        self.of = loads.to_vec();
        self.add_up();
    }
}
