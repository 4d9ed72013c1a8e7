//! `spec.run` and `spec.observe`.

use super::super::context::{Context, Object};
use super::super::{MAX_INTERVALS, Observe, Run, Window};
use super::super::{tables, values};
use crate::time::SimDuration;
use crate::yaml::Node;

/// Fewest replications of a goal.
pub(super) const FEWEST: u32 = 20;
/// Most replications of a goal.
const MOST: u32 = 1_000;

enum Warmup {
    Time(SimDuration),
    Ratio(f64),
    Auto,
}

/// `spec.run`; absent is all defaults.
pub(super) fn run(cx: &mut Context<'_>, object: Option<&Object<'_>>) -> Run {
    let Some(object) = object else {
        cx.assume("run: duration, warm-up, replications, seed, interval", "5m, 10 %, 5, 1, 1s", "run");
        return Run {
            window: Window::Time { duration: SimDuration::from_secs(300), warmup: SimDuration::from_secs(30) },
            replications: 5,
            until: None,
            seed: 1,
            drain: SimDuration::from_secs(60),
            interval: SimDuration::from_secs(1),
        };
    };
    let replications = replications(cx, object);
    for (key, value) in [("replications", "5"), ("seed", "1"), ("interval", "1s")] {
        if object.get(key).is_none() {
            cx.assume(format!("run: {key}"), value, format!("run.{key}"));
        }
    }
    let run = Run {
        window: window(cx, object),
        replications,
        // Its metric names what is read after this.
        until: None,
        seed: object.count(cx, "seed").unwrap_or(1),
        drain: object.duration(cx, "drain").unwrap_or(SimDuration::from_secs(60)),
        interval: object.positive_duration(cx, "interval").unwrap_or(SimDuration::from_secs(1)),
    };
    check_intervals(cx, object, &run);
    run
}

/// How many; with a goal at most.
fn replications(cx: &mut Context<'_>, object: &Object<'_>) -> u32 {
    let node = object.get("replications");
    if node.is_none_or(|node| node.as_map().is_none()) {
        return object.count32(cx, "replications").unwrap_or(5);
    }
    let Some(goal) = node.and_then(|node| cx.object(node, &tables::REPLICATIONS)) else { return MOST };
    let (min, max) = (goal.count32(cx, "min"), goal.count32(cx, "max"));
    for (key, given, value) in [("min", min, FEWEST), ("max", max, MOST)] {
        if given.is_none() {
            cx.assume(format!("run: {key} replications"), value.to_string(), format!("run.replications.{key}"));
        }
    }
    let (min, max) = (min.unwrap_or(FEWEST), max.unwrap_or(MOST));
    if max < min {
        let key = if goal.get("max").is_some() { "max" } else { "min" };
        let message = format!("at most {max} replications are fewer than at least {min}");
        cx.problem_help(goal.key_span(key), message, format!("`min` is {FEWEST} and `max` is {MOST} where left out"));
    }
    max
}

/// `replications` where it is a goal; its keys were checked when the rest of `run` was read.
pub(super) fn goal<'a>(cx: &mut Context<'_>, run: &Object<'a>) -> Option<Object<'a>> {
    let node = run.get("replications").filter(|node| node.as_map().is_some())?;
    cx.object(node, &tables::REPLICATIONS)
}

fn check_intervals(cx: &mut Context<'_>, object: &Object<'_>, run: &Run) {
    let (Window::Time { duration, .. } | Window::Auto { duration }) = run.window else { return };
    let longest = duration.as_nanos().saturating_add(run.drain.as_nanos());
    if longest / run.interval.as_nanos().max(1) > MAX_INTERVALS {
        let message = format!("{duration} in intervals of {} are more than {MAX_INTERVALS} intervals", run.interval);
        let key = if object.get("interval").is_some() { "interval" } else { "duration" };
        cx.problem_help(object.key_span(key), message, "write a longer `interval`");
    }
}

