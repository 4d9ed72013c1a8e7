//! What `run`, `compare` and `sweep` share: scenarios are read, every variant is simulated, the result files are written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::args::{Jobs, Simulation};
use super::console::Console;
use super::progress::Bar;
use super::{Trouble, interrupt, load, selection};
use crate::experiment::{self, Finished, Options, RequestLog, RunError};
use crate::observe::outcome::{Labels, RunOutcome};
use crate::report::directory::Directory;
use crate::report::{Arrival, Description, ResultFiles, RowStore, Summary};
use crate::scenario::{Loaded, Scenario};

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
    let mut paths = Vec::new();
    for path in &args.scenarios {
        match Path::new(path).is_dir() {
            true => paths.extend(selection::scenarios_in(Path::new(path))?),
            false => paths.push(path.clone()),
        }
    }
    for path in &paths {
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
        let output = output_directory(args, paths.len(), &loaded.name);
        if !outputs.insert(output.clone()) {
            return Err(Trouble::usage(format!(
                "two scenarios are named `{}`, and both would write to {}; give one another `metadata.name`, or run each with \
                 its own --output",
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
fn output_directory(args: &Simulation, scenarios: usize, name: &str) -> PathBuf {
    match &args.output {
        Some(output) if scenarios == 1 => output.clone(),
        Some(output) => output.join(name),
        None => Path::new("results").join(name),
    }
}

/// What is made of the variants beside the files that every run writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made {
    /// Nothing.
    Summary,
    /// The comparison with this variant.
    Comparison(usize),
    /// The points of a grid; the longest run first, because there may be many.
    Grid,
}

/// A scenario whose results are being written.
struct Writing<'w> {
    work: &'w Work,
    /// The number of its first variant among those of all scenarios.
    first: usize,
    rows: RowStore,
    /// Until all its outcomes are there.
    files: Option<ResultFiles<'w>>,
}

impl<'w> Writing<'w> {
    fn begin(args: &Simulation, work: &'w Work, first: usize, made: Made) -> Result<Self, Trouble> {
        let Work { loaded, output } = work;
        let directory = Directory::open(output, &loaded.name, args.force).map_err(Trouble::usage)?;
        let log_requests = args.requests.is_some_and(|log| log != RequestLog::None);
        let names = loaded.variants.iter().map(|scenario| scenario.variant.clone()).collect();
        let trouble = |error| cannot_write(output, &error);
        let rows = RowStore::new(directory.rows_directory(), &loaded.name, names, log_requests).map_err(trouble)?;
        let description = Description {
            scenario: loaded.name.clone(),
            question: loaded.question.clone(),
            resolved: loaded.resolved.clone(),
        };
        let arrival = if matches!(made, Made::Grid) { Arrival::AnyOrder } else { Arrival::InOrder };
        let files = ResultFiles::create(directory, description, &loaded.variants, log_requests, arrival);
        let mut files = files.map_err(trouble)?;
        match made {
            Made::Summary => {}
            Made::Comparison(baseline) => files.compare_with(baseline),
            Made::Grid => files.sweep(&loaded.grid),
        }
        Ok(Self { work, first, rows, files: Some(files) })
    }

    fn add(&mut self, labels: &Labels, mut outcome: RunOutcome) -> Result<(), Trouble> {
        outcome.variant -= self.first;
        let Some(files) = &mut self.files else { return Ok(()) };
        files.add(labels, &outcome, &self.rows).map_err(|error| cannot_write(&self.work.output, &error))
    }

    /// Makes the directory a result, unless it is one already.
    fn finish(&mut self, partial: bool, jobs: usize, clock: &Clock) -> Result<Option<Summary>, Trouble> {
        let Some(files) = self.files.take() else { return Ok(None) };
        let volatile = json!({
            "command": std::env::args().collect::<Vec<_>>(),
            "jobs": jobs,
            "started": clock.started,
            "elapsed_s": clock.elapsed_seconds(),
        });
        files.finish(partial, volatile).map(Some).map_err(|error| cannot_write(&self.work.output, &error))
    }
}

pub(super) fn cannot_write(output: &Path, error: &std::io::Error) -> Trouble {
    Trouble::usage(format!("cannot write to {}: {error}", output.display()))
}

/// Simulates every variant and writes the result files.
pub(super) fn simulate(args: &Simulation, work: &Work, made: Made, console: &Console) -> Result<Summary, Trouble> {
    let mut summary = None;
    simulate_all(args, std::slice::from_ref(work), made, console, &mut |_, found| {
        summary = Some(found);
        Ok(())
    })?;
    Ok(summary.expect("what ends without trouble has a summary"))
}

/// Simulates every variant of every scenario, all by the same workers, and writes the result files of each scenario as
/// soon as it is done; `done` hears its number and its summary. Of an interruption the scenario hears that was simulated
/// then; those after it have no results.
pub(super) fn simulate_all(
    args: &Simulation,
    work: &[Work],
    made: Made,
    console: &Console,
    done: &mut dyn FnMut(usize, Summary) -> Result<(), Trouble>,
) -> Result<Finished, Trouble> {
    let clock = Clock::start();
    let options = Options { jobs: jobs(&args.jobs), requests_log: args.requests.unwrap_or(RequestLog::None) };
    let mut writing = Vec::with_capacity(work.len());
    let mut family = Vec::new();
    for (index, one) in work.iter().enumerate() {
        writing.push(Writing::begin(args, one, family.len(), made)?);
        family.extend(one.loaded.variants.iter().map(|_| index));
    }
    let stores: Vec<(RowStore, usize)> = writing.iter().map(|one| (one.rows.clone(), one.first)).collect();
    let families: Vec<&[Scenario]> = work.iter().map(|one| one.loaded.variants.as_slice()).collect();
    let runs = experiment::Work::new(&families);
    let runs = if matches!(made, Made::Grid) { runs.longest_first() } else { runs };
    let stop = interrupt::flag(interrupt::FINISHED);
    let name = if let [one] = work { one.loaded.name.clone() } else { format!("{} scenarios", work.len()) };
    let bar = Bar::new(console, &name);
    let (mut current, mut told) = (0, Ok(()));
    let finished = experiment::run_work(
        &runs,
        &options,
        stop,
        &bar,
        &|variant, replication, labels| {
            let (rows, first) = &stores[family[variant]];
            rows.sink(variant - first, replication, labels)
        },
        &mut |labels, outcome| {
            let take = || {
                let index = family[outcome.variant];
                if index != current {
                    if let Some(summary) = writing[current].finish(false, options.jobs, &clock)? {
                        bar.aside(|| done(current, summary))?;
                    }
                    current = index;
                }
                writing[index].add(labels, outcome)
            };
            if told.is_ok() {
                told = take();
                // Nothing that follows could be written either.
                stop.fetch_or(told.is_err(), Ordering::SeqCst);
            }
        },
    );
    bar.finish();
    // Of several scenarios the error names the one that it belongs to.
    let prefix = if work.len() == 1 { format!("{name}: ") } else { String::new() };
    let finished = finished.map_err(|error| run_trouble(&prefix, error))?;
    told?;
    console.detail(&format!("{name}: {:.1} s with {} jobs", clock.elapsed_seconds(), options.jobs));
    if let Some(summary) = writing[current].finish(finished == Finished::Interrupted, options.jobs, &clock)? {
        done(current, summary)?;
    }
    Ok(finished)
}

/// Why an experiment did not end; `prefix` says which.
pub(super) fn run_trouble(prefix: &str, error: RunError) -> Trouble {
    match error {
        RunError::Invariant(message) => Trouble::Fault(format!("{prefix}{message}")),
        RunError::Unrunnable(message) => Trouble::usage(format!("{prefix}{message}")),
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
