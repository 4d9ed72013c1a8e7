//! Independent arrivals at a constant rate.

use super::clock::Clock;
use crate::random::Stream;
use crate::time::{NANOS_PER_SEC, SimTime};
use rand_distr::{Distribution, Exp1};

/// Arrivals drawn at a time: the generator's state stays in registers, and nothing else uses the stream. With their count
/// they take two cache lines, so that of a thousand processes each finds its next arrival near.
const BATCH: usize = 15;

/// Stands for an arrival after the end of the clock.
const NEVER: u64 = u64::MAX;

#[derive(Debug, Clone)]
pub(super) struct Poisson {
    drawn: Drawn,
    clock: Clock,
    mean_gap: f64,
    stream: Stream,
}

/// Arrivals that were drawn, in nanoseconds since the start, and how many of them are over.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Drawn {
    used: usize,
    times: [u64; BATCH],
}

impl Poisson {
    pub(super) fn new(rate: f64, stream: Stream) -> Self {
        let mean_gap = NANOS_PER_SEC as f64 / rate;
        Self { drawn: Drawn { used: BATCH, times: [0; BATCH] }, clock: Clock::default(), mean_gap, stream }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<SimTime> {
        if self.drawn.used == BATCH {
            self.refill();
        }
        let nanos = self.drawn.times[self.drawn.used];
        self.drawn.used += 1;
        if nanos == NEVER { None } else { Some(SimTime::from_nanos(nanos)) }
    }

    #[inline(never)]
    fn refill(&mut self) {
        for time in &mut self.drawn.times {
            let exponential: f64 = Exp1.sample(&mut self.stream);
            *time = self.clock.advance(exponential * self.mean_gap).map_or(NEVER, SimTime::as_nanos);
        }
        self.drawn.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::{correlation, kolmogorov_smirnov};

    const RATE: f64 = 100.0;
    const DRAWS: usize = 4_000_000;

    /// The moments a Poisson process must have, each with a tolerance of several standard errors.
    #[test]
    fn it_is_a_poisson_process() {
        let mut process = Poisson::new(RATE, Stream::new(1, 0, "traffic/test/arrivals"));
        let mut last = 0;
        let mut gaps = Vec::with_capacity(DRAWS);
        let mut counts = vec![0_u32; 1];
        for _ in 0..DRAWS {
            let now = process.next().unwrap().as_nanos();
            gaps.push((now - last) as f64 / NANOS_PER_SEC as f64);
            last = now;
            let window = (now / NANOS_PER_SEC) as usize;
            counts.resize(counts.len().max(window + 1), 0);
            counts[window] += 1;
        }
        // The last window is not over.
        counts.pop();

        let windows = counts.len() as f64;
        let mean = counts.iter().map(|&n| f64::from(n)).sum::<f64>() / windows;
        let variance = counts.iter().map(|&n| (f64::from(n) - mean).powi(2)).sum::<f64>() / (windows - 1.0);
        assert!((mean / RATE - 1.0).abs() < 0.003, "mean count {mean}");
        assert!((variance / mean - 1.0).abs() < 0.03, "index of dispersion {}", variance / mean);

        let n = gaps.len() as f64;
        let mean_gap = gaps.iter().sum::<f64>() / n;
        let gap_variance = gaps.iter().map(|gap| (gap - mean_gap).powi(2)).sum::<f64>() / n;
        let cv2 = gap_variance / (mean_gap * mean_gap);
        assert!((cv2 - 1.0).abs() < 0.01, "squared cv of the gaps {cv2}");
        let r = correlation(&gaps[1..], &gaps[..gaps.len() - 1]);
        assert!(r.abs() < 0.003, "lag-1 autocorrelation {r}");
        kolmogorov_smirnov("gaps", gaps[..20_000].to_vec(), |x| -libm::expm1(-x * RATE));
        let (_, median, _) = gaps.select_nth_unstable_by(DRAWS / 2, f64::total_cmp);
        let expected = std::f64::consts::LN_2 / RATE;
        assert!((*median / expected - 1.0).abs() < 0.005, "median gap {median}");
    }

    #[test]
    fn the_first_arrivals_are_frozen() {
        let mut process = Poisson::new(RATE, Stream::new(1, 0, "traffic/browse/arrivals"));
        let times: Vec<u64> = (0..4).map(|_| process.next().unwrap().as_nanos()).collect();
        assert_eq!(times, [6_326_620, 12_557_750, 18_293_791, 20_926_643]);
    }

    #[test]
    fn the_rate_holds_where_gaps_are_shorter_than_a_nanosecond() {
        let mut process = Poisson::new(5e9, Stream::new(1, 0, "fast"));
        let last = (0..1_000_000).map(|_| process.next().unwrap().as_nanos()).last().unwrap() as f64;
        assert!((last / 200_000.0 - 1.0).abs() < 0.005, "{last}");
    }

    #[test]
    fn a_rate_too_small_for_the_clock_gives_nothing() {
        let mut process = Poisson::new(1e-300, Stream::new(1, 0, "slow"));
        assert_eq!((process.next(), process.next()), (None, None));
    }
}
