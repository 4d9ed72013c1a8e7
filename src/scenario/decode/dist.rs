//! Distributions: of durations, and of counts.

use super::super::context::{Context, Object};
use super::super::shape::Shape;
use super::super::tables_random as tables;
use super::super::values::{self, found};
use crate::arrivals::csv_problem;
use crate::random::Dist;
use crate::time::SimDuration;
use crate::yaml::{Node, Value, nearest};

/// A distribution of durations, or a bare duration.
pub(super) fn dist(cx: &mut Context<'_>, node: &Node, key: &str) -> Option<Dist> {
    match &node.value {
        Value::Map(_) => {
            let object = cx.object(node, &tables::DIST)?;
            one_of(cx, &object, &tables::DIST, key)
        }
        Value::Scalar(_) => {
            let value = values::duration(node);
            cx.take(node, key, value).map(Dist::constant)
        }
        _ => {
            cx.problem(node.span, format!("`{key}`: expected a duration or a distribution, found {}", found(node)));
            None
        }
    }
}

/// Exactly one distribution among the keys of the object.
fn one_of(cx: &mut Context<'_>, object: &Object<'_>, shape: &'static Shape, key: &str) -> Option<Dist> {
    let laws =
        object.entries().iter().filter(|(entry, _)| entry.name != "weight" && shape.field(&entry.name).is_some());
    let laws = laws.collect::<Vec<_>>();
    match laws.as_slice() {
        [(entry, node)] => law(cx, &entry.name, node),
        [] => {
            // An unknown key was reported already; only silence would need a word.
            if object.entries().iter().all(|(entry, _)| entry.name == "weight") {
                let names = tables::DIST.keys().collect::<Vec<_>>().join(", ");
                cx.problem_help(object.span, format!("`{key}` needs a distribution"), format!("one of {names}"));
            }
            None
        }
        [_, (second, _), ..] => {
            cx.problem_help(
                second.span,
                format!("`{key}` has two distributions, `{}` and `{}`", laws[0].0.name, second.name),
                "keep one, or mix them: `mixture: [{weight: 1, …}, {weight: 1, …}]`",
            );
            None
        }
    }
}

/// Keeps the distribution, or records what its constructor says.
fn made(cx: &mut Context<'_>, node: &Node, dist: Result<Dist, String>) -> Option<Dist> {
    cx.take(node, "", dist.map_err(|message| (message, None)))
}

fn law(cx: &mut Context<'_>, name: &str, node: &Node) -> Option<Dist> {
    let dist = match name {
        "constant" => {
            let value = values::duration(node);
            return cx.take(node, name, value).map(Dist::constant);
        }
        "mixture" => return mixture(cx, node),
        "empirical" => return empirical(cx, node),
        "histogram" => return histogram(cx, node),
        "hyperexponential" => {
            let object = cx.object(node, &tables::HYPEREXPONENTIAL)?;
            let p = each(cx, &object, "p", |node| values::ratio(node, 1.0));
            let rates = each(cx, &object, "rates", |node| {
                if node.as_f64().is_some() { values::number(node) } else { values::rate(node) }
            });
            Dist::hyperexponential(p?, rates?)
        }
        "uniform" => {
            let object = cx.object(node, &tables::UNIFORM)?;
            let (min, max) = (object.seconds(cx, "min"), object.seconds(cx, "max"));
            Dist::uniform(min?, max?)
        }
        "exponential" => {
            let object = cx.object(node, &tables::MEAN)?;
            Dist::exponential(object.seconds(cx, "mean")?)
        }
        "erlang" => {
            let object = cx.object(node, &tables::ERLANG)?;
            let (k, mean) = (object.count32(cx, "k"), object.seconds(cx, "mean"));
            Dist::erlang(k?, mean?)
        }
        "gamma" => {
            let object = cx.object(node, &tables::GAMMA)?;
            let (shape, mean) = (object.number(cx, "shape"), object.seconds(cx, "mean"));
            Dist::gamma(shape?, mean?)
        }
        "lognormal" => return lognormal(cx, node),
        "normal" => {
            let object = cx.object(node, &tables::NORMAL)?;
            let (mean, sd) = (object.seconds(cx, "mean"), object.seconds(cx, "sd"));
            Dist::normal(mean?, sd?)
        }
        "weibull" => {
            let object = cx.object(node, &tables::WEIBULL)?;
            let (shape, scale) = (object.number(cx, "shape"), object.seconds(cx, "scale"));
            Dist::weibull(shape?, scale?)
        }
        "pareto" => {
            let object = cx.object(node, &tables::PARETO)?;
            let (alpha, min) = (object.number(cx, "alpha"), object.seconds(cx, "min"));
            let max = match object.get("max") {
                Some(_) => Some(object.seconds(cx, "max")?),
                None => None,
            };
            Dist::pareto(alpha?, min?, max)
        }
        "bimodal" => {
            let object = cx.object(node, &tables::BIMODAL)?;
            let (p, low, high) = (object.ratio(cx, "p"), object.seconds(cx, "low"), object.seconds(cx, "high"));
            Dist::bimodal(p?, low?, high?)
        }
        _ => return None,
    };
    made(cx, node, dist)
}

