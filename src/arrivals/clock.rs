//! The time of the last arrival, with the part of a nanosecond that whole nanoseconds cannot hold.

use crate::time::{MAX_NANOS, SimTime};

/// Parts of a nanosecond that are kept, in bits.
const FRACTION_BITS: u32 = 32;

/// A clock moved on by gaps that need not be whole nanoseconds. Of each gap less than 2^-32 ns is lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    nanos: u64,
    /// In units of 2^-32 ns, less than one nanosecond. A whole number, because from one gap to the next only this sum is
    /// handed on: all else can be worked out for many gaps at a time.
    fraction: u64,
}

impl Clock {
    /// Moves on by `gap` nanoseconds; `None`, now and ever after, once the end of simulated time is passed.
    #[inline]
    pub(super) fn advance(&mut self, gap: f64) -> Option<SimTime> {
        const ONE: f64 = (1_u64 << FRACTION_BITS) as f64;
        if gap < MAX_NANOS as f64 {
            let whole = gap as i64;
            let part = ((gap - whole as f64) * ONE) as i64;
            let fraction = self.fraction + part.cast_unsigned();
            self.nanos += whole.cast_unsigned() + (fraction >> FRACTION_BITS);
            self.fraction = fraction & ((1 << FRACTION_BITS) - 1);
        } else {
            self.nanos = MAX_NANOS + 1;
        }
        if self.nanos <= MAX_NANOS {
            Some(SimTime::from_nanos(self.nanos))
        } else {
            // Held here, so that asking again cannot overflow.
            self.nanos = MAX_NANOS + 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_nanosecond_add_up() {
        let mut clock = Clock::default();
        let times: Vec<u64> = (0..8).map(|_| clock.advance(0.25).unwrap().as_nanos()).collect();
        assert_eq!(times, [0, 0, 0, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn the_end_of_time_is_final() {
        let mut clock = Clock::default();
        assert!(clock.advance(4e18).is_some());
        for gap in [4e18, 0.0, 4e18, 1.0, f64::INFINITY, 4e18] {
            assert_eq!(clock.advance(gap), None, "{gap}");
        }
        assert_eq!(Clock::default().advance(f64::INFINITY), None);
    }
}
