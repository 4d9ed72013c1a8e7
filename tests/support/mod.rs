//! What several test binaries need: running the real command, and reading what it wrote.

#![allow(dead_code, reason = "every test binary compiles this module and uses its own part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The directory of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A place for files that goes away with the test.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The real binary, in a directory of its own, without terminal or colour.
pub(crate) fn windtunnel(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windtunnel"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// Runs the binary to its end.
pub(crate) fn output(directory: &Path, arguments: &[&str]) -> Output {
    windtunnel(directory, arguments).output().expect("the binary can be started")
}

/// The exit status of a command that was not killed.
pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().expect("the command ended by itself")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8 on standard error")
}

/// Writes `text` to `name` in `directory`.
pub(crate) fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("a file can be written");
    path
}

/// Runs a scenario text and returns its result directory; objectives may be missed.
pub(crate) fn results(directory: &Path, scenario: &str, into: &str, arguments: &[&str]) -> PathBuf {
    write(directory, "scenario.yaml", scenario);
    run_file(directory, "scenario.yaml", into, arguments)
}

/// Runs a scenario file and returns its result directory; objectives may be missed.
pub(crate) fn run_file(directory: &Path, file: &str, into: &str, arguments: &[&str]) -> PathBuf {
    let mut all = vec!["run", file, "-o", into, "-q"];
    all.extend(arguments);
    let output = output(directory, &all);
    assert!(matches!(status(&output), 0 | 1), "{all:?}: {}", stderr(&output));
    directory.join(into)
}

/// A row of a CSV file by column name.
pub(crate) type Row = BTreeMap<String, String>;

/// Every row of a CSV file.
pub(crate) fn table(directory: &Path, file: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(directory.join(file)).expect("a CSV file");
    let header = reader.headers().expect("a header").clone();
    reader
        .records()
        .map(|record| {
            let record = record.expect("a row as long as the header");
            header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
        })
        .collect()
}

/// The header of a CSV file.
pub(crate) fn header(directory: &Path, file: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(directory.join(file)).expect("a CSV file");
    reader.headers().expect("a header").iter().map(str::to_owned).collect()
}

/// Whole nanoseconds from an exact decimal of `10^digits` nanoseconds (6: milliseconds, 9: seconds).
pub(crate) fn nanos(text: &str, digits: usize) -> u64 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    assert!(rest.len() <= digits, "`{text}` is finer than a nanosecond");
    format!("{whole}{rest:0<digits$}").parse().expect("a decimal number")
}

/// A field as a number; `None` where it is empty.
pub(crate) fn number(row: &Row, column: &str) -> Option<f64> {
    let text = row.get(column).unwrap_or_else(|| panic!("no column {column} in {row:?}"));
    (!text.is_empty()).then(|| text.parse().unwrap_or_else(|_| panic!("{column}: `{text}` is no number")))
}

/// A field as a count.
pub(crate) fn count(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: `{}` is no count", row[column]))
}

/// Asserts that two numbers agree to the nine digits that files hold.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: f64, want: f64) {
    let scale = want.abs().max(1e-9);
    assert!((got - want).abs() <= 1e-8 * scale, "{what}: the file says {got}, computed {want}");
}

/// Like [`assert_close`] where either may be missing.
#[track_caller]
pub(crate) fn assert_same(what: &str, got: Option<f64>, want: Option<f64>) {
    match (got, want) {
        (Some(got), Some(want)) => assert_close(what, got, want),
        (None, None) => {}
        _ => panic!("{what}: the file says {got:?}, computed {want:?}"),
    }
}

/// Every file of a result directory by name; `run.json` without its object `volatile`.
pub(crate) fn stable_files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a result directory") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a plain name");
        let mut bytes = fs::read(entry.path()).expect("a readable file");
        if name == "run.json" {
            let mut run: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            let volatile = run.as_object_mut().expect("an object").remove("volatile");
            assert!(volatile.is_some(), "run.json has no object `volatile`");
            bytes = serde_json::to_vec_pretty(&run).expect("what was read can be written");
        }
        files.insert(name, bytes);
    }
    files
}

/// Asserts that two result directories are identical apart from what may differ.
#[track_caller]
pub(crate) fn assert_same_results(a: &Path, b: &Path) {
    let (a, b) = (stable_files(a), stable_files(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "different files");
    for (name, bytes) in &a {
        if *bytes != b[name] {
            let (left, right) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&b[name]));
            let line = left.lines().zip(right.lines()).position(|(left, right)| left != right);
            panic!("{name} differs, first in line {:?}", line.map(|line| line + 1));
        }
    }
}

/// Two proxied and one direct traffic over three Deployments that call one another, with retries and two variants.
pub(crate) const RICH: &str = include_str!("rich.yaml");
