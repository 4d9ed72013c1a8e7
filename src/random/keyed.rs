//! Generators started from a key: one for each purpose of each request.

use super::bits;
use super::hash::{GOLDEN, finish};
use rand::TryRng;
use std::convert::Infallible;

/// SplitMix64 in 8 bytes: starting one costs nothing, so every request gets its own for every purpose.
///
/// The key must be well mixed, as by [`mix`](super::mix): sequences whose keys lie a multiple of the increment apart
/// are the same sequence, shifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    state: u64,
}

impl Keyed {
    /// The generator of a key.
    #[inline]
    #[must_use]
    pub const fn new(key: u64) -> Self {
        Self { state: key }
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

    #[inline]
    fn step(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        finish(self.state)
    }
}

impl TryRng for Keyed {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.step() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.step())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.step().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::{correlation, kolmogorov_smirnov};
    use crate::random::{Dist, mix, name_hash};
    use rand::Rng;

    #[test]
    fn it_is_splitmix64() {
        // The values of the authors' C code for the seed 1234567.
        let mut rng = Keyed::new(1_234_567);
        for value in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423_u64] {
            assert_eq!(rng.next_u64(), value);
        }
        assert_eq!(Keyed::new(0).next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(Keyed::new(0).next_u32(), 0xe220_a839);
        let mut bytes = [0; 3];
        Keyed::new(0).fill_bytes(&mut bytes);
        assert_eq!(bytes, [0xaf, 0xcd, 0x1d]);
    }

    #[test]
    fn neighbouring_requests_draw_independently() {
        let stream = name_hash(1, 0, "traffic/browse/demand");
        let first: Vec<f64> = (0..20_000).map(|request| Keyed::new(mix(stream, request)).unit()).collect();
        kolmogorov_smirnov("first draws over requests", first.clone(), |x| x.clamp(0.0, 1.0));
        for lag in [1, 2, 3, 64] {
            let r = correlation(&first[..first.len() - lag], &first[lag..]);
            // Five standard errors.
            assert!(r.abs() < 5.0 / (first.len() as f64).sqrt(), "lag {lag}: {r}");
        }
        // The same request's attempts, and another stream's draws for the same requests.
        let attempt = |n| move |request| Keyed::new(mix(mix(stream, request), n)).unit();
        let tries: Vec<f64> = (0..20_000).map(attempt(0)).collect();
        let retries: Vec<f64> = (0..20_000).map(attempt(1)).collect();
        let other = name_hash(1, 0, "traffic/browse/size");
        let sizes: Vec<f64> = (0..20_000).map(|request| Keyed::new(mix(other, request)).unit()).collect();
        for (what, a, b) in [("attempts", &tries, &retries), ("purposes", &first, &sizes), ("sites", &first, &tries)] {
            let r = correlation(a, b);
            assert!(r.abs() < 5.0 / (first.len() as f64).sqrt(), "{what}: {r}");
        }
    }

    #[test]
    fn distributions_over_neighbouring_keys_are_the_distributions() {
        let stream = name_hash(3, 2, "x");
        for dist in [Dist::exponential(1.0).unwrap(), Dist::lognormal_mean_cv(0.01, 1.2).unwrap()] {
            let draws: Vec<f64> = (0..20_000).map(|i| dist.sample_secs(&mut Keyed::new(mix(stream, i)))).collect();
            let lagged = correlation(&draws[1..], &draws[..draws.len() - 1]);
            assert!(lagged.abs() < 0.036, "{lagged}");
            kolmogorov_smirnov(&dist.describe(), draws, |x| dist.cdf(x));
        }
    }
}
