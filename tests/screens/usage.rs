//! The verbs apart from what they say of a simulation: files, directories, options, known results.

use super::{Screen, same_screens};

/// Four slots in each of two pods, a request every ten milliseconds: nobody waits, and all take the same.
const CALM: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: calm}
spec:
  run: {requests: 100, replications: 2}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers: {app: {concurrency: 4, serviceTime: 5ms}}
  traffic:
    - {name: t, to: http://web/, arrivals: {constant: {rate: 100/s}}}
";

fn two_variants() -> String {
    format!("{CALM}  variants: [{{name: a}}, {{name: b, set: {{run.interval: 1s}}}}]\n")
}

fn with_expectations(list: &str) -> String {
    format!("{CALM}  variants: [{{name: case, expect: [{list}]}}]\n")
}

#[test]
fn what_is_valid_used_and_assumed_is_listed() {
    same_screens("check.txt", &[Screen::of("check").file("calm.yaml", CALM).run("check calm.yaml")]);
}

#[test]
fn what_cannot_be_written_is_said_with_the_place() {
    same_screens(
        "writing.txt",
        &[
            Screen::of("below a file")
                .file("calm.yaml", CALM)
                .file("notes", "mine")
                .run("run calm.yaml -o notes/deeper"),
            Screen::of("a directory where the table of all scenarios goes")
                .file("calm.yaml", CALM)
                .file("other.yaml", CALM.replace("name: calm", "name: other"))
                .directory("out/batch.csv")
                .run("run calm.yaml other.yaml -o out -q --format json"),
            Screen::of("verdicts below a file")
                .file(
                    "case.yaml",
                    with_expectations("{metric: t.latency.mean, value: 5ms, tolerance: 1%, by: tolerance}"),
                )
                .file("notes", "mine")
                .run("validate case.yaml --json notes/verdicts.json"),
        ],
    );
}

#[test]
fn results_that_explain_cannot_use_are_refused() {
    let made = |title| Screen::of(title).file("calm.yaml", CALM).made("run calm.yaml -o out -q");
    same_screens(
        "stored.txt",
        &[
            Screen::of("no result").directory("out").run("explain out"),
            Screen::of("a file of somebody else").directory("out").file("out/run.json", "{}").run("explain out"),
            made("an interrupted run")
                .replace("out/run.json", "\"partial\": false", "\"partial\": true")
                .run("explain out"),
            made("a changed scenario").replace("out/scenario.yaml", "100/s", "200/s").run("explain out"),
            made("another version")
                .replace(
                    "out/run.json",
                    concat!("\"windtunnel\": \"", env!("CARGO_PKG_VERSION")),
                    "\"windtunnel\": \"0.0.9",
                )
                .run("explain out --request 5"),
        ],
    );
}

#[test]
fn what_explain_is_asked_for_must_exist() {
    same_screens(
        "asked.txt",
        &[
            Screen::of("several variants").file("two.yaml", two_variants()).run("explain two.yaml --request 5"),
            Screen::of("things that are not there")
                .file("calm.yaml", CALM)
                .file(
                    "two.yaml",
                    CALM.to_owned() + "    - {name: u, to: http://web/, arrivals: {constant: {rate: 1/s}}}\n",
                )
                .run("explain calm.yaml --request 99999")
                .run("explain calm.yaml --request 0 --replication 2")
                .run("explain calm.yaml --variant bse")
                .run("explain calm.yaml --traffic x")
                .run("explain two.yaml --request 1")
                .run("explain calm.yaml --quantile 0.5")
                .run("explain calm.yaml --quantile 0.999"),
        ],
    );
}

#[test]
fn cases_that_are_not_there_are_not_passed() {
    let case = with_expectations("{metric: t.latency.mean, value: 5ms, tolerance: 1%, by: tolerance}");
    same_screens(
        "cases.txt",
        &[Screen::of("cases")
            .file("case.yaml", case)
            .directory("empty")
            .run("validate case.yaml --case cas")
            .run("validate case.yaml --case case --case quite-another")
            .run("validate empty")
            .run("run empty")
            .run("validate nowhere")],
    );
}

#[test]
fn verdicts_say_what_was_demanded() {
    let list = "{metric: t.latency.mean, value: 5ms, tolerance: 1%, by: tolerance}, \
                {metric: t.latency.mean, value: 6ms, tolerance: 1%, by: error}, \
                {metric: t.latency.mean, value: 5ms, by: error}, \
                {metric: t.latency.mean, measured: [5ms, 5ms], by: spread}";
    same_screens(
        "verdicts.txt",
        &[Screen::of("verdicts").file("case.yaml", with_expectations(list)).run("validate case.yaml")],
    );
}
