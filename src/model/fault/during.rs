//! When a fault is there.

use crate::scenario::fault::Fault;
use crate::time::SimTime;

/// From a time on and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct During {
    from: u64,
    to: u64,
}

impl During {
    pub(super) fn of(fault: &Fault) -> Self {
        Self { from: fault.from.as_nanos(), to: fault.to.map_or(u64::MAX, |to| to.as_nanos()) }
    }

    #[inline]
    pub(super) const fn has(self, at: SimTime) -> bool {
        self.from <= at.as_nanos() && at.as_nanos() < self.to
    }

    /// When it begins.
    pub(super) const fn from(self) -> SimTime {
        SimTime::from_nanos(self.from)
    }
}
