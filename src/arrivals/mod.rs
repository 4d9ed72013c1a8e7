//! When requests come: one file a process.
//!
//! A [`Spec`] says what a scenario asked for; [`Spec::build`] turns it into a [`Process`] that draws from a stream of
//! its own, so that nothing else in the run can shift an arrival. Times never decrease; `None` means that no arrival
//! is left. Gaps shorter than a nanosecond do not get lost: the part of a nanosecond that the clock cannot hold is
//! carried over to the next arrival.

mod batches;
mod clock;
mod closed;
mod constant;
mod day;
mod list;
mod mmpp;
mod poisson;
mod profile;
mod renewal;
mod trace;

#[cfg(test)]
mod tests;

pub use list::ARRIVALS;
pub(crate) use trace::csv_problem;
pub use trace::{Trace, TraceColumns};

use crate::random::check::positive;
use crate::random::{Dist, Stream};
use crate::time::{SimDuration, SimTime};
use std::sync::Arc;

/// An arrival process as a scenario names it; all rates are per second.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// Independent arrivals at a constant rate.
    Poisson {
        /// Arrivals a second.
        rate: f64,
    },
    /// Equal gaps, the first arrival at time 0.
    Constant {
        /// Arrivals a second.
        rate: f64,
    },
    /// Independent gaps of one distribution, the first of them before the first arrival.
    Renewal {
        /// The gap between two arrivals.
        interval: Dist,
    },
    /// Poisson arrivals whose rate is piecewise linear in time.
    Profile {
        /// Times, never falling, and the rate at each; before the first and after the last the rate stays the same.
        points: Vec<(SimDuration, f64)>,
    },
    /// Poisson arrivals whose rate follows a sine: mean · (1 + amplitude · sin(2π t / period)).
    Day {
        /// Arrivals a second, over a whole period.
        mean: f64,
        /// How far the rate swings, as a share of the mean: 0 to 1.
        amplitude: f64,
        /// The length of a swing.
        period: SimDuration,
    },
    /// Poisson arrivals whose rate jumps between states, visited in a cycle (Markov-modulated).
    Mmpp {
        /// Arrivals a second in each state; a rate may be 0.
        rates: Vec<f64>,
        /// Mean of the exponential stay in each state, in seconds.
        dwell: Vec<f64>,
    },
    /// Batches at Poisson times.
    Batches {
        /// Batches a second.
        rate: f64,
        /// Arrivals in a batch, rounded to a whole number; 0 is allowed.
        size: Dist,
    },
    /// Batches with independent gaps, the first of them before the first batch.
    SpacedBatches {
        /// The gap between two batches.
        interval: Dist,
        /// Arrivals in a batch, as of [`Spec::Batches`].
        size: Dist,
    },
    /// Recorded arrivals.
    Trace(Arc<Trace>),
    /// A fixed number of users who send, wait for the answer, think and send again; the model drives them.
    Closed {
        /// How many users.
        users: u32,
        /// The pause between an answer and the user's next request.
        think: Dist,
    },
}

/// A running arrival process: an iterator over arrival times, which never decrease.
#[derive(Debug, Clone)]
pub struct Process {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Poisson(poisson::Poisson),
    Constant(constant::Constant),
    Renewal(renewal::Renewal),
    Profile(profile::Profile),
    Day(day::Day),
    Mmpp(mmpp::Mmpp),
    Batches(batches::Batches),
    Trace(trace::Replay),
    Nothing,
}

impl Spec {
    /// Poisson arrivals at `rate` a second.
    ///
    /// # Errors
    /// A rate that is not above 0.
    pub fn poisson(rate: f64) -> Result<Self, String> {
        Self::Poisson { rate }.checked()
    }

    /// Equally spaced arrivals at `rate` a second.
    ///
    /// # Errors
    /// A rate that is not above 0.
    pub fn constant(rate: f64) -> Result<Self, String> {
        Self::Constant { rate }.checked()
    }

    /// Arrivals with independent gaps.
    ///
    /// # Errors
    /// A gap that is always 0.
    pub fn renewal(interval: Dist) -> Result<Self, String> {
        Self::Renewal { interval }.checked()
    }

    /// Poisson arrivals at a piecewise linear rate.
    ///
    /// # Errors
    /// No points, times that fall, negative rates.
    pub fn profile(points: Vec<(SimDuration, f64)>) -> Result<Self, String> {
        Self::Profile { points }.checked()
    }

    /// Poisson arrivals at a rate that follows a sine.
    ///
    /// # Errors
    /// A mean or period that is not above 0, an amplitude outside 0 to 1.
    pub fn day(mean: f64, amplitude: f64, period: SimDuration) -> Result<Self, String> {
        Self::Day { mean, amplitude, period }.checked()
    }

    /// Poisson arrivals at a rate that jumps.
    ///
    /// # Errors
    /// Lists of different length, negative rates or none above 0, stays that are not above 0.
    pub fn mmpp(rates: Vec<f64>, dwell: Vec<f64>) -> Result<Self, String> {
        Self::Mmpp { rates, dwell }.checked()
    }

