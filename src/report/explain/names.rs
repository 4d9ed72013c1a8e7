//! The queries of a lookup in a story.

use serde_json::{Value, json};

use crate::discovery::lookup::Answer;
use crate::observe::story::{Asked, Loss, Step};
use crate::time::SimTime;

/// A line for the queries that leave together for one name: when they left, when they were done with, what they say.
pub(super) fn lines(step: &Step, asked: &[Asked]) -> Vec<((SimTime, SimTime), String)> {
    let mut lines = Vec::new();
    let together = |one: &Asked, next: &Asked| one.sent == next.sent && one.name == next.name;
    for group in asked.chunk_by(together) {
        let sent = group[0].sent;
        let next = asked.iter().map(|own| own.sent).find(|own| *own > sent).unwrap_or(step.to);
        let answered = group.iter().map(|own| own.answer.map(|(_, time)| time)).collect::<Option<Vec<SimTime>>>();
        let end = answered.and_then(|times| times.into_iter().max()).map_or(next, |last| last.min(next));
        // Others may have waited for the lookup before this request did.
        let span = (sent.max(step.from), end.max(step.from));
        lines.push((span, text(group, next)));
    }
    lines
}

/// `asks coredns-0 for web.default.svc.cluster.local: A found, AAAA no data`.
fn text(group: &[Asked], next: SimTime) -> String {
    let server = group.iter().find_map(|own| own.server.as_ref());
    let whom = server.map_or_else(String::new, |server| format!(" {server}"));
    let ends: Vec<String> = group.iter().map(|own| end(own, next)).collect();
    let records: Vec<&str> = group.iter().map(|own| own.record.as_str()).collect();
    let ends = if ends.windows(2).all(|pair| pair[0] == pair[1]) {
        format!("{} {}", records.join(" and "), ends[0])
    } else {
        records.iter().zip(ends).map(|(record, end)| format!("{record} {end}")).collect::<Vec<_>>().join(", ")
    };
    format!("asks{whom} for {}: {ends}", group[0].name)
}

/// What came of a query before the next ones were sent.
fn end(asked: &Asked, next: SimTime) -> String {
    let late = asked.answer.is_some_and(|(_, time)| time > next);
    match (asked.answer, asked.lost) {
        (Some((answer, _)), _) => format!("{}{}", word(answer), if late { ", too late" } else { "" }),
        (None, Some(Loss::Race)) => "lost in the race of two queries from one port".to_owned(),
        (None, Some(Loss::Packet)) => "lost".to_owned(),
        (None, Some(Loss::TableFull)) => "dropped by a full table of connections".to_owned(),
        (None, None) => "not answered by then".to_owned(),
    }
}

const fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Address => "found",
        Answer::NoData => "no data",
        Answer::NxDomain => "NXDOMAIN",
        Answer::ServFail => "SERVFAIL",
    }
}

/// The queries for programs.
pub(super) fn value(asked: &[Asked], start: SimTime) -> Value {
    let signed = |time: SimTime| i128::from(time.as_nanos()) - i128::from(start.as_nanos());
    let whole = |time: SimTime| i64::try_from(signed(time)).ok();
    let one = |own: &Asked| {
        json!({
            "name": own.name,
            "record": own.record.as_str(),
            "server": own.server,
            "sent_ns": whole(own.sent),
            "answered_ns": own.answer.and_then(|(_, time)| whole(time)),
            "answer": own.answer.map(|(answer, _)| word(answer)),
            "lost": own.lost.map(|lost| match lost {
                Loss::Packet => "packet",
                Loss::Race => "race",
                Loss::TableFull => "table_full",
            }),
        })
    };
    asked.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::records::RecordType;

    #[test]
    fn what_came_of_queries_is_said_up_to_the_next() {
        let at = SimTime::from_nanos;
        let own = |record, answer| {
            let server = Some("a server outside".to_owned());
            Asked { name: "web".to_owned(), record, server, sent: at(1), lost: None, answer }
        };
        let late = own(RecordType::A, Some((Answer::Address, at(9))));
        let never = own(RecordType::Aaaa, None);
        assert_eq!(
            text(&[late, never], at(5)),
            "asks a server outside for web: A found, too late, AAAA not answered by then"
        );
    }
}
