//! All result files of one scenario, written while its outcomes come in.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::comparison::{self, Comparison};
use super::directory::{Directory, ResultFile, SCENARIO_FILE, sha256};
use super::stream::{Kind, RowStore};
use super::summary::{Accumulator, VariantSummary};
use super::table::{Run, Table};
use super::{attribution, balance, endpoints, errors, events, histogram, requests, runs, summary, timeline};
use crate::observe::outcome::{Labels, RunOutcome};
use crate::scenario::Scenario;

/// What a scenario's results say of the scenario itself.
#[derive(Debug, Clone)]
pub struct Description {
    /// `metadata.name`.
    pub scenario: String,
    /// `metadata.annotations.question`.
    pub question: Option<String>,
    /// The text of `scenario.yaml`: the resolved scenario with its manifests.
    pub resolved: String,
}

/// What a whole run says: everything that goes to the terminal.
#[derive(Debug, Clone)]
pub struct Summary {
    /// `metadata.name`.
    pub scenario: String,
    /// `metadata.annotations.question`.
    pub question: Option<String>,
    /// The seed of each variant.
    pub seeds: Vec<u64>,
    /// Whether the run was interrupted.
    pub partial: bool,
    /// Variants of which at least one replication was finished.
    pub variants: Vec<VariantSummary>,
    /// The variants beside a baseline, where that was asked for and one replication of it was finished.
    pub comparison: Option<Comparison>,
}

impl Summary {
    /// Whether every objective of every variant is met; of an interrupted run nothing is known of what it left out.
    #[must_use]
    pub fn objectives_met(&self) -> bool {
        use crate::stats::ObjectiveVerdict::Met;
        let mut objectives = self.variants.iter().flat_map(|variant| &variant.objectives);
        !self.partial && objectives.all(|objective| objective.verdict == Met)
    }
}

/// The result files of one scenario in the making. Outcomes must come in job order.
#[derive(Debug)]
pub struct ResultFiles<'s> {
    variants: &'s [Scenario],
    description: Description,
    directory: Directory,
    runs: Table<ResultFile>,
    endpoints: Table<ResultFile>,
    balance: Table<ResultFile>,
    errors: Table<ResultFile>,
    events: Table<ResultFile>,
    timeline: ResultFile,
    requests: Option<ResultFile>,
    current: Option<(usize, Accumulator)>,
    finished: Vec<(usize, VariantSummary)>,
    baseline: Option<usize>,
}

/// A file that holds only its header so far; rows are copied behind it.
fn with_header<H: AsRef<[u8]>>(directory: &Directory, name: &str, header: &[H]) -> io::Result<ResultFile> {
    let mut table = Table::without_header(directory.create(name)?);
    table.row(header)?;
    table.finish()
}

