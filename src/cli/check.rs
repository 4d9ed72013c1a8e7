//! `windtunnel check FILE…`: validates scenarios and lists what is used, ignored and assumed.

use std::fmt::Write as _;

use super::args::CheckArgs;
use super::console::Console;
use super::{Status, Trouble, load};
use crate::scenario::Loaded;

pub(super) fn check(args: &CheckArgs, console: &Console) -> Result<Status, Trouble> {
    let mut problems = String::new();
    for path in &args.files {
        match load::load(path, &args.overrides, console) {
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
    let assumed = &loaded.report.assumed;
    section(
        &mut text,
        "ASSUMED",
        assumed.iter().map(|item| format!("{} = {}\n      set it with {}", item.what, item.value, item.field)),
    );
    text
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
