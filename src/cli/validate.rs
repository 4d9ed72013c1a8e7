//! `windtunnel validate [FILE|DIR…]`: compares known results with what this build says.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Format, ValidateArgs};
use super::console::Console;
use super::progress::Bar;
use super::selection::{Family, case_name, families};
use super::simulate::{cannot_write, jobs, run_trouble};
use super::{Status, Trouble, interrupt};
use crate::experiment::{self, Finished, Options, RequestLog};
use crate::observe::outcome::{MetricValue, NoSink};
use crate::report::number::decimal;
use crate::report::terminal;
use crate::report::verdict::{Judgement, Observed, Verdict, tolerance};
use crate::report::{csv_text, markdown};
use crate::scenario::{ExpectBy, Expectation, ExpectedValue};

/// One expectation of one case and what became of it.
struct Line {
    case: String,
    metric: String,
    expected: ExpectedValue,
    demand: String,
    judgement: Judgement,
}

pub(super) fn validate(args: &ValidateArgs, console: &Console) -> Result<Status, Trouble> {
    can_be_written(args)?;
    let mut lines = Vec::new();
    let mut interrupted = false;
    for family in families(args, console)? {
        let finished = validate_family(args, &family, console, &mut lines)?;
        if finished == Finished::Interrupted {
            interrupted = true;
            break;
        }
    }
    if let Some(path) = &args.json {
        let text = format!("{:#}\n", Value::Array(lines.iter().map(json_line).collect()));
        if path == Path::new("-") {
            console.print(&text)?;
        } else {
            fs::write(path, text).map_err(|error| cannot_write(path, &error))?;
        }
    }
    if args.json.as_deref() != Some(Path::new("-")) {
        print(args.format, &lines, console)?;
    }
    let count = |verdict| lines.iter().filter(|line| line.judgement.verdict == verdict).count();
    let (passed, failed, imprecise) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Imprecise));
    console.note(&format!("{passed} passed, {failed} failed, {imprecise} imprecise"));
    Ok(match passed == lines.len() {
        _ if interrupted => Status::Interrupted,
        true => Status::Done,
        false => Status::Missed,
    })
}

/// Whether there is a place for the verdicts: nobody wants to learn that there is none after an hour.
fn can_be_written(args: &ValidateArgs) -> Result<(), Trouble> {
    let Some(path) = args.json.as_deref().filter(|path| *path != Path::new("-")) else { return Ok(()) };
    // What exists keeps its content until there is another.
    let there = path.exists();
    fs::OpenOptions::new().append(true).create(true).open(path).map_err(|error| cannot_write(path, &error))?;
    if there { Ok(()) } else { fs::remove_file(path).map_err(|error| cannot_write(path, &error)) }
}

/// Runs the cases of a file; only the values that are compared are kept, however many replications there are.
fn validate_family(
    args: &ValidateArgs,
    family: &Family,
    console: &Console,
    lines: &mut Vec<Line>,
) -> Result<Finished, Trouble> {
    let options = Options { jobs: jobs(&args.jobs), requests_log: RequestLog::None };
    let bar = Bar::new(console, &family.file);
    let mut observed: Vec<Vec<Observed>> =
        family.cases.iter().map(|case| vec![Observed::default(); case.expect.len()]).collect();
    let finished = experiment::run(
        &family.cases,
        &options,
        interrupt::flag(interrupt::FINISHED),
        &bar,
        &|_, _, _| Box::new(NoSink),
        &mut |_, outcome| {
            let expectations = &family.cases[outcome.variant].expect;
            for ((observed, expectation), value) in
                observed[outcome.variant].iter_mut().zip(expectations).zip(&outcome.metrics)
            {
                observed.add(expectation, value);
            }
        },
    );
    bar.finish();
    let finished = finished.map_err(|error| run_trouble(&format!("{}: ", family.file), error))?;
    for (case, observed) in family.cases.iter().zip(&observed) {
        for (expectation, observed) in case.expect.iter().zip(observed) {
            let judgement = observed.judge(expectation, args.quick);
            lines.push(Line {
                case: case_name(&family.file, &case.variant),
                metric: metric(expectation),
                expected: expectation.value.clone(),
                demand: demand(expectation, &judgement),
                judgement,
            });
        }
    }
    Ok(finished)
}

