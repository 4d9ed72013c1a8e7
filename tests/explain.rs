//! `windtunnel explain`: tails that add up, counterfactuals that agree with theory, stories that agree with the ledger.

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use support::{Row, output, project, scratch, status, stderr, stdout, write};
use windtunnel::model::plan::Plan;
use windtunnel::model::{RequestLog, simulate_and_tell};
use windtunnel::observe::outcome::NoSink;
use windtunnel::observe::story::What;
use windtunnel::scenario::{DiskFiles, Overrides, Window, load};

/// A scenario around one Deployment `web` and one traffic `t`.
struct Model {
    network: &'static str,
    replicas: u32,
    container: &'static str,
    extra: &'static str,
    rate: u32,
    flow: &'static str,
}

const MM1: Model = Model {
    network: "none",
    replicas: 1,
    container: "concurrency: 1, serviceTime: {exponential: {mean: 10ms}}, queue: {limit: unlimited}",
    extra: "",
    rate: 70,
    flow: "connections: {mode: perRequest}",
};

/// Slots for everybody: nobody waits.
const FREE: &str = "concurrency: unlimited, serviceTime: {exponential: {mean: 10ms}}";

const SLOW_NETWORK: &str = "{sameNode: {exponential: {mean: 5ms}}, sameZone: 0s, crossZone: 0s}";

impl Model {
    fn text(&self) -> String {
        let Self { network, replicas, container, extra, rate, flow } = self;
        format!(
            "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: model}}\nspec:\n  \
             run: {{requests: 20000, warmup: 10%, replications: 8, seed: 1}}\n  \
             cluster: {{network: {network}}}\n  workloads:\n    - target: deployment/web\n      \
             inline: {{replicas: {replicas}}}\n      containers: {{app: {{{container}}}}}\n{extra}  traffic:\n    \
             - {{name: t, to: \"http://web/\", arrivals: {{poisson: {{rate: {rate}/s}}}}, {flow}}}\n"
        )
    }
}

/// The document of `explain --format json` with further arguments.
fn document(directory: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["explain"];
    all.extend(arguments);
    all.extend(["--format", "json", "-q", "-j", "2"]);
    let output = output(directory, &all);
    assert_eq!(status(&output), 0, "{all:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("one JSON document")
}

/// Mean latency of M/M/1 in milliseconds.
fn sojourn(service: f64, arrival: f64) -> f64 {
    1e3 / (service - arrival)
}

/// The p99 in milliseconds of a time that is exponential with either rate in half of the cases.
fn percentile_of_halves(one: f64, other: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle: f64 = (low + high) / 2.0;
        let above = 0.5 * (-one * middle).exp() + 0.5 * (-other * middle).exp();
        if above > 0.01 { low = middle } else { high = middle }
    }
    low * 1e3
}

fn assert_covers(interval: &Value, truth: f64, what: &str) {
    let end = |name: &str| interval[name].as_f64().expect("an interval of several replications");
    assert!(end("ci95_low") <= truth && truth <= end("ci95_high"), "{what}: {truth} is not in {interval}");
}

