//! The command as people and scripts meet it: exit statuses, messages, streams, interruptions.

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{RICH, count, output, scratch, status, stderr, stdout, table, windtunnel, write};

const SMALL: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: small}
spec:
  run: {requests: 500, replications: 2}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 4, serviceTime: 5ms}}
  traffic:
    - {name: t, to: http://web/, arrivals: {poisson: {rate: 100/s}}}
";

fn with_objective(objective: &str) -> String {
    format!("{SMALL}  objectives: [{objective}]\n")
}

#[test]
fn exit_status_zero_when_every_objective_is_met() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", &with_objective("t.latency.mean < 1s"));
    let run = output(scratch.path(), &["run", "small.yaml"]);
    assert_eq!(status(&run), 0, "{}", stderr(&run));
    assert!(stdout(&run).contains("✓ met t.latency.mean < 1s"), "{}", stdout(&run));
    // Results go to a directory named after the scenario, and that is said where nobody parses it.
    assert!(scratch.path().join("results/small/run.json").exists());
    assert_eq!(stderr(&run).replace('\\', "/"), "results in results/small\n");
}

#[test]
fn exit_status_one_when_an_objective_is_missed_or_undecided() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", &with_objective("t.latency.mean < 1ms"));
    let missed = output(scratch.path(), &["run", "small.yaml"]);
    assert_eq!(status(&missed), 1);
    assert!(stdout(&missed).contains("missed t.latency.mean < 1ms"), "{}", stdout(&missed));
    let undecided = output(scratch.path(), &["run", "small.yaml", "--replications", "1"]);
    assert_eq!(status(&undecided), 1);
    assert!(stdout(&undecided).contains("undecided t.latency.mean < 1ms"), "{}", stdout(&undecided));
    assert!(scratch.path().join("results/small/run.json").exists(), "a missed objective is a result");
}

#[test]
fn validate_exits_with_one_when_a_known_result_is_not_reproduced() {
    let scratch = scratch();
    let case = |value: &str| {
        format!(
            "{SMALL}  variants: [{{name: a, expect: [{{metric: t.service.mean, value: {value}, tolerance: 1%, by: tolerance}}]}}]\n"
        )
    };
    write(scratch.path(), "right.yaml", &case("5ms"));
    write(scratch.path(), "wrong.yaml", &case("6ms"));
    let right = output(scratch.path(), &["validate", "right.yaml", "--json", "-"]);
    assert_eq!(status(&right), 0, "{}", stderr(&right));
    let wrong = output(scratch.path(), &["validate", "wrong.yaml", "--json", "-"]);
    assert_eq!(status(&wrong), 1);
    let verdicts: serde_json::Value = serde_json::from_slice(&wrong.stdout).expect("JSON and nothing else");
    let keys: Vec<&str> = verdicts[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["case", "metric", "expected", "mean", "se", "replications", "verdict"]);
    assert_eq!((&verdicts[0]["case"], &verdicts[0]["verdict"]), (&"wrong.yaml#a".into(), &"fail".into()));
    assert_eq!(stderr(&wrong), "0 passed, 1 failed, 0 imprecise\n");
}

