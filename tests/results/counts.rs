//! `runs.csv`, `summary.csv` and `errors.csv`: counts, rates, latencies and intervals.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Row, assert_close, assert_same, count, number, results, scratch, table};
use super::{CLOCK_RUN, Fixture, PLAIN_RUN, RICH_RUN, Request, latencies, mean, quantile};

/// The numeric columns of `runs.csv`.
const METRICS: [&str; 16] = [
    "offered",
    "succeeded",
    "failed",
    "in_flight",
    "censored",
    "retries",
    "throughput_rps",
    "goodput_rps",
    "error_ratio",
    "latency_mean_ms",
    "latency_p50_ms",
    "latency_p90_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_p999_ms",
    "latency_max_ms",
];

/// Compares every row of a traffic in `runs.csv` with what its requests say.
fn check_runs(fixture: &Fixture, scenario: &str, seed: &str, window: impl Fn(&[&Request]) -> f64) {
    let rows = fixture.table("runs.csv");
    let mut checked = 0;
    for row in rows.iter().filter(|row| !row["traffic"].starts_with("call/")) {
        let here = |request: &&Request| request.variant == row["variant"] && request.replication == row["replication"];
        let all: Vec<&Request> = fixture.requests.iter().filter(here).collect();
        let mine: Vec<&Request> = all.iter().copied().filter(|request| request.traffic == row["traffic"]).collect();
        let open = mine.iter().filter(|request| request.outcome == "in_flight").count() as u64;
        let succeeded = mine.iter().filter(|request| request.succeeded()).count() as u64;
        let failed = mine.len() as u64 - open - succeeded;
        assert_eq!((row["scenario"].as_str(), row["seed"].as_str()), (scenario, seed));
        assert_eq!(count(row, "offered"), mine.len() as u64);
        assert_eq!(count(row, "succeeded"), succeeded);
        assert_eq!(count(row, "failed"), failed);
        assert_eq!(count(row, "in_flight"), open);
        assert_eq!(count(row, "censored"), u64::from(open > 0));
        assert_eq!(count(row, "retries"), mine.iter().map(|request| request.attempts - 1).sum::<u64>());
        let seconds = window(&all);
        assert_same("throughput", number(row, "throughput_rps"), Some((succeeded + failed) as f64 / seconds));
        assert_same("goodput", number(row, "goodput_rps"), Some(succeeded as f64 / seconds));
        let ratio = (succeeded + failed > 0).then(|| failed as f64 / (succeeded + failed) as f64);
        assert_same("error ratio", number(row, "error_ratio"), ratio);
        check_latencies(row, &latencies(mine.iter().copied()));
        checked += 1;
    }
    assert!(checked >= 2, "{checked} rows");
}

fn check_latencies(row: &Row, sorted: &[u64]) {
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let exact = mean(&sorted.iter().map(|nanos| millis(*nanos)).collect::<Vec<_>>());
    assert_close("mean latency", number(row, "latency_mean_ms").expect("a mean"), exact);
    assert_same("largest latency", number(row, "latency_max_ms"), sorted.last().copied().map(millis));
    let quantiles = [(500, "50"), (900, "90"), (950, "95"), (990, "99"), (999, "999")];
    for (thousandths, name) in quantiles {
        let got = number(row, &format!("latency_p{name}_ms"));
        let want = quantile(sorted, thousandths).map(millis);
        if sorted.len() <= 10_000 {
            assert_same(name, got, want);
        } else {
            // Beyond the first ten thousand values a histogram answers, within 0.1 %.
            let (got, want) = (got.expect("enough values"), want.expect("enough values"));
            assert!((got / want - 1.0).abs() <= 1e-3, "p{name}: the file says {got}, computed {want}");
        }
    }
}

/// A window that is counted in requests lasts from the first measured arrival to the last.
fn between_arrivals(requests: &[&Request]) -> f64 {
    let arrived = requests.iter().map(|request| request.arrived);
    (arrived.clone().max().expect("requests") - arrived.min().expect("requests")) as f64 / 1e9
}

#[test]
fn runs_with_a_window_of_requests() {
    check_runs(&RICH_RUN, "rich", "7", between_arrivals);
}

#[test]
fn runs_with_a_window_on_the_clock() {
    check_runs(&CLOCK_RUN, "rich", "7", |_| 22.5);
}

