//! What mistakes on the command line are answered with: each text whole.

mod support;

use std::fs;

use support::{output, scratch, status, stderr, write};

const SMALL: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: small}
spec:
  run: {requests: 200, replications: 2}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 4, serviceTime: 5ms}}
  traffic:
    - {name: t, to: http://web/, arrivals: {poisson: {rate: 100/s}}}
";

/// What is said of a value that does not fit its option.
fn invalid(value: &str, option: &str, why: &str) -> String {
    format!("error: invalid value '{value}' for '{option}': {why}\n\nFor more information, try '--help'.\n")
}

/// What is said of a path or metric, with its place.
fn placed(message: &str, flag: &str, text: &str, help: &str) -> String {
    let help = if help.is_empty() { String::new() } else { format!("  |\n  = help: {help}\n") };
    format!("error: {message}\n --> {flag}:1:1\n  |\n1 | {text}\n  | {}\n{help}", "^".repeat(text.len()))
}

#[test]
fn every_wrong_option_is_answered_with_what_would_be_right() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", SMALL);
    write(scratch.path(), "file", "mine");
    let duration = "expected a duration such as 20ms, 1.5s, 2m or 1h30m";
    let seed = "expected a whole number from 0 to 18446744073709551615";
    let replications = "expected a whole number from 1 to 4294967295";
    let jobs = "expected a whole number of at least 1";
    let requests = "expected a number of requests, or `all`";
    let cases: Vec<(&[&str], String)> = vec![
        (&["run", "small.yaml", "--seed", "-1"], invalid("-1", "--seed <N>", seed)),
        (&["run", "small.yaml", "--seed", "one"], invalid("one", "--seed <N>", seed)),
        (&["validate", "small.yaml", "--seed", "1.5"], invalid("1.5", "--seed <N>", seed)),
        (&["run", "small.yaml", "--replications", "0"], invalid("0", "--replications <N>", replications)),
        (&["run", "small.yaml", "--replications", "-3"], invalid("-3", "--replications <N>", replications)),
        (
            &["run", "small.yaml", "--duration", "5"],
            invalid("5", "--duration <TIME>", &format!("`5` has no unit; {duration}")),
        ),
        (
            &["run", "small.yaml", "--duration", "-5s"],
            invalid("-5s", "--duration <TIME>", &format!("a duration cannot be negative: `-5s`; {duration}")),
        ),
        (&["run", "small.yaml", "-j", "0"], invalid("0", "--jobs <N>", jobs)),
        (&["run", "small.yaml", "-j", "-2"], invalid("-2", "--jobs <N>", jobs)),
        (&["run", "small.yaml", "--requests", "-3"], invalid("-3", "--requests <N|all>", requests)),
        (&["run", "small.yaml", "--requests", "some"], invalid("some", "--requests <N|all>", requests)),
        (
            &["run", "small.yaml", "--set", "run.seed"],
            invalid("run.seed", "--set <PATH=VALUE>", "expected PATH=VALUE, such as run.seed=2"),
        ),
        (
            &["run", "small.yaml", "--vary", "=1,2"],
            invalid("=1,2", "--vary <PATH=A,B,…>", "expected PATH=VALUE,VALUE, such as run.seed=1,2"),
        ),
        (
            &["run", "small.yaml", "--set", "traffic.t.timeout=1s"],
            placed(
                "`traffic` is a list, so there is no key `t`",
                "--set",
                "traffic.t.timeout",
                "an item of a list stands in brackets: write traffic[t]",
            ),
        ),
        (
            &["run", "small.yaml", "--set", "traffic[u].timeout=1s"],
            placed("`traffic` has no item [u]", "--set", "traffic[u].timeout", "its items are t"),
        ),
        (
            &["run", "small.yaml", "--set", "run.interval=abc"],
            placed(&format!("`interval`: cannot read `abc`; {duration}"), "--set", "abc", ""),
        ),
        (
            &["compare", "small.yaml"],
            "error: small has one variant, `base`, so there is nothing to compare; add `variants`, or vary a value: \
             --vary 'PATH=A,B'\n"
                .to_owned(),
        ),
        (
            &["compare", "small.yaml", "--vary", "run.seed=1,2"],
            "error: `seed=2` and `seed=1` differ in the seed or the window of `run`, so they do not face the same \
             requests and cannot be compared; `run` simulates them all the same\n"
                .to_owned(),
        ),
        (
            &["compare", "small.yaml", "--vary", "run.interval=1s,2s", "--baseline", "interval"],
            "error: no variant of small is called `interval`; did you mean `interval=1s`?\n".to_owned(),
        ),
        (
            &["compare", "small.yaml", "--vary", "run.interval=1s,2s", "--metric", "goodput"],
            "error: no column of runs.csv with numbers is called `goodput`; there are offered, succeeded, failed, \
             in_flight, censored, retries, throughput_rps, goodput_rps, error_ratio, latency_mean_ms, latency_p50_ms, \
             latency_p90_ms, latency_p95_ms, latency_p99_ms, latency_p999_ms, latency_max_ms\n"
                .to_owned(),
        ),
        (
            &["compare", "small.yaml", "--vary", "run.interval=1s,2s", "--baseline", "x"],
            "error: no variant of small is called `x`; there are interval=1s, interval=2s\n".to_owned(),
        ),
        (
            &["sweep", "small.yaml", "--vary", "run.interval=1s,1s"],
            placed("two variants are called `interval=1s`", "--vary", "run.interval", ""),
        ),
        (
            &["run", "small.yaml", "-o", "file"],
            "error: file is a file; results go to a directory: name one with --output DIR\n".to_owned(),
        ),
        (
            &["validate", "small.yaml"],
            "error: small.yaml has no variant with `expect`, so there is nothing to validate\n".to_owned(),
        ),
        (
            &["list", "polices"],
            "error: invalid value 'polices' for '<WHAT>'\n  [possible values: policies, distributions, arrivals, \
             metrics, faults]\n\n  tip: a similar value exists: 'policies'\n\nFor more information, try '--help'.\n"
                .to_owned(),
        ),
    ];
    for (arguments, message) in cases {
        let refused = output(scratch.path(), arguments);
        assert_eq!((stderr(&refused), status(&refused)), (message, 2), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(scratch.path().join("file")).expect("a file"), "mine");
    assert!(!scratch.path().join("results").exists(), "nothing was begun");
}

#[test]
fn directories_that_are_not_ours_are_refused() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", SMALL);
    write(scratch.path(), "other.yaml", &SMALL.replace("name: small", "name: other"));
    fs::create_dir(scratch.path().join("mine")).expect("a directory");
    write(scratch.path(), "mine/notes.txt", "mine");
    let foreign = output(scratch.path(), &["run", "small.yaml", "-o", "mine"]);
    assert_eq!(
        (stderr(&foreign).as_str(), status(&foreign)),
        (
            "error: mine is not a result directory (it holds `notes.txt`); write elsewhere with --output DIR, or add \
             the result files to it with --force\n",
            2
        )
    );
    assert_eq!(status(&output(scratch.path(), &["run", "small.yaml", "-o", "out", "-q"])), 0);
    let other = output(scratch.path(), &["run", "other.yaml", "-o", "out"]);
    assert_eq!(
        (stderr(&other).as_str(), status(&other)),
        (
            "error: out holds a result of another scenario, `small`; write elsewhere with --output DIR, or replace it \
             with --force\n",
            2
        )
    );
}
