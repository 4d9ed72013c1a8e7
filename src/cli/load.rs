//! Reads a scenario file with the overrides of the command line.

use std::path::Path;

use super::Trouble;
use super::args::Overrides;
use super::console::Console;
use crate::scenario::{self, DiskFiles, Files as _, Loaded};
use crate::yaml;

/// The scenario in a file (`-`: standard input), which is to observe these metrics as well; problems are rendered with
/// their places.
pub(super) fn load(
    path: &str,
    overrides: &Overrides,
    metrics: &[String],
    console: &Console,
) -> Result<Loaded, Trouble> {
    // The path is relative to where we are, the files that the scenario names to where it is.
    if Path::new(path).is_dir() {
        return Err(Trouble::usage(format!("`{path}` is a directory: name the files in it")));
    }
    let text = DiskFiles::new("").read(path).map_err(Trouble::usage)?;
    load_text(path, &text, overrides, metrics, console)
}

/// The scenario in a text that came from `path`.
pub(super) fn load_text(
    path: &str,
    text: &str,
    overrides: &Overrides,
    metrics: &[String],
    console: &Console,
) -> Result<Loaded, Trouble> {
    let overrides = scenario::Overrides {
        seed: overrides.seed,
        replications: overrides.replications,
        duration: overrides.duration,
        set: overrides.set.clone(),
        texts: overrides.texts.clone(),
        vary: overrides.vary.clone(),
        requests: None,
        metrics: metrics.to_vec(),
    };
    let name = if path == "-" { "standard input" } else { path };
    let loaded = scenario::load(name, text, &DiskFiles::beside(path), &overrides)
        .map_err(|failure| Trouble::Usage(failure.render(console.color_errors())))?;
    if !loaded.warnings.is_empty() {
        console.note(&yaml::render(&loaded.warnings, &loaded.sources, console.color_errors()));
    }
    Ok(loaded)
}
