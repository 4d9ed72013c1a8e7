//! What the replications of a variant say together, and `summary.csv`: one row a variant, traffic (or call) and metric.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::attribution::{Band, Merged};
use super::goal::GoalSummary;
use super::measure::{Measure, in_files};
use super::number::Value;
use super::table::Table;
use super::{endpoints, runs};
use crate::cause::{FailureCause, LedgerCause};
use crate::experiment::goal_value;
use crate::observe::dns::DnsSubject;
use crate::observe::outcome::{EndpointLabel, FlowOutcome, Labels, MetricValue, RunOutcome};
use crate::scenario::metric::Dimension;
use crate::scenario::{Comparison, NamedMetric, Objective, Run, Scenario};
use crate::stats::{Bound, Histogram, Interval, ObjectiveVerdict, judge_objective, saturated, t_interval};

/// Name of the file.
pub(crate) const FILE: &str = "summary.csv";

/// All columns.
pub(crate) const HEADER: [&str; 8] =
    ["scenario", "variant", "traffic", "metric", "mean", "ci95_low", "ci95_high", "replications"];

const LEVEL: f64 = 0.95;

/// What the replications of one variant say together.
#[derive(Debug, Clone)]
pub struct VariantSummary {
    /// The variant's name.
    pub variant: String,
    /// Replications that were finished.
    pub replications: u32,
    /// Traffics, then calls.
    pub flows: Vec<FlowSummary>,
    /// Services with their pods.
    pub services: Vec<ServiceSummary>,
    /// Objectives with their verdicts.
    pub objectives: Vec<ObjectiveSummary>,
    /// Events handled.
    pub events: u64,
    /// The goal that ends its replications, where it has one.
    pub goal: Option<GoalSummary>,
}

impl VariantSummary {
    /// Forgets all but metrics, failures and objectives: what many variants are compared by.
    pub(crate) fn keep_metrics_only(&mut self) {
        self.services = Vec::new();
        for flow in &mut self.flows {
            flow.latency = Histogram::new();
            flow.ledger = Vec::new();
            flow.bands = Vec::new();
        }
    }
}

/// A traffic or a call; or what else a named metric is about, which has no metrics but those.
#[derive(Debug, Clone)]
pub struct FlowSummary {
    /// The traffic's name, or `call/NAME`; or a Service, workload or pod.
    pub name: String,
    /// Whether it is a traffic.
    pub is_traffic: bool,
    /// Every numeric column of `runs.csv`, in its order, then what was named.
    pub metrics: Vec<MetricSummary>,
    /// Whether the system could not keep up with it.
    pub saturated: bool,
    /// Latencies of all replications (ns).
    pub latency: Histogram,
    /// Columns of the ledger: cause and where.
    pub ledger: Vec<(LedgerCause, String)>,
    /// Where the time went.
    pub bands: Vec<Band>,
    /// Failures of all replications.
    pub errors: Vec<ErrorSummary>,
}

impl FlowSummary {
    /// The mean of a column of `runs.csv` over replications, where all have it.
    #[must_use]
    pub fn mean(&self, metric: &str) -> Option<f64> {
        self.interval(metric).map(|interval| interval.mean)
    }

    /// The mean of a column of `runs.csv` with its interval, where all replications have it.
    #[must_use]
    pub fn interval(&self, metric: &str) -> Option<Interval> {
        self.metrics.iter().find(|m| m.measure.name == metric)?.interval
    }

    /// A column of `runs.csv` by replications; empty unless all have it.
    #[must_use]
    pub fn values(&self, metric: &str) -> &[f64] {
        self.metrics.iter().find(|m| m.measure.name == metric).map_or(&[], |m| &m.values)
    }
}

/// A column of `runs.csv`, or a metric that was named, over replications.
#[derive(Debug, Clone)]
pub struct MetricSummary {
    /// The column, or the metric that was named.
    pub measure: Measure,
    /// Mean with its 95 % Student-t interval; `None` unless every replication has a value, because the ones that have
    /// enough samples are not a fair choice of all.
    pub interval: Option<Interval>,
    /// How many replications have a value.
    pub replications: usize,
    /// The values, one a replication; empty unless every replication has one.
    pub values: Vec<f64>,
}

impl MetricSummary {
    /// The interval as it is printed.
    #[must_use]
    pub fn printed(&self) -> Option<Interval> {
        self.interval.map(|interval| possible(&self.measure.name, interval))
    }
}

