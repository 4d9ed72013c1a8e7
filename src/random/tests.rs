//! Every distribution against its own distribution function, its mean, its frozen draws and its bad parameters.

use super::testing::{DRAWS, kolmogorov_smirnov};
use super::{DISTRIBUTIONS, Dist, Keyed, Stream};
use crate::time::{MAX_NANOS, SimDuration};

/// Distributions without jumps, each with its mean worked out apart from our code.
fn continuous() -> Vec<(&'static str, Dist, f64)> {
    vec![
        ("uniform", Dist::uniform(0.002, 0.008).unwrap(), 0.005),
        ("exponential", Dist::exponential(0.01).unwrap(), 0.01),
        ("erlang", Dist::erlang(3, 0.06).unwrap(), 0.06),
        ("erlang 1", Dist::erlang(1, 0.06).unwrap(), 0.06),
        ("gamma", Dist::gamma(2.5, 0.01).unwrap(), 0.01),
        ("gamma below 1", Dist::gamma(0.4, 0.01).unwrap(), 0.01),
        // 0.9 / 100 + 0.1 / 5
        ("hyperexponential", Dist::hyperexponential(vec![0.9, 0.1], vec![100.0, 5.0]).unwrap(), 0.029),
        ("lognormal mean", Dist::lognormal_mean_cv(0.006, 1.2).unwrap(), 0.006),
        // sigma = ln 10 / z(0.99) = 0.989785; exp(sigma² / 2) = 1.632051
        ("lognormal quantiles", Dist::lognormal_median_p99(0.01, 0.1).unwrap(), 0.016_320_511),
        ("normal", Dist::normal(0.01, 0.002).unwrap(), 0.010_000_002_973),
        // Half normal: sd · sqrt(2 / pi).
        ("half normal", Dist::normal(0.0, 0.002).unwrap(), 0.001_595_769),
        // scale · gamma(1 + 1/2) = scale · sqrt(pi) / 2
        ("weibull", Dist::weibull(2.0, 0.01).unwrap(), 0.008_862_269),
        // scale · gamma(3) = 2 scale
        ("weibull below 1", Dist::weibull(0.5, 0.01).unwrap(), 0.02),
        // alpha min / (alpha - 1)
        ("pareto", Dist::pareto(3.0, 0.001, None).unwrap(), 0.0015),
        // alpha = 1: L H / (H - L) · ln(H / L)
        ("bounded pareto 1", Dist::pareto(1.0, 0.001, Some(1.0)).unwrap(), 0.006_914_67),
        // alpha = 2: 2 L H / (L + H)
        ("bounded pareto 2", Dist::pareto(2.0, 0.001, Some(0.1)).unwrap(), 0.001_980_198),
        // 300 of 0.0025, 500 of 0.0075, 200 of 0.03
        ("histogram", Dist::histogram(vec![0.005, 0.01, 0.05], vec![300.0, 800.0, 1000.0]).unwrap(), 0.0105),
        (
            "mixture",
            Dist::mixture(vec![(3.0, Dist::exponential(0.01).unwrap()), (1.0, Dist::uniform(0.0, 0.1).unwrap())])
                .unwrap(),
            0.02,
        ),
    ]
}

/// Distributions with jumps, each with its mean.
fn discrete() -> Vec<(&'static str, Dist, f64)> {
    vec![
        ("constant", Dist::constant(SimDuration::from_millis(20)), 0.02),
        ("bimodal", Dist::bimodal(0.1, 0.001, 0.1).unwrap(), 0.0109),
        ("empirical", Dist::empirical(vec![0.3, 0.1, 0.2, 0.2]).unwrap(), 0.2),
        ("geometric", Dist::geometric(4.0).unwrap(), 4.0),
        // Half of the values lie beyond the last finite bound and are put there.
        ("open histogram", Dist::histogram(vec![1.0, f64::INFINITY], vec![5.0, 10.0]).unwrap(), 0.75),
        ("mixed counts", Dist::mixture(vec![(1.0, Dist::zero()), (1.0, Dist::geometric(1.0).unwrap())]).unwrap(), 0.5),
    ]
}

