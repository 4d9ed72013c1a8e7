//! Which files a directory stands for, and which cases `validate` runs: every variant with `expect`.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::{Overrides, ValidateArgs};
use super::console::Console;
use super::metrics::choices;
use super::{Trouble, load};
use crate::scenario::{DiskFiles, ExpectedValue, Files as _, Scenario, Window};

/// Variants of one file that are cases.
#[derive(Debug)]
pub(super) struct Family {
    /// The file as given.
    pub(super) file: String,
    /// Variants with expectations.
    pub(super) cases: Vec<Scenario>,
}

/// Every family with a selected case.
pub(super) fn families(args: &ValidateArgs, console: &Console) -> Result<Vec<Family>, Trouble> {
    let overrides = Overrides { seed: args.seed, ..Overrides::default() };
    let mut families = Vec::new();
    let mut known: Vec<(String, String)> = Vec::new();
    let mut files = Vec::new();
    for path in &args.paths {
        if Path::new(path).is_dir() {
            walk(Path::new(path), &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    for file in files {
        let text = DiskFiles::new("").read(&file).map_err(Trouble::usage)?;
        let given = args.paths.contains(&file);
        // Directories hold manifests and ordinary scenarios as well.
        let may_have_cases = text.contains("kind: Scenario") && text.contains("expect:");
        if !given && !may_have_cases {
            continue;
        }
        let loaded = load::load_text(&file, &text, &overrides, &[], console)?;
        let mut cases: Vec<Scenario> = loaded.variants.into_iter().filter(|v| !v.expect.is_empty()).collect();
        if cases.is_empty() && given {
            return Err(Trouble::usage(format!(
                "{file} has no variant with `expect`, so there is nothing to validate"
            )));
        }
        known.extend(cases.iter().map(|case| (file.clone(), case.variant.clone())));
        cases.retain(|case| args.case.is_empty() || args.case.iter().any(|id| selects(id, &file, &case.variant)));
        for case in &mut cases {
            // Objectives are for `run`; without them the outcome holds nothing but what is compared.
            case.objectives.clear();
            if args.quick {
                shorten(case);
            }
        }
        if !cases.is_empty() {
            families.push(Family { file, cases });
        }
    }
    if known.is_empty() {
        return Err(Trouble::usage(format!("no scenario with `expect` was found in {}", args.paths.join(", "))));
    }
    let unknown = args.case.iter().find(|id| !known.iter().any(|(file, variant)| selects(id, file, variant)));
    if let Some(id) = unknown {
        let names: Vec<&str> = known.iter().map(|(_, variant)| variant.as_str()).collect();
        return Err(Trouble::usage(format!("no case is called `{id}`; {}", choices(id, &names))));
    }
    Ok(families)
}

/// The name of a case.
pub(super) fn case_name(file: &str, variant: &str) -> String {
    format!("{file}#{variant}")
}

/// Whether an identifier names this case: `VARIANT`, `FILE#VARIANT` or the end of that after a slash.
fn selects(id: &str, file: &str, variant: &str) -> bool {
    let name = case_name(file, variant);
    id == variant || id == name || name.strip_suffix(id).is_some_and(|rest| rest.ends_with('/'))
}

/// The scenarios that stand in a directory itself, in the order of their names; manifests beside them are none.
pub(super) fn scenarios_in(directory: &Path) -> Result<Vec<String>, Trouble> {
    let mut files = Vec::new();
    for path in entries(directory)?.iter().filter(|path| path.is_file() && is_yaml(path)) {
        let file = path.to_string_lossy().into_owned();
        if DiskFiles::new("").read(&file).map_err(Trouble::usage)?.contains("kind: Scenario") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Trouble::usage(format!("no file in {} is a scenario", directory.display())));
    }
    Ok(files)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let trouble = |error: std::io::Error| Trouble::usage(format!("cannot read {}: {error}", directory.display()));
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(trouble)? {
        entries.push(entry.map_err(trouble)?.path());
    }
    entries.sort();
    Ok(entries)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn walk(directory: &Path, files: &mut Vec<String>) -> Result<(), Trouble> {
    for path in entries(directory)? {
        if path.is_dir() {
            walk(&path, files)?;
        } else if is_yaml(&path) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// A twentieth of the work, and enough of it to say something: fewer requests in each replication where the window
/// counts requests, else fewer replications (a window on the clock may be the point of the case).
fn shorten(case: &mut Scenario) {
    const FACTOR: u32 = 20;
    const MANY: u32 = 64;
    const FEW: u32 = 8;
    const REQUESTS: u64 = 2_000;
    let measured = |value: &ExpectedValue| matches!(value, ExpectedValue::Repeats(_) | ExpectedValue::Sequences(_));
    if case.expect.iter().any(|expectation| measured(&expectation.value)) {
        // A measurement is as long as it is, and its spread needs its replications.
        return;
    }
    let replications = case.run.replications;
    if replications > MANY {
        case.run.replications = (replications / FACTOR).max(MANY);
        return;
    }
    match &mut case.run.window {
        Window::Requests { requests, warmup } => {
            let fewer = (*requests / u64::from(FACTOR)).max(REQUESTS).min(*requests);
            *warmup = (u128::from(*warmup) * u128::from(fewer) / u128::from((*requests).max(1))) as u64;
            *requests = fewer;
        }
        Window::Time { .. } | Window::Auto { .. } => case.run.replications = replications.min(FEW),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_named_by_its_variant_or_with_its_file() {
        let file = "scenarios/validation/mm1.yaml";
        for id in ["mm1-rho0.5", "mm1.yaml#mm1-rho0.5", "scenarios/validation/mm1.yaml#mm1-rho0.5"] {
            assert!(selects(id, file, "mm1-rho0.5"), "{id}");
        }
        for id in ["mm1-rho0", "rho0.5", "m1.yaml#mm1-rho0.5", ""] {
            assert!(!selects(id, file, "mm1-rho0.5"), "{id}");
        }
    }
}
