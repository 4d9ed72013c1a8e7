//! `windtunnel completions SHELL`: a completion script.

use clap::CommandFactory as _;

use super::args::{Arguments, CompletionsArgs};
use super::console::Console;
use super::{Status, Trouble};

pub(super) fn completions(args: &CompletionsArgs, console: &Console) -> Result<Status, Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "windtunnel", &mut script);
    console.print(&String::from_utf8_lossy(&script))?;
    Ok(Status::Done)
}