/// A mistake in `small.yaml`: what is replaced, by what, and the whole message.
const MISTAKES: [(&str, &str, &str); 13] = [
    (
        "concurrency: 4",
        "concurency: 4",
        "\
error: unknown key `concurency` in a `container`
 --> bad.yaml:9:26
  |
9 |       containers: {app: {concurency: 4, serviceTime: 5ms}}
  |                          ^^^^^^^^^^
  |
  = help: did you mean `concurrency`?
",
    ),
    (
        "serviceTime: 5ms",
        "serviceTime: 5",
        "\
error: `serviceTime`: `5` has no unit; expected a duration such as 20ms, 1.5s, 2m or 1h30m
 --> bad.yaml:9:55
  |
9 |       containers: {app: {concurrency: 4, serviceTime: 5}}
  |                                                       ^
",
    ),
    (
        "http://web/",
        "http://wbe/",
        "\
error: no Service `wbe` in namespace `default`
  --> bad.yaml:11:21
   |
11 |     - {name: t, to: http://wbe/, arrivals: {poisson: {rate: 100/s}}}
   |                     ^^^^^^^^^^^
   |
   = help: did you mean `http://web/`?
",
    ),
    (
        "requests: 500",
        "requests: 0",
        "\
error: `requests`: expected a whole number from 1 to 1000000000000, found 0
 --> bad.yaml:5:19
  |
5 |   run: {requests: 0, replications: 2}
  |                   ^
",
    ),
    (
        "rate: 100/s",
        "rate: 0/s",
        "\
error: `rate`: a rate must be above zero
  --> bad.yaml:11:61
   |
11 |     - {name: t, to: http://web/, arrivals: {poisson: {rate: 0/s}}}
   |                                                             ^^^
   |
   = help: write for example 800/s
",
    ),
    (
        "{poisson: {rate: 100/s}}",
        "{poison: {rate: 100/s}}",
        "\
error: unknown key `poison` in `arrivals`
  --> bad.yaml:11:45
   |
11 |     - {name: t, to: http://web/, arrivals: {poison: {rate: 100/s}}}
   |                                             ^^^^^^
   |
   = help: did you mean `poisson`?
",
    ),
    (
        "{poisson: {rate: 100/s}}",
        "{trace: {file: none.csv}}",
        "\
error: `file`: cannot read `none.csv`: No such file or directory (os error 2)
  --> bad.yaml:11:59
   |
11 |     - {name: t, to: http://web/, arrivals: {trace: {file: none.csv}}}
   |                                                           ^^^^^^^^
",
    ),
    (
        "port: 80",
        "port: 99999",
        "\
error: `port`: expected a whole number from 1 to 65535, found 99999
 --> bad.yaml:8:35
  |
8 |       inline: {replicas: 2, port: 99999}
  |                                   ^^^^^
",
    ),
    (
        "spec:\n",
        "spec:\n  cluster: {mesh: {}}\n",
        "\
error: not supported yet: mesh (A service mesh)
 --> bad.yaml:5:13
  |
5 |   cluster: {mesh: {}}
  |             ^^^^
",
    ),
    (
        "windtunnel/v1",
        "windtunnel/v2",
        "\
error: `apiVersion` can only be windtunnel/v1; found `windtunnel/v2`
 --> bad.yaml:1:13
  |
1 | apiVersion: windtunnel/v2
  |             ^^^^^^^^^^^^^
  |
  = help: did you mean `windtunnel/v1`?
",
    ),
    (
        "  traffic:\n",
        " traffic:\n",
        "\
error: not valid YAML: did not find expected key
  --> bad.yaml:10:2
   |
10 |  traffic:
   |  ^
   |
   = help: a map has lines `key: value`; check the colon and the indentation
",
    ),
    (
        "concurrency: 4",
        "concurrency: 4, concurrency: 5",
        "\
error: the key `concurrency` stands twice in this map
 --> bad.yaml:9:42
  |
9 |       containers: {app: {concurrency: 4, concurrency: 5, serviceTime: 5ms}}
  |                                          ^^^^^^^^^^^
  |
  = help: remove one of them; the first is in line 9
",
    ),
    (
        "small}",
        "a/b}",
        "\
error: `name`: a name cannot contain '/'
 --> bad.yaml:3:18
  |
3 | metadata: {name: a/b}
  |                  ^^^
  |
  = help: use letters, digits, `-` and `_`
",
    ),
];

#[test]
fn mistakes_in_a_scenario_are_shown_where_they_are() {
    let scratch = scratch();
    let mut wrong = String::new();
    for (from, to, message) in MISTAKES {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL, "{from}");
        write(scratch.path(), "bad.yaml", &text);
        for verb in ["check", "run"] {
            let refused = output(scratch.path(), &[verb, "bad.yaml"]);
            assert_eq!(status(&refused), 2, "{to}");
            assert_eq!(stdout(&refused), "", "{to}");
            if stderr(&refused) != message {
                wrong.push_str(&format!("--- {to}\n{}", stderr(&refused)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(!scratch.path().join("results").exists(), "a refused scenario leaves no directory");
}

#[test]
fn a_misspelt_kind_is_refused() {
    let scratch = scratch();
    write(scratch.path(), "bad.yaml", &SMALL.replace("kind: Scenario", "kind: Scenery"));
    let refused = output(scratch.path(), &["check", "bad.yaml"]);
    assert_eq!(status(&refused), 2, "{}", stdout(&refused));
    assert!(stderr(&refused).contains("bad.yaml:2:7"), "{}", stderr(&refused));
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let scratch = scratch();
    let text = SMALL.replace("5ms", "five").replace("100/s", "-1/s").replace("requests: 500", "requsts: 500");
    write(scratch.path(), "bad.yaml", &text);
    let refused = output(scratch.path(), &["check", "bad.yaml"]);
    for place in ["bad.yaml:5:9", "bad.yaml:9:55", "bad.yaml:11:61"] {
        assert!(stderr(&refused).contains(place), "{place} is missing in\n{}", stderr(&refused));
    }
    assert_eq!(stderr(&refused).matches("error: ").count(), 3, "{}", stderr(&refused));
}

/// Arguments and the whole first line of the answer.
#[test]
fn the_mistakes_of_all_scenarios_are_shown_before_any_runs() {
    let scratch = scratch();
    write(scratch.path(), "good.yaml", SMALL);
    write(scratch.path(), "one.yaml", &SMALL.replace("requests: 500", "requets: 500"));
    write(scratch.path(), "two.yaml", &SMALL.replace("port: 80", "prot: 80"));
    let run = output(scratch.path(), &["run", "good.yaml", "one.yaml", "two.yaml"]);
    assert_eq!(status(&run), 2);
    assert!(stderr(&run).contains("one.yaml:5:") && stderr(&run).contains("two.yaml:8:"), "{}", stderr(&run));
    assert!(!scratch.path().join("results").exists());
}

#[test]
fn bad_usage_is_answered_with_what_would_be_good() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", SMALL);
    let usage: [(&[&str], &str); 16] = [
        (&["frobnicate"], "error: unrecognized subcommand 'frobnicate'"),
        // Not built yet, so refused and not a stub.
        (&["size", "small.yaml"], "error: unrecognized subcommand 'size'"),
        (&["run"], "error: the following required arguments were not provided:"),
        (&["run", "none.yaml"], "error: cannot read `none.yaml`: No such file or directory (os error 2)"),
        (&["run", "small.yaml", "--sed", "1"], "error: unexpected argument '--sed' found"),
        (
            &["run", "small.yaml", "--set", "run.seed"],
            "error: invalid value 'run.seed' for '--set <PATH=VALUE>': expected PATH=VALUE, such as run.seed=2",
        ),
        (&["run", "small.yaml", "--set", "run.sede=2"], "error: unknown key `sede` in a `run`"),
        (&["run", "small.yaml", "--vary", "run.sede=1,2"], "error: unknown key `sede` in a `run`"),
        (
            &["run", "small.yaml", "--vary", "run.seed"],
            "error: invalid value 'run.seed' for '--vary <PATH=A,B,…>': expected PATH=VALUE,VALUE, such as run.seed=1,2",
        ),
        (
            &["run", "small.yaml", "--format", "xml"],
            "error: invalid value 'xml' for '--format <table|csv|json|markdown>'",
        ),
        (
            &["run", "small.yaml", "-j", "0"],
            "error: invalid value '0' for '--jobs <N>': expected a whole number of at least 1",
        ),
        (
            &["run", "small.yaml", "--duration", "5"],
            "error: invalid value '5' for '--duration <TIME>': `5` has no unit; expected a duration such as 20ms, 1.5s, 2m or \
             1h30m",
        ),
        (
            &["run", "small.yaml", "--requests", "some"],
            "error: invalid value 'some' for '--requests <N|all>': expected a number of requests, or `all`",
        ),
        (
            &["run", "small.yaml", "small.yaml", "-o", "both"],
            "error: two scenarios are named `small`, and both would write to both/small; give one another \
             `metadata.name`, or run each with its own --output",
        ),
        (
            &["validate", "small.yaml"],
            "error: small.yaml has no variant with `expect`, so there is nothing to validate",
        ),
        (&["list", "nothing"], "error: invalid value 'nothing' for '<WHAT>'"),
    ];
    for (arguments, message) in usage {
        let refused = output(scratch.path(), arguments);
        assert_eq!(status(&refused), 2, "{arguments:?}");
        assert_eq!(stderr(&refused).lines().next(), Some(message), "{arguments:?}");
        assert_eq!(stdout(&refused), "", "{arguments:?}");
    }
}

#[test]
fn help_fits_a_screen_and_shows_an_example() {
    let scratch = scratch();
    let help = |arguments: &[&str]| {
        let help = output(scratch.path(), arguments);
        assert_eq!((status(&help), stderr(&help).as_str()), (0, ""), "{arguments:?}");
        stdout(&help)
    };
    let all = help(&["--help"]);
    for verb in ["run", "compare", "sweep", "rollout", "explain", "check", "validate", "list", "schema", "completions"]
    {
        assert!(all.contains(&format!("\n  {verb} ")), "{verb} is not in\n{all}");
        let text = help(&[verb, "--help"]);
        assert!(text.lines().count() <= 50, "{verb}: {} lines", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("Example: windtunnel") || verb == "schema", "{text}");
    }
    assert!((24..=45).contains(&all.lines().count()), "{all}");
    assert!(all.contains("Example: windtunnel run "), "{all}");
    assert!(all.contains("Exit status:"), "{all}");
    for absent in ["size", "shard", "report"] {
        assert!(!all.contains(&format!("\n  {absent} ")), "{absent} is not built yet");
    }
    assert_eq!(help(&["--version"]), format!("windtunnel {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_format_says_the_same() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", SMALL);
    let run = |format: &str| {
        let run = output(scratch.path(), &["run", "small.yaml", "-o", "out", "-q", "--format", format]);
        assert_eq!((status(&run), stderr(&run).as_str()), (0, ""), "{format}");
        stdout(&run)
    };
    assert_eq!(run("csv"), fs::read_to_string(scratch.path().join("out/summary.csv")).expect("a file"));
    let rows = table(&scratch.path().join("out"), "summary.csv");
    let mean = rows.iter().find(|row| row["metric"] == "latency_mean_ms").expect("a row")["mean"].clone();
    let json: serde_json::Value = serde_json::from_str(&run("json")).expect("JSON and nothing else");
    let said = json["variants"][0]["traffic"][0]["metrics"]["latency_mean_ms"]["mean"].as_f64().expect("a number");
    support::assert_close("mean", mean.parse().expect("a number"), said);
    for format in ["table", "markdown"] {
        let text = run(format);
        // 500 requests, of which a tenth is warm-up; the others are shown with fewer digits.
        assert!(text.contains("offered") && text.contains("450"), "{format}:\n{text}");
        assert!(!text.contains('\u{1b}'), "colours belong on a terminal");
    }
    for what in ["policies", "distributions", "arrivals", "metrics"] {
        for format in ["table", "csv", "json", "markdown"] {
            let list = output(scratch.path(), &["list", what, "--format", format]);
            assert_eq!((status(&list), stderr(&list).as_str()), (0, ""), "{what} {format}");
            assert!(stdout(&list).lines().count() > 3, "{what} {format}");
        }
    }
    let schema = output(scratch.path(), &["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(schema["properties"]["spec"].is_object(), "the schema describes a scenario");
    let completions = output(scratch.path(), &["completions", "bash"]);
    assert!(stdout(&completions).contains("complete -F"), "{}", stdout(&completions));
}

#[test]
fn standard_input_is_a_scenario() {
    let scratch = scratch();
    for arguments in [&["check", "-"][..], &["run", "-", "-q"]] {
        let mut child = windtunnel(scratch.path(), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        child.stdin.take().expect("a pipe").write_all(SMALL.as_bytes()).expect("it reads");
        let done = child.wait_with_output().expect("it ends");
        assert_eq!(status(&done), 0, "{arguments:?}");
        assert!(stdout(&done).contains("small"), "{}", stdout(&done));
    }
    assert!(scratch.path().join("results/small/run.json").exists());
}

/// `windtunnel … | head -1`: nobody reads on, and that is no error.
/// Requests that are months apart would fill the disk with empty rows of the timeline.
#[test]
fn a_run_of_centuries_is_given_up() {
    let scratch = scratch();
    let far = SMALL.replace("rate: 100/s", "rate: 0.0000001/s");
    write(scratch.path(), "far.yaml", &far);
    let run = output(scratch.path(), &["run", "far.yaml", "--replications", "1"]);
    assert_eq!(status(&run), 2, "{}", stdout(&run));
    assert!(stderr(&run).contains("write a longer `run.interval`"), "{}", stderr(&run));
    assert!(!scratch.path().join("results/small/run.json").exists());
    let coarse = far.replace("replications: 2", "replications: 2, interval: 10000000s");
    write(scratch.path(), "far.yaml", &coarse);
    assert_eq!(status(&output(scratch.path(), &["run", "far.yaml"])), 0);
    // The clock itself ends after 146 years.
    let endless =
        coarse.replace("requests: 500", "requests: 2000").replace("serviceTime: 5ms", "serviceTime: 20000000s");
    write(scratch.path(), "far.yaml", &endless);
    let run = output(scratch.path(), &["run", "far.yaml"]);
    assert_eq!(status(&run), 2, "{}", stderr(&run));
    assert!(stderr(&run).contains("the clock ends at"), "{}", stderr(&run));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scratch = scratch();
    let mut child = windtunnel(scratch.path(), &["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), errors.as_str()), (Some(0), ""));
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let scratch = scratch();
    write(scratch.path(), "small.yaml", SMALL);
    fs::create_dir(scratch.path().join("mine")).expect("a directory");
    write(scratch.path(), "mine/notes.txt", "precious");
    let refused = output(scratch.path(), &["run", "small.yaml", "-o", "mine"]);
    assert_eq!(status(&refused), 2);
    assert_eq!(
        stderr(&refused),
        "error: mine is not a result directory (it holds `notes.txt`); write elsewhere with --output DIR, or add the result \
         files to it with --force\n"
    );
    assert_eq!(fs::read_dir(scratch.path().join("mine")).expect("a directory").count(), 1);
    // Results of another scenario are overwritten only when that is asked for; those of the same one always.
    let run = |more: &[&str]| {
        let mut arguments = vec!["run", "small.yaml", "-o", "out", "-q"];
        arguments.extend(more);
        output(scratch.path(), &arguments)
    };
    assert_eq!(status(&run(&[])), 0);
    assert_eq!(status(&run(&["--seed", "2"])), 0);
    write(scratch.path(), "small.yaml", &SMALL.replace("name: small", "name: other"));
    let refused = run(&[]);
    assert_eq!(status(&refused), 2);
    assert!(
        stderr(&refused).starts_with("error: out holds a result of another scenario, `small`;"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(status(&run(&["--force"])), 0);
    assert_eq!(table(&scratch.path().join("out"), "runs.csv")[0]["scenario"], "other");
}

/// Some seconds of work in hundreds of short replications.
fn long_run(directory: &Path, more: &[&str]) -> Child {
    write(directory, "long.yaml", &RICH.replace("requests: 12000", "requests: 30000"));
    let mut arguments = vec!["run", "long.yaml", "-o", "out", "--replications", "2000", "-j", "2"];
    arguments.extend(more);
    windtunnel(directory, &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started")
}

/// Waits until the run is under way: rows of a replication after the first have been written aside.
fn wait_for_rows(child: &mut Child, directory: &Path) {
    for _ in 0..3_000 {
        let rows = fs::read_dir(directory.join("out/rows.tmp")).into_iter().flatten();
        let names = rows.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        if names.filter(|name| !name.starts_with("timeline-0-0")).count() > 1 {
            return;
        }
        assert!(child.try_wait().expect("a child").is_none(), "the run was over before it could be stopped");
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the run did not begin within 30 s");
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("the command `kill`");
    assert!(sent.success());
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_keeps_what_is_finished() {
    let scratch = scratch();
    let mut child = long_run(scratch.path(), &[]);
    wait_for_rows(&mut child, scratch.path());
    send("-INT", &child);
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(status(&done), 130, "{}", stderr(&done));
    assert_eq!(stderr(&done), "\ninterrupted: writing what is finished (once more: stop at once)\nresults in out\n");
    assert!(
        stdout(&done).contains("\ninterrupted: what follows is over the replications that were finished\n"),
        "{}",
        stdout(&done)
    );
    let path = scratch.path().join("out");
    let run: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("run.json")).expect("run.json")).expect("JSON");
    assert_eq!(run["partial"], true);
    let finished = run["variants"][0]["finished"].as_u64().unwrap_or(0);
    assert!(finished < 2_000, "{run}");
    assert_eq!(run["files"].as_object().expect("an object").len(), 10, "whole files");
    let rows = table(&path, "runs.csv");
    let mine = rows.iter().filter(|row| row["variant"] == "base" && row["traffic"] == "browse");
    let replications: Vec<u64> = mine.map(|row| count(row, "replication")).collect();
    assert_eq!(replications, (0..finished).collect::<Vec<_>>(), "the first ones, without a gap");
    let left = fs::read_dir(&path).expect("a directory").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert!(left.into_iter().all(|name| !name.ends_with(".tmp")));
}

#[test]
#[cfg(unix)]
fn an_interrupted_explanation_says_that_there_is_none() {
    let scratch = scratch();
    write(scratch.path(), "long.yaml", &RICH.replace("requests: 12000", "requests: 30000"));
    let arguments = ["explain", "long.yaml", "--replications", "2000", "-j", "2", "--variant", "base"];
    let child = windtunnel(scratch.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the binary can be started");
    // Nothing shows from outside that it has begun; two thousand replications take many times as long.
    std::thread::sleep(Duration::from_secs(2));
    send("-INT", &child);
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(
        (stderr(&done).as_str(), stdout(&done).as_str(), status(&done)),
        (
            "\ninterrupted: stopping after what is under way (once more: stop at once)\n\
             interrupted before there was anything to explain\n",
            "",
            130
        )
    );
}

#[test]
#[cfg(unix)]
fn a_killed_run_leaves_no_half_written_file_and_the_next_one_works() {
    let scratch = scratch();
    let mut child = long_run(scratch.path(), &["--requests", "all"]);
    wait_for_rows(&mut child, scratch.path());
    send("-KILL", &child);
    assert_eq!(child.wait().expect("it ends").code(), None, "killed");
    let path = scratch.path().join("out");
    let names = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
    };
    // Only files that say themselves that they are not finished; above all no run.json, so this is no result.
    assert!(names(&path).iter().all(|name| name.ends_with(".tmp")), "{:?}", names(&path));
    write(scratch.path(), "small.yaml", SMALL);
    let next = output(scratch.path(), &["run", "small.yaml", "-o", "out", "-q"]);
    assert_eq!(status(&next), 0, "{}", stderr(&next));
    assert!(names(&path).iter().all(|name| !name.ends_with(".tmp")), "{:?}", names(&path));
    assert!(!path.join("requests.csv").exists(), "nothing of the killed run is left");
    support::assert_same_results(&path, &support::run_file(scratch.path(), "small.yaml", "fresh", &[]));
}

/// A result that is being replaced is no result until the new one is whole.
#[test]
#[cfg(unix)]
fn a_killed_run_takes_the_result_it_was_replacing_with_it() {
    let scratch = scratch();
    write(scratch.path(), "first.yaml", RICH);
    assert!(support::run_file(scratch.path(), "first.yaml", "out", &[]).join("run.json").exists());
    let mut child = long_run(scratch.path(), &[]);
    wait_for_rows(&mut child, scratch.path());
    send("-KILL", &child);
    child.wait().expect("it ends");
    assert!(!scratch.path().join("out/run.json").exists(), "old numbers would pass for new ones");
}
