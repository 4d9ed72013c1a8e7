//! Simulated time: integer nanoseconds, and the units people write them in.
//!
//! The clock of a run is a [`SimTime`], a distance between two clock readings is a [`SimDuration`]. Both are `u64`
//! nanoseconds, so adding a delay never loses anything. Floats meet time in exactly one place,
//! [`SimDuration::from_secs_f64`], which refuses NaN, negative and overflowing values.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: u64 = 1_000_000_000;

/// The largest clock value a run may reach: event keys keep two bits for the rank, so 2^62 − 1 ns (146 years).
pub const MAX_NANOS: u64 = (1 << 62) - 1;

/// A reading of the simulated clock: nanoseconds since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(u64);

/// A length of simulated time in nanoseconds; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(u64);

impl SimTime {
    /// The start of every run.
    pub const ZERO: Self = Self(0);
    /// Later than any event.
    pub const MAX: Self = Self(MAX_NANOS);

    /// The clock at `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start of the run.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start of the run.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The time since `earlier`.
    ///
    /// # Panics
    /// If `earlier` lies in the future: time never goes back.
    #[must_use]
    pub fn since(self, earlier: Self) -> SimDuration {
        assert!(earlier.0 <= self.0, "time went back: {} ns is before {} ns", self.0, earlier.0);
        SimDuration(self.0 - earlier.0)
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration a run can hold.
    pub const MAX: Self = Self(MAX_NANOS);

    /// A duration of `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A duration of `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A duration of `secs` whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * NANOS_PER_SEC)
    }

    /// The nearest whole number of nanoseconds, or `None` for NaN, negative values and values beyond [`MAX_NANOS`].
    ///
    /// This is the only way from a float to a duration.
    #[must_use]
    #[inline]
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        let nanos = secs * NANOS_PER_SEC as f64;
        // 2^52: above it every float is whole; adding it to a smaller one leaves the nearest whole number in the mantissa.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        // NaN fails every comparison.
        if (0.0..WHOLE).contains(&nanos) {
            Some(Self((nanos + WHOLE).to_bits() - WHOLE.to_bits()))
        } else if nanos >= WHOLE && nanos <= MAX_NANOS as f64 {
            Some(Self(nanos as u64))
        } else {
            None
        }
    }

    /// Length in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Length in seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// Length in milliseconds.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Whether the duration is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads a duration as scenarios write it: a non-negative number with a unit, `20ms`, `1.5s`, `2m`, `1h30m`.
    ///
    /// Units: `ns`, `us` (or `µs`), `ms`, `s`, `m`, `h`, `d`. The number may have an exponent. A bare `0` is allowed.
    ///
    /// # Errors
    /// Says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let expected = "a duration such as 20ms, 1.5s, 2m or 1h30m";
        if text.is_empty() {
            return Err(format!("expected {expected}"));
        }
        if text.starts_with('-') {
            return Err(format!("a duration cannot be negative: `{text}`; expected {expected}"));
        }
        let mut rest = text;
        let mut total = 0.0_f64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
            let digits = digits + exponent(&rest[digits..]);
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let scale = match unit.trim() {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ if number.is_empty() => return Err(format!("cannot read `{text}`; expected {expected}")),
                "" => return Err(format!("`{text}` has no unit; expected {expected}")),
                other => return Err(format!("unknown unit `{other}` in `{text}`; expected {expected}")),
            };
            let value: f64 = number.parse().map_err(|_| format!("cannot read `{text}`; expected {expected}"))?;
            total += value * scale;
            rest = tail;
        }
        Self::from_secs_f64(total).ok_or_else(|| format!("`{text}` is too long: a run can hold at most 146 years"))
    }
}

/// How many bytes at the beginning are an exponent, such as `e-05`.
fn exponent(text: &str) -> usize {
    let Some(power) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(power.starts_with(['-', '+']));
    let digits = power[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(power.len() - sign);
    if digits == 0 { 0 } else { 1 + sign + digits }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    #[inline]
    fn add(self, rhs: SimDuration) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, rhs: SimDuration) {
        self.0 += rhs.0;
    }
}

impl Add for SimDuration {
    type Output = Self;
    #[inline]
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, rhs: Self) {
        self.0 += rhs.0;
    }
}

impl Sub<SimTime> for SimTime {
    type Output = SimDuration;
    fn sub(self, rhs: SimTime) -> SimDuration {
        self.since(rhs)
    }
}

impl fmt::Display for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        if n == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in [("h", 3_600 * NANOS_PER_SEC), ("m", 60 * NANOS_PER_SEC)] {
            if n.is_multiple_of(size) {
                return write!(f, "{}{unit}", n / size);
            }
        }
        for (unit, size) in [("s", NANOS_PER_SEC), ("ms", 1_000_000), ("us", 1_000)] {
            if n >= size {
                return write!(f, "{}{unit}", n as f64 / size as f64);
            }
        }
        write!(f, "{n}ns")
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SimDuration(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, nanos) in [
            ("20ms", 20_000_000),
            ("1.5s", 1_500_000_000),
            ("2m", 120_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("50us", 50_000),
            ("7ns", 7),
            ("5e-05s", 50_000),
            ("2.5E+3ms1e1us", 2_500_010_000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(SimDuration::parse(text).map(SimDuration::as_nanos), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn bad_durations_say_what_to_write() {
        for text in ["", "5", "-1s", "3 parsecs", "s", "1..2s", "1e9h", "999999999d", "1e5", "1es", "e3s"] {
            assert!(SimDuration::parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn floats_are_rounded_once_and_refused_when_meaningless() {
        assert_eq!(SimDuration::from_secs_f64(1e-9 * 2.6), Some(SimDuration(3)));
        assert_eq!(SimDuration::from_secs_f64(1e7), Some(SimDuration(10_000_000_000_000_000)));
        assert_eq!(SimDuration::from_secs_f64(f64::NAN), None);
        assert_eq!(SimDuration::from_secs_f64(-1e-12), None);
        assert_eq!(SimDuration::from_secs_f64(f64::INFINITY), None);
    }

    #[test]
    fn printing_and_reading_agree() {
        for nanos in [0, 1, 999, 50_000, 1_500_000, 2_000_000_000, 90_000_000_000, 7_200_000_000_000] {
            let duration = SimDuration(nanos);
            assert_eq!(SimDuration::parse(&duration.to_string()), Ok(duration), "{duration}");
        }
    }

    #[test]
    #[should_panic(expected = "time went back")]
    fn time_never_goes_back() {
        let _ = SimTime(1) - SimTime(2);
    }
}
