//! The CPU that a container may use in each period: the bandwidth control of Linux's fair scheduler.
//!
//! A limit of L cores is L × 100 ms of CPU in each period of 100 ms. All threads draw from it; when it is spent they stand
//! still until the next period begins. Periods of a container begin at a time of their own. What the kernel hands out to
//! single CPUs, 5 ms at a time, is not modelled: every thread can use the last nanosecond.
//! Source: Linux, Documentation/scheduler/sched-bwc.rst.

/// CPU time has so many fractional bits of a nanosecond.
const FRACTION: u32 = 20;

/// The quota of one container.
#[derive(Debug, Clone)]
pub struct Quota {
    /// CPU of a period, in 2^-20 ns.
    whole: u128,
    period: u64,
    /// When the next period begins.
    next: u64,
    /// What is left of the current one.
    left: u128,
    spent: bool,
}

impl Quota {
    /// So many nanoseconds of CPU in each period of so many; the first that begins does at `next`.
    #[must_use]
    pub fn new(cpu: u64, period: u64, next: u64) -> Self {
        let whole = u128::from(cpu) << FRACTION;
        Self { whole, period, next, left: whole, spent: false }
    }

    /// Moves on, from when it was moved last, while CPU was used at a rate of 2^-20 cores.
    pub fn advance(&mut self, from: u64, now: u64, rate: u64) {
        let mut since = from;
        if now >= self.next {
            since = self.next + (now - self.next) / self.period * self.period;
            self.next = since + self.period;
            self.left = self.whole;
            self.spent = false;
        }
        let used = u128::from(rate) * u128::from(now - since);
        self.left = self.left.saturating_sub(used);
        self.spent |= self.left == 0;
    }

    /// Whether all threads stand still.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.spent
    }

    /// When threads stop, or go on, if CPU goes on being used at that rate from `now` on, when it was moved last.
    #[must_use]
    pub fn changes_at(&self, now: u64, rate: u64) -> Option<u64> {
        if self.spent {
            return Some(self.next);
        }
        let lasts = |left: u128| {
            left.checked_div(u128::from(rate)).map(|whole| (whole, !left.is_multiple_of(u128::from(rate))))
        };
        let (whole, part) = lasts(self.left)?;
        let until = u128::from(now) + whole + u128::from(part);
        if until < u128::from(self.next) {
            return u64::try_from(until).ok();
        }
        let (whole, part) = lasts(self.whole)?;
        let needed = whole + u128::from(part);
        let until = u128::from(self.next) + needed;
        (needed < u128::from(self.period)).then(|| u64::try_from(until).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Milliseconds until threads that begin together, `phase` into a period of which `used` is gone, have done `work`
    /// each, and how much CPU one of them had by then.
    fn latency(work: u64, threads: u64, cpu: u64, (phase, used): (u64, u64)) -> f64 {
        let mut quota = Quota::new(cpu * MS, 100 * MS, 100 * MS);
        quota.advance(0, used * MS, 1 << FRACTION);
        quota.advance(used * MS, phase.max(used) * MS, 0);
        let begin = phase.max(used) * MS;
        let (mut now, mut left) = (begin, work * MS);
        while left > 0 {
            let rate = if quota.is_spent() { 0 } else { threads << FRACTION };
            let next = quota.changes_at(now, rate).unwrap_or(u64::MAX);
            let step = if rate == 0 { next - now } else { left.min(next - now) };
            quota.advance(now, now + step, rate);
            now += step;
            left -= if rate == 0 { 0 } else { step };
        }
        (now - phase * MS) as f64 / MS as f64
    }

    #[test]
    fn threads_stop_when_the_quota_is_spent() {
        for (work, threads, cpu, at, expected) in [
            (200, 1, 50, (0, 0), 350.0),
            (50, 4, 100, (0, 0), 125.0),
            (30, 1, 20, (0, 0), 110.0),
            (50, 1, 100, (60, 0), 50.0),
            // A limit of 200m and 60 ms of work: 20, 80 idle, 20, 80 idle, 20.
            (60, 1, 20, (0, 0), 220.0),
            // Four threads and one core run 25 ms of each 100, as do eight with two.
            (25, 4, 100, (0, 0), 25.0),
            (26, 4, 100, (0, 0), 101.0),
            (50, 8, 200, (0, 0), 125.0),
            // Half a core: 50 ms on, 50 ms off.
            (51, 1, 50, (0, 0), 101.0),
            // As many threads as cores never stop.
            (1_000, 2, 200, (0, 0), 1_000.0),
            (1_000, 2, 200, (37, 0), 1_000.0),
            // The rest of a period, then a whole one.
            (60, 1, 50, (80, 0), 60.0),
            (80, 1, 50, (80, 0), 130.0),
        ] {
            let found = latency(work, threads, cpu, at);
            assert!((found - expected).abs() < 1e-6, "{work} ms × {threads} of {cpu}: {found}, not {expected}");
        }
    }

    #[test]
    fn what_is_spent_already_counts() {
        // 30 ms of work that comes when the 20 ms of this period are gone: at once idle, 20, idle, 10.
        let mut quota = Quota::new(20 * MS, 100 * MS, 100 * MS);
        quota.advance(0, 20 * MS, 1 << FRACTION);
        assert!(quota.is_spent());
        assert_eq!(quota.changes_at(20 * MS, 0), Some(100 * MS));
        quota.advance(20 * MS, 100 * MS, 0);
        assert!(!quota.is_spent());
        assert_eq!(quota.changes_at(100 * MS, 1 << FRACTION), Some(120 * MS));
    }

    #[test]
    fn whole_periods_of_rest_leave_one_quota() {
        let mut quota = Quota::new(50 * MS, 100 * MS, 30 * MS);
        quota.advance(0, 1_040 * MS, 0);
        assert_eq!(quota.changes_at(1_040 * MS, 1 << FRACTION), Some(1_090 * MS));
        quota.advance(1_040 * MS, 1_090 * MS, 1 << FRACTION);
        assert!(quota.is_spent());
        assert_eq!(quota.changes_at(1_090 * MS, 0), Some(1_130 * MS));
        // Half a core never spends it.
        let calm = Quota::new(50 * MS, 100 * MS, 30 * MS);
        assert_eq!(calm.changes_at(0, 1 << (FRACTION - 1)), None);
        assert_eq!(calm.changes_at(0, 0), None);
    }
}
