//! Compares the replications of a metric with a known result.
//!
//! By error (the default): pass when |mean − value| is at most 5.3 standard errors plus the known value's own error, and
//! the standard error is at most half the tolerance; else `imprecise`, and the run should be longer. By tolerance: pass
//! when |mean − value| is at most the tolerance plus that error. A negative control (`not: true`) turns this round: it
//! passes when the value is told apart. What was measured is compared with all its repeats (`measured.rs`).

use super::measured::{first_difference, nearest_in_range, within_spread};
use crate::observe::outcome::MetricValue;
use crate::scenario::metric::{Across, Statistic};
use crate::scenario::{ExpectBy, Expectation, ExpectedValue};
use crate::stats::{Moments, nearest_rank, t_quantile};

/// Standard errors that a mean of 32 or more replications may be off: chance exceeds this once in 100,000 times.
const STANDARD_ERRORS: f64 = 5.3;

/// Replications from which [`STANDARD_ERRORS`] holds; fewer get the Student-t quantile of the same probability.
const ENOUGH_REPLICATIONS: usize = 32;

/// Clock readings are whole nanoseconds and known values have about ten digits: what this is off by is equal.
const ROUNDING: f64 = 5e-9;

/// Quantiles of long runs come from buckets this wide.
const BUCKET_WIDTH: f64 = 1e-3;

/// Whether a build reproduces a known value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Fail,
    /// The run is too short to say; counts as failed.
    Imprecise,
}

impl Verdict {
    /// The word in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Imprecise => "imprecise",
        }
    }
}

/// What the replications of a metric came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The estimate; several for a list, none where nothing was observed.
    pub mean: MetricValue,
    /// Its standard error, where it has one.
    pub se: Option<f64>,
    /// How many replications.
    pub replications: usize,
    /// What follows.
    pub verdict: Verdict,
    /// What is odd, for people.
    pub note: Option<String>,
}

/// The values of one metric, one a replication, as little of them as the verdict needs.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    numbers: Vec<f64>,
    /// The first list or sequence that differs from the known one, or the first of all.
    other: Option<MetricValue>,
    wrong: bool,
}

impl Observed {
    /// Adds the value of one replication.
    pub fn add(&mut self, expectation: &Expectation, value: &MetricValue) {
        if let MetricValue::Number(number) = value
            && matches!(expectation.value, ExpectedValue::Number(_) | ExpectedValue::Repeats(_))
        {
            self.numbers.push(*number);
            return;
        }
        // A list is compared replication by replication, so that two errors cannot cancel.
        let wrong = !same(expectation, value);
        if self.other.is_none() || (wrong && !self.wrong) {
            self.other = Some(value.clone());
        }
        self.wrong |= wrong;
        self.numbers.push(f64::NAN);
    }

    /// Judges what was added. With `quick`, the run was shortened on purpose and need not be precise.
    #[must_use]
    pub fn judge(&self, expectation: &Expectation, quick: bool) -> Judgement {
        match (&expectation.value, &self.other) {
            (ExpectedValue::Number(value), None) => self.judge_number(expectation, &[*value], quick),
            (ExpectedValue::Repeats(values), None) => self.judge_number(expectation, values, quick),
            (known, Some(other)) => Judgement {
                mean: other.clone(),
                se: None,
                replications: self.numbers.len(),
                verdict: if self.wrong == expectation.not { Verdict::Pass } else { Verdict::Fail },
                note: match (known, other) {
                    (ExpectedValue::Sequences(repeats), MetricValue::Names(found)) => first_difference(found, repeats),
                    _ => None,
                },
            },
            (_, None) => nothing_observed(),
        }
    }

