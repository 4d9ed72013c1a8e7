//! When a kube-proxy writes its rules: as soon as something changed, but not more often than `minSyncPeriod` allows.
//!
//! Whoever asks while it writes is heard when it has done; all who asked until then are served by one run. Kubernetes 1.34
//! has replaced the older way (`pkg/util/async`, a token bucket) by a simpler one (`pkg/proxy/runner`).

use crate::time::{SimDuration, SimTime};

/// What keeps runs apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Before 1.34: a bucket of two tokens that gets one every `minSyncPeriod`. Whoever finds none waits until so much has
    /// passed since the end of the last run; whoever asks meanwhile looks into the bucket again.
    Bucket,
    /// Since 1.34: so much must have passed since the end of the last run.
    SinceLast,
}

/// How many tokens the bucket holds.
const BURST: u64 = 2;

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The rules are written now.
    Now,
    /// Ask again then.
    At(SimTime),
}

/// What one kube-proxy remembers of its runs.
#[derive(Debug, Clone, Copy)]
pub struct SyncRunner {
    spacing: Spacing,
    least: SimDuration,
    /// When the bucket would be full if nobody took anything.
    full_at: SimTime,
    /// When the last run ended.
    ended: Option<SimTime>,
}

impl SyncRunner {
    /// One that has not run for a long time.
    #[must_use]
    pub const fn new(spacing: Spacing, least: SimDuration) -> Self {
        Self { spacing, least, full_at: SimTime::ZERO, ended: None }
    }

    /// Something changed, or the time has come for which it was put off. A run that begins must be [`ended`](Self::ended)
    /// before the next request.
    pub fn asked(&mut self, now: SimTime) -> Turn {
        let next = self.ended.map_or(now, |ended| ended + self.least).max(now);
        let may_run = match self.spacing {
            Spacing::SinceLast => next == now,
            // A token is there if fewer are missing than the bucket holds.
            Spacing::Bucket => self.full_at.max(now) <= now + times(self.least, BURST - 1),
        };
        if !may_run {
            return Turn::At(next);
        }
        self.full_at = self.full_at.max(now) + self.least;
        Turn::Now
    }

    /// From when on there is a token, where tokens are what counts.
    #[must_use]
    pub fn token_at(&self) -> Option<SimTime> {
        let room = times(self.least, BURST - 1).as_nanos();
        let at = self.full_at.as_nanos().saturating_sub(room);
        (self.spacing == Spacing::Bucket).then(|| SimTime::from_nanos(at))
    }

    /// The rules are written.
    pub const fn ended(&mut self, now: SimTime) {
        self.ended = Some(now);
    }
}

fn times(span: SimDuration, count: u64) -> SimDuration {
    SimDuration::from_nanos(span.as_nanos() * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> SimTime {
        SimTime::from_nanos(millis * 1_000_000)
    }

    /// When runs end that take 100 ms, at least a second apart, if somebody asks at these times (milliseconds).
    fn ends(spacing: Spacing, asks: &[u64]) -> Vec<u64> {
        let (mut runner, mut ends) = (SyncRunner::new(spacing, SimDuration::from_secs(1)), Vec::new());
        let (mut asks, mut timer, mut busy) = (asks.iter().map(|at| ms(*at)).peekable(), None, SimTime::ZERO);
        loop {
            let now = match (asks.peek().map(|at| (*at).max(busy)), timer) {
                (None, None) => return ends,
                (Some(at), other) if other.is_none_or(|timer| at <= timer) => at,
                (_, timer) => timer.expect("one of both is there"),
            };
            while asks.next_if(|at| *at <= now).is_some() {}
            timer = match runner.asked(now) {
                Turn::At(next) => Some(next),
                Turn::Now => {
                    busy = now + SimDuration::from_millis(100);
                    runner.ended(busy);
                    ends.push(busy.as_nanos() / 1_000_000);
                    None
                }
            };
        }
    }

    #[test]
    fn two_runs_in_a_row_after_a_rest_then_one_a_second() {
        let all_the_time: Vec<u64> = (0..500).map(|ask| 10_000 + 10 * ask).collect();
        // The third begins a second after the first, when a token has come, and so on; the last one is asked for too early,
        // and waits.
        assert_eq!(ends(Spacing::Bucket, &all_the_time), [10_100, 10_200, 11_100, 12_100, 13_100, 14_100, 15_200]);
        // Whoever does not ask again waits for a second from the end of the last run.
        assert_eq!(ends(Spacing::Bucket, &[10_000, 10_050, 10_150]), [10_100, 10_200, 11_300]);
        assert_eq!(ends(Spacing::SinceLast, &all_the_time), [10_100, 11_200, 12_300, 13_400, 14_500, 15_600]);
        assert_eq!(ends(Spacing::SinceLast, &[10_000, 10_050, 11_099, 11_150]), [10_100, 11_200, 12_300]);
    }

    #[test]
    fn a_hundred_changes_between_two_runs_are_one_run() {
        let burst: Vec<u64> = (0..100).map(|ask| 10_101 + 9 * ask).collect();
        for spacing in [Spacing::Bucket, Spacing::SinceLast] {
            let first = [&[9_000, 9_050, 10_000][..], &burst].concat();
            let ends = ends(spacing, &first);
            assert!(ends.iter().filter(|end| **end > 10_200).count() <= 1, "{ends:?}");
        }
        assert_eq!(ends(Spacing::SinceLast, &[&[10_000][..], &burst].concat()), [10_100, 11_200]);
    }

    #[test]
    fn without_a_least_time_every_request_runs() {
        for spacing in [Spacing::Bucket, Spacing::SinceLast] {
            let mut runner = SyncRunner::new(spacing, SimDuration::ZERO);
            for at in [5, 5, 6, 6, 6] {
                assert_eq!(runner.asked(ms(at)), Turn::Now);
                runner.ended(ms(at));
            }
        }
    }
}
