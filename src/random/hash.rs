//! The frozen hashes behind every stream: change one constant and every published result changes.

/// 2^64 divided by the golden ratio, made odd: the increment of SplitMix64.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; constants: Stafford's variant 13); a bijection.
#[inline]
pub(super) const fn finish(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Mixes two words into one, frozen for ever.
///
/// For a fixed `a` different `b` never collide, and the other way round; the order of the two matters. The part that
/// depends on `a` alone is worth keeping by the caller's compiler: `a` is usually the hash of a stream.
#[inline]
#[must_use]
pub const fn mix(a: u64, b: u64) -> u64 {
    finish(finish(a.wrapping_add(GOLDEN)).wrapping_add(b))
}

/// The first word of [`mix`], worked out once for many second words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixer(u64);

impl Mixer {
    /// For `mix(a, …)`.
    #[must_use]
    pub const fn new(a: u64) -> Self {
        Self(finish(a.wrapping_add(GOLDEN)))
    }

    /// `mix(a, b)`.
    #[inline]
    #[must_use]
    pub const fn mix(self, b: u64) -> u64 {
        finish(self.0.wrapping_add(b))
    }
}

/// The hash of a stream's name under a seed and a replication, frozen for ever.
#[must_use]
pub fn name_hash(seed: u64, replication: u32, name: &str) -> u64 {
    let mut hash = mix(seed, u64::from(replication));
    for chunk in name.as_bytes().chunks(8) {
        let mut word = [0_u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = mix(hash, u64::from_le_bytes(word));
    }
    // The length tells a name from the same name with zero bytes behind it.
    mix(hash, name.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_hashes_are_frozen() {
        assert_eq!(mix(0, 0), 0x4821_8226_ff3c_d4bf);
        assert_eq!(mix(1, 0), 0xdce4_23fc_82c0_d5b8);
        assert_eq!(mix(0, 1), 0xea85_68d2_e45f_d6cb);
        assert_eq!(Mixer::new(0).mix(1), mix(0, 1));
        assert_eq!(Mixer::new(u64::MAX).mix(77), mix(u64::MAX, 77));
        assert_eq!(mix(u64::MAX, 0x0123_4567_89ab_cdef), 0x42fc_52b7_c4d9_dd3d);
        assert_eq!(name_hash(1, 0, ""), 0xca74_a130_dbee_ecb1);
        assert_eq!(name_hash(1, 0, "traffic/browse/arrivals"), 0xd88e_5fdc_50aa_4e89);
        assert_eq!(name_hash(1, 1, "traffic/browse/arrivals"), 0x4464_2c49_7d10_a7c3);
        assert_eq!(name_hash(2, 0, "traffic/browse/arrivals"), 0x3804_e5e8_8676_f581);
    }

    #[test]
    fn one_flipped_bit_flips_half_of_the_hash() {
        for bit in 0..64 {
            let flipped: u32 = (0..512_u64)
                .map(|i| {
                    let first = (mix(i, 5) ^ mix(i ^ (1 << bit), 5)).count_ones();
                    first + (mix(5, i) ^ mix(5, i ^ (1 << bit))).count_ones()
                })
                .sum();
            let mean = f64::from(flipped) / 1024.0;
            assert!((mean - 32.0).abs() < 0.6, "bit {bit}: {mean}");
        }
    }

    #[test]
    fn different_inputs_give_different_hashes() {
        let mut seen = BTreeSet::new();
        for seed in 0..20 {
            for replication in 0..20 {
                for name in ["", "\0", "a", "a\0", "b", "ab", "ba", "aaaaaaaa", "aaaaaaaab", "baaaaaaaa"] {
                    assert!(seen.insert(name_hash(seed, replication, name)), "{seed} {replication} {name:?}");
                }
            }
        }
    }
}
