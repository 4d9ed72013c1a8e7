//! What `rollout` says: what rollouts cost as a manifest has them, the pause with which they cost nothing, and the patch
//! that asks for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::number::human;
use super::terminal::{Style, plain_table, wrap};
use crate::cause::FailureCause;
use crate::experiment::least::{Search, Tried};
use crate::experiment::rollouts::Went;
use crate::scenario::Workload;
use crate::stats::{Interval, always_bound, proportion_interval, t_interval};
use crate::time::SimDuration;

/// How sure intervals and claims are.
const LEVEL: f64 = 0.95;

/// What was found out about the rollouts of a workload.
#[derive(Debug)]
pub struct Report<'a> {
    /// `metadata.name`.
    pub scenario: &'a str,
    /// The variant.
    pub variant: &'a str,
    /// The workload.
    pub workload: &'a Workload,
    /// The rollouts as the manifest has them.
    pub went: &'a [Went],
    /// How often the same time was simulated without a rollout, and how many requests failed there.
    pub without: (u32, u64),
    /// The search for a pause, where there was one.
    pub search: Option<Found<'a>>,
}

/// What a search found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The search itself.
    pub search: &'a Search,
    /// The longest pause that came into question (seconds).
    pub most: u32,
    /// The grace period that pods have.
    pub grace: SimDuration,
    /// The grace period that pods with the pause need; that which they have, where it is enough.
    pub needed: SimDuration,
    /// What is left for a pod to end after the pause.
    pub drain: SimDuration,
    /// Rollouts with the longest pause, where none is long enough.
    pub left: &'a [Went],
}

impl Found<'_> {
    /// How many rollouts in a row confirmed the pause.
    fn confirmed(&self) -> u32 {
        let last = self.search.tried.iter().rev().find(|tried| tried.confirms && tried.failed == 0);
        last.map_or(0, |tried| tried.runs)
    }
}

impl Report<'_> {
    fn clean(&self) -> u64 {
        self.went.iter().filter(|went| went.is_clean()).count() as u64
    }

    fn unfinished(&self) -> usize {
        self.went.iter().filter(|went| went.took.is_none()).count()
    }

    /// The figures of a rollout: what, with its values.
    fn figures(&self) -> Vec<(&'static str, &'static str, Vec<f64>)> {
        let all = |of: fn(&Went) -> Option<f64>| self.went.iter().filter_map(of).collect::<Vec<f64>>();
        vec![
            ("failed requests", "failed", all(|went| Some(went.failures() as f64))),
            ("duration, s", "duration_s", all(|went| went.took.map(SimDuration::as_secs_f64))),
            ("most pods at once", "pods_max", all(|went| Some(went.most_pods.into()))),
            ("fewest ready pods", "ready_min", all(|went| Some(went.fewest_ready.into()))),
            ("then until balanced, s", "balanced_after_s", all(|went| went.balanced.map(SimDuration::as_secs_f64))),
            ("longest end of a pod, s", "longest_stop_s", all(|went| Some(went.longest_stop.as_secs_f64()))),
        ]
    }
}

fn by_cause(went: &[Went]) -> BTreeMap<FailureCause, u64> {
    let mut sums = BTreeMap::new();
    for (cause, count) in went.iter().flat_map(|went| &went.failed) {
        *sums.entry(*cause).or_default() += count;
    }
    sums
}

fn interval(values: &[f64]) -> Option<Interval> {
    t_interval(values, LEVEL).map(|interval| interval.within(0.0, f64::INFINITY))
}

