//! `endpoints.csv` and `balance.csv`: who got how much, how busy it was, how evenly it was shared.

use std::collections::BTreeMap;

use super::support::{Row, assert_close, assert_same, count, number};
use super::{CLOCK_RUN, Fixture, PLAIN_RUN, RICH_RUN, Request, latencies, mean, quantile};

/// What a first-come, first-served pod did, from its requests: (busy area, waiting area, most waiting) up to `end`.
fn replay(requests: &[&Request], end: u64) -> (u128, u128, u64) {
    let (mut busy, mut waiting) = (0_u128, 0_u128);
    let mut changes = BTreeMap::<u64, (u64, u64)>::new();
    for request in requests {
        let start = request.arrived + request.cause("queue_wait");
        let stop = start + request.cause("service");
        assert_eq!(stop, request.arrived + request.latency);
        busy += u128::from(stop.min(end).saturating_sub(start));
        waiting += u128::from(start.min(end) - request.arrived);
        if start > request.arrived {
            changes.entry(request.arrived).or_default().0 += 1;
            changes.entry(start).or_default().1 += 1;
        }
    }
    let (mut now, mut most) = (0, 0);
    for (time, (came, went)) in changes {
        if time <= end {
            // A slot freed now serves an arrival now: departures first.
            now = now - went + came;
            most = most.max(now);
        }
    }
    (busy, waiting, most)
}

#[test]
fn endpoints_did_what_their_requests_say() {
    let rows = PLAIN_RUN.table("endpoints.csv");
    assert_eq!(rows.len(), 6);
    for row in &rows {
        let here = |request: &&Request| request.replication == row["replication"];
        let all: Vec<&Request> = PLAIN_RUN.requests.iter().filter(here).collect();
        let end = all.iter().map(|request| request.arrived).max().expect("requests");
        let mine: Vec<&Request> = all.iter().copied().filter(|request| request.pod == row["pod"]).collect();
        let names = ["scenario", "variant", "service"].map(|column| row[column].as_str());
        assert_eq!(names, ["plain", "base", "web"]);
        assert_eq!(count(row, "requests"), mine.len() as u64);
        // A choice a connection, a connection a request; a few more requests come while the last measured ones end.
        let picks = count(row, "picks");
        assert!((mine.len()..mine.len() + 20).contains(&(picks as usize)), "{row:?}");
        assert_eq!(count(row, "connections"), picks);
        assert_eq!(count(row, "errors"), 0);
        assert_close("share", number(row, "share").expect("a share"), mine.len() as f64 / all.len() as f64);
        let (busy, waiting, most) = replay(&mine, end);
        let utilization = number(row, "utilization").expect("a utilization");
        assert_close("utilization", utilization, busy as f64 / end as f64);
        assert!((utilization - 260.0 * 0.008 / 3.0).abs() < 0.05, "{utilization}");
        assert_close("mean queue", number(row, "queue_mean").expect("a mean"), waiting as f64 / end as f64);
        assert_eq!(count(row, "queue_max"), most);
        // Without any delay on the way the time at the pod is the latency; buckets are 3 % wide.
        let sorted = latencies(mine.iter().copied());
        for (thousandths, column) in [(500, "latency_p50_ms"), (990, "latency_p99_ms")] {
            let got = number(row, column).expect("enough requests");
            let want = quantile(&sorted, thousandths).expect("enough requests") as f64 / 1e6;
            assert!((got / want - 1.0).abs() < 0.03, "{column}: the file says {got}, computed {want}");
        }
    }
}

/// Pods are spread over the nodes of both zones, and the log agrees with the table about where they are.
#[test]
fn pods_stand_where_the_log_says() {
    let rows = RICH_RUN.table("endpoints.csv");
    let mut places = BTreeMap::new();
    for row in &rows {
        let zone = if row["node"].starts_with("a-") { "z1" } else { "z2" };
        assert_eq!(row["zone"], zone, "{row:?}");
        let place = (row["service"].clone(), row["node"].clone());
        let before = places.insert(row["pod"].clone(), place.clone());
        assert!(before.is_none_or(|before| before == place), "{row:?} moved");
    }
    assert_eq!(
        places.keys().map(String::as_str).collect::<Vec<_>>(),
        ["cart-0", "cart-1", "reviews-0", "reviews-1", "web-0", "web-1", "web-2"]
    );
    for request in RICH_RUN.requests.iter().filter(|request| request.succeeded()) {
        let service = if request.traffic == "browse" { "web" } else { "cart" };
        assert_eq!(request.service, service);
        assert_eq!(places[&request.pod], (request.service.clone(), request.node.clone()));
    }
}