/// What theory says of a model without one of its causes: how it is called, mean latency, p99 and change of the mean.
type Known = (&'static str, f64, Option<f64>, f64);

/// Each interval covers the truth for about 95 of 100 seeds (seen once over a hundred); these are for seed 1.
#[test]
fn counterfactuals_agree_with_theory() {
    let tail = 100_f64.ln();
    let gone = |before: f64| 10.0 - before;
    // One in ten fails and is tried again after a pause of 10 ms on average: 30 ms. One in a hundred fails twice.
    let retried = (0.9 * 10.0 + 0.09 * 30.0) / 0.99;
    let cases: [(&str, Model, &[Known]); 8] = [
        (
            "M/M/1",
            MM1,
            &[("no waiting for a slot at deployment/web", 10.0, Some(10.0 * tail), gone(sojourn(100.0, 70.0)))],
        ),
        (
            "M/M/1 with a network",
            Model { network: SLOW_NETWORK, rate: 50, ..MM1 },
            &[
                // There and back, and a round trip to connect.
                ("no waiting for a slot at deployment/web", 30.0, None, gone(sojourn(100.0, 50.0))),
                ("no network delay inside a node", 20.0, Some(20.0 * tail), -20.0),
                ("connections to web open in no time", 30.0, None, -10.0),
            ],
        ),
        (
            "names that DNS servers without a queue resolve",
            Model {
                container: FREE,
                network: "none, dns: {concurrency: 1000, serviceTime: {exponential: {mean: 4ms}}, \
                          resolver: {family: ipv4}}",
                ..MM1
            },
            &[("web resolves in no time", 10.0, Some(10.0 * tail), -4.0)],
        ),
        (
            "two pods, one of them hot",
            Model { replicas: 2, extra: "      pods: [{index: 1, speed: 0.6}]\n", rate: 100, ..MM1 },
            &[(
                "no waiting for a slot at web-1 (1 of 2 pods of deployment/web)",
                0.5 * sojourn(100.0, 50.0) + 0.5 * 1e3 / 60.0,
                // Both parts are exponential, a queue at 50 a second and a service at 60.
                Some(percentile_of_halves(50.0, 60.0)),
                0.5 * (1e3 / 60.0 - sojourn(60.0, 50.0)),
            )],
        ),
        (
            "retries",
            Model {
                container: "concurrency: unlimited, serviceTime: {exponential: {mean: 10ms}}, errorRatio: 10%",
                flow: "connections: {protocol: http2}, retries: {attempts: 2, on: [app_error], backoff: {base: 20ms, max: 20ms}}",
                ..MM1
            },
            &[("no retries of t", 10.0, Some(10.0 * tail), gone(retried))],
        ),
        (
            "a proxy",
            Model {
                container: FREE,
                extra: "  proxies: [{name: p, layer: 7, endpoints: service/web, balancer: {policy: random}, \
                        overhead: {before: {exponential: {mean: 4ms}}, after: {exponential: {mean: 2ms}}}}]\n",
                flow: "connections: {protocol: http2}, through: p",
                ..MM1
            },
            &[("no overhead in proxy/p", 10.0, Some(10.0 * tail), -6.0)],
        ),
        (
            "a pool of one connection",
            Model { container: FREE, flow: "connections: {maxPerClient: 1}, clients: {count: 1}", ..MM1 },
            &[("no limit of the connections of t", 10.0, Some(10.0 * tail), gone(sojourn(100.0, 70.0)))],
        ),
        (
            "M/M/1 with processor sharing",
            Model {
                container: "concurrency: 1, serviceTime: {exponential: {mean: 10ms}}, queue: {discipline: processor-sharing}",
                ..MM1
            },
            &[("a core for every request at deployment/web", 10.0, Some(10.0 * tail), gone(sojourn(100.0, 70.0)))],
        ),
    ];
    let directory = scratch();
    for (name, model, known) in cases {
        write(directory.path(), "model.yaml", &model.text());
        let document = document(directory.path(), &["model.yaml", "--causes", "5"]);
        let without = document["traffic"][0]["without"].as_array().expect("a list");
        for (what, mean, p99, change) in known {
            let found = without.iter().find(|own| own["what"] == *what);
            let found = found.unwrap_or_else(|| panic!("{name}: `{what}` is not among {without:#?}"));
            assert_covers(&found["mean_ms"]["mean"], *mean, &format!("{name}, {what}: mean"));
            assert_covers(&found["mean_ms"]["change"], *change, &format!("{name}, {what}: change of the mean"));
            if let Some(p99) = p99 {
                assert_covers(&found["quantile_ms"]["mean"], *p99, &format!("{name}, {what}: p99"));
            }
        }
    }
}

/// Every scenario file of the project.
fn scenario_files() -> Vec<PathBuf> {
    let list = |directory: PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).expect("a directory of the project");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let scenarios = project().join("scenarios");
    let mut files: Vec<PathBuf> =
        list(scenarios.clone()).into_iter().chain(list(scenarios.join("validation"))).collect();
    // Where everything that can happen to a request does.
    files.push(project().join("tests/support/hard.yaml"));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// Stories are checked against the ledger to the nanosecond, and steps against the clock, while they are told: one that
/// does not fit ends the run. So this tells many, of every scenario there is.
#[test]
fn stories_agree_with_the_ledger_and_change_nothing() {
    const TOLD: u64 = 120;
    let stop = AtomicBool::new(false);
    let (mut told, mut calls, mut retried, mut queued, mut cut) = (0, 0, 0, 0, 0);
    for file in scenario_files() {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let path = file.to_str().expect("UTF-8");
        let overrides = Overrides { requests: Some(1_500), replications: Some(1), ..Overrides::default() };
        // Where metrics are of a window on the clock, it cannot be counted in requests.
        let Ok(loaded) = load(path, &text, &DiskFiles::beside(path), &overrides) else { continue };
        for scenario in &loaded.variants {
            if !matches!(scenario.run.window, Window::Requests { .. }) {
                continue;
            }
            let plan = Plan::new(scenario);
            let wanted: Vec<(usize, u64)> = (0..scenario.traffic.len())
                .flat_map(|traffic| (0..TOLD).map(move |number| (traffic, 5 * number)))
                .chain((0..20).map(|user| (0, user << 32 | 3)))
                .collect();
            let run = |wanted: &[(usize, u64)]| {
                simulate_and_tell(&plan, (0, 0), RequestLog::None, wanted, &mut NoSink, &stop)
                    .unwrap_or_else(|error| panic!("{path}#{}: {error:?}", scenario.variant))
            };
            let (plain, mut watched) = (run(&[]), run(&wanted));
            for (_, story) in std::mem::take(&mut watched.stories) {
                told += 1;
                retried += usize::from(story.tries.len() > 1);
                let steps = || story.tries.iter().flat_map(|attempt| &attempt.steps);
                calls += steps().filter(|step| matches!(&step.what, What::Calls { .. })).count();
                cut += steps().filter(|step| matches!(&step.what, What::Cut { .. })).count();
                queued +=
                    steps().filter(|step| matches!(&step.what, What::Queue { .. }) && step.to > step.from).count();
            }
            assert_eq!(format!("{plain:?}"), format!("{watched:?}"), "{path}#{}", scenario.variant);
        }
    }
    println!("{told} stories: {calls} groups of calls, {retried} with retries, {queued} waits, {cut} cut short");
    assert!(told > 10_000 && calls > 100 && retried > 100 && queued > 1_000 && cut > 100);
}

const HARD: &str = include_str!("support/hard.yaml");

/// A member of an object as a whole number.
fn whole(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("`{name}` of {value} is no whole number"))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("`{name}` of {value} is no list"))
}

