//! Batches at Poisson times, or at those of a renewal process.

use super::clock::Clock;
use super::renewal;
use crate::random::check::positive;
use crate::random::{Dist, Stream};
use crate::time::{NANOS_PER_SEC, SimTime};
use rand_distr::{Distribution, Exp1};

#[derive(Debug, Clone)]
pub(super) struct Batches {
    times: Times,
    size: Dist,
    /// The batch being handed out, and how much of it is left.
    now: SimTime,
    left: u64,
    stream: Stream,
}

/// When batches come.
#[derive(Debug, Clone)]
enum Times {
    Poisson { clock: Clock, mean_gap: f64 },
    Spaced { interval: Dist },
}

pub(super) fn check(rate: f64, size: &Dist) -> Result<(), String> {
    positive("batches", "rate", rate)?;
    check_size(size)
}

pub(super) fn check_spaced(interval: &Dist, size: &Dist) -> Result<(), String> {
    renewal::check("batches", interval)?;
    check_size(size)
}

fn check_size(size: &Dist) -> Result<(), String> {
    // Looking for the first batch that is not empty must end; sizes are rounded, so below one half is empty.
    if size.cdf(0.499_999) > 1.0 - 1e-6 {
        return Err(format!("batches: `size` must not always be 0, as with {}", size.describe()));
    }
    Ok(())
}

impl Batches {
    pub(super) fn new(rate: f64, size: Dist, stream: Stream) -> Self {
        let times = Times::Poisson { clock: Clock::default(), mean_gap: NANOS_PER_SEC as f64 / rate };
        Self { times, size, now: SimTime::ZERO, left: 0, stream }
    }

    pub(super) fn spaced(interval: Dist, size: Dist, stream: Stream) -> Self {
        Self { times: Times::Spaced { interval }, size, now: SimTime::ZERO, left: 0, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        while self.left == 0 {
            self.now = match &mut self.times {
                Times::Poisson { clock, mean_gap } => {
                    let gap: f64 = Exp1.sample(&mut self.stream);
                    clock.advance(gap * *mean_gap)?
                }
                Times::Spaced { interval } => renewal::after(self.now, interval, &mut self.stream)?,
            };
            self.left = (self.size.sample_secs(&mut self.stream) + 0.5) as u64;
        }
        self.left -= 1;
        Some(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::kolmogorov_smirnov;
    use crate::time::SimDuration;

    /// Batches as (time, size).
    fn batches(rate: f64, size: Dist, n: usize) -> Vec<(f64, u32)> {
        let mut process = Batches::new(rate, size, Stream::new(1, 0, "batches"));
        let mut list: Vec<(f64, u32)> = Vec::new();
        while list.len() <= n {
            let time = process.next().unwrap().as_secs_f64();
            match list.last_mut() {
                Some(batch) if batch.0 == time => batch.1 += 1,
                _ => list.push((time, 1)),
            }
        }
        // The last one may have more to come.
        list.pop();
        list
    }

    #[test]
    fn sizes_and_times_follow_their_laws() {
        let list = batches(50.0, Dist::geometric(4.0).unwrap(), 20_000);
        let arrivals: u32 = list.iter().map(|batch| batch.1).sum();
        let rate = f64::from(arrivals) / list.last().unwrap().0;
        assert!((rate / 200.0 - 1.0).abs() < 0.05, "{rate}");
        let ones = list.iter().filter(|batch| batch.1 == 1).count() as f64 / list.len() as f64;
        assert!((ones - 0.25).abs() < 0.015, "{ones}");
        let gaps = list.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        kolmogorov_smirnov("gaps", gaps, |x| -libm::expm1(-x * 50.0));
    }

    #[test]
    fn a_constant_size_is_that_size() {
        let list = batches(10.0, Dist::constant(SimDuration::from_secs(3)), 1000);
        assert!(list.iter().all(|batch| batch.1 == 3));
    }

    #[test]
    fn spaced_batches_come_at_their_times() {
        let three = Dist::constant(SimDuration::from_secs(3));
        let mut process =
            Batches::spaced(Dist::constant(SimDuration::from_secs(2)), three.clone(), Stream::new(1, 0, "spaced"));
        let times: Vec<f64> = (0..7).map(|_| process.next().unwrap().as_secs_f64()).collect();
        assert_eq!(times, [2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 6.0]);
        assert!(check_spaced(&Dist::zero(), &three).unwrap_err().contains("batches: `interval`"));
        assert!(check_spaced(&three, &Dist::zero()).unwrap_err().contains("`size`"));
    }

    #[test]
    fn empty_batches_are_passed_over() {
        let list = batches(10.0, Dist::bimodal(0.5, 0.0, 2.0).unwrap(), 4000);
        assert!(list.iter().all(|batch| batch.1 == 2));
        let rate = list.len() as f64 / list.last().unwrap().0;
        assert!((rate - 5.0).abs() < 0.5, "{rate}");
    }

    #[test]
    fn bad_parameters_are_refused_in_words() {
        assert!(check(0.0, &Dist::geometric(2.0).unwrap()).unwrap_err().contains("`rate`"));
        assert!(check(1.0, &Dist::zero()).unwrap_err().contains("`size`"));
        assert!(check(1.0, &Dist::uniform(0.0, 0.4).unwrap()).unwrap_err().contains("`size`"));
    }
}
