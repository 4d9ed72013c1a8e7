//! Time averages of a level that changes at instants, such as a queue length.

use crate::time::{SimDuration, SimTime};

/// A level over time and the exact area below it (level × nanoseconds).
///
/// The average between two instants is the difference of two [`Mark`]s, so a window need not be known in advance and
/// nothing is lost to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeWeighted {
    area: u128,
    changed: SimTime,
    level: u64,
    max: u64,
}

/// The area below a level up to an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// Level × nanoseconds since the start of the run.
    pub area: u128,
}

impl TimeWeighted {
    /// Level zero from the start of the run.
    #[must_use]
    pub const fn new() -> Self {
        Self { area: 0, changed: SimTime::ZERO, level: 0, max: 0 }
    }

    /// The level is `level` from `now` on.
    ///
    /// # Panics
    /// If `now` lies before an earlier change.
    #[inline]
    pub fn set(&mut self, now: SimTime, level: u64) {
        self.area = self.area_at(now);
        self.changed = now;
        self.level = level;
        self.max = self.max.max(level);
    }

    /// The level rises by `by`.
    #[inline]
    pub fn add(&mut self, now: SimTime, by: u64) {
        self.set(now, self.level + by);
    }

    /// The level falls by `by`.
    ///
    /// # Panics
    /// If it would become negative.
    #[inline]
    pub fn subtract(&mut self, now: SimTime, by: u64) {
        self.set(now, self.level.checked_sub(by).expect("what leaves has entered before"));
    }

    /// The level now.
    #[must_use]
    #[inline]
    pub const fn level(&self) -> u64 {
        self.level
    }

    /// The highest level since the start, or since [`Self::restart_max`].
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Forgets higher levels of the past: a window begins.
    pub fn restart_max(&mut self) {
        self.max = self.level;
    }

    /// Level × nanoseconds from the start of the run up to `now`.
    ///
    /// # Panics
    /// If `now` lies before the last change.
    #[must_use]
    #[inline]
    pub fn area_at(&self, now: SimTime) -> u128 {
        self.area + u128::from(self.level) * u128::from(now.since(self.changed).as_nanos())
    }

    /// The area up to `now`, to take a mean from or to.
    #[must_use]
    pub fn mark(&self, now: SimTime) -> Mark {
        Mark { at: now, area: self.area_at(now) }
    }

    /// The mean level between two instants; `None` if no time lies between them.
    ///
    /// # Panics
    /// If `to` lies before `from`.
    #[must_use]
    pub fn mean(from: Mark, to: Mark) -> Option<f64> {
        let span: SimDuration = to.at.since(from.at);
        (!span.is_zero()).then(|| (to.area - from.area) as f64 / span.as_nanos() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> SimTime {
        SimTime::from_nanos(nanos)
    }

    #[test]
    fn a_window_sees_exactly_its_own_part() {
        let mut queue = TimeWeighted::new();
        queue.add(at(10), 4);
        let from = queue.mark(at(20));
        queue.restart_max();
        queue.subtract(at(30), 3);
        queue.set(at(50), 2);
        let to = queue.mark(at(60));
        // 10 ns at 4, 20 ns at 1, 10 ns at 2.
        assert_eq!(to.area - from.area, 80);
        assert_eq!(TimeWeighted::mean(from, to), Some(2.0));
        assert_eq!((queue.level(), queue.max()), (2, 4));
        queue.restart_max();
        assert_eq!(queue.max(), 2);
        assert_eq!(TimeWeighted::mean(to, to), None);
    }

    #[test]
    fn areas_beyond_64_bits_are_exact() {
        let mut level = TimeWeighted::new();
        level.set(at(0), u64::MAX);
        let to = level.mark(SimTime::MAX);
        assert_eq!(to.area, u128::from(u64::MAX) * u128::from(SimTime::MAX.as_nanos()));
    }

    #[test]
    #[should_panic(expected = "time went back")]
    fn time_does_not_go_back() {
        let mut level = TimeWeighted::new();
        level.set(at(10), 1);
        level.set(at(9), 1);
    }

    #[test]
    #[should_panic(expected = "has entered before")]
    fn levels_are_not_negative() {
        TimeWeighted::new().subtract(at(1), 1);
    }

    proptest! {
        #[test]
        fn the_area_is_the_sum_over_nanoseconds(
            changes in prop::collection::vec((0..20_u64, 0..10_u64), 0..20), cut in 0..400_u64,
        ) {
            let mut level = TimeWeighted::new();
            let mut by_nanosecond = Vec::new();
            let mut now = 0;
            for &(wait, next) in &changes {
                by_nanosecond.resize(by_nanosecond.len() + wait as usize, level.level());
                now += wait;
                level.set(at(now), next);
            }
            prop_assert_eq!(level.area_at(at(now)), by_nanosecond.iter().map(|&x| u128::from(x)).sum::<u128>());
            let later = now + cut;
            prop_assert_eq!(level.area_at(at(later)) - level.area_at(at(now)), u128::from(cut * level.level()));
        }
    }
}