impl<'s> ResultFiles<'s> {
    /// Begins the result files in `directory`, with `requests.csv` if requests are logged.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn create(
        directory: Directory,
        description: Description,
        variants: &'s [Scenario],
        log_requests: bool,
    ) -> io::Result<Self> {
        let requests =
            log_requests.then(|| with_header(&directory, requests::FILE, &requests::header())).transpose()?;
        Ok(Self {
            runs: Table::new(directory.create(runs::FILE)?, &runs::header())?,
            endpoints: Table::new(directory.create(endpoints::FILE)?, &endpoints::HEADER)?,
            balance: Table::new(directory.create(balance::FILE)?, &balance::HEADER)?,
            errors: Table::new(directory.create(errors::FILE)?, &errors::HEADER)?,
            events: Table::new(directory.create(events::FILE)?, &events::HEADER)?,
            timeline: with_header(&directory, timeline::FILE, &timeline::HEADER)?,
            requests,
            variants,
            description,
            directory,
            current: None,
            finished: Vec::new(),
            baseline: None,
        })
    }

    /// Compares the variants with this one in the end: `comparison.csv`, and the summary's.
    pub fn compare_with(&mut self, baseline: usize) {
        self.baseline = Some(baseline);
    }

    /// Adds one replication of one variant; `rows` holds what its sink was given.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn add(&mut self, labels: &Labels, outcome: &RunOutcome, rows: &RowStore) -> io::Result<()> {
        let variant = outcome.variant;
        let scenario = &self.variants[variant];
        let run = Run {
            scenario: &self.description.scenario,
            variant: &scenario.variant,
            seed: scenario.run.seed,
            labels,
            outcome,
        };
        runs::write(&mut self.runs, run)?;
        endpoints::write(&mut self.endpoints, run)?;
        balance::write(&mut self.balance, run)?;
        errors::write(&mut self.errors, run)?;
        events::write(&mut self.events, run)?;
        rows.join(Kind::Timeline, variant, outcome.replication, &mut self.timeline)?;
        if let Some(requests) = &mut self.requests {
            rows.join(Kind::Requests, variant, outcome.replication, requests)?;
        }
        if self.current.as_ref().is_none_or(|(current, _)| *current != variant) {
            self.finish_variant();
        }
        let (_, accumulator) = self.current.get_or_insert_with(|| (variant, Accumulator::new(scenario)));
        accumulator.add(labels, outcome);
        Ok(())
    }

    fn finish_variant(&mut self) {
        if let Some((variant, accumulator)) = self.current.take() {
            self.finished.push((variant, accumulator.finish()));
        }
    }

    /// Writes what needs all replications and makes the directory a result.
    ///
    /// `volatile` is whatever may differ between two equal runs.
    ///
    /// # Errors
    /// If a file cannot be written; the directory is then not a result.
    pub fn finish(mut self, partial: bool, volatile: Value) -> io::Result<Summary> {
        self.finish_variant();
        let scenario = self.description.scenario.clone();
        let mut summaries = Table::new(self.directory.create(summary::FILE)?, &summary::HEADER)?;
        let mut histograms = Table::new(self.directory.create(histogram::FILE)?, &histogram::HEADER)?;
        let mut attributions = Table::new(self.directory.create(attribution::FILE)?, &attribution::HEADER)?;
        for (_, variant) in &self.finished {
            summary::write(&mut summaries, &scenario, variant)?;
            for flow in &variant.flows {
                let leading = [scenario.as_str(), &variant.variant, &flow.name];
                histogram::write(&mut histograms, leading, &flow.latency)?;
                if flow.is_traffic {
                    attribution::write(&mut attributions, leading, &flow.ledger, &flow.bands)?;
                }
            }
        }
        let mut resolved = self.directory.create(SCENARIO_FILE)?;
        resolved.write_all(self.description.resolved.as_bytes())?;
        let head = self.head(partial);
        let seeds = self.finished.iter().map(|(variant, _)| self.variants[*variant].run.seed).collect();
        let (_, variants): (Vec<usize>, Vec<VariantSummary>) = self.finished.into_iter().unzip();
        let baseline = self.baseline.map(|baseline| self.variants[baseline].variant.as_str());
        let comparison = baseline.and_then(|baseline| Comparison::new(&variants, baseline));
        if let Some(comparison) = &comparison {
            let mut table = Table::new(self.directory.create(comparison::FILE)?, &comparison::HEADER)?;
            comparison::write(&mut table, &scenario, comparison, &|_| true)?;
            self.directory.keep(table.finish()?)?;
        }
        for table in
            [self.runs, summaries, self.endpoints, self.balance, histograms, self.errors, attributions, self.events]
        {
            self.directory.keep(table.finish()?)?;
        }
        for file in [Some(self.timeline), self.requests, Some(resolved)].into_iter().flatten() {
            self.directory.keep(file)?;
        }
        self.directory.commit(head, volatile)?;
        Ok(Summary { scenario, question: self.description.question, seeds, partial, variants, comparison })
    }

    /// Everything in `run.json` before the files.
    fn head(&self, partial: bool) -> Map<String, Value> {
        let variants: Vec<Value> = self
            .finished
            .iter()
            .map(|(index, summary)| {
                let run = &self.variants[*index].run;
                let traffic = summary.flows.iter().filter(|flow| flow.is_traffic);
                let requests: f64 = traffic.filter_map(|flow| flow.mean("offered")).sum();
                json!({
                    "name": summary.variant,
                    "seed": run.seed,
                    "replications": run.replications,
                    "finished": summary.replications,
                    "requests": (requests * f64::from(summary.replications)).round() as u64,
                    "events": summary.events,
                })
            })
            .collect();
        let head = json!({
            "windtunnel": env!("CARGO_PKG_VERSION"),
            "scenario": self.description.scenario,
            "scenario_sha256": sha256(self.description.resolved.as_bytes()),
            "partial": partial,
            "variants": variants,
        });
        match head {
            Value::Object(head) => head,
            _ => unreachable!("the macro above writes an object"),
        }
    }
}
