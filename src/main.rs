//! The `windtunnel` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    windtunnel::cli::main(std::env::args_os())
}
