//! What the timeline has for after the end of the run.

use super::super::context::Context;
use super::super::{Window, values};
use crate::yaml::{Node, Problem};

/// Entries that come when the window has closed change nothing that is counted.
pub(super) fn warn_of_late_entries(cx: &mut Context<'_>, items: &[Node], window: &Window) {
    let Window::Time { duration, .. } = window else { return };
    for item in items {
        let Some(node) = item.get("at") else { continue };
        if values::duration(node).is_ok_and(|at| at >= *duration) {
            let message = format!("this is too late for the run, whose window ends at {duration}");
            let help = "write a longer `run.duration`, or an earlier `at`";
            cx.problems.push(Problem::warning(node.span, message).help(help));
        }
    }
}