/// A printed number of milliseconds in millionths, exactly.
fn printed(cell: &str) -> i64 {
    let (sign, digits) = cell.strip_prefix('-').map_or((1, cell), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    sign * format!("{whole}{fraction:0<6}").parse::<i64>().expect("digits")
}

/// The cells of the table of causes.
fn table_of_causes(text: &str) -> Vec<Vec<String>> {
    let rows =
        text.lines().skip_while(|line| !line.starts_with("│ cause")).skip(2).take_while(|line| line.starts_with('│'));
    // Cells are parted by at least two blanks or stand in a place of their own.
    let columns = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('│').split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    };
    rows.map(columns).collect()
}

#[test]
fn the_tail_adds_up_in_print_and_to_the_nanosecond() {
    let directory = scratch();
    write(directory.path(), "hard.yaml", HARD);
    for traffic in ["browse", "direct", "own"] {
        let arguments = ["hard.yaml", "--traffic", traffic, "--slowest", "0", "--causes", "0", "--quantile", "0.9"];
        let document = document(directory.path(), &arguments);
        let tail = &document["traffic"][0]["tail"];
        let causes = list(tail, "causes");
        for part in ["tail_ns", "median_ns"] {
            let sum: u64 = causes.iter().map(|cause| whole(&cause["spent"], part)).sum();
            assert_eq!(sum, whole(&tail["spent"], part), "{traffic}: {part}");
            for cause in causes.iter().filter(|cause| !list(cause, "pods").is_empty()) {
                let pods: u64 = list(cause, "pods").iter().map(|pod| whole(&pod["spent"], part)).sum();
                assert_eq!(pods, whole(&cause["spent"], part), "{traffic}: {part} of {cause:#}");
            }
        }
        assert!(causes.iter().any(|cause| list(cause, "pods").len() > 1), "{traffic}: some cause has pods");
        let mean = whole(&tail["spent"], "tail_ns") as f64 / whole(tail, "requests") as f64;
        let usual = whole(&tail["spent"], "median_ns") as f64 / whole(tail, "median_requests") as f64;
        let difference = tail["spent"]["difference_ms"].as_f64().expect("a number");
        assert!((difference * 1e6 - (mean - usual)).abs() < 1.0, "{traffic}");

        let text = ["explain"].into_iter().chain(arguments).chain(["-q"]).collect::<Vec<_>>();
        let text = stdout(&output(directory.path(), &text));
        let rows = table_of_causes(&text);
        let (sum, parts) = rows.split_last().expect("a table");
        assert_eq!(sum[0], "sum");
        assert!(parts.len() > 3, "{text}");
        // From the right: share, difference, median, tail.
        for column in 2..=4 {
            let cell = |row: &Vec<String>| printed(&row[row.len() - column]);
            assert_eq!(parts.iter().map(cell).sum::<i64>(), cell(sum), "column {column} of\n{text}");
        }
        for row in &rows {
            let cell = |column: usize| printed(&row[row.len() - column]);
            assert_eq!(cell(4) - cell(3), cell(2), "{row:?}");
        }
        let percent =
            |row: &Vec<String>| row.last().expect("a share").trim_end_matches(" %").parse::<i64>().expect("a share");
        assert_eq!(parts.iter().map(percent).sum::<i64>(), 100, "{text}");
    }
}

