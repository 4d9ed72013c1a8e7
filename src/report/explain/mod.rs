//! What `explain` says: the tail against the median band, what happens without its causes, and the slowest requests.

mod json;
mod names;
mod story;
mod tail;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use crate::cause::{FailureCause, LedgerCause};
use crate::model::plan::Plan;
use crate::observe::outcome::{Labels, RunOutcome};
use crate::scenario::{Removal, Scenario};
use crate::stats::{Interval, Paired};

use super::comparison::{Comparison, Flag};
use super::summary::{Accumulator, FlowSummary, VariantSummary};

pub use json::document;
pub use story::{Told, story_text, story_value};
pub use tail::{Pair, PodRow, Tail, TailRow, apportion};
use tail::{SpentSums, add_survey};
pub use text::{markdown, render, story_markdown};

/// Causes that make less of the difference are not worth a run of their own.
const WORTH_REMOVING: f64 = 0.02;

/// A quantile with a band above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailQuantile {
    /// The slowest tenth.
    P90,
    /// The slowest hundredth.
    P99,
    /// The slowest thousandth.
    P999,
}

impl TailQuantile {
    /// All there are, as people write them.
    pub const ALL: [(&'static str, Self); 3] = [("0.9", Self::P90), ("0.99", Self::P99), ("0.999", Self::P999)];

    /// The name of its band.
    const fn band(self) -> &'static str {
        match self {
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
        }
    }

    /// The column of `runs.csv`.
    const fn metric(self) -> &'static str {
        match self {
            Self::P90 => "latency_p90_ms",
            Self::P99 => "latency_p99_ms",
            Self::P999 => "latency_p999_ms",
        }
    }

    /// How it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }

    /// The requests above it.
    const fn slowest(self) -> &'static str {
        match self {
            Self::P90 => "slowest 10 %",
            Self::P99 => "slowest 1 %",
            Self::P999 => "slowest 0.1 %",
        }
    }

    /// How many requests it takes.
    const fn needs(self) -> u64 {
        match self {
            Self::P90 => 100,
            Self::P99 => 1_000,
            Self::P999 => 10_000,
        }
    }
}

/// Adds up replications of one variant that were surveyed.
#[derive(Debug)]
pub struct Survey {
    accumulator: Accumulator,
    /// By traffic.
    spent: Vec<SpentSums>,
    /// By traffic: latency, number, replication.
    slowest: Vec<Vec<Slowest>>,
    most: usize,
    /// The replication of which the slowest are wanted, if not all.
    only: Option<u32>,
}

/// One of the slowest requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowest {
    /// Nanoseconds.
    pub latency: u64,
    /// Its replication.
    pub replication: u32,
    /// Its number in the traffic.
    pub number: u64,
}

impl Survey {
    /// Of a scenario's traffics, with the slowest `most` requests of each.
    #[must_use]
    pub fn new(scenario: &Scenario, most: usize) -> Self {
        let traffics = scenario.traffic.len();
        Self {
            accumulator: Accumulator::new(scenario),
            spent: vec![SpentSums::new(); traffics],
            slowest: vec![Vec::new(); traffics],
            most,
            only: None,
        }
    }

    /// Of this replication alone the slowest requests are wanted.
    pub fn slowest_of(&mut self, replication: u32) {
        self.only = Some(replication);
    }

    /// Adds a replication.
    pub fn add(&mut self, labels: &Labels, outcome: &RunOutcome) {
        self.accumulator.add(labels, outcome);
        for ((survey, sums), slowest) in outcome.surveys.iter().zip(&mut self.spent).zip(&mut self.slowest) {
            add_survey(sums, &survey.spent);
            if self.only.is_some_and(|only| only != outcome.replication) {
                continue;
            }
            slowest.extend(survey.slowest().iter().map(|slow| Slowest {
                latency: slow.latency,
                replication: outcome.replication,
                number: slow.number.0,
            }));
            // A stable sort: of equals the earlier replication comes first.
            slowest.sort_by_key(|slow| std::cmp::Reverse(slow.latency));
            slowest.truncate(self.most);
        }
    }

    /// What they say together.
    #[must_use]
    pub fn finish(self) -> Surveyed {
        Surveyed { summary: self.accumulator.finish(), spent: self.spent, slowest: self.slowest }
    }
}

/// All replications of a variant.
#[derive(Debug)]
pub struct Surveyed {
    summary: VariantSummary,
    spent: Vec<SpentSums>,
    slowest: Vec<Vec<Slowest>>,
}