/// The report as text for people.
#[must_use]
pub fn render(report: &Report<'_>, style: Style) -> String {
    let (workload, rollouts) = (report.workload, report.went.len() as u64);
    let title = format!("{}: rollouts of {}, as it is", report.scenario, workload.target());
    let mut text = format!("{}\n", style.bold(&title));
    let pods = if workload.replicas == 1 { "1 pod".to_owned() } else { format!("{} pods", workload.replicas) };
    let line = format!("{rollouts} rollouts of {pods} under the scenario's traffic, variant {}", report.variant);
    text.push_str(&wrap(&line, style));
    let rows = report.figures().into_iter().map(|(name, _, values)| {
        let name = match values.len() {
            own if own == report.went.len() => name.to_owned(),
            own => format!("{name} ({own} of {rollouts})"),
        };
        let most = values.iter().copied().fold(f64::NAN, f64::max);
        match interval(&values) {
            Some(own) => {
                let range = if own.low.is_nan() {
                    String::new()
                } else {
                    format!("{} … {}", human(own.low), human(own.high))
                };
                vec![name, human(own.mean), range, human(most)]
            }
            None => vec![name, "never".to_owned(), String::new(), String::new()],
        }
    });
    text.push_str(&plain_table(&["a rollout", "mean", "95 % interval", "most"], 1, rows, style));
    let causes = by_cause(report.went);
    if !causes.is_empty() {
        let total: u64 = causes.values().sum();
        let rows = causes.iter().map(|(cause, count)| {
            let share = *count as f64 / total as f64 * 100.0;
            vec![cause.to_string(), human(*count as f64 / rollouts as f64), format!("{share:.1} %")]
        });
        text.push_str(&plain_table(&["cause", "requests a rollout", "share"], 1, rows, style));
    }
    text.push_str(&wrap(&clean_sentence(report), style));
    if let (runs, failed @ 1..) = report.without {
        let sentence = format!(
            "Without any rollout {} requests fail in the same time, too: no pause before the signal can prevent these.",
            human(failed as f64 / f64::from(runs))
        );
        text.push_str(&style.red(&wrap(&sentence, style)));
    }
    if let Some(found) = &report.search {
        text.push('\n');
        text.push_str(&format!("{}\n", style.bold("the pause that keeps every request (preStop)")));
        text.push_str(&search_text(report, found, style));
    }
    text
}

fn clean_sentence(report: &Report<'_>) -> String {
    let (clean, n) = (report.clean(), report.went.len() as u64);
    let percent = |p: f64| format!("{} %", human((p * 1_000.0).round() / 10.0));
    let mut sentence = match proportion_interval(clean, n, LEVEL) {
        Some((_, high)) if clean == 0 => {
            format!("None of {n} rollouts went without a failed request: P(no error) is at most {}.", percent(high))
        }
        Some(_) if clean == n => format!(
            "All {n} rollouts went without a failed request: P(no error) is at least {} with 95 % confidence.",
            percent(floor_to_tenths(always_bound(n, LEVEL)))
        ),
        Some((low, high)) => format!(
            "{clean} of {n} rollouts went without a failed request: P(no error) lies between {} and {}.",
            percent(low),
            percent(high)
        ),
        None => String::new(),
    };
    if let unfinished @ 1.. = report.unfinished() {
        sentence.push_str(&format!(" {unfinished} did not come to their end."));
    }
    sentence
}

/// A share rounded down to tenths of a percent: what is claimed is never more than what is shown.
fn floor_to_tenths(share: f64) -> f64 {
    (share * 1_000.0).floor() / 1_000.0
}

