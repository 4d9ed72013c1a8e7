//! The summary as Markdown, for pull requests and notebooks.

use super::number::human;
use super::results::Summary;
use super::summary::{FlowSummary, VariantSummary};
use super::terminal::{CALL_METRICS, error_rows, metric_rows, objective_mean, pod_rows, verdict_advice, verdict_word};
use super::why;

/// The summary of a run as Markdown.
#[must_use]
pub fn render(summary: &Summary) -> String {
    let mut text = format!("# {}\n", escape(&summary.scenario));
    if let Some(question) = &summary.question {
        text.push_str(&format!("\n{}\n", escape(question)));
    }
    if summary.partial {
        text.push_str("\n**Interrupted**: over the replications that were finished.\n");
    }
    for variant in &summary.variants {
        text.push_str(&variant_text(variant));
    }
    text
}

fn variant_text(variant: &VariantSummary) -> String {
    let mut text = format!("\n## {} ({} replications)\n", escape(&variant.variant), variant.replications);
    if let Some(goal) = &variant.goal {
        text.push_str(&format!("\n{}\n", escape(&goal.sentence())));
    }
    for flow in variant.flows.iter().filter(|flow| flow.is_traffic) {
        text.push_str(&flow_text(flow));
    }
    let calls: Vec<&FlowSummary> = variant.flows.iter().filter(|flow| !flow.is_traffic).collect();
    if !calls.is_empty() {
        let header: Vec<&str> = ["call"].into_iter().chain(CALL_METRICS).collect();
        let cells = |flow: &FlowSummary| CALL_METRICS.map(|metric| human(flow.mean(metric).unwrap_or(f64::NAN)));
        let rows = calls.iter().map(|flow| [flow.name.clone()].into_iter().chain(cells(flow)).collect());
        text.push_str(&format!("\n{}", table(&header, 1, rows)));
    }
    for service in variant.services.iter().filter(|service| service.is_worth_a_word()) {
        let percent = |part: Option<f64>| part.map_or_else(String::new, |part| format!("{:.2} %", part * 100.0));
        let rows =
            pod_rows(service).into_iter().map(|(name, pod)| vec![name, percent(pod.share), percent(pod.utilization)]);
        let header = [&*format!("pod of {}", escape(&service.service)), "share", "busy"];
        text.push_str(&format!("\n{}", table(&header, 1, rows)));
    }
    if !variant.objectives.is_empty() {
        let rows = variant.objectives.iter().map(|objective| {
            let value = objective_mean(objective).unwrap_or_default();
            vec![objective.text.clone(), verdict_word(objective.verdict).to_owned(), value, verdict_advice(objective)]
        });
        text.push_str(&format!("\n{}", table(&["objective", "verdict", "mean", "note"], 4, rows)));
    }
    text
}

fn flow_text(flow: &FlowSummary) -> String {
    let mark = if flow.saturated { " **SATURATED**" } else { "" };
    let mut text = format!("\n### {}{mark}\n", escape(&flow.name));
    let rows = metric_rows(flow).into_iter().map(|row| row.to_vec());
    text.push_str(&format!("\n{}", table(&["metric", "mean", "95 % interval"], 1, rows)));
    if let Some(sentence) = why::sentence(flow) {
        text.push_str(&format!("\nWhy: {}.\n", escape(&sentence)));
    }
    if !flow.errors.is_empty() {
        let rows = error_rows(flow).into_iter().map(|row| row.to_vec());
        text.push_str(&format!("\n{}", table(&["cause", "where", "requests", "attempts"], 2, rows)));
    }
    text
}

/// A table whose columns from the `left`-th on stand to the right.
#[must_use]
pub fn table(header: &[&str], left: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rule = (0..header.len()).map(|column| if column < left { "---" } else { "---:" });
    let mut text = format!("| {} |\n| {} |\n", header.join(" | "), rule.collect::<Vec<_>>().join(" | "));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// Text that Markdown takes literally, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            // An underscore inside a word is literal, and metrics read better without escapes.
            '|' | '*' | '`' | '<' | '[' | '\\' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
