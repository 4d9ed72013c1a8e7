//! `windtunnel sweep`: `sweep.csv` against the files it stands beside, order and jobs, which point is best, messages.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{Row, assert_same_results, number, output, scratch, stable_files, status, stderr, stdout, table, write};

/// Two traffics and a call; the costs of the points differ by a factor of a hundred.
const GRID: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: grid, annotations: {question: How many pods?}}
spec:
  run: {duration: 12s, warmup: 2s, replications: 4, seed: 3}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 2, queue: {limit: 20}, steps: [{work: {exponential: {mean: 5ms}}}, {call: \"http://db/\", name: query}]}}
    - target: deployment/db
      inline: {replicas: 1, port: 80}
      containers: {app: {concurrency: 64, serviceTime: {exponential: {mean: 2ms}}}}
  proxies: [{name: edge, endpoints: service/web, balancer: {policy: least-request}}]
  traffic:
    - {name: browse, to: http://web/, through: edge, arrivals: {poisson: {rate: 100/s}}}
    - {name: api, to: http://web/, through: edge, arrivals: {poisson: {rate: 10/s}}}
  objectives: [browse.latency.p90 < 50ms]
";

const REPLICAS: &str = "workloads[deployment/web].inline.replicas=1,2,4";
const RATES: &str = "traffic[browse].arrivals.poisson.rate=10/s,1000/s,100/s";
const SIX: [&str; 4] = ["--vary", REPLICAS, "--vary", RATES];

fn sweep(directory: &Path, into: &str, more: &[&str]) -> (PathBuf, String) {
    write(directory, "grid.yaml", GRID);
    let mut arguments = vec!["sweep", "grid.yaml", "-o", into, "-q"];
    arguments.extend(more);
    let done = output(directory, &arguments);
    assert!(matches!(status(&done), 0 | 1), "{arguments:?}: {}", stderr(&done));
    (directory.join(into), stdout(&done))
}

/// A text without line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_row_says_where_its_point_stands_and_what_the_summary_says() {
    let scratch = scratch();
    let named = "browse.queueWait.mean,deployment/web.utilization,call/query.latency.mean";
    let more: Vec<&str> = SIX.into_iter().chain(["--metric", named]).collect();
    let (directory, _) = sweep(scratch.path(), "out", &more);
    let (rows, summary) = (table(&directory, "sweep.csv"), table(&directory, "summary.csv"));
    // Nine points, each with two traffics and a call, the last axis changing fastest.
    let places: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["workloads[deployment/web].inline.replicas"].as_str(),
                row["traffic[browse].arrivals.poisson.rate"].as_str(),
                row["traffic"].as_str(),
            )
        })
        .collect();
    let mut expected = Vec::new();
    for replicas in ["1", "2", "4"] {
        for rate in ["10/s", "1000/s", "100/s"] {
            expected.extend(["browse", "api", "call/query"].map(|traffic| (replicas, rate, traffic)));
        }
    }
    assert_eq!(places, expected);
    let mut cells = 0;
    for row in &rows {
        let rate = &row["traffic[browse].arrivals.poisson.rate"];
        assert_eq!(format!("{}/s", row["traffic[browse].arrivals.poisson.rate_per_s"]), *rate);
        assert_eq!(
            row["variant"],
            format!("replicas={}+rate={}", row["workloads[deployment/web].inline.replicas"], rate.replace('/', "-"))
        );
        assert_eq!((row["scenario"].as_str(), row["replications"].as_str()), ("grid", "4"));
        for own in summary.iter().filter(|own| own["variant"] == row["variant"]) {
            let traffics = matches!(row["traffic"].as_str(), "browse" | "api");
            let about = own["traffic"] == row["traffic"] || (own["traffic"] == "deployment/web" && traffics);
            if about && row.contains_key(&own["metric"]) {
                let metric = &own["metric"];
                assert_eq!(row[metric], own["mean"], "{metric}");
                assert_eq!(row[&format!("{metric}_ci95_low")], own["ci95_low"], "{metric}");
                assert_eq!(row[&format!("{metric}_ci95_high")], own["ci95_high"], "{metric}");
                cells += 1;
            }
        }
    }
    // Twelve columns a row, and what was named where it belongs.
    assert_eq!(cells, 9 * (3 * 12 + 1 + 2 + 1));
    // A thousand a second are too many for one pod or two: the queues are full.
    let lost = |row: &Row| number(row, "error_ratio").expect("a number") > 1e-3;
    for row in rows.iter().filter(|row| row["traffic"] == "browse") {
        let flagged = row["shedding"] == "1" || row["saturated"] == "1";
        assert_eq!(flagged, lost(row), "{row:?}");
        assert_eq!(row["objectives"] == "missed", flagged, "{row:?}");
    }
}

