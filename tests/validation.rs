//! A fast sample of the known results: every family of `scenarios/validation`, shortened by `validate --quick`.
//!
//! A quick run is a twentieth of the work and judged by standard errors alone: it finds what is wrong, not what is
//! slightly off. `validate` without `--quick` finds that.

mod support;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use support::{output, project, scratch, status, stderr, write};

/// Families of which only some cases are run: the others are limits for thousands of pods, which a run that is shortened
/// together with its warm-up does not reach.
const PARTS: [(&str, &[&str]); 1] = [(
    "power-of-d.yaml",
    &["pod2-n2-wr-rho0.8", "pod2-n3-wor-rho0.8", "pod2-n4-wor-rho0.9", "pod3-n4-wor-rho0.8", "sim-p2c-wr-n10-rho0.9"],
)];

/// Runs one family and returns its verdicts.
fn verdicts(file: &str) -> Vec<Value> {
    let path = format!("scenarios/validation/{file}");
    let mut arguments = vec!["validate", "--quick", "--json", "-", &path];
    for case in PARTS.iter().filter(|(part, _)| *part == file).flat_map(|(_, cases)| cases.iter()) {
        arguments.extend(["--case", case]);
    }
    let run = output(project(), &arguments);
    assert!(matches!(status(&run), 0 | 1), "{file}: {}", stderr(&run));
    serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn known_results_are_reproduced() {
    let entries = fs::read_dir(project().join("scenarios/validation")).expect("the validation cases");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut files: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    let (mut passed, mut wrong) = (BTreeMap::<String, u32>::new(), Vec::new());
    for file in &files {
        for line in verdicts(file) {
            match line["verdict"].as_str() {
                Some("pass") => *passed.entry(file.clone()).or_default() += 1,
                // A shortened run may lack the samples for a far quantile; then nothing is claimed.
                Some("imprecise") if line["mean"].is_null() => {}
                _ => wrong.push(line.to_string()),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for file in &files {
        assert!(passed.get(file).is_some_and(|passed| *passed >= 3), "{file}: nothing was compared");
    }
    assert!(passed.values().sum::<u32>() > 400, "{passed:?}");
}

/// A result that is a little wrong is found, also by a quick run.
#[test]
fn a_wrong_value_is_told_apart() {
    let text = fs::read_to_string(project().join("scenarios/validation/m-m-1.yaml")).expect("a family");
    let wrong = text.replace("{metric: t.latency.mean, value: 5s,", "{metric: t.latency.mean, value: 5.6s,");
    assert_ne!(wrong, text, "the case is written differently");
    let scratch = scratch();
    write(scratch.path(), "wrong.yaml", &wrong);
    let run = output(scratch.path(), &["validate", "--quick", "--json", "-", "wrong.yaml", "--case", "mm1-rho0.8"]);
    assert_eq!(status(&run), 1);
    let lines: Vec<Value> = serde_json::from_slice(&run.stdout).expect("JSON");
    let failed = lines.iter().filter(|line| line["verdict"] == "fail").map(|line| line["metric"].as_str());
    assert_eq!(failed.collect::<Vec<_>>(), [Some("t.latency.mean")]);
}

/// Measurements of real balancers: a sequence, latencies in a range, and a spread; with a wrong value they are told apart.
#[test]
fn real_balancers_are_reproduced_and_others_are_not() {
    let validate = |directory: &std::path::Path, case: &str| {
        let run = output(directory, &["validate", "--quick", "--json", "-", "scenarios/lab", "--case", case]);
        let lines: Vec<Value> = serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{case}: {error}"));
        let wrong = lines.iter().filter(|line| line["verdict"] != "pass").map(|line| line["metric"].to_string());
        (status(&run), lines.len(), wrong.collect::<Vec<_>>())
    };
    let cases =
        [("haproxy_rr_m70", 6), ("envoy_ringhash_stk40", 6), ("seq_envoy_rr_w511_r1", 1), ("nginx_random2_m70", 13)];
    for (case, quantities) in cases {
        assert_eq!(validate(project(), case), (0, quantities, Vec::new()), "{case}");
    }
    let scratch = scratch();
    let lab = project().join("scenarios/lab");
    for folder in ["traces", "picks"] {
        let there = scratch.path().join("scenarios/lab").join(folder);
        fs::create_dir_all(&there).expect("a folder");
        for file in fs::read_dir(lab.join(folder)).expect("the measurements") {
            let file = file.expect("an entry");
            fs::copy(file.path(), there.join(file.file_name())).expect("a copy");
        }
    }
    let text = fs::read_to_string(lab.join("nginx.yaml")).expect("a family");
    let wrong =
        text.replace("{policy: least-request, choices: 2}", "{policy: least-request, choices: 2, replacement: true}");
    assert_ne!(wrong, text, "the case is written differently");
    write(&scratch.path().join("scenarios/lab"), "nginx.yaml", &wrong);
    let (status, _, failed) = validate(scratch.path(), "nginx_random2_m70");
    assert_eq!((status, failed.contains(&"\"t.latency.mean\"".to_owned())), (1, true), "{failed:?}");
    // One turn too far: another sequence.
    let text = fs::read_to_string(lab.join("envoy.yaml")).expect("a family");
    write(&scratch.path().join("scenarios/lab"), "envoy.yaml", &text.replace("start: 2}", "start: 3}"));
    assert_eq!(validate(scratch.path(), "seq_envoy_rr_w511_r1").0, 1);
}