/// The steps of a story, one after the other without gap; their time by cause is the story's ledger.
fn assert_steps_follow(story: &Value) {
    let mut clock = whole(story, "from_ns");
    for attempt in list(story, "tries") {
        assert_eq!(whole(attempt, "from_ns"), clock);
        for step in list(attempt, "steps") {
            assert_eq!(whole(step, "from_ns"), clock, "{step:#}");
            clock = whole(step, "to_ns");
        }
        assert_eq!(whole(attempt, "to_ns"), clock);
        clock += attempt["back_off_ns"].as_u64().unwrap_or(0);
    }
    assert_eq!(clock - whole(story, "from_ns"), whole(story, "latency_ns"));
    let sum: u64 = list(story, "ledger").iter().map(|entry| whole(entry, "ns")).sum();
    assert_eq!(sum, whole(story, "latency_ns"));
}

#[test]
fn the_slowest_requests_are_those_of_the_log_and_any_request_can_be_told() {
    let directory = scratch();
    let result = support::results(directory.path(), HARD, "out", &["--requests", "all"]);
    let document = document(
        directory.path(),
        &["out", "--traffic", "browse", "--causes", "0", "--slowest", "5", "--quantile", "0.9"],
    );
    let rows = support::table(&result, "requests.csv");
    let of_traffic =
        |row: &&Row| row["variant"] == "base" && row["traffic"] == "browse" && row["outcome"] == "succeeded";
    let mut logged: Vec<&Row> = rows.iter().filter(of_traffic).collect();
    logged.sort_by_key(|row| std::cmp::Reverse(printed(&row["latency_ms"])));
    let stories = list(&document["traffic"][0], "slowest");
    assert_eq!(stories.len(), 5);
    for (story, row) in stories.iter().zip(&logged) {
        let (replication, request) = (&row["replication"], &row["request"]);
        assert_eq!(whole(story, "request").to_string(), *request);
        assert_eq!(story["replication"].to_string(), *replication);
        assert_eq!(whole(story, "latency_ns") as i64, printed(&row["latency_ms"]));
        for cause in ["queue_wait", "service", "proxy", "wasted_attempts", "back_off", "pool_wait", "network_same_zone"]
        {
            let entries = list(story, "ledger").iter().filter(|entry| entry["cause"] == cause);
            let sum: u64 = entries.map(|entry| whole(entry, "ns")).sum();
            assert_eq!(sum as i64, printed(&row[&format!("{cause}_ms")]), "{cause} of request {request}");
        }
        assert_steps_follow(story);
        let alone = ["out", "--traffic", "browse", "--request", request, "--replication", replication];
        assert_eq!(self::document(directory.path(), &alone), *story);
    }
    // One that failed, and one of the warm-up: of each there is a story as well.
    let failed = rows.iter().find(|row| row["traffic"] == "browse" && row["outcome"] == "deadline_exceeded");
    let failed = failed.expect("some give up");
    let arguments = ["out", "--variant", &failed["variant"], "--traffic", "browse", "--request", &failed["request"]];
    let story =
        self::document(directory.path(), &[&arguments[..], &["--replication", &failed["replication"]]].concat());
    assert_eq!(story["failure"]["cause"], "deadline_exceeded");
    assert_steps_follow(&story);
    let first = self::document(directory.path(), &["out", "--traffic", "browse", "--request", "0"]);
    assert_eq!((whole(&first, "request"), &first["measured"]), (0, &Value::Bool(false)));
}

