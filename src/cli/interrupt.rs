//! Ctrl-C: the first asks the run to stop after what it is doing, the second ends the program.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals belong to the process, so this is the one global there is.
static STOP: AtomicBool = AtomicBool::new(false);

/// The flag that Ctrl-C, or a termination signal, sets.
pub(super) fn flag() -> &'static AtomicBool {
    let handler = || {
        if STOP.swap(true, Ordering::SeqCst) {
            process::exit(130);
        }
        super::eprint_all("\ninterrupted: writing what is finished (once more: stop at once)\n");
    };
    // Fails only where a handler exists already; then interrupting works as that one likes.
    let _installed = ctrlc::set_handler(handler);
    &STOP
}
