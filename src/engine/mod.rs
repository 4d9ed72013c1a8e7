//! The kernel: a clock, what pends, and the loop that hands one event after the other to a model.
//!
//! A [`Model`] names its events by a [`Kind`] and a slot of its own tables; the [`Schedule`] keeps them in one total
//! order: time, then [`Rank`], then order of scheduling. Nothing here knows what is simulated.
//!
//! Where to put an event:
//!
//! | it | goes to |
//! | --- | --- |
//! | always happens once scheduled | [`Schedule::at`], [`Schedule::after`] |
//! | is the next of an endless stream, one at a time | [`Schedule::add_stream`], [`Schedule::set_stream`] |
//! | is a timer of a constant delay, usually cancelled | [`Schedule::add_lane`], [`Schedule::start`], [`Schedule::cancel`] |
//! | is a timer that moves | [`Schedule::new_timer`], [`Schedule::set_timer`], [`Schedule::clear_timer`] |
//!
//! An M/M/1 queue at load 0.7, whose mean number in the system is 0.7 / (1 − 0.7):
//!
//! ```
//! # use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
//! # use rand_distr::Exp1;
//! # use windtunnel::engine::{Event, Kind, Model, Rank, Schedule, StreamId, run};
//! # use windtunnel::time::{SimDuration, SimTime};
//! struct Queue { rng: Xoshiro256PlusPlus, arrivals: StreamId, jobs: u64, area: f64, since: SimTime }
//!
//! impl Model for Queue {
//!     fn handle(&mut self, event: Event, schedule: &mut Schedule) {
//!         let mut draw = |mean| SimDuration::from_secs_f64(mean * self.rng.sample::<f64, _>(Exp1)).unwrap();
//!         self.area += self.jobs as f64 * event.time().since(self.since).as_secs_f64();
//!         self.since = event.time();
//!         let arrived = event.kind() == Kind(0);
//!         self.jobs = if arrived { self.jobs + 1 } else { self.jobs - 1 };
//!         if arrived {
//!             schedule.set_stream(self.arrivals, event.time() + draw(1.0 / 0.7), Rank::Arrival);
//!         }
//!         if self.jobs == 1 || !arrived && self.jobs > 0 {
//!             schedule.after(draw(1.0), Rank::Completion, Kind(1), 0);
//!         }
//!     }
//! }
//! let mut schedule = Schedule::new();
//! let (rng, arrivals) = (Xoshiro256PlusPlus::seed_from_u64(1), schedule.add_stream(Kind(0), 0));
//! schedule.set_stream(arrivals, SimTime::ZERO, Rank::Arrival);
//! let mut queue = Queue { rng, arrivals, jobs: 0, area: 0.0, since: SimTime::ZERO };
//! run(&mut queue, &mut schedule, |_, time| time > SimTime::ZERO + SimDuration::from_secs(500_000));
//! let mean = queue.area / queue.since.as_secs_f64();
//! assert!((mean - 0.7 / 0.3).abs() < 0.1, "{mean}");
//! ```

mod event;
mod heap;
mod lane;
mod list;
mod radix;
mod schedule;
mod sources;
mod timers;
mod tournament;

pub use event::{EMPTY, Event, KINDS, Kind, Rank, SLOTS};
pub use heap::Heap;
pub use radix::Radix;
pub use schedule::{LaneId, LaneTicket, Schedule, StreamId, TimerId};
pub use tournament::Tournament;

use crate::time::SimTime;

/// What is simulated.
pub trait Model {
    /// Lets one event happen; whatever follows from it later goes into the schedule.
    fn handle(&mut self, event: Event, schedule: &mut Schedule);
}

/// Hands events to the model until nothing pends, until `until` says so for the time of the next one (which then stays
/// pending), or until the schedule ends the run ([`Schedule::stuck`], [`Schedule::overflow`]).
#[inline]
pub fn run<M: Model>(model: &mut M, schedule: &mut Schedule, mut until: impl FnMut(&M, SimTime) -> bool) {
    loop {
        let front = schedule.front();
        let Some(time) = front.time() else { return };
        if until(model, time) {
            return;
        }
        let Some(event) = schedule.take(front) else { return };
        model.handle(event, schedule);
    }
}