/// What is possible of an interval for a column of `runs.csv`: none can be negative, and shares are at most 1.
pub(crate) fn possible(metric: &str, interval: Interval) -> Interval {
    let most = if matches!(metric, "error_ratio" | "censored") { 1.0 } else { f64::INFINITY };
    interval.within(0.0, most)
}

/// Failures of one cause at one place, all replications together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSummary {
    /// Why.
    pub cause: FailureCause,
    /// Pod group, node, proxy or call.
    pub place: String,
    /// Requests whose final cause it was.
    pub count: u64,
    /// Attempts that ended so.
    pub attempts: u64,
}

/// A Service and what its pods received, averaged over replications.
#[derive(Debug, Clone)]
pub struct ServiceSummary {
    /// The Service.
    pub service: String,
    /// Its pods.
    pub pods: Vec<PodSummary>,
    /// Whether anybody was to send to it.
    pub asked: bool,
}

impl ServiceSummary {
    /// Whether there is something to say of it: nobody wonders at a Service to which nobody sends that it gets nothing.
    #[must_use]
    pub fn is_worth_a_word(&self) -> bool {
        !self.pods.is_empty() && (self.asked || self.pods.iter().any(|pod| pod.share.is_some()))
    }
}

/// A pod behind a Service, averaged over replications.
#[derive(Debug, Clone)]
pub struct PodSummary {
    /// Its name.
    pub pod: String,
    /// Share of the Service's requests.
    pub share: Option<f64>,
    /// Busy slot-time over slots × time.
    pub utilization: Option<f64>,
}

/// An objective and whether it is met.
#[derive(Debug, Clone)]
pub struct ObjectiveSummary {
    /// As written.
    pub text: String,
    /// Met, missed or undecided.
    pub verdict: ObjectiveVerdict,
    /// Mean over replications and its interval, where every replication has a value.
    pub interval: Option<Interval>,
    /// The unit of the value.
    pub dimension: Dimension,
}

impl ObjectiveSummary {
    /// The interval as it is printed: no metric can be negative, and ratios are at most 1.
    #[must_use]
    pub fn printed(&self) -> Option<Interval> {
        let most = if self.dimension == Dimension::Ratio { 1.0 } else { f64::INFINITY };
        self.interval.map(|interval| interval.within(0.0, most))
    }
}

/// Adds up the replications of one variant; memory does not depend on how many requests they had.
#[derive(Debug)]
pub(crate) struct Accumulator {
    variant: String,
    objectives: Vec<(Objective, Vec<f64>)>,
    /// How many expectations there are, whose values stand between those of objectives and of named metrics.
    expectations: usize,
    named: Vec<(NamedMetric, Vec<f64>)>,
    labels: Option<Labels>,
    /// Whether anything happens to the cluster.
    changes: bool,
    replications: u32,
    events: u64,
    flows: Vec<FlowSums>,
    endpoints: Vec<[Average; 2]>,
    run: Run,
    /// What the goal is about, by replications.
    goal_values: Vec<f64>,
    /// DNS servers: name, share and utilization.
    dns: Vec<(String, [Average; 2])>,
}

/// A mean of the values that there are.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    count: u32,
}

