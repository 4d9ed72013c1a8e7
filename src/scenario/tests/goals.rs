//! `run.replications` with a goal: what it means, and what is answered to one that cannot be.

use super::super::metric::{Quantity, Statistic};
use super::super::{Overrides, Run, load};
use super::{Memory, TRAFFIC, with};

fn run(goal: &str, overrides: &Overrides) -> Run {
    let text = with(&format!("{TRAFFIC}  run: {{replications: {goal}}}\n"));
    let loaded = load("shop.yaml", &text, &Memory::default(), overrides).expect("a valid goal");
    loaded.variants.into_iter().next().expect("a variant").run
}

#[test]
fn a_goal_has_bounds_a_metric_and_a_width() {
    let whole = run("{min: 2, max: 30, until: {metric: t.latency.p99, relativeHalfWidth: 5%}}", &Overrides::default());
    let until = whole.until.as_ref().expect("a goal");
    assert_eq!((whole.replications, until.min, until.relative_half_width), (30, 2, 0.05));
    assert_eq!((&until.metric.quantity, &until.metric.statistic), (&Quantity::Latency, &Statistic::Quantile(0.99)));
    assert_eq!(until.text, "t.latency.p99");
    let short = run("{until: {metric: t.errorRatio, relativeHalfWidth: 0.1}}", &Overrides::default());
    assert_eq!((short.replications, short.until.map(|until| until.min)), (1_000, Some(20)));
    assert_eq!(run("7", &Overrides::default()).until, None);
}

#[test]
fn the_command_line_replaces_a_goal_or_changes_it() {
    let goal = "{until: {metric: t.latency.p99, relativeHalfWidth: 5%}}";
    let fixed = run(goal, &Overrides { replications: Some(4), ..Overrides::default() });
    assert_eq!((fixed.replications, fixed.until), (4, None));
    let set = vec![("run.replications.until.relativeHalfWidth".to_owned(), "2%".to_owned())];
    let finer = run(goal, &Overrides { set, ..Overrides::default() });
    assert_eq!(finer.until.map(|until| until.relative_half_width), Some(0.02));
    let set = vec![("run.replications".to_owned(), goal.to_owned())];
    assert!(run("3", &Overrides { set, ..Overrides::default() }).until.is_some());
}

#[test]
fn goals_that_cannot_be_are_answered_with_their_places() {
    let goal = |name: &str, goal: &str| format!("    - {{name: {name}, set: {{run.replications: {goal}}}}}\n");
    let goals = [
        goal("a", "{min: 1, max: 0, until: {metric: t.latncy.p99, relativeHalfWidth: 0}}"),
        goal("b", "{min: 30, max: 20, until: {metric: u.latency.p99, relativeHalfWidth: 100%}}"),
        goal("c", "{max: 10, until: {metric: deployment/web.picks.sequence, relativeHalfWidth: 5ms}}"),
        goal("d", "{mim: 10, until: {metrc: t.latency.p99, relativeHalfWidth: -1%}}"),
        goal("e", "{until: t.latency.p99}"),
        goal("f", "{min: 10}"),
        goal("g", "{until: {metric: t.latency.p99.acrossReplications(sd), relativeHalfWidth: 1}}"),
        goal("h", "{until: {metric: u.latency.p99, relativeHalfWidth: 5%}}"),
    ];
    let text = with(&format!("{TRAFFIC}  variants:\n{}", goals.concat()));
    let failure = load("shop.yaml", &text, &Memory::default(), &Overrides::default()).expect_err("eight bad goals");
    assert_eq!(failure.to_string(), include_str!("goals.txt"));
}
