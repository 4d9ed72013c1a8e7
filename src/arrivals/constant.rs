//! Equally spaced arrivals.

use crate::time::{NANOS_PER_SEC, SimTime};

/// The k-th arrival comes at k / rate, each rounded on its own, so that rounding errors never add up.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    rate: f64,
    index: u64,
}

impl Constant {
    pub(super) const fn new(rate: f64) -> Self {
        Self { rate, index: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<SimTime> {
        // Multiplying first keeps the product exact up to nine million arrivals and to 16 digits beyond.
        let nanos = self.index as f64 * NANOS_PER_SEC as f64 / self.rate;
        self.index += 1;
        if nanos < SimTime::MAX.as_nanos() as f64 { Some(SimTime::from_nanos(round(nanos))) } else { None }
    }
}

/// The nearest whole number, without a call of a library.
fn round(nanos: f64) -> u64 {
    let whole = nanos as u64;
    whole + u64::from(nanos - whole as f64 >= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(rate: f64, n: usize) -> Vec<u64> {
        let mut process = Constant::new(rate);
        (0..n).map(|_| process.next().unwrap().as_nanos()).collect()
    }

    #[test]
    fn the_first_comes_at_zero_and_spacing_is_exact() {
        assert_eq!(times(100.0, 4), [0, 10_000_000, 20_000_000, 30_000_000]);
        assert_eq!(times(0.5, 3), [0, 2_000_000_000, 4_000_000_000]);
        assert_eq!(times(3.0, 4), [0, 333_333_333, 666_666_667, 1_000_000_000]);
        assert_eq!(times(1e9, 3), [0, 1, 2]);
    }

    #[test]
    fn nothing_drifts() {
        // Three a second for a million seconds: the last of each second is at the second, to the nanosecond.
        let times = times(3.0, 3_000_001);
        for second in (0..=1_000_000_u64).step_by(1000) {
            assert_eq!(times[3 * second as usize], second * NANOS_PER_SEC);
        }
        for pair in times.windows(2) {
            assert!((333_333_333..=333_333_334).contains(&(pair[1] - pair[0])));
        }
    }

    #[test]
    fn it_ends_with_time_itself() {
        let mut process = Constant::new(1e-10);
        assert_eq!(process.next(), Some(SimTime::ZERO));
        assert_eq!(process.next(), None);
    }
}
