//! The progress bar on standard error.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::Console;
use crate::experiment::Progress;

/// Redraws a second; more would only cost time.
const REDRAWS: u8 = 8;

/// A bar over the replications of a run, with simulated requests a second and the time left.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar, invisible unless the console allows one.
    pub(super) fn new(console: &Console, name: &str) -> Self {
        let target =
            if console.progress() { ProgressDrawTarget::stderr_with_hz(REDRAWS) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} runs · {msg} · {eta} left")
            .expect("the template is well formed");
        bar.set_style(style);
        bar.set_prefix(name.to_owned());
        if console.progress() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advance(&self, done_runs: u64, total_runs: u64, requests: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_length(total_runs);
        self.bar.set_position(done_runs);
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
        let rate = HumanCount((requests as f64 / seconds) as u64);
        self.bar.set_message(format!("{rate} requests/s"));
    }
}
