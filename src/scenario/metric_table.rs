//! Which quantities exist, of what, and with which statistics.

use super::metric::{BalanceColumn, Dimension, Quantity, Statistic};
use crate::random::Listed;

/// What kind of thing a metric is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Traffic,
    Call,
    Service,
    Workload,
    Pod,
}

impl About {
    /// In words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Traffic => "a traffic",
            Self::Call => "a call",
            Self::Service => "a service",
            Self::Workload => "a workload",
            Self::Pod => "a pod",
        }
    }
}

/// The forms a statistic can have, as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Mean,
    Variance,
    Sd,
    Cv2,
    Min,
    Quantile,
    Max,
    Positive,
    Over,
    AtLeast,
    PerPod,
    Imbalance,
    MaxOverPods,
    Ratio,
    At,
    EmptyAt,
    Sequence,
    Values,
}

impl Form {
    /// As written.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Sd => "sd",
            Self::Cv2 => "cv2",
            Self::Min => "min",
            Self::Quantile => "pNN",
            Self::Max => "max",
            Self::Positive => "positive",
            Self::Over => "over(T)",
            Self::AtLeast => "atLeast(K)",
            Self::PerPod => "perPod",
            Self::Imbalance => "imbalance",
            Self::MaxOverPods => "maxOverPods.mean",
            Self::Ratio => "ratio",
            Self::At => "at(T)",
            Self::EmptyAt => "emptyAt(T)",
            Self::Sequence => "sequence",
            Self::Values => "values",
        }
    }

    /// The form of a statistic.
    pub(super) const fn of(statistic: &Statistic) -> Self {
        match statistic {
            Statistic::Mean => Self::Mean,
            Statistic::Variance => Self::Variance,
            Statistic::Sd => Self::Sd,
            Statistic::Cv2 => Self::Cv2,
            Statistic::Min => Self::Min,
            Statistic::Quantile(_) => Self::Quantile,
            Statistic::Max => Self::Max,
            Statistic::Positive => Self::Positive,
            Statistic::Over(_) => Self::Over,
            Statistic::AtLeast(_) => Self::AtLeast,
            Statistic::PerPod => Self::PerPod,
            Statistic::Imbalance => Self::Imbalance,
            Statistic::MaxOverPodsMean => Self::MaxOverPods,
            Statistic::Ratio => Self::Ratio,
            Statistic::At(_) => Self::At,
            Statistic::EmptyAt(_) => Self::EmptyAt,
            Statistic::Sequence => Self::Sequence,
            Statistic::Values => Self::Values,
        }
    }
}

/// A quantity of one or more kinds of scope, with the statistics it has there.
pub(super) struct Row {
    pub(super) word: &'static str,
    pub(super) quantity: Quantity,
    pub(super) about: &'static [About],
    pub(super) forms: &'static [Form],
    /// Whether the statistic may be left out, and is then the mean.
    pub(super) bare: bool,
}

use About::{Call, Pod, Service, Traffic, Workload};
use Form::{
    At, AtLeast, Cv2, EmptyAt, Imbalance, Max, MaxOverPods, Mean, Min, Over, PerPod, Positive, Quantile, Ratio, Sd,
    Sequence, Values, Variance,
};

const OBSERVED: &[Form] = &[Mean, Variance, Sd, Cv2, Min, Quantile, Max, Positive, Over, Values];
const COUNTED: &[Form] = &[Mean, Variance, Sd, Cv2, Min, Quantile, Max, Positive, AtLeast, Values];
const COUNTED_PODS: &[Form] = &[Mean, Variance, Sd, Cv2, Min, Quantile, Max, Positive, AtLeast, Values, Sequence];
const SHARES: &[Form] = &[Mean, Variance, Sd, Cv2, Min, Max, Values];
const LEVEL: &[Form] =
    &[Mean, PerPod, Quantile, AtLeast, Positive, Max, Imbalance, MaxOverPods, At, EmptyAt, Variance, Sd];
const LEVEL_OF_POD: &[Form] = &[Mean, Quantile, AtLeast, Positive, Max, At, EmptyAt, Variance, Sd];
const SENDERS: &[About] = &[Traffic, Call];
const ANYONE: &[About] = &[Traffic, Call, Service, Workload, Pod];
const SERVERS: &[About] = &[Workload, Pod];
const GROUPS: &[About] = &[Service, Workload];

const fn row(word: &'static str, quantity: Quantity, about: &'static [About], forms: &'static [Form]) -> Row {
    Row { word, quantity, about, forms, bare: false }
}

const fn bare(word: &'static str, quantity: Quantity, about: &'static [About], forms: &'static [Form]) -> Row {
    Row { word, quantity, about, forms, bare: true }
}

