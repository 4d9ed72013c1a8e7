//! The `windtunnel` command: one file a verb. Reads arguments, calls the library, prints, returns an exit status.

mod args;
mod check;
mod compare;
mod completions;
mod console;
mod explain;
mod interrupt;
mod list;
mod load;
mod metrics;
mod progress;
mod rollout;
mod run;
mod schema;
mod selection;
mod simulate;
mod sweep;
mod validate;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::{Arguments, Verb};
use console::Console;

use crate::report::Summary;

/// How a command ended. The order is that of importance: of several scenarios the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    /// Done, and every objective met.
    Done,
    /// An objective was missed or undecided, or a known result was not reproduced.
    Missed,
    /// Interrupted; what was finished is kept.
    Interrupted,
}

impl Status {
    /// What a run says of its objectives, if it came to its end.
    fn of(summary: &Summary) -> Self {
        match summary.partial {
            true => Self::Interrupted,
            false if summary.objectives_met() => Self::Done,
            false => Self::Missed,
        }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
enum Trouble {
    /// Bad usage, a bad scenario, or files that cannot be read or written. The message is printed as it is.
    Usage(String),
    /// A bug in windtunnel.
    Fault(String),
    /// Nobody reads what is printed any more, as in `windtunnel … | head`.
    Hangup,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Hangup } else { Self::Usage(format!("error: {error}\n")) }
    }
}

impl Trouble {
    /// A message after the word `error`.
    fn usage(message: impl std::fmt::Display) -> Self {
        Self::Usage(format!("error: {message}\n"))
    }

    fn exit(self) -> u8 {
        match self {
            Self::Usage(message) => {
                eprint_all(&message);
                2
            }
            Self::Fault(message) => {
                eprint_all(&fault(&message));
                3
            }
            Self::Hangup => 0,
        }
    }
}

/// What is said of a bug.
fn fault(message: &str) -> String {
    format!(
        "internal fault: {message}\n\
         This is a bug in windtunnel {}, not in your scenario. Please report it with the scenario, the command\n\
         line and this message. No result was written.\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Standard error may be closed as well; then there is nobody to tell.
fn eprint_all(text: &str) {
    let _nobody_to_tell = io::Write::write_all(&mut io::stderr(), text.as_bytes());
}

/// Runs the command with these arguments, the first of which is the program's name.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _nobody_to_tell = error.print();
            return ExitCode::from(if asked_for { 0 } else { 2 });
        }
    };
    let console = Console::new(&arguments.verbosity);
    let result = match &arguments.verb {
        Verb::Run(args) => run::run(args, &console),
        Verb::Compare(args) => compare::compare(args, &console),
        Verb::Sweep(args) => sweep::sweep(args, &console),
        Verb::Explain(args) => explain::explain(args, &console),
        Verb::Rollout(args) => rollout::rollout(args, &console),
        Verb::Check(args) => check::check(args, &console),
        Verb::Validate(args) => validate::validate(args, &console),
        Verb::List(args) => list::list(args, &console),
        Verb::Schema => schema::schema(&console),
        Verb::Completions(args) => completions::completions(args, &console),
    };
    ExitCode::from(match result {
        Ok(Status::Done) => 0,
        Ok(Status::Missed) => 1,
        Ok(Status::Interrupted) => 130,
        Err(trouble) => trouble.exit(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Trouble, fault};

    #[test]
    fn a_bug_is_not_blamed_on_the_scenario() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            fault("replication 0: 5 of 6 requests are accounted for in browse"),
            format!(
                "internal fault: replication 0: 5 of 6 requests are accounted for in browse\n\
                 This is a bug in windtunnel {version}, not in your scenario. Please report it with the scenario, the command\n\
                 line and this message. No result was written.\n"
            )
        );
        assert_eq!(Trouble::Fault("seen".to_owned()).exit(), 3);
    }
}
