//! Every column of every result file against an independent computation.
//!
//! The log of single requests (`requests.csv`) is checked against runs whose every moment can be worked out by hand
//! (`hand`), and everything else is computed anew from that log.

mod counts;
mod hand;
mod places;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod whole;

use std::path::Path;
use std::sync::LazyLock;

use support::{RICH, Row, nanos, results, scratch, table};
use tempfile::TempDir;

/// A result that several tests read; all requests are logged.
struct Fixture {
    directory: TempDir,
    requests: Vec<Request>,
}

impl Fixture {
    fn new(scenario: &str) -> Self {
        let directory = scratch();
        let path = results(directory.path(), scenario, "out", &["--requests", "all"]);
        let requests = requests(&path);
        Self { directory, requests }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("out")
    }

    fn table(&self, file: &str) -> Vec<Row> {
        table(&self.path(), file)
    }
}

/// Calls, retries, proxies and two variants; the window is counted in requests, after a warm-up.
static RICH_RUN: LazyLock<Fixture> = LazyLock::new(|| Fixture::new(RICH));

/// The same with a window on the clock.
static CLOCK_RUN: LazyLock<Fixture> = LazyLock::new(|| {
    let clock = RICH.replace("requests: 12000, warmup: 10%", "duration: 25s, warmup: 2500ms");
    assert_ne!(clock, RICH, "the scenario's window is written differently");
    Fixture::new(&clock)
});

/// First come, first served at three pods, no delay anywhere: the log says all that ever happened.
const PLAIN: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: plain}
spec:
  run: {requests: 24000, warmup: 0%, replications: 2, seed: 11, interval: 5s, drain: 100s}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 3, port: 80}
      containers: {app: {concurrency: 1, queue: {limit: unlimited}, serviceTime: {exponential: {mean: 8ms}}}}
  traffic:
    - {name: t, from: generator, to: http://web/, connections: {mode: perRequest}, arrivals: {poisson: {rate: 260/s}}}
";

static PLAIN_RUN: LazyLock<Fixture> = LazyLock::new(|| Fixture::new(PLAIN));

/// A row of `requests.csv`; times in nanoseconds.
#[derive(Debug, Clone)]
struct Request {
    variant: String,
    replication: String,
    traffic: String,
    number: u64,
    client: u64,
    arrived: u64,
    service: String,
    pod: String,
    node: String,
    attempts: u64,
    outcome: String,
    latency: u64,
    /// In the order of the columns.
    ledger: Vec<(String, u64)>,
}

impl Request {
    fn succeeded(&self) -> bool {
        self.outcome == "succeeded"
    }

    fn cause(&self, name: &str) -> u64 {
        self.ledger.iter().find(|(cause, _)| cause == name).expect("a cause of the list").1
    }
}

/// The columns of `requests.csv` that are no ledger cause.
const LEADING: [&str; 13] = [
    "scenario",
    "variant",
    "replication",
    "traffic",
    "request",
    "client",
    "arrived_s",
    "service",
    "pod",
    "node",
    "attempts",
    "outcome",
    "latency_ms",
];

fn requests(directory: &Path) -> Vec<Request> {
    let header = support::header(directory, "requests.csv");
    assert_eq!(header[..LEADING.len()], LEADING);
    table(directory, "requests.csv")
        .into_iter()
        .map(|row| {
            let ledger = header[LEADING.len()..].iter().map(|column| {
                let cause = column.strip_suffix("_ms").expect("ledger columns are in milliseconds");
                (cause.to_owned(), nanos(&row[column], 6))
            });
            Request {
                variant: row["variant"].clone(),
                replication: row["replication"].clone(),
                traffic: row["traffic"].clone(),
                number: support::count(&row, "request"),
                client: support::count(&row, "client"),
                arrived: nanos(&row["arrived_s"], 9),
                service: row["service"].clone(),
                pod: row["pod"].clone(),
                node: row["node"].clone(),
                attempts: support::count(&row, "attempts"),
                outcome: row["outcome"].clone(),
                latency: nanos(&row["latency_ms"], 6),
                ledger: ledger.collect(),
            }
        })
        .collect()
}

/// Nearest rank: the ceil(q n)-th of the sorted values, with q in thousandths; `None` without 10/(1 − q) values.
fn quantile(sorted: &[u64], thousandths: u64) -> Option<u64> {
    let n = sorted.len() as u64;
    if n * (1_000 - thousandths) < 10_000 {
        return None;
    }
    Some(sorted[(thousandths * n).div_ceil(1_000).max(1) as usize - 1])
}

/// Latencies of the requests that succeeded, in order.
fn latencies<'a>(requests: impl Iterator<Item = &'a Request>) -> Vec<u64> {
    let mut latencies: Vec<u64> = requests.filter(|request| request.succeeded()).map(|r| r.latency).collect();
    latencies.sort_unstable();
    latencies
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