/// Every quantity; `errors` stands for each cause.
pub(super) const ROWS: &[Row] = &[
    row("latency", Quantity::Latency, ANYONE, OBSERVED),
    row("latency[all]", Quantity::LatencyOfAll, SENDERS, OBSERVED),
    row("queueWait", Quantity::QueueWait, ANYONE, OBSERVED),
    row("queueWait[served]", Quantity::QueueWaitServed, ANYONE, OBSERVED),
    row("service", Quantity::Service, ANYONE, OBSERVED),
    row("slowdown", Quantity::Slowdown, ANYONE, OBSERVED),
    row("attempts", Quantity::Attempts, SENDERS, COUNTED),
    row("backOff", Quantity::BackOff, SENDERS, OBSERVED),
    row("backOff[request]", Quantity::BackOffOfRequest, SENDERS, OBSERVED),
    row("lookup", Quantity::Lookup, SENDERS, OBSERVED),
    row("dnsQueries", Quantity::DnsQueries, SENDERS, COUNTED),
    row("errors", Quantity::Errors(crate::cause::FailureCause::AppError), SENDERS, &[Ratio]),
    bare("errorRatio", Quantity::ErrorRatio, SENDERS, &[Mean]),
    row("inSystem", Quantity::InSystem, &[Traffic], &[Mean, Max, At]),
    row("inSystem", Quantity::InSystem, &[Workload], LEVEL),
    row("inSystem", Quantity::InSystem, &[Pod], LEVEL_OF_POD),
    row("queue", Quantity::Queue, &[Workload], LEVEL),
    row("queue", Quantity::Queue, &[Pod], LEVEL_OF_POD),
    bare("utilization", Quantity::Utilization, SERVERS, &[Mean]),
    bare("cpu", Quantity::Cpu, SERVERS, &[Mean]),
    bare("throttled", Quantity::Throttled, SERVERS, &[Mean]),
    bare("availability", Quantity::Availability, SERVERS, &[Mean]),
    bare("coldStarts", Quantity::ColdStarts, SERVERS, &[Mean]),
    bare("share", Quantity::Share, &[Pod], &[Mean]),
    row("share", Quantity::Share, GROUPS, SHARES),
    row("clientShare", Quantity::ClientShare, &[Traffic], SHARES),
    row("interarrival", Quantity::Interarrival, &[Traffic, Service, Workload, Pod], OBSERVED),
    bare("connections", Quantity::Connections, &[Pod], &[Mean]),
    row("connections", Quantity::Connections, GROUPS, COUNTED),
    bare("requests", Quantity::Requests, &[Pod], &[Mean]),
    row("requests", Quantity::Requests, GROUPS, COUNTED),
    bare("picks", Quantity::Picks, &[Pod], &[Mean]),
    row("picks", Quantity::Picks, GROUPS, COUNTED_PODS),
    bare("throughput", Quantity::Throughput, SENDERS, &[Mean]),
    bare("goodput", Quantity::Goodput, SENDERS, &[Mean]),
    bare("balance.max_over_mean", Quantity::Balance(BalanceColumn::MaxOverMean), GROUPS, &[Mean]),
    bare("balance.cv", Quantity::Balance(BalanceColumn::Cv), GROUPS, &[Mean]),
    bare("balance.jain", Quantity::Balance(BalanceColumn::Jain), GROUPS, &[Mean]),
    bare("balance.gini", Quantity::Balance(BalanceColumn::Gini), GROUPS, &[Mean]),
    bare("balance.chi_square_p", Quantity::Balance(BalanceColumn::ChiSquareP), GROUPS, &[Mean]),
];

/// Every combination that is accepted: what it is about, the quantity and the form, as they are written.
#[cfg(test)]
pub(crate) fn accepted() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ROWS.iter().flat_map(|row| {
        let abouts = row.about.iter();
        abouts.flat_map(|about| row.forms.iter().map(|form| (about.name(), row.word, form.word())))
    })
}

impl Quantity {
    /// The unit of its observations.
    pub(super) const fn dimension(&self) -> Dimension {
        match self {
            Self::Latency
            | Self::LatencyOfAll
            | Self::LatencyOf(_)
            | Self::QueueWait
            | Self::QueueWaitServed
            | Self::Lookup
            | Self::Service
            | Self::BackOff
            | Self::BackOffBefore(_)
            | Self::BackOffOfRequest
            | Self::Interarrival => Dimension::Seconds,
            Self::Errors(_)
            | Self::ErrorRatio
            | Self::Utilization
            | Self::Throttled
            | Self::Availability
            | Self::ColdStarts
            | Self::Share
            | Self::ClientShare => Dimension::Ratio,
            Self::Throughput | Self::Goodput => Dimension::PerSecond,
            Self::Slowdown
            | Self::SlowdownOf(_)
            | Self::Attempts
            | Self::DnsQueries
            | Self::InSystem
            | Self::Cpu
            | Self::Queue
            | Self::Connections
            | Self::Balance(_)
            | Self::Requests
            | Self::Picks => Dimension::Number,
        }
    }
}

