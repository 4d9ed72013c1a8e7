//! Helpers of tests: a test of fit, a correlation, a scripted generator.

use rand::TryRng;
use std::convert::Infallible;

/// Draws a test of fit compares.
pub(crate) const DRAWS: usize = 20_000;

/// Fails when `draws` do not follow `cdf`: Kolmogorov–Smirnov, one sample, two-sided, at a level of 1e-4.
pub(crate) fn kolmogorov_smirnov(what: &str, mut draws: Vec<f64>, cdf: impl Fn(f64) -> f64) {
    // The asymptotic law: P(sqrt(n) D > c) is about 2 exp(-2 c²), so c = sqrt(-ln(1e-4 / 2) / 2).
    const CRITICAL: f64 = 2.225_2;
    draws.sort_by(f64::total_cmp);
    let n = draws.len() as f64;
    let (mut distance, mut place) = (0.0_f64, 0.0);
    for (i, &x) in draws.iter().enumerate() {
        let p = cdf(x);
        let here = (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs());
        if here > distance {
            (distance, place) = (here, x);
        }
    }
    assert!(distance < CRITICAL / n.sqrt(), "{what}: the draws are {distance} from the law at {place}");
}

/// Pearson's correlation.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - mean_a) * (y - mean_b);
        aa += (x - mean_a) * (x - mean_a);
        bb += (y - mean_b) * (y - mean_b);
    }
    ab / (aa * bb).sqrt()
}

/// A generator that gives back a list of words.
pub(crate) struct Scripted {
    words: Vec<u64>,
    used: usize,
}

impl Scripted {
    pub(crate) fn new(words: &[u64]) -> Self {
        Self { words: words.to_vec(), used: 0 }
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }
}

impl TryRng for Scripted {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.used += 1;
        Ok(self.words[self.used - 1])
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}
