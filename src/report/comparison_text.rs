//! Variants beside a baseline: on the terminal, as Markdown, and as one JSON document.

use comfy_table::{ColumnConstraint, Table, Width};
use serde_json::{Value, json};

use super::comparison::{Arm, Comparison, Flag, FlowComparison, MetricComparison, Verdict, shown};
use super::goal::goal_value;
use super::json::{interval_value, objective_value};
use super::markdown;
use super::number::{human, human_error};
use super::results::Summary;
use super::summary::possible;
use super::terminal::{QUIET_WHEN_ZERO, Style, align_whole, count, objective_text, table, verdict_word, wrap};
use crate::stats::{DifferenceVerdict, Interval};

/// Columns of the table.
const HEADER: [&str; 6] = ["metric", "mean", "difference", "p", "pairing", "verdict"];

/// What the columns mean.
const LEGEND: &str = "Means and differences (variant minus baseline, replication by replication) with their 95 % \
    intervals; p of the paired t-test, corrected for the number of variants; the share of the variance that pairing \
    took away; (≈ n): about so many replications would tell.";

/// So many variants that equal the baseline in a metric share a row.
const SEVERAL: usize = 3;

/// What is said where nothing can be compared.
const NOTHING: &str = "No replication of the baseline and another variant was finished: there is nothing to compare.";

/// What of a comparison is shown to people.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// These metrics, or all where there are none.
    pub metrics: &'a [String],
    /// Whether calls are shown of which no metric was named.
    pub calls: bool,
}

impl Shown<'_> {
    /// The traffics, calls and others that have something to show.
    fn flows<'c>(&self, comparison: &'c Comparison) -> impl Iterator<Item = &'c FlowComparison> {
        let asked = |flow: &&FlowComparison| {
            let named = flow
                .metrics
                .iter()
                .any(|metric| self.metrics.contains(&metric.metric.to_string()) && metric.metric.contains('.'));
            (flow.is_traffic || self.calls || named) && visible(flow, self.metrics).next().is_some()
        };
        comparison.flows.iter().filter(asked).collect::<Vec<_>>().into_iter()
    }
}

/// A traffic, a call, or what else a named metric is about.
fn flow_title(flow: &FlowComparison) -> String {
    match flow.name.strip_prefix("call/") {
        _ if flow.is_traffic => format!("traffic {}", flow.name),
        Some(call) => format!("call {call}"),
        None => flow.name.clone(),
    }
}

/// The comparison as text for people.
#[must_use]
pub fn render(summary: &Summary, asked: Shown<'_>, style: Style) -> String {
    let metrics = asked.metrics;
    let mut text = style.bold(&summary.scenario);
    if let Some(question) = &summary.question {
        text.push_str(&format!(": {question}"));
    }
    text.push('\n');
    if summary.partial {
        text.push_str(&style.red("interrupted: what follows is over the replications that were finished"));
        text.push('\n');
    }
    let Some(comparison) = worth_showing(summary) else { return text + &wrap(NOTHING, style) };
    text.push_str(&format!("\n{}\n", style.bold(&title(summary, comparison))));
    for flow in asked.flows(comparison) {
        text.push_str(&format!("\n{}\n", style.bold(&flow_title(flow))));
        let mut drawn = table(style, &HEADER);
        drawn.add_rows(rows(flow, metrics));
        align_whole(&mut drawn, 1);
        names_before_words(&mut drawn);
        text.push_str(&format!("{}\n", drawn.trim_fmt()));
        for sentence in sentences(flow, comparison, metrics) {
            text.push_str(&wrap(&sentence, style));
        }
    }
    text.push('\n');
    for note in notes(summary, comparison, asked) {
        text.push_str(&wrap(&note, style));
    }
    for variant in summary.variants.iter().filter(|variant| !variant.objectives.is_empty()) {
        text.push_str(&format!("\n{}\n", style.bold(&format!("objectives of {}", variant.variant))));
        variant.objectives.iter().for_each(|objective| text.push_str(&objective_text(objective, style)));
    }
    text
}

