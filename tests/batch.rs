//! Several scenarios in one `run`: the same results as one by one, one table of all, the worst exit status.

mod support;

use std::fs;
use std::path::Path;

use support::{RICH, assert_same_results, output, scratch, status, stderr, stdout, table, write};

/// Its warm-up is found by a pilot, which is its own affair.
fn queue(name: &str, rate: u32, objective: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: {name}}}\nspec:\n  run: {{duration: 60s, warmup: \
         auto, replications: 3}}\n  workloads: [{{target: deployment/web, inline: {{replicas: 1, port: 80}}, containers: \
         {{app: {{concurrency: 1, serviceTime: {{exponential: {{mean: 10ms}}}}}}}}}}]\n  traffic: [{{name: t, to: \
         \"http://web/\", arrivals: {{poisson: {{rate: {rate}/s}}}}}}]\n  objectives: [{objective}]\n"
    )
}

fn scenarios(directory: &Path) {
    write(directory, "a.yaml", &queue("easy", 20, "t.latency.mean < 1s"));
    write(directory, "b.yaml", RICH);
    write(directory, "c.yaml", &queue("hard", 40, "t.latency.mean < 1ms"));
}

#[test]
fn a_batch_gives_the_results_of_its_scenarios_run_alone() {
    let scratch = scratch();
    scenarios(scratch.path());
    for jobs in ["1", "8"] {
        let into = format!("batch-{jobs}");
        let batch = output(scratch.path(), &["run", "a.yaml", "b.yaml", "c.yaml", "-o", &into, "-j", jobs, "-q"]);
        assert_eq!(status(&batch), 1, "{}", stderr(&batch));
    }
    for (file, name) in [("a.yaml", "easy"), ("b.yaml", "rich"), ("c.yaml", "hard")] {
        let alone = support::run_file(scratch.path(), file, &format!("alone-{name}"), &["-j", "2"]);
        for jobs in ["1", "8"] {
            assert_same_results(&alone, &scratch.path().join(format!("batch-{jobs}")).join(name));
        }
    }
    let text = |jobs: &str| fs::read(scratch.path().join(format!("batch-{jobs}/batch.csv"))).expect("a file");
    assert_eq!(text("1"), text("8"));
}

#[test]
fn a_batch_ends_with_one_table_and_the_worst_status() {
    let scratch = scratch();
    scenarios(scratch.path());
    let batch = output(scratch.path(), &["run", "c.yaml", "a.yaml", "-o", "out"]);
    assert_eq!(status(&batch), 1);
    assert_eq!(
        stderr(&batch).replace('\\', "/"),
        "results in out/hard\nresults in out/easy\nall scenarios in out/batch.csv\n"
    );
    let text = stdout(&batch);
    let end = text.split("\n2 scenarios\n").nth(1).unwrap_or_else(|| panic!("no table of all in\n{text}"));
    let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let (hard, easy) = (words(end.lines().nth(4).expect("a row")), words(end.lines().nth(5).expect("a row")));
    assert_eq!((hard[1].as_str(), hard[hard.len() - 2].as_str()), ("hard", "missed"));
    assert_eq!((easy[1].as_str(), easy[easy.len() - 2].as_str()), ("easy", "met"));
    assert!(end.contains("objectives of hard, variant base\n  ✗ missed t.latency.mean < 1ms: "), "{end}");
    assert!(!end.contains("objectives of easy"), "{end}");
    // Its rows say what the summaries of the scenarios say.
    let rows = table(&scratch.path().join("out"), "batch.csv");
    let named: Vec<(&str, &str)> = rows.iter().map(|row| (row["scenario"].as_str(), row["traffic"].as_str())).collect();
    assert_eq!(named, [("hard", "t"), ("easy", "t")]);
    for row in &rows {
        let summary = table(&scratch.path().join("out").join(&row["scenario"]), "summary.csv");
        let own = summary.iter().filter(|own| row.contains_key(&own["metric"]));
        let mut metrics = 0;
        for own in own {
            assert_eq!((&row[&own["metric"]], &row["replications"]), (&own["mean"], &"3".to_owned()));
            metrics += 1;
        }
        assert_eq!(metrics, 12);
    }
    // Markdown ends with the same table; all rows and all documents are one text anyway.
    let with = |format: &str| stdout(&output(scratch.path(), &["run", "c.yaml", "a.yaml", "-q", "--format", format]));
    assert!(with("markdown").contains("\n# 2 scenarios\n\n| scenario | variant | traffic |"));
    assert!(scratch.path().join("results/batch.csv").exists(), "where the directories of the scenarios are");
    assert_eq!(with("csv").matches("scenario,variant").count(), 1);
    let json: serde_json::Value = serde_json::from_str(&with("json")).expect("one document");
    assert_eq!(json.as_array().map(Vec::len), Some(2));
}

#[test]
fn what_cannot_be_run_is_named() {
    let scratch = scratch();
    scenarios(scratch.path());
    write(scratch.path(), "d.yaml", &queue("endless", 80, "t.latency.mean < 1s"));
    let batch = output(scratch.path(), &["run", "a.yaml", "d.yaml", "-q"]);
    assert_eq!(status(&batch), 2);
    assert_eq!(
        stderr(&batch),
        "error: endless: `warmup: auto` found no steady state in a pilot: lengthen `run.duration`, or give the warm-up \
         yourself\n"
    );
    let twice = output(scratch.path(), &["run", "a.yaml", "a.yaml"]);
    assert_eq!(
        stderr(&twice).replace('\\', "/"),
        "error: two scenarios are named `easy`, and both would write to results/easy; give one another `metadata.name`, \
         or run each with its own --output\n"
    );
}

#[test]
fn one_scenario_is_no_batch() {
    let scratch = scratch();
    scenarios(scratch.path());
    output(scratch.path(), &["run", "a.yaml", "-o", "out", "-q"]);
    assert!(scratch.path().join("out/run.json").exists() && !scratch.path().join("out/batch.csv").exists());
}

#[test]
fn a_directory_stands_for_the_scenarios_in_it() {
    let scratch = scratch();
    let directory = scratch.path().join("shop");
    fs::create_dir_all(directory.join("below")).expect("a directory");
    write(&directory, "z.yaml", &queue("last", 20, "t.latency.mean < 1s"));
    write(&directory, "a.yml", &queue("first", 20, "t.latency.mean < 1s"));
    write(&directory, "service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n");
    write(&directory, "notes.txt", "kind: Scenario");
    write(&directory.join("below"), "other.yaml", &queue("other", 20, "t.latency.mean < 1s"));
    let batch = output(scratch.path(), &["run", "shop", "-o", "out", "--replications", "2"]);
    assert_eq!(status(&batch), 0, "{}", stderr(&batch));
    let said = stderr(&batch).replace('\\', "/");
    assert_eq!(said, "results in out/first\nresults in out/last\nall scenarios in out/batch.csv\n");
    fs::create_dir(scratch.path().join("empty")).expect("a directory");
    let refused = output(scratch.path(), &["run", "empty"]);
    assert_eq!((stderr(&refused).as_str(), status(&refused)), ("error: no file in empty is a scenario\n", 2));
}
