//! Slow start: an endpoint that is new to a balancer begins with a part of its weight.
//!
//! Its weight counts times max(`min_weight`, (age / window)^(1 / aggression)) until its age, the time for which the
//! balancer has known it, is the window. Envoy reckons in milliseconds, of which the first counts whole. Source: Envoy,
//! `load_balancer_impl.cc` (`applySlowStartFactor`) and its documentation of slow start.

use super::policy::Changes;
use crate::time::{SimDuration, SimTime};

/// How endpoints that are new begin with a part of their weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowStart {
    /// How long an endpoint is new.
    pub window: SimDuration,
    /// 1: the weight grows in proportion to the age; more: faster at first; less: slower.
    pub aggression: f64,
    /// The least part of its weight, from 0 to 1.
    pub min_weight: f64,
}

impl SlowStart {
    /// Envoy's defaults with a window of a minute, for tests.
    #[cfg(test)]
    pub(super) const fn example() -> Self {
        Self { window: SimDuration::from_secs(60), aggression: 1.0, min_weight: 0.1 }
    }

    /// The part of its weight that an endpoint has at an age.
    #[must_use]
    pub fn factor(&self, age: SimDuration) -> f64 {
        if age >= self.window {
            return 1.0;
        }
        let time = age.max(SimDuration::from_millis(1)).as_secs_f64() / self.window.as_secs_f64();
        libm::pow(time, 1.0 / self.aggression).clamp(self.min_weight, 1.0)
    }
}

/// Since when a balancer knows each of its endpoints.
#[derive(Debug, Clone)]
pub(super) struct Ages {
    slow_start: SlowStart,
    /// `None`: since before the run.
    since: Vec<Option<SimTime>>,
}

impl Ages {
    /// No endpoints yet.
    pub(super) const fn new(slow_start: SlowStart) -> Self {
        Self { slow_start, since: Vec::new() }
    }

    /// The part of its weight that an endpoint has now.
    pub(super) fn factor(&self, endpoint: u32, now: SimTime) -> f64 {
        self.since[endpoint as usize].map_or(1.0, |since| self.slow_start.factor(now - since))
    }

    /// So many endpoints, new ones known from before the run on.
    pub(super) fn resize(&mut self, endpoints: u32) {
        self.since.resize(endpoints as usize, None);
    }

    /// The endpoints change now.
    pub(super) fn follow(&mut self, changes: &Changes) {
        self.since = changes.apply(&self.since, Some(changes.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_grow_until_the_window_is_over() {
        let of = |aggression, age| {
            let slow_start = SlowStart { aggression, ..SlowStart::example() };
            slow_start.factor(SimDuration::from_millis(age))
        };
        assert_eq!([0, 1, 6_000, 30_000, 59_999].map(|age| of(1.0, age)), [0.1, 0.1, 0.1, 0.5, 59_999.0 / 60_000.0]);
        assert_eq!([60_000, 100_000].map(|age| of(1.0, age)), [1.0, 1.0]);
        assert!((of(2.0, 15_000) - 0.5).abs() < 1e-15 && (of(0.5, 30_000) - 0.25).abs() < 1e-15);
        // The first millisecond counts whole, however short the window is.
        let short = SlowStart { window: SimDuration::from_nanos(100_000), aggression: 1.0, min_weight: 0.0 };
        assert_eq!(short.factor(SimDuration::ZERO), 1.0);
        let least = SlowStart { window: SimDuration::from_millis(8), aggression: 1.0, min_weight: 0.0 };
        assert_eq!(least.factor(SimDuration::ZERO), 0.125);
    }
}
