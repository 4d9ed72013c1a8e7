//! The whole sentences of reports that hang on chance or on an interruption, for results made by hand.

use super::comparison_text::{self, Shown};
use super::goal::GoalSummary;
use super::sweep_text::{self, Sweep};
use super::terminal::{Style, verdict_advice};
use super::tests::summary;
use super::{Batch, markdown, terminal, why};
use crate::cause::LedgerCause;
use crate::scenario::Until;
use crate::scenario::metric::{Across, Dimension, Metric, Quantity, Scope, Statistic};
use crate::scenario::{Axis, Grid};
use crate::stats::ObjectiveVerdict;

const STYLE: Style = Style { width: 200, color: false };

fn lines(text: &str, count: usize) -> Vec<&str> {
    text.lines().take(count).collect()
}

#[test]
fn what_was_interrupted_says_so_at_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut summary = summary(directory.path());
    summary.partial = true;
    assert_eq!(
        lines(&terminal::render(&summary, STYLE), 3),
        ["shop: Which?", "interrupted: what follows is over the replications that were finished", ""]
    );
    assert_eq!(
        lines(&markdown::render(&summary), 6),
        ["# shop", "", "Which?", "", "**Interrupted**: over the replications that were finished.", ""]
    );
    let shown = Shown { metrics: &[], calls: false };
    assert_eq!(
        comparison_text::render(&summary, shown, STYLE),
        "shop: Which?\n\
         interrupted: what follows is over the replications that were finished\n  \
         No replication of the baseline and another variant was finished: there is nothing to compare.\n"
    );
    assert_eq!(
        comparison_text::markdown(&summary, shown),
        "# shop\n\nWhich?\n\n**Interrupted**: over the replications that were finished.\n\n\
         No replication of the baseline and another variant was finished: there is nothing to compare.\n"
    );
    let grid = Grid { axes: vec![Axis::new("run.seed", "seed", ["1", "2", "3"].map(str::to_owned).to_vec())] };
    let sweep = Sweep { summary: &summary, grid: &grid, metrics: &[], same_requests: true };
    assert_eq!(
        lines(&sweep_text::render(&sweep, STYLE), 4),
        [
            "shop: Which?",
            "interrupted: what follows is over the points and replications that were finished",
            "",
            "a grid of 3 points, 1 of them begun · replications: 2"
        ]
    );
    assert_eq!(
        lines(&sweep_text::markdown(&sweep), 7),
        [
            "# shop",
            "",
            "Which?",
            "",
            "**Interrupted**: over the points and replications that were finished.",
            "",
            "a grid of 3 points, 1 of them begun · replications: 2"
        ]
    );
    let mut batch = Batch::new().expect("memory");
    batch.add(&summary).expect("memory");
    assert!(batch.markdown().contains("| shop (interrupted) |"), "{}", batch.markdown());
}

#[test]
fn what_an_undecided_objective_needs_is_said() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let summary = summary(directory.path());
    let mut objective = summary.variants[0].objectives[0].clone();
    let mut advice = |needed, known: bool| {
        objective.verdict = ObjectiveVerdict::Undecided { replications_needed: needed };
        objective.dimension = Dimension::Seconds;
        objective.interval = objective.interval.filter(|_| known);
        verdict_advice(&objective)
    };
    assert_eq!(advice(Some(1_200), true), "about 1,200 replications would decide");
    assert_eq!(advice(None, true), "more replications would decide");
    assert_eq!(advice(None, false), "a replication has too few samples; make the run longer");
}

#[test]
fn a_goal_says_how_far_it_was_reached() {
    let goal = |made, reached: Option<f64>, needed| GoalSummary {
        until: Until {
            min: 2,
            metric: Metric {
                scope: Scope::Traffic(0),
                quantity: Quantity::Latency,
                statistic: Statistic::Mean,
                across: Across::Mean,
            },
            text: "t.latency.mean".to_owned(),
            relative_half_width: 0.05,
        },
        max: 40,
        made,
        relative_half_width: reached,
        met: reached.is_some_and(|reached| reached <= 0.05),
        replications_needed: needed,
    };
    assert_eq!(
        goal(12, Some(0.041), None).sentence(),
        "goal met: t.latency.mean within ± 4.1 % (± 5 % was asked) after 12 replications"
    );
    assert_eq!(
        goal(1, None, None).sentence(),
        "goal not met: after 1 replication t.latency.mean has no relative precision; ± 5 % was asked"
    );
    assert_eq!(
        goal(40, Some(0.08), Some(110)).sentence(),
        "goal not met: t.latency.mean within ± 8 % (± 5 % was asked) after 40 replications, the most allowed; about 110 \
         replications would do"
    );
}

#[test]
fn every_cause_has_its_words() {
    let words: Vec<String> = LedgerCause::ALL.iter().map(|cause| why::words(&(*cause, "x".to_owned()))).collect();
    assert_eq!(
        words,
        [
            "resolving the name at x",
            "opening connections to x",
            "TLS handshakes with x",
            "the loopback network of x",
            "the network inside a node at x",
            "the network inside a zone at x",
            "the network between zones at x",
            "the network between regions at x",
            "the network outside the cluster at x",
            "being handled by a proxy at x",
            "waiting for a pooled connection to x",
            "waiting in the queue of x",
            "waiting for CPU quota in x",
            "slow start of x",
            "being served by x",
            "waiting between attempts at x",
            "attempts that came to nothing at x",
            "the network interfaces of nodes at x",
            "cold start of x",
            "a stalled process in x",
            "waiting for a core in x",
        ]
    );
    assert_eq!(why::words(&(LedgerCause::Service, String::new())), "being served");
}

#[test]
fn a_tail_of_many_small_causes_has_no_single_one() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut flow = summary(directory.path()).variants[0].flows[0].clone();
    // Thirty places that grow alike: none makes a twentieth of it.
    flow.ledger = (0..30).map(|place| (LedgerCause::Service, format!("pod-{place}"))).collect();
    for band in &mut flow.bands {
        let each = if band.name == "p50" { 1e6 } else { 2e6 };
        band.means = vec![each; 30];
    }
    assert_eq!(
        why::sentence(&flow).as_deref(),
        Some("the slowest 1 % take 60 ms on average, 30 ms more than the median request: no single cause stands out")
    );
}
