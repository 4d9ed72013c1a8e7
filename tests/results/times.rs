//! `histogram.csv`, `timeline.csv` and `attribution.csv`: how latencies are spread, when, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Row, assert_close, count, nanos, number};
use super::{CLOCK_RUN, Fixture, PLAIN_RUN, RICH_RUN, Request, latencies, quantile};

fn of<'a>(fixture: &'a Fixture, variant: &str, traffic: &str) -> Vec<&'a Request> {
    fixture.requests.iter().filter(|request| request.variant == variant && request.traffic == traffic).collect()
}

fn keys(rows: &[Row]) -> BTreeSet<(String, String)> {
    rows.iter().map(|row| (row["variant"].clone(), row["traffic"].clone())).collect()
}

fn check_histogram(fixture: &Fixture) {
    let all = fixture.table("histogram.csv");
    let runs = fixture.table("runs.csv");
    assert_eq!(keys(&all), keys(&runs));
    for (variant, traffic) in keys(&all) {
        let rows = all.iter().filter(|row| row["variant"] == variant && row["traffic"] == traffic);
        let sorted = latencies(of(fixture, &variant, &traffic).into_iter());
        let (mut cumulative, mut end) = (0, 0);
        for row in rows {
            let (lower, upper) = (nanos(&row["lower_ms"], 6), nanos(&row["upper_ms"], 6));
            assert!(end <= lower && lower < upper, "{row:?} overlaps the bucket before it");
            assert!((upper - lower) as f64 <= (lower as f64 / 500.0).max(1.0), "{row:?} is wider than 0.2 %");
            end = upper;
            if !traffic.starts_with("call/") {
                let inside = sorted.partition_point(|x| *x < upper) - sorted.partition_point(|x| *x < lower);
                assert_eq!(count(row, "count"), inside as u64, "{row:?}");
            }
            cumulative += count(row, "count");
            assert_eq!(count(row, "cumulative"), cumulative);
        }
        let same = |row: &&Row| row["variant"] == variant && row["traffic"] == traffic;
        assert_eq!(cumulative, runs.iter().filter(same).map(|row| count(row, "succeeded")).sum::<u64>());
    }
}

#[test]
fn histograms_count_every_latency_once() {
    check_histogram(&RICH_RUN);
    check_histogram(&CLOCK_RUN);
    check_histogram(&PLAIN_RUN);
}