fn window(cx: &mut Context<'_>, object: &Object<'_>) -> Window {
    let warmup = match object.get("warmup") {
        None => {
            cx.assume("run: warm-up", "10 %", "run.warmup");
            Warmup::Ratio(0.1)
        }
        Some(node) => warmup(cx, node).unwrap_or(Warmup::Ratio(0.1)),
    };
    match object.count(cx, "requests") {
        Some(requests) => {
            if object.get("duration").is_some() {
                cx.problem_help(
                    object.key_span("duration"),
                    "`duration` and `requests` both end the window",
                    "keep one of them",
                );
            }
            by_requests(cx, object, requests, &warmup)
        }
        None => by_time(cx, object, &warmup),
    }
}

fn by_requests(cx: &mut Context<'_>, object: &Object<'_>, requests: u64, warmup: &Warmup) -> Window {
    let skipped = match warmup {
        // A share of at most 10^12 requests is exact in a float; the share is below 1, so the count is too.
        Warmup::Ratio(ratio) => (ratio * requests as f64).floor() as u64,
        Warmup::Time(SimDuration::ZERO) => 0,
        Warmup::Time(_) | Warmup::Auto => {
            cx.problem_help(
                object.key_span("warmup"),
                "with `requests` the warm-up is a share of them",
                "write a ratio such as 10%, or 0",
            );
            0
        }
    };
    Window::Requests { requests, warmup: skipped }
}

fn by_time(cx: &mut Context<'_>, object: &Object<'_>, warmup: &Warmup) -> Window {
    if object.get("duration").is_none() && object.get("requests").is_none() {
        cx.assume("run: duration", "5m", "run.duration");
    }
    let duration = object.positive_duration(cx, "duration").unwrap_or(SimDuration::from_secs(300));
    let warmup = match warmup {
        Warmup::Auto => return Window::Auto { duration },
        Warmup::Time(time) => *time,
        Warmup::Ratio(ratio) => SimDuration::from_secs_f64(duration.as_secs_f64() * ratio).unwrap_or_default(),
    };
    if warmup >= duration {
        cx.problem_help(
            object.key_span("warmup"),
            format!("the warm-up ({warmup}) leaves nothing of the duration ({duration}) to measure"),
            "`duration` includes the warm-up: lengthen it, or shorten `warmup`",
        );
    }
    Window::Time { duration, warmup }
}

fn warmup(cx: &mut Context<'_>, node: &Node) -> Option<Warmup> {
    let text = cx.take(node, "warmup", values::text(node))?;
    if text == "auto" {
        return Some(Warmup::Auto);
    }
    if let Some(ratio) = values::parse_ratio(text) {
        if (0.0..1.0).contains(&ratio) {
            return Some(Warmup::Ratio(ratio));
        }
        cx.problem_help(
            node.span,
            format!("`warmup`: a ratio lies between 0 and 1 (100%), found `{}`", values::shorten(text)),
            "write a ratio such as 10%, a time such as 30s, or auto",
        );
        return None;
    }
    match SimDuration::parse(text) {
        Ok(time) => Some(Warmup::Time(time)),
        Err(message) => {
            cx.problem_help(
                node.span,
                format!("`warmup`: {message}"),
                "write a time such as 30s, a ratio such as 10%, or auto",
            );
            None
        }
    }
}

/// `spec.observe`.
pub(super) fn observe(cx: &mut Context<'_>, node: Option<&Node>) -> Observe {
    let object = node.and_then(|node| cx.object(node, &tables::OBSERVE));
    let object = object.as_ref();
    let mut wants = |key| object.and_then(|object| object.boolean(cx, key)).unwrap_or(false);
    let (endpoint_latency, connections, nodes) = (wants("endpointLatency"), wants("connections"), wants("nodes"));
    let cross_zone_price = object.and_then(|object| object.positive(cx, "crossZonePrice"));
    if let Some(object) = object
        && object.get("crossZonePrice").is_some()
        && !nodes
    {
        cx.problem_help(
            object.key_span("crossZonePrice"),
            "`crossZonePrice` has no effect without `nodes: true`",
            "the cost stands in nodes.csv: write `nodes: true` beside it",
        );
    }
    Observe { endpoint_latency, connections, nodes, cross_zone_price, survey: None }
}
