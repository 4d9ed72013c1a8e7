//! Poisson arrivals at a rate that is piecewise linear in time.

use crate::random::Stream;
use crate::random::check::not_negative;
use crate::time::{MAX_NANOS, SimDuration, SimTime};
use rand_distr::{Distribution, Exp1};

/// Exact inversion: in units of the cumulative rate the arrivals are a Poisson process of rate 1 (Çinlar, Introduction
/// to Stochastic Processes, 1975, theorem 4.7.2), and inside a segment that cumulative rate is a parabola.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    segments: Vec<Segment>,
    current: usize,
    /// Where the last arrival lies, in expected arrivals since the current segment began.
    reached: f64,
    last: SimTime,
    stream: Stream,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u64,
    /// Seconds.
    length: f64,
    rate: f64,
    /// Change of the rate a second.
    slope: f64,
    /// Expected arrivals in the segment.
    area: f64,
}

pub(super) fn check(points: &[(SimDuration, f64)]) -> Result<(), String> {
    if points.is_empty() {
        return Err("profile: there must be at least one point".to_owned());
    }
    for &(_, rate) in points {
        not_negative("profile", "rate", rate)?;
    }
    for pair in points.windows(2) {
        if pair[1].0 < pair[0].0 {
            return Err(format!(
                "profile: the points must be in order of time, but {} follows {}",
                pair[1].0, pair[0].0
            ));
        }
    }
    if points.iter().all(|&(_, rate)| rate == 0.0) {
        return Err("profile: at least one `rate` must be above 0".to_owned());
    }
    Ok(())
}

/// From the start to the last point; the rate itself when that is no time at all.
pub(super) fn mean_rate(points: &[(SimDuration, f64)]) -> f64 {
    let segments = segments(points);
    let Some((last, before)) = segments.split_last() else { return 0.0 };
    let length: f64 = before.iter().map(|segment| segment.length).sum();
    if length > 0.0 { before.iter().map(|segment| segment.area).sum::<f64>() / length } else { last.rate }
}

/// The stretches between the points, with one before the first point if it is not at 0 and one without end behind.
fn segments(points: &[(SimDuration, f64)]) -> Vec<Segment> {
    let opening = points.first().map(|&(_, rate)| (SimDuration::ZERO, rate));
    let knots: Vec<(SimDuration, f64)> = opening.into_iter().chain(points.iter().copied()).collect();
    let mut segments: Vec<Segment> = knots
        .windows(2)
        .filter(|pair| pair[0].0 < pair[1].0)
        .map(|pair| {
            let ((from, rate), (to, next)) = (pair[0], pair[1]);
            let length = (to.as_nanos() - from.as_nanos()) as f64 / 1e9;
            Segment {
                start: from.as_nanos(),
                length,
                rate,
                slope: (next - rate) / length,
                area: 0.5 * (rate + next) * length,
            }
        })
        .collect();
    if let Some(&(from, rate)) = knots.last() {
        let area = if rate > 0.0 { f64::INFINITY } else { 0.0 };
        segments.push(Segment { start: from.as_nanos(), length: f64::INFINITY, rate, slope: 0.0, area });
    }
    segments
}

impl Segment {
    /// Seconds from the start of the segment until `expected` arrivals are due.
    fn invert(&self, expected: f64) -> f64 {
        // The root of rate·x + slope·x²/2 = expected, in the form that loses no digits when the slope is small.
        let discriminant = self.rate * self.rate + 2.0 * self.slope * expected;
        let x = 2.0 * expected / (self.rate + libm::sqrt(discriminant.max(0.0)));
        x.min(self.length)
    }
}

