//! All result files of one scenario, written while its outcomes come in.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::comparison::{self, Comparison};
use super::directory::{Directory, SCENARIO_FILE, sha256};
use super::goal::goal_value;
use super::part::Part;
use super::stream::{Kind, RowStore};
use super::summary::{Accumulator, VariantSummary};
use super::table::{Run, Table};
use super::{
    attribution, balance, connections, dns, endpoints, errors, events, histogram, nodes, requests, rollouts, runs,
    scaling, summary, sweep, timeline,
};
use crate::observe::outcome::{Labels, RunOutcome};
use crate::scenario::{Grid, Scenario};

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
    /// The number of each of them among all variants of the scenario.
    pub numbers: Vec<usize>,
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

/// In which order outcomes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Variants in their order, or those that stop together in turn.
    InOrder,
    /// All replications of a variant one after the other, but variants in any order; of a variant that is finished only
    /// its metrics are kept in memory, because there may be thousands.
    AnyOrder,
}

/// The result files of one scenario in the making. The replications of a variant must come in their order.
#[derive(Debug)]
pub struct ResultFiles<'s> {
    variants: &'s [Scenario],
    description: Description,
    directory: Directory,
    arrival: Arrival,
    runs: Part,
    endpoints: Part,
    balance: Part,
    errors: Part,
    events: Part,
    timeline: Part,
    requests: Option<Part>,
    /// Where any variant looks names up.
    dns: Option<Part>,
    /// Where any variant observes connections.
    connections: Option<Part>,
    /// Where any variant observes nodes.
    nodes: Option<Part>,
    /// Where any variant has rollouts.
    rollouts: Option<Part>,
    /// Where any variant has autoscalers.
    scaling: Option<Part>,
    summaries: Part,
    histograms: Part,
    attributions: Part,
    /// Whether variants stop together, at a goal, and so come in turn.
    in_turn: bool,
    /// The variant that rows are written of.
    writing: Option<usize>,
    current: BTreeMap<usize, Accumulator>,
    finished: Vec<(usize, VariantSummary)>,
    baseline: Option<usize>,
    grid: Option<&'s Grid>,
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
        arrival: Arrival,
    ) -> io::Result<Self> {
        let in_turn = variants.len() > 1 && variants.iter().any(|variant| variant.run.until.is_some());
        let any = arrival == Arrival::AnyOrder || in_turn;
        let requests = || Part::create(&directory, requests::FILE, &requests::header(), any);
        let looks_up = variants.iter().any(|variant| variant.cluster.dns.is_some());
        let dns = || Part::create(&directory, dns::FILE, &dns::HEADER, any);
        let observes = variants.iter().any(|variant| variant.observe.connections);
        let observes_nodes = variants.iter().any(|variant| variant.observe.nodes);
        let rolls = variants.iter().any(Scenario::has_rollouts);
        let rollouts = || Part::create(&directory, rollouts::FILE, &rollouts::HEADER, any);
        let scales = variants.iter().any(|variant| !variant.cluster.autoscaling.autoscalers.is_empty());
        let scaling = || Part::create(&directory, scaling::FILE, &scaling::HEADER, any);
        let nodes = || Part::create(&directory, nodes::FILE, &nodes::HEADER, any);
        let connections = || Part::create(&directory, connections::FILE, &connections::HEADER, any);
        Ok(Self {
            runs: Part::create(&directory, runs::FILE, &runs::header(), any)?,
            endpoints: Part::create(&directory, endpoints::FILE, &endpoints::HEADER, any)?,
            balance: Part::create(&directory, balance::FILE, &balance::HEADER, any)?,
            errors: Part::create(&directory, errors::FILE, &errors::HEADER, any)?,
            events: Part::create(&directory, events::FILE, &events::HEADER, any)?,
            timeline: Part::create(&directory, timeline::FILE, &timeline::HEADER, any)?,
            requests: log_requests.then(requests).transpose()?,
            dns: looks_up.then(dns).transpose()?,
            connections: observes.then(connections).transpose()?,
            nodes: observes_nodes.then(nodes).transpose()?,
            rollouts: rolls.then(rollouts).transpose()?,
            scaling: scales.then(scaling).transpose()?,
            summaries: Part::create(&directory, summary::FILE, &summary::HEADER, any)?,
            histograms: Part::create(&directory, histogram::FILE, &histogram::HEADER, any)?,
            attributions: Part::create(&directory, attribution::FILE, &attribution::HEADER, any)?,
            variants,
            description,
            directory,
            arrival,
            in_turn,
            writing: None,
            current: BTreeMap::new(),
            finished: Vec::new(),
            baseline: None,
            grid: None,
        })
    }

    /// Compares the variants with this one in the end: `comparison.csv`, and the summary's.
    pub fn compare_with(&mut self, baseline: usize) {
        self.baseline = Some(baseline);
    }

    /// Writes `sweep.csv` in the end: the variants as points of this grid.
    pub const fn sweep(&mut self, grid: &'s Grid) {
        self.grid = Some(grid);
    }

    /// Adds one replication of one variant; `rows` holds what its sink was given.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn add(&mut self, labels: &Labels, outcome: &RunOutcome, rows: &RowStore) -> io::Result<()> {
        let variant = outcome.variant;
        if self.writing != Some(variant) {
            // Of variants that come in turn none is finished before all are.
            if !self.in_turn {
                self.finish_variants()?;
            }
            self.begin(variant);
        }
        let scenario = &self.variants[variant];
        let run = Run {
            scenario: &self.description.scenario,
            variant: &scenario.variant,
            seed: scenario.run.seed,
            labels,
            outcome,
        };
        self.runs.rows(|table| runs::write(table, run))?;
        self.endpoints.rows(|table| endpoints::write(table, run))?;
        self.balance.rows(|table| balance::write(table, run))?;
        self.errors.rows(|table| errors::write(table, run))?;
        self.events.rows(|table| events::write(table, run))?;
        if let Some(dns) = &mut self.dns {
            dns.rows(|table| dns::write(table, run))?;
        }
        if let Some(connections) = &mut self.connections {
            connections.rows(|table| connections::write(table, run))?;
        }
        if let Some(nodes) = &mut self.nodes {
            nodes.rows(|table| nodes::write(table, scenario, run))?;
        }
        if let Some(rollouts) = &mut self.rollouts {
            rollouts.rows(|table| rollouts::write(table, run))?;
        }
        if let Some(scaling) = &mut self.scaling {
            scaling.rows(|table| scaling::write(table, run))?;
        }
        rows.join(Kind::Timeline, variant, outcome.replication, &mut self.timeline)?;
        if let Some(requests) = &mut self.requests {
            rows.join(Kind::Requests, variant, outcome.replication, requests)?;
        }
        let accumulator = self.current.entry(variant).or_insert_with(|| Accumulator::new(scenario));
        accumulator.add(labels, outcome);
        Ok(())
    }

    /// Every file whose rows belong to variants.
    fn parts(&mut self) -> impl Iterator<Item = &mut Part> {
        [&mut self.runs, &mut self.endpoints, &mut self.balance, &mut self.errors, &mut self.events]
            .into_iter()
            .chain([&mut self.timeline, &mut self.summaries, &mut self.histograms, &mut self.attributions])
            .chain(self.dns.as_mut())
            .chain(self.connections.as_mut())
            .chain(self.nodes.as_mut())
            .chain(self.rollouts.as_mut())
            .chain(self.scaling.as_mut())
            .chain(self.requests.as_mut())
    }

    /// The rows that follow are of this variant.
    fn begin(&mut self, variant: usize) {
        self.writing = Some(variant);
        self.parts().for_each(|part| part.begin(variant));
    }

    /// Writes what needs all replications of the variants so far.
    fn finish_variants(&mut self) -> io::Result<()> {
        for (variant, accumulator) in std::mem::take(&mut self.current) {
            if self.writing != Some(variant) {
                self.begin(variant);
            }
            self.finish_variant(variant, accumulator)?;
        }
        Ok(())
    }

    fn finish_variant(&mut self, variant: usize, accumulator: Accumulator) -> io::Result<()> {
        let mut found = accumulator.finish();
        let scenario = self.description.scenario.as_str();
        self.summaries.rows(|table| summary::write(table, scenario, &found))?;
        for flow in &found.flows {
            let leading = [scenario, &found.variant, &flow.name];
            self.histograms.rows(|table| histogram::write(table, leading, &flow.latency))?;
            if flow.is_traffic {
                self.attributions.rows(|table| attribution::write(table, leading, &flow.ledger, &flow.bands))?;
            }
        }
        if self.arrival == Arrival::AnyOrder {
            found.keep_metrics_only();
        }
        self.finished.push((variant, found));
        Ok(())
    }

    /// Writes what needs all replications and makes the directory a result.
    ///
    /// `volatile` is whatever may differ between two equal runs.
    ///
    /// # Errors
    /// If a file cannot be written; the directory is then not a result.
    pub fn finish(mut self, partial: bool, volatile: Value) -> io::Result<Summary> {
        self.finish_variants()?;
        self.finished.sort_unstable_by_key(|(variant, _)| *variant);
        let scenario = self.description.scenario.clone();
        let mut resolved = self.directory.create(SCENARIO_FILE)?;
        resolved.write_all(self.description.resolved.as_bytes())?;
        let head = self.head(partial);
        let seeds = self.finished.iter().map(|(variant, _)| self.variants[*variant].run.seed).collect();
        let (numbers, variants): (Vec<usize>, Vec<VariantSummary>) = self.finished.into_iter().unzip();
        if let Some(grid) = self.grid {
            let file = self.directory.create(sweep::FILE)?;
            self.directory.keep(sweep::write(file, &scenario, grid, &numbers, &variants)?)?;
        }
        let baseline = self.baseline.map(|baseline| self.variants[baseline].variant.as_str());
        let comparison = baseline.and_then(|baseline| Comparison::new(&variants, baseline));
        if let Some(comparison) = &comparison {
            let mut table = Table::new(self.directory.create(comparison::FILE)?, &comparison::HEADER)?;
            comparison::write(&mut table, &scenario, comparison, &|_| true)?;
            self.directory.keep(table.finish()?)?;
        }
        let parts = [self.runs, self.summaries, self.endpoints, self.balance, self.histograms, self.errors];
        for part in parts
            .into_iter()
            .chain([self.attributions, self.events, self.timeline])
            .chain(self.dns)
            .chain(self.connections)
            .chain(self.nodes)
            .chain(self.rollouts)
            .chain(self.scaling)
            .chain(self.requests)
        {
            self.directory.keep(part.finish()?)?;
        }
        self.directory.keep(resolved)?;
        self.directory.commit(head, volatile)?;
        Ok(Summary { scenario, question: self.description.question, seeds, partial, variants, numbers, comparison })
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
                let mut value = json!({
                    "name": summary.variant,
                    "seed": run.seed,
                    "replications": run.replications,
                    "finished": summary.replications,
                    "requests": (requests * f64::from(summary.replications)).round() as u64,
                    "events": summary.events,
                });
                if let Some(goal) = &summary.goal {
                    value["until"] = goal_value(goal);
                }
                value
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
