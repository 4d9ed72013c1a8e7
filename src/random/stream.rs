//! Sequential generators with a name.

use super::hash::{GOLDEN, finish};
use super::{bits, name_hash};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{SeedableRng, TryRng};
use std::convert::Infallible;

/// One purpose of one entity, drawn in order: Xoshiro256++ seeded from (seed, replication, name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    generator: Xoshiro256PlusPlus,
}

impl Stream {
    /// The stream called `name`, such as `traffic/browse/arrivals`, of one replication.
    #[must_use]
    pub fn new(seed: u64, replication: u32, name: &str) -> Self {
        // The state is expanded here, not by the library, so that no release of it can change our numbers.
        let mut word = name_hash(seed, replication, name);
        let mut state = [0_u8; 32];
        for bytes in state.chunks_exact_mut(8) {
            word = word.wrapping_add(GOLDEN);
            bytes.copy_from_slice(&finish(word).to_le_bytes());
        }
        Self { generator: Xoshiro256PlusPlus::from_seed(state) }
    }

    /// A float in [0, 1) with 53 random bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        bits::unit(self)
    }

    /// An integer in [0, n), unbiased.
    ///
    /// # Panics
    /// If `n` is 0.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        bits::below(self, n)
    }

    /// Independent integers in [0, n) and [0, m), unbiased, at the cost of one draw.
    ///
    /// # Panics
    /// If `n` or `m` is 0.
    #[inline]
    pub fn below_both(&mut self, n: u32, m: u32) -> (u32, u32) {
        bits::below_both(self, n, m)
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.generator.try_next_u32()
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.generator.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.generator.try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::{correlation, kolmogorov_smirnov};
    use rand::Rng;

    #[test]
    fn the_first_numbers_are_frozen() {
        let mut stream = Stream::new(1, 0, "traffic/browse/arrivals");
        let drawn: Vec<u64> = (0..4).map(|_| stream.next_u64()).collect();
        assert_eq!(drawn, [0xeb63_6131_3cd5_4bd8, 0x7a14_7195_1557_b39f, 0x5373_c659_aa53_7d79, 0x5ed9_70e5_2359_38d6]);
        assert_eq!(stream.below(1000), 696);
        assert_eq!(stream.unit().to_bits(), 0x3fe4_c5ee_d4bd_b641);
    }

    #[test]
    fn a_stream_depends_on_its_seed_replication_and_name_only() {
        let draw = |seed, replication, name| Stream::new(seed, replication, name).next_u64();
        assert_eq!(draw(1, 2, "a"), draw(1, 2, "a"));
        assert_ne!(draw(1, 2, "a"), draw(2, 2, "a"));
        assert_ne!(draw(1, 2, "a"), draw(1, 1, "a"));
        assert_ne!(draw(1, 2, "a"), draw(1, 2, "b"));
        // Seed and replication are not interchangeable.
        assert_ne!(draw(1, 2, "a"), draw(2, 1, "a"));
    }

    #[test]
    fn units_are_uniform_and_streams_unrelated() {
        let mut a = Stream::new(1, 0, "a");
        let mut b = Stream::new(1, 1, "a");
        let left: Vec<f64> = (0..20_000).map(|_| a.unit()).collect();
        let right: Vec<f64> = (0..20_000).map(|_| b.unit()).collect();
        let r = correlation(&left, &right);
        assert!(r.abs() < 0.036, "{r}");
        kolmogorov_smirnov("unit", left, |x| x.clamp(0.0, 1.0));
    }
}