fn lognormal(cx: &mut Context<'_>, node: &Node) -> Option<Dist> {
    let object = cx.object(node, &tables::LOGNORMAL)?;
    let (mean, cv) = (object.seconds(cx, "mean"), object.number(cx, "cv"));
    let (median, p99) = (object.seconds(cx, "median"), object.seconds(cx, "p99"));
    let present = |key: &str| object.get(key).is_some();
    match (present("mean"), present("cv"), present("median"), present("p99")) {
        (true, true, false, false) => made(cx, node, Dist::lognormal_mean_cv(mean?, cv?)),
        (false, false, true, true) => made(cx, node, Dist::lognormal_median_p99(median?, p99?)),
        _ => {
            cx.problem_help(
                node.span,
                "`lognormal` is given by `mean` and `cv`, or by `median` and `p99`",
                "write {mean: 10ms, cv: 1} or {median: 8ms, p99: 60ms}",
            );
            None
        }
    }
}

fn mixture(cx: &mut Context<'_>, node: &Node) -> Option<Dist> {
    let mut parts = Vec::new();
    let mut whole = node.as_list().is_some();
    for item in cx.list(node, "mixture") {
        let Some(object) = cx.object(item, &tables::MIXTURE_ITEM) else {
            whole = false;
            continue;
        };
        let weight = object.number(cx, "weight");
        match (weight, one_of(cx, &object, &tables::MIXTURE_ITEM, "mixture")) {
            (Some(weight), Some(dist)) => parts.push((weight, dist)),
            _ => whole = false,
        }
    }
    if whole { made(cx, node, Dist::mixture(parts)) } else { None }
}

fn histogram(cx: &mut Context<'_>, node: &Node) -> Option<Dist> {
    let object = cx.object(node, &tables::HISTOGRAM)?;
    let le = each(cx, &object, "le", |node| {
        let text = values::text(node)?;
        if matches!(text, "+Inf" | "Inf" | ".inf" | "+.inf") {
            return Ok(f64::INFINITY);
        }
        if node.as_f64().is_some() {
            values::number(node)
        } else {
            values::seconds(text).map_err(|message| (message, None))
        }
    });
    let count = each(cx, &object, "count", values::number);
    made(cx, node, Dist::histogram(le?, count?))
}

/// Every item of a list read, or `None` where one could not be.
pub(super) fn each<'a, T>(
    cx: &mut Context<'_>,
    object: &Object<'a>,
    key: &str,
    read: impl Fn(&'a Node) -> Result<T, values::Bad>,
) -> Option<Vec<T>> {
    object.get(key)?.as_list().or_else(|| {
        object.list(cx, key);
        None
    })?;
    let values = object.list(cx, key).iter().map(|item| cx.take(item, key, read(item))).collect::<Vec<_>>();
    values.into_iter().collect()
}

