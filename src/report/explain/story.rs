//! Stories as text and as JSON.

use serde_json::{Value, json};

use super::{apportion, names};
use crate::cause::{FailureCause, LedgerCause};
use crate::observe::story::{Choice, Pick, Step, Story, Try, What};
use crate::report::number::human;
use crate::report::terminal::{Style, count};
use crate::time::{SimDuration, SimTime};

/// Nanoseconds of the last printed digit.
const UNIT: u64 = 1_000;

/// Up to this many options of a choice are all shown.
const MOST_OPTIONS: usize = 8;

/// Of more, JSON has the chosen one and these best.
const BEST_OPTIONS: usize = 16;

/// A request's story with its replication.
#[derive(Debug, Clone)]
pub struct Told {
    /// The replication.
    pub replication: u32,
    /// The story.
    pub story: Story,
}

/// A line of a story: when it began and ended, how deep it stands, what happened.
struct Line {
    span: Option<(SimTime, SimTime)>,
    depth: usize,
    text: String,
}

/// A story as text for people.
#[must_use]
pub fn story_text(told: &Told, style: Style) -> String {
    let story = &told.story;
    let mut text = String::new();
    for (number, part) in wrapped(&title(told), style.width.saturating_sub(2).max(30)).into_iter().enumerate() {
        text.push_str(&format!("{}{}\n", if number == 0 { "" } else { "  " }, style.bold(&part)));
    }
    let mut lines = Vec::new();
    story_lines(story, 0, &mut lines);
    text.push_str("  from, ms   takes\n");
    for line in lines {
        let lead = match line.span {
            Some((from, to)) => {
                let (from, to) = (micros(from, story.arrived), micros(to, story.arrived));
                let takes = if to > from { thousandths(to - from) } else { String::new() };
                format!("{:>10} {takes:>9}", thousandths(from))
            }
            None => " ".repeat(20),
        };
        let indent = 2 + 2 * line.depth;
        let width = style.width.saturating_sub(20 + indent).max(30);
        for (number, part) in wrapped(&line.text, width).into_iter().enumerate() {
            let lead = if number == 0 { lead.clone() } else { " ".repeat(20) };
            let hang = if number == 0 { 0 } else { 2 };
            text.push_str(format!("{lead}{}{part}", " ".repeat(indent + hang)).trim_end());
            text.push('\n');
        }
    }
    if let Some(sum) = sum_line(story) {
        for part in wrapped(&sum, style.width.saturating_sub(4).max(30)) {
            text.push_str(&format!("  {part}\n"));
        }
    }
    text
}

/// Microseconds since `start`, rounded; differences of them add up.
fn micros(time: SimTime, start: SimTime) -> u64 {
    ((time - start).as_nanos() + UNIT / 2) / UNIT
}

