//! A grid of variants: `sweep.csv`, one row a point and traffic (or call), and which point is best.

use std::io::{self, Write};

use super::comparison::{Flag, Side};
use super::measure::Measure;
use super::number::Value;
use super::results::Summary;
use super::summary::{FlowSummary, MetricSummary, VariantSummary};
use super::table::Table;
use super::terminal::verdict_word;
use crate::scenario::Grid;
use crate::stats::{CONFIDENCE, Interval, ObjectiveVerdict, Paired, Preference, paired, replications_needed};

/// Name of the file.
pub(crate) const FILE: &str = "sweep.csv";

/// The columns of `runs.csv` that stand in the file.
pub(crate) const METRICS: [&str; 12] = [
    "offered",
    "retries",
    "throughput_rps",
    "goodput_rps",
    "error_ratio",
    "latency_mean_ms",
    "latency_p50_ms",
    "latency_p90_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_p999_ms",
    "latency_max_ms",
];

/// The names of the columns: axes, verdicts, then each metric with its interval.
pub(crate) fn header(grid: &Grid, named: &[String]) -> Vec<String> {
    let mut header = vec!["scenario".to_owned(), "variant".to_owned()];
    for axis in &grid.axes {
        header.push(axis.name.clone());
        header.extend(axis.scale.as_ref().map(|scale| format!("{}_{}", axis.name, scale.unit)));
    }
    header.extend(["traffic", "replications", "saturated", "shedding", "objectives"].map(str::to_owned));
    for metric in METRICS.iter().copied().chain(named.iter().map(String::as_str)) {
        header.extend([metric.to_owned(), format!("{metric}_ci95_low"), format!("{metric}_ci95_high")]);
    }
    header
}

/// The metrics that were named, which all variants have in the same order.
fn named(variants: &[VariantSummary]) -> Vec<String> {
    let flows = variants.first().into_iter().flat_map(|variant| &variant.flows);
    let metrics = flows.flat_map(|flow| &flow.metrics).map(|metric| metric.measure.name.as_ref());
    metrics.filter(|name| name.contains('.')).map(str::to_owned).collect()
}

/// What all objectives of a variant say together: nothing where it has none.
pub(crate) fn objectives(variant: &VariantSummary) -> &'static str {
    let rank = |verdict: &ObjectiveVerdict| match verdict {
        ObjectiveVerdict::Met => 0,
        ObjectiveVerdict::Undecided { .. } => 1,
        ObjectiveVerdict::Missed => 2,
    };
    variant.objectives.iter().map(|objective| objective.verdict).max_by_key(rank).map_or("", verdict_word)
}

/// Whether a flow is a traffic or a call, and not only what a named metric is about.
fn is_flow(name: &str, is_traffic: bool) -> bool {
    is_traffic || name.starts_with("call/")
}

/// A metric of a row: of its traffic or call; what is about neither stands in the rows of all traffics.
fn cell<'v>(variant: &'v VariantSummary, flow: &Side<'v>, name: &str) -> Option<&'v MetricSummary> {
    let find = |metrics: &'v [MetricSummary]| metrics.iter().find(|metric| metric.measure.name == name);
    find(&flow.flow.metrics).or_else(|| {
        let others =
            variant.flows.iter().filter(|other| flow.flow.is_traffic && !is_flow(&other.name, other.is_traffic));
        others.filter_map(|other| find(&other.metrics)).next()
    })
}

/// Writes the file.
pub(crate) fn write<W: Write>(
    writer: W,
    scenario: &str,
    grid: &Grid,
    points: &[usize],
    variants: &[VariantSummary],
) -> io::Result<W> {
    let mut table = Table::without_header(writer);
    table.row(header(grid, &named(variants)))?;
    rows(&mut table, scenario, grid, points, variants)?;
    table.finish()
}

