//! What is good in a metric, and whether requests that were lost flatter it.

use std::borrow::Cow;

use crate::scenario::NamedMetric;
use crate::scenario::metric::{BalanceColumn, Dimension, Metric, Quantity, Statistic};
use crate::stats::Preference;

/// A variant that loses a larger share of its requests is shedding: the latencies of the others are those of survivors.
pub(crate) const SHEDDING: f64 = 1e-3;

/// A metric: a column of `runs.csv`, or one that was named.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The column, or the metric as written.
    pub name: Cow<'static, str>,
    /// What is good.
    pub preference: Preference,
    /// The share of lost requests from which on it is one of survivors; `None` where lost requests count.
    pub survivors: Option<f64>,
}

impl Measure {
    /// A column of `runs.csv`.
    #[must_use]
    pub fn column(name: &'static str) -> Self {
        let preference = match name {
            "succeeded" | "goodput_rps" => Preference::Higher,
            "failed" | "in_flight" | "censored" | "error_ratio" => Preference::Lower,
            latency if is_latency(latency) => Preference::Lower,
            // What was asked of the system, and what it ended one way or the other.
            _ => Preference::Neither,
        };
        let survivors = match name {
            "latency_p999_ms" => Some(most_lost(&Statistic::Quantile(0.999))),
            "latency_max_ms" => Some(most_lost(&Statistic::Max)),
            _ => is_latency(name).then_some(SHEDDING),
        };
        Self { name: Cow::Borrowed(name), preference, survivors }
    }

    /// A metric that was named.
    #[must_use]
    pub fn named(named: &NamedMetric) -> Self {
        let quantity = &named.metric.quantity;
        Self {
            name: Cow::Owned(named.text.clone()),
            preference: preference(quantity),
            // Who turns requests away has shorter queues, too.
            survivors: is_of_survivors(quantity).then(|| most_lost(&named.metric.statistic)),
        }
    }
}

/// A value of a named metric in the unit of result files: times are milliseconds.
#[must_use]
pub(crate) fn in_files(metric: &Metric, value: f64) -> f64 {
    if metric.dimension() == Dimension::Seconds { value * 1e3 } else { value }
}

/// Whether a column of `runs.csv` is over requests that succeeded.
fn is_latency(column: &str) -> bool {
    column.starts_with("latency_")
}

/// Whether a column or a named metric, as it is written, says less where requests are lost.
pub(crate) fn is_flattered(metric: &str) -> bool {
    const QUANTITIES: [&str; 6] = ["latency", "queueWait", "queueWaitServed", "slowdown", "queue", "inSystem"];
    let quantity = |part: &str| QUANTITIES.contains(&part.split('[').next().unwrap_or(part));
    is_latency(metric) || metric.split('.').skip(1).any(quantity)
}

fn preference(quantity: &Quantity) -> Preference {
    match quantity {
        Quantity::Errors(_) | Quantity::ErrorRatio => Preference::Lower,
        Quantity::Goodput | Quantity::Balance(BalanceColumn::Jain) => Preference::Higher,
        Quantity::Balance(BalanceColumn::MaxOverMean | BalanceColumn::Cv | BalanceColumn::Gini) => Preference::Lower,
        quantity if is_of_survivors(quantity) => Preference::Lower,
        _ => Preference::Neither,
    }
}

const fn is_of_survivors(quantity: &Quantity) -> bool {
    matches!(
        quantity,
        Quantity::Latency
            | Quantity::LatencyOf(_)
            | Quantity::QueueWait
            | Quantity::QueueWaitServed
            | Quantity::Slowdown
            | Quantity::SlowdownOf(_)
            | Quantity::InSystem
            | Quantity::Queue
    )
}

/// The share of lost requests from which on a statistic is one of survivors: where the lost ones could be a tenth of
/// those that decide it, and for all others where they are one in a thousand.
fn most_lost(statistic: &Statistic) -> f64 {
    match statistic {
        Statistic::Quantile(q) if *q > 0.99 => (1.0 - q) / 10.0,
        Statistic::Max => f64::MIN_POSITIVE,
        _ => SHEDDING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::metric::MetricNames;

    #[test]
    fn columns_and_named_metrics_are_judged_alike() {
        let names = MetricNames { traffics: vec!["t".to_owned()], ..MetricNames::default() };
        for (column, text) in [
            ("latency_mean_ms", "t.latency.mean"),
            ("latency_p99_ms", "t.latency.p99"),
            ("latency_p999_ms", "t.latency.p999"),
            ("latency_max_ms", "t.latency.max"),
            ("error_ratio", "t.errorRatio"),
            ("goodput_rps", "t.goodput"),
            ("throughput_rps", "t.throughput"),
        ] {
            let metric = Metric::parse(text, &names).expect("a metric");
            let named = NamedMetric { text: text.to_owned(), about: "t".to_owned(), metric };
            let (column, named) = (Measure::column(column), Measure::named(&named));
            assert_eq!(column.preference, named.preference, "{text}");
            let shares = column.survivors.zip(named.survivors);
            assert!(shares.is_none_or(|(a, b)| (a - b).abs() <= 1e-9 * a), "{text}: {shares:?}");
            assert_eq!(column.survivors.is_some(), named.survivors.is_some(), "{text}");
            assert_eq!(is_flattered(&column.name), is_flattered(text), "{text}");
            assert_eq!(is_flattered(text), named.survivors.is_some(), "{text}");
        }
        assert!(is_flattered("service/web.queue.mean") && is_flattered("t.latency[service over 1s].mean"));
        assert!(!is_flattered("latency.goodput") && !is_flattered("goodput_rps"));
    }
}
