//! `objectives` and `expect`.

use super::super::context::{Context, Object};
use super::super::metric::{Across, Dimension, MetricNames, Statistic};
use super::super::metric_text::{self, Wrong};
use super::super::tables;
use super::super::values::{self, Bad, shorten};
use super::super::{Comparison, ExpectBy, Expectation, ExpectedValue, Metric, Objective, Until};
use super::{measured, run};
use crate::yaml::{Node, Value};

/// What metrics may name.
pub(super) struct Known {
    pub(super) names: MetricNames,
    /// Whether everything of the file could be read; else an unknown name may be something else's problem.
    pub(super) complete: bool,
}

impl Known {
    /// Reads a metric; `Ok(None)` where its name is unknown for a reason that was reported already.
    fn metric(&self, text: &str) -> Result<Option<Metric>, Bad> {
        match metric_text::parse(text, &self.names) {
            Ok(metric) => Ok(Some(metric)),
            Err(Wrong::Name(_)) if !self.complete => Ok(None),
            Err(Wrong::Name(bad) | Wrong::Form(bad)) => Err(bad),
        }
    }
}

/// `objectives`: one comparison a line.
pub(super) fn objectives(cx: &mut Context<'_>, items: &[Node], known: &Known) -> Vec<Objective> {
    let mut objectives = Vec::new();
    for item in items {
        let objective = values::text(item).and_then(|text| objective(text, known));
        objectives.extend(cx.take(item, "", objective).flatten());
    }
    objectives
}

fn objective(text: &str, known: &Known) -> Result<Option<Objective>, Bad> {
    let example = || Some("write for example `browse.latency.p99 < 250ms`".to_owned());
    let Some(at) = text.find(['<', '>']) else {
        return Err((format!("an objective compares a metric with a value, found `{}`", shorten(text)), example()));
    };
    let (left, rest) = text.split_at(at);
    let (comparison, right) = match rest {
        rest if rest.starts_with("<=") => (Comparison::LessOrEqual, &rest[2..]),
        rest if rest.starts_with(">=") => (Comparison::GreaterOrEqual, &rest[2..]),
        rest if rest.starts_with('<') => (Comparison::Less, &rest[1..]),
        rest => (Comparison::Greater, &rest[1..]),
    };
    let Some(metric) = known.metric(left.trim())? else { return Ok(None) };
    refuse_what_has_no_interval(&metric, "an objective")?;
    let right = right.trim();
    if metric.dimension() == Dimension::Seconds && values::parse_ratio(right).is_some_and(|value| value != 0.0) {
        return Err((
            format!("`{}` has no unit of time", shorten(right)),
            Some(format!("write {right}ms or {right}s")),
        ));
    }
    let threshold = scalar_value(right, metric.dimension())?;
    Ok(Some(Objective { text: text.to_owned(), metric, comparison, threshold }))
}

/// What is judged by the interval of a mean over replications needs one number of each.
fn refuse_what_has_no_interval(metric: &Metric, place: &str) -> Result<(), Bad> {
    if matches!(metric.statistic, Statistic::Values | Statistic::Sequence) {
        let help = "write a statistic that is one number, such as mean, p99 or max";
        return Err((format!("{place} compares one number, and this metric is a list"), Some(help.to_owned())));
    }
    if metric.across != Across::Mean {
        let help = "leave it out: the mean over replications and its interval are compared";
        return Err((format!("not supported yet: acrossReplications in {place}"), Some(help.to_owned())));
    }
    Ok(())
}

/// `run.replications` with a goal; its bounds were read with the rest of `run`.
pub(super) fn until(cx: &mut Context<'_>, run: Option<&Object<'_>>, known: &Known) -> Option<Until> {
    let replications = run::goal(cx, run?)?;
    let min = replications.count32(cx, "min").unwrap_or(run::FEWEST);
    let object = replications.get("until").and_then(|node| cx.object(node, &tables::UNTIL))?;
    let text = object.text(cx, "metric");
    let metric = text.and_then(|text| {
        let found = known.metric(text).and_then(|metric| {
            metric.as_ref().map_or(Ok(()), |metric| refuse_what_has_no_interval(metric, "`until`")).map(|()| metric)
        });
        cx.take(object.get("metric")?, "metric", found).flatten()
    });
    let width = object.get("relativeHalfWidth").and_then(|node| {
        let width = values::ratio(node, f64::MAX).and_then(|width| match width {
            width if width > 0.0 && width < 1.0 => Ok(width),
            _ => Err((
                format!("lies between 0 and 1 (100%), both left out, found `{}`", shorten(values::text(node)?)),
                Some("write a ratio such as 5%".to_owned()),
            )),
        });
        cx.take(node, "relativeHalfWidth", width)
    });
    Some(Until { min, metric: metric?, text: text?.to_owned(), relative_half_width: width? })
}

/// A number with the unit that fits the metric.
pub(super) fn scalar_value(text: &str, dimension: Dimension) -> Result<f64, Bad> {
    let shown = shorten(text);
    let number = values::parse_ratio(text);
    if text.contains('%') {
        return match (dimension, number) {
            (Dimension::Ratio | Dimension::Number, Some(value)) => Ok(value),
            _ => Err((format!("`{shown}` is not {}", dimension.expected()), None)),
        };
    }
    if let Some(value) = number {
        return Ok(value);
    }
    match dimension {
        Dimension::Seconds => values::seconds(text).map_err(|message| (message, None)),
        Dimension::PerSecond if text.contains('/') => values::parse_rate(text).map_err(|message| (message, None)),
        _ => Err((format!("`{shown}` is not {}", dimension.expected()), None)),
    }
}

