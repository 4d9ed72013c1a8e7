//! `windtunnel sweep SCENARIO…`: simulates a grid of variants, hundreds or thousands, and says how it looks.

use super::args::{Format, SweepArgs};
use super::console::Console;
use super::metrics::Metrics;
use super::simulate::{Made, Work, prepare, print_documents, simulate};
use super::{Status, Trouble};
use crate::report::sweep_csv;
use crate::report::sweep_text::{self, Sweep};

pub(super) fn sweep(args: &SweepArgs, console: &Console) -> Result<Status, Trouble> {
    let metrics = Metrics::of(&args.shown)?;
    let work = prepare(&args.simulation, &metrics.named, console)?;
    work.iter().try_for_each(has_a_grid)?;
    let mut status = Status::Done;
    let mut documents = Vec::new();
    for work in &work {
        let summary = simulate(&args.simulation, work, Made::Grid, console)?;
        let shown = Sweep {
            summary: &summary,
            grid: &work.loaded.grid,
            metrics: &metrics.shown,
            same_requests: face_the_same_requests(work),
        };
        match args.simulation.format {
            Format::Table => console.print(&sweep_text::render(&shown, console.style()))?,
            Format::Markdown => console.print(&sweep_text::markdown(&shown))?,
            Format::Csv => console.print(&sweep_csv(&summary, &work.loaded.grid)?)?,
            Format::Json => documents.push(sweep_text::json(&shown)),
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

fn has_a_grid(work: &Work) -> Result<(), Trouble> {
    if work.loaded.variants.len() > 1 {
        return Ok(());
    }
    Err(Trouble::usage(format!(
        "{} is a single point, so there is nothing to sweep; vary a value: --vary 'PATH=A,B', or add `variants`",
        work.loaded.name
    )))
}

/// Whether all points have the same seed and window.
fn face_the_same_requests(work: &Work) -> bool {
    let mut runs = work.loaded.variants.iter().map(|variant| (variant.run.seed, variant.run.window));
    let first = runs.next();
    runs.all(|run| Some(run) == first)
}
