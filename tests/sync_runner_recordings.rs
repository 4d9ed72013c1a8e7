//! A kube-proxy's runner, fed with the writes of EndpointSlices that a real one heard of: it must run as often, and when.
//!
//! `tests/data/sync-runner/README.md` says what was recorded.

use windtunnel::controllers::sync_runner::{Spacing, SyncRunner, Turn};
use windtunnel::time::{SimDuration, SimTime};

/// How long a run took in the cluster that was recorded: 70 to 200 ms.
const TAKES: f64 = 0.11;
/// Stretches have clocks that begin at 0; here the runner has a past.
const OFFSET: f64 = 100.0;

fn time(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(seconds + OFFSET).expect("times of the recording are short")
}

fn seconds(time: SimTime) -> f64 {
    time.as_secs_f64() - OFFSET
}

/// When rules are written, if somebody asks at these times. What it did before: `last` is when it had written its rules, and
/// `level` how many tokens it had left then.
fn written(spacing: Spacing, least: f64, asks: &[f64], last: f64, level: f64) -> Vec<f64> {
    let mut runner = SyncRunner::new(spacing, SimDuration::from_secs_f64(least).expect("a short time"));
    for before in [last - TAKES - level * least, last - TAKES] {
        if runner.asked(time(before)) == Turn::Now {
            runner.ended(time(before + TAKES));
        }
    }
    let mut ends = Vec::new();
    let (mut asks, mut timer, mut busy) = (asks.iter().copied().peekable(), None::<f64>, 0.0_f64);
    loop {
        let asked = asks.peek().map(|at| at.max(busy));
        let now = match (asked, timer) {
            (None, None) => return ends,
            (Some(at), timer) if timer.is_none_or(|timer| at <= timer) => at,
            (_, timer) => timer.expect("one of both is there"),
        };
        while asks.next_if(|at| *at <= now).is_some() {}
        timer = match runner.asked(time(now)) {
            Turn::At(next) => Some(seconds(next)),
            Turn::Now => {
                busy = now + TAKES;
                runner.ended(time(busy));
                ends.push(busy);
                None
            }
        };
    }
}

/// Recorded runs, computed runs, and how many recorded ones have a computed one within 0.15 s.
fn compare(spacing: Spacing, what: &str, least: f64) -> (usize, usize, usize) {
    let text = include_str!("data/sync-runner/kubernetes-1.20.2.csv");
    let rows: Vec<(u32, &str, f64)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            let mut cell = || cells.next().expect("three cells");
            (cell().parse().expect("a number"), cell(), cell().parse().expect("a time"))
        })
        .collect();
    let mut sums = (0, 0, 0);
    for stretch in 1..=6 {
        let of = |kind: &str| -> Vec<f64> {
            rows.iter().filter(|row| row.0 == stretch && row.1 == kind).map(|row| row.2).collect()
        };
        let (asks, recorded) = (of("write"), of(what));
        // The first one is from before the stretch, unless the recording begins with it. How many tokens were left by then
        // was not recorded: it is the one thing to be found out.
        let (last, recorded) = (recorded[0], &recorded[1..]);
        let end = recorded.last().expect("rules were written") + 0.5;
        let tries = (0..20).map(|level| {
            let runs: Vec<f64> = written(spacing, least, &asks, last, f64::from(level) / 20.0);
            let runs: Vec<f64> = runs.into_iter().filter(|at| *at <= end).collect();
            let near = |at: &&f64| runs.iter().any(|run| (run - **at).abs() <= 0.15);
            (recorded.iter().filter(near).count(), runs.len())
        });
        let (near, runs) = tries
            .max_by_key(|(near, runs)| (*near, std::cmp::Reverse(runs.abs_diff(recorded.len()))))
            .expect("20 tries");
        sums = (sums.0 + recorded.len(), sums.1 + runs, sums.2 + near);
    }
    sums
}

#[test]
fn it_runs_when_the_real_one_ran() {
    // Who replayed the whole recording with a simpler runner found 85 % and 81 %.
    for (what, least, share) in [("rules1", 1.0, 90), ("rules10", 10.0, 81)] {
        let (recorded, computed, near) = compare(Spacing::Bucket, what, least);
        println!("{what}: {recorded} recorded, {computed} computed, {near} within 0.15 s");
        assert!(recorded.abs_diff(computed) * 50 <= recorded, "{what}: {recorded} recorded, {computed} computed");
        assert!(near * 100 >= recorded * share, "{what}: {near} of {recorded} within 0.15 s");
    }
}

#[test]
fn the_later_runner_runs_at_other_times() {
    let (recorded, computed, near) = compare(Spacing::SinceLast, "rules1", 1.0);
    println!("{recorded} recorded, {computed} computed, {near} within 0.15 s");
    assert!(near * 100 < recorded * 80, "{near} of {recorded} within 0.15 s");
}
