//! The EndpointSlice controller's queue of Services: who is looked at next, and when a failed write is tried again.
//!
//! A Service stands in the queue once, however many of its pods change; what changes while it is being looked at brings
//! it in once more. So many are looked at at the same time; a write that fails, because the controller has not yet seen its
//! own last one, is tried again after a second, then two, then four. Source: Kubernetes,
//! `pkg/controller/endpointslice/endpointslice_controller.go`, and `client-go`'s work queue.

use std::collections::VecDeque;

use crate::time::SimDuration;

/// How many Services are looked at at the same time (`--concurrent-service-endpoint-syncs`).
const WORKERS: u32 = 5;
/// The first wait before another try.
const FIRST_WAIT: SimDuration = SimDuration::from_secs(1);
/// The longest.
const LONGEST_WAIT: SimDuration = SimDuration::from_secs(1_000);
/// How many tries follow a failed one before the controller waits for the next change.
const MOST_TRIES: u32 = 15;

/// Where a Service is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Whether it changed since somebody began to look at it.
    changed: bool,
    /// Whether somebody looks at it.
    at_work: bool,
    /// Failures in a row.
    failures: u32,
}

/// The queue.
#[derive(Debug)]
pub struct SliceQueue {
    places: Vec<Place>,
    waiting: VecDeque<u32>,
    idle: u32,
}

impl SliceQueue {
    /// An empty queue for so many Services.
    #[must_use]
    pub fn new(services: usize) -> Self {
        Self { places: vec![Place::default(); services], waiting: VecDeque::new(), idle: WORKERS }
    }

    /// A Service is to be looked at.
    pub fn add(&mut self, service: u32) {
        let place = &mut self.places[service as usize];
        if !std::mem::replace(&mut place.changed, true) && !place.at_work {
            self.waiting.push_back(service);
        }
    }

    /// The next Service that somebody begins to look at.
    #[must_use]
    pub fn begin(&mut self) -> Option<u32> {
        if self.idle == 0 {
            return None;
        }
        let service = self.waiting.pop_front()?;
        self.idle -= 1;
        let place = &mut self.places[service as usize];
        (place.changed, place.at_work) = (false, true);
        Some(service)
    }

    /// Somebody has done with a Service; if that failed, how long until it is [added](Self::add) again.
    pub fn end(&mut self, service: u32, failed: bool) -> Option<SimDuration> {
        self.idle += 1;
        let place = &mut self.places[service as usize];
        place.at_work = false;
        if place.changed {
            self.waiting.push_back(service);
        }
        if !failed {
            place.failures = 0;
            return None;
        }
        place.failures += 1;
        if place.failures > MOST_TRIES {
            place.failures = 0;
            return None;
        }
        let nanos = FIRST_WAIT.as_nanos() << (place.failures - 1);
        Some(SimDuration::from_nanos(nanos).min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_changes_while_somebody_looks_are_one_more_look() {
        let mut queue = SliceQueue::new(1);
        queue.add(0);
        assert_eq!(queue.begin(), Some(0));
        (0..100).for_each(|_| queue.add(0));
        assert_eq!(queue.begin(), None, "nobody looks at a Service twice at the same time");
        assert_eq!(queue.end(0, false), None);
        assert_eq!((queue.begin(), queue.begin()), (Some(0), None));
        assert_eq!(queue.end(0, false), None);
        assert_eq!(queue.begin(), None);
    }

    #[test]
    fn five_are_looked_at_at_a_time_in_the_order_in_which_they_changed() {
        let mut queue = SliceQueue::new(7);
        [6, 5, 4, 3, 2, 1, 0, 6].into_iter().for_each(|service| queue.add(service));
        let begun: Vec<Option<u32>> = (0..6).map(|_| queue.begin()).collect();
        assert_eq!(begun, [Some(6), Some(5), Some(4), Some(3), Some(2), None]);
        queue.end(4, false);
        assert_eq!((queue.begin(), queue.begin()), (Some(1), None));
    }

    #[test]
    fn failures_wait_twice_as_long_each_time() {
        let mut queue = SliceQueue::new(1);
        let mut fail = |failed| {
            queue.add(0);
            queue.begin().expect("it was added");
            queue.end(0, failed).map(|wait| wait.as_secs_f64())
        };
        assert_eq!([fail(true), fail(true), fail(true)], [Some(1.0), Some(2.0), Some(4.0)]);
        assert_eq!([fail(false), fail(true)], [None, Some(1.0)]);
        let waits: Vec<Option<f64>> = (0..16).map(|_| fail(true)).collect();
        assert_eq!((waits[8], waits[9], waits[13]), (Some(512.0), Some(1_000.0), Some(1_000.0)));
        assert_eq!((waits[14], waits[15]), (None, Some(1.0)), "after fifteen it waits for the next change");
    }
}
