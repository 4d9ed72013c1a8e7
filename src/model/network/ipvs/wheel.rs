//! How late the kernel's timers are.
//!
//! Linux keeps timers in a wheel of levels: 64 places a level, each level eight times coarser than the one below. A
//! timer waits at the finest level that reaches as far, and ends at the next multiple of that level's step. So 60 s at
//! 100 ticks a second end up to 5.12 s late, three hours at 250 up to 17 min.

use crate::time::{NANOS_PER_SEC, SimDuration, SimTime};

/// Places of a level that a timer may be ahead.
const REACH: u64 = 63;

/// The ticks of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel {
    /// Ticks in a second.
    pub hz: u64,
    /// How many ticks the kernel had counted when the time began.
    pub phase: u64,
}

impl Wheel {
    /// When a timer ends that is set now.
    #[must_use]
    pub fn over(self, now: SimTime, timeout: SimDuration) -> SimTime {
        let ticks = |nanos: u64| nanos / (NANOS_PER_SEC / self.hz);
        let waits = ticks(timeout.as_nanos());
        let ends = self.phase + ticks(now.as_nanos()) + waits;
        let mut shift = 0;
        while waits >= REACH << shift {
            shift += 3;
        }
        let bucket = ((ends >> shift) + 1) << shift;
        SimTime::from_nanos((bucket - self.phase) * (NANOS_PER_SEC / self.hz))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_grows_with_the_timeout() {
        let latest = |hz, seconds| {
            let timeout = SimDuration::from_secs(seconds);
            let late = |phase| Wheel { hz, phase }.over(SimTime::ZERO, timeout).as_secs_f64() - timeout.as_secs_f64();
            (0..300_000_u64).step_by(97).map(late).fold(0.0, f64::max)
        };
        assert!((4.9..=5.13).contains(&latest(100, 60)), "{}", latest(100, 60));
        assert!((0.5..=0.65).contains(&latest(100, 10)), "{}", latest(100, 10));
        assert!((900.0..=1049.0).contains(&latest(250, 10_800)), "{}", latest(250, 10_800));
    }
}
