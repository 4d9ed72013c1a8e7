//! The directory as a whole: which files there are, their headers, `scenario.yaml`, `events.csv` and `run.json`.

use std::collections::BTreeSet;
use std::fs;

use sha2::{Digest, Sha256};

use super::RICH_RUN;
use super::support::{assert_same_results, count, header, run_file};

/// Scripts rely on these names and on their order.
const HEADERS: [(&str, &str); 9] = [
    (
        "runs.csv",
        "scenario variant replication seed traffic offered succeeded failed in_flight censored retries throughput_rps \
         goodput_rps error_ratio latency_mean_ms latency_p50_ms latency_p90_ms latency_p95_ms latency_p99_ms \
         latency_p999_ms latency_max_ms",
    ),
    ("summary.csv", "scenario variant traffic metric mean ci95_low ci95_high replications"),
    (
        "endpoints.csv",
        "scenario variant replication service pod node zone requests share connections errors utilization queue_mean \
         queue_max latency_p50_ms latency_p99_ms picks address",
    ),
    ("balance.csv", "scenario variant replication service endpoints max_over_mean cv jain gini chi_square_p"),
    ("histogram.csv", "scenario variant traffic lower_ms upper_ms count cumulative"),
    (
        "timeline.csv",
        "scenario variant replication traffic t_s offered succeeded failed latency_p50_ms latency_p99_ms in_flight \
         ready_pods starting_pods terminating_pods desired_pods nodes cpu_cores",
    ),
    ("errors.csv", "scenario variant replication traffic cause where count attempts late"),
    ("attribution.csv", "scenario variant traffic band cause where mean_ms share"),
    ("events.csv", "scenario variant replication t_s kind object detail"),
];

/// The closed list of causes, as columns.
const LEDGER: &str = "dns connect tls network_loopback network_same_node network_same_zone network_cross_zone \
    network_cross_region network_external proxy pool_wait queue_wait cpu_throttle slow_start service back_off \
    wasted_attempts network_transfer cold_start stalled cpu_wait";

#[test]
fn headers_keep_their_names_and_order() {
    for (file, columns) in HEADERS {
        assert_eq!(header(&RICH_RUN.path(), file).join(" "), columns, "{file}");
    }
    let ledger: Vec<String> = LEDGER.split(' ').map(|cause| format!("{cause}_ms")).collect();
    assert_eq!(header(&RICH_RUN.path(), "requests.csv")[super::LEADING.len()..], ledger);
}

#[test]
fn the_directory_holds_these_files_and_no_other() {
    let names = fs::read_dir(RICH_RUN.path()).expect("a directory");
    let names: BTreeSet<String> =
        names.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    let mut known: BTreeSet<String> = HEADERS.iter().map(|(file, _)| (*file).to_owned()).collect();
    known.extend(["requests.csv", "scenario.yaml", "run.json"].map(str::to_owned));
    assert_eq!(names, known);
}

/// Nothing that this version simulates happens to the cluster.
#[test]
fn a_still_cluster_has_no_events() {
    assert!(RICH_RUN.table("events.csv").is_empty());
}

#[test]
fn run_json_says_what_the_files_are() {
    let path = RICH_RUN.path();
    let text = fs::read_to_string(path.join("run.json")).expect("run.json");
    let run: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(run["windtunnel"], env!("CARGO_PKG_VERSION"));
    assert_eq!(run["scenario"], "rich");
    assert_eq!(run["partial"], false);
    let files = run["files"].as_object().expect("an object");
    let names: BTreeSet<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 11, "every file but run.json: {names:?}");
    for (name, said) in files {
        let bytes = fs::read(path.join(name)).expect("a file that run.json names");
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(said["sha256"], digest.as_str(), "{name}");
        assert_eq!(said["bytes"], bytes.len(), "{name}");
    }
    assert_eq!(run["scenario_sha256"], files["scenario.yaml"]["sha256"]);
    let variants = run["variants"].as_array().expect("a list");
    assert_eq!(variants.len(), 2);
    for (variant, name) in variants.iter().zip(["base", "random"]) {
        assert_eq!((&variant["name"], &variant["seed"]), (&name.into(), &7.into()));
        assert_eq!((&variant["replications"], &variant["finished"]), (&3.into(), &3.into()));
        let rows = RICH_RUN.table("runs.csv");
        let mine = rows.iter().filter(|row| row["variant"] == name && !row["traffic"].starts_with("call/"));
        let offered: u64 = mine.map(|row| count(row, "offered")).sum();
        assert_eq!(variant["requests"], offered);
        // Each request arrives and is answered, and each answer is an event of its own.
        assert!(variant["events"].as_u64().is_some_and(|events| events > 2 * offered), "{variant}");
    }
    let volatile = run["volatile"].as_object().expect("an object");
    assert_eq!(volatile.keys().map(String::as_str).collect::<Vec<_>>(), ["command", "jobs", "started", "elapsed_s"]);
}

#[test]
fn rows_come_in_a_fixed_order() {
    for (file, _) in HEADERS {
        let rows = RICH_RUN.table(file);
        let place = |row: &super::Row| {
            let replication = row.get("replication").map_or(0, |text| text.parse::<u32>().expect("a number"));
            (row["variant"].clone(), if row.contains_key("cause") { 0 } else { replication })
        };
        // `base` stands before `random` in the scenario; replications follow one another.
        assert!(rows.is_sorted_by_key(place), "{file}");
    }
}

#[test]
fn scenario_yaml_repeats_the_run() {
    let directory = super::support::scratch();
    fs::copy(RICH_RUN.path().join("scenario.yaml"), directory.path().join("copy.yaml")).expect("a copy");
    let again = run_file(directory.path(), "copy.yaml", "again", &["--requests", "all"]);
    assert_same_results(&RICH_RUN.path(), &again);
}