impl Surveyed {
    /// Latency metrics and the like.
    #[must_use]
    pub const fn summary(&self) -> &VariantSummary {
        &self.summary
    }

    /// The same without the survey.
    #[must_use]
    pub fn into_summary(self) -> VariantSummary {
        self.summary
    }

    /// The slowest requests of a traffic, slowest first.
    #[must_use]
    pub fn slowest(&self, traffic: usize) -> &[Slowest] {
        &self.slowest[traffic]
    }

    /// The tail of a traffic against its median band.
    ///
    /// # Errors
    /// Too few requests succeeded.
    pub fn tail(&self, plan: &Plan, traffic: usize, quantile: TailQuantile) -> Result<Tail, TooFew> {
        let flow = self.flow(plan, traffic);
        let Some((mut tail, buckets)) = Tail::new(flow, quantile.band()) else {
            // Of equals the first.
            let cause = flow.errors.iter().filter(|error| error.count > 0).rev().max_by_key(|error| error.count);
            let cause = cause.map(|error| (error.cause, error.place.clone()));
            return Err(TooFew { name: flow.name.clone(), succeeded: flow.latency.count(), quantile, cause });
        };
        for row in 0..tail.rows.len() {
            let TailRow { cause, place, .. } = &tail.rows[row];
            let scenario = &plan.scenario;
            let Some(workload) = scenario.workloads.iter().position(|known| known.target() == *place) else { continue };
            let part = match cause {
                LedgerCause::QueueWait => 0,
                LedgerCause::Service => 1,
                _ => continue,
            };
            let containers = scenario.workloads[workload].containers.len();
            let pods = (0..scenario.workloads[workload].replicas).map(|replica| {
                let first = plan.first_station[workload] + replica * containers as u32;
                let stations = (first..first + containers as u32).collect();
                (stations, replica, scenario.workloads[workload].pod_name(replica))
            });
            tail.split(row, (&self.spent[traffic], part), buckets, pods);
        }
        Ok(tail)
    }

    fn flow(&self, plan: &Plan, traffic: usize) -> &FlowSummary {
        &self.summary.flows[plan.flows[traffic].recorder as usize]
    }
}

/// A traffic whose tail cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooFew {
    /// Its name.
    pub name: String,
    /// How many of its requests succeeded.
    pub succeeded: u64,
    /// The quantile that takes more.
    pub quantile: TailQuantile,
    /// The most frequent failure, and where.
    pub cause: Option<(FailureCause, String)>,
}

impl TooFew {
    /// The line that stands for it beside traffics that are explained.
    #[must_use]
    pub fn line(&self) -> String {
        if self.succeeded > 0 {
            return format!("Not explained: {self}.");
        }
        let name = &self.name;
        match &self.cause {
            Some((cause, place)) => format!(
                "Not explained: none of its requests succeeded, the most frequent failure is {cause} at {place}; \
                 --traffic {name} --request 0 tells the story of one."
            ),
            None => "Not explained: none of its requests ended.".to_owned(),
        }
    }
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, succeeded, quantile, .. } = self;
        write!(
            f,
            "the {} of {name} cannot be told from chance: {succeeded} of its requests succeeded, and {} takes {}",
            quantile.slowest(),
            quantile.name(),
            quantile.needs()
        )
    }
}

/// A cause that may be taken away, and how much of the tail it makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What is taken away.
    pub removal: Removal,
    /// What its causes add to the mean of the tail (ns).
    pub growth: f64,
}

/// The causes worth taking away, those that add most to the tail first, and those that cannot be: words and why.
#[must_use]
pub fn candidates(scenario: &Scenario, tail: &Tail) -> (Vec<Candidate>, Vec<String>) {
    let (slow, usual) = tail.means();
    let least = (slow - usual) * WORTH_REMOVING;
    let mut found: Vec<Candidate> = Vec::new();
    let mut fixed = Vec::new();
    for row in &tail.rows {
        let growth = tail.growth(row.spent);
        match Removal::of(scenario, row.cause, &row.place, |_| tail.hot_pods(row)) {
            Ok(removal) => match found.iter_mut().find(|known| known.removal == removal) {
                Some(known) => known.growth += growth,
                None => found.push(Candidate { removal, growth }),
            },
            Err(why) if growth >= least && growth > 0.0 => {
                fixed.push(format!("{}: {why}", super::why::words(&(row.cause, row.place.clone()))));
            }
            Err(_) => {}
        }
    }
    found.retain(|candidate| candidate.growth > 0.0 && candidate.growth >= least);
    // A stable sort: equal ones stay in the order of the ledger.
    found.sort_by(|a, b| b.growth.total_cmp(&a.growth));
    (found, fixed)
}

