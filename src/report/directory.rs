//! A result directory that is either whole or not a result.
//!
//! Files are written beside their final names (`NAME.tmp`) and renamed when all are complete. `run.json` is removed
//! first and written last, so a directory that has it is whole. `lock.tmp` stands from the beginning to the end of a run:
//! locked, it keeps a second run away; left behind by a killed run, it says that everything here may be cleaned up.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The file that makes a directory a result.
pub const RUN_FILE: &str = "run.json";
/// The resolved scenario.
pub const SCENARIO_FILE: &str = "scenario.yaml";

const LOCK_FILE: &str = "lock.tmp";
const ROWS_DIRECTORY: &str = "rows.tmp";

/// Every file that a run may leave behind, apart from [`RUN_FILE`].
pub const RESULT_FILES: [&str; 18] = [
    "runs.csv",
    "summary.csv",
    "endpoints.csv",
    "balance.csv",
    "histogram.csv",
    "timeline.csv",
    "errors.csv",
    "attribution.csv",
    "events.csv",
    "comparison.csv",
    "sweep.csv",
    "requests.csv",
    "dns.csv",
    "rollouts.csv",
    "connections.csv",
    "nodes.csv",
    "scaling.csv",
    SCENARIO_FILE,
];

/// The text of a result's `scenario.yaml`, and the version of windtunnel that wrote it.
///
/// # Errors
/// A message for people: the directory is no result, one of an interrupted run, or its scenario was changed since.
pub fn stored_scenario(path: &Path) -> Result<StoredScenario, String> {
    let shown = path.display();
    let run_file = path.join(RUN_FILE);
    if !run_file.exists() {
        return Err(format!(
            "{shown} has no {RUN_FILE}, so it is not the result of a run; `run SCENARIO -o DIR` makes one"
        ));
    }
    let read =
        |path: &Path| fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let run: Value = serde_json::from_str(&read(&run_file)?).unwrap_or_default();
    let (Some(version), Some(digest)) = (run["windtunnel"].as_str(), run["scenario_sha256"].as_str()) else {
        return Err(format!("{} was not written by windtunnel", run_file.display()));
    };
    let scenario = path.join(SCENARIO_FILE);
    if run["partial"] == Value::Bool(true) {
        return Err(format!(
            "the run in {shown} was interrupted, so simulating it again would not give its figures; run it to its end, or \
             name {} instead",
            scenario.display()
        ));
    }
    let text = read(&scenario)?;
    if sha256(text.as_bytes()) != digest {
        return Err(format!(
            "{0} was changed after the run in {shown} (its SHA-256 is not that in {RUN_FILE}), so simulating it would not \
             give the same figures; to use it all the same, name {0}",
            scenario.display()
        ));
    }
    let variants = run["variants"].as_array().map(Vec::as_slice).unwrap_or_default();
    let finished = |variant: &Value| {
        let count = variant["finished"].as_u64().and_then(|count| u32::try_from(count).ok());
        Some((variant["name"].as_str()?.to_owned(), count?))
    };
    let replications = variants.iter().filter_map(finished).collect();
    Ok(StoredScenario { text, version: version.to_owned(), replications })
}

/// What a result directory says of the scenario that it is the result of.
#[derive(Debug)]
pub struct StoredScenario {
    /// The text of `scenario.yaml`.
    pub text: String,
    /// The version that wrote it.
    pub version: String,
    /// How many replications of each variant there are: fewer than the scenario allows where a goal ended them.
    pub replications: Vec<(String, u32)>,
}

/// A result directory that is being written; dropped before [`Directory::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    created: bool,
    committed: bool,
    lock: File,
    files: Vec<(String, Value)>,
}

/// What stands in a directory before a run.
enum Contents {
    Nothing,
    /// What a killed run left.
    Unfinished,
    /// A result of the scenario of this name, and its files.
    Result(String, Vec<String>),
    /// A file that no run wrote.
    Foreign(String),
}