/// `expect`: known results.
pub(super) fn expectations(cx: &mut Context<'_>, items: &[Node], known: &Known) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for item in items {
        let Some(object) = cx.object(item, &tables::EXPECTATION) else { continue };
        expectations.extend(expectation(cx, &object, known));
    }
    expectations
}

fn expectation(cx: &mut Context<'_>, object: &Object<'_>, known: &Known) -> Option<Expectation> {
    let text = object.text(cx, "metric")?;
    let place = object.get("metric")?;
    let metric = cx.take(place, "", known.metric(text)).flatten();
    let dimension = metric.as_ref().map_or(Dimension::Number, Metric::dimension);
    let value = match (object.get("value"), object.get("measured"), &metric) {
        (Some(node), None, _) => expected(cx, node, dimension),
        (None, Some(node), Some(metric)) => measured::measured(cx, node, metric),
        (None, Some(_), None) => None,
        (Some(_), Some(_), _) => {
            cx.problem(object.key_span("measured"), "`measured` stands instead of `value`: give one of them");
            None
        }
        (None, None, _) => {
            cx.problem_help(object.span, "`value` is missing", "write the known value, or `measured: [ … ]`");
            None
        }
    };
    let mut amount = |key| {
        let node = object.get(key)?;
        let value = values::text(node).and_then(|text| scalar_value(text, dimension)).and_then(not_negative);
        cx.take(node, key, value)
    };
    let (absolute, oracle_error) = (amount("absolute"), amount("oracleError").unwrap_or(0.0));
    let tolerance = object.get("tolerance").and_then(|node| {
        let value = values::ratio(node, f64::MAX);
        cx.take(node, "tolerance", value)
    });
    const WAYS: [(&str, ExpectBy); 3] =
        [("error", ExpectBy::Error), ("tolerance", ExpectBy::Tolerance), ("spread", ExpectBy::Spread)];
    let by = object.word(cx, "by", &WAYS);
    let (metric, value) = (metric?, value?);
    let by = way(cx, object, &value, &metric, by);
    Some(Expectation {
        metric,
        text: text.to_owned(),
        value,
        tolerance,
        absolute,
        oracle_error,
        source: object.text(cx, "source").unwrap_or_default().to_owned(),
        by,
        not: object.boolean(cx, "not").unwrap_or(false),
    })
}

/// How to compare; what cannot be compared so is refused.
fn way(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    value: &ExpectedValue,
    metric: &Metric,
    by: Option<ExpectBy>,
) -> ExpectBy {
    let measured = matches!(value, ExpectedValue::Repeats(_));
    let ways = || Some("write `by: tolerance`, or `by: spread` where replications differ as the repeats do".to_owned());
    let wrong: Option<(&str, Bad)> = match by {
        None if measured => {
            Some(("measured", ("measured values have no standard error to compare by".to_owned(), ways())))
        }
        Some(ExpectBy::Error) if measured => {
            Some(("by", ("measured values have no standard error to compare by".to_owned(), ways())))
        }
        _ if matches!(value, ExpectedValue::Sequences(_)) => {
            let other =
                ["by", "tolerance", "absolute", "oracleError"].into_iter().find(|key| object.get(key).is_some());
            let bad = || ("measured sequences are compared exactly".to_owned(), Some("leave it out".to_owned()));
            other.map(|key| (key, bad()))
        }
        Some(ExpectBy::Spread) if !measured && !matches!(value, ExpectedValue::Number(_)) => {
            Some(("by", ("a list or a sequence has no spread".to_owned(), None)))
        }
        Some(ExpectBy::Spread) if metric.across != Across::Mean => {
            Some(("by", ("`acrossReplications` leaves one number, which has no spread".to_owned(), None)))
        }
        Some(ExpectBy::Spread) => {
            ["tolerance", "absolute"].into_iter().find(|key| object.get(key).is_some()).map(|key| {
                (
                    key,
                    (
                        "`by: spread` allows 4 standard deviations and no tolerance".to_owned(),
                        Some("leave it out".to_owned()),
                    ),
                )
            })
        }
        _ => None,
    };
    if let Some((key, (message, help))) = wrong {
        match help {
            Some(help) => cx.problem_help(object.key_span(key), message, help),
            None => cx.problem(object.key_span(key), message),
        }
    }
    by.unwrap_or(ExpectBy::Error)
}

fn not_negative(value: f64) -> Result<f64, Bad> {
    if value >= 0.0 { Ok(value) } else { Err((format!("cannot be negative, found {value}"), None)) }
}

fn expected(cx: &mut Context<'_>, node: &Node, dimension: Dimension) -> Option<ExpectedValue> {
    let Value::List(items) = &node.value else {
        let value = values::text(node).and_then(|text| scalar_value(text, dimension));
        return cx.take(node, "value", value).map(ExpectedValue::Number);
    };
    let (mut names, mut numbers, mut wrong) = (Vec::new(), Vec::new(), None);
    for item in items {
        let text = cx.take(item, "value", values::text(item))?;
        names.push(text.to_owned());
        match scalar_value(text, dimension) {
            Ok(number) => numbers.push(number),
            Err(bad) => wrong = wrong.or(Some((item, bad))),
        }
    }
    match wrong {
        None => Some(ExpectedValue::List(numbers)),
        // Names of pods: none of them begins like a number, so a mistyped number is not taken for a name.
        Some(_) if names.iter().all(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) => {
            Some(ExpectedValue::Names(names))
        }
        Some((item, bad)) => cx.take(item, "value", Err(bad)),
    }
}