/// An instant to the millisecond.
fn seconds(time: SimTime) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn thousandths(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a line");
        let room = width - if last.is_empty() { 0 } else { 1 };
        if !last.is_empty() && last.chars().count() + word.chars().count() > room {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

fn title(told: &Told) -> String {
    let story = &told.story;
    let tries = u32::try_from(story.tries.len()).unwrap_or(u32::MAX);
    let times = if tries > 1 { format!(" after {tries} tries") } else { String::new() };
    let end = match (&story.failure, story.latency()) {
        (_, None) => "not ended when the run was over".to_owned(),
        (None, Some(latency)) => format!("{} ms{times}", human(latency as f64 / 1e6)),
        (Some((cause, place)), Some(latency)) => {
            format!("failed after {} ms{times}: {cause} at {place}", human(latency as f64 / 1e6))
        }
    };
    let warmup = if story.measured { "" } else { ", outside the window" };
    format!(
        "request {} of {} · replication {} · {} on {} · arrived at {}{warmup} · {end}",
        story.number,
        story.name,
        told.replication,
        story.client,
        story.from,
        seconds(story.arrived)
    )
}

fn story_lines(story: &Story, depth: usize, lines: &mut Vec<Line>) {
    for (number, attempt) in (1..).zip(&story.tries) {
        let mut line = |span, text| lines.push(Line { span, depth, text });
        if story.tries.len() > 1 {
            line(None, format!("try {number}"));
        }
        try_lines(attempt, depth, lines);
        let mut line = |span, text| lines.push(Line { span, depth, text });
        if let Some((cause, place)) = &attempt.failure {
            line(Some((attempt.ended, attempt.ended)), format!("failed: {cause} at {place}"));
        }
        if let Some(pause) = attempt.back_off {
            let end = attempt.ended + SimDuration::from_nanos(pause);
            line(Some((attempt.ended, end)), format!("back-off before try {}", number + 1));
        }
    }
}

fn try_lines(attempt: &Try, depth: usize, lines: &mut Vec<Line>) {
    for step in &attempt.steps {
        let span = Some((step.from, step.to));
        let mut line = |span, text| lines.push(Line { span, depth, text });
        match &step.what {
            What::Pick(pick) => {
                line(span, pick_text(pick));
                if pick.options.len() > 1 && pick.options.len() <= MOST_OPTIONS {
                    line(None, options_text(pick));
                }
            }
            What::Resolve { asked, .. } => {
                line(span, step_text(step));
                for (span, text) in names::lines(step, asked) {
                    lines.push(Line { span: Some(span), depth: depth + 1, text });
                }
            }
            What::Calls { calls, last } => calls_lines(step, calls, *last, depth, lines),
            _ => line(span, step_text(step)),
        }
    }
}

fn calls_lines(step: &Step, calls: &[Story], last: Option<usize>, depth: usize, lines: &mut Vec<Line>) {
    let span = Some((step.from, step.to));
    if calls.len() > 1 {
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        let text = format!("calls {} at the same time", names.join(", "));
        lines.push(Line { span, depth, text });
    }
    for (index, call) in calls.iter().enumerate() {
        let ended = call.ended.unwrap_or(step.to);
        let end = match (&call.failure, call.ended) {
            (_, None) => ": nobody waited for it to the end".to_owned(),
            (Some((cause, place)), _) => format!(": failed, {cause} at {place}"),
            (None, _) if calls.len() > 1 && last == Some(index) => ": ended last, so its time counts".to_owned(),
            (None, _) => String::new(),
        };
        let deeper = depth + usize::from(calls.len() > 1);
        let text = format!("call {} to {}{end}", call.name, call.service);
        lines.push(Line { span: Some((call.arrived, ended)), depth: deeper, text });
        story_lines(call, deeper + 1, lines);
    }
}

const fn class_text(class: LedgerCause) -> &'static str {
    match class {
        LedgerCause::NetworkSameNode => "inside a node",
        LedgerCause::NetworkSameZone => "inside a zone",
        LedgerCause::NetworkLoopback => "inside the pod",
        LedgerCause::NetworkCrossZone => "between zones",
        LedgerCause::NetworkExternal => "outside the cluster",
        _ => "the network",
    }
}

fn step_text(step: &Step) -> String {
    match &step.what {
        What::PoolWait { of_proxy: false } => "waits for a connection of the client's pool".to_owned(),
        What::PoolWait { of_proxy: true } => "waits for a connection of the proxy's pool".to_owned(),
        What::Connect { between, class } => format!("opens a connection: {between} ({})", class_text(*class)),
        What::Tls => "TLS handshake".to_owned(),
        What::Syns { between, sent, cause, answered } => syns_text(between.as_deref(), sent, *cause, *answered),
        What::Resolve { host, queries, found, address, .. } => {
            let end = match address {
                Some(address) => format!(" → {address}"),
                None if *found => String::new(),
                None => ": no address".to_owned(),
            };
            format!("resolves {host}: {}{end}", counted_queries(*queries))
        }
        What::Rules { node } => format!("its first packet passes the rules of {node}"),
        What::Translated { text } => text.clone(),
        What::Reuse => "takes an open connection".to_owned(),
        What::Hop { between, class } => format!("{between} ({})", class_text(*class)),
        What::NicWait { node, sends: true } => format!("waits for the network interface of {node} to send"),
        What::NicWait { node, sends: false } => format!("waits for the network interface of {node} to receive"),
        What::Transfer { bytes } => format!("passes the network interfaces: {}", count_bytes(*bytes)),
        What::Handling { proxy, back: false } => format!("handled by {proxy}"),
        What::Handling { proxy, back: true } => format!("reply handled by {proxy}"),
        What::Queue { pod, again: true, .. } => format!("waits at {pod} for a slot after its calls"),
        What::Queue { pod, waiting, busy, slots: Some(cores), shares: true, .. } => {
            format!("reaches {pod}: {} on {}", count(waiting + busy, "request"), count(*cores, "core"))
        }
        What::Queue { pod, waiting, busy, slots, .. } => {
            queue_text(pod, (*waiting, *busy, *slots), step.to > step.from)
        }
        What::Service { pod, sharing: None } => format!("served by {pod}"),
        What::Service { pod, sharing: Some(jobs) } => {
            format!("served by {pod}, {}", company(*jobs))
        }
        What::Kept { pod, by: LedgerCause::ColdStart } => format!("waits until {pod}, which was idle, has started"),
        What::Kept { pod, by: LedgerCause::Stalled } => format!("waits until the process in {pod} goes on"),
        What::Kept { pod, by: LedgerCause::CpuThrottle } => format!("stands still in {pod}, whose CPU quota is spent"),
        What::Kept { pod, .. } => format!("waits in {pod} for a core of its node"),
        What::Failed { cause, place } => format!("turned away: {cause} at {place}"),
        What::Cut { during } => format!("{during}, when the client stopped waiting"),
        What::Pick(pick) => pick_text(pick),
        What::Calls { .. } => "calls".to_owned(),
    }
}

/// SYNs that nobody answered, by the seconds after the first.
fn syns_text(between: Option<&str>, sent: &[SimTime], cause: FailureCause, answered: bool) -> String {
    let Some(first) = sent.first() else { return String::new() };
    let after: Vec<String> = sent.iter().map(|time| human((*time - *first).as_secs_f64())).collect();
    let which = if sent.len() == 1 { "SYN is" } else { "SYNs are" };
    let lost = match cause {
        _ if answered => "dropped until one gets through",
        FailureCause::ConntrackFull | FailureCause::PortExhaustion => "dropped",
        _ => "not answered",
    };
    let why = match cause {
        FailureCause::ConntrackFull => " (the connection-tracking table of a node is full)",
        FailureCause::PortExhaustion => " (no port is free to there)",
        _ => "",
    };
    let between = between.map_or_else(String::new, |between| format!("{between}: "));
    format!("{between}its {which} {lost}{why}, sent after {} s", after.join(", "))
}

/// `64 KiB`, `1500 bytes`.
fn count_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", human(bytes as f64 / *unit as f64)),
        None => format!("{bytes} bytes"),
    }
}

