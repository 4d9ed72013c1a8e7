//! The observations of one replication of one variant.

use super::connections::ConnectionOutcome;
use super::dns::{DnsLabel, DnsOutcome};
use super::levels::Levels;
use super::nodes::NodeOutcome;
use super::rollouts::RolloutOutcome;
use super::scaling::ScalingDecision;
use crate::cause::{FailureCause, LedgerCause};
use crate::observe::story::Story;
use crate::observe::survey::Survey;
use crate::stats::{Histogram, Moments, Sample};
use crate::time::{SimDuration, SimTime};

/// Names shared by all replications of a variant, in the order of the outcome's vectors.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Traffics first, then calls (as `call/NAME`).
    pub flows: Vec<FlowLabel>,
    /// Services in order; endpoints refer to them.
    pub services: Vec<String>,
    /// Whether anybody was to send to each of them.
    pub asked: Vec<bool>,
    /// Endpoints in order.
    pub endpoints: Vec<EndpointLabel>,
    /// Hosts, names and servers of DNS, in order; none without DNS.
    pub dns: Vec<DnsLabel>,
}

impl Labels {
    /// The endpoints of a replication: those of all, then those that came during its run.
    pub fn endpoints_of<'a>(&'a self, outcome: &'a RunOutcome) -> impl Iterator<Item = &'a EndpointLabel> {
        self.endpoints.iter().chain(&outcome.new_endpoints)
    }
}

/// A traffic or a call.
#[derive(Debug, Clone)]
pub struct FlowLabel {
    /// The traffic's name, or `call/NAME`.
    pub name: String,
    /// Whether it is a traffic.
    pub is_traffic: bool,
    /// Columns of its ledger: cause and where.
    pub ledger: Vec<(LedgerCause, String)>,
}

/// A pod behind a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointLabel {
    /// Index into [`Labels::services`].
    pub service: usize,
    /// Pod name.
    pub pod: String,
    /// Node name.
    pub node: String,
    /// Zone name.
    pub zone: String,
    /// Its address; that of its node where it has the node's network.
    pub address: std::net::Ipv4Addr,
}

/// The observations of one replication of one variant.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// Index of the variant.
    pub variant: usize,
    /// Number of the replication, from 0.
    pub replication: u32,
    /// Start and end of the window.
    pub window: (SimTime, SimTime),
    /// When the run ended.
    pub ended: SimTime,
    /// Events handled.
    pub events: u64,
    /// Traffics first, then calls.
    pub flows: Vec<FlowOutcome>,
    /// Endpoints, in the order of the labels, then those that came during the run.
    pub endpoints: Vec<EndpointOutcome>,
    /// DNS, in the order of the labels.
    pub dns: Vec<DnsOutcome>,
    /// Connections, where they are observed, by who opens them and the node.
    pub connections: Vec<ConnectionOutcome>,
    /// What nodes sent, where it is observed, in the order of the nodes.
    pub nodes: Vec<NodeOutcome>,
    /// Labels of those that came during the run.
    pub new_endpoints: Vec<EndpointLabel>,
    /// What happened to the cluster.
    pub cluster_events: Vec<ClusterEvent>,
    /// Rollouts, in the order in which they began.
    pub rollouts: Vec<RolloutOutcome>,
    /// What autoscalers decided.
    pub scaling: Vec<ScalingDecision>,
    /// Values of the metrics that the scenario names, in the order objectives, expectations, what the command line asks
    /// for, what ends the replications.
    pub metrics: Vec<MetricValue>,
    /// One a traffic, where they were asked for.
    pub surveys: Vec<Survey>,
    /// Traffic and story of the requests of which it was asked for, by traffic and number.
    pub stories: Vec<(u32, Story)>,
}

impl RunOutcome {
    /// About how much memory it holds, itself included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let flow = |flow: &FlowOutcome| {
            let attribution =
                size_of_val(flow.attribution.counts.as_slice()) + size_of_val(flow.attribution.sums.as_slice());
            size_of::<FlowOutcome>() + flow.latency.bytes() + attribution + size_of_val(flow.errors.as_slice())
        };
        let endpoint = |endpoint: &EndpointOutcome| {
            size_of::<EndpointOutcome>() + endpoint.latency.as_ref().map_or(0, Histogram::bytes)
        };
        let metric = |metric: &MetricValue| match metric {
            MetricValue::Number(_) => size_of::<MetricValue>(),
            MetricValue::List(values) => size_of_val(values.as_slice()),
            MetricValue::Names(names) => names.iter().map(|name| name.len() + size_of::<String>()).sum(),
        };
        size_of::<Self>()
            + self.flows.iter().map(flow).sum::<usize>()
            + self.endpoints.iter().map(endpoint).sum::<usize>()
            + self.metrics.iter().map(metric).sum::<usize>()
    }
}

/// The value of a named metric in one replication.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// A number; NaN where there were not enough samples.
    Number(f64),
    /// A list of numbers.
    List(Vec<f64>),
    /// Names of pods.
    Names(Vec<String>),
}

/// The observations of a traffic or call.
#[derive(Debug, Clone)]
pub struct FlowOutcome {
    /// Measured requests.
    pub offered: u64,
    /// Measured requests that succeeded.
    pub succeeded: u64,
    /// Measured requests that failed.
    pub failed: u64,
    /// Measured requests still open when the run ended.
    pub in_flight: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Latencies of succeeded requests (ns).
    pub latency: Sample,
    /// Moments of the same (seconds).
    pub latency_moments: Moments,
    /// Failures by cause and place, in a fixed order.
    pub errors: Vec<ErrorCount>,
    /// Ledger sums by coarse latency bucket.
    pub attribution: Attribution,
    /// Time-average number in flight in the first and second half of the window.
    pub in_flight_halves: (f64, f64),
}