/// The comparison as Markdown.
#[must_use]
pub fn markdown(summary: &Summary, asked: Shown<'_>) -> String {
    let metrics = asked.metrics;
    let mut text = format!("# {}\n", markdown::escape(&summary.scenario));
    if let Some(question) = &summary.question {
        text.push_str(&format!("\n{}\n", markdown::escape(question)));
    }
    if summary.partial {
        text.push_str("\n**Interrupted**: over the replications that were finished.\n");
    }
    let Some(comparison) = worth_showing(summary) else { return format!("{text}\n{NOTHING}\n") };
    text.push_str(&format!("\n{}\n", markdown::escape(&title(summary, comparison))));
    for flow in asked.flows(comparison) {
        let rows = rows(flow, metrics).into_iter();
        text.push_str(&format!("\n## {}\n\n{}", markdown::escape(&flow.name), markdown::table(&HEADER, 1, rows)));
        for sentence in sentences(flow, comparison, metrics) {
            text.push_str(&format!("\n{}\n", markdown::escape(&sentence)));
        }
    }
    for note in notes(summary, comparison, asked) {
        text.push_str(&format!("\n{}\n", markdown::escape(&note)));
    }
    let objectives = summary.variants.iter().flat_map(|variant| {
        variant.objectives.iter().map(|objective| {
            vec![variant.variant.clone(), objective.text.clone(), verdict_word(objective.verdict).to_owned()]
        })
    });
    if summary.variants.iter().any(|variant| !variant.objectives.is_empty()) {
        text.push_str(&format!("\n{}", markdown::table(&["variant", "objective", "verdict"], 3, objectives)));
    }
    text
}

/// The comparison for programs. Numbers that do not exist are null.
#[must_use]
pub fn json(summary: &Summary, metrics: &[String]) -> Value {
    let objectives = |variant: &super::VariantSummary| {
        let objectives: Vec<Value> = variant.objectives.iter().map(objective_value).collect();
        let mut value =
            json!({"variant": variant.variant, "replications": variant.replications, "objectives": objectives});
        if let Some(goal) = &variant.goal {
            value["until"] = goal_value(goal);
        }
        value
    };
    let compared: Vec<Value> = summary.comparison.as_ref().map_or_else(Vec::new, |comparison| {
        let wanted = |metric: &str| shown(metric, metrics);
        comparison.arms(&wanted).map(|(flow, metric, arm)| arm_value(flow, metric, arm)).collect()
    });
    json!({
        "scenario": summary.scenario,
        "question": summary.question,
        "partial": summary.partial,
        "objectives_met": summary.objectives_met(),
        "baseline": summary.comparison.as_ref().map(|comparison| &comparison.baseline),
        "variants": summary.variants.iter().map(objectives).collect::<Vec<_>>(),
        "comparisons": compared,
    })
}

fn arm_value(flow: &FlowComparison, metric: &MetricComparison, arm: &Arm) -> Value {
    let flag = |flag: Flag| Some(flag.as_str()).filter(|word| !word.is_empty());
    let mean = |interval: Option<Interval>| interval.map(|interval| possible(&metric.metric, interval));
    json!({
        "variant": arm.variant,
        "traffic": flow.name,
        "metric": metric.metric.as_ref(),
        "mean": interval_value(mean(arm.mean)),
        "baseline_mean": interval_value(mean(metric.mean)),
        "difference": interval_value(arm.paired.map(|paired| paired.difference)),
        "p_value": arm.p_value,
        "p_value_uncorrected": arm.paired.and_then(|paired| paired.p_value),
        "variance_reduction": arm.paired.and_then(|paired| paired.variance_reduction),
        "verdict": arm.verdict.map(Verdict::as_str),
        "replications_needed": arm.verdict.and_then(Verdict::replications_needed),
        "flag": flag(arm.flag),
        "baseline_flag": flag(flow.flag),
    })
}

/// The comparison, where anything is beside the baseline.
fn worth_showing(summary: &Summary) -> Option<&Comparison> {
    summary.comparison.as_ref().filter(|comparison| !comparison.variants.is_empty())
}

