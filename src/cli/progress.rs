//! The progress bar on standard error.

use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::Console;
use crate::experiment::Progress;

/// Redraws a second; more would only cost time.
const REDRAWS: u8 = 8;

/// The bar's length: the share of the work that is done, in parts.
const PARTS: u64 = 10_000;

/// A bar over the work of a run, with its replications, simulated requests a second and the time left. Work counts as
/// what it costs, not as the number of runs, so that a few long runs at one end do not make the estimate jump.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar, invisible unless the console allows one.
    pub(super) fn new(console: &Console, name: &str) -> Self {
        let target =
            if console.progress() { ProgressDrawTarget::stderr_with_hz(REDRAWS) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(PARTS), target);
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg}").expect("the template is well formed");
        bar.set_style(style);
        bar.set_prefix(name.to_owned());
        if console.progress() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar }
    }

    /// Does something that prints.
    pub(super) fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
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
        let seconds = self.bar.elapsed().as_secs_f64();
        let rate = HumanCount((requests as f64 / seconds.max(1e-3)) as u64);
        self.bar.set_message(message((done_runs, total_runs), &rate, seconds, self.bar.position()));
    }

    fn share(&self, done: f64) {
        // Several workers tell, and the bar never goes back.
        let parts = (done * PARTS as f64) as u64;
        if parts > self.bar.position() {
            self.bar.set_position(parts);
        }
    }
}

/// What stands beside the bar.
fn message((done, total): (u64, u64), rate: &HumanCount, seconds: f64, parts: u64) -> String {
    format!("{done}/{total} runs · {rate} requests/s · {} left", left(seconds, parts))
}

/// The time left if what is left goes on as what is done.
fn left(seconds: f64, parts: u64) -> String {
    if parts == 0 {
        return "unknown".to_owned();
    }
    let left = seconds * PARTS.saturating_sub(parts) as f64 / parts as f64;
    HumanDuration(Duration::from_secs_f64(left.min(1e9))).to_string()
}

#[cfg(test)]
mod tests {
    use indicatif::HumanCount;

    use super::{left, message};

    #[test]
    fn the_bar_says_what_is_done_and_left() {
        let text = message((3, 40), &HumanCount(1_250_000), 60.0, 5_000);
        assert_eq!(text, "3/40 runs · 1,250,000 requests/s · 60 seconds left");
    }

    #[test]
    fn the_time_left_goes_by_the_work_that_is_done() {
        assert_eq!(left(5.0, 0), "unknown");
        assert_eq!(left(10.0, 2_500), "30 seconds");
        assert_eq!(left(10.0, 1), "28 hours");
        assert_eq!(left(10.0, 10_000), "0 seconds");
    }
}
