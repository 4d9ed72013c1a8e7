//! Poisson arrivals at a rate that follows a sine.

use super::clock::Clock;
use crate::random::Stream;
use crate::random::check::{positive, probability};
use crate::time::{NANOS_PER_SEC, SimDuration, SimTime};
use rand_distr::{Distribution, Exp1};
use std::f64::consts::TAU;

/// Thinning (Lewis and Shedler, Naval Research Logistics 26, 1979): arrivals at the highest rate, each kept with the
/// ratio of the present rate to the highest.
#[derive(Debug, Clone)]
pub(super) struct Day {
    clock: Clock,
    mean_gap: f64,
    amplitude: f64,
    period: u64,
    stream: Stream,
}

pub(super) fn check(mean: f64, amplitude: f64, period: SimDuration) -> Result<(), String> {
    positive("day", "mean", mean)?;
    // A share of the mean has the bounds of a probability, but is none.
    probability("day", "amplitude", amplitude).map_err(|_| {
        format!("day: `amplitude` is a share of the mean and must lie between 0 and 1, not {amplitude}")
    })?;
    if period.is_zero() {
        return Err("day: `period` must be above 0".to_owned());
    }
    Ok(())
}

impl Day {
    pub(super) fn new(mean: f64, amplitude: f64, period: SimDuration, stream: Stream) -> Self {
        let mean_gap = NANOS_PER_SEC as f64 / (mean * (1.0 + amplitude));
        Self { clock: Clock::default(), mean_gap, amplitude, period: period.as_nanos(), stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        loop {
            let gap: f64 = Exp1.sample(&mut self.stream);
            let time = self.clock.advance(gap * self.mean_gap)?;
            // Whole nanoseconds into the period: the phase is as exact after years as on the first day.
            let phase = (time.as_nanos() % self.period) as f64 / self.period as f64;
            let rate = 1.0 + self.amplitude * libm::sin(TAU * phase);
            if self.stream.unit() * (1.0 + self.amplitude) < rate {
                return Some(time);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::kolmogorov_smirnov;

    #[test]
    fn arrivals_follow_the_sine() {
        const PERIOD: f64 = 100.0;
        for (amplitude, name) in [(0.0, "flat"), (0.6, "partial"), (1.0, "full")] {
            let mut process = Day::new(100.0, amplitude, SimDuration::from_secs(100), Stream::new(1, 0, name));
            let times: Vec<f64> = std::iter::from_fn(|| process.next().map(SimTime::as_secs_f64))
                .take_while(|&time| time < 20.0 * PERIOD)
                .collect();
            // 200,000 expected, standard deviation 447.
            assert!((times.len() as f64 - 200_000.0).abs() < 2_000.0, "{name}: {}", times.len());
            // Given their number, the places inside a period are independent; the law is the integral of the rate.
            let phases = times.iter().map(|time| time % PERIOD).collect();
            kolmogorov_smirnov(name, phases, |t| {
                let angle = TAU * t / PERIOD;
                t / PERIOD + amplitude / TAU * (1.0 - libm::cos(angle))
            });
        }
    }

    #[test]
    fn bad_parameters_are_refused_in_words() {
        let day = SimDuration::from_secs(86_400);
        for (mean, amplitude, period, words) in [
            (0.0, 0.5, day, "`mean`"),
            (1.0, 1.1, day, "between 0 and 1"),
            (1.0, -0.1, day, "between 0 and 1"),
            (1.0, f64::NAN, day, "not NaN"),
            (1.0, 0.5, SimDuration::ZERO, "`period`"),
        ] {
            let message = check(mean, amplitude, period).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }
}
