//! The summary on the terminal.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::number::human;
use super::results::Summary;
use super::summary::{FlowSummary, MetricSummary, ObjectiveSummary, PodSummary, ServiceSummary, VariantSummary};
use super::why;
use crate::scenario::metric::Dimension;
use crate::stats::{Interval, ObjectiveVerdict};

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether escape sequences are welcome.
    pub color: bool,
}

/// Most pods of a Service that are listed one by one.
const MOST_PODS: usize = 20;

/// Most causes of failure that are listed.
const MOST_ERRORS: usize = 12;

/// The rungs of the latency ladder.
const LADDER: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// Metrics whose row says nothing when they are zero everywhere.
pub(crate) const QUIET_WHEN_ZERO: [&str; 4] = ["failed", "in_flight", "censored", "retries"];

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn green(self, text: &str) -> String {
        self.paint("32", text)
    }
}

/// The summary of a run as text for people.
#[must_use]
pub fn render(summary: &Summary, style: Style) -> String {
    let mut text = style.bold(&summary.scenario);
    if let Some(question) = &summary.question {
        text.push_str(&format!(": {question}"));
    }
    text.push('\n');
    if summary.partial {
        text.push_str(&style.red("interrupted: what follows is over the replications that were finished"));
        text.push('\n');
    }
    for (variant, seed) in summary.variants.iter().zip(&summary.seeds) {
        text.push('\n');
        variant_text(&mut text, variant, *seed, style);
    }
    text
}

fn variant_text(text: &mut String, variant: &VariantSummary, seed: u64, style: Style) {
    let replications = count(variant.replications, "replication");
    let title = format!("variant {} · {replications}, seed {seed}", variant.variant);
    text.push_str(&style.bold(&title));
    text.push('\n');
    if let Some(goal) = &variant.goal {
        text.push_str(&wrap(&goal.sentence(), style));
    }
    for flow in variant.flows.iter().filter(|flow| flow.is_traffic) {
        text.push('\n');
        flow_text(text, flow, style);
    }
    let calls: Vec<&FlowSummary> = variant.flows.iter().filter(|flow| !flow.is_traffic).collect();
    if !calls.is_empty() {
        text.push_str(&format!("\n{}\n{}\n", style.bold("calls"), calls_table(&calls, style)));
    }
    for service in variant.services.iter().filter(|service| service.is_worth_a_word()) {
        text.push('\n');
        service_text(text, service, style);
    }
    if !variant.objectives.is_empty() {
        text.push_str(&format!("\n{}\n", style.bold("objectives")));
        for objective in &variant.objectives {
            text.push_str(&objective_text(objective, style));
        }
    }
}

pub(crate) fn count(n: u32, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn flow_text(text: &mut String, flow: &FlowSummary, style: Style) {
    let mark = if flow.saturated { format!("  {}", style.red("SATURATED")) } else { String::new() };
    text.push_str(&format!("{}{mark}\n", style.bold(&format!("traffic {}", flow.name))));
    if flow.saturated {
        text.push_str("  It is offered more than the system can do: its latencies grow with the length of the run.\n");
    }
    text.push_str(&metrics_table(flow, style));
    text.push('\n');
    ladder(text, flow, style);
    if let Some(sentence) = why::sentence(flow) {
        text.push_str(&wrap(&format!("Why: {sentence}."), style));
    }
    if !flow.errors.is_empty() {
        text.push_str(&format!("  failures, all replications together\n{}\n", errors_table(flow, style)));
    }
}

pub(crate) fn table(style: Style, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    table.set_header(header.to_vec());
    table
}

/// Numbers stand to the right of all columns but the first `left`.
fn align(table: &mut Table, left: usize) {
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The same, and numbers are never broken: on a narrow terminal the other columns give way, as far as they can.
pub(crate) fn align_whole(table: &mut Table, left: usize) {
    const NARROWEST: u16 = 14;
    align(table, left);
    let padding = 2;
    let widths = table.column_max_content_widths();
    for (column, width) in table.column_iter_mut().zip(widths).take(left) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed((width + padding).min(NARROWEST))));
    }
    for column in table.column_iter_mut().skip(left) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// The metrics worth a row, with name, mean and interval.