    fn judge_number(&self, expectation: &Expectation, known: &[f64], quick: bool) -> Judgement {
        let n = self.numbers.len();
        if n == 0 {
            return nothing_observed();
        }
        let missing = self.numbers.iter().filter(|number| !number.is_finite()).count();
        if missing > 0 && !matches!(expectation.metric.across, Across::Equals(_)) {
            return Judgement {
                mean: MetricValue::Number(f64::NAN),
                se: None,
                replications: n,
                verdict: Verdict::Imprecise,
                note: Some(format!("{missing} of {n} replications have too few samples")),
            };
        }
        let (estimate, se) = estimate(&self.numbers, expectation.metric.across);
        let (verdict, note) = if expectation.by == ExpectBy::Spread {
            let slack = expectation.oracle_error + rounding(estimate);
            let (verdict, note) = within_spread(known, &self.numbers, slack);
            (told_apart(verdict, expectation.not), note)
        } else {
            let value = nearest_in_range(known, estimate);
            let verdict = self::verdict(expectation, value, estimate, se, n, quick);
            let vague = verdict == Verdict::Imprecise && !demands_precision(expectation);
            let note = vague.then(|| format!("without a tolerance it takes {ENOUGH_REPLICATIONS} replications"));
            (verdict, note)
        };
        Judgement { mean: MetricValue::Number(estimate), se, replications: n, verdict, note }
    }
}

fn nothing_observed() -> Judgement {
    Judgement {
        mean: MetricValue::List(Vec::new()),
        se: None,
        replications: 0,
        verdict: Verdict::Imprecise,
        note: Some("nothing was observed".to_owned()),
    }
}

/// The standard error of a standard deviation s: s/2 · √((κ − 1)/(n − 1)), κ being the kurtosis, taken as that of a
/// normal sample (3) or as what is observed, if that is more.
fn error_of_sd(values: &[f64], moments: &Moments, sd: f64) -> f64 {
    let n = values.len() as f64;
    let mean = moments.mean().unwrap_or(f64::NAN);
    let fourth = values.iter().map(|value| (value - mean).powi(4)).sum::<f64>() / n;
    let kurtosis = if sd > 0.0 { (fourth / sd.powi(4)).max(3.0) } else { 3.0 };
    sd / 2.0 * ((kurtosis - 1.0) / (n - 1.0)).sqrt()
}

/// What the replications say together, and its standard error where there is one.
fn estimate(values: &[f64], across: Across) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let moments = Moments::of(values);
    let sd = moments.sd();
    match across {
        Across::Mean => (moments.mean().unwrap_or(f64::NAN), sd.map(|sd| sd / n.sqrt())),
        Across::Sd => (sd.unwrap_or(f64::NAN), sd.map(|sd| error_of_sd(values, &moments, sd))),
        Across::Equals(wanted) => {
            let equal = values.iter().filter(|value| (**value - wanted).abs() <= ROUNDING).count() as f64 / n;
            (equal, Some((equal * (1.0 - equal) / n).sqrt()))
        }
        Across::Quantile(q) => quantile_with_error(values, q),
    }
}

/// The nearest-rank quantile; its error from the order statistics one binomial standard deviation to either side
/// (David and Nagaraja, Order Statistics, 7.1).
fn quantile_with_error(values: &[f64], q: f64) -> (f64, Option<f64>) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let rank = nearest_rank(q, n as u64) as usize - 1;
    let reach = (n as f64 * q * (1.0 - q)).sqrt().ceil() as usize;
    let (low, high) = (sorted[rank.saturating_sub(reach)], sorted[(rank + reach).min(n - 1)]);
    (sorted[rank], (n > 1).then_some((high - low) / 2.0))
}

/// What an expectation tolerates, in the unit of its value; of a list, at its first item.
#[must_use]
pub fn tolerance(expectation: &Expectation) -> f64 {
    let at = match &expectation.value {
        ExpectedValue::Number(value) => *value,
        ExpectedValue::List(values) | ExpectedValue::Repeats(values) => values.first().copied().unwrap_or(0.0),
        ExpectedValue::Names(_) | ExpectedValue::Sequences(_) => 0.0,
    };
    tolerance_at(expectation, at)
}

fn tolerance_at(expectation: &Expectation, value: f64) -> f64 {
    (expectation.tolerance.unwrap_or(0.0) * value.abs()).max(expectation.absolute.unwrap_or(0.0))
}

