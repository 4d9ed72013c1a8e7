//! Rows that must not pile up in memory: each job writes them to temporary files, which are joined in job order.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::table::Table;
use super::{requests, timeline};
use crate::observe::outcome::{Labels, RequestRow, Sink, TimelineRow};

/// What the rows of one job carry beside their numbers.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) scenario: String,
    pub(crate) variant: String,
    pub(crate) replication: String,
    pub(crate) labels: Labels,
}

/// Which result file rows belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `timeline.csv`
    Timeline,
    /// `requests.csv`
    Requests,
}

/// Makes a sink for every job and hands out what they wrote.
///
/// Sinks are made and used on worker threads; [`RowStore`] itself only remembers where they write. A job's rows are
/// complete once its sink is dropped, so the sink must be dropped before the job's outcome is handed on.
#[derive(Debug, Clone)]
pub struct RowStore {
    directory: PathBuf,
    scenario: String,
    variants: Vec<String>,
    log_requests: bool,
    failure: Arc<OnceLock<String>>,
}

impl RowStore {
    /// A store that keeps its temporary files in `directory`, which it creates.
    ///
    /// # Errors
    /// If the directory cannot be created.
    pub fn new(directory: PathBuf, scenario: &str, variants: Vec<String>, log_requests: bool) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { directory, scenario: scenario.to_owned(), variants, log_requests, failure: Arc::default() })
    }

    /// Where the rows of one job go.
    #[must_use]
    pub fn sink(&self, variant: usize, replication: u32, labels: &Labels) -> Box<dyn Sink + Send> {
        let names = Names {
            scenario: self.scenario.clone(),
            variant: self.variants[variant].clone(),
            replication: replication.to_string(),
            labels: labels.clone(),
        };
        Box::new(RowWriter {
            names,
            timeline: Rows::new(self.path(Kind::Timeline, variant, replication)),
            requests: self.log_requests.then(|| Rows::new(self.path(Kind::Requests, variant, replication))),
            failure: Arc::clone(&self.failure),
        })
    }

    /// Whether requests are logged.
    #[must_use]
    pub const fn logs_requests(&self) -> bool {
        self.log_requests
    }

    /// Moves the rows of one job to `target`.
    pub(crate) fn join(&self, kind: Kind, variant: usize, replication: u32, target: &mut dyn Write) -> io::Result<()> {
        if let Some(message) = self.failure.get() {
            return Err(io::Error::other(message.clone()));
        }
        let path = self.path(kind, variant, replication);
        match File::open(&path) {
            Ok(mut rows) => {
                io::copy(&mut rows, target)?;
                fs::remove_file(&path)
            }
            // A job without rows writes no file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn path(&self, kind: Kind, variant: usize, replication: u32) -> PathBuf {
        let kind = match kind {
            Kind::Timeline => "timeline",
            Kind::Requests => "requests",
        };
        self.directory.join(format!("{kind}-{variant}-{replication}.tmp"))
    }
}

/// The rows of one job and kind; the file is created with the first of them.
#[derive(Debug)]
struct Rows {
    path: PathBuf,
    table: Option<Table<File>>,
}

impl Rows {
    const fn new(path: PathBuf) -> Self {
        Self { path, table: None }
    }

    fn table(&mut self) -> io::Result<&mut Table<File>> {
        if self.table.is_none() {
            self.table = Some(Table::without_header(File::create(&self.path)?));
        }
        Ok(self.table.as_mut().expect("set just above"))
    }
}

/// Writes the rows of one job.
#[derive(Debug)]
struct RowWriter {
    names: Names,
    timeline: Rows,
    requests: Option<Rows>,
    failure: Arc<OnceLock<String>>,
}

/// A sink cannot fail where it is called, in the middle of a run, so the first failure waits for [`RowStore::join`].
fn remember(failure: &OnceLock<String>, path: &Path, result: io::Result<()>) {
    if let Err(error) = result {
        let _already_failed = failure.set(format!("cannot write {}: {error}", path.display()));
    }
}

impl Sink for RowWriter {
    fn timeline(&mut self, row: &TimelineRow) {
        let result = self.timeline.table().and_then(|table| timeline::write(table, &self.names, row));
        remember(&self.failure, &self.timeline.path, result);
    }

    fn request(&mut self, row: &RequestRow<'_>) {
        if let Some(rows) = &mut self.requests {
            let result = rows.table().and_then(|table| requests::write(table, &self.names, row));
            remember(&self.failure, &rows.path, result);
        }
    }
}

impl Drop for RowWriter {
    fn drop(&mut self) {
        for rows in [Some(&mut self.timeline), self.requests.as_mut()].into_iter().flatten() {
            if let Some(table) = &mut rows.table {
                let result = table.flush();
                remember(&self.failure, &rows.path, result);
            }
        }
    }
}