fn draw(dist: &Dist, name: &str, n: usize) -> Vec<f64> {
    let mut stream = Stream::new(11, 3, name);
    (0..n).map(|_| dist.sample_secs(&mut stream)).collect()
}

#[test]
fn draws_follow_the_distribution_function() {
    for (name, dist, _) in continuous() {
        kolmogorov_smirnov(name, draw(&dist, name, DRAWS), |x| dist.cdf(x));
    }
}

#[test]
fn discrete_draws_come_as_often_as_they_should() {
    for (name, dist, _) in discrete() {
        let draws = draw(&dist, name, DRAWS);
        for x in [0.0, 0.0005, 0.001, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.999, 1.0, 2.0, 3.0, 7.0] {
            let share = draws.iter().filter(|&&value| value <= x).count() as f64 / draws.len() as f64;
            // Four standard errors of a share near one half.
            assert!((share - dist.cdf(x)).abs() < 0.0142, "{name} at {x}: {share} instead of {}", dist.cdf(x));
        }
    }
}

#[test]
fn the_test_of_fit_can_fail() {
    let dist = Dist::exponential(1.0).unwrap();
    let caught = std::panic::catch_unwind(|| {
        kolmogorov_smirnov("wrong mean", draw(&dist, "x", DRAWS), |x| Dist::exponential(1.05).unwrap().cdf(x));
    });
    assert!(caught.is_err());
}

#[test]
fn means_are_the_textbook_means_and_those_of_the_draws() {
    for (name, dist, mean) in continuous().into_iter().chain(discrete()) {
        assert!((dist.mean() / mean - 1.0).abs() < 1e-6, "{name}: {} instead of {mean}", dist.mean());
        let draws = draw(&dist, name, 200_000);
        let n = draws.len() as f64;
        let seen = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|x| (x - seen) * (x - seen)).sum::<f64>() / n;
        // Five standard errors as seen.
        assert!((seen - mean).abs() <= 5.0 * (variance / n).sqrt() + 1e-12, "{name}: {seen} instead of {mean}");
    }
    assert_eq!(Dist::pareto(1.0, 1.0, None).unwrap().mean(), f64::INFINITY);
    assert!(Dist::pareto(1.0 + 1e-9, 0.001, Some(1.0)).unwrap().mean() < 0.006_915);
}

#[test]
fn lognormal_parameters_mean_what_they_say() {
    let dist = Dist::lognormal_median_p99(0.01, 0.1).unwrap();
    assert!((dist.cdf(0.01) - 0.5).abs() < 1e-12);
    assert!((dist.cdf(0.1) - 0.99).abs() < 1e-12);
    let draws = draw(&Dist::lognormal_mean_cv(2.0, 0.5).unwrap(), "cv", 200_000);
    let mean = draws.iter().sum::<f64>() / 200_000.0;
    let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 200_000.0;
    assert!((variance.sqrt() / mean - 0.5).abs() < 0.01, "{}", variance.sqrt() / mean);
}

