//! Whole files: what loads, and what each mistake is answered with.

mod details;
mod discovery;
mod examples;
mod faults;
mod goals;
mod metrics;
mod mistakes;
mod mutations;
mod patch;
mod process;
mod services;
mod texts;
mod vary;
mod without;

use std::collections::BTreeMap;

use super::files::matches;
use super::{Files, Loaded, Overrides, Scenario, load};

/// Files in memory.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<String, String>);

impl Memory {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, String> {
        self.0.get(path).cloned().ok_or_else(|| format!("cannot read `{path}`: no such file"))
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        Ok(self.0.keys().filter(|name| matches(pattern, name)).cloned().collect())
    }
}

/// Loads or shows why not.
pub(super) fn loaded(text: &str, files: &[(&str, &str)], overrides: &Overrides) -> Loaded {
    load("shop.yaml", text, &Memory::of(files), overrides).unwrap_or_else(|failure| panic!("{failure}"))
}

/// The first variant.
pub(super) fn first(text: &str) -> Scenario {
    loaded(text, &[], &Overrides::default()).variants.swap_remove(0)
}

/// A complete scenario with `spec` taken from `text` (indented by two spaces) where given, else usual parts.
pub(super) fn with(extra: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n  workloads: [{{target: deployment/web, inline: {{replicas: 4}}, containers: {{app: {{concurrency: 1, serviceTime: 1s}}}}}}]\n{extra}"
    )
}

/// The usual traffic.
pub(super) const TRAFFIC: &str = "  traffic: [{name: t, to: \"http://web/\", arrivals: {poisson: {rate: 3/s}}}]\n";

/// The same answers, compared one by one: each begins with its title behind `## `.
pub(super) fn same_blocks(found: &str, expected: &str) {
    let (found, expected) = (found.split("## ").collect::<Vec<_>>(), expected.split("## ").collect::<Vec<_>>());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
