//! `windtunnel run SCENARIO…`: simulates every variant, writes the result files, prints the summary.

use super::args::{Format, RunArgs};
use super::console::Console;
use super::simulate::{Made, prepare, print_documents, simulate};
use super::{Status, Trouble};
use crate::report::{json, markdown, summary_csv, terminal};

pub(super) fn run(args: &RunArgs, console: &Console) -> Result<Status, Trouble> {
    let work = prepare(&args.simulation, &[], console)?;
    let mut status = Status::Done;
    let mut documents = Vec::new();
    for (index, work) in work.iter().enumerate() {
        let summary = simulate(&args.simulation, work, Made::Summary, console)?;
        match args.simulation.format {
            Format::Table => console.print(&terminal::render(&summary, console.style()))?,
            Format::Markdown => console.print(&markdown::render(&summary))?,
            Format::Csv => console.print(&summary_csv(&summary.scenario, &summary.variants, index == 0)?)?,
            Format::Json => documents.push(json::document(&summary)),
        }
        console.note(&format!("results in {}", work.output.display()));
        status = status.max(Status::of(&summary));
        if summary.partial {
            break;
        }
    }
    if args.simulation.format == Format::Json {
        print_documents(documents, work.len(), console)?;
    }
    Ok(status)
}