/// The first two draws from one keyed generator, as bits, and the third as nanoseconds. A change here changes every
/// published result.
#[test]
fn draws_are_frozen() {
    let frozen: &[(&str, u64, u64, u64)] = &[
        ("uniform", 0x3f7a_6aac_c014_fbfa, 0x3f68_3e71_4138_c7fd, 3_671_607),
        ("exponential", 0x3f85_8ec9_77e9_33bf, 0x3f85_376a_0ad4_78e8, 6_522_273),
        ("erlang", 0x3fb4_1893_5e2b_00a9, 0x3f9f_5648_aca3_ef01, 37_173_193),
        ("erlang 1", 0x3fb0_2b17_19ee_e6cf, 0x3faf_d31f_103e_b55b, 39_133_638),
        ("gamma", 0x3f8b_2cd3_a3ef_4464, 0x3f73_0a0e_e67d_b6e5, 5_790_679),
        ("gamma below 1", 0x3f30_7e21_60d6_bd5a, 0x3f50_c9ef_8bc0_e67f, 1_163_935),
        ("hyperexponential", 0x3f85_376a_0ad4_78e8, 0x3f74_2c6b_5242_5d68, 49_197_364),
        ("lognormal mean", 0x3f7d_b9f1_e110_24fa, 0x3f3d_d3e1_2403_a704, 1_757_144),
        ("lognormal quantiles", 0x3f93_f28c_013f_ac94, 0x3f51_8642_8b23_a280, 4_406_054),
        ("normal", 0x3f87_3d49_281b_820f, 0x3f76_75a1_fc89_a61b, 8_343_872),
        ("half normal", 0x3f56_133f_036b_6ca0, 0x3f72_9a62_611b_6f8c, 1_555_574),
        ("weibull", 0x3f85_0310_9574_88ef, 0x3f84_d850_86a7_aa60, 8_076_059),
        ("weibull below 1", 0x3f86_b136_ae73_fbf1, 0x3f85_faba_686a_f94a, 4_254_004),
        ("pareto", 0x3f57_4536_0d09_9327, 0x3f57_2435_e40e_52c4, 1_242_852),
        ("bounded pareto 1", 0x3f6f_9b97_8d57_0675, 0x3f53_7fbc_7cc7_e2de, 1_385_661),
        ("bounded pareto 2", 0x3f60_1cb1_ec83_ee87, 0x3f51_e012_bed8_e654, 1_177_345),
        ("histogram", 0x3f83_4882_fce9_35a6, 0x3f65_d545_f970_36e7, 4_643_352),
        ("mixture", 0x3f85_376a_0ad4_78e8, 0x3f74_2c6b_5242_5d68, 49_197_364),
        ("constant", 0x3f94_7ae1_47ae_147b, 0x3f94_7ae1_47ae_147b, 20_000_000),
        ("bimodal", 0x3f50_624d_d2f1_a9fc, 0x3f50_624d_d2f1_a9fc, 1_000_000),
        ("empirical", 0x3fc9_9999_9999_999a, 0x3fb9_9999_9999_999a, 200_000_000),
        ("geometric", 0x4010_0000_0000_0000, 0x4010_0000_0000_0000, 3_000_000_000),
        ("open histogram", 0x3ff0_0000_0000_0000, 0x3fd4_77f1_99d9_3378, 557_202_261),
        ("mixed counts", 0x3ff0_0000_0000_0000, 0x0000_0000_0000_0000, 0),
    ];
    let mut all = continuous();
    all.extend(discrete());
    let mut now = Vec::new();
    for (name, dist, _) in all {
        let mut rng = Keyed::new(42);
        let (first, second) = (dist.sample_secs(&mut rng).to_bits(), dist.sample_secs(&mut rng).to_bits());
        now.push((name, first, second, dist.sample(&mut rng).as_nanos()));
    }
    assert_eq!(now, frozen);
}

