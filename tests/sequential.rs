//! `run.replications` with a goal: how many are made, that they are the ones a fixed number would have made, and that the
//! interval printed at the stop covers the true value as often as it says.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Row, number, output, results, scratch, stable_files, status, stderr, stdout, table, write};

/// M/M/1, which a variant serves faster: a sojourn is exponential with mean 1/(100 − 50) s, of `fast` 1/(125 − 50) s.
const QUEUE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: queue}
spec:
  run: {requests: 2000, warmup: 10%, seed: 1, replications: {min: 4, max: 300, until: {metric: t.latency.mean, relativeHalfWidth: 4%}}}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {port: 80}
      containers: {app: {concurrency: 1, queue: {limit: unlimited}, serviceTime: {exponential: {mean: 10ms}}}}
  traffic:
    - {name: t, to: http://web/, arrivals: {poisson: {rate: 50/s}}}
";

const VARIANTS: &str = "  variants:
    - {name: base}
    - {name: alone, set: {run.replications: 3}}
    - {name: fast, set: {\"workloads[deployment/web].containers.app.serviceTime.exponential.mean\": 8ms}}
";

fn with_variants() -> String {
    format!("{QUEUE}{VARIANTS}")
}

fn run_json(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("run.json")).expect("run.json")).expect("JSON")
}

/// Replications made by variant.
fn made(directory: &Path) -> Vec<u64> {
    let run = run_json(directory);
    let variants = run["variants"].as_array().expect("a list");
    variants.iter().map(|variant| variant["finished"].as_u64().expect("a count")).collect()
}

#[test]
fn variants_with_one_goal_make_the_same_number_whatever_the_number_of_jobs() {
    let scratch = scratch();
    let one = results(scratch.path(), &with_variants(), "one", &["-j", "1", "--requests", "all"]);
    for jobs in ["2", "7"] {
        let more = results(scratch.path(), &with_variants(), jobs, &["-j", jobs, "--requests", "all"]);
        support::assert_same_results(&one, &more);
    }
    let made = made(&one);
    assert!(made[0] == made[2] && made[0] > 6 && made[0] < 300 && made[1] == 3, "{made:?}");
    // Files have one variant after the other, though the runs came in turn.
    for file in ["runs.csv", "endpoints.csv", "balance.csv", "timeline.csv", "requests.csv"] {
        let mut places: Vec<(String, u64)> = table(&one, file)
            .iter()
            .map(|row| (row["variant"].clone(), row["replication"].parse().expect("a number")))
            .collect();
        places.dedup();
        let mut expected = Vec::new();
        for (variant, made) in ["base", "alone", "fast"].into_iter().zip(&made) {
            expected.extend((0..*made).map(|replication| (variant.to_owned(), replication)));
        }
        assert_eq!(places, expected, "{file}");
    }
}

#[test]
fn a_fixed_number_as_large_gives_the_same_files() {
    let scratch = scratch();
    let goal = results(scratch.path(), QUEUE, "goal", &["-j", "3"]);
    let made = made(&goal)[0].to_string();
    let fixed = results(scratch.path(), QUEUE, "fixed", &["--replications", &made]);
    let (mut goal, mut fixed) = (stable_files(&goal), stable_files(&fixed));
    for files in [&mut goal, &mut fixed] {
        assert!(files.remove("scenario.yaml").is_some() && files.remove("run.json").is_some());
    }
    assert!(goal.len() >= 9 && goal == fixed, "a file differs");
}

#[test]
fn the_goal_and_how_far_it_was_met_are_said() {
    let scratch = scratch();
    write(scratch.path(), "queue.yaml", QUEUE);
    let met = output(scratch.path(), &["run", "queue.yaml", "-o", "met"]);
    assert_eq!(status(&met), 0, "{}", stderr(&met));
    let text = stdout(&met);
    assert!(text.contains("goal met: t.latency.mean within ± ") && text.contains("(± 4 % was asked) after "), "{text}");
    let until = run_json(&scratch.path().join("met"))["variants"][0]["until"].clone();
    assert_eq!((&until["metric"], &until["met"]), (&"t.latency.mean".into(), &true.into()));
    let row = summary(&scratch.path().join("met"), "base", "latency_mean_ms");
    let of = |column: &str| number(&row, column).expect("a number");
    let width = (of("ci95_high") - of("ci95_low")) / 2.0 / of("mean");
    assert!((until["reached"].as_f64().expect("a number") - width).abs() < 1e-6 && width <= 0.04, "{until}");

    let most = ["run", "queue.yaml", "-o", "most", "--set", "run.replications.max=5", "--format", "markdown"];
    let most = output(scratch.path(), &most);
    assert_eq!(status(&most), 0, "a goal is no objective: {}", stderr(&most));
    let text = stdout(&most);
    assert!(text.contains("goal not met: t.latency.mean within ± "), "{text}");
    assert!(text.contains("after 5 replications, the most allowed; about "), "{text}");
    assert_eq!(made(&scratch.path().join("most")), [5]);

    let none = ["run", "queue.yaml", "-o", "none", "--set", "run.replications.until.metric=t.errorRatio"];
    let none = output(scratch.path(), &[none.as_slice(), &["--set", "run.replications.max=9"]].concat());
    let text = stdout(&none);
    assert!(text.contains("goal not met: after 9 replications t.errorRatio has no relative precision"), "{text}");
}

#[test]
fn a_comparison_has_as_many_pairs_as_the_neediest_variant_takes() {
    let scratch = scratch();
    write(scratch.path(), "queue.yaml", &with_variants());
    let goal = "run.replications={min: 4, until: {metric: t.latency.mean, relativeHalfWidth: 6%}}";
    let arguments = ["compare", "queue.yaml", "-o", "out", "--metric", "latency_mean_ms", "--set", goal];
    let done = output(scratch.path(), &arguments);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let text = stdout(&done);
    // The command line wins over the variant that had a number of its own.
    assert!(text.contains("fast: goal met: ") && text.contains("alone: goal met: "), "{text}");
    let path = scratch.path().join("out");
    let rows = table(&path, "comparison.csv");
    let row = rows.iter().find(|row| row["variant"] == "fast" && row["metric"] == "latency_mean_ms").expect("a row");
    assert_eq!(row["replications"], made(&path)[0].to_string());
}

#[test]
fn millions_of_replications_allowed_cost_nothing() {
    let scratch = scratch();
    let out = results(
        scratch.path(),
        &with_variants(),
        "out",
        &[
            "--set",
            "run.replications={min: 4, max: 10000000, \
        until: {metric: t.latency.mean, relativeHalfWidth: 20%}}",
        ],
    );
    assert!(made(&out).iter().all(|made| *made < 1_000), "{:?}", made(&out));
}

#[test]
fn validate_stops_at_the_goal() {
    let scratch = scratch();
    let case = format!(
        "{QUEUE}  variants:\n    - {{name: a, expect: [{{metric: t.latency.mean, value: 20ms, tolerance: 10%}}]}}\n"
    );
    write(scratch.path(), "case.yaml", &case);
    let done = output(scratch.path(), &["validate", "case.yaml", "--json", "-"]);
    let lines: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((status(&done), &lines[0]["verdict"]), (0, &"pass".into()), "{lines}");
    let made = lines[0]["replications"].as_u64().expect("a count");
    assert!((6..300).contains(&made), "{made}");
}

fn summary(directory: &Path, variant: &str, metric: &str) -> Row {
    let rows = table(directory, "summary.csv");
    let found = rows.into_iter().find(|row| row["variant"] == variant && row["metric"] == metric);
    found.unwrap_or_else(|| panic!("no {metric} of {variant}"))
}

/// The whole machine: 95 % of printed intervals hold the value of theory, ln(10) / 50 s for the p90 of M/M/1.
#[test]
fn the_printed_interval_holds_the_truth_as_often_as_it_says() {
    const EXPERIMENTS: u64 = 200;
    let scratch = scratch();
    let truth = 10_f64.ln() / 50.0 * 1e3;
    let goal = "run.replications={min: 10, max: 200, until: {metric: t.latency.p90, relativeHalfWidth: 4%}}";
    let covered = (0..EXPERIMENTS)
        .filter(|seed| {
            let seed = seed.to_string();
            let out = results(
                scratch.path(),
                QUEUE,
                "out",
                &["--set", goal, "--set", "run.requests=5000", "--set", "run.interval=1h", "--seed", &seed],
            );
            let row = summary(&out, "base", "latency_p90_ms");
            let of = |column: &str| number(&row, column).expect("a number");
            (of("ci95_low")..=of("ci95_high")).contains(&truth)
        })
        .count();
    // Of 200, 190 ± 3.1; once in ten thousand times fewer than 178.
    assert!((178..=199).contains(&covered), "{covered} of {EXPERIMENTS}");
}

#[test]
fn explain_takes_as_many_replications_as_the_goal_did() {
    let scratch = scratch();
    let goal = "{min: 5, max: 40, until: {metric: t.latency.mean, relativeHalfWidth: 20%}}";
    let text = format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: goal}}\nspec:\n  run: {{duration: 20s, warmup: 2s, \
         replications: {goal}}}\n  cluster: {{network: none}}\n  workloads: [{{target: deployment/web, inline: {{replicas: \
         1}}, containers: {{app: {{concurrency: 1, serviceTime: {{exponential: {{mean: 10ms}}}}}}}}}}]\n  traffic: [{{name: \
         t, to: http://web/, arrivals: {{poisson: {{rate: 60/s}}}}}}]\n"
    );
    let directory = support::results(scratch.path(), &text, "out", &[]);
    let made = table(&directory, "runs.csv").len();
    assert!((5..40).contains(&made), "{made}");
    let explained = |what: &str| {
        let said = output(scratch.path(), &["explain", what, "--quantile", "0.9", "--format", "json", "-q"]);
        assert_eq!(status(&said), 0, "{}", stderr(&said));
        let value: serde_json::Value = serde_json::from_str(&stdout(&said)).expect("JSON");
        (value["replications"].as_u64(), value["traffic"].to_string())
    };
    let of_file = explained("scenario.yaml");
    assert_eq!(of_file.0, Some(made as u64));
    assert_eq!(of_file, explained("out"));
}
