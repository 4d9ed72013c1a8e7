//! Ctrl-C: the first asks the run to stop after what it is doing, the second ends the program.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals belong to the process, so this is the one global there is.
static STOP: AtomicBool = AtomicBool::new(false);

/// What was finished is kept.
pub(super) const FINISHED: &str = "writing what is finished";

/// Nothing is kept of what is half done.
pub(super) const STOPPING: &str = "stopping after what is under way";

/// The flag that Ctrl-C, or a termination signal, sets; `then` says what happens before the end.
pub(super) fn flag(then: &'static str) -> &'static AtomicBool {
    let handler = move || {
        if STOP.swap(true, Ordering::SeqCst) {
            process::exit(130);
        }
        super::eprint_all(&format!("\ninterrupted: {then} (once more: stop at once)\n"));
    };
    // Fails only where a handler exists already; then interrupting works as that one likes.
    let _installed = ctrlc::set_handler(handler);
    &STOP
}
