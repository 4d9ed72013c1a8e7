//! Metrics that objectives and expectations may name: `SCOPE.QUANTITY.STATISTIC`.

use crate::cause::FailureCause;

pub use super::metric_table::METRICS;
pub use super::metric_text::MetricNames;

#[cfg(test)]
pub(crate) use super::metric_table::accepted;

/// A parsed metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What it is about.
    pub scope: Scope,
    /// What is observed.
    pub quantity: Quantity,
    /// What becomes of the observations of one replication.
    pub statistic: Statistic,
    /// What becomes of the replications.
    pub across: Across,
}

/// The unit of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Seconds.
    Seconds,
    /// A ratio.
    Ratio,
    /// Per second.
    PerSecond,
    /// A count or a number without unit.
    Number,
}

/// What a metric is about; indices into the scenario's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A traffic.
    Traffic(usize),
    /// All call sites with this call name: index of the first one in the order of workloads, containers and steps.
    Call(usize),
    /// All ports of a Service: index of the first one.
    Service(usize),
    /// A workload.
    Workload(usize),
    /// A pod of a workload: (workload, index).
    Pod(usize, u32),
}

/// What is observed.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantity {
    /// Latency of succeeded requests (seconds); at servers of those they answered.
    Latency,
    /// Latency of requests that ended, well or not (seconds).
    LatencyOfAll,
    /// Time in the container's queue of every attempt that reached a pod (seconds).
    QueueWait,
    /// The same, only of attempts that were served.
    QueueWaitServed,
    /// Service time drawn (seconds).
    Service,
    /// Latency over service time, of succeeded requests; at servers of those they answered.
    Slowdown,
    /// Latency of succeeded requests with such a service time (seconds).
    LatencyOf(ServiceRange),
    /// Latency over service time, of succeeded requests with such a service time.
    SlowdownOf(ServiceRange),
    /// Attempts per request.
    Attempts,
    /// Each pause before a retry (seconds).
    BackOff,
    /// The pause before one retry, the first being 0 (seconds).
    BackOffBefore(u32),
    /// Pauses of a request, added up (seconds).
    BackOffOfRequest,
    /// Time to find the address of the host, each time it was needed (seconds).
    Lookup,
    /// DNS queries sent for it.
    DnsQueries,
    /// Requests that failed for this cause.
    Errors(FailureCause),
    /// failed / (succeeded + failed).
    ErrorRatio,
    /// Requests in the pods: waiting and in service (time average).
    InSystem,
    /// Requests waiting (time average).
    Queue,
    /// Busy slot-time over slots × time.
    Utilization,
    /// Cores used: CPU time over time (of a workload the sum over its pods).
    Cpu,
    /// Share of time in which the CPU quota was spent.
    Throttled,
    /// Share of time in which the process was not broken down.
    Availability,
    /// Cold starts over requests that reached the pods.
    ColdStarts,
    /// Share of the Service's requests.
    Share,
    /// Time between arrivals (at a pod: of attempts that reach it).
    Interarrival,
    /// Connections opened to a pod.
    Connections,
    /// Ended requests per second.
    Throughput,
    /// Succeeded requests per second.
    Goodput,
    /// A column of `balance.csv`.
    Balance(BalanceColumn),
    /// Choices of a pod: connections where a layer-4 balancer chose, requests elsewhere.
    Picks,
    /// Measured attempts that reached a pod.
    Requests,
    /// Share of each client in the requests of a traffic.
    ClientShare,
}

/// Service times in nanoseconds: above one, up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRange {
    /// Longer than this.
    pub over: u64,
    /// At most this.
    pub up_to: u64,
}

impl ServiceRange {
    /// Whether a service time lies within.
    #[must_use]
    pub const fn holds(self, nanos: u64) -> bool {
        self.over < nanos && nanos <= self.up_to
    }
}

/// A column of `balance.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BalanceColumn {
    /// Largest over mean.
    MaxOverMean,
    /// Coefficient of variation.
    Cv,
    /// Jain's fairness index.
    Jain,
    /// Gini coefficient.
    Gini,
    /// p-value of the chi-square test.
    ChiSquareP,
}

/// What becomes of the observations of one replication.
#[derive(Debug, Clone, PartialEq)]
pub enum Statistic {
    /// Mean (also of time averages); the only value of errorRatio, throughput, goodput, share.
    Mean,
    /// s².
    Variance,
    /// s.
    Sd,
    /// Variance over squared mean.
    Cv2,
    /// Smallest.
    Min,
    /// Nearest-rank quantile, in (0, 1); of a level, over the time of all pods.
    Quantile(f64),
    /// Largest (over pods, for counts per pod).
    Max,
    /// Fraction above zero.
    Positive,
    /// Fraction above T (seconds).
    Over(f64),
    /// Fraction of time (averaged over pods) with at least K; of counts: fraction of pods with at least K.
    AtLeast(u32),
    /// Mean over pods of the time average.
    PerPod,
    /// Time average of largest minus smallest over pods.
    Imbalance,
    /// Time average of the largest over pods.
    MaxOverPodsMean,
    /// Count over requests that ended.
    Ratio,
    /// Value at a time (seconds).
    At(f64),
    /// Share of the pods that are empty at a time (seconds).
    EmptyAt(f64),
    /// Which pods were picked, in order.
    Sequence,
    /// All values, in order of requests.
    Values,
}

/// What becomes of the replications.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Across {
    /// Mean with its standard error.
    Mean,
    /// Nearest-rank quantile over replications.
    Quantile(f64),
    /// Standard deviation over replications.
    Sd,
    /// Fraction of replications equal to K.
    Equals(f64),
}