/// M/M/1 with a full view of the queue: what a story says at the pick comes true.
#[test]
fn a_story_foretells_the_wait() {
    let directory = scratch();
    write(directory.path(), "model.yaml", &Model { replicas: 3, rate: 230, ..MM1 }.text());
    let document = document(directory.path(), &["model.yaml", "--causes", "0", "--slowest", "40"]);
    let (mut regrets, mut waits) = (0, 0);
    for story in list(&document["traffic"][0], "slowest") {
        let steps = list(&list(story, "tries")[0], "steps");
        let pick = &steps.iter().find(|step| step["what"] == "pick").expect("kube-proxy chooses")["pick"];
        assert!(pick["by"].as_str().is_some_and(|by| by.starts_with("kube-proxy on node-")));
        assert_eq!(whole(pick, "endpoints"), 3);
        let options = list(pick, "chosen_then_best");
        // No network: done is when the reply is there, because nobody who comes later is served before.
        assert_eq!(whole(&options[0], "done_in_ns"), whole(story, "latency_ns"));
        let best = options.iter().map(|option| whole(option, "done_in_ns")).min().expect("options");
        assert_eq!(whole(pick, "regret_ns"), whole(&options[0], "done_in_ns") - best);
        regrets += usize::from(whole(pick, "regret_ns") > 0);
        waits += usize::from(whole(&options[0], "jobs") > 1);
    }
    assert!(regrets > 20 && waits > 30, "{regrets} regrets, {waits} waits");
}

#[test]
fn a_result_is_explained_as_its_scenario_is_and_only_if_it_is_whole() {
    let directory = scratch();
    write(directory.path(), "hard.yaml", HARD);
    let arguments =
        ["--traffic", "own", "--variant", "propagated", "--quantile", "0.9", "--replications", "3", "--seed", "5"];
    let result = support::run_file(directory.path(), "hard.yaml", "out", &["--replications", "3", "--seed", "5"]);
    let of_file = document(directory.path(), &[&["hard.yaml"][..], &arguments].concat());
    let of_result = document(directory.path(), &[&["out"][..], &arguments[..6]].concat());
    assert_eq!(of_file, of_result);
    let mean = of_file["traffic"][0]["mean_ms"]["mean"].as_f64().expect("a number");
    let summary = support::table(&result, "summary.csv");
    let row = summary
        .iter()
        .find(|row| row["variant"] == "propagated" && row["traffic"] == "own" && row["metric"] == "latency_mean_ms");
    let known: f64 = row.expect("a row")["mean"].parse().expect("a number");
    assert!((mean / known - 1.0).abs() < 1e-8, "{mean} is not {known}");

    let refused = |arguments: &[&str], words: &[&str]| {
        let output = output(directory.path(), &[&["explain"][..], arguments].concat());
        assert_eq!((status(&output), stdout(&output).as_str()), (2, ""), "{arguments:?}");
        for word in words {
            assert!(stderr(&output).contains(word), "{arguments:?}: {}", stderr(&output));
        }
    };
    refused(&["out", "--traffic", "brose"], &["no traffic of hard is called `brose`; did you mean `browse`?"]);
    refused(
        &["out", "--variant", "propagate"],
        &["no variant of hard is called `propagate`; did you mean `propagated`?"],
    );
    refused(&["out", "--quantile", "0.95"], &["expected 0.9, 0.99 or 0.999"]);
    refused(&["out", "--format", "csv"], &["invalid value 'csv'"]);
    refused(
        &["out", "--request", "7"],
        &["requests are numbered in each traffic: add --traffic, one of browse, direct"],
    );
    refused(
        &["out", "--traffic", "own", "--request", "999999"],
        &["replication 0 of traffic own has no request 999999"],
    );
    refused(&["out", "--replication", "3"], &["there is no replication 3: there are 3, numbered from 0"]);
    refused(
        &["out", "--traffic", "own", "--quantile", "0.999"],
        &["the slowest 0.1 % of own cannot be told", "takes 10000"],
    );
    let text = std::fs::read_to_string(result.join("run.json")).expect("run.json");
    write(&result, "run.json", &text.replace("\"partial\": false", "\"partial\": true"));
    refused(&["out"], &["the run in out was interrupted", "name out/scenario.yaml instead"]);
    write(&result, "run.json", &text);
    let scenario = std::fs::read_to_string(result.join("scenario.yaml")).expect("scenario.yaml");
    write(&result, "scenario.yaml", &scenario.replace("12ms", "13ms"));
    refused(&["out"], &["out/scenario.yaml was changed after the run", "SHA-256"]);
    std::fs::remove_file(result.join("run.json")).expect("it can be removed");
    refused(&["out"], &["out has no run.json, so it is not the result of a run"]);
}