#[test]
fn parameters_that_mean_nothing_are_refused_in_words() {
    let nan = f64::NAN;
    let refused: Vec<(Result<Dist, String>, &str)> = vec![
        (Dist::uniform(2.0, 1.0), "must be above `min`"),
        (Dist::uniform(-1.0, 1.0), "`min` must be a finite number, 0 or more, not -1"),
        (Dist::uniform(-1.0, -1.0), "`min` must be 0 or more"),
        (Dist::uniform(0.0, f64::INFINITY), "`max`"),
        (Dist::exponential(0.0), "`mean` must be a finite number above 0, not 0"),
        (Dist::exponential(nan), "not NaN"),
        (Dist::exponential(-1.0), "exponential"),
        (Dist::erlang(0, 1.0), "erlang: `k`"),
        (Dist::erlang(2, 0.0), "erlang: `mean`"),
        (Dist::gamma(nan, 1.0), "gamma: `shape`"),
        (Dist::gamma(1.0, -1.0), "gamma: `mean`"),
        (Dist::hyperexponential(vec![0.5], vec![1.0, 2.0]), "one value a branch"),
        (Dist::hyperexponential(vec![], vec![]), "one value a branch"),
        (Dist::hyperexponential(vec![0.5, 0.4], vec![1.0, 2.0]), "must add up to 1, not 0.9"),
        (Dist::hyperexponential(vec![1.5, -0.5], vec![1.0, 2.0]), "`p`"),
        (Dist::hyperexponential(vec![0.5, 0.5], vec![1.0, 0.0]), "`rates`"),
        (Dist::lognormal_mean_cv(0.0, 1.0), "`mean`"),
        (Dist::lognormal_mean_cv(1.0, -1.0), "`cv`"),
        (Dist::lognormal_mean_cv(nan, 0.0), "`mean`"),
        (Dist::lognormal_median_p99(2.0, 1.0), "must be above `median`"),
        (Dist::lognormal_median_p99(0.0, 1.0), "`median`"),
        (Dist::normal(-0.001, 1.0), "`mean`"),
        (Dist::normal(1.0, -1.0), "`sd`"),
        (Dist::weibull(0.0, 1.0), "`shape`"),
        (Dist::weibull(1.0, nan), "`scale`"),
        (Dist::pareto(0.0, 1.0, None), "`alpha`"),
        (Dist::pareto(1.0, 0.0, None), "`min`"),
        (Dist::pareto(1.0, 1.0, Some(1.0)), "must be above `min`"),
        (Dist::bimodal(1.1, 1.0, 2.0), "is a probability"),
        (Dist::bimodal(nan, 1.0, 2.0), "is a probability"),
        (Dist::bimodal(0.5, 2.0, 1.0), "must not be below `low`"),
        (Dist::mixture(vec![]), "at least one part"),
        (Dist::mixture(vec![(0.0, Dist::zero())]), "at least one part"),
        (Dist::mixture(vec![(-1.0, Dist::zero()), (2.0, Dist::zero())]), "`weight`"),
        (Dist::empirical(vec![]), "no values"),
        (Dist::empirical(vec![1.0, -1.0]), "`value 2`"),
        (Dist::histogram(vec![], vec![]), "one value a bucket"),
        (Dist::histogram(vec![1.0], vec![1.0, 2.0]), "one value a bucket"),
        (Dist::histogram(vec![2.0, 1.0], vec![1.0, 2.0]), "must ascend"),
        (Dist::histogram(vec![1.0, 2.0], vec![5.0, 2.0]), "cumulative"),
        (Dist::histogram(vec![1.0, 2.0], vec![0.0, 0.0]), "every `count` is 0"),
        (Dist::histogram(vec![f64::INFINITY], vec![1.0]), "finite bound before +Inf"),
        (Dist::histogram(vec![f64::INFINITY, 1.0], vec![1.0, 2.0]), "finite bounds"),
        (Dist::histogram(vec![1.0], vec![nan]), "`count`"),
        (Dist::geometric(0.5), "must be 1 or more"),
        (Dist::geometric(nan), "`mean`"),
    ];
    for (i, (result, words)) in refused.into_iter().enumerate() {
        let message = result.expect_err(&format!("case {i} ({words}) was accepted"));
        assert!(message.contains(words), "case {i}: `{message}` does not say `{words}`");
    }
}

#[test]
fn laws_without_spread_are_constants() {
    let ten = SimDuration::from_millis(10);
    for dist in [
        Dist::constant(ten),
        Dist::uniform(0.01, 0.01).unwrap(),
        Dist::lognormal_mean_cv(0.01, 0.0).unwrap(),
        Dist::lognormal_median_p99(0.01, 0.01).unwrap(),
        Dist::normal(0.01, 0.0).unwrap(),
    ] {
        assert_eq!(dist.as_constant(), Some(ten), "{}", dist.describe());
        assert_eq!(dist.sample(&mut Keyed::new(1)), ten);
    }
    assert_eq!(Dist::zero().as_constant(), Some(SimDuration::ZERO));
    assert_eq!(Dist::exponential(1.0).unwrap().as_constant(), None);
}

#[test]
fn draws_too_long_for_the_clock_are_cut() {
    let longest = SimDuration::from_nanos(MAX_NANOS / 4);
    for mean in [1e12, 1e300, f64::MAX] {
        assert_eq!(Dist::exponential(mean).unwrap().sample(&mut Keyed::new(5)), longest, "{mean}");
    }
    // A tail so heavy that the draw itself is infinite.
    let tail = Dist::pareto(1e-6, 1.0, None).unwrap();
    assert_eq!(tail.sample(&mut Keyed::new(5)), longest);
    assert_eq!(tail.sample_secs(&mut Keyed::new(5)), f64::INFINITY);
}

