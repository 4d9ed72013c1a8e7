//! Standard output and standard error: results go to the first, everything else to the second.

use std::io::{self, IsTerminal as _, Write as _};

use super::Trouble;
use super::args::Verbosity;
use crate::report::terminal::Style;

/// Width of what is printed where there is no terminal to measure.
const PLAIN_WIDTH: usize = 100;

/// What the command may print, and how.
#[derive(Debug)]
pub(super) struct Console {
    quiet: bool,
    verbose: bool,
    progress: bool,
    color: bool,
    color_errors: bool,
    width: usize,
    terminal: bool,
}

impl Console {
    pub(super) fn new(verbosity: &Verbosity) -> Self {
        // https://no-color.org: present and not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal = io::stdout().is_terminal();
        let error_terminal = io::stderr().is_terminal();
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            quiet: verbosity.quiet,
            verbose: verbosity.verbose,
            progress: error_terminal && !verbosity.no_progress && !verbosity.quiet,
            color: terminal && !no_color,
            color_errors: error_terminal && !no_color,
            width: width.filter(|_| terminal).unwrap_or(PLAIN_WIDTH).clamp(40, 160),
            terminal,
        }
    }

    /// How tables are drawn.
    pub(super) const fn style(&self) -> Style {
        Style { width: self.width, color: self.color }
    }

    /// How long lists are drawn: a file or a pipe has room for whole lines.
    pub(super) fn list_style(&self) -> Style {
        Style { width: if self.terminal { self.width } else { usize::from(u16::MAX) }, color: self.color }
    }

    /// Whether messages on standard error may be coloured.
    pub(super) const fn color_errors(&self) -> bool {
        self.color_errors
    }

    /// Whether a progress bar may be drawn.
    pub(super) const fn progress(&self) -> bool {
        self.progress
    }

    /// Whether only what matters should be printed.
    pub(super) const fn quiet(&self) -> bool {
        self.quiet
    }

    /// A result.
    pub(super) fn print(&self, text: &str) -> Result<(), Trouble> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// A note for people.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            super::eprint_all(&format!("{}\n", text.trim_end()));
        }
    }

    /// A note for people who want to know.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose {
            self.note(text);
        }
    }
}