#[test]
fn neither_jobs_nor_the_order_of_the_runs_change_anything() {
    let scratch = scratch();
    let with = |into: &str, jobs: &str| {
        let more: Vec<&str> = SIX.into_iter().chain(["--replications", "2", "--requests", "20", "-j", jobs]).collect();
        sweep(scratch.path(), into, &more)
    };
    let ((one, text), (eight, same)) = (with("one", "1"), with("eight", "8"));
    assert_same_results(&one, &eight);
    assert_eq!(text, same);
    // A run in the order of variants writes the same files but for the sweep's own.
    let mut arguments = vec!["run", "grid.yaml", "-o", "run", "-q", "--replications", "2", "--requests", "20"];
    arguments.extend(SIX);
    output(scratch.path(), &arguments);
    let (mut swept, mut run) = (stable_files(&one), stable_files(&scratch.path().join("run")));
    assert!(
        swept.remove("sweep.csv").is_some() && swept.remove("run.json").is_some() && run.remove("run.json").is_some()
    );
    assert!(swept == run, "a file differs");
    assert_eq!(swept.len(), 11);
}

#[test]
fn a_point_is_best_only_where_all_others_are_separable_from_it() {
    let scratch = scratch();
    let vary = ["--vary", "workloads[deployment/web].inline.replicas=1,2,4", "--metric", "latency_mean_ms"];
    let (directory, text) = sweep(scratch.path(), "best", &vary);
    assert!(text.contains("Best in latency_mean_ms: replicas=4 ("), "{text}");
    assert!(flat(&text).contains("separable from all 2 others."), "{text}");
    // The same, computed anew: each other point in pairs with it, at 0.05 / 2.
    let runs = table(&directory, "runs.csv");
    let of = |variant: &str| -> Vec<f64> {
        let own = runs.iter().filter(|row| row["variant"] == variant && row["traffic"] == "browse");
        own.map(|row| number(row, "latency_mean_ms").expect("a number")).collect()
    };
    let best = of("replicas=4");
    for other in [of("replicas=1"), of("replicas=2")] {
        let differences: Vec<f64> = other.iter().zip(&best).map(|(a, b)| a - b).collect();
        let mean = differences.iter().sum::<f64>() / 4.0;
        let sd = (differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        // t(0.9875; 3) = 4.177.
        assert!(mean / (sd / 2.0) > 4.177);
    }
    // What changes nothing is as good.
    let vary = ["--vary", "run.interval=1s,2s", "--metric", "latency_mean_ms"];
    let (_, text) = sweep(scratch.path(), "equal", &vary);
    assert!(text.contains("No best in latency_mean_ms: the lowest is interval=1s ("), "{text}");
    assert!(flat(&text).contains("not separable from interval=2s."), "{text}");
    // What is little better may be so by chance; how many replications would tell is said of the nearest.
    let vary = ["--vary", "proxies[edge].balancer.policy=random,least-request", "--metric", "latency_mean_ms"];
    let (_, text) = sweep(scratch.path(), "chance", &vary);
    let text = flat(&text);
    let (_, sentence) =
        text.split_once("No best in latency_mean_ms: the lowest is policy=least-request (").expect(&text);
    let (_, sentence) = sentence.split_once("), not separable from policy=random; about ").expect(&text);
    let (needed, _) = sentence.split_once(" replications would tell it from the first. Of 2 points").expect(&text);
    assert!(needed.parse::<u32>().is_ok_and(|needed| needed > 4), "{needed}");
    // Points that face other requests are not judged.
    let (_, text) = sweep(scratch.path(), "seeds", &["--vary", "run.seed=1,2"]);
    assert!(text.contains("The points differ in the seed or the window") && !text.contains("best in"), "{text}");
}

#[test]
fn two_axes_and_one_metric_make_a_matrix() {
    let scratch = scratch();
    let more: Vec<&str> = SIX.into_iter().chain(["--metric", "goodput_rps"]).collect();
    let (directory, text) = sweep(scratch.path(), "out", &more);
    assert!(text.contains("replicas ↓ rate →") && text.contains("Means of goodput_rps."), "{text}");
    let rows = table(&directory, "sweep.csv");
    let four = rows.iter().find(|row| row["variant"] == "replicas=4+rate=1000-s" && row["traffic"] == "browse");
    let mean = number(four.expect("a row"), "goodput_rps").expect("a number");
    let line = text.lines().find(|line| line.starts_with("│ 4 ")).expect("a line");
    let cell = line.split_whitespace().nth(3).expect("a cell").trim_end_matches('!').replace(',', "");
    assert!((cell.parse::<f64>().expect("a number") - mean).abs() < 0.5, "{cell} is not {mean}");
}

#[test]
fn every_format_says_the_same() {
    let scratch = scratch();
    let with = |format: &str| {
        let vary = ["--vary", REPLICAS, "--replications", "2", "--format", format];
        sweep(scratch.path(), "out", &vary)
    };
    let (directory, csv) = with("csv");
    assert_eq!(csv, fs::read_to_string(directory.join("sweep.csv")).expect("a file"));
    let rows = table(&directory, "sweep.csv");
    let json: serde_json::Value = serde_json::from_str(&with("json").1).expect("one document");
    assert_eq!(json["axes"][0]["path"], "workloads[deployment/web].inline.replicas");
    assert_eq!(json["points"].as_array().map(Vec::len), Some(3));
    for row in &rows {
        let points = json["points"].as_array().expect("a list");
        let point = points.iter().find(|point| point["variant"] == row["variant"].as_str()).expect("a point");
        let traffics = point["traffics"].as_array().expect("a list");
        let traffic = traffics.iter().find(|one| one["traffic"] == row["traffic"].as_str()).expect("a traffic");
        let mean = traffic["metrics"]["goodput_rps"]["mean"].as_f64().expect("a number");
        assert!((mean / number(row, "goodput_rps").expect("a number") - 1.0).abs() < 1e-8);
    }
    let (markdown, text) = (with("markdown").1, with("table").1);
    assert!(markdown.starts_with("# grid\n\nHow many pods?\n\na grid of 3 points · replications: 2\n"), "{markdown}");
    for line in ["| 1 | ", "| 2 | ", "| 4 | "] {
        assert_eq!(markdown.lines().filter(|row| row.starts_with(line)).count(), 2, "{markdown}");
    }
    assert!(text.contains("traffic browse") && text.contains("traffic api"), "{text}");
}

#[test]
fn grids_that_are_none_are_refused() {
    let scratch = scratch();
    write(scratch.path(), "grid.yaml", GRID);
    let place = |path: &str| format!(" --> --vary:1:1\n  |\n1 | {path}\n  | {}\n  |\n", "^".repeat(path.len()));
    let many = (1..=101).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let (seeds, workers) = (format!("run.seed={many}"), format!("proxies[edge].workers={many}"));
    let replicas = "workloads[deployment/web].inline.replicas";
    for (arguments, message) in [
        (
            vec![],
            "error: grid is a single point, so there is nothing to sweep; vary a value: --vary 'PATH=A,B', or add \
             `variants`\n"
                .to_owned(),
        ),
        (
            vec!["--vary", &seeds, "--vary", &workers],
            format!(
                "error: the grid has 101 × 101 = 10201 variants, and 10000 are the most that one run simulates\n{}  = \
                 help: vary fewer values at a time\n",
                place("run.seed")
            ),
        ),
        (
            vec![
                "--vary",
                "workloads[deployment/web].inline.replicas=1,2",
                "--vary",
                "workloads[deployment/web].inline.replicas=3",
            ],
            format!("error: `{replicas}` is varied twice\n{}  = help: give all its values at once\n", place(replicas)),
        ),
        (
            vec!["--vary", "run.seed=1,,2"],
            format!(
                "error: `run.seed`: a value is missing\n{}  = help: write PATH=VALUE,VALUE; `null` removes what stands \
                 there\n",
                place("run.seed")
            ),
        ),
        (
            vec!["--vary", "proxies[egde].workers=1,2"],
            format!(
                "error: `proxies` has no item [egde]\n{}  = help: did you mean `proxies[edge]`?\n",
                place("proxies[egde].workers")
            ),
        ),
        (
            vec!["--vary", "run.seeds=1,2"],
            format!("error: unknown key `seeds` in a `run`\n{}  = help: did you mean `seed`?\n", place("run.seeds")),
        ),
        (
            vec!["--vary", "run.seed=1,2", "--metric", "latency_p98_ms"],
            "error: no column of runs.csv with numbers is called `latency_p98_ms`; did you mean `latency_p90_ms`?\n"
                .to_owned(),
        ),
    ] {
        let refused = output(scratch.path(), &[&["sweep", "grid.yaml"][..], &arguments].concat());
        assert_eq!((stderr(&refused), status(&refused)), (message, 2));
        assert!(!scratch.path().join("results").exists(), "nothing was begun");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupted_sweep_keeps_the_points_that_are_finished() {
    let scratch = scratch();
    write(scratch.path(), "grid.yaml", GRID);
    let rates = (1..=2_000).map(|rate| format!("{rate}/s")).collect::<Vec<_>>().join(",");
    let vary = format!("traffic[browse].arrivals.poisson.rate={rates}");
    let child = support::windtunnel(scratch.path(), &["sweep", "grid.yaml", "-o", "out", "-j", "2", "--vary", &vary])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let rows = scratch.path().join("out/rows.tmp/runs.csv");
    while !fs::metadata(&rows).is_ok_and(|file| file.len() > 0) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("the command `kill`").success());
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(status(&done), 130, "{}", stderr(&done));
    assert!(
        stdout(&done).contains("interrupted: what follows is over the points and replications"),
        "{}",
        stdout(&done)
    );
    let run: serde_json::Value =
        serde_json::from_slice(&fs::read(scratch.path().join("out/run.json")).expect("run.json")).expect("JSON");
    assert_eq!(run["partial"], true);
    let rows = table(&scratch.path().join("out"), "sweep.csv");
    let points = rows.iter().filter(|row| row["traffic"] == "browse").collect::<Vec<_>>();
    assert!(!points.is_empty() && points.len() < 2_000);
    assert_eq!(run["variants"].as_array().map(Vec::len), Some(points.len()));
    // The dearest points come first, and stand in the order of the grid.
    let rates: Vec<f64> =
        points.iter().filter_map(|row| number(row, "traffic[browse].arrivals.poisson.rate_per_s")).collect();
    let first = 2_001 - points.len();
    assert_eq!(rates, (first..=2_000).map(|rate| rate as f64).collect::<Vec<_>>());
}