pub(crate) fn metric_rows(flow: &FlowSummary) -> Vec<[String; 3]> {
    let quiet = |m: &&MetricSummary| {
        QUIET_WHEN_ZERO.contains(&m.measure.name.as_ref())
            && m.interval.is_some_and(|i| i.mean == 0.0 && i.n == m.replications)
    };
    flow.metrics
        .iter()
        .filter(|metric| !quiet(metric))
        .map(|metric| {
            let (mean, interval) = metric
                .printed()
                .map_or_else(|| ("too few samples".to_owned(), String::new()), |i| (human(i.mean), interval_text(i)));
            [metric.measure.name.to_string(), mean, interval]
        })
        .collect()
}

fn interval_text(interval: Interval) -> String {
    if interval.low.is_finite() {
        format!("{} … {}", human(interval.low), human(interval.high))
    } else {
        String::new()
    }
}

fn metrics_table(flow: &FlowSummary, style: Style) -> String {
    let mut table = table(style, &["metric", "mean", "95 % interval"]);
    for row in metric_rows(flow) {
        table.add_row(row.to_vec());
    }
    align_whole(&mut table, 1);
    table.trim_fmt()
}

/// The columns of the table of calls.
pub(crate) const CALL_METRICS: [&str; 6] =
    ["offered", "throughput_rps", "error_ratio", "latency_mean_ms", "latency_p50_ms", "latency_p99_ms"];

fn calls_table(calls: &[&FlowSummary], style: Style) -> String {
    let mut table = table(style, &["call", "offered", "per s", "error ratio", "mean ms", "p50 ms", "p99 ms"]);
    for call in calls {
        let name = call.name.strip_prefix("call/").unwrap_or(&call.name);
        let name = if call.saturated { format!("{name} SATURATED") } else { name.to_owned() };
        let cells = CALL_METRICS.iter().map(|metric| human(call.mean(metric).unwrap_or(f64::NAN)));
        table.add_row([name].into_iter().chain(cells).collect::<Vec<_>>());
    }
    align_whole(&mut table, 1);
    table.trim_fmt()
}

/// Bars whose length is the logarithm of the latency, all replications together.
fn ladder(text: &mut String, flow: &FlowSummary, style: Style) {
    let latency = &flow.latency;
    let mut rungs: Vec<(&str, u64)> = LADDER
        .into_iter()
        .filter(|(_, q)| latency.count() >= crate::stats::samples_needed(*q))
        .filter_map(|(name, q)| Some((name, latency.quantile(q)?)))
        .collect();
    rungs.extend(latency.max().map(|max| ("max", max)));
    let Some(&(_, lowest)) = rungs.first() else { return };
    let highest = rungs.last().map_or(lowest, |(_, value)| *value).max(1);
    text.push_str("  latency, all replications together (ms, log scale)\n");
    // The scale starts at half the lowest rung, so that it has a bar as well.
    let scale = |value: u64| (value.max(1) as f64 * 2.0 / lowest.max(1) as f64).ln();
    let room = style.width.saturating_sub(24).clamp(8, 60);
    for (name, value) in rungs {
        let bar = bar(scale(value) / scale(highest), room);
        text.push_str(&format!("    {name:<6}{:>10} {bar}\n", human(value as f64 / 1e6)));
    }
}

