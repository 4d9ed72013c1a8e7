//! Poisson arrivals at a rate that jumps: a Markov-modulated Poisson process whose states follow one another in a cycle.

use super::clock::Clock;
use crate::random::Stream;
use crate::random::check::{not_negative, positive};
use crate::time::{NANOS_PER_SEC, SimTime};
use rand_distr::{Distribution, Exp1};

#[derive(Debug, Clone)]
pub(super) struct Mmpp {
    clock: Clock,
    states: Vec<State>,
    current: usize,
    /// Nanoseconds until the state changes.
    left: f64,
    stream: Stream,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Nanoseconds; infinite in a state without arrivals.
    mean_gap: f64,
    mean_stay: f64,
}

pub(super) fn check(rates: &[f64], dwell: &[f64]) -> Result<(), String> {
    if rates.is_empty() || rates.len() != dwell.len() {
        return Err(format!(
            "mmpp: `rates` and `dwell` must list one value a state, not {} and {}",
            rates.len(),
            dwell.len()
        ));
    }
    for (&rate, &dwell) in rates.iter().zip(dwell) {
        not_negative("mmpp", "rates", rate)?;
        positive("mmpp", "dwell", dwell)?;
    }
    if rates.iter().all(|&rate| rate == 0.0) {
        return Err("mmpp: at least one of `rates` must be above 0".to_owned());
    }
    Ok(())
}

/// Each state counts with its share of the time.
pub(super) fn mean_rate(rates: &[f64], dwell: &[f64]) -> f64 {
    let arrivals: f64 = rates.iter().zip(dwell).map(|(rate, dwell)| rate * dwell).sum();
    arrivals / dwell.iter().sum::<f64>()
}

impl Mmpp {
    pub(super) fn new(rates: &[f64], dwell: &[f64], mut stream: Stream) -> Self {
        let second = NANOS_PER_SEC as f64;
        let states: Vec<State> = rates
            .iter()
            .zip(dwell)
            .map(|(rate, dwell)| State { mean_gap: second / rate, mean_stay: second * dwell })
            .collect();
        // A run that starts in the stationary law needs no time to get there; what is left of an exponential stay is
        // exponential again.
        let mut place = stream.unit() * dwell.iter().sum::<f64>();
        let mut current = 0;
        while current + 1 < dwell.len() && place >= dwell[current] {
            place -= dwell[current];
            current += 1;
        }
        let stay: f64 = Exp1.sample(&mut stream);
        let left = stay * states[current].mean_stay;
        Self { clock: Clock::default(), states, current, left, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        loop {
            let state = self.states[self.current];
            if state.mean_gap.is_finite() {
                let gap: f64 = Exp1.sample(&mut self.stream);
                let gap = gap * state.mean_gap;
                if gap < self.left {
                    self.left -= gap;
                    return self.clock.advance(gap);
                }
            }
            // The state changes first. The gap is forgotten: a new one is as good, because gaps have no memory.
            self.clock.advance(self.left)?;
            self.current = (self.current + 1) % self.states.len();
            let stay: f64 = Exp1.sample(&mut self.stream);
            self.left = stay * self.states[self.current].mean_stay;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::kolmogorov_smirnov;

    #[test]
    fn the_mean_rate_is_the_stationary_one() {
        let (rates, dwell) = (vec![100.0, 2000.0, 0.0], vec![3.0, 0.5, 1.5]);
        // (300 + 1000 + 0) / 5
        assert!((mean_rate(&rates, &dwell) - 260.0).abs() < 1e-9);
        let mut process = Mmpp::new(&rates, &dwell, Stream::new(1, 0, "mmpp"));
        let n = 3_000_000;
        let last = (0..n).map(|_| process.next().unwrap()).last().unwrap();
        let rate = f64::from(n) / last.as_secs_f64();
        // About 2,300 cycles, each with a standard deviation near its mean.
        assert!((rate / 260.0 - 1.0).abs() < 0.08, "{rate}");
    }

    #[test]
    fn the_start_is_stationary() {
        // In the first second, over many runs: the mean is the long-run mean at once.
        let mut count = 0;
        for run in 0..4_000 {
            let mut process = Mmpp::new(&[0.0, 400.0], &[30.0, 10.0], Stream::new(1, run, "start"));
            while process.next().is_some_and(|time| time.as_secs_f64() < 1.0) {
                count += 1;
            }
        }
        // Mean 100 a run; the state makes the standard deviation about 173, so the standard error is 2.7.
        let mean = f64::from(count) / 4_000.0;
        assert!((mean - 100.0).abs() < 12.0, "{mean}");
    }

    #[test]
    fn equal_rates_make_a_poisson_process() {
        let mut process = Mmpp::new(&[100.0, 100.0], &[0.01, 0.02], Stream::new(1, 0, "equal"));
        let mut last = 0.0;
        let gaps = (0..20_000).map(|_| {
            let now = process.next().unwrap().as_secs_f64();
            let gap = now - last;
            last = now;
            gap
        });
        kolmogorov_smirnov("gaps", gaps.collect(), |x| -libm::expm1(-x * 100.0));
    }

    #[test]
    fn on_and_off_makes_long_pauses() {
        let mut process = Mmpp::new(&[1000.0, 0.0], &[1.0, 10.0], Stream::new(1, 0, "pauses"));
        let times: Vec<f64> = (0..100_000).map(|_| process.next().unwrap().as_secs_f64()).collect();
        let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.1).collect();
        // One stay of 1,000 arrivals a cycle; few pauses of mean 10 s are shorter than 0.1 s.
        assert!((70..140).contains(&pauses.len()), "{}", pauses.len());
        let mean = pauses.iter().sum::<f64>() / pauses.len() as f64;
        assert!((6.0..14.0).contains(&mean), "{mean}");
    }

    #[test]
    fn bad_parameters_are_refused_in_words() {
        for (rates, dwell, words) in [
            (vec![], vec![], "one value a state"),
            (vec![1.0], vec![1.0, 2.0], "one value a state"),
            (vec![0.0, 0.0], vec![1.0, 2.0], "above 0"),
            (vec![-1.0, 1.0], vec![1.0, 2.0], "`rates`"),
            (vec![1.0, 1.0], vec![1.0, 0.0], "`dwell`"),
        ] {
            let message = check(&rates, &dwell).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }
}
