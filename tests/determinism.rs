//! Same seed, same bytes: for any number of jobs, and whatever else stands in the scenario.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::{RICH, assert_same_results, results, scratch, stable_files, table};

#[test]
fn the_number_of_jobs_changes_nothing() {
    let scratch = scratch();
    let one = results(scratch.path(), RICH, "one", &["-j", "1"]);
    let eight = results(scratch.path(), RICH, "eight", &["-j", "8"]);
    let again = results(scratch.path(), RICH, "again", &["-j", "8"]);
    assert_same_results(&one, &eight);
    assert_same_results(&eight, &again);
}

#[test]
fn the_number_of_jobs_changes_nothing_with_all_requests_logged() {
    let scratch = scratch();
    let one = results(scratch.path(), RICH, "one", &["-j", "1", "--requests", "all"]);
    let eight = results(scratch.path(), RICH, "eight", &["-j", "8", "--requests", "all"]);
    assert!(stable_files(&one).contains_key("requests.csv"));
    assert_same_results(&one, &eight);
}

#[test]
fn logging_requests_changes_no_other_file() {
    let scratch = scratch();
    let mut without = stable_files(&results(scratch.path(), RICH, "without", &[]));
    let mut with = stable_files(&results(scratch.path(), RICH, "with", &["--requests", "100"]));
    assert!(with.remove("requests.csv").is_some());
    // run.json lists the files.
    without.remove("run.json");
    with.remove("run.json");
    assert!(without == with, "a file differs");
}

#[test]
fn another_seed_gives_other_numbers() {
    let scratch = scratch();
    let one = stable_files(&results(scratch.path(), RICH, "one", &["--seed", "1"]));
    let two = stable_files(&results(scratch.path(), RICH, "two", &["--seed", "2"]));
    for file in ["runs.csv", "summary.csv", "endpoints.csv", "histogram.csv", "timeline.csv", "attribution.csv"] {
        assert_ne!(one[file], two[file], "{file} does not depend on the seed");
    }
}

#[test]
fn replications_differ_and_do_not_depend_on_how_many_there_are() {
    let scratch = scratch();
    let two = table(&results(scratch.path(), RICH, "two", &["--replications", "2"]), "runs.csv");
    let three = table(&results(scratch.path(), RICH, "three", &[]), "runs.csv");
    for row in &two {
        assert!(three.contains(row), "a replication changed: {row:?}");
    }
    let means = |replication: &str| {
        let rows = three.iter().filter(|row| row["replication"] == replication && row["variant"] == "base");
        rows.map(|row| row["latency_mean_ms"].clone()).collect::<Vec<_>>()
    };
    assert_ne!(means("0"), means("1"));
}

/// The work that a trace does not give belongs to the request like any other: it hangs on seed, replication and traffic.
#[test]
fn traced_requests_draw_the_rest_of_their_work_by_themselves() {
    let scratch = scratch();
    let rows: String = (0..200).map(|row| format!("{row},0.001\\n")).collect();
    let trace = |name| {
        format!(
            "    - {{name: {name}, to: http://web/, demand: request, \
             arrivals: {{trace: {{data: \"arrival_s,service_s\\n{rows}\"}}}}}}\n"
        )
    };
    let scenario = format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: traced}}\nspec:\n  \
         run: {{requests: 400, warmup: 0%, replications: 2}}\n  workloads:\n    - target: deployment/web\n      \
         inline: {{}}\n      containers: {{app: {{steps: [{{work: 1ms}}, {{work: {{exponential: {{mean: 5ms}}}}}}]}}}}\n  \
         traffic:\n{}{}",
        trace("one"),
        trace("two")
    );
    let rows = table(&results(scratch.path(), &scenario, "out", &[]), "runs.csv");
    let means: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["latency_mean_ms"].as_str()).collect();
    assert_eq!((rows.len(), means.len()), (4, 4), "{means:?}");
}

/// When each request of each replication of a traffic arrived.
fn arrivals(directory: &Path, traffic: &str, variant: &str) -> BTreeMap<(String, u64), String> {
    let rows = table(directory, "requests.csv");
    let rows = rows.into_iter().filter(|row| row["traffic"] == traffic && row["variant"] == variant);
    rows.map(|row| {
        let request = row["request"].parse().expect("a number");
        ((row["replication"].clone(), request), row["arrived_s"].clone())
    })
    .collect()
}

#[test]
fn every_variant_faces_the_same_requests() {
    let scratch = scratch();
    let results = results(scratch.path(), RICH, "out", &["--requests", "all"]);
    for traffic in ["browse", "direct"] {
        let base = arrivals(&results, traffic, "base");
        assert!(base.len() > 5_000, "{traffic}: {} requests", base.len());
        assert_eq!(base, arrivals(&results, traffic, "random"), "{traffic}");
    }
}

#[test]
fn an_unrelated_traffic_leaves_the_arrivals_of_the_others_alone() {
    let scratch = scratch();
    // On the clock, because a window of N requests is shared by all traffics.
    let clock = RICH.replace("requests: 12000, warmup: 10%", "duration: 20s, warmup: 2s");
    assert_ne!(clock, RICH);
    let more = clock.replace(
        "  variants:\n",
        "    - {name: other, to: http://reviews/, arrivals: {poisson: {rate: 50/s}}}\n  variants:\n",
    );
    assert_ne!(more, clock);
    let alone = results(scratch.path(), &clock, "alone", &["--requests", "all"]);
    let beside = results(scratch.path(), &more, "beside", &["--requests", "all"]);
    assert!(arrivals(&beside, "other", "base").len() > 1_000);
    for traffic in ["browse", "direct"] {
        let before = arrivals(&alone, traffic, "base");
        assert!(before.len() > 3_000, "{traffic}: {} requests", before.len());
        assert_eq!(before, arrivals(&beside, traffic, "base"), "{traffic}");
    }
}

#[test]
fn the_resolved_scenario_repeats_the_run() {
    let scratch = scratch();
    let first = results(scratch.path(), RICH, "first", &["--seed", "3", "--set", "traffic[direct].timeout=80ms"]);
    let second = support::run_file(scratch.path(), "first/scenario.yaml", "second", &[]);
    assert_same_results(&first, &second);
}