fn counted_queries(queries: u32) -> String {
    if queries == 1 { "1 query".to_owned() } else { format!("{queries} queries") }
}

/// With how many others a request shared the cores.
fn company(jobs: u32) -> String {
    match jobs {
        0 | 1 => "at the start alone".to_owned(),
        jobs => format!("at the start sharing its cores with {}", count(jobs - 1, "other")),
    }
}

fn queue_text(pod: &str, (waiting, busy, slots): (u32, u32, Option<u32>), waited: bool) -> String {
    let busy = match slots {
        Some(slots) => format!("{busy} of {} busy", count(slots, "slot")),
        None => format!("{busy} in service"),
    };
    let does = if waited { "waits at" } else { "reaches" };
    format!("{does} {pod}: {busy}, {waiting} waiting before it")
}

fn milliseconds(nanos: u64) -> String {
    format!("{} ms", human(nanos as f64 / 1e6))
}

fn jobs_text(option: &Choice) -> String {
    let believed = option.believed.map_or_else(String::new, |believed| format!(" (counted {believed})"));
    format!("{}{believed}", option.jobs)
}

fn pick_text(pick: &Pick) -> String {
    let (chooses, when) = if pick.fresh {
        ("chooses", String::new())
    } else if pick.picked == SimTime::ZERO {
        ("chose", " for it before the run".to_owned())
    } else {
        ("chose", format!(" for it at {}", seconds(pick.picked)))
    };
    let Some(chosen) = pick.options.get(pick.chosen) else {
        return format!("{} ({}) {chooses} a pod{when}", pick.by, pick.policy);
    };
    let mut text = format!("{} ({}) {chooses} {}{when}: ", pick.by, pick.policy, chosen.pod);
    if chosen.gone {
        text.push_str("that pod is gone");
        return text;
    }
    text.push_str(&format!("{} in it", jobs_text(chosen)));
    if pick.dropped {
        text.push_str(", no endpoint any more");
    }
    let others = pick.there().count() - 1;
    if others == 0 {
        let only = if pick.fresh { "the only pod" } else { "the only pod now" };
        text.push_str(&if pick.dropped { String::new() } else { format!(", {only}") });
        return text;
    }
    let now = if pick.fresh || pick.dropped { "" } else { " now" };
    match pick.fewer() {
        0 => text.push_str(&format!("{now}, no other has fewer")),
        fewer => {
            let best = pick.there().min_by_key(|option| option.jobs).expect("there are options");
            let best = format!("the fewest are {} in {}", best.jobs, best.pod);
            text.push_str(&format!("{now}, {fewer} of {others} others have fewer ({best})"));
        }
    }
    match pick.regret() {
        None | Some(0) => text.push_str("; nowhere would it be done sooner"),
        Some(regret) => {
            let best = pick.there().min_by_key(|option| option.finish).expect("there are options");
            text.push_str(&format!("; regret {} against {}", milliseconds(regret), best.pod));
        }
    }
    text
}

