//! `spec.workloads[].containers`: how containers serve requests.

use super::super::context::{Context, Object};
use super::super::discover::Client;
use super::super::process::Process;
use super::super::tables;
use super::super::values::{self, found};
use super::super::{Behaviour, Call, Discipline, Step};
use super::dist::dist;
use super::flow::{Targets, assume_sending, flow};
use super::process;
use crate::random::Dist;
use crate::yaml::{Node, Span};

/// What holds for a container that the scenario does not describe.
pub(super) fn default_behaviour() -> Behaviour {
    Behaviour {
        concurrency: Some(16),
        queue_limit: Some(1_000),
        discipline: Discipline::Fifo,
        queue_timeout: None,
        steps: vec![Step::Work(default_service_time())],
        error_ratio: 0.0,
        holds_slot_while_calling: true,
        process: Process::default(),
    }
}

fn default_service_time() -> Dist {
    Dist::lognormal_mean_cv(0.010, 1.0).expect("mean and cv are above zero")
}

/// A place where a call is written, for messages about cycles.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallSite {
    pub(super) span: Span,
    pub(super) service: usize,
}

/// Reads the behaviour of one container; call sites are added in the order of steps.
pub(super) fn behaviour(
    cx: &mut Context<'_>,
    node: &Node,
    (label, field): (&str, &str),
    client: Client<'_>,
    targets: &Targets<'_>,
    sites: &mut Vec<CallSite>,
) -> Behaviour {
    let mut behaviour = default_behaviour();
    let Some(object) = cx.object(node, &tables::CONTAINER) else { return behaviour };
    match object.count_or(cx, "concurrency", "unlimited") {
        Some(concurrency) => behaviour.concurrency = concurrency,
        None if object.get("concurrency").is_none() => {
            cx.assume(format!("{label}: concurrency"), "16", format!("{field}.concurrency"))
        }
        None => {}
    }
    match object.get("queue") {
        Some(queue) => read_queue(cx, queue, (label, field), &mut behaviour),
        None => cx.assume(format!("{label}: queue"), "1000 fifo", format!("{field}.queue")),
    }
    behaviour.error_ratio = object.ratio(cx, "errorRatio").unwrap_or(0.0);
    behaviour.holds_slot_while_calling = object.boolean(cx, "holdsSlotWhileCalling").unwrap_or(true);
    match (object.get("serviceTime"), object.get("steps")) {
        (Some(_), Some(_)) => cx.problem_help(
            object.key_span("serviceTime"),
            "`serviceTime` is short for `steps` with one `work`: give one of them",
            "move it into the steps: `- work: …`",
        ),
        (Some(time), None) => {
            if let Some(dist) = dist(cx, time, "serviceTime") {
                behaviour.steps = vec![Step::Work(dist)];
            }
        }
        (None, Some(steps)) => {
            let calls = sites.len();
            behaviour.steps = read_steps(cx, steps, field, client, targets, sites);
            if sites.len() > calls && object.get("holdsSlotWhileCalling").is_none() {
                let field = format!("{field}.holdsSlotWhileCalling");
                cx.assume(format!("{label}: holdsSlotWhileCalling"), "true, a thread per request", field);
            }
        }
        (None, None) => {
            cx.assume(format!("{label}: service time"), "lognormal, mean 10ms, cv 1", format!("{field}.serviceTime"))
        }
    }
    behaviour.process = process::process(cx, &object, &behaviour);
    if behaviour.discipline == Discipline::ProcessorSharing && behaviour.concurrency.is_none() {
        cx.problem_help(
            object.key_span("concurrency"),
            "under processor-sharing `concurrency` is the number of cores, which cannot be unlimited",
            "write for example `concurrency: 1`",
        );
    }
    behaviour
}