#[test]
fn draws_stay_inside_their_bounds() {
    let bounded = Dist::pareto(0.5, 0.001, Some(0.002)).unwrap();
    let uniform = Dist::uniform(0.001, 0.002).unwrap();
    let histogram = Dist::histogram(vec![0.001, 0.0015, 0.002], vec![0.0, 7.0, 9.0]).unwrap();
    for dist in [bounded, uniform, histogram] {
        for value in draw(&dist, "bounds", DRAWS) {
            assert!((0.001..=0.002).contains(&value), "{}: {value}", dist.describe());
        }
    }
    for value in draw(&Dist::geometric(3.0).unwrap(), "counts", DRAWS) {
        assert!(value >= 1.0 && value.fract() == 0.0, "{value}");
    }
}

#[test]
fn every_listed_distribution_can_be_built_and_described() {
    let built: Vec<String> = continuous().into_iter().chain(discrete()).map(|(_, dist, _)| dist.describe()).collect();
    for listed in DISTRIBUTIONS {
        let opening = format!("{} ", listed.name);
        assert!(built.iter().any(|line| line.starts_with(&opening)), "nothing describes itself as {}", listed.name);
    }
    assert_eq!(Dist::lognormal_mean_cv(0.006, 1.2).unwrap().describe(), "lognormal (mean 6ms, cv 1.2)");
    assert_eq!(Dist::constant(SimDuration::from_millis(20)).describe(), "constant 20ms");
    assert_eq!(Dist::pareto(1.5, 0.001, Some(2.0)).unwrap().describe(), "pareto (alpha 1.5, min 1ms, max 2s)");
}

/// Messages quote a law where its draws are out of place.
#[test]
fn every_law_describes_itself_whole() {
    let ms = |count| Dist::constant(SimDuration::from_millis(count));
    let described = [
        (Dist::uniform(0.001, 0.003), "uniform (min 1ms, max 3ms)"),
        (Dist::exponential(0.01), "exponential (mean 10ms)"),
        (Dist::erlang(3, 0.01), "erlang (k 3, mean 10ms)"),
        (Dist::gamma(0.5, 0.01), "gamma (shape 0.5, mean 10ms)"),
        (
            Dist::hyperexponential(vec![0.4, 0.6], vec![100.0, 50.0]),
            "hyperexponential (0.4 with mean 10ms, 0.6 with mean 20ms)",
        ),
        (Dist::lognormal_median_p99(0.005, 0.02), "lognormal (mean 5.971466ms, cv 0.652944)"),
        (Dist::normal(0.01, 0.002), "normal (mean 10ms, sd 2ms, not below 0)"),
        (Dist::weibull(1.5, 0.01), "weibull (shape 1.5, scale 10ms)"),
        (Dist::bimodal(0.1, 0.005, 0.1), "bimodal (low 5ms, high 100ms with probability 0.1)"),
        (Dist::mixture(vec![(9.0, ms(5)), (1.0, ms(1_000))]), "mixture (0.9 of constant 5ms, 0.1 of constant 1s)"),
        (Dist::empirical(vec![0.001, 0.003]), "empirical (2 values, mean 2ms)"),
        (Dist::histogram(vec![0.001, 0.002], vec![1.0, 2.0]), "histogram (2 buckets, mean 1ms)"),
        (Dist::geometric(3.0), "geometric (mean 3)"),
    ];
    for (dist, text) in described {
        assert_eq!(dist.expect(text).describe(), text);
    }
}

#[test]
fn a_probability_lies_between_0_and_1() {
    assert_eq!(
        Dist::bimodal(1.1, 1.0, 2.0).expect_err("more than certain"),
        "bimodal: `p` is a probability and must lie between 0 and 1, not 1.1"
    );
}

#[test]
fn a_law_of_one_value_keeps_to_the_clock() {
    assert_eq!(
        Dist::uniform(1e12, 1e12).expect_err("thirty thousand years"),
        "uniform: `min` must be 0 or more and at most 146 years, not 1000000000000 s"
    );
}