#[test]
fn shares_add_up() {
    for fixture in [&RICH_RUN, &CLOCK_RUN] {
        let rows = fixture.table("endpoints.csv");
        for row in &rows {
            let total: u64 = together(&rows, row).iter().map(|row| count(row, "requests")).sum();
            assert_same("share", number(row, "share"), Some(count(row, "requests") as f64 / total as f64));
        }
    }
}

/// Pods serve the traffics' attempts and the calls, no more and no less.
#[test]
fn attempts_arrive_at_pods() {
    let runs = RICH_RUN.table("runs.csv");
    let endpoints = RICH_RUN.table("endpoints.csv");
    let attempts = |variant: &str, replication: &str, traffic: &str| {
        let wanted = [variant, replication, traffic];
        let same = |row: &&Row| ["variant", "replication", "traffic"].map(|column| row[column].as_str()) == wanted;
        let row = runs.iter().find(same).expect("a row");
        count(row, "offered") + count(row, "retries")
    };
    for (service, traffics) in
        [("web", &["browse"][..]), ("cart", &["direct", "call/items"]), ("reviews", &["call/http://reviews/"])]
    {
        for (variant, replication) in [("base", "0"), ("base", "2"), ("random", "1")] {
            let want: u64 = traffics.iter().map(|traffic| attempts(variant, replication, traffic)).sum();
            let wanted = [variant, replication, service];
            let here = endpoints
                .iter()
                .filter(|row| ["variant", "replication", "service"].map(|column| row[column].as_str()) == wanted);
            let got: u64 = here.map(|row| count(row, "requests")).sum();
            assert_eq!(got, want, "{service} in {variant} {replication}");
        }
    }
}

/// Rows of the same replication and Service.
fn together<'a>(rows: &'a [Row], row: &Row) -> Vec<&'a Row> {
    let same = |other: &&Row| ["variant", "replication", "service"].iter().all(|column| other[*column] == row[*column]);
    rows.iter().filter(same).collect()
}

/// The probability that chi-square with so many degrees of freedom exceeds x: closed forms for one and two.
fn chi_square_tail(x: f64, degrees: usize) -> f64 {
    match degrees {
        2 => (-x / 2.0).exp(),
        1 => 2.0 * (1.0 - standard_normal(x.sqrt())),
        _ => unreachable!("the scenarios have two or three pods a Service"),
    }
}

/// The standard normal distribution function by its series x + x³/3 + x⁵/15 + … (Marsaglia 2004).
fn standard_normal(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (x, x, 1.0);
    while term > 1e-17 * sum {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn check_balance(fixture: &Fixture) {
    let endpoints = fixture.table("endpoints.csv");
    let rows = fixture.table("balance.csv");
    assert!(!rows.is_empty());
    for row in &rows {
        let members = together(&endpoints, row);
        let n = members.len() as f64;
        assert_eq!(count(row, "endpoints"), members.len() as u64);
        assert_eq!(row["scenario"], members[0]["scenario"]);
        let requests: Vec<f64> = members.iter().map(|row| count(row, "requests") as f64).collect();
        let center = mean(&requests);
        let most = requests.iter().copied().fold(0.0, f64::max);
        let variance = requests.iter().map(|x| (x - center).powi(2)).sum::<f64>() / n;
        let squares: f64 = requests.iter().map(|x| x * x).sum();
        let differences: f64 = requests.iter().flat_map(|a| requests.iter().map(move |b| (a - b).abs())).sum();
        let column = |name: &str| number(row, name).expect("a number");
        assert_close("max over mean", column("max_over_mean"), most / center);
        assert_close("cv", column("cv"), variance.sqrt() / center);
        assert_close("jain", column("jain"), (n * center).powi(2) / (n * squares));
        let gini = differences / (2.0 * n * n * center);
        assert!((column("gini") - gini).abs() < 1e-8, "gini: the file says {}, computed {gini}", column("gini"));
        let picks: Vec<f64> = members.iter().map(|row| count(row, "picks") as f64).collect();
        let expected = mean(&picks);
        let statistic: f64 = picks.iter().map(|x| (x - expected).powi(2) / expected).sum();
        let p = chi_square_tail(statistic, members.len() - 1);
        let got = column("chi_square_p");
        assert!((got - p).abs() <= 1e-8 * p.max(1e-4), "p of {picks:?}: the file says {got}, computed {p}");
    }
}

#[test]
fn balance_is_computed_from_the_endpoints() {
    check_balance(&RICH_RUN);
    check_balance(&CLOCK_RUN);
    check_balance(&PLAIN_RUN);
}
