//! Arrivals with independent gaps of one distribution.

use crate::random::{Dist, Stream};
use crate::time::{MAX_NANOS, SimTime};

#[derive(Debug, Clone)]
pub(super) struct Renewal {
    now: SimTime,
    interval: Dist,
    stream: Stream,
}

/// `process` is how the scenario names it.
pub(super) fn check(process: &str, interval: &Dist) -> Result<(), String> {
    // Gaps that all round to nothing would put every arrival at time 0.
    if interval.cdf(0.4e-9) > 1.0 - 1e-9 {
        return Err(format!("{process}: `interval` must be above 0, not {}", interval.describe()));
    }
    Ok(())
}

impl Renewal {
    pub(super) const fn new(interval: Dist, stream: Stream) -> Self {
        Self { now: SimTime::ZERO, interval, stream }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.now = after(self.now, &self.interval, &mut self.stream)?;
        Some(self.now)
    }
}

/// A time one gap later, unless the clock ends before.
#[inline]
pub(super) fn after(now: SimTime, interval: &Dist, stream: &mut Stream) -> Option<SimTime> {
    // A draw is a quarter of simulated time at most, so the sum cannot overflow before it is refused.
    let next = now + interval.sample(stream);
    (next.as_nanos() <= MAX_NANOS).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::kolmogorov_smirnov;
    use crate::time::SimDuration;

    #[test]
    fn gaps_follow_the_distribution() {
        let interval = Dist::erlang(4, 0.01).unwrap();
        let mut process = Renewal::new(interval.clone(), Stream::new(1, 0, "renewal"));
        let mut last = SimTime::ZERO;
        let mut gap = || {
            let next = process.next().unwrap();
            let gap = (next - last).as_secs_f64();
            last = next;
            gap
        };
        kolmogorov_smirnov("gaps", (0..20_000).map(|_| gap()).collect(), |x| interval.cdf(x));
    }

    #[test]
    fn the_first_gap_comes_before_the_first_arrival() {
        let mut process = Renewal::new(Dist::constant(SimDuration::from_millis(7)), Stream::new(1, 0, "x"));
        assert_eq!(process.next(), Some(SimTime::from_nanos(7_000_000)));
        assert_eq!(process.next(), Some(SimTime::from_nanos(14_000_000)));
    }

    #[test]
    fn it_ends_with_time_itself() {
        let mut process = Renewal::new(Dist::exponential(1e18).unwrap(), Stream::new(1, 0, "x"));
        assert!((0..6).map(|_| process.next()).any(|next| next.is_none()));
        assert_eq!(process.next(), None);
    }

    #[test]
    fn gaps_of_nothing_are_refused() {
        for dist in [Dist::zero(), Dist::uniform(0.0, 1e-10).unwrap(), Dist::empirical(vec![0.0, 0.0]).unwrap()] {
            assert!(check("renewal", &dist).unwrap_err().contains("must be above 0"));
        }
        assert_eq!(check("renewal", &Dist::bimodal(0.5, 0.0, 0.1).unwrap()), Ok(()));
    }
}
