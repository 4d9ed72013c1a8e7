//! How often printed intervals hold the value of theory: a small sample of `docs/validation/coverage-of-intervals.py`.

mod support;

use std::collections::BTreeMap;

use support::{number, project, scratch, status, stderr, table};

/// A sojourn in M/M/1 is exponential with rate μ − λ (requests a second); `split` is M/M/1 with half the traffic.
const RATES: [(&str, f64); 3] = [("mm1", 100.0 - 50.0), ("mm1-faster", 1e3 / 9.0 - 50.0), ("split", 1e3 / 18.0 - 25.0)];

/// Its mean and quantiles, as multiples of 1 / (μ − λ).
const METRICS: [(&str, f64); 4] = [
    ("latency_mean_ms", 1.0),
    ("latency_p50_ms", std::f64::consts::LN_2),
    ("latency_p90_ms", std::f64::consts::LN_10),
    ("latency_p99_ms", 2.0 * std::f64::consts::LN_10),
];

#[test]
fn intervals_of_means_quantiles_and_differences_hold_the_truth_as_often_as_they_say() {
    const EXPERIMENTS: u32 = 120;
    let scratch = scratch();
    let truth = |variant: &str, metric: &str| {
        let (_, rate) = RATES.into_iter().find(|(name, _)| *name == variant)?;
        let (_, multiple) = METRICS.into_iter().find(|(name, _)| *name == metric)?;
        Some(multiple / rate * 1e3)
    };
    let mut covered: BTreeMap<(&str, String, String), u32> = BTreeMap::new();
    for seed in 1..=EXPERIMENTS {
        let seed = seed.to_string();
        let into = scratch.path().join("out");
        let into = into.to_str().expect("a path in UTF-8");
        let scenario = "docs/validation/coverage-of-intervals.yaml";
        let arguments = ["compare", scenario, "-q", "-o", into, "--seed", &seed, "--set", "run.requests=10000"];
        let done = support::output(project(), &arguments);
        assert_eq!(status(&done), 0, "{}", stderr(&done));
        for file in ["summary.csv", "comparison.csv"] {
            for row in table(&scratch.path().join("out"), file) {
                let Some(mut value) = truth(&row["variant"], &row["metric"]) else { continue };
                if file == "comparison.csv" {
                    value -= truth("mm1", &row["metric"]).expect("the baseline");
                }
                let ends = ["ci95_low", "ci95_high"].map(|column| number(&row, column).expect("an interval"));
                let place = (file, row["variant"].clone(), row["metric"].clone());
                *covered.entry(place).or_default() += u32::from(ends[0] <= value && value <= ends[1]);
            }
        }
    }
    assert_eq!(covered.len(), 12 + 8);
    for (place, count) in &covered {
        // 114 ± 2.4 of 120; fewer than 103 once in thirty thousand times. At 90 % it would be 108, at 80 % 96.
        assert!(*count >= 103, "{place:?}: {count} of {EXPERIMENTS}");
    }
    let share = f64::from(covered.values().sum::<u32>()) / f64::from(EXPERIMENTS * 20);
    assert!((0.93..=0.97).contains(&share), "all together: {share}");
}
