//! `containers.NAME.cold`, `.breakdown` and `.cpu`, and `cluster.cpu`.

use super::super::context::{Context, Object};
use super::super::process::{Breakdown, CpuRules, Process};
use super::super::{Behaviour, Step, tables_process as tables, values};
use super::dist::dist;
use crate::time::SimDuration;
use crate::yaml::{Node, Problem};

/// Reads what stands beside the steps of a container, which are read already.
pub(super) fn process(cx: &mut Context<'_>, object: &Object<'_>, behaviour: &Behaviour) -> Process {
    let cold = object.get("cold").and_then(|node| cold(cx, node));
    let calls = behaviour.steps.iter().any(|step| matches!(step, Step::Calls(_)));
    if object.get("cold").is_some() && calls && !behaviour.holds_slot_while_calling {
        cx.problem_help(
            object.key_span("cold"),
            "a container whose requests hold no slot while they call is not idle when all slots are free",
            "remove `cold`, or write `holdsSlotWhileCalling: true`",
        );
    }
    let breakdown = object.get("breakdown").and_then(|node| breakdown(cx, node));
    Process { cold, breakdown, cpu: shares(cx, object, behaviour) }
}

fn cold(cx: &mut Context<'_>, node: &Node) -> Option<crate::random::Dist> {
    let object = cx.object(node, &tables::COLD)?;
    object.word(cx, "when", &[("idle", ())]);
    object.get("start").and_then(|node| dist(cx, node, "start"))
}

fn breakdown(cx: &mut Context<'_>, node: &Node) -> Option<Breakdown> {
    let object = cx.object(node, &tables::BREAKDOWN)?;
    let fails = object.word(cx, "inService", &[("resume", false), ("fail", true)]).unwrap_or(false);
    let up = object.get("up").and_then(|node| dist(cx, node, "up"))?;
    let repair = object.get("repair").and_then(|node| dist(cx, node, "repair"))?;
    if up.mean() <= 0.0 {
        let message = "`up` is always 0: the process would never work";
        cx.problem_help(object.key_span("up"), message, "write for example `up: {exponential: {mean: 1h}}`");
        return None;
    }
    Some(Breakdown { up, repair, fails })
}

/// The shares of the steps that are on the CPU; nothing where all of them are, wholly.
fn shares(cx: &mut Context<'_>, object: &Object<'_>, behaviour: &Behaviour) -> Vec<f64> {
    let whole = object.ratio(cx, "cpu").unwrap_or(1.0);
    let items = object.get("steps").and_then(Node::as_list).unwrap_or(&[]);
    let mut shares = Vec::new();
    for (index, step) in behaviour.steps.iter().enumerate() {
        // Steps that were refused are missing: then nothing runs anyway.
        let own = items.get(index).and_then(|item| item.get("cpu")).and_then(|node| {
            let read = values::ratio(node, 1.0);
            cx.take(node, "cpu", read).map(|share| (share, node))
        });
        if let (Step::Calls(_), Some((_, node))) = (step, own) {
            cx.problem(node.span, "`cpu` belongs to `work`: who calls waits, and uses no CPU");
        }
        shares.push(if matches!(step, Step::Work(_)) { own.map_or(whole, |(share, _)| share) } else { 1.0 });
    }
    if object.get("cpu").is_some() && !behaviour.steps.iter().any(|step| matches!(step, Step::Work(_))) {
        let message = "`cpu` changes nothing: no step is `work`";
        cx.problems.push(Problem::warning(object.key_span("cpu"), message));
    }
    if shares.iter().all(|share| *share >= 1.0) { Vec::new() } else { shares }
}

/// `cluster.cpu`.
pub(super) fn rules(cx: &mut Context<'_>, cluster: Option<&Object<'_>>) -> CpuRules {
    let usual = CpuRules::USUAL;
    let node = cluster.and_then(|cluster| cluster.get("cpu"));
    let Some(object) = node.and_then(|node| cx.object(node, &tables::CPU)) else { return usual };
    let quota = object.boolean(cx, "quota").unwrap_or(true);
    let period = object.duration(cx, "period");
    let bounds = SimDuration::from_millis(1)..=SimDuration::from_secs(1);
    if period.is_some_and(|period| !bounds.contains(&period)) {
        cx.problem_help(
            object.key_span("period"),
            "the `period` of a quota lies between 1ms and 1s",
            "write for example `period: 100ms`, the kubelet's default",
        );
    }
    if period.is_some() && !quota {
        let message = "`period` changes nothing where no quota holds";
        cx.problems.push(Problem::warning(object.key_span("period"), message));
    }
    let period = if quota { period.or(usual.period) } else { None };
    CpuRules { period, contention: object.boolean(cx, "contention").unwrap_or(false) }
}
