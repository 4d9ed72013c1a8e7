//! What holds for every arrival process.

use super::{ARRIVALS, Spec, Trace, TraceColumns};
use crate::random::{Dist, Stream};
use crate::time::{SimDuration, SimTime};
use std::sync::Arc;

fn every_spec() -> Vec<Spec> {
    let rows: String = (0..200_000).map(|i| format!("{}\n", i as f64 / 500.0)).collect();
    let trace = Trace::from_csv(format!("arrival_s\n{rows}"), &TraceColumns::default()).unwrap();
    let second = SimDuration::from_secs(1);
    vec![
        Spec::poisson(500.0).unwrap(),
        Spec::constant(500.0).unwrap(),
        Spec::renewal(Dist::lognormal_mean_cv(0.002, 2.0).unwrap()).unwrap(),
        Spec::profile(vec![(SimDuration::ZERO, 500.0), (second, 500.0)]).unwrap(),
        Spec::day(500.0, 0.8, second).unwrap(),
        Spec::mmpp(vec![1000.0, 0.0], vec![0.01, 0.01]).unwrap(),
        Spec::batches(100.0, Dist::geometric(5.0).unwrap()).unwrap(),
        Spec::trace(Arc::new(trace)),
        Spec::closed(10, Dist::zero()).unwrap(),
    ]
}

#[test]
fn the_mean_rate_is_the_rate_of_the_arrivals() {
    for spec in every_spec() {
        let Some(rate) = spec.mean_rate() else {
            assert_eq!(spec.name(), "closed");
            assert_eq!(spec.build(Stream::new(1, 0, "closed")).next(), None);
            continue;
        };
        assert!((rate - 500.0).abs() < 1e-6, "{}: {rate}", spec.name());
        let last = spec.build(Stream::new(2, 0, spec.name())).take(200_000).last().unwrap();
        let seen = 200_000.0 / last.as_secs_f64();
        // The most variable, batches, have a standard error of 0.7 %.
        assert!((seen / 500.0 - 1.0).abs() < 0.035, "{}: {seen}", spec.name());
    }
}

#[test]
fn times_never_decrease_and_equal_streams_give_equal_times() {
    for spec in every_spec() {
        let times = |replication| -> Vec<SimTime> {
            spec.build(Stream::new(2, replication, spec.name())).take(20_000).collect()
        };
        let first = times(0);
        assert!(first.is_sorted(), "{}", spec.name());
        assert_eq!(first, times(0), "{}", spec.name());
        let random = !matches!(spec, Spec::Constant { .. } | Spec::Trace(_) | Spec::Closed { .. });
        assert_eq!(first != times(1), random, "{}", spec.name());
    }
}

/// The arrivals number 0, 1 and 10,000 of every process, in nanoseconds. A change here changes published results.
#[test]
fn arrivals_are_frozen() {
    let frozen: &[(&str, u64, u64, u64)] = &[
        ("poisson", 1_265_324, 2_511_550, 20_043_466_639),
        ("constant", 0, 2_000_000, 20_000_000_000),
        ("renewal", 2_333_524, 3_160_933, 20_042_209_779),
        ("profile", 1_265_324, 2_511_550, 20_043_466_640),
        ("day", 702_957, 1_340_295, 20_169_105_956),
        ("mmpp", 6_494_415, 7_343_732, 20_101_565_385),
        ("batches", 6_326_620, 6_326_620, 20_424_388_035),
        ("trace", 0, 2_000_000, 20_000_000_000),
    ];
    let mut now = Vec::new();
    for spec in every_spec() {
        let times: Vec<u64> =
            spec.build(Stream::new(1, 0, "traffic/browse/arrivals")).take(10_001).map(SimTime::as_nanos).collect();
        if let (Some(first), Some(second), Some(last)) = (times.first(), times.get(1), times.get(10_000)) {
            now.push((spec.name(), *first, *second, *last));
        }
    }
    assert_eq!(now, frozen);
}

#[test]
fn bad_parameters_are_refused() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Spec::poisson(rate).unwrap_err().contains("poisson: `rate`"));
        assert!(Spec::constant(rate).unwrap_err().contains("constant: `rate`"));
        assert!(Spec::batches(rate, Dist::geometric(1.0).unwrap()).is_err());
        assert!(Spec::day(rate, 0.5, SimDuration::from_secs(1)).is_err());
    }
    assert!(Spec::renewal(Dist::zero()).is_err());
    assert!(Spec::profile(vec![]).is_err());
    assert!(Spec::mmpp(vec![], vec![]).is_err());
    let second = SimDuration::from_secs(1);
    assert_eq!(
        Spec::day(1.0, 1.5, second),
        Err("day: `amplitude` is a share of the mean and must lie between 0 and 1, not 1.5".to_owned())
    );
    assert_eq!(Spec::day(1.0, 0.5, SimDuration::ZERO), Err("day: `period` must be above 0".to_owned()));
    assert_eq!(
        Spec::batches(1.0, Dist::zero()),
        Err("batches: `size` must not always be 0, as with constant 0s".to_owned())
    );
    assert_eq!(Spec::closed(0, Dist::zero()), Err("closed: `users` must be 1 or more".to_owned()));
}

#[test]
fn the_list_holds_every_process() {
    let listed: Vec<&str> = ARRIVALS.iter().map(|listed| listed.name).collect();
    let built: Vec<&str> = every_spec().iter().map(Spec::name).collect();
    assert_eq!(listed, built);
}
