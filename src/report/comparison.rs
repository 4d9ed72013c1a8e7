//! Variants beside the baseline that faced the same requests, and `comparison.csv`: one row a variant, traffic (or call)
//! and metric.

use std::borrow::Cow;
use std::io::{self, Write};

use super::measure::{Measure, SHEDDING, is_flattered};
use super::number::Value;
use super::results::Summary;
use super::summary::{FlowSummary, MetricSummary, VariantSummary};
use super::table::Table;
use crate::cause::FailureCause;
use crate::stats::{CONFIDENCE, Corrected, DifferenceVerdict, Interval, Paired, holm, judge_difference, paired};

/// Name of the file.
pub(crate) const FILE: &str = "comparison.csv";

/// All columns.
pub(crate) const HEADER: [&str; 18] = [
    "scenario",
    "variant",
    "traffic",
    "baseline",
    "metric",
    "difference",
    "ci95_low",
    "ci95_high",
    "p_value",
    "verdict",
    "variance_reduction",
    "replications",
    "replications_needed",
    "p_value_uncorrected",
    "mean",
    "baseline_mean",
    "flag",
    "baseline_flag",
];

/// Whether the latencies of a variant are those of all its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// They are.
    Sound,
    /// They grow with the length of the run.
    Saturated,
    /// They are those of survivors.
    Shedding,
}

impl Flag {
    /// In a word; none where all is well.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "",
            Self::Saturated => "saturated",
            Self::Shedding => "shedding",
        }
    }
}

/// What can be said of a metric of a variant beside the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// By the differences.
    Judged(DifferenceVerdict),
    /// A latency of a variant, or of a baseline, that keeps up with its requests only by losing them, or not at all.
    Unranked(Flag),
}

impl Verdict {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Judged(DifferenceVerdict::Better) => "better",
            Self::Judged(DifferenceVerdict::Worse) => "worse",
            Self::Judged(DifferenceVerdict::Different) => "different",
            Self::Judged(DifferenceVerdict::Equal) => "equal",
            Self::Judged(DifferenceVerdict::NotSeparable { .. }) => "not separable",
            Self::Unranked(flag) => flag.as_str(),
        }
    }

    /// How many replications would tell, where they are too few and that can be said.
    #[must_use]
    pub const fn replications_needed(self) -> Option<u64> {
        match self {
            Self::Judged(DifferenceVerdict::NotSeparable { replications_needed }) => replications_needed,
            _ => None,
        }
    }
}

/// Every variant beside the baseline.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The baseline's name.
    pub baseline: String,
    /// The other variants.
    pub variants: Vec<String>,
    /// Traffics and calls of the baseline, in its order.
    pub flows: Vec<FlowComparison>,
}

/// A traffic or a call of several variants.
#[derive(Debug, Clone)]
pub struct FlowComparison {
    /// The traffic's name, or `call/NAME`.
    pub name: String,
    /// Whether it is a traffic.
    pub is_traffic: bool,
    /// Of the baseline.
    pub flag: Flag,
    /// Every numeric column of `runs.csv`, in its order, then what was named.
    pub metrics: Vec<MetricComparison>,
}

/// A metric of a traffic or call in several variants.
#[derive(Debug, Clone)]
pub struct MetricComparison {
    /// The column of `runs.csv`, or the metric that was named.
    pub metric: Cow<'static, str>,
    /// Of the baseline.
    pub mean: Option<Interval>,
    /// The other variants that have this traffic or call.
    pub arms: Vec<Arm>,
}

/// A metric of a traffic or call in one variant, beside the baseline.
#[derive(Debug, Clone)]
pub struct Arm {
    /// The variant's name.
    pub variant: String,
    /// Of its traffic or call.
    pub flag: Flag,
    /// Its mean over replications.
    pub mean: Option<Interval>,
    /// The variant minus the baseline, by replications; `None` unless each has a value in both.
    pub paired: Option<Paired>,
    /// Corrected for the number of variants (Holm); `None` of a single replication.
    pub p_value: Option<f64>,
    /// What can be said.
    pub verdict: Option<Verdict>,
}