fn inspect(path: &Path) -> io::Result<Contents> {
    let run_file = path.join(RUN_FILE);
    if run_file.exists() {
        let parsed: Option<Value> = serde_json::from_str(&fs::read_to_string(&run_file)?).ok();
        let name = parsed.as_ref().and_then(|run| run.get("windtunnel").and_then(|_| run.get("scenario")?.as_str()));
        let files = parsed.as_ref().and_then(|run| run.get("files")?.as_object());
        // Names of files here, whatever somebody wrote into it.
        let plain = |name: &&String| Path::new(name).file_name().is_some_and(|own| own == name.as_str());
        let files = files.into_iter().flat_map(Map::keys).filter(plain).cloned().collect();
        return Ok(match name {
            Some(name) => Contents::Result(name.to_owned(), files),
            None => Contents::Foreign(RUN_FILE.to_owned()),
        });
    }
    if path.join(LOCK_FILE).exists() {
        return Ok(Contents::Unfinished);
    }
    let mut names: Vec<String> =
        fs::read_dir(path)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect::<io::Result<_>>()?;
    // What the system or an editor put there (`.DS_Store`, `.gitkeep`) is nobody's work.
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names.into_iter().next().map_or(Contents::Nothing, Contents::Foreign))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Directory {
    /// Makes `path` ready to take a result of the scenario named `scenario`.
    ///
    /// # Errors
    /// A message for people: the directory holds something else and `force` is false, another run writes to it, or the
    /// file system refuses.
    pub fn open(path: &Path, scenario: &str, force: bool) -> Result<Self, String> {
        let trouble = |error: io::Error| format!("cannot write to {}: {error}", path.display());
        let created = !path.exists();
        if path.is_file() {
            return Err(format!("{} is a file; results go to a directory: name one with --output DIR", path.display()));
        }
        fs::create_dir_all(path).map_err(trouble)?;
        let contents = inspect(path).map_err(trouble)?;
        match &contents {
            Contents::Result(other, _) if other != scenario && !force => {
                return Err(format!(
                    "{} holds a result of another scenario, `{other}`; write elsewhere with --output DIR, or replace it with --force",
                    path.display()
                ));
            }
            Contents::Foreign(file) if !force => {
                return Err(format!(
                    "{} is not a result directory (it holds `{file}`); write elsewhere with --output DIR, or add the result files to it with --force",
                    path.display()
                ));
            }
            _ => {}
        }
        let lock = File::create(path.join(LOCK_FILE)).map_err(trouble)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "another windtunnel is writing to {}; wait for it, or use --output DIR",
                    path.display()
                ));
            }
            // Some network file systems have no locks; two runs at once there are the user's affair.
            Err(TryLockError::Error(_)) => {}
        }
        let directory = Self { path: path.to_owned(), created, committed: false, lock, files: Vec::new() };
        remove_if_there(&path.join(RUN_FILE)).map_err(trouble)?;
        if matches!(contents, Contents::Result(..) | Contents::Unfinished) {
            for name in RESULT_FILES {
                remove_if_there(&path.join(name)).map_err(trouble)?;
            }
        }
        if let Contents::Result(_, files) = contents {
            for name in files {
                remove_if_there(&path.join(name)).map_err(trouble)?;
            }
        }
        directory.remove_temporary().map_err(trouble)?;
        Ok(directory)
    }

    /// Where the directory is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A place for temporary files of the run.
    #[must_use]
    pub fn rows_directory(&self) -> PathBuf {
        self.path.join(ROWS_DIRECTORY)
    }

    /// Begins a result file.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create(&self, name: &str) -> io::Result<ResultFile> {
        let file = File::create(self.path.join(format!("{name}.tmp")))?;
        Ok(ResultFile { name: name.to_owned(), file, digest: Sha256::new(), bytes: 0 })
    }

    /// Takes back a result file that is complete.
    ///
    /// # Errors
    /// If it cannot be brought to the disk.
    pub fn keep(&mut self, file: ResultFile) -> io::Result<()> {
        file.file.sync_all()?;
        let digest = hexadecimal(&file.digest.finalize());
        self.files.push((file.name, json!({"bytes": file.bytes, "sha256": digest})));
        Ok(())
    }

    /// Renames every file to its final name and writes `run.json`: `head`, the files' digests, then `volatile`.
    ///
    /// # Errors
    /// If the file system refuses; the directory is then not a result.
    pub fn commit(mut self, head: Map<String, Value>, volatile: Value) -> io::Result<()> {
        let mut run = head;
        self.files.sort_by(|a, b| a.0.cmp(&b.0));
        run.insert("files".to_owned(), Value::Object(self.files.iter().cloned().collect()));
        run.insert("volatile".to_owned(), volatile);
        let mut text = serde_json::to_string_pretty(&Value::Object(run)).map_err(io::Error::other)?;
        text.push('\n');
        let mut run_file = self.create(RUN_FILE)?;
        run_file.write_all(text.as_bytes())?;
        run_file.file.sync_all()?;
        for name in self.files.iter().map(|(name, _)| name.as_str()).chain([RUN_FILE]) {
            fs::rename(self.path.join(format!("{name}.tmp")), self.path.join(name))?;
        }
        self.committed = true;
        self.remove_temporary()?;
        remove_if_there(&self.path.join(LOCK_FILE))
    }

    /// Removes every temporary file but the lock.
    fn remove_temporary(&self) -> io::Result<()> {
        for name in RESULT_FILES.iter().chain([&RUN_FILE]) {
            remove_if_there(&self.path.join(format!("{name}.tmp")))?;
        }
        match fs::remove_dir_all(self.rows_directory()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        // Best effort: whatever stays behind is cleaned by the next run, because the lock file stays as well.
        if self.remove_temporary().is_ok() {
            let _unlocked = self.lock.unlock();
            let _removed = fs::remove_file(self.path.join(LOCK_FILE));
            if self.created {
                let _removed = fs::remove_dir(&self.path);
            }
        }
    }
}

