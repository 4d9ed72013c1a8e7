//! Whether, when and at whose cost a failed try is repeated.

use crate::random::Keyed;
use crate::scenario::Retries;
use crate::time::{SimDuration, SimTime};

/// Length of the span over which a budget is saved up.
const SPAN_SECONDS: usize = 10;

/// A retry budget: retries as a share of the first tries of the last ten seconds.
///
/// Each first try deposits `share` of a retry, which can be spent within ten seconds (Finagle's and Linkerd's budgets
/// keep deposits for their `ttl` of 10 s in the same way). Deposits are kept by whole seconds.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    deposits: [f64; SPAN_SECONDS],
    second: u64,
}

impl Budget {
    fn roll(&mut self, now: SimTime) {
        let second = now.as_nanos() / crate::time::NANOS_PER_SEC;
        let passed = (second - self.second).min(SPAN_SECONDS as u64);
        for step in 1..=passed {
            self.deposits[((self.second + step) % SPAN_SECONDS as u64) as usize] = 0.0;
        }
        self.second = second;
    }

    /// A first try was sent.
    pub fn deposit(&mut self, now: SimTime, share: f64) {
        self.roll(now);
        self.deposits[(self.second % SPAN_SECONDS as u64) as usize] += share;
    }

    /// Spends one retry, oldest deposits first; says whether there was one.
    pub fn withdraw(&mut self, now: SimTime) -> bool {
        self.roll(now);
        // A share such as 0.2 deposited five times is one retry, whatever the last bit says.
        if self.deposits.iter().sum::<f64>() < 1.0 - 1e-9 {
            return false;
        }
        let mut due = 1.0;
        for age in (0..SPAN_SECONDS as u64).rev() {
            let index = ((self.second + SPAN_SECONDS as u64 - age) % SPAN_SECONDS as u64) as usize;
            let taken = self.deposits[index].min(due);
            self.deposits[index] -= taken;
            due -= taken;
        }
        true
    }
}

/// The back-off before retry number `retry` (from 0): uniform in [0, min(max, base·2^retry)], or the limit itself.
#[must_use]
pub fn back_off(retries: &Retries, retry: u32, key: u64) -> SimDuration {
    let base = retries.backoff_base.as_nanos();
    if base == 0 {
        return SimDuration::ZERO;
    }
    let doubled = if retry < 40 { base.saturating_mul(1 << retry) } else { u64::MAX };
    let limit = doubled.min(retries.backoff_max.as_nanos());
    if retries.jitter {
        let uniform = Keyed::new(key).unit() * (limit as f64 / 1e9);
        SimDuration::from_secs_f64(uniform).unwrap_or(SimDuration::from_nanos(limit))
    } else {
        SimDuration::from_nanos(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * crate::time::NANOS_PER_SEC)
    }

    fn retries(jitter: bool) -> Retries {
        Retries {
            attempts: Some(4),
            per_try: None,
            on: Vec::new(),
            on_per_try_timeout: false,
            backoff_base: SimDuration::from_millis(25),
            backoff_max: SimDuration::from_millis(250),
            jitter,
            budget: None,
        }
    }

    #[test]
    fn a_budget_saves_for_ten_seconds_and_no_longer() {
        let mut budget = Budget::default();
        for _ in 0..10 {
            budget.deposit(at(0), 0.2);
        }
        assert!(budget.withdraw(at(1)));
        assert!(budget.withdraw(at(9)));
        assert!(!budget.withdraw(at(9)));
        for _ in 0..5 {
            budget.deposit(at(20), 0.2);
        }
        assert!(!budget.withdraw(at(30)), "deposits of second 20 are ten seconds old");
        let mut fresh = Budget::default();
        (0..5).for_each(|_| fresh.deposit(at(20), 0.2));
        assert!(fresh.withdraw(at(29)));
    }

    #[test]
    fn back_off_doubles_to_its_limit() {
        let fixed: Vec<u64> = (0..6).map(|retry| back_off(&retries(false), retry, 0).as_nanos() / 1_000_000).collect();
        assert_eq!(fixed, [25, 50, 100, 200, 250, 250]);
        assert_eq!(back_off(&retries(false), 63, 0), SimDuration::from_millis(250));
    }

    #[test]
    fn jitter_is_uniform_below_the_limit() {
        let mean: f64 =
            (0..20_000).map(|key| back_off(&retries(true), 2, key * 7919).as_millis_f64()).sum::<f64>() / 20_000.0;
        assert!((mean - 50.0).abs() < 1.0, "mean {mean} of uniform [0, 100]");
    }
}