/// A bar of `share` × `room` columns, to an eighth of a column.
fn bar(share: f64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * room as f64 * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// The pods of a Service worth a row: all of a few, else those that got least, most and the median share.
pub(crate) fn pod_rows(service: &ServiceSummary) -> Vec<(String, &PodSummary)> {
    if service.pods.len() <= MOST_PODS {
        return service.pods.iter().map(|pod| (pod.pod.clone(), pod)).collect();
    }
    let mut ordered: Vec<&PodSummary> = service.pods.iter().collect();
    ordered.sort_by(|a, b| a.share.unwrap_or(0.0).total_cmp(&b.share.unwrap_or(0.0)));
    [("least", 0), ("median", ordered.len() / 2), ("most", ordered.len() - 1)]
        .into_iter()
        .map(|(word, index)| (format!("{word}: {}", ordered[index].pod), ordered[index]))
        .collect()
}

fn service_text(text: &mut String, service: &ServiceSummary, style: Style) {
    let pods = count(u32::try_from(service.pods.len()).unwrap_or(u32::MAX), "pod");
    text.push_str(&style.bold(&format!("service {} · {pods}", service.service)));
    text.push('\n');
    if service.pods.iter().all(|pod| pod.share.is_none()) {
        text.push_str("  received nothing\n");
        return;
    }
    let rows = pod_rows(service);
    let most = rows.iter().filter_map(|(_, pod)| pod.share).fold(0.0, f64::max);
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(style.width / 2);
    let room = style.width.saturating_sub(widest + 28).clamp(4, 40);
    for (name, pod) in rows {
        let share = pod.share.unwrap_or(0.0);
        let bar = bar(if most > 0.0 { share / most } else { 0.0 }, room);
        let busy = pod.utilization.map_or_else(String::new, |u| format!("{:.0} % busy", u * 100.0));
        let padding = " ".repeat(room.saturating_sub(bar.chars().count()));
        text.push_str(format!("  {name:<widest$} {:>7.2} % {bar}{padding} {busy}", share * 100.0).trim_end());
        text.push('\n');
    }
}

/// The causes of failure worth a row: cause, where, requests, attempts.
pub(crate) fn error_rows(flow: &FlowSummary) -> Vec<[String; 4]> {
    let mut errors: Vec<_> = flow.errors.iter().collect();
    errors.sort_by_key(|error| std::cmp::Reverse((error.count, error.attempts)));
    let row = |e: &&super::summary::ErrorSummary| {
        [e.cause.as_str().to_owned(), e.place.clone(), human(e.count as f64), human(e.attempts as f64)]
    };
    let mut rows: Vec<[String; 4]> = errors.iter().take(MOST_ERRORS).map(row).collect();
    let rest = errors.iter().skip(MOST_ERRORS);
    let (count, attempts) = rest.fold((0, 0), |sums, error| (sums.0 + error.count, sums.1 + error.attempts));
    if errors.len() > MOST_ERRORS {
        let more = format!("{} more", errors.len() - MOST_ERRORS);
        rows.push([more, String::new(), human(count as f64), human(attempts as f64)]);
    }
    rows
}

fn errors_table(flow: &FlowSummary, style: Style) -> String {
    let mut table = table(style, &["cause", "where", "requests", "attempts"]);
    for row in error_rows(flow) {
        table.add_row(row.to_vec());
    }
    align_whole(&mut table, 2);
    table.trim_fmt()
}

/// The verdict in one word.
pub(crate) const fn verdict_word(verdict: ObjectiveVerdict) -> &'static str {
    match verdict {
        ObjectiveVerdict::Met => "met",
        ObjectiveVerdict::Missed => "missed",
        ObjectiveVerdict::Undecided { .. } => "undecided",
    }
}

/// What would decide an undecided objective.
pub(crate) fn verdict_advice(objective: &ObjectiveSummary) -> String {
    match objective.verdict {
        ObjectiveVerdict::Undecided { replications_needed: Some(n) } => {
            format!("about {} replications would decide", human(n as f64))
        }
        ObjectiveVerdict::Undecided { .. } if objective.interval.is_none() => {
            "a replication has too few samples; make the run longer".to_owned()
        }
        ObjectiveVerdict::Undecided { .. } => "more replications would decide".to_owned(),
        _ => String::new(),
    }
}