/// A result file that is being written; its digest grows with it.
#[derive(Debug)]
pub struct ResultFile {
    name: String,
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Write for ResultFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.file.write(data)?;
        self.digest.update(&data[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The SHA-256 of a text, as sixty-four hexadecimal digits.
#[must_use]
pub fn sha256(text: &[u8]) -> String {
    hexadecimal(&Sha256::digest(text))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(path)
            .expect("the directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn write(path: &Path, scenario: &str, file: &str) -> Result<(), String> {
        let mut directory = Directory::open(path, scenario, false)?;
        let mut result = directory.create(file).expect("a file can be created");
        result.write_all(b"text").expect("a file can be written");
        directory.keep(result).expect("a file can be kept");
        let head = json!({"windtunnel": "0", "scenario": scenario});
        directory.commit(head.as_object().expect("an object").clone(), Value::Null).expect("the result can be written");
        Ok(())
    }

    #[test]
    fn a_result_appears_as_a_whole() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let path = temporary.path().join("deep/new");
        let mut directory = Directory::open(&path, "shop", false).expect("a new directory");
        let mut file = directory.create("runs.csv").expect("a file can be created");
        file.write_all(b"a,b\n").expect("a file can be written");
        assert_eq!(names(&path), ["lock.tmp", "runs.csv.tmp"]);
        directory.keep(file).expect("a file can be kept");
        let head = json!({"windtunnel": "0", "scenario": "shop"});
        directory.commit(head.as_object().expect("an object").clone(), json!({"jobs": 1})).expect("a result");
        assert_eq!(names(&path), ["run.json", "runs.csv"]);
        let run: Value =
            serde_json::from_str(&fs::read_to_string(path.join(RUN_FILE)).expect("readable")).expect("JSON");
        assert_eq!(run["files"], json!({"runs.csv": {"bytes": 4, "sha256": sha256(b"a,b\n")}}));
        assert_eq!(run["volatile"], json!({"jobs": 1}));
    }

    #[test]
    fn digests_are_sha_256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_run_that_fails_leaves_nothing() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let path = temporary.path().join("new");
        let directory = Directory::open(&path, "shop", false).expect("a new directory");
        let _file = directory.create("runs.csv").expect("a file can be created");
        fs::create_dir_all(directory.rows_directory()).expect("a directory");
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn a_new_run_replaces_an_old_one_of_the_same_scenario_and_no_other() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let path = temporary.path();
        write(path, "shop", "of-another-version.csv").expect("an empty directory");
        write(path, "shop", "nodes.csv").expect("the same scenario");
        assert!(!path.join("of-another-version.csv").exists(), "it was of the old run, as its run.json says");
        write(path, "shop", "requests.csv").expect("the same scenario");
        assert!(!path.join("nodes.csv").exists());
        fs::write(path.join("notes.txt"), "mine").expect("a note");
        write(path, "shop", "runs.csv").expect("the same scenario");
        assert_eq!(names(path), ["notes.txt", "run.json", "runs.csv"], "requests.csv was of the old run");
        let refusal = write(path, "bank", "runs.csv").expect_err("another scenario");
        assert_eq!(
            refusal,
            format!(
                "{} holds a result of another scenario, `shop`; write elsewhere with --output DIR, or replace it with --force",
                path.display()
            )
        );
        assert_eq!(names(path), ["notes.txt", "run.json", "runs.csv"], "a refusal changes nothing");
        drop(Directory::open(path, "bank", true).expect("forced"));
        assert_eq!(names(path), ["notes.txt"]);
    }

    #[test]
    fn a_directory_of_other_things_is_refused() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        fs::write(temporary.path().join("scenario.yaml"), "mine").expect("a file");
        let refusal = Directory::open(temporary.path(), "shop", false).expect_err("not a result");
        let foreign = |file: &str| {
            format!(
                "{} is not a result directory (it holds `{file}`); write elsewhere with --output DIR, or add the result files to it with --force",
                temporary.path().display()
            )
        };
        assert_eq!(refusal, foreign("scenario.yaml"));
        drop(Directory::open(temporary.path(), "shop", true).expect("forced"));
        assert_eq!(names(temporary.path()), ["scenario.yaml"], "what a run does not write, it does not remove");
        fs::write(temporary.path().join(RUN_FILE), "{}").expect("a file");
        let refusal = Directory::open(temporary.path(), "shop", false).expect_err("not ours");
        assert_eq!(refusal, foreign("run.json"));
    }

    #[test]
    fn what_a_killed_run_left_is_cleaned() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let path = temporary.path();
        // Killed while renaming: some files have their names, run.json is missing.
        for name in ["lock.tmp", "runs.csv", "summary.csv.tmp"] {
            fs::write(path.join(name), "half").expect("a file");
        }
        fs::create_dir(path.join("rows.tmp")).expect("a directory");
        fs::write(path.join("rows.tmp/timeline-0-0.tmp"), "half").expect("a file");
        write(path, "shop", "endpoints.csv").expect("an unfinished run may be replaced");
        assert_eq!(names(path), ["endpoints.csv", "run.json"]);
    }

    #[test]
    fn two_runs_do_not_write_to_one_directory() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let first = Directory::open(temporary.path(), "shop", false).expect("an empty directory");
        let refusal = Directory::open(temporary.path(), "shop", false).expect_err("the first still writes");
        let shown = temporary.path().display();
        assert_eq!(refusal, format!("another windtunnel is writing to {shown}; wait for it, or use --output DIR"));
        drop(first);
        write(temporary.path(), "shop", "runs.csv").expect("the first is gone");
    }
}
