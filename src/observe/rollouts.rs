//! What is observed of a rollout, from the change of a workload's template until another one or the end of the run.

use std::collections::{BTreeMap, VecDeque};

use crate::cause::FailureCause;
use crate::time::{SimDuration, SimTime};

/// How often requests are counted by pod.
pub const BETWEEN_COUNTS: SimDuration = SimDuration::from_secs(1);
/// Of how many counts the balance is judged together.
const TOGETHER: usize = 10;
/// How far the count of a pod may lie from the mean, as a share of it, beyond what is chance.
const TOLERANCE: f64 = 0.25;
/// What is chance: so many standard deviations of a count whose mean is known.
const DEVIATIONS: f64 = 4.0;

/// The observations of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutOutcome {
    /// The workload, as targets are written.
    pub target: String,
    /// When its template was changed.
    pub began: SimTime,
    /// When all pods were of that template and available, and no others were wanted.
    pub completed: Option<SimTime>,
    /// Until when it was observed.
    pub until: SimTime,
    /// Measured requests of traffics that failed meanwhile, by cause.
    pub failed: BTreeMap<FailureCause, u64>,
    /// When the first and the last of these failed.
    pub failures: Option<(SimTime, SimTime)>,
    /// The longest time without one.
    pub longest_quiet: SimDuration,
    /// Most pods that existed at once, those on their way out included.
    pub most_pods: u32,
    /// Fewest pods that were ready at once.
    pub fewest_ready: u32,
    /// From when on, after its completion, the pods had their shares of the requests.
    pub balanced: Option<SimTime>,
}

/// A rollout under observation.
#[derive(Debug)]
pub struct Observed {
    outcome: RolloutOutcome,
    /// When something failed last, or the beginning.
    quiet_since: SimTime,
    shares: Shares,
}

impl Observed {
    /// A rollout that begins; the workload has so many pods, and so many are ready.
    #[must_use]
    pub fn new(target: String, now: SimTime, pods: u32, ready: u32) -> Self {
        let outcome = RolloutOutcome {
            target,
            began: now,
            completed: None,
            until: now,
            failed: BTreeMap::new(),
            failures: None,
            longest_quiet: SimDuration::ZERO,
            most_pods: pods,
            fewest_ready: ready,
            balanced: None,
        };
        Self { outcome, quiet_since: now, shares: Shares::default() }
    }

    /// Whether the rollout is complete and the pods do not have their shares yet.
    #[must_use]
    pub const fn awaits_balance(&self) -> bool {
        self.outcome.completed.is_some() && self.outcome.balanced.is_none()
    }

    /// A request failed.
    pub fn failed(&mut self, cause: FailureCause, now: SimTime) {
        let outcome = &mut self.outcome;
        *outcome.failed.entry(cause).or_default() += 1;
        outcome.failures = Some((outcome.failures.map_or(now, |(first, _)| first), now));
        outcome.longest_quiet = outcome.longest_quiet.max(now.since(self.quiet_since));
        self.quiet_since = now;
    }

    /// The workload has so many pods now, and so many are ready.
    pub fn pods(&mut self, pods: u32, ready: u32) {
        self.outcome.most_pods = self.outcome.most_pods.max(pods);
        self.outcome.fewest_ready = self.outcome.fewest_ready.min(ready);
    }

    /// The rollout is complete; what is complete stays so, whatever happens to its pods later.
    pub fn completed(&mut self, now: SimTime) {
        self.outcome.completed.get_or_insert(now);
    }

    /// Requests that came to each ready pod since the last count.
    pub fn counted(&mut self, counts: BTreeMap<u32, u64>, now: SimTime) {
        if !self.awaits_balance() {
            return;
        }
        self.shares.add(counts);
        if self.shares.are_even() {
            let back = BETWEEN_COUNTS.as_nanos() * TOGETHER as u64;
            let since = SimTime::from_nanos(now.as_nanos().saturating_sub(back));
            self.outcome.balanced = self.outcome.completed.map(|completed| completed.max(since));
        }
    }