impl Profile {
    pub(super) fn new(points: &[(SimDuration, f64)], stream: Stream) -> Self {
        Self { segments: segments(points), current: 0, reached: 0.0, last: SimTime::ZERO, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        let gap: f64 = Exp1.sample(&mut self.stream);
        self.reached += gap;
        loop {
            let segment = self.segments.get(self.current)?;
            if self.reached < segment.area {
                let into = SimDuration::from_secs_f64(segment.invert(self.reached))?;
                let time = SimTime::from_nanos(segment.start) + into;
                if time.as_nanos() > MAX_NANOS {
                    return None;
                }
                // Rounding may not put an arrival before the one before it.
                self.last = self.last.max(time);
                return Some(self.last);
            }
            self.reached -= segment.area;
            self.current += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::kolmogorov_smirnov;

    fn points(list: &[(u64, f64)]) -> Vec<(SimDuration, f64)> {
        list.iter().map(|&(at, rate)| (SimDuration::from_secs(at), rate)).collect()
    }

    /// Ramp up, stay, jump, ramp down, pause, and go on.
    fn shape() -> Vec<(SimDuration, f64)> {
        points(&[(0, 0.0), (10, 1000.0), (20, 1000.0), (20, 3000.0), (25, 0.0), (30, 0.0), (30, 500.0)])
    }

    /// The cumulative rate of `shape`, by hand.
    fn expected(t: f64) -> f64 {
        match t {
            t if t < 10.0 => 50.0 * t * t,
            t if t < 20.0 => 5_000.0 + 1000.0 * (t - 10.0),
            t if t < 25.0 => 15_000.0 + 3000.0 * (t - 20.0) - 300.0 * (t - 20.0) * (t - 20.0),
            t if t < 30.0 => 22_500.0,
            t => 22_500.0 + 500.0 * (t - 30.0),
        }
    }

    #[test]
    fn in_units_of_the_cumulative_rate_it_is_a_poisson_process_of_rate_one() {
        let mut process = Profile::new(&shape(), Stream::new(1, 0, "profile"));
        let mut last = 0.0;
        let gaps = (0..25_000).map(|_| {
            let reached = expected(process.next().unwrap().as_secs_f64());
            let gap = reached - last;
            last = reached;
            gap
        });
        kolmogorov_smirnov("gaps", gaps.collect(), |x| -libm::expm1(-x));
    }

    #[test]
    fn counts_follow_the_integral_of_the_rate() {
        let mut counts = [0_u32; 40];
        const RUNS: u32 = 40;
        for run in 0..RUNS {
            let mut process = Profile::new(&shape(), Stream::new(1, run, "profile"));
            let mut last = SimTime::ZERO;
            while let Some(time) = process.next().filter(|time| time.as_secs_f64() < 40.0) {
                assert!(time >= last);
                last = time;
                counts[time.as_secs_f64() as usize] += 1;
            }
        }
        for (second, &count) in counts.iter().enumerate() {
            let mean = f64::from(RUNS) * (expected(second as f64 + 1.0) - expected(second as f64));
            assert!((f64::from(count) - mean).abs() <= 5.0 * mean.sqrt(), "second {second}: {count}, not {mean}");
        }
        assert_eq!(counts[25..30], [0; 5]);
    }

    #[test]
    fn nothing_comes_after_a_last_rate_of_zero() {
        let ends = points(&[(0, 10.0), (5, 10.0), (5, 0.0)]);
        let mut process = Profile::new(&ends, Stream::new(1, 0, "x"));
        let mut count = 0;
        while let Some(time) = process.next() {
            assert!(time < SimTime::from_nanos(5_000_000_000));
            count += 1;
        }
        assert!((20..90).contains(&count), "{count}");
        assert_eq!(process.next(), None);
    }

    #[test]
    fn before_the_first_point_its_rate_holds() {
        let mut process = Profile::new(&points(&[(10, 1000.0), (20, 0.0)]), Stream::new(1, 0, "x"));
        let early = std::iter::from_fn(|| process.next()).filter(|time| time.as_secs_f64() < 10.0).count() as f64;
        assert!((early - 10_000.0).abs() < 500.0, "{early}");
    }

    #[test]
    fn the_mean_rate_is_the_area_over_the_length() {
        assert!((mean_rate(&shape()) - 750.0).abs() < 1e-9);
        assert_eq!(mean_rate(&points(&[(0, 5.0)])), 5.0);
    }

    #[test]
    fn bad_points_are_refused_in_words() {
        for (list, words) in [
            (vec![], "at least one point"),
            (points(&[(0, -1.0)]), "`rate`"),
            (points(&[(0, f64::NAN)]), "not NaN"),
            (points(&[(5, 1.0), (4, 1.0)]), "4s follows 5s"),
            (points(&[(0, 0.0), (4, 0.0)]), "above 0"),
        ] {
            let message = check(&list).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(check(&shape()), Ok(()));
    }
}