impl FlowOutcome {
    /// Requests that ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// failed / (succeeded + failed), where any ended.
    #[must_use]
    pub fn error_ratio(&self) -> Option<f64> {
        (self.ended() > 0).then(|| self.failed as f64 / self.ended() as f64)
    }
}

/// Failures of one cause at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCount {
    /// Why.
    pub cause: FailureCause,
    /// Pod group, node, proxy or call.
    pub place: String,
    /// Who acted on old news of endpoints, if that is why; else empty.
    pub late: String,
    /// Requests whose final cause it was.
    pub count: u64,
    /// Attempts that ended so.
    pub attempts: u64,
}

/// Sums of the ledger by coarse latency bucket (64 an octave).
#[derive(Debug, Clone, Default)]
pub struct Attribution {
    /// Columns of the ledger.
    pub columns: usize,
    /// Coarse bucket of the first row.
    pub first_bucket: usize,
    /// Requests in each row.
    pub counts: Vec<u64>,
    /// `columns` sums (ns) for each row.
    pub sums: Vec<u64>,
}

/// The p-value of equal picks over pods, given as all choices and those for connections. `None` where both connections
/// and requests were chosen for: their sum is of two units, and no test means anything.
#[must_use]
pub fn chi_square_of_picks(picks: &[(u64, u64)]) -> Option<f64> {
    let of_connections: u64 = picks.iter().map(|(_, connections)| connections).sum();
    let all: Vec<u64> = picks.iter().map(|(all, _)| *all).collect();
    if of_connections > 0 && of_connections < all.iter().sum() {
        return None;
    }
    // Every pod has the same nominal weight.
    crate::stats::chi_square(&all, &vec![1.0; all.len()]).map(|(_, p)| p)
}

/// The observations of a pod behind a Service.
#[derive(Debug, Clone)]
pub struct EndpointOutcome {
    /// Measured attempts that reached the pod, refused ones too.
    pub requests: u64,
    /// Connections opened to it.
    pub connections: u64,
    /// Choices of it: connections of the whole run at layer 4, measured requests at layer 7.
    pub picks: u64,
    /// Those of them that chose for a connection, at layer 4.
    pub picks_of_connections: u64,
    /// Measured attempts that failed at it.
    pub errors: u64,
    /// Busy slot-time over slots × time; `None` where slots are unlimited.
    pub utilization: Option<f64>,
    /// Time-average number waiting.
    pub queue_mean: f64,
    /// Most that waited at once in the window.
    pub queue_max: u64,
    /// Whether it was ready for the whole window.
    pub ready_throughout: bool,
    /// Time at the pod of measured attempts that it answered (ns, ≤ 3 % wide buckets), where kept.
    pub latency: Option<Histogram>,
}

/// Something that happened to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEvent {
    /// When.
    pub at: SimTime,
    /// What kind.
    pub kind: &'static str,
    /// To what.
    pub object: String,
    /// Details.
    pub detail: String,
}

/// A row of `timeline.csv` before names are added.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineRow {
    /// Index of the flow.
    pub flow: usize,
    /// Start of the interval.
    pub at: SimTime,
    /// Requests that arrived in it.
    pub offered: u64,
    /// Requests that succeeded in it.
    pub succeeded: u64,
    /// Requests that failed in it.
    pub failed: u64,
    /// Median latency of those that succeeded in it.
    pub latency_p50: Option<SimDuration>,
    /// 99th percentile of the same.
    pub latency_p99: Option<SimDuration>,
    /// In flight at the end of the interval.
    pub in_flight: u64,
    /// Ready pods at the end of the interval.
    pub ready_pods: u64,
    /// What else the cluster was like then.
    pub levels: Levels,
}

/// A row of `requests.csv` before names are added.
#[derive(Debug, Clone)]
pub struct RequestRow<'a> {
    /// Index of the flow.
    pub flow: usize,
    /// Number of the request in its traffic.
    pub request: u64,
    /// Client.
    pub client: u32,
    /// When it arrived.
    pub arrived: SimTime,
    /// The endpoint that answered, where one did.
    pub endpoint: Option<&'a EndpointLabel>,
    /// Attempts.
    pub attempts: u32,
    /// `None` for success.
    pub failure: Option<FailureCause>,
    /// Whether the run ended first.
    pub censored: bool,
    /// Latency.
    pub latency: SimDuration,
    /// Nanoseconds by ledger column of the flow.
    pub ledger: &'a [u64],
}

/// Where rows go that must not pile up in memory.
pub trait Sink {
    /// An interval of a flow ended.
    fn timeline(&mut self, row: &TimelineRow);
    /// A logged request ended.
    fn request(&mut self, row: &RequestRow<'_>);
}

/// Forgets every row.
#[derive(Debug, Default)]
pub struct NoSink;

impl Sink for NoSink {
    fn timeline(&mut self, _row: &TimelineRow) {}
    fn request(&mut self, _row: &RequestRow<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_of_two_kinds_are_not_tested_together() {
        assert_eq!(chi_square_of_picks(&[(10, 10), (10, 10)]), Some(1.0));
        assert_eq!(chi_square_of_picks(&[(10, 0), (10, 0)]), Some(1.0));
        assert!(chi_square_of_picks(&[(100, 0), (10, 0)]).is_some_and(|p| p < 1e-9));
        assert_eq!(chi_square_of_picks(&[(10, 3), (10, 0)]), None);
        assert_eq!(chi_square_of_picks(&[]), None);
    }
}