fn read_queue(cx: &mut Context<'_>, node: &Node, (label, field): (&str, &str), behaviour: &mut Behaviour) {
    let Some(queue) = cx.object(node, &tables::QUEUE) else { return };
    if let Some(limit) = queue.count_or(cx, "limit", "unlimited") {
        behaviour.queue_limit = limit;
    }
    let disciplines =
        [("fifo", Discipline::Fifo), ("lifo", Discipline::Lifo), ("processor-sharing", Discipline::ProcessorSharing)];
    if let Some(discipline) = queue.word(cx, "discipline", &disciplines) {
        behaviour.discipline = discipline;
    }
    behaviour.queue_timeout = queue.get("timeout").and_then(|node| dist(cx, node, "timeout"));
    if behaviour.discipline == Discipline::ProcessorSharing {
        if queue.get("timeout").is_some() {
            let message = "nobody waits under processor-sharing, so `timeout` has no effect: remove it";
            cx.problem(queue.key_span("timeout"), message);
        }
        if queue.get("limit").is_none() {
            behaviour.queue_limit = None;
        }
    } else if queue.get("limit").is_none() {
        cx.assume(format!("{label}: queue limit"), "1000", format!("{field}.queue.limit"));
    }
}

/// More steps than this are a mistake; the model counts them in 16 bits.
const MOST_STEPS: usize = 10_000;

fn read_steps(
    cx: &mut Context<'_>,
    node: &Node,
    field: &str,
    client: Client<'_>,
    targets: &Targets<'_>,
    sites: &mut Vec<CallSite>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let items = cx.list(node, "steps");
    if items.is_empty() && node.as_list().is_some() {
        cx.problem_help(node.span, "`steps` is empty", "write for example [{work: 5ms}]");
    }
    if items.len() > MOST_STEPS {
        let found = items.len();
        cx.problem_help(node.span, format!("{found} steps are too many"), format!("give at most {MOST_STEPS}"));
    }
    for (index, item) in items.iter().enumerate() {
        let Some(object) = cx.object(item, &tables::STEP) else { continue };
        let field = format!("{field}.steps[{index}]");
        let present =
            ["work", "call", "parallel"].into_iter().filter(|key| object.get(key).is_some()).collect::<Vec<_>>();
        match present.as_slice() {
            ["call"] => {
                let call = call(cx, &object, &field, client, targets, sites);
                steps.extend(call.map(|call| Step::Calls(vec![call])));
            }
            [key] => {
                for (extra, _) in object
                    .entries()
                    .iter()
                    .filter(|(entry, _)| entry.name != *key && !matches!((*key, &*entry.name), ("work", "cpu")))
                    .filter(|(entry, _)| tables::STEP.field(&entry.name).is_some())
                {
                    cx.problem(
                        extra.span,
                        format!("`{}` belongs to a call; a step of `{key}` has no such key", extra.name),
                    );
                }
                if *key == "work" {
                    steps.extend(object.get("work").and_then(|node| dist(cx, node, "work")).map(Step::Work));
                } else {
                    steps.extend(parallel(cx, &object, &field, client, targets, sites));
                }
            }
            [] => cx.problem_help(item.span, "a step is `work`, `call` or `parallel`", "write for example {work: 5ms}"),
            [first, second, ..] => cx.problem_help(
                object.key_span(second),
                format!("one step cannot have both `{first}` and `{second}`"),
                "write two steps, one after the other",
            ),
        }
    }
    steps
}

fn parallel(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    field: &str,
    client: Client<'_>,
    targets: &Targets<'_>,
    sites: &mut Vec<CallSite>,
) -> Option<Step> {
    let node = object.get("parallel")?;
    let mut calls = Vec::new();
    let items = cx.list(node, "parallel");
    if items.is_empty() && node.as_list().is_some() {
        cx.problem_help(node.span, "`parallel` is empty", "write for example [{call: \"http://cart/\"}]");
    }
    for (index, item) in items.iter().enumerate() {
        if let Some(object) = cx.object(item, &tables::CALL) {
            calls.extend(call(cx, &object, &format!("{field}.parallel[{index}]"), client, targets, sites));
        }
    }
    (!calls.is_empty()).then_some(Step::Calls(calls))
}

fn call(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    field: &str,
    client: Client<'_>,
    targets: &Targets<'_>,
    sites: &mut Vec<CallSite>,
) -> Option<Call> {
    let to = object.get("call")?;
    let written = values::text(to).map_err(|_| (format!("`call` is a URL, found {}", found(to)), None));
    let written = cx.take(to, "", written)?;
    let name = object.name(cx, "name", &['[', ']', '"']).unwrap_or(written).to_owned();
    let probability = object.ratio(cx, "probability").unwrap_or(1.0);
    assume_sending(cx, object, &format!("call {name}"), field);
    let flow = flow(cx, object, (name, to, client), targets)?;
    sites.push(CallSite { span: to.span, service: flow.service });
    Some(Call { probability, flow })
}