fn search_text(report: &Report<'_>, found: &Found<'_>, style: Style) -> String {
    let mut text = String::new();
    match found.search.least {
        Some(seconds) => {
            let confirmed = found.confirmed();
            let what = match seconds {
                0 => "No pause is needed".to_owned(),
                _ => format!("preStop of {seconds} s"),
            };
            let sentence = format!(
                "{what}: {confirmed} rollouts in a row without a failed request, which the search had not seen, so P(no error) \
                 is at least {} % with 95 % confidence.",
                human(floor_to_tenths(always_bound(confirmed.into(), LEVEL)) * 100.0)
            );
            text.push_str(&wrap(&sentence, style));
            let grace = if found.needed > found.grace {
                format!("The grace period must be {}; it is {}.", found.needed, found.grace)
            } else {
                format!("The grace period of {} is enough.", found.grace)
            };
            let left = format!("{grace} After the pause it leaves at least {} to end in.", found.drain);
            text.push_str(&wrap(&left, style));
        }
        None => {
            text.push_str(&style.red(&wrap(&left_sentence(found), style)));
        }
    }
    let rows = found.search.tried.iter().map(|tried| {
        vec![
            format!("{} s", tried.setting),
            if tried.confirms { "confirmed by others" } else { "search" }.to_owned(),
            tried.runs.to_string(),
            tried.failed.to_string(),
        ]
    });
    text.push_str(&plain_table(&["preStop", "step", "rollouts", "with failed requests"], 2, rows, style));
    if let Some(patch) = patch(report) {
        text.push_str(&format!("\n{}\n", style.bold("patch")));
        for line in patch.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// What still fails with the longest pause, and what is to be done about it.
fn left_sentence(found: &Found<'_>) -> String {
    let causes = by_cause(found.left);
    let (runs, unclean) = (found.left.len(), found.left.iter().filter(|went| !went.is_clean()).count());
    let parts: Vec<String> = causes.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
    let mut sentence = format!(
        "No pause up to {} s is enough: with it {unclean} of {runs} rollouts still fail requests ({}).",
        found.most,
        parts.join(", ")
    );
    if causes.contains_key(&FailureCause::Reset) {
        sentence.push_str(
            " A reset is a connection that ends with its pod while a request is on it: let the application end what it is doing \
             and tell its clients (`sigterm: drain`), let clients close idle connections sooner, or let them try again.",
        );
    }
    sentence
}

/// The patch that asks for the pause: a part of the workload's manifest, for `kubectl patch --patch-file`. `None` where
/// none is needed, or none was found.
#[must_use]
pub fn patch(report: &Report<'_>) -> Option<String> {
    let found = report.search.as_ref()?;
    let seconds = found.search.least.filter(|seconds| *seconds > 0)?;
    let workload = report.workload;
    let kind = match workload.kind.as_str() {
        "statefulset" => "StatefulSet",
        "daemonset" => "DaemonSet",
        _ => "Deployment",
    };
    let mut text =
        format!("# kubectl -n {} patch {} {} --patch-file FILE\n", workload.namespace, workload.kind, workload.name);
    text.push_str("# `sleep` is there from Kubernetes 1.30 on; before that, and with a shell in the image:\n");
    text.push_str(&format!("#   preStop: {{exec: {{command: [sleep, \"{seconds}\"]}}}}\n"));
    text.push_str(&format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  template:\n    spec:\n",
        workload.name, workload.namespace
    ));
    if found.needed > found.grace {
        let grace = found.needed.as_nanos().div_ceil(1_000_000_000);
        text.push_str(&format!("      terminationGracePeriodSeconds: {grace}\n"));
    }
    text.push_str("      containers:\n");
    for container in workload.main_containers().map(|main| &workload.containers[main]) {
        text.push_str(&format!(
            "        - name: {}\n          lifecycle:\n            preStop:\n              sleep:\n                seconds: {seconds}\n",
            container.name
        ));
    }
    Some(text)
}

/// The report as one JSON document. Numbers that do not exist are null.
#[must_use]
pub fn document(report: &Report<'_>) -> Value {
    let (clean, n) = (report.clean(), report.went.len() as u64);
    let figures: serde_json::Map<String, Value> = report
        .figures()
        .into_iter()
        .map(|(_, key, values)| {
            let most = values.iter().copied().fold(f64::NAN, f64::max);
            let own = interval(&values);
            let value = json!({
                "mean": own.map(|own| own.mean),
                "low": own.map(|own| own.low).filter(|low| low.is_finite()),
                "high": own.map(|own| own.high).filter(|high| high.is_finite()),
                "most": Some(most).filter(|most| most.is_finite()),
                "rollouts": values.len(),
            });
            (key.to_owned(), value)
        })
        .collect();
    let causes: serde_json::Map<String, Value> =
        by_cause(report.went).into_iter().map(|(cause, count)| (cause.to_string(), json!(count))).collect();
    let bounds = proportion_interval(clean, n, LEVEL);
    json!({
        "scenario": report.scenario,
        "variant": report.variant,
        "target": report.workload.target(),
        "pods": report.workload.replicas,
        "as_it_is": {
            "rollouts": n,
            "clean": clean,
            "unfinished": report.unfinished(),
            "clean_low": bounds.map(|bounds| bounds.0),
            "clean_high": bounds.map(|bounds| bounds.1),
            "failed_by_cause": causes,
            "figures": figures,
            "failed_without_rollout": report.without.1,
        },
        "pre_stop": report.search.as_ref().map(|found| search_value(report, found)),
    })
}

fn search_value(report: &Report<'_>, found: &Found<'_>) -> Value {
    let tried = |tried: &Tried| {
        json!({
            "seconds": tried.setting,
            "confirms": tried.confirms,
            "rollouts": tried.runs,
            "with_failures": tried.failed,
        })
    };
    let confirmed = found.search.least.map(|_| found.confirmed());
    let left: serde_json::Map<String, Value> =
        by_cause(found.left).into_iter().map(|(cause, count)| (cause.to_string(), json!(count))).collect();
    json!({
        "seconds": found.search.least,
        "confirmed_by": confirmed,
        "no_error_at_least": confirmed.map(|confirmed| always_bound(confirmed.into(), LEVEL)),
        "left_by_cause": left,
        "grace_s": found.grace.as_secs_f64(),
        "grace_needed_s": found.search.least.map(|_| found.needed.as_secs_f64()),
        "tried": found.search.tried.iter().map(tried).collect::<Vec<_>>(),
        "patch": patch(report),
    })
}