/// A metric with and without a cause.
#[derive(Debug, Clone, Copy)]
pub struct Effect {
    /// Without it.
    pub mean: Option<Interval>,
    /// Without minus with it, replication by replication.
    pub change: Option<Paired>,
}

/// What happens without a cause.
#[derive(Debug, Clone)]
pub struct Counterfactual {
    /// What is gone, in words.
    pub without: String,
    /// What its causes add to the mean of the tail (ns).
    pub growth: f64,
    /// The quantile (ms).
    pub quantile: Effect,
    /// The mean latency (ms).
    pub mean: Effect,
    /// Failed among ended requests.
    pub error_ratio: Effect,
    /// Whether its latencies are those of all requests.
    pub flag: Flag,
}

/// A traffic explained.
#[derive(Debug, Clone)]
pub struct TrafficExplained {
    /// Its name.
    pub name: String,
    /// Whether its latencies are those of all requests.
    pub flag: Flag,
    /// The quantile (ms), as it is.
    pub value: Option<Interval>,
    /// The mean latency (ms), as it is.
    pub mean: Option<Interval>,
    /// Failed among ended requests, as it is.
    pub error_ratio: Option<Interval>,
    /// The tail against the median band.
    pub tail: Tail,
    /// Without its causes.
    pub counterfactuals: Vec<Counterfactual>,
    /// What cannot be taken away, and why.
    pub fixed: Vec<String>,
    /// The slowest requests, slowest first.
    pub stories: Vec<Told>,
}

/// Everything that `explain` says of a variant.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// `metadata.name`.
    pub scenario: String,
    /// `metadata.annotations.question`.
    pub question: Option<String>,
    /// The variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// How many replications.
    pub replications: u32,
    /// The quantile above which the tail lies.
    pub quantile: TailQuantile,
    /// The traffics.
    pub traffics: Vec<TrafficExplained>,
    /// Those that too few requests succeeded of.
    pub too_few: Vec<TooFew>,
}

/// Explains a traffic; `others` are the counterfactuals of `candidates`, in their order, on the same requests.
#[must_use]
pub fn traffic(
    plan: &Plan,
    traffic: usize,
    (surveyed, quantile): (&Surveyed, TailQuantile),
    tail: Tail,
    candidates: &[Candidate],
    fixed: Vec<String>,
    others: &[VariantSummary],
) -> TrafficExplained {
    let base = &surveyed.summary;
    let flow = surveyed.flow(plan, traffic);
    let wanted: BTreeSet<String> =
        candidates.iter().map(|candidate| candidate.removal.describe(&plan.scenario)).collect();
    let arms = others.iter().filter(|other| wanted.contains(&other.variant)).cloned();
    let all: Vec<VariantSummary> = std::iter::once(base.clone()).chain(arms).collect();
    let comparison = Comparison::new(&all, &base.variant).expect("the baseline is among them");
    let compared = comparison.flows.iter().find(|own| own.name == flow.name).expect("every flow is compared");
    let arm = |metric: &str, without: &str| {
        let metric = compared.metrics.iter().find(|own| own.metric == metric)?;
        metric.arms.iter().find(|arm| arm.variant == without)
    };
    let effect = |metric: &str, without: &str| {
        let arm = arm(metric, without);
        Effect { mean: arm.and_then(|arm| arm.mean), change: arm.and_then(|arm| arm.paired) }
    };
    let counterfactuals = candidates.iter().map(|candidate| {
        let without = candidate.removal.describe(&plan.scenario);
        Counterfactual {
            growth: candidate.growth,
            quantile: effect(quantile.metric(), &without),
            mean: effect("latency_mean_ms", &without),
            error_ratio: effect("error_ratio", &without),
            flag: arm("latency_mean_ms", &without).map_or(Flag::Sound, |arm| arm.flag),
            without,
        }
    });
    TrafficExplained {
        name: flow.name.clone(),
        flag: compared.flag,
        value: flow.interval(quantile.metric()),
        mean: flow.interval("latency_mean_ms"),
        error_ratio: flow.interval("error_ratio"),
        counterfactuals: counterfactuals.collect(),
        tail,
        fixed,
        stories: Vec::new(),
    }
}