fn title(summary: &Summary, comparison: &Comparison) -> String {
    let replications = summary.variants.iter().map(|variant| variant.replications).min().unwrap_or(0);
    let others = u32::try_from(comparison.variants.len()).unwrap_or(u32::MAX);
    format!(
        "baseline {} and {} · {} on the same requests",
        comparison.baseline,
        count(others, "other variant"),
        count(replications, "replication")
    )
}

/// Metrics that are zero everywhere say nothing.
fn says_something(metric: &MetricComparison) -> bool {
    let zero = |mean: Option<Interval>| mean.is_some_and(|interval| interval.mean == 0.0);
    !QUIET_WHEN_ZERO.contains(&metric.metric.as_ref())
        || !zero(metric.mean)
        || !metric.arms.iter().all(|arm| zero(arm.mean))
}

/// The metrics worth rows.
fn visible<'f>(flow: &'f FlowComparison, metrics: &'f [String]) -> impl Iterator<Item = &'f MetricComparison> {
    flow.metrics.iter().filter(|metric| shown(&metric.metric, metrics) && says_something(metric))
}

/// For each metric the baseline, under its name, then the others; several that equal it in one row.
fn rows(flow: &FlowComparison, metrics: &[String]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for metric in visible(flow, metrics) {
        let empty = String::new;
        let base = flagged("baseline", flow.flag);
        rows.push(vec![metric.metric.to_string(), mean(metric.mean), empty(), empty(), empty(), base]);
        let equal = metric.arms.iter().filter(|arm| equals_baseline(arm)).count();
        for arm in metric.arms.iter().filter(|arm| equal < SEVERAL || !equals_baseline(arm)) {
            let paired = arm.paired.as_ref();
            let reduction = paired.and_then(|paired| paired.variance_reduction);
            rows.push(vec![
                flagged(&format!("· {}", arm.variant), arm.flag),
                mean(arm.mean),
                paired.map_or_else(empty, |paired| plus_minus(paired.difference)),
                arm.p_value.map_or_else(empty, probability),
                reduction.map_or_else(empty, |part| format!("{:.0} %", part * 100.0)),
                verdict(arm.verdict),
            ]);
        }
        if equal >= SEVERAL {
            let which = if equal == metric.arms.len() { "all" } else { "the other" };
            let verdict = verdict(Some(Verdict::Judged(DifferenceVerdict::Equal)));
            rows.push(vec![format!("· {which} {equal}"), empty(), empty(), empty(), empty(), verdict]);
        }
    }
    rows
}

/// Whether there is nothing to say of it but that it gives what the baseline gives, replication by replication.
fn equals_baseline(arm: &Arm) -> bool {
    arm.flag == Flag::Sound && arm.verdict == Some(Verdict::Judged(DifferenceVerdict::Equal))
}

/// Where the terminal is too narrow, names of variants keep more room than verdicts, which break well.
fn names_before_words(table: &mut Table) {
    const NAME: u16 = 24;
    const VERDICT: u16 = 16;
    let widths = table.column_max_content_widths();
    let columns = [(0, NAME), (HEADER.len() - 1, VERDICT)];
    for (index, most) in columns {
        let column = table.column_mut(index).expect("a column of the header");
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed((widths[index] + 2).min(most))));
    }
}

/// A name, marked where its latencies are not those of all requests.
fn flagged(name: &str, flag: Flag) -> String {
    match flag {
        Flag::Sound => name.to_owned(),
        Flag::Saturated | Flag::Shedding => format!("{name} {}", flag.as_str().to_uppercase()),
    }
}

pub(super) fn mean(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "too few samples".to_owned(), plus_minus)
}

pub(super) fn plus_minus(interval: Interval) -> String {
    let half = (interval.high - interval.low) / 2.0;
    // What is left of adding in another order.
    let half = if half < interval.mean.abs() * 1e-9 { 0.0 } else { half };
    if half.is_finite() { format!("{} ± {}", human(interval.mean), human_error(half)) } else { human(interval.mean) }
}