#[test]
fn markdown_has_the_tables_and_the_stories() {
    let directory = scratch();
    write(directory.path(), "model.yaml", &MM1.text());
    let output = output(directory.path(), &["explain", "model.yaml", "--slowest", "1", "--format", "markdown", "-q"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("| queue_wait | deployment/web |"), "{text}");
    assert!(text.contains("| no waiting for a slot at deployment/web | p99 |"), "{text}");
    assert!(text.contains("```text\nrequest ") && text.contains("Adds up:"), "{text}");
}

/// The example of the documentation is what the command prints.
#[test]
fn the_documented_output_is_real() {
    let text = std::fs::read_to_string(project().join("docs/explain.md")).expect("the documentation");
    let (_, rest) = text.split_once("<!-- explain output -->\n```text\n").expect("the example begins");
    let (shown, _) = rest.split_once("```\n<!-- end of explain output -->").expect("the example ends");
    let arguments = ["explain", "scenarios/quickstart.yaml", "--slowest", "1", "-q", "-j", "2"];
    let output = output(project(), &arguments);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    for (number, (left, right)) in shown.lines().zip(stdout(&output).lines()).enumerate() {
        assert_eq!(left, right, "line {}", number + 1);
    }
    assert_eq!(shown.lines().count(), stdout(&output).lines().count());
}

/// The text of the story of a request, in one line.
fn told(scenario: &str, arguments: &[&str]) -> String {
    let directory = scratch();
    write(directory.path(), "s.yaml", scenario);
    let run = output(directory.path(), &[&["explain", "s.yaml"], arguments].concat());
    assert_eq!(status(&run), 0, "{arguments:?}: {}", stderr(&run));
    stdout(&run).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let found = rest.find(part).unwrap_or_else(|| panic!("{part}\nis not in its place in\n{text}"));
        rest = &rest[found + part.len()..];
    }
}