    /// Batches at Poisson times.
    ///
    /// # Errors
    /// A rate that is not above 0, a size that is always 0.
    pub fn batches(rate: f64, size: Dist) -> Result<Self, String> {
        Self::Batches { rate, size }.checked()
    }

    /// Batches with independent gaps.
    ///
    /// # Errors
    /// A gap or a size that is always 0.
    pub fn spaced_batches(interval: Dist, size: Dist) -> Result<Self, String> {
        Self::SpacedBatches { interval, size }.checked()
    }

    /// Recorded arrivals.
    #[must_use]
    pub const fn trace(trace: Arc<Trace>) -> Self {
        Self::Trace(trace)
    }

    /// A closed loop of users.
    ///
    /// # Errors
    /// No users.
    pub fn closed(users: u32, think: Dist) -> Result<Self, String> {
        Self::Closed { users, think }.checked()
    }

    /// What is wrong with the parameters, if anything is.
    ///
    /// # Errors
    /// Says it in words.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Poisson { rate } => positive("poisson", "rate", *rate).map(drop),
            Self::Constant { rate } => positive("constant", "rate", *rate).map(drop),
            Self::Renewal { interval } => renewal::check("renewal", interval),
            Self::Profile { points } => profile::check(points),
            Self::Day { mean, amplitude, period } => day::check(*mean, *amplitude, *period),
            Self::Mmpp { rates, dwell } => mmpp::check(rates, dwell),
            Self::Batches { rate, size } => batches::check(*rate, size),
            Self::SpacedBatches { interval, size } => batches::check_spaced(interval, size),
            Self::Trace(_) => Ok(()),
            Self::Closed { users, .. } => closed::check(*users),
        }
    }

    fn checked(self) -> Result<Self, String> {
        self.check().map(|()| self)
    }

    /// The word in scenarios.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Poisson { .. } => "poisson",
            Self::Constant { .. } => "constant",
            Self::Renewal { .. } => "renewal",
            Self::Profile { .. } => "profile",
            Self::Day { .. } => "day",
            Self::Mmpp { .. } => "mmpp",
            Self::Batches { .. } | Self::SpacedBatches { .. } => "batches",
            Self::Trace(_) => "trace",
            Self::Closed { .. } => "closed",
        }
    }

    /// Arrivals a second: in the long run, over the listed points of a profile, over the length of a trace.
    ///
    /// `None` for a closed loop, whose rate the answers decide, and for a trace without length.
    #[must_use]
    pub fn mean_rate(&self) -> Option<f64> {
        match self {
            Self::Poisson { rate } | Self::Constant { rate } => Some(*rate),
            Self::Renewal { interval } => Some(1.0 / interval.mean()),
            Self::Profile { points } => Some(profile::mean_rate(points)),
            Self::Day { mean, .. } => Some(*mean),
            Self::Mmpp { rates, dwell } => Some(mmpp::mean_rate(rates, dwell)),
            Self::Batches { rate, size } => Some(rate * size.mean()),
            Self::SpacedBatches { interval, size } => Some(size.mean() / interval.mean()),
            Self::Trace(trace) => trace.mean_rate(),
            Self::Closed { .. } => None,
        }
    }

    /// Starts the process on a stream of its own; a closed loop gives no arrivals here.
    #[must_use]
    pub fn build(&self, stream: Stream) -> Process {
        let kind = match self {
            Self::Poisson { rate } => Kind::Poisson(poisson::Poisson::new(*rate, stream)),
            Self::Constant { rate } => Kind::Constant(constant::Constant::new(*rate)),
            Self::Renewal { interval } => Kind::Renewal(renewal::Renewal::new(interval.clone(), stream)),
            Self::Profile { points } => Kind::Profile(profile::Profile::new(points, stream)),
            Self::Day { mean, amplitude, period } => Kind::Day(day::Day::new(*mean, *amplitude, *period, stream)),
            Self::Mmpp { rates, dwell } => Kind::Mmpp(mmpp::Mmpp::new(rates, dwell, stream)),
            Self::Batches { rate, size } => Kind::Batches(batches::Batches::new(*rate, size.clone(), stream)),
            Self::SpacedBatches { interval, size } => {
                Kind::Batches(batches::Batches::spaced(interval.clone(), size.clone(), stream))
            }
            Self::Trace(trace) => Kind::Trace(trace::Replay::new(Arc::clone(trace))),
            Self::Closed { .. } => Kind::Nothing,
        };
        Process { kind }
    }
}

impl Iterator for Process {
    type Item = SimTime;

    #[inline]
    fn next(&mut self) -> Option<SimTime> {
        match &mut self.kind {
            Kind::Poisson(process) => process.next(),
            _ => self.next_of_others(),
        }
    }
}

impl Process {
    /// Kept out of the way of the commonest process.
    #[inline(never)]
    fn next_of_others(&mut self) -> Option<SimTime> {
        match &mut self.kind {
            Kind::Poisson(process) => process.next(),
            Kind::Constant(process) => process.next(),
            Kind::Renewal(process) => process.next(),
            Kind::Profile(process) => process.next(),
            Kind::Day(process) => process.next(),
            Kind::Mmpp(process) => process.next(),
            Kind::Batches(process) => process.next(),
            Kind::Trace(process) => process.next(),
            Kind::Nothing => None,
        }
    }
}