fn probability(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn verdict(verdict: Option<Verdict>) -> String {
    match verdict {
        None => String::new(),
        Some(Verdict::Unranked(_)) => "not ranked".to_owned(),
        Some(verdict) => match verdict.replications_needed() {
            Some(needed) => format!("{} (≈\u{a0}{})", verdict.as_str(), human(needed as f64)),
            None => verdict.as_str().to_owned(),
        },
    }
}

/// For each variant what the table says of it, in a sentence.
fn sentences(flow: &FlowComparison, comparison: &Comparison, metrics: &[String]) -> Vec<String> {
    const WORDS: [&str; 4] = ["better", "worse", "different", "not separable"];
    let sentence = |variant: &String| {
        let mut arms = Vec::new();
        for metric in visible(flow, metrics) {
            let own = metric.arms.iter().filter(|arm| arm.variant == *variant);
            arms.extend(own.filter_map(|arm| Some((metric.metric.as_ref(), arm.verdict?))));
        }
        if arms.is_empty() {
            return None;
        }
        let named = |word: &str, wanted: &dyn Fn(Verdict) -> bool| {
            let names: Vec<&str> = arms.iter().filter(|(_, verdict)| wanted(*verdict)).map(|(name, _)| *name).collect();
            (!names.is_empty()).then(|| format!("{word} in {}", names.join(", ")))
        };
        let mut parts: Vec<String> =
            WORDS.iter().filter_map(|word| named(word, &|verdict| verdict.as_str() == *word)).collect();
        parts.extend(named("not ranked", &|verdict| matches!(verdict, Verdict::Unranked(_))));
        if parts.is_empty() {
            parts.push("equal in everything".to_owned());
        }
        Some(format!("{variant}: {}.", parts.join("; ")))
    };
    comparison.variants.iter().filter_map(sentence).collect()
}

/// What the reader should know beside the numbers.
fn notes(summary: &Summary, comparison: &Comparison, asked: Shown<'_>) -> Vec<String> {
    let mut notes = vec![LEGEND.to_owned()];
    let flagged = |wanted: Flag| {
        asked.flows(comparison).any(|flow| {
            let mut arms = visible(flow, asked.metrics).flat_map(|metric| &metric.arms);
            flow.flag == wanted || arms.any(|arm| arm.flag == wanted || arm.verdict == Some(Verdict::Unranked(wanted)))
        })
    };
    if flagged(Flag::Saturated) {
        notes.push(
            "Saturated: more is offered than the system can do, so its latencies grow with the length of the run and \
             are not ranked."
                .to_owned(),
        );
    }
    if flagged(Flag::Shedding) {
        notes.push(
            "Shedding: requests were lost, and latencies are those of the others; a system that answers fewer requests \
             answers them sooner, so they are not ranked. Look at goodput_rps and error_ratio."
                .to_owned(),
        );
    }
    for variant in &comparison.variants {
        let mut arms = comparison.flows.iter().flat_map(|flow| &flow.metrics).flat_map(|metric| &metric.arms);
        let equal = |arm: &Arm| arm.verdict.is_none_or(|verdict| verdict == Verdict::Judged(DifferenceVerdict::Equal));
        if arms.clone().any(|arm| arm.variant == *variant) && arms.all(|arm| arm.variant != *variant || equal(arm)) {
            let base = &comparison.baseline;
            notes.push(format!("{variant} gives the same results as {base}: what it changes has no effect here."));
        }
    }
    let goals = summary.variants.iter().filter_map(|variant| Some((&variant.variant, variant.goal.as_ref()?)));
    notes.extend(goals.map(|(variant, goal)| format!("{variant}: {}.", goal.sentence())));
    if summary.variants.iter().any(|variant| variant.replications < 2) {
        notes.push("One replication says nothing of chance: ask for more, as --replications 10.".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_how_many_replications_would_tell() {
        let not_separable =
            |needed| Some(Verdict::Judged(DifferenceVerdict::NotSeparable { replications_needed: needed }));
        assert_eq!(verdict(not_separable(Some(2_500))), "not separable (≈\u{a0}2,500)");
        assert_eq!(verdict(not_separable(None)), "not separable");
        assert_eq!(verdict(Some(Verdict::Unranked(Flag::Saturated))), "not ranked");
        assert_eq!(verdict(None), "");
        assert_eq!(probability(0.000_099), "< 0.0001");
        assert_eq!(probability(0.04), "0.0400");
    }
}