/// The mean of what an objective is about, with its interval.
pub(crate) fn objective_mean(objective: &ObjectiveSummary) -> Option<String> {
    let (scale, unit) = match objective.dimension {
        Dimension::Seconds => (1e3, " ms"),
        Dimension::Ratio => (100.0, " %"),
        Dimension::PerSecond => (1.0, "/s"),
        Dimension::Number => (1.0, ""),
    };
    objective.printed().map(|i| {
        let scaled = Interval { mean: i.mean * scale, low: i.low * scale, high: i.high * scale, n: i.n };
        let interval = interval_text(scaled);
        let interval = if interval.is_empty() { interval } else { format!(" ({interval})") };
        format!("{}{unit}{interval}", human(scaled.mean))
    })
}

pub(crate) fn objective_text(objective: &ObjectiveSummary, style: Style) -> String {
    let word = verdict_word(objective.verdict);
    let word = match objective.verdict {
        ObjectiveVerdict::Met => style.green(&format!("✓ {word}")),
        ObjectiveVerdict::Missed => style.red(&format!("✗ {word}")),
        ObjectiveVerdict::Undecided { .. } => style.bold(&format!("? {word}")),
    };
    let mean = objective_mean(objective).map_or_else(String::new, |mean| format!(": {mean}"));
    let advice = verdict_advice(objective);
    let advice = if advice.is_empty() { advice } else { format!("; {advice}") };
    wrap(&format!("{word}  {}{mean}{advice}", objective.text), style)
}

/// Breaks a paragraph into indented lines no wider than the terminal.
pub(crate) fn wrap(paragraph: &str, style: Style) -> String {
    wrap_by("  ", paragraph, style)
}

fn wrap_by(indent: &str, paragraph: &str, style: Style) -> String {
    let mut text = String::from(indent);
    let mut column = indent.len();
    for (index, word) in paragraph.split_whitespace().enumerate() {
        // Escape sequences take no columns, but a line that is a little short does no harm.
        let length = word.chars().count();
        if index > 0 && column + 1 + length > style.width {
            text.push_str(&format!("\n{indent}"));
            column = indent.len();
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

/// A table for people whose columns from the `left`-th on stand to the right.
#[must_use]
pub fn plain_table(header: &[&str], left: usize, rows: impl Iterator<Item = Vec<String>>, style: Style) -> String {
    let mut table = table(style, header);
    table.add_rows(rows);
    align(&mut table, left);
    format!("{}\n", table.trim_fmt())
}

/// A list of texts: a table where it fits, else a paragraph a cell under the first cell of its row.
#[must_use]
pub fn listing(header: &[&str], rows: &[Vec<String>], style: Style) -> String {
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    // A column has a space on either side, and one between it and the next.
    let natural: usize = (0..header.len()).map(|column| widest(column).max(header[column].len()) + 3).sum();
    if natural <= style.width {
        return plain_table(header, header.len(), rows.iter().cloned(), style);
    }
    let mut text = String::new();
    for row in rows {
        text.push_str(&style.bold(&row[0]));
        text.push('\n');
        for (name, cell) in header.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            text.push_str(&wrap_by("    ", &format!("{name}: {cell}"), style));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Style = Style { width: 40, color: false };

    #[test]
    fn a_list_is_a_table_where_it_fits() {
        let rows = [vec!["random".to_owned(), String::new(), "every endpoint with the same probability".to_owned()]];
        let header = ["name", "parameters", "summary"];
        let wide = listing(&header, &rows, Style { width: 100, ..NARROW });
        assert!(wide.starts_with('┌') && wide.lines().count() == 5, "{wide}");
        let narrow = listing(&header, &rows, NARROW);
        assert_eq!(narrow, "random\n    summary: every endpoint with the\n    same probability\n");
    }

    #[test]
    fn numbers_are_not_broken_on_a_narrow_terminal() {
        let mut table = table(NARROW, &["where", "requests"]);
        table.add_row(["shop/deployment/reviews-of-everything", "172,990,123,456"]);
        align_whole(&mut table, 1);
        let text = table.trim_fmt();
        assert!(text.contains("172,990,123,456") && text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}