/// Within the window of a run without warm-up every request is in the log, so every interval can be recounted.
#[test]
fn timelines_count_what_happened_when_it_happened() {
    const INTERVAL: u64 = 5_000_000_000;
    let rows = PLAIN_RUN.table("timeline.csv");
    let mut checked = 0;
    for replication in ["0", "1"] {
        let mine: Vec<&Request> = PLAIN_RUN.requests.iter().filter(|r| r.replication == replication).collect();
        let last = mine.iter().map(|request| request.arrived).max().expect("requests");
        for (index, row) in rows.iter().filter(|row| row["replication"] == replication).enumerate() {
            assert_eq!([&row["scenario"], &row["variant"], &row["traffic"]], ["plain", "base", "t"]);
            let start = nanos(&row["t_s"], 9);
            assert_eq!(start, index as u64 * INTERVAL, "an interval is missing");
            let end = start + INTERVAL;
            assert_eq!(row["ready_pods"], "3");
            if end > last {
                continue;
            }
            let here = |time: u64| (start..end).contains(&time);
            let ended: Vec<&Request> = mine.iter().copied().filter(|r| here(r.arrived + r.latency)).collect();
            assert_eq!(count(row, "offered"), mine.iter().filter(|r| here(r.arrived)).count() as u64, "{row:?}");
            assert_eq!(count(row, "succeeded"), ended.len() as u64, "{row:?}");
            assert_eq!(count(row, "failed"), 0);
            let open = mine.iter().filter(|r| r.arrived < end && r.arrived + r.latency >= end).count();
            assert_eq!(count(row, "in_flight"), open as u64, "{row:?}");
            let sorted = latencies(ended.into_iter());
            for (thousandths, column) in [(500, "latency_p50_ms"), (990, "latency_p99_ms")] {
                let got = number(row, column).expect("more than a thousand a row");
                let want = quantile(&sorted, thousandths).expect("more than a thousand") as f64 / 1e6;
                assert!((got / want - 1.0).abs() <= 1e-3, "{column} of {row:?}: computed {want}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked} intervals");
}

/// The warm-up is in the timeline, and so is what failed; quantiles of few requests are refused.
#[test]
fn timelines_show_the_warm_up_and_failures() {
    let rows = CLOCK_RUN.table("timeline.csv");
    let mut failed = 0;
    for (variant, traffic) in keys(&CLOCK_RUN.table("runs.csv")) {
        for replication in ["0", "1", "2"] {
            let wanted = [variant.as_str(), replication, traffic.as_str()];
            let same = |row: &&Row| ["variant", "replication", "traffic"].map(|column| row[column].as_str()) == wanted;
            let here: Vec<&Row> = rows.iter().filter(same).collect();
            assert!(here.len() >= 25, "{} intervals of a second in a run of 25 s", here.len());
            let requests = of(&CLOCK_RUN, &variant, &traffic);
            let mine: Vec<&Request> = requests.into_iter().filter(|r| r.replication == replication).collect();
            let mut open = 0;
            for (second, row) in here.iter().enumerate().take(25) {
                assert_eq!(row["t_s"], second.to_string());
                open += count(row, "offered");
                open -= count(row, "succeeded") + count(row, "failed");
                assert_eq!(count(row, "in_flight"), open, "{row:?}");
                assert_eq!(row["latency_p50_ms"].is_empty(), count(row, "succeeded") < 20, "{row:?}");
                assert_eq!(row["latency_p99_ms"].is_empty(), count(row, "succeeded") < 1_000, "{row:?}");
                // From the second after the warm-up everything that arrives is logged.
                if second >= 3 && !traffic.starts_with("call/") {
                    let arrived = mine.iter().filter(|request| request.arrived / 1_000_000_000 == second as u64);
                    assert_eq!(count(row, "offered"), arrived.count() as u64, "{row:?}");
                }
                // No request takes longer than a second here, so these were all measured when they arrived.
                if second >= 4 && !traffic.starts_with("call/") {
                    let here =
                        |request: &&&Request| (request.arrived + request.latency) / 1_000_000_000 == second as u64;
                    let failures = mine.iter().filter(here).filter(|request| !request.succeeded()).count() as u64;
                    assert_eq!(count(row, "failed"), failures, "{row:?}");
                    failed += failures;
                }
            }
        }
    }
    assert!(failed > 20, "{failed} failures are too few to test anything");
}

/// The bucket of a latency when only its seven leading binary digits count.
fn bucket(nanos: u64) -> (u64, u64) {
    let shift = (64 - nanos.leading_zeros()).saturating_sub(7);
    let lower = nanos >> shift << shift;
    (lower, lower + (1 << shift))
}

/// The requests of a band: from the bucket of its lower percentile to the bucket of its upper one.
fn band<'a>(name: &str, requests: &[&'a Request]) -> Option<Vec<&'a Request>> {
    let sorted = latencies(requests.iter().copied());
    let (from, to, like) = match name {
        "all" => (0, 1_000, 0),
        "p50" => (450, 550, 500),
        "p90" => (900, 1_000, 900),
        "p99" => (990, 1_000, 990),
        "p999" => (999, 1_000, 999),
        _ => panic!("unknown band {name}"),
    };
    if sorted.is_empty() || (like > 0 && quantile(&sorted, like).is_none()) {
        return None;
    }
    let rank = |thousandths: u64| sorted[(thousandths * sorted.len() as u64).div_ceil(1_000).max(1) as usize - 1];
    let (lower, upper) = (bucket(rank(from)).0, bucket(rank(to)).1);
    // The edge is a bucket's, and a bucket is less than 2 % wide.
    assert!(rank(from) as f64 / lower as f64 <= 1.02 && upper as f64 / rank(to) as f64 <= 1.02);
    let inside = |request: &&&Request| request.succeeded() && (lower..upper).contains(&request.latency);
    Some(requests.iter().filter(inside).copied().collect())
}

