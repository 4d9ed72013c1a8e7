//! `windtunnel compare SCENARIO…`: simulates every variant on the same requests, says which is better and how sure.

use super::args::{CompareArgs, Format};
use super::console::Console;
use super::metrics::{Metrics, choices};
use super::simulate::{Made, Work, prepare, print_documents, simulate};
use super::{Status, Trouble};
use crate::report::comparison_csv;
use crate::report::comparison_text::{self, Shown};
use crate::scenario::{Loaded, vary};

pub(super) fn compare(args: &CompareArgs, console: &Console) -> Result<Status, Trouble> {
    let metrics = Metrics::of(&args.shown)?;
    let work = prepare(&args.simulation, &metrics.named, console)?;
    let baselines = work.iter().map(|work| baseline(args, work)).collect::<Result<Vec<_>, _>>()?;
    let shown = Shown { metrics: &metrics.shown, calls: args.calls };
    let mut status = Status::Done;
    let mut documents = Vec::new();
    for (index, (work, baseline)) in work.iter().zip(baselines).enumerate() {
        let summary = simulate(&args.simulation, work, Made::Comparison(baseline), console)?;
        match args.simulation.format {
            Format::Table => console.print(&comparison_text::render(&summary, shown, console.style()))?,
            Format::Markdown => console.print(&comparison_text::markdown(&summary, shown))?,
            Format::Csv => console.print(&comparison_csv(&summary, &metrics.shown, index == 0)?)?,
            Format::Json => documents.push(comparison_text::json(&summary, &metrics.shown)),
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

/// The variant that the others are compared with, if they can be.
fn baseline(args: &CompareArgs, work: &Work) -> Result<usize, Trouble> {
    let Loaded { name, variants, .. } = &work.loaded;
    let names: Vec<&str> = variants.iter().map(|variant| variant.variant.as_str()).collect();
    if names.len() < 2 {
        return Err(Trouble::usage(format!(
            "{name} has one variant, `{}`, so there is nothing to compare; add `variants`, or vary a value: --vary \
             'PATH=A,B'",
            names.join(", ")
        )));
    }
    let found = match &args.baseline {
        None => Some(0),
        // `--vary rate=800/s` makes a variant `rate=800-s`, and either may be asked for.
        Some(wanted) => {
            let called = [wanted.as_str(), &vary::as_name(wanted)];
            names.iter().position(|name| called.contains(name))
        }
    };
    let Some(index) = found else {
        let wanted = args.baseline.as_deref().unwrap_or_default();
        return Err(Trouble::usage(format!("no variant of {name} is called `{wanted}`; {}", choices(wanted, &names))));
    };
    let baseline = &variants[index];
    for variant in variants {
        if (variant.run.seed, variant.run.window) != (baseline.run.seed, baseline.run.window) {
            return Err(Trouble::usage(format!(
                "`{}` and `{}` differ in the seed or the window of `run`, so they do not face the same requests and \
                 cannot be compared; `run` simulates them all the same",
                variant.variant, baseline.variant
            )));
        }
    }
    Ok(index)
}