/// Hops of 0.5 ms, no work at the servers, 10 ms outside: each name that is not there costs 1 ms, outside 11 ms.
#[test]
fn a_lookup_tells_the_names_in_the_order_asked() {
    let scenario = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  \
         run: {requests: 5, warmup: 0%, replications: 1, drain: 1000s}\n  cluster:\n    \
         nodes: [{name: a}, {name: b}]\n    network: {sameNode: 500us, sameZone: 500us}\n    \
         dns: {replicas: 2, serviceTime: 0s, upstream: 10ms, hostSearch: [corp.example], external: [{name: \
         api.example.com, to: service/web, ttl: 60s}]}\n  workloads:\n    \
         - {target: deployment/web, inline: {replicas: 1}, containers: {app: {serviceTime: 3ms}}}\n    \
         - {target: deployment/c, inline: {replicas: 1}, containers: {app: {serviceTime: 3ms}}}\n  traffic:\n    \
         - {name: ext, from: deployment/c, to: \"http://api.example.com/\", connections: {mode: perRequest}, \
         arrivals: {constant: {rate: 1/min}}}\n  variants:\n    - {name: base}\n    \
         - {name: loss, set: {cluster.dns.loss: 100%}}\n    - {name: race, set: {cluster.dns.race: 1}}\n    \
         - {name: cache, set: {cluster.dns.nodeLocal: true}}\n";
    let base = told(scenario, &["--request", "0"]);
    in_order(
        &base,
        &[
            "0.000 25.000 resolves api.example.com: 10 queries → 10.96.",
            "0.000 1.000 asks coredns-",
            " for api.example.com.default.svc.cluster.local: A and AAAA NXDOMAIN 1.000 1.000 asks coredns-",
            " for api.example.com.svc.cluster.local: A and AAAA NXDOMAIN 2.000 1.000 asks coredns-",
            " for api.example.com.cluster.local: A and AAAA NXDOMAIN 3.000 11.000 asks coredns-",
            " for api.example.com.corp.example: A and AAAA NXDOMAIN 14.000 11.000 asks coredns-",
            " for api.example.com: A found, AAAA no data 25.000 kube-proxy",
        ],
    );
    let lost = told(scenario, &["--request", "0", "--variant", "loss"]);
    in_order(
        &lost,
        &[
            ": no address 0.000 5000.000 asks for api.example.com.default.svc.cluster.local: A and AAAA lost",
            "5000.000 5000.000 asks for api.example.com.default.svc.cluster.local: A and AAAA lost",
            "10000.000 5000.000 asks for api.example.com: A and AAAA lost",
        ],
    );
    let race = ": A NXDOMAIN, AAAA lost in the race of two queries from one port";
    let races: Vec<String> =
        ["0", "1", "2", "3"].map(|own| told(scenario, &["--request", own, "--variant", "race"])).into();
    let lost = races.iter().find(|text| text.contains(race)).expect("half of the races are lost");
    in_order(lost, &["5000.000 asks coredns-", race, " A NXDOMAIN", " AAAA NXDOMAIN"]);
    in_order(&told(scenario, &["--request", "0", "--variant", "cache"]), &["asks the cache of its node for api"]);
}

/// Three of four pods go at 5 s; until kube-proxy hears of it, at 15 s, flows lead there, and nobody answers.
#[test]
fn a_pod_that_is_gone_is_told_as_such() {
    let scenario = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  \
         run: {duration: 20s, warmup: 0%, replications: 1}\n  cluster: {nodes: [{name: a}], kernel: {version: \
         \"6.8\"}, pods: {stop: 1s}, propagation: {kubeProxy: 9s}}\n  workloads:\n    \
         - {target: deployment/web, inline: {replicas: 4}, containers: {app: {serviceTime: 5ms, concurrency: 100}}}\n    \
         - {target: deployment/c, inline: {replicas: 40}, containers: {app: {serviceTime: 5ms}}}\n  traffic:\n    \
         - {name: udp, from: deployment/c, to: \"http://web/\", connections: {protocol: udp}, arrivals: {poisson: \
         {rate: 100/s}}, timeout: 2s}\n  timeline:\n    - {at: 5s, scale: deployment/web, replicas: 1}\n";
    let directory = scratch();
    let result = support::results(directory.path(), scenario, "out", &["--requests", "all"]);
    let rows = support::table(&result, "requests.csv");
    let late = |row: &&Row| row["outcome"] == "deadline_exceeded" && row["arrived_s"].parse::<f64>().unwrap() > 10.0;
    let row = rows.iter().find(late).expect("what goes to pods that are gone is not answered");
    let pod = row["pod"].as_str();
    assert_ne!(pod, "web-0");
    let text = told(scenario, &["--request", &row["request"]]);
    in_order(&text, &[&format!(" chose {pod} for it at "), ": that pod is gone", &format!("[{pod}] gone")]);
    assert!(!text.contains("done in 0 ms") && !text.contains("the only pod"), "{text}");
}
