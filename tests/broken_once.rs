//! The smallest forms of random scenarios that broke the simulator once: they run, add up, and can be explained.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Row, output, project, scratch, status, stderr, table};

/// Those that nobody could run: they are refused, with a place.
const REFUSED: [&str; 3] = ["cycle-slice", "led301", "led308"];

/// Columns of `connections.csv` that say how a connection ended, or that it did not.
const ENDS: [&str; 7] = [
    "open_at_end",
    "closed_idle",
    "closed_by_server",
    "closed_for_age",
    "closed_for_requests",
    "closed_by_client",
    "reset",
];

fn files() -> Vec<PathBuf> {
    let directory = project().join("tests/data/broken-once");
    let entries = fs::read_dir(directory).expect("the directory is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn count(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is no count in {row:?}"))
}

#[test]
fn what_broke_once_runs_and_adds_up() {
    for file in files() {
        let scratch = scratch();
        let path = file.to_string_lossy();
        let run = output(scratch.path(), &["run", &path, "-q", "-o", "out", "--requests", "all"]);
        if REFUSED.contains(&name(&file).as_str()) {
            assert_eq!(status(&run), 2, "{path}");
            assert!(stderr(&run).contains(" --> "), "{path}: {}", stderr(&run));
            continue;
        }
        assert!(matches!(status(&run), 0 | 1), "{path}: {}", stderr(&run));
        let out = scratch.path().join("out");
        let mut failed: BTreeMap<(String, String), u64> = BTreeMap::new();
        for row in table(&out, "errors.csv") {
            *failed.entry((row["replication"].clone(), row["traffic"].clone())).or_default() += count(&row, "count");
        }
        for row in table(&out, "runs.csv") {
            let all = count(&row, "succeeded") + count(&row, "failed") + count(&row, "in_flight");
            assert_eq!(count(&row, "offered"), all, "{path}: {row:?}");
            let told = failed.get(&(row["replication"].clone(), row["traffic"].clone())).copied().unwrap_or(0);
            assert_eq!(count(&row, "failed"), told, "{path}: {row:?}");
        }
        if out.join("connections.csv").exists() {
            for row in table(&out, "connections.csv") {
                let ended: u64 = ENDS.iter().map(|column| count(&row, column)).sum();
                assert_eq!(count(&row, "opened"), ended, "{path}: {row:?}");
            }
        }
    }
}

#[test]
fn what_broke_once_can_be_explained() {
    for file in files().into_iter().filter(|file| !REFUSED.contains(&name(file).as_str())) {
        let scratch = scratch();
        let path = file.to_string_lossy();
        let causes = output(scratch.path(), &["explain", &path, "-q", "--causes", "1"]);
        assert_ne!(status(&causes), 3, "{path}: {}", stderr(&causes));
        let run = output(scratch.path(), &["run", &path, "-q", "-o", "out", "--requests", "all"]);
        assert!(matches!(status(&run), 0 | 1), "{path}: {}", stderr(&run));
        let mut told: BTreeMap<(String, String), Row> = BTreeMap::new();
        for row in table(&scratch.path().join("out"), "requests.csv") {
            told.entry((row["traffic"].clone(), row["outcome"].clone())).or_insert(row);
        }
        for row in told.values().take(4) {
            let request =
                ["--traffic", &row["traffic"], "--request", &row["request"], "--replication", &row["replication"]];
            let story = output(scratch.path(), &[&["explain", &path, "-q"], request.as_slice()].concat());
            assert_eq!(status(&story), 0, "{path} {request:?}: {}", stderr(&story));
        }
    }
}