#[test]
fn runs_of_more_requests_than_are_kept_exactly() {
    // Without warm-up the window opens at zero.
    check_runs(&PLAIN_RUN, "plain", "11", |requests| {
        requests.iter().map(|request| request.arrived).max().expect("requests") as f64 / 1e9
    });
    assert!(PLAIN_RUN.table("runs.csv").iter().all(|row| count(row, "offered") > 10_000));
}

#[test]
fn the_window_is_what_the_scenario_says() {
    for replication in ["0", "1", "2"] {
        let here = |request: &&Request| request.variant == "base" && request.replication == replication;
        assert_eq!(RICH_RUN.requests.iter().filter(here).count(), 12_000 - 1_200);
        let arrived: Vec<u64> = CLOCK_RUN.requests.iter().filter(here).map(|request| request.arrived).collect();
        assert!(arrived.iter().all(|nanos| (2_500_000_000..25_000_000_000).contains(nanos)));
        // 400 requests a second for 22.5 s; five standard deviations are 474.
        assert!((arrived.len() as i64 - 9_000).abs() < 475, "{} requests", arrived.len());
    }
}

/// Requests that the drain does not wait for are in flight, and their row is censored.
#[test]
fn open_requests_are_counted_as_such() {
    let scratch = scratch();
    let scenario = super::PLAIN
        .replace("requests: 24000, warmup: 0%", "duration: 10s, warmup: 0s")
        .replace("drain: 100s", "drain: 10ms")
        .replace("260/s", "1000/s");
    let path = results(scratch.path(), &scenario, "out", &["--requests", "all"]);
    let requests = super::requests(&path);
    for row in table(&path, "runs.csv") {
        let here = |request: &&Request| request.replication == row["replication"];
        let open = requests.iter().filter(here).filter(|request| request.outcome == "in_flight");
        assert_eq!((count(&row, "in_flight"), row["censored"].as_str()), (open.clone().count() as u64, "1"));
        // Three pods do 375 a second of the 1,000 that come.
        assert!(count(&row, "in_flight") > 5_000, "{row:?}");
        assert_eq!(count(&row, "offered"), count(&row, "succeeded") + count(&row, "failed") + count(&row, "in_flight"));
        for request in open {
            assert_eq!(request.latency, 10_010_000_000 - request.arrived, "open until the run ended");
        }
    }
}

/// A pod that only passes its requests on: what is counted of the call is what is counted of the traffic.
#[test]
fn calls_are_counted_like_traffics() {
    let scratch = scratch();
    let scenario = super::PLAIN.replace(
        "  traffic:\n",
        "    - target: deployment/front\n      inline: {replicas: 2, port: 80}\n      \
         containers: {app: {concurrency: unlimited, steps: [{call: \"http://web/\", name: ask}]}}\n  traffic:\n",
    );
    let scenario = scenario.replace("to: http://web/,", "to: http://front/,");
    assert!(scenario.contains("http://front/"));
    let path = results(scratch.path(), &scenario, "out", &[]);
    for file in ["runs.csv", "summary.csv", "histogram.csv", "timeline.csv"] {
        let rows = table(&path, file);
        let of = |traffic: &str| -> Vec<Row> {
            let mut rows: Vec<Row> = rows.iter().filter(|row| row["traffic"] == traffic).cloned().collect();
            rows.iter_mut().for_each(|row| drop(row.remove("traffic")));
            rows
        };
        assert!(!of("t").is_empty(), "{file}");
        assert_eq!(of("t"), of("call/ask"), "{file}");
    }
}

