//! e^x, fast and the same on every platform.
//!
//! A lognormal draw costs one exponential function, and a request can need several of them. This one uses no division
//! and no branch that depends on the draw: x = (64 m + j)·ln 2/64 + r with |r| ≤ ln 2/128, so e^x = 2^m · 2^(j/64) · e^r
//! with 64 stored values of 2^(j/64) and a polynomial of degree 5 for e^r (its remainder, r^6/720, is below 4·10^-17).
//! ln 2/64 is taken in two parts (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980). Only
//! additions and multiplications of IEEE doubles are used, which every platform rounds alike.

/// Beyond this the library's function takes over: results near the ends of the range need its care.
const LIMIT: f64 = 690.0;
/// 64/ln 2.
const PER_STEP: f64 = f64::from_bits(0x40571547652b82fe);
/// ln 2/64, the leading bits.
const STEP_HIGH: f64 = f64::from_bits(0x3f862e4200000000);
/// ln 2/64, the rest.
const STEP_LOW: f64 = f64::from_bits(0x3e3fdf473de6af28);
/// 1.5·2^52: adding it rounds to the nearest whole number, which then stands in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// e^x within 3 units in the last place.
#[inline]
pub(super) fn exp(x: f64) -> f64 {
    if !(-LIMIT..=LIMIT).contains(&x) {
        return libm::exp(x);
    }
    let rounded = x * PER_STEP + ROUNDER;
    let steps = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i64;
    let whole = rounded - ROUNDER;
    let r = (x - whole * STEP_HIGH) - whole * STEP_LOW;
    let square = r * r;
    let tail = square * ((0.5 + r * (1.0 / 6.0)) + square * (1.0 / 24.0 + r * (1.0 / 120.0)));
    // The power of two goes straight into the exponent: within the limit neither end of the range is near.
    let base = f64::from_bits(POWERS[(steps & 63) as usize].wrapping_add((steps >> 6).cast_unsigned() << 52));
    base + base * (r + tail)
}

/// The bits of 2^(j/64).
const POWERS: [u64; 64] = [
    0x3ff0_0000_0000_0000,
    0x3ff0_2c9a_3e77_8061,
    0x3ff0_59b0_d315_8574,
    0x3ff0_8745_1875_9bc8,
    0x3ff0_b558_6cf9_890f,
    0x3ff0_e3ec_32d3_d1a2,
    0x3ff1_1301_d012_5b51,
    0x3ff1_429a_aea9_2de0,
    0x3ff1_72b8_3c7d_517b,
    0x3ff1_a35b_eb6f_cb75,
    0x3ff1_d487_3168_b9aa,
    0x3ff2_063b_8862_8cd6,
    0x3ff2_387a_6e75_6238,
    0x3ff2_6b45_65e2_7cdd,
    0x3ff2_9e9d_f51f_dee1,
    0x3ff2_d285_a6e4_030b,
    0x3ff3_06fe_0a31_b715,
    0x3ff3_3c08_b264_16ff,
    0x3ff3_71a7_373a_a9cb,
    0x3ff3_a7db_34e5_9ff7,
    0x3ff3_dea6_4c12_3422,
    0x3ff4_160a_21f7_2e2a,
    0x3ff4_4e08_6061_892d,
    0x3ff4_86a2_b5c1_3cd0,
    0x3ff4_bfda_d536_2a27,
    0x3ff4_f9b2_769d_2ca7,
    0x3ff5_342b_569d_4f82,
    0x3ff5_6f47_36b5_27da,
    0x3ff5_ab07_dd48_5429,
    0x3ff5_e76f_15ad_2148,
    0x3ff6_247e_b03a_5585,
    0x3ff6_6238_8255_2225,
    0x3ff6_a09e_667f_3bcd,
    0x3ff6_dfb2_3c65_1a2f,
    0x3ff7_1f75_e8ec_5f74,
    0x3ff7_5feb_5642_67c9,
    0x3ff7_a114_73eb_0187,
    0x3ff7_e2f3_36cf_4e62,
    0x3ff8_2589_994c_ce13,
    0x3ff8_68d9_9b44_92ed,
    0x3ff8_ace5_422a_a0db,
    0x3ff8_f1ae_9915_7736,
    0x3ff9_3737_b0cd_c5e5,
    0x3ff9_7d82_9fde_4e50,
    0x3ff9_c491_82a3_f090,
    0x3ffa_0c66_7b5d_e565,
    0x3ffa_5503_b23e_255d,
    0x3ffa_9e6b_5579_fdbf,
    0x3ffa_e89f_995a_d3ad,
    0x3ffb_33a2_b84f_15fb,
    0x3ffb_7f76_f2fb_5e47,
    0x3ffb_cc1e_904b_c1d2,
    0x3ffc_199b_dd85_529c,
    0x3ffc_67f1_2e57_d14b,
    0x3ffc_b720_dcef_9069,
    0x3ffd_072d_4a07_897c,
    0x3ffd_5818_dcfb_a487,
    0x3ffd_a9e6_03db_3285,
    0x3ffd_fc97_337b_9b5f,
    0x3ffe_502e_e78b_3ff6,
    0x3ffe_a4af_a2a4_90da,
    0x3ffe_fa1b_ee61_5a27,
    0x3fff_5076_5b6e_4540,
    0x3fff_a7c1_819e_90d8,
];

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn agrees_with_the_library_everywhere() {
        let mut worst = 0.0_f64;
        for step in -200_000..=200_000 {
            let x = f64::from(step) * 0.003_487_231;
            let (fast, exact) = (exp(x), libm::exp(x));
            worst = worst.max((fast / exact - 1.0).abs());
        }
        assert!(worst < 7e-16, "relative error {worst}");
    }

    #[test]
    fn special_values() {
        assert_eq!(exp(0.0).to_bits(), 1.0_f64.to_bits());
        assert_eq!(exp(f64::NEG_INFINITY).to_bits(), 0.0_f64.to_bits());
        assert!(exp(f64::INFINITY).is_infinite() && exp(f64::NAN).is_nan() && exp(800.0).is_infinite());
    }
}