fn options_text(pick: &Pick) -> String {
    let option = |(index, option): (usize, &Choice)| {
        let name = if index == pick.chosen { format!("[{}]", option.pod) } else { option.pod.clone() };
        if option.gone {
            return format!("{name} gone");
        }
        format!("{name} {}, done in {}", jobs_text(option), milliseconds(option.finish))
    };
    let options: Vec<String> = pick.options.iter().enumerate().map(option).collect();
    options.join(" · ")
}

/// What the parts add up to, as printed.
fn sum_line(story: &Story) -> Option<String> {
    let latency = story.latency()?;
    let mut entries = story.ledger();
    // A stable sort: equal ones stay in the order of the story.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.2));
    let sums: Vec<u128> = entries.iter().map(|entry| u128::from(entry.2)).collect();
    let parts = apportion(&sums, 1, UNIT);
    let texts: Vec<String> = entries
        .iter()
        .zip(parts)
        .map(|((cause, place, _), part)| {
            format!("{} {cause} at {place}", thousandths(u64::try_from(part).unwrap_or(u64::MAX)))
        })
        .collect();
    let total = (latency + UNIT / 2) / UNIT;
    Some(format!("Adds up: {} = {} ms.", texts.join(" + "), thousandths(total)))
}

/// A story for programs; times in nanoseconds since its arrival.
#[must_use]
pub fn story_value(told: &Told) -> Value {
    let mut value = value_of(&told.story, told.story.arrived);
    value["replication"] = json!(told.replication);
    value
}

fn value_of(story: &Story, start: SimTime) -> Value {
    let ledger: Vec<Value> = story
        .ledger()
        .into_iter()
        .map(|(cause, place, nanos)| json!({"cause": cause.as_str(), "where": place, "ns": nanos}))
        .collect();
    json!({
        "name": story.name,
        "is_call": story.is_call,
        "request": story.number,
        "service": story.service,
        "client": story.client,
        "node": story.from,
        "measured": story.measured,
        "arrived_ns": story.arrived.as_nanos(),
        "from_ns": (story.arrived - start).as_nanos(),
        "latency_ns": story.latency(),
        "failure": failure_value(story.failure.as_ref()),
        "ledger": if story.ended.is_some() { Value::Array(ledger) } else { Value::Null },
        "tries": story.tries.iter().map(|attempt| try_value(attempt, start)).collect::<Vec<_>>(),
    })
}