fn verdict(e: &Expectation, value: f64, estimate: f64, se: Option<f64>, n: usize, quick: bool) -> Verdict {
    let tolerance = tolerance_at(e, value);
    // What was measured is allowed its tolerance and no more.
    let buckets = matches!(e.metric.statistic, Statistic::Quantile(_)) && !matches!(e.value, ExpectedValue::Repeats(_));
    let bucket = if buckets { BUCKET_WIDTH * value.abs() } else { 0.0 };
    let slack = e.oracle_error + bucket + rounding(value);
    let distance = (estimate - value).abs();
    // One replication has no standard error: what is left to compare with is the tolerance.
    let (allowed, precise) = match (e.by, se) {
        (ExpectBy::Error, Some(se)) => {
            let precise = if demands_precision(e) {
                se <= tolerance / 2.0 + ROUNDING
            } else {
                n >= ENOUGH_REPLICATIONS || se <= ROUNDING * value.abs().max(1.0)
            };
            (multiplier(n) * se + slack, quick || precise)
        }
        _ => (tolerance + slack, true),
    };
    match (distance <= allowed, e.not) {
        // A NaN distance is never within anything.
        _ if distance.is_nan() => Verdict::Imprecise,
        (false, false) | (true, true) => Verdict::Fail,
        (false, true) => Verdict::Pass,
        (true, false) => {
            if precise {
                Verdict::Pass
            } else {
                Verdict::Imprecise
            }
        }
    }
}

/// What a negative control makes of a verdict.
fn told_apart(verdict: Verdict, not: bool) -> Verdict {
    match (verdict, not) {
        (Verdict::Pass, true) => Verdict::Fail,
        (Verdict::Fail, true) => Verdict::Pass,
        (verdict, _) => verdict,
    }
}

fn rounding(value: f64) -> f64 {
    ROUNDING * value.abs().max(1.0)
}

/// Whether an expectation says how precise the answer must be. Otherwise any value is within so many standard errors of
/// two replications that differ: with few of them 5.3 becomes thousands.
const fn demands_precision(expectation: &Expectation) -> bool {
    expectation.tolerance.is_some() || expectation.absolute.is_some()
}

/// How many standard errors a mean of `n` replications may be off.
fn multiplier(n: usize) -> f64 {
    if n >= ENOUGH_REPLICATIONS {
        return STANDARD_ERRORS;
    }
    // The two-sided chance of 5.3 standard errors with 31 degrees of freedom.
    const CHANCE: f64 = 9.0e-6;
    t_quantile(1.0 - CHANCE / 2.0, (n.max(2) - 1) as f64)
}