/// The text of `file`, or `data` itself.
pub(super) fn data(cx: &mut Context<'_>, object: &Object<'_>) -> Option<std::sync::Arc<str>> {
    match (object.get("file"), object.get("data")) {
        (Some(file), None) => {
            let path = object.text(cx, "file")?;
            let text = cx.file(path);
            cx.take(file, "file", text.map_err(|message| (message, None)))
        }
        (None, Some(_)) => object.text(cx, "data").map(std::sync::Arc::from),
        (Some(_), Some(_)) => {
            cx.problem(object.key_span("data"), "`data` stands instead of `file`: give one of them");
            None
        }
        (None, None) => {
            cx.problem_help(object.span, "`file` is missing", "write the path of a CSV file, relative to this one");
            None
        }
    }
}

fn empirical(cx: &mut Context<'_>, node: &Node) -> Option<Dist> {
    let object = cx.object(node, &tables::EMPIRICAL)?;
    let text = data(cx, &object);
    let column = object.text(cx, "column");
    let values = column_values(&text?, column).map_err(|message| (message, None));
    let values = cx.take(node, "empirical", values)?;
    made(cx, node, Dist::empirical(values))
}

/// A column of a CSV text in seconds; the unit is the ending of the column's name.
fn column_values(text: &str, column: Option<&str>) -> Result<Vec<f64>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| csv_problem(&error))?.clone();
    let index = match column {
        None => 0,
        Some(name) => headers.iter().position(|header| header == name).ok_or_else(|| {
            let known = headers.iter().collect::<Vec<_>>().join(", ");
            match nearest(name, headers.iter()) {
                Some(near) => format!("no column `{name}`; did you mean `{near}`?"),
                None => format!("no column `{name}`; the columns are {known}"),
            }
        })?,
    };
    let name = headers.get(index).unwrap_or_default();
    let scale = [("_ns", 1e9), ("_us", 1e6), ("_ms", 1e3), ("_s", 1.0)]
        .into_iter()
        .find_map(|(ending, scale)| name.ends_with(ending).then_some(scale))
        .unwrap_or(1.0);
    let mut values = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| csv_problem(&error))?;
        let field = record.get(index).unwrap_or_default();
        let value = field.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
        let value = value
            .ok_or_else(|| format!("row {} of column `{name}`: `{field}` is not a number of at least 0", row + 1))?;
        values.push(value / scale);
    }
    Ok(values)
}

/// A distribution of counts: `constant`, `uniform` on whole numbers, `geometric`, or a bare number.
pub(super) fn count_dist(cx: &mut Context<'_>, node: &Node, key: &str) -> Option<Dist> {
    let largest = 1_000_000;
    let constant = |cx: &mut Context<'_>, node: &Node| {
        let value = values::count(node, 1, largest);
        cx.take(node, key, value).map(|count| Dist::constant(SimDuration::from_secs(count)))
    };
    let Value::Map(_) = &node.value else { return constant(cx, node) };
    let object = cx.object(node, &tables::COUNT_DIST)?;
    let [(law, inside)] = object.entries() else {
        cx.problem(node.span, format!("`{key}` needs exactly one of constant, uniform, geometric"));
        return None;
    };
    match law.name.as_str() {
        "constant" => constant(cx, inside),
        "uniform" => {
            let object = cx.object(inside, &tables::COUNT_UNIFORM)?;
            let (min, max) = (object.count(cx, "min"), object.count(cx, "max"));
            let (min, max) = (min?, max?);
            if min > max || min == 0 || max - min > 10_000 {
                cx.problem(inside.span, "a uniform count needs 1 ≤ min ≤ max, at most 10,000 apart");
                return None;
            }
            // Equal weights on the whole numbers, so that both ends are as likely as the others.
            let parts = (min..=max).map(|count| (1.0, Dist::constant(SimDuration::from_secs(count)))).collect();
            made(cx, inside, Dist::mixture(parts))
        }
        "geometric" => {
            let object = cx.object(inside, &tables::COUNT_MEAN)?;
            let mean = object.number(cx, "mean")?;
            made(cx, inside, Dist::geometric(mean))
        }
        _ => None,
    }
}
