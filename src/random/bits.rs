//! From random bits to uniform numbers.

use rand::Rng;

/// A float in [0, 1): the upper 53 bits of one draw.
#[inline]
pub(super) fn unit<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * STEP
}

/// An integer in [0, n) without bias, by Lemire's multiplication (ACM TOMACS 29(1), 2019, algorithm 5).
///
/// # Panics
/// If `n` is 0: there is nothing to choose from.
#[inline]
pub(super) fn below<R: Rng + ?Sized>(rng: &mut R, n: u32) -> u32 {
    assert!(n > 0, "a number below 0 was asked for");
    let mut product = (rng.next_u64() >> 32) * u64::from(n);
    if (product as u32) < n {
        // Of the 2^32 values, 2^32 mod n are one too many; the division is reached with probability n / 2^32 only.
        let surplus = n.wrapping_neg() % n;
        while (product as u32) < surplus {
            product = (rng.next_u64() >> 32) * u64::from(n);
        }
    }
    (product >> 32) as u32
}

/// Independent integers in [0, n) and [0, m) without bias, from one draw: what the first multiplication leaves of the
/// word is used up by the second (Brackett-Rozinsky and Lemire, "Batched ranged random integer generation", 2024).
///
/// # Panics
/// If `n` or `m` is 0.
#[inline]
pub(super) fn below_both<R: Rng + ?Sized>(rng: &mut R, n: u32, m: u32) -> (u32, u32) {
    let pairs = u64::from(n) * u64::from(m);
    assert!(pairs > 0, "a number below 0 was asked for");
    let split = |word: u64| {
        let first = u128::from(word) * u128::from(n);
        let second = u128::from(first as u64) * u128::from(m);
        (((first >> 64) as u32, (second >> 64) as u32), second as u64)
    };
    let (mut both, mut rest) = split(rng.next_u64());
    if rest < pairs {
        let surplus = pairs.wrapping_neg() % pairs;
        while rest < surplus {
            (both, rest) = split(rng.next_u64());
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Keyed;
    use crate::random::testing::Scripted;

    #[test]
    fn the_ends_of_the_unit_interval() {
        assert_eq!(unit(&mut Scripted::new(&[0])), 0.0);
        assert_eq!(unit(&mut Scripted::new(&[u64::MAX])), 1.0 - f64::EPSILON / 2.0);
        assert_eq!(unit(&mut Scripted::new(&[1 << 63])), 0.5);
    }

    #[test]
    fn surplus_values_are_drawn_again() {
        // 2^32 mod 3 = 1: exactly the value 0 must be refused, the value 1 is the smallest that counts.
        let mut rng = Scripted::new(&[0, 0, 1 << 32]);
        assert_eq!(below(&mut rng, 3), 0);
        assert_eq!(rng.used(), 3);
        let mut rng = Scripted::new(&[u64::MAX]);
        assert_eq!(below(&mut rng, 3), 2);
        // A power of two has no surplus.
        let mut rng = Scripted::new(&[0]);
        assert_eq!(below(&mut rng, 4), 0);
        assert_eq!(rng.used(), 1);
        assert_eq!(below(&mut Scripted::new(&[u64::MAX]), 1), 0);
    }

    #[test]
    fn every_value_comes_equally_often() {
        let mut rng = Keyed::new(7);
        let mut seen = [0_u32; 6];
        for _ in 0..60_000 {
            seen[below(&mut rng, 6) as usize] += 1;
        }
        // Chi-square with 5 degrees of freedom: 25.7 is the critical value at 1e-4.
        let statistic: f64 = seen.iter().map(|&n| (f64::from(n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(statistic < 25.7, "{seen:?}");
    }

    #[test]
    fn pairs_are_uniform_and_surplus_words_are_drawn_again() {
        // The word 0 leaves a rest of 0, which is below 2^64 mod 15 = 1.
        let mut rng = Scripted::new(&[0, u64::MAX]);
        assert_eq!(below_both(&mut rng, 3, 5), (2, 4));
        assert_eq!(rng.used(), 2);
        // A power of two of pairs has no surplus.
        let mut rng = Scripted::new(&[0]);
        assert_eq!((below_both(&mut rng, 4, 2), rng.used()), ((0, 0), 1));
        // The halves of the interval of `first` = 1 of 2.
        assert_eq!(below_both(&mut Scripted::new(&[(1 << 63) + (1 << 62)]), 2, 2), (1, 1));
        assert_eq!(below_both(&mut Scripted::new(&[(1 << 63) + (1 << 61)]), 2, 2), (1, 0));

        let mut rng = Keyed::new(11);
        let mut seen = [0_u32; 42];
        for _ in 0..420_000 {
            let (first, second) = below_both(&mut rng, 7, 6);
            seen[(first * 6 + second) as usize] += 1;
        }
        // Chi-square with 41 degrees of freedom: 84.8 is the critical value at 1e-4.
        let statistic: f64 = seen.iter().map(|&n| (f64::from(n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(statistic < 84.8, "{statistic} {seen:?}");
    }

    #[test]
    #[should_panic(expected = "below 0")]
    fn nothing_to_choose_from() {
        below(&mut Keyed::new(1), 0);
    }
}