/// Whether a list or sequence is the known one.
fn same(expectation: &Expectation, value: &MetricValue) -> bool {
    let close = |(found, known): (&f64, &f64)| {
        let allowed = tolerance_at(expectation, *known) + expectation.oracle_error;
        (found - known).abs() <= allowed + rounding(*known)
    };
    match (value, &expectation.value) {
        (MetricValue::List(found), ExpectedValue::List(known)) => {
            found.len() == known.len() && found.iter().zip(known).all(close)
        }
        (MetricValue::Names(found), ExpectedValue::Names(known)) => found == known,
        (MetricValue::Names(found), ExpectedValue::Sequences(repeats)) => repeats.contains(found),
        (MetricValue::Number(found), ExpectedValue::List(known)) => known.len() == 1 && close((found, &known[0])),
        (MetricValue::List(found), ExpectedValue::Number(known)) => found.len() == 1 && close((&found[0], known)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::metric::{Metric, Quantity, Scope};

    fn expectation(value: ExpectedValue) -> Expectation {
        Expectation {
            metric: Metric {
                scope: Scope::Traffic(0),
                quantity: Quantity::Latency,
                statistic: Statistic::Mean,
                across: Across::Mean,
            },
            text: "t.latency.mean".to_owned(),
            value,
            tolerance: Some(0.01),
            absolute: None,
            oracle_error: 0.0,
            source: String::new(),
            by: ExpectBy::Error,
            not: false,
        }
    }

    /// `n` values around `mean` whose standard error is `se`.
    fn values(mean: f64, se: f64, n: usize) -> Vec<f64> {
        // Half of them `d` above, half below: s² = d²·n/(n−1).
        let d = se * ((n - 1) as f64).sqrt();
        (0..n).map(|i| if i % 2 == 0 { mean + d } else { mean - d }).collect()
    }

    fn judge(expectation: &Expectation, values: &[f64], quick: bool) -> Judgement {
        let mut observed = Observed::default();
        for value in values {
            observed.add(expectation, &MetricValue::Number(*value));
        }
        observed.judge(expectation, quick)
    }

    fn verdict_of(expectation: &Expectation, values: &[f64]) -> Verdict {
        judge(expectation, values, false).verdict
    }

    #[test]
    fn without_a_value_there_is_no_verdict() {
        let judgement = judge(&expectation(ExpectedValue::List(vec![0.005])), &[], false);
        assert_eq!((judgement.verdict, judgement.note.as_deref()), (Verdict::Imprecise, Some("nothing was observed")));
    }

    #[test]
    fn few_replications_prove_nothing_without_a_tolerance() {
        let e = Expectation { tolerance: None, ..expectation(ExpectedValue::Number(2.0)) };
        let judge = |values: &[f64], quick| {
            let mut observed = Observed::default();
            values.iter().for_each(|value| observed.add(&e, &MetricValue::Number(*value)));
            observed.judge(&e, quick)
        };
        let few = judge(&values(3.0, 0.5, 4), false);
        assert_eq!(few.verdict, Verdict::Imprecise);
        assert_eq!(few.note.as_deref(), Some("without a tolerance it takes 32 replications"));
        assert_eq!(judge(&values(3.0, 0.5, 4), true).verdict, Verdict::Pass, "nothing is demanded of a quick run");
        assert_eq!(judge(&values(2.1, 0.1, 32), false).verdict, Verdict::Pass);
        assert_eq!(judge(&values(3.0, 0.1, 32), false).verdict, Verdict::Fail);
        assert_eq!(judge(&[2.0; 4], false).verdict, Verdict::Pass, "all say the same");
        assert_eq!(judge(&[2.1; 4], false).verdict, Verdict::Fail);
        assert_eq!(judge(&[2.0], false).verdict, Verdict::Pass, "one alone is compared exactly");
    }

    #[test]
    fn five_point_three_standard_errors_are_allowed() {
        let e = expectation(ExpectedValue::Number(10.0));
        assert_eq!(verdict_of(&e, &values(10.0 + 0.04 * 5.29, 0.04, 32)), Verdict::Pass);
        assert_eq!(verdict_of(&e, &values(10.0 - 0.04 * 5.31, 0.04, 32)), Verdict::Fail);
        let off = Expectation { oracle_error: 0.1, ..e };
        assert_eq!(verdict_of(&off, &values(10.0 + 0.04 * 5.3 + 0.09, 0.04, 32)), Verdict::Pass);
        assert_eq!(verdict_of(&off, &values(10.0 + 0.04 * 5.3 + 0.11, 0.04, 32)), Verdict::Fail);
    }

    #[test]
    fn the_error_must_be_half_the_tolerance() {
        let e = expectation(ExpectedValue::Number(10.0));
        assert_eq!(verdict_of(&e, &values(10.0, 0.0499, 40)), Verdict::Pass);
        assert_eq!(verdict_of(&e, &values(10.0, 0.0501, 40)), Verdict::Imprecise);
        assert_eq!(
            judge(&e, &values(10.0, 0.0501, 40), true).verdict,
            Verdict::Pass,
            "a quick run need not be precise"
        );
        let wide = Expectation { absolute: Some(0.2), ..e };
        assert_eq!(verdict_of(&wide, &values(10.0, 0.0999, 40)), Verdict::Pass, "the larger tolerance counts");
    }

    #[test]
    fn the_estimate_and_its_error_are_reported() {
        let judgement = judge(&expectation(ExpectedValue::Number(10.0)), &values(10.0, 0.04, 32), false);
        assert_eq!(judgement.replications, 32);
        assert!((judgement.se.expect("an error") - 0.04).abs() < 1e-12);
        assert!(matches!(judgement.mean, MetricValue::Number(mean) if (mean - 10.0).abs() < 1e-12));
    }

    #[test]
    fn by_tolerance_no_error_is_needed() {
        let e = Expectation { by: ExpectBy::Tolerance, ..expectation(ExpectedValue::Number(10.0)) };
        assert_eq!(verdict_of(&e, &values(10.0999, 5.0, 32)), Verdict::Pass);
        assert_eq!(verdict_of(&e, &values(10.1001, 5.0, 32)), Verdict::Fail);
        assert_eq!(verdict_of(&e, &[9.9001]), Verdict::Pass);
    }

    #[test]
    fn one_replication_is_judged_by_the_tolerance() {
        let e = expectation(ExpectedValue::Number(10.0));
        assert_eq!(verdict_of(&e, &[10.09]), Verdict::Pass);
        assert_eq!(verdict_of(&e, &[10.11]), Verdict::Fail);
    }

    #[test]
    fn equal_replications_need_not_be_right_to_the_last_bit() {
        let e = expectation(ExpectedValue::Number(1.0 / 3.0));
        assert_eq!(verdict_of(&e, &[0.333_333_333; 32]), Verdict::Pass);
        assert_eq!(verdict_of(&e, &[0.333_334; 32]), Verdict::Fail);
    }

    #[test]
    fn a_negative_control_must_be_told_apart() {
        let e = Expectation { not: true, ..expectation(ExpectedValue::Number(10.0)) };
        assert_eq!(verdict_of(&e, &values(10.0 + 0.04 * 5.31, 0.04, 32)), Verdict::Pass);
        assert_eq!(verdict_of(&e, &values(10.0 + 0.04 * 5.29, 0.04, 32)), Verdict::Fail);
        assert_eq!(verdict_of(&e, &[f64::NAN; 32]), Verdict::Imprecise);
    }

    #[test]
    fn quantiles_may_be_off_by_a_bucket() {
        let mut e = expectation(ExpectedValue::Number(10.0));
        assert_eq!(verdict_of(&e, &values(10.009, 1e-4, 32)), Verdict::Fail);
        e.metric.statistic = Statistic::Quantile(0.99);
        assert_eq!(verdict_of(&e, &values(10.009, 1e-4, 32)), Verdict::Pass);
        assert_eq!(verdict_of(&e, &values(10.011, 1e-4, 32)), Verdict::Fail);
    }

    #[test]
    fn missing_samples_are_imprecise() {
        let mut some = vec![10.0; 31];
        some.push(f64::NAN);
        let judgement = judge(&expectation(ExpectedValue::Number(10.0)), &some, false);
        assert_eq!(judgement.verdict, Verdict::Imprecise);
        assert_eq!(judgement.note.as_deref(), Some("1 of 32 replications have too few samples"));
        assert_eq!(verdict_of(&expectation(ExpectedValue::Number(10.0)), &[]), Verdict::Imprecise);
    }

    #[test]
    fn lists_are_compared_element_by_element_in_every_replication() {
        let known = ExpectedValue::List(vec![1.0, 2.0]);
        let e = Expectation { tolerance: None, absolute: Some(0.01), ..expectation(known) };
        let judge = |e: &Expectation, lists: &[[f64; 2]]| {
            let mut observed = Observed::default();
            for list in lists {
                observed.add(e, &MetricValue::List(list.to_vec()));
            }
            observed.judge(e, false)
        };
        assert_eq!(judge(&e, &[[1.0, 2.009], [1.0, 1.991]]).verdict, Verdict::Pass);
        // The mean of the two is right.
        let wrong = judge(&e, &[[1.0, 2.0], [1.0, 2.02], [1.0, 1.98]]);
        assert_eq!((wrong.verdict, wrong.mean), (Verdict::Fail, MetricValue::List(vec![1.0, 2.02])));
        assert_eq!(judge(&Expectation { not: true, ..e.clone() }, &[[1.0, 2.02]]).verdict, Verdict::Pass);
        let mut short = Observed::default();
        short.add(&e, &MetricValue::List(vec![1.0]));
        assert_eq!(short.judge(&e, false).verdict, Verdict::Fail);
    }

    #[test]
    fn sequences_are_compared_exactly() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let e = expectation(ExpectedValue::Names(names(&["a", "b"])));
        for (found, verdict) in [(["a", "b"], Verdict::Pass), (["b", "a"], Verdict::Fail)] {
            let mut observed = Observed::default();
            observed.add(&e, &MetricValue::Names(names(&found)));
            assert_eq!(observed.judge(&e, false).verdict, verdict);
        }
    }

    #[test]
    fn measured_values_are_a_range_with_the_tolerance_beside_it() {
        let repeats = ExpectedValue::Repeats(vec![10.2, 10.0]);
        let mut e = Expectation { by: ExpectBy::Tolerance, ..expectation(repeats) };
        e.metric.statistic = Statistic::Quantile(0.5);
        for (value, verdict) in [
            (10.1, Verdict::Pass),
            (10.301, Verdict::Pass),
            // A bucket more would still be within.
            (10.303, Verdict::Fail),
            (9.901, Verdict::Pass),
            (9.899, Verdict::Fail),
            (f64::NAN, Verdict::Imprecise),
        ] {
            assert_eq!(verdict_of(&e, &[value]), verdict, "{value}");
        }
        let not = Expectation { not: true, ..e };
        assert_eq!(verdict_of(&not, &[10.1]), Verdict::Fail);
        assert_eq!(verdict_of(&not, &[10.303]), Verdict::Pass);
    }

    #[test]
    fn a_spread_is_that_of_single_replications() {
        let repeats = ExpectedValue::Repeats(vec![10.2, 10.0]);
        let e = Expectation { by: ExpectBy::Spread, tolerance: None, ..expectation(repeats) };
        // A standard error of 0.01 over 100 replications is a deviation of 0.1.
        assert_eq!(verdict_of(&e, &values(9.82, 0.01, 100)), Verdict::Pass);
        assert_eq!(verdict_of(&e, &values(9.78, 0.01, 100)), Verdict::Fail);
        assert_eq!(verdict_of(&e, &values(9.82, 0.01, 98)), Verdict::Imprecise);
        let not = Expectation { not: true, ..e };
        assert_eq!(verdict_of(&not, &values(9.78, 0.01, 100)), Verdict::Pass);
        assert_eq!(verdict_of(&not, &values(9.82, 0.01, 100)), Verdict::Fail);
    }

    #[test]
    fn a_sequence_is_that_of_one_of_the_repeats() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let e = expectation(ExpectedValue::Sequences(vec![names(&["a", "b"]), names(&["b", "a"])]));
        for (found, verdict, note) in
            [(["b", "a"], Verdict::Pass, None), (["b", "b"], Verdict::Fail, Some("pick 2 is b, measured a"))]
        {
            let mut observed = Observed::default();
            observed.add(&e, &MetricValue::Names(names(&found)));
            let judgement = observed.judge(&e, false);
            assert_eq!((judgement.verdict, judgement.note.as_deref()), (verdict, note));
        }
    }

    #[test]
    fn across_replications_means_spread_rank_and_equality() {
        let numbers: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(estimate(&numbers, Across::Quantile(0.95)).0, 95.0);
        // One binomial standard deviation of the rank is sqrt(100·0.95·0.05) = 2.2, so three ranks to either side.
        assert_eq!(estimate(&numbers, Across::Quantile(0.95)).1, Some(3.0));
        let (sd, se) = estimate(&numbers, Across::Sd);
        // s² of 1…n is n(n+1)/12.
        assert!((sd - (100.0 * 101.0 / 12.0_f64).sqrt()).abs() < 1e-9);
        assert!((se.expect("an error") - sd / 198.0_f64.sqrt()).abs() < 1e-12);
        // One in ten at 10, the others at 0: kurtosis 1/(p(1 − p)) − 3 = 8.1 (times (1 − 1/n)² for s instead of σ).
        let rare: Vec<f64> = (0..1000).map(|number| if number % 10 == 0 { 10.0 } else { 0.0 }).collect();
        let (sd, se) = estimate(&rare, Across::Sd);
        let kurtosis = (1.0 / 0.09 - 3.0) * (0.999_f64).powi(2);
        assert!((se.expect("an error") - sd / 2.0 * ((kurtosis - 1.0) / 999.0).sqrt()).abs() < 1e-9);
        let (share, se) = estimate(&[1.0, 2.0, 2.0, f64::NAN], Across::Equals(2.0));
        assert_eq!((share, se), (0.5, Some(0.25)));
    }

    #[test]
    fn few_replications_are_allowed_more_errors() {
        assert_eq!(multiplier(32), 5.3);
        assert!((multiplier(31) - 5.3).abs() < 0.1, "{}", multiplier(31));
        assert!(multiplier(8) > 10.0 && multiplier(8) < 12.0, "{}", multiplier(8));
    }
}
