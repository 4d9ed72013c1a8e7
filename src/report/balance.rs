//! `balance.csv`: how evenly each Service's pods were loaded, one row a variant, replication and Service.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::observe::outcome::{EndpointOutcome, chi_square_of_picks};
use crate::stats::{cv, gini, jain, max_over_mean};

/// Name of the file.
pub(crate) const FILE: &str = "balance.csv";

/// All columns.
pub(crate) const HEADER: [&str; 10] = [
    "scenario",
    "variant",
    "replication",
    "service",
    "endpoints",
    "max_over_mean",
    "cv",
    "jain",
    "gini",
    "chi_square_p",
];

/// The measures of [`HEADER`] from `max_over_mean` on, over one Service's endpoints.
fn measures(endpoints: &[&EndpointOutcome]) -> [Value; 5] {
    let requests: Vec<f64> = endpoints.iter().map(|endpoint| endpoint.requests as f64).collect();
    let picks: Vec<_> = endpoints.iter().map(|endpoint| (endpoint.picks, endpoint.picks_of_connections)).collect();
    [
        Value::number(max_over_mean(&requests)),
        Value::number(cv(&requests)),
        Value::number(jain(&requests)),
        Value::number(gini(&requests)),
        Value::number(chi_square_of_picks(&picks)),
    ]
}

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, run: Run<'_>) -> io::Result<()> {
    let mut members: Vec<Vec<&EndpointOutcome>> = vec![Vec::new(); run.labels.services.len()];
    // A pod that was not there all the time could not get as much as the others.
    let endpoints = run.labels.endpoints_of(run.outcome).zip(&run.outcome.endpoints);
    for (label, endpoint) in endpoints.filter(|(_, endpoint)| endpoint.ready_throughout) {
        members[label.service].push(endpoint);
    }
    for (service, endpoints) in run.labels.services.iter().zip(&members) {
        let mut row = vec![
            run.scenario.to_owned(),
            run.variant.to_owned(),
            run.outcome.replication.to_string(),
            service.clone(),
            endpoints.len().to_string(),
        ];
        row.extend(measures(endpoints).map(Value::field));
        table.row(row)?;
    }
    Ok(())
}