/// Every quantity and statistic that objectives and expectations may name, for `list metrics`.
pub const METRICS: &[Listed] = &[
    listed(
        "SCOPE.latency",
        "mean, variance, sd, cv2, min, pNN, max, positive, over(T), values",
        "latency of succeeded requests of a traffic or call, or of those that a service, workload or pod answered",
    ),
    listed("NAME.latency[all]", "as latency", "latency of requests that ended, also of those that failed"),
    listed(
        "SCOPE.queueWait",
        "as latency",
        "waiting in the container's queue, of every attempt that reached a pod; leavers with the time they waited; 0 under processor-sharing",
    ),
    listed("SCOPE.queueWait[served]", "as latency", "the same, only of attempts that were served"),
    listed("SCOPE.service", "as latency", "service time drawn"),
    listed("SCOPE.slowdown", "as latency, over(X)", "latency over service time"),
    listed(
        "SCOPE.latency[service over T upTo T]",
        "as latency",
        "of requests with such a service time: over, upTo or both; slowdown[…] likewise",
    ),
    listed(
        "NAME.attempts",
        "mean, variance, sd, cv2, min, pNN, max, positive, atLeast(K), values",
        "attempts per request",
    ),
    listed("NAME.backOff", "as latency", "each pause before a retry of a measured request, as drawn"),
    listed("NAME.backOff[K]", "as latency", "the pause before retry K, the first being 0"),
    listed("NAME.backOff[request]", "as latency", "pauses of each request that ended, added up"),
    listed(
        "NAME.lookup",
        "as latency",
        "time to find the address of the URL's host, each time a connection needed it; 0 where the client remembers it",
    ),
    listed("NAME.dnsQueries", "as attempts", "DNS queries sent to find it"),
    listed("NAME.errors[CAUSE]", "ratio", "requests that failed for this cause over requests that ended"),
    listed("NAME.errorRatio", "none needed", "failed over succeeded and failed"),
    listed(
        "SCOPE.inSystem",
        "mean, perPod, pNN, variance, sd, atLeast(K), positive, max, imbalance, maxOverPods.mean, at(T), emptyAt(T)",
        "requests waiting and in service: of a workload summed over its pods, of a pod, or of a traffic in flight",
    ),
    listed("SCOPE.queue", "as inSystem", "requests waiting in a workload or pod"),
    listed("SCOPE.utilization", "none needed", "busy slot-time over slots and time of a workload or pod"),
    listed("SCOPE.cpu", "none needed", "cores used by a workload, over all its pods, or by a pod"),
    listed(
        "SCOPE.throttled",
        "none needed",
        "share of time in which the CPU quota of a workload's pods, or of a pod, was spent",
    ),
    listed(
        "SCOPE.availability",
        "none needed",
        "share of time in which no process of a workload or pod was broken down",
    ),
    listed(
        "SCOPE.coldStarts",
        "none needed",
        "requests that made a container start, over requests that reached a workload or pod",
    ),
    listed(
        "POD.share",
        "none needed; of a service or workload mean, variance, sd, cv2, min, max, values",
        "share of the Service's requests",
    ),
    listed(
        "NAME.clientShare",
        "mean, variance, sd, cv2, min, max, values",
        "share of each client in the requests of a traffic",
    ),
    listed("SCOPE.interarrival", "as latency", "time between arrivals: of a traffic, or at a service, workload or pod"),
    listed(
        "SCOPE.connections",
        "of a service or workload mean, variance, sd, cv2, min, pNN, max, positive, atLeast(K), values over its pods; of a pod none needed",
        "connections opened to a pod",
    ),
    listed(
        "SCOPE.picks",
        "as connections, and sequence",
        "choices of a pod: connections where a layer-4 balancer chose, requests elsewhere",
    ),
    listed("SCOPE.requests", "as connections", "attempts that reached a pod"),
    listed("NAME.throughput", "none needed", "ended requests per second"),
    listed("NAME.goodput", "none needed", "succeeded requests per second"),
    listed(
        "SCOPE.balance.COLUMN",
        "none needed",
        "max_over_mean, cv, jain, gini or chi_square_p over the pods of a service or workload",
    ),
    listed(
        "….perPod, ….perPod.pNN, ….perPod.atLeast(K)",
        "of inSystem and queue",
        "mean over pods of the time average; level not exceeded in that share of their time; share of it with at least K",
    ),
    listed(
        "….acrossReplications(S)",
        "p50, pNN, sd, equals K",
        "what becomes of the replications, instead of their mean; stands last",
    ),
];

const fn listed(name: &'static str, parameters: &'static str, summary: &'static str) -> Listed {
    Listed { name, parameters, summary }
}