    /// What was observed.
    #[must_use]
    pub fn finish(mut self, now: SimTime) -> RolloutOutcome {
        self.outcome.until = now;
        self.outcome.longest_quiet = self.outcome.longest_quiet.max(now.since(self.quiet_since));
        self.outcome
    }
}

/// Requests by pod over the last counts.
#[derive(Debug, Default)]
struct Shares {
    counts: VecDeque<BTreeMap<u32, u64>>,
}

impl Shares {
    fn add(&mut self, counts: BTreeMap<u32, u64>) {
        // With other pods the count begins anew.
        if self.counts.back().is_some_and(|last| !last.keys().eq(counts.keys())) {
            self.counts.clear();
        }
        self.counts.push_back(counts);
        if self.counts.len() > TOGETHER {
            self.counts.pop_front();
        }
    }

    /// Whether each pod got its share, as far as chance lets it be told.
    fn are_even(&self) -> bool {
        if self.counts.len() < TOGETHER {
            return false;
        }
        let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
        for (pod, count) in self.counts.iter().flatten() {
            *sums.entry(*pod).or_default() += count;
        }
        let mean = sums.values().sum::<u64>() as f64 / sums.len().max(1) as f64;
        let far = TOLERANCE * mean + DEVIATIONS * mean.sqrt();
        mean > 0.0 && sums.values().all(|count| (*count as f64 - mean).abs() <= far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(second)
    }

    #[test]
    fn failures_part_the_time() {
        let mut rollout = Observed::new("deployment/web".to_owned(), at(10), 4, 4);
        rollout.failed(FailureCause::Refused, at(15));
        rollout.failed(FailureCause::Reset, at(16));
        rollout.failed(FailureCause::Refused, at(18));
        rollout.pods(6, 3);
        rollout.pods(4, 4);
        rollout.completed(at(20));
        rollout.completed(at(25));
        let outcome = rollout.finish(at(30));
        assert_eq!(outcome.failed, [(FailureCause::Refused, 2), (FailureCause::Reset, 1)].into());
        assert_eq!(outcome.failures, Some((at(15), at(18))));
        assert_eq!(outcome.longest_quiet, SimDuration::from_secs(12));
        assert_eq!((outcome.most_pods, outcome.fewest_ready), (6, 3));
        assert_eq!((outcome.completed, outcome.until, outcome.balanced), (Some(at(20)), at(30), None));
    }

    /// The last of three pods gets nothing for five counts, then its share.
    #[test]
    fn the_balance_is_judged_over_ten_counts() {
        let mut rollout = Observed::new("deployment/web".to_owned(), at(0), 3, 3);
        let count = |last: u64| BTreeMap::from([(4, 100), (5, 100), (6, last)]);
        rollout.counted(count(100), at(0));
        rollout.completed(at(0));
        for second in 1..=5 {
            rollout.counted(count(0), at(second));
        }
        let mut even = None;
        for second in 6..=40 {
            rollout.counted(count(100), at(second));
            if !rollout.awaits_balance() {
                even.get_or_insert(second);
            }
        }
        // Of the last ten counts four may be without: 600 where the mean is 867, of which 217 + 118 may lack.
        assert_eq!(even, Some(11));
        assert_eq!(rollout.finish(at(40)).balanced, Some(at(1)));
    }

    #[test]
    fn chance_is_no_imbalance_and_silence_no_balance() {
        let mut few = Shares::default();
        (0..TOGETHER).for_each(|_| few.add(BTreeMap::from([(0, 1), (1, 0)])));
        assert!(few.are_even(), "10 and 0 requests are too few to tell");
        let mut many = Shares::default();
        (0..TOGETHER).for_each(|_| many.add(BTreeMap::from([(0, 10), (1, 0)])));
        assert!(!many.are_even());
        let mut none = Shares::default();
        (0..TOGETHER).for_each(|_| none.add(BTreeMap::from([(0, 0), (1, 0)])));
        assert!(!none.are_even());
        many.add(BTreeMap::from([(0, 10), (2, 10)]));
        assert_eq!(many.counts.len(), 1, "other pods");
    }
}
