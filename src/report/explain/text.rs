//! An explanation as text for people: on the terminal and as Markdown, from the same rows.

use super::{
    Counterfactual, Effect, Explanation, PodRow, Tail, TailQuantile, TailRow, Told, TrafficExplained, apportion,
    story_text,
};
use crate::cause::LedgerCause;
use crate::report::comparison::Flag;
use crate::report::markdown;
use crate::report::number::human;
use crate::report::terminal::{Style, align_whole, count, table, wrap};
use crate::stats::Interval;

/// Rows that make less of the difference and of the tail are shown together.
const WORTH_A_ROW: f64 = 0.005;

/// Pods are told apart where their group makes this share of the difference.
const WORTH_SPLITTING: f64 = 0.05;

/// Most pods of a row that are named.
const MOST_PODS: usize = 6;

/// All of so many pods are named.
const MOST_EVEN: usize = 4;

/// Of many pods those are named that make this percentage of their row.
const LEAST_PERCENT: f64 = 5.0;

/// Failures are shown from this share on.
const WORTH_A_FAILURE: f64 = 1e-5;

/// What `explain` prints, before it is drawn.
enum Part {
    Title(String),
    Paragraph(String),
    Table {
        header: Vec<String>,
        left: usize,
        rows: Vec<Vec<String>>,
    },
    /// What is gone; then rows of name, before, after, unit, change.
    Effects(Vec<(String, Vec<[String; 5]>)>),
    Story(Told),
}

/// The explanation as text for people.
#[must_use]
pub fn render(explanation: &Explanation, style: Style) -> String {
    let mut text = style.bold(&explanation.scenario);
    if let Some(question) = &explanation.question {
        text.push_str(&format!(": {question}"));
    }
    text.push('\n');
    for part in parts(explanation) {
        match part {
            Part::Title(title) => text.push_str(&format!("\n{}\n", style.bold(&title))),
            Part::Story(told) => text.push_str(&format!("\n{}", story_text(&told, style))),
            Part::Paragraph(paragraph) => text.push_str(&wrap(&paragraph, style)),
            Part::Table { header, left, rows } => {
                let header: Vec<&str> = header.iter().map(String::as_str).collect();
                let mut drawn = table(style, &header);
                drawn.add_rows(rows);
                align_whole(&mut drawn, left);
                text.push_str(&format!("{}\n", drawn.trim_fmt()));
            }
            Part::Effects(effects) => {
                for (number, (without, rows)) in (1..).zip(effects) {
                    text.push_str(&wrap(&format!("{number}. {without}"), style));
                    for [name, before, after, unit, change] in rows {
                        let line = format!("       {name:<7}{before:>9} → {after:<9}{unit:<4}{change}");
                        text.push_str(line.trim_end());
                        text.push('\n');
                    }
                }
            }
        }
    }
    text
}

/// The explanation as Markdown.
#[must_use]
pub fn markdown(explanation: &Explanation) -> String {
    let mut text = format!("# {}\n", markdown::escape(&explanation.scenario));
    if let Some(question) = &explanation.question {
        text.push_str(&format!("\n{}\n", markdown::escape(question)));
    }
    for part in parts(explanation) {
        text.push('\n');
        match part {
            Part::Title(title) => text.push_str(&format!("## {}\n", markdown::escape(&title))),
            Part::Story(told) => text.push_str(&story_markdown(&told)),
            Part::Paragraph(paragraph) => text.push_str(&format!("{}\n", markdown::escape(&paragraph))),
            Part::Table { header, left, rows } => {
                let header: Vec<&str> = header.iter().map(String::as_str).collect();
                text.push_str(&markdown::table(&header, left, rows.into_iter()));
            }
            Part::Effects(effects) => {
                let header = ["without", "metric", "before", "after", "unit", "change (95 % interval)"];
                let rows = effects.into_iter().flat_map(|(without, rows)| {
                    rows.into_iter().map(move |row| [without.clone()].into_iter().chain(row).collect())
                });
                text.push_str(&markdown::table(&header, 2, rows));
            }
        }
    }
    text
}

