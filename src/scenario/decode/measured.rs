//! `expect[].measured`: what the repeats of a measurement came to.

use super::super::context::Context;
use super::super::metric::{Dimension, Statistic};
use super::super::tables;
use super::super::values::{self, Bad};
use super::super::{ExpectedValue, Metric};
use super::dist::data;
use super::expect::scalar_value;
use crate::arrivals::csv_problem;
use crate::yaml::{Node, Value, nearest};

/// A list of numbers, one a repeat, or a file of sequences with a column a repeat.
pub(super) fn measured(cx: &mut Context<'_>, node: &Node, metric: &Metric) -> Option<ExpectedValue> {
    match (&metric.statistic, &node.value) {
        (Statistic::Sequence, Value::Map(_)) => sequences(cx, node),
        (Statistic::Sequence, _) => {
            cx.problem_help(
                node.span,
                "`measured` of a sequence is a file of names of pods, a column for each repeat",
                "write {file: picks.csv}, or `value: [web-0, web-1]` for a short one",
            );
            None
        }
        (Statistic::Values, _) => {
            cx.problem(node.span, "not supported yet: `measured` of a list of values");
            None
        }
        (_, Value::List(items)) if !items.is_empty() => numbers(cx, items, metric.dimension()),
        _ => {
            cx.problem_help(
                node.span,
                "`measured` lists the value of each repeat of a measurement",
                "write for example [40.8ms, 41.1ms]",
            );
            None
        }
    }
}

fn numbers(cx: &mut Context<'_>, items: &[Node], dimension: Dimension) -> Option<ExpectedValue> {
    let mut repeats = Vec::new();
    for item in items {
        let value = values::text(item).and_then(|text| scalar_value(text, dimension));
        repeats.extend(cx.take(item, "measured", value));
    }
    (repeats.len() == items.len()).then_some(ExpectedValue::Repeats(repeats))
}

fn sequences(cx: &mut Context<'_>, node: &Node) -> Option<ExpectedValue> {
    let object = cx.object(node, &tables::MEASURED)?;
    let text = data(cx, &object);
    let column = object.text(cx, "column");
    let found = columns(&text?, column).map_err(|message| -> Bad { (message, None) });
    cx.take(node, "measured", found).map(ExpectedValue::Sequences)
}

/// The texts of all columns of a CSV text, or of one.
pub(super) fn columns(text: &str, column: Option<&str>) -> Result<Vec<Vec<String>>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| csv_problem(&error))?.clone();
    let wanted: Vec<usize> = match column {
        None => (0..headers.len()).collect(),
        Some(name) => {
            let place = headers.iter().position(|header| header == name).ok_or_else(|| {
                match nearest(name, headers.iter()) {
                    Some(near) => format!("no column `{name}`; did you mean `{near}`?"),
                    None => {
                        format!("no column `{name}`; the columns are {}", headers.iter().collect::<Vec<_>>().join(", "))
                    }
                }
            })?;
            vec![place]
        }
    };
    let mut found = vec![Vec::new(); wanted.len()];
    for record in reader.records() {
        let record = record.map_err(|error| csv_problem(&error))?;
        for (list, place) in found.iter_mut().zip(&wanted) {
            list.push(record.get(*place).unwrap_or_default().to_owned());
        }
    }
    match found.first() {
        Some(list) if !list.is_empty() => Ok(found),
        _ => Err("the file has no rows".to_owned()),
    }
}