fn check_attribution(fixture: &Fixture) {
    let rows = fixture.table("attribution.csv");
    for (variant, traffic) in keys(&rows) {
        assert!(!traffic.starts_with("call/"), "{traffic} is attributed in its caller's ledger");
        let requests = of(fixture, &variant, &traffic);
        for name in ["all", "p50", "p90", "p99", "p999"] {
            let wanted = [variant.as_str(), traffic.as_str(), name];
            let same = |row: &&Row| ["variant", "traffic", "band"].map(|column| row[column].as_str()) == wanted;
            let here: Vec<&Row> = rows.iter().filter(same).collect();
            assert!(!here.is_empty(), "{wanted:?} is missing");
            let Some(members) = band(name, &requests) else {
                assert!(here.iter().all(|row| row["mean_ms"].is_empty() && row["share"].is_empty()), "{wanted:?}");
                continue;
            };
            let n = members.len() as f64;
            let latency = members.iter().map(|request| request.latency as f64).sum::<f64>() / n / 1e6;
            let mut got = BTreeMap::<&str, f64>::new();
            for row in &here {
                let mean = number(row, "mean_ms").expect("a mean");
                let share = number(row, "share").expect("a share");
                assert!((share - mean / latency).abs() < 1e-7, "{row:?} of {latency} ms");
                *got.entry(row["cause"].as_str()).or_default() += mean;
            }
            let total: f64 = got.values().sum();
            assert!((total / latency - 1.0).abs() < 1e-7, "{wanted:?}: the file says {total}, computed {latency}");
            for (cause, _) in &requests[0].ledger {
                let want = members.iter().map(|request| request.cause(cause) as f64).sum::<f64>() / n / 1e6;
                let mean = got.get(cause.as_str()).copied().unwrap_or(0.0);
                assert!(
                    (mean - want).abs() <= 1e-7 * latency,
                    "{wanted:?} {cause}: the file says {mean}, computed {want}"
                );
            }
        }
    }
}

#[test]
fn attribution_adds_up_the_ledgers_of_each_band() {
    check_attribution(&RICH_RUN);
    check_attribution(&CLOCK_RUN);
    check_attribution(&PLAIN_RUN);
}

/// Causes stand at the place that they belong to.
#[test]
fn attribution_names_the_place() {
    let rows = RICH_RUN.table("attribution.csv");
    let places: BTreeMap<&str, BTreeSet<&str>> = rows.iter().fold(BTreeMap::new(), |mut places, row| {
        if row["traffic"] == "browse" && number(row, "mean_ms").is_some_and(|mean| mean > 0.0) {
            places.entry(row["cause"].as_str()).or_default().insert(&row["where"]);
        }
        places
    });
    let at = |cause: &str| places[cause].iter().copied().collect::<Vec<_>>();
    // The front pod serves and queues; of the parallel calls the one that ended last is in the ledger, either of two.
    assert_eq!(at("service"), ["deployment/cart", "deployment/reviews", "deployment/web"]);
    assert!(at("queue_wait").contains(&"deployment/web"));
    assert_eq!(at("proxy"), ["proxy/edge"]);
    assert_eq!(at("wasted_attempts"), ["browse"]);
    assert_eq!(at("back_off"), ["browse"]);
}

/// Work of one, two and three milliseconds in three places: the causes are known to the nanosecond.
#[test]
fn attribution_of_a_chain_is_known() {
    let scratch = super::support::scratch();
    let scenario = super::PLAIN
        .replace("serviceTime: {exponential: {mean: 8ms}}", "steps: [{work: 1ms}, {call: \"http://db/\"}, {work: 2ms}]")
        .replace(
            "  traffic:\n",
            "    - {target: deployment/db, inline: {replicas: 1, port: 80}, containers: {app: {serviceTime: 3ms}}}\n  traffic:\n",
        )
        .replace("{poisson: {rate: 260/s}}", "{constant: {rate: 10/s}}")
        .replace("requests: 24000", "requests: 100");
    let path = super::support::results(scratch.path(), &scenario, "out", &[]);
    let rows = super::support::table(&path, "attribution.csv");
    let known = [("service", "deployment/web", 3.0), ("service", "deployment/db", 3.0)];
    for row in rows.iter().filter(|row| row["band"] == "all" && row["traffic"] == "t") {
        let found = known.iter().find(|(cause, place, _)| row["cause"] == *cause && row["where"] == *place);
        let want = found.map_or(0.0, |(_, _, mean)| *mean);
        assert_close(&row["cause"], number(row, "mean_ms").expect("a mean"), want);
        assert_close(&row["cause"], number(row, "share").expect("a share"), want / 6.0);
    }
}