/// A story as Markdown: its lines stand as they are.
#[must_use]
pub fn story_markdown(told: &Told) -> String {
    format!("```text\n{}```\n", story_text(told, Style { width: 100, color: false }))
}

fn parts(explanation: &Explanation) -> Vec<Part> {
    let mut parts = Vec::new();
    for traffic in &explanation.traffics {
        traffic_parts(&mut parts, explanation, traffic);
    }
    for traffic in &explanation.too_few {
        parts.push(Part::Title(format!("traffic {} · variant {}", traffic.name, explanation.variant)));
        parts.push(Part::Paragraph(traffic.line()));
    }
    parts
}

fn traffic_parts(parts: &mut Vec<Part>, explanation: &Explanation, traffic: &TrafficExplained) {
    let Explanation { quantile, replications, .. } = explanation;
    let value = traffic.value.map_or_else(
        || "too few requests in a replication".to_owned(),
        |value| format!("{}{}", milliseconds(value.mean), bracketed(value)),
    );
    parts.push(Part::Title(format!(
        "traffic {} · variant {} · {} = {value} · {}, seed {}",
        traffic.name,
        explanation.variant,
        quantile.name(),
        count(*replications, "replication"),
        explanation.seed
    )));
    if let Some(warning) = warning(traffic.flag) {
        parts.push(Part::Paragraph(warning.to_owned()));
    }
    let (slow, usual) = traffic.tail.means();
    parts.push(Part::Paragraph(format!(
        "The {} take {} on average ({} requests), those around the median {} ({} requests). The difference, by cause \
         and place:",
        quantile.slowest(),
        milliseconds(slow / 1e6),
        human(traffic.tail.requests as f64),
        milliseconds(usual / 1e6),
        human(traffic.tail.median_requests as f64),
    )));
    parts.push(tail_table(&traffic.tail, *quantile));
    for row in &traffic.tail.rows {
        if let Some(sentence) = pod_sentence(&traffic.tail, row) {
            parts.push(Part::Paragraph(sentence));
        }
    }
    counterfactual_parts(parts, *quantile, traffic);
    parts.extend(traffic.stories.iter().cloned().map(Part::Story));
}

const fn warning(flag: Flag) -> Option<&'static str> {
    match flag {
        Flag::Sound => None,
        Flag::Saturated => {
            Some("SATURATED: it is offered more than the system can do; its latencies grow with the length of the run.")
        }
        Flag::Shedding => Some("Requests are lost: the latencies are those of the others."),
    }
}

/// Whole nanoseconds that the last printed digit stands for, and decimals of milliseconds: four figures of the tail.
fn unit(tail: &Tail) -> (u64, usize) {
    match tail.means().0 {
        mean if mean >= 1e8 => (100_000, 1),
        mean if mean >= 1e7 => (10_000, 2),
        mean if mean >= 1e6 => (1_000, 3),
        mean if mean >= 1e5 => (100, 4),
        _ => (1, 6),
    }
}

