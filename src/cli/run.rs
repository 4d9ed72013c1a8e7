//! `windtunnel run SCENARIO…`: simulates every variant, writes the result files, prints the summary; of several scenarios
//! also one table of all.

use std::fs;
use std::path::Path;

use super::args::{Format, RunArgs};
use super::console::Console;
use super::simulate::{Made, cannot_write, prepare, print_documents, simulate_all};
use super::{Status, Trouble};
use crate::report::{BATCH_FILE, Batch, json, markdown, summary_csv, terminal};

pub(super) fn run(args: &RunArgs, console: &Console) -> Result<Status, Trouble> {
    let format = args.simulation.format;
    let work = prepare(&args.simulation, &[], console)?;
    let mut status = Status::Done;
    let mut documents = Vec::new();
    let mut batch = (work.len() > 1).then(Batch::new).transpose()?;
    simulate_all(&args.simulation, &work, Made::Summary, console, &mut |index, summary| {
        match format {
            Format::Table => console.print(&terminal::render(&summary, console.style()))?,
            Format::Markdown => console.print(&markdown::render(&summary))?,
            Format::Csv => console.print(&summary_csv(&summary.scenario, &summary.variants, index == 0)?)?,
            Format::Json => documents.push(json::document(&summary)),
        }
        console.note(&format!("results in {}", work[index].output.display()));
        status = status.max(Status::of(&summary));
        if let Some(batch) = &mut batch {
            batch.add(&summary)?;
        }
        Ok(())
    })?;
    if let Some(batch) = batch {
        match format {
            Format::Table => console.print(&batch.render(console.style()))?,
            Format::Markdown => console.print(&batch.markdown())?,
            // All rows, or all documents, are one text anyway.
            Format::Csv | Format::Json => {}
        }
        let directory = args.simulation.output.as_deref().unwrap_or_else(|| Path::new("results"));
        write_aside(&directory.join(BATCH_FILE), &batch.csv()?)?;
        console.note(&format!("all scenarios in {}", directory.join(BATCH_FILE).display()));
    }
    if format == Format::Json {
        print_documents(documents, work.len(), console)?;
    }
    Ok(status)
}

/// Writes a file that is whole or not there.
fn write_aside(path: &Path, text: &str) -> Result<(), Trouble> {
    let aside = path.with_extension("csv.tmp");
    let written = fs::write(&aside, text).and_then(|()| fs::rename(&aside, path));
    written.map_err(|error| cannot_write(path, &error))
}
