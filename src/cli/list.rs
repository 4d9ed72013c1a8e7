//! `windtunnel list policies|distributions|arrivals|metrics|faults`: what a scenario may name.

use serde_json::{Map, Value};

use super::args::{Format, ListArgs, Listing};
use super::console::Console;
use super::{Status, Trouble};
use crate::arrivals::ARRIVALS;
use crate::balance::POLICIES;
use crate::random::{DISTRIBUTIONS, Listed};
use crate::report::{csv_text, markdown, terminal};
use crate::scenario::faults;
use crate::scenario::metric::METRICS;

pub(super) fn list(args: &ListArgs, console: &Console) -> Result<Status, Trouble> {
    let (header, rows): (Vec<&str>, Vec<Vec<String>>) = match args.what {
        Listing::Policies => (
            vec!["name", "parameters", "summary", "information", "cost", "source"],
            POLICIES
                .iter()
                .map(|p| {
                    let parameters = p.parameters_text();
                    [p.name, &parameters, p.summary, p.information, p.cost, p.source].map(str::to_owned).to_vec()
                })
                .collect(),
        ),
        Listing::Distributions => listed(DISTRIBUTIONS),
        Listing::Arrivals => listed(ARRIVALS),
        Listing::Metrics => listed(METRICS),
        Listing::Faults => (vec!["name", "parameters", "summary"], faults()),
    };
    let text = match args.format {
        Format::Table => terminal::listing(&header, &rows, console.style()),
        Format::Csv => csv_text(&header, rows.into_iter())?,
        Format::Markdown => markdown::table(&header, header.len(), rows.into_iter()),
        Format::Json => format!("{:#}\n", objects(&header, rows)),
    };
    console.print(&text)?;
    Ok(Status::Done)
}

fn listed(items: &[Listed]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let row = |item: &Listed| [item.name, item.parameters, item.summary].map(str::to_owned).to_vec();
    (vec!["name", "parameters", "summary"], items.iter().map(row).collect())
}

fn objects(header: &[&str], rows: Vec<Vec<String>>) -> Value {
    let object = |row: Vec<String>| {
        let fields = header.iter().map(|&name| name.to_owned()).zip(row.into_iter().map(Value::from));
        Value::Object(fields.collect::<Map<_, _>>())
    };
    Value::Array(rows.into_iter().map(object).collect())
}
