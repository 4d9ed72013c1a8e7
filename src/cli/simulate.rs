//! What `run` and `compare` share: scenarios are read, every variant is simulated, the result files are written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::args::{Jobs, Simulation};
use super::console::Console;
use super::progress::Bar;
use super::{Trouble, interrupt, load};
use crate::experiment::{self, Finished, Options, RequestLog, RunError};
use crate::report::directory::Directory;
use crate::report::{Arrival, Description, ResultFiles, RowStore, Summary};
use crate::scenario::Loaded;

/// A scenario that was read, and where its results go.
pub(super) struct Work {
    pub(super) loaded: Loaded,
    pub(super) output: PathBuf,
}

/// Reads every scenario, which is to observe these metrics as well, before the first runs: nobody wants to learn of a
/// typing error after an hour.
pub(super) fn prepare(args: &Simulation, metrics: &[String], console: &Console) -> Result<Vec<Work>, Trouble> {
    let mut work = Vec::new();
    let mut outputs = BTreeSet::new();
    let mut problems = String::new();
    for path in &args.scenarios {
        let mut loaded = match load::load(path, &args.overrides, metrics, console) {
            Ok(loaded) => loaded,
            Err(Trouble::Usage(message)) => {
                problems.push_str(&message);
                continue;
            }
            Err(other) => return Err(other),
        };
        // Expectations are for `validate`; what only they would need is not observed here.
        loaded.variants.iter_mut().for_each(|variant| variant.expect.clear());
        let output = output_directory(args, &loaded.name);
        if !outputs.insert(output.clone()) {
            return Err(Trouble::usage(format!(
                "two scenarios are named `{}`, and both would write to {}",
                loaded.name,
                output.display()
            )));
        }
        work.push(Work { loaded, output });
    }
    if problems.is_empty() { Ok(work) } else { Err(Trouble::Usage(problems)) }
}

/// Prints the JSON documents of so many scenarios: of one alone its document, else a list.
pub(super) fn print_documents(mut documents: Vec<Value>, scenarios: usize, console: &Console) -> Result<(), Trouble> {
    let document = if scenarios == 1 { documents.pop().unwrap_or(Value::Null) } else { Value::Array(documents) };
    console.print(&format!("{document:#}\n"))
}

/// Where the results of the scenario of this name go.
fn output_directory(args: &Simulation, name: &str) -> PathBuf {
    match &args.output {
        Some(output) if args.scenarios.len() == 1 => output.clone(),
        Some(output) => output.join(name),
        None => Path::new("results").join(name),
    }
}

/// Simulates every variant and writes the result files; with a baseline also the comparison with it.
pub(super) fn simulate(
    args: &Simulation,
    work: &Work,
    baseline: Option<usize>,
    console: &Console,
) -> Result<Summary, Trouble> {
    let Work { loaded, output } = work;
    let clock = Clock::start();
    let directory = Directory::open(output, &loaded.name, args.force).map_err(Trouble::usage)?;
    let options = Options { jobs: jobs(&args.jobs), requests_log: args.requests.unwrap_or(RequestLog::None) };
    let log_requests = options.requests_log != RequestLog::None;
    let names = loaded.variants.iter().map(|scenario| scenario.variant.clone()).collect();
    let writing = |error: std::io::Error| Trouble::usage(format!("cannot write to {}: {error}", output.display()));
    let rows = RowStore::new(directory.rows_directory(), &loaded.name, names, log_requests).map_err(writing)?;
    let description = Description {
        scenario: loaded.name.clone(),
        question: loaded.question.clone(),
        resolved: loaded.resolved.clone(),
    };
    let mut files = ResultFiles::create(directory, description, &loaded.variants, log_requests, Arrival::InOrder)
        .map_err(writing)?;
    if let Some(baseline) = baseline {
        files.compare_with(baseline);
    }
    let stop = interrupt::flag();
    let bar = Bar::new(console, &loaded.name);
    let mut written = Ok(());
    let finished = experiment::run(
        &loaded.variants,
        &options,
        stop,
        &bar,
        &|variant, replication, labels| rows.sink(variant, replication, labels),
        &mut |labels, outcome| {
            if written.is_ok() {
                written = files.add(labels, &outcome, &rows);
                // Nothing that follows could be written either.
                stop.fetch_or(written.is_err(), Ordering::SeqCst);
            }
        },
    );
    bar.finish();
    let finished = finished.map_err(|error| run_trouble(&loaded.name, error))?;
    written.map_err(writing)?;
    let elapsed = clock.elapsed_seconds();
    console.detail(&format!("{}: {elapsed:.1} s with {} jobs", loaded.name, options.jobs));
    let volatile = json!({
        "command": std::env::args().collect::<Vec<_>>(),
        "jobs": options.jobs,
        "started": clock.started,
        "elapsed_s": elapsed,
    });
    files.finish(finished == Finished::Interrupted, volatile).map_err(writing)
}

/// Why the experiment of this name did not end.
pub(super) fn run_trouble(name: &str, error: RunError) -> Trouble {
    match error {
        RunError::Invariant(message) => Trouble::Fault(format!("{name}: {message}")),
        RunError::Unrunnable(message) => Trouble::usage(format!("{name}: {message}")),
    }
}

/// How many replications run at once.
pub(super) fn jobs(jobs: &Jobs) -> usize {
    jobs.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, std::num::NonZeroUsize::get)
}

/// The clock on the wall, for `volatile` alone.
struct Clock {
    started: String,
    instant: std::time::Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "when a run was made is told apart from what it found")]
    fn start() -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = since_epoch.map_or(0, |duration| duration.as_secs());
        Self { started: utc(seconds), instant: std::time::Instant::now() }
    }

    fn elapsed_seconds(&self) -> f64 {
        (self.instant.elapsed().as_secs_f64() * 1e3).round() / 1e3
    }
}

/// Seconds since 1970 as RFC 3339. Days to dates: H. Hinnant, chrono-compatible low-level date algorithms (2013).
fn utc(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