/// A flow of one variant with what all its metrics have in common.
pub(super) struct Side<'s> {
    pub(super) flow: &'s FlowSummary,
    lost: f64,
}

impl<'s> Side<'s> {
    pub(super) fn find(variant: &'s VariantSummary, name: &str) -> Option<Self> {
        let flow = variant.flows.iter().find(|flow| flow.name == name)?;
        // A Service, workload or pod loses what any traffic loses.
        let lost = if flow.is_traffic || flow.name.starts_with("call/") {
            lost(variant, flow)
        } else {
            variant.flows.iter().filter(|flow| flow.is_traffic).map(|flow| lost(variant, flow)).fold(0.0, f64::max)
        };
        Some(Self { flow, lost })
    }

    /// Whether its latencies in general are those of all requests.
    pub(super) fn flag(&self) -> Flag {
        self.flag_above(SHEDDING)
    }

    /// Whether a metric is one of all requests.
    pub(super) fn flag_of(&self, measure: &Measure) -> Flag {
        measure.survivors.map_or(Flag::Sound, |most_lost| self.flag_above(most_lost))
    }

    fn flag_above(&self, most_lost: f64) -> Flag {
        if self.flow.saturated {
            Flag::Saturated
        } else if self.lost >= most_lost {
            Flag::Shedding
        } else {
            Flag::Sound
        }
    }
}

/// The share of its requests that a traffic or call loses.
fn lost(variant: &VariantSummary, flow: &FlowSummary) -> f64 {
    // An error of the application is the same coin in every variant, and takes no request away from one only; but where
    // calls are lost, the error of their caller is how that is seen.
    let calls = variant.flows.iter().filter(|flow| !flow.is_traffic);
    let calls_are_lost = calls.flat_map(|call| &call.errors).any(|e| e.cause != FailureCause::AppError && e.count > 0);
    let failures = flow.errors.iter().filter(|error| calls_are_lost || error.cause != FailureCause::AppError);
    let total = |metric: &str| flow.values(metric).iter().sum::<f64>();
    let lost = failures.map(|error| error.count as f64).sum::<f64>() + total("in_flight");
    let offered = total("offered");
    if offered > 0.0 { lost / offered } else { 0.0 }
}

impl Comparison {
    /// Compares the variants with the one called `baseline`; `None` where no replication of it was finished.
    #[must_use]
    pub fn new(variants: &[VariantSummary], baseline: &str) -> Option<Self> {
        let base = variants.iter().find(|variant| variant.variant == baseline)?;
        let others: Vec<&VariantSummary> = variants.iter().filter(|variant| variant.variant != baseline).collect();
        let flows = base.flows.iter().filter_map(|flow| {
            let side = Side::find(base, &flow.name)?;
            let arms: Vec<(&str, Side<'_>)> = others
                .iter()
                .filter_map(|other| Some((other.variant.as_str(), Side::find(other, &flow.name)?)))
                .collect();
            Some(FlowComparison {
                name: flow.name.clone(),
                is_traffic: flow.is_traffic,
                flag: side.flag(),
                metrics: flow.metrics.iter().map(|metric| compare(metric, &side, &arms)).collect(),
            })
        });
        Some(Self {
            baseline: baseline.to_owned(),
            flows: flows.collect(),
            variants: others.iter().map(|variant| variant.variant.clone()).collect(),
        })
    }

    /// In the order of rows: variants, then traffics and calls, then those metrics that are `wanted`.
    pub(crate) fn arms<'c>(
        &'c self,
        wanted: &'c dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'c FlowComparison, &'c MetricComparison, &'c Arm)> {
        let rows = self.variants.iter().flat_map(|variant| self.flows.iter().map(move |flow| (variant, flow)));
        rows.flat_map(move |(variant, flow)| {
            let metrics = flow.metrics.iter().filter(|metric| wanted(&metric.metric));
            metrics.filter_map(move |metric| {
                let arm = metric.arms.iter().find(|arm| arm.variant == *variant)?;
                Some((flow, metric, arm))
            })
        })
    }
}