/// Adds the rows of these points.
pub(crate) fn rows<W: Write>(
    table: &mut Table<W>,
    scenario: &str,
    grid: &Grid,
    points: &[usize],
    variants: &[VariantSummary],
) -> io::Result<()> {
    let named = named(variants);
    for (point, variant) in points.iter().zip(variants) {
        let flows = variant.flows.iter().filter(|flow| is_flow(&flow.name, flow.is_traffic));
        for side in flows.filter_map(|flow| Side::find(variant, &flow.name)) {
            let mut row = vec![scenario.to_owned(), variant.variant.clone()];
            for (axis, at) in grid.axes.iter().zip(grid.place(*point)) {
                row.push(axis.values[at].clone());
                row.extend(axis.scale.as_ref().map(|scale| Value::Number(scale.values[at]).field()));
            }
            let flag = |wanted: Flag| u8::from(side.flag() == wanted).to_string();
            row.extend([side.flow.name.clone(), variant.replications.to_string()]);
            row.extend([flag(Flag::Saturated), flag(Flag::Shedding), objectives(variant).to_owned()]);
            for name in METRICS.iter().copied().chain(named.iter().map(String::as_str)) {
                let interval = cell(variant, &side, name).and_then(|metric| metric.printed());
                let field = |part: fn(Interval) -> f64| Value::number(interval.map(part)).field();
                row.extend([field(|i| i.mean), field(|i| i.low), field(|i| i.high)]);
            }
            table.row(row)?;
        }
    }
    Ok(())
}

/// The text of `sweep.csv`.
///
/// # Errors
/// Never in practice: writing to memory does not fail.
pub fn sweep_csv(summary: &Summary, grid: &Grid) -> io::Result<String> {
    let text = write(Vec::new(), &summary.scenario, grid, &summary.numbers, &summary.variants)?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// Which point is best in a metric, if that can be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The point with the best mean: its place in [`Summary::variants`].
    pub point: usize,
    /// Its mean.
    pub mean: Interval,
    /// The points that may be as good, best mean first; empty where it is the best.
    pub rivals: Vec<usize>,
    /// About how many replications would tell it from the nearest rival, where that can be said.
    pub replications_needed: Option<u64>,
    /// How many points were compared.
    pub ranked: usize,
    /// Points that are saturated or shedding, whose latencies are not ranked.
    pub unranked: usize,
}

impl Best {
    /// Looks for it: the best mean of all, in pairs with each other point. That one was chosen because it looked best is
    /// paid for by asking of each of its n − 1 tests a level of 0.05 / (n − 1) (Bonferroni): whichever point is truly
    /// best, another is named in at most 5 % of cases.
    #[must_use]
    pub fn find(variants: &[VariantSummary], traffic: &str, metric: &str) -> Option<Self> {
        let mut unranked = 0;
        let mut points: Vec<(usize, &MetricSummary, Interval)> = Vec::new();
        for (point, variant) in variants.iter().enumerate() {
            let has = |flow: &&FlowSummary| flow.metrics.iter().any(|own| own.measure.name == metric);
            // Only names tell what they are about; a column is one of the traffic.
            let about = variant.flows.iter().find(|flow| metric.contains('.') && has(flow));
            let Some(side) = Side::find(variant, about.map_or(traffic, |flow| &flow.name)) else { continue };
            let Some(found) = cell(variant, &side, metric) else { continue };
            if side.flag_of(&found.measure) != Flag::Sound {
                unranked += 1;
            } else if let Some(interval) = found.interval {
                points.push((point, found, interval));
            }
        }
        let sign = match points.first().map(|(_, found, _)| found.measure.preference) {
            Some(Preference::Lower) => 1.0,
            Some(Preference::Higher) => -1.0,
            Some(Preference::Neither) | None => return None,
        };
        points.sort_by(|a, b| (sign * a.2.mean).total_cmp(&(sign * b.2.mean)));
        let ((point, best, mean), others) = points.split_first()?;
        let level = 1.0 - (1.0 - CONFIDENCE) / others.len().max(1) as f64;
        let mut rivals = Vec::new();
        let mut needed = None;
        for (rival, other, _) in others {
            let pair = paired(&best.values, &other.values, CONFIDENCE);
            if !pair.as_ref().is_some_and(|pair| is_separable(pair, level)) {
                needed = if rivals.is_empty() { pair.as_ref().and_then(|pair| enough(pair, level)) } else { needed };
                rivals.push(*rival);
            }
        }
        Some(Self { point: *point, mean: *mean, rivals, replications_needed: needed, ranked: points.len(), unranked })
    }

    /// What a metric's preference calls the best mean.
    pub(crate) fn extreme(measure: &Measure) -> &'static str {
        if measure.preference == Preference::Higher { "highest" } else { "lowest" }
    }
}

fn is_separable(pair: &Paired, level: f64) -> bool {
    // Values that are equal in every replication are no better, however often they are.
    pair.difference.mean != 0.0 && pair.p_value.is_some_and(|p| p < 1.0 - level)
}

fn enough(pair: &Paired, level: f64) -> Option<u64> {
    let needed = replications_needed(pair.difference.mean.abs(), pair.sd?, level)?;
    Some(needed.max(pair.difference.n as u64 + 1))
}