/// The table by cause and place; its columns add up as printed.
fn tail_table(tail: &Tail, quantile: TailQuantile) -> Part {
    let difference = tail.means().0 - tail.means().1;
    let counts = |row: &&TailRow| {
        let growth = tail.growth(row.spent).abs();
        growth >= WORTH_A_ROW * difference.abs() || row.spent.tail as f64 >= WORTH_A_ROW * tail.total().tail as f64
    };
    let (shown, others): (Vec<&TailRow>, Vec<&TailRow>) = tail.rows.iter().partition(counts);
    let mut shown = shown;
    // A stable sort: equal ones stay in the order of the ledger.
    shown.sort_by(|a, b| tail.growth(b.spent).total_cmp(&tail.growth(a.spent)));
    let mut rows: Vec<(String, String, u128, u128)> = shown
        .iter()
        .map(|row| (row.cause.as_str().to_owned(), row.place.clone(), row.spent.tail, row.spent.median))
        .collect();
    if !others.is_empty() {
        let sum = |part: fn(&TailRow) -> u128| others.iter().map(|row| part(row)).sum();
        let name = format!("{} smaller", others.len());
        rows.push((name, String::new(), sum(|row| row.spent.tail), sum(|row| row.spent.median)));
    }
    let (unit, decimals) = unit(tail);
    let units = |part: fn(&(String, String, u128, u128)) -> u128, requests: u64| {
        apportion(&rows.iter().map(part).collect::<Vec<_>>(), requests, unit)
    };
    let tails = units(|row| row.2, tail.requests);
    let medians = units(|row| row.3, tail.median_requests);
    let shares = shares(&tails, &medians);
    let text = |units: i128| decimal(units, unit, decimals);
    let cells = |cause: String, place: String, (slow, usual): (u128, u128), share: String| {
        let (slow, usual) = (slow as i128, usual as i128);
        vec![cause, place, text(slow), text(usual), text(slow - usual), share]
    };
    let mut drawn: Vec<Vec<String>> = Vec::new();
    for (index, (cause, place, ..)) in rows.iter().enumerate() {
        drawn.push(cells(cause.clone(), place.clone(), (tails[index], medians[index]), shares[index].clone()));
    }
    let totals = (tails.iter().sum(), medians.iter().sum());
    let whole = if totals.0 > totals.1 { "100 %" } else { "" };
    drawn.push(cells("sum".to_owned(), String::new(), totals, whole.to_owned()));
    let slowest = format!("{}, ms", quantile.slowest());
    let header = ["cause", "where", &slowest, "median, ms", "difference", "share"].map(str::to_owned).to_vec();
    Part::Table { header, left: 2, rows: drawn }
}

/// Shares of the difference in whole percent that add up to 100; nothing where there is no difference.
fn shares(tails: &[u128], medians: &[u128]) -> Vec<String> {
    let differences: Vec<i128> =
        tails.iter().zip(medians).map(|(tail, median)| *tail as i128 - *median as i128).collect();
    let whole: i128 = differences.iter().sum();
    if whole <= 0 {
        return vec![String::new(); tails.len()];
    }
    let mut percents: Vec<i128> = differences.iter().map(|part| (part * 100).div_euclid(whole)).collect();
    let mut order: Vec<usize> = (0..differences.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse((differences[*index] * 100).rem_euclid(whole)));
    let missing = 100 - percents.iter().sum::<i128>();
    for index in order.into_iter().take(usize::try_from(missing).unwrap_or(0)) {
        percents[index] += 1;
    }
    percents.iter().map(|percent| format!("{percent} %")).collect()
}

/// Units as milliseconds with so many decimals.
fn decimal(units: i128, unit: u64, decimals: usize) -> String {
    let nanos = units * i128::from(unit);
    let scale = 10_i128.pow(6 - decimals as u32);
    let (sign, size) = (if nanos < 0 { "-" } else { "" }, nanos.abs() / scale);
    let one = 10_i128.pow(decimals as u32);
    format!("{sign}{}.{:0decimals$}", size / one, size % one)
}

/// In which pods a group's time passed, where that matters: always of waiting, else where few pods make the most of it.
fn pod_sentence(tail: &Tail, row: &TailRow) -> Option<String> {
    let (slow, usual) = tail.means();
    let growth = tail.growth(row.spent);
    if row.pods.len() < 2 || growth < WORTH_SPLITTING * (slow - usual) || growth <= 0.0 {
        return None;
    }
    let (pods, hot) = (row.pods.len(), tail.hot_pods(row).len());
    if row.cause != LedgerCause::QueueWait && hot == pods {
        return None;
    }
    let percent = |pod: &PodRow| tail.growth(pod.spent) / growth * 100.0;
    // Where some shrank, others grew by more than the whole; and no zero is negative.
    let part = |pod: &PodRow| format!("{} {:.0} %", pod.pod, percent(pod).round() + 0.0);
    let worth = |pod: &&PodRow| percent(pod) >= LEAST_PERCENT || pods <= MOST_EVEN;
    let named: Vec<String> = row.pods.iter().take(MOST_PODS).filter(worth).map(part).collect();
    let spread = match pods - named.len() {
        _ if named.is_empty() && hot < pods => format!("{hot} of {pods} pods make most of it"),
        _ if named.is_empty() => format!("spread over all {pods} pods"),
        0 => named.join(", "),
        1 => format!("{}, the other pod the rest", named.join(", ")),
        others => format!("{}, the other {others} pods the rest", named.join(", ")),
    };
    Some(format!("{} at {} by pod: {spread}.", row.cause, row.place))
}