#[test]
fn summaries_are_means_with_student_intervals() {
    let runs = RICH_RUN.table("runs.csv");
    let summary = RICH_RUN.table("summary.csv");
    let keys: BTreeSet<(&str, &str)> = runs.iter().map(|r| (r["variant"].as_str(), r["traffic"].as_str())).collect();
    assert_eq!(summary.len(), keys.len() * METRICS.len());
    // The 97.5 % quantile of Student's t with two degrees of freedom has a closed form.
    let p: f64 = 0.975;
    let t = (2.0 * p - 1.0) * (2.0 / (4.0 * p * (1.0 - p))).sqrt();
    for row in &summary {
        let metric = row["metric"].as_str();
        assert!(METRICS.contains(&metric), "{metric}");
        assert_eq!(row["scenario"], "rich");
        let same = |run: &&Row| run["variant"] == row["variant"] && run["traffic"] == row["traffic"];
        let values: Vec<f64> = runs.iter().filter(same).filter_map(|run| number(run, metric)).collect();
        assert_eq!(count(row, "replications"), values.len() as u64);
        if values.len() < 3 {
            assert_eq!([&row["mean"], &row["ci95_low"], &row["ci95_high"]], ["", "", ""], "{row:?}");
            continue;
        }
        let center = mean(&values);
        let variance = values.iter().map(|value| (value - center).powi(2)).sum::<f64>() / 2.0;
        let half = t * (variance / 3.0).sqrt();
        // No column can be negative, and these two are shares.
        let most = if ["error_ratio", "censored"].contains(&metric) { 1.0 } else { f64::INFINITY };
        let ends = [(center - half).max(0.0), (center + half).min(most)];
        for (column, want) in [("mean", center), ("ci95_low", ends[0]), ("ci95_high", ends[1])] {
            let got = number(row, column).expect("a number");
            let scale = center.abs().max(half).max(1e-9);
            assert!((got - want).abs() <= 1e-7 * scale, "{metric} {column}: the file says {got}, computed {want}");
        }
    }
    assert!(summary.iter().any(|row| row["ci95_low"] == "0" && row["mean"] != "0"), "an interval is cut at zero");
    let missing = summary.iter().filter(|row| row["mean"].is_empty()).count();
    assert!(missing > 0, "p99.9 of a few thousand requests should be refused");
}

#[test]
fn final_causes_are_counted_by_cause() {
    for fixture in [&RICH_RUN, &CLOCK_RUN] {
        let mut want: BTreeMap<[&str; 4], u64> = BTreeMap::new();
        for request in fixture.requests.iter().filter(|request| !request.succeeded()) {
            assert_ne!(request.outcome, "in_flight");
            let key = [&request.variant, &request.replication, &request.traffic, &request.outcome].map(String::as_str);
            *want.entry(key).or_default() += 1;
        }
        assert!(want.len() > 5, "few failures: {want:?}");
        let rows = fixture.table("errors.csv");
        let mut got: BTreeMap<[&str; 4], u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| !row["traffic"].starts_with("call/") && row["count"] != "0") {
            assert_eq!(row["scenario"], "rich");
            let key = ["variant", "replication", "traffic", "cause"].map(|column| row[column].as_str());
            *got.entry(key).or_default() += count(row, "count");
        }
        assert_eq!(got, want);
    }
}

/// Every attempt beyond the one that succeeds is an attempt that failed.
#[test]
fn failed_attempts_are_counted_by_cause() {
    let errors = RICH_RUN.table("errors.csv");
    for run in RICH_RUN.table("runs.csv") {
        let same = |row: &&Row| ["variant", "replication", "traffic"].iter().all(|column| row[*column] == run[*column]);
        let attempts: u64 = errors.iter().filter(same).map(|row| count(row, "attempts")).sum();
        let counts: u64 = errors.iter().filter(same).map(|row| count(row, "count")).sum();
        assert_eq!(counts, count(&run, "failed"), "{run:?}");
        let (most, waiting) = (count(&run, "retries") + count(&run, "failed"), count(&run, "failed"));
        // A request whose deadline passes during a back-off fails without an attempt that fails.
        assert!((most - waiting..=most).contains(&attempts), "{attempts} attempts failed: {run:?}");
    }
}

/// All fail, all are tried three times, at a place that is known.
#[test]
fn failures_name_cause_and_place() {
    let scratch = scratch();
    let scenario = super::PLAIN
        .replace("serviceTime:", "errorRatio: 100%, serviceTime:")
        .replace("260/s}}", "20/s}}, retries: {attempts: 3, on: [5xx], backoff: {base: 1ms, max: 2ms}}")
        .replace("requests: 24000", "requests: 500");
    let path = results(scratch.path(), &scenario, "out", &[]);
    let rows = table(&path, "errors.csv");
    assert_eq!(rows.len(), 2, "one a replication");
    for row in rows {
        let text = ["cause", "where", "count", "attempts"].map(|column| row[column].as_str());
        assert_eq!(text, ["app_error", "deployment/web", "500", "1500"]);
    }
    for row in table(&path, "runs.csv") {
        let text = ["succeeded", "failed", "retries", "error_ratio", "latency_mean_ms", "latency_max_ms"];
        assert_eq!(text.map(|column| row[column].as_str()), ["0", "500", "1000", "1", "", ""]);
    }
    let errors = table(&path, "endpoints.csv");
    for replication in ["0", "1"] {
        let here = errors.iter().filter(|row| row["replication"] == replication);
        assert_eq!(here.map(|row| count(row, "errors")).sum::<u64>(), 1_500);
    }
}
