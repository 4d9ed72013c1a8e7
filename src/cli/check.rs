//! `windtunnel check FILE…`: validates scenarios and lists what is used, ignored and assumed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::args::CheckArgs;
use super::console::Console;
use super::{Status, Trouble, load};
use crate::scenario::Loaded;
use crate::scenario::check::Assumed;

pub(super) fn check(args: &CheckArgs, console: &Console) -> Result<Status, Trouble> {
    let mut problems = String::new();
    for path in &args.files {
        match load::load(path, &args.overrides, &[], console) {
            Ok(loaded) => console.print(&report(path, &loaded))?,
            // All files are checked, so that all problems are seen at once.
            Err(Trouble::Usage(message)) => problems.push_str(&message),
            Err(other) => return Err(other),
        }
    }
    if problems.is_empty() { Ok(Status::Done) } else { Err(Trouble::Usage(problems)) }
}

fn report(path: &str, loaded: &Loaded) -> String {
    let mut text = String::new();
    let variants: Vec<&str> = loaded.variants.iter().map(|variant| variant.variant.as_str()).collect();
    let _infallible = writeln!(text, "{path}: {} is valid ({})", loaded.name, variants.join(", "));
    section(&mut text, "used", loaded.report.used.iter().cloned());
    let ignored = &loaded.report.ignored;
    section(&mut text, "ignored", ignored.iter().map(|item| format!("{} ({})", item.what, item.why)));
    section(&mut text, "ASSUMED", assumptions(&loaded.report.assumed).into_iter());
    text
}

/// The assumptions, each with the field that sets it; of many alike, as for the pods of a dump, the first.
fn assumptions(assumed: &[Assumed]) -> Vec<String> {
    const MOST_ALIKE: usize = 8;
    let kind = |item: &Assumed| (item.what.rsplit(": ").next().unwrap_or_default().to_owned(), item.value.clone());
    let mut alike: BTreeMap<_, usize> = BTreeMap::new();
    for item in assumed {
        *alike.entry(kind(item)).or_default() += 1;
    }
    let mut shown = BTreeSet::new();
    let mut lines = Vec::new();
    for item in assumed {
        let more = alike[&kind(item)] - 1;
        if more < MOST_ALIKE || shown.insert(kind(item)) {
            let others = if more < MOST_ALIKE { String::new() } else { format!(" (and {more} more like it)") };
            lines.push(format!("{} = {}{others}\n      set it with {}", item.what, item.value, item.field));
        }
    }
    lines
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let _infallible = writeln!(text, "\n  {title}");
    let before = text.len();
    for line in lines {
        let _infallible = writeln!(text, "    {line}");
    }
    if text.len() == before {
        text.push_str("    nothing\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_assumptions_alike_are_one_line() {
        let item = |pod: usize, what: &str| Assumed {
            what: format!("pod/p{pod} container c: {what}"),
            value: "16".to_owned(),
            field: format!("workloads[pod/p{pod}]"),
        };
        let mut assumed: Vec<Assumed> = (0..100).map(|pod| item(pod, "behaviour")).collect();
        assumed.push(item(0, "port"));
        assert_eq!(
            assumptions(&assumed),
            [
                "pod/p0 container c: behaviour = 16 (and 99 more like it)\n      set it with workloads[pod/p0]",
                "pod/p0 container c: port = 16\n      set it with workloads[pod/p0]"
            ]
        );
        assert_eq!(assumptions(&assumed[..8]).len(), 8);
    }
}