fn counterfactual_parts(parts: &mut Vec<Part>, quantile: TailQuantile, traffic: &TrafficExplained) {
    if !traffic.counterfactuals.is_empty() {
        let intro = "The same requests again, without its causes (before, after, change with 95 % interval):";
        parts.push(Part::Paragraph(intro.to_owned()));
        let effects = traffic
            .counterfactuals
            .iter()
            .map(|own| (own.without.clone() + mark(own.flag), effects(quantile, traffic, own)));
        parts.push(Part::Effects(effects.collect()));
    }
    if !traffic.fixed.is_empty() {
        parts.push(Part::Paragraph(format!("Not taken away: {}.", traffic.fixed.join("; "))));
    }
}

/// The metrics before and after, with the change.
fn effects(quantile: TailQuantile, traffic: &TrafficExplained, own: &Counterfactual) -> Vec<[String; 5]> {
    let row = |name: &str, unit: &str, before: Option<Interval>, effect: Effect, scale: f64| {
        let mean = |interval: Option<Interval>| interval.map_or_else(|| "–".to_owned(), |i| human(i.mean * scale));
        [name.to_owned(), mean(before), mean(effect.mean), unit.to_owned(), change(effect, scale)]
    };
    let mut rows = vec![
        row(quantile.name(), "ms", traffic.value, own.quantile, 1.0),
        row("mean", "ms", traffic.mean, own.mean, 1.0),
    ];
    let fails = |interval: Option<Interval>| interval.is_some_and(|interval| interval.mean >= WORTH_A_FAILURE);
    if fails(traffic.error_ratio) || fails(own.error_ratio.mean) {
        rows.push(row("failed", "%", traffic.error_ratio, own.error_ratio, 100.0));
    }
    rows
}

const fn mark(flag: Flag) -> &'static str {
    match flag {
        Flag::Sound => "",
        Flag::Saturated => " SATURATED",
        Flag::Shedding => " (requests are lost)",
    }
}

fn change(effect: Effect, scale: f64) -> String {
    let Some(paired) = effect.change else { return "too few requests in a replication".to_owned() };
    let Interval { mean, low, high, .. } = paired.difference;
    let signed = |value: f64| if value > 0.0 { format!("+{}", human(value)) } else { human(value) };
    let (mean, low, high) = (signed(mean * scale), low * scale, high * scale);
    if low.is_finite() { format!("{mean} ({} … {})", human(low), human(high)) } else { mean }
}

fn milliseconds(value: f64) -> String {
    format!("{} ms", human(value))
}

fn bracketed(interval: Interval) -> String {
    if interval.low.is_finite() {
        format!(" ({} … {})", human(interval.low), human(interval.high))
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_digits_are_those_of_the_unit() {
        assert_eq!(decimal(123_456, 10_000, 2), "1234.56");
        assert_eq!(decimal(-7, 1_000, 3), "-0.007");
        assert_eq!(decimal(5, 1, 6), "0.000005");
        assert_eq!(decimal(1_490, 100_000, 1), "149.0");
    }

    #[test]
    fn shares_add_up_to_a_hundred() {
        assert_eq!(shares(&[10, 10, 10], &[0, 0, 0]), ["34 %", "33 %", "33 %"]);
        assert_eq!(shares(&[30, 5], &[10, 10]), ["133 %", "-33 %"]);
        assert_eq!(shares(&[5], &[5]), [""]);
    }
}