fn compare(metric: &MetricSummary, baseline: &Side<'_>, others: &[(&str, Side<'_>)]) -> MetricComparison {
    let (measure, name) = (&metric.measure, metric.measure.name.as_ref());
    let pairs: Vec<Option<Paired>> =
        others.iter().map(|(_, side)| paired(&metric.values, side.flow.values(name), CONFIDENCE)).collect();
    let p_values: Vec<f64> = pairs.iter().filter_map(|pair| pair.as_ref()?.p_value).collect();
    let mut corrected = holm(&p_values).into_iter();
    let arms = others.iter().zip(pairs).map(|((variant, side), pair)| {
        let corrected: Option<Corrected> = pair.and_then(|pair| pair.p_value).and_then(|_| corrected.next());
        let flags = [side.flag_of(measure), baseline.flag_of(measure)];
        let unranked = flags.into_iter().find(|flag| *flag != Flag::Sound).map(Verdict::Unranked);
        let judged = |pair: &Paired| Verdict::Judged(judge_difference(pair, corrected, measure.preference));
        Arm {
            variant: (*variant).to_owned(),
            flag: side.flag(),
            mean: side.flow.interval(name),
            p_value: corrected.map(|corrected| corrected.p_value),
            verdict: pair.as_ref().map(|pair| unranked.unwrap_or_else(|| judged(pair))),
            paired: pair,
        }
    });
    MetricComparison { metric: measure.name.clone(), mean: metric.interval, arms: arms.collect() }
}

/// Adds the rows of all variants; of the metrics those that are `wanted`.
pub(crate) fn write<W: Write>(
    table: &mut Table<W>,
    scenario: &str,
    comparison: &Comparison,
    wanted: &dyn Fn(&str) -> bool,
) -> io::Result<()> {
    for (flow, metric, arm) in comparison.arms(wanted) {
        table.row(row(scenario, &comparison.baseline, flow, metric, arm))?;
    }
    Ok(())
}

fn row(scenario: &str, baseline: &str, flow: &FlowComparison, metric: &MetricComparison, arm: &Arm) -> [String; 18] {
    let number = |value: Option<f64>| Value::number(value).field();
    let count = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    let difference = arm.paired.map(|paired| paired.difference);
    [
        scenario.to_owned(),
        arm.variant.clone(),
        flow.name.clone(),
        baseline.to_owned(),
        metric.metric.to_string(),
        number(difference.map(|interval| interval.mean)),
        number(difference.map(|interval| interval.low)),
        number(difference.map(|interval| interval.high)),
        number(arm.p_value),
        arm.verdict.map_or("", Verdict::as_str).to_owned(),
        number(arm.paired.and_then(|paired| paired.variance_reduction)),
        count(difference.map(|interval| interval.n as u64)),
        count(arm.verdict.and_then(Verdict::replications_needed)),
        number(arm.paired.and_then(|paired| paired.p_value)),
        number(arm.mean.map(|interval| interval.mean)),
        number(metric.mean.map(|interval| interval.mean)),
        arm.flag.as_str().to_owned(),
        flow.flag.as_str().to_owned(),
    ]
}

/// The text of `comparison.csv`, of all metrics or of those named.
///
/// # Errors
/// Never in practice: writing to memory does not fail.
pub fn comparison_csv(summary: &Summary, metrics: &[String], with_header: bool) -> io::Result<String> {
    let mut table = if with_header { Table::new(Vec::new(), &HEADER)? } else { Table::without_header(Vec::new()) };
    if let Some(comparison) = &summary.comparison {
        write(&mut table, &summary.scenario, comparison, &|metric| shown(metric, metrics))?;
    }
    String::from_utf8(table.finish()?).map_err(io::Error::other)
}

/// Whether a metric is among those asked for; none means all. Goodput stands beside every latency, because a system that
/// answers fewer requests answers them sooner.
pub(crate) fn shown(metric: &str, asked: &[String]) -> bool {
    let asked_for = |name: &str| asked.iter().any(|asked| asked == name);
    asked.is_empty() || asked_for(metric) || (metric == "goodput_rps" && asked.iter().any(|asked| is_flattered(asked)))
}
