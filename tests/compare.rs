//! `windtunnel compare`: every column of `comparison.csv` computed anew from `runs.csv`, verdicts, flags, messages.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Row, number, output, scratch, status, stderr, stdout, table, write};

/// A slow pod among three behind a proxy: what balancing changes is large, what a longer way changes is small and
/// certain, and the length of the timeline's intervals changes nothing.
const ARMS: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: arms, annotations: {question: Which arm is better?}}
spec:
  run: {duration: 40s, warmup: 4s, replications: 5, seed: 3}
  workloads:
    - target: deployment/web
      inline: {replicas: 3, port: 80}
      containers: {app: {concurrency: 2, serviceTime: {exponential: {mean: 10ms}}}}
      pods: [{index: 0, speed: 0.7}]
  proxies: [{name: edge, endpoints: service/web, balancer: {policy: random}}]
  traffic:
    - {name: browse, to: http://web/, through: edge, arrivals: {poisson: {rate: 300/s}}}
    - {name: api, to: http://web/, through: edge, arrivals: {poisson: {rate: 40/s}}}
  variants:
    - {name: base}
    - {name: least-request, set: {\"proxies[edge].balancer\": {policy: least-request}}}
    - {name: same, set: {run.interval: 500ms}}
    - {name: farther, set: {\"proxies[edge].overhead\": {before: 10us, after: 10us}}}
";

fn compare(directory: &Path, scenario: &str, into: &str, more: &[&str]) -> PathBuf {
    write(directory, "arms.yaml", scenario);
    let mut arguments = vec!["compare", "arms.yaml", "-o", into, "-q"];
    arguments.extend(more);
    let done = output(directory, &arguments);
    assert!(matches!(status(&done), 0 | 1), "{arguments:?}: {}", stderr(&done));
    directory.join(into)
}

/// Γ((v+1)/2) / Γ(v/2), by Γ(x + 1) = x Γ(x).
fn gamma_ratio(v: u64) -> f64 {
    let root = std::f64::consts::PI.sqrt();
    let (mut at, mut ratio) = if v % 2 == 1 { (1, 1.0 / root) } else { (2, root / 2.0) };
    while at < v {
        ratio *= (at + 1) as f64 / at as f64;
        at += 2;
    }
    ratio
}

/// P(|T| ≥ t) with v degrees of freedom: with x = √v tan θ the density becomes a power of the cosine (Simpson's rule).
fn two_sided(t: f64, v: u64) -> f64 {
    const STEPS: usize = 4_000;
    let from = (t / (v as f64).sqrt()).atan();
    let width = (std::f64::consts::FRAC_PI_2 - from) / STEPS as f64;
    let power = |step: usize| (from + step as f64 * width).cos().max(0.0).powf(v as f64 - 1.0);
    let inner: f64 = (1..STEPS).map(|step| power(step) * if step % 2 == 1 { 4.0 } else { 2.0 }).sum();
    let integral = (power(0) + inner + power(STEPS)) * width / 3.0;
    2.0 * gamma_ratio(v) / std::f64::consts::PI.sqrt() * integral
}

/// The t that |T| exceeds with probability `alpha`.
fn quantile(alpha: f64, v: u64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if two_sided(middle, v) > alpha { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// The values of a column of `runs.csv` by replication; `None` where one has none.
fn values(runs: &[Row], variant: &str, traffic: &str, metric: &str) -> Option<Vec<f64>> {
    let own = runs.iter().filter(|row| row["variant"] == variant && row["traffic"] == traffic);
    own.map(|row| number(row, metric)).collect()
}

/// What is good: −1 less, 1 more, 0 neither.
fn good(metric: &str) -> f64 {
    match metric {
        "succeeded" | "goodput_rps" => 1.0,
        "offered" | "retries" | "throughput_rps" => 0.0,
        _ => -1.0,
    }
}

/// Holm's correction, from its definition: with what the i-th smallest of m was multiplied, and what came of it.
fn holm(p_values: &BTreeMap<String, f64>) -> BTreeMap<String, (f64, f64)> {
    let mut sorted: Vec<(&String, f64)> = p_values.iter().map(|(name, p)| (name, *p)).collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let m = sorted.len();
    let corrected = |i: usize| (0..=i).map(|j| (sorted[j].1 * (m - j) as f64).min(1.0)).fold(0.0, f64::max);
    (0..m).map(|i| (sorted[i].0.clone(), (corrected(i), (m - i) as f64))).collect()
}

/// What one row must say; `None` stands for an empty cell.
struct Expected {
    difference: f64,
    half: f64,
    p: f64,
    /// How far the nine digits of `runs.csv` let the difference and, relatively, the p-value be known.
    precision: (f64, f64),
    sd: f64,
    reduction: Option<f64>,
}

fn expected(base: &[f64], other: &[f64]) -> Expected {
    let differences: Vec<f64> = base.iter().zip(other).map(|(a, b)| b - a).collect();
    let (n, difference, sd) = (base.len() as f64, mean(&differences), variance(&differences).sqrt());
    let scale = base.iter().chain(other).fold(0.0, |most: f64, value| most.max(value.abs()));
    let p = match sd == 0.0 {
        true if difference == 0.0 => 1.0,
        true => 0.0,
        false => two_sided(difference.abs() / (sd / n.sqrt()), base.len() as u64 - 1),
    };
    let digits = 1e-8 * scale;
    let relative = if sd == 0.0 { 0.0 } else { 10.0 * digits * (1.0 / sd + 1.0 / difference.abs().max(sd / 1e3)) };
    let both = variance(base) + variance(other);
    Expected {
        difference,
        half: quantile(0.05, base.len() as u64 - 1) * sd / n.sqrt(),
        p,
        precision: (digits, relative + 1e-7),
        sd,
        reduction: (both > 0.0).then(|| 1.0 - variance(&differences) / both),
    }
}

#[track_caller]
fn near(what: &str, row: &Row, column: &str, want: f64, within: f64) {
    let got = number(row, column).unwrap_or_else(|| panic!("{what}: {column} is empty"));
    assert!((got - want).abs() <= within, "{what} {column}: the file says {got}, computed {want}");
}

/// The verdict and the number of replications that the definition gives.
fn verdict(metric: &str, want: &Expected, (p, factor): (f64, f64), row: &Row, n: u64) {
    let what = format!("{} {} {metric}", row["variant"], row["traffic"]);
    let word = match want.difference * good(metric) {
        _ if want.difference == 0.0 && want.sd == 0.0 => "equal",
        _ if p >= 0.05 => "not separable",
        0.0 => "different",
        gain if gain > 0.0 => "better",
        _ => "worse",
    };
    assert_eq!(row["verdict"], word, "{what}: p {p}");
    let needed = row["replications_needed"].parse::<u64>().ok();
    let half = |n: u64| quantile(0.05 / factor, n - 1) * want.sd / (n as f64).sqrt();
    match (word, needed) {
        ("not separable", Some(needed)) => {
            assert!(needed > n, "{what}: {needed}");
            assert!(half(needed) < want.difference.abs() * (1.0 + 1e-6), "{what}: {needed} do not tell");
            let one_less = half(needed - 1) > want.difference.abs() * (1.0 - 1e-6);
            assert!(needed == n + 1 || one_less, "{what}: {needed} are more than enough");
        }
        ("not separable", None) => assert_eq!(want.difference, 0.0, "{what}"),
        (_, needed) => assert_eq!(needed, None, "{what}"),
    }
}

#[test]
fn every_column_follows_from_runs_csv() {
    let scratch = scratch();
    let path = compare(scratch.path(), ARMS, "out", &[]);
    let (runs, rows) = (table(&path, "runs.csv"), table(&path, "comparison.csv"));
    let summary = table(&path, "summary.csv");
    let metrics: Vec<String> =
        support::header(&path, "runs.csv").into_iter().skip_while(|column| column != "offered").collect();
    let others = ["least-request", "same", "farther"];
    let order: Vec<[&str; 3]> = others
        .iter()
        .flat_map(|v| ["browse", "api"].into_iter().map(move |t| (*v, t)))
        .flat_map(|(v, t)| metrics.iter().map(move |m| [v, t, m.as_str()]))
        .collect();
    let found: Vec<[&str; 3]> = rows.iter().map(|row| [&*row["variant"], &*row["traffic"], &*row["metric"]]).collect();
    assert_eq!(found, order, "variants, then traffics, then metrics");
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for row in &rows {
        let (variant, traffic, metric) = (&row["variant"], &row["traffic"], &row["metric"]);
        let what = format!("{variant} {traffic} {metric}");
        assert_eq!((&*row["scenario"], &*row["baseline"]), ("arms", "base"));
        assert_eq!((&*row["flag"], &*row["baseline_flag"]), ("", ""), "{what}");
        let mean_of = |variant: &str| {
            let same = |r: &&Row| r["variant"] == variant && r["traffic"] == *traffic && r["metric"] == *metric;
            summary.iter().find(same).expect("a row")["mean"].clone()
        };
        assert_eq!((&row["mean"], &row["baseline_mean"]), (&mean_of(variant), &mean_of("base")), "{what}");
        let of = |variant: &str| values(&runs, variant, traffic, metric);
        let (Some(base), Some(other)) = (of("base"), of(variant)) else {
            for column in ["difference", "ci95_low", "ci95_high", "p_value", "verdict", "replications"] {
                assert_eq!(row[column], "", "{what} {column}: a replication has too few samples");
            }
            *seen.entry("empty".to_owned()).or_default() += 1;
            continue;
        };
        let want = expected(&base, &other);
        let (digits, relative) = want.precision;
        near(&what, row, "difference", want.difference, digits);
        near(&what, row, "ci95_low", want.difference - want.half, 4.0 * digits);
        near(&what, row, "ci95_high", want.difference + want.half, 4.0 * digits);
        near(&what, row, "p_value_uncorrected", want.p, want.p * relative + 1e-12);
        let p_values = others.iter().filter_map(|other| Some(((*other).to_owned(), expected(&base, &of(other)?).p)));
        let corrected = holm(&p_values.collect())[variant];
        near(&what, row, "p_value", corrected.0, corrected.0 * relative + 1e-11);
        match want.reduction {
            Some(reduction) => near(&what, row, "variance_reduction", reduction, relative + 1e-6),
            None => assert_eq!(row["variance_reduction"], "", "{what}"),
        }
        assert_eq!(row["replications"], "5", "{what}");
        verdict(metric, &want, corrected, row, 5);
        *seen.entry(row["verdict"].clone()).or_default() += 1;
    }
    for word in ["better", "worse", "equal", "not separable", "empty"] {
        assert!(seen.contains_key(word), "{word} is not among {seen:?}");
    }
    let of = |variant: &str, metric: &str| {
        let row = rows.iter().find(|row| row["variant"] == variant && row["metric"] == metric).expect("a row");
        (row["verdict"].clone(), number(row, "variance_reduction"))
    };
    assert_eq!(of("least-request", "latency_mean_ms").0, "better");
    assert!(
        rows.iter()
            .filter(|row| row["variant"] == "same" && !row["mean"].is_empty())
            .all(|row| row["verdict"] == "equal")
    );
    // Twenty microseconds among tens of milliseconds: without the same requests nobody would see them.
    let (verdict, reduction) = of("farther", "latency_mean_ms");
    assert!(verdict == "worse" && reduction > Some(0.999), "{verdict} {reduction:?}");
}

#[test]
fn comparison_csv_stands_beside_the_usual_files_and_is_the_same_for_any_jobs() {
    let scratch = scratch();
    let one = compare(scratch.path(), ARMS, "one", &["-j", "1", "--duration", "8s"]);
    let many = compare(scratch.path(), ARMS, "many", &["-j", "4", "--duration", "8s"]);
    support::assert_same_results(&one, &many);
    let run = support::run_file(scratch.path(), "arms.yaml", "run", &["--duration", "8s"]);
    let (mut compared, mut ran) = (support::stable_files(&one), support::stable_files(&run));
    assert!(compared.remove("comparison.csv").is_some() && !ran.contains_key("comparison.csv"));
    let json: serde_json::Value = serde_json::from_slice(&compared["run.json"]).expect("JSON");
    assert!(json["files"]["comparison.csv"]["sha256"].is_string());
    compared.remove("run.json");
    ran.remove("run.json");
    assert_eq!(compared, ran, "all else is what `run` writes");
    // A later run of the same scenario is not left with a comparison of other numbers.
    support::run_file(scratch.path(), "arms.yaml", "one", &["--duration", "8s"]);
    assert!(!one.join("comparison.csv").exists());
}

#[test]
fn any_variant_can_be_the_baseline_and_turns_the_signs() {
    let scratch = scratch();
    let forth = table(&compare(scratch.path(), ARMS, "a", &[]), "comparison.csv");
    let more = ["--baseline", "least-request"];
    let back = table(&compare(scratch.path(), ARMS, "b", &more), "comparison.csv");
    let find = |rows: &[Row], variant: &str| {
        let wanted = |row: &&Row| row["variant"] == variant && row["metric"] == "latency_mean_ms";
        rows.iter().find(wanted).expect("a row").clone()
    };
    let (forth, back) = (find(&forth, "least-request"), find(&back, "base"));
    assert_eq!((&*back["baseline"], &*forth["verdict"], &*back["verdict"]), ("least-request", "better", "worse"));
    assert_eq!(number(&forth, "difference"), number(&back, "difference").map(|difference| -difference));
    assert_eq!(forth["p_value_uncorrected"], back["p_value_uncorrected"]);
}

/// Who turns requests away is quick to answer the others.
#[test]
fn shedding_and_saturated_arms_are_flagged_and_never_ranked_by_their_survivors() {
    let scratch = scratch();
    let scenario = ARMS.split("    - {name: least-request").next().expect("a part").to_owned()
        + "    - {name: shed, set: {\"workloads[deployment/web].containers.app.queue.limit\": 0}}\n"
        + "    - {name: drowned, set: {\"workloads[deployment/web].containers.app.concurrency\": 1}}\n";
    let path = compare(scratch.path(), &scenario, "out", &[]);
    let rows = table(&path, "comparison.csv");
    let summary = table(&path, "summary.csv");
    let mean = |variant: &str, metric: &str| {
        let row = summary.iter().find(|row| row["variant"] == variant && row["metric"] == metric).expect("a row");
        number(row, "mean").expect("a mean")
    };
    assert!(mean("shed", "latency_p99_ms") < mean("base", "latency_p99_ms"), "its survivors are quick");
    for (variant, flag) in [("shed", "shedding"), ("drowned", "saturated")] {
        let own: Vec<&Row> = rows.iter().filter(|row| row["variant"] == variant).collect();
        assert!(own.iter().all(|row| row["flag"] == flag && row["baseline_flag"].is_empty()), "{variant}");
        let latencies = own.iter().filter(|row| row["metric"].starts_with("latency_") && !row["difference"].is_empty());
        assert!(latencies.clone().count() >= 5 && latencies.clone().all(|row| row["verdict"] == flag), "{variant}");
    }
    let of = |metric: &str| rows.iter().find(|row| row["variant"] == "shed" && row["metric"] == metric).expect("a row");
    assert_eq!((&*of("goodput_rps")["verdict"], &*of("error_ratio")["verdict"]), ("worse", "worse"));
    // The same where the baseline is the one that sheds.
    let back = table(&compare(scratch.path(), &scenario, "back", &["--baseline", "shed"]), "comparison.csv");
    let base =
        |metric: &str| back.iter().find(|row| row["variant"] == "base" && row["metric"] == metric).expect("a row");
    assert_eq!(base("latency_p50_ms")["verdict"], "shedding");
    assert_eq!((&*base("goodput_rps")["verdict"], &*base("goodput_rps")["baseline_flag"]), ("better", "shedding"));
    let text = stdout(&output(scratch.path(), &["compare", "arms.yaml", "-q"]));
    for said in ["shed SHEDDING", "drowned SATURATED", "not ranked", "Shedding: requests were lost"] {
        assert!(text.contains(said), "`{said}` is not in\n{text}");
    }
}

/// One request in a thousand is lost: that says something of the longest, and nothing of the median.
#[test]
fn what_is_said_of_lost_requests_is_about_the_metrics_that_are_shown() {
    let scratch = scratch();
    write(
        scratch.path(),
        "few.yaml",
        "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: few}
spec:
  run: {duration: 10s, warmup: 0s, replications: 4}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: unlimited, serviceTime: {bimodal: {p: 0.1%, low: 1ms, high: 1s}}}}
  traffic: [{name: t, to: http://web/, timeout: 500ms, arrivals: {poisson: {rate: 500/s}}}]
  variants: [{name: near}, {name: far, set: {cluster.network: {sameNode: 1ms, sameZone: 2ms}}}]
",
    );
    let say = |more: &[&str]| {
        let mut arguments = vec!["compare", "few.yaml", "-q", "--force"];
        arguments.extend(more);
        stdout(&output(scratch.path(), &arguments))
    };
    assert!(say(&[]).contains("Shedding: requests were lost"), "{}", say(&[]));
    for (metric, said) in [("latency_p50_ms", false), ("latency_max_ms", true)] {
        for format in ["table", "markdown"] {
            let text = say(&["--metric", metric, "--format", format]);
            assert!(text.contains(metric) && text.contains("Shedding") == said, "{text}");
        }
    }
}

/// An error of the application is the same coin everywhere: nothing is lost because of load.
#[test]
fn errors_of_the_application_are_no_shedding_unless_a_call_was_lost() {
    let scratch = scratch();
    let errors = ARMS.replace("{concurrency: 2, ", "{concurrency: 2, errorRatio: 5%, ");
    let rows = table(&compare(scratch.path(), &errors, "out", &["--duration", "8s"]), "comparison.csv");
    assert!(rows.iter().all(|row| row["flag"].is_empty() && row["baseline_flag"].is_empty()));
    let calling = ARMS
        .replace("serviceTime: {exponential: {mean: 10ms}}", "steps: [{call: \"http://cart/\"}]")
        .replace(
            "  proxies:",
            "    - {target: deployment/cart, inline: {replicas: 1, port: 80}, containers: {app: {concurrency: 4, queue: {limit: 0}}}}\n  proxies:",
        );
    let rows = table(&compare(scratch.path(), &calling, "calls", &["--duration", "8s"]), "comparison.csv");
    let browse: Vec<&Row> = rows.iter().filter(|row| row["traffic"] == "browse").collect();
    assert!(!browse.is_empty() && browse.iter().all(|row| row["flag"] == "shedding"), "{:?}", browse.first());
}

#[test]
fn every_format_says_the_same() {
    let scratch = scratch();
    write(scratch.path(), "arms.yaml", ARMS);
    let say = |more: &[&str]| {
        let mut arguments = vec!["compare", "arms.yaml", "-o", "out", "-q", "--duration", "8s"];
        arguments.extend(more);
        let done = output(scratch.path(), &arguments);
        assert_eq!((status(&done), stderr(&done).as_str()), (0, ""), "{arguments:?}");
        stdout(&done)
    };
    assert_eq!(
        say(&["--format", "csv"]),
        fs::read_to_string(scratch.path().join("out/comparison.csv")).expect("a file")
    );
    let rows = table(&scratch.path().join("out"), "comparison.csv");
    let json: serde_json::Value = serde_json::from_str(&say(&["--format", "json"])).expect("JSON and nothing else");
    let list = json["comparisons"].as_array().expect("a list");
    assert_eq!((list.len(), &json["baseline"], &json["objectives_met"]), (rows.len(), &"base".into(), &true.into()));
    for (said, row) in list.iter().zip(&rows) {
        assert_eq!(
            (said["metric"].as_str(), said["variant"].as_str()),
            (Some(&*row["metric"]), Some(&*row["variant"]))
        );
        assert_eq!(said["verdict"].as_str().unwrap_or(""), row["verdict"]);
        let difference = said["difference"]["mean"].as_f64();
        support::assert_same("difference", number(row, "difference"), difference);
        support::assert_same("p", number(row, "p_value"), said["p_value"].as_f64());
    }
    for format in ["table", "markdown"] {
        let text = say(&["--format", format]);
        for said in
            ["Which arm is better?", "baseline base and 3 other variants · 5 replications", "least-request: better in"]
        {
            assert!(text.contains(said), "{format}: `{said}` is not in\n{text}");
        }
        assert!(text.contains("same gives the same results as base"), "{text}");
        assert!(text.contains("latency_p99_ms") && !text.contains("retries"), "what is zero everywhere is left out");
        assert!(format == "markdown" || text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    // Goodput stands beside every latency.
    let few = say(&["--format", "csv", "--metric", "latency_p50_ms"]);
    let names: Vec<&str> = few.lines().skip(1).map(|line| line.split(',').nth(4).expect("a column")).collect();
    assert!(names.chunks(2).all(|pair| pair == ["goodput_rps", "latency_p50_ms"]) && names.len() == 12, "{names:?}");
    let errors = say(&["--format", "csv", "--metric", "error_ratio,failed"]);
    assert_eq!(errors.lines().count(), 1 + 3 * 2 * 2);
}

#[test]
fn varied_values_are_compared_and_objectives_decide_the_exit_status() {
    let scratch = scratch();
    let one = ARMS.split("  variants:").next().expect("a part").to_owned() + "  objectives: [browse.errorRatio < 1%]\n";
    write(scratch.path(), "arms.yaml", &one);
    let replicas = "workloads[deployment/web].inline.replicas=4,3";
    let grid = ["compare", "arms.yaml", "-o", "out", "--duration", "8s", "--vary", replicas];
    let run = |more: &[&str]| output(scratch.path(), &[&grid[..], more].concat());
    let met = run(&["--baseline", "replicas=3"]);
    assert_eq!(status(&met), 0, "{}", stderr(&met));
    assert!(stdout(&met).contains("✓ met browse.errorRatio < 1%"), "{}", stdout(&met));
    let rows = table(&scratch.path().join("out"), "comparison.csv");
    assert!(rows.iter().all(|row| row["variant"] == "replicas=4" && row["baseline"] == "replicas=3"));
    let rates = ["--vary", "traffic[api].arrivals.poisson.rate=30/s,40/s", "--baseline", "replicas=4+rate=40/s"];
    assert_eq!(status(&run(&rates)), 0);
    assert_eq!(table(&scratch.path().join("out"), "comparison.csv")[0]["baseline"], "replicas=4+rate=40-s");
    let missed = run(&["--set", "objectives=[browse.latency.mean < 1ms]"]);
    assert_eq!(status(&missed), 1);
    assert!(stdout(&missed).contains("missed browse.latency.mean < 1ms"), "{}", stdout(&missed));
    let single = run(&["--replications", "1"]);
    assert!(stdout(&single).contains("One replication says nothing of chance"), "{}", stdout(&single));
    let rows = table(&scratch.path().join("out"), "comparison.csv");
    let judged: Vec<&str> = rows.iter().map(|row| &*row["verdict"]).collect();
    assert!(judged.iter().all(|word| ["", "equal", "not separable"].contains(word)), "{judged:?}");
}

#[test]
fn several_variants_that_equal_the_baseline_share_a_row() {
    let scratch = scratch();
    write(scratch.path(), "arms.yaml", ARMS.split("  variants:").next().expect("a part"));
    let wide = ["compare", "arms.yaml", "-o", "out", "--duration", "8s", "-q", "--metric", "latency_mean_ms"];
    let rows = |intervals: &str| {
        let vary = format!("run.interval={intervals}");
        let text = stdout(&output(scratch.path(), &[&wide[..], &["--vary", &vary]].concat()));
        let rows = text.lines().filter(|line| line.starts_with("│ · ") && line.contains(" equal "));
        rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    // Two traffics, goodput beside the mean.
    assert_eq!(rows("1s,250ms,500ms,2s"), ["│ · all 3 equal │"; 4]);
    assert!(rows("1s,250ms,500ms").iter().all(|row| row.starts_with("│ · interval=")), "two stand for themselves");
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_runs() {
    let scratch = scratch();
    write(scratch.path(), "arms.yaml", ARMS);
    write(scratch.path(), "one.yaml", ARMS.split("  variants:").next().expect("a part"));
    for (arguments, message) in [
        (
            &["one.yaml"][..],
            "error: arms has one variant, `base`, so there is nothing to compare; add `variants`, or vary a value: --vary \
             'PATH=A,B'\n",
        ),
        (
            &["arms.yaml", "--baseline", "last-request"],
            "error: no variant of arms is called `last-request`; did you mean `least-request`?\n",
        ),
        (
            &["arms.yaml", "--baseline", "x"],
            "error: no variant of arms is called `x`; there are base, least-request, same, farther\n",
        ),
        (
            &["arms.yaml", "--metric", "latency_p98_ms"],
            "error: no column of runs.csv with numbers is called `latency_p98_ms`; did you mean `latency_p90_ms`?\n",
        ),
        (
            &["one.yaml", "--vary", "run.seed=1,2"],
            "error: `seed=2` and `seed=1` differ in the seed or the window of `run`, so they do not face the same requests \
             and cannot be compared; `run` simulates them all the same\n",
        ),
    ] {
        let refused = output(scratch.path(), &[&["compare"], arguments].concat());
        assert_eq!((status(&refused), stdout(&refused).as_str()), (2, ""), "{arguments:?}");
        assert_eq!(stderr(&refused), message);
    }
    assert!(!scratch.path().join("results").exists());
}

#[test]
fn metrics_by_their_names_stand_beside_the_columns() {
    let scratch = scratch();
    let names = "browse.latency.p99,browse.goodput.mean,browse.queueWait.mean,deployment/web[0].utilization";
    let asked = format!("{names},latency_p99_ms");
    let directory = compare(scratch.path(), ARMS, "named", &["--metric", &asked]);
    let rows = table(&directory, "comparison.csv");
    let row = |variant: &str, metric: &str| {
        let found = |row: &&Row| row["variant"] == variant && row["metric"] == metric && row["traffic"] != "api";
        rows.iter().find(found).unwrap_or_else(|| panic!("no {metric} of {variant}"))
    };
    for variant in ["least-request", "same", "farther"] {
        for (column, name) in [("latency_p99_ms", "browse.latency.p99"), ("goodput_rps", "browse.goodput.mean")] {
            let (column, name) = (row(variant, column), row(variant, name));
            for key in column.keys().filter(|key| *key != "metric") {
                assert_eq!(column[key], name[key], "{key} of {variant}");
            }
        }
    }
    let least = |metric| row("least-request", metric);
    assert_eq!(least("browse.queueWait.mean")["verdict"], "better");
    assert_eq!(least("deployment/web[0].utilization")["traffic"], "deployment/web[0]");
    // Whoever avoids the slow pod gives it less to do, which is neither good nor bad.
    assert_eq!(least("deployment/web[0].utilization")["verdict"], "different");
    // The mean over replications stands in summary.csv too, in the same unit.
    let summary = table(&directory, "summary.csv");
    let own = summary.iter().find(|row| row["variant"] == "least-request" && row["metric"] == "browse.queueWait.mean");
    assert_eq!(own.expect("a row")["mean"], least("browse.queueWait.mean")["mean"]);
    // Naming a metric changes nothing else.
    let plain = table(&compare(scratch.path(), ARMS, "plain", &[]), "comparison.csv");
    let others: Vec<&Row> = rows.iter().filter(|row| !row["metric"].contains('.')).collect();
    assert_eq!(others, plain.iter().collect::<Vec<_>>());
}

#[test]
fn calls_are_shown_when_asked_for() {
    let scratch = scratch();
    write(scratch.path(), "rich.yaml", support::RICH);
    let run = |more: &[&str]| {
        let mut arguments = vec!["compare", "rich.yaml", "-q", "--metric", "latency_p50_ms", "--replications", "2"];
        arguments.extend(more);
        stdout(&output(scratch.path(), &arguments))
    };
    assert!(!run(&[]).contains("\ncall "));
    let text = run(&["--calls"]);
    let call = text.lines().find(|line| line.starts_with("call ")).unwrap_or_else(|| panic!("no call in\n{text}"));
    assert!(
        run(&["--calls", "--format", "markdown"]).contains(&format!("## {}", call.replace("call ", "call/"))),
        "{call}"
    );
}

#[test]
fn metrics_that_cannot_be_compared_are_refused() {
    let scratch = scratch();
    write(scratch.path(), "arms.yaml", ARMS);
    let place = |metric: &str| format!(" --> --metric:1:1\n  |\n1 | {metric}\n  | {}\n  |\n", "^".repeat(metric.len()));
    for (metric, message, help) in [
        ("brwose.latency.p99", "no traffic is called `brwose`", "did you mean `browse`?"),
        ("browse.latncy.p99", "unknown quantity `latncy`", "did you mean `latency`?"),
        (
            "browse.latency.values",
            "a metric that is compared is one number, and this one is a list",
            "write a statistic that is one number, such as mean, p99 or max",
        ),
        (
            "browse.latency.p99.acrossReplications(sd)",
            "a metric that is compared has a number in each replication, and acrossReplications has only one of all",
            "leave acrossReplications out: the mean over replications and its interval are compared",
        ),
    ] {
        let refused = output(scratch.path(), &["compare", "arms.yaml", "--metric", metric]);
        assert_eq!(status(&refused), 2);
        assert_eq!(stderr(&refused), format!("error: {message}\n{}  = help: {help}\n", place(metric)));
    }
}