impl Average {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

#[derive(Debug, Default)]
struct FlowSums {
    values: [Vec<f64>; runs::METRICS.len()],
    offered: u64,
    ended: u64,
    halves: Vec<(f64, f64)>,
    latency: Histogram,
    attribution: Merged,
    errors: BTreeMap<(FailureCause, String), (u64, u64)>,
}

impl FlowSums {
    fn add(&mut self, flow: &FlowOutcome, window: f64) {
        for (values, value) in self.values.iter_mut().zip(runs::values(flow, window)) {
            values.extend(value.as_f64());
        }
        self.offered += flow.offered;
        self.ended += flow.ended();
        self.halves.push(flow.in_flight_halves);
        self.latency.merge(flow.latency.histogram());
        self.attribution.add(&flow.attribution);
        for error in &flow.errors {
            let sums = self.errors.entry((error.cause, error.place.clone())).or_default();
            sums.0 += error.count;
            sums.1 += error.attempts;
        }
    }
}

impl Accumulator {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            variant: scenario.variant.clone(),
            objectives: scenario.objectives.iter().map(|objective| (objective.clone(), Vec::new())).collect(),
            expectations: scenario.expect.len(),
            named: scenario.metrics.iter().map(|metric| (metric.clone(), Vec::new())).collect(),
            labels: None,
            changes: scenario.cluster.lives,
            replications: 0,
            events: 0,
            flows: Vec::new(),
            endpoints: Vec::new(),
            run: scenario.run.clone(),
            goal_values: Vec::new(),
            dns: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, labels: &Labels, outcome: &RunOutcome) {
        if self.labels.is_none() {
            self.labels = Some(labels.clone());
            self.flows.resize_with(labels.flows.len(), FlowSums::default);
        }
        let known = self.labels.get_or_insert_default();
        let of = |(index, label)| place_of(&mut known.endpoints, index, label);
        let places: Vec<usize> = labels.endpoints_of(outcome).enumerate().map(of).collect();
        self.endpoints.resize(known.endpoints.len(), Default::default());
        let window = runs::window_seconds(outcome);
        for (sums, flow) in self.flows.iter_mut().zip(&outcome.flows) {
            sums.add(flow, window);
        }
        let shares = endpoints::shares(labels, outcome);
        for ((place, endpoint), share) in places.into_iter().zip(&outcome.endpoints).zip(shares) {
            self.endpoints[place][0].add(share);
            self.endpoints[place][1].add(endpoint.utilization);
        }
        self.add_dns(labels, outcome);
        for ((_, values), metric) in self.objectives.iter_mut().zip(&outcome.metrics) {
            values.push(if let MetricValue::Number(value) = metric { *value } else { f64::NAN });
        }
        let named = outcome.metrics.iter().skip(self.objectives.len() + self.expectations);
        for ((named, values), value) in self.named.iter_mut().zip(named) {
            if let MetricValue::Number(value) = value {
                values.extend(Some(in_files(&named.metric, *value)).filter(|value| value.is_finite()));
            }
        }
        if self.run.until.is_some() {
            self.goal_values.push(goal_value(outcome));
        }
        self.replications += 1;
        self.events += outcome.events;
    }

    /// The DNS servers are the pods of one more Service.
    fn add_dns(&mut self, labels: &Labels, outcome: &RunOutcome) {
        let rows = labels.dns.iter().zip(&outcome.dns).filter(|(label, _)| label.subject == DnsSubject::Server);
        let all: u64 = rows.clone().map(|(_, row)| row.queries).sum();
        for (index, (label, row)) in rows.enumerate() {
            if self.dns.len() == index {
                self.dns.push((label.name.clone(), Default::default()));
            }
            let averages = &mut self.dns[index].1;
            averages[0].add((all > 0).then(|| row.queries as f64 / all as f64));
            averages[1].add(row.utilization);
        }
    }

    pub(crate) fn finish(self) -> VariantSummary {
        let labels = self.labels.unwrap_or_default();
        let replications = self.replications;
        let mut services: Vec<ServiceSummary> = labels
            .services
            .iter()
            .zip(&labels.asked)
            .map(|(service, asked)| ServiceSummary { service: service.clone(), pods: Vec::new(), asked: *asked })
            .collect();
        for (label, [share, utilization]) in labels.endpoints.iter().zip(self.endpoints) {
            let pod = PodSummary { pod: label.pod.clone(), share: share.mean(), utilization: utilization.mean() };
            services[label.service].pods.push(pod);
        }
        if !self.dns.is_empty() {
            let pod = |(pod, [share, utilization]): (String, [Average; 2])| PodSummary {
                pod,
                share: share.mean(),
                utilization: utilization.mean(),
            };
            let pods = self.dns.into_iter().map(pod).collect();
            services.push(ServiceSummary { service: "kube-dns.kube-system".to_owned(), pods, asked: true });
        }
        let mut flows: Vec<FlowSummary> = labels
            .flows
            .into_iter()
            .zip(self.flows)
            .map(|(label, sums)| FlowSummary {
                name: label.name,
                is_traffic: label.is_traffic,
                metrics: metrics(sums.values, replications),
                // Where the cluster changes, more may be in flight later for another reason than too much traffic.
                saturated: saturated(sums.offered, sums.ended, if self.changes { &[] } else { &sums.halves }),
                latency: sums.latency,
                bands: sums.attribution.bands(label.ledger.len()),
                ledger: label.ledger,
                errors: errors(sums.errors),
            })
            .collect();
        for (named, values) in self.named {
            let flow = flow_of(&mut flows, &named.about);
            flow.metrics.push(summarize(Measure::named(&named), values, replications));
        }
        VariantSummary {
            variant: self.variant,
            replications,
            flows,
            services,
            objectives: self.objectives.into_iter().map(|(objective, values)| judge(objective, &values)).collect(),
            events: self.events,
            goal: GoalSummary::new(&self.run, &self.goal_values),
        }
    }
}

