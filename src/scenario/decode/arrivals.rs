//! Arrival processes.

use super::super::context::{Context, Object};
use super::super::tables_random as tables;
use super::super::values;
use super::dist::{count_dist, data, dist, each};
use crate::arrivals::{Spec, TraceColumns};
use crate::random::Dist;
use crate::yaml::Node;

/// The arrival process of a traffic; `clients` multiplies rates given per client.
pub(super) fn arrivals(cx: &mut Context<'_>, node: &Node, clients: u32) -> Option<Spec> {
    let object = cx.object(node, &tables::ARRIVALS)?;
    let known =
        object.entries().iter().filter(|(key, _)| tables::ARRIVALS.field(&key.name).is_some()).collect::<Vec<_>>();
    let (kind, inside) = match known.as_slice() {
        [(key, inside)] => (key.name.as_str(), inside),
        [] => {
            if object.entries().is_empty() {
                let names = tables::ARRIVALS.keys().collect::<Vec<_>>().join(", ");
                cx.problem_help(node.span, "`arrivals` need a process", format!("one of {names}"));
            }
            return None;
        }
        [(first, _), (second, _), ..] => {
            cx.problem_help(
                second.span,
                format!("`arrivals` have two processes, `{}` and `{}`", first.name, second.name),
                "write two traffics",
            );
            return None;
        }
    };
    let spec = match kind {
        "poisson" => {
            let object = cx.object(inside, &tables::RATE)?;
            Spec::poisson(rate(cx, &object, clients)?)
        }
        "constant" => {
            let object = cx.object(inside, &tables::RATE)?;
            Spec::constant(rate(cx, &object, clients)?)
        }
        "renewal" => {
            let object = cx.object(inside, &tables::RENEWAL)?;
            Spec::renewal(dist(cx, object.get("interval")?, "interval")?)
        }
        "profile" => profile(cx, inside, clients)?,
        "day" => day(cx, inside)?,
        "mmpp" => mmpp(cx, inside)?,
        "batches" => {
            let object = cx.object(inside, &tables::BATCHES)?;
            batches(cx, &object, clients)?
        }
        "trace" => trace(cx, inside)?,
        "closed" => {
            let object = cx.object(inside, &tables::CLOSED)?;
            let users = object.count32(cx, "users");
            let think = match object.get("think") {
                Some(node) => dist(cx, node, "think"),
                None => Some(Dist::zero()),
            };
            Spec::closed(users?, think?)
        }
        _ => return None,
    };
    cx.take(inside, "", spec.map_err(|message| (message, None)))
}

/// `rate`, or `ratePerClient` times the number of clients.
fn rate(cx: &mut Context<'_>, object: &Object<'_>, clients: u32) -> Option<f64> {
    total_rate(cx, object, clients, |cx, key| object.rate(cx, key))
}

fn total_rate(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    clients: u32,
    read: impl Fn(&mut Context<'_>, &str) -> Option<f64>,
) -> Option<f64> {
    match (object.get("rate").is_some(), object.get("ratePerClient").is_some()) {
        (true, false) => read(cx, "rate"),
        (false, true) => {
            let total = read(cx, "ratePerClient")? * f64::from(clients);
            if total > 1e9 {
                let message = format!("`ratePerClient` times {clients} clients is more than one request a nanosecond");
                cx.problem(object.key_span("ratePerClient"), message);
                return None;
            }
            Some(total)
        }
        (true, true) => {
            cx.problem(object.key_span("ratePerClient"), "`ratePerClient` stands instead of `rate`: give one of them");
            None
        }
        (false, false) => {
            cx.problem_help(object.span, "`rate` is missing", "write {rate: 800/s}, or {ratePerClient: 4/s}");
            None
        }
    }
}

fn batches(cx: &mut Context<'_>, object: &Object<'_>, clients: u32) -> Option<Result<Spec, String>> {
    let size = |cx: &mut Context<'_>| object.get("size").and_then(|node| count_dist(cx, node, "size"));
    let Some(node) = object.get("interval") else {
        let rate = rate(cx, object, clients);
        let size = size(cx);
        return Some(Spec::batches(rate?, size?));
    };
    if let Some(key) = ["rate", "ratePerClient"].into_iter().find(|key| object.get(key).is_some()) {
        cx.problem(object.key_span(key), format!("`{key}` stands instead of `interval`: give one of them"));
        return None;
    }
    let interval = dist(cx, node, "interval");
    let size = size(cx);
    Some(Spec::spaced_batches(interval?, size?))
}

fn profile(cx: &mut Context<'_>, node: &Node, clients: u32) -> Option<Result<Spec, String>> {
    let mut points = Vec::new();
    let mut whole = node.as_list().is_some();
    for item in cx.list(node, "profile") {
        let point = cx.object(item, &tables::PROFILE_POINT).and_then(|object| {
            let at = object.duration(cx, "at");
            // A rate of zero is a silence, which a profile may have.
            let rate = total_rate(cx, &object, clients, |cx, key| {
                object.get(key).and_then(|node| cx.take(node, key, values::rate(node)))
            });
            Some((at?, rate?))
        });
        match point {
            Some(point) => points.push(point),
            None => whole = false,
        }
    }
    whole.then(|| Spec::profile(points))
}

fn day(cx: &mut Context<'_>, node: &Node) -> Option<Result<Spec, String>> {
    let object = cx.object(node, &tables::DAY)?;
    let mean = object.rate(cx, "mean");
    let amplitude = object.get("amplitude").and_then(|node| {
        let rate = node.as_str().is_some_and(|text| text.contains('/'));
        let value =
            if rate { values::rate(node).map(|rate| rate / mean.unwrap_or(rate)) } else { values::ratio(node, 1.0) };
        let value = value
            .and_then(|share| if share <= 1.0 { Ok(share) } else { Err(("cannot exceed the mean".to_owned(), None)) });
        cx.take(node, "amplitude", value)
    });
    let period = object.positive_duration(cx, "period");
    Some(Spec::day(mean?, amplitude?, period?))
}

fn mmpp(cx: &mut Context<'_>, node: &Node) -> Option<Result<Spec, String>> {
    let object = cx.object(node, &tables::MMPP)?;
    let rates = each(cx, &object, "rates", values::rate);
    let dwell =
        each(cx, &object, "dwell", |node| values::seconds(values::text(node)?).map_err(|message| (message, None)));
    Some(Spec::mmpp(rates?, dwell?))
}

fn trace(cx: &mut Context<'_>, node: &Node) -> Option<Result<Spec, String>> {
    let object = cx.object(node, &tables::TRACE)?;
    let mut column = |key| object.text(cx, key).map(str::to_owned);
    let columns = TraceColumns {
        arrival: column("arrival"),
        service: column("service"),
        client: column("client"),
        size: column("size"),
        path: column("path"),
    };
    let text = data(cx, &object)?;
    Some(cx.trace(&text, columns).map(Spec::Trace))
}