/// The metric as written; a negative control says so.
fn metric(expectation: &Expectation) -> String {
    if expectation.not { format!("not {}", expectation.text) } else { expectation.text.clone() }
}

/// The largest standard error allowed, or how far off the mean may be where the tolerance or the spread decides.
fn demand(expectation: &Expectation, judgement: &Judgement) -> String {
    let tolerance = tolerance(expectation);
    match expectation.by {
        ExpectBy::Tolerance => format!("off ≤ {tolerance:.1e}"),
        ExpectBy::Error if tolerance > 0.0 => format!("se ≤ {:.1e}", tolerance / 2.0),
        ExpectBy::Error => String::new(),
        ExpectBy::Spread => judgement.se.map_or_else(String::new, |se| {
            format!("off ≤ 4 sd = {:.1e}", 4.0 * se * (judgement.replications as f64).sqrt())
        }),
    }
}

fn json_line(line: &Line) -> Value {
    let list = |values: &[f64]| Value::from(values.to_vec());
    let expected = match &line.expected {
        ExpectedValue::Number(value) => json!(value),
        ExpectedValue::List(values) | ExpectedValue::Repeats(values) => list(values),
        ExpectedValue::Names(names) => json!(names),
        ExpectedValue::Sequences(repeats) => json!(repeats),
    };
    let mean = match &line.judgement.mean {
        MetricValue::Number(value) => json!(value),
        MetricValue::List(values) => list(values),
        MetricValue::Names(names) => json!(names),
    };
    json!({
        "case": line.case,
        "metric": line.metric,
        "expected": expected,
        "mean": mean,
        "se": line.judgement.se,
        "replications": line.judgement.replications,
        "verdict": line.judgement.verdict.as_str(),
    })
}

const HEADER: [&str; 8] = ["case", "metric", "expected", "mean", "se", "demand", "replications", "verdict"];

fn cells(line: &Line) -> Vec<String> {
    let expected = match &line.expected {
        ExpectedValue::Number(value) => decimal(*value),
        ExpectedValue::List(values) | ExpectedValue::Repeats(values) => short(values.iter().map(|v| decimal(*v))),
        ExpectedValue::Names(names) => short(names.iter().cloned()),
        ExpectedValue::Sequences(repeats) => short(repeats.iter().flatten().cloned()),
    };
    let mean = match &line.judgement.mean {
        MetricValue::Number(value) => decimal(*value),
        MetricValue::List(values) => short(values.iter().map(|v| decimal(*v))),
        MetricValue::Names(names) => short(names.iter().cloned()),
    };
    let verdict = line.judgement.verdict.as_str();
    let verdict = line.judgement.note.as_ref().map_or(verdict.to_owned(), |note| format!("{verdict}: {note}"));
    vec![
        line.case.clone(),
        line.metric.clone(),
        expected,
        mean,
        line.judgement.se.map_or_else(String::new, |se| format!("{se:.2e}")),
        line.demand.clone(),
        line.judgement.replications.to_string(),
        verdict,
    ]
}

/// The beginning of a list.
fn short(items: impl Iterator<Item = String>) -> String {
    const MOST: usize = 6;
    let mut items: Vec<String> = items.collect();
    let more = items.len() > MOST;
    items.truncate(MOST);
    if more {
        items.push("…".to_owned());
    }
    items.join(" ")
}

fn print(format: Format, lines: &[Line], console: &Console) -> Result<(), Trouble> {
    let wanted = |line: &&Line| !console.quiet() || line.judgement.verdict != Verdict::Pass;
    let rows = lines.iter().filter(wanted).map(cells);
    let text = match format {
        Format::Table => terminal::plain_table(&HEADER, 2, rows, console.list_style()),
        Format::Csv => csv_text(&HEADER, rows)?,
        Format::Markdown => markdown::table(&HEADER, 2, rows),
        Format::Json => format!("{:#}\n", Value::Array(lines.iter().map(json_line).collect())),
    };
    console.print(&text)
}