/// Where a pod of a Service stands among those known, most likely at its index; a new one is added.
fn place_of(known: &mut Vec<EndpointLabel>, index: usize, label: &EndpointLabel) -> usize {
    let same = |other: &EndpointLabel| (other.service, &other.pod) == (label.service, &label.pod);
    if known.get(index).is_some_and(same) {
        return index;
    }
    known.iter().position(same).unwrap_or_else(|| {
        known.push(label.clone());
        known.len() - 1
    })
}

/// The traffic or call of this name; or a new one that only carries metrics of a Service, workload or pod.
fn flow_of<'f>(flows: &'f mut Vec<FlowSummary>, name: &str) -> &'f mut FlowSummary {
    let known = flows.iter().position(|flow| flow.name == name);
    let index = known.unwrap_or_else(|| {
        flows.push(FlowSummary {
            name: name.to_owned(),
            is_traffic: false,
            metrics: Vec::new(),
            saturated: flows.iter().any(|flow| flow.saturated),
            latency: Histogram::new(),
            ledger: Vec::new(),
            bands: Vec::new(),
            errors: Vec::new(),
        });
        flows.len() - 1
    });
    &mut flows[index]
}

fn metrics(values: [Vec<f64>; runs::METRICS.len()], replications: u32) -> Vec<MetricSummary> {
    let columns = runs::METRICS.iter().zip(values);
    columns.map(|(metric, values)| summarize(Measure::column(metric), values, replications)).collect()
}

fn summarize(measure: Measure, values: Vec<f64>, replications: u32) -> MetricSummary {
    let complete = values.len() == replications as usize;
    MetricSummary {
        measure,
        interval: if complete { t_interval(&values, LEVEL) } else { None },
        replications: values.len(),
        values: if complete { values } else { Vec::new() },
    }
}

fn errors(errors: BTreeMap<(FailureCause, String), (u64, u64)>) -> Vec<ErrorSummary> {
    let summary = |((cause, place), (count, attempts))| ErrorSummary { cause, place, count, attempts };
    errors.into_iter().map(summary).collect()
}

fn judge(objective: Objective, values: &[f64]) -> ObjectiveSummary {
    let bound = match objective.comparison {
        Comparison::Less => Bound::Below,
        Comparison::LessOrEqual => Bound::AtMost,
        Comparison::Greater => Bound::Above,
        Comparison::GreaterOrEqual => Bound::AtLeast,
    };
    ObjectiveSummary {
        dimension: objective.metric.dimension(),
        text: objective.text,
        verdict: judge_objective(values, bound, objective.threshold),
        interval: t_interval(values, LEVEL).filter(|interval| interval.mean.is_finite()),
    }
}

/// Adds the rows of one variant.
pub(crate) fn write<W: Write>(table: &mut Table<W>, scenario: &str, summary: &VariantSummary) -> io::Result<()> {
    for flow in &summary.flows {
        for metric in &flow.metrics {
            let field = |part: fn(Interval) -> f64| Value::number(metric.printed().map(part)).field();
            table.row([
                scenario,
                &summary.variant,
                &flow.name,
                metric.measure.name.as_ref(),
                &field(|interval| interval.mean),
                &field(|interval| interval.low),
                &field(|interval| interval.high),
                &metric.replications.to_string(),
            ])?;
        }
    }
    Ok(())
}

/// The text of `summary.csv` without its header.
///
/// # Errors
/// Never in practice: writing to memory does not fail.
pub fn summary_csv(scenario: &str, variants: &[VariantSummary], with_header: bool) -> io::Result<String> {
    let mut table = if with_header { Table::new(Vec::new(), &HEADER)? } else { Table::without_header(Vec::new()) };
    for variant in variants {
        write(&mut table, scenario, variant)?;
    }
    String::from_utf8(table.finish()?).map_err(io::Error::other)
}
