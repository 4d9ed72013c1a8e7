//! Exact time averages of counts that go up and down.
//!
//! The area under a count is kept as a signed sum: a step up at t adds −t, a step down adds +t; the area up to T is the
//! sum plus level × T. One addition a change, no reading of the last change, and the window is a difference of areas.

use crate::time::SimTime;

/// The area under a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Area(i128);

impl Area {
    /// The count went up by one.
    #[inline]
    pub fn up(&mut self, now: SimTime) {
        self.0 -= i128::from(now.as_nanos());
    }

    /// The count went down by one.
    #[inline]
    pub fn down(&mut self, now: SimTime) {
        self.0 += i128::from(now.as_nanos());
    }

    /// The count changed by `steps`.
    pub fn step(&mut self, now: SimTime, steps: i64) {
        self.0 -= i128::from(now.as_nanos()) * i128::from(steps);
    }

    /// Nanoseconds × count from the start of the run to `now`, where the count is `level`.
    #[must_use]
    pub fn until(&self, now: SimTime, level: u64) -> u128 {
        let area = self.0 + i128::from(now.as_nanos()) * i128::from(level);
        u128::try_from(area).expect("a count is never negative, so neither is its area")
    }
}

/// The mean level between two readings of an area; 0 for an empty span.
#[must_use]
pub fn mean_level(area: u128, span: u64) -> f64 {
    if span == 0 { 0.0 } else { area as f64 / span as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_integral() {
        let at = SimTime::from_nanos;
        let mut area = Area::default();
        area.up(at(10));
        area.up(at(20));
        area.down(at(50));
        // 0 until 10, 1 until 20, 2 until 50, 1 until 100.
        assert_eq!(area.until(at(100), 1), 10 + 60 + 50);
        area.step(at(100), 3);
        assert_eq!(area.until(at(110), 4), 120 + 40);
        assert!((mean_level(160, 110) - 160.0 / 110.0).abs() < 1e-15);
        assert!(mean_level(0, 0).abs() < f64::EPSILON);
    }
}