fn failure_value(failure: Option<&(FailureCause, String)>) -> Value {
    failure.map_or(Value::Null, |(cause, place)| json!({"cause": cause.as_str(), "where": place}))
}

fn try_value(attempt: &Try, start: SimTime) -> Value {
    json!({
        "from_ns": (attempt.began - start).as_nanos(),
        "to_ns": (attempt.ended - start).as_nanos(),
        "failure": failure_value(attempt.failure.as_ref()),
        "back_off_ns": attempt.back_off,
        "steps": attempt.steps.iter().map(|step| step_value(step, start)).collect::<Vec<_>>(),
    })
}

fn step_value(step: &Step, start: SimTime) -> Value {
    let entry = step.entry.as_ref();
    let mut value = json!({
        "from_ns": (step.from - start).as_nanos(),
        "to_ns": (step.to - start).as_nanos(),
        "cause": entry.map(|(cause, _)| cause.as_str()),
        "where": entry.map(|(_, place)| place),
    });
    match &step.what {
        What::Calls { calls, last } => {
            value["what"] = json!("calls");
            value["calls"] = calls.iter().map(|call| value_of(call, start)).collect();
            value["last"] = json!(last);
        }
        What::Pick(pick) => {
            value["what"] = json!("pick");
            value["pick"] = pick_value(pick);
        }
        What::Resolve { asked, .. } => {
            value["what"] = json!(step_text(step));
            value["asked"] = names::value(asked, start);
        }
        _ => value["what"] = json!(step_text(step)),
    }
    value
}

fn pick_value(pick: &Pick) -> Value {
    let mut order: Vec<usize> = (0..pick.options.len()).collect();
    order.sort_by_key(|index| (*index != pick.chosen, pick.options[*index].gone, pick.options[*index].finish));
    order.truncate(BEST_OPTIONS + 1);
    let option = |index: usize| {
        let Choice { pod, jobs, believed, finish, gone } = &pick.options[index];
        let finish = (!gone).then_some(finish);
        json!({"pod": pod, "jobs": jobs, "counted": believed, "done_in_ns": finish, "gone": gone})
    };
    json!({
        "by": pick.by,
        "policy": pick.policy,
        "picked_ns": pick.picked.as_nanos(),
        "for_this_try": pick.fresh,
        "pod": pick.options[pick.chosen].pod,
        "endpoints": pick.options.len() - usize::from(pick.dropped),
        "no_endpoint_any_more": pick.dropped,
        "with_fewer": pick.fewer(),
        "regret_ns": pick.regret(),
        "chosen_then_best": order.into_iter().map(option).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_an_older_connection_is_compared_with_what_is_there_now() {
        let choice = |pod: &str, gone| Choice { pod: pod.to_owned(), jobs: 1, believed: None, finish: 5_000_000, gone };
        let mut pick = Pick {
            by: "kube-proxy on a".to_owned(),
            policy: "random".to_owned(),
            picked: SimTime::from_nanos(1_000_000_000),
            fresh: false,
            options: vec![choice("web-0", false), choice("web-3", false)],
            chosen: 1,
            dropped: true,
        };
        let chose = "kube-proxy on a (random) chose web-3 for it at 1.000 s: ";
        assert_eq!(
            pick_text(&pick),
            format!("{chose}1 in it, no endpoint any more, no other has fewer; nowhere would it be done sooner")
        );
        pick.options[1].gone = true;
        assert_eq!(pick_text(&pick), format!("{chose}that pod is gone"));
        pick.options = vec![choice("web-3", false)];
        (pick.chosen, pick.dropped) = (0, false);
        assert_eq!(pick_text(&pick), format!("{chose}1 in it, the only pod now"));
    }
}
